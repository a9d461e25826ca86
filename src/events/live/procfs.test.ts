import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type {
  FdEntry,
  GroupEntry,
  InterfaceEntry,
  MachineInfo,
  ProcessEntry,
  SourceSink,
  UserEntry,
} from '../source.ts'
import { parseHexIp } from './proc-files.ts'
import { parseInetTable } from './proc-sockets.ts'
import { type WorldOptions, type WorldSummary, parseCgroups, parseOpenFlags } from './procfs.ts'
import { readWorld } from './testing.ts'

interface World {
  readonly machines: MachineInfo[]
  readonly interfaces: InterfaceEntry[]
  readonly users: UserEntry[]
  readonly groups: GroupEntry[]
  readonly processes: ProcessEntry[]
  readonly fds: { readonly tid: number; readonly fd: FdEntry }[]
  readonly summary: WorldSummary
}

function look(options: WorldOptions = {}): World {
  const world = {
    machines: [] as MachineInfo[],
    interfaces: [] as InterfaceEntry[],
    users: [] as UserEntry[],
    groups: [] as GroupEntry[],
    processes: [] as ProcessEntry[],
    fds: [] as { tid: number; fd: FdEntry }[],
  }
  const sink: SourceSink = {
    machine: info => world.machines.push(info),
    networkInterface: entry => world.interfaces.push(entry),
    user: entry => world.users.push(entry),
    group: entry => world.groups.push(entry),
    process: entry => world.processes.push(entry),
    fd: (tid, fd) => world.fds.push({ tid, fd }),
    event: () => true,
  }
  const summary = readWorld(sink, options)
  return { ...world, summary }
}

describe('the world from /proc', { skip: process.platform === 'linux' ? false : 'needs Linux' }, () => {
  const server = createServer()
  let world: World
  let port = 0
  let clientPort = 0
  let fileFd = 0
  const child = spawn('/bin/sleep', ['60'], { env: { ONE: '1', TWO: '2' }, cwd: '/tmp', stdio: 'ignore' })

  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
    const client = connect(port, '127.0.0.1')
    await once(client, 'connect')
    clientPort = client.localPort ?? 0
    fileFd = openSync('/dev/null', 'a')
    world = look()
    client.destroy()
  })
  after(() => {
    child.kill()
    server.close()
    closeSync(fileFd)
  })

  const find = (pid: number): ProcessEntry => {
    const entry = world.processes.find(each => each.tid === pid)
    assert.ok(entry)
    return entry
  }

  test('tells a child with program, arguments, environment and directory', () => {
    const entry = find(child.pid ?? 0)
    assert.equal(entry.comm, 'sleep')
    assert.equal(entry.exe, '/bin/sleep')
    assert.equal(entry.exepath, '/usr/bin/sleep')
    assert.deepEqual(entry.args, ['60'])
    assert.deepEqual(entry.env, ['ONE=1', 'TWO=2'])
    assert.equal(entry.cwd, '/tmp/')
    assert.equal(entry.root, '/')
    assert.equal(entry.ptid, process.pid)
    assert.equal(entry.uid, process.geteuid?.())
    assert.ok(entry.vmSizeKb > 0)
    assert.ok(entry.fdlimit > 0)
    assert.ok(
      entry.cgroups.every(item => /^[a-z_]+=\//.test(item)),
      entry.cgroups.join(' '),
    )
  })

  test('tells the threads of a process with their own names', () => {
    const threads = world.processes.filter(each => each.pid === process.pid)
    assert.ok(threads.length > 1)
    assert.equal(threads.filter(each => each.tid === each.pid).length, 1)
    assert.ok(threads.every(each => each.exe === threads[0]?.exe))
    assert.ok(threads.filter(each => each.tid !== each.pid).every(each => (each.flags & 0x2000) !== 0))
  })

  test('tells sockets with their addresses, listening ones by the bound one', () => {
    const mine = world.fds.filter(each => each.tid === process.pid).map(each => each.fd)
    const listening = mine.find(fd => fd.type === 5 && fd.dport === port)
    assert.equal(listening?.dip, 0x7f000001)
    assert.equal(listening?.l4proto, 2)
    const connected = mine.find(fd => fd.type === 3 && fd.sport === clientPort && fd.dport === port)
    assert.equal(connected?.sip, 0x7f000001)
  })

  test('tells files with flags and inode, pipes and event descriptors by kind', () => {
    const mine = world.fds.filter(each => each.tid === process.pid).map(each => each.fd)
    const file = mine.find(fd => fd.fd === fileFd)
    assert.equal(file?.name, '/dev/null')
    assert.equal((file?.openFlags ?? 0) & 0xf, 0xa)
    for (const type of [5, 9, 12])
      assert.equal(mine.find(fd => fd.type === type)?.openFlags, 0x1000, 'execve closes it')
    assert.ok(Number(file?.ino) > 0)
    assert.ok(
      mine.some(fd => fd.type === 12),
      'an epoll descriptor',
    )
    assert.ok(
      mine.some(fd => fd.type === 9),
      'an eventfd',
    )
  })

  test('tells the machine, users, groups and interfaces', () => {
    assert.equal(world.machines.length, 1)
    assert.ok((world.machines[0]?.bootTsNs ?? 0n) > 1_500_000_000_000_000_000n)
    assert.ok(world.users.some(user => user.uid === 0 && user.name === 'root'))
    assert.ok(world.groups.some(group => group.gid === 0))
    assert.ok(world.interfaces.some(each => each.name === 'lo' && each.address === 0x7f000001))
  })

  test('keeps its limits and says what it left out', () => {
    const few = look({ maxThreads: 2, maxFdsOfProcess: 1 })
    assert.equal(few.processes.length, 2)
    assert.ok(few.summary.threadsLeftOut > 0)
    assert.ok(few.fds.length <= 2)
  })
})

describe('hostile /proc', () => {
  const root = mkdtempSync(join(tmpdir(), 'tiercel-proc-'))
  after(() => rmSync(root, { recursive: true }))

  test('what is missing, empty or nonsense is no exception', () => {
    for (const pid of [1, 2, 3]) mkdirSync(join(root, String(pid)))
    writeFileSync(join(root, '1/status'), 'Name:\ta\\nb\\\\c\nUid:\tx\nCapEff:\tzz\nThreads:\t-1\n')
    writeFileSync(join(root, '1/stat'), '1 (a) b) R 1')
    writeFileSync(join(root, '1/cgroup'), 'nonsense\n1:a,b:/x\n0::/y\n')
    writeFileSync(join(root, '2/status'), '')
    const world = look({ procRoot: root, etcRoot: root })
    assert.equal(world.processes.length, 1)
    assert.equal(world.processes[0]?.comm, 'a\nb\\c')
    assert.equal(world.processes[0]?.uid, 0)
    assert.deepEqual(world.processes[0]?.cgroups, ['a=/x', 'b=/x', 'cpuset=/y', 'cpu=/y', 'io=/y', 'memory=/y'])
    assert.deepEqual(world.users, [])
  })
})

test('the start of a pid namespace is that of its first process', () => {
  const root = mkdtempSync(join(tmpdir(), 'tiercel-proc-'))
  after(() => rmSync(root, { recursive: true }))
  writeFileSync(join(root, 'stat'), 'cpu 1\nbtime 1795280462\n')
  const add = (pid: number, vpid: number, namespace: number, ticks: number): void => {
    mkdirSync(join(root, `${pid}/ns`), { recursive: true })
    symlinkSync(`pid:[${namespace}]`, join(root, `${pid}/ns/pid`))
    const inner = vpid === pid ? '' : `\t${vpid}`
    writeFileSync(
      join(root, `${pid}/status`),
      `Name:\tx\nNSpid:\t${pid}${inner}\nNStgid:\t${pid}${inner}\nThreads:\t1\n`,
    )
    writeFileSync(join(root, `${pid}/stat`), `${pid} (x) S ${new Array(18).fill(0).join(' ')} ${ticks} 0\n`)
  }
  add(1, 1, 10, 1)
  add(5, 1, 11, 60_000)
  add(6, 2, 11, 70_000)
  add(7, 4, 12, 80_000)
  const { processes } = look({ procRoot: root, etcRoot: root })
  const starts = processes.map(({ tid, pidnsInitStartTs }) => [tid, pidnsInitStartTs] as const)
  assert.deepEqual(
    starts.map(([tid]) => tid),
    [1, 5, 6, 7],
  )
  // Ticks are 10 ms.
  const start = 1_795_280_462_000_000_000n + 600_000_000_000n
  assert.deepEqual(
    starts.map(([, began]) => began),
    [undefined, start, start, undefined],
  )
})

const cgroups = [
  {
    name: 'version 1',
    text: '5:cpu,cpuacct:/a\n4:memory:/b\n1:name=systemd:/c\n',
    want: ['cpu=/a', 'cpuacct=/a', 'memory=/b'],
  },
  {
    name: 'version 2',
    text: '0::/user.slice\n',
    want: ['cpuset=/user.slice', 'cpu=/user.slice', 'io=/user.slice', 'memory=/user.slice'],
  },
  { name: 'both', text: '3:blkio:/x\n0::/y\n', want: ['blkio=/x', 'cpuset=/y', 'cpu=/y', 'memory=/y'] },
  { name: 'a path with colons', text: '1:memory:/a:b:c\n', want: ['memory=/a:b:c'] },
  { name: 'nothing', text: '', want: [] },
] as const

for (const c of cgroups) test(`parseCgroups: ${c.name}`, () => assert.deepEqual(parseCgroups(c.text), c.want))

const openFlags = [
  { name: 'read only', text: 'pos:\t0\nflags:\t0100000\n', want: 0x801 },
  { name: 'append and close-on-exec', text: 'flags:\t02002001\n', want: 0x1000 | 8 | 2 },
  { name: 'no flags line', text: 'pos: 0\n', want: 0 },
] as const

for (const c of openFlags) test(`parseOpenFlags: ${c.name}`, () => assert.equal(parseOpenFlags(c.text), c.want))

const addresses = [
  { name: 'IPv4', hex: '0100007F', want: 0x7f000001 },
  { name: 'IPv6', hex: '00000000000000000000000001000000', want: `${'\0'.repeat(15)}\x01` },
  { name: 'too short', hex: '0100', want: undefined },
  { name: 'no number', hex: 'xxxxxxxx', want: undefined },
] as const

for (const c of addresses) test(`parseHexIp: ${c.name}`, () => assert.equal(parseHexIp(c.hex), c.want))

test('parseInetTable skips rows it cannot read', () => {
  const text = `header
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0 100 0 0 10 0
   1: bad row
   2: 0100007F:1F90
`
  assert.deepEqual(parseInetTable(text), [
    { local: 0x7f000001, localPort: 8080, remote: 0, remotePort: 0, state: '0A', ino: 12345 },
  ])
})
