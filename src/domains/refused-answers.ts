import { unmapIp } from '../values/ip.ts'
import { keepNewest } from '../values/keep-newest.ts'
import type { Ip } from '../values/value.ts'
import type { BindingFact } from './binding.ts'

export interface RefusedAnswer {
  readonly fact: BindingFact
  readonly atMs: number
}

/**
 * The last answers that were seen and not believed (`isSuspectAnswer`), for explanations: an address without a name may have one in them.
 * The latest of each address, of 1,024 addresses; the oldest go.
 */
export class RefusedAnswers {
  readonly #maxAddresses: number
  /** Least recently refused first. */
  readonly #byIp: Map<Ip, RefusedAnswer> = new Map()

  constructor(maxAddresses = 1024) {
    this.#maxAddresses = maxAddresses
  }

  add(fact: BindingFact, atMs: number): void {
    const ip = unmapIp(fact.ip)
    this.#byIp.delete(ip)
    this.#byIp.set(ip, { fact, atMs })
    keepNewest(this.#byIp, this.#maxAddresses)
  }

  lookup(ip: Ip): RefusedAnswer | undefined {
    return this.#byIp.get(unmapIp(ip))
  }
}
