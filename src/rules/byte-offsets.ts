/** Offsets in bytes are looked up from the nearest of these on. */
const STEP = 1024

/**
 * Offsets in characters of a text → offsets in the bytes it was read from. A lone surrogate U+DC80 … U+DCFF stands for one byte that was no
 * UTF-8 (`yaml/decode-text.ts`). Reads the text once, and then little for each offset.
 */
export class ByteOffsets {
  readonly #text: string
  /** Bytes before each `STEP`th character. */
  readonly #before: readonly number[]

  constructor(text: string) {
    this.#text = text
    const before = [0]
    for (let at = 0; at < text.length; at += STEP) before.push(before.at(-1)! + this.#count(at, at + STEP))
    this.#before = before
  }

  at(offset: number): number {
    const step = Math.floor(Math.max(0, Math.min(offset, this.#text.length)) / STEP)
    return this.#before[step]! + this.#count(step * STEP, offset)
  }

  #count(from: number, to: number): number {
    const end = Math.min(to, this.#text.length)
    let bytes = 0
    for (let i = from; i < end; i++) {
      const code = this.#text.charCodeAt(i)
      if (code < 0x80) bytes += 1
      else if (code < 0x800) bytes += 2
      else if (code < 0xd800 || code > 0xdfff) bytes += 3
      else bytes += this.#bytesOfSurrogate(code, i)
    }
    return bytes
  }

  #bytesOfSurrogate(code: number, at: number): number {
    if (code < 0xdc00) {
      const next = this.#text.charCodeAt(at + 1)
      return next >= 0xdc00 && next <= 0xdfff ? 4 : 3
    }
    const last = at === 0 ? 0 : this.#text.charCodeAt(at - 1)
    if (last >= 0xd800 && last < 0xdc00) return 0
    return code >= 0xdc80 && code <= 0xdcff ? 1 : 3
  }
}
