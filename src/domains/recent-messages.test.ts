import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DnsMessage, decodeDnsMessage } from './dns-message.ts'
import { RecentMessages } from './recent-messages.ts'
import { REPEAT_MS, RepeatedAnswers, RepeatedOpenings, type ToldAnswer } from './repeated-answers.ts'
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

const recent = new RecentMessages()

function told(id: number, ...answers: Parameters<typeof dnsBytes>[0]['answers'] & object): ToldAnswer {
  return toldBytes(dnsBytes({ id, isAnswer: true, question: ['a.example', 'A'], answers }))
}

function toldBytes(bytes: Buffer): ToldAnswer {
  recent.decode(bytes, view(bytes), 0, bytes.length)
  return { owner: OWNER, resolver: '192.0.2.53', standing: 'trusted', serial: recent.serial }
}

const a = (data: string, ttl = 60) => ({ name: 'a.example', type: 'A', data, ttl }) as const
const plain = dnsBytes({
  id: 7,
  isAnswer: true,
  question: ['a.example', 'A'],
  answers: [a('192.0.2.1'), a('192.0.2.2')],
})
const answer = toldBytes(plain)

const repeats: readonly {
  readonly name: string
  readonly answer?: ToldAnswer
  readonly atMs?: number
  readonly want: boolean
}[] = [
  { name: 'the same', want: true },
  { name: 'the same of another query', answer: told(8, a('192.0.2.1'), a('192.0.2.2')), want: true },
  { name: 'a shorter TTL', answer: told(7, a('192.0.2.1', 59), a('192.0.2.2', 59)), want: false },
  { name: 'other addresses', answer: told(7, a('192.0.2.1'), a('192.0.2.3')), want: false },
  { name: 'fewer addresses', answer: told(7, a('192.0.2.1')), want: false },
  { name: 'another order', answer: told(7, a('192.0.2.2'), a('192.0.2.1')), want: false },
  { name: 'a byte less', answer: toldBytes(plain.subarray(0, -1)), want: false },
  { name: 'a second later', atMs: 5000 + REPEAT_MS, want: false },
  { name: 'a time before', atMs: 4999, want: false },
  { name: 'another server', answer: { ...answer, resolver: '192.0.2.54' }, want: false },
  {
    name: 'a server that is known not to be one to ask by now',
    answer: { ...answer, standing: 'untrusted' },
    want: false,
  },
  { name: 'a server of which that is no longer known', answer: { ...answer, standing: 'believed' }, want: false },
  { name: 'the next process of that number', answer: { ...answer, owner: { ...OWNER } }, want: false },
]

for (const c of repeats) {
  test(`repeated answers: ${c.name}`, () => {
    const answers = new RepeatedAnswers()
    assert.equal(answers.isRepeated(answer, 5000), false)
    assert.equal(answers.isRepeated(c.answer ?? answer, c.atMs ?? 5001), c.want)
  })
}

test('repeated answers: one that is too long to be kept is never one, and does not hide others', () => {
  const answers = new RepeatedAnswers()
  const long = told(7, ...Array.from({ length: 40 }, (_, i) => a(`192.0.2.${i}`)))
  assert.equal(answers.isRepeated(long, 5000), false)
  assert.equal(answers.isRepeated(long, 5001), false)
  assert.equal(answers.isRepeated(answer, 5002), false)
  assert.equal(answers.isRepeated(answer, 5003), true)
})

const V6 = '\x20\x01\x0d\xb8'.padEnd(16, '\0')
const openings: readonly (readonly [string, Parameters<RepeatedOpenings['isRepeated']>, boolean])[] = [
  ['the same', [OWNER, 'a.example', 1, 'sni', 5999], true],
  ['a second later', [OWNER, 'a.example', 1, 'sni', 6000], false],
  ['a time before', [OWNER, 'a.example', 1, 'sni', 4999], false],
  ['another name', [OWNER, 'b.example', 1, 'sni', 5001], false],
  ['another address', [OWNER, 'a.example', 2, 'sni', 5001], false],
  ['an address of the other family', [OWNER, 'a.example', V6, 'sni', 5001], false],
  ['what nothing else says', [OWNER, 'a.example', 1, 'claimed', 5001], false],
  ['the next process of that number', [{ ...OWNER }, 'a.example', 1, 'sni', 5001], false],
]

for (const [name, said, want] of openings) {
  test(`repeated openings: ${name}`, () => {
    const repeated = new RepeatedOpenings()
    assert.equal(repeated.isRepeated(OWNER, 'a.example', 1, 'sni', 5000), false)
    assert.equal(repeated.isRepeated(...said), want)
    assert.equal(repeated.isRepeated(...said), true, 'again')
  })
}
