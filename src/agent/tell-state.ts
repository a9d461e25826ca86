/** The state as a source would tell it: for a capture that begins in the middle of things. */
import { makeGroupAdded, makeUserAdded } from '../events/accounts.ts'
import { makeOwnEvent } from '../events/own-event.ts'
import type {
  FdEntry,
  GroupEntry,
  InterfaceEntry,
  MachineInfo,
  ProcessEntry,
  SourceSink,
  UserEntry,
} from '../events/source.ts'
import { type Fd, FdType } from '../state/fd.ts'
import type { HostState } from '../state/host-state.ts'
import type { Thread } from '../state/thread.ts'

/** What a source told at its start that the state does not keep as it was told. */
export interface WorldFacts {
  readonly machine: MachineInfo | undefined
  readonly interfaces: readonly InterfaceEntry[]
  readonly users: readonly UserEntry[]
  readonly groups: readonly GroupEntry[]
}

/**
 * Tells namespaces where they are not the host's, as events at the end of a list of processes; first those of the host.
 * Gives nothing where the host's are not known.
 */
function tellNamespaces(state: HostState, threads: readonly Thread[], sink: SourceSink): void {
  const { hostNetns, hostMntns } = state
  if (hostNetns === 0) return
  const tell = (tid: number, net: number, mnt: number, netUid: number, mntUid: number): void => {
    const data = `${net} ${mnt} ${netUid} ${mntUid}`
    sink.event(makeOwnEvent({ name: 'tiercel_namespaces', data, tid, tsNs: state.current.rec.tsNs }))
  }
  tell(1, hostNetns, hostMntns, 0, 0)
  for (const { tid, netns, mntns, netnsUid, mntnsUid } of threads) {
    if (tid !== 1 && (netns !== 0 || mntns !== 0)) tell(tid, netns || hostNetns, mntns || hostMntns, netnsUid, mntnsUid)
  }
}

/** Tells `sink` the facts and all threads and fds that are known, parents before children where possible. */
export function tellState(state: HostState, facts: WorldFacts, sink: SourceSink): void {
  if (facts.machine !== undefined) sink.machine(facts.machine)
  for (const entry of facts.interfaces) sink.networkInterface(entry)
  for (const entry of facts.users) sink.user(entry)
  for (const entry of facts.groups) sink.group(entry)
  const threads = [...state.threads.values()].filter(thread => !thread.isInvented && !thread.isDead)
  for (const thread of threads) sink.process(processEntry(state, thread))
  for (const thread of threads) {
    if (!thread.isMainThread) continue
    for (const fd of thread.fds.values()) {
      const entry = fdEntry(fd)
      if (entry !== undefined) sink.fd(thread.tid, entry)
    }
  }
  const { tsNs } = state.current.rec
  for (const { containerId, users, groups } of state.containerAccounts()) {
    for (const user of users) sink.event(makeUserAdded(user, containerId, tsNs))
    for (const group of groups) sink.event(makeGroupAdded(group, containerId, tsNs))
  }
  tellNamespaces(state, threads, sink)
}

function processEntry(state: HostState, t: Thread): ProcessEntry {
  return {
    tid: t.tid,
    pid: t.pid,
    ptid: t.ptid,
    sid: t.sid,
    vpgid: t.vpgid,
    pgid: t.pgid,
    comm: t.comm,
    exe: t.exe,
    exepath: t.exepath,
    args: t.args,
    cwd: state.cwdOf(t),
    fdlimit: Number(t.fdlimit),
    flags: t.flags,
    uid: t.uid,
    gid: t.gid,
    vmSizeKb: t.vmSizeKb,
    vmRssKb: t.vmRssKb,
    vmSwapKb: t.vmSwapKb,
    pfMajor: Number(t.pfMajor),
    pfMinor: Number(t.pfMinor),
    env: state.envOf(t),
    vtid: t.vtid,
    vpid: t.vpid,
    cgroups: t.cgroups,
    root: t.root,
    pidnsInitStartTs: t.pidnsInitStartTs,
    tty: t.tty,
    loginuid: t.loginuid,
    exeWritable: t.exeWritable,
    exeUpperLayer: t.exeUpperLayer,
    exeLowerLayer: t.exeLowerLayer,
    exeFromMemfd: t.exeFromMemfd,
    capInheritable: t.capInheritable,
    capPermitted: t.capPermitted,
    capEffective: t.capEffective,
    exeIno: t.exeIno,
    exeInoCtime: t.exeInoCtime,
    exeInoMtime: t.exeInoMtime,
  }
}

/** As a process list has it; undefined for what none can have. */
function fdEntry(fd: Fd): FdEntry | undefined {
  const base = { fd: fd.num, ino: fd.ino }
  switch (fd.type) {
    case FdType.ipv4:
    case FdType.ipv6: {
      if (fd.sip === undefined || fd.dip === undefined) return undefined
      // A list has the own address first; here the client's is.
      const isSwapped = fd.isServer
      return {
        ...base,
        type: fd.type,
        sip: isSwapped ? fd.dip : fd.sip,
        dip: isSwapped ? fd.sip : fd.dip,
        sport: isSwapped ? fd.dport : fd.sport,
        dport: isSwapped ? fd.sport : fd.dport,
        l4proto: fd.l4proto,
      }
    }
    case FdType.ipv4Listening:
    case FdType.ipv6Listening:
      if (fd.sip === undefined) return undefined
      return { ...base, type: fd.type, dip: fd.sip, dport: fd.sport, l4proto: fd.l4proto }
    case FdType.unix:
      return { ...base, type: fd.type, name: fd.name, unixSource: fd.unixSource, unixDest: fd.unixDest }
    case FdType.file:
      return { ...base, type: FdType.fileV2, name: fd.name, openFlags: fd.openFlags, dev: fd.dev }
    case FdType.unknown:
    case FdType.uninitialised:
      return undefined
    default:
      return { ...base, type: fd.type, name: fd.name }
  }
}
