import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lowerAscii, renderText, toByteText, upperAscii } from './text.ts'

test('toByteText: one character for each UTF-8 byte', () =>
  assert.equal(toByteText('né€😀'), 'n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80'))

test('renderText: what is not UTF-8 becomes U+FFFD', () => {
  assert.equal(renderText('a\xffb'), 'a\ufffdb')
  assert.equal(renderText('\xc3\xa9'), 'é')
  assert.equal(renderText('\xc3'), '\ufffd')
})

test('renderText undoes toByteText', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => renderText(toByteText(text)) === text),
    { numRuns: 300 },
  )
})

test('lowerAscii and upperAscii leave bytes above 0x7f alone', () => {
  assert.equal(lowerAscii('AZ\xc0[`'), 'az\xc0[`')
  assert.equal(upperAscii('az\xe0\xff{'), 'AZ\xe0\xff{')
  assert.equal(lowerAscii('ABC'), 'abc')
  assert.equal(upperAscii('abc'), 'ABC')
})
