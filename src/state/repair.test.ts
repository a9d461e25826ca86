import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FdEntry, ProcessEntry } from '../events/source.ts'
import type { HostLookup } from './repair.ts'
import { brokenInvariant, plainProcess, TestHost } from './testdata/test-host.ts'

/** The system as a test makes it up; what was asked is kept. */
class FakeSystem implements HostLookup {
  readonly processes: Map<number, ProcessEntry> = new Map()
  readonly fds: Map<string, FdEntry> = new Map()
  readonly asked: string[] = []
  isBusy = false

  set(tid: number, more: Partial<ProcessEntry>): void {
    this.processes.set(tid, { ...plainProcess, tid, pid: tid, vtid: tid, vpid: tid, ptid: 1, ...more })
  }

  file(pid: number, fd: number, name: string): void {
    this.fds.set(`${pid}:${fd}`, { fd, ino: 1, type: 16, name, openFlags: 1, dev: 1 })
  }

  process(tid: number): ProcessEntry | undefined | 'later' {
    this.asked.push(`process ${tid}`)
    return this.isBusy ? 'later' : this.processes.get(tid)
  }

  fd(pid: number, fd: number): FdEntry | undefined | 'later' {
    this.asked.push(`fd ${pid}:${fd}`)
    return this.isBusy ? 'later' : this.fds.get(`${pid}:${fd}`)
  }
}

function makeHost(): { readonly host: TestHost; readonly system: FakeSystem } {
  const system = new FakeSystem()
  system.set(1, { ptid: 0, comm: 'init' })
  const host = new TestHost({ lookup: system })
  host.process(1, { ptid: 0, comm: 'init' })
  host.process(100, { ptid: 1, comm: 'shell' })
  host.settle()
  system.set(100, { comm: 'shell' })
  return { host, system }
}

test('an unknown thread is asked for once, with those it descends from', () => {
  const { host, system } = makeHost()
  system.set(300, { comm: 'parent', ptid: 100 })
  system.set(301, { comm: 'child', ptid: 300 })
  host.emit('kill', {}, { tid: 301 })
  host.emit('kill', {}, { tid: 301 })
  assert.deepEqual(system.asked, ['process 301', 'process 300'])
  const child = host.thread(301)
  assert.deepEqual([child.comm, host.state.parentOf(child)?.comm], ['child', 'parent'])
  assert.equal(host.state.parentOf(host.thread(300))?.comm, 'shell')
  assert.equal(brokenInvariant(host.state), undefined)
})

test('a thread that is gone stays unknown, and is not asked for again', () => {
  const { host, system } = makeHost()
  for (let i = 0; i < 3; i++) host.emit('kill', {}, { tid: 400 })
  assert.deepEqual(system.asked, ['process 400'])
  assert.equal(host.thread(400).isInvented, true)
})

test('what is put off is asked again, and takes its place then', () => {
  const { host, system } = makeHost()
  system.set(301, { comm: 'child', ptid: 100 })
  system.isBusy = true
  host.emit('kill', {}, { tid: 301 })
  assert.equal(host.thread(301).comm, '<NA>')
  system.isBusy = false
  host.emit('kill', {}, { tid: 301 })
  assert.deepEqual([host.thread(301).comm, host.thread(301).ptid], ['child', 100])
  assert.equal(host.state.counters().deferredLookups, 1)
  assert.equal(brokenInvariant(host.state), undefined)
})

test('the parent of a new child is asked for when it is not known', () => {
  const { host, system } = makeHost()
  system.set(300, { comm: 'parent', ptid: 100, cwd: '/work/' })
  host.cloneInChild(300, 301)
  assert.equal(host.state.parentOf(host.thread(301))?.comm, 'parent')
  assert.equal(host.state.cwdOf(host.thread(301)), '/work/')
})

test('without a gap nothing that is known is asked for', () => {
  const { host, system } = makeHost()
  host.open(3, '/a')
  host.emit('fchmod', { res: 0, fd: 3 })
  host.emit('kill', {})
  assert.deepEqual(system.asked, [])
})

test('after a gap a thread is compared once, and what it became meanwhile counts', () => {
  const { host, system } = makeHost()
  host.process(200, { ptid: 100, comm: 'before' })
  host.settle()
  system.set(200, { ptid: 1, comm: 'after', exepath: '/bin/after', uid: 7 })
  host.state.repair.noteGap()
  host.emit('kill', {}, { tid: 200 })
  host.emit('kill', {}, { tid: 200 })
  const { comm, exepath, uid, ptid } = host.thread(200)
  assert.deepEqual([comm, exepath, uid, ptid], ['after', '/bin/after', 7, 1])
  assert.equal(host.thread(100).children.has(host.thread(200)), false)
  assert.deepEqual(system.asked, ['process 200', 'process 1'])
  assert.equal(brokenInvariant(host.state), undefined)
})

test('after a gap the thread id may be another process’s thread', () => {
  const { host, system } = makeHost()
  host.process(200, { ptid: 100 })
  host.settle()
  system.set(200, { pid: 100, flags: 0x2000, ptid: 1, comm: 'worker' })
  host.state.repair.noteGap()
  host.emit('kill', {}, { tid: 200 })
  assert.deepEqual([host.thread(200).pid, host.thread(200).comm], [100, 'worker'])
  assert.equal(brokenInvariant(host.state), undefined)
})

test('what runs the same program keeps what only events tell', () => {
  const { host, system } = makeHost()
  host.process(200, { comm: 'same', exeUpperLayer: true, env: ['A=1'] })
  host.settle()
  const env = host.thread(200).env
  system.set(200, { comm: 'same', env: ['A=1'] })
  host.state.repair.noteGap()
  host.emit('kill', {}, { tid: 200 })
  assert.equal(host.thread(200).exeUpperLayer, true)
  assert.equal(host.thread(200).env, env)
})

const fdCases: readonly { readonly name: string; readonly system: string | undefined; readonly want: string }[] = [
  { name: 'another file is under the number', system: '/b', want: '/b' },
  { name: 'the same file is', system: '/a', want: '/a' },
  { name: 'it is closed by now, as an event to come may tell', system: undefined, want: '/a' },
]
for (const c of fdCases) {
  test(`after a gap, an fd: ${c.name}`, () => {
    const { host, system } = makeHost()
    host.open(3, '/a')
    if (c.system !== undefined) system.file(100, 3, c.system)
    host.state.repair.noteGap()
    assert.equal(host.emit('fchmod', { res: 0, fd: 3 }).fd?.name, c.want)
    assert.equal(host.emit('fchmod', { res: 0, fd: 3 }).fd?.name, c.want)
    assert.equal(system.asked.filter(each => each === 'fd 100:3').length, 1)
    assert.equal(brokenInvariant(host.state), undefined)
  })
}

test('an fd that no call made is asked for when a call uses it, not when it fails or closes it', () => {
  const { host, system } = makeHost()
  system.file(100, 9, '/passed')
  host.emit('fchmod', { res: -9, fd: 9 })
  host.emit('close', { res: 0, fd: 9 })
  assert.deepEqual(system.asked, [])
  assert.equal(host.emit('fchmod', { res: 0, fd: 9 }).fd?.name, '/passed')
})

test('a socket whose connection was lost in a gap has its new ends, and the old address is let go', () => {
  const { host, system } = makeHost()
  host.process(200)
  host.fdEntry(200, { fd: 4, ino: 1, type: 3, sip: 1, sport: 5, dip: 2, dport: 80, l4proto: 2 })
  host.settle()
  assert.deepEqual([...host.connections.keys()].sort(), [1, 2])
  system.set(200, {})
  system.fds.set('200:4', { fd: 4, ino: 2, type: 3, sip: 1, sport: 6, dip: 3, dport: 443, l4proto: 2 })
  host.state.repair.noteGap()
  assert.equal(host.emit('getpeername', {}, { tid: 200 }).thread?.tid, 200)
  const fd = host.emit('shutdown', { res: 0, fd: 4, how: 0 }, { tid: 200 }).fd
  assert.deepEqual([fd?.dip, fd?.dport], [3, 443])
  assert.deepEqual([...host.connections.keys()].sort(), [1, 3])
})

for (const { end, fds, want } of [
  { end: 'the client', fds: [], want: { isClient: true, isServer: false, sport: 40000, dport: 80 } },
  {
    end: 'the server, by a port that the process listens on',
    fds: [{ fd: 3, ino: 1, type: 6, dip: '\0'.repeat(16), dport: 40000, l4proto: 2 }],
    want: { isClient: false, isServer: true, sport: 80, dport: 40000 },
  },
]) {
  for (const [family, sip, dip] of [
    [3, 1, 2],
    [4, '\x20'.repeat(16), '\x21'.repeat(16)],
  ] as const) {
    test(`a connection that is asked for is known whole with the event that needs it: ${end}, type ${family}`, () => {
      const { host, system } = makeHost()
      host.process(200)
      system.set(200, {})
      for (const fd of fds) host.fdEntry(200, fd)
      host.settle()
      system.fds.set('200:4', { fd: 4, ino: 1, type: family, sip, sport: 40000, dip, dport: 80, l4proto: 2 })
      const fd = host.emit('fchmod', { res: 0, fd: 4 }, { tid: 200 }).fd
      assert.ok(fd !== undefined)
      const { isClient, isServer, sport, dport } = fd
      assert.deepEqual({ isClient, isServer, sport, dport }, want)
      assert.equal(brokenInvariant(host.state), undefined)
    })
  }
}

for (const { source, lookup, want } of [
  { source: 'live', lookup: new FakeSystem(), want: true },
  { source: 'of a capture, as in Falco', lookup: undefined, want: false },
]) {
  test(`a connection over IPv6 that was there before has its ends, ${source}`, () => {
    const host = new TestHost(lookup === undefined ? {} : { lookup })
    host.process(100)
    const [sip, dip] = ['\x20'.repeat(16), '\x21'.repeat(16)]
    host.fdEntry(100, { fd: 4, ino: 1, type: 4, sip, sport: 40000, dip, dport: 80, l4proto: 2 })
    assert.equal(host.emit('shutdown', { res: 0, fd: 4, how: 0 }).fd?.isClient, want)
  })
}

test('the copy of an fd that nobody knows any more is asked for itself', () => {
  const { host, system } = makeHost()
  host.open(0, '/dev/null')
  system.file(100, 0, '/passed')
  assert.equal(host.emit('dup2', { res: 0, oldfd: 6, newfd: 0 }).fd?.name, '/passed')
  assert.deepEqual(system.asked, ['fd 100:6', 'fd 100:0'])
})

test('fds that come in a message are asked for at once', () => {
  const { host, system } = makeHost()
  for (const fd of [6, 7]) system.file(100, fd, `/passed/${fd}`)
  host.emit('socket', { fd: 4, domain: 1, type: 1, proto: 0 })
  const control = Buffer.alloc(64)
  // SCM_CREDENTIALS, and then SCM_RIGHTS with two fds.
  for (const [i, word] of [28, 0, 1, 2, 0, 0, 0, 0, 24, 0, 1, 1, 6, 7].entries()) control.writeUInt32LE(word, 4 * i)
  host.emit('recvmsg', { res: 1, fd: 4, msgcontrol: control })
  assert.deepEqual(system.asked.slice(-2), ['fd 100:6', 'fd 100:7'])
  assert.deepEqual([host.fd(6)?.name, host.fd(7)?.name], ['/passed/6', '/passed/7'])
  const asked = system.asked.length
  for (const length of [0, 3, 15, 17, 0xffffffff]) {
    control.writeUInt32LE(length, 0)
    host.emit('recvmsg', { res: 1, fd: 4, msgcontrol: control })
  }
  assert.equal(system.asked.length, asked)
})

test('a replay asks nobody', () => {
  const host = new TestHost()
  host.state.repair.noteGap()
  host.emit('fchmod', { res: 0, fd: 3 }, { tid: 5 })
  assert.deepEqual([host.thread(5).comm, host.state.counters().lookedUpThreads], ['<NA>', 0])
})
