/** What came of a stream so far, in memory that grows by doubling, so that bytes which come one by one are not copied for each. */
export class GatheredBytes {
  /** `bytes[0, size)`; what is behind is room. */
  bytes: Buffer = NO_BYTES
  size = 0

  /** Adds `bytes[at, end)`; gives by how much the memory grew. */
  append(bytes: Buffer, at: number, end: number): number {
    const size = this.size + end - at
    let grown = 0
    if (size > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * this.bytes.length))
      grown = larger.length - this.bytes.length
      this.bytes.copy(larger, 0, 0, this.size)
      this.bytes = larger
    }
    bytes.copy(this.bytes, this.size, at, end)
    this.size = size
    return grown
  }

  /** Forgets the first `count`. */
  shift(count: number): void {
    this.bytes.copy(this.bytes, 0, count, this.size)
    this.size -= count
  }
}

const NO_BYTES: Buffer = Buffer.alloc(0)
