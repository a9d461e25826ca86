import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIp, parseIpv4, parseIpv6, parseRuleIp, renderIp, unmapIp } from './ip.ts'

const printed = [
  { name: 'the unspecified address', text: '0:0:0:0:0:0:0:0', want: '::' },
  { name: 'loopback', text: '0::1', want: '::1' },
  { name: 'the longest run of zeros is cut', text: '1:0:0:2:0:0:0:3', want: '1:0:0:2::3' },
  { name: 'of two equal runs the first is cut', text: '2001:db8:0:0:1:0:0:1', want: '2001:db8::1:0:0:1' },
  { name: 'one zero word is not cut', text: '0:1:2:3:4:5:6:7', want: '0:1:2:3:4:5:6:7' },
  { name: 'zeros at the end', text: '1::', want: '1::' },
  { name: 'a mapped address ends dotted', text: '::ffff:102:304', want: '::ffff:1.2.3.4' },
  { name: 'a compatible address ends dotted', text: '::102:304', want: '::1.2.3.4' },
  { name: 'a dotted end elsewhere is printed as words', text: '1:2:3:4:5:6:1.2.3.4', want: '1:2:3:4:5:6:102:304' },
  { name: 'lower case, no leading zeros', text: 'FE80::00A1', want: 'fe80::a1' },
  { name: 'IPv4', text: '255.0.1.10', want: '255.0.1.10' },
]

for (const c of printed) {
  test(`renderIp: ${c.name}`, () => assert.equal(renderIp(parseIp(c.text) ?? 'refused'), c.want))
}

const refused = [
  '',
  '1',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.256',
  '01.2.3.4',
  '1.2.3.4 ',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4::5:6:7:8',
  '12345::',
  'g::',
  '::1%eth0',
  '[::1]',
  '1.2.3.4::',
  '::1.2.3.4:5',
  '1:',
  ':1',
]

for (const text of refused)
  test(`parseIp: refuses ${JSON.stringify(text)}`, () => assert.equal(parseIp(text), undefined))

test('parseRuleIp: a mapped address with a dotted end is refused, as by Falco', () => {
  assert.equal(parseRuleIp('::ffff:1.2.3.4'), undefined)
  assert.equal(parseRuleIp('::ffff:102:304'), parseIp('::ffff:1.2.3.4'))
})

test('unmapIp: only ::ffff: addresses become IPv4', () => {
  const mapped = parseIpv6('::ffff:1.2.3.4') ?? ''
  assert.equal(unmapIp(mapped), parseIpv4('1.2.3.4'))
  assert.equal(unmapIp(parseIpv6('::1.2.3.4') ?? ''), parseIpv6('::102:304'))
  assert.equal(unmapIp(0x7f000001), 0x7f000001)
})

test('parseIp reads back what renderIp prints', () => {
  const word = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.integer({ min: 0, max: 0xffff }))
  const v6 = fc
    .array(word, { minLength: 8, maxLength: 8 })
    .map(words => words.map(w => String.fromCharCode(w >> 8, w & 255)).join(''))
  fc.assert(
    fc.property(fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), v6), ip => parseIp(renderIp(ip)) === ip),
    { numRuns: 500 },
  )
})
