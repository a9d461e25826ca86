import type { Command } from './command.ts'
import { demoCommand } from './demo.ts'
import { LiveRefusal } from './command-error.ts'
import { ownCommand } from './own-paths.ts'
import { runCommand } from './run.ts'

export const startCommand: Command = {
  name: 'start',
  summary: 'watch this machine, or replay the samples where that is not possible',
  usage: '',
  operands: { min: 0, max: 0, name: 'operand' },
  options: runCommand.options,
  doc: [
    'What `npm start` runs: on a terminal `tiercel run` with the default rules. Without the privileges or the kernel for that, it says what is missing and runs `tiercel demo`.',
    'Without a terminal, in a pipe or a script, it runs `tiercel demo`, which ends by itself.',
  ],
  examples: [{ command: 'npm start', doc: 'nothing to prepare' }],
  exitCodes: ['it was stopped, or the samples were shown', 'something failed'],
  run: async (args, terminal) => {
    const { errColors: c } = terminal
    if (!terminal.outIsTty) {
      terminal.err(
        `tiercel: not on a terminal, so the samples are replayed; \`${ownCommand()} run\` watches this machine\n`,
      )
      return demoCommand.run(args, terminal)
    }
    terminal.err(c.dim(`tiercel: watching this machine until Ctrl-C; \`${ownCommand()} demo\` has samples\n`))
    try {
      return await runCommand.run(args, terminal)
    } catch (error) {
      if (!(error instanceof LiveRefusal)) throw error
      terminal.err(
        `${c.yellow('tiercel:')} cannot watch this machine: ${error.message}; replaying the samples instead\n`,
      )
      return demoCommand.run(args, terminal)
    }
  },
}
