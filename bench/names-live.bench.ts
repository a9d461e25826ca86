/**
 * Is each connection judged by the name that its process was told? Real look-ups (getaddrinfo) and connections in a network namespace while
 * the agent watches: 10,000 raced under load, 10,000 of four workloads to one address, 2,000 to a name that rotates through 4,000
 * addresses. Exit code 1 when one was judged wrong. Needs root. Run: node bench/names-live.bench.ts
 */
import { cpus } from 'node:os'
import { liveSkipReason } from '../src/events/live/testing.ts'
import {
  raceAnswers,
  rotateAddresses,
  shareAddress,
  type Verdicts,
  whyNoCompiler,
} from '../test/conformance/live-names/many-connections.ts'
import { worldSkipReason } from '../test/conformance/live-names/world.ts'

const why: string | false = liveSkipReason() || worldSkipReason() || whyNoCompiler()
if (why !== false) {
  console.error(`cannot run here: ${why}`)
  process.exit(2)
}

function show(what: string, wanted: number, { connections, wrong, tookMs, lost }: Verdicts): void {
  const rate = (connections / tookMs) * 1000
  console.log(
    `${what}: ${connections} connections, ${wrong} judged wrong, ${rate.toFixed(0)} a second, ${lost} events lost`,
  )
  if (wrong > 0 || connections !== wanted) process.exitCode = 1
}

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
show('answers raced under load', 10_000, await raceAnswers(10_000))
show('four workloads, one address', 10_000, await shareAddress(10_000))
const rotation = await rotateAddresses(2000)
show('4,000 addresses, 8 an answer', 2000, rotation)
console.log(`  with resolved names alone ${((100 * rotation.wrongWhenResolved) / 2000).toFixed(1)} % are judged wrong`)
