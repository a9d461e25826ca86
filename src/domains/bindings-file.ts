/**
 * Bindings as lines of JSON, so that a capture can be replayed with the names of its time and no network:
 * `{"name":"shop.example","address":"192.0.2.1","evidence":"observed","from":"2026-05-04T10:00:00Z","ttl":30,"pid":812}`.
 * Times are judged at the time of each event, never at the time of reading.
 */
import { createReadStream } from 'node:fs'
import { normaliseDomain } from '../values/domain-name.ts'
import { parseIp, renderIp, unmapIp } from '../values/ip.ts'
import type { BindingFact, Evidence } from './binding.ts'
import type { NameIndex } from './name-index.ts'

/** What is wrong with a line, counted from 1. Lower case, no full stop. */
export interface BindingError {
  readonly line: number
  readonly message: string
}

export interface BindingsOutcome {
  /** Lines taken in. */
  readonly bindings: number
  /** Bindings whose address nobody should believe; see `isSuspectAnswer`. */
  readonly notBelieved: number
  /** The first of the lines that say nothing, and how many there are in all. The others were taken in. */
  readonly errors: readonly BindingError[]
  readonly errorCount: number
  /** Why the file could not be read, or not further. */
  readonly failure?: string
}

export type ParsedBinding =
  | { readonly ok: true; readonly fact: BindingFact }
  | { readonly ok: false; readonly message: string }

const MAX_LINE_LENGTH = 65_536
const MAX_ERRORS = 100
const MAX_CHAIN = 16
const KEYS: readonly string[] = [
  'name',
  'address',
  'evidence',
  'from',
  'to',
  'seen',
  'ttl',
  'resolver',
  'pid',
  'container',
  'chain',
  'stale',
  'untrusted',
  'netns',
  'mntns',
]
const FILE_EVIDENCE: readonly string[] = ['sni', 'host', 'observed', 'hosts', 'resolved', 'claimed']

/**
 * Reads the file into the index; lines that are wrong are left out and told. Constant memory but for the index. Bindings are kept when
 * they end, because a replay asks at past times.
 */
export async function loadBindingsFile(path: string, index: NameIndex): Promise<BindingsOutcome> {
  const errors: BindingError[] = []
  let errorCount = 0
  let bindings = 0
  let notBelieved = 0
  let line = 0
  const take = (text: string | undefined): void => {
    line++
    if (text !== undefined && (text.trim() === '' || isFrame(text))) return
    const parsed: ParsedBinding =
      text === undefined ? { ok: false, message: `longer than ${MAX_LINE_LENGTH} characters` } : parseBinding(text)
    if (!parsed.ok) {
      errorCount++
      if (errors.length < MAX_ERRORS) errors.push({ line, message: parsed.message })
    } else if (index.learn(parsed.fact, parsed.fact.seenMs ?? parsed.fact.fromMs ?? 0, { keep: true })) {
      bindings++
    } else {
      notBelieved++
    }
  }
  let failure: string | undefined
  try {
    await eachLine(path, take)
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
  }
  return { bindings, notBelieved, errors, errorCount, ...(failure !== undefined && { failure }) }
}

/** What saved names (`saved-names.ts`) have around their bindings, so that what an agent saved can be looked at as it is. */
function isFrame(line: string): boolean {
  return line.startsWith('{"tiercel_names":') || line.startsWith('{"starts":')
}

/** Calls `take` with each line, or with undefined for one that is too long. Rejects when the file cannot be read. */
async function eachLine(path: string, take: (line: string | undefined) => void): Promise<void> {
  let rest = ''
  let isTooLong = false
  let isLongFrame = false
  const end = (line: string): void => {
    if (!isLongFrame) take(isTooLong || line.length > MAX_LINE_LENGTH ? undefined : line)
    isTooLong = false
    isLongFrame = false
  }
  for await (const piece of createReadStream(path, { encoding: 'utf8' })) {
    const text: string = rest + piece
    let start = 0
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', start)) {
      end(text.slice(start, at))
      start = at + 1
    }
    rest = text.slice(start)
    if (rest.length > MAX_LINE_LENGTH) {
      if (!isTooLong) isLongFrame = isFrame(rest)
      isTooLong = true
      rest = ''
    }
  }
  if (rest !== '' || isTooLong) end(rest)
}

/** One line of a bindings file. Never throws. */
export function parseBinding(text: string): ParsedBinding {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return wrong('not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong('not a JSON object')
  const line = new Map<string, unknown>(Object.entries(value))
  for (const key of line.keys()) {
    if (!KEYS.includes(key)) return wrong(`unknown key ${quote(key)}; known are ${KEYS.join(', ')}`)
  }

  const nameText = line.get('name')
  const name = typeof nameText === 'string' ? normaliseDomain(nameText) : undefined
  if (name === undefined) return wrong(`\`name\` ${quote(nameText)} is no domain name`)
  const addressText = line.get('address')
  const ip = typeof addressText === 'string' ? parseIp(addressText) : undefined
  if (ip === undefined) return wrong(`\`address\` ${quote(addressText)} is no IP address`)
  const evidence = line.get('evidence') ?? 'resolved'
  if (!isFileEvidence(evidence)) return wrong(`\`evidence\` ${quote(evidence)} is none of ${FILE_EVIDENCE.join(', ')}`)

  const from = line.get('from') === undefined ? undefined : parseTimeMs(line.get('from'))
  if (from !== undefined && typeof from !== 'number') return wrong(`\`from\` ${from.message}`)
  const toText = line.get('to')
  const to = toText === undefined ? undefined : toText === null ? Number.POSITIVE_INFINITY : parseTimeMs(toText)
  if (to !== undefined && typeof to !== 'number') return wrong(`\`to\` ${to.message}`)
  if (to !== undefined && to <= (from ?? Number.NEGATIVE_INFINITY)) return wrong('`to` is not after `from`')
  const seen = line.get('seen') === undefined ? undefined : parseTimeMs(line.get('seen'))
  if (seen !== undefined && typeof seen !== 'number') return wrong(`\`seen\` ${seen.message}`)

  const ttl = line.get('ttl')
  if (ttl !== undefined && !isWhole(ttl, 0, 0x7fffffff)) return wrong(`\`ttl\` ${quote(ttl)} is no number of seconds`)
  const pid = line.get('pid')
  if (pid !== undefined && !isWhole(pid, 1, 0x7fffffff)) return wrong(`\`pid\` ${quote(pid)} is no process id`)
  const container = line.get('container')
  if (container !== undefined && typeof container !== 'string')
    return wrong(`\`container\` ${quote(container)} is no text`)
  const resolver = line.get('resolver')
  if (resolver !== undefined && typeof resolver !== 'string') return wrong(`\`resolver\` ${quote(resolver)} is no text`)
  const stale = line.get('stale')
  if (stale !== undefined && typeof stale !== 'boolean')
    return wrong(`\`stale\` ${quote(stale)} is neither true nor false`)
  const untrusted = line.get('untrusted')
  if (untrusted !== undefined && typeof untrusted !== 'boolean')
    return wrong(`\`untrusted\` ${quote(untrusted)} is neither true nor false`)
  const chain = parseChain(line.get('chain') ?? [])
  if (chain === undefined) return wrong(`\`chain\` is no list of at most ${MAX_CHAIN} domain names`)

  for (const key of ['netns', 'mntns']) {
    const value = line.get(key)
    if (value !== undefined && !isWhole(value, 0, 0xffffffff))
      return wrong(`\`${key}\` ${quote(value)} is no number of a namespace`)
  }
  const [netns, mntns] = [line.get('netns') as number | undefined, line.get('mntns') as number | undefined]

  const owner = {
    ...(pid !== undefined && { pid }),
    ...(container !== undefined && container !== '' && { containerId: container.slice(0, 12) }),
    ...(netns !== undefined && netns !== 0 && { netns }),
    ...(mntns !== undefined && { mntns }),
  }
  return {
    ok: true,
    fact: {
      name,
      ip: unmapIp(ip),
      evidence,
      ...(Object.keys(owner).length > 0 && { owner }),
      ...(from !== undefined && { fromMs: from }),
      ...(to !== undefined && { untilMs: to }),
      ...(seen !== undefined && { seenMs: seen }),
      ...(ttl !== undefined && { ttlSec: ttl }),
      ...(resolver !== undefined && { resolver }),
      ...(chain.length > 0 && { chain }),
      ...(stale === true && { stale }),
      ...(untrusted === true && { untrusted }),
    },
  }
}

/** One line, without its end. `parseBinding` gives the same fact again, its times within a microsecond. */
export function renderBinding(fact: BindingFact): string {
  const { owner } = fact
  return JSON.stringify({
    name: fact.name,
    address: renderIp(fact.ip),
    evidence: fact.evidence,
    from: fact.fromMs === undefined || fact.fromMs === Number.NEGATIVE_INFINITY ? undefined : renderTime(fact.fromMs),
    to:
      fact.untilMs === undefined
        ? undefined
        : fact.untilMs === Number.POSITIVE_INFINITY
          ? null
          : renderTime(fact.untilMs),
    seen: fact.seenMs === undefined ? undefined : renderTime(fact.seenMs),
    ttl: fact.ttlSec,
    resolver: fact.resolver,
    pid: owner?.pid,
    container: owner?.containerId === '' ? undefined : owner?.containerId,
    netns: owner?.netns === 0 ? undefined : owner?.netns,
    mntns: owner?.mntns,
    chain: fact.chain,
    stale: fact.stale === true ? true : undefined,
    untrusted: fact.untrusted === true ? true : undefined,
  })
}

function wrong(message: string): ParsedBinding {
  return { ok: false, message }
}

function isFileEvidence(value: unknown): value is Evidence {
  return typeof value === 'string' && FILE_EVIDENCE.includes(value)
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
}

function parseChain(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_CHAIN) return undefined
  const names: string[] = []
  for (const item of value) {
    const name = typeof item === 'string' ? normaliseDomain(item) : undefined
    if (name === undefined) return undefined
    names.push(name)
  }
  return names
}

const ISO_TIME: RegExp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/
const DIGITS: RegExp = /^\d{1,19}$/
/** 1973 in ns. Whatever is smaller is a time in another unit. */
const MIN_TIME_NS = 10n ** 17n

/** Nanoseconds since the epoch, as a number or in digits, or ISO 8601 with a zone. Rounded as `timeOf` rounds the times of events. */
export function parseTimeMs(value: unknown): number | { readonly message: string } {
  let ns: bigint
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 63) ns = BigInt(value)
  else if (typeof value === 'string' && DIGITS.test(value)) ns = BigInt(value)
  else {
    const match = typeof value === 'string' ? ISO_TIME.exec(value) : null
    const ms = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`)
    if (match === null || Number.isNaN(ms)) {
      return {
        message: `${quote(value)} is neither nanoseconds since the epoch nor a time like 2026-05-04T10:00:00.5Z`,
      }
    }
    ns = BigInt(ms) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'))
  }
  if (ns !== 0n && ns < MIN_TIME_NS)
    return { message: `${quote(value)} is before 1973; numbers are nanoseconds since the epoch` }
  return Number(ns) / 1e6
}

/** ISO 8601 in UTC, to the microsecond; `parseTimeMs` gives it again. */
export function renderTime(timeMs: number): string {
  const wholeMs = Math.floor(timeMs)
  const ns = Math.round((timeMs - wholeMs) * 1e6)
  const iso = new Date(wholeMs).toISOString()
  return ns === 0 || ns === 1_000_000 ? iso : `${iso.slice(0, -1)}${String(ns).padStart(6, '0')}Z`
}

function quote(value: unknown): string {
  if (value === undefined) return 'that is missing'
  // A list may be nested too deep to be printed.
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'that is a list' : 'that is an object'
  const text = String(value)
  return `\`${text.length > 60 ? `${text.slice(0, 60)}…` : text}\``
}
