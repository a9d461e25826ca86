import type { Net, Scalar, ValueType } from '../values/value.ts'
import type { FieldRef } from './field-lookup.ts'

/**
 * The compiled rules as plain data: macros and lists gone, names resolved, constants parsed to the type of their field.
 * No readers are bound, so a plan is the same on any machine. `engine/` links it to fields.
 */
export interface Plan {
  /** Loaded rules of all sources in rule order, also disabled ones and those below the priority threshold; see `enabled`. */
  readonly rules: readonly PlannedRule[]
  /** Every domain name spelled in a `fd.*ip.name` check, normalised, without repeats. */
  readonly domains: readonly string[]
  /** Every configured list that a check names, without repeats. */
  readonly nameLists: readonly string[]
}

export interface PlannedRule {
  /** Position in rule order. */
  readonly index: number
  readonly name: string
  readonly desc: string
  /** 0 Emergency … 7 Debug. */
  readonly priority: number
  readonly source: string
  readonly tags: readonly string[]
  readonly enabled: boolean
  readonly capture: boolean
  readonly captureDurationMs: number
  /** How long its verdict may wait for the name of an address; absent: as long as the configuration says. */
  readonly waitForNameMs?: number
  readonly condition: PlanExpr
  /** The output as written in the rule (`append_output` not yet added), trimmed. */
  readonly output: string
  /** Event codes for which the condition can be true (`rules-language.md` §6). */
  readonly eventCodes: ReadonlySet<number>
  /** Names of fields in the rule's exceptions. */
  readonly exceptionFields: readonly string[]
}

/** The rules that are on and not below the priority that is asked for. */
export function activeRules(rules: readonly PlannedRule[], minPriority: number): PlannedRule[] {
  return rules.filter(rule => rule.enabled && rule.priority <= minPriority)
}

export type PlanExpr =
  | { readonly kind: 'and' | 'or'; readonly operands: readonly PlanExpr[] }
  | { readonly kind: 'not'; readonly operand: PlanExpr }
  | PlanCheck

export type CompareOp =
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'contains'
  | 'icontains'
  | 'bcontains'
  | 'startswith'
  | 'bstartswith'
  | 'endswith'
  | 'glob'
  | 'iglob'
  | 'regex'
  | 'in'
  | 'intersects'
  | 'pmatch'
  | 'exists'

/** One comparison. `==` is normalised to `=`. Identical checks have an identical `key`, so that equality of text is equality of meaning. */
export interface PlanCheck {
  readonly kind: 'check'
  readonly lhs: PlanOperand
  readonly op: CompareOp
  readonly modifier?: 'anyof' | 'allof' | 'oneof'
  readonly rhs: PlanRhs
  readonly key: string
}

export type PlanRhs =
  | { readonly kind: 'none' }
  /** Constants parsed to the type of `lhs`: one for plain operators, any number for set operators and modifiers. */
  | { readonly kind: 'values'; readonly values: readonly Constant[] }
  /** For `in` and `intersects`: names, and configured lists of names (`CompileRulesOptions.nameLists`), at least one. */
  | { readonly kind: 'lists'; readonly values: readonly Constant[]; readonly lists: readonly string[] }
  | { readonly kind: 'operand'; readonly operand: PlanOperand }

/** Text is `ByteText`; addresses are `Ip`; CIDR blocks are `Net`; for bcontains/bstartswith the decoded bytes; for domains the normalised name. */
export type Constant = Scalar | Net

export type PlanOperand =
  | { readonly kind: 'field'; readonly ref: FieldRef; readonly type: ValueType; readonly isList: boolean }
  | {
      readonly kind: 'transform'
      readonly name: TransformerName
      readonly args: readonly PlanOperand[]
      /** For `getopt(list, "optstr")[c]`: c. */
      readonly index?: string
      readonly type: ValueType
      readonly isList: boolean
    }
  /** A literal argument of a transformer, or a parenthesised list of operands in `join`. */
  | { readonly kind: 'literal'; readonly value: Scalar; readonly type: ValueType; readonly isList: false }
  | { readonly kind: 'list'; readonly items: readonly PlanOperand[]; readonly type: ValueType; readonly isList: true }

export type TransformerName = 'val' | 'tolower' | 'toupper' | 'b64' | 'basename' | 'len' | 'join' | 'concat' | 'getopt'

/** An output format split into what is printed as is and what is looked up. */
export interface OutputFormat {
  readonly text: string
  readonly segments: readonly OutputSegment[]
}

export type OutputSegment =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'value'
      /** As written after `%` and the width, e.g. `proc.aname[2]`: the key in `output_fields`. */
      readonly text: string
      readonly operand: PlanOperand
      /** `%20proc.name`: pad or cut to so many characters. */
      readonly width?: number
      /** The fields in it under their own names: the keys of `output_fields` and what they hold. For a plain field, itself. */
      readonly fields?: readonly { readonly text: string; readonly operand: PlanOperand }[]
    }
