/** What is told of a binding to who asks, or keeps it for another index. */
import type { Ip } from '../values/value.ts'
import type { BindingFact, Evidence, Owner } from './binding.ts'
import type { Binding } from './name-set.ts'

/** One binding that counts, or would for somebody else, as outputs and explanations print it. */
export interface BindingView {
  readonly name: string
  readonly ip: Ip
  readonly evidence: Evidence
  readonly owner: Owner | undefined
  /** −Infinity: since ever. */
  readonly fromMs: number
  readonly firstSeenMs: number
  readonly lastSeenMs: number
  /** Infinity while no end is in sight. */
  readonly untilMs: number
  readonly ttlSec: number | undefined
  readonly resolver: string | undefined
  readonly chain: readonly string[]
  readonly stale: boolean
  /** See `BindingFact`. */
  readonly untrusted: boolean
  /** Whether names, or addresses of this name, may be missing because there were too many. */
  readonly overflow: boolean
}

export function view(binding: Binding, atMs: number): BindingView {
  const { name, address, evidence, owner, fromMs, firstSeenMs, lastSeenMs, untilMs } = binding
  const { ttlSec, resolver, chain, stale, untrusted } = binding
  const overflow = Math.max(name.overflowUntilMs, address.overflowUntilMs) > atMs
  return {
    name: name.name,
    ip: address.ip,
    evidence,
    owner,
    fromMs,
    firstSeenMs,
    lastSeenMs,
    untilMs,
    ttlSec,
    resolver,
    chain,
    stale,
    untrusted,
    overflow,
  }
}

export function toFact(binding: Binding): BindingFact {
  const { ttlSec, resolver, chain } = binding
  return {
    name: binding.name.name,
    ip: binding.address.ip,
    evidence: binding.evidence,
    ...(binding.owner !== undefined && { owner: binding.owner }),
    ...(binding.firstSeenMs > 0 && { fromMs: Math.max(binding.fromMs, binding.firstSeenMs) }),
    untilMs: binding.untilMs,
    ...(binding.lastSeenMs > binding.firstSeenMs && { seenMs: binding.lastSeenMs }),
    ...(ttlSec !== undefined && { ttlSec }),
    ...(resolver !== undefined && { resolver }),
    ...(chain.length > 0 && { chain }),
    ...(binding.stale && { stale: true }),
    ...(binding.untrusted && { untrusted: true }),
  }
}
