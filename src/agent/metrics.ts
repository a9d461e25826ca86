/**
 * The agent in figures: for Prometheus, and as Falco's metrics snapshot. Names are Falco's where they mean the same (`falcosecurity_…`,
 * `falco.…`, `scap.…`), so that dashboards go on working; what Falco does not have is `tiercel_…`.
 */
import type { AlertValue } from '../engine/alert.ts'
import type { NameRefresherStats } from '../domains/refresh.ts'
import type { OutputCounters } from '../outputs/output-queue.ts'
import type { WorkerStats } from '../wire/agent-messages.ts'
import type { MetricsConfig } from './config.ts'
import { causeKey } from './drop-monitor.ts'
import type { NameListFigures } from './name-lists.ts'
import { Exposition, labelName, type Labels } from './exposition.ts'

export interface AgentFigures {
  readonly version: string
  readonly falco: string
  readonly hostname: string
  readonly kernelRelease: string
  readonly cpuCount: number
  readonly bootTsNs: bigint
  readonly startTsNs: bigint
  readonly nowNs: bigint
  /** When rules last came into force. */
  readonly reloadTsNs: bigint
  readonly reloads: number
  readonly refusedReloads: number
  /** Absent until the worker first reported. */
  readonly stats: WorkerStats | undefined
  readonly outputs: readonly OutputCounters[]
  /** All rules that are matched. */
  readonly rules: readonly RuleFigure[]
  readonly lookups: NameRefresherStats | undefined
  readonly nameLists: readonly NameListFigures[]
  readonly ruleFiles: readonly FileSum[]
  readonly configFiles: readonly FileSum[]
  readonly usage: Usage
  readonly health: 'ok' | string
}

export interface RuleFigure {
  readonly name: string
  readonly priority: number
  readonly source: string
  readonly tags: readonly string[]
  readonly matches: number
}

export interface FileSum {
  readonly name: string
  readonly sha256: string
}

/** What the agent and the host use; undefined where the system does not tell. */
export interface Usage {
  /** Since the start, of one core: 1 is a whole one. */
  readonly cpuRatio: number
  readonly rssBytes: number | undefined
  readonly vszBytes: number | undefined
  readonly openFds: number | undefined
  readonly hostCpuRatio: number | undefined
  readonly hostMemoryUsedBytes: number | undefined
  readonly hostProcsRunning: number | undefined
  readonly hostOpenFds: number | undefined
}

/** `/metrics`. */
export function renderMetrics(f: AgentFigures, config: MetricsConfig): string {
  const out = new Exposition()
  const falco = 'falcosecurity_falco'
  out.info('falcosecurity_scap_engine_name_info', 'Where events come from.', { engine_name: 'modern_bpf' })
  out.info(`${falco}_version_info`, 'The Falco whose rules load unchanged.', { version: f.falco })
  out.info('tiercel_version_info', 'Version of Tiercel.', { version: f.version })
  out.info(`${falco}_kernel_release_info`, 'Release of the kernel.', { kernel_release: f.kernelRelease })
  out.info('falcosecurity_evt_hostname_info', 'Name of the host.', { hostname: f.hostname })
  for (const { name, sha256 } of f.ruleFiles)
    out.info(`${falco}_sha256_rules_files_info`, 'Rule files that are in force.', { file_name: name, sha256 })
  for (const { name, sha256 } of f.configFiles)
    out.info(`${falco}_sha256_config_files_info`, 'Configuration files in force.', { file_name: name, sha256 })
  out.info('falcosecurity_evt_source_info', 'Sources of events.', { evt_source: 'syscall' })
  out.gauge(`${falco}_start_timestamp_nanoseconds`, 'When the agent was started.', f.startTsNs)
  out.gauge(`${falco}_reload_timestamp_nanoseconds`, 'When rules last came into force.', f.reloadTsNs)
  out.gauge(`${falco}_host_boot_timestamp_nanoseconds`, 'When the host was started.', f.bootTsNs)
  out.gauge(`${falco}_host_num_cpus_total`, 'CPUs of the host.', f.cpuCount)
  out.counter(`${falco}_duration_seconds_total`, 'How long the agent runs.', (f.nowNs - f.startTsNs) / 1_000_000_000n)
  out.counter(`${falco}_outputs_queue_num_drops_total`, 'Alerts that an output lost.', lostByOutputs(f))
  out.gauge('tiercel_healthy', '1 while /healthz says so.', f.health === 'ok' ? 1 : 0)
  out.counter('tiercel_reloads_total', 'Reloads that came into force.', f.reloads)
  out.counter('tiercel_reloads_refused_total', 'Reloads that were refused: the old rules stayed.', f.refusedReloads)
  if (config.rulesCounters) addRules(out, f)
  addOutputs(out, f)
  if (config.resourceUtilization) addUsage(out, f.usage)
  if (f.stats !== undefined) addWorker(out, f.stats, config)
  if (f.lookups !== undefined) addLookups(out, f.lookups)
  addNameLists(out, f)
  return out.text
}

function lostByOutputs(f: AgentFigures): number {
  return (f.stats?.droppedAlerts ?? 0) + f.outputs.reduce((sum, { dropped }) => sum + dropped, 0)
}

function addRules(out: Exposition, { rules }: AgentFigures): void {
  for (const { name, priority, source, tags, matches } of rules) {
    const labels: Record<string, string> = { priority: String(priority), rule_name: name, source }
    for (const tag of [...tags].sort()) labels[`tag_${labelName(tag)}`] = 'true'
    out.counter('falcosecurity_falco_rules_matches_total', 'Alerts of a rule.', matches, labels)
  }
}

function addOutputs(out: Exposition, { outputs }: AgentFigures): void {
  const each = (name: string, help: string, value: (counters: OutputCounters) => number, isGauge = false): void => {
    for (const counters of outputs) {
      const labels = { output: counters.name }
      if (isGauge) out.gauge(name, help, value(counters), labels)
      else out.counter(name, help, value(counters), labels)
    }
  }
  each('tiercel_output_written_total', 'Alerts that an output took.', c => c.written)
  each('tiercel_output_dropped_total', 'Alerts for which the queue of an output had no room.', c => c.dropped)
  each('tiercel_output_failed_total', 'Alerts that an output did not take.', c => c.failed)
  each('tiercel_output_waiting', 'Alerts that wait for an output.', c => c.waiting, true)
}

function addUsage(out: Exposition, usage: Usage): void {
  const gauge = (name: string, help: string, value: number | undefined): void => {
    if (value !== undefined) out.gauge(`falcosecurity_falco_${name}`, help, value)
  }
  gauge('cpu_usage_ratio', 'Share of one core used since the start.', usage.cpuRatio)
  gauge('memory_rss_bytes', 'Resident memory of the agent.', usage.rssBytes)
  gauge('memory_vsz_bytes', 'Virtual memory of the agent.', usage.vszBytes)
  gauge('open_fds_total', 'Open fds of the agent.', usage.openFds)
  gauge('host_cpu_usage_ratio', 'Share of the CPUs in use on the host.', usage.hostCpuRatio)
  gauge('host_memory_used_bytes', 'Memory in use on the host.', usage.hostMemoryUsedBytes)
  gauge('host_procs_running_total', 'Threads that run or wait for a CPU.', usage.hostProcsRunning)
  gauge('host_open_fds_total', 'Open files of the host.', usage.hostOpenFds)
}

function addWorker(out: Exposition, stats: WorkerStats, config: MetricsConfig): void {
  const { source } = stats
  if (config.kernelEventCounters) {
    out.counter(
      'falcosecurity_scap_n_evts_total',
      'Events of the kernel, the lost ones included.',
      source.events + source.lost,
    )
    out.counter('falcosecurity_scap_n_drops_total', 'Events that were lost.', source.lost)
    for (const [cause, count] of source.lostByCause)
      out.counter(
        `falcosecurity_scap_${causeKey(cause)}_total`.replace('_total_total', '_total'),
        'Of these, by cause.',
        count,
      )
    for (const [name, count] of source.others) out.counter(`tiercel_probe_${name}_total`, 'Of the probe.', count)
    out.gauge('tiercel_ring_pending_bytes', 'Bytes that wait in the ring.', source.pendingBytes)
    out.gauge('tiercel_ring_size_bytes', 'Size of the ring.', source.ringBytes)
  }
  if (config.kernelEventCountersPerCpu) {
    const cpus = source.perCpu.map(one => ({ ...one, labels: { cpu: String(one.cpu) } satisfies Labels }))
    for (const { events, lost, labels } of cpus)
      out.counter('falcosecurity_scap_n_evts_cpu_total', 'Events of a CPU.', events + lost, labels)
    for (const { lost, labels } of cpus)
      out.counter('falcosecurity_scap_n_drops_cpu_total', 'Lost events of a CPU.', lost, labels)
  }
  out.counter('tiercel_events_total', 'Events that the rules saw.', stats.events)
  out.counter('tiercel_bad_events_total', 'Events that could not be decoded or judged.', stats.badEvents)
  out.counter('tiercel_alerts_total', 'Alerts raised.', stats.alerts)
  out.gauge('tiercel_rules', 'Rules that are matched.', stats.ruleCount)
  out.counter('tiercel_worker_cpu_seconds_total', 'CPU time of the thread that judges events.', stats.cpuUs / 1e6)
  if (!config.stateCounters) return
  for (const [name, value] of stats.state) {
    const key = snake(name)
    if (key === 'threads') out.gauge('falcosecurity_scap_n_threads_total', 'Threads that are known.', value)
    else if (key === 'fds') out.gauge('falcosecurity_scap_n_fds_total', 'Open fds that are known.', value)
    else if (key.startsWith('dropped')) out.counter(`tiercel_state_${key}_total`, 'Found no room in the state.', value)
    else out.gauge(`tiercel_state_${key}`, 'Of the state.', value)
  }
  for (const [name, value] of stats.names) out.gauge(`tiercel_names_${snake(name)}`, 'Of the index of names.', value)
}

function addLookups(out: Exposition, lookups: NameRefresherStats): void {
  out.gauge('tiercel_lookup_names', 'Names that are kept looked up.', lookups.names)
  out.gauge('tiercel_lookup_resolved', 'Of these, names that have addresses.', lookups.resolved)
  out.gauge('tiercel_lookup_unresolved', 'Of these, names that have none.', lookups.unresolved)
  out.gauge('tiercel_lookup_stale', 'Of these, names whose addresses could not be confirmed.', lookups.stale)
  out.counter('tiercel_lookups_total', 'Look-ups.', lookups.lookups)
  for (const [reason, count] of Object.entries(lookups.failures))
    out.counter('tiercel_lookup_failures_total', 'Look-ups that failed.', count, { reason })
}

function addNameLists(out: Exposition, { nameLists, nowNs }: AgentFigures): void {
  const each = (name: string, help: string, value: (list: NameListFigures) => number, isGauge = true): void => {
    for (const list of nameLists) {
      if (isGauge) out.gauge(`tiercel_name_list_${name}`, help, value(list), { list: list.name })
      else out.counter(`tiercel_name_list_${name}_total`, help, value(list), { list: list.name })
    }
  }
  const ageSec = ({ loadedMs }: NameListFigures): number =>
    loadedMs === 0 ? -1 : Math.max(0, Math.round(Number(nowNs / 1_000_000n - BigInt(loadedMs)) / 1000))
  each('names', 'Names of a configured list.', list => list.names)
  each('refused_lines', 'Lines of a configured list that are no names.', list => list.refused)
  each('left_out', 'Names of a configured list that found no room.', list => list.leftOut)
  each('age_seconds', 'Since the names of a configured list were read; -1: never.', ageSec)
  each('loads', 'How often a configured list was read.', list => list.loads, false)
  each('failures', 'How often a configured list could not be read: its names stayed.', list => list.failures, false)
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

type Fields = readonly (readonly [key: string, value: AlertValue])[]

/** The snapshot's fields under Falco's keys; `before` is the one of the snapshot before, for rates. */
export function snapshotFields(f: AgentFigures, before: AgentFigures | undefined, config: MetricsConfig): Fields {
  const fields: [string, AlertValue][] = [
    ['evt.time', f.nowNs],
    ['evt.source', 'syscall'],
    ['falco.version', f.falco],
    ['tiercel.version', f.version],
    ['falco.start_ts', f.startTsNs],
    ['falco.duration_sec', (f.nowNs - f.startTsNs) / 1_000_000_000n],
    ['falco.kernel_release', f.kernelRelease],
    ['falco.host_boot_ts', f.bootTsNs],
    ['falco.hostname', f.hostname],
    ['falco.host_num_cpus', f.cpuCount],
    ['falco.outputs_queue_num_drops', lostByOutputs(f)],
    ['falco.reload_ts', f.reloadTsNs],
    ['scap.engine_name', 'modern_bpf'],
  ]
  const add = (key: string, value: number | undefined): void => {
    if (value !== undefined && (value !== 0 || config.includeEmptyValues)) fields.push([key, value])
  }
  for (const { name, sha256 } of f.ruleFiles) fields.push([`falco.sha256_rules_file.${stem(name)}`, sha256])
  for (const { name, sha256 } of f.configFiles) fields.push([`falco.sha256_config_file.${stem(name)}`, sha256])
  const seconds = before === undefined ? 0 : Number(f.nowNs - before.nowNs) / 1e9
  const rate = (now: number, then: number): number => (seconds > 0 ? round((now - then) / seconds) : 0)
  const events = f.stats?.events ?? 0
  const eventsBefore = before?.stats?.events ?? 0
  fields.push(['falco.num_evts', events], ['falco.num_evts_prev', eventsBefore])
  fields.push(['falco.evts_rate_sec', rate(events, eventsBefore)])
  if (config.rulesCounters) {
    fields.push(['falco.rules.matches_total', f.rules.reduce((sum, { matches }) => sum + matches, 0)])
    for (const { name, matches } of f.rules) add(`falco.rules.${labelName(name)}`, matches)
  }
  if (config.resourceUtilization) addUsageFields(f.usage, config, add)
  const { stats } = f
  if (stats === undefined) return fields
  if (config.stateCounters) {
    for (const [name, value] of stats.state) add(`falco.n_${snake(name)}`, value)
    for (const [name, value] of stats.names) add(`tiercel.names_${snake(name)}`, value)
  }
  if (config.kernelEventCounters) {
    const { source } = stats
    const total = source.events + source.lost
    const old = before?.stats?.source
    const totalBefore = old === undefined ? 0 : old.events + old.lost
    const lostBefore = old?.lost ?? 0
    fields.push(['scap.n_evts', total], ['scap.n_evts_prev', totalBefore])
    fields.push(['scap.evts_rate_sec', rate(total, totalBefore)])
    fields.push(['scap.n_drops', source.lost], ['scap.n_drops_prev', lostBefore])
    fields.push(['scap.evts_drop_rate_sec', rate(source.lost, lostBefore)])
    const share = total > totalBefore ? (100 * (source.lost - lostBefore)) / (total - totalBefore) : 0
    fields.push(['scap.n_drops_perc', round(share)])
    for (const [cause, count] of source.lostByCause) add(`scap.${causeKey(cause)}`, count)
    if (config.kernelEventCountersPerCpu) {
      for (const { cpu, events: n, lost } of source.perCpu) {
        add(`scap.n_evts_cpu_${cpu}`, n + lost)
        add(`scap.n_drops_cpu_${cpu}`, lost)
      }
    }
  }
  return fields
}

function addUsageFields(
  usage: Usage,
  config: MetricsConfig,
  add: (key: string, value: number | undefined) => void,
): void {
  const memory = (bytes: number | undefined): number | undefined =>
    bytes === undefined ? undefined : Math.floor(bytes / (config.convertMemoryToMb ? 1024 * 1024 : 1024))
  add('falco.cpu_usage_perc', round(usage.cpuRatio * 100))
  add('falco.memory_rss', memory(usage.rssBytes))
  add('falco.memory_vsz', memory(usage.vszBytes))
  add('falco.open_fds', usage.openFds)
  add('falco.host_cpu_usage_perc', usage.hostCpuRatio === undefined ? undefined : round(usage.hostCpuRatio * 100))
  add('falco.host_memory_used', memory(usage.hostMemoryUsedBytes))
  add('falco.host_procs_running', usage.hostProcsRunning)
  add('falco.host_open_fds', usage.hostOpenFds)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

/** The name of a file without folder and ending, as a key. */
function stem(name: string): string {
  return labelName(name.replace(/^.*\//, '').replace(/\.[^.]*$/, ''))
}
