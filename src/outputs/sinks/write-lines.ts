import { write } from 'node:fs'
import { promisify } from 'node:util'
import { causeText, type OutputMessage, SinkError } from './sink.ts'

const writeBytes = promisify(write)

/** How long to wait when a pipe is full: at first, and at most. */
const FULL_PIPE_MS = { first: 1, most: 20 } as const

/**
 * Writes the lines to a file descriptor. A descriptor that does not block (`O_NONBLOCK`) is tried again until it takes the bytes or `signal`
 * fires, so a reader that has stopped holds up no thread. Rejects with a `SinkError`; after a line cut short, `state.midLine` is set, and
 * the next call begins with a line end so that the pieces stay apart.
 */
export async function writeLines(
  fd: number,
  messages: readonly OutputMessage[],
  state: { midLine: boolean },
  signal: AbortSignal,
): Promise<void> {
  const lead = state.midLine ? '\n' : ''
  const bytes = Buffer.from(`${lead}${messages.map(m => m.line).join('\n')}\n`, 'utf8')
  let at = 0
  let waitMs: number = FULL_PIPE_MS.first
  while (at < bytes.length) {
    if (signal.aborted) throw cutShort('given up', bytes, at, lead.length, state)
    try {
      at += (await writeBytes(fd, bytes, at, bytes.length - at, null)).bytesWritten
      waitMs = FULL_PIPE_MS.first
    } catch (error) {
      if (causeText(error) !== 'EAGAIN') throw cutShort(causeText(error), bytes, at, lead.length, state, error)
      await sleepUnlessAborted(waitMs, signal)
      waitMs = Math.min(waitMs * 2, FULL_PIPE_MS.most)
    }
  }
  state.midLine = false
}

function cutShort(
  why: string,
  bytes: Buffer,
  at: number,
  leadBytes: number,
  state: { midLine: boolean },
  cause?: unknown,
): SinkError {
  if (at > 0) state.midLine = bytes[at - 1] !== 0x0a
  let delivered = 0
  for (let i = bytes.indexOf(0x0a, leadBytes); i !== -1 && i < at; i = bytes.indexOf(0x0a, i + 1)) delivered++
  return new SinkError(why, { delivered, cause })
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
