import { attachBytes, createRecord, integerLayout, readRecord } from '../../events/decode-record.ts'
import type { EventRecord } from '../../events/event-record.ts'
import { type EventInfo, eventTable } from '../../events/event-table.ts'
import type { FdEntry, ProcessEntry } from '../../events/source.ts'
import { encodeEvent, le } from '../../events/encode-event.ts'
import { parseIp } from '../../values/ip.ts'
import type { CurrentEvent } from '../current-event.ts'
import type { Fd } from '../fd.ts'
import { HostState, type HostStateOptions } from '../host-state.ts'
import type { Thread } from '../thread.ts'

/** A parameter of a test's event: numbers by the parameter's type, texts with a NUL behind each, bytes as they are. */
export type TestParam = number | bigint | string | readonly string[] | Buffer
export type TestParams = Readonly<Record<string, TestParam>>

export const START_NS = 1_700_000_000_000_000_000n

/** The current event with that name, the exit one where there are two. */
export function infoOf(name: string): EventInfo {
  const info =
    eventTable.find(e => e.name === name && e.isExit && !e.isOld) ?? eventTable.find(e => e.name === name && !e.isOld)
  if (info === undefined) throw new Error(`no event ${name}`)
  return info
}

function encodeParam(type: string, value: TestParam): Buffer {
  if (Buffer.isBuffer(value)) return value
  if (typeof value === 'string') return Buffer.from(`${value}\0`, 'latin1')
  if (typeof value === 'object') return Buffer.from(value.map(text => `${text}\0`).join(''), 'latin1')
  return le(integerLayout(type)?.bytes ?? 8, value)
}

/** A state and events for it, one microsecond apart. A parameter that is left out is empty. */
export class TestHost {
  readonly state: HostState
  /** Pins per address as a listener counts them. */
  readonly connections: Map<number | string, number> = new Map()
  readonly #rec: EventRecord = createRecord()
  #ts: bigint = START_NS

  constructor(options: HostStateOptions = {}) {
    this.state = new HostState({
      onConnection: (ip, delta) => {
        const count = (this.connections.get(ip) ?? 0) + delta
        if (count === 0) this.connections.delete(ip)
        else this.connections.set(ip, count)
      },
      ...options,
    })
  }

  emit(name: string, params: TestParams = {}, head: { tid?: number; ts?: bigint } = {}): CurrentEvent {
    const info = infoOf(name)
    for (const key of Object.keys(params)) {
      if (!info.paramIndex.has(key)) throw new Error(`${name} has no parameter ${key}`)
    }
    const values = info.params.map(p => (params[p.name] === undefined ? Buffer.alloc(0) : encodeParam(p.type, params[p.name]!)))
    this.#ts = head.ts ?? this.#ts + 1000n
    return this.applyBytes(encodeEvent(info.code, values, { tid: head.tid ?? 100, ts: this.#ts }))
  }

  applyBytes(bytes: Buffer): CurrentEvent {
    attachBytes(this.#rec, bytes)
    if (readRecord(this.#rec, 0, bytes.length) !== bytes.length) throw new Error('the event does not decode')
    return this.state.apply(this.#rec)
  }

  /** A process of the world at the start. */
  process(tid: number, more: Partial<ProcessEntry> = {}): void {
    this.state.addProcess({ ...plainProcess, tid, pid: tid, vtid: tid, vpid: tid, ...more })
  }

  fdEntry(tid: number, entry: FdEntry): void {
    this.state.addFd(tid, entry)
  }

  /** A clone as both sides see it. */
  clone(parent: number, child: number, more: TestParams = {}): void {
    this.cloneInCaller(parent, child, more)
    this.cloneInChild(parent, child, more)
  }

  cloneInCaller(parent: number, child: number, more: TestParams = {}): CurrentEvent {
    return this.emit('clone', { ...this.#cloneParams(parent), res: child, ...more }, { tid: parent })
  }

  cloneInChild(parent: number, child: number, more: TestParams = {}): CurrentEvent {
    const params = { ...this.#cloneParams(child), pid: child, ptid: parent, vpid: child, ...more }
    return this.emit('clone', { ...params, res: 0 }, { tid: child })
  }

  #cloneParams(tid: number): TestParams {
    return {
      exe: 'prog',
      args: ['-a'],
      tid,
      pid: tid,
      ptid: 1,
      fdlimit: 1024,
      pgft_maj: 0,
      pgft_min: 0,
      vm_size: 0,
      vm_rss: 0,
      vm_swap: 0,
      comm: 'prog',
      flags: 0,
      uid: 0,
      gid: 0,
      vtid: tid,
      vpid: tid,
    }
  }

  exec(tid: number, more: TestParams = {}, name = 'execve'): CurrentEvent {
    return this.emit(name, { res: 0, exe: 'new', args: ['-x'], pid: tid, ptid: 1, comm: 'new', ...more }, { tid })
  }

  exit(tid: number, more: TestParams = {}): CurrentEvent {
    return this.emit('procexit', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0, ...more }, { tid })
  }

  open(num: number, name: string, flags = 0, tid = 100): CurrentEvent {
    return this.emit('openat', { fd: num, dirfd: -100, name, flags }, { tid })
  }

  close(num: number, tid = 100): CurrentEvent {
    return this.emit('close', { res: 0, fd: num }, { tid })
  }

  /** An event that changes nothing, so that what waits for the next event is done. */
  settle(): void {
    this.emit('switch', {}, { tid: -7 })
  }

  thread(tid: number): Thread {
    const thread = this.state.threads.get(tid)
    if (thread === undefined) throw new Error(`no thread ${tid}`)
    return thread
  }

  fd(num: number, tid = 100): Fd | undefined {
    return this.state.fdsOf(this.thread(tid))?.peek(num)
  }

  fdNums(tid = 100): number[] {
    return [...(this.state.fdsOf(this.thread(tid))?.values() ?? [])].map(fd => fd.num).sort((a, b) => a - b)
  }
}

export const plainProcess: Omit<ProcessEntry, 'tid' | 'pid' | 'vtid' | 'vpid'> = {
  ptid: 1,
  sid: 1,
  vpgid: 1,
  comm: 'prog',
  exe: 'prog',
  exepath: '/bin/prog',
  args: [],
  cwd: '/srv',
  fdlimit: 1024,
  flags: 0,
  uid: 0,
  gid: 0,
  vmSizeKb: 0,
  vmRssKb: 0,
  vmSwapKb: 0,
  pfMajor: 0,
  pfMinor: 0,
  env: [],
  cgroups: [],
  root: '/',
}

/** The bytes of an address as the kernel side writes it. */
function ipBytes(text: string): { readonly family: number; readonly bytes: Buffer } {
  const ip = parseIp(text)
  if (ip === undefined) throw new Error(`no address: ${text}`)
  if (typeof ip === 'string') return { family: 10, bytes: Buffer.from(ip, 'latin1') }
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(ip)
  return { family: 2, bytes }
}

/** A SOCKADDR parameter of an inet address. */
export function sockaddr(ip: string, port: number): Buffer {
  const { family, bytes } = ipBytes(ip)
  return Buffer.concat([le(1, family), bytes, le(2, port)])
}

export function unixAddr(path: string): Buffer {
  return Buffer.concat([le(1, 1), Buffer.from(`${path}\0`, 'latin1')])
}

/** A SOCKTUPLE parameter of two inet addresses. */
export function tuple(sip: string, sport: number, dip: string, dport: number): Buffer {
  const source = ipBytes(sip)
  const dest = ipBytes(dip)
  return Buffer.concat([le(1, source.family), source.bytes, le(2, sport), dest.bytes, le(2, dport)])
}

export function unixTuple(source: number, dest: number, path: string): Buffer {
  return Buffer.concat([le(1, 1), le(8, source), le(8, dest), Buffer.from(`${path}\0`, 'latin1')])
}

/** What must hold between threads, groups, parents and counters, whatever happened; the first thing that does not. */
export function brokenInvariant(state: HostState): string | undefined {
  const { table } = state
  let textSize = 0
  for (const [tid, thread] of table.byTid) {
    if (thread.tid !== tid) return `thread ${thread.tid} is listed as ${tid}`
    textSize += thread.textSize
    for (const child of thread.children) {
      if (child.ptid !== tid) return `child ${child.tid} of ${tid} names ${child.ptid} as its parent`
      if (table.byTid.get(child.tid) !== child) return `child ${child.tid} of ${tid} is no more`
    }
    if (thread.group === undefined) continue
    if (table.groups.get(thread.group.pid) !== thread.group) return `the group of ${tid} is not listed`
    if (!thread.group.threads.has(thread)) return `${tid} is not in its group`
  }
  if (textSize !== table.textSize) return `texts are ${textSize} characters long, not ${table.textSize}`
  for (const [pid, group] of table.groups) {
    let alive = 0
    for (const thread of group.threads) {
      if (table.byTid.get(thread.tid) !== thread) return `${thread.tid} of group ${pid} is no more`
      if (!thread.isDead) alive++
    }
    if (alive !== group.aliveCount) return `group ${pid} has ${alive} living threads, not ${group.aliveCount}`
    if (group.threads.size === 0) return `group ${pid} is empty`
  }
  return undefined
}
