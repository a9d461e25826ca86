/**
 * Reads a .scap file, plain or gzip (told by its first bytes), in constant memory: pieces of the file are inflated and parsed as they
 * come, and the parser is done with a piece before the next is read.
 */
import type { Gunzip } from 'node:zlib'
import { type ReadOptions, readPieces } from '../file-pieces.ts'
import type { SourceSink } from '../source.ts'
import type { CaptureError } from './capture-format.ts'
import { type CaptureCounts, CaptureParser } from './capture-parser.ts'

/** Bytes inflated at once. Greater pieces save calls: 64 KiB cost twice the time of 1 MiB. */
const INFLATED_BYTES = 512 * 1024

/** Of these, so many are parsed before the reader may be asked to wait: what the events of one slice leave behind must fit the young heap. */
const SLICE_BYTES = 64 * 1024

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
  let inflater: Inflater | undefined
  let bytesInflated = 0
  let isFirst = true
  const take = async (piece: Buffer): Promise<boolean> => {
    if (isFirst && piece[0] === 0x1f && piece[1] === 0x8b)
      inflater = new Inflater(bytes => parser.push(bytes), options.betweenChunks)
    isFirst = false
    if (inflater === undefined) return parser.push(piece)
    const wantsMore = await inflater.push(piece)
    if (inflater.damage === undefined) bytesInflated += piece.length
    return wantsMore
  }
  const { stopped, error } = await readPieces(path, take, options)
  if (error !== undefined) parser.failHere('io', error)
  if (inflater !== undefined) {
    const isCutShort = stopped || parser.isStopped || parser.error !== undefined
    await inflater.end(isCutShort)
    if (inflater.damage !== undefined && !isCutShort) await endDamaged(path, parser, inflater.damage, bytesInflated)
  }
  if (!stopped) parser.end()
  return summaryOf(parser, stopped)
}

/** Bytes fed at once where the damage is, in a first and a second approach. */
const CAREFUL_STEPS = [256, 1] as const

/**
 * Gzip data turned out damaged (or is followed by something else) somewhere after the first `goodBytes`. What zlib had inflated in that
 * call is lost with the error; so the file is inflated again, in small steps where the damage is, and what the parser does not have
 * yet given to it. Then it ends with an error, unless a whole capture was followed by what is no gzip data.
 */
async function endDamaged(path: string, parser: CaptureParser, damage: Damage, goodBytes: number): Promise<void> {
  let good = goodBytes
  for (const step of CAREFUL_STEPS) good += await inflateAgain(path, parser, good, step)
  if (damage.code === 'truncated') parser.failHere('truncated', damage.message)
  else if (!damage.isAppendix || !parser.isBetweenBlocks) parser.failHere('gzip', damage.message)
}

/** Inflates the file once more, beyond `goodBytes` in steps; how many bytes in steps went well. */
async function inflateAgain(path: string, parser: CaptureParser, goodBytes: number, step: number): Promise<number> {
  let toSkip = parser.received
  const inflater = new Inflater(bytes => {
    const skipped = Math.min(toSkip, bytes.length)
    toSkip -= skipped
    return skipped === bytes.length || parser.push(bytes.subarray(skipped))
  })
  let toRead = goodBytes
  let stepped = 0
  const take = async (piece: Buffer): Promise<boolean> => {
    const whole = Math.min(toRead, piece.length)
    toRead -= whole
    if (whole > 0 && !(await inflater.push(piece.subarray(0, whole)))) return false
    for (let at = whole; at < piece.length; at += step) {
      const part = piece.subarray(at, at + step)
      if (!(await inflater.push(part))) return false
      stepped += part.length
    }
    return true
  }
  await readPieces(path, take)
  await inflater.end(inflater.damage !== undefined || parser.isStopped || parser.error !== undefined)
  return stepped
}

function summaryOf(parser: CaptureParser, stopped: boolean): CaptureSummary {
  return {
    ...parser.counts(),
    bytes: parser.offset,
    stopped: stopped || parser.isStopped,
    ...(parser.error !== undefined && { error: parser.error }),
  }
}

/** Why inflating ended before the end. */
interface Damage {
  readonly code: 'truncated' | 'gzip'
  readonly message: string
  /** After the end of a gzip member something else begins: no damage if all was read by then. */
  readonly isAppendix: boolean
}

/**
 * Inflates gzip data whose members may follow each other, as gzip files may be appended. Trailing zeros are no data, and what else
 * follows and is not gzip is ignored in the end, as zlib's own file functions do.
 */
class Inflater {
  /** Set when the data could not be inflated further; nothing more is taken then. */
  damage: Damage | undefined = undefined
  private readonly gunzip: Gunzip
  private wantsMore = true
  private isOver = false
  private thrown: unknown = undefined
  private readonly take: (bytes: Buffer) => boolean
  private readonly between: () => Promise<void> | undefined
  /** Settles when the bytes at hand are taken. */
  private waiting: Promise<void> | undefined = undefined
  /** Continues the `push` or `end` under way. */
  private wake: (() => void) | undefined = undefined

  /**
   * `take` gets what was inflated, valid during the call; with `false` it wants no more. `between` is called between slices, and waited
   * for where it gives a promise.
   */
  constructor(take: (bytes: Buffer) => boolean, between: () => Promise<void> | undefined = () => undefined) {
    // Loaded only for what is compressed: that takes 2 ms of every start otherwise.
    const gunzip = process.getBuiltinModule('node:zlib').createGunzip({ chunkSize: INFLATED_BYTES })
    this.gunzip = gunzip
    this.take = take
    this.between = between
    gunzip.on('data', (bytes: Buffer) => {
      if (!this.wantsMore) return
      const waiting = this.takeSlices(bytes, 0)
      if (waiting === undefined) return
      gunzip.pause()
      this.waiting = waiting.then(() => {
        this.waiting = undefined
        gunzip.resume()
      })
    })
    gunzip.on('end', () => this.finish())
    gunzip.on('error', (error: NodeJS.ErrnoException) => {
      if (this.isOver) return
      const isCut = error.code === 'Z_BUF_ERROR'
      this.damage = {
        code: isCut ? 'truncated' : 'gzip',
        message: isCut ? 'the gzip data ends too early' : `the gzip data is damaged: ${error.message}`,
        isAppendix: error.message === 'incorrect header check',
      }
      this.finish()
    })
  }

  /** Gives slice after slice to `take`; a promise when it must wait between two of them. */
  private takeSlices(bytes: Buffer, from: number): Promise<void> | undefined {
    let at = from
    // An exception here would not reach the caller of readCapture.
    try {
      while (at < bytes.length && this.wantsMore) {
        this.wantsMore = this.take(bytes.subarray(at, at + SLICE_BYTES))
        at += SLICE_BYTES
        const pause = this.wantsMore ? this.between() : undefined
        if (pause !== undefined) return pause.then(() => this.takeSlices(bytes, at))
      }
    } catch (cause) {
      this.thrown = cause ?? new Error('the sink threw nothing')
      this.wantsMore = false
    }
    if (!this.wantsMore) this.finish()
    // zlib fills a buffer, then takes a new one; the collector, seeing little garbage of its own, would let tens of megabytes of full
    // ones pile up. This one is full and parsed, so its memory is given back here.
    const memory = bytes.buffer
    if (memory instanceof ArrayBuffer && bytes.byteOffset + bytes.length === memory.byteLength) memory.transfer(0)
    return undefined
  }

  private finish(): void {
    this.isOver = true
    this.wantsMore = false
    this.wake?.()
  }

  /** Inflates the next bytes and is done with them when it resolves; false: no more is wanted or possible. */
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
      this.gunzip.write(bytes, async () => {
        // What the last bytes inflated to may still be waited for, and with it more that zlib holds back meanwhile.
        while (this.waiting !== undefined) await this.waiting
        if (this.wake === done) done()
      })
    })
  }

  /** There are no more bytes; `isCutShort`: what is inside does not matter any more. */
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
