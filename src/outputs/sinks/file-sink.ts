import { constants } from 'node:fs'
import { access, type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { causeText, type OutputMessage, type OutputSink, SinkError } from './sink.ts'
import { LineWriter } from './line-writer.ts'

export interface FileSinkOptions {
  readonly filename: string
  /** Keep the file open. Otherwise it is opened for every batch, so that a file renamed by log rotation is noticed. */
  readonly keepAlive: boolean
}

const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK

/** Appends lines to a file, or writes them to a named pipe (without blocking: no reader is an error that passes). */
export function openFileSink(options: FileSinkOptions): OutputSink {
  let file: FileHandle | undefined
  const writer = new LineWriter()

  async function letGo(): Promise<void> {
    const open = file
    file = undefined
    await open?.close()
  }

  async function openFile(): Promise<FileHandle> {
    try {
      return await open(options.filename, FLAGS, 0o644)
    } catch (error) {
      throw new SinkError(`cannot open ${options.filename}: ${causeText(error)}`, { cause: error })
    }
  }

  return {
    name: 'file',
    maxBatch: 512,
    async check(): Promise<void> {
      try {
        const there = await open(options.filename, FLAGS & ~constants.O_CREAT)
        await there.close()
      } catch (error) {
        const code = causeText(error)
        // A pipe that nobody reads yet; a file that is made with the first alert.
        if (code === 'ENXIO') return
        const cause = code === 'ENOENT' ? await whyNotMade(options.filename) : code
        if (cause !== undefined) throw new SinkError(`cannot open ${options.filename}: ${cause}`, { cause: error })
      }
    },
    async write(messages: readonly OutputMessage[]): Promise<void> {
      file ??= await openFile()
      try {
        await writer.write(file.fd, messages)
        if (!options.keepAlive) await letGo()
      } catch (error) {
        await letGo().catch(() => {})
        const delivered = error instanceof SinkError ? error.delivered : messages.length
        throw new SinkError(`cannot write ${options.filename}: ${causeText(error)}`, { delivered, cause: error })
      }
    },
    reopen: async () => {
      await letGo()
      writer.forget()
    },
    close: letGo,
    abort: () => writer.abort(),
  }
}

/** Why a file cannot be made; undefined where it can. */
async function whyNotMade(filename: string): Promise<string | undefined> {
  try {
    await access(dirname(filename), constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return causeText(error)
  }
}
