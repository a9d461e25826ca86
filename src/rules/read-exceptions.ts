import { closestName } from '../diagnostics/closest-name.ts'
import type { ItemPlace } from './load-finding.ts'
import { placeIn } from './load-finding.ts'
import type { ReadContext } from './read-context.ts'
import type { ExceptionEntry, ExceptionItem } from './rule-items.ts'
import type { YamlMap, YamlNode } from './yaml/node.ts'
import { lookupKey, lookupPair } from './yaml/node.ts'

const EXCEPTION_KEYS: readonly string[] = ['name', 'fields', 'comps', 'values']

/**
 * Reads the `exceptions` of a rule; undefined after an error. Whether fields, comps and values fit together is checked when it is known
 * which rule they belong to.
 */
export function readExceptions(
  context: ReadContext,
  node: YamlNode | undefined,
  isAppend: boolean,
  rulePlace: ItemPlace,
): readonly ExceptionItem[] | undefined {
  if (node === undefined || node.kind === 'null') return []
  const place = placeIn(rulePlace, 'exceptions', '', node)
  if (node.kind !== 'sequence') {
    return context.add(place, {
      code: 'E0206',
      message: '`exceptions` takes a list',
      help: 'begin each exception with `- name: …`',
    })
  }
  const exceptions: ExceptionItem[] = []
  const names = new Set<string>()
  let isValid = true
  for (const item of node.items) {
    if (!context.spend(place)) return undefined
    const exception = readException(context, item, isAppend, names, place, rulePlace)
    if (exception === undefined) isValid = false
    else exceptions.push(exception)
  }
  return isValid ? exceptions : undefined
}

function readException(
  context: ReadContext,
  item: YamlNode,
  isAppend: boolean,
  names: Set<string>,
  exceptionsPlace: ItemPlace,
  rulePlace: ItemPlace,
): ExceptionItem | undefined {
  const unnamed = placeIn(exceptionsPlace, 'exception', '', item)
  if (item.kind !== 'map')
    return context.add(unnamed, { code: 'E0206', message: 'an exception is a mapping with `name` and `fields`' })
  const nameScalar = context.requireScalar(item, 'name', unnamed)
  if (nameScalar === undefined) return undefined
  const name = nameScalar.value
  const place = placeIn(rulePlace, 'exception', name, item)
  if (names.has(name)) {
    context.add(place, { code: 'W0212', message: `a second exception named \`${name}\` in one rule` }, nameScalar)
  }
  names.add(name)

  let isValid = true
  const part = (key: 'fields' | 'comps', isOptional: boolean): ExceptionEntry | undefined => {
    const value = lookupKey(item, key)
    if (value === undefined) {
      if (!isOptional) {
        isValid = false
        context.add(place, {
          code: 'E0204',
          message: `exception \`${name}\` has no key \`${key}\``,
          ...misspelled(item, key),
        })
      }
      return undefined
    }
    const entry = readEntry(context, value, placeIn(place, 'value for', key, value), 0)
    if (entry === undefined) isValid = false
    return entry !== undefined && isGiven(entry) ? entry : undefined
  }
  const fields = part('fields', isAppend)
  const comps = part('comps', true)
  const values = readValues(context, item, isAppend, place)
  if (values === undefined || !isValid) return undefined
  return { name, place, values, ...(fields !== undefined && { fields }), ...(comps !== undefined && { comps }) }
}

/** Hints at a key that is not one of an exception's. */
function misspelled(item: YamlMap, key: string): { readonly help?: string } {
  for (const pair of item.pairs) {
    if (pair.key.kind !== 'scalar' || EXCEPTION_KEYS.includes(pair.key.value)) continue
    if (closestName(pair.key.value, [key]) !== undefined) return { help: `\`${pair.key.value}\` should be \`${key}\`` }
  }
  return {}
}

function readValues(
  context: ReadContext,
  item: YamlMap,
  isAppend: boolean,
  place: ItemPlace,
): readonly ExceptionEntry[] | undefined {
  const node = lookupPair(item, 'values')?.value
  if (node === undefined) {
    if (isAppend) {
      const hint = misspelled(item, 'values')
      context.add(place, {
        code: 'W0211',
        message: `exception \`${place.name}\` changes nothing: it has no \`values\``,
        ...hint,
      })
    }
    return []
  }
  const valuesPlace = placeIn(place, 'exception values', '', node)
  if (node.kind !== 'sequence') {
    return context.add(valuesPlace, { code: 'E0206', message: 'the `values` of an exception are a list' })
  }
  const values: ExceptionEntry[] = []
  let isValid = true
  for (const value of node.items) {
    const entry = readEntry(context, value, placeIn(valuesPlace, 'exception value', '', value), 0)
    if (entry === undefined) isValid = false
    else values.push(entry)
  }
  return isValid ? values : undefined
}

/** A tuple of lists is three deep; more means nothing, and much more would exhaust the stack. */
const MAX_ENTRY_DEPTH = 100

function readEntry(context: ReadContext, node: YamlNode, place: ItemPlace, depth: number): ExceptionEntry | undefined {
  if (!context.spend(place)) return undefined
  switch (node.kind) {
    case 'scalar':
      if (node.value === '')
        return context.add(place, { code: 'E0205', message: 'an empty text in an exception' }, node)
      return { kind: 'scalar', text: node.value, scalar: node, source: context.source }
    case 'sequence': {
      if (depth > MAX_ENTRY_DEPTH)
        return context.add(place, { code: 'E0206', message: 'lists nested too deeply' }, node)
      const items: ExceptionEntry[] = []
      let isValid = true
      for (const item of node.items) {
        const entry = readEntry(context, item, place, depth + 1)
        if (entry === undefined) isValid = false
        else items.push(entry)
      }
      return isValid ? { kind: 'list', items, start: node.start, end: node.end } : undefined
    }
    case 'null':
    case 'map':
      return { kind: 'scalar', text: '' }
    default:
      return node satisfies never
  }
}

function isGiven(entry: ExceptionEntry): boolean {
  return entry.kind === 'list' ? entry.items.length > 0 : entry.text !== ''
}
