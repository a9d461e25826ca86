import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRegex } from './regex.ts'
import { cpuMs } from './testing.ts'

const cases = [
  { name: 'the whole text must match', pattern: 'b', text: 'abc', want: false },
  { name: 'alternatives are anchored too', pattern: 'a|b', text: 'ab', want: false },
  { name: 'a POSIX class', pattern: '[[:alpha:]_]+', text: 'ab_c', want: true },
  { name: 'a negated POSIX class', pattern: '[[:^digit:]]', text: 'x', want: true },
  { name: 'a dot is not a newline', pattern: 'a.b', text: 'a\nb', want: false },
  { name: 'a negated set takes a newline', pattern: 'a[^x]b', text: 'a\nb', want: true },
  { name: 'anchors match at line ends', pattern: '^a$\n^b$', text: 'a\nb', want: true },
  { name: 'a question mark after a plus makes it optional', pattern: 'a+?', text: '', want: true },
  { name: 'repetitions stack', pattern: '(ab){2}{2}', text: 'abababab', want: true },
  { name: 'a brace that is no count stands for itself', pattern: 'a{,2}', text: 'a{,2}', want: true },
  { name: 'a count with a leading zero is none', pattern: 'a{01}', text: 'a{01}', want: true },
  { name: 'escapes by number', pattern: '\\x41\\x{42}\\103', text: 'ABC', want: true },
  { name: 'escaped punctuation', pattern: '\\.\\*\\_', text: '.*_', want: true },
  { name: 'a bracket first in a set', pattern: '[]x]+', text: 'x]', want: true },
  { name: 'UTF-8 letters are one character', pattern: 'h.llo', text: 'h\xc3\xa9llo', want: true },
  { name: 'a byte that is not UTF-8 is one character', pattern: 'h.llo', text: 'h\xffllo', want: true },
  { name: 'star, literal, star needs one line', pattern: '.*etc.*', text: '/etc\n/x', want: false },
  { name: 'star, literal', pattern: '.*shadow', text: '/etc/shadow', want: true },
  { name: 'literal, star', pattern: '/etc/.*', text: '/etc/', want: true },
  { name: 'a literal', pattern: '/etc/', text: '/etc/x', want: false },
  { name: 'the empty pattern', pattern: '', text: '', want: true },
]

for (const c of cases) {
  test(`compileRegex: ${c.name}`, () => {
    const regex = compileRegex(c.pattern)
    assert.equal(regex.kind === 'regex' ? regex.matches(c.text) : regex.message, c.want)
  })
}

const refused = [
  { pattern: '\\d', message: 'invalid escape sequence: \\d' },
  { pattern: '\\bx', message: 'invalid escape sequence: \\b' },
  { pattern: '\\pL', message: 'invalid escape sequence: \\p' },
  { pattern: '\\1', message: 'invalid escape sequence: \\1' },
  { pattern: '[\\d]', message: 'invalid escape sequence: \\d' },
  { pattern: '(?i)x', message: 'no argument for repetition operator: ?' },
  { pattern: '*x', message: 'no argument for repetition operator: *' },
  { pattern: 'a|+', message: 'no argument for repetition operator: +' },
  { pattern: '(x', message: 'missing ): (x' },
  { pattern: 'x)', message: 'unexpected ): x)' },
  { pattern: '[x', message: 'missing ]: [x' },
  { pattern: '[z-a]', message: 'invalid character class range: z-a' },
  { pattern: '[a-b-c]', message: 'invalid character class range: -c' },
  { pattern: '[[:what:]]', message: 'invalid character class range: [:what:]' },
  { pattern: 'a{1001}', message: 'invalid repetition size: {1001}' },
  { pattern: 'a{2,1}', message: 'invalid repetition size: {2,1}' },
  { pattern: 'x\\', message: 'trailing \\' },
  { pattern: 'x\xff', message: 'invalid UTF-8' },
  { pattern: '(.{1000}){1000}', message: 'pattern too large - compile failed' },
]

for (const c of refused) {
  test(`compileRegex: refuses ${JSON.stringify(c.pattern)}`, () => {
    assert.deepEqual(compileRegex(c.pattern), { kind: 'bad', message: c.message })
  })
}

test('compileRegex: hostile patterns and texts end soon', () => {
  const started = cpuMs()
  assert.equal(compileRegex('('.repeat(100_000)).kind, 'bad')
  assert.equal(compileRegex(`a${'{1}'.repeat(20_000)}`).kind, 'bad')
  assert.equal(compileRegex('['.repeat(50_000)).kind, 'bad')
  const nested = compileRegex('((a*)*)*b')
  assert.ok(nested.kind === 'regex' && !nested.matches('a'.repeat(5_000)))
  assert.ok(cpuMs() - started < 3000)
})
