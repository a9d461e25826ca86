import type { ByteText, Ip } from '../../values/value.ts'
import { readInt64, readIpv4, readIpv6, readStrings, readText, readUint64 } from '../decode-record.ts'

/**
 * Reads fields one after the other from `bytes[at, end)`. Past the end it gives zeros and empty texts and sets `isShort`, so that a
 * reader of many fields checks once, when it is done.
 */
export class ByteCursor {
  bytes: Buffer
  view: DataView
  at: number
  end: number
  isShort: boolean

  constructor() {
    this.bytes = Buffer.alloc(0)
    this.view = new DataView(this.bytes.buffer)
    this.at = 0
    this.end = 0
    this.isShort = false
  }

  /** Begins to read at `at`. */
  reset(bytes: Buffer, view: DataView, at: number, end: number): void {
    this.bytes = bytes
    this.view = view
    this.at = at
    this.end = end
    this.isShort = false
  }

  /** Whether `count` more bytes are there. */
  has(count: number): boolean {
    return this.end - this.at >= count
  }

  /** Takes `count` bytes; where they begin, or -1 when they are not all there. */
  private take(count: number): number {
    const at = this.at
    if (this.end - at < count) {
      this.isShort = true
      this.at = this.end
      return -1
    }
    this.at = at + count
    return at
  }

  u8(): number {
    const at = this.take(1)
    return at < 0 ? 0 : this.view.getUint8(at)
  }

  u16(): number {
    const at = this.take(2)
    return at < 0 ? 0 : this.view.getUint16(at, true)
  }

  u32(): number {
    const at = this.take(4)
    return at < 0 ? 0 : this.view.getUint32(at, true)
  }

  u64(): number | bigint {
    const at = this.take(8)
    return at < 0 ? 0 : readUint64(this.view, at)
  }

  i64(): number | bigint {
    const at = this.take(8)
    return at < 0 ? 0 : readInt64(this.view, at)
  }

  /** An i64 as a double: ids and counters, which stay far below 2^53. */
  id(): number {
    return Number(this.i64())
  }

  ipv4(): Ip {
    const at = this.take(4)
    return at < 0 ? 0 : readIpv4(this.view, at)
  }

  ipv6(): Ip {
    const at = this.take(16)
    return at < 0 ? '\0'.repeat(16) : readIpv6(this.bytes, at)
  }

  /** `length` bytes as text, to the first NUL. */
  text(length: number): ByteText {
    const at = this.take(length)
    return at < 0 ? '' : readText(this.bytes, at, length)
  }

  /** u16 length and text, to the first NUL. */
  shortText(): ByteText {
    return this.text(this.u16())
  }

  /** u16 length and NUL-ended texts. */
  shortStrings(): ByteText[] {
    const length = this.u16()
    const at = this.take(length)
    return at < 0 ? [] : readStrings(this.bytes, at, length)
  }

  skip(count: number): void {
    this.take(count)
  }
}
