/**
 * What does a flood of DNS answers with random names do? One process looks up names that never repeat, as fast as events can be judged; others
 * have looked up theirs before. Printed: how many look-ups a second one core judges, the memory of the index when it is full, and how much of
 * what the others know is left.
 * Run: node --expose-gc bench/name-flood.bench.ts [LOOK-UPS]
 */
import { cpus } from 'node:os'
import { loadRules } from '../src/agent/load-rules.ts'
import { makeObserver } from '../src/agent/make-observer.ts'
import { Pipeline } from '../src/agent/pipeline.ts'
import { NameIndex } from '../src/domains/name-index.ts'
import { attachBytes, createRecord, readRecord } from '../src/events/decode-record.ts'
import { NdjsonParser } from '../src/events/ndjson/read-ndjson.ts'
import { CONNECTS, rule, Scene } from '../test/conformance/observed-names/scene.ts'

const FLOODER = 66
const OTHERS = 100
const NAMES_EACH = 50
const BATCH = 10_000
const lookUps = Number(process.argv[2] ?? 400_000)

const text = rule('Spelled', `${CONNECTS} and fd.sip.name in (spelled.example)`)
const { rules, fields } = loadRules([{ path: 'rules.yaml', text }], {
  ruleSelection: [],
  minPriority: 7,
  staticFields: new Map(),
  domains: { strict: false, lists: [] },
})
const names = new NameIndex()
const observer = makeObserver({ dnsPorts: [53], trustedResolvers: [] }, names)
const pipeline = new Pipeline({
  plan: rules.plan!,
  fields,
  names,
  observer,
  ruleMatching: 'first',
  minPriority: 7,
  appendOutput: [],
  staticFields: new Map(),
  onAlert: () => {},
})

const known = Array.from({ length: OTHERS }, (_, i) =>
  Array.from({ length: NAMES_EACH }, (_, k) => `h${k}.of${i}.example`),
)
const others = new Scene().process(FLOODER)
for (const [i, own] of known.entries()) {
  others.process(100 + i)
  for (const [k, name] of own.entries()) others.dns(100 + i, name, [`198.51.${i}.${k}`])
}
others.dns(100, 'spelled.example', ['203.0.113.1'])
tell(others)

const heapBefore = heapBytes()
let cpuMs = 0
for (let done = 0; done < lookUps; done += BATCH) {
  const scene = new Scene()
  for (let i = 0; i < BATCH; i++) {
    const random = Math.random().toString(36).slice(2)
    scene.dns(FLOODER, `${random}.evil.example`, [`10.${i & 255}.${(i >> 8) & 255}.${done % 251}`])
  }
  const events = encode(scene.lines.filter(line => !('kind' in line)))
  const before = process.cpuUsage()
  feed(events)
  const { user, system } = process.cpuUsage(before)
  cpuMs += (user + system) / 1000
}
const stats = names.stats()
const heap = heapBytes() - heapBefore
const left = known.flat().filter(name => names.bindingsOfName(name, Date.now()).length > 0).length
console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
console.log(
  `${lookUps} look-ups of names that never repeat: ${Math.round((lookUps / cpuMs) * 1000)} a second of one core`,
)
console.log(
  `the index then has ${stats.names} names and ${stats.bindings} bindings, ${(heap / 1e6).toFixed(0)} MB more than before`,
)
console.log(
  `${stats.evictedForRoom} bindings gave room; of ${OTHERS * NAMES_EACH} names of ${OTHERS} other processes ${left} are known`,
)
console.log(
  `the name that a rule spells is ${names.bindingsOfName('spelled.example', Date.now()).length > 0 ? '' : 'not '}known`,
)

function tell(scene: Scene): void {
  const parser = new NdjsonParser(pipeline.sink)
  for (const line of scene.lines) parser.push(Buffer.from(`${JSON.stringify(line)}\n`))
  parser.end()
}

/** Events as they lie in memory, so that only judging them is measured. */
function encode(lines: readonly object[]): Buffer {
  const parts: Buffer[] = []
  const nothing = (): void => {}
  const parser = new NdjsonParser({
    machine: nothing,
    networkInterface: nothing,
    user: nothing,
    group: nothing,
    process: nothing,
    fd: nothing,
    event: record => parts.push(Buffer.from(record.bytes.subarray(record.start, record.end))) > 0,
  })
  for (const line of lines) parser.push(Buffer.from(`${JSON.stringify(line)}\n`))
  parser.end()
  return Buffer.concat(parts)
}

function feed(bytes: Buffer): void {
  const record = createRecord()
  attachBytes(record, bytes)
  for (let at = 0; at < bytes.length; record.num++) {
    at = readRecord(record, at, bytes.length)
    pipeline.sink.event(record)
  }
}

function heapBytes(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
