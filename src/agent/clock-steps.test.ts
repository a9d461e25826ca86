import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClockSteps } from './clock-steps.ts'

test('clock steps: each is told once, and a clock that is slewed makes none', () => {
  let [day, steady] = [1_777_888_800_000, 5000]
  const clock = new ClockSteps(
    () => day,
    () => steady,
  )
  const pass = (dayMs: number, steadyMs: number): number => {
    day += dayMs
    steady += steadyMs
    return clock.take()
  }
  assert.equal(pass(1000, 1000), 0)
  assert.equal(pass(3_601_000, 1000), 3_600_000)
  assert.equal(pass(1000, 1000), 0)
  assert.equal(pass(-86_399_000, 1000), -86_400_000)
  for (let i = 0; i < 5000; i++) assert.equal(pass(1000.5, 1000), 0)
})
