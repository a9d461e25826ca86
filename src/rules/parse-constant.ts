import { closestName } from '../diagnostics/closest-name.ts'
import { parseRuleIp } from '../values/ip.ts'
import { parseNet } from '../values/net.ts'
import type { ValueType } from '../values/value.ts'
import { valueBytes } from './escapes.ts'
import type { CompareOp, Constant } from './plan.ts'
import { serviceNames, servicePort } from './service-ports.ts'

/**
 * Values of conditions → constants of the type of their field, as Falco's `value_parser.cpp` reads them: C's `sscanf` with nothing after
 * the number, decimal only. What does not fit is cut to the field's width, as there: a port of 65,536 is 0.
 */
export type ConstantResult =
  | { readonly ok: true; readonly value: Constant }
  | { readonly ok: false; readonly message: string; readonly help?: string }

/** Falco keeps a value in 256 bytes with its final NUL, and refuses a longer one. */
const MAX_VALUE_BYTES = 255

export function parseConstant(text: string, type: ValueType, op: CompareOp): ConstantResult {
  if (op === 'bcontains' || op === 'bstartswith') return parseHexBytes(text)
  switch (type) {
    case 'CHARBUF':
    case 'FSPATH':
    case 'FSRELPATH':
    case 'BYTEBUF':
    case 'SOCKADDR':
      return parseText(text, type === 'BYTEBUF')
    case 'BOOL':
      return parseBool(text)
    case 'PORT':
      return parsePort(text)
    case 'IPADDR':
    case 'IPV4ADDR':
    case 'IPV6ADDR':
      return parseAddress(text)
    case 'IPNET':
      return parseNetwork(text)
    case 'INT8':
      return parseSigned(text, 8)
    case 'INT16':
      return parseSigned(text, 16)
    case 'INT32':
    case 'FD32':
    case 'PID32':
      return parseSigned(text, 32)
    case 'INT64':
    case 'FD':
    case 'PID':
    case 'ERRNO':
    case 'DOUBLE':
      return parseSigned(text, 64)
    case 'UINT8':
    case 'FLAGS8':
    case 'ENUMFLAGS8':
      return parseUnsigned(text, 8)
    case 'UINT16':
    case 'FLAGS16':
    case 'ENUMFLAGS16':
      return parseUnsigned(text, 16)
    case 'UINT32':
    case 'FLAGS32':
    case 'ENUMFLAGS32':
    case 'MODE':
    case 'UID':
    case 'GID':
      return parseUnsigned(text, 32)
    case 'UINT64':
    case 'ABSTIME':
    case 'RELTIME':
      return parseUnsigned(text, 64)
    case 'SIGTYPE':
    case 'SYSCALLID':
    case 'DYN':
    case 'SIGSET':
    case 'SOCKTUPLE':
    case 'FDLIST':
    case 'CHARBUFARRAY':
    case 'CHARBUF_PAIR_ARRAY':
      return { ok: false, message: `a value of type ${type} cannot be written in a condition` }
    default:
      return type satisfies never
  }
}

function parseText(text: string, mayHoldNul: boolean): ConstantResult {
  if (text.includes('\0') && !mayHoldNul) return { ok: false, message: 'a value cannot hold a NUL character' }
  const value = valueBytes(text)
  if (value.length > MAX_VALUE_BYTES) {
    return { ok: false, message: `the value is ${value.length} bytes long; at most ${MAX_VALUE_BYTES} are compared` }
  }
  return { ok: true, value }
}

function parseHexBytes(text: string): ConstantResult {
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(text)) {
    return {
      ok: false,
      message: `\`${shorten(text)}\` is not an even number of hexadecimal digits`,
      help: 'spell bytes as in `deadbeef`',
    }
  }
  let value = ''
  for (let i = 0; i < text.length; i += 2) value += String.fromCharCode(Number.parseInt(text.slice(i, i + 2), 16))
  if (value.length > MAX_VALUE_BYTES) {
    return { ok: false, message: `the value is ${value.length} bytes long; at most ${MAX_VALUE_BYTES} are compared` }
  }
  return { ok: true, value }
}

function parseBool(text: string): ConstantResult {
  if (text === 'true' || text === 'false') return { ok: true, value: text === 'true' }
  return { ok: false, message: `\`${shorten(text)}\` is neither \`true\` nor \`false\`` }
}

function parseAddress(text: string): ConstantResult {
  const value = parseRuleIp(text)
  if (value !== undefined) return { ok: true, value }
  return {
    ok: false,
    message: `\`${shorten(text)}\` is not an IP address`,
    ...(text.includes('/')
      ? { help: 'networks are compared with `fd.net`, `fd.snet` and the like' }
      : text.includes('.') && text.includes(':')
        ? { help: 'write an IPv4-mapped address as IPv4' }
        : /^[\d.]+$/.test(text) && { help: 'an IPv4 address is four numbers up to 255, as in `10.0.0.1`' }),
  }
}

function parseNetwork(text: string): ConstantResult {
  const value = parseNet(text)
  if (value !== undefined) return { ok: true, value }
  return {
    ok: false,
    message: `\`${shorten(text)}\` is not a network`,
    help:
      parseRuleIp(text) === undefined
        ? 'write it as `10.0.0.0/8` or `2001:db8::/32`'
        : `did you mean \`${text}/${text.includes(':') ? 128 : 32}\`?`,
  }
}

function parsePort(text: string): ConstantResult {
  if (text === '') return { ok: true, value: 0 }
  if (/^[0-9]+$/.test(text)) {
    const n = Number(text)
    if (n < 2 ** 31) return { ok: true, value: n % 65_536 }
    return { ok: false, message: `\`${shorten(text)}\` is no port` }
  }
  const port = servicePort(text)
  if (port !== undefined) return { ok: true, value: port }
  const near = closestName(text, serviceNames())
  return {
    ok: false,
    message: `\`${shorten(text)}\` is neither a port nor the name of a service`,
    ...(near !== undefined && { help: `did you mean \`${near}\`?` }),
  }
}

function parseSigned(text: string, bits: number): ConstantResult {
  const n = scanDecimal(text)
  if (n === undefined) return notANumber(text)
  const clamped = n > MAX_INT64 ? MAX_INT64 : n < -MAX_INT64 - 1n ? -MAX_INT64 - 1n : n
  return { ok: true, value: toNumber(BigInt.asIntN(bits, bits < 32 ? BigInt.asIntN(32, clamped) : clamped)) }
}

/** A minus sign wraps around, as with C's `strtoul`. */
function parseUnsigned(text: string, bits: number): ConstantResult {
  const n = scanDecimal(text)
  if (n === undefined) return notANumber(text)
  const clamped = n > MAX_UINT64 || n < -MAX_UINT64 ? MAX_UINT64 : BigInt.asUintN(64, n)
  return { ok: true, value: toNumber(BigInt.asUintN(bits, clamped)) }
}

const MAX_INT64 = 2n ** 63n - 1n
const MAX_UINT64 = 2n ** 64n - 1n

/** The number that `sscanf("%d%c")` reads when nothing follows it; undefined else. Blanks may stand before it. */
function scanDecimal(text: string): bigint | undefined {
  const m = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)$/.exec(text)
  if (m === null) return undefined
  const digits = m[2]!.replace(/^0+(?=.)/, '')
  // Longer ones are clamped anyway, and turning a megabyte of digits into a number takes long.
  const magnitude = BigInt(digits.length > 25 ? '9'.repeat(25) : digits)
  return m[1] === '-' ? -magnitude : magnitude
}

/** The unsigned 64-bit number that a constant spells, as event-type inference reads it; undefined when it is none. */
export function parseUint64(text: string): number | bigint | undefined {
  const result = parseUnsigned(text, 64)
  return result.ok ? (result.value as number | bigint) : undefined
}

function toNumber(n: bigint): number | bigint {
  return n >= BigInt(Number.MIN_SAFE_INTEGER) && n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n
}

function notANumber(text: string): ConstantResult {
  const message = `\`${shorten(text)}\` is not a decimal whole number`
  if (/^0[xX][0-9a-fA-F]{1,15}$/.test(text)) return { ok: false, message, help: `write \`${Number(text)}\`` }
  return { ok: false, message }
}

/** A value as it is quoted in a message. */
export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
