/**
 * A binding says: this name had this address, on this evidence, seen by whom, from when until when. Everything that is known of names
 * is such facts; `name-index.ts` keeps them, `bindings-file.ts` reads and writes them.
 */
import type { Ip } from '../values/value.ts'

/**
 * How it is known, strongest first. `sni`, `host`: the connection itself named it (TLS, HTTP). `observed`: a DNS answer that a
 * workload received. `hosts`: a hosts file. `resolved`: the agent's own look-up. `literal`: the name is the address in text. `claimed`:
 * the connection itself named it, but nothing else says that the name has this address, and a client may name whom it likes.
 */
export type Evidence = 'sni' | 'host' | 'observed' | 'hosts' | 'resolved' | 'literal' | 'claimed'

export const EVIDENCE: readonly Evidence[] = ['sni', 'host', 'observed', 'hosts', 'resolved', 'literal', 'claimed']

/** Who saw it; absent: the host as a whole. */
export interface Owner {
  /** Process id as the host sees it. */
  readonly pid?: number
  /** 12-character container id; absent or '' for processes of the host. */
  readonly containerId?: string
  /** Number of its network namespace; absent or 0: the host's, or not known. */
  readonly netns?: number
  /** For what a hosts file says: the mount namespace that has it; absent: everybody may look at it. */
  readonly mntns?: number
}

/** Of an alias chain so many names count. RFC 1034 allows chains of any length; resolvers give up between 8 and 16. */
export const MAX_ALIASES = 16

/** A real name has at most a few hundred; more in one answer is hostile or useless. */
export const MAX_ADDRESSES_PER_ANSWER = 1024
/** A week: what RFC 2181 §8 calls a sane upper bound. */
export const MAX_TTL_SEC = 604_800

export interface BindingFact {
  /** In any spelling; see `normaliseDomain`. */
  readonly name: string
  readonly ip: Ip
  readonly evidence: Evidence
  readonly owner?: Owner
  /** Milliseconds since the epoch, with fractions. Absent: since ever. */
  readonly fromMs?: number
  /** When it no longer holds; Infinity: no end in sight. Absent: TTL and grace after `fromMs` where both are known, else Infinity. */
  readonly untilMs?: number
  /** When it was last found to hold, where that is told apart from when it was taken in. */
  readonly seenMs?: number
  readonly ttlSec?: number
  /** The server that answered, as text. */
  readonly resolver?: string | undefined
  /** Names that the alias chain went through from `name` on; each had the address too. */
  readonly chain?: readonly string[]
  /** The last attempt to confirm it failed. */
  readonly stale?: boolean
  /**
   * An answer of a server that is neither trusted nor configured where it was asked. It never outweighs what is known otherwise, and
   * counts only where a match speaks against the workload: in `fd.sip.name = x`, not in `not fd.sip.name in (trusted)`.
   */
  readonly untrusted?: boolean
}

/** Who asks, and when: the current event. `EventContext` fits it. */
export interface NameMoment {
  /** Names are asked for this time, ms since the epoch, and not for the event's: its verdict was put off. */
  readonly askedAtMs?: number
  readonly rec: { readonly view: DataView; readonly start: number }
  readonly thread?:
    | {
        readonly pid: number
        readonly containerId: string
        readonly netns?: number
        readonly mntns?: number
        /** Of the process that made it. */
        readonly ptid?: number
        /** The process's first thread; ns since the epoch, 0n where its start is not known. */
        readonly main?: { readonly cloneTsNs: bigint } | undefined
      }
    | undefined
}

/** The same moment for later: that of an event is over with the event. */
export function keepMoment({ rec, thread }: NameMoment): NameMoment {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, rec.view.getBigUint64(rec.start, true), true)
  if (thread === undefined) return { rec: { view, start: 0 } }
  const { pid, containerId, netns, mntns, ptid, main } = thread
  return {
    rec: { view, start: 0 },
    thread: {
      pid,
      containerId,
      ...(netns !== undefined && { netns }),
      ...(mntns !== undefined && { mntns }),
      ...(ptid !== undefined && { ptid }),
      main: main && { cloneTsNs: main.cloneTsNs },
    },
  }
}

/** When a question is meant: at an event, or at a time (ms since the epoch) for the host as a whole. */
export type When = NameMoment | number

/** Time of the moment in ms. Rounded as JSON rounds the ns to a double, so that the same ns in a bindings file is the same time. */
export function timeOf(when: When): number {
  if (typeof when === 'number') return when
  if (when.askedAtMs !== undefined) return when.askedAtMs
  const { view, start } = when.rec
  return (view.getUint32(start + 4, true) * 0x1_0000_0000 + view.getUint32(start, true)) / 1e6
}

/**
 * What a binding is worth to somebody who asks; the lowest that any binding of an address has decides, and the others do not count.
 * What this very process saw, what the process that it is a copy of had seen by then, what its container or network namespace saw, what the
 * host saw, what nobody but the agent asked for, and what it says itself.
 */
export const Level = { process: 0, parent: 1, container: 2, host: 3, agent: 4, claimed: 5, none: 6 } as const

/** What of a binding decides its level. */
export interface Attribution {
  readonly evidence: Evidence
  readonly owner: Owner | undefined
  readonly firstSeenMs: number
  readonly lastSeenMs: number
}

/** `none` when the binding means nothing to the one who asks: it belongs to another container. */
export function levelOf({ evidence, owner, firstSeenMs, lastSeenMs }: Attribution, when: When): number {
  const viewer = typeof when === 'number' ? undefined : when.thread
  const containerId = owner?.containerId ?? ''
  const isForeign = containerId !== '' && containerId !== viewer?.containerId
  if (evidence === 'hosts' || evidence === 'resolved' || evidence === 'literal') {
    const isElsewhere = owner?.mntns !== undefined && owner.mntns !== (viewer?.mntns ?? 0)
    return isForeign || isElsewhere ? Level.none : Level.agent
  }
  // Process ids come back: what was seen before a process began was another's.
  const isOwn = owner?.pid !== undefined && owner.pid === viewer?.pid && startMs(viewer) <= lastSeenMs
  if (evidence === 'claimed') return isOwn ? Level.claimed : Level.none
  if (isOwn) return Level.process
  if (isForeign) return Level.none
  if (owner?.pid !== undefined && owner.pid === viewer?.ptid && firstSeenMs <= startMs(viewer)) {
    // Runtimes start the programs of containers: what they looked up is not the container's.
    if (containerId === viewer.containerId) return Level.parent
  }
  if (containerId !== '') return Level.container
  const netns = owner?.netns ?? 0
  if (netns === 0) return Level.host
  return netns === viewer?.netns ? Level.container : Level.none
}

/** Whether a binding is no more than what a workload may have made up: it must not excuse what the workload does. */
export function isDoubtful({
  evidence,
  untrusted,
}: {
  readonly evidence: Evidence
  readonly untrusted?: boolean
}): boolean {
  return evidence === 'claimed' || untrusted === true
}

/** One process asks of many bindings in turn, and making a number of a bigint takes long. */
let lastStartNs = 0n
let lastStartMs = 0

/** 0 where it is not known. */
function startMs({ main }: NonNullable<NameMoment['thread']>): number {
  const startNs = main?.cloneTsNs ?? 0n
  if (startNs !== lastStartNs) {
    lastStartNs = startNs
    lastStartMs = Number(startNs) / 1e6
  }
  return lastStartMs
}

/** Whether evidence says what a workload itself used, and so outweighs what the agent found out. */
export function isWorkloadEvidence(evidence: Evidence): boolean {
  return evidence === 'sni' || evidence === 'host' || evidence === 'observed'
}
