/**
 * What rules cost on a long capture: events per CPU second of a whole replay (inflating, state, rules, alerts formatted and dropped), each run in
 * a process of its own, so that warming up counts. Falco's figures for the same sets: `../shared/design/peer-figures.md`.
 *
 *   node bench/replay.bench.ts [rounds]
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { falcoSets, manyRuleSets, neverSet, type RuleSet } from './rule-sets.ts'
import { median } from './median.ts'

interface Run {
  readonly events: number
  readonly alerts: number
  readonly cpuMs: number
  readonly loadMs: number
  readonly readyMs: number
  readonly peakMb: number
}

const shared = new URL('../../shared/data/', import.meta.url)
const capture = new URL('captures/busy.scap', shared)
if (!existsSync(capture)) {
  console.log('needs ../shared/data/captures/busy.scap beside the project')
  process.exit(0)
}

const rounds = Number(process.argv[2] ?? 5)
const scratch = mkdtempSync(join(tmpdir(), 'tiercel-bench-'))
const once = new URL('replay-once.ts', import.meta.url)

/** As `bin/tiercel` starts Node. */
const heapFlags = ['--min-semi-space-size=4', '--max-semi-space-size=4']

function measure(set: RuleSet): Run[] {
  const files = set.files.map(({ path, text }) => {
    const file = join(scratch, path.replaceAll(' ', '-'))
    writeFileSync(file, text)
    return file
  })
  return Array.from({ length: rounds }, () => {
    const output = execFileSync(
      process.execPath,
      [...heapFlags, ...process.execArgv, once.pathname, capture.pathname, ...files],
      {
        encoding: 'utf8',
        env: { ...process.env, NODE_COMPILE_CACHE: join(scratch, 'cache') },
      },
    )
    return JSON.parse(output) as Run
  })
}

const sets = [neverSet, ...falcoSets(new URL('falco/rules/', shared)), ...manyRuleSets([10, 1000, 5000])]
/** What a set is compared with: the sets of the same rules, fewer of them. */
const baseOf = (name: string): string | undefined => {
  if (name.startsWith('stable ×')) return 'stable'
  const many = /^\d+( × one .*)$/.exec(name)
  return many !== null && !name.startsWith('10 ') ? `10${many[1]}` : undefined
}

console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}, medians of ${rounds} runs (spread)\n`)
console.log(
  'rules                        events/CPU s   CPU s (spread)      ns/event   × fewer   load ms   peak MB   alerts',
)
measure(neverSet) // fills the compile cache
const cost = new Map<string, number>()
for (const set of sets) {
  const runs = measure(set)
  const cpuMs = median(runs.map(r => r.cpuMs))
  const all = runs.map(r => r.cpuMs)
  const events = runs[0]!.events
  cost.set(set.name, cpuMs)
  const base = baseOf(set.name)
  const ratio = base === undefined ? '' : (cpuMs / cost.get(base)!).toFixed(2)
  const spread = `${(Math.min(...all) / 1000).toFixed(2)}–${(Math.max(...all) / 1000).toFixed(2)}`
  console.log(
    `${set.name.padEnd(28)} ${(events / cpuMs / 1000).toFixed(2).padStart(9)} M   ` +
      `${(cpuMs / 1000).toFixed(2).padStart(6)} (${spread})   ${((cpuMs * 1e6) / events).toFixed(0).padStart(6)}   ` +
      `${ratio.padStart(8)}   ${median(runs.map(r => r.loadMs))
        .toFixed(0)
        .padStart(6)}   ` +
      `${median(runs.map(r => r.peakMb))
        .toFixed(0)
        .padStart(6)}   ${String(runs[0]!.alerts).padStart(6)}`,
  )
}
rmSync(scratch, { recursive: true })
