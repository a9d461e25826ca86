import { UsageError } from './command-error.ts'
import type { Command } from './command.ts'
import { commandNames, loadAllCommands, loadCommand } from './commands.ts'
import { closestName } from '../diagnostics/closest-name.ts'
import { renderCommandHelp, wrapText } from './render-help.ts'

export const helpCommand: Command = {
  name: 'help',
  summary: 'list the commands, or show how one is used',
  usage: '[COMMAND]',
  operands: { min: 0, max: 1, name: 'command' },
  options: [],
  doc: ['The same as `tiercel COMMAND --help`. Falco’s own flags are listed by `tiercel --help`.'],
  examples: [{ command: 'tiercel help replay', doc: 'how captures are replayed' }],
  exitCodes: ['help was shown', 'unknown command'],
  run: async (args, terminal) => {
    const colors = terminal.outColors
    const [name] = args.operands
    if (name !== undefined) {
      const command = await loadCommand(name)
      if (command === undefined) {
        const near = closestName(name, commandNames)
        throw new UsageError(
          `unknown command \`${name}\``,
          near === undefined ? '`tiercel help` lists the commands' : `did you mean \`tiercel help ${near}\`?`,
        )
      }
      terminal.out(renderCommandHelp(command, colors))
      return 0
    }
    const commands = await loadAllCommands()
    let text = `${colors.bold('tiercel')}: domain-aware runtime security for Linux, with Falco rules\n`
    text += `\n${colors.bold('Usage')}\n  tiercel COMMAND [OPTIONS]     tiercel COMMAND --help for each\n`
    text += `\n${colors.bold('Commands')}\n`
    for (const command of commands) text += `  ${colors.cyan(command.name.padEnd(10))}${command.summary}\n`
    text += `\n${colors.bold('First steps')}\n`
    text += `  ${colors.dim('# a capture from the repository, with the default rules')}\n  tiercel demo\n`
    text += `  ${colors.dim('# your capture (sysdig -w, falco, tiercel) with your rules, as JSON lines')}\n`
    text += '  tiercel replay capture.scap -r my_rules.yaml --json\n'
    text += `  ${colors.dim('# validate a rule file')}\n  tiercel check my_rules.yaml\n`
    text += `\n${wrapText('Falco’s own flags work where they mean the same (-r -c -o -V -L -l --list -M --dry-run …): `tiercel --help` lists them.', 0)}\n`
    terminal.out(text)
    return 0
  },
}
