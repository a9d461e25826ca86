import {
  Family,
  integerLayout,
  paramByteText,
  paramDyn,
  paramFdList,
  paramInt64,
  paramInteger,
  paramNumber,
  paramText,
  paramUint32,
  readIpv4,
  readIpv6,
  readText,
} from '../events/decode-record.ts'
import { syscallName } from '../events/event-lookup.ts'
import type { EventRecord } from '../events/event-record.ts'
import type { EventParam } from '../events/event-table.ts'
import type { EventContext } from '../state/event-context.ts'
import { joinPath } from '../state/path.ts'
import { endpointText, tupleText, unixText } from '../values/socket-text.ts'
import type { ByteText } from '../values/value.ts'
import { errnoName } from './errno-names.ts'
import { GENERIC_EXIT } from './event-codes.ts'
import { dateTimeNsText } from './event-time.ts'
import { fdTypeChar, l4Char } from './fd-text.ts'
import { toUnsigned } from './integers.ts'
import { dottedText } from './render-value.ts'
import { signalName } from './signal-names.ts'

/*
 * The text of event arguments, `name=raw(resolved)` as libsinsp makes it (event.cpp, `get_param_as_str`). The raw text is the number or
 * the bytes; the resolved one, where there is any, is what they mean here: an fd's file, a path seen from its directory, a flag's name.
 */

const AT_FDCWD = -100
const NOT_SET = 0xffffffff
/** A RELTIME that stands for no time limit. */
const NO_TIME = 0xffffffffffffffffn

/** `evt.args`: all arguments of the event, blank-separated. A system call without an event of its own shows none. */
export function argsText(ctx: EventContext): ByteText {
  const rec = ctx.rec
  if (rec.type === GENERIC_EXIT) return ''
  const params = rec.info.params
  let text = ''
  for (let i = 0; i < rec.paramCount; i++) {
    const resolved = resolvedText(ctx, i)
    if (i > 0) text += ' '
    text += `${params[i]!.name}=${rawText(ctx, i)}`
    if (resolved !== '') text += `(${resolved})`
  }
  return text
}

/** Argument `i` as `evt.arg` gives it: the resolved text, or the raw one where nothing is resolved. Undefined past the last one. */
export function argText(ctx: EventContext, i: number): ByteText | undefined {
  if (i < 0 || i >= ctx.rec.paramCount) return undefined
  return resolvedText(ctx, i) || rawText(ctx, i)
}

/** Whether a text parameter holds what old captures wrote for no text. */
function isNullText(rec: EventRecord, i: number): boolean {
  return rec.paramLen[i] === 7 && paramByteText(rec, i) === '(NULL)\0'
}

function rawText(ctx: EventContext, i: number): ByteText {
  const rec = ctx.rec
  const { type, format } = rec.info.params[i]!
  if (rec.paramLen[i] === 0) return emptyText(type)
  switch (type) {
    case 'CHARBUF':
    case 'FSPATH':
    case 'FSRELPATH':
      return isNullText(rec, i) ? '<NA>' : (paramText(rec, i) ?? '')
    case 'BYTEBUF':
      return dottedText(paramByteText(rec, i) ?? '')
    case 'SOCKADDR':
      return sockaddrText(rec, rec.paramAt[i]!, rec.paramLen[i]!)
    case 'SOCKTUPLE':
      return socktupleText(rec, rec.paramAt[i]!, rec.paramLen[i]!)
    case 'FDLIST':
      return fdListText(ctx, i)
    case 'SIGSET':
      return signalSetText(paramUint32(rec, i) ?? 0)
    case 'DYN':
      return dynText(rec, i, format)
    case 'CHARBUFARRAY':
    case 'CHARBUF_PAIR_ARRAY':
    case 'FD32':
    case 'PID32':
    case 'PORT':
    case 'IPV4ADDR':
    case 'IPV6ADDR':
      // libsinsp has no text for these; only the events that fill the state at the start have them.
      return '(n.a.)'
    default: {
      const n = paramInteger(rec, i)
      return n === undefined ? '<NA>' : integerText(n, type, format)
    }
  }
}

function emptyText(type: string): string {
  switch (type) {
    case 'BYTEBUF':
    case 'SOCKTUPLE':
    case 'FDLIST':
    case 'CHARBUFARRAY':
    case 'CHARBUF_PAIR_ARRAY':
    case 'DYN':
      return 'NULL'
    default:
      return '<NA>'
  }
}

function integerText(n: number | bigint, type: string, format: EventParam['format']): string {
  switch (type) {
    case 'FD':
    case 'PID':
    case 'ERRNO':
    case 'SYSCALLID':
    case 'SIGTYPE':
    case 'FLAGS8':
    case 'FLAGS16':
    case 'FLAGS32':
    case 'ENUMFLAGS8':
    case 'ENUMFLAGS16':
    case 'ENUMFLAGS32':
      // The table gives some of these a hexadecimal format, which libsinsp does not look at.
      return n.toString()
    case 'UID':
    case 'GID':
      return (Number(n) | 0).toString()
    case 'RELTIME':
      return n === NO_TIME ? 'none' : n.toString()
    case 'ABSTIME':
      return dateTimeNsText(BigInt(n))
    default:
      return formatted(n, type, format)
  }
}

function formatted(n: number | bigint, type: string, format: EventParam['format']): string {
  if (format !== 'HEX' && format !== 'OCT') return n.toString()
  // C widens the short types to 32 bits before it prints them.
  const unsigned = toUnsigned(n, integerLayout(type)?.bytes === 8 ? 64 : 32)
  if (format === 'HEX') return unsigned.toString(16).toUpperCase()
  return unsigned === 0 ? '0' : `0${unsigned.toString(8)}`
}

function dynText(rec: EventRecord, i: number, format: EventParam['format']): ByteText {
  const dyn = paramDyn(rec, i)
  if (dyn === undefined) return 'INVALID DYNAMIC PARAMETER'
  const { variant, value } = dyn
  if (typeof value === 'number' || typeof value === 'bigint') return integerText(value, variant.type, format)
  return variant.type === 'BYTEBUF' ? dottedText(String(value)) : String(value)
}

// ---------------------------------------------------------------- addresses

function sockaddrText(rec: EventRecord, at: number, len: number): ByteText {
  const { bytes, view } = rec
  const family = bytes[at]!
  switch (family) {
    case Family.unix:
      return readText(bytes, at + 1, len - 1)
    case Family.inet:
      return len === 7 ? endpointText(readIpv4(view, at + 1), view.getUint16(at + 5, true)) : 'INVALID IPv4'
    case Family.inet6:
      return len === 19 ? endpointText(readIpv6(bytes, at + 1), view.getUint16(at + 17, true)) : 'INVALID IPv6'
    default:
      return `family ${family}`
  }
}

function socktupleText(rec: EventRecord, at: number, len: number): ByteText {
  const { bytes, view } = rec
  const family = bytes[at]!
  switch (family) {
    case Family.inet:
      if (len !== 13) return 'INVALID IPv4'
      return tupleText(
        readIpv4(view, at + 1),
        view.getUint16(at + 5, true),
        readIpv4(view, at + 7),
        view.getUint16(at + 11, true),
      )
    case Family.inet6:
      if (len !== 37) return 'INVALID IPv6'
      return tupleText(
        readIpv6(bytes, at + 1),
        view.getUint16(at + 17, true),
        readIpv6(bytes, at + 19),
        view.getUint16(at + 35, true),
      )
    case Family.unix:
      if (len < 17) return 'NULL'
      return unixText(
        view.getBigUint64(at + 1, true),
        view.getBigUint64(at + 9, true),
        readText(bytes, at + 17, len - 17),
      )
    default:
      return `family ${family}`
  }
}

// ---------------------------------------------------------------- what arguments mean

function resolvedText(ctx: EventContext, i: number): ByteText {
  const rec = ctx.rec
  if (rec.paramLen[i] === 0) return ''
  const param = rec.info.params[i]!
  switch (param.type) {
    case 'FD':
      return fdMeaning(ctx, Number(paramInt64(rec, i) ?? 0))
    case 'PID':
      return ctx.machine.threads.get(Number(paramInt64(rec, i) ?? -1))?.comm ?? ''
    case 'ERRNO': {
      const result = Number(paramInt64(rec, i) ?? 0)
      return result < 0 ? errnoName(result) : ''
    }
    case 'FSPATH':
    case 'FSRELPATH':
      return pathMeaning(ctx, i)
    case 'FLAGS8':
    case 'FLAGS16':
    case 'FLAGS32':
    case 'ENUMFLAGS8':
    case 'ENUMFLAGS16':
    case 'ENUMFLAGS32':
    case 'MODE':
      return flagsText(param, Number(paramNumber(rec, i) ?? 0))
    case 'SIGTYPE':
      return signalName(Number(paramNumber(rec, i) ?? 0))
    case 'SYSCALLID':
      return syscallName(Number(paramNumber(rec, i) ?? 0)) ?? ''
    case 'UID':
      return userMeaning(ctx, paramUint32(rec, i) ?? NOT_SET)
    case 'GID':
      return groupMeaning(ctx, paramUint32(rec, i) ?? NOT_SET)
    case 'RELTIME':
      return secondsText(paramInteger(rec, i))
    case 'DYN':
      return dynMeaning(rec, i)
    default:
      return ''
  }
}

function fdMeaning(ctx: EventContext, num: number): ByteText {
  const thread = ctx.thread
  if (thread === undefined) return ''
  if (num >= 0) {
    const fd = ctx.machine.fdsOf(thread)?.peek(num)
    return fd === undefined ? '' : `<${fdTypeChar(fd)}${l4Char(fd)}>${fd.name}`
  }
  return num === AT_FDCWD ? 'AT_FDCWD' : errnoName(num)
}

/** A relative path as an absolute one; `''` for a path that needs no resolving. */
function pathMeaning(ctx: EventContext, i: number): ByteText {
  const thread = ctx.thread
  const path = paramText(ctx.rec, i) ?? ''
  if (thread === undefined || path === '' || path.startsWith('/') || isNullText(ctx.rec, i)) return ''
  return joinPath(baseDirectory(ctx, i), path)
}

/** What the path parameter `i` is relative to: its directory fd, which stands before it, else the working directory. */
function baseDirectory(ctx: EventContext, i: number): ByteText {
  const { rec, machine } = ctx
  const thread = ctx.thread!
  if (rec.info.params[i]!.type !== 'FSRELPATH' || rec.info.params[i - 1]?.type !== 'FD') return machine.cwdOf(thread)
  const dirfd = Number(paramInt64(rec, i - 1) ?? AT_FDCWD)
  return dirfd === AT_FDCWD ? machine.cwdOf(thread) : directoryOf(ctx, dirfd)
}

/** The path of a directory fd, ending in `/`; `''` when it is not known. */
function directoryOf(ctx: EventContext, dirfd: number): ByteText {
  const name = ctx.machine.fdsOf(ctx.thread!)?.peek(dirfd)?.name ?? ''
  return name === '' || name.endsWith('/') ? name : `${name}/`
}

function userMeaning(ctx: EventContext, uid: number): ByteText {
  if (uid === NOT_SET) return '<NONE>'
  return (ctx.thread && ctx.machine.user(ctx.thread.containerId, uid)?.name) || '<NA>'
}

function groupMeaning(ctx: EventContext, gid: number): ByteText {
  if (gid === NOT_SET) return '<NONE>'
  return (ctx.thread && ctx.machine.group(ctx.thread.containerId, gid)?.name) || '<NA>'
}

function dynMeaning(rec: EventRecord, i: number): ByteText {
  const dyn = paramDyn(rec, i)
  if (dyn === undefined || typeof dyn.value === 'string' || typeof dyn.value === 'boolean') return ''
  const n = dyn.value
  switch (dyn.variant.type) {
    case 'ERRNO':
      return n < 0 ? errnoName(Number(n)) : ''
    case 'SIGTYPE':
      return signalName(Number(n))
    case 'RELTIME':
      return secondsText(n)
    default:
      return ''
  }
}

function secondsText(ns: number | bigint | undefined): string {
  return ns === undefined || ns === NO_TIME ? '' : `${generalFormat(Number(ns) / 1e9)}s`
}

/** `fd:kind+poll bits in hexadecimal` of each polled fd. */
function fdListText(ctx: EventContext, i: number): ByteText {
  const thread = ctx.thread
  if (thread === undefined) return ''
  const fds = ctx.machine.fdsOf(thread)
  return paramFdList(ctx.rec, i)
    .map(polled => {
      const fd = fds?.peek(Number(polled.fd))
      return `${toUnsigned(polled.fd, 64)}:${fd === undefined ? '?' : fdTypeChar(fd)}${toUnsigned((polled.flags << 16) >> 16, 32).toString(16)}`
    })
    .join(' ')
}

function signalSetText(set: number): ByteText {
  const names: string[] = []
  for (let bit = 0; bit < 32; bit++) {
    const name = (set >>> bit) & 1 ? signalName(bit + 1) : ''
    if (name !== '') names.push(name)
  }
  return names.join(' ')
}

// ---------------------------------------------------------------- flags

const flagTexts = new WeakMap<EventParam, Map<number, string>>()
const MAX_FLAG_TEXTS = 1024

/** The names of flags or of an enumeration's value, joined by `|` in the order of their table. */
export function flagsText(param: EventParam, value: number): string {
  let texts = flagTexts.get(param)
  if (texts === undefined) {
    texts = new Map()
    flagTexts.set(param, texts)
  }
  let text = texts.get(value)
  if (text === undefined) {
    text = makeFlagsText(param, value)
    if (texts.size >= MAX_FLAG_TEXTS) texts.clear()
    texts.set(value, text)
  }
  return text
}

function makeFlagsText(param: EventParam, value: number): string {
  const table = param.flags
  if (table === undefined) return ''
  if (param.type.startsWith('ENUM')) return joinNames(table.filter(([, v]) => v === value))
  const found: (readonly [string, number])[] = []
  let rest = value
  for (const entry of table) {
    const flag = entry[1]
    // A flag that is the whole value ends the list, even one whose bits an earlier flag already told.
    if (param.type === 'MODE' && flag === value) {
      found.push(entry)
      break
    }
    const isSet = flag === 0 ? value === 0 : rest !== 0 && (rest & flag) >>> 0 === flag
    if (!isSet) continue
    found.push(entry)
    rest = (rest & ~flag) >>> 0
    if (flag === value) break
  }
  return joinNames(found)
}

function joinNames(entries: readonly (readonly [string, number])[]): string {
  return entries.map(([name]) => name).join('|')
}

/** C's `%g`: six significant digits without trailing zeros. */
export function generalFormat(n: number): string {
  if (n === 0) return '0'
  const [mantissa, power] = n.toExponential(5).split('e') as [string, string]
  const exponent = Number(power)
  if (exponent >= -4 && exponent < 6) return trimZeros(n.toFixed(5 - exponent))
  return `${trimZeros(mantissa)}e${power[0]}${power.slice(1).padStart(2, '0')}`
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
