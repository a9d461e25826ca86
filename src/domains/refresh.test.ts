import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { NameUpdate } from './name-update.ts'
import { NameRefresher, type NameRefresherOptions, type NameWarning } from './refresh.ts'
import type { Answer, Resolver } from './resolver.ts'
import { nextTurn, VirtualClock } from './testdata/virtual-clock.ts'

const START_MS = 1_000_000

function addresses(ttlSec: number | undefined, ...ips: readonly number[]): Answer {
  return {
    kind: 'addresses',
    addresses: ips.map(ip => (ttlSec === undefined ? { ip } : { ip, ttlSec })),
    chain: [],
    cut: 0,
  }
}

const TIMEOUT: Answer = { kind: 'failed', reason: 'timeout', detail: 'ETIMEOUT' }

interface Bench {
  readonly refresher: NameRefresher
  readonly clock: VirtualClock
  readonly updates: NameUpdate[]
  readonly warnings: NameWarning[]
  /** When each look-up began, in seconds since the start, with its name. */
  readonly asked: { readonly sec: number; readonly name: string }[]
  /** Most look-ups at once so far. */
  readonly most: () => number
}

/** `answer` may give undefined: no answer for ever. */
function bench(
  answer: (name: string, times: number) => Answer | undefined,
  options: Partial<NameRefresherOptions> & { readonly maxLookups?: number; readonly questionsPerLookup?: number } = {},
): Bench {
  const clock = new VirtualClock(START_MS)
  const updates: NameUpdate[] = []
  const warnings: NameWarning[] = []
  const asked: { sec: number; name: string }[] = []
  const times = new Map<string, number>()
  let inFlight = 0
  let most = 0
  const resolver: Resolver = {
    label: 'fake',
    questionsPerLookup: options.questionsPerLookup ?? 2,
    ...(options.maxLookups !== undefined && { maxLookups: options.maxLookups }),
    resolve(name, signal) {
      asked.push({ sec: (clock.nowMs - START_MS) / 1000, name })
      const count = (times.get(name) ?? 0) + 1
      times.set(name, count)
      most = Math.max(most, ++inFlight)
      const given = answer(name, count)
      return new Promise<Answer>(done => {
        if (given !== undefined) setImmediate(done, given)
        else signal?.addEventListener('abort', () => done({ kind: 'failed', reason: 'cancelled', detail: '' }))
      }).finally(() => {
        inFlight--
      })
    },
  }
  const refresher = new NameRefresher({
    resolver,
    apply: update => updates.push(update),
    now: clock.now,
    setTimer: clock.setTimer,
    random: () => 0.5,
    onWarning: warning => warnings.push(warning),
    ...options,
  })
  return { refresher, clock, updates, warnings, asked, most: () => most }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await nextTurn()
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `n${i}.example`)
}

/** Seconds between the look-ups of a name over `sec` seconds. */
async function gaps(
  sec: number,
  answer: (times: number) => Answer,
  options: Partial<NameRefresherOptions> = {},
): Promise<number[]> {
  const b = bench((_, times) => answer(times), options)
  b.refresher.setNames(['a.example'])
  await b.clock.advance(sec * 1000, settle)
  b.refresher.stop()
  return b.asked.slice(1).map((ask, i) => Math.round((ask.sec - b.asked[i]!.sec) * 100) / 100)
}

suite('time between look-ups', () => {
  test('doubles from 10 s to 320 s while the answer stays the same', async () => {
    assert.deepEqual(await gaps(1300, () => addresses(3600, 1, 2)), [10, 20, 40, 80, 160, 320, 320, 320])
  })

  test('the order of the addresses is no change', async () => {
    assert.deepEqual(await gaps(160, t => (t % 2 ? addresses(3600, 1, 2) : addresses(3600, 2, 1))), [10, 20, 40, 80])
  })

  test('a change takes it back to 10 s', async () => {
    assert.deepEqual(await gaps(160, t => addresses(3600, t < 4 ? 1 : 2)), [10, 20, 40, 10, 20, 40])
  })

  test('every answer another: every 10 s', async () => {
    assert.deepEqual(await gaps(45, t => addresses(3600, t)), [10, 10, 10, 10])
  })

  test('a TTL shortens it, but not below 2 s', async () => {
    assert.deepEqual(await gaps(100, () => addresses(25, 1)), [10, 20, 25, 25])
    assert.deepEqual(await gaps(23, () => addresses(7, 1)), [7, 7, 7])
    assert.deepEqual(await gaps(9, () => addresses(0, 1)), [2, 2, 2, 2])
  })

  test('no TTL shortens nothing', async () => {
    assert.deepEqual(await gaps(80, () => addresses(undefined, 1)), [10, 20, 40])
  })

  test('failures are tried again after 10 s, then less and less often; the rest is as if they had not been', async () => {
    const failsFrom4To7 = (t: number) => (t >= 4 && t <= 7 ? TIMEOUT : addresses(3600, 1))
    assert.deepEqual(await gaps(400, failsFrom4To7), [10, 20, 40, 10, 20, 40, 80, 80])
  })

  test('a name that stays away is asked for less and less often', async () => {
    assert.deepEqual(await gaps(700, () => ({ kind: 'nxdomain' })), [10, 20, 40, 80, 160, 320])
  })

  test('a name that comes and goes changes', async () => {
    assert.deepEqual(await gaps(45, t => (t % 2 ? addresses(3600, 1) : { kind: 'nxdomain' })), [10, 10, 10, 10])
  })

  test('a family that failed is no change', async () => {
    const both: Answer = { kind: 'addresses', addresses: [{ ip: 1 }, { ip: 'x'.repeat(16) }], chain: [], cut: 0 }
    const one: Answer = { kind: 'addresses', addresses: [{ ip: 1 }], chain: [], cut: 0, failedFamily: 6 }
    assert.deepEqual(await gaps(80, t => (t === 2 ? one : both)), [10, 20, 40])
  })

  test('is jittered by a tenth', async () => {
    assert.deepEqual(await gaps(30, t => addresses(3600, t), { random: () => 0 }), [9, 9, 9])
    assert.deepEqual(await gaps(34, t => addresses(3600, t), { random: () => 1 - Number.EPSILON }), [11, 11, 11])
  })

  test('once is once', async () => {
    assert.deepEqual(await gaps(10_000, () => addresses(5, 1), { once: true }), [])
  })
})

test('all names are looked up at load, at most 200 questions at once, and ready is when all were answered', async () => {
  const b = bench(() => addresses(60, 1))
  const list = names(1000)
  b.refresher.setNames(list)
  let isReady = false
  void b.refresher.ready().then(() => {
    isReady = true
  })
  await b.clock.advance(0, settle)
  assert.equal(isReady, true)
  assert.deepEqual(new Set(b.asked.map(ask => ask.name)), new Set(list))
  assert.equal(b.asked.length, 1000)
  assert.equal(b.most() <= 100, true)
  assert.equal(b.updates.length, 1000)
  assert.equal(b.refresher.stats().resolved, 1000)
  assert.equal(b.refresher.stats().inFlight, 0)
  b.refresher.stop()
})

test('a resolver that can do little at once is given little', async () => {
  const b = bench(() => undefined, { maxLookups: 4, questionsPerLookup: 1 })
  b.refresher.setNames(names(50))
  await b.clock.advance(1000, settle)
  assert.equal(b.refresher.stats().inFlight, 4)
  b.refresher.stop()
})

test('ready waits 2 s at most, and 10,000 names without an answer leave 100 look-ups in flight', async () => {
  const b = bench(() => undefined)
  b.refresher.setNames(names(10_000))
  let readyAtMs: number | undefined
  void b.refresher.ready().then(() => {
    readyAtMs = b.clock.nowMs
  })
  await b.clock.advance(1999, settle)
  assert.equal(readyAtMs, undefined)
  assert.equal(b.refresher.stats().inFlight, 100)
  await b.clock.advance(1, settle)
  assert.equal(readyAtMs, START_MS + 2000)
  await b.refresher.ready()
  await b.clock.advance(100_000, settle)
  assert.equal(b.most(), 100)
  assert.equal(b.clock.timers, 0)
  assert.equal(b.refresher.stats().pending, 10_000)
  b.refresher.stop()
  await settle()
  assert.equal(b.refresher.stats().inFlight, 0)
  assert.deepEqual(b.updates, [])
})

test('without names it is ready at once', async () => {
  const b = bench(() => undefined)
  await b.refresher.ready()
  b.refresher.setNames([])
  await b.refresher.ready()
})

test('stop frees whoever waits, and nothing is applied or asked any more', async () => {
  const b = bench(name => (name === 'n0.example' ? addresses(60, 1) : undefined))
  b.refresher.setNames(names(10))
  const ready = b.refresher.ready()
  await settle()
  b.refresher.stop()
  await ready
  const { length } = b.asked
  b.refresher.setNames(['late.example'])
  await b.clock.advance(1_000_000, settle)
  assert.equal(b.asked.length, length)
  assert.equal(b.clock.timers, 0)
})

test('a reload touches only what changed', async () => {
  const b = bench(() => addresses(3600, 1))
  b.refresher.setNames(['a.example', 'b.example'])
  await b.clock.advance(5000, settle)
  b.refresher.setNames(['b.example', 'c.example'])
  await b.clock.advance(4000, settle)
  assert.deepEqual(b.asked.map(ask => `${ask.sec} ${ask.name}`).sort(), ['0 a.example', '0 b.example', '5 c.example'])
  assert.deepEqual(
    b.updates.filter(u => u.kind === 'dropped'),
    [{ kind: 'dropped', name: 'a.example', atMs: START_MS + 5000 }],
  )
  await b.clock.advance(2000, settle)
  assert.deepEqual(b.asked.slice(3), [{ sec: 10, name: 'b.example' }])
  assert.equal(b.refresher.stats().names, 2)
  assert.equal(b.refresher.stats().resolved, 2)
  b.refresher.stop()
})

test('an answer for a name dropped meanwhile is not applied', async () => {
  let answerLate: (answer: Answer) => void = () => {}
  const late: Resolver = {
    label: 'late',
    questionsPerLookup: 2,
    resolve: () =>
      new Promise(done => {
        answerLate = done
      }),
  }
  const b = bench(() => undefined, { resolver: late })
  b.refresher.setNames(['a.example'])
  await b.clock.advance(100, settle)
  b.refresher.setNames([])
  await b.refresher.ready()
  answerLate(addresses(60, 1))
  await b.clock.advance(100_000, settle)
  assert.deepEqual(
    b.updates.map(u => u.kind),
    ['dropped'],
  )
  assert.equal(b.refresher.stats().inFlight, 0)
  assert.equal(b.refresher.stats().names, 0)
})

test('each name that does not resolve is a warning once', async () => {
  const outcomes: ReadonlyMap<string, (times: number) => Answer> = new Map<string, (times: number) => Answer>([
    ['fine.example', () => addresses(60, 1)],
    ['none.example', () => ({ kind: 'nxdomain' })],
    ['empty.example', () => ({ kind: 'nodata' })],
    ['dead.example', () => TIMEOUT],
    ['flaky.example', t => (t === 1 ? addresses(60, 1) : TIMEOUT)],
    ['gone.example', t => (t < 3 ? addresses(60, 1) : { kind: 'nxdomain' })],
  ])
  const b = bench((name, times) => outcomes.get(name)!(times))
  b.refresher.setNames([...outcomes.keys()])
  await b.clock.advance(1000, settle)
  assert.deepEqual(
    b.warnings.map(w => w.message),
    [
      'none.example does not resolve: the name does not exist',
      'empty.example does not resolve: the name has no address',
      'dead.example does not resolve: no answer in time',
    ],
  )
  await b.clock.advance(600_000, settle)
  assert.deepEqual(
    b.warnings.slice(3).map(w => w.message),
    ['gone.example does not resolve: the name does not exist'],
  )
  const stats = b.refresher.stats()
  assert.equal(stats.resolved, 2)
  assert.equal(stats.stale, 1)
  assert.equal(stats.unresolved, 4)
  assert.ok(stats.nxdomain > 2 && stats.nodata > 2 && stats.failures.timeout > 2)
  b.refresher.stop()
})

test('too many names are a warning, and the first of them are looked up', async () => {
  const b = bench(() => addresses(60, 1), { maxNames: 10 })
  b.refresher.setNames(names(25))
  await b.clock.advance(100, settle)
  assert.equal(b.asked.length, 10)
  assert.deepEqual(b.warnings, [
    { kind: 'too-many-names', count: 15, message: '25 names to look up are more than 10: 15 are not looked up' },
  ])
  b.refresher.stop()
})

test('a clock that is set changes nothing of when names are looked up, and answers have the time of the day', async () => {
  let setMs = 0
  let today = (): number => 0
  const { clock, asked, updates, refresher } = bench(() => addresses(undefined, 1), {
    random: () => 0.5,
    now: () => today() + setMs,
    steadyNow: () => today(),
  })
  today = clock.now
  refresher.setNames(['a.example'])
  await clock.advance(0)
  setMs = -3_600_000
  await clock.advance(10_000)
  setMs = 3_600_000
  await clock.advance(20_000)
  assert.deepEqual(
    asked.map(({ sec }) => sec),
    [0, 10, 30],
  )
  assert.deepEqual(
    updates.map(({ atMs }) => atMs - START_MS),
    [0, -3_590_000, 3_630_000],
  )
})
