/**
 * Aliases of which a process got no address with the answer: it asks for the target itself, and the address that it gets then is that of
 * the alias, too. So it is with the targets of service records. They hold for their own TTL and count for that process alone. Bounded; the oldest go.
 */
import { keepNewest } from '../values/keep-newest.ts'
import type { Owner } from './binding.ts'
import type { Query } from './dns-queries.ts'

export interface PendingAlias {
  /** The name that the process began with. */
  readonly name: string
  /** From there on, the target last. */
  readonly chain: readonly string[]
  readonly untilMs: number
  readonly untrusted: boolean
  readonly owner: Owner
}

const MAX_PENDING = 4096
const MAX_CHAIN = 16

export class PendingAliases {
  /** By process and target, the oldest first. */
  readonly #byTarget: Map<string, PendingAlias> = new Map()

  /** `chain` leads from the name of the query on; its last is the target that has no address yet. */
  add(query: Query, chain: readonly string[], untilMs: number, untrusted: boolean, atMs: number): void {
    const target = chain.at(-1)
    if (target === undefined || query.pid <= 0) return
    const before = this.of(query, atMs)
    const alias: PendingAlias = {
      name: before?.name ?? query.question.name,
      chain: before === undefined ? chain : [...before.chain, ...chain],
      untilMs: Math.min(untilMs, before?.untilMs ?? untilMs),
      untrusted: untrusted || before?.untrusted === true,
      owner: query.owner,
    }
    // A chain of answers that leads back, or on and on, ends here.
    if (alias.name === target || alias.chain.length > MAX_CHAIN) return
    const key = keyOf(query.pid, target)
    this.#byTarget.delete(key)
    this.#byTarget.set(key, alias)
    keepNewest(this.#byTarget, MAX_PENDING)
  }

  /** The alias that led the process to the name that it asks for; undefined when none did. */
  of({ pid, question, owner }: Query, atMs: number): PendingAlias | undefined {
    if (this.#byTarget.size === 0) return undefined
    const alias = this.#byTarget.get(keyOf(pid, question.name))
    // Process ids come back.
    return alias === undefined || alias.untilMs <= atMs || alias.owner !== owner ? undefined : alias
  }
}

function keyOf(pid: number, target: string): string {
  return `${pid} ${target}`
}
