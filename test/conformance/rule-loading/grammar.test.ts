import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { noSettings } from './load-case.ts'

interface Row {
  readonly parses: boolean
  readonly condition: string
  /** Blanks matter in it: it is tried as it is only. */
  readonly asIs?: boolean
}

const rows = readFileSync(new URL('grammar.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map(line => JSON.parse(line) as Row)

/** The macros that the rows name. */
const MACROS = ['a', 'b', 'c', 'notb', 'notz', 'not_macro', 'and_macro', 'or_macro', 'macro', 'some_macro']
  .map(name => `- macro: ${name}\n  condition: evt.type = open\n`)
  .join('')

/** Whether `condition` loads as a macro, whose fields need not exist. */
function loadsAsMacro(condition: string): boolean {
  const text = `${MACROS}- macro: tested\n  condition: ${JSON.stringify(condition)}\n`
  return loadRules([{ path: 'rules.yaml', text }], noSettings).rules.results.every(result => result.ok)
}

test('conditions that parse, with blanks of every kind', () => {
  const refused: string[] = []
  let count = 0
  for (const { parses, condition, asIs } of rows) {
    if (!parses) continue
    const padded = ` ${condition} `
    const variants =
      asIs === true ? [condition] : [condition, padded, padded.replaceAll(' ', '\n'), padded.replaceAll(' ', '\t')]
    for (const variant of variants) {
      count++
      if (!loadsAsMacro(variant)) refused.push(variant)
    }
  }
  assert.deepEqual(refused, [])
  assert.ok(count > 900, String(count))
})

test('conditions that do not parse', () => {
  const refused = rows.filter(row => !row.parses)
  assert.ok(refused.length > 150)
  assert.deepEqual(
    refused.filter(row => loadsAsMacro(row.condition)).map(row => row.condition),
    [],
  )
})
