import { paramInt64, paramNumber, paramText, paramUint32, paramUint64 } from '../events/decode-record.ts'
import type { EventRecord } from '../events/event-record.ts'
import type { ByteText } from '../values/value.ts'
import type { EventHandler, HandlerTable } from './event-handlers.ts'
import { copyFd, Fd, FdType, OPEN_CLOEXEC } from './fd.ts'
import type { HostState } from './host-state.ts'
import { joinPath } from './path.ts'
import { result } from './process-events.ts'
import { CloneFlag, type Thread } from './thread.ts'

/** PPM open flags (ppm_events_public.h). */
const OpenFlag = { directory: 1 << 10, upperLayer: 1 << 15, lowerLayer: 1 << 16 } as const
const CreatFlag = { upperLayer: 1, lowerLayer: 2 } as const
const CLOSE_RANGE_CLOEXEC = 4
const AT_FDCWD = -100
const FCNTL_DUPFD = 1
const FCNTL_SETFD = 3
const FD_CLOEXEC = 1
const FCNTL_DUPFD_CLOEXEC = 26

/** File descriptors: their making, copying and closing. */
export const fdHandlers: HandlerTable = {
  open(state, rec) {
    const thread = state.current.thread
    if (thread === undefined || result(rec) < 0) return
    const path = paramText(rec, 1) ?? '<NA>'
    openFile(state, rec, thread, state.cwdOf(thread), path, paramUint32(rec, 2) ?? 0, 4)
  },
  creat(state, rec) {
    const thread = state.current.thread
    if (thread === undefined || result(rec) < 0) return
    const creatFlags = paramNumber(rec, 5) ?? 0
    let flags = 0
    if ((creatFlags & CreatFlag.upperLayer) !== 0) flags = OpenFlag.upperLayer
    else if ((creatFlags & CreatFlag.lowerLayer) !== 0) flags = OpenFlag.lowerLayer
    openFile(state, rec, thread, state.cwdOf(thread), paramText(rec, 1) ?? '<NA>', flags, 3)
  },
  openat: (state, rec) => onOpenat(state, rec, 5),
  openat2: (state, rec) => onOpenat(state, rec, 6),
  open_by_handle_at(state, rec) {
    const thread = state.current.thread
    if (thread === undefined || result(rec) < 0) return
    openFile(state, rec, thread, '', paramText(rec, 3) ?? '<NA>', paramUint32(rec, 2) ?? 0, 4)
  },
  close(state, rec) {
    const { thread, fd } = state.current
    if (thread !== undefined && fd !== undefined && result(rec) >= 0) state.closeAfterEvent(thread, fd.num)
  },
  close_range(state, rec) {
    const thread = state.current.thread
    if (thread === undefined || result(rec) < 0) return
    const first = paramNumber(rec, 1) ?? 0
    const last = paramNumber(rec, 2) ?? -1
    const flags = paramUint32(rec, 3) ?? 0
    if ((flags & CLOSE_RANGE_CLOEXEC) !== 0) return
    state.fdsOf(thread)?.removeWhere(fd => fd.num >= first && fd.num <= last)
  },
  dup: onDup,
  dup2: onDup,
  dup3: onDup,
  fcntl(state, rec) {
    const { thread, fd } = state.current
    const command = paramNumber(rec, 2)
    if (command === FCNTL_SETFD && fd !== undefined && result(rec) >= 0) {
      const own = state.writableFd()
      if (own !== undefined) setCloseOnExec(own, ((paramNumber(rec, 3) ?? 0) & FD_CLOEXEC) !== 0)
      return
    }
    if (command !== FCNTL_DUPFD && command !== FCNTL_DUPFD_CLOEXEC) return
    const num = result(rec)
    if (thread === undefined || fd === undefined || num < 0) return
    state.addThreadFd(thread, duplicate(fd, num, command === FCNTL_DUPFD_CLOEXEC))
  },
  pipe: onPipe,
  pipe2: onPipe,
  memfd_create(state, rec) {
    const thread = state.current.thread
    const num = result(rec)
    if (thread === undefined || num < 0) return
    const fd = new Fd(num, FdType.memfd)
    fd.name = paramText(rec, 1) ?? ''
    fd.openFlags = paramUint32(rec, 2) ?? 0
    state.addThreadFd(thread, fd)
  },
  pidfd_open(state, rec) {
    const thread = state.current.thread
    const num = result(rec)
    if (thread === undefined || num < 0) return
    const fd = new Fd(num, FdType.pidfd)
    fd.pid = paramNumber(rec, 1) ?? 0
    fd.name = `/proc/${fd.pid}`
    fd.openFlags = paramUint32(rec, 2) ?? 0
    state.addThreadFd(thread, fd)
  },
  pidfd_getfd(state, rec) {
    const thread = state.current.thread
    const num = result(rec)
    if (thread === undefined || num < 0) return
    const pidfd = state.fdsOf(thread)?.peek(paramNumber(rec, 1) ?? -1)
    if (pidfd?.type !== FdType.pidfd) return
    const owner = state.table.get(pidfd.pid)
    const target = owner === undefined ? undefined : state.fdsOf(owner)?.peek(paramNumber(rec, 2) ?? -1)
    if (target !== undefined) state.addThreadFd(thread, copyFd(target, num))
  },
  eventfd: makes(FdType.event),
  eventfd2: makes(FdType.event, 1),
  signalfd: makes(FdType.signal),
  signalfd4: makes(FdType.signal, 1),
  timerfd_create: makes(FdType.timerfd),
  inotify_init: makes(FdType.inotify),
  inotify_init1: makes(FdType.inotify, 1),
  bpf: makes(FdType.bpf),
  userfaultfd: makes(FdType.userfaultfd),
  io_uring_setup: makes(FdType.iouring),
  epoll_create: makes(FdType.eventpoll),
  epoll_create1: makes(FdType.eventpoll, 1),
}

/** An open that was not told when it happened: what is known of the fd since then is newer. */
export function learnEarlierOpen(state: HostState, thread: Thread, rec: EventRecord): void {
  const fds = state.fdsOf(thread)
  if (fds === undefined || fds.peek(result(rec)) !== undefined) return
  fds.add(openedFd(rec, '', paramText(rec, 3) ?? '<NA>', paramUint32(rec, 2) ?? 0, 4))
}

/** A handler for calls that return a new fd of one type; `flagsAt` is the parameter with its open flags. */
function makes(type: number, flagsAt = -1): EventHandler {
  return (state, rec) => {
    const thread = state.current.thread
    const num = result(rec)
    if (thread === undefined || num < 0) return
    const fd = new Fd(num, type)
    if (flagsAt >= 0) fd.openFlags = paramNumber(rec, flagsAt) ?? 0
    state.addThreadFd(thread, fd)
  }
}

function onOpenat(state: HostState, rec: EventRecord, devAt: number): void {
  const thread = state.current.thread
  if (thread === undefined || result(rec) < 0) return
  const path = paramText(rec, 2) ?? '<NA>'
  const dirfd = paramNumber(rec, 1)
  const dir = dirfd === undefined ? '' : directoryOf(state, thread, dirfd, path)
  openFile(state, rec, thread, dir, path, paramUint32(rec, 3) ?? 0, devAt)
}

/** The directory that `path` starts from, ending in `/`; `<UNKNOWN>` when `dirfd` is not known. */
function directoryOf(state: HostState, thread: Thread, dirfd: number, path: ByteText): ByteText {
  if (path.charCodeAt(0) === 0x2f) return '.'
  if (dirfd === AT_FDCWD) return state.cwdOf(thread)
  const fd = state.fdsOf(thread)?.peek(dirfd)
  if (fd === undefined) return '<UNKNOWN>'
  return fd.name === '' || fd.name.endsWith('/') ? fd.name : `${fd.name}/`
}

function openFile(
  state: HostState,
  rec: EventRecord,
  thread: Thread,
  dir: ByteText,
  path: ByteText,
  flags: number,
  devAt: number,
): void {
  state.addThreadFd(thread, openedFd(rec, dir, path, flags, devAt))
}

function openedFd(rec: EventRecord, dir: ByteText, path: ByteText, flags: number, devAt: number): Fd {
  const fd = new Fd(result(rec), (flags & OpenFlag.directory) !== 0 ? FdType.directory : FdType.file)
  fd.openFlags = flags
  const ino = paramUint64(rec, devAt + 1)
  if (ino !== undefined) {
    fd.dev = paramUint32(rec, devAt) ?? 0
    fd.ino = ino
  }
  fd.nameRaw = path
  fd.name = joinPath(dir, path)
  fd.isUpperLayer = (flags & OpenFlag.upperLayer) !== 0
  fd.isLowerLayer = (flags & OpenFlag.lowerLayer) !== 0
  return fd
}

function onDup(state: HostState, rec: EventRecord): void {
  const { thread, fd } = state.current
  const num = result(rec)
  if (thread === undefined || num < 0) return
  if (num === 0) thread.flags |= CloneFlag.pipeDest
  if (num === 1) thread.flags |= CloneFlag.pipeSource
  if (fd === undefined) {
    // Whatever it is a copy of, it is no longer what it was. In a capture it stays that, as in Falco; live it is looked up: an execve that
    // followed may have closed the one and left the copy.
    const fds = state.repair.isOn ? state.fdsOf(thread) : undefined
    fds?.remove(num)
    const copy = fds === undefined ? undefined : state.repair.fd(thread, fds, num, undefined)
    if (copy === undefined) return
    state.current.fdNum = num
    state.current.fd = copy
    return
  }
  const isCloseOnExec = rec.info.name === 'dup3' && ((paramUint32(rec, 3) ?? 0) & OPEN_CLOEXEC) !== 0
  state.addThreadFd(thread, duplicate(fd, num, isCloseOnExec))
}

/** The same file under another number: whether an execve closes it is the number's own. */
function duplicate(fd: Fd, num: number, isCloseOnExec: boolean): Fd {
  const copy = copyFd(fd, num)
  setCloseOnExec(copy, isCloseOnExec)
  return copy
}

function setCloseOnExec(fd: Fd, isCloseOnExec: boolean): void {
  fd.openFlags &= ~OPEN_CLOEXEC
  if (fd.type === FdType.eventpoll || fd.type === FdType.memfd) fd.openFlags &= ~1
  if (isCloseOnExec) fd.openFlags |= OPEN_CLOEXEC
}

function onPipe(state: HostState, rec: EventRecord): void {
  const thread = state.current.thread
  if (thread === undefined || result(rec) < 0) return
  const ino = paramInt64(rec, 3) ?? 0
  const flags = rec.info.name === 'pipe2' ? (paramUint32(rec, 4) ?? 0) : 0
  for (const at of [1, 2]) {
    const fd = new Fd(paramNumber(rec, at) ?? -1, FdType.fifo)
    fd.ino = ino
    fd.openFlags = flags
    state.addThreadFd(thread, fd)
  }
}
