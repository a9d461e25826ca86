/** Alerts as JSON lines, ours or Falco's, read back: what of them says which connection was judged, and why. */
import type { AddressEvidence } from '../engine/alert.ts'
import { parseIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'

export interface ParsedAlert {
  readonly rule: string
  /** '' where it has none. */
  readonly output: string
  /** Nanoseconds since the epoch. */
  readonly tsNs: bigint
  readonly fields: ReadonlyMap<string, unknown>
  /** Its member `names`, checked; absent: it has none. */
  readonly names?: readonly AddressEvidence[]
}

export type AlertParse =
  | { readonly ok: true; readonly alert: ParsedAlert }
  | { readonly ok: false; readonly message: string; readonly help?: string }

const TIME: RegExp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/

/** One line. Never throws. */
export function parseAlert(line: string): AlertParse {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    const help = 'alerts are JSON with `json_output: true` or `--json`'
    return { ok: false, message: 'it is not JSON', help }
  }
  if (!isObject(value)) return { ok: false, message: 'it is JSON, but no object' }
  const { rule, time, output, output_fields: fields, names } = value
  if (typeof rule !== 'string' || rule === '') return { ok: false, message: 'it has no `rule`, so it is no alert' }
  if (value['source'] === 'internal')
    return { ok: false, message: `\`${rule}\` is news of the agent itself, not of a rule` }
  const tsNs = typeof time === 'string' ? parseTimeNs(time) : undefined
  if (tsNs === undefined) return { ok: false, message: 'its `time` is no time such as 2026-05-04T10:00:00.5Z' }
  if (names !== undefined && !isEvidence(names)) {
    return { ok: false, message: 'its `names` is not what docs/alert-names.schema.json says' }
  }
  return {
    ok: true,
    alert: {
      rule,
      tsNs,
      output: typeof output === 'string' ? output : '',
      fields: new Map(isObject(fields) ? Object.entries(fields) : []),
      ...(names !== undefined && { names }),
    },
  }
}

/** The addresses that the alert's own fields tell, by letter of the end: `fd.sip`, or both of `fd.name`. */
export function addressesOf({ fields }: ParsedAlert): ReadonlyMap<string, Ip> {
  const found = new Map<string, Ip>()
  const add = (end: string, text: unknown): void => {
    const ip = typeof text === 'string' ? parseIp(text) : undefined
    if (ip !== undefined && !found.has(end)) found.set(end, ip)
  }
  for (const end of ['c', 's', 'l', 'r']) add(end, fields.get(`fd.${end}ip`))
  const tuple = /^(.+):\d+->(.+):\d+$/.exec(String(fields.get('fd.name') ?? ''))
  add('c', tuple?.[1])
  add('s', tuple?.[2])
  return found
}

function parseTimeNs(text: string): bigint | undefined {
  const [, seconds, fraction = ''] = TIME.exec(text) ?? []
  const ms = Date.parse(`${seconds}Z`)
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}

type Members = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isListOf(value: unknown, isItem: (item: Members) => boolean): boolean {
  return Array.isArray(value) && value.length <= 100 && value.every(item => isObject(item) && isItem(item))
}

/** Members are what they should be where they are; others are passed over. */
function fits(
  value: Members,
  types: Readonly<Record<string, 'string' | 'number' | 'boolean'>>,
  needed: string[],
): boolean {
  for (const [key, type] of Object.entries(types)) {
    if (value[key] === undefined ? needed.includes(key) : typeof value[key] !== type) return false
  }
  return true
}

const PARTY = {
  pid: 'number',
  netns: 'number',
  process: 'string',
  container: 'string',
  resolver: 'string',
  name: 'string',
} as const

function isEvidence(value: unknown): value is readonly AddressEvidence[] {
  return isListOf(value, end => {
    if (!fits(end, { field: 'string', address: 'string', decided_by: 'string', more: 'number' }, ['field']))
      return false
    return isListOf(end['known'], isNameProof) && isMiss(end['reason']) && isListOf(end['checks'], isCheckProof)
  })
}

function isNameProof(value: Members): boolean {
  const types = {
    ...PARTY,
    evidence: 'string',
    seen: 'string',
    age_ms: 'number',
    ttl: 'number',
    until: 'string',
  } as const
  const flags = { stale: 'boolean', untrusted: 'boolean', overflow: 'boolean' } as const
  const { chain } = value
  const isChain = chain === undefined || (Array.isArray(chain) && chain.every(name => typeof name === 'string'))
  return isChain && fits(value, { ...types, ...flags }, ['name', 'evidence'])
}

function isCheckProof(value: Members): boolean {
  return (
    fits(value, { check: 'string', holds: 'boolean', name: 'string' }, ['check', 'holds']) && isMiss(value['reason'])
  )
}

function isMiss(value: unknown): boolean {
  if (value === undefined) return true
  return isObject(value) && fits(value, { ...PARTY, kind: 'string', text: 'string', ms: 'number' }, ['kind', 'text'])
}
