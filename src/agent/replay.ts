import type { BindingsOutcome } from '../domains/bindings-file.ts'
import { NameIndex } from '../domains/name-index.ts'
import type { NameObserver, ObserverCounters } from '../domains/name-observer.ts'
import type { NameRefresher, NameWarning } from '../domains/refresh.ts'
import { openSource, type SourceSummary } from '../events/open-source.ts'
import type { SourceSink } from '../events/source.ts'
import { AlertOutputs } from '../outputs/alert-outputs.ts'
import { openSinks } from '../outputs/open-sinks.ts'
import type { OutputNews } from '../outputs/output-queue.ts'
import type { OutputSink } from '../outputs/sinks/sink.ts'
import { type AlertSummary, AlertTally } from '../outputs/summary.ts'
import type { Plan } from '../rules/plan.ts'
import type { StateCounters } from '../state/host-state.ts'
import type { Config } from './config.ts'
import type { DomainsConfig } from './config-domains.ts'
import type { LoadedRules } from './load-rules.ts'
import type { NameListNews } from './name-lists.ts'
import { Pipeline, type PipelineOptions } from './pipeline.ts'
import { usesNames } from './uses-names.ts'

/** How long a replay waits for the names that it looks up. */
const LOOKUP_WAIT_MS = 2000
/** How long outputs may take to write what waits when the replay is over. */
const CLOSE_TIMEOUT_MS = 10_000

export interface ReplayOptions {
  /** Captures and NDJSON files, read one after the other; each begins with a world of its own. */
  readonly files: readonly string[]
  /** Compiled without an error. */
  readonly plan: Plan
  readonly fields: LoadedRules['fields']
  readonly config: Config
  /** In place of those of the configuration; for tests and programs. */
  readonly sinks?: readonly OutputSink[]
  /** Stop after so many alerts. */
  readonly maxAlerts?: number
  /** Stop at the event that is so much later than the first of its file. */
  readonly maxDurationNs?: bigint
  readonly signal?: AbortSignal
  /** Bytes of all files read so far, and their size as far as it is known. */
  readonly onProgress?: (file: string, bytesRead: number, totalBytes: number) => void
  readonly onNews?: (news: ReplayNews) => void
}

/** What a replay has to say beside alerts. */
export type ReplayNews =
  | { readonly kind: 'output'; readonly news: OutputNews }
  | { readonly kind: 'name'; readonly warning: NameWarning }
  /** Look-ups that had no answer when the replay began. */
  | { readonly kind: 'unanswered'; readonly names: number; readonly waitedMs: number }
  | { readonly kind: 'bindings'; readonly path: string; readonly outcome: BindingsOutcome }
  | { readonly kind: 'list'; readonly news: NameListNews }
  | { readonly kind: 'echo'; readonly body: string }
  /** What recordings say of names and cannot be understood. */
  | { readonly kind: 'bad-names'; readonly lines: number }
  /** Lists of names that are too long to be looked up. */
  | { readonly kind: 'long-lists'; readonly sizes: readonly number[]; readonly limit: number }

export interface ReplaySummary {
  /** Events that the rules saw. */
  readonly events: number
  readonly alerts: AlertSummary
  readonly sources: readonly { readonly path: string; readonly summary: SourceSummary }[]
  readonly state: StateCounters
  /** What was learnt from what processes sent and received; absent when nothing was looked at. */
  readonly observed?: ObserverCounters
  /** Alerts that an output did not take. */
  readonly lostAlerts: number
  /** Nobody reads the alerts any more (`| head`). */
  readonly outputsGone: boolean
  /** Wall time of reading, deciding and writing. */
  readonly elapsedMs: number
}

/**
 * Replays captures: events, state, rules, alerts to the configured outputs. Waits for outputs between pieces of the capture, so that none
 * is dropped. Nothing is looked up unless `domains.replayLookups` says so. Errors of a file are in its summary.
 */
export async function replay(options: ReplayOptions): Promise<ReplaySummary> {
  const { config, plan } = options
  const tell = options.onNews ?? (() => {})
  const start = performance.now()
  const names = new NameIndex()
  const tally = new AlertTally()
  const outputs = new AlertOutputs({
    format: config.format,
    sinks:
      options.sinks ??
      openSinks(config.outputs, { json: config.jsonOutput, echo: body => tell({ kind: 'echo', body }) }),
    limits: config.outputs.limits,
    now: () => BigInt(Date.now()) * 1_000_000n,
    tell: news => tell({ kind: 'output', news }),
  })
  const pipeline: Pipeline = new Pipeline({
    plan,
    fields: options.fields,
    names,
    ruleMatching: config.ruleMatching,
    minPriority: config.minPriority,
    appendOutput: config.appendOutput,
    staticFields: config.staticFields,
    maxThreads: config.threadTable.size,
    ...observing(plan, config.domains, names),
    waitForNameMs: config.domains.waitForNameMs,
    explainsNames: config.domains.explainAlerts && config.format.json,
    listLimit: config.domains.listLimit,
    onAlert: alert => {
      tally.add(alert.rule)
      outputs.sendAll(alert)
      if (tally.total === options.maxAlerts) pipeline.stop()
    },
  })
  if (plan.nameLists.length > 0) {
    const { loadListsOnce } = await import('./name-lists.ts')
    await loadListsOnce(names, config.domains, plan, news => tell({ kind: 'list', news }))
  }
  const { bindingsFile } = config.domains
  if (bindingsFile !== '') {
    const { loadBindingsFile } = await import('../domains/bindings-file.ts')
    tell({ kind: 'bindings', path: bindingsFile, outcome: await loadBindingsFile(bindingsFile, names) })
  }
  let refresher: NameRefresher | undefined
  if (config.domains.replayLookups) {
    // Every check must have announced its names.
    pipeline.prepare()
    refresher = await lookUpNames(names, config.domains, tell)
  }

  const sources: { path: string; summary: SourceSummary }[] = []
  for (const path of options.files) {
    if (pipeline.isStopped || options.signal?.aborted === true) break
    if (sources.length > 0) pipeline.sink.reset?.()
    const source = await openSource(path)
    const summary = await source.read(limitDuration(pipeline.sink, options.maxDurationNs), {
      ...(options.signal !== undefined && { signal: options.signal }),
      ...(options.onProgress !== undefined && {
        onProgress: (read: number, total: number) => options.onProgress?.(path, read, total),
      }),
      betweenChunks: () => {
        if (outputs.allGone) pipeline.stop()
        return outputs.isCrowded ? outputs.waitForRoom() : undefined
      },
    })
    pipeline.finish()
    sources.push({ path, summary })
  }
  refresher?.stop()
  if (pipeline.badNameLines > 0) tell({ kind: 'bad-names', lines: pipeline.badNameLines })
  await outputs.settle()
  const outputsGone = outputs.allGone
  await outputs.close(CLOSE_TIMEOUT_MS)
  return {
    events: pipeline.events,
    alerts: tally.summary,
    sources,
    state: pipeline.state.counters(),
    ...(pipeline.observer !== undefined && { observed: pipeline.observer.counters() }),
    lostAlerts: outputs.counters.reduce((sum, { dropped, failed }) => sum + dropped + failed, 0),
    outputsGone,
    elapsedMs: performance.now() - start,
  }
}

/** Captures are looked at when that is asked for; recordings of ours when rules ask for names. Else the start need not pay for it. */
function observing(
  plan: Plan,
  config: DomainsConfig,
  names: NameIndex,
): Pick<PipelineOptions, 'observer' | 'observeRecordings'> {
  if (config.observe === 'false' || (config.observe === 'live' && !usesNames(plan))) return {}
  const make = (): NameObserver => loadObserver().makeObserver(config, names)
  return config.observe === 'true' ? { observer: make() } : { observeRecordings: make }
}

/** That a capture is a recording of ours is known in the middle of it, where nothing can be waited for, as `import` would. */
function loadObserver(): typeof import('./make-observer.ts') {
  const self = import.meta.url
  const require = process.getBuiltinModule('node:module').createRequire(self)
  return require(`./make-observer${self.slice(self.lastIndexOf('.'))}`) as typeof import('./make-observer.ts')
}

/** `sink` until an event is `maxNs` later than the first. */
function limitDuration(sink: SourceSink, maxNs: bigint | undefined): SourceSink {
  if (maxNs === undefined) return sink
  let firstNs: bigint | undefined
  return {
    ...sink,
    event: record => {
      firstNs ??= record.tsNs
      return record.tsNs - firstNs < maxNs && sink.event(record)
    },
  }
}

/** Looks up the names of the rules; resolves when all are known, or after `LOOKUP_WAIT_MS`. */
async function lookUpNames(
  names: NameIndex,
  config: DomainsConfig,
  tell: (news: ReplayNews) => void,
): Promise<NameRefresher> {
  // Loaded only here: most replays look nothing up, and a start should cost what it needs.
  const { NameRefresher } = await import('../domains/refresh.ts')
  const { makeResolver } = await import('./make-resolver.ts')
  const refresher = new NameRefresher({
    resolver: makeResolver(config),
    apply: update => names.apply(update),
    now: () => Date.now(),
    // Nothing else keeps the process alive until the first names are there.
    setTimer: (go, delayMs) => {
      const timer = setTimeout(go, delayMs)
      return () => clearTimeout(timer)
    },
    maxQuestions: config.maxLookups,
    readyMs: LOOKUP_WAIT_MS,
    onWarning: warning => tell({ kind: 'name', warning }),
    // The events are past: what the names are now is all that a replay can learn.
    once: true,
  })
  const { names: wanted, skipped } = names.namesToResolve(config.listLimit)
  if (skipped.length > 0) tell({ kind: 'long-lists', sizes: skipped, limit: config.listLimit })
  refresher.setNames(wanted)
  await refresher.ready()
  const { pending } = refresher.stats()
  if (pending > 0) tell({ kind: 'unanswered', names: pending, waitedMs: LOOKUP_WAIT_MS })
  return refresher
}
