import {
  type AddressExplanation,
  type LevelName,
  partyOf,
  type ProcessNames,
  renderMiss,
  renderParty,
  renderSpan,
} from '../domains/explain-address.ts'
import type { AlertGroup } from '../agent/count-alerts.ts'
import type { BindingView } from '../domains/binding-view.ts'
import { renderIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'

/** A connection and why its address has the names that it has. */
export interface ExplainedConnection {
  readonly atMs: number
  readonly pid: number
  readonly containerId: string
  readonly ip: Ip
  readonly port: number
  readonly explanation: AddressExplanation
}

const MAX_SHOWN = 20
/** Of a column of a table. */
const MAX_WIDTH = 40

/** A table: each name once, the one with most addresses of a name first where names are alike. */
export function renderNameList(bindings: readonly BindingView[], processes: ProcessNames): string {
  const rows = [...Map.groupBy(bindings, binding => binding.name)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, own]) => {
      const ips = new Set(own.map(binding => binding.ip))
      const evidence = [...new Set(own.map(binding => binding.evidence))].join(', ')
      const owners = [...new Set(own.map(binding => ownerText(binding, processes)))]
      const last = Math.max(...own.map(binding => binding.lastSeenMs))
      const more = owners.length > 3 ? ` and ${owners.length - 3} more` : ''
      const few = [...ips].slice(0, 3).map(renderIp).join(' ')
      return [
        name,
        ips.size > 3 ? `${few} … (${ips.size})` : few,
        evidence,
        timeText(last).slice(0, 19),
        owners.slice(0, 3).join(', ') + more,
      ]
    })
  return renderColumns([['NAME', 'ADDRESSES', 'KNOWN BY', 'LAST SEEN', 'BY'], ...rows])
}

/** What is known of one name or address, and the connections to it. */
export function renderExplanation(
  subject: string,
  bindings: readonly BindingView[],
  connections: readonly ExplainedConnection[],
  processes: ProcessNames,
): string {
  const lines: string[] = [subject]
  if (bindings.length === 0) lines.push('  nothing is known of it')
  for (const binding of bindings.slice(0, MAX_SHOWN)) lines.push(...bindingLines(binding, processes))
  if (bindings.length > MAX_SHOWN) lines.push(`  … and ${bindings.length - MAX_SHOWN} more`)
  lines.push('', connections.length === 0 ? 'no connections' : 'connections')
  for (const connection of connections.slice(0, MAX_SHOWN)) lines.push(connectionLine(connection, processes))
  if (connections.length > MAX_SHOWN) lines.push(`  … and ${connections.length - MAX_SHOWN} more`)
  return `${lines.join('\n')}\n`
}

/** A table of what would have alerted; '' when nothing would. */
export function renderAlertGroups(groups: readonly AlertGroup[]): string {
  if (groups.length === 0) return ''
  const rows = groups.map(({ rule, name, address, port, count, firstMs, lastMs, programs }) => [
    String(count),
    name === '' ? address : `${name} (${address})`,
    port,
    timeText(firstMs).slice(0, 19),
    timeText(lastMs).slice(0, 19),
    [...programs].join(', '),
    rule,
  ])
  return renderColumns([['TIMES', 'TO', 'PORT', 'FIRST', 'LAST', 'BY', 'RULE'], ...rows])
}

function bindingLines(binding: BindingView, processes: ProcessNames): string[] {
  const { name, ip, evidence, fromMs, untilMs, ttlSec, resolver, chain } = binding
  const details = [
    `by ${ownerText(binding, processes)}`,
    ...(resolver === undefined ? [] : [`from ${resolver}`]),
    ...(ttlSec === undefined ? [] : [`TTL ${ttlSec} s`]),
    ...(chain.length === 0 ? [] : [`through ${chain.join(', ')}`]),
    ...(binding.stale ? ['stale'] : []),
    ...(binding.untrusted ? ['not trusted'] : []),
    ...(binding.overflow ? ['others may be missing'] : []),
  ]
  return [
    `  ${name} = ${renderIp(ip)}: ${evidence}, ${details.join(', ')}`,
    `    holds from ${timeText(fromMs)} to ${timeText(untilMs)}`,
  ]
}

const LEVEL_TEXT: Readonly<Record<LevelName, string>> = {
  process: 'it looked the name up itself',
  parent: 'the process that it was forked from looked the name up',
  container: 'its container or network namespace looked the name up',
  host: 'the host looked the name up',
  agent: 'no workload was seen to look it up',
  claimed: 'the client says so, and nothing else',
  untrusted: 'only a server that is not trusted says so',
}

function connectionLine(connection: ExplainedConnection, processes: ProcessNames): string {
  const { atMs, pid, containerId, ip, port, explanation } = connection
  const who = renderParty({ pid, containerId }, processes)
  const head = `  ${timeText(atMs)}  ${who} to ${renderIp(ip)} port ${port}\n    `
  if (explanation.kind === 'unnamed') return `${head}no name; ${renderMiss(explanation.reason, processes)}`
  const { bindings, level } = explanation
  const names = [...new Set(bindings.map(binding => binding.name))]
  const best = bindings[0]!
  const age = best.lastSeenMs > 0 ? `, ${renderSpan(Math.max(0, atMs - best.lastSeenMs))} before` : ''
  const few = `${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''}`
  return `${head}${few} (${best.evidence}${age}; ${LEVEL_TEXT[level]})`
}

function ownerText(binding: BindingView, processes: ProcessNames): string {
  return renderParty(partyOf(binding), processes)
}

/** UTC. */
function timeText(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return 'no end in sight'
  if (ms <= 0) return 'ever'
  return new Date(Math.round(ms)).toISOString().replace('T', ' ').slice(0, 23)
}

/** Columns as wide as their cells, but for a few long ones, which push what follows in their row aside. */
function renderColumns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => {
    const lengths = rows.map(row => row[column]!.length)
    return Math.max(...lengths.filter(length => length <= MAX_WIDTH))
  })
  return rows
    .map(
      row =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
