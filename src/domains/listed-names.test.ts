import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { NameIndex } from './name-index.ts'
import type { NameList } from './name-list.ts'
import { NameListParser } from './parse-name-list.ts'

// Configured lists in the index of names: what is in them counts as if a rule had spelled it, but is never looked up.

function listOf(...names: readonly string[]): NameList {
  const parser = new NameListParser({ format: 'plain', match: 'exact', seed: 3 })
  parser.push(Buffer.from(names.join('\n')))
  return parser.end().list
}

const ip = (text: string): Ip => parseIp(text)!
const ONE = ip('192.0.2.1')

test('listed names: known before the list is watched, and after', () => {
  const index = new NameIndex()
  index.setList('l', listOf('early.test', 'late.test'))
  index.learn({ name: 'early.test', ip: ONE, evidence: 'observed' }, 0)
  const set = index.watchList('l')
  index.learn({ name: 'late.test', ip: ip('192.0.2.2'), evidence: 'observed' }, 0)
  index.learn({ name: 'other.test', ip: ip('192.0.2.3'), evidence: 'observed' }, 0)
  assert.deepEqual(
    ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(text => set.matches(ip(text), 1)),
    [true, true, false],
  )
  assert.equal(set.nameOf(ONE, 1), 'early.test')
  assert.ok(set.holds('late.test') && !set.holds('other.test'))
})

test('listed names: never looked up, and not counted among the watched ones', () => {
  const index = new NameIndex()
  index.watchList('l')
  index.setList('l', listOf('a.test', 'b.test'))
  assert.deepEqual(index.namesToResolve(), { names: [], skipped: [] })
  const { sets, watched, listed } = index.stats()
  assert.deepEqual({ sets, watched, listed }, { sets: 1, watched: 0, listed: 2 })
})

test('listed names: a list that changes: new names at once, known ones when they are looked at', () => {
  const index = new NameIndex()
  index.setList('l', listOf('a.test', 'stays.test'))
  const set = index.watchList('l')
  const learn = (name: string, address: string): boolean =>
    index.learn({ name, ip: ip(address), evidence: 'observed' }, 0)
  learn('a.test', '192.0.2.1')
  learn('b.test', '192.0.2.2')
  learn('stays.test', '192.0.2.3')
  index.setList('l', listOf('b.test', 'c.test', 'stays.test'))
  learn('c.test', '192.0.2.4')
  const matches = (): boolean[] =>
    ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'].map(text => set.matches(ip(text), 1))
  assert.deepEqual(matches(), [true, false, true, true])
  let steps = 0
  while (index.rescan(1)) steps++
  assert.ok(steps >= 3, 'in steps')
  assert.deepEqual(matches(), [false, true, true, true])
  assert.equal(index.rescan(1), false)
})

test('listed names: the last use given back leaves nothing', () => {
  const index = new NameIndex()
  index.setList('l', listOf('a.test'))
  const set = index.watchList('l')
  assert.equal(index.watchList('l'), set)
  index.learn({ name: 'a.test', ip: ONE, evidence: 'observed' }, 0)
  index.unwatch(set)
  assert.ok(set.matches(ONE, 1))
  index.setList('l', listOf('b.test'))
  index.unwatch(set)
  assert.equal(index.rescan(10), false)
  assert.equal(index.stats().sets, 0)
  assert.equal(index.nameOf(ONE, 1), 'a.test', 'what is known stays')
  // Another use begins with what is in the list now.
  assert.equal(index.watchList('l').matches(ONE, 1), false)
})

test('listed names: an index with a list answers as one with the names spelled out', () => {
  const name = fc
    .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
    .map(labels => [...labels, 'test'].join('.'))
  const entry = fc.tuple(fc.boolean(), name).map(([isPattern, text]) => (isPattern ? `*.${text}` : text))
  const step = fc.oneof(
    fc.record({ kind: fc.constant('learn' as const), name, last: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ kind: fc.constant('list' as const), entries: fc.array(entry, { maxLength: 6 }) }),
    fc.record({ kind: fc.constant('rescan' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const index = new NameIndex()
      const oracle = new NameIndex()
      const set = index.watchList('l')
      let spelled = oracle.watch([])
      for (const one of steps) {
        if (one.kind === 'learn') {
          const fact = { name: one.name, ip: 0xc0000200 + one.last, evidence: 'observed' } as const
          index.learn(fact, 0)
          oracle.learn(fact, 0)
        } else if (one.kind === 'list') {
          index.setList('l', listOf(...one.entries))
          oracle.unwatch(spelled)
          spelled = oracle.watch(one.entries)
        } else while (index.rescan(2)) {}
      }
      while (index.rescan(2)) {}
      for (let last = 1; last <= 5; last++) {
        const asked = 0xc0000200 + last
        assert.equal(set.matches(asked, 1), spelled.matches(asked, 1))
        assert.equal(set.nameOf(asked, 1), spelled.nameOf(asked, 1))
      }
      assert.equal(set.addressCount, spelled.addressCount)
    }),
  )
})
