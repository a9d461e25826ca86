import type { Command } from './command.ts'

export const runCommand: Command = {
  name: 'run',
  summary: 'watch this machine live (not there yet: replay a capture instead)',
  usage: '[-r RULES]… [-c CONFIG] [-o KEY=VALUE]…',
  operands: { min: 0, max: 0, name: 'operand' },
  options: [
    { name: 'rules', short: 'r', value: 'PATH', repeated: true, doc: 'rule file or folder' },
    { name: 'config', short: 'c', value: 'FILE', doc: 'configuration (tiercel.yaml; the keys are falco.yaml’s)' },
    { name: 'option', short: 'o', value: 'KEY=VALUE', repeated: true, doc: 'set one key of the configuration' },
  ],
  doc: [
    'Live events need the eBPF probe, which this version does not have. Record a capture with a tool that has one (`sysdig -w capture.scap`, or a Falco rule with `capture: true`) and replay it: rules, alerts and outputs are the same.',
  ],
  examples: [{ command: 'tiercel replay capture.scap -r my_rules.yaml', doc: 'what to do instead' }],
  exitCodes: ['never', 'always, in this version'],
  run: async (_args, terminal) => {
    terminal.err(
      'tiercel: watching live is not there yet: this version has no eBPF probe\n' +
        '  help: record a capture (`sysdig -w capture.scap`) and use `tiercel replay capture.scap`\n',
    )
    return 1
  },
}
