import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FdEntry } from '../events/source.ts'
import { parseIp } from '../values/ip.ts'
import type { Fd } from './fd.ts'
import { FdType, L4 } from './fd.ts'
import { HostState, stateSink } from './host-state.ts'
import { brokenInvariant, START_NS, TestHost, tuple } from './testdata/test-host.ts'
import { CloneFlag, type Thread } from './thread.ts'

const ip = (text: string): number | string => parseIp(text)!

const SECOND = 1_000_000_000n

const listening: FdEntry = {
  fd: 9,
  ino: 1,
  type: FdType.ipv4Listening,
  dip: ip('10.0.0.1'),
  dport: 80,
  l4proto: L4.tcp,
}

const entries: readonly {
  readonly name: string
  readonly entry: FdEntry
  readonly want: Readonly<Partial<Fd>> | undefined
}[] = [
  {
    name: 'a file',
    entry: { fd: 3, ino: 7, type: FdType.fileV2, name: '/etc/x', openFlags: 5, dev: 9 },
    want: { type: FdType.file, name: '/etc/x', openFlags: 5, dev: 9, ino: 7 },
  },
  {
    name: 'a listening socket: the address is the source',
    entry: { ...listening, fd: 3 },
    want: { type: FdType.ipv4Listening, name: '10.0.0.1:80', sip: ip('10.0.0.1'), sport: 80 },
  },
  {
    name: 'a connection that went out',
    entry: {
      fd: 3,
      ino: 1,
      type: FdType.ipv4,
      sip: ip('10.0.0.1'),
      sport: 5,
      dip: ip('8.8.8.8'),
      dport: 443,
      l4proto: L4.tcp,
    },
    want: { name: '10.0.0.1:5->8.8.8.8:443', isClient: true, isServer: false, isConnected: true, dip: ip('8.8.8.8') },
  },
  {
    name: 'a connection into a port that is listened on: the peer is the client',
    entry: {
      fd: 3,
      ino: 1,
      type: FdType.ipv4,
      sip: ip('10.0.0.1'),
      sport: 80,
      dip: ip('8.8.8.8'),
      dport: 443,
      l4proto: L4.tcp,
    },
    want: { name: '8.8.8.8:443->10.0.0.1:80', isClient: false, isServer: true, sip: ip('8.8.8.8'), sport: 443 },
  },
  {
    name: 'a mapped IPv6 connection is IPv4',
    entry: {
      fd: 3,
      ino: 1,
      type: FdType.ipv6,
      sip: ip('::ffff:10.0.0.1'),
      sport: 80,
      dip: ip('::ffff:8.8.8.8'),
      dport: 4,
      l4proto: L4.tcp,
    },
    want: { type: FdType.ipv4, isServer: true, sip: ip('8.8.8.8') },
  },
  {
    name: 'an IPv6 connection has no role yet',
    entry: {
      fd: 3,
      ino: 1,
      type: FdType.ipv6,
      sip: ip('2001:db8::1'),
      sport: 80,
      dip: ip('2001:db8::2'),
      dport: 4,
      l4proto: L4.tcp,
    },
    want: {
      type: FdType.ipv6,
      name: '2001:db8::1:80->2001:db8::2:4',
      isClient: false,
      isServer: false,
      isConnected: true,
    },
  },
  {
    name: 'a datagram socket is not connected',
    entry: { fd: 3, ino: 1, type: FdType.ipv4, sip: ip('10.0.0.1'), sport: 5, dip: 0, dport: 0, l4proto: L4.udp },
    want: { isConnected: false },
  },
  {
    name: 'a unix socket with a path is a server’s',
    entry: { fd: 3, ino: 1, type: FdType.unix, name: '/run/x', unixSource: 5, unixDest: 6 },
    want: { type: FdType.unix, name: '/run/x', isServer: true, unixSource: 5, unixDest: 6 },
  },
  {
    name: 'a unix socket without one is a client’s',
    entry: { fd: 3, ino: 1, type: FdType.unix },
    want: { isClient: true },
  },
  { name: 'a socket without addresses is none', entry: { fd: 3, ino: 1, type: FdType.ipv4 }, want: undefined },
  {
    name: 'a listening socket without one neither',
    entry: { fd: 3, ino: 1, type: FdType.ipv4Listening },
    want: undefined,
  },
  { name: 'an unknown type is none', entry: { fd: 3, ino: 1, type: FdType.unknown }, want: undefined },
  {
    name: 'any other type has its name',
    entry: { fd: 3, ino: 1, type: FdType.bpf, name: 'prog' },
    want: { name: 'prog' },
  },
]

for (const c of entries) {
  test(`world: ${c.name}`, () => {
    const host = new TestHost()
    host.process(100)
    host.fdEntry(100, c.entry)
    host.fdEntry(100, listening)
    host.settle()
    const fd = host.fd(3)
    if (c.want === undefined) assert.equal(fd, undefined)
    else assert.deepEqual(Object.fromEntries(Object.keys(c.want).map(key => [key, fd?.[key as keyof Fd]])), c.want)
  })
}

test('a process that the source tells of later is linked, and the others stay as they are', () => {
  const host = new TestHost()
  host.process(1, { ptid: 0 })
  host.process(100)
  host.fdEntry(100, listening)
  const socket: FdEntry = { fd: 3, ino: 1, type: FdType.ipv4, sip: 1, sport: 80, dip: 2, dport: 4, l4proto: L4.tcp }
  host.fdEntry(100, socket)
  host.settle()
  host.process(200, { ptid: 100 })
  host.fdEntry(200, socket)
  host.settle()
  assert.equal(host.thread(200).group?.threads.size, 1)
  assert.equal(host.state.parentOf(host.thread(200))?.tid, 100)
  assert.equal(host.fd(3, 100)?.sip, 2, 'its ends were swapped once')
  assert.equal(host.fd(3, 200)?.sip, 2)
  assert.equal(brokenInvariant(host.state), undefined)
})

test('a tid that the source tells of twice is the second process', () => {
  const host = new TestHost()
  for (let i = 0; i < 3; i++) {
    host.process(100, { comm: `p${i}` })
    host.fdEntry(100, { fd: i, ino: 1, type: FdType.file, name: 'f' })
  }
  host.settle()
  host.process(100, { comm: 'last', pid: 7 })
  host.settle()
  assert.equal(host.thread(100).comm, 'last')
  assert.equal(host.state.counters().fds, 0)
  assert.equal(host.state.counters().threads, 1)
  assert.equal(brokenInvariant(host.state), undefined)
})

test('an fd of a thread that is not known is left out', () => {
  const host = new TestHost()
  host.fdEntry(5, { fd: 3, ino: 1, type: FdType.file, name: 'x' })
  assert.equal(host.state.counters().fds, 0)
})

test('connections of the world begin with the first event', () => {
  const told: [ip: unknown, delta: number, timeMs: number][] = []
  const host: TestHost = new TestHost({
    onConnection: (address, delta) => told.push([address, delta, host.state.current.timeMs]),
  })
  host.process(100)
  host.fdEntry(100, { fd: 3, ino: 1, type: FdType.ipv4, sip: 5, sport: 1, dip: 6, dport: 2, l4proto: L4.tcp })
  assert.equal(told.length, 0)
  host.emit('switch', {}, { ts: START_NS })
  const startMs = Number(START_NS / 1_000_000n)
  assert.deepEqual(told, [
    [5, 1, startMs],
    [6, 1, startMs],
  ])
  host.state.reset()
  assert.deepEqual(
    told.slice(2).map(([address, delta]) => [address, delta]),
    [
      [5, -1],
      [6, -1],
    ],
  )
  told.length = 0
  host.process(100)
  host.fdEntry(100, { fd: 3, ino: 1, type: FdType.ipv4, sip: 5, sport: 1, dip: 6, dport: 2, l4proto: L4.tcp })
  assert.equal(told.length, 0, 'in the next world, too')
})

test('reset leaves nothing of the world, and the next one begins as the first did', () => {
  const host = new TestHost()
  const world = (): void => {
    host.state.setMachine({ cpuCount: 2, memoryBytes: 0, hostname: 'h', bootTsNs: 5n })
    host.state.network.add({ name: 'eth0', address: 1, netmask: 0 })
    host.state.addUser('', { uid: 1, gid: 1, name: 'u', home: '', shell: '' })
    host.state.addGroup('', { gid: 1, name: 'g' })
    host.emit('container', { json: '{"container":{"id":"c"}}' })
    host.process(1, { ptid: 0 })
    host.process(100, { args: ['a'] })
    host.fdEntry(100, listening)
    host.fdEntry(100, { fd: 3, ino: 1, type: FdType.ipv4, sip: 1, sport: 80, dip: 2, dport: 4, l4proto: L4.tcp })
    host.emit('accept', { fd: 4, tuple: tuple('10.0.0.9', 5, '10.0.0.1', 80) })
    host.clone(100, 200)
    host.close(4)
    host.exit(200)
  }
  world()
  const { counters } = { counters: host.state.counters() }
  assert.ok(
    counters.threads > 0 && counters.fds > 0 && counters.users > 0 && counters.groups > 0 && counters.containers > 0,
  )
  host.state.reset()
  assert.equal(host.state.threads.size, 0)
  assert.equal(host.state.containers.size, 0)
  assert.equal(host.state.interfaces.length, 0)
  assert.equal(host.state.user('', 1), undefined)
  assert.equal(host.state.table.groups.size, 0)
  assert.equal(host.state.table.textSize, 0)
  assert.equal(host.state.counters().fds, 0)
  assert.equal(host.state.current.thread, undefined)
  assert.deepEqual(host.connections, new Map())
  world()
  assert.deepEqual(host.state.counters(), counters)
  assert.equal(brokenInvariant(host.state), undefined)
})

test('the context knows the first event’s time and the one before', () => {
  const host = new TestHost()
  const first = host.emit('kill', {}, { ts: 5_000_000_000_000n })
  assert.deepEqual([first.firstTsNs, first.previousTsNs], [5_000_000_000_000n, 0n])
  const second = host.emit('kill', {}, { ts: 6_000_000_000_001n })
  assert.deepEqual([second.firstTsNs, second.previousTsNs], [5_000_000_000_000n, 5_000_000_000_000n])
  const third = host.emit('kill', {}, { ts: 2n ** 64n - 1n })
  assert.deepEqual([third.firstTsNs, third.previousTsNs], [5_000_000_000_000n, 6_000_000_000_001n])
  assert.equal(second.timeMs, third.timeMs)
})

test('the sink of a source goes to the state, and stops it when asked', () => {
  const state = new HostState()
  const seen: string[] = []
  const sink = stateSink(
    state,
    current => seen.push(current.rec.info.name) < 2,
    () => seen.push('reset'),
  )
  const host = new TestHost()
  sink.machine({ cpuCount: 4, memoryBytes: 0, hostname: 'name', bootTsNs: 7n })
  sink.networkInterface({ name: 'eth0', address: 1, netmask: 0 })
  sink.user({ uid: 1, gid: 1, name: 'u', home: '', shell: '' })
  sink.group({ gid: 2, name: 'g' })
  assert.deepEqual([state.cpuCount, state.hostname, state.bootTsNs], [4, 'name', 7n])
  assert.equal(state.interfaces.length, 1)
  assert.equal(state.user('', 1)?.name, 'u')
  assert.equal(state.group('', 2)?.name, 'g')
  assert.equal(sink.event(host.emit('kill').rec), true)
  assert.equal(sink.event(host.emit('kill').rec), false)
  sink.reset?.()
  assert.deepEqual(seen, ['kill', 'kill', 'reset'])
  assert.equal(state.threads.size, 0)
})

// ---------------------------------------------------------------- purge

/** init, a process 100 with a thread 101, a child 200, and an invented thread 300, all seen at the start. */
function idleHost(): TestHost {
  const host = new TestHost()
  host.process(1, { ptid: 0 })
  host.process(100)
  host.emit('kill', {}, { tid: 1, ts: START_NS })
  host.cloneInCaller(100, 101, { flags: CloneFlag.thread })
  host.cloneInCaller(100, 200)
  host.emit('accept', { fd: 4, tuple: tuple('10.0.0.9', 5, '10.0.0.1', 80) })
  host.emit('kill', {}, { tid: 300 })
  return host
}

const tids = (host: TestHost): number[] => [...host.state.threads.keys()].sort((a, b) => a - b)

const purges: readonly {
  readonly name: string
  readonly act: (host: TestHost) => void
  readonly isAlive?: (thread: Thread) => boolean
  readonly afterSec: bigint
  readonly want: readonly number[]
}[] = [
  { name: 'nobody goes before the time', act: () => {}, afterSec: 290n, want: [1, 100, 101, 200, 300] },
  { name: 'who is unseen for long goes', act: () => {}, afterSec: 310n, want: [] },
  {
    name: 'but not who lives; of an invented thread nothing is lost',
    act: () => {},
    isAlive: () => true,
    afterSec: 310n,
    want: [1, 100, 101, 200],
  },
  {
    name: 'those that are gone go one by one',
    act: () => {},
    isAlive: thread => thread.tid !== 200,
    afterSec: 310n,
    want: [1, 100, 101],
  },
  {
    name: 'who made an event lately stays, and so does the main thread of who did',
    act: host => host.emit('kill', {}, { tid: 101, ts: START_NS + 200n * SECOND }),
    afterSec: 310n,
    want: [100, 101],
  },
  {
    name: 'an exit that waits for the next event is done first',
    act: host => host.exit(200),
    afterSec: 10n,
    want: [1, 100, 101, 300],
  },
]

for (const c of purges) {
  test(`purge: ${c.name}`, () => {
    const host = idleHost()
    c.act(host)
    assert.equal(host.state.purge(START_NS + c.afterSec * SECOND, c.isAlive), true)
    assert.deepEqual(tids(host), c.want)
    assert.equal(brokenInvariant(host.state), undefined)
    if (!c.want.includes(100)) assert.deepEqual(host.connections, new Map())
  })
}

test('purge: a main thread lives with its threads', () => {
  const host = idleHost()
  host.emit('kill', {}, { tid: 101, ts: START_NS + 200n * SECOND })
  host.state.purge(START_NS + 310n * SECOND)
  assert.equal(host.thread(100).isDead, false)
})

test('purge: children of who is gone have a new parent', () => {
  const host = idleHost()
  host.emit('kill', {}, { tid: 200, ts: START_NS + 305n * SECOND })
  host.state.purge(START_NS + 310n * SECOND, thread => thread.tid === 1)
  assert.deepEqual(tids(host), [1, 200])
  assert.equal(host.thread(200).ptid, 1)
  assert.equal(host.state.counters().purgedThreads, 3)
})

test('purge: who was found alive is not asked after again before the time', () => {
  const host = idleHost()
  const asked: number[] = []
  const isAlive = (thread: Thread): boolean => asked.push(thread.tid) > 0
  host.state.purge(START_NS + 310n * SECOND, isAlive)
  host.state.purge(START_NS + 320n * SECOND, isAlive)
  assert.deepEqual(asked.sort(), [1, 100, 101, 200])
})

test('purge: a few threads at a time, on and on', () => {
  const host = new TestHost()
  for (let tid = 1; tid <= 100; tid++) host.emit('kill', {}, { tid })
  let calls = 0
  do calls++
  while (!host.state.purge(START_NS + 310n * SECOND, () => false, { maxThreads: 7 }))
  assert.equal(calls, 15)
  assert.equal(host.state.threads.size, 0)
})

test('purge: the time is the caller’s', () => {
  const host = idleHost()
  host.state.purge(START_NS + 60n * SECOND, () => false, { timeoutNs: 30n * SECOND })
  assert.deepEqual(tids(host), [])
})

test('purge: containers without a process go, their users with them', () => {
  const host = new TestHost()
  const id = 'ab'.repeat(32)
  for (const short of ['abababababab', 'other']) {
    host.emit('container', { json: `{"container":{"id":"${short}"}}` })
    host.emit('useradded', { uid: 1, gid: 1, name: 'u', home: '', shell: '', container_id: short })
  }
  host.emit('useradded', { uid: 1, gid: 1, name: 'host', home: '', shell: '', container_id: '' })
  host.process(100, { cgroups: [`cpu=/docker/${id}`] })
  host.settle()
  // Live nobody tells of the containers themselves.
  host.state.addUser('cdcdcdcdcdcd', { uid: 1, gid: 1, name: 'u', home: '', shell: '' })
  host.state.addGroup('cdcdcdcdcdcd', { gid: 1, name: 'g' })
  host.state.addUser('', { uid: 1, gid: 1, name: 'host', home: '', shell: '' })
  host.state.purge(START_NS)
  assert.deepEqual([...host.state.containers.keys()], ['abababababab'])
  assert.equal(host.state.user('cdcdcdcdcdcd', 1), undefined)
  assert.equal(host.state.group('cdcdcdcdcdcd', 1), undefined)
  assert.equal(host.state.user('', 1)?.name, 'host')
  assert.equal(host.state.user('other', 1), undefined)
  assert.equal(host.state.user('', 1)?.name, 'host')
})
