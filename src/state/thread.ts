import type { ByteText } from '../values/value.ts'
import type { FdTable } from './fd-table.ts'

/** PPM clone flags and libsinsp's marks among them, as far as the state looks at them (driver/ppm_events_public.h). */
export const CloneFlag: Readonly<
  Record<
    | 'files'
    | 'newPid'
    | 'parent'
    | 'thread'
    | 'inverted'
    | 'newUser'
    | 'pipeSource'
    | 'pipeDest'
    | 'vfork'
    | 'childInPidns'
    | 'isMainThread',
    number
  >
> = {
  files: 1 << 0,
  newPid: 1 << 6,
  parent: 1 << 8,
  thread: 1 << 13,
  inverted: 1 << 16,
  newUser: 1 << 20,
  pipeSource: 1 << 21,
  pipeDest: 1 << 22,
  vfork: 1 << 27,
  childInPidns: 1 << 29,
  isMainThread: 1 << 30,
}

/** One thread. Text is `ByteText`; 64-bit numbers as in `Scalar`; −1 is an unknown id. A process is its main thread. */
export class Thread {
  tid: number
  pid = -1
  sid = -1
  vpgid = -1
  pgid = -1
  vtid = -1
  vpid = -1
  /** `proc.name` */
  comm: ByteText = ''
  /** argv[0], `proc.exe` */
  exe: ByteText = ''
  exepath: ByteText = ''
  /** argv without argv[0] */
  args: readonly ByteText[] = []
  /** Kept by the main thread; read through `Machine.envOf`. */
  env: readonly ByteText[] = []
  /** Ends in `/`; kept by the main thread; read through `Machine.cwdOf`. */
  cwd: ByteText = ''
  root: ByteText = ''
  /** Numbers of its network and mount namespace; 0 is the host's, and what is not known. */
  netns = 0
  mntns = 0
  /** Users that made the user namespaces which these belong to; 0: root, or not known. */
  netnsUid = 0
  mntnsUid = 0
  /** `subsystem=path` items. */
  cgroups: readonly ByteText[] = []
  /** PPM clone flags and `CloneFlag` marks. */
  flags = 0
  uid = 0xffffffff
  gid = 0xffffffff
  loginuid = 0xffffffff
  tty = 0
  /** −1 when unknown. */
  fdlimit: number | bigint = -1
  vmSizeKb = 0
  vmRssKb = 0
  vmSwapKb = 0
  pfMajor: number | bigint = 0
  pfMinor: number | bigint = 0
  capInheritable: number | bigint = 0
  capPermitted: number | bigint = 0
  capEffective: number | bigint = 0
  exeWritable = false
  exeUpperLayer = false
  exeLowerLayer = false
  exeFromMemfd = false
  exeIno: number | bigint = 0
  exeInoCtime: number | bigint = 0
  exeInoMtime: number | bigint = 0
  exeInoCtimeDurationCloneTs: number | bigint = 0
  exeInoCtimeDurationPidnsStart: number | bigint = 0
  /** ns since the epoch; 0n when unknown. */
  cloneTsNs = 0n
  lastExecTsNs = 0n
  /**
   * Start of its pid namespace; 0 when unknown or the host's. ns since the epoch from a process list, since boot from a clone event:
   * libsinsp means to add the time of the boot, but has none when it reads a capture.
   */
  pidnsInitStartTs: number | bigint = 0
  /** fds of its own; those that count are `Machine.fdsOf`, the main thread's for a thread that shares them. */
  fds: FdTable
  /** The threads of the process; undefined for an invented thread, of which only the tid is known. */
  group: ThreadGroup | undefined = undefined
  isDead = false
  /** When it last made an event, or was found alive: the upper half of the time in ns, units of 4.3 s. */
  lastSeen = 0
  /** The gap in the events after which it was last found right (`Repair`). */
  gap = 0
  /** Characters of its texts, as the table of threads counts them. */
  textSize = 0
  /** From the exit event: who inherits the children; −1 when not known. */
  reaperTid = -1
  /** As `CgroupContainer.id`; '' on the host. */
  containerId = ''
  /** Texts worked out once until their parts change: `proc.cmdline`, `proc.args`, `proc.env`, `proc.exeline`. */
  cmdlineText: ByteText | undefined = undefined
  argsText: ByteText | undefined = undefined
  envText: ByteText | undefined = undefined
  exelineText: ByteText | undefined = undefined
  #ptid = -1
  /** The list of children that it is on. */
  #siblings: Offspring | undefined = undefined
  #offspring: Offspring | undefined = undefined

  constructor(tid: number, fds: FdTable) {
    this.tid = tid
    this.fds = fds
  }

  /** tid of its parent; −1 is unknown, 0 is none that is known. */
  get ptid(): number {
    return this.#siblings === undefined ? this.#ptid : this.#siblings.parent.tid
  }

  set ptid(tid: number) {
    this.leaveParent()
    this.#ptid = tid
  }

  get children(): ReadonlySet<Thread> {
    return this.#offspring?.threads ?? NO_THREADS
  }

  get isMainThread(): boolean {
    return this.tid === this.pid || (this.flags & CloneFlag.isMainThread) !== 0
  }

  /** Whether only its tid is known, because what created it was not seen. */
  get isInvented(): boolean {
    return this.tid < 0 || this.pid < 0 || this.ptid < 0
  }

  get isInPidNamespace(): boolean {
    return (this.flags & CloneFlag.childInPidns) !== 0 || (this.tid !== this.vtid && this.vtid >= 0)
  }

  /** The process's main thread; undefined when it is not known. */
  get main(): Thread | undefined {
    if (this.isMainThread) return this
    const first = this.group?.first()
    return first?.isMainThread === true ? first : undefined
  }

  adopt(child: Thread): void {
    child.leaveParent()
    this.#offspring ??= new Offspring(this)
    this.#offspring.threads.add(child)
    child.#siblings = this.#offspring
  }

  /** Goes off its parent's list; `ptid` stays. */
  leaveParent(): void {
    const siblings = this.#siblings
    if (siblings === undefined) return
    this.#ptid = siblings.parent.tid
    this.#siblings = undefined
    siblings.threads.delete(this)
  }

  /** Its children become the heir's, or nobody's. */
  giveChildrenTo(heir: Thread | undefined): void {
    const given = this.#offspring
    if (given === undefined || heir === this) return
    this.#offspring = undefined
    if (heir !== undefined && given.threads.has(heir)) heir.ptid = 0
    if (heir === undefined) {
      for (const child of given.threads) {
        child.#siblings = undefined
        child.#ptid = 0
      }
      return
    }
    const own = heir.#offspring
    if (own === undefined) {
      given.parent = heir
      heir.#offspring = given
      return
    }
    // The shorter list goes into the longer: however often children are handed on, each is moved only a few times.
    const [into, from] = own.threads.size < given.threads.size ? [given, own] : [own, given]
    into.parent = heir
    heir.#offspring = into
    for (const child of from.threads) {
      child.#siblings = into
      into.threads.add(child)
    }
  }

  setArgs(args: readonly ByteText[]): void {
    this.args = args
    this.cmdlineText = undefined
    this.argsText = undefined
    this.exelineText = undefined
  }

  setEnv(env: readonly ByteText[]): void {
    this.env = env
    this.envText = undefined
  }
}

/** The children of one thread; the heir takes over the list as it is, so that a process whose threads end one by one costs nothing. */
class Offspring {
  parent: Thread
  readonly threads: Set<Thread> = new Set()

  constructor(parent: Thread) {
    this.parent = parent
  }
}

const NO_THREADS: ReadonlySet<Thread> = new Set()

/** The threads of one process. */
export class ThreadGroup {
  readonly pid: number
  readonly threads: Set<Thread> = new Set()
  /** Alive ones: the main thread stays listed after its death until the others are gone. */
  aliveCount = 0
  /** Whether it inherits orphans: an init, a subreaper. */
  isReaper: boolean
  #main: Thread | undefined = undefined

  constructor(pid: number, isReaper: boolean) {
    this.pid = pid
    this.isReaper = isReaper
  }

  add(thread: Thread): void {
    this.threads.add(thread)
    this.aliveCount++
    if (thread.isMainThread) this.#main = thread
  }

  remove(thread: Thread): void {
    this.threads.delete(thread)
    if (this.#main === thread) this.#main = undefined
  }

  get main(): Thread | undefined {
    return this.#main
  }

  /** The main thread when it is known, else the oldest. */
  first(): Thread | undefined {
    if (this.#main !== undefined) return this.#main
    for (const thread of this.threads) return thread
    return undefined
  }
}

const DELETED = ' (deleted)'

/** The path of the program, without the mark that the kernel puts on a removed file. */
export function setExepath(thread: Thread, path: ByteText): void {
  thread.exepath = path.length > DELETED.length && path.endsWith(DELETED) ? path.slice(0, -DELETED.length) : path
}
