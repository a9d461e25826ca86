import { rmSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import type { Config } from '../agent/config.ts'
import { type Agent, type AgentNews, type AgentSummary, startAgent } from '../agent/run.ts'
import { loadAddon } from '../events/live/native-addon.ts'
import { openSinks } from '../outputs/open-sinks.ts'
import type { OutputSink } from '../outputs/sinks/sink.ts'
import { renderSummary, renderSummaryJson } from '../outputs/summary.ts'
import { type AgentLog, openAgentLog, renderNews } from './agent-news.ts'
import { CommandError, LiveRefusal } from './command-error.ts'
import { loadLiveSetup } from './live-setup.ts'
import { loadedText } from './load-rule-set.ts'
import { decorateSink, paintAlert } from './paint-alert.ts'
import type { Arguments } from './parse-arguments.ts'
import { positiveNumber } from './parse-arguments.ts'
import { writePidfile } from './pidfile.ts'
import { onStopSignals } from './stop-signals.ts'
import type { Terminal } from './terminal.ts'
import { readVersions, versionPage } from './versions.ts'
import { NameWarnings } from './name-warnings.ts'
import { counted } from '../values/counted.ts'

/** The configured outputs; text on a terminal is coloured. */
function openLiveSinks(config: Config, terminal: Terminal): readonly OutputSink[] {
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
  const handlers: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ['SIGHUP', () => agent.reload('signal')],
    ['SIGUSR1', () => agent.reopenOutputs()],
  ]
  for (const [signal, handler] of handlers) process.on(signal, handler)
  const release = onStopSignals(() => agent.stop())
  terminal.outClosed.addEventListener('abort', () => agent.stop())
  return () => {
    release()
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
    terminal.err(`${counted(stats?.events ?? 0, 'event')} in ${(elapsedMs / 1000).toFixed(1)} s, ${lost} lost\n`)
  }
  return lostAlerts > 0 ? 1 : 0
}

/** What `run --dry-run` does. */
export function tellSetup(args: Arguments, terminal: Terminal): number {
  const { config, plan, ruleFiles } = loadLiveSetup(args, terminal)
  terminal.err(loadedText(plan, ruleFiles, config))
  return 0
}

/** By then all is written that is to be said. */
const LAST_WORDS_MS = 1_000

/** Watches with `worker`, which is of `startWorker`, until it is told to stop. */
export async function watchLive(args: Arguments, terminal: Terminal, worker: Worker): Promise<number> {
  const isQuiet = args.has('quiet')
  const duration = positiveNumber(args, 'duration')
  const maxAlerts = positiveNumber(args, 'max-alerts')
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
        worker,
        versions,
        versionPage: versionPage(versions),
        onNews,
        openSinks: config => openLiveSinks(config, terminal),
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
    const isFine = isQuiet && summary.failure === undefined
    const code = isFine ? Number(summary.lostAlerts > 0) : report(summary, terminal, args.has('stats'))
    if (summary.isHeldUp) setTimeout(() => loadAddon().leave(code), LAST_WORDS_MS)
    return code
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
