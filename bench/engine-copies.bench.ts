/**
 * What do copies of rules under other names cost? Falco evaluates each copy: 10 and 50 times its stable rules cost 5 and 49 times as much.
 * The rules are this repository's, and Falco's where they are found beside the checkout.
 * Run: node bench/engine-copies.bench.ts
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { measureMatch, planOf } from './match-cost.ts'
import { copyRules, falcoSets, type RuleSet } from './rule-sets.ts'

const ROUNDS = 5
const captures = ['container', 'network'].map(name =>
  fileURLToPath(new URL(`../samples/${name}.scap`, import.meta.url)),
)
const ours = new URL('../rules/', import.meta.url)
const falcos = new URL('../../shared/data/falco/rules/', import.meta.url)

function ourSets(): RuleSet[] {
  const files = readdirSync(ours).filter(name => name.endsWith('.yaml'))
  return [1, 10, 50].map(n => ({
    name: n === 1 ? 'default rules' : `default rules ×${n}`,
    files: files.map(path => ({ path, text: copyRules(readFileSync(new URL(path, ours), 'utf8'), n) })),
  }))
}

const sets = [...ourSets(), ...(existsSync(falcos) ? falcoSets(falcos) : [])]
console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
for (const set of sets) {
  const plan = planOf(set)
  for (const capture of captures) {
    const { linkMs, nsPerEvent, matches } = await measureMatch(plan, capture, ROUNDS)
    const at = (i: number): string => `${(nsPerEvent[i] ?? Number.NaN).toFixed(0)} ns`
    console.log(
      `${set.name.padEnd(20)} ${String(plan.rules.length).padStart(5)} rules  ${capture.replace(/.*\//, '').padEnd(15)} median ${at(ROUNDS >> 1).padStart(7)} an event (${at(0)} to ${at(ROUNDS - 1)}), linked in ${linkMs.toFixed(0)} ms, ${matches} matches`,
    )
  }
}
