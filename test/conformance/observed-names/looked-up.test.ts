// The agent's own look-ups as a recording has them, judged in a replay: refresh, failure, rotation, and what several names of an address mean.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindingFact } from '../../../src/domains/binding.ts'
import { renderBinding } from '../../../src/domains/bindings-file.ts'
import type { NameUpdate } from '../../../src/domains/name-update.ts'
import { renderUpdate } from '../../../src/domains/names-event.ts'
import { parseIp } from '../../../src/values/ip.ts'
import { CONNECTS, type PlayOptions, play, rule, Scene } from './scene.ts'

const START_MS = 1_777_888_800_000
const GRACE_SEC = 900

/** A scene with what the recorder knew; times are seconds after the start, the scene's own. */
class Recording extends Scene {
  #sec = 0

  override wait(seconds: number): this {
    this.#sec += seconds
    return super.wait(seconds)
  }

  /** To a time after the start, whatever happened so far. */
  at(seconds: number): this {
    // An event takes a millisecond; what happens at a second happens some of them later.
    return this.wait(seconds - this.#sec)
  }

  news(item: NameUpdate | BindingFact): this {
    const line = 'kind' in item ? renderUpdate(item) : renderBinding(item)
    const data = { base64: Buffer.from(`${line}\n`).toString('base64') }
    return this.event(-1, 'asyncevent', { plugin_id: 0, name: 'tiercel_names', data })
  }

  answer(name: string, addresses: readonly string[], ttlSec = 30, chain: readonly string[] = []): this {
    const found = addresses.map(text => ({ ip: parseIp(text)!, ttlSec }))
    return this.news({ kind: 'addresses', name, atMs: this.#ms, resolver: 'dns', addresses: found, chain, cut: 0 })
  }

  outcome(kind: 'nxdomain' | 'nodata' | 'dropped', name: string): this {
    return this.news({ kind, name, atMs: this.#ms })
  }

  fails(name: string): this {
    return this.news({ kind: 'failed', name, atMs: this.#ms, reason: 'servfail' })
  }

  get #ms(): number {
    return START_MS + this.#sec * 1000
  }
}

interface Case extends PlayOptions {
  readonly name: string
  readonly scene: (scene: Recording) => void
  readonly want: readonly string[]
}

const SHOP = rule('Shop', `${CONNECTS} and fd.sip.name = shop.example`, '%fd.sip %fd.sip.name %fd.sip.name.stale')
const POOL = rule('Pool', `${CONNECTS} and fd.sip.name = pool.example`, '%fd.sip %fd.sip.name')
const UNKNOWN = rule('Unknown', `${CONNECTS} and fd.sip.name.unknown = true`, '%fd.sip')

const cases: readonly Case[] = [
  {
    name: 'a failed refresh keeps the last good addresses, and marks them stale, for as long as it lasts',
    scene: s =>
      s
        .process(11)
        .answer('shop.example', ['192.0.2.1'])
        .at(10)
        .fails('shop.example')
        .at(86_400)
        .connect(11, '192.0.2.1'),
    rules: SHOP + UNKNOWN,
    want: ['Shop: 192.0.2.1 shop.example true'],
  },
  {
    name: 'the next answer makes them fresh again',
    scene: s =>
      s
        .process(11)
        .answer('shop.example', ['192.0.2.1'])
        .at(10)
        .fails('shop.example')
        .at(20)
        .answer('shop.example', ['192.0.2.1'])
        .connect(11, '192.0.2.1'),
    rules: SHOP + UNKNOWN,
    want: ['Shop: 192.0.2.1 shop.example false'],
  },
  {
    name: 'NXDOMAIN after success ends the name after the grace, not before',
    scene: s =>
      s
        .process(11)
        .answer('shop.example', ['192.0.2.1'])
        .at(10)
        .outcome('nxdomain', 'shop.example')
        .at(10 + GRACE_SEC - 1)
        .connect(11, '192.0.2.1')
        .event(11, 'close', { res: 0, fd: 7 })
        .at(10 + GRACE_SEC + 1)
        .connect(11, '192.0.2.1'),
    rules: SHOP + UNKNOWN,
    want: ['Shop: 192.0.2.1 shop.example false', 'Unknown: 192.0.2.1'],
  },
  {
    name: 'an address that left the answer: at its TTL, a second before the end of the grace, a second after',
    scene: s => {
      s.process(11)
        .answer('shop.example', ['192.0.2.1', '192.0.2.2'], 300)
        .at(10)
        .answer('shop.example', ['192.0.2.2'], 300)
      for (const sec of [10 + 300, 10 + 300 + GRACE_SEC - 1, 10 + 300 + GRACE_SEC + 1])
        s.at(sec).connect(11, '192.0.2.1').event(11, 'close', { res: 0, fd: 7 })
      s.connect(11, '192.0.2.2')
    },
    rules: SHOP + UNKNOWN,
    want: [
      'Shop: 192.0.2.1 shop.example false',
      'Shop: 192.0.2.1 shop.example false',
      'Unknown: 192.0.2.1',
      'Shop: 192.0.2.2 shop.example false',
    ],
  },
  {
    name: 'a live connection keeps the name of its address, whatever the answers say by then',
    scene: s =>
      s
        .process(11)
        .answer('shop.example', ['192.0.2.1'])
        .connect(11, '192.0.2.1')
        .at(10)
        .answer('shop.example', ['192.0.2.2'])
        .at(10_000)
        .process(12)
        .connect(12, '192.0.2.1'),
    rules: SHOP + UNKNOWN,
    want: ['Shop: 192.0.2.1 shop.example false', 'Shop: 192.0.2.1 shop.example false'],
  },
  ...(['shop', 'pool'] as const).map(
    (first): Case => ({
      name: `two names in two rules share an address, ${first} looked up first: both match, and the process that looked one up is judged by its own`,
      scene: s => {
        const names = first === 'shop' ? ['shop.example', 'pool.example'] : ['pool.example', 'shop.example']
        for (const name of names) s.answer(name, ['192.0.2.1'])
        s.process(11).process(12).connect(11, '192.0.2.1')
        s.dns(12, 'pool.example', ['192.0.2.1']).connect(12, '192.0.2.1')
      },
      rules: SHOP + POOL,
      want: ['Shop: 192.0.2.1 shop.example false', 'Pool: 192.0.2.1 pool.example', 'Pool: 192.0.2.1 pool.example'],
    }),
  ),
  {
    name: 'the names of a chain that was looked up: a rule at each level',
    scene: s =>
      s
        .process(11)
        .answer('www.shop.example', ['192.0.2.9'], 30, ['shop.cdn.example', 'edge7.cdn.example'])
        .connect(11, '192.0.2.9'),
    rules: ['www.shop.example', 'shop.cdn.example', 'edge7.cdn.example']
      .map((name, i) => rule(`Level ${i}`, `${CONNECTS} and fd.sip.name = ${name}`))
      .join(''),
    want: ['Level 0: www.shop.example', 'Level 1: shop.cdn.example', 'Level 2: edge7.cdn.example'],
  },
  {
    name: 'what a process looked up before the recording began is its own in it',
    scene: s =>
      s
        .news({
          name: 'shop.example',
          ip: parseIp('192.0.2.1')!,
          evidence: 'observed',
          owner: { pid: 11 },
          fromMs: START_MS - 100_000,
          untilMs: START_MS + 800_000,
          ttlSec: 30,
          resolver: '10.0.0.2',
        })
        .answer('pool.example', ['192.0.2.1'])
        .process(11)
        .process(12, { container: 'bbbbbbbbbbbb' })
        .connect(11, '192.0.2.1')
        .connect(11, '192.0.2.2'),
    rules: SHOP + POOL + UNKNOWN,
    want: ['Shop: 192.0.2.1 shop.example false', 'Unknown: 192.0.2.2'],
  },
]

for (const c of cases) {
  test(`names looked up: ${c.name}`, () => {
    const scene = new Recording()
    c.scene(scene)
    assert.deepEqual(play(scene, c).alerts, c.want)
  })
}

// Process 11 looked two names up for one address; 12 looked up one of them; 13 none. The agent looked a third name up for it.
const OPERATORS: readonly (readonly [condition: string, ...matches: (11 | 12 | 13)[]])[] = [
  ['fd.sip.name = one.example', 11, 12],
  ['fd.sip.name = two.example', 11],
  ['fd.sip.name = agent.example', 13],
  ['fd.sip.name != one.example', 13],
  ['fd.sip.name != two.example', 12, 13],
  ['fd.sip.name != agent.example', 11, 12],
  ['not fd.sip.name = one.example', 13],
  ['not fd.sip.name != one.example', 11, 12],
  ['fd.sip.name in (two.example, agent.example)', 11, 13],
  ['not fd.sip.name in (two.example, agent.example)', 12],
  ['fd.sip.name in (nobody.example)'],
  ['not fd.sip.name in (nobody.example)', 11, 12, 13],
  ['fd.sip.name = "*.example"', 11, 12, 13],
  ['fd.sip.name = "*.one.example"'],
  ['fd.sip.name endswith .example', 11, 12, 13],
  ['fd.sip.name startswith two', 11],
  ['not fd.sip.name startswith two', 12, 13],
  ['fd.sip.name contains e.ex', 11, 12],
  ['fd.sip.name exists', 11, 12, 13],
  ['fd.sip.name.unknown = true'],
  ['fd.sip.name.unknown = false', 11, 12, 13],
  ['fd.sip.name.shared = true', 11],
  ['fd.sip.name.shared = false', 12, 13],
  ['fd.sip.name.source = observed', 11, 12],
  ['fd.sip.name.source = resolved', 13],
  ['fd.sip.name.stale = true', 13],
  ['fd.sip.name.stale = false', 11, 12],
]

for (const [condition, ...matches] of OPERATORS) {
  test(`names looked up: \`${condition}\` where an address has several`, () => {
    const scene = new Recording().answer('agent.example', ['192.0.2.1']).fails('agent.example')
    for (const pid of [11, 12, 13]) scene.process(pid, { container: `${pid}`.padEnd(12, 'c') })
    scene.dns(11, 'one.example', ['192.0.2.1']).dns(11, 'two.example', ['192.0.2.1'])
    scene.dns(12, 'one.example', ['192.0.2.1'])
    for (const pid of [11, 12, 13]) scene.connect(pid, '192.0.2.1')
    const { alerts } = play(scene, { rules: rule('R', `${CONNECTS} and ${condition}`, '%proc.pid') })
    assert.deepEqual(
      alerts,
      matches.map(pid => `R: ${pid}`),
    )
  })
}
