/**
 * What a recording of this machine has of the files of workloads, as events: which servers they should ask, which names their hosts files
 * have, which users and groups containers have. Read when a mount namespace first shows itself, and when a file changes. Also has the C
 * libraries watched that are there.
 */
import { renderToldFile, type ToldFile } from '../domains/workload-files.ts'
import type { EventRecord } from '../events/event-record.ts'
import { readSmall } from '../events/live/proc-files.ts'
import { procRoot } from '../events/live/proc-root.ts'
import { parseCgroups } from '../events/live/procfs.ts'
import { makeGroupAdded, makeUserAdded, parseGroup, parsePasswd } from '../events/accounts.ts'
import { makeOwnEvent, ownEventData, ownEventName } from '../events/own-event.ts'
import { containerOfCgroups } from '../state/container-id.ts'
import type { LiveSource } from './live-source.ts'
import { type FoundCall, WatchedLibraries } from './watched-libraries.ts'
import { type AccountNews, WorkloadFileReader, type WorkloadFileReaderOptions } from './workload-file-reader.ts'

/** Whoever makes a mount namespace puts its files in place next. */
const SETTLE_MS = 200
const MAX_NEWS = 4096

export class RecordedFiles {
  readonly #reader: WorkloadFileReader
  readonly #onTrouble: WorkloadFileReaderOptions['onTrouble']
  readonly #libraries: WatchedLibraries = new WatchedLibraries()
  #source: LiveSource | undefined = undefined
  /** Found before there was a source. */
  #found: FoundCall[] = []
  #hostMntns = ''
  readonly #proc: string
  /** Kinds of files of the host that were told. */
  readonly #hostAccounts: Set<string> = new Set()
  readonly #accounts: ((tsNs: bigint) => EventRecord)[] = []
  readonly #news: (ToldFile & { readonly kind: 'resolv_conf' | 'hosts'; readonly pid: number })[] = []

  constructor(options: Omit<WorkloadFileReaderOptions, 'onNews'> = {}) {
    this.#onTrouble = options.onTrouble
    this.#proc = options.procRoot ?? procRoot()
    this.#reader = new WorkloadFileReader({
      ...options,
      onNews: news => {
        if (news.kind === 'library') this.#watch(news)
        if (news.kind === 'gone') this.#libraries.drop(news.mntns)
        // The host's hosts file is among the names that a recording begins with.
        const isWanted = news.kind === 'resolv_conf' || (news.kind === 'hosts' && news.mntns !== 0)
        if (isWanted && this.#news.length < MAX_NEWS) this.#news.push(news)
        if (news.kind === 'passwd' || news.kind === 'group') this.#takeAccounts(news)
      },
    })
    this.#reader.want(0, 1, false, true)
  }

  #takeAccounts({ kind, mntns, pid, text }: AccountNews): void {
    // A recording begins with those of the host.
    if (mntns === 0 && !this.#hostAccounts.has(kind)) {
      this.#hostAccounts.add(kind)
      return
    }
    const containerId = mntns === 0 ? '' : this.#containerOf(pid)
    if (containerId === undefined) return
    const make =
      kind === 'passwd'
        ? parsePasswd(text).map(user => (tsNs: bigint) => makeUserAdded(user, containerId, tsNs))
        : parseGroup(text).map(group => (tsNs: bigint) => makeGroupAdded(group, containerId, tsNs))
    this.#accounts.push(...make.slice(0, MAX_NEWS - this.#accounts.length))
  }

  /** Undefined on the host, whose services have no users of their own. */
  #containerOf(pid: number): string | undefined {
    return containerOfCgroups(parseCgroups(readSmall(`${this.#proc}/${pid}/cgroup`) ?? ''))?.id
  }

  /** Libraries are watched with it from now on. */
  use(source: LiveSource): void {
    this.#source = source
    for (const found of this.#found.splice(0)) this.#watch(found)
  }

  #watch(found: FoundCall): void {
    const source = this.#source
    if (source === undefined) {
      if (this.#found.length < MAX_NEWS) this.#found.push(found)
      return
    }
    void this.#libraries.watch(source, found).then(error => {
      if (error !== undefined) this.#onTrouble?.(`answers of the C library are not recorded: ${error.message}`)
    })
  }

  /** Shows each event of the source. */
  see(record: EventRecord): void {
    if (ownEventName(record) !== 'tiercel_namespaces') return
    const [, mntns = '', , mntUid = '0'] = ownEventData(record).split(' ')
    if (record.tid === 1) this.#hostMntns = mntns
    if (mntns === this.#hostMntns) return
    // The record is another event's by then.
    const { tid } = record
    setTimeout(() => this.#reader.want(Number(mntns), tid, Number(mntUid) !== 0, true), SETTLE_MS).unref()
  }

  /** What is to be recorded before the next event, which is of this time. */
  take(tsNs: bigint): readonly EventRecord[] {
    if (this.#news.length + this.#accounts.length === 0) return NO_EVENTS
    const accounts = this.#accounts.splice(0).map(make => make(tsNs))
    const news = this.#news.splice(0)
    return [
      ...accounts,
      ...news.map(one => makeOwnEvent({ name: `tiercel_${one.kind}`, data: renderToldFile(one), tid: one.pid, tsNs })),
    ]
  }

  close(): void {
    this.#reader.close()
  }
}

const NO_EVENTS: readonly EventRecord[] = []
