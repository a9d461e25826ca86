/**
 * Events of our own, which no system call makes: async events (scap's `asyncevent`) with a name and data, so that captures with them open
 * everywhere. The probe tells `namespaces` and `getaddrinfo`, /proc the others; a recording keeps them, and a replay takes them in.
 *
 *   namespaces    the thread's network and mount namespace: two numbers with a blank between
 *   resolv_conf   what a mount namespace's resolv.conf says, with its number before it
 *   hosts         what its hosts file says, the same way
 *   getaddrinfo   what the C library told the thread; see `domains/getaddrinfo-answer.ts`
 */
import { attachBytes, createRecord, paramText, readRecord } from './decode-record.ts'
import { encodeEvent, le } from './encode-event.ts'
import { eventTable } from './event-table.ts'
import type { EventRecord } from './event-record.ts'
import type { ByteText } from '../values/value.ts'

export type OwnEventName = 'namespaces' | 'resolv_conf' | 'hosts' | 'getaddrinfo'

const CODE: number = eventTable.find(info => info.name === 'asyncevent' && !info.isOld)!.code

export interface OwnEvent {
  readonly name: OwnEventName
  readonly data: ByteText
  readonly tid: number
  readonly tsNs: bigint
}

/** The event as a record of its own. */
export function makeOwnEvent({ name, data, tid, tsNs }: OwnEvent): EventRecord {
  const text = (value: ByteText): Buffer => Buffer.from(`${value}\0`, 'latin1')
  const bytes = encodeEvent(CODE, [le(4, 0), text(name), text(data)], { ts: tsNs, tid })
  const record = createRecord()
  attachBytes(record, bytes)
  readRecord(record, 0, bytes.length)
  return record
}

/** What kind of event of our own it is; undefined for others. */
export function ownEventName(record: EventRecord): OwnEventName | undefined {
  if (record.type !== CODE) return undefined
  const name = paramText(record, 1)
  return name === 'namespaces' || name === 'resolv_conf' || name === 'hosts' || name === 'getaddrinfo'
    ? name
    : undefined
}

export function ownEventData(record: EventRecord): ByteText {
  return paramText(record, 2) ?? ''
}
