/** The sockets of a network namespace by inode, from the tables of /proc/<pid>/net. */
import type { Ip } from '../../values/value.ts'
import type { FdEntry } from '../source.ts'
import { parseHexIp, readTable } from './proc-files.ts'

/** Everything of an fd entry but its number and inode. */
export type SocketEntry = Omit<FdEntry, 'fd' | 'ino'>

const FD_IPV4 = 3
const FD_IPV6 = 4
const FD_IPV4_LISTENING = 5
const FD_IPV6_LISTENING = 6
const FD_UNIX = 8
const FD_NETLINK = 15

const TCP = 2
const UDP = 3
const ICMP = 4
const RAW = 5
const TCP_LISTEN = '0A'

interface Row {
  readonly local: Ip
  readonly localPort: number
  readonly remote: Ip
  readonly remotePort: number
  readonly state: string
  readonly ino: number
}

/** Rows of `tcp`, `udp6`, …: `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`. */
export function parseInetTable(text: string): readonly Row[] {
  const rows: Row[] = []
  for (const line of text.split('\n').slice(1)) {
    const cells = line.trim().split(/\s+/)
    const [local = '', localPort = ''] = (cells[1] ?? '').split(':')
    const [remote = '', remotePort = ''] = (cells[2] ?? '').split(':')
    const from = parseHexIp(local)
    const to = parseHexIp(remote)
    const ino = Number(cells[9])
    if (from === undefined || to === undefined || !Number.isSafeInteger(ino) || ino === 0) continue
    rows.push({
      local: from,
      localPort: Number.parseInt(localPort, 16),
      remote: to,
      remotePort: Number.parseInt(remotePort, 16),
      state: cells[3] ?? '',
      ino,
    })
  }
  return rows
}

function isAnyIp(ip: Ip): boolean {
  return typeof ip === 'number' ? ip === 0 : /^\0*$/.test(ip)
}

/** The source is the end here; who of the two is the server, the state works out from the ports that are listened on. */
function addInet(sockets: Map<number, SocketEntry>, rows: readonly Row[], l4proto: number, isV6: boolean): void {
  for (const { local, localPort, remote, remotePort, state, ino } of rows) {
    const isBoundOnly = l4proto === TCP ? state === TCP_LISTEN : remotePort === 0 && isAnyIp(remote)
    if (isBoundOnly) {
      const type = isV6 ? FD_IPV6_LISTENING : FD_IPV4_LISTENING
      sockets.set(ino, { type, dip: local, dport: localPort, l4proto })
    } else {
      const type = isV6 ? FD_IPV6 : FD_IPV4
      sockets.set(ino, { type, sip: local, sport: localPort, dip: remote, dport: remotePort, l4proto })
    }
  }
}

/** Rows of `unix`: `Num: RefCount Protocol Flags Type St Inode Path`. */
function addUnix(sockets: Map<number, SocketEntry>, text: string): void {
  for (const line of text.split('\n').slice(1)) {
    const m = /^([0-9a-fA-F]+): \S+ \S+ \S+ \S+ \S+ +(\d+)(?: (.*))?$/.exec(line)
    if (m === null) continue
    const path = m[3] ?? ''
    sockets.set(Number(m[2]), {
      type: FD_UNIX,
      unixSource: narrow(BigInt(`0x${m[1]}`)),
      unixDest: 0,
      name: path.startsWith('@') ? path.slice(1) : path,
    })
  }
}

function narrow(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}

function addNetlink(sockets: Map<number, SocketEntry>, text: string): void {
  for (const line of text.split('\n').slice(1)) {
    const ino = Number(line.trim().split(/\s+/)[9])
    if (Number.isSafeInteger(ino) && ino > 0) sockets.set(ino, { type: FD_NETLINK, name: '' })
  }
}

/** All sockets in the tables of the directory, e.g. `/proc/1/net`. Tables that are absent (no IPv6) are empty. */
function readSockets(directory: string): ReadonlyMap<number, SocketEntry> {
  const sockets = new Map<number, SocketEntry>()
  const tables = [
    ['tcp', TCP],
    ['udp', UDP],
    ['udplite', UDP],
    ['icmp', ICMP],
    ['raw', RAW],
  ] as const
  for (const [name, l4proto] of tables) {
    addInet(sockets, parseInetTable(readTable(`${directory}/${name}`)), l4proto, false)
    addInet(sockets, parseInetTable(readTable(`${directory}/${name}6`)), l4proto, true)
  }
  addUnix(sockets, readTable(`${directory}/unix`))
  addNetlink(sockets, readTable(`${directory}/netlink`))
  return sockets
}

/** Of the time, at most so much goes into reading tables again in which a socket was not. */
const SHARE = 0.1
const MIN_AGE_MS = 5

interface Table {
  readonly sockets: ReadonlyMap<number, SocketEntry>
  /** When it may be read again. */
  readonly nextMs: number
}

/** The sockets of each network namespace, read when first asked for, and again, some time later, when one is not among them. */
export class SocketTables {
  readonly #tables: Map<string, Table> = new Map()
  readonly #nowMs: () => number

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /**
   * The socket with this inode that a process has, whose folder is `base` and which lives in the network namespace; undefined when it is of
   * another kind, or connected to nothing. `later`: it may be newer than the table that was read last.
   */
  lookup(base: string, namespace: string, ino: number): SocketEntry | undefined | 'later' {
    const known = this.#tables.get(namespace)
    const socket = known?.sockets.get(ino)
    if (socket !== undefined) return socket
    const startMs = this.#nowMs()
    if (known !== undefined && startMs < known.nextMs) return 'later'
    // Namespaces come and go: what is kept of them is bounded.
    if (this.#tables.size >= MAX_NAMESPACES) this.#tables.clear()
    const sockets = readSockets(`${base}/net`)
    const endMs = this.#nowMs()
    this.#tables.set(namespace, { sockets, nextMs: endMs + Math.max((endMs - startMs) / SHARE, MIN_AGE_MS) })
    return sockets.get(ino)
  }
}

const MAX_NAMESPACES = 256
