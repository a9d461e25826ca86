/**
 * Events whose verdict waits for a name: as they were, in the order in which they happened, until something is known of the address or the
 * time is over. An event waits no longer than those before it let it, and is judged as of when its own wait ended.
 */
import { EventSnapshot } from '../state/event-snapshot.ts'
import { type Judged, MAX_WAIT_MS, type WaitingRules } from './waiting-rules.ts'

export interface HeldLimits {
  readonly maxEvents: number
  readonly maxBytes: number
}

const HELD_LIMITS: HeldLimits = { maxEvents: 1024, maxBytes: 8 * 1024 * 1024 }

export interface HeldCounters {
  /** Events that wait now. */
  readonly waiting: number
  /** Since the start: events that waited, those of which a name became known, and those for which there was no room. */
  readonly held: number
  readonly named: number
  readonly overflow: number
}

interface Held {
  readonly event: EventSnapshot
  readonly waiting: WaitingRules
  readonly untilMs: number
  /** `NameIndex.changes` when it was last looked at. */
  changes: number
}

export class HeldEvents {
  readonly #queue: Held[] = []
  #first = 0
  #bytes = 0
  #held = 0
  #named = 0
  #overflow = 0
  readonly #names: { readonly changes: number }
  readonly #judge: (event: EventSnapshot) => void
  readonly #limits: HeldLimits

  constructor(
    names: { readonly changes: number },
    judge: (event: EventSnapshot) => void,
    limits: HeldLimits = HELD_LIMITS,
  ) {
    this.#names = names
    this.#judge = judge
    this.#limits = limits
  }

  /** When the first of them has waited long enough, ms since the epoch; Infinity when none waits. */
  get nextMs(): number {
    return this.#queue[this.#first]?.untilMs ?? Number.POSITIVE_INFINITY
  }

  /** Keeps the event at hand for so long; false when there is no room. */
  hold(event: Judged, waiting: WaitingRules, atMs: number, waitMs: number): boolean {
    const size = event.rec.end - event.rec.start
    const { maxEvents, maxBytes } = this.#limits
    if (this.#queue.length - this.#first >= maxEvents || this.#bytes + size > maxBytes) {
      this.#overflow++
      return false
    }
    const snapshot = new EventSnapshot(event, atMs)
    this.#queue.push({ event: snapshot, waiting, untilMs: atMs + waitMs, changes: this.#names.changes })
    this.#bytes += size
    this.#held++
    return true
  }

  /** Judges those for which the wait is over at that time. */
  advance(nowMs: number): void {
    for (;;) {
      const held = this.#queue[this.#first]
      if (held === undefined) return
      if (!this.#isOver(held, nowMs)) return
      this.#release(held)
    }
  }

  /** Judges all of them by what is known at that time. */
  flush(nowMs: number): void {
    for (let held = this.#queue[this.#first]; held !== undefined; held = this.#queue[this.#first]) {
      if (!this.#isOver(held, nowMs)) held.event.askedAtMs = nowMs
      this.#release(held)
    }
  }

  counters(): HeldCounters {
    return {
      waiting: this.#queue.length - this.#first,
      held: this.#held,
      named: this.#named,
      overflow: this.#overflow,
    }
  }

  #isOver(held: Held, nowMs: number): boolean {
    const { event, untilMs, waiting } = held
    const isLate = nowMs >= untilMs
    if (held.changes === this.#names.changes && !isLate) return false
    held.changes = this.#names.changes
    // A clock that was set back does not make an event wait for ever.
    event.askedAtMs = Math.min(nowMs, untilMs)
    const isNamed = waiting.waitMs(event) === 0
    if (isNamed) this.#named++
    return isNamed || isLate || untilMs - nowMs > MAX_WAIT_MS
  }

  #release({ event }: Held): void {
    this.#first++
    this.#bytes -= event.bytes
    if (this.#first === this.#queue.length || this.#first >= this.#limits.maxEvents) {
      this.#queue.splice(0, this.#first)
      this.#first = 0
    }
    this.#judge(event)
  }
}
