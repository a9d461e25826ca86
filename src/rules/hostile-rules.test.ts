import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { renderDiagnostic } from '../diagnostics/render.ts'
import type { CompiledRules } from './compile-rules.ts'
import { describeRules } from './describe-rules.ts'
import { loadResultsJson } from './load-result.ts'
import { fakeEvents, fakeFields } from './testdata/fake-lookups.ts'
import { codesOf, loadTexts } from './testdata/load-cases.ts'
import { cpuMs } from '../values/testing.ts'

/* Files that nobody writes in good faith: they end soon, with findings, and nothing is thrown. */

function rule(condition: string, more = ''): string {
  return `- rule: r\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: INFO\n${more}`
}

/** The numbers from 0 to `count`, each through `write`, one after the other. */
function many(count: number, write: (i: number) => string, glue = ''): string {
  return Array.from({ length: count }, (_, i) => write(i)).join(glue)
}

/** Ten times ten times … the same text. */
const bomb = `- &a0 [x,x,x,x,x,x,x,x,x,x]\n${many(11, i => `- &a${i + 1} [${many(10, () => `*a${i}`, ',')}]\n`)}`

const cases: readonly { readonly name: string; readonly file: () => string; readonly codes: readonly string[] }[] = [
  {
    name: '100,000 parentheses',
    file: () => rule(`${'('.repeat(100_000)}evt.type=open${')'.repeat(100_000)}`),
    codes: ['ERR_COMPILE_CONDITION'],
  },
  { name: '100,000 open parentheses', file: () => rule('('.repeat(100_000)), codes: ['ERR_COMPILE_CONDITION'] },
  { name: '100,000 nots', file: () => rule(`${'not '.repeat(100_000)}evt.type=open`), codes: [] },
  { name: '20,000 operands', file: () => rule(`evt.type=open${' and proc.name=a'.repeat(20_000)}`), codes: [] },
  { name: '200,000 values', file: () => rule(`evt.type=open and proc.name in (${'a,'.repeat(200_000)}a)`), codes: [] },
  { name: '100,000 brackets', file: () => '['.repeat(100_000), codes: ['ERR_YAML_PARSE'] },
  { name: '100,000 braces', file: () => '{a: '.repeat(100_000), codes: ['ERR_YAML_PARSE'] },
  { name: '100,000 list items in each other', file: () => '- '.repeat(100_000), codes: ['ERR_YAML_PARSE'] },
  {
    name: '100,000 keys of one rule',
    file: () => `- {rule: r${', a: b'.repeat(20_000)}}\n`,
    codes: ['ERR_YAML_VALIDATE', 'UNKNOWN_KEY'],
  },
  { name: 'a million empty lines', file: () => '\n'.repeat(1_000_000), codes: [] },
  { name: 'a million tabs', file: () => '\t'.repeat(1_000_000), codes: [] },
  { name: 'a word of a megabyte', file: () => rule('x'.repeat(1_000_000)), codes: ['ERR_VALIDATE'] },
  {
    name: 'aliases of aliases as tags',
    file: () => bomb + rule('evt.type=open', '  tags: *a11\n'),
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'aliases of aliases as values',
    file: () => bomb + rule('evt.type=open', '  exceptions: [{name: e, fields: [proc.name], values: *a11}]\n'),
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'a list of 1,000 items 2,000 times',
    file: () => `- {list: l, items: &a [${'x,'.repeat(1000)}]}\n${many(2000, i => `- {list: l${i}, items: *a}\n`)}`,
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'one rule 50,000 times',
    file: () =>
      `- &r {rule: r, desc: d, condition: evt.type=open, output: o, priority: INFO}\n${'- *r\n'.repeat(50_000)}`,
    codes: [],
  },
  {
    name: 'a list of 200,000 items',
    file: () =>
      `- list: l\n  items: [${many(200_000, i => `item${i}`, ', ')}]\n${rule('evt.type=open and proc.name in (l)')}`,
    codes: [],
  },
  {
    name: 'a list of 1,000 lists of 10,000 items',
    file: () =>
      `- list: l\n  items: [${many(10_000, i => `item${i}`, ', ')}]\n- {list: m, items: [${many(1000, () => 'l', ', ')}]}\n${rule('evt.type=open and proc.name in (m)')}`,
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'a list of 100,000 items 2,000 times in a condition',
    file: () =>
      `- list: l\n  items: [${many(100_000, i => `item${i}`, ', ')}]\n${rule(`proc.name in (${many(2000, () => 'l', ', ')})`)}`,
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'lists that double each other',
    file: () =>
      `${many(60, i => `- {list: l${i}, items: [l${i + 1}, "x l${i + 1} y"]}\n`)}${rule('evt.type=open and proc.name in (l0)')}`,
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'a chain of 20,000 lists',
    file: () => `${many(20_000, i => `- {list: l${i}, items: [l${i + 1}]}\n`)}${rule('proc.name in (l0)')}`,
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'macros that double each other',
    file: () =>
      `- {macro: m0, condition: proc.name=a}\n${many(60, i => `- {macro: m${i + 1}, condition: m${i} or not m${i}}\n`)}${rule('evt.type=open and m60')}`,
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'a chain of 20,000 macros',
    file: () =>
      `- {macro: m0, condition: proc.name=a}\n${many(20_000, i => `- {macro: m${i + 1}, condition: not (m${i} and fd.num=1)}\n`)}${rule('m20000')}`,
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'a condition of 10,000 macros',
    file: () =>
      `${many(10_000, i => `- {macro: m${i}, condition: proc.name=a${i}}\n`)}${rule(`evt.type=open and (${many(10_000, i => `m${i}`, ' or ')})`)}`,
    codes: [],
  },
  {
    name: '10,000 appends to a condition',
    file: () =>
      rule('evt.type=open') + '- {rule: r, condition: and proc.name=a, override: {condition: append}}\n'.repeat(10_000),
    codes: [],
  },
  {
    name: '10,000 appends to a condition, with an error at the first',
    file: () =>
      rule('evt.type=open') + '- {rule: r, condition: xor proc.name=a, override: {condition: append}}\n'.repeat(10_000),
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: '10,000 appends to a list',
    file: () =>
      `- {list: l, items: [a]}\n${'- {list: l, items: [b], override: {items: append}}\n'.repeat(10_000)}${rule('evt.type=open and proc.name in (l)')}`,
    codes: [],
  },
  {
    name: '10,000 new exceptions',
    file: () =>
      `${rule('evt.type=open')}${many(10_000, i => `- {rule: r, exceptions: [{name: e${i}, fields: proc.name, values: [b]}], override: {exceptions: append}}\n`)}`,
    codes: [],
  },
  {
    name: '10,000 tags, one after the other',
    file: () =>
      `${rule('evt.type=open')}${many(10_000, i => `- {rule: r, tags: [t${i}], override: {tags: append}}\n`)}`,
    codes: [],
  },
  {
    name: '5,000 rules',
    file: () =>
      many(
        5000,
        i =>
          `- {rule: r${i}, desc: d, condition: evt.type=open and fd.name startswith /a${i}, output: "a %proc.name", priority: INFO}\n`,
      ),
    codes: [],
  },
  {
    name: '5,000 macros that use unknown ones',
    file: () => many(5000, i => `- {macro: mac${i}, condition: evt.type=open and nosuch${i}}\n`),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: '5,000 rules with unknown fields',
    file: () =>
      many(
        5000,
        i =>
          `- {rule: r${i}, desc: d, condition: evt.type=open and fd.nmae${i} startswith /a, output: "%proc.nmae${i}", priority: INFO}\n`,
      ),
    codes: ['ERR_COMPILE_CONDITION', 'ERR_COMPILE_OUTPUT'],
  },
  {
    name: 'an output of 20,000 fields',
    file: () => rule('evt.type=open').replace('output: o', `output: "${'%proc.name '.repeat(20_000)}"`),
    codes: [],
  },
  {
    name: 'an output of 100,000 per cent signs',
    file: () => rule('evt.type=open').replace('output: o', `output: "${'%'.repeat(100_000)}"`),
    codes: ['ERR_COMPILE_OUTPUT'],
  },
  {
    name: 'a tuple of 1,000 fields',
    file: () =>
      rule(
        'evt.type=open',
        `  exceptions: [{name: e, fields: [${many(1000, () => 'proc.name', ', ')}], values: [[${many(1000, () => 'a', ', ')}]]}]\n`,
      ),
    codes: [],
  },
  {
    name: 'values 400 lists deep',
    file: () =>
      rule(
        'evt.type=open',
        `  exceptions: [{name: e, fields: [proc.name], values: ${'['.repeat(400)}${']'.repeat(400)}}]\n`,
      ),
    codes: ['ERR_YAML_VALIDATE'],
  },
]

for (const { name, file, codes } of cases) {
  test(name, () => {
    const text = file()
    const startMs = cpuMs()
    const loaded = loadTexts(text)
    const tookMs = cpuMs() - startMs
    assert.deepEqual([...new Set(codesOf(loaded.results[0]!))], codes)
    // What is slow here is slow by the square or worse: minutes.
    assert.ok(tookMs < 10_000, `${Math.round(tookMs)} ms`)
  })
}

test('200,000 findings are printed', () => {
  const { results } = loadTexts(`# é\n${'- {a: b}\n'.repeat(200_000)}`)
  assert.equal(results[0]!.newFindings.length, 200_000)
  assert.equal(loadResultsJson(results).falco_load_results[0]!.warnings.length, 200_000)
})

// Mutations

const folder = fileURLToPath(new URL('testdata/errors/', import.meta.url))
const seeds = readdirSync(folder)
  .filter(name => name.endsWith('.yaml'))
  .map(name => readFileSync(folder + name, 'utf8'))

const scraps: readonly string[] = [
  '',
  ' ',
  '\n',
  '\n  ',
  '\t',
  '- ',
  ': ',
  '[',
  ']',
  '{',
  '}',
  ',',
  '"',
  "'",
  '#',
  '&a ',
  '*a',
  '|',
  '>',
  '>-\n',
  '---\n',
  '...\n',
  '!!str ',
  '? ',
  '%',
  '@',
  '~',
  '\0',
  '\u00e9',
  '\ud800',
  '\ufeff',
  '(',
  ')',
  ' and ',
  ' or ',
  'not ',
  ' = ',
  ' in (',
  'proc.name',
  'evt.type',
  'val(',
  'tolower(',
  'rule: ',
  'macro: ',
  'list: ',
  'append: true\n',
  'override: {condition: append}\n',
  'exceptions: ',
  'enabled: false\n',
  'shells',
  '<<: *a',
  '\\x',
]

const mutation = fc.record({
  kind: fc.constantFrom('insert', 'replace', 'delete', 'copy', 'move'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat(40),
  to: fc.double({ min: 0, max: 1, noNaN: true }),
  scrap: fc.constantFrom(...scraps),
})

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never

function mutate(text: string, { kind, at, length, to, scrap }: Mutation): string {
  const start = Math.floor(at * text.length)
  const target = Math.floor(to * text.length)
  const piece = text.slice(start, start + length)
  switch (kind) {
    case 'insert':
      return text.slice(0, start) + scrap + text.slice(start)
    case 'replace':
      return text.slice(0, start) + scrap + text.slice(start + length)
    case 'copy':
      return text.slice(0, target) + piece + text.slice(target)
    case 'move': {
      const rest = text.slice(0, start) + text.slice(start + length)
      return rest.slice(0, target) + piece + rest.slice(target)
    }
    default:
      return text.slice(0, start) + text.slice(start + length)
  }
}

function checkOutcome(loaded: CompiledRules): void {
  assert.equal(
    loaded.plan === undefined,
    loaded.results.some(result => !result.ok),
  )
  for (const result of loaded.results) {
    for (const { diagnostic } of result.findings) {
      for (const { source, span } of [diagnostic, ...(diagnostic.secondary ?? [])]) {
        assert.ok(span.start >= 0 && span.start <= span.end && span.end <= source.text.length, diagnostic.message)
      }
      renderDiagnostic(diagnostic)
    }
  }
  JSON.stringify(loadResultsJson(loaded.results))
  JSON.stringify(describeRules(loaded.compiled, { fields: fakeFields, events: fakeEvents }))
}

test('mutated files load or are refused, with places inside their files', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.constantFrom('', ...seeds),
      fc.array(mutation, { minLength: 1, maxLength: 8 }),
      (seed, other, mutations) => {
        checkOutcome(loadTexts([mutations.reduce(mutate, seed), ...(other === '' ? [] : [other])]))
      },
    ),
    { numRuns: 1000 },
  )
})

test('any text loads or is refused', () => {
  const text = fc.array(fc.oneof(fc.constantFrom(...scraps), fc.string({ unit: 'binary', maxLength: 4 })), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(text, parts => checkOutcome(loadTexts(parts.join('')))),
    { numRuns: 1000 },
  )
})
