import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missingCapabilities, PROBE_CAPABILITIES, WORLD_CAPABILITIES } from './capabilities.ts'

const cases: readonly {
  readonly name: string
  readonly status: string
  readonly probe: readonly string[]
  readonly world: readonly string[]
}[] = [
  { name: 'root has all', status: 'CapEff:\t000001ffffffffff\n', probe: [], world: [] },
  {
    name: 'CAP_SYS_ADMIN is enough for the probe',
    status: 'CapEff:\t0000000000200000\n',
    probe: [],
    world: ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'],
  },
  { name: 'the four of the service', status: 'CapEff:\t000000c000080004\n', probe: [], world: [] },
  {
    name: 'one of each',
    status: 'CapEff:\t0000008000000004\n',
    probe: ['CAP_PERFMON'],
    world: ['CAP_SYS_PTRACE'],
  },
  {
    name: 'none',
    status: 'CapEff:\t0000000000000000\n',
    probe: ['CAP_BPF', 'CAP_PERFMON'],
    world: ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'],
  },
  { name: 'a status that does not say', status: '', probe: [], world: [] },
]

for (const c of cases) {
  test(`missingCapabilities: ${c.name}`, () => {
    assert.deepEqual(missingCapabilities(PROBE_CAPABILITIES, c.status), c.probe)
    assert.deepEqual(missingCapabilities(WORLD_CAPABILITIES, c.status), c.world)
  })
}
