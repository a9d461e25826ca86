/**
 * The first packets of a QUIC client (RFC 9000 §17.2.2): the ClientHello is in them, in CRYPTO frames. Their keys come from the packet itself
 * (RFC 9001 §5.2), so they keep nothing from who listens; they only show that the packet is one. Nothing throws, whatever the bytes.
 */
import type * as Crypto from 'node:crypto'

/** A piece of the handshake, and where in it it belongs. */
export interface CryptoPiece {
  readonly offset: number
  readonly bytes: Buffer
}

export interface InitialPacket {
  /** What the client calls the server until that has called itself otherwise: the same in all packets of one ClientHello. */
  readonly connectionId: string
  readonly pieces: readonly CryptoPiece[]
  /** Where the packet ends: another one may follow in the same datagram. */
  readonly end: number
}

/** `cut`: its bytes are not all there. `none`: it is no client's first packet of a known version. */
export type InitialResult = InitialPacket | 'cut' | 'none'

/** What differs between versions: the salt (RFC 9001 §5.2, RFC 9369 §3.3.1), the labels of the keys, and the type of these packets. */
export interface QuicVersion {
  readonly number: number
  /** The first byte of the packet, without what is protected. */
  readonly firstByte: number
  readonly salt: Buffer
  readonly key: Buffer
  readonly iv: Buffer
  readonly headerKey: Buffer
}

export const VERSION_1: QuicVersion = {
  number: 1,
  firstByte: 0xc0,
  salt: Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex'),
  key: label('quic key', 16),
  iv: label('quic iv', 12),
  headerKey: label('quic hp', 16),
}
export const VERSION_2: QuicVersion = {
  number: 0x6b3343cf,
  firstByte: 0xd0,
  salt: Buffer.from('0dede3def700a6db819381be6e269dcbf9bd2ed9', 'hex'),
  key: label('quicv2 key', 16),
  iv: label('quicv2 iv', 12),
  headerKey: label('quicv2 hp', 16),
}
const CLIENT: Buffer = label('client in', 32)
const MAX_CONNECTION_ID = 20
const SAMPLE_BYTES = 16
const TAG_BYTES = 16
const FRAME_PADDING = 0
const FRAME_PING = 1
const FRAME_ACK = 2
const FRAME_ACK_ECN = 3
const FRAME_CRYPTO = 6

/** Whether a client's first packet may begin there: a long header of that type, of a known version. */
export function mayBeInitial(bytes: Buffer, at: number, end: number): boolean {
  return versionAt(bytes, at, end) !== undefined
}

function versionAt(bytes: Buffer, at: number, end: number): QuicVersion | undefined {
  if (at + 7 > end) return undefined
  const number = bytes.readUInt32BE(at + 1)
  const version = number === VERSION_1.number ? VERSION_1 : number === VERSION_2.number ? VERSION_2 : undefined
  return version?.firstByte === (bytes[at]! & 0xf0) ? version : undefined
}

/** `InitialPacket.connectionId` of the packet that may begin there; undefined where it is not all there. */
export function connectionIdOf(bytes: Buffer, at: number, end: number): Buffer | undefined {
  const idEnd = at + 6 + bytes[at + 5]!
  return idEnd > end ? undefined : bytes.subarray(at + 6, idEnd)
}

/** Takes off the protection of the packet that begins at `bytes[at]`, some 150 µs. */
export function openInitial(bytes: Buffer, at: number, end: number): InitialResult {
  const version = versionAt(bytes, at, end)
  if (version === undefined) return 'none'
  if (bytes[at + 5]! > MAX_CONNECTION_ID) return 'none'
  const id = connectionIdOf(bytes, at, end)
  if (id === undefined) return 'cut'
  const cursor = new Cursor(bytes, at + 6 + id.length, end)
  const ownIdBytes = cursor.byte()
  if (ownIdBytes > MAX_CONNECTION_ID) return 'none'
  cursor.skip(ownIdBytes)
  cursor.skip(cursor.number())
  const length = cursor.number()
  const numberAt = cursor.at
  const packetEnd = numberAt + length
  if (cursor.isOver || packetEnd > end) return 'cut'
  if (length < 4 + SAMPLE_BYTES) return 'none'

  const { key, iv, headerKey } = initialKeys(id, version)
  const mask = crypto()
    .createCipheriv('aes-128-ecb', headerKey, null)
    .update(bytes.subarray(numberAt + 4, numberAt + 4 + SAMPLE_BYTES))
  const first = bytes[at]! ^ (mask[0]! & 0x0f)
  const numberBytes = (first & 3) + 1
  const header = Buffer.from(bytes.subarray(at, numberAt + numberBytes))
  header[0] = first
  for (let i = 0; i < numberBytes; i++) {
    const k = numberAt - at + i
    header[k] = header[k]! ^ mask[1 + i]!
    // The number of the packet, of the last bytes.
    const n = iv.length - numberBytes + i
    iv[n] = iv[n]! ^ header[k]!
  }
  const payload = open(
    bytes.subarray(numberAt + numberBytes, packetEnd - TAG_BYTES),
    bytes.subarray(packetEnd - TAG_BYTES, packetEnd),
    header,
    key,
    iv,
  )
  if (payload === undefined) return 'none'
  return { connectionId: id.toString('latin1'), pieces: readPieces(payload), end: packetEnd }
}

function open(sealed: Buffer, tag: Buffer, header: Buffer, key: Buffer, nonce: Buffer): Buffer | undefined {
  const opener = crypto().createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: TAG_BYTES })
  opener.setAAD(header)
  opener.setAuthTag(tag)
  const payload = opener.update(sealed)
  try {
    opener.final()
    return payload
  } catch {
    // Somebody else's, or no packet at all.
    return undefined
  }
}

/** What a packet of a client has for the handshake; it ends with the first frame that these packets must not have. */
function readPieces(payload: Buffer): readonly CryptoPiece[] {
  const pieces: CryptoPiece[] = []
  const cursor = new Cursor(payload, 0, payload.length)
  while (!cursor.isOver && cursor.at < payload.length) {
    const type = cursor.number()
    switch (type) {
      case FRAME_PADDING:
      case FRAME_PING:
        break
      case FRAME_ACK:
      case FRAME_ACK_ECN: {
        // The largest number, the delay; then how many ranges, the first of them, and two numbers for each other.
        cursor.number()
        cursor.number()
        const ranges = cursor.number()
        const numbers = 1 + 2 * ranges + (type === FRAME_ACK_ECN ? 3 : 0)
        for (let i = 0; i < numbers && !cursor.isOver; i++) cursor.number()
        break
      }
      case FRAME_CRYPTO: {
        const offset = cursor.number()
        const length = cursor.number()
        const from = cursor.at
        cursor.skip(length)
        if (!cursor.isOver) pieces.push({ offset, bytes: payload.subarray(from, from + length) })
        break
      }
      default:
        return pieces
    }
  }
  return pieces
}

export interface InitialKeys {
  readonly key: Buffer
  readonly iv: Buffer
  readonly headerKey: Buffer
}

/** Loaded with the first packet: that takes 10 ms of every start otherwise. */
function crypto(): typeof Crypto {
  return process.getBuiltinModule('node:crypto')
}

/** Of what the client sends. */
export function initialKeys(
  connectionId: Uint8Array,
  { salt, key, iv, headerKey }: QuicVersion = VERSION_1,
): InitialKeys {
  const secret = expand(crypto().createHmac('sha256', salt).update(connectionId).digest(), CLIENT, 32)
  return { key: expand(secret, key, 16), iv: expand(secret, iv, 12), headerKey: expand(secret, headerKey, 16) }
}

/** HKDF-Expand-Label (RFC 8446 §7.1) of at most 32 bytes, without a context. */
function expand(secret: Buffer, info: Buffer, bytes: number): Buffer {
  return crypto().createHmac('sha256', secret).update(info).digest().subarray(0, bytes)
}

function label(text: string, bytes: number): Buffer {
  const name = Buffer.from(`tls13 ${text}`, 'latin1')
  return Buffer.concat([Buffer.from([0, bytes, name.length]), name, Buffer.from([0, 1])])
}

/** Reads on and on; behind the end everything is 0 and `isOver`. */
class Cursor {
  readonly #bytes: Buffer
  readonly #end: number
  at: number
  isOver = false

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes
    this.at = at
    this.#end = end
  }

  skip(count: number): void {
    if (this.isOver || count > this.#end - this.at) this.isOver = true
    else this.at += count
  }

  byte(): number {
    const { at } = this
    this.skip(1)
    return this.isOver ? 0 : this.#bytes[at]!
  }

  /** One of RFC 9000 §16: the first two bits say of how many bytes it is. */
  number(): number {
    const { at } = this
    const first = this.byte()
    const count = 1 << (first >>> 6)
    this.skip(count - 1)
    if (this.isOver) return 0
    let value = first & 0x3f
    for (let i = 1; i < count; i++) value = value * 256 + this.#bytes[at + i]!
    return value
  }
}
