import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonValue, renderValue } from '../fields/render-value.ts'
import type { OutputFormat, OutputSegment, PlannedRule, PlanOperand } from '../rules/plan.ts'
import { parseIp } from '../values/ip.ts'
import { compileOutput, type FormattedOutput, makeAlert } from './format-output.ts'
import { check, fakeContext, fakeFieldByName, type FakeValues, field, planOf, reads } from './testdata/fake-fields.ts'

const deps = { fields: fakeFieldByName, renderer: { renderValue, jsonValue } }

function value(
  text: string,
  operand: PlanOperand,
  extra: Partial<OutputSegment & { kind: 'value' }> = {},
): OutputSegment {
  return { kind: 'value', text, operand, ...extra }
}

function formatOf(...segments: (OutputSegment | string)[]): OutputFormat {
  return { text: '', segments: segments.map(s => (typeof s === 'string' ? { kind: 'text', text: s } : s)) }
}

function print(format: OutputFormat, values: FakeValues): FormattedOutput {
  return compileOutput(format, deps)(fakeContext(1, values))
}

const lower: PlanOperand = {
  kind: 'transform',
  name: 'tolower',
  args: [field('t.name')],
  type: 'CHARBUF',
  isList: false,
}
const name = value('t.name', field('t.name'))

interface Row {
  readonly name: string
  readonly format: OutputFormat
  readonly values: FakeValues
  readonly want: FormattedOutput
}

const rows: readonly Row[] = [
  {
    name: 'text and values in order',
    format: formatOf('a ', name, ' b ', value('t.num', field('t.num')), '.'),
    values: { 't.name': 'x', 't.num': 255 },
    want: {
      text: 'a x b FF.',
      fields: [
        ['t.name', 'x'],
        ['t.num', 'FF'],
      ],
    },
  },
  {
    name: 'what is missing is <NA>, null in JSON',
    format: formatOf(name, value('t.flag', field('t.flag'))),
    values: {},
    want: {
      text: '<NA><NA>',
      fields: [
        ['t.name', null],
        ['t.flag', null],
      ],
    },
  },
  {
    name: 'JSON types are kept',
    format: formatOf(
      value('t.flag', field('t.flag')),
      value('t.ports', field('t.ports')),
      value('evt.num', field('evt.num')),
    ),
    values: { 't.flag': true, 't.ports': 443, 'evt.num': 2n ** 60n },
    want: {
      text: 'true4431152921504606846976',
      fields: [
        ['t.flag', true],
        ['t.ports', 443],
        ['evt.num', 2n ** 60n],
      ],
    },
  },
  {
    name: 'a list',
    format: formatOf(value('t.list', field('t.list'))),
    values: { 't.list': ['a', 'b'] },
    want: { text: '(a,b)', fields: [['t.list', ['a', 'b']]] },
  },
  {
    name: 'an address',
    format: formatOf(value('t.ip', field('t.ip'))),
    values: { 't.ip': parseIp('fe80::1') },
    want: { text: 'fe80::1', fields: [['t.ip', 'fe80::1']] },
  },
  {
    name: 'bytes are read as UTF-8',
    format: formatOf(name),
    values: { 't.name': 'n\xc3\xa9\xff' },
    want: { text: 'né\ufffd', fields: [['t.name', 'né\ufffd']] },
  },
  {
    name: 'a width pads',
    format: formatOf('[', value('t.name', field('t.name'), { width: 5 }), ']'),
    values: { 't.name': 'abc' },
    want: { text: '[abc  ]', fields: [['t.name', 'abc']] },
  },
  {
    name: 'a width cuts the text only',
    format: formatOf(value('t.name', field('t.name'), { width: 2 })),
    values: { 't.name': 'abc' },
    want: { text: 'ab', fields: [['t.name', 'abc']] },
  },
  {
    name: 'a width counts bytes',
    format: formatOf(value('t.name', field('t.name'), { width: 4 }), '|'),
    values: { 't.name': '\xc3\xa9\xc3\xa9\xc3\xa9' },
    want: { text: 'éé|', fields: [['t.name', 'ééé']] },
  },
  {
    name: 'a width pads what is missing',
    format: formatOf(value('t.name', field('t.name'), { width: 6 }), '|'),
    values: {},
    want: { text: '<NA>  |', fields: [['t.name', null]] },
  },
  {
    name: 'a key stands once',
    format: formatOf(name, ' ', name),
    values: { 't.name': 'x' },
    want: { text: 'x x', fields: [['t.name', 'x']] },
  },
  {
    name: 'an argument is part of the key',
    format: formatOf(value('t.name[2]', field('t.name', '2'))),
    values: { 't.name[2]': 'y' },
    want: { text: 'y', fields: [['t.name[2]', 'y']] },
  },
  {
    name: 'a transformed value has no key; the field in it has',
    format: formatOf(value('tolower(t.name)', lower, { fields: [{ text: 't.name', operand: field('t.name') }] })),
    values: { 't.name': 'ABC' },
    want: { text: 'abc', fields: [['t.name', 'ABC']] },
  },
  {
    name: 'a length prints as a number',
    format: formatOf(
      value(
        'len(t.name)',
        { kind: 'transform', name: 'len', args: [field('t.name')], type: 'UINT64', isList: false },
        { fields: [{ text: 't.name', operand: field('t.name') }] },
      ),
    ),
    values: { 't.name': 'abc' },
    want: { text: '3', fields: [['t.name', 'abc']] },
  },
  {
    name: 'a field may print by a reader of its own',
    format: formatOf(value('t.domain', field('t.domain'))),
    values: { 't.domain': 1, 't.domainText': 'a.example' },
    want: { text: 'a.example', fields: [['t.domain', 'a.example']] },
  },
]

for (const row of rows)
  test(`compileOutput: ${row.name}`, () => assert.deepEqual(print(row.format, row.values), row.want))

test('compileOutput: a field that is named twice is read once', () => {
  const format = compileOutput(formatOf(name, name, value('t.path', field('t.path'))), deps)
  reads.count = 0
  format(fakeContext(1, { 't.name': 'x', 't.path': 'y' }))
  assert.equal(reads.count, 2)
})

test('compileOutput: extra fields, raw with their own type, formatted as text', () => {
  const number = value('t.num', field('t.num'))
  const format = compileOutput(formatOf(name), deps, [
    { key: 'evt.num', format: formatOf(value('evt.num', field('evt.num'))), isRaw: true },
    { key: 'extra', format: formatOf('n=', number, ' ', name), isRaw: false },
    { key: 't.name', format: formatOf('replaced'), isRaw: false },
  ])
  assert.deepEqual(format(fakeContext(1, { 't.name': 'x', 't.num': 10, 'evt.num': 7 })), {
    text: 'x',
    fields: [
      ['t.name', 'replaced'],
      ['evt.num', 7],
      ['extra', 'n=A x'],
    ],
  })
})

test('makeAlert: carries the rule, the number and the time of the event', () => {
  const rule = planOf([check('t.name', 'exists', undefined)]).rules[0] as PlannedRule
  const ctx = { ...fakeContext(1, { 't.name': 'x' }), rec: { type: 1, num: 9, tsNs: 123n } } as never
  const alert = makeAlert(rule, compileOutput(formatOf('seen ', name), deps), ctx)
  assert.deepEqual(alert, {
    rule,
    source: 'syscall',
    eventNum: 9,
    tsNs: 123n,
    text: 'seen x',
    fields: [['t.name', 'x']],
  })
})
