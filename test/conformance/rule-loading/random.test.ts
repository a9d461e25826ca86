import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { eventLookup } from '../../../src/events/event-lookup.ts'
import { describeRules } from '../../../src/rules/describe-rules.ts'
import { noSettings } from './load-case.ts'

// Random conditions and outputs, half of them with mistakes: what Falco's own library (0.23.2) said of each, and how it printed it.

interface RandomCondition {
  readonly loads: boolean
  readonly condition: string
  /** The compiled condition, where it is not as written. */
  readonly prints?: string
}

interface RandomOutput {
  readonly loads: boolean
  readonly output: string
}

function rowsOf<T>(name: string): readonly T[] {
  const text = readFileSync(new URL(name, import.meta.url), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as T)
}

function load(condition: string, output: string): ReturnType<typeof loadRules> {
  const text = `- rule: r\n  desc: d\n  condition: ${JSON.stringify(condition)}\n  output: ${JSON.stringify(output)}\n  priority: INFO\n`
  return loadRules([{ path: 'rules.yaml', text }], noSettings)
}

test('random conditions', () => {
  for (const { loads, condition, prints = condition } of rowsOf<RandomCondition>('random-conditions.jsonl')) {
    const { rules, fields } = load(condition, 'o')
    assert.equal(rules.results[0]!.ok, loads, condition)
    if (!loads) continue
    const [rule] = describeRules(rules.compiled, { fields, events: eventLookup }).rules
    assert.equal(rule!.details.condition_compiled, prints)
  }
})

test('random outputs', () => {
  for (const { loads, output } of rowsOf<RandomOutput>('random-outputs.jsonl')) {
    assert.equal(load('evt.type=open', output).rules.results[0]!.ok, loads, output)
  }
})
