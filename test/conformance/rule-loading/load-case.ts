import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { eventLookup } from '../../../src/events/event-lookup.ts'
import { fieldLookup } from '../../../src/fields/catalogue.ts'
import { describeRules } from '../../../src/rules/describe-rules.ts'
import { type LoadFindingJson, type LoadResultJson, loadResultsJson } from '../../../src/rules/load-result.ts'

/**
 * Rule files, and what Falco 0.44 says of them. Whether they load, which codes it gives and where it places them is checked; its
 * sentences are not: ours say more.
 */
export interface LoadCase {
  readonly name: string
  /** One file, or several that load one after the other. */
  readonly files: string | readonly string[]
  /** Whether each file loads; of several, all of them unless said otherwise. */
  readonly ok: boolean | readonly boolean[]
  /** `CODE`, or `CODE item type`, or `CODE item type 'item name'`: some error fits each. */
  readonly errors?: readonly string[]
  /** Likewise for warnings; an empty list: there are none. */
  readonly warnings?: readonly string[]
  /** Codes that no warning has. */
  readonly absent?: readonly string[]
  /** What validation against the schema says. */
  readonly schema?: 'ok' | 'failed' | 'none'
  /** The compiled condition by rule. */
  readonly compiled?: Readonly<Record<string, string>>
  /** Parts of what `describe` says of a rule: by rule, by key of `info` or `details`. */
  readonly described?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** How many rules are on. */
  readonly enabled?: number
}

export const noSettings: Parameters<typeof loadRules>[1] = {
  ruleSelection: [],
  minPriority: 7,
  staticFields: new Map(),
  domains: { strict: false },
}

function fits(finding: LoadFindingJson, wanted: string): boolean {
  const [, code, type, name] = /^(\S+)(?: ([^']*?))?(?: '(.*)')?$/.exec(wanted)!
  return (
    finding.code === code &&
    (type === undefined || finding.context.locations.some(location => location.item_type === type)) &&
    (name === undefined || finding.context.locations.some(location => location.item_name === name))
  )
}

function showFindings(results: readonly LoadResultJson[]): string {
  return results
    .flatMap(result => [...result.errors, ...result.warnings])
    .map(({ code, message, context }) => `${code}: ${message} (${context.locations.at(-1)?.item_type})`)
    .join('\n')
}

/** Declares a test for each case. */
export function testLoadCases(cases: readonly LoadCase[]): void {
  for (const each of cases) test(each.name, () => checkLoadCase(each))
}

function checkLoadCase(each: LoadCase): void {
  const texts = typeof each.files === 'string' ? [each.files] : each.files
  const { rules } = loadRules(
    texts.map((text, i) => ({ path: `rules-${i}.yaml`, text })),
    noSettings,
  )
  const results = loadResultsJson(rules.results).falco_load_results
  const said = showFindings(results)
  const ok = typeof each.ok === 'boolean' ? texts.map(() => each.ok) : each.ok
  assert.deepEqual(
    results.map(result => result.successful),
    ok,
    said,
  )
  const errors = results.flatMap(result => result.errors)
  const warnings = results.flatMap(result => result.warnings)
  for (const wanted of each.errors ?? [])
    assert.ok(
      errors.some(error => fits(error, wanted)),
      `no ${wanted} in\n${said}`,
    )
  for (const wanted of each.warnings ?? []) {
    assert.ok(
      warnings.some(warning => fits(warning, wanted)),
      `no ${wanted} in\n${said}`,
    )
  }
  if (each.warnings?.length === 0) assert.deepEqual(warnings, [], said)
  for (const code of each.absent ?? []) assert.ok(!warnings.some(warning => warning.code === code), said)
  if (each.schema !== undefined) assert.equal(results[0]?.schema_valid, each.schema, results[0]?.schema_warnings.join())
  if (each.compiled !== undefined || each.described !== undefined) {
    const described = describeRules(rules.compiled, { fields: fieldLookup, events: eventLookup }).rules
    const byName = new Map(described.map(rule => [rule.info.name, { ...rule.details, ...rule.info }]))
    for (const [name, condition] of Object.entries(each.compiled ?? {}))
      assert.equal(byName.get(name)?.condition_compiled, condition)
    for (const [name, wanted] of Object.entries(each.described ?? {})) {
      const got = byName.get(name) as unknown as Readonly<Record<string, unknown>>
      for (const [key, value] of Object.entries(wanted)) assert.deepEqual(got[key], value, key)
    }
  }
  if (each.enabled !== undefined) assert.equal(rules.plan?.rules.filter(rule => rule.enabled).length, each.enabled)
}
