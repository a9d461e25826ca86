import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FdType } from '../state/fd.ts'
import { CloneFlag } from '../state/thread.ts'
import { fieldByName } from './catalogue.ts'
import { makeContext, makeFd, makeThread, TEST_TS } from './testdata/make-context.ts'
import { type FieldCase, readField, testFields } from './testdata/read-field.ts'

const init = makeThread({ tid: 1, ptid: 0, comm: 'systemd', exe: '/sbin/init', exepath: '/usr/lib/systemd/systemd' })
const login = makeThread({ tid: 50, ptid: 1, sid: 50, pgid: 50, comm: 'zsh', exe: '-zsh', exepath: '/usr/bin/zsh' })
const parent = makeThread({
  tid: 100,
  ptid: 50,
  vpid: 8,
  sid: 50,
  pgid: 100,
  vpgid: 100,
  comm: 'make',
  exe: 'make',
  exepath: '/usr/bin/make',
  args: ['-j2', 'all'],
  env: ['HOME=/root', 'MAKELEVEL= 1 '],
  cloneTsNs: TEST_TS - 5_000n,
})
const child = makeThread({
  tid: 200,
  ptid: 100,
  sid: 50,
  pgid: 100,
  vpgid: 100,
  comm: 'cc',
  exe: '/usr/bin/cc',
  exepath: '/usr/bin/gcc-12',
  args: ['-c', 'a b.c', ''],
  env: ['HOME=/home/me', 'PATH=/bin', 'HO=no', 'EMPTY='],
  cwd: '/src/',
  fdlimit: 4,
  cloneTsNs: TEST_TS - 3_000n,
  exeIno: 77,
  exeWritable: true,
  vmSizeKb: 2048,
  openFds: [
    makeFd(0, FdType.file, { name: '/dev/null' }),
    makeFd(1, FdType.fifo),
    makeFd(2, FdType.unknown, { name: 'x' }),
  ],
})
const second = makeThread({ tid: 201, pid: 200, ptid: 100, comm: 'cc-worker' })
const orphan = makeThread({ tid: 300, ptid: 299, sid: 9, comm: 'left', args: [], exe: 'left', vpid: -1 })
const threads = [init, login, parent, child, second]

const inChild = makeContext('close', {}, { thread: child, world: { threads } })
const inThread = makeContext('close', {}, { thread: second, world: { threads } })
const inParent = makeContext('close', {}, { thread: parent, world: { threads } })
const inOrphan = makeContext('close', {}, { thread: orphan, world: { threads } })
const inNobody = makeContext('close', {}, { world: { threads } })

const cases: readonly FieldCase[] = [
  { name: 'name and command line', in: inChild, field: 'proc.cmdline', value: 'cc -c a b.c ' },
  { name: 'a command line without arguments', in: inOrphan, field: 'proc.cmdline', value: 'left' },
  {
    name: 'the line with argv[0] ends in a blank without arguments',
    in: inOrphan,
    field: 'proc.exeline',
    value: 'left ',
  },
  { name: 'arguments without argv[0]', in: inChild, field: 'proc.args', value: '-c a b.c ' },
  { name: 'no arguments are an empty text', in: inOrphan, field: 'proc.args', value: '' },
  { name: 'one argument', in: inChild, field: 'proc.args[1]', value: 'a b.c' },
  { name: 'an argument beyond the last is empty', in: inChild, field: 'proc.args[3]', value: '' },
  { name: 'a negative index is none', in: inChild, field: 'proc.args[-1]', value: '-c a b.c ' },
  { name: 'number of arguments', in: inChild, field: 'proc.cmdnargs', value: 3 },
  { name: 'bytes of arguments without blanks between', in: inChild, field: 'proc.cmdlenargs', value: 7 },
  { name: 'without a thread there is none', in: inNobody, field: 'proc.name', value: undefined },

  { name: 'environment', in: inChild, field: 'proc.env', value: 'HOME=/home/me PATH=/bin HO=no EMPTY=' },
  { name: 'one variable, its name compared whole', in: inChild, field: 'proc.env[HO]', value: 'no' },
  { name: 'a variable that is not set is empty', in: inChild, field: 'proc.env[NOPE]', value: '' },
  { name: 'an empty variable', in: inChild, field: 'proc.env[EMPTY]', value: '' },
  { name: 'blanks around a variable are cut', in: inParent, field: 'proc.env[MAKELEVEL]', value: '1' },
  { name: 'a number is taken for no argument', in: inParent, field: 'proc.env[1]', value: 'HOME=/root MAKELEVEL= 1 ' },
  { name: 'the nearest ancestor with the variable', in: inChild, field: 'proc.aenv[MAKELEVEL]', value: '1' },
  { name: 'the process itself does not count', in: inChild, field: 'proc.aenv[PATH]', value: '' },
  { name: 'environment of one ancestor', in: inChild, field: 'proc.aenv[1]', value: 'HOME=/root MAKELEVEL= 1 ' },

  { name: 'the parent', in: inChild, field: 'proc.pname', value: 'make' },
  { name: 'command line of the parent', in: inChild, field: 'proc.pcmdline', value: 'make -j2 all' },
  { name: 'the parent of a second thread is that of the process', in: inThread, field: 'proc.pname', value: 'make' },
  { name: 'id of the parent', in: inChild, field: 'proc.ppid', value: 100 },
  { name: 'id of the parent in its PID namespace', in: inChild, field: 'proc.pvpid', value: 8 },
  { name: 'a parent that is not known', in: inOrphan, field: 'proc.ppid', value: undefined },
  { name: 'name of a parent that is not known', in: inOrphan, field: 'proc.pname', value: undefined, printed: '<NA>' },
  { name: 'an id that is not known', in: inOrphan, field: 'proc.vpid', value: undefined },

  { name: 'ancestor 0 is the process itself', in: inChild, field: 'proc.aname[0]', value: 'cc' },
  { name: 'ancestor 0 of a second thread is the main thread', in: inThread, field: 'proc.aname[0]', value: 'cc' },
  { name: 'ancestor 1 is the parent', in: inChild, field: 'proc.aname[1]', value: 'make' },
  { name: 'ancestor 2', in: inChild, field: 'proc.aexepath[2]', value: '/usr/bin/zsh' },
  { name: 'the last ancestor', in: inChild, field: 'proc.apid[3]', value: 1 },
  { name: 'beyond the last ancestor', in: inChild, field: 'proc.aname[4]', value: undefined },
  { name: 'far beyond the last ancestor', in: inChild, field: 'proc.aname[2147483647]', value: undefined },
  {
    name: 'all ancestors without the process itself',
    in: inChild,
    field: 'proc.aname',
    value: ['make', 'zsh', 'systemd'],
    printed: 'make zsh systemd',
  },
  { name: 'all ids', in: inChild, field: 'proc.apid', value: [100, 50, 1], printed: '100 50 1' },
  {
    name: 'index -1 is all of them',
    in: inChild,
    field: 'proc.acmdline[-1]',
    value: ['make -j2 all', 'zsh', 'systemd'],
  },
  { name: 'arguments of an ancestor', in: inChild, field: 'proc.aargs[1]', value: '-j2 all' },
  { name: 'no ancestor is known', in: inOrphan, field: 'proc.aname', value: undefined, printed: '<NA>' },
  { name: 'the oldest shell above', in: inChild, field: 'proc.loginshellid', value: 50 },
  { name: 'no shell above', in: inOrphan, field: 'proc.loginshellid', value: undefined },

  { name: 'the session leader', in: inChild, field: 'proc.sname', value: 'zsh' },
  { name: 'executable of the session leader', in: inChild, field: 'proc.sid.exepath', value: '/usr/bin/zsh' },
  { name: 'a session leader that is not known is empty', in: inOrphan, field: 'proc.sname', value: '' },
  { name: 'the process group leader', in: inChild, field: 'proc.pgid.name', value: 'make' },
  { name: 'the leader by the id in the PID namespace', in: inChild, field: 'proc.vpgid.exe', value: 'make' },
  { name: 'leads no group', in: inChild, field: 'proc.is_pgid_leader', value: false },
  { name: 'leads its group', in: inParent, field: 'proc.is_pgid_leader', value: true },
  { name: 'leads its group by namespace ids', in: inParent, field: 'proc.is_vpgid_leader', value: false },

  { name: 'working directory', in: inChild, field: 'proc.cwd', value: '/src/' },
  { name: 'age', in: inChild, field: 'proc.duration', value: 3000 },
  { name: 'age of the parent', in: inChild, field: 'proc.ppid.duration', value: 5000 },
  { name: 'an unknown age', in: inOrphan, field: 'proc.duration', value: undefined },
  { name: 'start', in: inChild, field: 'proc.pid.ts', value: TEST_TS - 3000n },
  { name: 'an unknown start', in: inOrphan, field: 'proc.pid.ts', value: undefined },
  { name: 'inode of the executable', in: inChild, field: 'proc.exe_ino', value: 77 },
  { name: 'an unknown inode', in: inOrphan, field: 'proc.exe_ino', value: undefined },
  { name: 'memory', in: inChild, field: 'proc.vmsize', value: 2048 },
  { name: 'open fds', in: inChild, field: 'proc.fdopencount', value: 3 },
  { name: 'share of the fds it may open', in: inChild, field: 'proc.fdusage', value: 75, printed: '75.0' },
  { name: 'no share of an unknown limit', in: inOrphan, field: 'proc.fdusage', value: 0 },
  { name: 'living threads', in: inChild, field: 'proc.nthreads', value: 2 },
  { name: 'living threads but the main one', in: inChild, field: 'proc.nchilds', value: 1 },
  { name: 'stdin is a file', in: inChild, field: 'proc.stdin.type', value: 'file' },
  { name: 'and its name', in: inChild, field: 'proc.stdin.name', value: '/dev/null' },
  { name: 'stdout is a pipe without a name', in: inChild, field: 'proc.stdout.name', value: '' },
  { name: 'stderr of no kind', in: inChild, field: 'proc.stderr.type', value: '<NA>' },
  { name: 'stdin is not known', in: inOrphan, field: 'proc.stdin.type', value: undefined },
]
testFields('proc', cases)

test('proc: parents in a loop are followed once', () => {
  const a = makeThread({ tid: 10, ptid: 11, comm: 'a' })
  const b = makeThread({ tid: 11, ptid: 10, comm: 'b' })
  const ctx = makeContext('close', {}, { thread: a, world: { threads: [a, b] } })
  const looped = { ...ctx, machine: { ...ctx.machine, parentOf: (t: typeof a) => (t === a ? b : a) } }
  assert.deepEqual(readField(looped, 'proc.aname'), ['b'])
  assert.equal(readField(looped, 'proc.aname[1]'), 'b')
  assert.equal(readField(looped, 'proc.aname[100000]'), undefined)
  assert.equal(readField(looped, 'proc.loginshellid'), undefined)
})

const worker = makeThread({
  tid: 400,
  vtid: 7,
  comm: 'w',
  cgroups: ['cpuset=/', 'memory=/docker/abc', 'name=systemd=/x'],
  flags: CloneFlag.isMainThread,
  capEffective: 1n | (1n << 21n),
  pfMajor: 3,
  vmSizeKb: 10,
  vmRssKb: 5,
})
const helper = makeThread({ tid: 401, pid: 400, vtid: -1, comm: 'h', vmSizeKb: 10 })
const inWorker = makeContext('close', {}, { thread: worker })
const inHelper = makeContext('close', {}, { thread: helper })

testFields('thread', [
  {
    name: 'capabilities by their names',
    in: inWorker,
    field: 'thread.cap_effective',
    value: 'CAP_CHOWN CAP_SYS_ADMIN',
  },
  { name: 'no capabilities', in: inWorker, field: 'thread.cap_permitted', value: '' },
  { name: 'page faults', in: inWorker, field: 'thread.pfmajor', value: 3 },
  { name: 'id', in: inHelper, field: 'thread.tid', value: 401 },
  { name: 'id without a known thread', in: inNobody, field: 'thread.tid', value: 1000 },
  { name: 'a main thread', in: inWorker, field: 'thread.ismain', value: true },
  { name: 'another thread', in: inHelper, field: 'thread.ismain', value: false },
  { name: 'id in its PID namespace', in: inWorker, field: 'thread.vtid', value: 7 },
  { name: 'an unknown id', in: inHelper, field: 'thread.vtid', value: undefined },
  { name: 'name and id', in: inHelper, field: 'thread.nametid', value: 'h401' },
  {
    name: 'control groups',
    in: inWorker,
    field: 'thread.cgroups',
    value: 'cpuset=/ memory=/docker/abc name=systemd=/x',
  },
  { name: 'no control groups', in: inHelper, field: 'thread.cgroups', value: undefined },
  { name: 'one control group', in: inWorker, field: 'thread.cgroup.memory', value: '/docker/abc' },
  { name: 'a control group that is not there', in: inWorker, field: 'thread.cgroup.mem', value: undefined },
  { name: 'memory of the process', in: inWorker, field: 'thread.vmsize', value: 10 },
  { name: 'memory in bytes', in: inWorker, field: 'thread.vmrss.b', value: 5120 },
  { name: 'only the main thread counts it', in: inHelper, field: 'thread.vmsize', value: 0 },
  { name: 'CPU use needs procinfo events', in: inWorker, field: 'thread.cpu', value: undefined },
  { name: 'CPU time needs switch events', in: inWorker, field: 'thread.exectime', value: 0 },
])

test('thread: CPU time is counted from switch to switch of one CPU', () => {
  const at = (tsNs: bigint, cpu: number): ReturnType<typeof makeContext> =>
    makeContext('switch', { next: 1 }, { thread: worker, tsNs, cpu })
  const row = [at(100n, 0), at(150n, 1), at(300n, 0), at(350n, 1)]
  const readers = ['thread.exectime', 'thread.totexectime'].map(name => {
    const read = fieldByName(name)!.bind(undefined)
    return row.map(ctx => read(ctx))
  })
  assert.deepEqual(readers, [
    [0, 0, 200, 200],
    [0, 0, 200, 400],
  ])
})

const users = [
  { uid: 1000, gid: 100, name: 'me', home: '/home/me', shell: '/bin/zsh' },
  { uid: 0, gid: 0, name: 'toor', home: '/', shell: '/bin/sh' },
]
const groups = [{ gid: 100, name: 'users' }]
function actingAs(uid: number, loginuid: number, gid: number, isListed = true): ReturnType<typeof makeContext> {
  const thread = makeThread({ tid: 5, uid, loginuid, gid })
  return makeContext('close', {}, { thread, world: isListed ? { users, groups } : {} })
}
const me = actingAs(1000, 0, 100)
const unlisted = actingAs(7, 0xffffffff, 8)
const root = actingAs(0, 0, 0, false)

testFields('user', [
  { name: 'id', in: me, field: 'user.uid', value: 1000 },
  { name: 'name', in: me, field: 'user.name', value: 'me' },
  { name: 'home', in: me, field: 'user.homedir', value: '/home/me' },
  { name: 'shell', in: me, field: 'user.shell', value: '/bin/zsh' },
  { name: 'who logged in', in: me, field: 'user.loginname', value: 'toor' },
  { name: 'login id', in: me, field: 'user.loginuid', value: 0 },
  { name: 'nobody logged in', in: unlisted, field: 'user.loginuid', value: -1 },
  { name: 'an unlisted user has the name <NA>', in: unlisted, field: 'user.name', value: '<NA>' },
  { name: 'nobody has the name <NA>', in: unlisted, field: 'user.loginname', value: '<NA>' },
  { name: 'root is known without a list', in: root, field: 'user.name', value: 'root' },
  { name: 'and its home', in: root, field: 'user.homedir', value: '/root' },
  { name: 'but not its shell', in: root, field: 'user.shell', value: '<NA>' },
  { name: 'no user without a thread', in: inNobody, field: 'user.name', value: undefined },
  { name: 'group', in: me, field: 'group.gid', value: 100 },
  { name: 'group name', in: me, field: 'group.name', value: 'users' },
  { name: 'an unlisted group', in: unlisted, field: 'group.name', value: '<NA>' },
  { name: 'group 0 is known without a list', in: root, field: 'group.name', value: 'root' },
])
