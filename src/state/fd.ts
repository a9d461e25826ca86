import { renderIp } from '../values/ip.ts'
import { countsAsIpv4, lastQuad, tupleText } from '../values/socket-text.ts'
import type { ByteText, Ip } from '../values/value.ts'

/** scap's fd types (scap.h); sockets that listen have types of their own. */
export const FdType = {
  unknown: -2,
  uninitialised: -1,
  file: 1,
  directory: 2,
  ipv4: 3,
  ipv6: 4,
  ipv4Listening: 5,
  ipv6Listening: 6,
  fifo: 7,
  unix: 8,
  event: 9,
  unsupported: 10,
  signal: 11,
  eventpoll: 12,
  inotify: 13,
  timerfd: 14,
  netlink: 15,
  fileV2: 16,
  bpf: 17,
  userfaultfd: 18,
  iouring: 19,
  memfd: 20,
  pidfd: 21,
} as const

/** scap's l4 protocols. */
export const L4 = { unknown: 0, na: 1, tcp: 2, udp: 3, icmp: 4, raw: 5 } as const

/** Where a socket was made, when no event said so: that of its process, as /proc has it, or anywhere. */
export const Netns = { unknown: -1, process: -2 } as const

/** PPM_O_CLOEXEC; an epoll's and a memfd's own flag is 1. */
export const OPEN_CLOEXEC: number = 1 << 12

/** The two addresses of a connection; all-zero where one is not known yet. */
export interface ConnectionEnds {
  readonly source: Ip
  readonly dest: Ip
}

/** One open file descriptor. Source and destination are those of the stored tuple: the client is the source, the server the destination. */
export class Fd {
  num: number
  /** One of `FdType`; a regular file is `file`, never `fileV2`. */
  type: number
  /** `fd.name`: a file's absolute path, a socket's tuple or address, or what the creating call gives. */
  name: ByteText = ''
  /** The path as the program gave it; files only. */
  nameRaw: ByteText = ''
  /** PPM open flags. */
  openFlags = 0
  ino: number | bigint = 0
  dev = 0
  /**
   * For `ipv4` and `ipv6` both ends; zero addresses until known. For the listening types the bound address is in `sip` and `sport`,
   * and `dip` says nothing.
   */
  sip: Ip | undefined = undefined
  dip: Ip | undefined = undefined
  sport = 0
  dport = 0
  /** One of `L4`. */
  l4proto = 0
  /** The role: known after connect or accept (or bind), else guessed at the first datagram. */
  isClient = false
  isServer = false
  isConnected = false
  isUpperLayer = false
  isLowerLayer = false
  unixSource: number | bigint = 0
  unixDest: number | bigint = 0
  /** Number of the network namespace that a socket was made in, as threads have them; see `Netns` for those that are none. */
  netns: number = Netns.unknown
  /** pid of a pidfd's process. */
  pid = 0
  /** For a listening IPv6 socket that got datagrams: the last tuple, to see whether the next one differs. */
  lastTuple = ''
  /** Kept by the table that holds it: whose it is, the room it counts for, and the ends that a listener was told of. */
  owner = 0
  units = 1
  /** The gap in the events after which it was last found right (`Repair`). */
  gap = 0
  ends: ConnectionEnds | undefined = undefined

  constructor(num: number, type: number) {
    this.num = num
    this.type = type
  }

  /** Whether an execve closes it. */
  get isCloseOnExec(): boolean {
    if ((this.openFlags & OPEN_CLOEXEC) !== 0) return true
    return (this.type === FdType.eventpoll || this.type === FdType.memfd) && (this.openFlags & 1) !== 0
  }

  get isInetSocket(): boolean {
    return this.type === FdType.ipv4 || this.type === FdType.ipv6
  }
}

/** A copy under another number, as `dup` makes it; what a table notes in it is not copied. */
export function copyFd(fd: Fd, num: number): Fd {
  const copy = new Fd(num, fd.type)
  copy.name = fd.name
  copy.nameRaw = fd.nameRaw
  copy.openFlags = fd.openFlags
  copy.ino = fd.ino
  copy.dev = fd.dev
  copy.sip = fd.sip
  copy.dip = fd.dip
  copy.sport = fd.sport
  copy.dport = fd.dport
  copy.l4proto = fd.l4proto
  copy.isClient = fd.isClient
  copy.isServer = fd.isServer
  copy.isConnected = fd.isConnected
  copy.isUpperLayer = fd.isUpperLayer
  copy.isLowerLayer = fd.isLowerLayer
  copy.unixSource = fd.unixSource
  copy.unixDest = fd.unixDest
  copy.netns = fd.netns
  copy.pid = fd.pid
  copy.lastTuple = fd.lastTuple
  copy.gap = fd.gap
  return copy
}

/** The name of a connected inet socket, by its protocol (libsinsp `sockinfo_to_str`). */
export function inetName(fd: Fd): ByteText {
  const sip = fd.sip ?? 0
  const dip = fd.dip ?? 0
  if (fd.l4proto === L4.tcp || fd.l4proto === L4.udp) return tupleText(sip, fd.sport, dip, fd.dport)
  if (fd.l4proto !== L4.icmp && fd.l4proto !== L4.raw) return '<unknown>'
  if (typeof sip === 'string' && typeof dip === 'string') {
    if (countsAsIpv4(sip) && countsAsIpv4(dip)) return `${renderIp(lastQuad(sip))}->${renderIp(lastQuad(dip))}`
    // Falco prints the source on both sides of a raw IPv6 socket.
    return `${renderIp(sip)}->${renderIp(sip)}`
  }
  return `${renderIp(sip)}->${renderIp(dip)}`
}

/** Makes the source the destination and the other way round. */
export function swapEnds(fd: Fd): void {
  const { sip, sport } = fd
  fd.sip = fd.dip
  fd.sport = fd.dport
  fd.dip = sip
  fd.dport = sport
}
