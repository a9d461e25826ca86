import type { EventRecord } from '../events/event-record.ts'
import type { LiveSource } from './live-source.ts'

/** The kernel's clock and ours may be so far apart. */
const CLOCK_MS = 10

/**
 * At the end of watching: hands on, piece by piece, what has happened until `nowMs` (since the epoch), and nothing later, as others may go on
 * for ever; or until `take` says no.
 */
export function* drainRest(
  source: LiveSource,
  take: (record: EventRecord) => boolean,
  nowMs: number,
): Generator<undefined, void> {
  const endNs = BigInt(Math.ceil(nowMs) + CLOCK_MS) * 1_000_000n
  let isOver = false
  const takeRest = (record: EventRecord): boolean => {
    isOver = record.tsNs > endNs || !take(record)
    return !isOver
  }
  while (!isOver && source.drain(takeRest) > 0) yield
}
