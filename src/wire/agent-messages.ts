/**
 * What the agent's two threads say to each other. The worker decides events and renders alerts; the main thread writes, looks names up and
 * serves. Alerts cross as finished lines: that takes half the CPU of sending their fields (`bench/alert-transfer.bench.ts`: 3.3 and 5.9 us
 * for an alert with 15), and the main thread stays free.
 */

/** Most alerts, or updates, in one message. */
export const MAX_BATCH = 1024
/** Bytes of alerts that may be under way to the main thread; beyond, the worker drops alerts and counts them. */
export const MAX_UNCONFIRMED_BYTES: number = 32 * 1024 * 1024

/** Opens of files that may be left out, with their closes, because no rule can be true for them. */
export interface OpenOrders {
  /** An open only for reading is told if its path has one of these pieces, four bytes each; undefined: all are told. */
  readonly reads: ReadonlySet<string> | undefined
  /** The same for opens that write or make files. */
  readonly writes: ReadonlySet<string> | undefined
  /** Opens are told too if the thread, or the first of its process, has one of these names. */
  readonly programs: ReadonlySet<string>
  /** Calls whose first argument's file must be told before them, because its open may have been left out and rules print its name. */
  readonly namedCalls: ReadonlySet<string>
}

/** Rules and all that decides what becomes of an event; replaced as a whole by a reload. */
export interface RuleOrders {
  /** Counts up with each reload. */
  readonly generation: number
  /** `Plan` of `rules/`, its field specifications without functions (`agent/plain-plan.ts`). */
  readonly plan: unknown
  readonly ruleMatching: 'first' | 'all'
  readonly minPriority: number
  /** `AlertFormat` and `AppendOutputEntry[]` of `outputs/`. */
  readonly format: unknown
  readonly appendOutput: unknown
  readonly staticFields: ReadonlyMap<string, string>
  /** Names of the system calls and tracepoints that must be traced. */
  readonly syscalls: ReadonlySet<string>
  readonly tracepoints: ReadonlySet<string>
  /** How long verdicts wait for the name of an address, ms, where a rule does not say. */
  readonly waitForNameMs: number
  /** Rules ask for names of addresses: what they can be learnt from must be seen. */
  readonly observesNames: boolean
  /** Absent: every open is told. */
  readonly opens?: OpenOrders | undefined
  /** Lists of more names than this are matched against observed names only. */
  readonly listLimit: number
  /** Alerts tell how names are known. */
  readonly explainsNames: boolean
}

/** What holds for a whole run. */
export interface WorkerOrders {
  readonly ringBytes: number
  /** Bytes of I/O data per event. */
  readonly snaplen: number
  readonly maxThreads: number
  /** How often threads are looked for whose end was missed, and how long a thread must have made no event to be asked after; seconds. */
  readonly purgeIntervalSec: number
  readonly threadTimeoutSec: number
  /** How long detection may wait for the first names. */
  readonly namesWaitMs: number
  /** At the end, tell what is known of names. */
  readonly savesNames: boolean
  /** Learn names from what processes send and receive; absent: do not. */
  readonly observer?: ObserverOrders
}

/** From what names are learnt. */
export interface ObserverOrders {
  /** Of DNS servers. */
  readonly dnsPorts: readonly number[]
  /** Addresses, networks and `getaddrinfo`: who is trusted; see `ObserverSettings` of `agent/make-observer.ts`. */
  readonly trustedResolvers: readonly string[]
  /** Text of the host's hosts file. */
  readonly hosts: string
}

/** `FileNews` of `agent/workload-file-reader.ts`. */
export interface WorkloadFileNews {
  readonly kind: 'workload-file'
  readonly file: 'resolv_conf' | 'hosts' | 'passwd' | 'group' | 'gone'
  readonly mntns: number
  readonly pid: number
  readonly text: string
  readonly untrusted?: boolean
}

/** One result of a look-up; `NameUpdate` of `domains/`. */
export interface NameNews {
  readonly kind: string
  readonly name: string
  readonly atMs: number
}

/** What is in a configured list from now on; `NameListData` of `domains/`. Its buffers are given away. */
export interface ListNews {
  readonly kind: 'list'
  readonly name: string
  readonly bytes: ArrayBuffer
  readonly slots: ArrayBuffer
  readonly seed: number
  readonly size: number
  readonly kinds: number
}

export type ToWorker =
  /** Load the probe: that takes some tenths of a second, in which the rules are compiled. */
  | { readonly kind: 'attach'; readonly worker: WorkerOrders }
  | { readonly kind: 'start'; readonly rules: RuleOrders }
  | { readonly kind: 'rules'; readonly rules: RuleOrders }
  | { readonly kind: 'names'; readonly updates: readonly NameNews[] }
  | ListNews
  /** Bindings that an earlier run saved; `BindingFact` of `domains/`. Before `start`. */
  | { readonly kind: 'restore-names'; readonly facts: readonly unknown[] }
  /** Begin to tell what is known of names, or go on with it: one `saved-names` is the answer. */
  | { readonly kind: 'save-names'; readonly isFirst: boolean }
  /** What a file of a mount namespace says; see `agent/workload-file-reader.ts`. */
  | WorkloadFileNews
  /** A function of a C library whose answers to programs are to be told: its file, and where it begins in it. */
  | {
      readonly kind: 'library'
      readonly mntns: number
      readonly path: string
      readonly call: string
      readonly offset: number
    }
  /** Every name was looked up once, or the time for that is over. */
  | { readonly kind: 'names-ready' }
  /** Alerts of so many bytes have been taken in. */
  | { readonly kind: 'taken'; readonly bytes: number }
  /** Drain what is there, then end. */
  | { readonly kind: 'stop' }

/** Counters of the kernel side, since the start. */
export interface SourceCounts {
  /** How often the probe answered the agent; one that is attached does so every second, however quiet the machine is. Absent: not counted. */
  readonly seen?: number
  readonly events: number
  readonly lost: number
  readonly lostByCause: ReadonlyMap<string, number>
  readonly perCpu: readonly { readonly cpu: number; readonly events: number; readonly lost: number }[]
  readonly pendingBytes: number
  readonly ringBytes: number
  /** What else the source counts, by name. */
  readonly others: ReadonlyMap<string, number>
}

/** How the worker fares; sent every second, the idle ones included: it is the heartbeat. */
export interface WorkerStats {
  readonly source: SourceCounts
  /** Events that the rules saw. */
  readonly events: number
  /** Alerts that were rendered, and those dropped because the main thread did not take them. */
  readonly alerts: number
  readonly droppedAlerts: number
  /** Events that the source could not decode. */
  readonly badEvents: number
  /** `StateCounters` of `state/` and what the tables hold, by name. */
  readonly state: ReadonlyMap<string, number>
  /** `NameIndexStats` of `domains/`, by name. */
  readonly names: ReadonlyMap<string, number>
  /** Rules that are in force. */
  readonly generation: number
  readonly ruleCount: number
  /** User and system time of the worker's thread, µs; 0 where it is not known. */
  readonly cpuUs: number
  readonly heapBytes: number
}

export type ToMain =
  /** The worker's code is loaded. */
  | { readonly kind: 'loaded' }
  /** The probe runs and the world is known. */
  | { readonly kind: 'attached'; readonly tookMs: number; readonly processes: number }
  /** Rules judge events from now on; `isFirst`: since the start. */
  | { readonly kind: 'rules-in-force'; readonly generation: number; readonly tookMs: number; readonly isFirst: boolean }
  /** Whose files are to be read, through which process; `isOwn`: of a mount namespace that a workload may have made itself. */
  | {
      readonly kind: 'wanted-files'
      readonly mntns: number
      readonly pid: number
      readonly isOwn: boolean
      readonly hasAccounts: boolean
    }
  /** The names that must be looked up from now on, and the sizes of lists that are too long for it. */
  | { readonly kind: 'wanted-names'; readonly names: readonly string[]; readonly skipped: readonly number[] }
  | AlertBatch
  | { readonly kind: 'stats'; readonly stats: WorkerStats }
  | { readonly kind: 'name-finding'; readonly message: string }
  | SavedNamesPart
  /** New rules could not be put in force; the old ones are. */
  | { readonly kind: 'rules-refused'; readonly generation: number; readonly message: string }
  /** The worker cannot go on, in one plain line. */
  | { readonly kind: 'refused'; readonly message: string; readonly help: string }
  | { readonly kind: 'ended'; readonly stats: WorkerStats }

/** A part of what is known of names. With `isFirst` all begins anew; the worker does that by itself when it ends. */
export interface SavedNamesPart {
  readonly kind: 'saved-names'
  readonly isFirst: boolean
  readonly isLast: boolean
  /** Lines of a bindings file, each with its end. */
  readonly text: string
  /** Processes of the host that they belong to. */
  readonly pids: readonly number[]
}

/** Alerts in their order, as parallel arrays of one length. */
export interface AlertBatch {
  readonly kind: 'alerts'
  readonly generation: number
  /** `PlannedRule.index` of each. */
  readonly rules: readonly number[]
  readonly lines: readonly string[]
  /** UTF-8 bytes of each line. */
  readonly sizes: readonly number[]
}

/** A message of the main thread, or undefined if it is none. Checks kinds and types, not what `plan`, `format` and updates hold. */
export function parseToWorker(value: unknown): ToWorker | undefined {
  if (!isObject(value)) return undefined
  switch (value['kind']) {
    case 'attach':
      return isWorkerOrders(value['worker']) ? (value as ToWorker) : undefined
    case 'start':
    case 'rules':
      return isRuleOrders(value['rules']) ? (value as ToWorker) : undefined
    case 'names':
      return isArrayOf(value['updates'], isNameNews) ? (value as ToWorker) : undefined
    case 'list':
      return isListNews(value) ? (value as ToWorker) : undefined
    case 'taken':
      return isCount(value['bytes']) ? (value as ToWorker) : undefined
    case 'restore-names':
      return isArrayOf(value['facts'], isObject) ? (value as ToWorker) : undefined
    case 'save-names':
      return typeof value['isFirst'] === 'boolean' ? (value as ToWorker) : undefined
    case 'library':
      return isCount(value['mntns']) && isText(value['path']) && isCount(value['offset']) && isText(value['call'])
        ? (value as ToWorker)
        : undefined
    case 'workload-file':
      return isWorkloadFile(value) ? (value as ToWorker) : undefined
    case 'names-ready':
    case 'stop':
      return value as ToWorker
    default:
      return undefined
  }
}

function isWorkloadFile(value: Record<string, unknown>): boolean {
  const { file, mntns, pid, text } = value
  const files = ['resolv_conf', 'hosts', 'passwd', 'group', 'gone']
  return files.includes(file as string) && isCount(mntns) && isCount(pid) && isText(text)
}

/** A message of the worker, or undefined if it is none. */
export function parseToMain(value: unknown): ToMain | undefined {
  if (!isObject(value)) return undefined
  switch (value['kind']) {
    case 'loaded':
      return value as ToMain
    case 'attached':
      return isNumber(value['tookMs']) && isCount(value['processes']) ? (value as ToMain) : undefined
    case 'rules-in-force':
      return isCount(value['generation']) && isNumber(value['tookMs']) && typeof value['isFirst'] === 'boolean'
        ? (value as ToMain)
        : undefined
    case 'wanted-files':
      return isCount(value['mntns']) &&
        isCount(value['pid']) &&
        typeof value['isOwn'] === 'boolean' &&
        typeof value['hasAccounts'] === 'boolean'
        ? (value as ToMain)
        : undefined
    case 'wanted-names':
      return isArrayOf(value['names'], isText) && isArrayOf(value['skipped'], isCount) ? (value as ToMain) : undefined
    case 'alerts':
      return isAlertBatch(value) ? (value as unknown as AlertBatch) : undefined
    case 'stats':
    case 'ended':
      return isWorkerStats(value['stats']) ? (value as ToMain) : undefined
    case 'name-finding':
      return isText(value['message']) ? (value as ToMain) : undefined
    case 'saved-names':
      return isSavedNamesPart(value) ? (value as unknown as SavedNamesPart) : undefined
    case 'rules-refused':
      return isCount(value['generation']) && isText(value['message']) ? (value as ToMain) : undefined
    case 'refused':
      return isText(value['message']) && isText(value['help']) ? (value as ToMain) : undefined
    default:
      return undefined
  }
}

type Fields = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isArrayOf(value: unknown, isItem: (item: unknown) => boolean, most = Number.MAX_SAFE_INTEGER): boolean {
  return Array.isArray(value) && value.length <= most && value.every(isItem)
}

function isNameNews(value: unknown): boolean {
  return isObject(value) && isText(value['kind']) && isText(value['name']) && isNumber(value['atMs'])
}

function isListNews(value: Fields): boolean {
  return (
    isText(value['name']) &&
    value['bytes'] instanceof ArrayBuffer &&
    value['slots'] instanceof ArrayBuffer &&
    isNumber(value['seed']) &&
    isCount(value['size']) &&
    isCount(value['kinds'])
  )
}

function isWorkerOrders(value: unknown): boolean {
  return (
    isObject(value) &&
    isCount(value['ringBytes']) &&
    isCount(value['snaplen']) &&
    isCount(value['maxThreads']) &&
    isCount(value['purgeIntervalSec']) &&
    isCount(value['threadTimeoutSec']) &&
    isCount(value['namesWaitMs']) &&
    typeof value['savesNames'] === 'boolean' &&
    (value['observer'] === undefined || isObserverOrders(value['observer']))
  )
}

function isObserverOrders(value: unknown): boolean {
  return (
    isObject(value) &&
    isArrayOf(value['dnsPorts'], isCount) &&
    isArrayOf(value['trustedResolvers'], isText) &&
    isText(value['hosts'])
  )
}

function isRuleOrders(value: unknown): boolean {
  return (
    isObject(value) &&
    isCount(value['generation']) &&
    isObject(value['plan']) &&
    (value['ruleMatching'] === 'first' || value['ruleMatching'] === 'all') &&
    isCount(value['minPriority']) &&
    isObject(value['format']) &&
    Array.isArray(value['appendOutput']) &&
    value['staticFields'] instanceof Map &&
    value['syscalls'] instanceof Set &&
    value['tracepoints'] instanceof Set &&
    typeof value['observesNames'] === 'boolean' &&
    (value['opens'] === undefined || isOpenOrders(value['opens'])) &&
    isCount(value['waitForNameMs']) &&
    isCount(value['listLimit']) &&
    typeof value['explainsNames'] === 'boolean'
  )
}

function isOpenOrders(value: unknown): boolean {
  const isSet = (one: unknown): boolean => one instanceof Set
  return (
    isObject(value) &&
    (value['reads'] === undefined || isSet(value['reads'])) &&
    (value['writes'] === undefined || isSet(value['writes'])) &&
    isSet(value['programs']) &&
    isSet(value['namedCalls'])
  )
}

function isAlertBatch(value: Fields): boolean {
  const { rules, lines, sizes } = value
  return (
    isCount(value['generation']) &&
    isArrayOf(rules, isCount, MAX_BATCH) &&
    isArrayOf(lines, isText, MAX_BATCH) &&
    isArrayOf(sizes, isCount, MAX_BATCH) &&
    (rules as unknown[]).length === (lines as unknown[]).length &&
    (rules as unknown[]).length === (sizes as unknown[]).length
  )
}

function isSavedNamesPart(value: Fields): boolean {
  const { isFirst, isLast, text, pids } = value
  return (
    typeof isFirst === 'boolean' && typeof isLast === 'boolean' && isText(text) && isArrayOf(pids, isCount, MAX_BATCH)
  )
}

function isSourceCounts(value: unknown): boolean {
  return (
    isObject(value) &&
    (value['seen'] === undefined || isCount(value['seen'])) &&
    isCount(value['events']) &&
    isCount(value['lost']) &&
    value['lostByCause'] instanceof Map &&
    value['others'] instanceof Map &&
    Array.isArray(value['perCpu']) &&
    isCount(value['pendingBytes']) &&
    isCount(value['ringBytes'])
  )
}

function isWorkerStats(value: unknown): boolean {
  return (
    isObject(value) &&
    isSourceCounts(value['source']) &&
    isCount(value['events']) &&
    isCount(value['alerts']) &&
    isCount(value['droppedAlerts']) &&
    isCount(value['badEvents']) &&
    value['state'] instanceof Map &&
    value['names'] instanceof Map &&
    isCount(value['generation']) &&
    isCount(value['ruleCount'])
  )
}
