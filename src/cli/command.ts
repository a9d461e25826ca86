import type { ArgumentSpec, Arguments } from './parse-arguments.ts'
import type { Terminal } from './terminal.ts'

/** One command: what its help shows, what it takes, what it does. */
export interface Command extends ArgumentSpec {
  /** One line for the list of commands. */
  readonly summary: string
  /** Operands and the main options, as typed after the name. */
  readonly usage: string
  /** Paragraphs of its own help. */
  readonly doc: readonly string[]
  readonly examples: readonly { readonly command: string; readonly doc: string }[]
  /** Meaning of exit code 0, and of 1. */
  readonly exitCodes: readonly [ok: string, failed: string]
  /** Does it and gives the exit code. Throws `CommandError` for what the user must be told. */
  run(args: Arguments, terminal: Terminal): Promise<number>
}
