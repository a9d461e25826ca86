import { parseIpv4, parseIpv6 } from './ip.ts'
import type { Ip, Net } from './value.ts'

/**
 * A CIDR block as Falco reads it: a slash is needed, text with a dot is IPv4, host bits are cut off. `/0` is refused for IPv6, as by
 * Falco (`ipv6net::init`).
 */
export function parseNet(text: string): Net | undefined {
  const slashAt = text.indexOf('/')
  if (slashAt < 0) return undefined
  const ipText = text.slice(0, slashAt)
  const prefixText = text.slice(slashAt + 1)
  if (!/^\d{1,9}$/.test(prefixText)) return undefined
  const prefix = Number(prefixText)
  if (text.includes('.')) {
    const ip = parseIpv4(ipText)
    return ip === undefined || prefix > 32 ? undefined : { base: maskIp(ip, prefix), prefix }
  }
  const ip = parseIpv6(ipText)
  return ip === undefined || prefix < 1 || prefix > 128 ? undefined : { base: maskIp(ip, prefix), prefix }
}

/** The address with all bits after the first `prefix` cleared; `prefix` within the family's width. */
export function maskIp(ip: Ip, prefix: number): Ip {
  if (typeof ip === 'number') return prefix === 0 ? 0 : (ip & (-1 << (32 - prefix))) >>> 0
  const whole = prefix >> 3
  const rest = prefix & 7
  if (whole === 16) return ip
  const partial = rest === 0 ? 0 : ip.charCodeAt(whole) & (0xff00 >> rest) & 0xff
  return ip.slice(0, whole) + String.fromCharCode(partial) + '\0'.repeat(15 - whole)
}

/** Whether the block holds the address; never across families. Allocates nothing. */
export function netContains(net: Net, ip: Ip): boolean {
  const base = net.base
  if (typeof base === 'number') {
    if (typeof ip !== 'number') return false
    return net.prefix === 0 || (ip ^ base) >>> (32 - net.prefix) === 0
  }
  if (typeof ip !== 'string') return false
  const whole = net.prefix >> 3
  for (let i = 0; i < whole; i++) if (ip.charCodeAt(i) !== base.charCodeAt(i)) return false
  const rest = net.prefix & 7
  return rest === 0 || (ip.charCodeAt(whole) ^ base.charCodeAt(whole)) >>> (8 - rest) === 0
}
