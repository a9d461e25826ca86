import { type OutputMessage, type OutputSink, SinkError } from '../sinks/sink.ts'

/** What one write does: takes all, fails after taking some, or waits until `release` is called. */
export type Step =
  | { readonly kind: 'take' }
  | { readonly kind: 'fail'; readonly delivered?: number; readonly outlook?: SinkError['outlook'] }
  | { readonly kind: 'block' }

/** A sink for tests of the queue: follows a script, then takes everything. */
export class ScriptedSink implements OutputSink {
  readonly name: string
  readonly maxBatch: number
  readonly #steps: Step[]
  /** Lines that it has taken, in order. */
  readonly taken: string[] = []
  writes = 0
  reopened = 0
  closed = false
  #release: (() => void) | undefined
  #abort: ((error: SinkError) => void) | undefined

  constructor(steps: readonly Step[] = [], options: { name?: string; maxBatch?: number } = {}) {
    this.#steps = [...steps]
    this.name = options.name ?? 'scripted'
    this.maxBatch = options.maxBatch ?? 4
  }

  async write(messages: readonly OutputMessage[]): Promise<void> {
    this.writes++
    const step = this.#steps.shift() ?? { kind: 'take' }
    if (step.kind === 'fail') {
      const delivered = step.delivered ?? 0
      this.taken.push(...messages.slice(0, delivered).map(m => m.line))
      throw new SinkError('scripted', { delivered, outlook: step.outlook ?? 'again' })
    }
    if (step.kind === 'block') {
      await new Promise<void>((resolve, reject) => {
        this.#release = resolve
        this.#abort = reject
      })
    }
    this.taken.push(...messages.map(m => m.line))
  }

  /** Lets a blocked write go on. */
  release(): void {
    this.#release?.()
  }

  async reopen(): Promise<void> {
    this.reopened++
  }

  async close(): Promise<void> {
    this.closed = true
  }

  abort(): void {
    this.#abort?.(new SinkError('given up'))
  }
}
