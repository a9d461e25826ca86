import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Value, ValueType } from '../values/value.ts'
import type { PrintFormat } from './field.ts'
import { type JsonValue, jsonValue, renderValue } from './render-value.ts'

interface Case {
  readonly name: string
  readonly value: Value
  readonly type: ValueType
  readonly print?: PrintFormat
  readonly text: string
  readonly json: JsonValue
}

const cases: readonly Case[] = [
  { name: 'text is UTF-8', value: 'caf\xc3\xa9', type: 'CHARBUF', text: 'café', json: 'café' },
  {
    name: 'bytes that are no UTF-8 become U+FFFD',
    value: 'a\xffb',
    type: 'CHARBUF',
    text: 'a\ufffdb',
    json: 'a\ufffdb',
  },
  { name: 'control characters stay', value: 'a\nb\x01', type: 'CHARBUF', text: 'a\nb\x01', json: 'a\nb\x01' },
  { name: 'an empty text is a value', value: '', type: 'CHARBUF', text: '', json: '' },
  { name: 'a whole number', value: -2, type: 'INT64', text: '-2', json: -2 },
  { name: 'a number beyond 2^53', value: 2n ** 60n, type: 'UINT64', text: '1152921504606846976', json: 2n ** 60n },
  {
    name: 'hexadecimal is upper case, and text in JSON',
    value: 0xfe00,
    type: 'INT32',
    print: 'HEX',
    text: 'FE00',
    json: 'FE00',
  },
  {
    name: 'a negative hexadecimal has 32 bits',
    value: -1,
    type: 'INT32',
    print: 'HEX',
    text: 'FFFFFFFF',
    json: 'FFFFFFFF',
  },
  {
    name: 'a negative hexadecimal of 64 bits',
    value: -1,
    type: 'INT64',
    print: 'HEX',
    text: 'FFFFFFFFFFFFFFFF',
    json: 'FFFFFFFFFFFFFFFF',
  },
  { name: 'octal has no prefix', value: 0o755, type: 'UINT32', print: 'OCT', text: '755', json: '755' },
  { name: 'nine digits in text only', value: 42, type: 'RELTIME', print: 'PADDED_DEC', text: '000000042', json: 42 },
  {
    name: 'a time in nanoseconds',
    value: 1_700_000_000_000_000_000n,
    type: 'ABSTIME',
    text: '1700000000000000000',
    json: 1_700_000_000_000_000_000n,
  },
  { name: 'true', value: true, type: 'BOOL', text: 'true', json: true },
  { name: 'false', value: false, type: 'BOOL', text: 'false', json: false },
  { name: 'an IPv4 address', value: 0x0a000001, type: 'IPADDR', text: '10.0.0.1', json: '10.0.0.1' },
  { name: 'an IPv6 address', value: `${'\0'.repeat(15)}\x01`, type: 'IPADDR', text: '::1', json: '::1' },
  { name: 'a fraction has one decimal in text', value: 12.34, type: 'DOUBLE', text: '12.3', json: { double: 12.34 } },
  { name: 'a whole double stays one', value: 3, type: 'DOUBLE', text: '3.0', json: { double: 3 } },
  { name: 'bytes have dots', value: 'a\0\xffb\n', type: 'BYTEBUF', text: 'a..b.', json: 'a..b.' },
  { name: 'a list', value: ['a', 'b'], type: 'CHARBUF', text: '(a,b)', json: ['a', 'b'] },
  { name: 'an empty list', value: [], type: 'CHARBUF', text: '()', json: [] },
]

for (const c of cases) {
  test(`renderValue and jsonValue: ${c.name}`, () => {
    assert.equal(renderValue(c.value, c.type, c.print), c.text)
    assert.deepEqual(jsonValue(c.value, c.type, c.print), c.json)
  })
}

test('renderValue: a list is cut at 1,023 bytes', () => {
  const text = renderValue(['x'.repeat(2000)], 'CHARBUF')
  assert.equal(text.length, 1023)
})

test('renderValue: bytes are cut as by Falco, whose loop ends two early', () => {
  assert.equal(renderValue('x'.repeat(1022), 'BYTEBUF').length, 1022)
  assert.equal(renderValue('x'.repeat(1023), 'BYTEBUF').length, 1021)
  assert.equal(renderValue('x'.repeat(5000), 'CHARBUF').length, 5000)
})
