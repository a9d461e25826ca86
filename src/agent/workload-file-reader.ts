/**
 * Reads what workloads have in /etc/resolv.conf, /etc/hosts, /etc/passwd and /etc/group, each in its own mount namespace, through a process
 * that lives there; again when a file has changed. One file at a time, off the event path. What workloads have there is not to be trusted: links
 * are followed as if their root were ours, so that none leads out of it, and only plain files are read, so much of each.
 */
import { constants } from 'node:fs'
import { access, type FileHandle, open, readlink } from 'node:fs/promises'
import { parseResolvConf } from '../domains/resolv-conf.ts'
import { procRoot } from '../events/live/proc-root.ts'
import { readUptimeMs, startOfProcess, TICK_MS } from '../events/live/proc-stat.ts'
import { renderIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { type FoundFile, findInRoot } from './find-in-root.ts'
import { findLibraries } from './find-library.ts'
import { asksUnseenServices } from './name-services.ts'
import type { FoundCall } from './watched-libraries.ts'

export type FileNews =
  /** Servers of its resolv.conf, a line each; the text of its hosts file. `mntns` 0 is the host. */
  | {
      readonly kind: 'resolv_conf' | 'hosts'
      readonly mntns: number
      readonly pid: number
      readonly text: string
      /** Others than root may write the hosts file. */
      readonly untrusted?: boolean
    }
  | AccountNews
  /** The process is gone through which it was read. */
  | { readonly kind: 'gone'; readonly mntns: number }
  /** A function of its C library. Told once for each file, however many have it. */
  | ({ readonly kind: 'library' } & FoundCall)

/** Which C libraries are looked for: all, or those of roots whose programs the library may tell what nothing else does (`name-services.ts`). */
export type LibraryChoice = 'all' | 'needed' | 'none'

/** The text of a file of accounts, where there is one; not of namespaces that a workload may have made itself. */
export interface AccountNews {
  readonly kind: 'passwd' | 'group'
  readonly mntns: number
  readonly pid: number
  readonly text: string
}

export interface WorkloadFileReaderOptions {
  readonly onNews: (news: FileNews) => void
  /** Told once each, when files are no longer read, and when those of some are not. */
  readonly onTrouble?: (message: string) => void
  /** `none` unless given. */
  readonly libraries?: LibraryChoice
  /** In place of the host's; for tests. */
  readonly procRoot?: string
  /** How often files are looked at again. */
  readonly intervalMs?: number
  /** How long a namespace's files may take. */
  readonly stuckMs?: number
}

/** A mount namespace, and how its files are read. */
interface Wanted {
  readonly mntns: number
  /** The process through which. */
  readonly pid: number
  /** A workload may have made it itself. */
  readonly isOwn: boolean
  /** Users and groups are of interest, too. */
  readonly hasAccounts: boolean
}

interface View extends Wanted {
  hasAccounts: boolean
  /** Of the files as they were read last. */
  readonly stamps: Map<string, string>
  servers: ReadonlySet<Ip>
  /** Keys of libraries that were found here first; undefined while none were looked for. */
  libraries: string[] | undefined
}

export interface FileReaderCounters {
  readonly namespaces: number
  readonly reads: number
  /** Files that did not answer in time: after a few of them nothing is read any more. */
  readonly stuck: number
  /** Requests left out for want of room. */
  readonly leftOut: number
}

/** libscap takes async events of at most 64 KiB. */
const MAX_BYTES = 48 * 1024
/** No event has a file of accounts as a whole. */
const MAX_ACCOUNT_BYTES = 1024 * 1024
const MAX_VIEWS = 2048
const MAX_QUEUE = 4096
/** Each one is a probe that stays in the kernel. */
const MAX_LIBRARIES = 64
const INTERVAL_MS = 5000
/**
 * A file on a dead server keeps a thread of Node's pool for ever: not more than a few of these are risked. Of mount namespaces that workloads made
 * themselves, where every user may mount a file system that never answers, just one.
 */
const STUCK_MS = 5000
const MAX_STUCK = 2
/** An answer may be there and wait for its turn: where events keep the thread busy (`record`), time alone says nothing of the file. */
const PATIENT_TURNS = 1000

/**
 * Whose accounts are read, has been there for so long. Before, its root may still be that of whoever made it; and how soon one reader comes is
 * chance, so that a recording, which has another than a run, would name users in other events of a container that lives for a moment.
 */
const SETTLED_MS = 5000

const RESOLV_CONF = '/etc/resolv.conf'
const HOSTS = '/etc/hosts'
const NSSWITCH = '/etc/nsswitch.conf'
const NSCD = '/var/run/nscd/socket'
const PASSWD = '/etc/passwd'
const ACCOUNTS = [
  ['passwd', PASSWD],
  ['group', '/etc/group'],
] as const
/** Where local forwarders of the host keep the servers that they themselves ask. */
const UPSTREAMS: readonly string[] = [
  '/run/systemd/resolve/resolv.conf',
  '/run/NetworkManager/no-stub-resolv.conf',
  '/run/dnsmasq/resolv.conf',
]

export class WorkloadFileReader {
  readonly #onNews: (news: FileNews) => void
  readonly #onTrouble: ((message: string) => void) | undefined
  readonly #proc: string
  #libraryChoice: LibraryChoice
  readonly #views: Map<number, View> = new Map()
  readonly #libraries: Set<string> = new Set()
  readonly #queue: Map<number, Wanted> = new Map()
  readonly #stuckMs: number
  readonly #timer: NodeJS.Timeout
  #isBusy = false
  #isClosed = false
  #reads = 0
  #stuck = 0
  #isOwnStuck = false
  #leftOut = 0

  constructor(options: WorkloadFileReaderOptions) {
    this.#onNews = options.onNews
    this.#onTrouble = options.onTrouble
    this.#libraryChoice = options.libraries ?? 'none'
    this.#proc = options.procRoot ?? procRoot()
    this.#stuckMs = options.stuckMs ?? STUCK_MS
    this.#timer = setInterval(() => this.#again(), options.intervalMs ?? INTERVAL_MS)
    this.#timer.unref()
  }

  /**
   * Reads the files of the mount namespace through the process; `mntns` 0 is the host. `isOwn`: a workload may have made it itself.
   * `hasAccounts`: its users and groups are of interest, too.
   */
  want(mntns: number, pid: number, isOwn = false, hasAccounts = false): void {
    if (isOwn && this.#isOwnStuck) {
      this.#leftOut++
      return
    }
    if (this.#queue.size >= MAX_QUEUE || (this.#views.size >= MAX_VIEWS && !this.#views.has(mntns))) {
      this.#leftOut++
      return
    }
    const isAsked = (hasAccounts && !isOwn) || this.#queue.get(mntns)?.hasAccounts === true
    this.#queue.set(mntns, { mntns, pid, isOwn, hasAccounts: isAsked })
    void this.#work()
  }

  /** Other libraries from now on. Those that are watched already stay so. */
  choose(libraries: LibraryChoice): void {
    if (this.#libraryChoice === libraries) return
    this.#libraryChoice = libraries
    if (libraries !== 'none') this.#again()
  }

  counters(): FileReaderCounters {
    const stuck = this.#stuck + (this.#isOwnStuck ? 1 : 0)
    return { namespaces: this.#views.size, reads: this.#reads, stuck, leftOut: this.#leftOut }
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
  }

  #again(): void {
    for (const view of this.#views.values()) if (!this.#queue.has(view.mntns)) this.#queue.set(view.mntns, view)
    void this.#work()
  }

  async #work(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    for (const [mntns, wanted] of this.#queue) {
      if (this.#isClosed || this.#stuck >= MAX_STUCK) break
      this.#queue.delete(mntns)
      if (wanted.isOwn && this.#isOwnStuck) continue
      if (!(await inTime(this.#read(wanted), this.#stuckMs))) this.#onStuck(wanted.isOwn)
    }
    this.#isBusy = false
  }

  #onStuck(isOwn: boolean): void {
    const cause = 'did not answer in time'
    if (isOwn) {
      this.#isOwnStuck = true
      this.#onTrouble?.(`files of mount namespaces that workloads made themselves are no longer read: one ${cause}`)
    } else if (++this.#stuck === MAX_STUCK)
      this.#onTrouble?.(`resolv.conf, hosts and passwd files of workloads are no longer read: some ${cause}`)
  }

  async #read(wanted: Wanted): Promise<void> {
    const { mntns, pid } = wanted
    const root = `${this.#proc}/${mntns === 0 ? 1 : pid}`
    if (await this.#isGone(root, mntns)) return
    const known = this.#views.get(mntns)
    const view: View =
      known?.pid === pid ? known : { ...wanted, stamps: new Map(), servers: NO_SERVERS, libraries: known?.libraries }
    view.hasAccounts = wanted.hasAccounts || known?.hasAccounts === true
    this.#views.set(mntns, view)
    const isThere = await canEnter(`${root}/root/`)
    // What cannot be looked at says nothing; a host's whose first process is hidden from us is the one that we see.
    if (!isThere && mntns !== 0) {
      this.#leftOut++
      return
    }
    const base = isThere ? `${root}/root` : ''
    // Before all else: whoever has begun to run may ask it at once.
    if (view.libraries === undefined && (await this.#needsLibraries(view, base))) await this.#findLibraries(view, base)
    const paths = mntns === 0 ? [RESOLV_CONF, ...UPSTREAMS] : [RESOLV_CONF]
    const files = await this.#readChanged(view, base, paths)
    const hosts = await this.#readChanged(view, base, [HOSTS])
    const accounts = this.#maySeeAccounts(view) ? await this.#readAccounts(view, base) : []
    // A process that ended meanwhile has no files, which is not the same as none that name a server.
    if (await this.#isGone(root, mntns)) return
    if (files !== undefined) this.#onResolvConf(view, files)
    if (hosts !== undefined) {
      const { text = '', isOfRoot = true } = hosts[0] ?? {}
      this.#tell({ kind: 'hosts', mntns, pid, text, ...(!isOfRoot && mntns !== 0 && { untrusted: true }) })
    }
    for (const news of accounts) this.#tell(news)
  }

  async #needsLibraries(view: View, base: string): Promise<boolean> {
    if (this.#libraryChoice !== 'needed') return this.#libraryChoice === 'all'
    const file = await findInRoot(base, NSSWITCH)
    const cache = await findInRoot(base, NSCD, 'socket')
    const stamp = `${file?.stamp},${cache?.stamp}`
    if (view.stamps.get(NSSWITCH) === stamp) return false
    view.stamps.set(NSSWITCH, stamp)
    if (cache !== undefined) return true
    const { text = '' } = (file && (await readStart(file.path))) ?? {}
    return asksUnseenServices(text)
  }

  #maySeeAccounts({ mntns, pid, hasAccounts, stamps }: View): boolean {
    if (!hasAccounts || mntns === 0 || stamps.has(PASSWD)) return hasAccounts
    const uptimeMs = readUptimeMs(this.#proc)
    const startTicks = startOfProcess(pid, this.#proc)
    if (uptimeMs === undefined || startTicks === undefined) return true
    return uptimeMs - startTicks * TICK_MS >= SETTLED_MS
  }

  /** Those that are others than the last time. */
  async #readAccounts(view: View, base: string): Promise<readonly AccountNews[]> {
    const { mntns, pid } = view
    const news: AccountNews[] = []
    for (const [kind, path] of ACCOUNTS) {
      const [file] = (await this.#readChanged(view, base, [path], MAX_ACCOUNT_BYTES)) ?? []
      if (file !== undefined) news.push({ kind, mntns, pid, text: file.text })
    }
    return news
  }

  async #findLibraries(view: View, base: string): Promise<void> {
    view.libraries = []
    if (this.#libraries.size >= MAX_LIBRARIES) {
      this.#leftOut++
      return
    }
    for (const { path, key, offsets } of await findLibraries(base, this.#libraries)) {
      this.#libraries.add(key)
      view.libraries.push(key)
      for (const [call, offset] of offsets) this.#tell({ kind: 'library', mntns: view.mntns, path, call, offset })
    }
  }

  async #isGone(root: string, mntns: number): Promise<boolean> {
    if (mntns === 0 || (await readMountNamespace(root)) === mntns) return false
    for (const key of this.#views.get(mntns)?.libraries ?? []) this.#libraries.delete(key)
    this.#views.delete(mntns)
    this.#tell({ kind: 'gone', mntns })
    return true
  }

  #onResolvConf(view: View, files: readonly (ReadFile | undefined)[]): void {
    const [own, ...others] = files
    let servers = [
      ...parseResolvConf(own?.text ?? ''),
      ...others.flatMap(file => (file ? parseResolvConf(file.text) : [])),
    ]
    // Whoever may name the servers may have them say anything: a file that is not root's adds nothing to those of the host.
    const host = this.#views.get(0)?.servers ?? NO_SERVERS
    if (view.mntns !== 0 && own !== undefined && !own.isOfRoot) servers = servers.filter(ip => host.has(ip))
    view.servers = new Set(servers)
    const text = [...view.servers].map(renderIp).join('\n')
    this.#tell({ kind: 'resolv_conf', mntns: view.mntns, pid: view.pid, text })
  }

  #tell(news: FileNews): void {
    if (!this.#isClosed) this.#onNews(news)
  }

  /** The files, where one of them is another than the last time; else undefined. A file that cannot be read is undefined itself. */
  async #readChanged(
    view: View,
    base: string,
    paths: readonly string[],
    maxBytes: number = MAX_BYTES,
  ): Promise<readonly (ReadFile | undefined)[] | undefined> {
    const places: (FoundFile | undefined)[] = []
    for (const path of paths) places.push(await findInRoot(base, path))
    const stamp = places.map(place => place?.stamp ?? '').join()
    const key = paths[0]!
    if (view.stamps.get(key) === stamp) return undefined
    view.stamps.set(key, stamp)
    const files: (ReadFile | undefined)[] = []
    for (const place of places) {
      this.#reads++
      files.push(place === undefined ? undefined : await readStart(place.path, maxBytes))
    }
    return files
  }
}

const NO_SERVERS: ReadonlySet<Ip> = new Set()

interface ReadFile {
  readonly text: string
  /** Only root may write it. */
  readonly isOfRoot: boolean
}

async function readStart(path: string, maxBytes: number = MAX_BYTES): Promise<ReadFile | undefined> {
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY)
    const stat = await file.stat()
    if (!stat.isFile()) return undefined
    const bytes = Buffer.alloc(Math.min(stat.size, maxBytes))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
    const text = bytes.latin1Slice(0, bytesRead)
    // A line that is cut says something else.
    const whole = stat.size > bytesRead ? text.slice(0, text.lastIndexOf('\n') + 1) : text
    return { text: whole.replaceAll('\0', ' '), isOfRoot: stat.uid === 0 && (stat.mode & 0o022) === 0 }
  } catch {
    return undefined
  } finally {
    await file?.close().catch(() => {})
  }
}

async function canEnter(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function readMountNamespace(root: string): Promise<number | undefined> {
  try {
    const digits = /^mnt:\[(\d+)\]$/.exec(await readlink(`${root}/ns/mnt`))?.[1]
    return digits === undefined ? undefined : Number(digits)
  } catch {
    return undefined
  }
}

/**
 * Whether the work was done in time, or else in `PATIENT_TURNS` of the event loop; when not, it goes on by itself. It never rejects.
 */
async function inTime(work: Promise<void>, mostMs: number): Promise<boolean> {
  let left = PATIENT_TURNS
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => {
    timer = setInterval(() => --left === 0 && resolve(false), mostMs / PATIENT_TURNS)
  })
  const isDone = await Promise.race([work.then(() => true), late])
  clearInterval(timer)
  return isDone
}
