/** Reads lists of names from files, piece by piece, so that nothing else on the thread waits for a long one. */
import { open, type FileHandle } from 'node:fs/promises'
import { type NameListOptions, NameListParser, type NameListReport, type ParsedNameList } from './parse-name-list.ts'

export type NameListOutcome =
  | ({ readonly kind: 'loaded' } & ParsedNameList)
  /** Not read, or no list; `cause` continues «the list … cannot be read: ». */
  | { readonly kind: 'failed'; readonly cause: string; readonly report?: NameListReport }

export const MAX_LIST_BYTES: number = 256 * 1024 * 1024
const PIECE_BYTES = 65_536

/** The list in a file. Never rejects. */
export async function loadNameList(
  path: string,
  options: Omit<NameListOptions, 'sizeBytes'>,
): Promise<NameListOutcome> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    const stat = await file.stat()
    if (!stat.isFile()) return { kind: 'failed', cause: 'it is not a file' }
    if (stat.size > MAX_LIST_BYTES) return { kind: 'failed', cause: tooLarge() }
    const parser = new NameListParser({ ...options, sizeBytes: stat.size })
    const piece = Buffer.allocUnsafe(PIECE_BYTES)
    // It may grow meanwhile.
    for (let read = 0; read <= MAX_LIST_BYTES; ) {
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES)
      if (bytesRead === 0) return accept(parser.end())
      parser.push(piece.subarray(0, bytesRead))
      read += bytesRead
    }
    return { kind: 'failed', cause: tooLarge() }
  } catch (error) {
    return { kind: 'failed', cause: causeOf(error) }
  } finally {
    await file?.close()
  }
}

/** A file of which the most is not understood is not the list that was meant: an error page, another format. */
export function accept(parsed: ParsedNameList): NameListOutcome {
  const { report } = parsed
  const [first] = report.firstRefused
  if (first === undefined || report.refused <= report.names) return { kind: 'loaded', ...parsed }
  const cause = `${report.refused} of ${report.lines} lines are not understood as ${report.format}: line ${first.line} is ${first.reason}`
  return { kind: 'failed', cause, report }
}

export function tooLarge(maxBytes: number = MAX_LIST_BYTES): string {
  return `it has more than ${maxBytes / 1024 / 1024} MiB`
}

/** The system's code where there is one: `ENOENT`, `ECONNREFUSED`, `DEPTH_ZERO_SELF_SIGNED_CERT`. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
