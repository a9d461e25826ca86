import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Pipeline } from '../../src/agent/pipeline.ts'
import { NameIndex } from '../../src/domains/name-index.ts'
import { eventLookup } from '../../src/events/event-lookup.ts'
import { openSource } from '../../src/events/open-source.ts'
import { fieldLookup } from '../../src/fields/catalogue.ts'
import { AlertRenderer, defaultAlertFormat } from '../../src/outputs/format-alert.ts'
import { compileRules } from '../../src/rules/compile-rules.ts'
import { compareAlerts, readGolden, summarise } from './compare-alerts.ts'
import { isKnown, type KnownDifference, knownDifferences } from './known-differences.ts'
import { plainSetup } from '../../src/agent/testdata/plain-setup.ts'

const captures = new URL('../../../shared/data/captures/', import.meta.url)
const falcoRules = new URL('../../../shared/data/falco/rules/', import.meta.url)
const isThere = existsSync(captures)

/** The rule files of each set, in the order in which Falco was given them. */
const SETS: Readonly<Record<string, readonly URL[]>> = {
  stable: [new URL('falco_rules.yaml', falcoRules)],
  all: ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml'].map(f => new URL(f, falcoRules)),
  fields: [new URL('golden/fields.rules.yaml', captures)],
}

const CAPTURES = ['net', 'sec', 'mixed', 'ctr', 'curl_google', 'single_ipv6_conn', 'test_ipv6_client']

/** Replays a capture as Falco did for the golden alerts (`shared/data/captures/README.md`) and gives the JSON lines. */
async function replay(capture: string, set: string): Promise<string[]> {
  const files = SETS[set]!.map(url => ({ path: url.pathname, text: readFileSync(url, 'utf8') }))
  const { plan } = compileRules(files, { fields: fieldLookup, events: eventLookup })
  assert.ok(plan !== undefined, 'the rules load')
  const renderer = new AlertRenderer({ ...defaultAlertFormat, json: true, jsonIncludeMessage: true, hostname: 'vm' })
  const lines: string[] = []
  const pipeline = new Pipeline({
    plan,
    fields: fieldLookup,
    names: new NameIndex(),
    ...plainSetup,
    onAlert: alert => lines.push(renderer.render(alert)),
  })
  const source = await openSource(new URL(`${capture}.scap`, captures).pathname)
  const summary = await source.read(pipeline.sink)
  assert.equal(summary.error, undefined)
  return lines
}

process.env['TZ'] = 'UTC'
const used = new Set<KnownDifference>()

for (const capture of CAPTURES) {
  for (const set of Object.keys(SETS)) {
    test(`alerts of ${set} rules on ${capture} are Falco's`, skipUnlessShared(), async () => {
      const want = readGolden(new URL(`golden/${capture}.${set}.jsonl.gz`, captures))
      const got = await replay(capture, set)
      const differences = compareAlerts(want, got).filter(d => !isKnown(capture, d, used))
      assert.equal(differences.length, 0, `${differences.length} differences\n${summarise(differences)}`)
    })
  }
}

test('every listed difference from Falco is still there', skipUnlessShared(), () => {
  const gone = knownDifferences.filter(d => !used.has(d))
  assert.deepEqual(gone, [], 'these differences are no more: take them off the list')
})

function skipUnlessShared(): { skip: string | false } {
  return { skip: isThere ? false : 'needs ../shared/data/captures beside the project' }
}
