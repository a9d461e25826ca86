import { isUtf8 } from 'node:buffer'

/** The bytes of a text that are well-formed UTF-8, one character or more at a time, and any other byte. Bytes are latin1 characters. */
const CHARACTER_OR_BYTE: RegExp =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g

/**
 * The text of a YAML file. A byte that is not UTF-8 becomes a lone surrogate U+DC80 … U+DCFF, as in `rules/escapes.ts`, so that a condition
 * compares with that byte, as in Falco. A file that begins with the byte order mark of UTF-16 is read as such.
 */
export function decodeYaml(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.toString('utf16le', 2).toWellFormed()
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    return Buffer.from(bytes.subarray(2, bytes.length & ~1))
      .swap16()
      .toString('utf16le')
      .toWellFormed()
  }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return decodeYaml(bytes.subarray(3))
  if (isUtf8(bytes)) return bytes.toString('utf8')
  return bytes
    .toString('latin1')
    .replace(CHARACTER_OR_BYTE, found =>
      found.length > 1
        ? Buffer.from(found, 'latin1').toString('utf8')
        : String.fromCharCode(0xdc00 + found.charCodeAt(0)),
    )
}
