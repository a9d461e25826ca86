import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Pipeline } from '../../src/agent/pipeline.ts'
import { loadBindingsFile } from '../../src/domains/bindings-file.ts'
import { NameIndex } from '../../src/domains/name-index.ts'
import type { Alert } from '../../src/engine/alert.ts'
import { eventLookup } from '../../src/events/event-lookup.ts'
import { openSource } from '../../src/events/open-source.ts'
import { fieldLookup } from '../../src/fields/catalogue.ts'
import { type CompiledRules, compileRules, type RulesFileInput } from '../../src/rules/compile-rules.ts'

/* The rules that come with Tiercel: that they load, what they say about the samples, and that ordinary work leaves them silent. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const captures = `${root}../shared/data/captures/`
const defaultFiles = readdirSync(`${root}rules`)
  .filter(name => name.endsWith('.yaml'))
  .map(name => `rules/${name}`)

function compile(paths: readonly string[]): CompiledRules {
  const files = paths.map((path): RulesFileInput => ({ path, text: readFileSync(root + path, 'utf8') }))
  return compileRules(files, { fields: fieldLookup, events: eventLookup })
}

async function replay(capture: string, paths: readonly string[], bindings?: string): Promise<readonly Alert[]> {
  const { plan } = compile(paths)
  assert.ok(plan !== undefined)
  const names = new NameIndex()
  if (bindings !== undefined) assert.deepEqual((await loadBindingsFile(root + bindings, names)).errors, [])
  const alerts: Alert[] = []
  const pipeline = new Pipeline({
    plan,
    fields: fieldLookup,
    names,
    ruleMatching: 'all',
    minPriority: 7,
    appendOutput: [],
    staticFields: new Map(),
    onAlert: alert => alerts.push(alert),
  })
  await (await openSource(capture)).read(pipeline.sink)
  return alerts
}

function countByRule(alerts: readonly Alert[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { rule } of alerts) counts[rule.name] = (counts[rule.name] ?? 0) + 1
  return counts
}

for (const paths of [defaultFiles, [...defaultFiles].reverse(), ...defaultFiles.map(path => [path])]) {
  test(`default rules load without a finding: ${paths.join(', ')}`, () => {
    const { plan, results } = compile(paths)
    assert.deepEqual(
      results.flatMap(r => r.findings.map(f => f.diagnostic.message)),
      [],
    )
    assert.ok(plan !== undefined && plan.rules.length > 0)
  })
}

test('default rules each name a tactic and a technique, and say who did it', () => {
  const { plan } = compile(defaultFiles)
  for (const rule of plan!.rules) {
    assert.ok(
      rule.tags.some(tag => tag.startsWith('mitre_')),
      `${rule.name}: no tactic`,
    )
    assert.ok(
      rule.tags.some(tag => /^T\d{4}(\.\d{3})?$/.test(tag)),
      `${rule.name}: no technique`,
    )
    for (const field of ['%proc.cmdline', '%user.name', '%container.id']) {
      assert.ok(rule.output.includes(field), `${rule.name}: the output lacks ${field}`)
    }
  }
})

test('rules that need a list of the user’s own are off', () => {
  const off = compile(defaultFiles).plan!.rules.filter(r => !r.enabled)
  assert.deepEqual(off.map(r => r.name).sort(), [
    'Connection outside the allow-list',
    'Unexpected DNS server',
    'Unexpected port opened',
  ])
})

test('the break-in of samples/container.scap is told', async () => {
  assert.deepEqual(countByRule(await replay(`${root}samples/container.scap`, defaultFiles)), {
    'Cloud metadata service asked': 1,
    'Cluster client in container': 2,
    'Credential file read': 5,
    'Environment of another process read': 2,
    'Kernel hook written': 1,
    'Log erased': 1,
    'Package manager in container': 1,
    'Process traced': 3,
    'Program folder changed': 5,
    'Program not part of the image': 5,
    'Program run from a world-writable folder': 1,
    'Program run from memory': 2,
    'Raw socket opened': 2,
    'Shell history erased': 1,
    'Terminal handed to the network': 5,
  })
})

test('the names of samples/network.scap decide, and are printed where the rule matched because they are not listed', async () => {
  const paths = [...defaultFiles, 'samples/demo_rules.yaml']
  const alerts = await replay(`${root}samples/network.scap`, paths, 'samples/names.ndjson')
  assert.deepEqual(countByRule(alerts), { 'Connection to a mining pool': 1, 'Connection outside the allow-list': 2 })
  for (const alert of alerts) assert.match(alert.text, /name=(xmr-eu1\.nanopool\.org|updates\.example) /)
})

test('without names no rule about names that are listed fires', async () => {
  assert.deepEqual(countByRule(await replay(`${root}samples/network.scap`, defaultFiles)), {})
})

const security = {
  'Credential file read': 5,
  'Crypto miner started': 2,
  'Data wiped': 2,
  'Environment of another process read': 1,
  'Link to a credential file': 2,
  'Log erased': 2,
  'Network tool with a shell': 2,
  'Process traced': 3,
  'Program folder changed': 2,
  'Program run from a world-writable folder': 3,
  'Program run from memory': 2,
  'Raw socket opened': 2,
  'SSH to an unusual port': 3,
  'Search for secrets': 5,
  'Server started a shell': 4,
  'Set-user-ID bit set': 1,
  'Shell or network tool listens': 3,
  'Terminal handed to the network': 4,
  'Way back in prepared': 5,
}

for (const { name, want } of [
  { name: 'sec.scap', want: security },
  { name: 'mixed.scap', want: {} },
]) {
  test(`what ${name} holds is told, no more`, async t => {
    if (!existsSync(captures + name)) return t.skip(`${captures}${name} is not there`)
    assert.deepEqual(countByRule(await replay(captures + name, defaultFiles)), want)
  })
}
