/**
 * Questions that processes have asked and that wait for their answer. An answer is believed only when it fits one of them, so nobody
 * can tell a process a name that it did not ask for. Bounded for each process and in all: who asks too much loses its own oldest.
 */
import type { Ip } from '../values/value.ts'
import type { Owner } from './binding.ts'
import type { DnsMessage, DnsQuestion } from './dns-message.ts'
import { FairAccounts, type Linked } from './fair-accounts.ts'

export interface Query extends Linked<Query> {
  readonly id: number
  readonly question: DnsQuestion
  readonly pid: number
  readonly containerId: string
  readonly netns: number
  readonly mntns: number
  readonly netnsUid: number
  readonly mntnsUid: number
  /** It went over a socket of another network namespace than its process lives in, or the answer came that way. */
  isElsewhere: boolean
  readonly owner: Owner
  readonly fdNum: number
  /** 0 where it is not known. */
  readonly localPort: number
  readonly localIp: Ip | undefined
  readonly serverIp: Ip | undefined
  readonly serverPort: number
  atMs: number
  /** A server of this host was seen to answer it. */
  isAnswered: boolean
  /** The answer that was learnt from last, and when. */
  learnt: DnsMessage | undefined
  learntAtMs: number
}

/** Stub resolvers give up after 5 to 30 s. */
const EXPIRY_MS = 30_000
const MAX_PER_PROCESS = 1024
const MAX_QUERIES = 16_384

export class QueryTable {
  readonly #byKey: Map<number, Query[]> = new Map()
  readonly #byProcess: FairAccounts<number, Query> = new FairAccounts()
  /** How many there are whose port was not known. */
  #portless = 0
  /** Given up for want of room, and because no answer came in time. */
  evicted = 0
  expired = 0

  get size(): number {
    return this.#byProcess.size
  }

  /** Remembers a query; the same one sent again only begins anew. */
  add(query: Query): void {
    const key = keyOf(query.id, query.localPort)
    const known = findSame(this.#byKey.get(key), query)
    if (known !== undefined) {
      known.atMs = query.atMs
      known.isAnswered = false
      known.isElsewhere ||= query.isElsewhere
      this.#byProcess.touch(known.pid, known)
      return
    }
    const own = this.#byProcess.get(query.pid)
    while (own?.oldest !== undefined && own.oldest.atMs + EXPIRY_MS <= query.atMs) {
      this.remove(own.oldest)
      this.expired++
    }
    if (own !== undefined && own.count >= MAX_PER_PROCESS) this.#evict(own.oldest)
    if (this.size >= MAX_QUERIES) this.#evict(this.#byProcess.victim())
    this.#byProcess.add(query.pid, query)
    if (query.localPort === 0) this.#portless++
    const bucket = this.#byKey.get(key)
    if (bucket === undefined) this.#byKey.set(key, [query])
    else bucket.push(query)
  }

  /** Queries that wait for an answer of this id on this local port, or on one that was not known. */
  waiting(id: number, localPort: number, atMs: number): readonly Query[] {
    const known = this.#byKey.get(keyOf(id, localPort)) ?? NO_QUERIES
    const unknown = localPort === 0 || this.#portless === 0 ? undefined : this.#byKey.get(keyOf(id, 0))
    const all = unknown === undefined ? known : [...known, ...unknown]
    for (const query of all) {
      if (query.atMs + EXPIRY_MS <= atMs) return all.filter(one => one.atMs + EXPIRY_MS > atMs)
    }
    return all
  }

  remove(query: Query): void {
    const key = keyOf(query.id, query.localPort)
    const bucket = this.#byKey.get(key)
    const at = bucket === undefined ? -1 : bucket.indexOf(query)
    if (bucket === undefined || at < 0) return
    if (bucket.length === 1) this.#byKey.delete(key)
    else bucket.splice(at, 1)
    this.#byProcess.delete(query.pid, query)
    if (query.localPort === 0) this.#portless--
  }

  #evict(query: Query | undefined): void {
    if (query === undefined) return
    this.remove(query)
    this.evicted++
  }
}

const NO_QUERIES: readonly Query[] = []

function keyOf(id: number, localPort: number): number {
  // Of 32 bits: larger numbers are slow keys.
  return (id << 16) | localPort
}

function findSame(bucket: readonly Query[] | undefined, query: Query): Query | undefined {
  if (bucket !== undefined) for (const other of bucket) if (isSameQuery(other, query)) return other
  return undefined
}

function isSameQuery(a: Query, b: Query): boolean {
  return (
    a.pid === b.pid &&
    a.fdNum === b.fdNum &&
    a.serverIp === b.serverIp &&
    a.serverPort === b.serverPort &&
    a.question.name === b.question.name &&
    a.question.type === b.question.type
  )
}
