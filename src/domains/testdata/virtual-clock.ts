/** A clock that a test turns by hand, and its timers. */
import type { SetTimer } from '../refresh.ts'

interface Timer {
  readonly atMs: number
  readonly run: () => void
}

export class VirtualClock {
  nowMs: number
  readonly #timers: Set<Timer> = new Set()

  constructor(startMs: number) {
    this.nowMs = startMs
  }

  readonly now: () => number = () => this.nowMs

  readonly setTimer: SetTimer = (run, delayMs) => {
    const timer = { atMs: this.nowMs + delayMs, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Turns the clock by `byMs`; timers run in order, and what they began is given the chance to end before the next. */
  async advance(byMs: number, settle: () => Promise<void> = nextTurn): Promise<void> {
    const endMs = this.nowMs + byMs
    await settle()
    for (;;) {
      let next: Timer | undefined
      for (const timer of this.#timers) if (next === undefined || timer.atMs < next.atMs) next = timer
      if (next === undefined || next.atMs > endMs) break
      this.#timers.delete(next)
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
      await settle()
    }
    this.nowMs = endMs
  }
}

export function nextTurn(): Promise<void> {
  return new Promise(done => setImmediate(done))
}
