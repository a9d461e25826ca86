import type { EventRecord } from '../events/event-record.ts'
import type { FdEntry, ProcessEntry, SourceSink } from '../events/source.ts'
import type { LibraryCall } from '../events/library-call.ts'
import type { OpenOrders } from '../wire/agent-messages.ts'

/** What the agent asks of a source of live events; `events/live/` fits it, and so does the one that tests use. */
export interface LiveSource {
  /** Hands a piece of what waits to `take` and gives how many events that was. `false` from `take` ends it early. Never waits. */
  drain(take: (record: EventRecord) => boolean): number
  /** From within `take`, which then returns `false`: the event comes again, as the first of the next drain. */
  putBack(): void
  /** Resolves when there is something, or after `timeoutMs`. For when nothing came for a while: being woken costs whoever makes the event. */
  wait(timeoutMs: number): Promise<void>
  /** Ends a `wait` early. */
  cancelWait(): void
  /** Bytes of events that wait. */
  backlogBytes(): number
  counters(): LiveCounters
  /** What is traced from now on, without a gap for what stays. */
  setWanted(wanted: LiveWanted): void
  /** What the user should know of this machine, a plain line each. */
  readonly notices?: readonly string[]
  /**
   * Also tells what the C library in the file tells programs: `offset` is where its function begins. Gives what takes it back. Rejects with
   * a plain reason where it cannot be had. Absent where the source has none.
   */
  watchLibrary?(path: string, call: LibraryCall, offset: number): Promise<() => Promise<void>>
  /**
   * Tells the world as it is now, a piece with each step; what happens meanwhile comes as events. So the first events may be judged before
   * the last process is told, if `lookup` is asked for what is not known.
   */
  tellWorld(sink: SourceSink): Iterator<unknown>
  /** Threads and descriptors as they are now; absent where nobody can be asked. */
  readonly lookup?: LiveLookup
  /** Whether the thread exists now. */
  isAlive(tid: number): boolean
  close(): void | Promise<void>
}

/** One question costs some hundred microseconds. */
export interface LiveLookup {
  process(tid: number): ProcessEntry | undefined
  /** `later`: it is not known yet, ask again. */
  fd(pid: number, fd: number): FdEntry | undefined | 'later'
}

export interface LiveWanted {
  /** System calls by their kernel name. */
  readonly syscalls: ReadonlySet<string>
  /** Tracepoints by the name of their event; `procexit` is told in any case. */
  readonly tracepoints: ReadonlySet<string>
  /** Also the data that names of addresses can be learnt from: answers of name servers, first bytes of TLS connections. */
  readonly observesNames: boolean
  /** Opens and closes that may be left out; absent: none. */
  readonly opens?: OpenOrders | undefined
}

export interface LiveCounters {
  /** Grows with every call of `counters` as long as the probe runs, however quiet the machine is; absent where that cannot be told. */
  readonly seen?: number
  /** Events put into the ring, and events for which it had no room. */
  readonly events: number
  readonly lost: number
  readonly lostByCause?: Readonly<Record<string, number>>
  readonly perCpu?: readonly { readonly cpu: number; readonly events: number; readonly lost: number }[]
  /** Records that could not be decoded. */
  readonly bad?: number
  /** What else is counted, by name: `compat_calls`, … */
  readonly others?: Readonly<Record<string, number>>
}

export interface LiveOptions {
  readonly wanted: LiveWanted
  /** Bytes of I/O data per event. */
  readonly snaplen: number
  readonly ringBytes: number
  /** Called before an event that follows on lost ones. */
  readonly onGap?: () => void
}

/** A module that has live events. */
export interface LiveModule {
  /** Throws an error with a plain one-line `message`, and perhaps `help`, where it cannot be had. */
  openLive(options: LiveOptions): LiveSource
}
