import { renderSpan } from '../domains/explain-address.ts'
import type { AddressEvidence, NameProof } from '../engine/alert.ts'
import { escapeControls } from '../outputs/format-alert.ts'
import type { ParsedAlert } from './parse-alert.ts'

/** An alert and its evidence in plain words. Text of the alert cannot move the cursor. */
export function renderWhy(alert: ParsedAlert, names: readonly AddressEvidence[], note?: string): string {
  const lines = [alert.rule]
  if (alert.output !== '') lines.push(`  ${alert.output}`)
  if (note !== undefined) lines.push(`  note: ${note}`)
  for (const end of names) lines.push('', ...endLines(end))
  return `${lines.map(escapeControls).join('\n')}\n`
}

function endLines({ field, address, known, more, reason, decided_by, checks }: AddressEvidence): string[] {
  if (address === undefined) return [`${field}: the event has no such address, so no check of it holds`]
  const lines = [`${field} of ${address}`]
  for (const proof of known) lines.push(`  ${proof.name}: ${proofText(proof)}`)
  if (more !== undefined) lines.push(`  … and ${more} more`)
  if (known.length === 0) lines.push(`  no name${reason === undefined ? '' : `: ${reason.text}`}`)
  else lines.push(`  ${DECIDES.get(decided_by ?? '') ?? `${decided_by} decides`}`)
  for (const check of checks) {
    const verdict = check.holds ? 'holds' : 'does not hold'
    const why = check.name === undefined ? check.reason?.text : `it is ${check.name}`
    lines.push(`  ${check.check}`, `    ${verdict}${why === undefined ? '' : `: ${why}`}`)
  }
  return lines
}

const DECIDES: ReadonlyMap<string, string> = new Map([
  ['process', 'this decides, as the process saw it itself'],
  ['parent', 'this decides, as the process that it was forked from saw it, and the process saw nothing'],
  ['container', 'this decides, as its container or network namespace saw it and the process saw nothing'],
  ['host', 'this decides, as others on the host saw it, and the process and its container saw nothing'],
  ['agent', 'this decides, as no workload was seen to look the address up'],
  ['claimed', 'the client alone says so: it counts, but excuses nothing'],
  ['untrusted', 'servers alone say so that are not trusted: it counts, but excuses nothing'],
])

function proofText(proof: NameProof): string {
  const { evidence, resolver, ttl, chain, age_ms, stale, untrusted, overflow } = proof
  const age = age_ms === undefined ? '' : ` ${renderSpan(age_ms)} before`
  const server = resolver === undefined ? '' : ` of ${resolver}`
  const details = [
    ...(ttl === undefined ? [] : [`TTL ${ttl} s`]),
    ...(chain === undefined || chain.length === 0 ? [] : [`through ${chain.join(', ')}`]),
    ...(untrusted === true ? ['not trusted'] : []),
    ...(stale === true ? ['stale: the last attempt to look it up again failed'] : []),
    ...(overflow === true ? ['others may be missing'] : []),
  ]
  const what = words(evidence, server, partyText(proof), age)
  return details.length === 0 ? what : `${what} (${details.join('; ')})`
}

function words(evidence: string, server: string, who: string, age: string): string {
  switch (evidence) {
    case 'observed':
      return `an answer${server} to ${who}${age}`
    case 'sni':
      return `${who} named it in its TLS handshake${age}, and an answer agrees`
    case 'host':
      return `${who} named it in its HTTP request${age}, and an answer agrees`
    case 'hosts':
      return 'a hosts file says so'
    case 'resolved':
      return `the agent looked it up${age}${server === '' ? '' : `, an answer${server}`}`
    case 'literal':
      return 'the name is the address in text'
    case 'claimed':
      return `${who} says so itself${age}, and nothing else does`
    default:
      return `${evidence}${server}${age}`
  }
}

function partyText({ pid, process, container, netns }: NameProof): string {
  const where = container === undefined ? '' : ` in ${container}`
  if (pid === undefined) {
    if (container !== undefined) return `container ${container}`
    return netns === undefined ? 'the host, or a process that has ended' : `network namespace ${netns}`
  }
  return `${process ?? 'process'} (${pid})${where}`
}
