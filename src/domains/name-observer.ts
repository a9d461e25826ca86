/**
 * Watches what processes send and receive for the names that they use: DNS, and the first bytes of TLS and HTTP connections. It sees each
 * event after the state and before the rules, so that a rule judges a connection with the answer that came before it.
 */
import { eventTable } from '../events/event-table.ts'
import { timeOf } from './binding.ts'
import { type DnsCounters, DnsObserver, type DnsObserverOptions, type DnsPayload } from './dns-observer.ts'
import {
  type HttpPayload,
  type OpeningCounters,
  OpeningObserver,
  type OpeningObserverOptions,
  type TlsPayload,
} from './opening-observer.ts'
import { RefusedAnswers } from './refused-answers.ts'
import { isTransfer, type SocketEvent, Transfer } from './transfer.ts'

export interface NameObserverOptions {
  readonly learn: DnsObserverOptions['learn']
  readonly isBound: OpeningObserverOptions['isBound']
  /** A process has ended (`NameIndex.endProcess`); absent: nobody wants to know. */
  readonly endProcess?: (pid: number, atMs: number) => void
  /** Where DNS servers listen; 53 unless said otherwise. */
  readonly dnsPorts?: readonly number[]
  /** Whose answers are trusted; all that are asked unless said otherwise. */
  readonly isTrusted?: DnsObserverOptions['isTrusted']
}

/** What was understood of an event's payload. */
export type ObservedPayload = DnsPayload | TlsPayload | HttpPayload

export interface ObserverCounters {
  readonly dns: DnsCounters
  readonly openings: OpeningCounters
}

const PROCEXIT: number = eventTable.find(info => info.name === 'procexit' && !info.isOld)!.code
const CONNECT: number = eventTable.find(info => info.name === 'connect' && info.isExit && !info.isOld)!.code

export class NameObserver {
  /** 1 for the codes of events that it wants to see. */
  readonly wants: Uint8Array = Uint8Array.from(eventTable, ({ code }) =>
    isTransfer(code) || code === CONNECT || code === PROCEXIT ? 1 : 0,
  )
  /** What was not believed of late. */
  readonly refused: RefusedAnswers = new RefusedAnswers()
  readonly #endProcess: ((pid: number, atMs: number) => void) | undefined
  readonly #transfer: Transfer = new Transfer()
  readonly #dns: DnsObserver
  readonly #openings: OpeningObserver

  constructor(options: NameObserverOptions) {
    const { learn, isBound, dnsPorts, isTrusted } = options
    this.#endProcess = options.endProcess
    this.#openings = new OpeningObserver({ learn, isBound })
    this.#dns = new DnsObserver({
      learn,
      onRefused: (fact, atMs) => this.refused.add(fact, atMs),
      ...(dnsPorts !== undefined && { ports: dnsPorts }),
      ...(isTrusted !== undefined && { isTrusted }),
    })
  }

  /** Takes in an event that it wants; gives what its payload says, where it is understood. */
  observe(event: SocketEvent): ObservedPayload | undefined {
    if (event.rec.type === CONNECT) {
      this.#openings.begin(event)
      return undefined
    }
    if (event.rec.type === PROCEXIT) {
      // The other threads of a process end before its first one, or go on for a moment without it.
      const { thread, rec } = event
      if (thread !== undefined && thread.pid === rec.tid) this.#endProcess?.(thread.pid, timeOf(event))
      return undefined
    }
    const transfer = this.#transfer
    if (!transfer.read(event)) return undefined
    if (this.#dns.concerns(transfer)) return this.#dns.observe(transfer)
    return transfer.isSend && transfer.isStream ? this.#openings.observe(transfer, event) : undefined
  }

  counters(): ObserverCounters {
    return { dns: this.#dns.counters(), openings: this.#openings.counters() }
  }
}
