import type { NameRecord } from './name-set.ts'
import type { Owner } from './binding.ts'

/** Whose a name is, when room is shared out: a container's as a whole, on the host a process's. */
export type Giver = string | number

export function giverOf(owner: Owner | undefined): Giver {
  const containerId = owner?.containerId ?? ''
  return containerId === '' ? (owner?.pid ?? '') : containerId
}

/** How many names of those that have less than their share are passed over, so that no victim takes long to find. */
const MAX_PASSED = 128

/**
 * Names that no set holds, least recently used first, each on the account of whoever brought it. When room is needed, the oldest name
 * of somebody who has at least as many as all have on average gives it: a flood of names pushes out itself, not what others looked up.
 */
export class UnwatchedNames {
  readonly #byName: Map<string, NameRecord> = new Map()
  readonly #counts: Map<Giver, number> = new Map()

  get size(): number {
    return this.#byName.size
  }

  get(name: string): NameRecord | undefined {
    return this.#byName.get(name)
  }

  /** Least recently used first; those that were passed over for their little share come later than they should. */
  values(): Iterable<NameRecord> {
    return this.#byName.values()
  }

  add(record: NameRecord): void {
    if (this.#byName.has(record.name)) return
    this.#byName.set(record.name, record)
    this.#counts.set(record.giver, (this.#counts.get(record.giver) ?? 0) + 1)
  }

  delete(record: NameRecord): void {
    if (!this.#byName.delete(record.name)) return
    const count = this.#counts.get(record.giver)! - 1
    if (count === 0) this.#counts.delete(record.giver)
    else this.#counts.set(record.giver, count)
  }

  /** Makes it the most recently used, if it is one of these. */
  touch(record: NameRecord): void {
    if (this.#byName.delete(record.name)) this.#byName.set(record.name, record)
  }

  /** The one to go next; undefined when there is none. */
  victim(): NameRecord | undefined {
    let passed = 0
    for (const record of this.#byName.values()) {
      const share = this.#byName.size / this.#counts.size
      if (this.#counts.get(record.giver)! >= share || ++passed > MAX_PASSED) return record
      // Not asked again until all others were.
      this.touch(record)
    }
    return undefined
  }
}
