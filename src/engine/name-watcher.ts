import type { Reader } from '../fields/field.ts'
import type { Ip } from '../values/value.ts'

/** The event with the state right after it: what readers of fields see. */
export type EventContext = Parameters<Reader>[0]

/**
 * What checks of `fd.*ip.name` ask of the name index (`domains/`). Both answer for the event at hand: its time, and what its process or
 * container looked up. `C` is what they are told of it.
 */
export interface NameWatcher<C = EventContext> {
  /** Announces the names of a check, once, at link time. They are normalised; a `*.` pattern stands for all names below. */
  watch(names: readonly string[]): WatchedNames<C>
  /** Announces a check of a configured list of names, once, at link time; absent where there are no such lists. */
  watchList?(name: string): WatchedList<C>
  /** Ends one use of what `watch` or `watchList` gave. */
  unwatch?(watched: WatchedNames<C>): void
  /**
   * Every name that counts for the address now, so every watched name for which `matches` is true; best first. `isSure`: those for which
   * `matchesSurely` is.
   */
  namesOf(ip: Ip, ctx: C, isSure?: boolean): readonly string[]
}

/** The names of one check. */
export interface WatchedNames<C = EventContext> {
  /** Whether the address is bound to one of the names. One hash look-up however many there are. */
  matches(ip: Ip, ctx: C): boolean
  /** The same without what the workload may have made up: for a check that keeps a rule from matching. */
  matchesSurely(ip: Ip, ctx: C): boolean
}

/** A configured list, as it is now. */
export interface WatchedList<C = EventContext> extends WatchedNames<C> {
  /** Whether a canonical name is in it. */
  holds(name: string): boolean
}
