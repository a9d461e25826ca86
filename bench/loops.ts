/** The program of `loops.c` as a benchmark sees it: it runs a loop for some milliseconds when it is told to. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('loops.c', import.meta.url))

export interface Speed {
  readonly perSecond: number
  readonly perCpuSecond: number
  readonly turns: number
  readonly ms: number
  readonly cpuMs: number
}

export class Loops {
  readonly #child: ChildProcess
  readonly #lines: Interface

  /** Compiles it into `scratch`. With a `cpu`, it and its children run there and nowhere else. Throws where there is no C compiler. */
  constructor(scratch: string, cpu: number | undefined) {
    const program = join(scratch, 'loops')
    const compiler = ['cc', 'clang', 'gcc'].find(name => spawnSync(name, ['--version']).status === 0)
    if (compiler === undefined) throw new Error('no C compiler (cc, clang, gcc) to build bench/loops.c with')
    const { status, stderr } = spawnSync(compiler, ['-O2', '-o', program, source], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    const command = cpu === undefined ? [program] : ['taskset', '-c', `${cpu}`, program]
    this.#child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface(this.#child.stdout!)
  }

  async run(loop: string, ms: number): Promise<Speed> {
    const answer = new Promise<string>((resolve, reject) => {
      this.#lines.once('line', resolve)
      this.#child.once('exit', code => reject(new Error(`the loop ended with ${code}`)))
    })
    this.#child.stdin!.write(`${loop} ${ms}\n`)
    const line = await answer
    this.#child.removeAllListeners('exit')
    const [turns = 0, ns = 0, cpuNs = 0] = line.split(' ').map(Number)
    return {
      perSecond: (turns * 1e9) / ns,
      perCpuSecond: (turns * 1e9) / cpuNs,
      turns,
      ms: ns / 1e6,
      cpuMs: cpuNs / 1e6,
    }
  }

  close(): void {
    this.#child.stdin!.end()
  }
}
