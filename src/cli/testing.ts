/** For tests of commands: runs one without a terminal and keeps what it prints. */
import picocolors from 'picocolors'
import type { Command } from './command.ts'
import { parseArguments } from './parse-arguments.ts'

/** What a command printed. */
export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export async function runCommand(command: Command, words: readonly string[]): Promise<Ran> {
  let out = ''
  let err = ''
  const colors = picocolors.createColors(false)
  const code = await command.run(parseArguments(words, command), {
    out: text => (out += text),
    err: text => (err += text),
    flush: () => Promise.resolve(),
    outIsTty: false,
    errIsTty: false,
    columns: 80,
    outColors: colors,
    errColors: colors,
    outClosed: new AbortController().signal,
  })
  return { code, out, err }
}

/** Of a command that must have nothing to say on standard error. */
export async function runQuietly(command: Command, words: readonly string[]): Promise<Ran> {
  const ran = await runCommand(command, words)
  if (ran.err !== '') throw new Error(`on standard error: ${ran.err}`)
  return ran
}
