import type { NameIndex } from '../domains/name-index.ts'
import type { NameObserver } from '../domains/name-observer.ts'
import { holdsNames, learnNames } from '../domains/names-event.ts'
import { ownEventName } from '../events/own-event.ts'
import type { RefusedAnswers } from '../domains/refused-answers.ts'
import type { Alert } from '../engine/alert.ts'
import { makeAlert } from '../engine/format-output.ts'
import type { Matcher } from '../engine/link-plan.ts'
import { eventTable } from '../events/event-table.ts'
import type { SourceSink } from '../events/source.ts'
import type { PlannedRule } from '../rules/plan.ts'
import type { CurrentEvent } from '../state/current-event.ts'
import { HostState, stateSink } from '../state/host-state.ts'
import type { Thread } from '../state/thread.ts'
import { printable } from '../values/socket-text.ts'
import type { HostLookup } from '../state/repair.ts'
import { HeldEvents, type HeldCounters } from './held-events.ts'
import { LinkedRules, type RuleSetup } from './linked-rules.ts'
import { type EvidenceSources, RememberedProcesses } from './name-evidence.ts'
import type { Judged } from './waiting-rules.ts'

export interface PipelineOptions extends RuleSetup {
  readonly names: NameIndex
  readonly maxThreads?: number
  /** Learns names from what processes send and receive; absent: nothing is looked at. */
  readonly observer?: NameObserver
  /** The observer, if there shall be one, for a capture that turns out to be a recording of ours, which has what it needs. */
  readonly observeRecordings?: () => NameObserver
  /** Live: who can be asked about threads and fds that events did not tell of. */
  readonly lookup?: HostLookup
  readonly onAlert: (alert: Alert) => void
}

/** Events that only tell the state of the world; libsinsp takes in those at the very beginning of a capture before rules see anything. */
const WORLD_EVENTS: ReadonlySet<string> = new Set([
  'container',
  'useradded',
  'userdeleted',
  'groupadded',
  'groupdeleted',
])
const isWorldEvent: readonly boolean[] = eventTable.map(info => WORLD_EVENTS.has(info.name))

/** EC_SYSCALL: the event is a system call's. */
const SYSCALL_CATEGORY = 512

/** Entries into system calls: only the state makes use of them, and only old captures have them. */
const isEntry: readonly boolean[] = eventTable.map(info => !info.isExit && (info.category & SYSCALL_CATEGORY) !== 0)

/**
 * The event path: state, then names, then rules, then alerts, one event at a time and nothing awaited. Give its `sink` to a source.
 * Rules can be exchanged between two events; the state stays.
 */
export class Pipeline {
  readonly state: HostState
  /** Events that the rules saw. */
  events = 0
  /** What a recording says of names and cannot be understood, in lines. */
  badNameLines = 0
  readonly sink: SourceSink
  #linked: LinkedRules
  #matcher: Matcher
  readonly #names: NameIndex
  /** Also when the capture at hand is none that is looked at. */
  observer: NameObserver | undefined
  #observer: NameObserver | undefined
  readonly #observeRecordings: (() => NameObserver) | undefined
  readonly #onAlert: (alert: Alert) => void
  readonly #sources: EvidenceSources
  readonly #looked: RememberedProcesses = new RememberedProcesses()
  readonly #held: HeldEvents
  #explainsNames = false
  #hasBegun = false
  #isStopped = false

  constructor(options: PipelineOptions) {
    this.#names = options.names
    this.observer = options.observer
    this.#observer = options.observer
    this.#observeRecordings = options.observeRecordings
    this.#onAlert = options.onAlert
    const { names } = options
    this.state = new HostState({
      ...(options.lookup !== undefined && { lookup: options.lookup }),
      ...(options.maxThreads !== undefined && { maxThreads: options.maxThreads }),
      // What an address is called stays while a connection to it lives, whatever the name's answers say by then.
      onConnection: (ip, delta) => (delta > 0 ? names.pin(ip, this.state.current.timeMs) : names.unpin(ip)),
    })
    this.state.current.names = options.names
    const refused = (): RefusedAnswers | undefined => this.observer?.refused
    const listLimit = (): number => this.#linked.listLimit
    this.#sources = {
      index: names,
      processes: { get: pid => this.#programOf(pid) },
      get refused() {
        return refused()
      },
      get listLimit() {
        return listLimit()
      },
    }
    this.#explainsNames = options.explainsNames === true
    this.#linked = this.link(options)
    this.#matcher = this.#linked.matcher
    this.#held = new HeldEvents(names, event => this.#judge(event))
    const sink = stateSink(
      this.state,
      current => this.#onEvent(current),
      () => {
        this.#hasBegun = false
        this.#observer = options.observer
      },
    )
    this.sink = {
      ...sink,
      reset: () => {
        this.finish()
        sink.reset?.()
      },
    }
  }

  /** Rules that are matched. */
  get rules(): readonly PlannedRule[] {
    return this.#linked.rules
  }

  /** Binds all rules now instead of each at the first event that may match it; then every check has announced its names. */
  prepare(): void {
    this.#linked.prepare()
  }

  /** Links other rules beside those in force, which go on; for `replaceRules`. Their names are watched from now on. */
  link(setup: RuleSetup): LinkedRules {
    return new LinkedRules(setup, this.#names, this.#sources)
  }

  /** From the next event on these rules judge. The state stays, and what is known of names that both spell. */
  replaceRules(linked: LinkedRules): void {
    this.finish()
    const old = this.#linked
    this.#linked = linked
    this.#matcher = linked.matcher
    this.#explainsNames = linked.explainsNames
    old.release()
  }

  /** When the next verdict that waits for a name is due, ms since the epoch; Infinity when none waits. */
  get nextVerdictMs(): number {
    return this.#held.nextMs
  }

  /** Gives verdicts that waited for a name and need not any longer. Events do it, too: it is for when none come. */
  advance(nowMs: number): void {
    if (this.#held.nextMs !== Number.POSITIVE_INFINITY) this.#held.advance(nowMs)
  }

  /** Gives all verdicts that wait for a name: no more events will come, or not to these rules. */
  finish(): void {
    this.#held.flush(this.state.current.timeMs)
  }

  /** Verdicts that waited for names. */
  waits(): HeldCounters {
    return this.#held.counters()
  }

  /** Makes the source stop after the event at hand. */
  stop(): void {
    this.#isStopped = true
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  #onEvent(current: CurrentEvent): boolean {
    if (holdsNames(current.rec)) {
      this.badNameLines += learnNames(current.rec, this.#names)
      this.observer ??= this.#observeRecordings?.()
      this.#observer = this.observer
      return true
    }
    const own = ownEventName(current.rec)
    if (own !== undefined && own !== 'tiercel_getaddrinfo') {
      // What the state and the names need, and nothing that happened.
      this.#observer?.observe(current)
      return true
    }
    if (!this.#hasBegun) {
      if (isWorldEvent[current.rec.type]) return true
      this.#hasBegun = true
    }
    if (isEntry[current.rec.type]) return true
    this.events++
    // Names that the event brings are known before rules judge it.
    if (this.#observer?.wants[current.rec.type] === 1) {
      current.payload = this.#observer.observe(current)
      if (this.#explainsNames && current.payload !== undefined) this.#rememberProgram(current)
    }
    this.advance(current.timeMs)
    const { waiting } = this.#linked
    if (waiting !== undefined) {
      const waitMs = waiting.waitMs(current)
      if (waitMs > 0 && this.#held.hold(current, waiting, current.timeMs, waitMs)) return !this.#isStopped
    }
    this.#judge(current)
    return !this.#isStopped
  }

  #judge(current: Judged): void {
    const matched = this.#matcher.match(current)
    for (let i = 0; i < matched.length; i++) {
      const rule = matched[i]!
      const output = this.#linked.outputOf(rule)
      current.names = output.names
      const alert = makeAlert(rule, output.format, current)
      this.#onAlert(output.evidence === undefined ? alert : { ...alert, names: output.evidence(current) })
      current.names = this.#names
    }
  }

  /** Who learnt a name may have ended when an alert tells of it. */
  #rememberProgram({ thread }: CurrentEvent): void {
    if (thread !== undefined) this.#looked.set(thread.pid, programName(thread))
  }

  #programOf(pid: number): string | undefined {
    const thread = this.state.threads.get(pid)
    return thread === undefined ? this.#looked.get(pid) : programName(thread)
  }
}

/** Threads have names of their own; people know the process's. */
function programName(thread: Thread): string {
  return printable((thread.main ?? thread).comm)
}
