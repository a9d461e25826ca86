import type { Command } from './command.ts'
import { demoCommand } from './demo.ts'
import { LiveRefusal, runCommand } from './run.ts'

export const startCommand: Command = {
  name: 'start',
  summary: 'watch this machine live, or show the samples where it cannot be',
  usage: '',
  operands: { min: 0, max: 0, name: 'operand' },
  options: runCommand.options,
  doc: [
    'What `npm start` runs. On a terminal it is `tiercel run` with the default rules; without the rights or the kernel for that, it says what is missing and runs `tiercel demo`.',
    'Where nobody can press Ctrl-C, in a pipe or a script, it is `tiercel demo`, which ends by itself.',
  ],
  examples: [{ command: 'npm start', doc: 'nothing to prepare' }],
  exitCodes: ['it was stopped, or the samples were shown', 'something failed'],
  run: async (args, terminal) => {
    const { errColors: c } = terminal
    if (!terminal.outIsTty) {
      terminal.err('tiercel: no terminal here, so these are the samples; `./bin/tiercel run` watches this machine\n')
      return demoCommand.run(args, terminal)
    }
    terminal.err(c.dim('tiercel: watching this machine until Ctrl-C; `./bin/tiercel demo` shows two samples instead\n'))
    try {
      return await runCommand.run(args, terminal)
    } catch (error) {
      if (!(error instanceof LiveRefusal)) throw error
      terminal.err(`${c.yellow('tiercel:')} this machine is not watched: ${error.message}; here are the samples\n`)
      return demoCommand.run(args, terminal)
    }
  },
}
