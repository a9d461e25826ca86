/** One condition in the rules' language, outside of any rule: for recording, tracing and the like. */
import { compareDiagnostics, type Diagnostic } from '../diagnostics/diagnostic.ts'
import type { Source } from '../diagnostics/source.ts'
import type { NameIndex } from '../domains/name-index.ts'
import type { OutputFormatter } from '../engine/format-output.ts'
import { linkPlan } from '../engine/link-plan.ts'
import { eventLookup } from '../events/event-lookup.ts'
import { eventTable } from '../events/event-table.ts'
import type { FieldIndex } from '../fields/field-syntax.ts'
import { compileCondition } from '../rules/compile-condition.ts'
import type { ConditionFinding } from '../rules/condition-findings.ts'
import { parseCondition } from '../rules/parse-condition.ts'
import { parseOutputFormat } from '../rules/parse-output.ts'
import type { PlannedRule } from '../rules/plan.ts'
import type { EventContext } from '../state/event-context.ts'
import { bindOutput } from './linked-rules.ts'

export interface EventFilter {
  matches(ctx: EventContext): boolean
  /** The condition as a rule: what must be traced for it follows from that. */
  readonly rule: PlannedRule
}

export type FilterResult =
  | { readonly ok: true; readonly filter: EventFilter }
  | { readonly ok: false; readonly findings: readonly Diagnostic[] }

export interface FilterDeps {
  readonly fields: FieldIndex
  readonly names: NameIndex
}

/** The filter that `text` says; no text matches every event. Never throws. */
export function compileFilter(text: string, deps: FilterDeps): FilterResult {
  const source: Source = { path: 'condition', text }
  const refuse = (errors: readonly ConditionFinding[]): FilterResult => ({
    ok: false,
    findings: errors.map(error => toDiagnostic(error, source)).sort(compareDiagnostics),
  })
  const parsed = parseCondition(text.trim() === '' ? 'evt.type exists' : text)
  if (!parsed.ok) return refuse([parsed.error])
  const compiled = compileCondition(parsed.ast, { fields: deps.fields, events: eventLookup })
  if (!compiled.ok) return refuse(compiled.errors)
  const rule: PlannedRule = {
    index: 0,
    name: 'condition',
    desc: '',
    priority: 7,
    source: 'syscall',
    tags: [],
    enabled: true,
    capture: false,
    captureDurationMs: 0,
    condition: compiled.expr,
    output: '',
    eventCodes: compiled.eventCodes,
    exceptionFields: [],
  }
  const matcher = linkPlan(
    { rules: [rule], domains: [], nameLists: [] },
    {
      fields: name => deps.fields.get(name),
      eventTable,
      isObsolete: eventLookup.isObsolete,
      names: deps.names,
      ruleMatching: 'first',
      minPriority: 7,
    },
  )
  return { ok: true, filter: { rule, matches: ctx => matcher.match(ctx).length > 0 } }
}

export type FormatResult =
  | { readonly ok: true; readonly format: OutputFormatter }
  | { readonly ok: false; readonly findings: readonly Diagnostic[] }

/** The output format that `text` says. Never throws. */
export function compileFormat(text: string, fields: FieldIndex): FormatResult {
  const parsed = parseOutputFormat(text, { fields })
  if (parsed.ok) return { ok: true, format: bindOutput(parsed.format, fields) }
  return { ok: false, findings: [toDiagnostic(parsed.error, { path: 'format', text })] }
}

function toDiagnostic(finding: Omit<ConditionFinding, 'origin'>, source: Source): Diagnostic {
  const { code, message, span, label, help } = finding
  return {
    code,
    severity: 'error',
    message,
    source,
    span,
    ...(label !== undefined && { label }),
    ...(help !== undefined && { help }),
  }
}
