/**
 * Does an agent stay flat that is treated badly for long? Rules are loaded again every second, files are made all the time, every twenty
 * seconds it is stopped until its ring overflows, every thirty a few hundred processes fork at once. Prints its memory, descriptors, threads
 * that it knows, losses, gaps and look-ups; the last line compares the last third with the first. Needs root and the probe.
 *
 *   node bench/faults-soak.bench.ts [seconds, 300]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../src/events/live/testing.ts'
import { median } from './median.ts'

const reason = liveSkipReason()
if (reason !== false || process.getuid?.() !== 0) {
  console.log(`cannot watch this machine: ${reason === false ? 'needs root' : reason}`)
  process.exit(0)
}

const SECONDS = Number(process.argv[2] ?? 300)
const scratch = mkdtempSync(join(tmpdir(), 'tiercel-soak-'))
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const actor = fileURLToPath(new URL('../test/live/testdata/actor.py', import.meta.url))
const rulesFile = join(scratch, 'rules.yaml')

function writeRules(turn: number): void {
  const rule = (name: string, condition: string): string =>
    `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: '%fd.name %proc.cmdline'\n  priority: WARNING\n`
  writeFileSync(
    rulesFile,
    rule('made', `evt.type in (open, openat) and fd.name startswith ${scratch}/f and fd.name endswith 00`) +
      rule(`turn ${turn}`, 'evt.type in (mkdir, mkdirat, execve) and proc.name = never'),
  )
}

const act = (what: string): ChildProcess =>
  spawn('/usr/bin/python3', ['-S', actor, what, scratch], { stdio: ['ignore', 'ignore', 'inherit'] })
const end = (child: ChildProcess): Promise<unknown> =>
  child.exitCode !== null ? Promise.resolve() : new Promise(resolve => child.on('exit', resolve))
const pause = (ms: number): Promise<unknown> => new Promise(resolve => setTimeout(resolve, ms))

writeRules(0)
const pages = ['listen_port=0', 'listen_address=127.0.0.1', 'enabled=true', 'prometheus_metrics_enabled=true']
const settings = [
  ...pages.map(key => `webserver.${key}`),
  'metrics.enabled=true',
  'log_level=info',
  'metrics.state_counters_enabled=true',
  'metrics.kernel_event_counters_enabled=true',
]
const flags = ['--disable-warning=ExperimentalWarning', '--min-semi-space-size=4', '--max-semi-space-size=4']
const agent = spawn(
  process.execPath,
  [...flags, main, 'run', '--json', '--stats', '-r', rulesFile, ...settings.flatMap(each => ['-o', each])],
  { stdio: ['ignore', 'ignore', 'pipe'] },
)
let err = ''
agent.stderr.on('data', (bytes: Buffer) => (err = (err + bytes.toString()).slice(-100_000)))
const count = (text: string): number => err.split(text).length - 1

async function figures(): Promise<ReadonlyMap<string, number>> {
  const port = /endpoints on port (\d+)/.exec(first)?.[1]
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } })).text()
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

interface Row {
  readonly rssMb: number
  readonly fds: number
  readonly threads: number
}

const rows: Row[] = []
let first = ''
try {
  while (count('watching') === 0) {
    if (agent.exitCode !== null) throw new Error(err)
    await pause(20)
  }
  first = err
  const files = act('files')
  console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.version}, ${SECONDS} s\n`)
  console.log(
    'second   RSS MB   fds   threads      events        lost   gaps   looked up (threads, fds)   put off   reloads',
  )
  for (let second = 1; second <= SECONDS; second++) {
    writeRules(second)
    agent.kill('SIGHUP')
    if (second % 20 === 0) {
      agent.kill('SIGSTOP')
      await end(act('flood'))
      agent.kill('SIGCONT')
    }
    if (second % 30 === 0) await end(act('bomb'))
    await pause(1_000)
    if (agent.exitCode !== null) throw new Error(`the agent has ended: ${err}`)
    if (second % 10 !== 0) continue
    const f = await figures()
    const status = readFileSync(`/proc/${agent.pid}/status`, 'utf8')
    const row: Row = {
      rssMb: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024,
      fds: readdirSync(`/proc/${agent.pid}/fd`).length,
      threads: f.get('falcosecurity_scap_n_threads_total') ?? 0,
    }
    rows.push(row)
    const get = (name: string): string => String(f.get(name) ?? 0)
    console.log(
      [
        String(second).padStart(6),
        row.rssMb.toFixed(0).padStart(8),
        String(row.fds).padStart(5),
        String(row.threads).padStart(9),
        get('tiercel_events_total').padStart(11),
        get('falcosecurity_scap_n_drops_total').padStart(11),
        get('tiercel_state_gaps').padStart(6),
        `${get('tiercel_state_looked_up_threads')}, ${get('tiercel_state_looked_up_fds')}`.padStart(26),
        get('tiercel_state_deferred_lookups').padStart(9),
        get('tiercel_reloads_total').padStart(9),
      ].join(' '),
    )
  }
  writeFileSync(join(scratch, 'enough'), '')
  await end(files)
  const third = Math.max(1, Math.floor(rows.length / 3))
  const middle = (part: readonly Row[], key: keyof Row): string => median(part.map(row => row[key])).toFixed(0)
  for (const key of ['rssMb', 'fds', 'threads'] as const)
    console.log(
      `${key}: ${middle(rows.slice(0, third), key)} in the first third, ${middle(rows.slice(-third), key)} in the last`,
    )
} finally {
  agent.kill('SIGCONT')
  agent.kill('SIGTERM')
  await end(agent)
  rmSync(scratch, { recursive: true, force: true })
}
