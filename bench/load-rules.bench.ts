/**
 * How long does it take from the texts of rule files to the plan? The first load of a process, which is the one that a user waits for, and
 * the median of those after it, which a console that checks as one types would do.
 * Run: node bench/load-rules.bench.ts (the set of Falco's rules needs them beside the checkout)
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { eventLookup } from '../src/events/event-lookup.ts'
import { fieldLookup } from '../src/fields/catalogue.ts'
import { compileRules } from '../src/rules/compile-rules.ts'
import { falcoSets, manyRuleSets } from './rule-sets.ts'

const ROUNDS = 9
const falcos = new URL('../../shared/data/falco/rules/', import.meta.url)
const sets = [...(existsSync(falcos) ? falcoSets(falcos) : []), ...manyRuleSets([1250, 5000])]

const wanted = process.argv[2]
if (wanted === undefined) {
  console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
  // Each in a process of its own, so that the first load is a first one.
  for (const { name } of sets) {
    const { stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), name], { encoding: 'utf8' })
    process.stdout.write(stdout + stderr)
  }
} else {
  const set = sets.find(({ name }) => name === wanted)
  if (set === undefined) throw new Error(`no set ${wanted}`)
  const times: number[] = []
  let rules = 0
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now()
    const { plan } = compileRules(set.files, { fields: fieldLookup, events: eventLookup })
    times.push(performance.now() - start)
    rules = plan?.rules.length ?? 0
  }
  const [first = 0, ...later] = times
  later.sort((a, b) => a - b)
  const size = set.files.reduce((sum, { text }) => sum + text.length, 0) / 1000
  console.log(
    `${set.name.padEnd(26)} ${String(rules).padStart(5)} rules, ${size.toFixed(0).padStart(5)} kB: first ${first.toFixed(0)} ms, then ${later[later.length >> 1]!.toFixed(0)} ms (${later[0]!.toFixed(0)}–${later.at(-1)!.toFixed(0)})`,
  )
}
