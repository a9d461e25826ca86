import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { missingKey, notAllowed } from './config-findings.ts'
import type { ConfigSection } from './config-section.ts'

/** A list of domain names that rules name as they name their own lists, and that is never looked up. */
export interface NameListConfig {
  readonly name: string
  readonly file: string
  readonly format: 'auto' | 'plain' | 'hosts' | 'rpz'
  /** `subdomains`: a name stands for all below it, too. */
  readonly match: 'exact' | 'subdomains'
}

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
    format: section.oneOf('format', 'auto', ['auto', 'plain', 'hosts', 'rpz']),
    match: section.oneOf('match', 'exact', ['exact', 'subdomains']),
  }
  section.finish()
  const place = section.placeOf('name')!
  if (name === '') findings.push(missingKey(place, section.pathOf('name'), 'rules name the list by it'))
  else if (!LIST_NAME.test(name)) {
    findings.push(
      notAllowed(place, section.pathOf('name'), name, 'letters, digits, `_` and `-`, as in `threat_domains`'),
    )
  } else if (list.file === '') {
    findings.push(missingKey(section.placeOf('file')!, section.pathOf('file'), 'the names come from a file'))
  } else return list
  return undefined
}
