import { statSync } from 'node:fs'
import type { Config } from '../agent/config.ts'
import type { ReplayNews, ReplaySummary } from '../agent/replay.ts'
import type { OutputSink } from '../outputs/sinks/sink.ts'
import { renderSummary, renderSummaryJson } from '../outputs/summary.ts'
import { activeRules } from '../rules/plan.ts'
import type { Command } from './command.ts'
import { UsageError } from './command-error.ts'
import { inputPath, requireReadableFile } from './input-file.ts'
import { loadedText, loadRuleSet, type RuleSet } from './load-rule-set.ts'
import { loadSettings, namesCapture } from './load-settings.ts'
import { alertOptions, rulesOption, settingsOptions } from './shared-options.ts'
import { decorateSink, paintAlert } from './paint-alert.ts'
import { type Arguments, type OptionSpec, positiveNumber } from './parse-arguments.ts'
import { writePidfile } from './pidfile.ts'
import { openProgressLine, type ProgressLine, shortBytes } from './progress-line.ts'
import { reportNews } from './replay-news.ts'
import { reportSource } from './source-report.ts'
import { onStopSignals } from './stop-signals.ts'
import type { Terminal } from './terminal.ts'
import { NameWarnings } from './name-warnings.ts'

const options: readonly OptionSpec[] = [
  rulesOption,
  ...settingsOptions,
  ...alertOptions,
  {
    name: 'bindings',
    value: 'FILE',
    doc: 'names of addresses at the time of the capture (NDJSON; written by `tiercel domains list --format bindings`)',
  },
  { name: 'observe', doc: 'learn names from the DNS answers in the capture; always on for recordings of Tiercel' },
  { name: 'resolve', doc: 'look up the names in rules now; otherwise a replay needs no network' },
  { name: 'duration', short: 'M', value: 'SECONDS', doc: 'stop after SECONDS of event time' },
  { name: 'stats', doc: 'print statistics as one JSON object instead of the summary' },
  { name: 'quiet', short: 'q', doc: 'no warnings, no progress, no summary' },
  { name: 'pidfile', short: 'P', value: 'FILE', doc: 'write the process id to FILE', hidden: true },
  { name: 'live', doc: 'without a capture, watch this machine', hidden: true },
]

/** The configuration with what the options of a replay say. */
function withReplayOptions(config: Config, args: Arguments): Config {
  const isJson = args.has('json') || config.jsonOutput
  const bindings = args.value('bindings')
  if (bindings !== undefined) requireReadableFile(bindings, 'bindings file')
  return {
    ...config,
    jsonOutput: isJson,
    format: { ...config.format, json: isJson },
    domains: {
      ...config.domains,
      ...(bindings !== undefined && { bindingsFile: bindings }),
      ...(args.has('observe') && { observe: 'true' as const }),
      ...(args.has('resolve') && { replayLookups: true }),
      ...(args.has('strict') && { strict: true }),
    },
  }
}

/** The configured outputs; on a terminal the progress line makes room for alerts, and text is coloured. */
async function openTerminalSinks(
  config: Config,
  terminal: Terminal,
  progress: ProgressLine,
): Promise<readonly OutputSink[]> {
  const { openSinks } = await import('../outputs/open-sinks.ts')
  const sinks = openSinks(config.outputs, { json: config.jsonOutput, echo: body => terminal.err(body) })
  const isPainted = terminal.outColors.isColorSupported && !config.jsonOutput
  if (!isPainted && !terminal.errIsTty) return sinks
  return sinks.map(sink =>
    sink.name === 'stdout'
      ? decorateSink(
          sink,
          m => (isPainted ? paintAlert(m, terminal.outColors) : m.line),
          () => progress.clear(),
        )
      : sink,
  )
}

export interface ReplayRun {
  readonly files: readonly string[]
  readonly config: Config
  readonly ruleSet: RuleSet
  readonly isQuiet: boolean
  /** In place of the configured outputs. */
  readonly sinks?: readonly OutputSink[]
  readonly maxAlerts?: number
  readonly maxDurationNs?: bigint
}

/** Replays with progress, warnings and Ctrl-C; whether something failed, and the figures. */
export async function runReplay(
  run: ReplayRun,
  terminal: Terminal,
): Promise<{ readonly summary: ReplaySummary; readonly failed: boolean; readonly interrupted: boolean }> {
  const { files, config, ruleSet, isQuiet } = run
  // Half of the program is needed only once the rules are known to be good.
  const { replay } = await import('../agent/replay.ts')
  const progress = openProgressLine(isQuiet ? { ...terminal, errIsTty: false } : terminal, '')
  const stop = new AbortController()
  const release = onStopSignals(() => stop.abort())
  let failed = false
  const nameWarnings = new NameWarnings(text => {
    progress.clear()
    if (!isQuiet) terminal.err(`${terminal.errColors.yellow('tiercel:')} ${text}\n`)
  })
  const onNews = (news: ReplayNews): void => {
    progress.clear()
    if (news.kind === 'name') nameWarnings.add(news.warning)
    else if (reportNews(news, terminal, isQuiet)) failed = true
  }
  try {
    const summary = await replay({
      files: files.map(inputPath),
      plan: ruleSet.plan,
      fields: ruleSet.fields,
      config,
      sinks: run.sinks ?? (await openTerminalSinks(config, terminal, progress)),
      signal: stop.signal,
      onProgress: (file, done, total) => progress.update(done, total, file),
      onNews,
      ...(run.maxAlerts !== undefined && { maxAlerts: run.maxAlerts }),
      ...(run.maxDurationNs !== undefined && { maxDurationNs: run.maxDurationNs }),
    })
    progress.clear()
    nameWarnings.flush()
    for (const { path, summary: source } of summary.sources) if (reportSource(path, source, terminal)) failed = true
    return {
      summary,
      failed: failed || (summary.lostAlerts > 0 && !summary.outputsGone),
      interrupted: stop.signal.aborted,
    }
  } finally {
    progress.clear()
    release()
  }
}

function renderStats(summary: ReplaySummary): string {
  const figures = {
    events: summary.events,
    elapsed_ms: Math.round(summary.elapsedMs),
    events_per_second: Math.round((summary.events / Math.max(summary.elapsedMs, 1)) * 1000),
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    lost_alerts: summary.lostAlerts,
    state: summary.state,
    ...(summary.observed !== undefined && { observed: summary.observed }),
    files: summary.sources.map(({ path, summary: source }) => ({ path, ...source })),
  }
  return `${JSON.stringify(figures).slice(0, -1)},${renderSummaryJson(summary.alerts).slice(1)}\n`
}

export const replayCommand: Command = {
  name: 'replay',
  summary: 'replay captures and print the alerts',
  usage: 'CAPTURE… [-r PATH…] [--json] [-o KEY=VALUE]…',
  operands: { min: 0, max: Number.MAX_SAFE_INTEGER, name: 'capture' },
  options,
  doc: [
    'CAPTUREs are .scap files of sysdig, Falco or Tiercel, plain or gzip, or events as NDJSON; `-` is a capture on standard input. Several are replayed one after the other, each with its own state. Alerts go to the configured outputs, by default standard output; warnings, progress and the summary go to standard error.',
    'A truncated or damaged capture is replayed up to the damage, and the exit code is 1.',
  ],
  examples: [
    { command: 'tiercel replay capture.scap', doc: 'with the default rules' },
    {
      command: 'tiercel replay capture.scap -r falco_rules.yaml my_rules.yaml --json | jq .rule',
      doc: 'with yours, for a script',
    },
    {
      command: 'tiercel replay capture.scap -o rule_matching=all -o priority=warning',
      doc: 'all matching rules, not only the first',
    },
    { command: 'tiercel replay capture.scap --bindings names.ndjson', doc: 'with the names of that time' },
  ],
  exitCodes: [
    'replayed to the end, or stopped by you, with or without alerts',
    'a file is missing or damaged, rules or configuration are wrong, or alerts were lost',
  ],
  run: async (args, terminal) => {
    if (args.has('live') && !args.has('dry-run') && !namesCapture(args)) {
      return (await import('./run.ts')).runCommand.run(args, terminal)
    }
    const config = withReplayOptions(loadSettings(args, terminal), args)
    const { captureFile } = config.engine
    const files = args.operands.length > 0 || captureFile === '' ? args.operands : [captureFile]
    if (files.length === 0 && !args.has('dry-run')) {
      throw new UsageError('`tiercel replay` needs a capture', '`tiercel demo` replays the samples')
    }
    for (const file of files) requireReadableFile(file, 'capture')
    const maxAlerts = positiveNumber(args, 'max-alerts')
    const duration = positiveNumber(args, 'duration')
    const run = {
      files,
      config,
      isQuiet: args.has('quiet'),
      ...(maxAlerts !== undefined && { maxAlerts: Math.ceil(maxAlerts) }),
      ...(duration !== undefined && {
        maxDurationNs: BigInt(Math.round(duration * 1e9)),
      }),
    }
    const ruleSet = loadRuleSet(args, config, terminal)
    if (args.has('dry-run')) {
      terminal.err(loadedText(ruleSet.plan, ruleSet.paths, config))
      return 0
    }
    if (activeRules(ruleSet.plan.rules, config.minPriority).length === 0 && !run.isQuiet)
      terminal.err(`${terminal.errColors.yellow('tiercel:')} no rule is enabled, so nothing alerts\n`)
    writePidfile(args.value('pidfile'))
    if (args.has('verbose'))
      for (const file of files) terminal.err(`capture: ${file} (${shortBytes(statSync(inputPath(file)).size)})\n`)

    const { summary, failed, interrupted } = await runReplay({ ...run, ruleSet }, terminal)
    if (interrupted) terminal.err(`tiercel: stopped after ${summary.events} events\n`)
    if (args.has('stats')) terminal.err(renderStats(summary))
    else if (!run.isQuiet && !summary.outputsGone && (summary.events > 0 || !failed))
      terminal.err(renderSummary(summary.alerts))
    return failed ? 1 : 0
  },
}
