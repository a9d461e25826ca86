// The clock of the day is set while names are known, or the machine sleeps: they hold as long as if nobody had, by the clock that goes on evenly.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LiveLoop } from '../../../src/agent/live-loop.ts'
import type { LiveSource } from '../../../src/agent/live-source.ts'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { plainPlan } from '../../../src/agent/plain-plan.ts'
import { plainSetup } from '../../../src/agent/testdata/plain-setup.ts'
import { NdjsonParser } from '../../../src/events/ndjson/read-ndjson.ts'
import type { SourceSink } from '../../../src/events/source.ts'
import { eventSink } from '../../../src/events/testing.ts'
import { defaultAlertFormat } from '../../../src/outputs/format-alert.ts'
import type { ToMain } from '../../../src/wire/agent-messages.ts'
import { CONNECTS, rule, Scene } from './scene.ts'

const HOUR_MS = 3_600_000
const SHARED = '192.0.2.1'

/** A live agent's worker whose events a test makes, and whose clocks it sets. */
class Lab {
  readonly #queue: string[] = []
  readonly #alerts: string[] = []
  #onStats: () => void = () => {}
  #passedMs = 0
  #setMs = 0

  readonly #loop: LiveLoop = new LiveLoop({
    module: { openLive: () => this.#source },
    post: message => this.#take(message),
    onEnd: () => {},
    now: () => this.#nowMs(),
    steadyNow: () => this.#passedMs,
  })

  readonly #source: LiveSource = {
    drain: take => {
      let count = 0
      const parser = new NdjsonParser(eventSink(record => take(record)))
      for (let line = this.#queue.shift(); line !== undefined; line = this.#queue.shift()) {
        parser.push(Buffer.from(line))
        count++
      }
      parser.end()
      assert.deepEqual(parser.summary().problems, [])
      return count
    },
    putBack: () => {},
    wait: timeoutMs => new Promise(resolve => setTimeout(resolve, Math.min(timeoutMs, 10))),
    cancelWait: () => {},
    backlogBytes: () => 0,
    counters: () => ({ events: 0, lost: 0 }),
    setWanted: () => {},
    tellWorld: (sink: SourceSink) => {
      sink.machine({ cpuCount: 1, memoryBytes: 1 << 30, hostname: 'lab', bootTsNs: 1n })
      const parser = new NdjsonParser(sink)
      for (const line of new Scene().process(10).lines) parser.push(Buffer.from(`${JSON.stringify(line)}\n`))
      parser.end()
      return [].values()
    },
    isAlive: () => true,
    close: () => {},
  }

  constructor(rulesText: string) {
    const { rules } = loadRules([{ path: 'rules.yaml', text: rulesText }], {
      ruleSelection: [],
      minPriority: 7,
      staticFields: new Map(),
      domains: { strict: false, lists: [] },
    })
    const observer = { dnsPorts: [53], trustedResolvers: [], hosts: '' }
    const worker = { ringBytes: 1 << 20, snaplen: 80, maxThreads: 1000, purgeIntervalSec: 3600, threadTimeoutSec: 3600 }
    this.#loop.receive({ kind: 'attach', worker: { ...worker, namesWaitMs: 0, savesNames: false, observer } })
    this.#loop.receive({
      kind: 'start',
      rules: {
        ...plainSetup,
        generation: 1,
        plan: plainPlan(rules.plan!),
        format: defaultAlertFormat,
        syscalls: new Set(),
        tracepoints: new Set(),
        waitForNameMs: 0,
        observesNames: true,
        listLimit: 1000,
        explainsNames: false,
      },
    })
  }

  #nowMs(): number {
    return 1_777_888_800_000 + this.#passedMs + this.#setMs
  }

  #take(message: ToMain): void {
    if (message.kind === 'stats') this.#onStats()
    if (message.kind !== 'alerts') return
    for (const line of message.lines) this.#alerts.push(line.trim().replace(/^\S+ \w+ /, ''))
  }

  /** Lets so much time pass, and then the clock be set; until the worker has noticed. */
  async pass(ms: number, setMs = 0): Promise<void> {
    this.#passedMs += ms
    this.#setMs += setMs
    await new Promise<void>(resolve => (this.#onStats = resolve))
  }

  /** What happens now, a microsecond each; the alerts of it once it is judged. */
  async happens(scene: Scene): Promise<readonly string[]> {
    for (const [i, line] of scene.lines.entries()) {
      const ts = BigInt(this.#nowMs()) * 1_000_000n + BigInt(i) * 1000n
      this.#queue.push(`${JSON.stringify({ ...line, ts: String(ts) })}\n`)
    }
    await this.pass(1)
    return this.#alerts.splice(0)
  }

  stop(): void {
    this.#loop.receive({ kind: 'stop' })
  }
}

const RULES = rule('Named', CONNECTS, '%proc.pid %fd.sip.name')
/** A socket that stays open would keep the name. */
const connects = (): Scene =>
  new Scene()
    .connect(11, SHARED)
    .event(11, 'close', { res: 0, fd: 7 })
    .connect(12, SHARED)
    .event(12, 'close', { res: 0, fd: 7 })
const own = ['11 shop.example', '12 pool.example']

const steps = [
  { name: 'hours forward', setMs: 6 * HOUR_MS },
  { name: 'days back', setMs: -72 * HOUR_MS },
] as const

// A step is noticed within a second: each waits for itself.
describe('clocks', { concurrency: true }, () => {
  for (const { name, setMs } of steps) {
    test(`the clock is set ${name}: each process keeps its own names, for as long as if it had not been`, async t => {
      const lab = new Lab(RULES)
      t.after(() => lab.stop())
      const begun = new Scene().fork(10, 11).fork(10, 12)
      await lab.happens(begun.dns(11, 'shop.example', [SHARED]).dns(12, 'pool.example', [SHARED]))
      assert.deepEqual(await lab.happens(connects()), own)
      await lab.pass(600_000, setMs)
      assert.deepEqual(await lab.happens(connects()), own, 'ten minutes later by the clock that goes on evenly')
      // TTL 30 s counts as 60, and the grace is 15 min.
      await lab.pass(358_500)
      assert.deepEqual(await lab.happens(connects()), own, 'a second before the end of the grace')
      await lab.pass(2000)
      assert.deepEqual(await lab.happens(connects()), ['11 <NA>', '12 <NA>'], 'a second after')
    })
  }

  test('the machine sleeps for a day: names hold for as long as it was awake', async t => {
    const lab = new Lab(RULES)
    t.after(() => lab.stop())
    await lab.happens(
      new Scene().fork(10, 11).fork(10, 12).dns(11, 'shop.example', [SHARED]).dns(12, 'pool.example', [SHARED]),
    )
    // The clock of the day goes on, the other one stands.
    await lab.pass(0, 24 * HOUR_MS)
    assert.deepEqual(await lab.happens(connects()), own)
    assert.deepEqual(await lab.happens(new Scene().dns(11, 'cafe.example', ['192.0.2.2']).connect(11, '192.0.2.2')), [
      '11 cafe.example',
    ])
  })
})
