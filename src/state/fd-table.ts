/**
 * The open fds of processes. Three things shape this file: most children of a fork replace their program at once, so a fork copies
 * nothing until one side changes something; a process, and all together, may hold only so much; and whoever keeps names of addresses
 * wants to know which addresses have a living connection.
 */
import type { Ip } from '../values/value.ts'
import { type ConnectionEnds, copyFd, type Fd } from './fd.ts'
import { FdSlots } from './fd-slots.ts'

/** More fds than this in one process are counted, not kept. (Falco keeps 4,096.) */
const MAX_FDS = 131_072

/** What all processes together may hold, in units of one fd with a name of less than 256 characters. */
const MAX_UNITS = 524_288
const NAME_UNIT_BITS = 8

/** Told of each address of a connection when it begins (+1) and ends (−1); the sum per address is zero when all fds are closed. */
export type ConnectionListener = (ip: Ip, delta: 1 | -1) => void

/** What the fd tables of a host share: their bound, and who is told of connections. */
export class FdRegistry {
  readonly maxUnits: number
  readonly maxPerProcess: number
  /** Of all fds in all tables; tables that a fork shares count once. */
  units = 0
  /** Fds that found no room. */
  dropped = 0
  /** Of an fd that is added now (`Fd.gap`). */
  gap = 0
  /** Set it when the fds of the start are known (`FdTable.announce`). */
  onConnection: ConnectionListener | undefined = undefined
  #lastOwner = 0

  constructor(options: { readonly maxUnits?: number; readonly maxPerProcess?: number } = {}) {
    this.maxUnits = options.maxUnits ?? MAX_UNITS
    this.maxPerProcess = options.maxPerProcess ?? MAX_FDS
  }

  nextOwner(): number {
    return ++this.#lastOwner
  }

  tell(ends: ConnectionEnds, delta: 1 | -1): void {
    if (this.onConnection === undefined) return
    if (!isUnset(ends.source)) this.onConnection(ends.source, delta)
    if (ends.dest !== ends.source && !isUnset(ends.dest)) this.onConnection(ends.dest, delta)
  }
}

/** The fds that one table has, or several after a fork. */
class FdStore {
  readonly fds: FdSlots
  /** Tables that see it. */
  holders = 1
  /** Mark of the Fd objects that are in no other store, and may be changed in place. */
  owner: number
  units: number
  /** Fds with known ends. */
  connections: number

  constructor(owner: number, from?: FdStore) {
    this.owner = owner
    this.fds = from?.fds.copy() ?? new FdSlots()
    this.units = from?.units ?? 0
    this.connections = from?.connections ?? 0
  }
}

/** The open fds of one process. */
export class FdTable {
  readonly #registry: FdRegistry
  #store: FdStore | undefined = undefined
  #isReleased = false

  constructor(registry: FdRegistry = new FdRegistry()) {
    this.#registry = registry
  }

  get size(): number {
    return this.#store?.fds.size ?? 0
  }

  /** For reading only: the object may be shared with another process. */
  peek(num: number): Fd | undefined {
    return this.#store?.fds.get(num)
  }

  /** An fd that the caller may change; `changed` must be told of new ends or a new name. */
  get(num: number): Fd | undefined {
    const fd = this.#store?.fds.get(num)
    if (fd === undefined) return undefined
    const store = this.#ownStore()
    if (fd.owner === store.owner) return fd
    // Room for the copy of the table may have been short.
    if (store.fds.get(num) === undefined) return undefined
    const own = copyFd(fd, num)
    own.owner = store.owner
    own.units = fd.units
    own.ends = fd.ends
    store.fds.set(own)
    return own
  }

  /** Adds or replaces; false when there is no room. The table owns the object from then on. */
  add(fd: Fd): boolean {
    if (this.#isReleased) return false
    const registry = this.#registry
    const store = this.#ownStore()
    const units = unitsOf(fd)
    const former = store.fds.set(fd)
    if (former !== undefined) this.#drop(store, former)
    if (registry.units + units > registry.maxUnits || store.fds.size > registry.maxPerProcess) {
      store.fds.delete(fd.num)
      registry.dropped++
      return false
    }
    fd.owner = store.owner
    fd.units = units
    fd.gap = registry.gap
    registry.units += units
    store.units += units
    fd.ends = undefined
    if (registry.onConnection !== undefined && fd.isInetSocket) this.#setEnds(store, fd)
    return true
  }

  /** After `get`: the fd has other ends, another type or another name now. */
  changed(fd: Fd): void {
    const store = this.#store
    const registry = this.#registry
    if (store === undefined || fd.owner !== store.owner) return
    const units = unitsOf(fd)
    if (units !== fd.units) {
      // Never refused: a socket's name grows within narrow bounds.
      registry.units += units - fd.units
      store.units += units - fd.units
      fd.units = units
    }
    if (registry.onConnection === undefined) return
    const ends = fd.ends
    if (!fd.isInetSocket) {
      if (ends !== undefined) this.#clearEnds(store, fd, ends)
    } else if (ends === undefined || ends.source !== fd.sip || ends.dest !== fd.dip) {
      // First the new, so that an address that stays never counts as gone.
      this.#setEnds(store, fd)
      if (ends !== undefined) {
        registry.tell(ends, -1)
        store.connections--
      }
    }
  }

  remove(num: number): void {
    let store = this.#store
    if (store === undefined) return
    if (store.holders > 1) {
      if (store.fds.get(num) === undefined) return
      store = this.#leaveShared(store)
    }
    const fd = store.fds.delete(num)
    if (fd !== undefined) this.#drop(store, fd)
  }

  /** Takes out every fd that `isGone` says is closed. */
  removeWhere(isGone: (fd: Fd) => boolean): void {
    const store = this.#store
    if (store === undefined) return
    if (store.holders > 1) {
      if (store.fds.some(isGone)) this.#leaveShared(store, isGone)
      return
    }
    store.fds.some(fd => {
      if (isGone(fd)) {
        this.#drop(store, fd)
        store.fds.delete(fd.num)
      }
      return false
    })
  }

  values(): Iterable<Fd> {
    return this.#store?.fds.values() ?? NO_FDS
  }

  /** Visits all, for reading only, until one gives true, and gives whether one did. */
  some(visit: (fd: Fd) => boolean): boolean {
    return this.#store?.fds.some(visit) ?? false
  }

  /** The child's table: the same fds, from now on apart. */
  fork(): FdTable {
    const child = new FdTable(this.#registry)
    const store = this.#store
    if (store !== undefined && store.fds.size > 0) {
      store.holders++
      child.#store = store
    }
    return child
  }

  /** Tells of the connections there are, when `onConnection` was set after they were added. */
  announce(): void {
    const store = this.#store
    if (store === undefined) return
    store.fds.some(fd => {
      if (fd.isInetSocket && fd.ends === undefined) this.#setEnds(store, fd)
      return false
    })
  }

  /** The process is gone: gives back all it holds. Nothing can be added any more. */
  release(): void {
    this.#isReleased = true
    const store = this.#store
    this.#store = undefined
    if (store === undefined || --store.holders > 0) return
    this.#registry.units -= store.units
    if (store.connections === 0) return
    this.#tellOfAll(store, -1)
  }

  /** The store of this table alone, made when it has none or a shared one. */
  #ownStore(): FdStore {
    const store = this.#store
    if (store === undefined) {
      const own = new FdStore(this.#registry.nextOwner())
      this.#store = own
      return own
    }
    return store.holders === 1 ? store : this.#leaveShared(store)
  }

  /** Leaves a store to its other holders and takes the fds along but those of `isGone`, and those for which there is no room. */
  #leaveShared(shared: FdStore, isGone?: (fd: Fd) => boolean): FdStore {
    const registry = this.#registry
    shared.holders--
    // Its Fd objects are in two stores now, so neither side may change them in place.
    shared.owner = registry.nextOwner()
    const hasRoom = registry.units + shared.units <= registry.maxUnits
    const own = new FdStore(registry.nextOwner(), isGone === undefined && hasRoom ? shared : undefined)
    this.#store = own
    if (isGone === undefined && hasRoom) {
      registry.units += own.units
      if (own.connections > 0) this.#tellOfAll(own, 1)
      return own
    }
    shared.fds.some(fd => {
      if (isGone?.(fd) === true) return false
      if (registry.units + fd.units > registry.maxUnits) {
        registry.dropped++
        return false
      }
      own.fds.set(fd)
      own.units += fd.units
      registry.units += fd.units
      if (fd.ends !== undefined) {
        own.connections++
        registry.tell(fd.ends, 1)
      }
      return false
    })
    return own
  }

  #tellOfAll(store: FdStore, delta: 1 | -1): void {
    store.fds.some(fd => {
      if (fd.ends !== undefined) this.#registry.tell(fd.ends, delta)
      return false
    })
  }

  #drop(store: FdStore, fd: Fd): void {
    this.#registry.units -= fd.units
    store.units -= fd.units
    // Whoever still has it, the event for one, can no longer change what the store counts.
    if (fd.owner === store.owner) fd.owner = 0
    if (fd.ends === undefined) return
    store.connections--
    this.#registry.tell(fd.ends, -1)
  }

  #setEnds(store: FdStore, fd: Fd): void {
    const { sip, dip } = fd
    fd.ends = undefined
    if (sip === undefined || dip === undefined || (isUnset(sip) && isUnset(dip))) return
    fd.ends = { source: sip, dest: dip }
    store.connections++
    this.#registry.tell(fd.ends, 1)
  }

  #clearEnds(store: FdStore, fd: Fd, ends: ConnectionEnds): void {
    fd.ends = undefined
    store.connections--
    this.#registry.tell(ends, -1)
  }
}

const NO_FDS: readonly Fd[] = []

const ZERO6 = '\0'.repeat(16)

function isUnset(ip: Ip): boolean {
  return ip === 0 || ip === ZERO6
}

/** How much room an fd takes: long names count, so that no paths of 4,096 bytes fill the memory. */
function unitsOf(fd: Fd): number {
  return 1 + ((fd.name.length + fd.nameRaw.length) >> NAME_UNIT_BITS)
}
