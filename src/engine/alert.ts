import type { PlannedRule } from '../rules/plan.ts'
import type { JsonDouble } from '../values/value.ts'

/** A field's value as JSON prints it; text is already readable (UTF-8, U+FFFD for what is not). `null`: the event has no value. */
export type AlertValue =
  | string
  | number
  | bigint
  | boolean
  | JsonDouble
  | null
  | readonly (string | number | bigint | boolean)[]

/** One rule that matched one event, with everything an output needs: no reference to the event remains. */
export interface Alert {
  readonly rule: PlannedRule
  /** The rule's source, `syscall` for all that comes from the kernel. */
  readonly source: string
  /** `evt.num`: 1 for the first event of the source. */
  readonly eventNum: number
  /** When the event happened, ns since the epoch. */
  readonly tsNs: bigint
  /** The formatted output without time and priority: Falco's `message`. */
  readonly text: string
  /** The fields of the output format in the order in which they are written, each key once. */
  readonly fields: readonly (readonly [key: string, value: AlertValue])[]
  /** Why the addresses that the rule asks the names of have the names that they have; absent unless asked for. */
  readonly names?: readonly AddressEvidence[]
}

/**
 * What was known of the names of one end of the connection, in the shape that JSON prints it (`docs/explain.md`). Times are ISO 8601
 * in UTC, spans milliseconds. Bounded: a few of what is known, and how many more there are.
 */
export interface AddressEvidence {
  /** `fd.sip.name`: which end. */
  readonly field: string
  /** Absent: the event has no such address, so every check of its name is false. */
  readonly address?: string
  /** Whose evidence decides; absent: no name is known. */
  readonly decided_by?: string
  /** The names that count, the best first. */
  readonly known: readonly NameProof[]
  /** How many more there are. */
  readonly more?: number
  /** Why there is no name. */
  readonly reason?: MissProof
  /** The rule's checks of this name. */
  readonly checks: readonly CheckProof[]
}

/** One name of an address and how it is known. */
export interface NameProof {
  readonly name: string
  readonly evidence: string
  /** When it was last confirmed, and how long before the event; absent: not known. */
  readonly seen?: string
  readonly age_ms?: number
  readonly resolver?: string
  /** Seconds. */
  readonly ttl?: number
  /** The alias chain from `name` on. */
  readonly chain?: readonly string[]
  /** Whose evidence it is; without both: the host's as a whole. */
  readonly pid?: number
  readonly process?: string
  readonly container?: string
  /** Number of the network namespace; absent: the host's. */
  readonly netns?: number
  /** When it ends; absent: no end in sight. */
  readonly until?: string
  /** Only a server that is not trusted said so. */
  readonly untrusted?: true
  /** The last attempt to confirm it failed. */
  readonly stale?: true
  /** Names of the address, or addresses of the name, are missing because there were too many. */
  readonly overflow?: true
}

/** One check of the rule. */
export interface CheckProof {
  /** As the rule has it, its lists cut short. */
  readonly check: string
  /** Without the `not` in front of it. */
  readonly holds: boolean
  /** The name that is among those of the check. */
  readonly name?: string
  /** Why none is: what comes nearest. */
  readonly reason?: MissProof
}

/** A reason, for programs and for people. */
export interface MissProof {
  readonly kind: string
  readonly text: string
  readonly name?: string
  /** How long before the event, or (`later`) after it. */
  readonly ms?: number
  readonly pid?: number
  readonly process?: string
  readonly container?: string
  readonly netns?: number
  readonly resolver?: string
}
