import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Pipeline } from '../../src/agent/pipeline.ts'
import { NameIndex } from '../../src/domains/name-index.ts'
import { eventLookup } from '../../src/events/event-lookup.ts'
import { openSource } from '../../src/events/open-source.ts'
import { fieldLookup } from '../../src/fields/catalogue.ts'
import type { FieldIndex } from '../../src/fields/field-syntax.ts'
import { compileRules } from '../../src/rules/compile-rules.ts'

/** What Falco matched: how many events, the start of the SHA-1 of their comma-joined numbers, the first three numbers. */
type Verdict = readonly [count: number, hash: string, first: readonly number[]]

const captures = new URL('../../../shared/data/captures/', import.meta.url)
const rules = new URL('golden/random.rules.yaml', captures)
const skip = existsSync(rules) ? false : 'needs ../shared/data/captures beside the project'

/** The numbers of the events that each rule matched. */
async function matchedEvents(capture: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const files = [{ path: rules.pathname, text: readFileSync(rules, 'utf8') }]
  const { plan } = compileRules(files, { fields: fieldLookup, events: eventLookup })
  assert.ok(plan !== undefined, 'the rules load')
  const matched = new Map<string, number[]>(plan.rules.map(rule => [rule.name, []]))
  const pipeline = new Pipeline({
    plan,
    fields: fieldLookup as FieldIndex,
    names: new NameIndex(),
    ruleMatching: 'all',
    minPriority: 7,
    appendOutput: [],
    staticFields: new Map(),
    onAlert: alert => matched.get(alert.rule.name)?.push(alert.eventNum),
  })
  const source = await openSource(new URL(`${capture}.scap`, captures).pathname)
  const summary = await source.read(pipeline.sink)
  assert.equal(summary.error, undefined)
  return matched
}

function verdictOf(numbers: readonly number[]): Verdict {
  const hash = createHash('sha1').update(numbers.join(',')).digest('hex').slice(0, 16)
  return [numbers.length, hash, numbers.slice(0, 3)]
}

for (const capture of ['net', 'sec', 'ctr']) {
  test(`495 random conditions match the same events of ${capture} as in Falco`, { skip }, async () => {
    const text = readFileSync(new URL(`golden/random.${capture}.json`, captures), 'utf8')
    const want = JSON.parse(text) as Readonly<Record<string, Verdict>>
    const matched = await matchedEvents(capture)
    assert.equal(Object.keys(want).length, 495)
    for (const [name, verdict] of Object.entries(want)) {
      assert.deepEqual([name, ...verdictOf(matched.get(name) ?? [])], [name, ...verdict])
    }
  })
}
