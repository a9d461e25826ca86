import type { NameWarning } from '../domains/refresh.ts'

/** Answers to a list of names come in this time, as a rule. */
const GATHER_MS = 1000
/** Names that a line spells out. */
const SHOWN_NAMES = 5

/** Says which names do not resolve, one line for all that come within a second: on a machine without network it is all of them. */
export class NameWarnings {
  readonly #say: (text: string) => void
  readonly #namesByCause: Map<string, string[]> = new Map()
  #timer: NodeJS.Timeout | undefined = undefined

  constructor(say: (text: string) => void) {
    this.#say = say
  }

  add(warning: NameWarning): void {
    if (warning.kind !== 'unresolved') {
      this.#say(warning.message)
      return
    }
    const names = this.#namesByCause.get(warning.cause)
    if (names === undefined) this.#namesByCause.set(warning.cause, [warning.name])
    else names.push(warning.name)
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS).unref()
  }

  /** Says what is gathered; at the end, so that nothing stays unsaid. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const [cause, names] of this.#namesByCause) {
      const more = names.length - SHOWN_NAMES
      this.#say(
        names.length === 1
          ? `${names[0]} does not resolve: ${cause}`
          : `${names.length} names do not resolve: ${cause} (${names.slice(0, SHOWN_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''})`,
      )
    }
    this.#namesByCause.clear()
  }
}
