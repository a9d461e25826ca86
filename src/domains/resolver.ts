/**
 * The agent's own look-ups. One interface, two makers: c-ares asks name servers itself and knows TTLs; the system's goes through
 * getaddrinfo and so knows the hosts file, search domains and whatever else nsswitch.conf names, but no TTL. Either gives a value for
 * every look-up, never a rejection: what goes wrong with DNS is news about the name, not an error of the program.
 */
import { Resolver as CaresChannel, lookup } from 'node:dns/promises'
import { normaliseDomain } from '../values/domain-name.ts'
import { parseIp, unmapIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { MAX_ADDRESSES_PER_ANSWER, MAX_ALIASES, MAX_TTL_SEC } from './binding.ts'

export interface ResolvedAddress {
  /** `::ffff:a.b.c.d` is already `a.b.c.d`. */
  readonly ip: Ip
  /** 0 … 604,800; absent where the resolver does not say. */
  readonly ttlSec?: number
}

export type LookupFailure =
  | 'servfail'
  | 'timeout'
  | 'refused'
  /** No server could be reached at all. */
  | 'unreachable'
  /** An answer came that is no DNS message, or not to this question. */
  | 'malformed'
  /** The signal ended the look-up. */
  | 'cancelled'
  | 'other'

/** What a look-up of A and AAAA gave. */
export type Answer =
  | {
      readonly kind: 'addresses'
      /** At least one; each address once, with its lowest TTL; at most `MAX_ADDRESSES_PER_ANSWER`. */
      readonly addresses: readonly ResolvedAddress[]
      /** Names that the alias chain went through, without the name asked for; empty unless the resolver follows aliases. */
      readonly chain: readonly string[]
      /** How many addresses were left out because there were too many. */
      readonly cut: number
      /** The family whose question failed while the other was answered: nothing is known of it. */
      readonly failedFamily?: 4 | 6
    }
  /** The name does not exist, as far as its servers say. */
  | { readonly kind: 'nxdomain' }
  /** The name exists and has no address. */
  | { readonly kind: 'nodata' }
  | { readonly kind: 'failed'; readonly reason: LookupFailure; readonly detail: string }

/** Looks names up. Implementations end every look-up by themselves within a bounded time, signal or not. */
export interface Resolver {
  /** Says in findings and outputs who answered. */
  readonly label: string
  /** How many questions one look-up may have on the wire at once. */
  readonly questionsPerLookup: number
  /** How many look-ups at once serve any purpose; absent when it is the caller's choice. */
  readonly maxLookups?: number
  /** `name` is canonical (`normaliseDomain`). Never rejects; an aborted signal gives `cancelled` at once. */
  resolve(name: string, signal?: AbortSignal): Promise<Answer>
}

export interface CaresOptions {
  /** `address` or `address:port`, IPv6 in brackets with a port. Without it: those of /etc/resolv.conf. Throws at once on a wrong one. */
  readonly servers?: readonly string[]
  /** For the first try of a question; later tries wait no longer than this either. */
  readonly timeoutMs?: number
  /** Tries per server. */
  readonly tries?: number
  /** Asks for CNAMEs hop by hop to know the chain: one more question per hop. */
  readonly followAliases?: boolean
}

/** Asks name servers over UDP, and over TCP when an answer was cut short. Knows TTLs; no hosts file, no search domains. */
export function createCaresResolver(options: CaresOptions = {}): Resolver {
  const timeoutMs = options.timeoutMs ?? 2000
  const channel = new CaresChannel({ timeout: timeoutMs, tries: options.tries ?? 2, maxTimeout: timeoutMs })
  if (options.servers !== undefined) channel.setServers([...options.servers])
  // The channel can only cancel everything, so it does when nobody waits any more.
  let wanted = 0

  async function ask(name: string): Promise<Answer> {
    const [v4, v6] = await Promise.all([
      settle(channel.resolve4(name, { ttl: true })),
      settle(channel.resolve6(name, { ttl: true })),
    ])
    const answer = joinFamilies(v4, v6)
    if (answer.kind !== 'addresses' || options.followAliases !== true) return answer
    return { ...answer, chain: await followAliases(name, channel) }
  }

  return {
    label: `dns ${(options.servers ?? channel.getServers()).join(' ')}`,
    questionsPerLookup: 2,
    async resolve(name, signal) {
      if (signal?.aborted) return CANCELLED
      wanted++
      const asked = ask(name)
      const answer = await (signal === undefined ? asked : untilAborted(asked, signal))
      if (--wanted === 0 && signal?.aborted) channel.cancel()
      return answer
    },
  }
}

export interface SystemOptions {
  /** After so long the look-up counts as timed out; getaddrinfo itself goes on until resolv.conf's own time-outs. */
  readonly timeoutMs?: number
  /** `dns.promises.lookup` unless a test gives another. */
  readonly lookup?: (name: string, options: { all: true; order: 'verbatim' }) => Promise<{ address: string }[]>
}

/**
 * Asks getaddrinfo: hosts file, search domains, nsswitch.conf. No TTLs, and a name that does not exist cannot be told from one that
 * has no address: both are `nxdomain`. Node runs getaddrinfo on half of its thread pool, so few look-ups run at once, and the
 * process cannot exit before those have ended.
 */
export function createSystemResolver(options: SystemOptions = {}): Resolver {
  const timeoutMs = options.timeoutMs ?? 10_000
  const getaddrinfo: NonNullable<SystemOptions['lookup']> = options.lookup ?? lookup
  return {
    label: 'system',
    questionsPerLookup: 1,
    maxLookups: 4,
    async resolve(name, signal) {
      if (signal?.aborted) return CANCELLED
      const asked = settle(getaddrinfo(name, { all: true, order: 'verbatim' })).then(outcome =>
        outcome.kind === 'records' ? toAnswer(outcome.records, undefined) : outcome,
      )
      const timed = new Promise<Answer>(done => {
        const timer = setTimeout(done, timeoutMs, { kind: 'failed', reason: 'timeout', detail: 'getaddrinfo' })
        asked.finally(() => clearTimeout(timer))
      })
      const first = Promise.race([asked, timed])
      return signal === undefined ? first : untilAborted(first, signal)
    },
  }
}

const CANCELLED: Answer = { kind: 'failed', reason: 'cancelled', detail: 'cancelled' }

interface AddressRecord {
  readonly address: string
  readonly ttl?: number
}

type Outcome =
  | { readonly kind: 'records'; readonly records: readonly AddressRecord[] }
  | Exclude<Answer, { kind: 'addresses' }>

async function settle(asked: Promise<readonly AddressRecord[]>): Promise<Outcome> {
  try {
    return { kind: 'records', records: await asked }
  } catch (error) {
    return toOutcome(error)
  }
}

/** Codes of c-ares and, for getaddrinfo, of libuv (`EAI_*`). */
function toOutcome(error: unknown): Exclude<Answer, { kind: 'addresses' }> {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  switch (code) {
    case 'ENOTFOUND':
    case 'ENONAME':
      return { kind: 'nxdomain' }
    case 'ENODATA':
      return { kind: 'nodata' }
    default:
      return { kind: 'failed', reason: REASONS.get(code) ?? 'other', detail: code }
  }
}

const REASONS: ReadonlyMap<string, LookupFailure> = new Map([
  ['ESERVFAIL', 'servfail'],
  ['EAI_AGAIN', 'servfail'],
  ['EAI_FAIL', 'servfail'],
  ['ETIMEOUT', 'timeout'],
  ['EREFUSED', 'refused'],
  ['ENOTIMP', 'refused'],
  ['ECONNREFUSED', 'unreachable'],
  ['EBADRESP', 'malformed'],
  ['EFORMERR', 'malformed'],
  ['ECANCELLED', 'cancelled'],
  ['EDESTRUCTION', 'cancelled'],
])

/**
 * Addresses of either family outweigh what the other says, for some servers deny a name that has only the other family. The name
 * does not exist only when both say so; a failure outweighs a denial, because it may hide addresses.
 */
function joinFamilies(v4: Outcome, v6: Outcome): Answer {
  if (v4.kind === 'records' && v6.kind === 'records') return toAnswer([...v4.records, ...v6.records], undefined)
  if (v4.kind === 'records' && v4.records.length > 0) return toAnswer(v4.records, v6.kind === 'failed' ? 6 : undefined)
  if (v6.kind === 'records' && v6.records.length > 0) return toAnswer(v6.records, v4.kind === 'failed' ? 4 : undefined)
  if (v4.kind === 'failed') return v4
  if (v6.kind === 'failed') return v6
  return v4.kind === 'nxdomain' && v6.kind === 'nxdomain' ? v4 : { kind: 'nodata' }
}

function toAnswer(records: readonly AddressRecord[], failedFamily: 4 | 6 | undefined): Answer {
  const ttls = new Map<Ip, number | undefined>()
  let cut = 0
  for (const record of records) {
    const parsed = parseIp(record.address)
    if (parsed === undefined) continue
    const ip = unmapIp(parsed)
    const ttlSec = toTtl(record.ttl)
    if (ttls.has(ip)) {
      const known = ttls.get(ip)
      if (ttlSec !== undefined && (known === undefined || ttlSec < known)) ttls.set(ip, ttlSec)
    } else if (ttls.size < MAX_ADDRESSES_PER_ANSWER) {
      ttls.set(ip, ttlSec)
    } else {
      cut++
    }
  }
  if (ttls.size === 0) return { kind: 'nodata' }
  const addresses = Array.from(ttls, ([ip, ttlSec]) => (ttlSec === undefined ? { ip } : { ip, ttlSec }))
  return { kind: 'addresses', addresses, chain: [], cut, ...(failedFamily !== undefined && { failedFamily }) }
}

function toTtl(ttl: number | undefined): number | undefined {
  if (ttl === undefined || !Number.isFinite(ttl)) return undefined
  // RFC 2181 §8: a TTL with its top bit set is zero.
  return ttl < 0 || ttl > 0x7fffffff ? 0 : Math.min(Math.floor(ttl), MAX_TTL_SEC)
}

async function followAliases(name: string, channel: CaresChannel): Promise<string[]> {
  const chain: string[] = []
  let at = name
  while (chain.length < MAX_ALIASES) {
    const targets = await channel.resolveCname(at).catch((): string[] => [])
    const next = targets[0] === undefined ? undefined : normaliseDomain(targets[0])
    if (next === undefined || next === name || chain.includes(next)) break
    chain.push(next)
    at = next
  }
  return chain
}

function untilAborted(answer: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  return new Promise(done => {
    const abort = () => done(CANCELLED)
    signal.addEventListener('abort', abort, { once: true })
    answer.then(value => {
      signal.removeEventListener('abort', abort)
      done(value)
    })
  })
}
