/**
 * DNS messages as they lie in an event's payload (RFC 1035, EDNS of RFC 6891, SVCB and HTTPS of RFC 9460). A payload may be cut short by
 * the capture's snap length: what is there counts. Nothing throws, whatever the bytes; every loop is bounded by them.
 */
import { readIpv4, readIpv6 } from '../events/decode-record.ts'
import type { ByteText, Ip } from '../values/value.ts'

/** Record types that are understood; others are only counted by their number. */
export const DnsType = {
  a: 1,
  ns: 2,
  cname: 5,
  soa: 6,
  ptr: 12,
  mx: 15,
  txt: 16,
  aaaa: 28,
  srv: 33,
  dname: 39,
  opt: 41,
  svcb: 64,
  https: 65,
} as const

/** Response codes that are told apart. */
export const DnsCode = { noError: 0, serverFailure: 2, nameError: 3, refused: 5 } as const

/** Class IN; the others have no addresses. */
const CLASS_IN = 1

export interface DnsQuestion {
  readonly name: ByteText
  readonly type: number
}

/** What every record of an answer has. Names are lower case, without the final dot; the root is ''. */
interface DnsRecordHead {
  readonly name: ByteText
  readonly type: number
  readonly ttlSec: number
}

export type DnsRecord = DnsRecordHead &
  (
    | { readonly kind: 'address'; readonly ip: Ip }
    /** CNAME, DNAME, NS, PTR */
    | { readonly kind: 'target'; readonly target: ByteText }
    /** SVCB, HTTPS; `target` '' is the owner itself. `hints` are the addresses to use without another question. */
    | {
        readonly kind: 'service'
        readonly priority: number
        readonly target: ByteText
        readonly hints: readonly Ip[]
        /** A key for encrypted ClientHellos: the server's name will not be seen in them. */
        readonly hasEch: boolean
      }
    /** TXT: its strings joined. */
    | { readonly kind: 'text'; readonly text: ByteText }
    | { readonly kind: 'other' }
  )

/** All of a message but its id. */
export interface DnsMessage {
  readonly isAnswer: boolean
  /** With the upper bits of EDNS where there are any. */
  readonly rcode: number
  /** TC: the server left something out, and the client asks again over TCP. */
  readonly isTruncated: boolean
  /** The payload ends before the message does, or it has more records than are read. */
  readonly isCut: boolean
  /** The first question; messages with several are not in use. Undefined when there is none. */
  readonly question: DnsQuestion | undefined
  /** Records of the answer section that are wholly there. */
  readonly answers: readonly DnsRecord[]
  /** Bytes of text in TXT records among them; −1: there are none. */
  readonly textBytes: number
}

export const DNS_HEADER_BYTES = 12
const MAX_ANSWERS = 512
const MAX_HINTS = 32
const MAX_NAME_BYTES = 255

/** `readName`: the name goes on after the end of the payload, or is none. */
const NAME_CUT = -1
const NAME_BAD = -2

const OPCODE_QUERY = 0
const OPT_SECTIONS_MAX = 64

/**
 * The message in `bytes[at, end)`; undefined when it cannot be one: too short for a header and a question, an opcode other than QUERY,
 * a name that breaks the rules of names. `view` is of the same memory as `bytes`.
 */
export function decodeDnsMessage(bytes: Buffer, view: DataView, at: number, end: number): DnsMessage | undefined {
  if (at < 0 || end > bytes.length || at + DNS_HEADER_BYTES > end) return undefined
  const flags = view.getUint16(at + 2, false)
  if (((flags >>> 11) & 15) !== OPCODE_QUERY) return undefined
  const questionCount = view.getUint16(at + 4, false)
  const answerCount = view.getUint16(at + 6, false)
  // One question is what everybody sends; answers to a bad query may come without it.
  if (questionCount > 1) return undefined
  reader.begin(bytes, view, at, end)
  let question: DnsQuestion | undefined
  if (questionCount === 1) {
    question = reader.readQuestion()
    if (question === undefined) return undefined
  }
  const answers = answerCount === 0 ? NO_RECORDS : reader.readAnswers(Math.min(answerCount, MAX_ANSWERS))
  if (answers === undefined) return undefined
  const isCut = reader.isCut || answerCount > MAX_ANSWERS
  const others = view.getUint16(at + 8, false) + view.getUint16(at + 10, false)
  const extendedCode = isCut || others === 0 ? 0 : reader.readExtendedCode(others)
  return {
    isAnswer: (flags & 0x8000) !== 0,
    rcode: (extendedCode << 4) | (flags & 15),
    isTruncated: (flags & 0x0200) !== 0,
    isCut,
    question,
    answers,
    textBytes: reader.textBytes,
  }
}

const NO_RECORDS: readonly DnsRecord[] = []
const NO_HINTS: readonly Ip[] = []

/** SvcParamKeys, RFC 9460 §14.3.2. */
const SvcKey = { ipv4hint: 4, ech: 5, ipv6hint: 6 } as const

/** Names of a message that pointers may mean as a whole: the question, and where aliases lead. */
const MAX_POINTED = 8

/** One for all messages: making it anew costs as much as reading a question. */
class MessageReader {
  #bytes: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  /** Where the message begins: pointers count from there. */
  #start = 0
  #end = 0
  #at = 0
  /** The name that `#readName` read last. */
  #name: ByteText = ''
  /** Where the first names of the message begin, and what they are. */
  readonly #pointedAt: number[] = new Array<number>(MAX_POINTED).fill(0)
  readonly #pointed: ByteText[] = new Array<ByteText>(MAX_POINTED).fill('')
  #pointedCount = 0
  isCut = false
  /** See `DnsMessage`. */
  textBytes = -1

  begin(bytes: Buffer, view: DataView, start: number, end: number): void {
    this.#bytes = bytes
    this.#view = view
    this.#start = start
    this.#end = end
    this.#at = start + DNS_HEADER_BYTES
    this.#pointedCount = 0
    this.isCut = false
    this.textBytes = -1
  }

  readQuestion(): DnsQuestion | undefined {
    const next = this.#readName(this.#at)
    if (next < 0 || next + 4 > this.#end) return undefined
    this.#at = next + 4
    const isInternet = this.#view.getUint16(next + 2, false) === CLASS_IN
    return isInternet ? { name: this.#name, type: this.#view.getUint16(next, false) } : undefined
  }

  /** Undefined when a name is none: nothing after it can be trusted to be where it seems. */
  readAnswers(count: number): DnsRecord[] | undefined {
    // One that is pushed to takes room for sixteen more.
    const answers = new Array<DnsRecord>(count)
    for (let i = 0; i < count; i++) {
      const next = this.#readName(this.#at)
      if (next === NAME_BAD) return undefined
      const name = this.#name
      const dataAt = next + 10
      const dataEnd = next < 0 || dataAt > this.#end ? NAME_CUT : dataAt + this.#view.getUint16(next + 8, false)
      if (dataEnd < 0 || dataEnd > this.#end) {
        this.isCut = true
        answers.length = i
        break
      }
      const record = this.#readRecord(name, next, dataAt, dataEnd)
      if (record === undefined) return undefined
      answers[i] = record
      this.#at = dataEnd
    }
    return answers
  }

  /** The upper eight bits of the response code, from the OPT record in one of the `count` records that follow; 0 without one. */
  readExtendedCode(count: number): number {
    for (let i = 0; i < count && i < OPT_SECTIONS_MAX; i++) {
      const next = this.#skipName(this.#at)
      if (next < 0 || next + 10 > this.#end) return 0
      if (this.#view.getUint16(next, false) === DnsType.opt) return this.#view.getUint8(next + 4)
      this.#at = next + 10 + this.#view.getUint16(next + 8, false)
      if (this.#at > this.#end) return 0
    }
    return 0
  }

  #readRecord(name: ByteText, fixedAt: number, dataAt: number, dataEnd: number): DnsRecord | undefined {
    const view = this.#view
    const type = view.getUint16(fixedAt, false)
    const rawTtl = view.getUint32(fixedAt + 4, false)
    // RFC 2181 §8: a TTL with the top bit set counts as zero.
    const ttlSec = rawTtl > 0x7fffffff ? 0 : rawTtl
    if (view.getUint16(fixedAt + 2, false) !== CLASS_IN) return { kind: 'other', name, type, ttlSec }
    switch (type) {
      case DnsType.a:
        if (dataEnd - dataAt !== 4) return undefined
        return { kind: 'address', name, type, ttlSec, ip: readIpv4(view, dataAt) }
      case DnsType.aaaa:
        if (dataEnd - dataAt !== 16) return undefined
        return { kind: 'address', name, type, ttlSec, ip: readIpv6(this.#bytes, dataAt) }
      case DnsType.cname:
      case DnsType.dname:
      case DnsType.ns:
      case DnsType.ptr: {
        const next = this.#readName(dataAt)
        return next < 0 || next > dataEnd ? undefined : { kind: 'target', name, type, ttlSec, target: this.#name }
      }
      case DnsType.txt:
        return this.#readText(name, ttlSec, dataAt, dataEnd)
      case DnsType.svcb:
      case DnsType.https:
        return this.#readService(name, type, ttlSec, dataAt, dataEnd)
      default:
        return { kind: 'other', name, type, ttlSec }
    }
  }

  #readText(name: ByteText, ttlSec: number, at: number, end: number): DnsRecord {
    let text = ''
    while (at < end) {
      const next = Math.min(at + 1 + this.#bytes[at]!, end)
      text += this.#bytes.latin1Slice(at + 1, next)
      at = next
    }
    this.textBytes = Math.max(this.textBytes, 0) + text.length
    return { kind: 'text', name, type: DnsType.txt, ttlSec, text }
  }

  #readService(name: ByteText, type: number, ttlSec: number, dataAt: number, dataEnd: number): DnsRecord | undefined {
    const view = this.#view
    if (dataEnd - dataAt < 3) return undefined
    let at = this.#readName(dataAt + 2)
    if (at < 0 || at > dataEnd) return undefined
    const target = this.#name
    let hints: Ip[] | undefined
    let hasEch = false
    while (at + 4 <= dataEnd) {
      const key = view.getUint16(at, false)
      const valueAt = at + 4
      at = valueAt + view.getUint16(at + 2, false)
      if (at > dataEnd) return undefined
      if (key === SvcKey.ech) hasEch = true
      if (key !== SvcKey.ipv4hint && key !== SvcKey.ipv6hint) continue
      hints ??= []
      const step = key === SvcKey.ipv4hint ? 4 : 16
      for (let i = valueAt; i + step <= at && hints.length < MAX_HINTS; i += step)
        hints.push(step === 4 ? readIpv4(view, i) : readIpv6(this.#bytes, i))
    }
    const priority = view.getUint16(dataAt, false)
    return { kind: 'service', name, type, ttlSec, priority, target, hints: hints ?? NO_HINTS, hasEch }
  }

  /**
   * Reads the name at `at` into `#name`; gives where the next thing begins. A pointer must point before everything that was read of the
   * name so far, which is where compression takes names from, and so no chain of them has an end but its own.
   */
  #readName(at: number): number {
    const bytes = this.#bytes
    const from = at
    let next = -1
    let lowest = at
    let out = 0
    let hash = 0
    let wireBytes = 1
    if (at + 2 <= this.#end && bytes[at]! >= 0xc0) {
      const target = this.#start + (((bytes[at]! & 0x3f) << 8) | bytes[at + 1]!)
      for (let i = 0; i < this.#pointedCount; i++) {
        if (this.#pointedAt[i] !== target) continue
        this.#name = this.#pointed[i]!
        return at + 2
      }
    }
    for (;;) {
      if (at >= this.#end) return NAME_CUT
      const length = bytes[at]!
      if (length === 0) break
      if (length >= 0xc0) {
        if (at + 2 > this.#end) return NAME_CUT
        const target = this.#start + (((length & 0x3f) << 8) | bytes[at + 1]!)
        if (next < 0) next = at + 2
        if (target >= lowest || target < this.#start + DNS_HEADER_BYTES) return NAME_BAD
        at = target
        lowest = target
        continue
      }
      if (length > 63) return NAME_BAD
      wireBytes += length + 1
      if (wireBytes > MAX_NAME_BYTES) return NAME_BAD
      const labelEnd = at + 1 + length
      if (labelEnd > this.#end) return NAME_CUT
      if (out > 0) scratch[out++] = DOT
      for (let i = at + 1; i < labelEnd; i++) {
        const plain = PLAIN_BYTE[bytes[i]!]!
        hash = Math.imul(hash ^ plain, HASH_PRIME)
        if (plain === 0) out = writeEscaped(bytes[i]!, out)
        else scratch[out++] = plain
      }
      at = labelEnd
    }
    this.#name = recentText(scratch, 0, out, hash)
    if (this.#pointedCount < MAX_POINTED) {
      this.#pointedAt[this.#pointedCount] = from
      this.#pointed[this.#pointedCount++] = this.#name
    }
    return next < 0 ? at + 1 : next
  }

  #skipName(at: number): number {
    while (at < this.#end) {
      const length = this.#bytes[at]!
      if (length === 0) return at + 1
      if (length >= 0xc0) return at + 2
      if (length > 63) return NAME_BAD
      at += length + 1
    }
    return NAME_CUT
  }
}

const reader = new MessageReader()

const DOT = 0x2e
const BACKSLASH = 0x5c
/** One name as text: 255 bytes, each of which may be written as `\ddd`. */
const scratch: Buffer = Buffer.alloc(MAX_NAME_BYTES * 4)

const HASH_PRIME = 0x01000193

/** Names that were read of late, each at a place that its hash says: making a text anew takes longer than to see that it is the same. */
const recent: ByteText[] = new Array<ByteText>(4096).fill('')

/** `bytes[at, end)` as a text, of which `hash` says something. */
function recentText(bytes: Buffer, at: number, end: number, hash: number): ByteText {
  const length = end - at
  const slot = (hash ^ (hash >>> 15) ^ length) & (recent.length - 1)
  const known = recent[slot]!
  if (known.length === length) {
    let i = 0
    while (i < length && known.charCodeAt(i) === bytes[at + i]) i++
    if (i === length) return known
  }
  return (recent[slot] = bytes.latin1Slice(at, end))
}

/** A name as it is written in `bytes[at, end)`: the same text, where it is that of a name that was looked up of late. */
export function readNameText(bytes: Buffer, at: number, end: number): ByteText {
  if (end - at > MAX_NAME_BYTES) return bytes.latin1Slice(at, end)
  let hash = 0
  for (let i = at; i < end; i++) if (bytes[i] !== DOT) hash = Math.imul(hash ^ bytes[i]!, HASH_PRIME)
  return recentText(bytes, at, end, hash)
}

/** Bytes that a name has as they are, in lower case; 0 for those that would be taken for something else. */
const PLAIN_BYTE: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x41 && byte <= 0x5a) return byte + 0x20
  return byte > 0x20 && byte < 0x7f && byte !== DOT && byte !== BACKSLASH ? byte : 0
})

/** The others are written as in zone files (RFC 1035 §5.1): `\.`, `\\`, `\007`. */
function writeEscaped(byte: number, out: number): number {
  scratch[out++] = BACKSLASH
  if (byte === DOT || byte === BACKSLASH) {
    scratch[out++] = byte
    return out
  }
  scratch[out++] = 0x30 + Math.trunc(byte / 100)
  scratch[out++] = 0x30 + (Math.trunc(byte / 10) % 10)
  scratch[out++] = 0x30 + (byte % 10)
  return out
}
