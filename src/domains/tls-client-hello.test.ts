import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { asRecords, clientHello, realClientHello } from './testdata/client-hello.ts'
import { type HelloResult, readClientHello } from './tls-client-hello.ts'

const read = (bytes: Buffer): HelloResult => readClientHello(bytes, 0, bytes.length)
const NAMED = { serverName: 'shop.example', hasEch: false } as const

const cases: readonly { readonly name: string; readonly bytes: Buffer; readonly want: HelloResult }[] = [
  { name: 'a name', bytes: asRecords(clientHello({ name: 'shop.example' })), want: NAMED },
  { name: 'no name', bytes: asRecords(clientHello()), want: { serverName: undefined, hasEch: false } },
  {
    name: 'a hidden ClientHello',
    bytes: asRecords(clientHello({ name: 'front.example', hasEch: true })),
    want: { serverName: 'front.example', hasEch: true },
  },
  {
    name: 'records of seven bytes are too many',
    bytes: asRecords(clientHello({ name: 'shop.example', padding: 600 }), 7),
    want: 'none',
  },
  {
    name: 'records of 40 bytes',
    bytes: asRecords(clientHello({ name: 'shop.example', padding: 600 }), 40),
    want: NAMED,
  },
  {
    name: 'what follows it is not looked at',
    bytes: Buffer.concat([asRecords(clientHello({ name: 'shop.example' })), Buffer.alloc(9, 0xff)]),
    want: NAMED,
  },
  {
    name: 'a hello of several KB',
    bytes: asRecords(clientHello({ name: 'shop.example', padding: 9000 })),
    want: NAMED,
  },
  { name: 'no bytes', bytes: Buffer.alloc(0), want: 'more' },
  { name: 'a server speaks', bytes: Buffer.from([22, 3, 3, 0, 4, 2, 0, 0, 0]), want: 'none' },
  { name: 'application data', bytes: Buffer.from([23, 3, 3, 0, 4, 1, 0, 0, 0]), want: 'none' },
  { name: 'SSL 2', bytes: Buffer.from([0x80, 0x2e, 1, 3, 1]), want: 'none' },
  { name: 'an empty record', bytes: Buffer.from([22, 3, 1, 0, 0]), want: 'none' },
  { name: 'a message of 16 MB', bytes: Buffer.from([22, 3, 1, 0, 8, 1, 0xff, 0xff, 0xff, 0, 0, 0, 0]), want: 'none' },
  {
    name: 'a session id longer than the message',
    bytes: asRecords(Buffer.concat([Buffer.from([1, 0, 0, 35]), Buffer.alloc(34), Buffer.from([200])])),
    want: 'none',
  },
]
for (const c of cases) test(`ClientHello: ${c.name}`, () => assert.deepEqual(read(c.bytes), c.want))

test('ClientHello: the one of a real client, cut anywhere, wants more and then has the name', async () => {
  const bytes = await realClientHello('www.shop.example')
  const want = { serverName: 'www.shop.example', hasEch: false }
  assert.deepEqual(read(bytes), want)
  // It is known when the kind of the last extension is; what that holds may be missing.
  const results = Array.from(bytes, (_, end) => readClientHello(bytes, 0, end))
  const known = results.findIndex(result => result !== 'more')
  assert.ok(known > bytes.indexOf('www.shop.example'))
  for (const result of results.slice(known)) assert.deepEqual(result, want)
})

test('ClientHello: however it is cut into records, the name is the same, and every beginning wants more', () => {
  const message = clientHello({ name: 'shop.example', padding: 300 })
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 500 }), fc.double({ min: 0, max: 1, noNaN: true }), (size, share) => {
      const bytes = asRecords(message, size)
      assert.deepEqual(read(bytes), NAMED)
      const end = Math.floor(share * (bytes.length - 1))
      assert.equal(readClientHello(bytes, 0, end), 'more')
    }),
    { numRuns: 300 },
  )
})

test('ClientHello: bytes of any kind end in an answer', () => {
  const valid = asRecords(clientHello({ name: 'shop.example', hasEch: true }))
  const edits = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(edits, list => {
      const bytes = Buffer.from(valid)
      for (const [at, byte] of list) bytes[at] = byte
      const result = read(bytes)
      if (typeof result === 'object') assert.ok((result.serverName?.length ?? 0) < bytes.length)
    }),
    { numRuns: 3000 },
  )
})
