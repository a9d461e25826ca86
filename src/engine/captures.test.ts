import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readCapture } from '../events/capture/read-capture.ts'
import { eventLookup } from '../events/event-lookup.ts'
import { eventTable } from '../events/event-table.ts'
import { fieldByName, fieldLookup } from '../fields/catalogue.ts'
import { compileRules } from '../rules/compile-rules.ts'
import type { Plan } from '../rules/plan.ts'
import { HostState, stateSink } from '../state/host-state.ts'
import { Interpreter } from './interpreter.ts'
import { linkPlan } from './link-plan.ts'

/*
 * The matcher against the interpreter with the real catalogue on real events: of each event type the first few of every capture, and
 * every so many of all.
 */

const samples = new URL('../../samples/', import.meta.url)
const shared = new URL('../../../shared/data/', import.meta.url)
const FIRST_OF_TYPE = 5
const EVERY = 400

function planOf(files: readonly URL[]): Plan {
  const texts = files.map(url => ({ path: fileURLToPath(url), text: readFileSync(url, 'utf8') }))
  const { plan } = compileRules(texts, { fields: fieldLookup, events: eventLookup })
  assert.ok(plan !== undefined, 'the rules compile')
  return plan
}

async function assertAgreement(plan: Plan): Promise<void> {
  const deps = { fields: fieldByName, eventTable, minPriority: 7, isObsolete: eventLookup.isObsolete }
  for (const name of ['container.scap', 'network.scap']) {
    const all = linkPlan(plan, { ...deps, ruleMatching: 'all' })
    const first = linkPlan(plan, { ...deps, ruleMatching: 'first' })
    const interpreter = new Interpreter(fieldByName, undefined)
    const seen = new Map<number, number>()
    let compared = 0
    await readCapture(
      fileURLToPath(new URL(name, samples)),
      stateSink(new HostState(), ctx => {
        const code = ctx.rec.type
        const count = (seen.get(code) ?? 0) + 1
        seen.set(code, count)
        if (eventLookup.isObsolete(code) || (count > FIRST_OF_TYPE && ctx.rec.num % EVERY !== 0)) return true
        compared++
        const want = all.rules
          .filter(r => r.eventCodes.has(code) && interpreter.evaluate(r.condition, ctx))
          .map(r => r.name)
        assert.deepEqual(
          all.match(ctx).map(r => r.name),
          want,
          `${name}, event ${ctx.rec.num}`,
        )
        assert.deepEqual(
          first.match(ctx).map(r => r.name),
          want.slice(0, 1),
        )
        return true
      }),
    )
    assert.ok(compared > 100, `${compared} events compared`)
  }
}

test('matcher and interpreter agree on captures: the default rules', async () => {
  const rules = new URL('../../rules/', import.meta.url)
  const files = readdirSync(rules).filter(name => name.endsWith('.yaml'))
  await assertAgreement(planOf(files.map(name => new URL(name, rules))))
})

const beside = [
  {
    name: "Falco's rules",
    files: ['falco_rules', 'falco-incubating_rules', 'falco-sandbox_rules'].map(n => `falco/rules/${n}.yaml`),
  },
  { name: 'random conditions', files: ['captures/golden/random.rules.yaml'] },
]

for (const { name, files } of beside) {
  const urls = files.map(file => new URL(file, shared))
  const skip = urls.every(url => existsSync(url)) ? false : 'needs ../shared/data beside the checkout'
  test(`matcher and interpreter agree on captures: ${name}`, { skip }, () => assertAgreement(planOf(urls)))
}
