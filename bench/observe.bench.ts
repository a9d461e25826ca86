/**
 * What does learning names from traffic cost? The whole event path (state, names, default rules, alerts dropped) over a capture with few
 * sockets and over one that does little else than look names up and connect; once without an observer and once with it.
 * Run: node bench/observe.bench.ts [FILE]
 */
import { existsSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { loadRules } from '../src/agent/load-rules.ts'
import { makeObserver } from '../src/agent/make-observer.ts'
import { Pipeline } from '../src/agent/pipeline.ts'
import { NameIndex } from '../src/domains/name-index.ts'
import { readCapture } from '../src/events/capture/read-capture.ts'
import { attachBytes, createRecord, readRecord } from '../src/events/decode-record.ts'
import { NdjsonParser } from '../src/events/ndjson/read-ndjson.ts'
import type { SourceSink } from '../src/events/source.ts'
import { asRecords, clientHello } from '../src/domains/testdata/client-hello.ts'
import { Scene } from '../test/conformance/observed-names/scene.ts'

const ROUNDS = 9
const LOOK_UPS = 20_000
const shared: string = fileURLToPath(new URL('../../shared/data/captures/busy.scap', import.meta.url))
const sample: string = fileURLToPath(new URL('../samples/network.scap', import.meta.url))
const path: string = process.argv[2] ?? (existsSync(shared) ? shared : sample)

const files = ['host.yaml', 'network.yaml'].map(name => ({
  path: name,
  text: readFileSync(new URL(`../rules/${name}`, import.meta.url), 'utf8'),
}))
const { rules, fields } = loadRules(files, {
  ruleSelection: [],
  minPriority: 7,
  staticFields: new Map(),
  domains: { strict: false },
})

function makePipeline(observes: boolean): Pipeline {
  const names = new NameIndex()
  return new Pipeline({
    plan: rules.plan!,
    fields,
    names,
    ruleMatching: 'first',
    minPriority: 7,
    appendOutput: [],
    staticFields: new Map(),
    onAlert: () => {},
    ...(observes && { observer: makeObserver({ dnsPorts: [53], trustedResolvers: [] }, names) }),
  })
}

/**
 * A hundred processes that do what clients do, and nothing else: read the resolver's files, look a name up, connect, send a ClientHello, get
 * and send some data.
 */
function dnsHeavyLines(): readonly object[] {
  const scene = new Scene()
  for (let pid = 100; pid < 200; pid++) scene.process(pid)
  const data = Buffer.alloc(80, 0x17)
  for (let i = 0; i < LOOK_UPS; i++) {
    const pid = 100 + (i % 100)
    const host = (i * 7) % 2000
    const name = `h${host}.shop.example`
    const edge = `edge${host % 50}.cdn.example`
    const ip = `192.0.${host >> 8}.${host & 255}`
    for (const file of ['/etc/resolv.conf', '/etc/hosts']) {
      scene
        .event(pid, 'openat', { fd: 4, dirfd: -100, name: file, flags: 'O_RDONLY' })
        .event(pid, 'close', { res: 0, fd: 4 })
    }
    scene.dns(pid, name, [
      { name, type: 'CNAME', data: edge },
      { name: edge, type: 'A', data: ip },
    ])
    const { fd } = scene.open(pid, `${ip}:443`, { isTcp: true, fd: 9 })
    scene.send(pid, fd, asRecords(clientHello({ name, padding: 200 })))
    for (let k = 0; k < 4; k++) scene.receive(pid, fd, data).send(pid, fd, data)
    scene.event(pid, 'close', { res: 0, fd })
  }
  return scene.lines
}

/** Lines as state, told to a sink, and as events in memory. */
function encode(lines: readonly object[]): (sink: SourceSink) => number {
  const parts: Buffer[] = []
  const state: ((sink: SourceSink) => void)[] = []
  const collect: SourceSink = {
    machine() {},
    networkInterface() {},
    user() {},
    group() {},
    process: entry => state.push(sink => sink.process(entry)),
    fd() {},
    event(record) {
      parts.push(Buffer.from(record.bytes.subarray(record.start, record.end)))
      return true
    },
  }
  const parser = new NdjsonParser(collect)
  for (const line of lines) parser.push(Buffer.from(`${JSON.stringify(line)}\n`))
  parser.end()
  const bytes = Buffer.concat(parts)
  return sink => {
    for (const tell of state) tell(sink)
    const record = createRecord()
    attachBytes(record, bytes)
    for (let at = 0; at < bytes.length; record.num++) {
      at = readRecord(record, at, bytes.length)
      sink.event(record)
    }
    return parts.length
  }
}

const heavy = encode(dnsHeavyLines())
const loads: readonly { readonly name: string; readonly run: (sink: SourceSink) => Promise<number> | number }[] = [
  { name: path.replace(/.*\//, ''), run: async sink => (await readCapture(path, sink)).events },
  { name: 'look-ups and connections', run: heavy },
]

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
console.log(`CPU time, median of ${ROUNDS} rounds (lowest to highest)`)
for (const { name, run } of loads) {
  const ms: [off: number[], on: number[]] = [[], []]
  let events = 0
  // One after the other within a round, so that a slow moment of the machine meets both; the first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, observes] of [false, true].entries()) {
      const pipeline = makePipeline(observes)
      const before = process.cpuUsage()
      events = await run(pipeline.sink)
      const { user, system } = process.cpuUsage(before)
      if (round > 0) ms[i]!.push((user + system) / 1000)
    }
  }
  const [off, on] = ms.map(values => values.sort((a, b) => a - b)) as [number[], number[]]
  const [offMs, onMs] = [off[ROUNDS >> 1]!, on[ROUNDS >> 1]!]
  const show = (values: number[], median: number): string =>
    `${median.toFixed(0)} ms (${values[0]!.toFixed(0)} to ${values.at(-1)!.toFixed(0)}), ${((median * 1e6) / events).toFixed(0)} ns an event`
  console.log(`${name}: ${events} events`)
  console.log(`  without  ${show(off, offMs)}`)
  console.log(`  with     ${show(on, onMs)}: ${((onMs / offMs - 1) * 100).toFixed(1)} % more`)
}
