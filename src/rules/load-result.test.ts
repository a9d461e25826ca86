import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diagnosticCodes } from '../diagnostics/codes.ts'
import { compileRules } from './compile-rules.ts'
import type { LoadResultJson } from './load-result.ts'
import { FALCO_CODE_TITLES, loadResultsJson } from './load-result.ts'
import { fakeEvents, fakeFields } from './testdata/fake-lookups.ts'
import { loadTexts } from './testdata/load-cases.ts'

function jsonOf(...files: readonly string[]): readonly LoadResultJson[] {
  return loadResultsJson(loadTexts(files).results).falco_load_results
}

const rule = `
- rule: r
  desc: d
  condition: evt.type = open
  output: o
  priority: INFO
`

test('a file without findings', () => {
  assert.deepEqual(jsonOf(rule), [
    { errors: [], name: 'rules.yaml', schema_valid: 'ok', schema_warnings: [], successful: true, warnings: [] },
  ])
})

test('keys come in the order of the alphabet, as Falco prints them', () => {
  const [result] = jsonOf('- foo: bar\n')
  assert.deepEqual(Object.keys(result!), [
    'errors',
    'name',
    'schema_valid',
    'schema_warnings',
    'successful',
    'warnings',
  ])
  const [warning] = result!.warnings
  assert.deepEqual(Object.keys(warning!), ['code', 'codedesc', 'context', 'message'])
  assert.deepEqual(Object.keys(warning!.context), ['locations', 'snippet'])
  const [location] = warning!.context.locations
  assert.deepEqual(Object.keys(location!), ['item_name', 'item_type', 'position'])
  assert.deepEqual(Object.keys(location!.position), ['column', 'line', 'name', 'offset'])
})

test('a finding names the places that it is in, from the file inwards', () => {
  const [result] = jsonOf(`${rule}  tags: a\n`)
  assert.equal(result!.successful, false)
  const [error] = result!.errors
  assert.equal(error!.code, 'LOAD_ERR_YAML_VALIDATE')
  assert.deepEqual(error!.context.locations, [
    { item_name: '', item_type: 'rules content', position: { column: 0, line: 0, name: 'rules.yaml', offset: 0 } },
    { item_name: 'r', item_type: 'rule', position: { column: 2, line: 1, name: 'rules.yaml', offset: 3 } },
    { item_name: 'tags', item_type: 'value for', position: { column: 8, line: 6, name: 'rules.yaml', offset: 87 } },
  ])
  assert.equal(error!.context.snippet, '  tags: a\n        ^\n')
})

test('offsets and columns count bytes, lines and columns from 0', () => {
  const [result] = jsonOf(`# ${'ä'.repeat(10)}\n- rule: é\n  tags: a\n`)
  const places = result!.errors.map(error => error.context.locations.at(-1)!.position)
  assert.ok(places.length > 0)
  const [first] = result!.errors
  assert.deepEqual(first!.context.locations[1], {
    item_name: 'é',
    item_type: 'rule',
    position: { column: 2, line: 1, name: 'rules.yaml', offset: 25 },
  })
})

test('a place inside a condition counts from where the condition begins, and is named by its text', () => {
  const [result] = jsonOf(rule.replace('evt.type = open', 'evt.type = open and proc.nobody = x'))
  const [error] = result!.errors
  assert.equal(error!.code, 'LOAD_ERR_COMPILE_CONDITION')
  const places = error!.context.locations.map(({ item_type, item_name }) => [item_type, item_name])
  assert.deepEqual(places, [
    ['rules content', ''],
    ['rule', 'r'],
    ['rule condition', ''],
    ['condition expression', ''],
  ])
  const expression = error!.context.locations.at(-1)!.position
  assert.equal(expression.name, '"evt.type = open a..."')
  assert.equal(error!.context.snippet, 'evt.type = open and proc.nobody = x\n                    ^\n')
})

test('a snippet of a long line is cut on both sides', () => {
  const long = `evt.type = open and proc.name in (${Array.from({ length: 60 }, (_, i) => `item${i}`).join(', ')}) and proc.nobody = x and proc.name in (${'b'.repeat(300)})`
  const [result] = jsonOf(rule.replace('evt.type = open', `"${long}"`))
  const { snippet } = result!.errors[0]!.context
  const [line, caret] = snippet.split('\n')
  assert.ok(line!.length <= 162)
  assert.match(line!, /^\.\.\..*proc\.nobody.*\.\.\.$/)
  assert.equal(caret!.indexOf('^'), line!.indexOf('proc.nobody'))
})

test('a snippet of an empty file', () => {
  const [result] = loadResultsJson(
    compileRules([{ path: 'gone.yaml', readError: 'no such file' }], { fields: fakeFields, events: fakeEvents })
      .results,
  ).falco_load_results
  assert.equal(result!.successful, false)
  assert.equal(result!.errors[0]!.code, 'LOAD_ERR_FILE_READ')
  assert.equal(result!.errors[0]!.context.snippet, '<no context>\n')
})

test('what an earlier file left to be said is said in later results too', () => {
  const results = jsonOf('- {list: l, items: [a]}\n', rule)
  assert.deepEqual(
    results.map(result => result.warnings.map(({ code, context }) => [code, context.locations[0]!.position.name])),
    [[['LOAD_UNUSED_LIST', 'rules1.yaml']], [['LOAD_UNUSED_LIST', 'rules1.yaml']]],
  )
})

test('but is news only once', () => {
  const { results } = loadTexts(['- {list: l, items: [a]}\n', rule])
  assert.deepEqual(
    results.map(result => result.newFindings.length),
    [1, 0],
  )
})

const named: readonly {
  readonly file: string
  readonly code: string
  readonly place: readonly [type: string, name: string]
}[] = [
  { file: 'foo: bar', code: 'ERR_YAML_VALIDATE', place: ['rules content', ''] },
  { file: 'This is not yaml', code: 'ERR_YAML_VALIDATE', place: ['rules content', ''] },
  { file: 'this : is : not : yaml', code: 'ERR_YAML_PARSE', place: ['rules content', ''] },
  { file: '- foo\n', code: 'ERR_YAML_VALIDATE', place: ['rules content item', ''] },
  { file: '- foo: bar\n', code: 'UNKNOWN_ITEM', place: ['rules content item', ''] },
  { file: '- required_engine_version: 9999999\n', code: 'ERR_VALIDATE', place: ['required_engine_version', ''] },
  { file: '- required_engine_version: nan\n', code: 'ERR_YAML_VALIDATE', place: ['required_engine_version', ''] },
  {
    file: '- required_plugin_versions: [{name: a, version: b}]\n',
    code: 'ERR_VALIDATE',
    place: ['required plugin versions entry', 'a'],
  },
  { file: '- list:\n  items: [a]\n', code: 'ERR_YAML_VALIDATE', place: ['list', ''] },
  { file: '- {list: l}\n', code: 'ERR_YAML_VALIDATE', place: ['list', 'l'] },
  { file: '- {list: l, items: [a], append: true}\n', code: 'ERR_VALIDATE', place: ['list', 'l'] },
  { file: '- {list: l, items: [a]}\n', code: 'UNUSED_LIST', place: ['list', 'l'] },
  { file: '- macro:\n  condition: evt.type=execve\n', code: 'ERR_YAML_VALIDATE', place: ['macro', ''] },
  {
    file: '- {macro: some macro, condition: and evt.type=execve, append: true}\n',
    code: 'ERR_VALIDATE',
    place: ['macro', 'some macro'],
  },
  { file: '- {macro: some macro, condition: foo}\n', code: 'ERR_VALIDATE', place: ['macro', 'some macro'] },
  {
    file: '- {macro: some macro, condition: evt.type=execve foo}\n',
    code: 'ERR_COMPILE_CONDITION',
    place: ['macro', 'some macro'],
  },
  { file: '- {macro: some macro, condition: evt.type=execve}\n', code: 'UNUSED_MACRO', place: ['macro', 'some macro'] },
  { file: '- rule:\n  desc: d\n', code: 'ERR_YAML_VALIDATE', place: ['rule', ''] },
  { file: rule.replace('  output: o\n', ''), code: 'ERR_YAML_VALIDATE', place: ['rule', 'r'] },
  { file: rule.replace('evt.type = open', 'bar'), code: 'ERR_VALIDATE', place: ['rule', 'r'] },
  { file: rule.replace('evt.type = open', 'evt.type = open bar'), code: 'ERR_COMPILE_CONDITION', place: ['rule', 'r'] },
  { file: rule.replace('evt.type = open', 'proc.nobody = cat'), code: 'ERR_COMPILE_CONDITION', place: ['rule', 'r'] },
  { file: rule.replace('evt.type = open', 'proc.name = cat'), code: 'NO_EVTTYPE', place: ['rule', 'r'] },
  { file: rule.replace('output: o', 'output: "%not_a_real_field"'), code: 'ERR_COMPILE_OUTPUT', place: ['rule', 'r'] },
  { file: '- {rule: r, condition: and proc.name=a, append: true}\n', code: 'ERR_VALIDATE', place: ['rule', 'r'] },
  { file: `${rule}- {rule: r, append: true}\n`, code: 'ERR_VALIDATE', place: ['rule', 'r'] },
  { file: `${rule}  source: other\n`, code: 'UNKNOWN_SOURCE', place: ['rule', 'r'] },
  { file: `${rule}  exceptions: [{fields: [proc.name]}]\n`, code: 'ERR_YAML_VALIDATE', place: ['exception', ''] },
  { file: `${rule}  exceptions: [{name: e}]\n`, code: 'ERR_YAML_VALIDATE', place: ['exception', 'e'] },
  { file: `${rule}  exceptions: [{name: e, fields: [not.exist]}]\n`, code: 'ERR_VALIDATE', place: ['exception', 'e'] },
  {
    file: `${rule}  exceptions: [{name: e, fields: [proc.name], comps: [no]}]\n`,
    code: 'ERR_VALIDATE',
    place: ['exception', 'e'],
  },
  {
    file: `${rule}  exceptions: [{name: e, fields: [proc.name], comps: [=, =]}]\n`,
    code: 'ERR_VALIDATE',
    place: ['exception', 'e'],
  },
  {
    file: `${rule}  exceptions: [{name: e, fields: [proc.name], values: [[a, b]]}]\n`,
    code: 'ERR_VALIDATE',
    place: ['exception', 'e'],
  },
]

for (const { file, code, place } of named) {
  test(`the places of ${code}: ${file.replaceAll('\n', ' ').slice(-60)}`, () => {
    const [result] = jsonOf(file)
    const finding = [...result!.errors, ...result!.warnings].find(each => each.code === `LOAD_${code}`)
    const places = finding?.context.locations.map(({ item_type, item_name }) => [item_type, item_name]) ?? []
    assert.ok(
      places.some(([type, name]) => type === place[0] && name === place[1]),
      JSON.stringify(places),
    )
  })
}

const schemas: readonly { readonly name: string; readonly file: string; readonly want: string }[] = [
  { name: 'a complete rule', file: rule, want: 'ok' },
  {
    name: 'a list and a macro',
    file: '- {list: l, items: [1, a]}\n- {macro: m, condition: l, append: false}\n',
    want: 'ok',
  },
  { name: 'an empty file has nothing to check', file: '', want: 'none' },
  { name: 'a broken file has nothing to check', file: '- [', want: 'none' },
  { name: 'an unknown key', file: `${rule}  colour: red\n`, want: 'failed' },
  { name: 'an unknown item', file: '- foo: bar\n', want: 'failed' },
  { name: 'a priority in lower case', file: rule.replace('INFO', 'info'), want: 'failed' },
  { name: 'an unknown priority', file: rule.replace('INFO', 'URGENT'), want: 'failed' },
  { name: 'enabled: yes', file: `${rule}  enabled: yes\n`, want: 'failed' },
  { name: 'enabled: true', file: `${rule}  enabled: true\n`, want: 'ok' },
  { name: 'capture and its length', file: `${rule}  capture: true\n  capture_duration: 5000\n`, want: 'ok' },
  { name: 'a length that is no number', file: `${rule}  capture_duration: long\n`, want: 'failed' },
  { name: 'a mapping', file: 'foo: bar\n', want: 'failed' },
  {
    name: 'exceptions',
    file: `${rule}  exceptions: [{name: e, fields: [a], comps: =, values: [[b, [c]]]}]\n`,
    want: 'ok',
  },
  { name: 'an unknown key of an exception', file: `${rule}  exceptions: [{name: e, value: b}]\n`, want: 'failed' },
  { name: 'an override', file: '- {rule: r, desc: d, override: {desc: append}}\n', want: 'ok' },
  {
    name: 'an override with a third operation',
    file: '- {rule: r, desc: d, override: {desc: prepend}}\n',
    want: 'failed',
  },
  { name: 'an empty override', file: '- {rule: r, desc: d, override: {}}\n', want: 'failed' },
  { name: 'versions', file: '- required_engine_version: 0.26.0\n- required_engine_version: 26\n', want: 'ok' },
  {
    name: 'plugins',
    file: '- required_plugin_versions: [{name: a, version: 1.0.0, alternatives: [{name: b, version: 1.0.0}]}]\n',
    want: 'ok',
  },
  { name: 'a plugin without a version', file: '- required_plugin_versions: [{name: a}]\n', want: 'failed' },
]

for (const { name, file, want } of schemas) {
  test(`schema: ${name}: ${want}`, () => {
    const [result] = jsonOf(file)
    assert.equal(result!.schema_valid, want)
    assert.equal(result!.schema_warnings.length > 0, want === 'failed')
  })
}

test('every code that a rules file can have is one of Falco’s', () => {
  for (const [code, { falcoCode }] of Object.entries(diagnosticCodes)) {
    if (/^[EW]0[12]/.test(code)) assert.ok(FALCO_CODE_TITLES.has(falcoCode), code)
  }
})

test("Falco's error is the first, whatever stands before it in the file", () => {
  const cases = [
    // Falco reads the priority before the tags, and never sees the condition.
    {
      text: rule.replace('evt.type = open', 'no.field = a').replace('  priority: INFO', '  tags: a\n  priority: LOW'),
      places: ['rule priority', 'value for', 'condition expression'],
    },
    // It reads all YAML before anything else.
    { text: `${rule.replace('INFO', 'LOW')}---\n- list: [a\n`, places: ['value for', 'rule priority'] },
    // It looks at the output first, then puts macros in, and only then looks up fields.
    {
      text: rule.replace('evt.type = open', 'no.field = a and no_macro').replace('output: o', 'output: "%no.field"'),
      places: ['rule output', 'condition expression', 'condition expression'],
    },
    // Of a macro it sees the syntax alone, and of the rules nothing then.
    {
      text: `${rule.replace('open', 'opne')}- macro: m\n  condition: no.field = a and (\n`,
      places: ['condition expression', 'condition expression', 'condition expression'],
      first: 'm',
    },
  ]
  for (const { text, places, first } of cases) {
    const [result] = jsonOf(text)
    const found = result!.errors.map(error => error.context.locations.at(-1)!.item_type)
    assert.deepEqual(found, places, text)
    if (first !== undefined) assert.equal(result!.errors[0]!.context.locations[1]!.item_name, first)
  }
})

test('what is said of a file with an error is not said of the next one', () => {
  const [, second] = jsonOf(
    rule.replace('INFO', 'LOW').replace('evt.type = open', 'no.field = a'),
    '- list: l\n  items: []\n',
  )
  assert.deepEqual(second!.errors, [])
})
