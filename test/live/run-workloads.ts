/** Runs the workloads of the recorded captures, on this machine, between two calls: what is told meanwhile is the caller's affair. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What the workloads call and `scripts/setup-tests.sh` installs. */
const PROGRAMS: readonly string[] = [
  ...['gcc', 'git', 'perl', 'python3', 'curl', 'wget', 'ssh', 'strace', 'ip', 'ps', 'script', 'debugfs', 'flock'],
  ...['runc', 'busybox', 'dnsmasq', 'dig', 'nc', 'ncat', 'socat', 'sudo', 'ifconfig', 'unshare'],
]
const FOLDERS: readonly string[] = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']

const OVERLAYFS = 0x794c7630

/** Why the workloads of this folder cannot be run here; false when they can. */
export function workloadsSkipReason(folder: string): string | false {
  if (!existsSync(folder)) return 'needs ../shared/data/captures beside the project'
  const missing = PROGRAMS.filter(name => !FOLDERS.some(path => existsSync(join(path, name))))
  if (missing.length > 0) return `the workloads need ${missing.join(', ')} (sh scripts/setup-tests.sh)`
  // What the recordings show of links, clones and the layers of a container is that of one file system, and no layered one.
  if (new Set(['/srv', '/etc', '/usr/bin'].map(path => statSync(path).dev)).size > 1)
    return 'needs /srv, /etc and /usr on one file system, for links between them'
  if (statfsSync('/srv').type === OVERLAYFS) return 'needs a root that is no overlayfs, to put one on top'
  if (existsSync('/srv/lab') && !existsSync('/srv/lab/.tiercel-tests')) return 'there is a /srv/lab already'
  return false
}

export interface PreparedWorkloads {
  /** Process id of the script that every process of the workloads comes from. */
  readonly pid: number
  /** Runs them all at the same time; resolves when they have ended. */
  run(): Promise<void>
  /** What a workload printed. */
  output(name: string): string
  end(): Promise<void>
}

/** Prepares `/srv/lab` (lab.sh); rejects when that fails. */
export async function prepareWorkloads(folder: string, names: readonly string[]): Promise<PreparedWorkloads> {
  const out = mkdtempSync(join(tmpdir(), 'tiercel-lab-'))
  const script = fileURLToPath(new URL('lab.sh', import.meta.url))
  const child = spawn('bash', [script, folder, out, ...names], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '' },
  })
  let printed = ''
  child.stderr.on('data', data => (printed += String(data)))
  const exited = once(child, 'exit')
  const end = async (): Promise<void> => {
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await exited
    rmSync(out, { recursive: true, force: true })
  }
  try {
    await untilReady(child)
  } catch (error) {
    await end()
    throw new Error(`lab.sh ended before it was ready\n${printed}`, { cause: error })
  }
  return {
    pid: child.pid!,
    run: async () => {
      child.stdin.write('go\n')
      const [code] = (await exited) as [number | null]
      if (code !== 0) throw new Error(`lab.sh ended with ${code}\n${printed}`)
    },
    output: name => readFileSync(join(out, `${name}.log`), 'latin1'),
    end,
  }
}

function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', data => {
      text += String(data)
      if (text.includes('ready')) resolve()
    })
    child.on('exit', code => reject(new Error(`exit code ${code}`)))
    child.on('error', reject)
  })
}
