/** Words that a replay and a live agent share for what happens beside alerts; how loud each is, they say themselves. */
import type { NameListNews } from '../agent/name-lists.ts'
import type { OutputNews } from '../outputs/output-queue.ts'
import { counted } from '../values/counted.ts'

/** Undefined where nothing need be said: standard output's reader had enough (`| head`), which is what it wanted. */
export function outputNewsText(news: OutputNews): string | undefined {
  switch (news.kind) {
    case 'slow':
      return `output ${news.output} has not accepted an alert for ${news.timeoutMs} ms`
    case 'failed':
      return `output ${news.output} failed: ${news.error.message}${news.lost === 0 ? '' : `; ${counted(news.lost, 'alert')} lost`}`
    case 'recovered':
      return `output ${news.output} works again`
    case 'gone':
      return news.output === 'stdout' ? undefined : `output ${news.output} is gone: ${news.error.message}`
    case 'dropped':
      return `${counted(news.count, 'alert')} lost: the queue of output ${news.output} was full`
    default:
      return news satisfies never
  }
}

/** What became of a configured list of names; the first lines of it that were refused are in `refusedLinesText`. */
export function nameListText(news: NameListNews): string {
  if (news.kind === 'failed') {
    const kept = news.kept === undefined ? 'it is empty' : `the previous ${counted(news.kept, 'name')} stay in force`
    return `the list \`${news.name}\` (${news.from}) cannot be read: ${news.cause}; ${kept}`
  }
  const { format, names, refused, ignored, leftOut } = news.report
  const parts = [
    `the list \`${news.name}\` has ${counted(names, 'name')} from ${news.from} (${format})`,
    ...(news.copyAgeMs !== undefined ? [`a copy, ${ageText(news.copyAgeMs)} old`] : []),
    ...(ignored > 0 ? [`${counted(ignored, 'other entry', 'other entries')} ignored`] : []),
    ...(refused > 0 ? [`${counted(refused, 'line')} rejected`] : []),
    ...(leftOut > 0 ? [`${counted(leftOut, 'name')} beyond the limit left out`] : []),
  ]
  return parts.join('; ')
}

function ageText(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  return minutes < 120
    ? counted(minutes, 'minute')
    : minutes < 2880
      ? `${Math.round(minutes / 60)} hours`
      : `${Math.round(minutes / 1440)} days`
}

/** Whether somebody should look at it. */
export function isListWorthWarning({ report }: NameListNews & { readonly kind: 'loaded' }): boolean {
  return report.refused > 0 || report.leftOut > 0 || report.names === 0
}

/** The first lines of a list that were refused. */
export function refusedLines(news: NameListNews & { readonly kind: 'loaded' }): readonly string[] {
  return news.report.firstRefused.map(({ line, reason, text }) => `${news.from}:${line}: ${reason}: ${text}`)
}

/** Lists of `sizes` names each that are longer than `limit`. */
export function longListsText(sizes: readonly number[], limit: number): string {
  return `${counted(sizes.length, 'list')} of more than ${limit} names (${sizes.join(', ')}): matched against observed names, never looked up`
}
