import type { EventRecord } from '../events/event-record.ts'
import type { ByteText, Ip } from '../values/value.ts'
import type { Fd } from './fd.ts'
import type { Machine } from './machine.ts'
import type { Thread } from './thread.ts'

/** What a field reader sees: the event with the state as it is right after the event was applied. One object, reused. */
export interface EventContext {
  readonly rec: EventRecord
  /** The thread that made the event; undefined for events of no known thread. */
  readonly thread: Thread | undefined
  /** The fd the event refers to, by its fd parameter or return value; undefined when it has none or it is not known. */
  readonly fd: Fd | undefined
  /** Its number; −1 when the event refers to no fd (a failed open); undefined when no thread is known. */
  readonly fdNum: number | undefined
  /** Whether this event changed the fd's name (a new UDP peer). */
  readonly fdNameChanged: boolean
  /** Time of the first event of the source and of the event before this one (0 at the first), ns since the epoch. */
  readonly firstTsNs: bigint
  readonly previousTsNs: bigint
  readonly machine: Machine
  /** The names that addresses are known by; absent when nothing keeps them. */
  readonly names?: NameSource | undefined
  /** What was understood of the data that the event moved; absent when nobody looks, or it is of no kind that is understood. */
  readonly payload?: EventPayload | undefined
}

/** What an event's data says; `domains/` implements it. */
export type EventPayload = DnsPayload | TlsPayload | HttpPayload

/** The first message of a TLS client; the event is the one that completed it. */
export interface TlsPayload {
  readonly kind: 'tls'
  readonly serverName: ByteText | undefined
  /** The name may be an outer one: an encrypted ClientHello is there. */
  readonly hasEch: boolean
  /** Something else than the client says that the name has the address. */
  readonly isConfirmed: boolean
}

/** The first request of an HTTP/1 client. */
export interface HttpPayload {
  readonly kind: 'http'
  readonly host: ByteText | undefined
  readonly isConfirmed: boolean
}

/** A DNS message: the first one that this event completed. */
export interface DnsPayload {
  readonly kind: 'dns'
  readonly message: {
    readonly isAnswer: boolean
    readonly rcode: number
    readonly isTruncated: boolean
    /** The event does not have all of it. */
    readonly isCut: boolean
    readonly question: { readonly name: ByteText; readonly type: number } | undefined
    readonly answers: readonly DnsAnswer[]
  }
  /** The server's end; undefined where it is not known. */
  readonly serverIp: Ip | undefined
  readonly serverPort: number
  /** Whether the server is one that its client should ask; undefined where that is not known. */
  readonly isTrusted: boolean | undefined
  /** An answer that fits no question of the process that got it; undefined for queries, and at the server. */
  readonly isUnasked: boolean | undefined
  /** Counts of the process's minute, where this message added to them. */
  readonly totals?: DnsTotals | undefined
}

/** What a process asked and was told in a minute. */
export interface DnsTotals {
  readonly queries: number
  readonly queryBytes: number
  readonly untrustedQueries: number
  readonly encodedNames: number
  readonly nxdomains: number
  readonly texts: number
  readonly textBytes: number
}

/** A record of the answer section: its type decides which member it has. */
export interface DnsAnswer {
  readonly name: ByteText
  readonly type: number
  readonly ttlSec: number
  readonly ip?: Ip
  readonly target?: ByteText
  readonly text?: ByteText
}

/** Answers which names an address has; `domains/` implements it. */
export interface NameSource {
  /** The best name for printing. */
  nameOf(ip: Ip, ctx: EventContext): ByteText | undefined
  namesOf(ip: Ip, ctx: EventContext): readonly ByteText[]
  /** How these names are known, the best first; absent where nothing keeps that. */
  bindingsOf?(ip: Ip, ctx: EventContext): readonly KnownName[]
}

/** A name of an address and how it is known. */
export interface KnownName {
  readonly name: ByteText
  /** `domains/` has the list: observed, resolved, … */
  readonly evidence: string
  /** When it was last found to hold, ms since the epoch. */
  readonly lastSeenMs: number
  readonly resolver: ByteText | undefined
  /** Whether the last attempt to ask again failed. */
  readonly stale: boolean
  /** Whether it is the answer of a server that the workload should not have asked. */
  readonly untrusted: boolean
}
