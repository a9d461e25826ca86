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
  readonly #told: (ToldAnswer | undefined)[] = new Array<ToldAnswer | undefined>(1 << SLOT_BITS).fill(undefined)
  readonly #atMs: Float64Array = new Float64Array(1 << SLOT_BITS)

  /**
   * Whether the same owner was told the same, but for the id, by the same server, which was trusted as much, less than a second before; else
   * remembers it.
   */
  isRepeated(told: ToldAnswer, atMs: number): boolean {
    const { owner, resolver, standing, serial } = told
    if (serial === 0) return false
    const slot = mix(mix(0, owner.pid ?? 0), serial) >>> (32 - SLOT_BITS)
    const known = this.#told[slot]
    if (
      known !== undefined &&
      known.serial === serial &&
      known.owner === owner &&
      isLately(this.#atMs[slot]!, atMs) &&
      known.standing === standing &&
      known.resolver === resolver
    )
      return true
    this.#told[slot] = told
    this.#atMs[slot] = atMs
    return false
  }
}

/** What a client said of the server that it connected to. */
interface SaidOpening {
  readonly owner: Owner
  readonly name: string
  readonly ip: Ip
  readonly kind: Evidence
}

/** Names that clients said of late of the servers that they connected to: the same for what they need not say twice. */
export class RepeatedOpenings {
  readonly #said: (SaidOpening | undefined)[] = new Array<SaidOpening | undefined>(OPENINGS).fill(undefined)
  readonly #atMs: Float64Array = new Float64Array(OPENINGS)

  /** As what the same owner said the same of the same address less than a second before; undefined: it did not. */
  kindOf(owner: Owner, name: string, ip: Ip, atMs: number): Evidence | undefined {
    const slot = slotOf(owner, ip)
    const known = this.#said[slot]
    if (known?.owner !== owner || known.ip !== ip || known.name !== name) return undefined
    return isLately(this.#atMs[slot]!, atMs) ? known.kind : undefined
  }

  /** Whether it did as that; else remembers it. */
  isRepeated(owner: Owner, name: string, ip: Ip, kind: Evidence, atMs: number): boolean {
    if (this.kindOf(owner, name, ip, atMs) === kind) return true
    const slot = slotOf(owner, ip)
    this.#said[slot] = { owner, name, ip, kind }
    this.#atMs[slot] = atMs
    return false
  }
}

function isLately(thenMs: number, nowMs: number): boolean {
  return nowMs >= thenMs && nowMs - thenMs < REPEAT_MS
}

function slotOf(owner: Owner, ip: Ip): number {
  return (Math.imul((owner.pid ?? 0) ^ hashOfIp(ip), 0x9e3779b1) >>> 16) & (OPENINGS - 1)
}

function hashOfIp(ip: Ip): number {
  if (typeof ip === 'number') return Math.imul(ip, 0x01000193)
  return ip.charCodeAt(15) ^ (ip.charCodeAt(14) << 8) ^ (ip.charCodeAt(7) << 16)
}
