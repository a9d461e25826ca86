import assert from 'node:assert/strict'
import { test } from 'node:test'
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

test('queries: bounded in all, and the process that has asked nothing for the longest gives room', () => {
  const table = new QueryTable()
  table.add(query(9, { pid: 1 }))
  for (let pid = 100; pid < 140; pid++) for (let id = 0; id < 1000; id++) table.add(query(id, { pid }))
  assert.equal(table.size, 16_384)
  assert.equal(
    table.waiting(9, 40_000, 1).some(({ pid }) => pid === 1),
    false,
  )
  assert.equal(
    table.waiting(999, 40_000, 1).some(({ pid }) => pid === 139),
    true,
  )
})
