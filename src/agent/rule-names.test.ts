import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { NameIndex } from '../domains/name-index.ts'
import { eventLookup } from '../events/event-lookup.ts'
import { fieldLookup } from '../fields/catalogue.ts'
import { compileRules } from '../rules/compile-rules.ts'
import { LinkedRules } from './linked-rules.ts'
import { plainSetup } from './testdata/plain-setup.ts'

const rule = (name: string, check: string, tags: string, rest = ''): string => `
- rule: ${name}
  desc: d
  condition: evt.type = connect and ${check}
  output: x
  priority: INFO
  tags: [${tags}]
${rest}`

/** What would be looked up for these rules. */
function lookedUp(...texts: readonly string[]): readonly string[] {
  const files = texts.map((text, i) => ({ path: `${i}.yaml`, text }))
  const { plan } = compileRules(files, { fields: fieldLookup, events: eventLookup })
  assert.ok(plan !== undefined)
  const names = new NameIndex()
  const setup = {
    plan,
    fields: fieldLookup,
    ...plainSetup,
  }
  new LinkedRules({ ...setup, ruleMatching: 'all' }, names).prepare()
  return [...names.namesToResolve().names].sort()
}

const pools = 'fd.sip.name in (a.example, b.example)'
const cases = [
  { name: 'names of a rule are', rules: rule('r', pools, 'network'), want: ['a.example', 'b.example'] },
  { name: 'those of a rule with the tag are not', rules: rule('r', pools, 'network, observe_only'), want: [] },
  {
    name: 'those of another rule are all the same',
    rules: rule('r', pools, 'observe_only') + rule('s', 'fd.sip.name = c.example', 'network'),
    want: ['c.example'],
  },
  {
    name: 'a name that another rule spells, too, is',
    rules: rule('r', 'fd.sip.name = a.example', 'observe_only') + rule('s', 'fd.sip.name = a.example', 'network'),
    want: ['a.example'],
  },
  {
    name: 'a rule that is off changes nothing',
    rules: rule('r', pools, 'observe_only') + rule('s', pools, 'network', '  enabled: false\n'),
    want: [],
  },
] as const

for (const c of cases) test(`looked up: ${c.name}`, () => assert.deepEqual(lookedUp(c.rules), c.want))

test('the default rules have nothing looked up', () => {
  const folder = new URL('../../rules/', import.meta.url)
  const files = readdirSync(folder).filter(name => name.endsWith('.yaml'))
  assert.deepEqual(lookedUp(...files.map(name => readFileSync(new URL(name, folder), 'utf8'))), [])
})
