import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { parseIp } from '../values/ip.ts'
import type { BindingFact, NameMoment } from './binding.ts'
import { type BindingsOutcome, loadBindingsFile, parseBinding, renderBinding } from './bindings-file.ts'
import { NameIndex } from './name-index.ts'
import { newSum, renderSavedEnd, renderSavedHeader } from './saved-names.ts'

const T0 = '2026-05-04T10:00:00Z'
const T0_NS = 1_777_888_800_000_000_000n
const IP = 0xc0000201

/** The event at so many ns after `T0`. */
function moment(afterNs: bigint, pid = 1, containerId = ''): NameMoment {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, T0_NS + afterNs, true)
  return { rec: { view, start: 0 }, thread: { pid, containerId } }
}

async function load(text: string | Buffer): Promise<{ index: NameIndex; outcome: BindingsOutcome }> {
  const folder = await mkdtemp(join(tmpdir(), 'tiercel-bindings-'))
  try {
    const path = join(folder, 'bindings.ndjson')
    await writeFile(path, text)
    const index = new NameIndex()
    return { index, outcome: await loadBindingsFile(path, index) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const facts: readonly { readonly name: string; readonly line: string; readonly want: BindingFact }[] = [
  {
    name: 'name and address are enough: known since ever, by a look-up',
    line: '{"name":"shop.example","address":"192.0.2.1"}',
    want: { name: 'shop.example', ip: IP, evidence: 'resolved' },
  },
  {
    name: 'the name is normalised, the address unmapped',
    line: '{"name":"Bücher.Example.","address":"::ffff:192.0.2.1","evidence":"hosts"}',
    want: { name: 'xn--bcher-kva.example', ip: IP, evidence: 'hosts' },
  },
  {
    name: 'everything',
    line: `{"name":"a.example","address":"2001:db8::1","evidence":"observed","from":"${T0}","to":"2026-05-04T10:00:01.5+00:00","ttl":30,"resolver":"10.0.0.2","pid":7,"container":"0123456789abcdef","chain":["B.example"],"stale":true}`,
    want: {
      name: 'a.example',
      ip: parseIp('2001:db8::1')!,
      evidence: 'observed',
      owner: { pid: 7, containerId: '0123456789ab' },
      fromMs: Number(T0_NS / 1_000_000n),
      untilMs: Number(T0_NS / 1_000_000n) + 1500,
      ttlSec: 30,
      resolver: '10.0.0.2',
      chain: ['b.example'],
      stale: true,
    },
  },
  {
    name: 'nanoseconds as a number, and no end in sight',
    line: `{"name":"a.example","address":"192.0.2.1","from":${T0_NS},"to":null}`,
    want: {
      name: 'a.example',
      ip: IP,
      evidence: 'resolved',
      fromMs: Number(T0_NS) / 1e6,
      untilMs: Number.POSITIVE_INFINITY,
    },
  },
  {
    name: 'nanoseconds in digits',
    line: `{"name":"a.example","address":"192.0.2.1","from":"${T0_NS}"}`,
    want: { name: 'a.example', ip: IP, evidence: 'resolved', fromMs: Number(T0_NS) / 1e6 },
  },
  {
    name: 'the container of the host is none',
    line: '{"name":"a.example","address":"192.0.2.1","container":""}',
    want: { name: 'a.example', ip: IP, evidence: 'resolved' },
  },
]

suite('parseBinding', () => {
  for (const c of facts) {
    test(c.name, () => assert.deepEqual(parseBinding(c.line), { ok: true, fact: c.want }))
  }
})

const valid = { name: 'a.example', address: '192.0.2.1' }
const wrong: readonly { readonly line: string; readonly message: string }[] = [
  { line: '{', message: 'not JSON' },
  { line: '[]', message: 'not a JSON object' },
  { line: 'null', message: 'not a JSON object' },
  { line: '{"address":"192.0.2.1"}', message: '`name` that is missing is no domain name' },
  { line: '{"name":"a b","address":"192.0.2.1"}', message: '`name` `a b` is no domain name' },
  { line: '{"name":"*.a.example","address":"192.0.2.1"}', message: '`name` `*.a.example` is no domain name' },
  { line: '{"name":"a.example"}', message: '`address` that is missing is no IP address' },
  { line: '{"name":"a.example","address":"192.0.2.256"}', message: '`address` `192.0.2.256` is no IP address' },
  { line: '{"name":"a.example","address":[]}', message: '`address` that is a list is no IP address' },
  {
    line: JSON.stringify({ ...valid, evidence: 'literal' }),
    message: '`evidence` `literal` is none of sni, host, observed, hosts, resolved, claimed',
  },
  {
    line: JSON.stringify({ ...valid, until: 5 }),
    message:
      'unknown key `until`; known are name, address, evidence, from, to, seen, ttl, resolver, pid, container, chain, stale, untrusted, netns, mntns',
  },
  {
    line: JSON.stringify({ ...valid, from: 1_777_888_800 }),
    message: '`from` `1777888800` is before 1973; numbers are nanoseconds since the epoch',
  },
  {
    line: JSON.stringify({ ...valid, from: '2026-05-04 10:00' }),
    message: '`from` `2026-05-04 10:00` is neither nanoseconds since the epoch nor a time like 2026-05-04T10:00:00.5Z',
  },
  { line: JSON.stringify({ ...valid, from: T0, to: T0 }), message: '`to` is not after `from`' },
  { line: JSON.stringify({ ...valid, ttl: -1 }), message: '`ttl` `-1` is no number of seconds' },
  { line: JSON.stringify({ ...valid, pid: '7' }), message: '`pid` `7` is no process id' },
  { line: JSON.stringify({ ...valid, chain: 'b' }), message: '`chain` is no list of at most 16 domain names' },
  { line: JSON.stringify({ ...valid, stale: 1 }), message: '`stale` `1` is neither true nor false' },
]

suite('parseBinding refuses', () => {
  for (const c of wrong) {
    test(c.line, () => assert.deepEqual(parseBinding(c.line), { ok: false, message: c.message }))
  }
})

test('parseBinding: any text gives a fact or a message', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map(v => `{"name":"a.example","address":${v}}`),
      ),
      text => {
        const parsed = parseBinding(text)
        assert.ok(parsed.ok || parsed.message.length > 0)
      },
    ),
  )
  const deep = `{"name":${'['.repeat(30_000)}${']'.repeat(30_000)}}`
  assert.equal(parseBinding(deep).ok, false)
})

test('renderBinding: what is written is read again', () => {
  const label = fc.stringMatching(/^[a-z0-9_]{1,10}$/)
  const name = fc.tuple(label, label).map(labels => labels.join('.'))
  const fact = fc.record(
    {
      name,
      ip: fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constant(parseIp('2001:db8::7')!)),
      evidence: fc.constantFrom<BindingFact['evidence']>('sni', 'host', 'observed', 'hosts', 'resolved'),
      owner: fc
        .tuple(fc.integer({ min: 1, max: 4_000_000 }), fc.integer({ min: 1, max: 0xffffffff }), fc.nat())
        .map(([pid, netns, mntns]) => ({ pid, netns, mntns })),
      fromMs: fc.double({ min: 1e12, max: 1.8e12, noNaN: true }),
      untilMs: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.double({ min: 1.9e12, max: 2.5e12, noNaN: true })),
      ttlSec: fc.nat(),
      resolver: fc.string(),
      chain: fc.array(name, { minLength: 1, maxLength: 16 }),
      stale: fc.constant(true as const),
      untrusted: fc.constant(true as const),
    },
    { requiredKeys: ['name', 'ip', 'evidence'], noNullPrototype: true },
  )
  fc.assert(
    fc.property(fact, (given: BindingFact) => {
      const parsed = parseBinding(renderBinding(given))
      assert.ok(parsed.ok)
      for (const key of ['fromMs', 'untilMs'] as const) {
        if (given[key] !== parsed.fact[key]) assert.ok(Math.abs(given[key]! - parsed.fact[key]!) < 0.001)
      }
      const { fromMs, untilMs, ...rest } = given
      const { fromMs: _from, untilMs: _until, ...parsedRest } = parsed.fact
      assert.deepEqual(parsedRest, rest)
    }),
  )
})

test('a binding holds in its interval to the nanosecond that a double can tell, its end excluded', async () => {
  const { index } = await load(
    `{"name":"a.example","address":"192.0.2.1","evidence":"observed","from":"${T0}","to":"${T0_NS + 2_000_000_000n}"}\n`,
  )
  const set = index.watch(['a.example'])
  assert.equal(set.matches(IP, moment(-512n)), false)
  assert.equal(set.matches(IP, moment(0n)), true)
  assert.equal(set.matches(IP, moment(2_000_000_000n - 512n)), true)
  assert.equal(set.matches(IP, moment(2_000_000_000n)), false)
  // In any order, again and again.
  assert.equal(set.matches(IP, moment(0n)), true)
})

test('a file gives a replay its names, process by process, and tells what is wrong with which line', async () => {
  const { index, outcome } = await load(
    [
      '{"name":"shop.example","address":"192.0.2.1","evidence":"observed","pid":7}',
      '',
      'shop.example 192.0.2.1',
      '{"name":"pool.example","address":"192.0.2.1"}\r',
      '{"name":"rebind.example","address":"127.0.0.1"}',
      '{"name":"www.example","address":"192.0.2.2","chain":["cdn.example","edge.example"]}',
    ].join('\n'),
  )
  assert.deepEqual(outcome, {
    bindings: 3,
    notBelieved: 1,
    errors: [{ line: 3, message: 'not JSON' }],
    errorCount: 1,
  })
  const shop = index.watch(['shop.example'])
  assert.equal(shop.matches(IP, moment(0n, 7)), true)
  assert.equal(index.nameOf(IP, moment(0n, 7)), 'shop.example')
  assert.equal(index.watch(['pool.example']).matches(IP, moment(0n, 7)), false)
  // Pid 7 is a process of the host, so its look-up is the best that others there know too.
  assert.equal(shop.matches(IP, moment(0n, 8)), true)
  for (const level of ['www.example', 'cdn.example', 'edge.example']) {
    assert.equal(index.watch([level]).matches(IP + 1, moment(0n)), true, level)
  }
})

test('bindings of a file are not forgotten, however much later look-ups come', async () => {
  const { index } = await load(`{"name":"a.example","address":"192.0.2.1","from":"${T0}","ttl":30}`)
  const laterMs = Number(T0_NS / 1_000_000n) + 86_400_000
  index.apply({ kind: 'nxdomain', name: 'other.example', atMs: laterMs })
  index.sweep(laterMs)
  assert.equal(index.nameOf(IP, moment(1_000_000_000n)), 'a.example')
  assert.equal(index.nameOf(IP, laterMs), undefined)
})

test('two readings of one file give the same answers', async () => {
  const lines = Array.from({ length: 200 }, (_, i) => {
    const from = T0_NS + BigInt(i % 50) * 1_000_000_000n
    return `{"name":"n${i % 17}.example","address":"192.0.2.${i % 5}","evidence":"observed","from":${from},"ttl":${i},"pid":${1 + (i % 3)}}`
  }).join('\n')
  const [a, b] = [await load(lines), await load(lines)]
  for (let host = 0; host < 5; host++) {
    for (const sec of [0n, 10n, 100n, 5000n]) {
      const when = moment(sec * 1_000_000_000n, 2)
      assert.deepEqual(a.index.namesOf(0xc0000200 + host, when), b.index.namesOf(0xc0000200 + host, when))
    }
  }
})

test('what an agent saved of names is read as it is, its frame passed over', async () => {
  const sum = newSum()
  const starts = new Map(Array.from({ length: 9000 }, (_, i) => [i + 1, 1_000_000 + i]))
  const text =
    renderSavedHeader({ bootId: '3d2c8a54-0000-4000-8000-000000000001', savedMs: 1_777_888_800_000 }) +
    '{"name":"shop.example","address":"192.0.2.1","evidence":"observed","pid":12}\n'
  sum.update(text)
  const end = renderSavedEnd(starts, sum)
  assert.ok(end.length > 65_536)
  const { outcome } = await load(text + end)
  assert.deepEqual(outcome, { bindings: 1, notBelieved: 0, errors: [], errorCount: 0 })
})

test('endless lines, many errors and a missing file are outcomes', async () => {
  const long = await load(`${'x'.repeat(300_000)}\n{"name":"a.example","address":"192.0.2.1"}\n`)
  assert.equal(long.outcome.bindings, 1)
  assert.deepEqual(long.outcome.errors, [{ line: 1, message: 'longer than 65536 characters' }])
  const many = await load('x\n'.repeat(5000))
  assert.equal(many.outcome.errorCount, 5000)
  assert.equal(many.outcome.errors.length, 100)
  const binary = await load(Buffer.from([0xff, 0xfe, 0, 10, 0x80]))
  assert.equal(binary.outcome.errorCount, 2)
  const missing = await loadBindingsFile('/nonexistent/bindings.ndjson', new NameIndex())
  assert.match(missing.failure ?? '', /ENOENT/)
})
