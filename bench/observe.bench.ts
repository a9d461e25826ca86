/**
 * What does learning names from traffic cost? The whole event path (state, names, default rules, alerts dropped), once without an observer
 * and once with it, over four loads:
 * - a capture of a busy host as it is;
 * - DNS-heavy: the same with a look-up before each of its connects over IPv4 and a ClientHello after it. That adds eight events to each: socket,
 *   connect, query sent, query received by a resolver of the same host, answer sent, answer received, close; ClientHello sent. They are
 *   12 % of all events then, the DNS messages among them 6 %. Connects come in bursts of some thousand a second, and nobody has a cache:
 *   a process asks for each of its 50 names every few milliseconds, as clients of a few services do. So almost all answers are repeated ones;
 * - the same, but no process asks for a name twice, so all answers are news;
 * - look-ups and connections, and nothing else: the extreme, with as many names and processes that come back to them after more than a second.
 * Each slice of events counts with the median of its rounds, because one slow moment of the machine must not decide.
 * Run: node bench/observe.bench.ts [FILE]
 */
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { NameIndex } from '../src/domains/name-index.ts'
import { readCapture } from '../src/events/capture/read-capture.ts'
import type { SourceSink } from '../src/events/source.ts'
import { defaultPipeline } from './default-pipeline.ts'
import { busyHost, lookUpsAlone } from './dns-load.ts'
import { median } from './median.ts'

const ROUNDS = 9
/** Events. */
const SLICE = 20_000
const shared: string = fileURLToPath(new URL('../../shared/data/captures/busy.scap', import.meta.url))
const sample: string = fileURLToPath(new URL('../samples/network.scap', import.meta.url))
const path: string = process.argv[2] ?? (existsSync(shared) ? shared : sample)

const busy = await busyHost(path, 50)
const fresh = await busyHost(path, 2000)
const loads: readonly { readonly name: string; readonly run: (sink: SourceSink) => Promise<number> | number }[] = [
  { name: path.replace(/.*\//, ''), run: async sink => (await readCapture(path, sink)).events },
  {
    name: `the same with a look-up and a ClientHello for each of its ${busy.lookUps} connects, ${busy.perSecond.toFixed(0)} a second (DNS-heavy)`,
    run: busy.load,
  },
  { name: 'the same, and no process asks for a name twice', run: fresh.load },
  { name: 'look-ups and connections, and nothing else (extreme)', run: lookUpsAlone() },
]

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
console.log(`CPU time of all threads: of each ${SLICE} events the median of ${ROUNDS} rounds, added up`)
for (const { name, run } of loads) {
  const us: [off: number[][], on: number[][]] = [[], []]
  let events = 0
  // One after the other within a round, so that a slow moment of the machine meets both; the first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, observes] of [false, true].entries()) {
      const { sink } = defaultPipeline(new NameIndex(), observes)
      let before = process.cpuUsage()
      let slice = 0
      let inSlice = 0
      const endSlice = (): void => {
        const now = process.cpuUsage()
        const rounds = (us[i]![slice++] ??= [])
        if (round > 0) rounds.push(now.user + now.system - before.user - before.system)
        before = now
        inSlice = 0
      }
      const sliced: SourceSink = {
        ...sink,
        event: record => {
          if (++inSlice === SLICE) endSlice()
          return sink.event(record)
        },
      }
      events = await run(sliced)
      endSlice()
    }
  }
  const [off, on] = us.map(slices => slices.reduce((sum, rounds) => sum + median(rounds), 0) / 1000) as [number, number]
  const show = (ms: number): string => `${ms.toFixed(0)} ms, ${((ms * 1e6) / events).toFixed(0)} ns an event`
  console.log(`${name}: ${events} events`)
  console.log(`  without  ${show(off)}`)
  console.log(`  with     ${show(on)}: ${((on / off - 1) * 100).toFixed(1)} % more`)
}
