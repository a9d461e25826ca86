import assert from 'node:assert/strict'
import { test } from 'node:test'
import { START_NS, TestHost } from './testdata/test-host.ts'
import { CloneFlag, type Thread } from './thread.ts'

const THREAD = CloneFlag.thread | CloneFlag.files
const NO_CHANGE = 0xffffffff

/** init, and a shell 100 that is its child. */
function shell(): TestHost {
  const host = new TestHost()
  host.process(1, { ptid: 0, comm: 'init', exe: 'init' })
  host.process(100, {
    comm: 'bash',
    exe: 'bash',
    exepath: '/bin/bash',
    args: ['-l'],
    env: ['HOME=/root'],
    sid: 100,
    pgid: 100,
    vpgid: 100,
    tty: 34816,
    loginuid: 1000,
    capEffective: 7,
    exeIno: 55,
  })
  return host
}

function assertThread(thread: Thread | undefined, want: Readonly<Partial<Record<keyof Thread, unknown>>>): void {
  assert.ok(thread !== undefined, 'the thread is known')
  const got = Object.fromEntries(Object.keys(want).map(key => [key, thread[key as keyof Thread]]))
  assert.deepEqual(got, want)
}

const cases: readonly {
  readonly name: string
  readonly act: (host: TestHost) => void
  readonly tid?: number
  readonly want: Readonly<Partial<Record<keyof Thread, unknown>>> | undefined
}[] = [
  // clone and fork
  {
    name: 'the caller’s return makes the child, of what the event says and what the parent has',
    act: h => h.cloneInCaller(100, 200, { comm: 'bash', exe: 'bash', args: ['-l'], uid: 5, gid: 6, fdlimit: 99 }),
    want: {
      pid: 200,
      ptid: 100,
      vtid: 200,
      vpid: 200,
      comm: 'bash',
      exe: 'bash',
      exepath: '/bin/bash',
      args: ['-l'],
      env: ['HOME=/root'],
      cwd: '/srv/',
      uid: 5,
      gid: 6,
      fdlimit: 99,
      sid: 100,
      pgid: 100,
      vpgid: 100,
      tty: 34816,
      loginuid: 1000,
      capEffective: 7,
      exeIno: 55,
      cloneTsNs: START_NS + 1000n,
    },
  },
  {
    name: 'the child’s return after it changes nothing',
    act: h => h.clone(100, 200, { comm: 'first' }),
    want: { comm: 'first', flags: 0, cloneTsNs: START_NS + 1000n },
  },
  {
    name: 'the child’s return before the caller’s makes the child',
    act: h => {
      h.cloneInChild(100, 200, { comm: 'first' })
      h.cloneInCaller(100, 200, { comm: 'second' })
    },
    want: { comm: 'first', pid: 200, ptid: 100, cwd: '/srv/', flags: CloneFlag.inverted },
  },
  {
    name: 'a child known for more than two seconds is another one: its end was missed',
    act: h => {
      h.cloneInChild(100, 200, { comm: 'first' })
      h.emit('switch', {}, { tid: 100, ts: START_NS + 5_000_000_000n })
      h.cloneInChild(100, 200, { comm: 'second' })
    },
    want: { comm: 'second' },
  },
  {
    name: 'a tid that the caller is told again is a new child',
    act: h => {
      h.cloneInCaller(100, 200, { comm: 'first' })
      h.cloneInCaller(100, 200, { comm: 'second' })
    },
    want: { comm: 'second' },
  },
  { name: 'a clone that failed makes none', act: h => h.cloneInCaller(100, 200, { res: -11 }), want: undefined },
  {
    name: 'the caller of a vfork waits, so the child tells of itself',
    act: h => h.cloneInCaller(100, 200, { flags: CloneFlag.vfork }),
    want: undefined,
  },
  {
    name: 'the caller of the vfork system call does, too',
    act: h => {
      h.emit('vfork', { res: 200, exe: 'x', pid: 100, ptid: 1, vtid: 100, vpid: 100, flags: 0 }, { tid: 100 })
    },
    want: undefined,
  },
  {
    name: 'the child of a vfork tells of itself',
    act: h => h.cloneInChild(100, 200, { flags: CloneFlag.vfork }),
    want: { pid: 200, ptid: 100, comm: 'prog' },
  },
  {
    name: 'a child in a new pid namespace tells of itself: the caller is told a number that is not the host’s',
    act: h => h.cloneInCaller(100, 2, { flags: CloneFlag.newPid }),
    tid: 2,
    want: undefined,
  },
  {
    name: 'in a pid namespace a child has both numbers, and the namespace’s start',
    act: h => h.cloneInChild(100, 200, { flags: CloneFlag.childInPidns, vtid: 1, vpid: 1, pidns_init_start_ts: 12345 }),
    want: { tid: 200, pid: 200, vtid: 1, vpid: 1, pidnsInitStartTs: 12345, isInPidNamespace: true },
  },
  {
    name: 'outside a pid namespace its start is not kept',
    act: h => h.cloneInChild(100, 200, { pidns_init_start_ts: 12345 }),
    want: { pidnsInitStartTs: 0 },
  },
  {
    name: 'a thread belongs to its process',
    act: h => h.cloneInCaller(100, 101, { flags: CloneFlag.thread }),
    tid: 101,
    want: { pid: 100, ptid: 1, flags: THREAD, isMainThread: false },
  },
  {
    name: 'a thread that tells of itself takes after the main thread',
    act: h => h.cloneInChild(1, 101, { pid: 100, flags: CloneFlag.thread }),
    tid: 101,
    want: { pid: 100, ptid: 1, exepath: '/bin/bash', tty: 34816, isMainThread: false },
  },
  {
    name: 'a caller of whom nothing was known is known by its child',
    act: h => h.cloneInCaller(500, 501, { comm: 'late', exe: 'late', args: ['-z'], ptid: 1 }),
    tid: 500,
    want: { pid: 500, ptid: 1, comm: 'late', exe: 'late', args: ['-z'], isInvented: false },
  },
  {
    name: 'a thread of a process that was not known brings its main thread',
    act: h => h.cloneInChild(1, 501, { pid: 500, flags: CloneFlag.thread, comm: 'late', vpid: 500 }),
    tid: 500,
    want: { pid: 500, ptid: 1, comm: 'late', isInvented: false },
  },
  {
    name: 'a clone without a command has argv[0]',
    act: h => h.cloneInCaller(100, 200, { comm: '', exe: '/bin/sh' }),
    want: { comm: '/bin/sh' },
  },
  {
    name: 'cgroups name the container',
    act: h => h.cloneInCaller(100, 200, { cgroups: ['cpu=/', `memory=/docker/${'ab'.repeat(32)}`] }),
    want: {
      cgroups: ['cpu=/', `memory=/docker/${'ab'.repeat(32)}`],
      containerId: 'abababababab',
    },
  },
  {
    name: 'fork and clone3 make children as clone does',
    act: h => {
      h.emit('fork', { res: 0, exe: 'a', pid: 200, ptid: 100, vtid: 200, vpid: 200, comm: 'a', flags: 0 }, { tid: 200 })
      h.emit('clone3', { res: 0, exe: 'b', pid: 201, ptid: 200, vtid: 201, vpid: 201, comm: 'b' }, { tid: 201 })
    },
    tid: 201,
    want: { pid: 201, ptid: 200, comm: 'b', cwd: '/srv/' },
  },

  // execve
  {
    name: 'execve replaces the program',
    act: h =>
      h.exec(100, {
        exe: './new',
        args: ['-n', ''],
        comm: 'new',
        env: ['A=1', 'B=2'],
        trusted_exepath: '/usr/bin/new (deleted)',
        tty: 7,
        vpgid: 8,
        pgid: 9,
        loginuid: 10,
        uid: 11,
        gid: 12,
        flags: 5,
        cap_inheritable: 1,
        cap_permitted: 2,
        cap_effective: 3,
        exe_ino: 77,
        exe_ino_ctime: 1000,
        exe_ino_mtime: 2000,
      }),
    tid: 100,
    want: {
      exe: './new',
      args: ['-n', ''],
      comm: 'new',
      env: ['A=1', 'B=2'],
      exepath: '/usr/bin/new',
      tty: 7,
      vpgid: 8,
      pgid: 9,
      loginuid: 10,
      uid: 11,
      gid: 12,
      exeWritable: true,
      exeUpperLayer: false,
      exeFromMemfd: true,
      exeLowerLayer: false,
      capInheritable: 1,
      capPermitted: 2,
      capEffective: 3,
      exeIno: 77,
      exeInoCtime: 1000,
      exeInoMtime: 2000,
      lastExecTsNs: START_NS + 1000n,
    },
  },
  {
    name: 'what an execve does not tell stays',
    act: h => h.exec(100),
    tid: 100,
    want: { env: ['HOME=/root'], tty: 34816, exepath: '/bin/bash', capEffective: 7, exeIno: 55, cwd: '/srv/' },
  },
  {
    name: 'an execve that failed changes nothing',
    act: h => h.exec(100, { res: -2, comm: 'none' }),
    tid: 100,
    want: { comm: 'bash', args: ['-l'] },
  },
  {
    name: 'execveat replaces the program, too',
    act: h => h.exec(100, { comm: 'at' }, 'execveat'),
    tid: 100,
    want: { comm: 'at' },
  },
  {
    name: 'the time from the clone to the file’s last change is unsigned, as in Falco',
    act: h => {
      h.cloneInCaller(100, 200)
      h.exec(200, { exe_ino: 1, exe_ino_ctime: START_NS + 2000n, exe_ino_mtime: 1 })
    },
    want: { exeInoCtimeDurationCloneTs: 2n ** 64n - 1000n },
  },
  {
    name: 'the time from the namespace’s start to the file’s last change',
    act: h => {
      h.cloneInChild(100, 200, { flags: CloneFlag.childInPidns, vtid: 1, vpid: 1, pidns_init_start_ts: 300 })
      h.exec(200, { exe_ino: 1, exe_ino_ctime: 1000, exe_ino_mtime: 1 })
    },
    want: { exeInoCtimeDurationPidnsStart: 700 },
  },
  {
    name: 'an execve by a thread that was not known makes it known',
    act: h => h.exec(300, { pid: 300, ptid: 100 }),
    tid: 300,
    want: { pid: 300, ptid: 100, vtid: 300, vpid: 300, isInvented: false, comm: 'new' },
  },
  {
    name: 'an execve ends all other threads of its process',
    act: h => {
      h.cloneInCaller(100, 101, { flags: CloneFlag.thread })
      h.exec(100)
    },
    tid: 101,
    want: undefined,
  },
  {
    name: 'an execve by the main thread’s number after its end: another thread took its place',
    act: h => {
      h.cloneInCaller(100, 101, { flags: CloneFlag.thread })
      h.exit(100)
      h.settle()
      h.exec(100)
    },
    tid: 100,
    want: { isDead: false, comm: 'new' },
  },
  {
    name: 'an execve with another pid: the thread’s end and the process’s beginning were missed',
    act: h => {
      h.cloneInCaller(100, 101, { flags: CloneFlag.thread })
      h.exec(101, { pid: 101 })
    },
    tid: 101,
    want: { pid: 101, isMainThread: true, ptid: 1 },
  },
  {
    name: 'an execve with a pid that cannot be leaves the thread in the tree',
    act: h => h.exec(100, { pid: -5, ptid: -5 }),
    tid: 100,
    want: { pid: 0, ptid: 1, isInvented: false },
  },

  // exits
  {
    name: 'a thread that ended is there until the next event',
    act: h => h.exit(100),
    tid: 100,
    want: { isDead: true, comm: 'bash' },
  },
  {
    name: 'and then it is gone',
    act: h => {
      h.exit(100)
      h.settle()
    },
    tid: 100,
    want: undefined,
  },
  {
    name: 'an event of a thread that ended makes a new one',
    act: h => {
      h.exit(100)
      h.emit('kill', {}, { tid: 100 })
    },
    tid: 100,
    want: { comm: '<NA>', isInvented: true },
  },
  {
    name: 'the exit tells who inherits the children',
    act: h => {
      h.process(300)
      h.cloneInCaller(100, 200)
      h.exit(100, { reaper_tid: 300 })
      h.settle()
    },
    want: { ptid: 300 },
  },
  {
    name: 'a subreaper inherits',
    act: h => {
      h.emit('prctl', { res: 0, option: 36, arg2_int: 1 })
      h.cloneInCaller(100, 200)
      h.cloneInCaller(200, 201)
      h.cloneInCaller(201, 202)
      h.exit(201)
      h.settle()
    },
    tid: 202,
    want: { ptid: 100 },
  },
  {
    name: 'a thread that is no subreaper any more does not',
    act: h => {
      h.emit('prctl', { res: 0, option: 36, arg2_int: 1 })
      h.emit('prctl', { res: 0, option: 36, arg2_int: 0 })
      h.cloneInCaller(100, 200)
      h.cloneInCaller(200, 201)
      h.exit(200)
      h.settle()
    },
    tid: 201,
    want: { ptid: 1 },
  },
  {
    name: 'other options of prctl change nothing',
    act: h => {
      h.emit('prctl', { res: 0, option: 15, arg2_int: 1 })
      h.cloneInCaller(100, 200)
      h.cloneInCaller(200, 201)
      h.exit(200)
      h.settle()
    },
    tid: 201,
    want: { ptid: 1 },
  },

  // identity
  { name: 'setuid', act: h => h.emit('setuid', { res: 0, uid: 33 }), tid: 100, want: { uid: 33 } },
  { name: 'a setuid that failed', act: h => h.emit('setuid', { res: -1, uid: 33 }), tid: 100, want: { uid: 0 } },
  {
    name: 'setreuid sets the effective user',
    act: h => h.emit('setreuid', { res: 0, ruid: 1, euid: 2 }),
    tid: 100,
    want: { uid: 2 },
  },
  {
    name: 'setresuid sets the effective user',
    act: h => h.emit('setresuid', { res: 0, ruid: 1, euid: 2, suid: 3 }),
    tid: 100,
    want: { uid: 2 },
  },
  { name: 'setgid', act: h => h.emit('setgid', { res: 0, gid: 44 }), tid: 100, want: { gid: 44, uid: 0 } },
  {
    name: 'setresgid sets the effective group',
    act: h => h.emit('setresgid', { res: 0, rgid: 1, egid: 2, sgid: 3 }),
    tid: 100,
    want: { gid: 2 },
  },
  {
    name: 'setregid sets the effective group',
    act: h => h.emit('setregid', { res: 0, rgid: 1, egid: 2 }),
    tid: 100,
    want: { gid: 2 },
  },
  { name: 'setsid', act: h => h.emit('setsid', { res: 321 }), tid: 100, want: { sid: 321 } },
  { name: 'a setsid that failed', act: h => h.emit('setsid', { res: -1 }), tid: 100, want: { sid: 100 } },
  {
    name: 'capset sets all three sets',
    act: h => h.emit('capset', { res: 0, cap_inheritable: 1, cap_permitted: 2, cap_effective: 3 }),
    tid: 100,
    want: { capInheritable: 1, capPermitted: 2, capEffective: 3 },
  },
  {
    name: 'a capset that failed',
    act: h => h.emit('capset', { res: -1, cap_effective: 3 }),
    tid: 100,
    want: { capEffective: 7 },
  },
  {
    name: 'a new user namespace gives all capabilities',
    act: h => h.emit('unshare', { res: 0, flags: CloneFlag.newUser }),
    tid: 100,
    want: { capInheritable: 2 ** 41 - 1, capPermitted: 2 ** 41 - 1, capEffective: 2 ** 41 - 1 },
  },
  {
    name: 'so does entering one',
    act: h => h.emit('setns', { res: 0, fd: 3, nstype: CloneFlag.newUser }),
    tid: 100,
    want: { capEffective: 2 ** 41 - 1 },
  },
  {
    name: 'other namespaces do not',
    act: h => h.emit('unshare', { res: 0, flags: CloneFlag.newPid }),
    tid: 100,
    want: { capEffective: 7 },
  },
  {
    name: 'nor a call that failed',
    act: h => h.emit('unshare', { res: -1, flags: CloneFlag.newUser }),
    tid: 100,
    want: { capEffective: 7 },
  },

  // directories
  {
    name: 'chdir to an absolute path',
    act: h => h.emit('chdir', { res: 0, path: '/tmp/x/' }),
    tid: 100,
    want: { cwd: '/tmp/x/' },
  },
  {
    name: 'chdir to a relative path starts from where it was',
    act: h => h.emit('chdir', { res: 0, path: '../b' }),
    tid: 100,
    want: { cwd: '/b/' },
  },
  {
    name: 'chdir that failed',
    act: h => h.emit('chdir', { res: -2, path: '/tmp' }),
    tid: 100,
    want: { cwd: '/srv/' },
  },
  {
    name: 'fchdir goes to the directory of the fd',
    act: h => {
      h.open(3, '/var/log', 1 << 10)
      h.emit('fchdir', { res: 0, fd: 3 })
    },
    tid: 100,
    want: { cwd: '/var/log/' },
  },
  {
    name: 'fchdir to an unknown fd changes nothing',
    act: h => h.emit('fchdir', { res: 0, fd: 3 }),
    tid: 100,
    want: { cwd: '/srv/' },
  },
  {
    name: 'getcwd says where it is',
    act: h => h.emit('getcwd', { res: 5, path: '/proc' }),
    tid: 100,
    want: { cwd: '/proc/' },
  },
  { name: 'chroot', act: h => h.emit('chroot', { res: 0, path: '/jail' }), tid: 100, want: { root: '/jail' } },
  { name: 'chroot that failed', act: h => h.emit('chroot', { res: -1, path: '/jail' }), tid: 100, want: { root: '/' } },

  // limits and memory
  {
    name: 'setrlimit of open files',
    act: h => h.emit('setrlimit', { res: 0, cur: 77, max: 88, resource: 7 }),
    tid: 100,
    want: { fdlimit: 77 },
  },
  {
    name: 'getrlimit of open files says what it is',
    act: h => h.emit('getrlimit', { res: 0, cur: 78, max: 88, resource: 7 }),
    tid: 100,
    want: { fdlimit: 78 },
  },
  {
    name: 'another limit is another matter',
    act: h => h.emit('setrlimit', { res: 0, cur: 77, max: 88, resource: 3 }),
    tid: 100,
    want: { fdlimit: 1024 },
  },
  {
    name: 'prlimit without a pid is one’s own',
    act: h => h.emit('prlimit', { res: 0, newcur: 66, pid: 0, resource: 7 }),
    tid: 100,
    want: { fdlimit: 66 },
  },
  {
    name: 'prlimit of another process',
    act: h => h.emit('prlimit', { res: 0, newcur: 66, pid: 1, resource: 7 }),
    tid: 1,
    want: { fdlimit: 66 },
  },
  {
    name: 'prlimit that only asks',
    act: h => h.emit('prlimit', { res: 0, newcur: -1, pid: 0, resource: 7 }),
    tid: 100,
    want: { fdlimit: 1024 },
  },
  {
    name: 'a switch tells the page faults, and the memory of the process',
    act: h => h.emit('switch', { next: 5, pgft_maj: 1, pgft_min: 2, vm_size: 3, vm_rss: 4, vm_swap: 5 }),
    tid: 100,
    want: { pfMajor: 1, pfMinor: 2, vmSizeKb: 3, vmRssKb: 4, vmSwapKb: 5 },
  },
  {
    name: 'brk and mmap tell the memory',
    act: h => h.emit('brk', { res: 0, vm_size: 30, vm_rss: 40, vm_swap: 50 }),
    tid: 100,
    want: { vmSizeKb: 30, vmRssKb: 40, vmSwapKb: 50 },
  },
]

for (const c of cases) {
  test(`processes: ${c.name}`, () => {
    const host = shell()
    c.act(host)
    const thread = host.state.threads.get(c.tid ?? 200)
    if (c.want === undefined) assert.equal(thread, undefined)
    else assertThread(thread, c.want)
  })
}

test('the context of an event has the thread that made it, and of a clone the child or the caller', () => {
  const host = shell()
  assert.equal(host.emit('kill').thread?.tid, 100)
  assert.equal(host.cloneInCaller(100, 200).thread?.tid, 100)
  assert.equal(host.cloneInChild(100, 200).thread?.tid, 200)
  assert.equal(host.cloneInChild(100, 201).thread?.tid, 201)
  assert.equal(host.exit(201).thread?.tid, 201)
  assert.equal(host.emit('switch', {}, { tid: 999 }).thread, undefined)
  assert.equal(host.emit('procexit', {}, { tid: 999 }).thread, undefined)
  assert.equal(host.emit('kill', {}, { tid: 999 }).thread?.comm, '<NA>')
})

test('directories, environment and limits are the process’s: its threads see and change them', () => {
  const host = shell()
  host.cloneInCaller(100, 101, { flags: CloneFlag.thread })
  const thread = host.thread(101)
  assert.equal(host.state.cwdOf(thread), '/srv/')
  assert.deepEqual(host.state.envOf(thread), ['HOME=/root'])
  host.emit('chdir', { res: 0, path: '/tmp' }, { tid: 101 })
  assert.equal(host.state.cwdOf(host.thread(100)), '/tmp/')
  host.emit('setrlimit', { res: 0, cur: 5, max: 5, resource: 7 }, { tid: 101 })
  assert.equal(host.thread(100).fdlimit, 5)
})

test('a thread without a known process has no directory', () => {
  const host = shell()
  host.emit('kill', {}, { tid: 999 })
  assert.equal(host.state.cwdOf(host.thread(999)), './')
})

test('marks of a pipeline survive an execve, marks of the clone do not', () => {
  const host = shell()
  host.cloneInCaller(100, 200, { flags: CloneFlag.pipeDest | CloneFlag.newUser })
  host.exec(200, { pid: 200 })
  assert.equal(host.thread(200).flags, CloneFlag.pipeDest)
})

test('texts made of a program’s name and arguments are made anew after an execve', () => {
  const host = shell()
  const thread = host.thread(100)
  thread.cmdlineText = 'bash -l'
  thread.argsText = '-l'
  thread.exelineText = 'bash -l'
  thread.envText = 'HOME=/root'
  host.cloneInCaller(100, 200, { comm: 'bash', exe: 'bash', args: ['-l'] })
  assertThread(host.thread(200), { cmdlineText: 'bash -l', argsText: '-l', envText: 'HOME=/root' })
  host.cloneInCaller(100, 201, { comm: 'other', exe: 'bash', args: ['-l'] })
  assertThread(host.thread(201), { cmdlineText: undefined, argsText: '-l', exelineText: 'bash -l' })
  host.exec(100, { env: ['A=1'] })
  assertThread(thread, { cmdlineText: undefined, argsText: undefined, exelineText: undefined, envText: undefined })
})

test('when all programs’ texts are too long, those of new programs are cut short and counted', () => {
  const host = new TestHost({ maxProgramText: 3000 })
  host.process(1, { ptid: 0 })
  host.process(100, { args: ['x'.repeat(1000)] })
  host.exec(100, { exe: 'a'.repeat(500), args: ['b'.repeat(2000)] })
  assert.equal(host.thread(100).args[0]?.length, 2000)
  host.cloneInCaller(100, 200)
  host.exec(200, { pid: 200, exe: 'a'.repeat(500), args: ['b'.repeat(2000), 'c'], env: ['d'.repeat(2000)] })
  const clipped = host.thread(200)
  assert.equal(clipped.exe, 'a'.repeat(128))
  assert.deepEqual(clipped.args, ['b'.repeat(128)])
  assert.deepEqual(clipped.env, ['d'.repeat(128)])
  assert.equal(clipped.comm, 'new', 'short ones are whole')
  assert.ok(host.state.counters().clippedTexts > 0)
  host.exit(100)
  host.settle()
  host.exec(200, { pid: 200, args: ['b'.repeat(2000)] })
  assert.equal(host.thread(200).args[0]?.length, 2000, 'there is room again')
})

test('texts of a process list count, too', () => {
  const host = new TestHost({ maxProgramText: 100 })
  host.process(1, { ptid: 0, args: ['x'.repeat(200)], env: ['y'.repeat(200)] })
  assertThread(host.thread(1), { args: [], env: [], comm: 'prog' })
  assert.equal(host.state.counters().clippedTexts, 1)
})

for (const { source, lookup, env, uid, gid } of [
  { source: 'live', lookup: { process: () => undefined, fd: () => undefined }, env: [], uid: 0, gid: 44 },
  { source: 'of a capture, as in Falco', lookup: undefined, env: ['A=1'], uid: NO_CHANGE, gid: NO_CHANGE },
]) {
  test(`a program that is given no environment, and ids that stay as they are, ${source}`, () => {
    const host = new TestHost(lookup === undefined ? {} : { lookup })
    host.process(100)
    host.exec(100, { env: ['A=1'] })
    host.exec(100, { trusted_exepath: '/bin/new' })
    host.emit('setgid', { res: 0, gid: 44 })
    host.emit('setresuid', { res: 0, ruid: 33, euid: NO_CHANGE, suid: 33 })
    host.emit('setregid', { res: 0, rgid: 1, egid: NO_CHANGE })
    const thread = host.thread(100)
    assert.deepEqual(thread.env, env)
    assert.deepEqual([thread.uid, thread.gid], [uid, gid])
  })
}

for (const { source, lookup, start } of [
  {
    source: 'live, since the epoch',
    lookup: { process: () => undefined, fd: () => undefined },
    start: 1_795_280_462_000_012_345n,
  },
  { source: 'in a replay, since the machine was started', lookup: undefined, start: 12345n },
]) {
  test(`when a pid namespace began, ${source}`, () => {
    const host = new TestHost(lookup === undefined ? {} : { lookup })
    host.state.setMachine({ cpuCount: 1, memoryBytes: 1, hostname: 'h', bootTsNs: 1_795_280_462_000_000_000n })
    host.process(100)
    host.cloneInChild(100, 200, { flags: CloneFlag.childInPidns, vtid: 1, vpid: 1, pidns_init_start_ts: 12345 })
    host.cloneInChild(100, 201)
    assert.deepEqual(
      [host.thread(200), host.thread(201)].map(t => BigInt(t.pidnsInitStartTs)),
      [start, 0n],
    )
  })
}
