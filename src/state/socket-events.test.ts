import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIp } from '../values/ip.ts'
import { type Fd, FdType, L4 } from './fd.ts'
import type { HostLookup } from './repair.ts'
import { sockaddr, TestHost, tuple, unixAddr, unixTuple } from './testdata/test-host.ts'

const INET = 2
const INET6 = 10
const UNIX = 1
const STREAM = 1
const DGRAM = 2
const RAW = 3

const ip = (text: string): number | string => parseIp(text)!

interface Want {
  readonly type?: number
  readonly name?: string
  readonly sip?: string
  readonly sport?: number
  readonly dip?: string
  readonly dport?: number
  readonly l4proto?: number
  readonly role?: 'client' | 'server' | 'none'
  readonly isConnected?: boolean
}

function assertSocket(fd: Fd | undefined, want: Want | undefined): void {
  if (want === undefined) {
    assert.equal(fd, undefined)
    return
  }
  assert.ok(fd !== undefined, 'the fd is known')
  const { role, sip, dip, ...rest } = want
  const got = Object.fromEntries(Object.keys(rest).map(key => [key, fd[key as keyof Fd]]))
  assert.deepEqual(got, rest)
  if (sip !== undefined) assert.equal(fd.sip, ip(sip), 'source')
  if (dip !== undefined) assert.equal(fd.dip, ip(dip), 'destination')
  if (role !== undefined) {
    assert.equal(fd.isClient, role === 'client', 'client')
    assert.equal(fd.isServer, role === 'server', 'server')
  }
}

function host(): TestHost {
  const host = new TestHost()
  host.process(1, { ptid: 0 })
  host.process(100)
  return host
}

const tcp = (h: TestHost, domain = INET): unknown => h.emit('socket', { fd: 3, domain, type: STREAM, proto: 0 })
const udp = (h: TestHost, domain = INET): unknown => h.emit('socket', { fd: 3, domain, type: DGRAM, proto: 0 })

const cases: readonly {
  readonly name: string
  readonly act: (h: TestHost) => void
  readonly num?: number
  readonly want: Want | undefined
}[] = [
  // socket
  {
    name: 'a new socket has no name, no ends and no role',
    act: h => tcp(h),
    want: {
      type: FdType.ipv4,
      name: '',
      sip: '0.0.0.0',
      dip: '0.0.0.0',
      l4proto: L4.tcp,
      role: 'none',
      isConnected: false,
    },
  },
  { name: 'an IPv6 socket', act: h => tcp(h, INET6), want: { type: FdType.ipv6, sip: '::', dip: '::' } },
  { name: 'a datagram socket', act: h => udp(h), want: { l4proto: L4.udp } },
  {
    name: 'flags in the type do not hide it',
    act: h => h.emit('socket', { fd: 3, domain: INET, type: STREAM | 0x80000 | 0x800, proto: 0 }),
    want: { l4proto: L4.tcp },
  },
  {
    name: 'ICMP by its protocol',
    act: h => h.emit('socket', { fd: 3, domain: INET, type: DGRAM, proto: 1 }),
    want: { l4proto: L4.icmp },
  },
  {
    name: 'a raw socket whatever its protocol',
    act: h => h.emit('socket', { fd: 3, domain: INET, type: RAW, proto: 6 }),
    want: { l4proto: L4.raw },
  },
  {
    name: 'a unix socket',
    act: h => h.emit('socket', { fd: 3, domain: UNIX, type: STREAM, proto: 0 }),
    want: { type: FdType.unix },
  },
  {
    name: 'netlink',
    act: h => h.emit('socket', { fd: 3, domain: 16, type: RAW, proto: 0 }),
    want: { type: FdType.netlink },
  },
  {
    name: 'another family is not known',
    act: h => h.emit('socket', { fd: 3, domain: 17, type: RAW, proto: 0 }),
    want: { type: FdType.unknown },
  },
  {
    name: 'a socket that failed',
    act: h => h.emit('socket', { fd: -97, domain: INET, type: STREAM, proto: 0 }),
    want: undefined,
  },

  // bind
  {
    name: 'bind makes it listen',
    act: h => {
      tcp(h)
      h.emit('bind', { res: 0, addr: sockaddr('127.0.0.1', 8080), fd: 3 })
    },
    want: { type: FdType.ipv4Listening, name: '127.0.0.1:8080', sip: '127.0.0.1', sport: 8080, role: 'server' },
  },
  {
    name: 'bind to IPv6',
    act: h => {
      tcp(h, INET6)
      h.emit('bind', { res: 0, addr: sockaddr('2001:db8::1', 80), fd: 3 })
    },
    want: { type: FdType.ipv6Listening, name: '2001:db8::1:80', sip: '2001:db8::1', role: 'server' },
  },
  {
    name: 'bind to a mapped IPv4 address listens on IPv4, its name is IPv6',
    act: h => {
      tcp(h, INET6)
      h.emit('bind', { res: 0, addr: sockaddr('::ffff:10.0.0.1', 80), fd: 3 })
    },
    want: { type: FdType.ipv4Listening, name: '::ffff:10.0.0.1:80', sip: '10.0.0.1' },
  },
  {
    name: 'bind to any IPv6 address listens on IPv4, its name is IPv6',
    act: h => {
      tcp(h, INET6)
      h.emit('bind', { res: 0, addr: sockaddr('::', 80), fd: 3 })
    },
    want: { type: FdType.ipv4Listening, name: ':::80', sip: '0.0.0.0', sport: 80 },
  },
  {
    name: 'bind without a port leaves the type',
    act: h => {
      udp(h)
      h.emit('bind', { res: 0, addr: sockaddr('10.0.0.1', 0), fd: 3 })
    },
    want: { type: FdType.ipv4, name: '10.0.0.1:0', role: 'none' },
  },
  {
    name: 'bind that failed',
    act: h => {
      tcp(h)
      h.emit('bind', { res: -98, addr: sockaddr('127.0.0.1', 80), fd: 3 })
    },
    want: { type: FdType.ipv4, name: '' },
  },
  {
    name: 'bind of a unix socket to a path, without what is not printable',
    act: h => {
      h.emit('socket', { fd: 3, domain: UNIX, type: STREAM, proto: 0 })
      h.emit('bind', { res: 0, addr: unixAddr('/run/\x01x'), fd: 3 })
    },
    want: { type: FdType.unix, name: '/run/x' },
  },
  {
    name: 'bind of an unknown fd',
    act: h => h.emit('bind', { res: 0, addr: sockaddr('127.0.0.1', 80), fd: 3 }),
    want: undefined,
  },

  // connect
  {
    name: 'connect makes a client',
    act: h => {
      tcp(h)
      h.emit('connect', { res: 0, tuple: tuple('10.0.0.1', 5555, '10.0.0.2', 80), fd: 3 })
    },
    want: {
      type: FdType.ipv4,
      name: '10.0.0.1:5555->10.0.0.2:80',
      sip: '10.0.0.1',
      sport: 5555,
      dip: '10.0.0.2',
      dport: 80,
      role: 'client',
      isConnected: true,
    },
  },
  {
    name: 'a connect in progress counts',
    act: h => {
      tcp(h)
      h.emit('connect', { res: -115, tuple: tuple('10.0.0.1', 5555, '10.0.0.2', 80), fd: 3 })
    },
    want: { name: '10.0.0.1:5555->10.0.0.2:80', role: 'client', isConnected: true },
  },
  {
    name: 'a connect that was refused does not',
    act: h => {
      tcp(h)
      h.emit('connect', { res: -111, tuple: tuple('10.0.0.1', 5555, '10.0.0.2', 80), fd: 3 })
    },
    want: { name: '', role: 'none', isConnected: false },
  },
  {
    name: 'connect over IPv6',
    act: h => {
      tcp(h, INET6)
      h.emit('connect', { res: 0, tuple: tuple('2001:db8::1', 5, '2001:db8::2', 80), fd: 3 })
    },
    want: { type: FdType.ipv6, name: '2001:db8::1:5->2001:db8::2:80', sip: '2001:db8::1', dip: '2001:db8::2' },
  },
  {
    name: 'connect of an IPv6 socket to a mapped IPv4 address is IPv4',
    act: h => {
      tcp(h, INET6)
      h.emit('connect', { res: 0, tuple: tuple('::ffff:10.0.0.1', 5, '::ffff:10.0.0.2', 80), fd: 3 })
    },
    want: { type: FdType.ipv4, l4proto: L4.tcp, name: '10.0.0.1:5->10.0.0.2:80', sip: '10.0.0.1', dip: '10.0.0.2' },
  },
  {
    name: 'connect without a tuple is a connection all the same',
    act: h => {
      tcp(h)
      h.emit('connect', { res: 0, fd: 3 })
    },
    want: { name: '', isConnected: true, role: 'none' },
  },
  {
    name: 'connect of a bound datagram socket keeps it a server',
    act: h => {
      udp(h)
      h.emit('bind', { res: 0, addr: sockaddr('10.0.0.1', 53), fd: 3 })
      h.emit('connect', { res: 0, tuple: tuple('10.0.0.1', 53, '10.0.0.9', 999), fd: 3 })
    },
    want: { role: 'server', sip: '10.0.0.9', sport: 999, dip: '10.0.0.1', dport: 53 },
  },
  {
    name: 'connect to another peer takes it',
    act: h => {
      udp(h)
      h.emit('connect', { res: 0, tuple: tuple('10.0.0.1', 5, '10.0.0.2', 53), fd: 3 })
      h.emit('connect', { res: 0, tuple: tuple('10.0.0.1', 5, '10.0.0.3', 53), fd: 3 })
    },
    want: { name: '10.0.0.1:5->10.0.0.3:53', dip: '10.0.0.3' },
  },
  {
    name: 'connect of a unix socket',
    act: h => {
      h.emit('socket', { fd: 3, domain: UNIX, type: STREAM, proto: 0 })
      h.emit('connect', { res: 0, tuple: unixTuple(0xab, 0xcd, '/run/x'), fd: 3 })
    },
    want: { type: FdType.unix, name: 'ab->cd /run/x', role: 'client' },
  },
  {
    name: 'a unix tuple on an inet socket says nothing',
    act: h => {
      tcp(h)
      h.emit('connect', { res: 0, tuple: unixTuple(1, 2, '/run/x'), fd: 3 })
    },
    want: { type: FdType.ipv4, name: '' },
  },

  // accept
  {
    name: 'accept makes a server: the client is the source',
    act: h => h.emit('accept', { fd: 4, tuple: tuple('10.0.0.9', 5555, '10.0.0.1', 80) }),
    num: 4,
    want: {
      type: FdType.ipv4,
      name: '10.0.0.9:5555->10.0.0.1:80',
      sip: '10.0.0.9',
      dip: '10.0.0.1',
      l4proto: L4.tcp,
      role: 'server',
      isConnected: true,
    },
  },
  {
    name: 'accept4 of a mapped address is IPv4',
    act: h => h.emit('accept4', { fd: 4, tuple: tuple('::ffff:10.0.0.9', 5, '::ffff:10.0.0.1', 80), flags: 0 }),
    num: 4,
    want: { type: FdType.ipv4, name: '10.0.0.9:5->10.0.0.1:80', sip: '10.0.0.9' },
  },
  {
    name: 'accept over IPv6',
    act: h => h.emit('accept', { fd: 4, tuple: tuple('2001:db8::9', 5, '2001:db8::1', 80) }),
    num: 4,
    want: { type: FdType.ipv6, name: '2001:db8::9:5->2001:db8::1:80' },
  },
  {
    name: 'accept on a unix socket',
    act: h => h.emit('accept', { fd: 4, tuple: unixTuple(1, 2, '/run/x') }),
    num: 4,
    want: { type: FdType.unix, name: '1->2 /run/x', role: 'server' },
  },
  {
    name: 'accept that failed',
    act: h => h.emit('accept', { fd: -11, tuple: tuple('1.1.1.1', 1, '2.2.2.2', 2) }),
    want: undefined,
  },
  { name: 'accept without a tuple', act: h => h.emit('accept', { fd: 4 }), num: 4, want: undefined },

  // datagrams
  {
    name: 'the first datagram out of a socket makes a client',
    act: h => {
      udp(h)
      h.emit('sendto', { res: 9, fd: 3, size: 9, tuple: tuple('10.0.0.1', 4444, '8.8.8.8', 53) })
    },
    want: { name: '10.0.0.1:4444->8.8.8.8:53', dip: '8.8.8.8', role: 'client', isConnected: true, l4proto: L4.udp },
  },
  {
    name: 'the answer comes from the server: its tuple is the other way round',
    act: h => {
      udp(h)
      h.emit('sendto', { res: 9, fd: 3, size: 9, tuple: tuple('10.0.0.1', 4444, '8.8.8.8', 53) })
      h.emit('recvfrom', { res: 9, fd: 3, size: 9, tuple: tuple('8.8.8.8', 53, '10.0.0.1', 4444) })
    },
    want: { name: '10.0.0.1:4444->8.8.8.8:53', role: 'client' },
  },
  {
    name: 'a datagram to another peer changes the name',
    act: h => {
      udp(h)
      h.emit('sendto', { res: 9, fd: 3, size: 9, tuple: tuple('10.0.0.1', 4444, '8.8.8.8', 53) })
      h.emit('sendto', { res: 9, fd: 3, size: 9, tuple: tuple('10.0.0.1', 4444, '1.1.1.1', 53) })
    },
    want: { name: '10.0.0.1:4444->1.1.1.1:53', dip: '1.1.1.1' },
  },
  {
    name: 'a datagram into a port of one’s own makes a server',
    act: h => {
      h.emit('socket', { fd: 5, domain: INET, type: DGRAM, proto: 0 })
      h.emit('bind', { res: 0, addr: sockaddr('10.0.0.1', 53), fd: 5 })
      udp(h)
      h.emit('recvfrom', { res: 9, fd: 3, size: 9, tuple: tuple('10.0.0.9', 999, '10.0.0.1', 53) })
    },
    want: { name: '10.0.0.9:999->10.0.0.1:53', role: 'server', sip: '10.0.0.9' },
  },
  {
    name: 'the first datagram into a socket makes a server, for it counts its own port',
    act: h => {
      udp(h)
      h.emit('recvfrom', { res: 9, fd: 3, size: 9, tuple: tuple('10.0.0.9', 999, '10.0.0.1', 53) })
    },
    want: { role: 'server', name: '10.0.0.9:999->10.0.0.1:53' },
  },
  {
    name: 'the first datagram into an IPv6 socket makes a client: ports are looked for where IPv4 has them',
    act: h => {
      udp(h, INET6)
      h.emit('recvfrom', { res: 9, fd: 3, size: 9, tuple: tuple('2001:db8::9', 999, '2001:db8::1', 53) })
    },
    want: { role: 'client', name: '2001:db8::1:53->2001:db8::9:999' },
  },
  {
    name: 'an end that the kernel left zero is the interface’s in the same net',
    act: h => {
      h.state.network.add({ name: 'lo', address: ip('127.0.0.1'), netmask: ip('255.0.0.0') })
      h.state.network.add({ name: 'eth0', address: ip('10.0.0.7'), netmask: ip('255.255.255.0') })
      udp(h)
      h.emit('sendto', { res: 9, fd: 3, size: 9, tuple: tuple('0.0.0.0', 4444, '10.0.0.2', 53) })
    },
    want: { name: '10.0.0.7:4444->10.0.0.2:53', sip: '10.0.0.7' },
  },
  {
    name: 'for a far peer it is the first interface that is not loopback',
    act: h => {
      h.state.network.add({ name: 'lo', address: ip('127.0.0.1'), netmask: ip('255.0.0.0') })
      h.state.network.add({ name: 'eth0', address: ip('10.0.0.7'), netmask: ip('255.255.255.0') })
      udp(h)
      h.emit('sendto', { res: 9, fd: 3, size: 9, tuple: tuple('0.0.0.0', 4444, '8.8.8.8', 53) })
    },
    want: { name: '10.0.0.7:4444->8.8.8.8:53' },
  },
  {
    name: 'a send on an fd that was never seen is a datagram socket’s',
    act: h => h.emit('sendto', { res: 9, fd: 3, size: 9, tuple: tuple('10.0.0.1', 4444, '8.8.8.8', 53) }),
    want: { type: FdType.ipv4, name: '10.0.0.1:4444->8.8.8.8:53', l4proto: L4.udp, role: 'client' },
  },
  {
    name: 'a send that failed tells nothing of an unknown fd',
    act: h => h.emit('sendto', { res: -1, fd: 3, size: 9, tuple: tuple('10.0.0.1', 4444, '8.8.8.8', 53) }),
    want: undefined,
  },
  {
    name: 'a transfer on TCP keeps the ends',
    act: h => {
      tcp(h)
      h.emit('connect', { res: 0, tuple: tuple('10.0.0.1', 5, '10.0.0.2', 80), fd: 3 })
      h.emit('sendto', { res: 9, fd: 3, size: 9, tuple: tuple('9.9.9.9', 9, '8.8.8.8', 8) })
    },
    want: { name: '10.0.0.1:5->10.0.0.2:80' },
  },
  {
    name: 'a read on a socket shows that it is connected',
    act: h => {
      tcp(h)
      h.emit('read', { res: 1, fd: 3 })
    },
    want: { isConnected: true },
  },
  {
    name: 'a read that failed shows nothing',
    act: h => {
      tcp(h)
      h.emit('read', { res: -107, fd: 3 })
    },
    want: { isConnected: false },
  },
  {
    name: 'a message on a unix socket gives it the name of the tuple',
    act: h => {
      h.emit('socket', { fd: 3, domain: UNIX, type: DGRAM, proto: 0 })
      h.emit('sendmsg', { res: 1, fd: 3, size: 1, tuple: unixTuple(1, 2, '/dev/log') })
    },
    want: { type: FdType.unix, name: '1->2 /dev/log' },
  },
  {
    name: 'a datagram on a listening IPv6 socket overwrites port and protocol with the peer’s address, as in Falco',
    act: h => {
      udp(h, INET6)
      h.emit('bind', { res: 0, addr: sockaddr('2001:db8::1', 53), fd: 3 })
      h.emit('recvfrom', { res: 9, fd: 3, size: 9, tuple: tuple('2001:db8::9', 999, '2001:db8::1', 53) })
    },
    want: {
      type: FdType.ipv6Listening,
      name: '2001:db8::9:999->2001:db8::1:53',
      sip: '2001:db8::9',
      sport: 0x0120,
      l4proto: 0x0d,
    },
  },

  // socketpair
  {
    name: 'socketpair makes two unix sockets',
    act: h => {
      const current = h.emit('socketpair', { res: 0, fd1: 3, fd2: 4, source: 5, peer: 6, domain: UNIX, type: STREAM })
      assert.equal(current.fd?.num, 4 - 1)
      assert.equal(current.fdNum, 4)
      assert.equal(h.fd(4)?.unixDest, 6)
    },
    want: { type: FdType.unix, name: '' },
  },
  {
    name: 'a socketpair of one number is none',
    act: h => h.emit('socketpair', { res: 0, fd1: 3, fd2: 3, source: 5, peer: 6 }),
    want: undefined,
  },
  {
    name: 'a socketpair that failed is none',
    act: h => h.emit('socketpair', { res: -24, fd1: 3, fd2: 4, source: 5, peer: 6 }),
    want: undefined,
  },
]

for (const c of cases) {
  test(`sockets: ${c.name}`, () => {
    const h = host()
    c.act(h)
    assertSocket(h.fd(c.num ?? 3), c.want)
    for (const tid of [100, 1]) h.exit(tid)
    h.settle()
    assert.deepEqual(h.connections, new Map(), 'no connection is left when all is closed')
  })
}

test('a changed name is the event’s news, a name that stays is not', () => {
  const h = host()
  udp(h)
  const peer = (dip: string) => h.emit('sendto', { res: 9, fd: 3, size: 9, tuple: tuple('10.0.0.1', 4, dip, 53) })
  assert.equal(peer('8.8.8.8').fdNameChanged, true)
  assert.equal(peer('8.8.8.8').fdNameChanged, false)
  assert.equal(peer('1.1.1.1').fdNameChanged, true)
  assert.equal(h.emit('read', { res: 1, fd: 3 }).fdNameChanged, false)
})

test('connections are told of as they begin, change their peer, are copied and end', () => {
  const h = host()
  const counts = (): Record<string, number> =>
    Object.fromEntries([...h.connections].map(([key, count]) => [Number(key).toString(16), count]))
  tcp(h)
  assert.deepEqual(counts(), {})
  h.emit('connect', { res: 0, tuple: tuple('10.0.0.1', 5, '10.0.0.2', 80), fd: 3 })
  assert.deepEqual(counts(), { a000001: 1, a000002: 1 })
  h.emit('dup', { res: 4, oldfd: 3 })
  assert.deepEqual(counts(), { a000001: 2, a000002: 2 })
  h.clone(100, 200)
  assert.deepEqual(counts(), { a000001: 2, a000002: 2 }, 'a fork shares')
  h.close(4, 200)
  h.settle()
  assert.deepEqual(counts(), { a000001: 3, a000002: 3 }, 'until one of the two closes an fd')
  h.close(3)
  h.close(4)
  h.settle()
  assert.deepEqual(counts(), { a000001: 1, a000002: 1 })
  h.exec(200, { pid: 200 })
  assert.deepEqual(counts(), { a000001: 1, a000002: 1 }, 'it is not marked')
  h.emit('fcntl', { res: 0, fd: 3, cmd: 3, arg: 1 }, { tid: 200 })
  h.exec(200, { pid: 200 })
  assert.deepEqual(counts(), {})
})

test('a connection that became a listening socket is one again with the next datagram', () => {
  const h = host()
  udp(h)
  const ends = tuple('10.0.0.1', 5, '10.0.0.2', 80)
  h.emit('connect', { res: 0, tuple: ends, fd: 3 })
  h.emit('bind', { res: 0, addr: sockaddr('10.0.0.1', 5), fd: 3 })
  assert.equal(h.connections.size, 0)
  h.emit('sendto', { res: 1, fd: 3, size: 1, tuple: ends })
  assert.equal(h.connections.size, 2)
})

test('an exit ends the connections of the process, at the next event', () => {
  const h = host()
  h.emit('accept', { fd: 4, tuple: tuple('10.0.0.9', 5555, '10.0.0.1', 80) })
  assert.equal(h.connections.size, 2)
  h.exit(100)
  assert.equal(h.connections.size, 2)
  h.settle()
  assert.equal(h.connections.size, 0)
})

// What io_uring connects.
const uring = { res: -115, addr: sockaddr('10.0.0.2', 80) }

test('a connect of a socket without a descriptor has its far end, and nothing keeps it', () => {
  const h = host()
  const { fd } = h.emit('connect', { ...uring, fd: -1 })
  assertSocket(fd, { type: FdType.ipv4, name: '0.0.0.0:0->10.0.0.2:80', dip: '10.0.0.2', dport: 80, role: 'client' })
  assert.equal(h.emit('close', { res: 0, fd: 3 }).fd, undefined)
  assert.equal(h.connections.size, 0)
  assertSocket(h.emit('connect', { ...uring, addr: sockaddr('2001:db8::2', 80), fd: -1 }).fd, {
    type: FdType.ipv6,
    dip: '2001:db8::2',
  })
})

test('a connect of a socket that the ring made has its far end where the system is asked for it, and it stays', () => {
  const lookup: HostLookup = { process: () => undefined, fd: () => undefined }
  const h = new TestHost({ lookup })
  h.process(1, { ptid: 0 })
  h.process(100)
  h.emit('connect', { ...uring, fd: 9 })
  assertSocket(h.fd(9), { name: '0.0.0.0:0->10.0.0.2:80', role: 'client' })
})

for (const [name, params] of [
  ['of a descriptor that a capture does not tell', { ...uring, fd: 9 }],
  ['that failed', { ...uring, res: -9, fd: -1 }],
  ['to no address', { res: -115, fd: -1 }],
  ['of a unix socket', { res: -115, addr: unixAddr('/run/x'), fd: -1 }],
] as const) {
  test(`a connect ${name} leaves the event without a descriptor, as in Falco`, () => {
    assert.equal(host().emit('connect', params).fd, undefined)
  })
}
