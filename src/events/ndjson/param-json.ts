/**
 * Event parameters as JSON and back. A parameter is shown in the form people write (names of flags, `10.0.0.1:80`, lists of arguments)
 * when that form gives the same bytes again, else as `{"base64": "…"}`: so nothing is lost on the way.
 *
 * | type | JSON |
 * |---|---|
 * | numbers | number, digits in a string, `"0x…"`; octal `"0644"` for modes |
 * | flags and enums | `"A|B"` or a number |
 * | text | string |
 * | bytes | string; list of strings for NUL-ended lists |
 * | addresses | `"10.0.0.1:80"`, `"[::1]:80->[::1]:443"`, `"unix:/path"` |
 * | poll lists | `[{"fd": 3, "flags": "POLLIN"}]` |
 * | values of several types | `{"type": "UINT64", "value": 1}` |
 * | nothing | null |
 */
import { renderIp } from '../../values/ip.ts'
import { parseIpv4, parseIpv6 } from '../../values/ip.ts'
import { ByteWriter } from '../byte-writer.ts'
import {
  type DynVariant,
  dynVariants,
  integerLayout,
  paramBytes,
  paramDyn,
  paramFdList,
  paramInteger,
  paramSockaddr,
  paramSocktuple,
  paramStrings,
  paramText,
  readIpv4,
  readIpv6,
  SockAddress,
  SockTuple,
} from '../decode-record.ts'
import { syscallCode, syscallName } from '../event-lookup.ts'
import type { EventRecord } from '../event-record.ts'
import { type EventInfo, type EventParam, eventTable } from '../event-table.ts'
import { bytesToJson, isObject, jsonToInteger, jsonToText, member, numberToJson } from './json-values.ts'
import { renderSockaddr, renderSocktuple, writeSockaddr, writeSocktuple } from './socket-address.ts'

type FlagTable = readonly (readonly [string, number])[]

/** Poll bits belong to the entries of a list, so the table names no parameter for them: they are PPM's, as in poll(2). */
const pollFlags: FlagTable = [
  ['POLLIN', 1],
  ['POLLPRI', 2],
  ['POLLOUT', 4],
  ['POLLRDHUP', 8],
  ['POLLERR', 16],
  ['POLLHUP', 32],
  ['POLLNVAL', 64],
  ['POLLRDNORM', 128],
  ['POLLRDBAND', 256],
  ['POLLWRNORM', 512],
  ['POLLWRBAND', 1024],
]

/** Parameters of bytes that are lists of NUL-ended texts. */
const LIST_PARAMS: ReadonlySet<string> = new Set(['args', 'env', 'cgroups', 'argv'])

const scratch = new ByteWriter()
const address = new SockAddress()
const tuple = new SockTuple()

// ---------------------------------------------------------------- bytes → JSON

/** Parameter `i` as JSON; null when it is there without bytes. Undefined past the last parameter. */
export function paramToJson(rec: EventRecord, i: number): unknown {
  const param = rec.info.params[i]
  if (param === undefined || i >= rec.paramCount) return undefined
  if (rec.paramLen[i] === 0) return null
  const bytes = paramBytes(rec, i)
  const shown = showParam(rec, i, param)
  if (shown !== undefined) {
    scratch.clear()
    if (writeParam(scratch, rec.info, i, shown) === undefined && scratch.bytes().equals(bytes)) return shown
  }
  return { base64: bytes.toString('base64') }
}

/** The form for people, which may not say everything. */
function showParam(rec: EventRecord, i: number, param: EventParam): unknown {
  const number = paramInteger(rec, i)
  if (number !== undefined) return showInteger(number, param)
  switch (param.type) {
    case 'CHARBUF':
    case 'FSPATH':
    case 'FSRELPATH':
      return bytesToJson(Buffer.from(paramText(rec, i) ?? '', 'latin1'))
    case 'BYTEBUF':
    case 'CHARBUFARRAY':
    case 'CHARBUF_PAIR_ARRAY':
      if (!LIST_PARAMS.has(param.name) || paramBytes(rec, i).at(-1) !== 0) return bytesToJson(paramBytes(rec, i))
      return paramStrings(rec, i).map(text => bytesToJson(Buffer.from(text, 'latin1')))
    case 'SOCKADDR':
      return paramSockaddr(rec, i, address) ? renderSockaddr(address) : undefined
    case 'SOCKTUPLE':
      return paramSocktuple(rec, i, tuple) ? renderSocktuple(tuple) : undefined
    case 'IPV4ADDR':
      return rec.paramLen[i] === 4 ? renderIp(readIpv4(rec.view, rec.paramAt[i]!)) : undefined
    case 'IPV6ADDR':
      return rec.paramLen[i] === 16 ? renderIp(readIpv6(rec.bytes, rec.paramAt[i]!)) : undefined
    case 'FDLIST':
      return paramFdList(rec, i).map(({ fd, flags }) => ({ fd, flags: showFlags(flags, pollFlags, false) ?? flags }))
    case 'DYN':
      return showDyn(rec, i)
    default:
      return undefined
  }
}

function showDyn(rec: EventRecord, i: number): unknown {
  const dyn = paramDyn(rec, i)
  if (dyn === undefined) return undefined
  const { type } = dyn.variant
  if (typeof dyn.value === 'string') return { type, value: bytesToJson(Buffer.from(dyn.value, 'latin1')) }
  return typeof dyn.value === 'boolean' ? undefined : { type, value: numberToJson(dyn.value) }
}

function showInteger(value: number | bigint, param: EventParam): unknown {
  if (param.type === 'SYSCALLID') return syscallName(Number(value)) ?? value
  if (param.flags !== undefined) {
    const names = showFlags(Number(value), param.flags, param.type.startsWith('ENUM'))
    if (names !== undefined) return names
  } else if (param.format === 'HEX' && value >= 0) return `0x${value.toString(16)}`
  if (param.format === 'OCT' && value > 0) return `0${value.toString(8)}`
  return numberToJson(value)
}

/** Names whose values together are exactly `value`; undefined when there are none. */
function showFlags(value: number, table: FlagTable, isEnum: boolean): string | undefined {
  const exact = table.find(([, flag]) => flag === value)
  if (exact !== undefined || isEnum) return exact?.[0]
  const names: string[] = []
  let left = value
  // Greatest first, so that a name for several bits is taken before those for single ones.
  for (const [name, flag] of table.toSorted((a, b) => b[1] - a[1])) {
    if (flag === 0 || (left & flag) !== flag) continue
    names.push(name)
    left &= ~flag
  }
  return left === 0 && names.length > 0 ? names.join('|') : undefined
}

// ---------------------------------------------------------------- JSON → bytes

/** Writes the bytes of parameter `i` of `info` that `value` describes; what is wrong with it, or undefined when nothing is. */
export function writeParam(w: ByteWriter, info: EventInfo, i: number, value: unknown): string | undefined {
  const param = info.params[i]
  if (param === undefined) return 'there is no such parameter'
  if (value === null || value === undefined) return undefined
  const raw = isObject(value) ? jsonToText(value) : undefined
  if (raw !== undefined) {
    w.text(raw)
    return undefined
  }
  const layout = integerLayout(param.type)
  if (layout !== undefined) return writeInteger(w, readInteger(value, param), layout, value)
  switch (param.type) {
    case 'CHARBUF':
    case 'FSPATH':
    case 'FSRELPATH':
      return writeText(w, value)
    case 'BYTEBUF':
    case 'CHARBUFARRAY':
    case 'CHARBUF_PAIR_ARRAY':
      return writeBytes(w, value)
    case 'SOCKADDR':
      return typeof value === 'string' && writeSockaddr(w, value)
        ? undefined
        : `${quote(value)} is no address like 10.0.0.1:80, [::1]:80 or unix:/path`
    case 'SOCKTUPLE':
      return typeof value === 'string' && writeSocktuple(w, value)
        ? undefined
        : `${quote(value)} is no tuple like 10.0.0.1:5000->1.2.3.4:443`
    case 'IPV4ADDR': {
      const ip = typeof value === 'string' ? parseIpv4(value) : undefined
      if (ip === undefined) return `${quote(value)} is no IPv4 address`
      w.ipv4(ip)
      return undefined
    }
    case 'IPV6ADDR': {
      const ip = typeof value === 'string' ? parseIpv6(value) : undefined
      if (ip === undefined) return `${quote(value)} is no IPv6 address`
      w.ipv6(ip)
      return undefined
    }
    case 'FDLIST':
      return writeFdList(w, value)
    case 'DYN':
      return writeDyn(w, dynVariants(info.name), value)
    default:
      return `parameters of type ${param.type} are written as {"base64": "…"}`
  }
}

function readInteger(value: unknown, param: EventParam): bigint | undefined {
  if (typeof value === 'string') {
    if (param.flags !== undefined) {
      const flags = readFlags(value, param.flags)
      if (flags !== undefined) return BigInt(flags)
    }
    if (param.type === 'SYSCALLID') {
      const code = syscallCode(value)
      if (code !== undefined) return BigInt(code)
    }
    if (param.format === 'OCT' && /^0[0-7]{1,22}$/.test(value)) return BigInt(`0o${value.slice(1)}`)
  }
  if (typeof value === 'boolean' && param.type === 'BOOL') return value ? 1n : 0n
  return jsonToInteger(value)
}

function readFlags(text: string, table: FlagTable): number | undefined {
  let flags = 0
  for (const name of text.split('|')) {
    const flag = table.find(([known]) => known === name.trim())
    if (flag === undefined) return undefined
    flags |= flag[1]
  }
  return flags >>> 0
}

interface IntegerLayout {
  readonly bytes: 1 | 2 | 4 | 8
  readonly signed: boolean
}

function writeInteger(
  w: ByteWriter,
  value: bigint | undefined,
  layout: IntegerLayout,
  shown: unknown,
): string | undefined {
  if (value === undefined) return `${quote(shown)} is no whole number or known name`
  const bits = layout.bytes * 8
  const fits = layout.signed ? BigInt.asIntN(bits, value) === value : BigInt.asUintN(bits, value) === value
  if (!fits) return `${quote(shown)} does not fit ${layout.signed ? 'a signed' : 'an unsigned'} number of ${bits} bits`
  if (layout.bytes === 8) w.u64(value)
  else {
    const number = Number(BigInt.asUintN(bits, value))
    if (layout.bytes === 4) w.u32(number)
    else if (layout.bytes === 2) w.u16(number)
    else w.u8(number)
  }
  return undefined
}

function writeText(w: ByteWriter, value: unknown): string | undefined {
  const text = jsonToText(value)
  if (text === undefined) return `${quote(value)} is no text`
  if (text.includes('\0')) return 'a text with a NUL inside is written as {"base64": "…"}'
  w.text(text)
  w.u8(0)
  return undefined
}

function writeBytes(w: ByteWriter, value: unknown): string | undefined {
  if (Array.isArray(value)) {
    for (const item of value) {
      const text = jsonToText(item)
      if (text === undefined) return `${quote(item)} in the list is no text`
      if (text.includes('\0')) return 'a text of a list has a NUL inside'
      w.text(text)
      w.u8(0)
    }
    return undefined
  }
  const text = jsonToText(value)
  if (text === undefined) return `${quote(value)} is no text, list of texts or {"base64": "…"}`
  w.text(text)
  return undefined
}

function writeFdList(w: ByteWriter, value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length > 0xffff) return `${quote(value)} is no list of fds`
  w.u16(value.length)
  for (const item of value) {
    const fd = isObject(item) ? jsonToInteger(member(item, 'fd')) : undefined
    const shown = isObject(item) ? member(item, 'flags') : undefined
    const flags = typeof shown === 'string' ? readFlags(shown, pollFlags) : undefined
    const number = flags === undefined ? jsonToInteger(shown ?? 0) : BigInt(flags)
    if (fd === undefined || number === undefined || number < 0n || number > 0xffffn) {
      return `${quote(item)} is no entry like {"fd": 3, "flags": "POLLIN"}`
    }
    w.u64(BigInt.asIntN(64, fd))
    w.u16(Number(number))
  }
  return undefined
}

function writeDyn(w: ByteWriter, variants: readonly DynVariant[], value: unknown): string | undefined {
  const types = variants.map(variant => variant.type).join(', ')
  const type = isObject(value) ? member(value, 'type') : undefined
  const selector = variants.findIndex(variant => variant.type === type)
  if (!isObject(value) || selector < 0) return `${quote(value)} is no {"type": …, "value": …} of a type ${types}`
  const shown = member(value, 'value')
  w.u8(selector)
  const layout = integerLayout(String(type))
  if (layout !== undefined) return writeInteger(w, jsonToInteger(shown), layout, shown)
  return type === 'CHARBUF' ? writeText(w, shown) : writeBytes(w, shown)
}

/** A value for a message, not too long. */
export function quote(value: unknown): string {
  let text: string
  try {
    text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? 'nothing')
  } catch {
    text = 'a value'
  }
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

// ---------------------------------------------------------------- events by name

/** The events that can be written: by name, the current exit event or single event; with `dir` `>`, those enter events that still exist. */
function byName(wantsEnter: boolean): ReadonlyMap<string, EventInfo> {
  const found = new Map<string, EventInfo>()
  for (const info of eventTable) {
    if (info.isOld || info.flags.has('unused')) continue
    const partner = eventTable[info.code ^ 1]
    const isEnter = !info.isExit && partner?.name === info.name
    if (isEnter === wantsEnter) found.set(info.name, info)
  }
  return found
}

export const namedEvents: ReadonlyMap<string, EventInfo> = byName(false)
export const namedEnterEvents: ReadonlyMap<string, EventInfo> = byName(true)
