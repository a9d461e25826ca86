/**
 * What does learning names from traffic cost? The whole event path (state, names, default rules, alerts dropped) over a capture of a busy
 * host as it is, with a look-up for each of its connections, and over look-ups alone; once without an observer and once with it.
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
import type { SourceSink } from '../src/events/source.ts'
import { busyHost, lookUpsAlone } from './dns-load.ts'

const ROUNDS = 9
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

const busy = await busyHost(path)
const loads: readonly { readonly name: string; readonly run: (sink: SourceSink) => Promise<number> | number }[] = [
  { name: path.replace(/.*\//, ''), run: async sink => (await readCapture(path, sink)).events },
  {
    name: `the same with a look-up and a ClientHello for each of its ${busy.lookUps} connects, ${busy.perSecond.toFixed(0)} a second (DNS-heavy)`,
    run: busy.load,
  },
  { name: 'look-ups and connections, and nothing else (extreme)', run: lookUpsAlone() },
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
