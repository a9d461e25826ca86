import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DnsStream } from './dns-stream.ts'
import { withLength } from './testdata/dns-bytes.ts'

/** One read: how much was moved, and how much of it the event has. */
interface Read {
  readonly size: number
  readonly has?: number
}

function run(stream: Buffer, reads: readonly Read[]): { messages: string[]; isLost: boolean; kept: number } {
  const dns = new DnsStream()
  const messages: string[] = []
  let at = 0
  for (const { size, has = size } of reads) {
    dns.push(stream, at, at + has, size, (bytes, from, to) => messages.push(bytes.toString('latin1', from, to)))
    at += size
  }
  return { messages, isLost: dns.isLost, kept: dns.keptBytes }
}

const stream = Buffer.concat(['first', 'second', 'x'].map(text => withLength(Buffer.from(text))))

const cases: readonly {
  readonly name: string
  readonly reads: readonly Read[]
  readonly want: readonly string[]
  readonly isLost?: boolean
}[] = [
  { name: 'all in one read', reads: [{ size: 18 }], want: ['first', 'second', 'x'] },
  {
    name: 'the length alone, then the message',
    reads: [{ size: 2 }, { size: 5 }, { size: 2 }, { size: 6 }],
    want: ['first', 'second'],
  },
  {
    name: 'one byte after the other',
    reads: Array.from({ length: 18 }, () => ({ size: 1 })),
    want: ['first', 'second', 'x'],
  },
  { name: 'a message that is not over is not given', reads: [{ size: 6 }], want: [] },
  {
    name: 'the event has less than was read: what is there is given, the rest is skipped',
    reads: [{ size: 7, has: 4 }, { size: 11 }],
    want: ['fi', 'second', 'x'],
  },
  { name: 'the missing rest spans reads', reads: [{ size: 5, has: 4 }, { size: 13 }], want: ['fi', 'second', 'x'] },
  {
    name: 'what is missing holds the next length: nobody knows what follows',
    reads: [{ size: 10, has: 4 }, { size: 8 }],
    want: ['fi'],
    isLost: true,
  },
  { name: 'nothing of the read is there', reads: [{ size: 7, has: 0 }, { size: 11 }], want: [], isLost: true },
  { name: 'only the length is there', reads: [{ size: 7, has: 2 }, { size: 11 }], want: ['second', 'x'] },
]

for (const { name, reads, want, isLost = false } of cases) {
  test(`DNS over TCP: ${name}`, () => {
    const result = run(stream, reads)
    assert.deepEqual(result.messages, want)
    assert.equal(result.isLost, isLost)
  })
}

test('DNS over TCP: however the stream is cut, the messages are the same, and nothing is kept behind the last', () => {
  const message = fc.uint8Array({ minLength: 1, maxLength: 300 }).map(bytes => Buffer.from(bytes))
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 90 })),
      (messages, cuts) => {
        const bytes = Buffer.concat(messages.map(withLength))
        const reads: Read[] = []
        let left = bytes.length
        for (let i = 0; left > 0; i++) {
          const size = Math.min(left, cuts[i % Math.max(1, cuts.length)] ?? left)
          reads.push({ size })
          left -= size
        }
        const result = run(bytes, reads)
        assert.deepEqual(
          result.messages,
          messages.map(text => text.toString('latin1')),
        )
        assert.equal(result.kept, 0)
      },
    ),
    { numRuns: 300 },
  )
})

test('DNS over TCP: with bytes missing anywhere, what is given are beginnings of messages in their order', () => {
  const read = fc.record({ size: fc.integer({ min: 1, max: 40 }), has: fc.integer({ min: 0, max: 40 }) })
  const texts = Array.from({ length: 8 }, (_, i) => String(i).repeat(1 + i * 5))
  const bytes = Buffer.concat([...texts.map(text => withLength(Buffer.from(text))), Buffer.alloc(2000)])
  fc.assert(
    fc.property(fc.array(read, { maxLength: 12 }), reads => {
      const { messages } = run(
        bytes,
        reads.map(({ size, has }) => ({ size, has: Math.min(size, has) })),
      )
      let next = 0
      for (const message of messages.filter(text => text !== '' && text[0] !== '\0')) {
        const at = texts.findIndex((text, i) => i >= next && text.startsWith(message))
        assert.ok(at >= 0, message)
        next = at + 1
      }
    }),
    { numRuns: 500 },
  )
})
