import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Query, QueryTable } from './dns-queries.ts'

function query(id: number, more: Partial<Query> = {}): Query {
  return {
    id,
    question: { name: 'shop.example', type: 1 },
    pid: 11,
    containerId: '',
    netns: 0,
    netnsUid: 0,
    mntnsUid: 0,
    mntns: 0,
    isElsewhere: false,
    owner: { pid: 11, containerId: '' },
    fdNum: 5,
    localPort: 40_000,
    localIp: 1,
    serverIp: 2,
    serverPort: 53,
    atMs: 0,
    isAnswered: false,
    learnt: undefined,
    learntAtMs: 0,
    older: undefined,
    newer: undefined,
    ...more,
  }
}

const ids = (queries: readonly Query[]): number[] => queries.map(({ id }) => id)

test('queries: found by id and port until they are answered', () => {
  const table = new QueryTable()
  const asked = query(7)
  table.add(asked)
  assert.deepEqual(ids(table.waiting(7, 40_000, 1)), [7])
  assert.deepEqual(ids(table.waiting(7, 40_001, 1)), [])
  assert.deepEqual(ids(table.waiting(8, 40_000, 1)), [])
  table.remove(asked)
  table.remove(asked)
  assert.deepEqual(ids(table.waiting(7, 40_000, 1)), [])
  assert.equal(table.size, 0)
})

test('queries: those whose port was not known are found by any', () => {
  const table = new QueryTable()
  table.add(query(7, { localPort: 0 }))
  assert.deepEqual(ids(table.waiting(7, 40_000, 1)), [7])
})

test('queries: one sent again is one, and its time begins anew', () => {
  const table = new QueryTable()
  table.add(query(7))
  table.add(query(7, { atMs: 20_000 }))
  assert.equal(table.size, 1)
  assert.equal(table.waiting(7, 40_000, 45_000).length, 1)
})

test('queries: the same id to two servers are two', () => {
  const table = new QueryTable()
  table.add(query(7))
  table.add(query(7, { serverIp: 3 }))
  assert.equal(table.waiting(7, 40_000, 1).length, 2)
})

test('queries: after half a minute they no longer wait, and make room with the next one of the process', () => {
  const table = new QueryTable()
  table.add(query(7))
  assert.equal(table.waiting(7, 40_000, 29_999).length, 1)
  assert.equal(table.waiting(7, 40_000, 30_000).length, 0)
  table.add(query(8, { atMs: 30_000 }))
  assert.equal(table.size, 1)
  assert.equal(table.expired, 1)
})

test('queries: who asks too much loses its own oldest, not those of others', () => {
  const table = new QueryTable()
  table.add(query(1, { pid: 12 }))
  for (let id = 0; id < 5000; id++) table.add(query(id))
  assert.equal(table.size, 1025)
  assert.equal(table.evicted, 5000 - 1024)
  assert.equal(table.waiting(1, 40_000, 1).length, 1)
  assert.equal(table.waiting(4999, 40_000, 1).length, 1)
})

test('queries: bounded in all, and those who have most give room', () => {
  const table = new QueryTable()
  table.add(query(9, { pid: 1 }))
  for (let pid = 100; pid < 140; pid++) for (let id = 0; id < 1000; id++) table.add(query(id, { pid }))
  assert.equal(table.size, 16_384)
  for (const [id, pid] of [
    [9, 1],
    [999, 139],
  ] as const) {
    assert.ok(
      table.waiting(id, 40_000, 1).some(one => one.pid === pid),
      `the last of ${pid}`,
    )
  }
})

test('queries: found with and without their port while others come and go', () => {
  const step = fc.record({
    act: fc.constantFrom('add', 'add', 'remove', 'wait' as const),
    id: fc.integer({ min: 0, max: 3 }),
    pid: fc.integer({ min: 1, max: 3 }),
    localPort: fc.constantFrom(0, 0, 40_000, 40_001),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const table = new QueryTable()
      let all: Query[] = []
      let atMs = 0
      for (const { act, id, pid, localPort } of steps) {
        const known = all.find(one => one.id === id && one.pid === pid && one.localPort === localPort)
        if (act === 'wait') {
          atMs += 7000
        } else if (act === 'remove') {
          if (known !== undefined) table.remove(known)
          all = all.filter(one => one !== known)
        } else {
          const added = query(id, { pid, localPort, atMs })
          table.add(added)
          if (known !== undefined) known.atMs = atMs
          else all = [...all.filter(one => one.pid !== pid || one.atMs + 30_000 > atMs), added]
        }
        const found = all.filter(one => one.id === id && one.atMs + 30_000 > atMs)
        const wanted = found.filter(one => one.localPort === localPort || one.localPort === 0)
        const sorted = (queries: readonly Query[]): string[] => queries.map(q => `${q.pid} ${q.localPort}`).sort()
        assert.deepEqual(sorted(table.waiting(id, localPort, atMs)), sorted(wanted))
        assert.equal(table.size, all.length)
      }
    }),
  )
})

test('queries: processes that have all their answers count for nothing when room is shared out', () => {
  const table = new QueryTable()
  for (let pid = 1; pid <= 3000; pid++) {
    const asked = query(1, { pid })
    table.add(asked)
    table.remove(asked)
  }
  table.add(query(1, { pid: 5000 }))
  for (let pid = 6000; pid < 6017; pid++) for (let id = 0; id < 1000; id++) table.add(query(id, { pid }))
  assert.equal(table.size, 16_384)
  assert.ok(table.waiting(1, 40_000, 1).some(({ pid }) => pid === 5000))
})
