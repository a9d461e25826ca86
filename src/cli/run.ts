import { rmSync } from 'node:fs'
import type { Config } from '../agent/config.ts'
import type { Agent, AgentNews, AgentSummary } from '../agent/run.ts'
import type { OutputSink } from '../outputs/sinks/sink.ts'
import { renderSummary, renderSummaryJson } from '../outputs/summary.ts'
import { type AgentLog, openAgentLog, renderNews } from './agent-news.ts'
import type { Command } from './command.ts'
import { CommandError } from './command-error.ts'
import { liveSource } from './live-source.ts'
import { settingsOptions } from './load-settings.ts'
import { decorateSink, paintAlert } from './paint-alert.ts'
import type { Arguments } from './parse-arguments.ts'
import { positiveNumber } from './parse-arguments.ts'
import { writePidfile } from './pidfile.ts'
import { rulesOption } from './rule-files.ts'
import type { Terminal } from './terminal.ts'
import { readVersions } from './versions.ts'
import { NameWarnings } from './name-warnings.ts'

/** The configured outputs; text on a terminal is coloured. */
function openLiveSinks(
  config: Config,
  terminal: Terminal,
  openSinks: typeof import('../outputs/open-sinks.ts').openSinks,
): readonly OutputSink[] {
  const sinks = openSinks(config.outputs, { json: config.jsonOutput, echo: body => terminal.err(body) })
  if (!terminal.outColors.isColorSupported || config.jsonOutput) return sinks
  return sinks.map(sink =>
    sink.name === 'stdout'
      ? decorateSink(
          sink,
          m => paintAlert(m, terminal.outColors),
          () => {},
        )
      : sink,
  )
}

/** Signals that mean something to a running agent; gives what takes the handlers away. */
function handleSignals(agent: Agent, terminal: Terminal): () => void {
  let asked = 0
  const stop = (): void => {
    // Whoever asks twice does not want to wait.
    if (asked++ > 0) process.exit(1)
    agent.stop()
  }
  const handlers: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ['SIGINT', stop],
    ['SIGTERM', stop],
    ['SIGHUP', () => agent.reload('signal')],
    ['SIGUSR1', () => agent.reopenOutputs()],
  ]
  for (const [signal, handler] of handlers) process.on(signal, handler)
  terminal.outClosed.addEventListener('abort', stop)
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler)
  }
}

function report(summary: AgentSummary, terminal: Terminal, isJson: boolean): number {
  const { failure, stats, alerts, outputsGone, elapsedMs, lostAlerts } = summary
  if (failure !== undefined) {
    const Refusal = failure.kind === 'refused' ? LiveRefusal : CommandError
    throw new Refusal(failure.message, failure.help === '' ? undefined : failure.help)
  }
  if (outputsGone) return 0
  const lost = stats?.source.lost ?? 0
  if (isJson) {
    const figures = {
      events: stats?.events ?? 0,
      left_out: stats?.source.others.get('left_out') ?? 0,
      lost_events: lost,
      lost_by_cause: Object.fromEntries(stats?.source.lostByCause ?? []),
      lost_alerts: lostAlerts,
      elapsed_ms: Math.round(elapsedMs),
      worker_cpu_ms: Math.round((stats?.cpuUs ?? 0) / 1000),
      peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    }
    terminal.err(`${JSON.stringify(figures).slice(0, -1)},${renderSummaryJson(alerts).slice(1)}\n`)
  } else {
    terminal.err(renderSummary(alerts))
    terminal.err(`${stats?.events ?? 0} events in ${(elapsedMs / 1000).toFixed(1)} s, ${lost} lost\n`)
  }
  return lostAlerts > 0 ? 1 : 0
}

export const runCommand: Command = {
  name: 'run',
  summary: 'watch this machine',
  usage: '[-r RULES]… [-c CONFIG] [-o KEY=VALUE]…',
  operands: { min: 0, max: 0, name: 'operand' },
  options: [
    rulesOption,
    ...settingsOptions,
    { name: 'json', doc: 'one JSON object per line instead of text; same as -o json_output=true' },
    { name: 'strict', doc: 'domain fields as in Falco 0.44, with only its operators' },
    { name: 'duration', short: 'M', value: 'SECONDS', doc: 'stop after SECONDS' },
    { name: 'max-alerts', short: 'n', value: 'COUNT', doc: 'stop after COUNT alerts' },
    { name: 'dry-run', doc: 'load configuration and rules, then exit' },
    { name: 'stats', doc: 'at exit, print statistics as one JSON object instead of the summary' },
    { name: 'pidfile', short: 'P', value: 'FILE', doc: 'write the PID to FILE; removed at exit' },
    { name: 'quiet', short: 'q', doc: 'only errors on standard error, no summary' },
    { name: 'verbose', short: 'v', doc: 'list the files that are read' },
    { name: 'unbuffered', short: 'U', doc: 'accepted; outputs never wait here', hidden: true },
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
  run: watchLive,
}

/** This machine cannot be watched, or not by this user. */
export class LiveRefusal extends CommandError {}

/** What `run` does. Throws a `LiveRefusal` where the probe cannot be loaded. */
async function watchLive(args: Arguments, terminal: Terminal): Promise<number> {
  // Node opens a debugger at SIGUSR1 until somebody else wants it.
  process.on('SIGUSR1', () => {})
  const isQuiet = args.has('quiet')
  const duration = positiveNumber(args, 'duration')
  const maxAlerts = positiveNumber(args, 'max-alerts')
  const { loadLiveSetup } = await import('./live-setup.ts')
  if (args.has('dry-run')) {
    const { config, plan, ruleFiles } = loadLiveSetup(args, terminal)
    const { loadedText } = await import('./load-rule-set.ts')
    terminal.err(loadedText(plan, ruleFiles, config))
    return 0
  }
  const source = liveSource()
  const { startAgent } = await import('../agent/run.ts')
  const { openSinks } = await import('../outputs/open-sinks.ts')
  const versions = readVersions()
  let log: AgentLog | undefined
  const nameWarnings = new NameWarnings(text => log?.write({ level: 'warning', text }))
  const onNews = (news: AgentNews): void => {
    if (news.kind === 'name') {
      nameWarnings.add(news.warning)
      return
    }
    if (news.kind === 'echo') terminal.err(news.body.endsWith('\n') ? news.body : `${news.body}\n`)
    const text = renderNews(news)
    if (text !== undefined) log?.write(text)
  }
  const pidfile = args.value('pidfile')
  writePidfile(pidfile)
  const start = async (): Promise<Agent> => {
    try {
      return await startAgent({
        load: onConfig =>
          loadLiveSetup(args, terminal, config => {
            refuseEngine(config)
            log ??= openAgentLog(config.log, terminal, isQuiet)
            onConfig(config)
          }),
        source,
        versions,
        versionPage: {
          default_driver_version: '',
          driver_api_version: versions.eventApi,
          driver_schema_version: versions.eventSchema,
          engine_version: versions.falcoEngine.split('.')[1]!,
          engine_version_semver: versions.falcoEngine,
          falco_version: versions.falcoEngine,
          node_version: versions.node,
          tiercel_version: versions.tiercel,
        },
        onNews,
        openSinks: config => openLiveSinks(config, terminal, openSinks),
        ...(maxAlerts !== undefined && { maxAlerts: Math.ceil(maxAlerts) }),
      })
    } catch (error) {
      throw error instanceof CommandError ? error : new CommandError((error as Error).message)
    }
  }
  try {
    const agent = await start()
    const ignoreSignals = handleSignals(agent, terminal)
    const timer = duration === undefined ? undefined : setTimeout(() => agent.stop(), duration * 1000)
    const summary = await agent.ended
    clearTimeout(timer)
    ignoreSignals()
    if (isQuiet && summary.failure === undefined) return summary.lostAlerts > 0 ? 1 : 0
    return report(summary, terminal, args.has('stats'))
  } finally {
    nameWarnings.flush()
    await log?.close()
    if (pidfile !== undefined) rmSync(pidfile, { force: true })
  }
}

function refuseEngine({ engine }: Config): void {
  if (engine.kind === 'replay') {
    throw new CommandError('`engine.kind` is replay', `use \`tiercel replay\`, or -o engine.kind=modern_ebpf`)
  }
  if (engine.kind === 'nodriver') {
    throw new CommandError('`engine.kind` is nodriver: there are no events to watch', '-o engine.kind=modern_ebpf')
  }
}
