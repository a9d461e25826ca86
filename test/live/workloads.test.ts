/*
 * The workloads that the captures beside the project were recorded from with Falco's driver, run again on this machine under Tiercel's probe:
 * the same events, the alerts of the goldens, and a recording that replays with the alerts of the live run.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { allEvents } from '../../src/agent/base-syscalls.ts'
import { Pipeline } from '../../src/agent/pipeline.ts'
import { pumpLive } from '../../src/agent/pump-live.ts'
import { CaptureRecorder } from '../../src/agent/record-capture.ts'
import { tee } from '../../src/agent/testdata/tee-sink.ts'
import { NameIndex } from '../../src/domains/name-index.ts'
import { eventLookup } from '../../src/events/event-lookup.ts'
import { liveSkipReason } from '../../src/events/live/testing.ts'
import type { SourceSink } from '../../src/events/source.ts'
import { fieldLookup } from '../../src/fields/catalogue.ts'
import { AlertRenderer, defaultAlertFormat } from '../../src/outputs/format-alert.ts'
import { compileRules } from '../../src/rules/compile-rules.ts'
import { readGolden } from '../golden/compare-alerts.ts'
import { compareRuns, type RunDifference } from './compare-runs.ts'
import { type KnownDifference, knownDifferences } from './known-differences.ts'
import { FALCO_ORDER, readAsLibscap } from './libscap-reader.ts'
import { isOrdered, normaliseEvent } from './normalise-event.ts'
import { readRun, type RunThread } from './recorded-run.ts'
import { prepareWorkloads, workloadsSkipReason } from './run-workloads.ts'

const captures = new URL('../../../shared/data/captures/', import.meta.url)
const rulesFolder = new URL('../../../shared/data/falco/rules/', import.meta.url)
const NAMES = ['net', 'sec', 'mixed', 'ctr']
const RULES = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml'].map(name =>
  fileURLToPath(new URL(name, rulesFolder)),
)
const skip = liveSkipReason() || workloadsSkipReason(fileURLToPath(new URL('workloads', captures)))

/** Others may flood the machine, and what is lost then is not the workloads'. */
const ATTEMPTS = 3

interface SeenAlert {
  readonly tid: number
  readonly line: string
}

describe('the recorded workloads, live', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-workloads-'))
  const capture = join(folder, 'live.scap')
  /** Of a pipeline that got the very events that were recorded. */
  let judged: readonly SeenAlert[] = []
  /** Of `tiercel run` beside it, which has only the calls told that the rules and the state need. */
  let told: readonly SeenAlert[] = []
  const runs = new Map<string, { readonly want: RunThread; readonly got: RunThread }>()

  before(async () => {
    for (let attempt = 1; ; attempt++) {
      const lab = await prepareWorkloads(fileURLToPath(new URL('workloads', captures)), NAMES)
      const agent = await startAgent()
      try {
        const { alerts, lost } = await recordAndJudge(capture, () => lab.run())
        judged = alerts
        told = await agent.stop()
        if (lost === 0 && agent.lost() === 0) break
        assert.ok(attempt < ATTEMPTS, `${lost} events were lost by the recorder, ${agent.lost()} by the agent`)
      } finally {
        await agent.stop()
        await lab.end()
      }
    }
    for (const name of NAMES) {
      const want = await readRun(fileURLToPath(new URL(`${name}.scap`, captures)), name)
      runs.set(name, { want, got: await readRun(capture, name) })
    }
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const used = new Set<KnownDifference>()
  for (const name of NAMES) {
    test(`${name}: the events are those of Falco's driver`, () => {
      const { want, got } = runs.get(name)!
      const differences = compareRuns(want, got, { normalise: normaliseEvent, isOrdered })
      const taken = new Map<KnownDifference, number>()
      const rest = differences.filter(difference => !isKnown(name, difference, taken))
      for (const known of taken.keys()) used.add(known)
      assert.equal(rest.length, 0, `${rest.length} differences\n${summarise(rest)}`)
    })
  }

  test('every listed difference of the driver still shows', () => {
    const gone = knownDifferences.filter(known => known.kind === 'always' && !used.has(known))
    assert.deepEqual(
      gone.map(known => known.reason),
      [],
      'these differences are no more: take them off the list',
    )
  })

  for (const name of NAMES) {
    test(`${name}: Falco's rules raise the alerts of the golden`, () => {
      const want = readGolden(new URL(`golden/${name}.all.jsonl.gz`, captures))
        .map(alertText)
        .toSorted()
      const mine = tidsOf(runs.get(name)!.got)
      for (const [whose, alerts] of [
        ['all events', judged],
        ['tiercel run', told],
      ] as const) {
        const got = alerts.filter(alert => mine.has(alert.tid)).map(alert => alertText(alert.line))
        assert.deepEqual(got.toSorted(), want, whose)
      }
    })
  }

  test('the recording is what libscap reads, block by block', () => {
    const facts = readAsLibscap(capture)
    assert.equal(facts.order, FALCO_ORDER)
    assert.ok(facts.processes > 20 && facts.fds > 20 && facts.events > 50_000, JSON.stringify(facts))
  })

  test('the recording replays with the alerts of the live run', async () => {
    const { out } = await runTiercel(['replay', capture, ...RULE_ARGUMENTS])
    assert.ok(judged.length > 100)
    assert.deepEqual(
      out.trimEnd().split('\n'),
      judged.map(alert => alert.line),
    )
  })
})

function tidsOf(thread: RunThread): ReadonlySet<number> {
  return new Set([thread.tid, ...thread.children.flatMap(child => [...tidsOf(child)])])
}

/** Rule and message of a JSON alert, without what is of the moment. */
function alertText(line: string): string {
  const { rule, message } = JSON.parse(line) as { readonly rule: string; readonly message: string }
  const text = message
    .replace(/\b[0-9a-f]{64}\b/g, '<id>')
    .replace(/(:|[lr]port=)(3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[4-6]\d{4})\b/g, '$1<port>')
    .replace(/(_start_ts|_ctime|_mtime|_proc_start)=\d+/g, '$1=<time>')
    // What the first process came from, and what a thread of dig calls itself by then.
    .replace(/aname\[7\]=\S+/, 'aname[7]=<launcher>')
    .replace(/(process|command)=(isc-net-\d+|dig)\b/g, '$1=dig')
    .replace(/process=dig proc_exepath=\S+/, 'process=dig')
  return `${rule} | ${text}`
}

const RULE_ARGUMENTS: readonly string[] = [
  ...RULES.flatMap(path => ['-r', path]),
  ...['json_output=true', 'json_include_message_property=true', 'rule_matching=all', 'priority=debug'].flatMap(
    option => ['-o', option],
  ),
]
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

function spawnTiercel(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
    env: { ...process.env, TZ: 'UTC', NO_COLOR: '1', FALCO_HOSTNAME: 'vm' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function runTiercel(args: readonly string[]): Promise<{ readonly out: string; readonly err: string }> {
  const child = spawnTiercel(args)
  let out = ''
  let err = ''
  child.stdout?.on('data', data => (out += String(data)))
  child.stderr?.on('data', data => (err += String(data)))
  const [code] = (await once(child, 'close')) as [number | null]
  assert.equal(code, 0, err)
  return { out, err }
}

interface Agent {
  /** Ends it, once; gives its alerts. */
  stop(): Promise<readonly SeenAlert[]>
  lost(): number
}

/** `tiercel run` with Falco's rules; resolves when it watches. */
async function startAgent(): Promise<Agent> {
  const child = spawnTiercel(['run', ...RULE_ARGUMENTS, '-o', 'append_output[0].extra_fields[0]=thread.tid', '--stats'])
  let out = ''
  let err = ''
  child.stdout?.on('data', data => (out += String(data)))
  const closed = once(child, 'close')
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', data => {
      err += String(data)
      if (err.includes('watching')) resolve()
    })
    child.on('exit', () => reject(new Error(`the agent ended\n${err}`)))
  })
  return {
    stop: async () => {
      child.kill('SIGTERM')
      await closed
      return out
        .split('\n')
        .filter(line => line.includes('"thread.tid"'))
        .map(line => {
          const fields = JSON.parse(line) as { readonly output_fields: Readonly<Record<string, unknown>> }
          return { tid: Number(fields.output_fields['thread.tid']), line }
        })
    },
    lost: () => {
      const figures = JSON.parse(err.trimEnd().split('\n').at(-1) ?? '{}') as Readonly<Record<string, number>>
      return figures['lost_events'] ?? Number.NaN
    },
  }
}

/** Records all events of the machine and judges the same events by Falco's rules, until `act` is done. */
async function recordAndJudge(
  path: string,
  act: () => Promise<void>,
): Promise<{ readonly alerts: readonly SeenAlert[]; readonly lost: number }> {
  const files = RULES.map(file => ({ path: file, text: readFileSync(file, 'utf8') }))
  const { plan } = compileRules(files, { fields: fieldLookup, events: eventLookup })
  assert.ok(plan !== undefined, 'the rules load')
  const renderer = new AlertRenderer({ ...defaultAlertFormat, json: true, jsonIncludeMessage: true, hostname: 'vm' })
  const alerts: SeenAlert[] = []
  let tid = 0
  const pipeline = new Pipeline({
    plan,
    fields: fieldLookup,
    names: new NameIndex(),
    ruleMatching: 'all',
    minPriority: 7,
    appendOutput: [],
    staticFields: new Map(),
    onAlert: alert => alerts.push({ tid, line: renderer.render(alert) }),
  })
  const recorder = new CaptureRecorder({
    path,
    gzip: true,
    open: file => {
      const fd = openSync(file, 'w')
      return { write: bytes => void writeSync(fd, bytes), close: () => closeSync(fd) }
    },
  })
  const judging: SourceSink = {
    ...pipeline.sink,
    event: record => {
      tid = record.tid
      return pipeline.sink.event(record)
    },
  }
  const stop = new AbortController()
  let acting: Promise<void> | undefined
  const counters = await pumpLive(await import('../../src/agent/kernel-events.ts'), tee(judging, recorder.sink), {
    wanted: { ...allEvents(), observesNames: true },
    snaplen: 80,
    ringBytes: 64 * 1024 * 1024,
    signal: stop.signal,
    betweenPieces: () => {
      acting ??= act().finally(() => stop.abort())
      return undefined
    },
  })
  await acting
  recorder.end()
  return { alerts, lost: counters.lost }
}

function isKnown(workload: string, difference: RunDifference, taken: Map<KnownDifference, number>): boolean {
  const found = knownDifferences.find(
    known =>
      (known.workloads === undefined || known.workloads.includes(workload)) &&
      (known.programs === undefined || known.programs.includes(difference.program)) &&
      (known.events === undefined || known.events.includes(difference.event)) &&
      known.keys.includes(difference.key) &&
      (taken.get(known) ?? 0) < (known.atMost ?? Number.POSITIVE_INFINITY) &&
      (known.takes === undefined || known.takes(difference.want, difference.got)),
  )
  if (found !== undefined) taken.set(found, (taken.get(found) ?? 0) + 1)
  return found !== undefined
}

/** Differences counted by event, parameter and program, each with its first example. */
function summarise(differences: readonly RunDifference[]): string {
  const groups = new Map<string, { count: number; first: RunDifference }>()
  for (const difference of differences) {
    const key = `${difference.event}.${difference.key} in ${difference.program}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { count: 1, first: difference })
    else group.count++
  }
  return [...groups]
    .sort((a, b) => b[1].count - a[1].count)
    .slice(0, 40)
    .map(
      ([key, { count, first }]) =>
        `${count} × ${key}\n    want ${first.want.slice(0, 400)}\n    got  ${first.got.slice(0, 400)}`,
    )
    .join('\n')
}
