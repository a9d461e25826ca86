import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HostLookup } from '../state/repair.ts'
import { budgetLookups } from './lookup-budget.ts'

/** Questions of a millisecond each, asked every 10 µs for so long; gives how many were answered. */
function host(isStarting: () => boolean): (kind: 'process' | 'fd', ms: number) => number {
  let nowMs = 0
  let asked = 0
  const question = (): undefined => {
    asked++
    nowMs += 1
  }
  const lookup: HostLookup = budgetLookups({ process: question, fd: question }, { isStarting, nowMs: () => nowMs })
  return (kind, ms) => {
    const before = asked
    for (const endMs = nowMs + ms; nowMs < endMs; nowMs += 0.01) lookup[kind](1, 1)
    return asked - before
  }
}

test('questions take a share of the time, are put off beyond, and are asked again later', () => {
  const askFor = host(() => false)
  assert.ok(askFor('process', 100) > 90, 'a burst is answered')
  askFor('process', 2_000)
  const steady = askFor('process', 10_000)
  assert.ok(steady > 1_500 && steady < 2_100, `${steady} ms of 10,000`)
})

test('while the world is told every thread is looked up, and descriptors take their share', () => {
  let isStarting = true
  const askFor = host(() => isStarting)
  assert.ok(askFor('process', 2_000) > 1_900)
  askFor('fd', 2_000)
  const fds = askFor('fd', 10_000)
  assert.ok(fds > 1_500 && fds < 2_100, `${fds} ms of 10,000`)
  isStarting = false
  const threads = askFor('process', 10_000)
  assert.ok(threads > 1_500 && threads < 2_300, `${threads} ms of 10,000`)
})
