import type { NameIndex } from '../domains/name-index.ts'
import type { Alert } from '../engine/alert.ts'
import { compileOutput, type ExtraOutput, makeAlert, type OutputFormatter } from '../engine/format-output.ts'
import { linkPlan, type Matcher } from '../engine/link-plan.ts'
import { eventTable } from '../events/event-table.ts'
import type { SourceSink } from '../events/source.ts'
import type { FieldIndex } from '../fields/field-syntax.ts'
import { jsonValue, renderValue } from '../fields/render-value.ts'
import { type AppendOutputEntry, applyAppendOutput } from '../outputs/append-output.ts'
import { collectDomains } from '../rules/compile-condition.ts'
import { parseOutputFormat } from '../rules/parse-output.ts'
import type { OutputFormat, Plan, PlannedRule } from '../rules/plan.ts'
import type { CurrentEvent } from '../state/current-event.ts'
import type { NameSource } from '../state/event-context.ts'
import { HostState, stateSink } from '../state/host-state.ts'

export interface PipelineOptions {
  readonly plan: Plan
  readonly fields: FieldIndex
  readonly names: NameIndex
  readonly ruleMatching: 'first' | 'all'
  /** 0 Emergency … 7 Debug; rules of a greater number are not matched. */
  readonly minPriority: number
  readonly appendOutput: readonly AppendOutputEntry[]
  readonly staticFields: ReadonlyMap<string, string>
  readonly maxThreads?: number
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

/** How alerts of a rule are printed. */
interface RuleOutput {
  readonly format: OutputFormatter
  /** Among several names of an address, those that the rule spells come first. */
  readonly names: NameSource
}

/**
 * The event path: state, then rules, then alerts, one event at a time and nothing awaited. Give its `sink` to a source. Rules can be
 * exchanged between two events; the state stays.
 */
export class Pipeline {
  readonly state: HostState
  /** Events that the rules saw. */
  events = 0
  readonly sink: SourceSink
  readonly #matcher: Matcher
  readonly #formatters: Map<PlannedRule, RuleOutput> = new Map()
  readonly #options: PipelineOptions
  #hasBegun = false
  #isStopped = false

  constructor(options: PipelineOptions) {
    this.#options = options
    this.state = new HostState(options.maxThreads === undefined ? {} : { maxThreads: options.maxThreads })
    this.state.current.names = options.names
    this.#matcher = linkPlan(options.plan, {
      fields: name => options.fields.get(name),
      eventTable,
      names: options.names,
      ruleMatching: options.ruleMatching,
      minPriority: options.minPriority,
    })
    this.sink = stateSink(
      this.state,
      current => this.#onEvent(current),
      () => {
        this.#hasBegun = false
      },
    )
  }

  /** Rules that are matched. */
  get rules(): readonly PlannedRule[] {
    return this.#matcher.rules
  }

  /** Binds all rules now instead of each at the first event that may match it; then every check has announced its names. */
  prepare(): void {
    this.#matcher.prepare()
  }

  /** Makes the source stop after the event at hand. */
  stop(): void {
    this.#isStopped = true
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  #onEvent(current: CurrentEvent): boolean {
    if (!this.#hasBegun) {
      if (isWorldEvent[current.rec.type]) return true
      this.#hasBegun = true
    }
    if (isEntry[current.rec.type]) return true
    this.events++
    const matched = this.#matcher.match(current)
    for (let i = 0; i < matched.length; i++) {
      const rule = matched[i]!
      const formatter = this.#formatterOf(rule)
      current.names = formatter.names
      this.#options.onAlert(makeAlert(rule, formatter.format, current))
      current.names = this.#options.names
    }
    return !this.#isStopped
  }

  /** Formats are bound when a rule first matches: most rules never do. */
  #formatterOf(rule: PlannedRule): RuleOutput {
    let formatter = this.#formatters.get(rule)
    if (formatter === undefined) {
      const domains = collectDomains(rule.condition)
      const { names } = this.#options
      formatter = {
        format: bindFormat(rule, this.#options),
        names: domains.size === 0 ? names : names.preferring([...domains]),
      }
      this.#formatters.set(rule, formatter)
    }
    return formatter
  }
}

function bindFormat(rule: PlannedRule, options: PipelineOptions): OutputFormatter {
  const { fields } = options
  const { output, extraFields } = applyAppendOutput(rule, options.appendOutput, options.staticFields)
  const extra = extraFields.flatMap((field): ExtraOutput[] => {
    const format = parseFormat(field.kind === 'raw' ? `%${field.key}` : field.format, fields)
    return format === undefined ? [] : [{ key: field.key, format, isRaw: field.kind === 'raw' }]
  })
  const format = parseFormat(output, fields) ?? parseFormat(rule.output, fields)
  if (format === undefined) throw new Error(`unreachable: the output of rule \`${rule.name}\` was checked at load`)
  return compileOutput(format, { fields: name => fields.get(name), renderer: { renderValue, jsonValue } }, extra)
}

function parseFormat(text: string, fields: FieldIndex): OutputFormat | undefined {
  const parsed = parseOutputFormat(text, { fields })
  return parsed.ok ? parsed.format : undefined
}
