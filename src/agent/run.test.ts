import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Answer, Resolver } from '../domains/resolver.ts'
import type { OutputMessage, OutputSink } from '../outputs/sinks/sink.ts'
import type { Config } from './config.ts'
import { loadConfig } from './load-config.ts'
import { loadRules } from './load-rules.ts'
import { type Agent, type AgentNews, type AgentOptions, type LiveSetup, startAgent } from './run.ts'
import { ringBytesOf } from './ring-bytes.ts'
import { startWorker } from './start-worker.ts'

/** How long anything may take here; the machine may be busy. */
const PATIENCE_MS = 120_000

const source = (query: string): string => new URL(`testdata/fake-live.ts?${query}`, import.meta.url).href

const rule = (name: string, condition: string, priority = 'WARNING'): string =>
  `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: '${name} %fd.name'\n  priority: ${priority}\n`

interface Alert {
  readonly rule: string
  readonly output: string
  readonly priority: string
  readonly output_fields: Readonly<Record<string, unknown>>
}

/** An agent on made-up events, with rules and configuration that tests write as text. */
interface Bench {
  agent: Agent
  readonly alerts: Alert[]
  readonly news: AgentNews[]
  rules: string
  config: readonly string[]
  /** Resolves when `isTrue` is; fails the test when that takes too long. */
  until(what: string, isTrue: () => boolean): Promise<void>
}

interface BenchOptions {
  readonly query?: string
  readonly rules?: string
  readonly config?: readonly string[]
  readonly files?: Partial<LiveSetup>
  readonly options?: Partial<AgentOptions>
}

async function openBench(t: TestContext, options: BenchOptions): Promise<Bench> {
  const alerts: Alert[] = []
  const news: AgentNews[] = []
  let failure: string | undefined
  const sink: OutputSink = {
    name: 'test',
    maxBatch: 1000,
    write: async (messages: readonly OutputMessage[]) => {
      for (const { line } of messages) alerts.push(JSON.parse(line) as Alert)
    },
    reopen: async () => {},
    close: async () => {},
    abort: () => {},
  }
  const bench = {
    alerts,
    news,
    rules: options.rules ?? rule('opened', 'evt.type = openat'),
    config: options.config ?? [],
    until: async (what: string, isTrue: () => boolean) => {
      const untilMs = performance.now() + PATIENCE_MS
      while (!isTrue()) {
        if (failure !== undefined) assert.fail(`${what}: the agent ended: ${failure}`)
        if (performance.now() > untilMs) assert.fail(`${what}: not within ${PATIENCE_MS} ms; news: ${stringify(news)}`)
        await new Promise(resolve => setTimeout(resolve, 5))
      }
    },
  }
  const load = (onConfig: (config: Config) => void): LiveSetup => {
    const { config, findings } = loadConfig({ env: {}, overrides: ['json_output=true', ...bench.config] })
    if (findings.some(f => f.severity === 'error')) throw new Error('the configuration has an error')
    onConfig(config)
    const { rules } = loadRules([{ path: 'r.yaml', text: bench.rules }], config)
    if (rules.plan === undefined) throw new Error('the rules have an error')
    return { config, plan: rules.plan, configFiles: [], ruleFiles: [], folders: [], ...options.files }
  }
  const agent = await startAgent({
    load,
    worker: startWorker(source(options.query ?? '')),
    versions: { tiercel: '0.0.0', falco: '0.44.0' },
    versionPage: { tiercel_version: '0.0.0' },
    onNews: one => news.push(one),
    openSinks: () => [sink],
    ...options.options,
  })
  void agent.ended.then(summary => {
    failure = summary.failure?.message
  })
  t.after(async () => {
    agent.stop()
    await agent.ended
  })
  return Object.assign(bench, { agent })
}

function stringify(value: unknown): string {
  return JSON.stringify(value, (_k, v: unknown) => (typeof v === 'bigint' ? String(v) : v))
}

test('the ring has about the size of Falco’s buffers together, and is a power of two', () => {
  const size = (bufSizePreset: number, cpusForEachBuffer: number, cpus: number): number =>
    ringBytesOf({ bufSizePreset, cpusForEachBuffer }, cpus) / 1024 / 1024
  assert.deepEqual(
    [size(4, 2, 2), size(4, 2, 8), size(4, 2, 12), size(5, 0, 64), size(10, 1, 64), size(1, 2, 2)],
    [16, 32, 64, 16, 256, 16],
  )
})

test('every event is judged, alerts come in order, and the summary counts them', async t => {
  const bench = await openBench(t, { query: 'rate=5000&total=3000' })
  await bench.until('3000 alerts', () => bench.alerts.length === 3000)
  bench.agent.stop()
  const { alerts, failure, stats, lostAlerts } = await bench.agent.ended
  assert.equal(failure, undefined)
  assert.equal(alerts.total, 3000)
  assert.equal(stats?.events, 3000)
  assert.equal(lostAlerts, 0)
  const names = bench.alerts.map(a => a.output_fields['fd.name'])
  assert.deepEqual(names.slice(0, 3), ['/tmp/f1', '/tmp/f2', '/tmp/f3'])
  assert.equal(new Set(names).size, 3000)
})

test('a source that cannot be opened ends the agent with its words', async t => {
  const bench = await openBench(t, { query: `refuse=${encodeURIComponent('CAP_BPF is missing')}` })
  const { failure } = await bench.agent.ended
  assert.deepEqual(failure, { kind: 'refused', message: 'CAP_BPF is missing', help: 'do something about it' })
})

test('rules with an error are refused at the start', async t => {
  await assert.rejects(openBench(t, { rules: rule('bad', 'evt.tpye = openat') }), /the rules have an error/)
})

test('a reload puts new rules in force, loses no event and forgets nothing', async t => {
  const bench = await openBench(t, { query: 'rate=1000', rules: rule('one', 'evt.type = openat') })
  await bench.until('alerts', () => bench.alerts.length > 500)
  for (const name of ['two', 'three', 'four']) {
    bench.rules = rule(name, 'evt.type = openat and proc.name = faker')
    bench.agent.reload('signal')
    await bench.until(`alerts of ${name}`, () => bench.alerts.at(-1)?.rule === name)
  }
  const count = bench.alerts.length
  await bench.until('more alerts', () => bench.alerts.length > count + 500)
  const names = bench.alerts.map(a => a.output_fields['fd.name'])
  assert.deepEqual(
    names,
    names.map((_, i) => `/tmp/f${i + 1}`),
  )
  assert.equal(bench.news.filter(n => n.kind === 'reloaded').length, 3)
})

test('the calls that are told to be watched are those of the rules that are on', async t => {
  const rules = rule('one', 'evt.type = openat')
  const callsOf = async (text: string): Promise<number | undefined> => {
    const bench = await openBench(t, { rules: text })
    await bench.until('detecting', () => bench.news.some(n => n.kind === 'detecting'))
    return bench.news.flatMap(n => (n.kind === 'detecting' ? [n.syscalls] : []))[0]
  }
  const off = rule('two', 'evt.type in (mkdir, rmdir, umount2)')
  assert.equal(await callsOf(`${rules}${off}  enabled: false\n`), await callsOf(rules))
})

test('a reload in the middle of the start counts', async t => {
  const bench = await openBench(t, { query: 'rate=500', rules: rule('one', 'evt.type = openat') })
  bench.rules = rule('two', 'evt.type = openat')
  bench.agent.reload('signal')
  await bench.until('alerts of the new rule', () => bench.alerts.at(-1)?.rule === 'two')
})

test('while rules that need a call are not in force it is not traced, and from then on it is', async t => {
  const custom = ['base_syscalls.custom_set[]=execve']
  const bench = await openBench(t, { query: 'rate=2000', rules: rule('none', 'evt.type = mkdir'), config: custom })
  await bench.until('detecting', () => bench.news.some(n => n.kind === 'detecting'))
  await bench.until('the first figures', () => bench.agent.figures().stats !== undefined)
  assert.equal(bench.agent.figures().stats?.source.events, 0)
  bench.rules = rule('opened', 'evt.type = openat')
  bench.agent.reload('signal')
  await bench.until('alerts', () => bench.alerts.length > 0)
})

test('a reload with an error keeps the old rules, says so, and alerts', async t => {
  const bench = await openBench(t, { query: 'rate=500' })
  await bench.until('alerts', () => bench.alerts.length > 0)
  bench.rules = rule('bad', 'evt.tpye = openat')
  bench.agent.reload('signal')
  await bench.until('the news', () => bench.news.some(n => n.kind === 'reload-refused'))
  await bench.until('the alert', () => bench.alerts.some(a => a.rule === 'Falco internal: hot restart failure'))
  const before = bench.alerts.length
  await bench.until('more alerts', () => bench.alerts.length > before + 10)
  assert.equal(bench.alerts.at(-1)?.rule, 'opened')
})

test('a changed configuration counts after a reload; one with an error does not; what needs a restart is said', async t => {
  const bench = await openBench(t, { query: 'rate=500' })
  const reloads = (): number => bench.news.filter(n => n.kind === 'reloaded').length
  await bench.until('alerts', () => bench.alerts.length > 0)
  bench.config = ['priority=nonsense']
  bench.agent.reload('signal')
  await bench.until('the refusal', () => bench.news.some(n => n.kind === 'reload-refused'))
  const before = bench.alerts.length
  await bench.until('alerts as before', () => bench.alerts.length > before + 5)

  bench.config = ['priority=critical', 'falco_libs.snaplen=500', 'webserver.enabled=true', 'webserver.listen_port=0']
  bench.agent.reload('signal')
  await bench.until('the reload', () => reloads() === 1)
  const events = (): number => bench.agent.figures().stats?.events ?? 0
  await bench.until('the page', () => bench.agent.webPort !== undefined)
  await bench.until('health', () => bench.agent.health === 'ok')
  const page = await fetch(`http://127.0.0.1:${bench.agent.webPort}/healthz`, { headers: { connection: 'close' } })
  assert.equal(page.status, 200)
  const [restart] = bench.news.filter(n => n.kind === 'needs-restart')
  assert.deepEqual(restart?.keys, ['falco_libs'])
  const more = async (): Promise<number> => {
    const before = events()
    await bench.until('more events', () => events() > before + 300)
    return bench.alerts.length
  }
  // Those that were on their way count as the old ones.
  const alertsThen = await more()
  assert.equal(await more(), alertsThen, 'alerts below the priority')

  bench.config = []
  bench.agent.reload('signal')
  await bench.until('the second reload', () => reloads() === 2)
  const after = bench.alerts.length
  await bench.until('alerts again', () => bench.alerts.length > after)
})

test('events are judged before the last process of a large world is told, and it is looked up', async t => {
  const bench = await openBench(t, {
    query: 'rate=200&world=2500',
    rules: rule('opened', 'evt.type = openat and proc.name = faker'),
  })
  await bench.until('an alert', () => bench.alerts.length > 0)
  assert.equal(
    bench.news.some(n => n.kind === 'attached'),
    false,
  )
  await bench.until('all of the world', () => bench.news.some(n => n.kind === 'attached'))
  await bench.until('figures', () => bench.agent.figures().stats !== undefined)
  assert.equal(bench.agent.figures().stats?.state.get('lookedUpThreads'), 1)
})

test('a changed rule file is loaded by itself', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-run-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'rules.yaml')
  writeFileSync(file, 'first')
  const bench = await openBench(t, { query: 'rate=500', files: { ruleFiles: [file] } })
  await bench.until('alerts', () => bench.alerts.length > 0)
  bench.rules = rule('changed', 'evt.type = openat')
  writeFileSync(file, 'second, longer')
  await bench.until('alerts of the new rule', () => bench.alerts.at(-1)?.rule === 'changed')
  assert.deepEqual(
    bench.news.filter(n => n.kind === 'reloaded').map(n => n.reason),
    ['files'],
  )
})

test('a thread whose end was missed is taken out in time', async t => {
  const keys = ['thread_table_auto_purging_interval_s=1', 'thread_table_auto_purging_thread_timeout_s=1']
  const bench = await openBench(t, { query: 'rate=100', config: keys.map(key => `falco_libs.${key}`) })
  // When a thread was last seen is kept in units of 4.3 s.
  await bench.until('a purge', () => bench.agent.figures().stats?.state.get('purgedThreads') === 1)
  assert.equal(bench.agent.figures().stats?.state.get('threads'), 1)
})

test('lost events are alerted, once, and at a priority that is seen', async t => {
  const bench = await openBench(t, { query: 'rate=1000&lost=50' })
  await bench.until('the alert', () => bench.alerts.some(a => a.rule === 'Falco internal: syscall event drop'))
  const alert = bench.alerts.find(a => a.rule === 'Falco internal: syscall event drop')
  assert.equal(alert?.priority, 'Critical')
  assert.match(String(alert?.output_fields['n_drops']), /^\d+$/)
  assert.ok(bench.news.some(n => n.kind === 'events-lost'))
})

test('with the action `exit` lost events end the agent', async t => {
  const config = ['syscall_event_drops.actions[]=exit', 'syscall_event_drops.threshold=0']
  const bench = await openBench(t, { query: 'rate=1000&lost=50', config })
  const { failure } = await bench.agent.ended
  assert.match(failure?.message ?? '', /events were lost/)
})

test('health fails when events wait and are not taken, and when the worker hangs', async t => {
  const healthLimits = { silenceMs: 1_500, stallMs: 1_500, blindMs: 10_000, startMs: 30_000 }
  const options = { healthLimits, stopTimeoutMs: 300 }
  const [stalled, hanging] = await Promise.all([
    openBench(t, { query: 'rate=1000&stall=5', options }),
    openBench(t, { query: 'rate=1000&hang=5', options }),
  ])
  await stalled.until('a stall', () => stalled.agent.health.startsWith('no event has been taken'))
  const isBlind = (a: Alert): boolean => a.rule === 'Falco internal: timeouts notification'
  await stalled.until('an alert about it', () => stalled.alerts.some(isBlind))
  const first = stalled.agent.health
  await stalled.until('more of the same', () => ![first, 'ok'].includes(stalled.agent.health))
  await stalled.until('still more', () => / for [4-9] s/.test(stalled.agent.health))
  assert.equal(stalled.news.filter(n => n.kind === 'unhealthy').length, 1)
  assert.equal(stalled.alerts.filter(isBlind).length, 1)
  await hanging.until('a hang', () => hanging.agent.health.startsWith('the thread that judges events'))
  hanging.agent.stop()
  await hanging.agent.ended
})

test('an event that trips over a bug is told and counted, and the next ones are judged', async t => {
  const bench = await openBench(t, { query: 'rate=2000&total=100&throw=10' })
  await bench.until('the others', () => bench.alerts.filter(a => a.rule === 'opened').length === 99)
  bench.agent.stop()
  const { stats } = await bench.agent.ended
  assert.equal(stats?.badEvents, 1)
  assert.ok(bench.news.some(n => n.kind === 'trouble' && n.message.includes('could not be judged')))
})

test('names are looked up before the first event is judged', async t => {
  const answers: string[] = []
  const resolver: Resolver = {
    label: 'test',
    questionsPerLookup: 1,
    resolve: async (name): Promise<Answer> => {
      answers.push(name)
      await new Promise(resolve => setTimeout(resolve, 50))
      return { kind: 'addresses', addresses: [{ ip: 0x0a000001, ttlSec: 60 }], chain: [], cut: 0 }
    },
  }
  const bench = await openBench(t, {
    query: 'rate=500',
    rules: rule('opened', 'evt.type = openat and not fd.sip.name = shop.example'),
    options: { resolver },
  })
  await bench.until('alerts', () => bench.alerts.length > 0)
  assert.deepEqual(answers, ['shop.example'])
  const lookups = bench.agent.figures().lookups
  assert.equal(lookups?.resolved, 1)
})

test('events that no rule about names looks at do not wait for names', async t => {
  let answer: () => void = () => {}
  const answered = new Promise<void>(resolve => (answer = resolve))
  const resolver: Resolver = {
    label: 'test',
    questionsPerLookup: 1,
    resolve: async (): Promise<Answer> => {
      await answered
      return { kind: 'addresses', addresses: [{ ip: 0x0a000001, ttlSec: 60 }], chain: [], cut: 0 }
    },
  }
  const bench = await openBench(t, {
    query: 'rate=500',
    rules:
      rule('opened', 'evt.type = openat') + rule('connected', 'evt.type = connect and not fd.sip.name = shop.example'),
    options: { resolver },
  })
  await bench.until('alerts', () => bench.alerts.length > 0)
  assert.equal(bench.agent.figures().lookups?.resolved ?? 0, 0)
  answer()
})

test('a configured list is known before the first event is judged, and again when its file changes', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-list-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'threats.txt')
  writeFileSync(file, 'a.example\nb.example\n')
  const bench = await openBench(t, {
    query: 'rate=500',
    rules: rule('opened', 'evt.type = openat and not fd.sip.name in (threats)'),
    config: [
      `domains.lists[]={name: threats, file: ${file}}`,
      `domains.lists[]={name: unused, file: ${file}}`,
      'metrics.enabled=true',
    ],
  })
  const listed = (): number | undefined => bench.agent.figures().stats?.names.get('listed')
  await bench.until('alerts', () => bench.alerts.length > 0)
  const kinds = bench.news.map(n => (n.kind === 'list' ? `${n.news.kind} ${n.news.name}` : n.kind))
  assert.deepEqual(
    kinds.filter(kind => kind === 'detecting' || kind.includes(' ')),
    ['loaded threats', 'detecting'],
  )
  await bench.until('two names', () => listed() === 2)
  writeFileSync(file, 'a.example\nb.example\nc.example\n')
  await bench.until('three names', () => listed() === 3)
  rmSync(file)
  await bench.until('a failure', () => bench.news.some(n => n.kind === 'list' && n.news.kind === 'failed'))
  const before = bench.alerts.length
  await bench.until('more alerts', () => bench.alerts.length > before + 100)
  assert.equal(listed(), 3)
  assert.partialDeepStrictEqual(bench.agent.figures().nameLists, [{ name: 'threats', names: 3, failures: 1 }])
})

test('pages: health, versions, metrics; hostile requests get nothing', async t => {
  const config = [
    'webserver.enabled=true',
    'webserver.listen_port=0',
    'webserver.listen_address=127.0.0.1',
    'webserver.prometheus_metrics_enabled=true',
    'metrics.enabled=true',
  ]
  const bench = await openBench(t, { query: 'rate=500&total=200', config })
  await bench.until('alerts', () => bench.alerts.length === 200)
  await bench.until('figures', () => (bench.agent.figures().stats?.events ?? 0) === 200)
  const url = `http://127.0.0.1:${bench.agent.webPort}`
  const get = async (path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> => {
    const response = await fetch(url + path, { ...init, headers: { connection: 'close' } })
    return { status: response.status, text: await response.text() }
  }
  assert.deepEqual(await get('/healthz'), { status: 200, text: '{"status": "ok"}' })
  assert.deepEqual(await get('/versions'), { status: 200, text: '{"tiercel_version":"0.0.0"}' })
  const metrics = await get('/metrics')
  assert.match(
    metrics.text,
    /^falcosecurity_falco_rules_matches_total\{priority="4",rule_name="opened",source="syscall"\} 200$/m,
  )
  assert.match(metrics.text, /^falcosecurity_scap_n_evts_total 200$/m)
  assert.match(metrics.text, /^falcosecurity_scap_n_drops_buffer_total 0$/m)
  assert.equal((await get('/')).status, 404)
  assert.equal((await get('/../../etc/passwd')).status, 404)
  assert.equal((await get('/healthz', { method: 'POST', body: 'x'.repeat(100_000) })).status, 405)
  const long = await get(`/${'a'.repeat(20_000)}`)
  assert.ok(long.status === 431 || long.status === 400)
})

test('the metrics snapshot is an alert and a line of a file', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-metrics-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'metrics.jsonl')
  const config = [
    'metrics.enabled=true',
    'metrics.interval=200ms',
    'metrics.output_rule=true',
    `metrics.output_file=${file}`,
  ]
  const bench = await openBench(t, { query: 'rate=500', config })
  const isSnapshot = (a: Alert): boolean => a.rule === 'Falco internal: metrics snapshot'
  await bench.until('snapshots', () => bench.alerts.filter(isSnapshot).length >= 8)
  const countOf = (alert: Alert | undefined): number => (alert?.output_fields['falco.num_evts'] as number) ?? 0
  await bench.until('events', () => countOf(bench.alerts.findLast(isSnapshot)) > 0)
  const fields = bench.alerts.findLast(isSnapshot)!.output_fields
  assert.ok((fields['falco.num_evts'] as number) > 0)
  assert.equal(fields['scap.engine_name'], 'modern_bpf')
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  const samples = lines.map(line => (JSON.parse(line) as { sample: number }).sample)
  assert.deepEqual(
    samples,
    samples.map((_, i) => i + 1),
  )
})

test('stops after so many alerts', async t => {
  const bench = await openBench(t, { query: 'rate=2000', options: { maxAlerts: 7 } })
  const { alerts } = await bench.agent.ended
  assert.equal(alerts.total, 7)
  assert.equal(bench.alerts.length, 7)
})
