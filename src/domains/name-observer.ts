/**
 * Watches what processes send and receive for the names that they use: DNS. It sees each event after the state and before the rules, so
 * that a rule judges a connection with the answer that came before it.
 */
import { eventTable } from '../events/event-table.ts'
import { type DnsCounters, DnsObserver, type DnsObserverOptions, type DnsPayload } from './dns-observer.ts'
import { isTransfer, type SocketEvent, Transfer } from './transfer.ts'

export interface NameObserverOptions {
  readonly learn: DnsObserverOptions['learn']
  /** Where DNS servers listen; 53 unless said otherwise. */
  readonly dnsPorts?: readonly number[]
  /** Whose answers are believed; all that are asked unless said otherwise. */
  readonly isTrusted?: DnsObserverOptions['isTrusted']
}

/** What was understood of an event's payload. */
export type ObservedPayload = DnsPayload

export interface ObserverCounters {
  readonly dns: DnsCounters
}

export class NameObserver {
  /** 1 for the codes of events that it wants to see. */
  readonly wants: Uint8Array = Uint8Array.from(eventTable, info => (isTransfer(info.code) ? 1 : 0))
  readonly #transfer: Transfer = new Transfer()
  readonly #dns: DnsObserver

  constructor(options: NameObserverOptions) {
    const { learn, dnsPorts, isTrusted } = options
    this.#dns = new DnsObserver({
      learn,
      ...(dnsPorts !== undefined && { ports: dnsPorts }),
      ...(isTrusted !== undefined && { isTrusted }),
    })
  }

  /** Takes in an event that it wants; gives what its payload says, where it is understood. */
  observe(event: SocketEvent): ObservedPayload | undefined {
    const transfer = this.#transfer
    if (!transfer.read(event)) return undefined
    return this.#dns.concerns(transfer) ? this.#dns.observe(transfer) : undefined
  }

  counters(): ObserverCounters {
    return { dns: this.#dns.counters() }
  }
}
