import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { CompiledRules } from './compile-rules.ts'
import { loadTexts } from './testdata/load-cases.ts'
import { cpuMs } from '../values/testing.ts'

/* Falco's own three rule files, which must load without a word. */

const folder = fileURLToPath(new URL('../../../shared/data/falco/rules/', import.meta.url))
const skip = existsSync(folder) ? false : `${folder} is not there`
const names = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml']

function load(...files: readonly string[]): CompiledRules {
  return loadTexts(files.map(name => readFileSync(folder + name, 'utf8')))
}

function assertSilent(loaded: CompiledRules): void {
  for (const { findings } of loaded.results)
    assert.deepEqual(
      findings.map(finding => finding.diagnostic.message),
      [],
    )
}

for (const [name, count] of [
  ['falco_rules.yaml', 25],
  ['falco-incubating_rules.yaml', 31],
  ['falco-sandbox_rules.yaml', 37],
] as const) {
  test(`${name} loads alone`, { skip }, () => {
    const loaded = load(name)
    assertSilent(loaded)
    assert.equal(loaded.plan?.rules.length, count)
  })
}

test('the three files load together, though later ones define macros of earlier ones anew', { skip }, () => {
  const loaded = load(...names)
  assertSilent(loaded)
  const { rules = [] } = loaded.plan ?? {}
  assert.equal(rules.length, 93)
  assert.deepEqual(
    rules.map(rule => rule.index),
    rules.map((_, i) => i),
  )
  assert.equal(new Set(rules.map(rule => rule.name)).size, 93)
  assert.ok(rules.every(rule => rule.source === 'syscall' && rule.eventCodes.size < 100))
})

test('the order of the files is the order of the rules', { skip }, () => {
  const forwards = load(...names).plan?.rules.map(rule => rule.name) ?? []
  const backwards = load(...names.toReversed()).plan?.rules.map(rule => rule.name) ?? []
  assert.notDeepEqual(forwards, backwards)
  assert.deepEqual(forwards.toSorted(), backwards.toSorted())
})

test('they load in less time than the agent has', { skip }, () => {
  load(...names)
  const startMs = cpuMs()
  load(...names)
  const tookMs = cpuMs() - startMs
  // A fiftieth of this on a machine that does nothing else.
  assert.ok(tookMs < 1000, `${Math.round(tookMs)} ms`)
})
