import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CodeInfo } from './codes.ts'
import { diagnosticCodes } from './codes.ts'

const rows: readonly (readonly [string, CodeInfo])[] = Object.entries(diagnosticCodes)

test('codes: E or W and four digits, each once', () => {
  const codes = rows.map(([code]) => code)
  for (const code of codes) assert.match(code, /^[EW]\d{4}$/)
  assert.equal(new Set(codes).size, codes.length)
})

test('codes: errors map to errors of Falco, warnings to warnings', () => {
  for (const [code, info] of rows) {
    assert.match(info.falcoCode, /^LOAD_[A-Z_]+$/)
    assert.equal(info.falcoCode.startsWith('LOAD_ERR_'), code.startsWith('E'), code)
  }
})

test('codes: each is explained', () => {
  for (const [code, info] of rows) {
    assert.ok(info.title.length > 5 && !info.title.endsWith('.'), code)
    assert.ok(info.doc.length > 20 && info.doc.endsWith('.'), code)
  }
})
