/** Scalars are untyped text until someone asks; these read it as yaml-cpp does, whatever the quotes. */

const TRUE: ReadonlySet<string> = new Set(['y', 'yes', 'true', 'on'])
const FALSE: ReadonlySet<string> = new Set(['n', 'no', 'false', 'off'])

/** A boolean: y, yes, true, on and their opposites, in lower case, UPPER CASE or Capitalised. */
export function decodeBool(text: string): boolean | undefined {
  if (!/^(?:[a-z]+|[A-Z][a-z]*|[A-Z]+)$/.test(text)) return undefined
  const lower = text.toLowerCase()
  if (TRUE.has(lower)) return true
  return FALSE.has(lower) ? false : undefined
}

/** A whole number from 0 to 2^32 − 1, also hexadecimal (`0x…`) or octal (`0…`), with blanks after it. */
export function decodeUint32(text: string): number | undefined {
  const digits = /^\+?(0[xX][0-9a-fA-F]+|\d+)\s*$/.exec(text)?.[1]
  if (digits === undefined) return undefined
  let value: number
  if (/^0[xX]/.test(digits)) value = Number.parseInt(digits, 16)
  else if (digits.length > 1 && digits.startsWith('0')) {
    if (/[89]/.test(digits)) return undefined
    value = Number.parseInt(digits, 8)
  } else value = Number(digits)
  return value <= 0xffffffff ? value : undefined
}
