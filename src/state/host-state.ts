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
import { Accounts } from './accounts.ts'
import { type Container, HOST, WITHOUT_METADATA } from './container.ts'
import { CgroupCache } from './container-id.ts'
import { ContainerTable } from './container-table.ts'
import { CurrentEvent } from './current-event.ts'
import { endsThread, eventHandlers, fdPositionOf, inventsThread, isThreadless } from './event-handlers.ts'
import { Fd, FdType, L4, Netns, swapEnds } from './fd.ts'
import { learnEarlierOpen } from './fd-events.ts'
import { type ConnectionListener, FdRegistry, FdTable } from './fd-table.ts'
import type { Machine } from './machine.ts'
import { NetworkInterfaces } from './network-interfaces.ts'
import { joinPath } from './path.ts'
import { type HostLookup, Repair } from './repair.ts'
import { CloneFlag, setExepath, Thread } from './thread.ts'
import { ThreadTable } from './thread-table.ts'

/** Users, and groups, beyond these are counted, not kept. */
const MAX_ACCOUNTS = 131_072

/** Ports that are listened on are 16 bits wide, but a file may say what it likes. */
const MAX_PORT = 0xffff

/** What the state holds, and what was lost for want of room: of those that begin with `dropped` all are zero on a healthy host. */
export interface StateCounters {
  readonly threads: number
  readonly droppedThreads: number
  readonly fds: number
  readonly droppedFds: number
  readonly users: number
  readonly groups: number
  readonly droppedUsers: number
  readonly containers: number
  readonly droppedContainers: number
  readonly droppedInterfaces: number
  /** Programs whose name, arguments and environment were cut short, because all together were too long. */
  readonly clippedTexts: number
  /** Threads that `purge` took out: their end was missed. */
  readonly purgedThreads: number
  /** How often events were missed, and what was looked up because of that, or put off as too much was asked. */
  readonly gaps: number
  readonly lookedUpThreads: number
  readonly lookedUpFds: number
  readonly deferredLookups: number
}

export interface HostStateOptions {
  readonly maxThreads?: number
  /** Of all processes together, in units of one fd with a short name. */
  readonly maxFds?: number
  readonly maxFdsPerProcess?: number
  /** Characters of all programs' names, arguments and environments. */
  readonly maxProgramText?: number
  readonly maxContainers?: number
  /**
   * Told of both addresses of each connection that an fd has, when it begins (+1) and when it ends (−1): forks, copies of fds, exits and
   * `reset` included, so that the sum for an address is zero when nothing has a connection to it. Must not throw.
   */
  readonly onConnection?: ConnectionListener
  /** For a live agent: asked about threads and fds that events did not tell of, or that are in doubt because events were lost. */
  readonly lookup?: HostLookup
}

export interface ContainerAccounts {
  readonly containerId: string
  readonly users: readonly UserEntry[]
  readonly groups: readonly GroupEntry[]
}

/** How `purge` decides. */
export interface PurgeOptions {
  /** Threads unseen for longer are asked after; 300 s unless said otherwise. */
  readonly timeoutNs?: bigint
  /** At most so many threads are looked at; the next call goes on from there. */
  readonly maxThreads?: number
}

/** So many fds of a process are looked at for one that listens. */
const MAX_LISTENING_FDS = 4096

const PURGE_TIMEOUT_NS = 300_000_000_000n

/**
 * Everything the agent knows of the host: threads, the process tree, fds, users, interfaces, containers. A source tells it the world as it
 * was at the start, then each event changes it: `apply` first, fields after. It answers as libsinsp does, because rules and outputs show it.
 */
export class HostState implements Machine {
  readonly table: ThreadTable
  readonly current: CurrentEvent
  readonly network: NetworkInterfaces
  readonly repair: Repair
  hostname = ''
  bootTsNs = 0n
  cpuCount = 0
  clippedTexts = 0
  readonly #containers: ContainerTable
  readonly #cgroups: CgroupCache = new CgroupCache()
  readonly #users: Accounts<UserEntry> = new Accounts(MAX_ACCOUNTS)
  readonly #groups: Accounts<GroupEntry> = new Accounts(MAX_ACCOUNTS)
  readonly #onConnection: ConnectionListener | undefined
  readonly #serverPorts: Set<number> = new Set()
  /** Told by the source since the last event. */
  readonly #newTids: Set<number> = new Set()
  #isWorldLinked = false
  #newSockets: Fd[] = []
  #purgedThreads = 0
  #purgeCursor: Iterator<Thread, undefined> | undefined = undefined
  /** Left by the event before: a thread that ended, an fd that was closed. They are taken out when the next event comes, so that the
   * rules still see them. */
  #endedTid = -1
  #closedFd = -1
  #closedFds: FdTable | undefined = undefined

  constructor(options: HostStateOptions = {}) {
    const { maxThreads, maxFds, maxFdsPerProcess, maxProgramText, maxContainers } = options
    this.table = new ThreadTable({
      ...(maxThreads !== undefined && { maxThreads }),
      ...(maxProgramText !== undefined && { maxText: maxProgramText }),
      fds: new FdRegistry({
        ...(maxFds !== undefined && { maxUnits: maxFds }),
        ...(maxFdsPerProcess !== undefined && { maxPerProcess: maxFdsPerProcess }),
      }),
    })
    this.#containers = new ContainerTable(maxContainers === undefined ? {} : { max: maxContainers })
    this.#onConnection = options.onConnection
    this.network = new NetworkInterfaces()
    this.repair = new Repair(this, options.lookup)
    if (options.lookup !== undefined) this.table.onUnknown = tid => this.repair.thread(tid)
    this.current = new CurrentEvent(createRecord(), this)
  }

  get threads(): ReadonlyMap<number, Thread> {
    return this.table.byTid
  }

  get interfaces(): readonly InterfaceEntry[] {
    return this.network.list
  }

  get containers(): ReadonlyMap<string, Container> {
    return this.#containers.byId
  }

  counters(): StateCounters {
    const { table } = this
    return {
      threads: table.byTid.size,
      droppedThreads: table.dropped,
      fds: table.fds.units,
      droppedFds: table.fds.dropped,
      users: this.#users.count,
      groups: this.#groups.count,
      droppedUsers: this.#users.dropped + this.#groups.dropped,
      containers: this.#containers.byId.size,
      droppedContainers: this.#containers.dropped,
      droppedInterfaces: this.network.dropped,
      clippedTexts: this.clippedTexts,
      purgedThreads: this.#purgedThreads,
      ...this.repair.counters,
    }
  }

  // ---------------------------------------------------------------- questions

  user(containerId: string, uid: number): UserEntry | undefined {
    return this.#users.get(containerId, uid)
  }

  group(containerId: string, gid: number): GroupEntry | undefined {
    return this.#groups.get(containerId, gid)
  }

  /** Users and groups of each container. */
  *containerAccounts(): Generator<ContainerAccounts, void, undefined> {
    for (const containerId of new Set([...this.#users.containers(), ...this.#groups.containers()]))
      if (containerId !== '')
        yield { containerId, users: this.#users.of(containerId), groups: this.#groups.of(containerId) }
  }

  isLocal(ip: Ip): boolean {
    return this.network.isLocal(ip)
  }

  container(id: string): Container | undefined {
    return id === '' ? HOST : this.#containers.byId.get(id)
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
    if (info.namespaces !== undefined) this.setNamespaces(undefined, 1, info.namespaces)
  }

  addUser(containerId: string, entry: UserEntry): void {
    this.#users.set(containerId, entry.uid, entry)
  }

  removeUser(containerId: string, uid: number): void {
    this.#users.delete(containerId, uid)
  }

  addGroup(containerId: string, entry: GroupEntry): void {
    this.#groups.set(containerId, entry.gid, entry)
  }

  removeGroup(containerId: string, gid: number): void {
    this.#groups.delete(containerId, gid)
  }

  /** The clock was set forward by so many ns, or back: processes began so much later, or earlier, by it. */
  shiftTimes(byNs: bigint): void {
    for (const thread of this.threads.values()) if (thread.cloneTsNs !== 0n) thread.cloneTsNs += byNs
  }

  /** Numbers of the host's network and mount namespace, those of process 1; 0 where they are not known. */
  hostNetns = 0
  hostMntns = 0

  /** `text`: as in `tiercel_namespaces` events (`own-event.ts`). */
  setNamespaces(thread: Thread | undefined, tid: number, text: ByteText): void {
    const [, net, mnt, netUid, mntUid] = /^(\d{1,10}) (\d{1,10})(?: (\d{1,10}) (\d{1,10}))?$/.exec(text) ?? []
    if (net === undefined) return
    if (tid === 1) {
      this.hostNetns = Number(net)
      this.hostMntns = Number(mnt)
    }
    if (thread === undefined) return
    const netns = Number(net) === this.hostNetns ? 0 : Number(net)
    const mntns = Number(mnt) === this.hostMntns ? 0 : Number(mnt)
    // What says nothing of who made them leaves that as it is known.
    if (netUid !== undefined || netns !== thread.netns) thread.netnsUid = Number(netUid ?? 0)
    if (mntUid !== undefined || mntns !== thread.mntns) thread.mntnsUid = Number(mntUid ?? 0)
    thread.netns = netns
    thread.mntns = mntns
  }

  /** `size`: how many characters were told of it. */
  addContainer(container: Container, size: number): void {
    for (const id of this.#containers.add(container, size)) this.#forgetAccounts(id)
  }

  removeContainer(id: string): void {
    this.#containers.remove(id)
    this.#forgetAccounts(id)
  }

  #forgetAccounts(containerId: string): void {
    this.#users.deleteContainer(containerId)
    this.#groups.deleteContainer(containerId)
  }

  addProcess(entry: ProcessEntry): void {
    const thread = this.#putProcess(entry)
    if (thread === undefined) return
    this.#newTids.add(thread.tid)
    this.#isWorldLinked = false
  }

  #putProcess(entry: ProcessEntry): Thread | undefined {
    const thread = new Thread(entry.tid, new FdTable(this.table.fds))
    thread.pid = entry.pid
    thread.ptid = entry.ptid
    thread.textSize = this.#fill(thread, entry)
    return this.table.put(thread) ? thread : undefined
  }

  /** A process as the system says it is now, where events have said something else or nothing; what is right stays. */
  takeProcess(entry: ProcessEntry): void {
    const { table } = this
    const known = table.get(entry.tid)
    const thread = known ?? this.#putProcess(entry)
    if (thread === undefined) return
    thread.gap = this.repair.gap
    if (entry.namespaces !== undefined) this.setNamespaces(thread, entry.tid, entry.namespaces)
    if (known === undefined || known.isInvented) {
      thread.lastSeen = Math.max(thread.lastSeen, this.current.timeHigh)
      thread.pid = entry.pid
      thread.ptid = entry.ptid
      if (known !== undefined) table.setTextSize(thread, this.#fill(thread, entry))
      table.link(thread)
      return
    }
    if (thread.pid !== entry.pid) table.moveToProcess(thread, entry.pid)
    if (thread.ptid !== entry.ptid) {
      thread.ptid = entry.ptid
      table.get(entry.ptid)?.adopt(thread)
    }
    if (isSameProgram(thread, entry)) this.#fillIds(thread, entry)
    else table.setTextSize(thread, this.#fill(thread, entry))
  }

  /** All of an entry but its place in the tree; gives the characters of its texts. */
  #fill(thread: Thread, entry: ProcessEntry): number {
    thread.comm = entry.comm
    thread.exe = entry.exe
    setExepath(thread, entry.exepath)
    const size = textSizeOf(entry)
    const hasRoom = this.table.textSize + size <= this.table.maxText
    if (!hasRoom) this.clippedTexts++
    thread.setArgs(hasRoom ? entry.args : [])
    thread.flags = entry.flags
    if (thread.isMainThread) thread.setEnv(hasRoom ? entry.env : [])
    thread.pidnsInitStartTs = entry.pidnsInitStartTs ?? 0
    thread.exeWritable = entry.exeWritable ?? false
    thread.exeUpperLayer = entry.exeUpperLayer ?? false
    thread.exeLowerLayer = entry.exeLowerLayer ?? false
    thread.exeFromMemfd = entry.exeFromMemfd ?? false
    thread.exeIno = entry.exeIno ?? 0
    thread.exeInoCtime = entry.exeInoCtime ?? 0
    thread.exeInoMtime = entry.exeInoMtime ?? 0
    this.#fillIds(thread, entry)
    return hasRoom ? size : 0
  }

  /** What calls change of a process while its program stays. */
  #fillIds(thread: Thread, entry: ProcessEntry): void {
    thread.sid = entry.sid
    thread.vpgid = entry.vpgid
    thread.pgid = entry.pgid ?? -1
    thread.vtid = entry.vtid
    thread.vpid = entry.vpid
    if (thread.isMainThread) thread.cwd = asDirectory(joinPath('', entry.cwd))
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
    thread.capInheritable = entry.capInheritable ?? 0
    thread.capPermitted = entry.capPermitted ?? 0
    thread.capEffective = entry.capEffective ?? 0
    this.setCgroups(thread, entry.cgroups.join('\0'))
  }

  addFd(tid: number, entry: FdEntry): void {
    const thread = this.table.get(tid)
    if (thread !== undefined) this.takeFd(thread.fds, entry)
  }

  /**
   * An fd as the system says it is; undefined when it is of a kind that is not kept, or there is no room. Who is the server of a connection is
   * known once the whole world is told, or `isNow`.
   */
  takeFd(fds: FdTable, entry: FdEntry, isNow = false): Fd | undefined {
    const fd = fdOf(entry)
    if (fd === undefined) return undefined
    if ((fd.type === FdType.ipv4Listening || fd.type === FdType.ipv6Listening) && fd.sport <= MAX_PORT) {
      this.#serverPorts.add(fd.sport)
    }
    if (fd.isInetSocket) {
      fd.netns = Netns.process
      if (fd.l4proto === L4.tcp) fd.isConnected = true
      if (fd.type === FdType.ipv4) this.network.completeTuple(fd)
      fd.name = tupleText(fd.sip ?? 0, fd.sport, fd.dip ?? 0, fd.dport)
    }
    if (isNow && fd.isInetSocket) this.#giveRole(fd, isListening(fds, fd.sport))
    if (!fds.add(fd)) return undefined
    // In a capture, IPv6 sockets of the start have no role, as in Falco.
    const hasRole = fd.type === FdType.ipv4 || (fd.type === FdType.ipv6 && this.repair.isOn)
    if (!isNow && hasRole && this.#newSockets.length < this.table.fds.maxUnits) {
      this.#newSockets.push(fd)
      this.#isWorldLinked = false
    }
    return fd
  }

  /** Once the world is told: groups and parents; and who of two ends of a socket is the server, by the ports that are listened on. */
  #linkWorld(): void {
    for (const tid of this.#newTids) {
      const thread = this.table.get(tid)
      if (thread === undefined) continue
      thread.lastSeen = this.current.timeHigh
      this.table.link(thread)
    }
    for (const fd of this.#newSockets) this.#giveRole(fd)
    this.#newTids.clear()
    this.#newSockets = []
    this.#isWorldLinked = true
    const { fds, byTid } = this.table
    if (fds.onConnection === this.#onConnection) return
    // Only the first event says when the world was as the source told it.
    fds.onConnection = this.#onConnection
    for (const thread of byTid.values()) thread.fds.announce()
  }

  /** Which end of a connection a process has whose own one is told first: that of a port that somebody listens on is the server. */
  #giveRole(fd: Fd, isListenedOn = false): void {
    if (!isListenedOn && !this.#serverPorts.has(fd.sport)) {
      fd.isClient = true
      return
    }
    swapEnds(fd)
    fd.name = tupleText(fd.sip ?? 0, fd.sport, fd.dip ?? 0, fd.dport)
    fd.isServer = true
  }

  /** Forgets everything but the options: a capture that is appended to another starts a world of its own. */
  reset(): void {
    this.table.clear()
    this.table.fds.onConnection = undefined
    this.network.clear()
    this.#containers.clear()
    this.#users.clear()
    this.#groups.clear()
    this.#serverPorts.clear()
    this.#newTids.clear()
    this.#newSockets = []
    this.#isWorldLinked = false
    this.#purgeCursor = undefined
    this.#endedTid = -1
    this.#closedFds = undefined
    this.current.forget()
  }

  /**
   * For a live agent, whose events may be lost: takes out threads that made no event for long and are no more, and, at the end of each
   * round through the table, containers that no thread is in. Call it between events, a few thousand threads at a time; a round a few
   * minutes is enough. `isAlive` is asked only for threads unseen for long; without it they all count as gone. True when a round is over.
   */
  purge(nowNs: bigint, isAlive: (thread: Thread) => boolean = () => false, options: PurgeOptions = {}): boolean {
    this.#finishPrevious()
    this.#purgeCursor ??= this.table.byTid.values()
    const now = Number(nowNs >> 32n)
    const oldest = Number((nowNs - (options.timeoutNs ?? PURGE_TIMEOUT_NS)) >> 32n)
    for (let left = options.maxThreads ?? Number.POSITIVE_INFINITY; left > 0; left--) {
      const next = this.#purgeCursor.next()
      if (next.done === true) {
        this.#purgeCursor = undefined
        this.#purgeContainers()
        return true
      }
      const thread = next.value
      if (thread.lastSeen >= oldest) continue
      if (!thread.isInvented) {
        if (hasRecentThread(thread, oldest)) continue
        if (isAlive(thread)) {
          thread.lastSeen = now
          continue
        }
      }
      const before = this.table.byTid.size
      this.table.remove(thread.tid)
      this.#purgedThreads += Math.max(before - this.table.byTid.size, 0)
    }
    return false
  }

  #purgeContainers(): void {
    const used = new Set<string>()
    for (const thread of this.table.byTid.values()) used.add(thread.containerId)
    const known = [...this.#containers.byId.keys(), ...this.#users.containers(), ...this.#groups.containers()]
    for (const id of known) if (id !== '' && !used.has(id)) this.removeContainer(id)
  }

  // ---------------------------------------------------------------- events

  /** Applies the event and gives the context that fields read, valid until the next call. */
  apply(rec: EventRecord): CurrentEvent {
    const current = this.current
    this.#finishPrevious()
    current.begin(rec)
    if (!this.#isWorldLinked) this.#linkWorld()
    const type = rec.type
    if (isThreadless(type)) {
      eventHandlers[type]?.(this, rec)
      return current
    }
    let thread = this.table.get(rec.tid)
    if (thread === undefined) {
      if (inventsThread(type)) thread = this.table.getOrInvent(rec.tid)
    } else if (thread.gap !== this.repair.gap && !endsThread(type)) {
      this.repair.thread(rec.tid)
      thread = this.table.get(rec.tid)
    }
    current.thread = thread
    if (thread !== undefined) {
      thread.lastSeen = current.timeHigh
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

  /** Takes in an open that was not told when it happened (`EventRecord.isEarlierOpen`). */
  applyEarlierOpen(rec: EventRecord): void {
    this.#finishPrevious()
    if (!this.#isWorldLinked) this.#linkWorld()
    const thread = this.table.get(rec.tid)
    if (thread !== undefined) learnEarlierOpen(this, thread, rec)
  }

  #findFd(thread: Thread, rec: EventRecord, position: number): void {
    if (position >= rec.paramCount || rec.paramLen[position]! < 8) return
    const at = rec.paramAt[position]!
    const num = rec.view.getInt32(at, true)
    this.current.fdNum = num
    if (num < 0) return
    const fds = this.fdsOf(thread)
    let fd = fds?.peek(num)
    if (
      fds !== undefined &&
      this.repair.isOn &&
      (fd === undefined ? this.repair.isUsed(rec) : fd.gap !== this.repair.gap)
    )
      fd = this.repair.fd(thread, fds, num, fd)
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
    this.current.fd = fds?.add(fd) === true ? fd : undefined
  }

  /** After `writableFd`: the fd has other ends, another type or another name. */
  fdChanged(fd: Fd): void {
    const { thread } = this.current
    if (thread !== undefined) this.fdsOf(thread)?.changed(fd)
  }

  closeAfterEvent(thread: Thread, num: number): void {
    this.#closedFds = this.fdsOf(thread)
    this.#closedFd = num
  }

  removeAfterEvent(tid: number): void {
    this.#endedTid = tid
  }

  /** `cgroups` is one `subsystem=path` item after the other, NUL-ended. */
  setCgroups(thread: Thread, cgroups: ByteText): void {
    const known = this.#cgroups.lookup(cgroups)
    thread.cgroups = known.list
    const { id = '', type } = known.container ?? {}
    thread.containerId = id
    if (type !== undefined && this.container(id) === undefined)
      this.addContainer({ ...WITHOUT_METADATA, id, type }, id.length)
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
    event: rec => {
      if (!rec.isEarlierOpen) return onEvent(state.apply(rec))
      state.applyEarlierOpen(rec)
      return true
    },
  }
}

/** Whether any thread of the process that it leads made an event lately. */
function hasRecentThread(main: Thread, oldest: number): boolean {
  if (main.group?.main !== main) return false
  for (const thread of main.group.threads) if (thread.lastSeen >= oldest) return true
  return false
}

function isSameProgram(thread: Thread, { comm, exe, exepath, args, exeIno }: ProcessEntry): boolean {
  return (
    thread.comm === comm &&
    thread.exe === exe &&
    thread.exepath === exepath &&
    (thread.exeIno === 0 || thread.exeIno === (exeIno ?? 0)) &&
    thread.args.length === args.length &&
    args.every((arg, i) => thread.args[i] === arg)
  )
}

function textSizeOf(entry: ProcessEntry): number {
  let size = entry.exe.length + entry.exepath.length + entry.comm.length
  for (const item of entry.args) size += item.length
  for (const item of entry.env) size += item.length
  return size
}

/** Whether the process listens on the port. */
function isListening(fds: FdTable, port: number): boolean {
  let left = MAX_LISTENING_FDS
  let isFound = false
  fds.some(({ type, sport }) => {
    isFound = (type === FdType.ipv4Listening || type === FdType.ipv6Listening) && sport === port
    return isFound || --left === 0
  })
  return isFound
}

function asDirectory(path: ByteText): ByteText {
  return path.endsWith('/') ? path : `${path}/`
}

function fdOf(entry: FdEntry): Fd | undefined {
  const fd = new Fd(entry.fd, entry.type === FdType.fileV2 ? FdType.file : entry.type)
  fd.ino = entry.ino
  fd.openFlags = entry.openFlags ?? 0
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
      fd.dev = entry.dev ?? 0
      fd.name = entry.name ?? ''
      return fd
  }
}
