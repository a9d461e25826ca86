import { ChildInput } from './child-input.ts'
import { causeText, type OutputMessage, type OutputSink, SinkError } from './sink.ts'

export interface ProgramSinkOptions {
  /** A shell command line. */
  readonly program: string
  /** One process for all alerts. Otherwise each alert gets its own, one after the other. */
  readonly keepAlive: boolean
  /** How long `close` waits for the process to finish before it is killed. */
  readonly closeTimeoutMs: number
}

/**
 * Gives alerts to a shell command on its standard input. What the command prints goes where the agent's own output goes. A command that
 * cannot be run or is killed (exit codes from 126 in a shell) counts as a failure; any other code is its own affair, as with Falco. What a
 * process that is kept has taken in and not worked off when it dies is lost: a pipe does not tell.
 */
export function openProgramSink(options: ProgramSinkOptions): OutputSink {
  let child: ChildInput | undefined

  function start(): ChildInput {
    try {
      return new ChildInput('/bin/sh', ['-c', options.program])
    } catch (error) {
      throw new SinkError(`cannot start \`${options.program}\`: ${causeText(error)}`, { cause: error })
    }
  }

  async function finish(one: ChildInput): Promise<void> {
    one.endInput()
    const { code, signal, error } = await one.ended
    if (error !== undefined)
      throw new SinkError(`cannot start \`${options.program}\`: ${causeText(error)}`, { cause: error })
    if (signal !== null) throw new SinkError(`\`${options.program}\` was ended by ${signal}`, { outlook: 'lost' })
    if (code !== null && code >= 126) {
      throw new SinkError(`\`${options.program}\` could not be run or was killed (exit code ${code})`, {
        outlook: 'lost',
      })
    }
  }

  async function writeOnce(line: string): Promise<void> {
    const one = start()
    child = one
    try {
      await one.feed(`${line}\n`).catch(() => {}) // a program need not read its input; how it ends decides
      await finish(one)
    } finally {
      child = undefined
    }
  }

  async function writeKept(messages: readonly OutputMessage[]): Promise<void> {
    if (child === undefined || child.hasEnded) child = start()
    try {
      await child.feed(`${messages.map(m => m.line).join('\n')}\n`)
    } catch (error) {
      const ended = child
      child = undefined
      ended.kill()
      throw new SinkError(`\`${options.program}\`: ${causeText(error)}`, { cause: error })
    }
  }

  async function stop(): Promise<void> {
    const one = child
    child = undefined
    if (one === undefined) return
    one.endInput()
    const timer = setTimeout(() => one.kill(), options.closeTimeoutMs)
    await one.ended
    clearTimeout(timer)
  }

  return {
    name: 'program',
    maxBatch: options.keepAlive ? 256 : 1,
    async write(messages: readonly OutputMessage[]): Promise<void> {
      if (options.keepAlive) return writeKept(messages)
      for (const message of messages) await writeOnce(message.line)
    },
    reopen: stop,
    close: stop,
    abort: () => child?.kill(),
  }
}
