import type { Reader } from '../fields/field.ts'
import type { CompareOp, Constant, PlanCheck, PlanExpr, PlanOperand } from '../rules/plan.ts'
import { compileGlob } from '../values/glob.ts'
import { netContains } from '../values/net.ts'
import { PathPrefixes } from '../values/path-prefix.ts'
import { compileRegex } from '../values/regex.ts'
import { lowerAscii } from '../values/text.ts'
import type { Ip, Net, Scalar, Value } from '../values/value.ts'
import { bindOperand, type FieldBinder, type ReaderUse } from './bind-operand.ts'
import type { EventContext, NameWatcher } from './name-watcher.ts'

/**
 * Conditions by the book: walks the plan for every event, check after check, with one obvious rule for each operator. Far too slow to
 * run, and the oracle of the tests: whatever the linked matcher shares, orders, indexes or folds must give these verdicts.
 */
export class Interpreter {
  readonly #fields: FieldBinder
  readonly #names: NameWatcher | undefined
  readonly #readers = new Map<PlanOperand, Map<ReaderUse, Reader>>()

  constructor(fields: FieldBinder, names: NameWatcher | undefined) {
    this.#fields = fields
    this.#names = names
  }

  /** `excuses`: below an odd number of `not`s. */
  evaluate(expr: PlanExpr, ctx: EventContext, excuses = false): boolean {
    switch (expr.kind) {
      case 'and':
        return expr.operands.every(e => this.evaluate(e, ctx, excuses))
      case 'or':
        return expr.operands.some(e => this.evaluate(e, ctx, excuses))
      case 'not':
        return !this.evaluate(expr.operand, ctx, !excuses)
      case 'check':
        return this.#holds(expr, ctx, excuses)
      default:
        return expr satisfies never
    }
  }

  /** A check without a value on either side is false, whatever the operator. */
  #holds(check: PlanCheck, ctx: EventContext, excuses: boolean): boolean {
    const compare = check.lhs.kind === 'field' ? check.lhs.ref.spec.compare : undefined
    const value = this.#read(check.lhs, ctx, check.op === 'exists' && compare !== 'domain' ? 'exists' : 'value')
    if (value === undefined) return false
    if (compare === 'domain') return this.#domainHolds(check, value as Ip, ctx, excuses)
    if (check.op === 'exists') return true
    let constants: readonly Constant[] = []
    if (check.rhs.kind === 'values') constants = check.rhs.values
    if (check.rhs.kind === 'operand') {
      const right = this.#read(check.rhs.operand, ctx, 'value')
      if (right === undefined) return false
      constants = typeof right === 'object' ? right : [right as Constant]
    }
    const { rhs } = check
    const fits = (one: Scalar): boolean =>
      rhs.kind === 'lists'
        ? rhs.values.includes(one) || rhs.lists.some(list => this.#names?.watchList?.(list).holds(String(one)) === true)
        : fitsConstants(check, one, constants)
    if (typeof value !== 'object') return fits(value)
    if (compare === 'either') return check.op === '!=' ? value.length > 0 && value.every(fits) : value.some(fits)
    if (compare === 'any') return value.some(fits)
    return check.op === 'in' ? value.every(fits) : value.some(fits)
  }

  /**
   * `=` asks the index for the spelled names; operators on text try every name that is known. A name that keeps the rule from matching
   * counts only beyond doubt.
   */
  #domainHolds(check: PlanCheck, ip: Ip, ctx: EventContext, excuses: boolean): boolean {
    const names = this.#names
    const isSure = excuses !== (check.op === '!=')
    if (check.op === 'exists') return (names?.namesOf(ip, ctx).length ?? 0) > 0
    if (check.rhs.kind === 'lists') {
      const { values, lists } = check.rhs
      const sets = [...values.map(name => names?.watch([String(name)])), ...lists.map(list => names?.watchList?.(list))]
      return sets.some(set => (isSure ? set?.matchesSurely(ip, ctx) : set?.matches(ip, ctx)) === true)
    }
    if (check.rhs.kind !== 'values') return false
    const { values } = check.rhs
    if (check.op === '=' || check.op === 'in' || check.op === 'intersects' || check.op === '!=') {
      const isBound = (name: Constant): boolean => {
        const watched = names?.watch([String(name)])
        return (isSure ? watched?.matchesSurely(ip, ctx) : watched?.matches(ip, ctx)) ?? false
      }
      const fits = (name: Constant): boolean => (check.op === '!=' ? !isBound(name) : isBound(name))
      return check.op === 'in' || check.op === 'intersects' ? values.some(fits) : modify(check.modifier, values, fits)
    }
    return names?.namesOf(ip, ctx, isSure).some(name => fitsConstants(check, name, values)) ?? false
  }

  #read(operand: PlanOperand, ctx: EventContext, use: ReaderUse): Value | undefined {
    let uses = this.#readers.get(operand)
    if (uses === undefined) this.#readers.set(operand, (uses = new Map()))
    let reader = uses.get(use)
    if (reader === undefined) uses.set(use, (reader = bindOperand(operand, this.#fields, use)))
    return reader(ctx)
  }
}

function fitsConstants(check: PlanCheck, value: Scalar, constants: readonly Constant[]): boolean {
  const fits = (c: Constant): boolean => compareValues(check.op, value, c)
  if (check.op === 'in' || check.op === 'intersects' || check.op === 'pmatch') return constants.some(fits)
  return modify(check.modifier, constants, fits)
}

function modify(
  modifier: PlanCheck['modifier'],
  constants: readonly Constant[],
  fits: (constant: Constant) => boolean,
): boolean {
  const count = constants.filter(fits).length
  switch (modifier) {
    case undefined:
    case 'anyof':
      return count > 0
    case 'allof':
      return count > 0 && count === constants.length
    case 'oneof':
      return count === 1
    default:
      return modifier satisfies never
  }
}

function compareValues(op: CompareOp, value: Scalar, constant: Constant): boolean {
  switch (op) {
    case '=':
    case 'in':
    case 'intersects':
      return isNet(constant) ? netContains(constant, value as Ip) : value === constant
    case '!=':
      return !(isNet(constant) ? netContains(constant, value as Ip) : value === constant)
    case '<':
      return value < constant
    case '<=':
      return value <= constant
    case '>':
      return value > constant
    case '>=':
      return value >= constant
    case 'contains':
    case 'bcontains':
      return String(value).includes(String(constant))
    case 'icontains':
      return lowerAscii(String(value)).includes(lowerAscii(String(constant)))
    case 'startswith':
    case 'bstartswith':
      return String(value).startsWith(String(constant))
    case 'endswith':
      return String(value).endsWith(String(constant))
    case 'glob':
      return compileGlob(String(constant), false).matches(String(value))
    case 'iglob':
      return compileGlob(String(constant), true).matches(String(value))
    case 'regex': {
      const regex = compileRegex(String(constant))
      return regex.kind === 'regex' && regex.matches(String(value))
    }
    case 'pmatch': {
      const paths = new PathPrefixes<Constant>()
      paths.add(String(constant), constant)
      return paths.matches(String(value))
    }
    case 'exists':
      return true
    default:
      return op satisfies never
  }
}

function isNet(constant: Constant): constant is Net {
  return typeof constant === 'object'
}
