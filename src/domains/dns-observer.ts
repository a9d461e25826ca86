/**
 * Learns names from the DNS messages that processes exchange with their servers. Only what a process asked for is believed: an answer
 * must have the id, the question and the peer of a query that the same socket sent. A server on this host shows its answers too, as it
 * sends them; they count for the process whose query has the same two ends.
 */
import { isDomainName } from '../values/domain-name.ts'
import { renderIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { type BindingFact, MAX_ALIASES } from './binding.ts'
import { DnsCode, type DnsMessage, type DnsQuestion, type DnsRecord, DnsType } from './dns-message.ts'
import { type PendingAlias, PendingAliases } from './dns-aliases.ts'
import { type Query, QueryTable } from './dns-queries.ts'
import { DnsTally, type DnsTotals } from './dns-tally.ts'
import { DnsStream, type TakeMessage } from './dns-stream.ts'
import type { ProcessOwners } from './process-owners.ts'
import { RecentMessages } from './recent-messages.ts'
import { RepeatedAnswers } from './repeated-answers.ts'
import { socketKey, type Transfer } from './transfer.ts'

export interface DnsObserverOptions {
  /** Takes what was learnt; false when it is not to be believed (`NameIndex.learn`). */
  readonly learn: (fact: BindingFact, atMs: number) => boolean
  /** Where servers listen; 53 unless said otherwise. */
  readonly ports?: readonly number[]
  /** Events have told of all sockets: one that nobody saw come is not the process's own. */
  readonly doubtsUnknownSockets?: boolean
  /** Whose answers are trusted; all that are asked unless said otherwise. */
  readonly trust?: ServerTrust
  /** Told of what was not believed. */
  readonly onRefused?: (fact: BindingFact, atMs: number) => void
  /** Who is told of processes that have ended is the caller. */
  readonly owners: ProcessOwners
}

export interface ServerTrust {
  standingOf(server: Ip, asker: Asker): Standing
  /** Told of each answer of a server whose standing is still to be known. */
  onUnsettled?(fact: BindingFact, server: Ip, asker: Asker): void
}

/**
 * Whether a server is one that whoever asks it should ask. `believed` and `doubted`: nobody can say yet; until then what it says counts as that
 * of a trusted server, or not.
 */
export type Standing = 'trusted' | 'untrusted' | 'believed' | 'doubted'

/** Who asks, and where from. */
export interface Asker {
  readonly pid: number
  readonly containerId: string
  /** Its network namespace, whose servers it can ask; 0 is the host's. */
  readonly netns: number
  /** Its mount namespace, whose files it reads; 0 is the host's. */
  readonly mntns: number
  /** Users that made the user namespaces which these belong to; 0: root, or not known. */
  readonly netnsUid: number
  readonly mntnsUid: number
}

/** A DNS message in an event, for fields. */
export interface DnsPayload {
  readonly kind: 'dns'
  readonly message: DnsMessage
  /** The server's end; undefined where it is not known. */
  readonly serverIp: Ip | undefined
  readonly serverPort: number
  /** Whether the server is one that its client should ask; undefined where that is not known. */
  readonly isTrusted: boolean | undefined
  /** What the process asked and was told in its minute, where this message is its own and added to that. */
  readonly totals: DnsTotals | undefined
  /** An answer that fits no question of the process that got it: late, doubled, or forged. Undefined for all else. */
  readonly isUnasked: boolean | undefined
}

export interface DnsCounters {
  readonly queries: number
  /** Answers that fit a query. */
  readonly answers: number
  /** Bindings learnt, one for each address of an answer. */
  readonly facts: number
  /** Answers that say that there is no such name, or no address of it, and those that say nothing (SERVFAIL, REFUSED). */
  readonly nxdomain: number
  readonly nodata: number
  readonly failures: number
  /** Answers that nobody was waiting for, and among them those that have the id of a query but not its question or server. */
  readonly unasked: number
  readonly mismatched: number
  /** Answers of servers that are not trusted. */
  readonly untrusted: number
  /** Payloads on DNS ports that are no DNS messages. */
  readonly malformed: number
  /** Messages that ended before they should. */
  readonly cut: number
  /** Queries waiting now; given up for want of room; without an answer in time. */
  readonly waiting: number
  readonly evictedQueries: number
  readonly expiredQueries: number
  /** TCP connections of which the bytes at hand do not tell where messages begin, or that were given up for want of room. */
  readonly lostStreams: number
  /** Processes whose counts of a minute began anew for want of room. */
  readonly evictedTallies: number
}

const DNS_PORT = 53
/** An answer that the server was seen to send so shortly before tells nothing new when it is received. */
const SAME_MS = 1000
/** A day: no owner of a name decides for longer what an address is called. */
const MAX_TTL_SEC = 86_400
const MAX_STREAMS = 1024
const MAX_STREAM_BYTES = 4 * 1024 * 1024

/** A TCP connection to or from a server. */
interface Connection {
  readonly localPort: number
  readonly remotePort: number
  readonly sent: DnsStream
  readonly received: DnsStream
}

export class DnsObserver {
  readonly #learn: (fact: BindingFact, atMs: number) => boolean
  readonly #trust: ServerTrust | undefined
  readonly #doubtsUnknownSockets: boolean
  readonly #onRefused: DnsObserverOptions['onRefused']
  readonly #isDnsPort: Uint8Array = new Uint8Array(0x1_0000)
  readonly #queries: QueryTable = new QueryTable()
  readonly #aliases: PendingAliases = new PendingAliases()
  /** By process and fd, least recently used first. */
  readonly #connections: Map<number, Connection> = new Map()
  #streamBytes = 0
  readonly #tally: DnsTally = new DnsTally()
  #transfer: Transfer | undefined = undefined
  /** The message at hand begins at `#at` of `#view`. */
  #view: DataView = new DataView(new ArrayBuffer(0))
  #at = 0
  #payload: DnsPayload | undefined = undefined
  /** Most answers come from the same server as the one before. */
  #lastResolver: { readonly ip: Ip; readonly port: number; readonly text: string } = { ip: 0, port: 0, text: '' }
  readonly #take: TakeMessage
  readonly #recent: RecentMessages = new RecentMessages()
  readonly #repeated: RepeatedAnswers = new RepeatedAnswers()
  readonly #owners: ProcessOwners
  #asked = 0
  #answers = 0
  #facts = 0
  #nxdomain = 0
  #nodata = 0
  #failures = 0
  #unasked = 0
  #mismatched = 0
  #untrusted = 0
  #malformed = 0
  #cut = 0
  #lostStreams = 0

  constructor(options: DnsObserverOptions) {
    this.#learn = options.learn
    this.#trust = options.trust
    this.#onRefused = options.onRefused
    this.#doubtsUnknownSockets = options.doubtsUnknownSockets ?? false
    this.#owners = options.owners
    for (const port of options.ports ?? [DNS_PORT]) this.#isDnsPort[port] = 1
    this.#take = (bytes, at, end) =>
      this.#onMessage(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at, end)
  }

  /** Whether either end of the transfer is a DNS server's. */
  concerns(transfer: Transfer): boolean {
    return this.#isDnsPort[transfer.remotePort] === 1 || this.#isDnsPort[transfer.localPort] === 1
  }

  /** Takes in what a transfer that it `concerns` moved; gives the first message that ended with it. */
  observe(transfer: Transfer): DnsPayload | undefined {
    this.#transfer = transfer
    this.#payload = undefined
    if (transfer.isStream) this.#onStream(transfer)
    else if (transfer.at < transfer.end) this.#onMessage(transfer.bytes, transfer.view, transfer.at, transfer.end)
    this.#transfer = undefined
    return this.#payload
  }

  counters(): DnsCounters {
    return {
      queries: this.#asked,
      answers: this.#answers,
      facts: this.#facts,
      nxdomain: this.#nxdomain,
      nodata: this.#nodata,
      failures: this.#failures,
      unasked: this.#unasked,
      mismatched: this.#mismatched,
      untrusted: this.#untrusted,
      malformed: this.#malformed,
      cut: this.#cut,
      waiting: this.#queries.size,
      evictedQueries: this.#queries.evicted,
      expiredQueries: this.#queries.expired,
      lostStreams: this.#lostStreams,
      evictedTallies: this.#tally.evicted,
    }
  }

  #onStream(transfer: Transfer): void {
    const key = socketKey(transfer.pid, transfer.fdNum)
    let connection = this.#connections.get(key)
    if (connection !== undefined) {
      this.#connections.delete(key)
      this.#streamBytes -= keptBytesOf(connection)
    }
    const { localPort, remotePort } = transfer
    if (connection === undefined || connection.localPort !== localPort || connection.remotePort !== remotePort) {
      connection = { localPort, remotePort, sent: new DnsStream(), received: new DnsStream() }
    }
    const stream = transfer.isSend ? connection.sent : connection.received
    const wasLost = stream.isLost
    stream.push(transfer.bytes, transfer.at, transfer.end, transfer.sizeBytes, this.#take)
    if (stream.isLost && !wasLost) this.#lostStreams++
    this.#connections.set(key, connection)
    this.#streamBytes += keptBytesOf(connection)
    for (const [oldKey, old] of this.#connections) {
      if (this.#connections.size <= MAX_STREAMS && this.#streamBytes <= MAX_STREAM_BYTES) break
      this.#connections.delete(oldKey)
      this.#streamBytes -= keptBytesOf(old)
      if (keptBytesOf(old) > 0) this.#lostStreams++
    }
  }

  #onMessage(bytes: Buffer, view: DataView, at: number, end: number): void {
    const transfer = this.#transfer!
    const message = this.#recent.decode(bytes, view, at, end)
    if (message === undefined) {
      this.#malformed++
      return
    }
    if (message.isCut) this.#cut++
    this.#view = view
    this.#at = at
    // Whoever sends an answer or receives a query is the server.
    const isServer = message.isAnswer === transfer.isSend
    const serverPort = isServer ? transfer.localPort : transfer.remotePort
    if (this.#isDnsPort[serverPort] !== 1) return
    const serverIp = isServer ? transfer.localIp : transfer.remoteIp
    // What a server of this host sends to others, or is asked by them, says nothing of whom they should ask.
    const isElsewhere = !isServer && transfer.isElsewhere(this.#doubtsUnknownSockets)
    const standing = isServer ? undefined : this.#standingOf(serverIp, transfer, isElsewhere)
    const isTrusted = standing === 'trusted' ? true : standing === 'untrusted' ? false : undefined
    const unaskedBefore = this.#unasked
    let totals: DnsTotals | undefined
    if (message.isAnswer) totals = this.#onAnswer(message, transfer, isServer, serverIp, serverPort, isElsewhere)
    else if (!isServer) totals = this.#onQuery(message, transfer, serverIp, isTrusted, isElsewhere)
    const isUnasked = message.isAnswer && !isServer ? this.#unasked !== unaskedBefore : undefined
    this.#payload ??= { kind: 'dns', message, serverIp, serverPort, isTrusted, isUnasked, totals }
  }

  /** Undefined where nobody knows who answers, or whom to trust. */
  #standingOf(serverIp: Ip | undefined, asker: Asker, isElsewhere: boolean): Standing | undefined {
    if (serverIp === undefined || this.#trust === undefined) return undefined
    return isElsewhere ? 'untrusted' : this.#trust.standingOf(serverIp, asker)
  }

  #onQuery(
    message: DnsMessage,
    transfer: Transfer,
    serverIp: Ip | undefined,
    isTrusted: boolean | undefined,
    isElsewhere: boolean,
  ): DnsTotals | undefined {
    const { question } = message
    if (question === undefined) return undefined
    const { pid, fdNum, localPort, remotePort: serverPort, atMs } = transfer
    this.#asked++
    this.#queries.add({
      id: this.#view.getUint16(this.#at, false),
      question,
      pid,
      containerId: transfer.containerId,
      netns: transfer.netns,
      mntns: transfer.mntns,
      netnsUid: transfer.netnsUid,
      mntnsUid: transfer.mntnsUid,
      isElsewhere,
      owner: this.#owners.of(pid, transfer.containerId, transfer.netns),
      fdNum,
      localPort,
      localIp: transfer.localIp,
      serverIp,
      serverPort,
      atMs,
      isAnswered: false,
      learnt: undefined,
      learntAtMs: 0,
      older: undefined,
      newer: undefined,
    })
    return pid > 0 ? this.#tally.countQuery(pid, question.name, isTrusted, atMs) : undefined
  }

  /** A process that has ended: whoever has its number next is another. */
  endProcess(pid: number): void {
    this.#tally.forget(pid)
  }

  #onAnswer(
    message: DnsMessage,
    transfer: Transfer,
    isServer: boolean,
    serverIp: Ip | undefined,
    serverPort: number,
    isElsewhere: boolean,
  ): DnsTotals | undefined {
    const clientPort = isServer ? transfer.remotePort : transfer.localPort
    const { atMs } = transfer
    const waiting = this.#queries.waiting(this.#view.getUint16(this.#at, false), clientPort, atMs)
    const { question } = message
    let hasTwin = false
    for (const query of waiting) {
      const isPassed = !isServer && isPassedOn(query, transfer)
      const isAsker = isPassed || (isServer ? isOfPeer(query, transfer) : isOfSocket(query, transfer))
      if (!isAsker) continue
      hasTwin = true
      if (isElsewhere || (!isServer && query.netns !== transfer.netns)) query.isElsewhere = true
      // A server that listens on all addresses does not say from which one it answers: it is one that its client can reach it at.
      const isAsked = query.serverIp === serverIp || (isServer && isUnset(serverIp) && asksItself(query))
      if (!isAsked || query.serverPort !== serverPort || !isSameQuestion(query.question, question)) continue
      // The answer seen at the server still has to reach the process, whose socket must not take it for one that nobody asked for.
      if (!isServer) this.#queries.remove(query)
      // What reaches the process counts, be it the same again or not; it is one answer.
      if (!query.isAnswered) this.#countAnswer(message)
      query.isAnswered = true
      if (isPassed) {
        const { pid, containerId, netns } = transfer
        const taken = { ...query, pid, owner: this.#owners.of(pid, containerId, netns) }
        this.#learnAnswer(taken, message, atMs)
        return this.#countOf(taken, message, atMs)
      }
      if (query.learnt === message && atMs - query.learntAtMs < SAME_MS)
        return isServer ? undefined : this.#countOf(query, message, atMs)
      query.learnt = message
      query.learntAtMs = atMs
      this.#learnAnswer(query, message, atMs)
      return isServer ? undefined : this.#countOf(query, message, atMs)
    }
    // A server answers whom it likes: most of its clients are elsewhere.
    if (isServer) return undefined
    this.#unasked++
    if (hasTwin) this.#mismatched++
    return undefined
  }

  /** Adds an answer to the counts of the process that it reached. */
  #countOf({ pid, question }: Query, message: DnsMessage, atMs: number): DnsTotals | undefined {
    if (pid <= 0) return undefined
    if (message.rcode === DnsCode.nameError) return this.#tally.countNxdomain(pid, question.name, atMs)
    return message.textBytes < 0 ? undefined : this.#tally.countText(pid, message.textBytes, atMs)
  }

  #countAnswer(message: DnsMessage): void {
    this.#answers++
    if (message.rcode === DnsCode.nameError) this.#nxdomain++
    else if (message.rcode !== DnsCode.noError) this.#failures++
    else if (message.answers.length === 0 && !message.isCut) this.#nodata++
  }

  #learnAnswer(query: Query, message: DnsMessage, atMs: number): void {
    if (message.rcode !== DnsCode.noError || message.answers.length === 0) return
    const { serverIp, serverPort } = query
    const standing = this.#standingOf(serverIp, query, query.isElsewhere) ?? 'trusted'
    const untrusted = standing === 'untrusted' || standing === 'doubted'
    if (untrusted) this.#untrusted++
    // While it is not known whether the server is trusted, each answer is noted for when it is.
    const isSettled = standing === 'trusted' || standing === 'untrusted'
    const aliased = this.#aliases.of(query, atMs)
    const resolver = serverIp === undefined ? undefined : this.#resolverText(serverIp, serverPort)
    const told = { owner: query.owner, resolver, standing, serial: this.#recent.serial }
    if (aliased === undefined && this.#repeated.isRepeated(told, atMs)) return
    const { name } = query.question
    const chain = chainOf(name, message.answers)
    let chainTtlSec = MAX_TTL_SEC
    for (const alias of chain) chainTtlSec = Math.min(chainTtlSec, alias.ttlSec)
    const names = chain.map(alias => alias.target)
    const last = names.at(-1)
    // What is no name of a host is kept nowhere: written out it is four times as long as on the wire.
    const hosts = names.every(isDomainName) ? names : names.filter(isDomainName)
    // The process asks for the target next.
    if (last !== undefined && !message.answers.some(({ kind, name: owner }) => kind === 'address' && owner === last))
      this.#aliases.add(query, hosts, atMs + chainTtlSec * 1000, untrusted, atMs)
    for (const record of message.answers) {
      if (record.kind !== 'address' && record.kind !== 'service') continue
      if (record.name !== name && !names.includes(record.name)) continue
      const ttlSec = Math.min(chainTtlSec, record.ttlSec)
      const base = { query, atMs, ttlSec, resolver, untrusted, isOpen: !isSettled, aliased }
      if (record.kind === 'address') {
        this.#learnAddress(base, record.ip, hosts)
        continue
      }
      const { target } = record
      for (const ip of record.hints) this.#learnHint(base, ip, hosts, target)
      // The client connects to the target in place of the owner (RFC 9460 §2.4), and may have to ask for it.
      if (target !== name && !names.includes(target) && isDomainName(target))
        this.#aliases.add(query, [...hosts, target], atMs + ttlSec * 1000, untrusted, atMs)
    }
  }

  /** The addresses in the record are the word of whoever owns its name; for the name that it points at, they are no more than that. */
  #learnHint(base: FactBase, ip: Ip, chain: readonly string[], target: string): void {
    this.#learnAddress(base, ip, chain)
    const { query, atMs, ttlSec, resolver } = base
    if (target === '' || target === query.question.name || chain.includes(target)) return
    const { owner } = query
    this.#learn(
      { name: target, ip, evidence: 'observed', owner, fromMs: atMs, ttlSec, resolver, untrusted: true },
      atMs,
    )
  }

  #learnAddress(base: FactBase, ip: Ip, chain: readonly string[]): void {
    const { query, atMs, ttlSec, resolver, untrusted } = base
    const fact: BindingFact = {
      name: query.question.name,
      ip,
      evidence: 'observed',
      owner: query.owner,
      fromMs: atMs,
      ttlSec,
      resolver,
      chain,
      untrusted,
    }
    const host = hostNameOf(fact.name)
    if (host === fact.name) this.#tell(fact, base)
    else if (host !== undefined) this.#learn({ ...fact, name: host, untrusted: true }, atMs)
    const { aliased } = base
    if (aliased === undefined) return
    const whole = [...aliased.chain, ...chain].slice(0, MAX_ALIASES)
    this.#tell({ ...fact, name: aliased.name, chain: whole, untrusted: untrusted || aliased.untrusted }, base)
  }

  #tell(fact: BindingFact, { query, atMs, isOpen }: FactBase): void {
    if (this.#learn(fact, atMs)) {
      this.#facts++
      if (isOpen) this.#trust?.onUnsettled?.(fact, query.serverIp!, query)
    } else this.#onRefused?.(fact, atMs)
  }

  #resolverText(ip: Ip, port: number): string {
    const last = this.#lastResolver
    if (last.ip === ip && last.port === port) return last.text
    const text = endpointText(ip, port)
    this.#lastResolver = { ip, port, text }
    return text
  }
}

/** What all addresses of one record have in common. */
interface FactBase {
  readonly query: Query
  readonly atMs: number
  readonly ttlSec: number
  readonly resolver: string | undefined
  readonly untrusted: boolean
  /** Whether the server is trusted will be known later. */
  readonly isOpen: boolean
  /** What led the process to ask. */
  readonly aliased: PendingAlias | undefined
}

/** The aliases that lead from the name asked for to the one that has the addresses. Records of other names are not believed. */
function chainOf(name: string, answers: readonly DnsRecord[]): readonly Alias[] {
  if (answers[0]?.kind === 'address' && answers.every(record => record.kind === 'address')) return NO_CHAIN
  const chain: Alias[] = []
  for (let current = name; chain.length < MAX_ALIASES; ) {
    const alias = answers.find(
      (record): record is Alias => record.kind === 'target' && record.type === DnsType.cname && record.name === current,
    )
    if (alias === undefined || alias.target === name || chain.some(one => one.target === alias.target)) break
    chain.push(alias)
    current = alias.target
  }
  return chain
}

type Alias = DnsRecord & { readonly kind: 'target' }
const NO_CHAIN: readonly Alias[] = []

/** Whether the socket that received is the one that asked. */
function isOfSocket(query: Query, transfer: Transfer): boolean {
  if (query.pid !== transfer.pid || query.containerId !== transfer.containerId) return false
  // A resolver may hand its socket to another thread, but not give it another number.
  return query.fdNum === transfer.fdNum || (query.localPort !== 0 && query.localPort === transfer.localPort)
}

/**
 * Whether another process receives on the socket that asked, having inherited it or been given it: no other socket of this network has its
 * port and hears its server. The answer is that process's then.
 */
function isPassedOn(query: Query, transfer: Transfer): boolean {
  const { pid, containerId, netns, localPort } = transfer
  if (pid <= 0 || query.pid === pid || query.containerId !== containerId || query.netns !== netns) return false
  return query.localPort !== 0 && query.localPort === localPort
}

/** Whether the client asked its own end, or loopback. */
function asksItself({ serverIp, localIp }: Query): boolean {
  return serverIp === LOOPBACK_V4 || serverIp === LOOPBACK_V6 || (serverIp === localIp && !isUnset(serverIp))
}

/** Whether the peer of a server's socket is the socket that asked. Addresses mean something only within one network namespace. */
function isOfPeer(query: Query, transfer: Transfer): boolean {
  if (query.localPort === 0 || query.localPort !== transfer.remotePort) return false
  if (query.containerId !== transfer.containerId || (query.owner.netns ?? 0) !== transfer.netns) return false
  return query.localIp === transfer.remoteIp || isUnset(query.localIp)
}

/**
 * The name with `_` for each byte that no host name has: so a name below a bad domain is known to be there, however it begins. Undefined where
 * that is none either.
 */
function hostNameOf(name: string): string | undefined {
  if (isDomainName(name)) return name
  const plain = name.replace(NOT_OF_HOSTS, '_')
  return isDomainName(plain) ? plain : undefined
}

/** With the escapes of zone files, which stand for one byte. */
const NOT_OF_HOSTS: RegExp = /\\\d{3}|\\.|[^a-z0-9._-]/g

function isSameQuestion(asked: DnsQuestion, answered: DnsQuestion | undefined): boolean {
  return answered !== undefined && asked.type === answered.type && asked.name === answered.name
}

function isUnset(ip: Ip | undefined): boolean {
  return ip === undefined || ip === 0 || ip === UNSET_V6
}

const UNSET_V6: string = '\0'.repeat(16)
const LOOPBACK_V4 = 0x7f000001
const LOOPBACK_V6: string = `${'\0'.repeat(15)}\x01`

function endpointText(ip: Ip, port: number): string {
  const text = renderIp(ip)
  if (port === DNS_PORT) return text
  return typeof ip === 'number' ? `${text}:${port}` : `[${text}]:${port}`
}

function keptBytesOf(connection: Connection): number {
  return connection.sent.keptBytes + connection.received.keptBytes
}
