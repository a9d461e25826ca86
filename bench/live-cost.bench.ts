/**
 * What does the live probe cost the programs it watches, and the reader? Tight loops of a child (open and close, a connected datagram
 * socket, a child process), with no probe, with one that wants nothing, with what the state needs, and with every system call; then how
 * many events a second the reader takes.
 * Needs root and the native addon. Run: node bench/live-cost.bench.ts
 */
import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { createRecord } from '../src/events/decode-record.ts'
import { nativeSyscalls } from '../src/events/event-lookup.ts'
import { type LiveSource, openLive } from '../src/events/live/open-live.ts'
import { liveSkipReason } from '../src/events/live/testing.ts'
import { type WantedCalls, stateCalls, wantAll } from '../src/events/live/wanted-calls.ts'

const ROUNDS = 5

/** Python, because its calls are nearly bare: Node would add more than the calls themselves cost. Each prints nanoseconds a turn. */
const LOOPS: Readonly<Record<string, string>> = {
  getppid:
    'import os,time\nf=os.getppid\nn=300000\nt=time.perf_counter_ns()\nfor _ in range(n): f()\nprint((time.perf_counter_ns()-t)//n)',
  'open+close':
    'import os,time\no,c=os.open,os.close\nn=100000\nt=time.perf_counter_ns()\nfor _ in range(n): c(o("/etc/hostname",0))\nprint((time.perf_counter_ns()-t)//n)',
  'connect+close':
    'import socket,time\nn=20000\nt=time.perf_counter_ns()\nfor _ in range(n):\n  s=socket.socket(2,2); s.connect(("127.0.0.1",9)); s.close()\nprint((time.perf_counter_ns()-t)//n)',
  'fork+exec':
    'import os,time\nn=200\nt=time.perf_counter_ns()\nfor _ in range(n): os.waitpid(os.posix_spawn("/bin/true",["true"],{}),0)\nprint((time.perf_counter_ns()-t)//n)',
}

function runLoop(code: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('/usr/bin/python3', ['-S', '-c', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', data => (output += String(data)))
    child.on('error', reject)
    child.on('close', () => resolve(Number(output)))
  })
}

/** The least of some rounds: what other programs take of the machine only adds. */
async function leastOf(code: string): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) least = Math.min(least, await runLoop(code))
  return least
}

async function measure(title: string, base: Map<string, number>): Promise<void> {
  const cells: string[] = []
  for (const [name, code] of Object.entries(LOOPS)) {
    const ns = await leastOf(code)
    const before = base.get(name)
    if (before === undefined) base.set(name, ns)
    const more = before === undefined ? '' : ` (${ns >= before ? '+' : ''}${Math.round((ns / before - 1) * 100)} %)`
    cells.push(`${name} ${ns} ns${more}`.padEnd(30))
  }
  console.log(`${title.padEnd(22)} ${cells.join(' ')}`)
}

/** Drains every two milliseconds, and counts what that costs. */
async function withReader(source: LiveSource, act: () => Promise<void>): Promise<string> {
  const record = createRecord()
  let events = 0
  let busyMs = 0
  const drain = (): void => {
    const start = performance.now()
    while (source.drain(record, () => true) > 0);
    busyMs += performance.now() - start
  }
  const lostBefore = source.counters().lostRingFull
  const emittedBefore = source.counters().emitted
  const timer = setInterval(drain, 2)
  await act()
  clearInterval(timer)
  drain()
  events = source.counters().emitted - emittedBefore
  const lost = source.counters().lostRingFull - lostBefore
  return `${events} events, ${lost} lost, ${Math.round((busyMs * 1e6) / Math.max(1, events))} ns of the reader for each`
}

const reason = liveSkipReason()
if (reason !== false) {
  console.log(`skipped: ${reason}`)
} else {
  console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
  const base = new Map<string, number>()
  await measure('no probe', base)
  const everything = wantAll(
    nativeSyscalls(process.arch)
      .slice(0, 460)
      .filter(name => name !== null),
  )
  const sets: readonly (readonly [string, WantedCalls])[] = [
    ['nothing wanted', new Map()],
    ['what the state needs', stateCalls],
    ['every system call', everything],
  ]
  const started = performance.now()
  const source = openLive({ wanted: new Map(), startNow: true })
  console.log(`attached in ${Math.round(performance.now() - started)} ms`)
  try {
    for (const [title, wanted] of sets) {
      source.setWanted(wanted)
      const told = await withReader(source, () => measure(title, base))
      console.log(`${''.padEnd(22)} ${told}`)
    }
  } finally {
    await source.close()
  }
}
