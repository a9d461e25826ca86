import { TimeQueue } from './time-queue.ts'

const BUCKET_MS = 1000

/**
 * Items by when they are due, to the second after, for items that are often taken out before: nothing is left of those, so it never holds more
 * than what is in it. Each item is in it once.
 */
export class TimeBuckets<T> {
  readonly #buckets: Map<number, Set<T>> = new Map()
  /** Numbers of buckets, also of some that are empty by now. */
  readonly #order: TimeQueue<number> = new TimeQueue()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Where the item is from now on: what `delete` needs. `atMs` is finite. */
  add(atMs: number, item: T): number {
    const number = Math.ceil(atMs / BUCKET_MS)
    let bucket = this.#buckets.get(number)
    if (bucket === undefined) {
      bucket = new Set()
      this.#buckets.set(number, bucket)
      this.#order.push(number * BUCKET_MS, number)
    }
    bucket.add(item)
    this.#size++
    return number
  }

  /** Takes out the item that `add` put into that bucket. */
  delete(number: number, item: T): void {
    // An empty bucket stays for what comes next, until its time.
    if (this.#buckets.get(number)?.delete(item) === true) this.#size--
  }

  /** Takes out an item that is due; undefined when none is. */
  popDue(nowMs: number): T | undefined {
    while (this.#order.nextMs <= nowMs) {
      const number = Math.ceil(this.#order.nextMs / BUCKET_MS)
      const bucket = this.#buckets.get(number)!
      for (const item of bucket) {
        bucket.delete(item)
        this.#size--
        return item
      }
      this.#buckets.delete(number)
      this.#order.popDue(nowMs)
    }
    return undefined
  }
}
