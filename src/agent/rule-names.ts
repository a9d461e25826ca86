import type { NameIndex } from '../domains/name-index.ts'
import type { NameSet } from '../domains/name-set.ts'
import type { When } from '../domains/binding.ts'
import type { NameSource } from '../state/event-context.ts'
import type { Ip } from '../values/value.ts'

/**
 * The name index as one set of rules uses it: remembers what their checks and outputs announced, so that all of it can be given back when
 * other rules take their place. Names that those announce too are never let go of, as they announce them first.
 */
export class RuleNames {
  readonly #index: NameIndex
  #sets: NameSet[] = []

  constructor(index: NameIndex) {
    this.#index = index
  }

  watch(names: readonly string[]): NameSet {
    const set = this.#index.watch(names)
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
