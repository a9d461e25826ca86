import type { EventRecord } from '../events/event-record.ts'
import type { SourceSink } from '../events/source.ts'

/** What the agent asks of a source of live events; `events/live/` fits it, and so does the one that tests use. */
export interface LiveSource {
  /** Hands what waits to `take`, at most `maxEvents`, and gives how many that was. `false` from `take` ends it early. Never waits. */
  drain(take: (record: EventRecord) => boolean, maxEvents: number): number
  /** Blocks the thread until something may be there, or `timeoutMs` at most. */
  wait(timeoutMs: number): void
  counters(): LiveCounters
  /** What is traced from now on, without a gap for what stays. */
  setWanted(wanted: LiveWanted): void
  close(): void
}

export interface LiveWanted {
  /** System calls by their kernel name. */
  readonly syscalls: ReadonlySet<string>
  /** Tracepoints by the name of their event; `procexit` is told in any case. */
  readonly tracepoints: ReadonlySet<string>
}

export interface LiveCounters {
  /** How often the probe ran, calls of the agent itself included. */
  readonly seen: number
  /** Events put into the ring, and events for which it had no room. */
  readonly events: number
  readonly lost: number
  readonly lostByCause?: Readonly<Record<string, number>>
  readonly perCpu?: readonly { readonly cpu: number; readonly events: number; readonly lost: number }[]
  /** Records that could not be decoded. */
  readonly bad?: number
  readonly pendingBytes: number
  readonly ringBytes: number
}

export interface LiveOptions {
  readonly wanted: LiveWanted
  /** Bytes of I/O data per event. */
  readonly snaplen: number
  readonly ringBytes: number
}

/** A module that has live events. */
export interface LiveModule {
  /** Throws an error with a plain one-line `message`, and perhaps `help`, where it cannot be had. */
  openLive(options: LiveOptions): LiveSource
  /** Tells the world as it is now; called after `openLive`, so that nothing happens between the two unseen. */
  tellWorld(sink: SourceSink): void | Promise<void>
}
