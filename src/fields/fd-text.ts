import { type Fd, FdType, L4 } from '../state/fd.ts'

/** An fd's kind as one letter and as a word, as libsinsp has them (fdinfo.cpp). */
const KINDS: ReadonlyMap<number, readonly [char: string, word: string]> = new Map([
  [FdType.file, ['f', 'file']],
  [FdType.fileV2, ['f', 'file']],
  [FdType.directory, ['d', 'directory']],
  [FdType.ipv4, ['4', 'ipv4']],
  [FdType.ipv4Listening, ['4', 'ipv4']],
  [FdType.ipv6, ['6', 'ipv6']],
  [FdType.ipv6Listening, ['6', 'ipv6']],
  [FdType.unix, ['u', 'unix']],
  [FdType.fifo, ['p', 'pipe']],
  [FdType.event, ['e', 'event']],
  [FdType.signal, ['s', 'signalfd']],
  [FdType.eventpoll, ['l', 'eventpoll']],
  [FdType.inotify, ['i', 'inotify']],
  [FdType.timerfd, ['t', 'timerfd']],
  [FdType.netlink, ['n', 'netlink']],
  [FdType.bpf, ['b', 'bpf']],
  [FdType.userfaultfd, ['u', 'userfaultfd']],
  [FdType.iouring, ['r', 'io_uring']],
  [FdType.memfd, ['m', 'memfd']],
  [FdType.pidfd, ['P', 'pidfd']],
  [FdType.unsupported, ['X', '<NA>']],
  [FdType.unknown, ['o', '<NA>']],
])

const NO_KIND: readonly [string, string] = ['?', '<NA>']

/** `fd.typechar` */
export function fdTypeChar(fd: Fd): string {
  return (KINDS.get(fd.type) ?? NO_KIND)[0]
}

/** `fd.type`; the literal `<NA>` for a kind without a name. */
export function fdTypeName(fd: Fd): string {
  return (KINDS.get(fd.type) ?? NO_KIND)[1]
}

/** Whether the fd is a TCP/UDP/raw socket with two ends. */
export function isInetSocket(fd: Fd): boolean {
  return fd.type === FdType.ipv4 || fd.type === FdType.ipv6
}

/** Whether the fd is a socket that was bound to an address. */
export function isListening(fd: Fd): boolean {
  return fd.type === FdType.ipv4Listening || fd.type === FdType.ipv6Listening
}

/** Whether it is not known who is client and who is server. */
export function hasNoRole(fd: Fd): boolean {
  return !fd.isClient && !fd.isServer
}

/** The layer 4 protocol (`L4`) that counts: that of a socket without a role is not yet said, but for raw ones. */
export function l4Protocol(fd: Fd): number {
  if (isListening(fd)) return fd.l4proto
  if (!isInetSocket(fd)) return L4.na
  return fd.l4proto === L4.raw || !hasNoRole(fd) ? fd.l4proto : L4.na
}

/** The letter after the kind in an argument such as `3(<4t>…)`; `''` when the protocol is not known. */
export function l4Char(fd: Fd): string {
  switch (l4Protocol(fd)) {
    case L4.tcp:
      return 't'
    case L4.udp:
      return 'u'
    case L4.icmp:
      return 'i'
    case L4.raw:
      return 'r'
    default:
      return ''
  }
}
