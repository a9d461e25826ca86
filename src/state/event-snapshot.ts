/**
 * An event as it was, with the state around it, for a verdict that is put off: readers of fields see the thread, its ancestors and leaders,
 * the fd and the container as they were, whatever has become of them. What is not copied, for it would take long, is as it is when it is
 * asked for: fds other than the event's and the first three, users and groups, interfaces.
 */
import { attachBytes, createRecord, readRecord } from '../events/decode-record.ts'
import type { EventRecord } from '../events/event-record.ts'
import type { Container } from './container.ts'
import type { EventContext } from './event-context.ts'
import { copyFd, type Fd } from './fd.ts'
import type { FdView, Machine } from './machine.ts'
import { Thread, ThreadGroup } from './thread.ts'

/** Further up, ancestors are as they are when they are asked for. */
const MAX_ANCESTORS = 16
const STANDARD_FDS = 3

export class EventSnapshot implements EventContext {
  readonly rec: EventRecord
  readonly thread: Thread | undefined
  readonly fd: Fd | undefined
  readonly fdNum: number | undefined
  readonly fdNameChanged: boolean
  readonly firstTsNs: bigint
  readonly previousTsNs: bigint
  readonly machine: Machine
  readonly payload: EventContext['payload']
  names: EventContext['names']
  /** The time for which names are asked, ms since the epoch: answers that came after the event count. */
  askedAtMs: number

  constructor(event: EventContext, askedAtMs: number) {
    const { rec, thread, fd, machine } = event
    const bytes = Buffer.from(rec.bytes.subarray(rec.start, rec.end))
    this.rec = createRecord()
    attachBytes(this.rec, bytes)
    readRecord(this.rec, 0, bytes.length)
    this.rec.num = rec.num
    this.rec.cpu = rec.cpu
    this.fd = fd === undefined ? undefined : copyFd(fd, fd.num)
    this.fdNum = event.fdNum
    this.fdNameChanged = event.fdNameChanged
    this.firstTsNs = event.firstTsNs
    this.previousTsNs = event.previousTsNs
    this.payload = event.payload
    this.names = event.names
    this.askedAtMs = askedAtMs
    const past = new PastMachine(machine, this.fd, thread)
    this.machine = past
    this.thread = thread === undefined ? undefined : past.copyOf(thread)
  }

  /** What it takes, roughly. */
  get bytes(): number {
    return this.rec.bytes.length
  }
}

/** The machine as one thread saw it; for all else, as it is. */
class PastMachine implements Machine {
  readonly threads: Machine['threads']
  readonly #now: Machine
  readonly #copies: Map<number, Thread> = new Map()
  readonly #originals: Map<Thread, Thread> = new Map()
  readonly #parents: Map<Thread, Thread | undefined> = new Map()
  readonly #fds: FdView | undefined
  readonly #container: Container | undefined
  readonly #pid: number

  constructor(now: Machine, fd: Fd | undefined, thread: Thread | undefined) {
    this.#now = now
    this.#pid = thread?.pid ?? -1
    this.#container = thread === undefined ? undefined : now.container(thread.containerId)
    this.#fds = thread === undefined ? undefined : pastFds(now.fdsOf(thread), fd)
    this.threads = { get: tid => this.#copies.get(tid) ?? now.threads.get(tid) }
    if (thread === undefined) return
    this.#copy(thread, undefined)
    const { main } = thread
    if (main !== undefined && main !== thread) this.#copy(main, undefined)
    this.#linkGroup(thread)
    let child = thread
    for (let i = 0; i < MAX_ANCESTORS; i++) {
      const parent = now.parentOf(child)
      const copy = this.#copies.get(child.tid)
      if (copy !== undefined)
        this.#parents.set(copy, parent === undefined ? undefined : this.#copy(parent, parent.group))
      if (parent === undefined) break
      child = parent
    }
    if (main !== undefined && main !== thread) {
      const parent = now.parentOf(main)
      this.#parents.set(this.copyOf(main), parent === undefined ? undefined : this.#copy(parent, parent.group))
    }
    for (const id of [thread.sid, thread.vpgid, thread.pgid]) {
      const leader = now.threads.get(id)
      if (leader !== undefined) this.#copy(leader, leader.group)
    }
  }

  get hostname(): string {
    return this.#now.hostname
  }

  get bootTsNs(): bigint {
    return this.#now.bootTsNs
  }

  get cpuCount(): number {
    return this.#now.cpuCount
  }

  get interfaces(): Machine['interfaces'] {
    return this.#now.interfaces
  }

  get containers(): Machine['containers'] {
    return this.#now.containers
  }

  user(containerId: string, uid: number): ReturnType<Machine['user']> {
    return this.#now.user(containerId, uid)
  }

  group(containerId: string, gid: number): ReturnType<Machine['group']> {
    return this.#now.group(containerId, gid)
  }

  isLocal(ip: Parameters<Machine['isLocal']>[0]): boolean {
    return this.#now.isLocal(ip)
  }

  container(id: string): Container | undefined {
    return this.#container?.id === id ? this.#container : this.#now.container(id)
  }

  parentOf(thread: Thread): Thread | undefined {
    if (this.#parents.has(thread)) return this.#parents.get(thread)
    return this.#now.parentOf(this.#originals.get(thread) ?? thread)
  }

  cwdOf(thread: Thread): string {
    return thread.main?.cwd ?? './'
  }

  envOf(thread: Thread): readonly string[] {
    return thread.main?.env ?? thread.env
  }

  fdsOf(thread: Thread): FdView | undefined {
    return thread.pid === this.#pid ? this.#fds : this.#now.fdsOf(this.#originals.get(thread) ?? thread)
  }

  copyOf(thread: Thread): Thread {
    return this.#copies.get(thread.tid) ?? thread
  }

  #copy(thread: Thread, group: ThreadGroup | undefined): Thread {
    const known = this.#copies.get(thread.tid)
    if (known !== undefined) return known
    const copy = Object.assign(new Thread(thread.tid, thread.fds), thread)
    copy.ptid = thread.ptid
    copy.group = group
    this.#copies.set(thread.tid, copy)
    this.#originals.set(copy, thread)
    return copy
  }

  /** The process of its own, so that its first thread is the copy. */
  #linkGroup({ tid, main, group: original }: Thread): void {
    if (original === undefined) return
    const group = new ThreadGroup(original.pid, original.isReaper)
    for (const member of [main?.tid, tid]) {
      const copy = member === undefined ? undefined : this.#copies.get(member)
      if (copy === undefined) continue
      group.add(copy)
      copy.group = group
    }
    group.aliveCount = original.aliveCount
  }
}

function pastFds(now: FdView | undefined, fd: Fd | undefined): FdView | undefined {
  if (now === undefined) return undefined
  const copies = new Map<number, Fd | undefined>()
  for (let num = 0; num < STANDARD_FDS; num++) {
    const one = now.peek(num)
    copies.set(num, one === undefined ? undefined : copyFd(one, num))
  }
  if (fd !== undefined) copies.set(fd.num, fd)
  return {
    size: now.size,
    peek: num => (copies.has(num) ? copies.get(num) : now.peek(num)),
    values: () => now.values(),
  }
}
