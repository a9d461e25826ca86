import type { Fd } from './fd.ts'

/** So many slots cost nothing to speak of; beyond, at least half of them must be in use when one is added. */
const FREE_SLOTS = 64

/** The array is made anew when it has this many slots for each fd that is left. */
const MAX_SLOTS_PER_FD = 8
const MIN_SHRINKABLE = 1024

/**
 * Fds by number, a whole one. The kernel gives the lowest free number, so an array holds nearly all of them, which is several times
 * faster than a map; numbers far beyond the rest are in one.
 */
export class FdSlots {
  #low: (Fd | undefined)[] = []
  #high: Map<number, Fd> | undefined = undefined
  size = 0

  /** Slots in use and free ones: how much memory it takes. */
  get capacity(): number {
    return this.#low.length + (this.#high?.size ?? 0)
  }

  get(num: number): Fd | undefined {
    if (num >= 0 && num < this.#low.length) {
      const fd = this.#low[num]
      if (fd !== undefined) return fd
    }
    return this.#high?.get(num)
  }

  /** Puts it at its number; what was there before. */
  set(fd: Fd): Fd | undefined {
    const { num } = fd
    const low = this.#low
    const high = this.#high
    if (high !== undefined) {
      const former = high.get(num)
      if (former !== undefined) {
        high.set(num, fd)
        return former
      }
    }
    if (num >= 0 && num < low.length) {
      const former = low[num]
      low[num] = fd
      if (former === undefined) this.size++
      return former
    }
    this.size++
    if (num >= 0 && num < FREE_SLOTS + 2 * this.size) {
      while (low.length < num) low.push(undefined)
      low.push(fd)
    } else if (high === undefined) {
      this.#high = new Map([[num, fd]])
    } else {
      high.set(num, fd)
    }
    return undefined
  }

  delete(num: number): Fd | undefined {
    const low = this.#low
    if (num >= 0 && num < low.length) {
      const fd = low[num]
      if (fd !== undefined) {
        low[num] = undefined
        this.size--
        if (low.length > MIN_SHRINKABLE && low.length > MAX_SLOTS_PER_FD * this.size) this.#shrink()
        return fd
      }
    }
    const fd = this.#high?.get(num)
    if (fd === undefined) return undefined
    this.#high?.delete(num)
    this.size--
    return fd
  }

  /** Visits all until one gives true, and gives whether one did. What is visited may be deleted or replaced. */
  some(visit: (fd: Fd) => boolean): boolean {
    const low = this.#low
    for (let i = 0; i < low.length; i++) {
      const fd = low[i]
      if (fd !== undefined && visit(fd)) return true
    }
    if (this.#high === undefined) return false
    for (const fd of this.#high.values()) if (visit(fd)) return true
    return false
  }

  *values(): Iterable<Fd> {
    for (const fd of this.#low) if (fd !== undefined) yield fd
    if (this.#high !== undefined) yield* this.#high.values()
  }

  /** The same objects. */
  copy(): FdSlots {
    const copy = new FdSlots()
    copy.#low = this.#low.slice()
    if (this.#high !== undefined && this.#high.size > 0) copy.#high = new Map(this.#high)
    copy.size = this.size
    return copy
  }

  #shrink(): void {
    const former = this.#low
    this.#low = []
    this.size = this.#high?.size ?? 0
    for (const fd of former) if (fd !== undefined) this.set(fd)
  }
}
