import { closestName } from '../diagnostics/closest-name.ts'
import type { Source } from '../diagnostics/source.ts'
import type { ConditionText } from './condition-text.ts'
import { appendText, scalarText, trimmedText } from './condition-text.ts'
import type { FieldLookup } from './field-lookup.ts'
import type { HintBudget } from './hint-budget.ts'
import type { FindingText, ItemPlace, LoadFinding } from './load-finding.ts'
import { findingAt } from './load-finding.ts'
import type {
  EngineVersionItem,
  ExceptionItem,
  ListItem,
  MacroItem,
  PluginRequirement,
  PluginVersionsItem,
  RuleItem,
  RuleItemDefinition,
  RuleItemSwitch,
  RuleItemUpdate,
  UnsoundRuleItem,
  Version,
} from './rule-items.ts'
import { formatVersion, isAtLeast, parseVersion, satisfiesVersion } from './rule-items.ts'
import { validateException } from './validate-exception.ts'
import type { YamlScalar } from './yaml/node.ts'

/** The version of the rules language that this loader implements. */
const ENGINE_VERSION: Version = { major: 0, minor: 62, patch: 0 }

/**
 * What all files loaded so far define together. Items are applied in the order of the files: a later definition replaces an earlier one
 * but keeps its position, so order of rules is order of first definition. `visibility` is the position of the last change: a macro sees
 * the macros whose own position comes before that.
 */
export interface CollectedList {
  readonly name: string
  readonly place: ItemPlace
  readonly index: number
  readonly visibility: number
  readonly items: readonly { readonly scalar: YamlScalar; readonly source: Source }[]
}

export interface CollectedMacro {
  readonly name: string
  readonly place: ItemPlace
  readonly conditionPlace: ItemPlace
  readonly index: number
  readonly visibility: number
  readonly condition: ConditionText
}

/** A rule as it stands after all changes. */
export interface CollectedRule {
  readonly name: string
  readonly place: ItemPlace
  readonly index: number
  readonly source: string
  readonly hasUnknownSource: boolean
  readonly condition: ConditionText
  readonly conditionPlace: ItemPlace
  readonly output: ConditionText
  readonly outputPlace: ItemPlace
  readonly desc: string
  readonly priority: number
  readonly enabled: boolean
  readonly capture: boolean
  readonly captureDurationMs: number
  readonly waitForNameMs?: number
  readonly warnEvttypes: boolean
  readonly skipIfUnknownFilter: boolean
  /** Sorted, each once. */
  readonly tags: readonly string[]
  readonly exceptions: readonly ExceptionItem[]
}

/** What is left of a rule that has an error elsewhere: none of it counts, all of it is checked. */
export interface UnsoundRule {
  readonly name: string
  readonly place: ItemPlace
  readonly condition?: ConditionText
  readonly conditionPlace?: ItemPlace
  readonly exceptions: readonly ExceptionItem[]
  readonly output?: ConditionText
  readonly outputPlace?: ItemPlace
  readonly skipIfUnknownFilter: boolean
}

export interface LoadedPlugin {
  readonly name: string
  readonly version: string
}

export interface CollectorOptions {
  readonly fields: FieldLookup
  readonly sources: readonly string[]
  /** Keys of ours are refused. */
  readonly isStrict?: boolean
  readonly hints: HintBudget
}

/** What grows while items are applied. Appending is common and may come by the thousand, so nothing is copied for it. */
type Growing<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] }
type GrowingException = Growing<ExceptionItem>
type GrowingRule = Growing<Omit<CollectedRule, 'exceptions'>> & {
  exceptions: GrowingException[]
  /** Of several with one name the first. */
  readonly exceptionsByName: Map<string, GrowingException>
}

/** Collects items into lists, macros and rules; findings come back from `apply`. */
export class RuleCollector {
  readonly #options: CollectorOptions
  readonly #lists = new Map<string, Growing<CollectedList>>()
  readonly #macros = new Map<string, Growing<CollectedMacro>>()
  readonly #rules = new Map<string, GrowingRule>()
  readonly #requirements: PluginVersionsItem[] = []
  #engineVersion: Version = { major: 0, minor: 0, patch: 0 }
  #nextIndex = 0
  #findings: LoadFinding[] = []
  #unsound: UnsoundRule[] = []
  #broken = new Set<string>()

  constructor(options: CollectorOptions) {
    this.#options = options
  }

  get lists(): ReadonlyMap<string, CollectedList> {
    return this.#lists
  }

  get macros(): ReadonlyMap<string, CollectedMacro> {
    return this.#macros
  }

  get rules(): ReadonlyMap<string, CollectedRule> {
    return this.#rules
  }

  /** The highest engine version that any file requires. */
  get requiredEngineVersion(): Version {
    return this.#engineVersion
  }

  get requiredPlugins(): readonly PluginVersionsItem[] {
    return this.#requirements
  }

  /** Rules of the file applied last that an error keeps out. */
  get unsound(): readonly UnsoundRule[] {
    return this.#unsound
  }

  /**
   * Applies the items of one file. Of names in `broken`, whose items have errors, nothing is said to be missing; those that get an error
   * here are added.
   */
  apply(items: readonly RuleItem[], broken: Set<string>): readonly LoadFinding[] {
    this.#findings = []
    this.#unsound = []
    this.#broken = broken
    for (const item of items) this.#applyItem(item)
    return this.#findings
  }

  #applyItem(item: RuleItem): void {
    switch (item.kind) {
      case 'engine-version':
        this.#requireEngine(item)
        break
      case 'plugin-versions':
        this.#requirePlugins(item)
        break
      case 'list':
        this.#applyList(item)
        break
      case 'macro':
        this.#applyMacro(item)
        break
      case 'rule':
        this.#defineRule(item)
        break
      case 'rule-append':
      case 'rule-replace':
        this.#updateRule(item)
        break
      case 'rule-switch':
        this.#switchRule(item)
        break
      case 'unsound-rule':
        this.#checkParts(item)
        break
      default:
        item satisfies never
    }
  }

  #add(place: ItemPlace, text: FindingText, at?: YamlScalar): void {
    this.#findings.push(findingAt(place, text, at === undefined ? undefined : { span: at }))
  }

  #requireEngine(item: EngineVersionItem): void {
    const { version, place, scalar } = item
    if (!satisfiesVersion(ENGINE_VERSION, version)) {
      const have = formatVersion(ENGINE_VERSION)
      this.#add(
        place,
        { code: 'E0211', message: `the rules need engine version ${formatVersion(version)}, this is ${have}` },
        scalar,
      )
    } else if (!isAtLeast(this.#engineVersion, version)) this.#engineVersion = version
  }

  #requirePlugins(item: PluginVersionsItem): void {
    const names = new Set<string>()
    for (const { name, version, scalar } of item.alternatives) {
      if (parseVersion(version) === undefined) {
        this.#add(
          item.place,
          {
            code: 'E0212',
            message: `the version \`${version}\` of plugin \`${name}\` does not have the form \`x.y.z\``,
          },
          scalar,
        )
        return
      }
      if (names.has(name)) {
        this.#add(item.place, { code: 'E0212', message: `plugin \`${name}\` twice in one requirement` }, scalar)
        return
      }
      names.add(name)
    }
    this.#requirements.push(item)
  }

  #missing(
    kind: string,
    item: { readonly name: string; readonly place: ItemPlace },
    what: string,
    names: Iterable<string>,
  ): void {
    if (this.#broken.has(item.name)) return
    const near = closestName(item.name, this.#options.hints.spend(names))
    this.#add(item.place, {
      code: 'E0214',
      message: `no ${kind} \`${item.name}\` before this item ${what}`,
      help:
        near !== undefined
          ? `did you mean \`${near}\`?`
          : `define the ${kind} first, in this file or one that is loaded before it`,
    })
  }

  #applyList(item: ListItem): void {
    const { name, place } = item
    const previous = this.#lists.get(name)
    if (item.isAppend && previous === undefined) {
      this.#missing('list', item, 'that appends to it', this.#lists.keys())
      return
    }
    const id = this.#nextIndex++
    const items = item.items.map(scalar => ({ scalar, source: place.source }))
    if (item.isAppend && previous !== undefined) {
      previous.visibility = id
      for (const added of items) previous.items.push(added)
    } else this.#lists.set(name, { name, place, index: previous?.index ?? id, visibility: id, items })
  }

  #applyMacro(item: MacroItem): void {
    const { name, place, conditionPlace } = item
    const previous = this.#macros.get(name)
    if (item.isAppend && previous === undefined) {
      this.#missing('macro', item, 'that appends to it', this.#macros.keys())
      return
    }
    const id = this.#nextIndex++
    const condition = scalarText(place.source, item.condition)
    if (item.isAppend && previous !== undefined) {
      previous.visibility = id
      previous.condition = appendText(previous.condition, condition)
    } else
      this.#macros.set(name, { name, place, conditionPlace, index: previous?.index ?? id, visibility: id, condition })
  }

  #defineRule(item: RuleItemDefinition): void {
    const { name, place } = item
    const previous = this.#rules.get(name)
    if (previous !== undefined && previous.source !== item.source) {
      this.#sourceChanged(item, previous, item.source, item.sourceScalar)
      this.#keepUnsound(item, { condition: item.condition })
      return
    }
    this.#refuseWait(item)
    const hasUnknownSource = !this.#options.sources.includes(item.source)
    if (hasUnknownSource) {
      const near = closestName(item.source, this.#options.sources)
      this.#add(
        place,
        {
          code: 'W0207',
          message: `unknown source \`${item.source}\`: rule \`${name}\` is left out`,
          help:
            near !== undefined
              ? `did you mean \`${near}\`?`
              : `sources are ${this.#options.sources.map(source => `\`${source}\``).join(', ')}`,
        },
        item.sourceScalar,
      )
    }
    const exceptions = this.#validate(item.exceptions, hasUnknownSource, 'define')
    if (exceptions === undefined) {
      this.#broken.add(name)
      this.#keepUnsound(item, { condition: item.condition })
      return
    }
    const file = place.source
    const rule: GrowingRule = {
      name,
      place,
      index: previous?.index ?? this.#nextIndex,
      source: item.source,
      hasUnknownSource,
      condition: scalarText(file, item.condition),
      conditionPlace: item.conditionPlace,
      // Only here: what later items append or replace is taken as it is.
      output: trimmedText(file, item.output),
      outputPlace: item.outputPlace,
      desc: item.desc,
      priority: item.priority,
      enabled: item.enabled,
      capture: item.capture,
      captureDurationMs: item.captureDurationMs,
      ...(item.waitForNameMs !== undefined && { waitForNameMs: item.waitForNameMs }),
      warnEvttypes: item.warnEvttypes,
      skipIfUnknownFilter: item.skipIfUnknownFilter,
      tags: sortedSet(item.tags),
      exceptions: [],
      exceptionsByName: new Map(),
    }
    for (const exception of exceptions) addException(rule, exception)
    this.#rules.set(name, rule)
    this.#nextIndex++
  }

  #sourceChanged(
    item: { readonly name: string; readonly place: ItemPlace },
    previous: CollectedRule,
    source: string,
    scalar: YamlScalar | undefined,
  ): void {
    this.#add(
      item.place,
      {
        code: 'E0216',
        message: `rule \`${item.name}\` has source \`${previous.source}\`, and here \`${source}\``,
        secondary: [{ source: previous.place.source, span: previous.place.span, text: 'first defined here' }],
        ...(scalar === undefined && { help: `add \`source: ${previous.source}\`` }),
      },
      scalar,
    )
  }

  /** The exceptions with their defaults filled in; undefined after an error. */
  #validate(
    exceptions: readonly ExceptionItem[],
    hasUnknownSource: boolean,
    mode: 'define' | 'append',
  ): readonly ExceptionItem[] | undefined {
    const valid: ExceptionItem[] = []
    for (const exception of exceptions) {
      const result = validateException(exception, mode, hasUnknownSource ? undefined : this.#options.fields)
      if (result.ok) valid.push(result.exception)
      else for (const finding of result.findings) this.#findings.push(finding)
    }
    return valid.length === exceptions.length ? valid : undefined
  }

  #updateRule(item: RuleItemUpdate): void {
    const previous = this.#rules.get(item.name)
    if (previous === undefined) {
      const what = item.kind === 'rule-append' ? 'that appends to it' : 'that replaces parts of it'
      this.#missing('rule', item, what, this.#rules.keys())
      return
    }
    const isEmpty = [
      item.condition,
      item.output,
      item.desc,
      item.tags,
      item.exceptions,
      item.priority,
      item.enabled,
      item.capture,
      item.captureDurationMs,
      item.waitForNameMs,
      item.warnEvttypes,
      item.skipIfUnknownFilter,
    ].every(part => part === undefined)
    if (isEmpty) {
      this.#add(item.place, {
        code: 'E0215',
        message: `nothing to append to rule \`${item.name}\``,
        help: 'give a `condition` or `exceptions`',
      })
      return
    }
    if (item.source !== undefined && item.source.value !== previous.source) {
      this.#sourceChanged(item, previous, item.source.value, item.source)
      return
    }
    this.#refuseWait(item)
    const isDone = item.kind === 'rule-append' ? this.#append(previous, item) : this.#replace(previous, item)
    if (isDone) this.#nextIndex++
    else
      this.#keepUnsound(item, { condition: item.condition, after: item.kind === 'rule-append' ? previous : undefined })
  }

  #refuseWait({ place, waitForNameMs }: RuleItemDefinition | RuleItemUpdate): void {
    if (waitForNameMs === undefined || this.#options.isStrict !== true) return
    const message = '`wait_for_name_ms` is not supported in strict mode'
    this.#add(place, { code: 'E0111', message, help: 'Falco 0.44 has no such key' })
  }

  #checkParts({ name, parts }: UnsoundRuleItem): void {
    const previous = this.#rules.get(name)
    if (parts.kind === 'rule-append') {
      // What it would be appended to may be missing.
      this.#keepUnsound(parts, { condition: previous && parts.condition, after: previous })
    } else {
      const exceptions = this.#validate(parts.exceptions ?? [], !this.#isKnownSource(parts), 'define')
      this.#keepUnsound(parts, { condition: parts.condition, exceptions })
    }
  }

  #isKnownSource({ name, source }: RuleItemDefinition | RuleItemUpdate): boolean {
    const given = typeof source === 'string' ? source : source?.value
    return this.#options.sources.includes(given ?? this.#rules.get(name)?.source ?? 'syscall')
  }

  /** Keeps what an item with an error says: its condition (behind that of the rule `after`), exceptions and output. */
  #keepUnsound(
    item: RuleItemDefinition | RuleItemUpdate,
    parts: {
      readonly condition: YamlScalar | undefined
      readonly after?: CollectedRule | undefined
      readonly exceptions?: readonly ExceptionItem[] | undefined
    },
  ): void {
    if (!this.#isKnownSource(item)) return
    const { name, place, output, conditionPlace, outputPlace } = item
    const { condition, after, exceptions } = parts
    const own = condition && scalarText(place.source, condition)
    this.#unsound.push({
      name,
      place,
      ...(own !== undefined && { condition: after === undefined ? own : appendText(after.condition, own) }),
      ...(conditionPlace !== undefined && { conditionPlace }),
      exceptions: exceptions ?? [],
      ...(output !== undefined && { output: scalarText(place.source, output) }),
      ...(outputPlace !== undefined && { outputPlace }),
      skipIfUnknownFilter: item.skipIfUnknownFilter ?? after?.skipIfUnknownFilter ?? false,
    })
  }

  #append(rule: GrowingRule, item: RuleItemUpdate): boolean {
    const file = item.place.source
    if (!this.#appendExceptions(rule, item.exceptions ?? [])) return false
    if (item.condition !== undefined) rule.condition = appendText(rule.condition, scalarText(file, item.condition))
    if (item.output !== undefined) rule.output = appendText(rule.output, scalarText(file, item.output))
    if (item.desc !== undefined) rule.desc = `${rule.desc} ${item.desc}`
    for (const tag of item.tags ?? []) insertSorted(rule.tags, tag)
    return true
  }

  #appendExceptions(rule: GrowingRule, added: readonly ExceptionItem[]): boolean {
    const before = this.#findings.length
    for (const exception of added) {
      const known = rule.exceptionsByName.get(exception.name)
      if (known === undefined) {
        const [valid] = this.#validate([exception], rule.hasUnknownSource, 'append') ?? []
        if (valid !== undefined) addException(rule, valid)
      } else if (exception.fields !== undefined || exception.comps !== undefined) {
        this.#add(exception.place, {
          code: 'E0217',
          message: `exception \`${exception.name}\` exists: only \`values\` can be appended to it`,
          help: `drop \`${exception.fields === undefined ? 'comps' : 'fields'}\`, or use another name`,
          secondary: [{ source: known.place.source, span: known.place.span, text: 'defined here' }],
        })
      } else for (const value of exception.values) known.values.push(value)
    }
    return this.#findings.length === before
  }

  #replace(rule: GrowingRule, item: RuleItemUpdate): boolean {
    const file = item.place.source
    const { condition, output, tags, exceptions } = item
    if (exceptions !== undefined) {
      const valid = this.#validate(exceptions, rule.hasUnknownSource, 'define')
      if (valid === undefined) return false
      rule.exceptions = []
      rule.exceptionsByName.clear()
      for (const exception of valid) addException(rule, exception)
    }
    if (condition !== undefined) rule.condition = scalarText(file, condition)
    if (output !== undefined) rule.output = scalarText(file, output)
    if (tags !== undefined) rule.tags = sortedSet(tags)
    rule.conditionPlace = item.conditionPlace ?? rule.conditionPlace
    rule.outputPlace = item.outputPlace ?? rule.outputPlace
    rule.desc = item.desc ?? rule.desc
    rule.priority = item.priority ?? rule.priority
    rule.enabled = item.enabled ?? rule.enabled
    rule.capture = item.capture ?? rule.capture
    rule.captureDurationMs = item.captureDurationMs ?? rule.captureDurationMs
    if (item.waitForNameMs !== undefined) rule.waitForNameMs = item.waitForNameMs
    rule.warnEvttypes = item.warnEvttypes ?? rule.warnEvttypes
    rule.skipIfUnknownFilter = item.skipIfUnknownFilter ?? rule.skipIfUnknownFilter
    return true
  }

  #switchRule(item: RuleItemSwitch): void {
    const previous = this.#rules.get(item.name)
    if (previous === undefined) this.#missing('rule', item, 'that switches it', this.#rules.keys())
    else previous.enabled = item.enabled
  }
}

/** In order of bytes, as a C++ set of strings. */
function sortedSet(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

function insertSorted(texts: string[], text: string): void {
  let low = 0
  let high = texts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (texts[middle]! < text) low = middle + 1
    else high = middle
  }
  if (texts[low] !== text) texts.splice(low, 0, text)
}

function addException(rule: GrowingRule, exception: ExceptionItem): void {
  const growing: GrowingException = { ...exception, values: [...exception.values] }
  rule.exceptions.push(growing)
  if (!rule.exceptionsByName.has(exception.name)) rule.exceptionsByName.set(exception.name, growing)
}

/** Checks that each requirement is met by a plugin that is loaded. */
export function checkPlugins(
  requirements: readonly PluginVersionsItem[],
  loaded: readonly LoadedPlugin[],
): readonly LoadFinding[] {
  const findings: LoadFinding[] = []
  for (const { alternatives, place } of requirements) {
    const problem = missingPlugin(alternatives, loaded)
    if (problem !== undefined) {
      findings.push(
        findingAt(place, { code: 'E0213', message: problem, help: 'load the plugin, or drop the requirement' }),
      )
    }
  }
  return findings
}

/** The first alternative that is loaded decides. */
function missingPlugin(
  alternatives: readonly PluginRequirement[],
  loaded: readonly LoadedPlugin[],
): string | undefined {
  for (const { name, version } of alternatives) {
    const plugin = loaded.find(each => each.name === name)
    if (plugin === undefined) continue
    const have = parseVersion(plugin.version)
    const want = parseVersion(version)
    if (have === undefined)
      return `plugin \`${name}\` has the version \`${plugin.version}\`, which is not of the form \`x.y.z\``
    if (want !== undefined && satisfiesVersion(have, want)) return undefined
    return `plugin \`${name}\` ${plugin.version} does not do for version ${version}`
  }
  const wanted = alternatives.map(({ name, version }) => `\`${name}\` (${version} or later)`).join(' or ')
  return `the rules need plugin ${wanted}, which is not loaded`
}
