import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  attachBytes,
  createRecord,
  hasParam,
  paramInteger,
  paramNumber,
  paramStrings,
  paramText,
  readRecord,
} from './decode-record.ts'
import type { EventRecord } from './event-record.ts'
import { eventTable } from './event-table.ts'
import { encodeEvent, le } from './encode-event.ts'
import { EventUpgrader, isConverted } from './upgrade-event.ts'

const text = (value: string): Buffer => Buffer.from(`${value}\0`, 'latin1')

interface OldEvent {
  readonly code: number
  readonly params: readonly Uint8Array[]
  readonly tid?: number
}

/** Passes the events through an upgrader as the capture reader does; the delivered ones as `code: values`. */
function upgrade(events: readonly OldEvent[], read: (rec: EventRecord) => unknown): unknown[] {
  const upgrader = new EventUpgrader()
  const delivered: unknown[] = []
  for (const { code, params, tid } of events) {
    const bytes = encodeEvent(code, params, { tid: tid ?? 1, ts: 9n })
    const rec = createRecord()
    attachBytes(rec, bytes)
    assert.ok(readRecord(rec, 0, bytes.length) > 0)
    if (!upgrader.isCurrent(rec) && !upgrader.upgrade(rec)) continue
    assert.equal(rec.tsNs, 9n)
    assert.equal(rec.tid, tid ?? 1)
    delivered.push(read(rec))
  }
  return delivered
}

/** All parameters: numbers, else text, undefined when empty; the code first. */
function values(rec: EventRecord): unknown[] {
  const list: unknown[] = [rec.type]
  for (let i = 0; i < rec.paramCount; i++) list.push(paramInteger(rec, i) ?? paramText(rec, i))
  return list
}

const cases: readonly { readonly name: string; readonly events: readonly OldEvent[]; readonly want: unknown[] }[] = [
  {
    name: 'a current event is left alone',
    events: [{ code: 5, params: [le(8, 0), le(8, 3)] }],
    want: [[5, 0, 3]],
  },
  {
    name: 'close takes its fd from the enter event',
    events: [
      { code: 4, params: [le(8, 3)] },
      { code: 5, params: [le(8, 0)] },
    ],
    want: [[5, 0, 3]],
  },
  {
    name: 'without the enter event the fd is zero',
    events: [{ code: 5, params: [le(8, 0)] }],
    want: [[5, 0, 0]],
  },
  {
    name: 'an enter event serves once',
    events: [
      { code: 4, params: [le(8, 3)] },
      { code: 5, params: [le(8, 0)] },
      { code: 5, params: [le(8, 0)] },
    ],
    want: [
      [5, 0, 3],
      [5, 0, 0],
    ],
  },
  {
    name: 'the enter event is the same thread’s',
    events: [
      { code: 4, params: [le(8, 3)], tid: 1 },
      { code: 4, params: [le(8, 4)], tid: 2 },
      { code: 5, params: [le(8, 0)], tid: 1 },
      { code: 5, params: [le(8, 0)], tid: 2 },
    ],
    want: [
      [5, 0, 3],
      [5, 0, 4],
    ],
  },
  {
    name: 'the enter event of another call is not taken',
    events: [
      { code: 6, params: [le(8, 7), le(4, 100)] },
      { code: 5, params: [le(8, 0)] },
    ],
    want: [[5, 0, 0]],
  },
  {
    name: 'unlink becomes the current unlink, its path empty without the enter event',
    events: [
      { code: 108, params: [text('/tmp/x')] },
      { code: 109, params: [le(8, 0)] },
      { code: 109, params: [le(8, -2)] },
    ],
    want: [
      [301, 0, '/tmp/x'],
      [301, -2, undefined],
    ],
  },
  {
    name: 'open keeps what it has; device and inode are empty',
    events: [{ code: 3, params: [le(8, 3), text('/x'), le(4, 1), le(4, 0)] }],
    want: [[3, 3, '/x', 1, 0, undefined, undefined]],
  },
  {
    name: 'accept4 gets its current code, queue zero, flags from the enter event',
    events: [
      { code: 56, params: [le(4, 5)] },
      { code: 57, params: [le(8, 4), Buffer.alloc(0), le(1, 50)] },
    ],
    want: [[389, 4, undefined, 50, 0, 0, 5]],
  },
  {
    name: 'dup finds its fd under another name',
    events: [
      { code: 124, params: [le(8, 6)] },
      { code: 125, params: [le(8, 9)] },
    ],
    want: [[367, 9, 6]],
  },
  {
    name: 'socket flags are zero',
    events: [
      { code: 18, params: [le(4, 10), le(4, 2), le(4, 17)] },
      { code: 19, params: [le(8, 3)] },
    ],
    want: [[19, 3, 10, 2, 17, 0]],
  },
  {
    name: 'bpf loses the selector of its result and half of its command',
    events: [
      { code: 296, params: [le(8, 5)] },
      { code: 297, params: [Buffer.concat([le(1, 1), le(8, -1)])] },
    ],
    want: [[369, -1, 5]],
  },
  {
    name: 'procexit has an even code and is retyped',
    events: [{ code: 16, params: [] }],
    want: [[186, undefined, undefined, undefined, undefined, undefined]],
  },
  {
    name: 'the enter event of connect is delivered, and used by an old exit event',
    events: [
      { code: 22, params: [le(8, 3)] },
      { code: 23, params: [le(8, 0), Buffer.alloc(0)] },
    ],
    want: [
      [22, 3, undefined],
      [23, 0, undefined, 3, undefined],
    ],
  },
  {
    name: 'a container of four parameters becomes JSON',
    events: [{ code: 228, params: [text('abc'), le(4, 0), text('web'), text('nginx:1')] }],
    want: [[324, '{"id":"abc","type":0,"name":"web","image":"nginx:1"}']],
  },
  {
    name: 'old enter events and fillers are not delivered',
    events: [
      { code: 0, params: [le(2, 5), le(2, 1)] },
      { code: 6, params: [le(8, 3), le(4, 10)] },
      { code: 449, params: [] },
    ],
    want: [],
  },
]

for (const c of cases) test(`old events: ${c.name}`, () => assert.deepEqual(upgrade(c.events, values), c.want))

test('old events: the first execve keeps its parameters under their names', () => {
  const params = [le(8, 0), text('ls'), Buffer.from('-l\0/tmp\0'), le(8, 5), le(8, 5), le(8, 1), text('/'), le(8, 1024)]
  const [event] = upgrade([{ code: 13, params }], rec => ({
    type: rec.type,
    count: rec.paramCount,
    exe: paramText(rec, 1),
    args: paramStrings(rec, 2),
    ptid: paramNumber(rec, 5),
    hasComm: hasParam(rec, 13),
  }))
  assert.deepEqual(event, { type: 293, count: 31, exe: 'ls', args: ['-l', '/tmp'], ptid: 1, hasComm: false })
})

test('every old event with any parameters is current afterwards, or not delivered', () => {
  for (const info of eventTable) {
    const full = info.params.map((_, i) => Buffer.alloc(i % 9, i))
    for (const params of [full, full.slice(0, 1), [], info.params.map(() => Buffer.alloc(60_000, 1))]) {
      const delivered = upgrade([{ code: info.code, params }], rec => {
        assert.ok(!rec.info.isOld && !rec.info.flags.has('unused'), info.name)
        assert.ok(rec.end <= rec.bytes.length)
        return rec.info.name
      })
      assert.ok(delivered.length <= 1)
      if (delivered.length === 0) assert.ok(isConverted(info.code), info.name)
    }
  }
})

test('enter events of many threads are kept within bounds', () => {
  const upgrader = new EventUpgrader()
  const rec = createRecord()
  for (let tid = 0; tid < 2000; tid++) {
    const bytes = encodeEvent(8, [le(8, 3), Buffer.alloc(60_000)], { tid })
    attachBytes(rec, bytes)
    assert.ok(readRecord(rec, 0, bytes.length) > 0)
    assert.equal(upgrader.upgrade(rec), false)
  }
  const first = encodeEvent(9, [le(8, 0), Buffer.alloc(0)], { tid: 0 })
  attachBytes(rec, first)
  assert.ok(readRecord(rec, 0, first.length) > 0)
  assert.ok(upgrader.upgrade(rec))
  assert.equal(paramNumber(rec, 2), 0)
  const last = encodeEvent(9, [le(8, 0), Buffer.alloc(0)], { tid: 1999 })
  attachBytes(rec, last)
  assert.ok(readRecord(rec, 0, last.length) > 0)
  assert.ok(upgrader.upgrade(rec))
  assert.equal(paramNumber(rec, 2), 3)
})

const headerCases = [
  { name: 'with all parameters', params: [le(8, 0), le(8, 3)], count: 2 },
  { name: 'with fewer parameters', params: [le(8, 0)], count: 1 },
  { name: 'without parameters', params: [], count: 0 },
] as const

for (const c of headerCases) {
  test(`an event without parameter count gets it: ${c.name}`, () => {
    const wide = encodeEvent(5, c.params)
    const old = Buffer.concat([wide.subarray(0, 22), wide.subarray(26)])
    old.writeUInt32LE(old.length, 16)
    const view = new DataView(old.buffer, old.byteOffset, old.length)
    const widened = new EventUpgrader().widenHeader(old, view, 0, old.length)
    assert.equal(widened?.bytes.toString('hex', 0, widened.length), wide.toString('hex'))
  })
}

test('an event without parameter count whose lengths fit no count is refused', () => {
  const wide = encodeEvent(5, [le(8, 0), le(8, 3)])
  const old = Buffer.concat([wide.subarray(0, 22), wide.subarray(26)])
  old.writeUInt32LE(old.length - 1, 16)
  const view = new DataView(old.buffer, old.byteOffset, old.length)
  assert.equal(new EventUpgrader().widenHeader(old, view, 0, old.length), undefined)
})
