import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { findInRoot } from './find-in-root.ts'
import {
  type FileNews,
  type LibraryChoice,
  WorkloadFileReader,
  type WorkloadFileReaderOptions,
} from './workload-file-reader.ts'

const DEADLINE_MS = 120_000

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tiercel-files-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** A process as /proc has it. */
function addProcess(proc: string, pid: number, mntns: number, files: Readonly<Record<string, string>>): string {
  const root = join(proc, String(pid), 'root')
  mkdirSync(join(proc, String(pid), 'ns'), { recursive: true })
  symlinkSync(`mnt:[${mntns}]`, join(proc, String(pid), 'ns', 'mnt'))
  mkdirSync(join(root, 'etc'), { recursive: true })
  for (const [path, text] of Object.entries(files)) put(join(root, path), text)
  return root
}

/** A reader whose news are kept; `until` waits for them. */
function openReader(
  t: TestContext,
  procRoot?: string,
  intervalMs = 20,
  libraries: LibraryChoice = 'none',
  others: Partial<WorkloadFileReaderOptions> = {},
) {
  const news: FileNews[] = []
  const reader = new WorkloadFileReader({
    ...others,
    onNews: one => news.push(one),
    intervalMs,
    libraries,
    ...(procRoot !== undefined && { procRoot }),
  })
  t.after(() => reader.close())
  const until = async (isThere: (news: readonly FileNews[]) => boolean): Promise<void> => {
    const endMs = Date.now() + DEADLINE_MS
    while (!isThere(news)) {
      assert.ok(Date.now() < endMs, JSON.stringify(news))
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }
  return { reader, news, until }
}

const textOf = (news: readonly FileNews[], kind: string, mntns: number): string | undefined =>
  news.filter(one => one.kind === kind && one.mntns === mntns).map(one => ('text' in one ? one.text : ''))[0]

test('workload files: servers and hosts of the host and of a workload, each with its own', async t => {
  const proc = scratch(t)
  addProcess(proc, 1, 100, {
    'etc/resolv.conf': 'nameserver 127.0.0.53\noptions edns0\n',
    'run/systemd/resolve/resolv.conf': 'nameserver 192.0.2.53\n',
    'etc/hosts': '127.0.0.1 localhost\n',
  })
  addProcess(proc, 7, 207, { 'etc/resolv.conf': '# own\nnameserver 10.0.0.2\nnameserver fe80::1%eth0\n' })
  addProcess(proc, 8, 208, {})
  const { reader, news, until } = openReader(t, proc)
  reader.want(0, 1)
  reader.want(207, 7)
  reader.want(208, 8)
  await until(list => textOf(list, 'hosts', 208) !== undefined)
  assert.equal(textOf(news, 'resolv_conf', 0), '127.0.0.53\n192.0.2.53')
  assert.equal(textOf(news, 'hosts', 0), '127.0.0.1 localhost\n')
  const isRoot = process.getuid?.() === 0
  assert.equal(textOf(news, 'resolv_conf', 207), isRoot ? '10.0.0.2\nfe80::1' : '')
  assert.equal(textOf(news, 'hosts', 207), '')
  assert.equal(textOf(news, 'resolv_conf', 208), '127.0.0.1\n::1', 'without a file programs ask the local host')
  assert.equal(reader.counters().namespaces, 3)
})

test('workload files: in a container, of the host whose /proc is mounted', async t => {
  const folder = scratch(t)
  addProcess(join(folder, 'proc'), 1, 100, { 'etc/resolv.conf': 'nameserver 192.0.2.53\n' })
  const before = process.env['HOST_ROOT']
  process.env['HOST_ROOT'] = folder
  t.after(() => {
    if (before === undefined) delete process.env['HOST_ROOT']
    else process.env['HOST_ROOT'] = before
  })
  const { reader, news, until } = openReader(t)
  reader.want(0, 1)
  await until(list => textOf(list, 'resolv_conf', 0) !== undefined)
  assert.equal(textOf(news, 'resolv_conf', 0), '192.0.2.53')
})

test('workload files: a file that is changed is read again, one that is not is not', async t => {
  const proc = scratch(t)
  const root = addProcess(proc, 7, 207, { 'etc/hosts': '192.0.2.1 one.example\n' })
  const { reader, news, until } = openReader(t, proc)
  reader.want(207, 7)
  await until(list => list.length === 2)
  const before = reader.counters().reads
  await new Promise(resolve => setTimeout(resolve, 200))
  assert.equal(reader.counters().reads, before)
  writeFileSync(join(root, 'etc/hosts'), '192.0.2.2 two.example.\n')
  await until(list => list.some(one => 'text' in one && one.text.includes('192.0.2.2')))
  assert.equal(news.filter(one => one.kind === 'resolv_conf').length, 1)
})

test('workload files: a process that is gone, or lives elsewhere by now', async t => {
  const proc = scratch(t)
  addProcess(proc, 7, 300, {})
  const { reader, news, until } = openReader(t, proc, 3_600_000)
  reader.want(207, 7)
  reader.want(208, 8)
  await until(list => list.length === 2)
  assert.deepEqual(news, [
    { kind: 'gone', mntns: 207 },
    { kind: 'gone', mntns: 208 },
  ])
})

/** Roots with a C library, by what `needed` makes of them. */
const roots = [
  { name: 'files and DNS servers', nsswitch: 'hosts: files dns\n', hasCache: false, isNeeded: false },
  { name: 'no nsswitch.conf', nsswitch: undefined, hasCache: false, isNeeded: false },
  { name: 'another service', nsswitch: 'hosts: files mdns4_minimal dns\n', hasCache: false, isNeeded: true },
  { name: 'a cache that programs share', nsswitch: 'hosts: files dns\n', hasCache: true, isNeeded: true },
] as const

for (const { name, nsswitch, hasCache, isNeeded } of roots) {
  for (const choice of ['needed', 'all', 'none'] as const) {
    test(`workload files: libraries, ${choice}: ${name}`, async t => {
      const own = /\S*\/libc\.so\.6$/m.exec(readFileSync('/proc/self/maps', 'latin1'))?.[0]
      if (own === undefined) return t.skip('this Node does not use glibc')
      const proc = scratch(t)
      const root = addProcess(proc, 7, 207, nsswitch === undefined ? {} : { 'etc/nsswitch.conf': nsswitch })
      mkdirSync(join(root, 'lib64'))
      copyFileSync(own, join(root, 'lib64/libc.so.6'))
      if (hasCache) {
        mkdirSync(join(root, 'run/nscd'), { recursive: true })
        mkdirSync(join(root, 'var'))
        symlinkSync('/run', join(root, 'var/run'))
        const server = createServer().listen(join(root, 'run/nscd/socket'))
        t.after(() => server.close())
        await once(server, 'listening')
      }
      const { reader, news, until } = openReader(t, proc, 20, choice)
      reader.want(207, 7)
      await until(list => textOf(list, 'hosts', 207) !== undefined)
      const watches = choice === 'all' || (choice === 'needed' && isNeeded)
      assert.equal(
        news.some(one => one.kind === 'library'),
        watches,
      )
      if (choice !== 'needed' || isNeeded) return
      writeFileSync(join(root, 'etc/nsswitch.conf'), 'hosts: files ldap dns\n')
      await until(list => list.some(one => one.kind === 'library'))
      const calls = news.flatMap(one => (one.kind === 'library' ? [one.call] : []))
      assert.equal(new Set(calls).size, calls.length, 'each once')
    })
  }
}

test('workload files: libraries are looked for once rules need names', async t => {
  const own = /\S*\/libc\.so\.6$/m.exec(readFileSync('/proc/self/maps', 'latin1'))?.[0]
  if (own === undefined) return t.skip('this Node does not use glibc')
  const proc = scratch(t)
  const root = addProcess(proc, 7, 207, { 'etc/nsswitch.conf': 'hosts: ldap\n' })
  mkdirSync(join(root, 'lib64'))
  copyFileSync(own, join(root, 'lib64/libc.so.6'))
  const { reader, news, until } = openReader(t, proc, 3_600_000)
  reader.want(207, 7)
  await until(list => textOf(list, 'hosts', 207) !== undefined)
  assert.ok(!news.some(one => one.kind === 'library'))
  reader.choose('needed')
  await until(list => list.some(one => one.kind === 'library'))
})

test('workload files: who may not write a root’s file names no servers but those of the host', async t => {
  if (process.getuid?.() !== 0) return t.skip('only root can give files to others')
  const proc = scratch(t)
  addProcess(proc, 1, 100, { 'etc/resolv.conf': 'nameserver 10.0.0.2\n' })
  const root = addProcess(proc, 7, 207, { 'etc/resolv.conf': 'nameserver 203.0.113.53\nnameserver 10.0.0.2\n' })
  spawnSync('chown', ['1000', join(root, 'etc/resolv.conf')])
  const { reader, news, until } = openReader(t, proc)
  reader.want(0, 1)
  reader.want(207, 7)
  await until(list => textOf(list, 'resolv_conf', 207) !== undefined)
  assert.equal(textOf(news, 'resolv_conf', 207), '10.0.0.2')
})

test('workload files: a root that cannot be looked at says nothing; the host’s is then our own', async t => {
  const proc = scratch(t)
  rmSync(addProcess(proc, 7, 207, {}), { recursive: true })
  const { reader, news, until } = openReader(t, proc)
  reader.want(207, 7)
  reader.want(0, 1)
  await until(list => list.some(one => one.kind === 'hosts'))
  assert.deepEqual([...new Set(news.map(one => one.mntns))], [0])
  const own = readFileSync('/etc/hosts', 'latin1')
  assert.equal(textOf(news, 'hosts', 0), own.length < 40_000 ? own.replaceAll('\0', ' ') : textOf(news, 'hosts', 0))
  assert.ok(reader.counters().leftOut >= 1, 'it is looked at again and again')
})

const links: readonly { readonly name: string; readonly make: (root: string) => void; readonly want?: string }[] = [
  { name: 'an absolute link stays inside', make: root => symlinkSync('/run/x', join(root, 'etc/f')), want: 'run/x' },
  { name: 'so does one that climbs', make: root => symlinkSync('../../../run/x', join(root, 'etc/f')), want: 'run/x' },
  {
    name: 'a link in the middle',
    make: root => {
      symlinkSync('../run', join(root, 'etc/d'))
      symlinkSync('d/./x', join(root, 'etc/f'))
    },
    want: 'run/x',
  },
  { name: 'a link to itself', make: root => symlinkSync('f', join(root, 'etc/f')) },
  { name: 'a link to nothing', make: root => symlinkSync('/nowhere', join(root, 'etc/f')) },
  { name: 'a folder', make: root => mkdirSync(join(root, 'etc/f')) },
  { name: 'a pipe', make: root => void spawnSync('mkfifo', [join(root, 'etc/f')]) },
  { name: 'a device', make: root => symlinkSync('/dev/zero', join(root, 'etc/f')) },
]

for (const { name, make, want } of links) {
  test(`workload files: ${name}`, async t => {
    const root = scratch(t)
    put(join(root, 'run/x'), 'text')
    put(join(root, 'etc/other'), '')
    make(root)
    const found = await findInRoot(root, '/etc/f')
    assert.equal(found?.path, want === undefined ? undefined : join(root, want))
  })
}

test('workload files: of a file that is too long whole lines are taken', async t => {
  const proc = scratch(t)
  const line = '192.0.2.1 name.example\n'
  addProcess(proc, 7, 207, { 'etc/hosts': line.repeat(10_000) })
  const { reader, news, until } = openReader(t, proc)
  reader.want(207, 7)
  await until(list => list.length === 2)
  const text = textOf(news, 'hosts', 207)!
  assert.ok(text.length <= 48 * 1024 && text.length > 47 * 1024 && text.length % line.length === 0)
})

const canUnshare: boolean = spawnSync('unshare', ['-m', 'true']).status === 0

test('workload files: accounts of whom they are asked for, and again when they change', async t => {
  const proc = scratch(t)
  const root = addProcess(proc, 7, 207, { 'etc/passwd': 'app:x:1001:1001::/:/bin/sh\n', 'etc/group': 'app:x:1001:\n' })
  addProcess(proc, 8, 208, { 'etc/passwd': 'own:x:1:1::/:/bin/sh\n' })
  addProcess(proc, 9, 209, { 'etc/passwd': 'none:x:1:1::/:/bin/sh\n' })
  addProcess(proc, 10, 300, { 'etc/passwd': 'elsewhere:x:1:1::/:/bin/sh\n' })
  const { reader, news, until } = openReader(t, proc)
  reader.want(208, 8, true, true)
  reader.want(209, 9)
  reader.want(210, 10, false, true)
  reader.want(207, 7, false, true)
  await until(list => textOf(list, 'hosts', 207) !== undefined && textOf(list, 'group', 207) !== undefined)
  writeFileSync(join(root, 'etc/passwd'), 'app:x:1002:1002::/:/bin/sh\n')
  await until(list => list.filter(one => one.kind === 'passwd').length === 2)
  const told = news.filter(one => one.kind === 'passwd' || one.kind === 'group')
  assert.deepEqual(told, [
    { kind: 'passwd', mntns: 207, pid: 7, text: 'app:x:1001:1001::/:/bin/sh\n' },
    { kind: 'group', mntns: 207, pid: 7, text: 'app:x:1001:\n' },
    { kind: 'passwd', mntns: 207, pid: 7, text: 'app:x:1002:1002::/:/bin/sh\n' },
  ])
})

test('workload files: accounts of a container once it has been there for a while', async t => {
  const proc = scratch(t)
  const stat = (pid: number, startTicks: number): void =>
    put(join(proc, `${pid}/stat`), `${pid} (a ) b) S ${'0 '.repeat(18)}${startTicks} 0\n`)
  for (const pid of [7, 8]) addProcess(proc, pid, 200 + pid, { 'etc/passwd': `app${pid}:x:1001:1001::/:/bin/sh\n` })
  put(join(proc, 'uptime'), '1000.00 500.00\n')
  stat(7, 99_900)
  stat(8, 90_000)
  const { reader, news, until } = openReader(t, proc)
  reader.want(207, 7, false, true)
  reader.want(208, 8, false, true)
  await until(list => textOf(list, 'hosts', 208) !== undefined && list.some(one => one.kind === 'passwd'))
  const told = (): readonly number[] => news.flatMap(one => (one.kind === 'passwd' ? [one.mntns] : []))
  // Several rounds later it is still too young.
  const reads = reader.counters().reads
  put(join(proc, '8/root/etc/passwd'), 'other:x:1001:1001::/:/bin/sh\n')
  await until(() => told().length === 2 && reader.counters().reads > reads)
  assert.deepEqual(told(), [208, 208])
  put(join(proc, 'uptime'), '1005.00 500.00\n')
  await until(() => told().length === 3)
  assert.deepEqual(told(), [208, 208, 207])
})

test('workload files: of a real mount namespace', {
  skip: !canUnshare && 'mount namespaces cannot be made here',
}, async t => {
  const folder = scratch(t)
  writeFileSync(join(folder, 'hosts'), '192.0.2.9 mounted.example\n')
  const child = spawn(
    'unshare',
    ['-m', 'sh', '-c', `mount --bind ${folder}/hosts /etc/hosts; echo ready; exec sleep 60`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  t.after(() => child.kill())
  await once(child.stdout, 'data')
  const mntns = Number(/\d+/.exec(readlinkSync(`/proc/${child.pid}/ns/mnt`))![0])
  const { reader, news, until } = openReader(t)
  reader.want(mntns, child.pid!)
  await until(list => textOf(list, 'hosts', mntns) !== undefined)
  assert.equal(textOf(news, 'hosts', mntns), '192.0.2.9 mounted.example\n')
  child.kill()
  await until(list => list.some(one => one.kind === 'gone'))
})

test('workload files: a busy thread is no file that does not answer', async t => {
  const proc = scratch(t)
  for (const pid of [7, 8, 9]) addProcess(proc, pid, 200 + pid, { 'etc/hosts': '192.0.2.1 shop.example\n' })
  const trouble: string[] = []
  const { reader, until } = openReader(t, proc, 60_000, 'none', {
    stuckMs: 20,
    onTrouble: text => trouble.push(text),
  })
  let isBusy = true
  const work = (): void => {
    const endMs = performance.now() + 10
    while (performance.now() < endMs);
    if (isBusy) setImmediate(work)
  }
  work()
  t.after(() => (isBusy = false))
  for (const pid of [7, 8, 9]) reader.want(200 + pid, pid)
  await until(list => textOf(list, 'hosts', 209) !== undefined)
  assert.deepEqual(trouble, [])
})

test('workload files: a file system of a workload that never answers ends the reading of such ones alone', async t => {
  const proc = scratch(t)
  const root = addProcess(proc, 7, 207, {})
  addProcess(proc, 8, 208, { 'etc/hosts': '192.0.2.1 shop.example\n' })
  addProcess(proc, 9, 209, { 'etc/hosts': '192.0.2.2 shop.example\n' })
  // FUSE without anybody behind it: whoever asks waits until the last of its descriptors is closed.
  const script = `
import ctypes, os, sys
fd = os.open("/dev/fuse", os.O_RDWR)
options = "fd=%d,rootmode=40000,user_id=0,group_id=0" % fd
if ctypes.CDLL(None).mount(b"fuse", sys.argv[1].encode(), b"fuse", 0, options.encode()) != 0: sys.exit(1)
print("mounted", flush=True)
sys.stdin.read()
os.close(fd)
ctypes.CDLL(None).umount2(sys.argv[1].encode(), 2)`
  const silent = spawn('python3', ['-c', script, join(root, 'etc')], { stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = once(silent, 'exit')
  const said = await Promise.race([once(silent.stdout, 'data'), ended.then(() => undefined), once(silent, 'error')])
  if (!String(said?.[0]).startsWith('mounted')) return t.skip('no file system of FUSE can be mounted here')
  const trouble: string[] = []
  const news: FileNews[] = []
  const options = { onNews: (one: FileNews) => news.push(one), onTrouble: (text: string) => trouble.push(text) }
  const reader = new WorkloadFileReader({ ...options, procRoot: proc, intervalMs: 60_000, stuckMs: 3000 })
  try {
    reader.want(207, 7, true)
    reader.want(208, 8, true)
    reader.want(209, 9, false)
    const endMs = Date.now() + DEADLINE_MS
    while (textOf(news, 'hosts', 209) === undefined) {
      assert.ok(Date.now() < endMs, JSON.stringify(news))
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    assert.equal(textOf(news, 'hosts', 208), undefined)
    assert.equal(trouble.length, 1)
    assert.match(trouble[0]!, /that workloads made themselves/)
    assert.equal(reader.counters().stuck, 1)
  } finally {
    reader.close()
    silent.stdin.end()
    await ended
  }
})
