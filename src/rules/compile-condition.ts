import { closestName } from '../diagnostics/closest-name.ts'
import type { DiagnosticCode } from '../diagnostics/codes.ts'
import type { Span } from '../diagnostics/source.ts'
import { normaliseDomain, parseDomainPattern } from '../values/domain-name.ts'
import type { Ast, AstArg, AstCheck, AstField, AstTransform, AstValue, ConditionOrigin } from './ast.ts'
import type { OperandError } from './compile-operand.ts'
import { compileOperand, innermostField, operandKey } from './compile-operand.ts'
import type { ConditionError, ConditionWarning } from './condition-findings.ts'
import { valueBytes } from './escapes.ts'
import { warnOfFields, warnOfValue } from './condition-warnings.ts'
import { inferEventCodes } from './event-codes.ts'
import type { EventLookup, FieldLookup } from './field-lookup.ts'
import { describeType, operatorsFor } from './operand-types.ts'
import { parseConstant, shorten } from './parse-constant.ts'
import type { CompareOp, Constant, PlanCheck, PlanExpr, PlanOperand, PlanRhs } from './plan.ts'

/**
 * Tree → plan: names resolved, operators checked against types, values parsed, event codes inferred. All findings of a condition are
 * collected, in the order in which Falco meets them, so that the first error is Falco's.
 */
export interface CompileOptions {
  readonly fields: FieldLookup
  readonly events: EventLookup
  /** Refuse on domain fields everything but `=`, `==`, `!=`, `in` and `exists` with plain names. */
  readonly strictDomains?: boolean
  /** See `CompileRulesOptions`. */
  readonly nameLists?: ReadonlySet<string>
  /** Checks compiled before, with the same options: macros bring the same ones into many conditions. */
  readonly checks?: CompiledChecks
}

/** Checks without an error, and what they draw warnings for. */
export type CompiledChecks = WeakMap<AstCheck, CompiledCheck>

interface CompiledCheck {
  readonly expr: PlanExpr
  readonly warnings: readonly ConditionWarning[]
}

export type CompileResult =
  | {
      readonly ok: true
      readonly expr: PlanExpr
      /** Codes of events for which the condition can be true, of obsolete events too; async and plugin events are not added. */
      readonly eventCodes: ReadonlySet<number>
      readonly warnings: readonly ConditionWarning[]
    }
  | {
      readonly ok: false
      /** At least one. */
      readonly errors: readonly ConditionError[]
      readonly warnings: readonly ConditionWarning[]
    }

/** More event codes than this draw LOAD_NO_EVTTYPE. */
const MANY_EVENT_CODES = 100
/** More of them would be the same mistake in a long list, and each costs a search for a close name. */
const MAX_ERRORS = 50
const MAX_WARNINGS = 100
/** Deeper or larger conditions come from macros that use each other again and again. */
const MAX_TREE_DEPTH = 3000
const MAX_CHECKS = 500_000

/** Compiles a condition whose macros are already put in. Never throws. */
export function compileCondition(ast: Ast, options: CompileOptions): CompileResult {
  const tooLarge = checkSize(ast)
  if (tooLarge !== undefined) return { ok: false, errors: [tooLarge], warnings: [] }
  const fieldWarnings = warnOfFields(ast)
  const compiler = new Compiler(options)
  const expr = compiler.compile(ast)
  if (compiler.errors.length === 0) {
    const inferred = inferEventCodes(ast, options.events)
    if (inferred.ok) {
      const warnings = [...fieldWarnings, ...compiler.warnings]
      if (inferred.codes.size > MANY_EVENT_CODES) {
        warnings.push({
          code: 'W0105',
          falcoCode: 'LOAD_NO_EVTTYPE',
          message: 'the condition is tried on too many types of events',
          span: ast.span,
          ...originOf(ast),
          help: 'add `evt.type in (…)` for the events that the rule is about',
        })
      }
      return { ok: true, expr, eventCodes: inferred.codes, warnings }
    }
    compiler.errors.push({
      code: 'E0109',
      kind: 'other',
      message: inferred.message,
      span: inferred.span,
      ...(inferred.origin !== undefined && { origin: inferred.origin }),
    })
  }
  return { ok: false, errors: compiler.errors, warnings: fieldWarnings }
}

/** What is wrong with the checks of a condition that cannot be compiled as a whole: macros in it are left alone. Never throws. */
export function checkCondition(ast: Ast, options: CompileOptions): readonly ConditionError[] {
  if (checkSize(ast) !== undefined) return []
  const compiler = new Compiler(options, { knowsMacros: false })
  compiler.compile(ast)
  return compiler.errors
}

/** Every plain domain name that a compiled condition compares with, without repeats; patterns with a star and fragments are not among them. */
export function collectDomains(expr: PlanExpr, into: Set<string> = new Set()): ReadonlySet<string> {
  return collectNames(expr, into, undefined)
}

/** Those of them that make the condition true, not those that keep it from being true as in `not fd.sip.name in (…)`. */
export function collectAccusedDomains(expr: PlanExpr): ReadonlySet<string> {
  return collectNames(expr, new Set(), false)
}

/** `excuses`: whether a match speaks against the condition; undefined where that is all the same. */
function collectNames(expr: PlanExpr, into: Set<string>, excuses: boolean | undefined): ReadonlySet<string> {
  switch (expr.kind) {
    case 'and':
    case 'or':
      for (const operand of expr.operands) collectNames(operand, into, excuses)
      return into
    case 'not':
      return collectNames(expr.operand, into, excuses === undefined ? undefined : !excuses)
    case 'check': {
      const { lhs, op, rhs } = expr
      if (lhs.kind !== 'field' || lhs.ref.spec.compare !== 'domain') return into
      if (rhs.kind !== 'values' && rhs.kind !== 'lists') return into
      if (!NAME_OPERATORS.includes(op) || (excuses !== undefined && excuses !== (op === '!='))) return into
      for (const value of rhs.values) {
        if (typeof value === 'string' && normaliseDomain(value) === value) into.add(value)
      }
      return into
    }
    default:
      return expr satisfies never
  }
}

/** Every configured list that a compiled condition names, without repeats. */
export function collectNameLists(expr: PlanExpr, into: Set<string> = new Set()): ReadonlySet<string> {
  return collectLists(expr, into, undefined)
}

/** Those of them that make the condition true. */
export function collectAccusedLists(expr: PlanExpr): ReadonlySet<string> {
  return collectLists(expr, new Set(), false)
}

function collectLists(expr: PlanExpr, into: Set<string>, excuses: boolean | undefined): ReadonlySet<string> {
  if (expr.kind === 'not') collectLists(expr.operand, into, excuses === undefined ? undefined : !excuses)
  else if (expr.kind !== 'check') for (const operand of expr.operands) collectLists(operand, into, excuses)
  else if (expr.rhs.kind === 'lists' && excuses !== true) for (const list of expr.rhs.lists) into.add(list)
  return into
}

/** Operators that compare a domain with whole names. */
const NAME_OPERATORS: readonly CompareOp[] = ['=', '!=', 'in', 'intersects']

function originOf(ast: Ast): { readonly origin?: ConditionOrigin } {
  let at = ast
  while (at.kind !== 'check' && at.kind !== 'macro') at = at.kind === 'not' ? at.operand : at.operands[0]!
  return at.origin === undefined ? {} : { origin: at.origin }
}

/**
 * Refuses a tree that is deeper or larger than any that was written by hand. Macros put in by reference make a tree of few nodes that is
 * huge when walked, so the size of a node is computed once, and nothing here recurses.
 */
function checkSize(ast: Ast): ConditionError | undefined {
  const sizes = new Map<Ast, { readonly checks: number; readonly depth: number }>()
  const stack: Ast[] = [ast]
  while (stack.length > 0) {
    const node = stack[stack.length - 1]!
    if (sizes.has(node) || node.kind === 'check' || node.kind === 'macro') {
      stack.pop()
      if (!sizes.has(node)) sizes.set(node, { checks: 1, depth: 1 })
      continue
    }
    const children = node.kind === 'not' ? [node.operand] : node.operands
    const missing = children.filter(child => !sizes.has(child))
    if (missing.length > 0) {
      for (const child of missing) stack.push(child)
      continue
    }
    stack.pop()
    let checks = 0
    let depth = 0
    for (const child of children) {
      const size = sizes.get(child)!
      checks += size.checks
      depth = Math.max(depth, size.depth)
    }
    sizes.set(node, { checks, depth: depth + 1 })
    if (checks > MAX_CHECKS) {
      return sizeError('E0112', `the condition has more than ${MAX_CHECKS} checks with its macros put in`, ast)
    }
    if (depth + 1 > MAX_TREE_DEPTH) {
      return sizeError('E0102', `the condition is nested more than ${MAX_TREE_DEPTH} deep with its macros put in`, ast)
    }
  }
  return undefined
}

function sizeError(code: DiagnosticCode, message: string, ast: Ast): ConditionError {
  return { code, kind: 'other', message, span: ast.span, ...originOf(ast) }
}

const NEVER: PlanExpr = { kind: 'or', operands: [] }

class Compiler {
  readonly errors: ConditionError[] = []
  readonly warnings: ConditionWarning[] = []
  readonly #options: CompileOptions
  readonly #knowsMacros: boolean
  readonly #checks: CompiledChecks
  /** Checks whose warnings are among `warnings`. */
  readonly #warned = new Set<AstCheck>()

  constructor(options: CompileOptions, { knowsMacros = true }: { readonly knowsMacros?: boolean } = {}) {
    this.#options = options
    this.#checks = options.checks ?? new WeakMap()
    this.#knowsMacros = knowsMacros
  }

  compile(ast: Ast): PlanExpr {
    switch (ast.kind) {
      case 'and':
      case 'or': {
        const operands: PlanExpr[] = []
        for (const operand of ast.operands) {
          const compiled = this.compile(operand)
          // `a and (b and c)` is `a and b and c`.
          if (compiled.kind === ast.kind) for (const inner of compiled.operands) operands.push(inner)
          else operands.push(compiled)
        }
        return { kind: ast.kind, operands }
      }
      case 'not': {
        const operand = this.compile(ast.operand)
        return operand.kind === 'not' ? operand.operand : { kind: 'not', operand }
      }
      case 'macro':
        if (!this.#knowsMacros || this.errors.length >= MAX_ERRORS) return NEVER
        return this.#fail('E0113', 'other', `unknown macro \`${ast.name}\``, ast.span, ast)
      case 'check':
        return this.#compileOnce(ast)
      default:
        return ast satisfies never
    }
  }

  #compileOnce(check: AstCheck): PlanExpr {
    const known = this.#checks.get(check)
    if (known === undefined) {
      const errorsBefore = this.errors.length
      const warningsBefore = this.warnings.length
      const expr = this.#compileCheck(check)
      if (this.errors.length === errorsBefore) {
        this.#checks.set(check, { expr, warnings: this.warnings.slice(warningsBefore) })
        this.#warned.add(check)
      }
      return expr
    }
    if (known.warnings.length > 0 && !this.#warned.has(check)) {
      this.#warned.add(check)
      if (this.warnings.length < MAX_WARNINGS) this.warnings.push(...known.warnings)
    }
    return known.expr
  }

  #compileCheck(check: AstCheck): PlanExpr {
    if (this.errors.length >= MAX_ERRORS) return NEVER
    const compiled = compileOperand(check.lhs, this.#options.fields)
    if (!compiled.ok) {
      this.#failOperand(check, check.lhs, compiled.error)
      return this.#checkRhsFields(check)
    }
    const lhs = compiled.operand
    const op = (check.op === '==' ? '=' : check.op) as CompareOp
    if (!operatorsFor(lhs.type, lhs.isList).includes(op)) {
      this.#failOperator(check, lhs)
      return this.#checkRhsFields(check)
    }
    if (op !== 'exists' && isRawBuffer(lhs)) {
      const name = `evt.arg.${lhs.ref.arg}`
      const message = '`evt.rawarg` of a byte buffer takes only `exists`'
      return this.#fail('E0106', 'other', message, check.opSpan, check, `compare \`${name}\` or \`evt.buffer\``)
    }
    const field = innermostField(lhs)
    const isDomain = field?.ref.spec.compare === 'domain'
    if (isDomain && this.#options.strictDomains === true && !this.#isStrictDomainCheck(check)) return NEVER
    const rhs = this.#compileRhs(check, op, lhs, isDomain)
    if (rhs === undefined) return NEVER
    const modifier = check.modifier
    return {
      kind: 'check',
      lhs,
      op,
      ...(modifier !== undefined && { modifier }),
      rhs,
      key: checkKey(lhs, op, modifier, rhs),
    }
  }

  #compileRhs(check: AstCheck, op: CompareOp, lhs: PlanOperand, isDomain: boolean): PlanRhs | undefined {
    const { rhs } = check
    switch (rhs.kind) {
      case 'none':
        return { kind: 'none' }
      case 'value':
        return this.#compileValues(check, op, lhs, isDomain, [rhs])
      case 'values':
        return this.#compileValues(check, op, lhs, isDomain, rhs.items)
      default: {
        const compiled = compileOperand(rhs, this.#options.fields)
        if (!compiled.ok) {
          this.#failOperand(check, rhs, compiled.error)
          return undefined
        }
        const problem = checkRhsOperand(op, lhs, compiled.operand)
        if (problem === undefined) return { kind: 'operand', operand: compiled.operand }
        this.#fail('E0109', 'other', problem, rhs.span, check)
        return undefined
      }
    }
  }

  /** The right side of a check whose left side says nothing about it: values have no type to be judged by, but fields have names. */
  #checkRhsFields(check: AstCheck): PlanExpr {
    const { rhs } = check
    if (rhs.kind !== 'field' && rhs.kind !== 'transform') return NEVER
    const compiled = compileOperand(rhs, this.#options.fields)
    if (!compiled.ok) this.#failOperand(check, rhs, compiled.error)
    return NEVER
  }

  /** The error of an operand, and every other field in it that has one. */
  #failOperand(check: AstCheck, operand: AstField | AstTransform, error: OperandError): void {
    this.#addError({ ...error, ...originOf(check) })
    for (const field of fieldsIn(operand)) {
      if (field.span.start === error.span.start || this.errors.length >= MAX_ERRORS) continue
      const compiled = compileOperand(field, this.#options.fields)
      if (!compiled.ok) this.#addError({ ...compiled.error, ...originOf(check) })
    }
  }

  #compileValues(
    check: AstCheck,
    op: CompareOp,
    lhs: PlanOperand,
    isDomain: boolean,
    items: readonly AstValue[],
  ): PlanRhs | undefined {
    const { fields } = this.#options
    const values: Constant[] = []
    const lists = new Set<string>()
    let failed = false
    const namesEvents = innermostField(lhs)?.ref.spec.name === 'evt.type'
    for (const item of items) {
      if (this.errors.length >= MAX_ERRORS) return undefined
      if (this.#options.nameLists?.has(item.text) === true) {
        if (this.#takesNameList(check, op, lhs, item)) lists.add(item.text)
        else failed = true
        continue
      }
      const parsed = parseConstant(item.text, lhs.type, op)
      if (!parsed.ok) {
        const help = parsed.help ?? (op === '=' || op === '!=' ? undefined : this.#helpOfValue(item))
        this.#fail('E0107', 'other', parsed.message, item.span, check, help)
        failed = true
        continue
      }
      if (namesEvents && !this.#isEventName(check, item)) {
        failed = true
        continue
      }
      values.push(isDomain ? this.#domainConstant(check, op, item) : parsed.value)
      if (this.warnings.length < MAX_WARNINGS) this.warnings.push(...warnOfValue(check, item, fields))
    }
    if (failed) return undefined
    return lists.size === 0 ? { kind: 'values', values } : { kind: 'lists', values, lists: [...lists] }
  }

  /** Whether a configured list may stand on the right of the check; a finding if not. */
  #takesNameList(check: AstCheck, op: CompareOp, lhs: PlanOperand, item: AstValue): boolean {
    const spec = lhs.kind === 'field' ? lhs.ref.spec : undefined
    const isOfNames = spec !== undefined && (spec.compare === 'domain' || spec.isName === true)
    if (isOfNames && (op === 'in' || op === 'intersects')) return true
    const help = isOfNames
      ? `write \`${check.lhs.name} in (${item.text})\``
      : 'such lists are for `fd.sip.name`, `dns.qname`, `tls.sni`, `http.host` and their kin'
    const message = `\`${item.text}\` is a configured list of domain names, which ${
      isOfNames ? `\`${op}\` does not take` : `\`${check.lhs.name}\` is not compared with`
    }`
    this.#fail('E0107', 'other', message, item.span, check, help)
    return false
  }

  /** A list whose name was not replaced is the usual cause of a strange value. */
  #helpOfValue(item: AstValue): string | undefined {
    return !item.quoted && /^[a-z]\w*_\w*$/i.test(item.text) ? `is \`${item.text}\` meant to be a list?` : undefined
  }

  #isEventName(check: AstCheck, item: AstValue): boolean {
    const { events } = this.#options
    // Falco lets the empty name pass, which no event has.
    if (item.text === '' || events.codesOf(item.text) !== undefined) return true
    const near = events.names === undefined ? undefined : closestName(item.text, events.names())
    this.#fail(
      'E0103',
      'unknown-event-type',
      `unknown event type \`${shorten(item.text)}\``,
      item.span,
      check,
      near === undefined ? undefined : `did you mean \`${near}\`?`,
    )
    return false
  }

  #domainConstant(check: AstCheck, op: CompareOp, item: AstValue): Constant {
    const lower = valueBytes(item.text.toLowerCase())
    if (!NAME_OPERATORS.includes(op)) {
      if (op === 'regex') return valueBytes(item.text)
      // Names have no final dot.
      const mayEndName = op === 'endswith' || op === 'glob' || op === 'iglob'
      return mayEndName && lower.length > 1 && lower.endsWith('.') ? lower.slice(0, -1) : lower
    }
    const pattern = parseDomainPattern(item.text)
    const isListLike = (op === 'in' || op === 'intersects') && !item.quoted && /^[a-z]\w*_\w*$/i.test(item.text)
    if (isListLike && this.warnings.length < MAX_WARNINGS) {
      this.warnings.push({
        code: 'W0109',
        falcoCode: 'LOAD_COMPILE_CONDITION',
        message: `\`${shorten(item.text)}\` is taken for a domain name: no list has this name`,
        span: item.span,
        ...originOf(check),
        help: 'lists are defined in rule files, or in the configuration (`domains.lists`)',
      })
    }
    if (pattern !== undefined) return pattern.kind === 'exact' ? pattern.name : `*.${pattern.suffix}`
    if (this.warnings.length >= MAX_WARNINGS) return lower
    this.warnings.push({
      code: 'W0108',
      falcoCode: 'LOAD_COMPILE_CONDITION',
      message: `\`${shorten(item.text)}\` cannot be a domain name`,
      span: item.span,
      ...originOf(check),
      help: 'no connection ever has this name',
    })
    return lower
  }

  #isStrictDomainCheck(check: AstCheck): boolean {
    const { name } = check.lhs
    if (!['=', '==', '!=', 'in', 'exists'].includes(check.op) || check.modifier !== undefined) {
      this.#fail(
        'E0111',
        'other',
        `\`${name}\` takes only \`=\`, \`!=\`, \`in\` and \`exists\` in strict mode`,
        check.opSpan,
        check,
      )
      return false
    }
    const { rhs } = check
    const values = rhs.kind === 'value' ? [rhs] : rhs.kind === 'values' ? rhs.items : []
    const starred = values.find(value => value.text.includes('*'))
    if (starred === undefined) return true
    this.#fail(
      'E0111',
      'other',
      `\`${shorten(starred.text)}\` is a pattern, and strict mode takes plain names`,
      starred.span,
      check,
    )
    return false
  }

  #failOperator(check: AstCheck, lhs: PlanOperand): PlanExpr {
    const name = check.lhs.kind === 'field' ? check.lhs.name : `${check.lhs.name}(…)`
    const operators = operatorsFor(lhs.type, lhs.isList)
    return this.#fail(
      'E0106',
      'other',
      `\`${check.op}\` does not fit \`${name}\`, which is ${describeType(lhs.type, lhs.isList)}`,
      check.opSpan,
      check,
      operators.length > 1 ? `it takes ${operators.map(o => `\`${o}\``).join(' ')}` : 'it takes only `exists`',
    )
  }

  #fail(
    code: DiagnosticCode,
    kind: ConditionError['kind'],
    message: string,
    span: Span,
    at: Ast,
    help?: string,
  ): PlanExpr {
    return this.#addError({ code, kind, message, span, ...originOf(at), ...(help !== undefined && { help }) })
  }

  #addError(error: ConditionError): PlanExpr {
    this.errors.push(error)
    return NEVER
  }
}

function fieldsIn(arg: AstArg): readonly AstField[] {
  switch (arg.kind) {
    case 'field':
      return [arg]
    case 'transform':
      return arg.args.flatMap(fieldsIn)
    case 'list':
      return arg.items.flatMap(fieldsIn)
    case 'literal':
      return []
    default:
      return arg satisfies never
  }
}

/** Why two operands cannot be compared; undefined when they can. */
function checkRhsOperand(op: CompareOp, lhs: PlanOperand, rhs: PlanOperand): string | undefined {
  if (op === 'pmatch' || op === 'regex') return `\`${op}\` takes no field on the right`
  if (lhs.type === 'IPNET') return 'a network cannot be compared with a field'
  const left = innermostField(lhs)
  if (left?.ref.spec.noRhs === true) return `\`${left.ref.spec.name}\` cannot be compared with another field`
  const right = innermostField(rhs)
  if (right?.ref.spec.noRhs === true) return `\`${right.ref.spec.name}\` cannot stand on the right`
  if (lhs.type === rhs.type && lhs.isList === rhs.isList) return undefined
  return `the left side is ${lhs.isList ? 'a list of ' : ''}${lhs.type}, the right side ${rhs.isList ? 'a list of ' : ''}${rhs.type}`
}

const MAX_KEY_LENGTH = 1024

/** Text that is equal for equal checks. The values of sets are in order and without repeats, those of other operators as written. */
function checkKey(lhs: PlanOperand, op: CompareOp, modifier: PlanCheck['modifier'], rhs: PlanRhs): string {
  let left = `${operandKey(lhs)} ${op}${modifier === undefined ? '' : ` ${modifier}`}`
  switch (rhs.kind) {
    case 'none':
      return left
    case 'operand':
      return `${left} ${operandKey(rhs.operand)}`
    case 'values':
    case 'lists': {
      let texts = rhs.values.map(constantKey)
      if (op === 'in' || op === 'intersects' || op === 'pmatch') texts = [...new Set(texts)].sort()
      const text = texts.join(',')
      if (rhs.kind === 'lists') left += ` lists ${rhs.lists.toSorted().join(',')}`
      return `${left} (${text.length <= MAX_KEY_LENGTH ? text : digest(text)})`
    }
    default:
      return rhs satisfies never
  }
}

function constantKey(constant: Constant): string {
  switch (typeof constant) {
    case 'string':
      return JSON.stringify(constant)
    case 'object':
      return `${constantKey(constant.base)}/${constant.prefix}`
    default:
      return String(constant)
  }
}

/** Length and 128 bits of a text (four xorshift-multiply lanes): long keys would double the memory of large lists. */
function digest(text: string): string {
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = 0xb7e15162
  let d = 0xdeadbeef
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = b ^ Math.imul(a ^ unit, 0x22b6c9d1)
    b = c ^ Math.imul(b ^ unit, 0x85ebca6b)
    c = d ^ Math.imul(c ^ unit, 0xc2b2ae35)
    d = a ^ Math.imul(d ^ unit, 0x27d4eb2f)
  }
  return `#${text.length}:${[a, b, c, d].map(lane => (lane >>> 0).toString(16)).join(':')}`
}

/** Falco cannot read a value that such an argument could be compared with. */
function isRawBuffer(lhs: PlanOperand): lhs is PlanOperand & { readonly kind: 'field' } {
  return lhs.kind === 'field' && lhs.type === 'BYTEBUF' && lhs.ref.spec.name === 'evt.rawarg'
}
