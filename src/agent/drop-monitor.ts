/**
 * Watches how many events the kernel had to leave out, as Falco's `syscall_event_drops` says: each second the losses since the last are
 * compared with a threshold, and no more often than a token bucket allows something is done about it. Falco alerts at Debug, which hardly
 * anybody sees; here it is a Critical alert, for from then on an attack may go unseen.
 */
import type { InternalAlert } from '../outputs/format-alert.ts'
import type { SourceCounts } from '../wire/agent-messages.ts'
import type { EventDropsConfig } from './config.ts'

const EVENT_DROP_RULE = 'Falco internal: syscall event drop'
const CRITICAL = 2

export type DropVerdict =
  | { readonly kind: 'none' }
  /** There are losses above the threshold, and the bucket is empty. */
  | { readonly kind: 'muted'; readonly lost: number }
  | {
      readonly kind: 'act'
      readonly lost: number
      readonly isLogged: boolean
      readonly alert: InternalAlert | undefined
      readonly exits: boolean
    }

type Counts = Pick<SourceCounts, 'events' | 'lost' | 'lostByCause'>

export class DropMonitor {
  readonly #config: EventDropsConfig
  #last: Counts = { events: 0, lost: 0, lostByCause: new Map() }
  #tokens: number
  #refilledMs: number
  /** Seconds with losses above the threshold, and how often something was done. */
  occurrences = 0
  actions = 0

  /** `nowMs` is any clock's that goes on evenly, here and in `check`. */
  constructor(config: EventDropsConfig, nowMs: number) {
    this.#config = config
    this.#tokens = config.maxBurst
    this.#refilledMs = nowMs
  }

  /** What to do about the losses since the last call; `tsNs` stamps the alert. */
  check(counts: Counts, nowMs: number, tsNs: bigint): DropVerdict {
    const last = this.#last
    this.#last = counts
    const { threshold, simulate, actions } = this.#config
    const lost = counts.lost - last.lost + (simulate ? 1 : 0)
    if (lost <= 0) return { kind: 'none' }
    // As Falco counts them, lost events are events too.
    const events = counts.events - last.events + (counts.lost - last.lost)
    if (!simulate && lost / events <= threshold) return { kind: 'none' }
    this.occurrences++
    if (!this.#claim(nowMs)) return { kind: 'muted', lost }
    this.actions++
    return {
      kind: 'act',
      lost,
      isLogged: actions.includes('log'),
      alert: actions.includes('alert') ? makeAlert(lost, events, counts, last, tsNs) : undefined,
      exits: actions.includes('exit'),
    }
  }

  #claim(nowMs: number): boolean {
    const { rate, maxBurst } = this.#config
    this.#tokens = Math.min(maxBurst, this.#tokens + ((nowMs - this.#refilledMs) / 1000) * rate)
    this.#refilledMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}

/** Falco's keys: numbers are text. */
function makeAlert(lost: number, events: number, counts: Counts, last: Counts, tsNs: bigint): InternalAlert {
  const causes = [...counts.lostByCause].map(
    ([cause, count]) => [causeKey(cause), `${count - (last.lostByCause.get(cause) ?? 0)}`] as const,
  )
  return {
    rule: EVENT_DROP_RULE,
    priority: CRITICAL,
    tsNs,
    text: `${EVENT_DROP_RULE}. ${lost} system calls dropped in last second.`,
    fields: [['ebpf_enabled', '1'], ['n_drops', `${lost}`], ['n_evts', `${events}`], ...causes],
  }
}

const FALCO_CAUSES: ReadonlyMap<string, string> = new Map([
  ['ring_full', 'buffer_total'],
  ['page_fault', 'page_faults'],
  ['scratch', 'scratch_map'],
  ['bug', 'bug'],
])

/** `n_drops_buffer_total` and so on; causes that Falco does not tell apart keep their own name. */
export function causeKey(cause: string): string {
  return `n_drops_${FALCO_CAUSES.get(cause) ?? cause}`
}
