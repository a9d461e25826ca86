/**
 * Socket addresses as people write them: `10.0.0.1:80`, `[::1]:80`, `unix:/run/x`; tuples with `->` between source and destination, and
 * for unix sockets `unix:SOURCE->DEST PATH` with the kernel's addresses in hexadecimal, as Falco prints them.
 */
import { parseIpv4, parseIpv6, renderIp } from '../../values/ip.ts'
import { toByteText } from '../../values/text.ts'
import type { ByteText, Ip } from '../../values/value.ts'
import type { ByteWriter } from '../byte-writer.ts'
import { Family, type SockAddress, type SockTuple } from '../decode-record.ts'
import { textToJson } from './json-values.ts'

const UNIX = 'unix:'

interface Endpoint {
  readonly ip: Ip
  readonly port: number
}

/** `address:port`; the brackets of IPv6 may be left out, for the port is always there. */
function parseEndpoint(text: string): Endpoint | undefined {
  const colon = text.lastIndexOf(':')
  if (colon < 0) return undefined
  const digits = text.slice(colon + 1)
  if (!/^\d{1,5}$/.test(digits)) return undefined
  const port = Number(digits)
  if (port > 0xffff) return undefined
  const address = text.slice(0, colon)
  const isBracketed = address.startsWith('[') && address.endsWith(']')
  const ip = isBracketed ? parseIpv6(address.slice(1, -1)) : (parseIpv4(address) ?? parseIpv6(address))
  return ip === undefined ? undefined : { ip, port }
}

function renderEndpoint(ip: Ip, port: number): string {
  return typeof ip === 'number' ? `${renderIp(ip)}:${port}` : `[${renderIp(ip)}]:${port}`
}

function writeEndpoint(w: ByteWriter, endpoint: Endpoint): void {
  if (typeof endpoint.ip === 'number') w.ipv4(endpoint.ip)
  else w.ipv6(endpoint.ip)
  w.u16(endpoint.port)
}

function writePath(w: ByteWriter, path: string): void {
  w.text(toByteText(path))
  w.u8(0)
}

function pathText(path: ByteText): string | undefined {
  const json = textToJson(path)
  return typeof json === 'string' ? json : undefined
}

/** The address as text; undefined when it has no text form. */
export function renderSockaddr(address: SockAddress): string | undefined {
  if (address.family === Family.unix) {
    const path = pathText(address.path)
    return path === undefined ? undefined : UNIX + path
  }
  return address.ip === undefined ? undefined : renderEndpoint(address.ip, address.port)
}

/** Writes the address that `text` names as a SOCKADDR parameter; false when it names none. */
export function writeSockaddr(w: ByteWriter, text: string): boolean {
  if (text.startsWith(UNIX)) {
    w.u8(Family.unix)
    writePath(w, text.slice(UNIX.length))
    return true
  }
  const endpoint = parseEndpoint(text)
  if (endpoint === undefined) return false
  w.u8(typeof endpoint.ip === 'number' ? Family.inet : Family.inet6)
  writeEndpoint(w, endpoint)
  return true
}

/** The tuple as text; undefined when it has no text form. */
export function renderSocktuple(tuple: SockTuple): string | undefined {
  if (tuple.family === Family.unix) {
    const path = pathText(tuple.path)
    if (path === undefined) return undefined
    return `${UNIX}${tuple.unixSource.toString(16)}->${tuple.unixDest.toString(16)} ${path}`
  }
  if (tuple.sip === undefined || tuple.dip === undefined) return undefined
  return `${renderEndpoint(tuple.sip, tuple.sport)}->${renderEndpoint(tuple.dip, tuple.dport)}`
}

const UNIX_TUPLE = /^unix:([0-9a-f]{1,16})->([0-9a-f]{1,16}) (.*)$/is

/** Writes the tuple that `text` names as a SOCKTUPLE parameter; false when it names none. */
export function writeSocktuple(w: ByteWriter, text: string): boolean {
  const unix = UNIX_TUPLE.exec(text)
  if (unix !== null) {
    w.u8(Family.unix)
    w.u64(BigInt(`0x${unix[1]}`))
    w.u64(BigInt(`0x${unix[2]}`))
    writePath(w, unix[3] ?? '')
    return true
  }
  const arrow = text.indexOf('->')
  if (arrow < 0) return false
  const source = parseEndpoint(text.slice(0, arrow))
  const dest = parseEndpoint(text.slice(arrow + 2))
  if (source === undefined || dest === undefined || typeof source.ip !== typeof dest.ip) return false
  w.u8(typeof source.ip === 'number' ? Family.inet : Family.inet6)
  writeEndpoint(w, source)
  writeEndpoint(w, dest)
  return true
}
