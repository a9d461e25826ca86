/**
 * Answers that processes got of late. Programs without a cache ask for the same names many times a second and are told the same; what was
 * learnt a moment ago need not be learnt again. The index keeps no order within so short a time anyway.
 */
import type { Owner } from './binding.ts'
import type { DnsMessage, DnsRecord } from './dns-message.ts'
import type { Query } from './dns-queries.ts'

const SLOTS = 4096
export const REPEAT_MS = 1000

interface Slot {
  owner: Owner | undefined
  query: Query | undefined
  answers: readonly DnsRecord[]
  atMs: number
}

export class RepeatedAnswers {
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({
    owner: undefined,
    query: undefined,
    answers: [],
    atMs: 0,
  }))

  /**
   * Whether the same owner (the same object) was told the same of the same question by the same server less than a second before, with TTLs
   * that are no shorter; else remembers it.
   */
  isRepeated(query: Query, message: DnsMessage, atMs: number): boolean {
    const slot = this.#slots[slotOf(query)]!
    const sinceMs = atMs - slot.atMs
    const isKnown =
      slot.owner === query.owner &&
      sinceMs >= 0 &&
      sinceMs < REPEAT_MS &&
      isSameQuestion(slot.query!, query) &&
      isSameOrShorter(slot.answers, message.answers)
    if (isKnown) return true
    slot.owner = query.owner
    slot.query = query
    slot.answers = message.answers
    slot.atMs = atMs
    return false
  }
}

function slotOf({ pid, question: { name, type } }: Query): number {
  // The end of most names is that of many others.
  let hash = pid ^ (type << 8) ^ name.length
  for (let i = 0; i < name.length && i < 12; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return (hash ^ (hash >>> 15)) & (SLOTS - 1)
}

function isSameQuestion(a: Query, b: Query): boolean {
  return (
    a.question.name === b.question.name &&
    a.question.type === b.question.type &&
    a.serverIp === b.serverIp &&
    a.serverPort === b.serverPort
  )
}

/** Only addresses and aliases are compared: other answers are learnt from each time. */
function isSameOrShorter(known: readonly DnsRecord[], answers: readonly DnsRecord[]): boolean {
  if (known.length !== answers.length) return false
  for (let i = 0; i < answers.length; i++) {
    const a = known[i]!
    const b = answers[i]!
    if (a.type !== b.type || b.ttlSec > a.ttlSec || a.name !== b.name) return false
    if (b.kind === 'address') {
      if (a.kind !== 'address' || a.ip !== b.ip) return false
    } else if (b.kind === 'target') {
      if (a.kind !== 'target' || a.target !== b.target) return false
    } else return false
  }
  return true
}
