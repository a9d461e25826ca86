import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { attachBytes, createRecord, readRecord } from '../events/decode-record.ts'
import { eventTable } from '../events/event-table.ts'
import { FdType, L4 } from '../state/fd.ts'
import { argsText, argText, flagsText, generalFormat } from './event-args.ts'
import {
  type ContextOptions,
  eventInfo,
  makeContext,
  makeFd,
  makeThread,
  type ParamValue,
} from './testdata/make-context.ts'

const AT_FDCWD = -100

const socket = makeFd(5, FdType.ipv4, { name: '10.0.0.1:1->10.0.0.2:80', l4proto: L4.tcp, isClient: true })
const thread = makeThread({
  tid: 42,
  comm: 'cat',
  cwd: '/home/me/',
  openFds: [
    makeFd(3, FdType.file, { name: '/etc/hosts' }),
    makeFd(4, FdType.directory, { name: '/srv' }),
    socket,
    makeFd(6, FdType.ipv4, {}),
    makeFd(7, FdType.fifo, {}),
  ],
})
const world = {
  users: [{ uid: 33, gid: 33, name: 'www', home: '/', shell: '' }],
  groups: [{ gid: 30, name: 'dip' }],
}
const here: ContextOptions = { thread, world }

function ipv4(...bytes: number[]): Buffer {
  return Buffer.from(bytes)
}

interface Case {
  readonly name: string
  readonly event: string
  readonly params: Readonly<Record<string, ParamValue>>
  readonly arg: string
  /** What stands in `evt.args` after `=`. */
  readonly shown: string
  /** What `evt.arg` gives. */
  readonly value: string
  readonly options?: ContextOptions
}

const cases: readonly Case[] = [
  {
    name: 'an fd and its file',
    event: 'close',
    params: { res: 0, fd: 3 },
    arg: 'fd',
    shown: '3(<f>/etc/hosts)',
    value: '<f>/etc/hosts',
  },
  {
    name: 'a socket has its protocol',
    event: 'close',
    params: { fd: 5 },
    arg: 'fd',
    shown: '5(<4t>10.0.0.1:1->10.0.0.2:80)',
    value: '<4t>10.0.0.1:1->10.0.0.2:80',
  },
  {
    name: 'a socket without a role has none',
    event: 'close',
    params: { fd: 6 },
    arg: 'fd',
    shown: '6(<4>)',
    value: '<4>',
  },
  { name: 'an fd that is not known', event: 'close', params: { fd: 99 }, arg: 'fd', shown: '99', value: '99' },
  {
    name: 'a failed fd is an error',
    event: 'open',
    params: { fd: -2 },
    arg: 'fd',
    shown: '-2(ENOENT)',
    value: 'ENOENT',
  },
  {
    name: 'the working directory',
    event: 'openat',
    params: { dirfd: AT_FDCWD },
    arg: 'dirfd',
    shown: '-100(AT_FDCWD)',
    value: 'AT_FDCWD',
  },
  {
    name: 'a path from the working directory',
    event: 'openat',
    params: { dirfd: AT_FDCWD, name: 'a/../b' },
    arg: 'name',
    shown: 'a/../b(/home/me/b)',
    value: '/home/me/b',
  },
  {
    name: 'a path from a directory fd',
    event: 'openat',
    params: { dirfd: 4, name: 'x' },
    arg: 'name',
    shown: 'x(/srv/x)',
    value: '/srv/x',
  },
  {
    name: 'a path from a directory that is not known',
    event: 'openat',
    params: { dirfd: 77, name: 'x' },
    arg: 'name',
    shown: 'x(x)',
    value: 'x',
  },
  {
    name: 'an absolute path needs no resolving',
    event: 'openat',
    params: { dirfd: 4, name: '/x' },
    arg: 'name',
    shown: '/x',
    value: '/x',
  },
  { name: 'a path that is missing', event: 'unlink', params: { res: 0 }, arg: 'path', shown: '<NA>', value: '<NA>' },
  {
    name: 'a path of old captures that is missing',
    event: 'unlink',
    params: { path: '(NULL)' },
    arg: 'path',
    shown: '<NA>',
    value: '<NA>',
  },
  { name: 'an empty path', event: 'chdir', params: { path: '' }, arg: 'path', shown: '', value: '' },
  {
    name: 'bit flags in table order',
    event: 'openat',
    params: { flags: 0x1001 },
    arg: 'flags',
    shown: '4097(O_RDONLY|O_CLOEXEC)',
    value: 'O_RDONLY|O_CLOEXEC',
  },
  {
    name: 'both directions are one flag',
    event: 'openat',
    params: { flags: 3 },
    arg: 'flags',
    shown: '3(O_RDWR)',
    value: 'O_RDWR',
  },
  {
    name: 'no flag has a name',
    event: 'openat',
    params: { flags: 0 },
    arg: 'flags',
    shown: '0(O_NONE)',
    value: 'O_NONE',
  },
  {
    name: 'flags without a name for none',
    event: 'unlinkat',
    params: { flags: 0 },
    arg: 'flags',
    shown: '0',
    value: '0',
  },
  {
    name: 'all names of a value',
    event: 'socket',
    params: { domain: 1 },
    arg: 'domain',
    shown: '1(AF_LOCAL|AF_UNIX)',
    value: 'AF_LOCAL|AF_UNIX',
  },
  { name: 'a value without a name', event: 'prctl', params: { option: 1 }, arg: 'option', shown: '1', value: '1' },
  {
    name: 'a mode is octal',
    event: 'chmod',
    params: { mode: 0o4000 },
    arg: 'mode',
    shown: '04000(S_ISUID)',
    value: 'S_ISUID',
  },
  {
    name: 'hexadecimal without a prefix',
    event: 'openat',
    params: { dev: 0xfe00 },
    arg: 'dev',
    shown: 'FE00',
    value: 'FE00',
  },
  {
    name: 'octal with a zero in front',
    event: 'openat',
    params: { mode: 0o644 },
    arg: 'mode',
    shown: '0644',
    value: '0644',
  },
  {
    name: 'an error',
    event: 'connect',
    params: { res: -115 },
    arg: 'res',
    shown: '-115(EINPROGRESS)',
    value: 'EINPROGRESS',
  },
  {
    name: 'an error without a name',
    event: 'connect',
    params: { res: -4000 },
    arg: 'res',
    shown: '-4000',
    value: '-4000',
  },
  { name: 'a process by its name', event: 'kill', params: { pid: 42 }, arg: 'pid', shown: '42(cat)', value: 'cat' },
  { name: 'a process that is not known', event: 'kill', params: { pid: 43 }, arg: 'pid', shown: '43', value: '43' },
  { name: 'a signal', event: 'kill', params: { sig: 9 }, arg: 'sig', shown: '9(SIGKILL)', value: 'SIGKILL' },
  { name: 'a real-time signal', event: 'kill', params: { sig: 40 }, arg: 'sig', shown: '40', value: '40' },
  { name: 'a user', event: 'setuid', params: { uid: 33 }, arg: 'uid', shown: '33(www)', value: 'www' },
  {
    name: 'a user that no list names',
    event: 'setuid',
    params: { uid: 34 },
    arg: 'uid',
    shown: '34(<NA>)',
    value: '<NA>',
  },
  {
    name: 'a user that is not set',
    event: 'setuid',
    params: { uid: 0xffffffff },
    arg: 'uid',
    shown: '-1(<NONE>)',
    value: '<NONE>',
  },
  { name: 'a group', event: 'setgid', params: { gid: 30 }, arg: 'gid', shown: '30(dip)', value: 'dip' },
  {
    name: 'bytes with dots',
    event: 'sendto',
    params: { data: Buffer.from('a\0\x7fb"') },
    arg: 'data',
    shown: 'a..b"',
    value: 'a..b"',
  },
  { name: 'bytes that are missing', event: 'sendto', params: {}, arg: 'data', shown: 'NULL', value: 'NULL' },
  {
    name: 'a tuple',
    event: 'connect',
    params: { tuple: ipv4(2, 10, 0, 0, 1, 1, 0, 10, 0, 0, 2, 80, 0) },
    arg: 'tuple',
    shown: '10.0.0.1:1->10.0.0.2:80',
    value: '10.0.0.1:1->10.0.0.2:80',
  },
  { name: 'a tuple that is missing', event: 'connect', params: {}, arg: 'tuple', shown: 'NULL', value: 'NULL' },
  {
    name: 'a tuple cut short',
    event: 'connect',
    params: { tuple: ipv4(2, 10, 0) },
    arg: 'tuple',
    shown: 'INVALID IPv4',
    value: 'INVALID IPv4',
  },
  {
    name: 'an address',
    event: 'connect',
    params: { addr: ipv4(2, 127, 0, 0, 1, 0x35, 0) },
    arg: 'addr',
    shown: '127.0.0.1:53',
    value: '127.0.0.1:53',
  },
  {
    name: 'an IPv6 address is never shortened to IPv4',
    event: 'connect',
    params: { addr: Buffer.concat([ipv4(10), Buffer.alloc(10), ipv4(255, 255, 127, 0, 0, 1, 80, 0)]) },
    arg: 'addr',
    shown: '::ffff:127.0.0.1:80',
    value: '::ffff:127.0.0.1:80',
  },
  {
    name: 'a unix address',
    event: 'connect',
    params: { addr: Buffer.from('\x01/run/x\0') },
    arg: 'addr',
    shown: '/run/x',
    value: '/run/x',
  },
  {
    name: 'an address of another family',
    event: 'connect',
    params: { addr: ipv4(17, 0) },
    arg: 'addr',
    shown: 'family 17',
    value: 'family 17',
  },
  { name: 'an address that is missing', event: 'bind', params: {}, arg: 'addr', shown: '<NA>', value: '<NA>' },
  {
    name: 'a socket option by its own type',
    event: 'setsockopt',
    params: { val: Buffer.concat([ipv4(2), ipv4(0, 0x80, 0, 0)]) },
    arg: 'val',
    shown: '32768',
    value: '32768',
  },
  {
    name: 'a socket option that is an error',
    event: 'getsockopt',
    params: { val: Buffer.concat([ipv4(1), Buffer.from('91ffffffffffffff', 'hex')]) },
    arg: 'val',
    shown: '-111(ECONNREFUSED)',
    value: 'ECONNREFUSED',
  },
  {
    name: 'a socket option that is a time',
    event: 'setsockopt',
    params: { val: Buffer.concat([ipv4(4), Buffer.from('00ca9a3b00000000', 'hex')]) },
    arg: 'val',
    shown: '1000000000(1s)',
    value: '1s',
  },
  {
    name: 'a list of fds',
    event: 'poll',
    params: { fds: Buffer.from('02000300000000000000010063000000000000000400', 'hex') },
    arg: 'fds',
    shown: '3:f1 99:?4',
    value: '3:f1 99:?4',
  },
  { name: 'an fd without a thread', event: 'close', params: { fd: 3 }, arg: 'fd', shown: '3', value: '3', options: {} },
]

for (const c of cases) {
  test(`arguments: ${c.name}`, () => {
    const ctx = makeContext(c.event, c.params, c.options ?? here)
    assert.equal(argText(ctx, ctx.rec.info.paramIndex.get(c.arg)!), c.value)
    const all = ` ${argsText(ctx)}`
    const at = all.indexOf(` ${c.arg}=`)
    assert.equal(all.slice(at + c.arg.length + 2, at + c.arg.length + 2 + c.shown.length), c.shown)
  })
}

test('arguments: all of them, blank-separated', () => {
  const ctx = makeContext('dup2', { res: 0, oldfd: 3, newfd: 0 }, here)
  assert.equal(argsText(ctx), 'res=0 oldfd=3(<f>/etc/hosts) newfd=0')
})

test('arguments: a call without an event of its own shows none', () => {
  assert.equal(argsText(makeContext('syscall', { ID: 3, nativeID: 77 }, here)), '')
})

test('arguments: past the last one there is none', () => {
  const ctx = makeContext('dup2', {}, here)
  assert.equal(argText(ctx, 3), undefined)
  assert.equal(argText(ctx, -1), undefined)
})

test('flags: a mode that is one flag ends the list', () => {
  const mode = eventInfo('chmod').params[2]!
  assert.equal(flagsText(mode, 0o7), 'S_IXOTH|S_IWOTH|S_IROTH')
  assert.equal(flagsText(mode, 0o1), 'S_IXOTH')
})

test('generalFormat is C’s %g', () => {
  const texts = [0, 1, 0.5, 1.5, 123456789, 0.0001, 0.00001234, 1e-9, 2.5, 999999.7].map(generalFormat)
  assert.deepEqual(texts, ['0', '1', '0.5', '1.5', '1.23457e+08', '0.0001', '1.234e-05', '1e-09', '2.5', '1e+06'])
})

test('arguments: any bytes give a text, in bounds and without a throw', () => {
  fc.assert(
    fc.property(
      fc.nat(eventTable.length - 1),
      fc.array(fc.uint8Array({ maxLength: 24 }), { maxLength: 12 }),
      (code, raw) => {
        const info = eventTable[code]!
        const values = raw.slice(0, info.params.length)
        const width = info.isLarge ? 4 : 2
        const header = Buffer.alloc(26 + values.length * width)
        header.writeUInt32LE(header.length + values.reduce((n, v) => n + v.length, 0), 16)
        header.writeUInt16LE(code, 20)
        header.writeUInt32LE(values.length, 22)
        values.forEach((v, i) => {
          header.writeUIntLE(v.length, 26 + i * width, width)
        })
        const bytes = Buffer.concat([header, ...values])
        const rec = createRecord()
        attachBytes(rec, bytes)
        assert.equal(readRecord(rec, 0, bytes.length), bytes.length)
        assert.equal(typeof argsText({ ...makeContext('open', {}, here), rec }), 'string')
      },
    ),
    { numRuns: 1500 },
  )
})
