/**
 * What does a flood of answers with random names cost, and what does it leave behind? One container looks up a name that it never asked for
 * before, as fast as it can; another looked its own names up before that. CPU of the whole event path for each look-up, so the share of a
 * core that 50,000 answers a second take; memory, and what is still known of the other container's names.
 * Run: node bench/flood.bench.ts [LOOK-UPS]
 * As the agent runs: MALLOC_ARENA_MAX=1 node --min-semi-space-size=4 --max-semi-space-size=4 bench/flood.bench.ts; without the flags, twice
 * the memory
 */
import { cpus } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Pipeline } from '../src/agent/pipeline.ts'
import { NameIndex } from '../src/domains/name-index.ts'
import { attachBytes, createRecord, readRecord } from '../src/events/decode-record.ts'
import { NdjsonParser } from '../src/events/ndjson/read-ndjson.ts'
import { Scene } from '../test/conformance/observed-names/scene.ts'
import { defaultPipeline } from './default-pipeline.ts'

const LOOK_UPS = Number(process.argv[2] ?? 1_000_000)
const ANSWERS_PER_SECOND = 50_000
const QUIET_NAMES = 1000
const QUIET = 11
const LOUD = 12
const LABEL = 'x'.repeat(16)
/** From the first letter of a question's name back to the message's id: a length byte and the header. */
const ID_BEFORE_LABEL = 13

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** The events of one look-up, whose name, id, address and time are written anew each time. */
function templateOf(pipeline: Pipeline, scene: Scene): Buffer {
  const parts: Buffer[] = []
  const parser = new NdjsonParser({
    ...pipeline.sink,
    event: record => {
      parts.push(Buffer.from(record.bytes.subarray(record.start, record.end)))
      return true
    },
  })
  for (const line of scene.lines) parser.push(Buffer.from(`${JSON.stringify(line)}\n`))
  parser.end()
  return Buffer.concat(parts)
}

function quietAddress(i: number): number {
  return 0xc6120000 + i
}

function run(observes: boolean): { cpuMs: number; names: NameIndex; pipeline: Pipeline; nowMs: number } {
  const names = new NameIndex()
  const pipeline = defaultPipeline(names, observes)
  const scene = new Scene()
    .process(QUIET, { container: 'aaaaaaaaaaaa' })
    .process(LOUD, { container: 'bbbbbbbbbbbb' })
    .dns(LOUD, `${LABEL}.flood.example`, ['203.0.113.1'])
  const bytes = templateOf(pipeline, scene)
  const record = createRecord()
  attachBytes(record, bytes)
  const starts: number[] = []
  for (let at = 0; at < bytes.length; ) {
    starts.push(at)
    at = readRecord(record, at, bytes.length)
  }
  const labels: number[] = []
  for (let at = bytes.indexOf(LABEL); at >= 0; at = bytes.indexOf(LABEL, at + 1)) labels.push(at)
  const addressAt = bytes.indexOf(Buffer.from([203, 0, 113, 1]))
  const beginNs = record.tsNs
  for (let i = 0; i < QUIET_NAMES; i++) {
    const owner = { pid: QUIET, containerId: 'aaaaaaaaaaaa' }
    const atMs = Number(beginNs) / 1e6
    names.learn(
      { name: `n${i}.quiet.example`, ip: quietAddress(i), evidence: 'observed', owner, fromMs: atMs, ttlSec: 300 },
      atMs,
    )
  }
  const before = process.cpuUsage()
  let tsNs = beginNs
  for (let i = 0; i < LOOK_UPS; i++) {
    const text = i.toString(36).padStart(LABEL.length, 'q')
    for (const at of labels) {
      bytes.latin1Write(text, at, LABEL.length)
      bytes.writeUInt16BE(i & 0xffff, at - ID_BEFORE_LABEL)
    }
    bytes.writeUInt32BE((0x0b000000 + i) >>> 0, addressAt)
    tsNs += BigInt(1e9 / ANSWERS_PER_SECOND)
    for (const at of starts) bytes.writeBigUInt64LE(tsNs, at)
    for (let at = 0; at < bytes.length; record.num++) {
      at = readRecord(record, at, bytes.length)
      pipeline.sink.event(record)
    }
  }
  const { user, system } = process.cpuUsage(before)
  return { cpuMs: (user + system) / 1000, names, pipeline, nowMs: Number(tsNs) / 1e6 }
}

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
console.log(
  `${LOOK_UPS} look-ups of as many names, five events each, ${ANSWERS_PER_SECOND} a second in the events' own time`,
)
const off = run(false)
collect()
const heapBefore = process.memoryUsage().heapUsed
const on = run(true)
collect()
const heapMb = (process.memoryUsage().heapUsed - heapBefore) / 1e6
const share = (ms: number): string =>
  `${((ms / LOOK_UPS) * 1000).toFixed(1)} µs each, ${((ms / LOOK_UPS) * ANSWERS_PER_SECOND * 0.1).toFixed(0)} % of a core`
console.log(`  events without names  ${share(off.cpuMs)}`)
console.log(`  with names            ${share(on.cpuMs)}`)
const { names, bindings, ends, evictedForRoom } = on.names.stats()
console.log(
  `  kept: ${names} names, ${bindings} bindings, ${ends} ends awaited, ${evictedForRoom} evicted; ${heapMb.toFixed(0)} MB of heap, ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB resident`,
)
let known = 0
for (let i = 0; i < QUIET_NAMES; i++) if (on.names.bindingsOfAddress(quietAddress(i), on.nowMs).length > 0) known++
console.log(`  of ${QUIET_NAMES} names that the other container looked up before, ${known} are known`)
if (names > 110_000) throw new Error('the flood was kept')
if (known < QUIET_NAMES) throw new Error('the flood pushed out what others looked up')
