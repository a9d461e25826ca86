import type { AlertValue } from '../engine/alert.ts'

/**
 * JSON text as Falco's library (nlohmann::json, `dump` without indent) prints it: no blanks, only what must be escaped is escaped, and
 * numbers that are not whole always show that they are not.
 */

/** `value` as JSON. Whole numbers print as they are, however large; see `renderJsonDouble` for others. */
export function renderJsonValue(value: AlertValue): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      if (Number.isSafeInteger(value)) return `${value}`
      return Number.isInteger(value) ? BigInt(value).toString() : renderJsonDouble(value)
    case 'bigint':
      return value.toString()
    case 'boolean':
      return value ? 'true' : 'false'
    default:
      if (value === null) return 'null'
      return 'double' in value ? renderJsonDouble(value.double) : renderJsonList(value)
  }
}

function renderJsonList(values: readonly (string | number | bigint | boolean)[]): string {
  let text = '['
  for (let i = 0; i < values.length; i++) text += (i === 0 ? '' : ',') + renderJsonValue(values[i]!)
  return `${text}]`
}

/**
 * A floating-point number: the shortest digits that give the same number back, plain from 0.0001 to below 10^15, else with an exponent
 * of two digits at least; `1.0`, not `1`. What is not a number is `null`.
 */
export function renderJsonDouble(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [mantissa, exponentText] = Math.abs(value).toExponential().split('e') as [string, string]
  const digits = mantissa.replace('.', '')
  const sign = value < 0 ? '-' : ''
  /** Where the decimal point stands, counted from the first digit. */
  const point = Number(exponentText) + 1
  if (digits.length <= point && point <= 15) return `${sign}${digits.padEnd(point, '0')}.0`
  if (0 < point && point <= 15) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
  if (-4 < point && point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  const exponent = Math.abs(point - 1)
    .toString()
    .padStart(2, '0')
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
  return `${sign}${digits[0]}${fraction}e${point - 1 < 0 ? '-' : '+'}${exponent}`
}
