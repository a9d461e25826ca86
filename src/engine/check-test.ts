import type { CompareOp, Constant, PlanCheck } from '../rules/plan.ts'
import { compileGlob } from '../values/glob.ts'
import { netContains } from '../values/net.ts'
import { Nets } from '../values/net-set.ts'
import { PathPrefixes } from '../values/path-prefix.ts'
import { compileRegex } from '../values/regex.ts'
import { lowerAscii } from '../values/text.ts'
import { TextPrefixes } from '../values/text-prefix.ts'
import type { ByteText, Ip, Net, Scalar, Value } from '../values/value.ts'
import { bindOperand, type FieldBinder } from './bind-operand.ts'
import type { EventContext, NameWatcher, WatchedList, WatchedNames } from './name-watcher.ts'

/** The test of a check on the value of its left side; `undefined` (no value) is false for every operator. */
export type CheckTest = (value: Value | undefined, ctx: EventContext) => boolean

type ScalarTest = (value: Scalar) => boolean

/** From so many prefixes or blocks on, a tree is asked instead of one after the other. */
const MIN_TREE = 4

/**
 * A check of names that excuses: where the address has one of the names the rule does not match. Then a name counts only beyond doubt.
 * `!=` and `not` each turn one kind into the other.
 */
export interface LinkedCheck extends PlanCheck {
  readonly isSure?: boolean
}

/** Prepares a check's constants once: sets, trees, compiled patterns, watched names. */
export function buildCheckTest(check: LinkedCheck, fields: FieldBinder, names: NameWatcher | undefined): CheckTest {
  const compare = check.lhs.kind === 'field' ? check.lhs.ref.spec.compare : undefined
  if (compare === 'domain') return buildDomainTest(check, names)
  if (check.op === 'exists') return value => value !== undefined
  if (check.rhs.kind === 'operand') return buildOperandTest(check, bindOperand(check.rhs.operand, fields), compare)
  const test =
    check.rhs.kind === 'lists'
      ? listTest(check.rhs, names)
      : buildScalarTest(check, check.rhs.kind === 'values' ? check.rhs.values : [])
  if (compare !== undefined) return spreadTest(test, compare === 'either' && check.op === '!=')
  if (!check.lhs.isList) return value => value !== undefined && test(value as Scalar)
  return check.op === 'in' ? everyElement(test) : spreadTest(test, false)
}

/** Any of the candidates, or (`mustAll`, for `!=` on both sides of a connection) each of them and at least one. */
function spreadTest(test: ScalarTest, mustAll: boolean): CheckTest {
  return value => {
    if (value === undefined) return false
    if (typeof value !== 'object') return test(value)
    for (let i = 0; i < value.length; i++) if (test(value[i] as Scalar) !== mustAll) return !mustAll
    return mustAll && value.length > 0
  }
}

/** `in` on a list field: all elements, so the empty list fits. */
function everyElement(test: ScalarTest): CheckTest {
  return value => {
    if (value === undefined) return false
    if (typeof value !== 'object') return test(value)
    for (let i = 0; i < value.length; i++) if (!test(value[i] as Scalar)) return false
    return true
  }
}

/** The right side is read for each event, so nothing can be prepared. */
function buildOperandTest(
  check: PlanCheck,
  read: (ctx: EventContext) => Value | undefined,
  compare: 'either' | 'any' | undefined,
): CheckTest {
  const { op } = check
  const isFit = (one: Scalar, right: Value): boolean =>
    typeof right === 'object' ? right.some(r => compareScalars(op, one, r)) : compareScalars(op, one, right)
  return (value, ctx) => {
    if (value === undefined) return false
    const right = read(ctx)
    if (right === undefined) return false
    if (typeof value !== 'object') return isFit(value, right)
    if (compare === undefined && op === 'in') return value.every(one => isFit(one, right))
    return compare === 'either' && op === '!='
      ? value.length > 0 && value.every(one => isFit(one, right))
      : value.some(one => isFit(one, right))
  }
}

function buildScalarTest(check: PlanCheck, values: readonly Constant[]): ScalarTest {
  const { op, modifier } = check
  if (op === 'in' || op === 'intersects') return membershipTest(values)
  if (op === 'pmatch') {
    const paths = new PathPrefixes<true>()
    for (const v of values) paths.add(String(v), true)
    return value => paths.matches(String(value))
  }
  if (values.length === 0) return () => false
  if (modifier === undefined) return singleTest(op, values[0] as Constant)
  if (modifier === 'anyof') {
    if (op === '=') return membershipTest(values)
    if ((op === 'startswith' || op === 'bstartswith') && values.length >= MIN_TREE) return prefixTest(values)
  }
  if (modifier === 'allof' && op === '!=') {
    const isMember = membershipTest(values)
    return value => !isMember(value)
  }
  const tests = values.map(v => singleTest(op, v))
  switch (modifier) {
    case 'anyof':
      return value => tests.some(test => test(value))
    case 'allof':
      return value => tests.every(test => test(value))
    case 'oneof':
      return value => {
        let count = 0
        for (const test of tests) if (test(value) && ++count > 1) return false
        return count === 1
      }
    default:
      return modifier satisfies never
  }
}

/** Names, and the configured lists that are known. */
function listTest(rhs: PlanCheck['rhs'] & { readonly kind: 'lists' }, names: NameWatcher | undefined): ScalarTest {
  const isSpelled = membershipTest(rhs.values)
  const lists = watchLists(rhs.lists, names)
  return value => isSpelled(value) || lists.some(list => list.holds(value as string))
}

function watchLists<C>(lists: readonly string[], names: NameWatcher<C> | undefined): readonly WatchedList<C>[] {
  return lists.flatMap(list => names?.watchList?.(list) ?? [])
}

function prefixTest(values: readonly Constant[]): ScalarTest {
  const prefixes = new TextPrefixes<true>()
  for (const v of values) prefixes.add(String(v), true)
  return value => prefixes.matches(value as string)
}

function membershipTest(values: readonly Constant[]): ScalarTest {
  const nets = values.filter(isNet)
  if (nets.length > 0) {
    if (nets.length < MIN_TREE) return value => nets.some(net => netContains(net, value as Ip))
    const set = new Nets<true>()
    for (const net of nets) set.add(net, true)
    return value => set.matches(value as Ip)
  }
  const set: ReadonlySet<unknown> = new Set(values)
  return value => set.has(value)
}

function singleTest(op: CompareOp, constant: Constant): ScalarTest {
  if (isNet(constant)) {
    return op === '!=' ? value => !netContains(constant, value as Ip) : value => netContains(constant, value as Ip)
  }
  const text = String(constant)
  switch (op) {
    case '=':
    case 'in':
    case 'intersects':
      return value => value === constant
    case '!=':
      return value => value !== constant
    case '<':
      return value => value < constant
    case '<=':
      return value => value <= constant
    case '>':
      return value => value > constant
    case '>=':
      return value => value >= constant
    case 'contains':
    case 'bcontains':
      return value => (value as ByteText).includes(text)
    case 'icontains': {
      const lower = lowerAscii(text)
      return value => lowerAscii(value as ByteText).includes(lower)
    }
    case 'startswith':
    case 'bstartswith':
      return value => (value as ByteText).startsWith(text)
    case 'endswith':
      return value => (value as ByteText).endsWith(text)
    case 'glob':
    case 'iglob': {
      const glob = compileGlob(text, op === 'iglob')
      return value => glob.matches(value as ByteText)
    }
    case 'regex': {
      const regex = compileRegex(text)
      return regex.kind === 'bad' ? () => false : rememberLast(regex.matches)
    }
    case 'pmatch':
    case 'exists':
      return () => true
    default:
      return op satisfies never
  }
}

/** Successive events of one process ask about the same text again and again. */
function rememberLast(matches: (text: ByteText) => boolean): ScalarTest {
  let last: Scalar | undefined
  let verdict = false
  return value => {
    if (value !== last) {
      verdict = matches(value as ByteText)
      last = value
    }
    return verdict
  }
}

/** Both sides known only now. */
function compareScalars(op: CompareOp, left: Scalar, right: Scalar): boolean {
  switch (op) {
    case '=':
    case 'in':
    case 'intersects':
      return left === right
    case '!=':
      return left !== right
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    case '>=':
      return left >= right
    case 'contains':
    case 'bcontains':
      return (left as ByteText).includes(right as ByteText)
    case 'icontains':
      return lowerAscii(left as ByteText).includes(lowerAscii(right as ByteText))
    case 'startswith':
    case 'bstartswith':
      return (left as ByteText).startsWith(right as ByteText)
    case 'endswith':
      return (left as ByteText).endsWith(right as ByteText)
    case 'glob':
    case 'iglob':
      return compileGlob(right as ByteText, op === 'iglob').matches(left as ByteText)
    // The compiler refuses a field on the right of these.
    case 'regex':
    case 'pmatch':
      return false
    case 'exists':
      return true
    default:
      return op satisfies never
  }
}

/** The value is an address: it is judged by the names it is bound to. Without a name index no address has a name. */
export function buildDomainTest<C = EventContext>(
  check: LinkedCheck,
  names: NameWatcher<C> | undefined,
): (value: Value | undefined, ctx: C) => boolean {
  const { isSure = false } = check
  const values = check.rhs.kind === 'values' ? check.rhs.values.map(String) : []
  const { op } = check
  if (op === 'exists') return (ip, ctx) => ip !== undefined && (names?.namesOf(ip as Ip, ctx).length ?? 0) > 0
  if (check.rhs.kind === 'lists') {
    const { values: spelled, lists } = check.rhs
    const watched: WatchedNames<C>[] = [...watchLists(lists, names)]
    if (spelled.length > 0 && names !== undefined) watched.push(names.watch(spelled.map(String)))
    return isSure
      ? (ip, ctx) => ip !== undefined && watched.some(set => set.matchesSurely(ip as Ip, ctx))
      : (ip, ctx) => ip !== undefined && watched.some(set => set.matches(ip as Ip, ctx))
  }
  if (check.rhs.kind !== 'values') return () => false
  if (op === '=' || op === '!=' || op === 'in' || op === 'intersects') {
    const watch = (set: readonly string[]): ((ip: Ip, ctx: C) => boolean) => {
      const watched = names?.watch(set)
      if (watched === undefined) return () => false
      return isSure ? (ip, ctx) => watched.matchesSurely(ip, ctx) : (ip, ctx) => watched.matches(ip, ctx)
    }
    const isAnyOf =
      op === 'in' || op === 'intersects' || (op === '=' && (values.length === 1 || check.modifier === 'anyof'))
    if (isAnyOf) {
      const isBound = watch(values)
      return (ip, ctx) => ip !== undefined && isBound(ip as Ip, ctx)
    }
    if (op === '!=' && (values.length === 1 || check.modifier === 'allof')) {
      const isBound = watch(values)
      return (ip, ctx) => ip !== undefined && values.length > 0 && !isBound(ip as Ip, ctx)
    }
    const each = values.map(name => watch([name]))
    const want = op === '='
    return (ip, ctx) => {
      if (ip === undefined) return false
      let count = 0
      for (const isBound of each) if (isBound(ip as Ip, ctx) === want) count++
      if (check.modifier === 'allof') return count > 0 && count === each.length
      return check.modifier === 'oneof' ? count === 1 : count > 0
    }
  }
  const test = buildScalarTest(check, values)
  return (ip, ctx) => ip !== undefined && (names?.namesOf(ip as Ip, ctx, isSure).some(name => test(name)) ?? false)
}

function isNet(constant: Constant): constant is Net {
  return typeof constant === 'object'
}

/**
 * The test as JavaScript on the expression `value`, for the commonest checks; undefined where `buildCheckTest` must be called. `constant`
 * gives the name under which a value is reachable. `t` is a variable of the enclosing function, free between two tests.
 */
export function inlineCheckTest(
  check: PlanCheck,
  value: string,
  constant: (value: unknown) => string,
): string | undefined {
  const { lhs, op, rhs, modifier } = check
  if ((lhs.kind === 'field' && lhs.ref.spec.compare !== undefined) || lhs.isList) return undefined
  if (op === 'exists') return `${value} !== undefined`
  if (rhs.kind !== 'values') return undefined
  const values = rhs.values
  if (values.some(isNet)) return undefined
  if (op === 'in' || op === 'intersects' || (op === '=' && modifier === 'anyof')) {
    if (values.length > 3) return `${constant(new Set(values))}.has(${value})`
    if (values.length === 0) return 'false'
    const [first, ...rest] = values.map(literal)
    return `(t = ${value}) === ${first}${rest.map(v => ` || t === ${v}`).join('')}`
  }
  if (values.length === 0) return 'false'
  if (modifier !== undefined && values.length > 1) return undefined
  const right = literal(values[0] as Constant)
  switch (op) {
    case '=':
      return `${value} === ${right}`
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return `(t = ${value}) !== undefined && t ${op === '!=' ? '!==' : op} ${right}`
    case 'contains':
    case 'bcontains':
      return `(t = ${value}) !== undefined && t.includes(${right})`
    case 'startswith':
    case 'bstartswith':
      return `(t = ${value}) !== undefined && t.startsWith(${right})`
    case 'endswith':
      return `(t = ${value}) !== undefined && t.endsWith(${right})`
    case 'icontains':
    case 'glob':
    case 'iglob':
    case 'regex':
    case 'pmatch':
      return undefined
    default:
      return op satisfies never
  }
}

function literal(constant: Constant): string {
  return typeof constant === 'bigint' ? `${constant}n` : JSON.stringify(constant)
}
