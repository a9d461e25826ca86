/** Longer names are never compared: nobody mistypes them by a letter or two, and the cost of a comparison is the product of two lengths. */
const MAX_NAME_LENGTH = 64

/**
 * The name most like `wrong`, for «did you mean»; undefined when none is close: at most a third of the letters, and never more than
 * three, may be inserted, dropped, replaced or swapped with their neighbour. Case counts as half a difference. Of equally close names
 * one with letters more or fewer (`fd.nam`: `fd.name`, not `fd.num`) comes before one with others, then the first. Cost: (length × 2 ·
 * allowed difference) for each candidate of about the same length, nothing for all others.
 */
export function closestName(wrong: string, candidates: Iterable<string>): string | undefined {
  if (wrong.length === 0 || wrong.length > MAX_NAME_LENGTH) return undefined
  const folded = wrong.toLowerCase()
  let limit = Math.min(3, Math.max(1, Math.floor(wrong.length / 3))) + 0.5
  let best: string | undefined
  for (const candidate of candidates) {
    if (candidate.length > MAX_NAME_LENGTH || Math.abs(candidate.length - wrong.length) >= limit) continue
    const difference = editDistance(folded, candidate.toLowerCase(), Math.ceil(limit))
    const distance =
      difference === 0 && candidate !== wrong ? 0.5 : difference + (isPartOf(folded, candidate) ? 0 : 0.25)
    if (distance < limit && candidate !== wrong) {
      limit = distance
      best = candidate
    }
  }
  return best
}

/** Whether one of two names is the other with letters left out. */
function isPartOf(a: string, b: string): boolean {
  const lower = b.toLowerCase()
  const [text, longer] = a.length < lower.length ? [a, lower] : [lower, a]
  let at = 0
  for (let i = 0; i < longer.length && at < text.length; i++) if (longer[i] === text[at]) at++
  return at === text.length
}

/** Optimal string alignment distance, or any number ≥ `limit` once it is known to be that large. */
function editDistance(a: string, b: string, limit: number): number {
  let beforeLast: number[] = []
  let last: number[] = []
  for (let j = 0; j <= b.length; j++) last.push(j)
  for (let i = 1; i <= a.length; i++) {
    const row: number[] = [i]
    let smallest = i
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforeLast[j - 2]! + 1)
      row.push(cost)
      if (cost < smallest) smallest = cost
    }
    if (smallest >= limit) return smallest
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
