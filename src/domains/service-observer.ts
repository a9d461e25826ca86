/**
 * Learns names from what programs ask the name services of this machine over unix sockets: systemd-resolved (varlink, as nss-resolve does)
 * and nscd. No packet tells who asked. The probe looks at the peer of the very call that connects or moves bytes, and says before its event
 * which connection it is and whose the service is (`tiercel_service`): what a program does with its descriptors, or has at the same path
 * in a file system of its own, changes nothing. As with DNS, an answer counts for what was asked before it on the same connection.
 */
import type { EventRecord } from '../events/event-record.ts'
import { ownEventData } from '../events/own-event.ts'
import { normaliseDomain } from '../values/domain-name.ts'
import { parseIp } from '../values/ip.ts'
import { keepNewest } from '../values/keep-newest.ts'
import type { ByteText, Ip } from '../values/value.ts'
import { type BindingFact, timeOf, type When } from './binding.ts'
import { GatheredBytes } from './gathered-bytes.ts'
import { type NscdRequest, readNscdReply, readNscdRequest } from './nscd-message.ts'
import type { ProcessOwners } from './process-owners.ts'
import type { ServiceAnswer } from './service-answer.ts'
import type { SocketEvent, Transfer } from './transfer.ts'
import { readVarlinkCall, readVarlinkReply } from './varlink-message.ts'

export interface ServiceObserverOptions {
  readonly learn: (fact: BindingFact, atMs: number) => boolean
  /** Whether the name is known to have the address, by more than what clients say (`NameIndex.isBound`). */
  readonly isBound: (name: string, ip: Ip, when: When) => boolean
  readonly owners: ProcessOwners
  /** Whether a service that is root's is believed though nothing else says what it says; it is unless said otherwise. */
  readonly isTrusted?: (service: ServiceName) => boolean
  /** Told of what was not believed. */
  readonly onRefused?: (fact: BindingFact, atMs: number) => void
}

/** What stands for the service where a name server would: `fd.sip.name.resolver`. */
export type ServiceName = 'systemd-resolved' | 'nscd'

export interface ServiceCounters {
  /** Names that were asked for, and answers to them that have addresses. */
  readonly queries: number
  readonly answers: number
  /** Answers of services that are not root's, or not trusted, that nothing else says. */
  readonly untrusted: number
  /** Conversations that were given up: the events have not all bytes, or what was said is nothing that the service says. */
  readonly cut: number
  readonly evicted: number
}

/** What the next call of a thread is about. */
interface Mark {
  readonly fdNum: number
  /** Of the socket: whatever its descriptors are, it has one connection. */
  readonly inode: number
  readonly service: ServiceName
  readonly isRoots: boolean
}

/** A connection of a program to a service. */
interface Conversation {
  readonly service: ServiceName
  /** The service is root's, as far as was seen: when it has closed its end, nobody can tell any more. */
  isRoots: boolean
  readonly sent: GatheredBytes
  readonly received: GatheredBytes
  /** What was asked and not answered, in order; undefined for what is not understood. */
  readonly asked: (string | undefined)[]
  /** Of nscd: how to read the reply. */
  nscd: NscdRequest | undefined
}

const PATHS: ReadonlyMap<string, ServiceName> = new Map([
  ['/run/systemd/resolve/io.systemd.Resolve', 'systemd-resolved'],
  ['/var/run/nscd/socket', 'nscd'],
  ['/run/nscd/socket', 'nscd'],
])
const MARK: RegExp = /^(\d{1,10}) (\d{1,10}) (\d{1,10}) ([^\0]+)\0?$/
const MAX_MARKS = 1024
const MAX_CONVERSATIONS = 1024
const MAX_BYTES = 4 * 1024 * 1024
/** A thousand addresses as nscd says them, some two hundred as JSON. */
const MAX_BYTES_EACH = 20_000
const MAX_ASKED = 64

export class ServiceObserver {
  readonly #options: ServiceObserverOptions
  /** By thread. */
  readonly #marks: Map<number, Mark> = new Map()
  /** By inode, least recently used first. */
  readonly #conversations: Map<number, Conversation> = new Map()
  #bytes = 0
  #queries = 0
  #answers = 0
  #untrusted = 0
  #cut = 0
  #evicted = 0

  constructor(options: ServiceObserverOptions) {
    this.#options = options
  }

  /** Takes in the event that says what the thread's next call is about. */
  announce(record: EventRecord): void {
    const [, fdNum, inode, owner, path] = MARK.exec(ownEventData(record)) ?? []
    const service = path === undefined ? undefined : PATHS.get(path)
    if (service === undefined) return
    const isRoots = Number(owner) === 0
    this.#marks.set(record.tid, { fdNum: Number(fdNum), inode: Number(inode), service, isRoots })
    keepNewest(this.#marks, MAX_MARKS)
  }

  /** A connect event. */
  begin({ rec }: SocketEvent): void {
    const mark = this.#marks.size === 0 ? undefined : this.#marks.get(rec.tid)
    if (mark === undefined) return
    this.#marks.delete(rec.tid)
    this.#drop(mark.inode)
    this.#conversations.set(mark.inode, begin(mark))
    this.#makeRoom()
  }

  /** Whether the transfer was announced. It is for `observe` alone then. */
  isAnnounced({ rec, fdNum }: SocketEvent): boolean {
    return this.#marks.size > 0 && this.#marks.get(rec.tid)?.fdNum === fdNum
  }

  /** Takes in what a transfer that was announced moved. */
  observe(transfer: Transfer, event: SocketEvent): void {
    const mark = this.#marks.get(event.rec.tid)
    if (mark === undefined) return
    this.#marks.delete(event.rec.tid)
    const { inode } = mark
    let conversation = this.#conversations.get(inode)
    if (conversation === undefined) {
      // Answers without a question say nothing.
      if (!transfer.isSend) return
      conversation = begin(mark)
    } else this.#conversations.delete(inode)
    this.#conversations.set(inode, conversation)
    conversation.isRoots ||= mark.isRoots
    const { bytes, at, end } = transfer
    const stream = transfer.isSend ? conversation.sent : conversation.received
    const isWhole = end - at === transfer.sizeBytes && stream.size + end - at <= MAX_BYTES_EACH
    if (isWhole) this.#bytes += stream.append(bytes, at, end)
    const goesOn = isWhole && this.#advance(conversation, transfer.isSend, bytes.subarray(at, end), event)
    if (!goesOn) this.#drop(inode)
    if (!isWhole) this.#cut++
    this.#makeRoom()
  }

  counters(): ServiceCounters {
    return {
      queries: this.#queries,
      answers: this.#answers,
      untrusted: this.#untrusted,
      cut: this.#cut,
      evicted: this.#evicted,
    }
  }

  /** Reads what is whole; false when nothing more is expected. */
  #advance(conversation: Conversation, isSend: boolean, piece: Buffer, event: SocketEvent): boolean {
    if (conversation.service === 'nscd') return this.#advanceNscd(conversation, isSend, event)
    // A text may come in many pieces, and only its end makes it one.
    if (!piece.includes(0)) return true
    const stream = isSend ? conversation.sent : conversation.received
    let from = 0
    for (let end = stream.bytes.indexOf(0); end >= 0 && end < stream.size; end = stream.bytes.indexOf(0, from)) {
      const text = stream.bytes.toString('utf8', from, end)
      from = end + 1
      if (isSend ? !this.#onCall(conversation, text) : !this.#onReply(conversation, text, event)) {
        this.#cut++
        return false
      }
    }
    stream.shift(from)
    return true
  }

  #advanceNscd(conversation: Conversation, isSend: boolean, event: SocketEvent): boolean {
    const { sent, received } = conversation
    if (isSend) {
      const request = readNscdRequest(sent.bytes, sent.size)
      if (request === 'none') return false
      if (request === 'more') return true
      if (conversation.nscd === undefined) this.#queries++
      conversation.nscd = request
      return true
    }
    const request = conversation.nscd
    if (request === undefined) return false
    const answer = readNscdReply(request.kind, received.bytes, received.size)
    if (answer === 'more') return true
    if (answer !== 'none') this.#learnAnswer(request.name, answer, conversation, event)
    return false
  }

  #onCall({ asked }: Conversation, text: string): boolean {
    const call = readVarlinkCall(text)
    if (call === undefined || asked.length >= MAX_ASKED) return false
    if (call.isOneway) return true
    if (call.name !== undefined) this.#queries++
    asked.push(call.name)
    return true
  }

  #onReply(conversation: Conversation, text: string, event: SocketEvent): boolean {
    const { asked } = conversation
    const reply = readVarlinkReply(text)
    if (reply === undefined || asked.length === 0) return false
    const name = reply.continues ? asked[0] : asked.shift()
    if (name !== undefined && reply.answer !== undefined) this.#learnAnswer(name, reply.answer, conversation, event)
    return true
  }

  #learnAnswer(text: ByteText, answer: ServiceAnswer, { service, isRoots }: Conversation, event: SocketEvent): void {
    const name = normaliseDomain(text)
    if (name === undefined || parseIp(name) !== undefined || answer.ips.length === 0) return
    this.#answers++
    const { learn, isBound, owners, isTrusted = () => true, onRefused } = this.#options
    const { pid = -1, containerId = '', netns = 0 } = event.thread ?? {}
    const owner = owners.of(pid, containerId, netns)
    const canonical = answer.canonicalName === undefined ? undefined : normaliseDomain(answer.canonicalName)
    const isAlias = canonical !== undefined && canonical !== name && parseIp(canonical) === undefined
    const isBelieved = isRoots && isTrusted(service)
    const atMs = timeOf(event)
    let isUnconfirmed = false
    for (const ip of answer.ips) {
      const untrusted = !isBelieved && !isBound(name, ip, event)
      isUnconfirmed ||= untrusted
      const fact: BindingFact = {
        name,
        ip,
        evidence: 'observed',
        owner,
        fromMs: atMs,
        ttlSec: 0,
        resolver: service,
        ...(isAlias && { chain: [canonical] }),
        ...(untrusted && { untrusted }),
      }
      if (!learn(fact, atMs)) onRefused?.(fact, atMs)
    }
    if (isUnconfirmed) this.#untrusted++
  }

  #makeRoom(): void {
    for (const inode of this.#conversations.keys()) {
      if (this.#bytes <= MAX_BYTES && this.#conversations.size <= MAX_CONVERSATIONS) return
      this.#drop(inode)
      this.#evicted++
    }
  }

  #drop(inode: number): void {
    const conversation = this.#conversations.get(inode)
    if (conversation === undefined) return
    this.#conversations.delete(inode)
    this.#bytes -= conversation.sent.bytes.length + conversation.received.bytes.length
  }
}

function begin({ service, isRoots }: Mark): Conversation {
  const [sent, received] = [new GatheredBytes(), new GatheredBytes()]
  return { service, isRoots, sent, received, asked: [], nscd: undefined }
}
