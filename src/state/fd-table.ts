import { copyFd, type Fd } from './fd.ts'

/** More fds than this in one process are counted, not kept. (Falco keeps 4,096.) */
const MAX_FDS = 131_072

/**
 * The open fds of one process. A fork shares the table until one side changes it (`fork`), because most children replace their program
 * at once and copying hundreds of fds for each would be the most expensive thing the state does.
 */
export class FdTable {
  #fds: Map<number, Fd>
  /** Whether another table may hold the same map and the same Fd objects. */
  #isShared = false

  constructor(fds: Map<number, Fd> = new Map()) {
    this.#fds = fds
  }

  get size(): number {
    return this.#fds.size
  }

  /** For reading only: the object may be shared with another process. */
  peek(num: number): Fd | undefined {
    return this.#fds.get(num)
  }

  /** An fd that the caller may change. */
  get(num: number): Fd | undefined {
    const fd = this.#fds.get(num)
    if (fd === undefined || !this.#isShared) return fd
    this.#own()
    return this.#fds.get(num)
  }

  /** Adds or replaces; false when the table is full. */
  add(fd: Fd): boolean {
    if (this.#isShared) this.#own()
    if (this.#fds.size >= MAX_FDS && !this.#fds.has(fd.num)) return false
    this.#fds.set(fd.num, fd)
    return true
  }

  remove(num: number): void {
    if (!this.#fds.has(num)) return
    if (this.#isShared) this.#own()
    this.#fds.delete(num)
  }

  /** Takes out every fd that `isGone` says is closed. */
  removeWhere(isGone: (fd: Fd) => boolean): void {
    for (const fd of [...this.#fds.values()]) if (isGone(fd)) this.remove(fd.num)
  }

  values(): IterableIterator<Fd> {
    return this.#fds.values()
  }

  /** The child's table: the same fds, from now on apart. */
  fork(): FdTable {
    this.#isShared = true
    const child = new FdTable(this.#fds)
    child.#isShared = true
    return child
  }

  #own(): void {
    const own = new Map<number, Fd>()
    for (const fd of this.#fds.values()) own.set(fd.num, copyFd(fd, fd.num))
    this.#fds = own
    this.#isShared = false
  }
}
