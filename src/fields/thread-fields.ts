import { paramNumber } from '../events/decode-record.ts'
import type { EventContext } from '../state/event-context.ts'
import type { Thread } from '../state/thread.ts'
import type { Value, ValueType } from '../values/value.ts'
import { parseSubsystem } from './arg-syntax.ts'
import { capabilitiesText } from './capability-names.ts'
import { singleCode } from './event-codes.ts'
import type { Field, Reader } from './field.ts'
import { toScalar } from './integers.ts'

const PROCINFO: number = singleCode('procinfo')
const SWITCH: number = singleCode('switch')

function ofThread(
  name: string,
  type: ValueType,
  doc: string,
  read: (thread: Thread, ctx: EventContext) => Value | undefined,
  more: Partial<Field> = {},
): Field {
  return {
    name,
    group: 'process',
    type,
    arg: 'none',
    doc,
    ...more,
    bind: () => ctx => (ctx.thread === undefined ? undefined : read(ctx.thread, ctx)),
  }
}

function bindCgroup(subsystem: string | undefined): Reader {
  const prefix = `${subsystem ?? ''}=`
  return ctx => ctx.thread?.cgroups.find(item => item.startsWith(prefix))?.slice(prefix.length)
}

/** Nanoseconds since the switch event before this one on the same CPU; 0 at the first and for other events. */
function cpuTimeReader(): (ctx: EventContext) => bigint {
  const lastOnCpu = new Map<number, bigint>()
  return ctx => {
    if (ctx.rec.type !== SWITCH) return 0n
    const now = ctx.rec.tsNs
    const last = lastOnCpu.get(ctx.rec.cpu)
    lastOnCpu.set(ctx.rec.cpu, now)
    return last === undefined ? 0n : now - last
  }
}

function bindExecTime(): Reader {
  const read = cpuTimeReader()
  return ctx => toScalar(read(ctx))
}

function bindTotalExecTime(): Reader {
  const read = cpuTimeReader()
  const totals = new WeakMap<Thread, bigint>()
  return ctx => {
    const time = read(ctx)
    if (ctx.thread === undefined) return undefined
    const total = (totals.get(ctx.thread) ?? 0n) + time
    totals.set(ctx.thread, total)
    return toScalar(total)
  }
}

/** Per cent of a CPU since the procinfo event before this one: the events of other kinds have none. */
function cpuUse(params: readonly number[]): () => Reader {
  return () => {
    const totals = new WeakMap<Thread, number>()
    return ctx => {
      const thread = ctx.thread
      if (thread === undefined || ctx.rec.type !== PROCINFO) return undefined
      const total = params.reduce((sum, i) => sum + (paramNumber(ctx.rec, i) ?? 0), 0)
      const before = totals.get(thread) ?? 0
      totals.set(thread, total)
      return before === 0 ? 0 : Math.min(total - before, 100)
    }
  }
}

function cpuField(name: string, doc: string, params: readonly number[]): Field {
  return {
    name,
    group: 'process',
    type: 'DOUBLE',
    arg: 'none',
    doc: `${doc} Only procinfo events have it, which Falco and this program do not make: old captures may.`,
    bind: cpuUse(params),
  }
}

/** Fields of the thread that made the event. */
export const threadFields: readonly Field[] = [
  ofThread('thread.cap_permitted', 'CHARBUF', 'Permitted capabilities, blank-separated.', t =>
    capabilitiesText(t.capPermitted),
  ),
  ofThread('thread.cap_inheritable', 'CHARBUF', 'Inheritable capabilities, blank-separated.', t =>
    capabilitiesText(t.capInheritable),
  ),
  ofThread('thread.cap_effective', 'CHARBUF', 'Effective capabilities, blank-separated.', t =>
    capabilitiesText(t.capEffective),
  ),
  ofThread(
    'thread.pfmajor',
    'UINT64',
    'Major page faults since the thread started, as of its last execve or clone.',
    t => t.pfMajor,
  ),
  ofThread(
    'thread.pfminor',
    'UINT64',
    'Minor page faults since the thread started, as of its last execve or clone.',
    t => t.pfMinor,
  ),
  {
    name: 'thread.tid',
    group: 'process',
    type: 'INT64',
    arg: 'none',
    print: 'ID',
    doc: 'Id of the thread that made the event.',
    bind: () => ctx => (ctx.rec.tid >= -1 && ctx.rec.tid <= 0xffffffff ? ctx.rec.tid : undefined),
  },
  ofThread('thread.ismain', 'BOOL', 'Whether it is the main thread of its process.', t => t.isMainThread),
  ofThread(
    'thread.vtid',
    'INT64',
    'Id of the thread inside its PID namespace.',
    t => (t.vtid === -1 ? undefined : t.vtid),
    { print: 'ID' },
  ),
  ofThread(
    'thread.nametid',
    'CHARBUF',
    'Name of the process and id of the thread written together.',
    (t, ctx) => `${t.comm}${ctx.rec.tid}`,
    { tableOnly: true },
  ),
  {
    name: 'thread.exectime',
    group: 'process',
    type: 'RELTIME',
    arg: 'none',
    doc: 'Nanoseconds of CPU time of the thread that a switch event takes off the CPU; 0 for other events.',
    bind: bindExecTime,
  },
  {
    name: 'thread.totexectime',
    group: 'process',
    type: 'RELTIME',
    arg: 'none',
    doc: 'Nanoseconds of CPU time of the thread since the field was first read; needs switch events.',
    bind: bindTotalExecTime,
  },
  ofThread('thread.cgroups', 'CHARBUF', 'Control groups as `subsystem=path`, blank-separated.', t =>
    t.cgroups.length === 0 ? undefined : t.cgroups.join(' '),
  ),
  {
    name: 'thread.cgroup',
    group: 'process',
    type: 'CHARBUF',
    arg: 'required',
    parseArg: parseSubsystem,
    doc: 'Control group of one subsystem: `thread.cgroup.memory`. No value when the thread has none there.',
    bind: bindCgroup,
  },
  cpuField('thread.cpu', 'CPU use of the thread in the last second.', [0, 1]),
  cpuField('thread.cpu.user', 'CPU use of the thread in user mode in the last second.', [0]),
  cpuField('thread.cpu.system', 'CPU use of the thread in the kernel in the last second.', [1]),
  ofThread('thread.vmsize', 'UINT64', 'Virtual memory of the process in kB; 0 for other than main threads.', t =>
    t.isMainThread ? t.vmSizeKb : 0,
  ),
  ofThread('thread.vmrss', 'UINT64', 'Resident memory of the process in kB; 0 for other than main threads.', t =>
    t.isMainThread ? t.vmRssKb : 0,
  ),
  ofThread(
    'thread.vmsize.b',
    'UINT64',
    'Virtual memory of the process in bytes; 0 for other than main threads.',
    t => (t.isMainThread ? t.vmSizeKb * 1024 : 0),
    { tableOnly: true },
  ),
  ofThread(
    'thread.vmrss.b',
    'UINT64',
    'Resident memory of the process in bytes; 0 for other than main threads.',
    t => (t.isMainThread ? t.vmRssKb * 1024 : 0),
    { tableOnly: true },
  ),
]
