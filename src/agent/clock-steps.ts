/** Notices when the clock of the day is set, or the machine has slept: by comparing it with one that nobody sets. */

/** What is less may be the time between the two readings, or a clock that is slewed. */
const STEP_MS = 1000

export class ClockSteps {
  readonly #now: () => number
  readonly #steadyNow: () => number
  #offsetMs: number

  /** Milliseconds since the epoch, and of a clock that goes on evenly. */
  constructor(now: () => number, steadyNow: () => number) {
    this.#now = now
    this.#steadyNow = steadyNow
    this.#offsetMs = now() - steadyNow()
  }

  /** By how many ms it was set forward since the last time, or back where that is negative; 0 when it was not. */
  take(): number {
    const offsetMs = this.#now() - this.#steadyNow()
    const stepMs = offsetMs - this.#offsetMs
    this.#offsetMs = offsetMs
    return Math.abs(stepMs) < STEP_MS ? 0 : stepMs
  }
}
