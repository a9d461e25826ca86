import type { ByteText } from './value.ts'

const NOT_ASCII = /[^\0-\x7f]/

/** The UTF-8 bytes of `text` as `ByteText`; ASCII text is returned as it is. A lone surrogate becomes U+FFFD. */
export function toByteText(text: string): ByteText {
  return NOT_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
}

/** Reads `bytes` as UTF-8 for people; what is not UTF-8 becomes U+FFFD. ASCII text is returned as it is. */
export function renderText(bytes: ByteText): string {
  return NOT_ASCII.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes
}

/** `text` with A–Z made lower case, all other bytes as they are: `tolower` of the C locale. */
export function lowerAscii(text: ByteText): ByteText {
  return NOT_ASCII.test(text) ? text.replace(/[A-Z]+/g, upper => upper.toLowerCase()) : text.toLowerCase()
}

/** `text` with a–z made upper case, all other bytes as they are: `toupper` of the C locale. */
export function upperAscii(text: ByteText): ByteText {
  return NOT_ASCII.test(text) ? text.replace(/[a-z]+/g, lower => lower.toUpperCase()) : text.toUpperCase()
}
