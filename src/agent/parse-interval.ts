const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 } as const

/** A Prometheus duration such as `1h30m`, or milliseconds; undefined if it is neither. */
export function parseInterval(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text)
  if (!/^(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/.test(text)) return undefined
  let total = 0
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|[ywdhms])/g)) {
    total += Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS]
  }
  return total
}
