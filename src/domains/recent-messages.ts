/**
 * DNS messages that were decoded of late. On a host that runs a resolver each message is seen twice, when it is sent and when it is received,
 * one right after the other; and programs without a cache ask the same again and again, and are told the same. Neither need be decoded each time.
 */
import { decodeDnsMessage, DNS_HEADER_BYTES, type DnsMessage } from './dns-message.ts'
import { MessageSlots, messageHash } from './message-slots.ts'

const SLOT_BITS = 12
/** Longer ones are rare, and copying them costs what decoding does. */
const MAX_BYTES = 256
/** A power of two. */
const YOUNG = 64

export class RecentMessages {
  readonly #slots: MessageSlots = new MessageSlots(1 << SLOT_BITS, MAX_BYTES)
  /** Numbers of the messages in the slots. */
  readonly #serials: Float64Array = new Float64Array(1 << SLOT_BITS)
  /** Those that were seen again after a while. Others are not kept: objects that live for a while cost more than decoding does. */
  readonly #kept: (DnsMessage | undefined)[] = new Array<DnsMessage | undefined>(1 << SLOT_BITS).fill(undefined)
  /** The last few, and of which slots they are. */
  readonly #young: (DnsMessage | undefined)[] = new Array<DnsMessage | undefined>(YOUNG).fill(undefined)
  readonly #youngSlots: Int16Array = new Int16Array(YOUNG).fill(-1)
  #put = 0
  /** The one before, and where it is. */
  #last: DnsMessage | undefined = undefined
  #lastSlot = 0
  /** What tells the message that was decoded last from all others but for the id; 0: nothing does. */
  serial = 0

  /** As `decodeDnsMessage`; the same object for the same bytes but for the id, if that is not long ago. */
  decode(bytes: Buffer, view: DataView, at: number, end: number): DnsMessage | undefined {
    if (end - at < DNS_HEADER_BYTES || end - at > MAX_BYTES) {
      this.#last = undefined
      this.serial = 0
      return decodeDnsMessage(bytes, view, at, end)
    }
    if (this.#last !== undefined && this.#slots.has(this.#lastSlot, view, at, end)) return this.#last
    const slot = messageHash(view, at, end) >>> (32 - SLOT_BITS)
    this.#lastSlot = slot
    return (this.#last = this.#decodeInSlot(slot, bytes, view, at, end))
  }

  #decodeInSlot(slot: number, bytes: Buffer, view: DataView, at: number, end: number): DnsMessage | undefined {
    const young = slot & (YOUNG - 1)
    if (this.#slots.has(slot, view, at, end)) {
      this.serial = this.#serials[slot]!
      const known = this.#kept[slot] ?? (this.#youngSlots[young] === slot ? this.#young[young] : undefined)
      if (known !== undefined) return known
      return (this.#kept[slot] = decodeDnsMessage(bytes, view, at, end))
    }
    const message = decodeDnsMessage(bytes, view, at, end)
    this.#slots.put(slot, view, at, end)
    this.serial = ++this.#put
    this.#serials[slot] = this.serial
    this.#kept[slot] = undefined
    this.#young[young] = message
    this.#youngSlots[young] = slot
    return message
  }
}
