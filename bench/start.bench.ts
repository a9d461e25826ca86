/**
 * How long a user waits for the program: wall time from the start of the process to its end, Node's own start beside it. The compile cache is
 * filled, as it is from the second start on.
 *
 *   node bench/start.bench.ts [rounds]
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'

const rounds = Number(process.argv[2] ?? 15)
const program = fileURLToPath(new URL('../bin/tiercel', import.meta.url))
const falco = fileURLToPath(new URL('../../shared/data/falco/rules/', import.meta.url))
const files = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml'].map(name => falco + name)

const cases: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'node alone', command: [process.execPath, '-e', '0'] },
  { name: 'tiercel version', command: [program, 'version'] },
  { name: 'our rules ready (replay --dry-run)', command: [program, 'replay', '--dry-run'] },
  ...(existsSync(files[0]!)
    ? [
        { name: "Falco's 93 rules ready", command: [program, 'replay', '--dry-run', '-r', ...files] },
        { name: "Falco's 93 rules checked", command: [program, 'check', ...files] },
      ]
    : []),
]

function run([command, ...args]: readonly string[]): number {
  const start = performance.now()
  const { status, stderr } = spawnSync(command!, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return performance.now() - start
}

console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}, medians of ${rounds} runs (spread)\n`)
const times = cases.map(() => [] as number[])
for (const { command } of cases) run(command) // fills the compile cache
// In turns, so that a busy moment of the machine hits all alike.
for (let i = 0; i < rounds; i++) for (const [j, { command }] of cases.entries()) times[j]!.push(run(command))
const medianOf = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!
const alone = medianOf(times[0]!)
for (const [j, { name }] of cases.entries()) {
  const median = medianOf(times[j]!)
  const spread = `${Math.min(...times[j]!).toFixed(0)}–${Math.max(...times[j]!).toFixed(0)}`
  const above = j === 0 ? '' : `  ${(median - alone).toFixed(0)} above node alone`
  console.log(`${name.padEnd(36)} ${median.toFixed(0).padStart(5)} ms (${spread})${above}`)
}
