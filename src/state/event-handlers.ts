import type { EventRecord } from '../events/event-record.ts'
import { eventTable } from '../events/event-table.ts'
import { containerHandlers } from './container-events.ts'
import { fdHandlers } from './fd-events.ts'
import type { HostState } from './host-state.ts'
import { processHandlers } from './process-events.ts'
import { socketHandlers } from './socket-events.ts'

/** Changes the state by one event; the context (`state.current`) has the thread and the fd the event refers to. Never throws. */
export type EventHandler = (state: HostState, rec: EventRecord) => void

/** Handlers by event name; they apply to every current version of the event. */
export type HandlerTable = Readonly<Record<string, EventHandler>>

function byCode(tables: readonly HandlerTable[]): readonly (EventHandler | undefined)[] {
  const byName = new Map<string, EventHandler>(tables.flatMap(table => Object.entries(table)))
  return eventTable.map(info => {
    const isDelivered = info.isExit || TRACEPOINTS.has(info.name) || THREADLESS.has(info.name)
    return isDelivered && !info.isOld ? byName.get(info.name) : undefined
  })
}

/** Events that no thread made. */
const THREADLESS: ReadonlySet<string> = new Set([
  'container',
  'useradded',
  'userdeleted',
  'groupadded',
  'groupdeleted',
  'pluginevent',
  'asyncevent',
])

const TRACEPOINTS: ReadonlySet<string> = new Set(['procexit', 'switch'])

/** Events that bring no unknown thread into the table: they tell of its end, or bring it themselves. */
const NO_NEW_THREAD: ReadonlySet<string> = new Set(['clone', 'clone3', 'fork', 'vfork', 'switch', 'procexit'])

/** Handlers by event code. */
export const eventHandlers: readonly (EventHandler | undefined)[] = byCode([
  processHandlers,
  fdHandlers,
  socketHandlers,
  containerHandlers,
])

const threadless: readonly boolean[] = eventTable.map(info => THREADLESS.has(info.name))
const invents: readonly boolean[] = eventTable.map(info => !NO_NEW_THREAD.has(info.name))

const ends: readonly boolean[] = eventTable.map(info => info.name === 'procexit')

/** The first fd parameter after the result, for events that use an fd (libscap `get_exit_event_fd_location`). */
const fdPositions: readonly number[] = eventTable.map(info =>
  info.usesFd && info.isExit ? info.params.findIndex((param, i) => i >= 1 && param.type === 'FD') : -1,
)

export function isThreadless(code: number): boolean {
  return threadless[code]!
}

export function inventsThread(code: number): boolean {
  return invents[code]!
}

/** Whether the thread is gone with the event. */
export function endsThread(code: number): boolean {
  return ends[code]!
}

/** Which parameter is the event's fd; −1 when it uses none. */
export function fdPositionOf(code: number): number {
  return fdPositions[code]!
}
