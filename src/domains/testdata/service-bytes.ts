// What name services of the machine and their clients say, for tests.

function i32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeInt32LE(value, 4 * i)
  return bytes
}

const withNul = (text: string): Buffer => Buffer.from(`${text}\0`, 'latin1')

export const NscdType = { getpwbyname: 0, gethostbyname: 4, gethostbynamev6: 5, getfdhst: 13, getai: 14 } as const

export function nscdRequest(type: number, key: string): Buffer {
  const bytes = withNul(key)
  return Buffer.concat([i32(2, type, bytes.length), bytes])
}

export interface NscdAddress {
  readonly family: 2 | 10
  readonly bytes: readonly number[]
}

export const v4 = (...bytes: readonly number[]): NscdAddress => ({ family: 2, bytes })
export const v6 = (last: number): NscdAddress => ({
  family: 10,
  bytes: [0x20, 1, 0xd, 0xb8, ...Array.from({ length: 11 }, () => 0), last],
})

/** A reply to GETAI. */
export function nscdAddresses(name: string, addresses: readonly NscdAddress[]): Buffer {
  const bytes = Buffer.from(addresses.flatMap(address => address.bytes))
  const canonical = name === '' ? Buffer.alloc(0) : withNul(name)
  const head = i32(2, 1, addresses.length, bytes.length, canonical.length, 0)
  return Buffer.concat([head, bytes, Buffer.from(addresses.map(address => address.family)), canonical])
}

/** A reply to GETHOSTBYNAME. */
export function nscdHost(name: string, aliases: readonly string[], addresses: readonly NscdAddress[]): Buffer {
  const [first] = addresses
  const family = first?.family ?? 2
  const texts = aliases.map(withNul)
  return Buffer.concat([
    i32(2, 1, name.length + 1, aliases.length, family, first?.bytes.length ?? 4, addresses.length, 0),
    withNul(name),
    i32(...texts.map(text => text.length)),
    Buffer.from(addresses.flatMap(address => address.bytes)),
    ...texts,
  ])
}

export const nscdNotFound: Buffer = i32(2, 0, 0, 0, 0, 1)

export function varlinkCall(name: string, more: object = {}): Buffer {
  return withNul(JSON.stringify({ method: 'io.systemd.Resolve.ResolveHostname', parameters: { name, flags: 0 }, ...more }))
}

export function varlinkReply(name: string, addresses: readonly NscdAddress[], more: object = {}): Buffer {
  const list = addresses.map(({ family, bytes }) => ({ ifindex: 2, family, address: bytes }))
  return withNul(JSON.stringify({ parameters: { addresses: list, name, flags: 1048577 }, ...more }))
}
