import type { Alert } from '../engine/alert.ts'
import { type AlertFormat, AlertRenderer } from '../outputs/format-alert.ts'
import { type AlertBatch, MAX_BATCH, MAX_UNCONFIRMED_BYTES } from '../wire/agent-messages.ts'

/** Alerts on their way from the worker to the main thread: rendered, in batches, and no more than that has room for. */
export class AlertBatches {
  readonly #post: (batch: AlertBatch) => void
  #renderer: AlertRenderer | undefined = undefined
  #generation = 0
  #rules: number[] = []
  #lines: string[] = []
  #sizes: number[] = []
  #bytes = 0
  #unconfirmedBytes = 0
  #alerts = 0
  #dropped = 0

  constructor(post: (batch: AlertBatch) => void) {
    this.#post = post
  }

  /** All that there were, and those of them that found no room. */
  get counters(): { readonly alerts: number; readonly droppedAlerts: number } {
    return { alerts: this.#alerts, droppedAlerts: this.#dropped }
  }

  /** Alerts are of the rules of this generation from now on: those before are told as what they are. */
  use(generation: number, format: AlertFormat): void {
    this.flush()
    this.#generation = generation
    this.#renderer = new AlertRenderer(format)
  }

  add(alert: Alert): void {
    this.#alerts++
    if (this.#unconfirmedBytes + this.#bytes > MAX_UNCONFIRMED_BYTES) {
      this.#dropped++
      return
    }
    const line = this.#renderer!.render(alert)
    const bytes = Buffer.byteLength(line, 'utf8')
    this.#rules.push(alert.rule.index)
    this.#lines.push(line)
    this.#sizes.push(bytes)
    this.#bytes += bytes
    if (this.#lines.length === MAX_BATCH) this.flush()
  }

  flush(): void {
    if (this.#lines.length === 0) return
    const [rules, lines, sizes] = [this.#rules, this.#lines, this.#sizes]
    this.#post({ kind: 'alerts', generation: this.#generation, rules, lines, sizes })
    this.#unconfirmedBytes += this.#bytes
    this.#rules = []
    this.#lines = []
    this.#sizes = []
    this.#bytes = 0
  }

  /** The main thread has made room. */
  confirm(bytes: number): void {
    this.#unconfirmedBytes = Math.max(0, this.#unconfirmedBytes - bytes)
  }
}
