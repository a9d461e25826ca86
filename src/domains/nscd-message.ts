/**
 * What a program asks nscd and is told (glibc's `nscd/nscd-client.h`; unscd and nsncd speak the same): numbers of 32 bits in the order of
 * the machine, one request and one reply for each connection. Nothing throws, whatever the bytes.
 */
import type { ByteText, Ip } from '../values/value.ts'
import { MAX_ADDRESSES_PER_ANSWER } from './binding.ts'
import { readAddress, type ServiceAnswer } from './service-answer.ts'

/** A question for the addresses of a name: `getaddrinfo`, or `gethostbyname` and its kin, whose replies differ. */
export interface NscdRequest {
  readonly kind: 'getaddrinfo' | 'gethostbyname'
  readonly name: ByteText
}

const VERSION = 2
const GETHOSTBYNAME = 4
const GETHOSTBYNAME_V6 = 5
const GETAI = 14
const REQUEST_HEADER = 12
const HOST_HEADER = 32
const GETAI_HEADER = 24
/** What DNS allows, its NUL, and room for search lists. */
const MAX_NAME = 1024
const FOUND = 1

/** Reads `bytes[0, end)`. `more`: it is not over. `none`: it asks for something else. */
export function readNscdRequest(bytes: Buffer, end: number): NscdRequest | 'more' | 'none' {
  if (end < REQUEST_HEADER) return 'more'
  const type = bytes.readInt32LE(4)
  const length = bytes.readInt32LE(8)
  const isHost = type === GETHOSTBYNAME || type === GETHOSTBYNAME_V6
  if (bytes.readInt32LE(0) !== VERSION || !(isHost || type === GETAI)) return 'none'
  if (length < 2 || length > MAX_NAME) return 'none'
  if (end < REQUEST_HEADER + length) return 'more'
  const name = textBefore(bytes, REQUEST_HEADER, length)
  if (name === undefined) return 'none'
  return { kind: isHost ? 'gethostbyname' : 'getaddrinfo', name }
}

/** Reads the reply to a request of this kind, as far as `bytes[0, end)` has it. `none`: there is no such name, or no reply is like this. */
export function readNscdReply(kind: NscdRequest['kind'], bytes: Buffer, end: number): ServiceAnswer | 'more' | 'none' {
  const header = kind === 'getaddrinfo' ? GETAI_HEADER : HOST_HEADER
  if (end < 8) return 'more'
  if (bytes.readInt32LE(0) !== VERSION || bytes.readInt32LE(4) !== FOUND) return 'none'
  if (end < header) return 'more'
  return kind === 'getaddrinfo' ? readAddresses(bytes, end) : readHost(bytes, end)
}

/** Addresses of both families one behind the other, then the family of each as a byte, then the canonical name. */
function readAddresses(bytes: Buffer, end: number): ServiceAnswer | 'more' | 'none' {
  const [count, size, nameLength] = [8, 12, 16].map(at => bytes.readInt32LE(at)) as [number, number, number]
  if (count < 1 || count > MAX_ADDRESSES_PER_ANSWER || size < 4 * count || size > 16 * count) return 'none'
  if (nameLength < 0 || nameLength > MAX_NAME) return 'none'
  const familyAt = GETAI_HEADER + size
  const nameAt = familyAt + count
  if (end < nameAt + nameLength) return 'more'
  const ips = new Set<Ip>()
  let at = GETAI_HEADER
  for (let i = 0; i < count; i++) {
    const length = lengthOf(bytes[familyAt + i]!)
    const ip = at + length <= familyAt ? readAddress(bytes, at, length) : undefined
    if (ip === undefined) return 'none'
    ips.add(ip)
    at += length
  }
  return { ips: [...ips], canonicalName: textBefore(bytes, nameAt, nameLength) }
}

/** The canonical name, the lengths of its aliases, the addresses of one family, the aliases. */
function readHost(bytes: Buffer, end: number): ServiceAnswer | 'more' | 'none' {
  const [nameLength, aliases, family] = [8, 12, 16].map(at => bytes.readInt32LE(at)) as [number, number, number]
  const length = bytes.readInt32LE(20)
  const count = bytes.readInt32LE(24)
  if (nameLength < 0 || nameLength > MAX_NAME || aliases < 0 || aliases > MAX_NAME) return 'none'
  if (count < 1 || count > MAX_ADDRESSES_PER_ANSWER || length !== lengthOf(family)) return 'none'
  const from = HOST_HEADER + nameLength + 4 * aliases
  if (end < from + count * length) return 'more'
  const ips = new Set<Ip>()
  for (let i = 0; i < count; i++) {
    const ip = readAddress(bytes, from + i * length, length)
    if (ip === undefined) return 'none'
    ips.add(ip)
  }
  return { ips: [...ips], canonicalName: textBefore(bytes, HOST_HEADER, nameLength) }
}

/** Bytes of an address of the family; 0 of one that has no names. */
function lengthOf(family: number): number {
  if (family === 2) return 4
  return family === 10 ? 16 : 0
}

/** The text in `length` bytes, the last of which is its NUL; undefined where it is none, or empty. */
function textBefore(bytes: Buffer, at: number, length: number): ByteText | undefined {
  if (length < 2 || bytes.indexOf(0, at) !== at + length - 1) return undefined
  return bytes.latin1Slice(at, at + length - 1)
}
