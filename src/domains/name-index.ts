/**
 * Which names belong to which addresses, and since when, and how that is known. Facts come in from look-ups (`apply`), bindings files
 * and what workloads were seen to receive (`learn`); checks of rules ask through the sets that `watch` gives. Everything is bounded:
 * what must be left out is the oldest, taken from whoever has most, marked where it is missing, and counted.
 *
 * Times are milliseconds since the epoch, of whatever clock the caller uses: events' in a replay, the host's where look-ups report.
 */
import { isLocalhostName, normaliseDomain } from '../values/domain-name.ts'
import { parseIp, renderIp, unmapIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import {
  type BindingFact,
  type Evidence,
  isDoubtful,
  isWorkloadEvidence,
  Level,
  levelOf,
  MAX_ALIASES,
  type Owner,
  timeOf,
  type When,
} from './binding.ts'
import type { NameList } from './name-list.ts'
import type { NameUpdate } from './name-update.ts'
import {
  AddressRecord,
  Binding,
  decidingOf,
  NameRecord,
  NO_CHAIN,
  type NameSet,
  rankBindings,
  removeFrom,
} from './name-set.ts'
import { isSuspectAnswer } from './suspect-address.ts'
import { TimeBuckets } from './time-buckets.ts'
import { giverOf, UnwatchedNames } from './unwatched-names.ts'
import { isPattern, WatchedSets } from './watched-sets.ts'

export interface NameIndexOptions {
  /** A TTL below this counts as this much, for programs keep answers longer than they may (.NET: 120 s). */
  readonly ttlFloorMs?: number
  /** How long an address stays after its TTL when it has left the answer, and all addresses of a name that no longer exists. */
  readonly graceMs?: number
  /** Names that no set holds are erased when nobody had a use for them for so long. */
  readonly eraseUnusedMs?: number
  readonly maxAddressesPerName?: number
  readonly maxNamesPerAddress?: number
  /** Names that no set holds. */
  readonly maxUnwatchedNames?: number
  readonly maxBindings?: number
  readonly maxPins?: number
  /** Told of each name once per kind. Must not throw. */
  readonly onFinding?: (finding: NameFinding) => void
}

export type NameFinding =
  /** An answer said that a public name lives on this host or link; see `isSuspectAnswer`. */
  | { readonly kind: 'suspect-address'; readonly name: string; readonly ip: Ip; readonly message: string }
  /** A name has more addresses than are kept. */
  | { readonly kind: 'too-many-addresses'; readonly name: string; readonly message: string }

/** What outputs print of addresses; the fields' `NameSource`. */
export interface PrintedNames {
  nameOf(ip: Ip, when: When): string | undefined
  namesOf(ip: Ip, when: When): readonly string[]
}

/** One binding that counts, or would for somebody else, as outputs and explanations print it. */
export interface BindingView {
  readonly name: string
  readonly ip: Ip
  readonly evidence: Evidence
  readonly owner: Owner | undefined
  /** −Infinity: since ever. */
  readonly fromMs: number
  readonly firstSeenMs: number
  readonly lastSeenMs: number
  /** Infinity while no end is in sight. */
  readonly untilMs: number
  readonly ttlSec: number | undefined
  readonly resolver: string | undefined
  readonly chain: readonly string[]
  readonly stale: boolean
  /** See `BindingFact`. */
  readonly untrusted: boolean
  /** Whether names, or addresses of this name, may be missing because there were too many. */
  readonly overflow: boolean
}

export interface NameIndexStats {
  readonly sets: number
  /** Names and patterns of all sets, each once. */
  readonly watched: number
  /** Names of the configured lists that checks use. */
  readonly listed: number
  /** Names that have an address now, watched or not. */
  readonly names: number
  readonly addresses: number
  readonly bindings: number
  readonly pinned: number
  /** Bindings whose end is awaited. */
  readonly ends: number
  /** Since the start: */
  readonly learned: number
  readonly expired: number
  readonly erasedUnused: number
  readonly evictedPerName: number
  readonly evictedPerAddress: number
  readonly evictedForRoom: number
  readonly suspectAnswers: number
  /** Facts and watched names that are no domain names. */
  readonly malformed: number
  readonly pinsRefused: number
}

const SUSPECTS_PER_NAME = 8
/** How many ended bindings an update may erase, so that none takes long. */
const SWEEP_PER_UPDATE = 256
const RETRY_PINNED_MS = 10_000
/** What was confirmed within so short a time of another may be taken for older than it. */
const ORDER_MS = 1000
/** The same for names while there is room for twice as many. */
const ROOMY_ORDER_MS = 30_000
const FEW_ADDRESSES = 8

export class NameIndex {
  readonly #ttlFloorMs: number
  readonly #graceMs: number
  readonly #eraseUnusedMs: number
  readonly #maxAddressesPerName: number
  readonly #maxNamesPerAddress: number
  readonly #maxUnwatchedNames: number
  readonly #maxBindings: number
  readonly #maxPins: number
  readonly #onFinding: (finding: NameFinding) => void

  readonly #addresses: Map<Ip, AddressRecord> = new Map()
  /** The names that were sought last: an answer gives several addresses to one name and its alias. */
  #recent: NameRecord | undefined = undefined
  #recentOther: NameRecord | undefined = undefined
  /** Names with a binding or a suspect that some set holds, and the others. */
  readonly #watchedNames: Map<string, NameRecord> = new Map()
  readonly #otherNames: UnwatchedNames = new UnwatchedNames()
  readonly #watched: WatchedSets = new WatchedSets()
  /** What processes saw themselves. */
  readonly #byPid: Map<number, Set<Binding>> = new Map()
  readonly #ends: TimeBuckets<Binding> = new TimeBuckets()
  readonly #pins: Map<Ip, { count: number; sinceMs: number }> = new Map()
  readonly #overflowTold: Set<string> = new Set()
  /** Lists that have changed, with the names that are still to be looked at. */
  readonly #rescans: Map<NameSet, Iterator<NameRecord, undefined>> = new Map()
  /** Who gives when there is no room for more, and who is asked next. */
  #roomGiver: NameRecord | undefined = undefined
  #roomCursor: Iterator<NameRecord, undefined> | undefined = undefined
  #bindings = 0

  /** Counts up with all that is learnt or confirmed, so that who waits for news knows when to look again. */
  changes = 0
  #learned = 0
  #expired = 0
  #erasedUnused = 0
  #evictedPerName = 0
  #evictedPerAddress = 0
  #evictedForRoom = 0
  #suspectAnswers = 0
  #malformed = 0
  #pinsRefused = 0

  constructor(options: NameIndexOptions = {}) {
    this.#ttlFloorMs = options.ttlFloorMs ?? 60_000
    this.#graceMs = options.graceMs ?? 900_000
    this.#eraseUnusedMs = options.eraseUnusedMs ?? 3_600_000
    this.#maxAddressesPerName = options.maxAddressesPerName ?? 4096
    this.#maxNamesPerAddress = options.maxNamesPerAddress ?? 4096
    this.#maxUnwatchedNames = options.maxUnwatchedNames ?? 100_000
    this.#maxBindings = options.maxBindings ?? 250_000
    this.#maxPins = options.maxPins ?? 65_536
    this.#onFinding = options.onFinding ?? (() => {})
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
    if (isNew) for (const record of this.#records()) this.#judge(record, set)
    return set
  }

  /**
   * Puts other names in a configured list. Names that come from now on are judged by it; those that are known already when `rescan`
   * gets to them, because there may be a hundred thousand.
   */
  setList(name: string, list: NameList): void {
    const set = this.#watched.setList(name, list)
    if (set !== undefined) this.#rescans.set(set, this.#records())
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
    for (const record of this.#watchedNames.values()) if (record.sets.includes(set)) this.#part(record, set)
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
    this.#extend(name, ip, fact, fromMs, untilMs, atMs, keep, false)
    const chain = fact.chain ?? NO_NAMES
    for (let i = 0; i < chain.length && i < MAX_ALIASES; i++) {
      const alias = chain[i]!
      const target = this.#canonical(alias)
      if (target !== undefined && target !== name && this.#believes(target, ip, fact.evidence, fact.owner, atMs)) {
        this.#extend(target, ip, fact, fromMs, untilMs, atMs, keep, true)
      }
    }
    this.#makeRoom(atMs)
    return true
  }

  /** Takes in what a look-up of the agent found, and erases a few of the bindings that have ended meanwhile. */
  apply(update: NameUpdate): void {
    switch (update.kind) {
      case 'addresses':
        this.#applyAddresses(update)
        break
      case 'nodata':
        this.#leave(update.name, binding => update.atMs + this.#retentionMs(binding.ttlSec))
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
    const key = unmapIp(ip)
    const pin = this.#pins.get(key)
    if (pin !== undefined) {
      pin.count++
      return
    }
    if (this.#pins.size >= this.#maxPins) {
      this.#pinsRefused++
      return
    }
    this.#pins.set(key, { count: 1, sinceMs: atMs })
    const address = this.#addresses.get(key)
    if (address !== undefined) address.pinnedSinceMs = atMs
  }

  unpin(ip: Ip): void {
    const key = unmapIp(ip)
    const pin = this.#pins.get(key)
    if (pin === undefined || --pin.count > 0) return
    this.#pins.delete(key)
    const address = this.#addresses.get(key)
    if (address !== undefined) address.pinnedSinceMs = Number.POSITIVE_INFINITY
  }

  /**
   * Says that a process has ended: what it saw counts for its container, or the host, from now on. So an address has no more bindings of
   * a name than processes live that looked it up.
   */
  endProcess(pid: number, atMs: number): void {
    const own = this.#byPid.get(pid)
    if (own === undefined) return
    for (const binding of [...own]) {
      if (binding.keep) continue
      const { name, address, evidence, owner, ttlSec, resolver } = binding
      if (evidence === 'observed' && binding.isAlive(atMs)) {
        const containerId = owner?.containerId ?? ''
        const netns = owner?.netns ?? 0
        const fact: BindingFact = {
          name: name.name,
          ip: address.ip,
          evidence,
          ...((containerId !== '' || netns !== 0) && { owner: { containerId, netns } }),
          ...(ttlSec !== undefined && { ttlSec }),
          ...(resolver !== undefined && { resolver }),
          chain: binding.chain,
          ...(binding.untrusted && { untrusted: true }),
        }
        const { fromMs, untilMs, lastSeenMs, isAlias } = binding
        this.#extend(name.name, address.ip, fact, fromMs, untilMs, lastSeenMs, false, isAlias)
      }
      // Making room for the heir may have taken it already.
      if (!binding.isGone) this.#unbind(binding)
    }
  }

  /** The clock was set forward by so many ms, or back where that is negative: what is known moves along, as if it had always been so. */
  shiftTimes(byMs: number): void {
    for (const record of this.#records()) {
      record.usedMs += byMs
      record.overflowUntilMs += byMs
      for (const bindings of record.byIp.values())
        for (const binding of bindings) if (!binding.keep) shift(binding, byMs)
    }
    for (const address of this.#addresses.values()) {
      address.pinnedSinceMs += byMs
      address.overflowUntilMs += byMs
    }
    for (const pin of this.#pins.values()) pin.sinceMs += byMs
  }

  /** Whether anything is known of the address at that moment that means something to whoever asks. */
  hasName(ip: Ip, when: When): boolean {
    const bindings = this.#addresses.get(unmapIp(ip))?.bindings
    return bindings !== undefined && decidingOf(bindings, when) !== undefined
  }

  /** Takes back what was learnt, its aliases with it: it turned out otherwise. */
  retract(fact: BindingFact): void {
    const ip = unmapIp(fact.ip)
    for (const text of [fact.name, ...(fact.chain ?? [])]) {
      const name = this.#canonical(text)
      const bindings = name === undefined ? undefined : this.#recordOf(name)?.byIp.get(ip)
      for (const binding of bindings?.filter(one => isOfFact(one, fact)) ?? []) this.#unbind(binding)
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
    const bindings = this.#recordOf(name)?.byIp.get(unmapIp(ip))
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
    return (this.#recordOf(name)?.sets ?? this.#watched.holding(name)).includes(set)
  }

  /** How the names that count for the address are known, the best first. */
  bindingsOf(ip: Ip, when: When): readonly BindingView[] {
    return this.#rank(ip, when).map(binding => view(binding, timeOf(when)))
  }

  /** All bindings of an address that are still known, whoever they mean something to, also those that hold no more or not yet. */
  bindingsOfAddress(ip: Ip, atMs: number): readonly BindingView[] {
    return (this.#addresses.get(unmapIp(ip))?.bindings ?? NO_BINDINGS).map(binding => view(binding, atMs))
  }

  /** All bindings of a canonical name that are still known, also those that hold no more or not yet. */
  bindingsOfName(name: string, atMs: number): readonly BindingView[] {
    const bindings = [...(this.#recordOf(name)?.byIp.values() ?? [])].flat()
    return bindings.map(binding => view(binding, atMs))
  }

  /**
   * Everything known, as facts that another index can learn. They hold from when they were first seen, so that a replay knows a name
   * no sooner than it was known here.
   */
  *facts(): Iterable<BindingFact> {
    for (const names of [this.#watchedNames, this.#otherNames]) {
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
    let left = this.#bindings
    for (const names of [this.#watchedNames, this.#otherNames]) {
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

  /**
   * Erases what ended before `nowMs` and what nobody had a use for; at most `limit` bindings and as many names. How many it was: when
   * that is the limit there may be more.
   */
  sweep(nowMs: number, limit: number = Number.POSITIVE_INFINITY): number {
    let erased = 0
    for (let taken = 0; taken < limit; taken++) {
      const binding = this.#ends.popDue(nowMs)
      if (binding === undefined) break
      binding.endBucket = -1
      if (binding.untilMs > nowMs) {
        this.#queueEnd(binding, binding.untilMs)
      } else if (binding.isAlive(nowMs)) {
        this.#queueEnd(binding, nowMs + RETRY_PINNED_MS)
      } else {
        this.#unbind(binding)
        this.#expired++
        erased++
      }
    }
    for (const record of this.#otherNames.values()) {
      if (record.usedMs + this.#eraseUnusedMs > nowMs || erased >= limit) break
      if (record.keep) {
        this.#touch(record, nowMs)
      } else {
        this.#erase(record)
        this.#erasedUnused++
      }
      erased++
    }
    return erased
  }

  stats(): NameIndexStats {
    return {
      sets: this.#watched.setCount,
      watched: this.#watched.nameCount,
      listed: this.#watched.listedCount,
      names: this.#watchedNames.size + this.#otherNames.size,
      addresses: this.#addresses.size,
      bindings: this.#bindings,
      pinned: this.#pins.size,
      ends: this.#ends.size,
      learned: this.#learned,
      expired: this.#expired,
      erasedUnused: this.#erasedUnused,
      evictedPerName: this.#evictedPerName,
      evictedPerAddress: this.#evictedPerAddress,
      evictedForRoom: this.#evictedForRoom,
      suspectAnswers: this.#suspectAnswers,
      malformed: this.#malformed + this.#watched.malformed,
      pinsRefused: this.#pinsRefused,
    }
  }

  // Watching

  #startWatching(name: string, set: NameSet): void {
    if (isPattern(name)) {
      const ending = name.slice(1)
      for (const names of [this.#watchedNames, this.#otherNames]) {
        for (const record of names.values()) if (record.name.endsWith(ending)) this.#join(record, set)
      }
      return
    }
    const record = this.#recordOf(name)
    if (record !== undefined) this.#join(record, set)
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
    this.#extend(name, ip, { name, ip, evidence: 'literal' }, at, Number.POSITIVE_INFINITY, 0, true, false)
  }

  /** Names that come meanwhile are judged when they come, and may be met here again. */
  *#records(): Generator<NameRecord, undefined> {
    yield* this.#otherNames.values()
    yield* this.#watchedNames.values()
    return undefined
  }

  /** Whether a name is in a list may have changed. */
  #judge(record: NameRecord, set: NameSet): void {
    const isHeld = set.holds(record.name)
    if (isHeld === record.sets.includes(set)) return
    if (isHeld) {
      this.#join(record, set)
      return
    }
    for (const bindings of record.byIp.values()) for (const binding of bindings) set.remove(binding)
    this.#part(record, set)
  }

  #part(record: NameRecord, set: NameSet): void {
    record.sets = record.sets.filter(other => other !== set)
    if (record.sets.length > 0) return
    this.#watchedNames.delete(record.name)
    this.#otherNames.add(record)
  }

  #join(record: NameRecord, set: NameSet): void {
    if (record.sets.includes(set)) return
    if (record.sets.length === 0) {
      this.#otherNames.delete(record)
      this.#watchedNames.set(record.name, record)
    }
    record.sets = [...record.sets, set]
    for (const bindings of record.byIp.values()) for (const binding of bindings) set.add(binding)
  }

  // Facts

  #recordOf(name: string): NameRecord | undefined {
    if (this.#recent?.name === name) return this.#recent
    if (this.#recentOther?.name === name) return this.#recentOther
    const record = this.#watchedNames.get(name) ?? this.#otherNames.get(name)
    if (record === undefined) return undefined
    this.#recentOther = this.#recent
    this.#recent = record
    return record
  }

  #forgetRecent(): void {
    this.#recent = undefined
    this.#recentOther = undefined
  }

  /** Names that are known are canonical: no need to look at each character again. */
  #canonical(text: string): string | undefined {
    return this.#recordOf(text) === undefined ? normaliseDomain(text) : text
  }

  #recordFor(name: string, owner: Owner | undefined, atMs: number): NameRecord {
    const known = this.#recordOf(name)
    if (known !== undefined) {
      this.#touch(known, atMs)
      return known
    }
    const record = new NameRecord(name, this.#watched.holding(name), giverOf(owner), atMs)
    if (record.sets.length > 0) {
      this.#watchedNames.set(name, record)
      return record
    }
    if (this.#otherNames.size >= this.#maxUnwatchedNames) this.#evictUnwatchedName()
    this.#otherNames.add(record)
    return record
  }

  #touch(record: NameRecord, atMs: number): void {
    // Taking a place in the order costs more than all else that an answer does, and nobody needs it to the millisecond.
    const isRoomy = this.#otherNames.size * 2 < this.#maxUnwatchedNames
    if (Math.abs(atMs - record.usedMs) < (isRoomy ? ROOMY_ORDER_MS : ORDER_MS)) return
    record.usedMs = atMs
    this.#otherNames.touch(record)
  }

  #believes(name: string, ip: Ip, evidence: Evidence, owner: Owner | undefined, atMs: number): boolean {
    if ((evidence !== 'observed' && evidence !== 'resolved') || !isSuspectAnswer(name, ip)) return true
    this.#suspectAnswers++
    const record = this.#recordFor(name, owner, atMs)
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
      this.#extend(name, ip, fact, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, atMs, false, false)
      // Nobody looks an alias up for its own sake, so nobody would tell when it no longer has the address.
      const untilMs = atMs + this.#retentionMs(ttlSec)
      for (const alias of chain) {
        if (this.#believes(alias, ip, 'resolved', undefined, atMs)) {
          this.#extend(alias, ip, fact, Number.NEGATIVE_INFINITY, untilMs, atMs, false, true)
        }
      }
    }
    for (const binding of this.#resolvedOf(name)) {
      const { ip } = binding.address
      if (current.has(ip) || binding.isAlias) continue
      if (update.failedFamily === (typeof ip === 'number' ? 4 : 6)) binding.stale = true
      else this.#endAt(binding, atMs + this.#retentionMs(binding.ttlSec))
    }
    if (update.cut > 0)
      this.#markNameOverflow(this.#recordFor(name, undefined, atMs), atMs + this.#retentionMs(undefined))
    this.#makeRoom(atMs)
  }

  #resolvedOf(name: string): Binding[] {
    const found: Binding[] = []
    for (const bindings of this.#recordOf(name)?.byIp.values() ?? []) {
      for (const binding of bindings) if (binding.evidence === 'resolved') found.push(binding)
    }
    return found
  }

  #leave(name: string, endOf: (binding: Binding) => number): void {
    for (const binding of this.#resolvedOf(name)) this.#endAt(binding, endOf(binding))
  }

  /** An end once set is not put off by being told again. */
  #endAt(binding: Binding, untilMs: number): void {
    if (binding.untilMs !== Number.POSITIVE_INFINITY) return
    binding.untilMs = untilMs
    this.#queueEnd(binding, untilMs)
  }

  #retentionMs(ttlSec: number | undefined): number {
    return Math.max((ttlSec ?? 0) * 1000, this.#ttlFloorMs) + this.#graceMs
  }

  #endOf(fact: BindingFact): number {
    if (fact.fromMs === undefined || fact.ttlSec === undefined) return Number.POSITIVE_INFINITY
    return fact.fromMs + this.#retentionMs(fact.ttlSec)
  }

  #extend(
    name: string,
    ip: Ip,
    fact: BindingFact,
    fromMs: number,
    untilMs: number,
    atMs: number,
    keep: boolean,
    isAlias: boolean,
  ): void {
    this.changes++
    const record = this.#recordFor(name, fact.owner, atMs)
    let binding = findBinding(record.byIp.get(ip), fact, fromMs, untilMs)
    if (binding === undefined) {
      binding = this.#bind(record, ip, fact, atMs)
      binding.fromMs = fromMs
      binding.untilMs = untilMs
      binding.isAlias = isAlias
      if (fromMs !== Number.NEGATIVE_INFINITY) binding.firstSeenMs = Math.min(atMs, fromMs)
    } else {
      // Confirmed bindings go to the end, so that the first is the one to evict.
      if (Math.abs(atMs - binding.lastSeenMs) >= ORDER_MS && this.#needsOrder(record)) {
        const bindings = record.byIp.get(ip)!
        record.byIp.delete(ip)
        record.byIp.set(ip, bindings)
      }
      binding.fromMs = Math.min(binding.fromMs, fromMs)
      binding.untilMs = Math.max(binding.untilMs, untilMs)
      binding.isAlias &&= isAlias
    }
    binding.lastSeenMs = Math.max(binding.lastSeenMs, atMs)
    binding.ttlSec = fact.ttlSec
    binding.resolver = fact.resolver
    const chain = isAlias ? NO_CHAIN : (fact.chain ?? NO_CHAIN)
    // What was there before is as good and needs no place of its own.
    if (!isSameChain(binding.chain, chain)) binding.chain = chain
    binding.stale = fact.stale ?? false
    binding.keep ||= keep
    record.keep ||= keep
    this.#queueEnd(binding, binding.untilMs)
  }

  /** Which of a few addresses goes first makes no difference while there is room for many. */
  #needsOrder({ byIp }: NameRecord): boolean {
    return byIp.size > FEW_ADDRESSES || byIp.size * 2 > this.#maxAddressesPerName
  }

  #bind(record: NameRecord, ip: Ip, fact: BindingFact, atMs: number): Binding {
    const { evidence, owner } = fact
    if (!record.byIp.has(ip) && record.byIp.size >= this.#maxAddressesPerName)
      this.#evictedPerName += this.#evictAddress(record, atMs, record)
    let address = this.#addresses.get(ip)
    if (address === undefined) {
      address = new AddressRecord(ip)
      address.pinnedSinceMs = this.#pins.get(ip)?.sinceMs ?? Number.POSITIVE_INFINITY
      this.#addresses.set(ip, address)
    } else if (address.bindings.length >= this.#maxNamesPerAddress) {
      this.#evictName(address, atMs, record)
    }
    const binding = new Binding(record, address, fact, atMs)
    // An array that is pushed to takes room for more at once, and most addresses have one binding.
    if (address.bindings.length === 0) address.bindings = [binding]
    else address.bindings.push(binding)
    if (isAttributed(binding)) address.attributed++
    if (owner?.pid !== undefined) this.#ofPid(owner.pid).add(binding)
    const known = record.byIp.get(ip)
    if (known === undefined) record.byIp.set(ip, [binding])
    else known.push(binding)
    for (const set of record.sets) set.add(binding)
    // Literals are as many as rules spell, and never make room.
    if (evidence !== 'literal') {
      this.#bindings++
      record.bindingCount++
    }
    this.#learned++
    return binding
  }

  /** `inUse` is a name that gets another binding next, and so stays even with none. */
  #unbind(binding: Binding, inUse?: NameRecord): void {
    const { name, address } = binding
    binding.isGone = true
    if (binding.endBucket >= 0) this.#ends.delete(binding.endBucket, binding)
    binding.endBucket = -1
    if (binding.evidence !== 'literal') {
      this.#bindings--
      name.bindingCount--
    }
    for (const set of name.sets) set.remove(binding)
    removeFrom(address.bindings, binding)
    if (isAttributed(binding)) address.attributed--
    this.#forgetOfPid(binding)
    if (address.bindings.length === 0) this.#addresses.delete(address.ip)
    const rest = name.byIp.get(address.ip)
    if (rest !== undefined) {
      removeFrom(rest, binding)
      if (rest.length === 0) name.byIp.delete(address.ip)
    }
    if (name.byIp.size > 0 || name.suspects !== undefined || name === inUse) return
    this.#watchedNames.delete(name.name)
    this.#otherNames.delete(name)
    this.#forgetRecent()
  }

  #ofPid(pid: number): Set<Binding> {
    let own = this.#byPid.get(pid)
    if (own === undefined) {
      own = new Set()
      this.#byPid.set(pid, own)
    }
    return own
  }

  #forgetOfPid(binding: Binding): void {
    const pid = binding.owner?.pid
    if (pid === undefined) return
    const own = this.#byPid.get(pid)
    if (own?.delete(binding) === true && own.size === 0) this.#byPid.delete(pid)
  }

  #queueEnd(binding: Binding, atMs: number): void {
    if (binding.endBucket >= 0 || binding.keep || atMs === Number.POSITIVE_INFINITY) return
    binding.endBucket = this.#ends.add(atMs, binding)
  }

  #erase(record: NameRecord): void {
    for (const bindings of [...record.byIp.values()]) for (const binding of [...bindings]) this.#unbind(binding)
    // A name that was only ever suspect has no bindings to take it along.
    this.#watchedNames.delete(record.name)
    this.#otherNames.delete(record)
    this.#forgetRecent()
  }

  // Room

  /** Takes the address that was confirmed the longest ago, rather one to which no connection lives. How many bindings that was. */
  #evictAddress(record: NameRecord, atMs: number, inUse?: NameRecord): number {
    let victim: readonly Binding[] | undefined
    for (const [ip, bindings] of record.byIp) {
      if (bindings.some(binding => binding.evidence === 'literal')) continue
      victim ??= bindings
      if (this.#pins.has(ip)) continue
      victim = bindings
      break
    }
    if (victim === undefined) return 0
    const gone = [...victim]
    let missedUntilMs = Number.NEGATIVE_INFINITY
    for (const binding of gone) {
      const leavesMs = atMs + this.#retentionMs(binding.ttlSec)
      const endMs = binding.untilMs === Number.POSITIVE_INFINITY ? leavesMs : binding.untilMs
      missedUntilMs = Math.max(missedUntilMs, binding.keep ? Number.POSITIVE_INFINITY : endMs)
      this.#unbind(binding, inUse)
    }
    this.#markNameOverflow(record, missedUntilMs)
    return gone.length
  }

  #markNameOverflow(record: NameRecord, untilMs: number): void {
    record.overflowUntilMs = Math.max(record.overflowUntilMs, untilMs)
    if (record.sets.length === 0 || this.#overflowTold.has(record.name)) return
    this.#overflowTold.add(record.name)
    const message = `${record.name} has more addresses than are kept (${this.#maxAddressesPerName}): the oldest are left out`
    this.#onFinding({ kind: 'too-many-addresses', name: record.name, message })
  }

  #evictName(address: AddressRecord, atMs: number, inUse: NameRecord): void {
    const victim =
      address.bindings.find(binding => binding.name.sets.length === 0) ??
      address.bindings.find(binding => binding.evidence !== 'literal') ??
      address.bindings[0]
    if (victim === undefined) return
    const missedUntilMs = victim.keep ? Number.POSITIVE_INFINITY : atMs + this.#retentionMs(victim.ttlSec)
    address.overflowUntilMs = Math.max(address.overflowUntilMs, missedUntilMs)
    this.#unbind(victim, inUse)
    // It may have been the only one, and the caller is about to bind another.
    this.#addresses.set(address.ip, address)
    this.#evictedPerAddress++
  }

  #evictUnwatchedName(): void {
    const record = this.#otherNames.victim()
    if (record === undefined) return
    this.#evictedForRoom += Math.max(1, [...record.byIp.values()].flat().length)
    this.#erase(record)
  }

  /** Over the bound, names that no set holds go first, the least recently used of whoever has many; then watched ones lose addresses, whoever has most. */
  #makeRoom(atMs: number): void {
    while (this.#bindings > this.#maxBindings) {
      if (this.#otherNames.size > 0) {
        this.#evictUnwatchedName()
        continue
      }
      const giver = this.#largeName()
      this.#evictedForRoom += this.#evictAddress(giver, atMs)
    }
  }

  /** A watched name with at least as many bindings as they have on average; the same as before while that is so. */
  #largeName(): NameRecord {
    const average = this.#bindings / this.#watchedNames.size
    for (;;) {
      const giver = this.#roomGiver
      if (giver !== undefined && giver.bindingCount >= average) return giver
      this.#roomCursor ??= this.#watchedNames.values()
      const { value, done } = this.#roomCursor.next()
      if (done) this.#roomCursor = undefined
      this.#roomGiver = value
    }
  }

  #rank(ip: Ip, when: When): readonly Binding[] {
    const bindings = this.#addresses.get(typeof ip === 'string' ? unmapIp(ip) : ip)?.bindings
    return bindings === undefined ? NO_BINDINGS : rankBindings(bindings, when)
  }
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

function isAttributed(binding: Binding): boolean {
  const { evidence, owner } = binding
  if (isWorkloadEvidence(evidence) || evidence === 'claimed') return true
  return (owner?.containerId ?? '') !== '' || owner?.mntns !== undefined
}

function findBinding(
  bindings: readonly Binding[] | undefined,
  fact: BindingFact,
  fromMs: number,
  untilMs: number,
): Binding | undefined {
  if (bindings === undefined) return undefined
  for (const binding of bindings) {
    if (fromMs <= binding.untilMs && untilMs >= binding.fromMs && isOfFact(binding, fact)) return binding
  }
  return undefined
}

/** Whether the fact says the same on the same evidence, whenever that holds. Both are of one name and address. */
function isOfFact(binding: Binding, { evidence, owner, untrusted = false }: BindingFact): boolean {
  const own = binding.owner
  return (
    own?.pid === owner?.pid &&
    binding.evidence === evidence &&
    binding.untrusted === untrusted &&
    (own?.netns ?? 0) === (owner?.netns ?? 0) &&
    own?.mntns === owner?.mntns &&
    (own?.containerId ?? '') === (owner?.containerId ?? '')
  )
}

function isSameChain(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** What has no beginning or no end has none afterwards. */
function shift(binding: Binding, byMs: number): void {
  binding.fromMs += byMs
  binding.untilMs += byMs
  binding.firstSeenMs += byMs
  binding.lastSeenMs += byMs
}

function view(binding: Binding, atMs: number): BindingView {
  const { name, address, evidence, owner, fromMs, firstSeenMs, lastSeenMs, untilMs } = binding
  const { ttlSec, resolver, chain, stale, untrusted } = binding
  const overflow = Math.max(name.overflowUntilMs, address.overflowUntilMs) > atMs
  return {
    name: name.name,
    ip: address.ip,
    evidence,
    owner,
    fromMs,
    firstSeenMs,
    lastSeenMs,
    untilMs,
    ttlSec,
    resolver,
    chain,
    stale,
    untrusted,
    overflow,
  }
}

function toFact(binding: Binding): BindingFact {
  const { ttlSec, resolver, chain } = binding
  return {
    name: binding.name.name,
    ip: binding.address.ip,
    evidence: binding.evidence,
    ...(binding.owner !== undefined && { owner: binding.owner }),
    ...(binding.firstSeenMs > 0 && { fromMs: Math.max(binding.fromMs, binding.firstSeenMs) }),
    untilMs: binding.untilMs,
    ...(binding.lastSeenMs > binding.firstSeenMs && { seenMs: binding.lastSeenMs }),
    ...(ttlSec !== undefined && { ttlSec }),
    ...(resolver !== undefined && { resolver }),
    ...(chain.length > 0 && { chain }),
    ...(binding.stale && { stale: true }),
    ...(binding.untrusted && { untrusted: true }),
  }
}
