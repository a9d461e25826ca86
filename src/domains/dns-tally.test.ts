import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { DnsTally } from './dns-tally.ts'

test('counts of a process cover a minute that begins with its first message', () => {
  const tally = new DnsTally()
  tally.countQuery(1, 'ab.example', true, 1000)
  tally.countQuery(1, 'abc.example', false, 60_999)
  const { queries, queryBytes, untrustedQueries } = tally.countText(1, 40, 60_999)
  assert.deepEqual([queries, queryBytes, untrustedQueries], [2, 21, 1])
  const { texts, textBytes } = tally.countText(1, 2, 60_999)
  assert.deepEqual([texts, textBytes], [2, 42])
  assert.deepEqual(
    [tally.countQuery(1, 'x', undefined, 61_000).queries, tally.countText(1, 5, 61_000).textBytes],
    [1, 5],
  )
  assert.equal(tally.countQuery(2, 'x', undefined, 61_000).queries, 1)
})

test('domains that do not exist count once each, and only public ones', () => {
  const tally = new DnsTally()
  const count = (name: string): number | undefined => tally.countNxdomain(1, name, 0)?.nxdomains
  assert.deepEqual(
    ['a.one.example', 'b.one.example', 'two.example', 'shop.example.svc.cluster.local', 'localhost', 'one.example'].map(
      count,
    ),
    [1, undefined, 2, undefined, undefined, undefined],
  )
  for (let i = 0; i < 1000; i++) count(`n${i}.example`)
  assert.equal(count('another.example'), undefined)
  assert.equal(tally.countNxdomain(1, 'another.example', 60_000)?.nxdomains, 1)
})

test('names that look like data count once each, at the query for one more', () => {
  const tally = new DnsTally()
  const count = (name: string): number => tally.countQuery(1, name, undefined, 0).encodedNames
  const code = (i: number): string => createHash('sha256').update(String(i)).digest('hex').slice(0, 30)
  const names = [
    code(1) + '.t.example',
    code(1) + '.t.example',
    code(1).slice(1) + '.t.example',
    't.' + code(2),
    'a'.repeat(40) + '.example',
    code(3).replace(/../g, byte => '\\' + String(128 + (byte.charCodeAt(0) % 64))) + '.example',
    code(4).replace(/./g, byte => '\\' + String(128 + (byte.charCodeAt(0) % 64))) + '.example',
  ]
  assert.deepEqual(names.map(count), [1, 0, 0, 2, 0, 0, 3])
  for (let i = 0; i < 1000; i++) count(`${code(100 + i)}.example`)
  assert.equal(count(`${code(9999)}.example`), 0)
  assert.equal(tally.countQuery(1, names[0]!, undefined, 60_000).encodedNames, 1)
})

test('a process that has ended leaves nothing to the next of its number', () => {
  const tally = new DnsTally()
  tally.countQuery(1, 'a', undefined, 0)
  tally.forget(1)
  assert.equal(tally.countQuery(1, 'a', undefined, 0).queries, 1)
})

test('too many processes: the one whose minute began longest ago gives way', () => {
  const tally = new DnsTally()
  for (let pid = 1; pid <= 3000; pid++) tally.countQuery(pid, 'a', undefined, pid)
  assert.equal(tally.size, 2048)
  assert.equal(tally.evicted, 952)
  assert.equal(tally.countQuery(3000, 'a', undefined, 3001).queries, 2)
  assert.equal(tally.countQuery(1, 'a', undefined, 3002).queries, 1)
  // What was over anyway is no loss.
  for (let pid = 4000; pid < 5000; pid++) tally.countQuery(pid, 'a', undefined, 200_000)
  assert.equal(tally.evicted, 953)
})

test('a clock that is set back begins a new minute', () => {
  const tally = new DnsTally()
  tally.countQuery(1, 'a.example', true, 7_200_000)
  assert.equal(tally.countQuery(1, 'a.example', true, 3_600_000).queries, 1)
  assert.equal(tally.countQuery(1, 'a.example', true, 3_600_000 - 5).queries, 2, 'events a little out of order')
})
