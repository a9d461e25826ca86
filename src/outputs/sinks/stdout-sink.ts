import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { type OutputMessage, type OutputSink, SinkError } from './sink.ts'
import { LineWriter } from './line-writer.ts'

/**
 * Standard output. Node writes to it synchronously, or on a thread that it waits for at exit: one reader that stops would stop the agent.
 * So nothing here blocks. A pipe or a terminal is opened once more for ourselves (`/proc/self/fd`), because the flag is shared by all who
 * hold a descriptor; a socket (systemd's journal) cannot be opened again and is set not to block, as Node does with its own.
 * A reader that goes away (`| head`, a terminal that is closed) ends the output quietly.
 */
export function openStdoutSink(fd = 1): OutputSink {
  let own = openOwn(fd)
  const target = own ?? fd
  const unblocked = own === undefined ? unblockSocket(fd) : undefined
  const writer = new LineWriter()
  return {
    name: 'stdout',
    maxBatch: 512,
    async write(messages: readonly OutputMessage[]): Promise<void> {
      try {
        await writer.write(target, messages)
      } catch (error) {
        if (!(error instanceof SinkError)) throw error
        const isHungUp = error.message === 'EIO' && own !== undefined // a terminal that was closed
        if (error.message !== 'EPIPE' && !isHungUp) throw error
        throw new SinkError('the reader has gone away', { delivered: error.delivered, outlook: 'gone', cause: error })
      }
    },
    reopen: async () => {},
    close: async () => {
      if (own !== undefined) closeSync(own)
      own = undefined
      unblocked?.unref()
    },
    abort: () => writer.abort(),
  }
}

/** A non-blocking descriptor of our own for the same pipe or terminal; none for files, which do not block, and sockets. */
function openOwn(fd: number): number | undefined {
  try {
    const stat = fstatSync(fd)
    if (!stat.isFIFO() && !stat.isCharacterDevice()) return undefined
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return undefined // another user's pipe, or no /proc: write to the descriptor we were given
  }
}

/** Sets a socket not to block; the handle that did it must not be collected, which would close the descriptor. */
function unblockSocket(fd: number): Socket | undefined {
  try {
    return fstatSync(fd).isSocket() ? new Socket({ fd, readable: false, writable: true }) : undefined
  } catch {
    return undefined
  }
}
