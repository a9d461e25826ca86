import type { Ast, AstArg, AstRhs } from './ast.ts'
import { walkAst } from './ast.ts'
import type { CompiledList, CompiledMacro, CompiledRule, CompiledSet } from './compile-rules.ts'
import { inferEventCodes } from './event-codes.ts'
import type { EventLookup, FieldLookup } from './field-lookup.ts'
import { parseCondition } from './parse-condition.ts'
import { parseOutputFormat } from './parse-output.ts'
import { printAst, printOperand } from './print-ast.ts'
import { formatVersion } from './rule-items.ts'
import { priorityNames } from '../values/priority-names.ts'

/**
 * What Falco's `-L` prints as JSON: every rule, macro and list, what it uses, and the condition with everything put in. Arrays that Falco
 * gives in no order are sorted.
 */
export interface RulesDescription {
  readonly lists?: readonly ListDescription[]
  readonly macros?: readonly MacroDescription[]
  readonly required_engine_version?: string
  readonly required_plugin_versions?: readonly PluginDescription[]
  readonly rules: readonly RuleDescription[]
}

export interface PluginDescription {
  readonly alternatives: readonly { readonly name: string; readonly version: string }[]
  readonly name: string
  readonly version: string
}

export interface RuleDescription {
  readonly details: ConditionDetails & {
    readonly exception_fields: readonly string[]
    readonly exception_names: readonly string[]
    readonly exception_operators: readonly string[]
    readonly output_compiled: string
    readonly output_fields: readonly string[]
  }
  readonly info: {
    readonly condition: string
    readonly description: string
    readonly enabled: boolean
    readonly name: string
    readonly output: string
    readonly priority: string
    readonly source: string
    readonly tags: readonly string[]
  }
}

export interface MacroDescription {
  readonly details: ConditionDetails & { readonly used: boolean }
  readonly info: { readonly condition: string; readonly name: string }
}

export interface ListDescription {
  readonly details: {
    readonly items_compiled: readonly string[]
    readonly lists: readonly string[]
    readonly plugins: readonly string[]
    readonly used: boolean
  }
  readonly info: { readonly items: readonly string[]; readonly name: string }
}

interface ConditionDetails {
  readonly condition_compiled: string
  readonly condition_fields: readonly string[]
  readonly condition_operators: readonly string[]
  readonly events: readonly string[]
  readonly lists: readonly string[]
  readonly macros: readonly string[]
  readonly plugins: readonly string[]
}

export interface DescribeOptions {
  readonly fields: FieldLookup
  readonly events: EventLookup
}

/** Describes everything that was loaded. */
export function describeRules(compiled: CompiledSet, options: DescribeOptions): RulesDescription {
  const { collector } = compiled
  return {
    lists: compiled.lists.map(list => describeList(list, compiled)),
    macros: compiled.macros.map(macro => describeMacro(macro, compiled, options)),
    required_engine_version: formatVersion(collector.requiredEngineVersion),
    required_plugin_versions: collector.requiredPlugins.map(({ alternatives }) => {
      const [first, ...others] = alternatives.map(({ name, version }) => ({ name, version }))
      return { alternatives: others, name: first?.name ?? '', version: first?.version ?? '' }
    }),
    rules: compiled.rules.map(rule => describeOneRule(rule, compiled, options)),
  }
}

/** Describes one rule; undefined if no such rule is loaded. */
export function describeRule(
  compiled: CompiledSet,
  name: string,
  options: DescribeOptions,
): RulesDescription | undefined {
  const rule = compiled.rules.find(each => each.info.name === name)
  return rule && { rules: [describeOneRule(rule, compiled, options)] }
}

/** Falco's text form: two columns, descriptions wrapped. */
export function renderDescription(description: RulesDescription): string {
  const lines = [twoColumns('Rule', 'Description'), twoColumns('----', '-----------')]
  for (const { info } of description.rules) lines.push(twoColumns(info.name, wrapText(info.description, 51, 110)), '')
  return lines.join('\n')
}

function twoColumns(left: string, right: string): string {
  return `${left.padEnd(50)} ${right}`
}

/** Wraps at blanks so that lines end before column `width`; further lines begin at column `indent`. */
function wrapText(text: string, indent: number, width: number): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter(each => each !== '')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines.join(`\n${' '.repeat(indent)}`)
}

function describeOneRule(rule: CompiledRule, compiled: CompiledSet, options: DescribeOptions): RuleDescription {
  const { info } = rule
  const outputFields = fieldsOfOutput(rule.output, options.fields)
  const { condition_compiled, condition_fields, condition_operators, events, lists, macros } = describeCondition(
    info.condition.text,
    rule.ast,
    info.source,
    compiled,
    options,
  )
  const operators: string[] = []
  for (const { comps } of info.exceptions) {
    for (const comp of comps?.kind === 'list' ? comps.items : [comps]) {
      if (comp?.kind === 'scalar') operators.push(comp.text)
    }
  }
  return {
    details: {
      condition_compiled,
      condition_fields,
      condition_operators,
      events,
      exception_fields: rule.exceptionFields,
      exception_names: sorted(info.exceptions.map(exception => exception.name)),
      exception_operators: sorted(operators),
      lists,
      macros,
      output_compiled: rule.output,
      output_fields: outputFields,
      plugins: pluginsOf([...condition_fields, ...outputFields], info.source),
    },
    info: {
      condition: info.condition.text,
      description: info.desc,
      enabled: info.enabled,
      name: info.name,
      output: info.output.text,
      priority: priorityNames[info.priority] ?? '',
      source: info.source,
      tags: info.tags,
    },
  }
}

function describeMacro(macro: CompiledMacro, compiled: CompiledSet, options: DescribeOptions): MacroDescription {
  const { info, ast, isUsed } = macro
  const { condition_compiled, condition_fields, condition_operators, events, lists, macros } = describeCondition(
    info.condition.text,
    ast,
    'syscall',
    compiled,
    options,
  )
  return {
    details: {
      condition_compiled,
      condition_fields,
      condition_operators,
      events,
      lists,
      macros,
      // Which plugin a field is from is only known with the source of a rule.
      plugins: [],
      used: isUsed,
    },
    info: { condition: info.condition.text, name: info.name },
  }
}

function describeList(list: CompiledList, compiled: CompiledSet): ListDescription {
  const values = new Set(list.items.map(item => item.text))
  const written = compiled.collector.lists.get(list.name)?.items.map(item => item.scalar.value) ?? []
  return {
    details: {
      items_compiled: list.items.map(item => item.text),
      // What is written but not among the items was replaced: it is a list.
      lists: sorted(written.filter(text => !values.has(text))),
      plugins: [],
      used: list.isUsed,
    },
    info: { items: written.filter(text => values.has(text)), name: list.name },
  }
}

function describeCondition(
  written: string,
  ast: Ast,
  source: string,
  compiled: CompiledSet,
  options: DescribeOptions,
): Omit<ConditionDetails, 'plugins'> {
  const fields = new Set<string>()
  const operators = new Set<string>()
  walkAst(ast, node => {
    if (node.kind !== 'check') return undefined
    operators.add(node.op)
    addFields(node.lhs, fields)
    if (isOperand(node.rhs)) addFields(node.rhs, fields)
    return undefined
  })
  const { macros, lists } = namesIn(written, compiled)
  return {
    condition_compiled: printAst(ast),
    condition_fields: sorted(fields),
    condition_operators: sorted(operators),
    events: source === 'syscall' ? eventNamesOf(ast, options.events) : ['asyncevent', 'pluginevent'],
    lists,
    macros,
  }
}

function isOperand(rhs: AstRhs): rhs is Extract<AstRhs, AstArg> {
  return rhs.kind === 'field' || rhs.kind === 'transform'
}

function addFields(arg: AstArg, into: Set<string>): void {
  switch (arg.kind) {
    case 'field':
      into.add(printOperand(arg))
      return
    case 'transform':
      for (const inner of arg.args) addFields(inner, into)
      return
    case 'list':
      for (const inner of arg.items) addFields(inner, into)
      return
    case 'literal':
      return
    default:
      arg satisfies never
  }
}

/** The macros and lists that a condition names itself. */
function namesIn(
  written: string,
  compiled: CompiledSet,
): { readonly macros: readonly string[]; readonly lists: readonly string[] } {
  const macros = new Set<string>()
  const lists = new Set<string>()
  const parsed = parseCondition(written)
  if (parsed.ok) {
    walkAst(parsed.ast, node => {
      if (node.kind === 'macro' && compiled.collector.macros.has(node.name)) macros.add(node.name)
      if (node.kind === 'check' && node.rhs.kind === 'values') {
        for (const item of node.rhs.items) if (compiled.collector.lists.has(item.text)) lists.add(item.text)
      }
      return undefined
    })
  }
  return { macros: sorted(macros), lists: sorted(lists) }
}

/** Names of the events for which a condition can be true. System calls without an event of their own share codes, so names decide. */
function eventNamesOf(ast: Ast, events: EventLookup): readonly string[] {
  const inferred = inferEventCodes(ast, events)
  const names = new Set(['asyncevent'])
  if (!inferred.ok || events.names === undefined) return [...names]
  const generic = new Set(events.genericCodes)
  for (const name of events.names()) {
    const codes = events.codesOf(name) ?? []
    if (!codes.some(code => inferred.codes.has(code))) continue
    if (codes.every(code => generic.has(code)) && !canBe(ast, name, false)) continue
    names.add(name)
  }
  return sorted(names)
}

/** Whether a condition (negated: its opposite) can be true for events named `name`. */
function canBe(ast: Ast, name: string, negated: boolean): boolean {
  switch (ast.kind) {
    case 'and':
    case 'or': {
      const needsAll = (ast.kind === 'and') !== negated
      return needsAll
        ? ast.operands.every(operand => canBe(operand, name, negated))
        : ast.operands.some(operand => canBe(operand, name, negated))
    }
    case 'not':
      return canBe(ast.operand, name, !negated)
    case 'macro':
      return true
    case 'check': {
      const { lhs, op, rhs } = ast
      if (lhs.kind !== 'field' || lhs.arg !== undefined || (lhs.name !== 'evt.type' && lhs.name !== 'syscall.type'))
        return true
      if (ast.modifier !== undefined || (op !== '=' && op !== '==' && op !== '!=' && op !== 'in')) return true
      const values = rhs.kind === 'value' ? [rhs] : rhs.kind === 'values' ? rhs.items : []
      const isListed = values.some(value => value.text === name)
      return (isListed !== (op === '!=')) !== negated
    }
    default:
      return ast satisfies never
  }
}

function fieldsOfOutput(output: string, fields: FieldLookup): readonly string[] {
  const parsed = parseOutputFormat(output, { fields })
  if (!parsed.ok) return []
  const names = new Set<string>()
  for (const segment of parsed.format.segments) {
    if (segment.kind === 'value') for (const field of segment.fields ?? [segment]) names.add(field.text)
  }
  return [...names]
}

/** The container plugin's fields are built in here; Falco would name the plugin. */
function pluginsOf(fields: readonly string[], source: string): readonly string[] {
  const usesContainer = fields.some(field => /^(?:container|k8s)\./.test(field))
  return [...(usesContainer ? ['container'] : []), ...(source === 'syscall' ? [] : [source])]
}

function sorted(texts: Iterable<string>): readonly string[] {
  return [...new Set(texts)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
