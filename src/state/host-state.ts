import { createRecord } from '../events/decode-record.ts'
import type { EventRecord } from '../events/event-record.ts'
import type {
  FdEntry,
  GroupEntry,
  InterfaceEntry,
  MachineInfo,
  ProcessEntry,
  SourceSink,
  UserEntry,
} from '../events/source.ts'
import { countsAsIpv4, endpointText, lastQuad, tupleText } from '../values/socket-text.ts'
import type { ByteText, Ip } from '../values/value.ts'
import type { Container } from './container.ts'
import { containerIdOf } from './container-id.ts'
import { CurrentEvent } from './current-event.ts'
import { eventHandlers, fdPositionOf, inventsThread, isThreadless } from './event-handlers.ts'
import { Fd, FdType, L4, swapEnds } from './fd.ts'
import { FdTable } from './fd-table.ts'
import type { Machine } from './machine.ts'
import { NetworkInterfaces } from './network-interfaces.ts'
import { joinPath } from './path.ts'
import { CloneFlag, setExepath, Thread } from './thread.ts'
import { ThreadTable } from './thread-table.ts'

/** Users, groups and containers beyond these are counted, not kept. */
const MAX_USERS = 262_144
const MAX_CONTAINERS = 65_536

/** What was lost for want of room; all zero on a healthy host. */
export interface StateCounters {
  readonly threads: number
  readonly droppedThreads: number
  readonly droppedFds: number
  readonly droppedUsers: number
  readonly droppedContainers: number
}

/**
 * Everything the agent knows of the host: threads, the process tree, fds, users, interfaces, containers. A source tells it the world as it
 * was at the start, then each event changes it: `apply` first, fields after. It answers as libsinsp does, because rules and outputs show it.
 */
export class HostState implements Machine {
  readonly table: ThreadTable
  readonly current: CurrentEvent
  readonly network: NetworkInterfaces
  hostname = ''
  bootTsNs = 0n
  cpuCount = 0
  droppedFds = 0
  readonly containers: Map<string, Container> = new Map()
  readonly #users: Map<string, UserEntry> = new Map()
  readonly #groups: Map<string, GroupEntry> = new Map()
  readonly #serverPorts: Set<number> = new Set()
  #droppedUsers = 0
  #droppedContainers = 0
  #isWorldLinked = true
  /** Left by the event before: a thread that ended, an fd that was closed. They are taken out when the next event comes, so that the
   * rules still see them. */
  #endedTid = -1
  #closedFd = -1
  #closedFds: FdTable | undefined = undefined

  constructor(options: { readonly maxThreads?: number } = {}) {
    this.table = new ThreadTable(options.maxThreads)
    this.network = new NetworkInterfaces()
    this.current = new CurrentEvent(createRecord(), this)
  }

  get threads(): ReadonlyMap<number, Thread> {
    return this.table.byTid
  }

  get interfaces(): readonly InterfaceEntry[] {
    return this.network.list
  }

  counters(): StateCounters {
    return {
      threads: this.table.byTid.size,
      droppedThreads: this.table.dropped,
      droppedFds: this.droppedFds,
      droppedUsers: this.#droppedUsers,
      droppedContainers: this.#droppedContainers,
    }
  }

  // ---------------------------------------------------------------- questions

  user(containerId: string, uid: number): UserEntry | undefined {
    return this.#users.get(`${containerId}:${uid}`)
  }

  group(containerId: string, gid: number): GroupEntry | undefined {
    return this.#groups.get(`${containerId}:${gid}`)
  }

  isLocal(ip: Ip): boolean {
    return this.network.isLocal(ip)
  }

  container(id: string): Container | undefined {
    return this.containers.get(id)
  }

  parentOf(thread: Thread): Thread | undefined {
    return this.table.parentOf(thread)
  }

  cwdOf(thread: Thread): ByteText {
    return thread.main?.cwd ?? './'
  }

  envOf(thread: Thread): readonly ByteText[] {
    return thread.main?.env ?? thread.env
  }

  fdsOf(thread: Thread): FdTable | undefined {
    return (thread.flags & CloneFlag.files) === 0 ? thread.fds : thread.main?.fds
  }

  // ---------------------------------------------------------------- the world at the start

  setMachine(info: MachineInfo): void {
    this.hostname = info.hostname
    this.bootTsNs = info.bootTsNs
    this.cpuCount = info.cpuCount
  }

  addUser(containerId: string, entry: UserEntry): void {
    if (this.#users.size >= MAX_USERS) this.#droppedUsers++
    else this.#users.set(`${containerId}:${entry.uid}`, entry)
  }

  removeUser(containerId: string, uid: number): void {
    this.#users.delete(`${containerId}:${uid}`)
  }

  addGroup(containerId: string, entry: GroupEntry): void {
    if (this.#groups.size >= MAX_USERS) this.#droppedUsers++
    else this.#groups.set(`${containerId}:${entry.gid}`, entry)
  }

  removeGroup(containerId: string, gid: number): void {
    this.#groups.delete(`${containerId}:${gid}`)
  }

  addContainer(container: Container): void {
    if (this.containers.size >= MAX_CONTAINERS && !this.containers.has(container.id)) this.#droppedContainers++
    else this.containers.set(container.id, container)
  }

  addProcess(entry: ProcessEntry): void {
    const thread = new Thread(entry.tid, new FdTable())
    thread.pid = entry.pid
    thread.ptid = entry.ptid
    thread.sid = entry.sid
    thread.vpgid = entry.vpgid
    thread.pgid = entry.pgid ?? -1
    thread.vtid = entry.vtid
    thread.vpid = entry.vpid
    thread.comm = entry.comm
    thread.exe = entry.exe
    setExepath(thread, entry.exepath)
    thread.setArgs(entry.args)
    thread.flags = entry.flags
    if (thread.isMainThread) {
      thread.setEnv(entry.env)
      thread.cwd = asDirectory(joinPath('', entry.cwd))
    }
    thread.root = entry.root
    thread.fdlimit = entry.fdlimit
    thread.uid = entry.uid
    thread.gid = entry.gid
    thread.loginuid = entry.loginuid ?? 0xffffffff
    thread.tty = entry.tty ?? 0
    thread.vmSizeKb = entry.vmSizeKb
    thread.vmRssKb = entry.vmRssKb
    thread.vmSwapKb = entry.vmSwapKb
    thread.pfMajor = entry.pfMajor
    thread.pfMinor = entry.pfMinor
    thread.pidnsInitStartTs = entry.pidnsInitStartTs ?? 0
    thread.exeWritable = entry.exeWritable ?? false
    thread.exeUpperLayer = entry.exeUpperLayer ?? false
    thread.exeLowerLayer = entry.exeLowerLayer ?? false
    thread.exeFromMemfd = entry.exeFromMemfd ?? false
    thread.capInheritable = entry.capInheritable ?? 0
    thread.capPermitted = entry.capPermitted ?? 0
    thread.capEffective = entry.capEffective ?? 0
    thread.exeIno = entry.exeIno ?? 0
    thread.exeInoCtime = entry.exeInoCtime ?? 0
    thread.exeInoMtime = entry.exeInoMtime ?? 0
    this.setCgroups(thread, entry.cgroups)
    this.table.put(thread)
    this.#isWorldLinked = false
  }

  addFd(tid: number, entry: FdEntry): void {
    const thread = this.table.get(tid)
    if (thread === undefined) return
    const fd = fdOf(entry)
    if (fd === undefined) return
    if (fd.type === FdType.ipv4Listening || fd.type === FdType.ipv6Listening) this.#serverPorts.add(fd.sport)
    if (fd.isInetSocket) {
      if (fd.l4proto === L4.tcp) fd.isConnected = true
      if (fd.type === FdType.ipv4) this.network.completeTuple(fd)
      fd.name = tupleText(fd.sip ?? 0, fd.sport, fd.dip ?? 0, fd.dport)
    }
    if (!thread.fds.add(fd)) this.droppedFds++
  }

  /** Once the world is told: groups and parents; and who of two ends of a socket is the server, by the ports that are listened on. */
  #linkWorld(): void {
    this.#isWorldLinked = true
    for (const thread of this.table.byTid.values()) this.table.link(thread)
    for (const thread of this.table.byTid.values()) {
      for (const fd of thread.fds.values()) {
        if (fd.type !== FdType.ipv4) continue
        if (this.#serverPorts.has(fd.sport)) {
          swapEnds(fd)
          fd.name = tupleText(fd.sip ?? 0, fd.sport, fd.dip ?? 0, fd.dport)
          fd.isServer = true
        } else {
          fd.isClient = true
        }
      }
    }
  }

  /** Forgets everything but the options: a capture that is appended to another starts a world of its own. */
  reset(): void {
    this.table.clear()
    this.network.clear()
    this.containers.clear()
    this.#users.clear()
    this.#groups.clear()
    this.#serverPorts.clear()
    this.#endedTid = -1
    this.#closedFds = undefined
  }

  // ---------------------------------------------------------------- events

  /** Applies the event and gives the context that fields read, valid until the next call. */
  apply(rec: EventRecord): CurrentEvent {
    if (!this.#isWorldLinked) this.#linkWorld()
    this.#finishPrevious()
    const current = this.current
    current.begin(rec)
    const type = rec.type
    if (isThreadless(type)) {
      eventHandlers[type]?.(this, rec)
      return current
    }
    const thread = inventsThread(type) ? this.table.getOrInvent(rec.tid) : this.table.get(rec.tid)
    current.thread = thread
    if (thread !== undefined) {
      current.fdNum = -1
      const position = fdPositionOf(type)
      if (position >= 0) this.#findFd(thread, rec, position)
    }
    const handler = eventHandlers[type]
    if (handler !== undefined) {
      handler(this, rec)
      const fd = current.fd
      if (fd !== undefined) current.fdNameChanged = fd.name !== current.fdNameBefore
    }
    return current
  }

  #findFd(thread: Thread, rec: EventRecord, position: number): void {
    if (position >= rec.paramCount || rec.paramLen[position]! < 8) return
    const at = rec.paramAt[position]!
    const num = rec.view.getInt32(at, true)
    this.current.fdNum = num
    if (num < 0) return
    const fd = this.fdsOf(thread)?.peek(num)
    if (fd === undefined) return
    this.current.fd = fd
    this.current.fdNameBefore = fd.name
  }

  #finishPrevious(): void {
    if (this.#closedFds !== undefined) {
      this.#closedFds.remove(this.#closedFd)
      this.#closedFds = undefined
    }
    if (this.#endedTid >= 0) {
      this.table.remove(this.#endedTid)
      this.#endedTid = -1
    }
  }

  // ---------------------------------------------------------------- for the handlers

  /** The event's fd, ready to be changed. */
  writableFd(): Fd | undefined {
    const { thread, fd } = this.current
    if (thread === undefined || fd === undefined) return fd
    const own = this.fdsOf(thread)?.get(fd.num)
    if (own !== undefined) this.current.fd = own
    return own
  }

  /** Puts a new fd into the thread's table and makes it the event's fd. */
  addThreadFd(thread: Thread, fd: Fd): void {
    const fds = this.fdsOf(thread)
    this.current.fdNum = fd.num
    if (fds === undefined || !fds.add(fd)) {
      if (fds !== undefined) this.droppedFds++
      this.current.fd = undefined
      return
    }
    this.current.fd = fd
  }

  closeAfterEvent(thread: Thread, num: number): void {
    this.#closedFds = this.fdsOf(thread)
    this.#closedFd = num
  }

  removeAfterEvent(tid: number): void {
    this.#endedTid = tid
  }

  setCgroups(thread: Thread, cgroups: readonly ByteText[]): void {
    thread.cgroups = cgroups
    thread.containerFullId = containerIdOf(cgroups)
    thread.containerId = thread.containerFullId.slice(0, 12)
  }

  changeDirectory(thread: Thread, path: ByteText): void {
    const main = thread.main
    if (main !== undefined) main.cwd = asDirectory(joinPath(thread.cwd, path))
  }
}

/** The state as the sink of a source; `onEvent` is called with the context after each event was applied, and says whether to go on. */
export function stateSink(
  state: HostState,
  onEvent: (current: CurrentEvent) => boolean,
  onReset: () => void = () => {},
): SourceSink {
  return {
    reset: () => {
      state.reset()
      onReset()
    },
    machine: info => state.setMachine(info),
    networkInterface: entry => state.network.add(entry),
    user: entry => state.addUser('', entry),
    group: entry => state.addGroup('', entry),
    process: entry => state.addProcess(entry),
    fd: (tid, entry) => state.addFd(tid, entry),
    event: rec => onEvent(state.apply(rec)),
  }
}

function asDirectory(path: ByteText): ByteText {
  return path.endsWith('/') ? path : `${path}/`
}

function fdOf(entry: FdEntry): Fd | undefined {
  const fd = new Fd(entry.fd, entry.type === FdType.fileV2 ? FdType.file : entry.type)
  fd.ino = entry.ino
  switch (fd.type) {
    case FdType.ipv4:
    case FdType.ipv6: {
      const { sip, dip } = entry
      if (sip === undefined || dip === undefined) return undefined
      fd.sport = entry.sport ?? 0
      fd.dport = entry.dport ?? 0
      fd.l4proto = entry.l4proto ?? 0
      fd.sip = sip
      fd.dip = dip
      if (typeof sip === 'string' && typeof dip === 'string' && countsAsIpv4(sip) && countsAsIpv4(dip)) {
        fd.type = FdType.ipv4
        fd.sip = lastQuad(sip)
        fd.dip = lastQuad(dip)
      }
      return fd
    }
    case FdType.ipv4Listening:
    case FdType.ipv6Listening:
      // A source tells the bound address as the destination; here it is where a listening socket's address is read.
      if (entry.dip === undefined) return undefined
      fd.sip = entry.dip
      fd.sport = entry.dport ?? 0
      fd.l4proto = entry.l4proto ?? 0
      fd.name = endpointText(fd.sip, fd.sport)
      return fd
    case FdType.unix:
      fd.unixSource = entry.unixSource ?? 0
      fd.unixDest = entry.unixDest ?? 0
      fd.name = entry.name ?? ''
      fd.isClient = fd.name === ''
      fd.isServer = !fd.isClient
      return fd
    case FdType.unknown:
    case FdType.uninitialised:
      return undefined
    default:
      fd.openFlags = entry.openFlags ?? 0
      fd.dev = entry.dev ?? 0
      fd.name = entry.name ?? ''
      return fd
  }
}
