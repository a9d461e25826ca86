import {
  hasParam,
  paramInt64,
  paramByteText,
  paramNumber,
  paramStrings,
  paramText,
  paramTextInterned,
  paramUint32,
  paramUint64,
  readStrings,
  readText,
} from '../events/decode-record.ts'
import type { EventRecord } from '../events/event-record.ts'
import type { ByteText } from '../values/value.ts'
import type { HandlerTable } from './event-handlers.ts'
import { FdTable } from './fd-table.ts'
import type { HostState } from './host-state.ts'
import { CloneFlag, setExepath, Thread } from './thread.ts'
import { markDead, resurrect } from './thread-table.ts'

/** A thread that cloned longer ago than this is not the one that a clone event tells of: its end was missed (CLONE_STALE_TIME_NS). */
const CLONE_STALE_NS = 2_000_000_000n

/** All capabilities, which a new user namespace gives. */
const ALL_CAPABILITIES = (1 << 30) * 2 ** 11 - 1

/** When all programs' texts together are too long, no more than this is kept of each text of a new one. */
const CLIPPED_TEXT = 128

const RLIMIT_NOFILE = 7
const NO_CHANGE = 0xffffffff
const PR_SET_CHILD_SUBREAPER = 36
const PR_GET_CHILD_SUBREAPER = 37

/** Parameter positions of the clone family's exit events (223, 225, 227, 335). */
const Clone = {
  res: 0,
  exe: 1,
  args: 2,
  pid: 4,
  ptid: 5,
  fdlimit: 7,
  pgftMaj: 8,
  pgftMin: 9,
  vmSize: 10,
  vmRss: 11,
  vmSwap: 12,
  comm: 13,
  cgroups: 14,
  flags: 15,
  uid: 16,
  gid: 17,
  vtid: 18,
  vpid: 19,
  pidnsInitStartTs: 20,
} as const

/** Parameter positions of execve and execveat exits (293, 331), as far as they differ from `Clone` or go beyond it. */
const Exec = {
  env: 15,
  tty: 16,
  vpgid: 17,
  loginuid: 18,
  flags: 19,
  capInheritable: 20,
  capPermitted: 21,
  capEffective: 22,
  exeIno: 23,
  exeInoCtime: 24,
  exeInoMtime: 25,
  uid: 26,
  trustedExepath: 27,
  pgid: 28,
  gid: 29,
} as const

/** What a program is known by, and may be long. */
const PROGRAM_TEXTS: readonly number[] = [Clone.exe, Clone.args, Clone.comm, Exec.env, Exec.trustedExepath]

/** PPM_EXE_* bits of execve's `flags`. */
const ExeFlag = { writable: 1, upperLayer: 2, fromMemfd: 4, lowerLayer: 8 } as const

/** Processes and threads: their making, their programs, their rights and their end. */
export const processHandlers: HandlerTable = {
  clone: onClone,
  clone3: onClone,
  fork: onClone,
  vfork: onClone,
  execve: onExec,
  execveat: onExec,
  procexit: onExit,
  switch: onSwitch,
  brk: onMemoryChange,
  mmap: onMemoryChange,
  mmap2: onMemoryChange,
  munmap: onMemoryChange,
  chdir(state, rec) {
    const thread = state.current.thread
    if (thread !== undefined && result(rec) >= 0) state.changeDirectory(thread, paramText(rec, 1) ?? '')
  },
  fchdir(state, rec) {
    const { thread, fd } = state.current
    if (thread !== undefined && fd !== undefined && result(rec) >= 0) state.changeDirectory(thread, fd.name)
  },
  getcwd(state, rec) {
    const thread = state.current.thread
    if (thread !== undefined && result(rec) >= 0) state.changeDirectory(thread, paramText(rec, 1) ?? '')
  },
  chroot(state, rec) {
    const thread = state.current.thread
    if (thread !== undefined && result(rec) === 0) thread.root = paramText(rec, 1) ?? ''
  },
  setuid: (state, rec) => setUid(state, rec, 1),
  setreuid: (state, rec) => setUid(state, rec, 2),
  setresuid: (state, rec) => setUid(state, rec, 2),
  setgid: (state, rec) => setGid(state, rec, 1),
  setregid: (state, rec) => setGid(state, rec, 2),
  setresgid: (state, rec) => setGid(state, rec, 2),
  setsid(state, rec) {
    const thread = state.current.thread
    const sid = result(rec)
    if (thread !== undefined && sid >= 0) thread.sid = sid
  },
  capset(state, rec) {
    const thread = state.current.thread
    if (thread === undefined || result(rec) < 0) return
    thread.capInheritable = paramUint64(rec, 1) ?? 0
    thread.capPermitted = paramUint64(rec, 2) ?? 0
    thread.capEffective = paramUint64(rec, 3) ?? 0
  },
  unshare: (state, rec) => onNamespaceChange(state, rec, 1),
  setns: (state, rec) => onNamespaceChange(state, rec, 2),
  prctl(state, rec) {
    const group = state.current.thread?.group
    if (group === undefined || result(rec) < 0) return
    const option = paramUint32(rec, 1)
    if (option === PR_SET_CHILD_SUBREAPER || option === PR_GET_CHILD_SUBREAPER) {
      group.isReaper = (paramNumber(rec, 3) ?? 0) !== 0
    }
  },
  getrlimit: onOwnLimit,
  setrlimit: onOwnLimit,
  prlimit(state, rec) {
    if (result(rec) !== 0 || paramNumber(rec, 6) !== RLIMIT_NOFILE) return
    const limit = paramInt64(rec, 1)
    const tid = paramNumber(rec, 5)
    if (limit === undefined || limit === -1 || tid === undefined) return
    const thread = state.table.getOrInvent(tid === 0 ? rec.tid : tid)
    if (thread === undefined || thread.isInvented || thread.main === undefined) return
    thread.main.fdlimit = limit
  },
}

/** The event's result; 0 when the parameter is missing. */
export function result(rec: EventRecord): number {
  return paramNumber(rec, 0) ?? 0
}

// ---------------------------------------------------------------- clone, fork

function onClone(state: HostState, rec: EventRecord): void {
  const child = result(rec)
  if (child < 0) return
  if (child === 0) onCloneInChild(state, rec)
  else onCloneInCaller(state, rec, child)
}

/**
 * The caller's return. It makes the child too, unless the child is in a pid namespace, where the number returned is not the host's, or
 * the caller waited for it (vfork), when the child may be gone already.
 */
function onCloneInCaller(state: HostState, rec: EventRecord, childTid: number): void {
  const caller = state.table.getOrInvent(rec.tid)
  state.current.thread = caller
  if (caller === undefined) return
  const wasKnown = !caller.isInvented
  if (!wasKnown) {
    caller.pid = paramNumber(rec, Clone.pid) ?? -1
    caller.ptid = paramNumber(rec, Clone.ptid) ?? -1
    caller.vtid = paramNumber(rec, Clone.vtid) ?? rec.tid
    caller.vpid = paramNumber(rec, Clone.vpid) ?? -1
    state.table.link(caller)
  }
  const flags = paramUint32(rec, Clone.flags) ?? 0
  if ((flags & (CloneFlag.childInPidns | CloneFlag.newPid | CloneFlag.parent)) !== 0 || rec.tid !== caller.vtid) return
  if ((flags & CloneFlag.vfork) !== 0 || rec.info.name === 'vfork') return

  const existing = state.table.get(childTid)
  if (existing !== undefined) {
    if ((existing.flags & CloneFlag.inverted) !== 0) return
    state.table.remove(childTid)
  }
  const isThread = (flags & CloneFlag.thread) !== 0
  const child = new Thread(childTid, forkedFds(state, caller, isThread, wasKnown))
  child.flags = isThread ? flags | CloneFlag.files : flags
  child.lastSeen = caller.lastSeen
  if (isThread) {
    child.pid = caller.pid
    child.ptid = caller.ptid
    child.lastExecTsNs = caller.lastExecTsNs
  } else {
    child.pid = childTid
    child.ptid = caller.tid
    if (wasKnown) {
      child.cwd = state.cwdOf(caller)
      child.env = caller.env
      child.envText = caller.envText
    }
  }
  child.vtid = child.tid
  child.vpid = child.pid
  readProgram(state, rec, child, caller)
  readLimits(rec, child)
  readIdentity(state, rec, child)
  child.cloneTsNs = rec.tsNs
  if (wasKnown) {
    inherit(child, caller)
  } else {
    caller.exe = child.exe
    caller.comm = child.comm
    caller.setArgs(child.args)
  }
  state.table.add(child)
}

/** The child's return: it made its entry already in the caller's, or makes it now from its parent or main thread. */
function onCloneInChild(state: HostState, rec: EventRecord): void {
  const tid = rec.tid
  const existing = state.current.thread
  if (existing !== undefined && existing.cloneTsNs !== 0n) {
    if (rec.tsNs - existing.cloneTsNs < CLONE_STALE_NS) return
    state.table.remove(tid)
    state.current.thread = undefined
  }
  let flags = (paramUint32(rec, Clone.flags) ?? 0) | CloneFlag.inverted
  const isThread = (flags & CloneFlag.thread) !== 0
  if (isThread) flags |= CloneFlag.files
  const pid = paramNumber(rec, Clone.pid) ?? -1
  const ptid = paramNumber(rec, Clone.ptid) ?? -1
  const vtid = paramNumber(rec, Clone.vtid)
  const vpid = paramNumber(rec, Clone.vpid)

  const model = state.table.getOrInvent(isThread ? pid : ptid)
  if (model === undefined) {
    state.current.thread = undefined
    return
  }
  const wasKnown = !model.isInvented
  if (!wasKnown && isThread) {
    model.pid = pid
    model.ptid = ptid
    model.vpid = vpid ?? -1
    model.vtid = model.vpid
    state.table.link(model)
  }
  const child = new Thread(tid, forkedFds(state, model, isThread, wasKnown))
  child.lastSeen = state.current.timeHigh
  child.pid = pid
  child.ptid = ptid
  child.vtid = vpid === undefined ? tid : (vtid ?? tid)
  child.vpid = vpid ?? -1
  child.flags = flags
  readProgram(state, rec, child, model)
  if (wasKnown) {
    inherit(child, model)
    if (isThread) {
      child.lastExecTsNs = model.lastExecTsNs
    } else {
      child.cwd = state.cwdOf(model)
      child.env = model.env
      child.envText = model.envText
    }
  } else if (isThread) {
    model.exe = child.exe
    model.comm = child.comm
    model.setArgs(child.args)
  }
  readLimits(rec, child)
  readIdentity(state, rec, child)
  child.cloneTsNs = rec.tsNs
  if ((flags & (CloneFlag.childInPidns | CloneFlag.newPid)) !== 0 || tid !== child.vtid) {
    const sinceBoot = paramUint64(rec, Clone.pidnsInitStartTs) ?? 0
    // Falco knows when the machine was started only live; in a replay it stays with the time since then.
    child.pidnsInitStartTs =
      sinceBoot !== 0 && state.repair.isOn ? asScalar(BigInt(sinceBoot) + state.bootTsNs) : sinceBoot
  }
  state.current.thread = state.table.add(child) ? child : undefined
}

function forkedFds(state: HostState, parent: Thread, isThread: boolean, wasKnown: boolean): FdTable {
  if (isThread || !wasKnown) return new FdTable(state.table.fds)
  return state.fdsOf(parent)?.fork() ?? new FdTable(state.table.fds)
}

/** Program name and arguments; shared with the model when they are the same, which after a fork they are. */
function readProgram(state: HostState, rec: EventRecord, child: Thread, model: Thread): void {
  const size = sizeOf(rec, Clone.exe) + sizeOf(rec, Clone.args) + sizeOf(rec, Clone.comm)
  const limit = textLimit(state, size)
  child.exe = readName(rec, Clone.exe, limit)
  const args = readList(rec, Clone.args, limit)
  const comm = readName(rec, Clone.comm, limit)
  child.comm = comm === '' ? child.exe : comm
  const isShared = sameTexts(args, model.args)
  if (isShared) {
    child.args = model.args
    child.argsText = model.argsText
    if (child.comm === model.comm) child.cmdlineText = model.cmdlineText
    if (child.exe === model.exe) child.exelineText = model.exelineText
  } else {
    child.args = args
  }
  const own = Math.min(size, 3 * limit)
  // A thread's are its process's for as long as it lives; a child process keeps those of its parent, and its environment, beyond its end.
  if ((child.flags & CloneFlag.thread) === 0) child.textSize = Math.max(own, (model.main ?? model).textSize)
  else if (!isShared) child.textSize = own
}

/** How many characters may be kept of a text of a program with `size` characters in all. */
function textLimit(state: HostState, size: number): number {
  const { table } = state
  if (table.textSize + size <= table.maxText) return Number.POSITIVE_INFINITY
  state.clippedTexts++
  return CLIPPED_TEXT
}

function sizeOf(rec: EventRecord, i: number): number {
  return i < rec.paramCount ? rec.paramLen[i]! : 0
}

function readName(rec: EventRecord, i: number, limit: number): ByteText {
  if (sizeOf(rec, i) <= limit) return paramTextInterned(rec, i) ?? ''
  return readText(rec.bytes, rec.paramAt[i]!, limit)
}

function readList(rec: EventRecord, i: number, limit: number): ByteText[] {
  if (sizeOf(rec, i) <= limit) return paramStrings(rec, i)
  return readStrings(rec.bytes, rec.paramAt[i]!, limit)
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function readLimits(rec: EventRecord, thread: Thread): void {
  thread.fdlimit = paramInt64(rec, Clone.fdlimit) ?? 0
  if (!hasParam(rec, Clone.vmSwap)) return
  thread.pfMajor = paramUint64(rec, Clone.pgftMaj) ?? 0
  thread.pfMinor = paramUint64(rec, Clone.pgftMin) ?? 0
  thread.vmSizeKb = paramUint32(rec, Clone.vmSize) ?? 0
  thread.vmRssKb = paramUint32(rec, Clone.vmRss) ?? 0
  thread.vmSwapKb = paramUint32(rec, Clone.vmSwap) ?? 0
}

function readIdentity(state: HostState, rec: EventRecord, child: Thread): void {
  child.uid = paramUint32(rec, Clone.uid) ?? 0
  child.gid = paramUint32(rec, Clone.gid) ?? 0
  readCgroups(state, rec, child)
}

function readCgroups(state: HostState, rec: EventRecord, thread: Thread): void {
  const text = paramByteText(rec, Clone.cgroups)
  if (text !== undefined) state.setCgroups(thread, text)
}

function inherit(child: Thread, from: Thread): void {
  child.exepath = from.exepath
  child.exeWritable = from.exeWritable
  child.exeUpperLayer = from.exeUpperLayer
  child.exeLowerLayer = from.exeLowerLayer
  child.exeFromMemfd = from.exeFromMemfd
  child.root = from.root
  child.netns = from.netns
  child.mntns = from.mntns
  child.netnsUid = from.netnsUid
  child.mntnsUid = from.mntnsUid
  child.sid = from.sid
  child.vpgid = from.vpgid
  child.pgid = from.pgid
  child.tty = from.tty
  child.loginuid = from.loginuid
  child.capPermitted = from.capPermitted
  child.capInheritable = from.capInheritable
  child.capEffective = from.capEffective
  child.exeIno = from.exeIno
  child.exeInoCtime = from.exeInoCtime
  child.exeInoMtime = from.exeInoMtime
  child.exeInoCtimeDurationCloneTs = from.exeInoCtimeDurationCloneTs
}

// ---------------------------------------------------------------- execve

function onExec(state: HostState, rec: EventRecord): void {
  const thread = state.current.thread
  if (thread === undefined || result(rec) < 0) return
  resurrect(thread)
  let size = 0
  for (const i of PROGRAM_TEXTS) size += sizeOf(rec, i)
  state.table.setTextSize(thread, 0)
  const limit = textLimit(state, size)
  state.table.setTextSize(thread, Math.min(size, PROGRAM_TEXTS.length * limit))
  thread.exe = readName(rec, Clone.exe, limit)
  thread.lastExecTsNs = rec.tsNs
  const comm = readName(rec, Clone.comm, limit)
  thread.comm = comm === '' ? thread.exe : comm
  thread.setArgs(readList(rec, Clone.args, limit))
  // A negative pid would take the thread out of the tree that it is in.
  state.table.moveToProcess(thread, Math.max(paramNumber(rec, Clone.pid) ?? 0, 0))
  if (thread.isInvented) {
    thread.ptid = paramNumber(rec, Clone.ptid) ?? -1
    if ((thread.flags & CloneFlag.childInPidns) === 0) {
      thread.vtid = thread.tid
      thread.vpid = thread.pid
    }
    state.table.link(thread)
  }
  readLimits(rec, thread)
  // Without one, a program of a capture keeps its parent's, as in Falco.
  if (hasParam(rec, Exec.env) || state.repair.isOn) thread.setEnv(readList(rec, Exec.env, limit))
  readCgroups(state, rec, thread)
  const tty = paramUint32(rec, Exec.tty)
  if (tty !== undefined) thread.tty = tty
  if (hasParam(rec, Exec.trustedExepath)) setExepath(thread, readName(rec, Exec.trustedExepath, limit))
  const vpgid = paramNumber(rec, Exec.vpgid)
  if (vpgid !== undefined) thread.vpgid = vpgid
  const loginuid = paramUint32(rec, Exec.loginuid)
  if (loginuid !== undefined) thread.loginuid = loginuid
  const flags = paramUint32(rec, Exec.flags)
  if (flags !== undefined) {
    thread.exeWritable = (flags & ExeFlag.writable) !== 0
    thread.exeUpperLayer = (flags & ExeFlag.upperLayer) !== 0
    thread.exeFromMemfd = (flags & ExeFlag.fromMemfd) !== 0
    thread.exeLowerLayer = (flags & ExeFlag.lowerLayer) !== 0
  }
  if (hasParam(rec, Exec.capEffective)) {
    thread.capInheritable = paramUint64(rec, Exec.capInheritable) ?? 0
    thread.capPermitted = paramUint64(rec, Exec.capPermitted) ?? 0
    thread.capEffective = paramUint64(rec, Exec.capEffective) ?? 0
  }
  if (hasParam(rec, Exec.exeInoMtime)) readExeInode(rec, thread)
  const uid = paramUint32(rec, Exec.uid)
  if (uid !== undefined) thread.uid = uid
  thread.pgid = paramNumber(rec, Exec.pgid) ?? -1
  const gid = paramUint32(rec, Exec.gid)
  if (gid !== undefined) thread.gid = gid
  thread.flags &= CloneFlag.pipeSource | CloneFlag.pipeDest | CloneFlag.isMainThread | CloneFlag.inverted
  state.fdsOf(thread)?.removeWhere(fd => fd.isCloseOnExec)
  endOtherThreads(state, thread)
}

function readExeInode(rec: EventRecord, thread: Thread): void {
  thread.exeIno = paramUint64(rec, Exec.exeIno) ?? 0
  const ctime = BigInt(paramUint64(rec, Exec.exeInoCtime) ?? 0)
  thread.exeInoCtime = asScalar(ctime)
  thread.exeInoMtime = paramUint64(rec, Exec.exeInoMtime) ?? 0
  // Unsigned differences, as libsinsp keeps them.
  if (thread.cloneTsNs !== 0n)
    thread.exeInoCtimeDurationCloneTs = asScalar(BigInt.asUintN(64, thread.cloneTsNs - ctime))
  const pidnsStart = BigInt(thread.pidnsInitStartTs)
  if (pidnsStart !== 0n && ctime > pidnsStart) thread.exeInoCtimeDurationPidnsStart = asScalar(ctime - pidnsStart)
}

/** A program replaces all threads of its process. */
function endOtherThreads(state: HostState, thread: Thread): void {
  const group = thread.group
  if (group === undefined || group.aliveCount <= 1) return
  for (const other of group.threads) if (other !== thread && !other.isMainThread) state.table.remove(other.tid)
}

// ---------------------------------------------------------------- the rest

function onExit(state: HostState, rec: EventRecord): void {
  const thread = state.current.thread
  if (thread === undefined) return
  markDead(thread)
  state.removeAfterEvent(rec.tid)
  if (thread.children.size > 0) thread.reaperTid = paramNumber(rec, 4) ?? -1
}

function onSwitch(state: HostState, rec: EventRecord): void {
  const thread = state.current.thread
  if (thread === undefined || !hasParam(rec, 5)) return
  thread.pfMajor = paramUint64(rec, 1) ?? 0
  thread.pfMinor = paramUint64(rec, 2) ?? 0
  const main = thread.main
  if (main === undefined) return
  main.vmSizeKb = paramUint32(rec, 3) ?? 0
  main.vmRssKb = paramUint32(rec, 4) ?? 0
  main.vmSwapKb = paramUint32(rec, 5) ?? 0
}

function onMemoryChange(state: HostState, rec: EventRecord): void {
  const thread = state.current.thread
  if (thread === undefined) return
  const size = paramUint32(rec, 1)
  if (size !== undefined) thread.vmSizeKb = size
  if (!hasParam(rec, 3)) return
  thread.vmRssKb = paramUint32(rec, 2) ?? 0
  thread.vmSwapKb = paramUint32(rec, 3) ?? 0
}

function onNamespaceChange(state: HostState, rec: EventRecord, flagsAt: number): void {
  const thread = state.current.thread
  if (thread === undefined || result(rec) < 0) return
  if (((paramUint32(rec, flagsAt) ?? 0) & CloneFlag.newUser) === 0) return
  thread.capInheritable = ALL_CAPABILITIES
  thread.capPermitted = ALL_CAPABILITIES
  thread.capEffective = ALL_CAPABILITIES
}

function onOwnLimit(state: HostState, rec: EventRecord): void {
  const main = state.current.thread?.main
  if (main === undefined || result(rec) < 0 || paramNumber(rec, 3) !== RLIMIT_NOFILE) return
  const limit = paramInt64(rec, 1)
  if (limit !== undefined && limit !== -1) main.fdlimit = limit
}

function setUid(state: HostState, rec: EventRecord, at: number): void {
  const uid = changedId(state, rec, at)
  if (state.current.thread !== undefined && uid !== undefined) state.current.thread.uid = uid
}

function setGid(state: HostState, rec: EventRecord, at: number): void {
  const gid = changedId(state, rec, at)
  if (state.current.thread !== undefined && gid !== undefined) state.current.thread.gid = gid
}

/** The id that a call sets; -1 leaves the one that is, but in a capture it becomes the id, as in Falco. */
function changedId(state: HostState, rec: EventRecord, at: number): number | undefined {
  const id = paramUint32(rec, at)
  return result(rec) !== 0 || (id === NO_CHANGE && state.repair.isOn) ? undefined : id
}

function asScalar(n: bigint): number | bigint {
  return n <= BigInt(Number.MAX_SAFE_INTEGER) && n >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(n) : n
}
