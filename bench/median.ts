/** The middle one of at least one value; of two middle ones the greater. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

export interface Spread {
  readonly median: number
  /** Between these lies the median of all rounds that could have been made, in at least 95 of 100 cases; with fewer than six values, all of them. */
  readonly low: number
  readonly high: number
}

/**
 * The median of at least one value and how sure it is, whatever the values' distribution: each is as likely above the true median as below, so
 * how many are below it follows the coin.
 */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const n = sorted.length
  let ways = 1 // to choose `k` of `n`
  let below = 1 / 2 ** n // how likely at most `k` are below
  let k = 0
  while (true) {
    ways = (ways * (n - k)) / (k + 1)
    below += ways / 2 ** n
    if (below > 0.025 || k + 1 > (n - 1) >> 1) break
    k++
  }
  return { median: sorted[n >> 1]!, low: sorted[k]!, high: sorted[n - 1 - k]! }
}
