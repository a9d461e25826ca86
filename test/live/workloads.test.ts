/*
 * The workloads that the captures beside the project were recorded from with Falco's driver, run again on this machine under Tiercel's probe:
 * the same events from `tiercel record`, the alerts of the goldens from `tiercel run`, and a recording that replays with the alerts of the live
 * run.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../../src/events/live/testing.ts'
import { readGolden } from '../golden/compare-alerts.ts'
import { compareWithOracle } from './compare-oracle.ts'
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

interface Alert {
  readonly rule: string
  readonly message: string
  readonly output_fields: Readonly<Record<string, unknown>>
}

interface SeenAlert {
  readonly tid: number
  readonly line: string
}

describe('the recorded workloads, live', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-workloads-'))
  const capture = join(folder, 'live.scap')
  /** Of `tiercel run`, which has only the calls told that the rules and the state need. */
  let told: readonly SeenAlert[] = []
  /** Of `tiercel replay` of what `tiercel record` wrote beside it. */
  let replayed: readonly SeenAlert[] = []
  const runs = new Map<string, { readonly want: RunThread; readonly got: RunThread }>()

  before(async () => {
    for (let attempt = 1; ; attempt++) {
      const lab = await prepareWorkloads(fileURLToPath(new URL('workloads', captures)), NAMES)
      const agent = await startTiercel(['run', ...ALERTS, '--stats'], 'watching')
      const recorder = await startTiercel(['record', capture], 'recording into')
      try {
        await lab.run()
        const [recording, run] = [await recorder.stop(), await agent.stop()]
        told = alertsOf(run.out)
        const { lost_events: lost } = JSON.parse(run.err.trimEnd().split('\n').at(-1)!) as {
          readonly lost_events: number
        }
        if (recording.code === 0 && lost === 0) break
        assert.ok(attempt < ATTEMPTS, `${lost} events were lost by the agent; ${recording.err}`)
      } finally {
        await recorder.stop()
        await agent.stop()
        await lab.end()
      }
    }
    replayed = alertsOf((await runTiercel(['replay', capture, ...ALERTS])).out)
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
        ['tiercel run', told],
        ['tiercel replay', replayed],
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

  test('libsinsp makes of the recording what Tiercel makes of it', async () => {
    const roots = [...runs.values()].map(({ got }) => got.tid)
    const { events, differences } = await compareWithOracle(capture, roots)
    assert.ok(events > 20_000, `${events} events`)
    assert.deepEqual(differences, [])
  })

  test('the recording replays with the alerts of the live run', () => {
    const mine = new Set(NAMES.flatMap(name => [...tidsOf(runs.get(name)!.got)]))
    const [live, again] = [told, replayed].map(alerts =>
      alerts
        .filter(alert => mine.has(alert.tid))
        .map(withoutTimes)
        .toSorted(),
    )
    assert.ok(live!.length > 100, `${live!.length} alerts`)
    assert.deepEqual(again, live)
  })
})

/** All of an alert but what two probes tell differently: when, and how many events came before. */
function withoutTimes({ tid, line }: SeenAlert): string {
  const { rule, message, output_fields } = JSON.parse(line) as Alert
  const fields = Object.entries(output_fields).filter(([name]) => !/time|\.num$|_ts$|\.ts$/.test(name))
  const text = JSON.stringify([tid, rule, message.replace(/(_proc_start|_start_ts)=\d+/g, '$1=<time>'), fields])
  // A thread of dig is named by another one while it begins: of two probes at the same call the second may see the name.
  return text.replace(/\bisc-net-\d+/g, 'dig')
}

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

const ALERTS: readonly string[] = [
  ...RULES.flatMap(path => ['-r', path]),
  ...[
    ...['json_output=true', 'json_include_message_property=true', 'rule_matching=all', 'priority=debug'],
    'append_output[0].extra_fields[0]=thread.tid',
  ].flatMap(option => ['-o', option]),
]

function alertsOf(out: string): readonly SeenAlert[] {
  return out
    .split('\n')
    .filter(line => line.includes('"thread.tid"'))
    .map(line => ({ tid: Number((JSON.parse(line) as Alert).output_fields['thread.tid']), line }))
}
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

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A command that lasts; resolves when it says so. */
async function startTiercel(args: readonly string[], says: string): Promise<{ stop(): Promise<Ended> }> {
  const child = spawnTiercel(args)
  let out = ''
  let err = ''
  child.stdout?.on('data', data => (out += String(data)))
  const closed = once(child, 'close')
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', data => {
      err += String(data)
      if (err.includes(says)) resolve()
    })
    child.on('exit', () => reject(new Error(`it ended: tiercel ${args.join(' ')}\n${err}`)))
  })
  return {
    stop: async () => {
      child.kill('SIGTERM')
      await closed
      return { code: child.exitCode, out, err }
    },
  }
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
