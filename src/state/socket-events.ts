import {
  Family,
  paramNumber,
  paramSockaddr,
  paramSocktuple,
  paramUint32,
  paramUint64,
  SockAddress,
  SockTuple,
} from '../events/decode-record.ts'
import type { EventRecord } from '../events/event-record.ts'
import { countsAsIpv4, endpointText, lastQuad, printable, tupleText, unixText } from '../values/socket-text.ts'
import type { ByteText } from '../values/value.ts'
import type { EventHandler, HandlerTable } from './event-handlers.ts'
import { copyFd, Fd, FdType, inetName, L4, OPEN_CLOEXEC, swapEnds } from './fd.ts'
import type { HostState } from './host-state.ts'
import { result } from './process-events.ts'
import type { Thread } from './thread.ts'

const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0x80000
const IPPROTO_IP = 0
const IPPROTO_ICMP = 1
const IPPROTO_TCP = 6
const IPPROTO_UDP = 17
const IPPROTO_RAW = 255
const EINPROGRESS = 115

/** So many fds are looked at to guess a role: as many as Falco keeps of a process, so that a server of many fds does not slow down. */
const MAX_GUESS_FDS = 4096

const ZERO6 = '\0'.repeat(16)

// Reused for each event.
const tuple = new SockTuple()
const address = new SockAddress()

/** Sockets: their making, their two ends, and who of them is the server. */
export const socketHandlers: HandlerTable = {
  socket(state, rec) {
    const thread = state.current.thread
    const num = result(rec)
    if (thread === undefined || num < 0) return
    addSocket(state, thread, num, paramUint32(rec, 1) ?? 0, paramUint32(rec, 2) ?? 0, paramUint32(rec, 3) ?? 0)
    const { fd } = state.current
    if (fd === undefined) return
    fd.openFlags = paramUint32(rec, 4) ?? 0
    fd.netns = thread.netns
  },
  socketpair(state, rec) {
    const thread = state.current.thread
    if (thread === undefined || result(rec) < 0) return
    const first = paramNumber(rec, 1) ?? -1
    const second = paramNumber(rec, 2) ?? -1
    if (first === second) {
      state.current.fd = undefined
      return
    }
    const fd = new Fd(first, FdType.unix)
    fd.unixSource = paramUint64(rec, 3) ?? 0
    fd.unixDest = paramUint64(rec, 4) ?? 0
    if (((paramUint32(rec, 6) ?? 0) & SOCK_CLOEXEC) !== 0) fd.openFlags = OPEN_CLOEXEC
    state.addThreadFd(thread, copyFd(fd, second))
    const last = state.current.fdNum
    state.addThreadFd(thread, fd)
    // The fd of the event is the first, its number the last that was added.
    state.current.fdNum = last
  },
  bind: onBind,
  connect: onConnect,
  accept: onAccept,
  accept4: onAccept,
  read: onRead(-1),
  readv: onRead(-1),
  pread: onRead(-1),
  preadv: onRead(-1),
  recv: onRead(4),
  recvfrom: onRead(2),
  recvmsg(state, rec) {
    onRead(3)(state, rec)
    lookUpReceived(state, rec)
  },
  recvmmsg: onRead(4),
  write: onWrite(-1),
  writev: onWrite(-1),
  pwrite: onWrite(-1),
  pwritev: onWrite(-1),
  send: onWrite(4),
  sendto: onWrite(4),
  sendmsg: onWrite(4),
  sendmmsg: onWrite(4),
}

function addSocket(
  state: HostState,
  thread: Thread,
  num: number,
  domain: number,
  type: number,
  protocol: number,
): void {
  const fd = new Fd(num, FdType.unknown)
  if (domain === AF_UNIX) fd.type = FdType.unix
  else if (domain === AF_NETLINK) fd.type = FdType.netlink
  else if (domain === AF_INET || domain === AF_INET6) {
    fd.type = domain === AF_INET ? FdType.ipv4 : FdType.ipv6
    fd.sip = domain === AF_INET ? 0 : ZERO6
    fd.dip = fd.sip
    fd.l4proto = l4Of(type, protocol)
  }
  state.addThreadFd(thread, fd)
}

function l4Of(type: number, protocol: number): number {
  switch (protocol) {
    case IPPROTO_TCP:
      return type === SOCK_RAW ? L4.raw : L4.tcp
    case IPPROTO_UDP:
      return type === SOCK_RAW ? L4.raw : L4.udp
    case IPPROTO_ICMP:
      return type === SOCK_RAW ? L4.raw : L4.icmp
    case IPPROTO_RAW:
      return L4.raw
    case IPPROTO_IP: {
      // SOCK_NONBLOCK and SOCK_CLOEXEC may be or-ed in.
      const kind = type & 0xff
      if (kind === SOCK_STREAM) return L4.tcp
      return kind === SOCK_DGRAM ? L4.udp : L4.unknown
    }
    default:
      return L4.unknown
  }
}

/** A bound port makes it a listening socket; only the address is known then. */
function onBind(state: HostState, rec: EventRecord): void {
  if (state.current.fd === undefined || result(rec) < 0) return
  if (rec.paramCount < 2 || rec.paramLen[1]! === 0) return
  const fd = state.writableFd()
  if (fd === undefined) return
  paramSockaddr(rec, 1, address)
  const ip = address.ip
  if (ip !== undefined && address.port > 0) {
    const isIpv4 = typeof ip === 'number' || countsAsIpv4(ip)
    fd.type = isIpv4 ? FdType.ipv4Listening : FdType.ipv6Listening
    fd.sip = typeof ip === 'string' && isIpv4 ? lastQuad(ip) : ip
    fd.sport = address.port
    fd.isServer = true
  }
  fd.name = addressText(address)
  state.fdChanged(fd)
}

/** The text of a socket address parameter. */
function addressText(a: SockAddress): ByteText {
  if (a.family === Family.unix) return printable(a.path)
  if (a.ip === undefined) return a.family === 0 ? 'NULL' : `family ${a.family}`
  // Of an IPv6 socket it stays IPv6, also where the socket counts as IPv4.
  return endpointText(a.ip, a.port)
}

/** The text of a socket tuple parameter. */
function socketTupleText(t: SockTuple): ByteText {
  if (t.family === Family.unix) return unixText(t.unixSource, t.unixDest, t.path)
  return t.sip === undefined || t.dip === undefined ? '' : tupleText(t.sip, t.sport, t.dip, t.dport)
}

function onConnect(state: HostState, rec: EventRecord): void {
  const { thread } = state.current
  if (thread === undefined) return
  const res = result(rec)
  if (res < 0 && res !== -EINPROGRESS) return
  if (state.current.fd === undefined) {
    onUnknownConnect(state, rec, thread)
    return
  }
  const fd = state.writableFd()
  if (fd === undefined) return
  fd.isConnected = true
  if (!paramSocktuple(rec, 1, tuple)) return
  const { sip, dip } = tuple
  if (sip !== undefined && dip !== undefined) {
    // Old listening types keep their protocol where the tuple has it.
    const hasChanged = storeTuple(fd, sip, tuple.sport, dip, tuple.dport)
    if (hasChanged && fd.isServer && fd.l4proto === L4.udp) swapEnds(fd)
    fd.name = inetName(fd)
  } else {
    if (fd.type !== FdType.unix) return
    fd.unixSource = tuple.unixSource
    fd.unixDest = tuple.unixDest
    fd.name = unixText(tuple.unixSource, tuple.unixDest, tuple.path)
  }
  if (!fd.isClient && !fd.isServer) fd.isClient = true
  state.fdChanged(fd)
}

/**
 * A connect of io_uring may be of a socket that no call made, or that has no descriptor at all (−1). Falco's events have none of either:
 * there a descriptor that is not known was made by a call that was lost, and it leaves the event without one.
 */
function onUnknownConnect(state: HostState, rec: EventRecord, thread: Thread): void {
  const { fdNum } = state.current
  if (fdNum === undefined || (fdNum >= 0 && !state.repair.isOn) || rec.paramCount < 4) return
  paramSockaddr(rec, 3, address)
  const { ip, port } = address
  if (ip === undefined) return
  const fd = new Fd(fdNum, FdType.unknown)
  storeTuple(fd, typeof ip === 'number' ? 0 : ZERO6, 0, ip, port)
  fd.name = tupleText(fd.sip ?? 0, 0, fd.dip ?? 0, port)
  fd.isConnected = true
  fd.isClient = true
  if (fdNum >= 0) state.addThreadFd(thread, fd)
  else state.current.fd = fd
}

/** Stores both ends and sets the type by their family; false when they are the known ones, in this or the other direction. */
function storeTuple(fd: Fd, sip: number | string, sport: number, dip: number | string, dport: number): boolean {
  let source = sip
  let dest = dip
  if (typeof source === 'string' && typeof dest === 'string' && countsAsIpv4(source) && countsAsIpv4(dest)) {
    source = lastQuad(source)
    dest = lastQuad(dest)
  }
  const isIpv4 = typeof source === 'number'
  fd.type = isIpv4 ? FdType.ipv4 : FdType.ipv6
  const isSame =
    (source === fd.sip && sport === fd.sport && dest === fd.dip && dport === fd.dport) ||
    (dest === fd.sip && dport === fd.sport && source === fd.dip && sport === fd.dport)
  if (isSame) return false
  fd.sip = source
  fd.sport = sport
  fd.dip = dest
  fd.dport = dport
  return true
}

function onAccept(state: HostState, rec: EventRecord): void {
  const thread = state.current.thread
  const num = result(rec)
  if (thread === undefined || num < 0) return
  state.current.fdNum = num
  if (!paramSocktuple(rec, 1, tuple)) return
  const fd = new Fd(num, FdType.unix)
  if (tuple.sip !== undefined && tuple.dip !== undefined) {
    storeTuple(fd, tuple.sip, tuple.sport, tuple.dip, tuple.dport)
    fd.l4proto = L4.tcp
  } else {
    fd.unixSource = tuple.unixSource
    fd.unixDest = tuple.unixDest
  }
  if (rec.info.name === 'accept4') fd.openFlags = paramNumber(rec, 5) ?? 0
  fd.name = socketTupleText(tuple)
  fd.isServer = true
  fd.isConnected = true
  state.addThreadFd(thread, fd)
}

function onRead(tupleAt: number): EventHandler {
  return (state, rec) => {
    const fd = state.current.fd
    if (fd === undefined || result(rec) < 0) return
    receiveOrSend(state, rec, fd, tupleAt, true)
  }
}

const CONTROL_AT = 4
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
/** A header of a control message of 64-bit programs: its length in eight bytes, level and type in four. */
const CONTROL_HEADER = 16
/** The kernel passes no more at once. */
const MAX_RECEIVED = 253

/** Fds that came in a message: nothing but the system knows what they are. */
function lookUpReceived(state: HostState, rec: EventRecord): void {
  const { thread } = state.current
  if (thread === undefined || !state.repair.isOn || rec.paramCount <= CONTROL_AT || result(rec) <= 0) return
  const fds = state.fdsOf(thread)
  if (fds === undefined) return
  let at = rec.paramAt[CONTROL_AT]!
  const end = at + rec.paramLen[CONTROL_AT]!
  while (at + CONTROL_HEADER <= end) {
    const length = rec.view.getUint32(at, true)
    if (length < CONTROL_HEADER || at + length > end) return
    if (rec.view.getInt32(at + 8, true) === SOL_SOCKET && rec.view.getInt32(at + 12, true) === SCM_RIGHTS) {
      const last = Math.min(at + length, at + CONTROL_HEADER + 4 * MAX_RECEIVED)
      for (let i = at + CONTROL_HEADER; i + 4 <= last; i += 4)
        state.repair.fd(thread, fds, rec.view.getInt32(i, true), undefined)
    }
    at += (length + 7) & ~7
  }
}

function onWrite(tupleAt: number): EventHandler {
  return (state, rec) => {
    const { thread } = state.current
    if (tupleAt >= 0 && state.current.fd === undefined && thread !== undefined) inferSocket(state, rec, thread)
    const fd = state.current.fd
    if (fd === undefined || result(rec) < 0) return
    receiveOrSend(state, rec, fd, tupleAt, false)
  }
}

/** A send on an fd that was never seen: taken for a datagram socket. */
function inferSocket(state: HostState, rec: EventRecord, thread: Thread): void {
  if (rec.info.name === 'sendmmsg' || result(rec) < 0) return
  if (!paramSocktuple(rec, 4, tuple) || tuple.sip === undefined) return
  const num = paramNumber(rec, 2) ?? -1
  if (num >= 0)
    addSocket(state, thread, num, typeof tuple.sip === 'number' ? AF_INET : AF_INET6, SOCK_DGRAM, IPPROTO_UDP)
}

/** A transfer on an inet socket shows it is connected; a datagram's tuple may bring a new peer. */
function receiveOrSend(state: HostState, rec: EventRecord, seen: Fd, tupleAt: number, isIncoming: boolean): void {
  const isInet = seen.isInetSocket
  if (isInet && !seen.isConnected) {
    const fd = state.writableFd()
    if (fd !== undefined) fd.isConnected = true
  }
  if (tupleAt < 0) return
  const isTcp = isInet && seen.l4proto === L4.tcp
  if (seen.name !== '' && isTcp) return
  if (!paramSocktuple(rec, tupleAt, tuple)) return
  const thread = state.current.thread
  const fd = state.writableFd()
  if (fd === undefined || thread === undefined) return
  if (!updateEnds(state, fd)) {
    // Its type may be another all the same.
    state.fdChanged(fd)
    return
  }
  if (fd.isInetSocket) {
    if (!fd.isClient && !fd.isServer) guessRole(state, thread, fd, isIncoming)
    if (isIncoming ? fd.isClient : fd.isServer) swapEnds(fd)
    fd.name = inetName(fd)
  } else {
    fd.name = socketTupleText(tuple)
  }
  state.fdChanged(fd)
}

/** Takes over the ends of `tuple`; false when there is nothing new. */
function updateEnds(state: HostState, fd: Fd): boolean {
  const { sip, dip } = tuple
  if (sip === undefined || dip === undefined) {
    fd.type = FdType.unix
    fd.unixSource = tuple.unixSource
    fd.unixDest = tuple.unixDest
    return true
  }
  const isIpv4 = typeof sip === 'number' || (typeof dip === 'string' && countsAsIpv4(sip) && countsAsIpv4(dip))
  if (!isIpv4 && fd.type !== FdType.ipv6) return updateListening6(fd)
  if (!storeTuple(fd, sip, tuple.sport, dip, tuple.dport)) return false
  if (fd.l4proto === L4.unknown) fd.l4proto = L4.udp
  state.network.completeTuple(fd)
  return true
}

/**
 * A datagram on a listening IPv6 socket. libsinsp leaves its type as it is but writes the tuple over the same memory, so that port and
 * protocol become the first bytes of the peer's destination; rules and outputs see that.
 */
function updateListening6(fd: Fd): boolean {
  const { sip, dip } = tuple
  if (fd.type !== FdType.ipv6Listening || typeof sip !== 'string' || typeof dip !== 'string') return false
  const text = `${sip}${dip}${tuple.sport},${tuple.dport}`
  if (text === fd.lastTuple) return false
  fd.lastTuple = text
  fd.sip = sip
  fd.sport = dip.charCodeAt(0) | (dip.charCodeAt(1) << 8)
  fd.l4proto = dip.charCodeAt(2)
  return true
}

/** Server if this process owns the destination port, else client (libsinsp `set_net_role_by_guessing`). */
function guessRole(state: HostState, thread: Thread, fd: Fd, isIncoming: boolean): void {
  let sport = fd.sport
  let dport = fd.dport
  if (typeof fd.sip === 'string') {
    // libsinsp reads the ports where IPv4 has them, which for IPv6 is inside the source address.
    sport = fd.sip.charCodeAt(8) | (fd.sip.charCodeAt(9) << 8)
    dport = fd.sip.charCodeAt(10) | (fd.sip.charCodeAt(11) << 8)
  }
  let ownsPort = false
  let usesSourcePort = false
  let left = MAX_GUESS_FDS
  state.fdsOf(thread)?.some(other => {
    if (other.type === FdType.ipv4) {
      if (other.dport === dport) ownsPort = true
      if (other.sport === sport) usesSourcePort = true
    } else if (other.type === FdType.ipv4Listening && other.sport === dport) {
      ownsPort = true
    }
    return --left === 0
  })
  if (!ownsPort) fd.isClient = true
  else if (!usesSourcePort) fd.isServer = true
  else if (isIncoming) fd.isServer = true
  else fd.isClient = true
}
