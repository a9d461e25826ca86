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
}
