import type { NameRecord } from './name-set.ts'
import type { Owner } from './binding.ts'

/** Whose a name is, when room is shared out: a container's as a whole, on the host a process's. */
export type Giver = string | number

export function giverOf(owner: Owner | undefined): Giver {
  const containerId = owner?.containerId ?? ''
  return containerId === '' ? (owner?.pid ?? '') : containerId
}

/** The names of one giver in the order of their use: a list through the records, because looking for the first one of a map takes long. */
interface Account {
  count: number
  oldest: NameRecord | undefined
  newest: NameRecord | undefined
}

/**
 * Names that no set holds, each on the account of whoever brought it. When room is needed, the least recently used name of somebody who has
 * at least as many as all have on average gives it: a flood of names pushes out itself, not what others looked up.
 */
export class UnwatchedNames {
  readonly #byName: Map<string, NameRecord> = new Map()
  readonly #accounts: Map<Giver, Account> = new Map()
  /** Who gives room while he has enough, and who is asked next. */
  #loud: Account | undefined = undefined
  #cursor: Iterator<Account, undefined> | undefined = undefined

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
    let account = this.#accounts.get(record.giver)
    if (account === undefined) {
      account = { count: 0, oldest: undefined, newest: undefined }
      this.#accounts.set(record.giver, account)
    }
    append(account, record)
  }

  delete(record: NameRecord): void {
    if (!this.#byName.delete(record.name)) return
    const account = this.#accounts.get(record.giver)!
    detach(account, record)
    if (account.count === 0) this.#accounts.delete(record.giver)
  }

  /** Makes it the most recently used, if it is one of these. */
  touch(record: NameRecord): void {
    if (!this.#byName.delete(record.name)) return
    this.#byName.set(record.name, record)
    const account = this.#accounts.get(record.giver)!
    detach(account, record)
    append(account, record)
  }

  /** The one to go next; undefined when there is none. */
  victim(): NameRecord | undefined {
    if (this.#byName.size === 0) return undefined
    const share = this.#byName.size / this.#accounts.size
    // Somebody has at least what all have on average, so this ends.
    while (this.#loud === undefined || this.#loud.count < share) {
      this.#cursor ??= this.#accounts.values()
      const { value, done } = this.#cursor.next()
      this.#loud = value
      if (done) this.#cursor = undefined
    }
    return this.#loud.oldest
  }
}

function append(account: Account, record: NameRecord): void {
  record.older = account.newest
  record.newer = undefined
  if (account.newest === undefined) account.oldest = record
  else account.newest.newer = record
  account.newest = record
  account.count++
}

function detach(account: Account, record: NameRecord): void {
  if (record.older === undefined) account.oldest = record.newer
  else record.older.newer = record.newer
  if (record.newer === undefined) account.newest = record.older
  else record.newer.older = record.older
  record.older = undefined
  record.newer = undefined
  account.count--
}
