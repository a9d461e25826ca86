/**
 * Does a live agent keep up, and does its memory stay flat? Two programs make a given rate of events that are told (`fcntl`, `dup` with `close`,
 * opens by relative paths with their closes, sockets), until so many million are made. Printed every ten seconds: events a second, CPU and memory
 * of the agent; at the end what was lost, by cause. Then a minute in which nothing is made: what an idle agent costs. Needs root and the probe.
 *
 *   node bench/live-load.bench.ts [events a second = 500000] [million events = 30] [rule set = Falco, all 93]
 *
 * 30 million are one minute; 100 million are the soak.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { liveSkipReason } from '../src/events/live/testing.ts'
import { RunningAgent, ruleSets } from './agent-run.ts'

const [rate = 500_000, millions = 30] = process.argv.slice(2, 4).map(Number)
const chosen = process.argv[4] ?? 'Falco, all 93'
const PROGRAMS = 2
const SAMPLE_MS = 10_000
const IDLE_SECONDS = 30

/** Paced in steps of two milliseconds; tells what it has made every second. */
const LOAD = `
import fcntl,os,socket,sys,time
os.chdir('/etc') # opens by relative paths are always told
rate,total=int(sys.argv[1]),int(sys.argv[2])
f=fcntl.fcntl; d=os.dup; c=os.close; o=os.open; s=socket.socket
made=0; begin=told=time.monotonic()
while made<total:
    now=time.monotonic()
    if now-told>1: told=now; print(made,flush=True)
    if made>(now-begin)*rate: time.sleep(0.001); continue
    for _ in range(5):
        for _ in range(40): f(0,1)
        for _ in range(20): c(d(0))
        for _ in range(8): c(o('hostname',0))
        s(1,1).close(); s(2,2).close()
    made+=500
print(made,flush=True)`

class Load {
  made = 0
  readonly done: Promise<unknown>
  readonly #child: ChildProcess

  constructor(perSecond: number, total: number) {
    this.#child = spawn('python3', ['-S', '-c', LOAD, `${perSecond}`, `${total}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    createInterface(this.#child.stdout!).on('line', line => (this.made = Number(line)))
    this.done = new Promise(resolve => this.#child.on('close', resolve))
  }
}

const reason = liveSkipReason()
const scratch = mkdtempSync(join(tmpdir(), 'tiercel-bench-'))
const set = ruleSets(scratch).find(one => one.name === chosen)
if (reason !== false) {
  console.log(`cannot watch this machine: ${reason}`)
} else if (set === undefined) {
  console.log(`there is no rule set \`${chosen}\` here`)
} else {
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.version}, rules: ${set.name}`,
  )
  const agent = new RunningAgent(set.rules)
  await agent.untilWatching()
  const print = (what: string, events: number, ms: number, cpuMs: number): void => {
    const { anonymous, resident } = agent.memoryMb()
    const perEvent = events === 0 ? '' : `, ${((cpuMs * 1e6) / events).toFixed(0)} ns an event`
    console.log(
      `${what.padEnd(14)} ${((events * 1000) / ms).toFixed(0).padStart(7)} events/s, CPU ${((cpuMs / ms) * 100).toFixed(1)} %${perEvent}, ` +
        `resident ${resident.toFixed(0)} MB, anonymous ${anonymous.toFixed(0)} MB`,
    )
  }
  const loads = Array.from({ length: PROGRAMS }, () => new Load(rate / PROGRAMS, (millions * 1e6) / PROGRAMS))
  const made = (): number => loads.reduce((sum, load) => sum + load.made, 0)
  const startMs = performance.now()
  const startCpu = agent.cpuMs()
  let last = { ms: startMs, made: 0, cpu: startCpu }
  let isDone = false
  const done = Promise.all(loads.map(load => load.done)).then(() => {
    isDone = true
  })
  while (!isDone) {
    await Promise.race([done, new Promise(resolve => setTimeout(resolve, SAMPLE_MS))])
    const now = { ms: performance.now(), made: made(), cpu: agent.cpuMs() }
    print(`${(now.made / 1e6).toFixed(1)} million`, now.made - last.made, now.ms - last.ms, now.cpu - last.cpu)
    last = now
  }
  print('all', made(), last.ms - startMs, last.cpu - startCpu)
  await new Promise(resolve => setTimeout(resolve, 5_000))
  const idle = { ms: performance.now(), cpu: agent.cpuMs() }
  await new Promise(resolve => setTimeout(resolve, IDLE_SECONDS * 1000))
  print('idle', 0, performance.now() - idle.ms, agent.cpuMs() - idle.cpu)
  const { events, lost, lostByCause } = await agent.stop()
  console.log(`made ${made()}, taken ${events}, lost ${lost} ${JSON.stringify(lostByCause)}`)
}
rmSync(scratch, { recursive: true })
