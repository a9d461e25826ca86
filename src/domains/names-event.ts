/**
 * What a recording knows of names that no packet in it tells: what was known when it began, hosts files, the recorder's own look-ups. It
 * rides in captures as async events, which Falco and sysdig pass over: name `tiercel_names`, data lines of JSON, each a binding as in a
 * bindings file or news of a look-up (`{"update":"nxdomain","name":"shop.example","at":"2026-05-04T10:00:00Z"}`).
 */
import { paramText } from '../events/decode-record.ts'
import { encodeEvent, le, withNul } from '../events/encode-event.ts'
import type { EventRecord } from '../events/event-record.ts'
import { ASYNC_EVENT } from '../events/own-event.ts'
import { normaliseDomain } from '../values/domain-name.ts'
import { parseIp, renderIp, unmapIp } from '../values/ip.ts'
import { type BindingFact, MAX_ADDRESSES_PER_ANSWER, MAX_ALIASES, MAX_TTL_SEC } from './binding.ts'
import { parseBinding, parseTimeMs, renderBinding, renderTime } from './bindings-file.ts'
import type { NameIndex } from './name-index.ts'
import type { NameUpdate } from './name-update.ts'
import type { LookupFailure, ResolvedAddress } from './resolver.ts'

const NAME = 'tiercel_names'
const NAME_PARAM = 1
const DATA_PARAM = 2
/** libscap reads no events above 64 KiB from blocks of the plain type. */
const MAX_DATA_BYTES = 48 * 1024
/** tid of an event that no thread made, as libscap's own have it. */
const NO_THREAD = -1

/** Whether it is one of these events. */
export function holdsNames(rec: EventRecord): boolean {
  return rec.type === ASYNC_EVENT && paramText(rec, NAME_PARAM) === NAME
}

/** The bytes of events that say all of this; at least one, so that a recording is known as such even where nothing is known of names. */
export function* encodeNames(items: Iterable<BindingFact | NameUpdate>, tsNs: bigint): Generator<Buffer, void> {
  let lines: string[] = []
  let size = 0
  let isFirst = true
  for (const item of items) {
    const line = 'kind' in item ? renderUpdate(item) : renderBinding(item)
    const bytes = Buffer.byteLength(line, 'utf8') + 1
    if (bytes > MAX_DATA_BYTES) continue
    if (size + bytes > MAX_DATA_BYTES) {
      yield encodeLines(lines, tsNs)
      isFirst = false
      lines = []
      size = 0
    }
    lines.push(line)
    size += bytes
  }
  if (lines.length > 0 || isFirst) yield encodeLines(lines, tsNs)
}

function encodeLines(lines: readonly string[], tsNs: bigint): Buffer {
  const data = Buffer.from(lines.map(line => `${line}\n`).join(''), 'utf8')
  return encodeEvent(ASYNC_EVENT, [le(4, 0), withNul(NAME), data], { ts: tsNs, tid: NO_THREAD })
}

/** Takes in what the event says; how many of its lines say nothing. */
export function learnNames(rec: EventRecord, index: NameIndex): number {
  if (rec.paramCount <= DATA_PARAM) return 0
  const start = rec.paramAt[DATA_PARAM]!
  const text = rec.bytes.toString('utf8', start, start + rec.paramLen[DATA_PARAM]!)
  const atMs = Number(rec.tsNs) / 1e6
  let wrong = 0
  for (const line of text.split('\n')) {
    if (line === '') continue
    if (line.startsWith('{"update"')) {
      const update = parseUpdate(line)
      if (update === undefined) wrong++
      else index.apply(update)
      continue
    }
    const parsed = parseBinding(line)
    if (parsed.ok) index.learn(parsed.fact, parsed.fact.seenMs ?? parsed.fact.fromMs ?? atMs)
    else wrong++
  }
  return wrong
}

const FAILURES: ReadonlySet<string> = new Set<LookupFailure>([
  'servfail',
  'timeout',
  'refused',
  'unreachable',
  'malformed',
  'cancelled',
  'other',
])

/** One line, without its end. `parseUpdate` gives the same again, its time within a microsecond. */
export function renderUpdate(update: NameUpdate): string {
  const { kind, name } = update
  const head = { update: kind, name, at: renderTime(update.atMs) }
  switch (kind) {
    case 'addresses':
      return JSON.stringify({
        ...head,
        resolver: update.resolver,
        addresses: update.addresses.map(({ ip, ttlSec }) => ({ address: renderIp(ip), ttl: ttlSec })),
        chain: update.chain.length === 0 ? undefined : update.chain,
        cut: update.cut === 0 ? undefined : update.cut,
        failed_family: update.failedFamily,
      })
    case 'failed':
      return JSON.stringify({ ...head, reason: update.reason })
    case 'nxdomain':
    case 'nodata':
    case 'dropped':
      return JSON.stringify(head)
    default:
      update satisfies never
      throw new Error('unreachable: kind of update')
  }
}

/** News of a look-up from a line of JSON; undefined when it is none. Never throws. */
export function parseUpdate(text: string): NameUpdate | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const line = new Map<string, unknown>(Object.entries(value))
  const kind = line.get('update')
  const name = domainOf(line.get('name'))
  const atMs = parseTimeMs(line.get('at'))
  if (name === undefined || typeof atMs !== 'number') return undefined
  switch (kind) {
    case 'addresses':
      return parseAddresses(line, name, atMs)
    case 'failed': {
      const reason = line.get('reason')
      return typeof reason === 'string' && FAILURES.has(reason)
        ? { kind, name, atMs, reason: reason as LookupFailure }
        : undefined
    }
    case 'nxdomain':
    case 'nodata':
    case 'dropped':
      return { kind, name, atMs }
    default:
      return undefined
  }
}

function parseAddresses(line: ReadonlyMap<string, unknown>, name: string, atMs: number): NameUpdate | undefined {
  const resolver = line.get('resolver')
  const items = line.get('addresses')
  const aliases = line.get('chain') ?? []
  const cut = line.get('cut') ?? 0
  const failedFamily = line.get('failed_family')
  if (typeof resolver !== 'string' || !isWhole(cut, 0x7fffffff)) return undefined
  if (failedFamily !== undefined && failedFamily !== 4 && failedFamily !== 6) return undefined
  if (!Array.isArray(items) || items.length > MAX_ADDRESSES_PER_ANSWER) return undefined
  if (!Array.isArray(aliases) || aliases.length > MAX_ALIASES) return undefined
  const addresses: ResolvedAddress[] = []
  for (const item of items as unknown[]) {
    const { address, ttl } = (item ?? {}) as Readonly<Record<'address' | 'ttl', unknown>>
    const ip = typeof address === 'string' ? parseIp(address) : undefined
    if (ip === undefined || (ttl !== undefined && !isWhole(ttl, MAX_TTL_SEC))) return undefined
    addresses.push({ ip: unmapIp(ip), ...(ttl !== undefined && { ttlSec: ttl }) })
  }
  const chain: string[] = []
  for (const item of aliases as unknown[]) {
    const alias = domainOf(item)
    if (alias === undefined) return undefined
    chain.push(alias)
  }
  return { kind: 'addresses', name, atMs, resolver, addresses, chain, cut, ...(failedFamily && { failedFamily }) }
}

function domainOf(value: unknown): string | undefined {
  return typeof value === 'string' ? normaliseDomain(value) : undefined
}

function isWhole(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
}
