import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIp, renderIp } from './ip.ts'
import { netContains, parseNet } from './net.ts'
import { Nets } from './net-set.ts'
import type { Ip, Net } from './value.ts'

const contained = [
  { net: '10.0.0.0/8', ip: '10.255.1.2', want: true },
  { net: '10.0.0.0/8', ip: '11.0.0.0', want: false },
  { net: '0.0.0.0/0', ip: '255.255.255.255', want: true },
  { net: '1.2.3.4/32', ip: '1.2.3.4', want: true },
  { net: '1.2.3.4/32', ip: '1.2.3.5', want: false },
  { net: '10.1.2.3/9', ip: '10.127.0.1', want: true },
  { net: '128.0.0.0/1', ip: '200.0.0.1', want: true },
  { net: 'fe80::/10', ip: 'febf::1', want: true },
  { net: 'fe80::/10', ip: 'fec0::1', want: false },
  { net: '::1/128', ip: '::1', want: true },
  { net: '2001:db8::/32', ip: '2001:db9::', want: false },
  { net: '0.0.0.0/0', ip: '::1', want: false },
  { net: '::/1', ip: '1.2.3.4', want: false },
]

for (const c of contained) {
  test(`netContains: ${c.net} ${c.want ? 'holds' : 'does not hold'} ${c.ip}`, () => {
    const net = parseNet(c.net)
    const ip = parseIp(c.ip)
    assert.ok(net !== undefined && ip !== undefined)
    assert.equal(netContains(net, ip), c.want)
  })
}

for (const text of [
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/',
  '/8',
  '::/0',
  '::/129',
  'x/8',
  '10.0.0/8',
  '1::/8/8',
]) {
  test(`parseNet: refuses ${text}`, () => assert.equal(parseNet(text), undefined))
}

function renderNet(net: Net): string {
  return `${renderIp(net.base)}/${net.prefix}`
}

test('parseNet: host bits are cut off', () => {
  assert.equal(renderNet(parseNet('192.168.77.9/17') as Net), '192.168.0.0/17')
  assert.equal(renderNet(parseNet('2001:db8:ffff::1/33') as Net), '2001:db8:8000::/33')
})

const ipArbitrary: fc.Arbitrary<Ip> = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => String.fromCharCode(...bytes)),
)
const netArbitrary: fc.Arbitrary<Net> = fc
  .tuple(ipArbitrary, fc.integer({ min: 1, max: 128 }))
  .map(
    ([ip, prefix]) =>
      parseNet(renderNet({ base: ip, prefix: typeof ip === 'number' ? ((prefix - 1) % 32) + 1 : prefix })) as Net,
  )

test('Nets: the same answer as asking each block in turn', () => {
  fc.assert(
    fc.property(fc.array(netArbitrary, { maxLength: 12 }), fc.array(ipArbitrary, { maxLength: 12 }), (nets, ips) => {
      const set = new Nets<number>()
      for (const [i, net] of nets.entries()) set.add(net, i)
      for (const ip of [...ips, ...nets.map(n => n.base)]) {
        const want = nets.flatMap((net, i) => (netContains(net, ip) ? [i] : []))
        const got: number[] = []
        set.collect(ip, got)
        assert.deepEqual(
          got.sort((a, b) => a - b),
          want,
        )
        assert.equal(set.matches(ip), want.length > 0)
      }
    }),
    { numRuns: 200 },
  )
})
