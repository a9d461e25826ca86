/**
 * Finds the C library of a root file system and where its functions for names begin, for the probe. The file is a workload's: nothing of it is
 * believed beyond its bounds.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { LIBRARY_CALLS, type LibraryCall } from '../events/library-call.ts'
import { findInRoot } from './find-in-root.ts'

export interface FoundLibrary {
  readonly path: string
  /** Device and inode: the same file elsewhere is the same library. */
  readonly key: string
  /** Where its functions begin in the file. */
  readonly offsets: ReadonlyMap<LibraryCall, number>
}

/** Where glibc and musl are on the distributions in use. */
const PATHS: readonly string[] = [
  '/lib/x86_64-linux-gnu/libc.so.6',
  '/lib/aarch64-linux-gnu/libc.so.6',
  '/lib64/libc.so.6',
  '/usr/lib/libc.so.6',
  '/lib/ld-musl-x86_64.so.1',
  '/lib/ld-musl-aarch64.so.1',
]

/** The libraries below `base` that are not `known` by their key. */
export async function findLibraries(base: string, known: ReadonlySet<string>): Promise<readonly FoundLibrary[]> {
  const found = new Map<string, FoundLibrary>()
  for (const path of PATHS) {
    const file = await findInRoot(base, path)
    if (file === undefined || known.has(file.key) || found.has(file.key)) continue
    const offsets = await functionOffsets(file.path, LIBRARY_CALLS)
    if (offsets.size > 0) found.set(file.key, { path: file.path, key: file.key, offsets })
  }
  return [...found.values()]
}

const HEADER_BYTES = 64
const SECTION_BYTES = 64
const SEGMENT_BYTES = 56
const SYMBOL_BYTES = 24
const MAX_TABLE_BYTES = 1024 * 1024
const SECTION_DYNAMIC_SYMBOLS = 11
const SEGMENT_LOAD = 1

/** Where the functions of a 64-bit ELF file begin in it; those that are not there are left out. */
export async function functionOffsets<Name extends string>(
  path: string,
  names: readonly Name[],
): Promise<ReadonlyMap<Name, number>> {
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    return (await file.stat()).isFile() ? await readOffsets(file, names) : new Map()
  } catch {
    return new Map()
  } finally {
    await file?.close().catch(() => {})
  }
}

async function readOffsets<Name extends string>(file: FileHandle, names: readonly Name[]): Promise<Map<Name, number>> {
  const offsets = new Map<Name, number>()
  const header = await readAt(file, 0, HEADER_BYTES)
  // 64 bits, little end first.
  if (header?.readUInt32LE(0) !== 0x464c457f || header[4] !== 2 || header[5] !== 1) return offsets
  const sections = await readAt(file, header.readBigUInt64LE(40), header.readUInt16LE(60) * SECTION_BYTES)
  const segments = await readAt(file, header.readBigUInt64LE(32), header.readUInt16LE(56) * SEGMENT_BYTES)
  if (sections === undefined || segments === undefined) return offsets
  for (let at = 0; at < sections.length; at += SECTION_BYTES) {
    if (sections.readUInt32LE(at + 4) !== SECTION_DYNAMIC_SYMBOLS) continue
    const textsAt = sections.readUInt32LE(at + 40) * SECTION_BYTES
    if (textsAt + SECTION_BYTES > sections.length) return offsets
    const symbols = await readAt(file, sections.readBigUInt64LE(at + 24), sections.readBigUInt64LE(at + 32))
    const texts = await readAt(file, sections.readBigUInt64LE(textsAt + 24), sections.readBigUInt64LE(textsAt + 32))
    if (symbols === undefined || texts === undefined) return offsets
    for (const name of names) {
      const address = addressOf(symbols, texts, name)
      const offset = address === undefined ? undefined : placeOf(address, segments)
      if (offset !== undefined) offsets.set(name, offset)
    }
    return offsets
  }
  return offsets
}

function addressOf(symbols: Buffer, texts: Buffer, name: string): bigint | undefined {
  const wanted = Buffer.from(`${name}\0`)
  // A text may begin within another one that ends with it.
  const places = new Set<number>()
  for (let at = texts.indexOf(wanted); at >= 0; at = texts.indexOf(wanted, at + 1)) places.add(at)
  for (let at = 0; at + SYMBOL_BYTES <= symbols.length; at += SYMBOL_BYTES) {
    // Section 0: it is another file's.
    if (places.has(symbols.readUInt32LE(at)) && symbols.readUInt16LE(at + 6) !== 0)
      return symbols.readBigUInt64LE(at + 8)
  }
  return undefined
}

/** Where in the file the address is. */
function placeOf(address: bigint, segments: Buffer): number | undefined {
  for (let at = 0; at + SEGMENT_BYTES <= segments.length; at += SEGMENT_BYTES) {
    if (segments.readUInt32LE(at) !== SEGMENT_LOAD) continue
    const [offset, start, size] = [8, 16, 32].map(of => segments.readBigUInt64LE(at + of)) as [bigint, bigint, bigint]
    if (address >= start && address - start < size) return Number(address - start + offset)
  }
  return undefined
}

/** All of the bytes; undefined where they are too many, or not there. */
async function readAt(file: FileHandle, at: number | bigint, size: number | bigint): Promise<Buffer | undefined> {
  const length = Number(size)
  if (length === 0 || length > MAX_TABLE_BYTES || Number(at) > Number.MAX_SAFE_INTEGER) return undefined
  const bytes = Buffer.alloc(length)
  const { bytesRead } = await file.read(bytes, 0, length, Number(at))
  return bytesRead === length ? bytes : undefined
}
