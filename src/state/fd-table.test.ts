import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ip } from '../values/value.ts'
import { Fd, FdType } from './fd.ts'
import { FdRegistry, FdTable } from './fd-table.ts'

const A = 0x0a000001
const B = 0x0a000002
const C = 0x0a000003

function file(num: number, name = ''): Fd {
  const fd = new Fd(num, FdType.file)
  fd.name = name
  return fd
}

function socket(num: number, sip: Ip, dip: Ip, type: number = FdType.ipv4): Fd {
  const fd = new Fd(num, type)
  fd.sip = sip
  fd.dip = dip
  return fd
}

const numsOf = (table: FdTable): number[] => [...table.values()].map(fd => fd.num)

/** A registry that counts connections by address. */
function counted(options: { maxUnits?: number; maxPerProcess?: number } = {}) {
  const registry = new FdRegistry(options)
  const counts = new Map<Ip, number>()
  registry.onConnection = (ip, delta) => {
    const count = (counts.get(ip) ?? 0) + delta
    if (count === 0) counts.delete(ip)
    else counts.set(ip, count)
  }
  return { registry, counts }
}

test('an fd can be added, read, replaced and removed', () => {
  const table = new FdTable()
  table.add(file(3, 'a'))
  table.add(file(3, 'b'))
  assert.equal(table.peek(3)?.name, 'b')
  assert.equal(table.size, 1)
  table.remove(3)
  table.remove(4)
  assert.equal(table.peek(3), undefined)
  assert.equal(table.size, 0)
})

test('an empty table answers, visits and forks to an empty one', () => {
  const table = new FdTable()
  assert.equal(table.peek(0), undefined)
  assert.equal(table.get(0), undefined)
  table.remove(0)
  table.removeWhere(() => true)
  assert.deepEqual(numsOf(table.fork()), [])
  assert.equal(
    table.some(() => true),
    false,
  )
})

const sides = [
  { name: 'the parent', change: (parent: FdTable, _: FdTable) => parent, other: (_: FdTable, child: FdTable) => child },
  { name: 'the child', change: (_: FdTable, child: FdTable) => child, other: (parent: FdTable, _: FdTable) => parent },
] as const

for (const side of sides) {
  const forked = () => {
    const registry = new FdRegistry()
    const parent = new FdTable(registry)
    for (const num of [0, 1, 2]) parent.add(file(num, 'old'))
    const child = parent.fork()
    return { registry, changed: side.change(parent, child), other: side.other(parent, child) }
  }

  test(`after a fork nothing is copied until ${side.name} changes something`, () => {
    const { registry, changed, other } = forked()
    assert.equal(changed.peek(1), other.peek(1))
    assert.equal(registry.units, 3)
    changed.add(file(9))
    assert.equal(registry.units, 7)
    assert.deepEqual(numsOf(changed), [0, 1, 2, 9])
    assert.deepEqual(numsOf(other), [0, 1, 2])
  })

  test(`an fd that ${side.name} changes in place is another one on the other side`, () => {
    const { changed, other } = forked()
    const fd = changed.get(1)!
    fd.name = 'new'
    assert.equal(changed.peek(1)?.name, 'new')
    assert.equal(other.peek(1)?.name, 'old')
    assert.equal(changed.get(1), fd, 'it is copied once')
    const theirs = other.get(1)!
    theirs.name = 'theirs'
    assert.equal(changed.peek(1)?.name, 'new')
    assert.equal(changed.peek(0), other.peek(0), 'what nobody changes stays shared')
  })

  test(`what ${side.name} has not copied does not change with the other side’s`, () => {
    const { changed, other } = forked()
    changed.add(file(9))
    other.get(1)!.name = 'theirs'
    assert.equal(changed.peek(1)?.name, 'old')
  })

  test(`what ${side.name} closes stays open on the other side`, () => {
    const { changed, other } = forked()
    changed.remove(2)
    changed.removeWhere(fd => fd.num === 0)
    assert.deepEqual(numsOf(changed), [1])
    assert.deepEqual(numsOf(other), [0, 1, 2])
  })

  test(`a round of closing by ${side.name} takes along only what stays`, () => {
    const { registry, changed, other } = forked()
    changed.removeWhere(fd => fd.num < 2)
    assert.deepEqual(numsOf(changed), [2])
    assert.deepEqual(numsOf(other), [0, 1, 2])
    assert.equal(registry.units, 4)
    changed.removeWhere(() => false)
    assert.deepEqual(numsOf(changed), [2])
  })

  test(`when ${side.name} is gone the other side has all for itself`, () => {
    const { registry, changed, other } = forked()
    changed.release()
    assert.equal(registry.units, 3)
    const before = other.peek(1)
    assert.equal(other.get(1), before, 'no copy is needed any more')
    other.release()
    assert.equal(registry.units, 0)
  })
}

test('grandchildren share, and each change separates one of them', () => {
  const registry = new FdRegistry()
  const parent = new FdTable(registry)
  parent.add(file(0, 'old'))
  const tables = [parent, parent.fork(), parent.fork(), parent.fork().fork()]
  for (const [i, table] of tables.entries()) table.get(0)!.name = `of ${i}`
  assert.deepEqual(
    tables.map(table => table.peek(0)?.name),
    ['of 0', 'of 1', 'of 2', 'of 3'],
  )
  for (const table of tables) table.release()
  // The fork in between was never released.
  assert.equal(registry.units, 1)
})

test('a released table takes nothing more', () => {
  const registry = new FdRegistry()
  const table = new FdTable(registry)
  table.add(file(1))
  table.release()
  assert.equal(table.add(file(2)), false)
  table.release()
  assert.equal(registry.units, 0)
  assert.equal(table.size, 0)
})

test('a full process refuses new fds, but may replace its own', () => {
  const registry = new FdRegistry({ maxPerProcess: 2 })
  const table = new FdTable(registry)
  assert.equal(table.add(file(1)), true)
  assert.equal(table.add(file(2)), true)
  assert.equal(table.add(file(3)), false)
  assert.equal(table.add(file(2, 'again')), true)
  assert.equal(registry.dropped, 1)
  assert.deepEqual(numsOf(table), [1, 2])
  assert.equal(registry.units, 2)
})

test('all processes together are bounded, and long names take more room', () => {
  const registry = new FdRegistry({ maxUnits: 5 })
  const [one, two] = [new FdTable(registry), new FdTable(registry)]
  assert.equal(one.add(file(1, 'x'.repeat(600))), true)
  assert.equal(registry.units, 3)
  assert.equal(two.add(file(1)), true)
  assert.equal(two.add(file(2, 'x'.repeat(256))), false)
  assert.equal(two.add(file(2)), true)
  assert.equal(one.add(file(2)), false)
  assert.equal(registry.dropped, 2)
  one.release()
  assert.equal(two.add(file(3)), true)
  assert.equal(registry.units, 3)
})

test('a replaced fd makes room even where there is none', () => {
  const registry = new FdRegistry({ maxUnits: 2 })
  const table = new FdTable(registry)
  table.add(file(1))
  table.add(file(2))
  assert.equal(table.add(file(2, 'new')), true)
  assert.equal(table.peek(2)?.name, 'new')
  assert.equal(table.add(file(1, 'x'.repeat(300))), false, 'not for a longer name')
  assert.equal(table.peek(1), undefined, 'what was replaced is gone all the same')
  assert.equal(registry.units, 1)
})

test('a fork that must copy beyond the bound loses what finds no room', () => {
  const registry = new FdRegistry({ maxUnits: 5 })
  const parent = new FdTable(registry)
  for (const num of [0, 1, 2]) parent.add(file(num))
  const child = parent.fork()
  const fd = child.get(2)
  assert.equal(registry.units, 5)
  assert.equal(child.size, 2)
  assert.equal(fd, undefined)
  assert.equal(registry.dropped, 1)
  assert.equal(parent.size, 3)
  child.release()
  parent.release()
  assert.equal(registry.units, 0)
})

test('a copy takes the room that the original takes', () => {
  const registry = new FdRegistry()
  const parent = new FdTable(registry)
  parent.add(file(0, 'x'.repeat(1000)))
  const child = parent.fork()
  child.get(0)
  assert.equal(registry.units, 8)
  child.remove(0)
  assert.equal(registry.units, 4)
})

test('a name that grows in place counts, and one in another table does not', () => {
  const registry = new FdRegistry()
  const table = new FdTable(registry)
  table.add(file(1))
  const fd = table.get(1)!
  fd.name = 'x'.repeat(1000)
  table.changed(fd)
  assert.equal(registry.units, 4)
  table.remove(1)
  fd.name = ''
  table.changed(fd)
  assert.equal(registry.units, 0)
})

const connectionCases: readonly {
  readonly name: string
  readonly act: (table: FdTable) => void
  readonly want: ReadonlyMap<Ip, number>
}[] = [
  { name: 'a file has no connection', act: t => t.add(file(1)), want: new Map() },
  { name: 'a socket without ends has none', act: t => t.add(socket(1, 0, 0)), want: new Map() },
  {
    name: 'both ends count',
    act: t => t.add(socket(1, A, B)),
    want: new Map([
      [A, 1],
      [B, 1],
    ]),
  },
  { name: 'an end that is not known does not', act: t => t.add(socket(1, 0, B)), want: new Map([[B, 1]]) },
  {
    name: 'nor an unset IPv6 end',
    act: t => t.add(socket(1, '\0'.repeat(16), 'x'.repeat(16), FdType.ipv6)),
    want: new Map([['x'.repeat(16), 1]]),
  },
  { name: 'one address at both ends counts once', act: t => t.add(socket(1, A, A)), want: new Map([[A, 1]]) },
  { name: 'a listening socket has none', act: t => t.add(socket(1, A, B, FdType.ipv4Listening)), want: new Map() },
  {
    name: 'a second fd to the same address counts again',
    act: t => {
      t.add(socket(1, A, B))
      t.add(socket(2, A, C))
    },
    want: new Map([
      [A, 2],
      [B, 1],
      [C, 1],
    ]),
  },
  {
    name: 'a close ends it',
    act: t => {
      t.add(socket(1, A, B))
      t.remove(1)
    },
    want: new Map(),
  },
  {
    name: 'a replaced socket ends it',
    act: t => {
      t.add(socket(1, A, B))
      t.add(file(1))
    },
    want: new Map(),
  },
  {
    name: 'a new peer takes the place of the old one',
    act: t => {
      t.add(socket(1, A, B))
      const fd = t.get(1)!
      fd.dip = C
      t.changed(fd)
      t.changed(fd)
    },
    want: new Map([
      [A, 1],
      [C, 1],
    ]),
  },
  {
    name: 'ends that become known count from then on',
    act: t => {
      t.add(socket(1, 0, 0))
      const fd = t.get(1)!
      fd.dip = C
      t.changed(fd)
    },
    want: new Map([[C, 1]]),
  },
  {
    name: 'ends that become unknown count no more',
    act: t => {
      t.add(socket(1, A, B))
      const fd = t.get(1)!
      fd.sip = 0
      fd.dip = 0
      t.changed(fd)
    },
    want: new Map(),
  },
  {
    name: 'a socket that listens now has none',
    act: t => {
      t.add(socket(1, A, B))
      const fd = t.get(1)!
      fd.type = FdType.ipv4Listening
      t.changed(fd)
    },
    want: new Map(),
  },
  {
    name: 'a fork alone counts nothing',
    act: t => {
      t.add(socket(1, A, B))
      t.fork()
    },
    want: new Map([
      [A, 1],
      [B, 1],
    ]),
  },
  {
    name: 'a fork that became a copy counts for itself',
    act: t => {
      t.add(socket(1, A, B))
      t.fork().add(file(2))
    },
    want: new Map([
      [A, 2],
      [B, 2],
    ]),
  },
  {
    name: 'a copy that changed its end counts there',
    act: t => {
      t.add(socket(1, A, B))
      const child = t.fork()
      const fd = child.get(1)!
      fd.dip = C
      child.changed(fd)
    },
    want: new Map([
      [A, 2],
      [B, 1],
      [C, 1],
    ]),
  },
  {
    name: 'the last holder of a shared table ends it',
    act: t => {
      t.add(socket(1, A, B))
      const child = t.fork()
      t.release()
      child.release()
    },
    want: new Map(),
  },
  {
    name: 'a holder that goes leaves it to the other',
    act: t => {
      t.add(socket(1, A, B))
      t.fork().release()
    },
    want: new Map([
      [A, 1],
      [B, 1],
    ]),
  },
  {
    name: 'a program that replaces another ends what it closes',
    act: t => {
      t.add(socket(1, A, B))
      t.add(socket(2, A, C))
      t.fork().removeWhere(fd => fd.num === 1)
    },
    want: new Map([
      [A, 3],
      [B, 1],
      [C, 2],
    ]),
  },
  {
    name: 'and those that it kept end with it',
    act: t => {
      t.add(socket(1, A, B))
      t.add(socket(2, A, C))
      const child = t.fork()
      child.removeWhere(fd => fd.num === 1)
      t.release()
      child.release()
    },
    want: new Map(),
  },
]

for (const c of connectionCases) {
  test(`connections: ${c.name}`, () => {
    const { registry, counts } = counted()
    c.act(new FdTable(registry))
    assert.deepEqual(counts, c.want)
  })
}

test('a listener that comes later is told what there is', () => {
  const { registry, counts } = counted()
  const { onConnection } = registry
  registry.onConnection = undefined
  const table = new FdTable(registry)
  table.add(socket(1, A, B))
  table.add(file(2))
  assert.equal(counts.size, 0)
  registry.onConnection = onConnection
  table.announce()
  table.announce()
  assert.deepEqual(
    [...counts],
    [
      [A, 1],
      [B, 1],
    ],
  )
  table.release()
  assert.equal(counts.size, 0)
})
