/** What a live agent says beside alerts: which words, and how loud. */
import type { LogConfig, LogLevel } from '../agent/config.ts'
import type { AgentNews } from '../agent/run.ts'
import type { OutputNews } from '../outputs/output-queue.ts'
import { openSyslogSink } from '../outputs/sinks/syslog-sink.ts'
import { makeMessage } from '../outputs/sinks/sink.ts'
import { isListWorthWarning, longListsText, nameListText, outputNewsText, refusedLines } from './news-text.ts'
import { counted } from '../values/counted.ts'
import type { Terminal } from './terminal.ts'

/** syslog's levels, in its order. */
const levels: readonly LogLevel[] = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug']

export interface NewsText {
  readonly level: LogLevel
  readonly text: string
}

/** Many names are cut short. */
const SHOWN_NAMES = 12

const outputLevels: Readonly<Record<OutputNews['kind'], LogLevel>> = {
  slow: 'critical',
  failed: 'error',
  recovered: 'notice',
  gone: 'error',
  dropped: 'error',
}

/** The words for `news`; undefined for what has none (an echo). Names have `NameWarnings`. */
export function renderNews(news: Exclude<AgentNews, { kind: 'name' }>): NewsText | undefined {
  switch (news.kind) {
    case 'attached':
      return info(`probe attached; state of ${counted(news.processes, 'thread')} read in ${Math.round(news.tookMs)} ms`)
    case 'detecting':
      return info(
        `watching ${counted(news.syscalls, 'system call')} with ${counted(news.rules, 'rule')}, ${Math.round(news.sinceStartMs)} ms after start`,
      )
    case 'reloaded':
      return info(
        `${counted(news.rules, 'rule')} reloaded ${news.reason === 'signal' ? 'on SIGHUP' : 'after files changed'}; no event was missed`,
      )
    case 'reload-refused':
      return { level: 'error', text: `reload failed, the old rules and configuration stay in force: ${news.message}` }
    case 'needs-restart':
      return warning(`changes of ${news.keys.map(k => `\`${k}\``).join(', ')} take effect after a restart`)
    case 'events-lost':
      return news.isMuted
        ? { level: 'debug', text: `${counted(news.lost, 'event')} lost in the last second` }
        : { level: 'error', text: `${counted(news.lost, 'event')} lost in the last second: alerts may be missing` }
    case 'not-traced':
      return warning(
        `rules use system calls that are not traced: ${listOf(news.names)} (frequent ones need \`base_syscalls.all\`)`,
      )
    case 'unknown-syscalls':
      return warning(`unknown system calls in \`base_syscalls.custom_set\`: ${listOf(news.names)}`)
    case 'unhealthy':
      return { level: 'critical', text: news.reason }
    case 'healthy':
      return { level: 'notice', text: 'events are being processed again' }
    case 'serving':
      return info(`/healthz and other endpoints on port ${news.port}`)
    case 'trouble':
      return warning(news.message)
    case 'long-lists':
      return warning(longListsText(news.sizes, news.limit))
    case 'list': {
      const text = nameListText(news.news)
      if (news.news.kind === 'failed') return { level: 'error', text }
      return isListWorthWarning(news.news) ? warning([text, ...refusedLines(news.news)].join('\n  ')) : info(text)
    }
    case 'output': {
      const text = outputNewsText(news.news)
      return text === undefined ? undefined : { level: outputLevels[news.news.kind], text }
    }
    case 'echo':
      return undefined
    default:
      return news satisfies never
  }
}

function info(text: string): NewsText {
  return { level: 'info', text }
}

function warning(text: string): NewsText {
  return { level: 'warning', text }
}

function listOf(names: readonly string[]): string {
  const more = names.length - SHOWN_NAMES
  return names.slice(0, SHOWN_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

export interface AgentLog {
  write(news: NewsText): void
  close(): Promise<void>
}

/** The agent's own log, on standard error and in syslog, as the configuration says. `isQuiet`: errors only. */
export function openAgentLog(config: LogConfig, terminal: Terminal, isQuiet: boolean): AgentLog {
  const least = Math.min(levels.indexOf(config.level), isQuiet ? levels.indexOf('error') : levels.length)
  const syslog = config.syslog
    ? openSyslogSink({ ident: 'tiercel', socketPath: '/dev/log', loggerCommand: 'logger' })
    : undefined
  return {
    write: ({ level, text }) => {
      const rank = levels.indexOf(level)
      if (rank > least) return
      const { errColors: c } = terminal
      const paint = rank <= 3 ? c.red : rank === 4 ? c.yellow : c.dim
      if (config.stderr) terminal.err(`${paint('tiercel:')} ${text}\n`)
      // A log that cannot be written is no reason to end; standard error has it too.
      syslog?.write([makeMessage(text, rank)]).catch(() => {})
    },
    close: async () => {
      await syslog?.close().catch(() => {})
    },
  }
}
