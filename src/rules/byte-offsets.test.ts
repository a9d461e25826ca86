import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteOffsets } from './byte-offsets.ts'

test('offsets of well-formed text are lengths in UTF-8', () => {
  const text = fc
    .array(fc.constantFrom('a', 'é', '壳', '😀', 'x'.repeat(1000)), { maxLength: 20 })
    .map(parts => parts.join(''))
  fc.assert(
    fc.property(text, fc.nat(20_000), (value, wanted) => {
      const offset = Math.min(wanted, value.length)
      // Not into the middle of a pair, which has no length.
      if (/[\ud800-\udbff]$/.test(value.slice(0, offset))) return
      assert.equal(new ByteOffsets(value).at(offset), Buffer.byteLength(value.slice(0, offset)))
    }),
  )
})

test('a byte that was no UTF-8 is one byte', () => {
  assert.equal(new ByteOffsets('é\udcff\udc80a').at(3), 4)
})

test('any other lone surrogate is three', () => {
  assert.equal(new ByteOffsets('\ud800\udc00\udc00\ud800a').at(5), 4 + 3 + 3 + 1)
})

test('offsets outside the text are its ends', () => {
  assert.deepEqual([new ByteOffsets('é').at(5), new ByteOffsets('é').at(-1), new ByteOffsets('').at(0)], [2, 0, 0])
})
