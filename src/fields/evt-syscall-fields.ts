import { paramByteText, paramInteger, paramNumber, paramText } from '../events/decode-record.ts'
import { syscallName } from '../events/event-lookup.ts'
import { eventTable } from '../events/event-table.ts'
import type { EventContext } from '../state/event-context.ts'
import { type Fd, FdType } from '../state/fd.ts'
import type { ByteText, Value, ValueType } from '../values/value.ts'
import {
  paramFormatOf,
  paramTypeOf,
  parseEventName,
  parseParamName,
  parseParamNameOrIndex,
  parsePathSide,
} from './arg-syntax.ts'
import { absolutePath, type PathSide } from './at-paths.ts'
import { argsText, argText } from './event-args.ts'
import {
  ACCEPT,
  ACCEPT4,
  CONNECT,
  CREAT,
  GENERIC_EXIT,
  OPEN,
  OPENAT,
  OPENAT2,
  OPEN_BY_HANDLE_AT,
  categoryOf,
  hasResult,
  isSyscall,
  paramPositions,
  singleCode,
} from './event-codes.ts'
import { clockNsText } from './event-time.ts'
import { isInetSocket, isListening } from './fd-text.ts'
import type { Field, Reader } from './field.ts'
import { parseInt32Arg } from './field-syntax.ts'
import { toScalar } from './integers.ts'
import { dottedText } from './render-value.ts'

/** Categories of the event table (`ppm_event_category`). */
const MEMORY = 5
const IO = 32
const IO_READ = 32
const IO_WRITE = 33

const CATEGORY_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'unknown'],
  [1, 'other'],
  [2, 'file'],
  [3, 'net'],
  [4, 'IPC'],
  [MEMORY, 'memory'],
  [6, 'process'],
  [7, 'sleep'],
  [8, 'system'],
  [9, 'signal'],
  [10, 'user'],
  [11, 'time'],
  [12, 'processing'],
  [64, 'wait'],
  [128, 'scheduler'],
  [256, 'internal'],
])

const ASYNC_EVENT = singleCode('asyncevent')
const PROCINFO = singleCode('procinfo')
const INFRA = singleCode('infra')

/** PPM open flags. */
const READ_FLAG = 1
const WRITE_FLAG = 2
const CREAT_FLAG = 4
const TMPFILE_FLAG = 8192
const CREATED_FLAG = 16384
const ANY_EXEC_MODE = 0o111

function codesFlagged(flag: string): Uint8Array {
  return Uint8Array.from(eventTable, event => (event.flags.has(flag) ? 1 : 0))
}

const READS: Uint8Array = codesFlagged('reads')
const WRITES: Uint8Array = codesFlagged('writes')
const WAITS: Uint8Array = codesFlagged('waits')

const opensFile: Uint8Array = Uint8Array.from(eventTable, event =>
  [OPEN, OPENAT, OPENAT2, OPEN_BY_HANDLE_AT].includes(event.code) ? 1 : 0,
)
const connectsSocket: Uint8Array = Uint8Array.from(eventTable, event =>
  [CONNECT, ACCEPT, ACCEPT4].includes(event.code) ? 1 : 0,
)

/** `evt.rawres`: the system call's result; undefined for events without one. */
function result(ctx: EventContext): number | bigint | undefined {
  return hasResult(ctx.rec.type) ? paramInteger(ctx.rec, 0) : undefined
}

function failed(ctx: EventContext): boolean | undefined {
  const res = result(ctx)
  return res === undefined ? undefined : res < 0
}

function errorCount(ctx: EventContext): number | undefined {
  const isError = failed(ctx)
  return isError === undefined ? undefined : Number(isError)
}

function resultText(ctx: EventContext): ByteText | undefined {
  const res = result(ctx)
  if (res === undefined) return undefined
  return res >= 0 ? 'SUCCESS' : argText(ctx, 0)
}

/** The name of a system call without an event of its own. */
function genericName(ctx: EventContext): string {
  const code = paramNumber(ctx.rec, 0) ?? 0
  // Code 0 is a call that was too new for whoever wrote the capture; the kernel's number may still tell it.
  return syscallName(code === 0 ? -1 : code, paramNumber(ctx.rec, 1)) ?? 'unknown'
}

function eventType(ctx: EventContext): ByteText | undefined {
  const rec = ctx.rec
  if (rec.type === GENERIC_EXIT) return genericName(ctx)
  if (rec.type === ASYNC_EVENT) return paramText(rec, 1)
  return rec.info.name
}

function syscallType(ctx: EventContext): ByteText | undefined {
  const rec = ctx.rec
  if (!isSyscall(rec.type)) return undefined
  return rec.type === GENERIC_EXIT ? genericName(ctx) : rec.info.name
}

function isIo(category: number): boolean {
  return (category & IO) !== 0
}

function categoryName(ctx: EventContext): string {
  const category = categoryOf(ctx.rec.type)
  if (!isIo(category)) return CATEGORY_NAMES.get(category) ?? 'unknown'
  switch (ctx.fd?.type) {
    case FdType.file:
    case FdType.fileV2:
    case FdType.directory:
      return 'file'
    case FdType.ipv4:
    case FdType.ipv6:
    case FdType.ipv4Listening:
    case FdType.ipv6Listening:
      return 'net'
    case FdType.fifo:
    case FdType.unix:
    case FdType.event:
    case FdType.signal:
    case FdType.inotify:
    case FdType.userfaultfd:
      return 'ipc'
    default:
      return 'unknown'
  }
}

function isFile(fd: Fd): boolean {
  return fd.type === FdType.file || fd.type === FdType.fileV2
}

function isNet(fd: Fd): boolean {
  return isInetSocket(fd) || isListening(fd)
}

/** The bytes moved by an I/O event on an fd that is known and suits. */
function ioLength(isCategory: (category: number) => boolean, isFd: (fd: Fd) => boolean): () => Reader {
  return () => ctx => {
    const fd = ctx.fd
    if (fd === undefined || !isCategory(categoryOf(ctx.rec.type)) || !isFd(fd)) return undefined
    const res = result(ctx)
    return res === undefined || res < 0 ? undefined : res
  }
}

const anyFd = (): boolean => true
const isRead = (category: number): boolean => category === IO_READ
const isWrite = (category: number): boolean => category === IO_WRITE

function bufferLength(name: string, doc: string, bind: () => Reader, isTableOnly = true): Field {
  return { name, group: 'evt', type: 'UINT64', arg: 'none', ...(isTableOnly && { tableOnly: true }), doc, bind }
}

/** A count of errors of one kind: 1, 0, or no value where the event is of another kind. */
function errorsOf(name: string, doc: string, isKind: (ctx: EventContext) => boolean): Field {
  return {
    name,
    group: 'evt',
    type: 'UINT32',
    arg: 'none',
    doc,
    bind: () => ctx => (isKind(ctx) ? errorCount(ctx) : undefined),
  }
}

function isFileKind(ctx: EventContext): boolean {
  const fd = ctx.fd
  if (fd !== undefined) return isFile(fd) || fd.type === FdType.directory
  return opensFile[ctx.rec.type] === 1 || ctx.rec.type === CREAT
}

function isNetKind(ctx: EventContext): boolean {
  const fd = ctx.fd
  return fd !== undefined ? isNet(fd) || fd.type === FdType.unix : connectsSocket[ctx.rec.type] === 1
}

function isOtherKind(ctx: EventContext): boolean {
  if (isFileKind(ctx) || isNetKind(ctx)) return false
  return ctx.fd !== undefined || categoryOf(ctx.rec.type) !== MEMORY
}

function openFlags(ctx: EventContext): number {
  const type = ctx.rec.type
  if (opensFile[type] !== 1) return 0
  return paramNumber(ctx.rec, type === OPENAT || type === OPENAT2 ? 3 : 2) ?? 0
}

function createsExecutable(ctx: EventContext): boolean {
  const { rec } = ctx
  const type = rec.type
  if (type === CREAT) return ((paramNumber(rec, 2) ?? 0) & ANY_EXEC_MODE) !== 0
  // The event of open_by_handle_at has no mode.
  if (opensFile[type] !== 1 || type === OPEN_BY_HANDLE_AT) return false
  if ((openFlags(ctx) & (CREAT_FLAG | TMPFILE_FLAG)) === 0) return false
  return ((paramNumber(rec, type === OPEN ? 3 : 4) ?? 0) & ANY_EXEC_MODE) !== 0
}

function createsFile(ctx: EventContext): boolean {
  const flags = openFlags(ctx)
  if ((flags & CREATED_FLAG) !== 0) return true
  return (flags & TMPFILE_FLAG) !== 0 && failed(ctx) === false
}

function bindArg(arg: string | undefined): Reader {
  if (arg === undefined) return () => undefined
  const index = parseInt32Arg(arg)
  if (index !== undefined) return ctx => argText(ctx, index)
  const at = paramPositions(arg)
  return ctx => argText(ctx, at[ctx.rec.type]!)
}

const TEXT_TYPES: ReadonlySet<string> = new Set(['CHARBUF', 'FSPATH', 'FSRELPATH'])

function rawArg(ctx: EventContext, i: number): Value | undefined {
  const { rec } = ctx
  const param = rec.info.params[i]
  if (param === undefined || i >= rec.paramCount) return undefined
  if (TEXT_TYPES.has(param.type)) return paramText(rec, i) ?? '<NA>'
  return paramInteger(rec, i) ?? paramByteText(rec, i)
}

function bindRawArg(arg: string | undefined): Reader {
  if (arg === undefined) return () => undefined
  const at = paramPositions(arg)
  return ctx => rawArg(ctx, at[ctx.rec.type]!)
}

function bindTypeIs(arg: string | undefined): Reader {
  // Falco looks at the first pair of codes with that name only, so that versions of an event added later do not count.
  const isNumber = arg !== undefined && /^\d+$/.test(arg)
  const first = isNumber ? Number(arg) : eventTable.findIndex(event => event.name === arg)
  const second = isNumber ? first : first + 1
  return ctx => (ctx.rec.type === first || ctx.rec.type === second ? 1 : 0)
}

const dataPositions: Int8Array = paramPositions('data')

function buffer(ctx: EventContext): ByteText | undefined {
  const i = dataPositions[ctx.rec.type]!
  return i < 0 || i >= ctx.rec.paramCount ? undefined : (paramByteText(ctx.rec, i) ?? '')
}

function bufferPrint(ctx: EventContext): ByteText | undefined {
  const i = dataPositions[ctx.rec.type]!
  if (i < 0 || i >= ctx.rec.paramCount) return undefined
  const bytes = paramByteText(ctx.rec, i)
  return bytes === undefined ? 'NULL' : dottedText(bytes)
}

/** `key: value` items of an old Docker event, separated by semicolons. */
function infraItem(key: string, read: (value: string, item: string) => string): () => Reader {
  return () => ctx => {
    if (ctx.rec.type !== INFRA) return undefined
    for (const part of (paramText(ctx.rec, 2) ?? '').split(';')) {
      const item = part.trim()
      if (!item.startsWith(key)) continue
      return read(item.split(':')[1] ?? '', item).trim()
    }
    return undefined
  }
}

function imageName(value: string, item: string): string {
  if (value.includes('@')) return value.slice(0, value.indexOf('@'))
  return value.includes('sha256') ? item.slice(item.indexOf(':') + 1) : value
}

function deltaTime(ctx: EventContext): bigint {
  const before = ctx.previousTsNs
  return before === 0n ? 0n : BigInt.asUintN(64, ctx.rec.tsNs - before)
}

function flagged(name: string, doc: string, codes: Uint8Array): Field {
  return { name, group: 'evt', type: 'BOOL', arg: 'none', doc, bind: () => ctx => codes[ctx.rec.type] === 1 }
}

function latency(name: string, doc: string): Field {
  return {
    name,
    group: 'evt',
    type: 'RELTIME',
    arg: 'none',
    deprecated: true,
    doc: `${doc} There are no enter events any more, so it is always 0.`,
    bind: () => () => 0,
  }
}

const NS_PER_SECOND = 1_000_000_000n

/** Fields of system calls and other kernel events. */
export const evtSyscallFields: readonly Field[] = [
  latency('evt.latency', 'Time between the enter and the exit event of a system call.'),
  latency('evt.latency.s', 'Whole seconds of `evt.latency`.'),
  {
    ...latency('evt.latency.ns', 'Nanoseconds of `evt.latency` after the last whole second.'),
    print: 'PADDED_DEC',
  },
  { ...latency('evt.latency.quantized', 'Logarithm of `evt.latency`.'), type: 'UINT64', tableOnly: true },
  {
    name: 'evt.latency.human',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    deprecated: true,
    doc: '`evt.latency` with a unit. There are no enter events any more, so it is always `0ns`.',
    bind: () => () => '0ns',
  },
  {
    name: 'evt.deltatime',
    group: 'evt',
    type: 'RELTIME',
    arg: 'none',
    doc: 'Nanoseconds since the event before this one; 0 at the first.',
    bind: () => ctx => toScalar(deltaTime(ctx)),
  },
  {
    name: 'evt.deltatime.s',
    group: 'evt',
    type: 'RELTIME',
    arg: 'none',
    doc: 'Whole seconds since the event before this one.',
    bind: () => ctx => toScalar(deltaTime(ctx) / NS_PER_SECOND),
  },
  {
    name: 'evt.deltatime.ns',
    group: 'evt',
    type: 'RELTIME',
    arg: 'none',
    print: 'PADDED_DEC',
    doc: 'Nanoseconds of the time since the event before this one after its last whole second.',
    bind: () => ctx => Number(deltaTime(ctx) % NS_PER_SECOND),
  },
  {
    name: 'evt.outputtime',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    printOnly: true,
    doc: 'Time of the event as alerts print it; the same as `evt.time`. In JSON it is the number of nanoseconds since the epoch.',
    bind: () => ctx => clockNsText(ctx.rec.tsNs),
    bindJson: () => ctx => toScalar(ctx.rec.tsNs),
  },
  {
    name: 'evt.dir',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    deprecated: true,
    doc: '`<` for the exit of a system call, `>` for all events with an even code: tracepoints, container and other messages.',
    bind: () => ctx => ((ctx.rec.type & 1) === 0 ? '>' : '<'),
  },
  {
    name: 'evt.type',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Name of the event, for example `openat`. Of an asynchronous event it is the kind of message, for example `container`.',
    bind: () => eventType,
  },
  {
    name: 'evt.type.is',
    group: 'evt',
    type: 'UINT32',
    arg: 'required',
    parseArg: parseEventName,
    doc: '`evt.type.is.open` is 1 for an event with the first code pair of that name, else 0; `evt.type.is.3` asks for one code. Prefer `evt.type`.',
    bind: bindTypeIs,
  },
  {
    name: 'syscall.type',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Name of the system call; no value for events that are none, such as `procexit`.',
    bind: () => syscallType,
  },
  {
    name: 'evt.category',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'What the event is about: file, net, IPC, memory, process, sleep, system, signal, user, time, wait, scheduler, internal, other. Reading and writing is `file`, `net` or `ipc` by the fd.',
    bind: () => categoryName,
  },
  {
    name: 'evt.cpu',
    group: 'evt',
    type: 'INT16',
    arg: 'none',
    print: 'ID',
    doc: 'Number of the CPU on which the event happened.',
    bind: () => ctx => ctx.rec.cpu,
  },
  {
    name: 'evt.args',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'All arguments as `name=value`, blank-separated, with what a value means in parentheses: `fd=3(<f>/etc/hosts)`.',
    bind: () => argsText,
  },
  {
    name: 'evt.arg',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'required',
    parseArg: parseParamNameOrIndex,
    doc: 'One argument as text, by name (`evt.arg.path`) or position (`evt.arg[0]`): what it means where that is known (a flag, a resolved path, an error name), else the value itself.',
    bind: bindArg,
  },
  {
    name: 'evt.rawarg',
    group: 'evt',
    type: 'DYN',
    arg: 'required',
    noRhs: true,
    noTransformer: true,
    parseArg: parseParamName,
    typeOf: (arg): ValueType => (arg === undefined ? 'DYN' : (paramTypeOf(arg) ?? 'DYN')),
    printOf: paramFormatOf,
    doc: 'One argument with its own type, by name, so that numbers compare as numbers: `evt.rawarg.res < 0`.',
    bind: bindRawArg,
  },
  {
    name: 'evt.info',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'The same as `evt.args`.',
    bind: () => argsText,
  },
  {
    name: 'evt.buffer',
    group: 'evt',
    type: 'BYTEBUF',
    arg: 'none',
    doc: 'The bytes that were read or written, as far as they were captured (80 bytes unless set otherwise). Unprintable ones print as dots.',
    bind: () => buffer,
    bindPrint: () => bufferPrint,
  },
  bufferLength('evt.buflen', 'Bytes read or written by an I/O event on a known fd.', ioLength(isIo, anyFd), false),
  {
    name: 'evt.res',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Result of the system call: `SUCCESS`, or the name of the error such as `ENOENT`. No value for events without a result.',
    bind: () => resultText,
  },
  {
    name: 'evt.rawres',
    group: 'evt',
    type: 'INT64',
    arg: 'none',
    doc: 'Result of the system call as a number, negative for errors. No value for events without a result.',
    bind: () => result,
  },
  {
    name: 'evt.failed',
    group: 'evt',
    type: 'BOOL',
    arg: 'none',
    doc: 'Whether the system call returned an error. No value for events without a result.',
    bind: () => failed,
  },
  flagged(
    'evt.is_io',
    'Whether the event reads from or writes to an fd.',
    READS.map((reads, code) => reads | WRITES[code]!),
  ),
  flagged('evt.is_io_read', 'Whether the event reads from an fd.', READS),
  flagged('evt.is_io_write', 'Whether the event writes to an fd.', WRITES),
  {
    name: 'evt.io_dir',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: '`read` or `write` for events that do so on an fd; no value for others.',
    bind: () => ctx => (WRITES[ctx.rec.type] === 1 ? 'write' : READS[ctx.rec.type] === 1 ? 'read' : undefined),
  },
  flagged('evt.is_wait', 'Whether the event makes the thread wait: sleep, select, poll, …', WAITS),
  latency('evt.wait_latency', 'Time that the thread waited.'),
  {
    name: 'evt.is_syslog',
    group: 'evt',
    type: 'BOOL',
    arg: 'none',
    doc: 'Whether the event writes to the system log, `/dev/log`.',
    bind: () => ctx => WRITES[ctx.rec.type] === 1 && ctx.fd?.name.includes('/dev/log') === true,
  },
  {
    name: 'evt.count',
    group: 'evt',
    type: 'UINT32',
    arg: 'none',
    doc: 'Always 1.',
    bind: () => () => 1,
  },
  errorsOf('evt.count.error', '1 for an event that failed, 0 for another with a result.', () => true),
  errorsOf('evt.count.error.file', '1 for a failed file operation, 0 for one that did not fail.', isFileKind),
  errorsOf('evt.count.error.net', '1 for a failed socket operation, 0 for one that did not fail.', isNetKind),
  errorsOf(
    'evt.count.error.memory',
    '1 for a failed memory operation, 0 for one that did not fail.',
    ctx => categoryOf(ctx.rec.type) === MEMORY,
  ),
  errorsOf('evt.count.error.other', '1 for a failure of any other kind, 0 for such an event without one.', isOtherKind),
  {
    name: 'evt.count.exit',
    group: 'evt',
    type: 'UINT32',
    arg: 'none',
    doc: '1 for exit events; no value for others.',
    bind: () => ctx => ((ctx.rec.type & 1) === 1 ? 1 : undefined),
  },
  {
    name: 'evt.count.procinfo',
    group: 'evt',
    type: 'UINT32',
    arg: 'none',
    tableOnly: true,
    doc: '1 for the procinfo event of a main thread, else 0.',
    bind: () => ctx => (ctx.rec.type === PROCINFO && ctx.thread?.isMainThread === true ? 1 : 0),
  },
  {
    name: 'evt.count.threadinfo',
    group: 'evt',
    type: 'UINT32',
    arg: 'none',
    tableOnly: true,
    doc: '1 for procinfo events, else 0.',
    bind: () => ctx => (ctx.rec.type === PROCINFO ? 1 : 0),
  },
  {
    name: 'evt.abspath',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'optional',
    parseArg: parsePathSide,
    doc: 'Absolute path of a call that names a directory fd and a path: openat, unlinkat, renameat, … `.src` and `.dst` choose one of two paths.',
    bind: arg => ctx => absolutePath(ctx, arg as PathSide | undefined),
  },
  bufferLength('evt.buflen.in', 'Bytes read.', ioLength(isRead, anyFd)),
  bufferLength('evt.buflen.out', 'Bytes written.', ioLength(isWrite, anyFd)),
  bufferLength('evt.buflen.file', 'Bytes read from or written to a file.', ioLength(isIo, isFile)),
  bufferLength('evt.buflen.file.in', 'Bytes read from a file.', ioLength(isRead, isFile)),
  bufferLength('evt.buflen.file.out', 'Bytes written to a file.', ioLength(isWrite, isFile)),
  bufferLength('evt.buflen.net', 'Bytes read from or written to an IP socket.', ioLength(isIo, isNet)),
  bufferLength('evt.buflen.net.in', 'Bytes read from an IP socket.', ioLength(isRead, isNet)),
  bufferLength('evt.buflen.net.out', 'Bytes written to an IP socket.', ioLength(isWrite, isNet)),
  {
    name: 'evt.is_open_read',
    group: 'evt',
    type: 'BOOL',
    arg: 'none',
    doc: 'Whether open, openat, openat2 or open_by_handle_at asked to read, also when it failed.',
    bind: () => ctx => (openFlags(ctx) & READ_FLAG) !== 0,
  },
  {
    name: 'evt.is_open_write',
    group: 'evt',
    type: 'BOOL',
    arg: 'none',
    doc: 'Whether open, openat, openat2 or open_by_handle_at asked to write, also when it failed.',
    bind: () => ctx => (openFlags(ctx) & WRITE_FLAG) !== 0,
  },
  {
    name: 'evt.infra.docker.name',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    tableOnly: true,
    doc: 'Name of an event of the Docker daemon. Only very old captures have them.',
    bind: infraItem('Event', value => value),
  },
  {
    name: 'evt.infra.docker.container.id',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    tableOnly: true,
    doc: 'Container id of an event of the Docker daemon. Only very old captures have them.',
    bind: infraItem('ID', value => value.trim().slice(0, 12)),
  },
  {
    name: 'evt.infra.docker.container.name',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    tableOnly: true,
    doc: 'Container name of an event of the Docker daemon. Only very old captures have them.',
    bind: infraItem('name', value => value),
  },
  {
    name: 'evt.infra.docker.container.image',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    tableOnly: true,
    doc: 'Image of an event of the Docker daemon. Only very old captures have them.',
    bind: infraItem('Image', imageName),
  },
  {
    name: 'evt.is_open_exec',
    group: 'evt',
    type: 'BOOL',
    arg: 'none',
    doc: 'Whether open, openat, openat2 or creat makes a file that somebody may execute.',
    bind: () => createsExecutable,
  },
  {
    name: 'evt.is_open_create',
    group: 'evt',
    type: 'BOOL',
    arg: 'none',
    doc: 'Whether open, openat, openat2 or open_by_handle_at made the file.',
    bind: () => createsFile,
  },
]
