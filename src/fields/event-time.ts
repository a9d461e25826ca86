/**
 * Times of events as text. Falco prints them in the local time zone (`TZ`), except ISO 8601, which is UTC. The text of a second is kept,
 * because the next event is most often in the same one.
 */
const NS_PER_SECOND = 1_000_000_000n

function pad2(n: number): string {
  return n < 10 ? `0${n}` : String(n)
}

function nineDigits(ns: bigint): string {
  return (ns % NS_PER_SECOND).toString().padStart(9, '0')
}

class SecondText {
  #second = -1n
  #text = ''
  readonly #make: (date: Date) => string

  constructor(make: (date: Date) => string) {
    this.#make = make
  }

  of(ns: bigint): string {
    const second = ns / NS_PER_SECOND
    if (second !== this.#second) {
      this.#text = this.#make(new Date(Number(second) * 1000))
      this.#second = second
    }
    return this.#text
  }
}

const localTime = new SecondText(d => `${pad2(d.getHours())}:${pad2(d.getMinutes())}:${pad2(d.getSeconds())}`)
const localDate = new SecondText(d => `${d.getFullYear()}-${pad2(d.getMonth() + 1)}-${pad2(d.getDate())}`)
const utcSecond = new SecondText(d => d.toISOString().slice(0, 19))

/** `HH:MM:SS` in the local time zone. */
export function clockText(ns: bigint): string {
  return localTime.of(ns)
}

/** `HH:MM:SS.nnnnnnnnn` in the local time zone. */
export function clockNsText(ns: bigint): string {
  return `${localTime.of(ns)}.${nineDigits(ns)}`
}

/** `YYYY-MM-DD HH:MM:SS` in the local time zone. */
export function dateTimeText(ns: bigint): string {
  return `${localDate.of(ns)} ${localTime.of(ns)}`
}

/** `YYYY-MM-DD HH:MM:SS.nnnnnnnnn` in the local time zone. */
export function dateTimeNsText(ns: bigint): string {
  return `${localDate.of(ns)} ${clockNsText(ns)}`
}

/** `YYYY-MM-DDTHH:MM:SS.nnnnnnnnn+0000`. */
export function isoTimeText(ns: bigint): string {
  return `${utcSecond.of(ns)}.${nineDigits(ns)}+0000`
}
