import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { diagnosticCodes } from '../diagnostics/codes.ts'
import { renderDiagnostic } from '../diagnostics/render.ts'
import { eventLookup } from '../events/event-lookup.ts'
import { fieldLookup } from '../fields/catalogue.ts'
import { compileRules } from './compile-rules.ts'

/*
 * What people read: each testdata/errors/*.yaml and, in the .out beside it, all that is said of it. A run with UPDATE=1 rewrites the
 * .out files.
 */

const folder = fileURLToPath(new URL('testdata/errors/', import.meta.url))
const names = readdirSync(folder)
  .filter(name => name.endsWith('.yaml'))
  .sort()
const seen = new Set<string>()

for (const name of names) {
  test(name, () => {
    const text = readFileSync(folder + name, 'utf8')
    const { results } = compileRules([{ path: name, text }], { fields: fieldLookup, events: eventLookup })
    const { newFindings } = results[0]!
    for (const { diagnostic } of newFindings) seen.add(diagnostic.code)
    const got = newFindings.map(({ diagnostic }) => `${renderDiagnostic(diagnostic)}\n`).join('\n')
    const path = folder + name.replace(/yaml$/, 'out')
    if (process.env['UPDATE'] === '1') writeFileSync(path, got)
    assert.ok(existsSync(path), `${path} is missing: run with UPDATE=1`)
    assert.equal(got, readFileSync(path, 'utf8'))
    assert.notEqual(got, '')
  })
}

/** Codes that no small file shows, with where they are tested. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ['E0201', 'a file that cannot be read: load-result.test.ts'],
  ['E0221', 'expansion beyond all use: hostile-rules.test.ts'],
  ['E0222', 'aliases beyond all use: hostile-rules.test.ts'],
])

test('every code of rule files has a golden file', () => {
  const codes = Object.keys(diagnosticCodes).filter(code => /^[EW]02/.test(code))
  assert.deepEqual(
    codes.filter(code => !seen.has(code)),
    [...elsewhere.keys()],
  )
})
