/** Characters of one account's texts: names have 32 and paths 4,096 at most. */
const MAX_TEXT = 16_384

/** Users or groups: of the host, whose container id is '', and of containers. */
export class Accounts<T extends object> {
  readonly #max: number
  readonly #byContainer: Map<string, Map<number, T>> = new Map()
  /** Accounts that are kept, and those that found no room. */
  count = 0
  dropped = 0

  constructor(max: number) {
    this.#max = max
  }

  get(containerId: string, id: number): T | undefined {
    return this.#byContainer.get(containerId)?.get(id)
  }

  set(containerId: string, id: number, entry: T): void {
    let accounts = this.#byContainer.get(containerId)
    const isKnown = accounts?.has(id) === true
    if ((!isKnown && this.count >= this.#max) || textLength(entry) + containerId.length > MAX_TEXT) {
      this.dropped++
      return
    }
    if (accounts === undefined) {
      accounts = new Map()
      this.#byContainer.set(containerId, accounts)
    }
    accounts.set(id, entry)
    if (!isKnown) this.count++
  }

  /** Those that have accounts. */
  containers(): Iterable<string> {
    return this.#byContainer.keys()
  }

  of(containerId: string): readonly T[] {
    return [...(this.#byContainer.get(containerId)?.values() ?? [])]
  }

  delete(containerId: string, id: number): void {
    const accounts = this.#byContainer.get(containerId)
    if (accounts?.delete(id) !== true) return
    this.count--
    if (accounts.size === 0) this.#byContainer.delete(containerId)
  }

  deleteContainer(containerId: string): void {
    this.count -= this.#byContainer.get(containerId)?.size ?? 0
    this.#byContainer.delete(containerId)
  }

  clear(): void {
    this.#byContainer.clear()
    this.count = 0
  }
}

function textLength(entry: object): number {
  let length = 0
  for (const value of Object.values(entry)) if (typeof value === 'string') length += value.length
  return length
}
