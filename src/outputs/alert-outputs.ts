import type { Alert } from '../engine/alert.ts'
import { type AlertFormat, AlertRenderer, type InternalAlert } from './format-alert.ts'
import { type OutputCounters, type OutputNews, OutputQueue, type QueueLimits } from './output-queue.ts'
import { makeMessage, type OutputMessage, type OutputSink } from './sinks/sink.ts'

export interface AlertOutputsOptions {
  readonly format: AlertFormat
  readonly sinks: readonly OutputSink[]
  readonly limits: QueueLimits
  /** Time now, ns since the epoch: stamps news about the agent itself. */
  readonly now: () => bigint
  /** Gets what goes wrong with an output, for the agent's log. */
  readonly tell: (news: OutputNews) => void
  /** How long drops are gathered before they are reported; for tests. */
  readonly dropReportMs?: number
}

const DROP_REPORT_MS = 1_000
const WARNING = 4

/** Name of the alert that tells of alerts lost here. */
export const DROP_RULE = 'Falco internal: output queue drop'

/**
 * All outputs of the agent: renders an alert once and puts the line into one queue per output. Lost alerts are counted per output, told to
 * `tell`, and reported as an internal alert on every output that still works, the one that lost them included once it has room.
 */
export class AlertOutputs {
  readonly #renderer: AlertRenderer
  readonly #queues: readonly OutputQueue[]
  readonly #now: () => bigint
  readonly #tell: (news: OutputNews) => void
  readonly #dropReportMs: number
  /** Drops of a queue that the other outputs know of, and that its own output knows of. */
  readonly #toldOthers = new Map<OutputQueue, number>()
  readonly #toldItself = new Map<OutputQueue, number>()
  #dropTimer: NodeJS.Timeout | undefined

  constructor(options: AlertOutputsOptions) {
    this.#renderer = new AlertRenderer(options.format)
    this.#queues = options.sinks.map(sink => new OutputQueue(sink, options.limits, options.tell))
    this.#now = options.now
    this.#tell = options.tell
    this.#dropReportMs = options.dropReportMs ?? DROP_REPORT_MS
  }

  /** Tells which outputs cannot be written as things are. */
  async check(): Promise<void> {
    await Promise.all(this.#queues.map(queue => queue.check()))
  }

  /** Sends an alert to all outputs without waiting. What does not fit into a queue is dropped, counted and reported. */
  send(alert: Alert): void {
    if (this.#queues.length > 0) this.#push(makeMessage(this.#renderer.render(alert), alert.rule.priority), false)
  }

  /** As `send`, with a line that another thread rendered; `bytes` is its length in UTF-8. */
  sendRendered(line: string, bytes: number, priority: number): void {
    if (this.#queues.length > 0) this.#push({ line, bytes, priority }, false)
  }

  /** As `send`, but a working output takes it whatever waits already: for a replay, which calls `waitForRoom` when `isCrowded`. */
  sendAll(alert: Alert): void {
    if (this.#queues.length > 0) this.#push(makeMessage(this.#renderer.render(alert), alert.rule.priority), true)
  }

  /** Sends news about the agent itself, as `send`. */
  sendInternal(alert: InternalAlert): void {
    this.#push(makeMessage(this.#renderer.renderInternal(alert), alert.priority), false)
  }

  /** A replay should call `waitForRoom` before it sends more. */
  get isCrowded(): boolean {
    return this.#queues.some(queue => queue.isCrowded)
  }

  /** No output takes anything any more: the reader of the only one has gone away (`| head`). */
  get allGone(): boolean {
    return this.#queues.length > 0 && this.#queues.every(queue => queue.isGone)
  }

  /** Resolves when every output that works has written enough to take in more. */
  async waitForRoom(): Promise<void> {
    await Promise.all(this.#queues.map(queue => queue.waitForRoom()))
  }

  /** Resolves when all is written, however long a working output takes. Outputs that are down are not waited for. */
  async settle(): Promise<void> {
    this.#reportDrops()
    await Promise.all(this.#queues.map(queue => queue.settle()))
  }

  /** All outputs let go of files, connections and processes after what is being written (log rotation, SIGUSR1). */
  reopen(): void {
    for (const queue of this.#queues) queue.reopen()
  }

  /** Writes what waits, for at most `timeoutMs`, then closes. What is left is counted as failed and told. Nothing may be sent afterwards. */
  async close(timeoutMs: number): Promise<void> {
    this.#reportDrops()
    await Promise.all(this.#queues.map(queue => queue.close(timeoutMs)))
  }

  get counters(): readonly OutputCounters[] {
    return this.#queues.map(queue => queue.counters)
  }

  #push(message: OutputMessage, beyond: boolean): void {
    for (const queue of this.#queues) {
      if (!queue.push(message, beyond) && !queue.isGone) this.#noteDrop()
    }
  }

  #noteDrop(): void {
    if (this.#dropTimer !== undefined) return
    this.#dropTimer = setTimeout(() => this.#reportDrops(), this.#dropReportMs)
    this.#dropTimer.unref()
  }

  /** An output that has no room gets its news later, so that news cannot pile up in front of a blocked one. */
  #reportDrops(): void {
    clearTimeout(this.#dropTimer)
    this.#dropTimer = undefined
    for (const queue of this.#queues) {
      if (queue.isGone) continue
      const { name, dropped } = queue.counters
      const news = dropped - (this.#toldOthers.get(queue) ?? 0)
      if (news > 0) {
        this.#toldOthers.set(queue, dropped)
        this.#tell({ kind: 'dropped', output: name, count: news })
        const message = this.#dropMessage(name, news, dropped)
        for (const other of this.#queues) if (other !== queue && other.hasRoom) other.push(message)
      }
      const own = dropped - (this.#toldItself.get(queue) ?? 0)
      if (own > 0 && queue.hasRoom && queue.push(this.#dropMessage(name, own, dropped))) {
        this.#toldItself.set(queue, dropped)
      } else if (own > 0) {
        this.#noteDrop()
      }
    }
  }

  #dropMessage(output: string, count: number, total: number): OutputMessage {
    const text = `${DROP_RULE}. ${count} alerts lost: the queue of the output \`${output}\` was full.`
    // Numbers as text, as in all of Falco's internal alerts about drops.
    const fields = [
      ['output', output],
      ['n_drops', `${count}`],
      ['n_drops_total', `${total}`],
    ] as const
    const alert = { rule: DROP_RULE, priority: WARNING, tsNs: this.#now(), text, fields }
    return makeMessage(this.#renderer.renderInternal(alert), WARNING)
  }
}
