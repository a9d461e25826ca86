/**
 * ClientHellos of QUIC: put together from the first packets that a client sends, in whatever order and pieces they come. Opening a packet takes
 * as long as many events do, so there is a limit to how many are opened in a second, and each hello is looked at once.
 */
import { keepNewest } from '../values/keep-newest.ts'
import { connectionIdOf, mayBeInitial, openInitial, type InitialPacket } from './quic-initial.ts'
import { type ClientHello, MAX_HELLO_BYTES, readHandshake } from './tls-client-hello.ts'
import { type SocketEvent, socketKey, type Transfer } from './transfer.ts'

export interface QuicCounters {
  /** ClientHellos; packets that were not opened, as there were too many at once; that are not all in their events. */
  readonly hellos: number
  readonly passedOver: number
  readonly cut: number
}

/** A second of them costs 15 ms. */
const MAX_PER_SECOND = 100
const MAX_HELLOS = 256
const MAX_PACKETS_EACH = 16
const MAX_RANGES = 64
const MAX_PACKETS_AT_ONCE = 4

/** A ClientHello that is on its way; without `bytes`: it is known, or given up, and what comes of it again is passed over. */
interface Gathering {
  bytes: Buffer | undefined
  /** What is there, as pairs of where it begins and ends, in order and apart. */
  ranges: number[]
  packets: number
}

export class QuicObserver {
  /** By process, socket and connection; the oldest first. */
  readonly #gatherings: Map<string, Gathering> = new Map()
  #secondMs = 0
  #opened = 0
  #hellos = 0
  #passedOver = 0
  #cut = 0

  /** Takes in a datagram that was sent; gives the ClientHello that is whole with it. */
  observe(transfer: Transfer, event: SocketEvent): ClientHello | undefined {
    const { bytes, end } = transfer
    let { at } = transfer
    // What servers send looks the same, but opens with other keys.
    if (!mayBeInitial(bytes, at, end) || event.fd?.isServer === true) return undefined
    for (let i = 0; i < MAX_PACKETS_AT_ONCE && mayBeInitial(bytes, at, end); i++) {
      if (this.#isKnown(transfer, at, end)) return undefined
      if (!this.#mayOpen(transfer.atMs)) return undefined
      const packet = openInitial(bytes, at, end)
      if (packet === 'none') return undefined
      if (packet === 'cut') {
        this.#cut++
        return undefined
      }
      const hello = this.#add(keyOf(transfer, packet.connectionId), packet)
      if (hello !== undefined) return hello
      at = packet.end
    }
    return undefined
  }

  counters(): QuicCounters {
    return { hellos: this.#hellos, passedOver: this.#passedOver, cut: this.#cut }
  }

  #mayOpen(atMs: number): boolean {
    if (Math.abs(atMs - this.#secondMs) >= 1000) {
      this.#secondMs = atMs
      this.#opened = 0
    }
    if (this.#opened < MAX_PER_SECOND) {
      this.#opened++
      return true
    }
    this.#passedOver++
    return false
  }

  /** Whether the packet is one more of a hello that is known. */
  #isKnown(transfer: Transfer, at: number, end: number): boolean {
    const id = connectionIdOf(transfer.bytes, at, end)
    if (id === undefined) return false
    const known = this.#gatherings.get(keyOf(transfer, id.toString('latin1')))
    return known !== undefined && known.bytes === undefined
  }

  #add(key: string, packet: InitialPacket): ClientHello | undefined {
    let gathering = this.#gatherings.get(key)
    if (gathering === undefined) {
      gathering = { bytes: NOTHING, ranges: [], packets: 0 }
      this.#gatherings.set(key, gathering)
      keepNewest(this.#gatherings, MAX_HELLOS)
    }
    for (const { offset, bytes } of packet.pieces) if (!put(gathering, offset, bytes)) return giveUp(gathering)
    const { bytes, ranges } = gathering
    if (bytes !== undefined && ranges[0] === 0) {
      const hello = readHandshake(bytes, 0, ranges[1]!)
      if (hello === 'none') return giveUp(gathering)
      if (hello !== 'more') {
        this.#hellos++
        giveUp(gathering)
        return hello
      }
    }
    if (++gathering.packets >= MAX_PACKETS_EACH) giveUp(gathering)
    return undefined
  }
}

const NOTHING: Buffer = Buffer.alloc(0)

function keyOf({ pid, fdNum }: Transfer, connectionId: string): string {
  return `${socketKey(pid, fdNum)} ${connectionId}`
}

function giveUp(gathering: Gathering): undefined {
  gathering.bytes = undefined
  gathering.ranges = []
  return undefined
}

/** Puts a piece where it belongs; false when it is more than anybody means. */
function put(gathering: Gathering, offset: number, piece: Buffer): boolean {
  const end = offset + piece.length
  if (end > MAX_HELLO_BYTES || gathering.bytes === undefined) return false
  if (end > gathering.bytes.length) {
    const larger = Buffer.alloc(Math.max(end, 2 * gathering.bytes.length))
    gathering.bytes.copy(larger)
    gathering.bytes = larger
  }
  piece.copy(gathering.bytes, offset)
  const apart: number[] = []
  let [from, to] = [offset, end]
  for (let i = 0; i < gathering.ranges.length; i += 2) {
    const [start, stop] = [gathering.ranges[i]!, gathering.ranges[i + 1]!]
    if (stop < from || start > to) apart.push(start, stop)
    else [from, to] = [Math.min(from, start), Math.max(to, stop)]
  }
  let at = 0
  while (at < apart.length && apart[at]! < from) at += 2
  apart.splice(at, 0, from, to)
  gathering.ranges = apart
  return apart.length <= 2 * MAX_RANGES
}
