/**
 * What a live agent does about events that it did not get: at the first event after a gap everything known is in doubt, and each thread
 * and fd is compared with the system when the next event uses it, not before. So a gap costs what is used after it, in small pieces, and
 * what is wrong does not stay wrong. Unknown threads and fds are asked for in the same way: those that are not told of yet at the start,
 * those whose making was lost, fds that came by other ways than calls (SCM_RIGHTS, io_uring).
 */
import type { EventRecord } from '../events/event-record.ts'
import type { FdEntry, ProcessEntry } from '../events/source.ts'
import { type Fd, FdType } from './fd.ts'
import type { FdTable } from './fd-table.ts'
import type { HostState } from './host-state.ts'
import type { Thread } from './thread.ts'

/**
 * The system as it is now. `undefined`: there is no such thread or fd. `later`: too much was asked lately, ask again with the next event.
 * Must not throw.
 */
export interface HostLookup {
  process(tid: number): ProcessEntry | undefined | 'later'
  fd(pid: number, fd: number): FdEntry | undefined | 'later'
}

/** No chain of parents is followed further at once. */
const MAX_ANCESTORS = 256
const EINPROGRESS = -115

export class Repair {
  /** Counts the gaps: what is known since an earlier number is in doubt. */
  gap = 0
  readonly counters = { gaps: 0, lookedUpThreads: 0, lookedUpFds: 0, deferredLookups: 0 }
  readonly #state: HostState
  readonly #lookup: HostLookup | undefined
  #isBusy = false

  constructor(state: HostState, lookup: HostLookup | undefined) {
    this.#state = state
    this.#lookup = lookup
  }

  get isOn(): boolean {
    return this.#lookup !== undefined
  }

  /** Events were missed before the next one. */
  noteGap(): void {
    this.counters.gaps++
    if (this.#lookup === undefined) return
    this.gap++
    const { table } = this.#state
    table.gap = this.gap
    table.fds.gap = this.gap
  }

  /** Brings a thread, and those it descends from, up to date, or in. True when it is still not known, but may be later. */
  thread(tid: number): boolean {
    if (this.#lookup === undefined) return false
    // Linking what is found asks for its parent, who is on the way already.
    if (this.#isBusy) return true
    const { table } = this.#state
    const found: ProcessEntry[] = []
    let isDeferred = false
    for (let at = tid; at > 0 && found.length < MAX_ANCESTORS; ) {
      const known = table.get(at)
      if (known !== undefined && !known.isInvented && known.gap === this.gap) break
      const entry = this.#lookup.process(at)
      if (entry === 'later') {
        isDeferred = true
        this.counters.deferredLookups++
        break
      }
      if (entry === undefined) {
        // Gone by now: what events said of it is all there will ever be.
        if (known !== undefined) known.gap = this.gap
        break
      }
      found.push(entry)
      at = entry.tid === entry.pid ? entry.ptid : entry.pid
    }
    this.#isBusy = true
    for (const entry of found.reverse()) this.#state.takeProcess(entry)
    this.#isBusy = false
    this.counters.lookedUpThreads += found.length
    return isDeferred && found.length === 0
  }

  /** Events, by code, whose unknown fds are not asked for: files that the source left out, because nobody needs them. */
  passesOver: Uint8Array | undefined = undefined

  /** Whether an fd that is not known is worth a question: the call used it, and did not close it. */
  isUsed(rec: EventRecord): boolean {
    if (this.passesOver?.[rec.type] === 1) return false
    if (rec.info.name === 'close' || rec.paramCount === 0 || rec.paramLen[0] !== 8) return false
    const at = rec.paramAt[0]!
    return rec.view.getInt32(at + 4, true) >= 0 || rec.view.getInt32(at, true) === EINPROGRESS
  }

  /** The fd as the system says, which is `known` when that is still right. */
  fd(thread: Thread, fds: FdTable, num: number, known: Fd | undefined): Fd | undefined {
    if (this.#lookup === undefined) return known
    const entry = this.#lookup.fd(thread.tid, num)
    if (entry === 'later') {
      this.counters.deferredLookups++
      return known
    }
    this.counters.lookedUpFds++
    // Closed by now, which an event to come may tell: until then what is known is the better guess.
    if (entry === undefined || (known !== undefined && isSame(known, entry))) {
      if (known !== undefined) known.gap = this.gap
      return known
    }
    const fd = this.#state.takeFd(fds, entry, true)
    if (fd === undefined) fds.remove(num)
    return fd
  }
}

/** Whether an entry speaks of the fd that is known; of sockets, either end may be first. */
function isSame(fd: Fd, entry: FdEntry): boolean {
  switch (entry.type) {
    case FdType.ipv4:
    case FdType.ipv6: {
      if (!fd.isInetSocket) return false
      // A v4-mapped address is a text in the one and a number in the other: then the ports must do.
      const isMixed = typeof entry.dip !== typeof fd.dip
      return (
        (entry.sport === fd.sport && entry.dport === fd.dport && (isMixed || entry.dip === fd.dip)) ||
        (entry.sport === fd.dport && entry.dport === fd.sport && (isMixed || entry.dip === fd.sip))
      )
    }
    case FdType.ipv4Listening:
    case FdType.ipv6Listening:
      return fd.sport === entry.dport
    case FdType.unsupported:
      // A socket that is in no table, as one that is not bound yet.
      return isSocket(fd) || fd.type === entry.type
    case FdType.file:
    case FdType.fileV2:
    case FdType.directory:
      return (fd.type === FdType.file || fd.type === FdType.directory) && fd.name === entry.name
    default:
      return fd.type === entry.type
  }
}

function isSocket(fd: Fd): boolean {
  return fd.type >= FdType.ipv4 && fd.type <= FdType.unix && fd.type !== FdType.fifo
}
