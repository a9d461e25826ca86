import type { QueueLimits } from './output-queue.ts'
import { openFileSink } from './sinks/file-sink.ts'
import { type HttpSinkOptions, openHttpSink } from './sinks/http-sink.ts'
import { openProgramSink } from './sinks/program-sink.ts'
import type { OutputSink } from './sinks/sink.ts'
import { openStdoutSink } from './sinks/stdout-sink.ts'
import { openSyslogSink } from './sinks/syslog-sink.ts'

/** Which outputs there are and how they behave; absent ones are off. */
export interface OutputsConfig {
  readonly stdout: boolean
  readonly file?: { readonly filename: string; readonly keepAlive: boolean }
  readonly syslog?: { readonly ident: string; readonly socketPath: string }
  readonly program?: { readonly program: string; readonly keepAlive: boolean }
  readonly http?: HttpOutputConfig
  readonly limits: QueueLimits
}

/** What the sink takes, but for what follows from elsewhere. `echo`: show the server's answers. */
export interface HttpOutputConfig extends Omit<HttpSinkOptions, 'json' | 'echo'> {
  readonly echo: boolean
}

export interface SinkSurroundings {
  /** Lines are JSON: decides the content type of http. */
  readonly json: boolean
  /** Gets the answers of the http server, if `echo` is on. */
  readonly echo: (body: string) => void
}

/** Opens the outputs that are on. Nothing is reached yet: each gets hold of its file, process or connection with the first alert. */
export function openSinks(config: OutputsConfig, surroundings: SinkSurroundings): OutputSink[] {
  const sinks: OutputSink[] = []
  if (config.stdout) sinks.push(openStdoutSink())
  if (config.file !== undefined) sinks.push(openFileSink(config.file))
  if (config.syslog !== undefined) sinks.push(openSyslogSink({ ...config.syslog, loggerCommand: 'logger' }))
  if (config.program !== undefined) {
    sinks.push(openProgramSink({ ...config.program, closeTimeoutMs: config.limits.timeoutMs }))
  }
  if (config.http !== undefined) {
    const { echo, ...http } = config.http
    sinks.push(openHttpSink({ ...http, json: surroundings.json, ...(echo && { echo: surroundings.echo }) }))
  }
  return sinks
}
