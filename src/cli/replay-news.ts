import type { ReplayNews } from '../agent/replay.ts'
import { counted } from '../values/counted.ts'
import { isListWorthWarning, longListsText, nameListText, outputNewsText, refusedLines } from './news-text.ts'
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
    case 'output': {
      const text = outputNewsText(news.news)
      if (text === undefined) return false
      const { kind } = news.news
      return kind === 'failed' || kind === 'dropped' ? error(text) : warning(text)
    }
    case 'echo':
      terminal.err(news.body.endsWith('\n') ? news.body : `${news.body}\n`)
      return false
    case 'unanswered':
      return warning(
        `${counted(news.names, 'name')} had no answer within ${news.waitedMs / 1000} s, and the replay went on without: is the DNS server reachable?`,
      )
    case 'long-lists':
      return warning(longListsText(news.sizes, news.limit))
    case 'bad-names':
      return warning(`the capture has ${counted(news.lines, 'line')} about names that cannot be parsed`)
    case 'list': {
      const text = nameListText(news.news)
      if (news.news.kind === 'failed') return error(text)
      if (isListWorthWarning(news.news)) for (const line of [text, ...refusedLines(news.news)]) warning(line)
      return false
    }
    case 'bindings': {
      const { outcome, path } = news
      for (const { line, message } of outcome.errors.slice(0, SHOWN_LINES)) error(`${path}:${line}: ${message}`)
      if (outcome.errorCount > SHOWN_LINES)
        error(`${path}: and ${counted(outcome.errorCount - SHOWN_LINES, 'more wrong line')}`)
      if (outcome.notBelieved > 0) {
        warning(
          `${path}: ${counted(outcome.notBelieved, 'binding')} of public names with loopback or link-local addresses ignored`,
        )
      }
      if (outcome.failure !== undefined) error(`the bindings \`${path}\` cannot be read: ${outcome.failure}`)
      return outcome.errorCount > 0 || outcome.failure !== undefined
    }
    default:
      return news satisfies never
  }
}
