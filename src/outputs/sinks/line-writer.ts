import { write } from 'node:fs'
import { causeText, type OutputMessage, SinkError } from './sink.ts'

/** How many bytes were written. By hand, because `promisify` is in a module that takes every start 3 ms. */
function writeBytes(fd: number, bytes: Buffer, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, at, bytes.length - at, null, (error, written) => {
      if (error === null) resolve(written)
      else reject(error)
    })
  })
}

const LINE_END = 0x0a

/** How long to wait when a pipe is full: at first, and at most. */
const FULL_PIPE_MS = { first: 1, most: 20 } as const

/**
 * Writes lines to file descriptors, one call at a time. A descriptor that does not block (`O_NONBLOCK`) is tried again until it takes the
 * bytes or the write is given up, so a reader that has stopped holds up no thread.
 */
export class LineWriter {
  /** Reused: a new one per batch would be most of the agent's garbage. */
  #buffer: Buffer = Buffer.alloc(0)
  #aborting = new AbortController()
  #isMidLine = false

  /**
   * Resolves when all is written; rejects with a `SinkError` whose message is the errno name. After a line that was cut short the next call
   * begins with a line end, so that the pieces stay apart.
   */
  async write(fd: number, messages: readonly OutputMessage[]): Promise<void> {
    const signal = this.#aborting.signal
    const lead = this.#isMidLine ? 1 : 0
    const bytes = this.#encode(messages, lead)
    let at = 0
    let waitMs: number = FULL_PIPE_MS.first
    while (at < bytes.length) {
      if (signal.aborted) throw this.#cutShort('given up', bytes, at, lead)
      try {
        at += await writeBytes(fd, bytes, at)
        waitMs = FULL_PIPE_MS.first
      } catch (error) {
        if (causeText(error) !== 'EAGAIN') throw this.#cutShort(causeText(error), bytes, at, lead, error)
        await sleepUnlessAborted(waitMs, signal)
        waitMs = Math.min(waitMs * 2, FULL_PIPE_MS.most)
      }
    }
    this.#isMidLine = false
  }

  /** Makes the write that is under way reject. */
  abort(): void {
    this.#aborting.abort()
    this.#aborting = new AbortController()
  }

  /** The next write goes somewhere else, where no line is cut short. */
  forget(): void {
    this.#isMidLine = false
  }

  #encode(messages: readonly OutputMessage[], lead: number): Buffer {
    const size = messages.reduce((sum, message) => sum + message.bytes + 1, lead)
    if (this.#buffer.length < size) this.#buffer = Buffer.allocUnsafe(size)
    const buffer = this.#buffer
    let at = 0
    if (lead > 0) buffer[at++] = LINE_END
    for (const { line } of messages) {
      at += buffer.write(line, at, 'utf8')
      buffer[at++] = LINE_END
    }
    return buffer.subarray(0, at)
  }

  #cutShort(why: string, bytes: Buffer, at: number, lead: number, cause?: unknown): SinkError {
    if (at > 0) this.#isMidLine = bytes[at - 1] !== LINE_END
    let delivered = 0
    for (let i = bytes.indexOf(LINE_END, lead); i !== -1 && i < at; i = bytes.indexOf(LINE_END, i + 1)) delivered++
    return new SinkError(why, { delivered, cause })
  }
}

/** Resolves after `ms`, or at once when `signal` fires. */
export function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
