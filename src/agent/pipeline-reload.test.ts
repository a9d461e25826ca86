import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NameIndex } from '../domains/name-index.ts'
import { openSource } from '../events/open-source.ts'
import type { EventRecord } from '../events/event-record.ts'
import type { SourceSink } from '../events/source.ts'
import type { RuleSetup } from './linked-rules.ts'
import { loadConfig } from './load-config.ts'
import { loadRules } from './load-rules.ts'
import { Pipeline } from './pipeline.ts'
import { plainPlan } from './plain-plan.ts'
import { plainSetup } from './testdata/plain-setup.ts'

const root = new URL('../../', import.meta.url)
const { config } = loadConfig({ env: {} })
const capture = fileURLToPath(new URL('samples/container.scap', root))

function setupOf(files: readonly { readonly path: string; readonly text: string }[]): RuleSetup {
  const { rules, fields } = loadRules(files, config)
  assert.ok(rules.plan)
  return {
    plan: rules.plan,
    fields,
    ...plainSetup,
  }
}

const folder = new URL('rules/', root)
const ownRules: readonly { readonly path: string; readonly text: string }[] = readdirSync(folder)
  .filter(name => name.endsWith('.yaml'))
  .map(name => ({ path: name, text: readFileSync(new URL(name, folder), 'utf8') }))

const rule = (name: string, condition: string, output = '%evt.num %proc.name'): { path: string; text: string } => ({
  path: `${name}.yaml`,
  text: `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: '${output}'\n  priority: INFO\n`,
})

interface Replayed {
  readonly alerts: readonly string[]
  readonly pipeline: Pipeline
}

/** Replays the sample; `before` is called with the number of each event and the pipeline. */
async function replaySample(
  setup: RuleSetup,
  names: NameIndex = new NameIndex(),
  before: (num: number, pipeline: Pipeline) => void = () => {},
): Promise<Replayed> {
  const alerts: string[] = []
  const pipeline = new Pipeline({ ...setup, names, onAlert: a => alerts.push(`${a.rule.name}: ${a.text}`) })
  const sink: SourceSink = {
    ...pipeline.sink,
    event: (rec: EventRecord) => {
      before(rec.num, pipeline)
      return pipeline.sink.event(rec)
    },
  }
  await (await openSource(capture)).read(sink)
  return { alerts, pipeline }
}

test('a plan that crossed to another thread gives the same alerts', async () => {
  const setup = setupOf(ownRules)
  const here = await replaySample(setup)
  const there = await replaySample({ ...setup, plan: structuredClone(plainPlan(setup.plan)) })
  assert.ok(here.alerts.length > 10)
  assert.deepEqual(there.alerts, here.alerts)
})

test('rules replaced by the same rules, often, give the same alerts: the state stays', async () => {
  const setup = setupOf(ownRules)
  const { alerts } = await replaySample(setup)
  const reloaded = await replaySample(setup, new NameIndex(), (num, pipeline) => {
    if (num % 100 === 0) pipeline.replaceRules(pipeline.link(setup))
  })
  assert.deepEqual(reloaded.alerts, alerts)
})

test('new rules judge from the very next event', async () => {
  const first = setupOf([rule('first', 'evt.type exists', '%evt.num')])
  const second = setupOf([rule('second', 'evt.type exists', '%evt.num')])
  const { alerts, pipeline } = await replaySample(first, new NameIndex(), (num, p) => {
    if (num === 500) p.replaceRules(p.link(second))
  })
  const numbers = (name: string): number[] =>
    alerts.filter(a => a.startsWith(`${name}:`)).map(a => Number(a.slice(name.length + 2)))
  assert.ok(numbers('first').every(n => n < 500))
  assert.ok(numbers('second').every(n => n >= 500))
  assert.equal(alerts.length, pipeline.events)
})

test('preparing in slices binds everything, and nothing is left for the first event', () => {
  const pipeline = new Pipeline({ ...setupOf(ownRules), names: new NameIndex(), onAlert: () => {} })
  const linked = pipeline.link(setupOf(ownRules))
  let slices = 0
  while (linked.prepareNext()) slices++
  assert.equal(slices, linked.matcher.eventCodes.size)
})

test('names of the old rules are given back, those that both spell are watched all the while', () => {
  const index = new NameIndex()
  const both = (other: string): RuleSetup =>
    setupOf([rule('names', `evt.type = connect and fd.sip.name in (kept.example, ${other})`)])
  const pipeline = new Pipeline({ ...both('old.example'), names: index, onAlert: () => {} })
  pipeline.prepare()
  assert.deepEqual([...index.namesToResolve().names].sort(), ['kept.example', 'old.example'])
  const linked = pipeline.link(both('new.example'))
  linked.prepare()
  assert.deepEqual([...index.namesToResolve().names].sort(), ['kept.example', 'new.example', 'old.example'])
  pipeline.replaceRules(linked)
  assert.deepEqual([...index.namesToResolve().names].sort(), ['kept.example', 'new.example'])
  for (let i = 0; i < 50; i++) {
    const next = pipeline.link(both('new.example'))
    next.prepare()
    pipeline.replaceRules(next)
  }
  assert.equal(index.stats().sets, 1)
})
