import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseOutputFormat } from './parse-output.ts'
import type { OutputFormat, OutputSegment } from './plan.ts'
import { fakeFields } from './testdata/fake-lookups.ts'
import { cpuMs } from '../values/testing.ts'

function formatOf(text: string): OutputFormat {
  const result = parseOutputFormat(text, { fields: fakeFields })
  assert.ok(result.ok, `${text}: ${result.ok ? '' : result.error.message}`)
  return result.format
}

/** `a|[field]|b`: values in brackets, with their width in front. */
function shown(text: string): string {
  return formatOf(text)
    .segments.map(s => (s.kind === 'text' ? s.text : `[${s.width ?? ''}${s.width === undefined ? '' : ':'}${s.text}]`))
    .join('|')
}

const cases = [
  { name: 'plain text', text: 'start end', want: 'start end' },
  { name: 'a field between texts', text: 'start %proc.name end', want: 'start |[proc.name]| end' },
  { name: 'only a field', text: '%proc.name', want: '[proc.name]' },
  { name: 'fields side by side', text: '%proc.name%proc.pid', want: '[proc.name]|[proc.pid]' },
  { name: 'the longest name wins', text: '%proc.pid.ts %evt.type.x', want: '[proc.pid.ts]| |[evt.type]|.x' },
  {
    name: 'what follows a name may be letters',
    text: 'start%proc.nameand%proc.pidend',
    want: 'start|[proc.name]|and|[proc.pid]|end',
  },
  { name: 'a dot after a name is text', text: '%proc.name.', want: '[proc.name]|.' },
  { name: 'an argument', text: '%proc.aname[2]x', want: '[proc.aname[2]]|x' },
  {
    name: 'arguments without blanks around',
    text: 's%proc.aname[0]and%proc.args[1]e',
    want: 's|[proc.aname[0]]|and|[proc.args[1]]|e',
  },
  { name: 'a quoted argument', text: '%proc.env["A B"]', want: '[proc.env["A B"]]' },
  { name: 'an argument that is part of the name', text: '%evt.arg.path:', want: '[evt.arg.path]|:' },
  { name: 'a bracket after a field without arguments is text', text: '%proc.name[1]', want: '[proc.name]|[1]' },
  { name: 'a bracket that is no argument is text', text: '%proc.aname[a b]', want: '[proc.aname]|[a b]' },
  { name: 'a bracket never closed is text', text: '%proc.aname[2', want: '[proc.aname]|[2' },
  { name: 'a shorter field where no event has the name', text: '%evt.type.is.nothing', want: '[evt.type]|.is.nothing' },
  { name: 'the key is the argument as written', text: '%proc.env[A=B]', want: '[proc.env[A=B]]' },
  { name: 'a width', text: '%20proc.name.', want: '[20:proc.name]|.' },
  { name: 'width 0 is none', text: '%0proc.name', want: '[proc.name]' },
  { name: 'a huge width is cut', text: '%99999999999999999999proc.name', want: '[65535:proc.name]' },
  { name: 'a leading star is dropped', text: '*start %proc.name', want: 'start |[proc.name]' },
  { name: 'a second star is text', text: '**', want: '*' },
  { name: 'a transformer', text: 's %toupper(proc.name) e', want: 's |[toupper(proc.name)]| e' },
  {
    name: 'blanks inside parentheses',
    text: '%toupper( tolower( proc.name ) )!',
    want: '[toupper(tolower(proc.name))]|!',
  },
  { name: 'a transformer with a width', text: '%10toupper(proc.name)', want: '[10:toupper(proc.name)]' },
  {
    name: 'a transformer of a field with an argument',
    text: '%toupper(proc.args[1])',
    want: '[toupper(proc.args[1])]',
  },
  {
    name: 'several arguments',
    text: '%join("->", (proc.name, evt.arg.path))',
    want: '[join(->,(proc.name,evt.arg.path))]',
  },
  { name: 'an option', text: '%getopt(fake.list, "c:")[c]', want: '[getopt(fake.list,c:)[c]]' },
  {
    name: 'a bracket that is no option is text',
    text: '%getopt(fake.list, "c:")[cc]',
    want: '[getopt(fake.list,c:)]|[cc]',
  },
  {
    name: 'a bracket after another transformer is text',
    text: '%toupper(proc.name)[x] [y',
    want: '[toupper(proc.name)]|[x] [y',
  },
  {
    name: 'a bracket never closed after a transformer',
    text: '%toupper(proc.name)[x y',
    want: '[toupper(proc.name)]|[x y',
  },
  { name: 'a transformer without arguments it knows', text: '%len(fake.list)', want: '[len(fake.list)]' },
  { name: 'deprecated fields', text: '%evt.dir', want: '[evt.dir]' },
]

for (const c of cases) {
  test(`parseOutputFormat: ${c.name}`, () => assert.equal(shown(c.text), c.want))
}

const refused = [
  { name: 'a per cent sign at the end', text: 'start %proc.name %', place: '%', at: 17, kind: 'other' },
  { name: 'a per cent sign alone', text: '%', place: '%', kind: 'other' },
  { name: 'a width at the end', text: 'a %20', place: '%20', kind: 'other' },
  { name: 'a per cent sign and a blank', text: '100% sure', place: '%', kind: 'unknown-field' },
  { name: 'two per cent signs', text: '100%% sure', place: '%', kind: 'unknown-field' },
  { name: 'one word', text: 'a %b c', place: '%b', kind: 'unknown-field' },
  { name: 'an unknown field', text: 'a %some.field b', place: 'some.field', kind: 'unknown-field' },
  {
    name: 'a mistyped field',
    text: 'a %proc.nme b',
    place: 'proc.nme',
    kind: 'unknown-field',
    help: 'did you mean `proc.name`?',
  },
  { name: 'a list that is never closed', text: '%join(("-"', place: '(', at: 6, kind: 'syntax' },
  { name: 'a field without its argument', text: '%evt.type.is', place: 'evt.type.is', kind: 'other' },
  { name: 'a missing argument', text: '%evt.arg.zzz', place: 'evt.arg.zzz', kind: 'other' },
  { name: 'a field for conditions only', text: 'a %fd.net b', place: 'fd.net', kind: 'other' },
  { name: 'such a field in a transformer', text: '%join(",", (fd.net, proc.name))', place: 'fd.net', kind: 'other' },
  {
    name: 'an unknown transformer',
    text: '%some_transformer(proc.name)',
    place: '%some_transformer(proc.name)',
    kind: 'unknown-field',
  },
  { name: 'val', text: '%val(proc.name)', place: '%val(proc.name)', kind: 'unknown-field' },
  { name: 'val inside', text: '%toupper(val(proc.name))', place: 'val', kind: 'syntax' },
  { name: 'a transformer never closed', text: '%toupper(proc.name', place: 'toupper(', kind: 'syntax' },
  { name: 'a transformer of a word', text: '%toupper(tolower)', place: 'tolower', kind: 'syntax' },
  { name: 'a transformer of the wrong type', text: '%toupper(evt.num)', place: 'evt.num', kind: 'other' },
  {
    name: 'a transformer of a field that takes none',
    text: '%toupper(proc.aname[1])',
    place: 'proc.aname[1]',
    kind: 'other',
  },
  { name: 'a blank before the parenthesis', text: '%toupper (proc.name)', place: '%toupper', kind: 'unknown-field' },
  { name: 'a parenthesis alone', text: '%(proc.name)', place: '%(proc.name)', kind: 'unknown-field' },
]

for (const c of refused) {
  test(`parseOutputFormat refuses: ${c.name}`, () => {
    const result = parseOutputFormat(c.text, { fields: fakeFields })
    assert.ok(!result.ok)
    const { code, kind, span, message, help } = result.error
    assert.equal(code, 'E0120')
    assert.equal(c.text.slice(span.start, span.end), c.place)
    if (c.at !== undefined) assert.equal(span.start, c.at)
    assert.equal(kind, c.kind)
    assert.match(message, /^[^A-Z].*[^.]$/)
    if (c.help !== undefined) assert.equal(help, c.help)
  })
}

test('parseOutputFormat: a value knows the fields in it, each once, by their own names', () => {
  const fieldsOf = (text: string): readonly string[] => {
    const segment = formatOf(text).segments.find((s): s is OutputSegment & { kind: 'value' } => s.kind === 'value')
    return segment!.fields!.map(f => f.text)
  }
  assert.deepEqual(fieldsOf('%proc.name'), ['proc.name'])
  assert.deepEqual(fieldsOf('%proc.env["A B"]'), ['proc.env["A B"]'])
  assert.deepEqual(fieldsOf('%concat(proc.name, "x", tolower(fd.name), proc.name)'), ['proc.name', 'fd.name'])
  assert.deepEqual(fieldsOf('%join(proc.name, (fd.name, proc.pid, 5))'), ['proc.name', 'fd.name', 'proc.pid'])
})

test('parseOutputFormat: the text is kept as written', () => {
  assert.equal(formatOf('*a %proc.name').text, '*a %proc.name')
  assert.deepEqual(formatOf('').segments, [])
})

const large = [
  { name: '100,000 fields', text: '%proc.name '.repeat(100_000), ok: true },
  { name: 'a field name of a megabyte', text: `%proc.${'x'.repeat(1_000_000)}`, ok: false },
  { name: 'a field of half a million parts', text: `%evt${'.a'.repeat(500_000)}`, ok: false },
  { name: 'a megabyte of digits', text: `%${'9'.repeat(1_000_000)}proc.name`, ok: true },
  { name: 'nested transformers', text: `%${'toupper('.repeat(100_000)}`, ok: false },
  { name: 'a megabyte without a per cent sign', text: 'x'.repeat(1_000_000), ok: true },
  { name: '100,000 open brackets', text: `%proc.args${'[%proc.args'.repeat(100_000)}`, ok: true },
]

for (const c of large) {
  test(`parseOutputFormat takes linear time: ${c.name}`, () => {
    const start = cpuMs()
    assert.equal(parseOutputFormat(c.text, { fields: fakeFields }).ok, c.ok)
    assert.ok(cpuMs() - start < 4000)
  })
}

const parts = [
  '%',
  '%5',
  'proc.name',
  'evt.arg',
  '.path',
  '[1]',
  '[',
  ']',
  'toupper(',
  'join(',
  '"-"',
  ',',
  '(',
  ')',
  ' ',
  'x',
  '*',
  'fd.net',
  'nope.nope',
]

test('fuzz: any output gives a format or an error inside it', () => {
  const text = fc.oneof(
    fc.array(fc.constantFrom(...parts), { maxLength: 12 }).map(p => p.join('')),
    fc.string({ unit: 'binary', maxLength: 30 }),
  )
  fc.assert(
    fc.property(text, t => {
      const result = parseOutputFormat(t, { fields: fakeFields })
      if (result.ok) {
        assert.equal(result.format.text, t)
        for (const segment of result.format.segments) if (segment.kind === 'text') assert.ok(t.includes(segment.text))
      } else {
        const { span } = result.error
        assert.ok(0 <= span.start && span.start <= span.end && span.end <= t.length)
      }
    }),
    { numRuns: 5000, interruptAfterTimeLimit: 2000 },
  )
})
