/** Entries of the lists before the events, as the current writer of Falco lays them out: the inverse of `read-state-entries.ts`. */
import type { FdEntry, GroupEntry, InterfaceEntry, MachineInfo, ProcessEntry, UserEntry } from '../source.ts'
import type { ByteWriter } from '../byte-writer.ts'
import { ScapFd } from './capture-format.ts'

/** libscap refuses longer texts and lists. */
const MAX_PATH = 1023
const MAX_LIST = 4095
const MAX_ACCOUNT_TEXT = 255
const HOSTNAME_BYTES = 128
const NO_LOGINUID = 0xffffffff

export function writeMachineInfo(w: ByteWriter, info: MachineInfo): void {
  w.u32(info.cpuCount)
  w.u64(info.memoryBytes)
  w.u64(info.maxPid ?? 0)
  const name = info.hostname.slice(0, HOSTNAME_BYTES - 1)
  w.text(name)
  w.zeros(HOSTNAME_BYTES - name.length)
  w.u64(info.bootTsNs)
  w.zeros(24)
}

/** Writes one entry whose first u32 is its own length, `offset` bytes of which are not counted. */
function withLength(w: ByteWriter, offset: number, body: () => void): void {
  const at = w.length
  w.u32(0)
  body()
  w.setU32(at, w.length - at - offset)
}

/** A process in version 9 of the list. */
export function writeProcess(w: ByteWriter, p: ProcessEntry): void {
  withLength(w, 0, () => {
    w.u64(p.tid)
    w.u64(p.pid)
    w.u64(p.ptid)
    w.u64(p.sid)
    w.u64(p.vpgid)
    w.shortText(p.comm, MAX_PATH)
    w.shortText(p.exe, MAX_PATH)
    w.shortText(p.exepath, MAX_PATH)
    w.shortStrings(p.args, MAX_LIST)
    w.shortText(p.cwd, MAX_PATH)
    w.u64(p.fdlimit)
    w.u32(p.flags)
    w.u32(p.uid)
    w.u32(p.gid)
    w.u32(p.vmSizeKb)
    w.u32(p.vmRssKb)
    w.u32(p.vmSwapKb)
    w.u64(p.pfMajor)
    w.u64(p.pfMinor)
    w.shortStrings(p.env, MAX_LIST)
    w.u64(p.vtid)
    w.u64(p.vpid)
    w.shortStrings(p.cgroups, MAX_LIST)
    w.shortText(p.root, MAX_PATH)
    // The rest is positional: whoever has one has all of them.
    w.u64(p.pidnsInitStartTs ?? 0)
    w.u32(p.tty ?? 0)
    w.u32(p.loginuid ?? NO_LOGINUID)
    w.u8(p.exeWritable === true ? 1 : 0)
    w.u64(p.capInheritable ?? 0)
    w.u64(p.capPermitted ?? 0)
    w.u64(p.capEffective ?? 0)
    w.u8(p.exeUpperLayer === true ? 1 : 0)
    w.u64(p.exeIno ?? 0)
    w.u64(p.exeInoCtime ?? 0)
    w.u64(p.exeInoMtime ?? 0)
    w.u8(p.exeFromMemfd === true ? 1 : 0)
    w.u8(p.exeLowerLayer === true ? 1 : 0)
    if (p.pgid !== undefined) w.u64(p.pgid)
  })
}

/** An fd in version 2 of the list. */
export function writeFd(w: ByteWriter, f: FdEntry): void {
  withLength(w, 0, () => {
    w.u64(f.fd)
    w.u64(f.ino)
    w.u8(f.type)
    switch (f.type) {
      case ScapFd.ipv4:
        w.ipv4(f.sip)
        w.ipv4(f.dip)
        w.u16(f.sport ?? 0)
        w.u16(f.dport ?? 0)
        w.u8(f.l4proto ?? 0)
        break
      case ScapFd.ipv6:
        w.ipv6(f.sip)
        w.ipv6(f.dip)
        w.u16(f.sport ?? 0)
        w.u16(f.dport ?? 0)
        w.u8(f.l4proto ?? 0)
        break
      case ScapFd.ipv4Listening:
        w.ipv4(f.dip)
        w.u16(f.dport ?? 0)
        w.u8(f.l4proto ?? 0)
        break
      case ScapFd.ipv6Listening:
        w.ipv6(f.dip)
        w.u16(f.dport ?? 0)
        w.u8(f.l4proto ?? 0)
        break
      case ScapFd.unix:
        w.u64(f.unixSource ?? 0)
        w.u64(f.unixDest ?? 0)
        w.shortText(f.name ?? '', MAX_PATH)
        break
      case ScapFd.fileV2:
        w.u32(f.openFlags ?? 0)
        w.shortText(f.name ?? '', MAX_PATH)
        if (f.dev !== undefined) w.u32(f.dev)
        break
      default:
        w.shortText(f.name ?? '', MAX_PATH)
    }
  })
}

export function writeInterface(w: ByteWriter, entry: InterfaceEntry): void {
  // This list's entries do not count their length field.
  withLength(w, 4, () => {
    const isV4 = typeof entry.address === 'number'
    const name = entry.name.slice(0, MAX_PATH)
    w.u16(isV4 ? 1 : 2)
    w.u16(name.length)
    for (const ip of [entry.address, entry.netmask, entry.broadcast]) {
      if (isV4) w.ipv4(ip)
      else w.ipv6(ip)
    }
    w.u64(entry.linkSpeed ?? 0)
    w.text(name)
  })
}

export function writeUser(w: ByteWriter, user: UserEntry): void {
  withLength(w, 0, () => {
    w.u8(0)
    w.u32(user.uid)
    w.u32(user.gid)
    w.shortText(user.name, MAX_ACCOUNT_TEXT)
    w.shortText(user.home, MAX_ACCOUNT_TEXT)
    w.shortText(user.shell, MAX_ACCOUNT_TEXT)
  })
}

export function writeGroup(w: ByteWriter, group: GroupEntry): void {
  withLength(w, 0, () => {
    w.u8(1)
    w.u32(group.gid)
    w.shortText(group.name, MAX_ACCOUNT_TEXT)
  })
}
