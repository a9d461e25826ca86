import { messageOf } from '../diagnostics/message-of.ts'
import { type FileHandle, open } from 'node:fs/promises'

/** Options of everything that reads a file of events. */
export interface ReadOptions {
  /** Ends reading after the current piece, without an error. */
  readonly signal?: AbortSignal
  /** Bytes of the file read so far, and its size (0 for a pipe); called once for each piece. */
  readonly onProgress?: (bytesRead: number, totalBytes: number) => void
  /** Called between pieces, some tens of thousands of events at most; reading waits for the promise, if there is one. */
  readonly betweenChunks?: () => Promise<void> | undefined
}

export interface ReadOutcome {
  /** The signal ended reading. */
  readonly stopped: boolean
  /** Why the file could not be read (further). */
  readonly error?: string
}

/** A plain file reads fastest in great pieces; a gzip file's pieces grow about tenfold. */
const PIECE_BYTES = 128 * 1024

/**
 * Reads the file at `path` piece by piece into one buffer; `take` is done with a piece when it returns or its promise resolves, and
 * ends reading with `false`. Rejects only with what `take` and the options throw.
 */
export async function readPieces(
  path: string,
  take: (piece: Buffer) => boolean | Promise<boolean>,
  options: ReadOptions = {},
): Promise<ReadOutcome> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (cause) {
    return { stopped: false, error: messageOf(cause) }
  }
  try {
    const size = await sizeOf(file)
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES)
    let bytesRead = 0
    for (;;) {
      let got: number
      try {
        got = (await file.read(buffer, 0, PIECE_BYTES, null)).bytesRead
      } catch (cause) {
        return { stopped: false, error: messageOf(cause) }
      }
      if (got === 0) return { stopped: false }
      bytesRead += got
      const wantsMore = await take(buffer.subarray(0, got))
      options.onProgress?.(bytesRead, size)
      if (!wantsMore) return { stopped: false }
      const pause = options.betweenChunks?.()
      if (pause !== undefined) await pause
      if (options.signal?.aborted === true) return { stopped: true }
    }
  } finally {
    await file.close()
  }
}

async function sizeOf(file: FileHandle): Promise<number> {
  try {
    return (await file.stat()).size
  } catch {
    return 0
  }
}
