import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import * as dns from 'dns-packet'
import { MAX_ADDRESSES_PER_ANSWER } from './binding.ts'
import { type Answer, createCaresResolver } from './resolver.ts'
import {
  type Question,
  type Reply,
  type ScriptedDnsServer,
  startScriptedDnsServer,
} from './testdata/scripted-dns-server.ts'

// Whatever bytes come back, a look-up ends in time with one of the answers that the types allow.

const TIMEOUT_MS = 60
let server: ScriptedDnsServer
let script: (question: Question) => Reply = () => ({ kind: 'silent' })

before(async () => {
  server = await startScriptedDnsServer(question => script(question))
})
after(() => server.close())

async function resolveBytes(
  make: (empty: Buffer, query: Buffer) => Buffer,
  timeoutMs: number = TIMEOUT_MS,
): Promise<Answer> {
  script = () => ({ kind: 'bytes', make })
  const resolver = createCaresResolver({ servers: [server.address], timeoutMs, tries: 1 })
  const answer = await resolver.resolve('victim.example')
  checkShape(answer)
  return answer
}

function checkShape(answer: Answer): void {
  switch (answer.kind) {
    case 'addresses':
      assert.ok(answer.addresses.length > 0 && answer.addresses.length <= MAX_ADDRESSES_PER_ANSWER)
      for (const { ip, ttlSec } of answer.addresses) {
        assert.ok(typeof ip === 'number' ? Number.isInteger(ip) && ip >= 0 && ip <= 0xffffffff : ip.length === 16)
        assert.ok(ttlSec === undefined || (ttlSec >= 0 && ttlSec <= 604_800))
      }
      return
    case 'nxdomain':
    case 'nodata':
    case 'failed':
      return
    default:
      answer satisfies never
      assert.fail('not an answer')
  }
}

/** `empty` with the answer count set and records appended. */
function withAnswers(empty: Buffer, count: number, ...parts: readonly (readonly number[])[]): Buffer {
  const bytes = Buffer.concat([empty, ...parts.map(part => Buffer.from(part))])
  bytes.writeUInt16BE(count, 6)
  return bytes
}

const A_RECORD = [0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 192, 0, 2, 66]
const POINTER_TO_QUESTION = [0xc0, 12]
const POINTER_TO_ITSELF = (empty: Buffer) => [0xc0 | (empty.length >> 8), empty.length & 0xff]

const rows: readonly {
  readonly name: string
  readonly make: (empty: Buffer, query: Buffer) => Buffer
  readonly want: readonly string[]
}[] = [
  {
    name: 'a compressed owner name is read',
    make: empty => withAnswers(empty, 1, POINTER_TO_QUESTION, A_RECORD),
    want: ['addresses'],
  },
  {
    name: 'a name that points at itself',
    make: empty => withAnswers(empty, 1, POINTER_TO_ITSELF(empty), A_RECORD),
    want: ['malformed', 'timeout'],
  },
  {
    name: 'two names that point at each other',
    make: empty => withAnswers(empty, 1, [0xc0, empty.length + 2], [0xc0, empty.length], A_RECORD),
    want: ['malformed', 'timeout'],
  },
  {
    name: 'a pointer past the end',
    make: empty => withAnswers(empty, 1, [0xff, 0xff], A_RECORD),
    want: ['malformed', 'timeout'],
  },
  {
    name: 'another id',
    make: empty => {
      const bytes = withAnswers(empty, 1, POINTER_TO_QUESTION, A_RECORD)
      bytes.writeUInt16BE(bytes.readUInt16BE(0) ^ 0x5555, 0)
      return bytes
    },
    want: ['timeout'],
  },
  {
    name: 'an answer to another question',
    make: (empty, query) =>
      dns.encode({
        id: query.readUInt16BE(0),
        type: 'response',
        flags: 0x180,
        questions: [{ name: 'other.example', type: empty.readUInt16BE(empty.length - 4) === 1 ? 'A' : 'AAAA' }],
        answers: [{ name: 'other.example', type: 'A', ttl: 9, data: '192.0.2.66' }],
      }),
    want: ['timeout'],
  },
  { name: 'the query itself', make: (_, query) => query, want: ['malformed', 'timeout', 'nodata'] },
  { name: 'no bytes', make: () => Buffer.alloc(0), want: ['malformed', 'timeout'] },
  { name: 'half a header', make: empty => empty.subarray(0, 6), want: ['malformed', 'timeout'] },
  {
    name: 'more answers promised than there are',
    make: empty => withAnswers(empty, 0xffff, POINTER_TO_QUESTION, A_RECORD),
    want: ['malformed', 'timeout'],
  },
  {
    name: 'an address of three bytes',
    make: empty => withAnswers(empty, 1, POINTER_TO_QUESTION, [0, 1, 0, 1, 0, 0, 0, 30, 0, 3, 192, 0, 2]),
    want: ['malformed', 'timeout'],
  },
  {
    name: 'cut short for ever, over TCP too',
    make: empty => setTruncated(empty),
    want: ['malformed', 'nodata', 'timeout'],
  },
  { name: '60,000 bytes of zeros', make: () => Buffer.alloc(60_000), want: ['malformed', 'timeout'] },
  {
    name: '3,000 records in a datagram',
    make: empty =>
      withAnswers(empty, 3000, ...Array.from({ length: 3000 }, (_, i) => [...POINTER_TO_QUESTION, ...record(i)])),
    want: ['addresses'],
  },
]

function setTruncated(empty: Buffer): Buffer {
  const bytes = Buffer.from(empty)
  bytes.writeUInt8(bytes.readUInt8(2) | 2, 2)
  return bytes
}

function record(i: number): number[] {
  return [...A_RECORD.slice(0, 12), i >> 8, i & 0xff]
}

for (const row of rows) {
  test(`hostile answer: ${row.name}`, async () => {
    // Where an answer is wanted, a busy machine gets the time to make it.
    const answer = await resolveBytes(row.make, row.want.includes('timeout') ? TIMEOUT_MS : 60_000)
    const got = answer.kind === 'failed' ? answer.reason : answer.kind
    assert.ok(row.want.includes(got), `${got}, not ${row.want.join(' or ')}`)
  })
}

test('hostile answer: bytes changed, cut and added anywhere', async () => {
  const change = fc.record({
    kind: fc.constantFrom('flip', 'cut', 'add'),
    at: fc.nat(120),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 24 }),
  })
  // The id stays in most runs, else nothing would be read of the rest.
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), async (changes, keepsId) => {
      await resolveBytes(empty => {
        let bytes = withAnswers(empty, 2, POINTER_TO_QUESTION, A_RECORD, POINTER_TO_QUESTION, A_RECORD)
        const id = Buffer.from(bytes.subarray(0, 2))
        for (const { kind, at, bytes: add } of changes) {
          const where = Math.min(at, bytes.length)
          const end = kind === 'add' ? where : kind === 'cut' ? bytes.length : where + add.length
          bytes = Buffer.concat([bytes.subarray(0, where), kind === 'cut' ? Buffer.alloc(0) : add, bytes.subarray(end)])
        }
        if (keepsId && bytes.length >= 2) id.copy(bytes)
        return bytes
      })
    }),
    { numRuns: 60, interruptAfterTimeLimit: 8000, markInterruptAsFailure: false },
  )
})

test('hostile answer: a stream that promises and does not send, over TCP', async () => {
  script = question =>
    question.transport === 'udp'
      ? { kind: 'bytes', make: empty => setTruncated(empty) }
      : { kind: 'bytes', make: empty => Buffer.concat([empty, Buffer.alloc(40_000, 0xc0)]) }
  const answer = await createCaresResolver({ servers: [server.address], timeoutMs: TIMEOUT_MS, tries: 1 }).resolve(
    'victim.example',
  )
  checkShape(answer)
})
