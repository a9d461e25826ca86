import { eventTable } from './event-table.ts'
import type { EventRecord } from './event-record.ts'
import type { FdEntry, GroupEntry, InterfaceEntry, MachineInfo, ProcessEntry, SourceSink, UserEntry } from './source.ts'

/** The bytes of an event with header v2. */
export function encodeEvent(
  code: number,
  params: readonly Uint8Array[],
  head: { readonly ts?: bigint; readonly tid?: number } = {},
): Buffer {
  const wide = eventTable[code]?.isLarge === true ? 4 : 2
  const lens = Buffer.alloc(params.length * wide)
  for (const [i, param] of params.entries()) lens.writeUIntLE(param.length, i * wide, wide)
  const bytes = Buffer.concat([Buffer.alloc(26), lens, ...params])
  bytes.writeBigUInt64LE(head.ts ?? 0n, 0)
  bytes.writeBigInt64LE(BigInt(head.tid ?? 1), 8)
  bytes.writeUInt32LE(bytes.length, 16)
  bytes.writeUInt16LE(code, 20)
  bytes.writeUInt32LE(params.length, 22)
  return bytes
}

/** A number as little-endian bytes. */
export function le(size: 1 | 2 | 4 | 8, value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)))
  return bytes.subarray(0, size)
}

/** An event as its bytes, CPU and number. */
export interface CollectedEvent {
  readonly num: number
  readonly cpu: number
  readonly bytes: string
}

export type Collected =
  | { readonly kind: 'reset' }
  | { readonly kind: 'machine'; readonly value: MachineInfo }
  | { readonly kind: 'interface'; readonly value: InterfaceEntry }
  | { readonly kind: 'user'; readonly value: UserEntry }
  | { readonly kind: 'group'; readonly value: GroupEntry }
  | { readonly kind: 'process'; readonly value: ProcessEntry }
  | { readonly kind: 'fd'; readonly tid: number; readonly value: FdEntry }

/** A sink for tests that keeps all it is told. */
export class CollectingSink implements SourceSink {
  readonly state: Collected[] = []
  readonly events: CollectedEvent[] = []
  private readonly onEvent: ((record: EventRecord) => boolean) | undefined

  constructor(onEvent?: (record: EventRecord) => boolean) {
    this.onEvent = onEvent
  }

  reset(): void {
    this.state.push({ kind: 'reset' })
  }

  machine(value: MachineInfo): void {
    this.state.push({ kind: 'machine', value })
  }

  networkInterface(value: InterfaceEntry): void {
    this.state.push({ kind: 'interface', value })
  }

  user(value: UserEntry): void {
    this.state.push({ kind: 'user', value })
  }

  group(value: GroupEntry): void {
    this.state.push({ kind: 'group', value })
  }

  process(value: ProcessEntry): void {
    this.state.push({ kind: 'process', value })
  }

  fd(tid: number, value: FdEntry): void {
    this.state.push({ kind: 'fd', tid, value })
  }

  event(record: EventRecord): boolean {
    const bytes = record.bytes.toString('latin1', record.start, record.end)
    this.events.push({ num: record.num, cpu: record.cpu, bytes })
    return this.onEvent?.(record) ?? true
  }
}

/** The names of the captures in the shared folder. */
export const sharedCaptures: readonly string[] = [
  'net',
  'sec',
  'mixed',
  'ctr',
  'curl_google',
  'single_ipv6_conn',
  'test_ipv6_client',
]

/** Where captures recorded elsewhere lie; not part of the repository. */
export const sharedFolder: URL = new URL('../../../shared/data/captures/', import.meta.url)
