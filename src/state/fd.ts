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

/** One open file descriptor. For inet sockets source and destination are the stored tuple's; client is source, server is destination. */
export class Fd {
  num: number
  /** One of `FdType`. `fileV2` is never stored: it is `file`. */
  type: number
  /** File path, tuple text or type-specific text, as `fd.name` prints it. Tuple text is made when asked for: read through `fdName(fd)`. */
  name: ByteText = ''
  nameRaw: ByteText = ''
  /** PPM open flags. */
  openFlags = 0
  ino: number | bigint = 0
  dev = 0
  /** For inet sockets; undefined until known. */
  sip: Ip | undefined = undefined
  dip: Ip | undefined = undefined
  sport = 0
  dport = 0
  /** One of `L4`. */
  l4proto = 0
  /** A role is known after connect/accept, or guessed at the first UDP send/receive. */
  isClient = false
  isServer = false
  isConnected = false
  isUpperLayer = false
  isLowerLayer = false
  unixSource: number | bigint = 0
  unixDest: number | bigint = 0
  /** pid of a pidfd's process. */
  pid = 0

  constructor(num: number, type: number) {
    this.num = num
    this.type = type
  }
}

/** The fds of one process. */
export type FdTable = Map<number, Fd>
