import type { HostLookup } from '../state/repair.ts'
import type { LiveLookup } from './live-source.ts'

/** Share of the time that may go into questions, and how much of it may be saved up, ms. */
const SHARE = 0.2
const BURST_MS = 200
/** When the time is used up, so many questions are put off before the clock is looked at again. */
const PATIENCE = 16

export interface LookupBudgetOptions {
  /**
   * Whether threads are looked up however long it takes: while the world is told, when each is new and asked for once. The clock would
   * count the time of others, too, where processors are busy, and the first events would be of programs that nobody knows.
   */
  readonly isStarting?: () => boolean
  readonly nowMs?: () => number
}

/**
 * Questions about the system on the way of events: they cost hundreds of microseconds each, so only some of the time may go into them. What
 * is put off is asked again with the next event that needs it.
 */
export function budgetLookups(lookup: LiveLookup, options: LookupBudgetOptions = {}): HostLookup {
  const { isStarting = () => false, nowMs = () => performance.now() } = options
  let leftMs = BURST_MS
  let atMs = nowMs()
  let putOff = 0
  const ask = <T>(question: () => T): T | 'later' => {
    if (putOff > 0) {
      putOff--
      return 'later'
    }
    const startMs = nowMs()
    leftMs = Math.min(BURST_MS, leftMs + (startMs - atMs) * SHARE)
    atMs = startMs
    if (leftMs <= 0) {
      putOff = PATIENCE
      return 'later'
    }
    const answer = question()
    leftMs -= nowMs() - startMs
    return answer
  }
  return {
    process: tid => (isStarting() ? lookup.process(tid) : ask(() => lookup.process(tid))),
    fd: (pid, fd) => ask(() => lookup.fd(pid, fd)),
  }
}
