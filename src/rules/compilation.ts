/** Everything about one set of rule files while it is compiled: each stage of `compile-rules.ts` fills in its part. */
import { closestName } from '../diagnostics/closest-name.ts'
import type { Ast } from './ast.ts'
import type { CollectedMacro, CollectedRule, RuleCollector } from './collect-rules.ts'
import type { CompileCache, ParsedText } from './compile-cache.ts'
import type { CompileResult } from './compile-condition.ts'
import type { ConditionError } from './condition-findings.ts'
import type { ConditionText } from './condition-text.ts'
import { type ExpandableList, ExpandedOrigin, ListTable, type TracedOrigin } from './expand-lists.ts'
import type { FieldLookup } from './field-lookup.ts'
import type { HintBudget } from './hint-budget.ts'
import { findingAt, type ItemPlace, type LoadFinding } from './load-finding.ts'
import { conditionFinding } from './place-findings.ts'

export interface MacroState {
  readonly info: CollectedMacro
  parsed: ParsedText | undefined
  /** As parsed, then with macros put in; absent when it does not parse or resolve. */
  ast: Ast | undefined
  /** What is left to be checked of a condition with an error. */
  rest: ParsedText | undefined
  isUsed: boolean
}

export interface RuleState {
  readonly info: CollectedRule
  condition: ConditionText
  exceptionFields: readonly string[]
  output: string
  parsed: ParsedText | undefined
  ast: Ast | undefined
  /** What is left to be checked of a condition with an error. */
  rest: ParsedText | undefined
  compiled: (CompileResult & { readonly ok: true }) | undefined
  /** Whether an error or `skip-if-unknown-filter` takes the rule out. */
  isOut: boolean
  /** Whether its exceptions do not fit together. */
  readonly hasBadExceptions: boolean
  /** Whether its condition does not matter: its exceptions do not fit together, or it is skipped for its output. */
  isSettled: boolean
}

/** Everything about one set of files; each stage fills in its part. */
export interface Compilation {
  readonly collector: RuleCollector
  readonly fields: FieldLookup
  readonly cache: CompileCache
  readonly hints: HintBudget
  readonly nameLists: ReadonlySet<string>
  /** Names of items that could not be read; nothing is said to be missing that has such a name. */
  readonly broken: ReadonlySet<string>
  /** A whole file is missing, so that nothing at all is said to be. */
  readonly isPartial: boolean
  hasReadErrors: boolean
  readonly findings: LoadFinding[]
  lists: readonly ExpandableList[]
  table: ListTable
  readonly usedLists: Set<string>
  macros: Map<string, MacroState>
  rules: RuleState[]
}

export function newCompilation(
  given: Pick<Compilation, 'collector' | 'fields' | 'cache' | 'hints' | 'nameLists' | 'broken' | 'isPartial'>,
): Compilation {
  return {
    ...given,
    hasReadErrors: false,
    findings: [],
    lists: [],
    table: new ListTable([]),
    usedLists: new Set(),
    macros: new Map(),
    rules: [],
  }
}

/** A condition, or (after a finding) what could be read of it. */
export type ParsedOrRest = {
  readonly parsed: ParsedText | undefined
  readonly rest: ParsedText | undefined
}

/** Expands and parses one condition. */
export function parseText(c: Compilation, owner: string, condition: ConditionText, place: ItemPlace): ParsedOrRest {
  const expanded = c.table.expand(condition, c.usedLists)
  if (expanded === undefined) {
    c.findings.push(
      findingAt(place, { code: 'E0221', message: 'the condition is beyond all use once its lists are expanded' }),
    )
    return { parsed: undefined, rest: undefined }
  }
  const result = c.cache.parse(owner, condition, expanded, c.table)
  if (result.ok) return { parsed: result.parsed, rest: undefined }
  c.findings.push(conditionFinding(result.error, new ExpandedOrigin(condition, expanded, c.table), expanded, place))
  return { parsed: undefined, rest: result.read }
}

/** The error of a value that may be the misspelled name of a list; undefined if the list could not be read, which is told already. */
export function withListHint(c: Compilation, error: ConditionError, parsed: ParsedText): ConditionError | undefined {
  if (error.code !== 'E0103' && error.code !== 'E0107') return error
  const { text } = error.origin === undefined ? parsed.origin : (error.origin as TracedOrigin)
  const value = text.slice(error.span.start, error.span.end)
  if (c.broken.has(value)) return undefined
  if (!/^[a-z]\w*_\w*$/i.test(value)) return error
  if (c.isPartial) return undefined
  const near = closestName(value, c.hints.spend(c.collector.lists.keys()))
  return near === undefined ? error : { ...error, help: `did you mean the list \`${near}\`?` }
}

/** What `skip-if-unknown-filter` makes a reason to skip a rule. */
export function isForgivable({ kind }: ConditionError): boolean {
  return kind === 'unknown-field' || kind === 'unknown-event-type'
}
