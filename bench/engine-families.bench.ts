/**
 * What do 1,000 and 5,000 rules of one address, one path prefix or one program name each cost, against 10 of them? For Falco 1,000 such
 * rules cost 46, 66 and 4 times as much as 10.
 * Run: node bench/engine-families.bench.ts
 */
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { measureMatch, planOf } from './match-cost.ts'
import { manyRuleSets } from './rule-sets.ts'

const ROUNDS = 5
const capture = fileURLToPath(new URL('../samples/network.scap', import.meta.url))

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
for (const set of manyRuleSets([10, 1000, 5000])) {
  const { linkMs, nsPerEvent } = await measureMatch(planOf(set), capture, ROUNDS)
  const at = (i: number): string => `${(nsPerEvent[i] ?? Number.NaN).toFixed(1)} ns`
  console.log(
    `${set.name.padEnd(28)} median ${at(ROUNDS >> 1).padStart(8)} an event (${at(0)} to ${at(ROUNDS - 1)}), linked in ${linkMs.toFixed(0)} ms`,
  )
}
