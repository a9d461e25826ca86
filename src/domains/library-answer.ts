/**
 * What the C library told a program that asked it for the addresses of a name (`getaddrinfo`): from DNS, a cache such as nscd or
 * systemd-resolved, a hosts file, whatever the machine is set up to ask. The probe reads it where the function returns. Layout: a byte
 * with the number of addresses, each a byte 4 or 6 and the address, then the name. Nothing throws, whatever the bytes.
 */
import { readIpv4, readIpv6 } from '../events/decode-record.ts'
import type { EventRecord } from '../events/event-record.ts'
import { unmapIp } from '../values/ip.ts'
import type { ByteText, Ip } from '../values/value.ts'

export interface LibraryAnswer {
  /** As the program wrote it. */
  readonly name: ByteText
  /** Each once, in order. */
  readonly ips: readonly Ip[]
}

const DATA_PARAM = 2

/** Undefined where the bytes are none. */
export function readLibraryAnswer(record: EventRecord): LibraryAnswer | undefined {
  if (record.paramCount <= DATA_PARAM) return undefined
  const { bytes, view } = record
  let at = record.paramAt[DATA_PARAM]!
  const end = at + record.paramLen[DATA_PARAM]!
  if (at >= end) return undefined
  const count = bytes[at++]!
  const ips = new Set<Ip>()
  for (let i = 0; i < count; i++) {
    const size = bytes[at] === 4 ? 4 : bytes[at] === 6 ? 16 : 0
    if (size === 0 || at + 1 + size > end) return undefined
    ips.add(size === 4 ? readIpv4(view, at + 1) : unmapIp(readIpv6(bytes, at + 1)))
    at += 1 + size
  }
  const name = bytes.latin1Slice(at, end).replace(/\0.*/s, '')
  return name === '' ? undefined : { name, ips: [...ips] }
}
