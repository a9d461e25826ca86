import { closestName } from '../diagnostics/closest-name.ts'
import { compareDiagnostics } from '../diagnostics/diagnostic.ts'
import type { Source } from '../diagnostics/source.ts'
import type { Ast } from './ast.ts'
import type { CollectedMacro, CollectedRule, LoadedPlugin, UnsoundRule } from './collect-rules.ts'
import { RuleCollector, checkPlugins } from './collect-rules.ts'
import { CompileCache } from './compile-cache.ts'
import type { ParsedText } from './compile-cache.ts'
import type { CompileResult } from './compile-condition.ts'
import { collectDomains, collectNameLists } from './compile-condition.ts'
import type { ConditionError, ConditionFinding } from './condition-findings.ts'
import type { ConditionText } from './condition-text.ts'
import { locateInText } from './condition-text.ts'
import { addExceptions } from './exception-text.ts'
import type { ExpandableList, ListValue, TracedOrigin } from './expand-lists.ts'
import { ExpandedOrigin, ListTable } from './expand-lists.ts'
import type { EventLookup, FieldLookup } from './field-lookup.ts'
import { HintBudget } from './hint-budget.ts'
import type { ItemPlace, LoadFinding } from './load-finding.ts'
import { falcoCodeOf, filePlace, findingAt, isError } from './load-finding.ts'
import type { Plan, PlanExpr, PlannedRule } from './plan.ts'
import { conditionFinding, expressionFinding, saidOf, textOf } from './place-findings.ts'
import { readRulesFile } from './read-rules-file.ts'
import type { MacroResolution, ResolutionFailure } from './resolve-macros.ts'
import { MAX_RESOLVED_DEPTH, measureAst } from './resolve-macros.ts'
import type { RuleSelection } from './select-rules.ts'
import { isSelected } from './select-rules.ts'

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

/** Equal for findings that say the same of the same place. */
function findingKey({ diagnostic }: LoadFinding): string {
  return [falcoCodeOf(diagnostic), diagnostic.source.path, diagnostic.span.start, diagnostic.message].join('\0')
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

interface MacroState {
  readonly info: CollectedMacro
  parsed: ParsedText | undefined
  /** As parsed, then with macros put in; absent when it does not parse or resolve. */
  ast: Ast | undefined
  /** What is left to be checked of a condition with an error. */
  rest: ParsedText | undefined
  isUsed: boolean
}

interface RuleState {
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
interface Compilation {
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

function newCompilation(
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

function parseMacros(c: Compilation): void {
  for (const info of c.collector.macros.values()) {
    const { parsed, rest } = parseText(c, `macro ${info.name}`, info.condition, info.conditionPlace)
    c.macros.set(info.name, { info, parsed, ast: parsed?.ast, rest, isUsed: false })
  }
}

/** A condition, or (after a finding) what could be read of it. */
type ParsedOrRest = {
  readonly parsed: ParsedText | undefined
  readonly rest: ParsedText | undefined
}

/** Expands and parses one condition. */
function parseText(c: Compilation, owner: string, condition: ConditionText, place: ItemPlace): ParsedOrRest {
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

/** Puts macros into macros, in order of definition, so that those before are ready when they are used. */
function resolveAllMacros(c: Compilation): void {
  const ready = new Set<string>()
  for (const state of c.macros.values()) {
    const { info, parsed } = state
    if (parsed !== undefined) {
      const resolution = c.cache.resolve(parsed.ast, {
        lookup: name => visibleMacro(c, name, info),
        use: name => useMacro(c, name),
        isReady: name => ready.has(name),
      })
      state.ast = acceptResolution(c, resolution, parsed, info.place, info.name)
      if (state.ast === undefined) state.rest = parsed
    }
    ready.add(info.name)
  }
}

/** The tree of a macro as another one may use it. */
function visibleMacro(c: Compilation, name: string, by: CollectedMacro): Ast | undefined {
  const macro = c.macros.get(name)
  return macro !== undefined && macro.info.index < by.visibility ? macro.ast : undefined
}

function useMacro(c: Compilation, name: string): void {
  const state = c.macros.get(name)
  if (state !== undefined) state.isUsed = true
}

/** An expanded tree beyond this helps nobody and would take long to look at. */
const MAX_RESOLVED_NODES = 1_000_000

/** The tree of a resolution that went well; else undefined, after a finding. */
function acceptResolution(
  c: Compilation,
  resolution: MacroResolution,
  parsed: ParsedText,
  place: ItemPlace,
  self: string | undefined,
): Ast | undefined {
  if (resolution.ok) {
    const size = measureAst(resolution.ast)
    if (size.nodes <= MAX_RESOLVED_NODES && size.depth <= MAX_RESOLVED_DEPTH) return resolution.ast
    c.findings.push(
      findingAt(place, { code: 'E0221', message: 'the condition is beyond all use once its macros are put in' }),
    )
    return undefined
  }
  reportFailure(c, resolution.failures[0], parsed, place, self)
  return undefined
}

function reportFailure(
  c: Compilation,
  { kind, macro }: ResolutionFailure,
  parsed: ParsedText,
  place: ItemPlace,
  self: string | undefined,
): void {
  const { name } = macro
  const origin = macro.origin === undefined ? parsed.origin : (macro.origin as TracedOrigin)
  if (kind === 'too-deep') {
    c.findings.push(
      expressionFinding(place, origin, macro.span, parsed.text, {
        code: 'E0221',
        message: 'macros use each other too deeply',
      }),
    )
  } else if (kind === 'loop') {
    c.findings.push(
      expressionFinding(place, origin, macro.span, parsed.text, {
        code: 'E0220',
        message: `macro \`${name}\` refers to itself`,
        label: 'it is being put in already',
      }),
    )
  } else if (isMissing(c, name, self)) {
    const defined = c.collector.macros.get(name)
    const near = defined === undefined ? nearestName(c, name) : undefined
    const isList = defined === undefined && c.collector.lists.has(name)
    const message =
      defined === undefined
        ? `unknown macro \`${name}\``
        : name === self
          ? `macro \`${name}\` uses itself`
          : `macro \`${name}\` is defined after macro \`${self}\`, which uses it`
    c.findings.push(
      expressionFinding(place, origin, macro.span, parsed.text, {
        code: 'E0219',
        message,
        ...(defined !== undefined && {
          help: name === self ? 'use another name for one of them' : 'change their order',
          secondary: [{ source: defined.place.source, span: defined.place.span, text: 'defined here' }],
        }),
        ...(near !== undefined && { help: `did you mean \`${near}\`?` }),
        ...(isList && { help: `\`${name}\` is a list: write \`in (${name})\` after a field` }),
      }),
    )
  }
}

/** The macro that is meant by an unknown one, or the field: `proc_name`. */
function nearestName(c: Compilation, name: string): string | undefined {
  const macro = closestName(name, c.hints.spend(c.collector.macros.keys()))
  if (macro !== undefined || !name.includes('_')) return macro
  const dotted = name.replace('_', '.')
  const resolution = c.fields.resolve(dotted)
  return resolution.kind === 'field' && resolution.length === dotted.length ? dotted : undefined
}

/** Whether a name that was not found is news: not when its definition has an error that is told already. */
function isMissing(c: Compilation, name: string, self: string | undefined): boolean {
  if (c.isPartial || c.broken.has(name)) return false
  const state = c.macros.get(name)
  return state === undefined || name === self || (state.parsed !== undefined && state.ast !== undefined)
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

const CONTAINER_INFO = '%container.info'

/** Fields that still load but have nothing to print. */
const DEPRECATED_OUTPUT_FIELDS: readonly string[] = [
  'evt.dir',
  'evt.latency',
  'evt.latency.s',
  'evt.latency.ns',
  'evt.latency.human',
  'evt.wait_latency',
]

function checkOutputs(c: Compilation): void {
  for (const rule of c.rules) {
    const { info } = rule
    const written = info.output
    const infoAt = written.text.indexOf(CONTAINER_INFO)
    if (infoAt !== -1) {
      const at = locateInText(written, { start: infoAt, end: infoAt + CONTAINER_INFO.length })
      c.findings.push(
        findingAt(
          info.place,
          {
            code: 'W0205',
            message: '`%container.info` is deprecated and prints nothing',
            help: 'drop it: `append_output` adds the container fields',
          },
          at,
        ),
      )
    }
    rule.output = infoAt === -1 ? written.text : written.text.replaceAll(CONTAINER_INFO, '')
    const [error, ...more] = c.cache.checkOutput(rule.output)
    if (error !== undefined) {
      rule.isOut = true
      // Offsets count in what is left without `%container.info`.
      const origin = infoAt === -1 ? locateInText(written, error.span) : undefined
      if (error.kind === 'unknown-field' && info.skipIfUnknownFilter) {
        rule.isSettled = true
        c.findings.push(
          findingAt(
            info.outputPlace,
            { code: 'W0208', message: `rule \`${info.name}\` is skipped: ${error.message}` },
            origin,
          ),
        )
      } else {
        c.findings.push(findingAt(info.outputPlace, textOf(error), origin))
        for (const each of more) {
          if (each.kind === 'unknown-field' && info.skipIfUnknownFilter) continue
          const place = infoAt === -1 ? locateInText(written, each.span) : undefined
          c.findings.push(findingAt(info.outputPlace, textOf(each), place))
        }
      }
      continue
    }
    for (const field of DEPRECATED_OUTPUT_FIELDS) {
      const at = written.text.indexOf(field)
      if (at === -1) continue
      c.findings.push(
        findingAt(
          info.outputPlace,
          { code: 'W0206', message: `the output uses the deprecated field \`${field}\`` },
          locateInText(written, { start: at, end: at + field.length }),
        ),
      )
    }
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

function resolveRules(c: Compilation): void {
  const lookup = (name: string): Ast | undefined => c.macros.get(name)?.ast
  for (const rule of c.rules) {
    const { parsed } = rule
    if (parsed === undefined) continue
    const resolution = c.cache.resolve(parsed.ast, { lookup, use: name => useMacro(c, name), isReady: () => true })
    parsed.retarget()
    rule.ast = acceptResolution(c, resolution, parsed, rule.info.place, undefined)
    if (rule.ast !== undefined) continue
    rule.isOut = true
    rule.rest = parsed
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

/** The error of a value that may be the misspelled name of a list; undefined if the list could not be read, which is told already. */
function withListHint(c: Compilation, error: ConditionError, parsed: ParsedText): ConditionError | undefined {
  if (error.code !== 'E0103' && error.code !== 'E0107') return error
  const { text } = error.origin === undefined ? parsed.origin : (error.origin as TracedOrigin)
  const value = text.slice(error.span.start, error.span.end)
  if (c.broken.has(value)) return undefined
  if (!/^[a-z]\w*_\w*$/i.test(value)) return error
  if (c.isPartial) return undefined
  const near = closestName(value, c.hints.spend(c.collector.lists.keys()))
  return near === undefined ? error : { ...error, help: `did you mean the list \`${near}\`?` }
}

/**
 * Looks for further mistakes in what has one already, in which Falco sees nothing more. Macros that are missing, or have an error, count as
 * unknown, so that one mistake does not become two.
 */
function checkRest(c: Compilation): void {
  const rest: Compilation = { ...c, findings: [] }
  for (const { info, rest: parsed } of c.macros.values()) {
    if (parsed !== undefined) checkParsed(rest, parsed, { ...info, macro: info })
  }
  for (const { info, rest: parsed, hasBadExceptions } of c.rules) {
    if (parsed !== undefined) checkParsed(rest, parsed, info)
    if (hasBadExceptions) checkUnsound(rest, { ...info, exceptions: [] })
  }
  for (const rule of c.collector.unsound) checkUnsound(rest, rule)
  if (rest.findings.length === 0) return
  const said = new Set(c.findings.map(findingKey))
  for (const finding of rest.findings) {
    const key = findingKey(finding)
    if (!said.has(key)) c.findings.push(finding)
    said.add(key)
  }
}

function checkUnsound(c: Compilation, rule: UnsoundRule): void {
  const {
    condition,
    exceptions,
    output,
    place,
    conditionPlace = place,
    outputPlace = place,
    skipIfUnknownFilter,
  } = rule
  if (condition !== undefined) {
    const added = addExceptions(condition, exceptions)
    c.findings.push(...added.findings)
    const { parsed, rest } = parseText(c, '', added.findings.length > 0 ? condition : added.condition, conditionPlace)
    const either = parsed ?? rest
    if (either !== undefined) checkParsed(c, either, { place, conditionPlace, skipIfUnknownFilter })
  }
  if (output === undefined) return
  for (const error of c.cache.checkOutput(output.text.replaceAll(CONTAINER_INFO, ''))) {
    if (error.kind === 'unknown-field' && skipIfUnknownFilter) continue
    const isShifted = output.text.includes(CONTAINER_INFO)
    c.findings.push(findingAt(outputPlace, textOf(error), isShifted ? undefined : locateInText(output, error.span)))
  }
}

/** Checks a condition as far as it could be read and its macros are known. */
function checkParsed(
  c: Compilation,
  parsed: ParsedText,
  of: {
    readonly place: ItemPlace
    readonly conditionPlace: ItemPlace
    readonly skipIfUnknownFilter?: boolean
    /** Present for the condition of a macro. */
    readonly macro?: CollectedMacro
  },
): void {
  const { macro } = of
  const lookup = (name: string): Ast | undefined =>
    macro === undefined ? c.macros.get(name)?.ast : visibleMacro(c, name, macro)
  const resolution = c.cache.resolve(parsed.ast, { lookup, use: () => {}, isReady: () => true })
  parsed.retarget()
  if (!resolution.ok) {
    for (const failure of resolution.failures) {
      // That it uses itself has been said.
      if (failure.macro.name !== macro?.name) reportFailure(c, failure, parsed, of.place, macro?.name)
    }
  }
  if (measureAst(resolution.ast).nodes > MAX_RESOLVED_NODES) return
  for (const error of c.cache.check(resolution.ast)) {
    if (of.skipIfUnknownFilter === true && isForgivable(error)) continue
    const hinted = withListHint(c, error, parsed)
    if (hinted !== undefined) {
      c.findings.push(conditionFinding(hinted, parsed.origin, parsed.text, of.conditionPlace))
    }
  }
}

/** What `skip-if-unknown-filter` makes a reason to skip a rule. */
function isForgivable({ kind }: ConditionError): boolean {
  return kind === 'unknown-field' || kind === 'unknown-event-type'
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
