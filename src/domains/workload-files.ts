/**
 * What the files of a workload say of names: the servers of its resolv.conf, which decide whose answers are trusted, and its hosts file.
 * Both belong to a mount namespace. Somebody else reads them, off the event path, and tells them as events; what is not told yet is
 * asked for once. Bounded: the namespace that was told of longest ago goes.
 */
import { parseIp, unmapIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import type { BindingFact } from './binding.ts'
import type { Standing } from './dns-observer.ts'
import { parseHostsFile } from './hosts-file.ts'

export interface WorkloadFilesOptions {
  readonly learn: (fact: BindingFact, atMs: number) => boolean
  /** Takes back what was learnt. */
  readonly retract: (fact: BindingFact) => void
  /**
   * Asks for the files of a mount namespace, through a process that lives in it; absent: nobody can read them. `isOwn`: a workload may have made
   * the namespace itself.
   */
  readonly want?: (mntns: number, pid: number, isOwn: boolean) => void
}

/** The text of an event of files: the number of the mount namespace, then what its file says. */
export interface ToldFile {
  readonly mntns: number
  readonly text: string
  /** Others than root may have written it. */
  readonly untrusted?: boolean
}

export function parseToldFile(data: string): ToldFile | undefined {
  const [, digits, mark, text] = /^(\d{1,10})( untrusted)?\n([^\0]*)\0?$/.exec(data) ?? []
  if (digits === undefined) return undefined
  return { mntns: Number(digits), text: text!, ...(mark !== undefined && { untrusted: true }) }
}

export function renderToldFile({ mntns, text, untrusted = false }: ToldFile): string {
  return `${mntns}${untrusted ? ' untrusted' : ''}\n${text}`
}

interface View {
  servers: ReadonlySet<Ip> | undefined
  hosts: readonly BindingFact[]
  hostsTold: string
  /** The process through which it was asked for; 0 when it was not. */
  reader: number
  /** Answers that came before the servers were known, as they were taken then. */
  undecided: { readonly fact: BindingFact; readonly server: Ip }[]
}

const MAX_VIEWS = 2048
/** Of one workload: hosts files of containers have some lines. */
const MAX_HOSTS = 1024
const MAX_UNDECIDED = 64

export class WorkloadFiles {
  readonly #options: WorkloadFilesOptions
  /** By mount namespace, the one told of longest ago first. */
  readonly #views: Map<number, View> = new Map()
  #readers: Set<number> = new Set()
  /** Answers that were taken otherwise when their server's standing was known. */
  revised = 0

  constructor(options: WorkloadFilesOptions) {
    this.#options = options
  }

  /** Namespaces of which something is known. */
  get size(): number {
    return this.#views.size
  }

  /** Asks for the files of the namespace, if they were not asked for yet. */
  need(mntns: number, pid: number, isOwn: boolean): void {
    const { want } = this.#options
    if (want === undefined || pid <= 0) return
    const view = this.#view(mntns)
    if (view.reader !== 0) return
    view.reader = pid
    if (this.#readers.size >= 2 * MAX_VIEWS)
      this.#readers = new Set([...this.#views.values()].map(({ reader }) => reader))
    this.#readers.add(pid)
    want(mntns, pid, isOwn)
  }

  /**
   * Files that are read through the process are asked for again, through who runs a program there next. That may be another namespace by
   * then: the kernel gives the number of one that has ended to the next.
   */
  endProcess(pid: number): void {
    if (!this.#readers.delete(pid)) return
    for (const view of this.#views.values()) if (view.reader === pid) view.reader = 0
  }

  /** Nobody lives there any more through whom the files could be read: they are asked for again when somebody does. */
  orphan(mntns: number): void {
    const view = this.#views.get(mntns)
    if (view !== undefined) view.reader = 0
  }

  /**
   * Whether programs that live there should ask the server. While that is not known, it is believed at home (`mntns` is `homeMntns`): whoever
   * put the workload there wrote the files. Who lives elsewhere may have made that itself, with a file of its own: only what counts at home counts.
   */
  standingOf(server: Ip, mntns: number, homeMntns: number): Standing {
    const servers = this.#views.get(mntns)?.servers
    if (servers !== undefined) return servers.has(server) ? 'trusted' : 'untrusted'
    if (mntns === homeMntns) return 'believed'
    return this.#views.get(homeMntns)?.servers?.has(server) === true ? 'believed' : 'doubted'
  }

  /** An answer was taken whose server's standing is not known yet. */
  unsettled(fact: BindingFact, server: Ip, mntns: number): void {
    const view = this.#view(mntns)
    if (view.undecided.length < MAX_UNDECIDED) view.undecided.push({ fact, server })
  }

  /** `text`: the addresses of the servers, a line each. */
  setServers({ mntns, text }: ToldFile, atMs: number): void {
    const view = this.#renew(mntns)
    const ips = text.split('\n').map(line => parseIp(line))
    const servers = new Set(ips.filter(ip => ip !== undefined).map(unmapIp))
    view.servers = servers
    const { undecided } = view
    view.undecided = []
    for (const { fact, server } of undecided) {
      const untrusted = !servers.has(server)
      if (untrusted === (fact.untrusted ?? false)) continue
      this.revised++
      this.#options.retract(fact)
      // What its process left behind, if that has ended.
      const { containerId = '', netns = 0 } = fact.owner ?? {}
      this.#options.retract({ ...fact, owner: { containerId, netns } })
      this.#options.learn({ ...fact, untrusted }, atMs)
    }
  }

  /** `text`: of the hosts file. What is no longer in it ends. The host's own speaks for everybody. */
  setHosts(file: ToldFile, atMs: number): void {
    const { mntns, text, untrusted = false } = file
    const view = this.#renew(mntns)
    const told = renderToldFile(file)
    if (view.hostsTold === told) return
    for (const fact of view.hosts) this.#options.retract(fact)
    const facts: BindingFact[] = []
    for (const fact of parseHostsFile(text)) {
      facts.push(mntns === 0 ? fact : { ...fact, owner: { mntns }, ...(untrusted && { untrusted }) })
      if (facts.length === MAX_HOSTS && mntns !== 0) break
    }
    view.hostsTold = told
    view.hosts = facts
    for (const fact of facts) this.#options.learn(fact, atMs)
  }

  #view(mntns: number): View {
    const known = this.#views.get(mntns)
    if (known !== undefined) return known
    if (this.#views.size >= MAX_VIEWS) this.#evict()
    const view: View = { servers: undefined, hosts: [], hostsTold: '', reader: 0, undecided: [] }
    this.#views.set(mntns, view)
    return view
  }

  #renew(mntns: number): View {
    const view = this.#view(mntns)
    this.#views.delete(mntns)
    this.#views.set(mntns, view)
    return view
  }

  #evict(): void {
    for (const [mntns, view] of this.#views) {
      if (mntns === 0) continue
      this.#views.delete(mntns)
      for (const fact of view.hosts) this.#options.retract(fact)
      return
    }
  }
}
