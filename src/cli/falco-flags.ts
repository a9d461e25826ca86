/**
 * Falco's own command line: flags without a command. Those that mean the same here are turned into the command that does it; those that
 * Falco has dropped, or that make no sense here, say what to use instead.
 */
import { CommandError, UsageError } from './command-error.ts'
import { loadCommand } from './commands.ts'
import { type Arguments, type OptionSpec, parseArguments } from './parse-arguments.ts'
import { renderOptions, wrapText } from './render-help.ts'
import type { Terminal } from './terminal.ts'

const options: readonly OptionSpec[] = [
  { name: 'help', short: 'h', doc: 'this list' },
  { name: 'config', short: 'c', value: 'FILE', doc: 'configuration file; the keys are falco.yaml’s' },
  { name: 'option', short: 'o', value: 'KEY=VALUE', repeated: true, doc: 'set one key of the configuration' },
  {
    name: 'rules',
    short: 'r',
    value: 'PATH',
    repeated: true,
    doc: 'rule file or directory, instead of the default rules',
  },
  { name: 'validate', short: 'V', value: 'FILE', repeated: true, doc: 'check this rule file: `tiercel check`' },
  { name: 'describe-all', short: 'L', doc: 'describe all rules: `tiercel describe`' },
  { name: 'describe-rule', short: 'l', value: 'RULE', doc: 'describe one rule: `tiercel describe --rule RULE`' },
  { name: 'list', value: 'SOURCE', valueOptional: true, doc: 'list the fields: `tiercel fields`' },
  { name: 'names', short: 'N', doc: 'with --list: names only' },
  { name: 'format', value: 'FORMAT', doc: 'with --list and --list-events: text, markdown or json' },
  { name: 'markdown', doc: 'the same as --format markdown', hidden: true },
  { name: 'list-events', doc: 'list the events: `tiercel events`' },
  { name: 'list-syscall-events', doc: 'the older name of --list-events', hidden: true },
  { name: 'list-plugins', doc: 'list the plugins: there are none' },
  { name: 'duration', short: 'M', value: 'SECONDS', doc: 'stop after so many seconds of events' },
  { name: 'dry-run', doc: 'load configuration and rules, then exit' },
  {
    name: 'print',
    short: 'p',
    value: 'TEXT',
    doc: 'append TEXT to the output of every rule (deprecated: -o append_output[].extra_output=TEXT)',
  },
  { name: 'pidfile', short: 'P', value: 'FILE', doc: 'write the PID to FILE' },
  { name: 'unbuffered', short: 'U', doc: 'accepted; outputs are never buffered' },
  { name: 'verbose', short: 'v', doc: 'say more' },
  { name: 'support', doc: 'print details for a bug report, as JSON' },
  { name: 'page-size', doc: 'print the memory page size' },
  { name: 'enable-source', value: 'SOURCE', repeated: true, doc: 'accepted for syscall, the only source' },
  { name: 'disable-source', value: 'SOURCE', repeated: true, doc: 'refused for syscall, the only source' },
  { name: 'version', doc: 'print the version: `tiercel version`' },
]

/** Flags that Falco once had, or has for what is not here, and what to do now. */
const gone: readonly { readonly flags: readonly string[]; readonly help: string }[] = [
  { flags: ['-A'], help: 'use -o base_syscalls.all=true' },
  { flags: ['-b', '--print-base64'], help: 'data is printed as text here' },
  { flags: ['-d', '--daemon'], help: 'let the service manager run it in the background' },
  { flags: ['-D'], help: 'use -o "rules[].disable.rule=NAME" (NAME may hold *)' },
  { flags: ['-T'], help: 'use -o "rules[].disable.tag=TAG"' },
  { flags: ['-t'], help: 'use -o "rules[].disable.rule=*" -o "rules[].enable.tag=TAG"' },
  { flags: ['-e'], help: 'use `tiercel replay FILE`' },
  { flags: ['-F', '--fatal-errors'], help: 'errors in rules always end the start' },
  {
    flags: ['-g', '--gvisor-config', '--gvisor-generate-config', '--gvisor-root'],
    help: 'there is no gVisor engine here',
  },
  {
    flags: [
      '-k',
      '--k8s-api',
      '-K',
      '--k8s-api-cert',
      '--k8s-node',
      '-m',
      '--mesos-api',
      '--cri',
      '--disable-cri-async',
    ],
    help: 'container and Kubernetes data need no flags',
  },
  { flags: ['-s', '--stats-interval'], help: 'use -o metrics.enabled=true -o metrics.output_file=FILE' },
  { flags: ['-S', '--snaplen'], help: 'use -o falco_libs.snaplen=BYTES' },
  { flags: ['-u', '--userspace', '--modern-bpf', '--nodriver'], help: 'use -o engine.kind=KIND' },
  { flags: ['-O'], help: 'use -o append_output[].extra_output=TEXT' },
  { flags: ['-i'], help: 'the calls that rules and state need are traced; -o base_syscalls.all=true traces all' },
  {
    flags: ['--plugin-info'],
    help: 'Falco’s binary plugins cannot be loaded; the fields of its container plugin are built in',
  },
  { flags: ['--config-schema'], help: '`tiercel run --dry-run -c FILE` shows every finding with its place' },
  { flags: ['--rule-schema'], help: '`tiercel check FILE` shows every finding with its place' },
]

/** Runs what the flags in `words` ask for. */
export async function runFalcoFlags(words: readonly string[], terminal: Terminal): Promise<number> {
  const args = parseArguments(words, { name: '', options, gone, operands: { min: 0, max: 0, name: 'operand' } })
  if (args.has('help')) {
    terminal.out(renderFlags(terminal))
    return 0
  }
  if (args.has('enable-source') && args.has('disable-source')) {
    throw new UsageError('`--enable-source` and `--disable-source` cannot be mixed')
  }
  for (const source of args.values('enable-source')) {
    if (source !== 'syscall') throw new UsageError(`there is no source \`${source}\``, 'the only source is syscall')
  }
  for (const source of args.values('disable-source')) {
    throw new UsageError(
      source === 'syscall' ? 'not all sources can be disabled' : `there is no source \`${source}\``,
      'the only source is syscall',
    )
  }
  if (args.has('page-size')) {
    const { pageSize } = await import('./machine-facts.ts')
    terminal.out(`Your system page size is: ${pageSize()}\n`)
    return 0
  }
  if (args.has('list-plugins')) {
    terminal.out('0 Plugins Loaded:\n')
    return 0
  }
  return runCommand(commandFor(args), terminal)
}

async function runCommand(words: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = words
  const command = await loadCommand(name!)
  if (command === undefined) throw new Error(`unreachable: no command ${name}`)
  return command.run(parseArguments(rest, command), terminal)
}

/** The words of the command that does what the flags say. */
function commandFor(args: Arguments): readonly string[] {
  const format = args.has('markdown') ? ['--format', 'markdown'] : args.values('format').flatMap(f => ['--format', f])
  const passOn = (...names: readonly string[]): readonly string[] =>
    names.flatMap(name => {
      if (!args.has(name)) return []
      const values = args.values(name)
      return values.length === 0 ? [`--${name}`] : values.flatMap(v => [`--${name}`, v])
    })
  const settings = passOn('config', 'option')
  if (args.has('version')) return ['version', ...settings]
  if (args.has('support')) return ['support', ...settings, ...passOn('rules')]
  if (args.has('list'))
    return ['fields', ...passOn('names'), ...format, ...args.values('list').flatMap(s => ['--source', s])]
  if (args.has('list-events') || args.has('list-syscall-events')) return ['events', ...format]
  if (args.has('validate')) {
    const describes = passOn('describe-all', 'describe-rule')
    return ['check', ...settings, ...passOn('verbose'), ...describes, '--', ...args.values('validate')]
  }
  if (args.has('describe-all') || args.has('describe-rule')) {
    return ['describe', ...settings, ...passOn('rules'), ...args.values('describe-rule').flatMap(r => ['--rule', r])]
  }
  const extra = args.values('print').flatMap(text => ['--option', `append_output[].extra_output=${text}`])
  if ([...args.names()].length === 0) throw new CommandError('nothing to do', '`tiercel help` shows what there is')
  return [
    'replay',
    '--live',
    ...settings,
    ...extra,
    ...passOn('rules', 'duration', 'dry-run', 'pidfile', 'verbose', 'unbuffered'),
  ]
}

function renderFlags(terminal: Terminal): string {
  const colors = terminal.outColors
  return (
    `${colors.bold('tiercel')} with Falco’s flags\n\n` +
    `${wrapText('Flags without a command mean what they mean to Falco. `tiercel help` lists the commands, which say the same in words.', 0)}\n\n` +
    `${colors.bold('Options')}\n${renderOptions(options, colors)}\n` +
    `${colors.bold('Examples')}\n` +
    '  tiercel -V my_rules.yaml\n' +
    '  tiercel -r my_rules.yaml -o engine.kind=replay -o engine.replay.capture_file=capture.scap -o json_output=true\n' +
    '  tiercel --list -N\n\n' +
    `${colors.bold('Exit code')}\n  0  done\n  1  any failure\n`
  )
}
