import { causeText, type OutputMessage, type OutputSink, SinkError } from './sinks/sink.ts'
import { sleepUnlessAborted } from './sinks/line-writer.ts'

/** How much may wait in front of an output, and how long it is tried. */
export interface QueueLimits {
  /** Most messages that wait. */
  readonly capacity: number
  /** Most bytes that wait. */
  readonly capacityBytes: number
  /** How long one batch is tried again before it is given up. */
  readonly retryForMs: number
  /** A write that takes longer is reported once (`output_timeout`). */
  readonly timeoutMs: number
}

export const defaultQueueLimits: QueueLimits = {
  capacity: 10_000,
  capacityBytes: 32 * 1024 * 1024,
  retryForMs: 5_000,
  timeoutMs: 2_000,
}

/** What an output has done since it was opened, in messages. `waiting` includes those being written. */
export interface OutputCounters {
  readonly name: string
  readonly written: number
  /** Never taken in: the queue was full, or the channel gone. */
  readonly dropped: number
  /** Taken in and given up: the channel did not take them. */
  readonly failed: number
  readonly waiting: number
}

/** News from an output, for the agent's own log. */
export type OutputNews =
  | { readonly kind: 'slow'; readonly output: string; readonly timeoutMs: number }
  | { readonly kind: 'failed'; readonly output: string; readonly error: SinkError; readonly lost: number }
  | { readonly kind: 'recovered'; readonly output: string }
  | { readonly kind: 'gone'; readonly output: string; readonly error: SinkError }
  | { readonly kind: 'dropped'; readonly output: string; readonly count: number }

/** A replay waits for a working output that has more than this before it; it makes alerts as fast as they can be written anyway. */
const CROWD = { messages: 1_000, bytes: 256 * 1024 } as const

/** A batch is no larger, unless one message is: several times what a pipe holds. */
const BATCH_BYTES = 256 * 1024

const FIRST_RETRY_MS = 100
const MOST_RETRY_MS = 2_000
const MOST_PAUSE_MS = 30_000
/** An output that refuses each message would fill the log: failures are reported at once, then together, this often at most. */
const FAILURE_REPORT_MS = 1_000

/** `up`: the last write went well. `down`: a batch was given up, each further one gets one try. `gone`: nothing will be written again. */
type Health = 'up' | 'down' | 'gone'

/**
 * A bounded queue in front of one output and the loop that empties it, so that an output that is slow, blocked or broken holds up neither
 * the engine nor another output. What does not fit is dropped and counted; what fails is tried again for a while, then counted.
 */
export class OutputQueue {
  readonly #sink: OutputSink
  readonly #limits: QueueLimits
  readonly #tell: (news: OutputNews) => void
  #waiting: OutputMessage[] = []
  #head = 0
  #bytes = 0
  #inFlight = 0
  #written = 0
  #dropped = 0
  #failed = 0
  /** Failures that nobody was told of yet. */
  #unreported: { readonly error: SinkError; readonly lost: number } | undefined
  #reportTimer: NodeJS.Timeout | undefined
  #health: Health = 'up'
  #pauseMs = 0
  #reopenAsked = false
  #running = false
  #closing = new AbortController()
  #wakers: (() => void)[] = []

  constructor(sink: OutputSink, limits: QueueLimits, tell: (news: OutputNews) => void) {
    this.#sink = sink
    this.#limits = limits
    this.#tell = tell
  }

  /** Tells at once what would go wrong with the first message. */
  async check(): Promise<void> {
    try {
      await this.#sink.check?.()
    } catch (error) {
      if (!(error instanceof SinkError)) throw error
      this.#tell({ kind: 'failed', output: this.name, error, lost: 0 })
    }
  }

  get name(): string {
    return this.#sink.name
  }

  get counters(): OutputCounters {
    const waiting = this.#waiting.length - this.#head + this.#inFlight
    return { name: this.name, written: this.#written, dropped: this.#dropped, failed: this.#failed, waiting }
  }

  /** The channel is no more (its reader went away); what is pushed is dropped. */
  get isGone(): boolean {
    return this.#health === 'gone'
  }

  get hasRoom(): boolean {
    return this.#waiting.length - this.#head < this.#limits.capacity && this.#bytes < this.#limits.capacityBytes
  }

  /**
   * Takes a message in; `false` if it was dropped. `beyond` lets a healthy output take more than the limit: for replay, which waits for room
   * (`waitForRoom`) between pieces of the capture, and for the news that messages were dropped.
   */
  push(message: OutputMessage, beyond = false): boolean {
    if (this.#health === 'gone' || !(this.hasRoom || (beyond && this.#health === 'up'))) {
      this.#dropped++
      return false
    }
    this.#waiting.push(message)
    this.#bytes += message.bytes
    this.#start()
    return true
  }

  /** A replay had better wait (`waitForRoom`): more waits than a healthy output writes at once. Never for one that is down or gone. */
  get isCrowded(): boolean {
    return this.#health === 'up' && this.#holds(1)
  }

  /** Resolves when little waits, or when waiting is of no use because the output is down or gone. */
  async waitForRoom(): Promise<void> {
    while (this.#health === 'up' && this.#holds(0.5)) await this.#progress()
  }

  /** Resolves when nothing waits any more, however long a healthy output takes, or when the output is down. For the end of a replay. */
  async settle(): Promise<void> {
    while (this.#running && this.#health !== 'down') await this.#progress()
  }

  /** Resolves when nothing waits any more, or after `timeoutMs`; says whether nothing waits. */
  async drain(timeoutMs: number): Promise<boolean> {
    const until = performance.now() + timeoutMs
    while (this.#running && performance.now() < until) await this.#progress(until - performance.now())
    return !this.#running
  }

  /** After what is being written: the output lets go of its file, connection or process and gets a new one. */
  reopen(): void {
    this.#reopenAsked = true
    this.#start()
  }

  /** Drains for `timeoutMs`, then gives up what is left (counted as failed) and closes the output. */
  async close(timeoutMs: number): Promise<void> {
    if (!(await this.drain(timeoutMs))) {
      this.#closing.abort()
      this.#sink.abort()
      while (this.#running) await this.#progress()
    }
    this.#reportFailures()
    clearTimeout(this.#reportTimer)
    this.#health = 'gone'
    await this.#sink.close().catch((error: unknown) => {
      this.#tell({ kind: 'failed', output: this.name, error: asSinkError(error), lost: 0 })
    })
  }

  /** Whether more waits than `share` of what a replay lets pile up. */
  #holds(share: number): boolean {
    const { capacity, capacityBytes } = this.#limits
    const messages = Math.min(capacity, CROWD.messages) * share
    return this.#waiting.length - this.#head > messages || this.#bytes > Math.min(capacityBytes, CROWD.bytes) * share
  }

  /** Resolves at the next step of the loop, or after `timeoutMs`. */
  #progress(timeoutMs?: number): Promise<void> {
    return new Promise(resolve => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs)
      this.#wakers.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #wake(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers) wake()
  }

  #start(): void {
    if (this.#running) return
    this.#running = true
    // Not at once: the messages of one turn of the event loop go out together.
    setImmediate(() => this.#run())
  }

  async #run(): Promise<void> {
    while (this.#reopenAsked || this.#waiting.length > this.#head) {
      if (this.#closing.signal.aborted) this.#discard()
      else if (this.#reopenAsked) await this.#reopenNow()
      else await this.#writeBatch()
      this.#wake()
    }
    this.#running = false
    this.#wake()
  }

  async #reopenNow(): Promise<void> {
    this.#reopenAsked = false
    try {
      await this.#sink.reopen()
    } catch (error) {
      this.#tell({ kind: 'failed', output: this.name, error: asSinkError(error), lost: 0 })
    }
  }

  /** The next messages: at least one, else as many as the sink takes and as make a piece that is not large. */
  #takeBatch(): OutputMessage[] {
    const batch: OutputMessage[] = []
    let bytes = 0
    const end = Math.min(this.#waiting.length, this.#head + this.#sink.maxBatch)
    while (this.#head < end && (bytes === 0 || bytes + this.#waiting[this.#head]!.bytes <= BATCH_BYTES)) {
      const message = this.#waiting[this.#head++]!
      bytes += message.bytes
      batch.push(message)
    }
    this.#bytes -= bytes
    if (this.#head >= 1024 || this.#head === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    return batch
  }

  async #writeBatch(): Promise<void> {
    if (this.#health === 'down') await sleepUnlessAborted(this.#pauseMs, this.#closing.signal)
    let batch = this.#takeBatch()
    const giveUpAt = performance.now() + (this.#health === 'down' ? 0 : this.#limits.retryForMs)
    let retryMs = FIRST_RETRY_MS
    while (batch.length > 0) {
      this.#inFlight = batch.length
      const error = await this.#tryWrite(batch)
      const delivered = error === undefined ? batch.length : Math.min(error.delivered, batch.length)
      this.#written += delivered
      batch = batch.slice(delivered)
      this.#inFlight = batch.length
      if (error === undefined) return this.#markUp()
      if (delivered > 0) retryMs = FIRST_RETRY_MS
      if (error.outlook === 'gone') return this.#markGone(error, batch.length)
      if (error.outlook === 'lost') {
        // The first of the rest is what the output will never take; what follows it may be fine.
        this.#giveUp(error, Math.min(1, batch.length))
        batch = batch.slice(1)
        continue
      }
      if (this.#closing.signal.aborted || performance.now() + retryMs > giveUpAt)
        return this.#markDown(error, batch.length)
      this.#wake()
      await sleepUnlessAborted(retryMs, this.#closing.signal)
      retryMs = Math.min(retryMs * 2, MOST_RETRY_MS)
    }
    this.#inFlight = 0
  }

  async #tryWrite(batch: readonly OutputMessage[]): Promise<SinkError | undefined> {
    const { timeoutMs } = this.#limits
    const slow = setTimeout(() => this.#tell({ kind: 'slow', output: this.name, timeoutMs }), timeoutMs).unref()
    try {
      await this.#sink.write(batch)
      return undefined
    } catch (error) {
      return asSinkError(error)
    } finally {
      clearTimeout(slow)
    }
  }

  #markUp(): void {
    this.#inFlight = 0
    if (this.#health === 'down') {
      this.#reportFailures()
      this.#tell({ kind: 'recovered', output: this.name })
    }
    if (this.#health !== 'gone') this.#health = 'up'
    this.#pauseMs = 0
  }

  #giveUp(error: SinkError, lost: number): void {
    this.#failed += lost
    this.#unreported = { error, lost: lost + (this.#unreported?.lost ?? 0) }
    if (this.#reportTimer === undefined) this.#reportFailures()
  }

  #reportFailures(): void {
    clearTimeout(this.#reportTimer)
    this.#reportTimer = undefined
    if (this.#unreported === undefined) return
    this.#tell({ kind: 'failed', output: this.name, ...this.#unreported })
    this.#unreported = undefined
    this.#reportTimer = setTimeout(() => this.#reportFailures(), FAILURE_REPORT_MS)
    this.#reportTimer.unref()
  }

  #markDown(error: SinkError, lost: number): void {
    this.#inFlight = 0
    this.#giveUp(error, lost)
    this.#health = 'down'
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, 1_000), MOST_PAUSE_MS)
  }

  #markGone(error: SinkError, lost: number): void {
    this.#inFlight = 0
    this.#failed += lost
    this.#health = 'gone'
    this.#discard()
    this.#reportFailures()
    this.#tell({ kind: 'gone', output: this.name, error })
  }

  #discard(): void {
    this.#failed += this.#waiting.length - this.#head
    this.#waiting = []
    this.#head = 0
    this.#bytes = 0
    this.#reopenAsked = false
  }
}

function asSinkError(error: unknown): SinkError {
  return error instanceof SinkError ? error : new SinkError(causeText(error), { outlook: 'lost', cause: error })
}
