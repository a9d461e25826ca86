import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventDropsConfig } from './config.ts'
import { DropMonitor, type DropVerdict } from './drop-monitor.ts'

const config: EventDropsConfig = {
  threshold: 0.1,
  actions: ['log', 'alert'],
  rate: 0.03333,
  maxBurst: 1,
  simulate: false,
}

interface Step {
  readonly atSec: number
  readonly events: number
  readonly lost: number
  readonly want: DropVerdict['kind']
}

const cases: readonly {
  readonly name: string
  readonly config?: Partial<EventDropsConfig>
  readonly steps: readonly Step[]
}[] = [
  { name: 'nothing lost is nothing', steps: [{ atSec: 1, events: 100, lost: 0, want: 'none' }] },
  { name: 'losses up to the threshold are nothing', steps: [{ atSec: 1, events: 90, lost: 10, want: 'none' }] },
  { name: 'losses above the threshold are acted on', steps: [{ atSec: 1, events: 89, lost: 11, want: 'act' }] },
  { name: 'everything lost is above any threshold below 1', steps: [{ atSec: 1, events: 0, lost: 5, want: 'act' }] },
  {
    name: 'only the losses since the last look count',
    steps: [
      { atSec: 1, events: 10, lost: 90, want: 'act' },
      { atSec: 40, events: 1010, lost: 90, want: 'none' },
    ],
  },
  {
    name: 'one action in 30 seconds',
    steps: [
      { atSec: 1, events: 1, lost: 1, want: 'act' },
      { atSec: 2, events: 2, lost: 2, want: 'muted' },
      { atSec: 29, events: 3, lost: 3, want: 'muted' },
      { atSec: 32, events: 4, lost: 4, want: 'act' },
    ],
  },
  {
    name: 'as many at once as the burst allows',
    config: { maxBurst: 2 },
    steps: [
      { atSec: 1, events: 1, lost: 1, want: 'act' },
      { atSec: 2, events: 2, lost: 2, want: 'act' },
      { atSec: 3, events: 3, lost: 3, want: 'muted' },
    ],
  },
  {
    name: 'threshold 0: any loss',
    config: { threshold: 0 },
    steps: [{ atSec: 1, events: 9999, lost: 1, want: 'act' }],
  },
  { name: 'simulated losses', config: { simulate: true }, steps: [{ atSec: 1, events: 100, lost: 0, want: 'act' }] },
]

for (const { name, config: own, steps } of cases) {
  test(`DropMonitor: ${name}`, () => {
    const monitor = new DropMonitor({ ...config, ...own }, 0)
    for (const { atSec, events, lost, want } of steps) {
      assert.equal(monitor.check({ events, lost, lostByCause: new Map() }, atSec * 1000, 0n).kind, want)
    }
  })
}

test('the alert has Falco’s keys, numbers as text, and is critical', () => {
  const monitor = new DropMonitor(config, 0)
  const lostByCause = new Map([
    ['ring_full', 20],
    ['page_fault', 5],
  ])
  const verdict = monitor.check({ events: 75, lost: 25, lostByCause }, 1000, 7n)
  assert.equal(verdict.kind, 'act')
  assert.deepEqual(verdict.kind === 'act' && verdict.alert, {
    rule: 'Falco internal: syscall event drop',
    priority: 2,
    tsNs: 7n,
    text: 'Falco internal: syscall event drop. 25 system calls dropped in last second.',
    fields: [
      ['ebpf_enabled', '1'],
      ['n_drops', '25'],
      ['n_evts', '100'],
      ['n_drops_buffer_total', '20'],
      ['n_drops_page_faults', '5'],
    ],
  })
})

test('actions: ignore does nothing, exit ends the run', () => {
  const loss = { events: 1, lost: 1, lostByCause: new Map() }
  const ignored = new DropMonitor({ ...config, actions: ['ignore'] }, 0).check(loss, 1, 0n)
  assert.deepEqual(ignored, { kind: 'act', lost: 1, isLogged: false, alert: undefined, exits: false })
  const exits = new DropMonitor({ ...config, actions: ['exit'] }, 0).check(loss, 1, 0n)
  assert.equal(exits.kind === 'act' && exits.exits, true)
})
