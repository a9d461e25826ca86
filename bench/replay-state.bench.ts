/**
 * What does keeping the state cost? A capture is read once with a sink that does nothing and once through `HostState`; total CPU time, the
 * inflating on zlib's thread included. With connections watched too, which is what the name index asks for.
 * Run: node bench/replay-state.bench.ts [FILE]
 */
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { NameIndex } from '../src/domains/name-index.ts'
import { readCapture } from '../src/events/capture/read-capture.ts'
import type { SourceSink } from '../src/events/source.ts'
import { eventSink } from '../src/events/testing.ts'
import { HostState, stateSink } from '../src/state/host-state.ts'

const ROUNDS = 9
const shared: string = fileURLToPath(new URL('../../shared/data/captures/busy.scap', import.meta.url))
const sample: string = fileURLToPath(new URL('../samples/network.scap', import.meta.url))
const path: string = process.argv[2] ?? (existsSync(shared) ? shared : sample)

const nothing = eventSink(() => {})

const cases: readonly { readonly name: string; readonly makeSink: () => SourceSink }[] = [
  { name: 'reading alone', makeSink: () => nothing },
  { name: 'state', makeSink: () => stateSink(new HostState(), () => true) },
  { name: 'state, connections to names', makeSink: watchedState },
]

/** Connections are told to the name index as the agent does it. */
function watchedState(): SourceSink {
  const names = new NameIndex()
  const state: HostState = new HostState({
    onConnection: (ip, delta) => (delta > 0 ? names.pin(ip, state.current.timeMs) : names.unpin(ip)),
  })
  return stateSink(state, () => true)
}

async function cpuMsOf(sink: SourceSink): Promise<{ ms: number; events: number }> {
  const before = process.cpuUsage()
  const summary = await readCapture(path, sink)
  const { user, system } = process.cpuUsage(before)
  if (summary.error !== undefined) throw new Error(summary.error.message)
  return { ms: (user + system) / 1000, events: summary.events }
}

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
const rounds: number[][] = cases.map(() => [])
let events = 0
// Case by case within a round, so that a slow moment of the machine meets all of them; the first round warms up.
for (let round = 0; round <= ROUNDS; round++) {
  for (const [i, { makeSink }] of cases.entries()) {
    const result = await cpuMsOf(makeSink())
    events = result.events
    if (round > 0) rounds[i]!.push(result.ms)
  }
}
console.log(`${path.replace(/.*\//, '')}: ${events} events, median of ${ROUNDS} rounds (lowest to highest)`)
for (const [i, { name }] of cases.entries()) {
  const ms = rounds[i]!.sort((a, b) => a - b)
  const median = ms[ROUNDS >> 1]!
  console.log(
    `${name.padEnd(28)} CPU ${median.toFixed(0).padStart(5)} ms (${ms[0]!.toFixed(0)} to ${ms.at(-1)!.toFixed(0)}), ${((median * 1e6) / events).toFixed(0)} ns an event`,
  )
}
