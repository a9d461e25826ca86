import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIp } from '../values/ip.ts'
import type { BindingFact } from './binding.ts'
import { renderBinding } from './bindings-file.ts'
import { NameIndex } from './name-index.ts'
import { newSum, parseSavedNames, renderSavedEnd, renderSavedHeader, restorableFacts } from './saved-names.ts'

const BOOT = '3d2c8a54-0000-4000-8000-000000000001'
const T0_MS = 1_777_888_800_000
const SEC = 1000
const MIN = 60 * SEC
const GRACE = 15 * MIN
const IP = parseIp('192.0.2.1')!

function textOf(facts: Iterable<BindingFact>, starts: ReadonlyMap<number, number> = new Map()): string {
  const sum = newSum()
  const head =
    renderSavedHeader({ bootId: BOOT, savedMs: T0_MS }) + [...facts].map(fact => `${renderBinding(fact)}\n`).join('')
  sum.update(head)
  return head + renderSavedEnd(starts, sum)
}

const observed = (more: Partial<BindingFact> = {}): BindingFact => ({
  name: 'shop.example',
  ip: IP,
  evidence: 'observed',
  fromMs: T0_MS - 10 * SEC,
  untilMs: T0_MS - 10 * SEC + MIN + GRACE,
  ttlSec: 30,
  ...more,
})

interface Case {
  readonly name: string
  readonly saved: BindingFact
  /** After it was saved. */
  readonly afterMs: number
  readonly boot?: string
  /** The process's start now; it was 5000. */
  readonly start?: number
  readonly want: { readonly [K in keyof BindingFact]?: BindingFact[K] | undefined } | undefined
}

const cases: readonly Case[] = [
  {
    name: 'an answer holds as long as it would have',
    saved: observed(),
    afterMs: MIN,
    want: { untilMs: T0_MS - 10 * SEC + MIN + GRACE, seenMs: T0_MS - 10 * SEC },
  },
  { name: 'to the last millisecond of its grace', saved: observed(), afterMs: MIN + GRACE - 10 * SEC - 1, want: {} },
  { name: 'and not a moment longer', saved: observed(), afterMs: MIN + GRACE - 10 * SEC, want: undefined },
  {
    name: 'an answer that was confirmed counts from then',
    saved: observed({ seenMs: T0_MS, untilMs: T0_MS + MIN + GRACE }),
    afterMs: MIN,
    want: { seenMs: T0_MS },
  },
  {
    name: 'what a process saw stays its own while it runs',
    saved: observed({ owner: { pid: 7 } }),
    afterMs: MIN,
    start: 5000,
    want: { owner: { pid: 7 } },
  },
  {
    name: 'a process of the same id that began at another time inherits nothing of its own',
    saved: observed({ owner: { pid: 7 } }),
    afterMs: MIN,
    start: 5001,
    want: { owner: {} },
  },
  {
    name: 'what an ended process saw is its container’s',
    saved: observed({ owner: { pid: 7, containerId: 'aaaaaaaaaaaa' } }),
    afterMs: MIN,
    want: { owner: { containerId: 'aaaaaaaaaaaa' } },
  },
  {
    name: 'after a boot all processes are others',
    saved: observed({ owner: { pid: 7 } }),
    afterMs: MIN,
    boot: 'another',
    start: 5000,
    want: { owner: {} },
  },
  {
    name: 'what an ended process saw in a network namespace is the namespace’s',
    saved: observed({ owner: { pid: 7, netns: 9 } }),
    afterMs: MIN,
    want: { owner: { netns: 9 } },
  },
  {
    name: 'after a boot it is nobody’s',
    saved: observed({ owner: { netns: 9 } }),
    afterMs: MIN,
    boot: 'another',
    want: undefined,
  },
  {
    name: 'unless it was a container’s',
    saved: observed({ owner: { containerId: 'aaaaaaaaaaaa', netns: 9 } }),
    afterMs: MIN,
    boot: 'another',
    want: { owner: { containerId: 'aaaaaaaaaaaa' } },
  },
  {
    name: 'the server name that an ended process said is gone with it',
    saved: observed({ evidence: 'sni', owner: { pid: 7 } }),
    afterMs: SEC,
    want: undefined,
  },
  {
    name: 'a look-up of the agent is kept, and stale until it is confirmed',
    saved: observed({ evidence: 'resolved', untilMs: Number.POSITIVE_INFINITY }),
    afterMs: MIN,
    want: { stale: true, untilMs: Number.POSITIVE_INFINITY },
  },
  {
    name: 'not after as long as it would have stayed without an answer',
    saved: observed({ evidence: 'resolved', untilMs: Number.POSITIVE_INFINITY }),
    afterMs: MIN + GRACE,
    want: undefined,
  },
  {
    name: 'an end without end is no end',
    saved: observed({ untilMs: Number.POSITIVE_INFINITY }),
    afterMs: 2 * GRACE,
    want: undefined,
  },
  {
    name: 'what was seen tomorrow is not believed',
    saved: observed({ seenMs: T0_MS + 86_400_000, untilMs: T0_MS + 2 * 86_400_000 }),
    afterMs: 0,
    want: undefined,
  },
]

for (const c of cases) {
  test(`saved names: ${c.name}`, () => {
    const parsed = parseSavedNames(textOf([c.saved], new Map([[7, 5000]])))
    assert.ok(parsed.ok)
    const [fact, ...more] = restorableFacts(parsed.saved, {
      bootId: c.boot ?? BOOT,
      nowMs: T0_MS + c.afterMs,
      startOf: () => c.start,
    })
    assert.deepEqual(more, [])
    if (c.want === undefined) return assert.equal(fact, undefined)
    assert.ok(fact !== undefined)
    for (const [key, want] of Object.entries(c.want)) assert.deepEqual(fact[key as keyof BindingFact], want, key)
  })
}

test('saved names: an address that only a live connection keeps has the grace to be found again', () => {
  const index = new NameIndex()
  index.learn(observed(), T0_MS - 10 * SEC)
  index.pin(IP, T0_MS)
  const nowMs = T0_MS + 2 * GRACE
  const [fact] = index.factsToSave(nowMs)
  assert.equal(fact?.untilMs, nowMs + GRACE)
  const other = new NameIndex()
  other.learn(fact!, fact!.seenMs!)
  other.pin(IP, nowMs + MIN)
  assert.equal(other.nameOf(IP, nowMs + 5 * GRACE), 'shop.example')
})

test('saved names: what has ended, hosts files, literals and claims are not saved', () => {
  const index = new NameIndex()
  index.watch(['192.0.2.9'])
  index.learn(observed(), T0_MS)
  index.learn({ name: 'router.lan', ip: 1, evidence: 'hosts' }, T0_MS)
  index.learn({ name: 'said.example', ip: 2, evidence: 'claimed', owner: { pid: 7 } }, T0_MS)
  assert.deepEqual([...index.factsToSave(T0_MS + 3 * GRACE)], [])
  assert.equal([...index.factsToSave(T0_MS)].length, 1)
})

test('saved names: an index that is used while it is saved does not keep that from ending', () => {
  const index = new NameIndex()
  const learn = (i: number, atMs: number): boolean =>
    index.learn({ ...observed(), name: `n${i}.example`, fromMs: atMs, untilMs: atMs + GRACE }, atMs)
  for (let i = 0; i < 100; i++) learn(i, T0_MS)
  let count = 0
  for (const _ of index.factsToSave(T0_MS)) {
    learn(count % 100, T0_MS + count * 10_000)
    assert.ok(++count <= 100)
  }
  assert.equal(count, 100)
})

test('saved names: a file that was changed by one byte, or cut, is not used', () => {
  const text = textOf([observed(), observed({ name: 'other.example' })], new Map([[7, 5000]]))
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ minLength: 0, maxLength: 3 }), (at, put) => {
      const changed = text.slice(0, at) + put + text.slice(at + 1)
      assert.equal(parseSavedNames(changed).ok, changed === text)
    }),
    { numRuns: 500 },
  )
  for (let length = 0; length < text.length; length += 7) assert.equal(parseSavedNames(text.slice(0, length)).ok, false)
})

test('saved names: whatever the text, nothing throws', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), text => void parseSavedNames(text)))
  assert.deepEqual(parseSavedNames('{"tiercel_names":2}\n'), { ok: false, message: 'its version is 2, not 1' })
})
