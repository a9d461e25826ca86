import type { Source } from '../diagnostics/source.ts'
import type { FindingText, ItemPlace, LoadFinding } from './load-finding.ts'
import { findingAt, placeIn } from './load-finding.ts'
import { decodeBool, decodeUint32 } from './yaml/decode-scalar.ts'
import type { YamlMap, YamlNode, YamlScalar } from './yaml/node.ts'
import { lookupPair } from './yaml/node.ts'

/** Aliases may repeat at most so many nodes beyond those that are written. */
const MAX_REPEATED_NODES = 1_000_000

/** Findings and limits shared by everything that reads one file. */
export class ReadContext {
  readonly source: Source
  readonly findings: LoadFinding[] = []
  #nodesLeft: number
  #isExhausted = false

  constructor(source: Source, nodeCount: number) {
    this.source = source
    this.#nodesLeft = nodeCount + MAX_REPEATED_NODES
  }

  add(place: ItemPlace, text: FindingText, at?: YamlNode): undefined {
    this.findings.push(findingAt(place, text, at === undefined ? undefined : { span: at }))
    return undefined
  }

  /** Counts a node that is about to be read; false when aliases have repeated too much. */
  spend(place: ItemPlace): boolean {
    if (--this.#nodesLeft > 0) return true
    if (!this.#isExhausted) {
      this.#isExhausted = true
      this.add(place, { code: 'E0222', message: 'aliases repeat parts of the file too often' })
    }
    return false
  }

  /** The scalar under `key`, which must be there and not empty; undefined after a finding. */
  requireScalar(map: YamlMap, key: string, place: ItemPlace): YamlScalar | undefined {
    const pair = lookupPair(map, key)
    if (pair === undefined) {
      return this.add(place, {
        code: 'E0204',
        message: `${describePlace(place)} has no key \`${key}\``,
        label: `\`${key}\` is missing`,
      })
    }
    return this.#checkScalar(pair.value, pair.key, key, place)
  }

  #checkScalar(value: YamlNode, keyNode: YamlNode, key: string, place: ItemPlace): YamlScalar | undefined {
    const at = placeIn(place, 'value for', key, value)
    if (value.kind === 'null') {
      return this.add(
        place,
        { code: 'E0205', message: `the key \`${key}\` has no value`, label: 'nothing follows it' },
        keyNode,
      )
    }
    if (value.kind !== 'scalar') {
      const found = value.kind === 'sequence' ? 'a list' : 'a mapping'
      return this.add(at, { code: 'E0206', message: `\`${key}\` takes a single value, not ${found}` })
    }
    if (value.value === '') return this.add(at, { code: 'E0205', message: `the value of \`${key}\` is empty` })
    return value
  }

  /** The scalar under `key`, or undefined if the key is absent; `ok` is false after a finding. */
  optionalScalar(map: YamlMap, key: string, place: ItemPlace): { readonly ok: boolean; readonly scalar?: YamlScalar } {
    const pair = lookupPair(map, key)
    if (pair === undefined) return { ok: true }
    const scalar = this.#checkScalar(pair.value, pair.key, key, place)
    return scalar === undefined ? { ok: false } : { ok: true, scalar }
  }

  bool(map: YamlMap, key: string, fallback: boolean, place: ItemPlace): boolean | undefined {
    const { ok, scalar } = this.optionalScalar(map, key, place)
    if (scalar === undefined) return ok ? fallback : undefined
    const value = decodeBool(scalar.value)
    if (value !== undefined) return value
    return this.add(placeIn(place, 'value for', key, scalar), {
      code: 'E0206',
      message: `\`${key}\` is \`true\` or \`false\`, not \`${scalar.value}\``,
    })
  }

  uint32(map: YamlMap, key: string, fallback: number, place: ItemPlace): number | undefined {
    const { ok, scalar } = this.optionalScalar(map, key, place)
    if (scalar === undefined) return ok ? fallback : undefined
    const value = decodeUint32(scalar.value)
    if (value !== undefined) return value
    return this.add(placeIn(place, 'value for', key, scalar), {
      code: 'E0206',
      message: `\`${key}\` is a whole number of milliseconds, not \`${scalar.value}\``,
    })
  }

  /** A list of scalars under `key`, which may be empty; undefined after a finding, `absent` if there is no such key. */
  scalars(map: YamlMap, key: string, place: ItemPlace): readonly YamlScalar[] | 'absent' | undefined {
    const pair = lookupPair(map, key)
    if (pair === undefined) return 'absent'
    const at = placeIn(place, 'value for', key, pair.value)
    if (pair.value.kind !== 'sequence') {
      return this.add(
        at,
        { code: 'E0206', message: `\`${key}\` takes a list`, help: `write \`${key}: [a, b]\`` },
        pair.value.kind === 'null' ? pair.key : pair.value,
      )
    }
    const scalars: YamlScalar[] = []
    let isValid = true
    for (const item of pair.value.items) {
      if (!this.spend(at)) return undefined
      if (item.kind === 'scalar') scalars.push(item)
      else {
        isValid = false
        const found = item.kind === 'null' ? 'nothing' : item.kind === 'sequence' ? 'a list' : 'a mapping'
        this.add(placeIn(at, 'list item', '', item), {
          code: 'E0206',
          message: `an item of \`${key}\` is a single value, not ${found}`,
          ...(item.kind === 'null' && { help: 'quote it if the text `null` or `~` is meant' }),
          ...(item.kind === 'sequence' && { help: 'drop the inner brackets' }),
          ...(item.kind === 'map' && { help: 'quote it if `: ` belongs to the text' }),
        })
      }
    }
    return isValid ? scalars : undefined
  }
}

/** «rule `x`», for messages. */
export function describePlace(place: ItemPlace): string {
  const kind = place.type === 'rules content item' ? 'item' : place.type
  return place.name === '' ? `the ${kind}` : `${kind} \`${place.name}\``
}
