/**
 * Reads the scap event where it lies. `readRecord` finds header and parameters and refuses sizes that do not add up; after it every
 * offset in the record is inside `bytes`, so the parameter readers only check lengths. A reader gives `undefined` for a parameter that
 * is missing, empty or shorter than its type needs: the kernel writes an absent value as zero bytes.
 */
import type { ByteText, Ip, Scalar, ValueType } from '../values/value.ts'
import { EventRecord, MAX_PARAMS } from './event-record.ts'
import { type EventParam, eventTable } from './event-table.ts'

declare global {
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
    /** Node's own primitive under `toString('latin1')`, a quarter faster for short texts; @types/node leaves it out. */
    latin1Slice(start: number, end: number): string
  }
}

/** Bytes of the event header v2: u64 ts, u64 tid, u32 len, u16 type, u32 nparams. */
export const EVENT_HEADER_BYTES = 26

/** `readRecord`: the record goes on after `limit`. */
export const RECORD_CUT = -1
/** `readRecord`: lengths contradict each other. */
export const RECORD_BAD = -2
/** `readRecord`: an event code that this table does not have (a newer writer). */
export const RECORD_UNKNOWN = -3

const LARGE: Uint8Array = Uint8Array.from(eventTable, info => (info.isLarge ? 1 : 0))
const TABLE_PARAMS: Uint8Array = Uint8Array.from(eventTable, info => info.params.length)

/** A new record for a source; it is filled by `attachBytes` and `readRecord`. */
export function createRecord(): EventRecord {
  const first = eventTable[0]
  if (first === undefined) throw new Error('unreachable: the event table is empty')
  return new EventRecord(first)
}

/** Lets `rec` read from `bytes` from now on; offsets of earlier events no longer hold. */
export function attachBytes(rec: EventRecord, bytes: Buffer): void {
  if (rec.bytes === bytes) return
  rec.bytes = bytes
  rec.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Decodes the event (header v2) at byte `at` of the attached bytes into `rec`; `num` and `cpu` are the caller's to set. Returns the
 * offset after the event, or `RECORD_CUT`, `RECORD_BAD`, `RECORD_UNKNOWN`, and then `rec` must not be used. `limit` ≤ `bytes.length` is
 * the first byte that does not belong to the event. Parameters beyond the table's are ignored, missing ones lower `paramCount`.
 */
export function readRecord(rec: EventRecord, at: number, limit: number): number {
  if (at + EVENT_HEADER_BYTES > limit) return RECORD_CUT
  const view = rec.view
  const len = view.getUint32(at + 16, true)
  const end = at + len
  if (len < EVENT_HEADER_BYTES) return RECORD_BAD
  if (end > limit) return RECORD_CUT
  const type = view.getUint16(at + 20, true)
  const info = eventTable[type]
  if (info === undefined) return RECORD_UNKNOWN
  const fileCount = view.getUint32(at + 22, true)
  const count = Math.min(fileCount, TABLE_PARAMS[type]!)
  const paramAt = rec.paramAt
  const paramLen = rec.paramLen
  let lenAt = at + EVENT_HEADER_BYTES
  let dataAt: number
  if (LARGE[type] === 0) {
    dataAt = lenAt + fileCount * 2
    if (dataAt > end) return RECORD_BAD
    for (let i = 0; i < count; i++) {
      const n = view.getUint16(lenAt, true)
      paramAt[i] = dataAt
      paramLen[i] = n
      dataAt += n
      lenAt += 2
    }
  } else {
    dataAt = lenAt + fileCount * 4
    if (dataAt > end) return RECORD_BAD
    for (let i = 0; i < count; i++) {
      const n = view.getUint32(lenAt, true)
      if (n > end - dataAt) return RECORD_BAD
      paramAt[i] = dataAt
      paramLen[i] = n
      dataAt += n
      lenAt += 4
    }
  }
  if (dataAt > end) return RECORD_BAD
  rec.start = at
  rec.end = end
  rec.type = type
  rec.info = info
  rec.paramCount = count
  const tidHigh = view.getInt32(at + 12, true)
  const tidLow = view.getUint32(at + 8, true)
  rec.tid = tidHigh === 0 ? tidLow : tidHigh * 4294967296 + tidLow
  return end
}

// ---------------------------------------------------------------- integers

const U8 = 1
const U16 = 2
const U32 = 3
const U64 = 4
const I8 = 5
const I16 = 6
const I32 = 7
const I64 = 8

const INTEGER_KIND: Readonly<Record<string, number>> = {
  INT8: I8,
  INT16: I16,
  INT32: I32,
  INT64: I64,
  UINT8: U8,
  UINT16: U16,
  UINT32: U32,
  UINT64: U64,
  FLAGS8: U8,
  FLAGS16: U16,
  FLAGS32: U32,
  ENUMFLAGS8: U8,
  ENUMFLAGS16: U16,
  ENUMFLAGS32: U32,
  FD: I64,
  PID: I64,
  ERRNO: I64,
  FD32: I32,
  PID32: I32,
  UID: U32,
  GID: U32,
  MODE: U32,
  SIGTYPE: U8,
  SIGSET: U32,
  BOOL: U32,
  SYSCALLID: U16,
  PORT: U16,
  RELTIME: U64,
  ABSTIME: U64,
}

/** Bytes of an integer of each kind. */
const KIND_BYTES: readonly number[] = [0, 1, 2, 4, 8, 1, 2, 4, 8]

/** How a parameter type is stored when it is an integer: its width in bytes and whether it is signed; undefined for other types. */
export function integerLayout(type: string): { readonly bytes: 1 | 2 | 4 | 8; readonly signed: boolean } | undefined {
  const kind = Object.hasOwn(INTEGER_KIND, type) ? INTEGER_KIND[type] : undefined
  return kind === undefined ? undefined : { bytes: KIND_BYTES[kind] as 1 | 2 | 4 | 8, signed: kind >= I8 }
}

/** Integer kind of every parameter of every event, at `code * MAX_PARAMS + position`; 0 where it is no integer. */
const PARAM_KIND: Uint8Array = new Uint8Array(eventTable.length * MAX_PARAMS)
for (const info of eventTable) {
  for (const [i, param] of info.params.entries()) {
    PARAM_KIND[info.code * MAX_PARAMS + i] = INTEGER_KIND[param.type] ?? 0
  }
}

/** The i64 at `at`, exact: a number when it is a safe integer, else a bigint. */
export function readInt64(view: DataView, at: number): number | bigint {
  const low = view.getUint32(at, true)
  const high = view.getInt32(at + 4, true)
  if (high >= -2097152 && high <= 2097151 && (high !== -2097152 || low !== 0)) return high * 4294967296 + low
  return view.getBigInt64(at, true)
}

/** The u64 at `at`, exact: a number when it is a safe integer, else a bigint. */
export function readUint64(view: DataView, at: number): number | bigint {
  const high = view.getUint32(at + 4, true)
  if (high <= 2097151) return high * 4294967296 + view.getUint32(at, true)
  return view.getBigUint64(at, true)
}

function readKind(view: DataView, at: number, kind: number): number {
  switch (kind) {
    case I64:
      return view.getInt32(at + 4, true) * 4294967296 + view.getUint32(at, true)
    case U64:
      return view.getUint32(at + 4, true) * 4294967296 + view.getUint32(at, true)
    case U32:
      return view.getUint32(at, true)
    case I32:
      return view.getInt32(at, true)
    case U16:
      return view.getUint16(at, true)
    case I16:
      return view.getInt16(at, true)
    case U8:
      return view.getUint8(at)
    default:
      return view.getInt8(at)
  }
}

/** Whether parameter `i` is there with at least one byte. */
export function hasParam(rec: EventRecord, i: number): boolean {
  return i < rec.paramCount && rec.paramLen[i]! > 0
}

/**
 * Parameter `i` of any integer type (ids, fds, flags, ports, signals, times included) as a double: exact up to 2^53, which fds, pids,
 * results, sizes and flags keep to. For 64-bit values whose every bit matters use `paramInteger`. Undefined also for a position of another type.
 */
export function paramNumber(rec: EventRecord, i: number): number | undefined {
  if (i >= rec.paramCount) return undefined
  const kind = PARAM_KIND[rec.type * MAX_PARAMS + i]!
  if (kind === 0 || rec.paramLen[i]! < KIND_BYTES[kind]!) return undefined
  return readKind(rec.view, rec.paramAt[i]!, kind)
}

/** Parameter `i` of any integer type, exact: a number when it is a safe integer, else a bigint. */
export function paramInteger(rec: EventRecord, i: number): number | bigint | undefined {
  if (i >= rec.paramCount) return undefined
  const kind = PARAM_KIND[rec.type * MAX_PARAMS + i]!
  if (kind === 0 || rec.paramLen[i]! < KIND_BYTES[kind]!) return undefined
  if (kind === U64) return readUint64(rec.view, rec.paramAt[i]!)
  if (kind === I64) return readInt64(rec.view, rec.paramAt[i]!)
  return readKind(rec.view, rec.paramAt[i]!, kind)
}

/** Parameter `i` read as i64 whatever its type (FD, PID, ERRNO, INT64), exact. */
export function paramInt64(rec: EventRecord, i: number): number | bigint | undefined {
  if (i >= rec.paramCount || rec.paramLen[i]! < 8) return undefined
  return readInt64(rec.view, rec.paramAt[i]!)
}

/** Parameter `i` read as u64 whatever its type, exact. */
export function paramUint64(rec: EventRecord, i: number): number | bigint | undefined {
  if (i >= rec.paramCount || rec.paramLen[i]! < 8) return undefined
  return readUint64(rec.view, rec.paramAt[i]!)
}

/** Parameter `i` read as u32 whatever its type (UINT32, FLAGS32, UID, MODE, …). */
export function paramUint32(rec: EventRecord, i: number): number | undefined {
  if (i >= rec.paramCount || rec.paramLen[i]! < 4) return undefined
  return rec.view.getUint32(rec.paramAt[i]!, true)
}

// ---------------------------------------------------------------- text and bytes

const NUL = '\0'

/** The text of `bytes[at, at + len)` up to its first NUL. */
export function readText(bytes: Buffer, at: number, len: number): ByteText {
  if (len === 0) return ''
  const end = at + len
  // The kernel's own NUL comes last, and normally no other is inside.
  const text = bytes.latin1Slice(at, bytes[end - 1] === 0 ? end - 1 : end)
  const nul = text.indexOf(NUL)
  return nul < 0 ? text : text.slice(0, nul)
}

/** Parameter `i` as text up to its first NUL; `''` is text that is there and empty, undefined is no text at all. */
export function paramText(rec: EventRecord, i: number): ByteText | undefined {
  if (i >= rec.paramCount) return undefined
  const len = rec.paramLen[i]!
  return len === 0 ? undefined : readText(rec.bytes, rec.paramAt[i]!, len)
}

const CACHE_SLOTS = 4096
const CACHE_MAX_BYTES = 64
/** Direct-mapped: a slot keeps the last text whose bytes hashed to it. At most 4096 texts of 64 characters. */
const textCache: string[] = new Array<string>(CACHE_SLOTS).fill('')

/**
 * Like `paramText`, for texts that repeat (program names, executables, working directories): equal bytes give the same string without
 * making a new one. Texts longer than 64 bytes are read plainly.
 */
export function paramTextInterned(rec: EventRecord, i: number): ByteText | undefined {
  if (i >= rec.paramCount) return undefined
  const len = rec.paramLen[i]!
  if (len === 0) return undefined
  return internText(rec.bytes, rec.paramAt[i]!, len)
}

/** The text of `bytes[at, at + len)` up to its first NUL, kept and shared when it is short. */
export function internText(bytes: Buffer, at: number, len: number): ByteText {
  if (len > CACHE_MAX_BYTES) return readText(bytes, at, len)
  const end = at + len
  let hash = 0
  let stop = at
  for (; stop < end; stop++) {
    const byte = bytes[stop]!
    if (byte === 0) break
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  const slot = (hash ^ (hash >>> 15)) & (CACHE_SLOTS - 1)
  const known = textCache[slot]!
  if (known.length === stop - at) {
    let k = 0
    while (k < known.length && known.charCodeAt(k) === bytes[at + k]) k++
    if (k === known.length) return known
  }
  const text = bytes.latin1Slice(at, stop)
  textCache[slot] = text
  return text
}

/** Parameter `i` as a window into the record's bytes, valid as long as the record; empty when it is missing. */
export function paramBytes(rec: EventRecord, i: number): Buffer {
  if (i >= rec.paramCount) return rec.bytes.subarray(0, 0)
  const at = rec.paramAt[i]!
  return rec.bytes.subarray(at, at + rec.paramLen[i]!)
}

/** All bytes of parameter `i`, NULs included, as text of one character per byte; undefined when it is missing or empty. */
export function paramByteText(rec: EventRecord, i: number): ByteText | undefined {
  if (i >= rec.paramCount) return undefined
  const len = rec.paramLen[i]!
  if (len === 0) return undefined
  const at = rec.paramAt[i]!
  return rec.bytes.latin1Slice(at, at + len)
}

/** The NUL-ended texts of `bytes[at, at + len)`; a last one without NUL counts, empty ones in between too. */
export function readStrings(bytes: Buffer, at: number, len: number): ByteText[] {
  if (len === 0) return []
  const end = at + len
  return bytes.latin1Slice(at, bytes[end - 1] === 0 ? end - 1 : end).split(NUL)
}

/** Parameter `i` as a list of NUL-ended texts: arguments, environment, cgroups. Empty when it is missing. */
export function paramStrings(rec: EventRecord, i: number): ByteText[] {
  return i >= rec.paramCount ? [] : readStrings(rec.bytes, rec.paramAt[i]!, rec.paramLen[i]!)
}

// ---------------------------------------------------------------- addresses

/** PPM address families, which are Linux's. */
export const Family = { unspec: 0, unix: 1, inet: 2, inet6: 10 } as const

/** Reused result of `paramSockaddr`. */
export class SockAddress {
  family = 0
  /** For inet and inet6; IPv4-mapped addresses stay IPv6. */
  ip: Ip | undefined = undefined
  port = 0
  /** For unix sockets; an abstract name's leading NUL ends it, so it is `''`. */
  path: ByteText = ''
}

/** Reused result of `paramSocktuple`. */
export class SockTuple {
  family = 0
  sip: Ip | undefined = undefined
  dip: Ip | undefined = undefined
  sport = 0
  dport = 0
  /** For unix sockets: kernel addresses of both ends, and the path. */
  unixSource: number | bigint = 0
  unixDest: number | bigint = 0
  path: ByteText = ''
}

/** The IPv4 address at `at`, in network order, as its number. */
export function readIpv4(view: DataView, at: number): number {
  return view.getUint32(at, false)
}

/** The IPv6 address at `at` as text of 16 characters. */
export function readIpv6(bytes: Buffer, at: number): ByteText {
  return bytes.latin1Slice(at, at + 16)
}

/** Decodes parameter `i` (SOCKADDR) into `out`; false when it is missing, cut short or of a family without an address here. */
export function paramSockaddr(rec: EventRecord, i: number, out: SockAddress): boolean {
  out.family = 0
  out.ip = undefined
  out.port = 0
  out.path = ''
  if (i >= rec.paramCount) return false
  const len = rec.paramLen[i]!
  if (len < 1) return false
  const at = rec.paramAt[i]!
  const family = rec.view.getUint8(at)
  out.family = family
  if (family === Family.inet) {
    if (len < 7) return false
    out.ip = readIpv4(rec.view, at + 1)
    out.port = rec.view.getUint16(at + 5, true)
    return true
  }
  if (family === Family.inet6) {
    if (len < 19) return false
    out.ip = readIpv6(rec.bytes, at + 1)
    out.port = rec.view.getUint16(at + 17, true)
    return true
  }
  if (family === Family.unix) {
    out.path = readText(rec.bytes, at + 1, len - 1)
    return true
  }
  return false
}

/** Decodes parameter `i` (SOCKTUPLE) into `out`; false when it is missing, cut short or of a family without a tuple here. */
export function paramSocktuple(rec: EventRecord, i: number, out: SockTuple): boolean {
  out.family = 0
  out.sip = undefined
  out.dip = undefined
  out.sport = 0
  out.dport = 0
  out.unixSource = 0
  out.unixDest = 0
  out.path = ''
  if (i >= rec.paramCount) return false
  const len = rec.paramLen[i]!
  if (len < 1) return false
  const at = rec.paramAt[i]!
  const view = rec.view
  const family = view.getUint8(at)
  out.family = family
  if (family === Family.inet) {
    if (len < 13) return false
    out.sip = readIpv4(view, at + 1)
    out.sport = view.getUint16(at + 5, true)
    out.dip = readIpv4(view, at + 7)
    out.dport = view.getUint16(at + 11, true)
    return true
  }
  if (family === Family.inet6) {
    if (len < 37) return false
    out.sip = readIpv6(rec.bytes, at + 1)
    out.sport = view.getUint16(at + 17, true)
    out.dip = readIpv6(rec.bytes, at + 19)
    out.dport = view.getUint16(at + 35, true)
    return true
  }
  if (family === Family.unix) {
    if (len < 17) return false
    out.unixSource = readUint64(view, at + 1)
    out.unixDest = readUint64(view, at + 9)
    out.path = readText(rec.bytes, at + 17, len - 17)
    return true
  }
  return false
}

// ---------------------------------------------------------------- fd lists and values of several types

/** One entry of a poll list; `flags` are PPM poll bits. */
export interface PolledFd {
  readonly fd: number
  readonly flags: number
}

/** Parameter `i` (FDLIST): as many entries as there are whole ones, whatever the count says. */
export function paramFdList(rec: EventRecord, i: number): PolledFd[] {
  const list: PolledFd[] = []
  if (i >= rec.paramCount || rec.paramLen[i]! < 2) return list
  const view = rec.view
  let at = rec.paramAt[i]!
  const end = at + rec.paramLen[i]!
  const count = view.getUint16(at, true)
  at += 2
  while (list.length < count && at + 10 <= end) {
    list.push({ fd: readKind(view, at, I64), flags: view.getUint16(at + 8, true) })
    at += 10
  }
  return list
}

/** What a DYN parameter can hold. */
export interface DynVariant {
  readonly type: ValueType
  readonly format: EventParam['format']
}

const SOCKOPT: readonly DynVariant[] = [
  { type: 'BYTEBUF', format: 'HEX' },
  { type: 'ERRNO', format: 'DEC' },
  { type: 'UINT32', format: 'DEC' },
  { type: 'UINT64', format: 'DEC' },
  { type: 'RELTIME', format: 'DEC' },
]
const PTRACE: readonly DynVariant[] = [
  { type: 'UINT64', format: 'HEX' },
  { type: 'SIGTYPE', format: 'DEC' },
]
const KEYCTL: readonly DynVariant[] = [
  { type: 'INT64', format: 'DEC' },
  { type: 'CHARBUF', format: 'NA' },
]
const BPF: readonly DynVariant[] = [
  { type: 'FD', format: 'DEC' },
  { type: 'ERRNO', format: 'DEC' },
]

/** The variants of the DYN parameters of each event name, by selector (driver/dynamic_params_table.c). */
const DYN_VARIANTS: ReadonlyMap<string, readonly DynVariant[]> = new Map([
  ['setsockopt', SOCKOPT],
  ['getsockopt', SOCKOPT],
  ['ptrace', PTRACE],
  ['bpf', BPF],
  ['keyctl', KEYCTL],
])

/** The variants that DYN parameters of the event `name` can hold, by selector; empty when it has none. */
export function dynVariants(name: string): readonly DynVariant[] {
  return DYN_VARIANTS.get(name) ?? []
}

/** Parameter `i` (DYN): which variant it holds and its value; bytes are text of one character per byte. */
export function paramDyn(rec: EventRecord, i: number): { variant: DynVariant; value: Scalar } | undefined {
  if (i >= rec.paramCount || rec.paramLen[i]! < 1) return undefined
  const at = rec.paramAt[i]!
  const variant = dynVariants(rec.info.name)[rec.view.getUint8(at)]
  if (variant === undefined) return undefined
  const rest = rec.paramLen[i]! - 1
  const kind = INTEGER_KIND[variant.type] ?? 0
  if (variant.type === 'CHARBUF') return { variant, value: readText(rec.bytes, at + 1, rest) }
  if (kind === 0) return { variant, value: rec.bytes.latin1Slice(at + 1, at + 1 + rest) }
  if (rest < KIND_BYTES[kind]!) return undefined
  if (kind === U64) return { variant, value: readUint64(rec.view, at + 1) }
  if (kind === I64) return { variant, value: readInt64(rec.view, at + 1) }
  return { variant, value: readKind(rec.view, at + 1, kind) }
}
