import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FdType, L4 } from './fd.ts'
import { brokenInvariant, sockaddr, TestHost, tuple } from './testdata/test-host.ts'
import { CloneFlag } from './thread.ts'
import { cpuMs } from '../values/testing.ts'

/*
 * Work that would take minutes if any event cost as much as the state is large. Each takes a fraction of its time when it does not; the
 * bound leaves room for a slow machine.
 */

const SLOW_MS = 5000

const cases: readonly { readonly name: string; readonly run: (host: TestHost) => void }[] = [
  {
    name: 'a process of 10,000 threads and 10,000 children whose threads end one by one',
    run: host => {
      host.process(1, { ptid: 0 })
      host.process(10, { ptid: 1 })
      host.settle()
      for (let i = 0; i < 10_000; i++) {
        host.cloneInCaller(10, 100_000 + i, { flags: CloneFlag.thread })
        host.cloneInCaller(10, 200_000 + i)
      }
      for (let i = 0; i < 10_000; i++) host.exit(i === 0 ? 10 : 100_000 + i, { reaper_tid: 100_000 + i + 1 })
    },
  },
  {
    name: 'a server of 30,000 fds that forks and goes on 500 times',
    run: host => {
      host.process(1, { ptid: 0 })
      host.process(100)
      for (let num = 0; num < 30_000; num++) host.fdEntry(100, { fd: num, ino: num, type: FdType.fileV2, name: '/x' })
      for (let i = 0; i < 500; i++) {
        host.clone(100, 1000 + i)
        host.open(30_000, '/new')
        host.exec(1000 + i, { pid: 1000 + i })
        host.exit(1000 + i)
      }
    },
  },
  {
    name: 'a server of 50,000 connections that asks 2,000 times over a new datagram socket',
    run: host => {
      host.process(100)
      for (let num = 10; num < 50_000; num++) {
        host.fdEntry(100, { fd: num, ino: 1, type: FdType.ipv4, sip: 1, sport: 1, dip: num, dport: 2, l4proto: L4.tcp })
      }
      for (let i = 0; i < 2000; i++) {
        host.emit('socket', { fd: 3, domain: 2, type: 2, proto: 0 })
        host.emit('sendto', { res: 1, fd: 3, size: 1, tuple: tuple('10.0.0.1', i, '8.8.8.8', 53) })
        host.close(3)
      }
    },
  },
  {
    name: 'a source that tells of one fd between any two events',
    run: host => {
      host.process(100)
      for (let i = 0; i < 20_000; i++) {
        host.fdEntry(100, { fd: i, ino: 1, type: FdType.ipv4, sip: 1, sport: 80, dip: i, dport: 2, l4proto: L4.tcp })
        host.settle()
      }
    },
  },
  {
    name: 'datagrams of an unset address on a host of 4,096 interfaces',
    run: host => {
      for (let i = 0; i < 5000; i++) host.state.network.add({ name: 'x', address: 0x0a000000 + i, netmask: 0xffffffff })
      host.process(100)
      host.emit('socket', { fd: 3, domain: 2, type: 2, proto: 0 })
      for (let i = 0; i < 5000; i++) {
        host.emit('sendto', { res: 1, fd: 3, size: 1, tuple: tuple('0.0.0.0', 5, `9.9.${i & 255}.${i >> 8}`, 53) })
      }
    },
  },
  {
    name: 'a chain of 5,000 parents under which 5,000 processes lose theirs',
    run: host => {
      host.process(1, { ptid: 0 })
      for (let tid = 2; tid < 5000; tid++) host.process(tid, { ptid: tid - 1 })
      host.settle()
      for (let i = 0; i < 5000; i++) {
        host.cloneInCaller(4999, 6000)
        host.cloneInCaller(6000, 7000 + i)
        host.exit(6000)
      }
    },
  },
  {
    name: 'fd numbers far apart, opened and closed 20,000 times',
    run: host => {
      host.process(100)
      for (let i = 0; i < 20_000; i++) {
        const num = i % 2 === 0 ? 2 ** 31 + i : (i * 65) % 100_000
        host.open(num, '/x')
        if (i % 3 !== 0) host.close(num)
      }
    },
  },
  {
    name: 'programs that end their connections at once 2,000 times',
    run: host => {
      host.process(100)
      host.emit('bind', { res: 0, addr: sockaddr('10.0.0.1', 80), fd: 3 })
      for (let i = 0; i < 20_000; i++) {
        host.emit('accept4', { fd: 4 + (i % 100), tuple: tuple('10.9.9.9', i & 0xffff, '10.0.0.1', 80), flags: 0 })
        if (i % 10 === 0) host.emit('close_range', { res: 0, first: 3, last: 0xffffffff, flags: 0 })
      }
    },
  },
]

for (const c of cases) {
  test(`work stays in proportion: ${c.name}`, () => {
    const host = new TestHost()
    const start = cpuMs()
    c.run(host)
    host.settle()
    const ms = cpuMs() - start
    assert.ok(ms < SLOW_MS, `${ms.toFixed(0)} ms`)
    assert.equal(brokenInvariant(host.state), undefined)
  })
}
