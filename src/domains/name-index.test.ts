import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { parseIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import type { BindingFact, Evidence, NameMoment } from './binding.ts'
import type { NameFinding } from './binding-store.ts'
import { NameIndex, type NameIndexOptions } from './name-index.ts'
import type { NameUpdate } from './name-update.ts'

const FLOOR_SEC = 60
const GRACE_SEC = 900

/** Times are seconds since some start. A moment of an event: who asks. */
interface Asker {
  readonly pid?: number
  readonly container?: string
  /** Who made it, and the second of that. */
  readonly parent?: number
  readonly since?: number
}

/** Golden cases are pure data: what came to be known and when, and what checks must say. */
type Step =
  | {
      readonly at: number
      readonly answer: string
      readonly ips: readonly string[]
      readonly ttl?: number
      readonly chain?: readonly string[]
      readonly failedFamily?: 4 | 6
    }
  | { readonly at: number; readonly outcome: 'nxdomain' | 'nodata' | 'failed' | 'dropped'; readonly of: string }
  | {
      readonly at: number
      readonly fact: Omit<BindingFact, 'ip' | 'fromMs' | 'untilMs'> & {
        readonly ip: string
        readonly from?: number
        readonly to?: number
      }
    }
  | { readonly at: number; readonly pin: string }
  | { readonly at: number; readonly unpin: string }
  | { readonly at: number; readonly sweep: true }
  | {
      readonly at: number
      readonly is: string
      readonly in: readonly string[]
      readonly want: boolean
      readonly by?: Asker
    }
  | { readonly at: number; readonly namesOf: string; readonly want: readonly string[]; readonly by?: Asker }

function ip(text: string): Ip {
  const parsed = parseIp(text)
  assert.ok(parsed !== undefined, text)
  return parsed
}

/** An event at that second, of that process; its record is a scap header as far as its time goes. */
function momentAt(sec: number, by: Asker = {}): NameMoment {
  const view = new DataView(new ArrayBuffer(16))
  view.setBigUint64(8, BigInt(sec) * 1_000_000_000n, true)
  const { pid = 1, container = '', parent = 0, since = 0 } = by
  const main = { cloneTsNs: BigInt(since) * 1_000_000_000n }
  return { rec: { view, start: 8 }, thread: { pid, containerId: container, ptid: parent, main } }
}

function play(index: NameIndex, steps: readonly Step[]): void {
  for (const step of steps) {
    const atMs = step.at * 1000
    if ('answer' in step) {
      index.apply({
        kind: 'addresses',
        name: step.answer,
        atMs,
        resolver: 'test',
        addresses: step.ips.map(text => ({ ip: ip(text), ttlSec: step.ttl ?? 30 })),
        chain: step.chain ?? [],
        cut: 0,
        ...(step.failedFamily !== undefined && { failedFamily: step.failedFamily }),
      })
    } else if ('outcome' in step) {
      index.apply(
        step.outcome === 'failed'
          ? { kind: 'failed', name: step.of, atMs, reason: 'timeout' }
          : { kind: step.outcome, name: step.of, atMs },
      )
    } else if ('fact' in step) {
      const { ip: text, from, to, ...rest } = step.fact
      const fact = {
        ...rest,
        ip: ip(text),
        ...(from !== undefined && { fromMs: from * 1000 }),
        ...(to !== undefined && { untilMs: to * 1000 }),
      }
      assert.equal(index.learn(fact, atMs, { keep: true }), true)
    } else if ('pin' in step) {
      index.pin(ip(step.pin), atMs)
    } else if ('unpin' in step) {
      index.unpin(ip(step.unpin))
    } else if ('sweep' in step) {
      index.sweep(atMs)
    } else if ('is' in step) {
      const got = index.watch(step.in).matches(ip(step.is), momentAt(step.at, step.by))
      assert.equal(got, step.want, `at ${step.at}: ${step.is} in (${step.in.join(', ')}) is ${got}`)
    } else {
      assert.deepEqual(index.namesOf(ip(step.namesOf), momentAt(step.at, step.by)), step.want, `at ${step.at}`)
    }
  }
}

const SHOP = 'shop.example.com'
const POOL = 'pool.example.net'
const A1 = '192.0.2.1'
const A2 = '192.0.2.2'

const golden: readonly { readonly name: string; readonly steps: readonly Step[] }[] = [
  {
    name: 'a name that was never resolved matches nothing',
    steps: [
      { at: 0, is: A1, in: [SHOP], want: false },
      { at: 0, namesOf: A1, want: [] },
    ],
  },
  {
    name: 'an event older than the first answer is judged by it, for nothing better is known',
    steps: [
      { at: 100, answer: SHOP, ips: [A1] },
      { at: 5, is: A1, in: [SHOP], want: true },
    ],
  },
  {
    name: 'shared address: both names match, the first resolved first',
    steps: [
      { at: 0, answer: SHOP, ips: [A1] },
      { at: 1, answer: POOL, ips: [A1] },
      { at: 2, is: A1, in: [SHOP], want: true },
      { at: 2, is: A1, in: [POOL], want: true },
      { at: 2, is: A1, in: ['other.example'], want: false },
      { at: 2, namesOf: A1, want: [POOL, SHOP] },
    ],
  },
  {
    name: 'shared address: both names match, the second resolved first',
    steps: [
      { at: 0, answer: POOL, ips: [A1] },
      { at: 1, answer: SHOP, ips: [A1] },
      { at: 2, is: A1, in: [SHOP], want: true },
      { at: 2, is: A1, in: [POOL], want: true },
      { at: 2, namesOf: A1, want: [POOL, SHOP] },
    ],
  },
  {
    name: 'shared address: one name leaves, the other keeps it',
    steps: [
      { at: 0, answer: SHOP, ips: [A1] },
      { at: 0, answer: POOL, ips: [A1] },
      { at: 10, answer: POOL, ips: [A2] },
      { at: 10 + FLOOR_SEC + GRACE_SEC + 1, is: A1, in: [POOL], want: false },
      { at: 10 + FLOOR_SEC + GRACE_SEC + 1, is: A1, in: [SHOP], want: true },
    ],
  },
  {
    name: 'rotation: an address that left stays for its TTL and the grace, not a moment longer',
    steps: [
      { at: 0, answer: SHOP, ips: [A1], ttl: 300 },
      { at: 100, answer: SHOP, ips: [A2], ttl: 300 },
      { at: 100, is: A2, in: [SHOP], want: true },
      { at: 100 + 300, is: A1, in: [SHOP], want: true },
      { at: 100 + 300 + GRACE_SEC - 1, is: A1, in: [SHOP], want: true },
      { at: 100 + 300 + GRACE_SEC + 1, is: A1, in: [SHOP], want: false },
    ],
  },
  {
    name: 'rotation: a TTL below the floor counts as the floor',
    steps: [
      { at: 0, answer: SHOP, ips: [A1], ttl: 5 },
      { at: 5, answer: SHOP, ips: [A2], ttl: 5 },
      { at: 5 + FLOOR_SEC + GRACE_SEC - 1, is: A1, in: [SHOP], want: true },
      { at: 5 + FLOOR_SEC + GRACE_SEC + 1, is: A1, in: [SHOP], want: false },
    ],
  },
  {
    name: 'rotation: being absent again does not put the end off',
    steps: [
      { at: 0, answer: SHOP, ips: [A1] },
      { at: 10, answer: SHOP, ips: [A2] },
      { at: 900, answer: SHOP, ips: [A2] },
      { at: 10 + FLOOR_SEC + GRACE_SEC + 1, is: A1, in: [SHOP], want: false },
    ],
  },
  {
    name: 'rotation: an address that comes back stays',
    steps: [
      { at: 0, answer: SHOP, ips: [A1] },
      { at: 10, answer: SHOP, ips: [A2] },
      { at: 20, answer: SHOP, ips: [A1] },
      { at: 20_000, sweep: true },
      { at: 20_000, is: A1, in: [SHOP], want: true },
      { at: 20_000, is: A2, in: [SHOP], want: false },
    ],
  },
  {
    name: 'a failed refresh keeps the last good set, however long it lasts',
    steps: [
      { at: 0, answer: SHOP, ips: [A1, A2] },
      { at: 10, outcome: 'failed', of: SHOP },
      { at: 30, outcome: 'failed', of: SHOP },
      { at: 86_400, sweep: true },
      { at: 86_400, is: A1, in: [SHOP], want: true },
      { at: 86_400, is: A2, in: [SHOP], want: true },
    ],
  },
  {
    name: 'a failed refresh of one family keeps that family only',
    steps: [
      { at: 0, answer: SHOP, ips: [A1, '2001:db8::1'] },
      { at: 10, answer: SHOP, ips: [A2], failedFamily: 6 },
      { at: 5000, is: '2001:db8::1', in: [SHOP], want: true },
      { at: 5000, is: A1, in: [SHOP], want: false },
    ],
  },
  {
    name: 'NXDOMAIN after success ends the name after the grace',
    steps: [
      { at: 0, answer: SHOP, ips: [A1], ttl: 86_400 },
      { at: 10, outcome: 'nxdomain', of: SHOP },
      { at: 10 + GRACE_SEC - 1, is: A1, in: [SHOP], want: true },
      { at: 10 + GRACE_SEC + 1, is: A1, in: [SHOP], want: false },
    ],
  },
  {
    name: 'NXDOMAIN again does not put the end off, and an outage does not call it off',
    steps: [
      { at: 0, answer: SHOP, ips: [A1] },
      { at: 10, outcome: 'nxdomain', of: SHOP },
      { at: 500, outcome: 'nxdomain', of: SHOP },
      { at: 600, outcome: 'failed', of: SHOP },
      { at: 10 + GRACE_SEC + 1, is: A1, in: [SHOP], want: false },
    ],
  },
  {
    name: 'a name that lost its addresses but exists ends as if each had left',
    steps: [
      { at: 0, answer: SHOP, ips: [A1], ttl: 300 },
      { at: 10, outcome: 'nodata', of: SHOP },
      { at: 10 + 300 + GRACE_SEC - 1, is: A1, in: [SHOP], want: true },
      { at: 10 + 300 + GRACE_SEC + 1, is: A1, in: [SHOP], want: false },
    ],
  },
  {
    name: 'a live connection keeps what the address was called',
    steps: [
      { at: 0, answer: SHOP, ips: [A1] },
      { at: 5, pin: A1 },
      { at: 6, pin: A1 },
      { at: 10, answer: SHOP, ips: [A2] },
      { at: 50_000, sweep: true },
      { at: 50_000, is: A1, in: [SHOP], want: true },
      { at: 50_001, unpin: A1 },
      { at: 50_001, is: A1, in: [SHOP], want: true },
      { at: 50_002, unpin: A1 },
      { at: 50_002, is: A1, in: [SHOP], want: false },
      { at: 60_100, sweep: true },
      { at: 60_100, namesOf: A1, want: [] },
    ],
  },
  {
    name: 'a connection to an address whose name had ended already does not bring the name back',
    steps: [
      { at: 0, fact: { name: SHOP, ip: A1, evidence: 'resolved', from: 0, to: 100 } },
      { at: 200, pin: A1 },
      { at: 201, is: A1, in: [SHOP], want: false },
    ],
  },
  {
    name: 'a chain of three names: a rule at each level matches',
    steps: [
      { at: 0, answer: 'www.shop.example', ips: [A1], chain: ['shop.cdn.example', 'edge7.cdn.example'] },
      { at: 1, is: A1, in: ['www.shop.example'], want: true },
      { at: 1, is: A1, in: ['shop.cdn.example'], want: true },
      { at: 1, is: A1, in: ['edge7.cdn.example'], want: true },
      { at: 1, is: A1, in: ['cdn.example'], want: false },
      { at: 1, namesOf: A1, want: ['www.shop.example', 'edge7.cdn.example', 'shop.cdn.example'] },
    ],
  },
  {
    name: 'a chain that is no longer told of ends, the name itself stays',
    steps: [
      { at: 0, answer: 'www.shop.example', ips: [A1], chain: ['edge7.cdn.example'] },
      { at: 10, answer: 'www.shop.example', ips: [A1], chain: ['edge8.cdn.example'] },
      { at: FLOOR_SEC + GRACE_SEC + 5, is: A1, in: ['edge7.cdn.example'], want: false },
      { at: FLOOR_SEC + GRACE_SEC + 5, is: A1, in: ['edge8.cdn.example'], want: true },
      { at: FLOOR_SEC + GRACE_SEC + 5000, is: A1, in: ['www.shop.example'], want: true },
    ],
  },
  {
    name: 'mixed case, a final dot and IDN are spellings of one name',
    steps: [
      { at: 0, answer: 'xn--bcher-kva.example', ips: [A1] },
      { at: 1, is: A1, in: ['Bücher.Example.'], want: true },
      { at: 1, is: A1, in: ['XN--BCHER-KVA.EXAMPLE'], want: true },
    ],
  },
  {
    name: 'a mapped peer is the IPv4 address, asked or answered',
    steps: [
      { at: 0, answer: SHOP, ips: [A1] },
      { at: 0, answer: POOL, ips: ['::ffff:192.0.2.2'] },
      { at: 1, is: '::ffff:192.0.2.1', in: [SHOP], want: true },
      { at: 1, is: A2, in: [POOL], want: true },
      { at: 1, namesOf: '::ffff:192.0.2.1', want: [SHOP] },
    ],
  },
  {
    name: 'AAAA only',
    steps: [
      { at: 0, answer: SHOP, ips: ['2001:db8::1'] },
      { at: 1, is: '2001:db8::1', in: [SHOP], want: true },
      { at: 1, is: '2001:db8::2', in: [SHOP], want: false },
    ],
  },
  {
    name: 'a star matches what is known of names below, however it came to be known',
    steps: [
      { at: 0, answer: 'a.b.example.com', ips: [A1] },
      { at: 0, answer: 'example.com', ips: [A2] },
      { at: 1, is: A1, in: ['*.example.com'], want: true },
      { at: 1, is: A1, in: ['*.b.example.com'], want: true },
      { at: 1, is: A2, in: ['*.example.com'], want: false },
      { at: 2, answer: 'c.example.com', ips: ['192.0.2.3'] },
      { at: 3, is: '192.0.2.3', in: ['*.example.com'], want: true },
      { at: 3, is: '192.0.2.3', in: ['*.com'], want: true },
    ],
  },
  {
    name: 'public names on loopback or link-local addresses are not believed',
    steps: [
      {
        at: 0,
        answer: SHOP,
        ips: ['127.0.0.1', '169.254.169.254', '0.0.0.0', '::1', 'fe80::1', '::ffff:127.0.0.1', A1],
      },
      { at: 1, is: '127.0.0.1', in: [SHOP], want: false },
      { at: 1, is: '169.254.169.254', in: [SHOP], want: false },
      { at: 1, is: '0.0.0.0', in: [SHOP], want: false },
      { at: 1, is: '::1', in: [SHOP], want: false },
      { at: 1, is: 'fe80::1', in: [SHOP], want: false },
      { at: 1, is: A1, in: [SHOP], want: true },
    ],
  },
  {
    name: 'private addresses, and names that are local by definition, are believed',
    steps: [
      { at: 0, answer: SHOP, ips: ['10.1.2.3', 'fd00::1'] },
      { at: 0, answer: 'metadata.google.internal', ips: ['169.254.169.254'] },
      { at: 1, is: '10.1.2.3', in: [SHOP], want: true },
      { at: 1, is: 'fd00::1', in: [SHOP], want: true },
      { at: 1, is: '169.254.169.254', in: ['metadata.google.internal'], want: true },
    ],
  },
  {
    name: 'an address spelled as a name is that address, localhost is loopback',
    steps: [
      { at: 0, is: A1, in: [A1], want: true },
      { at: 0, is: A2, in: [A1], want: false },
      { at: 0, is: '2001:db8::1', in: ['2001:DB8:0::1'], want: true },
      { at: 0, is: '127.0.0.1', in: ['localhost'], want: true },
      { at: 0, is: '::1', in: ['localhost.'], want: true },
      { at: 0, is: '127.0.0.1', in: [SHOP], want: false },
    ],
  },
  {
    name: 'facts with times hold in their interval, its end excluded, in whatever order events ask',
    steps: [
      { at: 0, fact: { name: SHOP, ip: A1, evidence: 'observed', from: 100, to: 200 } },
      { at: 0, fact: { name: SHOP, ip: A1, evidence: 'observed', from: 300, to: 400 } },
      { at: 350, is: A1, in: [SHOP], want: true },
      { at: 99, is: A1, in: [SHOP], want: false },
      { at: 100, is: A1, in: [SHOP], want: true },
      { at: 199, is: A1, in: [SHOP], want: true },
      { at: 200, is: A1, in: [SHOP], want: false },
      { at: 300, is: A1, in: [SHOP], want: true },
      { at: 1000, sweep: true },
      { at: 150, is: A1, in: [SHOP], want: true },
    ],
  },
  {
    name: 'facts that overlap are one',
    steps: [
      { at: 0, fact: { name: SHOP, ip: A1, evidence: 'observed', from: 100, to: 200 } },
      { at: 0, fact: { name: SHOP, ip: A1, evidence: 'observed', from: 150, to: 300 } },
      { at: 99, is: A1, in: [SHOP], want: false },
      { at: 250, is: A1, in: [SHOP], want: true },
      { at: 300, is: A1, in: [SHOP], want: false },
    ],
  },
  {
    name: 'a fact with a TTL and no end lasts for the TTL and the grace',
    steps: [
      { at: 0, fact: { name: SHOP, ip: A1, evidence: 'observed', from: 100, ttlSec: 120 } },
      { at: 100 + 120 + GRACE_SEC - 1, is: A1, in: [SHOP], want: true },
      { at: 100 + 120 + GRACE_SEC, is: A1, in: [SHOP], want: false },
    ],
  },
  {
    name: 'what this process looked up decides alone',
    steps: [
      { at: 0, answer: POOL, ips: [A1] },
      { at: 1, fact: { name: SHOP, ip: A1, evidence: 'observed', owner: { pid: 7 } } },
      { at: 2, is: A1, in: [POOL], want: false, by: { pid: 7 } },
      { at: 2, is: A1, in: [SHOP], want: true, by: { pid: 7 } },
      { at: 2, namesOf: A1, want: [SHOP], by: { pid: 7 } },
    ],
  },
  {
    name: 'two processes, two names, one address: each is judged by its own',
    steps: [
      { at: 0, fact: { name: SHOP, ip: A1, evidence: 'observed', owner: { pid: 7, containerId: 'c1' } } },
      { at: 0, fact: { name: POOL, ip: A1, evidence: 'observed', owner: { pid: 8, containerId: 'c1' } } },
      { at: 1, is: A1, in: [SHOP], want: true, by: { pid: 7, container: 'c1' } },
      { at: 1, is: A1, in: [POOL], want: false, by: { pid: 7, container: 'c1' } },
      { at: 1, is: A1, in: [SHOP], want: false, by: { pid: 8, container: 'c1' } },
      { at: 1, is: A1, in: [POOL], want: true, by: { pid: 8, container: 'c1' } },
      // Another process of the container looked neither up: both may be.
      { at: 1, is: A1, in: [SHOP], want: true, by: { pid: 9, container: 'c1' } },
      { at: 1, is: A1, in: [POOL], want: true, by: { pid: 9, container: 'c1' } },
    ],
  },
  {
    name: 'what the parent knew when it forked comes before what the container knows, but not for whom a runtime starts in one',
    steps: [
      { at: 1, fact: { name: SHOP, ip: A1, evidence: 'observed', owner: { pid: 7, containerId: 'c1' } } },
      { at: 1, fact: { name: POOL, ip: A1, evidence: 'observed', owner: { pid: 8, containerId: 'c1' } } },
      { at: 3, namesOf: A1, want: [SHOP], by: { pid: 9, container: 'c1', parent: 7, since: 2 } },
      // Made before, and of whom nobody knows when.
      { at: 3, namesOf: A1, want: [POOL, SHOP], by: { pid: 9, container: 'c1', parent: 7 } },
      { at: 3, fact: { name: SHOP, ip: A2, evidence: 'observed', owner: { pid: 5 } } },
      { at: 3, fact: { name: POOL, ip: A2, evidence: 'observed', owner: { pid: 8, containerId: 'c1' } } },
      { at: 5, namesOf: A2, want: [POOL], by: { pid: 9, container: 'c1', parent: 5, since: 4 } },
    ],
  },
  {
    name: 'a poisoned answer in another container means nothing here',
    steps: [
      { at: 0, answer: POOL, ips: [A1] },
      { at: 0, fact: { name: SHOP, ip: A1, evidence: 'observed', owner: { pid: 7, containerId: 'evil' } } },
      { at: 1, is: A1, in: [SHOP], want: false, by: { pid: 8, container: 'good' } },
      { at: 1, is: A1, in: [POOL], want: true, by: { pid: 8, container: 'good' } },
      { at: 1, is: A1, in: [POOL], want: true, by: { pid: 9 } },
      { at: 1, namesOf: A1, want: [POOL], by: { pid: 9 } },
      // The same pid in another container is another process.
      { at: 1, is: A1, in: [POOL], want: false, by: { pid: 8, container: 'evil' } },
    ],
  },
  {
    name: 'what only another container knows is nothing',
    steps: [
      { at: 0, fact: { name: SHOP, ip: A1, evidence: 'observed', owner: { containerId: 'other' } } },
      { at: 1, is: A1, in: [SHOP], want: false },
      { at: 1, is: A1, in: [SHOP], want: false, by: { container: 'mine' } },
      { at: 1, namesOf: A1, want: [] },
    ],
  },
  {
    name: 'container before host, host before the agent',
    steps: [
      { at: 0, answer: 'agent.example', ips: [A1] },
      { at: 0, fact: { name: 'host.example', ip: A1, evidence: 'observed', from: 10 } },
      {
        at: 0,
        fact: { name: 'container.example', ip: A1, evidence: 'observed', owner: { containerId: 'c1' }, from: 20 },
      },
      { at: 5, namesOf: A1, want: ['agent.example'], by: { container: 'c1' } },
      { at: 15, namesOf: A1, want: ['host.example'], by: { container: 'c1' } },
      { at: 25, namesOf: A1, want: ['container.example'], by: { container: 'c1' } },
      { at: 25, namesOf: A1, want: ['host.example'], by: { container: 'c2' } },
    ],
  },
  {
    name: 'the hosts file of a container counts there beside look-ups of the agent',
    steps: [
      { at: 0, answer: POOL, ips: [A1] },
      { at: 0, fact: { name: SHOP, ip: A1, evidence: 'hosts', owner: { containerId: 'c1' } } },
      { at: 1, namesOf: A1, want: [SHOP, POOL], by: { container: 'c1' } },
      { at: 1, namesOf: A1, want: [POOL] },
    ],
  },
  {
    name: 'names no longer looked up are forgotten after an hour',
    steps: [
      { at: 0, is: A1, in: [SHOP], want: false },
      { at: 0, answer: SHOP, ips: [A1] },
      { at: 10, outcome: 'dropped', of: SHOP },
      { at: 3609, is: A1, in: [SHOP], want: true },
      { at: 3611, is: A1, in: [SHOP], want: false },
    ],
  },
]

suite('golden cases', () => {
  for (const c of golden) {
    test(c.name, () => {
      const options = { ttlFloorMs: FLOOR_SEC * 1000, graceMs: GRACE_SEC * 1000 }
      // Watched before anything is known, and after: the same verdicts, for names in use are not forgotten meanwhile.
      const early = new NameIndex(options)
      for (const step of c.steps) if ('is' in step) early.watch(step.in)
      play(early, c.steps)
      const forgets = c.steps.some(step => 'outcome' in step && step.outcome === 'dropped')
      play(new NameIndex(forgets ? options : { ...options, eraseUnusedMs: Number.POSITIVE_INFINITY }), c.steps)
    })
  }
})

// Small numbers serve as addresses; names under .test may have any (see `isSuspectAnswer`).
const answer = (name: string, atMs: number, ...ips: readonly Ip[]): NameUpdate => ({
  kind: 'addresses',
  name,
  atMs,
  resolver: 'test',
  addresses: ips.map(address => ({ ip: address, ttlSec: 30 })),
  chain: [],
  cut: 0,
})

test('checks of the same names in any order and spelling share one set', () => {
  const index = new NameIndex()
  const set = index.watch(['a.test', 'b.test'])
  assert.equal(index.watch(['B.test.', 'a.test', 'a.test']), set)
  assert.notEqual(index.watch(['a.test']), set)
  assert.equal(index.stats().sets, 2)
  assert.equal(index.stats().watched, 2)
})

test('a set given back as often as taken is gone, and what is known stays for who comes next', () => {
  const index = new NameIndex()
  const set = index.watch(['a.test', '*.b.test'])
  index.watch(['a.test', '*.b.test'])
  index.apply(answer('a.test', 0, 1))
  index.apply(answer('x.b.test', 0, 2))
  index.unwatch(set)
  assert.equal(index.stats().sets, 1)
  index.unwatch(set)
  assert.equal(index.stats().sets, 0)
  assert.equal(index.stats().watched, 0)
  index.apply(answer('a.test', 1, 1, 3))
  assert.equal(set.matches(3, 2), false)
  const again = index.watch(['*.b.test', 'a.test'])
  assert.equal(again.matches(1, 2), true)
  assert.equal(again.matches(2, 2), true)
  assert.equal(again.matches(3, 2), true)
})

test('what is no name never matches, and is counted', () => {
  const index = new NameIndex()
  const set = index.watch(['no name', '', 'a..b', 'http://x/', '*'])
  assert.equal(set.matches(1, 0), false)
  assert.equal(index.stats().malformed, 5)
  assert.equal(index.learn({ name: 'no name', ip: 1, evidence: 'resolved' }, 0), false)
  assert.equal(index.stats().malformed, 6)
})

test('names to resolve: small lists only, each name once, nothing that needs no look-up', () => {
  const index = new NameIndex()
  index.watch(['a.test', 'b.test', '*.c.test', '192.0.2.1', '::1', 'localhost'])
  index.watch(['b.test', 'd.test'])
  index.watch(['e.test'], { observeOnly: true })
  index.watch(Array.from({ length: 50 }, (_, i) => `n${i}.test`))
  const { names, skipped } = index.namesToResolve(49)
  assert.deepEqual(names, ['a.test', 'b.test', 'd.test'])
  assert.deepEqual(skipped, [50])
})

test('the best name: stronger evidence first, names that were asked for before aliases, current before leaving', () => {
  const index = new NameIndex()
  index.apply(answer('leaving.test', 0, 1))
  index.apply(answer('leaving.test', 1, 2))
  index.apply({ ...answer('z-asked.test', 0, 1), chain: ['a-alias.test'] } as NameUpdate)
  index.apply(answer('y-asked.test', 0, 1))
  assert.deepEqual(index.namesOf(1, 2), ['y-asked.test', 'z-asked.test', 'leaving.test', 'a-alias.test'])
  assert.equal(index.nameOf(1, 2), 'y-asked.test')
  index.learn({ name: 'hosts.test', ip: 1, evidence: 'hosts' }, 0)
  assert.equal(index.nameOf(1, 2), 'hosts.test')
  assert.equal(index.nameOf(9, 2), undefined)
  assert.equal(index.hasName(1, 2), true)
  assert.equal(index.hasName(9, 2), false)
  const set = index.watch(['leaving.test', 'a-alias.test'])
  assert.equal(set.nameOf(1, 2), 'leaving.test')
  assert.equal(set.nameOf(2, 2), 'leaving.test')
  assert.equal(set.nameOf(3, 2), undefined)
})

test('outputs of a rule print its own name of several, else the best', () => {
  const index = new NameIndex()
  for (const name of ['a.test', 'b.test', 'c.test']) index.apply(answer(name, 0, 1))
  index.apply(answer('a.test', 0, 1, 2))
  const own = index.preferring(['x.test', 'c.test', 'b.test'])
  assert.equal(own.nameOf(1, 1), 'b.test')
  assert.equal(own.nameOf(2, 1), 'a.test')
  assert.equal(own.nameOf(3, 1), undefined)
  assert.deepEqual(own.namesOf(1, 1), ['a.test', 'b.test', 'c.test'])
  assert.equal(index.preferring([]), index)
  assert.deepEqual(index.namesToResolve().names, [])
})

test('how a name is known: evidence, TTL, resolver, chain and staleness', () => {
  const index = new NameIndex()
  index.apply({ ...answer('a.test', 5, 1), chain: ['b.test'] } as NameUpdate)
  index.apply({ kind: 'failed', name: 'a.test', atMs: 9, reason: 'timeout' })
  const [binding] = index.bindingsOf(1, 10)
  assert.equal(binding?.name, 'a.test')
  assert.equal(binding.evidence, 'resolved')
  assert.equal(binding.ttlSec, 30)
  assert.equal(binding.resolver, 'test')
  assert.deepEqual(binding.chain, ['b.test'])
  assert.equal(binding.stale, true)
  assert.equal(binding.firstSeenMs, 5)
  index.apply(answer('a.test', 20, 1))
  assert.equal(index.bindingsOf(1, 21)[0]?.stale, false)
  assert.equal(index.bindingsOf(1, 21)[0]?.lastSeenMs, 20)
})

suite('bounds', () => {
  function withFindings(options: NameIndexOptions): { index: NameIndex; findings: NameFinding[] } {
    const findings: NameFinding[] = []
    return { index: new NameIndex({ ...options, onFinding: finding => findings.push(finding) }), findings }
  }

  test('a name with too many addresses loses the oldest and says so, once', () => {
    const { index, findings } = withFindings({ maxAddressesPerName: 10 })
    const set = index.watch(['s3.test'])
    for (let i = 0; i < 30; i++) index.apply(answer('s3.test', i, i))
    assert.equal(set.addressCount, 10)
    assert.equal(set.matches(29, 30), true)
    assert.equal(set.matches(20, 30), true)
    assert.equal(set.matches(19, 30), false)
    assert.equal(index.bindingsOf(29, 30)[0]?.overflow, true)
    assert.deepEqual(
      findings.map(f => f.kind),
      ['too-many-addresses'],
    )
    assert.equal(index.stats().evictedPerName, 20)
    // The mark goes when what was evicted would have ended.
    assert.equal(index.bindingsOf(29, 30 + 10_000_000)[0]?.overflow, false)
  })

  test('an answer that was cut marks the name', () => {
    const { index, findings } = withFindings({})
    index.watch(['huge.test'])
    index.apply({ ...answer('huge.test', 0, 1), cut: 5 } as NameUpdate)
    assert.equal(index.bindingsOf(1, 1)[0]?.overflow, true)
    assert.equal(findings.length, 1)
  })

  test('addresses with live connections are the last to go', () => {
    const { index } = withFindings({ maxAddressesPerName: 2 })
    const set = index.watch(['s3.test'])
    index.apply(answer('s3.test', 0, 1))
    index.pin(1, 0)
    for (let i = 2; i < 20; i++) index.apply(answer('s3.test', i, i))
    assert.equal(set.matches(1, 20), true)
    assert.equal(set.addressCount, 2)
  })

  test('even a bound of one keeps the newest', () => {
    const { index } = withFindings({ maxAddressesPerName: 1, maxNamesPerAddress: 1 })
    const set = index.watch(['a.test', 'b.test'])
    index.apply(answer('a.test', 0, 1, 2))
    index.apply(answer('b.test', 1, 2))
    assert.deepEqual(index.namesOf(2, 2), ['b.test'])
    assert.equal(set.matches(2, 2), true)
    assert.equal(set.matches(1, 2), false)
    index.apply(answer('a.test', 3, 1))
    assert.deepEqual(index.namesOf(1, 4), ['a.test'])
    assert.equal(index.stats().names, 2)
    assert.equal(index.stats().bindings, 2)
  })

  test('a shared address with too many names loses those nobody watches first', () => {
    const { index } = withFindings({ maxNamesPerAddress: 4 })
    const set = index.watch(['mine.test'])
    index.apply(answer('mine.test', 0, 1))
    for (let i = 0; i < 50; i++) index.learn({ name: `n${i}.test`, ip: 1, evidence: 'resolved' }, i)
    assert.equal(set.matches(1, 60), true)
    assert.equal(index.namesOf(1, 60).length, 4)
    assert.equal(index.bindingsOf(1, 60)[0]?.overflow, true)
    assert.equal(index.stats().evictedPerAddress, 47)
  })

  test('a flood of names nobody watches pushes out its like, never what rules need', () => {
    const { index } = withFindings({ maxUnwatchedNames: 100, maxBindings: 500 })
    const set = index.watch(['mine.test'])
    index.apply(answer('mine.test', 0, 1))
    for (let i = 0; i < 5000; i++) index.learn({ name: `r${i}.test`, ip: 1000 + i, evidence: 'observed' }, i)
    const stats = index.stats()
    assert.equal(stats.names, 101)
    assert.equal(stats.addresses, 101)
    assert.equal(stats.evictedForRoom, 4900)
    assert.equal(set.matches(1, 5000), true)
    assert.equal(index.nameOf(1000 + 4999, 5000), 'r4999.test')
  })

  test('a flood of names by one process or container pushes out its own names, not what others looked up', () => {
    for (const owner of [{ pid: 66 }, { pid: 66, containerId: 'cccccccccccc' }]) {
      const { index } = withFindings({ maxUnwatchedNames: 1000, maxBindings: 1200 })
      for (let i = 0; i < 100; i++) {
        const mine = { pid: 11 + (i % 4) }
        index.learn({ name: `quiet${i}.test`, ip: i, evidence: 'observed', owner: mine }, i)
      }
      for (let i = 0; i < 20_000; i++) {
        index.learn({ name: `r${i}.test`, ip: 1000 + i, evidence: 'observed', owner }, 5000 + i)
      }
      assert.equal(index.stats().names, 1000)
      for (let i = 0; i < 100; i++) assert.equal(index.bindingsOfName(`quiet${i}.test`, 30_000).length, 1, `quiet${i}`)
      assert.equal(index.bindingsOfName('r19999.test', 30_000).length, 1)
    }
  })

  test('what processes saw that have ended is one binding, however many there were', () => {
    const { index } = withFindings({})
    for (let pid = 1; pid <= 1000; pid++) {
      const containerId = pid % 2 === 0 ? 'cccccccccccc' : ''
      const owner = { pid, containerId }
      const fact = {
        name: 'shop.test',
        ip: 1,
        evidence: 'observed',
        owner,
        fromMs: pid,
        ttlSec: 5,
        chain: ['edge.test'],
      } as const
      index.learn(fact, pid)
      if (pid % 10 !== 0) index.endProcess(pid, pid)
    }
    // Of each of the two names: one for the host, one for the container, and those of a hundred processes that live.
    assert.equal(index.stats().bindings, 2 * 102)
    assert.deepEqual(index.namesOf(1, 1001), ['shop.test', 'edge.test'])
    for (let pid = 10; pid <= 1000; pid += 10) index.endProcess(pid, 1001)
    assert.equal(index.stats().bindings, 4)
    assert.equal(index.bindingsOfName('shop.test', 1001)[0]?.lastSeenMs, 999)
  })

  test('a process that leaves thousands of bindings ends at once; they are tidied up with what comes later', () => {
    const { index } = withFindings({})
    const owner = { pid: 11, containerId: 'c1' }
    const learn = (pid: number, ip: number): void => {
      const fact = { name: 'shop.test', ip, evidence: 'observed', fromMs: 0, ttlSec: 5, chain: ['edge.test'] } as const
      index.learn({ ...fact, owner: { ...owner, pid } }, pid)
    }
    for (let ip = 1; ip <= 1000; ip++) for (const pid of [10, 11]) learn(pid, ip)
    index.learn({ name: 'said.test', ip: 1, evidence: 'claimed', owner }, 11)
    const before = index.stats().bindings
    index.endProcess(10, 20)
    index.endProcess(11, 20)
    assert.ok(before - index.stats().bindings <= 2 * 64, 'little is done at once')
    // What counts is as if all had been done.
    assert.deepEqual(index.namesOf(1, momentAt(21, { pid: 12, container: 'c1' })), ['shop.test', 'edge.test'])
    assert.deepEqual(index.namesOf(1, momentAt(21, { pid: 11, container: 'c1' })), ['shop.test', 'edge.test'])
    assert.deepEqual(index.namesOf(1, momentAt(21, { pid: 12, container: 'c2' })), [])
    const shown = index.bindingsOfAddress(1000, 21)
    assert.deepEqual(
      shown.map(({ name, owner: whose, lastSeenMs }) => [name, whose, lastSeenMs]),
      ['shop.test', 'edge.test'].map(name => [name, { containerId: 'c1', netns: 0 }, 11]),
    )
    assert.equal(index.bindingsOfName('said.test', 21).length, 0)
    // The next of that number has nothing to do with them.
    learn(11, 1)
    assert.equal(index.bindingsOfAddress(1, 21).length, 4)
    for (let i = 0; i < 500; i++) learn(13, 1)
    index.endProcess(11, 22)
    index.endProcess(13, 22)
    assert.equal(index.stats().bindings, 2000)
  })

  test('a sweep ends what processes left behind, and room is never asked for on their account', () => {
    const { index } = withFindings({ tidiedAtOnce: 0, maxBindings: 150 })
    for (const pid of [1, 2]) {
      for (let ip = 1; ip <= 60; ip++)
        index.learn({ name: 'a.test', ip, evidence: 'observed', owner: { pid }, fromMs: 0, ttlSec: 5 }, pid)
    }
    index.endProcess(1, 10)
    index.endProcess(2, 10)
    assert.equal(index.stats().bindings, 120)
    for (let ip = 61; ip <= 62; ip++) index.learn({ name: 'a.test', ip, evidence: 'resolved' }, 11)
    index.sweep(12, 1000)
    assert.equal(index.stats().bindings, 62)
    for (let ip = 63; ip <= 150; ip++) index.learn({ name: 'a.test', ip, evidence: 'resolved' }, 13)
    assert.equal(index.stats().bindings, 150)
    assert.equal(index.stats().evictedForRoom, 0)
  })

  test('what the client of an ended process said, and what has ended itself, goes with the process', () => {
    const { index } = withFindings({})
    const owner = { pid: 11 }
    index.learn({ name: 'shop.test', ip: 1, evidence: 'claimed', owner }, 0)
    index.learn({ name: 'shop.test', ip: 2, evidence: 'sni', owner }, 0)
    index.learn({ name: 'shop.test', ip: 3, evidence: 'observed', owner, fromMs: 0, untilMs: 10 }, 0)
    index.endProcess(11, 20)
    index.endProcess(11, 20)
    assert.equal(index.stats().names, 0)
    assert.equal(index.stats().bindings, 0)
  })

  test('when room is needed the name with most addresses gives it', () => {
    const { index } = withFindings({ maxBindings: 300, maxAddressesPerName: 1000 })
    const small = Array.from({ length: 100 }, (_, i) => `small${i}.test`)
    const set = index.watch([...small, 'big.test'])
    for (const [i, name] of small.entries()) index.apply(answer(name, i, i))
    for (let i = 0; i < 900; i++) index.apply(answer('big.test', 1000 + i, 10_000 + i))
    assert.ok(index.stats().bindings <= 300)
    for (const i of small.keys()) assert.equal(set.matches(i, 2000), true)
    assert.ok(index.stats().evictedForRoom >= 700)
  })

  test('pins are bounded', () => {
    const { index } = withFindings({ maxPins: 10 })
    for (let i = 0; i < 50; i++) index.pin(i, 0)
    assert.equal(index.stats().pinned, 10)
    assert.equal(index.stats().pinsRefused, 40)
    for (let i = 0; i < 50; i++) index.unpin(i)
    assert.equal(index.stats().pinned, 0)
  })

  test('suspect answers are told once a name and counted', () => {
    const { index, findings } = withFindings({})
    for (let i = 0; i < 50; i++) index.apply(answer('rebind.example', i, 0x7f000001 + i))
    assert.deepEqual(
      findings.map(f => f.message),
      ['rebind.example was said to be 127.0.0.1, an address of this host or link: not believed'],
    )
    assert.equal(index.stats().suspectAnswers, 50)
    assert.equal(index.stats().bindings, 0)
  })

  test('what ended is erased, a little with each update, and what nobody used for an hour', () => {
    const { index } = withFindings({ ttlFloorMs: 1000, graceMs: 1000, eraseUnusedMs: 10_000 })
    index.watch(['a.test'])
    for (let i = 0; i < 100; i++) index.apply({ ...answer('a.test', i * 10, i) } as NameUpdate)
    index.apply(answer('unwatched.test', 1000, 7777))
    assert.equal(index.stats().bindings, 101)
    index.apply(answer('a.test', 900_000, 99))
    assert.equal(index.stats().bindings, 1)
    assert.equal(index.stats().expired, 99)
    assert.equal(index.stats().erasedUnused, 1)
    assert.equal(index.stats().addresses, 1)
  })
})

test('facts put into another index give the same answers from then on', () => {
  const index = new NameIndex()
  index.apply({ ...answer('a.test', 1_000_000, 1, 2), chain: ['b.test'] } as NameUpdate)
  index.apply(answer('a.test', 1_010_000, 2))
  index.learn(
    { name: 'c.test', ip: 3, evidence: 'observed', owner: { pid: 7 }, fromMs: 1_000_000, ttlSec: 60 },
    1_000_000,
  )
  const copy = new NameIndex()
  for (const fact of index.facts()) assert.ok(copy.learn(fact, fact.fromMs ?? 0))
  for (const atMs of [1_020_000, 1_500_000, 3_000_000]) {
    for (const address of [1, 2, 3]) {
      assert.equal(copy.nameOf(address, atMs), index.nameOf(address, atMs), `${address} at ${atMs}`)
    }
  }
  assert.equal(copy.nameOf(2, 999_999), undefined)
})

test('whatever happens, sets, names and addresses agree, and a naive list of facts gives the same verdicts', () => {
  const names = ['a.test', 'b.test', 'x.b.test', 'c.test']
  const lists = [['a.test'], ['a.test', 'b.test'], ['*.b.test', 'c.test'], ['c.test', 'nobody.test']]
  const step = fc.record({
    name: fc.constantFrom(...names),
    ip: fc.integer({ min: 1, max: 4 }),
    evidence: fc.constantFrom<Evidence>('observed', 'resolved', 'hosts'),
    pid: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
    container: fc.option(fc.constantFrom('c1', 'c2'), { nil: undefined }),
    from: fc.integer({ min: 0, max: 50 }),
    length: fc.integer({ min: 1, max: 30 }),
    watchFirst: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), fc.integer({ min: 0, max: 3 }), (steps, watchEarly) => {
      const index = new NameIndex()
      for (const list of lists.slice(0, watchEarly)) index.watch(list)
      for (const s of steps) {
        const owner = {
          ...(s.pid !== undefined && { pid: s.pid }),
          ...(s.container !== undefined && { containerId: s.container }),
        }
        const { name, ip: address, evidence, from, length } = s
        const fact = { name, ip: address, evidence, owner, fromMs: from * 1000, untilMs: (from + length) * 1000 }
        index.learn(fact, from * 1000, { keep: true })
      }
      for (const list of lists) {
        const set = index.watch(list)
        for (const sec of [0, 10, 25, 49, 80]) {
          for (const [pid, container] of [
            [1, ''],
            [1, 'c1'],
            [2, 'c2'],
            [3, 'c3'],
          ] as const) {
            for (const address of [1, 2, 3, 4]) {
              const alive = steps.filter(s => s.ip === address && s.from <= sec && sec < s.from + s.length)
              const rank = (s: (typeof steps)[number]): number => {
                const foreign = s.container !== undefined && s.container !== container
                if (s.evidence !== 'observed') return foreign ? 9 : 3
                if (s.pid === pid) return 0
                return foreign ? 9 : s.container === undefined ? 2 : 1
              }
              const best = Math.min(...alive.map(rank))
              const counting = best === 9 ? [] : alive.filter(s => rank(s) === best).map(s => s.name)
              const moment = momentAt(sec, { pid, container })
              const want = counting.some(n => list.includes(n) || (list.includes('*.b.test') && n === 'x.b.test'))
              assert.equal(set.matches(address, moment), want)
              assert.deepEqual(new Set(index.namesOf(address, moment)), new Set(counting))
            }
          }
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('under any mix of operations and the tightest bounds, sets agree with names and the bounds hold', () => {
  const NAMES = ['a.test', 'b.test', 'x.b.test', 'c.test', 'localhost', '10.0.0.1']
  const LISTS = [['a.test'], ['a.test', 'b.test', 'localhost'], ['*.b.test', 'c.test'], ['10.0.0.1', 'x.b.test']]
  const name = fc.constantFrom(...NAMES.slice(0, 4))
  const ips = fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 5 })
  const list = fc.integer({ min: 0, max: LISTS.length - 1 })
  const step = fc.oneof(
    fc.record({ op: fc.constant('answer' as const), name, ips, chain: fc.array(name, { maxLength: 2 }) }),
    fc.record({
      op: fc.constantFrom('nxdomain' as const, 'nodata' as const, 'failed' as const, 'dropped' as const),
      name,
    }),
    fc.record({
      op: fc.constant('learn' as const),
      name,
      ip: fc.integer({ min: 1, max: 6 }),
      pid: fc.integer({ min: 1, max: 3 }),
      keep: fc.boolean(),
    }),
    fc.record({ op: fc.constantFrom('pin' as const, 'unpin' as const), ip: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ op: fc.constantFrom('watch' as const, 'unwatch' as const), list }),
    fc.record({ op: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 5000 }) }),
  )
  const options = fc.record({
    maxAddressesPerName: fc.integer({ min: 1, max: 3 }),
    maxNamesPerAddress: fc.integer({ min: 1, max: 3 }),
    maxUnwatchedNames: fc.integer({ min: 1, max: 3 }),
    maxBindings: fc.integer({ min: 1, max: 6 }),
    maxPins: fc.integer({ min: 1, max: 3 }),
  })
  fc.assert(
    fc.property(options, fc.array(step, { maxLength: 60 }), (bounds, steps) => {
      const index = new NameIndex({ ...bounds, ttlFloorMs: 1000, graceMs: 1000, eraseUnusedMs: 8000 })
      const sets = new Map<number, ReturnType<NameIndex['watch']>>()
      let atMs = 0
      for (const s of steps) {
        switch (s.op) {
          case 'answer':
            index.apply({ ...answer(s.name, atMs, ...s.ips), chain: s.chain } as NameUpdate)
            break
          case 'nxdomain':
          case 'nodata':
          case 'dropped':
            index.apply({ kind: s.op, name: s.name, atMs })
            break
          case 'failed':
            index.apply({ kind: 'failed', name: s.name, atMs, reason: 'timeout' })
            break
          case 'learn':
            index.learn(
              { name: s.name, ip: s.ip, evidence: 'observed', owner: { pid: s.pid }, fromMs: atMs, ttlSec: 1 },
              atMs,
              { keep: s.keep },
            )
            break
          case 'pin':
            index.pin(s.ip, atMs)
            break
          case 'unpin':
            index.unpin(s.ip)
            break
          case 'watch':
            if (!sets.has(s.list)) sets.set(s.list, index.watch(LISTS[s.list]!))
            break
          case 'unwatch': {
            const set = sets.get(s.list)
            if (set !== undefined) index.unwatch(set)
            sets.delete(s.list)
            break
          }
          default:
            atMs += s.ms
            index.sweep(atMs)
        }
        const stats = index.stats()
        assert.ok(stats.bindings <= bounds.maxBindings && stats.bindings >= 0)
        assert.ok(stats.addresses <= stats.bindings + 3)
        // What went for want of room leaves nothing behind that waits for its end.
        assert.ok(stats.ends <= stats.bindings)
        assert.ok(stats.pinned <= bounds.maxPins)
        assert.equal(stats.sets, sets.size)
        for (const [at, set] of sets) {
          for (const address of [1, 2, 3, 4, 5, 6, 0x7f000001, 0x0a000001]) {
            const known = index.namesOf(address, atMs)
            assert.ok(known.length <= bounds.maxNamesPerAddress)
            const want = known.some(
              n => LISTS[at]!.includes(n) || (LISTS[at]!.includes('*.b.test') && n === 'x.b.test'),
            )
            assert.equal(set.matches(address, atMs), want, `list ${at}, address ${address}`)
          }
        }
      }
      for (const set of sets.values()) index.unwatch(set)
      assert.equal(index.stats().watched, 0)
    }),
    { numRuns: 400 },
  )
})

test('a clock that is set: what is known moves along, and answers as before', () => {
  const index = new NameIndex()
  const ips = [1, 2, 3, 4]
  index.learn({ name: 'a.test', ip: 1, evidence: 'observed', owner: { pid: 7 }, fromMs: 1000, ttlSec: 30 }, 1000)
  index.learn({ name: 'b.test', ip: 2, evidence: 'observed', fromMs: 1000, ttlSec: 30 }, 1000)
  index.pin(2, 2000)
  index.apply({
    kind: 'addresses',
    name: 'c.test',
    addresses: [{ ip: 3 }],
    chain: [],
    cut: 0,
    resolver: 'r',
    atMs: 1000,
  })
  index.learn({ name: 'd.test', ip: 4, evidence: 'hosts', fromMs: 5000, untilMs: 6000 }, 0, { keep: true })
  const ask = (byMs: number): string[] =>
    [999, 1000, 5500, 960_999, 961_000, 2_000_000].flatMap(atMs =>
      ips.slice(0, 3).map(ip => index.namesOf(ip, atMs + byMs).join()),
    )
  const before = ask(0)
  let totalMs = 0
  for (const stepMs of [3_600_000, -86_400_000, 82_800_000]) {
    index.shiftTimes(stepMs)
    totalMs += stepMs
    index.sweep(5500 + totalMs)
  }
  assert.equal(totalMs, 0)
  assert.deepEqual(ask(0), before)
  index.shiftTimes(86_400_000)
  assert.deepEqual(ask(86_400_000), before)
  assert.deepEqual(index.namesOf(4, 5500), ['d.test'], 'what a file says of the past stays where it is')
})
