// Verdicts that wait for the name of an address, in a replay by the time of events.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { HeldCounters } from '../../../src/agent/held-events.ts'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { Pipeline } from '../../../src/agent/pipeline.ts'
import { NameIndex } from '../../../src/domains/name-index.ts'
import { NdjsonParser } from '../../../src/events/ndjson/read-ndjson.ts'
import { dnsBytes } from '../../../src/domains/testdata/dns-bytes.ts'
import { LiveLab } from './live-lab.ts'
import { CONNECTS, DNS_SERVER, type PlayOptions, play, rule, Scene } from './scene.ts'
import { plainSetup } from '../../../src/agent/testdata/plain-setup.ts'

const SHOP = rule('Shop', `${CONNECTS} and fd.sip.name = shop.example`)
const UNTRUSTED = rule('Untrusted', `${CONNECTS} and not fd.sip.name in (shop.example)`, '%fd.sip.name %fd.sip')
const UNKNOWN = rule('Unknown', `${CONNECTS} and fd.sip.name.unknown = true`, '%fd.sip')
const ANY = rule('Any', CONNECTS, '%fd.sip %fd.sip.name')

const waits = (text: string, ms: number): string => `${text}  wait_for_name_ms: ${ms}\n`

interface Case extends PlayOptions {
  readonly name: string
  readonly scene: (scene: Scene) => void
  readonly want: readonly string[]
  readonly waits?: Partial<HeldCounters>
}

/** Process 11 asks, connects to whatever address it has in mind, and is answered so many seconds later. */
function answeredLate(scene: Scene, seconds: number, name = 'shop.example', address = '192.0.2.1'): Scene {
  const { fd, local } = scene.process(11).open(11, DNS_SERVER)
  const question = [name, 'A'] as const
  scene.send(11, fd, dnsBytes({ id: 7, question }), { tuple: `${local}->${DNS_SERVER}` })
  scene.connect(11, address).wait(seconds)
  const answers = [{ name, type: 'A', data: address, ttl: 30 }] as const
  return scene.receive(11, fd, dnsBytes({ id: 7, isAnswer: true, question, answers }), {
    tuple: `${DNS_SERVER}->${local}`,
  })
}

const cases: readonly Case[] = [
  {
    name: 'without it, an answer 200 ms after the connect is too late',
    scene: s => answeredLate(s, 0.2),
    rules: SHOP + UNTRUSTED + UNKNOWN,
    want: ['Untrusted: <NA> 192.0.2.1', 'Unknown: 192.0.2.1'],
    waits: { held: 0 },
  },
  {
    name: 'with it, that answer decides, for allow-lists, for block-lists and for the state unknown',
    scene: s => answeredLate(s, 0.2),
    rules: SHOP + UNTRUSTED + UNKNOWN,
    waitForNameMs: 500,
    want: ['Shop: shop.example'],
    waits: { held: 1, named: 1, waiting: 0 },
  },
  {
    name: 'an answer that comes later than it waits is too late',
    scene: s => answeredLate(s, 0.6),
    rules: SHOP + UNTRUSTED,
    waitForNameMs: 500,
    want: ['Untrusted: <NA> 192.0.2.1'],
    waits: { held: 1, named: 0 },
  },
  {
    name: 'where no event comes any more, it is judged by what is known',
    scene: s => s.process(11).connect(11, '192.0.2.1'),
    rules: SHOP + UNTRUSTED,
    waitForNameMs: 500,
    want: ['Untrusted: <NA> 192.0.2.1'],
    waits: { held: 1, named: 0, waiting: 0 },
  },
  {
    name: 'what has a name does not wait',
    scene: s => s.process(11).dns(11, 'shop.example', ['192.0.2.1']).connect(11, '192.0.2.1'),
    rules: SHOP + UNTRUSTED,
    waitForNameMs: 500,
    want: ['Shop: shop.example'],
    waits: { held: 0 },
  },
  {
    name: 'one rule may wait where the others do not: the event waits as a whole',
    scene: s => answeredLate(s, 0.2),
    rules: waits(SHOP, 300) + ANY,
    want: ['Shop: shop.example', 'Any: 192.0.2.1 shop.example'],
    waits: { held: 1 },
  },
  {
    name: 'a rule may be in a hurry where the others wait',
    scene: s => answeredLate(s, 0.2),
    rules: waits(UNTRUSTED, 0),
    waitForNameMs: 500,
    want: ['Untrusted: <NA> 192.0.2.1'],
    waits: { held: 0 },
  },
  {
    name: 'the longest wait of the rules that ask counts',
    scene: s => answeredLate(s, 0.4),
    rules: waits(SHOP, 100) + waits(UNTRUSTED, 500),
    want: ['Shop: shop.example'],
    waits: { held: 1, named: 1 },
  },
  {
    name: 'a rule that asks for no name of the address, or of another event, does not wait',
    scene: s => answeredLate(s, 0.2),
    rules: waits(ANY, 500) + waits(rule('Accepts', 'evt.type = accept4 and fd.cip.name = shop.example'), 500),
    want: ['Any: 192.0.2.1 <NA>'],
    waits: { held: 0 },
  },
  {
    name: 'the answer to another process of the host counts for this one, if it has none of its own',
    scene: s => {
      s.process(12)
      s.process(11).connect(11, '192.0.2.1').wait(0.1)
      s.dns(12, 'shop.example', ['192.0.2.1'])
    },
    rules: SHOP + UNTRUSTED,
    waitForNameMs: 500,
    want: ['Shop: shop.example'],
    waits: { named: 1 },
  },
  {
    name: 'the answer to another container does not',
    scene: s => {
      s.process(12, { container: 'bbbbbbbbbbbb' })
      s.process(11).connect(11, '192.0.2.1').wait(0.1)
      s.dns(12, 'shop.example', ['192.0.2.1']).wait(1).connect(12, '192.0.2.1')
    },
    rules: SHOP + UNTRUSTED,
    waitForNameMs: 500,
    want: ['Untrusted: <NA> 192.0.2.1', 'Shop: shop.example'],
    waits: { held: 1, named: 0 },
  },
  {
    name: 'verdicts come in the order of their events, whichever answer comes first',
    scene: s => {
      s.process(11).connect(11, '192.0.2.1').connect(11, '192.0.2.2').connect(11, '192.0.2.3').wait(0.1)
      s.dns(11, 'two.example', ['192.0.2.2']).dns(11, 'three.example', ['192.0.2.3'])
      s.dns(11, 'one.example', ['192.0.2.1'])
    },
    rules: UNTRUSTED,
    waitForNameMs: 500,
    want: ['one.example 192.0.2.1', 'two.example 192.0.2.2', 'three.example 192.0.2.3'].map(t => `Untrusted: ${t}`),
    waits: { held: 3, named: 3 },
  },
  {
    name: 'the alert tells of the event as it was: its time, process, parent, descriptor and program',
    scene: s => {
      s.process(10, { comm: 'parent' }).process(11, { comm: 'before' })
      s.lines.push({ kind: 'process', tid: 12, pid: 12, ptid: 10, comm: 'child', exe: '/bin/child', args: ['-x'] })
      s.open(12, '192.0.2.1:443', { isTcp: true, fd: 7 })
      s.event(12, 'close', { res: 0, fd: 7 })
      s.open(12, '192.0.2.77:80', { isTcp: true, fd: 7 })
      s.event(12, 'procexit', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 })
      s.event(10, 'procexit', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 })
      s.wait(0.1).dns(11, 'shop.example', ['192.0.2.1'])
    },
    rules: rule(
      'Shop',
      `${CONNECTS} and fd.sip.name = shop.example`,
      '%evt.num %evt.type %proc.name %proc.cmdline %proc.pname %proc.aname[1] %proc.pid %fd.num %fd.name %fd.sport %fd.sip.name',
    ),
    waitForNameMs: 500,
    want: ['Shop: 2 connect child child -x parent parent 12 7 10.0.0.10:40000->192.0.2.1:443 443 shop.example'],
    waits: { held: 2 },
  },
  {
    name: 'a process that began after the answer was seen does not make it its own by waiting',
    scene: s => answeredLate(s.process(10), 0.1).fork(10, 20).connect(20, '192.0.2.9'),
    rules: UNTRUSTED,
    waitForNameMs: 500,
    want: ['Untrusted: <NA> 192.0.2.9'],
    waits: { held: 2, named: 1 },
  },
]

for (const c of cases) {
  test(`waiting for names: ${c.name}`, () => {
    const scene = new Scene()
    c.scene(scene)
    const outcome = play(scene, c)
    assert.deepEqual(outcome.alerts, c.want)
    for (const [key, value] of Object.entries(c.waits ?? {}))
      assert.equal(outcome.waits[key as keyof HeldCounters], value, key)
  })
}

const base = SHOP
const load = (text: string, strict = false): ReturnType<typeof loadRules>['rules'] =>
  loadRules([{ path: 'rules.yaml', text }], {
    ruleSelection: [],
    minPriority: 7,
    staticFields: new Map(),
    domains: { strict, lists: [] },
  }).rules

test('waiting for names: the key of a rule, replaced by a later item, and what is wrong with it', () => {
  const waitOf = (text: string): number | undefined => load(text).plan?.rules[0]?.waitForNameMs
  assert.equal(waitOf(base), undefined)
  assert.equal(waitOf(waits(base, 250)), 250)
  const override = '- rule: Shop\n  wait_for_name_ms: 0\n  override: {wait_for_name_ms: replace}\n'
  assert.equal(waitOf(waits(base, 250) + override), 0)
  const codesOf = (text: string, strict = false): readonly string[] =>
    load(text, strict).results.flatMap(result => result.findings.map(({ diagnostic }) => diagnostic.code))
  assert.deepEqual(codesOf(waits(base, 250)), [])
  assert.deepEqual(codesOf(`${base}  wait_for_name_ms: soon\n`), ['E0206'])
  assert.deepEqual(codesOf(waits(base, 250), true), ['E0111'])
  assert.deepEqual(codesOf(base + override, true), ['E0111'])
})

test('waiting for names: what finds no room is judged at once, and counted', () => {
  const scene = new Scene().process(11)
  for (let i = 0; i < 1100; i++) scene.connect(11, `192.0.${2 + (i >> 8)}.${i & 255}`)
  const { alerts, waits: counters } = play(scene, { rules: UNTRUSTED, waitForNameMs: 10_000 })
  assert.equal(alerts.length, 1100)
  assert.equal(new Set(alerts).size, 1100)
  assert.deepEqual(counters, { waiting: 0, held: 1024, named: 0, overflow: 76 })
  assert.equal(alerts[0], 'Untrusted: <NA> 192.0.6.0')
  assert.equal(alerts[76], 'Untrusted: <NA> 192.0.2.0')
})

test('waiting for names: every event is judged once, by the names known when its wait is over; oracle: each by itself', () => {
  const step = fc.record({
    kind: fc.constantFrom('connect' as const, 'answer' as const),
    pid: fc.constantFrom(11, 12),
    address: fc.integer({ min: 1, max: 4 }),
    afterMs: fc.integer({ min: 0, max: 150 }),
  })
  const WAIT_MS = 200
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), steps => {
      const scene = new Scene().process(11, { container: 'aaaaaaaaaaaa' }).process(12, { container: 'bbbbbbbbbbbb' })
      // An event takes a millisecond; of a look-up the fourth is the answer, of a connection the second the connect.
      let atMs = 0
      const answers: { readonly key: string; readonly atMs: number }[] = []
      const connects: { readonly key: string; readonly atMs: number }[] = []
      for (const { kind, pid, address, afterMs } of steps) {
        scene.wait(afterMs / 1000)
        atMs += afterMs
        const key = `${pid} 192.0.2.${address}`
        if (kind === 'answer') {
          scene.dns(pid, `n${pid}-${address}.example`, [`192.0.2.${address}`])
          answers.push({ key, atMs: atMs + 4 })
          atMs += 5
        } else {
          scene.connect(pid, `192.0.2.${address}`)
          connects.push({ key, atMs: atMs + 2 })
          atMs += 2
        }
      }
      const output = '%proc.pid %fd.sip %fd.sip.name'
      const text = rule('Untrusted', `${CONNECTS} and not fd.sip.name in (nobody.example)`, output)
      const { alerts, waits: counters } = play(scene, { rules: text, waitForNameMs: WAIT_MS })
      const want = connects.map(connect => {
        const isKnown = answers.some(({ key, atMs: at }) => key === connect.key && at <= connect.atMs + WAIT_MS)
        const [pid, ip] = connect.key.split(' ')
        return `Untrusted: ${connect.key} ${isKnown ? `n${pid}-${ip!.split('.')[3]}.example` : '<NA>'}`
      })
      // Those that need not wait overtake those that do.
      assert.deepEqual([...alerts].sort(), [...want].sort())
      assert.equal(counters.waiting, 0)
      assert.equal(counters.overflow, 0)
    }),
    { numRuns: 200 },
  )
})

test('waiting for names: new rules, and a world that begins anew, end the wait by the rules that were waited for', () => {
  const setupOf = (text: string) => {
    const { rules, fields } = loadRules([{ path: 'rules.yaml', text }], {
      ruleSelection: [],
      minPriority: 7,
      staticFields: new Map(),
      domains: { strict: false, lists: [] },
    })
    assert.ok(rules.plan !== undefined)
    const { plan } = rules
    return { plan, fields, ...plainSetup }
  }
  const alerts: string[] = []
  const pipeline = new Pipeline({
    ...setupOf(waits(UNTRUSTED, 1000)),
    names: new NameIndex(),
    onAlert: alert => alerts.push(`${alert.rule.name}: ${alert.text}`),
  })
  const scene = new Scene().process(11)
  const parser = new NdjsonParser(pipeline.sink)
  let told = 0
  const tell = (): void => {
    for (const line of scene.lines.slice(told)) parser.push(Buffer.from(`${JSON.stringify(line)}\n`))
    told = scene.lines.length
  }
  scene.connect(11, '192.0.2.1')
  tell()
  assert.deepEqual(alerts, [])
  assert.ok(pipeline.nextVerdictMs < Number.POSITIVE_INFINITY)
  pipeline.replaceRules(pipeline.link(setupOf(waits(UNKNOWN, 1000))))
  assert.deepEqual(alerts, ['Untrusted: <NA> 192.0.2.1'])
  scene.connect(11, '192.0.2.2')
  tell()
  assert.equal(alerts.length, 1)
  pipeline.sink.reset?.()
  assert.deepEqual(alerts.slice(1), ['Unknown: 192.0.2.2'])
  assert.equal(pipeline.nextVerdictMs, Number.POSITIVE_INFINITY)
})

test('live: a verdict that waits when the rules are replaced is given by the old ones, and told as theirs', async t => {
  const lab = new LiveLab(rule('Never', 'evt.type = kill') + UNTRUSTED, { waitForNameMs: 5000 })
  t.after(() => lab.stop())
  assert.deepEqual(await lab.happens(new Scene().fork(10, 11).connect(11, '192.0.2.1')), [])
  assert.deepEqual(await lab.replaceRules(ANY), ['<NA> 192.0.2.1'])
  assert.deepEqual(lab.origins, [[1, 1]])
})
