import { isPublicDomain } from '../values/domain-name.ts'
import type { Ip } from '../values/value.ts'

/**
 * Whether an answer makes a public name point at the host itself or its link: 0/8 (sinkholes), 127/8, 169.254/16, ::, ::1, fe80::/10.
 * Believing it would let whoever owns the name lend it to the host's own services (DNS rebinding). `name` is canonical, `ip` unmapped.
 * Private addresses (10/8, …) are believed: split horizons are ordinary.
 */
export function isSuspectAnswer(name: string, ip: Ip): boolean {
  return isHostOrLink(ip) && isPublicDomain(name)
}

function isHostOrLink(ip: Ip): boolean {
  if (typeof ip === 'number') {
    const net = ip >>> 24
    return net === 0 || net === 127 || ip >>> 16 === 0xa9fe
  }
  if (ip.charCodeAt(0) === 0xfe) return (ip.charCodeAt(1) & 0xc0) === 0x80
  return ip.startsWith(FIFTEEN_ZEROS) && ip.charCodeAt(15) <= 1
}

const FIFTEEN_ZEROS: string = '\0'.repeat(15)
