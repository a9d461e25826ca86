import type { Alert } from '../engine/alert.ts'
import { priorityNames } from '../values/priority-names.ts'

/** What a rule's alerts were counted under. */
interface RuleCount {
  readonly name: string
  readonly index: number
  readonly priority: number
  count: number
}

/** Alerts by rule and priority, for the summary at the end of a run. */
export class AlertTally {
  readonly #rules = new Map<Alert['rule'], RuleCount>()
  #total = 0

  add(rule: Alert['rule']): void {
    this.#total++
    const known = this.#rules.get(rule)
    if (known === undefined)
      this.#rules.set(rule, { name: rule.name, index: rule.index, priority: rule.priority, count: 1 })
    else known.count++
  }

  get total(): number {
    return this.#total
  }

  /** The summary so far: priorities from the most urgent, rules in rule order, only those that alerted. */
  get summary(): AlertSummary {
    const rules = [...this.#rules.values()].sort((a, b) => a.index - b.index)
    const severities = priorityNames.map((name, priority) => ({
      name: name === 'Informational' ? 'Info' : name,
      count: rules.reduce((sum, rule) => sum + (rule.priority === priority ? rule.count : 0), 0),
    }))
    return {
      total: this.#total,
      bySeverity: severities.filter(({ count }) => count > 0),
      byRule: rules.map(({ name, count }) => ({ name, count })),
    }
  }
}

export interface AlertSummary {
  readonly total: number
  readonly bySeverity: readonly { readonly name: string; readonly count: number }[]
  readonly byRule: readonly { readonly name: string; readonly count: number }[]
}

/** The summary as Falco prints it at the end, ending in a line end. */
export function renderSummary(summary: AlertSummary): string {
  const lines = [
    `Events detected: ${summary.total}`,
    'Rule counts by severity:',
    ...summary.bySeverity.map(({ name, count }) => `   ${name.toUpperCase()}: ${count}`),
    'Triggered rules by rule name:',
    ...summary.byRule.map(({ name, count }) => `   ${name}: ${count}`),
  ]
  return `${lines.join('\n')}\n`
}

/** The summary for programs: `{"alerts":…,"by_severity":{…},"by_rule":{…}}`. */
export function renderSummaryJson(summary: AlertSummary): string {
  const object = (rows: AlertSummary['byRule']): string =>
    `{${rows.map(({ name, count }) => `${JSON.stringify(name)}:${count}`).join(',')}}`
  const severities = summary.bySeverity.map(({ name, count }) => ({ name: name.toLowerCase(), count }))
  return `{"alerts":${summary.total},"by_severity":${object(severities)},"by_rule":${object(summary.byRule)}}`
}
