/**
 * Watches what processes send and receive for the names that they use: DNS, and the first bytes of TLS and HTTP connections. It sees each
 * event after the state and before the rules, so that a rule judges a connection with the answer that came before it.
 */
import { eventTable } from '../events/event-table.ts'
import { ASYNC_EVENT, ownEventData, ownEventName } from '../events/own-event.ts'
import { normaliseDomain } from '../values/domain-name.ts'
import { parseIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { type BindingFact, timeOf } from './binding.ts'
import { type Asker, type DnsCounters, DnsObserver, type DnsObserverOptions, type DnsPayload } from './dns-observer.ts'
import {
  type HttpPayload,
  type OpeningCounters,
  OpeningObserver,
  type OpeningObserverOptions,
  type TlsPayload,
} from './opening-observer.ts'
import { readLibraryAnswer } from './library-answer.ts'
import { ProcessOwners } from './process-owners.ts'
import { type ServiceCounters, type ServiceName, ServiceObserver } from './service-observer.ts'
import { type QuicCounters, QuicObserver } from './quic-observer.ts'
import { RefusedAnswers } from './refused-answers.ts'
import { isTransfer, type SocketEvent, Transfer } from './transfer.ts'
import { type Home, type Inhabitant, WorkloadHomes } from './workload-homes.ts'
import { parseToldFile, WorkloadFiles, type WorkloadFilesOptions } from './workload-files.ts'

export interface NameObserverOptions {
  readonly learn: DnsObserverOptions['learn']
  readonly isBound: OpeningObserverOptions['isBound']
  /** A process has ended (`NameIndex.endProcess`); absent: nobody wants to know. */
  readonly endProcess?: (pid: number, atMs: number) => void
  /** Where DNS servers listen; 53 unless said otherwise. */
  readonly dnsPorts?: readonly number[]
  /** Takes back what `learn` took in (`NameIndex.retract`). */
  readonly retract?: WorkloadFilesOptions['retract']
  /** Whether the process at hand knows it itself (`NameIndex.isOwn`); absent: it never does. */
  readonly isOwn?: OpeningObserverOptions['isBound']
  /** Servers that are trusted whoever asks; absent: those that the resolv.conf of whoever asks names. */
  readonly isTrusted?: (server: Ip) => boolean
  /** What the C library says is believed though nothing else says so. */
  readonly trustsLibrary?: boolean
  /** Whether a name service of this machine that is root's is believed the same way; it is unless said otherwise. */
  readonly isTrustedService?: (service: ServiceName) => boolean
  /** Asks for the files of a mount namespace; absent: they are only taken as they come. */
  readonly wantFiles?: WorkloadFilesOptions['want']
  /** See `DnsObserverOptions`. */
  readonly doubtsUnknownSockets?: boolean
}

/** What was understood of an event's payload. */
export type ObservedPayload = DnsPayload | TlsPayload | HttpPayload

export interface ObserverCounters {
  readonly dns: DnsCounters
  readonly openings: OpeningCounters
  readonly quic: QuicCounters
  readonly files: FileCounters
  readonly library: LibraryCounters
  readonly services: ServiceCounters
}

export interface FileCounters {
  /** Mount namespaces whose files are known, or asked for. */
  readonly namespaces: number
  /** Answers that were taken otherwise once the resolv.conf was known: that names their server, or does not. */
  readonly revised: number
}

export interface LibraryCounters {
  /** Answers of `getaddrinfo`; addresses in them that nothing else says the name has. */
  readonly answers: number
  readonly unconfirmed: number
}

/** What stands for the C library where a name server would: `fd.sip.name.resolver`. */
const LIBRARY = 'getaddrinfo'

const isExec: readonly boolean[] = eventTable.map(
  ({ name, isExit, isOld }) => isExit && !isOld && name.startsWith('execve'),
)
const PROCEXIT: number = eventTable.find(info => info.name === 'procexit' && !info.isOld)!.code
const CONNECT: number = eventTable.find(info => info.name === 'connect' && info.isExit && !info.isOld)!.code

export class NameObserver {
  /** 1 for the codes of events that it wants to see. */
  readonly wants: Uint8Array = Uint8Array.from(eventTable, ({ code }) =>
    isTransfer(code) || code === CONNECT || code === PROCEXIT || isExec[code] || code === ASYNC_EVENT ? 1 : 0,
  )
  /** What was not believed of late. */
  readonly refused: RefusedAnswers = new RefusedAnswers()
  readonly #endProcess: ((pid: number, atMs: number) => void) | undefined
  readonly #owners: ProcessOwners = new ProcessOwners()
  readonly #transfer: Transfer = new Transfer()
  readonly #dns: DnsObserver
  readonly #openings: OpeningObserver
  readonly #quic: QuicObserver = new QuicObserver()
  readonly #services: ServiceObserver
  readonly #files: WorkloadFiles
  readonly #homes: WorkloadHomes = new WorkloadHomes()
  readonly #options: NameObserverOptions
  #libraryAnswers = 0
  #libraryUnconfirmed = 0

  constructor(options: NameObserverOptions) {
    const { learn, isBound, dnsPorts, isTrusted, wantFiles, retract = () => {} } = options
    this.#options = options
    const files = new WorkloadFiles({ learn, retract, ...(wantFiles !== undefined && { want: wantFiles }) })
    this.#files = files
    this.#endProcess = options.endProcess
    const owners = this.#owners
    this.#openings = new OpeningObserver({ learn, isBound, owners })
    const { isTrustedService } = options
    this.#services = new ServiceObserver({
      learn,
      isBound,
      owners,
      onRefused: (fact, atMs) => this.refused.add(fact, atMs),
      ...(isTrustedService !== undefined && { isTrusted: isTrustedService }),
    })
    this.#dns = new DnsObserver({
      learn,
      owners,
      onRefused: (fact, atMs) => this.refused.add(fact, atMs),
      ...(dnsPorts !== undefined && { ports: dnsPorts }),
      doubtsUnknownSockets: options.doubtsUnknownSockets ?? false,
      trust: {
        standingOf: (server, asker) => {
          const { containerId, netns, mntns, netnsUid, pid } = asker
          const home = this.#homes.of(asker)
          // Who makes a network can give it any address, also that of a server that is trusted elsewhere.
          if (netnsUid !== 0 || (containerId !== '' && netns !== home.netns)) return 'untrusted'
          if (isTrusted !== undefined) return isTrusted(server) ? 'trusted' : 'untrusted'
          // So with files; but who lives in those that were put there for it need not be doubted until they are read.
          const isOwn = hasOwnFiles(asker, home)
          files.need(mntns, pid, isOwn)
          return files.standingOf(server, mntns, isOwn ? home.mntns : mntns)
        },
        onUnsettled: (fact, server, { mntns }) => files.unsettled(fact, server, mntns),
      },
    })
  }

  /** Takes in an event that it wants; gives what its payload says, where it is understood. */
  observe(event: SocketEvent): ObservedPayload | undefined {
    if (event.rec.type === CONNECT) {
      this.#openings.begin(event)
      this.#services.begin(event)
      return undefined
    }
    if (event.rec.type === PROCEXIT) {
      // The other threads of a process end before its first one, or go on for a moment without it.
      const { thread, rec } = event
      if (thread !== undefined && thread.pid === rec.tid) {
        this.#owners.forget(thread.pid)
        this.#dns.endProcess(thread.pid)
        this.#files.endProcess(thread.pid)
        this.#endProcess?.(thread.pid, timeOf(event))
      }
      return undefined
    }
    if (isExec[event.rec.type]) {
      // A container's own program is the first that runs once its files are in place.
      const { thread } = event
      if (thread?.mntns === undefined || thread.mntns === 0) return undefined
      const who = inhabitant(thread)
      this.#homes.onProgram(who, thread.tid ?? -1, thread.vpid ?? -1)
      this.#files.need(thread.mntns, thread.pid, hasOwnFiles(who, this.#homes.known(who.containerId) ?? who))
      return undefined
    }
    if (event.rec.type === ASYNC_EVENT) {
      this.#onOwnEvent(event)
      return undefined
    }
    const transfer = this.#transfer
    if (this.#services.isAnnounced(event)) {
      if (transfer.readAny(event) && transfer.readRest(event)) this.#services.observe(transfer, event)
      return undefined
    }
    if (!transfer.read(event)) return undefined
    if (this.#dns.concerns(transfer)) return transfer.readRest(event) ? this.#dns.observe(transfer) : undefined
    if (!transfer.isSend) return undefined
    if (!transfer.isStream) return transfer.readRest(event) ? this.#onDatagram(transfer, event) : undefined
    if (!this.#openings.isAwaited(event)) return undefined
    return transfer.readRest(event) ? this.#openings.observe(transfer, event) : undefined
  }

  /** Nobody lives in the mount namespace any more through whom its files could be read. */
  orphanFiles(mntns: number): void {
    this.#files.orphan(mntns)
  }

  counters(): ObserverCounters {
    return {
      dns: this.#dns.counters(),
      openings: this.#openings.counters(),
      quic: this.#quic.counters(),
      files: { namespaces: this.#files.size, revised: this.#files.revised },
      library: { answers: this.#libraryAnswers, unconfirmed: this.#libraryUnconfirmed },
      services: this.#services.counters(),
    }
  }

  #onDatagram(transfer: Transfer, event: SocketEvent): TlsPayload | undefined {
    const hello = this.#quic.observe(transfer, event)
    const ip = hello === undefined ? undefined : transfer.remoteIp
    return hello === undefined || ip === undefined ? undefined : this.#openings.hello(hello, ip, event)
  }

  #onOwnEvent(event: SocketEvent): void {
    const name = ownEventName(event.rec)
    if (name === 'tiercel_getaddrinfo') this.#onLibraryAnswer(event)
    if (name === 'tiercel_service') this.#services.announce(event.rec)
    const { thread } = event
    if (name === 'tiercel_namespaces' && thread !== undefined)
      this.#homes.onNamespaces(inhabitant(thread), thread.tid ?? -1, thread.vpid ?? -1)
    if (name !== 'tiercel_resolv_conf' && name !== 'tiercel_hosts') return
    const file = parseToldFile(ownEventData(event.rec))
    if (file === undefined) return
    if (name === 'tiercel_hosts') this.#files.setHosts(file, timeOf(event))
    else this.#files.setServers(file, timeOf(event))
  }

  /**
   * Says which name the process asked for. That the name has the addresses it says, too, but a process can make its library say
   * anything: so something else must say it as well, as for server names.
   */
  #onLibraryAnswer(event: SocketEvent): void {
    const answer = readLibraryAnswer(event.rec)
    const name = answer === undefined ? undefined : normaliseDomain(answer.name)
    const { pid = -1, containerId = '', netns = 0 } = event.thread ?? {}
    if (answer === undefined || name === undefined || pid <= 0 || parseIp(name) !== undefined) return
    this.#libraryAnswers++
    const { learn, isBound, isOwn, trustsLibrary = false } = this.#options
    const owner = this.#owners.of(pid, containerId, netns)
    const atMs = timeOf(event)
    for (const ip of answer.ips) {
      if (isOwn?.(name, ip, event) === true) continue
      const isConfirmed = isBound(name, ip, event)
      if (!isConfirmed) this.#libraryUnconfirmed++
      const untrusted = !isConfirmed && !trustsLibrary
      const fact: BindingFact = { name, ip, evidence: 'observed', owner, fromMs: atMs, ttlSec: 0, resolver: LIBRARY }
      learn(untrusted ? { ...fact, untrusted } : fact, atMs)
    }
  }
}

function inhabitant({
  containerId,
  netns = 0,
  mntns = 0,
  mntnsUid = 0,
}: NonNullable<SocketEvent['thread']>): Inhabitant & { readonly mntnsUid: number } {
  return { containerId, netns, mntns, mntnsUid }
}

/** Whether it lives in a mount namespace that it may have made itself. */
function hasOwnFiles(
  { containerId, mntns, mntnsUid }: Pick<Asker, 'containerId' | 'mntns' | 'mntnsUid'>,
  home: Home,
): boolean {
  return containerId === '' ? mntnsUid !== 0 : mntns !== home.mntns
}
