/**
 * What was learnt as a rule file: for each workload a list of the names it used, a list of the addresses that had none, and a rule that
 * alerts on everything else. Valid for Falco too. Everything that comes from outside is quoted; what cannot be is left out, and said so.
 */
import { counted } from '../values/counted.ts'
import { normaliseDomain } from '../values/domain-name.ts'
import { renderIp } from '../values/ip.ts'
import { printable } from '../values/socket-text.ts'
import { renderText, toByteText } from '../values/text.ts'
import type { ByteText } from '../values/value.ts'
import { foldNames } from './fold-names.ts'
import {
  LEARNED_CONNECTIONS,
  type ScopeCheck,
  type Sightings,
  type Workload,
  type WorkloadScope,
} from './learn-names.ts'

export interface RenderOptions {
  /** From what, in a few words: `capture.scap`, `this machine`. */
  readonly from: string
  readonly firstMs: number
  readonly lastMs: number
  readonly connections: number
  /** What the user asked to look at only; '' for all. It is checked before. */
  readonly condition: string
  /** How the one workload is called that the condition is; only when all is one. */
  readonly name?: string
  /** No `*.` patterns: Falco knows none. */
  readonly noPatterns?: boolean
}

export interface RenderedRules {
  readonly text: string
  readonly rules: number
  readonly names: number
  readonly addresses: number
  /** Workloads whose name no rule can spell, readable. */
  readonly refused: readonly string[]
}

const MACRO = 'learned_connection'
const OUTPUT =
  'Connection outside what was learnt (name=%fd.sip.name address=%fd.sip port=%fd.sport command=%proc.cmdline program=%proc.exepath container=%container.name)'

/** The same connections make the same text. */
export function renderLearned(workloads: readonly Workload[], options: RenderOptions): RenderedRules {
  const refused: string[] = []
  const slugs = new Set<string>()
  const titles = new Set<string>()
  const entries: string[] = []
  let names = 0
  let addresses = 0
  const sorted = workloads
    .map(workload => ({ workload, label: labelOf(workload.scope, options) }))
    .sort((a, b) => compareText(a.label, b.label) || compareText(a.workload.scope.kind, b.workload.scope.kind))
  for (const { workload, label } of sorted) {
    const scope = scopeText(workload.scope)
    if (scope === undefined) {
      refused.push(label)
      continue
    }
    const slug = freshSlug(label, slugs)
    const plain = `Connection outside what ${readable(label)} used`
    const title = titles.has(plain) ? `${plain} (${slug})` : plain
    titles.add(title)
    entries.push(renderWorkload(workload, { label, slug, title, scope }, options))
    names += workload.names.size
    addresses += workload.addresses.size
  }
  const head = [
    `# Learnt from ${printable(options.from)}: ${counted(options.connections, 'connection')} of ${counted(workloads.length, 'workload')}${spanText(options)}.`,
    '# Review before use: what was reached while this was learnt is not alerted on, whoever made the connection.',
    ...(options.condition === '' ? [] : [`# Only what this condition takes: ${printable(options.condition)}`]),
    ...refused.map(label => `# Left out, as no rule can spell its name: ${printable(label)}`),
  ]
  const macro = [
    '',
    '# Connections out of the machine, made or under way, but for those to servers of DNS.',
    `- macro: ${MACRO}`,
    '  condition: >',
    `    ${LEARNED_CONNECTIONS}`,
  ]
  return {
    text: `${[...head, ...macro].join('\n')}\n${entries.join('')}`,
    rules: entries.length,
    names,
    addresses,
    refused,
  }
}

/** How one entry is called. */
interface EntryWords {
  readonly label: string
  readonly slug: string
  readonly title: string
  /** The condition that the workload alone fulfils; '' for all. */
  readonly scope: string
}

function renderWorkload(workload: Workload, words: EntryWords, options: RenderOptions): string {
  const { label, slug, title, scope } = words
  const namesList = `trusted_domains_${slug}`
  const addressesList = `trusted_addresses_${slug}`
  const lines = ['', `# ${'-'.repeat(70)} ${printable(label)}`]
  const checks: string[] = [MACRO]
  if (scope !== '') checks.push(scope)
  if (options.condition !== '') checks.push(`(${options.condition.replace(/\s*[\r\n]\s*/g, ' ')})`)
  if (workload.leftOut > 0)
    lines.push(`# ${counted(workload.leftOut, 'connection')} more went to names that are not listed: too many`)
  if (workload.names.size > 0) {
    lines.push(`- list: ${namesList}`, '  items:', ...nameItems(workload.names, options.noPatterns === true))
    checks.push(`not fd.sip.name in (${namesList})`)
  }
  if (workload.addresses.size > 0) {
    lines.push('# No name beyond doubt was known of these when they were reached. Who else is behind them?')
    lines.push(`- list: ${addressesList}`, '  items:', ...addressItems(workload))
    checks.push(`not fd.sip in (${addressesList})`)
  }
  lines.push(
    `- rule: ${JSON.stringify(title)}`,
    `  desc: ${JSON.stringify(`${readable(label)} connects to what it did not connect to while it was watched.`)}`,
    '  condition: >',
    ...checks.map((check, i) => `    ${i === 0 ? '' : 'and '}${check}`),
    `  output: ${OUTPUT}`,
    '  priority: NOTICE',
    '  tags: [network, learned]',
  )
  return `${lines.join('\n')}\n`
}

/** One item a line, with a comment above it. */
function nameItems(names: ReadonlyMap<string, Sightings>, noPatterns: boolean): string[] {
  const folded = noPatterns ? [] : foldNames(names.keys())
  const patternOf = new Map(folded.flatMap(({ pattern, names: alike }) => alike.map(name => [name, pattern] as const)))
  const items = new Map<string, string[]>()
  for (const [name, seen] of names) {
    // Names come from answers of servers, and have been checked; this is where a mistake would be a hole.
    if (normaliseDomain(name) !== name || patternOf.has(name)) continue
    items.set(name, [`    # ${sightingsText(seen)}`, `    - ${JSON.stringify(name)}`])
  }
  for (const { pattern, names: alike } of folded) {
    const few = alike.slice(0, 3).join(', ')
    const seen = mergeSightings(alike.map(name => names.get(name)!))
    const parent = pattern.slice(2)
    items.set(parent, [
      ...(items.get(parent) ?? []),
      `    # ${counted(alike.length, 'host')} that rotate, such as ${few}; stands for every name below ${parent}`,
      `    # ${sightingsText(seen)}`,
      `    - ${JSON.stringify(pattern)}`,
    ])
  }
  return [...items].sort(([a], [b]) => compareText(a, b)).flatMap(([, lines]) => lines)
}

function addressItems({ addresses }: Workload): string[] {
  return [...addresses]
    .map(([ip, seen]) => ({ text: renderIp(ip), seen, isV6: typeof ip !== 'number' }))
    .sort((a, b) => Number(a.isV6) - Number(b.isV6) || compareText(a.text, b.text))
    .flatMap(({ text, seen }) => {
      const claims = [...seen.claims].sort()
      const said = claims.length === 0 ? '' : `; said to be ${claims.join(', ')}, in doubt`
      return [`    # ${sightingsText(seen)}${said}`, `    - '"${text}"'`]
    })
}

function mergeSightings(all: readonly Sightings[]): Sightings {
  const union = <T>(pick: (seen: Sightings) => Set<T>): Set<T> => new Set(all.flatMap(seen => [...pick(seen)]))
  return {
    count: all.reduce((sum, { count }) => sum + count, 0),
    firstMs: Math.min(...all.map(seen => seen.firstMs)),
    lastMs: Math.max(...all.map(seen => seen.lastMs)),
    programs: union(seen => seen.programs),
    ports: union(seen => seen.ports),
    evidence: union(seen => seen.evidence),
    claims: union(seen => seen.claims),
  }
}

function sightingsText({ count, firstMs, lastMs, programs, ports, evidence }: Sightings): string {
  const [first, last] = [timeText(firstMs), timeText(lastMs)]
  const when = first === last ? first : `${first} to ${last}`
  const parts = [
    counted(count, 'connection'),
    when,
    `port ${[...ports].sort((a, b) => a - b).join(', ')}`,
    `by ${[...programs].sort().map(printable).join(', ')}`,
    ...(evidence.size === 0 ? [] : [[...evidence].sort().join(', ')]),
  ]
  return parts.join('; ')
}

function labelOf(scope: WorkloadScope, { name }: RenderOptions): string {
  return scope.kind === 'all' ? (name ?? 'all that was watched') : renderText(scope.label)
}

/** What a person reads in a rule's name: one line, no control characters. */
function readable(label: string): string {
  return printable(label).slice(0, 120)
}

/** The checks as a condition says them; undefined when a value cannot be spelled. */
function scopeText({ checks }: WorkloadScope): string | undefined {
  const parts: string[] = []
  for (const check of checks) {
    const text = checkText(check)
    if (text === undefined) return undefined
    parts.push(text)
  }
  return parts.join(' and ')
}

function checkText({ field, op, value, isNegated }: ScopeCheck): string | undefined {
  const not = isNegated ? 'not ' : ''
  if (value === undefined) return `${not}${field} ${op}`
  const quoted = quoteValue(value)
  return quoted === undefined ? undefined : `${not}${field} ${op} ${quoted}`
}

const CONTROL: RegExp = /[\0-\x1f\x7f-\x9f\u2028\u2029\ufeff]/

/**
 * A value between quotes, as conditions spell it; undefined for control characters, bytes that are no text, and a backslash at the end: it
 * would take the quote.
 */
export function quoteValue(value: ByteText): string | undefined {
  const text = renderText(value)
  if (value === '' || value.length > 1024 || toByteText(text) !== value || CONTROL.test(text)) return undefined
  if (text.endsWith('\\')) return undefined
  if (!text.includes('\\')) {
    if (!text.includes('"')) return `"${text}"`
    if (!text.includes("'")) return `'${text}'`
  }
  return `"${text.replace(/[\\"]/g, c => `\\${c}`)}"`
}

/** Part of the names of lists: letters, digits, `_`; each once. */
function freshSlug(label: string, taken: Set<string>): string {
  const base =
    label
      .slice(label.lastIndexOf('/') + 1)
      .replace(/[^A-Za-z0-9]+/g, '_')
      .replace(/^_+|_+$/g, '')
      .slice(0, 40)
      .toLowerCase() || 'workload'
  for (let i = 1; ; i++) {
    const slug = i === 1 ? base : `${base}_${i}`
    if (taken.has(slug)) continue
    taken.add(slug)
    return slug
  }
}

function spanText({ firstMs, lastMs }: RenderOptions): string {
  if (!Number.isFinite(firstMs)) return ''
  const [first, last] = [timeText(firstMs), timeText(lastMs)]
  return `, ${first === last ? first : `${first} to ${last}`} UTC`
}

function timeText(ms: number): string {
  return new Date(Math.round(ms)).toISOString().slice(0, 19).replace('T', ' ')
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
