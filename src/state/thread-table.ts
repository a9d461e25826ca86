import { FdRegistry, FdTable } from './fd-table.ts'
import { Thread, ThreadGroup } from './thread.ts'

/** Falco's `falco_libs.thread_table_size`. */
const DEFAULT_MAX_THREADS = 262_144

/** Characters of program names, arguments and environments of all threads together. */
const DEFAULT_MAX_TEXT = 256 * 1024 * 1024

/** No chain of parents is followed further: a cut or hostile capture may tie it into a loop. */
const MAX_ANCESTORS = 256

/**
 * All threads by tid, their groups and the process tree, kept as libsinsp keeps them (thread_manager.cpp): a dead main thread stays until
 * its last thread is gone, and the children of the dead go to the reaper that the kernel named, else to the one the tree suggests.
 */
export class ThreadTable {
  readonly byTid: Map<number, Thread> = new Map()
  readonly fds: FdRegistry
  /** Threads that found no room. */
  dropped = 0
  /** Sum of `textSize` of all threads. */
  textSize = 0
  readonly maxText: number
  /**
   * Asked for threads that are not known, before one is invented or a child stays without its parent. It may add the thread; true when it
   * may come later.
   */
  onUnknown: ((tid: number) => boolean) | undefined = undefined
  /** Of a thread that is made now (`Thread.gap`). */
  gap = 0
  readonly #groups: Map<number, ThreadGroup> = new Map()
  readonly #maxThreads: number

  constructor(options: { readonly maxThreads?: number; readonly maxText?: number; readonly fds?: FdRegistry } = {}) {
    this.#maxThreads = options.maxThreads ?? DEFAULT_MAX_THREADS
    this.maxText = options.maxText ?? DEFAULT_MAX_TEXT
    this.fds = options.fds ?? new FdRegistry()
  }

  get groups(): ReadonlyMap<number, ThreadGroup> {
    return this.#groups
  }

  get(tid: number): Thread | undefined {
    return this.byTid.get(tid)
  }

  /** The thread, or a new one of which nothing but the tid is known; undefined only when the table is full. */
  getOrInvent(tid: number): Thread | undefined {
    const isLate = this.#askFor(tid)
    const known = this.byTid.get(tid)
    if (known !== undefined) return known
    const thread = new Thread(tid, new FdTable(this.fds))
    thread.comm = '<NA>'
    thread.exe = '<NA>'
    if (!this.put(thread)) return undefined
    if (isLate) thread.gap = -1
    return thread
  }

  #askFor(tid: number): boolean {
    return this.onUnknown !== undefined && !this.byTid.has(tid) && this.onUnknown(tid)
  }

  /** Puts the thread in without a place in the tree, in place of a former one of its tid; false when the table is full. */
  put(thread: Thread): boolean {
    const former = this.byTid.get(thread.tid)
    if (former === thread) return true
    if (former !== undefined) {
      // A dead main thread stays when others of its process live on.
      this.remove(thread.tid)
      if (this.byTid.get(thread.tid) === former) this.#forget(former)
    }
    if (this.byTid.size >= this.#maxThreads) {
      this.dropped++
      thread.fds.release()
      return false
    }
    thread.gap = this.gap
    this.byTid.set(thread.tid, thread)
    this.textSize += thread.textSize
    return true
  }

  add(thread: Thread): boolean {
    if (!this.put(thread)) return false
    this.link(thread)
    return true
  }

  /** Gives the thread its group and its parent, where they are known. */
  link(thread: Thread): void {
    if (thread.isInvented || thread.group !== undefined) return
    let group = this.#groups.get(thread.pid)
    if (group === undefined) {
      group = new ThreadGroup(thread.pid, thread.pid === 1 || thread.vpid === 1)
      this.#groups.set(thread.pid, group)
    }
    group.add(thread)
    thread.group = group
    if (thread.pid === 1) return
    const isLate = this.#askFor(thread.ptid)
    const parent = this.byTid.get(thread.ptid)
    if (parent !== undefined && !parent.isInvented) parent.adopt(thread)
    else if (!isLate) thread.ptid = 0
  }

  /** The thread turns out to be of another process than was known: the end of the former, and the making of this one, were missed. */
  moveToProcess(thread: Thread, pid: number): void {
    const group = thread.group
    thread.pid = pid
    if (group === undefined || group.pid === pid) return
    markDead(thread)
    this.#leaveGroup(thread, group)
    thread.isDead = false
    this.link(thread)
  }

  /** Takes a thread out, and gives its children a new parent. A main thread stays, dead, while others of its process live. */
  remove(tid: number): void {
    const thread = this.byTid.get(tid)
    if (thread === undefined) return
    const group = thread.group
    if (group === undefined) {
      this.#forget(thread)
      return
    }
    markDead(thread)
    if (thread.children.size > 0) this.#giveAwayChildren(thread, group)
    if (group.aliveCount <= 0 || group.main !== thread) this.#forget(thread)
  }

  clear(): void {
    for (const thread of this.byTid.values()) thread.fds.release()
    this.byTid.clear()
    this.#groups.clear()
    this.textSize = 0
  }

  parentOf(thread: Thread): Thread | undefined {
    return this.byTid.get(thread.ptid)
  }

  /** Says how many characters a thread's texts have now. */
  setTextSize(thread: Thread, size: number): void {
    if (this.byTid.get(thread.tid) === thread) this.textSize += size - thread.textSize
    thread.textSize = size
  }

  /** Ends all that the table has of a thread. */
  #forget(thread: Thread): void {
    thread.leaveParent()
    thread.fds.release()
    this.textSize -= thread.textSize
    this.byTid.delete(thread.tid)
    if (thread.group !== undefined) {
      markDead(thread)
      this.#leaveGroup(thread, thread.group)
    }
  }

  #leaveGroup(thread: Thread, group: ThreadGroup): void {
    group.remove(thread)
    thread.group = undefined
    if (group.aliveCount > 0) return
    if (this.#groups.get(group.pid) === group) this.#groups.delete(group.pid)
    // The main thread that waited for the others, or is known by its tid alone.
    const main = group.main ?? this.byTid.get(group.pid)
    if (main === undefined || main === thread || (main.group !== undefined && main.group !== group)) return
    main.group = undefined
    this.#forget(main)
  }

  #giveAwayChildren(thread: Thread, group: ThreadGroup): void {
    let reaper: Thread | undefined
    if (thread.reaperTid > 0) reaper = this.getOrInvent(thread.reaperTid)
    if (reaper === undefined || reaper.isInvented || reaper === thread) reaper = this.#findReaper(thread, group)
    if (reaper !== undefined) {
      thread.reaperTid = reaper.tid
      if (reaper.pid !== thread.pid && reaper.group !== undefined) reaper.group.isReaper = true
    }
    thread.giveChildrenTo(reaper)
  }

  /** The kernel's `find_new_reaper` on what is known here: a living thread of the group, else the nearest ancestor that reaps. */
  #findReaper(thread: Thread, group: ThreadGroup): Thread | undefined {
    const sibling = aliveIn(group, thread)
    if (sibling !== undefined) return sibling
    let ancestor = this.byTid.get(thread.ptid)
    for (let i = 0; i < MAX_ANCESTORS && ancestor !== undefined && ancestor !== thread; i++) {
      if (ancestor.isInPidNamespace !== thread.isInPidNamespace) return undefined
      if (ancestor.group?.isReaper === true) {
        const alive = aliveIn(ancestor.group, thread)
        if (alive !== undefined) return alive
      }
      ancestor = this.byTid.get(ancestor.ptid)
    }
    return undefined
  }
}

/** Marks a thread as dead; `remove` takes it out later. */
export function markDead(thread: Thread): void {
  if (thread.isDead) return
  thread.isDead = true
  if (thread.group !== undefined) thread.group.aliveCount--
}

/** A main thread that was dead runs again: an execve by another of its threads took its place. */
export function resurrect(thread: Thread): void {
  if (!thread.isDead) return
  thread.isDead = false
  if (thread.group !== undefined) thread.group.aliveCount++
}

function aliveIn(group: ThreadGroup, except: Thread): Thread | undefined {
  if (group.aliveCount <= 0) return undefined
  for (const thread of group.threads) if (!thread.isDead && thread !== except) return thread
  return undefined
}
