/**
 * The configured lists of names: loads those that rules ask for, and again when their files change. What cannot be loaded leaves the names
 * that are there. Each list goes on by itself, so that a long or a broken one holds nobody up.
 */
import { randomInt } from 'node:crypto'
import { type NameList, NameListBuilder } from '../domains/name-list.ts'
import { loadNameList } from '../domains/load-name-list.ts'
import type { NameListReport } from '../domains/parse-name-list.ts'
import type { Plan } from '../rules/plan.ts'
import type { NameListConfig } from './config-name-lists.ts'
import { FileWatch } from './watch-files.ts'

export type NameListNews =
  | {
      readonly kind: 'loaded'
      readonly name: string
      /** File that the names are from. */
      readonly from: string
      readonly report: NameListReport
      readonly tookMs: number
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
  /** When the names were last read, ms since the epoch; 0: never. */
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
}

interface Entry {
  readonly config: NameListConfig
  report: NameListReport | undefined
  loadedMs: number
  loads: number
  failures: number
  /** The load that is under way, and whether another is wanted after it. */
  underWay: Promise<void> | undefined
  isWantedAgain: boolean
}

export class NameLists {
  readonly #options: NameListsOptions
  #entries: Map<string, Entry> = new Map()
  #watches: FileWatch[] = []
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
    for (const name of before.keys()) if (!this.#entries.has(name)) this.#options.use(name, emptyList())
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
    for (const watch of this.#watches) watch.close()
  }

  #watchFile(entry: Entry): void {
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
    const { name, file, format, match } = entry.config
    const startMs = performance.now()
    const outcome = await loadNameList(file, { format, match, seed: randomInt(2 ** 32) })
    if (!this.#isCurrent(entry)) return
    if (outcome.kind === 'failed') {
      entry.failures++
      this.#options.tell({ kind: 'failed', name, from: file, cause: outcome.cause, kept: entry.report?.names })
      return
    }
    entry.loads++
    entry.loadedMs = this.#options.now()
    entry.report = outcome.report
    this.#options.use(name, outcome.list)
    this.#options.tell({
      kind: 'loaded',
      name,
      from: file,
      report: outcome.report,
      tookMs: performance.now() - startMs,
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
  return { config, report: undefined, loadedMs: 0, loads: 0, failures: 0, underWay: undefined, isWantedAgain: false }
}
