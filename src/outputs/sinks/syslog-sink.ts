import { createConnection, type Socket } from 'node:net'
import { ChildInput } from './child-input.ts'
import { causeText, type OutputMessage, type OutputSink, SinkError } from './sink.ts'

export interface SyslogSinkOptions {
  /** The program's name in the log. */
  readonly ident: string
  /** Where the syslog daemon listens: `/dev/log`. */
  readonly socketPath: string
  /** The command of util-linux that can speak to datagram sockets: `logger`. */
  readonly loggerCommand: string
}

/** LOG_USER, as syslog(3) has it where a program names no facility. */
const FACILITY = 1

/** logger's own limit is 1 KiB. */
const MOST_BYTES = '65536'

/**
 * The local syslog, the alert's priority as severity. Node has no datagram unix sockets, which is what `/dev/log` nearly always is. So: a
 * stream connection where the daemon offers one, else one `logger` process of util-linux, which reads `<priority>line` from its input.
 * `logger` does not say whether the daemon took a line; it ends when it cannot reach it, and the next write then fails.
 */
export function openSyslogSink(options: SyslogSinkOptions): OutputSink {
  let channel: SyslogChannel | undefined
  return {
    name: 'syslog',
    maxBatch: 256,
    async write(messages: readonly OutputMessage[]): Promise<void> {
      if (channel === undefined || channel.hasEnded()) channel = await connect(options)
      const one = channel
      try {
        await one.send(messages)
      } catch (error) {
        channel = undefined
        one.abort()
        throw error instanceof SinkError ? error : new SinkError(causeText(error), { cause: error })
      }
    },
    reopen: async () => {
      await channel?.close()
      channel = undefined
    },
    close: async () => {
      await channel?.close()
      channel = undefined
    },
    abort: () => channel?.abort(),
  }
}

interface SyslogChannel {
  send(messages: readonly OutputMessage[]): Promise<void>
  hasEnded(): boolean
  close(): Promise<void>
  abort(): void
}

async function connect(options: SyslogSinkOptions): Promise<SyslogChannel> {
  try {
    return new StreamChannel(await connectStream(options.socketPath), options.ident)
  } catch (error) {
    if (causeText(error) !== 'EPROTOTYPE') {
      throw new SinkError(`no syslog daemon answers at ${options.socketPath}: ${causeText(error)}`, { cause: error })
    }
    return new LoggerChannel(options) // it is a datagram socket
  }
}

function connectStream(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

function severity(message: OutputMessage): number {
  return FACILITY * 8 + message.priority
}

class StreamChannel implements SyslogChannel {
  readonly #socket: Socket
  readonly #ident: string

  constructor(socket: Socket, ident: string) {
    this.#socket = socket
    this.#ident = ident
    socket.on('error', () => {}) // the write's own callback tells
    socket.resume() // so that the daemon's end of the connection is noticed
    socket.unref()
  }

  send(messages: readonly OutputMessage[]): Promise<void> {
    const head = `${syslogTime(new Date())} ${this.#ident}[${process.pid}]: `
    const text = messages.map(m => `<${severity(m)}>${head}${m.line}\n`).join('')
    return new Promise((resolve, reject) => {
      const onClose = (): void => reject(new SinkError('the syslog daemon has gone away'))
      this.#socket.once('close', onClose)
      this.#socket.ref()
      this.#socket.write(text, 'utf8', error => {
        this.#socket.off('close', onClose)
        this.#socket.unref()
        if (error) reject(new SinkError(`the syslog daemon has gone away: ${causeText(error)}`, { cause: error }))
        else resolve()
      })
    })
  }

  hasEnded(): boolean {
    return this.#socket.destroyed || this.#socket.readableEnded
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      if (this.#socket.destroyed) return resolve()
      this.#socket.once('close', () => resolve())
      this.#socket.ref()
      this.#socket.end(() => this.#socket.destroy())
    })
  }

  abort(): void {
    this.#socket.destroy()
  }
}

class LoggerChannel implements SyslogChannel {
  readonly #child: ChildInput
  readonly #options: SyslogSinkOptions

  constructor(options: SyslogSinkOptions) {
    this.#options = options
    const where = ['--socket', options.socketPath, '--socket-errors=on']
    this.#child = new ChildInput(options.loggerCommand, [
      '--prio-prefix',
      '--tag',
      options.ident,
      '--size',
      MOST_BYTES,
      ...where,
    ])
  }

  async send(messages: readonly OutputMessage[]): Promise<void> {
    try {
      await this.#child.feed(messages.map(m => `<${severity(m)}>${m.line}\n`).join(''))
    } catch (error) {
      const { error: cause } = await this.#child.ended
      if (cause === undefined) throw error
      const { loggerCommand, socketPath } = this.#options
      throw new SinkError(`cannot run \`${loggerCommand}\` to reach ${socketPath}: ${causeText(cause)}`, { cause })
    }
  }

  hasEnded(): boolean {
    return this.#child.hasEnded
  }

  async close(): Promise<void> {
    this.#child.endInput()
    await this.#child.ended
  }

  abort(): void {
    this.#child.kill()
  }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** RFC 3164 §4.1.2: local time, the day padded with a blank. */
function syslogTime(at: Date): string {
  return `${MONTHS[at.getMonth()]} ${`${at.getDate()}`.padStart(2)} ${at.toTimeString().slice(0, 8)}`
}
