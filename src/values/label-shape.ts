/**
 * What the longest label of a domain name looks like: names that carry data have labels that are long and without pattern.
 */
import type { ByteText } from './value.ts'

export interface LabelShape {
  /** Bytes: 0 to 63. */
  readonly length: number
  /** Shannon entropy of its bytes in hundredths of a bit per byte: 0 to 598. Words have 200 to 350, base32 and hex of some length 350 to 480. */
  readonly entropy: number
}

const counts: Uint8Array = new Uint8Array(256)
const label: Uint8Array = new Uint8Array(63)
const longest: Uint8Array = new Uint8Array(63)

/** Of a name as `dns.qname` has it: `\.`, `\\` and `\ddd` are one byte each (RFC 1035 §5.1). */
export function shapeOfLongestLabel(name: ByteText): LabelShape {
  let length = 0
  let best = 0
  for (let i = 0; i <= name.length; i++) {
    const char = i < name.length ? name.charCodeAt(i) : DOT
    if (char === DOT) {
      if (length > best) {
        best = length
        longest.set(label.subarray(0, length))
      }
      length = 0
      continue
    }
    let byte = char
    if (char === BACKSLASH) {
      const next = name.charCodeAt(i + 1)
      const isNumber = next >= 0x30 && next <= 0x39
      byte = isNumber ? Number(name.slice(i + 1, i + 4)) : next
      i += isNumber ? 3 : 1
    }
    if (length < label.length) label[length++] = byte
  }
  return { length: best, entropy: entropyOf(longest, best) }
}

const DOT = 0x2e
const BACKSLASH = 0x5c

function entropyOf(bytes: Uint8Array, length: number): number {
  counts.fill(0)
  for (let i = 0; i < length; i++) counts[bytes[i]!]!++
  let bits = 0
  for (let i = 0; i < length; i++) {
    const count = counts[bytes[i]!]!
    // Each byte brings its share, so that equal ones together bring that of their value.
    bits -= Math.log2(count / length) / length
  }
  return Math.round(bits * 100)
}
