import { isIP } from 'node:net'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type { AppendOutputEntry } from '../outputs/append-output.ts'
import type { AlertFormat } from '../outputs/format-alert.ts'
import type { OutputsConfig } from '../outputs/open-sinks.ts'
import { priorityNames } from '../values/priority-names.ts'
import {
  bothKeys,
  deprecatedKey,
  missingKey,
  noEffect,
  noSuchPlugin,
  notAllowed,
  notOneOf,
  removedKey,
} from './config-findings.ts'
import { type DomainsConfig, readDomains } from './config-domains.ts'
import type { ConfigMap, Env } from './config-node.ts'
import { readAppendOutput, readOutputs } from './config-outputs.ts'
import { ConfigSection } from './config-section.ts'
import { parseInterval } from './parse-interval.ts'
import { DEFAULT_RING } from './ring-bytes.ts'
import { withStaticFields } from './static-fields.ts'

/**
 * The configuration with types and defaults. Keys and defaults are those of Falco 0.44 (`falco.yaml`) in camel case; where ours differ, the
 * member says so. `domains` and `tiercel` are our own sections.
 */
export interface Config {
  /** As written; files that do not exist are still here. */
  readonly rulesFiles: readonly string[]
  readonly watchConfigFiles: boolean
  /** `rules`: applied in order after all files are loaded. */
  readonly ruleSelection: readonly RuleSelection[]
  readonly ruleMatching: 'first' | 'all'
  /** Rules less urgent than this (a greater number) are not loaded for matching: 0 Emergency … 7 Debug. */
  readonly minPriority: number
  readonly engine: EngineConfig
  readonly jsonOutput: boolean
  /** What an alert's line looks like. */
  readonly format: AlertFormat
  readonly outputs: OutputsConfig
  readonly appendOutput: readonly AppendOutputEntry[]
  /** Without the prefix `static.`. */
  readonly staticFields: ReadonlyMap<string, string>
  readonly webserver: WebserverConfig
  readonly log: LogConfig
  readonly eventDrops: EventDropsConfig
  readonly maxConsecutiveTimeouts: number
  readonly metrics: MetricsConfig
  readonly baseSyscalls: { readonly customSet: readonly string[]; readonly repair: boolean; readonly all: boolean }
  readonly threadTable: { readonly size: number; readonly purgeIntervalSec: number; readonly threadTimeoutSec: number }
  /** Bytes of data per event; 0 leaves it to the source. */
  readonly snaplen: number
  readonly domains: DomainsConfig
}

export interface RuleSelection {
  readonly enable: boolean
  /** Rule name, `*` stands for any text; '' if the entry goes by tag alone. */
  readonly rule: string
  /** '' if the entry goes by rule alone. */
  readonly tag: string
}

export interface EngineConfig {
  readonly kind: 'modern_ebpf' | 'kmod' | 'replay' | 'nodriver'
  /** With `replay`, never empty. */
  readonly captureFile: string
  /** 1–10; a buffer has 2^(19 + preset) bytes. */
  readonly bufSizePreset: number
  readonly cpusForEachBuffer: number
}

export interface WebserverConfig {
  readonly enabled: boolean
  readonly listenPort: number
  readonly listenAddress: string
  readonly healthzEndpoint: string
  readonly prometheusMetrics: boolean
  readonly sslEnabled: boolean
  readonly sslCertificate: string
}

export type LogLevel = 'emergency' | 'alert' | 'critical' | 'error' | 'warning' | 'notice' | 'info' | 'debug'

export interface LogConfig {
  /** On unless switched off; Falco's own default is off, and `falco.yaml` switches it on. */
  readonly stderr: boolean
  /** Off unless switched on. */
  readonly syslog: boolean
  readonly level: LogLevel
}

export type DropAction = 'ignore' | 'log' | 'alert' | 'exit'

export interface EventDropsConfig {
  /** Share of lost events above which the actions are taken, 0–1. */
  readonly threshold: number
  readonly actions: readonly DropAction[]
  /** Actions per second on average, and at once at most. */
  readonly rate: number
  readonly maxBurst: number
  readonly simulate: boolean
}

export interface MetricsConfig {
  readonly enabled: boolean
  readonly intervalMs: number
  readonly outputRule: boolean
  /** '' for none. */
  readonly outputFile: string
  readonly rulesCounters: boolean
  readonly resourceUtilization: boolean
  readonly stateCounters: boolean
  readonly kernelEventCounters: boolean
  readonly kernelEventCountersPerCpu: boolean
  readonly convertMemoryToMb: boolean
  readonly includeEmptyValues: boolean
}

/** What of the process the configuration depends on. */
export interface ConfigSurroundings {
  /** `FALCO_HOSTNAME` stands for the host's name. */
  readonly env: Env
  readonly hostname: string
}

const MOST = Number.MAX_SAFE_INTEGER
const UINT32 = 0xffff_ffff

/** Gives `root` its types. Everything that is wrong becomes a finding, and its default counts. */
export function readConfig(root: ConfigMap, surroundings: ConfigSurroundings, findings: Diagnostic[]): Config {
  const top = new ConfigSection(root, '', findings)
  const format = readFormat(top, surroundings)
  const staticFields = top.pairs('static_fields')
  const config: Config = {
    rulesFiles: readRulesFiles(top, findings),
    watchConfigFiles: top.bool('watch_config_files', true),
    ruleSelection: readRuleSelection(top, findings),
    ruleMatching: top.oneOf('rule_matching', 'first', ['first', 'all']),
    minPriority: readPriority(top, findings),
    engine: readEngine(top, findings),
    jsonOutput: format.json,
    format,
    outputs: readOutputs(top, root, findings),
    appendOutput: readAppendOutput(top, withStaticFields(staticFields), findings),
    staticFields,
    webserver: readWebserver(top, findings),
    log: readLog(top),
    eventDrops: readEventDrops(top, findings),
    maxConsecutiveTimeouts: readTimeouts(top),
    metrics: readMetrics(top, findings),
    baseSyscalls: readBaseSyscalls(top),
    ...readLibs(top),
    domains: readDomains(top, surroundings.env, findings),
  }
  top.node('config_files')
  readPlugins(top, findings)
  readWithoutEffect(top)
  top.finish()
  return config
}

function readRulesFiles(top: ConfigSection, findings: Diagnostic[]): string[] {
  const plural = top.keyPlaceOf('rules_files')
  const singular = top.keyPlaceOf('rules_file')
  if (plural !== undefined && singular !== undefined)
    findings.push(bothKeys(singular, 'rules_file', 'rules_files', plural))
  else if (singular !== undefined) findings.push(deprecatedKey(singular, 'rules_file', 'write `rules_files`'))
  return [...top.texts('rules_files'), ...top.texts('rules_file')]
}

function readRuleSelection(top: ConfigSection, findings: Diagnostic[]): RuleSelection[] {
  return top.sections('rules').map((entry, i) => {
    const place = top.placeOf('rules')!
    const enable = entry.node('enable') !== undefined
    const which = entry.section(enable ? 'enable' : 'disable')
    const selection = { enable, rule: which.text('rule', ''), tag: which.text('tag', '') }
    if (!enable && entry.node('disable') === undefined) {
      findings.push(missingKey(entry.placeOf('enable') ?? place, `rules[${i}].enable`, 'an entry enables or disables'))
    } else if (selection.rule === '' && selection.tag === '') {
      findings.push(
        missingKey(which.placeOf('rule') ?? place, which.pathOf('rule'), 'a `rule` or a `tag` must be named'),
      )
    }
    which.finish()
    entry.finish()
    return selection
  })
}

function readPriority(top: ConfigSection, findings: Diagnostic[]): number {
  const text = top.text('priority', 'debug')
  const lower = text.toLowerCase()
  const found = priorityNames.findIndex(name => name.toLowerCase() === (lower === 'info' ? 'informational' : lower))
  if (found !== -1) return found
  findings.push(
    notOneOf(
      top.placeOf('priority')!,
      'priority',
      text,
      priorityNames.map(name => name.toLowerCase()),
    ),
  )
  return priorityNames.length - 1
}

function readEngine(top: ConfigSection, findings: Diagnostic[]): EngineConfig {
  const engine = top.section('engine')
  const kinds = ['modern_ebpf', 'kmod', 'replay', 'nodriver'] as const
  const kind = engine.oneOf('kind', 'modern_ebpf', kinds)
  const replay = engine.section('replay')
  const captureFile = replay.text('capture_file', '')
  if (kind === 'replay' && captureFile === '') {
    findings.push(missingKey(engine.placeOf('kind')!, 'engine.replay.capture_file', '`replay` needs a capture file'))
  }
  replay.finish()
  const sections = ['modern_ebpf', 'kmod'].map(name => {
    const section = engine.section(name)
    const settings = {
      bufSizePreset: section.int('buf_size_preset', DEFAULT_RING.bufSizePreset, 1, 10),
      cpusForEachBuffer:
        name === 'kmod' ? 2 : section.int('cpus_for_each_buffer', DEFAULT_RING.cpusForEachBuffer, 0, UINT32),
    }
    section.withoutEffect('drop_failed_exit', 'calls that fail are events, too')
    if (name !== 'kmod') section.withoutEffect('disable_iterators', 'processes are read from /proc')
    section.finish()
    return settings
  })
  engine.ignore(['ebpf', 'gvisor'], (place, key) => removedKey(place, key, 'live events come from `modern_ebpf`'))
  engine.finish()
  return { kind, captureFile, ...(kind === 'kmod' ? sections[1]! : sections[0]!) }
}

function readFormat(top: ConfigSection, { env, hostname }: ConfigSurroundings): AlertFormat {
  return {
    json: top.bool('json_output', false),
    jsonIncludeOutput: top.bool('json_include_output_property', true),
    jsonIncludeMessage: top.bool('json_include_message_property', false),
    jsonIncludeOutputFields: top.bool('json_include_output_fields_property', true),
    jsonIncludeTags: top.bool('json_include_tags_property', true),
    timeIso8601: top.bool('time_format_iso_8601', false),
    hostname: env['FALCO_HOSTNAME'] ?? hostname,
  }
}

function readWebserver(top: ConfigSection, findings: Diagnostic[]): WebserverConfig {
  const section = top.section('webserver')
  const listenAddress = section.text('listen_address', '0.0.0.0').trim()
  if (isIP(listenAddress) === 0) {
    const place = section.placeOf('listen_address')!
    findings.push(notAllowed(place, section.pathOf('listen_address'), listenAddress, 'not an IP address'))
  }
  section.int('threadiness', 0, 0, UINT32) // one thread serves
  const config: WebserverConfig = {
    enabled: section.bool('enabled', false),
    listenPort: section.int('listen_port', 8765, 0, 65_535),
    listenAddress: isIP(listenAddress) === 0 ? '0.0.0.0' : listenAddress,
    healthzEndpoint: section.text('k8s_healthz_endpoint', '/healthz'),
    prometheusMetrics: section.bool('prometheus_metrics_enabled', false),
    sslEnabled: section.bool('ssl_enabled', false),
    sslCertificate: section.text('ssl_certificate', '/etc/falco/falco.pem'),
  }
  section.finish()
  return config
}

function readLog(top: ConfigSection): LogConfig {
  const levels = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'] as const
  const libs = top.section('libs_logger') // there are no libraries beside the agent to log for
  libs.bool('enabled', true)
  libs.text('severity', 'info')
  libs.finish()
  return {
    stderr: top.bool('log_stderr', true),
    syslog: top.bool('log_syslog', false),
    level: top.oneOf('log_level', 'info', levels),
  }
}

function readEventDrops(top: ConfigSection, findings: Diagnostic[]): EventDropsConfig {
  const section = top.section('syscall_event_drops')
  const actions = new Set<DropAction>()
  const isSet = section.node('actions') !== undefined
  const allowed: readonly DropAction[] = ['ignore', 'log', 'alert', 'exit']
  for (const text of section.texts('actions')) {
    const place = section.placeOf('actions')!
    const action = allowed.find(one => one === text)
    if (action === undefined) findings.push(notOneOf(place, section.pathOf('actions'), text, allowed))
    else if (actions.has('ignore') && (action === 'log' || action === 'alert')) {
      findings.push(notAllowed(place, section.pathOf('actions'), text, 'it makes no sense together with `ignore`'))
    } else actions.add(action)
  }
  const config: EventDropsConfig = {
    threshold: section.number('threshold', 0.1, 0, 1),
    // Falco without a configuration ignores losses; its `falco.yaml` does not.
    actions: isSet ? (actions.size === 0 ? ['ignore'] : [...actions]) : ['log', 'alert'],
    rate: section.number('rate', 0.03333, 0, MOST),
    maxBurst: section.number('max_burst', 1, 0, MOST),
    simulate: section.bool('simulate_drops', false),
  }
  section.finish()
  return config
}

function readTimeouts(top: ConfigSection): number {
  const section = top.section('syscall_event_timeouts')
  const most = section.int('max_consecutives', 1000, 1, UINT32)
  section.finish()
  return most
}

function readMetrics(top: ConfigSection, findings: Diagnostic[]): MetricsConfig {
  const section = top.section('metrics')
  for (const key of ['libbpf_stats_enabled', 'plugins_metrics_enabled', 'jemalloc_stats_enabled'])
    section.bool(key, true)
  const config: MetricsConfig = {
    enabled: section.bool('enabled', false),
    intervalMs: readInterval(section, findings),
    outputRule: section.bool('output_rule', false),
    outputFile: section.text('output_file', ''),
    rulesCounters: section.bool('rules_counters_enabled', true),
    resourceUtilization: section.bool('resource_utilization_enabled', true),
    stateCounters: section.bool('state_counters_enabled', true),
    kernelEventCounters: section.bool('kernel_event_counters_enabled', true),
    kernelEventCountersPerCpu: section.bool('kernel_event_counters_per_cpu_enabled', true),
    convertMemoryToMb: section.bool('convert_memory_to_mb', true),
    includeEmptyValues: section.bool('include_empty_values', false),
  }
  section.finish()
  return config
}

function readInterval(section: ConfigSection, findings: Diagnostic[]): number {
  const text = section.text('interval', '5000')
  const ms = parseInterval(text)
  if (ms !== undefined && ms >= 100 && ms <= MOST) return ms
  const why = ms === undefined ? 'not a duration such as `15m` or `1h30m`' : 'at least 100 ms'
  findings.push(notAllowed(section.placeOf('interval')!, section.pathOf('interval'), text, why))
  return 5000
}

function readBaseSyscalls(top: ConfigSection): Config['baseSyscalls'] {
  const section = top.section('base_syscalls')
  const config = {
    customSet: section.texts('custom_set'),
    repair: section.bool('repair', false),
    all: section.bool('all', false),
  }
  section.finish()
  return config
}

function readLibs(top: ConfigSection): Pick<Config, 'threadTable' | 'snaplen'> {
  const libs = top.section('falco_libs')
  const config = {
    threadTable: {
      size: libs.int('thread_table_size', 262_144, 1, UINT32),
      purgeIntervalSec: libs.int('thread_table_auto_purging_interval_s', 300, 1, UINT32),
      threadTimeoutSec: libs.int('thread_table_auto_purging_thread_timeout_s', 300, 1, UINT32),
    },
    snaplen: libs.int('snaplen', 0, 0, 65_535),
  }
  libs.finish()
  return config
}

/** Falco's plugins are shared libraries. The one that everybody has, `container`, is built in; others cannot be loaded. */
function readPlugins(top: ConfigSection, findings: Diagnostic[]): void {
  const described = new Set<string>()
  for (const plugin of top.sections('plugins')) {
    const name = plugin.text('name', '')
    described.add(name)
    plugin.text('library_path', '')
    plugin.node('init_config')
    plugin.node('open_params')
    if (name === '') findings.push(missingKey(plugin.placeOf('name')!, plugin.pathOf('name'), 'a plugin has a name'))
    plugin.finish()
  }
  const list = top.node('load_plugins')
  for (const name of top.texts('load_plugins')) {
    const item = list?.kind === 'list' ? list.items.find(one => one.kind === 'scalar' && one.text === name) : list
    const place = (item ?? list)!.place
    if (!described.has(name)) findings.push(noSuchPlugin(place, name))
    else if (name !== 'container')
      findings.push(noEffect(place, `the plugin \`${name}\``, 'binary plugins cannot be loaded'))
  }
}

/** Keys of Falco, of now and of before, that change nothing here. */
function readWithoutEffect(top: ConfigSection): void {
  top.withoutEffect('buffer_format_base64', 'data is printed as text')
  const capture = top.section('capture')
  capture.withoutEffect('enabled', 'alerts start no recording; `tiercel record` makes one')
  for (const key of ['path_prefix', 'mode', 'default_duration', 'max_file_size_mb']) capture.text(key, '')
  capture.finish()
  top.ignore(['plugins_hostinfo', 'buffered_outputs'], () => undefined)
  top.ignore(['container_engines'], (place, key) => noEffect(place, `\`${key}\``, 'containers are known without it'))
  top.ignore(['grpc', 'grpc_output'], (place, key) => removedKey(place, key, 'use `http_output`'))
  top.ignore(['outputs'], (place, key) => removedKey(place, key, 'alerts are not throttled any more'))
  top.ignore(['metadata_download'], (place, key) =>
    removedKey(place, key, 'container and Kubernetes data need no download'),
  )
  top.ignore(['syscall_buf_size_preset', 'syscall_drop_failed_exit', 'modern_bpf'], (place, key) =>
    removedKey(place, key, 'see `engine.modern_ebpf`'),
  )
}
