import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PollPace } from './poll-pace.ts'

const MIB = 1024 * 1024

const cases: readonly {
  readonly name: string
  readonly ringMib: number
  readonly pieces: readonly number[]
  readonly want: readonly (number | undefined)[]
}[] = [
  { name: 'a quiet machine', ringMib: 16, pieces: [0, 0, 0, 0, 0, 0], want: [2, 4, 8, 16, undefined, undefined] },
  { name: 'few events: ever longer', ringMib: 16, pieces: [1, 1, 1, 1, 1, 1], want: [2, 4, 8, 16, 20, 20] },
  { name: 'some: as long as the ring has room for', ringMib: 16, pieces: [100, 100, 100, 100], want: [2, 4, 8, 8] },
  { name: 'a small ring', ringMib: 1, pieces: [100, 100], want: [1, 1] },
  { name: 'many: hardly at all', ringMib: 16, pieces: [1, 1, 1, 5000, 5000], want: [2, 4, 8, 1, 1] },
  { name: 'one event ends the quiet', ringMib: 16, pieces: [0, 0, 0, 0, 1, 0], want: [2, 4, 8, 16, 20, 20] },
]

for (const { name, ringMib, pieces, want } of cases)
  test(`pace: ${name}`, () => {
    const pace = new PollPace(ringMib * MIB)
    assert.deepEqual(
      pieces.map(events => pace.sleepMs(events)),
      want,
    )
  })
