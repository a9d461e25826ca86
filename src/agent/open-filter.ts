/**
 * Which opens of files the kernel may leave out: those for which no rule can be true, and whose fd no rule asks for later
 * (`docs/decisions/0007-opens-left-out.md`). From each condition follows what must hold of an open that it is true for: that it writes,
 * or that its path has one of some literals in it. Everything here errs towards "told".
 */
import { eventTable } from '../events/event-table.ts'
import type { AppendOutputEntry } from '../outputs/append-output.ts'
import type { PlanCheck, PlanExpr, PlannedRule, PlanOperand } from '../rules/plan.ts'
import type { OpenOrders } from '../wire/agent-messages.ts'

const PIECE_LENGTH = 4

/** Calls whose opens are filtered. */
const OPENS: ReadonlySet<string> = new Set(['open', 'openat', 'openat2'])

/**
 * Calls whose fds are never files that were left out: sockets, directories (their opens are told), what the call itself makes. One that
 * is given such a file nevertheless fails.
 */
const NO_FILES: ReadonlySet<string> = new Set([
  ...['socket', 'socketpair', 'bind', 'listen', 'connect', 'accept', 'accept4', 'shutdown', 'getsockopt', 'setsockopt'],
  ...['getsockname', 'getpeername', 'send', 'sendto', 'sendmsg', 'sendmmsg', 'recv', 'recvfrom', 'recvmsg', 'recvmmsg'],
  ...['unlinkat', 'mkdirat', 'mknodat', 'symlinkat', 'renameat', 'renameat2', 'fchdir', 'fchmodat'],
  ...['creat', 'open_by_handle_at', 'pipe', 'pipe2', 'memfd_create', 'pidfd_open', 'eventfd', 'eventfd2'],
  ...['signalfd', 'signalfd4', 'timerfd_create', 'inotify_init', 'inotify_init1', 'epoll_create', 'epoll_create1'],
  ...['bpf', 'userfaultfd', 'io_uring_setup', 'fsopen', 'execve'],
])

/** Calls whose first argument is the one file that they are about. */
const NAMED_CALLS: ReadonlySet<string> = new Set([
  ...['fchmod', 'fchown', 'fchownat', 'linkat', 'fstat', 'flock', 'ioctl', 'lseek', 'finit_module', 'execveat'],
])

/** Fields that hold the path of an open as its call gave it, or a part of it, once the path is known to be absolute and plain. */
const PATH_FIELDS: ReadonlySet<string> = new Set([
  ...['fd.name', 'fd.nameraw', 'fd.directory', 'fd.filename', 'fs.path.name', 'fs.path.nameraw'],
  ...['evt.arg.name', 'evt.rawarg.name'],
])

/** Fields that show more than the event's own fd, so that every fd of the process must be known. */
const PROCESS_FDS: RegExp = /\b(?:fd\.types|proc\.fdopencount|proc\.fdusage|proc\.std(?:in|out|err)\.|fdlist\.)/

/** Fields that differ for an fd of which nothing is known, beside `evt.arg`. In outputs a mention in plain words counts too. */
const FD_FIELDS: RegExp = /\b(?:fd\.(?!num\b|uid\b)|evt\.(?:args|info|category|is_syslog|buflen|count\.error)\b)/
/** The same of the calls whose path is that of their fd. */
const FD_PATH_FIELD: RegExp = /\bfs\.path\b/
const PATH_OF_FD: ReadonlySet<string> = new Set(['fchmod', 'fchown'])
const ARGUMENT: RegExp = /\bevt\.arg(?:\.|\[)(\w+)/g

/** Flags as `evt.arg.flags` prints them, and as opens for reading do not have them. */
const WRITING_FLAGS: ReadonlySet<string> = new Set(['O_WRONLY', 'O_RDWR', 'O_CREAT', 'O_TRUNC'])

/** What is known of a field: its value, or (null) that it has none. */
type Fact = string | boolean | null

/** What must be judged: an event, of which something is known. */
interface Situation {
  readonly event: string
  readonly facts: ReadonlyMap<string, Fact>
  /** What else would be known if the event's fd were unknown; absent: the fd does not matter. */
  readonly unknownFd?: ReadonlyMap<string, Fact>
}

/** One of these must be there for an expression to be true. */
interface Marks {
  readonly pieces: ReadonlySet<string>
  readonly programs: ReadonlySet<string>
}

/** What follows for a situation in which an expression is true. */
interface Verdict {
  readonly truth: 'never' | 'maybe' | 'always'
  /** Absent: nothing follows. */
  readonly marks?: Marks
  /** It is another one if the event's fd is unknown. */
  readonly asksFd?: boolean
}

const NEVER: Verdict = { truth: 'never' }
const MAYBE: Verdict = { truth: 'maybe' }
const ALWAYS: Verdict = { truth: 'always' }
const MAYBE_BY_FD: Verdict = { truth: 'maybe', asksFd: true }

/** What no fd has but a socket's. */
const NO_SOCKET: readonly (readonly [string, Fact])[] = [
  ...['ip', 'cip', 'sip', 'lip', 'rip', 'port', 'cport', 'sport', 'lport', 'rport', 'net', 'cnet', 'snet', 'lnet'],
  ...['rnet', 'proto', 'lproto', 'rproto', 'sockfamily'],
].map(name => [`fd.${name}`, null] as const)

/** Fields of what is sent through sockets. */
const TRAFFIC_FIELD: RegExp = /^(?:dns|tls|http)\./

const FILE_FD: ReadonlyMap<string, Fact> = new Map([...NO_SOCKET, ['fd.type', 'file'], ['fd.typechar', 'f']])
const UNKNOWN_FD: ReadonlyMap<string, Fact> = new Map([...NO_SOCKET, ['fd.type', null], ['fd.typechar', 'o']])
const READ_OPEN: ReadonlyMap<string, Fact> = new Map([
  ['evt.is_open_write', false],
  ['evt.is_open_exec', false],
  ['evt.is_open_create', false],
])
const ANY_OPEN: ReadonlyMap<string, Fact> = new Map()

/**
 * The filter for `rules` (those that are matched); undefined if every open must be told. `extraOutput` is what the configuration adds to
 * outputs; `isTraced` says which events, by their names, are traced at all.
 */
export function openFilterOf(
  rules: readonly PlannedRule[],
  extraOutput: string,
  isTraced: (event: string) => boolean = () => true,
): OpenOrders | undefined {
  const programs = new Set<string>()
  const namedCalls = new Set<string>()
  /** What an open must have for the rule to be true beside the others; undefined if that is nothing that the kernel could look for. */
  const join = (pieces: Set<string> | undefined, { truth, marks }: Verdict): Set<string> | undefined => {
    if (truth === 'never') return pieces
    if (marks === undefined) return undefined
    for (const piece of marks.pieces) pieces?.add(piece)
    for (const program of marks.programs) programs.add(program)
    return pieces
  }
  let reads: Set<string> | undefined = new Set()
  let writes: Set<string> | undefined = new Set()
  for (const { condition, output, eventCodes } of rules) {
    const printed = `${output} ${extraOutput}`
    if (PROCESS_FDS.test(printed) || asksProcessFds(condition)) return undefined
    const events = new Map<string, boolean>()
    for (const code of eventCodes) {
      const { name } = eventTable[code]!
      events.set(name, events.get(name) === true || takesFile[code] === 1)
    }
    for (const [event, isAboutFiles] of events) {
      if (!isTraced(event)) continue
      if (event === 'close') return undefined
      if (OPENS.has(event)) {
        reads = join(reads, judge(condition, { event, facts: READ_OPEN }))
        writes = join(writes, judge(condition, { event, facts: ANY_OPEN }))
        if (reads === undefined && writes === undefined) return undefined
      } else if (isAboutFiles) {
        const { truth, asksFd } = judge(condition, { event, facts: FILE_FD, unknownFd: UNKNOWN_FD })
        if (truth === 'never') continue
        if (asksFd === true) return undefined
        if (!asksFdOf(event, printed)) continue
        if (!NAMED_CALLS.has(event)) return undefined
        namedCalls.add(event)
      }
    }
  }
  return { reads, writes, programs, namedCalls }
}

/** All that the configuration adds to outputs, as one text. */
export function addedOutput(entries: readonly AppendOutputEntry[]): string {
  return entries
    .flatMap(entry => [
      entry.extraOutput,
      ...entry.extraFields.map(field => (field.kind === 'raw' ? field.key : field.format)),
    ])
    .join(' ')
}

/** What both need: for the time in which rules are replaced. */
export function uniteFilters(a: OpenOrders | undefined, b: OpenOrders | undefined): OpenOrders | undefined {
  if (a === undefined || b === undefined) return undefined
  return {
    reads: a.reads && b.reads && new Set([...a.reads, ...b.reads]),
    writes: a.writes && b.writes && new Set([...a.writes, ...b.writes]),
    programs: new Set([...a.programs, ...b.programs]),
    namedCalls: new Set([...a.namedCalls, ...b.namedCalls]),
  }
}

/** Codes of events whose call may be given, by its fd, a file whose open was left out. */
export const takesFile: Uint8Array = Uint8Array.from(eventTable, ({ name, params }) =>
  !OPENS.has(name) && !NO_FILES.has(name) && params.some(param => isFdType(param.type)) ? 1 : 0,
)

function isFdType(type: string): boolean {
  return type === 'FD' || type === 'FDLIST'
}

/** Calls whose event is about the copy, if it is known of what. */
const DUPS: ReadonlySet<string> = new Set(['dup', 'dup2', 'dup3', 'fcntl'])
const FD_NUMBER: RegExp = /\bfd\.(?:num|uid)\b/

/** Whether a field's name, or an output, asks what differs for an fd of which nothing is known. */
function asksFdOf(event: string, text: string): boolean {
  if (FD_FIELDS.test(text) || (PATH_OF_FD.has(event) && FD_PATH_FIELD.test(text))) return true
  if (DUPS.has(event) && FD_NUMBER.test(text)) return true
  for (const [, arg = ''] of text.matchAll(ARGUMENT)) {
    for (const { name, params } of eventTable) {
      if (name === event && params.some((param, i) => (param.name === arg || `${i}` === arg) && isFdType(param.type))) {
        return true
      }
    }
  }
  return false
}

function judge(expr: PlanExpr, situation: Situation): Verdict {
  switch (expr.kind) {
    case 'and':
      return allOf(expr.operands, situation)
    case 'or':
      return oneOf(expr.operands, situation)
    case 'not': {
      const { truth, asksFd } = judge(expr.operand, situation)
      if (truth === 'maybe') return asksFd === true ? MAYBE_BY_FD : MAYBE
      return truth === 'never' ? ALWAYS : NEVER
    }
    case 'check':
      return judgeCheck(expr, situation)
    default:
      return expr satisfies never
  }
}

/** All hold, so the marks of each are there: those that are rarest are enough. */
function allOf(operands: readonly PlanExpr[], situation: Situation): Verdict {
  let best: Marks | undefined
  let isAlways = true
  let asksFd = false
  for (const operand of operands) {
    const verdict = judge(operand, situation)
    if (verdict.truth === 'never') return NEVER
    if (verdict.truth === 'maybe') isAlways = false
    if (verdict.asksFd === true) asksFd = true
    const { marks } = verdict
    if (marks !== undefined && (best === undefined || costOf(marks) < costOf(best))) best = marks
  }
  if (isAlways) return ALWAYS
  return { truth: 'maybe', asksFd, ...(best !== undefined && { marks: best }) }
}

function oneOf(operands: readonly PlanExpr[], situation: Situation): Verdict {
  const pieces = new Set<string>()
  const programs = new Set<string>()
  let isMarked = true
  let isEver = false
  let asksFd = false
  for (const operand of operands) {
    const verdict = judge(operand, situation)
    if (verdict.truth === 'always') return ALWAYS
    if (verdict.truth === 'never') continue
    isEver = true
    if (verdict.asksFd === true) asksFd = true
    if (verdict.marks === undefined) isMarked = false
    for (const piece of verdict.marks?.pieces ?? []) pieces.add(piece)
    for (const program of verdict.marks?.programs ?? []) programs.add(program)
  }
  if (!isEver) return NEVER
  return { truth: 'maybe', asksFd, ...(isMarked && { marks: { pieces, programs } }) }
}

function judgeCheck(check: PlanCheck, situation: Situation): Verdict {
  const { event, facts, unknownFd } = situation
  const name = nameOf(check.lhs)
  if (unknownFd !== undefined) {
    if (TRAFFIC_FIELD.test(name)) return NEVER
    const one = truthOf(check, name, event, facts)
    if (one !== 'maybe' && one === truthOf(check, name, event, unknownFd)) return one === 'never' ? NEVER : ALWAYS
    return operandsAsk(check, event) ? MAYBE_BY_FD : MAYBE
  }
  const truth = truthOf(check, name, event, facts)
  if (truth !== 'maybe') return truth === 'never' ? NEVER : ALWAYS
  const marks = marksOf(check, name)
  return marks === undefined ? MAYBE : { truth, marks }
}

function truthOf(
  { rhs, op, modifier }: PlanCheck,
  name: string,
  event: string,
  facts: ReadonlyMap<string, Fact>,
): Verdict['truth'] {
  const fact = name === 'evt.type' || name === 'syscall.type' ? event : facts.get(name)
  // A check without a value is false, whatever the operator.
  if (fact === null) return 'never'
  if (rhs.kind !== 'values') return 'maybe'
  if (facts === READ_OPEN && name === 'evt.arg.flags' && op === 'contains') {
    return rhs.values.every(value => WRITING_FLAGS.has(String(value))) ? 'never' : 'maybe'
  }
  if (fact === undefined || modifier !== undefined) return 'maybe'
  if (op === '=' || op === 'in') return rhs.values.includes(fact) ? 'always' : 'never'
  if (op === '!=') return rhs.values.includes(fact) ? 'never' : 'always'
  return 'maybe'
}

/** Of a check on the path of an open, or on the name of the program. */
function marksOf({ rhs, op }: PlanCheck, name: string): Marks | undefined {
  if (rhs.kind !== 'values' || rhs.values.length === 0) return undefined
  const values = rhs.values.map(String)
  if (name === 'proc.name') {
    const isExact = op === '=' || op === 'in' || op === 'intersects'
    return isExact && values.every(isProgramName) ? { pieces: new Set(), programs: new Set(values) } : undefined
  }
  if (!PATH_FIELDS.has(name)) return undefined
  const pieces = new Set<string>()
  for (const value of values) {
    const literals = literalsOf(op, value)
    // Such paths are told in any case.
    if (literals.some(literal => /\.\.|\/\//.test(literal))) continue
    const piece = rarestPiece(literals)
    if (piece === undefined) return undefined
    pieces.add(piece)
  }
  return { pieces, programs: new Set() }
}

/** Others are not names that the kernel keeps. */
function isProgramName(text: string): boolean {
  return /^[\x20-\x7e]{1,15}$/.test(text)
}

/** Texts that each are in every value that fits. */
function literalsOf(op: PlanCheck['op'], text: string): readonly string[] {
  switch (op) {
    case '=':
    case 'in':
    case 'intersects':
    case 'startswith':
    case 'endswith':
    case 'contains':
      return [text]
    case 'glob':
      return globLiterals(text)
    case 'pmatch':
      // Component by component, so slashes between them may be more or fewer.
      return text.split('/').flatMap(globLiterals)
    default:
      return []
  }
}

function globLiterals(pattern: string): readonly string[] {
  return /[[\]\\]/.test(pattern) ? [] : pattern.split(/[*?]+/)
}

/** Paths as programs open them by the thousand: pieces of these are no good to tell others apart. */
const COMMON_PATHS: readonly string[] = [
  ...['/etc/ld.so.cache', '/etc/passwd', '/etc/group', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf'],
  ...['/etc/nsswitch.conf', '/etc/localtime', '/etc/host.conf', '/etc/ssl/certs/ca-certificates.crt', '/dev/null'],
  ...['/dev/tty', '/dev/urandom', '/dev/pts/0', '/proc/self/status', '/proc/self/maps', '/proc/self/mountinfo'],
  ...['/proc/1234/stat', '/proc/1234/cmdline', '/proc/1234/environ', '/proc/meminfo', '/proc/sys/kernel/osrelease'],
  ...['/sys/devices/system/cpu/online', '/sys/fs/cgroup/system.slice/memory.max', '/usr/bin/python3', '/bin/bash'],
  ...['/lib/x86_64-linux-gnu/libc.so.6', '/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache', '/lib64/libm.so.6'],
  ...['/usr/lib/locale/locale-archive', '/usr/share/zoneinfo/UTC', '/usr/lib/python3/dist-packages/__init__.py'],
  ...['/usr/share/locale/en/LC_MESSAGES/libc.mo', '/usr/local/lib/node_modules/package.json', '/var/log/syslog'],
  ...['/var/lib/docker/overlay2/l/merged/root', '/var/run/docker.sock', '/var/cache/apt/archives', '/run/user/1000'],
  ...['/tmp/file.txt', '/home/user/project/src/index.ts', '/root/data/config.yaml', '/opt/app/main.go'],
]

const commonPieces: ReadonlyMap<string, number> = countPieces(COMMON_PATHS)

function countPieces(paths: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const path of paths) {
    for (let at = 0; at + PIECE_LENGTH <= path.length; at++) {
      const piece = path.slice(at, at + PIECE_LENGTH)
      counts.set(piece, (counts.get(piece) ?? 0) + 1)
    }
  }
  return counts
}

/** Of pieces equally rare the last one: paths differ towards their ends. Undefined: none of the texts is long enough. */
function rarestPiece(texts: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const text of texts) {
    for (let at = 0; at + PIECE_LENGTH <= text.length; at++) {
      const piece = text.slice(at, at + PIECE_LENGTH)
      const count = commonPieces.get(piece) ?? 0
      if (count > least) continue
      best = piece
      least = count
    }
  }
  return best
}

/** How often opens would be told for these, roughly. */
function costOf({ pieces, programs }: Marks): number {
  let cost = programs.size * 0.1
  for (const piece of pieces) cost += (commonPieces.get(piece) ?? 0) + 0.01
  return cost
}

function nameOf(operand: PlanOperand): string {
  if (operand.kind !== 'field') return ''
  const { spec, arg } = operand.ref
  return arg === undefined ? spec.name : `${spec.name}.${arg}`
}

function asksProcessFds(expr: PlanExpr): boolean {
  switch (expr.kind) {
    case 'and':
    case 'or':
      return expr.operands.some(asksProcessFds)
    case 'not':
      return asksProcessFds(expr.operand)
    case 'check':
      return [...fieldsOf(expr.lhs), ...rightFieldsOf(expr)].some(name => PROCESS_FDS.test(name))
    default:
      return expr satisfies never
  }
}

function operandsAsk(check: PlanCheck, event: string): boolean {
  return [...fieldsOf(check.lhs), ...rightFieldsOf(check)].some(name => asksFdOf(event, name))
}

function rightFieldsOf({ rhs }: PlanCheck): readonly string[] {
  return rhs.kind === 'operand' ? fieldsOf(rhs.operand) : []
}

/** Names of the fields that are read, with their arguments. */
function fieldsOf(operand: PlanOperand): readonly string[] {
  switch (operand.kind) {
    case 'field':
      return [nameOf(operand)]
    case 'transform':
      return operand.args.flatMap(fieldsOf)
    case 'list':
      return operand.items.flatMap(fieldsOf)
    case 'literal':
      return []
    default:
      return operand satisfies never
  }
}
