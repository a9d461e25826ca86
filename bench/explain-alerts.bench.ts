/**
 * What does the evidence in a JSON alert cost (`domains.explain_alerts`), and nothing while it is off?
 * Replays look-ups and connects that all alert, with and without it. Run: node bench/explain-alerts.bench.ts
 */
import { cpus } from 'node:os'
import { loadRules } from '../src/agent/load-rules.ts'
import { makeObserver } from '../src/agent/make-observer.ts'
import { Pipeline } from '../src/agent/pipeline.ts'
import { NameIndex } from '../src/domains/name-index.ts'
import { NdjsonParser } from '../src/events/ndjson/read-ndjson.ts'
import { AlertRenderer, defaultAlertFormat } from '../src/outputs/format-alert.ts'
import { CONNECTS, rule, Scene } from '../test/conformance/observed-names/scene.ts'
import { median } from './median.ts'
import { plainSetup } from '../src/agent/testdata/plain-setup.ts'

const ROUNDS = 7
const PROCESSES = 50
const CONNECTS_EACH = 100

const scene = new Scene()
for (let pid = 11; pid < 11 + PROCESSES; pid++) {
  scene.process(pid).dns(pid, `n${pid}.example`, [`192.0.2.${pid}`])
  for (let i = 0; i < CONNECTS_EACH; i++) scene.connect(pid, `192.0.2.${pid}`)
}
const lines = scene.lines.map(line => Buffer.from(`${JSON.stringify(line)}\n`))
const names = Array.from({ length: 1000 }, (_, i) => `trusted${i}.example`)
const text =
  `- list: trusted\n  items: [${names.join(', ')}]\n` +
  rule('Unexpected', `${CONNECTS} and not fd.sip.name in (trusted)`, '%fd.sip.name %fd.sip %proc.name')
const { rules, fields } = loadRules([{ path: 'rules.yaml', text }], {
  ruleSelection: [],
  minPriority: 7,
  staticFields: new Map(),
  domains: { strict: false },
})

/** µs for each alert, and bytes of its line. */
function replay(explainsNames: boolean): { readonly us: number; readonly bytes: number } {
  const index = new NameIndex()
  const renderer = new AlertRenderer({ ...defaultAlertFormat, json: true, hostname: 'host' })
  let alerts = 0
  let bytes = 0
  const pipeline = new Pipeline({
    plan: rules.plan!,
    fields,
    names: index,
    observer: makeObserver({ dnsPorts: [53], trustedResolvers: [] }, index),
    ...plainSetup,
    explainsNames,
    onAlert: alert => {
      alerts++
      bytes += Buffer.byteLength(renderer.render(alert))
    },
  })
  const parser = new NdjsonParser(pipeline.sink)
  const start = process.hrtime.bigint()
  for (const line of lines) parser.push(line)
  parser.end()
  const us = Number(process.hrtime.bigint() - start) / 1000
  if (alerts !== PROCESSES * CONNECTS_EACH) throw new Error(`${alerts} alerts`)
  return { us: us / alerts, bytes: bytes / alerts }
}

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
const times: Record<'off' | 'on', number[]> = { off: [], on: [] }
let size = { off: 0, on: 0 }
for (let round = 0; round < ROUNDS; round++) {
  for (const way of ['off', 'on'] as const) {
    const { us, bytes } = replay(way === 'on')
    times[way].push(us)
    size = { ...size, [way]: Math.round(bytes) }
  }
}
const [off, on] = [median(times.off), median(times.on)]
console.log(`off: ${off.toFixed(1)} µs an alert with its two events, ${size.off} bytes`)
console.log(`on:  ${on.toFixed(1)} µs, ${size.on} bytes: ${(on / off).toFixed(2)} times`)
