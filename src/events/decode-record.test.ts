import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  attachBytes,
  createRecord,
  dynVariants,
  hasParam,
  internText,
  paramByteText,
  paramBytes,
  paramDyn,
  paramFdList,
  paramInt64,
  paramInteger,
  paramNumber,
  paramSockaddr,
  paramSocktuple,
  paramStrings,
  paramText,
  paramTextInterned,
  paramUint32,
  paramUint64,
  RECORD_BAD,
  RECORD_CUT,
  RECORD_UNKNOWN,
  readInt64,
  readRecord,
  readUint64,
  SockAddress,
  SockTuple,
} from './decode-record.ts'
import type { EventRecord } from './event-record.ts'
import { eventTable } from './event-table.ts'
import { encodeEvent, le } from './encode-event.ts'

function decode(code: number, params: readonly Uint8Array[]): EventRecord {
  const bytes = encodeEvent(code, params, { tid: 7 })
  const rec = createRecord()
  attachBytes(rec, bytes)
  assert.equal(readRecord(rec, 0, bytes.length), bytes.length)
  return rec
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`, 'latin1')
const OPENAT = 307
const CONNECT = 23
const EXECVE = 293

function changed(change: (bytes: Buffer) => Buffer): Buffer {
  return change(encodeEvent(OPENAT, [le(8, 3), le(8, -100), text('/etc/passwd')]))
}

const refusals = [
  { name: 'nothing', bytes: Buffer.alloc(0), want: RECORD_CUT },
  { name: 'half a header', bytes: changed(b => b.subarray(0, 25)), want: RECORD_CUT },
  { name: 'a header without parameters', bytes: changed(b => b.subarray(0, 26)), want: RECORD_CUT },
  { name: 'the last byte missing', bytes: changed(b => b.subarray(0, -1)), want: RECORD_CUT },
  {
    name: 'a length below the header',
    bytes: changed(b => {
      b.writeUInt32LE(25, 16)
      return b
    }),
    want: RECORD_BAD,
  },
  {
    name: 'a length of 4 GiB',
    bytes: changed(b => {
      b.writeUInt32LE(0xffffffff, 16)
      return b
    }),
    want: RECORD_CUT,
  },
  {
    name: 'more parameters than there are bytes',
    bytes: changed(b => {
      b.writeUInt32LE(0xffffffff, 22)
      return b
    }),
    want: RECORD_BAD,
  },
  {
    name: 'a parameter beyond the end',
    bytes: changed(b => {
      b.writeUInt16LE(0xffff, 26)
      return b
    }),
    want: RECORD_BAD,
  },
  {
    name: 'an event newer than the table',
    bytes: changed(b => {
      b.writeUInt16LE(eventTable.length, 20)
      return b
    }),
    want: RECORD_UNKNOWN,
  },
  {
    name: 'a large parameter of 4 GiB',
    bytes: (() => {
      const b = encodeEvent(324, [text('{}')])
      b.writeUInt32LE(0xffffffff, 26)
      return b
    })(),
    want: RECORD_BAD,
  },
] as const

for (const c of refusals) {
  test(`readRecord refuses ${c.name}`, () => {
    const rec = createRecord()
    attachBytes(rec, Buffer.from(c.bytes))
    assert.equal(readRecord(rec, 0, c.bytes.length), c.want)
  })
}

test('readRecord refuses what goes beyond the limit, though the bytes are there', () => {
  const bytes = encodeEvent(OPENAT, [le(8, 3)])
  const rec = createRecord()
  attachBytes(rec, bytes)
  assert.equal(readRecord(rec, 0, bytes.length - 1), RECORD_CUT)
})

test('parameters beyond the table are ignored, missing ones are absent', () => {
  const more = decode(5, [le(8, 0), le(8, 3), le(8, 99)])
  assert.equal(more.paramCount, 2)
  assert.equal(paramNumber(more, 1), 3)
  assert.equal(paramNumber(more, 2), undefined)
  const less = decode(5, [le(8, 0)])
  assert.equal(less.paramCount, 1)
  assert.equal(paramNumber(less, 1), undefined)
})

test('a record is decoded wherever it lies', () => {
  const event = encodeEvent(OPENAT, [le(8, 3), le(8, -100), text('x')], { ts: 5n, tid: -1 })
  const bytes = Buffer.concat([Buffer.alloc(13), event, Buffer.alloc(3)])
  const rec = createRecord()
  attachBytes(rec, bytes)
  assert.equal(readRecord(rec, 13, bytes.length), 13 + event.length)
  assert.deepEqual([rec.start, rec.end, rec.tid, rec.tsNs], [13, 13 + event.length, -1, 5n])
  assert.equal(paramText(rec, 2), 'x')
})

/** Every reader on a parameter that is missing, empty or too short. */
const readers: Readonly<Record<string, (rec: EventRecord, i: number) => unknown>> = {
  paramNumber,
  paramInteger,
  paramInt64,
  paramUint64,
  paramUint32,
  paramText,
  paramTextInterned,
  paramByteText,
  paramDyn,
  paramSockaddr: (rec, i) => paramSockaddr(rec, i, new SockAddress()) || undefined,
  paramSocktuple: (rec, i) => paramSocktuple(rec, i, new SockTuple()) || undefined,
  paramBytes: (rec, i) => (paramBytes(rec, i).length === 0 ? undefined : 'bytes'),
  paramStrings: (rec, i) => (paramStrings(rec, i).length === 0 ? undefined : 'strings'),
  paramFdList: (rec, i) => (paramFdList(rec, i).length === 0 ? undefined : 'fds'),
  hasParam: (rec, i) => hasParam(rec, i) || undefined,
}

for (const [name, read] of Object.entries(readers)) {
  test(`${name} gives nothing for a parameter that is missing or empty`, () => {
    const empty = decode(CONNECT, [Buffer.alloc(0), Buffer.alloc(0)])
    for (const i of [0, 1, 2, 3, 31]) assert.equal(read(empty, i), undefined)
  })
}

test('a number shorter than its type is absent', () => {
  const rec = decode(OPENAT, [le(4, 3), le(8, -100)])
  assert.equal(paramNumber(rec, 0), undefined)
  assert.equal(paramInteger(rec, 0), undefined)
  assert.equal(paramNumber(rec, 1), -100)
})

test('integers have the sign and width of their type', () => {
  const rec = decode(EXECVE, [le(8, -2), text('ls'), Buffer.alloc(0), le(8, 5), le(8, 5), le(8, 1)])
  assert.equal(paramInteger(rec, 0), -2)
  assert.equal(paramUint64(rec, 0), 2n ** 64n - 2n)
  assert.equal(paramUint32(rec, 0), 0xfffffffe)
  const signal = decode(129, [le(8, 0), le(8, 5), le(1, 255)])
  assert.equal(paramNumber(signal, 2), 255)
})

const wideCases = [
  { name: 'zero', value: 0n },
  { name: 'minus one', value: -1n },
  { name: 'the greatest safe integer', value: 2n ** 53n - 1n },
  { name: 'one more', value: 2n ** 53n },
  { name: 'the least safe integer', value: -(2n ** 53n - 1n) },
  { name: 'one less', value: -(2n ** 53n) },
  { name: 'the least of all', value: -(2n ** 63n) },
  { name: 'the greatest of all', value: 2n ** 63n - 1n },
] as const

for (const c of wideCases) {
  test(`64-bit numbers are exact: ${c.name}`, () => {
    const bytes = le(8, c.value)
    const view = new DataView(bytes.buffer, bytes.byteOffset, 8)
    const want = Number.isSafeInteger(Number(c.value)) ? Number(c.value) : c.value
    assert.equal(readInt64(view, 0), want)
    const unsigned = BigInt.asUintN(64, c.value)
    assert.equal(readUint64(view, 0), Number.isSafeInteger(Number(unsigned)) ? Number(unsigned) : unsigned)
  })
}

const textCases = [
  { name: 'ends at its NUL', bytes: text('/etc'), want: '/etc' },
  { name: 'ends at the first NUL', bytes: text('a\0b'), want: 'a' },
  { name: 'may lack the NUL', bytes: Buffer.from('abc'), want: 'abc' },
  { name: 'may be empty', bytes: text(''), want: '' },
  { name: 'keeps its bytes', bytes: text('\xc3\xa4\xff'), want: '\xc3\xa4\xff' },
] as const

for (const c of textCases) {
  test(`text ${c.name}`, () => {
    const rec = decode(OPENAT, [le(8, 3), le(8, -100), c.bytes])
    assert.equal(paramText(rec, 2), c.want)
    assert.equal(paramTextInterned(rec, 2), c.want)
    assert.equal(paramTextInterned(rec, 2), c.want)
  })
}

test('interned texts are those of their bytes, whatever was interned before', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
      const buffer = Buffer.from(bytes)
      const nul = buffer.indexOf(0)
      const want = buffer.toString('latin1', 0, nul < 0 ? buffer.length : nul)
      assert.equal(internText(buffer, 0, buffer.length), want)
      assert.equal(internText(buffer, 0, buffer.length), want)
    }),
  )
})

const listCases = [
  { name: 'of two', bytes: 'a\0b\0', want: ['a', 'b'] },
  { name: 'with an empty one', bytes: 'a\0\0b\0', want: ['a', '', 'b'] },
  { name: 'whose last lacks its NUL', bytes: 'a\0b', want: ['a', 'b'] },
  { name: 'of one empty', bytes: '\0', want: [''] },
  { name: 'of none', bytes: '', want: [] },
] as const

for (const c of listCases) {
  test(`a list ${c.name}`, () => {
    const rec = decode(EXECVE, [le(8, 0), text('x'), Buffer.from(c.bytes)])
    assert.deepEqual(paramStrings(rec, 2), c.want)
  })
}

const v6 = Buffer.from(Array.from({ length: 16 }, (_, i) => i + 1))
const addressCases = [
  {
    name: 'inet',
    bytes: Buffer.concat([le(1, 2), Buffer.from([10, 0, 0, 1]), le(2, 80)]),
    ip: 0x0a000001,
    port: 80,
    path: '',
  },
  { name: 'inet6', bytes: Buffer.concat([le(1, 10), v6, le(2, 443)]), ip: v6.toString('latin1'), port: 443, path: '' },
  { name: 'unix', bytes: Buffer.concat([le(1, 1), text('/run/x')]), ip: undefined, port: 0, path: '/run/x' },
  { name: 'unix without a name', bytes: le(1, 1), ip: undefined, port: 0, path: '' },
] as const

for (const c of addressCases) {
  test(`a socket address: ${c.name}`, () => {
    const rec = decode(CONNECT, [le(8, 0), Buffer.alloc(0), le(8, 3), c.bytes])
    const out = new SockAddress()
    assert.equal(paramSockaddr(rec, 3, out), true)
    assert.deepEqual([out.family, out.ip, out.port, out.path], [c.bytes[0], c.ip, c.port, c.path])
  })
}

test('socket addresses cut anywhere or of another family are refused', () => {
  for (const c of addressCases.slice(0, 2)) {
    for (let length = 0; length < c.bytes.length; length++) {
      const rec = decode(CONNECT, [le(8, 0), Buffer.alloc(0), le(8, 3), c.bytes.subarray(0, length)])
      assert.equal(paramSockaddr(rec, 3, new SockAddress()), false)
    }
  }
  const netlink = decode(CONNECT, [le(8, 0), Buffer.alloc(0), le(8, 3), le(1, 16)])
  assert.equal(paramSockaddr(netlink, 3, new SockAddress()), false)
})

test('socket tuples of all families', () => {
  const out = new SockTuple()
  const inet = Buffer.concat([le(1, 2), Buffer.from([10, 0, 0, 1]), le(2, 5000), Buffer.from([1, 2, 3, 4]), le(2, 443)])
  assert.ok(paramSocktuple(decode(CONNECT, [le(8, 0), inet]), 1, out))
  assert.deepEqual([out.sip, out.sport, out.dip, out.dport], [0x0a000001, 5000, 0x01020304, 443])
  const inet6 = Buffer.concat([le(1, 10), v6, le(2, 1), v6, le(2, 2)])
  assert.ok(paramSocktuple(decode(CONNECT, [le(8, 0), inet6]), 1, out))
  assert.deepEqual([out.sip, out.sport, out.dip, out.dport], [v6.toString('latin1'), 1, v6.toString('latin1'), 2])
  const unix = Buffer.concat([le(1, 1), le(8, 0), le(8, 0xffff88003c420800n), text('/run/x')])
  assert.ok(paramSocktuple(decode(CONNECT, [le(8, 0), unix]), 1, out))
  assert.deepEqual([out.sip, out.unixSource, out.unixDest, out.path], [undefined, 0, 0xffff88003c420800n, '/run/x'])
  for (const whole of [inet, inet6, unix.subarray(0, 17)]) {
    for (let length = 0; length < whole.length; length++) {
      assert.equal(paramSocktuple(decode(CONNECT, [le(8, 0), whole.subarray(0, length)]), 1, out), false)
    }
  }
})

test('a poll list gives its whole entries, whatever it claims', () => {
  const entry = Buffer.concat([le(8, 3), le(2, 1)])
  const rec = decode(81, [le(8, 1), Buffer.concat([le(2, 500), entry, entry, Buffer.alloc(5)])])
  assert.deepEqual(paramFdList(rec, 1), [
    { fd: 3, flags: 1 },
    { fd: 3, flags: 1 },
  ])
})

test('a value of several types says which it is', () => {
  const rec = decode(169, [
    le(8, 0),
    Buffer.concat([le(1, 0), le(8, 255)]),
    Buffer.concat([le(1, 1), le(1, 9)]),
    le(2, 0),
  ])
  assert.deepEqual(paramDyn(rec, 1), { variant: { type: 'UINT64', format: 'HEX' }, value: 255 })
  assert.deepEqual(paramDyn(rec, 2), { variant: { type: 'SIGTYPE', format: 'DEC' }, value: 9 })
  assert.equal(paramDyn(decode(169, [le(8, 0), le(1, 77)]), 1), undefined)
  assert.deepEqual(dynVariants('openat'), [])
})

test('any bytes are decoded or refused, and every reader stays inside', () => {
  const rec = createRecord()
  const codes = fc.nat(eventTable.length + 2)
  fc.assert(
    fc.property(codes, fc.uint8Array({ maxLength: 200 }), fc.nat(40), (code, noise, count) => {
      const bytes = Buffer.concat([Buffer.alloc(26), Buffer.from(noise)])
      bytes.writeUInt32LE(bytes.length, 16)
      bytes.writeUInt16LE(code, 20)
      bytes.writeUInt32LE(count, 22)
      attachBytes(rec, bytes)
      if (readRecord(rec, 0, bytes.length) < 0) return
      for (let i = 0; i < rec.paramCount; i++) {
        const end = (rec.paramAt[i] ?? 0) + (rec.paramLen[i] ?? 0)
        assert.ok(end <= bytes.length)
      }
      for (const read of Object.values(readers)) for (let i = 0; i < 33; i++) read(rec, i)
    }),
    { numRuns: 2000 },
  )
})
