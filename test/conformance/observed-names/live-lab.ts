import assert from 'node:assert/strict'
import { LiveLoop } from '../../../src/agent/live-loop.ts'
import type { LiveSource } from '../../../src/agent/live-source.ts'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { plainPlan } from '../../../src/agent/plain-plan.ts'
import { plainSetup } from '../../../src/agent/testdata/plain-setup.ts'
import { NdjsonParser } from '../../../src/events/ndjson/read-ndjson.ts'
import type { SourceSink } from '../../../src/events/source.ts'
import { eventSink } from '../../../src/events/testing.ts'
import { defaultAlertFormat } from '../../../src/outputs/format-alert.ts'
import type { RuleOrders, ToMain } from '../../../src/wire/agent-messages.ts'
import { Scene } from './scene.ts'

/** A live agent's worker whose events a test makes, and whose clocks it sets. */
export class LiveLab {
  readonly #queue: string[] = []
  readonly #alerts: string[] = []
  /** Alerts as they come: the generation of their rules, and which of these it is. */
  readonly origins: (readonly [generation: number, rule: number])[] = []
  readonly #waitForNameMs: number
  #generation = 0
  #onStats: () => void = () => {}
  #onRules: () => void = () => {}
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

  constructor(rulesText: string, options: { readonly waitForNameMs?: number } = {}) {
    this.#waitForNameMs = options.waitForNameMs ?? 0
    const observer = { dnsPorts: [53], trustedResolvers: [], hosts: '' }
    const worker = { ringBytes: 1 << 20, snaplen: 80, maxThreads: 1000, purgeIntervalSec: 3600, threadTimeoutSec: 3600 }
    this.#loop.receive({ kind: 'attach', worker: { ...worker, namesWaitMs: 0, savesNames: false, observer } })
    this.#loop.receive({ kind: 'start', rules: this.#ordersOf(rulesText) })
  }

  #ordersOf(text: string): RuleOrders {
    const { rules } = loadRules([{ path: 'rules.yaml', text }], {
      ruleSelection: [],
      minPriority: 7,
      staticFields: new Map(),
      domains: { strict: false, lists: [] },
    })
    return {
      ...plainSetup,
      generation: ++this.#generation,
      plan: plainPlan(rules.plan!),
      format: defaultAlertFormat,
      syscalls: new Set(),
      tracepoints: new Set(),
      waitForNameMs: this.#waitForNameMs,
      observesNames: true,
      listLimit: 1000,
      explainsNames: false,
    }
  }

  /** Other rules, until they are in force; the alerts of before. */
  async replaceRules(text: string): Promise<readonly string[]> {
    const inForce = new Promise<void>(resolve => (this.#onRules = resolve))
    this.#loop.receive({ kind: 'rules', rules: this.#ordersOf(text) })
    await inForce
    await this.pass(1)
    return this.#alerts.splice(0)
  }

  #nowMs(): number {
    return 1_777_888_800_000 + this.#passedMs + this.#setMs
  }

  #take(message: ToMain): void {
    if (message.kind === 'stats') this.#onStats()
    if (message.kind === 'rules-in-force') this.#onRules()
    if (message.kind !== 'alerts') return
    for (const index of message.rules) this.origins.push([message.generation, index])
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
