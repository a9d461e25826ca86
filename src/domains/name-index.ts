/**
 * Which names belong to which addresses, and since when, and how that is known. Facts come in from look-ups (`apply`), bindings files
 * and what workloads were seen to receive (`learn`); checks of rules ask through the sets that `watch` gives. Everything is bounded:
 * what must be left out is the oldest, taken from whoever has most, marked where it is missing, and counted.
 *
 * Times are milliseconds since the epoch, of whatever clock the caller uses: events' in a replay, the host's where look-ups report.
 */
import { isLocalhostName, normaliseDomain } from '../values/domain-name.ts'
import { ipKey, parseIp, renderIp, unmapIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import {
  type BindingFact,
  type Evidence,
  isDoubtful,
  Level,
  levelOf,
  MAX_ALIASES,
  type Owner,
  timeOf,
  type When,
} from './binding.ts'
import {
  type BindingCounters,
  type BindingLimits,
  BindingStore,
  ERASE_UNUSED_MS,
  GRACE_MS,
  isOfFact,
  type NameFinding,
} from './binding-store.ts'
import { type BindingView, toFact, view } from './binding-view.ts'
import type { NameList } from './name-list.ts'
import type { NameUpdate } from './name-update.ts'
import { type Binding, decidingOf, type NameRecord, type NameSet, rankBindings } from './name-set.ts'
import { isSuspectAnswer } from './suspect-address.ts'
import { isPattern, WatchedSets } from './watched-sets.ts'

export type NameIndexOptions = BindingLimits

/** What outputs print of addresses; the fields' `NameSource`. */
export interface PrintedNames {
  nameOf(ip: Ip, when: When): string | undefined
  namesOf(ip: Ip, when: When): readonly string[]
}

export interface NameIndexStats extends BindingCounters {
  readonly sets: number
  /** Names and patterns of all sets, each once. */
  readonly watched: number
  /** Names of the configured lists that checks use. */
  readonly listed: number
  /** Since the start: */
  readonly suspectAnswers: number
  /** Facts and watched names that are no domain names. */
  readonly malformed: number
}

const SUSPECTS_PER_NAME = 8
const ENDS_IN_DIGIT: RegExp = /[0-9]$/
/** How many ended bindings an update may erase, so that none takes long. */
const SWEEP_PER_UPDATE = 256

export class NameIndex {
  readonly #graceMs: number
  readonly #eraseUnusedMs: number
  readonly #onFinding: (finding: NameFinding) => void
  readonly #watched: WatchedSets = new WatchedSets()
  readonly #store: BindingStore
  /** Lists that have changed, with the names that are still to be looked at. */
  readonly #rescans: Map<NameSet, Iterator<NameRecord, undefined>> = new Map()
  #suspectAnswers = 0
  #malformed = 0

  constructor(options: NameIndexOptions = {}) {
    this.#graceMs = options.graceMs ?? GRACE_MS
    this.#eraseUnusedMs = options.eraseUnusedMs ?? ERASE_UNUSED_MS
    this.#onFinding = options.onFinding ?? (() => {})
    this.#store = new BindingStore({ ...options, holding: name => this.#watched.holding(name) })
  }

  /** Counts up with all that is learnt or confirmed, so that who waits for news knows when to look again. */
  get changes(): number {
    return this.#store.changes
  }

  /**
   * The set of these names, for a check that asks whether an address belongs to one of them. `*.example.com` stands for every name
   * below. An address in text is bound to itself, `localhost` to loopback. What is no name is counted and never matches. Lists of the
   * same names share one set; `unwatch` gives it back. `observeOnly`: never look the names up.
   */
  watch(names: readonly string[], options: { readonly observeOnly?: boolean } = {}): NameSet {
    const { set, isNew } = this.#watched.take(names, options.observeOnly ?? false)
    if (isNew) for (const name of set.names) this.#startWatching(name, set)
    return set
  }

  /** The set of a configured list (`setList`), whose names are never looked up; `unwatch` gives it back. */
  watchList(name: string): NameSet {
    const { set, isNew } = this.#watched.takeList(name)
    if (isNew) for (const record of this.#store.records()) this.#judge(record, set)
    return set
  }

  /**
   * Puts other names in a configured list. Names that come from now on are judged by it; those that are known already when `rescan`
   * gets to them, because there may be a hundred thousand.
   */
  setList(name: string, list: NameList): void {
    const set = this.#watched.setList(name, list)
    if (set !== undefined) this.#rescans.set(set, this.#store.records())
  }

  /** Looks at so many known names whether they are in lists that have changed; true when there are more. */
  rescan(limit: number): boolean {
    for (const [set, records] of this.#rescans) {
      while (limit > 0) {
        const { value, done } = records.next()
        if (done) {
          this.#rescans.delete(set)
          break
        }
        this.#judge(value, set)
        limit--
      }
    }
    return this.#rescans.size > 0
  }

  /** Ends one use of a set; with the last one its names are no longer watched. What is known of them is kept until unused for long. */
  unwatch(set: NameSet): void {
    if (!this.#watched.release(set)) return
    this.#rescans.delete(set)
    for (const record of this.#store.watchedNames.values()) if (record.sets.includes(set)) this.#store.part(record, set)
  }

  /**
   * The names that the agent should look up: of every set of at most `maxPerList` names that is not for observation only; no
   * patterns, and no names that need no look-up. `skipped` are the sizes of the lists left out.
   */
  namesToResolve(maxPerList = 1000): { readonly names: readonly string[]; readonly skipped: readonly number[] } {
    return this.#watched.namesToResolve(maxPerList)
  }

  /**
   * Takes in one fact; `atMs` is when it was seen. A fact that overlaps an earlier one of the same name, address, evidence and owner
   * extends it. `keep`: not erased when it ends, for a replay that asks at past times. Gives false when it was not taken in: the
   * name is none, or the address is not to be believed.
   */
  learn(fact: BindingFact, atMs: number, options: { readonly keep?: boolean } = {}): boolean {
    const name = this.#canonical(fact.name)
    if (name === undefined) {
      this.#malformed++
      return false
    }
    const ip = unmapIp(fact.ip)
    const fromMs = fact.fromMs ?? Number.NEGATIVE_INFINITY
    const untilMs = fact.untilMs ?? this.#endOf(fact)
    const keep = options.keep ?? false
    if (!this.#believes(name, ip, fact.evidence, fact.owner, atMs)) return false
    this.#store.extend(name, ip, fact, fromMs, untilMs, atMs, keep, false)
    const chain = fact.chain ?? NO_NAMES
    for (let i = 0; i < chain.length && i < MAX_ALIASES; i++) {
      const alias = chain[i]!
      const target = this.#canonical(alias)
      if (target !== undefined && target !== name && this.#believes(target, ip, fact.evidence, fact.owner, atMs)) {
        this.#store.extend(target, ip, fact, fromMs, untilMs, atMs, keep, true)
      }
    }
    this.#store.makeRoom(atMs)
    return true
  }

  /** Takes in what a look-up of the agent found, and erases a few of the bindings that have ended meanwhile. */
  apply(update: NameUpdate): void {
    switch (update.kind) {
      case 'addresses':
        this.#applyAddresses(update)
        break
      case 'nodata':
        this.#leave(update.name, binding => update.atMs + this.#store.retentionMs(binding.ttlSec))
        break
      case 'nxdomain':
        this.#leave(update.name, () => update.atMs + this.#graceMs)
        break
      case 'failed':
        for (const binding of this.#resolvedOf(update.name)) binding.stale = true
        break
      case 'dropped':
        this.#leave(update.name, () => update.atMs + this.#eraseUnusedMs)
        break
      default:
        update satisfies never
    }
    this.sweep(update.atMs, SWEEP_PER_UPDATE)
  }

  /** Says that a connection to the address lives: what the address is called now stays, until as many `unpin`. */
  pin(ip: Ip, atMs: number): void {
    this.#store.pin(unmapIp(ip), atMs)
  }

  unpin(ip: Ip): void {
    this.#store.unpin(unmapIp(ip))
  }

  /**
   * Says that a process has ended: what it saw counts for its container, or the host, from now on. So an address has no more bindings of
   * a name than processes live that looked it up.
   */
  endProcess(pid: number, atMs: number): void {
    this.#store.endProcess(pid, atMs)
  }

  /** The clock was set forward by so many ms, or back where that is negative: what is known moves along, as if it had always been so. */
  shiftTimes(byMs: number): void {
    this.#store.shiftTimes(byMs)
  }

  /**
   * Erases what ended before `nowMs` and what nobody had a use for; at most `limit` bindings and as many names. How many it was: when
   * that is the limit there may be more.
   */
  sweep(nowMs: number, limit: number = Number.POSITIVE_INFINITY): number {
    return this.#store.sweep(nowMs, limit)
  }

  /** Whether anything is known of the address at that moment that means something to whoever asks. */
  hasName(ip: Ip, when: When): boolean {
    const bindings = this.#store.addressOf(unmapIp(ip))?.bindings
    return bindings !== undefined && decidingOf(bindings, when) !== undefined
  }

  /** Takes back what was learnt, its aliases with it: it turned out otherwise. */
  retract(fact: BindingFact): void {
    const ip = unmapIp(fact.ip)
    for (const text of [fact.name, ...(fact.chain ?? [])]) {
      const name = this.#canonical(text)
      const bindings = name === undefined ? undefined : this.#store.recordOf(name)?.byIp.get(ipKey(ip))
      for (const binding of bindings?.filter(one => isOfFact(one, fact)) ?? []) this.#store.unbind(binding)
    }
  }

  /** Whether the process at hand itself is known to have been told beyond doubt that the name has the address. */
  isOwn(name: string, ip: Ip, when: When): boolean {
    return this.#levelOf(name, ip, when, Level.process) === Level.process
  }

  /** Whether the name is known to have the address, by anything that means something to whoever asks and is beyond doubt. */
  isBound(name: string, ip: Ip, when: When): boolean {
    return this.#levelOf(name, ip, when, Level.none - 1) !== Level.none
  }

  /** The first level up to `enough` that a binding beyond doubt has for whoever asks; `Level.none` where none has. */
  #levelOf(name: string, ip: Ip, when: When, enough: number): number {
    const bindings = this.#store.recordOf(name)?.byIp.get(ipKey(unmapIp(ip)))
    if (bindings === undefined) return Level.none
    const atMs = timeOf(when)
    for (const binding of bindings) {
      if (isDoubtful(binding) || !binding.isAlive(atMs)) continue
      const level = levelOf(binding, when)
      if (level <= enough) return level
    }
    return Level.none
  }

  /** The names that count for the address at that moment, each once, the best first. `isSure`: as `NameSet.matchesSurely`. */
  namesOf(ip: Ip, when: When, isSure = false): readonly string[] {
    const ranked = this.#rank(ip, when)
    const bindings = isSure && ranked.some(isDoubtful) ? ranked.filter(binding => !isDoubtful(binding)) : ranked
    if (bindings.length === 0) return NO_NAMES
    if (bindings.length === 1) return [bindings[0]!.name.name]
    return [...new Set(bindings.map(binding => binding.name.name))]
  }

  /** The name to print for the address, whether or not a rule asked for it. */
  nameOf(ip: Ip, when: When): string | undefined {
    return this.#rank(ip, when)[0]?.name.name
  }

  /**
   * Answers outputs of a rule that spells these names: of several names that count for an address it prints the rule's own, so that
   * the alert shows why it is one. Does not have them looked up.
   */
  preferring(names: readonly string[]): PrintedNames {
    if (names.length === 0) return this
    const own = this.watch(names, { observeOnly: true })
    return {
      nameOf: (ip, when) => own.nameOf(ip, when) ?? this.nameOf(ip, when),
      namesOf: (ip, when) => this.namesOf(ip, when),
    }
  }

  /** Whether the set holds the name, or a pattern above it. */
  isIn(set: NameSet, name: string): boolean {
    return (this.#store.recordOf(name)?.sets ?? this.#watched.holding(name)).includes(set)
  }

  /** How the names that count for the address are known, the best first. */
  bindingsOf(ip: Ip, when: When): readonly BindingView[] {
    return rankBindings(this.#bindingsOf(unmapIp(ip)), when).map(binding => view(binding, timeOf(when)))
  }

  /** All bindings of an address that are still known, whoever they mean something to, also those that hold no more or not yet. */
  bindingsOfAddress(ip: Ip, atMs: number): readonly BindingView[] {
    return this.#bindingsOf(unmapIp(ip)).map(binding => view(binding, atMs))
  }

  /** All bindings of a canonical name that are still known, also those that hold no more or not yet. */
  bindingsOfName(name: string, atMs: number): readonly BindingView[] {
    this.#store.settle(bindingsOf(this.#store.recordOf(name)))
    return bindingsOf(this.#store.recordOf(name)).map(binding => view(binding, atMs))
  }

  /**
   * Everything known, as facts that another index can learn. They hold from when they were first seen, so that a replay knows a name
   * no sooner than it was known here.
   */
  *facts(): Iterable<BindingFact> {
    this.#store.tidyUp(Number.POSITIVE_INFINITY)
    for (const names of [this.#store.watchedNames, this.#store.otherNames]) {
      for (const record of names.values()) {
        for (const binding of [...record.byIp.values()].flat()) {
          if (!binding.isAlias && binding.evidence !== 'literal') yield toFact(binding)
        }
      }
    }
  }

  /**
   * What counts at `nowMs` and is worth keeping for a later start (`saved-names.ts`). The index may change between two of them: it may then
   * give a binding twice or leave out one that is new. What only a live connection keeps is given the time that it has left without.
   */
  *factsToSave(nowMs: number): Generator<BindingFact, void> {
    // A name that is used again comes again.
    let left = this.#store.size
    for (const names of [this.#store.watchedNames, this.#store.otherNames]) {
      for (const record of names.values()) {
        for (const binding of [...record.byIp.values()].flat()) {
          const { isAlias, evidence, untilMs } = binding
          if (isAlias || evidence === 'literal' || evidence === 'hosts' || evidence === 'claimed') continue
          if (!binding.isAlive(nowMs)) continue
          if (left-- <= 0) return
          const fact = toFact(binding)
          yield untilMs > nowMs ? fact : { ...fact, seenMs: nowMs, untilMs: nowMs + this.#graceMs }
        }
      }
    }
  }

  stats(): NameIndexStats {
    return {
      sets: this.#watched.setCount,
      watched: this.#watched.nameCount,
      listed: this.#watched.listedCount,
      ...this.#store.counters(),
      suspectAnswers: this.#suspectAnswers,
      malformed: this.#malformed + this.#watched.malformed,
    }
  }

  // Watching

  #startWatching(name: string, set: NameSet): void {
    if (isPattern(name)) {
      const ending = name.slice(1)
      for (const names of [this.#store.watchedNames, this.#store.otherNames]) {
        for (const record of names.values()) if (record.name.endsWith(ending)) this.#store.join(record, set)
      }
      return
    }
    const record = this.#store.recordOf(name)
    if (record !== undefined) this.#store.join(record, set)
    if (isLocalhostName(name)) {
      this.#bindForEver(name, LOOPBACK_V4)
      this.#bindForEver(name, LOOPBACK_V6)
    } else if (mayBeAddress(name)) {
      const ip = parseIp(name)
      if (ip !== undefined) this.#bindForEver(name, unmapIp(ip))
    }
  }

  #bindForEver(name: string, ip: Ip): void {
    const at = Number.NEGATIVE_INFINITY
    this.#store.extend(name, ip, { name, ip, evidence: 'literal' }, at, Number.POSITIVE_INFINITY, 0, true, false)
  }

  /** Whether a name is in a list may have changed. */
  #judge(record: NameRecord, set: NameSet): void {
    const isHeld = set.holds(record.name)
    if (isHeld === record.sets.includes(set)) return
    if (isHeld) {
      this.#store.join(record, set)
      return
    }
    for (const bindings of record.byIp.values()) for (const binding of bindings) set.remove(binding)
    this.#store.part(record, set)
  }

  // Facts

  /** Names that are known are canonical: no need to look at each character again. */
  /** Undefined for what is no name: neither is an address in text, which is bound to itself alone (`literal`), whoever says so. */
  #canonical(text: string): string | undefined {
    const name = this.#store.recordOf(text) === undefined ? normaliseDomain(text) : text
    return name !== undefined && ENDS_IN_DIGIT.test(name) && parseIp(name) !== undefined ? undefined : name
  }

  #believes(name: string, ip: Ip, evidence: Evidence, owner: Owner | undefined, atMs: number): boolean {
    if ((evidence !== 'observed' && evidence !== 'resolved') || !isSuspectAnswer(name, ip)) return true
    this.#suspectAnswers++
    const record = this.#store.recordFor(name, owner, atMs)
    record.suspects ??= new Set()
    const { suspects } = record
    if (suspects.size === 0) {
      const message = `${name} was said to be ${renderIp(ip)}, an address of this host or link: not believed`
      this.#onFinding({ kind: 'suspect-address', name, ip, message })
    }
    if (suspects.size < SUSPECTS_PER_NAME) suspects.add(ip)
    return false
  }

  #applyAddresses(update: NameUpdate & { kind: 'addresses' }): void {
    const { name, atMs } = update
    const current = new Set<Ip>()
    for (const { ip: answered, ttlSec } of update.addresses) {
      const ip = unmapIp(answered)
      if (!this.#believes(name, ip, 'resolved', undefined, atMs)) continue
      current.add(ip)
      const { resolver, chain } = update
      const fact: BindingFact = {
        name,
        ip,
        evidence: 'resolved',
        resolver,
        chain,
        ...(ttlSec !== undefined && { ttlSec }),
      }
      this.#store.extend(name, ip, fact, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, atMs, false, false)
      // Nobody looks an alias up for its own sake, so nobody would tell when it no longer has the address.
      const untilMs = atMs + this.#store.retentionMs(ttlSec)
      for (const alias of chain) {
        if (this.#believes(alias, ip, 'resolved', undefined, atMs)) {
          this.#store.extend(alias, ip, fact, Number.NEGATIVE_INFINITY, untilMs, atMs, false, true)
        }
      }
    }
    for (const binding of this.#resolvedOf(name)) {
      const { ip } = binding.address
      if (current.has(ip) || binding.isAlias) continue
      if (update.failedFamily === (typeof ip === 'number' ? 4 : 6)) binding.stale = true
      else this.#store.endAt(binding, atMs + this.#store.retentionMs(binding.ttlSec))
    }
    if (update.cut > 0)
      this.#store.markNameOverflow(
        this.#store.recordFor(name, undefined, atMs),
        atMs + this.#store.retentionMs(undefined),
      )
    this.#store.makeRoom(atMs)
  }

  #resolvedOf(name: string): Binding[] {
    const found: Binding[] = []
    for (const bindings of this.#store.recordOf(name)?.byIp.values() ?? []) {
      for (const binding of bindings) if (binding.evidence === 'resolved') found.push(binding)
    }
    return found
  }

  #leave(name: string, endOf: (binding: Binding) => number): void {
    for (const binding of this.#resolvedOf(name)) this.#store.endAt(binding, endOf(binding))
  }

  #endOf(fact: BindingFact): number {
    if (fact.fromMs === undefined || fact.ttlSec === undefined) return Number.POSITIVE_INFINITY
    return fact.fromMs + this.#store.retentionMs(fact.ttlSec)
  }

  // Room

  /** As they are shown: none twice. */
  #bindingsOf(ip: Ip): readonly Binding[] {
    this.#store.settle(this.#store.addressOf(ip)?.bindings ?? NO_BINDINGS)
    return this.#store.addressOf(ip)?.bindings ?? NO_BINDINGS
  }

  #rank(ip: Ip, when: When): readonly Binding[] {
    const bindings = this.#store.addressOf(unmapIp(ip))?.bindings
    return bindings === undefined ? NO_BINDINGS : rankBindings(bindings, when)
  }
}

function bindingsOf(record: NameRecord | undefined): Binding[] {
  return [...(record?.byIp.values() ?? [])].flat()
}

const NO_BINDINGS: readonly Binding[] = []
const NO_NAMES: readonly string[] = []
const LOOPBACK_V4 = 0x7f000001
const LOOPBACK_V6: string = `${'\0'.repeat(15)}\x01`

/** Cheaper than parsing each of a million names. */
function mayBeAddress(name: string): boolean {
  const last = name.charCodeAt(name.length - 1)
  return (last >= 0x30 && last <= 0x39) || name.includes(':')
}
