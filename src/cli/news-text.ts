/** Words that a replay and a live agent share for what happens beside alerts; how loud each is, they say themselves. */
import type { OutputNews } from '../outputs/output-queue.ts'

/** Undefined where nothing need be said: standard output's reader had enough (`| head`), which is what it wanted. */
export function outputNewsText(news: OutputNews): string | undefined {
  switch (news.kind) {
    case 'slow':
      return `the output ${news.output} has not taken an alert for ${news.timeoutMs} ms`
    case 'failed':
      return `the output ${news.output} failed: ${news.error.message}; ${news.lost} alerts are lost to it`
    case 'recovered':
      return `the output ${news.output} works again`
    case 'gone':
      return news.output === 'stdout' ? undefined : `the output ${news.output} is gone: ${news.error.message}`
    case 'dropped':
      return `${news.count} alerts are lost: the queue of the output ${news.output} was full`
    default:
      return news satisfies never
  }
}

/** Lists of `sizes` names each that are longer than `limit`. */
export function longListsText(sizes: readonly number[], limit: number): string {
  return `${sizes.length} lists of names have more than ${limit} names (${sizes.join(', ')}): they are matched against observed names and never looked up`
}
