/** What a name service of this machine says of a name, whatever it speaks. */
import { readIpv4, readIpv6 } from '../events/decode-record.ts'
import { unmapIp } from '../values/ip.ts'
import type { ByteText, Ip } from '../values/value.ts'

export interface ServiceAnswer {
  /** Where the aliases of the name lead; undefined when it is not said. */
  readonly canonicalName: ByteText | undefined
  /** Each once, in order. */
  readonly ips: readonly Ip[]
}

/** An address in the order of the network; undefined where these are not as many bytes as one has. */
export function readAddress(bytes: Buffer, at: number, length: number): Ip | undefined {
  if (at < 0 || at + length > bytes.length) return undefined
  if (length === 4) return readIpv4(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at)
  return length === 16 ? unmapIp(readIpv6(bytes, at)) : undefined
}
