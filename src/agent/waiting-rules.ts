/**
 * Which events wait for a name: those of which a rule that may wait asks for the name of an address of which nothing is known yet. These
 * rules are tried apart from all others, with names that take note of what is asked; where no rule waits there is nothing of it.
 */
import type { NameIndex } from '../domains/name-index.ts'
import { linkPlan, type Matcher } from '../engine/link-plan.ts'
import type { NameWatcher, WatchedList, WatchedNames } from '../engine/name-watcher.ts'
import { eventTable } from '../events/event-table.ts'
import type { PlannedRule } from '../rules/plan.ts'
import type { EventContext, KnownName, NameSource } from '../state/event-context.ts'
import type { Ip } from '../values/value.ts'
import type { RuleSetup } from './linked-rules.ts'
import { RuleNames } from './rule-names.ts'
import { asksForNames } from './uses-names.ts'

/** An event whose printed names may be exchanged while rules are tried. */
export type Judged = EventContext & { names: EventContext['names'] }

interface Group {
  readonly waitMs: number
  readonly matcher: Matcher
}

export class WaitingRules {
  readonly #probe: NameProbe
  readonly #names: RuleNames
  /** The longest wait first. */
  readonly #groups: readonly Group[]

  constructor(
    setup: RuleSetup,
    rules: ReadonlyMap<number, readonly PlannedRule[]>,
    index: NameIndex,
    quiet: ReadonlySet<string>,
  ) {
    this.#names = new RuleNames(index, quiet)
    this.#probe = new NameProbe(index, this.#names)
    const waits = [...rules.keys()].sort((a, b) => b - a)
    this.#groups = waits.map(waitMs => ({
      waitMs,
      matcher: linkPlan(
        { ...setup.plan, rules: rules.get(waitMs)! },
        {
          fields: name => setup.fields.get(name),
          eventTable,
          names: this.#probe,
          ruleMatching: 'all',
          minPriority: setup.minPriority,
        },
      ),
    }))
  }

  /** How long the event's verdict may wait, ms; 0 when no rule has a reason to. */
  waitMs(event: Judged): number {
    if (event.fd?.isInetSocket !== true) return 0
    for (const { waitMs, matcher } of this.#groups) {
      if (this.#asksInVain(event, matcher)) return waitMs
    }
    return 0
  }

  #asksInVain(event: Judged, matcher: Matcher): boolean {
    if (!matcher.eventCodes.has(event.rec.type)) return false
    const { names } = event
    event.names = this.#probe
    this.#probe.askedInVain = false
    matcher.match(event)
    event.names = names
    return this.#probe.askedInVain
  }

  prepare(): void {
    for (const { matcher } of this.#groups) matcher.prepare()
  }

  /** They must not be tried any more. */
  release(): void {
    this.#names.release()
  }
}

/** The rules that wait, by how long; undefined when none does. A rule says it itself, else `otherwiseMs` counts. */
export function rulesByWait(
  { plan, minPriority }: RuleSetup,
  otherwiseMs: number,
): ReadonlyMap<number, readonly PlannedRule[]> | undefined {
  const byWait = new Map<number, PlannedRule[]>()
  for (const rule of plan.rules) {
    const waitMs = Math.min(rule.waitForNameMs ?? otherwiseMs, MAX_WAIT_MS)
    if (waitMs === 0 || !rule.enabled || rule.priority > minPriority || !asksForNames(rule.condition)) continue
    const rules = byWait.get(waitMs)
    if (rules === undefined) byWait.set(waitMs, [rule])
    else rules.push(rule)
  }
  return byWait.size === 0 ? undefined : byWait
}

/** An answer that takes longer is of no use to whoever waits for it. */
export const MAX_WAIT_MS = 10_000

/** Answers as the index does, and notes when nothing was known of an address. */
class NameProbe implements NameWatcher, NameSource {
  askedInVain = false
  readonly #index: NameIndex
  readonly #names: RuleNames

  constructor(index: NameIndex, names: RuleNames) {
    this.#index = index
    this.#names = names
  }

  watch(names: readonly string[]): WatchedNames {
    return this.#noting(this.#names.watch(names))
  }

  watchList(name: string): WatchedList {
    const list = this.#names.watchList(name)
    return { ...this.#noting(list), holds: one => list.holds(one) }
  }

  nameOf(ip: Ip, ctx: EventContext): string | undefined {
    this.#note(ip, ctx)
    return this.#index.nameOf(ip, ctx)
  }

  namesOf(ip: Ip, ctx: EventContext, isSure?: boolean): readonly string[] {
    this.#note(ip, ctx)
    return this.#index.namesOf(ip, ctx, isSure)
  }

  bindingsOf(ip: Ip, ctx: EventContext): readonly KnownName[] {
    this.#note(ip, ctx)
    return this.#index.bindingsOf(ip, ctx)
  }

  #noting(watched: WatchedNames): WatchedNames {
    return {
      matches: (ip, ctx) => {
        this.#note(ip, ctx)
        return watched.matches(ip, ctx)
      },
      matchesSurely: (ip, ctx) => {
        this.#note(ip, ctx)
        return watched.matchesSurely(ip, ctx)
      },
    }
  }

  #note(ip: Ip, ctx: EventContext): void {
    this.askedInVain ||= !this.#index.hasName(ip, ctx)
  }
}
