import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { parseIp, renderIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { MAX_ADDRESSES_PER_ANSWER } from './binding.ts'
import { type Answer, createCaresResolver, createSystemResolver, type Resolver } from './resolver.ts'
import {
  NODATA,
  NXDOMAIN,
  type Question,
  type Reply,
  REFUSED,
  records,
  type ScriptedDnsServer,
  SERVFAIL,
  SILENT,
  startScriptedDnsServer,
} from './testdata/scripted-dns-server.ts'

/** For servers that are silent. */
const TIMEOUT_MS = 150
/** For those that answer: a busy machine takes its time. */
const PATIENCE_MS = 30_000

/** What a resolver under test is given to answer with: by name, then by type. */
const scripts: ReadonlyMap<string, (question: Question) => Reply> = new Map([
  ['one.example', () => records('one.example', 30, '192.0.2.1')],
  ['both.example', () => records('both.example', 30, '192.0.2.1', '2001:db8::1')],
  ['v6.example', () => records('v6.example', 30, '2001:db8::1')],
  ['mapped.example', () => records('mapped.example', 30, '::ffff:192.0.2.7', '192.0.2.7')],
  ['none.example', () => NXDOMAIN],
  ['empty.example', () => NODATA],
  ['broken.example', () => SERVFAIL],
  ['refused.example', () => REFUSED],
  ['silent.example', () => SILENT],
  // Two records of one address: the lower TTL counts.
  [
    'twice.example',
    () => ({
      kind: 'records',
      records: [60, 20].map(ttl => ({ name: 'twice.example', type: 'A', ttl, data: '192.0.2.1' })),
    }),
  ],
  ['long.example', () => records('long.example', 2_000_000_000, '192.0.2.1')],
  ['no-v6.example', q => (q.type === 'A' ? records('no-v6.example', 30, '192.0.2.1') : SERVFAIL)],
  ['no-v4.example', q => (q.type === 'AAAA' ? records('no-v4.example', 30, '2001:db8::1') : SILENT)],
  ['denied-v6.example', q => (q.type === 'A' ? records('denied-v6.example', 30, '192.0.2.1') : NXDOMAIN)],
  ['half-denied.example', q => (q.type === 'A' ? NXDOMAIN : NODATA)],
  ['denied-or-broken.example', q => (q.type === 'A' ? NXDOMAIN : SERVFAIL)],
  ['mixed.example', () => records('MiXeD.eXaMpLe', 30, '192.0.2.1')],
  ['pool.example', () => records('pool.example', 30, ...addresses(60))],
  ['h.example', () => records('h.example', 30, ...addresses(2000))],
  ...(['www.shop.example', 'shop.cdn.example', 'edge7.cdn.example'] as const).map(
    (name, at, chain): [string, (q: Question) => Reply] => [
      name,
      q => ({
        kind: 'records',
        records: [
          ...chain.slice(at, 2).map((from, i) => ({
            name: from,
            type: 'CNAME' as const,
            ttl: 300,
            data: chain[at + i + 1] as string,
          })),
          ...(q.type === 'CNAME'
            ? []
            : [{ name: 'edge7.cdn.example', type: 'A' as const, ttl: 20, data: '192.0.2.9' }]),
        ],
      }),
    ],
  ),
  [
    'loop-a.example',
    () => ({ kind: 'records', records: [{ name: 'loop-a.example', type: 'CNAME', ttl: 1, data: 'loop-b.example' }] }),
  ],
  [
    'loop-b.example',
    () => ({ kind: 'records', records: [{ name: 'loop-b.example', type: 'CNAME', ttl: 1, data: 'loop-a.example' }] }),
  ],
  [
    'self.example',
    q =>
      q.type === 'CNAME'
        ? { kind: 'records', records: [{ name: 'self.example', type: 'CNAME', ttl: 1, data: 'self.example' }] }
        : records('self.example', 1, '192.0.2.1'),
  ],
])

function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `198.18.${i >> 8}.${i & 0xff}`)
}

function answerScripted(question: Question): Reply {
  return scripts.get(question.name)?.(question) ?? NXDOMAIN
}

interface Row {
  readonly name: string
  readonly ask: string
  /** Addresses as text, or the kind, or the reason of the failure. */
  readonly want: string
  readonly ttlSec?: number
  readonly failedFamily?: 4 | 6
  /** getaddrinfo does not know TTLs, families that failed, or a name without addresses. */
  readonly caresOnly?: boolean
  /** The look-up ends by its time. */
  readonly timeoutMs?: number
}

const rows: readonly Row[] = [
  { name: 'an address and its TTL', ask: 'one.example', want: '192.0.2.1', ttlSec: 30 },
  { name: 'A and AAAA', ask: 'both.example', want: '192.0.2.1 2001:db8::1' },
  { name: 'AAAA only', ask: 'v6.example', want: '2001:db8::1' },
  { name: 'a mapped address is the IPv4 address, once', ask: 'mapped.example', want: '192.0.2.7' },
  { name: 'a name that does not exist', ask: 'none.example', want: 'nxdomain' },
  { name: 'a name without addresses', ask: 'empty.example', want: 'nodata', caresOnly: true },
  { name: 'a server that fails', ask: 'broken.example', want: 'servfail' },
  { name: 'a server that refuses', ask: 'refused.example', want: 'refused', caresOnly: true },
  { name: 'a server that is silent', ask: 'silent.example', want: 'timeout', timeoutMs: TIMEOUT_MS },
  { name: 'one address twice is one, with the lower TTL', ask: 'twice.example', want: '192.0.2.1', ttlSec: 20 },
  { name: 'a TTL of 63 years is a week', ask: 'long.example', want: '192.0.2.1', ttlSec: 604_800 },
  { name: 'A answered, AAAA failed', ask: 'no-v6.example', want: '192.0.2.1', failedFamily: 6, caresOnly: true },
  {
    name: 'AAAA answered, A silent',
    ask: 'no-v4.example',
    want: '2001:db8::1',
    failedFamily: 4,
    caresOnly: true,
    timeoutMs: 2_000,
  },
  {
    name: 'AAAA denied is no failure where A is answered',
    ask: 'denied-v6.example',
    want: '192.0.2.1',
    caresOnly: true,
  },
  { name: 'a name denied for one type exists', ask: 'half-denied.example', want: 'nodata', caresOnly: true },
  { name: 'a failure outweighs a denial', ask: 'denied-or-broken.example', want: 'servfail', caresOnly: true },
  { name: 'mixed case in the answer', ask: 'mixed.example', want: '192.0.2.1' },
  { name: 'an answer cut short is asked for again over TCP', ask: 'pool.example', want: addresses(60).join(' ') },
  { name: 'a chain of three aliases', ask: 'www.shop.example', want: '192.0.2.9', ttlSec: 20 },
  { name: 'the middle of the chain', ask: 'shop.cdn.example', want: '192.0.2.9' },
  { name: 'the end of the chain', ask: 'edge7.cdn.example', want: '192.0.2.9' },
  { name: 'aliases in a circle', ask: 'loop-a.example', want: 'nodata', caresOnly: true },
]

function renderAnswer(answer: Answer): string {
  switch (answer.kind) {
    case 'addresses':
      return answer.addresses.map(a => renderIp(a.ip)).join(' ')
    case 'failed':
      return answer.reason
    default:
      return answer.kind
  }
}

/** One suite for whatever looks names up. */
function runResolverSuite(name: string, knows: { readonly ttl: boolean }, make: (timeoutMs: number) => Resolver): void {
  suite(name, () => {
    for (const row of rows) {
      if (row.caresOnly && !knows.ttl) continue
      test(row.name, async () => {
        const answer = await make(row.timeoutMs ?? PATIENCE_MS).resolve(row.ask)
        assert.equal(renderAnswer(answer), row.want)
        if (answer.kind !== 'addresses') return
        assert.equal(answer.failedFamily, row.failedFamily)
        assert.deepEqual(answer.chain, [])
        if (row.ttlSec !== undefined) {
          assert.equal(answer.addresses[0]?.ttlSec, knows.ttl ? row.ttlSec : undefined)
        }
      })
    }

    test('an answer of thousands is cut and says so', async () => {
      const answer = await make(PATIENCE_MS).resolve('h.example')
      assert.equal(answer.kind, 'addresses')
      assert.equal(answer.addresses.length, MAX_ADDRESSES_PER_ANSWER)
      assert.equal(answer.cut, 2000 - MAX_ADDRESSES_PER_ANSWER)
    })

    test('an aborted signal gives cancelled, before and during', async () => {
      const resolver = make(5_000)
      assert.equal(renderAnswer(await resolver.resolve('one.example', AbortSignal.abort())), 'cancelled')
      const stop = new AbortController()
      const asked = Promise.all(Array.from({ length: 50 }, () => resolver.resolve('silent.example', stop.signal)))
      let isOver = false
      void asked.then(() => {
        isOver = true
      })
      await turn()
      stop.abort()
      await turn()
      assert.ok(isOver, 'at once')
      for (const answer of await asked) assert.equal(renderAnswer(answer), 'cancelled')
    })

    test('a look-up that goes on is not cancelled with another', async () => {
      const resolver = make(TIMEOUT_MS)
      const stop = new AbortController()
      const first = resolver.resolve('silent.example', stop.signal)
      const second = resolver.resolve('silent.example', new AbortController().signal)
      stop.abort()
      assert.equal(renderAnswer(await first), 'cancelled')
      assert.equal(renderAnswer(await second), 'timeout')
    })

    test('every look-up ends by itself, all 200 of them', async () => {
      const resolver = make(TIMEOUT_MS)
      const answers = await Promise.all(Array.from({ length: 200 }, () => resolver.resolve('silent.example')))
      assert.deepEqual(new Set(answers.map(renderAnswer)), new Set(['timeout']))
    })
  })
}

let server: ScriptedDnsServer
before(async () => {
  server = await startScriptedDnsServer(answerScripted)
})
after(() => server.close())

const cares = (timeoutMs = PATIENCE_MS): Resolver =>
  createCaresResolver({ servers: [server.address], timeoutMs, tries: 1 })
runResolverSuite('c-ares resolver', { ttl: true }, cares)

/** getaddrinfo cannot be pointed at the scripted server, so its answers are made from the same scripts. */
runResolverSuite('system resolver', { ttl: false }, timeoutMs =>
  createSystemResolver({
    timeoutMs,
    lookup: (name, options) => {
      assert.deepEqual(options, { all: true, order: 'verbatim' })
      const replies = (['A', 'AAAA'] as const).map(type => answerScripted({ name, type, transport: 'tcp' }))
      if (replies.includes(SILENT)) return new Promise(() => {})
      const found = new Set(
        replies
          .flatMap(reply => (reply.kind === 'records' ? reply.records : []))
          .filter(record => record.type !== 'CNAME'),
      )
      if (found.size > 0)
        return Promise.resolve(Array.from(new Set(Array.from(found, r => r.data)), address => ({ address })))
      const code = replies.includes(SERVFAIL) ? 'EAI_AGAIN' : 'ENOTFOUND'
      return Promise.reject(Object.assign(new Error(code), { code }))
    },
  }),
)

test('system resolver: the hosts file of this machine knows localhost', async () => {
  const answer = await createSystemResolver().resolve('localhost')
  assert.equal(answer.kind, 'addresses')
  const loopback: readonly (Ip | undefined)[] = [parseIp('127.0.0.1'), parseIp('::1')]
  for (const { ip } of answer.addresses) assert.ok(loopback.includes(ip))
})

test('c-ares resolver: each question is asked once for A and once for AAAA', async () => {
  server.clear()
  await cares().resolve('one.example')
  assert.deepEqual(server.questions.map(q => `${q.type} ${q.name}`).sort(), ['A one.example', 'AAAA one.example'])
})

test('c-ares resolver: nothing is kept between look-ups', async () => {
  server.clear()
  const resolver = cares()
  await resolver.resolve('one.example')
  await resolver.resolve('one.example')
  assert.equal(server.questions.length, 4)
})

test('c-ares resolver: TCP is used exactly when UDP was cut short', async () => {
  server.clear()
  await cares().resolve('pool.example')
  assert.deepEqual(
    server.questions.filter(q => q.type === 'A').map(q => q.transport),
    ['udp', 'tcp'],
  )
})

test('c-ares resolver: the chain is known where aliases are followed', async () => {
  const resolver = createCaresResolver({
    servers: [server.address],
    timeoutMs: PATIENCE_MS,
    tries: 1,
    followAliases: true,
  })
  const answer = await resolver.resolve('www.shop.example')
  assert.equal(answer.kind, 'addresses')
  assert.deepEqual(answer.chain, ['shop.cdn.example', 'edge7.cdn.example'])
  const self = await resolver.resolve('self.example')
  assert.equal(self.kind, 'addresses')
  assert.deepEqual(self.chain, [])
})

test('c-ares resolver: a closed port is unreachable', async () => {
  const gone = await startScriptedDnsServer(() => SILENT)
  await gone.close()
  const answer = await createCaresResolver({ servers: [gone.address], timeoutMs: PATIENCE_MS, tries: 1 }).resolve(
    'one.example',
  )
  assert.equal(renderAnswer(answer), 'unreachable')
})

test('c-ares resolver: a wrong server address is refused at once', () => {
  assert.throws(() => createCaresResolver({ servers: ['not an address'] }), { code: 'ERR_INVALID_IP_ADDRESS' })
})
