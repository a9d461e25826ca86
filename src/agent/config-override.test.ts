// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are variables of a configuration
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { type ConfigMap, emptyMap, parseConfigYaml } from './config-node.ts'
import { applyOverride, parseOverride } from './config-override.ts'
import { plainValue } from './testdata/plain-value.ts'

const base = `
base_value:
    id: 1
    name: 'sample_name'
    subvalue:
      subvalue2:
        boolean: true
empty:
base_value_2:
  sample_list: [elem1, elem2, elem3]
`

function override(yaml: string, options: readonly string[]): { root: ConfigMap; findings: Diagnostic[] } {
  const findings: Diagnostic[] = []
  const source = { path: 'c.yaml', text: yaml }
  const parsed = parseConfigYaml(source, findings)
  const root = parsed?.kind === 'map' ? parsed : emptyMap({ source, span: { start: 0, end: 0 } })
  for (const option of options) {
    const one = parseOverride(option, findings)
    if (one !== undefined) applyOverride(root, one, findings)
  }
  return { root, findings }
}

const cases: readonly {
  readonly name: string
  readonly yaml?: string
  readonly options: readonly string[]
  /** Parts of the result by key. */
  readonly want: Record<string, unknown>
}[] = [
  { name: 'a key at the top', options: ['new=1'], want: { new: '1' } },
  {
    name: 'a key below keys, which stay',
    options: ['base_value.subvalue.subvalue2.boolean=false'],
    want: { base_value: { id: '1', name: 'sample_name', subvalue: { subvalue2: { boolean: 'false' } } } },
  },
  { name: 'maps on the way are made', options: ['a.b.c=1'], want: { a: { b: { c: '1' } } } },
  { name: 'an empty key on the way becomes a map', options: ['empty.x=1'], want: { empty: { x: '1' } } },
  {
    name: 'an item of a list',
    options: ['base_value_2.sample_list[1]=x'],
    want: { base_value_2: { sample_list: ['elem1', 'x', 'elem3'] } },
  },
  { name: 'the item after the last is a new one', options: ['l[0]=a', 'l[1]=b'], want: { l: ['a', 'b'] } },
  {
    name: 'empty brackets append',
    options: ['base_value_2.sample_list[]=x'],
    want: { base_value_2: { sample_list: ['elem1', 'elem2', 'elem3', 'x'] } },
  },
  {
    name: 'maps are appended key by key',
    options: ['rules[].disable.tag=maturity_incubating', 'rules[].enable.rule=Adding ssh keys to authorized_keys'],
    want: {
      rules: [{ disable: { tag: 'maturity_incubating' } }, { enable: { rule: 'Adding ssh keys to authorized_keys' } }],
    },
  },
  {
    name: 'keys below an item',
    options: ['a[0].b[0].c=1', 'a[0].b[0].d=2'],
    want: { a: [{ b: [{ c: '1', d: '2' }] }] },
  },
  { name: 'lists in lists', options: ['m[0][0]=1', 'm[0][1]=2'], want: { m: [['1', '2']] } },
  {
    name: 'a value in braces is JSON',
    options: ['append_output[]={"match": {"source": "syscall", "tags": ["a b"]}, "extra_output": "x=%y[2]"}'],
    want: { append_output: [{ match: { source: 'syscall', tags: ['a b'] }, extra_output: 'x=%y[2]' }] },
  },
  { name: 'a value in braces is YAML', options: ['a={b: c, d: }'], want: { a: { b: 'c', d: null } } },
  {
    name: 'a value in brackets is a list',
    options: ['rules_files=[a.yaml, "b c.yaml"]'],
    want: { rules_files: ['a.yaml', 'b c.yaml'] },
  },
  { name: 'any other value is text as it stands', options: ['a= "x: [y" '], want: { a: ' "x: [y" ' } },
  { name: 'no value is empty text', options: ['a='], want: { a: '' } },
  { name: 'only the first equals sign separates', options: ['a=b=c'], want: { a: 'b=c' } },
  {
    name: 'variables are not replaced',
    options: ['a=${HOME}', 'b={c: "${HOME}"}'],
    want: { a: '${HOME}', b: { c: '${HOME}' } },
  },
  {
    name: 'a backslash keeps points and brackets in a name',
    options: ['my\\.dotted\\[0\\]\\\\key=v'],
    want: { 'my.dotted[0]\\key': 'v' },
  },
  { name: 'a whole map can be replaced', options: ['base_value={id: 2}'], want: { base_value: { id: '2' } } },
  {
    name: 'names of the language are keys like others',
    options: ['__proto__.x=1', 'constructor=2'],
    want: { __proto__: undefined, constructor: '2' },
  },
]

for (const c of cases) {
  test(`-o: ${c.name}`, () => {
    const { root, findings } = override(c.yaml ?? base, c.options)
    assert.deepEqual(findings, [])
    for (const [key, want] of Object.entries(c.want)) {
      const got = root.entries.get(key)?.value
      assert.deepEqual(got === undefined ? undefined : plainValue(got), want)
    }
  })
}

const mistakes: readonly {
  readonly name: string
  readonly option: string
  readonly at: string
  readonly message: RegExp
}[] = [
  { name: 'no equals sign', option: 'json_output', at: 'json_output', message: /sets nothing/ },
  { name: 'no key', option: '=x', at: '=', message: /a key is missing/ },
  { name: 'two points', option: 'a..b=1', at: '.', message: /a key is missing/ },
  { name: 'a point at the end', option: 'a.=1', at: '=', message: /a key is missing/ },
  { name: 'no point after brackets', option: 'a[0]b=1', at: 'b', message: /a `\.` must come/ },
  { name: 'brackets without a key', option: '[0]=1', at: '[', message: /a key must come/ },
  { name: 'brackets that stay open', option: 'a[0=1', at: '[', message: /without its/ },
  { name: 'an item that is no number', option: 'a[x]=1', at: 'x', message: /not the number of an item/ },
  { name: 'an item beyond the next', option: 'base_value_2.sample_list[7]=1', at: '[7]', message: /there are 3 items/ },
  { name: 'an item of a map', option: 'base_value[0]=1', at: '[0]', message: /this is a map/ },
  { name: 'a key of a list', option: 'base_value_2.sample_list.x=1', at: 'x', message: /this is a list/ },
  { name: 'a key below a value', option: 'base_value.id.x=1', at: 'x', message: /this is a single value/ },
  { name: 'YAML that does not parse', option: 'a={b: [}', at: '}', message: /./ },
]

for (const c of mistakes) {
  test(`-o: ${c.name} is a finding with its place`, () => {
    const { findings } = override(base, [c.option])
    assert.equal(findings.length, 1)
    const { source, span, severity, message } = findings[0]!
    assert.deepEqual([source.path, source.text, severity], ['-o', c.option, 'error'])
    assert.match(message, c.message)
    assert.equal(c.option.slice(span.start, span.end), c.at)
  })
}

test('-o: whatever is given, a value is set or there is a finding', () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    '.',
    '[',
    ']',
    '[]',
    '[0]',
    '[1]',
    '\\',
    '=',
    '{',
    '}',
    '{a: b}',
    '&x',
    '*x',
    ' ',
    '',
  )
  const option = fc.array(piece, { maxLength: 14 }).map(parts => parts.join(''))
  fc.assert(
    fc.property(fc.array(option, { maxLength: 4 }), options => {
      const { root } = override('', options)
      plainValue(root)
    }),
    { numRuns: 3000 },
  )
})
