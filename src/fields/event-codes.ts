import { eventTable } from '../events/event-table.ts'

/** The code of the generic system call event, which carries the real call as a parameter. */
export const GENERIC_EXIT = 1

/** Marks above an event's own category (`ppm_event_category`). */
const SYSCALL_BIT = 512
const META_BIT = 4096
const OWN_CATEGORY = SYSCALL_BIT - 1

// Every start asks for hundreds of names.
const singleCodes = new Map<string, number>()
const exitCodes = new Map<string, number>()
for (const { name, code, isExit, isOld } of eventTable) {
  if (isOld) continue
  if (!singleCodes.has(name)) singleCodes.set(name, code)
  if (isExit && !exitCodes.has(name)) exitCodes.set(name, code)
}

/** The code of the current exit event `name`; −1 when there is none. */
export function exitCode(name: string): number {
  return exitCodes.get(name) ?? -1
}

/** The code of the current event `name` that has one code for both directions (tracepoints, meta events); −1 when there is none. */
export function singleCode(name: string): number {
  return singleCodes.get(name) ?? -1
}

/** Exit events that several groups of fields look into. */
export const OPEN: number = exitCode('open')
export const OPENAT: number = exitCode('openat')
export const OPENAT2: number = exitCode('openat2')
export const OPEN_BY_HANDLE_AT: number = exitCode('open_by_handle_at')
export const CREAT: number = exitCode('creat')
export const CONNECT: number = exitCode('connect')
export const ACCEPT: number = exitCode('accept')
export const ACCEPT4: number = exitCode('accept4')

function perCode(value: (event: (typeof eventTable)[number]) => number): Uint8Array {
  return Uint8Array.from(eventTable, value)
}

const isSyscallCode: Uint8Array = perCode(event => ((event.category & SYSCALL_BIT) !== 0 ? 1 : 0))
const isMetaCode: Uint8Array = perCode(event => ((event.category & META_BIT) !== 0 ? 1 : 0))
const isFdCode: Uint8Array = perCode(event => (event.createsFd || event.usesFd || event.destroysFd ? 1 : 0))
const hasResultCode: Uint8Array = perCode(event =>
  event.isExit && (event.category & SYSCALL_BIT) !== 0 && event.code !== GENERIC_EXIT && event.params.length > 0
    ? 1
    : 0,
)
const categories: Uint16Array = Uint16Array.from(eventTable, event => event.category & OWN_CATEGORY)

export function isSyscall(code: number): boolean {
  return isSyscallCode[code] === 1
}

/** Events that libraries and plugins make: container, asyncevent, drop, … */
export function isMetaEvent(code: number): boolean {
  return isMetaCode[code] === 1
}

/** Whether the event makes, uses or closes an fd: the others have no `fd.*` fields. */
export function isFdEvent(code: number): boolean {
  return isFdCode[code] === 1
}

/** Whether the event's first parameter is the system call's result. */
export function hasResult(code: number): boolean {
  return hasResultCode[code] === 1
}

/** The event's category without the marks of its origin (`ppm_event_category`). */
export function categoryOf(code: number): number {
  return categories[code] ?? 0
}

const positions = new Map<string, Int8Array>()

/** Where each event has the parameter `name`: an index per event code, −1 for none. */
export function paramPositions(name: string): Int8Array {
  let at = positions.get(name)
  if (at === undefined) {
    at = Int8Array.from(eventTable, event => event.paramIndex.get(name) ?? -1)
    positions.set(name, at)
  }
  return at
}
