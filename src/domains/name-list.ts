/**
 * The names of a long list, for one question: is this name among them, or below one of them? A million names are two buffers, 28 MB
 * together, that another thread can be given without a copy: the names one after the other, and an open hash table of where they begin.
 * Names are hashed from their end, so one pass over a name meets all names that it may be below.
 */
import { MAX_NAME_LENGTH } from '../values/domain-name.ts'

/** What an entry says of its name, bits: it is listed, all below it are; it is excepted, all below it are. */
export const Listed = { exact: 1, below: 2, exceptExact: 4, exceptBelow: 8 } as const

const ANY_BELOW: number = Listed.below | Listed.exceptBelow

/** A list as plain data, for another thread. */
export interface NameListData {
  readonly bytes: ArrayBuffer
  readonly slots: ArrayBuffer
  readonly seed: number
  /** Entries. */
  readonly size: number
  /** All bits that any entry has. */
  readonly kinds: number
}

/** Where an entry begins takes 28 bits of its slot; 4 of the hash beside it save most looks at the wrong name. */
const TAG_BITS = 4
const TAG_MASK: number = (1 << TAG_BITS) - 1
const MAX_BYTES = 1 << (32 - TAG_BITS)
/** Flags and length come before the name. */
const HEAD_BYTES = 2
/** Slots from the one that a name's hash says; more are only met by lists that were made for it. */
const MAX_PROBES = 512

const PRIME = 0x01000193
const DOT = 0x2e

/** Of what was hashed byte by byte: bits that depend on all of it. */
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

export class NameList {
  static readonly empty: NameList = new NameList({
    bytes: new ArrayBuffer(0),
    slots: new ArrayBuffer(4),
    seed: 0,
    size: 0,
    kinds: 0,
  })
  readonly data: NameListData
  readonly #bytes: Uint8Array
  readonly #slots: Uint32Array
  readonly #mask: number
  readonly #seed: number
  readonly #hasBelow: boolean

  constructor(data: NameListData) {
    this.data = data
    this.#bytes = new Uint8Array(data.bytes)
    this.#slots = new Uint32Array(data.slots)
    this.#mask = this.#slots.length - 1
    this.#seed = data.seed
    this.#hasBelow = (data.kinds & ANY_BELOW) !== 0
  }

  get size(): number {
    return this.data.size
  }

  /** Whether the list holds a canonical name: by what it says of the name itself, else of the longest name above it. */
  has(name: string): boolean {
    if (name.length > MAX_NAME_LENGTH || this.data.size === 0) return false
    let hash = this.#seed
    let isListed = false
    for (let i = name.length - 1; i >= 0; i--) {
      const code = name.charCodeAt(i)
      if (code === DOT && this.#hasBelow) {
        const flags = this.#find(name, i + 1, hash)
        if ((flags & ANY_BELOW) !== 0) isListed = (flags & Listed.exceptBelow) === 0
      }
      hash = Math.imul(hash ^ code, PRIME)
    }
    const flags = this.#find(name, 0, hash)
    if ((flags & Listed.exceptExact) !== 0) return false
    return (flags & Listed.exact) !== 0 || isListed
  }

  /** The flags of `name.slice(from)`; 0 when there is no such entry. */
  #find(name: string, from: number, hash: number): number {
    const bytes = this.#bytes
    const length = name.length - from
    const mixed = mix(hash)
    for (let slot = (mixed >>> TAG_BITS) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const entry = this.#slots[slot]!
      if (entry === 0) return 0
      if ((entry & TAG_MASK) !== (mixed & TAG_MASK)) continue
      const at = entry >>> TAG_BITS
      if (bytes[at + 1] !== length) continue
      let i = 0
      while (i < length && bytes[at + HEAD_BYTES + i] === name.charCodeAt(from + i)) i++
      if (i === length) return bytes[at]!
    }
  }
}

export class NameListBuilder {
  #bytes: Uint8Array<ArrayBuffer>
  #slots: Uint32Array<ArrayBuffer>
  /** 0 is no entry: an empty slot. */
  #at = 1
  #size = 0
  #kinds = 0
  readonly #seed: number
  readonly #maxSize: number

  /** `expected`: about how many names will come. `seed`: any number; nobody who writes a list should know it. */
  constructor(options: { readonly seed: number; readonly maxSize: number; readonly expected?: number }) {
    const { seed, maxSize, expected = 0 } = options
    this.#seed = seed | 0
    this.#maxSize = maxSize
    const slots = 2 ** Math.ceil(Math.log2(Math.max(1024, 2 * Math.min(expected, maxSize))))
    this.#slots = new Uint32Array(slots)
    this.#bytes = new Uint8Array(Math.max(16_384, slots * 8))
  }

  /** Names so far, each once. */
  get size(): number {
    return this.#size
  }

  /** Adds a canonical name in ASCII, `bytes[at, end)`, with `Listed` bits; of a name that is there already the bits add up. False: no room. */
  add(bytes: Uint8Array, at: number, end: number, flags: number): boolean {
    let hash = this.#seed
    for (let i = end - 1; i >= at; i--) hash = Math.imul(hash ^ bytes[i]!, PRIME)
    const mixed = mix(hash)
    const mask = this.#slots.length - 1
    const length = end - at
    let slot = (mixed >>> TAG_BITS) & mask
    for (let probes = 0; ; probes++) {
      const entry = this.#slots[slot]!
      if (entry === 0) break
      if ((entry & TAG_MASK) === (mixed & TAG_MASK) && this.#isAt(entry >>> TAG_BITS, bytes, at, length)) {
        this.#bytes[entry >>> TAG_BITS]! |= flags
        this.#kinds |= flags
        return true
      }
      if (probes === MAX_PROBES) return false
      slot = (slot + 1) & mask
    }
    const needed = this.#at + HEAD_BYTES + length
    if (this.#size >= this.#maxSize || needed > MAX_BYTES) return false
    if (needed > this.#bytes.length) this.#growBytes()
    const own = this.#bytes
    own[this.#at] = flags
    own[this.#at + 1] = length
    for (let i = 0; i < length; i++) own[this.#at + HEAD_BYTES + i] = bytes[at + i]!
    this.#slots[slot] = (this.#at << TAG_BITS) | (mixed & TAG_MASK)
    this.#at = needed
    this.#size++
    this.#kinds |= flags
    if (this.#size * 2 > this.#slots.length) this.#growSlots()
    return true
  }

  /** The list; nothing more may be added. */
  build(): NameList {
    return new NameList({
      bytes: this.#bytes.buffer,
      slots: this.#slots.buffer,
      seed: this.#seed,
      size: this.#size,
      kinds: this.#kinds,
    })
  }

  #isAt(entry: number, bytes: Uint8Array, at: number, length: number): boolean {
    const own = this.#bytes
    if (own[entry + 1] !== length) return false
    for (let i = 0; i < length; i++) if (own[entry + HEAD_BYTES + i] !== bytes[at + i]) return false
    return true
  }

  /** Pages that nobody writes to cost nothing. */
  #growBytes(): void {
    const grown = new Uint8Array(Math.min(MAX_BYTES, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
  }

  #growSlots(): void {
    const own = this.#bytes
    const slots = new Uint32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let at = 1; at < this.#at; at += HEAD_BYTES + own[at + 1]!) {
      let hash = this.#seed
      for (let i = at + HEAD_BYTES + own[at + 1]! - 1; i >= at + HEAD_BYTES; i--)
        hash = Math.imul(hash ^ own[i]!, PRIME)
      const mixed = mix(hash)
      let slot = (mixed >>> TAG_BITS) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = (at << TAG_BITS) | (mixed & TAG_MASK)
    }
    this.#slots = slots
  }
}
