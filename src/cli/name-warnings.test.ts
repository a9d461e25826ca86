import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NameWarning } from '../domains/refresh.ts'
import { NameWarnings } from './name-warnings.ts'

const unresolved = (name: string, cause: string): NameWarning => ({
  kind: 'unresolved',
  name,
  outcome: 'other',
  cause,
  message: `${name} does not resolve: ${cause}`,
})

test('names that do not resolve are one line for each cause', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const said: string[] = []
  const warnings = new NameWarnings(text => said.push(text))
  for (let i = 1; i <= 7; i++) warnings.add(unresolved(`n${i}.example`, 'no answer in time'))
  warnings.add(unresolved('gone.example', 'the name does not exist'))
  assert.deepEqual(said, [])
  t.mock.timers.tick(1000)
  assert.deepEqual(said, [
    '7 names do not resolve: no answer in time (n1.example, n2.example, n3.example, n4.example, n5.example and 2 more)',
    'gone.example does not resolve: the name does not exist',
  ])
  t.mock.timers.tick(10_000)
  assert.equal(said.length, 2)
})

test('what is gathered is said at the end, and what is no name at once', () => {
  const said: string[] = []
  const warnings = new NameWarnings(text => said.push(text))
  warnings.add({ kind: 'too-many-names', count: 3, message: 'too many' })
  assert.deepEqual(said, ['too many'])
  warnings.add(unresolved('a.example', 'no answer in time'))
  warnings.flush()
  warnings.flush()
  assert.deepEqual(said.slice(1), ['a.example does not resolve: no answer in time'])
})
