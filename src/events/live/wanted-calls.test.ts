import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CallFilter, encodeWanted, mergeWanted, stateCalls, syscallNumber, wantAll } from './wanted-calls.ts'

const numbers = [
  { name: 'a call by its own name', call: 'openat', x64: 257, arm64: 56 },
  { name: 'an event named otherwise than its call', call: 'pread', x64: 17, arm64: 67 },
  { name: 'a new call', call: 'clone3', x64: 435, arm64: 435 },
  { name: 'an event that is no call', call: 'procexit', x64: undefined, arm64: undefined },
] as const
const isArm = process.arch === 'arm64'

for (const c of numbers)
  test(`syscallNumber: ${c.name}`, () => assert.equal(syscallNumber(c.call), isArm ? c.arm64 : c.x64))

const merges: readonly { name: string; sets: readonly [string, CallFilter][][]; want: CallFilter }[] = [
  { name: 'the same filter stays', sets: [[['read', 'names']], [['read', 'names']]], want: 'names' },
  { name: '`all` wins', sets: [[['read', 'names']], [['read', 'all']]], want: 'all' },
  { name: 'two filters make `all`', sets: [[['read', 'names']], [['read', 'succeeded']]], want: 'all' },
]

for (const c of merges) {
  test(`mergeWanted: ${c.name}`, () => {
    const merged = mergeWanted(...c.sets.map(set => new Map(set)))
    assert.equal(merged.get('read'), c.want)
  })
}

test('encodeWanted: filters by number, and names that are no calls', () => {
  const { table, unknown } = encodeWanted(new Map([...wantAll(['close', 'nonsense']), ['mprotect', 'executable']]))
  assert.equal(table[isArm ? 57 : 3], 1)
  assert.equal(table[isArm ? 226 : 10], 2)
  assert.equal(
    table.reduce((sum, each) => sum + each, 0),
    3,
  )
  assert.deepEqual(unknown, ['nonsense'])
})

test('all that the state needs are calls of this machine, but for those that arm64 never had', () => {
  const old = ['fork', 'vfork', 'open', 'creat', 'dup2', 'pipe', 'eventfd', 'inotify_init', 'epoll_create']
  assert.deepEqual(encodeWanted(stateCalls).unknown, isArm ? old : [])
})
