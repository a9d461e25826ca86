import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FdType, L4 } from '../state/fd.ts'
import { fieldByName } from './catalogue.ts'
import { type ContextOptions, makeContext, makeFd, makeThread, type ParamValue } from './testdata/make-context.ts'
import { printField, readField, testFields } from './testdata/read-field.ts'

// 2023-11-14T22:13:20.123456789Z
const tsNs = 1_700_000_000_123_456_789n

const thread = makeThread({
  tid: 42,
  cwd: '/home/me/',
  openFds: [makeFd(4, FdType.directory, { name: '/srv' })],
})

function event(name: string, params: Record<string, ParamValue> = {}, options: ContextOptions = {}) {
  return makeContext(name, params, { thread, tsNs, ...options })
}

const close = event(
  'close',
  { res: 0, fd: 3 },
  { firstTsNs: tsNs - 2_000_000_005n, previousTsNs: tsNs - 1_000_000_007n },
)
const first = event('close')
const failed = event('close', { res: -9, fd: 3 })
const large = event('mmap', { res: 0x7fff_0000_0000n })
const procexit = event('procexit', { status: 0 })
const container = event('container', { json: '{}' })
const asyncContainer = event('asyncevent', { plugin_id: 0, name: 'container', data: Buffer.from('{}') })
const generic = event('syscall', { ID: 346, nativeID: 0 })
const unknownGeneric = event('syscall', { ID: 0, nativeID: 65_000 })
const switched = event('switch', { next: 3 })

const file = makeFd(3, FdType.file, { name: '/tmp/x' })
const directory = makeFd(3, FdType.directory, { name: '/tmp' })
const socket = makeFd(3, FdType.ipv4, { l4proto: L4.tcp })
const pipe = makeFd(3, FdType.fifo)
const log = makeFd(3, FdType.unix, { name: '->/dev/log' })
const memfd = makeFd(3, FdType.memfd)

const bytes = Buffer.from('GET /\n\u0000\u007f', 'latin1')
const readFile = event('read', { res: 8, data: bytes, fd: 3, size: 80 }, { fd: file })
const readNothing = event('read', { res: 0, fd: 3 }, { fd: file })
const readFailed = event('read', { res: -11, fd: 3 }, { fd: socket })
const writeSocket = event('write', { res: 5, fd: 3 }, { fd: socket })
const writeLog = event('write', { res: 5, fd: 3 }, { fd: log })
const readUnknown = event('read', { res: 5, fd: 3 })

testFields('evt time', [
  { name: 'number', in: event('close', {}, { num: 12 }), field: 'evt.num', value: 12 },
  { name: 'nanoseconds since the epoch', in: close, field: 'evt.rawtime', value: tsNs },
  { name: 'whole seconds', in: close, field: 'evt.rawtime.s', value: 1_700_000_000 },
  { name: 'the rest', in: close, field: 'evt.rawtime.ns', value: 123_456_789, printed: '123456789' },
  { name: 'ISO 8601', in: close, field: 'evt.time.iso8601', value: '2023-11-14T22:13:20.123456789+0000' },
  { name: 'since the first event', in: close, field: 'evt.reltime', value: 2_000_000_005 },
  { name: 'whole seconds since it', in: close, field: 'evt.reltime.s', value: 2 },
  { name: 'the rest has nine digits in text', in: close, field: 'evt.reltime.ns', value: 5, printed: '000000005' },
  { name: 'the first event itself', in: first, field: 'evt.reltime', value: 0, printed: '000000000' },
  { name: 'since the event before', in: close, field: 'evt.deltatime', value: 1_000_000_007 },
  { name: 'whole seconds since the event before', in: close, field: 'evt.deltatime.s', value: 1 },
  { name: 'the rest of that', in: close, field: 'evt.deltatime.ns', value: 7, printed: '000000007' },
  { name: 'nothing before the first', in: first, field: 'evt.deltatime', value: 0 },
  { name: 'no latency without enter events', in: close, field: 'evt.latency', value: 0 },
  { name: 'nor in words', in: close, field: 'evt.latency.human', value: '0ns' },
])

test('evt time: local times follow the time zone', () => {
  const before = process.env['TZ']
  try {
    process.env['TZ'] = 'Asia/Kolkata'
    const ctx = event('close', {}, { tsNs: tsNs + 86_400_000_000_000n })
    assert.equal(readField(ctx, 'evt.time'), '03:43:20.123456789')
    assert.equal(readField(ctx, 'evt.time.s'), '03:43:20')
    assert.equal(readField(ctx, 'evt.datetime'), '2023-11-16 03:43:20.123456789')
    assert.equal(readField(ctx, 'evt.datetime.s'), '2023-11-16 03:43:20')
    assert.equal(printField(ctx, 'evt.outputtime'), '03:43:20.123456789')
    assert.equal(readField(ctx, 'evt.time.iso8601'), '2023-11-15T22:13:20.123456789+0000')
  } finally {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  }
})

test('evt time: times are numbers in JSON', () => {
  for (const name of ['evt.time', 'evt.time.s', 'evt.datetime', 'evt.time.iso8601', 'evt.outputtime']) {
    assert.equal(fieldByName(name)!.bindJson!(undefined)(close), tsNs, name)
  }
})

testFields('evt kind', [
  { name: 'the name of a system call', in: close, field: 'evt.type', value: 'close' },
  { name: 'the message of an asynchronous event', in: asyncContainer, field: 'evt.type', value: 'container' },
  { name: 'a system call without an event of its own', in: generic, field: 'evt.type', value: 'pidfd_getfd' },
  { name: 'a system call that nobody knows', in: unknownGeneric, field: 'evt.type', value: 'unknown' },
  { name: 'the same of a system call', in: generic, field: 'syscall.type', value: 'pidfd_getfd' },
  { name: 'a tracepoint is no system call', in: procexit, field: 'syscall.type', value: undefined },
  { name: 'is of that name', in: close, field: 'evt.type.is.close', value: 1 },
  { name: 'is not of that name', in: close, field: 'evt.type.is.open', value: 0 },
  { name: 'is of that code', in: close, field: 'evt.type.is.5', value: 1 },
  { name: 'exit', in: close, field: 'evt.dir', value: '<' },
  { name: 'a tracepoint counts as enter', in: procexit, field: 'evt.dir', value: '>' },
  { name: 'made by the kernel', in: close, field: 'evt.is_async', value: false },
  { name: 'made beside it', in: asyncContainer, field: 'evt.is_async', value: true },
  { name: 'what it tells', in: asyncContainer, field: 'evt.asynctype', value: 'container' },
  { name: 'a container event tells its own name', in: container, field: 'evt.asynctype', value: 'container' },
  { name: 'others tell nothing', in: close, field: 'evt.asynctype', value: undefined },
  { name: 'source', in: close, field: 'evt.source', value: 'syscall' },
  { name: 'no plugin', in: close, field: 'evt.pluginname', value: undefined },
  { name: 'CPU', in: event('close', {}, { cpu: 3 }), field: 'evt.cpu', value: 3 },
  { name: 'host', in: event('close', {}, { world: { hostname: 'bär' } }), field: 'evt.hostname', value: 'b\xc3\xa4r' },
  { name: 'category of its own', in: procexit, field: 'evt.category', value: 'process' },
  { name: 'scheduler', in: switched, field: 'evt.category', value: 'scheduler' },
  { name: 'reading a file', in: readFile, field: 'evt.category', value: 'file' },
  { name: 'reading a directory', in: event('read', {}, { fd: directory }), field: 'evt.category', value: 'file' },
  { name: 'writing to a socket', in: writeSocket, field: 'evt.category', value: 'net' },
  { name: 'reading a pipe', in: event('read', {}, { fd: pipe }), field: 'evt.category', value: 'ipc' },
  { name: 'reading what has no kind', in: event('read', {}, { fd: memfd }), field: 'evt.category', value: 'unknown' },
  { name: 'reading an unknown fd', in: readUnknown, field: 'evt.category', value: 'unknown' },
])

testFields('evt result', [
  { name: 'success', in: close, field: 'evt.res', value: 'SUCCESS' },
  { name: 'an error by its name', in: failed, field: 'evt.res', value: 'EBADF' },
  { name: 'a number', in: failed, field: 'evt.rawres', value: -9 },
  { name: 'an address is a success', in: large, field: 'evt.failed', value: false },
  { name: 'failed', in: failed, field: 'evt.failed', value: true },
  { name: 'not failed', in: close, field: 'evt.failed', value: false },
  { name: 'a failed open has the error of its fd', in: event('open', { fd: -2 }), field: 'evt.res', value: 'ENOENT' },
  { name: 'a tracepoint has no result', in: procexit, field: 'evt.res', value: undefined },
  { name: 'a generic event has no result', in: generic, field: 'evt.failed', value: undefined },
  { name: 'an event with its result cut off', in: event('close'), field: 'evt.rawres', value: undefined },
  { name: 'every event counts', in: procexit, field: 'evt.count', value: 1 },
  { name: 'an error counts', in: failed, field: 'evt.count.error', value: 1 },
  { name: 'a success does not', in: close, field: 'evt.count.error', value: 0 },
  { name: 'without a result it is neither', in: procexit, field: 'evt.count.error', value: undefined },
  { name: 'a failed open is a file error', in: event('open', { fd: -2 }), field: 'evt.count.error.file', value: 1 },
  { name: 'a failed read of a socket is none', in: readFailed, field: 'evt.count.error.file', value: undefined },
  { name: 'but one of the network', in: readFailed, field: 'evt.count.error.net', value: 1 },
  { name: 'a failed connect too', in: event('connect', { res: -111 }), field: 'evt.count.error.net', value: 1 },
  { name: 'a failed mmap', in: event('mmap', { res: -12 }), field: 'evt.count.error.memory', value: 1 },
  { name: 'any other failure', in: failed, field: 'evt.count.error.other', value: 1 },
  { name: 'memory is not other', in: event('mmap', { res: -12 }), field: 'evt.count.error.other', value: undefined },
  { name: 'an exit', in: close, field: 'evt.count.exit', value: 1 },
  { name: 'no exit', in: procexit, field: 'evt.count.exit', value: undefined },
])

testFields('evt arguments', [
  { name: 'all of them', in: failed, field: 'evt.args', value: 'res=-9(EBADF) fd=3' },
  { name: 'the same', in: failed, field: 'evt.info', value: 'res=-9(EBADF) fd=3' },
  { name: 'one by name', in: failed, field: 'evt.arg.res', value: 'EBADF' },
  { name: 'one by position', in: failed, field: 'evt.arg[1]', value: '3' },
  { name: 'beyond the last', in: failed, field: 'evt.arg[2]', value: undefined },
  { name: 'before the first', in: failed, field: 'evt.arg[-1]', value: undefined },
  { name: 'of another event', in: failed, field: 'evt.arg.flags', value: undefined },
  { name: 'as a number', in: failed, field: 'evt.rawarg.res', value: -9, printed: '-9' },
  {
    name: 'in its own base',
    in: event('open', { flags: 0xab }),
    field: 'evt.rawarg.flags',
    value: 0xab,
    printed: 'AB',
  },
  { name: 'as text', in: event('mkdir', { path: '/x' }), field: 'evt.rawarg.path', value: '/x' },
  { name: 'of another event again', in: failed, field: 'evt.rawarg.flags', value: undefined },
])

testFields('evt data', [
  { name: 'bytes', in: readFile, field: 'evt.buffer', value: 'GET /\n\0\x7f', printed: 'GET /...' },
  { name: 'no bytes', in: readNothing, field: 'evt.buffer', value: '' },
  { name: 'an event without bytes', in: close, field: 'evt.buffer', value: undefined },
  { name: 'length', in: readFile, field: 'evt.buflen', value: 8 },
  { name: 'a failure has none', in: readFailed, field: 'evt.buflen', value: undefined },
  { name: 'an unknown fd has none', in: readUnknown, field: 'evt.buflen', value: undefined },
  { name: 'in', in: readFile, field: 'evt.buflen.in', value: 8 },
  { name: 'not out', in: readFile, field: 'evt.buflen.out', value: undefined },
  { name: 'from a file', in: readFile, field: 'evt.buflen.file.in', value: 8 },
  { name: 'to a socket', in: writeSocket, field: 'evt.buflen.net.out', value: 5 },
  { name: 'not from a socket', in: readFile, field: 'evt.buflen.net', value: undefined },
  { name: 'reads', in: readFile, field: 'evt.is_io_read', value: true },
  { name: 'does not write', in: readFile, field: 'evt.is_io_write', value: false },
  { name: 'moves bytes', in: writeSocket, field: 'evt.is_io', value: true },
  { name: 'moves none', in: close, field: 'evt.is_io', value: false },
  { name: 'direction', in: writeSocket, field: 'evt.io_dir', value: 'write' },
  { name: 'no direction', in: close, field: 'evt.io_dir', value: undefined },
  { name: 'waits', in: event('nanosleep'), field: 'evt.is_wait', value: true },
  { name: 'does not wait', in: close, field: 'evt.is_wait', value: false },
  { name: 'writes to the system log', in: writeLog, field: 'evt.is_syslog', value: true },
  { name: 'writes elsewhere', in: writeSocket, field: 'evt.is_syslog', value: false },
])

const READ = 1
const WRITE = 2
const CREATE = 4
const TMPFILE = 8192
const CREATED = 16384

function opening(flags: number, mode = 0, fd = 5) {
  return event('openat', { fd, dirfd: -100, name: 'x', flags, mode })
}

testFields('evt open', [
  { name: 'asks to read', in: opening(READ), field: 'evt.is_open_read', value: true },
  { name: 'a failed call asks too', in: opening(READ, 0, -2), field: 'evt.is_open_read', value: true },
  { name: 'does not ask to write', in: opening(READ), field: 'evt.is_open_write', value: false },
  { name: 'asks to write', in: opening(READ | WRITE), field: 'evt.is_open_write', value: true },
  {
    name: 'open has its flags elsewhere',
    in: event('open', { flags: WRITE }),
    field: 'evt.is_open_write',
    value: true,
  },
  {
    name: 'so has open_by_handle_at',
    in: event('open_by_handle_at', { flags: WRITE }),
    field: 'evt.is_open_write',
    value: true,
  },
  { name: 'creat does not open for writing', in: event('creat', { fd: 5 }), field: 'evt.is_open_write', value: false },
  { name: 'other calls neither', in: close, field: 'evt.is_open_read', value: false },
  { name: 'may be executed', in: opening(WRITE | CREATE, 0o700), field: 'evt.is_open_exec', value: true },
  { name: 'may be executed by others only', in: opening(CREATE, 0o001), field: 'evt.is_open_exec', value: true },
  { name: 'nobody may execute it', in: opening(CREATE, 0o666), field: 'evt.is_open_exec', value: false },
  { name: 'makes no file', in: opening(WRITE, 0o700), field: 'evt.is_open_exec', value: false },
  { name: 'creat makes one', in: event('creat', { mode: 0o755 }), field: 'evt.is_open_exec', value: true },
  { name: 'the file is new', in: opening(CREATE | CREATED), field: 'evt.is_open_create', value: true },
  { name: 'the file was there', in: opening(CREATE), field: 'evt.is_open_create', value: false },
  { name: 'a nameless file is new', in: opening(TMPFILE), field: 'evt.is_open_create', value: true },
  { name: 'unless that failed', in: opening(TMPFILE, 0, -13), field: 'evt.is_open_create', value: false },
])

const renamed = event('renameat', { res: 0, olddirfd: -100, oldpath: 'a', newdirfd: 4, newpath: '../b' })

testFields('evt.abspath', [
  { name: 'relative to the working directory', in: opening(READ), field: 'evt.abspath', value: '/home/me/x' },
  { name: 'the source of two', in: renamed, field: 'evt.abspath', value: '/home/me/a' },
  { name: 'the source', in: renamed, field: 'evt.abspath.src', value: '/home/me/a' },
  { name: 'the target, relative to a directory fd', in: renamed, field: 'evt.abspath.dst', value: '/b' },
  {
    name: 'an unknown directory fd',
    in: event('unlinkat', { dirfd: 9, name: 'a' }),
    field: 'evt.abspath',
    value: '<UNKNOWN>/a',
  },
  {
    name: 'an absolute path stays',
    in: event('unlinkat', { dirfd: 9, name: '/a/../b' }),
    field: 'evt.abspath',
    value: '/b',
  },
  { name: 'other calls have none', in: event('mkdir', { path: 'x' }), field: 'evt.abspath', value: undefined },
])

test('util.cnt counts in each place of its own', () => {
  const field = fieldByName('util.cnt')!
  const [one, other] = [field.bind(undefined), field.bind(undefined)]
  assert.deepEqual([one(close), one(close), other(close)], [1, 2, 1])
})
