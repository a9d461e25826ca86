import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HealthTrail, healthLimits, judgeHealth } from './health.ts'

const fine: HealthTrail = { reportedMs: 99_000, takenMs: 99_000, seenMs: 99_000, pendingBytes: 0 }

const cases: readonly {
  readonly name: string
  readonly trail?: Partial<HealthTrail>
  readonly isDetecting?: boolean
  readonly want: RegExp
}[] = [
  { name: 'all is well', want: /^ok$/ },
  { name: 'a worker that is silent', trail: { reportedMs: 94_000 }, want: /not been heard of for 6 s/ },
  { name: 'silence is no fault while it starts', trail: { reportedMs: 94_000 }, isDetecting: false, want: /^ok$/ },
  { name: 'but not for ever', trail: { reportedMs: 60_000 }, isDetecting: false, want: /not been heard/ },
  {
    name: 'events wait and none is taken',
    trail: { takenMs: 92_000, pendingBytes: 512 },
    want: /no event has been taken for 7 s though 512 bytes/,
  },
  { name: 'the probe counts nothing any more', trail: { seenMs: 88_000 }, want: /seen nothing for 11 s/ },
  {
    name: 'a report that is late says nothing of the probe',
    trail: { reportedMs: 96_000, seenMs: 86_000 },
    want: /^ok$/,
  },
  { name: 'no figures yet', trail: { takenMs: 0, seenMs: 0 }, want: /^ok$/ },
]

for (const { name, trail, isDetecting, want } of cases) {
  test(`judgeHealth: ${name}`, () =>
    assert.match(judgeHealth({ ...fine, ...trail }, 100_000, isDetecting ?? true, healthLimits), want))
}
