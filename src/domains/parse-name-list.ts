/**
 * Lists of domain names as they are published: one name a line, hosts files that send names nowhere, response policy zones (RPZ, the zone
 * files of `draft-vixie-dnsop-dns-rpz`). Taken piece by piece, so that a long one neither fills the memory nor holds anybody up. What
 * cannot be understood is counted, with the first places.
 */
import { isLocalhostName, MAX_LABEL_LENGTH, MAX_NAME_LENGTH, normaliseDomain } from '../values/domain-name.ts'
import { parseIp } from '../values/ip.ts'
import { Listed, type NameList, NameListBuilder } from './name-list.ts'

export type NameListFormat = 'plain' | 'hosts' | 'rpz'

export interface NameListOptions {
  /** `auto`: whichever the first lines look like. */
  readonly format: NameListFormat | 'auto'
  /** Whether a name stands for all names below it, too. */
  readonly match: 'exact' | 'subdomains'
  /** Any number; see `NameListBuilder`. */
  readonly seed: number
  /** Size of the whole in bytes, where it is known. */
  readonly sizeBytes?: number
  readonly maxNames?: number
}

export interface RefusedLine {
  /** From 1. */
  readonly line: number
  /** What is wrong, to continue «line 3 is …». */
  readonly reason: string
  /** As written, cut short, without control characters. */
  readonly text: string
}

export interface NameListReport {
  readonly format: NameListFormat
  readonly lines: number
  /** Names in the list, each once. */
  readonly names: number
  /** Lines that could not be understood, and the first few of them. */
  readonly refused: number
  readonly firstRefused: readonly RefusedLine[]
  /** Lines and names that are understood and are no entries: `localhost` of a hosts file, an RPZ trigger other than a name. */
  readonly ignored: number
  /** Names for which there was no room. */
  readonly leftOut: number
}

export interface ParsedNameList {
  readonly list: NameList
  readonly report: NameListReport
}

/** Names of one list; the rest is left out. */
const MAX_LIST_NAMES = 5_000_000
const MAX_LINE_BYTES = 4096
const SHOWN_REFUSED = 5
const SHOWN_CHARACTERS = 60
/** Of the beginning, to see the format. */
const SAMPLE_BYTES = 65_536
const SAMPLE_LINES = 200
/** On average a line of the lists that are in use is longer. */
const BYTES_A_LINE = 16
const MAX_WORDS = 256
/** Of one record of a zone file. */
const MAX_CONTINUED_LINES = 64
/** Addresses of hosts files that were told apart already. */
const MAX_KNOWN_ADDRESSES = 1024

const NEWLINE = 0x0a
const RETURN = 0x0d
const TAB = 0x09
const SPACE = 0x20
const QUOTE = 0x22
const HASH = 0x23
const DOLLAR = 0x24
const OPEN = 0x28
const CLOSE = 0x29
const STAR = 0x2a
const DOT = 0x2e
const SLASH = 0x2f
const SEMICOLON = 0x3b
const BACKSLASH = 0x5c

/** The canonical spelling of each byte of a name; 0 for those that no name has. */
const NAME_BYTE: Uint8Array = new Uint8Array(256)
for (const char of 'abcdefghijklmnopqrstuvwxyz0123456789-_') {
  NAME_BYTE[char.charCodeAt(0)] = char.charCodeAt(0)
  NAME_BYTE[char.toUpperCase().charCodeAt(0)] = char.charCodeAt(0)
}

const NOT_A_NAME = 'not a domain name'
const AN_ADDRESS = 'an address, not a name'

/** What became of a name: a reason to refuse the line, or one of these. */
const TAKEN = ''
const IGNORED = 'ignored'
const NO_ROOM = 'no room'

type Outcome = string

export class NameListParser {
  readonly #builder: NameListBuilder
  readonly #flags: number
  #format: NameListFormat | undefined
  /** A line that goes on, or the beginning of everything while the format is not known. */
  #rest: Buffer = Buffer.alloc(0)
  #isSkippingLine = false
  #isFirstPiece = true
  #lines = 0
  #refused = 0
  #ignored = 0
  #leftOut = 0
  readonly #firstRefused: RefusedLine[] = []
  readonly #scratch: Buffer = Buffer.alloc(MAX_NAME_LENGTH + 1)
  /** Where the words of a line begin and end. */
  readonly #words: Int32Array = new Int32Array(MAX_WORDS * 2)
  readonly #isSinkhole: Map<string, boolean | undefined> = new Map()
  readonly #zone: Zone = { name: undefined, origin: '', owner: '', depth: 0, continued: 0 }

  constructor(options: NameListOptions) {
    const { format, match, seed, sizeBytes = 0, maxNames = MAX_LIST_NAMES } = options
    this.#format = format === 'auto' ? undefined : format
    this.#flags = match === 'subdomains' ? Listed.exact | Listed.below : Listed.exact
    this.#builder = new NameListBuilder({ seed, maxSize: maxNames, expected: Math.trunc(sizeBytes / BYTES_A_LINE) })
  }

  /** Takes in the next piece; it may be used again afterwards. */
  push(piece: Uint8Array): void {
    let bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    if (this.#rest.length > 0) bytes = Buffer.concat([this.#rest, bytes])
    if (this.#isFirstPiece) {
      if (bytes.length < 3) {
        this.#rest = Buffer.from(bytes)
        return
      }
      this.#isFirstPiece = false
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3)
    }
    if (this.#format === undefined) {
      if (bytes.length < SAMPLE_BYTES) {
        this.#rest = Buffer.from(bytes)
        return
      }
      this.#format = guessFormat(bytes)
    }
    this.#takeLines(bytes, false)
  }

  /** The list, when everything was pushed. */
  end(): ParsedNameList {
    this.#isFirstPiece = false
    this.#format ??= guessFormat(this.#rest)
    this.#takeLines(this.#rest, true)
    const report: NameListReport = {
      format: this.#format,
      lines: this.#lines,
      names: this.#builder.size,
      refused: this.#refused,
      firstRefused: this.#firstRefused,
      ignored: this.#ignored,
      leftOut: this.#leftOut,
    }
    return { list: this.#builder.build(), report }
  }

  #takeLines(bytes: Buffer, isEnd: boolean): void {
    let at = 0
    while (at < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, at)
      if (newline < 0 && !isEnd) break
      const end = newline < 0 ? bytes.length : newline
      if (this.#isSkippingLine) this.#isSkippingLine = false
      else {
        this.#lines++
        if (end - at > MAX_LINE_BYTES) this.#refuse(bytes, at, end, `longer than ${MAX_LINE_BYTES} bytes`)
        else this.#takeLine(bytes, at, end)
      }
      at = end + 1
    }
    if (this.#isSkippingLine || at >= bytes.length) this.#rest = NOTHING
    else if (bytes.length - at > MAX_LINE_BYTES) {
      this.#lines++
      this.#refuse(bytes, at, bytes.length, `longer than ${MAX_LINE_BYTES} bytes`)
      this.#rest = NOTHING
      this.#isSkippingLine = true
    } else this.#rest = Buffer.from(bytes.subarray(at))
  }

  #takeLine(bytes: Buffer, at: number, lineEnd: number): void {
    let end = lineEnd
    while (end > at && isBlank(bytes[end - 1]!)) end--
    const isIndented = at < end && isBlank(bytes[at]!)
    let start = at
    while (start < end && isBlank(bytes[start]!)) start++
    if (start === end) return
    let outcome: Outcome
    if (this.#format === 'rpz') outcome = this.#takeRecord(bytes, start, end, isIndented)
    else if (isComment(bytes, start, end)) return
    else {
      let hash = start
      while (hash < end && bytes[hash] !== HASH) hash++
      if (hash < end) {
        end = hash
        while (isBlank(bytes[end - 1]!)) end--
      }
      outcome = this.#format === 'hosts' ? this.#takeHosts(bytes, start, end) : this.#takePlain(bytes, start, end)
    }
    if (outcome === IGNORED) this.#ignored++
    else if (outcome !== TAKEN && outcome !== NO_ROOM) this.#refuse(bytes, at, lineEnd, outcome)
  }

  // One name a line: `example.com`, `*.example.com` (what is below), `.example.com` (both)

  #takePlain(bytes: Buffer, at: number, end: number): Outcome {
    for (let i = at; i < end; i++) if (isBlank(bytes[i]!)) return 'more than a name'
    if (bytes[at] === DOT && end - at > 1) return this.#add(bytes, at + 1, end, Listed.exact | Listed.below)
    return this.#addPattern(bytes, at, end, this.#flags, Listed.below)
  }

  // `0.0.0.0 bad.example worse.example`

  #takeHosts(bytes: Buffer, at: number, end: number): Outcome {
    const count = this.#splitWords(bytes, at, end)
    const words = this.#words
    const isSinkhole = this.#sinks(bytes.latin1Slice(words[0]!, words[1]!))
    if (isSinkhole === undefined) return 'not a line of a hosts file: no address comes first'
    if (count < 2) return 'an address without a name'
    // A line that sends the name somewhere means it.
    if (!isSinkhole) return IGNORED
    let result: Outcome = TAKEN
    for (let i = 1; i < count; i++) {
      const from = words[2 * i]!
      const to = words[2 * i + 1]!
      const outcome = isNoise(bytes, from, to) ? IGNORED : this.#add(bytes, from, to, this.#flags)
      if (outcome !== TAKEN && result !== NOT_A_NAME) result = outcome
    }
    return result
  }

  #sinks(text: string): boolean | undefined {
    let known = this.#isSinkhole.get(text)
    if (known !== undefined || this.#isSinkhole.has(text)) return known
    const ip = text === '0' ? 0 : parseIp(text)
    known = ip === undefined ? undefined : SINKHOLES.has(ip) || (typeof ip === 'number' && ip >>> 24 === 127)
    if (this.#isSinkhole.size < MAX_KNOWN_ADDRESSES) this.#isSinkhole.set(text, known)
    return known
  }

  // `bad.example CNAME .`, `*.bad.example CNAME .`, `good.bad.example CNAME rpz-passthru.`

  #takeRecord(bytes: Buffer, at: number, end: number, isIndented: boolean): Outcome {
    const zone = this.#zone
    // What a record has on further lines says nothing about names.
    const isContinued = zone.depth > 0
    const count = this.#splitWords(bytes, at, end, true)
    if (isContinued) {
      if (++zone.continued <= MAX_CONTINUED_LINES) return TAKEN
      zone.depth = 0
      return 'after a parenthesis that nothing closes'
    }
    zone.continued = 0
    if (count === 0) return TAKEN
    const words = this.#words
    const word = (i: number): string => (i < count ? bytes.latin1Slice(words[2 * i]!, words[2 * i + 1]!) : '')
    if (bytes[at] === DOLLAR) return this.#takeDirective(word(0).toUpperCase(), word(1))
    let next = 0
    if (!isIndented) {
      zone.owner = word(0)
      next = 1
    }
    while (next < count && this.#isTtlOrClass(bytes, words[2 * next]!, words[2 * next + 1]!)) next++
    if (next >= count) return 'a record without a type'
    const type = word(next).toUpperCase()
    const owner = zone.owner
    if (type === 'SOA') {
      if (zone.name === undefined && owner.endsWith('.')) zone.name = plainName(owner)
      return IGNORED
    }
    if (!RECORD_TYPE.test(type)) return 'not a record of a zone file'
    if (NO_POLICY.has(type) || owner === '@' || owner === '') return IGNORED
    const trigger = this.#triggerOf(owner)
    if (trigger === undefined) return 'a name outside the zone'
    if (trigger === '' || /(?:^|\.)rpz-[a-z-]+$/i.test(trigger)) return IGNORED
    const target = type === 'CNAME' ? word(next + 1).toLowerCase() : ''
    if (target === 'rpz-tcp-only.') return IGNORED
    // A name that is answered with itself is how zones before 2010 let it pass.
    const isExcepted = target === 'rpz-passthru.' || (target !== '' && plainName(target) === plainName(trigger))
    const text = Buffer.from(trigger, 'latin1')
    const flags = isExcepted ? this.#flags << 2 : this.#flags
    return this.#addPattern(text, 0, text.length, flags, isExcepted ? Listed.exceptBelow : Listed.below)
  }

  #takeDirective(name: string, value: string): Outcome {
    const zone = this.#zone
    if (name === '$TTL') return TAKEN
    if (name !== '$ORIGIN' || value === '') return `\`${name}\`, which is not followed`
    const origin = value.endsWith('.') ? plainName(value) : join(value.toLowerCase(), zone.name ?? '')
    zone.name ??= origin
    if (origin === zone.name) zone.origin = ''
    else if (origin.endsWith(`.${zone.name}`)) zone.origin = origin.slice(0, -zone.name.length - 1)
    else return 'an origin outside the zone'
    return TAKEN
  }

  /** The owner of a record without the zone that it is in; undefined when it is in another. */
  #triggerOf(owner: string): string | undefined {
    const { name, origin } = this.#zone
    if (!owner.endsWith('.')) return join(owner, origin)
    const absolute = owner.slice(0, -1)
    if (name === undefined) return undefined
    if (absolute.toLowerCase() === name) return ''
    const end = absolute.length - name.length - 1
    return absolute.slice(Math.max(0, end)).toLowerCase() === `.${name}` ? absolute.slice(0, end) : undefined
  }

  #isTtlOrClass(bytes: Buffer, at: number, end: number): boolean {
    const first = bytes[at]!
    if (first >= 0x30 && first <= 0x39) return true
    if (end - at !== 2) return false
    const text = bytes.latin1Slice(at, end).toUpperCase()
    return text === 'IN' || text === 'CH' || text === 'HS'
  }

  /** Finds the words of `bytes[at, end)`. In zone files a `;` begins a comment, quotes hold blanks, and parentheses join lines. */
  #splitWords(bytes: Buffer, at: number, end: number, isZone = false): number {
    const words = this.#words
    let count = 0
    let i = at
    while (i < end) {
      const byte = bytes[i]!
      if (isBlank(byte)) {
        i++
        continue
      }
      if (isZone && byte === SEMICOLON) break
      if (isZone && (byte === OPEN || byte === CLOSE)) {
        this.#zone.depth = Math.max(0, this.#zone.depth + (byte === OPEN ? 1 : -1))
        i++
        continue
      }
      const from = i
      if (isZone && byte === QUOTE) {
        i++
        while (i < end && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1
        i = Math.min(i + 1, end)
      } else {
        while (i < end && !isBlank(bytes[i]!) && !(isZone && isZoneDelimiter(bytes[i]!))) i++
      }
      if (count < MAX_WORDS) {
        words[2 * count] = from
        words[2 * count + 1] = i
        count++
      }
    }
    return count
  }

  // Names

  /** `*.name` stands for what is below it, whatever else names stand for. */
  #addPattern(bytes: Buffer, at: number, end: number, flags: number, belowFlag: number): Outcome {
    if (bytes[at] === STAR && bytes[at + 1] === DOT) return this.#add(bytes, at + 2, end, belowFlag)
    return this.#add(bytes, at, end, flags)
  }

  #add(bytes: Buffer, at: number, end: number, flags: number): Outcome {
    if (bytes[end - 1] === DOT) end--
    const scratch = this.#scratch
    const length = end - at
    let label = 0
    let isNumber = true
    let isAscii = length > 0 && length <= MAX_NAME_LENGTH
    for (let i = 0; isAscii && i < length; i++) {
      const byte = bytes[at + i]!
      if (byte === DOT) {
        if (label === 0) return NOT_A_NAME
        label = 0
        isNumber = true
        scratch[i] = DOT
        continue
      }
      const canonical = NAME_BYTE[byte]!
      if (canonical === 0) {
        if (byte < 0x80) return NOT_A_NAME
        isAscii = false
        break
      }
      if (++label > MAX_LABEL_LENGTH) return NOT_A_NAME
      if (canonical < 0x30 || canonical > 0x39) isNumber = false
      scratch[i] = canonical
    }
    if (!isAscii) return this.#addUnicode(bytes, at, end, flags)
    if (label === 0) return NOT_A_NAME
    // No top-level domain is a number: it is an address.
    if (isNumber) return AN_ADDRESS
    return this.#put(length, flags)
  }

  #addUnicode(bytes: Buffer, at: number, end: number, flags: number): Outcome {
    let text: string
    try {
      text = utf8.decode(bytes.subarray(at, end))
    } catch {
      return 'not UTF-8'
    }
    const name = normaliseDomain(text)
    if (name === undefined) return NOT_A_NAME
    // The mapping turns digits of other scripts into an address.
    if (parseIp(name) !== undefined) return AN_ADDRESS
    this.#scratch.latin1Write(name, 0, name.length)
    return this.#put(name.length, flags)
  }

  #put(length: number, flags: number): Outcome {
    const scratch = this.#scratch
    if (length >= LOCALHOST.length && isLocalhost(scratch, length)) return IGNORED
    if (this.#builder.add(scratch, 0, length, flags)) return TAKEN
    this.#leftOut++
    return NO_ROOM
  }

  #refuse(bytes: Buffer, at: number, end: number, reason: string): void {
    this.#refused++
    if (this.#firstRefused.length === SHOWN_REFUSED) return
    // Characters beyond ASCII take up to four bytes each.
    const text = bytes
      .toString('utf8', at, Math.min(end, at + 4 * SHOWN_CHARACTERS))
      .trim()
      .replace(/\p{C}/gu, '�')
    const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 1)}…` : text
    this.#firstRefused.push({ line: this.#lines, reason, text: shown.toWellFormed() })
  }
}

/** Where in a zone file the parser is. */
interface Zone {
  /** Of the apex, in lower case, without the final dot; undefined while nothing has said it. */
  name: string | undefined
  /** What relative names get to the zone's name: '' unless `$ORIGIN` is below the apex. */
  origin: string
  /** Of the record before. */
  owner: string
  /** Open parentheses, and lines since the first one. */
  depth: number
  continued: number
}

const NOTHING: Buffer = Buffer.alloc(0)
const utf8 = new TextDecoder('utf-8', { fatal: true })
const RECORD_TYPE: RegExp = /^[A-Z][A-Z0-9-]*$/
/** Of the zone itself, or of its signatures. */
const NO_POLICY: ReadonlySet<string> = new Set(['NS', 'RRSIG', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'DNSKEY', 'DS', 'ZONEMD'])
const SINKHOLES: ReadonlySet<unknown> = new Set([0, 0xffffffff, '\0'.repeat(16), `${'\0'.repeat(15)}\x01`])
const LOCALHOST = 'localhost'

/** The format that the first lines are in. */
function guessFormat(bytes: Buffer): NameListFormat {
  const lines = bytes.latin1Slice(0, Math.min(bytes.length, SAMPLE_BYTES)).split('\n', SAMPLE_LINES)
  let hosts = 0
  let others = 0
  for (const line of lines) {
    if (/^\s*\$(?:TTL|ORIGIN)\s/i.test(line) || /^[^#]*\s(?:SOA|CNAME)\s/i.test(line)) return 'rpz'
    const [first, second] = line.trim().split(/\s+/, 2)
    if (first === undefined || first === '' || /^[#;!]|^\/\//.test(first)) continue
    if (second !== undefined && parseIp(first) !== undefined) hosts++
    else others++
  }
  return hosts > others ? 'hosts' : 'plain'
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === RETURN
}

function isZoneDelimiter(byte: number): boolean {
  return byte === SEMICOLON || byte === OPEN || byte === CLOSE
}

function isComment(bytes: Buffer, at: number, end: number): boolean {
  const byte = bytes[at]!
  return byte === HASH || byte === SEMICOLON || (byte === SLASH && at + 1 < end && bytes[at + 1] === SLASH)
}

/** What hosts files name beside what they send nowhere: names without a dot are of the host itself. */
function isNoise(bytes: Buffer, at: number, end: number): boolean {
  let dot = at
  while (dot < end && bytes[dot] !== DOT) dot++
  if (dot === end) return true
  const text = bytes.latin1Slice(Math.max(at, end - 12), end).toLowerCase()
  return text.endsWith('.localdomain') || parseIp(bytes.latin1Slice(at, Math.min(end, at + 16))) !== undefined
}

function isLocalhost(bytes: Buffer, length: number): boolean {
  if (bytes[length - 1] !== 0x74) return false
  return isLocalhostName(bytes.latin1Slice(0, length))
}

function plainName(text: string): string {
  const lower = text.toLowerCase()
  return lower.endsWith('.') ? lower.slice(0, -1) : lower
}

function join(name: string, origin: string): string {
  return origin === '' ? name : `${name}.${origin}`
}
