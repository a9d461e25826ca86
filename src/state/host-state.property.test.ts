import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { HostState } from './host-state.ts'
import { brokenInvariant, START_NS, sockaddr, TestHost, tuple } from './testdata/test-host.ts'
import { CloneFlag } from './thread.ts'

/*
 * Whatever happens, in whatever order, with whatever missed: the tree, the groups and the counters agree, bounds hold, the addresses that
 * a listener was told of are those that some fd is connected to, and when all is closed none is left.
 */

const tids = fc.integer({ min: 1, max: 14 })
const nums = fc.integer({ min: 0, max: 6 })
const peers = fc.constantFrom('0.0.0.0', '10.0.0.1', '10.0.0.2', '::ffff:10.0.0.3', '2001:db8::1', '::')
const cloneFlags = fc.constantFrom(
  0,
  0,
  CloneFlag.thread,
  CloneFlag.thread,
  CloneFlag.files,
  CloneFlag.vfork,
  CloneFlag.newPid,
  CloneFlag.childInPidns,
  CloneFlag.isMainThread | CloneFlag.thread,
  CloneFlag.parent,
)

type Act = (host: TestHost) => void

const acts: fc.Arbitrary<Act> = fc.oneof(
  fc.tuple(tids, tids, cloneFlags, fc.integer({ min: -1, max: 14 })).map(
    ([tid, child, flags, ptid]): Act =>
      host =>
        host.cloneInCaller(tid, child, { flags, ptid, vtid: tid, args: ['x'.repeat(child * 10)] }),
  ),
  fc.tuple(tids, tids, tids, cloneFlags).map(
    ([ptid, tid, pid, flags]): Act =>
      host =>
        host.cloneInChild(ptid, tid, { flags, pid, args: ['x'.repeat(tid)] }),
  ),
  fc.tuple(tids, fc.integer({ min: -2, max: 14 }), fc.integer({ min: -2, max: 14 })).map(
    ([tid, pid, ptid]): Act =>
      host =>
        host.exec(tid, { pid, ptid, args: ['y'.repeat(100)], env: ['z'.repeat(tid)] }),
  ),
  fc.tuple(tids, tids).map(
    ([tid, reaper]): Act =>
      host =>
        host.exit(tid, { reaper_tid: reaper }),
  ),
  fc.tuple(tids, nums, fc.constantFrom(0, 1 << 12)).map(
    ([tid, num, flags]): Act =>
      host =>
        host.open(num, '/x'.repeat(num * 100), flags, tid),
  ),
  fc.tuple(tids, nums).map(
    ([tid, num]): Act =>
      host =>
        host.close(num, tid),
  ),
  fc.tuple(tids, nums, fc.constantFrom(2, 10, 1), fc.constantFrom(1, 2)).map(
    ([tid, num, domain, type]): Act =>
      host =>
        host.emit('socket', { fd: num, domain, type, proto: 0 }, { tid }),
  ),
  fc.tuple(tids, nums, peers, peers, fc.constantFrom(0, -115, -111)).map(
    ([tid, num, source, dest, res]): Act =>
      host =>
        host.emit('connect', { res, tuple: mixed(source, dest), fd: num }, { tid }),
  ),
  fc.tuple(tids, nums, peers, peers).map(
    ([tid, num, source, dest]): Act =>
      host =>
        host.emit('accept', { fd: num, tuple: mixed(source, dest) }, { tid }),
  ),
  fc.tuple(tids, nums, peers, peers, fc.boolean()).map(
    ([tid, num, source, dest, isSend]): Act =>
      host =>
        host.emit(isSend ? 'sendto' : 'recvfrom', { res: 1, fd: num, size: 1, tuple: mixed(source, dest) }, { tid }),
  ),
  fc.tuple(tids, nums, peers).map(
    ([tid, num, peer]): Act =>
      host =>
        host.emit('bind', { res: 0, addr: sockaddr(peer, num), fd: num }, { tid }),
  ),
  fc.tuple(tids, nums, nums).map(
    ([tid, from, to]): Act =>
      host =>
        host.emit('dup2', { res: to, oldfd: from, newfd: to }, { tid }),
  ),
  fc.tuple(tids, nums, fc.constantFrom(0, 1)).map(
    ([tid, num, arg]): Act =>
      host =>
        host.emit('fcntl', { res: 0, fd: num, cmd: 3, arg }, { tid }),
  ),
  fc.tuple(tids, nums, nums).map(
    ([tid, first, last]): Act =>
      host =>
        host.emit('close_range', { res: 0, first, last, flags: 0 }, { tid }),
  ),
  fc.tuple(tids, tids).map(
    ([tid, pid]): Act =>
      host => {
        host.emit('pidfd_open', { fd: 5, pid, flags: 0 }, { tid })
        host.emit('pidfd_getfd', { fd: 6, pid_fd: 5, target_fd: 1, flags: 0 }, { tid })
      },
  ),
  fc.tuple(tids, tids, fc.boolean()).map(
    ([tid, pid, isSocket]): Act =>
      host => {
        host.process(tid, { pid, ptid: pid })
        const socket = { type: 3, sip: 5, sport: 1, dip: 6, dport: 2, l4proto: 2 }
        host.fdEntry(tid, { fd: 2, ino: 1, ...(isSocket ? socket : { type: 1, name: 'f' }) })
      },
  ),
  fc.integer({ min: 0, max: 9 }).map(
    (limit): Act =>
      host =>
        void host.state.purge(START_NS * 2n, thread => thread.tid % 3 === 0, { maxThreads: limit }),
  ),
)

/** Both ends are of one family, as in every tuple. */
function mixed(source: string, dest: string): Buffer {
  const is6 = (text: string): boolean => text.includes(':')
  if (is6(source) === is6(dest)) return tuple(source, 1, dest, 2)
  return tuple(is6(source) ? source : `::ffff:${source}`, 1, is6(dest) ? dest : `::ffff:${dest}`, 2)
}

/** The addresses of all connections. */
function connected(state: HostState): Set<unknown> {
  const found = new Set<unknown>()
  for (const thread of state.threads.values()) {
    for (const fd of thread.fds.values()) {
      if (!fd.isInetSocket) continue
      for (const ip of [fd.sip, fd.dip]) if (ip !== 0 && ip !== '\0'.repeat(16)) found.add(ip)
    }
  }
  return found
}

function check(host: TestHost): void {
  const { state } = host
  assert.equal(brokenInvariant(state), undefined)
  assert.deepEqual(new Set(host.connections.keys()), connected(state))
  for (const count of host.connections.values()) assert.ok(count > 0)
  const { threads, fds } = state.counters()
  assert.ok(threads <= 10 && fds <= 40)
}

test('any sequence of events leaves a state that holds together', () => {
  fc.assert(
    fc.property(fc.array(acts, { maxLength: 60 }), list => {
      const host = new TestHost({ maxThreads: 10, maxFds: 40, maxFdsPerProcess: 5, maxProgramText: 1000 })
      host.process(1, { ptid: 0 })
      host.settle()
      for (const act of list) act(host)
      host.settle()
      check(host)
      for (const tid of [...host.state.threads.keys()]) host.exit(tid)
      host.settle()
      assert.equal(host.state.counters().threads, 0)
      assert.equal(host.state.counters().fds, 0)
      assert.equal(host.state.table.textSize, 0)
      assert.equal(host.state.table.groups.size, 0)
      assert.deepEqual(host.connections, new Map())
    }),
    { numRuns: 1500 },
  )
})

test('a reset in the middle gives everything back', () => {
  fc.assert(
    fc.property(fc.array(acts, { maxLength: 40 }), list => {
      const host = new TestHost({ maxFds: 40 })
      for (const act of list) act(host)
      host.state.reset()
      assert.equal(host.state.counters().fds, 0)
      assert.deepEqual(host.connections, new Map())
      for (const act of list) act(host)
      host.settle()
      assert.deepEqual(new Set(host.connections.keys()), connected(host.state))
    }),
    { numRuns: 300 },
  )
})
