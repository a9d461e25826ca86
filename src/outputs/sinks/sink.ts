/**
 * An output channel. The queue in front of it (`output-queue.ts`) calls one method at a time, decides what to try again, bounds what waits,
 * and counts what is lost; a sink only delivers, and says truthfully how far it came.
 */
export interface OutputSink {
  /** For messages and counters: `stdout`, `file`, `syslog`, `program`, `http`. */
  readonly name: string
  /** The most messages that one `write` may get. */
  readonly maxBatch: number
  /** Rejects with a `SinkError` where the first write would, as far as that can be told without writing. Absent: it cannot. */
  check?(): Promise<void>
  /** Delivers the messages in order. Resolves when the channel has taken all of them; rejects with a `SinkError`, nothing else. */
  write(messages: readonly OutputMessage[]): Promise<void>
  /** Lets go of files, connections and processes; the next write gets new ones. For log rotation and new certificates. */
  reopen(): Promise<void>
  /** Ends the channel in order: what was written arrives. */
  close(): Promise<void>
  /** Ends a write that is under way: it rejects at once. For a shutdown that has waited long enough. */
  abort(): void
}

/** One alert as a channel gets it: the line without its end, its length in UTF-8, and the priority (0 most urgent … 7). */
export interface OutputMessage {
  readonly line: string
  readonly bytes: number
  readonly priority: number
}

/**
 * A message of `line`. Measuring the line also makes V8 put it together from its many pieces, which would otherwise all stay in memory,
 * several times the size of the text, for as long as the message waits.
 */
export function makeMessage(line: string, priority: number): OutputMessage {
  return { line, bytes: Buffer.byteLength(line, 'utf8'), priority }
}

/** Why a write failed. */
export class SinkError extends Error {
  /** How many messages of the batch the channel has taken all the same. */
  readonly delivered: number
  /** `again`: it may work later. `lost`: this batch will never go through, the next may. `gone`: the channel is no more, quietly. */
  readonly outlook: 'again' | 'lost' | 'gone'

  constructor(message: string, options: { delivered?: number; outlook?: SinkError['outlook']; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'SinkError'
    this.delivered = options.delivered ?? 0
    this.outlook = options.outlook ?? 'again'
  }
}

/** The errno name (`ENOSPC`) or else the message of what was thrown. */
export function causeText(cause: unknown): string {
  if (cause instanceof Error) return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message
  return String(cause)
}
