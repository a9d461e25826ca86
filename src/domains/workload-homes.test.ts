import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Inhabitant, WorkloadHomes } from './workload-homes.ts'

const C = 'aaaaaaaaaaaa'
const at = (netns: number, mntns: number, containerId = C): Inhabitant => ({ containerId, netns, mntns })

/** Starts a program, or comes to live there; `vpid` is its number in its pid namespace. */
interface Step {
  readonly tid: number
  readonly vpid?: number
  readonly starts?: true
  readonly where: Inhabitant
}

const cases: readonly {
  readonly name: string
  readonly steps: readonly Step[]
  readonly want: readonly [number, number]
}[] = [
  {
    name: 'the first program in files of its own',
    steps: [
      { tid: 1, starts: true, where: at(0, 0) },
      { tid: 1, starts: true, where: at(0, 9) },
      { tid: 1, vpid: 1, starts: true, where: at(5, 6) },
      { tid: 2, vpid: 1, starts: true, where: at(7, 8) },
      { tid: 3, vpid: 3, starts: true, where: at(7, 8) },
    ],
    want: [5, 6],
  },
  {
    name: 'a runtime that makes one namespace after the other',
    steps: [
      { tid: 1, vpid: 1, where: at(0, 6) },
      { tid: 1, vpid: 1, where: at(5, 6) },
      { tid: 1, vpid: 1, starts: true, where: at(5, 6) },
      { tid: 1, vpid: 1, where: at(7, 8) },
    ],
    want: [5, 6],
  },
  {
    name: 'a container that was there before: its first process, whatever others start',
    steps: [
      { tid: 3, vpid: 9, where: at(7, 8) },
      { tid: 1, vpid: 1, where: at(5, 6) },
      { tid: 4, vpid: 1, where: at(9, 9) },
      { tid: 3, vpid: 9, starts: true, where: at(7, 8) },
      { tid: 1, vpid: 1, where: at(7, 8) },
    ],
    want: [5, 6],
  },
  { name: 'one that nothing was told of: whoever asks first', steps: [], want: [1, 2] },
]

for (const c of cases) {
  test(`workload homes: ${c.name}`, () => {
    const homes = new WorkloadHomes()
    for (const { tid, vpid = tid + 100, starts, where } of c.steps) {
      if (starts) homes.onProgram(where, tid, vpid)
      else homes.onNamespaces(where, tid, vpid)
    }
    const { netns, mntns } = homes.of(at(1, 2))
    assert.deepEqual([netns, mntns], c.want)
    assert.deepEqual([homes.of(at(9, 9)).netns, homes.of(at(9, 9)).mntns], c.want)
  })
}

test('workload homes: the host lives where process 1 does, and containers beyond the bound are forgotten', () => {
  const homes = new WorkloadHomes()
  assert.equal(homes.of(at(5, 6, '')).netns, 0)
  for (let i = 0; i <= 4096; i++) homes.onProgram(at(i + 1, 6, `c${i}`), 1, 1)
  assert.equal(homes.of(at(99, 99, 'c4096')).netns, 4097)
  assert.equal(homes.of(at(99, 99, 'c0')).netns, 99)
})
