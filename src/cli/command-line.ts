import { existsSync } from 'node:fs'
import { commandNames, loadCommand } from './commands.ts'
import { parseArguments } from './parse-arguments.ts'
import { CommandError, UsageError } from './command-error.ts'
import { closestName } from '../diagnostics/closest-name.ts'
import { type Terminal, openTerminal } from './terminal.ts'

/** Runs the command that `args` (without program name) ask for and returns the exit code: 0 done, 1 any failure. */
export async function runCommandLine(args: readonly string[], terminal: Terminal = openTerminal()): Promise<number> {
  try {
    return await dispatch(args, terminal)
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    terminal.err(`${terminal.errColors.red('tiercel:')} ${error.message}\n`)
    if (error.help !== undefined) terminal.err(`  ${terminal.errColors.cyan('help:')} ${error.help}\n`)
    return 1
  } finally {
    await terminal.flush()
  }
}

async function dispatch(args: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = args
  if (first === undefined) {
    const { helpCommand } = await import('./help.ts')
    return helpCommand.run(parseArguments([], helpCommand), terminal)
  }
  if (first.startsWith('-')) {
    const { runFalcoFlags } = await import('./falco-flags.ts')
    return runFalcoFlags(args, terminal)
  }
  const command = await loadCommand(first)
  if (command === undefined) throw unknownCommand(first)
  if (asksForHelp(rest)) {
    const { renderCommandHelp } = await import('./render-help.ts')
    terminal.out(renderCommandHelp(command, terminal.outColors))
    return 0
  }
  return command.run(parseArguments(rest, command), terminal)
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  const own = end === -1 ? args : args.slice(0, end)
  return own.includes('--help') || own.includes('-h')
}

function unknownCommand(name: string): UsageError {
  if (existsSync(name))
    return new UsageError(`\`${name}\` is a file, not a command`, `did you mean \`tiercel replay ${name}\`?`)
  const near = closestName(name, commandNames)
  return new UsageError(
    `unknown command \`${name}\``,
    near === undefined ? '`tiercel help` lists the commands' : `did you mean \`tiercel ${near}\`?`,
  )
}
