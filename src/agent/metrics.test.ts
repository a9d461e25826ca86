import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WorkerStats } from '../wire/agent-messages.ts'
import { labelName } from './exposition.ts'
import { loadConfig } from './load-config.ts'
import { type AgentFigures, renderMetrics, snapshotFields } from './metrics.ts'

const { metrics: config } = loadConfig({ env: {} }).config

const stats: WorkerStats = {
  source: {
    seen: 9,
    events: 90,
    lost: 10,
    lostByCause: new Map([
      ['ring_full', 8],
      ['too_large', 2],
    ]),
    perCpu: [
      { cpu: 0, events: 50, lost: 10 },
      { cpu: 1, events: 40, lost: 0 },
    ],
    pendingBytes: 5,
    ringBytes: 1024,
    others: new Map([['wakeups', 3]]),
  },
  events: 80,
  alerts: 4,
  droppedAlerts: 1,
  badEvents: 0,
  state: new Map([
    ['threads', 12],
    ['droppedThreads', 0],
  ]),
  names: new Map([['watched', 2]]),
  generation: 1,
  ruleCount: 2,
  cpuUs: 1_500_000,
  heapBytes: 1,
}

const figures: AgentFigures = {
  version: '0.1.0',
  falco: '0.44.0',
  hostname: 'a "host"\\',
  kernelRelease: '6.18.44',
  cpuCount: 2,
  bootTsNs: 1n,
  startTsNs: 1_000_000_000n,
  nowNs: 11_000_000_000n,
  reloadTsNs: 2n,
  reloads: 1,
  refusedReloads: 0,
  stats,
  nameLists: [{ name: 'threats', names: 12, refused: 3, leftOut: 0, loadedMs: 4_000, loads: 2, failures: 1 }],
  outputs: [
    { name: 'stdout', written: 3, dropped: 1, failed: 0, waiting: 0 },
    { name: 'http', written: 4, dropped: 0, failed: 2, waiting: 5 },
  ],
  rules: [
    { name: 'Read a file', priority: 4, source: 'syscall', tags: ['container', 'T1555'], matches: 3 },
    { name: 'Never', priority: 5, source: 'syscall', tags: [], matches: 0 },
  ],
  lookups: undefined,
  ruleFiles: [{ name: 'falco_rules.yaml', sha256: 'aa' }],
  configFiles: [],
  usage: {
    cpuRatio: 0.5,
    rssBytes: 3 * 1024 * 1024,
    vszBytes: undefined,
    openFds: 20,
    hostCpuRatio: undefined,
    hostMemoryUsedBytes: undefined,
    hostProcsRunning: 2,
    hostOpenFds: undefined,
  },
  health: 'ok',
}

test('the exposition is one that Prometheus takes: each name declared once, samples of a name together', () => {
  const seen = new Set<string>()
  let current = ''
  for (const line of renderMetrics(figures, config).trimEnd().split('\n')) {
    const declared = /^# (HELP|TYPE) ([a-z_:][a-z0-9_:]*) (.+)$/.exec(line)
    if (declared !== null) {
      const [, what, name, rest] = declared
      if (what === 'HELP') {
        assert.ok(!seen.has(name!), `${name} is declared twice`)
        seen.add(name!)
        current = name!
      } else assert.ok(name === current && (rest === 'counter' || rest === 'gauge'), line)
      continue
    }
    const sample =
      /^([a-z_:][a-z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? -?[0-9.e+]+$/.exec(line)
    assert.ok(sample !== null, `no sample: ${line}`)
    assert.equal(sample[1], current)
  }
  assert.ok(seen.size > 40)
})

const samples: readonly string[] = [
  'falcosecurity_falco_version_info{version="0.44.0"} 1',
  'falcosecurity_evt_hostname_info{hostname="a \\"host\\"\\\\"} 1',
  'falcosecurity_falco_sha256_rules_files_info{file_name="falco_rules.yaml",sha256="aa"} 1',
  'falcosecurity_falco_duration_seconds_total 10',
  'falcosecurity_falco_outputs_queue_num_drops_total 2',
  'falcosecurity_falco_rules_matches_total{priority="4",rule_name="Read a file",source="syscall",tag_T1555="true",tag_container="true"} 3',
  'falcosecurity_scap_n_evts_total 100',
  'falcosecurity_scap_n_drops_total 10',
  'falcosecurity_scap_n_drops_buffer_total 8',
  'falcosecurity_scap_n_evts_cpu_total{cpu="0"} 60',
  'falcosecurity_scap_n_threads_total 12',
  'tiercel_output_failed_total{output="http"} 2',
  'tiercel_worker_cpu_seconds_total 1.5',
]

for (const sample of samples) {
  test(`/metrics has ${sample.split('{')[0]}`, () => {
    assert.ok(renderMetrics(figures, config).split('\n').includes(sample), `no line ${sample}`)
  })
}

test('the snapshot has Falco’s keys, and rates since the one before', () => {
  const now = { ...figures, nowNs: 16_000_000_000n, stats: { ...stats, events: 580 } }
  const fields = new Map(snapshotFields(now, figures, config))
  assert.equal(fields.get('falco.num_evts'), 580)
  assert.equal(fields.get('falco.num_evts_prev'), 80)
  assert.equal(fields.get('falco.evts_rate_sec'), 100)
  assert.equal(fields.get('scap.n_drops'), 10)
  assert.equal(fields.get('scap.n_drops_perc'), 0)
  assert.equal(fields.get('scap.n_drops_buffer_total'), 8)
  assert.equal(fields.get('falco.memory_rss'), 3)
  assert.equal(fields.get('falco.sha256_rules_file.falco_rules'), 'aa')
  assert.equal(fields.has('falco.rules.Never'), false)
})

test('empty values are there when they are wanted, and groups only when they are on', () => {
  const all = new Map(snapshotFields(figures, undefined, { ...config, includeEmptyValues: true }))
  assert.equal(all.get('falco.rules.Never'), 0)
  const none = { ...config, rulesCounters: false, kernelEventCounters: false, stateCounters: false }
  const few = snapshotFields(figures, undefined, { ...none, resourceUtilization: false })
  assert.ok(few.every(([key]) => !/^(falco\.(rules|n_|cpu|memory)|scap\.n_)/.test(key)))
})

test('label names', () => {
  assert.equal(labelName('mitre-att.ck/x y'), 'mitre_att_ck_x_y')
  assert.equal(labelName('1st'), '_1st')
})
