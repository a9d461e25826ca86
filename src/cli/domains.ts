import { openEventView } from '../agent/event-view.ts'
import type { NameMoment } from '../domains/binding.ts'
import { renderBinding } from '../domains/bindings-file.ts'
import { explainAddress } from '../domains/explain-address.ts'
import type { BindingView, NameIndex } from '../domains/name-index.ts'
import { paramNumber } from '../events/decode-record.ts'
import type { CurrentEvent } from '../state/current-event.ts'
import { L4 } from '../state/fd.ts'
import { normaliseDomain } from '../values/domain-name.ts'
import { parseIp, unmapIp } from '../values/ip.ts'
import { printable } from '../values/socket-text.ts'
import type { Ip } from '../values/value.ts'
import type { Arguments } from './parse-arguments.ts'
import type { Command } from './command.ts'
import { CommandError, UsageError } from './command-error.ts'
import { readEvents, stopSignal } from './event-input.ts'
import { requireReadableFile } from './input-file.ts'
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

async function readNames(args: Arguments, terminal: Terminal): Promise<SeenNames> {
  const files = args.values('capture')
  const bindings = args.value('bindings')
  if (files.length === 0 && bindings === undefined) throw new UsageError('`tiercel domains` needs a --capture')
  for (const file of files) requireReadableFile(file, 'capture')
  if (bindings !== undefined) requireReadableFile(bindings, 'bindings file')
  const dnsPorts = parsePorts(args.value('dns-ports') ?? '53')
  const { names, sink } = await openEventView(bindings, { dnsPorts, trustedResolvers: [], keepsProcesses: true })
  const processes = new Map<number, string>()
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
    if (explanation.kind === 'unnamed') unnamed.push({ at: connections.length, when: momentOf(current) })
    connections.push(connection)
    return true
  }
  if (files.length === 0) return { names, processes, connections, lastMs: Date.now(), failed: false }
  const { signal, release } = stopSignal(terminal, undefined)
  const wanted = { syscalls: new Set<string>(), tracepoints: new Set<string>(), observesNames: true }
  try {
    const failed = await readEvents({ files, wanted, snaplen: 0, signal }, sink(onEvent), terminal)
    for (const { at, when } of unnamed) {
      const connection = connections[at]!
      connections[at] = { ...connection, explanation: explainAddress(names, connection.ip, when) }
    }
    return { names, processes, connections, lastMs, failed }
  } finally {
    release()
  }
}

/** Who makes the event at hand, and when: as it is only while it is at hand. */
function momentOf({ rec, thread }: CurrentEvent): NameMoment {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, rec.tsNs, true)
  if (thread === undefined) return { rec: { view, start: 0 } }
  const { pid, containerId, main } = thread
  return { rec: { view, start: 0 }, thread: { pid, containerId, main: main && { cloneTsNs: main.cloneTsNs } } }
}

/** The far end, when the event is a TCP connect that worked or is under way. */
function connects({ rec, fd }: CurrentEvent): { readonly ip: Ip; readonly port: number } | undefined {
  if (rec.info.name !== 'connect' || fd?.isInetSocket !== true || fd.l4proto !== L4.tcp || fd.dip === undefined)
    return undefined
  const result = paramNumber(rec, 0) ?? -1
  return result === 0 || result === EINPROGRESS ? { ip: unmapIp(fd.dip), port: fd.dport } : undefined
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
      if (bindings.length === 0) terminal.err('no names were seen\n')
      else terminal.out(renderNameList(bindings, seen.processes))
      return seen.failed ? 1 : 0
    }
    case 'bindings':
      for (const fact of seen.names.facts()) terminal.out(`${renderBinding(fact)}\n`)
      return seen.failed ? 1 : 0
    default:
      throw new UsageError(`unknown format \`${format}\``, 'it is text or bindings')
  }
}

function explain(seen: SeenNames, subject: string, terminal: Terminal): number {
  const ip = parseIp(subject)
  const name = ip === undefined ? normaliseDomain(subject) : undefined
  if (ip === undefined && name === undefined) throw new UsageError(`\`${subject}\` is neither an address nor a name`)
  const { names, lastMs, processes } = seen
  const bindings = ip === undefined ? names.bindingsOfName(name!, lastMs) : names.bindingsOfAddress(ip, lastMs)
  const ips = new Set<Ip>(ip === undefined ? bindings.map(binding => binding.ip) : [unmapIp(ip)])
  const connections = seen.connections.filter(connection => ips.has(connection.ip))
  const sorted = [...bindings].sort((a, b) => a.firstSeenMs - b.firstSeenMs)
  if (sorted.length === 0 && connections.length === 0)
    throw new CommandError(
      `nothing is known of \`${subject}\``,
      '`tiercel domains list` shows the names that were seen',
    )
  terminal.out(renderExplanation(subject, sorted, connections, processes))
  return seen.failed ? 1 : 0
}

export const domainsCommand: Command = {
  name: 'domains',
  summary: 'show which names workloads looked up, and how an address got its name',
  usage: 'list | explain ADDRESS|NAME --capture CAPTURE [--bindings FILE]',
  operands: { min: 1, max: 2, name: 'operand' },
  options: [
    {
      name: 'capture',
      value: 'CAPTURE',
      repeated: true,
      doc: 'a capture; its DNS answers and connections are looked at',
    },
    { name: 'bindings', value: 'FILE', doc: 'names of addresses that are known besides (NDJSON)' },
    { name: 'dns-ports', value: 'PORTS', doc: 'ports of DNS servers; default: 53' },
    { name: 'format', value: 'FORMAT', doc: 'of a list: text (default), or bindings, to be given to --bindings' },
  ],
  doc: [
    '`list` shows each name that is known, its addresses, how they are known, and who looked it up. `explain` shows all that is known of an address or a name, and for each TCP connection to it which name it had for the process that connected, or why it had none.',
    'Names are learnt from the DNS messages, ClientHellos and HTTP requests in the capture, as far as it has their bytes (sysdig and Falco keep 80 of each call unless told otherwise).',
  ],
  examples: [
    { command: 'tiercel domains list --capture capture.scap', doc: 'who looked what up' },
    {
      command: 'tiercel domains explain 192.0.2.1 --capture capture.scap',
      doc: 'which name a connection had, and why',
    },
    {
      command: 'tiercel domains list --capture capture.scap --format bindings > names.ndjson',
      doc: 'the names for a replay of another capture',
    },
  ],
  exitCodes: ['it was shown', 'nothing is known of it, or a capture is missing or damaged'],
  run: async (args, terminal) => {
    const [action, subject] = args.operands
    if (action === 'list') {
      if (subject !== undefined) throw new UsageError('`tiercel domains list` takes no name', '`explain` does')
      return list(await readNames(args, terminal), args.value('format') ?? 'text', terminal)
    }
    if (action !== 'explain') throw new UsageError(`unknown action \`${action}\``, 'it is `list` or `explain`')
    if (subject === undefined) throw new UsageError('`tiercel domains explain` needs an address or a name')
    return explain(await readNames(args, terminal), subject, terminal)
  },
}
