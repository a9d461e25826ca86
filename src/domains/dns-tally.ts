/**
 * How much each process asked and was told of late: what tells a tunnel or a search for a command server from ordinary look-ups, and what rules
 * cannot count. A count covers a minute that begins with the process's first message, then begins anew; so a rule that waits for one
 * number alerts once a minute at most. Bounded: the processes whose minute began longest ago are forgotten first.
 */
import { isPublicDomain } from '../values/domain-name.ts'

/** A process's counts in its minute. */
export interface DnsTotals {
  readonly queries: number
  /** Characters of the names asked for. */
  readonly queryBytes: number
  /** Queries to servers that are not trusted. */
  readonly untrustedQueries: number
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

class Totals implements DnsTotals {
  readonly startMs: number
  queries = 0
  queryBytes = 0
  untrustedQueries = 0
  nxdomains = 0
  texts = 0
  textBytes = 0
  /** Hashes of the domains that do not exist. */
  domains: Set<number> | undefined = undefined

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
    return totals
  }

  /** Undefined where it is not the first answer of this minute that says so of the domain. */
  countNxdomain(pid: number, name: string, atMs: number): DnsTotals | undefined {
    // A search list makes many names of few domains, or of none that is public.
    if (!isPublicDomain(name)) return undefined
    const totals = this.#at(pid, atMs)
    totals.domains ??= new Set()
    if (totals.domains.size >= MAX_DOMAINS) return undefined
    totals.domains.add(hashOfDomain(name))
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

/** FNV-1a of the last two labels. */
function hashOfDomain(name: string): number {
  const from = name.lastIndexOf('.', name.lastIndexOf('.') - 1) + 1
  let hash = 0x811c9dc5
  for (let i = from; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash
}
