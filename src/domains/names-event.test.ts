import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { attachBytes, createRecord, readRecord } from '../events/decode-record.ts'
import type { EventRecord } from '../events/event-record.ts'
import { encodeEvent, le } from '../events/encode-event.ts'
import { ASYNC_EVENT } from '../events/own-event.ts'
import { parseIp } from '../values/ip.ts'
import type { BindingFact } from './binding.ts'
import { NameIndex } from './name-index.ts'
import type { NameUpdate } from './name-update.ts'
import { encodeNames, holdsNames, learnNames, parseUpdate, renderUpdate } from './names-event.ts'

const T0_MS = 1_777_888_800_000
const T0_NS = BigInt(T0_MS) * 1_000_000n

function recordOf(bytes: Buffer): EventRecord {
  const record = createRecord()
  attachBytes(record, bytes)
  assert.equal(readRecord(record, 0, bytes.length), bytes.length)
  return record
}

function eventOf(lines: string): EventRecord {
  return recordOf(
    encodeEvent(ASYNC_EVENT, [le(4, 0), Buffer.from('tiercel_names\0'), Buffer.from(lines)], { ts: T0_NS, tid: -1 }),
  )
}

const plain = { noNullPrototype: true } as const
const name = fc.constantFrom('shop.example', 'a.b.example.com', 'xn--bcher-kva.example', 'localhost.test')
const ip = fc.constantFrom('192.0.2.1', '2001:db8::7', '10.1.2.3').map(text => parseIp(text)!)
const ttlSec = fc.option(fc.integer({ min: 0, max: 604_800 }), { nil: undefined })
// As times of events are rounded.
const atMs = fc.integer({ min: T0_MS, max: T0_MS + 1e9 }).map(ms => Number(BigInt(ms) * 1_000_000n) / 1e6)
const update: fc.Arbitrary<NameUpdate> = fc.oneof(
  fc.record({ kind: fc.constantFrom('nxdomain', 'nodata', 'dropped'), name, atMs }, plain),
  fc.record(
    { kind: fc.constant('failed'), name, atMs, reason: fc.constantFrom('servfail', 'timeout', 'other') },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('addresses'),
      name,
      atMs,
      resolver: fc.string(),
      addresses: fc.array(
        fc.record({ ip, ttlSec }).map(({ ip, ttlSec }) => (ttlSec === undefined ? { ip } : { ip, ttlSec })),
        { maxLength: 20 },
      ),
      chain: fc.array(name, { maxLength: 16 }),
      cut: fc.nat(),
    },
    plain,
  ),
) as fc.Arbitrary<NameUpdate>

test('names event: news of a look-up is the same when it is read again', () => {
  fc.assert(fc.property(update, news => assert.deepEqual(parseUpdate(renderUpdate(news)), news)))
})

test('names event: an index that is told of news by events knows what one knows that got them', () => {
  fc.assert(
    fc.property(fc.array(update, { maxLength: 30 }), updates => {
      const direct = new NameIndex()
      const told = new NameIndex()
      for (const index of [direct, told]) index.watch(['shop.example', '*.example.com'])
      for (const news of updates) direct.apply(news)
      for (const bytes of encodeNames(updates, T0_NS)) assert.equal(learnNames(recordOf(bytes), told), 0)
      assert.deepEqual(told.stats(), direct.stats())
      for (const known of ['shop.example', 'a.b.example.com'])
        assert.deepEqual(told.bindingsOfName(known, T0_MS + 5e8), direct.bindingsOfName(known, T0_MS + 5e8))
    }),
  )
})

test('names event: a snapshot gives names, owners, times and staleness again', () => {
  const facts: BindingFact[] = [
    {
      name: 'shop.example',
      ip: parseIp('192.0.2.1')!,
      evidence: 'observed',
      owner: { pid: 11, containerId: 'aaaaaaaaaaaa' },
      fromMs: T0_MS - 5000,
      untilMs: T0_MS + 900_000,
      seenMs: T0_MS - 1000,
      ttlSec: 30,
      resolver: '10.0.0.2',
      chain: ['edge.cdn.example'],
    },
    { name: 'router.lan', ip: parseIp('10.0.0.1')!, evidence: 'hosts' },
    { name: 'old.example', ip: parseIp('192.0.2.9')!, evidence: 'resolved', fromMs: T0_MS - 9000, stale: true },
  ]
  const one = new NameIndex()
  for (const fact of facts) one.learn(fact, fact.seenMs ?? fact.fromMs ?? 0)
  const other = new NameIndex()
  for (const bytes of encodeNames(one.facts(), T0_NS)) assert.equal(learnNames(recordOf(bytes), other), 0)
  assert.deepEqual(
    [...other.facts()],
    [...one.facts()].map(fact => (fact.fromMs === undefined ? { ...fact, fromMs: T0_MS } : fact)),
  )
  const [binding] = other.bindingsOfName('shop.example', T0_MS)
  assert.equal(binding?.firstSeenMs, T0_MS - 5000)
  assert.equal(binding?.lastSeenMs, T0_MS - 1000)
  assert.equal(other.bindingsOfName('edge.cdn.example', T0_MS).length, 1)
})

test('names event: a recording without any names says so; a large snapshot is many events, each below 64 KiB', () => {
  const none = [...encodeNames([], T0_NS)]
  assert.equal(none.length, 1)
  assert.ok(holdsNames(recordOf(none[0]!)))
  const facts = Array.from(
    { length: 5000 },
    (_, i): BindingFact => ({
      name: `n${i}.example`,
      ip: 0x0a000000 + i,
      evidence: 'resolved',
    }),
  )
  const events = [...encodeNames(facts, T0_NS)]
  assert.ok(events.length > 3 && events.every(bytes => bytes.length < 65_000))
  const index = new NameIndex()
  for (const bytes of events) assert.equal(learnNames(recordOf(bytes), index), 0)
  assert.equal(index.stats().names, 5000)
})

test('names event: an event of another name holds none', () => {
  assert.equal(
    holdsNames(recordOf(encodeEvent(ASYNC_EVENT, [le(4, 0), Buffer.from('container\0'), Buffer.from('{}')]))),
    false,
  )
})

const wrong = [
  ['no JSON', 'hello'],
  ['a list', '[]'],
  ['an unknown key', '{"name":"a.example","address":"192.0.2.1","colour":"red"}'],
  ['no such update', '{"update":"deleted","name":"a.example","at":"2026-05-04T10:00:00Z"}'],
  ['an update without a time', '{"update":"nxdomain","name":"a.example"}'],
  ['an update of no name', '{"update":"nxdomain","name":"..","at":"2026-05-04T10:00:00Z"}'],
  [
    'addresses that are none',
    '{"update":"addresses","name":"a.example","at":"2026-05-04T10:00:00Z","resolver":"r","addresses":[null]}',
  ],
  [
    'addresses without an end',
    `{"update":"addresses","name":"a.example","at":"2026-05-04T10:00:00Z","resolver":"r","addresses":[${'{"address":"192.0.2.1"},'.repeat(1024)}{"address":"192.0.2.1"}]}`,
  ],
  ['a reason that is none', '{"update":"failed","name":"a.example","at":"2026-05-04T10:00:00Z","reason":"bored"}'],
] as const

for (const [what, line] of wrong) {
  test(`names event: ${what} is counted and changes nothing, and the other lines count`, () => {
    const index = new NameIndex()
    assert.equal(learnNames(eventOf(`${line}\n{"name":"ok.example","address":"192.0.2.5"}\n`), index), 1)
    assert.equal(index.stats().names, 1)
  })
}

test('names event: whatever the bytes, nothing throws', () => {
  const lines = fc.oneof(
    fc.string(),
    fc.json(),
    update.map(news => renderUpdate(news)),
    fc.tuple(update, fc.nat(), fc.string()).map(([news, at, text]) => {
      const line = renderUpdate(news)
      return line.slice(0, at % line.length) + text + line.slice(at % line.length)
    }),
  )
  fc.assert(
    fc.property(fc.array(lines, { maxLength: 10 }), parts => {
      const wrongLines = learnNames(eventOf(parts.join('\n')), new NameIndex())
      assert.ok(wrongLines >= 0)
    }),
  )
})
