/**
 * Questions that processes have asked and that wait for their answer. An answer is believed only when it fits one of them, so nobody
 * can tell a process a name that it did not ask for. Bounded for each process and in all: who asks too much loses its own oldest.
 */
import type { Ip } from '../values/value.ts'
import type { Owner } from './binding.ts'
import type { DnsMessage, DnsQuestion } from './dns-message.ts'

export interface Query {
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
  /** Each process's, the oldest first; the process that has asked nothing for the longest comes first. */
  readonly #byProcess: Map<number, Set<Query>> = new Map()
  #size = 0
  /** Given up for want of room, and because no answer came in time. */
  evicted = 0
  expired = 0

  get size(): number {
    return this.#size
  }

  /** Remembers a query; the same one sent again only begins anew. */
  add(query: Query): void {
    const key = keyOf(query.id, query.localPort)
    const bucket = this.#byKey.get(key)
    const known = bucket?.find(other => isSameQuery(other, query))
    if (known !== undefined) {
      known.atMs = query.atMs
      known.isAnswered = false
      known.isElsewhere ||= query.isElsewhere
      return
    }
    const own = this.#byProcess.get(query.pid) ?? new Set()
    for (const oldest of own) {
      if (oldest.atMs + EXPIRY_MS > query.atMs) break
      this.remove(oldest)
      this.expired++
    }
    if (own.size >= MAX_PER_PROCESS) this.#evictFrom(own)
    if (this.#size >= MAX_QUERIES) for (const quiet of this.#byProcess.values()) if (this.#evictFrom(quiet)) break
    own.add(query)
    this.#byProcess.delete(query.pid)
    this.#byProcess.set(query.pid, own)
    if (bucket === undefined || bucket.length === 0) this.#byKey.set(key, [query])
    else bucket.push(query)
    this.#size++
  }

  /** Queries that wait for an answer of this id on this local port, or on one that was not known. */
  waiting(id: number, localPort: number, atMs: number): readonly Query[] {
    const known = this.#byKey.get(keyOf(id, localPort)) ?? NO_QUERIES
    const unknown = localPort === 0 ? NO_QUERIES : (this.#byKey.get(keyOf(id, 0)) ?? NO_QUERIES)
    if (unknown.length === 0 && known.every(query => query.atMs + EXPIRY_MS > atMs)) return known
    return [...known, ...unknown].filter(query => query.atMs + EXPIRY_MS > atMs)
  }

  remove(query: Query): void {
    const own = this.#byProcess.get(query.pid)
    if (own?.delete(query) !== true) return
    if (own.size === 0) this.#byProcess.delete(query.pid)
    this.#size--
    const key = keyOf(query.id, query.localPort)
    const bucket = this.#byKey.get(key)
    if (bucket === undefined) return
    if (bucket.length === 1) this.#byKey.delete(key)
    else bucket.splice(bucket.indexOf(query), 1)
  }

  #evictFrom(queries: Set<Query>): boolean {
    for (const oldest of queries) {
      this.remove(oldest)
      this.evicted++
      return true
    }
    return false
  }
}

const NO_QUERIES: readonly Query[] = []

function keyOf(id: number, localPort: number): number {
  // Of 32 bits: larger numbers are slow keys.
  return (id << 16) | localPort
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
