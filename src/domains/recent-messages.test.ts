import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DnsMessage, decodeDnsMessage } from './dns-message.ts'
import type { Query } from './dns-queries.ts'
import { RecentMessages } from './recent-messages.ts'
import { REPEAT_MS, RepeatedAnswers } from './repeated-answers.ts'
import { dnsBytes } from './testdata/dns-bytes.ts'

// The short ways must say what the long ones say: decoding anew, names read label by label.

const view = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const decode = (bytes: Buffer): DnsMessage | undefined => decodeDnsMessage(bytes, view(bytes), 0, bytes.length)

/** A name as the wire spells it, the simple way; undefined when it is none. */
function spell(bytes: Buffer, start: number): string | undefined {
  const labels: string[] = []
  let at = start
  for (let hops = 0; hops < 128; hops++) {
    const length = bytes[at]
    if (length === undefined) return undefined
    if (length === 0) return labels.join('.').toLowerCase()
    if (length >= 0xc0) at = ((length & 0x3f) << 8) | bytes[at + 1]!
    else {
      labels.push(bytes.latin1Slice(at + 1, at + 1 + length))
      at += 1 + length
    }
  }
  return undefined
}

const label = fc.constantFrom('a', 'B', 'shop', 'SHOP', 'x-1', '_x', 'edge', 'example')
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map(labels => labels.join('.'))
const record = fc.oneof(
  fc.record({ name, type: fc.constant('A' as const), data: fc.constantFrom('192.0.2.1', '192.0.2.2') }),
  fc.record({ name, type: fc.constant('CNAME' as const), data: name }),
)
const message = fc
  .record({
    id: fc.integer({ min: 0, max: 5 }),
    isAnswer: fc.boolean(),
    question: name.map(text => [text, 'A'] as const),
    answers: fc.array(record, { maxLength: 5 }),
  })
  .map(dnsBytes)

test('dns messages: names are what the wire spells, however they are compressed', () => {
  fc.assert(
    fc.property(message, bytes => {
      const decoded = decode(bytes)!
      assert.equal(decoded.question!.name, spell(bytes, 12))
      let at = 12
      while (bytes[at] !== 0 && bytes[at]! < 0xc0) at += 1 + bytes[at]!
      at += 5
      for (const answer of decoded.answers) {
        assert.equal(answer.name, spell(bytes, at))
        while (bytes[at] !== 0 && bytes[at]! < 0xc0) at += 1 + bytes[at]!
        at += bytes[at] === 0 ? 1 : 2
        const dataAt = at + 10
        if (answer.kind === 'target') assert.equal(answer.target, spell(bytes, dataAt))
        at = dataAt + bytes.readUInt16BE(at + 8)
      }
    }),
    { numRuns: 500 },
  )
})

test('dns messages: what was decoded of late is what decoding it anew gives', () => {
  const change = fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 }))
  const pieces = fc.array(fc.tuple(message, fc.array(change, { maxLength: 2 }), fc.nat(3)), { maxLength: 30 })
  fc.assert(
    fc.property(pieces, all => {
      const recent = new RecentMessages()
      const seen: Buffer[] = []
      for (const [bytes, changes, cut] of all) {
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte
        const end = bytes.length - (cut === 3 ? Math.min(7, bytes.length) : 0)
        seen.push(bytes.subarray(0, end))
        for (const one of seen) {
          const padded = Buffer.concat([Buffer.from([1, 2, 3]), one, Buffer.from([9])])
          const got = recent.decode(padded, view(padded), 3, 3 + one.length)
          assert.deepEqual(got, decode(one))
        }
      }
    }),
  )
})

test('dns messages: the same bytes are the same object', () => {
  const recent = new RecentMessages()
  const bytes = dnsBytes({ id: 7, question: ['a.example', 'A'] })
  const once = recent.decode(bytes, view(bytes), 0, bytes.length)
  assert.equal(recent.decode(bytes, view(bytes), 0, bytes.length), once)
  bytes[12 + 1]! ^= 1
  assert.notEqual(recent.decode(bytes, view(bytes), 0, bytes.length), once)
})

const OWNER = { pid: 1, containerId: '' }

function asked(more: Partial<Query> = {}): Query {
  return {
    id: 7,
    question: { name: 'a.example', type: 1 },
    pid: 1,
    containerId: '',
    netns: 0,
    netnsUid: 0,
    mntnsUid: 0,
    mntns: 0,
    isElsewhere: false,
    owner: OWNER,
    fdNum: 3,
    localPort: 4000,
    localIp: 1,
    serverIp: 2,
    serverPort: 53,
    atMs: 0,
    isAnswered: false,
    learnt: undefined,
    learntAtMs: 0,
    ...more,
  }
}

function told(...answers: Parameters<typeof dnsBytes>[0]['answers'] & object): DnsMessage {
  return decode(dnsBytes({ id: 7, isAnswer: true, question: ['a.example', 'A'], answers }))!
}

const a = (data: string, ttl = 60) => ({ name: 'a.example', type: 'A', data, ttl }) as const

const repeats: readonly {
  readonly name: string
  readonly query?: Query
  readonly message?: DnsMessage
  readonly atMs?: number
  readonly want: boolean
}[] = [
  { name: 'the same', want: true },
  { name: 'the same with a TTL that goes down', message: told(a('192.0.2.1', 59), a('192.0.2.2', 59)), want: true },
  { name: 'the same of another query', query: asked({ id: 8, localPort: 4001, fdNum: 9 }), want: true },
  { name: 'a longer TTL', message: told(a('192.0.2.1', 61), a('192.0.2.2')), want: false },
  { name: 'other addresses', message: told(a('192.0.2.1'), a('192.0.2.3')), want: false },
  { name: 'fewer addresses', message: told(a('192.0.2.1')), want: false },
  { name: 'another order', message: told(a('192.0.2.2'), a('192.0.2.1')), want: false },
  { name: 'a second later', atMs: 5000 + REPEAT_MS, want: false },
  { name: 'a time before', atMs: 4999, want: false },
  { name: 'another server', query: asked({ serverIp: 3 }), want: false },
  { name: 'another type', query: asked({ question: { name: 'a.example', type: 28 } }), want: false },
  { name: 'the next process of that number', query: asked({ owner: { ...OWNER } }), want: false },
]

for (const c of repeats) {
  test(`repeated answers: ${c.name}`, () => {
    const answers = new RepeatedAnswers()
    assert.equal(answers.isRepeated(asked(), told(a('192.0.2.1'), a('192.0.2.2')), 5000), false)
    const message = c.message ?? told(a('192.0.2.1'), a('192.0.2.2'))
    assert.equal(answers.isRepeated(c.query ?? asked(), message, c.atMs ?? 5001), c.want)
  })
}
