import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** One place where Tiercel's alerts and Falco's are not the same. */
export interface Difference {
  /** `evt.num` of the alert. */
  readonly num: number
  readonly rule: string
  /** An output field, a top-level key, or `alert` when one side has no such alert. */
  readonly key: string
  readonly want: string
  readonly got: string
}

/** A JSON line taken apart; numbers stay text, because nanoseconds do not fit a double. */
interface AlertLine {
  readonly rule: string
  readonly num: number
  readonly keys: ReadonlyMap<string, string>
  readonly fields: ReadonlyMap<string, string>
}

export function readGolden(url: URL): string[] {
  return gunzipSync(readFileSync(url))
    .toString('utf8')
    .split('\n')
    .filter(line => line !== '')
}

/**
 * Every difference between Falco's alerts and ours, in order. Alerts are paired by event number and rule. Derived texts (`message`, `output`)
 * are compared only when their fields agree, so that one wrong field shows once.
 */
export function compareAlerts(want: readonly string[], got: readonly string[]): Difference[] {
  const differences: Difference[] = []
  const ours = byKey(got)
  const paired = new Set<string>()
  for (const line of want) {
    const wanted = parseAlert(line)
    const key = `${wanted.num} ${wanted.rule}`
    const gotLine = ours.get(key)
    paired.add(key)
    if (gotLine === line) continue
    if (gotLine === undefined) {
      differences.push({ num: wanted.num, rule: wanted.rule, key: 'alert', want: line, got: 'none' })
      continue
    }
    const before = differences.length
    const given = parseAlert(gotLine)
    compareMaps(wanted, wanted.fields, given.fields, differences, new Set())
    compareMaps(wanted, wanted.keys, given.keys, differences, new Set(['message', 'output']))
    if (differences.length === before) compareMaps(wanted, wanted.keys, given.keys, differences, new Set())
    if (differences.length === before) {
      differences.push({ num: wanted.num, rule: wanted.rule, key: 'line', want: line, got: gotLine })
    }
  }
  for (const [key, line] of ours) {
    if (paired.has(key)) continue
    const given = parseAlert(line)
    differences.push({ num: given.num, rule: given.rule, key: 'alert', want: 'none', got: line })
  }
  if (differences.length === 0) compareOrder(want, got, differences)
  return differences
}

function compareOrder(want: readonly string[], got: readonly string[], differences: Difference[]): void {
  for (let i = 0; i < want.length; i++) {
    if (want[i] === got[i]) continue
    const { num, rule } = parseAlert(want[i]!)
    differences.push({ num, rule, key: 'order', want: want[i]!, got: got[i] ?? 'none' })
    return
  }
}

function compareMaps(
  alert: AlertLine,
  want: ReadonlyMap<string, string>,
  got: ReadonlyMap<string, string>,
  differences: Difference[],
  except: ReadonlySet<string>,
): void {
  for (const key of new Set([...want.keys(), ...got.keys()])) {
    if (except.has(key) || want.get(key) === got.get(key)) continue
    differences.push({
      num: alert.num,
      rule: alert.rule,
      key,
      want: want.get(key) ?? 'none',
      got: got.get(key) ?? 'none',
    })
  }
}

function byKey(lines: readonly string[]): Map<string, string> {
  return new Map(
    lines.map(line => {
      const { num, rule } = parseAlert(line)
      return [`${num} ${rule}`, line]
    }),
  )
}

function parseAlert(line: string): AlertLine {
  // Large numbers are quoted first: their digits are what is compared.
  const object = JSON.parse(line.replace(/([:,[])(-?\d{15,})(?=[,}\]])/g, '$1"$2"')) as Record<string, unknown>
  const fields = (object['output_fields'] ?? {}) as Record<string, unknown>
  const keys = new Map(
    Object.entries(object)
      .filter(([key]) => key !== 'output_fields')
      .map(([key, value]) => [key, JSON.stringify(value)]),
  )
  return {
    rule: String(object['rule']),
    num: Number(fields['evt.num'] ?? -1) === -1 ? timeKey(object) : Number(fields['evt.num']),
    keys,
    fields: new Map(Object.entries(fields).map(([key, value]) => [key, JSON.stringify(value)])),
  }
}

/** Alerts without `evt.num` are told apart by their time, to the nanosecond within the hour. */
function timeKey(object: Record<string, unknown>): number {
  const time = String(object['time'])
  return Number(time.slice(14, 16)) * 6e10 + Number(time.slice(17, 29)) * 1e9
}

/** Differences counted by rule and key, the most frequent first, each with its first example. */
export function summarise(differences: readonly Difference[], limit = 40): string {
  const groups = new Map<string, { count: number; first: Difference }>()
  for (const d of differences) {
    const group = groups.get(`${d.rule} ${d.key}`)
    if (group === undefined) groups.set(`${d.rule} ${d.key}`, { count: 1, first: d })
    else group.count++
  }
  return [...groups]
    .sort((a, b) => b[1].count - a[1].count)
    .slice(0, limit)
    .map(
      ([name, { count, first }]) =>
        `${count} × ${name} (event ${first.num})\n    want ${first.want}\n    got  ${first.got}`,
    )
    .join('\n')
}
