import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ValueType } from '../values/value.ts'
import { parseConstant, parseUint64 } from './parse-constant.ts'
import type { CompareOp, Constant } from './plan.ts'

interface Row {
  readonly name: string
  readonly type: ValueType
  readonly text: string
  /** Undefined: refused. */
  readonly want: Constant | undefined
  readonly op?: CompareOp
}

const rows: readonly Row[] = [
  { name: 'text is bytes', type: 'CHARBUF', text: 'é', want: '\xc3\xa9' },
  { name: 'raw bytes of escapes stay one byte', type: 'CHARBUF', text: 'a\udcffb', want: 'a\xffb' },
  { name: 'the empty text', type: 'CHARBUF', text: '', want: '' },
  { name: '255 bytes of text are compared', type: 'CHARBUF', text: 'x'.repeat(255), want: 'x'.repeat(255) },
  { name: '256 are not', type: 'CHARBUF', text: 'x'.repeat(256), want: undefined },
  { name: 'the length counts bytes', type: 'FSPATH', text: 'é'.repeat(128), want: undefined },
  { name: 'text cannot hold NUL', type: 'CHARBUF', text: 'a\0', want: undefined },
  { name: 'bytes can', type: 'BYTEBUF', text: 'a\0', want: 'a\0' },
  {
    name: 'bcontains takes hexadecimal digits',
    type: 'BYTEBUF',
    op: 'bcontains',
    text: '48aB00ff',
    want: 'H\xab\0\xff',
  },
  { name: 'an odd number of them is refused', type: 'BYTEBUF', op: 'bcontains', text: '48a', want: undefined },
  { name: 'other digits too', type: 'BYTEBUF', op: 'bstartswith', text: '2g', want: undefined },
  { name: 'true', type: 'BOOL', text: 'true', want: true },
  { name: 'false', type: 'BOOL', text: 'false', want: false },
  { name: 'no other spelling of a boolean', type: 'BOOL', text: 'True', want: undefined },
  { name: 'no number as a boolean', type: 'BOOL', text: '1', want: undefined },
  { name: 'a number', type: 'INT64', text: '42', want: 42 },
  { name: 'a sign', type: 'INT64', text: '-42', want: -42 },
  { name: 'a plus sign', type: 'INT64', text: '+42', want: 42 },
  { name: 'leading zeros are decimal', type: 'INT64', text: '010', want: 10 },
  { name: 'leading blanks are skipped', type: 'INT64', text: ' \t42', want: 42 },
  { name: 'trailing ones are not', type: 'INT64', text: '42 ', want: undefined },
  { name: 'hexadecimal is refused', type: 'INT64', text: '0x2a', want: undefined },
  { name: 'fractions are refused', type: 'INT64', text: '1.0', want: undefined },
  { name: 'exponents are refused', type: 'INT64', text: '1e+3', want: undefined },
  { name: 'the empty text is no number', type: 'INT64', text: '', want: undefined },
  { name: 'a sign alone is no number', type: 'INT64', text: '-', want: undefined },
  { name: 'two signs are none', type: 'INT64', text: '+-1', want: undefined },
  { name: 'a double is whole', type: 'DOUBLE', text: '2', want: 2 },
  { name: 'a double has no fraction', type: 'DOUBLE', text: '2.5', want: undefined },
  { name: 'large numbers are bigints', type: 'UINT64', text: '18446744073709551615', want: 2n ** 64n - 1n },
  { name: 'larger ones are clamped', type: 'UINT64', text: '99999999999999999999999', want: 2n ** 64n - 1n },
  { name: 'signed ones too', type: 'INT64', text: '-99999999999999999999999', want: -(2n ** 63n) },
  { name: 'the largest safe integer is a number', type: 'UINT64', text: '9007199254740991', want: 9007199254740991 },
  { name: 'the next is a bigint', type: 'UINT64', text: '9007199254740992', want: 9007199254740992n },
  {
    name: 'a megabyte of digits is clamped, quickly',
    type: 'UINT64',
    text: '9'.repeat(1_000_000),
    want: 2n ** 64n - 1n,
  },
  { name: 'minus wraps around in unsigned types', type: 'UINT64', text: '-1', want: 2n ** 64n - 1n },
  { name: '32 bits are cut off', type: 'UINT32', text: '4294967297', want: 1 },
  { name: 'minus one in 32 bits', type: 'UINT32', text: '-1', want: 4294967295 },
  { name: 'user ids have 32 bits', type: 'UID', text: '4294967296', want: 0 },
  { name: '16 bits are cut off', type: 'UINT16', text: '65537', want: 1 },
  { name: '8 bits are cut off', type: 'UINT8', text: '257', want: 1 },
  { name: 'signed 16 bits', type: 'INT16', text: '40000', want: -25536 },
  { name: 'signed 8 bits', type: 'INT8', text: '200', want: -56 },
  { name: 'signed 32 bits', type: 'INT32', text: '2147483648', want: -2147483648 },
  { name: 'times are unsigned', type: 'RELTIME', text: '1000000000', want: 1_000_000_000 },
  { name: 'a port', type: 'PORT', text: '443', want: 443 },
  { name: 'a port by the name of its service', type: 'PORT', text: 'https', want: 443 },
  { name: 'an unknown service', type: 'PORT', text: 'httpz', want: undefined },
  { name: 'the empty text is port 0', type: 'PORT', text: '', want: 0 },
  { name: 'a port is cut to 16 bits', type: 'PORT', text: '65558', want: 22 },
  { name: 'no port has ten digits', type: 'PORT', text: '2147483648', want: undefined },
  { name: 'a signed port is refused', type: 'PORT', text: '-1', want: undefined },
  { name: 'an IPv4 address', type: 'IPADDR', text: '10.0.0.1', want: 0x0a000001 },
  { name: 'an IPv6 address', type: 'IPADDR', text: '::1', want: `${'\0'.repeat(15)}\x01` },
  { name: 'a mapped address is refused', type: 'IPADDR', text: '::ffff:1.2.3.4', want: undefined },
  { name: 'a network is no address', type: 'IPADDR', text: '10.0.0.0/8', want: undefined },
  { name: 'a name is no address', type: 'IPADDR', text: 'localhost', want: undefined },
  { name: 'a network is masked', type: 'IPNET', text: '10.1.2.3/8', want: { base: 0x0a000000, prefix: 8 } },
  { name: 'a network needs its slash', type: 'IPNET', text: '10.0.0.1', want: undefined },
  { name: 'a prefix over 32', type: 'IPNET', text: '10.0.0.0/33', want: undefined },
  { name: 'an IPv6 network', type: 'IPNET', text: '2001::/16', want: { base: ` \x01${'\0'.repeat(14)}`, prefix: 16 } },
  { name: 'signals cannot be written', type: 'SIGTYPE', text: '9', want: undefined },
]

for (const row of rows) {
  test(`parseConstant: ${row.name}`, () => {
    const result = parseConstant(row.text, row.type, row.op ?? '=')
    assert.deepEqual(result.ok ? result.value : undefined, row.want)
    if (!result.ok) assert.ok(result.message.length < 200)
  })
}

test('parseConstant: helps with hexadecimal numbers, networks and services', () => {
  const help = (text: string, type: ValueType): string | undefined => {
    const result = parseConstant(text, type, '=')
    return result.ok ? undefined : result.help
  }
  assert.equal(help('0x1F', 'INT64'), 'write `31`')
  assert.equal(help('10.0.0.1', 'IPNET'), 'did you mean `10.0.0.1/32`?')
  assert.equal(help('::1', 'IPNET'), 'did you mean `::1/128`?')
  for (const wrong of ['10.0.0', '10.0.0.0/33', 'shop.example']) {
    assert.equal(help(wrong, 'IPNET'), 'write it as `10.0.0.0/8` or `2001:db8::/32`')
  }
  assert.equal(help('htps', 'PORT'), 'did you mean `https`?')
  assert.match(help('10.0.0.0/8', 'IPADDR')!, /fd\.net/)
})

test('parseUint64: reads what event-type inference compares evt.num with', () => {
  assert.equal(parseUint64('0'), 0)
  assert.equal(parseUint64('00'), 0)
  assert.equal(parseUint64('-1'), 2n ** 64n - 1n)
  assert.equal(parseUint64('x'), undefined)
})

const types: readonly ValueType[] = [
  'CHARBUF',
  'INT8',
  'UINT16',
  'INT64',
  'UINT64',
  'BOOL',
  'PORT',
  'IPADDR',
  'IPNET',
  'BYTEBUF',
  'DOUBLE',
]

test('fuzz: any text is a constant of its type or an error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom(...types), (text, type) => {
      const result = parseConstant(text, type, '=')
      if (!result.ok) return
      const { value } = result
      if (typeof value === 'bigint') assert.ok(value > 2n ** 53n - 1n || value < -(2n ** 53n) + 1n)
      if (typeof value === 'number') assert.ok(Number.isSafeInteger(value))
    }),
    { numRuns: 3000, interruptAfterTimeLimit: 1000 },
  )
})
