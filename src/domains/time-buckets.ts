import { TimeQueue } from './time-queue.ts'

const BUCKET_MS = 1000

/** What an item must have for it; for `TimeBuckets` alone. */
export interface Timed<T> {
  /** Number of its bucket; −1: it is in none. */
  bucket: number
  /** Its neighbours in the bucket. */
  sooner: T | undefined
  later: T | undefined
}

/**
 * Items by when they are due, to the second after, for items that are often taken out before: nothing is left of those, so it never holds more
 * than what is in it. Lists through the items themselves: a set for each second costs more than all else that is done with an item.
 */
export class TimeBuckets<T extends Timed<T>> {
  /** The item of each that came last. */
  readonly #buckets: Map<number, { last: T | undefined }> = new Map()
  /** Numbers of buckets, also of some that are empty by now. */
  readonly #order: TimeQueue<number> = new TimeQueue()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Takes in an item that is in none. `atMs` is finite. */
  add(atMs: number, item: T): void {
    const number = Math.ceil(atMs / BUCKET_MS)
    let bucket = this.#buckets.get(number)
    if (bucket === undefined) {
      bucket = { last: undefined }
      this.#buckets.set(number, bucket)
      this.#order.push(number * BUCKET_MS, number)
    }
    const { last } = bucket
    if (last !== undefined) last.later = item
    item.sooner = last
    item.bucket = number
    bucket.last = item
    this.#size++
  }

  /** Takes out an item, if it is in one. */
  delete(item: T): void {
    if (item.bucket < 0) return
    const { sooner, later } = item
    // An empty bucket stays for what comes next, until its time.
    if (later === undefined) this.#buckets.get(item.bucket)!.last = sooner
    else later.sooner = sooner
    if (sooner !== undefined) sooner.later = later
    item.sooner = undefined
    item.later = undefined
    item.bucket = -1
    this.#size--
  }

  /** Takes out an item that is due; undefined when none is. */
  popDue(nowMs: number): T | undefined {
    while (this.#order.nextMs <= nowMs) {
      const number = Math.ceil(this.#order.nextMs / BUCKET_MS)
      const item = this.#buckets.get(number)!.last
      if (item !== undefined) {
        this.delete(item)
        return item
      }
      this.#buckets.delete(number)
      this.#order.popDue(nowMs)
    }
    return undefined
  }
}
