/**
 * Bytes of DNS messages, each in a place of its own until another takes it. Outside of the heap: objects that live for a while cost more than
 * what they could save. The id of a message is not part of it.
 */
const ID_BYTES = 2

export class MessageSlots {
  readonly #maxBytes: number
  /** Whole words, then one of the bytes that are left. */
  readonly #words: Int32Array
  readonly #wordsEach: number
  readonly #lengths: Uint16Array

  /** `maxBytes` < 65,536: longer messages are never kept. */
  constructor(slots: number, maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#wordsEach = (maxBytes + 3) >> 2
    this.#words = new Int32Array(slots * this.#wordsEach)
    this.#lengths = new Uint16Array(slots)
  }

  /** Whether the slot has this message. */
  has(slot: number, view: DataView, at: number, end: number): boolean {
    const length = end - at
    if (length <= ID_BYTES || this.#lengths[slot] !== length) return false
    const words = this.#words
    let word = slot * this.#wordsEach
    let from = at + ID_BYTES
    for (; from + 4 <= end; from += 4) if (words[word++] !== view.getInt32(from, true)) return false
    return from === end || words[word] === lastWord(view, from, end)
  }

  /** Keeps it instead of what was there; false when it is too long. */
  put(slot: number, view: DataView, at: number, end: number): boolean {
    if (end - at > this.#maxBytes) return false
    const words = this.#words
    let word = slot * this.#wordsEach
    let from = at + ID_BYTES
    for (; from + 4 <= end; from += 4) words[word++] = view.getInt32(from, true)
    if (from < end) words[word] = lastWord(view, from, end)
    this.#lengths[slot] = end - at
    return true
  }
}

/** Of all but the id; its upper bits are the best. */
export function messageHash(view: DataView, at: number, end: number): number {
  let hash = end - at
  let from = at + ID_BYTES
  for (; from + 4 <= end; from += 4) hash = mix(hash, view.getInt32(from, true))
  return from < end ? mix(hash, lastWord(view, from, end)) : hash
}

/** The hash with one more word in it. */
export function mix(hash: number, word: number): number {
  // Of a product the upper bits depend on all of the factor's, the lower ones do not.
  return Math.imul(((hash << 13) | (hash >>> 19)) ^ word, 0x9e3779b1)
}

/** One to three bytes. */
function lastWord(view: DataView, from: number, end: number): number {
  let word = 0
  for (let i = from; i < end; i++) word = (word << 8) | view.getUint8(i)
  return word
}
