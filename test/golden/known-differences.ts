import type { Difference } from './compare-alerts.ts'

/** A difference from Falco's golden alerts that is meant, with its reason. */
export interface KnownDifference {
  readonly capture: string
  readonly rule: string
  /** An output field, a top-level key, or `alert`. */
  readonly key: string
  /** Of the event. */
  readonly num: number
  readonly reason: string
}

/** `docs/compatibility.md` explains each. One that no longer shows fails the run. */
export const knownDifferences: readonly KnownDifference[] = ['evt.args', 'fd.l4proto', 'fd.name'].map(key => ({
  capture: 'net',
  rule: 'F connect',
  key,
  num: 7840,
  reason: 'an IPv6 socket that is connected to an IPv4 address keeps its protocol',
}))

/** Whether the difference is listed; notes in `used` which entry it was. */
export function isKnown(capture: string, difference: Difference, used: Set<KnownDifference>): boolean {
  const entry = knownDifferences.find(
    known =>
      known.capture === capture &&
      known.rule === difference.rule &&
      known.key === difference.key &&
      known.num === difference.num,
  )
  if (entry !== undefined) used.add(entry)
  return entry !== undefined
}
