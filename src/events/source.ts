import type { ByteText, Ip } from '../values/value.ts'
import type { EventRecord } from './event-record.ts'

/** What every source of events (capture file, NDJSON, live kernel) tells, in this order: the state of the world, then events. */
export interface SourceSink {
  /** The world begins anew (a second capture appended to the first): forget all state; event numbers go on. */
  reset?(): void
  machine(info: MachineInfo): void
  networkInterface(entry: InterfaceEntry): void
  user(entry: UserEntry): void
  group(entry: GroupEntry): void
  process(entry: ProcessEntry): void
  fd(tid: number, entry: FdEntry): void
  /** The record is valid only during the call. `false` stops the source. */
  event(record: EventRecord): boolean
}

export interface MachineInfo {
  readonly cpuCount: number
  readonly memoryBytes: number
  readonly maxPid?: number
  readonly hostname: string
  readonly bootTsNs: bigint
  /** The host's network and mount namespace, as in `tiercel_namespaces` events (`own-event.ts`). */
  readonly namespaces?: string
}

export interface InterfaceEntry {
  readonly name: string
  readonly address: Ip
  readonly netmask: Ip
  readonly broadcast?: Ip
  /** Bits per second; 0 is unknown. */
  readonly linkSpeed?: number | bigint
}

export interface UserEntry {
  readonly uid: number
  readonly gid: number
  readonly name: ByteText
  readonly home: ByteText
  readonly shell: ByteText
}

export interface GroupEntry {
  readonly gid: number
  readonly name: ByteText
}

/** A process list entry (scap-format.md §2); what an older block lacks is left out. 64-bit numbers as in `Scalar`. */
export interface ProcessEntry {
  readonly tid: number
  readonly pid: number
  readonly ptid: number
  readonly sid: number
  readonly vpgid: number
  readonly comm: ByteText
  readonly exe: ByteText
  readonly exepath: ByteText
  readonly args: readonly ByteText[]
  readonly cwd: ByteText
  readonly fdlimit: number
  readonly flags: number
  readonly uid: number
  readonly gid: number
  readonly vmSizeKb: number
  readonly vmRssKb: number
  readonly vmSwapKb: number
  readonly pfMajor: number
  readonly pfMinor: number
  readonly env: readonly ByteText[]
  readonly vtid: number
  readonly vpid: number
  /** `subsystem=path` items. */
  readonly cgroups: readonly ByteText[]
  readonly root: ByteText
  readonly pidnsInitStartTs?: number | bigint
  readonly tty?: number
  readonly loginuid?: number
  readonly exeWritable?: boolean
  readonly capInheritable?: number | bigint
  readonly capPermitted?: number | bigint
  readonly capEffective?: number | bigint
  readonly exeUpperLayer?: boolean
  readonly exeIno?: number | bigint
  readonly exeInoCtime?: number | bigint
  readonly exeInoMtime?: number | bigint
  readonly exeFromMemfd?: boolean
  readonly exeLowerLayer?: boolean
  readonly pgid?: number
  /** Not in captures: the numbers of its network and mount namespace, a blank between; 0 is the host's. */
  readonly namespaces?: string
}

/**
 * An fd list entry; `type` is scap's number (3 ipv4, 4 ipv6, 5/6 listening, 8 unix, 16 file, 1 file, 2 directory, 7 fifo, …). The
 * address of a listening socket is in `dip` and `dport`.
 */
export interface FdEntry {
  readonly fd: number
  readonly ino: number | bigint
  readonly type: number
  readonly name?: ByteText
  readonly openFlags?: number
  readonly dev?: number
  readonly sip?: Ip
  readonly dip?: Ip
  readonly sport?: number
  readonly dport?: number
  /** 0 unknown, 1 n/a, 2 tcp, 3 udp, 4 icmp, 5 raw. */
  readonly l4proto?: number
  readonly unixSource?: number | bigint
  readonly unixDest?: number | bigint
}
