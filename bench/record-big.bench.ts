/**
 * Does `tiercel record` have every event of a large workload? Runs `big.sh`, of which `busy.scap` was recorded with Falco's driver, under
 * `tiercel record`, and lays the number of events of each type in its process tree beside that of Falco's recording. Prints what was lost, what the
 * recorder cost, and the types of which the two differ; ends with 1 when events were lost or a type is missing. Needs root, the probe, and the
 * programs of `scripts/setup-tests.sh`, and a machine that does nothing else: after a minute the workload is ended.
 *
 *   node bench/record-big.bench.ts
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../src/events/live/testing.ts'
import { openSource } from '../src/events/open-source.ts'
import { eventSink } from '../src/events/testing.ts'
import { paramNumber, paramStrings } from '../src/events/decode-record.ts'
import { prepareWorkloads, workloadsSkipReason } from '../test/live/run-workloads.ts'

const captures = new URL('../../shared/data/captures/', import.meta.url)
const workloads = fileURLToPath(new URL('workloads', captures))
const reason = liveSkipReason() || (process.getuid?.() !== 0 && 'needs root') || workloadsSkipReason(workloads)
if (reason !== false) {
  console.log(`cannot record here: ${reason}`)
  process.exit(0)
}

/** `busy.scap` is so many rounds of the workload. */
const ROUNDS = 3
/** What files there are differs from machine to machine: the share, or the number, by which a type may differ. */
const SHARE = 0.1
const AT_LEAST = 100
const CLONES: ReadonlySet<string> = new Set(['clone', 'clone3', 'fork', 'vfork'])
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

interface Tally {
  readonly types: Map<string, number>
  readonly all: number
  readonly threads: number
}

/** Events by type of the threads that come from the program whose arguments hold `mark`. */
async function tally(path: string, mark: string): Promise<Tally> {
  const types = new Map<string, number>()
  const threads = new Set<number>()
  let all = 0
  const source = await openSource(path)
  const { error } = await source.read(
    eventSink(record => {
      const { name, params } = record.info
      const param = (which: string): number => params.findIndex(each => each.name === which)
      if (CLONES.has(name) && paramNumber(record, 0) === 0) {
        const [pid, parent] = ['pid', 'ptid'].map(which => paramNumber(record, param(which)) ?? 0)
        if (threads.has(parent!) || threads.has(pid!)) threads.add(record.tid)
      } else if (name === 'execve' && threads.size === 0 && paramStrings(record, param('args')).includes(mark)) {
        threads.add(record.tid)
      }
      if (!threads.has(record.tid) || name === 'asyncevent') return
      all++
      types.set(name, (types.get(name) ?? 0) + 1)
    }),
  )
  if (error !== undefined) throw new Error(`${path}: ${error.message}`)
  return { types, all, threads: threads.size }
}

/** User and system time of a process, in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const scratch = mkdtempSync(join(tmpdir(), 'tiercel-big-'))
const path = join(scratch, 'big.scap')
try {
  const lab = await prepareWorkloads(workloads, ['big'])
  let err = ''
  let cpu = 0
  let seconds = 0
  try {
    const recorder = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'record', path], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    recorder.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()))
    const closed = once(recorder, 'close')
    while (!err.includes('recording')) {
      if (recorder.exitCode !== null) throw new Error(err)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    const before = cpuSeconds(recorder.pid!)
    const start = performance.now()
    await lab.run()
    seconds = (performance.now() - start) / 1000
    cpu = cpuSeconds(recorder.pid!) - before
    recorder.kill('SIGTERM')
    await closed
  } finally {
    await lab.end()
  }
  const falco = await tally(fileURLToPath(new URL('busy.scap', captures)), 'run.busy')
  const ours = await tally(path, 'run.big')
  console.log(`${cpus()[0]?.model.trim()}, ${cpus().length} CPUs, Node ${process.version}`)
  console.log(err.trim())
  console.log(
    `${seconds.toFixed(1)} s, ${ours.all} events of the workload in ${ours.threads} threads; recorder: ${cpu.toFixed(1)} CPU s, ${(statSync(path).size / 1e6).toFixed(1)} MB`,
  )
  console.log(
    `Falco's recording, without calls that its rules do not need: ${falco.all} events in ${falco.threads} threads\n`,
  )
  const missing: string[] = []
  console.log('type            Falco/3   tiercel')
  for (const [type, times] of [...falco.types].sort((a, b) => b[1] - a[1])) {
    const count = Math.round(times / ROUNDS)
    const mine = ours.types.get(type) ?? 0
    if (mine === 0) missing.push(type)
    const isSame = Math.abs(mine - count) <= Math.max(AT_LEAST, SHARE * count)
    console.log(
      `${type.padEnd(15)} ${String(count).padStart(7)} ${String(mine).padStart(9)}${isSame ? '' : '  differs'}`,
    )
  }
  if (missing.length > 0) console.log(`missing: ${missing.join(', ')}`)
  process.exitCode = missing.length > 0 || err.includes('were lost') ? 1 : 0
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
