import { attachBytes, createRecord, integerLayout, readRecord } from '../../events/decode-record.ts'
import { encodeEvent, le, withNul } from '../../events/encode-event.ts'
import type { EventInfo } from '../../events/event-table.ts'
import { eventTable } from '../../events/event-table.ts'
import type { GroupEntry, InterfaceEntry, UserEntry } from '../../events/source.ts'
import { type Container, HOST } from '../../state/container.ts'
import type { EventContext, NameSource } from '../../state/event-context.ts'
import { Fd } from '../../state/fd.ts'
import { FdTable } from '../../state/fd-table.ts'
import type { Machine } from '../../state/machine.ts'
import { Thread } from '../../state/thread.ts'
import { ThreadTable } from '../../state/thread-table.ts'
import type { Ip } from '../../values/value.ts'

/** What a test says of one parameter; bytes are taken as they are. */
export type ParamValue = number | bigint | string | Buffer

function encode(type: string, value: ParamValue): Buffer {
  if (Buffer.isBuffer(value)) return value
  if (typeof value === 'string') return withNul(value)
  const layout = integerLayout(type)
  if (layout === undefined) throw new Error(`a ${type} parameter needs bytes`)
  return le(layout.bytes, value)
}

/** The current exit event `name`, or the only one there is. */
export function eventInfo(name: string): EventInfo {
  const info =
    eventTable.find(e => e.name === name && e.isExit && !e.isOld) ?? eventTable.find(e => e.name === name && !e.isOld)
  if (info === undefined) throw new Error(`no event ${name}`)
  return info
}

function encodeParams(info: EventInfo, params: Readonly<Record<string, ParamValue>>): readonly Buffer[] {
  for (const name of Object.keys(params)) {
    if (!info.paramIndex.has(name)) throw new Error(`${info.name} has no parameter ${name}`)
  }
  return info.params.map(p => (p.name in params ? encode(p.type, params[p.name]!) : Buffer.alloc(0)))
}

/** What the machine of a test knows; `container` rows are found by their id. */
export interface World {
  readonly hostname?: string
  readonly threads?: readonly Thread[]
  readonly users?: readonly UserEntry[]
  readonly groups?: readonly GroupEntry[]
  readonly local?: readonly Ip[]
  readonly containers?: readonly Container[]
}

export interface ContextOptions {
  readonly world?: World
  readonly thread?: Thread
  readonly fd?: Fd
  readonly fdNum?: number
  readonly fdNameChanged?: boolean
  readonly tsNs?: bigint
  readonly firstTsNs?: bigint
  readonly previousTsNs?: bigint
  readonly cpu?: number
  readonly num?: number
  readonly names?: NameSource
}

export const TEST_TS = 1_700_000_000_123_456_789n

function makeMachine(world: World, thread: Thread | undefined): Machine {
  const table = new ThreadTable()
  for (const one of world.threads ?? []) table.put(one)
  if (thread !== undefined) table.put(thread)
  for (const one of table.byTid.values()) table.link(one)
  const interfaces: InterfaceEntry[] = (world.local ?? []).map(address => ({ name: 'eth0', address, netmask: 0 }))
  return {
    hostname: world.hostname ?? 'testhost',
    bootTsNs: 0n,
    cpuCount: 2,
    threads: table.byTid,
    user: (_, uid) => world.users?.find(u => u.uid === uid),
    group: (_, gid) => world.groups?.find(g => g.gid === gid),
    interfaces,
    isLocal: ip => interfaces.some(i => i.address === ip),
    container: id => (id === '' ? HOST : world.containers?.find(c => c.id === id)),
    containers: new Map((world.containers ?? []).map(c => [c.id, c])),
    parentOf: one => table.parentOf(one),
    cwdOf: one => one.main?.cwd ?? './',
    envOf: one => one.main?.env ?? one.env,
    fdsOf: one => one.fds,
  }
}

/** The context of one event; `params` by name, what is left out is an empty parameter. */
export function makeContext(
  event: string,
  params: Readonly<Record<string, ParamValue>> = {},
  options: ContextOptions = {},
): EventContext {
  const info = eventInfo(event)
  const rec = createRecord()
  const tid = options.thread?.tid ?? 1000
  const tsNs = options.tsNs ?? TEST_TS
  const bytes = encodeEvent(info.code, encodeParams(info, params), { ts: tsNs, tid })
  attachBytes(rec, bytes)
  if (readRecord(rec, 0, bytes.length) !== bytes.length) throw new Error('the test event does not decode')
  rec.num = options.num ?? 7
  rec.cpu = options.cpu ?? 1
  return {
    rec,
    thread: options.thread,
    fd: options.fd,
    fdNum: options.fdNum ?? options.fd?.num,
    fdNameChanged: options.fdNameChanged ?? false,
    firstTsNs: options.firstTsNs ?? tsNs,
    previousTsNs: options.previousTsNs ?? 0n,
    machine: makeMachine(options.world ?? {}, options.thread),
    names: options.names,
  }
}

/** A process with the given properties; tid and pid are the same unless said otherwise. */
export function makeThread(properties: Partial<Omit<Thread, 'fds'>> & { tid: number; openFds?: readonly Fd[] }): Thread {
  const fds = new FdTable()
  for (const fd of properties.openFds ?? []) fds.add(fd)
  const thread = new Thread(properties.tid, fds)
  const { openFds: _, ...rest } = properties
  Object.assign(thread, { pid: properties.tid, ptid: 1, vpid: properties.tid, vtid: properties.tid, ...rest })
  return thread
}

/** An fd with the given properties. */
export function makeFd(num: number, type: number, properties: Partial<Fd> = {}): Fd {
  return Object.assign(new Fd(num, type), properties)
}
