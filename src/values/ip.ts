import type { Ip } from './value.ts'

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
const MAPPED_PREFIX = '\0\0\0\0\0\0\0\0\0\0\xff\xff'

/** Dotted quad as `inet_pton(AF_INET)` reads it: four decimal bytes, no leading zeros. */
export function parseIpv4(text: string): number | undefined {
  const m = IPV4.exec(text)
  if (m === null) return undefined
  let ip = 0
  for (let i = 1; i <= 4; i++) {
    const part = m[i] as string
    const n = Number(part)
    if (n > 255 || (part.length > 1 && part.startsWith('0'))) return undefined
    ip = ip * 256 + n
  }
  return ip
}

/** IPv6 text as `inet_pton(AF_INET6)` reads it, a dotted quad in the last 32 bits included; no zone, no brackets. */
export function parseIpv6(text: string): string | undefined {
  if (text.length < 2 || text.length > 45) return undefined
  const gapAt = text.indexOf('::')
  if (gapAt < 0) {
    const words = parseWords(text, true)
    return words?.length === 8 ? packWords(words) : undefined
  }
  if (text.indexOf('::', gapAt + 1) >= 0) return undefined
  const head = gapAt === 0 ? [] : parseWords(text.slice(0, gapAt), false)
  const tailText = text.slice(gapAt + 2)
  const tail = tailText === '' ? [] : parseWords(tailText, true)
  if (head === undefined || tail === undefined || head.length + tail.length > 7) return undefined
  while (head.length + tail.length < 8) head.push(0)
  return packWords(head.concat(tail))
}

function parseWords(text: string, mayEndInIpv4: boolean): number[] | undefined {
  const parts = text.split(':')
  const words: number[] = []
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as string
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      words.push(Number.parseInt(part, 16))
    } else {
      const ipv4 = mayEndInIpv4 && i === parts.length - 1 ? parseIpv4(part) : undefined
      if (ipv4 === undefined) return undefined
      words.push(ipv4 >>> 16, ipv4 & 0xffff)
    }
  }
  return words
}

function packWords(words: readonly number[]): string {
  let bytes = ''
  for (const word of words) bytes += String.fromCharCode(word >>> 8, word & 0xff)
  return bytes
}

/** Any address: text with a dot and no colon is IPv4, all else IPv6. `::ffff:a.b.c.d` gives an IPv6 address; see `unmapIp`. */
export function parseIp(text: string): Ip | undefined {
  return text.includes('.') && !text.includes(':') ? parseIpv4(text) : parseIpv6(text)
}

/** An address as Falco reads it in a condition: any text with a dot is IPv4, so that `::ffff:1.2.3.4` is refused. */
export function parseRuleIp(text: string): Ip | undefined {
  return text.includes('.') ? parseIpv4(text) : parseIpv6(text)
}

/** Text as `inet_ntop` prints it: lower case, the first longest run of two or more zero words cut, a mapped address dotted. */
export function renderIp(ip: Ip): string {
  if (typeof ip === 'number') return `${ip >>> 24}.${(ip >>> 16) & 0xff}.${(ip >>> 8) & 0xff}.${ip & 0xff}`
  let gapAt = -1
  let gapLength = 1
  for (let i = 0; i < 8; i++) {
    let n = 0
    while (i + n < 8 && wordAt(ip, i + n) === 0) n++
    if (n > gapLength) {
      gapAt = i
      gapLength = n
    }
    i += n
  }
  let text = ''
  for (let i = 0; i < 8; i++) {
    if (i === gapAt) {
      text += '::'
      i += gapLength - 1
      continue
    }
    if (i > 0 && !text.endsWith(':')) text += ':'
    // Compatible (::a.b.c.d) and mapped (::ffff:a.b.c.d) addresses end in a dotted quad.
    if (i === 6 && gapAt === 0 && (gapLength === 6 || (gapLength === 5 && wordAt(ip, 5) === 0xffff))) {
      return text + renderIp(lastQuad(ip))
    }
    text += wordAt(ip, i).toString(16)
  }
  return text
}

function wordAt(ip: string, i: number): number {
  return (ip.charCodeAt(2 * i) << 8) | ip.charCodeAt(2 * i + 1)
}

function lastQuad(ip: string): number {
  return wordAt(ip, 6) * 0x10000 + wordAt(ip, 7)
}

declare const key: unique symbol
/** An address as the key of a map. */
export type IpKey = Ip & { readonly [key]: true }

/** Other for other addresses. Numbers beyond 31 bits, which half of all IPv4 addresses are, are slow keys: each is an object of its own. */
export function ipKey(ip: Ip): IpKey {
  return (typeof ip === 'number' ? ip | 0 : ip) as IpKey
}

/** The IPv4 address inside `::ffff:a.b.c.d`; any other address unchanged. */
export function unmapIp(ip: Ip): Ip {
  return typeof ip === 'string' && ip.startsWith(MAPPED_PREFIX) ? lastQuad(ip) : ip
}
