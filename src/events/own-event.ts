/**
 * Events of our own, which no system call makes: async events (scap's `asyncevent`) with a name and data, so that captures with them open
 * everywhere. The probe tells `namespaces`, `getaddrinfo` and `service`, /proc the others; a recording keeps them, and a replay takes them in.
 *
 *   tiercel_namespaces   the thread's network and mount namespace: two numbers with a blank between; where it is known, for each the user that
 *                        made the user namespace which it belongs to: two more
 *   tiercel_resolv_conf  of a mount namespace: its number (0 for the host's), then the name servers of its resolv.conf, a line each
 *   tiercel_hosts        of a mount namespace: its number, `untrusted` where others than root may have written it, then the text of its hosts file
 *   tiercel_getaddrinfo  what the C library told the thread; see `domains/library-answer.ts`
 *   tiercel_service      the thread's next connect or transfer is of a name service's unix socket: the descriptor, the socket's inode, whose
 *                        the service is (a user of the first user namespace; 4294967295 when it has closed its end), its path
 *
 * What the agent itself knows of names is in another one, `domains/names-event.ts`.
 */
import { paramText } from './decode-record.ts'
import { le, makeRecord, withNul } from './encode-event.ts'
import { eventTable } from './event-table.ts'
import type { EventRecord } from './event-record.ts'
import type { ByteText } from '../values/value.ts'

export type OwnEventName =
  | 'tiercel_namespaces'
  | 'tiercel_resolv_conf'
  | 'tiercel_hosts'
  | 'tiercel_getaddrinfo'
  | 'tiercel_service'

const NAMES: ReadonlySet<string> = new Set<OwnEventName>([
  'tiercel_namespaces',
  'tiercel_resolv_conf',
  'tiercel_hosts',
  'tiercel_getaddrinfo',
  'tiercel_service',
])

/** Their code, which other async events have too. */
export const ASYNC_EVENT: number = eventTable.find(info => info.name === 'asyncevent' && !info.isOld)!.code

export interface OwnEvent {
  readonly name: OwnEventName
  readonly data: ByteText
  readonly tid: number
  readonly tsNs: bigint
}

/** The event as a record of its own. */
export function makeOwnEvent({ name, data, tid, tsNs }: OwnEvent): EventRecord {
  return makeRecord(ASYNC_EVENT, [le(4, 0), withNul(name), withNul(data)], { ts: tsNs, tid })
}

/** What kind of event of our own it is; undefined for others. */
export function ownEventName(record: EventRecord): OwnEventName | undefined {
  if (record.type !== ASYNC_EVENT) return undefined
  const name = paramText(record, 1)
  return name !== undefined && NAMES.has(name) ? (name as OwnEventName) : undefined
}

export function ownEventData(record: EventRecord): ByteText {
  return paramText(record, 2) ?? ''
}
