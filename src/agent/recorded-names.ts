/**
 * What a recording of this machine knows of names that no event tells: the hosts file, what the agent that runs here has saved, and look-ups
 * of the names that rules spell, as the agent makes them, at the beginning and as long as it lasts.
 */
import type { BindingFact } from '../domains/binding.ts'
import { parseHostsFile } from '../domains/hosts-file.ts'
import { NameIndex } from '../domains/name-index.ts'
import type { NameUpdate } from '../domains/name-update.ts'
import { backgroundTimer, NameRefresher, type NameWarning } from '../domains/refresh.ts'
import type { FieldIndex } from '../fields/field-syntax.ts'
import type { Plan } from '../rules/plan.ts'
import type { Config } from './config.ts'
import { LinkedRules } from './linked-rules.ts'
import { makeResolver } from './make-resolver.ts'
import { NameStore, SERVICE_STATE } from './name-store.ts'
import { readHosts } from './read-hosts.ts'

export interface RecordedNamesOptions {
  readonly config: Config
  /** Whose names are looked up; absent: none. */
  readonly rules: { readonly plan: Plan; readonly fields: FieldIndex } | undefined
  readonly onWarning: (warning: NameWarning) => void
  readonly onTrouble: (message: string) => void
  /** Sizes of lists that are too long to be looked up. */
  readonly onLongLists: (sizes: readonly number[]) => void
}

export interface RecordedNames {
  /** What became known since the last call. */
  take(): readonly (BindingFact | NameUpdate)[]
  stop(): void
}

/** Resolves when each name was looked up once, or after two seconds. */
export async function openRecordedNames(options: RecordedNamesOptions): Promise<RecordedNames> {
  const { config, rules } = options
  const path = config.domains.stateFile === '' ? SERVICE_STATE : config.domains.stateFile
  const saved = new NameStore({ path, now: Date.now, onTrouble: options.onTrouble }).restore()
  let news: (BindingFact | NameUpdate)[] = [...parseHostsFile(readHosts()), ...saved]
  let refresher: NameRefresher | undefined
  const wanted = rules === undefined ? undefined : namesOf(config, rules)
  if (wanted !== undefined) {
    if (wanted.skipped.length > 0) options.onLongLists(wanted.skipped)
    refresher = new NameRefresher({
      resolver: makeResolver(config.domains),
      apply: update => news.push(update),
      now: Date.now,
      steadyNow: () => performance.now(),
      setTimer: backgroundTimer,
      maxQuestions: config.domains.maxLookups,
      onWarning: options.onWarning,
    })
    refresher.setNames(wanted.names)
    // Its timers keep no process alive, and nothing else does yet.
    const alive = setInterval(() => {}, 1000)
    await refresher.ready()
    clearInterval(alive)
  }
  return {
    take: () => {
      const taken = news
      if (taken.length > 0) news = []
      return taken
    },
    stop: () => refresher?.stop(),
  }
}

function namesOf(
  config: Config,
  { plan, fields }: NonNullable<RecordedNamesOptions['rules']>,
): { readonly names: readonly string[]; readonly skipped: readonly number[] } {
  const index = new NameIndex()
  const { ruleMatching, minPriority, appendOutput, staticFields } = config
  new LinkedRules({ plan, fields, ruleMatching, minPriority, appendOutput, staticFields }, index).prepare()
  return index.namesToResolve(config.domains.listLimit)
}
