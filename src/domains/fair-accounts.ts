/**
 * Things that somebody has, for what is bounded and must be shared out: each on the account of whoever brought it, in the order of use. When
 * room is needed, the least recently used of somebody who has at least as many as all have on average is to go: a flood pushes out itself,
 * not what others have. Lists through the things themselves, because looking for the first one of a map that much was taken from takes long.
 */

/** What a thing must have for it; for `FairAccounts` alone. */
export interface Linked<T> {
  /** Its neighbours in use among those of the same account. */
  older: T | undefined
  newer: T | undefined
}

export interface Account<T> {
  readonly count: number
  readonly oldest: T | undefined
}

interface OpenAccount<T> extends Account<T> {
  count: number
  oldest: T | undefined
  newest: T | undefined
}

const MAX_EMPTY = 1024

export class FairAccounts<K, T extends Linked<T>> {
  /** Some are empty: most will have something again. */
  readonly #accounts: Map<K, OpenAccount<T>> = new Map()
  #size = 0
  #empty = 0
  /** Who gives room while he has enough, and who is asked next. */
  #loud: OpenAccount<T> | undefined = undefined
  #cursor: Iterator<OpenAccount<T>, undefined> | undefined = undefined

  get size(): number {
    return this.#size
  }

  get(key: K): Account<T> | undefined {
    return this.#accounts.get(key)
  }

  /** As the most recently used of its account. */
  add(key: K, item: T): void {
    let account = this.#accounts.get(key)
    if (account === undefined) {
      account = { count: 0, oldest: undefined, newest: undefined }
      this.#accounts.set(key, account)
    } else if (account.count === 0) this.#empty--
    append(account, item)
    this.#size++
  }

  /** Takes out what is in the account of that key. */
  delete(key: K, item: T): void {
    const account = this.#accounts.get(key)!
    detach(account, item)
    this.#size--
    if (account.count === 0 && ++this.#empty > MAX_EMPTY) this.#dropEmpty()
  }

  /** Makes it the most recently used of its account, which it is in. */
  touch(key: K, item: T): void {
    const account = this.#accounts.get(key)!
    if (account.newest === item) return
    detach(account, item)
    append(account, item)
  }

  /** The one to go next; undefined when there is none. */
  victim(): T | undefined {
    if (this.#size === 0) return undefined
    const share = this.#size / (this.#accounts.size - this.#empty)
    // Somebody has at least what all have on average, so this ends.
    while (this.#loud === undefined || this.#loud.count < share) {
      this.#cursor ??= this.#accounts.values()
      const { value, done } = this.#cursor.next()
      this.#loud = value
      if (done) this.#cursor = undefined
    }
    return this.#loud.oldest
  }

  #dropEmpty(): void {
    for (const [key, { count }] of this.#accounts) if (count === 0) this.#accounts.delete(key)
    this.#empty = 0
  }
}

function append<T extends Linked<T>>(account: OpenAccount<T>, item: T): void {
  item.older = account.newest
  item.newer = undefined
  if (account.newest === undefined) account.oldest = item
  else account.newest.newer = item
  account.newest = item
  account.count++
}

function detach<T extends Linked<T>>(account: OpenAccount<T>, item: T): void {
  if (item.older === undefined) account.oldest = item.newer
  else item.older.newer = item.newer
  if (item.newer === undefined) account.newest = item.older
  else item.newer.older = item.older
  item.older = undefined
  item.newer = undefined
  account.count--
}
