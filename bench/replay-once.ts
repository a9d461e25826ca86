/** One replay of one rule set in a process of its own: prints what it cost as JSON. Called by `replay.bench.ts`. */
import { readFileSync } from 'node:fs'
import { loadConfig } from '../src/agent/load-config.ts'
import { loadRules } from '../src/agent/load-rules.ts'
import { Pipeline } from '../src/agent/pipeline.ts'
import { NameIndex } from '../src/domains/name-index.ts'
import { openSource } from '../src/events/open-source.ts'

const [capture, ...files] = process.argv.slice(2) as [string, ...string[]]
const loadStart = performance.now()
const texts = files.map(path => ({ path, text: readFileSync(path, 'utf8') }))
const { rules, fields } = loadRules(texts, loadConfig({ overrides: [], env: {} }).config)
if (rules.plan === undefined) throw new Error('the rules do not load')
let alerts = 0
const pipeline = new Pipeline({
  plan: rules.plan,
  fields,
  names: new NameIndex(),
  ruleMatching: 'first',
  minPriority: 7,
  appendOutput: [],
  staticFields: new Map(),
  onAlert: () => {
    alerts++
  },
})
const loadMs = performance.now() - loadStart
const source = await openSource(capture)
const before = process.cpuUsage()
const summary = await source.read(pipeline.sink)
const { user, system } = process.cpuUsage(before)
if (summary.error !== undefined) throw new Error(`the capture: ${JSON.stringify(summary.error)}`)
console.log(
  JSON.stringify({
    events: pipeline.events,
    alerts,
    cpuMs: (user + system) / 1000,
    loadMs,
    readyMs: loadStart + loadMs,
    peakMb: process.resourceUsage().maxRSS / 1024,
  }),
)
