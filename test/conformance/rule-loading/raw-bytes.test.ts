import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { Pipeline } from '../../../src/agent/pipeline.ts'
import { NameIndex } from '../../../src/domains/name-index.ts'
import { NdjsonParser } from '../../../src/events/ndjson/read-ndjson.ts'
import { decodeYaml } from '../../../src/rules/yaml/decode-text.ts'
import { noSettings } from './load-case.ts'
import { plainSetup } from '../../../src/agent/testdata/plain-setup.ts'

// Rule files in Latin-1 or with stray bytes, which yaml-cpp hands on as they are.

const file = Buffer.from(
  `- rule: Caf\xe9 opened
  desc: d\xff
  condition: evt.type = open and evt.rawarg.name = /caf\xe9
  output: caf\xe9 %evt.type
  priority: INFO
  tags: [caf\xe9]
`,
  'latin1',
)

test('a byte that is no UTF-8 is compared as that byte, and printed as U+FFFD', () => {
  const { rules, fields } = loadRules([{ path: 'latin.yaml', text: decodeYaml(file) }], noSettings)
  assert.ok(rules.plan !== undefined)
  const alerts: string[][] = []
  const pipeline = new Pipeline({
    plan: rules.plan,
    fields,
    names: new NameIndex(),
    ...plainSetup,
    onAlert: ({ rule, text }) => alerts.push([rule.name, rule.desc, text, ...rule.tags]),
  })
  const parser = new NdjsonParser(pipeline.sink)
  for (const name of ['/caf\xe9', '/caf', '/cafe', '/caf\xc3\xa9', '/caf\xef\xbf\xbd']) {
    const base64 = Buffer.from(name, 'latin1').toString('base64')
    parser.push(Buffer.from(`{"type":"open","tid":1,"args":{"fd":3,"name":{"base64":"${base64}"},"flags":0}}\n`))
  }
  parser.end()
  assert.deepEqual(parser.summary().problems, [])
  assert.deepEqual(alerts, [['Caf\ufffd opened', 'd\ufffd', 'caf\ufffd open', 'caf\ufffd']])
})
