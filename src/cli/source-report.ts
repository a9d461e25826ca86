import type { SourceSummary } from '../events/open-source.ts'
import { counted } from '../values/counted.ts'
import type { Terminal } from './terminal.ts'

/** Bad lines of NDJSON that are shown one by one. */
const SHOWN_LINES = 5

/**
 * Says on standard error what was wrong with a file of events that has been read; whether that is a failure: what came before counts, but
 * whoever asked must know that it was not all.
 */
export function reportSource(path: string, summary: SourceSummary, terminal: Terminal): boolean {
  const { errColors } = terminal
  let failed = false
  const error = (text: string, help?: string): void => {
    failed = true
    terminal.err(`${errColors.red('tiercel:')} ${path}: ${text}\n`)
    if (help !== undefined) terminal.err(`  ${errColors.cyan('help:')} ${help}\n`)
  }
  const warning = (text: string): void => terminal.err(`${errColors.yellow('tiercel:')} ${path}: ${text}\n`)

  if (summary.kind === 'ndjson') {
    for (const { line, message } of summary.problems.slice(0, SHOWN_LINES)) error(`line ${line}: ${message}`)
    if (summary.badLines > SHOWN_LINES)
      error(`and ${counted(summary.badLines - SHOWN_LINES, 'more line')} that are not events`)
    if (summary.error !== undefined) error(summary.error.message)
    return failed
  }
  if (summary.unknownEvents > 0)
    warning(`${counted(summary.unknownEvents, 'event')} of types newer than this version skipped`)
  if (summary.unknownBlocks > 0) warning(`${counted(summary.unknownBlocks, 'block')} of unknown type skipped`)
  if (summary.badEvents > 0) error(`${counted(summary.badEvents, 'damaged event')} skipped`)
  const { error: fault, events } = summary
  if (fault === undefined) return failed
  switch (fault.code) {
    case 'io':
      error(fault.message)
      break
    case 'not-a-capture':
      error(
        `not a capture: ${fault.message}`,
        'captures are .scap files of sysdig, Falco or Tiercel, or events as NDJSON',
      )
      break
    case 'version':
      error(fault.message, 'a newer version of Tiercel may read it')
      break
    case 'gzip':
    case 'truncated':
    case 'corrupt':
      error(
        `${fault.code === 'truncated' ? 'cut short' : 'damaged'} at byte ${fault.offset}${fault.code === 'gzip' ? ' of the inflated data' : ''}: ${fault.message}`,
        events === 0 ? undefined : `the ${counted(events, 'event')} before it ${events === 1 ? 'was' : 'were'} read`,
      )
      break
    default:
      fault.code satisfies never
  }
  return failed
}
