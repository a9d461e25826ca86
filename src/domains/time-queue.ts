/** Items by time, earliest first: a binary heap. Items of one time come out in no certain order. */
export class TimeQueue<T> {
  readonly #times: number[] = []
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  /** Time of the earliest item; Infinity when there is none. */
  get nextMs(): number {
    return this.#times[0] ?? Number.POSITIVE_INFINITY
  }

  push(atMs: number, item: T): void {
    let i = this.#items.length
    this.#times.push(atMs)
    this.#items.push(item)
    while (i > 0) {
      const up = (i - 1) >> 1
      if (this.#times[up]! <= atMs) break
      this.#times[i] = this.#times[up]!
      this.#items[i] = this.#items[up]!
      i = up
    }
    this.#times[i] = atMs
    this.#items[i] = item
  }

  /** Takes out the earliest item when its time is `nowMs` or before. */
  popDue(nowMs: number): T | undefined {
    if (this.nextMs > nowMs) return undefined
    const first = this.#items[0]
    const lastMs = this.#times.pop()!
    const last = this.#items.pop()!
    const size = this.#items.length
    if (size === 0) return first
    let i = 0
    for (let down = 1; down < size; down = 2 * i + 1) {
      if (down + 1 < size && this.#times[down + 1]! < this.#times[down]!) down++
      if (this.#times[down]! >= lastMs) break
      this.#times[i] = this.#times[down]!
      this.#items[i] = this.#items[down]!
      i = down
    }
    this.#times[i] = lastMs
    this.#items[i] = last
    return first
  }
}
