import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileGlob } from './glob.ts'
import { cpuMs } from './testing.ts'

// Every verdict was asked of fnmatch(3), glibc 2.36, C locale: flags 0, then FNM_CASEFOLD.
const cases = [
  { name: 'star also takes slashes', pattern: '/etc/*', text: '/etc/a/b', want: true, folded: true },
  { name: 'star takes nothing', pattern: 'a*b', text: 'ab', want: true, folded: true },
  { name: 'star takes a leading dot', pattern: '*', text: '.x', want: true, folded: true },
  { name: 'several stars', pattern: '*a*b*', text: 'xxaxxbx', want: true, folded: true },
  { name: 'stars keep the order', pattern: '*b*a*', text: 'ab', want: false, folded: false },
  { name: 'pieces must not overlap', pattern: 'ab*bc', text: 'abc', want: false, folded: false },
  { name: 'question mark is one byte', pattern: '?', text: '/', want: true, folded: true },
  { name: 'question mark is not nothing', pattern: 'a?', text: 'a', want: false, folded: false },
  { name: 'the whole text', pattern: 'a', text: 'ab', want: false, folded: false },
  { name: 'the empty pattern fits the empty text', pattern: '', text: '', want: true, folded: true },
  { name: 'letter case', pattern: 'ABC', text: 'abc', want: false, folded: true },
  { name: 'a range', pattern: '[a-c]x', text: 'bx', want: true, folded: true },
  { name: 'a range of other case', pattern: '[A-C]', text: 'b', want: false, folded: true },
  { name: 'a negated set', pattern: '[!a]', text: 'b', want: true, folded: true },
  { name: 'a negated set with a caret', pattern: '[^a]', text: 'a', want: false, folded: false },
  { name: 'a bracket first in a set', pattern: '[]a]', text: ']', want: true, folded: true },
  { name: 'a dash last in a set', pattern: '[a-]', text: '-', want: true, folded: true },
  { name: 'an escape in a set', pattern: '[\\]a]', text: ']', want: true, folded: true },
  { name: 'an escaped star', pattern: 'a\\*', text: 'a*', want: true, folded: true },
  { name: 'an escaped letter', pattern: '\\a', text: 'a', want: true, folded: true },
  { name: 'a backslash at the end', pattern: 'a\\', text: 'a\\', want: false, folded: false },
  { name: 'a class', pattern: '[[:digit:]]', text: '7', want: true, folded: true },
  { name: 'a class does not fold', pattern: '[[:upper:]]', text: 'b', want: false, folded: false },
  { name: 'a class beside a letter', pattern: '[[:upper:]a]', text: 'a', want: true, folded: true },
  { name: 'an unknown class', pattern: '[[:foo:]]', text: 'f', want: false, folded: false },
  { name: 'an equivalence class', pattern: '[[=a=]b]', text: 'a', want: true, folded: true },
  { name: 'a collating symbol in a range', pattern: '[[.a.]-z]', text: 'q', want: true, folded: true },
  { name: 'an unclosed bracket stands for itself', pattern: '[abc', text: '[abc', want: true, folded: true },
  { name: 'an unclosed bracket is no set', pattern: '[abc', text: 'a', want: false, folded: false },
  { name: 'a set holds bytes', pattern: '[\x80-\xff]', text: '\xe9', want: true, folded: true },
  { name: 'two bytes of one letter are two', pattern: '?', text: '\xc3\xa9', want: false, folded: false },
]

for (const c of cases) {
  test(`compileGlob: ${c.name}`, () => {
    assert.equal(compileGlob(c.pattern, false).matches(c.text), c.want)
    assert.equal(compileGlob(c.pattern, true).matches(c.text), c.folded, 'folded')
  })
}

/** The textbook definition, exponential but obvious. */
function naive(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern[0] === '*') return naive(pattern.slice(1), text) || (text !== '' && naive(pattern, text.slice(1)))
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && naive(pattern.slice(1), text.slice(1))
}

test('compileGlob: agrees with the definition of star and question mark', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 7 }).map(a => a.join(''))
  const texts = fc.array(fc.constantFrom('a', 'b'), { maxLength: 9 }).map(a => a.join(''))
  fc.assert(
    fc.property(letters, texts, (pattern, text) => compileGlob(pattern, false).matches(text) === naive(pattern, text)),
    {
      numRuns: 2000,
    },
  )
})

test('compileGlob: a hostile pattern costs length times length', () => {
  const text = `${'a'.repeat(20_000)}c`
  const started = cpuMs()
  assert.equal(compileGlob(`${'a*'.repeat(200)}b`, false).matches(text), false)
  assert.equal(compileGlob(`${'*?a[a-z]'.repeat(200)}b*`, false).matches(text), false)
  assert.ok(cpuMs() - started < 2000)
})
