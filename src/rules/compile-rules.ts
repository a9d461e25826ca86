import { compareDiagnostics } from '../diagnostics/diagnostic.ts'
import type { Source } from '../diagnostics/source.ts'
import type { Ast } from './ast.ts'
import { checkOutputs } from './check-outputs.ts'
import { checkRest } from './check-rest.ts'
import {
  checkPlugins,
  type CollectedMacro,
  type CollectedRule,
  type LoadedPlugin,
  RuleCollector,
} from './collect-rules.ts'
import { type Compilation, isForgivable, newCompilation, parseText, withListHint } from './compilation.ts'
import { CompileCache } from './compile-cache.ts'
import { collectDomains, collectNameLists } from './compile-condition.ts'
import { parseMacros, resolveAllMacros, resolveRules } from './compile-macros.ts'
import type { ConditionFinding } from './condition-findings.ts'
import { addExceptions } from './exception-text.ts'
import { type ExpandableList, ListTable, type ListValue } from './expand-lists.ts'
import type { EventLookup, FieldLookup } from './field-lookup.ts'
import { HintBudget } from './hint-budget.ts'
import { filePlace, findingAt, findingKey, isError, type ItemPlace, type LoadFinding } from './load-finding.ts'
import { conditionFinding, saidOf } from './place-findings.ts'
import type { Plan, PlanExpr, PlannedRule } from './plan.ts'
import { readRulesFile } from './read-rules-file.ts'
import { isSelected, type RuleSelection } from './select-rules.ts'

/** A file to load: its text, or why it could not be read. */
export type RulesFileInput =
  | { readonly path: string; readonly text: string }
  | { readonly path: string; readonly readError: string }

export interface CompileRulesOptions {
  readonly fields: FieldLookup
  readonly events: EventLookup
  /** Event sources that exist; `syscall` alone unless set. Rules of others are left out, with a warning. */
  readonly sources?: readonly string[]
  /** Plugins that are loaded, for `required_plugin_versions`; the container plugin, whose fields are built in, unless set. */
  readonly plugins?: readonly LoadedPlugin[]
  /** The configuration's `rules`, applied in order after all files. */
  readonly selection?: readonly RuleSelection[]
  /** Rules of a higher number (a lower priority) stay off; 7 (debug) unless set. */
  readonly minPriority?: number
  readonly strictDomains?: boolean
  /**
   * Lists of domain names that are configured beside the rules, and may be long: `in (NAME)` asks for them without putting them in. A list
   * of that name among the rules, which Falco needs, adds its items.
   */
  readonly nameLists?: ReadonlySet<string>
}

/** The outcome of loading one file after those before it. */
export interface FileResult {
  readonly path: string
  readonly source: Source
  /** No error in this file, nor in what all files up to this one define together. */
  readonly ok: boolean
  /**
   * The first error is the one at which Falco stops: what reading finds, item by item, then what compiling finds, macros before rules,
   * then what else is wrong with what has an error. What earlier files left to be said (an unused macro, say) is said again, as Falco
   * does.
   */
  readonly findings: readonly LoadFinding[]
  /** Those that no earlier file's result has, sorted by place. */
  readonly newFindings: readonly LoadFinding[]
}

export interface CompiledRules {
  /** Present unless a file has an error. */
  readonly plan: Plan | undefined
  readonly results: readonly FileResult[]
  /** What all files define together, as far as it compiled: for `describe`. */
  readonly compiled: CompiledSet
}

/** What `describe` needs beyond the plan. */
export interface CompiledSet {
  readonly collector: RuleCollector
  readonly rules: readonly CompiledRule[]
  readonly macros: readonly CompiledMacro[]
  readonly lists: readonly CompiledList[]
}

export interface CompiledRule {
  readonly info: CollectedRule
  /** With lists, macros and exceptions put in. */
  readonly ast: Ast
  readonly expr: PlanExpr
  readonly eventCodes: ReadonlySet<number>
  readonly output: string
  readonly exceptionFields: readonly string[]
}

export interface CompiledMacro {
  readonly info: CollectedMacro
  readonly ast: Ast
  readonly isUsed: boolean
}

export interface CompiledList extends ExpandableList {
  readonly isUsed: boolean
}

/** The container fields are ours; rules ask for the plugin that gives them to Falco. */
const BUILT_IN_PLUGINS: readonly LoadedPlugin[] = [{ name: 'container', version: '0.7.0' }]

/**
 * Loads files in order into one set of rules. After each file the whole set is compiled, because each file must make sense with those
 * before it; what did not change since is taken from the cache. Never throws, whatever the texts.
 */
export function compileRules(files: readonly RulesFileInput[], options: CompileRulesOptions): CompiledRules {
  const hints = new HintBudget()
  const fields: FieldLookup = {
    resolve: text => options.fields.resolve(text),
    names: () => hints.spend(options.fields.names()),
  }
  const collector = new RuleCollector({
    fields,
    sources: options.sources ?? ['syscall'],
    hints,
    isStrict: options.strictDomains === true,
  })
  const cache = new CompileCache({ ...options, fields })
  const results: FileResult[] = []
  const said = new Set<string>()
  const broken = new Set<string>()
  const nameLists = options.nameLists ?? new Set()
  let isPartial = false
  let compilation = newCompilation({ collector, fields, cache, hints, nameLists, broken, isPartial })
  for (const file of files) {
    const source: Source = { path: file.path, text: 'text' in file ? file.text : '' }
    let findings: readonly LoadFinding[]
    if ('readError' in file) {
      const message = `the file cannot be read: ${file.readError}`
      findings = [findingAt(filePlace(source), { code: 'E0201', message }), ...collector.apply([], broken)]
      isPartial = true
    } else {
      const content = readRulesFile(source)
      for (const name of content.broken) broken.add(name)
      isPartial ||= content.isPartial
      findings = inReadingOrder([...content.findings, ...collector.apply(content.items, broken)])
    }
    compilation = newCompilation({ collector, fields, cache, hints, nameLists, broken, isPartial })
    if (findings.some(isError)) compilation.hasReadErrors = true
    for (const stage of STAGES) stage.run(compilation)
    const plugins = checkPlugins(collector.requiredPlugins, options.plugins ?? BUILT_IN_PLUGINS)
    results.push(fileResult(source, [...findings, ...compilation.findings, ...plugins], said))
  }
  const compiled = compiledSet(compilation)
  return { plan: results.every(result => result.ok) ? planOf(compiled, options) : undefined, results, compiled }
}

function fileResult(source: Source, findings: readonly LoadFinding[], said: Set<string>): FileResult {
  const newFindings: LoadFinding[] = []
  for (const finding of findings) {
    const key = findingKey(finding)
    if (!said.has(key)) newFindings.push(finding)
    said.add(key)
  }
  newFindings.sort(compareFindings)
  return { path: source.path, source, ok: !findings.some(isError), findings, newFindings }
}

/** What Falco meets first comes first: no YAML at all, then item by item; inside an item the order of reading stays. */
function inReadingOrder(findings: readonly LoadFinding[]): readonly LoadFinding[] {
  const positionOf = ({ place, diagnostic }: LoadFinding): number => {
    if (diagnostic.code === 'E0202') return -1
    if (place.parent === undefined) return diagnostic.span.start
    let at = place
    while (at.parent?.parent !== undefined) at = at.parent
    return at.span.start
  }
  const positions = new Map(findings.map(finding => [finding, positionOf(finding)]))
  return [...findings].sort((a, b) => positions.get(a)! - positions.get(b)!)
}

function compareFindings(a: LoadFinding, b: LoadFinding): number {
  return compareDiagnostics(a.diagnostic, b.diagnostic)
}

// The stages

interface Stage {
  readonly name: string
  readonly run: (compilation: Compilation) => void
}

/** The order in which a set of rules is compiled. */
const STAGES: readonly Stage[] = [
  { name: 'compile lists', run: compileLists },
  // Needs the lists: they are put in as text before anything is parsed.
  { name: 'parse macros', run: parseMacros },
  // Needs all macros parsed: one may use a macro that is defined after it, if it was changed later.
  { name: 'resolve macros', run: resolveAllMacros },
  // Exceptions may name lists, so they come before the text is parsed.
  { name: 'add exceptions', run: addAllExceptions },
  { name: 'check outputs', run: checkOutputs },
  { name: 'parse rules', run: parseRules },
  // Needs the macros resolved.
  { name: 'resolve rules', run: resolveRules },
  { name: 'compile conditions', run: compileConditions },
  // Needs all that is found of rules.
  { name: 'order findings', run: orderFindings },
  // Needs all that Falco finds: what is found here comes after it.
  { name: 'check the rest', run: checkRest },
  // Needs everything that can use something.
  { name: 'find unused', run: findUnused },
]

/** All lists together may have so many items once the lists among them are replaced. */
const MAX_LIST_ITEMS = 2_000_000

/** Replaces the lists among the items of lists: those that were defined before the last change, one level deep. */
function compileLists(c: Compilation): void {
  const { lists } = c.collector
  let itemsLeft = MAX_LIST_ITEMS
  c.lists = [...lists.values()].map((list, position) => {
    const items: ListValue[] = []
    for (const { scalar, source } of list.items) {
      const named = lists.get(scalar.value)
      const isList = named !== undefined && named.index < list.visibility
      itemsLeft -= isList ? named.items.length + 1 : 1
      if (itemsLeft < 0) break
      if (isList) {
        c.usedLists.add(named.name)
        for (const inner of named.items)
          items.push({ text: inner.scalar.value, source: inner.source, scalar: inner.scalar })
        if (c.nameLists.has(named.name)) items.push({ text: named.name, source, scalar })
      } else items.push({ text: scalar.value, source, scalar })
    }
    return { name: list.name, position, items, isConfigured: c.nameLists.has(list.name) }
  })
  if (itemsLeft < 0) {
    const last = [...lists.values()].at(-1)!
    c.findings.push(
      findingAt(last.place, {
        code: 'E0221',
        message: 'the lists are beyond all use once those among their items are put in',
      }),
    )
  }
  c.table = new ListTable(c.lists)
}

function addAllExceptions(c: Compilation): void {
  for (const info of c.collector.rules.values()) {
    if (info.hasUnknownSource) continue
    const { condition, fields, findings } = addExceptions(info.condition, info.exceptions)
    for (const finding of findings) c.findings.push(finding)
    c.rules.push({
      info,
      condition,
      exceptionFields: fields,
      output: '',
      parsed: undefined,
      ast: undefined,
      rest: undefined,
      compiled: undefined,
      isOut: findings.length > 0,
      hasBadExceptions: findings.length > 0,
      isSettled: findings.length > 0,
    })
  }
}

function parseRules(c: Compilation): void {
  for (const rule of c.rules) {
    if (rule.isSettled) continue
    const { parsed, rest } = parseText(c, '', rule.condition, rule.info.conditionPlace)
    rule.parsed = parsed
    rule.rest = rest
    if (parsed === undefined) rule.isOut = true
  }
}

function compileConditions(c: Compilation): void {
  for (const rule of c.rules) {
    const { ast, parsed, info } = rule
    if (ast === undefined || parsed === undefined) continue
    const result = c.cache.compile(ast)
    parsed.retarget()
    for (const warning of result.warnings) {
      const isOfRule = warning.falcoCode === 'LOAD_NO_EVTTYPE'
      if (isOfRule && (!info.warnEvttypes || info.source !== 'syscall')) continue
      const finding = conditionFinding(warning, parsed.origin, parsed.text, info.conditionPlace)
      if (isOfRule) c.findings.push(saidOf(info.place, finding))
      else if (warning.falcoCode === 'LOAD_COMPILE_CONDITION') c.findings.push(finding)
      else c.findings.push(saidOf(info.conditionPlace, finding))
    }
    if (result.ok) {
      rule.compiled = result
      continue
    }
    rule.isOut = true
    const [first] = result.errors
    if (info.skipIfUnknownFilter && first !== undefined && isForgivable(first)) {
      const skipped: ConditionFinding = {
        ...first,
        code: 'W0208',
        message: `rule \`${info.name}\` is skipped: ${first.message}`,
      }
      c.findings.push(conditionFinding(skipped, parsed.origin, parsed.text, info.conditionPlace))
    } else {
      for (const error of result.errors) {
        const hinted = withListHint(c, error, parsed)
        if (hinted !== undefined) {
          c.findings.push(conditionFinding(hinted, parsed.origin, parsed.text, info.conditionPlace))
        }
      }
    }
  }
}

/** Rule by rule, as Falco compiles them; what is found of macros stays before. */
function orderFindings(c: Compilation): void {
  const ranks = new Map([...c.collector.rules.keys()].map((name, i) => [name, i]))
  const rankOf = ({ place }: LoadFinding): number => {
    for (let at: ItemPlace | undefined = place; at !== undefined; at = at.parent) {
      if (at.type === 'rule') return ranks.get(at.name) ?? -1
    }
    return -1
  }
  c.findings.sort((a, b) => rankOf(a) - rankOf(b))
}

function findUnused(c: Compilation): void {
  // Who might use them is not known while something does not load.
  if (c.hasReadErrors || c.isPartial || c.findings.some(isError)) return
  for (const { info, isUsed } of c.macros.values()) {
    if (!isUsed)
      c.findings.push(findingAt(info.place, { code: 'W0209', message: `macro \`${info.name}\` is never used` }))
  }
  for (const list of c.collector.lists.values()) {
    if (!c.usedLists.has(list.name)) {
      c.findings.push(findingAt(list.place, { code: 'W0210', message: `list \`${list.name}\` is never used` }))
    }
  }
}

// Results

function compiledSet(c: Compilation): CompiledSet {
  const macros: CompiledMacro[] = []
  for (const { info, ast, isUsed } of c.macros.values()) if (ast !== undefined) macros.push({ info, ast, isUsed })
  return {
    collector: c.collector,
    rules: c.rules.flatMap(rule => {
      const { info, ast, compiled, output, exceptionFields } = rule
      if (rule.isOut || ast === undefined || compiled === undefined) return []
      return [{ info, ast, expr: compiled.expr, eventCodes: compiled.eventCodes, output, exceptionFields }]
    }),
    macros,
    lists: c.lists.map(list => ({ ...list, isUsed: c.usedLists.has(list.name) })),
  }
}

function planOf(compiled: CompiledSet, options: CompileRulesOptions): Plan {
  const minPriority = options.minPriority ?? 7
  const selection = options.selection ?? []
  const domains = new Set<string>()
  const nameLists = new Set<string>()
  const pluginCodes = new Set(['pluginevent', 'asyncevent'].flatMap(name => options.events.codesOf(name) ?? []))
  const rules: PlannedRule[] = []
  for (const { info, expr, eventCodes, output, exceptionFields } of compiled.rules) {
    collectDomains(expr, domains)
    collectNameLists(expr, nameLists)
    // Bytes that are no text count in conditions only; what is printed has U+FFFD in their place.
    rules.push({
      index: rules.length,
      name: info.name.toWellFormed(),
      desc: info.desc.toWellFormed(),
      priority: info.priority,
      source: info.source,
      tags: info.tags.map(tag => tag.toWellFormed()),
      enabled: info.priority <= minPriority && isSelected(info, selection),
      capture: info.capture,
      captureDurationMs: info.captureDurationMs,
      ...(info.waitForNameMs !== undefined && { waitForNameMs: info.waitForNameMs }),
      condition: expr,
      output: output.toWellFormed(),
      eventCodes: info.source === 'syscall' ? eventCodes : pluginCodes,
      exceptionFields,
    })
  }
  return { rules, domains: [...domains], nameLists: [...nameLists] }
}
