/**
 * What do very many processes, or very many open files, cost an agent that starts among them? `tiercel run` with Falco's rules (or the own
 * ones) on a host with so many sleeping processes, and so many fds in one process: time to the first alert, time until all is known,
 * memory. Needs root, the probe and a C compiler.
 *
 *   node bench/many-processes.bench.ts [processes, 30000] [fds, 100000]
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tellWorld } from '../src/events/live/procfs.ts'
import { liveSkipReason } from '../src/events/live/testing.ts'
import { HostState, stateSink } from '../src/state/host-state.ts'

const reason = liveSkipReason()
if (reason !== false || process.getuid?.() !== 0) {
  console.log(`cannot watch this machine: ${reason === false ? 'needs root' : reason}`)
  process.exit(0)
}

const PROCESSES = Number(process.argv[2] ?? 30_000)
/** No more than a process may have here; more takes CAP_SYS_RESOURCE. */
const FDS = Math.min(Number(process.argv[3] ?? 100_000), hardLimit() - 100)
const PATIENCE_MS = 60_000
const PID_MAX = '/proc/sys/kernel/pid_max'
const scratch = mkdtempSync(join(tmpdir(), 'tiercel-many-'))
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const stable = fileURLToPath(new URL('../../shared/data/falco/rules/falco_rules.yaml', import.meta.url))
const rules = existsSync(stable) ? stable : fileURLToPath(new URL('../rules/', import.meta.url))

/** Makes children that sleep, or opens files, says so, and ends with its input. */
const MAKER = `
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
int main(int argc, char **argv)
{
  int count = atoi(argv[2]);
  struct rlimit limit = {count + 64, count + 100};
  if (strcmp(argv[1], "fds") == 0 && setrlimit(RLIMIT_NOFILE, &limit) < 0)
    perror("setrlimit");
  for (int i = 0; i < count; i++) {
    if (strcmp(argv[1], "fds") == 0) {
      if (open("/etc/passwd", O_RDONLY) < 0) { perror("open"); return 1; }
      continue;
    }
    pid_t pid = fork();
    if (pid < 0) { perror("fork"); return 1; }
    if (pid == 0) { prctl(PR_SET_PDEATHSIG, SIGKILL); for (;;) pause(); }
  }
  puts("ready");
  fflush(stdout);
  getchar();
  return 0;
}
`

async function make(what: string, count: number): Promise<ChildProcess> {
  const child = spawn(join(scratch, 'maker'), [what, String(count)], { stdio: ['pipe', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.on('exit', code => reject(new Error(`the maker ended with ${code}`)))
  })
  child.removeAllListeners('exit')
  return child
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise(resolve => child.on('exit', resolve))
  child.stdin?.end()
  await ended
}

function hardLimit(): number {
  const limit = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
  return limit === null ? Number.POSITIVE_INFINITY : Number(limit[1])
}

interface Start {
  readonly firstAlertMs: number
  readonly knownMs: number
  readonly rssMb: number
  readonly peakMb: number
  readonly lost: number
}

function statusMb(pid: number, key: string): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1024)
}

/** Starts the agent, and reads /etc/shadow again and again until that is alerted. */
async function startAgent(): Promise<Start> {
  const ownRule = join(scratch, 'own.yaml')
  writeFileSync(
    ownRule,
    '- rule: probe\n  desc: d\n  condition: evt.type = mkdir and evt.arg.path endswith tiercel-many-sign\n  output: o\n  priority: ALERT\n' +
      '- rule: probe at\n  desc: d\n  condition: evt.type = mkdirat and evt.arg.path endswith tiercel-many-sign\n  output: o\n  priority: ALERT\n',
  )
  const flags = ['--disable-warning=ExperimentalWarning', '--min-semi-space-size=4', '--max-semi-space-size=4']
  const args = [...flags, main, 'run', '--stats', '--json', '-o', 'log_level=info', '-r', rules, '-r', ownRule]
  const startMs = performance.now()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  let firstAlertMs = 0
  let knownMs = 0
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString()
    if (firstAlertMs === 0 && out.includes('"rule":"probe')) firstAlertMs = performance.now() - startMs
  })
  child.stderr.on('data', (bytes: Buffer) => {
    err += bytes.toString()
    if (knownMs === 0 && err.includes('probe attached')) knownMs = performance.now() - startMs
  })
  const ended = new Promise(resolve => child.on('exit', resolve))
  while ((firstAlertMs === 0 || knownMs === 0) && performance.now() - startMs < PATIENCE_MS) {
    if (child.exitCode !== null) throw new Error(err)
    if (firstAlertMs === 0) spawnSync('/bin/mkdir', [join(scratch, 'no/tiercel-many-sign')], { stdio: 'ignore' })
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  await new Promise(resolve => setTimeout(resolve, 5_000))
  const pid = child.pid!
  const [rssMb, peakMb] = [statusMb(pid, 'VmRSS'), statusMb(pid, 'VmHWM')]
  child.kill('SIGTERM')
  await ended
  const { lost_events: lost } = JSON.parse(err.trimEnd().split('\n').at(-1)!) as { lost_events: number }
  return { firstAlertMs, knownMs, rssMb, peakMb, lost }
}

const print = (name: string, { firstAlertMs, knownMs, rssMb, peakMb, lost }: Start): void =>
  console.log(
    `${name.padEnd(22)} ${firstAlertMs.toFixed(0).padStart(8)} ms ${knownMs.toFixed(0).padStart(8)} ms ` +
      `${String(rssMb).padStart(6)} MB ${String(peakMb).padStart(6)} MB ${String(lost).padStart(6)}`,
  )

/** What reading such a process takes: /proc is made up here, as one process may have no more than its hard limit. */
function readMadeUp(count: number): void {
  const base = join(scratch, 'proc/77')
  mkdirSync(join(base, 'fd'), { recursive: true })
  const copied = (name: string): string => readFileSync(`/proc/self/${name}`, 'latin1')
  const status = copied('status')
    .replace(/^Tgid:.*$/m, 'Tgid:\t77')
    .replace(/^Threads:.*$/m, 'Threads:\t1')
  writeFileSync(join(base, 'status'), status, 'latin1')
  for (const name of ['stat', 'cmdline', 'environ', 'limits', 'cgroup'])
    writeFileSync(join(base, name), copied(name), 'latin1')
  for (let fd = 0; fd < count; fd++) symlinkSync(`/srv/data/file-${fd}`, join(base, 'fd', String(fd)))
  const state = new HostState()
  const rssBefore = process.memoryUsage().rss
  const parts = tellWorld(
    stateSink(state, () => true),
    { procRoot: join(scratch, 'proc') },
  )
  const startMs = performance.now()
  let longestMs = 0
  for (let isDone = false; !isDone; ) {
    const partMs = performance.now()
    isDone = parts.next().done === true
    longestMs = Math.max(longestMs, performance.now() - partMs)
  }
  const tookMs = performance.now() - startMs
  const { fds, droppedFds } = state.counters()
  const rssMb = (process.memoryUsage().rss - rssBefore) / 1024 / 1024
  console.log(
    `\n${fds} fds of one process, made up: ${tookMs.toFixed(0)} ms in pieces of at most ${longestMs.toFixed(0)} ms, ` +
      `${rssMb.toFixed(0)} MB, ${droppedFds} left out`,
  )
}

const pidMax = readFileSync(PID_MAX, 'utf8')
try {
  writeFileSync(join(scratch, 'maker.c'), MAKER)
  spawnSync('cc', ['-O1', '-o', join(scratch, 'maker'), join(scratch, 'maker.c')], { stdio: 'inherit' })
  if (Number(pidMax) < PROCESSES + 20_000) writeFileSync(PID_MAX, String(PROCESSES + 20_000))
  console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.version}, ${rules}\n`)
  console.log('host                   first alert   all known       RSS      peak   lost')
  print('as it is', await startAgent())
  const many = await make('processes', PROCESSES)
  print(`${PROCESSES} processes more`, await startAgent())
  await end(many)
  const open = await make('fds', FDS)
  print(`${FDS} fds in one`, await startAgent())
  await end(open)
  readMadeUp(100_000)
} finally {
  writeFileSync(PID_MAX, pidMax)
  rmSync(scratch, { recursive: true, force: true })
}
