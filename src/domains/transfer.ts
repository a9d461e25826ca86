/**
 * What an event of a socket moved: which way, between whom, and the bytes that the event has of it. Read from the event's own tuple
 * where it has one, else from its fd. One object, filled anew for each event.
 */
import { paramNumber, readIpv4, readIpv6 } from '../events/decode-record.ts'
import type { EventRecord } from '../events/event-record.ts'
import { eventTable } from '../events/event-table.ts'
import { unmapIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { type NameMoment, timeOf } from './binding.ts'

/** What is asked of an fd; `Fd` fits it. The client is the source. */
export interface SocketFd {
  readonly isInetSocket: boolean
  readonly l4proto: number
  readonly sip: Ip | undefined
  readonly dip: Ip | undefined
  readonly sport: number
  readonly dport: number
  readonly isServer: boolean
  /** Number of the network namespace it was made in, as threads have them; −1: not known, −2: its process's. */
  readonly netns?: number
}

/** An event with the state as it is after it; `EventContext` fits it. */
export interface SocketEvent extends NameMoment {
  readonly rec: EventRecord
  readonly thread:
    | {
        readonly tid?: number
        readonly pid: number
        readonly vpid?: number
        readonly containerId: string
        readonly netns?: number
        readonly mntns?: number
        /** Users that made the user namespaces which these belong to; 0: root, or not known. */
        readonly netnsUid?: number
        readonly mntnsUid?: number
      }
    | undefined
  readonly fd: SocketFd | undefined
  readonly fdNum: number | undefined
}

/** scap's number of the protocol. */
export const TCP = 2
const INET = 2
const INET6 = 10

/** A number for the socket of a process; each has its own. pids and fds are below 2^22. */
export function socketKey(pid: number, fdNum: number): number {
  // Numbers of more than 32 bits are slow keys.
  return fdNum >>> 10 === 0 ? (pid << 10) | fdNum : 0x1_0000_0000 + pid * 0x40_0000 + fdNum
}

/** Where an event has what it moved. */
interface Row {
  readonly isSend: boolean
  readonly dataAt: number
  /** −1: it has none. */
  readonly tupleAt: number
}

const SENDS: ReadonlySet<string> = new Set(['send', 'sendto', 'sendmsg', 'sendmmsg', 'write', 'writev'])
const RECEIVES: ReadonlySet<string> = new Set(['recv', 'recvfrom', 'recvmsg', 'recvmmsg', 'read', 'readv'])

const rows: readonly (Row | undefined)[] = eventTable.map(info => {
  const isSend = SENDS.has(info.name)
  if (!info.isExit || info.isOld || !(isSend || RECEIVES.has(info.name))) return undefined
  return { isSend, dataAt: info.paramIndex.get('data') ?? -1, tupleAt: info.paramIndex.get('tuple') ?? -1 }
})

/** Whether events of this code move data. */
export function isTransfer(code: number): boolean {
  return rows[code] !== undefined
}

export class Transfer {
  isSend = false
  /** A byte stream; else a datagram. */
  isStream = false
  bytes: Buffer = Buffer.alloc(0)
  view: DataView = new DataView(this.bytes.buffer)
  /** Of what the event has: it may be less than was moved. */
  at = 0
  end = 0
  /** How much was moved. */
  sizeBytes = 0
  localPort = 0
  remotePort = 0
  /** Owner of the socket; −1 and '' where it is not known. */
  pid = -1
  containerId = ''
  /** Its network and mount namespace; 0 is the host's. */
  netns = 0
  mntns = 0
  netnsUid = 0
  mntnsUid = 0
  fdNum = -1
  #row: Row = { isSend: false, dataAt: 0, tupleAt: -1 }
  #event: SocketEvent | undefined = undefined
  /** Offset of an event's tuple, and its family; 0 when the fd says it. */
  #tupleAt = 0
  #family = 0

  /**
   * Fills in which way, which ports and whether it is a stream; false when the event moved nothing over a socket of the internet families.
   * For what is to be looked at, `readRest` fills in all but addresses.
   */
  read(event: SocketEvent): boolean {
    const { rec, fd } = event
    const row = rows[rec.type]
    if (row === undefined) return false
    const hasTuple = row.tupleAt >= 0 && row.tupleAt < rec.paramCount && rec.paramLen[row.tupleAt]! >= 13
    const isInet = fd?.isInetSocket === true
    if (!isInet && !hasTuple) return false
    this.#family = 0
    if (hasTuple && !this.#readTuplePorts(rec, row)) return false
    if (this.#family === 0) {
      if (!isInet) return false
      this.localPort = fd.isServer ? fd.dport : fd.sport
      this.remotePort = fd.isServer ? fd.sport : fd.dport
    }
    this.#row = row
    this.isSend = row.isSend
    this.isStream = fd !== undefined && fd.l4proto === TCP
    return true
  }

  /** The same for a socket of any family, which may have no ports. */
  readAny(event: SocketEvent): boolean {
    const row = rows[event.rec.type]
    if (row === undefined) return false
    this.#row = row
    this.#family = 0
    this.isSend = row.isSend
    this.isStream = true
    return true
  }

  /** The rest of what `read` began with; false when nothing was moved. */
  readRest(event: SocketEvent): boolean {
    const { rec } = event
    const row = this.#row
    if (row.dataAt >= rec.paramCount) return false
    const size = paramNumber(rec, 0) ?? -1
    if (size <= 0) return false
    this.#event = event
    this.bytes = rec.bytes
    this.view = rec.view
    this.at = rec.paramAt[row.dataAt]!
    this.end = this.at + Math.min(rec.paramLen[row.dataAt]!, size)
    this.sizeBytes = size
    this.pid = event.thread?.pid ?? -1
    this.containerId = event.thread?.containerId ?? ''
    this.netns = event.thread?.netns ?? 0
    this.mntns = event.thread?.mntns ?? 0
    this.netnsUid = event.thread?.netnsUid ?? 0
    this.mntnsUid = event.thread?.mntnsUid ?? 0
    this.fdNum = event.fdNum ?? -1
    return true
  }

  /** The peer, unmapped; undefined when it is not known. Only right after `read`. */
  get remoteIp(): Ip | undefined {
    return this.#ip(!this.#row.isSend, this.#event?.fd?.isServer === true)
  }

  /** This end, unmapped. */
  get localIp(): Ip | undefined {
    return this.#ip(this.#row.isSend, this.#event?.fd?.isServer !== true)
  }

  /**
   * Whether the socket belongs to another network namespace than who uses it: passed on, inherited or taken along. `doubtsUnknown`: also one
   * of which nobody saw where it came from.
   */
  isElsewhere(doubtsUnknown: boolean): boolean {
    const netns = this.#event?.fd?.netns ?? -1
    return netns >= 0 ? netns !== this.netns : netns === -1 && doubtsUnknown
  }

  /** Time of the event, ms since the epoch. */
  get atMs(): number {
    return this.#event === undefined ? 0 : timeOf(this.#event)
  }

  /** A tuple goes from sender to receiver. */
  #readTuplePorts(rec: EventRecord, row: Row): boolean {
    const at = rec.paramAt[row.tupleAt]!
    const family = rec.view.getUint8(at)
    if (family !== INET && family !== INET6) return false
    const step = family === INET ? 6 : 18
    if (rec.paramLen[row.tupleAt]! < 1 + 2 * step) return false
    const source = rec.view.getUint16(at + step - 1, true)
    const dest = rec.view.getUint16(at + 2 * step - 1, true)
    this.#tupleAt = at
    this.#family = family
    this.localPort = row.isSend ? source : dest
    this.remotePort = row.isSend ? dest : source
    return true
  }

  #ip(isTupleSource: boolean, isFdSource: boolean): Ip | undefined {
    if (this.#family === INET) return readIpv4(this.view, this.#tupleAt + (isTupleSource ? 1 : 7))
    if (this.#family === INET6) return unmapIp(readIpv6(this.bytes, this.#tupleAt + (isTupleSource ? 1 : 19)))
    const fd = this.#event?.fd
    const ip = isFdSource ? fd?.sip : fd?.dip
    return ip === undefined ? undefined : unmapIp(ip)
  }
}
