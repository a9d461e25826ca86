import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type { Source } from '../diagnostics/source.ts'
import { badOption } from './config-findings.ts'
import {
  type ConfigList,
  type ConfigMap,
  type ConfigNode,
  emptyMap,
  type Place,
  parseConfigYaml,
} from './config-node.ts'

/** One step on the way to the value that an option sets. `start` and `end` are offsets into the option. */
type Step =
  | { readonly kind: 'key'; readonly name: string; readonly start: number; readonly end: number }
  | { readonly kind: 'index'; readonly index: number; readonly start: number; readonly end: number }
  /** `[]`: a new item at the end. */
  | { readonly kind: 'append'; readonly start: number; readonly end: number }

/** An option `-o key=value`, taken apart. */
export interface ConfigOverride {
  readonly source: Source
  readonly steps: readonly Step[]
  readonly value: ConfigNode
}

/** An index beyond this is a slip, not a list. */
const MOST_ITEMS = 100_000

/**
 * Takes `a.b[0].c=value` apart. Keys are separated by points; `[3]` is an item, `[]` a new one; a backslash takes the next character as it
 * is. A value in braces or brackets is YAML (so also JSON), anything else is text as it stands. Nothing is taken from the environment.
 */
export function parseOverride(option: string, findings: Diagnostic[]): ConfigOverride | undefined {
  const source: Source = { path: '-o', text: option }
  const equals = option.indexOf('=')
  if (equals === -1) {
    const place = { source, span: { start: 0, end: option.length } }
    findings.push(badOption(place, `\`${option}\` sets nothing`, 'write KEY=VALUE, such as `-o json_output=true`'))
    return undefined
  }
  const steps = parsePath(source, equals)
  if (!Array.isArray(steps)) {
    findings.push(steps)
    return undefined
  }
  const value = parseValue(source, equals + 1, findings)
  return value === undefined ? undefined : { source, steps, value }
}

function parsePath(source: Source, end: number): Step[] | Diagnostic {
  const text = source.text
  const steps: Step[] = []
  const fail = (at: number, message: string): Diagnostic =>
    badOption({ source, span: { start: at, end: Math.max(at + 1, Math.min(at + 1, end)) } }, message)
  let at = 0
  while (at < end) {
    if (text[at] === '[') {
      const close = text.indexOf(']', at)
      if (close === -1 || close > end) return fail(at, 'a `[` without its `]`')
      if (steps.length === 0) return fail(at, 'a key must come before `[`')
      const index = text.slice(at + 1, close)
      if (!/^\d*$/.test(index)) return fail(at + 1, `\`${index}\` is not the number of an item`)
      const span = { start: at, end: close + 1 }
      steps.push(index === '' ? { kind: 'append', ...span } : { kind: 'index', index: Number(index), ...span })
      at = close + 1
    } else {
      if (steps.length > 0) {
        if (text[at] !== '.') return fail(at, 'a `.` must come before the next key')
        at++
      }
      const start = at
      let name = ''
      for (; at < end && text[at] !== '.' && text[at] !== '['; at++) {
        if (text[at] === '\\' && at + 1 < end) at++
        name += text[at]
      }
      if (name === '') return fail(start, 'a key is missing here')
      steps.push({ kind: 'key', name, start, end: at })
    }
  }
  return steps.length === 0 ? fail(0, 'a key is missing here') : steps
}

function parseValue(source: Source, from: number, findings: Diagnostic[]): ConfigNode | undefined {
  const text = source.text.slice(from)
  if ((text.startsWith('{') && text.endsWith('}')) || (text.startsWith('[') && text.endsWith(']'))) {
    return parseConfigYaml(source, findings, { from })
  }
  return { kind: 'scalar', text, place: { source, span: { start: from, end: source.text.length } } }
}

/** Sets the value in `root`, making maps and lists on the way where there is nothing yet. */
export function applyOverride(root: ConfigMap, override: ConfigOverride, findings: Diagnostic[]): void {
  const { source, steps, value } = override
  const whole: Place = { source, span: { start: 0, end: source.text.length } }
  let node: ConfigNode = root
  for (const [i, step] of steps.entries()) {
    const place: Place = { source, span: { start: step.start, end: step.end } }
    const slot = slotOf(node, step, place)
    if (typeof slot === 'string') {
      findings.push(badOption(place, slot))
      return
    }
    const next = steps[i + 1]
    if (next === undefined) {
      slot.set(value)
      return
    }
    let child: ConfigNode | undefined = slot.get()
    if (child === undefined || child.kind === 'null') {
      child = next.kind === 'key' ? emptyMap(whole) : { kind: 'list', items: [], place: whole }
      slot.set(child)
    }
    node = child
  }
}

/** A place in a map or list that can be read and set. */
interface Slot {
  readonly get: () => ConfigNode | undefined
  readonly set: (value: ConfigNode) => void
}

/** The slot that `step` names in `node`, or why there is none. */
function slotOf(node: ConfigNode, step: Step, place: Place): Slot | string {
  if (step.kind === 'key') {
    return node.kind === 'map'
      ? mapSlot(node, step.name, place)
      : `\`${step.name}\` is a key, but this is ${kindText(node)}`
  }
  if (node.kind !== 'list') return `an item is meant, but this is ${kindText(node)}`
  const index = step.kind === 'append' ? node.items.length : step.index
  if (index > node.items.length) return `there are ${node.items.length} items, so the next is [${node.items.length}]`
  if (index > MOST_ITEMS) return 'too many items'
  return listSlot(node, index)
}

function mapSlot(map: ConfigMap, name: string, keyPlace: Place): Slot {
  return {
    get: () => map.entries.get(name)?.value,
    set: value => map.entries.set(name, { keyPlace, value }),
  }
}

function listSlot(list: ConfigList, index: number): Slot {
  return {
    get: () => list.items[index],
    set: value => {
      list.items[index] = value
    },
  }
}

function kindText(node: ConfigNode): string {
  return { null: 'nothing', scalar: 'a single value', map: 'a map', list: 'a list' }[node.kind]
}
