/**
 * How much each process asked and was told of late: what tells a tunnel or a search for a command server from ordinary look-ups, and what rules
 * cannot count. A count covers a minute that begins with the process's first message, then begins anew; so a rule that waits for one
 * number alerts once a minute at most. Bounded: the processes whose minute began longest ago are forgotten first.
 */
import { isPublicDomain } from '../values/domain-name.ts'
import { shapeOfLongestLabel } from '../values/label-shape.ts'

/** A process's counts in its minute. */
export interface DnsTotals {
  readonly queries: number
  /** Characters of the names asked for. */
  readonly queryBytes: number
  /** Queries to servers that are not trusted. */
  readonly untrustedQueries: number
  /** Different names that look like data; 0 unless the query at hand is for one more of them. See `MAX_NAMES`. */
  readonly encodedNames: number
  /** Different domains (last two labels) that do not exist; see `MAX_DOMAINS`. */
  readonly nxdomains: number
  /** Answers with TXT records, and the bytes of these. */
  readonly texts: number
  readonly textBytes: number
}

const WINDOW_MS = 60_000
const MAX_PROCESSES = 2048
/** Counted to so many: beyond, more of them say no more. */
const MAX_DOMAINS = 256
const MAX_NAMES = 256
/** What looks like data: names of services have longest labels that are shorter, or have a pattern. */
const ENCODED_BYTES = 30
const ENCODED_ENTROPY = 300

class Totals implements DnsTotals {
  readonly startMs: number
  queries = 0
  queryBytes = 0
  untrustedQueries = 0
  encodedNames = 0
  nxdomains = 0
  texts = 0
  textBytes = 0
  /** Hashes of the domains that do not exist. */
  domains: Set<number> | undefined = undefined
  /** Hashes of the names that look like data. */
  encoded: Set<number> | undefined = undefined

  constructor(startMs: number) {
    this.startMs = startMs
  }
}

export class DnsTally {
  readonly #byPid: Map<number, Totals> = new Map()
  /** Processes given up for want of room, in the middle of their minute. */
  evicted = 0

  get size(): number {
    return this.#byPid.size
  }

  countQuery(pid: number, name: string, isTrusted: boolean | undefined, atMs: number): DnsTotals {
    const totals = this.#at(pid, atMs)
    totals.queries++
    totals.queryBytes += name.length
    if (isTrusted === false) totals.untrustedQueries++
    totals.encodedNames = 0
    if (looksEncoded(name)) {
      // A program without a cache asks for one such name again and again.
      const names = (totals.encoded ??= new Set())
      const before = names.size
      if (before < MAX_NAMES) names.add(hashFrom(name, 0))
      if (names.size > before) totals.encodedNames = names.size
    }
    return totals
  }

  /** Undefined where it is not the first answer of this minute that says so of the domain. */
  countNxdomain(pid: number, name: string, atMs: number): DnsTotals | undefined {
    // A search list makes many names of few domains, or of none that is public.
    if (!isPublicDomain(name)) return undefined
    const totals = this.#at(pid, atMs)
    totals.domains ??= new Set()
    if (totals.domains.size >= MAX_DOMAINS) return undefined
    totals.domains.add(hashFrom(name, name.lastIndexOf('.', name.lastIndexOf('.') - 1) + 1))
    if (totals.domains.size === totals.nxdomains) return undefined
    totals.nxdomains = totals.domains.size
    return totals
  }

  countText(pid: number, bytes: number, atMs: number): DnsTotals {
    const totals = this.#at(pid, atMs)
    totals.texts++
    totals.textBytes += bytes
    return totals
  }

  /** The process has ended: its number may be another's soon. */
  forget(pid: number): void {
    this.#byPid.delete(pid)
  }

  #at(pid: number, atMs: number): Totals {
    const known = this.#byPid.get(pid)
    // The clock may have been set back; events may be a little out of order.
    if (known !== undefined && Math.abs(atMs - known.startMs) < WINDOW_MS) return known
    const totals = new Totals(atMs)
    // Anew at the end, so that the first is the one that began longest ago.
    this.#byPid.delete(pid)
    this.#byPid.set(pid, totals)
    if (this.#byPid.size > MAX_PROCESSES) {
      for (const [oldest, { startMs }] of this.#byPid) {
        this.#byPid.delete(oldest)
        if (atMs < startMs + WINDOW_MS) this.evicted++
        break
      }
    }
    return totals
  }
}

function looksEncoded(name: string): boolean {
  if (!hasLongLabel(name)) return false
  const { length, entropy } = shapeOfLongestLabel(name)
  return length >= ENCODED_BYTES && entropy >= ENCODED_ENTROPY
}

/** Whether any label has so many characters; bytes that are written as several count as these. */
function hasLongLabel(name: string): boolean {
  for (let from = 0; name.length - from >= ENCODED_BYTES; ) {
    const dot = name.indexOf('.', from)
    if ((dot < 0 ? name.length : dot) - from >= ENCODED_BYTES) return true
    if (dot < 0) return false
    from = dot + 1
  }
  return false
}

/** FNV-1a of the name from there on. */
function hashFrom(name: string, from: number): number {
  let hash = 0x811c9dc5
  for (let i = from; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash
}
