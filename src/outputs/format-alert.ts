import type { Alert, AlertValue } from '../engine/alert.ts'
import { ClockText, splitTime } from './clock-text.ts'
import { renderJsonValue } from './json-text.ts'
import { priorityName } from '../values/priority-names.ts'

/** What an alert's line looks like; the names are those of Falco's configuration (`json_include_…_property`, `time_format_iso_8601`). */
export interface AlertFormat {
  readonly json: boolean
  readonly jsonIncludeOutput: boolean
  readonly jsonIncludeMessage: boolean
  readonly jsonIncludeOutputFields: boolean
  readonly jsonIncludeTags: boolean
  readonly timeIso8601: boolean
  readonly hostname: string
}

/** Falco's defaults, text lines. */
export const defaultAlertFormat: AlertFormat = {
  json: false,
  jsonIncludeOutput: true,
  jsonIncludeMessage: false,
  jsonIncludeOutputFields: true,
  jsonIncludeTags: true,
  timeIso8601: false,
  hostname: '',
}

/** News about the agent itself in the shape of an alert: source `internal`, no tags. */
export interface InternalAlert {
  readonly rule: string
  readonly priority: number
  readonly tsNs: bigint
  readonly text: string
  readonly fields: readonly (readonly [key: string, value: AlertValue])[]
}

/** Where a key of `output_fields` gets its value: an index into the alert's fields, or the time of the event. */
const FROM_TIME = -1

/** What all alerts of one rule have in common, rendered once. */
interface RuleText {
  readonly keys: readonly string[]
  /** Per member of `output_fields`, sorted: `,"key":` (the first without comma), and where the value is. */
  readonly members: readonly string[]
  readonly sources: readonly number[]
  /** From `"priority"` to just before the time's value. */
  readonly tail: string
  readonly priority: string
}

/**
 * Renders alerts to lines, byte for byte as Falco 0.44 prints them, without the line end. JSON: keys sorted, no blanks, `output_fields` holds
 * the alert's fields and the time. Text: time, priority, message, with control characters escaped, so that a file name cannot
 * forge a line or move the cursor of a terminal. Keeps what the alerts of a rule have in common, so use one renderer for all.
 */
export class AlertRenderer {
  readonly #format: AlertFormat
  readonly #clock = new ClockText()
  readonly #rules = new WeakMap<Alert['rule'], RuleText>()
  readonly #head: string
  readonly #timeKey: string

  constructor(format: AlertFormat) {
    this.#format = format
    this.#head = `{"hostname":${JSON.stringify(format.hostname)}`
    this.#timeKey = format.timeIso8601 ? 'evt.time.iso8601' : 'evt.time'
  }

  render(alert: Alert): string {
    return this.#format.json ? this.#renderJson(alert) : this.#renderText(alert)
  }

  /** An alert about the agent itself: no tags, no message; as text its fields follow in parentheses. */
  renderInternal(alert: InternalAlert): string {
    const time = splitTime(alert.tsNs)
    const fields = sortedFields(alert.fields)
    const priority = priorityName(alert.priority)
    if (this.#format.json) {
      const members = fields.map(([key, value]) => `${JSON.stringify(key)}:${renderJsonValue(value)}`)
      return (
        `${this.#head},"output":${JSON.stringify(alert.text)},"output_fields":{${members.join(',')}},"priority":"${priority}",` +
        `"rule":${JSON.stringify(alert.rule)},"source":"internal","time":"${this.#clock.utc(time.second)}.${time.fraction}Z"}`
      )
    }
    const pairs = fields.map(([key, value]) => `${key}=${renderJsonValue(value)}`)
    return escapeControls(
      `${this.#textTime(time.second, time.fraction)}: ${priority} ${alert.text} (${pairs.join(' ')})`,
    )
  }

  #textTime(second: number, fraction: string): string {
    return this.#format.timeIso8601
      ? `${this.#clock.utc(second)}.${fraction}+0000`
      : `${this.#clock.local(second)}.${fraction}`
  }

  #renderText(alert: Alert): string {
    const { second, fraction } = splitTime(alert.tsNs)
    return `${this.#textTime(second, fraction)}: ${priorityName(alert.rule.priority)} ${escapeControls(alert.text)}`
  }

  #renderJson(alert: Alert): string {
    const format = this.#format
    const rule = this.#ruleText(alert)
    const { second, fraction, digits } = splitTime(alert.tsNs)
    let line = this.#head
    const { names } = alert
    if (format.jsonIncludeMessage || format.jsonIncludeOutput || names !== undefined) {
      const message = JSON.stringify(alert.text)
      if (format.jsonIncludeMessage) line += `,"message":${message}`
      if (names !== undefined) line += `,"names":${JSON.stringify(names)}`
      if (format.jsonIncludeOutput) {
        line += `,"output":"${this.#textTime(second, fraction)}: ${rule.priority} ${message.slice(1)}`
      }
    }
    if (format.jsonIncludeOutputFields) {
      const { members, sources } = rule
      line += ',"output_fields":{'
      for (let i = 0; i < members.length; i++) {
        const from = sources[i]!
        line += members[i]! + (from === FROM_TIME ? digits : renderJsonValue(alert.fields[from]![1]))
      }
      line += '}'
    }
    return `${line}${rule.tail}${this.#clock.utc(second)}.${fraction}Z"}`
  }

  #ruleText(alert: Alert): RuleText {
    const known = this.#rules.get(alert.rule)
    if (known !== undefined && hasKeys(alert, known.keys)) return known
    const fresh = this.#makeRuleText(alert)
    this.#rules.set(alert.rule, fresh)
    return fresh
  }

  #makeRuleText(alert: Alert): RuleText {
    const keys = alert.fields.map(([key]) => key)
    const from = new Map<string, number>()
    for (const [index, key] of keys.entries()) from.set(key, index)
    from.set(this.#timeKey, FROM_TIME)
    const sorted = [...from.keys()].sort(compareBytes)
    const priority = priorityName(alert.rule.priority)
    const tags = [...new Set(alert.rule.tags)].sort(compareBytes)
    const tail =
      `,"priority":"${priority}","rule":${JSON.stringify(alert.rule.name)},"source":${JSON.stringify(alert.source)}` +
      `${this.#format.jsonIncludeTags ? `,"tags":${renderJsonValue(tags)}` : ''},"time":"`
    return {
      keys,
      members: sorted.map((key, i) => `${i === 0 ? '' : ','}${JSON.stringify(key)}:`),
      sources: sorted.map(key => from.get(key)!),
      tail,
      priority,
    }
  }
}

function hasKeys(alert: Alert, keys: readonly string[]): boolean {
  const fields = alert.fields
  if (fields.length !== keys.length) return false
  for (let i = 0; i < keys.length; i++) if (fields[i]![0] !== keys[i]) return false
  return true
}

function sortedFields(fields: InternalAlert['fields']): InternalAlert['fields'] {
  return [...new Map(fields)].sort(([a], [b]) => compareBytes(a, b))
}

/** The order of the UTF-8 bytes, which is that of code points; JavaScript's own order differs above U+FFFF. */
function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'))
}

const CONTROL = /[\0-\x1f\x7f-\x9f]/
const CONTROLS = /[\0-\x1f\x7f-\x9f]/g

/** Control characters (C0, DEL and C1) as JSON writes them: `\n`, `\t`, `\u001b`. Everything else, the backslash included, stays. */
export function escapeControls(text: string): string {
  return CONTROL.test(text) ? text.replace(CONTROLS, escapeControl) : text
}

function escapeControl(c: string): string {
  return c < ' ' ? JSON.stringify(c).slice(1, -1) : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
}
