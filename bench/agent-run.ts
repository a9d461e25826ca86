/** `tiercel run` as a benchmark sees it: a process that watches this machine until it is told to end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const launcher = readFileSync(new URL('../bin/tiercel', import.meta.url), 'utf8')
const shared = new URL('../../shared/data/falco/rules/', import.meta.url)

/** What bin/tiercel gives to Node in a checkout. */
export const nodeFlags: readonly string[] = [...launcher.matchAll(/^\s*flags="(.*)"$/gm)]
  .flatMap(([, text]) => text!.split(' '))
  .filter(flag => flag.startsWith('--'))

export interface RuleSet {
  readonly name: string
  readonly rules: readonly string[]
}

/** One idle rule, our own, and Falco's where they are beside the checkout; `scratch` is where the idle one is written. */
export function ruleSets(scratch: string): readonly RuleSet[] {
  const idle = join(scratch, 'idle.yaml')
  const condition = 'evt.type = kexec_load and proc.name = never'
  writeFileSync(idle, `- rule: idle\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: INFO\n`)
  const falco = (...names: string[]): readonly string[] => names.map(n => fileURLToPath(new URL(`${n}.yaml`, shared)))
  const stable = falco('falco_rules')
  const all = falco('falco_rules', 'falco-incubating_rules', 'falco-sandbox_rules')
  const own: RuleSet = { name: 'our own', rules: [fileURLToPath(new URL('../rules/', import.meta.url))] }
  const sets: readonly RuleSet[] = [{ name: 'one idle rule', rules: [idle] }, own]
  if (!existsSync(stable[0]!)) return sets
  return [...sets, { name: 'Falco, stable', rules: stable }, { name: 'Falco, all 93', rules: all }]
}

export interface AgentFigures {
  readonly events: number
  readonly leftOut: number
  readonly lost: number
  readonly lostByCause: Readonly<Record<string, number>>
}

/** What `--stats` prints. */
interface Stats {
  readonly events: number
  readonly left_out: number
  readonly lost_events: number
  readonly lost_by_cause: Readonly<Record<string, number>>
}

export class RunningAgent {
  readonly #child: ChildProcess
  #err = ''
  readonly #ended: Promise<unknown>

  constructor(rules: readonly string[], more: readonly string[] = []) {
    const options = ['-o', 'log_level=info', '-o', 'stdout_output.enabled=false', ...more]
    const args = [...nodeFlags, main, 'run', '--stats', ...options, ...rules.flatMap(path => ['-r', path])]
    const env = { ...process.env, MALLOC_ARENA_MAX: '1' } // as bin/tiercel has it
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], env })
    this.#child.stderr!.on('data', (bytes: Buffer) => (this.#err += bytes.toString()))
    this.#ended = new Promise(resolve => this.#child.on('exit', resolve))
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** What it has said. */
  get said(): string {
    return this.#err
  }

  /** Waits until it judges events. */
  async untilWatching(): Promise<void> {
    while (!this.#err.includes('watching')) {
      if (this.#child.exitCode !== null) throw new Error(this.#err)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }

  /** Processor time of all its threads, ms. */
  cpuMs(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  }

  /** Holds it: its probe goes on, and fills the ring. */
  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** Memory that it has and nobody else, and all that counts as resident, the mapped ring included; MB. */
  memoryMb(): { readonly anonymous: number; readonly resident: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'latin1')
    const mb = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024
    return { anonymous: mb('RssAnon'), resident: mb('VmRSS') }
  }

  /** Ends it; gives its own figures. */
  async stop(): Promise<AgentFigures> {
    this.#child.kill('SIGTERM')
    await this.#ended
    const stats = JSON.parse(this.#err.trimEnd().split('\n').at(-1)!) as Stats
    return {
      events: stats.events,
      leftOut: stats.left_out,
      lost: stats.lost_events,
      lostByCause: stats.lost_by_cause,
    }
  }
}
