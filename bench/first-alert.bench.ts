/**
 * How long after its start does a live agent raise its first alert? A program reads /etc/shadow every 20 ms; what counts is the first line on
 * standard output, by the clock, with the compile cache filled. Falco needs 1.8–2.1 s (`../shared/design/peer-figures.md`). Needs root and
 * the probe.
 *
 *   node bench/first-alert.bench.ts [rounds = 5]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../src/events/live/testing.ts'
import { nodeFlags, ruleSets } from './agent-run.ts'
import { median } from './median.ts'

const rounds = Number(process.argv[2] ?? 5)
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

/** Milliseconds from the start of the process to its first line. */
async function firstAlert(rules: readonly string[], cache: string): Promise<number> {
  const env = { ...process.env, MALLOC_ARENA_MAX: '1', NODE_COMPILE_CACHE: cache }
  const startMs = performance.now()
  const args = [...nodeFlags, main, 'run', ...rules.flatMap(path => ['-r', path])]
  const agent = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const reader = spawn('/bin/sh', ['-c', 'while :; do cat /etc/shadow >/dev/null; sleep 0.02; done'])
  const ms = await new Promise<number>(resolve => {
    agent.stdout.once('data', () => resolve(performance.now() - startMs))
    agent.on('close', () => resolve(Number.NaN))
  })
  reader.kill()
  agent.kill('SIGTERM')
  agent.stdout.resume()
  await new Promise(resolve => (agent.exitCode === null ? agent.on('close', resolve) : resolve(undefined)))
  return ms
}

const reason = liveSkipReason()
if (reason !== false) {
  console.log(`cannot watch this machine: ${reason}`)
} else {
  const scratch = mkdtempSync(join(tmpdir(), 'tiercel-bench-'))
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.version}, ${rounds} starts\n`,
  )
  for (const { name, rules } of ruleSets(scratch)) {
    if (name === 'one idle rule') continue
    await firstAlert(rules, scratch) // fills the compile cache
    const all: number[] = []
    for (let round = 0; round < rounds; round++) all.push(await firstAlert(rules, scratch))
    const range = `${Math.min(...all).toFixed(0)}–${Math.max(...all).toFixed(0)}`
    console.log(`${name.padEnd(16)} ${median(all).toFixed(0).padStart(5)} ms (${range})`)
  }
  rmSync(scratch, { recursive: true })
}
