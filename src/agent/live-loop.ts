/**
 * The loop of the worker: takes events from the ring, lets the pipeline judge them, hands on what came of it. It polls: the kernel wakes
 * nobody while events come, as a wake-up costs the traced program more than the event does. How long it sleeps follows from what it
 * found; with nothing to do it sleeps on the ring itself. Between slices it returns to the event loop for messages.
 */
import { getHeapStatistics } from 'node:v8'
import { messageOf } from '../diagnostics/message-of.ts'
import type { BindingFact } from '../domains/binding.ts'
import { renderBinding } from '../domains/bindings-file.ts'
import { parseHostsFile } from '../domains/hosts-file.ts'
import { NameIndex } from '../domains/name-index.ts'
import { NameList } from '../domains/name-list.ts'
import type { NameObserver } from '../domains/name-observer.ts'
import type { NameUpdate } from '../domains/name-update.ts'
import { renderToldFile, type ToldFile } from '../domains/workload-files.ts'
import { parseGroup, parsePasswd } from '../events/accounts.ts'
import type { EventRecord } from '../events/event-record.ts'
import { LIBRARY_CALLS } from '../events/library-call.ts'
import type { SourceSink } from '../events/source.ts'
import { makeOwnEvent } from '../events/own-event.ts'
import type { AlertFormat } from '../outputs/format-alert.ts'
import type { AppendOutputEntry } from '../outputs/append-output.ts'
import type { Plan } from '../rules/plan.ts'
import type {
  RuleOrders,
  SavedNamesPart,
  SourceCounts,
  ToMain,
  ToWorker,
  WorkerOrders,
  WorkloadFileNews,
  WorkerStats,
} from '../wire/agent-messages.ts'
import { AlertBatches } from './alert-batches.ts'
import { ClockSteps } from './clock-steps.ts'
import { wantedEvents } from './base-syscalls.ts'
import { drainRest } from './drain-rest.ts'
import type { LinkedRules, RuleSetup } from './linked-rules.ts'
import { budgetLookups } from './lookup-budget.ts'
import { makeObserver } from './make-observer.ts'
import type { LiveModule, LiveSource, LiveWanted } from './live-source.ts'
import { takesFile, uniteFilters } from './open-filter.ts'
import { Pipeline } from './pipeline.ts'
import { PollPace } from './poll-pace.ts'
import { withStaticFields } from './static-fields.ts'
import { eventsWithNames } from './uses-names.ts'
import { WatchedLibraries } from './watched-libraries.ts'

/** With more than this in the ring it goes on at once. */
const BUSY_BYTES = 64 * 1024
/** How long the loop goes on before it looks for messages. */
const SLICE_MS = 20
const IDLE_WAIT_MS = 100
const STATS_MS = 1_000
/** Detection waits for names, and threads of before are looked up at leisure, no longer than until this share of the ring is full. */
const CROWDED_SHARE = 0.25
const SWEEP_LIMIT = 256
/** Known names that are looked at between two drains when a list has changed; less than a millisecond. */
const RESCAN_NAMES = 2000
/** So long the world is read before the first event is judged; then in steps between events, with a pause for them when they are many. */
const WORLD_FIRST_MS = 150
const WORLD_STEP_MS = 5
const WORLD_PAUSE_MS = 10
/** Bindings in one part of what is saved: some 6 µs each. */
const SAVED_PART = 250
/** Threads looked at each second while a purge lasts; asking the kernel after one takes some microseconds. */
const PURGE_THREADS = 1000
/** Until the rules are known: what nearly all rules are about. It is judged later, so detection begins when the probe is loaded. */
const BASE: LiveWanted = {
  ...wantedEvents([]),
  observesNames: false,
}
const NO_RULES: RuleSetup = {
  plan: { rules: [], domains: [], nameLists: [] },
  fields: withStaticFields(new Map()),
  ruleMatching: 'first',
  minPriority: 0,
  appendOutput: [],
  staticFields: new Map(),
}
const UNANSWERED =
  'some processes have files on a file system that does not answer: not all is known of those that ran before (tiercel_probe_unanswered_lookups_total)'
/** While events wait for names. */
const NAMES_STEP_MS = 2
/** At the end, what has happened until then is judged, but not for longer than this. */
const LAST_DRAIN_MS = 10_000

export interface LiveLoopDeps {
  readonly module: LiveModule
  readonly post: (message: ToMain) => void
  /** Called when all is over. */
  readonly onEnd: () => void
  /** Milliseconds since the epoch, and of a clock that nobody sets. */
  readonly now: () => number
  readonly steadyNow: () => number
}

export class LiveLoop {
  readonly #deps: LiveLoopDeps
  readonly #names: NameIndex
  readonly #alerts: AlertBatches
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4))
  readonly #take: (record: EventRecord) => boolean
  #source: LiveSource | undefined = undefined
  #observer: NameObserver | undefined = undefined
  readonly #clock: ClockSteps
  readonly #libraries: WatchedLibraries = new WatchedLibraries()
  #pipeline: Pipeline | undefined = undefined
  #orders: RuleOrders | undefined = undefined
  /** New rules on their way into force. */
  #next: { readonly orders: RuleOrders; readonly linked: LinkedRules; readonly sinceMs: number } | undefined = undefined
  /** The first rules, until all their names are known: events do not wait for that, each binds the rules that it may match. */
  #unprepared: LinkedRules | undefined = undefined
  /** Rules that were replaced before the first ones were in force. */
  #early: RuleOrders | undefined = undefined
  #isDetecting = false
  #isStopping = false
  #areNamesReady = false
  /** Codes of events that wait for names; undefined once they need not. */
  #needsNames: Uint8Array | undefined = undefined
  #isWaiting = false
  /** What is not told of the world yet. */
  #world: Iterator<unknown> | undefined = undefined
  #worldAtMs = 0
  #beginMs = 0
  #worker: WorkerOrders = {
    ringBytes: 1,
    snaplen: 0,
    maxThreads: 0,
    purgeIntervalSec: 0,
    threadTimeoutSec: 0,
    namesWaitMs: 0,
    savesNames: false,
  }
  /** What is yet to be told of what is being saved. */
  #saving: Generator<BindingFact, void> | undefined = undefined
  #pace: PollPace = new PollPace(1)
  #statsAtMs = 0
  #purgeAtMs = 0
  #failedEvents = 0
  #toldUnanswered = false

  constructor(deps: LiveLoopDeps) {
    this.#deps = deps
    this.#clock = new ClockSteps(deps.now, deps.steadyNow)
    this.#names = new NameIndex({
      onFinding: finding => deps.post({ kind: 'name-finding', message: finding.message }),
    })
    this.#alerts = new AlertBatches(deps.post)
    this.#take = record => this.#onEvent(record)
  }

  /** Does what a message says. */
  receive(message: ToWorker): void {
    switch (message.kind) {
      case 'attach':
        this.#attach(message.worker)
        return
      case 'start':
        if (this.#source !== undefined) this.#start(message.rules)
        return
      case 'rules':
        this.#linkNext(message.rules)
        return
      case 'names':
        for (const update of message.updates) this.#names.apply(update as NameUpdate)
        return
      case 'list':
        this.#names.setList(message.name, new NameList(message))
        return
      case 'restore-names':
        for (const fact of message.facts as readonly BindingFact[])
          this.#names.learn(fact, fact.seenMs ?? fact.fromMs ?? 0)
        return
      case 'save-names':
        this.#deps.post(this.#saveNames(message.isFirst))
        return
      case 'names-ready':
        this.#areNamesReady = true
        return
      case 'workload-file':
        this.#takeFile(message)
        return
      case 'library':
        void this.#watchLibrary(message)
        return
      case 'taken':
        this.#alerts.confirm(message.bytes)
        return
      case 'stop':
        this.#isStopping = true
        this.#source?.cancelWait()
        return
      default:
        message satisfies never
    }
  }

  #attach(worker: WorkerOrders): void {
    this.#beginMs = performance.now()
    this.#worker = worker
    this.#pace = new PollPace(worker.ringBytes)
    const { module, post } = this.#deps
    try {
      this.#source = module.openLive({
        wanted: BASE,
        snaplen: worker.snaplen,
        ringBytes: worker.ringBytes,
        onGap: () => this.#pipeline?.state.repair.noteGap(),
      })
    } catch (error) {
      post({ kind: 'refused', message: messageOf(error), help: helpOf(error) })
      this.#deps.onEnd()
      return
    }
    this.#watchWorld(this.#source)
  }

  /** The world is read while the rules are still being compiled; until they come, the pipeline has none. */
  #watchWorld(source: LiveSource): void {
    const { observer, maxThreads } = this.#worker
    if (observer !== undefined) {
      const wantFiles = (mntns: number, pid: number, isOwn: boolean): void => this.#wantFiles(mntns, pid, isOwn)
      this.#observer = makeObserver({ ...observer, wantFiles, doubtsUnknownSockets: true }, this.#names)
      wantFiles(0, 1, false)
    }
    const isStarting = (): boolean => this.#world !== undefined && !this.#isCrowded()
    this.#pipeline = new Pipeline({
      ...NO_RULES,
      ...(source.lookup !== undefined && { lookup: budgetLookups(source.lookup, { isStarting }) }),
      names: this.#names,
      maxThreads,
      ...(this.#observer !== undefined && { observer: this.#observer }),
      onAlert: alert => this.#alerts.add(alert),
    })
    // What happens is in the ring, and `BASE` has all that changes the state: so there is no gap between the world and the first event.
    this.#world = source.tellWorld(worldSink(this.#pipeline))
    const readAhead = (): void => {
      if (this.#orders !== undefined || this.#world === undefined) return
      this.#readWorld(WORLD_STEP_MS)
      setImmediate(readAhead)
    }
    setImmediate(readAhead)
  }

  #start(orders: RuleOrders): void {
    const source = this.#source!
    const pipeline = this.#pipeline!
    this.#want(orders)
    for (const fact of parseHostsFile(this.#worker.observer?.hosts ?? '')) this.#names.learn(fact, this.#deps.now())
    for (const message of source.notices ?? []) this.#deps.post({ kind: 'name-finding', message })
    this.#unprepared = pipeline.link(setupOf(orders))
    pipeline.replaceRules(this.#unprepared)
    this.#useOrders(orders)
    this.#readWorld(source.lookup === undefined ? Number.POSITIVE_INFINITY : WORLD_FIRST_MS)
    this.#needsNames = eventsWithNames(orders.plan as Plan)
    this.#begin()
  }

  /**
   * On a host of many thousand processes reading them takes seconds. So after a moment events are judged, and whatever they need and is not
   * told yet is looked up (`state/repair.ts`).
   */
  #readWorld(mostMs: number): void {
    const untilMs = performance.now() + mostMs
    while (this.#world !== undefined) {
      if (this.#world.next().done === true) {
        this.#world = undefined
        // Only now may opens be left out: closes of what was open before must be told.
        if (this.#orders !== undefined) this.#want(this.#orders)
        const processes = this.#pipeline!.state.threads.size
        this.#deps.post({ kind: 'attached', tookMs: performance.now() - this.#beginMs, processes })
        this.#wantAccounts()
      } else if (performance.now() >= untilMs) return
    }
  }

  #wantFiles(mntns: number, pid: number, isOwn: boolean): void {
    const containerId = this.#pipeline?.state.threads.get(pid)?.containerId ?? ''
    this.#deps.post({ kind: 'wanted-files', mntns, pid, isOwn, hasAccounts: mntns === 0 || containerId !== '' })
  }

  /** Of containers that were there before, through the first process of each. */
  #wantAccounts(): void {
    if (this.#observer === undefined) return
    for (const { mntns, mntnsUid, pid, vpid, containerId, isMainThread } of this.#pipeline!.state.threads.values())
      if (isMainThread && vpid === 1 && containerId !== '' && mntns !== 0 && mntnsUid === 0)
        this.#wantFiles(mntns, pid, false)
  }

  /** A piece of the world; not the next one at once while many events come. */
  #readWorldFurther(): void {
    const isBusy = this.#source!.backlogBytes() > BUSY_BYTES
    if (isBusy && performance.now() < this.#worldAtMs) return
    this.#readWorld(WORLD_STEP_MS)
    this.#worldAtMs = performance.now() + WORLD_PAUSE_MS
  }

  async #watchLibrary(found: Extract<ToWorker, { readonly kind: 'library' }>): Promise<void> {
    const source = this.#source
    const call = LIBRARY_CALLS.find(one => one === found.call)
    if (source === undefined || call === undefined) return
    const error = await this.#libraries.watch(source, { ...found, call })
    // Without the host's many names are not known.
    if (error !== undefined)
      this.#deps.post({
        kind: 'name-finding',
        message: `answers of the C library are not observed: ${error.message}`,
      })
  }

  /** What a file says becomes an event, as recordings have it. */
  #takeFile(news: WorkloadFileNews): void {
    const pipeline = this.#pipeline
    if (pipeline === undefined) return
    const { file, mntns, pid } = news
    const tell = (name: 'resolv_conf' | 'hosts', told: ToldFile): void => {
      const tsNs = BigInt(this.#deps.now()) * 1_000_000n
      pipeline.sink.event(makeOwnEvent({ name: `tiercel_${name}`, data: renderToldFile(told), tid: pid, tsNs }))
    }
    if (file === 'passwd' || file === 'group') {
      this.#takeAccounts(pipeline, news)
      return
    }
    if (file !== 'gone') {
      tell(file, news)
      return
    }
    this.#libraries.drop(mntns)
    // Whoever runs a program there or asks for a name next is asked for them again.
    this.#observer?.orphanFiles(mntns)
    for (const thread of pipeline.state.threads.values()) if (thread.mntns === mntns && !thread.isDead) return
    tell('hosts', { mntns, text: '' })
  }

  /** Accounts of the host, or of the container that lives in the mount namespace. */
  #takeAccounts({ state }: Pipeline, { file, mntns, pid, text }: WorkloadFileNews): void {
    const containerId = mntns === 0 ? '' : state.threads.get(pid)?.containerId
    // What the host's own services have there, does not name its users.
    if (containerId === undefined || (containerId === '' && mntns !== 0)) return
    if (file === 'passwd') for (const user of parsePasswd(text)) state.addUser(containerId, user)
    else for (const group of parseGroup(text)) state.addGroup(containerId, group)
  }

  /** Rules judge from the first event on; but from one on that may need names they wait until these are known (`#mustWait`). */
  #begin(): void {
    const tookMs = performance.now() - this.#beginMs
    this.#deps.post({ kind: 'rules-in-force', generation: this.#orders!.generation, tookMs, isFirst: true })
    this.#isDetecting = true
    if (this.#early !== undefined) this.#linkNext(this.#early)
    this.#early = undefined
    this.#slice()
  }

  /** Whether events wait in the ring for names: not for long, and not if the ring fills up. */
  #mustWait(): boolean {
    const isTime = performance.now() - this.#beginMs >= this.#worker.namesWaitMs
    if (!this.#areNamesReady && !isTime && !this.#isStopping && !this.#isCrowded()) return true
    this.#needsNames = undefined
    return false
  }

  #isCrowded(): boolean {
    return this.#source!.backlogBytes() > this.#worker.ringBytes * CROWDED_SHARE
  }

  #slice(): void {
    const source = this.#source!
    const untilMs = performance.now() + SLICE_MS
    let isQuiet = false
    do {
      const taken = source.drain(this.#take)
      this.#giveVerdicts()
      this.#alerts.flush()
      if (this.#isWaiting) {
        this.#isWaiting = false
        while (this.#unprepared !== undefined) this.#prepareFurther(this.#unprepared)
        if (this.#world !== undefined) this.#readWorldFurther()
        this.#tellStats()
        setTimeout(() => this.#slice(), NAMES_STEP_MS)
        return
      }
      if (this.#names.rescan(RESCAN_NAMES)) continue
      if (this.#unprepared !== undefined) this.#prepareFurther(this.#unprepared)
      else if (this.#next !== undefined) this.#linkFurther()
      else if (this.#world !== undefined) this.#readWorldFurther()
      else if (source.backlogBytes() < BUSY_BYTES) isQuiet = this.#sleep(taken)
    } while (!isQuiet && !this.#isStopping && performance.now() < untilMs)
    this.#tellStats()
    if (this.#isStopping) void this.#end()
    else if (isQuiet) void source.wait(this.#idleMs()).then(() => this.#slice())
    else setImmediate(() => this.#slice())
  }

  /** Those that wait for a name and are due: while events are in the ring, an answer may be among them. */
  #giveVerdicts(): void {
    const pipeline = this.#pipeline!
    if (pipeline.nextVerdictMs === Number.POSITIVE_INFINITY) return
    const nowMs = this.#deps.now()
    if (this.#source!.backlogBytes() > 0) return
    try {
      pipeline.advance(nowMs)
    } catch (error) {
      this.#onFailedEvent(`an event that waited for a name could not be judged: ${messageOf(error)}`)
    }
  }

  #idleMs(): number {
    return Math.max(1, Math.min(IDLE_WAIT_MS, this.#pipeline!.nextVerdictMs - this.#deps.now()))
  }

  /** Sleeps a little; true, and no sleep, when nothing was there for a while. */
  #sleep(taken: number): boolean {
    const ms = this.#pace.sleepMs(taken)
    if (ms === undefined) return true
    Atomics.wait(this.#sleeper, 0, 0, ms)
    return false
  }

  async #end(): Promise<void> {
    const untilMs = performance.now() + LAST_DRAIN_MS
    const source = this.#source!
    const rest = drainRest(source, this.#take, this.#deps.now())
    while (rest.next().done !== true && performance.now() < untilMs) this.#alerts.flush()
    this.#pipeline?.finish()
    this.#alerts.flush()
    if (this.#worker.savesNames) {
      for (let part = this.#saveNames(true); ; part = this.#saveNames(false)) {
        this.#deps.post(part)
        if (part.isLast) break
      }
    }
    const stats = this.#stats()
    await source.close()
    this.#deps.post({ kind: 'ended', stats })
    this.#deps.onEnd()
  }

  /** The next part of what is known of names; a millisecond or two of work. */
  #saveNames(isFirst: boolean): SavedNamesPart {
    if (isFirst || this.#saving === undefined) this.#saving = this.#names.factsToSave(this.#deps.now())
    let text = ''
    let count = 0
    const pids = new Set<number>()
    while (count < SAVED_PART) {
      const { value: fact, done } = this.#saving.next()
      if (done === true) {
        this.#saving = undefined
        break
      }
      text += `${renderBinding(fact)}\n`
      count++
      if (fact.owner?.pid !== undefined) pids.add(fact.owner.pid)
    }
    return { kind: 'saved-names', isFirst, isLast: this.#saving === undefined, text, pids: [...pids] }
  }

  // Events and alerts

  #onEvent(record: EventRecord): boolean {
    try {
      if (this.#needsNames?.[record.type] === 1 && this.#mustWait()) {
        this.#isWaiting = true
        this.#source!.putBack()
        return false
      }
      this.#pipeline!.sink.event(record)
    } catch (error) {
      this.#onFailedEvent(`the event ${record.num} (${record.info.name}) could not be judged: ${messageOf(error)}`)
    }
    return true
  }

  /** A reader or a handler has a bug that this event found. Detection goes on without it; the first time it is told. */
  #onFailedEvent(message: string): void {
    if (this.#failedEvents++ === 0) this.#deps.post({ kind: 'name-finding', message })
  }

  // Rules

  #useOrders(orders: RuleOrders): void {
    this.#orders = orders
    this.#alerts.use(orders.generation, orders.format as AlertFormat)
  }

  #linkNext(orders: RuleOrders): void {
    const pipeline = this.#pipeline
    const source = this.#source
    if (source === undefined || pipeline === undefined || !this.#isDetecting) {
      // Still starting: they come right after the first ones.
      this.#early = orders
      return
    }
    this.#next?.linked.release()
    this.#next = undefined
    const sinceMs = performance.now()
    try {
      const linked = pipeline.link(setupOf(orders))
      this.#next = { orders, linked, sinceMs }
      // What the new rules need is traced before they judge, and what the old ones need until they no longer do.
      this.#want(unite(this.#orders!, orders))
      source.cancelWait()
    } catch (error) {
      this.#deps.post({ kind: 'rules-refused', generation: orders.generation, message: messageOf(error) })
    }
  }

  #prepareFurther(linked: LinkedRules): void {
    if (linked.prepareNext()) return
    this.#unprepared = undefined
    this.#postWantedNames(this.#orders!)
  }

  #linkFurther(): void {
    const { orders, linked, sinceMs } = this.#next!
    try {
      if (linked.prepareNext()) return
    } catch (error) {
      linked.release()
      this.#next = undefined
      this.#want(this.#orders!)
      this.#deps.post({ kind: 'rules-refused', generation: orders.generation, message: messageOf(error) })
      return
    }
    this.#next = undefined
    this.#pipeline!.replaceRules(linked)
    this.#useOrders(orders)
    this.#want(orders)
    const tookMs = performance.now() - sinceMs
    this.#deps.post({ kind: 'rules-in-force', generation: orders.generation, tookMs, isFirst: false })
    this.#postWantedNames(orders)
  }

  #want(wanted: LiveWanted): void {
    const opens = this.#world === undefined ? wanted.opens : undefined
    this.#source!.setWanted({ ...wanted, opens })
    if (this.#pipeline !== undefined)
      this.#pipeline.state.repair.passesOver = opens === undefined ? undefined : takesFile
  }

  #postWantedNames(orders: RuleOrders): void {
    const { names, skipped } = this.#names.namesToResolve(orders.listLimit)
    this.#deps.post({ kind: 'wanted-names', names, skipped })
  }

  // Figures

  #tellStats(): void {
    const now = performance.now()
    if (now < this.#statsAtMs) return
    this.#statsAtMs = now + STATS_MS
    this.#followClock()
    this.#names.sweep(this.#deps.now(), SWEEP_LIMIT)
    this.#purge(now)
    const stats = this.#stats()
    this.#deps.post({ kind: 'stats', stats })
    if (!this.#toldUnanswered && (stats.source.others.get('unanswered_lookups') ?? 0) > 0) {
      this.#toldUnanswered = true
      this.#deps.post({ kind: 'name-finding', message: UNANSWERED })
    }
  }

  /** When the clock of the day is set, names would be forgotten at once, or be of the future: they move with it, and so do processes. */
  #followClock(): void {
    const stepMs = this.#clock.take()
    if (stepMs === 0) return
    // The probe's clock follows with this.
    this.#source!.counters()
    this.#names.shiftTimes(stepMs)
    this.#pipeline!.state.shiftTimes(BigInt(Math.round(stepMs)) * 1_000_000n)
  }

  /** Takes out, bit by bit, threads whose end was lost. */
  #purge(now: number): void {
    const { purgeIntervalSec, threadTimeoutSec } = this.#worker
    this.#purgeAtMs ||= now + purgeIntervalSec * 1000
    if (now < this.#purgeAtMs || !this.#isDetecting) return
    const isOver = this.#pipeline!.state.purge(
      BigInt(this.#deps.now()) * 1_000_000n,
      thread => this.#source!.isAlive(thread.tid),
      { timeoutNs: BigInt(threadTimeoutSec) * 1_000_000_000n, maxThreads: PURGE_THREADS },
    )
    if (isOver) this.#purgeAtMs = now + purgeIntervalSec * 1000
  }

  #stats(): WorkerStats {
    const counters = this.#source!.counters()
    const source: SourceCounts = {
      ...(counters.seen !== undefined && { seen: counters.seen }),
      events: counters.events,
      lost: counters.lost,
      lostByCause: new Map(Object.entries(counters.lostByCause ?? {})),
      perCpu: counters.perCpu ?? [],
      others: new Map(Object.entries(counters.others ?? {})),
      pendingBytes: this.#source!.backlogBytes(),
      ringBytes: this.#worker.ringBytes,
    }
    const pipeline = this.#pipeline!
    const cpu = process.threadCpuUsage()
    return {
      source,
      events: pipeline.events,
      ...this.#alerts.counters,
      badEvents: (counters.bad ?? 0) + this.#failedEvents,
      state: new Map(Object.entries(pipeline.state.counters())),
      names: new Map([...Object.entries(this.#names.stats()), ...observed(this.#observer), ...waits(pipeline)]),
      generation: this.#orders!.generation,
      ruleCount: pipeline.rules.length,
      cpuUs: cpu.user + cpu.system,
      heapBytes: getHeapStatistics().used_heap_size,
    }
  }
}

function setupOf(orders: RuleOrders): RuleSetup {
  return {
    plan: orders.plan as Plan,
    fields: withStaticFields(orders.staticFields),
    ruleMatching: orders.ruleMatching,
    minPriority: orders.minPriority,
    appendOutput: orders.appendOutput as readonly AppendOutputEntry[],
    staticFields: orders.staticFields,
    explainsNames: orders.explainsNames,
    waitForNameMs: orders.waitForNameMs,
    listLimit: orders.listLimit,
  }
}

/** Takes the world in, whose pieces may come when events have told of the same processes and descriptors already. */
function worldSink({ state, sink }: Pipeline): SourceSink {
  return {
    ...sink,
    process: entry => {
      const known = state.threads.get(entry.tid)
      if (known === undefined || known.isInvented) state.takeProcess(entry)
    },
    fd: (tid, entry) => {
      const thread = state.threads.get(tid)
      const fds = thread === undefined ? undefined : state.fdsOf(thread)
      if (fds !== undefined && fds.peek(entry.fd) === undefined) state.takeFd(fds, entry)
    },
  }
}

function unite(a: RuleOrders, b: RuleOrders): LiveWanted {
  return {
    observesNames: a.observesNames || b.observesNames,
    opens: uniteFilters(a.opens, b.opens),
    syscalls: new Set([...a.syscalls, ...b.syscalls]),
    tracepoints: new Set([...a.tracepoints, ...b.tracepoints]),
  }
}

/** What was observed, by name: `dnsQueries`, `openingsTls`, … */
function observed(observer: NameObserver | undefined): [string, number][] {
  const parts = Object.entries(observer?.counters() ?? {})
  return parts.flatMap(([part, counters]: [string, object]) =>
    Object.entries(counters).map(([name, count]: [string, number]): [string, number] => [
      part + name.charAt(0).toUpperCase() + name.slice(1),
      count,
    ]),
  )
}

/** Verdicts that waited for names: `waitsHeld`, … */
function waits(pipeline: Pipeline): [string, number][] {
  const { waiting, held, named, overflow } = pipeline.waits()
  return [
    ['waitsNow', waiting],
    ['waitsHeld', held],
    ['waitsNamed', named],
    ['waitsOverflow', overflow],
  ]
}

function helpOf(error: unknown): string {
  return error instanceof Error && 'help' in error && typeof error.help === 'string' ? error.help : ''
}
