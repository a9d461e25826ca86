import assert from 'node:assert/strict'
import { test } from 'node:test'
import { budgetLookups } from './lookup-budget.ts'

test('questions take a share of the time, are put off beyond, and are asked again later', () => {
  let nowMs = 0
  let asked = 0
  const { process } = budgetLookups(
    {
      process: () => {
        asked++
        nowMs += 1
        return undefined
      },
      fd: () => undefined,
    },
    () => nowMs,
  )
  const askFor = (ms: number): number => {
    const before = asked
    for (const endMs = nowMs + ms; nowMs < endMs; nowMs += 0.01) process(1)
    return asked - before
  }
  assert.ok(askFor(100) > 90, 'a burst is answered')
  askFor(2_000)
  const steady = askFor(10_000)
  assert.ok(steady > 1_500 && steady < 2_100, `${steady} ms of 10,000`)
})
