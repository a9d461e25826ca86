import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RuleSelection } from './select-rules.ts'
import { isSelected, matchesWildcard } from './select-rules.ts'

const wildcards: readonly {
  readonly name: string
  readonly pattern: string
  readonly fits: readonly string[]
  readonly not: readonly string[]
}[] = [
  {
    name: 'without a star only the name itself fits',
    pattern: 'open',
    fits: ['open'],
    not: ['open ', 'xopen', 'Open', ''],
  },
  { name: 'a star alone fits everything', pattern: '*', fits: ['', 'a', 'a b*c'], not: [] },
  { name: 'a star at the end', pattern: 'open*', fits: ['open', 'open file'], not: ['reopen', 'ope'] },
  { name: 'a star at the beginning', pattern: '*rule', fits: ['rule', 'first rule', 'rulerule'], not: ['rules'] },
  {
    name: 'stars between',
    pattern: '*second*r*',
    fits: ['second disabled rule', 'a second r'],
    not: ['second', 'r second'],
  },
  { name: 'a later occurrence counts as well', pattern: '*ab*c', fits: ['aabxabc', 'abc'], not: ['abcd'] },
  { name: 'two stars are one', pattern: 'a**b', fits: ['ab', 'axb'], not: ['a'] },
  { name: 'no other sign is special', pattern: 'a?[b].', fits: ['a?[b].'], not: ['axb.', 'axbc'] },
  { name: 'an empty pattern fits the empty name', pattern: '', fits: [''], not: ['a'] },
]

for (const { name, pattern, fits, not } of wildcards) {
  test(name, () => {
    for (const text of fits) assert.ok(matchesWildcard(pattern, text), `${pattern} does not fit ${text}`)
    for (const text of not) assert.ok(!matchesWildcard(pattern, text), `${pattern} fits ${text}`)
  })
}

test('wildcards fit what the regular expression fits', () => {
  const text = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 8 }).map(parts => parts.join(''))
  fc.assert(
    fc.property(text, text, (pattern, name) => {
      assert.equal(matchesWildcard(pattern, name), new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name))
    }),
  )
})

test('many stars take no long time', () => {
  assert.equal(matchesWildcard('*a'.repeat(500), 'a'.repeat(1000)), true)
  assert.equal(matchesWildcard(`${'*a'.repeat(500)}b`, 'a'.repeat(5000)), false)
})

const on = { name: 'first actual rule', tags: ['process'], enabled: true }
const off = { name: 'second disabled rule', tags: ['exec process'], enabled: false }
const alsoOff = { name: 'third disabled rule', tags: ['exec'], enabled: false }

const selections: readonly {
  readonly name: string
  readonly selection: readonly RuleSelection[]
  readonly want: readonly boolean[]
}[] = [
  { name: 'without selections the files decide', selection: [], want: [true, false, false] },
  { name: 'by name', selection: [{ operation: 'enable', rule: 'second disabled rule' }], want: [true, true, false] },
  {
    name: 'a part of a name is no name',
    selection: [{ operation: 'disable', rule: 'first' }],
    want: [true, false, false],
  },
  { name: 'by wildcard', selection: [{ operation: 'enable', rule: '*disabled*' }], want: [true, true, true] },
  { name: 'by tag', selection: [{ operation: 'enable', tag: 'exec process' }], want: [true, true, false] },
  { name: 'a part of a tag is no tag', selection: [{ operation: 'enable', tag: 'proc' }], want: [true, false, false] },
  { name: 'a star in a tag is a star', selection: [{ operation: 'enable', tag: '*' }], want: [true, false, false] },
  {
    name: 'name and tag in one entry: either',
    selection: [{ operation: 'enable', rule: 'third*', tag: 'exec process' }],
    want: [true, true, true],
  },
  {
    name: 'the last entry that fits decides',
    selection: [
      { operation: 'disable', rule: '*' },
      { operation: 'enable', tag: 'process' },
    ],
    want: [true, false, false],
  },
  {
    name: 'also when it is the other way round',
    selection: [
      { operation: 'enable', tag: 'process' },
      { operation: 'disable', rule: '*' },
    ],
    want: [false, false, false],
  },
]

for (const { name, selection, want } of selections) {
  test(`selected ${name}`, () => {
    assert.deepEqual(
      [on, off, alsoOff].map(rule => isSelected(rule, selection)),
      want,
    )
  })
}
