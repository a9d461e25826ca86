import { renderIp } from './ip.ts'
import type { ByteText, Ip } from './value.ts'

const ZERO_10 = '\0'.repeat(10)

/**
 * Whether an IPv6 address stands for an IPv4 one the way Falco sees it: `::ffff:a.b.c.d`, and also the all-zero address
 * (libsinsp `is_ipv4_mapped_ipv6`).
 */
export function countsAsIpv4(ip: Ip): boolean {
  if (typeof ip === 'number') return true
  if (!ip.startsWith(ZERO_10)) return false
  const word = (ip.charCodeAt(10) << 8) | ip.charCodeAt(11)
  return word === 0xffff || (word === 0 && lastQuad(ip) === 0)
}

/** The last four bytes of an IPv6 address as an IPv4 address. */
export function lastQuad(ip: string): number {
  return ((ip.charCodeAt(12) << 24) | (ip.charCodeAt(13) << 16) | (ip.charCodeAt(14) << 8) | ip.charCodeAt(15)) >>> 0
}

/** `address:port`, IPv6 without brackets; an address that counts as IPv4 is printed dotted. */
export function endpointText(ip: Ip, port: number): string {
  return `${renderIp(ip)}:${port}`
}

/** `a:p->b:q`; IPv6 is printed as IPv4 only when both ends count as IPv4. */
export function tupleText(sip: Ip, sport: number, dip: Ip, dport: number): string {
  if (typeof sip === 'string' && typeof dip === 'string' && countsAsIpv4(sip) && countsAsIpv4(dip)) {
    return `${endpointText(lastQuad(sip), sport)}->${endpointText(lastQuad(dip), dport)}`
  }
  return `${endpointText(sip, sport)}->${endpointText(dip, dport)}`
}

/** The text of a unix socket: kernel addresses in hexadecimal, and the path without unprintable bytes. */
export function unixText(source: number | bigint, dest: number | bigint, path: ByteText): string {
  return `${source.toString(16)}->${dest.toString(16)} ${printable(path)}`
}

const UNPRINTABLE = /[^\x20-\x7e]/g

/** The text without the bytes that C's `isprint` refuses. */
export function printable(text: ByteText): ByteText {
  return text.replace(UNPRINTABLE, '')
}
