import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { shapeOfLongestLabel } from './label-shape.ts'

const rows: readonly (readonly [name: string, length: number, entropy: number])[] = [
  ['', 0, 0],
  ['a', 1, 0],
  ['aaaa.bb', 4, 0],
  ['ab.cd', 2, 100],
  ['abcd.example', 7, 252],
  ['www.shop.example.com', 7, 252],
  ['0123456789abcdef.x', 16, 400],
  ['mzxw6ytboi4dsmrqge3tqnjvgyzdmnbwgezdgnbvgy.t.example', 42, 420],
  // One byte each, and no end of a label.
  ['a\\.b\\\\c\\007.x', 6, 258],
  ['\\000\\255.x', 2, 100],
]

for (const [name, length, entropy] of rows) {
  test(`the longest label of ${JSON.stringify(name)}`, () => {
    assert.deepEqual(shapeOfLongestLabel(name), { length, entropy })
  })
}

test('the longest label of any text: within bounds, and as the formula says', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 300 }), name => {
      const { length, entropy } = shapeOfLongestLabel(name)
      assert.ok(length >= 0 && length <= 63 && entropy >= 0 && entropy <= 598, `${length} ${entropy}`)
    }),
  )
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...'abcdefgh0123-'), { minLength: 1, maxLength: 63 }), bytes => {
      let bits = 0
      for (const byte of new Set(bytes)) {
        const share = bytes.filter(other => other === byte).length / bytes.length
        bits -= share * Math.log2(share)
      }
      assert.deepEqual(shapeOfLongestLabel(`${bytes.join('')}.x`), {
        length: bytes.length,
        entropy: Math.round(bits * 100) + 0,
      })
    }),
  )
})
