/**
 * Live events of this machine: the probe (native/bpf) writes scap events into a ring that is mapped here, and `drain` shows them where
 * they lie, one reused record, no copy. The order is that of the ring; the times of two CPUs may be swapped by microseconds.
 */
import { release } from 'node:os'
import { messageOf } from '../../diagnostics/message-of.ts'
import { RECORD_UNKNOWN, attachBytes, readRecord } from '../decode-record.ts'
import { nativeSyscalls, syscallCode } from '../event-lookup.ts'
import type { EventRecord } from '../event-record.ts'
import { LIBRARY_CALLS, type LibraryCall } from '../library-call.ts'
import { LiveError } from './live-error.ts'
import {
  type NativeAddon,
  type NativeHandle,
  type NativeLibrary,
  loadAddon,
  probeFeatures,
  readCpuCount,
} from './native-addon.ts'
import { type OpenFilter, SYSCALL_LIMIT, type WantedCalls, encodeFilter, encodeWanted } from './wanted-calls.ts'

export interface LiveOptions {
  readonly wanted: WantedCalls
  /** Bytes of data kept of a read or write (Falco's snap length); 80, at most 8192. */
  readonly snapBytes?: number
  /** The same for data that tells names: port 53, and the first bytes of TLS connections; 4096, at most 8192. */
  readonly namesSnapBytes?: number
  /** Size of the ring, a power of two of at least 64 KiB; 16 MiB. It is locked memory of the kernel. */
  readonly ringBytes?: number
  /** Tell events at once; otherwise `start` does. */
  readonly startNow?: boolean
  /** Called during a drain, before an event that follows on lost ones: what they would have told is not known. */
  readonly onGap?: () => void
  /** The addon's file, if not where the build puts it. */
  readonly addonFile?: string
}

/** Sums since the source was opened. */
export interface LiveCounters {
  /** How many calls that `counters` made on purpose the probe saw: one each time, as long as it is attached, however quiet the machine is. */
  readonly beats: number
  readonly emitted: number
  /** Lost because the ring was full, because an event was larger than 32 KiB, or because its CPU came later and has no buffer. */
  readonly lostRingFull: number
  readonly lostTooLarge: number
  readonly lostNoBuffer: number
  /** System calls of 32-bit programs that are not told: those without a native equal; on arm64 all. */
  readonly compatCalls: number
  /** What programs asked of io_uring, which is not told; 0 where the kernel does not say (before 6.0). */
  readonly uringRequests: number
  readonly wakeups: number
  /** Opens and closes that `OpenFilter` left out. */
  readonly leftOut: number
  /** Told and lost on each CPU that the machine may have. */
  readonly perCpu: readonly { readonly cpu: number; readonly emitted: number; readonly lost: number }[]
  /** Records that `drain` could not read. */
  readonly bad: number
}

export interface LiveSource {
  /** Wanted names that are no system calls of this machine. */
  readonly unknownCalls: readonly string[]
  /** This process's id as events would have it; another one than `process.pid` in a pid namespace of its own. */
  readonly selfPid: number
  /** Begins to tell events. What happens from here on is in the ring: read the start of the world after it, then drain. */
  start(): void
  /** Stops telling; what is in the ring stays there. */
  stop(): void
  /**
   * Shows what is in the ring, at most about `maxBytes` of it (1 MiB), and gives the number of events shown. The record and its bytes are
   * valid only during the call of `onEvent`; `false` from it ends the drain after that event, the rest comes next time.
   */
  drain(record: EventRecord, onEvent: (record: EventRecord) => boolean, maxBytes?: number): number
  /** From within `onEvent`, which then returns `false`: the event comes again, as the first of the next drain. */
  putBack(): void
  /**
   * Another set of calls, without a gap for those in both. Gives the names that are unknown. `opens` is in force for calls that are wanted
   * as `needed`; without it none is left out.
   */
  setWanted(wanted: WantedCalls, opens?: OpenFilter): readonly string[]
  /**
   * Resolves after `timeoutMs`, or when the ring is a quarter full: the timer of a busy drain, 1–5 ms. With `wakeFirst` also when something
   * is in the ring, or with the next event: for when nothing came for some time, as each wake-up costs the program that made the event a
   * microsecond. Occupies one thread of Node's pool. One wait at a time.
   */
  wait(timeoutMs: number, wakeFirst?: boolean): Promise<void>
  /** Ends a `wait` early. */
  cancelWait(): void
  /** To be asked every second or so: this also lets the times of events follow the machine's clock when it is set. */
  counters(): LiveCounters
  /** Bytes that wait in the ring. */
  backlogBytes(): number
  /**
   * Also tells what the C library in the file tells programs that ask it for addresses: `call` begins at byte `offset` of the file.
   * Gives what takes it back. Rejects with a `LiveError`. Costs a call some microseconds.
   */
  watchLibrary(path: string, call: LibraryCall, offset: number): Promise<() => Promise<void>>
  /** Detaches the probe and frees the ring; records seen before can no longer be read. Resolves when no thread waits any more. */
  close(): Promise<void>
}

/** At the end, probes in libraries are given so long to be taken out; after that the kernel does it, as the process ends. */
const UNWATCH_MS = 5000
/** In the ring, before each record: its length with two flag bits, and the prefix with the CPU. */
const RING_HEADER_BYTES = 8
const PREFIX_BYTES = 8
const LOST_AT = 2
const KIND_AT = 4
/** `enum record_kind` of the probe. */
const EARLIER_OPEN = 1
const MAX_RECORD_BYTES = 32 * 1024
const DISCARD_BIT = 0x40000000
const LENGTH_MASK = 0x3fffffff

/** Sums that the addon gives before the counters of each CPU. */
const SUMS = 8

const EVERY_OPEN: OpenFilter = { reads: undefined, writes: undefined, programs: new Set() }

const DEFAULT_RING_BYTES = 16 * 1024 * 1024
const DEFAULT_SPAN_BYTES = 1024 * 1024
/** So much of the data of an event the probe can hand over. */
export const MAX_SNAP_BYTES = 8192

function genericIds(): Uint16Array {
  const ids = new Uint16Array(SYSCALL_LIMIT)
  for (const [number, name] of nativeSyscalls(process.arch).entries()) {
    if (name !== null && number < SYSCALL_LIMIT) ids[number] = syscallCode(name) ?? 0
  }
  return ids
}

function checkNumber(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new LiveError('bad-option', `${name} is ${value}, must be from ${min} to ${max}`)
  return value
}

function checkRingBytes(value: number): number {
  checkNumber('ringBytes', value, 65536, 1024 * 1024 * 1024)
  if ((value & (value - 1)) !== 0) throw new LiveError('bad-option', `ringBytes is ${value}, must be a power of two`)
  return value
}

/** What the addon threw, in words: which step failed, and why if it can be known. */
function explain(addon: NativeAddon, cause: unknown): LiveError {
  const { step, code } = cause as { readonly step?: string; readonly code?: string }
  const [first] = probeFeatures(addon).missing
  if (first !== undefined) return new LiveError(first.code, first.message, cause)
  if (step === 'attach' || step === 'handshake')
    return new LiveError('attach-failed', `the probe cannot be attached (${step}: ${code})`, cause)
  if (code === 'ENOMEM') return new LiveError('load-failed', 'not enough memory for the probe and its ring', cause)
  return new LiveError('load-failed', `the kernel refuses the probe (${step}: ${code})`, cause)
}

/** Loads and attaches the probe. Throws a `LiveError` that says what the machine lacks. Takes some tenths of a second. */
export function openLive(options: LiveOptions): LiveSource {
  const ringBytes = checkRingBytes(options.ringBytes ?? DEFAULT_RING_BYTES)
  const snapBytes = checkNumber('snapBytes', options.snapBytes ?? 80, 0, MAX_SNAP_BYTES)
  const namesSnapBytes = checkNumber('namesSnapBytes', options.namesSnapBytes ?? 4096, 0, MAX_SNAP_BYTES)
  const addon = loadAddon(options.addonFile)
  const cpuCount = readCpuCount()
  const { table, unknown } = encodeWanted(options.wanted)
  let opened: ReturnType<NativeAddon['open']>
  try {
    opened = addon.open({
      ringBytes,
      cpuCount,
      snapBytes,
      namesSnapBytes: Math.max(snapBytes, namesSnapBytes),
      genericIds: genericIds(),
    })
  } catch (cause) {
    throw explain(addon, cause)
  }
  addon.setWanted(opened.handle, table)
  const source = new RingReader(addon, opened, ringBytes, cpuCount, unknown, options.onGap ?? (() => {}))
  if (options.startNow === true) source.start()
  return source
}

/**
 * Why libraries cannot be watched on this kernel. From 6.11 on the kernel is told by a system call where a function returns, and until
 * 6.14 a seccomp filter that does not know the call ends the program (cf6cb56ef244); stable kernels have the cure later in their row.
 */
function libraryRefusal(kernel: string): string | undefined {
  const [, major, minor, patch] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(kernel)?.map(Number) ?? []
  if (major !== 6 || minor === undefined) return undefined
  const isBad = minor === 11 || (minor === 12 && (patch ?? 0) < 20) || (minor === 13 && (patch ?? 0) < 10)
  return isBad ? `on Linux ${kernel} it would end programs that have a seccomp filter` : undefined
}

class RingReader implements LiveSource {
  readonly unknownCalls: readonly string[]
  readonly selfPid: number
  readonly #addon: NativeAddon
  readonly #handle: NativeHandle
  readonly #bytes: Buffer
  /** A record that lies around the end of the ring, put together. */
  readonly #joined: Buffer = Buffer.alloc(MAX_RECORD_BYTES)
  readonly #view: DataView
  readonly #mask: number
  readonly #sums: Float64Array
  readonly #onGap: () => void
  /** What each CPU had lost when its last event was shown. */
  readonly #lostOf: Uint16Array
  /** Where reading goes on in `#bytes`, and how much of the span handed out last is not shown yet. */
  #at = 0
  #left = 0
  #num = 0
  #isPutBack = false
  #bad = 0
  readonly #libraries: Set<() => Promise<void>> = new Set()
  #beats = 0
  #waiting: Promise<void> | undefined
  #isClosed = false

  constructor(
    addon: NativeAddon,
    { handle, data }: ReturnType<NativeAddon['open']>,
    ringBytes: number,
    cpuCount: number,
    unknown: readonly string[],
    onGap: () => void,
  ) {
    const bytes = Buffer.from(data)
    this.#sums = new Float64Array(SUMS + 2 * cpuCount)
    this.#addon = addon
    this.#handle = handle
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#mask = ringBytes - 1
    this.unknownCalls = unknown
    this.selfPid = addon.selfPid(handle)
    this.#onGap = onGap
    this.#lostOf = new Uint16Array(cpuCount)
  }

  start(): void {
    this.#addon.setRunning(this.#handle, true)
  }

  stop(): void {
    this.#addon.setRunning(this.#handle, false)
  }

  drain(record: EventRecord, onEvent: (record: EventRecord) => boolean, maxBytes: number = DEFAULT_SPAN_BYTES): number {
    if (this.#isClosed) return 0
    if (this.#left === 0) this.#left = this.#addon.next(this.#handle, maxBytes)
    if (this.#left === 0) return 0
    const ringBytes = this.#mask + 1
    let count = 0
    while (this.#left > 0) {
      const at = this.#at
      const head = this.#view.getUint32(at, true)
      const length = head & LENGTH_MASK
      const step = (length + RING_HEADER_BYTES + 7) & ~7
      if (step > this.#left) throw new Error('unreachable: a record of the ring goes on behind its span')
      this.#left -= step
      this.#at = (at + step) & this.#mask
      if ((head & DISCARD_BIT) !== 0) continue
      let prefixAt = at + RING_HEADER_BYTES
      if (prefixAt + length <= ringBytes) attachBytes(record, this.#bytes)
      else prefixAt = this.#join(record, prefixAt & this.#mask, length)
      const end = readRecord(record, prefixAt + PREFIX_BYTES, prefixAt + length)
      if (end < 0) {
        if (end !== RECORD_UNKNOWN) this.#bad++
        continue
      }
      const { view } = record
      const cpu = view.getUint16(prefixAt, true)
      const lost = view.getUint16(prefixAt + LOST_AT, true)
      if (lost !== this.#lostOf[cpu]) {
        this.#lostOf[cpu] = lost
        this.#onGap()
      }
      record.cpu = cpu
      record.isEarlierOpen = view.getUint16(prefixAt + KIND_AT, true) === EARLIER_OPEN
      record.num = ++this.#num
      count++
      if (onEvent(record)) continue
      if (this.#isPutBack) {
        this.#isPutBack = false
        this.#num--
        this.#at = at
        this.#left += step
        return count - 1
      }
      break
    }
    // Gives the span back at once, so that the ring has room while nobody drains.
    if (this.#left === 0) this.#left = this.#addon.next(this.#handle, 0)
    return count
  }

  putBack(): void {
    this.#isPutBack = true
  }

  /** Lets `record` read the bytes from `at` on, some of which are at the beginning of the ring; gives where they begin. */
  #join(record: EventRecord, at: number, length: number): number {
    const untilEnd = Math.min(length, this.#mask + 1 - at)
    this.#bytes.copy(this.#joined, 0, at, at + untilEnd)
    this.#bytes.copy(this.#joined, untilEnd, 0, length - untilEnd)
    attachBytes(record, this.#joined)
    return 0
  }

  setWanted(wanted: WantedCalls, opens: OpenFilter = EVERY_OPEN): readonly string[] {
    const { table, unknown } = encodeWanted(wanted)
    this.#addon.setFilter(this.#handle, encodeFilter(opens))
    this.#addon.setWanted(this.#handle, table)
    return unknown
  }

  wait(timeoutMs: number, wakeFirst: boolean = false): Promise<void> {
    if (this.#isClosed || this.#left > 0) return Promise.resolve()
    if (this.#waiting !== undefined) return this.#waiting
    const waiting = this.#addon.wait(this.#handle, timeoutMs, wakeFirst).then(() => {
      this.#waiting = undefined
    })
    this.#waiting = waiting
    return waiting
  }

  cancelWait(): void {
    if (this.#waiting !== undefined) this.#addon.cancel(this.#handle)
  }

  counters(): LiveCounters {
    const s = this.#sums
    if (!this.#isClosed) {
      this.#addon.counters(this.#handle, s)
      if (this.#addon.beat(this.#handle)) this.#beats++
    }
    const perCpu: { cpu: number; emitted: number; lost: number }[] = []
    for (let at = SUMS; at < s.length; at += 2) perCpu.push({ cpu: perCpu.length, emitted: s[at]!, lost: s[at + 1]! })
    return {
      beats: this.#beats,
      perCpu,
      emitted: s[0]!,
      lostRingFull: s[1]!,
      lostTooLarge: s[2]!,
      compatCalls: s[3]!,
      wakeups: s[4]!,
      uringRequests: s[5]!,
      lostNoBuffer: s[6]!,
      leftOut: s[7]!,
      bad: this.#bad,
    }
  }

  backlogBytes(): number {
    return this.#isClosed ? 0 : this.#addon.backlog(this.#handle) + this.#left
  }

  async watchLibrary(path: string, call: LibraryCall, offset: number): Promise<() => Promise<void>> {
    const refusal = this.#isClosed ? 'the probe is closed' : libraryRefusal(release())
    if (refusal !== undefined) throw new LiveError('attach-failed', refusal)
    let library: NativeLibrary | undefined
    try {
      library = await this.#addon.watchLibrary(this.#handle, path, LIBRARY_CALLS.indexOf(call), offset)
    } catch (cause) {
      throw new LiveError('attach-failed', `calls of ${path} cannot be watched (${messageOf(cause)})`, cause)
    }
    const unwatch = async (): Promise<void> => {
      const own = library
      library = undefined
      this.#libraries.delete(unwatch)
      if (own !== undefined) await this.#addon.unwatchLibrary(own)
    }
    this.#libraries.add(unwatch)
    if (this.#isClosed) await unwatch()
    return unwatch
  }

  /** The threads that do it keep no process: the timer does, and ends it where a library's file system does not answer. */
  async #unwatchAll(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise(resolve => {
      timer = setTimeout(resolve, UNWATCH_MS)
    })
    await Promise.race([late, Promise.all([...this.#libraries].map(unwatch => unwatch()))])
    clearTimeout(timer)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.counters()
    this.stop()
    this.#isClosed = true
    await this.#unwatchAll()
    if (this.#waiting !== undefined) {
      this.#addon.cancel(this.#handle)
      await this.#waiting
    }
    this.#addon.close(this.#handle)
  }
}
