/**
 * Entries of the lists before the events: processes, fds, interfaces, users. Each reader takes one entry from a cursor that ends with
 * the entry (lists that carry entry lengths) or with the block. Fields that an older writer did not know get libscap's defaults.
 */
import type { FdEntry, GroupEntry, InterfaceEntry, MachineInfo, ProcessEntry, UserEntry } from '../source.ts'
import type { ByteCursor } from './byte-cursor.ts'
import { ScapFd } from './capture-format.ts'

/** Bytes of a machine info block's body that hold something. */
export const MACHINE_INFO_BYTES = 180
const HOSTNAME_BYTES = 128

/** u32 CPUs, u64 memory, u64 maximal pid, hostname, u64 boot time. */
export function readMachineInfo(c: ByteCursor): MachineInfo {
  const cpuCount = c.u32()
  const memoryBytes = Number(c.u64())
  const maxPid = Number(c.u64())
  const hostname = c.text(HOSTNAME_BYTES)
  return { cpuCount, memoryBytes, maxPid, hostname, bootTsNs: BigInt(c.u64()) }
}

/** One process. Tail fields are present as far as the entry goes (version 9). */
export function readProcess(c: ByteCursor, version: number): ProcessEntry {
  const head = { tid: c.id(), pid: c.id(), ptid: c.id() }
  const sid = version >= 6 ? c.id() : -1
  const vpgid = version >= 8 ? c.id() : -1
  const comm = c.shortText()
  const exe = c.shortText()
  const exepath = version >= 7 ? c.shortText() : ''
  const args = c.shortStrings()
  const cwd = c.shortText()
  const fdlimit = c.id()
  const flags = c.u32()
  const uid = c.u32()
  const gid = c.u32()
  const hasMemory = version >= 2
  const vmSizeKb = hasMemory ? c.u32() : 0
  const vmRssKb = hasMemory ? c.u32() : 0
  const vmSwapKb = hasMemory ? c.u32() : 0
  const pfMajor = hasMemory ? Number(c.u64()) : 0
  const pfMinor = hasMemory ? Number(c.u64()) : 0
  const env = version >= 3 ? c.shortStrings() : []
  const vtid = version >= 4 ? c.id() : -1
  const vpid = version >= 4 ? c.id() : -1
  const cgroups = version >= 4 ? c.shortStrings() : []
  const root = version >= 5 ? c.shortText() : ''
  const entry: Mutable<ProcessEntry> = {
    ...head,
    sid,
    vpgid,
    comm,
    exe,
    exepath,
    args,
    cwd,
    fdlimit,
    flags,
    uid,
    gid,
    vmSizeKb,
    vmRssKb,
    vmSwapKb,
    pfMajor,
    pfMinor,
    env,
    vtid,
    vpid,
    cgroups,
    root,
  }
  if (version >= 9 && !c.isShort) readProcessTail(c, entry)
  return entry
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Bytes from loginuid to cap_effective: all that writers before 0.10 appended. */
const TAIL_BEFORE_0_10 = 29

function readProcessTail(c: ByteCursor, p: Mutable<ProcessEntry>): void {
  // 0.10 put two fields in front of those that were already appended; the length tells the layouts apart.
  if (c.has(TAIL_BEFORE_0_10 + 1)) {
    if (c.has(8)) p.pidnsInitStartTs = c.u64()
    if (c.has(4)) p.tty = c.u32()
  }
  if (c.has(4)) p.loginuid = c.u32()
  if (c.has(1)) p.exeWritable = c.u8() !== 0
  if (c.has(8)) p.capInheritable = c.u64()
  if (c.has(8)) p.capPermitted = c.u64()
  if (c.has(8)) p.capEffective = c.u64()
  if (c.has(1)) p.exeUpperLayer = c.u8() !== 0
  if (c.has(8)) p.exeIno = c.u64()
  if (c.has(8)) p.exeInoCtime = c.u64()
  if (c.has(8)) p.exeInoMtime = c.u64()
  if (c.has(1)) p.exeFromMemfd = c.u8() !== 0
  if (c.has(1)) p.exeLowerLayer = c.u8() !== 0
  if (c.has(8)) p.pgid = c.id()
}

/**
 * One fd; undefined for a type this reader does not know, which only a list with entry lengths can go past. A listening socket's
 * address is its destination: `dip`, `dport`.
 */
export function readFd(c: ByteCursor, version: number): FdEntry | undefined {
  const fd = c.id()
  const ino = c.u64()
  const type = c.u8()
  switch (type) {
    case ScapFd.ipv4: {
      const sip = c.ipv4()
      const dip = c.ipv4()
      return { fd, ino, type, sip, dip, sport: c.u16(), dport: c.u16(), l4proto: c.u8() }
    }
    case ScapFd.ipv6: {
      const sip = c.ipv6()
      const dip = c.ipv6()
      return { fd, ino, type, sip, dip, sport: c.u16(), dport: c.u16(), l4proto: c.u8() }
    }
    case ScapFd.ipv4Listening:
      return { fd, ino, type, dip: c.ipv4(), dport: c.u16(), l4proto: c.u8() }
    case ScapFd.ipv6Listening:
      return { fd, ino, type, dip: c.ipv6(), dport: c.u16(), l4proto: c.u8() }
    case ScapFd.unix: {
      const unixSource = c.u64()
      const unixDest = c.u64()
      return { fd, ino, type, unixSource, unixDest, name: c.shortText() }
    }
    case ScapFd.fileV2: {
      const openFlags = c.u32()
      const name = c.shortText()
      return { fd, ino, type, openFlags, name, ...(version >= 2 && c.has(4) && { dev: c.u32() }) }
    }
    default:
      return type >= ScapFd.file && type <= ScapFd.last ? { fd, ino, type, name: c.shortText() } : undefined
  }
}

/** One address of an interface; undefined for an unknown kind. Versions differ in the entry length alone, which the caller reads. */
export function readInterface(c: ByteCursor): InterfaceEntry | undefined {
  const type = c.u16()
  const nameLength = c.u16()
  const isV4 = type === 1 || type === 3
  if (!isV4 && type !== 2 && type !== 4) return undefined
  const address = isV4 ? c.ipv4() : c.ipv6()
  const netmask = isV4 ? c.ipv4() : c.ipv6()
  const broadcast = isV4 ? c.ipv4() : c.ipv6()
  const linkSpeed = type <= 2 ? c.u64() : 0
  return { name: c.text(nameLength), address, netmask, broadcast, linkSpeed }
}

export type AccountEntry = { readonly user: UserEntry } | { readonly group: GroupEntry }

/** One user (kind 0) or group (any other kind). */
export function readAccount(c: ByteCursor): AccountEntry {
  if (c.u8() !== 0) return { group: { gid: c.u32(), name: c.shortText() } }
  const uid = c.u32()
  const gid = c.u32()
  const name = c.shortText()
  const home = c.shortText()
  return { user: { uid, gid, name, home, shell: c.shortText() } }
}
