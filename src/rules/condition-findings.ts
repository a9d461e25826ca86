import type { DiagnosticCode } from '../diagnostics/codes.ts'
import type { Span } from '../diagnostics/source.ts'
import type { ConditionOrigin } from './ast.ts'

/**
 * What is wrong with a condition or an output, before it is known where in a file its text stands: `origin` (of the node, hence of the
 * text it was parsed from, which for a macro is the macro's) turns `span` into a place. Falco's result code follows from `code`.
 */
export interface ConditionFinding {
  readonly code: DiagnosticCode
  readonly message: string
  /** Offsets into the text that was parsed. */
  readonly span: Span
  /** Absent when the parsed text had none. */
  readonly origin?: ConditionOrigin
  readonly label?: string
  readonly help?: string
}

export interface ConditionError extends ConditionFinding {
  /** `skip-if-unknown-filter` forgives the first two. */
  readonly kind: 'unknown-field' | 'unknown-event-type' | 'syntax' | 'other'
}

export interface ConditionWarning extends ConditionFinding {
  readonly falcoCode: 'LOAD_NO_EVTTYPE' | 'LOAD_COMPILE_CONDITION' | 'LOAD_UNSAFE_NA_CHECK' | 'LOAD_DEPRECATED_ITEM'
}
