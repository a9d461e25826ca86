import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIp } from '../values/ip.ts'
import { varlinkCall, varlinkReply, v4, v6 } from './testdata/service-bytes.ts'
import { readVarlinkCall, readVarlinkReply } from './varlink-message.ts'

/** Without the NUL. */
const text = (bytes: Buffer): string => bytes.toString('utf8', 0, bytes.length - 1)
const call = (name: string | undefined, isOneway = false): object => ({ name, isOneway })

const calls: readonly { readonly name: string; readonly text: string; readonly want: unknown }[] = [
  { name: 'a host name', text: text(varlinkCall('shop.example')), want: call('shop.example') },
  {
    name: 'without a reply',
    text: text(varlinkCall('shop.example', { oneway: true })),
    want: call('shop.example', true),
  },
  {
    name: 'an address',
    text: '{"method":"io.systemd.Resolve.ResolveAddress","parameters":{"family":2,"address":[192,0,2,1]}}',
    want: call(undefined),
  },
  {
    name: 'a record',
    text: '{"method":"io.systemd.Resolve.ResolveRecord","parameters":{"name":"shop.example","type":1}}',
    want: call(undefined),
  },
  { name: 'no parameters', text: '{"method":"io.systemd.Resolve.ResolveHostname"}', want: call(undefined) },
  {
    name: 'a name that is no text',
    text: '{"method":"io.systemd.Resolve.ResolveHostname","parameters":{"name":{"a":1}}}',
    want: call(undefined),
  },
  { name: 'a list', text: '[]', want: undefined },
  { name: 'no method', text: '{}', want: undefined },
  { name: 'no JSON', text: 'GET / HTTP/1.1', want: undefined },
  { name: 'a thousand brackets', text: '['.repeat(4000), want: undefined },
]
for (const c of calls) test(`varlink call: ${c.name}`, () => assert.deepEqual(readVarlinkCall(c.text), c.want))

const shop = { ips: [parseIp('192.0.2.1'), parseIp('2001:db8::7')], canonicalName: 'shop.example' }

const replies: readonly { readonly name: string; readonly text: string; readonly want: unknown }[] = [
  {
    name: 'addresses of both families, each once',
    text: text(varlinkReply('shop.example', [v4(192, 0, 2, 1), v6(7), v4(192, 0, 2, 1)])),
    want: { answer: shop, continues: false },
  },
  {
    name: 'one of several',
    text: text(varlinkReply('shop.example', [], { continues: true })),
    want: { answer: { ips: [], canonicalName: 'shop.example' }, continues: true },
  },
  {
    name: 'an error',
    text: '{"error":"io.systemd.Resolve.DNSError","parameters":{"rcode":3,"addresses":[{"address":[192,0,2,1]}]}}',
    want: { answer: undefined, continues: false },
  },
  {
    name: 'addresses that are none',
    text: '{"parameters":{"addresses":[{"address":[192,0,2]},{"address":[192,0,2,256]},{"address":"x"},7,null,{"address":[1.5,0,0,1]}]}}',
    want: { answer: { ips: [], canonicalName: undefined }, continues: false },
  },
  { name: 'names', text: '{"parameters":{"names":[{"name":"x"}]}}', want: { answer: undefined, continues: false } },
  { name: 'no JSON', text: '{', want: undefined },
]
for (const c of replies) test(`varlink reply: ${c.name}`, () => assert.deepEqual(readVarlinkReply(c.text), c.want))

test('varlink: any JSON, and any damage to it, ends in an answer', () => {
  const seeds = [...calls, ...replies].map(c => c.text).filter(seed => seed.length < 500)
  const edits = fc.array(fc.tuple(fc.nat(500), fc.constantFrom(...'{}[]",:0-9eE.\\\0aé')), { maxLength: 5 })
  const damaged = fc.tuple(fc.constantFrom(...seeds), edits).map(([seed, list]) => {
    const letters = [...seed]
    for (const [at, letter] of list) letters[at % letters.length] = letter
    return letters.join('')
  })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.json()), given => {
      const asked = readVarlinkCall(given)
      assert.ok(asked?.name === undefined || typeof asked.name === 'string')
      const answer = readVarlinkReply(given)?.answer
      for (const ip of answer?.ips ?? []) assert.ok(typeof ip === 'number' || ip.length === 16)
    }),
    { numRuns: 3000 },
  )
})
