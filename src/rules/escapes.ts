import { toByteText } from '../values/text.ts'
import type { ByteText } from '../values/value.ts'

/**
 * Escapes inside quoted values. Bytes that are no text of their own (`\xff`) are kept in the tree as lone low surrogates
 * U+DC80 … U+DCFF, which no rule file can contain, so that a value stays one string until `valueBytes` makes it bytes.
 */
const RAW_BYTE_BASE = 0xdc00
const LONE_RAW_BYTE = /[\udc80-\udcff]/u

export type UnescapeResult =
  | { readonly ok: true; readonly text: string }
  /** `at` and `length`: the escape inside `body`. */
  | { readonly ok: false; readonly message: string; readonly at: number; readonly length: number }

const SIMPLE: ReadonlyMap<string, string> = new Map([
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['\\', '\\'],
  ['/', '/'],
  // A backslash before a blank stands for a backslash alone: kept by Falco for old rules.
  [' ', '\\'],
])

/** Resolves the escapes of what stands between two quotes `quote`. */
export function unescapeQuoted(body: string, quote: string): UnescapeResult {
  let at = body.indexOf('\\')
  if (at < 0) return { ok: true, text: body }
  let text = ''
  let from = 0
  while (at >= 0) {
    text += body.slice(from, at)
    const c = body[at + 1] ?? ''
    const simple = SIMPLE.get(c)
    let length = 2
    if (simple !== undefined) {
      text += simple
    } else if (c === quote) {
      text += c
    } else if (c === 'x') {
      const digits = /^[0-9a-fA-F]{2}/.exec(body.slice(at + 2, at + 4))?.[0]
      if (digits === undefined) return { ok: false, message: '`\\x` needs two hexadecimal digits', at, length: 2 }
      const byte = Number.parseInt(digits, 16)
      text += String.fromCharCode(byte < 0x80 ? byte : RAW_BYTE_BASE + byte)
      length = 4
    } else {
      const written = `\\${String.fromCodePoint(body.codePointAt(at + 1) ?? 0x20)}`
      const message =
        c === '"' || c === "'" ? `\`${written}\` needs no escape inside ${quote}` : `unknown escape \`${written}\``
      return { ok: false, message, at, length: written.length }
    }
    from = at + length
    at = body.indexOf('\\', from)
  }
  return { ok: true, text: text + body.slice(from) }
}

/** The bytes of a value of the tree: UTF-8, and the raw bytes that escapes spelled. */
export function valueBytes(text: string): ByteText {
  if (!LONE_RAW_BYTE.test(text)) return toByteText(text)
  let bytes = ''
  let from = 0
  for (const match of text.matchAll(/[\udc80-\udcff]/gu)) {
    bytes += toByteText(text.slice(from, match.index)) + String.fromCharCode(match[0].charCodeAt(0) - RAW_BYTE_BASE)
    from = match.index + 1
  }
  return bytes + toByteText(text.slice(from))
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\\', '\\\\'],
  ['"', '\\"'],
])

/** A value as Falco prints it: in double quotes only when it holds a blank, a quote, a backslash or a control character. */
export function escapeValue(text: string): string {
  if (!/["'\\ \b\f\n\r\t\0]/.test(text)) return text
  return `"${text.replace(/["\\\b\f\n\r\t]/g, c => ESCAPES.get(c)!)}"`
}

/** A value in a form that reads back as the same value, which Falco's form does not for `a,b`, the empty text or a final backslash. */
export function quoteValue(text: string): string {
  if (/^[A-Za-z0-9_./:*?%+@-]+$/.test(text)) return text
  let body = text
    .replace(/["\\\b\f\n\r\t]/g, c => ESCAPES.get(c)!)
    .replace(/\0/g, '\\x00')
    .replace(/[\udc80-\udcff]/gu, c => `\\x${(c.charCodeAt(0) - RAW_BYTE_BASE).toString(16)}`)
  // A quote right after a backslash does not close the text.
  if (body.endsWith('\\')) body = `${body.slice(0, -2)}\\x5c`
  return `"${body}"`
}
