/**
 * What does a running agent cost the programs of a machine, and itself? Tight loops (open and close, connect and accept, start a program)
 * alone and beside `tiercel run` with several rule sets, in turns: turns a second, how many fewer that are than alone (the mean of just before
 * and just after), CPU of the agent, events that it took, opens and closes that the kernel left out, events lost. Falco's figures for the
 * same, from `../shared/design/peer-figures.md`, stand behind. Needs root and the probe. An agent is measured that has seen the loop for a second
 * before: Node compiles what runs often, and agents run for months.
 *
 * `empty program` is no agent: a program of two instructions on the same tracepoint, which is what the kernel takes for calling any.
 *
 * `fewer` is by the clock, which other programs disturb; `fewer by CPU` counts turns for each second of processor time that the loop got,
 * which they disturb less, and in which the agent's own share of a core does not show.
 *
 *   node bench/live-agent.bench.ts [rounds] [seconds] [loop …]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { liveSkipReason } from '../src/events/live/testing.ts'
import { RunningAgent, type RuleSet, ruleSets } from './agent-run.ts'
import { median } from './median.ts'

const [rounds = 3, seconds = 3] = process.argv.slice(2, 4).map(Number)
const chosen = process.argv.slice(4)
const WARM_SECONDS = 1

/** Python, because its calls are nearly bare. Each runs for some seconds and prints its turns. */
const LOOPS: Readonly<Record<string, string>> = {
  'open + close': `
import os,resource,time
end=time.perf_counter()+SECONDS; n=0; o=os.open; c=os.close
while time.perf_counter()<end:
    for _ in range(200): c(o('/etc/hostname',0))
    n+=200
u=resource.getrusage(resource.RUSAGE_SELF); k=resource.getrusage(resource.RUSAGE_CHILDREN)
print(n, u.ru_utime+u.ru_stime+k.ru_utime+k.ru_stime)`,
  'connect + accept': `
import resource,socket,time
s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(64); a=s.getsockname()
end=time.perf_counter()+SECONDS; n=0
while time.perf_counter()<end:
    c=socket.socket(); c.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,b'\\1\\0\\0\\0\\0\\0\\0\\0'); c.connect(a); p,_=s.accept(); c.close(); p.close(); n+=1
u=resource.getrusage(resource.RUSAGE_SELF); k=resource.getrusage(resource.RUSAGE_CHILDREN)
print(n, u.ru_utime+u.ru_stime+k.ru_utime+k.ru_stime)`,
  'vfork + exec': `
import os,resource,time
end=time.perf_counter()+SECONDS; n=0
while time.perf_counter()<end:
    os.waitpid(os.posix_spawn('/bin/true',['true'],{}),0); n+=1
u=resource.getrusage(resource.RUSAGE_SELF); k=resource.getrusage(resource.RUSAGE_CHILDREN)
print(n, u.ru_utime+u.ru_stime+k.ru_utime+k.ru_stime)`,
}

/** Fewer turns in percent, and CPU; of its 93 rules in the first loop 43 % of the events are lost as well. */
const FALCO: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'open + close': {
    'one idle rule': '51 %, 19 % CPU',
    'Falco, stable': '49 %, 76 % CPU',
    'Falco, all 93': '48 %, 99 % CPU, 43 % lost',
  },
  'connect + accept': {
    'one idle rule': '9.4 %, 13 % CPU',
    'Falco, stable': '8.7 %, 17 % CPU',
    'Falco, all 93': '6.5 %, 25 % CPU',
  },
  'vfork + exec': {
    'one idle rule': '11 %, 8 % CPU',
    'Falco, stable': '9 %, 10 % CPU',
    'Falco, all 93': '13 %, 13 % CPU',
  },
}

interface Speed {
  readonly perSecond: number
  readonly perCpuSecond: number
}

function runLoop(code: string, seconds: number): Promise<Speed> {
  const loop = spawn('python3', ['-S', '-c', code.replace('SECONDS', `${seconds}`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  loop.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
  return new Promise(resolve =>
    loop.on('close', () => {
      const [turns = 0, cpuSeconds = 0] = out.split(' ').map(Number)
      resolve({ perSecond: turns / seconds, perCpuSecond: turns / cpuSeconds })
    }),
  )
}

/** Loads `return 0` for the end of system calls, and keeps it until its standard input ends. */
const EMPTY_PROGRAM = `
import ctypes,platform,struct,sys
bpf={'x86_64':321,'aarch64':280}[platform.machine()]; libc=ctypes.CDLL(None,use_errno=True)
def call(command,attr):
    fd=libc.syscall(bpf,command,ctypes.create_string_buffer(attr,128),128)
    if fd<0: raise OSError(ctypes.get_errno(),'bpf')
    return fd
code=ctypes.create_string_buffer(struct.pack('<QQ',0xb7,0x95)); licence=ctypes.create_string_buffer(b'GPL'); name=ctypes.create_string_buffer(b'sys_exit')
program=call(5,struct.pack('<IIQQ',17,2,ctypes.addressof(code),ctypes.addressof(licence))) # a raw tracepoint's
link=call(17,struct.pack('<QI',ctypes.addressof(name),program))
print('ready',flush=True); sys.stdin.read()`

/** The loop with nobody watching but the program that does nothing. */
async function runBesideEmpty(code: string): Promise<Beside> {
  const holder = spawn('python3', ['-S', '-c', EMPTY_PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise(resolve => holder.on('close', resolve))
  await Promise.race([new Promise(resolve => holder.stdout.once('data', resolve)), ended])
  if (holder.exitCode !== null) throw new Error('the empty program cannot be loaded')
  const speed = await runLoop(code, seconds)
  holder.stdin.end()
  await ended
  return { ...speed, cpuMs: 0, wholeCpuMs: 0, events: 0, leftOut: 0, lost: 0 }
}

interface Beside extends Speed {
  readonly cpuMs: number
  /** Of an agent with the second before, to which the numbers of events belong. */
  readonly wholeCpuMs: number
  readonly events: number
  readonly leftOut: number
  readonly lost: number
}

interface Cell {
  readonly perSecond: number
  /** Percent fewer turns than alone in the same round. */
  readonly fewer: number
  readonly fewerByCpu: number
  readonly cpuMs: number
  readonly wholeCpuMs: number
  readonly events: number
  readonly leftOut: number
  readonly lost: number
}

async function runBesideAgent(set: RuleSet, code: string): Promise<Beside> {
  const agent = new RunningAgent(set.rules)
  await agent.untilWatching()
  const first = agent.cpuMs()
  await runLoop(code, WARM_SECONDS)
  const before = agent.cpuMs()
  const speed = await runLoop(code, seconds)
  const after = agent.cpuMs()
  return { ...speed, cpuMs: after - before, wholeCpuMs: after - first, ...(await agent.stop()) }
}

function cellOf({ perSecond, perCpuSecond, ...figures }: Beside, before: Speed, after: Speed): Cell {
  const fewer = (1 - (2 * perSecond) / (before.perSecond + after.perSecond)) * 100
  const fewerByCpu = (1 - (2 * perCpuSecond) / (before.perCpuSecond + after.perCpuSecond)) * 100
  return { perSecond, fewer, fewerByCpu, ...figures }
}

function printRow(name: string, cells: readonly Cell[], falco: string): void {
  const of = (key: keyof Cell): number => median(cells.map(cell => cell[key]))
  const perEvent = (of('wholeCpuMs') * 1e6) / Math.max(1, of('events'))
  const columns = [
    of('perSecond').toFixed(0).padStart(8),
    `${of('fewer').toFixed(1)} %`.padStart(9),
    `${of('fewerByCpu').toFixed(1)} %`.padStart(13),
    `${(of('cpuMs') / seconds / 10).toFixed(0)} %`.padStart(6),
    `${perEvent.toFixed(0)} ns`.padStart(9),
    of('events').toFixed(0).padStart(9),
    of('leftOut').toFixed(0).padStart(9),
    of('lost').toFixed(0).padStart(6),
  ]
  console.log(`  ${name.padEnd(16)} ${columns.join(' ')}   ${falco}`)
}

const reason = liveSkipReason()
if (reason !== false) {
  console.log(`cannot watch this machine: ${reason}`)
} else {
  const scratch = mkdtempSync(join(tmpdir(), 'tiercel-bench-'))
  const sets = ruleSets(scratch)
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.version}, medians of ${rounds} rounds of ${seconds} s\n`,
  )
  console.log(
    '  rules             turns/s     fewer  fewer by CPU    CPU per event    events  left out   lost   Falco: fewer, CPU',
  )
  for (const [name, code] of Object.entries(LOOPS)) {
    if (chosen.length > 0 && !chosen.some(word => name.includes(word))) continue
    const arms: readonly { readonly name: string; readonly run: () => Promise<Beside> }[] = [
      { name: 'empty program', run: () => runBesideEmpty(code) },
      ...sets.map(set => ({ name: set.name, run: () => runBesideAgent(set, code) })),
    ]
    let alone = await runLoop(code, seconds)
    const allAlone = [alone.perSecond]
    const cells = new Map<string, Cell[]>()
    for (let round = 0; round < rounds; round++) {
      for (const { name: arm, run } of arms) {
        const beside = await run()
        const after = await runLoop(code, seconds)
        cells.set(arm, [...(cells.get(arm) ?? []), cellOf(beside, alone, after)])
        alone = after
        allAlone.push(after.perSecond)
      }
    }
    console.log(
      `${name}: alone ${median(allAlone).toFixed(0)} turns/s (${Math.min(...allAlone).toFixed(0)}–${Math.max(...allAlone).toFixed(0)})`,
    )
    for (const { name: arm } of arms) printRow(arm, cells.get(arm)!, FALCO[name]?.[arm] ?? '')
  }
  rmSync(scratch, { recursive: true })
}
