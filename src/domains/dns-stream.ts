/**
 * DNS over TCP: messages follow one another, each after its length in two bytes, however the stream is cut into reads (RFC 1035 §4.2.2).
 * An event may have fewer bytes than were moved; then a message is given as far as it is known, and the stream goes on behind it.
 */

/** Takes a message, or its beginning: `bytes[at, end)`. */
export type TakeMessage = (bytes: Buffer, at: number, end: number) => void

const LENGTH_BYTES = 2

/** One direction of a connection. Keeps at most one message. */
export class DnsStream {
  /** Bytes of the length that are known, 0 … 2, and what they say. */
  #lengthBytes = 0
  #length = 0
  /** Bytes of the message that have passed, and the first of them that are kept. */
  #passed = 0
  #kept: Buffer[] = []
  #keptBytes = 0
  /** The message was given already; the rest of it is skipped. */
  #isSkipping = false
  /** Where messages begin is not known any more. */
  isLost = false

  get keptBytes(): number {
    return this.#keptBytes
  }

  /** The next piece: `sizeBytes` were moved, of which `bytes[at, end)` are the first. */
  push(bytes: Buffer, at: number, end: number, sizeBytes: number, take: TakeMessage): void {
    let missing = Math.max(0, sizeBytes - (end - at))
    while (at < end && !this.isLost) {
      if (this.#lengthBytes < LENGTH_BYTES) {
        this.#length = (this.#length << 8) | bytes[at++]!
        this.#lengthBytes++
        continue
      }
      const part = Math.min(end - at, this.#length - this.#passed)
      const isWhole = this.#passed + part === this.#length
      if (isWhole && this.#kept.length === 0 && !this.#isSkipping) take(bytes, at, at + part)
      else {
        this.#keep(bytes, at, at + part)
        if (isWhole) this.#give(take)
      }
      this.#passed += part
      at += part
      if (isWhole) this.#begin()
    }
    if (missing === 0 || this.isLost) return
    const rest = this.#lengthBytes === LENGTH_BYTES ? this.#length - this.#passed : -1
    // Nobody knows what comes next when the length of a message is among what is missing.
    if (missing > rest) this.isLost = true
    this.#give(take)
    missing = Math.min(missing, Math.max(rest, 0))
    this.#isSkipping = true
    this.#passed += missing
    if (this.#passed === this.#length) this.#begin()
  }

  #keep(bytes: Buffer, at: number, end: number): void {
    if (this.#isSkipping || at === end) return
    this.#kept.push(Buffer.from(bytes.subarray(at, end)))
    this.#keptBytes += end - at
  }

  #give(take: TakeMessage): void {
    if (this.#isSkipping || this.#keptBytes === 0) return
    const message = this.#kept.length === 1 ? this.#kept[0]! : Buffer.concat(this.#kept)
    this.#kept = []
    this.#keptBytes = 0
    take(message, 0, message.length)
  }

  #begin(): void {
    this.#lengthBytes = 0
    this.#length = 0
    this.#passed = 0
    this.#kept = []
    this.#keptBytes = 0
    this.#isSkipping = false
  }
}
