import type { ReplayNews } from '../agent/replay.ts'
import type { OutputNews } from '../outputs/output-queue.ts'
import type { Terminal } from './terminal.ts'

/** Wrong lines of a bindings file that are shown one by one. */
const SHOWN_LINES = 5

/** Says what happens beside alerts on standard error; whether it is a failure of the run. Names have `NameWarnings`. */
export function reportNews(news: Exclude<ReplayNews, { kind: 'name' }>, terminal: Terminal, isQuiet: boolean): boolean {
  const { errColors } = terminal
  const warning = (text: string): false => {
    if (!isQuiet) terminal.err(`${errColors.yellow('tiercel:')} ${text}\n`)
    return false
  }
  const error = (text: string): true => {
    terminal.err(`${errColors.red('tiercel:')} ${text}\n`)
    return true
  }
  switch (news.kind) {
    case 'output':
      return reportOutput(news.news, warning, error)
    case 'echo':
      terminal.err(news.body.endsWith('\n') ? news.body : `${news.body}\n`)
      return false
    case 'long-lists':
      return warning(
        `${news.sizes.length} lists of names have more than ${news.limit} names (${news.sizes.join(', ')}): they are matched against observed names and never looked up`,
      )
    case 'bindings': {
      const { outcome, path } = news
      for (const { line, message } of outcome.errors.slice(0, SHOWN_LINES)) error(`${path}:${line}: ${message}`)
      if (outcome.errorCount > SHOWN_LINES) error(`${path}: ${outcome.errorCount - SHOWN_LINES} more lines are wrong`)
      if (outcome.notBelieved > 0) {
        warning(
          `${path}: ${outcome.notBelieved} bindings are not believed: a public name with a loopback or link-local address`,
        )
      }
      if (outcome.failure !== undefined) error(`the bindings \`${path}\` cannot be read: ${outcome.failure}`)
      return outcome.errorCount > 0 || outcome.failure !== undefined
    }
    default:
      return news satisfies never
  }
}

function reportOutput(news: OutputNews, warning: (text: string) => false, error: (text: string) => true): boolean {
  switch (news.kind) {
    case 'slow':
      return warning(`the output ${news.output} has not taken an alert for ${news.timeoutMs} ms`)
    case 'failed':
      return error(`the output ${news.output} failed: ${news.error.message}; ${news.lost} alerts are lost to it`)
    case 'recovered':
      return warning(`the output ${news.output} works again`)
    case 'gone':
      // Standard output's reader had enough (`| head`): what it wanted.
      return news.output === 'stdout' ? false : warning(`the output ${news.output} is gone: ${news.error.message}`)
    case 'dropped':
      return error(`${news.count} alerts are lost: the queue of the output ${news.output} was full`)
    default:
      return news satisfies never
  }
}
