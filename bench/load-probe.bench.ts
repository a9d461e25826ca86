/**
 * What does loading the probe cost? Processor time and time by the clock until everything is verified and mapped, from the call of `openLive` on,
 * of several times; and how many instructions the kernel's verifier followed, which is the same each time. Needs root and the probe.
 *
 *   node bench/load-probe.bench.ts [times = 20]
 */
import { readdirSync, readFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { liveSkipReason } from '../src/events/live/testing.ts'
import { openLive } from '../src/events/live/open-live.ts'
import { median } from './median.ts'

const times = Number(process.argv[2] ?? 20)
const reason = liveSkipReason()

/** Of the programs that this process has, as the kernel says since Linux 5.16. */
function verifiedInstructions(): number {
  const byProgram = new Map<string, number>()
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    let text = ''
    try {
      text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
    } catch {
      continue // the one that listed the others
    }
    const id = /^prog_id:\s*(\d+)$/m.exec(text)?.[1]
    const count = /^verified_insns:\s*(\d+)$/m.exec(text)?.[1]
    if (id !== undefined && count !== undefined) byProgram.set(id, Number(count))
  }
  return [...byProgram.values()].reduce((sum, count) => sum + count, 0)
}

if (reason !== false) {
  console.log(`cannot watch this machine: ${reason}`)
} else {
  const cpuMs: number[] = []
  const clockMs: number[] = []
  let instructions = 0
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage()
    const from = performance.now()
    const source = openLive({ wanted: new Map(), ringBytes: 16 * 1024 * 1024, startNow: false })
    const { user, system } = process.cpuUsage(before)
    clockMs.push(performance.now() - from)
    cpuMs.push((user + system) / 1000)
    instructions = verifiedInstructions()
    await source.close()
  }
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Linux ${release()}, Node ${process.version}, ${times} times`,
  )
  console.log(
    `processor time ${median(cpuMs).toFixed(0)} ms (at least ${Math.min(...cpuMs).toFixed(0)}), by the clock ${median(clockMs).toFixed(0)} ms`,
  )
  console.log(`the verifier followed ${instructions} instructions`)
}
