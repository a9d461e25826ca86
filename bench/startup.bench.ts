/**
 * From the start of Node to the first event: how long until all of Falco's rules are loaded, compiled and linked, and the capture is
 * opened? Wall time, and the processor time of all threads of the process, which a busy machine disturbs less. The compile cache is
 * filled, as it is from the second start on.
 * Run: node bench/startup.bench.ts [rounds] (needs Falco's rules and the captures beside the checkout)
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const rounds = Number(process.argv[2] ?? 21)
const shared = fileURLToPath(new URL('../../shared/data/', import.meta.url))
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const capture = `${shared}captures/curl_google.scap`
const rules = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml'].map(
  name => `${shared}falco/rules/${name}`,
)

/** The flags that bin/tiercel gives to Node in a checkout. */
const flags = [...readFileSync(new URL('../bin/tiercel', import.meta.url), 'utf8').matchAll(/^\s*flags="(.*)"$/gm)]
  .flatMap(([, text]) => text!.split(' '))
  .filter(flag => flag.startsWith('--'))

/** Says, when the process ends, at what time it first opened a capture, and what the processor had done by then. */
const preload = `
  import fs from 'node:fs'
  import { syncBuiltinESMExports } from 'node:module'
  const { open } = fs.promises
  let ready
  fs.promises.open = (path, ...rest) => {
    if (ready === undefined && String(path).endsWith('.scap')) {
      const { user, system } = process.cpuUsage()
      ready = performance.now() + ' ' + (user + system) / 1000
      process.once('exit', () => process.stderr.write('ready: ' + ready + '\\n'))
    }
    return open(path, ...rest)
  }
  syncBuiltinESMExports()`
const watched = ['--import', `data:text/javascript,${encodeURIComponent(preload)}`]

interface Start {
  readonly wallMs: number
  readonly cpuMs: number
}

const cache = mkdtempSync(join(tmpdir(), 'tiercel-compiled-'))

function startTiercel(): Start {
  const { stderr } = spawnSync(
    process.execPath,
    [...flags, ...watched, main, 'replay', '-q', capture, '-r', ...rules],
    { encoding: 'utf8', env: { ...process.env, NODE_COMPILE_CACHE: cache } },
  )
  const [, wall, cpu] = /^ready: (\S+) (\S+)$/m.exec(stderr) ?? []
  if (wall === undefined) throw new Error(`no capture was opened: ${stderr}`)
  return { wallMs: Number(wall), cpuMs: Number(cpu) }
}

/** What Node itself needs, with the same preload. */
function startNode(): Start {
  const report = `const { user, system } = process.cpuUsage(); console.log(performance.now(), (user + system) / 1000)`
  const { stdout } = spawnSync(process.execPath, [...flags, ...watched, '-e', report], { encoding: 'utf8' })
  const [wallMs = 0, cpuMs = 0] = stdout.split(' ').map(Number)
  return { wallMs, cpuMs }
}

function described(starts: readonly Start[], key: keyof Start): string {
  const values = starts.map(start => start[key]).sort((a, b) => a - b)
  const median = values[values.length >> 1]!
  return `${median.toFixed(0).padStart(5)} ms (${values[0]!.toFixed(0)}–${values.at(-1)!.toFixed(0)})`
}

try {
  startTiercel() // fills the compile cache
  startTiercel()
  const node: Start[] = []
  const tiercel: Start[] = []
  // In turns, so that a busy moment of the machine hits both alike.
  for (let i = 0; i < rounds; i++) {
    node.push(startNode())
    tiercel.push(startTiercel())
  }
  console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}, medians of ${rounds} starts (spread)\n`)
  for (const [name, starts] of [
    ['node alone', node],
    ["Falco's 93 rules ready", tiercel],
  ] as const) {
    console.log(`${name.padEnd(24)} wall ${described(starts, 'wallMs')}   cpu ${described(starts, 'cpuMs')}`)
  }
} finally {
  rmSync(cache, { recursive: true, force: true })
}
