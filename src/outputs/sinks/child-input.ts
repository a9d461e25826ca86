import type { ChildProcess } from 'node:child_process'
import { causeText, SinkError } from './sink.ts'

/** How a child ended: an exit code, a signal, or that it never began. */
export interface ChildEnd {
  readonly code: number | null
  readonly signal: string | null
  readonly error: Error | undefined
}

/**
 * A child process that is fed through its standard input, in a process group of its own: Ctrl-C in a terminal ends the agent, which then
 * ends its children in order, and a shell's children go with it when it must be killed.
 */
export class ChildInput {
  readonly #child: ChildProcess
  /** Resolves, never rejects, when the process has ended and its pipes are closed. */
  readonly ended: Promise<ChildEnd>
  #hasEnded = false
  #onEnd: (() => void) | undefined

  constructor(file: string, args: readonly string[]) {
    // Loaded only when there is a child: that takes 3 ms of every start otherwise.
    const { spawn } = process.getBuiltinModule('node:child_process')
    const child = spawn(file, args, { stdio: ['pipe', 'inherit', 'inherit'], detached: true })
    this.#child = child
    this.ended = new Promise(resolve => {
      const end = (value: ChildEnd): void => {
        this.#hasEnded = true
        this.#onEnd?.()
        resolve(value)
      }
      child.on('error', error => end({ code: null, signal: null, error }))
      child.on('close', (code, signal) => end({ code, signal, error: undefined }))
    })
    child.stdin?.on('error', () => {}) // EPIPE: the child did not want all of it; its exit code tells more
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Resolves when the pipe has taken the bytes; rejects when the child will read no more. One call at a time. */
  feed(text: string): Promise<void> {
    const stdin = this.#child.stdin
    return new Promise((resolve, reject) => {
      // A process that ends while its pipe is full may leave the write without an answer.
      this.#onEnd = () => reject(new SinkError('the process has ended'))
      if (stdin === null || this.#hasEnded) return this.#onEnd()
      stdin.write(text, 'utf8', error => {
        this.#onEnd = undefined
        if (error) reject(new SinkError(`the process reads no more: ${causeText(error)}`, { cause: error }))
        else resolve()
      })
    })
  }

  /** No more input; the child may finish what it has. */
  endInput(): void {
    this.#child.stdin?.end()
  }

  /** Ends the process and all that it started. */
  kill(): void {
    const pid = this.#child.pid
    if (pid === undefined || this.#hasEnded) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // it ended on its own in the meantime
    }
    this.#child.stdin?.destroy()
  }
}
