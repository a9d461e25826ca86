import type { ByteText, Ip } from '../values/value.ts'

/** Appends little-endian fields to a buffer that grows as needed; `bytes()` is what was written since `clear()`. */
export class ByteWriter {
  private buffer: Buffer
  private at = 0

  constructor(capacity = 4096) {
    this.buffer = Buffer.alloc(capacity)
  }

  get length(): number {
    return this.at
  }

  /** A window, valid until the next write or clear. */
  bytes(): Buffer {
    return this.buffer.subarray(0, this.at)
  }

  clear(): void {
    this.at = 0
  }

  /** Room for `count` bytes; where they begin. */
  private take(count: number): number {
    const at = this.at
    if (at + count > this.buffer.length) {
      const bigger = Buffer.alloc(Math.max(at + count, this.buffer.length * 2))
      this.buffer.copy(bigger, 0, 0, at)
      this.buffer = bigger
    }
    this.at = at + count
    return at
  }

  u8(value: number): void {
    const at = this.take(1)
    this.buffer[at] = value
  }

  u16(value: number): void {
    const at = this.take(2)
    this.buffer.writeUInt16LE(value & 0xffff, at)
  }

  u32(value: number): void {
    const at = this.take(4)
    this.buffer.writeUInt32LE(value >>> 0, at)
  }

  /** A 64-bit number, signed or not: its lower 64 bits. */
  u64(value: number | bigint): void {
    const at = this.take(8)
    this.buffer.writeBigUInt64LE(BigInt.asUintN(64, typeof value === 'bigint' ? value : BigInt(Math.trunc(value))), at)
  }

  ipv4(ip: Ip | undefined): void {
    const at = this.take(4)
    this.buffer.writeUInt32BE(typeof ip === 'number' ? ip >>> 0 : 0, at)
  }

  ipv6(ip: Ip | undefined): void {
    const at = this.take(16)
    this.buffer.fill(0, at, at + 16)
    if (typeof ip === 'string') this.buffer.latin1Write(ip, at, 16)
  }

  text(text: ByteText): void {
    const at = this.take(text.length)
    this.buffer.latin1Write(text, at, text.length)
  }

  /** u16 length and at most `max` characters. */
  shortText(text: ByteText, max: number): void {
    const cut = text.length > max ? text.slice(0, max) : text
    this.u16(cut.length)
    this.text(cut)
  }

  /** u16 length and NUL-ended texts, whole ones as far as `max` bytes go. */
  shortStrings(list: readonly ByteText[], max: number): void {
    const lengthAt = this.take(2)
    let length = 0
    for (const text of list) {
      if (length + text.length + 1 > max) break
      this.text(text)
      this.u8(0)
      length += text.length + 1
    }
    this.buffer.writeUInt16LE(length, lengthAt)
  }

  copy(bytes: Buffer, start: number, end: number): void {
    const at = this.take(end - start)
    bytes.copy(this.buffer, at, start, end)
  }

  zeros(count: number): void {
    const at = this.take(count)
    this.buffer.fill(0, at, at + count)
  }

  /** Overwrites the u16 at `at`. */
  setU16(at: number, value: number): void {
    this.buffer.writeUInt16LE(value, at)
  }

  /** Overwrites the u32 at `at`. */
  setU32(at: number, value: number): void {
    this.buffer.writeUInt32LE(value, at)
  }
}

declare global {
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
    /** Node's own primitive under `write(text, 'latin1')`; @types/node leaves it out. */
    latin1Write(text: string, offset: number, length: number): number
  }
}
