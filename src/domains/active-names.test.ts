// Look-ups, refresh and index together, against a real server on loopback whose every answer is scripted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIp, renderIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { NameIndex } from './name-index.ts'
import { backgroundTimer, NameRefresher, type NameRefresherOptions, type NameWarning } from './refresh.ts'
import { createCaresResolver } from './resolver.ts'
import {
  NXDOMAIN,
  type Question,
  type Reply,
  records,
  type ScriptedDnsServer,
  SERVFAIL,
  SILENT,
  startScriptedDnsServer,
} from './testdata/scripted-dns-server.ts'
import { nextTurn, VirtualClock } from './testdata/virtual-clock.ts'

const START_MS = 1_700_000_000_000
const RETENTION_MS = 60_000 + 900_000

function ip(text: string): Ip {
  const parsed = parseIp(text)
  assert.ok(parsed !== undefined, text)
  return parsed
}

interface Bench extends AsyncDisposable {
  readonly server: ScriptedDnsServer
  readonly clock: VirtualClock
  readonly index: NameIndex
  readonly refresher: NameRefresher
  readonly warnings: NameWarning[]
  /** Watches the names, looks them up and waits for the first answers. */
  load(names: readonly string[]): Promise<void>
  advance(sec: number): Promise<void>
  matches(name: string, address: string): boolean
}

async function bench(answer: (question: Question) => Reply, random: () => number = () => 0.5): Promise<Bench> {
  const server = await startScriptedDnsServer(answer)
  const clock = new VirtualClock(START_MS)
  const index = new NameIndex()
  const warnings: NameWarning[] = []
  const refresher = new NameRefresher({
    resolver: createCaresResolver({ servers: [server.address], timeoutMs: 60, tries: 1 }),
    apply: update => index.apply(update),
    now: clock.now,
    setTimer: clock.setTimer,
    random,
    onWarning: warning => warnings.push(warning),
  })
  /** The server is real: the clock stands still until it has answered. */
  const answered = async () => {
    do await nextTurn()
    while (refresher.stats().inFlight > 0)
  }
  return {
    server,
    clock,
    index,
    refresher,
    warnings,
    async load(names) {
      index.watch(names)
      refresher.setNames(index.namesToResolve().names)
      await clock.advance(0, answered)
      await refresher.ready()
    },
    advance: sec => clock.advance(sec * 1000, answered),
    matches: (name, address) => index.watch([name]).matches(ip(address), clock.nowMs),
    async [Symbol.asyncDispose]() {
      refresher.stop()
      await server.close()
    },
  }
}

test('A and AAAA of every watched name are known when ready', async () => {
  await using b = await bench(q => records(q.name, 30, '192.0.2.1', '2001:db8::1'))
  await b.load(['Shop.Example.', 'pool.example'])
  assert.equal(b.matches('shop.example', '192.0.2.1'), true)
  assert.equal(b.matches('shop.example', '2001:db8::1'), true)
  assert.equal(b.matches('pool.example', '::ffff:192.0.2.1'), true)
  assert.equal(b.matches('pool.example', '192.0.2.2'), false)
  assert.equal(b.index.bindingsOf(ip('192.0.2.1'), b.clock.nowMs)[0]?.resolver, `dns ${b.server.address}`)
})

test('a rotating pool: the union of what was answered matches', async () => {
  let round = 0
  await using b = await bench(q => {
    if (q.type === 'A') round++
    return records(q.name, 60, `192.0.2.${2 * round}`, `192.0.2.${2 * round + 1}`)
  })
  await b.load(['pool.example'])
  await b.advance(45)
  assert.equal(round, 5)
  for (let host = 2; host <= 11; host++) assert.equal(b.matches('pool.example', `192.0.2.${host}`), true, String(host))
  assert.equal(b.matches('pool.example', '192.0.2.12'), false)
})

test('an address that left the answer is known for its TTL and the grace', async () => {
  let address = '192.0.2.1'
  await using b = await bench(q => records(q.name, 30, address))
  await b.load(['shop.example'])
  address = '192.0.2.2'
  await b.advance(10)
  assert.equal(b.matches('shop.example', '192.0.2.2'), true)
  const leftMs = b.clock.nowMs
  await b.clock.advance(leftMs + RETENTION_MS - 1 - b.clock.nowMs)
  assert.equal(b.matches('shop.example', '192.0.2.1'), true)
  await b.clock.advance(2)
  assert.equal(b.matches('shop.example', '192.0.2.1'), false)
  assert.equal(b.matches('shop.example', '192.0.2.2'), true)
})

test('SERVFAIL and time-outs keep the last good set, marked stale, until a good answer', async () => {
  let reply: (q: Question) => Reply = q => records(q.name, 3600, '192.0.2.1')
  await using b = await bench(q => reply(q))
  await b.load(['shop.example'])
  for (const outage of [SERVFAIL, SILENT]) {
    reply = () => outage
    await b.advance(2000)
    assert.equal(b.matches('shop.example', '192.0.2.1'), true)
    assert.equal(b.index.bindingsOf(ip('192.0.2.1'), b.clock.nowMs)[0]?.stale, true)
    assert.equal(b.refresher.stats().stale, 1)
  }
  assert.ok(b.refresher.stats().failures.servfail > 3 && b.refresher.stats().failures.timeout > 3)
  reply = q => records(q.name, 3600, '192.0.2.1')
  await b.advance(400)
  assert.equal(b.index.bindingsOf(ip('192.0.2.1'), b.clock.nowMs)[0]?.stale, false)
  assert.deepEqual(b.warnings, [])
})

test('NXDOMAIN is a warning; after success it ends the name after the grace', async () => {
  let reply: (q: Question) => Reply = q => records(q.name, 3600, '192.0.2.1')
  await using b = await bench(q => (q.name === 'none.example' ? NXDOMAIN : reply(q)))
  await b.load(['shop.example', 'none.example'])
  assert.deepEqual(
    b.warnings.map(w => w.message),
    ['none.example does not resolve: the name does not exist'],
  )
  reply = () => NXDOMAIN
  await b.advance(11)
  assert.equal(b.matches('shop.example', '192.0.2.1'), true)
  await b.advance(880)
  assert.equal(b.matches('shop.example', '192.0.2.1'), true)
  await b.advance(20)
  assert.equal(b.matches('shop.example', '192.0.2.1'), false)
})

test('a chain of three: each name of it that a rule spells is known', async () => {
  const chain = ['www.shop.example', 'shop.cdn.example', 'edge7.cdn.example'] as const
  await using b = await bench(q => {
    const at = chain.indexOf(q.name as (typeof chain)[number])
    if (at < 0) return NXDOMAIN
    const aliases = chain
      .slice(at, 2)
      .map((name, i) => ({ name, type: 'CNAME' as const, ttl: 60, data: chain[at + i + 1]! }))
    return { kind: 'records', records: [...aliases, { name: chain[2], type: 'A', ttl: 20, data: '192.0.2.9' }] }
  })
  await b.load(chain)
  for (const name of chain) assert.equal(b.matches(name, '192.0.2.9'), true, name)
})

test('an answer cut short is completed over TCP', async () => {
  const pool = Array.from({ length: 100 }, (_, i) => `198.51.100.${i}`)
  await using b = await bench(q => records(q.name, 30, ...pool))
  await b.load(['pool.example'])
  for (const address of pool) assert.equal(b.matches('pool.example', address), true)
})

test('two rules with two names on one address: both match, whichever answers first', async () => {
  for (const names of [
    ['shop.example', 'pool.example'],
    ['pool.example', 'shop.example'],
  ]) {
    await using b = await bench(q => records(q.name, 30, '192.0.2.1'))
    for (const name of names) b.index.watch([name])
    await b.load(names)
    assert.equal(b.matches('shop.example', '192.0.2.1'), true)
    assert.equal(b.matches('pool.example', '192.0.2.1'), true)
    assert.deepEqual(b.index.namesOf(ip('192.0.2.1'), b.clock.nowMs), ['pool.example', 'shop.example'])
  }
})

test('lists over the limit and those for observation only are never looked up', async () => {
  await using b = await bench(q => records(q.name, 30, '192.0.2.1'))
  b.index.watch(['feed.example'], { observeOnly: true })
  b.index.watch(Array.from({ length: 1001 }, (_, i) => `n${i}.feed.example`))
  await b.load(['shop.example'])
  assert.deepEqual(new Set(b.server.questions.map(q => q.name)), new Set(['shop.example']))
})

test('10,000 names and a server that never answers: events go on, and everything is bounded', async t => {
  const server = await startScriptedDnsServer(() => SILENT)
  const index = new NameIndex()
  const sets = Array.from({ length: 10_000 }, (_, i) => index.watch([`n${i}.example`]))
  const delaysMs: number[] = []
  const options: NameRefresherOptions = {
    resolver: createCaresResolver({ servers: [server.address], timeoutMs: 500, tries: 2 }),
    apply: update => index.apply(update),
    now: Date.now,
    setTimer: (run, delayMs) => {
      delaysMs.push(delayMs)
      return backgroundTimer(run, delayMs)
    },
  }
  const refresher = new NameRefresher(options)
  const heapBefore = process.memoryUsage().heapUsed
  refresher.setNames(index.namesToResolve().names)
  delaysMs.length = 0
  let isReady = false
  void refresher.ready().then(() => {
    isReady = true
  })
  const [readyMs] = delaysMs
  // What a turn of the loop costs is what an event would wait; the time of others on this machine does not count.
  const turnsMs: number[] = []
  let mostInFlight = 0
  for (let event = 0; !isReady || event < 1000 || refresher.stats().lookups < 200; event++) {
    const before = process.threadCpuUsage()
    await new Promise(done => setTimeout(done, 1))
    const { user, system } = process.threadCpuUsage(before)
    turnsMs.push((user + system) / 1000)
    assert.equal(sets[event % sets.length]!.matches(event, Date.now()), false)
    mostInFlight = Math.max(mostInFlight, refresher.stats().inFlight)
  }
  const heapMb = (process.memoryUsage().heapUsed - heapBefore) / 1e6
  const stats = refresher.stats()
  refresher.stop()
  await server.close()
  turnsMs.sort((a, b) => a - b)
  const p99 = turnsMs[Math.floor(turnsMs.length * 0.99)]!
  t.diagnostic(
    `${turnsMs.length} turns, p99 ${p99.toFixed(2)} ms, longest ${turnsMs.at(-1)!.toFixed(1)} ms; ` +
      `${stats.lookups} look-ups, at most ${mostInFlight} at once; heap ${heapMb.toFixed(1)} MB more`,
  )
  assert.ok(readyMs !== undefined && readyMs > 0 && readyMs <= 2000, `ready after ${readyMs} ms`)
  assert.ok(p99 < 20, `an event would wait ${p99} ms`)
  assert.equal(mostInFlight, 100)
  assert.ok(stats.lookups <= 1000)
  assert.ok(server.questions.length <= 4 * stats.lookups)
  assert.ok(heapMb < 40)
})

/** 4,000 addresses, 8 in an answer, TTL 5 s: a client that asks and connects at once, about every second. */
async function measureS3(sharesCache: boolean): Promise<{ connects: number; missed: number; missedObserved: number }> {
  const POOL = 4000
  let seed = 42
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 0x1_0000_0000
  }
  const draw = () => Array.from({ length: 8 }, () => renderIp(0xc6120000 + Math.floor(random() * POOL)))
  let window = -1
  let cached: readonly string[] = []
  let now = () => 0
  await using b = await bench(q => {
    if (!sharesCache) return records(q.name, 5, ...draw())
    const at = Math.floor(now() / 5000)
    if (at !== window) cached = draw()
    window = at
    return records(q.name, Math.ceil((at + 1) * 5 - now() / 1000), ...cached)
  }, random)
  now = b.clock.now
  const name = 's3.example'
  const observed = new NameIndex()
  const observedSet = observed.watch([name])
  await b.load([name])
  const resolvedSet = b.index.watch([name])
  const client = createCaresResolver({ servers: [b.server.address], timeoutMs: 500, tries: 1 })
  const connects = 1500
  let missed = 0
  let missedObserved = 0
  for (let i = 0; i < connects; i++) {
    await b.advance(2 * random())
    const answer = await client.resolve(name)
    assert.equal(answer.kind, 'addresses')
    const target = answer.addresses[Math.floor(random() * answer.addresses.length)]!
    for (const { ip: address, ttlSec } of answer.addresses) {
      const fact = { name, ip: address, evidence: 'observed' as const, fromMs: b.clock.nowMs, ttlSec: ttlSec ?? 0 }
      observed.learn(fact, b.clock.nowMs)
    }
    if (!resolvedSet.matches(target.ip, b.clock.nowMs)) missed++
    if (!observedSet.matches(target.ip, b.clock.nowMs)) missedObserved++
  }
  return { connects, missed, missedObserved }
}

for (const sharesCache of [false, true]) {
  const how = sharesCache ? 'client and agent share a caching resolver' : 'every question gets another draw'
  test(`an S3-like name, ${how}: how often the agent's own look-ups do not know the client's address`, async t => {
    const { connects, missed, missedObserved } = await measureS3(sharesCache)
    const percent = (n: number) => `${((100 * n) / connects).toFixed(1)} %`
    t.diagnostic(
      `unknown: ${percent(missed)} of ${connects} connects with resolved evidence alone, ${percent(missedObserved)} with observed`,
    )
    assert.equal(missedObserved, 0)
    // What resolved evidence can do at best; it documents the limit rather than a goal.
    assert.ok(missed < connects * (sharesCache ? 0.2 : 0.9))
  })
}
