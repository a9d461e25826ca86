import type { Constant, PlanCheck, PlanExpr, PlanOperand } from '../rules/plan.ts'
import { lowerAscii } from '../values/text.ts'
import type { ByteText } from '../values/value.ts'
import type { CheckTest, LinkedCheck } from './check-test.ts'
import { checkLikelihood, readCost, testCost } from './evaluation-cost.ts'
import type { EventFacts } from './event-facts.ts'

/**
 * The conditions of all rules as one graph in which equal parts are one node: equal checks by their key, equal combinations by their
 * operands, in any order (checks are pure, so order is free). Building simplifies: constants fold, nested `and`s and `or`s become
 * flat, `or`-ed checks of one value become one check against a set.
 */
export type Node = ConstNode | CheckNode | NotNode | GroupNode

interface NodeFacts {
  readonly id: number
  /** Steps that evaluating it is expected to take. */
  readonly cost: number
  /** A guess at how often it is true, between 0 and 1. */
  readonly likelihood: number
  /** How many checks it is made of. */
  readonly size: number
  /** Whether it holds checks of the event's type, which are decided once the event's code is known. */
  readonly hasTypeCheck: boolean
}

export interface ConstNode extends NodeFacts {
  readonly kind: 'const'
  readonly value: boolean
}

export interface CheckNode extends NodeFacts {
  readonly kind: 'check'
  readonly check: LinkedCheck
  readonly value: ValueSource
}

export interface NotNode extends NodeFacts {
  readonly kind: 'not'
  readonly operand: Node
}

export interface GroupNode extends NodeFacts {
  readonly kind: 'and' | 'or'
  /** Two or more, each once, in the order in which they are best asked. */
  readonly operands: readonly Node[]
}

/** The left side of checks: one for all that read the same. */
export interface ValueSource {
  readonly id: number
  readonly operand: PlanOperand
  readonly use: 'value' | 'exists'
  readonly cost: number
}

/** Makes the test of a check; the graph itself needs it only to decide checks of the event's type. */
export type TestBuilder = (check: LinkedCheck) => CheckTest

export class ConditionGraph {
  readonly always: ConstNode
  readonly never: ConstNode
  readonly #buildTest: TestBuilder
  readonly #checks = new Map<string, Node>()
  readonly #composed = new Map<string, Node>()
  readonly #values = new Map<string, ValueSource>()
  #nextId = 0

  constructor(buildTest: TestBuilder) {
    this.#buildTest = buildTest
    this.always = this.#constant(true)
    this.never = this.#constant(false)
  }

  #constant(value: boolean): ConstNode {
    const facts = { cost: 0, likelihood: value ? 1 : 0, size: 0, hasTypeCheck: false }
    return { kind: 'const', id: this.#nextId++, ...facts, value }
  }

  /** The node of a condition. `excuses`: of one below an odd number of `not`s. */
  add(expr: PlanExpr, excuses = false): Node {
    switch (expr.kind) {
      case 'and':
        return this.all(expr.operands.map(e => this.add(e, excuses)))
      case 'or':
        return this.any(expr.operands.map(e => this.add(e, excuses)))
      case 'not':
        return this.not(this.add(expr.operand, !excuses))
      case 'check':
        return this.#check(isDomain(expr.lhs) && excuses !== (expr.op === '!=') ? asSure(expr) : expr)
      default:
        return expr satisfies never
    }
  }

  not(operand: Node): Node {
    if (operand.kind === 'const') return operand.value ? this.never : this.always
    if (operand.kind === 'not') return operand.operand
    return this.#intern(`!${operand.id}`, () => ({
      kind: 'not',
      id: this.#nextId++,
      cost: operand.cost,
      likelihood: 1 - operand.likelihood,
      size: operand.size,
      hasTypeCheck: operand.hasTypeCheck,
      operand,
    }))
  }

  all(operands: readonly Node[]): Node {
    return this.#group('and', operands)
  }

  any(operands: readonly Node[]): Node {
    return this.#group('or', this.#mergeChecks(flatten('or', operands)))
  }

  /** The node with all checks of the event's type decided for one event code. `memo` serves one code. */
  specialise(node: Node, facts: EventFacts, memo: Map<Node, Node>): Node {
    if (!node.hasTypeCheck) return node
    let special = memo.get(node)
    if (special === undefined) {
      special = this.#specialiseNew(node, facts, memo)
      memo.set(node, special)
    }
    return special
  }

  #specialiseNew(node: Node, facts: EventFacts, memo: Map<Node, Node>): Node {
    switch (node.kind) {
      case 'const':
        return node
      case 'check':
        return this.#decideType(node, facts)
      case 'not':
        return this.not(this.specialise(node.operand, facts, memo))
      case 'and': {
        const operands: Node[] = []
        for (const operand of node.operands) {
          const special = this.specialise(operand, facts, memo)
          // Most rules are about other events: stop at the first operand that says so.
          if (special === this.never) return special
          operands.push(special)
        }
        return this.all(operands)
      }
      case 'or':
        return this.any(node.operands.map(operand => this.specialise(operand, facts, memo)))
      default:
        return node satisfies never
    }
  }

  #decideType(node: CheckNode, facts: EventFacts): Node {
    const { lhs } = node.check
    const name = lhs.kind === 'field' && lhs.ref.spec.name === 'evt.type' ? facts.evtType : facts.syscallType
    if (name === undefined) return node
    if (name === null) return this.never
    // Nothing of the event is read: the right side is constant.
    return this.#buildTest(node.check)(name, undefined as never) ? this.always : this.never
  }

  #check(check: LinkedCheck): Node {
    const known = this.#checks.get(check.key)
    if (known !== undefined) return known
    const node = foldEventNumber(check, this.always, this.never) ?? this.#newCheck(check)
    this.#checks.set(check.key, node)
    return node
  }

  #newCheck(written: LinkedCheck): CheckNode {
    const check = foldCase(written)
    const use = check.op === 'exists' && !isDomain(check.lhs) ? 'exists' : 'value'
    const value = this.#valueOf(check.lhs, use)
    return {
      kind: 'check',
      id: this.#nextId++,
      cost: value.cost + testCost(check),
      likelihood: checkLikelihood(check),
      size: 1,
      hasTypeCheck: isTypeCheck(check),
      check,
      value,
    }
  }

  #valueOf(operand: PlanOperand, use: ValueSource['use']): ValueSource {
    const key = `${use}:${operandKey(operand)}`
    let value = this.#values.get(key)
    if (value === undefined) {
      value = { id: this.#values.size, operand, use, cost: readCost(operand) }
      this.#values.set(key, value)
    }
    return value
  }

  #group(kind: 'and' | 'or', unsorted: readonly Node[]): Node {
    const absorbing = kind === 'and' ? this.never : this.always
    const neutral = kind === 'and' ? this.always : this.never
    const unique = new Set<Node>()
    for (const operand of flatten(kind, unsorted)) {
      if (operand === absorbing) return absorbing
      if (operand !== neutral) unique.add(operand)
    }
    for (const operand of unique) {
      if (operand.kind === 'not' && unique.has(operand.operand)) return absorbing
    }
    const [first] = unique
    if (first === undefined) return neutral
    if (unique.size === 1) return first
    const operands = [...unique].sort(compareWorth(kind))
    return this.#intern(`${kind}${operands.map(o => o.id).join(',')}`, () => ({
      kind,
      id: this.#nextId++,
      ...sequenceFacts(kind, operands),
      hasTypeCheck: operands.some(o => o.hasTypeCheck),
      operands,
    }))
  }

  /** Among `or`-ed nodes, checks that ask one value for membership become one check against the union of their constants. */
  #mergeChecks(operands: readonly Node[]): readonly Node[] {
    if (operands.length < 2) return operands
    const groups = new Map<string, CheckNode[]>()
    for (const node of operands) {
      const way = node.kind === 'check' && !node.hasTypeCheck ? mergeWay(node.check) : undefined
      if (way === undefined) continue
      const { check, value } = node as CheckNode
      const key = `${way}:${value.id}${check.isSure === true ? '!' : ''}`
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [node as CheckNode])
      else group.push(node as CheckNode)
    }
    const merged = new Map<Node, Node | undefined>()
    for (const [key, group] of groups) {
      if (new Set(group).size < 2) continue
      const replacement = this.#merge(key.slice(0, key.indexOf(':')) as MergeWay, group)
      for (const node of group) merged.set(node, undefined)
      merged.set(group[0] as Node, replacement)
    }
    if (merged.size === 0) return operands
    return operands.flatMap(node => {
      if (!merged.has(node)) return [node]
      const replacement = merged.get(node)
      return replacement === undefined ? [] : [replacement]
    })
  }

  #merge(way: MergeWay, group: readonly CheckNode[]): Node {
    const ids = [...new Set(group.map(node => node.id))].sort((a, b) => a - b)
    // No key of the plan begins so: checks are told apart by their keys.
    const key = `\0${way} ${ids.join(',')}`
    return this.#intern(key, () => {
      const values = new Set<Constant>()
      for (const node of group)
        if (node.check.rhs.kind === 'values') for (const v of node.check.rhs.values) values.add(v)
      const { lhs, isSure = false } = (group[0] as CheckNode).check
      const rhs = { kind: 'values' as const, values: [...values] }
      const op = way === 'prefix' ? ('startswith' as const) : way
      const modifier = way === 'prefix' ? { modifier: 'anyof' as const } : {}
      return this.#newCheck({ kind: 'check', lhs, op, ...modifier, rhs, key, isSure })
    })
  }

  #intern(key: string, make: () => Node): Node {
    let node = this.#composed.get(key)
    if (node === undefined) {
      node = make()
      this.#composed.set(key, node)
    }
    return node
  }
}

/**
 * The best order to ask tests in: those first that for little work are likely to end the matter (a false one of `and`, a true one of
 * `or`). Of a rule's `fd.name startswith /etc and not proc.name in (…)` that is the path.
 */
export function compareWorth(kind: 'and' | 'or'): (a: Node, b: Node) => number {
  return (a, b) => worth(kind, a) - worth(kind, b) || a.id - b.id
}

function worth(kind: 'and' | 'or', node: Node): number {
  const decides = kind === 'and' ? 1 - node.likelihood : node.likelihood
  return node.cost / Math.max(decides, 0.01)
}

/** What asking the tests one after the other is expected to cost, and how often they hold together. */
function sequenceFacts(
  kind: 'and' | 'or',
  operands: readonly Node[],
): { readonly cost: number; readonly likelihood: number; readonly size: number } {
  let cost = 0
  let size = 0
  let reach = 1
  for (const operand of operands) {
    cost += operand.cost * reach
    size += operand.size
    reach *= kind === 'and' ? operand.likelihood : 1 - operand.likelihood
  }
  return { cost, size, likelihood: kind === 'and' ? reach : 1 - reach }
}

type MergeWay = 'in' | 'intersects' | 'prefix' | 'pmatch'

/** How checks of one value can be joined by `or`; undefined when they cannot. */
function mergeWay(check: PlanCheck): MergeWay | undefined {
  if (check.rhs.kind !== 'values') return undefined
  const isAny = check.modifier === undefined || check.modifier === 'anyof'
  if (check.lhs.isList) return check.op === 'intersects' ? 'intersects' : undefined
  switch (check.op) {
    case 'in':
    case 'intersects':
      return 'in'
    case '=':
      return isAny ? 'in' : undefined
    case 'startswith':
      return isAny && check.rhs.values.length > 0 ? 'prefix' : undefined
    case 'pmatch':
      return 'pmatch'
    default:
      return undefined
  }
}

function flatten(kind: 'and' | 'or', operands: readonly Node[]): readonly Node[] {
  if (!operands.some(o => o.kind === kind)) return operands
  return operands.flatMap(o => (o.kind === kind ? o.operands : [o]))
}

/** Another check than the same where it does not excuse. No key of the plan ends so. */
function asSure(check: PlanCheck): LinkedCheck {
  return { ...check, key: `${check.key}\0sure`, isSure: true }
}

function isDomain(operand: PlanOperand): boolean {
  return operand.kind === 'field' && operand.ref.spec.compare === 'domain'
}

function isTypeCheck(check: PlanCheck): boolean {
  const { lhs } = check
  if (lhs.kind !== 'field' || lhs.ref.arg !== undefined || check.rhs.kind === 'operand') return false
  return lhs.ref.spec.name === 'evt.type' || lhs.ref.spec.name === 'syscall.type'
}

/** `icontains` is `contains` on the lower-case text, which is then made once for all such checks of the event. */
function foldCase(check: LinkedCheck): LinkedCheck {
  const { lhs, rhs } = check
  if (check.op !== 'icontains' || rhs.kind !== 'values' || lhs.isList) return check
  if (lhs.kind === 'field' && lhs.ref.spec.compare !== undefined) return check
  const values = rhs.values.map(v => lowerAscii(v as ByteText))
  const lower: PlanOperand = { kind: 'transform', name: 'tolower', args: [lhs], type: lhs.type, isList: false }
  return { ...check, lhs: lower, op: 'contains', rhs: { kind: 'values', values } }
}

/** Events are numbered from 1, so `evt.num=0`, the usual spelling of «never», is decided here. */
function foldEventNumber(check: PlanCheck, always: ConstNode, never: ConstNode): ConstNode | undefined {
  const { lhs, op, rhs, modifier } = check
  if (lhs.kind !== 'field' || lhs.ref.spec.name !== 'evt.num' || rhs.kind !== 'values' || modifier !== undefined) {
    return undefined
  }
  const values = rhs.values as readonly (number | bigint)[]
  if (op === 'in' || op === 'intersects') return values.every(v => v < 1) ? never : undefined
  const limit = values[0]
  if (limit === undefined || limit > 1) return undefined
  switch (op) {
    case '=':
      return limit < 1 ? never : undefined
    case '!=':
      return limit < 1 ? always : undefined
    case '<':
      return never
    case '<=':
      return limit < 1 ? never : undefined
    case '>':
      return limit < 1 ? always : undefined
    case '>=':
      return always
    default:
      return undefined
  }
}

/** Equal for operands that read the same. */
function operandKey(operand: PlanOperand): string {
  switch (operand.kind) {
    case 'field':
      return `${operand.ref.spec.name}[${JSON.stringify(operand.ref.arg) ?? ''}]`
    case 'literal':
      return `${typeof operand.value}${JSON.stringify(String(operand.value))}`
    case 'list':
      return `(${operand.items.map(operandKey).join(',')})`
    case 'transform':
      return `${operand.name}(${operand.args.map(operandKey).join(',')})[${JSON.stringify(operand.index) ?? ''}]`
    default:
      return operand satisfies never
  }
}
