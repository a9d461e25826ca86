import type { EventContext } from '../state/event-context.ts'
import type { Thread } from '../state/thread.ts'
import { toByteText } from '../values/text.ts'
import type { ByteText, Scalar, Value, ValueType } from '../values/value.ts'
import { fdTypeName } from './fd-text.ts'
import type { Field, PrintFormat, Reader } from './field.ts'
import { checkIndexArg, parseInt32Arg } from './field-syntax.ts'
import { toScalar } from './integers.ts'
import {
  ancestor,
  argsOf,
  cmdlineOf,
  envTextOf,
  envVariable,
  exelineOf,
  groupLeader,
  parent,
  sessionLeader,
  virtualGroupLeader,
  visitAncestors,
} from './process-tree.ts'

const MAX_ENV_LEVELS = 20

type Read<T extends Value = Value> = (thread: Thread, ctx: EventContext) => T | undefined

interface Shape {
  readonly name: string
  readonly type: ValueType
  readonly doc: string
  readonly print?: PrintFormat
}

/** A field of the process that made the event, of its parent or of another thread. */
function ofThread(
  { name, type, doc, print }: Shape,
  find: (ctx: EventContext) => Thread | undefined,
  read: Read,
): Field {
  return {
    name,
    group: 'process',
    type,
    arg: 'none',
    doc,
    ...(print !== undefined && { print }),
    bind: () => ctx => {
      const thread = find(ctx)
      return thread === undefined ? undefined : read(thread, ctx)
    },
  }
}

const itself = (ctx: EventContext): Thread | undefined => ctx.thread

function text(name: string, doc: string, read: Read<ByteText>, find = itself): Field {
  return ofThread({ name, type: 'CHARBUF', doc }, find, read)
}

function id(name: string, doc: string, read: Read<number>, find = itself): Field {
  return ofThread({ name, type: 'INT64', doc, print: 'ID' }, find, read)
}

function flag(name: string, doc: string, read: Read<boolean>): Field {
  return ofThread({ name, type: 'BOOL', doc }, itself, read)
}

function amount(name: string, type: ValueType, doc: string, read: Read, find = itself): Field {
  return ofThread({ name, type, doc }, find, read)
}

/** The number that a field names when it is not 0, which stands for «not known». */
function known(n: number | bigint): number | bigint | undefined {
  return n === 0 || n === 0n ? undefined : n
}

function since(ctx: EventContext, startNs: bigint): number | bigint | undefined {
  return startNs === 0n ? undefined : toScalar(BigInt.asIntN(64, ctx.rec.tsNs - startNs))
}

// ---------------------------------------------------------------- ancestors

/** One ancestor's value with an index, the values of all of them without one. */
function bindAncestors(read: Read<Scalar>): (arg: string | undefined) => Reader {
  return arg => {
    const level = arg === undefined ? -1 : (parseInt32Arg(arg) ?? -1)
    if (level >= 0) {
      return ctx => {
        const thread = ancestor(ctx, level)
        return thread === undefined ? undefined : read(thread, ctx)
      }
    }
    return allAncestors(read)
  }
}

function allAncestors(read: Read<Scalar>): Reader {
  // Reused: the values are compared before the next event is read.
  const values: Scalar[] = []
  return ctx => {
    const main = ctx.thread?.main
    if (main === undefined) return undefined
    values.length = 0
    visitAncestors(ctx, main, thread => {
      const value = read(thread, ctx)
      if (value !== undefined) values.push(value)
      return true
    })
    return values.length > 0 ? values : undefined
  }
}

/** What an ancestor field prints without an index: all values, blank-separated. */
function printAncestors(bind: (arg: string | undefined) => Reader): (arg: string | undefined) => Reader {
  return arg => {
    const read = bind(arg)
    return ctx => {
      const value = read(ctx)
      return Array.isArray(value) ? value.join(' ') : value
    }
  }
}

interface AncestorShape {
  readonly name: string
  readonly of: string
  readonly doc: string
  readonly read: Read<Scalar>
  readonly type?: ValueType
  readonly takesRhs?: boolean
}

function ancestorField({ name, of, doc, read, type = 'CHARBUF', takesRhs = false }: AncestorShape): Field {
  const bind = bindAncestors(read)
  return {
    name,
    group: 'process',
    type,
    arg: 'optional',
    ...(!takesRhs && { noRhs: true, noTransformer: true }),
    ...(type === 'INT64' && { print: 'ID' }),
    checkArg: checkIndexArg,
    compare: 'any',
    doc: `${doc}: \`${name}[1]\` is the \`${of}\` of the parent, \`${name}[2]\` of its parent, \`${name}[0]\` of the process itself. Without an index a condition holds when any ancestor satisfies it, and outputs print all of them.`,
    bind,
    bindPrint: printAncestors(bind),
    bindJson: printAncestors(bind),
  }
}

function isIndex(arg: string): boolean {
  return /^\d+$/.test(arg)
}

function bindAncestorEnv(arg: string | undefined): Reader {
  if (arg === undefined || arg === '') return allAncestors((thread, ctx) => envTextOf(ctx, thread))
  if (isIndex(arg)) return bindAncestors((thread, ctx) => envTextOf(ctx, thread))(arg)
  const variable = toByteText(arg)
  return ctx => {
    const main = ctx.thread?.main
    if (main === undefined) return ctx.thread === undefined ? undefined : ''
    let found = ''
    let level = 0
    visitAncestors(ctx, main, thread => {
      found = envVariable(ctx, thread, variable)
      level++
      return found === '' && level < MAX_ENV_LEVELS
    })
    return found
  }
}

function bindEnv(arg: string | undefined): Reader {
  // Falco takes a number for no argument at all.
  if (arg === undefined || arg === '' || isIndex(arg)) {
    return ctx => (ctx.thread === undefined ? undefined : envTextOf(ctx, ctx.thread))
  }
  const variable = toByteText(arg)
  return ctx => (ctx.thread === undefined ? undefined : envVariable(ctx, ctx.thread, variable))
}

function bindArgs(arg: string | undefined): Reader {
  const i = arg === undefined ? -1 : (parseInt32Arg(arg) ?? -1)
  if (i < 0) return ctx => (ctx.thread === undefined ? undefined : argsOf(ctx.thread))
  return ctx => {
    const args = ctx.thread?.args
    if (args === undefined) return undefined
    // One that is missing is empty, as in Falco.
    return args[i] ?? ''
  }
}

// ---------------------------------------------------------------- single values

/** The pid of the oldest shell (a name that ends in `sh`) among the process and its ancestors. */
function loginShell(ctx: EventContext): number | undefined {
  const main = ctx.thread?.main
  if (main === undefined) return undefined
  let pid = main.comm.endsWith('sh') ? main.pid : undefined
  visitAncestors(ctx, main, thread => {
    if (thread.comm.endsWith('sh')) pid = thread.pid
    return true
  })
  return pid
}

function fdCount(thread: Thread, ctx: EventContext): number {
  return ctx.machine.fdsOf(thread)?.size ?? 0
}

function fdUsage(thread: Thread, ctx: EventContext): number {
  const limit = Number(thread.fdlimit)
  return limit > 0 ? (fdCount(thread, ctx) * 100) / limit : 0
}

function otherThreads(thread: Thread): number {
  const group = thread.group
  if (group === undefined) return 0
  const first = group.first()
  return first?.isMainThread === true && !first.isDead ? group.aliveCount - 1 : group.aliveCount
}

function stdFields(): Field[] {
  return ['stdin', 'stdout', 'stderr'].flatMap((name, num) => [
    text(
      `proc.${name}.type`,
      `Kind of fd ${num} of the process, as \`fd.type\` has it; no value when the fd is not known.`,
      (thread, ctx) => {
        const fd = ctx.machine.fdsOf(thread)?.peek(num)
        return fd === undefined ? undefined : fdTypeName(fd)
      },
    ),
    text(
      `proc.${name}.name`,
      `Name of fd ${num} of the process, as \`fd.name\` has it; no value when the fd is not known.`,
      (thread, ctx) => ctx.machine.fdsOf(thread)?.peek(num)?.name,
    ),
  ])
}

interface LeaderWords {
  readonly prefix: string
  readonly word: string
  readonly find: (ctx: EventContext) => Thread | undefined
}

function leaderFields({ prefix, word, find }: LeaderWords): Field[] {
  const field = (name: string, of: string, read: (thread: Thread) => ByteText): Field => ({
    name,
    group: 'process',
    type: 'CHARBUF',
    arg: 'none',
    doc: `\`${of}\` of the ${word} leader; empty when the leader is not known.`,
    bind: () => ctx => {
      if (ctx.thread === undefined) return undefined
      const thread = find(ctx)
      return thread === undefined ? '' : read(thread)
    },
  })
  return [
    field(prefix === 'proc.sid' ? 'proc.sname' : `${prefix}.name`, 'proc.name', t => t.comm),
    field(`${prefix}.exe`, 'proc.exe', t => t.exe),
    field(`${prefix}.exepath`, 'proc.exepath', t => t.exepath),
  ]
}

/** Fields of the process that made the event and of its relatives. */
export const procFields: readonly Field[] = [
  text('proc.exe', 'First argument of the command line (argv[0]), usually the name of the program.', t => t.exe),
  text('proc.pexe', '`proc.exe` of the parent.', t => t.exe, parent),
  ancestorField({ name: 'proc.aexe', of: 'proc.exe', doc: 'First argument of an ancestor', read: t => t.exe }),
  text('proc.exepath', 'Full path of the executable, with symbolic links resolved by the kernel.', t => t.exepath),
  text('proc.pexepath', '`proc.exepath` of the parent.', t => t.exepath, parent),
  ancestorField({
    name: 'proc.aexepath',
    of: 'proc.exepath',
    doc: 'Executable of an ancestor',
    read: t => t.exepath,
  }),
  text('proc.name', 'Name of the process as the kernel keeps it: at most 15 bytes.', t => t.comm),
  text('proc.pname', '`proc.name` of the parent.', t => t.comm, parent),
  ancestorField({ name: 'proc.aname', of: 'proc.name', doc: 'Name of an ancestor', read: t => t.comm }),
  {
    name: 'proc.args',
    group: 'process',
    type: 'CHARBUF',
    arg: 'optional',
    checkArg: checkIndexArg,
    doc: 'Arguments of the command line without the first, blank-separated; `proc.args[0]` is the first of these; one that is missing is empty.',
    bind: bindArgs,
  },
  ancestorField({
    name: 'proc.aargs',
    of: 'proc.args',
    doc: 'Arguments of an ancestor',
    read: argsOf,
    takesRhs: true,
  }),
  text('proc.cmdline', 'Command line: `proc.name` and the arguments without the first.', cmdlineOf),
  text('proc.pcmdline', '`proc.cmdline` of the parent.', cmdlineOf, parent),
  ancestorField({ name: 'proc.acmdline', of: 'proc.cmdline', doc: 'Command line of an ancestor', read: cmdlineOf }),
  amount('proc.cmdnargs', 'UINT64', 'Number of arguments without the first.', t => t.args.length),
  amount('proc.cmdlenargs', 'UINT64', 'Bytes of all arguments without the first, blanks between them not counted.', t =>
    t.args.reduce((sum, arg) => sum + arg.length, 0),
  ),
  text('proc.exeline', 'Command line with its real first argument: `proc.exe` and the other arguments.', exelineOf),
  {
    name: 'proc.env',
    group: 'process',
    type: 'CHARBUF',
    arg: 'optional',
    doc: 'Environment as `NAME=value`, blank-separated; `proc.env[HOME]` is the value of one variable, and empty when it is not set.',
    bind: bindEnv,
  },
  {
    name: 'proc.aenv',
    group: 'process',
    type: 'CHARBUF',
    arg: 'optional',
    noRhs: true,
    noTransformer: true,
    compare: 'any',
    doc: 'Environment of ancestors: `proc.aenv[2]` of one of them, `proc.aenv[NAME]` the value of a variable in the nearest of 20 that has it, and without an argument a condition holds when any ancestor satisfies it.',
    bind: bindAncestorEnv,
    bindPrint: printAncestors(bindAncestorEnv),
    bindJson: printAncestors(bindAncestorEnv),
  },
  text('proc.cwd', 'Working directory of the process, ending in a slash.', (t, ctx) => ctx.machine.cwdOf(t)),
  {
    ...id('proc.loginshellid', 'pid of the oldest shell among the process and its ancestors.', t => t.pid),
    bind: () => loginShell,
  },
  amount('proc.tty', 'UINT32', 'Number of the controlling terminal; 0 without one.', t => t.tty),
  id('proc.pid', 'Id of the process.', t => t.pid),
  id('proc.ppid', 'Id of the parent; no value when it is not known.', t => t.pid, parent),
  ancestorField({ name: 'proc.apid', of: 'proc.pid', doc: 'Id of an ancestor', read: t => t.pid, type: 'INT64' }),
  id('proc.vpid', 'Id of the process inside its PID namespace.', t => (t.vpid === -1 ? undefined : t.vpid)),
  id('proc.pvpid', 'Id of the parent inside its PID namespace.', t => t.vpid, parent),
  id('proc.sid', 'Session id of the process.', t => t.sid),
  ...leaderFields({ prefix: 'proc.sid', word: 'session', find: sessionLeader }),
  id('proc.vpgid', 'Process group id inside the PID namespace.', t => t.vpgid),
  ...leaderFields({ prefix: 'proc.vpgid', word: 'process group', find: virtualGroupLeader }),
  id('proc.pgid', 'Process group id on the host.', t => t.pgid),
  ...leaderFields({ prefix: 'proc.pgid', word: 'process group', find: groupLeader }),
  amount(
    'proc.duration',
    'RELTIME',
    'Nanoseconds since the process started; no value when that is not known.',
    (t, ctx) => since(ctx, t.cloneTsNs),
  ),
  amount(
    'proc.ppid.duration',
    'RELTIME',
    'Nanoseconds since the parent started; when its start is not known, the number of open fds of the process, as in Falco.',
    (t, ctx) => since(ctx, t.cloneTsNs) ?? (ctx.thread === undefined ? undefined : fdCount(ctx.thread, ctx)),
    parent,
  ),
  amount('proc.pid.ts', 'RELTIME', 'Start of the process in nanoseconds since the epoch.', t =>
    known(toScalar(t.cloneTsNs)),
  ),
  amount(
    'proc.ppid.ts',
    'RELTIME',
    'Start of the parent in nanoseconds since the epoch; 0 when it is not known.',
    t => toScalar(t.cloneTsNs),
    parent,
  ),
  flag('proc.is_exe_writable', 'Whether the user who runs the program may write its executable.', t => t.exeWritable),
  flag(
    'proc.is_exe_upper_layer',
    'Whether the executable is in the upper layer of an overlay file system: it was made or changed in the container.',
    t => t.exeUpperLayer,
  ),
  flag(
    'proc.is_exe_lower_layer',
    'Whether the executable is in a lower layer of an overlay file system: it comes from the image.',
    t => t.exeLowerLayer,
  ),
  flag(
    'proc.is_exe_from_memfd',
    'Whether the executable exists in memory only, made with memfd_create.',
    t => t.exeFromMemfd,
  ),
  flag('proc.is_sid_leader', 'Whether the process leads its session.', t => t.sid === t.vpid),
  flag(
    'proc.is_vpgid_leader',
    'Whether the process leads its process group, by ids of its PID namespace.',
    t => t.vpgid === t.vpid,
  ),
  flag(
    'proc.is_pgid_leader',
    'Whether the process leads its process group, by ids of the host.',
    t => t.pgid === t.pid,
  ),
  amount('proc.exe_ino', 'INT64', 'Inode number of the executable.', t => known(t.exeIno)),
  amount(
    'proc.exe_ino.ctime',
    'ABSTIME',
    'Last change of the inode of the executable (ctime) in nanoseconds since the epoch.',
    t => known(t.exeInoCtime),
  ),
  amount('proc.exe_ino.mtime', 'ABSTIME', 'Last write to the executable (mtime) in nanoseconds since the epoch.', t =>
    known(t.exeInoMtime),
  ),
  amount(
    'proc.exe_ino.ctime_duration_proc_start',
    'ABSTIME',
    'Nanoseconds from the last change of the executable to the start of the process.',
    t => known(t.exeInoCtimeDurationCloneTs),
  ),
  amount(
    'proc.exe_ino.ctime_duration_pidns_start',
    'ABSTIME',
    'Nanoseconds from the start of the PID namespace to the last change of the executable, where the change is later.',
    t => known(t.exeInoCtimeDurationPidnsStart),
  ),
  amount(
    'proc.pidns_init_start_ts',
    'UINT64',
    'Start of the PID namespace in nanoseconds since the epoch; in a replay, for a process that the capture saw starting, since the boot of the machine, as Falco has it there.',
    t => known(t.pidnsInitStartTs),
  ),
  amount('proc.fdopencount', 'UINT64', 'Number of open fds of the process that are known.', fdCount),
  amount('proc.fdlimit', 'INT64', 'Most fds that the process may have open.', t => t.fdlimit),
  amount('proc.fdusage', 'DOUBLE', 'Open fds as a percentage of the most that the process may have.', fdUsage),
  amount('proc.vmsize', 'UINT64', 'Virtual memory of the process in kB.', t => t.vmSizeKb),
  amount('proc.vmrss', 'UINT64', 'Resident memory of the process in kB.', t => t.vmRssKb),
  amount('proc.vmswap', 'UINT64', 'Swapped memory of the process in kB.', t => t.vmSwapKb),
  amount(
    'proc.nthreads',
    'UINT64',
    'Number of living threads of the process, its main thread included.',
    t => t.group?.aliveCount ?? 0,
  ),
  amount('proc.nchilds', 'UINT64', 'Number of living threads of the process without its main thread.', otherThreads),
  ...stdFields(),
]
