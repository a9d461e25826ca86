import { wantedEvents } from '../agent/base-syscalls.ts'
import type { Config } from '../agent/config.ts'
import { keepMoment, type NameMoment } from '../domains/binding.ts'
import { renderBinding } from '../domains/bindings-file.ts'
import { explainAddress } from '../domains/explain-address.ts'
import type { BindingView } from '../domains/binding-view.ts'
import type { NameIndex } from '../domains/name-index.ts'
import { paramNumber } from '../events/decode-record.ts'
import type { CurrentEvent } from '../state/current-event.ts'
import { L4 } from '../state/fd.ts'
import { normaliseDomain } from '../values/domain-name.ts'
import { parseIp, unmapIp } from '../values/ip.ts'
import { printable } from '../values/socket-text.ts'
import type { Ip } from '../values/value.ts'
import { savedByAgent } from './agent-names.ts'
import type { Arguments } from './parse-arguments.ts'
import type { Command } from './command.ts'
import { CommandError, UsageError } from './command-error.ts'
import { parseFilter, readEvents, stopSignal, watchingText, openView } from './event-input.ts'
import { requireReadableFile } from './input-file.ts'
import { loadSettings } from './load-settings.ts'
import { rulesOption, settingsOptions } from './shared-options.ts'
import { parseDuration } from './parse-duration.ts'
import { type ExplainedConnection, renderExplanation, renderNameList } from './render-names.ts'
import type { Terminal } from './terminal.ts'

const EINPROGRESS = -115
/** Of one replay; the first ones are kept. */
const MAX_CONNECTIONS = 100_000

/** What a capture tells of names. */
interface SeenNames {
  readonly names: NameIndex
  /** Program names by process id, of those that looked names up or connected. */
  readonly processes: ReadonlyMap<number, string>
  readonly connections: readonly ExplainedConnection[]
  readonly lastMs: number
  readonly failed: boolean
}

async function readNames(files: readonly string[], args: Arguments, terminal: Terminal): Promise<SeenNames> {
  const duration = args.value('for')
  const isLive = duration !== undefined
  if (isLive && (files.length > 0 || args.has('bindings')))
    throw new UsageError('`--for` watches this machine: it cannot be combined with a capture or a bindings file')
  const seconds = duration === undefined ? undefined : parseDuration(duration)
  const { domains } = configOf(args, terminal)
  const isOfAgent = files.length === 0 && !isLive && !args.has('bindings')
  const saved = isOfAgent ? savedByAgent(domains, terminal) : undefined
  const bindings = saved?.path ?? args.value('bindings')
  const { names, sink } = await openView(terminal, bindings, { ...domains, keepsProcesses: true })
  const processes = new Map<number, string>(saved?.processes)
  const connections: ExplainedConnection[] = []
  /** Connections whose name may have become known later. */
  const unnamed: { readonly at: number; readonly when: NameMoment }[] = []
  let lastMs = 0
  const onEvent = (current: CurrentEvent): boolean => {
    lastMs = current.timeMs
    const { thread } = current
    const peer = connects(current)
    if (thread === undefined || (peer === undefined && current.payload === undefined)) return true
    // Threads have names of their own; people know the process's.
    processes.set(thread.pid, printable((thread.main ?? thread).comm))
    if (peer === undefined || connections.length >= MAX_CONNECTIONS) return true
    const explanation = explainAddress(names, peer.ip, current)
    const { pid, containerId } = thread
    const connection = { atMs: current.timeMs, pid, containerId, ...peer, explanation }
    if (explanation.kind === 'unnamed') unnamed.push({ at: connections.length, when: keepMoment(current) })
    connections.push(connection)
    return true
  }
  if (files.length === 0 && !isLive) return { names, processes, connections, lastMs: Date.now(), failed: false }
  const { signal, release } = stopSignal(terminal, seconds)
  // What `connects` looks at, and what the state needs for it.
  const { rule } = parseFilter('evt.type = connect', names, terminal)
  const wanted = { ...wantedEvents([rule]), observesNames: true }
  let isToTell = isLive
  const betweenPieces = (): undefined => {
    if (isToTell) terminal.err(`${watchingText(seconds)}\n`)
    isToTell = false
    return undefined
  }
  try {
    const failed = await readEvents({ files, wanted, snaplen: 80, signal, betweenPieces }, sink(onEvent), terminal)
    for (const { at, when } of unnamed) {
      const connection = connections[at]!
      connections[at] = { ...connection, explanation: explainAddress(names, connection.ip, when) }
    }
    return { names, processes, connections, lastMs, failed }
  } finally {
    release()
  }
}

/** The far end, when the event is a TCP connect that worked or is under way. */
function connects({ rec, fd }: CurrentEvent): { readonly ip: Ip; readonly port: number } | undefined {
  if (rec.info.name !== 'connect' || fd?.isInetSocket !== true || fd.l4proto !== L4.tcp || fd.dip === undefined)
    return undefined
  const result = paramNumber(rec, 0) ?? -1
  return result === 0 || result === EINPROGRESS ? { ip: unmapIp(fd.dip), port: fd.dport } : undefined
}

/** The configuration, `--dns-ports` included: which answers are looked at and trusted. */
function configOf(args: Arguments, terminal: Terminal): Config {
  const config = loadSettings(args, terminal)
  const ports = args.value('dns-ports')
  return ports === undefined ? config : { ...config, domains: { ...config.domains, dnsPorts: parsePorts(ports) } }
}

function parsePorts(text: string): readonly number[] {
  return text.split(',').map(word => {
    if (/^\d{1,5}$/.test(word) && Number(word) > 0 && Number(word) < 65_536) return Number(word)
    throw new UsageError(`\`--dns-ports\` needs ports, such as 53,5353, not \`${text}\``)
  })
}

/** Everything that is known, in the order of addresses' first bindings. */
function allBindings({ names, lastMs }: SeenNames): readonly BindingView[] {
  const ips = new Set([...names.facts()].map(fact => fact.ip))
  return [...ips].flatMap(ip => names.bindingsOfAddress(ip, lastMs))
}

function list(seen: SeenNames, format: string, terminal: Terminal): number {
  switch (format) {
    case 'text': {
      const bindings = allBindings(seen)
      if (bindings.length > 0) terminal.out(renderNameList(bindings, seen.processes))
      else if (!seen.failed) terminal.err('no names were seen\n')
      return seen.failed ? 1 : 0
    }
    case 'bindings':
      for (const fact of seen.names.facts()) terminal.out(`${renderBinding(fact)}\n`)
      return seen.failed ? 1 : 0
    default:
      throw new UsageError(`unknown format \`${format}\``, 'use text or bindings')
  }
}

function checkSubject(subject: string): void {
  if (parseIp(subject) === undefined && normaliseDomain(subject) === undefined)
    throw new UsageError(`\`${subject}\` is neither an address nor a name`)
}

function explain(seen: SeenNames, subject: string, terminal: Terminal): number {
  const ip = parseIp(subject)
  const name = ip === undefined ? normaliseDomain(subject) : undefined
  const { names, lastMs, processes } = seen
  const bindings = ip === undefined ? names.bindingsOfName(name!, lastMs) : names.bindingsOfAddress(ip, lastMs)
  const ips = new Set<Ip>(ip === undefined ? bindings.map(binding => binding.ip) : [unmapIp(ip)])
  const connections = seen.connections.filter(connection => ips.has(connection.ip))
  const sorted = [...bindings].sort((a, b) => a.firstSeenMs - b.firstSeenMs)
  if (sorted.length === 0 && connections.length === 0) {
    // What was wrong with the capture is said.
    if (seen.failed) return 1
    throw new CommandError(
      `nothing is known of \`${subject}\``,
      '`tiercel domains list` shows the names that were seen',
    )
  }
  terminal.out(renderExplanation(subject, sorted, connections, processes))
  return seen.failed ? 1 : 0
}

export const domainsCommand: Command = {
  name: 'domains',
  summary: 'show which names workloads looked up, and explain names of addresses and in alerts',
  usage: 'list | explain ADDRESS|NAME | why [ALERT] [CAPTURE…] [--bindings FILE]',
  operands: { min: 1, max: Number.MAX_SAFE_INTEGER, name: 'word: `list`, `explain` or `why`' },
  options: [
    {
      name: 'capture',
      value: 'CAPTURE',
      repeated: true,
      doc: 'the same as the word CAPTURE',
      hidden: true,
    },
    { name: 'for', value: 'TIME', doc: 'instead of a capture: watch this machine for TIME (90s, 10m), as root' },
    { name: 'bindings', value: 'FILE', doc: 'additional names of addresses (NDJSON)' },
    { name: 'dns-ports', value: 'PORTS', doc: 'ports of DNS servers; default: 53' },
    rulesOption,
    ...settingsOptions,
    { name: 'line', value: 'N', doc: 'with why: only line N of the file of alerts; -1 is the last' },
    { name: 'format', value: 'FORMAT', doc: 'with list: text (default), or bindings, as input for --bindings' },
  ],
  doc: [
    '`list` shows each known name, its addresses, the evidence, and who looked it up. `explain` shows everything known about an address or a name, and for each TCP connection to it the name that it had for the connecting process, or why it had none.',
    '`why` explains in words how the names in an alert were judged. ALERT is a line of JSON, a file of such lines, or `-`; without it, alerts are those of `file_output` in the configuration (`-c`). With `domains.explain_alerts` on, the alert itself holds the evidence; otherwise it is reconstructed with the rules (`-r`, `-c`) that alerted, from captures or a bindings file of that time, else from what the agent of this machine saved.',
    'Without a capture, `--bindings` or `--for`, `list` and `explain` show what the agent of this machine knew when it last saved it: in the file of `domains.state_file`, by default the service’s.',
    'Names are learned from the DNS messages, ClientHellos and HTTP requests in the capture, as far as it has their bytes (by default sysdig and Falco keep 80 of each call).',
  ],
  examples: [
    { command: 'tiercel domains list capture.scap', doc: 'who looked what up' },
    {
      command: 'tiercel domains explain 192.0.2.1 capture.scap',
      doc: 'which name a connection had, and why',
    },
    { command: 'sudo tiercel domains explain shop.example', doc: 'what the agent of this machine knows of a name' },
    { command: 'sudo tiercel domains list --for 30s', doc: 'who looks what up on this machine' },
    { command: 'grep nanopool alerts.jsonl | tiercel domains why -', doc: 'explain the names in alerts' },
    { command: 'sudo tiercel domains why --line -1 -c tiercel.yaml', doc: 'explain the last alert of the agent' },
    {
      command: 'tiercel domains why alert.json capture.scap -r my_rules.yaml',
      doc: 'explain an alert from a capture of that time',
    },
    {
      command: 'tiercel domains list capture.scap --format bindings > names.ndjson',
      doc: 'the names for a replay of another capture',
    },
  ],
  exitCodes: [
    'it was shown',
    'nothing is known about it, the alert cannot be explained, or a capture is missing or damaged',
  ],
  run: async (args, terminal) => {
    const [action, ...rest] = args.operands
    const files = [...(action === 'list' ? rest : rest.slice(1)), ...args.values('capture')]
    const bindings = args.value('bindings')
    const checkFiles = (): void => {
      for (const file of files) requireReadableFile(file, 'capture')
      if (bindings !== undefined) requireReadableFile(bindings, 'bindings file')
    }
    if (action !== 'list' && args.has('format')) throw new UsageError('`--format` is for `tiercel domains list`')
    if (action !== 'why' && args.has('line')) throw new UsageError('`--line` is for `tiercel domains why`')
    if (action !== 'why' && args.has('rules')) throw new UsageError('`--rules` is for `tiercel domains why`')
    if (action === 'list') {
      checkFiles()
      return list(await readNames(files, args, terminal), args.value('format') ?? 'text', terminal)
    }
    const [subject] = rest
    if (action === 'explain') {
      if (subject === undefined) throw new UsageError('`tiercel domains explain` needs an address or a name')
      checkSubject(subject)
      checkFiles()
      return explain(await readNames(files, args, terminal), subject, terminal)
    }
    if (action !== 'why') throw new UsageError(`unknown action \`${action}\``, 'use `list`, `explain` or `why`')
    if (args.has('for')) throw new UsageError('`--for` cannot be used with `why`: an alert is in the past')
    checkFiles()
    const { why } = await import('./domains-why.ts')
    return why(subject, files, configOf(args, terminal), args, terminal)
  },
}
