import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { Alert, AlertValue } from '../engine/alert.ts'
import { splitTime } from './clock-text.ts'
import { type AlertFormat, AlertRenderer, defaultAlertFormat, escapeControls } from './format-alert.ts'
import { renderJsonDouble, renderJsonValue } from './json-text.ts'
import { makeAlert } from './testdata/make-alert.ts'

const json: AlertFormat = { ...defaultAlertFormat, json: true, jsonIncludeMessage: true, hostname: 'vm' }
const tsNs = 1795287908369978253n // 2026-11-21T19:05:08.369978253Z

function render(format: AlertFormat, alert: Partial<Parameters<typeof makeAlert>[0]>): string {
  return new AlertRenderer(format).render(makeAlert({ tsNs, ...alert }))
}

const doubles = [
  { name: 'a whole number shows that it is a double', value: 1, want: '1.0' },
  { name: 'zero keeps its sign', value: -0, want: '-0.0' },
  { name: 'a fraction', value: 0.1, want: '0.1' },
  { name: 'the smallest plain fraction', value: 0.0001, want: '0.0001' },
  { name: 'below it, an exponent of two digits', value: 0.00001, want: '1e-05' },
  { name: 'the largest plain number', value: 123456789012345, want: '123456789012345.0' },
  { name: 'above it, an exponent', value: 1e15, want: '1e+15' },
  { name: 'digits around the point', value: -12.5, want: '-12.5' },
  { name: 'digits before the exponent', value: 1.25e-7, want: '1.25e-07' },
  { name: 'three digits of exponent', value: 2.5e300, want: '2.5e+300' },
  { name: 'infinity has no JSON', value: Number.POSITIVE_INFINITY, want: 'null' },
  { name: 'nor has NaN', value: Number.NaN, want: 'null' },
] as const

for (const c of doubles) test(`renderJsonDouble: ${c.name}`, () => assert.equal(renderJsonDouble(c.value), c.want))

test('renderJsonDouble: any finite number is read back as itself', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), n => Object.is(Number(renderJsonDouble(n)), n)),
    { numRuns: 2000 },
  )
})

const values: readonly { readonly name: string; readonly value: AlertValue; readonly want: string }[] = [
  { name: 'a number beyond 2^53 keeps its digits', value: 18446744073709551615n, want: '18446744073709551615' },
  { name: 'a large whole number has no exponent', value: 2 ** 70, want: '1180591620717411303424' },
  { name: 'minus zero is a whole number', value: -0, want: '0' },
  { name: 'a list', value: ['a', 1, 2n, true], want: '["a",1,2,true]' },
  { name: 'an empty list', value: [], want: '[]' },
  {
    name: 'only what must be escaped is',
    value: 'é/\u2028\x7f"\\\b\x1b\n',
    want: '"é/\u2028\x7f\\"\\\\\\b\\u001b\\n"',
  },
]

for (const c of values) test(`renderJsonValue: ${c.name}`, () => assert.equal(renderJsonValue(c.value), c.want))

const times = [
  { name: 'nine digits after the second', tsNs: 1000000001n, want: { second: 1, fraction: '000000001' } },
  { name: 'less than a second', tsNs: 5n, want: { second: 0, fraction: '000000005' } },
  { name: 'the largest time', tsNs: 2n ** 64n - 1n, want: { second: 18446744073, fraction: '709551615' } },
] as const

for (const c of times) {
  test(`splitTime: ${c.name}`, () => {
    const { second, fraction } = splitTime(c.tsNs)
    assert.deepEqual({ second, fraction }, c.want)
  })
}

const head = '{"hostname":"vm",'
const tail = '"priority":"Warning","rule":"R","source":"syscall"'
const time = '"time":"2026-11-21T19:05:08.369978253Z"}'
const lines: readonly {
  readonly name: string
  readonly format: Partial<AlertFormat>
  readonly alert?: Partial<Parameters<typeof makeAlert>[0]>
  readonly want: string
}[] = [
  {
    name: 'all properties, keys sorted, time added to the fields',
    format: { timeIso8601: true },
    alert: {
      text: 'hello',
      fields: [
        ['proc.name', 'sh'],
        ['a', null],
      ],
      tags: ['z', 'b'],
    },
    want: `${head}"message":"hello","output":"2026-11-21T19:05:08.369978253+0000: Warning hello","output_fields":{"a":null,"evt.time.iso8601":1795287908369978253,"proc.name":"sh"},${tail},"tags":["b","z"],${time}`,
  },
  {
    name: 'every property can be left out',
    format: {
      jsonIncludeOutput: false,
      jsonIncludeMessage: false,
      jsonIncludeOutputFields: false,
      jsonIncludeTags: false,
    },
    want: `${head}${tail},${time}`,
  },
  {
    name: 'a tag given twice is printed once, no tags is an empty list',
    format: { jsonIncludeOutput: false, jsonIncludeMessage: false, jsonIncludeOutputFields: false },
    alert: { tags: ['b', 'b'] },
    want: `${head}${tail},"tags":["b"],${time}`,
  },
  {
    name: 'a field that is the time itself is not repeated, the last of two equal keys counts',
    format: { jsonIncludeOutput: false, jsonIncludeMessage: false, jsonIncludeTags: false },
    alert: {
      fields: [
        ['evt.time', 'x'],
        ['k', 1],
        ['k', 2],
      ],
    },
    want: `${head}"output_fields":{"evt.time":1795287908369978253,"k":2},${tail},${time}`,
  },
  {
    name: 'keys sort by bytes',
    format: { jsonIncludeOutput: false, jsonIncludeMessage: false, jsonIncludeTags: false },
    alert: {
      fields: [
        ['\u{1f600}', 1],
        ['\uffee', 2],
        ['Z', 3],
        ['a[10]', 4],
        ['a[9]', 5],
        ['a', 6],
      ],
    },
    want: `${head}"output_fields":{"Z":3,"a":6,"a[10]":4,"a[9]":5,"evt.time":1795287908369978253,"\uffee":2,"\u{1f600}":1},${tail},${time}`,
  },
  {
    name: 'a line feed in the message is escaped once',
    format: { jsonIncludeOutputFields: false, jsonIncludeTags: false, timeIso8601: true },
    alert: { text: 'a\nb"' },
    want: `${head}"message":"a\\nb\\"","output":"2026-11-21T19:05:08.369978253+0000: Warning a\\nb\\"",${tail},${time}`,
  },
]

for (const c of lines) {
  test(`json line: ${c.name}`, () => assert.equal(render({ ...json, ...c.format }, c.alert ?? {}), c.want))
}

test('json line: alerts of one rule with other fields are rendered by their own keys', () => {
  const renderer = new AlertRenderer({ ...json, jsonIncludeOutput: false, jsonIncludeMessage: false })
  const first = makeAlert({
    tsNs,
    fields: [
      ['b', 1],
      ['a', 2],
    ],
  })
  const second = { ...first, fields: [['c', 3]] } satisfies Alert
  assert.match(renderer.render(first), /\{"a":2,"b":1,"evt.time":\d+\}/)
  assert.match(renderer.render(second), /\{"c":3,"evt.time":\d+\}/)
  assert.match(renderer.render(first), /\{"a":2,"b":1,"evt.time":\d+\}/)
})

const texts = [
  { name: 'line feeds and tabs as in JSON', text: 'a\nb\tc\rd', want: 'a\\nb\\tc\\rd' },
  { name: 'escape sequences cannot reach a terminal', text: '\x1b[2J\x7f\u009b2J', want: '\\u001b[2J\\u007f\\u009b2J' },
  { name: 'quotes, backslashes and letters stay', text: '"\\é😀', want: '"\\é😀' },
] as const

for (const c of texts) test(`text line: ${c.name}`, () => assert.equal(escapeControls(c.text), c.want))

test('text line: ISO time is UTC', () => {
  assert.equal(
    render({ ...defaultAlertFormat, timeIso8601: true }, { text: 'x\ny' }),
    '2026-11-21T19:05:08.369978253+0000: Warning x\\ny',
  )
})

test('text line: other times are local, also across a change of the clocks', () => {
  const module = JSON.stringify(new URL('./format-alert.ts', import.meta.url).href)
  const alerts = JSON.stringify(new URL('./testdata/make-alert.ts', import.meta.url).href)
  const script = `
    const { AlertRenderer, defaultAlertFormat } = await import(${module})
    const { makeAlert } = await import(${alerts})
    const renderer = new AlertRenderer(defaultAlertFormat)
    for (const s of [1774745999n, 1774746000n, 1774745999n]) console.log(renderer.render(makeAlert({ tsNs: s * 1000000000n + 7n, text: 'x' })))`
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, TZ: 'Europe/Berlin' },
    encoding: 'utf8',
  })
  assert.deepEqual(out.split('\n'), [
    '01:59:59.000000007: Warning x',
    '03:00:00.000000007: Warning x',
    '01:59:59.000000007: Warning x',
    '',
  ])
})

const internal = {
  rule: 'Falco internal: output queue drop',
  priority: 4,
  tsNs,
  text: 'lost\n2',
  fields: [
    ['n_drops', '2'],
    ['a', 1],
  ] as const,
}

test('internal alert: JSON has no tags and no message', () => {
  assert.equal(
    new AlertRenderer(json).renderInternal(internal),
    `${head}"output":"lost\\n2","output_fields":{"a":1,"n_drops":"2"},"priority":"Warning","rule":"Falco internal: output queue drop","source":"internal",${time}`,
  )
})

test('internal alert: text ends with the fields', () => {
  assert.equal(
    new AlertRenderer({ ...defaultAlertFormat, timeIso8601: true }).renderInternal(internal),
    '2026-11-21T19:05:08.369978253+0000: Warning lost\\n2 (a=1 n_drops="2")',
  )
})

const golden = fileURLToPath(new URL('../../../shared/data/captures/golden/', import.meta.url))
const goldenFiles = existsSync(golden) ? readdirSync(golden).filter(name => name.endsWith('.jsonl.gz')) : []

test("json line: Falco's own lines, taken apart and rendered again, are the same bytes", {
  skip: goldenFiles.length === 0 ? `no golden alerts at ${golden}` : false,
}, () => {
  process.env['TZ'] = 'UTC'
  const renderer = new AlertRenderer(json)
  const rules = new Map<string, Alert['rule']>()
  let count = 0
  for (const name of goldenFiles) {
    for (const line of gunzipSync(readFileSync(golden + name))
      .toString('utf8')
      .split('\n')) {
      if (line === '') continue
      assert.equal(renderer.render(parseGolden(line, rules)), line)
      count++
    }
  }
  assert.ok(count > 18_000, `only ${count} alerts`)
})

/** An alert with the parts of a golden line; its fields in another order than Falco's. */
function parseGolden(line: string, rules: Map<string, Alert['rule']>): Alert {
  const parsed = JSON.parse(line, (_, value, context?: { source: string }) =>
    typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
      ? BigInt(context!.source)
      : value,
  )
  const ns = parsed.output_fields['evt.time'] as bigint
  delete parsed.output_fields['evt.time']
  const fields = Object.entries<AlertValue>(parsed.output_fields).reverse()
  const { rule, priority, source, tags, message } = parsed
  const made = makeAlert({
    tsNs: ns,
    text: message,
    fields,
    name: rule,
    priorityName: priority,
    source,
    tags: tags.reverse(),
  })
  const known = rules.get(rule) ?? made.rule
  rules.set(rule, known)
  return { ...made, rule: known }
}
