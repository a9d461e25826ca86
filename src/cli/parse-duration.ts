import { UsageError } from './command-error.ts'

/** Value of `--for`: seconds of `90s`, `10m`, `1h30m`, or of a plain number. */
export function parseDuration(text: string): number {
  const match = /^(?=\d)(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s?)?$/.exec(text)
  const [hours, minutes, seconds] = [match?.[1], match?.[2], match?.[3]].map(digits => Number(digits ?? 0))
  const total = hours! * 3600 + minutes! * 60 + seconds!
  if (match !== null && total > 0) return total
  throw new UsageError(`\`--for\` needs a time such as 90s, 10m or 1h30m, not \`${text}\``)
}
