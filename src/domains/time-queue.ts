/** Items by time, earliest first, and in the order in which they came where times are equal: a binary heap. */
export class TimeQueue<T> {
  readonly #heap: Slot<T>[] = []
  #pushed = 0

  get size(): number {
    return this.#heap.length
  }

  /** Time of the earliest item; Infinity when there is none. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY
  }

  push(atMs: number, item: T): void {
    const heap = this.#heap
    const slot = { atMs, order: this.#pushed++, item }
    let i = heap.length
    heap.push(slot)
    while (i > 0) {
      const up = (i - 1) >> 1
      if (!isBefore(slot, heap[up]!)) break
      heap[i] = heap[up]!
      i = up
    }
    heap[i] = slot
  }

  /** Takes out the earliest item when its time is `nowMs` or before. */
  popDue(nowMs: number): T | undefined {
    if (this.nextMs > nowMs) return undefined
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()!
    const size = heap.length
    if (size === 0) return first?.item
    let i = 0
    for (let down = 1; down < size; down = 2 * i + 1) {
      if (down + 1 < size && isBefore(heap[down + 1]!, heap[down]!)) down++
      if (!isBefore(heap[down]!, last)) break
      heap[i] = heap[down]!
      i = down
    }
    heap[i] = last
    return first?.item
  }
}

interface Slot<T> {
  readonly atMs: number
  readonly order: number
  readonly item: T
}

function isBefore<T>(a: Slot<T>, b: Slot<T>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
