import type { NameIndex } from '../domains/name-index.ts'
import type { AddressEvidence } from '../engine/alert.ts'
import { compileOutput, type ExtraOutput, type OutputFormatter } from '../engine/format-output.ts'
import { linkPlan, type Matcher } from '../engine/link-plan.ts'
import { eventTable } from '../events/event-table.ts'
import type { FieldIndex } from '../fields/field-syntax.ts'
import { jsonValue, renderValue } from '../fields/render-value.ts'
import { type AppendOutputEntry, applyAppendOutput } from '../outputs/append-output.ts'
import { collectAccusedDomains, collectAccusedLists } from '../rules/compile-condition.ts'
import { parseOutputFormat } from '../rules/parse-output.ts'
import type { OutputFormat, Plan, PlannedRule } from '../rules/plan.ts'
import type { Reader } from '../fields/field.ts'
import type { EventContext, NameSource } from '../state/event-context.ts'
import type { Ip } from '../values/value.ts'
import { type EndLetter, type EvidenceSources, RuleEvidence } from './name-evidence.ts'
import { observedNames, RuleNames } from './rule-names.ts'
import { rulesByWait, WaitingRules } from './waiting-rules.ts'

/** Compiled rules and what of the configuration decides how they match and print. */
export interface RuleSetup {
  readonly plan: Plan
  readonly fields: FieldIndex
  readonly ruleMatching: 'first' | 'all'
  /** 0 Emergency … 7 Debug; rules of a greater number are not matched. */
  readonly minPriority: number
  readonly appendOutput: readonly AppendOutputEntry[]
  readonly staticFields: ReadonlyMap<string, string>
  /** How long verdicts wait for the name of an address, ms, where a rule does not say; absent: not at all. */
  readonly waitForNameMs?: number
  /** Alerts get the evidence for names (`Alert.names`). */
  readonly explainsNames?: boolean
  /** Lists of more names than this are not looked up; for explanations. */
  readonly listLimit?: number
}

/** How alerts of a rule are printed. */
export interface RuleOutput {
  readonly format: OutputFormatter
  /** Among several names of an address, those that the rule spells come first. */
  readonly names: NameSource
  /** Absent: nobody asked for it, or the rule has nothing to do with names. */
  readonly evidence?: (ctx: EventContext) => readonly AddressEvidence[]
}

/** Rules linked to this machine, ready to judge events; beside the state, so that others can take their place between two events. */
export class LinkedRules {
  readonly matcher: Matcher
  /** Those that wait for names; undefined when none does. */
  readonly waiting: WaitingRules | undefined
  readonly #setup: RuleSetup
  readonly #names: RuleNames
  readonly #sources: EvidenceSources | undefined
  readonly #outputs: Map<PlannedRule, RuleOutput> = new Map()
  #unprepared: readonly number[] | undefined = undefined
  #preparedCount = 0

  constructor(setup: RuleSetup, names: NameIndex, sources?: EvidenceSources) {
    this.#sources = setup.explainsNames === true ? sources : undefined
    this.#setup = setup
    const quiet = observedNames(setup.plan)
    this.#names = new RuleNames(names, quiet)
    this.matcher = linkPlan(setup.plan, {
      fields: name => setup.fields.get(name),
      eventTable,
      names: this.#names,
      ruleMatching: setup.ruleMatching,
      minPriority: setup.minPriority,
    })
    const byWait = rulesByWait(setup, setup.waitForNameMs ?? 0)
    this.waiting = byWait === undefined ? undefined : new WaitingRules(setup, byWait, names, quiet)
  }

  get rules(): readonly PlannedRule[] {
    return this.matcher.rules
  }

  get explainsNames(): boolean {
    return this.#sources !== undefined
  }

  get listLimit(): number {
    return this.#setup.listLimit ?? Number.POSITIVE_INFINITY
  }

  /** Binds all rules now instead of each at the first event that may match it; then every check has announced its names. */
  prepare(): void {
    this.matcher.prepare()
    this.waiting?.prepare()
  }

  /** Does a part of `prepare`, a millisecond as a rule; false when nothing is left to do. For a thread that has events to attend to. */
  prepareNext(): boolean {
    this.#unprepared ??= [...this.matcher.eventCodes]
    const code = this.#unprepared[this.#preparedCount]
    if (code === undefined) {
      this.waiting?.prepare()
      return false
    }
    this.#preparedCount++
    this.matcher.prepare([code])
    return true
  }

  /** Formats are bound when a rule first matches: most rules never do. */
  outputOf(rule: PlannedRule): RuleOutput {
    let output = this.#outputs.get(rule)
    if (output === undefined) {
      output = {
        format: bindFormat(rule, this.#setup),
        names: this.#names.preferring(
          [...collectAccusedDomains(rule.condition)],
          [...collectAccusedLists(rule.condition)],
        ),
        ...this.#evidenceOf(rule),
      }
      this.#outputs.set(rule, output)
    }
    return output
  }

  #evidenceOf(rule: PlannedRule): Pick<RuleOutput, 'evidence'> {
    const setup = this.#setup
    if (this.#sources === undefined) return {}
    const { output } = applyAppendOutput(rule, setup.appendOutput, setup.staticFields)
    const evidence = new RuleEvidence(rule.condition, output, this.#names, this.#sources)
    if (evidence.isEmpty) return {}
    const readers = new Map<EndLetter, Reader>()
    for (const end of evidence.ends) readers.set(end, setup.fields.get(`fd.${end}ip`)!.bind(undefined))
    return { evidence: ctx => evidence.of(ctx, end => readers.get(end)!(ctx) as Ip | undefined) }
  }

  /** Gives back the names that these rules announced. They must not judge any more. */
  release(): void {
    this.#names.release()
    this.waiting?.release()
  }
}

function bindFormat(rule: PlannedRule, setup: RuleSetup): OutputFormatter {
  const { fields } = setup
  const { output, extraFields } = applyAppendOutput(rule, setup.appendOutput, setup.staticFields)
  const extra = extraFields.flatMap((field): ExtraOutput[] => {
    const format = parseFormat(field.kind === 'raw' ? `%${field.key}` : field.format, fields)
    return format === undefined ? [] : [{ key: field.key, format, isRaw: field.kind === 'raw' }]
  })
  const format = parseFormat(output, fields) ?? parseFormat(rule.output, fields)
  if (format === undefined) throw new Error(`unreachable: the output of rule \`${rule.name}\` was checked at load`)
  return bindOutput(format, fields, extra)
}

/** A format linked to fields. */
export function bindOutput(
  format: OutputFormat,
  fields: FieldIndex,
  extra: readonly ExtraOutput[] = [],
): OutputFormatter {
  return compileOutput(format, { fields: name => fields.get(name), renderer: { renderValue, jsonValue } }, extra)
}

function parseFormat(text: string, fields: FieldIndex): OutputFormat | undefined {
  const parsed = parseOutputFormat(text, { fields })
  return parsed.ok ? parsed.format : undefined
}
