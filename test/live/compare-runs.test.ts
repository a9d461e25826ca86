import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareRuns } from './compare-runs.ts'
import type { RunThread } from './recorded-run.ts'

/** A thread with these events, `name text` each. */
function runOf(...events: readonly string[]): RunThread {
  return {
    ...{ tid: 7, ownId: 1, parent: undefined, isThread: false, program: 'p', ended: true },
    ...{ programs: ['/bin/p'], children: [] },
    events: events.map((event, num) => {
      const [name = '', text = ''] = event.split(' ')
      return { name, num, program: 'p', args: { res: '0', text } }
    }),
  }
}

/** Beyond what may be chance. */
const MANY = 60
const many = (event: string): string[] => Array.from({ length: MANY }, (_, i) => `${event} ${i}`)
const stats = many('newfstatat')
const made = many('mkdir')

const cases: readonly {
  readonly name: string
  readonly want: readonly string[]
  readonly got: readonly string[]
  readonly isSame: boolean
}[] = [
  { name: 'the same', want: ['openat a', ...made], got: ['openat a', ...made], isSame: true },
  { name: 'another order', want: made, got: made.toReversed(), isSame: false },
  {
    name: 'entries of a directory in another order are the same',
    want: ['getdents64 d', ...stats, 'mkdir d'],
    got: ['getdents64 d', ...stats.toReversed(), 'mkdir d'],
    isSame: true,
  },
  {
    name: 'without a directory that is read they are not',
    want: stats,
    got: stats.toReversed(),
    isSame: false,
  },
  {
    name: 'what else is done there has its order',
    want: ['getdents64 d', ...made],
    got: ['getdents64 d', ...made.toReversed()],
    isSame: false,
  },
  {
    name: 'an entry that one side tells as another',
    want: ['getdents64 d', ...stats, 'newfstatat a'],
    got: ['getdents64 d', ...stats.toReversed(), 'newfstatat b'],
    isSame: false,
  },
  {
    name: 'entries that one side does not tell',
    want: ['getdents64 d', ...stats],
    got: ['getdents64 d', 'newfstatat 0'],
    isSame: false,
  },
]

for (const c of cases) {
  test(`recordings side by side: ${c.name}`, () => {
    const found = compareRuns(runOf(...c.want), runOf(...c.got), {
      normalise: event => event.args as Readonly<Record<string, string>>,
      isOrdered: () => true,
    })
    assert.equal(found.length === 0, c.isSame, JSON.stringify(found.slice(0, 5)))
  })
}
