/**
 * Times of alerts as text. Building a `Date` costs more than all the rest of a time stamp, and alerts come in bursts, so the text of a
 * second is kept until another second is asked for.
 */
export class ClockText {
  #utcSecond = -1
  #utcText = ''
  #localSecond = -1
  #localText = ''

  /** `YYYY-MM-DDTHH:MM:SS` in UTC; `second` counts from the epoch. */
  utc(second: number): string {
    if (second !== this.#utcSecond) {
      this.#utcText = new Date(second * 1000).toISOString().slice(0, -5)
      this.#utcSecond = second
    }
    return this.#utcText
  }

  /** `HH:MM:SS` in the process's time zone (`TZ`); `second` counts from the epoch. */
  local(second: number): string {
    if (second !== this.#localSecond) {
      const at = new Date(second * 1000)
      this.#localText = `${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}:${twoDigits(at.getSeconds())}`
      this.#localSecond = second
    }
    return this.#localText
  }
}

function twoDigits(n: number): string {
  return n < 10 ? `0${n}` : `${n}`
}

/** A time in ns since the epoch split into whole seconds and the nine digits after the point, and its decimal digits. */
export interface SplitTime {
  readonly second: number
  readonly fraction: string
  readonly digits: string
}

/** `tsNs` must not be negative. One bigint is turned into text, the rest is slicing. */
export function splitTime(tsNs: bigint): SplitTime {
  const digits = tsNs.toString()
  if (digits.length <= 9) return { second: 0, fraction: digits.padStart(9, '0'), digits }
  return { second: Number(digits.slice(0, -9)), fraction: digits.slice(-9), digits }
}
