/*
 * The whole event path on events that nobody would make: nothing throws, what is kept stays within its bounds, every field prints, and
 * connections balance. `FUZZ_SEED` and `FUZZ_EVENTS` choose another walk, and a longer one.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { makeObserver } from '../../src/agent/make-observer.ts'
import { Pipeline } from '../../src/agent/pipeline.ts'
import { NameIndex } from '../../src/domains/name-index.ts'
import { CaptureParser } from '../../src/events/capture/capture-parser.ts'
import { attachBytes, createRecord, readRecord } from '../../src/events/decode-record.ts'
import { eventLookup } from '../../src/events/event-lookup.ts'
import { eventTable } from '../../src/events/event-table.ts'
import { fieldLookup, fields } from '../../src/fields/catalogue.ts'
import { AlertRenderer, defaultAlertFormat } from '../../src/outputs/format-alert.ts'
import { compileRules, type RulesFileInput } from '../../src/rules/compile-rules.ts'
import type { Plan } from '../../src/rules/plan.ts'
import { brokenInvariant } from '../../src/state/testdata/test-host.ts'
import { blockStarts, Dice, damageBlocks, randomEvent } from './random-events.ts'
import { plainSetup } from '../../src/agent/testdata/plain-setup.ts'

const SEED: number = Number(process.env['FUZZ_SEED'] ?? 20_260_730)
const EVENTS: number = Number(process.env['FUZZ_EVENTS'] ?? 15_000)
const MUTANTS = 4
/** One event in so many has this number: every field is asked of it, and printed. */
const PRINT_EVERY = 10
const PRINTED = 7

const samples = new URL('../../samples/', import.meta.url)
const ours = new URL('../../rules/', import.meta.url)
const falcos = new URL('../../../shared/data/falco/rules/', import.meta.url)

/** In the order in which they build on each other: falco_rules.yaml first. */
const readRules = (folder: URL): RulesFileInput[] =>
  readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .sort()
    .reverse()
    .map(name => ({ path: fileURLToPath(new URL(name, folder)), text: readFileSync(new URL(name, folder), 'utf8') }))

const ARGUMENTS = [
  '',
  '[1]',
  '[0]',
  '[3]',
  '[name]',
  '[fd]',
  '[PATH]',
  '.name',
  '.fd',
  '[cpu]',
  '.cpu',
  '[a,b,c]',
  '[/tmp]',
  '[-c]',
  '[1d]',
]

/** Every field of the catalogue with each of these arguments that it takes. */
const usable: readonly string[] = fields.flatMap(field =>
  ARGUMENTS.map(argument => field.name + argument).filter(text => {
    const resolved = fieldLookup.resolve(text)
    return resolved.kind === 'field' && resolved.ref.spec.name === field.name && resolved.length === text.length
  }),
)

const loads = (condition: string, output: string): boolean => {
  const files = [{ path: 'one.yaml', text: ruleText('r', condition, output) }]
  return compileRules(files, { fields: fieldLookup, events: eventLookup }).plan !== undefined
}

/** A rule per field that asks it and never matches, and one that prints them all. */
function fieldRules(): RulesFileInput {
  const askable = usable.filter(text => loads(`${text} exists`, 'x'))
  const printable = usable.filter(text => loads(`evt.num = ${PRINTED}`, `%${text}`))
  assert.ok(askable.length > 300 && printable.length > 300, `only ${askable.length} and ${printable.length} fields`)
  const rules = askable.map((text, i) =>
    ruleText(`ask ${i}`, `evt.num = ${PRINTED} and (${text} exists or evt.num = 123456) and not ${text} exists`, 'x'),
  )
  const print = printable.map(text => `%${text}`).join(' ')
  return { path: 'fields.yaml', text: [...rules, ruleText('print', `evt.num = ${PRINTED}`, print)].join('\n') }
}

const ruleText = (name: string, condition: string, output: string): string =>
  `- ${JSON.stringify({ rule: name, desc: 'd', condition, output, priority: 'DEBUG', warn_evttypes: false })}`

function compile(files: readonly RulesFileInput[]): Plan {
  const { plan, results } = compileRules(files, { fields: fieldLookup, events: eventLookup })
  assert.ok(
    plan !== undefined,
    `the rules load: ${results.flatMap(r => r.findings.map(f => f.diagnostic.message)).join(', ')}`,
  )
  return plan
}

let plan: Plan | undefined
const thePlan = (): Plan => (plan ??= compile([...readRules(existsSync(falcos) ? falcos : ours), fieldRules()]))

interface Run {
  readonly pipeline: Pipeline
  readonly names: NameIndex
  alerts: number
}

function start(): Run {
  const names = new NameIndex()
  const renderer = new AlertRenderer({ ...defaultAlertFormat, json: true, jsonIncludeMessage: true, hostname: 'h' })
  const run: Run = {
    names,
    alerts: 0,
    pipeline: new Pipeline({
      plan: thePlan(),
      fields: fieldLookup,
      names,
      ...plainSetup,
      observer: makeObserver({ dnsPorts: [53], trustedResolvers: [] }, names),
      maxThreads: 64,
      onAlert: alert => {
        JSON.parse(renderer.render(alert))
        run.alerts++
      },
    }),
  }
  return run
}

function checkBounds({ pipeline }: Run): void {
  const { state } = pipeline
  const { threads, groups, users, containers, fds } = state.counters()
  assert.equal(brokenInvariant(state), undefined)
  assert.ok(threads <= 64, `${threads} threads`)
  assert.ok(fds <= 524_288, `${fds} fds`)
  assert.ok(users <= 131_072 && groups <= 131_072 && containers <= 65_536)
}

function checkEnd(run: Run): void {
  checkBounds(run)
  run.pipeline.sink.reset?.()
  assert.equal(run.names.stats().pinned, 0, 'no connection is left')
  assert.equal(run.pipeline.state.counters().fds, 0)
}

const source: string = existsSync(falcos)
  ? 'Falco’s rules'
  : 'rules of this repository (../shared/data/falco is not there)'

test(`random events through ${source}, every field asked and printed`, () => {
  const dice = new Dice(SEED)
  const infos = eventTable.filter(info => !info.isOld && !info.flags.has('unused'))
  const run = start()
  const rec = createRecord()
  let ts = 1_700_000_000_000_000_000n
  for (let i = 0; i < EVENTS; i++) {
    ts = dice.oneIn(100) ? BigInt.asUintN(64, BigInt(dice.roll(2 ** 32)) ** 2n) : ts + BigInt(dice.roll(1_000_000))
    const bytes = randomEvent(dice, infos, ts)
    attachBytes(rec, bytes)
    if (readRecord(rec, 0, bytes.length) < 0) continue
    rec.num = i % PRINT_EVERY === 0 ? PRINTED : 1000 + i
    rec.cpu = dice.roll(4)
    try {
      run.pipeline.sink.event(rec)
    } catch (error) {
      const text = `event ${i} of seed ${SEED}, ${rec.info.name}: ${bytes.toString('hex', 0, 400)}`
      throw new Error(text, { cause: error })
    }
    if (i % 500 === 0) checkBounds(run)
    if (dice.oneIn(3000)) run.pipeline.sink.reset?.()
  }
  assert.ok(run.alerts > EVENTS / PRINT_EVERY / 2, `${run.alerts} alerts`)
  checkEnd(run)
})

for (const name of ['container.scap', 'network.scap']) {
  test(`damaged copies of ${name} through ${source}`, () => {
    const original = gunzipSync(readFileSync(new URL(name, samples)))
    const starts = blockStarts(original)
    const dice = new Dice(SEED + 1)
    const run = start()
    let events = 0
    let untilEnd = 0
    for (let mutant = 0; mutant < MUTANTS; mutant++) {
      const bytes = Buffer.from(original)
      damageBlocks(dice, bytes, starts, 10 ** (1 + (mutant % 4)))
      const { sink } = run.pipeline
      const parser = new CaptureParser({
        ...sink,
        event: rec => {
          events++
          rec.num = events % (10 * PRINT_EVERY) === 0 ? PRINTED : 1000 + events
          return sink.event(rec)
        },
      })
      try {
        parser.push(bytes)
        parser.end()
      } catch (error) {
        throw new Error(`mutant ${mutant} of seed ${SEED}, event ${events}`, { cause: error })
      }
      if (parser.error === undefined) untilEnd++
      checkBounds(run)
      sink.reset?.()
    }
    assert.ok(untilEnd >= MUTANTS / 3, `only ${untilEnd} were read to the end`)
    assert.ok(run.alerts > 0)
    checkEnd(run)
  })
}
