import type { EventInfo } from '../events/event-table.ts'

/** What is certain of every event of one code, before it is read. */
export interface EventFacts {
  readonly code: number
  /** `evt.type`; undefined when it differs from event to event (generic system calls, plugin and async events). */
  readonly evtType: string | undefined
  /** `syscall.type`; null when events of this code never have one, undefined as for `evtType`. */
  readonly syscallType: string | null | undefined
}

/** Bit of an event's category: it is a system call (`EC_SYSCALL` of the event table). */
const SYSCALL_BIT = 512

const NAMED_BY_CONTENT: ReadonlySet<string> = new Set(['syscall', 'pluginevent', 'asyncevent'])

export function eventFacts(info: EventInfo): EventFacts {
  const name = NAMED_BY_CONTENT.has(info.name) ? undefined : info.name
  const isSyscall = (info.category & SYSCALL_BIT) !== 0
  return { code: info.code, evtType: name, syscallType: isSyscall ? name : null }
}
