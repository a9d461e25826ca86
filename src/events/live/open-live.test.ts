import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createRecord, paramText } from '../decode-record.ts'
import { LiveError } from './live-error.ts'
import { openLive } from './open-live.ts'
import { type SeenEvent, cutLinks, liveSkipReason, watch } from './testing.ts'
import { encodeWanted, mergeWanted, stateCalls, wantAll } from './wanted-calls.ts'

const skip = liveSkipReason()
const python = '/usr/bin/python3'
/** Whoever waits so long waits until the runner ends the test. */
const FOREVER_MS = 3_600_000

/** arm64 has only the newer ones of calls that do the same. */
const isArm = process.arch === 'arm64'

/** Runs a program to its end; gives its process id and what it printed. */
function run(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly pid: number; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', data => (output += String(data)))
    child.on('error', reject)
    child.on('close', () => resolve({ pid: child.pid ?? 0, output }))
  })
}

/** Calls with paths, and those that do the same on arm64. */
const pathCalls: Readonly<Record<string, string>> = {
  unlink: 'unlinkat',
  rename: 'renameat',
  mkdir: 'mkdirat',
  rmdir: 'unlinkat',
  symlink: 'symlinkat',
  link: 'linkat',
}

/** What `testdata/calls.py` prints. */
interface Used {
  readonly pid: number
  readonly tcp4: readonly [number, number]
  readonly tcp6: readonly [number, number]
  readonly udp: readonly [number, number]
  readonly unix: string
  readonly directory: string
  readonly ino: number
  readonly exited: number
  readonly killed: number
}

describe('live events of one program', { skip }, () => {
  let seen: readonly SeenEvent[] = []
  let used: Used

  before(async () => {
    const wanted = mergeWanted(
      stateCalls,
      wantAll(Object.keys(pathCalls).map(name => (isArm ? pathCalls[name]! : name))),
      wantAll(['fchmod', 'kill', 'getppid']),
      wantAll(['sendto', 'recvfrom', 'sendmsg', 'recvmsg']),
    )
    let output = ''
    let pid = 0
    const all = await watch({ wanted }, async source => {
      const script = fileURLToPath(new URL('./testdata/calls.py', import.meta.url))
      ;({ output, pid } = await run(python, ['-S', script], { LANG: 'C' }))
      assert.deepEqual(source.unknownCalls, isArm ? encodeWanted(stateCalls).unknown : [])
    })
    used = JSON.parse(output) as Used
    assert.equal(used.pid, pid)
    const mine = new Set([pid, used.exited, used.killed])
    seen = all.filter(event => mine.has(event.tid))
    assert.ok(
      all.every(event => event.tid !== process.pid),
      'the reader must not see its own calls',
    )
  })

  const named = (name: string): readonly SeenEvent[] => seen.filter(event => event.name === name)
  const withArgs = (name: string, args: Readonly<Record<string, unknown>>): SeenEvent => {
    const found = named(name).find(event => Object.entries(args).every(([key, value]) => event.args[key] === value))
    assert.ok(
      found,
      `no ${name} with ${JSON.stringify(args)} among\n${named(name)
        .map(e => JSON.stringify(e.args))
        .join('\n')}`,
    )
    return found
  }

  test('a TCP connection has both ends, over IPv4 and IPv6', () => {
    const [from4, to4] = used.tcp4
    withArgs('connect', { res: 0, tuple: `127.0.0.1:${from4}->127.0.0.1:${to4}`, addr: `127.0.0.1:${to4}` })
    withArgs('accept4', { tuple: `127.0.0.1:${from4}->127.0.0.1:${to4}`, queuemax: 7, flags: '0x1000' })
    withArgs('sendto', { res: 4, data: 'ping', tuple: `127.0.0.1:${from4}->127.0.0.1:${to4}` })
    withArgs('recvfrom', { res: 4, data: 'ping', size: 100, tuple: `127.0.0.1:${from4}->127.0.0.1:${to4}` })
    const [from6, to6] = used.tcp6
    withArgs('connect', { res: 0, tuple: `[::1]:${from6}->[::1]:${to6}`, addr: `[::1]:${to6}` })
    withArgs('accept4', { tuple: `[::1]:${from6}->[::1]:${to6}` })
  })

  test('a refused connection has no ends but the address that was asked for', () => {
    assert.equal(withArgs('connect', { res: -111 }).args['addr'], '127.0.0.1:1')
    assert.equal(withArgs('connect', { res: -111 }).args['tuple'], null)
  })

  test('a v4-mapped address stays IPv6', () => {
    withArgs('connect', { res: 0, addr: '[::ffff:127.0.0.2]:4242' })
  })

  test('a datagram without a connection has the address that the program gave', () => {
    const [from, to] = used.udp
    withArgs('sendto', { res: 8, data: 'datagram', tuple: `0.0.0.0:${from}->127.0.0.1:${to}` })
    withArgs('recvfrom', { res: 8, data: 'datagram', tuple: `127.0.0.1:${from}->127.0.0.1:${to}` })
    withArgs('sendmsg', { res: 6, data: 'onetwo', size: 6 })
    withArgs('recvmsg', { res: 6, size: 6, data: 'onetwo' })
  })

  test('data is cut to the snap length, but not what goes to port 53', () => {
    assert.equal(withArgs('sendto', { res: 500 }).args['data'], 'x'.repeat(80))
    assert.equal(withArgs('sendto', { res: 300 }).args['data'], 'q'.repeat(300))
  })

  test('of writes, only a TLS ClientHello is told, and whole', () => {
    const hello = withArgs('write', { res: 517 }).args['data'] as { base64?: string } | string
    const bytes = typeof hello === 'string' ? Buffer.from(hello, 'latin1') : Buffer.from(hello.base64 ?? '', 'base64')
    assert.equal(bytes.length, 517)
    assert.equal(named('write').length, 1)
  })

  test('an abstract unix socket has its name, not what is behind it', () => {
    withArgs('bind', { addr: `unix:${used.unix}` })
    const { tuple, addr } = withArgs('connect', { addr: `unix:${used.unix}` }).args
    assert.equal(addr, `unix:${used.unix}`)
    assert.match(String(tuple), new RegExp(`^unix:ff[0-9a-f]{14}->ff[0-9a-f]{14} ${used.unix}$`))
  })

  test('an opened file has name, flags, mode, device and inode', () => {
    const { args } = withArgs('openat', { name: 'file', dirfd: -100 })
    assert.equal(args['flags'], 'O_F_CREATED|O_CLOEXEC|O_TRUNC|O_CREAT|O_RDWR')
    assert.equal(args['mode'], '0640')
    assert.equal(args['ino'], used.ino)
    const relative = seen.filter(e => e.name === 'openat' && e.args['name'] === 'file' && e.args['dirfd'] !== -100)
    assert.equal(relative.length, 1)
    withArgs('fchmod', { mode: 'S_ISUID|S_IRUSR|S_IWUSR|S_IXUSR|S_IRGRP|S_IXGRP|S_IROTH|S_IXOTH' })
  })

  test('paths of calls on directories', () => {
    withArgs('chdir', { res: 0, path: used.directory })
    const call = (name: string): string => (isArm ? pathCalls[name]! : name)
    withArgs(call('rename'), { res: 0, oldpath: 'file', newpath: 'renamed' })
    withArgs(call('symlink'), { res: 0, target: 'renamed', linkpath: 'symbolic' })
    withArgs(call('link'), { res: 0, oldpath: 'renamed', newpath: 'hard' })
    const at = isArm ? 'name' : 'path'
    withArgs(call('unlink'), { res: 0, [at]: 'hard' })
    withArgs(call('mkdir'), { res: 0, path: 'sub', mode: '0x1e8' })
    withArgs(call('rmdir'), { res: 0, [at]: used.directory })
  })

  test('a fork is told by the parent and by the child', () => {
    const parent = withArgs('clone', { res: used.exited }).args
    assert.equal(parent['pid'], used.pid)
    const child = seen.find(event => event.name === 'clone' && event.tid === used.exited)?.args
    assert.equal(child?.['res'], 0)
    assert.equal(child?.['ptid'], used.pid)
    // arm64 tells what the child shares with its parent (here nothing), not what was asked for
    assert.equal(child?.['flags'], isArm ? 0 : 'CLONE_CHILD_SETTID|CLONE_CHILD_CLEARTID')
  })

  test('an exit has its status or the signal', () => {
    const exited = seen.find(event => event.name === 'procexit' && event.tid === used.exited)?.args
    assert.deepEqual([exited?.['ret'], exited?.['sig']], [3, 0])
    const killed = seen.find(event => event.name === 'procexit' && event.tid === used.killed)?.args
    assert.deepEqual([killed?.['status'], killed?.['sig'], killed?.['core']], [9, 9, 0])
  })

  test('a successful execve tells the new program', () => {
    const { args } = withArgs('execve', { res: 0, exe: 'zero' })
    assert.deepEqual(args['args'], ['one', 'two three'])
    assert.deepEqual(args['env'], ['NAME=value', 'OTHER='])
    assert.equal(args['filename'], '/bin/true')
    assert.equal(args['comm'], 'true')
    assert.equal(args['cwd'], '/')
    assert.equal(args['pid'], used.pid)
    assert.equal(args['ptid'], process.pid)
    assert.equal(args['trusted_exepath'], realpathSync('/bin/true'))
    assert.equal(args['uid'], process.geteuid?.())
  })

  test('a failed execve tells what was asked for', () => {
    const { args } = withArgs('execve', { res: -2, exe: 'first' })
    assert.deepEqual(args['args'], ['second'])
    assert.deepEqual(args['env'], ['A=1'])
    assert.equal(args['filename'], '/does-not-exist')
    assert.equal(args['comm'], 'renamed-comm')
  })

  test('descriptors and names that calls change', () => {
    withArgs(isArm ? 'dup3' : 'dup2', { res: 77, newfd: 77 })
    withArgs('close', { res: 0, fd: 77 })
    withArgs('prctl', { option: 'PR_SET_NAME', arg2_str: 'renamed-comm' })
    withArgs('setresuid', { ruid: 4294967295, euid: 0, suid: 4294967295 })
  })

  test('times are now, in the order of each CPU', () => {
    const now = BigInt(Date.now()) * 1_000_000n
    const last = new Map<number, bigint>()
    for (const event of seen) {
      assert.ok(event.tsNs > now - 120_000_000_000n && event.tsNs < now + 1_000_000_000n)
      assert.ok(event.tsNs >= (last.get(event.cpu) ?? 0n))
      last.set(event.cpu, event.tsNs)
    }
  })
})

describe('the live source', { skip }, () => {
  let keepAlive: NodeJS.Timeout
  before(() => {
    keepAlive = setInterval(() => {}, 1000)
  })
  after(() => clearInterval(keepAlive))

  test('tells only wanted calls, and others once they are wanted', async () => {
    const seen = await watch({ wanted: wantAll(['getppid']) }, async source => {
      await run('/bin/true', [])
      assert.deepEqual(source.setWanted(wantAll(['openat', 'no_such_call'])), ['no_such_call'])
      await run('/bin/true', [])
    })
    const names = new Set(seen.map(event => event.name))
    assert.ok(names.has('openat') && names.has('procexit') && names.has('execve'))
    // children of fork are always told on arm64, where they do not pass the end of the call
    const others = ['close', 'mmap', 'read', ...(isArm ? [] : ['clone'])]
    assert.ok(![...names].some(name => others.includes(name)), [...names].join(' '))
  })

  test('records that lie around the end of the ring are whole', async () => {
    const count = 20_000
    const path = (i: number): string => `/nowhere/${i}/${'x'.repeat(i % 300)}/end`
    const source = openLive({ wanted: wantAll(['openat', 'open']), ringBytes: 1024 * 1024, startNow: true })
    const record = createRecord()
    const seen: string[] = []
    const drain = (): void => {
      while (
        source.drain(record, rec => {
          const name = paramText(rec, rec.info.name === 'openat' ? 2 : 1) ?? ''
          if (name.startsWith('/nowhere/')) seen.push(name)
          return true
        }) > 0
      );
    }
    const timer = setInterval(drain, 2)
    try {
      const script =
        'import os\nfor i in range(' +
        `${count}):\n try: os.open("/nowhere/%d/%s/end" % (i, "x" * (i % 300)), 0)\n except OSError: pass`
      await run(python, ['-S', '-c', script])
      drain()
    } finally {
      clearInterval(timer)
    }
    const { lostRingFull, bad } = source.counters()
    await source.close()
    const made = new Set(Array.from({ length: count }, (_, i) => path(i)))
    assert.deepEqual(
      seen.filter(name => !made.has(name)),
      [],
    )
    // Some five times around; what a busy machine makes lose is counted.
    assert.ok(seen.length + lostRingFull >= count, `${seen.length} seen, ${lostRingFull} lost`)
    assert.equal(bad, 0)
  })

  test('a full ring loses events and counts them, and goes on after', async () => {
    const source = openLive({ wanted: wantAll(['openat', 'close', 'read', 'mmap']), ringBytes: 65536, startNow: true })
    try {
      for (let i = 0; i < 20; i++) await run('/bin/ls', ['/etc'])
      source.stop()
      const full = source.counters()
      assert.ok(full.lostRingFull > 0, JSON.stringify(full))
      assert.ok(source.backlogBytes() <= 65536)
      const record = createRecord()
      let shown = 0
      while (source.drain(record, () => ++shown > 0) > 0);
      assert.equal(shown, full.emitted)
      assert.equal(
        shown,
        full.perCpu.reduce((sum, cpu) => sum + cpu.emitted, 0),
      )
      assert.equal(source.backlogBytes(), 0)
      source.start()
      await run('/bin/true', [])
      assert.ok(source.drain(record, () => true) > 0)
      assert.equal(source.counters().bad, 0)
    } finally {
      await source.close()
    }
  })

  test('a drain can be ended and goes on where it was', async () => {
    const source = openLive({ wanted: wantAll(['openat']), ringBytes: 1024 * 1024, startNow: true })
    try {
      await run('/bin/true', [])
      source.stop()
      const record = createRecord()
      const nums: number[] = []
      while (source.drain(record, rec => nums.push(rec.num) % 3 !== 0) > 0);
      assert.ok(nums.length > 3)
      assert.deepEqual(
        nums,
        nums.map((_, i) => i + 1),
      )
    } finally {
      await source.close()
    }
  })

  test('a sleeping reader is woken by the first event', async () => {
    const source = openLive({ wanted: wantAll(['openat']), startNow: true })
    try {
      const record = createRecord()
      while (source.drain(record, () => true) > 0);
      const waiting = source.wait(FOREVER_MS, true)
      await run('/bin/true', [])
      await waiting
      assert.ok(source.drain(record, () => true) > 0)
    } finally {
      await source.close()
    }
  })

  test('a busy reader is not woken by each event', async () => {
    const source = openLive({ wanted: wantAll(['openat']), ringBytes: 64 * 1024 * 1024, startNow: true })
    try {
      await run('/bin/true', [])
      const started = performance.now()
      await source.wait(50)
      assert.ok(performance.now() - started >= 45, 'what is in the ring does not end the wait')
      assert.equal(source.counters().wakeups, 0)
    } finally {
      await source.close()
    }
  })

  test('a busy reader is woken when the ring fills', async () => {
    const source = openLive({ wanted: wantAll(['openat', 'close', 'read', 'mmap']), ringBytes: 65536, startNow: true })
    try {
      const filling = source.wait(FOREVER_MS)
      for (let i = 0; i < 10; i++) await run('/bin/ls', ['/etc'])
      await filling
      assert.ok(source.counters().wakeups >= 1)
      // Nobody waits while the ring is that full.
      await source.wait(FOREVER_MS)
    } finally {
      await source.close()
    }
  })

  test('a wait ends at its time, and when it is cancelled', async () => {
    const source = openLive({ wanted: new Map() })
    try {
      await source.wait(20)
      const waiting = source.wait(FOREVER_MS)
      source.cancelWait()
      await waiting
    } finally {
      await source.close()
      await source.close()
    }
  })

  test('calls wanted for names tell only names', async () => {
    const script = fileURLToPath(new URL('./testdata/calls.py', import.meta.url))
    let pid = 0
    const all = await watch({ wanted: stateCalls }, async () => {
      pid = (await run(python, ['-S', script], { LANG: 'C' })).pid
    })
    const io = all.filter(event => event.tid === pid && /^(send|recv|read|write)/.test(event.name))
    assert.deepEqual(
      io.map(event => [event.name, event.args['res']]),
      [
        ['sendto', 300],
        ['write', 517],
      ],
    )
  })

  test('requests to io_uring are counted', async t => {
    const source = openLive({ wanted: new Map(), startNow: true })
    try {
      const script = 'require("fs").readFile("/etc/hostname", () => {})'
      await run(process.execPath, ['-e', script], { UV_USE_IO_URING: '1' })
      const { uringRequests } = source.counters()
      if (uringRequests === 0) t.skip('the kernel or Node does not use io_uring here')
      else assert.ok(uringRequests >= 1)
    } finally {
      await source.close()
    }
  })

  test('nothing is told before `start`', async () => {
    const source = openLive({ wanted: stateCalls })
    try {
      await run('/bin/true', [])
      assert.equal(
        source.drain(createRecord(), () => true),
        0,
      )
    } finally {
      await source.close()
    }
  })

  test('the probe answers when nothing is wanted, and not once it is detached', async () => {
    const source = openLive({ wanted: new Map(), startNow: true })
    try {
      assert.deepEqual([source.counters().beats, source.counters().beats], [1, 2])
      assert.equal(source.counters().emitted, 0)
      cutLinks()
      const { beats } = source.counters()
      // The kernel lets a program end that is running; then no call is seen.
      for (let i = 0; i < 100; i++) source.counters()
      assert.ok(source.counters().beats < beats + 100)
    } finally {
      await source.close()
    }
  })

  test('nothing of the probe is left behind after `close`', async () => {
    const source = openLive({ wanted: stateCalls, startNow: true })
    await source.close()
    assert.equal(
      source.drain(createRecord(), () => true),
      0,
    )
    const fds = readlinkCount('anon_inode:bpf')
    assert.equal(fds, 0)
  })
})

/** Open descriptors of this process whose target begins so. */
function readlinkCount(prefix: string): number {
  let count = 0
  for (let fd = 0; fd < 256; fd++) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).startsWith(prefix)) count++
    } catch {
      // not open
    }
  }
  return count
}

const badOptions = [
  { name: 'a ring that is no power of two', options: { ringBytes: 100_000 }, message: /power of two/ },
  { name: 'a ring too small', options: { ringBytes: 4096 }, message: /ringBytes is 4096/ },
  { name: 'a snap length too large', options: { snapBytes: 100_000 }, message: /snapBytes is 100000/ },
  { name: 'an addon that is not there', options: { addonFile: '/nonexistent.node' }, message: /not built/ },
] as const

for (const c of badOptions) {
  test(`openLive refuses ${c.name}`, () => {
    assert.throws(
      () => openLive({ wanted: new Map(), ...c.options }),
      error => error instanceof LiveError && c.message.test(error.message),
    )
  })
}

const canUnshare: boolean = spawnSync('unshare', ['-n', '-m', 'true']).status === 0

describe('namespaces', { skip: skip || (!canUnshare && 'network namespaces cannot be made here') }, () => {
  test('unshare, setns and clone tell the namespaces that the thread lives in from then on, and who made them', async t => {
    const script = `
import ctypes, os, sys
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET, SIGCHLD = 0x20000, 0x10000000, 0x40000000, 17
libc = ctypes.CDLL(None, use_errno=True)
say = lambda *uids: print(os.getpid(), *[os.readlink('/proc/self/ns/' + kind)[5:-1] for kind in ('net', 'mnt')], *['%010d' % uid for uid in uids or (0, 0)], flush=True)
home = os.open('/proc/self/ns/net', os.O_RDONLY)
assert libc.unshare(CLONE_NEWNS | CLONE_NEWNET) == 0
say()
assert libc.setns(home, CLONE_NEWNET) == 0
say()
if libc.syscall(56, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0) == 0:
  say()
  os._exit(0)
os.wait()
if os.fork() == 0:
  # An ordinary user, where the machine lets them.
  os.setresuid(65534, 65534, 65534)
  if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0: say(65534, 0)
  os._exit(0)
os.wait()
`
    let said = ''
    const seen = await watch({ wanted: stateCalls }, async () => {
      said = (await run(python, ['-c', script])).output
    })
    const lines = said.trim().split('\n')
    if (lines.length === 3) t.diagnostic('without those of ordinary users, who may make none here')
    else assert.equal(lines.length, 4)
    const pids = new Set(lines.map(line => Number(line.split(' ')[0])))
    const told = seen
      .filter(
        event => event.name === 'asyncevent' && event.args['name'] === 'tiercel_namespaces' && pids.has(event.tid),
      )
      .map(event => `${event.tid} ${String(event.args['data'])}`)
    assert.deepEqual(told, lines)
  })
})

/** An addon that refuses as a machine may: `open` fails in a step with an errno, and the features are these. */
const refusals: readonly {
  readonly name: string
  readonly step: string
  readonly code: string
  readonly features?: Partial<Readonly<Record<'btf' | 'ringBuffer' | 'loader', number>>>
  /** The kernel says that it is Linux 2.6. */
  readonly isOld?: boolean
  readonly want: RegExp
}[] = [
  {
    name: 'a ring for which there is no memory',
    step: 'load',
    code: 'ENOMEM',
    want: /not enough memory for the probe and its ring/,
  },
  {
    name: 'a verifier that refuses',
    step: 'load',
    code: 'EINVAL',
    want: /the kernel refuses the probe \(load: EINVAL\)/,
  },
  {
    name: 'a tracepoint that cannot be had',
    step: 'attach',
    code: 'EBUSY',
    want: /cannot be attached \(attach: EBUSY\)/,
  },
  {
    name: 'a probe that does not answer',
    step: 'handshake',
    code: 'ENOENT',
    want: /cannot be attached \(handshake: ENOENT\)/,
  },
  { name: 'no BTF', step: 'load', code: 'EINVAL', features: { btf: 2 }, want: /no type information of the kernel/ },
  {
    name: 'a locked down kernel',
    step: 'load',
    code: 'EPERM',
    features: { ringBuffer: 1, loader: 1 },
    want: /refuses BPF programs \(a container without the bpf system call, or kernel lockdown\)/,
  },
  {
    name: 'an old kernel',
    step: 'load',
    code: 'EINVAL',
    features: { loader: 22 },
    isOld: true,
    want: /needs Linux 5\.17 or newer; this is 2\.6/,
  },
]

for (const c of refusals) {
  const skipped = process.getuid?.() === 0 && existsSync('/usr/bin/setarch') ? false : 'needs root and setarch'
  test(`openLive says in one line: ${c.name}`, { skip: skip !== false ? skip : skipped }, t => {
    const folder = mkdtempSync(join(tmpdir(), 'tiercel-refusal-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const addonFile = join(folder, 'addon.cjs')
    const features = JSON.stringify({ btf: 0, ringBuffer: 0, loader: 0, ...c.features })
    writeFileSync(
      addonFile,
      `exports.probeFeatures = () => (${features})
      exports.open = () => { throw Object.assign(new Error('no'), ${JSON.stringify({ step: c.step, code: c.code })}) }`,
    )
    const openIt = `import { openLive } from ${JSON.stringify(new URL('open-live.ts', import.meta.url).href)}
      try { openLive({ wanted: new Map(), addonFile: ${JSON.stringify(addonFile)} }) } catch (error) { console.log(error.name, error.message) }`
    const node = [process.execPath, '--input-type=module', '-e', openIt]
    const [file, ...args] = c.isOld === true ? ['setarch', '--uname-2.6', ...node] : node
    const { stdout } = spawnSync(file!, args, { encoding: 'utf8' })
    assert.match(stdout, c.want)
    assert.match(stdout, /^LiveError [^\n]+\n$/)
  })
}

test('event codes of the probe are those of the event table', () => {
  const events = JSON.parse(readFileSync(new URL('../data/events.json', import.meta.url), 'utf8')) as readonly {
    n: number
    name: string
  }[]
  const header = readFileSync(new URL('../../../native/bpf/event-codes.h', import.meta.url), 'utf8')
  const codes = [...header.matchAll(/^ {2}EV_(\w+) = (\d+),$/gm)]
  assert.ok(codes.length > 150)
  for (const [, name = '', code] of codes) assert.equal(events[Number(code)]?.name, name.toLowerCase())
})
