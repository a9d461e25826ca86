/**
 * How values that JSON has no form for are written in NDJSON: text of any bytes, and 64-bit numbers. UTF-8 text is a string; other bytes
 * are `{"base64": "…"}`; whole numbers that a double cannot hold are strings of digits.
 */
import { isUtf8 } from 'node:buffer'
import { toByteText } from '../../values/text.ts'
import type { ByteText } from '../../values/value.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The member `key` of `object` itself, never of its prototype. */
export function member(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

const MAYBE_BIG = /\d{16}/
const INTEGER = /^-?\d+$/

/**
 * Parses JSON; whole numbers beyond 2^53 become exact bigints. Throws what `JSON.parse` throws.
 */
export function parseJson(text: string): unknown {
  // The reviver makes parsing several times slower, and is for numbers of at least 16 digits only.
  if (!MAYBE_BIG.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    const source = context?.source
    return source !== undefined && INTEGER.test(source) ? BigInt(source) : value
  })
}

/** Bytes as JSON: a string where they are UTF-8 without NULs, else base64. */
export function bytesToJson(bytes: Buffer): unknown {
  return isUtf8(bytes) && !bytes.includes(0) ? bytes.toString('utf8') : { base64: bytes.toString('base64') }
}

/** Text as JSON: a string where it is UTF-8, else base64. */
export function textToJson(text: ByteText): unknown {
  return bytesToJson(Buffer.from(text, 'latin1'))
}

/** The inverse of `textToJson` and `bytesToJson`; undefined for other values. */
export function jsonToText(value: unknown): ByteText | undefined {
  if (typeof value === 'string') return toByteText(value)
  if (!isObject(value)) return undefined
  const base64 = member(value, 'base64')
  return typeof base64 === 'string' ? Buffer.from(base64, 'base64').toString('latin1') : undefined
}

/** A number as JSON: digits in a string where a double would not do. */
export function numberToJson(value: number | bigint): number | string {
  return typeof value === 'bigint' ? String(value) : value
}

const DECIMAL = /^[+-]?\d{1,20}$/
const HEXADECIMAL = /^0x[0-9a-f]{1,16}$/i

/** A whole number from a number, digits or `0x…`; exact; undefined for anything else. */
export function jsonToInteger(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  if (typeof value !== 'string') return undefined
  if (DECIMAL.test(value)) return BigInt(value.startsWith('+') ? value.slice(1) : value)
  return HEXADECIMAL.test(value) ? BigInt(value) : undefined
}

/** A `Scalar` number: bigint only beyond 2^53. */
export function narrowInteger(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
