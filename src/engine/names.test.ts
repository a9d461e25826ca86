import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NameIndex } from '../domains/name-index.ts'
import { parseIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { Interpreter } from './interpreter.ts'
import { linkPlan } from './link-plan.ts'
import type { EventContext } from './name-watcher.ts'
import { and, check, fakeEventTable, fakeFieldByName, not, or, planOf } from './testdata/fake-fields.ts'

/*
 * The engine with the real index of names: families of rules about names are found by the names of the address, single checks by the
 * addresses of the names, and both must say the same.
 */

const ips = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '127.0.0.1', '::1', '2001:db8::1', '::ffff:10.0.0.1'].map(
  t => parseIp(t) as Ip,
)
const names = [
  ...Array.from({ length: 24 }, (_, i) => `n${i}.example`),
  'localhost',
  '10.0.0.2',
  '*.example',
  'n1.example',
  '2001:db8::1',
]

function event(ip: Ip, pid: number, containerId: string): EventContext {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, 5_000_000_000n, true)
  const ctx = {
    rec: { type: 2, view, start: 0 },
    thread: { pid, containerId },
    values: { 't.domain': ip, 't.num': pid },
  }
  return ctx as unknown as EventContext
}

const facts = fc.array(
  fc.record(
    {
      name: fc.constantFrom(...names.slice(0, 24)),
      ip: fc.constantFrom(...ips),
      evidence: fc.constantFrom('sni', 'observed', 'hosts', 'resolved', 'claimed' as const),
      owner: fc.constantFrom({}, { pid: 1 }, { pid: 2 }, { containerId: 'c1' }, { pid: 3, containerId: 'c1' }),
      chain: fc.constantFrom([], ['n2.example'], ['n3.example', 'n4.example']),
      untrusted: fc.boolean(),
    },
    { requiredKeys: ['name', 'ip', 'evidence'] },
  ),
  { maxLength: 30 },
)
const events = fc.array(fc.tuple(fc.constantFrom(...ips), fc.constantFrom(1, 2, 3), fc.constantFrom('', 'c1', 'c2')), {
  minLength: 1,
  maxLength: 12,
})

test('matcher and interpreter agree with the real index of names', () => {
  const conditions = names.map((name, i) => {
    const one = check('t.domain', i % 5 === 4 ? 'in' : '=', i % 5 === 4 ? [name, 'n0.example'] : [name])
    return i % 3 === 0 ? and(one, check('t.num', '>', [1])) : one
  })
  const excusing = [
    or(check('t.domain', '=', ['n2.example']), check('t.domain', 'in', ['n3.example', 'n0.example'])),
    check('t.domain', '!=', ['n4.example']),
    check('t.domain', 'startswith', ['n1']),
    or(check('t.domain', '=', ['n2.example']), not(check('t.domain', '=', ['n2.example']))),
  ]
  const plan = planOf([
    ...conditions,
    ...excusing.map(not),
    check('t.domain', '!=', ['n5.example']),
    check('t.domain', 'exists', undefined),
  ])
  fc.assert(
    fc.property(facts, events, (learned, asked) => {
      const index = new NameIndex()
      const matcher = linkPlan(plan, {
        fields: fakeFieldByName,
        eventTable: fakeEventTable,
        names: index,
        ruleMatching: 'all',
        minPriority: 7,
      })
      matcher.prepare()
      for (const fact of learned) index.learn(fact, 4000)
      const interpreter = new Interpreter(fakeFieldByName, index)
      for (const [ip, pid, containerId] of asked) {
        const ctx = event(ip, pid, containerId)
        const want = plan.rules.filter(r => interpreter.evaluate(r.condition, ctx)).map(r => r.name)
        assert.deepEqual(
          matcher.match(ctx).map(r => r.name),
          want,
        )
      }
    }),
    { numRuns: 60 },
  )
})

test('Matcher: release gives back the names it watched', () => {
  const index = new NameIndex()
  const deps = {
    fields: fakeFieldByName,
    eventTable: fakeEventTable,
    names: index,
    ruleMatching: 'all',
    minPriority: 7,
  } as const
  const matcher = linkPlan(
    planOf([check('t.domain', '=', ['a.example']), check('t.domain', 'in', ['b.example', 'c.example'])]),
    deps,
  )
  assert.equal(index.stats().watched, 0, 'nothing before the programs are written')
  matcher.prepare()
  assert.equal(index.stats().watched, 3)
  matcher.release()
  assert.equal(index.stats().watched, 0)
  assert.deepEqual(matcher.match(event(ips[0] as Ip, 1, '')), [])
})
