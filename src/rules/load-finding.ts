import type { DiagnosticCode } from '../diagnostics/codes.ts'
import { codeInfo } from '../diagnostics/codes.ts'
import type { Diagnostic, SecondaryLabel } from '../diagnostics/diagnostic.ts'
import type { Source, Span } from '../diagnostics/source.ts'

/** What a place in a rules file is, in Falco's words, which its result object prints. */
export type ItemType =
  | 'value for'
  | 'exceptions'
  | 'exception'
  | 'exception values'
  | 'exception value'
  | 'rules content'
  | 'rules content item'
  | 'required_engine_version'
  | 'required plugin versions'
  | 'required plugin versions entry'
  | 'required plugin versions alternative'
  | 'list'
  | 'list item'
  | 'macro'
  | 'macro condition'
  | 'rule'
  | 'rule condition'
  | 'condition expression'
  | 'rule output'
  | 'rule priority'
  | 'overrides'

/** A place inside its surroundings: the file, a rule of it, its condition. */
export interface ItemPlace {
  readonly parent?: ItemPlace
  readonly type: ItemType
  readonly name: string
  readonly source: Source
  readonly span: Span
}

/** A finding of the loader: what is shown to people, and the chain of places that Falco's result object has. */
export interface LoadFinding {
  readonly diagnostic: Diagnostic
  readonly place: ItemPlace
  /**
   * Where the finding lies in a condition as it was parsed, with its lists expanded: the condition of `place`, unless it lies `inside` that
   * of a macro.
   */
  readonly expression?: { readonly text: string; readonly at: number; readonly inside?: string }
}

export interface FindingText {
  readonly code: DiagnosticCode
  readonly message: string
  readonly label?: string
  readonly help?: string
  readonly notes?: readonly string[]
  readonly secondary?: readonly SecondaryLabel[]
}

/** The place of a whole file. */
export function filePlace(source: Source): ItemPlace {
  return { type: 'rules content', name: '', source, span: { start: 0, end: 0 } }
}

/** A place inside `parent`, in the same file unless `source` says otherwise. */
export function placeIn(
  parent: ItemPlace,
  type: ItemType,
  name: string,
  span: Span,
  source: Source = parent.source,
): ItemPlace {
  return { parent, type, name, source, span: { start: span.start, end: span.end } }
}

/** A finding at `place`; `at` points more finely than the place does. */
export function findingAt(
  place: ItemPlace,
  text: FindingText,
  at?: { readonly source?: Source; readonly span: Span },
): LoadFinding {
  const { start, end } = at?.span ?? place.span
  return {
    place,
    diagnostic: {
      ...text,
      severity: text.code.startsWith('E') ? 'error' : 'warning',
      source: at?.source ?? place.source,
      span: { start, end },
    },
  }
}

export function isError(finding: LoadFinding): boolean {
  return finding.diagnostic.severity === 'error'
}

/** Falco's name for a finding. */
export function falcoCodeOf(diagnostic: Diagnostic): string {
  return diagnostic.falcoCode ?? codeInfo(diagnostic.code).falcoCode
}

/** Equal for findings that say the same of the same place. */
export function findingKey({ diagnostic }: LoadFinding): string {
  return [falcoCodeOf(diagnostic), diagnostic.source.path, diagnostic.span.start, diagnostic.message].join('\0')
}
