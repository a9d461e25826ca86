/**
 * Learns which server a connection is meant for from the first bytes that its client sends: the server name of TLS, the `Host` of HTTP.
 * A client may name whom it likes. So the name decides only where something else says that it has this address; where nothing does it
 * is kept as `claimed`, which counts when nothing else is known of the address.
 */
import { paramNumber } from '../events/decode-record.ts'
import { normaliseDomain } from '../values/domain-name.ts'
import { unmapIp } from '../values/ip.ts'
import type { ByteText, Ip } from '../values/value.ts'
import { type BindingFact, timeOf, type When } from './binding.ts'
import { GatheredBytes } from './gathered-bytes.ts'
import { readHttpRequest } from './http-request.ts'
import type { ProcessOwners } from './process-owners.ts'
import { RepeatedOpenings } from './repeated-answers.ts'
import { type ClientHello, nextRecordEnd, readClientHello } from './tls-client-hello.ts'
import { type SocketEvent, socketKey, TCP, type Transfer } from './transfer.ts'

export interface OpeningObserverOptions {
  readonly learn: (fact: BindingFact, atMs: number) => boolean
  /** Whether the name is known to have the address, by more than what clients say (`NameIndex.isBound`). */
  readonly isBound: (name: string, ip: Ip, when: When) => boolean
  readonly owners: ProcessOwners
}

/** The first message of a TLS client, for fields. */
export interface TlsPayload {
  readonly kind: 'tls'
  /** In lower case, without a final dot. */
  readonly serverName: ByteText | undefined
  readonly hasEch: boolean
  /** Something else says that the name has the address. */
  readonly isConfirmed: boolean
}

/** The first request of an HTTP client. */
export interface HttpPayload {
  readonly kind: 'http'
  readonly host: ByteText | undefined
  readonly isConfirmed: boolean
}

export interface OpeningCounters {
  readonly tls: number
  readonly http: number
  /** Names that nothing else says to have the address. */
  readonly unconfirmed: number
  /** ClientHellos whose name may be an outer one. */
  readonly ech: number
  /** Connections whose first bytes are waited for; given up for want of room; whose first bytes the events do not have. */
  readonly waiting: number
  readonly evicted: number
  readonly cut: number
}

/** A connection whose client has not said enough. */
interface Opening {
  readonly remoteIp: Ip
  readonly remotePort: number
  /** What it has said so far, where that was not enough; most say it all at once. */
  said: GatheredBytes | undefined
  /** So many bytes may say more than fewer did: whoever sends them one by one must not have each looked at with all before it. */
  needs: number
}

const EINPROGRESS = 115
const MAX_OPENINGS = 4096
const MAX_BYTES = 4 * 1024 * 1024
const MAX_BYTES_EACH = 17_000
/** For how long the name counts after the first bytes; while the connection lives it counts in any case. */
const NAME_MS = 60_000

export class OpeningObserver {
  readonly #learn: OpeningObserverOptions['learn']
  readonly #isBound: OpeningObserverOptions['isBound']
  readonly #owners: ProcessOwners
  readonly #repeated: RepeatedOpenings = new RepeatedOpenings()
  /** By process and fd, the oldest first. */
  readonly #openings: Map<number, Opening> = new Map()
  #bytes = 0
  #tls = 0
  #http = 0
  #unconfirmed = 0
  #ech = 0
  #evicted = 0
  #cut = 0

  constructor(options: OpeningObserverOptions) {
    this.#learn = options.learn
    this.#isBound = options.isBound
    this.#owners = options.owners
  }

  /** A connect event: what comes next on the connection is its opening. */
  begin(event: SocketEvent): void {
    const { fd, fdNum, thread } = event
    if (fd === undefined || fdNum === undefined || thread === undefined) return
    if (!fd.isInetSocket || fd.l4proto !== TCP || fd.isServer || fd.dip === undefined) return
    const result = paramNumber(event.rec, 0) ?? -1
    if (result !== 0 && result !== -EINPROGRESS) return
    const key = socketKey(thread.pid, fdNum)
    if (this.#openings.has(key)) this.#drop(key)
    this.#openings.set(key, { remoteIp: unmapIp(fd.dip), remotePort: fd.dport, said: undefined, needs: 0 })
    if (this.#openings.size > MAX_OPENINGS) this.#evict()
  }

  /** Whether the first bytes of the event's connection have still to come. */
  isAwaited({ thread, fdNum }: SocketEvent): boolean {
    return this.#openings.size > 0 && thread !== undefined && this.#openings.has(socketKey(thread.pid, fdNum ?? -1))
  }

  /** Takes in what a client sent; gives what its first bytes say once that is known. */
  observe(transfer: Transfer, event: SocketEvent): TlsPayload | HttpPayload | undefined {
    const key = socketKey(transfer.pid, transfer.fdNum)
    const opening = this.#openings.get(key)
    if (opening === undefined) return undefined
    if (opening.remotePort !== transfer.remotePort || opening.remoteIp !== transfer.remoteIp) {
      this.#drop(key)
      return undefined
    }
    let { bytes, at, end } = transfer
    const isCut = end - at < transfer.sizeBytes
    let { said } = opening
    if (said !== undefined) {
      this.#bytes += said.append(bytes, at, end)
      at = 0
      end = said.size
      bytes = said.bytes
      if (end < opening.needs && !isCut && !endsHead(bytes, end)) {
        this.#makeRoom()
        return undefined
      }
    }
    const hello = readClientHello(bytes, at, end)
    const request = hello === 'none' ? readHttpRequest(bytes, at, end) : 'none'
    if (hello === 'more' || request === 'more') {
      if (isCut || end - at > MAX_BYTES_EACH) {
        this.#cut++
        this.#drop(key)
        return undefined
      }
      if (said === undefined) {
        said = new GatheredBytes()
        opening.said = said
        this.#bytes += said.append(bytes, at, end)
      }
      opening.needs = hello === 'more' ? nextRecordEnd(said.bytes, said.size) : said.size + (said.size >> 2) + 1
      this.#makeRoom()
      return undefined
    }
    this.#drop(key)
    if (hello !== 'none') return this.hello(hello, opening.remoteIp, event)
    if (request === 'none') return undefined
    this.#http++
    const host = plainName(request.host)
    const isConfirmed = !request.isForProxy && this.#onName('host', host, opening.remoteIp, event)
    return { kind: 'http', host, isConfirmed }
  }

  /** Takes in a ClientHello to that address, however it was sent. */
  hello({ serverName: text, hasEch }: ClientHello, ip: Ip, event: SocketEvent): TlsPayload {
    this.#tls++
    if (hasEch) this.#ech++
    const serverName = plainName(text)
    const isConfirmed = this.#onName('sni', serverName, ip, event)
    return { kind: 'tls', serverName, hasEch, isConfirmed }
  }

  counters(): OpeningCounters {
    return {
      tls: this.#tls,
      http: this.#http,
      unconfirmed: this.#unconfirmed,
      ech: this.#ech,
      waiting: this.#openings.size,
      evicted: this.#evicted,
      cut: this.#cut,
    }
  }

  #onName(evidence: 'sni' | 'host', text: ByteText | undefined, ip: Ip, event: SocketEvent): boolean {
    const pid = event.thread?.pid ?? -1
    if (text === undefined || pid <= 0) return false
    const atMs = timeOf(event)
    const owner = this.#owners.of(pid, event.thread?.containerId ?? '', event.thread?.netns ?? 0)
    // Who said it a moment ago, and was right, still is: looking that up takes longer than all else.
    if (this.#repeated.kindOf(owner, text, ip, atMs) === evidence) return true
    const name = normaliseDomain(text)
    if (name === undefined) return false
    const isConfirmed = this.#isBound(name, ip, event)
    if (!isConfirmed) this.#unconfirmed++
    const kind = isConfirmed ? evidence : 'claimed'
    if (!this.#repeated.isRepeated(owner, text, ip, kind, atMs))
      this.#learn({ name, ip, evidence: kind, owner, fromMs: atMs, untilMs: atMs + NAME_MS }, atMs)
    return isConfirmed
  }

  #makeRoom(): void {
    while (this.#bytes > MAX_BYTES) this.#evict()
  }

  #evict(): void {
    for (const key of this.#openings.keys()) {
      this.#drop(key)
      this.#evicted++
      return
    }
  }

  #drop(key: number): void {
    const opening = this.#openings.get(key)
    if (opening === undefined) return
    this.#openings.delete(key)
    this.#bytes -= opening.said?.bytes.length ?? 0
  }
}

/** Whether the last of `bytes[0, size)` is an empty line. */
function endsHead(bytes: Buffer, size: number): boolean {
  if (size < 3 || bytes[size - 1] !== LINE_FEED) return false
  return bytes[size - 2] === LINE_FEED || (bytes[size - 2] === CARRIAGE_RETURN && bytes[size - 3] === LINE_FEED)
}

const LINE_FEED = 10
const CARRIAGE_RETURN = 13

/** So that rules need not know in how many ways it can be written. */
function plainName(name: ByteText | undefined): ByteText | undefined {
  const text = name?.toLowerCase()
  return text?.endsWith('.') === true ? text.slice(0, -1) : text
}
