/**
 * Bytes of DNS messages, each in a place of its own until another takes it. Outside of the heap: objects that live for a while cost more than
 * what they could save. The id of a message is not part of it.
 */
const ID_BYTES = 2

export class MessageSlots {
  readonly #maxBytes: number
  readonly #bytes: DataView
  readonly #lengths: Uint16Array

  /** `maxBytes` < 65,536: longer messages are never kept. */
  constructor(slots: number, maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#bytes = new DataView(new ArrayBuffer(slots * maxBytes))
    this.#lengths = new Uint16Array(slots)
  }

  /** Whether the slot has this message. */
  has(slot: number, view: DataView, at: number, end: number): boolean {
    const length = end - at
    if (length <= ID_BYTES || this.#lengths[slot] !== length) return false
    const known = this.#bytes
    const knownAt = slot * this.#maxBytes
    let i = ID_BYTES
    for (; i + 4 <= length; i += 4) if (known.getInt32(knownAt + i) !== view.getInt32(at + i)) return false
    for (; i < length; i++) if (known.getUint8(knownAt + i) !== view.getUint8(at + i)) return false
    return true
  }

  /** Keeps it instead of what was there; false when it is too long. */
  put(slot: number, view: DataView, at: number, end: number): boolean {
    const length = end - at
    if (length > this.#maxBytes) return false
    const to = this.#bytes
    const toAt = slot * this.#maxBytes
    let i = ID_BYTES
    for (; i + 4 <= length; i += 4) to.setInt32(toAt + i, view.getInt32(at + i))
    for (; i < length; i++) to.setUint8(toAt + i, view.getUint8(at + i))
    this.#lengths[slot] = length
    return true
  }
}

/** Of all but the id, and of `seed`; its upper bits are the best. */
export function messageHash(seed: number, view: DataView, at: number, end: number): number {
  let hash = seed ^ (end - at)
  let i = at + ID_BYTES
  for (; i + 4 <= end; i += 4) hash = mix(hash, view.getInt32(i))
  for (; i < end; i++) hash = mix(hash, view.getUint8(i))
  return hash
}

function mix(hash: number, word: number): number {
  // Of a product the upper bits depend on all of the factor's, the lower ones do not.
  return Math.imul(((hash << 13) | (hash >>> 19)) ^ word, 0x9e3779b1)
}
