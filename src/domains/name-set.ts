/**
 * What the index holds, and the question that rules ask of it. A set of watched names keeps the addresses that any of its names is
 * bound to, and the index tells it of every change. So a check is one look-up however long the list is; only a hit looks at times
 * and at who asks.
 */
import { type IpKey, ipKey, unmapIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import {
  type BindingFact,
  EVIDENCE,
  type Evidence,
  isDoubtful,
  isWorkloadEvidence,
  Level,
  levelOf,
  type Owner,
  timeOf,
  type When,
} from './binding.ts'
import type { BindingOwner } from './binding-owners.ts'
import type { NameList } from './name-list.ts'
import type { Timed } from './time-buckets.ts'
import type { Giver } from './unwatched-names.ts'

export const NO_CHAIN: readonly string[] = []

/** One binding as the index keeps it. */
export class Binding implements Timed<Binding> {
  readonly name: NameRecord
  readonly address: AddressRecord
  readonly evidence: Evidence
  readonly untrusted: boolean
  /** Whose it is, for `BindingOwners`, and its neighbours among what that has. */
  of: BindingOwner
  newerOfOwner: Binding | undefined = undefined
  olderOfOwner: Binding | undefined = undefined
  isListed = false
  /** Holds in [fromMs, untilMs); −Infinity and Infinity where there is no end. */
  fromMs: number
  untilMs: number
  firstSeenMs: number
  lastSeenMs: number
  ttlSec: number | undefined = undefined
  resolver: string | undefined = undefined
  chain: readonly string[] = NO_CHAIN
  stale = false
  /** Known because the name is on the alias chain of another. */
  isAlias = false
  /** Not erased when it ends, because a replay asks at past times. */
  keep = false
  /** Where it is among what ends, for `TimeBuckets`. */
  bucket = -1
  sooner: Binding | undefined = undefined
  later: Binding | undefined = undefined
  /** No longer part of the index. */
  isGone = false

  constructor(
    name: NameRecord,
    address: AddressRecord,
    { evidence, untrusted = false }: Pick<BindingFact, 'evidence' | 'untrusted'>,
    of: BindingOwner,
    atMs: number,
  ) {
    this.name = name
    this.address = address
    this.evidence = evidence
    this.of = of
    this.untrusted = untrusted
    this.fromMs = Number.NEGATIVE_INFINITY
    this.untilMs = Number.POSITIVE_INFINITY
    this.firstSeenMs = atMs
    this.lastSeenMs = atMs
  }

  get owner(): Owner | undefined {
    return this.of.owner
  }

  isAlive(atMs: number): boolean {
    if (atMs < this.fromMs || this.of.isOver) return false
    return atMs < this.untilMs || this.address.pinnedSinceMs < this.untilMs
  }
}

export class AddressRecord {
  readonly ip: Ip
  readonly key: IpKey
  bindings: Binding[] = []
  /** How many of them are not the agent's for everybody: while there are none, nobody's level must be worked out. */
  attributed = 0
  /** Since when there has been a live connection to it without a break; Infinity when there is none. */
  pinnedSinceMs: number = Number.POSITIVE_INFINITY
  /** Until when names may be missing because there were too many. */
  overflowUntilMs: number = Number.NEGATIVE_INFINITY

  constructor(ip: Ip) {
    this.ip = ip
    this.key = ipKey(ip)
  }
}

export class NameRecord {
  readonly name: string
  /** Least recently confirmed first. */
  readonly byIp: Map<IpKey, Binding[]> = new Map()
  /** How many bindings there are that may be evicted: all but literals. */
  bindingCount = 0
  /** On whose account it is while no set holds it. */
  readonly giver: Giver
  /** Its neighbours in use among the names of its giver; for `FairAccounts` alone. */
  older: NameRecord | undefined = undefined
  newer: NameRecord | undefined = undefined
  /** Sets that hold the name. */
  sets: readonly NameSet[]
  /** Last time somebody had a use for it, for names that no set holds. */
  usedMs: number
  /** Holds bindings with `keep`. */
  keep = false
  /** Until when addresses may be missing because there were too many. */
  overflowUntilMs: number = Number.NEGATIVE_INFINITY
  /** Answers not believed, a few of them. */
  suspects: Set<Ip> | undefined = undefined

  constructor(name: string, sets: readonly NameSet[], giver: Giver, atMs: number) {
    this.name = name
    this.giver = giver
    this.sets = sets
    this.usedMs = atMs
  }
}

/** The names of one check, made by `NameIndex.watch`, or of a configured list, made by `NameIndex.watchList`. */
export class NameSet {
  /** Names and `*.` patterns, normalised, each once; none where there is a list. */
  readonly names: readonly string[]
  readonly observeOnly: boolean
  /** What is in the list now; undefined for names of a check. */
  list: NameList | undefined
  /** Identical checks share one set. */
  holders = 1
  readonly #byIp: Map<IpKey, Binding[]> = new Map()

  constructor(names: readonly string[], observeOnly: boolean, list?: NameList) {
    this.names = names
    this.observeOnly = observeOnly
    this.list = list
  }

  /** Whether a canonical name is in the list. */
  holds(name: string): boolean {
    return this.list?.has(name) === true
  }

  /** How many addresses are bound to any of the names, at whatever time. */
  get addressCount(): number {
    return this.#byIp.size
  }

  /** Whether the address is bound to one of the names at that moment, for whoever asks. One hash look-up unless it may be. */
  matches(ip: Ip, when: When): boolean {
    const bindings = this.#byIp.get(ipKey(unmapIp(ip)))
    return bindings !== undefined && decidingOf(bindings, when) !== undefined
  }

  /**
   * The same for a check that excuses: what a workload may have made up does not count, neither answers of servers that are not trusted
   * nor the names that it says itself.
   */
  matchesSurely(ip: Ip, when: When): boolean {
    const bindings = this.#byIp.get(ipKey(unmapIp(ip)))
    return bindings !== undefined && decidingOf(bindings, when, true) !== undefined
  }

  /** The name of this set that `matches` finds; the best where there are several. */
  nameOf(ip: Ip, when: When): string | undefined {
    const bindings = this.#byIp.get(ipKey(unmapIp(ip)))
    if (bindings === undefined) return undefined
    return rankBindings(bindings, when)[0]?.name.name
  }

  /** For the index alone. */
  add(binding: Binding): void {
    const bindings = this.#byIp.get(binding.address.key)
    if (bindings === undefined) this.#byIp.set(binding.address.key, [binding])
    else bindings.push(binding)
  }

  /** For the index alone. */
  remove(binding: Binding): void {
    const bindings = this.#byIp.get(binding.address.key)
    if (bindings === undefined) return
    removeFrom(bindings, binding)
    if (bindings.length === 0) this.#byIp.delete(binding.address.key)
  }
}

/** Any of `bindings`, all of one address, that counts at that moment; undefined when none does. `isSure`: no doubtful one. */
export function decidingOf(bindings: readonly Binding[], when: When, isSure = false): Binding | undefined {
  const atMs = timeOf(when)
  const address = bindings[0]!.address
  const level = address.attributed === 0 ? Level.agent : decidingLevel(address, when, atMs)
  for (const binding of bindings) {
    if (!binding.isAlive(atMs) || (isSure && isDoubtful(binding))) continue
    if (address.attributed === 0 || countsAt(level, binding, when)) return binding
  }
  return undefined
}

/**
 * The strongest level at which anything is known of the address: its bindings alone count, and besides what is not to be trusted but as near
 * to who asks.
 */
function decidingLevel(address: AddressRecord, when: When, atMs: number): number {
  let level: number = Level.none
  for (const binding of address.bindings) {
    if (!binding.untrusted && binding.isAlive(atMs)) level = Math.min(level, levelOf(binding, when))
  }
  // Bindings of other containers mean nothing here, and no binding has the level below them.
  return level === Level.none ? level + 1 : level
}

function countsAt(level: number, binding: Binding, when: When): boolean {
  const own = levelOf(binding, when)
  return binding.untrusted ? own !== Level.none && own <= level : own === level
}

/** Those of `bindings`, all of one address, that count at that moment, the best first; always in the same order. */
export function rankBindings(bindings: readonly Binding[], when: When): Binding[] {
  const first = bindings[0]
  if (first === undefined) return []
  const atMs = timeOf(when)
  const level = decidingLevel(first.address, when, atMs)
  return bindings.filter(binding => binding.isAlive(atMs) && countsAt(level, binding, when)).sort(compareBindings)
}

/**
 * What is trusted, stronger evidence, names that were asked for before aliases, what is in the last answer before what has left it, and for what
 * workloads saw the latest, whether they were told it or said it: what is said is of one connection, and the next may be meant for another name.
 * Look-ups of the agent end in any order, so among them the name decides.
 */
function compareBindings(a: Binding, b: Binding): number {
  if (a.untrusted !== b.untrusted) return a.untrusted ? 1 : -1
  const byEvidence = EVIDENCE.indexOf(a.evidence) - EVIDENCE.indexOf(b.evidence)
  if (isWorkloadEvidence(a.evidence) && isWorkloadEvidence(b.evidence)) {
    if (a.isAlias !== b.isAlias) return a.isAlias ? 1 : -1
    if (a.lastSeenMs !== b.lastSeenMs) return b.lastSeenMs - a.lastSeenMs
    // A process that asks for the target of an alias means the alias.
    if (a.chain.length !== b.chain.length) return b.chain.length - a.chain.length
  }
  if (byEvidence !== 0) return byEvidence
  if (a.isAlias !== b.isAlias) return a.isAlias ? 1 : -1
  const aLeaves = a.untilMs !== Number.POSITIVE_INFINITY
  const bLeaves = b.untilMs !== Number.POSITIVE_INFINITY
  if (a.evidence === 'resolved' && aLeaves !== bLeaves) return aLeaves ? 1 : -1
  if (a.evidence !== 'resolved' && a.lastSeenMs !== b.lastSeenMs) return b.lastSeenMs - a.lastSeenMs
  return a.name.name < b.name.name ? -1 : a.name.name > b.name.name ? 1 : 0
}

/** Takes `item` out of `items`, where it is at most once. */
export function removeFrom<T>(items: T[], item: T): void {
  const at = items.indexOf(item)
  if (at >= 0) items.splice(at, 1)
}
