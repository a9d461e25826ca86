import { FdTable } from './fd-table.ts'
import { Thread, ThreadGroup } from './thread.ts'

/** Falco's `falco_libs.thread_table_size`. */
const DEFAULT_MAX_THREADS = 262_144

/** No chain of parents is followed further: a cut or hostile capture may tie it into a loop. */
const MAX_ANCESTORS = 4096

/**
 * All threads by tid, their groups and the process tree, kept as libsinsp keeps them (thread_manager.cpp): a dead main thread stays until
 * its last thread is gone, and the children of the dead go to the reaper that the kernel named, else to the one the tree suggests.
 */
export class ThreadTable {
  readonly byTid: Map<number, Thread> = new Map()
  /** Threads that found no room. */
  dropped = 0
  readonly #groups: Map<number, ThreadGroup> = new Map()
  readonly #maxThreads: number

  constructor(maxThreads: number = DEFAULT_MAX_THREADS) {
    this.#maxThreads = maxThreads
  }

  get(tid: number): Thread | undefined {
    return this.byTid.get(tid)
  }

  /** The thread, or a new one of which nothing but the tid is known; undefined only when the table is full. */
  getOrInvent(tid: number): Thread | undefined {
    const known = this.byTid.get(tid)
    if (known !== undefined) return known
    const thread = new Thread(tid, new FdTable())
    thread.comm = '<NA>'
    thread.exe = '<NA>'
    return this.put(thread) ? thread : undefined
  }

  /** Puts the thread in without a place in the tree; false when the table is full. */
  put(thread: Thread): boolean {
    if (this.byTid.size >= this.#maxThreads && !this.byTid.has(thread.tid)) {
      this.dropped++
      return false
    }
    this.byTid.set(thread.tid, thread)
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
    const parent = this.byTid.get(thread.ptid)
    if (parent === undefined || parent.isInvented) {
      thread.ptid = 0
      return
    }
    adopt(parent, thread)
  }

  /** Takes a thread out, and gives its children a new parent. */
  remove(tid: number): void {
    const thread = this.byTid.get(tid)
    if (thread === undefined) return
    const group = thread.group
    if (thread.isInvented || group === undefined) {
      this.byTid.get(thread.ptid)?.children.delete(thread)
      this.byTid.delete(tid)
      return
    }
    if (!thread.isDead) markDead(thread)
    if (thread.children.size > 0) this.#giveAwayChildren(thread, group)
    if (group.aliveCount <= 0) {
      group.remove(thread)
      this.byTid.get(thread.ptid)?.children.delete(thread)
      this.#groups.delete(thread.pid)
      this.byTid.delete(thread.pid)
    }
    if (!thread.isMainThread) {
      group.remove(thread)
      this.byTid.get(thread.ptid)?.children.delete(thread)
      this.byTid.delete(tid)
    }
  }

  clear(): void {
    this.byTid.clear()
    this.#groups.clear()
  }

  parentOf(thread: Thread): Thread | undefined {
    return this.byTid.get(thread.ptid)
  }

  #giveAwayChildren(thread: Thread, group: ThreadGroup): void {
    let reaper: Thread | undefined
    if (thread.reaperTid > 0) reaper = this.getOrInvent(thread.reaperTid)
    if (reaper === undefined || reaper.isInvented || reaper === thread) reaper = this.#findReaper(thread, group)
    if (reaper !== undefined) {
      thread.reaperTid = reaper.tid
      if (reaper.pid !== thread.pid && reaper.group !== undefined) reaper.group.isReaper = true
    }
    for (const child of thread.children) {
      if (reaper === undefined) child.ptid = 0
      else adopt(reaper, child)
    }
    thread.children.clear()
  }

  /** The kernel's `find_new_reaper` on what is known here: a living thread of the group, else the nearest ancestor that reaps. */
  #findReaper(thread: Thread, group: ThreadGroup): Thread | undefined {
    const sibling = aliveIn(group, thread)
    if (sibling !== undefined) return sibling
    const seen = new Set<Thread>([thread])
    let ancestor = this.byTid.get(thread.ptid)
    while (ancestor !== undefined && !seen.has(ancestor) && seen.size < MAX_ANCESTORS) {
      seen.add(ancestor)
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

function adopt(parent: Thread, child: Thread): void {
  parent.children.add(child)
  child.ptid = parent.tid
}

function aliveIn(group: ThreadGroup, except: Thread): Thread | undefined {
  if (group.aliveCount <= 0) return undefined
  for (const thread of group.threads) if (!thread.isDead && thread !== except) return thread
  return undefined
}
