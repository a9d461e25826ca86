/** Between pieces it sleeps, each time twice as long, up to a limit: another one with few events in a piece, with some, and with many. */
const FEW_EVENTS = 64
const MANY_EVENTS = 4096
const SHORT_SLEEP_MS = 1
const BUSY_SLEEP_MS = 8
const LONG_SLEEP_MS = 20
/** Programs must not fill more than a fraction of the ring meanwhile: two CPUs write some 300 KiB a millisecond, at the very most. */
const RING_BYTES_FOR_MS = 2 * 1024 * 1024
/** Sleeps in a row that found nothing before it waits for the ring. */
const QUIET_SLEEPS = 4

/** How long the loop sleeps between pieces of the ring: the longer the less was there, as each waking costs. */
export class PollPace {
  readonly #ringBytes: number
  #sleepMs = SHORT_SLEEP_MS
  #quietSleeps = 0

  constructor(ringBytes: number) {
    this.#ringBytes = ringBytes
  }

  /** After a piece of so many events; undefined when nothing was there for a while, and the ring itself shall tell of the next one. */
  sleepMs(events: number): number | undefined {
    if (events > 0) {
      this.#quietSleeps = 0
      this.#sleepMs = Math.min(this.#sleepMs * 2, this.#longestMs(events))
    } else {
      if (++this.#quietSleeps > QUIET_SLEEPS) return undefined
      this.#sleepMs = Math.min(this.#sleepMs * 2, LONG_SLEEP_MS)
    }
    return this.#sleepMs
  }

  #longestMs(events: number): number {
    if (events < FEW_EVENTS) return LONG_SLEEP_MS
    if (events >= MANY_EVENTS) return SHORT_SLEEP_MS
    return Math.max(SHORT_SLEEP_MS, Math.min(BUSY_SLEEP_MS, this.#ringBytes / RING_BYTES_FOR_MS))
  }
}
