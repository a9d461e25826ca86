// What workloads saw, over time: answers, connections, ends of processes and of answers, against a list that is searched from end to end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NameMoment } from './binding.ts'
import { renderBinding } from './bindings-file.ts'
import { NameIndex } from './name-index.ts'
import { newSum, parseSavedNames, renderSavedEnd, renderSavedHeader, restorableFacts } from './saved-names.ts'

const NAMES = ['a.test', 'b.test', 'x.b.test']
const LISTS = [['a.test'], ['*.b.test'], ['a.test', 'b.test', 'x.b.test']]
const FLOOR_SEC = 60
const GRACE_SEC = 900

/** Processes 1 and 2 are of the host, the others of containers. */
const containerOf = (pid: number): string => ['', '', '', 'aaaaaaaaaaaa', 'aaaaaaaaaaaa', 'bbbbbbbbbbbb'][pid]!
const PIDS = [1, 2, 3, 4, 5]
const IPS = [1, 2, 3]

/** A fact as the oracle keeps it; times are seconds. */
interface Fact {
  readonly name: string
  readonly ip: number
  readonly container: string
  /** Undefined when the process has ended. */
  pid: number | undefined
  readonly from: number
  readonly until: number
}

class Oracle {
  facts: Fact[] = []
  readonly #pinnedSince: Map<number, number> = new Map()
  readonly #pins: Map<number, number> = new Map()

  get pinned(): Iterable<number> {
    return this.#pinnedSince.keys()
  }

  pin(ip: number, sec: number): void {
    const count = this.#pins.get(ip) ?? 0
    if (count === 0) this.#pinnedSince.set(ip, sec)
    this.#pins.set(ip, count + 1)
  }

  unpin(ip: number): void {
    const count = this.#pins.get(ip) ?? 0
    if (count === 1) this.#pinnedSince.delete(ip)
    if (count > 0) this.#pins.set(ip, count - 1)
  }

  isAlive({ ip, from, until }: Fact, sec: number): boolean {
    return from <= sec && (sec < until || (this.#pinnedSince.get(ip) ?? Number.POSITIVE_INFINITY) < until)
  }

  end(pid: number, sec: number): void {
    this.facts = this.facts.filter(fact => fact.pid !== pid || this.isAlive(fact, sec))
    for (const fact of this.facts) if (fact.pid === pid) fact.pid = undefined
  }

  namesOf(ip: number, sec: number, pid: number): ReadonlySet<string> {
    const alive = this.facts.filter(fact => fact.ip === ip && this.isAlive(fact, sec))
    const levels = [
      (fact: Fact) => fact.pid === pid,
      (fact: Fact) => fact.container !== '' && fact.container === containerOf(pid),
      (fact: Fact) => fact.container === '',
    ]
    for (const counts of levels) {
      const names = alive.filter(counts).map(fact => fact.name)
      if (names.length > 0) return new Set(names)
    }
    return new Set()
  }
}

function momentOf(sec: number, pid: number): NameMoment {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(sec) * 1_000_000_000n, true)
  return { rec: { view, start: 0 }, thread: { pid, containerId: containerOf(pid) } }
}

const pid = fc.constantFrom(...PIDS)
const ip = fc.constantFrom(...IPS)
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('answer' as const),
      name: fc.constantFrom(...NAMES),
      ips: fc.uniqueArray(ip, { minLength: 1 }),
      pid,
      ttlSec: fc.constantFrom(0, 5, 60, 300),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('pin' as const, 'unpin' as const), ip }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('end' as const), pid }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('sweep' as const) }) },
  // To the second before an answer with a short TTL ends, to it, and to any time.
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('wait' as const),
      sec: fc.oneof(
        fc.constantFrom(1, FLOOR_SEC + GRACE_SEC - 1, FLOOR_SEC + GRACE_SEC),
        fc.integer({ min: 1, max: 1500 }),
      ),
    }),
  },
)

test('observed names over time: union with grace, pins and ended processes, as a list that is searched has them', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 1, 64), (steps, tidiedAtOnce) => {
      const index = new NameIndex({ tidiedAtOnce })
      const sets = LISTS.map(list => index.watch(list))
      const oracle = new Oracle()
      let sec = 1_777_888_800
      for (const s of steps) {
        const atMs = sec * 1000
        switch (s.op) {
          case 'answer':
            for (const address of s.ips) {
              const container = containerOf(s.pid)
              const owner = { pid: s.pid, ...(container !== '' && { containerId: container }) }
              const fact = { name: s.name, ip: address, evidence: 'observed', owner, ttlSec: s.ttlSec } as const
              assert.ok(index.learn({ ...fact, fromMs: atMs }, atMs))
              const until = sec + Math.max(s.ttlSec, FLOOR_SEC) + GRACE_SEC
              oracle.facts.push({ name: s.name, ip: address, container, pid: s.pid, from: sec, until })
            }
            break
          case 'pin':
            index.pin(s.ip, atMs)
            oracle.pin(s.ip, sec)
            break
          case 'unpin':
            index.unpin(s.ip)
            oracle.unpin(s.ip)
            break
          case 'end':
            index.endProcess(s.pid, atMs)
            oracle.end(s.pid, sec)
            break
          case 'sweep':
            index.sweep(atMs)
            break
          default:
            sec += s.sec
        }
        for (const asker of PIDS) {
          const when = momentOf(sec, asker)
          for (const address of IPS) {
            const want = oracle.namesOf(address, sec, asker)
            assert.deepEqual(new Set(index.namesOf(address, when)), want, `${address} at ${sec} for ${asker}`)
            assert.equal(index.hasName(address, when), want.size > 0)
            for (const [at, list] of LISTS.entries()) {
              const isIn = [...want].some(
                name => list.includes(name) || (list.includes('*.b.test') && name === 'x.b.test'),
              )
              assert.equal(sets[at]!.matches(address, when), isIn)
            }
          }
        }
      }
      const restarted = restart(index, sec * 1000)
      for (const address of oracle.pinned) restarted.pin(address, sec * 1000)
      for (const asker of PIDS) {
        for (const address of IPS) {
          const names = new Set(restarted.namesOf(address, momentOf(sec, asker)))
          assert.deepEqual(names, oracle.namesOf(address, sec, asker), `${address} at ${sec} for ${asker}, restored`)
        }
      }
    }),
    { numRuns: 300 },
  )
})

/** What a new agent knows that finds what this one saved, all its processes alive. */
function restart(index: NameIndex, nowMs: number): NameIndex {
  const sum = newSum()
  const lines = [...index.factsToSave(nowMs)].map(fact => `${renderBinding(fact)}\n`)
  const head = renderSavedHeader({ bootId: 'this', savedMs: nowMs }) + lines.join('')
  const starts = new Map(PIDS.map(id => [id, id * 10]))
  const parsed = parseSavedNames(head + renderSavedEnd(starts, sum.update(head)))
  assert.ok(parsed.ok)
  const other = new NameIndex()
  for (const fact of restorableFacts(parsed.saved, { bootId: 'this', nowMs, startOf: id => starts.get(id) }))
    assert.ok(other.learn(fact, fact.seenMs ?? fact.fromMs ?? 0))
  return other
}
