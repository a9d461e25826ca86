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

const healthLimits: HealthLimits = { silenceMs: 5_000, stallMs: 5_000, blindMs: 10_000, startMs: 30_000 }

/** `ok`, or in plain words what is wrong: whether events flow, not whether the process lives. */
export function judgeHealth(
  trail: HealthTrail,
  nowMs: number,
  isDetecting: boolean,
  limits: HealthLimits = healthLimits,
): string {
  const silentMs = nowMs - trail.reportedMs
  const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
  if (!isDetecting && silentMs <= limits.startMs) return 'ok'
  if (silentMs > limits.silenceMs) return `the thread that judges events has not been heard of for ${seconds(silentMs)}`
  if (trail.takenMs > 0 && nowMs - trail.takenMs > limits.stallMs) {
    return `no event has been taken for ${seconds(nowMs - trail.takenMs)} though ${trail.pendingBytes} bytes of them wait`
  }
  if (trail.seenMs > 0 && nowMs - trail.seenMs > limits.blindMs) {
    return `the probe has seen nothing for ${seconds(nowMs - trail.seenMs)}, not even the call that the agent makes for it`
  }
  return 'ok'
}
