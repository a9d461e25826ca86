/** Who talks to whom: connections and bytes by process and far end, from events as the state sees them. */
import { paramNumber } from '../events/decode-record.ts'
import { eventTable } from '../events/event-table.ts'
import type { CurrentEvent } from '../state/current-event.ts'
import { L4 } from '../state/fd.ts'
import type { ByteText, Ip } from '../values/value.ts'

export interface TrafficRow {
  readonly pid: number
  readonly process: ByteText
  readonly containerId: string
  /** `out`: the process connected; `in`: the other end did. */
  readonly direction: 'out' | 'in'
  readonly ip: Ip
  readonly port: number
  readonly protocol: 'tcp' | 'udp' | 'raw'
  /** The best name of the address when it was last used; '' where none is known. */
  name: ByteText
  connections: number
  bytesOut: number
  bytesIn: number
  lastTsNs: bigint
}

type Kind = 'connect' | 'accept' | 'in' | 'out'

const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['connect', 'connect'],
  ['accept', 'accept'],
  ['accept4', 'accept'],
  ...['read', 'readv', 'recv', 'recvfrom', 'recvmsg', 'recvmmsg'].map(name => [name, 'in'] as const),
  ...['write', 'writev', 'send', 'sendto', 'sendmsg', 'sendmmsg', 'sendfile'].map(name => [name, 'out'] as const),
])
const kindOf: readonly (Kind | undefined)[] = eventTable.map(info =>
  info.isExit && !info.isOld ? KINDS.get(info.name) : undefined,
)

/** Calls whose events must be there. */
export const TRAFFIC_CALLS: readonly string[] = [...KINDS.keys()]

const EINPROGRESS = -115
/** Beyond, the row that was used the longest ago goes. */
const MAX_ROWS = 20_000

export class TrafficTable {
  readonly #rows = new Map<string, TrafficRow>()
  /** Rows that had to go. */
  evicted = 0

  /** Takes the event at hand in, if it is one of a connection. */
  add(current: CurrentEvent): void {
    const { rec, fd, thread } = current
    const kind = kindOf[rec.type]
    if (kind === undefined || fd === undefined || thread === undefined || !fd.isInetSocket) return
    const result = paramNumber(rec, 0) ?? -1
    if (kind === 'connect') {
      // A UDP connect sends nothing; getaddrinfo does it to each address only to see the route.
      if ((result !== 0 && result !== EINPROGRESS) || fd.l4proto !== L4.tcp) return
    } else if (result < 0 || (kind !== 'accept' && result === 0)) return
    const ip = fd.isServer ? fd.sip : fd.dip
    const port = fd.isServer ? fd.sport : fd.dport
    if (ip === undefined) return
    const row = this.#rowOf(current, ip, port, thread.pid)
    row.lastTsNs = rec.tsNs
    row.name = current.names?.nameOf(ip, current) ?? row.name
    if (kind === 'connect' || kind === 'accept') row.connections++
    else if (kind === 'in') row.bytesIn += result
    else row.bytesOut += result
  }

  get rows(): readonly TrafficRow[] {
    return [...this.#rows.values()]
  }

  clear(): void {
    this.#rows.clear()
  }

  #rowOf(current: CurrentEvent, ip: Ip, port: number, pid: number): TrafficRow {
    const fd = current.fd!
    const thread = current.thread!
    const direction = fd.isServer ? 'in' : 'out'
    // The port of whoever connects is another each time and says nothing.
    const shownPort = direction === 'in' ? fd.dport : port
    const protocol = fd.l4proto === L4.tcp ? 'tcp' : fd.l4proto === L4.udp ? 'udp' : 'raw'
    // Threads have names of their own; people know the process's.
    const process = (thread.main ?? thread).comm
    const key = `${pid}|${process}|${direction}|${ip}|${shownPort}|${protocol}`
    const known = this.#rows.get(key)
    if (known !== undefined) {
      // Used again: not the next to go.
      this.#rows.delete(key)
      this.#rows.set(key, known)
      return known
    }
    if (this.#rows.size >= MAX_ROWS) {
      const oldest = this.#rows.keys().next().value
      if (oldest !== undefined) this.#rows.delete(oldest)
      this.evicted++
    }
    const row: TrafficRow = {
      pid,
      process,
      containerId: thread.containerId,
      direction,
      ip,
      port: shownPort,
      protocol,
      name: '',
      connections: 0,
      bytesOut: 0,
      bytesIn: 0,
      lastTsNs: 0n,
    }
    this.#rows.set(key, row)
    return row
  }
}
