/**
 * Reads events and state from NDJSON: one JSON object a line. A bad line is counted, reported with its number and skipped. An event's
 * arguments are encoded into the bytes that the kernel would have given, so that all that follows cannot tell the difference.
 */
import { isUtf8 } from 'node:buffer'
import { closestName } from '../../diagnostics/closest-name.ts'
import { ByteWriter } from '../byte-writer.ts'
import { attachBytes, createRecord, EVENT_HEADER_BYTES, readRecord } from '../decode-record.ts'
import { eventLookup, eventNames, syscallCode } from '../event-lookup.ts'
import type { EventRecord } from '../event-record.ts'
import { type EventInfo, eventTable } from '../event-table.ts'
import { type ReadOptions, readPieces } from '../file-pieces.ts'
import type { SourceSink } from '../source.ts'
import { isObject, type JsonObject, jsonToInteger, member, parseJson } from './json-values.ts'
import { namedEnterEvents, namedEvents, quote, writeParam } from './param-json.ts'
import { applyStateLine } from './state-lines.ts'

/** Longer lines are bad lines. */
const MAX_LINE_BYTES = 8 * 1024 * 1024
/** Bad lines that are described; all are counted. */
const MAX_PROBLEMS = 100
const GENERIC_EXIT = 1
const NEWLINE = 0x0a

export interface NdjsonProblem {
  /** From 1. */
  readonly line: number
  /** Lower case, what is wrong. */
  readonly message: string
}

export interface NdjsonSummary {
  /** Events given to the sink. */
  readonly events: number
  readonly lines: number
  readonly badLines: number
  /** The first hundred bad lines. */
  readonly problems: readonly NdjsonProblem[]
  /** Reading ended because the sink or the signal wanted it. */
  readonly stopped: boolean
  /** Why the file could not be read (to its end). */
  readonly error?: { readonly code: 'io'; readonly message: string }
}

/** The NDJSON parser, apart from where the bytes come from. */
export class NdjsonParser {
  isStopped = false
  private readonly sink: SourceSink
  private readonly encoder = new EventEncoder()
  private readonly problems: NdjsonProblem[] = []
  private badLines = 0
  private line = 0
  private events = 0
  /** Pieces of a line that is not over, and their bytes; a line that has grown too long is only counted. */
  private pieces: Buffer[] = []
  private pieceBytes = 0

  constructor(sink: SourceSink) {
    this.sink = sink
  }

  summary(): Omit<NdjsonSummary, 'error'> {
    const { events, line, badLines, problems, isStopped } = this
    return { events, lines: line, badLines, problems, stopped: isStopped }
  }

  /** Parses the next piece of the file; false when no more is wanted. `bytes` may be reused afterwards. */
  push(bytes: Buffer): boolean {
    let at = 0
    while (!this.isStopped && at < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, at)
      if (newline < 0) {
        this.keep(bytes.subarray(at))
        break
      }
      if (this.pieceBytes === 0) this.takeLine(bytes.subarray(at, newline))
      else {
        this.keep(bytes.subarray(at, newline))
        this.takeKept()
      }
      at = newline + 1
    }
    return !this.isStopped
  }

  /** The file is over: a last line may lack its end. */
  end(): void {
    if (!this.isStopped && this.pieceBytes > 0) this.takeKept()
  }

  private keep(piece: Buffer): void {
    this.pieceBytes += piece.length
    if (this.pieceBytes > MAX_LINE_BYTES) this.pieces = []
    else if (piece.length > 0) this.pieces.push(Buffer.from(piece))
  }

  private takeKept(): void {
    const isTooLong = this.pieceBytes > MAX_LINE_BYTES
    const line = Buffer.concat(this.pieces)
    this.pieces = []
    this.pieceBytes = 0
    if (isTooLong) {
      this.line++
      this.report(`longer than ${MAX_LINE_BYTES} bytes`)
    } else this.takeLine(line)
  }

  private report(message: string): void {
    this.badLines++
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ line: this.line, message })
  }

  private takeLine(bytes: Buffer): void {
    this.line++
    if (bytes.length > MAX_LINE_BYTES) {
      this.report(`longer than ${MAX_LINE_BYTES} bytes`)
      return
    }
    if (!isUtf8(bytes)) {
      this.report('is not UTF-8')
      return
    }
    const text = bytes.toString('utf8').trim()
    if (text === '') return
    let value: unknown
    try {
      value = parseJson(text)
    } catch (error) {
      // A RangeError is nesting too deep for the parser.
      this.report(error instanceof SyntaxError ? `no JSON: ${error.message}` : 'no JSON that can be parsed')
      return
    }
    if (!isObject(value)) {
      this.report(`${quote(value)} is no object`)
      return
    }
    const kind = member(value, 'kind')
    const problem =
      kind === undefined ? this.takeEvent(value) : applyStateLine(String(kind).slice(0, 40), value, this.sink)
    if (problem !== undefined) this.report(problem)
  }

  private takeEvent(line: JsonObject): string | undefined {
    const record = this.encoder.encode(line)
    if (typeof record === 'string') return record
    this.events++
    record.num = this.events
    if (!this.sink.event(record)) this.isStopped = true
    return undefined
  }
}

/** Makes records of event lines. The record is reused. */
class EventEncoder {
  private readonly rec: EventRecord = createRecord()
  private readonly out = new ByteWriter()
  private lastTs = 0n

  /** The event of the line, or what is wrong with it. */
  encode(line: JsonObject): EventRecord | string {
    const type = member(line, 'type')
    if (typeof type !== 'string') return 'neither `type` nor `kind` is there'
    const dir = member(line, 'dir') ?? '<'
    if (dir !== '<' && dir !== '>') return `\`dir\` is ${quote(dir)}, not "<" or ">"`
    const { info, generic } = findEvent(type, dir)
    if (info === undefined) return unknownEvent(type, dir)
    const tid = jsonToInteger(member(line, 'tid'))
    if (tid === undefined) return '`tid` is no whole number'
    const tsValue = member(line, 'ts')
    const ts = tsValue === undefined ? this.lastTs + 1n : jsonToInteger(tsValue)
    if (ts === undefined || ts < 0n || ts > 0xffffffffffffffffn) return '`ts` is no number of nanoseconds'
    const cpu = jsonToInteger(member(line, 'cpu') ?? 0)
    if (cpu === undefined || cpu < 0n || cpu > 0xffffn) return '`cpu` is no number up to 65535'
    const shown = member(line, 'args') ?? {}
    if (!isObject(shown)) return '`args` is no object'
    const args = generic === undefined ? shown : { ID: generic, ...shown }
    const count = countParams(info, member(line, 'nparams'))
    if (typeof count === 'string') return count
    const unknown = Object.keys(args).find(name => !info.paramIndex.has(name))
    if (unknown !== undefined) return unknownParam(info, unknown)
    const problem = this.write(info, tid, ts, args, count)
    if (problem !== undefined) return problem
    this.lastTs = ts
    this.rec.cpu = Number(cpu)
    return this.rec
  }

  private write(info: EventInfo, tid: bigint, ts: bigint, args: JsonObject, count: number): string | undefined {
    const out = this.out
    const lenBytes = info.isLarge ? 4 : 2
    out.clear()
    out.u64(ts)
    out.u64(tid)
    out.u32(0)
    out.u16(info.code)
    out.u32(count)
    out.zeros(count * lenBytes)
    for (let i = 0; i < count; i++) {
      const name = info.params[i]!.name
      const start = out.length
      const problem = writeParam(out, info, i, member(args, name))
      if (problem !== undefined) return `\`${name}\`: ${problem}`
      const length = out.length - start
      if (!info.isLarge && length > 0xffff) return `\`${name}\`: ${length} bytes, 65535 are allowed`
      if (info.isLarge) out.setU32(EVENT_HEADER_BYTES + i * 4, length)
      else out.setU16(EVENT_HEADER_BYTES + i * 2, length)
    }
    out.setU32(16, out.length)
    const bytes = out.bytes()
    attachBytes(this.rec, bytes)
    return readRecord(this.rec, 0, bytes.length) < 0 ? 'the event cannot be encoded' : undefined
  }
}

/** The event named `type`, and its system call's name when it is the generic event. */
function findEvent(type: string, dir: string): { readonly info: EventInfo | undefined; readonly generic?: string } {
  if (dir === '>') return { info: namedEnterEvents.get(type) }
  const info = namedEvents.get(type)
  if (info !== undefined) return { info }
  return syscallCode(type) === undefined ? { info: undefined } : { info: eventTable[GENERIC_EXIT], generic: type }
}

function unknownEvent(type: string, dir: string): string {
  if (dir === '>' && eventLookup.codesOf(type) !== undefined) return `\`${type}\` has no enter event any more`
  const near = closestName(type, eventNames())
  return `unknown event ${quote(type)}${near === undefined ? '' : `: did you mean \`${near}\`?`}`
}

function unknownParam(info: EventInfo, name: string): string {
  const near = closestName(name, info.paramIndex.keys())
  return `\`${info.name}\` has no parameter ${quote(name)}${near === undefined ? '' : `: did you mean \`${near}\`?`}`
}

/** How many parameters the event has: all, unless the line says that its writer had fewer. */
function countParams(info: EventInfo, shown: unknown): number | string {
  if (shown === undefined) return info.params.length
  const count = jsonToInteger(shown)
  if (count === undefined || count < 0n || count > BigInt(info.params.length)) {
    return `\`nparams\` is no number up to ${info.params.length}`
  }
  return Number(count)
}

/**
 * Tells `sink` everything that the NDJSON file at `path` says, in its order. Never rejects because of the file: bad lines and an
 * unreadable file are in the summary. An exception of the sink's rejects.
 */
export async function readNdjson(path: string, sink: SourceSink, options: ReadOptions = {}): Promise<NdjsonSummary> {
  const parser = new NdjsonParser(sink)
  const { stopped, error } = await readPieces(path, piece => parser.push(piece), options)
  if (!stopped) parser.end()
  const summary = parser.summary()
  return {
    ...summary,
    stopped: stopped || summary.stopped,
    ...(error !== undefined && { error: { code: 'io', message: error } }),
  }
}
