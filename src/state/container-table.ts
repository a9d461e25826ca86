import type { Container } from './container.ts'

const MAX_CONTAINERS = 65_536
/** Characters of what was told of all containers together. */
const MAX_TEXT = 64 * 1024 * 1024

/** Containers by their 12-character id. When there are too many, the one that was told of longest ago goes: it is the likeliest to have ended. */
export class ContainerTable {
  readonly byId: Map<string, Container> = new Map()
  /** Containers that had to go. */
  dropped = 0
  /** Characters of all that are kept. */
  textSize = 0
  readonly #sizes: Map<string, number> = new Map()
  readonly #max: number
  readonly #maxText: number

  constructor(options: { readonly max?: number; readonly maxText?: number } = {}) {
    this.#max = options.max ?? MAX_CONTAINERS
    this.#maxText = options.maxText ?? MAX_TEXT
  }

  /** `size`: how many characters it takes. Gives the ids of those that had to go. */
  add(container: Container, size: number): readonly string[] {
    this.remove(container.id)
    if (size > this.#maxText) {
      this.dropped++
      return [container.id]
    }
    this.byId.set(container.id, container)
    this.#sizes.set(container.id, size)
    this.textSize += size
    if (this.byId.size <= this.#max && this.textSize <= this.#maxText) return NO_IDS
    const gone: string[] = []
    for (const id of this.byId.keys()) {
      if (this.byId.size <= this.#max && this.textSize <= this.#maxText) break
      this.remove(id)
      this.dropped++
      gone.push(id)
    }
    return gone
  }

  remove(id: string): void {
    this.textSize -= this.#sizes.get(id) ?? 0
    this.#sizes.delete(id)
    this.byId.delete(id)
  }

  clear(): void {
    this.byId.clear()
    this.#sizes.clear()
    this.textSize = 0
  }
}

const NO_IDS: readonly string[] = []
