/**
 * Bindings by name, by address and by the process that saw them, with the time when each ends. Bounded: what must be left out is the oldest,
 * taken from whoever has most, marked where it is missing, and counted. What counts for whom, and what is believed, is `name-index.ts`'s.
 */
import { type IpKey, ipKey } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { type BindingFact, isWorkloadEvidence, type Owner } from './binding.ts'
import { type BindingOwner, BindingOwners, isSameOwner } from './binding-owners.ts'
import { AddressRecord, Binding, NameRecord, NO_CHAIN, type NameSet, removeFrom } from './name-set.ts'
import { TimeBuckets } from './time-buckets.ts'
import { giverOf, UnwatchedNames } from './unwatched-names.ts'

export interface BindingLimits {
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
  /** Of what a process leaves behind so many bindings are tidied up when it ends; the others with what comes later. */
  readonly tidiedAtOnce?: number
  /** Told of each name once per kind. Must not throw. */
  readonly onFinding?: (finding: NameFinding) => void
}

export type NameFinding =
  /** An answer said that a public name lives on this host or link; see `isSuspectAnswer`. */
  | { readonly kind: 'suspect-address'; readonly name: string; readonly ip: Ip; readonly message: string }
  /** A name has more addresses than are kept. */
  | { readonly kind: 'too-many-addresses'; readonly name: string; readonly message: string }

export interface BindingStoreOptions extends BindingLimits {
  /** Sets that hold a canonical name. */
  readonly holding: (name: string) => readonly NameSet[]
}

export interface BindingCounters {
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
  readonly pinsRefused: number
}

export const GRACE_MS = 900_000
export const ERASE_UNUSED_MS = 3_600_000
const RETRY_PINNED_MS = 10_000
/** Bindings that ended processes left behind, with each fact that comes: a process may have thousands, and events wait. */
const TIDIED_PER_FACT = 16
/** What was confirmed within so short a time of another may be taken for older than it. */
const ORDER_MS = 1000
/** The same for names while there is room for twice as many. */
const ROOMY_ORDER_MS = 30_000
const FEW_ADDRESSES = 8

export class BindingStore {
  readonly #ttlFloorMs: number
  readonly #graceMs: number
  readonly #eraseUnusedMs: number
  readonly #maxAddressesPerName: number
  readonly #maxNamesPerAddress: number
  readonly #maxUnwatchedNames: number
  readonly #maxBindings: number
  readonly #maxPins: number
  readonly #tidiedAtOnce: number
  readonly #onFinding: (finding: NameFinding) => void
  readonly #holding: (name: string) => readonly NameSet[]

  readonly #addresses: Map<IpKey, AddressRecord> = new Map()
  /** Names with a binding or a suspect that some set holds, and the others. */
  readonly watchedNames: Map<string, NameRecord> = new Map()
  readonly otherNames: UnwatchedNames = new UnwatchedNames()
  /** The names that were sought last: an answer gives several addresses to one name and its alias. */
  #recent: NameRecord | undefined = undefined
  #recentOther: NameRecord | undefined = undefined
  readonly #owners: BindingOwners = new BindingOwners()
  readonly #ends: TimeBuckets<Binding> = new TimeBuckets()
  readonly #pins: Map<IpKey, { count: number; sinceMs: number }> = new Map()
  readonly #overflowTold: Set<string> = new Set()
  /** Who gives when there is no room for more, and who is asked next. */
  #roomGiver: NameRecord | undefined = undefined
  #roomCursor: Iterator<NameRecord, undefined> | undefined = undefined
  #bindings = 0

  /** Counts up with all that is learnt or confirmed. */
  changes = 0
  #learned = 0
  #expired = 0
  #erasedUnused = 0
  #evictedPerName = 0
  #evictedPerAddress = 0
  #evictedForRoom = 0
  #pinsRefused = 0

  constructor(options: BindingStoreOptions) {
    this.#ttlFloorMs = options.ttlFloorMs ?? 60_000
    this.#graceMs = options.graceMs ?? GRACE_MS
    this.#eraseUnusedMs = options.eraseUnusedMs ?? ERASE_UNUSED_MS
    this.#maxAddressesPerName = options.maxAddressesPerName ?? 4096
    this.#maxNamesPerAddress = options.maxNamesPerAddress ?? 4096
    this.#maxUnwatchedNames = options.maxUnwatchedNames ?? 100_000
    this.#maxBindings = options.maxBindings ?? 250_000
    this.#maxPins = options.maxPins ?? 65_536
    this.#tidiedAtOnce = options.tidiedAtOnce ?? 64
    this.#onFinding = options.onFinding ?? (() => {})
    this.#holding = options.holding
  }

  /** How many there are, literals left out. */
  get size(): number {
    return this.#bindings
  }

  counters(): BindingCounters {
    return {
      names: this.watchedNames.size + this.otherNames.size,
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
      pinsRefused: this.#pinsRefused,
    }
  }

  /** `ip` is unmapped, here and below. */
  addressOf(ip: Ip): AddressRecord | undefined {
    return this.#addresses.get(ipKey(ip))
  }

  /** Says that a connection to the address lives: what the address is called now stays, until as many `unpin`. */
  pin(ip: Ip, atMs: number): void {
    const key = ipKey(ip)
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
    const key = ipKey(ip)
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
    this.#owners.end(pid, atMs)
    this.tidyUp(this.#tidiedAtOnce)
  }

  /** Does what is left to do for processes that have ended, for so many bindings. */
  tidyUp(limit: number): void {
    for (let taken = 0; taken < limit; taken++) {
      const binding = this.#owners.nextEnded()
      if (binding === undefined) return
      this.#settle(binding)
    }
  }

  /** The same for bindings that somebody is about to be shown. */
  settle(bindings: readonly Binding[]): void {
    for (const binding of [...bindings]) if (binding.isListed && !binding.of.isProcess) this.#settle(binding)
  }

  /** One that an ended process had: another that says the same has it in it from now on; what is over goes. */
  #settle(binding: Binding): void {
    const { name, address, of: owner } = binding
    this.#owners.remove(binding)
    if (!owner.isSeen || !binding.isAlive(owner.endedMs)) {
      this.unbind(binding)
      return
    }
    binding.stale = false
    for (const other of name.byIp.get(address.key)!) {
      if (other === binding || !overlaps(other, binding.fromMs, binding.untilMs) || !saysTheSame(other, binding))
        continue
      const { ttlSec, resolver, chain, isAlias, fromMs, untilMs, lastSeenMs } = binding
      other.fromMs = Math.min(other.fromMs, fromMs)
      other.untilMs = Math.max(other.untilMs, untilMs)
      other.isAlias &&= isAlias
      if (lastSeenMs >= other.lastSeenMs) {
        other.ttlSec = ttlSec
        other.resolver = resolver
        other.chain = chain
        other.lastSeenMs = lastSeenMs
      }
      this.unbind(binding)
      return
    }
  }

  /** The clock was set forward by so many ms, or back where that is negative: what is known moves along, as if it had always been so. */
  shiftTimes(byMs: number): void {
    this.tidyUp(Number.POSITIVE_INFINITY)
    for (const record of this.records()) {
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

  /**
   * Erases what ended before `nowMs` and what nobody had a use for; at most `limit` bindings and as many names. How many it was: when
   * that is the limit there may be more.
   */
  sweep(nowMs: number, limit: number = Number.POSITIVE_INFINITY): number {
    this.tidyUp(limit)
    let erased = 0
    for (let taken = 0; taken < limit; taken++) {
      const binding = this.#ends.popDue(nowMs)
      if (binding === undefined) break
      if (binding.untilMs > nowMs) {
        this.#queueEnd(binding, binding.untilMs)
      } else if (binding.isAlive(nowMs)) {
        this.#queueEnd(binding, nowMs + RETRY_PINNED_MS)
      } else {
        this.unbind(binding)
        this.#expired++
        erased++
      }
    }
    for (const record of this.otherNames.values()) {
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

  /** Names that come meanwhile are judged when they come, and may be met here again. */
  *records(): Generator<NameRecord, undefined> {
    yield* this.otherNames.values()
    yield* this.watchedNames.values()
    return undefined
  }

  part(record: NameRecord, set: NameSet): void {
    record.sets = record.sets.filter(other => other !== set)
    if (record.sets.length > 0) return
    this.watchedNames.delete(record.name)
    this.otherNames.add(record)
  }

  join(record: NameRecord, set: NameSet): void {
    if (record.sets.includes(set)) return
    if (record.sets.length === 0) {
      this.otherNames.delete(record)
      this.watchedNames.set(record.name, record)
    }
    record.sets = [...record.sets, set]
    for (const bindings of record.byIp.values()) for (const binding of bindings) set.add(binding)
  }

  recordOf(name: string): NameRecord | undefined {
    if (this.#recent?.name === name) return this.#recent
    if (this.#recentOther?.name === name) return this.#recentOther
    const record = this.watchedNames.get(name) ?? this.otherNames.get(name)
    if (record === undefined) return undefined
    this.#recentOther = this.#recent
    this.#recent = record
    return record
  }

  #forgetRecent(): void {
    this.#recent = undefined
    this.#recentOther = undefined
  }

  recordFor(name: string, owner: Owner | undefined, atMs: number): NameRecord {
    const known = this.recordOf(name)
    if (known !== undefined) {
      this.#touch(known, atMs)
      return known
    }
    const record = new NameRecord(name, this.#holding(name), giverOf(owner), atMs)
    if (record.sets.length > 0) {
      this.watchedNames.set(name, record)
      return record
    }
    if (this.otherNames.size >= this.#maxUnwatchedNames) this.#evictUnwatchedName()
    this.otherNames.add(record)
    return record
  }

  #touch(record: NameRecord, atMs: number): void {
    // Taking a place in the order costs more than all else that an answer does, and nobody needs it to the millisecond.
    const isRoomy = this.otherNames.size * 2 < this.#maxUnwatchedNames
    if (Math.abs(atMs - record.usedMs) < (isRoomy ? ROOMY_ORDER_MS : ORDER_MS)) return
    record.usedMs = atMs
    this.otherNames.touch(record)
  }

  /** An end once set is not put off by being told again. */
  endAt(binding: Binding, untilMs: number): void {
    if (binding.untilMs !== Number.POSITIVE_INFINITY) return
    binding.untilMs = untilMs
    this.#queueEnd(binding, untilMs)
  }

  retentionMs(ttlSec: number | undefined): number {
    return Math.max((ttlSec ?? 0) * 1000, this.#ttlFloorMs) + this.#graceMs
  }

  extend(
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
    const record = this.recordFor(name, fact.owner, atMs)
    const of = this.#owners.of(fact.owner, fact.evidence, keep)
    const key = ipKey(ip)
    const known = record.byIp.get(key)
    let binding = findBinding(known, fact, of, fromMs, untilMs)
    if (binding === undefined) {
      binding = this.#bind(record, ip, fact, of, atMs)
      binding.fromMs = fromMs
      binding.untilMs = untilMs
      binding.isAlias = isAlias
      if (fromMs !== Number.NEGATIVE_INFINITY) binding.firstSeenMs = Math.min(atMs, fromMs)
    } else {
      // Confirmed bindings go to the end, so that the first is the one to evict.
      if (Math.abs(atMs - binding.lastSeenMs) >= ORDER_MS && this.#needsOrder(record)) {
        record.byIp.delete(key)
        record.byIp.set(key, known!)
      }
      binding.fromMs = Math.min(binding.fromMs, fromMs)
      binding.untilMs = Math.max(binding.untilMs, untilMs)
      binding.isAlias &&= isAlias
      // It outlives its process, and stays its.
      if (keep && binding.isListed) {
        this.#owners.remove(binding)
        binding.of = of
      }
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

  #bind(record: NameRecord, ip: Ip, fact: BindingFact, of: BindingOwner, atMs: number): Binding {
    const { evidence } = fact
    const key = ipKey(ip)
    if (record.byIp.size >= this.#maxAddressesPerName && !record.byIp.has(key))
      this.#evictedPerName += this.#evictAddress(record, atMs, record)
    let address = this.#addresses.get(key)
    if (address === undefined) {
      address = new AddressRecord(ip)
      address.pinnedSinceMs = this.#pins.get(key)?.sinceMs ?? Number.POSITIVE_INFINITY
      this.#addresses.set(key, address)
    } else if (address.bindings.length >= this.#maxNamesPerAddress) {
      this.#evictName(address, atMs, record)
    }
    const binding = new Binding(record, address, fact, of, atMs)
    // An array that is pushed to takes room for more at once, and most addresses have one binding.
    if (address.bindings.length === 0) address.bindings = [binding]
    else address.bindings.push(binding)
    if (isAttributed(binding)) address.attributed++
    this.#owners.add(binding, of)
    const known = record.byIp.get(key)
    if (known === undefined) record.byIp.set(key, [binding])
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
  unbind(binding: Binding, inUse?: NameRecord): void {
    const { name, address } = binding
    binding.isGone = true
    this.#ends.delete(binding)
    if (binding.evidence !== 'literal') {
      this.#bindings--
      name.bindingCount--
    }
    for (const set of name.sets) set.remove(binding)
    removeFrom(address.bindings, binding)
    if (isAttributed(binding)) address.attributed--
    this.#owners.remove(binding)
    if (address.bindings.length === 0) this.#addresses.delete(address.key)
    const rest = name.byIp.get(address.key)
    if (rest !== undefined) {
      removeFrom(rest, binding)
      if (rest.length === 0) name.byIp.delete(address.key)
    }
    if (name.byIp.size > 0 || name.suspects !== undefined || name === inUse) return
    this.watchedNames.delete(name.name)
    this.otherNames.delete(name)
    this.#forgetRecent()
  }

  #queueEnd(binding: Binding, atMs: number): void {
    if (binding.bucket >= 0 || binding.keep || atMs === Number.POSITIVE_INFINITY) return
    this.#ends.add(atMs, binding)
  }

  #erase(record: NameRecord): void {
    for (const bindings of [...record.byIp.values()]) for (const binding of [...bindings]) this.unbind(binding)
    // A name that was only ever suspect has no bindings to take it along.
    this.watchedNames.delete(record.name)
    this.otherNames.delete(record)
    this.#forgetRecent()
  }

  /** Takes the address that was confirmed the longest ago, rather one to which no connection lives. How many bindings that was. */
  #evictAddress(record: NameRecord, atMs: number, inUse?: NameRecord): number {
    let victim: readonly Binding[] | undefined
    for (const [key, bindings] of record.byIp) {
      if (bindings.some(binding => binding.evidence === 'literal')) continue
      victim ??= bindings
      if (this.#pins.has(key)) continue
      victim = bindings
      break
    }
    if (victim === undefined) return 0
    const gone = [...victim]
    let missedUntilMs = Number.NEGATIVE_INFINITY
    for (const binding of gone) {
      const leavesMs = atMs + this.retentionMs(binding.ttlSec)
      const endMs = binding.untilMs === Number.POSITIVE_INFINITY ? leavesMs : binding.untilMs
      missedUntilMs = Math.max(missedUntilMs, binding.keep ? Number.POSITIVE_INFINITY : endMs)
      this.unbind(binding, inUse)
    }
    this.markNameOverflow(record, missedUntilMs)
    return gone.length
  }

  markNameOverflow(record: NameRecord, untilMs: number): void {
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
    const missedUntilMs = victim.keep ? Number.POSITIVE_INFINITY : atMs + this.retentionMs(victim.ttlSec)
    address.overflowUntilMs = Math.max(address.overflowUntilMs, missedUntilMs)
    this.unbind(victim, inUse)
    // It may have been the only one, and the caller is about to bind another.
    this.#addresses.set(address.key, address)
    this.#evictedPerAddress++
  }

  #evictUnwatchedName(): void {
    const record = this.otherNames.victim()
    if (record === undefined) return
    this.#evictedForRoom += Math.max(1, [...record.byIp.values()].flat().length)
    this.#erase(record)
  }

  /** Over the bound, names that no set holds go first, the least recently used of whoever has many; then watched ones lose addresses, whoever has most. */
  makeRoom(atMs: number): void {
    this.tidyUp(TIDIED_PER_FACT)
    while (this.#bindings > this.#maxBindings) {
      if (this.otherNames.size > 0) {
        this.#evictUnwatchedName()
        continue
      }
      const giver = this.#largeName()
      this.#evictedForRoom += this.#evictAddress(giver, atMs)
    }
  }

  /** A watched name with at least as many bindings as they have on average; the same as before while that is so. */
  #largeName(): NameRecord {
    const average = this.#bindings / this.watchedNames.size
    for (;;) {
      const giver = this.#roomGiver
      if (giver !== undefined && giver.bindingCount >= average) return giver
      this.#roomCursor ??= this.watchedNames.values()
      const { value, done } = this.#roomCursor.next()
      if (done) this.#roomCursor = undefined
      this.#roomGiver = value
    }
  }
}

function isAttributed(binding: Binding): boolean {
  const { evidence, owner } = binding
  if (isWorkloadEvidence(evidence) || evidence === 'claimed') return true
  return (owner?.containerId ?? '') !== '' || owner?.mntns !== undefined
}

function findBinding(
  bindings: readonly Binding[] | undefined,
  fact: BindingFact,
  of: BindingOwner,
  fromMs: number,
  untilMs: number,
): Binding | undefined {
  if (bindings === undefined) return undefined
  for (const binding of bindings) {
    if (overlaps(binding, fromMs, untilMs) && isOfFact(binding, fact, of)) return binding
  }
  return undefined
}

function overlaps(binding: Binding, fromMs: number, untilMs: number): boolean {
  return fromMs <= binding.untilMs && untilMs >= binding.fromMs
}

/** Whether the fact says the same on the same evidence, whenever that holds. Both are of one name and address. `of`: the fact's owner. */
export function isOfFact(
  binding: Binding,
  { evidence, owner, untrusted = false }: BindingFact,
  of?: BindingOwner,
): boolean {
  if (binding.evidence !== evidence || binding.untrusted !== untrusted || binding.of.isOver) return false
  if (binding.of === of) return true
  return !(binding.of.isProcess && of?.isProcess === true) && isSameOwner(binding.owner, owner)
}

/** The same of two bindings of one name and address. */
function saysTheSame(a: Binding, b: Binding): boolean {
  if (a.evidence !== b.evidence || a.untrusted !== b.untrusted || a.of.isOver) return false
  return a.of === b.of || isSameOwner(a.owner, b.owner)
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
