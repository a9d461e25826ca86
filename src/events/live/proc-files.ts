/**
 * Reading /proc: small files that change while one looks. A file that is gone, or may not be read, is `undefined` and never an exception;
 * no file is read beyond 64 KiB.
 */
import { closeSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs'
import type { ByteText, Ip } from '../../values/value.ts'

const LIMIT_BYTES = 64 * 1024
const SHORT_READ = 3500
const page = Buffer.alloc(LIMIT_BYTES)

/** The first bytes of a file, one character a byte. */
export function readSmall(path: string, limit: number = LIMIT_BYTES): ByteText | undefined {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return undefined
  }
  try {
    let length = 0
    while (length < limit) {
      const n = readSync(fd, page, length, limit - length, null)
      length += n
      // Files of /proc come a page at a time: less than that was the last of it.
      if (n < SHORT_READ) break
    }
    return page.latin1Slice(0, length)
  } catch {
    return undefined
  } finally {
    closeSync(fd)
  }
}

/** A whole table of /proc/net, which has no size of its own; at most `limit` bytes. */
export function readTable(path: string, limit: number = 64 * 1024 * 1024): ByteText {
  const pieces: string[] = []
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return ''
  }
  try {
    for (let length = 0; length < limit; ) {
      const n = readSync(fd, page, 0, LIMIT_BYTES, null)
      if (n === 0) break
      pieces.push(page.latin1Slice(0, n))
      length += n
    }
  } catch {
    // what was read so far counts
  } finally {
    closeSync(fd)
  }
  return pieces.join('')
}

export function readLink(path: string): ByteText | undefined {
  try {
    return readlinkSync(path, 'latin1')
  } catch {
    return undefined
  }
}

/** Names in a directory that are numbers. */
export function readNumbers(path: string): readonly number[] {
  let names: readonly string[]
  try {
    names = readdirSync(path)
  } catch {
    return []
  }
  return names.filter(name => /^\d+$/.test(name)).map(Number)
}

/** The texts of a list that NULs end. */
export function splitTexts(text: ByteText): readonly ByteText[] {
  if (text === '') return []
  return (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0')
}

/** An address of /proc/net: IPv4 as one word, IPv6 as four, each in the byte order of the machine (little-endian). */
export function parseHexIp(hex: string): Ip | undefined {
  if (!/^([0-9A-Fa-f]{8}){1,4}$/.test(hex)) return undefined
  const bytes = Buffer.from(hex, 'hex')
  bytes.swap32()
  if (bytes.length === 4) return bytes.readUInt32BE(0)
  return bytes.length === 16 ? bytes.latin1Slice(0, 16) : undefined
}
