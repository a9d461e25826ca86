import type { NameIndex } from '../domains/name-index.ts'
import type { NameSet } from '../domains/name-set.ts'
import type { When } from '../domains/binding.ts'
import type { NameSource } from '../state/event-context.ts'
import type { Ip } from '../values/value.ts'
import { collectDomains } from '../rules/compile-condition.ts'
import type { Plan, PlannedRule } from '../rules/plan.ts'

/** A rule with this tag has its names compared with what workloads look up and connect to, and looks none of them up. */
const OBSERVE_ONLY_TAG = 'observe_only'

/** The names that only rules tagged so spell. */
export function observedNames(plan: Plan): ReadonlySet<string> {
  const quiet = new Set<string>()
  const isTagged = (rule: PlannedRule): boolean => rule.tags.includes(OBSERVE_ONLY_TAG)
  const rules = plan.rules.filter(rule => rule.enabled)
  if (!rules.some(isTagged)) return quiet
  const others = new Set<string>()
  for (const rule of rules) collectDomains(rule.condition, isTagged(rule) ? quiet : others)
  return quiet.difference(others)
}

/**
 * The name index as one set of rules uses it: remembers what their checks and outputs announced, so that all of it can be given back when
 * other rules take their place. Names that those announce too are never let go of, as they announce them first.
 */
export class RuleNames {
  readonly #index: NameIndex
  readonly #quiet: ReadonlySet<string>
  #sets: NameSet[] = []

  /** `quiet`: names that are never looked up. A check of these and others has its names looked up. */
  constructor(index: NameIndex, quiet: ReadonlySet<string> = new Set()) {
    this.#index = index
    this.#quiet = quiet
  }

  watch(names: readonly string[]): NameSet {
    const set = this.#index.watch(names, { observeOnly: this.#quiet.size > 0 && names.every(n => this.#quiet.has(n)) })
    this.#sets.push(set)
    return set
  }

  watchList(name: string): NameSet {
    const set = this.#index.watchList(name)
    this.#sets.push(set)
    return set
  }

  namesOf(ip: Ip, when: When, isSure?: boolean): readonly string[] {
    return this.#index.namesOf(ip, when, isSure)
  }

  /** What outputs of a rule that spells these names, and names these configured lists, print; see `NameIndex.preferring`. */
  preferring(names: readonly string[], lists: readonly string[]): NameSource {
    if (names.length + lists.length === 0) return this.#index
    const own = names.length === 0 ? [] : [this.#index.watch(names, { observeOnly: true })]
    for (const list of lists) own.push(this.#index.watchList(list))
    this.#sets.push(...own)
    const index = this.#index
    const ownName = (ip: Ip, when: When): string | undefined => {
      for (const set of own) {
        const name = set.nameOf(ip, when)
        if (name !== undefined) return name
      }
      return undefined
    }
    return {
      nameOf: (ip, when) => ownName(ip, when) ?? index.nameOf(ip, when),
      namesOf: (ip, when) => index.namesOf(ip, when),
      bindingsOf: (ip, when) => index.bindingsOf(ip, when),
    }
  }

  /** Gives everything back. */
  release(): void {
    for (const set of this.#sets) this.#index.unwatch(set)
    this.#sets = []
  }
}
