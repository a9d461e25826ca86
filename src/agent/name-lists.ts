/**
 * The configured lists of names: loads those that rules ask for, and again when their files change, or when it is time to ask their URLs.
 * What cannot be loaded leaves the names that are there. Each list goes on by itself, so that a long or a broken one holds nobody up.
 */
import type { NameIndex } from '../domains/name-index.ts'
import { type NameList, NameListBuilder } from '../domains/name-list.ts'
import { type CachedList, fetchNameList, findCachedList, shownUrl } from '../domains/fetch-name-list.ts'
import { loadNameList, type NameListOutcome } from '../domains/load-name-list.ts'
import type { NameListOptions, NameListReport } from '../domains/parse-name-list.ts'
import type { Plan } from '../rules/plan.ts'
import type { NameListConfig } from './config-name-lists.ts'
import { FileWatch } from './watch-files.ts'

export type NameListNews =
  | {
      readonly kind: 'loaded'
      readonly name: string
      /** File or URL that the names are from. */
      readonly from: string
      readonly report: NameListReport
      readonly tookMs: number
      /** The names are those of a copy, and so old. */
      readonly copyAgeMs?: number
    }
  /** The names from before stay. */
  | {
      readonly kind: 'failed'
      readonly name: string
      readonly from: string
      readonly cause: string
      /** How many names stay; undefined when there never were any. */
      readonly kept: number | undefined
    }

export interface NameListFigures {
  readonly name: string
  readonly names: number
  readonly refused: number
  readonly leftOut: number
  /** When the names were last read, or found to be the newest; of a copy, when it was fetched. ms since the epoch; 0: never. */
  readonly loadedMs: number
  readonly loads: number
  readonly failures: number
}

export interface NameListsOptions {
  /** Takes a list in; its buffers may be given away. */
  readonly use: (name: string, list: NameList) => void
  readonly tell: (news: NameListNews) => void
  /** Told in plain words of files whose changes are not noticed. */
  readonly onTrouble: (message: string) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Where copies of lists from elsewhere are kept. */
  readonly cacheFolder: string
  /** Whether URLs are asked; else their copies must do. */
  readonly fetches: boolean
  /** Loaded is a URL only when it was asked; else its copy is enough. */
  readonly waitsForNewest?: boolean
  /** In place of chance, for tests. */
  readonly random?: () => number
  /** For tests, which have less patience. */
  readonly retryMs?: number
  readonly idleMs?: number
}

/** After a failure a URL is asked again so soon, or when it is due, whichever is sooner. */
const RETRY_MS = 300_000
/** So that many hosts do not ask at once. */
const JITTER = 0.1

interface Entry {
  readonly config: NameListConfig
  report: NameListReport | undefined
  loadedMs: number
  loads: number
  failures: number
  /** The load that is under way, and whether another is wanted after it. */
  underWay: Promise<void> | undefined
  isWantedAgain: boolean
  /** The copy that the names are from. */
  known: CachedList | undefined
  timer: NodeJS.Timeout | undefined
}

export class NameLists {
  readonly #options: NameListsOptions
  #entries: Map<string, Entry> = new Map()
  #watches: FileWatch[] = []
  readonly #stop: AbortController = new AbortController()
  #isClosed = false

  constructor(options: NameListsOptions) {
    this.#options = options
  }

  /** These lists and no others from now on; the others are empty then. Lists that stay as configured are not loaded again. */
  set(configs: readonly NameListConfig[], isWatched: boolean): void {
    const before = this.#entries
    this.#entries = new Map()
    for (const watch of this.#watches) watch.close()
    this.#watches = []
    for (const config of configs) {
      const known = before.get(config.name)
      const isSame = known !== undefined && JSON.stringify(known.config) === JSON.stringify(config)
      const entry = isSame ? known : newEntry(config)
      this.#entries.set(config.name, entry)
      if (!isSame) this.#load(entry)
      if (isWatched) this.#watchFile(entry)
    }
    for (const [name, entry] of before) {
      if (this.#entries.get(name) !== entry) clearTimeout(entry.timer)
      if (!this.#entries.has(name)) this.#options.use(name, emptyList())
    }
  }

  /** Adds lists without taking any away, while the rules that need those are still in force. */
  add(configs: readonly NameListConfig[], isWatched: boolean): void {
    const others = [...this.#entries.values()].map(entry => entry.config)
    this.set([...configs, ...others.filter(({ name }) => !configs.some(config => config.name === name))], isWatched)
  }

  /** Fulfilled when every list was loaded, or could not be. */
  async ready(): Promise<void> {
    for (const entry of [...this.#entries.values()]) while (entry.underWay !== undefined) await entry.underWay
  }

  /** Loads all of them again. */
  reload(): void {
    for (const entry of this.#entries.values()) this.#load(entry)
  }

  figures(): readonly NameListFigures[] {
    return [...this.#entries.values()].map(({ config, report, loadedMs, loads, failures }) => ({
      name: config.name,
      names: report?.names ?? 0,
      refused: report?.refused ?? 0,
      leftOut: report?.leftOut ?? 0,
      loadedMs,
      loads,
      failures,
    }))
  }

  close(): void {
    this.#isClosed = true
    this.#stop.abort(new Error('it was stopped'))
    for (const entry of this.#entries.values()) clearTimeout(entry.timer)
    for (const watch of this.#watches) watch.close()
  }

  #watchFile(entry: Entry): void {
    if (entry.config.file === '') return
    const watch = new FileWatch(() => this.#load(entry), this.#options.onTrouble)
    watch.set({ files: [entry.config.file], folders: [] })
    this.#watches.push(watch)
  }

  #load(entry: Entry): void {
    if (entry.underWay !== undefined) {
      entry.isWantedAgain = true
      return
    }
    entry.underWay = this.#loadNow(entry).finally(() => {
      entry.underWay = undefined
      if (entry.isWantedAgain && this.#isCurrent(entry)) {
        entry.isWantedAgain = false
        this.#load(entry)
      }
    })
  }

  async #loadNow(entry: Entry): Promise<void> {
    const { file } = entry.config
    if (file !== '') this.#take(entry, await loadNameList(file, this.#parsing(entry)), file, performance.now())
    else await this.#loadUrl(entry)
  }

  /** Its copy first, which is there at once; then what is newer. */
  async #loadUrl(entry: Entry): Promise<void> {
    const { name, url } = entry.config
    const { cacheFolder, fetches } = this.#options
    const from = shownUrl(url)
    if (entry.report === undefined) {
      const known = await findCachedList(cacheFolder, name, url)
      const startMs = performance.now()
      const outcome = known === undefined ? undefined : await loadNameList(known.path, this.#parsing(entry))
      if (outcome?.kind === 'loaded') {
        entry.known = known
        this.#take(entry, outcome, from, startMs, known)
      }
      if (fetches && entry.report !== undefined && this.#options.waitsForNewest !== true) {
        // Nobody need wait for what is newer.
        this.#askLater(entry, 0)
        return
      }
    }
    if (fetches) await this.#fetch(entry, from)
    else if (entry.report === undefined) {
      const cause = 'there is no copy of it, and nothing is fetched here (`tiercel check` fetches)'
      this.#take(entry, { kind: 'failed', cause }, from, 0)
    }
  }

  async #fetch(entry: Entry, from: string): Promise<void> {
    const { name, url, refreshMs } = entry.config
    const { cacheFolder, onTrouble, now, retryMs = RETRY_MS, idleMs } = this.#options
    const startMs = performance.now()
    const options = {
      ...this.#parsing(entry),
      url,
      known: entry.known,
      folder: cacheFolder,
      name,
      now,
      signal: this.#stop.signal,
      ...(idleMs !== undefined && { idleMs }),
    }
    const outcome = await fetchNameList(options, cause =>
      onTrouble(`no copy of the list \`${name}\` can be kept in ${cacheFolder}: ${cause}`),
    )
    if (!this.#isCurrent(entry)) return
    this.#askLater(entry, outcome.kind === 'failed' ? Math.min(refreshMs, retryMs) : refreshMs)
    if (outcome.kind === 'unchanged') {
      entry.loadedMs = now()
      return
    }
    if (outcome.kind === 'loaded') entry.known = await findCachedList(cacheFolder, name, url)
    this.#take(entry, outcome, from, startMs)
  }

  #askLater(entry: Entry, delayMs: number): void {
    clearTimeout(entry.timer)
    const jitter = 1 + JITTER * (2 * (this.#options.random ?? Math.random)() - 1)
    entry.timer = setTimeout(() => this.#load(entry), delayMs * jitter)
    entry.timer.unref()
  }

  #parsing({ config: { format, match } }: Entry): Pick<NameListOptions, 'format' | 'match' | 'seed'> {
    return { format, match, seed: process.getBuiltinModule('node:crypto').randomInt(2 ** 32) }
  }

  #take(entry: Entry, outcome: NameListOutcome, from: string, startMs: number, copy?: CachedList): void {
    if (!this.#isCurrent(entry)) return
    const { name } = entry.config
    const { now, tell, use } = this.#options
    if (outcome.kind === 'failed') {
      entry.failures++
      tell({ kind: 'failed', name, from, cause: outcome.cause, kept: entry.report?.names })
      return
    }
    const { report, list } = outcome
    entry.loads++
    entry.loadedMs = copy?.fetchedMs ?? now()
    entry.report = report
    use(name, list)
    const tookMs = performance.now() - startMs
    tell({
      kind: 'loaded',
      name,
      from,
      report,
      tookMs,
      ...(copy && { copyAgeMs: Math.max(0, now() - copy.fetchedMs) }),
    })
  }

  #isCurrent(entry: Entry): boolean {
    return !this.#isClosed && this.#entries.get(entry.config.name) === entry
  }
}

/** The lists that rules ask for: others need not be in memory. */
export function usedLists(lists: readonly NameListConfig[], plan: Plan): readonly NameListConfig[] {
  return lists.filter(({ name }) => plan.nameLists.includes(name))
}

/** A new one each time: its buffers may be given away. */
function emptyList(): NameList {
  return new NameListBuilder({ seed: 0, maxSize: 0 }).build()
}

function newEntry(config: NameListConfig): Entry {
  return {
    config,
    report: undefined,
    loadedMs: 0,
    loads: 0,
    failures: 0,
    underWay: undefined,
    isWantedAgain: false,
    known: undefined,
    timer: undefined,
  }
}

/** Loads the lists that the rules ask for into the index, once: for events of the past. */
export async function loadListsOnce(
  names: Pick<NameIndex, 'setList'>,
  config: { readonly lists: readonly NameListConfig[]; readonly listCache: string },
  plan: Plan,
  tell: (news: NameListNews) => void,
): Promise<void> {
  const lists = new NameLists({
    use: (name, list) => names.setList(name, list),
    tell,
    onTrouble: () => {},
    now: Date.now,
    cacheFolder: config.listCache,
    // A replay needs no network.
    fetches: false,
  })
  lists.set(usedLists(config.lists, plan), false)
  await lists.ready()
  lists.close()
}
