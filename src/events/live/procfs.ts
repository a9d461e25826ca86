/**
 * The start of the world: what exists before the first live event, from /proc. Called after the probe was started, so that whatever
 * happens meanwhile is in the ring and told afterwards. Processes come and go while it reads; one that is gone is left out.
 */
import { existsSync } from 'node:fs'
import { cpus, hostname, networkInterfaces, totalmem } from 'node:os'
import { parseIpv4, parseIpv6 } from '../../values/ip.ts'
import { toByteText } from '../../values/text.ts'
import type { ByteText } from '../../values/value.ts'
import type { FdEntry, InterfaceEntry, MachineInfo, ProcessEntry, SourceSink } from '../source.ts'
import { isId, parseGroup, parsePasswd } from '../accounts.ts'
import { type LookStat, look, type Question } from './look.ts'
import { readLink, readNumbers, readSmall, readTable, splitTexts } from './proc-files.ts'
import { procRoot } from './proc-root.ts'
import {
  parseStat,
  STAT_FLAGS,
  STAT_MAJFLT,
  STAT_MINFLT,
  STAT_PGID,
  STAT_SID,
  STAT_START,
  STAT_TTY,
  startOfProcess,
  TICK_MS,
} from './proc-stat.ts'
import { makeOwnEvent } from '../own-event.ts'
import { SocketTables } from './proc-sockets.ts'

export interface WorldOptions {
  /** Where the process file system is mounted, `/proc`, and the system's configuration, `/etc`. */
  readonly procRoot?: string
  readonly etcRoot?: string
  /** Threads told at most; 200,000. */
  readonly maxThreads?: number
  /** Descriptors told at most, of one process and of all; 120,000 and 500,000. */
  readonly maxFdsOfProcess?: number
  readonly maxFds?: number
  /** What its events say of the time: before those that the kernel tells; now. */
  readonly tsNs?: bigint
}

/** What was told, and what was left out because of a limit. */
export interface WorldSummary {
  readonly processes: number
  readonly threads: number
  readonly fds: number
  readonly threadsLeftOut: number
  readonly fdsLeftOut: number
}

/** PPM clone flags of a thread that was there before, and of one in a pid namespace below the first. */
const THREAD_FLAGS = 0x2000 | 0x8000 | 0x800 | 0x1
const IN_PID_NAMESPACE = 0x20000000

const MAX_ARGS_BYTES = 4096
/** Of descriptors beyond, only what the link says is told: no flags, no device. */
const DETAILED_FDS = 2048

/** Whether the thread exists now, in the pid namespace of /proc. */
export function isAlive(tid: number): boolean {
  return existsSync(`${procRoot()}/${tid}`)
}

function etcRoot(): string {
  return `${process.env['HOST_ROOT'] ?? ''}/etc`
}

/** Whether this process has the number `pid` there: if not, events and that /proc speak of different pid namespaces. */
export function isSelf(pid: number): boolean {
  const own = startOfProcess('self', '/proc')
  return own !== undefined && own === startOfProcess(pid)
}

/**
 * Tells everything that is here now: machine, interfaces, users, groups, processes with their threads and descriptors. In pieces, so that
 * whoever calls may do something else in between: a millisecond or less each, but for listing very many fds.
 */
export function* tellWorld(sink: SourceSink, options: WorldOptions = {}): Generator<undefined, WorldSummary> {
  const proc = options.procRoot ?? procRoot()
  const tsNs = options.tsNs ?? BigInt(Date.now()) * 1_000_000n
  const machine = readMachine(proc)
  sink.machine(machine)
  for (const entry of readInterfaces()) sink.networkInterface(entry)
  tellUsers(sink, options.etcRoot ?? etcRoot())
  const left = {
    threads: options.maxThreads ?? 200_000,
    fds: options.maxFds ?? 500_000,
    ofProcess: options.maxFdsOfProcess ?? 120_000,
  }
  const told = { processes: 0, threads: 0, fds: 0, threadsLeftOut: 0, fdsLeftOut: 0 }
  const sockets = new SocketTables()
  const pids = readNumbers(proc)
  const starts = new NamespaceStarts(machine.bootTsNs)
  const host = readHostNamespaces(proc)
  /** Namespaces of processes that live in others than the host's. */
  const elsewhere = new Map<number, string>()
  for (const pid of pids) {
    yield
    if (left.threads <= 0) {
      told.threadsLeftOut++
      continue
    }
    const base = `${proc}/${pid}`
    const entry = readProcess(base, pid)
    if (entry === undefined) continue
    left.threads--
    told.processes++
    told.threads++
    const process = starts.put(entry)
    sink.process(process)
    if (entry.namespaces !== undefined && entry.namespaces !== host) elsewhere.set(pid, entry.namespaces)
    if (entry.threadCount > 1) {
      let count = 0
      for (const thread of readThreads(base, process)) {
        if (++count % PART === 0) yield
        if (left.threads-- <= 0) {
          left.threads = 0
          told.threadsLeftOut++
          continue
        }
        told.threads++
        sink.process(thread)
      }
    }
    if (entry.isKernel) continue
    const numbers = readNumbers(`${base}/fd`)
    const count = Math.min(numbers.length, left.ofProcess, left.fds)
    told.fdsLeftOut += numbers.length - count
    for (let i = 0; i < count; i += FDS_AT_ONCE) {
      if (i > 0) yield
      const some = numbers.slice(i, Math.min(i + FDS_AT_ONCE, count))
      for (const fd of readFds(base, pid, some, sockets, i < DETAILED_FDS)) {
        if (fd === undefined || fd === 'later') continue
        told.fds++
        sink.fd(pid, fd)
      }
    }
    left.fds -= count
  }
  if (options.maxThreads !== 0 && host !== undefined) yield* tellNamespaces(proc, host, elsewhere, sink, tsNs)
  return told
}

/** When pid namespaces began: with their first process, which is listed before the others unless the pids came round. */
class NamespaceStarts {
  readonly #bootNs: bigint
  readonly #starts: Map<string, bigint> = new Map()

  constructor(bootNs: bigint) {
    this.#bootNs = bootNs
  }

  /** The process with when its namespace began, unless that is the host's. */
  put({ process, startTicks, pidNamespace }: FoundProcess): ProcessEntry {
    if ((process.flags & IN_PID_NAMESPACE) === 0 || this.#bootNs === 0n) return process
    const namespace = pidNamespace ?? ''
    if (process.vpid === 1) this.#starts.set(namespace, this.#bootNs + BigInt(startTicks * TICK_MS) * 1_000_000n)
    const start = this.#starts.get(namespace)
    return start === undefined ? process : { ...process, pidnsInitStartTs: start }
  }
}

/** After all processes: the namespaces of the first one, which are the host's, and then those of threads that live in others. */
function* tellNamespaces(
  proc: string,
  host: string,
  elsewhere: ReadonlyMap<number, string>,
  sink: SourceSink,
  tsNs: bigint,
): Generator<undefined> {
  const tell = (tid: number, data: string): void => {
    sink.event(makeOwnEvent({ name: 'tiercel_namespaces', data, tid, tsNs }))
  }
  tell(1, host)
  for (const [pid, own] of elsewhere) {
    yield
    // Threads of a process may each live elsewhere; those that do are container runtimes, for a moment.
    for (const tid of readNumbers(`${proc}/${pid}/task`)) tell(tid, own)
  }
}

/** Those of the first process; where it is hidden from us, our own. */
function readHostNamespaces(proc: string): string | undefined {
  return readNamespaces(`${proc}/1`) ?? readNamespaces(`${proc}/self`)
}

function readNamespaces(base: string): string | undefined {
  return namespacesOf(readLink(`${base}/ns/net`), readLink(`${base}/ns/mnt`))
}

function namespacesOf(...links: readonly (string | undefined)[]): string | undefined {
  const [net, mnt] = links.map(link => /^\w+:\[(\d+)\]$/.exec(link ?? '')?.[1])
  return net === undefined || mnt === undefined ? undefined : `${net} ${mnt}`
}

/**
 * Programs of a host share most of their texts: an environment is that of the parent, files are the same few. Kept once, thirty thousand
 * processes take half the memory.
 */
class SharedTexts {
  readonly #lists: Map<ByteText, readonly ByteText[]> = new Map()
  readonly #texts: Map<ByteText, ByteText> = new Map()

  text(text: ByteText): ByteText {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    if (this.#texts.size >= MAX_SHARED) this.#texts.clear()
    this.#texts.set(text, text)
    return text
  }

  list(text: ByteText): readonly ByteText[] {
    const known = this.#lists.get(text)
    if (known !== undefined) return known
    if (this.#lists.size >= MAX_SHARED) this.#lists.clear()
    const list = splitTexts(text)
    this.#lists.set(text, list)
    return list
  }
}

/** An environment has up to four thousand characters. */
const MAX_SHARED = 512
const shared = new SharedTexts()

/** Of threads of one process, so many are a piece; of descriptors, so many are looked at at once. */
const PART = 64
const FDS_AT_ONCE = 32

/** For the namespaces of the host. */
const HOST = '0 0'

/** What can be asked of /proc about a thread or a descriptor that events did not tell of. */
export class ProcLookup {
  readonly #proc: string
  readonly #sockets = new SocketTables()
  readonly #hostNamespaces: string | undefined

  constructor(proc: string = procRoot()) {
    this.#proc = proc
    this.#hostNamespaces = readHostNamespaces(proc)
  }

  /** The thread as it is now; undefined when it is gone. */
  process(tid: number): ProcessEntry | undefined {
    const base = `${this.#proc}/${tid}`
    const { process: entry, namespaces } = readProcess(base, tid) ?? {}
    if (entry === undefined || namespaces === undefined) return entry
    return { ...entry, namespaces: namespaces === this.#hostNamespaces ? HOST : namespaces }
  }

  /** A descriptor of a process as it is now; undefined when it is closed. */
  fd(pid: number, fd: number): FdEntry | undefined | 'later' {
    return readFds(`${this.#proc}/${pid}`, pid, [fd], this.#sockets, true)[0]
  }
}

// ---------------------------------------------------------------- the machine and its users

function readMachine(proc: string): MachineInfo {
  const boot = /^btime (\d+)$/m.exec(readSmall(`${proc}/stat`) ?? '')
  const namespaces = readHostNamespaces(proc)
  const maxPid = Number(readSmall(`${proc}/sys/kernel/pid_max`) ?? 0)
  return {
    cpuCount: cpus().length,
    memoryBytes: totalmem(),
    maxPid: Number.isSafeInteger(maxPid) ? maxPid : 0,
    hostname: hostname(),
    bootTsNs: boot === null ? 0n : BigInt(boot[1]!) * 1_000_000_000n,
    ...(namespaces !== undefined && { namespaces }),
  }
}

function readInterfaces(): readonly InterfaceEntry[] {
  const entries: InterfaceEntry[] = []
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const each of addresses ?? []) {
      if (each.family === 'IPv4') {
        const address = parseIpv4(each.address)
        const netmask = parseIpv4(each.netmask)
        if (address === undefined || netmask === undefined) continue
        entries.push({ name: toByteText(name), address, netmask, broadcast: (address | ~netmask) >>> 0, linkSpeed: 0 })
      } else {
        const address = parseIpv6(each.address)
        const netmask = parseIpv6(each.netmask)
        if (address === undefined || netmask === undefined) continue
        entries.push({ name: toByteText(name), address, netmask, broadcast: '\0'.repeat(16), linkSpeed: 0 })
      }
    }
  }
  return entries
}

const MAX_ACCOUNT_BYTES = 16 * 1024 * 1024

function tellUsers(sink: SourceSink, etc: string): void {
  for (const user of parsePasswd(readTable(`${etc}/passwd`, MAX_ACCOUNT_BYTES))) sink.user(user)
  for (const group of parseGroup(readTable(`${etc}/group`, MAX_ACCOUNT_BYTES))) sink.group(group)
}

// ---------------------------------------------------------------- processes

/** Fields of `/proc/<pid>/status`, which are `name:\tvalue` lines. */
function parseStatus(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    // A process may call itself by blanks.
    if (colon > 0) fields.set(name, name === 'Name' ? line.slice(colon + 2) : line.slice(colon + 1).trim())
  }
  return fields
}

/** The `i`-th number of a field; of ids, 0 is the real and 1 the effective one. */
function numberOf(fields: ReadonlyMap<string, string>, name: string, i: number = 0): number {
  const text = (fields.get(name) ?? '').split(/\s+/)[i] ?? ''
  return /^\d+$/.test(text) ? Number(text) : 0
}

/** The id in the innermost namespace. */
function lastNumberOf(fields: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = /(\d+)$/.exec(fields.get(name) ?? '')?.[1]
  return text === undefined ? undefined : Number(text)
}

/**
 * The number of the process group in the namespace that the group was made in, as events have it. A group from outside is 0 in the
 * namespace of the process, which is what the list ends with.
 */
function groupOf(fields: ReadonlyMap<string, string>): number | undefined {
  const numbers = (fields.get('NSpgid') ?? '').split(/\s+/).map(Number)
  return numbers.findLast(number => number > 0)
}

function capabilityOf(fields: ReadonlyMap<string, string>, name: string): number | bigint {
  const text = fields.get(name) ?? ''
  return /^[0-9a-f]{1,16}$/.test(text) ? narrow(BigInt(`0x${text}`)) : 0
}

function narrow(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}

/** PF_KTHREAD: a thread of the kernel, without program, arguments, environment and descriptors. */
const KERNEL_THREAD = 0x200000

/** Escapes of the name in `status`: backslash and newline. */
function unescapeName(name: string): string {
  return name.includes('\\') ? name.replaceAll('\\n', '\n').replaceAll('\\\\', '\\') : name
}

const V2_CONTROLLERS: readonly string[] = ['cpuset', 'cpu', 'io', 'memory']

/** `subsystem=path` items of `/proc/<pid>/cgroup`; the one path of a version 2 hierarchy stands for the controllers without their own. */
export function parseCgroups(text: ByteText): readonly ByteText[] {
  const items: ByteText[] = []
  const known = new Set<string>()
  let unified: string | undefined
  for (const line of text.split('\n')) {
    const m = /^\d+:([^:]*):(.*)$/.exec(line)
    if (m === null) continue
    const [, controllers = '', path = ''] = m
    if (controllers === '') {
      unified = path
      continue
    }
    if (controllers.startsWith('name=')) continue
    for (const controller of controllers.split(',')) {
      known.add(controller === 'blkio' ? 'io' : controller)
      items.push(`${controller}=${path}`)
    }
  }
  if (unified !== undefined) {
    for (const controller of V2_CONTROLLERS) if (!known.has(controller)) items.push(`${controller}=${unified}`)
  }
  return items
}

function withSlash(path: ByteText): ByteText {
  return path === '' || path.endsWith('/') ? path : `${path}/`
}

const CAN_WRITE_ANY = 0b1010n // CAP_DAC_OVERRIDE, CAP_FOWNER

function isWritable(file: LookStat, uid: number, gid: number, isAllPowerful: boolean): boolean {
  if (file.uid === uid || isAllPowerful) return true
  return ((file.gid === gid ? file.mode >> 3 : file.mode) & 2) !== 0
}

/** Whether the file's owner and group are some in the user namespace of the process: its rights do not count for the files of others. */
function isOfItsUsers(base: string, users: ByteText | undefined, file: LookStat): boolean {
  if (users === OWN_USERS) return true
  return isMapped(`${base}/uid_map`, file.uid) && isMapped(`${base}/gid_map`, file.gid)
}

const OWN_USERS: ByteText | undefined = readLink('/proc/self/ns/user')

function isMapped(path: string, id: number): boolean {
  const lines = (readSmall(path) ?? '').split('\n').map(line => line.trim().split(/\s+/).map(Number))
  return lines.some(([, outside = 0, count = 0]) => id >= outside && id < outside + count)
}

interface FoundProcess {
  readonly process: ProcessEntry
  readonly isKernel: boolean
  readonly threadCount: number
  /** Since the boot of the machine. */
  readonly startTicks: number
  /** Its network and its mount namespace, and what the link to its pid namespace says. */
  readonly namespaces: string | undefined
  readonly pidNamespace: ByteText | undefined
}

const MAX_TEXT_BYTES = 64 * 1024
/** What always answers comes first. */
const PROCESS_QUESTIONS: readonly Question[] = [
  { kind: 'read', name: 'status', limit: MAX_TEXT_BYTES },
  { kind: 'read', name: 'cgroup', limit: MAX_TEXT_BYTES },
  { kind: 'read', name: 'limits', limit: MAX_ARGS_BYTES },
  { kind: 'read', name: 'loginuid', limit: MAX_ARGS_BYTES },
  { kind: 'read', name: 'cmdline', limit: MAX_ARGS_BYTES },
  { kind: 'read', name: 'stat', limit: MAX_ARGS_BYTES },
  { kind: 'link', name: 'exe' },
  { kind: 'link', name: 'cwd' },
  { kind: 'link', name: 'root' },
  { kind: 'link', name: 'ns/net' },
  { kind: 'link', name: 'ns/mnt' },
  { kind: 'link', name: 'ns/pid' },
  { kind: 'link', name: 'ns/user' },
  { kind: 'read', name: 'environ', limit: MAX_ARGS_BYTES },
  { kind: 'stat', name: 'exe' },
]
const Q = Object.fromEntries(PROCESS_QUESTIONS.map(({ kind, name }, at) => [kind === 'stat' ? 'exeFile' : name, at]))

/**
 * The process that `tid` leads; of another thread, that thread. A process that has ended, and waits for its parent, is none. Of one that does
 * not answer, what is known without.
 */
function readProcess(base: string, tid: number): FoundProcess | undefined {
  const answers = look(base, tid, PROCESS_QUESTIONS)
  const told = (name: string): ByteText | undefined => answers.text(Q[name]!)
  const statusText = told('status')
  const statText = told('stat')
  if (statusText === undefined || statusText === '') return undefined
  // It has ended meanwhile.
  if (statText === undefined && answers.has(Q['stat']!)) return undefined
  const status = parseStatus(statusText)
  const stat = parseStat(statText ?? '')
  const pid = numberOf(status, 'Tgid') || tid
  const threadCount = numberOf(status, 'Threads')
  if (threadCount <= 1 && /^[ZX]/.test(status.get('State') ?? '')) return undefined
  const comm = shared.text(unescapeName(status.get('Name') ?? ''))
  const isKernel = ((stat[STAT_FLAGS] ?? 0) & KERNEL_THREAD) !== 0
  const readOwn = (name: string): ByteText => (isKernel ? '' : (told(name) ?? ''))
  const command = shared.list(readOwn('cmdline'))
  const exeLink = shared.text(readOwn('exe'))
  const exeFile = exeLink === '' ? undefined : answers.stat(Q['exeFile']!)
  const uid = numberOf(status, 'Uid', 1)
  const gid = numberOf(status, 'Gid', 1)
  const capEffective = capabilityOf(status, 'CapEff')
  const limit = /^Max open files\s+(\d+)/m.exec(readOwn('limits'))
  const loginuid = isKernel ? undefined : told('loginuid')
  const isAllPowerful = (file: LookStat): boolean =>
    (BigInt(capEffective) & CAN_WRITE_ANY) !== 0n && isOfItsUsers(base, told('ns/user'), file)
  const isInNamespace = (status.get('NSpid') ?? '').includes('\t')
  return {
    isKernel,
    threadCount,
    startTicks: stat[STAT_START] ?? 0,
    namespaces: namespacesOf(told('ns/net'), told('ns/mnt')),
    pidNamespace: told('ns/pid'),
    process: {
      tid,
      pid,
      ptid: numberOf(status, 'PPid'),
      sid: stat[STAT_SID] ?? 0,
      vpgid: groupOf(status) ?? stat[STAT_PGID] ?? 0,
      comm,
      exe: command[0] ?? comm,
      exepath: exeLink.startsWith('/memfd:') ? exeLink.slice(1) : exeLink,
      args: command.slice(1),
      cwd: isKernel ? '/' : shared.text(withSlash(readOwn('cwd'))),
      fdlimit: limit === null ? 0 : Number(limit[1]),
      flags: (isInNamespace ? IN_PID_NAMESPACE : 0) | (tid === pid ? 0 : THREAD_FLAGS),
      uid,
      gid,
      vmSizeKb: numberOf(status, 'VmSize'),
      vmRssKb: numberOf(status, 'VmRSS'),
      vmSwapKb: numberOf(status, 'VmSwap'),
      pfMajor: stat[STAT_MAJFLT] ?? 0,
      pfMinor: stat[STAT_MINFLT] ?? 0,
      env: shared.list(readOwn('environ')),
      vtid: lastNumberOf(status, 'NSpid') ?? tid,
      vpid: lastNumberOf(status, 'NStgid') ?? pid,
      cgroups: parseCgroups(told('cgroup') ?? ''),
      root: isKernel ? '/' : shared.text(told('root') ?? '/'),
      tty: stat[STAT_TTY] ?? 0,
      ...(loginuid !== undefined && isId(loginuid) && { loginuid: Number(loginuid) }),
      capInheritable: capabilityOf(status, 'CapInh'),
      capPermitted: capabilityOf(status, 'CapPrm'),
      capEffective,
      pgid: stat[STAT_PGID] ?? 0,
      exeFromMemfd: exeLink.startsWith('/memfd:'),
      ...(exeFile !== undefined && {
        exeWritable: isWritable(exeFile, uid, gid, isAllPowerful(exeFile)),
        exeIno: narrow(exeFile.ino),
        exeInoCtime: narrow(exeFile.ctimeNs),
        exeInoMtime: narrow(exeFile.mtimeNs),
      }),
    },
  }
}

/** The other threads: the process's own entry with what is a thread's. */
function* readThreads(base: string, process: ProcessEntry): Generator<ProcessEntry> {
  for (const tid of readNumbers(`${base}/task`)) {
    if (tid === process.pid) continue
    const comm = readSmall(`${base}/task/${tid}/comm`)
    if (comm === undefined) continue
    let vtid = tid
    if ((process.flags & IN_PID_NAMESPACE) !== 0)
      vtid = lastNumberOf(parseStatus(readSmall(`${base}/task/${tid}/status`) ?? ''), 'NSpid') ?? tid
    yield { ...process, tid, comm: comm.replace(/\n$/, ''), vtid, flags: process.flags | THREAD_FLAGS }
  }
}

// ---------------------------------------------------------------- descriptors

const FD_FILE = 16
const FD_DIRECTORY = 2
const FD_FIFO = 7
const FD_UNSUPPORTED = 10
const FD_MEMFD = 20
const S_IFMT = 0xf000
const S_IFDIR = 0x4000
const S_IFIFO = 0x1000

/** What follows `anon_inode:`, with or without brackets. */
const ANONYMOUS_TYPES: ReadonlyMap<string, number> = new Map([
  ['eventfd', 9],
  ['signalfd', 11],
  ['eventpoll', 12],
  ['inotify', 13],
  ['timerfd', 14],
  ['bpf-map', 17],
  ['bpf-prog', 17],
  ['bpf_link', 17],
  ['bpf_iter', 17],
  ['userfaultfd', 18],
  ['io_uring', 19],
  ['pidfd', 21],
])

const OPEN_CLOEXEC = 0x1000

/** Bits of open(2) and the event table's for them. */
const OPEN_BITS: readonly (readonly [number, number])[] = [
  [0o100, 4],
  [0o200, 0x20],
  [0o1000, 0x100],
  [0o2000, 8],
  [0o4000, 0x40],
  [0o10000, 0x10],
  [0o40000, 0x200],
  [0o100000, 0x800],
  [0o200000, 0x400],
  [0o2000000, OPEN_CLOEXEC],
]

/** Flags as `fdinfo` has them, octal, as the event table numbers them. */
export function parseOpenFlags(fdinfo: string): number {
  const m = /^flags:\s*([0-7]+)$/m.exec(fdinfo)
  if (m === null) return 0
  const native = Number.parseInt(m[1]!, 8)
  let flags = (native & 3) === 1 ? 2 : (native & 3) === 2 ? 3 : 1
  for (const [from, to] of OPEN_BITS) if ((native & from) !== 0) flags |= to
  return flags
}

/** Device numbers of stat(2) hold more bits than the 32 of events. */
function shortDevice(dev: number): number {
  return dev > 0xffffffff ? 0 : dev
}

/** Long enough for the flags of a descriptor: position and flags come first. */
const FDINFO_BYTES = 96

/** Descriptors of a process, `undefined` those that are closed by now. Without details only their names. */
function readFds(
  base: string,
  pid: number,
  numbers: readonly number[],
  sockets: SocketTables,
  isDetailed: boolean,
): readonly (FdEntry | undefined | 'later')[] {
  const questions: Question[] = [{ kind: 'link', name: 'ns/net' }]
  for (const fd of numbers) {
    questions.push({ kind: isDetailed ? 'file' : 'link', name: `fd/${fd}` })
    if (isDetailed) questions.push({ kind: 'read', name: `fdinfo/${fd}`, limit: FDINFO_BYTES })
  }
  const answers = look(base, pid, questions)
  const namespace = answers.text(0) ?? ''
  const step = isDetailed ? 2 : 1
  return numbers.map((fd, i) => {
    const at = 1 + i * step
    const path = answers.text(at)
    if (path === undefined) return undefined
    const link = shared.text(path)
    if (!isDetailed && link.startsWith('/')) return { fd, ino: 0, type: FD_FILE, name: link, openFlags: 0, dev: 0 }
    const openFlags = isDetailed ? parseOpenFlags(answers.text(at + 1) ?? '') : 0
    // Of what is no plain file only this is kept: whether an execve closes it.
    const closes = openFlags & OPEN_CLOEXEC
    if (!link.startsWith('/')) {
      const entry = describeFd(base, namespace, fd, link, sockets)
      return entry === 'later' ? entry : { ...entry, openFlags: closes }
    }
    const file = answers.stat(at)
    const ino = Number(file?.ino ?? 0)
    if (link.startsWith('/memfd:')) {
      const name = link.slice('/memfd:'.length).replace(/ \(deleted\)$/, '')
      return { fd, ino, type: FD_MEMFD, name, openFlags: closes }
    }
    const kind = (file?.mode ?? 0) & S_IFMT
    if (kind === S_IFDIR) return { fd, ino, type: FD_DIRECTORY, name: link, openFlags: closes }
    if (kind === S_IFIFO) return { fd, ino, type: FD_FIFO, name: link, openFlags: closes }
    return { fd, ino, type: FD_FILE, name: link, openFlags, dev: shortDevice(file?.dev ?? 0) }
  })
}

/** A descriptor without a path: `socket:[…]`, `pipe:[…]`, `anon_inode:…`. */
function describeFd(
  base: string,
  namespace: string,
  fd: number,
  link: ByteText,
  sockets: SocketTables,
): FdEntry | 'later' {
  const numbered = /^(\w+):\[(\d+)\]$/.exec(link)
  const ino = numbered === null ? 0 : Number(numbered[2])
  if (numbered?.[1] === 'pipe') return { fd, ino, type: FD_FIFO, name: '' }
  if (numbered?.[1] === 'socket') {
    const socket = sockets.lookup(base, namespace, ino)
    if (socket === 'later') return 'later'
    return socket === undefined ? { fd, ino, type: FD_UNSUPPORTED, name: '' } : { fd, ino, ...socket }
  }
  const anonymous = /^anon_inode:\[?([^\]]*)\]?$/.exec(link)?.[1]
  const type = anonymous === undefined ? undefined : ANONYMOUS_TYPES.get(anonymous)
  // As Falco has them, and as events of their making leave them: without a name.
  return { fd, ino, type: type ?? FD_UNSUPPORTED, name: '' }
}
