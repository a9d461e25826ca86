import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { bothKeys, missingKey, notAllowed } from './config-findings.ts'
import type { ConfigSection } from './config-section.ts'
import { parseInterval } from './parse-interval.ts'

/** A list of domain names that rules name as they name their own lists, and that is never looked up. */
export interface NameListConfig {
  readonly name: string
  /** One of the two is ''. */
  readonly file: string
  /** http or https; user and password may be in it. */
  readonly url: string
  readonly format: 'auto' | 'plain' | 'hosts' | 'rpz'
  /** `subdomains`: a name stands for all below it, too. */
  readonly match: 'exact' | 'subdomains'
  /** How often a URL is asked for what is newer. */
  readonly refreshMs: number
}

const MIN_REFRESH_MS = 60_000
/** Timers cannot be longer than 24 days. */
const MAX_REFRESH_MS: number = 20 * 86_400_000
/** So many of them. */
const MAX_LISTS = 64
/** What no condition can take for anything else than one word. */
const LIST_NAME: RegExp = /^[A-Za-z_][A-Za-z0-9_-]*$/

/** Reads `domains.lists`; what is wrong becomes a finding, and that list is left out. */
export function readNameLists(domains: ConfigSection, findings: Diagnostic[]): readonly NameListConfig[] {
  const lists: NameListConfig[] = []
  for (const section of domains.sections('lists')) {
    const list = readNameList(section, findings)
    if (list === undefined) continue
    if (lists.some(other => other.name === list.name)) {
      findings.push(
        notAllowed(section.placeOf('name')!, section.pathOf('name'), list.name, 'another list has this name'),
      )
    } else if (lists.length === MAX_LISTS) {
      const why = `there are ${MAX_LISTS} lists already`
      findings.push(notAllowed(section.placeOf('name')!, section.pathOf('name'), list.name, why))
    } else lists.push(list)
  }
  return lists
}

function readNameList(section: ConfigSection, findings: Diagnostic[]): NameListConfig | undefined {
  const name = section.text('name', '')
  const list: NameListConfig = {
    name,
    file: section.text('file', ''),
    url: section.text('url', ''),
    format: section.oneOf('format', 'auto', ['auto', 'plain', 'hosts', 'rpz']),
    match: section.oneOf('match', 'exact', ['exact', 'subdomains']),
    refreshMs: readRefresh(section, findings),
  }
  section.finish()
  const place = section.placeOf('name')!
  if (name === '') findings.push(missingKey(place, section.pathOf('name'), 'rules name the list by it'))
  else if (!LIST_NAME.test(name)) {
    findings.push(
      notAllowed(place, section.pathOf('name'), name, 'letters, digits, `_` and `-`, as in `threat_domains`'),
    )
  } else if (list.file === '' && list.url === '') {
    findings.push(
      missingKey(section.placeOf('file')!, section.pathOf('file'), 'the names come from a `file` or a `url`'),
    )
  } else if (list.file !== '' && list.url !== '') {
    findings.push(bothKeys(section.keyPlaceOf('url')!, 'url', 'file', section.keyPlaceOf('file')!))
  } else if (list.url !== '' && !isWebAddress(list.url)) {
    // It may hold a password.
    findings.push(notAllowed(section.placeOf('url')!, section.pathOf('url'), '…', 'not an http or https address'))
  } else return list
  return undefined
}

function readRefresh(section: ConfigSection, findings: Diagnostic[]): number {
  const text = section.text('refresh', '1h')
  const ms = parseInterval(text)
  if (ms !== undefined && ms >= MIN_REFRESH_MS && ms <= MAX_REFRESH_MS) return ms
  const why = ms === undefined ? 'not a duration such as `1h` or `30m`' : 'from 1 minute to 20 days'
  findings.push(notAllowed(section.placeOf('refresh')!, section.pathOf('refresh'), text, why))
  return 3_600_000
}

function isWebAddress(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:')
}
