import type { NameRecord } from './name-set.ts'
import type { Owner } from './binding.ts'
import { FairAccounts } from './fair-accounts.ts'

/** Whose a name is, when room is shared out: a container's as a whole, on the host a process's. */
export type Giver = string | number

export function giverOf(owner: Owner | undefined): Giver {
  const containerId = owner?.containerId ?? ''
  return containerId === '' ? (owner?.pid ?? '') : containerId
}

/** Names that no set holds, each on the account of whoever brought it. */
export class UnwatchedNames {
  readonly #byName: Map<string, NameRecord> = new Map()
  readonly #accounts: FairAccounts<Giver, NameRecord> = new FairAccounts()

  get size(): number {
    return this.#byName.size
  }

  get(name: string): NameRecord | undefined {
    return this.#byName.get(name)
  }

  /** Least recently used first. */
  values(): Iterable<NameRecord> {
    return this.#byName.values()
  }

  add(record: NameRecord): void {
    if (this.#byName.has(record.name)) return
    this.#byName.set(record.name, record)
    this.#accounts.add(record.giver, record)
  }

  delete(record: NameRecord): void {
    if (this.#byName.delete(record.name)) this.#accounts.delete(record.giver, record)
  }

  /** Makes it the most recently used, if it is one of these. */
  touch(record: NameRecord): void {
    if (!this.#byName.delete(record.name)) return
    this.#byName.set(record.name, record)
    this.#accounts.touch(record.giver, record)
  }

  /** The one to go next; undefined when there is none. */
  victim(): NameRecord | undefined {
    return this.#accounts.victim()
  }
}
