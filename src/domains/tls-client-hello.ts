/**
 * The server name in the first message of a TLS client (RFC 8446 §4.1.2, RFC 6066 §3), which may be cut into several records and the
 * records into several segments. Nothing throws, whatever the bytes.
 */
import type { ByteText } from '../values/value.ts'
import { readNameText } from './dns-message.ts'

export interface ClientHello {
  /** As the client wrote it; undefined when it names no server. */
  readonly serverName: ByteText | undefined
  /** It has an encrypted ClientHello (RFC 9849) or feigns one: the name may only be the outer one, of whoever hosts the server. */
  readonly hasEch: boolean
}

/** `more`: the bytes end before it is known. `none`: this is no ClientHello. */
export type HelloResult = ClientHello | 'more' | 'none'

const RECORD_HEADER = 5
const HANDSHAKE = 22
const CLIENT_HELLO = 1
const MAX_RECORD = 16_384
/** Post-quantum key shares make it 1.7 KB, several of them more; beyond this nobody means it. */
export const MAX_HELLO_BYTES = 16_384
const MAX_RECORDS = 64
const EXT_SERVER_NAME = 0
const EXT_ECH = 0xfe0d

/** Reads the beginning of what a client sent, `bytes[at, end)`. */
export function readClientHello(bytes: Buffer, at: number, end: number): HelloResult {
  // The handshake goes through the records as if they were not there.
  let body: Buffer | undefined
  for (let i = 0; i < MAX_RECORDS; i++) {
    for (let k = 0; k < RECORD_HEADER && at + k < end; k++) if (!isRecordByte(bytes[at + k]!, k)) return 'none'
    if (at + RECORD_HEADER > end) return 'more'
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!
    if (length === 0 || length > MAX_RECORD) return 'none'
    const from = at + RECORD_HEADER
    const to = Math.min(from + length, end)
    if (body === undefined) {
      const result = readHandshake(bytes, from, to)
      if (result !== 'more' || to < from + length) return result
      body = bytes.subarray(from, to)
    } else {
      body = Buffer.concat([body, bytes.subarray(from, to)])
      const result = readHandshake(body, 0, body.length)
      if (result !== 'more' || to < from + length) return result
    }
    at = to
  }
  return 'none'
}

/** How many bytes there must be before a ClientHello that goes on behind `bytes[0, end)` can be told more of: a whole record, or its header. */
export function nextRecordEnd(bytes: Buffer, end: number): number {
  let at = 0
  while (at + RECORD_HEADER <= end) at += RECORD_HEADER + ((bytes[at + 3]! << 8) | bytes[at + 4]!)
  return at > end ? at : at + RECORD_HEADER
}

/** Whether `byte` may be at place `k` of a record's header: handshake, version 3.x, a length of at most 16 KB. */
function isRecordByte(byte: number, k: number): boolean {
  switch (k) {
    case 0:
      return byte === HANDSHAKE
    case 1:
      return byte === 3
    case 2:
      return byte <= 4
    case 3:
      return byte <= MAX_RECORD >>> 8
    default:
      return true
  }
}

/** Reads the message itself, without records, as QUIC has it: what there is of it is `bytes[at, end)`. */
export function readHandshake(bytes: Buffer, at: number, end: number): HelloResult {
  if (at < end && bytes[at] !== CLIENT_HELLO) return 'none'
  if (at + 4 > end) return 'more'
  const length = (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  if (length > MAX_HELLO_BYTES) return 'none'
  const helloEnd = at + 4 + length
  // Version and random number; then session id, cipher suites and compression methods, each after its length.
  let i = at + 4 + 34
  for (let k = 0; k < 3; k++) {
    const width = k === 1 ? 2 : 1
    if (i + width > helloEnd) return 'none'
    if (i + width > end) return 'more'
    i += width + (width === 1 ? bytes[i]! : (bytes[i]! << 8) | bytes[i + 1]!)
  }
  // Clients without extensions name no server.
  if (i === helloEnd) return { serverName: undefined, hasEch: false }
  if (i + 2 > helloEnd) return 'none'
  return readExtensions(bytes, i + 2, helloEnd, end)
}

function readExtensions(bytes: Buffer, at: number, helloEnd: number, end: number): HelloResult {
  let serverName: ByteText | undefined
  let hasEch = false
  while (at < helloEnd) {
    if (at + 4 > helloEnd) return 'none'
    if (at + 4 > end) return 'more'
    const type = (bytes[at]! << 8) | bytes[at + 1]!
    const dataAt = at + 4
    at = dataAt + ((bytes[at + 2]! << 8) | bytes[at + 3]!)
    if (at > helloEnd) return 'none'
    if (type === EXT_ECH) hasEch = true
    if (type !== EXT_SERVER_NAME) continue
    if (at > end) return 'more'
    // A list of one: its length, type 0 (host_name), the name's length.
    const nameLength = (bytes[dataAt + 3]! << 8) | bytes[dataAt + 4]!
    if (dataAt + 5 > at || bytes[dataAt + 2] !== 0 || dataAt + 5 + nameLength > at) return 'none'
    serverName = readNameText(bytes, dataAt + 5, dataAt + 5 + nameLength)
  }
  return { serverName, hasEch }
}
