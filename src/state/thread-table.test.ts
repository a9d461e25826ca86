import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fd, FdType } from './fd.ts'
import { FdRegistry, FdTable } from './fd-table.ts'
import { brokenInvariant, TestHost } from './testdata/test-host.ts'
import { CloneFlag, Thread } from './thread.ts'
import { markDead, resurrect, ThreadTable } from './thread-table.ts'
import { cpuMs } from '../values/testing.ts'

function thread(tid: number, pid: number, ptid: number, more: Partial<Thread> = {}): Thread {
  return Object.assign(new Thread(tid, new FdTable()), { vtid: tid, vpid: pid, pid, ptid, ...more })
}

/** A table with init and these threads: tid, pid, ptid. */
function tableOf(...rows: readonly (readonly [tid: number, pid: number, ptid: number])[]): ThreadTable {
  const table = new ThreadTable()
  table.add(thread(1, 1, 0))
  for (const [tid, pid, ptid] of rows) table.add(thread(tid, pid, ptid))
  return table
}

const childrenOf = (table: ThreadTable, tid: number): number[] =>
  [...(table.get(tid)?.children ?? [])].map(child => child.tid).sort((a, b) => a - b)

/** The process tree as `tid<ptid`. */
const treeOf = (table: ThreadTable): string =>
  [...table.byTid.values()]
    .sort((a, b) => a.tid - b.tid)
    .map(t => `${t.tid}<${t.ptid}${t.isDead ? ' dead' : ''}`)
    .join(', ')

const trees: readonly {
  readonly name: string
  readonly act: (table: ThreadTable) => void
  readonly rows: readonly (readonly [number, number, number])[]
  readonly want: string
}[] = [
  { name: 'a child knows its parent', rows: [[2, 2, 1]], act: () => {}, want: '1<0, 2<1' },
  { name: 'an unknown parent is none', rows: [[2, 2, 99]], act: () => {}, want: '1<0, 2<0' },
  {
    name: 'an orphan goes to init',
    rows: [
      [2, 2, 1],
      [3, 3, 2],
    ],
    act: t => t.remove(2),
    want: '1<0, 3<1',
  },
  {
    name: 'an orphan goes to the nearest reaper',
    rows: [
      [2, 2, 1],
      [3, 3, 2],
      [4, 4, 3],
      [5, 5, 4],
    ],
    act: t => {
      t.get(3)!.group!.isReaper = true
      t.remove(4)
    },
    want: '1<0, 2<1, 3<2, 5<3',
  },
  {
    name: 'an orphan goes first to another thread of its parent',
    rows: [
      [2, 2, 1],
      [20, 2, 1],
      [3, 3, 2],
    ],
    act: t => t.remove(2),
    want: '1<0, 2<1 dead, 3<20, 20<1',
  },
  {
    name: 'the reaper that the kernel named comes before all others',
    rows: [
      [2, 2, 1],
      [3, 3, 2],
      [4, 4, 1],
    ],
    act: t => {
      t.get(2)!.reaperTid = 4
      t.remove(2)
    },
    want: '1<0, 3<4, 4<1',
  },
  {
    name: 'a named reaper that is not known does not count',
    rows: [
      [2, 2, 1],
      [3, 3, 2],
    ],
    act: t => {
      t.get(2)!.reaperTid = 77
      t.remove(2)
    },
    want: '1<0, 3<1, 77<-1',
  },
  {
    name: 'a child that is to inherit its siblings is nobody’s child',
    rows: [
      [2, 2, 1],
      [3, 3, 2],
      [4, 4, 2],
    ],
    act: t => {
      t.get(2)!.reaperTid = 3
      t.remove(2)
    },
    want: '1<0, 3<0, 4<3',
  },
  {
    name: 'without a reaper orphans are nobody’s children',
    rows: [
      [2, 2, 99],
      [3, 3, 2],
    ],
    act: t => t.remove(2),
    want: '1<0, 3<0',
  },
  {
    name: 'a namespace’s orphans do not leave it',
    rows: [
      [2, 2, 1],
      [3, 3, 2],
    ],
    act: t => {
      t.get(2)!.flags |= CloneFlag.childInPidns
      t.remove(2)
    },
    want: '1<0, 3<0',
  },
  {
    name: 'a dead main thread stays while others of its process live',
    rows: [
      [2, 2, 1],
      [20, 2, 1],
    ],
    act: t => t.remove(2),
    want: '1<0, 2<1 dead, 20<1',
  },
  {
    name: 'the last thread takes a dead main thread along',
    rows: [
      [2, 2, 1],
      [20, 2, 1],
      [21, 2, 1],
    ],
    act: t => {
      t.remove(2)
      t.remove(20)
      t.remove(21)
    },
    want: '1<0',
  },
  {
    name: 'a parent that ends in a loop of parents leaves no child behind',
    rows: [
      [2, 2, 1],
      [3, 3, 2],
    ],
    act: t => {
      t.get(3)!.adopt(t.get(2)!)
      t.remove(2)
    },
    want: '1<0, 3<0',
  },
  {
    name: 'a tid that is used again starts anew, and its children go elsewhere',
    rows: [
      [2, 2, 1],
      [3, 3, 2],
    ],
    act: t => t.add(thread(2, 2, 1)),
    want: '1<0, 2<1, 3<1',
  },
  {
    name: 'a tid used again by a thread of another process',
    rows: [
      [2, 2, 1],
      [20, 2, 1],
      [5, 5, 1],
    ],
    act: t => {
      t.remove(2)
      t.add(thread(2, 5, 1))
    },
    want: '1<0, 2<1, 5<1, 20<1',
  },
  {
    name: 'a thread that turns out to be another process has a group and a parent',
    rows: [
      [2, 2, 1],
      [20, 2, 2],
    ],
    act: t => t.moveToProcess(t.get(20)!, 20),
    want: '1<0, 2<1, 20<2',
  },
  {
    name: 'a process that loses its last thread so is gone, a dead main thread with it',
    rows: [
      [2, 2, 1],
      [20, 2, 1],
    ],
    act: t => {
      t.remove(2)
      t.moveToProcess(t.get(20)!, 20)
    },
    want: '1<0, 20<1',
  },
]

for (const c of trees) {
  test(`process tree: ${c.name}`, () => {
    const table = tableOf(...c.rows)
    c.act(table)
    assert.equal(treeOf(table), c.want)
    const host = new TestHost()
    Object.assign(host.state, { table })
    assert.equal(brokenInvariant(host.state), undefined)
  })
}

test('a dead main thread that runs again is alive', () => {
  const table = tableOf([2, 2, 1])
  const main = table.get(2)!
  markDead(main)
  markDead(main)
  assert.equal(main.group?.aliveCount, 0)
  resurrect(main)
  resurrect(main)
  assert.equal(main.group?.aliveCount, 1)
})

test('the new reaper’s process is a reaper from then on', () => {
  const table = tableOf([2, 2, 1], [3, 3, 2], [4, 4, 1])
  table.get(2)!.reaperTid = 4
  table.remove(2)
  assert.equal(table.get(4)?.group?.isReaper, true)
  assert.equal(table.get(3)?.group?.isReaper, false)
})

test('children handed on many times stay with the last heir', () => {
  const table = new ThreadTable()
  table.add(thread(1, 1, 0))
  for (let i = 0; i < 200; i++) table.add(thread(10 + i, 10, 1))
  for (let i = 0; i < 300; i++) table.add(thread(1000 + i, 1000 + i, 10 + (i % 2)))
  for (let i = 0; i < 199; i++) table.remove(10 + i)
  assert.equal(childrenOf(table, 209).length, 300)
  table.remove(209)
  assert.equal(childrenOf(table, 1).length, 300)
  assert.equal(table.byTid.size, 301)
})

test('a process whose threads end one by one hands its children on at little cost', () => {
  const table = new ThreadTable()
  table.add(thread(1, 1, 0))
  const count = 20_000
  for (let i = 0; i < count; i++) table.add(thread(100_000 + i, 100_000, 1))
  for (let i = 0; i < count; i++) table.add(thread(200_000 + i, 200_000 + i, 100_000))
  const start = cpuMs()
  for (let i = 0; i < count; i++) table.remove(100_000 + i)
  // One by one that would be 4·10⁸ moves.
  assert.ok(cpuMs() - start < 2000, `${cpuMs() - start} ms`)
  assert.equal(table.get(1)?.children.size, count)
})

test('a chain of parents is followed only so far', () => {
  const table = new ThreadTable()
  table.add(thread(1, 1, 0))
  for (let tid = 2; tid < 5000; tid++) table.add(thread(tid, tid, tid - 1))
  table.remove(4998)
  assert.equal(table.get(4999)?.ptid, 0)
})

test('a full table takes no more threads, counts them, and has room again when one is gone', () => {
  const registry = new FdRegistry()
  const table = new ThreadTable({ maxThreads: 2, fds: registry })
  assert.equal(table.add(thread(1, 1, 0)), true)
  assert.notEqual(table.getOrInvent(5), undefined)
  const refused = new Thread(6, new FdTable(registry))
  refused.fds.add(new Fd(0, FdType.file))
  assert.equal(table.add(refused), false)
  assert.equal(registry.units, 0, 'what it had is given back')
  assert.equal(table.getOrInvent(7), undefined)
  assert.equal(table.dropped, 2)
  assert.equal(table.getOrInvent(5)?.tid, 5, 'those that are known stay')
  assert.equal(table.add(thread(5, 5, 1)), true, 'one may take the place of its own tid')
  table.remove(5)
  assert.equal(table.add(thread(6, 6, 1)), true)
})

test('an invented thread has a tid and nothing more', () => {
  const table = new ThreadTable()
  const invented = table.getOrInvent(7)
  assert.equal(invented?.comm, '<NA>')
  assert.equal(invented?.exe, '<NA>')
  assert.equal(invented?.isInvented, true)
  assert.equal(invented?.main, undefined)
  table.link(invented!)
  assert.equal(invented?.group, undefined)
  table.remove(7)
  assert.equal(table.byTid.size, 0)
})

test('an invented main thread goes with the last thread of its process', () => {
  const table = tableOf([20, 2, 1])
  table.getOrInvent(2)
  table.remove(20)
  assert.equal(treeOf(table), '1<0')
})

test('the main thread is known by its tid, or by a mark where tid and pid differ', () => {
  const table = tableOf([2, 2, 1], [20, 2, 1])
  assert.equal(table.get(20)?.main, table.get(2))
  assert.equal(table.get(2)?.main, table.get(2))
  const marked = thread(30, 3, 1, { flags: CloneFlag.isMainThread })
  table.add(marked)
  table.add(thread(31, 3, 1))
  assert.equal(table.get(31)?.main, marked)
})

test('a process without a known main thread has none', () => {
  const table = tableOf([20, 2, 1], [21, 2, 1])
  assert.equal(table.get(20)?.main, undefined)
})

test('an init is a reaper from the start', () => {
  const table = tableOf()
  table.add(thread(50, 50, 1, { vpid: 1 }))
  table.add(thread(51, 51, 1))
  assert.equal(table.get(1)?.group?.isReaper, true)
  assert.equal(table.get(50)?.group?.isReaper, true)
  assert.equal(table.get(51)?.group?.isReaper, false)
})

test('clear gives everything back', () => {
  const registry = new FdRegistry()
  const table = new ThreadTable({ fds: registry })
  const one = new Thread(1, new FdTable(registry))
  one.pid = 1
  one.ptid = 0
  one.textSize = 10
  table.add(one)
  one.fds.add(new Fd(0, FdType.file))
  table.clear()
  assert.equal(registry.units, 0)
  assert.equal(table.textSize, 0)
  assert.equal(table.byTid.size, 0)
  assert.equal(table.groups.size, 0)
})
