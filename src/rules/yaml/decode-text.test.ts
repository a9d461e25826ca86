import assert from 'node:assert/strict'
import { test } from 'node:test'
import { valueBytes } from '../escapes.ts'
import { decodeYaml } from './decode-text.ts'

const rows: readonly { name: string; bytes: readonly number[]; want: string }[] = [
  { name: 'ASCII', bytes: [0x2d, 0x20, 0x61], want: '- a' },
  { name: 'UTF-8', bytes: [0xc3, 0xa9, 0xf0, 0x9f, 0x90, 0xa6], want: 'é🐦' },
  { name: 'a byte order mark is dropped', bytes: [0xef, 0xbb, 0xbf, 0x61], want: 'a' },
  { name: 'a byte that is no UTF-8', bytes: [0x61, 0xe9, 0x62], want: 'a\udce9b' },
  { name: 'a character cut off', bytes: [0xc3, 0xa9, 0xe2, 0x82], want: 'é\udce2\udc82' },
  { name: 'a character spelled too long', bytes: [0xc0, 0xaf], want: '\udcc0\udcaf' },
  { name: 'an encoded surrogate', bytes: [0xed, 0xa0, 0x80], want: '\udced\udca0\udc80' },
  { name: 'beyond the last character', bytes: [0xf4, 0x90, 0x80, 0x80], want: '\udcf4\udc90\udc80\udc80' },
  { name: 'UTF-16, little end first', bytes: [0xff, 0xfe, 0x61, 0, 0xe9, 0], want: 'aé' },
  { name: 'UTF-16, big end first', bytes: [0xfe, 0xff, 0, 0x61, 0, 0xe9], want: 'aé' },
  { name: 'UTF-16 with half a character', bytes: [0xfe, 0xff, 0xd8, 0x00, 0x61], want: '\ufffd' },
  { name: 'nothing', bytes: [], want: '' },
]

for (const { name, bytes, want } of rows) {
  test(`decoding ${name}`, () => assert.equal(decodeYaml(Buffer.from(bytes)), want))
}

test('what is no UTF-8 gives its bytes again', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => (i * 37) & 0xff))
  assert.equal(valueBytes(decodeYaml(bytes)), bytes.toString('latin1'))
})
