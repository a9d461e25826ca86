/**
 * Answers that processes got of late. Programs without a cache ask for the same names many times a second and are told the same; what was
 * learnt a moment ago need not be learnt again. The index keeps no order within so short a time anyway.
 */
import type { Ip } from '../values/value.ts'
import type { Evidence, Owner } from './binding.ts'
import { mix } from './message-slots.ts'

const SLOT_BITS = 11
/** A power of two. */
const OPENINGS = 1024
export const REPEAT_MS = 1000

/** An answer, and to whom it was told: the same object for the same process alone. */
export interface ToldAnswer {
  readonly owner: Owner
  /** The server, as text. */
  readonly resolver: string | undefined
  /** How far the server was trusted (`Standing`). */
  readonly standing: string
  /** Of its message (`RecentMessages`); 0: it has none, and is like no other. */
  readonly serial: number
}

export class RepeatedAnswers {
  readonly #serials: Float64Array = new Float64Array(1 << SLOT_BITS)
  readonly #owners: (Owner | undefined)[] = new Array<Owner | undefined>(1 << SLOT_BITS).fill(undefined)
  readonly #resolvers: (string | undefined)[] = new Array<string | undefined>(1 << SLOT_BITS).fill(undefined)
  readonly #standings: string[] = new Array<string>(1 << SLOT_BITS).fill('')
  readonly #atMs: Float64Array = new Float64Array(1 << SLOT_BITS)

  /**
   * Whether the same owner was told the same, but for the id, by the same server, which was trusted as much, less than a second before; else
   * remembers it.
   */
  isRepeated({ owner, resolver, standing, serial }: ToldAnswer, atMs: number): boolean {
    if (serial === 0) return false
    const slot = mix(mix(0, owner.pid ?? 0), serial) >>> (32 - SLOT_BITS)
    const sinceMs = atMs - this.#atMs[slot]!
    const isKnown =
      this.#serials[slot] === serial &&
      this.#owners[slot] === owner &&
      sinceMs >= 0 &&
      sinceMs < REPEAT_MS &&
      this.#standings[slot] === standing &&
      this.#resolvers[slot] === resolver
    if (isKnown) return true
    this.#serials[slot] = serial
    this.#owners[slot] = owner
    this.#resolvers[slot] = resolver
    this.#standings[slot] = standing
    this.#atMs[slot] = atMs
    return false
  }
}

/** Names that clients said of late of the servers that they connected to: the same for what they need not say twice. */
export class RepeatedOpenings {
  readonly #owners: (Owner | undefined)[] = new Array<Owner | undefined>(OPENINGS).fill(undefined)
  readonly #names: string[] = new Array<string>(OPENINGS).fill('')
  readonly #ips: Ip[] = new Array<Ip>(OPENINGS).fill(0)
  readonly #kinds: string[] = new Array<string>(OPENINGS).fill('')
  readonly #atMs: Float64Array = new Float64Array(OPENINGS)

  /** Whether the same owner said the same of the same address less than a second before; else remembers it. */
  isRepeated(owner: Owner, name: string, ip: Ip, kind: Evidence, atMs: number): boolean {
    const slot = (Math.imul((owner.pid ?? 0) ^ hashOfIp(ip), 0x9e3779b1) >>> 16) & (OPENINGS - 1)
    const sinceMs = atMs - this.#atMs[slot]!
    if (
      this.#owners[slot] === owner &&
      sinceMs >= 0 &&
      sinceMs < REPEAT_MS &&
      this.#ips[slot] === ip &&
      this.#kinds[slot] === kind &&
      this.#names[slot] === name
    )
      return true
    this.#owners[slot] = owner
    this.#names[slot] = name
    this.#ips[slot] = ip
    this.#kinds[slot] = kind
    this.#atMs[slot] = atMs
    return false
  }
}

function hashOfIp(ip: Ip): number {
  if (typeof ip === 'number') return Math.imul(ip, 0x01000193)
  return ip.charCodeAt(15) ^ (ip.charCodeAt(14) << 8) ^ (ip.charCodeAt(7) << 16)
}
