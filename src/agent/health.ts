import type { WorkerStats } from '../wire/agent-messages.ts'

/** How the worker was last seen to do; times are milliseconds of a clock that goes on evenly. */
export interface HealthTrail {
  /** When it last reported. */
  readonly reportedMs: number
  /** When it last took events, or had none to take; when the probe last answered. 0: not yet. */
  readonly takenMs: number
  readonly seenMs: number
  readonly pendingBytes: number
}

/** How long what may take before it is a fault, ms. */
export interface HealthLimits {
  /** Without a report; the worker makes one every second. */
  readonly silenceMs: number
  /** With events waiting and none taken. */
  readonly stallMs: number
  /** Without the probe having answered; the agent makes a call for it every second, even on a host that sleeps. */
  readonly blindMs: number
  /** Starting takes tens of milliseconds, reading the world of a large host some seconds. */
  readonly startMs: number
}

export const healthLimits: HealthLimits = { silenceMs: 5_000, stallMs: 5_000, blindMs: 10_000, startMs: 30_000 }

/** `ok`, or in plain words what is wrong: whether events flow, not whether the process lives. */
export function judgeHealth(trail: HealthTrail, nowMs: number, isDetecting: boolean, limits: HealthLimits): string {
  const silentMs = nowMs - trail.reportedMs
  const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
  if (!isDetecting && silentMs <= limits.startMs) return 'ok'
  if (silentMs > limits.silenceMs) return `the thread that judges events has not been heard of for ${seconds(silentMs)}`
  // What has been since the last report is not known.
  const stalledMs = trail.takenMs === 0 ? 0 : trail.reportedMs - trail.takenMs
  if (stalledMs > limits.stallMs)
    return `no event has been taken for ${seconds(stalledMs)} though ${trail.pendingBytes} bytes of them wait`
  const blindMs = trail.seenMs === 0 ? 0 : trail.reportedMs - trail.seenMs
  if (blindMs > limits.blindMs)
    return `the probe has seen nothing for ${seconds(blindMs)}, not even the call that the agent makes for it`
  return 'ok'
}

/** Keeps the trail of what the worker reports, and what comes of it. */
export class HealthWatch {
  readonly #limits: HealthLimits
  readonly #trail: { -readonly [K in keyof HealthTrail]: HealthTrail[K] }
  #taken = 0
  #seen = 0
  /** `ok`, or what was wrong when it was last judged. */
  state = 'ok'

  /** `nowMs` is any clock's that goes on evenly, here and below. */
  constructor(nowMs: number, limits: HealthLimits = healthLimits) {
    this.#limits = limits
    this.#trail = { reportedMs: nowMs, takenMs: 0, seenMs: 0, pendingBytes: 0 }
  }

  /** The worker is sent on its way. */
  begin(nowMs: number): void {
    this.#trail.reportedMs = nowMs
  }

  /** It has reported. */
  note({ events, source: { seen, pendingBytes } }: Pick<WorkerStats, 'events' | 'source'>, nowMs: number): void {
    const trail = this.#trail
    trail.reportedMs = nowMs
    if (seen !== undefined && (seen !== this.#seen || trail.seenMs === 0)) trail.seenMs = nowMs
    if (events !== this.#taken || pendingBytes === 0 || trail.takenMs === 0) trail.takenMs = nowMs
    trail.pendingBytes = pendingBytes
    this.#seen = seen ?? 0
    this.#taken = events
  }

  judge(nowMs: number, isDetecting: boolean): string {
    this.state = judgeHealth(this.#trail, nowMs, isDetecting, this.#limits)
    return this.state
  }
}
