import type { Source } from '../diagnostics/source.ts'
import type { ItemPlace } from './load-finding.ts'
import type { YamlScalar } from './yaml/node.ts'
import { priorityNames } from '../values/priority-names.ts'

/** What the items of a rules file say, before it is known what earlier items they change. */
export type RuleItem =
  | EngineVersionItem
  | PluginVersionsItem
  | ListItem
  | MacroItem
  | RuleItemDefinition
  | RuleItemUpdate
  | RuleItemSwitch
  | UnsoundRuleItem

/** A version `x.y.z`; what follows the third number is ignored. */
export interface Version {
  readonly major: number
  readonly minor: number
  readonly patch: number
}

export interface EngineVersionItem {
  readonly kind: 'engine-version'
  readonly version: Version
  readonly place: ItemPlace
  readonly scalar: YamlScalar
}

export interface PluginRequirement {
  readonly name: string
  readonly version: string
  readonly scalar: YamlScalar
}

/** One of the plugins will do. */
export interface PluginVersionsItem {
  readonly kind: 'plugin-versions'
  readonly alternatives: readonly PluginRequirement[]
  readonly place: ItemPlace
}

export interface ListItem {
  readonly kind: 'list'
  readonly name: string
  readonly items: readonly YamlScalar[]
  readonly isAppend: boolean
  readonly place: ItemPlace
}

export interface MacroItem {
  readonly kind: 'macro'
  readonly name: string
  readonly condition: YamlScalar
  readonly conditionPlace: ItemPlace
  readonly isAppend: boolean
  readonly place: ItemPlace
}

/** `fields`, `comps` or a value of an exception: a scalar, or a list of any depth. */
export type ExceptionEntry =
  /** `scalar` is absent for what is neither scalar nor list, which counts as an empty text. */
  | { readonly kind: 'scalar'; readonly text: string; readonly scalar?: YamlScalar; readonly source?: Source }
  | { readonly kind: 'list'; readonly items: readonly ExceptionEntry[]; readonly start: number; readonly end: number }

export interface ExceptionItem {
  readonly name: string
  readonly place: ItemPlace
  /** Absent when not given or empty. */
  readonly fields?: ExceptionEntry
  readonly comps?: ExceptionEntry
  readonly values: readonly ExceptionEntry[]
}

export interface RuleItemDefinition {
  readonly kind: 'rule'
  readonly name: string
  readonly place: ItemPlace
  readonly condition: YamlScalar
  readonly conditionPlace: ItemPlace
  readonly output: YamlScalar
  readonly outputPlace: ItemPlace
  readonly desc: string
  /** 0 Emergency … 7 Debug. */
  readonly priority: number
  readonly source: string
  readonly sourceScalar?: YamlScalar
  readonly enabled: boolean
  readonly capture: boolean
  readonly captureDurationMs: number
  /** How long its verdict may wait for the name of an address; absent: as long as the configuration says. */
  readonly waitForNameMs?: number
  readonly warnEvttypes: boolean
  readonly skipIfUnknownFilter: boolean
  readonly tags: readonly string[]
  readonly exceptions: readonly ExceptionItem[]
}

/** A rule with an error in it: it defines and changes nothing, but what it says is checked all the same. */
export interface UnsoundRuleItem {
  readonly kind: 'unsound-rule'
  readonly name: string
  readonly place: ItemPlace
  /** What could be read; a condition that is appended has to be seen behind that of the earlier item. */
  readonly parts: RuleItemUpdate
}

/** Appends to, or replaces, parts of an earlier rule: what is absent stays. */
export interface RuleItemUpdate {
  readonly kind: 'rule-append' | 'rule-replace'
  readonly name: string
  readonly place: ItemPlace
  readonly condition?: YamlScalar
  readonly conditionPlace?: ItemPlace
  readonly output?: YamlScalar
  readonly outputPlace?: ItemPlace
  readonly desc?: string
  readonly priority?: number
  /** Given without effect, except that it must not differ. */
  readonly source?: YamlScalar
  readonly enabled?: boolean
  readonly capture?: boolean
  readonly captureDurationMs?: number
  readonly waitForNameMs?: number
  readonly warnEvttypes?: boolean
  readonly skipIfUnknownFilter?: boolean
  readonly tags?: readonly string[]
  readonly exceptions?: readonly ExceptionItem[]
}

/** Switches an earlier rule on or off. */
export interface RuleItemSwitch {
  readonly kind: 'rule-switch'
  readonly name: string
  readonly enabled: boolean
  readonly place: ItemPlace
}

/** Reads `x.y.z` as C's `sscanf` does: what follows is ignored. */
export function parseVersion(text: string): Version | undefined {
  const match = /^\s*\+?(\d{1,10})\.\s*\+?(\d{1,10})\.\s*\+?(\d{1,10})/.exec(text)
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) }
}

export function formatVersion(version: Version): string {
  return `${version.major}.${version.minor}.${version.patch}`
}

/** Whether `version` is `required` or later. */
export function isAtLeast(version: Version, required: Version): boolean {
  if (version.major !== required.major) return version.major > required.major
  if (version.minor !== required.minor) return version.minor > required.minor
  return version.patch >= required.patch
}

/** Whether what has `version` does for what needs `required`: the same major version, and not older. */
export function satisfiesVersion(version: Version, required: Version): boolean {
  return version.major === required.major && isAtLeast(version, required)
}

/** The number of a priority written in any case; `info` is `informational`. */
export function parsePriority(text: string): number | undefined {
  const wanted = text.toLowerCase()
  if (wanted === 'info') return 6
  const priority = priorityNames.findIndex(name => name.toLowerCase() === wanted)
  return priority === -1 ? undefined : priority
}
