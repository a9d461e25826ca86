/**
 * DNS messages that were decoded of late. On a host that runs a resolver each message is seen twice, when it is sent and when it is received,
 * one right after the other: the second time it need not be decoded, nor learnt from.
 */
import { decodeDnsMessage, DNS_HEADER_BYTES, type DnsMessage } from './dns-message.ts'

const SLOTS = 64
/** Longer ones are rare, and copying them costs what decoding does. */
const MAX_BYTES = 512

interface Slot {
  readonly bytes: DataView
  length: number
  message: DnsMessage | undefined
}

export class RecentMessages {
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({
    bytes: new DataView(new ArrayBuffer(MAX_BYTES)),
    length: 0,
    message: undefined,
  }))

  /** As `decodeDnsMessage`; the same object for the same bytes, if that is not long ago. */
  decode(bytes: Buffer, view: DataView, at: number, end: number): DnsMessage | undefined {
    const length = end - at
    if (length < DNS_HEADER_BYTES || length > MAX_BYTES) return decodeDnsMessage(bytes, view, at, end)
    // The id is as good as random; whether it is an answer is not part of it.
    const slot = this.#slots[(bytes[at + 1]! ^ (bytes[at + 2]! >>> 2)) & (SLOTS - 1)]!
    if (slot.length === length && isSame(slot.bytes, view, at, length)) return slot.message
    const message = decodeDnsMessage(bytes, view, at, end)
    copy(view, at, slot.bytes, length)
    slot.length = length
    slot.message = message
    return message
  }
}

function isSame(known: DataView, view: DataView, at: number, length: number): boolean {
  let i = 0
  for (; i + 4 <= length; i += 4) if (known.getInt32(i) !== view.getInt32(at + i)) return false
  for (; i < length; i++) if (known.getUint8(i) !== view.getUint8(at + i)) return false
  return true
}

function copy(view: DataView, at: number, to: DataView, length: number): void {
  let i = 0
  for (; i + 4 <= length; i += 4) to.setInt32(i, view.getInt32(at + i))
  for (; i < length; i++) to.setUint8(i, view.getUint8(at + i))
}
