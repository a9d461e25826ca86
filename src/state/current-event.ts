import type { EventRecord } from '../events/event-record.ts'
import type { EventContext } from './event-context.ts'
import type { Fd } from './fd.ts'
import type { Machine } from './machine.ts'
import type { Thread } from './thread.ts'

/** The one `EventContext`, refilled for each event. */
export class CurrentEvent implements EventContext {
  rec: EventRecord
  thread: Thread | undefined = undefined
  fd: Fd | undefined = undefined
  fdNum: number | undefined = undefined
  fdNameChanged = false
  readonly machine: Machine
  names: EventContext['names'] = undefined
  payload: EventContext['payload'] = undefined
  /** Name of `fd` before the event; '' when the event made it. */
  fdNameBefore = ''
  #firstTsNs: bigint | undefined = undefined
  // Times as their halves: a bigint for each event would cost more than the rest of this class.
  #lastLow = 0
  #lastHigh = 0
  #previousLow = 0
  #previousHigh = 0

  constructor(rec: EventRecord, machine: Machine) {
    this.rec = rec
    this.machine = machine
  }

  get firstTsNs(): bigint {
    return this.#firstTsNs ?? this.rec.tsNs
  }

  get previousTsNs(): bigint {
    return (BigInt(this.#previousHigh) << 32n) | BigInt(this.#previousLow)
  }

  /** Upper half of the event's time in ns, units of 4.3 s; 0 before the first event. */
  get timeHigh(): number {
    return this.#lastHigh
  }

  /** Time of the event, ms since the epoch; 0 before the first event. */
  get timeMs(): number {
    return (this.#lastHigh * 4_294_967_296 + this.#lastLow) / 1e6
  }

  /** Lets go of what the last event referred to. */
  forget(): void {
    this.thread = undefined
    this.fd = undefined
    this.fdNum = undefined
  }

  begin(rec: EventRecord): void {
    this.rec = rec
    this.thread = undefined
    this.fd = undefined
    this.fdNum = undefined
    this.fdNameChanged = false
    this.fdNameBefore = ''
    this.payload = undefined
    if (this.#firstTsNs === undefined) this.#firstTsNs = rec.tsNs
    this.#previousLow = this.#lastLow
    this.#previousHigh = this.#lastHigh
    this.#lastLow = rec.view.getUint32(rec.start, true)
    this.#lastHigh = rec.view.getUint32(rec.start + 4, true)
  }
}
