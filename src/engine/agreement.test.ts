import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CompareOp, Constant, PlanCheck, PlanExpr } from '../rules/plan.ts'
import { parseIp } from '../values/ip.ts'
import { parseNet } from '../values/net.ts'
import type { Ip, Net, Value } from '../values/value.ts'
import { Interpreter } from './interpreter.ts'
import { linkPlan } from './link-plan.ts'
import type { EventContext, NameWatcher } from './name-watcher.ts'
import {
  and,
  check,
  fakeContext,
  fakeEventTable,
  fakeFieldByName,
  fakeNames,
  type FakeValues,
  field,
  or,
  planOf,
} from './testdata/fake-fields.ts'

/*
 * The linked matcher against the interpreter: random rules, random events, the same verdicts. Constants and values come from small pools,
 * so that checks hit, repeat and merge.
 */

const words = ['a', 'ab', 'abc', 'b', '/a', '/a/b', '/ab/c', '/a/b/c.txt', '', 'A', 'aB', 'x\xff', '*.a', 'a*', '/a/*']
const ips = ['10.0.0.1', '10.0.0.2', '10.1.0.1', '::1', 'fe80::1', '::ffff:10.0.0.1'].map(t => parseIp(t) as Ip)
const nets = ['10.0.0.0/8', '10.0.0.0/24', '10.1.0.0/16', '::/64', 'fe80::/10', '10.0.0.1/32'].map(
  t => parseNet(t) as Net,
)
const numbers: readonly (number | bigint)[] = [-1, 0, 1, 2, 80, 443, 2 ** 53 - 1, 2n ** 53n, 2n ** 64n - 1n]
const domains = ['a.example', 'b.example', 'c.a.example', '*.example']
const names = fakeNames(
  new Map([
    [ips[0] as Ip, ['a.example']],
    [ips[1] as Ip, ['b.example', 'c.a.example']],
    [ips[3] as Ip, []],
  ]),
)

const pick = <T>(items: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...items)
const some = <T>(items: readonly T[], min = 1, max = 5): fc.Arbitrary<T[]> =>
  fc.array(pick(items), { minLength: min, maxLength: max })

const textOps: readonly CompareOp[] = [
  '=',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'contains',
  'icontains',
  'startswith',
  'endswith',
  'glob',
  'iglob',
]
const modifiers = ['anyof', 'allof', 'oneof'] as const

function scalarChecks(
  name: string,
  ops: readonly CompareOp[],
  constants: readonly Constant[],
): fc.Arbitrary<PlanCheck> {
  return fc.oneof(
    fc.tuple(pick(ops), pick(constants)).map(([op, c]) => check(name, op, [c])),
    { weight: 2, arbitrary: some(constants, 0, 6).map(values => check(name, 'in', values)) },
    some(constants, 1, 3).map(values => check(name, 'intersects', values)),
    fc.constant(check(name, 'exists', undefined)),
  )
}

function modifiedChecks(
  name: string,
  ops: readonly CompareOp[],
  constants: readonly Constant[],
): fc.Arbitrary<PlanCheck> {
  return fc
    .tuple(pick(ops), pick(modifiers), some(constants, 0, 5))
    .map(([op, m, values]) => check(name, op, values, m))
}

const equality: readonly CompareOp[] = ['=', '!=']
const order: readonly CompareOp[] = ['=', '!=', '<', '<=', '>', '>=']
const bytesOps: readonly CompareOp[] = ['=', '!=', 'contains', 'startswith', 'endswith', 'bcontains', 'bstartswith']
const lower = { kind: 'transform', name: 'tolower', args: [field('t.name')], type: 'CHARBUF', isList: false } as const
const length = { kind: 'transform', name: 'len', args: [field('t.list')], type: 'UINT64', isList: false } as const

const checks: fc.Arbitrary<PlanCheck> = fc.oneof(
  { weight: 3, arbitrary: fc.oneof(scalarChecks('t.name', textOps, words), scalarChecks('t.path', textOps, words)) },
  { weight: 2, arbitrary: pick(words).map(w => check('t.path', 'startswith', [w])) },
  some(words, 0, 4).map(values => check('t.path', 'pmatch', values)),
  modifiedChecks('t.name', textOps, words),
  pick(['a.*', '.*b', '[ab]+', '(a|/a)/?b?', '.*a.*']).map(r => check('t.name', 'regex', [r])),
  scalarChecks('t.num', order, numbers),
  scalarChecks('t.flag', equality, [true, false]),
  { weight: 2, arbitrary: scalarChecks('t.ip', equality, ips) },
  scalarChecks('t.net', equality, nets),
  scalarChecks('t.sides', equality, ips),
  modifiedChecks('t.sides', equality, ips),
  scalarChecks('t.sidenets', equality, nets),
  scalarChecks('t.ports', order, [0, 80, 443]),
  scalarChecks('t.any', textOps, words),
  modifiedChecks('t.any', textOps, words),
  fc
    .tuple(pick(['in', 'intersects', 'exists'] as const), some(words, 0, 4))
    .map(([op, values]) => check('t.list', op, op === 'exists' ? undefined : values)),
  fc.tuple(pick(['in', 'intersects'] as const), some(numbers, 0, 4)).map(([op, values]) => check('t.nums', op, values)),
  fc.tuple(pick(bytesOps), pick(words)).map(([op, w]) => check('t.bytes', op, [w])),
  fc.tuple(pick(['=', '!='] as const), pick(domains)).map(([op, d]) => check('t.domain', op, [d])),
  some(domains, 1, 3).map(values => check('t.domain', 'in', values)),
  fc.tuple(pick(equality), pick(modifiers), some(domains, 0, 3)).map(([op, m, v]) => check('t.domain', op, v, m)),
  fc
    .tuple(pick(['startswith', 'endswith', 'contains', 'exists'] as const), pick(['a', '.example', 'c.']))
    .map(([op, w]) => check('t.domain', op, op === 'exists' ? undefined : [w])),
  fc.tuple(pick(textOps), pick(words)).map(([op, w]) => check(lower, op, [w])),
  fc.tuple(pick(order), pick([0, 1, 2])).map(([op, n]) => check(length, op, [n])),
  pick(order).map(op => check('t.name', op, field('t.path'))),
  pick(['in', 'intersects'] as const).map(op => check('t.list', op, field('t.list'))),
  { weight: 3, arbitrary: scalarChecks('evt.type', textOps, ['open', 'connect', 'execve', 'uname', 'signaldeliver']) },
  scalarChecks('syscall.type', equality, ['open', 'uname', 'asyncevent']),
  scalarChecks('evt.num', order, [0, 1, 7]),
  fc.tuple(pick(order), pick([0, 1])).map(([op, n]) => check(field('t.raw', 'n'), op, [n])),
  fc.tuple(pick(textOps), pick(words)).map(([op, w]) => check(field('t.raw', 'text'), op, [w])),
)

const { expr } = fc.letrec<{ expr: PlanExpr }>(tie => ({
  expr: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'expr' },
    { weight: 3, arbitrary: checks as fc.Arbitrary<PlanExpr> },
    {
      weight: 2,
      arbitrary: fc
        .array(tie('expr'), { minLength: 1, maxLength: 4 })
        .map(operands => ({ kind: 'and', operands }) as PlanExpr),
    },
    {
      weight: 2,
      arbitrary: fc
        .array(tie('expr'), { minLength: 1, maxLength: 4 })
        .map(operands => ({ kind: 'or', operands }) as PlanExpr),
    },
    { weight: 1, arbitrary: tie('expr').map(operand => ({ kind: 'not', operand }) as PlanExpr) },
  ),
}))

const maybe = (value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined, freq: 4 })

const values: fc.Arbitrary<FakeValues> = fc.record({
  'evt.num': fc.constantFrom(1, 2, 7),
  'evt.type': pick(['uname', 'open', 'container']),
  't.name': maybe(pick(words)),
  't.path': maybe(pick(words)),
  't.num': maybe(pick(numbers)),
  't.flag': maybe(fc.boolean()),
  't.ip': maybe(pick(ips)),
  't.net': maybe(pick(ips)),
  't.sides': maybe(some(ips, 0, 2)),
  't.sidesExist': maybe(fc.constant(true)),
  't.sidenets': maybe(some(ips, 0, 2)),
  't.ports': maybe(some([0, 80, 443], 1, 2)),
  't.any': maybe(some(words, 0, 4)),
  't.list': maybe(some(words, 0, 3)),
  't.nums': maybe(some(numbers, 0, 3)),
  't.bytes': maybe(pick(words)),
  't.domain': maybe(pick(ips)),
  't.raw[n]': maybe(pick([0, 1, 'a'])),
  't.raw[text]': maybe(pick([0, 'a', 'abc'])),
})

const events: fc.Arbitrary<EventContext[]> = fc.array(
  fc.tuple(fc.nat({ max: fakeEventTable.length - 1 }), values).map(([code, v]) => fakeContext(code, v)),
  { minLength: 1, maxLength: 12 },
)

function assertAgreement(
  conditions: readonly PlanExpr[],
  contexts: readonly EventContext[],
  known: NameWatcher = names,
): void {
  const plan = planOf(conditions)
  const interpreter = new Interpreter(fakeFieldByName, known)
  const deps = { fields: fakeFieldByName, eventTable: fakeEventTable, names: known, minPriority: 7 }
  const all = linkPlan(plan, { ...deps, ruleMatching: 'all' })
  const first = linkPlan(plan, { ...deps, ruleMatching: 'first' })
  for (const ctx of contexts) {
    const want = plan.rules.filter(rule => interpreter.evaluate(rule.condition, ctx)).map(rule => rule.name)
    assert.deepEqual(
      all.match(ctx).map(rule => rule.name),
      want,
    )
    assert.deepEqual(
      first.match(ctx).map(rule => rule.name),
      want.slice(0, 1),
    )
  }
}

test('matcher and interpreter agree: one rule', () => {
  fc.assert(
    fc.property(expr, events, (condition, contexts) => assertAgreement([condition], contexts)),
    { numRuns: 1500 },
  )
})

test('matcher and interpreter agree: rules that share parts', () => {
  const shared = fc
    .tuple(
      fc.array(expr, { minLength: 1, maxLength: 4 }),
      fc.array(fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
    )
    .map(([parts, rules]) =>
      rules.map((picks, i): PlanExpr => {
        const operands = picks.map(p => parts[p % parts.length] as PlanExpr)
        const joined: PlanExpr = { kind: i % 3 === 0 ? 'or' : 'and', operands }
        return i % 5 === 4 ? { kind: 'not', operand: joined } : joined
      }),
    )
  fc.assert(
    fc.property(shared, events, (r, e) => assertAgreement(r, e)),
    { numRuns: 400 },
  )
})

test('matcher and interpreter agree: families of rules that an index serves', () => {
  const many = Array.from({ length: 40 }, (_, i) => `/w${i % 7}/x${i}`)
  const manyIps: Ip[] = [...ips, ...Array.from({ length: 30 }, (_, i) => 0x0a000003 + i)]
  const manyNets: Net[] = [
    ...nets,
    ...Array.from({ length: 30 }, (_, i) => ({ base: 0x0b000000 + (i << 8), prefix: 24 })),
  ]
  const manyNames = Array.from({ length: 30 }, (_, i) => `n${i}.example`)
  const known = fakeNames(new Map(manyIps.map((ip, i) => [ip, [`n${i % 30}.example`, `n${(i * 7) % 30}.example`]])))
  const family = pick<(i: number) => PlanCheck>([
    i => check('t.name', '=', [many[i % 40] as string]),
    i => check('t.name', 'in', [many[i % 40] as string, many[(i * 3) % 40] as string]),
    i => check('t.path', 'startswith', [i % 4 === 0 ? `/w${i % 7}` : (many[i % 40] as string)]),
    i => check('t.path', i % 2 === 0 ? 'startswith' : '=', [many[i % 40] as string]),
    i => check('t.path', 'pmatch', [i % 4 === 0 ? `/w${i % 7}` : (many[i % 40] as string), `/*/x${i}`]),
    i => check('t.ip', '=', [manyIps[i % manyIps.length] as Ip]),
    i => check('t.net', '=', [manyNets[i % manyNets.length] as Net]),
    i => check('t.sides', '=', [manyIps[i % manyIps.length] as Ip]),
    i => check('t.any', 'in', [many[i % 40] as string, many[(i * 3) % 40] as string]),
    i => check('t.list', 'intersects', [many[i % 40] as string, many[(i * 3) % 40] as string]),
    i => check('t.domain', '=', [manyNames[i % 30] as string]),
  ])
  const rest = fc.option(checks, { nil: undefined })
  const rules = fc
    .tuple(family, family, fc.array(fc.tuple(fc.nat(200), fc.nat(3), rest, rest), { minLength: 12, maxLength: 40 }))
    .map(([one, two, shapes]) =>
      shapes.map(([i, shape, a, b]): PlanExpr => {
        const withRest = (e: PlanExpr, r: PlanExpr | undefined): PlanExpr => (r === undefined ? e : and(e, r))
        if (shape === 0) return or(withRest(one(i), a), withRest(one(i + 5), b))
        if (shape === 1) return or(withRest(one(i), a), withRest(two(i), b))
        return withRest(withRest(one(i), a), shape === 2 ? two(i) : b)
      }),
    )
  const texts = maybe(pick(many))
  const manyEvents = fc.array(
    fc
      .tuple(
        values,
        texts,
        texts,
        maybe(pick(manyIps)),
        maybe(some(manyIps, 0, 3)),
        maybe(some(many, 0, 4)),
        maybe(some(many, 0, 4)),
      )
      .map(([base, name, path, ip, sides, any, list]) =>
        fakeContext(2, {
          ...base,
          't.name': name,
          't.path': path,
          't.ip': ip,
          't.net': ip,
          't.domain': ip,
          't.sides': sides,
          't.any': any,
          't.list': list,
        }),
      ),
    { minLength: 1, maxLength: 12 },
  )
  fc.assert(
    fc.property(rules, manyEvents, (r, e) => assertAgreement(r, e, known)),
    { numRuns: 400 },
  )
})

test('matcher and interpreter agree: copies under other names', () => {
  const copies = fc.tuple(fc.array(expr, { minLength: 1, maxLength: 3 }), fc.integer({ min: 2, max: 6 }))
  fc.assert(
    fc.property(copies, events, ([conditions, n], contexts) => {
      assertAgreement(new Array<readonly PlanExpr[]>(n).fill(conditions).flat(), contexts)
    }),
    { numRuns: 150 },
  )
})
