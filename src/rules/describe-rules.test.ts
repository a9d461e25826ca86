import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventLookup } from '../events/event-lookup.ts'
import { fieldLookup } from '../fields/catalogue.ts'
import type { RulesDescription } from './describe-rules.ts'
import { describeRule, describeRules, renderDescription } from './describe-rules.ts'
import { loadTexts } from './testdata/load-cases.ts'

const options = { fields: fieldLookup, events: eventLookup }

function describe(...files: readonly string[]): RulesDescription {
  return describeRules(loadTexts(files).compiled, options)
}

const file = `
- required_engine_version: 11
- required_plugin_versions:
  - name: container
    version: 0.4.0
    alternatives: [{name: other, version: 1.0.0}]
- list: cat_binaries
  items: [cat]
- list: cat_capable_binaries
  items: [cat_binaries, less]
- macro: is_cat
  condition: proc.name in (cat_capable_binaries)
- rule: open_from_cat
  desc: A process named cat does an open
  condition: evt.type=open and is_cat and tolower(fd.name) startswith /tmp
  output: "An open was seen (command=%proc.cmdline id=%container.id up=%toupper(fd.name))"
  priority: WARNING
  tags: [b, a]
  exceptions:
    - name: second
      fields: [proc.pname, fd.name]
      comps: [=, startswith]
      values: [[bash, /tmp/x]]
    - name: first
      fields: proc.cmdline
`

test('everything about a set of files', () => {
  assert.deepEqual(describe(file), {
    lists: [
      {
        details: { items_compiled: ['cat'], lists: [], plugins: [], used: true },
        info: { items: ['cat'], name: 'cat_binaries' },
      },
      {
        details: { items_compiled: ['cat', 'less'], lists: ['cat_binaries'], plugins: [], used: true },
        info: { items: ['less'], name: 'cat_capable_binaries' },
      },
    ],
    macros: [
      {
        details: {
          condition_compiled: 'proc.name in (cat, less)',
          condition_fields: ['proc.name'],
          condition_operators: ['in'],
          events: describe(file).macros?.[0]?.details.events,
          lists: ['cat_capable_binaries'],
          macros: [],
          plugins: [],
          used: true,
        },
        info: { condition: 'proc.name in (cat_capable_binaries)', name: 'is_cat' },
      },
    ],
    required_engine_version: '0.11.0',
    required_plugin_versions: [
      { alternatives: [{ name: 'other', version: '1.0.0' }], name: 'container', version: '0.4.0' },
    ],
    rules: [
      {
        details: {
          condition_compiled:
            '((evt.type = open and proc.name in (cat, less) and tolower(fd.name) startswith /tmp) and not (proc.pname = bash and fd.name startswith /tmp/x))',
          condition_fields: ['evt.type', 'fd.name', 'proc.name', 'proc.pname'],
          condition_operators: ['=', 'in', 'startswith'],
          events: ['asyncevent', 'open'],
          exception_fields: ['fd.name', 'proc.pname'],
          exception_names: ['first', 'second'],
          exception_operators: ['=', 'in', 'startswith'],
          lists: [],
          macros: ['is_cat'],
          output_compiled: 'An open was seen (command=%proc.cmdline id=%container.id up=%toupper(fd.name))',
          output_fields: ['proc.cmdline', 'container.id', 'fd.name'],
          plugins: ['container'],
        },
        info: {
          condition: 'evt.type=open and is_cat and tolower(fd.name) startswith /tmp',
          description: 'A process named cat does an open',
          enabled: true,
          name: 'open_from_cat',
          output: 'An open was seen (command=%proc.cmdline id=%container.id up=%toupper(fd.name))',
          priority: 'Warning',
          source: 'syscall',
          tags: ['a', 'b'],
        },
      },
    ],
  })
})

test('keys come in the order of the alphabet, as Falco prints them', () => {
  const checkKeys = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if (!Array.isArray(value)) assert.deepEqual(Object.keys(value), Object.keys(value).toSorted())
    for (const inner of Object.values(value)) checkKeys(inner)
  }
  checkKeys(describe(file))
})

test('a macro that restricts nothing is for all events', () => {
  const events = describe(file).macros?.[0]?.details.events ?? []
  assert.ok(events.length > 300)
  for (const name of ['open', 'execve', 'asyncevent', 'setuid']) assert.ok(events.includes(name), name)
})

const rule = (condition: string): string =>
  `- {rule: r, desc: d, condition: "${condition}", output: o, priority: INFO, warn_evttypes: false}\n`

const events: readonly {
  readonly condition: string
  readonly has: readonly string[]
  readonly not: readonly string[]
}[] = [
  { condition: 'evt.type in (open, openat)', has: ['open', 'openat', 'asyncevent'], not: ['execve'] },
  { condition: 'evt.type = sched_yield', has: ['sched_yield'], not: ['syslog', 'open'] },
  { condition: 'evt.type != open', has: ['openat', 'asyncevent'], not: ['open'] },
  { condition: 'not (evt.type = open or proc.name = a)', has: ['openat'], not: ['open'] },
  { condition: 'evt.type = open and evt.type = close', has: ['asyncevent'], not: ['open', 'close'] },
  { condition: 'evt.num = 0', has: ['asyncevent'], not: ['open'] },
]

for (const { condition, has, not } of events) {
  test(`events of ${condition}`, () => {
    const names = describe(rule(condition)).rules[0]!.details.events
    for (const name of has) assert.ok(names.includes(name), `no ${name}`)
    for (const name of not) assert.ok(!names.includes(name), name)
  })
}

test('a list with a blank in a value is no list in a list', () => {
  const [list] = describe('- {list: l, items: [plain, "two words"]}\n').lists!
  assert.deepEqual(list, {
    details: { items_compiled: ['plain', 'two words'], lists: [], plugins: [], used: false },
    info: { items: ['plain', 'two words'], name: 'l' },
  })
})

test('what was appended and replaced is there', () => {
  const { rules } = describe(
    rule('evt.type = open'),
    '- {rule: r, condition: and proc.name = cat, desc: more, output: "%proc.name", override: {condition: append, desc: append, output: append}}\n',
  )
  assert.equal(rules[0]!.info.condition, 'evt.type = open and proc.name = cat')
  assert.equal(rules[0]!.info.description, 'd more')
  assert.equal(rules[0]!.info.output, 'o %proc.name')
})

test('%container.info is in the output as written, not as it is used', () => {
  const [described] = describe(rule('evt.type = open').replace('output: o', 'output: a %container.info b')).rules
  assert.equal(described!.info.output, 'a %container.info b')
  assert.equal(described!.details.output_compiled, 'a  b')
})

test('one rule by its name', () => {
  const { compiled } = loadTexts(file)
  assert.deepEqual(
    describeRule(compiled, 'open_from_cat', options)?.rules.map(each => each.info.name),
    ['open_from_cat'],
  )
  assert.equal(describeRule(compiled, 'Open_from_cat', options), undefined)
})

test('a rule that is off is described, one that is left out is not', () => {
  const { rules } = describe(
    `${rule('evt.type = open').replace('rule: r', 'rule: off, enabled: false')}${rule('evt.type = open').replace('rule: r', 'rule: other, source: other')}`,
  )
  assert.deepEqual(
    rules.map(({ info }) => [info.name, info.enabled]),
    [['off', false]],
  )
})

test('the text form has two columns', () => {
  const long = `${'many words '.repeat(10)}end`
  const text = renderDescription(describe(rule('evt.type = open').replace('desc: d', `desc: ${long}`)))
  assert.equal(
    text,
    [
      `Rule${' '.repeat(47)}Description`,
      `----${' '.repeat(47)}-----------`,
      `r${' '.repeat(50)}${'many words '.repeat(5)}many`,
      `${' '.repeat(51)}words ${'many words '.repeat(4)}end`,
      '',
    ].join('\n'),
  )
})
