/**
 * What does a running agent cost the programs of a machine, and itself? Tight loops (open and close, connect and accept, start a program) for
 * three seconds each, alone and with `tiercel run` under several rule sets: turns a second, slowdown, CPU of the agent, events lost.
 * Falco's figures for the same: `../shared/design/peer-figures.md`. Needs root and the probe.
 *
 *   node bench/live-agent.bench.ts [rounds]
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../src/events/live/testing.ts'
import { median } from './median.ts'

const reason = liveSkipReason()
if (reason !== false) {
  console.log(`cannot watch this machine: ${reason}`)
  process.exit(0)
}

const rounds = Number(process.argv[2] ?? 3)
const SECONDS = 3
const scratch = mkdtempSync(join(tmpdir(), 'tiercel-bench-'))
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const shared = new URL('../../shared/data/falco/rules/', import.meta.url)

/** Each runs for SECONDS and prints its turns. */
const LOOPS: Readonly<Record<string, string>> = {
  'open + close': `
import os,time
end=time.perf_counter()+${SECONDS}; n=0; o=os.open; c=os.close
while time.perf_counter()<end:
    for _ in range(200): c(o('/dev/null',0))
    n+=200
print(n)`,
  'connect + accept': `
import socket,time
s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(64); a=s.getsockname()
end=time.perf_counter()+${SECONDS}; n=0
while time.perf_counter()<end:
    c=socket.socket(); c.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,b'\\1\\0\\0\\0\\0\\0\\0\\0'); c.connect(a); p,_=s.accept(); c.close(); p.close(); n+=1
print(n)`,
  'vfork + exec': `
import os,time
end=time.perf_counter()+${SECONDS}; n=0
while time.perf_counter()<end:
    os.waitpid(os.posix_spawn('/bin/true',['true'],{}),0); n+=1
print(n)`,
}

function runLoop(code: string): number {
  const { stdout } = spawnSync('python3', ['-c', code], { encoding: 'utf8' })
  return Number(stdout) / SECONDS
}

interface Cell {
  readonly perSecond: number
  readonly cpuShare: number
  readonly events: number
  readonly lost: number
}

function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  return Number(fields[11]) + Number(fields[12])
}

async function runWith(rules: readonly string[], code: string): Promise<Cell> {
  const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4']
  const args = [...flags, main, 'run', '--stats', '-o', 'log_level=info', ...rules.flatMap(path => ['-r', path])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let err = ''
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()))
  const ended = new Promise(resolve => child.on('exit', resolve))
  while (!err.includes('watching')) {
    if (child.exitCode !== null) throw new Error(err)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await new Promise(resolve => setTimeout(resolve, 1500))
  const before = cpuTicks(child.pid!)
  const loop = spawn('python3', ['-c', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  loop.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
  await new Promise(resolve => loop.on('exit', resolve))
  const cpuShare = (cpuTicks(child.pid!) - before) / 100 / SECONDS
  child.kill('SIGTERM')
  await ended
  const stats = JSON.parse(err.trimEnd().split('\n').at(-1)!) as { events: number; lost_events: number }
  return { perSecond: Number(out) / SECONDS, cpuShare, events: stats.events, lost: stats.lost_events }
}

const idle = join(scratch, 'idle.yaml')
writeFileSync(
  idle,
  '- rule: idle\n  desc: d\n  condition: evt.type = kexec_load and proc.name = never\n  output: o\n  priority: INFO\n',
)
const own = fileURLToPath(new URL('../rules/', import.meta.url))
const stable = fileURLToPath(new URL('falco_rules.yaml', shared))
const sets: readonly { readonly name: string; readonly rules: readonly string[] }[] = [
  { name: 'one idle rule', rules: [idle] },
  { name: 'our own rules', rules: [own] },
  ...(existsSync(stable)
    ? [
        { name: 'Falco, stable', rules: [stable] },
        {
          name: 'Falco, all 93',
          rules: [
            stable,
            ...['incubating', 'sandbox'].map(n => fileURLToPath(new URL(`falco-${n}_rules.yaml`, shared))),
          ],
        },
      ]
    : []),
]

console.log(
  `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.version}, medians of ${rounds} rounds\n`,
)
console.log('loop               rules             turns/s   slower   agent CPU   events      lost')
for (const [name, code] of Object.entries(LOOPS)) {
  const alone: number[] = []
  const cells = new Map<string, Cell[]>()
  for (let round = 0; round < rounds; round++) {
    for (const set of sets) {
      alone.push(runLoop(code))
      const cell = await runWith(set.rules, code)
      cells.set(set.name, [...(cells.get(set.name) ?? []), cell])
    }
  }
  const base = median(alone)
  console.log(`${name.padEnd(18)} ${'none'.padEnd(16)} ${base.toFixed(0).padStart(8)}`)
  for (const { name: set } of sets) {
    const all = cells.get(set)!
    const perSecond = median(all.map(c => c.perSecond))
    const slower = `${((1 - perSecond / base) * 100).toFixed(1)} %`
    const cpu = `${(median(all.map(c => c.cpuShare)) * 100).toFixed(0)} %`
    console.log(
      `${' '.repeat(18)} ${set.padEnd(16)} ${perSecond.toFixed(0).padStart(8)} ${slower.padStart(8)} ${cpu.padStart(11)} ` +
        `${median(all.map(c => c.events))
          .toFixed(0)
          .padStart(8)} ${median(all.map(c => c.lost))
          .toFixed(0)
          .padStart(9)}`,
    )
  }
}
rmSync(scratch, { recursive: true })
