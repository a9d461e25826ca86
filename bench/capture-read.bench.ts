// How fast is a capture read, with a sink that does nothing? Total CPU time, inflating on zlib's thread included.
//   node bench/capture-read.bench.ts [FILE]
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { readCapture } from '../src/events/capture/read-capture.ts'
import { eventSink } from '../src/events/testing.ts'
import { median } from './median.ts'

const ROUNDS = 9
const path: string = process.argv[2] ?? fileURLToPath(new URL('../../shared/data/captures/busy.scap', import.meta.url))

const sink = eventSink(() => {})

if (!existsSync(path)) {
  console.log(`capture-read: skipped, there is no ${path}`)
} else {
  const cpuMs: number[] = []
  const wallMs: number[] = []
  let events = 0
  let bytes = 0
  for (let round = 0; round < ROUNDS; round++) {
    const cpu = process.cpuUsage()
    const start = performance.now()
    const summary = await readCapture(path, sink)
    if (summary.error !== undefined) throw new Error(summary.error.message)
    wallMs.push(performance.now() - start)
    const used = process.cpuUsage(cpu)
    cpuMs.push((used.user + used.system) / 1000)
    events = summary.events
    bytes = summary.bytes
  }
  const cpu = median(cpuMs)
  const spread = Math.max(...cpuMs) - Math.min(...cpuMs)
  console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}, median of ${ROUNDS}`)
  console.log(`${events} events, ${(bytes / 1e6).toFixed(0)} MB inflated`)
  console.log(
    `CPU ${cpu.toFixed(0)} ms (first ${cpuMs[0]?.toFixed(0)}, spread ${spread.toFixed(0)}), wall ${median(wallMs).toFixed(0)} ms`,
  )
  console.log(
    `${(events / cpu / 1000).toFixed(1)} million events per CPU-second, ${((cpu * 1e6) / events).toFixed(0)} ns each`,
  )
  console.log(`peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`)
}
