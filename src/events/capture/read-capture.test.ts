import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createGzip, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { ByteWriter } from '../byte-writer.ts'
import { attachBytes, createRecord, readRecord } from '../decode-record.ts'
import { openSource } from '../open-source.ts'
import type { ProcessEntry } from '../source.ts'
import { encodeEvent, le } from '../encode-event.ts'
import { CollectingSink } from '../testing.ts'
import { blockKinds, EVENT_V2, PROCESS_LIST_V9 } from './capture-format.ts'
import { CaptureParser } from './capture-parser.ts'
import { type CaptureSummary, readCapture } from './read-capture.ts'
import { CaptureWriter } from './write-capture.ts'

const folder: string = mkdtempSync(join(tmpdir(), 'tiercel-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0
function save(bytes: Buffer): string {
  const path = join(folder, `${files++}.scap`)
  writeFileSync(path, bytes)
  return path
}

async function read(bytes: Buffer): Promise<{ sink: CollectingSink; summary: CaptureSummary }> {
  const sink = new CollectingSink()
  return { sink, summary: await readCapture(save(bytes), sink) }
}

function parse(bytes: Buffer): { sink: CollectingSink; parser: CaptureParser } {
  const sink = new CollectingSink()
  const parser = new CaptureParser(sink)
  parser.push(bytes)
  parser.end()
  return { sink, parser }
}

// ---------------------------------------------------------------- blocks by hand

function block(type: number, body: Buffer): Buffer {
  const padded = (body.length + 3) & ~3
  const bytes = Buffer.alloc(8 + padded + 4)
  bytes.writeUInt32LE(type, 0)
  bytes.writeUInt32LE(bytes.length, 4)
  body.copy(bytes, 8)
  bytes.writeUInt32LE(bytes.length, 8 + padded)
  return bytes
}

const section: Buffer = block(0x0a0d0d0a, Buffer.concat([le(4, 0x1a2b3c4d), le(2, 1), le(2, 2), le(8, -1)]))
const closeEvent: Buffer = encodeEvent(5, [le(8, 0), le(8, 3)])
const event: Buffer = block(EVENT_V2, Buffer.concat([le(2, 1), closeEvent]))
const shortText = (text: string): Buffer => Buffer.concat([le(2, text.length), Buffer.from(text, 'latin1')])

function changed(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes)
  change(copy)
  return copy
}

// ---------------------------------------------------------------- events in all their blocks

const v1Event = (() => {
  const old = Buffer.concat([closeEvent.subarray(0, 22), closeEvent.subarray(26)])
  old.writeUInt32LE(old.length, 16)
  return old
})()

const eventBlocks = [
  { name: 'v1', block: block(0x204, Buffer.concat([le(2, 7), v1Event])) },
  { name: 'v1 of an unreleased writer', block: block(0x8010abcd, Buffer.concat([le(2, 7), v1Event])) },
  { name: 'v1 with flags', block: block(0x208, Buffer.concat([le(2, 7), le(4, 1), v1Event])) },
  { name: 'v2', block: block(0x216, Buffer.concat([le(2, 7), closeEvent])) },
  { name: 'v2 with flags', block: block(0x217, Buffer.concat([le(2, 7), le(4, 1), closeEvent])) },
  { name: 'v2 large', block: block(0x221, Buffer.concat([le(2, 7), closeEvent])) },
  { name: 'v2 large with flags', block: block(0x222, Buffer.concat([le(2, 7), le(4, 1), closeEvent])) },
] as const

for (const c of eventBlocks) {
  test(`event block ${c.name} holds the same event`, () => {
    const { sink, parser } = parse(Buffer.concat([section, c.block, event]))
    assert.equal(parser.error, undefined)
    assert.deepEqual(sink.events, [
      { num: 1, cpu: 7, bytes: closeEvent.toString('latin1') },
      { num: 2, cpu: 1, bytes: closeEvent.toString('latin1') },
    ])
  })
}

// ---------------------------------------------------------------- process lists of all versions

function processBody(version: number): Buffer {
  const w = new ByteWriter()
  w.u64(10)
  w.u64(11)
  w.u64(12)
  if (version >= 6) w.u64(13)
  if (version >= 8) w.u64(14)
  w.shortText('sh', 99)
  w.shortText('/bin/sh', 99)
  if (version >= 7) w.shortText('/usr/bin/sh', 99)
  w.shortStrings(['-c', 'x'], 99)
  w.shortText('/tmp', 99)
  w.u64(1024)
  w.u32(1)
  w.u32(1000)
  w.u32(1001)
  if (version >= 2) {
    w.u32(1)
    w.u32(2)
    w.u32(3)
    w.u64(4)
    w.u64(5)
  }
  if (version >= 3) w.shortStrings(['A=1'], 99)
  if (version >= 4) {
    w.u64(20)
    w.u64(21)
    w.shortStrings(['cpu=/'], 99)
  }
  if (version >= 5) w.shortText('/root', 99)
  return Buffer.from(w.bytes())
}

const processBlocks = [
  [0x202, 1],
  [0x8000abcd, 1],
  [0x207, 2],
  [0x8013abcd, 2],
  [0x209, 3],
  [0x8014abcd, 3],
  [0x210, 4],
  [0x211, 5],
  [0x212, 6],
  [0x213, 7],
  [0x214, 8],
] as const

for (const [type, version] of processBlocks) {
  test(`process list 0x${type.toString(16)} has the fields of version ${version}`, () => {
    const body = processBody(version)
    const file = Buffer.concat([section, block(type, Buffer.concat([body, body])), event])
    // Entries have no lengths: pieces of a few bytes must not change what is read.
    for (const size of [file.length, 7]) {
      const sink = new CollectingSink()
      const parser = new CaptureParser(sink)
      for (let at = 0; at < file.length; at += size) parser.push(Buffer.from(file.subarray(at, at + size)))
      parser.end()
      assert.equal(parser.error, undefined)
      assert.equal(sink.state.length, 2)
      assert.equal(sink.events.length, 1)
      const entry = sink.state[1]
      assert.equal(entry?.kind, 'process')
      const want: Partial<ProcessEntry> = {
        tid: 10,
        sid: version >= 6 ? 13 : -1,
        vpgid: version >= 8 ? 14 : -1,
        comm: 'sh',
        exepath: version >= 7 ? '/usr/bin/sh' : '',
        args: ['-c', 'x'],
        gid: 1001,
        pfMinor: version >= 2 ? 5 : 0,
        env: version >= 3 ? ['A=1'] : [],
        vpid: version >= 4 ? 21 : -1,
        cgroups: version >= 4 ? ['cpu=/'] : [],
        root: version >= 5 ? '/root' : '',
      }
      assert.partialDeepStrictEqual(entry.value, want)
      assert.equal('loginuid' in entry.value, false)
    }
  })
}

const tails = [
  { name: 'none', bytes: 0, want: {} },
  { name: 'loginuid first, as before 0.10', bytes: 4, want: { loginuid: 0x01010101 } },
  { name: 'all of before 0.10', bytes: 29, want: { loginuid: 0x01010101, exeWritable: true } },
  { name: 'pid namespace and tty first', bytes: 30, want: { tty: 0x01010101, pidnsInitStartTs: 0x0101010101010101n } },
  { name: 'all of today', bytes: 81, want: { loginuid: 0x01010101, exeLowerLayer: true, exeFromMemfd: true } },
  { name: 'and what comes after', bytes: 99, want: { exeIno: 0x0101010101010101n } },
] as const

for (const c of tails) {
  test(`a process of version 9 with ${c.bytes} appended bytes: ${c.name}`, () => {
    const body = Buffer.concat([processBody(9), Buffer.alloc(c.bytes, 1)])
    const list = block(PROCESS_LIST_V9, Buffer.concat([le(4, body.length + 4), body]))
    const { sink, parser } = parse(Buffer.concat([section, list, event]))
    assert.equal(parser.error, undefined)
    const entry = sink.state[0]
    assert.equal(entry?.kind, 'process')
    const wanted = Object.entries(c.want)
    for (const [key, value] of wanted) {
      assert.equal(BigInt(Reflect.get(entry.value, key)), BigInt(value), key)
    }
    assert.equal('loginuid' in entry.value, c.bytes >= 4)
    assert.equal('pgid' in entry.value, c.bytes >= 81)
    assert.equal(sink.events.length, 1)
  })
}

test('fd lists of version 1 have no entry lengths and no device', () => {
  const fds = [
    Buffer.concat([le(8, 3), le(8, 1), le(1, 16), le(4, 1), shortText('/x')]),
    Buffer.concat([le(8, 4), le(8, 2), le(1, 5), Buffer.from([127, 0, 0, 1]), le(2, 80), le(1, 2)]),
  ]
  const { sink, parser } = parse(Buffer.concat([section, block(0x203, Buffer.concat([le(8, 10), ...fds])), event]))
  assert.equal(parser.error, undefined)
  assert.deepEqual(sink.state, [
    { kind: 'fd', tid: 10, value: { fd: 3, ino: 1, type: 16, openFlags: 1, name: '/x' } },
    { kind: 'fd', tid: 10, value: { fd: 4, ino: 2, type: 5, dip: 0x7f000001, dport: 80, l4proto: 2 } },
  ])
})

test('an fd of an unknown type is passed over by its length', () => {
  const fd = (type: number, rest: Buffer): Buffer => {
    const body = Buffer.concat([le(8, 3), le(8, 1), le(1, type), rest])
    return Buffer.concat([le(4, body.length + 4), body])
  }
  const list = Buffer.concat([le(8, 10), fd(99, Buffer.from('??')), fd(7, shortText('pipe'))])
  const { sink, parser } = parse(Buffer.concat([section, block(0x218, list), event]))
  assert.equal(parser.error, undefined)
  assert.deepEqual(sink.state, [{ kind: 'fd', tid: 10, value: { fd: 3, ino: 1, type: 7, name: 'pipe' } }])
})

test('users and interfaces of version 1 have no entry lengths', () => {
  const user = Buffer.concat([le(1, 0), le(4, 1), le(4, 2), shortText('u'), shortText('/h'), shortText('/s')])
  const group = Buffer.concat([le(1, 1), le(4, 2), shortText('g')])
  const v4 = Buffer.concat([
    le(2, 3),
    le(2, 2),
    Buffer.from([10, 0, 0, 1, 255, 0, 0, 0, 10, 255, 255, 255]),
    Buffer.from('lo'),
  ])
  const { sink, parser } = parse(
    Buffer.concat([section, block(0x205, v4), block(0x206, Buffer.concat([user, group])), event]),
  )
  assert.equal(parser.error, undefined)
  assert.deepEqual(sink.state, [
    {
      kind: 'interface',
      value: { name: 'lo', address: 0x0a000001, netmask: 0xff000000, broadcast: 0x0affffff, linkSpeed: 0 },
    },
    { kind: 'user', value: { uid: 1, gid: 2, name: 'u', home: '/h', shell: '/s' } },
    { kind: 'group', value: { gid: 2, name: 'g' } },
  ])
})

// ---------------------------------------------------------------- what may go wrong

const skipped = [
  {
    name: 'unknown blocks, also among events',
    bytes: [section, block(0x999, le(8, 1)), event, block(0x998, le(2, 0)), event],
    events: 2,
    want: { unknownBlocks: 2 },
  },
  {
    name: 'events newer than the table',
    bytes: [section, changed(event, b => b.writeUInt16LE(60_000, 8 + 2 + 20)), event],
    events: 1,
    want: { unknownEvents: 1 },
  },
  {
    name: 'an event with lying lengths',
    bytes: [section, changed(event, b => b.writeUInt16LE(60_000, 8 + 2 + 26)), event],
    events: 1,
    want: { badEvents: 1 },
  },
  {
    name: 'an event longer than its block',
    bytes: [section, changed(event, b => b.writeUInt32LE(60_000, 8 + 2 + 16)), event],
    events: 1,
    want: { badEvents: 1 },
  },
] as const

for (const c of skipped) {
  test(`reading passes over ${c.name}`, async () => {
    const { summary } = await read(Buffer.concat(c.bytes))
    assert.equal(summary.error, undefined)
    assert.equal(summary.events, c.events)
    assert.partialDeepStrictEqual(summary, c.want)
  })
}

const failures = [
  { name: 'an empty file', bytes: Buffer.alloc(0), code: 'not-a-capture', offset: 0, events: 0 },
  { name: 'three bytes', bytes: Buffer.from('abc'), code: 'not-a-capture', offset: 0, events: 0 },
  {
    name: 'some text',
    bytes: Buffer.from('this is not a capture at all'),
    code: 'not-a-capture',
    offset: 0,
    events: 0,
  },
  {
    name: 'a pcapng section of another magic',
    bytes: changed(section, b => b.writeUInt32LE(0x1a2b3c4e, 8)),
    code: 'not-a-capture',
    offset: 0,
    events: 0,
  },
  {
    name: 'a newer version',
    bytes: changed(section, b => b.writeUInt16LE(2, 12)),
    code: 'version',
    offset: 0,
    events: 0,
  },
  {
    name: 'a block cut short',
    bytes: Buffer.concat([section, event, event.subarray(0, 20)]),
    code: 'truncated',
    offset: section.length + event.length + 20,
    events: 1,
  },
  {
    name: 'a block header cut short',
    bytes: Buffer.concat([section, event, event.subarray(0, 5)]),
    code: 'truncated',
    offset: section.length + event.length + 5,
    events: 1,
  },
  {
    name: 'a block of four bytes',
    bytes: Buffer.concat([section, event, le(4, 0x999), le(4, 4), le(8, 0)]),
    code: 'corrupt',
    offset: section.length + event.length,
    events: 1,
  },
  {
    name: 'an event block of a gigabyte',
    bytes: Buffer.concat([section, event, le(4, EVENT_V2), le(4, 2 ** 30), le(8, 0)]),
    code: 'corrupt',
    offset: section.length + event.length,
    events: 1,
  },
  {
    name: 'an event block too short for a header',
    bytes: Buffer.concat([section, event, block(EVENT_V2, le(8, 0))]),
    code: 'corrupt',
    offset: section.length + event.length,
    events: 1,
  },
  {
    name: 'a wrong trailer',
    bytes: Buffer.concat([section, changed(block(0x999, le(8, 0)), b => b.writeUInt32LE(1, 16)), event]),
    code: 'corrupt',
    offset: section.length + 16,
    events: 0,
  },
  {
    name: 'a process longer than its list',
    bytes: Buffer.concat([section, block(0x202, processBody(1).subarray(0, 50)), event]),
    code: 'corrupt',
    offset: section.length + 8,
    events: 0,
  },
  {
    name: 'a process longer than its length',
    bytes: Buffer.concat([section, block(PROCESS_LIST_V9, Buffer.concat([le(4, 30), processBody(9)])), event]),
    code: 'corrupt',
    offset: section.length + 8,
    events: 0,
  },
  {
    name: 'an entry length of zero',
    bytes: Buffer.concat([section, block(PROCESS_LIST_V9, le(8, 0)), event]),
    code: 'corrupt',
    offset: section.length + 8,
    events: 0,
  },
  {
    name: 'an interface of an unknown type without length',
    bytes: Buffer.concat([section, block(0x205, le(8, 77)), event]),
    code: 'corrupt',
    offset: section.length + 8,
    events: 0,
  },
] as const

for (const c of failures) {
  test(`what came before counts, then an error: ${c.name}`, async () => {
    const { summary } = await read(c.bytes)
    assert.deepEqual([summary.error?.code, summary.error?.offset, summary.events], [c.code, c.offset, c.events])
    const { summary: zipped } = await read(gzipSync(c.bytes))
    assert.deepEqual([zipped.error?.code, zipped.error?.offset, zipped.events], [c.code, c.offset, c.events])
  })
}

test('a file that is not there is an error, not an exception', async () => {
  const summary = await readCapture(join(folder, 'nothing'), new CollectingSink())
  assert.equal(summary.error?.code, 'io')
  const folderSummary = await readCapture(folder, new CollectingSink())
  assert.equal(folderSummary.error?.code, 'io')
})

// ---------------------------------------------------------------- gzip

const many: Buffer = Buffer.concat([section, ...Array<Buffer>(500).fill(event)])

test('gzip members may be cut anywhere', async () => {
  for (const at of [1, 30, many.length - 1]) {
    const zipped = Buffer.concat([gzipSync(many.subarray(0, at)), gzipSync(many.subarray(at))])
    const { summary } = await read(zipped)
    assert.equal(summary.error, undefined)
    assert.equal(summary.events, 500)
  }
})

test('hundreds of gzip members are read', async () => {
  const members = [gzipSync(section), ...Array<Buffer>(300).fill(gzipSync(event))]
  const { summary } = await read(Buffer.concat(members))
  assert.equal(summary.error, undefined)
  assert.equal(summary.events, 300)
})

test('two captures in one file are read one after the other', async () => {
  const { summary, sink } = await read(Buffer.concat([gzipSync(many), gzipSync(many)]))
  assert.deepEqual([summary.error, summary.events, summary.sections], [undefined, 1000, 2])
  assert.deepEqual(sink.state, [{ kind: 'reset' }])
  assert.equal(sink.events.at(-1)?.num, 1000)
})

for (const tail of ['\0\0\0\0', 'garbage after the end']) {
  test(`what follows the gzip data and is none is ignored: ${JSON.stringify(tail)}`, async () => {
    const { summary } = await read(Buffer.concat([gzipSync(many), Buffer.from(tail)]))
    assert.equal(summary.error, undefined)
    assert.equal(summary.events, 500)
  })
}

const noisyEvents = 20_000
/** A capture that compresses badly, of more than one piece. */
const noisy: Buffer = (() => {
  let seed = 1
  const random = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return seed
  }
  const events = Array.from({ length: noisyEvents }, () => {
    const data = Buffer.concat(Array.from({ length: 4 }, () => le(4, random())))
    return block(EVENT_V2, Buffer.concat([le(2, 0), encodeEvent(9, [le(8, 16), data, le(8, 3), le(4, 16)])]))
  })
  return gzipSync(Buffer.concat([section, ...events]))
})()

test('gzip data that ends too early gives the events before', async () => {
  const { summary } = await read(noisy.subarray(0, Math.trunc(noisy.length * 0.7)))
  assert.equal(summary.error?.code, 'truncated')
  assert.ok(summary.events > noisyEvents * 0.65 && summary.events < noisyEvents * 0.75, `${summary.events} events`)
})

test('damaged gzip data gives the events before the damage', async () => {
  for (const share of [0.3, 0.6, 0.95]) {
    const at = Math.trunc(noisy.length * share)
    const { summary } = await read(changed(noisy, b => b.fill(0xff, at, at + 30)))
    assert.equal(summary.error?.code, 'gzip')
    assert.ok(summary.events > noisyEvents * (share - 0.1), `${summary.events} events before ${share}`)
    assert.ok(summary.events < noisyEvents)
  }
})

test('a damaged checksum is an error, though all events are there', async () => {
  const { summary } = await read(changed(noisy, b => b.fill(0xff, b.length - 8, b.length - 4)))
  assert.equal(summary.error?.code, 'gzip')
  assert.equal(summary.events, noisyEvents)
})

test('a gzip bomb takes no more memory than a capture', async () => {
  // 256 MB of zeros in 250 kB: one block of an unknown type that says it is that long.
  const size = 256 * 1024 * 1024
  const path = join(folder, 'bomb.scap')
  const chunks: Buffer[] = []
  const gzip = createGzip({ level: 1 })
  gzip.on('data', chunk => chunks.push(chunk))
  gzip.write(section)
  gzip.write(Buffer.concat([le(4, 0x999), le(4, size)]))
  const zeros = Buffer.alloc(1024 * 1024)
  for (let i = 0; i < 255; i++) await new Promise(resolve => gzip.write(zeros, resolve))
  await new Promise<void>(resolve => {
    gzip.on('end', resolve)
    gzip.end()
  })
  writeFileSync(path, Buffer.concat(chunks))
  const before = process.memoryUsage.rss()
  let peak = before
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 5)
  const summary = await readCapture(path, new CollectingSink())
  clearInterval(watch)
  assert.equal(summary.error?.code, 'truncated')
  assert.ok(peak - before < 40 * 1024 * 1024, `${Math.round((peak - before) / 1e6)} MB more`)
})

// ---------------------------------------------------------------- options

test('the sink ends reading by false', async () => {
  for (const bytes of [many, gzipSync(many)]) {
    const sink = new CollectingSink(() => sink.events.length < 5)
    const summary = await readCapture(save(bytes), sink)
    assert.deepEqual([summary.events, summary.stopped, summary.error], [5, true, undefined])
  }
})

test('an exception of the sink reaches the caller', async () => {
  for (const bytes of [many, gzipSync(many)]) {
    const sink = new CollectingSink(() => {
      throw new Error('the sink broke')
    })
    await assert.rejects(readCapture(save(bytes), sink), /the sink broke/)
  }
})

test('the signal ends reading between pieces, and progress is told', async () => {
  const long = Buffer.concat([section, ...Array<Buffer>(20_000).fill(event)])
  const controller = new AbortController()
  const progress: number[] = []
  let pauses = 0
  const summary = await readCapture(save(long), new CollectingSink(), {
    signal: controller.signal,
    onProgress: (bytesRead, total) => {
      assert.equal(total, long.length)
      progress.push(bytesRead)
    },
    betweenChunks: () => {
      if (++pauses === 2) controller.abort()
      return Promise.resolve()
    },
  })
  assert.deepEqual([summary.stopped, summary.error, progress.length], [true, undefined, 2])
  assert.ok(summary.events > 1000 && summary.events < 20_000)
})

const kinds = [
  { name: 'a plain capture', bytes: many, kind: 'capture', events: 500 },
  { name: 'a gzip capture', bytes: gzipSync(many), kind: 'capture', events: 500 },
  { name: 'NDJSON', bytes: Buffer.from('{"type":"close","tid":1}\n'), kind: 'ndjson', events: 1 },
  {
    name: 'NDJSON after a byte order mark and an empty line',
    bytes: Buffer.from('\ufeff\n {"type":"close","tid":1}'),
    kind: 'ndjson',
    events: 1,
  },
  { name: 'neither', bytes: Buffer.from('- rule: x'), kind: 'capture', events: 0 },
] as const

for (const c of kinds) {
  test(`openSource tells by the content: ${c.name}`, async () => {
    const source = await openSource(save(c.bytes))
    assert.equal(source.kind, c.kind)
    const summary = await source.read(new CollectingSink())
    assert.equal(summary.kind, c.kind)
    assert.equal(summary.events, c.events)
    assert.equal(summary.error !== undefined, c.name === 'neither')
  })
}

// ---------------------------------------------------------------- fuzz

/** A capture with everything in it. */
function sample(): Buffer {
  const parts: Buffer[] = []
  const writer = new CaptureWriter(bytes => parts.push(Buffer.from(bytes)), { gzip: false })
  writer.machine({ cpuCount: 2, memoryBytes: 1e9, hostname: 'h', bootTsNs: 5n })
  writer.networkInterface({ name: 'lo', address: 1, netmask: 2 })
  writer.user({ uid: 1, gid: 2, name: 'u', home: '/', shell: '/' })
  writer.group({ gid: 2, name: 'g' })
  const rec = createRecord()
  for (const bytes of [
    closeEvent,
    encodeEvent(23, [le(8, 0), Buffer.concat([le(1, 2), Buffer.alloc(12, 9)]), le(8, 3), Buffer.alloc(0)]),
    encodeEvent(324, [Buffer.from('{"container":{}}\0')]),
    encodeEvent(4, [le(8, 3)]),
    encodeEvent(5, [le(8, 0)]),
    encodeEvent(13, [le(8, 0), Buffer.from('ls\0')]),
  ]) {
    attachBytes(rec, bytes)
    assert.ok(readRecord(rec, 0, bytes.length) > 0)
    writer.event(rec)
  }
  writer.end()
  const lists = [
    block(0x202, processBody(1)),
    block(0x214, processBody(8)),
    block(PROCESS_LIST_V9, Buffer.concat([le(4, processBody(9).length + 84), processBody(9), Buffer.alloc(80)])),
    block(0x203, Buffer.concat([le(8, 10), le(8, 3), le(8, 1), le(1, 16), le(4, 1), shortText('/x')])),
    ...eventBlocks.map(c => c.block),
  ]
  return Buffer.concat([...parts, ...lists])
}

test('mutated captures give events and perhaps an error, in pieces of any size', () => {
  const bytes = sample()
  const edits = fc.array(
    fc.record({
      at: fc.nat(bytes.length - 1),
      value: fc.oneof(fc.constantFrom(0, 1, 4, 0x7f, 0xff), fc.nat(255)),
      kind: fc.constantFrom('set', 'set', 'cut', 'insert', 'u32'),
    }),
    { minLength: 1, maxLength: 6 },
  )
  fc.assert(
    fc.property(edits, fc.integer({ min: 1, max: 500 }), (list, size) => {
      let copy = Buffer.from(bytes)
      for (const { at, value, kind } of list) {
        if (at >= copy.length) continue
        if (kind === 'set') copy[at] = value
        else if (kind === 'cut') copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + value)])
        else if (kind === 'insert')
          copy = Buffer.concat([copy.subarray(0, at), Buffer.alloc(value, value), copy.subarray(at)])
        else if (at + 4 <= copy.length) copy.writeUInt32LE((value * 0x01010101) >>> 0, at & ~3)
      }
      const whole = parse(copy)
      const sink = new CollectingSink()
      const parser = new CaptureParser(sink)
      for (let at = 0; at < copy.length; at += size) {
        if (!parser.push(Buffer.from(copy.subarray(at, at + size)))) break
      }
      parser.end()
      assert.deepEqual(parser.error, whole.parser.error)
      assert.deepEqual(sink.events, whole.sink.events)
      assert.deepEqual(sink.state, whole.sink.state)
    }),
    { numRuns: 1500 },
  )
})

test('random bytes after a section header give an error or nothing', () => {
  const types = fc.constantFrom(...blockKinds.keys(), 0x999)
  const blocks = fc.array(
    fc.record({
      type: types,
      body: fc.uint8Array({ maxLength: 120 }),
      lie: fc.option(fc.nat(0xffffffff), { freq: 10 }),
    }),
    { maxLength: 8 },
  )
  fc.assert(
    fc.property(blocks, list => {
      const parts = list.map(({ type, body, lie }) => {
        const bytes = block(type, Buffer.from(body))
        if (lie !== null) bytes.writeUInt32LE(lie, 4)
        return bytes
      })
      const { parser } = parse(Buffer.concat([section, ...parts]))
      if (parser.error !== undefined) assert.match(parser.error.code, /^(corrupt|truncated|not-a-capture|version)$/)
    }),
    { numRuns: 1500 },
  )
})

test('mutated gzip data never rejects', async () => {
  const zipped = gzipSync(many)
  await fc.assert(
    fc.asyncProperty(fc.nat(zipped.length - 1), fc.nat(255), async (at, value) => {
      const { summary } = await read(changed(zipped, b => b.writeUInt8(value, at)))
      // a changed length repeats bytes, so there may be more events than before; deflate's ratio still bounds them
      assert.ok(summary.events <= (zipped.length * 1032) / 24)
    }),
    { numRuns: 100 },
  )
})
