import { availableParallelism } from 'node:os'
import { DEFAULT_RING, ringBytesOf } from '../agent/ring-bytes.ts'
import { startWorker } from '../agent/start-worker.ts'
import { loadProbeEarly } from '../events/live/native-addon.ts'
import type { Command } from './command.ts'
import { liveSource, ownSource } from './live-source.ts'
import type { Arguments } from './parse-arguments.ts'
import { alertOptions, rulesOption, settingsOptions } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

export const runCommand: Command = {
  name: 'run',
  summary: 'watch this machine',
  usage: '[-r RULES]… [-c CONFIG] [-o KEY=VALUE]…',
  operands: { min: 0, max: 0, name: 'operand' },
  options: [
    rulesOption,
    ...settingsOptions,
    ...alertOptions,
    { name: 'duration', short: 'M', value: 'SECONDS', doc: 'stop after SECONDS' },
    { name: 'stats', doc: 'at exit, print statistics as one JSON object instead of the summary' },
    { name: 'pidfile', short: 'P', value: 'FILE', doc: 'write the PID to FILE; removed at exit' },
    { name: 'quiet', short: 'q', doc: 'only errors on standard error, no summary' },
  ],
  doc: [
    'Evaluates rules on the system calls of all processes as they happen, through eBPF. Needs root, or CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, and a kernel with BTF; if something is missing, one line says what. Alerts go to the configured outputs, by default standard output; everything else goes to standard error.',
    'Rule and configuration files are watched: a change is validated first, and takes effect without missing an event. If it has an error, the old rules stay in force. Signals: SIGHUP reloads, SIGUSR1 reopens the outputs (log rotation), SIGINT and SIGTERM stop.',
  ],
  examples: [
    { command: 'sudo tiercel run', doc: 'with the default rules' },
    { command: 'sudo tiercel run -c /etc/tiercel/tiercel.yaml', doc: 'as the systemd unit does' },
    { command: 'sudo tiercel run -r my_rules.yaml --json | jq .rule', doc: 'with your rules, for a script' },
  ],
  exitCodes: ['it was stopped', 'the probe cannot be loaded, rules or configuration are wrong, or alerts were lost'],
  run,
}

/**
 * What takes long and needs to know nothing begins on other threads before this one loads its own code: the probe, for a ring of the usual
 * size, and the thread that judges events. Throws a `LiveRefusal` where the probe cannot be loaded.
 */
async function run(args: Arguments, terminal: Terminal): Promise<number> {
  // Node opens a debugger at SIGUSR1 until somebody else wants it.
  process.on('SIGUSR1', () => {})
  if (args.has('dry-run')) {
    const { tellSetup } = await import('./watch-live.ts')
    return tellSetup(args, terminal)
  }
  const source = liveSource()
  if (source === ownSource) loadProbeEarly(ringBytesOf(DEFAULT_RING, availableParallelism()))
  const worker = startWorker(source)
  try {
    const { watchLive } = await import('./watch-live.ts')
    return await watchLive(args, terminal, worker)
  } finally {
    await worker.terminate()
  }
}
