/**
 * The .scap parser, apart from where the bytes come from: it is given pieces of the uncompressed file of any size and tells a sink what
 * is in them. Events are decoded where they lie; only a block that straddles two pieces is copied. Memory is bounded by the greatest
 * allowed event block, whatever the file claims; lists of the state, which may be long, are taken entry by entry.
 */
import { attachBytes, createRecord, EVENT_HEADER_BYTES, RECORD_UNKNOWN, readRecord } from '../decode-record.ts'
import type { EventRecord } from '../event-record.ts'
import { eventTable } from '../event-table.ts'
import type { SourceSink } from '../source.ts'
import { EventUpgrader } from '../upgrade-event.ts'
import { ByteCursor } from './byte-cursor.ts'
import {
  type BlockKind,
  blockKinds,
  type CaptureError,
  type CaptureErrorCode,
  EVENT_V2,
  SECTION_HEADER,
  SECTION_MAGIC,
  SECTION_MAJOR,
} from './capture-format.ts'
import {
  MACHINE_INFO_BYTES,
  readAccount,
  readFd,
  readInterface,
  readMachineInfo,
  readProcess,
} from './read-state-entries.ts'

/** Bytes of block type and length, and of the length repeated at the end. */
const HEAD = 8
const TRAILER = 4
/** libscap reads no event block beyond this, unless its type says large. */
const MAX_EVENT_BLOCK = HEAD + 65536
/** Our bound for large event blocks; plugin and container events stay far below. */
const MAX_LARGE_EVENT_BLOCK = 16 * 1024 * 1024
/** Greatest list entry: eight texts of 64 KiB in a process, and numbers. */
const MAX_ENTRY = 640 * 1024
/** First guess at how much of an entry without length to look at. */
const ENTRY_GUESS = 4096

/** What was counted while parsing. */
export interface CaptureCounts {
  /** Events given to the sink. */
  readonly events: number
  /** Section headers: 1 plus the captures appended. */
  readonly sections: number
  /** Events of types newer than the table, skipped. */
  readonly unknownEvents: number
  /** Events whose lengths contradict each other, skipped. */
  readonly badEvents: number
  /** Enter events and unused events of old captures, which are not delivered. */
  readonly oldEvents: number
  /** Blocks of unknown types, skipped. */
  readonly unknownBlocks: number
}

type ListKind = Extract<BlockKind, { kind: 'process' | 'fd' | 'interface' | 'user' }>

/** Sizes a number for a message. */
const hex = (n: number): string => `0x${n.toString(16)}`

export class CaptureParser {
  /** Set once: parsing has ended in an error. */
  error: CaptureError | undefined = undefined
  /** Whether the sink wanted no more. */
  isStopped = false

  private readonly sink: SourceSink
  private readonly rec: EventRecord
  private readonly upgrader: EventUpgrader
  private readonly cursor = new ByteCursor()

  private num = 0
  private events = 0
  private sections = 0
  private unknownEvents = 0
  private badEvents = 0
  private oldEvents = 0
  private unknownBlocks = 0

  /** Offset in the capture of the byte 0 of the piece being parsed. */
  private base = 0
  /** Bytes that must lie together before parsing can go on. */
  private need = HEAD
  private carry: Buffer = Buffer.allocUnsafe(128 * 1024)
  private carryLength = 0

  /** The list being read: its kind, bytes of entries left, the length its trailer must repeat, and the thread of an fd list. */
  private list: ListKind | undefined = undefined
  private listLeft = 0
  private listTid = 0
  /** Bytes to pass over before the trailer. */
  private skipLeft = 0
  /** The length that the coming trailer must repeat; 0 when no trailer is due. */
  private trailer = 0

  constructor(sink: SourceSink) {
    this.sink = sink
    this.rec = createRecord()
    this.upgrader = new EventUpgrader()
  }

  counts(): CaptureCounts {
    return {
      events: this.events,
      sections: this.sections,
      unknownEvents: this.unknownEvents,
      badEvents: this.badEvents,
      oldEvents: this.oldEvents,
      unknownBlocks: this.unknownBlocks,
    }
  }

  /** Whether the bytes so far end where a block ends. */
  get isBetweenBlocks(): boolean {
    return this.carryLength === 0 && this.list === undefined && this.trailer === 0 && this.sections > 0
  }

  /** Bytes parsed. */
  get offset(): number {
    return this.base
  }

  /** Bytes given to `push`. */
  get received(): number {
    return this.base + this.carryLength
  }

  /** Parses the next piece of the file; false when no more is wanted. `bytes` may be reused afterwards. */
  push(bytes: Buffer): boolean {
    let at = 0
    while (this.carryLength > 0 && at < bytes.length) {
      if (this.error !== undefined || this.isStopped) return false
      const before = this.carryLength
      const wanted = Math.min(Math.max(this.need - before, 1), bytes.length - at)
      this.ensureCarry(before + wanted)
      bytes.copy(this.carry, before, at, at + wanted)
      const have = before + wanted
      if (have < this.need) {
        this.carryLength = have
        return true
      }
      const used = this.parse(this.carry, 0, have)
      if (used >= before) {
        at += used - before
        this.carryLength = 0
      } else {
        at += wanted
        this.carry.copyWithin(0, used, have)
        this.carryLength = have - used
      }
      this.base += used
    }
    if (this.error !== undefined || this.isStopped) return false
    if (at >= bytes.length) return true
    const used = this.parse(bytes, at, bytes.length)
    if (this.error !== undefined || this.isStopped) return false
    const rest = bytes.length - used
    this.base += used - at
    if (rest > 0) {
      this.ensureCarry(rest)
      bytes.copy(this.carry, 0, used, bytes.length)
      this.carryLength = rest
    }
    return true
  }

  /** The file is over: an error unless it ended between two blocks. */
  end(): void {
    if (this.carryLength > 0 && this.error === undefined && !this.isStopped) {
      // Entries without length are waited for in great portions; here is all there will be.
      const used = this.parse(this.carry, 0, this.carryLength)
      this.carry.copyWithin(0, used, this.carryLength)
      this.carryLength -= used
      this.base += used
    }
    if (this.error !== undefined || this.isStopped || this.isBetweenBlocks) return
    if (this.sections === 0) {
      const message = this.received === 0 ? 'the file is empty' : 'too short for a capture'
      this.fail('not-a-capture', this.base, message)
    } else {
      this.fail('truncated', this.received, 'the file ends in the middle of a block')
    }
  }

  /** Ends parsing with an error found elsewhere (reading, inflating), at the place reached. */
  failHere(code: CaptureErrorCode, message: string): void {
    if (this.error === undefined && !this.isStopped) this.fail(code, this.received, message)
  }

  private fail(code: CaptureErrorCode, offset: number, message: string): void {
    this.error = { code, offset, message }
  }

  private ensureCarry(size: number): void {
    if (this.carry.length >= size) return
    const bigger = Buffer.allocUnsafe(Math.max(size, this.carry.length * 2))
    this.carry.copy(bigger, 0, 0, this.carryLength)
    this.carry = bigger
  }

  /** Parses `bytes[at, end)` as far as whole parts go; where the first unused byte is. Sets `need` for what begins there. */
  private parse(bytes: Buffer, start: number, end: number): number {
    const rec = this.rec
    attachBytes(rec, bytes)
    const view = rec.view
    // `base` belongs to `start`; offsets for messages are `origin + at`.
    const origin = this.base - start
    let at = start
    while (this.error === undefined && !this.isStopped) {
      if (this.trailer !== 0) {
        const next = this.parseInside(bytes, view, at, end, origin)
        if (next < 0) return ~next
        at = next
        continue
      }
      if (end - at < HEAD) {
        this.need = HEAD
        return at
      }
      const type = view.getUint32(at, true)
      const total = view.getUint32(at + 4, true)
      if (type === EVENT_V2 && this.sections > 0) {
        if (total < HEAD + 2 + EVENT_HEADER_BYTES + TRAILER || total > MAX_EVENT_BLOCK) {
          this.fail('corrupt', origin + at, `event block of ${total} bytes`)
          return at
        }
        if (end - at < total) {
          this.need = total
          return at
        }
        rec.cpu = view.getUint16(at + HEAD, true)
        this.deliver(at + HEAD + 2, at + total - TRAILER)
        if (rec.bytes !== bytes) {
          // An upgraded event lies in a buffer of its own.
          rec.bytes = bytes
          rec.view = view
        }
        at += total
        continue
      }
      const next = this.parseBlock(bytes, view, at, end, type, total, origin)
      if (next < 0) return ~next
      at = next
    }
    return at
  }

  /** Begins (or, when short, takes whole) any block that is not the usual event. The next place, or ~place when more bytes are needed. */
  private parseBlock(
    bytes: Buffer,
    view: DataView,
    at: number,
    end: number,
    type: number,
    total: number,
    origin: number,
  ): number {
    if (this.sections === 0 && type !== SECTION_HEADER) {
      this.fail('not-a-capture', origin + at, 'no section header at its beginning')
      return ~at
    }
    if (total < HEAD + TRAILER) {
      this.fail('corrupt', origin + at, `block ${hex(type)} of ${total} bytes`)
      return ~at
    }
    const kind = blockKinds.get(type)
    if (kind === undefined) {
      this.unknownBlocks++
      this.trailer = total
      this.skipLeft = total - HEAD - TRAILER
      return at + HEAD
    }
    switch (kind.kind) {
      case 'event': {
        const least = HEAD + 2 + (kind.hasFlags ? 4 : 0) + EVENT_HEADER_BYTES - (kind.hasCount ? 0 : 4) + TRAILER
        if (total < least || total > (kind.isLarge ? MAX_LARGE_EVENT_BLOCK : MAX_EVENT_BLOCK)) {
          this.fail('corrupt', origin + at, `event block of ${total} bytes`)
          return ~at
        }
        if (end - at < total) {
          this.need = total
          return ~at
        }
        const rec = this.rec
        rec.cpu = view.getUint16(at + HEAD, true)
        const eventAt = at + HEAD + 2 + (kind.hasFlags ? 4 : 0)
        if (kind.hasCount) this.deliver(eventAt, at + total - TRAILER)
        else this.deliverV1(bytes, view, eventAt, at + total - TRAILER)
        rec.bytes = bytes
        rec.view = view
        return at + total
      }
      case 'section': {
        const least = HEAD + 16 + TRAILER
        if (total < least) {
          this.fail('corrupt', origin + at, `section header of ${total} bytes`)
          return ~at
        }
        if (end - at < HEAD + 16) {
          this.need = HEAD + 16
          return ~at
        }
        this.readSection(view, at, origin)
        this.trailer = total
        this.skipLeft = total - least
        return at + HEAD + 16
      }
      case 'machine': {
        const body = Math.min(total - HEAD - TRAILER, MACHINE_INFO_BYTES)
        if (end - at < HEAD + body) {
          this.need = HEAD + body
          return ~at
        }
        this.cursor.reset(bytes, view, at + HEAD, at + HEAD + body)
        this.sink.machine(readMachineInfo(this.cursor))
        this.trailer = total
        this.skipLeft = total - HEAD - TRAILER - body
        return at + HEAD + body
      }
      case 'fd': {
        const least = HEAD + 8 + TRAILER
        if (total < least) {
          this.fail('corrupt', origin + at, `fd list of ${total} bytes`)
          return ~at
        }
        if (end - at < HEAD + 8) {
          this.need = HEAD + 8
          return ~at
        }
        this.cursor.reset(bytes, view, at + HEAD, at + HEAD + 8)
        this.listTid = this.cursor.id()
        this.list = kind
        this.listLeft = total - least
        this.trailer = total
        return at + HEAD + 8
      }
      default:
        this.list = kind
        this.listLeft = total - HEAD - TRAILER
        this.trailer = total
        return at + HEAD
    }
  }

  private readSection(view: DataView, at: number, origin: number): void {
    if (view.getUint32(at + HEAD, true) !== SECTION_MAGIC) {
      const swapped = view.getUint32(at + HEAD, false) === SECTION_MAGIC
      const message = swapped ? 'written on a big-endian machine' : 'no capture: its magic number is another'
      this.fail('not-a-capture', origin + at, message)
      return
    }
    const major = view.getUint16(at + HEAD + 4, true)
    if (major > SECTION_MAJOR) {
      this.fail('version', origin + at, `format version ${major}, this reads up to ${SECTION_MAJOR}`)
      return
    }
    if (this.sections > 0) {
      this.upgrader.reset()
      this.sink.reset?.()
    }
    this.sections++
  }

  /** Inside a block that is taken in parts: entries, bytes to skip, the trailer. The next place, or ~place when more bytes are needed. */
  private parseInside(bytes: Buffer, view: DataView, at: number, end: number, origin: number): number {
    const list = this.list
    if (list !== undefined) {
      // Fewer than four bytes cannot be an entry: padding.
      if (this.listLeft >= 4) return this.parseEntry(bytes, view, at, end, origin, list)
      this.list = undefined
      this.skipLeft = this.listLeft
    }
    if (this.skipLeft > 0) {
      const skipped = Math.min(this.skipLeft, end - at)
      this.skipLeft -= skipped
      if (this.skipLeft > 0) {
        this.need = 1
        return ~(at + skipped)
      }
      return at + skipped
    }
    if (end - at < TRAILER) {
      this.need = TRAILER
      return ~at
    }
    const repeated = view.getUint32(at, true)
    if (repeated !== this.trailer) {
      this.fail('corrupt', origin + at, `block of ${this.trailer} bytes ends with the length ${repeated}`)
      return ~at
    }
    this.trailer = 0
    return at + TRAILER
  }

  private parseEntry(bytes: Buffer, view: DataView, at: number, end: number, origin: number, list: ListKind): number {
    const have = Math.min(end - at, this.listLeft)
    const hasLength = list.kind === 'process' ? list.version >= 9 : list.version >= 2
    let size = 0
    if (hasLength) {
      if (have < 4) {
        this.need = 4
        return ~at
      }
      // Interface entries do not count their length field, the others do.
      size = view.getUint32(at, true) + (list.kind === 'interface' ? 4 : 0)
      if (size < 4 || size > this.listLeft || size > MAX_ENTRY) {
        this.fail('corrupt', origin + at, `${list.kind} list entry of ${size} bytes`)
        return ~at
      }
      if (have < size) {
        this.need = size
        return ~at
      }
    }
    const c = this.cursor
    c.reset(bytes, view, hasLength ? at + 4 : at, hasLength ? at + size : at + have)
    const isKnown = this.takeEntry(c, list)
    if (c.isShort) {
      if (!hasLength && have < this.listLeft && have < MAX_ENTRY) {
        this.need = Math.min(Math.max(have * 2, ENTRY_GUESS), this.listLeft, MAX_ENTRY)
        return ~at
      }
      this.fail('corrupt', origin + at, `${list.kind} list entry is longer than its ${hasLength ? 'length' : 'list'}`)
      return ~at
    }
    if (!isKnown && !hasLength) {
      this.fail('corrupt', origin + at, `${list.kind} list entry of an unknown type`)
      return ~at
    }
    const next = hasLength ? at + size : c.at
    this.listLeft -= next - at
    return next
  }

  /** Reads one entry and, when it is whole, tells the sink; false for an unknown type. */
  private takeEntry(c: ByteCursor, list: ListKind): boolean {
    switch (list.kind) {
      case 'process': {
        const entry = readProcess(c, list.version)
        if (!c.isShort) this.sink.process(entry)
        return true
      }
      case 'fd': {
        const entry = readFd(c, list.version)
        if (entry !== undefined && !c.isShort) this.sink.fd(this.listTid, entry)
        return entry !== undefined
      }
      case 'interface': {
        const entry = readInterface(c)
        if (entry !== undefined && !c.isShort) this.sink.networkInterface(entry)
        return entry !== undefined
      }
      default: {
        const entry = readAccount(c)
        if (c.isShort) return true
        if ('user' in entry) this.sink.user(entry.user)
        else this.sink.group(entry.group)
        return true
      }
    }
  }

  /** Decodes the event with header v2 at `at` and gives it to the sink. */
  private deliver(at: number, limit: number): void {
    const rec = this.rec
    const end = readRecord(rec, at, limit)
    if (end < 0) {
      if (end === RECORD_UNKNOWN) this.unknownEvents++
      else {
        this.badEvents++
        this.num++
      }
      return
    }
    if (!this.upgrader.isCurrent(rec) && !this.upgrader.upgrade(rec)) {
      this.oldEvents++
      return
    }
    this.events++
    rec.num = ++this.num
    if (!this.sink.event(rec)) this.isStopped = true
  }

  /** An event without parameter count: it is worked out, and the event delivered from a copy with header v2. */
  private deliverV1(bytes: Buffer, view: DataView, at: number, limit: number): void {
    const copy = this.upgrader.widenHeader(bytes, view, at, limit)
    if (copy === undefined) {
      if (view.getUint16(at + 20, true) >= eventTable.length) this.unknownEvents++
      else {
        this.badEvents++
        this.num++
      }
      return
    }
    attachBytes(this.rec, copy.bytes)
    this.deliver(0, copy.length)
  }
}
