/** What rules would have alerted on, by rule and by where the connection went: for rules that are tried on events of the past. */
import type { Alert, AlertValue } from '../engine/alert.ts'
import { NameIndex } from '../domains/name-index.ts'
import type { FieldIndex } from '../fields/field-syntax.ts'
import type { AppendOutputEntry } from '../outputs/append-output.ts'
import type { Plan } from '../rules/plan.ts'
import type { SourceSink } from '../events/source.ts'
import { makeObserver, type ObserverSettings } from './make-observer.ts'
import type { RuleSetup } from './linked-rules.ts'
import { Pipeline } from './pipeline.ts'

/** Alerts of one rule about one name, address and port. */
export interface AlertGroup {
  readonly rule: string
  /** '' where none is known. */
  readonly name: string
  readonly address: string
  readonly port: string
  count: number
  readonly firstMs: number
  lastMs: number
  /** A few. */
  readonly programs: Set<string>
}

/** Read from every alert, whatever the rule's own output is. */
const KEYS = ['fd.sip.name', 'fd.sip', 'fd.sport', 'proc.name'] as const
const EXTRA: AppendOutputEntry = {
  source: '',
  rule: '',
  tags: [],
  extraOutput: '',
  extraFields: KEYS.map(key => ({ kind: 'raw', key })),
  suggestedOutput: false,
}
const MAX_GROUPS = 10_000
const MAX_PROGRAMS = 3

export class AlertCounter {
  readonly sink: SourceSink
  /** Gives verdicts that wait for a name; when all events were told. */
  readonly finish: () => void
  readonly names: NameIndex = new NameIndex()
  /** Alerts before `fromMs`, and since. */
  before = 0
  since = 0
  /** Of alerts since, those in no group: there were too many. */
  ungrouped = 0
  readonly #fromMs: number
  readonly #groups: Map<string, AlertGroup> = new Map()

  constructor(
    plan: Plan,
    fields: FieldIndex,
    observed: ObserverSettings & Pick<RuleSetup, 'waitForNameMs'>,
    fromMs: number,
  ) {
    this.#fromMs = fromMs
    const pipeline = new Pipeline({
      plan,
      fields,
      names: this.names,
      observer: makeObserver(observed, this.names),
      ruleMatching: 'all',
      minPriority: 7,
      appendOutput: [EXTRA],
      ...(observed.waitForNameMs !== undefined && { waitForNameMs: observed.waitForNameMs }),
      staticFields: new Map(),
      onAlert: alert => this.#add(alert),
    })
    // From the first event on names are known for the rules that ask for them.
    pipeline.prepare()
    this.sink = pipeline.sink
    this.finish = () => pipeline.finish()
  }

  /** The most frequent first. */
  get groups(): readonly AlertGroup[] {
    return [...this.#groups.values()].sort(
      (a, b) => b.count - a.count || a.firstMs - b.firstMs || (a.address < b.address ? -1 : 1),
    )
  }

  #add(alert: Alert): void {
    const atMs = Number(alert.tsNs / 1000n) / 1000
    if (atMs < this.#fromMs) {
      this.before++
      return
    }
    this.since++
    const fields = new Map<string, AlertValue>(alert.fields)
    const [name, address, port, program] = KEYS.map(key => String(fields.get(key) ?? ''))
    const key = `${alert.rule.name}\0${name}\0${address}\0${port}`
    let group = this.#groups.get(key)
    if (group === undefined) {
      if (this.#groups.size >= MAX_GROUPS) {
        this.ungrouped++
        return
      }
      const where = { name: name!, address: address!, port: port! }
      group = { rule: alert.rule.name, ...where, count: 0, firstMs: atMs, lastMs: atMs, programs: new Set() }
      this.#groups.set(key, group)
    }
    group.count++
    group.lastMs = atMs
    if (program !== '' && group.programs.size < MAX_PROGRAMS) group.programs.add(program!)
  }
}
