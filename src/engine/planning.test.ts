import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlanExpr } from '../rules/plan.ts'
import { parseIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { buildCheckTest } from './check-test.ts'
import { ConditionGraph, type Node } from './condition-graph.ts'
import { asConjunction, planSteps, type Step } from './decision-block.ts'
import { eventFacts } from './event-facts.ts'
import { linkPlan } from './link-plan.ts'
import {
  and,
  check,
  fakeContext,
  fakeEventTable,
  fakeFieldByName,
  field,
  not,
  or,
  planOf,
  reads,
} from './testdata/fake-fields.ts'
import { cpuMs } from '../values/testing.ts'

/*
 * That work is really saved: the verdicts would be right without any of this.
 */

function newGraph(): ConditionGraph {
  return new ConditionGraph(c => buildCheckTest(c, fakeFieldByName, undefined))
}

function stepsOf(conditions: readonly PlanExpr[]): readonly Step[] {
  const graph = newGraph()
  return planSteps(
    conditions.map((c, i) => asConjunction(graph.add(c), i)),
    graph,
  )
}

function shape(step: Step): string {
  if (step.kind === 'index') return `index ${step.index.kind} ${step.index.candidates.length}`
  return step.kind === 'leaf' ? 'leaf' : `guard ${step.tests.length} [${step.steps.map(shape).join(', ')}]`
}

const name = (text: string): PlanExpr => check('t.name', '=', [text])
const path = (text: string): PlanExpr => check('t.path', 'startswith', [text])
const flag = check('t.flag', '=', [true])
const big = check('t.num', '>', [5])
const twenty = Array.from({ length: 20 }, (_, i) => i)

const plans: readonly { readonly name: string; readonly conditions: readonly PlanExpr[]; readonly want: string }[] = [
  { name: 'a few equalities are asked in turn', conditions: [name('a'), name('b')], want: 'leaf, leaf' },
  { name: 'many equalities are one look-up', conditions: twenty.map(i => name(`x${i}`)), want: 'index equal 20' },
  { name: 'prefixes are one look-up', conditions: twenty.map(i => and(path(`/x${i}`), flag)), want: 'index prefix 20' },
  {
    name: 'the rest of a rule does not matter',
    conditions: twenty.map(i => and(name(`x${i}`), or(flag, check('t.num', '>', [i])))),
    want: 'index equal 20',
  },
  {
    name: 'two ways to say the same family',
    conditions: twenty.map(i => or(path(`/x${i}`), check('t.path', '=', [`/y${i}`]))),
    want: 'index prefix 20',
  },
  {
    name: 'alternatives of one value with conditions of their own',
    conditions: twenty.map(i => or(and(name(`x${i}`), flag), and(name(`y${i}`), big))),
    want: 'index equal 20',
  },
  {
    name: 'a value that most rules share is no family',
    conditions: twenty.map(i => and(flag, check('t.num', '>', [i]))),
    want: `guard 1 [${twenty.map(() => 'leaf').join(', ')}]`,
  },
  {
    name: 'what rules share is asked once',
    conditions: [and(flag, big, name('a')), and(big, flag, name('b')), and(flag, path('/a'))],
    want: 'guard 1 [guard 1 [leaf, leaf], leaf]',
  },
  { name: 'rules with nothing in common', conditions: [name('a'), path('/a')], want: 'leaf, leaf' },
]

for (const c of plans) {
  test(`planSteps: ${c.name}`, () => assert.equal(stepsOf(c.conditions).map(shape).join(', '), c.want))
}

test('planSteps: what a look-up implies is not asked again', () => {
  const [step] = stepsOf(twenty.map(i => and(name(`x${i}`), flag)))
  assert.ok(step?.kind === 'index')
  const rests = new Set(step.index.candidates.map(c => c.rest))
  assert.equal(rests.size, 1, 'all candidates share what is left')
})

const sameNode: readonly { readonly name: string; readonly a: PlanExpr; readonly b: PlanExpr }[] = [
  { name: 'the order of operands', a: and(name('a'), flag), b: and(flag, name('a')) },
  { name: 'nesting', a: and(name('a'), and(flag, big)), b: and(and(name('a'), flag), big) },
  { name: 'repetition', a: or(name('a'), name('a')), b: name('a') },
  { name: 'double negation', a: not(not(flag)), b: flag },
  { name: 'what can never be', a: or(flag, check('evt.num', '=', [0])), b: flag },
  { name: 'what always is', a: and(flag, check('evt.num', '>=', [1])), b: flag },
]

for (const c of sameNode) {
  test(`ConditionGraph: ${c.name} makes no difference`, () => {
    const graph = newGraph()
    assert.equal(graph.add(c.a), graph.add(c.b))
  })
}

test('ConditionGraph: alternatives of one value become one check', () => {
  const node = newGraph().add(or(name('a'), name('b'), check('t.name', 'in', ['b', 'c', 'd'])))
  assert.ok(node.kind === 'check' && node.check.rhs.kind === 'values')
  assert.deepEqual(node.check.rhs.values, ['a', 'b', 'c', 'd'])
})

test('ConditionGraph: checks of the type vanish for a code', () => {
  const graph = newGraph()
  const node = graph.add(and(check('evt.type', 'in', ['open', 'connect']), or(check('evt.type', '=', ['open']), flag)))
  const special = (code: number): Node => {
    const info = fakeEventTable[code]
    assert.ok(info !== undefined)
    return graph.specialise(node, eventFacts(info), new Map())
  }
  assert.equal(special(1), graph.always, 'open')
  assert.equal(special(2), graph.add(flag), 'connect')
  assert.equal(special(3), graph.never, 'execve')
  assert.equal(special(0).hasTypeCheck, true, 'a generic system call is read')
})

function matcherOf(conditions: readonly PlanExpr[]): ReturnType<typeof linkPlan> {
  return linkPlan(planOf(conditions), {
    fields: fakeFieldByName,
    eventTable: fakeEventTable,
    ruleMatching: 'all',
    minPriority: 7,
  })
}

test('Matcher: a value that many rules ask for is read once an event', () => {
  const slow = check(field('t.name'), 'glob', ['*b*'])
  const matcher = matcherOf(
    twenty.map(i => or(and(slow, check('t.num', '=', [i])), check('t.name', 'endswith', [`x${i}`]))),
  )
  const ctx = fakeContext(1, { 't.name': 'abc', 't.num': 3 })
  matcher.match(ctx)
  reads.count = 0
  assert.deepEqual(
    matcher.match(ctx).map(r => r.index),
    [3],
  )
  assert.equal(reads.count, 2)
})

test('Matcher: copies under other names are evaluated once', () => {
  const matcher = matcherOf(new Array<PlanExpr>(50).fill(and(name('a'), check('t.path', 'contains', ['x']))))
  const ctx = fakeContext(1, { 't.name': 'a', 't.path': 'x' })
  matcher.match(ctx)
  reads.count = 0
  assert.equal(matcher.match(ctx).length, 50)
  assert.equal(reads.count, 2)
})

test('Matcher: 5,000 rules of one address read it once and evaluate one rule', () => {
  const rules = Array.from({ length: 5000 }, (_, i) =>
    and(check('t.ip', '=', [0x0a000000 + i]), check('t.name', '!=', ['foo'])),
  )
  const matcher = matcherOf(rules)
  const ctx = fakeContext(2, { 't.ip': parseIp('10.0.0.77') as Ip, 't.name': 'bar' })
  matcher.match(ctx)
  reads.count = 0
  assert.deepEqual(
    matcher.match(ctx).map(r => r.index),
    [77],
  )
  assert.equal(reads.count, 2)
})

test('Matcher: settings choose the rules', () => {
  const always = check('evt.num', '>=', [1])
  const plan = planOf([always, always, always, always, always], i => {
    if (i === 0) return { enabled: false }
    if (i === 1) return { source: 'other' }
    return i === 2 ? { priority: 7 } : i === 3 ? { eventCodes: new Set([2]) } : {}
  })
  const link = (code: number, change: Partial<Parameters<typeof linkPlan>[1]> = {}): readonly number[] =>
    linkPlan(plan, {
      fields: fakeFieldByName,
      eventTable: fakeEventTable,
      ruleMatching: 'all',
      minPriority: 6,
      ...change,
    })
      .match(fakeContext(code, { 'evt.num': 1 }))
      .map(r => r.index)
  assert.deepEqual(link(1), [4])
  assert.deepEqual(link(2), [3, 4])
  assert.deepEqual(link(2, { ruleMatching: 'first' }), [3])
  assert.deepEqual(link(2, { minPriority: 7 }), [2, 3, 4])
  assert.deepEqual(link(1, { source: 'other' }), [1])
  assert.deepEqual(link(1, { isObsolete: code => code === 1 }), [])
  assert.deepEqual(link(999), [], 'a code that the table does not have')
})

test('Matcher: conditions of many thousand parts are written and run', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => check('t.name', 'contains', [`<${i}>`]))
  let deep: PlanExpr = name('end')
  for (let i = 0; i < 900; i++) deep = i % 2 === 0 ? and(deep, not(path(`/${i}`))) : or(deep, and(flag, path(`/${i}`)))
  const rules = [or(...many), and(...many), deep, ...many.slice(0, 3000)]
  const started = cpuMs()
  const matcher = matcherOf(rules)
  const hits = (text: string): readonly number[] => matcher.match(fakeContext(1, { 't.name': text })).map(r => r.index)
  assert.deepEqual(hits('<19999>'), [0])
  assert.deepEqual(hits('<7>'), [0, 10])
  assert.deepEqual(hits('end'), [2])
  assert.ok(cpuMs() - started < 5000)
})

test('Matcher: what a rule spells cannot become code', () => {
  const texts = ['"', "'", '`', '\\', '\n', '\u2028', '$x', '"+hit(0)+"', '*/', '</script>', '\0', '\xff']
  const rules = texts.flatMap(t => [
    name(t),
    path(t),
    check('t.name', 'in', [t, `${t}2`]),
    check('t.name', 'endswith', [t]),
  ])
  const matcher = matcherOf(rules)
  for (const [i, t] of texts.entries()) {
    const got = matcher.match(fakeContext(1, { 't.name': t })).map(r => r.index)
    assert.ok(got.includes(4 * i) && got.includes(4 * i + 2) && got.includes(4 * i + 3), JSON.stringify(t))
  }
})
