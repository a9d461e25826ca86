import { Nets } from '../values/net-set.ts'
import { PathPrefixes } from '../values/path-prefix.ts'
import { TextPrefixes } from '../values/text-prefix.ts'
import type { ByteText, Ip, Net, Scalar, Value } from '../values/value.ts'
import type { Constant } from '../rules/plan.ts'
import type { EventContext, NameWatcher } from './name-watcher.ts'

/**
 * Many conditions that each ask one and the same value for constants of their own are turned round: the value is looked up among all
 * constants at once, and only the conditions it belongs to are evaluated further.
 */

/** How the constants are compared: equality, `startswith`, `pmatch`, address in CIDR block, name bound to the address. */
export type IndexKind = 'equal' | 'prefix' | 'path' | 'net' | 'domain'

/** A condition that is true only if the value has one of the constants. */
export interface Candidate {
  /** What is left to test; undefined: nothing. */
  test: ((ctx: EventContext) => boolean) | undefined
  readonly condition: number
  /** The look-up that last evaluated it: a value may lead to it twice. */
  lastLookup: number
}

export class RuleIndex {
  readonly #kind: IndexKind
  readonly #names: NameWatcher | undefined
  readonly #hit: (condition: number) => void
  readonly #equal = new Map<unknown, Candidate[]>()
  readonly #prefixes = new TextPrefixes<Candidate>()
  readonly #paths = new PathPrefixes<Candidate>()
  readonly #nets = new Nets<Candidate>()
  readonly #found: Candidate[] = []
  #lookup = 0

  /** `hit` gets the number of each condition that is true. `names` is needed for kind `domain`. */
  constructor(kind: IndexKind, names: NameWatcher | undefined, hit: (condition: number) => void) {
    this.#kind = kind
    this.#names = names
    this.#hit = hit
  }

  add(key: Constant, candidate: Candidate): void {
    switch (this.#kind) {
      case 'equal':
      case 'domain': {
        const known = this.#equal.get(key)
        if (known === undefined) this.#equal.set(key, [candidate])
        else known.push(candidate)
        return
      }
      case 'prefix':
        this.#prefixes.add(key as ByteText, candidate)
        return
      case 'path':
        this.#paths.add(key as ByteText, candidate)
        return
      case 'net':
        this.#nets.add(key as Net, candidate)
        return
      default:
        this.#kind satisfies never
    }
  }

  /** Evaluates the conditions that the value, or any of several candidate values, leads to. */
  lookup(value: Value | undefined, ctx: EventContext): void {
    if (value === undefined) return
    this.#lookup++
    if (typeof value === 'object') for (let i = 0; i < value.length; i++) this.#lookupOne(value[i] as Scalar, ctx)
    else this.#lookupOne(value, ctx)
  }

  #lookupOne(value: Scalar, ctx: EventContext): void {
    const found = this.#found
    switch (this.#kind) {
      case 'equal': {
        const candidates = this.#equal.get(value)
        if (candidates !== undefined) this.#evaluate(candidates, ctx)
        return
      }
      case 'prefix':
        this.#prefixes.collect(value as ByteText, found)
        break
      case 'path':
        this.#paths.collect(value as ByteText, found)
        break
      case 'net':
        this.#nets.collect(value as Ip, found)
        break
      case 'domain':
        for (const name of this.#names?.namesOf(value as Ip, ctx) ?? []) {
          const candidates = this.#equal.get(name)
          if (candidates !== undefined) this.#evaluate(candidates, ctx)
        }
        return
      default:
        this.#kind satisfies never
    }
    if (found.length > 0) {
      this.#evaluate(found, ctx)
      found.length = 0
    }
  }

  #evaluate(candidates: readonly Candidate[], ctx: EventContext): void {
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[i] as Candidate
      if (candidate.lastLookup === this.#lookup) continue
      candidate.lastLookup = this.#lookup
      if (candidate.test === undefined || candidate.test(ctx)) this.#hit(candidate.condition)
    }
  }
}
