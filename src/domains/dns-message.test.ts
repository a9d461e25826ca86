import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as dns from 'dns-packet'
import { parseIp, renderIp } from '../values/ip.ts'
import { decodeDnsMessage, type DnsMessage, type DnsRecord } from './dns-message.ts'
import { dnsBytes, type TestMessage, TYPE } from './testdata/dns-bytes.ts'

function decode(bytes: Buffer, at = 0, end: number = bytes.length): DnsMessage | undefined {
  return decodeDnsMessage(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at, end)
}

/** Records as short text. */
function show(record: DnsRecord): string {
  const head = `${record.name} ${record.ttlSec}`
  switch (record.kind) {
    case 'address':
      return `${head} ${renderIp(record.ip)}`
    case 'target':
      return `${head} > ${record.target}`
    case 'service':
      return `${head} ${record.priority} ${record.target || '.'} ${record.hints.map(renderIp).join()}${record.hasEch ? ' ech' : ''}`
    case 'text':
      return `${head} "${record.text}"`
    case 'other':
      return `${head} type ${record.type}`
    default:
      return record satisfies never
  }
}

interface Case {
  readonly name: string
  readonly message: TestMessage
  /** Bytes kept, from the start or (negative) without so many at the end. */
  readonly cut?: number
  readonly want: string
}

const A = { name: 'www.example.com', type: 'A', data: '192.0.2.1' } as const
const QUESTION = ['www.example.com', 'A'] as const

/** HTTPS 1 . alpn=h2 ipv4hint=192.0.2.7,192.0.2.8 ech=… ipv6hint=2001:db8::7 */
const httpsData: Buffer = Buffer.concat([
  Buffer.from([0, 1, 0]),
  Buffer.from([0, 1, 0, 3, 2, 0x68, 0x32]),
  Buffer.from([0, 4, 0, 8, 192, 0, 2, 7, 192, 0, 2, 8]),
  Buffer.from([0, 5, 0, 2, 0xaa, 0xbb]),
  Buffer.from([0, 6, 0, 16]),
  Buffer.from(parseIp('2001:db8::7') as string, 'latin1'),
])

const cases: readonly Case[] = [
  { name: 'a query', message: { question: QUESTION }, want: 'query www.example.com 1 |' },
  {
    name: 'an answer with a compressed owner',
    message: { isAnswer: true, question: QUESTION, answers: [A] },
    want: 'answer 0 www.example.com 1 | www.example.com 300 192.0.2.1',
  },
  {
    name: 'a chain of aliases, each name compressed against the ones before',
    message: {
      isAnswer: true,
      question: QUESTION,
      answers: [
        { name: 'www.example.com', type: 'CNAME', ttl: 60, data: 'edge.example.com' },
        { name: 'edge.example.com', type: 'CNAME', data: 'a.cdn.example.net' },
        { name: 'a.cdn.example.net', type: 'A', ttl: 5, data: '192.0.2.9' },
        { name: 'a.cdn.example.net', type: 'AAAA', data: '2001:db8::9' },
      ],
    },
    want: 'answer 0 www.example.com 1 | www.example.com 60 > edge.example.com | edge.example.com 300 > a.cdn.example.net | a.cdn.example.net 5 192.0.2.9 | a.cdn.example.net 300 2001:db8::9',
  },
  {
    name: 'TXT, PTR and what is not understood',
    message: {
      isAnswer: true,
      question: ['x.example', 'TXT'],
      answers: [
        { name: 'x.example', type: 'TXT', data: 'v=spf1 -all' },
        { name: '1.2.0.192.in-addr.arpa', type: 'PTR', data: 'host.example' },
        { name: 'x.example', type: 'SRV', data: Buffer.from([0, 1, 0, 1, 0, 80, 0]) },
      ],
    },
    want: 'answer 0 x.example 16 | x.example 300 "v=spf1 -all" | 1.2.0.192.in-addr.arpa 300 > host.example | x.example 300 type 33',
  },
  {
    name: 'HTTPS with address hints and a key for hidden names',
    message: {
      isAnswer: true,
      question: ['x.example', 'HTTPS'],
      answers: [{ name: 'x.example', type: 'HTTPS', data: httpsData }],
    },
    want: 'answer 0 x.example 65 | x.example 300 1 . 192.0.2.7,192.0.2.8,2001:db8::7 ech',
  },
  {
    name: 'letters in any case are lower case, as servers may mix them',
    message: { question: ['WwW.eXample.COM', 'A'] },
    want: 'query www.example.com 1 |',
  },
  {
    name: 'bytes that no host name has are written as in zone files',
    message: { question: ['a b\\\xff.example', 'A'] },
    want: 'query a\\032b\\\\\\255.example 1 |',
  },
  { name: 'the root', message: { question: ['', 'A'] }, want: 'query  1 |' },
  {
    name: 'NXDOMAIN with an authority record',
    message: {
      isAnswer: true,
      rcode: 3,
      question: QUESTION,
      authority: [{ name: 'example.com', type: 'NS', data: 'ns.example.com' }],
    },
    want: 'answer 3 www.example.com 1 |',
  },
  {
    name: 'the upper bits of the response code come from EDNS (BADVERS is 16)',
    message: {
      isAnswer: true,
      question: QUESTION,
      additional: [{ name: '', type: 'OPT', ttl: 0x01000000, data: Buffer.alloc(0) }],
    },
    want: 'answer 16 www.example.com 1 |',
  },
  {
    name: 'a TTL with the top bit counts as zero',
    message: { isAnswer: true, question: QUESTION, answers: [{ ...A, ttl: 0xffffffff }] },
    want: 'answer 0 www.example.com 1 | www.example.com 0 192.0.2.1',
  },
  {
    name: 'of a message cut short the whole records count',
    message: { isAnswer: true, question: QUESTION, answers: [A, { ...A, data: '192.0.2.2' }] },
    cut: -1,
    want: 'answer 0 www.example.com 1 cut | www.example.com 300 192.0.2.1',
  },
  {
    name: 'the snap length of Falco leaves one address of a short name',
    message: {
      isAnswer: true,
      question: QUESTION,
      answers: [A, { ...A, data: '192.0.2.2' }, { ...A, data: '192.0.2.3' }, { ...A, data: '192.0.2.4' }],
    },
    cut: 80,
    want: 'answer 0 www.example.com 1 cut | www.example.com 300 192.0.2.1 | www.example.com 300 192.0.2.2',
  },
  { name: 'a question cut short is none', message: { question: QUESTION }, cut: -1, want: 'none' },
  { name: 'fewer bytes than a header', message: { question: QUESTION }, cut: 11, want: 'none' },
  {
    name: 'the server left something out',
    message: { isAnswer: true, isTruncated: true, question: QUESTION },
    want: 'answer 0 www.example.com 1 truncated |',
  },
  { name: 'an answer without its question', message: { isAnswer: true, rcode: 1 }, want: 'answer 1 - |' },
  {
    name: 'an address of the wrong length',
    message: { isAnswer: true, question: QUESTION, answers: [{ ...A, data: Buffer.from([1, 2, 3]) }] },
    want: 'none',
  },
]

function render(message: DnsMessage | undefined): string {
  if (message === undefined) return 'none'
  const { isAnswer, rcode, question, isTruncated, isCut, answers } = message
  const head = [
    isAnswer ? `answer ${rcode}` : 'query',
    question === undefined ? '-' : `${question.name} ${question.type}`,
    ...(isTruncated ? ['truncated'] : []),
    ...(isCut ? ['cut'] : []),
  ].join(' ')
  return answers.length === 0 ? `${head} |` : [head, ...answers.map(show)].join(' | ')
}

for (const c of cases) {
  test(`DNS message: ${c.name}`, () => {
    const bytes = dnsBytes(c.message)
    assert.equal(
      render(decode(c.cut === undefined ? bytes : bytes.subarray(0, c.cut < 0 ? bytes.length + c.cut : c.cut))),
      c.want,
    )
  })
}

const HEADER = [0x12, 0x34, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0]
const refused: readonly { readonly name: string; readonly bytes: readonly number[] }[] = [
  { name: 'a pointer to itself', bytes: [...HEADER, 0xc0, 12, 0, 1, 0, 1] },
  { name: 'a pointer forward', bytes: [...HEADER, 0xc0, 18, 0, 1, 0, 1, 1, 97, 0] },
  { name: 'a label that leads back to itself', bytes: [...HEADER, 1, 97, 0xc0, 12, 0, 1, 0, 1] },
  { name: 'a pointer into the header', bytes: [...HEADER, 0xc0, 4, 0, 1, 0, 1] },
  { name: 'a label of 64 bytes', bytes: [...HEADER, 64, ...new Array<number>(64).fill(97), 0, 0, 1, 0, 1] },
  {
    name: 'a name of 256 bytes',
    bytes: [...HEADER, ...new Array<number>(85).fill(0).flatMap(() => [2, 97, 97]), 0, 0, 1, 0, 1],
  },
  { name: 'two questions', bytes: [0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1] },
  { name: 'an update', bytes: [0, 1, 0x28, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1] },
  { name: 'class CHAOS', bytes: [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3] },
]
for (const { name, bytes } of refused) {
  test(`DNS message: refused is ${name}`, () => assert.equal(decode(Buffer.from(bytes)), undefined))
}

test('DNS message: a name of 255 bytes is the longest', () => {
  const bytes = Buffer.from([
    ...HEADER,
    ...new Array<number>(84).fill(0).flatMap(() => [2, 97, 97]),
    1,
    97,
    0,
    0,
    1,
    0,
    1,
  ])
  assert.equal(decode(bytes)?.question?.name.length, 253)
})

test('DNS message: more than 512 records are not read', () => {
  const answers = Array.from({ length: 600 }, (_, i) => ({ ...A, data: `192.0.${i >> 8}.${i & 255}` }))
  const message = decode(dnsBytes({ isAnswer: true, question: QUESTION, answers }))
  assert.equal(message?.answers.length, 512)
  assert.equal(message?.isCut, true)
})

const label = fc.stringMatching(/^[a-z0-9_-]{1,20}$/)
const name = fc.array(label, { minLength: 1, maxLength: 6 }).map(labels => labels.join('.'))
const record = fc.record({ name, ttl: fc.integer({ min: 0, max: 0x7fffffff }) }).chain(head =>
  fc.oneof(
    fc.ipV4().map(data => ({ ...head, type: 'A', data })),
    name.map(data => ({ ...head, type: 'CNAME', data })),
    name.map(data => ({ ...head, type: 'PTR', data })),
  ),
)

test('DNS message: what dns-packet encodes is read as it was meant', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff }),
      name,
      fc.array(record, { maxLength: 12 }),
      (id, asked, answers) => {
        const bytes = dns.encode({ id, type: 'response', questions: [{ name: asked, type: 'A' }], answers })
        const message = decode(bytes)
        assert.deepEqual(message?.question, { name: asked, type: 1 })
        assert.deepEqual(
          message?.answers.map(show),
          answers.map(a => `${a.name} ${a.ttl} ${a.type === 'A' ? a.data : `> ${a.data}`}`),
        )
      },
    ),
    { numRuns: 300 },
  )
})

test('DNS message: any cut gives a beginning of the records, or nothing', () => {
  const answers = [
    { name: 'www.example.com', type: 'CNAME', data: 'edge.example.net' },
    { name: 'edge.example.net', type: 'A', data: '192.0.2.1' },
    { name: 'edge.example.net', type: 'AAAA', data: '2001:db8::1' },
    { name: 'edge.example.net', type: 'HTTPS', data: httpsData },
  ] as const
  const bytes = dnsBytes({ isAnswer: true, question: QUESTION, answers })
  const whole = decode(bytes)!.answers.map(show)
  for (let end = 0; end < bytes.length; end++) {
    const message = decode(bytes, 0, end)
    if (message !== undefined) assert.deepEqual(message.answers.map(show), whole.slice(0, message.answers.length))
  }
})

test('DNS message: bytes of any kind end in a message or in nothing', () => {
  const valid = dnsBytes({
    isAnswer: true,
    question: QUESTION,
    answers: [A, { name: 'x.example', type: 'HTTPS', data: httpsData }],
  })
  const edits = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), edits), input => {
      const bytes = Buffer.from(valid)
      if (Array.isArray(input)) for (const [at, byte] of input) bytes[at] = byte
      const message = decode(input instanceof Uint8Array ? Buffer.from(input) : bytes)
      for (const answer of message?.answers ?? []) assert.ok(answer.name.length <= 253 * 4)
    }),
    { numRuns: 3000 },
  )
})

test('DNS message: nothing before and after its window is read', () => {
  const bytes = dnsBytes({ isAnswer: true, question: QUESTION, answers: [A] })
  const around = Buffer.concat([Buffer.alloc(7, 0xff), bytes, Buffer.alloc(7, 0xff)])
  assert.deepEqual(decode(around, 7, 7 + bytes.length), decode(bytes))
  assert.equal(TYPE.A, decode(bytes)?.answers[0]?.type)
})
