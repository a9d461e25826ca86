import type { DiagnosticCode } from './codes.ts'
import type { Source, Span } from './source.ts'

/** A second place that belongs to a finding: «first defined here». */
export interface SecondaryLabel {
  readonly source: Source
  readonly span: Span
  readonly text: string
}

/** One finding in someone's rules or configuration: a value, collected and shown with all others, never thrown. */
export interface Diagnostic {
  /** Stable; a row of `diagnosticCodes`. */
  readonly code: DiagnosticCode
  readonly severity: 'error' | 'warning'
  /** What is wrong, in the user's words: lower case, the value quoted in backticks, no full stop. */
  readonly message: string
  readonly source: Source
  readonly span: Span
  /** Why, at that place. */
  readonly label?: string
  /** The likely cure. */
  readonly help?: string
  /** Further sentences without a place. */
  readonly notes?: readonly string[]
  readonly secondary?: readonly SecondaryLabel[]
  /** Falco's name for it where it differs from the code table's: LOAD_ERR_…, LOAD_…. */
  readonly falcoCode?: string
}

/** Orders by file, place, then code, so that the same findings always print in the same order. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  if (a.source.path !== b.source.path) return a.source.path < b.source.path ? -1 : 1
  return a.span.start - b.span.start || a.span.end - b.span.end || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0)
}
