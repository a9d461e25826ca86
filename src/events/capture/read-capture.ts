/**
 * Reads a .scap file, plain or gzip (told by its first bytes), in constant memory: pieces of the file are inflated and parsed as they
 * come, and the parser is done with a piece before the next is read.
 */
import { createGunzip, type Gunzip } from 'node:zlib'
import { type ReadOptions, readPieces } from '../file-pieces.ts'
import type { SourceSink } from '../source.ts'
import type { CaptureError } from './capture-format.ts'
import { type CaptureCounts, CaptureParser } from './capture-parser.ts'

/** Bytes inflated at once. Greater pieces save calls: 64 KiB cost twice the time of 1 MiB. */
const INFLATED_BYTES = 512 * 1024

export interface CaptureSummary extends CaptureCounts {
  /** Uncompressed bytes parsed. */
  readonly bytes: number
  /** Reading ended because the sink or the signal wanted it. */
  readonly stopped: boolean
  /** Why reading ended before the end of the file; what was told to the sink before that counts. */
  readonly error?: CaptureError
}

/**
 * Tells `sink` everything that the capture at `path` holds, in its order. Never rejects because of the file: an error is in the summary.
 * An exception of the sink's rejects.
 */
export async function readCapture(path: string, sink: SourceSink, options: ReadOptions = {}): Promise<CaptureSummary> {
  const parser = new CaptureParser(sink)
  let feed: Feed | undefined
  const take = (piece: Buffer): Promise<boolean> => {
    feed ??= piece[0] === 0x1f && piece[1] === 0x8b ? new GzipFeed(parser) : new PlainFeed(parser)
    return feed.push(piece)
  }
  const { stopped, error } = await readPieces(path, take, options)
  if (error !== undefined) parser.failHere('io', error)
  await feed?.end(stopped || parser.isStopped || parser.error !== undefined)
  if (!stopped) parser.end()
  return summaryOf(parser, stopped)
}

function summaryOf(parser: CaptureParser, stopped: boolean): CaptureSummary {
  return {
    ...parser.counts(),
    bytes: parser.offset,
    stopped: stopped || parser.isStopped,
    ...(parser.error !== undefined && { error: parser.error }),
  }
}

/** Where pieces of the file go. `push` is done with the bytes when it resolves; false: no more is wanted. */
interface Feed {
  push(bytes: Buffer): Promise<boolean>
  end(isCutShort: boolean): Promise<void>
}

class PlainFeed implements Feed {
  private readonly parser: CaptureParser

  constructor(parser: CaptureParser) {
    this.parser = parser
  }

  async push(bytes: Buffer): Promise<boolean> {
    return this.parser.push(bytes)
  }

  async end(): Promise<void> {}
}

/**
 * Inflates on the way. Members may follow each other, as gzip files may be appended; what follows the last one and is not gzip is
 * ignored, as zlib's own file functions do.
 */
class GzipFeed implements Feed {
  private readonly parser: CaptureParser
  private readonly gunzip: Gunzip
  private wantsMore = true
  private isOver = false
  private thrown: unknown = undefined
  /** Continues the `push` or `end` under way. */
  private wake: (() => void) | undefined = undefined

  constructor(parser: CaptureParser) {
    this.parser = parser
    const gunzip = createGunzip({ chunkSize: INFLATED_BYTES })
    this.gunzip = gunzip
    gunzip.on('data', (bytes: Buffer) => {
      if (!this.wantsMore) return
      // An exception here would not reach the caller of readCapture.
      try {
        this.wantsMore = parser.push(bytes)
      } catch (cause) {
        this.thrown = cause ?? new Error('the sink threw nothing')
        this.wantsMore = false
      }
      if (!this.wantsMore) this.finish()
      // zlib fills a buffer, then takes a new one; the collector, seeing little garbage of its own, would let tens of megabytes of full
      // ones pile up. This one is full and parsed, so its memory is given back here.
      const memory = bytes.buffer
      if (memory instanceof ArrayBuffer && bytes.byteOffset + bytes.length === memory.byteLength) memory.transfer(0)
    })
    gunzip.on('end', () => this.finish())
    gunzip.on('error', (error: NodeJS.ErrnoException) => this.onError(error))
  }

  private onError(error: NodeJS.ErrnoException): void {
    if (this.isOver) return
    // A member that does not begin like one, after a whole capture: not ours.
    const isAppendix = error.code === 'Z_DATA_ERROR' && error.message === 'incorrect header check'
    if (error.code === 'Z_BUF_ERROR') this.parser.failHere('truncated', 'the gzip data ends too early')
    else if (!isAppendix || !this.parser.isBetweenBlocks) {
      this.parser.failHere('gzip', `the gzip data is damaged: ${error.message}`)
    }
    this.finish()
  }

  private finish(): void {
    this.isOver = true
    this.wantsMore = false
    this.wake?.()
  }

  push(bytes: Buffer): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (this.isOver) {
        resolve(false)
        return
      }
      const done = (): void => {
        this.wake = undefined
        if (this.thrown !== undefined) reject(this.thrown)
        else resolve(this.wantsMore)
      }
      this.wake = done
      this.gunzip.write(bytes, () => {
        if (this.wake === done) done()
      })
    })
  }

  async end(isCutShort: boolean): Promise<void> {
    if (!this.isOver && !isCutShort) {
      await new Promise<void>(resolve => {
        this.wake = () => {
          this.wake = undefined
          resolve()
        }
        this.gunzip.end()
      })
    }
    this.isOver = true
    this.gunzip.destroy()
    if (this.thrown !== undefined) throw this.thrown
  }
}
