import { renderIp } from '../values/ip.ts'
import { renderText } from '../values/text.ts'
import type { ByteText, Ip, JsonDouble, Scalar, Value, ValueType } from '../values/value.ts'
import type { PrintFormat } from './field.ts'
import { toUnsigned } from './integers.ts'

/*
 * Values as outputs show them: text for the message, JSON's own types for `output_fields` (libsinsp `rawval_to_string`,
 * `rawval_to_json`). Control characters stay as they are.
 */

/** Falco's buffer for lists and bytes holds 1,024 bytes with the final NUL. */
const MAX_LIST_BYTES = 1023
/** Bytes that are not shorter than the buffer end two characters earlier, where its copy loop gives up. */
const MAX_BUFFER_BYTES = 1022
const CUT_BUFFER_BYTES = 1021

/** What `output_fields` can hold; whole numbers beyond 2^53 stay `bigint`. */
export type JsonScalar = string | number | bigint | boolean
export type JsonValue = JsonScalar | JsonDouble | readonly JsonScalar[]

/** The text of a value in a message. */
export function renderValue(value: Value, type: ValueType, print: PrintFormat = 'DEC'): string {
  if (isList(value)) {
    const items = value.map(item => scalarText(item, type, print)).join(',')
    return renderText(`(${items})`.slice(0, MAX_LIST_BYTES))
  }
  return renderText(scalarText(value, type, print))
}

/** The value as it stands in `output_fields`. */
export function jsonValue(value: Value, type: ValueType, print?: PrintFormat): JsonValue {
  if (isList(value)) return value.map(item => jsonScalar(item, type, print))
  return type === 'DOUBLE' ? { double: Number(value) } : jsonScalar(value, type, print)
}

function isList(value: Value): value is readonly Scalar[] {
  return typeof value === 'object'
}

function jsonScalar(value: Scalar, type: ValueType, print: PrintFormat | undefined): JsonScalar {
  if (type === 'BOOL') return isTrue(value)
  if (typeof value === 'boolean') return value
  if (isIpType(type) || typeof value === 'string' || print === 'HEX' || print === 'OCT') {
    return renderText(scalarText(value, type, print ?? 'DEC'))
  }
  return value
}

function isIpType(type: ValueType): boolean {
  return type === 'IPADDR' || type === 'IPNET' || type === 'IPV4ADDR' || type === 'IPV6ADDR'
}

function isTrue(value: Scalar): boolean {
  return value !== false && value !== 0
}

function scalarText(value: Scalar, type: ValueType, print: PrintFormat): ByteText {
  if (type === 'BOOL') return isTrue(value) ? 'true' : 'false'
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (isIpType(type)) return typeof value === 'bigint' ? '' : renderIp(value as Ip)
  if (typeof value === 'string') return type === 'BYTEBUF' ? bufferText(value) : value
  if (type === 'DOUBLE') return Number(value).toFixed(1)
  return numberText(value, type, print)
}

/** A whole number in a print format; hexadecimal is upper case, and neither it nor octal has a prefix or a sign. */
function numberText(value: number | bigint, type: ValueType, print: PrintFormat): string {
  switch (print) {
    case 'HEX':
      return toUnsigned(value, widthOf(type)).toString(16).toUpperCase()
    case 'OCT':
      return toUnsigned(value, widthOf(type)).toString(8)
    case 'PADDED_DEC':
      return value.toString().padStart(9, '0')
    case 'DEC':
    case 'ID':
      return value.toString()
    default:
      return print satisfies never
  }
}

function widthOf(type: ValueType): 8 | 16 | 32 | 64 {
  // C widens the two short types to int before it prints them.
  return type === 'INT32' || type === 'INT16' || type === 'INT8' ? 32 : 64
}

const UNPRINTABLE = /[^\x20-\x7e]/g

/** Bytes with a dot for each that is not printable ASCII. */
export function dottedText(bytes: ByteText): string {
  return bytes.replace(UNPRINTABLE, '.')
}

function bufferText(bytes: ByteText): string {
  return dottedText(bytes.length > MAX_BUFFER_BYTES ? bytes.slice(0, CUT_BUFFER_BYTES) : bytes)
}
