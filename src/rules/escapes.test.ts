import assert from 'node:assert/strict'
import { test } from 'node:test'
import { escapeValue, quoteValue, unescapeQuoted, valueBytes } from './escapes.ts'

const unescaped = [
  { name: 'nothing to do', body: 'plain', want: 'plain' },
  { name: 'control characters', body: '\\b\\f\\n\\r\\t', want: '\b\f\n\r\t' },
  { name: 'backslash and slash', body: '\\\\\\/', want: '\\/' },
  { name: 'the own quote', body: '\\"', want: '"' },
  { name: 'a backslash before a blank stands for itself alone', body: 'a\\ b', want: 'a\\b' },
  { name: 'an escaped backslash escapes nothing further', body: '\\\\n', want: '\\n' },
  { name: 'ASCII by number', body: '\\x41\\x7f\\x00', want: 'A\x7f\0' },
  { name: 'exactly two digits', body: '\\x413', want: 'A3' },
  { name: 'bytes over 127 are kept apart from letters', body: '\\xff\\x80\\xAb', want: '\udcff\udc80\udcab' },
]

for (const c of unescaped) {
  test(`unescapeQuoted: ${c.name}`, () => assert.deepEqual(unescapeQuoted(c.body, '"'), { ok: true, text: c.want }))
}

const refused = ['\\q', "\\'", '\\u0041', '\\x', '\\xf', '\\xfg', '\\x g', '\\x-1', '\\0', '\\é', '\\😀', 'ok \\B']

for (const body of refused) {
  test(`unescapeQuoted: refuses ${body} and says where`, () => {
    const result = unescapeQuoted(body, '"')
    assert.ok(!result.ok)
    assert.equal(result.at, body.indexOf('\\'))
    assert.ok(result.length >= 2 && result.at + result.length <= Math.max(body.length, result.at + 2))
  })
}

test('valueBytes: UTF-8, and escaped bytes as they are', () => {
  assert.equal(valueBytes('aé\udcff\udc80z'), 'a\xc3\xa9\xff\x80z')
  assert.equal(valueBytes('😀'), '\xf0\x9f\x98\x80')
})

const printed = [
  { name: 'a plain word', text: '/etc/*.conf', falco: '/etc/*.conf', safe: '/etc/*.conf' },
  { name: 'a blank', text: 'a b', falco: '"a b"', safe: '"a b"' },
  { name: 'a double quote', text: 'a"b', falco: '"a\\"b"', safe: '"a\\"b"' },
  { name: 'a single quote', text: "a'b", falco: '"a\'b"', safe: '"a\'b"' },
  { name: 'a backslash', text: 'a\\b', falco: '"a\\\\b"', safe: '"a\\\\b"' },
  { name: 'control characters', text: '\b\f\n\r\t', falco: '"\\b\\f\\n\\r\\t"', safe: '"\\b\\f\\n\\r\\t"' },
  { name: 'the empty text', text: '', falco: '', safe: '""' },
  { name: 'a comma', text: 'a,b', falco: 'a,b', safe: '"a,b"' },
  { name: 'a final backslash', text: 'a\\', falco: '"a\\\\"', safe: '"a\\x5c"' },
]

for (const c of printed) {
  test(`escapeValue and quoteValue: ${c.name}`, () => {
    assert.equal(escapeValue(c.text), c.falco)
    assert.equal(quoteValue(c.text), c.safe)
  })
}
