/**
 * What does a running agent cost the programs of a machine, and itself? Tight loops (open and close, connect and accept, start a program; see
 * `loops.c`) alone and beside `tiercel run` with several rule sets. Falco's figures for the same, from
 * `../shared/design/peer-figures.md`, stand behind. Needs root, the probe and a C compiler; and a machine that does nothing else.
 *
 * A slowdown of a few percent is less than what a shared machine does by itself from one second to the next. So each round measures, for each
 * rule set, in short windows: alone, beside an agent that was started in between, alone again; one difference, of the medians of the
 * windows. Printed is the median of these differences and where it lies for sure in 95 of 100 cases (as many rounds as make that
 * narrow enough: 20 do for ±1.5 % on a quiet machine with two cores). Windows in which others took more than a tenth of a core are made again.
 *
 * `slower` is by the clock: fewer turns a second than alone. `by CPU`: fewer turns for each second of processor time that the loop and
 * its children got, which other programs disturb less. `probe alone`: the same as `slower` while the agent's process is stopped, so the
 * kernel tells events and nobody takes them; what is left between the two is the agent's own use of cores and caches. With two cores and
 * one loop the agent has a core for itself, mostly: children that begin on it wait for it. `agent`: its processor time, of one core, and for
 * each turn. It has seen the loop for some seconds before: Node compiles what runs often, and agents run for months.
 *
 * `empty program` is no agent: a program of two instructions on the same tracepoint, which is what the kernel takes for calling any.
 *
 * The loop runs where the scheduler puts it; with `pinned`, on the last CPU, its children too. (Of Falco's figures it is not said.)
 *
 *   node bench/live-agent.bench.ts [rounds = 5] [pinned] [loop or rule set …]
 *   node bench/live-agent.bench.ts 20 vfork 'all 93' 'empty program'
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { liveSkipReason } from '../src/events/live/testing.ts'
import { type AgentFigures, RunningAgent, type RuleSet, ruleSets } from './agent-run.ts'
import { Loops, type Speed } from './loops.ts'
import { median, spread } from './median.ts'

const rounds = Number(process.argv[2] ?? 5)
const isPinned = process.argv.includes('pinned')
const chosen = process.argv.slice(3).filter(word => word !== 'pinned')
const WARM_MS = 2_000
const WINDOW_MS = 250
const WINDOWS = 4
/** So long an agent needs for what is in the ring. */
const SETTLE_MS = 150
const OTHERS_SHARE = 0.1
const RETRIES = 2

/** By their names in `loops.c`. */
const LOOPS = ['open+close', 'connect+accept', 'vfork+exec'] as const

/** Fewer turns in percent, and CPU; of its 93 rules in the first loop 43 % of the events are lost as well. */
const FALCO: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'open+close': {
    alone: '454000 turns/s',
    'one idle rule': '51 %, 19 % CPU',
    'Falco, stable': '49 %, 76 % CPU',
    'Falco, all 93': '48 %, 99 % CPU, 43 % lost',
  },
  'connect+accept': {
    alone: '30100 turns/s',
    'one idle rule': '9.4 %, 13 % CPU',
    'Falco, stable': '8.7 %, 17 % CPU',
    'Falco, all 93': '6.5 %, 25 % CPU',
  },
  'vfork+exec': {
    alone: '2090 turns/s',
    'one idle rule': '11 %, 8 % CPU',
    'Falco, stable': '9 %, 10 % CPU',
    'Falco, all 93': '13 %, 13 % CPU',
  },
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

interface Speeds {
  readonly perSecond: number
  readonly perCpuSecond: number
}

/** The loop beside something. */
interface Beside extends Speeds {
  /** With the agent stopped; without an agent the same as `perSecond`. */
  readonly probePerSecond: number
  /** Share of a core that the agent took, and for each turn. */
  readonly agentShare: number
  readonly agentUsPerTurn: number
  readonly leftOut: number
  readonly events: number
  readonly lost: number
}

interface Round extends Beside {
  /** Fewer turns than alone, in percent. */
  readonly slower: number
  readonly slowerByCpu: number
  readonly slowerByProbe: number
}

let disturbed = 0
let windows = 0

/** Processor time of all programs and of the kernel, and what the host kept for others; ms. */
function machineMs(): number {
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'latin1')
    .split('\n', 1)[0]!
    .split(/ +/)
    .map(Number)
  return (user! + nice! + system! + irq! + softirq! + steal!) * 10
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

interface Window extends Speed {
  readonly agentMs: number
}

/** One window. What others do meanwhile is not the agent's. */
async function runWindow(loops: Loops, loop: string, agent: RunningAgent | undefined): Promise<Window> {
  for (let i = 0; ; i++) {
    const before = machineMs()
    const own = process.cpuUsage()
    const agentBefore = agent?.cpuMs() ?? 0
    const speed = await loops.run(loop, WINDOW_MS)
    const agentMs = (agent?.cpuMs() ?? 0) - agentBefore
    const { user, system } = process.cpuUsage(own)
    const others = machineMs() - before - speed.cpuMs - agentMs - (user + system) / 1000
    if (i === 0) windows++
    if (others <= WINDOW_MS * OTHERS_SHARE || i === RETRIES) {
      if (i === RETRIES) disturbed++
      return { ...speed, agentMs }
    }
  }
}

function speedsOf(of: readonly Speed[]): Speeds {
  return {
    perSecond: median(of.map(one => one.perSecond)),
    perCpuSecond: median(of.map(one => one.perCpuSecond)),
  }
}

async function runAlone(loops: Loops, loop: string): Promise<Speeds> {
  const of: Window[] = []
  for (let i = 0; i < WINDOWS; i++) of.push(await runWindow(loops, loop, undefined))
  return speedsOf(of)
}

async function runBesideEmpty(loops: Loops, loop: string): Promise<Beside> {
  const holder = spawn('python3', ['-S', '-c', EMPTY_PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise(resolve => holder.on('close', resolve))
  await Promise.race([new Promise(resolve => holder.stdout.once('data', resolve)), ended])
  if (holder.exitCode !== null) throw new Error('the empty program cannot be loaded')
  const speeds = await runAlone(loops, loop)
  holder.stdin.end()
  await ended
  return {
    ...speeds,
    probePerSecond: speeds.perSecond,
    agentShare: 0,
    agentUsPerTurn: 0,
    events: 0,
    leftOut: 0,
    lost: 0,
  }
}

async function runBesideAgent(loops: Loops, loop: string, set: RuleSet): Promise<Beside> {
  const agent = new RunningAgent(set.rules)
  await agent.untilWatching()
  await loops.run(loop, WARM_MS)
  const running: Window[] = []
  const stopped: Window[] = []
  for (let i = 0; i < WINDOWS; i++) {
    running.push(await runWindow(loops, loop, agent))
    agent.pause()
    stopped.push({ ...(await loops.run(loop, WINDOW_MS)), agentMs: 0 })
    agent.resume()
    await sleep(SETTLE_MS)
  }
  const figures: AgentFigures = await agent.stop()
  const sum = (key: 'turns' | 'ms' | 'agentMs'): number => running.reduce((all, one) => all + one[key], 0)
  return {
    ...speedsOf(running),
    probePerSecond: speedsOf(stopped).perSecond,
    agentShare: sum('agentMs') / sum('ms'),
    agentUsPerTurn: (sum('agentMs') * 1000) / sum('turns'),
    ...figures,
  }
}

function roundOf(beside: Beside, before: Speeds, after: Speeds): Round {
  const slower = (value: number, key: keyof Speeds): number => (1 - (2 * value) / (before[key] + after[key])) * 100
  return {
    ...beside,
    slower: slower(beside.perSecond, 'perSecond'),
    slowerByCpu: slower(beside.perCpuSecond, 'perCpuSecond'),
    slowerByProbe: slower(beside.probePerSecond, 'perSecond'),
  }
}

function percent(of: readonly number[]): string {
  const { median: middle, low, high } = spread(of)
  return `${middle.toFixed(1)} (${low.toFixed(1)} … ${high.toFixed(1)})`.padStart(20)
}

function printRow(name: string, of: readonly Round[], falco: string): void {
  const all = (key: keyof Round): number[] => of.map(one => one[key])
  const agent = `${(median(all('agentShare')) * 100).toFixed(0)} %, ${median(all('agentUsPerTurn')).toFixed(1)} µs`
  const columns = [
    median(all('perSecond')).toFixed(0).padStart(8),
    percent(all('slower')),
    percent(all('slowerByCpu')),
    percent(all('slowerByProbe')),
    agent.padStart(14),
    median(all('leftOut')).toFixed(0).padStart(9),
    all('lost')
      .reduce((sum, lost) => sum + lost, 0)
      .toFixed(0)
      .padStart(6),
  ]
  console.log(`  ${name.padEnd(15)} ${columns.join(' ')}   ${falco}`)
}

const reason = liveSkipReason()
if (reason !== false) {
  console.log(`cannot watch this machine: ${reason}`)
} else {
  const scratch = mkdtempSync(join(tmpdir(), 'tiercel-bench-'))
  const sets = ruleSets(scratch)
  const loops = new Loops(scratch, isPinned ? cpus().length - 1 : undefined)
  const isChosen = (name: string, among: readonly string[]): boolean => {
    const words = chosen.filter(word => among.some(one => one.includes(word)))
    return words.length === 0 || words.some(word => name.includes(word))
  }
  const allArms: readonly { readonly name: string; readonly run: (loop: string) => Promise<Beside> }[] = [
    { name: 'empty program', run: loop => runBesideEmpty(loops, loop) },
    ...sets.map(set => ({ name: set.name, run: (loop: string) => runBesideAgent(loops, loop, set) })),
  ]
  const names = allArms.map(arm => arm.name)
  const arms = allArms.filter(arm => isChosen(arm.name, names))
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.version}, the loop ${isPinned ? 'pinned' : 'not pinned'}; ` +
      `medians of ${rounds} rounds, each of ${WINDOWS} windows of ${WINDOW_MS} ms, and their 95 % intervals\n`,
  )
  const titles = ['slower, %', 'by CPU, %', 'probe alone, %'].map(title => title.padStart(20)).join(' ')
  console.log(
    `  rules            turns/s ${titles} ${'agent, a turn'.padStart(14)}  left out   lost   Falco: slower, CPU`,
  )
  for (const loop of LOOPS) {
    if (!isChosen(loop, LOOPS)) continue
    const results = new Map<string, Round[]>(arms.map(arm => [arm.name, []]))
    let alone = await runAlone(loops, loop)
    const allAlone = [alone.perSecond]
    for (let round = 0; round < rounds; round++) {
      for (const arm of arms) {
        const beside = await arm.run(loop)
        const after = await runAlone(loops, loop)
        results.get(arm.name)!.push(roundOf(beside, alone, after))
        alone = after
        allAlone.push(after.perSecond)
      }
    }
    console.log(
      `${loop}: alone ${median(allAlone).toFixed(0)} turns/s (${Math.min(...allAlone).toFixed(0)} to ${Math.max(...allAlone).toFixed(0)}; ` +
        `where Falco was measured ${FALCO[loop]?.['alone']})`,
    )
    for (const arm of arms) printRow(arm.name, results.get(arm.name)!, FALCO[loop]?.[arm.name] ?? '')
  }
  if (disturbed > 0)
    console.log(
      `\n  in ${disturbed} of ${windows} windows other programs took more than ${OTHERS_SHARE * 100} % of a core`,
    )
  loops.close()
  rmSync(scratch, { recursive: true })
}
