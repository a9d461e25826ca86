import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIp } from '../values/ip.ts'
import { readNscdReply, readNscdRequest } from './nscd-message.ts'
import { nscdAddresses, nscdHost, nscdNotFound, nscdRequest, NscdType, v4, v6 } from './testdata/service-bytes.ts'

const request = (bytes: Buffer): unknown => readNscdRequest(bytes, bytes.length)
const name = 'shop.example'

const requests: readonly { readonly name: string; readonly bytes: Buffer; readonly want: unknown }[] = [
  { name: 'getaddrinfo', bytes: nscdRequest(NscdType.getai, name), want: { kind: 'getaddrinfo', name } },
  { name: 'gethostbyname', bytes: nscdRequest(NscdType.gethostbyname, name), want: { kind: 'gethostbyname', name } },
  {
    name: 'gethostbyname2 with IPv6',
    bytes: nscdRequest(NscdType.gethostbynamev6, name),
    want: { kind: 'gethostbyname', name },
  },
  { name: 'a user', bytes: nscdRequest(NscdType.getpwbyname, 'root'), want: 'none' },
  { name: 'the memory with all hosts', bytes: nscdRequest(NscdType.getfdhst, 'hosts'), want: 'none' },
  { name: 'the header alone', bytes: nscdRequest(NscdType.getai, name).subarray(0, 12), want: 'more' },
  { name: 'no bytes', bytes: Buffer.alloc(0), want: 'more' },
  { name: 'a name without its NUL', bytes: nscdRequest(NscdType.getai, name).fill(65, 20), want: 'none' },
  { name: 'a NUL within the name', bytes: nscdRequest(NscdType.getai, 'shop\0example'), want: 'none' },
  { name: 'an empty name', bytes: nscdRequest(NscdType.getai, ''), want: 'none' },
  { name: 'a name of a gigabyte', bytes: Buffer.from([2, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 64]), want: 'none' },
  { name: 'another version', bytes: Buffer.from([3, 0, 0, 0, 14, 0, 0, 0, 4, 0, 0, 0, 97, 98, 99, 0]), want: 'none' },
]
for (const c of requests) test(`nscd request: ${c.name}`, () => assert.deepEqual(request(c.bytes), c.want))

const ips = [parseIp('192.0.2.1'), parseIp('2001:db8::7')]

const replies: readonly {
  readonly name: string
  readonly kind: 'getaddrinfo' | 'gethostbyname'
  readonly bytes: Buffer
  readonly want: unknown
}[] = [
  {
    name: 'addresses of both families',
    kind: 'getaddrinfo',
    bytes: nscdAddresses('edge.example', [v4(192, 0, 2, 1), v6(7), v4(192, 0, 2, 1)]),
    want: { ips, canonicalName: 'edge.example' },
  },
  {
    name: 'no canonical name',
    kind: 'getaddrinfo',
    bytes: nscdAddresses('', [v4(192, 0, 2, 1)]),
    want: { ips: [ips[0]], canonicalName: undefined },
  },
  {
    name: 'a host with aliases',
    kind: 'gethostbyname',
    bytes: nscdHost('edge.example', ['a.example', 'b.example'], [v4(192, 0, 2, 1)]),
    want: { ips: [ips[0]], canonicalName: 'edge.example' },
  },
  {
    name: 'a host with IPv6',
    kind: 'gethostbyname',
    bytes: nscdHost('edge.example', [], [v6(7)]),
    want: { ips: [ips[1]], canonicalName: 'edge.example' },
  },
  { name: 'no such name', kind: 'getaddrinfo', bytes: nscdNotFound, want: 'none' },
  { name: 'nothing yet', kind: 'getaddrinfo', bytes: Buffer.alloc(0), want: 'more' },
  {
    name: 'a family that is none',
    kind: 'getaddrinfo',
    bytes: nscdAddresses('', [{ family: 3 as 2, bytes: [1, 2, 3, 4] }]),
    want: 'none',
  },
  {
    name: 'fewer bytes of addresses than their families need',
    kind: 'getaddrinfo',
    bytes: nscdAddresses('', [
      { family: 10, bytes: [1, 2, 3, 4] },
      { family: 10, bytes: [1, 2, 3, 4] },
    ]),
    want: 'none',
  },
  {
    name: 'a million addresses',
    kind: 'getaddrinfo',
    bytes: Buffer.from([2, 0, 0, 0, 1, 0, 0, 0, 64, 66, 15, 0, 0, 9, 61, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    want: 'none',
  },
]
for (const c of replies)
  test(`nscd reply: ${c.name}`, () => assert.deepEqual(readNscdReply(c.kind, c.bytes, c.bytes.length), c.want))

test('nscd: however much of a message is there, it wants more until it is whole, whatever lies behind', () => {
  const whole = replies.filter(c => typeof c.want === 'object')
  for (const { kind, bytes, want } of whole) {
    const room = Buffer.concat([bytes, Buffer.alloc(64, 0x41)])
    const results = Array.from({ length: bytes.length + 1 }, (_, end) => readNscdReply(kind, room, end))
    const known = results.findIndex(result => result !== 'more')
    // The aliases of a host are not waited for.
    assert.ok(known > 24 && known <= bytes.length)
    for (const result of results.slice(known)) assert.deepEqual(result, want)
  }
})

test('nscd: bytes of any kind end in an answer', () => {
  const seeds = [...requests, ...replies].map(c => c.bytes).filter(bytes => bytes.length > 0)
  const edit = fc.tuple(fc.nat(400), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)))
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.array(edit, { maxLength: 8 }), fc.nat(400), (seed, edits, cut) => {
      const bytes = Buffer.from(seed)
      for (const [at, byte] of edits) bytes[at % bytes.length] = byte
      const end = Math.min(cut, bytes.length)
      const asked = readNscdRequest(bytes, end)
      if (typeof asked === 'object') assert.ok(asked.name.length < end)
      for (const kind of ['getaddrinfo', 'gethostbyname'] as const) {
        const answer = readNscdReply(kind, bytes, end)
        if (typeof answer === 'object') assert.ok(answer.ips.length * 4 <= end)
      }
    }),
    { numRuns: 4000 },
  )
})
