/**
 * Which system calls must be traced so that the loaded rules can match and the state stays true. Each call that is left out costs its
 * callers nothing, so the set is as small as the rules allow: those that rules name, those that keep processes and fds known, nothing
 * else. The keys are Falco's (`base_syscalls`), and so is their meaning.
 */
import { eventLookup, genericCodes, syscallCode } from '../events/event-lookup.ts'
import { eventTable } from '../events/event-table.ts'
import type { PlanExpr, PlannedRule } from '../rules/plan.ts'

export interface BaseSyscalls {
  /** Names in place of our own base set; `!name` takes one away. */
  readonly customSet: readonly string[]
  /** Only what the calls that rules name cannot do without. */
  readonly repair: boolean
  /** Also calls that come so often that nobody wants them by accident. */
  readonly all: boolean
}

/** Where no configuration says otherwise. */
export const OWN_BASE: BaseSyscalls = { customSet: [], repair: false, all: false }

export interface WantedEvents {
  /** System calls by their kernel name. */
  readonly syscalls: ReadonlySet<string>
  /** Tracepoints by the names of their events; `procexit` always. */
  readonly tracepoints: ReadonlySet<string>
  /** Calls that rules name and that are not traced: too frequent without `all`, or taken away by `customSet`. */
  readonly notTraced: readonly string[]
  /** Names of `customSet` that no call has. */
  readonly unknown: readonly string[]
}

const SYSCALL_CATEGORY = 512
/** `ppm_event_category`. */
const FILE = 2
const NET = 3
const IO_READ = 32
const IO_WRITE = 33
const IO_OTHER = 34
const TRACEPOINTS: ReadonlySet<string> = new Set(['switch', 'procexit', 'signaldeliver', 'page_fault'])

/** System calls of events that are called otherwise. */
const callsOfEvent: ReadonlyMap<string, readonly string[]> = new Map([
  ['pread', ['pread64']],
  ['pwrite', ['pwrite64']],
  ['prlimit', ['prlimit64']],
  ['llseek', ['_llseek']],
  ['sendfile', ['sendfile', 'sendfile64']],
  ['fcntl', ['fcntl', 'fcntl64']],
  ['setuid', ['setuid', 'setuid32']],
  ['setgid', ['setgid', 'setgid32']],
  ['setresuid', ['setresuid', 'setresuid32']],
  ['setresgid', ['setresgid', 'setresgid32']],
])

/** What the state of processes follows from, whatever the rules. Process ends are always told. */
const processState: readonly string[] = [
  'clone',
  'clone3',
  'fork',
  'vfork',
  'execve',
  'execveat',
  'chdir',
  'fchdir',
  'chroot',
  'capset',
  'prctl',
  'setuid',
  'setgid',
  'setreuid',
  'setregid',
  'setresuid',
  'setresgid',
  'setpgid',
  'setsid',
  'setns',
  'unshare',
]

/** What keeps fds and sockets known: Falco's own state set, by its `modifies_state` flag, but for `dataCalls`. */
const fdState: readonly string[] = [
  'open',
  'openat',
  'openat2',
  'open_by_handle_at',
  'creat',
  'close',
  'close_range',
  'dup',
  'dup2',
  'dup3',
  'fcntl',
  'pipe',
  'pipe2',
  'socket',
  'socketpair',
  'bind',
  'connect',
  'accept',
  'accept4',
  'shutdown',
  'getsockopt',
  'eventfd',
  'eventfd2',
  'signalfd',
  'signalfd4',
  'timerfd_create',
  'inotify_init',
  'inotify_init1',
  'epoll_create',
  'epoll_create1',
  'userfaultfd',
  'io_uring_setup',
  'memfd_create',
  'pidfd_open',
  'pidfd_getfd',
  'bpf',
  'mount',
  'umount',
  'umount2',
]

/**
 * Falco traces these for its state too: the peer of a UDP socket without one. They come as often as reads and writes, so here they are traced
 * when rules name them; those that tell names of addresses are told apart in the kernel (`observesNames`).
 */
const dataCalls: readonly string[] = ['sendto', 'sendmsg', 'sendmmsg', 'recvfrom', 'recvmsg', 'recvmmsg']

/** Input and output comes by the million: left out unless `all` is set, but for what the state follows from. */
function isFrequent(name: string): boolean {
  const category = categoryOf(name)
  return (category === IO_READ || category === IO_WRITE) && !notFrequent.has(name)
}

/** The events (names) that a call of this family needs to be understood; for `repair`. */
const repairs: readonly { readonly any: (name: string) => boolean; readonly needs: readonly string[] }[] = [
  { any: name => categoryOf(name) === NET, needs: ['socket', 'getsockopt', 'close'] },
  { any: name => ['accept', 'accept4', 'listen'].includes(name), needs: ['bind'] },
  { any: name => [FILE, IO_READ, IO_WRITE, IO_OTHER].includes(categoryOf(name)), needs: ['close'] },
]

/** Input and output that is traced when rules name it. */
const notFrequent: ReadonlySet<string> = new Set([...fdState, ...dataCalls])

const eventNames: ReadonlySet<string> = new Set(eventTable.filter(info => isCall(info.category)).map(info => info.name))

function isCall(category: number): boolean {
  return (category & SYSCALL_CATEGORY) !== 0
}

/** The category of the current exit event `name` without the mark of its origin; −1 for none. */
function categoryOf(name: string): number {
  const info = eventTable.find(one => one.name === name && one.isExit && !one.isOld)
  return info === undefined ? -1 : info.category & (SYSCALL_CATEGORY - 1)
}

/** What must be traced for `rules` (those that are matched) under this configuration. */
export function wantedEvents(rules: readonly PlannedRule[], base: BaseSyscalls = OWN_BASE): WantedEvents {
  const named = new Set<string>()
  for (const rule of rules) for (const name of eventsOfRule(rule)) named.add(name)
  const add = new Set<string>()
  const minus = new Set<string>()
  const unknown: string[] = []
  for (const text of base.customSet) {
    const name = text.startsWith('!') ? text.slice(1) : text
    if (name === '') continue
    if (eventLookup.codesOf(name) === undefined && syscallCode(name) === undefined) unknown.push(name)
    else (text.startsWith('!') ? minus : add).add(name)
  }
  const chosen = new Set(named)
  if (add.size > 0) for (const name of add) chosen.add(name)
  else if (!base.repair) for (const name of [...processState, ...fdState]) chosen.add(name)
  for (const name of minus) chosen.delete(name)
  if (!base.all) for (const name of chosen) if (isFrequent(name)) chosen.delete(name)
  if (base.repair) repair(chosen)
  const wanted = toWanted(chosen)
  return { ...wanted, notTraced: [...named].filter(name => !chosen.has(name) && !isMeta(name)).sort(), unknown }
}

/** Whether the condition spells calls that are traced with `all` alone: who writes one for the moment wants them. */
export function spellsFrequent(rule: PlannedRule): boolean {
  const spelled = new Set<string>()
  collectTypes(rule.condition, spelled)
  return [...spelled].some(isFrequent)
}

/** Everything there is, for a recording: also what comes often. */
export function allEvents(): WantedEvents {
  return { ...toWanted(new Set(callNames())), notTraced: [], unknown: [] }
}

function repair(chosen: Set<string>): void {
  const needed = new Set(processState.filter(name => !['prctl', 'setns', 'unshare'].includes(name)))
  for (const { any, needs } of repairs) {
    for (const name of chosen) {
      if (!any(name)) continue
      for (const one of needs) needed.add(one)
      break
    }
  }
  for (const name of needed) chosen.add(name)
}

function toWanted(names: ReadonlySet<string>): { syscalls: Set<string>; tracepoints: Set<string> } {
  const syscalls = new Set<string>()
  const tracepoints = new Set(['procexit'])
  for (const name of names) {
    if (TRACEPOINTS.has(name)) tracepoints.add(name)
    else for (const call of callsOfEvent.get(name) ?? [name]) if (syscallCode(call) !== undefined) syscalls.add(call)
  }
  return { syscalls, tracepoints }
}

/** Events of no call and no tracepoint: nobody has to trace them. */
function isMeta(name: string): boolean {
  return !TRACEPOINTS.has(name) && !eventNames.has(name) && syscallCode(name) === undefined
}

let everyCall: readonly string[] | undefined

/** Names of all calls, as events are called. */
function callNames(): readonly string[] {
  const others = new Set([...callsOfEvent].flatMap(([event, calls]) => calls.filter(call => call !== event)))
  everyCall ??= [...(eventLookup.names?.() ?? [])].filter(name => !isMeta(name) && !others.has(name))
  return everyCall
}

/** Fields that only have values for events that tell names of addresses, which are traced for the names' sake (`observesNames`). */
const MESSAGE_FIELD: RegExp = /^(?:dns|tls)\./

/** Whether the condition can only be true of such an event. */
function isAboutMessages(expr: PlanExpr): boolean {
  switch (expr.kind) {
    case 'and':
      return expr.operands.some(isAboutMessages)
    case 'or':
      return expr.operands.every(isAboutMessages)
    case 'not':
      return false
    case 'check':
      return expr.lhs.kind === 'field' && MESSAGE_FIELD.test(expr.lhs.ref.spec.name)
    default:
      return expr satisfies never
  }
}

/** Names of the events, and of calls without an event of their own, for which the rule can be true. */
function eventsOfRule(rule: PlannedRule): Iterable<string> {
  const names = new Set<string>()
  if (isAboutMessages(rule.condition)) return names
  let isGeneric = false
  for (const code of rule.eventCodes) {
    if (genericCodes.includes(code)) isGeneric = true
    else if (!eventLookup.isObsolete(code)) names.add(eventTable[code]!.name)
  }
  if (!isGeneric) return names
  // The generic event stands for hundreds of calls: those that the condition names, or all if it names none.
  const spelled = new Set<string>()
  collectTypes(rule.condition, spelled)
  const generic = [...spelled].filter(name => !eventNames.has(name) && syscallCode(name) !== undefined)
  if (generic.length > 0) for (const name of generic) names.add(name)
  else for (const name of callNames()) names.add(name)
  return names
}

function collectTypes(expr: PlanExpr, names: Set<string>): void {
  switch (expr.kind) {
    case 'and':
    case 'or':
      for (const operand of expr.operands) collectTypes(operand, names)
      return
    case 'not':
      collectTypes(expr.operand, names)
      return
    case 'check': {
      const { lhs, rhs } = expr
      if (lhs.kind !== 'field' || rhs.kind !== 'values') return
      if (lhs.ref.spec.name !== 'evt.type' && lhs.ref.spec.name !== 'syscall.type') return
      for (const value of rhs.values) if (typeof value === 'string') names.add(value)
      return
    }
    default:
      expr satisfies never
  }
}
