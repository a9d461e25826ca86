import { paramNumber } from '../decode-record.ts'
import { syscallName } from '../event-lookup.ts'
import type { EventRecord } from '../event-record.ts'
import type {
  FdEntry,
  GroupEntry,
  InterfaceEntry,
  MachineInfo,
  ProcessEntry,
  SourceSink,
  UserEntry,
} from '../source.ts'
import type { JsonObject } from './json-values.ts'
import { namedEnterEvents, namedEvents, paramToJson } from './param-json.ts'
import { stateLine } from './state-lines.ts'

const GENERIC_EXIT = 1

/** The system call that a generic event stands for, where its name alone says so. */
function genericName(record: EventRecord): string | undefined {
  if (record.type !== GENERIC_EXIT || record.paramLen[0] !== 2) return undefined
  const name = syscallName(paramNumber(record, 0) ?? -1)
  return name === undefined || namedEvents.has(name) ? undefined : name
}

/** The line for an event, as an object for `JSON.stringify`. */
function eventLine(record: EventRecord): JsonObject {
  const { info, paramCount } = record
  const generic = genericName(record)
  const args: Record<string, unknown> = {}
  for (const [i, param] of info.params.entries()) {
    if (i < paramCount && (generic === undefined || i > 0)) args[param.name] = paramToJson(record, i)
  }
  return {
    type: generic ?? info.name,
    ...(namedEnterEvents.get(info.name)?.code === info.code && { dir: '>' }),
    ts: String(record.tsNs),
    tid: record.tid,
    cpu: record.cpu,
    ...(paramCount < info.params.length && { nparams: paramCount }),
    args,
  }
}

/** A sink that writes each thing it is told as a line of JSON; `write` gets one line with its end. */
export class NdjsonWriter implements SourceSink {
  /** Events written. */
  events = 0
  private readonly write: (line: string) => void

  constructor(write: (line: string) => void) {
    this.write = write
  }

  private line(value: JsonObject): void {
    this.write(`${JSON.stringify(value)}\n`)
  }

  reset(): void {
    this.line({ kind: 'reset' })
  }

  machine(info: MachineInfo): void {
    this.line(stateLine('machine', info))
  }

  networkInterface(entry: InterfaceEntry): void {
    this.line(stateLine('interface', entry))
  }

  user(entry: UserEntry): void {
    this.line(stateLine('user', entry))
  }

  group(entry: GroupEntry): void {
    this.line(stateLine('group', entry))
  }

  process(entry: ProcessEntry): void {
    this.line(stateLine('process', entry))
  }

  fd(tid: number, entry: FdEntry): void {
    this.line(stateLine('fd', entry, { tid }))
  }

  event(record: EventRecord): boolean {
    this.line(eventLine(record))
    this.events++
    return true
  }
}
