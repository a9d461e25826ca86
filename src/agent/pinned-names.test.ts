import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NameIndex } from '../domains/name-index.ts'
import { attachBytes, createRecord, readRecord } from '../events/decode-record.ts'
import { eventLookup } from '../events/event-lookup.ts'
import { eventTable } from '../events/event-table.ts'
import { encodeEvent, le } from '../events/encode-event.ts'
import { fieldLookup } from '../fields/catalogue.ts'
import { compileRules } from '../rules/compile-rules.ts'
import { parseIp } from '../values/ip.ts'
import { Pipeline } from './pipeline.ts'
import { plainSetup } from './testdata/plain-setup.ts'

const START_MS = 1_700_000_000_000
const HOUR_MS = 3_600_000

const RULE = `
- rule: talks to shop.example
  desc: d
  condition: evt.type = sendto and fd.sip.name = shop.example
  output: x
  priority: INFO
`

const tuple: Buffer = Buffer.from([2, 10, 0, 0, 1, 5, 0, 10, 0, 0, 2, 80, 0])

test('what an address is called stays while a connection to it lives, and no longer', () => {
  const { plan } = compileRules([{ path: 'r.yaml', text: RULE }], { fields: fieldLookup, events: eventLookup })
  assert.ok(plan !== undefined)
  const names = new NameIndex()
  let alerts = 0
  const pipeline = new Pipeline({
    plan,
    fields: fieldLookup,
    names,
    ...plainSetup,
    onAlert: () => alerts++,
  })
  const rec = createRecord()
  /** How many alerts the event gives. */
  const emit = (name: string, atMs: number, params: Readonly<Record<string, Buffer>>): number => {
    const info = eventTable.find(e => e.name === name && e.isExit && !e.isOld)!
    const values = info.params.map(param => params[param.name] ?? Buffer.alloc(0))
    const bytes = encodeEvent(info.code, values, { tid: 100, ts: BigInt(atMs) * 1_000_000n })
    attachBytes(rec, bytes)
    readRecord(rec, 0, bytes.length)
    const before = alerts
    pipeline.sink.event(rec)
    return alerts - before
  }
  const fd = le(8, 3)
  const res = le(8, 0)
  const connect = (atMs: number): void => {
    emit('socket', atMs, { fd, domain: le(4, 2), type: le(4, 1), proto: le(4, 0) })
    emit('connect', atMs, { res, fd, tuple })
  }
  const send = (atMs: number): number => emit('sendto', atMs, { res, fd, size: le(4, 1) })

  pipeline.prepare()
  const fact = {
    name: 'shop.example',
    ip: parseIp('10.0.0.2')!,
    evidence: 'resolved' as const,
    untilMs: START_MS + 1000,
  }
  names.learn(fact, START_MS)
  connect(START_MS)
  assert.equal(send(START_MS + 500), 1)
  names.sweep(START_MS + HOUR_MS)
  assert.equal(send(START_MS + HOUR_MS), 1, 'the name has ended, the connection has not')
  emit('close', START_MS + HOUR_MS, { res, fd })
  connect(START_MS + 2 * HOUR_MS)
  assert.equal(send(START_MS + 2 * HOUR_MS), 0, 'a new connection is judged by what holds now')
  emit('close', START_MS + 2 * HOUR_MS, { res, fd })
  send(START_MS + 3 * HOUR_MS)
  assert.equal(names.stats().pinned, 0)
})
