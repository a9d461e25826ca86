import { closestName } from '../diagnostics/closest-name.ts'
import type { Source } from '../diagnostics/source.ts'
import type { ItemPlace, LoadFinding } from './load-finding.ts'
import { filePlace, findingAt, isError, placeIn } from './load-finding.ts'
import { ReadContext, describePlace } from './read-context.ts'
import { readExceptions } from './read-exceptions.ts'
import type { ExceptionItem, PluginRequirement, RuleItem, RuleItemUpdate } from './rule-items.ts'
import { parsePriority, parseVersion } from './rule-items.ts'
import { decodeUint32 } from './yaml/decode-scalar.ts'
import type { YamlMap, YamlNode, YamlScalar } from './yaml/node.ts'
import { lookupKey, lookupPair } from './yaml/node.ts'
import { parseYamlDocuments } from './yaml/parse-documents.ts'
import { priorityNames } from '../values/priority-names.ts'

/**
 * Text of a rules file → typed items. What Falco accepts is accepted and what it refuses is refused, with its kind of finding; but
 * reading goes on after an error, so that all findings of a file come at once. An item with an error is left out, and its name kept:
 * that `evil_ports` is unknown is no news where its definition is broken.
 */
export interface RulesFileContent {
  readonly source: Source
  readonly items: readonly RuleItem[]
  readonly findings: readonly LoadFinding[]
  /** Names of lists, macros and rules with items that could not be read. */
  readonly broken: ReadonlySet<string>
  /** Whether reading stopped before the end, so that any name may be missing. */
  readonly isPartial: boolean
}

/** What an item is, is what it has one of these keys for. */
const ITEM_KEYS: readonly string[] = ['rule', 'macro', 'list', 'required_engine_version', 'required_plugin_versions']

const LIST_KEYS: ReadonlySet<string> = new Set(['list', 'items', 'append', 'override'])
const MACRO_KEYS: ReadonlySet<string> = new Set(['macro', 'condition', 'append', 'override'])
const RULE_KEYS: ReadonlySet<string> = new Set([
  'rule',
  'condition',
  'output',
  'desc',
  'priority',
  'source',
  'enabled',
  'capture',
  'capture_duration',
  'warn_evttypes',
  'skip-if-unknown-filter',
  'tags',
  'exceptions',
  'append',
  'override',
  // Ours: Falco warns of it and goes on.
  'wait_for_name_ms',
])

/** Keys of a rule that `override` can append to, in the order in which they are read. */
const APPENDABLE: readonly string[] = ['condition', 'exceptions', 'output', 'desc', 'tags']
const REPLACEABLE: readonly string[] = [
  'condition',
  'exceptions',
  'output',
  'desc',
  'tags',
  'priority',
  'capture',
  'capture_duration',
  'enabled',
  'warn_evttypes',
  'skip-if-unknown-filter',
  'wait_for_name_ms',
]

const IDENTIFIER = /^[a-zA-Z]+[a-zA-Z0-9_]*$/
const BARE_STRING = /^[^()"'\s=,]+$/

/** Reads one file; bounded in time and memory, whatever the text. */
export function readRulesFile(source: Source): RulesFileContent {
  return new RulesFileReader(source).read()
}

class RulesFileReader {
  readonly #source: Source
  readonly #root: ItemPlace
  readonly #items: RuleItem[] = []
  readonly #broken = new Set<string>()
  #context: ReadContext

  constructor(source: Source) {
    this.#source = source
    this.#root = filePlace(source)
    this.#context = new ReadContext(source, 0)
  }

  read(): RulesFileContent {
    const { documents, error, nodeCount } = parseYamlDocuments(this.#source.text)
    this.#context = new ReadContext(this.#source, nodeCount)
    for (const document of documents) this.#readDocument(document)
    if (error !== undefined) {
      const span = { start: error.at, end: Math.min(error.at + 1, this.#source.text.length) }
      this.#context.findings.push(
        findingAt(placeIn(this.#root, 'value for', '', span), {
          code: 'E0202',
          message: error.message,
          ...(error.help !== undefined && { help: error.help }),
        }),
      )
    }
    return {
      source: this.#source,
      items: this.#items,
      findings: this.#context.findings,
      broken: this.#broken,
      isPartial: error !== undefined,
    }
  }

  #readDocument(document: YamlNode): void {
    if (document.kind === 'null') return
    if (document.kind !== 'sequence') {
      const isMap = document.kind === 'map'
      this.#context.add(
        this.#root,
        {
          code: 'E0203',
          message: `the file holds ${isMap ? 'a mapping' : 'plain text'}, not a list of rules`,
          help: isMap
            ? 'begin each item with `- `; a configuration file is no rules file'
            : 'begin each item with `- `',
        },
        document,
      )
      return
    }
    for (const item of document.items) {
      if (item.kind === 'null') continue
      if (!this.#context.spend(this.#root)) return
      const before = this.#context.findings.length
      this.#readItem(item)
      if (this.#context.findings.slice(before).some(isError)) this.#noteBroken(item)
    }
  }

  #noteBroken(item: YamlNode): void {
    if (item.kind !== 'map') return
    for (const key of ['list', 'macro', 'rule']) {
      const name = lookupKey(item, key)
      if (name?.kind === 'scalar') this.#broken.add(name.value)
    }
  }

  #readItem(item: YamlNode): void {
    if (item.kind !== 'map') {
      this.#context.add(placeIn(this.#root, 'rules content item', '', item), {
        code: 'E0203',
        message: `an item of a rules file is a mapping, not ${item.kind === 'sequence' ? 'a list' : 'plain text'}`,
        help: 'write `- rule: …`, `- macro: …` or `- list: …`',
      })
      return
    }
    if (lookupPair(item, 'required_engine_version') !== undefined) this.#readEngineVersion(item)
    else if (lookupPair(item, 'required_plugin_versions') !== undefined) this.#readPluginVersions(item)
    else if (lookupPair(item, 'list') !== undefined) this.#readList(item)
    else if (lookupPair(item, 'macro') !== undefined) this.#readMacro(item)
    else if (lookupPair(item, 'rule') !== undefined) this.#readRule(item)
    else this.#unknownItem(item)
  }

  #unknownItem(item: YamlMap): void {
    const first = item.pairs[0]?.key
    const key = first?.kind === 'scalar' ? first.value : ''
    const near = closestName(key, ITEM_KEYS)
    this.#context.add(
      placeIn(this.#root, 'rules content item', '', item),
      {
        code: 'W0202',
        message: key === '' ? 'unknown item, ignored' : `unknown item that begins with \`${key}\`, ignored`,
        ...(near !== undefined && { help: `did you mean \`${near}\`?` }),
      },
      first,
    )
  }

  #unknownKeys(item: YamlMap, kind: string, known: ReadonlySet<string>, place: ItemPlace): void {
    for (const { key, value } of item.pairs) {
      const name = key.kind === 'scalar' ? key.value : ''
      if (key.kind === 'scalar' && known.has(name)) continue
      const first = /^(\w+)\s/.exec(name)?.[1] ?? ''
      const near = closestName(name, known)
      let help = near === undefined ? undefined : `did you mean \`${near}\`?`
      if (ITEM_KEYS.includes(name)) help = `is \`- \` missing before \`${name}\`?`
      else if (value.kind === 'null' && known.has(first)) help = `is \`:\` missing after \`${first}\`?`
      this.#context.add(
        placeIn(place, 'value for', name, key),
        {
          code: 'W0201',
          message: `unknown key \`${name}\` in ${describePlace(place)}, ignored`,
          label: `a ${kind} has no such key`,
          ...(help !== undefined && { help }),
        },
        key,
      )
    }
  }

  #readEngineVersion(item: YamlMap): void {
    const place = placeIn(this.#root, 'required_engine_version', '', item)
    const scalar = this.#context.requireScalar(item, 'required_engine_version', place)
    if (scalar === undefined) return
    const minor = decodeUint32(scalar.value)
    const version = minor === undefined ? parseVersion(scalar.value) : { major: 0, minor, patch: 0 }
    if (version === undefined) {
      this.#context.add(
        place,
        {
          code: 'E0210',
          message: `the engine version \`${scalar.value}\` is neither a whole number nor of the form \`x.y.z\``,
        },
        scalar,
      )
      return
    }
    this.#items.push({ kind: 'engine-version', version, place, scalar })
  }

  #readPluginVersions(item: YamlMap): void {
    const value = lookupKey(item, 'required_plugin_versions')!
    const place = placeIn(this.#root, 'required plugin versions', '', value)
    if (value.kind !== 'sequence') {
      this.#context.add(place, {
        code: 'E0206',
        message: '`required_plugin_versions` takes a list',
        help: 'write `- name: …` and `version: …` under it',
      })
      return
    }
    for (const plugin of value.items) {
      if (!this.#context.spend(place)) return
      const entry = placeIn(place, 'required plugin versions entry', '', plugin)
      const first = this.#readRequirement(plugin, entry)
      if (first === undefined) continue
      const named = placeIn(place, 'required plugin versions entry', first.name, plugin)
      const alternatives = this.#readAlternatives(plugin as YamlMap, named)
      if (alternatives === undefined) continue
      this.#items.push({ kind: 'plugin-versions', alternatives: [first, ...alternatives], place: named })
    }
  }

  #readRequirement(node: YamlNode, place: ItemPlace): PluginRequirement | undefined {
    if (node.kind !== 'map') {
      return this.#context.add(place, {
        code: 'E0206',
        message: 'a required plugin is a mapping with `name` and `version`',
      })
    }
    const name = this.#context.requireScalar(node, 'name', place)
    const version = this.#context.requireScalar(node, 'version', place)
    if (name === undefined || version === undefined) return undefined
    return { name: name.value, version: version.value, scalar: version }
  }

  #readAlternatives(plugin: YamlMap, place: ItemPlace): PluginRequirement[] | undefined {
    const node = lookupKey(plugin, 'alternatives')
    if (node === undefined) return []
    if (node.kind !== 'sequence') {
      return this.#context.add(place, { code: 'E0206', message: '`alternatives` takes a list of plugins' }, node)
    }
    const alternatives: PluginRequirement[] = []
    for (const item of node.items) {
      if (!this.#context.spend(place)) return undefined
      const read = this.#readRequirement(item, placeIn(place, 'required plugin versions alternative', '', item))
      if (read === undefined) return undefined
      alternatives.push(read)
    }
    return alternatives
  }

  /** The name under `key`, and the place that bears it. */
  #readName(
    item: YamlMap,
    key: 'list' | 'macro' | 'rule',
  ): { readonly name: YamlScalar; readonly place: ItemPlace } | undefined {
    const name = this.#context.requireScalar(item, key, placeIn(this.#root, key, '', item))
    return name && { name, place: placeIn(this.#root, key, name.value, item) }
  }

  #readAppend(item: YamlMap, place: ItemPlace): boolean | undefined {
    const isAppend = this.#context.bool(item, 'append', false, place)
    if (isAppend === true) {
      this.#context.add(
        place,
        {
          code: 'W0203',
          message: '`append: true` is deprecated',
          help: 'say what is appended, as in `override: {condition: append}`',
        },
        lookupPair(item, 'append')!.key,
      )
    }
    return isAppend
  }

  #readList(item: YamlMap): void {
    const named = this.#readName(item, 'list')
    if (named === undefined) return
    const { name, place } = named
    if (!BARE_STRING.test(name.value)) {
      this.#context.add(
        place,
        {
          code: 'W0214',
          message: `the list name \`${name.value}\` has characters that no name in a condition can have`,
          help: 'use letters, digits and underscores',
        },
        name,
      )
    }
    this.#unknownKeys(item, 'list', LIST_KEYS, place)
    const items = this.#context.scalars(item, 'items', place)
    if (items === 'absent') {
      this.#context.add(place, {
        code: 'E0204',
        message: `${describePlace(place)} has no key \`items\``,
        label: '`items` is missing',
      })
    }
    const isAppend = this.#readAppend(item, place)
    const overrides = this.#readOverrides(item, ['items'], ['items'], place)
    if (items === undefined || items === 'absent' || isAppend === undefined || overrides === undefined) return
    if (isAppend && this.#refuseBoth(overrides, item, place)) return
    this.#items.push({
      kind: 'list',
      name: name.value,
      items,
      isAppend: isAppend || overrides.append.has('items'),
      place,
    })
  }

  #readMacro(item: YamlMap): void {
    const named = this.#readName(item, 'macro')
    if (named === undefined) return
    const { name, place } = named
    if (!IDENTIFIER.test(name.value)) {
      this.#context.add(
        place,
        {
          code: 'W0213',
          message: `no condition can use a macro named \`${name.value}\``,
          help: 'use letters, digits and underscores, and begin with a letter',
        },
        name,
      )
    }
    this.#unknownKeys(item, 'macro', MACRO_KEYS, place)
    const condition = this.#context.requireScalar(item, 'condition', place)
    const isAppend = this.#readAppend(item, place)
    const overrides = this.#readOverrides(item, ['condition'], ['condition'], place)
    if (condition === undefined || isAppend === undefined || overrides === undefined) return
    if (isAppend && this.#refuseBoth(overrides, item, place)) return
    const conditionPlace = placeIn(place, 'macro condition', '', condition)
    const appends = isAppend || overrides.append.has('condition')
    this.#items.push({ kind: 'macro', name: name.value, condition, conditionPlace, isAppend: appends, place })
  }

  #refuseBoth(overrides: Overrides, item: YamlMap, place: ItemPlace): boolean {
    if (overrides.append.size === 0 && overrides.replace.size === 0) return false
    this.#context.add(
      place,
      {
        code: 'E0209',
        message: '`override` and `append: true` together',
        help: 'drop `append: true` and name each key under `override`',
      },
      lookupPair(item, 'append')!.key,
    )
    return true
  }

  #readOverrides(
    item: YamlMap,
    appendable: readonly string[],
    replaceable: readonly string[],
    place: ItemPlace,
  ): Overrides | undefined {
    const overrides: Overrides = { append: new Set(), replace: new Set() }
    const node = lookupKey(item, 'override')
    if (node === undefined || node.kind === 'null' || node.kind === 'scalar') return overrides
    const at = placeIn(place, 'overrides', '', item)
    if (node.kind === 'sequence') {
      if (node.items.length === 0) return overrides
      return this.#context.add(
        at,
        {
          code: 'E0215',
          message: '`override` takes a mapping, not a list',
          help: 'write `override: {condition: append}`',
        },
        node,
      )
    }
    let isValid = true
    for (const { key: keyNode, value } of node.pairs) {
      const key = keyNode.kind === 'scalar' ? keyNode.value : keyNode.kind === 'null' ? 'null' : undefined
      const operation = value.kind === 'scalar' ? value.value : value.kind === 'null' ? 'null' : undefined
      if (key === undefined || operation === undefined) {
        isValid = false
        this.#context.add(
          at,
          { code: 'E0215', message: '`override` takes keys with `append` or `replace`' },
          key === undefined ? keyNode : value,
        )
      } else if (operation === 'append' || operation === 'replace') {
        const allowed = operation === 'append' ? appendable : replaceable
        if (allowed.includes(key)) overrides[operation].add(key)
        else {
          isValid = false
          this.#refuseOverride(key, operation, replaceable, placeIn(at, 'overrides', key, keyNode))
        }
      } else {
        isValid = false
        const operations = [appendable.includes(key) ? '`append`' : '', replaceable.includes(key) ? '`replace`' : '']
        const allowed = operations.filter(text => text !== '').join(' and ')
        this.#context.add(placeIn(at, 'value for', key, value), {
          code: 'E0208',
          message: `\`${operation}\` is no override operation for \`${key}\``,
          help: allowed === '' ? `\`${key}\` cannot be overridden` : `\`${key}\` takes ${allowed}`,
        })
      }
    }
    return isValid ? overrides : undefined
  }

  #refuseOverride(key: string, operation: 'append' | 'replace', replaceable: readonly string[], at: ItemPlace): void {
    const near = closestName(key, replaceable)
    const help = replaceable.includes(key)
      ? `write \`${key}: replace\``
      : near !== undefined
        ? `did you mean \`${near}\`?`
        : `keys that can be overridden are ${replaceable.join(', ')}`
    this.#context.add(at, {
      code: 'E0208',
      message: operation === 'append' ? `\`${key}\` cannot be appended to` : `\`${key}\` cannot be replaced`,
      help,
    })
  }

  #readRule(item: YamlMap): void {
    const named = this.#readName(item, 'rule')
    if (named === undefined) return
    const { place } = named
    const name = named.name.value
    this.#unknownKeys(item, 'rule', RULE_KEYS, place)
    const isAppend = this.#readAppend(item, place)
    const overrides = this.#readOverrides(item, APPENDABLE, REPLACEABLE, place)
    const isBoth = isAppend === true && overrides !== undefined && this.#refuseBoth(overrides, item, place)
    if (isAppend === undefined || overrides === undefined || isBoth) {
      // Whether the condition is a whole one nobody can tell; the rest speaks for itself.
      const keys = REPLACEABLE.filter(key => lookupPair(item, key) !== undefined)
      const { condition: _, ...rest } = this.#readParts(item, 'rule-replace', name, keys, place)
      this.#pushUnsound(rest)
    } else if (overrides.append.size > 0 || overrides.replace.size > 0) {
      this.#readOverriding(item, name, overrides, place)
    } else if (isAppend) {
      const keys = ['condition', 'exceptions'].filter(key => lookupPair(item, key) !== undefined)
      const before = this.#context.findings.length
      const update = this.#readParts(item, 'rule-append', name, keys, place)
      if (this.#context.findings.slice(before).some(isError)) this.#pushUnsound(update)
      else this.#items.push(update)
    } else if (['condition', 'output', 'desc', 'priority'].every(key => lookupPair(item, key) === undefined)) {
      this.#readSwitch(item, name, place)
    } else this.#readDefinition(item, name, place)
  }

  #pushUnsound(parts: RuleItemUpdate): void {
    const { name, place } = parts
    this.#items.push({ kind: 'unsound-rule', name, place, parts })
  }

  #readSwitch(item: YamlMap, name: string, place: ItemPlace): void {
    if (lookupPair(item, 'enabled') === undefined) {
      this.#context.add(place, {
        code: 'E0204',
        message: `rule \`${name}\` has no keys \`condition\`, \`output\`, \`desc\` and \`priority\``,
        help: 'to switch an earlier rule, give `enabled` and `override: {enabled: replace}`',
      })
      return
    }
    const enabled = this.#context.bool(item, 'enabled', true, place)
    if (enabled === undefined) return
    this.#context.add(
      place,
      {
        code: 'W0204',
        message: 'an item with `enabled` alone is deprecated',
        help: 'add `override: {enabled: replace}`',
      },
      lookupPair(item, 'enabled')!.key,
    )
    this.#items.push({ kind: 'rule-switch', name, enabled, place })
  }

  #readPriority(item: YamlMap, place: ItemPlace): number | undefined {
    const scalar = this.#context.requireScalar(item, 'priority', place)
    if (scalar === undefined) return undefined
    const priority = parsePriority(scalar.value)
    if (priority !== undefined) return priority
    const isBegun = (name: string): boolean =>
      scalar.value !== '' && name.toLowerCase().startsWith(scalar.value.toLowerCase())
    const near = priorityNames.find(isBegun) ?? closestName(scalar.value, priorityNames)
    return this.#context.add(placeIn(place, 'rule priority', '', scalar), {
      code: 'E0207',
      message: `unknown priority \`${scalar.value}\``,
      help:
        near !== undefined
          ? `did you mean \`${near.toUpperCase()}\`?`
          : `priorities are ${priorityNames.join(', ').toUpperCase()}`,
    })
  }

  /** The source, which alone may be empty; `ok` is false after a finding. */
  #readSource(item: YamlMap, place: ItemPlace): { readonly ok: boolean; readonly scalar?: YamlScalar } {
    const node = lookupKey(item, 'source')
    if (node === undefined || node.kind === 'null' || (node.kind === 'scalar' && node.value === '')) return { ok: true }
    return this.#context.optionalScalar(item, 'source', place)
  }

  #readTags(item: YamlMap, place: ItemPlace): readonly string[] | undefined {
    const tags = this.#context.scalars(item, 'tags', place)
    if (tags === 'absent') return []
    return tags?.map(tag => tag.value)
  }

  #readWait(item: YamlMap, place: ItemPlace): number | 'absent' | undefined {
    if (lookupPair(item, 'wait_for_name_ms') === undefined) return 'absent'
    return this.#context.uint32(item, 'wait_for_name_ms', 0, place)
  }

  #readExceptions(item: YamlMap, isAppend: boolean, place: ItemPlace): readonly ExceptionItem[] | undefined {
    return readExceptions(this.#context, lookupKey(item, 'exceptions'), isAppend, place)
  }

  #readDefinition(item: YamlMap, name: string, place: ItemPlace): void {
    const context = this.#context
    const condition = context.requireScalar(item, 'condition', place)
    const output = context.requireScalar(item, 'output', place)
    const desc = context.requireScalar(item, 'desc', place)
    const priority = this.#readPriority(item, place)
    const source = this.#readSource(item, place)
    const enabled = context.bool(item, 'enabled', true, place)
    const capture = context.bool(item, 'capture', false, place)
    const captureDurationMs = context.uint32(item, 'capture_duration', 0, place)
    const waitForNameMs = this.#readWait(item, place)
    const warnEvttypes = context.bool(item, 'warn_evttypes', true, place)
    const skipIfUnknownFilter = context.bool(item, 'skip-if-unknown-filter', false, place)
    const tags = this.#readTags(item, place)
    const exceptions = this.#readExceptions(item, false, place)
    const conditionPlace = condition && placeIn(place, 'rule condition', '', condition)
    const outputPlace = output && placeIn(place, 'rule output', '', output)
    if (
      condition === undefined ||
      conditionPlace === undefined ||
      output === undefined ||
      outputPlace === undefined ||
      desc === undefined ||
      priority === undefined ||
      !source.ok ||
      enabled === undefined ||
      capture === undefined ||
      captureDurationMs === undefined ||
      waitForNameMs === undefined ||
      warnEvttypes === undefined ||
      skipIfUnknownFilter === undefined ||
      tags === undefined ||
      exceptions === undefined
    ) {
      this.#pushUnsound({
        kind: 'rule-replace',
        name,
        place,
        ...(condition !== undefined && { condition }),
        ...(conditionPlace !== undefined && { conditionPlace }),
        ...(output !== undefined && { output }),
        ...(outputPlace !== undefined && { outputPlace }),
        ...(source.scalar !== undefined && { source: source.scalar }),
        ...(skipIfUnknownFilter !== undefined && { skipIfUnknownFilter }),
        ...(exceptions !== undefined && { exceptions }),
      })
      return
    }
    this.#items.push({
      kind: 'rule',
      name,
      place,
      condition,
      conditionPlace,
      output,
      outputPlace,
      desc: desc.value,
      priority,
      source: source.scalar?.value ?? 'syscall',
      ...(source.scalar !== undefined && { sourceScalar: source.scalar }),
      enabled,
      capture,
      captureDurationMs,
      ...(waitForNameMs !== 'absent' && { waitForNameMs }),
      warnEvttypes,
      skipIfUnknownFilter,
      tags,
      exceptions,
    })
  }

  /** First all appends, then all replacements; then no key may be left that `override` does not name. */
  #readOverriding(item: YamlMap, name: string, overrides: Overrides, place: ItemPlace): void {
    const left = new Set<string>()
    for (const key of [...APPENDABLE, ...REPLACEABLE]) if (lookupPair(item, key) !== undefined) left.add(key)
    const updates: RuleItemUpdate[] = []
    const before = this.#context.findings.length
    for (const operation of ['append', 'replace'] as const) {
      if (overrides[operation].size === 0) continue
      const order = operation === 'append' ? APPENDABLE : REPLACEABLE
      const keys: string[] = []
      for (const key of order.filter(each => overrides[operation].has(each))) {
        if (left.delete(key)) keys.push(key)
        else {
          this.#context.add(
            place,
            {
              code: 'E0208',
              message: `\`override\` says to ${operation} \`${key}\`, but the item has no \`${key}\``,
              help: `add \`${key}\`, or drop it from \`override\``,
            },
            lookupPair(lookupKey(item, 'override') as YamlMap, key)?.key,
          )
        }
      }
      updates.push(this.#readParts(item, operation === 'append' ? 'rule-append' : 'rule-replace', name, keys, place))
    }
    for (const key of left) {
      const node = lookupPair(item, key)!
      this.#context.add(
        placeIn(place, 'overrides', key, node.value),
        {
          code: 'E0208',
          message: `\`override\` does not say what to do with \`${key}\``,
          help: `add it under \`override\`, with ${APPENDABLE.includes(key) ? '`append` or `replace`' : '`replace`'}`,
        },
        node.key,
      )
    }
    const hasError = this.#context.findings.slice(before).some(isError)
    for (const update of updates) {
      if (hasError) this.#pushUnsound(update)
      else this.#items.push(update)
    }
  }

  /** The parts that could be read; what could not has a finding. */
  #readParts(
    item: YamlMap,
    kind: 'rule-append' | 'rule-replace',
    name: string,
    keys: readonly string[],
    place: ItemPlace,
  ): RuleItemUpdate {
    const context = this.#context
    const update: { -readonly [K in keyof RuleItemUpdate]: RuleItemUpdate[K] } = { kind, name, place }
    const set = <K extends keyof RuleItemUpdate>(key: K, value: RuleItemUpdate[K] | undefined): void => {
      if (value !== undefined) update[key] = value
    }
    for (const key of keys) {
      if (key === 'condition') {
        set('condition', context.requireScalar(item, key, place))
        if (update.condition !== undefined)
          update.conditionPlace = placeIn(place, 'rule condition', '', update.condition)
      } else if (key === 'exceptions') set('exceptions', this.#readExceptions(item, kind === 'rule-append', place))
      else if (key === 'output') {
        set('output', context.requireScalar(item, key, place))
        if (update.output !== undefined) update.outputPlace = placeIn(place, 'rule output', '', update.output)
      } else if (key === 'desc') set('desc', context.requireScalar(item, key, place)?.value)
      else if (key === 'tags') set('tags', this.#readTags(item, place))
      else if (key === 'priority') set('priority', this.#readPriority(item, place))
      else if (key === 'capture') set('capture', context.bool(item, key, false, place))
      else if (key === 'capture_duration') set('captureDurationMs', context.uint32(item, key, 0, place))
      else if (key === 'wait_for_name_ms') set('waitForNameMs', context.uint32(item, key, 0, place))
      else if (key === 'enabled') set('enabled', context.bool(item, key, true, place))
      else if (key === 'warn_evttypes') set('warnEvttypes', context.bool(item, key, true, place))
      else set('skipIfUnknownFilter', context.bool(item, key, false, place))
    }
    set('source', this.#readSource(item, place).scalar)
    return update
  }
}

interface Overrides {
  readonly append: Set<string>
  readonly replace: Set<string>
}
