import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIp } from '../values/ip.ts'
import type { BindingFact, When } from './binding.ts'
import { explainAddress } from './explain-address.ts'
import { NameIndex } from './name-index.ts'

const IP = parseIp('192.0.2.1')!
const T0 = 1_777_888_800_000

function at(ms: number, pid = 11, containerId = 'aaaaaaaaaaaa'): When {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(T0 + ms) * 1_000_000n, true)
  return { rec: { view, start: 0 }, thread: { pid, containerId } }
}

const observed = (pid: number, containerId: string, from: number, until: number): BindingFact => ({
  name: 'shop.example',
  ip: IP,
  evidence: 'observed',
  owner: { pid, containerId },
  fromMs: T0 + from,
  untilMs: T0 + until,
})

const cases: readonly {
  readonly name: string
  readonly facts: readonly BindingFact[]
  readonly when: When
  readonly want: object
}[] = [
  {
    name: 'this process looked it up',
    facts: [observed(11, 'aaaaaaaaaaaa', 0, 1000)],
    when: at(500),
    want: { kind: 'named', level: 'process' },
  },
  {
    name: 'its container did',
    facts: [observed(12, 'aaaaaaaaaaaa', 0, 1000)],
    when: at(500),
    want: { kind: 'named', level: 'container' },
  },
  { name: 'the host did', facts: [observed(12, '', 0, 1000)], when: at(500), want: { kind: 'named', level: 'host' } },
  {
    name: 'the agent did',
    facts: [{ name: 'shop.example', ip: IP, evidence: 'resolved' }],
    when: at(500),
    want: { kind: 'named', level: 'agent' },
  },
  {
    name: 'the client says so',
    facts: [{ ...observed(11, 'aaaaaaaaaaaa', 0, 1000), evidence: 'claimed' }],
    when: at(500),
    want: { kind: 'named', level: 'claimed' },
  },
  {
    name: 'a server that is not trusted says so',
    facts: [{ ...observed(11, 'aaaaaaaaaaaa', 0, 1000), untrusted: true }],
    when: at(500),
    want: { kind: 'named', level: 'untrusted' },
  },
  { name: 'nothing was ever known', facts: [], when: at(500), want: { kind: 'unnamed', reason: { kind: 'never' } } },
  {
    name: 'its name ended',
    facts: [observed(11, 'aaaaaaaaaaaa', 0, 100), observed(12, 'aaaaaaaaaaaa', 0, 300)],
    when: at(500),
    want: { kind: 'unnamed', reason: { kind: 'ended', name: 'shop.example', agoMs: 200 } },
  },
  {
    name: 'its name came too late',
    facts: [observed(11, 'aaaaaaaaaaaa', 700, 900)],
    when: at(500),
    want: { kind: 'unnamed', reason: { kind: 'later', name: 'shop.example', afterMs: 200 } },
  },
  {
    name: 'only another container knows a name',
    facts: [observed(12, 'bbbbbbbbbbbb', 0, 1000)],
    when: at(500),
    want: {
      kind: 'unnamed',
      reason: { kind: 'foreign', name: 'shop.example', by: { containerId: 'bbbbbbbbbbbb', pid: 12 } },
    },
  },
]

for (const { name, facts, when, want } of cases) {
  test(`explainAddress: ${name}`, () => {
    const index = new NameIndex()
    for (const fact of facts) assert.ok(index.learn(fact, fact.fromMs ?? 0))
    const explanation = explainAddress(index, IP, when)
    assert.deepEqual(explanation.kind === 'named' ? { kind: 'named', level: explanation.level } : explanation, want)
  })
}
