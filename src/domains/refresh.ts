/**
 * Keeps the names that rules spell looked up, in the background: all of them at once at load, then each when its time has come.
 * Nobody waits for a look-up but `ready`, and that not for long. Knows no index: what it finds goes out as `NameUpdate`s, so it may run
 * on another thread. Clock, timers and chance come in as arguments.
 */
import type { Ip } from '../values/value.ts'
import { type NameUpdate, toNameUpdate } from './name-update.ts'
import type { Answer, LookupFailure, Resolver } from './resolver.ts'
import { TimeQueue } from './time-queue.ts'

/** Calls `run` once after `delayMs`; what it returns calls that off. */
export type SetTimer = (run: () => void, delayMs: number) => () => void

/** `setTimeout` that keeps no process alive. */
export const backgroundTimer: SetTimer = (run, delayMs) => {
  const timer = setTimeout(run, delayMs)
  timer.unref()
  return () => clearTimeout(timer)
}

export interface NameRefresherOptions {
  readonly resolver: Resolver
  /** Takes what look-ups find; must not throw. */
  readonly apply: (update: NameUpdate) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds of a clock that nobody sets, for what is due when; `now` unless there is one. */
  readonly steadyNow?: () => number
  readonly setTimer: SetTimer
  /** In [0, 1). */
  readonly random?: () => number
  /** Told of each name that does not resolve once. Must not throw. */
  readonly onWarning?: (warning: NameWarning) => void
  /** Questions on the wire at once. */
  readonly maxQuestions?: number
  /** Names beyond this many are not looked up, and that is a warning. */
  readonly maxNames?: number
  /** How long `ready` waits at most. */
  readonly readyMs?: number
  /** Time between look-ups of a name: `baseMs`, doubled while the answer stays the same, up to `maxMs`. */
  readonly baseMs?: number
  readonly maxMs?: number
  /** A TTL may shorten the time between look-ups down to this. */
  readonly minMs?: number
  /** Look each name up once and never again. */
  readonly once?: boolean
}

export type NameWarning =
  | {
      readonly kind: 'unresolved'
      readonly name: string
      readonly outcome: 'nxdomain' | 'nodata' | LookupFailure
      /** `outcome` in words. */
      readonly cause: string
      readonly message: string
    }
  | { readonly kind: 'too-many-names'; readonly count: number; readonly message: string }

export interface NameRefresherStats {
  /** Names being kept looked up, and how many of them have addresses, have none, and have some that could not be confirmed. */
  readonly names: number
  readonly resolved: number
  readonly unresolved: number
  readonly stale: number
  readonly inFlight: number
  /** Names whose first answer is awaited. */
  readonly pending: number
  /** Since the start: */
  readonly lookups: number
  readonly changes: number
  readonly nxdomain: number
  readonly nodata: number
  readonly failures: Readonly<Record<LookupFailure, number>>
}

/** What the last answers about a name were. `stale`: had addresses, and the last look-up failed. */
type NameState = 'pending' | 'resolved' | 'stale' | 'unresolved'

interface Entry {
  readonly name: string
  state: NameState
  intervalMs: number
  /** Failures in a row. */
  failures: number
  /** Sums of the addresses of the last answer, for telling a change without keeping them. */
  sum4: number
  sum6: number
  isWarned: boolean
  isDropped: boolean
}

/** Look-ups begun in one turn of the event loop, so that 10,000 due at once hold nothing up: about 20 µs each. */
const LAUNCHES_PER_TURN = 25
const JITTER = 0.1

export class NameRefresher {
  readonly #resolver: Resolver
  readonly #apply: (update: NameUpdate) => void
  readonly #now: () => number
  readonly #steadyNow: () => number
  readonly #setTimer: SetTimer
  readonly #random: () => number
  readonly #onWarning: (warning: NameWarning) => void
  readonly #maxLookups: number
  readonly #maxNames: number
  readonly #readyMs: number
  readonly #baseMs: number
  readonly #maxMs: number
  readonly #minMs: number
  readonly #once: boolean

  readonly #entries: Map<string, Entry> = new Map()
  readonly #due: TimeQueue<Entry> = new TimeQueue()
  readonly #stop: AbortController = new AbortController()
  readonly #counts: Record<NameState, number> = { pending: 0, resolved: 0, stale: 0, unresolved: 0 }
  readonly #failures: Record<LookupFailure, number> = {
    servfail: 0,
    timeout: 0,
    refused: 0,
    unreachable: 0,
    malformed: 0,
    cancelled: 0,
    other: 0,
  }
  #waiting: (() => void)[] = []
  #readyAtMs: number
  #timerAtMs: number = Number.POSITIVE_INFINITY
  #cancelTimer: () => void = () => {}
  #inFlight = 0
  #lookups = 0
  #changes = 0
  #nxdomain = 0
  #nodata = 0

  constructor(options: NameRefresherOptions) {
    const { resolver } = options
    this.#resolver = resolver
    this.#apply = options.apply
    this.#now = options.now
    this.#steadyNow = options.steadyNow ?? options.now
    this.#setTimer = options.setTimer
    this.#random = options.random ?? Math.random
    this.#onWarning = options.onWarning ?? (() => {})
    const byQuestions = Math.max(1, Math.floor((options.maxQuestions ?? 200) / resolver.questionsPerLookup))
    this.#maxLookups = Math.min(byQuestions, resolver.maxLookups ?? byQuestions)
    this.#maxNames = options.maxNames ?? 50_000
    this.#readyMs = options.readyMs ?? 2000
    this.#baseMs = options.baseMs ?? 10_000
    this.#maxMs = options.maxMs ?? 320_000
    this.#minMs = options.minMs ?? 2000
    this.#once = options.once ?? false
    this.#readyAtMs = this.#steadyNow()
  }

  /** The names to keep looked up from now on, canonical. Names that stay are left as they are; new ones are looked up at once. */
  setNames(names: readonly string[]): void {
    if (this.#stop.signal.aborted) return
    const nowMs = this.#steadyNow()
    const wanted = new Set(names.length > this.#maxNames ? names.slice(0, this.#maxNames) : names)
    for (const entry of this.#entries.values()) {
      if (wanted.has(entry.name)) continue
      this.#entries.delete(entry.name)
      this.#counts[entry.state]--
      entry.isDropped = true
      this.#apply({ kind: 'dropped', name: entry.name, atMs: this.#now() })
    }
    for (const name of wanted) {
      if (this.#entries.has(name)) continue
      const entry: Entry = {
        name,
        state: 'pending',
        intervalMs: this.#baseMs,
        failures: 0,
        sum4: 0,
        sum6: 0,
        isWarned: false,
        isDropped: false,
      }
      this.#entries.set(name, entry)
      this.#counts.pending++
      this.#due.push(nowMs, entry)
    }
    this.#readyAtMs = nowMs + this.#readyMs
    if (wanted.size < names.length && names.length > this.#maxNames) {
      const count = names.length - this.#maxNames
      const message = `${names.length} names to look up are more than ${this.#maxNames}: ${count} are not looked up`
      this.#onWarning({ kind: 'too-many-names', count, message })
    }
    this.#tellReady()
    this.#arm()
  }

  /** Fulfilled when every name was answered once, or `readyMs` after `setNames`, or when stopped; whichever is first. */
  ready(): Promise<void> {
    const restMs = this.#readyAtMs - this.#steadyNow()
    if (this.#counts.pending === 0 || restMs <= 0 || this.#stop.signal.aborted) return Promise.resolve()
    return new Promise(done => {
      const cancel = this.#setTimer(done, restMs)
      this.#waiting.push(() => {
        cancel()
        done()
      })
    })
  }

  /** Ends all look-ups; nothing is applied any more. */
  stop(): void {
    this.#stop.abort()
    this.#cancelTimer()
    this.#timerAtMs = Number.POSITIVE_INFINITY
    this.#tellReady()
  }

  stats(): NameRefresherStats {
    const { pending, resolved, stale, unresolved } = this.#counts
    return {
      names: this.#entries.size,
      resolved: resolved + stale,
      unresolved: unresolved + pending,
      stale,
      inFlight: this.#inFlight,
      pending,
      lookups: this.#lookups,
      changes: this.#changes,
      nxdomain: this.#nxdomain,
      nodata: this.#nodata,
      failures: { ...this.#failures },
    }
  }

  /** Sets the one timer to when there is something to do, which is never while no look-up more may begin. */
  #arm(): void {
    if (this.#stop.signal.aborted || this.#inFlight >= this.#maxLookups) return
    const atMs = this.#due.nextMs
    if (atMs >= this.#timerAtMs) return
    this.#cancelTimer()
    this.#timerAtMs = atMs
    this.#cancelTimer = this.#setTimer(() => this.#launch(), Math.max(0, atMs - this.#steadyNow()))
  }

  #launch(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY
    const nowMs = this.#steadyNow()
    for (let launched = 0; launched < LAUNCHES_PER_TURN && this.#inFlight < this.#maxLookups; ) {
      const entry = this.#due.popDue(nowMs)
      if (entry === undefined) break
      if (entry.isDropped) continue
      launched++
      this.#inFlight++
      this.#lookups++
      void this.#lookup(entry)
    }
    this.#arm()
  }

  async #lookup(entry: Entry): Promise<void> {
    const answer = await this.#resolver.resolve(entry.name, this.#stop.signal)
    this.#inFlight--
    if (this.#stop.signal.aborted) return
    if (!entry.isDropped) {
      const delayMs = this.#settle(entry, answer)
      this.#apply(toNameUpdate(entry.name, answer, this.#now(), this.#resolver.label))
      if (!this.#once) this.#due.push(this.#steadyNow() + delayMs * (1 - JITTER + 2 * JITTER * this.#random()), entry)
      if (this.#counts.pending === 0) this.#tellReady()
    }
    this.#arm()
  }

  /** Notes the answer; the time until the next look-up, before jitter. */
  #settle(entry: Entry, answer: Answer): number {
    if (answer.kind === 'failed') {
      this.#failures[answer.reason]++
      this.#setState(entry, entry.state === 'resolved' || entry.state === 'stale' ? 'stale' : 'unresolved')
      if (entry.state === 'unresolved') this.#warn(entry, answer.reason)
      entry.failures++
      return Math.min(this.#baseMs * 2 ** Math.min(entry.failures - 1, 30), this.#maxMs)
    }
    entry.failures = 0
    const isFirst = entry.state === 'pending'
    let { sum4, sum6 } = entry
    let ttlMs = Number.POSITIVE_INFINITY
    if (answer.kind === 'addresses') {
      const { addresses, failedFamily } = answer
      if (failedFamily !== 4) sum4 = sumAddresses(addresses, 'number')
      if (failedFamily !== 6) sum6 = sumAddresses(addresses, 'string')
      for (const { ttlSec } of addresses) if (ttlSec !== undefined) ttlMs = Math.min(ttlMs, ttlSec * 1000)
      this.#setState(entry, 'resolved')
    } else {
      if (answer.kind === 'nxdomain') this.#nxdomain++
      else this.#nodata++
      sum4 = 0
      sum6 = 0
      this.#setState(entry, 'unresolved')
      this.#warn(entry, answer.kind)
    }
    const isChanged = sum4 !== entry.sum4 || sum6 !== entry.sum6
    if (isChanged && !isFirst) this.#changes++
    entry.intervalMs = isFirst || isChanged ? this.#baseMs : Math.min(entry.intervalMs * 2, this.#maxMs)
    entry.sum4 = sum4
    entry.sum6 = sum6
    return Math.min(entry.intervalMs, Math.max(ttlMs, this.#minMs))
  }

  #setState(entry: Entry, state: NameState): void {
    this.#counts[entry.state]--
    this.#counts[state]++
    entry.state = state
  }

  #warn(entry: Entry, outcome: 'nxdomain' | 'nodata' | LookupFailure): void {
    if (entry.isWarned) return
    entry.isWarned = true
    const cause = OUTCOME_TEXT[outcome]
    const message = `${entry.name} does not resolve: ${cause}`
    this.#onWarning({ kind: 'unresolved', name: entry.name, outcome, cause, message })
  }

  #tellReady(): void {
    if (this.#counts.pending > 0 && !this.#stop.signal.aborted) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const done of waiting) done()
  }
}

const OUTCOME_TEXT: Readonly<Record<'nxdomain' | 'nodata' | LookupFailure, string>> = {
  nxdomain: 'the name does not exist',
  nodata: 'the name has no address',
  servfail: 'the server failed',
  timeout: 'no answer in time',
  refused: 'the server refused',
  unreachable: 'no server can be reached',
  malformed: 'the answer is no DNS message',
  cancelled: 'cancelled',
  other: 'the look-up failed',
}

/** The same for the same addresses in any order; 0 for none. */
function sumAddresses(addresses: readonly { readonly ip: Ip }[], family: 'number' | 'string'): number {
  let sum = 0
  for (const { ip } of addresses) {
    if (typeof ip !== family) continue
    const text = String(ip)
    let hash = 0x811c9dc5
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    sum = (sum + (hash >>> 0) + 1) % 0x1_0000_0000_0000
  }
  return sum
}
