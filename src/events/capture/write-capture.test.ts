import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { attachBytes, createRecord, readRecord } from '../decode-record.ts'
import { eventTable } from '../event-table.ts'
import type { FdEntry, GroupEntry, InterfaceEntry, ProcessEntry, UserEntry } from '../source.ts'
import { isConverted } from '../upgrade-event.ts'
import { CaptureParser } from './capture-parser.ts'
import { readCapture } from './read-capture.ts'
import { encodeEvent } from '../encode-event.ts'
import { CollectingSink, sharedCaptures, sharedFolder } from '../testing.ts'
import { CaptureWriter, openCaptureFile } from './write-capture.ts'

const skip: string | false = existsSync(sharedFolder) ? false : 'the shared captures are not here'

function parse(bytes: Buffer): CollectingSink {
  const sink = new CollectingSink()
  const parser = new CaptureParser(sink)
  parser.push(bytes)
  parser.end()
  assert.equal(parser.error, undefined)
  return sink
}

for (const name of sharedCaptures) {
  test(`${name}: what is written reads back the same`, { skip }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tiercel-'))
    try {
      const original = new CollectingSink()
      await readCapture(new URL(`${name}.scap`, sharedFolder).pathname, original)
      const path = join(folder, 'copy.scap')
      const writer = openCaptureFile(path)
      await readCapture(new URL(`${name}.scap`, sharedFolder).pathname, writer)
      writer.end()
      const copy = new CollectingSink()
      const summary = await readCapture(path, copy)
      assert.equal(summary.error, undefined)
      assert.equal(copy.events.length, original.events.length)
      for (const [i, event] of original.events.entries()) assert.deepEqual(copy.events[i], event)
      // An older list lacks fields that the written one has with their defaults.
      const order = ['machine', 'interface', 'user', 'group', 'process', 'fd']
      for (const kind of order) {
        const had = original.state.filter(entry => entry.kind === kind)
        const got = copy.state.filter(entry => entry.kind === kind)
        assert.equal(got.length, had.length)
        for (const [i, entry] of had.entries()) assert.partialDeepStrictEqual(got[i], entry)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

/** Records like those of the reader: plain objects. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true })
}

const u8 = fc.nat(0xff)
const u16 = fc.nat(0xffff)
const u32 = fc.nat(0xffffffff)
const u64 = fc.oneof(fc.maxSafeNat(), fc.bigInt(2n ** 53n, 2n ** 64n - 1n))
const id = fc.oneof(fc.nat(0xffffff), fc.constant(-1))
const byteText = (max: number): fc.Arbitrary<string> =>
  fc.uint8Array({ min: 1, max: 255, maxLength: max }).map(bytes => Buffer.from(bytes).toString('latin1'))
const texts = fc.array(byteText(20), { maxLength: 5 })
const v4 = u32
const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => Buffer.from(bytes).toString('latin1'))
const bool = fc.boolean()

const processes: fc.Arbitrary<ProcessEntry> = record({
  tid: id,
  pid: id,
  ptid: id,
  sid: id,
  vpgid: id,
  comm: byteText(16),
  exe: byteText(40),
  exepath: byteText(40),
  args: texts,
  cwd: byteText(40),
  fdlimit: id,
  flags: u32,
  uid: u32,
  gid: u32,
  vmSizeKb: u32,
  vmRssKb: u32,
  vmSwapKb: u32,
  pfMajor: fc.nat(),
  pfMinor: fc.nat(),
  env: texts,
  vtid: id,
  vpid: id,
  cgroups: texts,
  root: byteText(20),
  pidnsInitStartTs: u64,
  tty: u32,
  loginuid: u32,
  exeWritable: bool,
  capInheritable: u64,
  capPermitted: u64,
  capEffective: u64,
  exeUpperLayer: bool,
  exeIno: u64,
  exeInoCtime: u64,
  exeInoMtime: u64,
  exeFromMemfd: bool,
  exeLowerLayer: bool,
  pgid: id,
})

const fdHead = { fd: id, ino: u64 }
const l4 = { sport: u16, dport: u16, l4proto: u8 }
const fds: fc.Arbitrary<FdEntry> = fc.oneof(
  record({ ...fdHead, type: fc.constant(3), sip: v4, dip: v4, ...l4 }),
  record({ ...fdHead, type: fc.constant(4), sip: v6, dip: v6, ...l4 }),
  record({ ...fdHead, type: fc.constant(5), dip: v4, dport: u16, l4proto: u8 }),
  record({ ...fdHead, type: fc.constant(6), dip: v6, dport: u16, l4proto: u8 }),
  record({ ...fdHead, type: fc.constant(8), unixSource: u64, unixDest: u64, name: byteText(30) }),
  record({ ...fdHead, type: fc.constant(16), openFlags: u32, name: byteText(30), dev: u32 }),
  record({
    ...fdHead,
    type: fc.constantFrom(1, 2, 7, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21),
    name: byteText(30),
  }),
)
const interfaceTail = { linkSpeed: u64, name: byteText(15) }
const interfaces: fc.Arbitrary<InterfaceEntry> = fc.oneof(
  record({ address: v4, netmask: v4, broadcast: v4, ...interfaceTail }),
  record({ address: v6, netmask: v6, broadcast: v6, ...interfaceTail }),
)
const users: fc.Arbitrary<UserEntry> = record({
  uid: u32,
  gid: u32,
  name: byteText(30),
  home: byteText(30),
  shell: byteText(30),
})
const groups: fc.Arbitrary<GroupEntry> = record({ gid: u32, name: byteText(30) })
const machines = record({
  cpuCount: u32,
  memoryBytes: fc.maxSafeNat(),
  maxPid: fc.nat(),
  hostname: byteText(100),
  bootTsNs: fc.bigInt(0n, 2n ** 64n - 1n),
})

test('the state before the events reads back as it was written', () => {
  const world = record({
    machine: machines,
    interfaces: fc.array(interfaces, { maxLength: 4 }),
    users: fc.array(users, { maxLength: 4 }),
    groups: fc.array(groups, { maxLength: 4 }),
    processes: fc.array(processes, { maxLength: 4 }),
    fds: fc.array(record({ tid: id, value: fds }), { maxLength: 8 }),
  })
  fc.assert(
    fc.property(world, w => {
      const parts: Buffer[] = []
      const writer = new CaptureWriter(bytes => parts.push(Buffer.from(bytes)), { gzip: false })
      writer.machine(w.machine)
      for (const entry of w.interfaces) writer.networkInterface(entry)
      for (const entry of w.users) writer.user(entry)
      for (const entry of w.groups) writer.group(entry)
      for (const entry of w.processes) writer.process(entry)
      for (const entry of w.fds) writer.fd(entry.tid, entry.value)
      writer.end()
      const { state } = parse(Buffer.concat(parts))
      assert.deepEqual(state, [
        { kind: 'machine', value: w.machine },
        ...w.interfaces.map(value => ({ kind: 'interface', value })),
        ...w.users.map(value => ({ kind: 'user', value })),
        ...w.groups.map(value => ({ kind: 'group', value })),
        ...w.processes.map(value => ({ kind: 'process', value })),
        ...w.fds.map(entry => ({ kind: 'fd', ...entry })),
      ])
    }),
    { numRuns: 200 },
  )
})

/** Current events with any parameter bytes. */
const eventBytes: fc.Arbitrary<Buffer> = fc
  .constantFrom(...eventTable.filter(info => !isConverted(info.code)))
  .chain(info =>
    record({
      code: fc.constant(info.code),
      ts: fc.bigInt(0n, 2n ** 64n - 1n),
      tid: fc.nat(0xffffffff),
      params: fc.array(fc.uint8Array({ maxLength: 40 }), {
        minLength: info.params.length,
        maxLength: info.params.length,
      }),
    }),
  )
  .map(({ code, ts, tid, params }) => encodeEvent(code, params, { ts, tid }))

test('events read back byte for byte, also in pieces of any size', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(fc.array(record({ bytes: eventBytes, cpu: u16 }), { maxLength: 20 }), pieces, (events, sizes) => {
      const parts: Buffer[] = []
      const writer = new CaptureWriter(bytes => parts.push(Buffer.from(bytes)), { gzip: false })
      const rec = createRecord()
      for (const event of events) {
        attachBytes(rec, event.bytes)
        assert.equal(readRecord(rec, 0, event.bytes.length), event.bytes.length)
        rec.cpu = event.cpu
        writer.event(rec)
      }
      writer.end()
      const sink = new CollectingSink()
      const parser = new CaptureParser(sink)
      const file = Buffer.concat(parts)
      for (let at = 0, i = 0; at < file.length; i++) {
        const size = sizes[i % sizes.length] ?? 1
        parser.push(file.subarray(at, at + size))
        at += size
      }
      parser.end()
      assert.equal(parser.error, undefined)
      const want = events.map((event, i) => ({ num: i + 1, cpu: event.cpu, bytes: event.bytes.toString('latin1') }))
      assert.deepEqual(sink.events, want)
    }),
    { numRuns: 200 },
  )
})

test('an event beyond 64 KiB is written as a large block', () => {
  const json = Buffer.alloc(200_000, 0x61)
  const bytes = encodeEvent(324, [json])
  const rec = createRecord()
  attachBytes(rec, bytes)
  assert.equal(readRecord(rec, 0, bytes.length), bytes.length)
  const parts: Buffer[] = []
  const writer = new CaptureWriter(part => parts.push(Buffer.from(part)))
  writer.event(rec)
  writer.end()
  const { events } = parse(gunzipSync(Buffer.concat(parts)))
  assert.equal(events.length, 1)
  assert.equal(events[0]?.bytes, bytes.toString('latin1'))
})

test('a second section begins the world anew and event numbers go on', () => {
  const bytes = encodeEvent(275, [])
  const rec = createRecord()
  attachBytes(rec, bytes)
  assert.equal(readRecord(rec, 0, 26), 26)
  const parts: Buffer[] = []
  const writer = new CaptureWriter(part => parts.push(Buffer.from(part)), { gzip: false })
  writer.group({ gid: 1, name: 'a' })
  writer.event(rec)
  writer.reset()
  writer.group({ gid: 2, name: 'b' })
  writer.event(rec)
  writer.end()
  const sink = parse(Buffer.concat(parts))
  assert.deepEqual(
    sink.state.map(entry => entry.kind),
    ['group', 'reset', 'group'],
  )
  assert.deepEqual(
    sink.events.map(event => event.num),
    [1, 2],
  )
})
