/**
 * What does a long list of domains cost: to load, and for each check? One check is one hash look-up, so 100,000 names must cost what
 * 10 do; the last column is a hit, which looks at times as well. Run: node bench/domain-list.bench.ts
 */
import { cpus } from 'node:os'
import { NameIndex } from '../src/domains/name-index.ts'
import type { NameSet } from '../src/domains/name-set.ts'
import type { Ip } from '../src/values/value.ts'
import { median } from './median.ts'

const ROUNDS = 9
const CHECKS = 1_000_000
const ADDRESSES_BOUND = 10_000

/** Names in the spelling of a rule file: a few need work to be normalised. */
function listOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const name = `host${(i * 7919) % count}.zone${i % 977}.example.com`
    return i % 100 === 0 ? `${name.toUpperCase()}.` : name
  })
}

function spread(numbers: readonly number[], digits: number): string {
  const sorted = numbers.toSorted((a, b) => a - b)
  return `${median(sorted).toFixed(digits)} (${sorted[0]!.toFixed(digits)}–${sorted.at(-1)!.toFixed(digits)})`
}

function timeChecks(set: NameSet, ips: readonly Ip[], want: number): number {
  const atMs = 1_000_000
  let hits = 0
  const start = performance.now()
  for (let i = 0; i < CHECKS; i++) if (set.matches(ips[i % ips.length]!, atMs)) hits++
  const ns = ((performance.now() - start) * 1e6) / CHECKS
  if (hits !== want * CHECKS) throw new Error(`unreachable: ${hits} of ${CHECKS} checks hit`)
  return ns
}

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
console.log(
  `medians of ${ROUNDS} rounds (lowest–highest); ${ADDRESSES_BOUND} addresses are bound to names of each list`,
)
console.log('names      load ms               heap MB  miss ns               hit ns')

let small = 0
for (const count of [10, 1000, 100_000, 1_000_000]) {
  const names = listOf(count)
  const loads: number[] = []
  let index = new NameIndex()
  let set = index.watch([])
  const heapBefore = process.memoryUsage().heapUsed
  for (let round = 0; round < (count > 100_000 ? 3 : ROUNDS); round++) {
    index = new NameIndex()
    const start = performance.now()
    set = index.watch(names)
    loads.push(performance.now() - start)
  }
  const heapMb = (process.memoryUsage().heapUsed - heapBefore) / 1e6
  const bound: Ip[] = []
  const free: Ip[] = []
  for (let i = 0; i < ADDRESSES_BOUND; i++) {
    const ip = 0xc6120000 + i
    index.learn({ name: names[i % count]!, ip, evidence: 'resolved' }, 0)
    bound.push(ip)
    free.push(0x0a000000 + i)
  }
  const misses: number[] = []
  const hits: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    misses.push(timeChecks(set, free, 0))
    hits.push(timeChecks(set, bound, 1))
  }
  console.log(
    `${String(count).padEnd(10)} ${spread(loads, 1).padEnd(21)} ${heapMb.toFixed(0).padStart(7)}  ${spread(misses, 1).padEnd(21)} ${spread(hits, 1)}`,
  )
  if (count === 10) small = median(misses)
  if (count === 100_000) {
    if (median(loads) > 2000) throw new Error('100,000 names took more than 2 s to load')
    if (median(misses) > 5 * small + 50) throw new Error('a check in 100,000 names costs far more than in 10')
  }
}
