import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NameSource } from '../state/event-context.ts'
import { FdType, L4 } from '../state/fd.ts'
import { parseIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { fieldByName } from './catalogue.ts'
import { type ContextOptions, makeContext, makeFd, makeThread, type ParamValue } from './testdata/make-context.ts'
import { type FieldCase, readField, testFields } from './testdata/read-field.ts'

const AT_FDCWD = -100

function ip(text: string): Ip {
  return parseIp(text)!
}

const me = ip('10.0.0.1')
const peer = ip('93.184.216.34')

const file = makeFd(3, FdType.file, {
  name: '/etc/ssl//certs/ca.pem',
  nameRaw: 'certs//ca.pem',
  dev: (0x56 << 20) | (12 << 8) | 0x34,
  ino: 4711,
  isUpperLayer: true,
})
const rootFile = makeFd(4, FdType.file, { name: '/vmlinuz' })
const nameless = makeFd(5, FdType.file, { name: 'memory' })
const directory = makeFd(6, FdType.directory, { name: '/srv' })
const out = makeFd(7, FdType.ipv4, {
  name: '10.0.0.1:40000->93.184.216.34:443',
  sip: me,
  sport: 40_000,
  dip: peer,
  dport: 443,
  l4proto: L4.tcp,
  isClient: true,
  isConnected: true,
})
const incoming = makeFd(8, FdType.ipv6, {
  sip: ip('2001:db8::1'),
  sport: 5000,
  dip: ip('2001:db8::2'),
  dport: 53,
  l4proto: L4.udp,
  isServer: true,
})
const fresh = makeFd(9, FdType.ipv4, { sip: 0, dip: 0, l4proto: L4.tcp })
const listening = makeFd(10, FdType.ipv4Listening, { sip: me, sport: 80, l4proto: L4.tcp, isServer: true })
const unix = makeFd(11, FdType.unix, { name: '/run/x.sock' })
const raw = makeFd(12, FdType.ipv4, { l4proto: L4.raw })
const memfd = makeFd(13, FdType.memfd, { name: 'jit' })
const strange = makeFd(14, FdType.unknown, { name: 'x' })
const slash = makeFd(15, FdType.file, { name: '/data/' })

const thread = makeThread({ tid: 42, cwd: '/home/me/', openFds: [file, directory, out, memfd, rootFile] })
const world = { local: [me, ip('2001:db8::2')] }

function on(fd: typeof file, options: ContextOptions = {}) {
  return makeContext('read', { fd: fd.num }, { thread, world, fd, ...options })
}

/** An event whose fd is not known. */
function failed(event: string, params: Record<string, ParamValue>) {
  return makeContext(event, params, { thread, world, fdNum: -1 })
}

const elsewhere = makeContext('brk', {}, { thread, world, fd: file })
const nobody = makeContext('read', {}, { fd: file })
const tuple = Buffer.from([2, 10, 0, 0, 1, 0x1f, 0x90, 93, 184, 216, 34, 0xbb, 0x01])

const names: readonly FieldCase[] = [
  { name: 'number', in: on(file), field: 'fd.num', value: 3 },
  { name: 'number of a failed call', in: failed('open', { fd: -2 }), field: 'fd.num', value: -1 },
  { name: 'an event without an fd has none', in: elsewhere, field: 'fd.num', value: undefined },
  { name: 'nor a name', in: elsewhere, field: 'fd.name', value: undefined },
  { name: 'without a thread there is none', in: nobody, field: 'fd.name', value: undefined },
  { name: 'path of a file', in: on(file), field: 'fd.name', value: '/etc/ssl//certs/ca.pem' },
  { name: 'path as given, repeated slashes made one', in: on(file), field: 'fd.nameraw', value: 'certs/ca.pem' },
  { name: 'an fd without a name has an empty one', in: on(fresh), field: 'fd.name', value: '' },
  {
    name: 'a failed open names the file it asked for',
    in: failed('open', { fd: -2, name: '/nope' }),
    field: 'fd.name',
    value: '/nope',
  },
  {
    name: 'a failed openat is resolved against its directory',
    in: failed('openat', { fd: -2, dirfd: 6, name: 'nope' }),
    field: 'fd.name',
    value: '/srv/nope',
  },
  {
    name: 'or the working directory',
    in: failed('openat', { fd: -2, dirfd: AT_FDCWD, name: '../nope' }),
    field: 'fd.name',
    value: '/home/nope',
  },
  {
    name: 'a directory that is not known',
    in: failed('openat', { fd: -2, dirfd: 99, name: 'nope' }),
    field: 'fd.name',
    value: '<UNKNOWN>nope',
  },
  {
    name: 'raw it stays',
    in: failed('openat', { fd: -2, dirfd: 6, name: 'no//pe' }),
    field: 'fd.nameraw',
    value: 'no/pe',
  },
  {
    name: 'and its directory',
    in: failed('openat', { fd: -2, dirfd: 6, name: 'a/nope' }),
    field: 'fd.directory',
    value: '/srv/a',
  },
  {
    name: 'but no file name',
    in: failed('openat', { fd: -2, dirfd: 6, name: 'a/nope' }),
    field: 'fd.filename',
    value: undefined,
  },
  {
    name: 'a failed connect names its peer',
    in: failed('connect', { res: -111, fd: 99, tuple }),
    field: 'fd.name',
    value: '10.0.0.1:36895->93.184.216.34:443',
  },
  { name: 'another exit has an empty name', in: failed('close', { fd: 99 }), field: 'fd.name', value: '' },

  { name: 'directory', in: on(file), field: 'fd.directory', value: '/etc/ssl//certs' },
  { name: 'directory of a file in the root', in: on(rootFile), field: 'fd.directory', value: '/' },
  { name: 'a directory is its own', in: on(directory), field: 'fd.directory', value: '/srv' },
  { name: 'a path that ends in a slash is its own', in: on(slash), field: 'fd.directory', value: '/data/' },
  { name: 'a socket is in none', in: on(out), field: 'fd.directory', value: undefined },
  { name: 'a name without a slash is in the root', in: on(nameless), field: 'fd.directory', value: '/' },
  { name: 'last part of the path', in: on(file), field: 'fd.filename', value: 'ca.pem' },
  { name: 'a name without a slash', in: on(nameless), field: 'fd.filename', value: '/' },
  { name: 'a path that ends in a slash', in: on(slash), field: 'fd.filename', value: '/data/' },
  { name: 'a directory has no last part', in: on(directory), field: 'fd.filename', value: undefined },

  { name: 'thread and fd', in: on(file), field: 'fd.uid', value: '423' },
  { name: 'no container', in: on(rootFile), field: 'fd.containername', value: ':/vmlinuz' },
  { name: 'no container again', in: on(file), field: 'fd.containerdirectory', value: ':/etc/ssl//certs' },
  { name: 'no directory in no container', in: on(out), field: 'fd.containerdirectory', value: undefined },
]
testFields('fd names', names)

testFields('fd kinds', [
  { name: 'a file', in: on(file), field: 'fd.type', value: 'file' },
  { name: 'a listening socket', in: on(listening), field: 'fd.type', value: 'ipv4' },
  { name: 'a kind without a name', in: on(strange), field: 'fd.type', value: '<NA>' },
  { name: 'a letter', in: on(incoming), field: 'fd.typechar', value: '6' },
  { name: 'a letter for no kind', in: on(strange), field: 'fd.typechar', value: 'o' },
  { name: 'a failed openat', in: failed('openat', { fd: -2 }), field: 'fd.typechar', value: 'f' },
  { name: 'a failed open', in: failed('open', { fd: -2 }), field: 'fd.typechar', value: 'o' },
  { name: 'a failed call has no kind', in: failed('openat', { fd: -2 }), field: 'fd.type', value: undefined },
  {
    name: 'kinds of all fds, each once',
    in: on(file),
    field: 'fd.types',
    value: ['file', 'directory', 'ipv4', 'memfd'],
    printed: '(file,directory,ipv4,memfd)',
  },
  { name: 'kind of one fd', in: on(file), field: 'fd.types[13]', value: ['memfd'] },
  { name: 'of an fd that is not open', in: on(file), field: 'fd.types[99]', value: undefined },
  { name: 'of an event without an fd', in: elsewhere, field: 'fd.types', value: undefined },
  { name: 'device', in: on(file), field: 'fd.dev', value: 0x05600c34, printed: '5600C34' },
  { name: 'its major number', in: on(file), field: 'fd.dev.major', value: 12 },
  { name: 'its minor number', in: on(file), field: 'fd.dev.minor', value: 0x5634 },
  { name: 'inode', in: on(file), field: 'fd.ino', value: 4711 },
  { name: 'upper layer', in: on(file), field: 'fd.is_upper_layer', value: true },
  { name: 'not the lower layer', in: on(file), field: 'fd.is_lower_layer', value: false },
])

testFields('fd sockets', [
  { name: 'client', in: on(out), field: 'fd.cip', value: me, printed: '10.0.0.1' },
  { name: 'server', in: on(out), field: 'fd.sip', value: peer },
  { name: 'ports', in: on(out), field: 'fd.sport', value: 443 },
  { name: 'this machine is the client', in: on(out), field: 'fd.lip', value: me },
  { name: 'its port', in: on(out), field: 'fd.lport', value: 40_000 },
  { name: 'the other machine', in: on(out), field: 'fd.rip', value: peer },
  { name: 'its port', in: on(out), field: 'fd.rport', value: 443 },
  { name: 'is no server', in: on(out), field: 'fd.is_server', value: false },
  { name: 'this machine is the server', in: on(incoming), field: 'fd.lip', value: ip('2001:db8::2') },
  { name: 'the client is remote', in: on(incoming), field: 'fd.rport', value: 5000 },
  { name: 'is the server', in: on(incoming), field: 'fd.is_server', value: true },
  { name: 'no client before the roles are known', in: on(fresh), field: 'fd.cip', value: undefined },
  { name: 'no server', in: on(fresh), field: 'fd.sip', value: undefined },
  { name: 'no remote end', in: on(fresh), field: 'fd.rport', value: undefined },
  { name: 'a listening socket is the server', in: on(listening), field: 'fd.sip', value: me },
  { name: 'its port', in: on(listening), field: 'fd.sport', value: 80 },
  { name: 'it has no client', in: on(listening), field: 'fd.cip', value: undefined },
  { name: 'and no local end', in: on(listening), field: 'fd.lip', value: undefined },
  { name: 'and serves', in: on(listening), field: 'fd.is_server', value: true },
  { name: 'a file has no server', in: on(file), field: 'fd.sip', value: undefined },
  { name: 'and serves nothing', in: on(file), field: 'fd.is_server', value: false },

  { name: 'either end', in: on(out), field: 'fd.ip', value: [me, peer] },
  { name: 'either port', in: on(out), field: 'fd.port', value: [40_000, 443] },
  { name: 'either network', in: on(out), field: 'fd.net', value: [me, peer] },
  { name: 'the only end of a listening socket', in: on(listening), field: 'fd.ip', value: [me] },
  { name: 'both ends before the roles are known', in: on(fresh), field: 'fd.ip', value: [0, 0] },
  { name: 'no ends of a file', in: on(file), field: 'fd.ip', value: undefined },
  { name: 'a network needs the end', in: on(out), field: 'fd.snet', value: peer },

  { name: 'protocol', in: on(out), field: 'fd.l4proto', value: 'tcp' },
  { name: 'not before the roles are known', in: on(fresh), field: 'fd.l4proto', value: '<NA>' },
  { name: 'but that of a raw socket', in: on(raw), field: 'fd.l4proto', value: 'raw' },
  { name: 'a file has none', in: on(file), field: 'fd.l4proto', value: '<NA>' },
  { name: 'no fd', in: failed('close', {}), field: 'fd.l4proto', value: undefined },
  { name: 'IP', in: on(listening), field: 'fd.sockfamily', value: 'ip' },
  { name: 'unix', in: on(unix), field: 'fd.sockfamily', value: 'unix' },
  { name: 'no socket', in: on(file), field: 'fd.sockfamily', value: undefined },
  { name: 'the port as text', in: on(out), field: 'fd.sproto', value: '443' },
  { name: 'the client port as text', in: on(out), field: 'fd.cproto', value: '40000' },
  { name: 'a listening socket has an empty one', in: on(listening), field: 'fd.sproto', value: '' },
  { name: 'the remote port as text', in: on(out), field: 'fd.rproto', value: '443' },
  { name: 'connected', in: on(out), field: 'fd.connected', value: true },
  { name: 'not connected', in: on(fresh), field: 'fd.connected', value: false },
  { name: 'a new name', in: on(out, { fdNameChanged: true }), field: 'fd.name_changed', value: true },
  { name: 'the name stays', in: on(out), field: 'fd.name_changed', value: false },
])

test('fd.ip exists for every known fd', () => {
  for (const name of ['fd.ip', 'fd.port', 'fd.net', 'fd.proto']) {
    const exists = fieldByName(name)!.bindExists!(undefined)
    assert.equal(exists(on(file)), true, name)
    assert.equal(exists(failed('close', {})), undefined, name)
  }
})

test('either-end readers give the same array each time', () => {
  const read = fieldByName('fd.ip')!.bind(undefined)
  assert.equal(read(on(out)), read(on(listening)))
})

const container = { id: 'abc', fullId: 'abcdef', ip: '172.17.0.2' }
const other = { id: 'def', fullId: 'defabc', ip: '93.184.216.34' }
const inside = makeThread({ tid: 43, containerId: 'abc' })

function contained(containers: readonly (typeof container | { id: string; fullId: string })[]) {
  return makeContext('read', {}, { thread: inside, fd: out, world: { ...world, containers } })
}

testFields('fd in a container', [
  {
    name: 'its own address is local',
    in: makeContext(
      'read',
      {},
      {
        thread: inside,
        fd: makeFd(3, FdType.ipv4, { sip: ip('172.17.0.2'), dip: me, sport: 1, dport: 2, isClient: true }),
        world: { ...world, containers: [container] },
      },
    ),
    field: 'fd.lport',
    value: 1,
  },
  { name: 'the interfaces of the machine are not', in: contained([container]), field: 'fd.lip', value: peer },
  { name: 'nor those of other containers', in: contained([container, other]), field: 'fd.is_server', value: false },
  {
    name: 'unless its own is not known',
    in: contained([{ id: 'abc', fullId: 'abcdef' }, other]),
    field: 'fd.is_server',
    value: true,
  },
  {
    name: 'its id before the name',
    in: on(file, { thread: inside }),
    field: 'fd.containername',
    value: `abc:${file.name}`,
  },
])

const seenMs = 1_700_000_000_000
const known: NameSource = {
  bindingsOf: address =>
    address === peer
      ? [
          {
            name: 'example.com',
            evidence: 'resolved',
            lastSeenMs: seenMs,
            resolver: '9.9.9.9',
            stale: true,
            untrusted: true,
          },
        ]
      : [],
  nameOf: address => (address === peer ? 'example.com' : undefined),
  namesOf: address => (address === peer ? ['example.com', 'example.net'] : []),
}

test('a name that holds since ever has no age', () => {
  for (const lastSeenMs of [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]) {
    const names: NameSource = {
      ...known,
      bindingsOf: () => [
        { name: 'a.example', evidence: 'hosts', lastSeenMs, resolver: undefined, stale: false, untrusted: false },
      ],
    }
    assert.equal(readField(on(out, { names }), 'fd.sip.name.age'), undefined)
    assert.equal(readField(on(out, { names }), 'fd.sip.name.resolver'), undefined)
  }
})

testFields('fd domain names', [
  {
    name: 'a condition compares the address',
    in: on(out, { names: known }),
    field: 'fd.sip.name',
    value: peer,
    printed: 'example.com',
  },
  { name: 'no name is known', in: on(out, { names: known }), field: 'fd.cip.name', value: me, printed: '<NA>' },
  { name: 'nothing keeps names', in: on(out), field: 'fd.rip.name', value: peer, printed: '<NA>' },
  {
    name: 'a file has no address',
    in: on(file, { names: known }),
    field: 'fd.sip.name',
    value: undefined,
    printed: '<NA>',
  },
  {
    name: 'all names',
    in: on(out, { names: known }),
    field: 'fd.rip.names',
    value: ['example.com', 'example.net'],
    printed: '(example.com,example.net)',
  },
  { name: 'how it is known', in: on(out, { names: known }), field: 'fd.sip.name.source', value: 'resolved' },
  { name: 'for how long', in: on(out, { names: known }), field: 'fd.sip.name.age', value: 123_456_789 },
  {
    name: 'not yet, by the time of the event',
    in: on(out, { names: known, tsNs: 5n }),
    field: 'fd.sip.name.age',
    value: 0,
  },
  { name: 'from whom', in: on(out, { names: known }), field: 'fd.sip.name.resolver', value: '9.9.9.9' },
  { name: 'that it may have changed', in: on(out, { names: known }), field: 'fd.sip.name.stale', value: true },
  { name: 'that it is one of several', in: on(out, { names: known }), field: 'fd.sip.name.shared', value: true },
  { name: 'that there is one', in: on(out, { names: known }), field: 'fd.sip.name.unknown', value: false },
  { name: 'that there is none', in: on(out, { names: known }), field: 'fd.cip.name.unknown', value: true },
  { name: 'nothing of no name', in: on(out, { names: known }), field: 'fd.cip.name.shared', value: undefined },
  { name: 'nothing keeps how', in: on(out), field: 'fd.sip.name.source', value: undefined },
  {
    name: 'no address, nothing unknown',
    in: on(file, { names: known }),
    field: 'fd.sip.name.unknown',
    value: undefined,
  },
  { name: 'none of them', in: on(out, { names: known }), field: 'fd.lip.names', value: undefined },
])

/** What poll returned: a count, then each fd with its flags. */
function polled(...fds: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 + 10 * fds.length)
  bytes.writeUInt16LE(fds.length, 0)
  fds.forEach((fd, i) => {
    bytes.writeBigInt64LE(BigInt(fd), 2 + i * 10)
    bytes.writeUInt16LE(1, 10 + i * 10)
  })
  return bytes
}

const poller = makeThread({ tid: 44, openFds: [file, out, listening, incoming, fresh] })
const poll = makeContext('poll', { res: 3, fds: polled(3, 7, 10, 99, 8) }, { thread: poller })
const pollNothing = makeContext('ppoll', { res: 0, fds: polled() }, { thread: poller })
const pollCut = makeContext('poll', { res: 2, fds: polled(3, 7).subarray(0, 15) }, { thread: poller })
const pollFile = makeContext('poll', { res: 1, fds: polled(3) }, { thread: poller })

testFields('fdlist', [
  { name: 'numbers', in: poll, field: 'fdlist.nums', value: '3,7,10,99,8' },
  {
    name: 'names, <NA> where there is none',
    in: poll,
    field: 'fdlist.names',
    value: `${file.name},${out.name},<NA>,<NA>,<NA>`,
  },
  { name: 'client addresses', in: poll, field: 'fdlist.cips', value: '10.0.0.1,2001:db8::1' },
  { name: 'server addresses', in: poll, field: 'fdlist.sips', value: '93.184.216.34,10.0.0.1,2001:db8::2' },
  { name: 'client ports', in: poll, field: 'fdlist.cports', value: '40000,5000' },
  { name: 'server ports', in: poll, field: 'fdlist.sports', value: '443,53' },
  { name: 'no fds', in: pollNothing, field: 'fdlist.nums', value: undefined },
  { name: 'no sockets among them', in: pollFile, field: 'fdlist.cips', value: undefined },
  { name: 'a list cut short', in: pollCut, field: 'fdlist.nums', value: '3' },
  { name: 'another event', in: on(file), field: 'fdlist.nums', value: undefined },
])

test('fd readers never throw on what a hostile capture holds', () => {
  const hostile = makeFd(-5, 9999, { name: '', sip: undefined, dip: undefined, dev: -1 })
  const ctx = makeContext('close', { res: 0 }, { thread, fd: hostile })
  for (const name of ['fd.name', 'fd.type', 'fd.typechar', 'fd.ip', 'fd.dev.minor', 'fd.directory', 'fd.l4proto']) {
    assert.doesNotThrow(() => readField(ctx, name), name)
  }
  assert.equal(readField(ctx, 'fd.typechar'), '?')
})
