import { isDomainName, isLocalhostName, parseDomainPattern } from '../values/domain-name.ts'
import { parseIp, renderIp } from '../values/ip.ts'
import { NameList } from './name-list.ts'
import { NameSet } from './name-set.ts'

const PATTERN_PREFIX = '*.'

/** Almost every name is in one set, and there may be a million: an array for each would double the memory. */
type OneOrMore = NameSet | readonly NameSet[]

/** Which sets hold which names and patterns. Checks of the same names share one set. */
export class WatchedSets {
  readonly #byName: Map<string, OneOrMore> = new Map()
  /** Patterns by what follows their `*.`. */
  readonly #bySuffix: Map<string, OneOrMore> = new Map()
  readonly #byContent: Map<string, NameSet[]> = new Map()
  /** Configured lists by name, and the sets of those that checks use. */
  readonly #lists: Map<string, NameList> = new Map()
  readonly #ofList: Map<string, NameSet> = new Map()
  #sets = 0
  #malformed = 0

  get setCount(): number {
    return this.#sets + this.#ofList.size
  }

  /** Names and patterns of all sets but those of lists, each once. */
  get nameCount(): number {
    return this.#byName.size + this.#bySuffix.size
  }

  /** Names of the lists that checks use. */
  get listedCount(): number {
    let count = 0
    for (const { list } of this.#ofList.values()) count += list?.size ?? 0
    return count
  }

  /** How many of the names given were none. */
  get malformed(): number {
    return this.#malformed
  }

  /** The set of these names in whatever spelling; what is no name, pattern or address is left out. */
  take(texts: readonly string[], observeOnly: boolean): { readonly set: NameSet; readonly isNew: boolean } {
    const content = new Set<string>()
    for (const text of texts) {
      const name = canonicalName(text)
      if (name === undefined) this.#malformed++
      else content.add(name)
    }
    const key = contentKey(content, observeOnly)
    const alike = this.#byContent.get(key) ?? []
    for (const set of alike) {
      if (!holdsAll(set, content)) continue
      set.holders++
      return { set, isNew: false }
    }
    const set = new NameSet([...content], observeOnly)
    this.#byContent.set(key, [...alike, set])
    this.#sets++
    for (const name of set.names) {
      if (isPattern(name)) addSet(this.#bySuffix, name.slice(PATTERN_PREFIX.length), set)
      else addSet(this.#byName, name, set)
    }
    return { set, isNew: true }
  }

  /** The set of a configured list, empty while nothing is known of it. */
  takeList(name: string): { readonly set: NameSet; readonly isNew: boolean } {
    const known = this.#ofList.get(name)
    if (known !== undefined) {
      known.holders++
      return { set: known, isNew: false }
    }
    const set = new NameSet([], true, this.#lists.get(name) ?? NameList.empty)
    this.#ofList.set(name, set)
    return { set, isNew: true }
  }

  /** Puts other names in a configured list; gives its set if a check uses it. */
  setList(name: string, list: NameList): NameSet | undefined {
    this.#lists.set(name, list)
    const set = this.#ofList.get(name)
    if (set !== undefined) set.list = list
    return set
  }

  /** Gives one use of a set back; true when it was the last one and nothing is left of the set. */
  release(set: NameSet): boolean {
    if (--set.holders > 0) return false
    if (set.list !== undefined) {
      for (const [name, other] of this.#ofList) if (other === set) this.#ofList.delete(name)
      return true
    }
    const key = contentKey(new Set(set.names), set.observeOnly)
    const alike = (this.#byContent.get(key) ?? []).filter(other => other !== set)
    if (alike.length > 0) this.#byContent.set(key, alike)
    else this.#byContent.delete(key)
    this.#sets--
    for (const name of set.names) {
      if (isPattern(name)) removeSet(this.#bySuffix, name.slice(PATTERN_PREFIX.length), set)
      else removeSet(this.#byName, name, set)
    }
    return true
  }

  /** Sets that hold a name or a pattern above it: as many look-ups as it has labels, and one while there is no pattern. */
  holding(name: string): readonly NameSet[] {
    const exact = toArray(this.#byName.get(name))
    if (this.#bySuffix.size === 0 && this.#ofList.size === 0) return exact
    const sets = new Set(exact)
    for (const set of this.#ofList.values()) if (set.holds(name)) sets.add(set)
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      for (const set of toArray(this.#bySuffix.get(name.slice(dot + 1)))) sets.add(set)
    }
    return [...sets]
  }

  /** See `NameIndex.namesToResolve`. */
  namesToResolve(maxPerList: number): { readonly names: readonly string[]; readonly skipped: readonly number[] } {
    const names = new Set<string>()
    const skipped: number[] = []
    for (const set of [...this.#byContent.values()].flat()) {
      if (set.observeOnly) continue
      if (set.names.length > maxPerList) {
        skipped.push(set.names.length)
        continue
      }
      for (const name of set.names) {
        if (!isPattern(name) && !isLocalhostName(name) && parseIp(name) === undefined) names.add(name)
      }
    }
    return { names: [...names], skipped }
  }
}

/** Whether a watched name is a `*.` pattern. */
export function isPattern(name: string): boolean {
  return name.startsWith(PATTERN_PREFIX)
}

/** A name, a pattern or an address in the one form that maps use. */
function canonicalName(text: string): string | undefined {
  if (isDomainName(text)) return text
  const pattern = parseDomainPattern(text)
  if (pattern !== undefined) return pattern.kind === 'exact' ? pattern.name : PATTERN_PREFIX + pattern.suffix
  const ip = text.includes(':') ? parseIp(text) : undefined
  return ip === undefined ? undefined : renderIp(ip)
}

function holdsAll(set: NameSet, content: ReadonlySet<string>): boolean {
  if (set.names.length !== content.size) return false
  for (const name of set.names) if (!content.has(name)) return false
  return true
}

/** Equal for equal content in any order, and rarely for other: a sum of FNV-1a hashes. */
function contentKey(content: ReadonlySet<string>, observeOnly: boolean): string {
  let sum = 0
  for (const name of content) {
    let hash = 0x811c9dc5
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
    sum = (sum + (hash >>> 0)) % 0x1_0000_0000_0000
  }
  return `${content.size}:${sum}:${observeOnly}`
}

function toArray(sets: OneOrMore | undefined): readonly NameSet[] {
  if (sets === undefined) return []
  return sets instanceof NameSet ? [sets] : sets
}

function addSet(map: Map<string, OneOrMore>, key: string, set: NameSet): void {
  const known = map.get(key)
  map.set(key, known === undefined ? set : [...toArray(known), set])
}

function removeSet(map: Map<string, OneOrMore>, key: string, set: NameSet): void {
  const rest = toArray(map.get(key)).filter(other => other !== set)
  if (rest.length === 0) map.delete(key)
  else map.set(key, rest)
}
