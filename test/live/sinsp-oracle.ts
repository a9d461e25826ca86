/**
 * What libsinsp makes of a capture, derived a second time and apart from `src/state`: threads, descriptors and what fields print of them. It is as
 * strict as libsinsp is: a parameter that is read there without asking whether it is there, and that is not of the size wanted, is an exception
 * which ends Falco, and an error here. Reads events of the current versions only, and no more of them than the fields below need.
 */
import { posix } from 'node:path'
import type { EventRecord } from '../../src/events/event-record.ts'
import type { FdEntry, InterfaceEntry, ProcessEntry, SourceSink } from '../../src/events/source.ts'

/** The fields that the oracle answers, as Falco names them. */
export const ORACLE_FIELDS = [
  'proc.name',
  'proc.exe',
  'proc.exepath',
  'proc.cmdline',
  'proc.cwd',
  'proc.pid',
  'proc.ppid',
  'proc.vpid',
  'proc.sid',
  'proc.vpgid',
  'proc.tty',
  'proc.pname',
  'proc.aname[2]',
  'proc.aname[3]',
  'proc.pexepath',
  'proc.pcmdline',
  'proc.is_exe_writable',
  'proc.is_exe_upper_layer',
  'proc.is_exe_from_memfd',
  'proc.nthreads',
  'thread.tid',
  'user.uid',
  'user.name',
  'user.loginuid',
  'group.gid',
  'group.name',
  'container.id',
  'fd.num',
  'fd.name',
  'fd.typechar',
  'fd.sip',
  'fd.cip',
  'fd.sport',
  'fd.cport',
  'fd.lip',
  'fd.rip',
  'fd.l4proto',
  'fd.is_server',
  'fd.connected',
  'fd.dev',
  'fd.ino',
] as const
export type OracleField = (typeof ORACLE_FIELDS)[number]
/** Values as text; undefined for a field that has none. Of fields that are missing nothing is said. */
export type OracleFacts = ReadonlyMap<OracleField, string | undefined>
/** What of it another reader may know better. */
export interface OracleDoubts {
  /** The descriptor is from before an execve, which may have closed it. */
  readonly isFromBefore: boolean
  /** Of the thread nothing is known but its id: it ended before the world was read. */
  readonly isUnknown: boolean
}

type Put = (field: OracleField, value: string | number | boolean | undefined) => void
const ENDS: readonly OracleField[] = ORACLE_FIELDS.filter(
  field => field.startsWith('fd.') && !/num|typechar|dev|ino/.test(field),
)

const CLONE_FILES = 0x1
const CLONE_PARENT = 0x100
const CLONE_THREAD = 0x2000
const CLONE_VFORK = 1 << 27
const CLONE_NEWPID = 0x40
const CLONE_INVERTED = 1 << 16
const IN_PIDNS = 1 << 29
const STALE_NS = 2_000_000_000n
const O_DIRECTORY = 1 << 10
const AT_FDCWD = -100
const F_DUPFD = 1
const F_DUPFD_CLOEXEC = 26
const EINPROGRESS = -115
const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const NOBODY = 0xffffffff

/** scap's fd types that are handled one by one, and the character of each. */
const T = { file: 1, dir: 2, ip4: 3, ip6: 4, serv4: 5, serv6: 6, fifo: 7, unix: 8, event: 9, unsupported: 10 } as const
const CHARS: Readonly<Record<number, string>> = {
  ...{ 0: 'o', 1: 'f', 2: 'd', 3: '4', 4: '6', 5: '4', 6: '6', 7: 'p', 8: 'u', 9: 'e', 10: 'X', 11: 's', 12: 'l' },
  ...{ 13: 'i', 14: 't', 15: 'n', 16: 'f', 17: 'b', 18: 'u', 19: 'r', 20: 'm', 21: 'P' },
}
const MADE_OF: Readonly<Record<string, number>> = {
  ...{ signalfd: 11, signalfd4: 11, timerfd_create: 14, inotify_init: 13, inotify_init1: 13, bpf: 17, userfaultfd: 18 },
  ...{ io_uring_setup: 19, epoll_create: 12, epoll_create1: 12, eventfd: 9, eventfd2: 9 },
}
/** Of a call that failed, where libsinsp has one. */
const FAILED_CHARS: Readonly<Record<string, string>> = {
  ...{ socket: '4', accept: '4', accept4: '4', pipe: 'p', pipe2: 'p', eventfd: 'e', eventfd2: 'e' },
  ...{ signalfd: 's', signalfd4: 's', timerfd_create: 't', inotify_init: 'i', inotify_init1: 'i' },
}
const SENDS: ReadonlySet<string> = new Set(['send', 'sendto', 'sendmsg', 'sendmmsg'])
/** Where a receiving event has the address. */
const TUPLE_OF: Readonly<Record<string, number>> = { recvfrom: 2, recvmsg: 3, recvmmsg: 4, recv: 4 }
const TRANSFERS: ReadonlySet<string> = new Set([
  ...['read', 'write', 'readv', 'writev', 'pread', 'pwrite', 'preadv', 'pwritev'],
  ...[...SENDS, ...Object.keys(TUPLE_OF)],
])
const CLONES: ReadonlySet<string> = new Set(['clone', 'clone3', 'fork', 'vfork'])
const OPENS: ReadonlySet<string> = new Set(['open', 'openat', 'openat2', 'creat', 'open_by_handle_at'])
const META: ReadonlySet<string> = new Set([
  ...['asyncevent', 'container', 'pluginevent', 'useradded', 'userdeleted', 'groupadded', 'groupdeleted'],
])

class OFd {
  type: number
  name = ''
  ino = '0'
  dev = 0
  sip = ''
  dip = ''
  sport = 0
  dport = 0
  l4 = 0
  role: '' | 'client' | 'server' = ''
  connected = false
  /** libsinsp reads the ends of an IPv6 socket that was bound, or is connected to IPv4, from where another kind has something else. */
  isMixedUp = false
  /** An execve came since; libsinsp closes nothing then, Tiercel does (docs/compatibility-state.md). */
  isFromBefore = false
  constructor(type: number) {
    this.type = type
  }
}

class OThread {
  pid = -1
  ptid = -1
  sid = -1
  vpgid = -1
  vtid = -1
  vpid = -1
  comm = '<NA>'
  exe = '<NA>'
  exepath = ''
  args: readonly string[] = []
  cmdline = ''
  cwd = ''
  flags = 0
  uid: number = NOBODY
  gid: number = NOBODY
  loginuid: number = NOBODY
  tty = 0
  cgroups: readonly string[] = []
  writable = false
  upper = false
  memfd = false
  cloneTs = 0n
  reaper = -1
  isDead = false
  lastFd = -1
  fds: Map<number, OFd> = new Map<number, OFd>()
  group: OGroup | undefined
  children: Set<OThread> = new Set()
  readonly tid: number
  constructor(tid: number) {
    this.tid = tid
  }
  get isInvalid(): boolean {
    return this.tid < 0 || this.pid < 0 || this.ptid < 0
  }
  get isMain(): boolean {
    return this.tid === this.pid
  }
  get main(): OThread | undefined {
    return this.isMain ? this : [...(this.group?.threads ?? [])].find(t => t.isMain)
  }
  get table(): Map<number, OFd> | undefined {
    return (this.flags & CLONE_FILES) === 0 ? this.fds : this.main?.fds
  }
  get containerId(): string {
    for (const item of this.cgroups) {
      const path = item.slice(item.indexOf('=') + 1)
      const id = containerOfPath(path)
      // Unlike in Falco: docs/compatibility-state.md.
      if (
        id !== '' &&
        (/[0-9a-f]{64}/.test(path) || this.cgroups.filter(other => other.endsWith(`=${path}`)).length > 1)
      )
        return id
    }
    return ''
  }
  setArgs(args: readonly string[]): void {
    this.args = args
    this.cmdline = [this.comm, ...args].join(' ')
  }
  setExepath(path: string): void {
    this.exepath = path.length > 10 && path.endsWith(' (deleted)') ? path.slice(0, -10) : path
  }
}

/** Wrappers of 64-digit ids by which Falco's container plugin asks Podman, Docker and CRI, in this order. */
const LAYOUTS: readonly (readonly [before: string, after: string])[] = [
  ['/libpod-', '.scope'],
  ['/libpod-', '.scope/container'],
  ['/libpod-', ''],
  ['/libpod-payload-', '.scope'],
  ['/libpod-payload-', ''],
  ['/', ''],
  ['/docker-', '.scope'],
  ['/crio-', ''],
  ['/cri-containerd-', '.scope'],
  ['/crio-', '.scope'],
  [':cri-containerd:', ''],
  ['/nerdctl-', '.scope'],
]

function containerOfPath(path: string): string {
  for (const [before, after] of LAYOUTS) {
    const start = path.lastIndexOf(before) + before.length
    if (start < before.length) continue
    const id = path.slice(start, path.lastIndexOf(after))
    if (id.length === 64 && !/[^0-9a-fA-F]/.test(id)) return id.slice(0, 12)
  }
  const namespace = /\/([A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*)\//.exec(path)?.[0]
  if (namespace === undefined || /\.(service|slice|scope)$/.test(path)) return ''
  const name = path.slice(path.lastIndexOf(namespace) + namespace.length)
  return name.length > 64 ? '' : name.slice(0, 12)
}

interface OGroup {
  count: number
  isReaper: boolean
  readonly threads: Set<OThread>
}

/** A parameter as libsinsp reads it: `num` and `text` throw where it does. */
class Params {
  rec!: EventRecord
  is(i: number): boolean {
    return i < this.rec.paramCount && this.rec.paramLen[i]! > 0
  }
  bytes(i: number): Buffer {
    const at = this.rec.paramAt[i]!
    return this.rec.bytes.subarray(at, at + (i < this.rec.paramCount ? this.rec.paramLen[i]! : 0))
  }
  #of(i: number, size: number): Buffer {
    const bytes = this.bytes(i)
    const { info, num } = this.rec
    if (bytes.length !== size)
      throw new Error(
        `event ${num}: ${info.name}.${info.params[i]?.name} has ${bytes.length} bytes where libsinsp wants ${size}`,
      )
    return bytes
  }
  i64 = (i: number): number => Number(this.#of(i, 8).readBigInt64LE())
  u64 = (i: number): bigint => this.#of(i, 8).readBigUInt64LE()
  u32 = (i: number): number => this.#of(i, 4).readUInt32LE()
  i32 = (i: number): number => this.#of(i, 4).readInt32LE()
  u16 = (i: number): number => this.#of(i, 2).readUInt16LE()
  u8 = (i: number): number => this.#of(i, 1).readUInt8()
  text(i: number): string {
    const bytes = this.bytes(i)
    if (bytes.length === 0) return '<NA>'
    if (bytes.indexOf(0) !== bytes.length - 1)
      throw new Error(`event ${this.rec.num}: ${this.rec.info.name}.${this.rec.info.params[i]?.name} is no one text`)
    return bytes.toString('latin1', 0, bytes.length - 1)
  }
  list(i: number): readonly string[] {
    return splitList(this.bytes(i).toString('latin1'))
  }
  /** The result: libsinsp takes 0 for one of another size. */
  get result(): number {
    const { length } = this.bytes(0)
    return length === 8 ? this.i64(0) : length === 4 ? this.i32(0) : 0
  }
}

const splitList = (text: string): readonly string[] => (text === '' ? [] : text.replace(/\0$/, '').split('\0'))

/** `std::filesystem`'s way: made normal by its letters, without a slash at its end. */
export function joinPaths(base: string, path: string): string {
  if (base === '' && path === '') return ''
  const joined = path.startsWith('/') || base === '' ? path : path === '' ? base : `${base}/${path}`
  const normal = posix.normalize(joined).replaceAll(/[^ -~]/g, '.')
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal
}

const dotted = (ip: number): string => [24, 16, 8, 0].map(shift => (ip >>> shift) & 255).join('.')
const prefixOf = (bytes: string): string => bytes.slice(0, 8)
function wordsOf(ip: string): string {
  const [head = '', tail] = ip.split('::')
  const parse = (part: string): readonly number[] =>
    part === '' ? [] : part.split(':').map(word => Number.parseInt(word, 16))
  const [first, last] = [parse(head), parse(tail ?? '')]
  const words = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last]
  return words.map(word => String.fromCharCode(word >> 8, word & 255)).join('')
}
const ipv4 = (bytes: Buffer): string => [...bytes].join('.')
/** As inet_ntop prints it: what has an IPv4 address in it with dots. */
function ipv6(bytes: Buffer): string {
  const isZero = (from: number, to: number): boolean => bytes.subarray(from, to).every(x => x === 0)
  if (isZero(0, 10) && bytes.readUInt16BE(10) === 0xffff) return `::ffff:${ipv4(bytes.subarray(12))}`
  if (isZero(0, 12) && bytes.readUInt16BE(12) !== 0) return `::${ipv4(bytes.subarray(12))}`
  const words = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16))
  return new URL(`http://[${words.join(':')}]`).hostname.slice(1, -1)
}
/** `::ffff:a.b.c.d`, and all zeros: what libsinsp counts as IPv4. */
const isMapped = (b: Buffer): boolean =>
  b.subarray(0, 10).every(x => x === 0) && ((b[10] === 0xff && b[11] === 0xff) || b.subarray(10).every(x => x === 0))
const end = (ip: string, port: number): string => `${ip}:${port}`

interface Tuple {
  readonly family: number
  readonly is4: boolean
  readonly sip: string
  readonly dip: string
  readonly sport: number
  readonly dport: number
  readonly path: string
  readonly text: string
}

function readTuple(b: Buffer): Tuple {
  const family = b[0]!
  if (family === AF_UNIX) {
    const path = b.toString('latin1', 17, b.length - 1)
    const text = `${b.readBigUInt64LE(1).toString(16)}->${b.readBigUInt64LE(9).toString(16)} ${path}`
    return { family, is4: false, sip: '', dip: '', sport: 0, dport: 0, path, text }
  }
  const size = family === AF_INET ? 4 : 16
  const [source, dest] = [b.subarray(1, 1 + size), b.subarray(3 + size, 3 + 2 * size)]
  const [sport, dport] = [b.readUInt16LE(1 + size), b.readUInt16LE(3 + 2 * size)]
  const is4 = family === AF_INET || (isMapped(source) && isMapped(dest))
  const of = (ip: Buffer): string => (is4 ? ipv4(ip.subarray(-4)) : ipv6(ip))
  const [sip, dip] = [of(source), of(dest)]
  return { family, is4, sip, dip, sport, dport, path: '', text: tupleName({ sip, dip, sport, dport }) }
}

const tupleName = (t: Pick<OFd, 'sip' | 'dip' | 'sport' | 'dport'> & Partial<Pick<OFd, 'l4'>>): string =>
  t.l4 === 4 || t.l4 === 5 ? `${t.sip}->${t.dip}` : `${end(t.sip, t.sport)}->${end(t.dip, t.dport)}`

const ANY: ReadonlySet<string> = new Set(['', '0.0.0.0', '::'])

export class SinspOracle {
  readonly threads: Map<number, OThread> = new Map()
  readonly #groups: Map<number, OGroup> = new Map()
  readonly #users: Map<number, string> = new Map()
  readonly #groupNames: Map<number, string> = new Map()
  readonly #interfaces: InterfaceEntry[] = []
  readonly #serverPorts: Set<number> = new Set()
  readonly #p: Params = new Params()
  #isLinked = false
  #deadTid = -1
  #closed: { readonly tid: number; readonly fd: number } | undefined
  #rec!: EventRecord
  #thread: OThread | undefined
  #fd: OFd | undefined
  #fdOfFacts: OFd | undefined

  /** Gives `onEvent` the facts after each event of a thread, until it returns `false`. */
  sink(onEvent: (record: EventRecord, facts: OracleFacts, doubts: OracleDoubts) => boolean): SourceSink {
    return {
      machine() {},
      networkInterface: entry => this.#interfaces.push(entry),
      user: ({ uid, name }) => this.#users.set(uid, name),
      group: ({ gid, name }) => this.#groupNames.set(gid, name),
      process: entry => this.#addProcess(entry),
      fd: (tid, entry) => this.#addFd(tid, entry),
      event: record => {
        const facts = this.#apply(record)
        const { isFromBefore = false } = this.#fdOfFacts ?? {}
        return onEvent(record, facts, { isFromBefore, isUnknown: this.#thread?.isInvalid ?? true })
      },
    }
  }

  // ---------------------------------------------------------------- the world

  #addProcess(e: ProcessEntry): void {
    const t = new OThread(e.tid)
    Object.assign(t, { pid: e.pid, ptid: e.ptid, sid: e.sid, vpgid: e.vpgid, vtid: e.vtid, vpid: e.vpid, comm: e.comm })
    Object.assign(t, {
      exe: e.exe,
      uid: e.uid,
      gid: e.gid,
      loginuid: e.loginuid ?? NOBODY,
      tty: e.tty ?? 0,
      flags: e.flags,
    })
    Object.assign(t, { cgroups: e.cgroups, writable: e.exeWritable === true, upper: e.exeUpperLayer === true })
    t.memfd = e.exeFromMemfd === true
    t.setExepath(e.exepath)
    t.setArgs(e.args)
    if (t.isMain) t.cwd = slashed(joinPaths('', e.cwd))
    this.threads.set(e.tid, t)
  }

  #addFd(tid: number, e: FdEntry): void {
    const thread = this.threads.get(tid)
    if (thread === undefined) return
    const fd = new OFd(e.type === 16 ? T.file : e.type)
    Object.assign(fd, { name: e.name ?? '', ino: String(e.ino), dev: e.dev ?? 0, l4: e.l4proto ?? 0 })
    const text = (ip: FdEntry['sip']): string =>
      typeof ip === 'number' ? dotted(ip) : ipv6(Buffer.from(ip ?? '', 'latin1'))
    if (fd.type === T.ip4 || fd.type === T.ip6) {
      const bytes = [e.sip, e.dip].map(ip => (typeof ip === 'string' ? Buffer.from(ip, 'latin1') : undefined))
      const isV4 = bytes.every(b => b === undefined || isMapped(b))
      const of = (i: number, ip: FdEntry['sip']): string =>
        isV4 && bytes[i] !== undefined ? ipv4(bytes[i]!.subarray(-4)) : text(ip)
      Object.assign(fd, {
        type: isV4 ? T.ip4 : T.ip6,
        sip: of(0, e.sip),
        dip: of(1, e.dip),
        sport: e.sport,
        dport: e.dport,
      })
      fd.connected = fd.l4 === 2
      if (isV4) this.#complete(fd)
      fd.name = tupleName(fd)
    } else if (fd.type === T.serv4 || fd.type === T.serv6) {
      Object.assign(fd, { dip: text(e.dip), dport: e.dport ?? 0 })
      fd.name = end(fd.dip, fd.dport)
      this.#serverPorts.add(fd.dport)
    } else if (fd.type === T.unix) fd.role = fd.name === '' ? 'client' : 'server'
    thread.fds.set(e.fd, fd)
  }

  /** Once all is told: groups and parents, and which end of a connection is the server. */
  #linkWorld(): void {
    this.#isLinked = true
    for (const thread of this.threads.values()) this.#link(thread)
    for (const { fds } of this.threads.values()) {
      for (const fd of fds.values()) {
        if (fd.type !== T.ip4) continue
        fd.role = this.#serverPorts.has(fd.sport) ? 'server' : 'client'
        if (fd.role === 'server') {
          swap(fd)
          fd.name = tupleName(fd)
        }
      }
    }
  }

  /** An end that is not known is the address of the interface that leads there. */
  #complete(fd: OFd): void {
    if (!ANY.has(fd.sip) && !ANY.has(fd.dip)) return
    const known = ANY.has(fd.sip) ? fd.dip : fd.sip
    const near = this.#near(known)
    if (near === known && fd.sport === fd.dport) return
    if (ANY.has(fd.sip)) fd.sip = near
    else fd.dip = near
  }

  /** The address of the machine in the network of `ip`; without one, the first that is not for itself alone. */
  #near(ip: string): string {
    if (ip.includes(':')) {
      const own = this.#interfaces.flatMap(({ address }) => (typeof address === 'string' ? [address] : []))
      const near = own.find(address => address === wordsOf(ip)) ?? own.find(a => prefixOf(a) === prefixOf(wordsOf(ip)))
      const other = near ?? own.find(address => ipv6(Buffer.from(address, 'latin1')) !== '::1')
      return other === undefined ? '::' : ipv6(Buffer.from(other, 'latin1'))
    }
    const number = ip.split('.').reduce((n, part) => n * 256 + Number(part), 0)
    const own = this.#interfaces.flatMap(({ address, netmask }) =>
      typeof address === 'number' && typeof netmask === 'number' ? [{ address, netmask }] : [],
    )
    const near =
      own.find(({ address }) => address === number) ??
      own.find(({ address, netmask }) => ((address ^ number) & netmask) === 0) ??
      own.find(({ address }) => dotted(address) !== '127.0.0.1')
    return near === undefined ? '0.0.0.0' : dotted(near.address)
  }

  #isLocal(ip: string): boolean {
    return this.#interfaces.some(({ address }) =>
      typeof address === 'number'
        ? dotted(address) === ip
        : ip.includes(':') && prefixOf(address) === prefixOf(wordsOf(ip)),
    )
  }

  // ---------------------------------------------------------------- the tree

  #link(t: OThread): void {
    if (t.isInvalid || t.group !== undefined) return
    let group = this.#groups.get(t.pid)
    if (group === undefined) {
      group = { count: 0, isReaper: t.pid === 1 || t.vpid === 1, threads: new Set() }
      this.#groups.set(t.pid, group)
    }
    group.count++
    group.threads.add(t)
    t.group = group
    if (t.pid === 1) return
    const parent = this.threads.get(t.ptid)
    if (parent === undefined || parent.isInvalid) t.ptid = 0
    else this.#adopt(parent, t)
  }

  #adopt(parent: OThread, child: OThread): void {
    parent.children.add(child)
    child.ptid = parent.tid
  }

  #add(t: OThread): void {
    // What had the id before is gone from the table, and with it from its group.
    const former = this.threads.get(t.tid)
    former?.group?.threads.delete(former)
    this.#link(t)
    this.threads.set(t.tid, t)
  }

  #remove(tid: number): void {
    const t = this.threads.get(tid)
    if (t === undefined) return
    const { group } = t
    if (t.isInvalid || group === undefined) {
      this.#leave(t)
      return
    }
    if (!t.isDead) {
      t.isDead = true
      group.count--
    }
    if (t.children.size > 0) {
      let heir = t.reaper > 0 ? this.#get(t.reaper) : undefined
      if (heir === undefined || heir.isInvalid) heir = this.#findReaper(t)
      if (heir === t)
        throw new Error(`thread ${tid} is to inherit its own children, which libsinsp ends with an exception`)
      if (heir !== undefined && heir.pid !== t.pid && heir.group !== undefined) heir.group.isReaper = true
      for (const child of t.children) {
        if (heir === undefined) child.ptid = 0
        else this.#adopt(heir, child)
      }
      t.children.clear()
    }
    if (group.count === 0) {
      const main = this.threads.get(t.pid)
      group.threads.delete(t)
      this.#groups.delete(t.pid)
      if (main !== undefined) this.#leave(main)
    }
    if (!t.isMain) {
      group.threads.delete(t)
      this.#leave(t)
    }
  }

  #leave(t: OThread): void {
    this.threads.get(t.ptid)?.children.delete(t)
    t.group?.threads.delete(t)
    this.threads.delete(t.tid)
  }

  #findReaper(t: OThread): OThread | undefined {
    const living = (group: OGroup): OThread | undefined =>
      [...group.threads].find(other => !other.isDead && other !== t)
    if (t.group !== undefined && t.group.count > 0) {
      const found = living(t.group)
      if (found !== undefined) return found
    }
    const inNamespace = (x: OThread): boolean => (x.flags & IN_PIDNS) !== 0 || x.tid !== x.vtid
    const seen = new Set([t])
    for (let p = this.threads.get(t.ptid); p !== undefined && !seen.has(p); p = this.threads.get(p.ptid)) {
      seen.add(p)
      if (inNamespace(p) !== inNamespace(t)) return undefined
      if (p.group?.isReaper === true && p.group.count > 0) {
        const found = living(p.group)
        if (found !== undefined) return found
      }
    }
    return undefined
  }

  /** As `find`, but what is not known is made up, as where /proc has no such thread. */
  #get(tid: number): OThread {
    let t = this.threads.get(tid)
    if (t === undefined) {
      t = new OThread(tid)
      this.threads.set(tid, t)
    }
    return t
  }

  // ---------------------------------------------------------------- events

  #apply(rec: EventRecord): OracleFacts {
    if (!this.#isLinked) this.#linkWorld()
    if (this.#deadTid >= 0) this.#remove(this.#deadTid)
    if (this.#closed !== undefined) this.threads.get(this.#closed.tid)?.table?.delete(this.#closed.fd)
    this.#deadTid = -1
    this.#closed = undefined
    const p = this.#p
    p.rec = rec
    this.#rec = rec
    this.#fd = undefined
    this.#fdOfFacts = undefined
    this.#thread = undefined
    const { name } = rec.info
    if (META.has(name)) {
      if (name === 'asyncevent' || name === 'pluginevent') p.u32(0)
      return new Map()
    }
    const asks = !CLONES.has(name) && name !== 'procexit' && name !== 'switch'
    this.#thread = asks ? this.#get(rec.tid) : this.threads.get(rec.tid)
    const t = this.#thread
    if (t !== undefined && rec.info.isExit) {
      t.lastFd = -1
      if (rec.info.usesFd) {
        const at = rec.info.params.findIndex(({ type }, i) => i > 0 && type === 'FD')
        if (at > 0 && (p.is(at) || name === 'sendmmsg' || name === 'recvmmsg')) t.lastFd = p.i64(at)
        this.#fd = t.table?.get(t.lastFd)
      }
    }
    if (CLONES.has(name)) this.#clone(name)
    else if (t !== undefined) this.#change(t, name)
    return this.#facts()
  }

  #change(t: OThread, name: string): void {
    const p = this.#p
    if (name === 'execve' || name === 'execveat') this.#exec(t)
    else if (name === 'procexit') this.#exit(t)
    else if (OPENS.has(name)) this.#open(t, name)
    else if (TRANSFERS.has(name)) this.#transfer(t, name)
    else if (MADE_OF[name] !== undefined) {
      if (name === 'eventfd2' && p.result >= 0) p.u16(2 - 1)
      if ((name === 'inotify_init1' || name === 'signalfd4') && p.result >= 0) p.u16(1)
      if (p.result >= 0) this.#put(t, p.result, new OFd(MADE_OF[name]))
    } else if (name === 'chdir') {
      if (p.result >= 0) this.#cd(t, p.text(1))
    } else if (name === 'fchdir') {
      if (p.result >= 0 && this.#fd !== undefined) this.#cd(t, this.#fd.name)
    } else if (name === 'getcwd') {
      if (p.result >= 0) this.#cd(t, p.text(1))
    } else if (['setuid', 'setreuid', 'setresuid'].includes(name)) {
      const at = name === 'setuid' ? 1 : 2
      if (p.result === 0 && p.is(at)) t.uid = p.u32(at)
    } else if (['setgid', 'setregid', 'setresgid'].includes(name)) {
      const at = name === 'setgid' ? 1 : 2
      if (p.result === 0 && p.is(at)) t.gid = p.u32(at)
    } else if (name === 'setsid') {
      if (p.result >= 0) t.sid = p.result
    } else if (name === 'prctl') {
      if (p.result >= 0 && t.group !== undefined && [36, 37].includes(p.u32(1))) t.group.isReaper = p.i64(3) !== 0
    } else if (name === 'capset') {
      if (p.result >= 0) for (const i of [1, 2, 3]) p.u64(i)
    } else if (name === 'unshare') {
      if (p.result >= 0) p.u32(1)
    } else if (name === 'fchmod' || name === 'fchown') {
      t.lastFd = p.i64(1)
      this.#fd = t.table?.get(t.lastFd)
    } else if (name === 'pipe' || name === 'pipe2') {
      if (p.result < 0) return
      if (name === 'pipe2') p.u32(4)
      for (const i of [1, 2]) this.#put(t, p.i64(i), { ...new OFd(T.fifo), ino: String(p.u64(3)) })
    } else if (name === 'socketpair') {
      if (p.result < 0) return
      const [fd1, fd2] = [p.i64(1), p.i64(2)]
      p.u64(3)
      p.u64(4)
      if (fd1 === fd2) {
        this.#fd = undefined
        return
      }
      const first = this.#put(t, fd1, new OFd(T.unix))
      this.#put(t, fd2, new OFd(T.unix))
      this.#fd = first
    } else if (name === 'dup' || name === 'dup2' || name === 'dup3') {
      if (p.result < 0 || this.#fd === undefined) return
      if (name === 'dup3') p.u32(3)
      this.#put(t, p.result, { ...this.#fd })
    } else if (name === 'fcntl') {
      const cmd = p.u8(2)
      if ((cmd === F_DUPFD || cmd === F_DUPFD_CLOEXEC) && p.result >= 0 && this.#fd !== undefined)
        this.#put(t, p.result, { ...this.#fd })
    } else if (name === 'close') {
      if (p.result >= 0 && this.#fd !== undefined) this.#closed = { tid: t.tid, fd: t.lastFd }
    } else if (name === 'memfd_create') {
      const made = { ...new OFd(20), name: p.text(1) }
      p.u32(2)
      if (p.result >= 0) this.#put(t, p.result, made)
    } else if (name === 'pidfd_open') {
      const pid = p.i64(1)
      p.u32(2)
      if (p.result >= 0) this.#put(t, p.result, { ...new OFd(21), name: `/proc/${pid}` })
    } else if (name === 'getsockopt') {
      t.lastFd = p.i64(1)
    } else if (name === 'setrlimit' || name === 'getrlimit') {
      if (p.result >= 0 && p.u8(3) === 7) p.u64(1)
    } else if (name === 'prlimit') {
      if (p.result === 0 && p.is(6) && p.u8(6) === 7) p.u64(1)
    } else this.#socket(t, name)
  }

  #socket(t: OThread, name: string): void {
    const p = this.#p
    if (name === 'socket') {
      if (p.result < 0) return
      const [domain, type, protocol] = [p.u32(1), p.u32(2), p.u32(3)]
      const kinds: Readonly<Record<number, number>> = { [AF_UNIX]: T.unix, [AF_INET]: T.ip4, [AF_INET6]: T.ip6, 16: 15 }
      const fd = new OFd(kinds[domain] ?? 0)
      fd.sip = fd.dip = domain === AF_INET ? '0.0.0.0' : '::'
      const isRaw = type === 3
      if (domain === AF_INET || domain === AF_INET6) {
        if (protocol === 0) fd.l4 = (type & 0xff) === 1 ? 2 : (type & 0xff) === 2 ? 3 : 0
        else fd.l4 = { 6: isRaw ? 5 : 2, 17: isRaw ? 5 : 3, 1: isRaw ? 5 : 4, 255: 5 }[protocol] ?? 0
      }
      this.#put(t, p.result, fd)
    } else if (name === 'bind') {
      const fd = this.#fd
      if (fd === undefined || p.result < 0 || !p.is(1)) return
      const b = p.bytes(1)
      if (b[0] === AF_UNIX) {
        fd.name = b.toString('latin1', 1, b.length - 1)
        return
      }
      if (b[0] !== AF_INET && b[0] !== AF_INET6) return
      const ip = b.subarray(1, -2)
      const port = b.readUInt16LE(b.length - 2)
      const is4 = b[0] === AF_INET || isMapped(ip)
      fd.name = end(b[0] === AF_INET ? ipv4(ip) : ipv6(ip), port)
      if (port === 0) return
      fd.isMixedUp ||= b[0] === AF_INET6
      Object.assign(fd, { type: is4 ? T.serv4 : T.serv6, dip: is4 ? ipv4(ip.subarray(-4)) : ipv6(ip), dport: port })
      fd.role = 'server'
    } else if (name === 'connect') {
      const fd = this.#fd
      if (fd === undefined) {
        p.i64(2)
        return
      }
      if (p.result < 0 && p.result !== EINPROGRESS) return
      fd.connected = true
      if (!p.is(1)) return
      const tuple = readTuple(p.bytes(1))
      if (tuple.family === AF_UNIX) {
        if (fd.type !== T.unix) return
        fd.name = tuple.text
      } else {
        const isChanged = this.#setEnds(fd, tuple)
        if (isChanged && fd.role === 'server' && fd.l4 === 3) swap(fd)
        fd.name = tupleName(fd)
      }
      if (fd.role === '') fd.role = 'client'
    } else if (name === 'accept' || name === 'accept4') {
      if (p.result < 0) return
      t.lastFd = p.result
      if (!p.is(1)) return
      const tuple = readTuple(p.bytes(1))
      const fd = new OFd(tuple.family === AF_UNIX ? T.unix : T.ip4)
      if (tuple.family !== AF_UNIX) {
        this.#setEnds(fd, tuple)
        fd.l4 = 2
      }
      Object.assign(fd, { name: tuple.text, role: 'server', connected: true })
      this.#put(t, p.result, fd)
    }
  }

  /** Whether something changed; ends that are known to be the same, either way round, stay. */
  #setEnds(fd: OFd, { is4, sip, dip, sport, dport }: Tuple): boolean {
    const type = is4 ? T.ip4 : T.ip6
    const was = fd.type
    fd.type = type
    fd.isMixedUp ||= was === T.ip6 && is4
    const isSame =
      (fd.sip === sip && fd.sport === sport && fd.dip === dip && fd.dport === dport) ||
      (fd.dip === sip && fd.dport === sport && fd.sip === dip && fd.sport === dport)
    if (was === type && isSame) return false
    const before = `${fd.sip} ${fd.sport} ${fd.dip} ${fd.dport}`
    fd.sip = sip
    fd.sport = sport
    fd.dip = dip
    fd.dport = dport
    return before !== `${fd.sip} ${fd.sport} ${fd.dip} ${fd.dport}`
  }

  #transfer(t: OThread, name: string): void {
    const p = this.#p
    const isSend = SENDS.has(name)
    if (isSend && name !== 'sendmmsg' && this.#fd === undefined && p.result >= 0) {
      const num = p.i64(2)
      const family = p.is(4) ? p.bytes(4)[0] : 0
      if (family === AF_INET || family === AF_INET6)
        this.#put(t, num, { ...new OFd(family === AF_INET ? T.ip4 : T.ip6), l4: 3 })
    }
    const fd = this.#fd
    if (fd === undefined || p.result < 0) return
    if (fd.type === T.ip4 || fd.type === T.ip6) fd.connected = true
    const at = isSend ? 4 : TUPLE_OF[name]
    const isTcp = fd.l4 === 2 && (fd.type === T.ip4 || fd.type === T.ip6)
    if (at === undefined || (fd.name !== '' && isTcp) || !p.is(at)) return
    const tuple = readTuple(p.bytes(at))
    if (tuple.family === AF_UNIX) {
      fd.type = T.unix
      fd.name = tuple.text
      return
    }
    if (fd.type === T.serv4 || fd.type === T.serv6) Object.assign(fd, { sip: '', sport: 0, dip: '', dport: 0 })
    if (!this.#setEnds(fd, tuple)) return
    if (fd.l4 === 0) fd.l4 = 3
    this.#complete(fd)
    // Of IPv6, libsinsp guesses from where IPv4 has its ports.
    fd.isMixedUp ||= fd.role === '' && fd.type === T.ip6
    if (fd.role === '') fd.role = fd.type === T.ip6 || isSend ? 'client' : 'server'
    if (fd.role === (isSend ? 'server' : 'client')) swap(fd)
    fd.name = tupleName(fd)
  }

  #open(t: OThread, name: string): void {
    const p = this.#p
    const fd = p.result
    const isAt = name === 'openat' || name === 'openat2'
    const path = isAt ? (p.is(2) ? p.text(2) : '<NA>') : p.text(name === 'open_by_handle_at' ? 3 : 1)
    let flags = 0
    if (isAt) flags = p.is(3) ? p.u32(3) : 0
    else if (name === 'creat') p.u16(5)
    else flags = p.u32(2)
    const devAt = name === 'openat2' ? 6 : name === 'openat' ? 5 : name === 'creat' ? 3 : 4
    const dev = name === 'openat' && !p.is(devAt) ? 0 : p.u32(devAt)
    const ino = name === 'openat' && !p.is(devAt + 1) ? 0n : p.u64(devAt + 1)
    const base = isAt
      ? p.is(1)
        ? this.#directory(t, path, p.i64(1))
        : ''
      : name === 'open_by_handle_at'
        ? ''
        : this.#cwd(t)
    if (fd < 0) return
    const made = new OFd((flags & O_DIRECTORY) === 0 ? T.file : T.dir)
    Object.assign(made, { name: joinPaths(base, path), dev, ino: String(ino) })
    this.#put(t, fd, made)
  }

  #directory(t: OThread, path: string, dirfd: number): string {
    if (path.startsWith('/')) return '.'
    if (dirfd === AT_FDCWD) return this.#cwd(t)
    const fd = t.table?.get(dirfd)
    return fd === undefined ? '<UNKNOWN>' : fd.name
  }

  #cwd(t: OThread): string {
    return t.main?.cwd ?? './'
  }

  #cd(t: OThread, path: string): void {
    const { main } = t
    if (main !== undefined) main.cwd = slashed(joinPaths(t.cwd, path))
  }

  #put(t: OThread, num: number, fd: OFd): OFd {
    t.table?.set(num, fd)
    t.lastFd = num
    this.#fd = fd
    return fd
  }

  #exit(t: OThread): void {
    if (t.group !== undefined && !t.isDead) t.group.count--
    t.isDead = true
    this.#deadTid = t.tid
    if (t.children.size > 0 && this.#p.is(4)) t.reaper = this.#p.i64(4)
  }

  #exec(t: OThread): void {
    const p = this.#p
    if (p.result < 0) return
    if (t.isDead) {
      t.isDead = false
      if (t.group !== undefined) t.group.count++
    }
    t.exe = p.text(1)
    t.comm = p.is(13) ? p.text(13) : t.exe
    t.setArgs(p.list(2))
    t.pid = p.i64(4)
    if (t.isInvalid) {
      t.ptid = p.i64(5)
      if ((t.flags & IN_PIDNS) === 0) Object.assign(t, { vtid: t.tid, vpid: t.pid })
      this.#link(t)
    }
    p.i64(7)
    if (p.is(12)) for (const [i, read] of [p.u64, p.u64, p.u32, p.u32, p.u32].entries()) read(8 + i)
    if (p.is(14)) t.cgroups = p.list(14)
    if (p.is(16)) t.tty = p.u32(16)
    if (p.is(27)) t.setExepath(p.text(27))
    if (p.is(17)) t.vpgid = p.i64(17)
    if (p.is(18)) t.loginuid = p.u32(18)
    if (p.is(19)) {
      const flags = p.u32(19)
      Object.assign(t, { writable: (flags & 1) !== 0, upper: (flags & 2) !== 0, memfd: (flags & 4) !== 0 })
    }
    if (p.is(22)) for (const i of [20, 21, 22]) p.u64(i)
    if (p.is(25)) for (const i of [23, 24, 25]) p.u64(i)
    if (p.is(26)) t.uid = p.u32(26)
    if (p.is(28)) p.i64(28)
    if (p.is(29)) t.gid = p.u32(29)
    for (const fd of t.table?.values() ?? []) fd.isFromBefore = true
    t.flags &= CLONE_INVERTED
    if (t.group !== undefined && t.group.count > 1)
      for (const other of [...t.group.threads]) if (other !== t && !other.isMain) this.#remove(other.tid)
  }

  #clone(name: string): void {
    const p = this.#p
    const child = p.result
    if (child < 0) return
    if (child === 0) this.#cloneInChild()
    else this.#cloneInCaller(name, child)
  }

  #cloneInCaller(name: string, tid: number): void {
    const p = this.#p
    const caller = this.#get(this.#rec.tid)
    this.#thread = caller
    const isValid = !caller.isInvalid
    if (!isValid) {
      Object.assign(caller, { pid: p.i64(4), ptid: p.i64(5) })
      Object.assign(caller, p.is(19) ? { vtid: p.i64(18), vpid: p.i64(19) } : { vtid: caller.tid, vpid: -1 })
      this.#link(caller)
    }
    const flags = p.u32(15)
    if ((flags & (IN_PIDNS | CLONE_NEWPID | CLONE_PARENT)) !== 0 || caller.tid !== caller.vtid) return
    if ((flags & CLONE_VFORK) !== 0 || name === 'vfork') return
    const there = this.threads.get(tid)
    if (there !== undefined) {
      if ((there.flags & CLONE_INVERTED) !== 0) return
      this.#remove(tid)
    }
    const t = new OThread(tid)
    const isThread = (flags & CLONE_THREAD) !== 0
    t.flags = isThread ? flags | CLONE_FILES : flags
    t.pid = isThread ? caller.pid : tid
    t.ptid = isThread ? caller.ptid : caller.tid
    t.vtid = tid
    t.vpid = t.pid
    this.#begin(t, caller, isValid, isThread)
    if (!isValid) {
      Object.assign(caller, { exe: t.exe, comm: t.comm })
      caller.setArgs(t.args)
    }
    this.#add(t)
  }

  #cloneInChild(): void {
    const p = this.#p
    const { tid, tsNs } = this.#rec
    const there = this.#thread
    if (there !== undefined && there.cloneTs !== 0n) {
      const age = BigInt.asUintN(64, tsNs - there.cloneTs)
      if (age < STALE_NS) return
      this.#remove(tid)
    }
    const t = new OThread(tid)
    Object.assign(t, { pid: p.i64(4), ptid: p.i64(5) })
    Object.assign(t, p.is(19) ? { vtid: p.i64(18), vpid: p.i64(19) } : { vtid: tid, vpid: -1 })
    t.flags = p.u32(15) | CLONE_INVERTED
    const isThread = (t.flags & CLONE_THREAD) !== 0
    if (isThread) t.flags |= CLONE_FILES
    const model = this.#get(isThread ? t.pid : t.ptid)
    const isValid = !model.isInvalid
    if (!isValid && isThread) {
      Object.assign(model, { pid: t.pid, ptid: t.ptid, vpid: t.vpid, vtid: t.vpid })
      this.#link(model)
    }
    this.#begin(t, model, isValid, isThread)
    if (!isValid && isThread) {
      Object.assign(model, { exe: t.exe, comm: t.comm })
      model.setArgs(t.args)
    }
    this.#add(t)
    this.#thread = t
  }

  /** What a new thread has from the event, and from the one that it comes from. */
  #begin(t: OThread, from: OThread, isValid: boolean, isThread: boolean): void {
    const p = this.#p
    t.exe = p.text(1)
    t.comm = p.is(13) ? p.text(13) : t.exe
    t.setArgs(p.list(2))
    p.i64(7)
    if (p.is(12)) for (const [i, read] of [p.u64, p.u64, p.u32, p.u32, p.u32].entries()) read(8 + i)
    t.uid = p.u32(16)
    t.gid = p.u32(17)
    if (p.is(14)) t.cgroups = p.list(14)
    t.cloneTs = this.#rec.tsNs
    if (!isValid) return
    const { sid, vpgid, tty, loginuid, writable, upper, memfd, exepath } = from
    Object.assign(t, { sid, vpgid, tty, loginuid, writable, upper, memfd, exepath })
    if (isThread) return
    t.cwd = this.#cwd(from)
    for (const [num, fd] of from.table ?? []) t.fds.set(num, { ...fd })
  }

  // ---------------------------------------------------------------- what fields print

  #ancestor(t: OThread, level: number): OThread | undefined {
    let at: OThread | undefined = t.main
    for (let i = 0; i < level && at !== undefined; i++) at = this.threads.get(at.ptid)
    return at
  }

  #facts(): OracleFacts {
    const t = this.#thread
    if (t === undefined) return new Map()
    const facts = new Map<OracleField, string | undefined>(ORACLE_FIELDS.map(field => [field, undefined]))
    const put: Put = (field, value) => {
      if (value !== undefined) facts.set(field, String(value))
    }
    put('proc.name', t.comm)
    put('proc.exe', t.exe)
    put('proc.exepath', t.exepath)
    put('proc.cmdline', t.cmdline === '' ? [t.comm, ...t.args].join(' ') : t.cmdline)
    put('proc.cwd', this.#cwd(t))
    put('proc.pid', t.pid)
    put('proc.vpid', t.vpid)
    put('proc.sid', t.sid)
    put('proc.vpgid', t.vpgid)
    put('proc.tty', t.tty)
    const parent = this.#ancestor(t, 1)
    put('proc.ppid', parent?.pid)
    put('proc.pname', parent?.comm)
    put('proc.pexepath', parent?.exepath)
    put('proc.pcmdline', parent?.cmdline)
    put('proc.aname[2]', this.#ancestor(t, 2)?.comm)
    put('proc.aname[3]', this.#ancestor(t, 3)?.comm)
    put('proc.is_exe_writable', t.writable)
    put('proc.is_exe_upper_layer', t.upper)
    put('proc.is_exe_from_memfd', t.memfd)
    put('proc.nthreads', t.main?.group?.count)
    put('thread.tid', t.tid)
    put('user.uid', t.uid)
    const isHost = t.containerId === ''
    put('user.name', (isHost ? this.#users.get(t.uid) : undefined) ?? (t.uid === 0 ? 'root' : '<NA>'))
    put('user.loginuid', t.loginuid === NOBODY ? -1 : t.loginuid)
    put('group.gid', t.gid)
    put('group.name', (isHost ? this.#groupNames.get(t.gid) : undefined) ?? (t.gid === 0 ? 'root' : '<NA>'))
    put('container.id', isHost ? 'host' : t.containerId)
    const fd = this.#fdFacts(t, put)
    this.#fdOfFacts = fd
    if (fd?.isMixedUp === true) for (const field of ENDS) facts.delete(field)
    return facts
  }

  #fdFacts(t: OThread, put: Put): OFd | undefined {
    const { info } = this.#rec
    if (!info.createsFd && !info.usesFd && !info.destroysFd) return undefined
    put('fd.num', t.lastFd)
    const fd = this.#fd ?? (t.lastFd === -1 ? undefined : t.table?.get(t.lastFd))
    if (fd === undefined) {
      this.#nullFdFacts(t, put)
      return undefined
    }
    put('fd.name', fd.name)
    put('fd.typechar', CHARS[fd.type])
    put('fd.dev', fd.dev.toString(16).toUpperCase())
    put('fd.ino', fd.ino)
    put('fd.connected', fd.connected)
    const isTuple = fd.type === T.ip4 || fd.type === T.ip6
    const isServer = fd.type === T.serv4 || fd.type === T.serv6
    put('fd.is_server', isServer || (isTuple && t.containerId === '' && this.#isLocal(fd.dip)))
    const hasL4 = isServer || (isTuple && (fd.role !== '' || fd.l4 === 5))
    put('fd.l4proto', ['<NA>', '<NA>', 'tcp', 'udp', 'icmp', 'raw'][hasL4 ? fd.l4 : 0])
    if (isServer) put('fd.sport', fd.dport)
    if ((!isTuple && !isServer) || fd.role === '') return fd
    put('fd.sip', fd.dip)
    put('fd.sport', fd.dport)
    if (isServer) return fd
    put('fd.cip', fd.sip)
    put('fd.cport', fd.sport)
    const isLocal = this.#isLocal(fd.sip)
    put('fd.lip', isLocal ? fd.sip : fd.dip)
    put('fd.rip', isLocal ? fd.dip : fd.sip)
    return fd
  }

  /** Of an fd that is not known: the path that an open was given, and what its call makes. */
  #nullFdFacts(t: OThread, put: Put): void {
    const { name } = this.#rec.info
    const p = this.#p
    if (!OPENS.has(name)) {
      if (name === 'connect') put('fd.name', p.is(1) ? readTuple(p.bytes(1)).text : '')
      else if (name.startsWith('accept')) put('fd.name', p.is(1) ? readTuple(p.bytes(1)).text : 'NULL')
      else put('fd.name', '')
      put('fd.typechar', FAILED_CHARS[name] ?? 'o')
      return
    }
    const isAt = name === 'openat' || name === 'openat2'
    const path = p.text(isAt ? 2 : name === 'open_by_handle_at' ? 3 : 1)
    const base = isAt && p.is(1) ? this.#directory(t, path, p.i64(1)) : name === 'open_by_handle_at' ? '' : this.#cwd(t)
    put('fd.name', joinPaths(base, path))
    put('fd.typechar', name === 'open' || name === 'open_by_handle_at' ? 'o' : 'f')
  }
}

const slashed = (path: string): string => (path.endsWith('/') ? path : `${path}/`)

function swap(fd: OFd): void {
  const { sip, sport } = fd
  Object.assign(fd, { sip: fd.dip, sport: fd.dport, dip: sip, dport: sport })
}
