/**
 * The live agent as its main thread sees it: starts the worker that judges events, writes what it reports, looks names up for it, takes in
 * new rules and configuration while it goes on, watches that it does go on, and serves the figures.
 */
import { messageOf } from '../diagnostics/message-of.ts'
import { readFileSync } from 'node:fs'
import { availableParallelism, release } from 'node:os'
import { basename } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { backgroundTimer, NameRefresher, type NameWarning } from '../domains/refresh.ts'
import type { Resolver } from '../domains/resolver.ts'
import { AlertOutputs } from '../outputs/alert-outputs.ts'
import type { InternalAlert } from '../outputs/format-alert.ts'
import { openSinks } from '../outputs/open-sinks.ts'
import type { OutputNews } from '../outputs/output-queue.ts'
import type { OutputSink } from '../outputs/sinks/sink.ts'
import { type AlertSummary, AlertTally } from '../outputs/summary.ts'
import { activeRules, type Plan, type PlannedRule } from '../rules/plan.ts'
import {
  type AlertBatch,
  MAX_BATCH,
  type NameNews,
  parseToMain,
  type RuleOrders,
  type SavedNamesPart,
  type ToMain,
  type ToWorker,
  type WorkerStats,
} from '../wire/agent-messages.ts'
import { collectGarbage } from './collect-garbage.ts'
import type { Config } from './config.ts'
import type { NameListConfig } from './config-name-lists.ts'
import { DropMonitor } from './drop-monitor.ts'
import { type HealthLimits, HealthWatch } from './health.ts'
import { MetricsSnapshots } from './metrics-snapshots.ts'
import { type AgentFigures, type FileSum, renderMetrics } from './metrics.ts'
import { makeResolver } from './make-resolver.ts'
import { type NameListNews, NameLists, usedLists } from './name-lists.ts'
import { NameStore } from './name-store.ts'
import { readUsage } from './resource-usage.ts'
import { FileWatch } from './watch-files.ts'
import type { WebServer } from './web-server.ts'
import { isSame, keysThatNeedRestart, librariesOf, NAMES_WAIT_MS, ruleOrders, workerOrders } from './worker-orders.ts'
import { WorkloadFileReader } from './workload-file-reader.ts'

/** Configuration and rules that were read without an error. */
export interface LiveSetup {
  readonly config: Config
  readonly plan: Plan
  /** Files and folders whose change is a reason to load again. */
  readonly configFiles: readonly string[]
  readonly ruleFiles: readonly string[]
  readonly folders: readonly string[]
}

/** What a live agent has to say beside alerts. */
export type AgentNews =
  | { readonly kind: 'attached'; readonly tookMs: number; readonly processes: number }
  | { readonly kind: 'detecting'; readonly rules: number; readonly syscalls: number; readonly sinceStartMs: number }
  | { readonly kind: 'reloaded'; readonly rules: number; readonly tookMs: number; readonly reason: ReloadReason }
  | { readonly kind: 'reload-refused'; readonly message: string; readonly reason: ReloadReason }
  | { readonly kind: 'needs-restart'; readonly keys: readonly string[] }
  | { readonly kind: 'events-lost'; readonly lost: number; readonly isMuted: boolean }
  | { readonly kind: 'not-traced'; readonly names: readonly string[] }
  | { readonly kind: 'unknown-syscalls'; readonly names: readonly string[] }
  | { readonly kind: 'unhealthy'; readonly reason: string }
  | { readonly kind: 'healthy' }
  | { readonly kind: 'output'; readonly news: OutputNews }
  | { readonly kind: 'name'; readonly warning: NameWarning }
  | { readonly kind: 'long-lists'; readonly sizes: readonly number[]; readonly limit: number }
  | { readonly kind: 'list'; readonly news: NameListNews }
  | { readonly kind: 'echo'; readonly body: string }
  | { readonly kind: 'serving'; readonly port: number }
  | { readonly kind: 'trouble'; readonly message: string }

export type ReloadReason = 'files' | 'signal'

export interface AgentVersions {
  readonly tiercel: string
  readonly falco: string
}

export interface AgentOptions {
  /**
   * Reads configuration and rules as they are now, and tells the user all findings. Throws when there is an error among them. `onConfig`
   * gets the configuration before the rules are compiled, so that at the start the probe is loaded meanwhile.
   */
  readonly load: (onConfig: (config: Config) => void) => LiveSetup
  /** Of `startWorker`, which nothing was sent to yet. */
  readonly worker: Worker
  readonly versions: AgentVersions
  /** What `/versions` says. */
  readonly versionPage: Readonly<Record<string, string>>
  readonly onNews: (news: AgentNews) => void
  /** In place of the configured ones; for tests, and for terminals. */
  readonly openSinks?: (config: Config) => readonly OutputSink[]
  readonly resolver?: Resolver
  /** Stop after so many alerts. */
  readonly maxAlerts?: number
  /** For tests, which have less patience. */
  readonly healthLimits?: HealthLimits
  readonly stopTimeoutMs?: number
}

/** `refused`: this machine cannot be watched, or not by this user; nothing was. */
export interface AgentFailure {
  readonly kind: 'refused' | 'failed'
  readonly message: string
  readonly help: string
}

export interface AgentSummary {
  /** Why it could not start or go on, in one line; absent after a stop that was asked for. */
  readonly failure: AgentFailure | undefined
  readonly alerts: AlertSummary
  readonly stats: WorkerStats | undefined
  readonly lostAlerts: number
  readonly outputsGone: boolean
  /** Threads of Node wait for a file system that does not answer, and Node would wait for them. */
  readonly isHeldUp: boolean
  readonly elapsedMs: number
}

/** After new rules, when the first alerts are out. */
const TIDY_MS = 1_000
const CLOSE_TIMEOUT_MS = 5_000
/** How long the worker may take to end once it is asked to. */
const STOP_TIMEOUT_MS = 15_000
const HEALTH_MS = 1_000
const WARNING = 4
const CRITICAL = 2
const RELOAD_RULE = 'Falco internal: hot restart failure'
/** Falco sends it after a thousand polls without an event; here it means that events are there and not judged. */
const BLIND_RULE = 'Falco internal: timeouts notification'

/** Starts the agent; rejects when configuration or rules cannot be loaded. What happens later is in `ended`. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const startMs = performance.now()
  const { worker } = options
  try {
    const attach = (config: Config): void => worker.postMessage({ kind: 'attach', worker: workerOrders(config) })
    const setup = options.load(attach)
    const agent = new Agent(options, setup, startMs)
    await agent.openWeb(setup.config)
    agent.begin()
    return agent
  } catch (error) {
    await worker.terminate()
    throw error
  }
}

export class Agent {
  /** Fulfilled when the agent has ended, for whatever reason. */
  readonly ended: Promise<AgentSummary>
  readonly #options: AgentOptions
  readonly #worker: Worker
  readonly #startMs: number
  readonly #startTsNs: bigint = nowNs()
  readonly #watch: FileWatch
  readonly #lists: NameLists
  readonly #files: WorkloadFileReader
  readonly #tally = new AlertTally()
  readonly #timers: NodeJS.Timeout[] = []
  #finish: (summary: AgentSummary) => void = () => {}
  #setup: LiveSetup
  #outputs: AlertOutputs
  #sums: { readonly rules: readonly FileSum[]; readonly configs: readonly FileSum[] } = { rules: [], configs: [] }
  /** Rules in force, and those on their way, by generation. */
  readonly #rulesOf = new Map<number, readonly PlannedRule[]>()
  readonly #alerted = new Map<string, PlannedRule>()
  #generation = 1
  /** How many system calls the first rules have traced. */
  #firstCalls = 0
  #reloading: { readonly generation: number; readonly setup: LiveSetup; readonly reason: ReloadReason } | undefined
  #refresher: NameRefresher | undefined
  readonly #store: NameStore | undefined
  #saveTimer: NodeJS.Timeout | undefined
  #updates: NameNews[] = []
  #drops: DropMonitor
  #web: WebServer | undefined
  readonly #snapshots: MetricsSnapshots
  #stats: WorkerStats | undefined
  readonly #health: HealthWatch
  #toldDroppedAlerts = 0
  #reloads = 0
  #refusedReloads = 0
  #reloadTsNs: bigint = nowNs()
  #isDetecting = false
  #isEnding = false
  #failure: AgentFailure | undefined

  constructor(options: AgentOptions, setup: LiveSetup, startMs: number) {
    this.#options = options
    this.#setup = setup
    this.#worker = options.worker
    this.#startMs = startMs
    this.#health = new HealthWatch(performance.now(), options.healthLimits)
    this.#outputs = this.#openOutputs(setup.config)
    this.#drops = new DropMonitor(setup.config.eventDrops, performance.now())
    const { stateFile } = setup.config.domains
    if (stateFile !== '')
      this.#store = new NameStore({
        path: stateFile,
        now: Date.now,
        onTrouble: message => this.#tell({ kind: 'trouble', message }),
      })
    this.#watch = new FileWatch(
      () => this.reload('files'),
      message => this.#tell({ kind: 'trouble', message }),
    )
    this.#files = new WorkloadFileReader({
      libraries: librariesOf(setup),
      onTrouble: message => this.#tell({ kind: 'trouble', message }),
      onNews: news => {
        if (news.kind === 'library') this.#send(news)
        else this.#send({ pid: 0, text: '', ...news, kind: 'workload-file', file: news.kind })
      },
    })
    this.#lists = new NameLists({
      use: (name, { data }) => this.#worker.postMessage({ kind: 'list', name, ...data }, [data.bytes, data.slots]),
      tell: news => this.#tell({ kind: 'list', news }),
      onTrouble: message => this.#tell({ kind: 'trouble', message }),
      now: Date.now,
      cacheFolder: setup.config.domains.listCache,
      fetches: true,
    })
    this.#snapshots = new MetricsSnapshots({
      figures: () => this.figures(),
      alert: alert => this.#sendInternal(alert),
      onTrouble: message => this.#tell({ kind: 'trouble', message }),
    })
    this.ended = new Promise(resolve => {
      this.#finish = resolve
    })
    // From now on, as what is sent while nobody listens is lost.
    const { worker } = options
    worker.on('message', value => {
      const message = parseToMain(value)
      if (message === undefined) this.#tell({ kind: 'trouble', message: 'the worker sent what is no message' })
      else this.#receive(message)
    })
    worker.on('error', error => this.#fail(`the thread that judges events has failed: ${messageOf(error)}`, ''))
    worker.on('exit', () => void this.#end())
  }

  /** Opens the web server if there shall be one. Rejects when it cannot listen. */
  async openWeb(config: Config): Promise<void> {
    if (!config.webserver.enabled) return
    const pages = {
      health: () => this.#health.state,
      metrics: () => renderMetrics(this.figures(), this.#setup.config.metrics),
      versions: () => this.#options.versionPage,
    }
    const prometheusMetrics = config.webserver.prometheusMetrics && config.metrics.enabled
    const { openWebServer } = await import('./web-server.ts')
    this.#web = await openWebServer({ ...config.webserver, prometheusMetrics }, pages)
    this.#tell({ kind: 'serving', port: this.#web.port })
  }

  /** Sends the worker on its way. */
  begin(): void {
    if (this.#isEnding) return
    this.#lists.set(listsOf(this.#setup), this.#setup.config.watchConfigFiles)
    this.#restoreNames()
    const orders = this.#ordersOf(this.#setup, this.#generation)
    this.#firstCalls = orders.syscalls.size
    this.#send({ kind: 'start', rules: orders })
    this.#sums = sumsOf(this.#setup)
    this.#health.begin(performance.now())
    this.#timers.push(setInterval(() => this.#checkHealth(), HEALTH_MS))
    this.#watchFiles()
    this.#snapshots.set(this.#setup.config.metrics)
  }

  /** Loads configuration and rules again. While they are read, and if they have errors, the old ones stay in force. */
  reload(reason: ReloadReason): void {
    if (this.#isEnding) return
    let setup: LiveSetup
    try {
      setup = this.#options.load(() => {})
    } catch (error) {
      this.#refuseReload(messageOf(error), reason)
      return
    }
    this.#generation++
    this.#reloading = { generation: this.#generation, setup, reason }
    // Their files are read while the rules are linked.
    this.#lists.add(listsOf(setup), setup.config.watchConfigFiles)
    if (reason === 'signal') this.#lists.reload()
    this.#send({ kind: 'rules', rules: this.#ordersOf(setup, this.#generation) })
  }

  /** Lets go of files and connections and opens them anew (log rotation). */
  reopenOutputs(): void {
    this.#outputs.reopen()
  }

  /** Ends it: events that have happened are judged, alerts written. */
  stop(): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#watch.close()
    this.#lists.close()
    this.#files.close()
    this.#send({ kind: 'stop' })
    const timer = setTimeout(() => void this.#worker.terminate(), this.#options.stopTimeoutMs ?? STOP_TIMEOUT_MS)
    timer.unref()
  }

  get health(): string {
    return this.#health.state
  }

  /** Port of the web server, if there is one. */
  get webPort(): number | undefined {
    return this.#web?.port
  }

  figures(): AgentFigures {
    const { summary } = this.#tally
    const matches = new Map(summary.byRule.map(({ name, count }) => [name, count]))
    const { config } = this.#setup
    const rules = this.#rulesOf.get(this.#stats?.generation ?? 1) ?? []
    return {
      version: this.#options.versions.tiercel,
      falco: this.#options.versions.falco,
      hostname: config.format.hostname,
      kernelRelease: release(),
      cpuCount: availableParallelism(),
      bootTsNs: bootTsNs(),
      startTsNs: this.#startTsNs,
      nowNs: nowNs(),
      reloadTsNs: this.#reloadTsNs,
      reloads: this.#reloads,
      refusedReloads: this.#refusedReloads,
      stats: this.#stats,
      outputs: this.#outputs.counters,
      rules: activeRules(rules, config.minPriority).map(({ name, priority, source, tags }) => ({
        name,
        priority,
        source,
        tags,
        matches: matches.get(name) ?? 0,
      })),
      lookups: this.#refresher?.stats(),
      nameLists: this.#lists.figures(),
      ruleFiles: this.#sums.rules,
      configFiles: this.#sums.configs,
      usage: readUsage(performance.now() - this.#startMs),
      health: this.#health.state,
    }
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #tell(news: AgentNews): void {
    this.#options.onNews(news)
  }

  #receive(message: ToMain): void {
    switch (message.kind) {
      case 'loaded':
        return
      case 'attached':
        this.#tell({ kind: 'attached', tookMs: message.tookMs, processes: message.processes })
        return
      case 'rules-in-force':
        this.#onRulesInForce(message.generation, message.tookMs, message.isFirst)
        return
      case 'rules-refused':
        this.#refuseReload(message.message, this.#reloading?.reason ?? 'signal')
        if (this.#reloading?.generation === message.generation) this.#reloading = undefined
        return
      case 'wanted-files':
        this.#files.want(message.mntns, message.pid, message.isOwn, message.hasAccounts)
        return
      case 'wanted-names':
        this.#lookUp(message.names, message.skipped)
        return
      case 'alerts':
        this.#onAlerts(message)
        return
      case 'stats':
        this.#onStats(message.stats)
        return
      case 'name-finding':
        this.#tell({ kind: 'trouble', message: message.message })
        return
      case 'saved-names':
        this.#onSavedNames(message)
        return
      case 'refused':
        this.#fail(message.message, message.help, 'refused')
        return
      case 'ended':
        this.#stats = message.stats
        return
      default:
        message satisfies never
    }
  }

  // Alerts

  #openOutputs(config: Config): AlertOutputs {
    const open = (): readonly OutputSink[] =>
      openSinks(config.outputs, { json: config.jsonOutput, echo: body => this.#tell({ kind: 'echo', body }) })
    const outputs = new AlertOutputs({
      format: config.format,
      sinks: this.#options.openSinks?.(config) ?? open(),
      limits: config.outputs.limits,
      now: nowNs,
      tell: news => this.#tell({ kind: 'output', news }),
    })
    void outputs.check()
    return outputs
  }

  #onAlerts({ generation, rules, lines, sizes }: AlertBatch): void {
    const planned = this.#rulesOf.get(generation)
    let bytes = 0
    for (let i = 0; i < lines.length; i++) {
      const rule = planned?.[rules[i]!]
      bytes += sizes[i]!
      if (rule === undefined || this.#tally.total === this.#options.maxAlerts) continue
      this.#tally.add(this.#sameRule(rule))
      this.#outputs.sendRendered(lines[i]!, sizes[i]!, rule.priority)
    }
    this.#send({ kind: 'taken', bytes })
    if (this.#tally.total === this.#options.maxAlerts || this.#outputs.allGone) this.stop()
  }

  /** The rule of that name that alerted first: after a reload the same rule is another object. */
  #sameRule(rule: PlannedRule): PlannedRule {
    const known = this.#alerted.get(rule.name)
    if (known !== undefined) return known
    this.#alerted.set(rule.name, rule)
    return rule
  }

  #sendInternal(alert: InternalAlert): void {
    this.#outputs.sendInternal(alert)
  }

  // Rules

  #ordersOf(setup: LiveSetup, generation: number): RuleOrders {
    this.#rulesOf.set(generation, setup.plan.rules)
    const { orders, notTraced, unknown } = ruleOrders(setup, generation)
    if (notTraced.length > 0) this.#tell({ kind: 'not-traced', names: notTraced })
    if (unknown.length > 0) this.#tell({ kind: 'unknown-syscalls', names: unknown })
    return orders
  }

  #onRulesInForce(generation: number, tookMs: number, isFirst: boolean): void {
    this.#reloadTsNs = nowNs()
    for (const old of this.#rulesOf.keys()) if (old < generation - 1) this.#rulesOf.delete(old)
    if (isFirst) {
      this.#isDetecting = true
      const [rules, syscalls] = [this.#activeCount(this.#setup), this.#firstCalls]
      setTimeout(collectGarbage, TIDY_MS).unref()
      this.#tell({ kind: 'detecting', rules, syscalls, sinceStartMs: performance.now() - this.#startMs })
      return
    }
    const reloading = this.#reloading
    if (reloading?.generation !== generation) return
    this.#reloading = undefined
    this.#reloads++
    this.#useSetup(reloading.setup)
    setTimeout(collectGarbage, TIDY_MS).unref()
    this.#tell({ kind: 'reloaded', rules: this.#activeCount(reloading.setup), tookMs, reason: reloading.reason })
  }

  #activeCount({ plan, config }: LiveSetup): number {
    return activeRules(plan.rules, config.minPriority).length
  }

  /** What of a new configuration is the main thread's: outputs, resolver, drops, metrics, pages. */
  #useSetup(setup: LiveSetup): void {
    const before = this.#setup.config
    this.#setup = setup
    this.#files.choose(librariesOf(setup))
    this.#sums = sumsOf(setup)
    const { config } = setup
    if (!isSame([before.outputs, before.format], [config.outputs, config.format])) {
      const old = this.#outputs
      this.#outputs = this.#openOutputs(config)
      void old.close(CLOSE_TIMEOUT_MS)
    }
    if (!isSame(before.eventDrops, config.eventDrops))
      this.#drops = new DropMonitor(config.eventDrops, performance.now())
    if (!isSame(before.metrics, config.metrics)) this.#snapshots.set(config.metrics)
    if (!isSame([before.webserver, before.metrics.enabled], [config.webserver, config.metrics.enabled])) {
      void this.#restartWeb(config)
    }
    const restart = keysThatNeedRestart(before, config)
    if (restart.length > 0) this.#tell({ kind: 'needs-restart', keys: restart })
    this.#lists.set(listsOf(setup), config.watchConfigFiles)
    this.#watchFiles()
  }

  async #restartWeb(config: Config): Promise<void> {
    await this.#web?.close()
    this.#web = undefined
    try {
      await this.openWeb(config)
    } catch (error) {
      this.#tell({ kind: 'trouble', message: messageOf(error) })
    }
  }

  #refuseReload(message: string, reason: ReloadReason): void {
    this.#refusedReloads++
    this.#tell({ kind: 'reload-refused', message, reason })
    this.#sendInternal({
      rule: RELOAD_RULE,
      priority: CRITICAL,
      tsNs: nowNs(),
      text: `${RELOAD_RULE}. The old rules and configuration stay in force: ${message}`,
      fields: [['reason', message]],
    })
  }

  #watchFiles(): void {
    const { config, configFiles, ruleFiles, folders } = this.#setup
    if (!config.watchConfigFiles) this.#watch.set({ files: [], folders: [] })
    else this.#watch.set({ files: [...configFiles, ...ruleFiles], folders })
  }

  // Names

  #lookUp(names: readonly string[], skipped: readonly number[]): void {
    const { domains } = this.#setup.config
    if (skipped.length > 0) this.#tell({ kind: 'long-lists', sizes: skipped, limit: domains.listLimit })
    if (names.length === 0 && this.#refresher === undefined) {
      void this.#lists.ready().then(() => this.#send({ kind: 'names-ready' }))
      return
    }
    this.#refresher ??= new NameRefresher({
      resolver: this.#options.resolver ?? makeResolver(this.#setup.config.domains),
      apply: update => this.#passOn(update),
      now: Date.now,
      steadyNow: () => performance.now(),
      setTimer: backgroundTimer,
      maxQuestions: domains.maxLookups,
      readyMs: NAMES_WAIT_MS,
      onWarning: warning => this.#tell({ kind: 'name', warning }),
    })
    const refresher = this.#refresher
    refresher.setNames(names)
    void Promise.all([refresher.ready(), this.#lists.ready()]).then(() => {
      this.#sendUpdates()
      this.#send({ kind: 'names-ready' })
    })
  }

  /** Before the worker starts to judge. */
  #restoreNames(): void {
    const facts = this.#store?.restore() ?? []
    for (let at = 0; at < facts.length; at += MAX_BATCH)
      this.#send({ kind: 'restore-names', facts: facts.slice(at, at + MAX_BATCH) })
    this.#saveLater()
  }

  #saveLater(): void {
    if (this.#store === undefined || this.#isEnding) return
    const { saveIntervalMs } = this.#setup.config.domains
    this.#saveTimer = setTimeout(() => this.#send({ kind: 'save-names', isFirst: true }), saveIntervalMs)
  }

  #onSavedNames(part: SavedNamesPart): void {
    void this.#store?.take(part).then(() => {
      if (part.isLast) this.#saveLater()
      else if (!this.#isEnding) this.#send({ kind: 'save-names', isFirst: false })
    })
  }

  /** Answers that come together go together. */
  #passOn(update: NameNews): void {
    this.#updates.push(update)
    if (this.#updates.length === 1) setImmediate(() => this.#sendUpdates())
    else if (this.#updates.length === MAX_BATCH) this.#sendUpdates()
  }

  #sendUpdates(): void {
    if (this.#updates.length === 0) return
    const updates = this.#updates
    this.#updates = []
    this.#send({ kind: 'names', updates })
  }

  // Figures

  #onStats(stats: WorkerStats): void {
    const nowMs = performance.now()
    this.#stats = stats
    this.#health.note(stats, nowMs)
    this.#checkDrops(stats, nowMs)
    if (stats.droppedAlerts > this.#toldDroppedAlerts) this.#tellDroppedAlerts(stats.droppedAlerts)
  }

  #tellDroppedAlerts(total: number): void {
    const count = total - this.#toldDroppedAlerts
    this.#toldDroppedAlerts = total
    this.#tell({ kind: 'output', news: { kind: 'dropped', output: 'all', count } })
    this.#sendInternal({
      rule: 'Falco internal: output queue drop',
      priority: WARNING,
      tsNs: nowNs(),
      text: `Falco internal: output queue drop. ${count} alerts lost: they came faster than they could be taken in.`,
      fields: [
        ['n_drops', `${count}`],
        ['n_drops_total', `${total}`],
        ['output', 'all'],
      ],
    })
  }

  #checkDrops({ source }: WorkerStats, nowMs: number): void {
    const verdict = this.#drops.check(source, nowMs, nowNs())
    if (verdict.kind === 'none') return
    if (verdict.kind === 'muted') {
      this.#tell({ kind: 'events-lost', lost: verdict.lost, isMuted: true })
      return
    }
    if (verdict.isLogged) this.#tell({ kind: 'events-lost', lost: verdict.lost, isMuted: false })
    if (verdict.alert !== undefined) this.#sendInternal(verdict.alert)
    if (verdict.exits) {
      this.#fail(`${verdict.lost} events were lost, and \`syscall_event_drops.actions\` has \`exit\``, '')
    }
  }

  #checkHealth(): void {
    const wasOk = this.#health.state === 'ok'
    const reason = this.#health.judge(performance.now(), this.#isDetecting)
    // The reason says for how long, so it differs each second; it is told once.
    if ((reason === 'ok') === wasOk) return
    if (reason === 'ok') {
      this.#tell({ kind: 'healthy' })
      return
    }
    this.#tell({ kind: 'unhealthy', reason })
    this.#sendInternal({
      rule: BLIND_RULE,
      priority: CRITICAL,
      tsNs: nowNs(),
      text: `${BLIND_RULE}. Events are not judged: ${reason}`,
      fields: [['reason', reason]],
    })
  }

  // The end

  #fail(message: string, help: string, kind: AgentFailure['kind'] = 'failed'): void {
    this.#failure ??= { kind, message, help }
    if (!this.#isEnding) this.stop()
  }

  async #end(): Promise<void> {
    if (!this.#isEnding)
      this.#failure ??= { kind: 'failed', message: 'the thread that judges events has ended', help: '' }
    this.#isEnding = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#snapshots.stop()
    clearTimeout(this.#saveTimer)
    this.#watch.close()
    this.#lists.close()
    this.#files.close()
    this.#refresher?.stop()
    await this.#store?.close()
    await this.#web?.close()
    const outputsGone = this.#outputs.allGone
    await this.#outputs.close(CLOSE_TIMEOUT_MS)
    const atOutputs = this.#outputs.counters.reduce((sum, { dropped, failed }) => sum + dropped + failed, 0)
    this.#finish({
      failure: this.#failure,
      alerts: this.#tally.summary,
      stats: this.#stats,
      lostAlerts: atOutputs + (this.#stats?.droppedAlerts ?? 0),
      outputsGone,
      isHeldUp: this.#files.counters().stuck > 0,
      elapsedMs: performance.now() - this.#startMs,
    })
  }
}

function listsOf({ config, plan }: LiveSetup): readonly NameListConfig[] {
  return usedLists(config.domains.lists, plan)
}

function sumsOf(setup: LiveSetup): { readonly rules: readonly FileSum[]; readonly configs: readonly FileSum[] } {
  return { rules: setup.ruleFiles.flatMap(sumOf), configs: setup.configFiles.flatMap(sumOf) }
}

function sumOf(path: string): readonly FileSum[] {
  try {
    const hash = process.getBuiltinModule('node:crypto').createHash('sha256')
    return [{ name: basename(path), sha256: hash.update(readFileSync(path)).digest('hex') }]
  } catch {
    return []
  }
}

function nowNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n
}

function bootTsNs(): bigint {
  return nowNs() - process.hrtime.bigint()
}
