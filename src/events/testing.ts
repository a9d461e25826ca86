import type { EventRecord } from './event-record.ts'
import type { FdEntry, GroupEntry, InterfaceEntry, MachineInfo, ProcessEntry, SourceSink, UserEntry } from './source.ts'

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

/** A sink that takes events alone; one that answers `false` stops the source. */
export function eventSink(event: (record: EventRecord) => unknown): SourceSink {
  return {
    machine() {},
    networkInterface() {},
    user() {},
    group() {},
    process() {},
    fd() {},
    event: record => event(record) !== false,
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
