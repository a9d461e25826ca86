import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { decodeBool } from '../rules/yaml/decode-scalar.ts'
import { noEffect, notAllowed, notOneOf, unknownKey, wrongType } from './config-findings.ts'
import type { ConfigList, ConfigMap, ConfigNode, ConfigScalar, Place } from './config-node.ts'

const KIND_TEXT = { null: 'nothing', scalar: 'a single value', map: 'a map', list: 'a list' } as const

/**
 * A map of the configuration, read key by key with the type that each must have. What is missing or empty has its default; what has the
 * wrong type is a finding, and then the default counts too. A key is known once it was asked for: `finish` reports all others.
 */
export class ConfigSection {
  readonly #map: ConfigMap | undefined
  readonly #path: string
  readonly #findings: Diagnostic[]
  readonly #known = new Set<string>()

  /** `path` is what messages call it: '' for the whole, `http_output`, `rules[2].enable`. */
  constructor(map: ConfigMap | undefined, path: string, findings: Diagnostic[]) {
    this.#map = map
    this.#path = path
    this.#findings = findings
  }

  /** Where the value of `key` stands; where the section stands if it has none. */
  placeOf(key: string): Place | undefined {
    return this.#map?.entries.get(key)?.value.place ?? this.#map?.place
  }

  /** Where the key itself stands. */
  keyPlaceOf(key: string): Place | undefined {
    return this.#map?.entries.get(key)?.keyPlace
  }

  pathOf(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`
  }

  /** The value, unless it is missing or empty. */
  node(key: string): Exclude<ConfigNode, { kind: 'null' }> | undefined {
    this.#known.add(key)
    const node = this.#map?.entries.get(key)?.value
    return node === undefined || node.kind === 'null' ? undefined : node
  }

  section(key: string): ConfigSection {
    const node = this.node(key)
    const map = node?.kind === 'map' ? node : undefined
    if (node !== undefined && map === undefined) this.#wrongType(key, 'a map', node)
    return new ConfigSection(map, this.pathOf(key), this.#findings)
  }

  bool(key: string, otherwise: boolean): boolean {
    return this.#scalar(key, otherwise, 'true or false', decodeBool)
  }

  /** A switch that changes nothing here: a warning where it is on. */
  withoutEffect(key: string, why: string): void {
    if (this.bool(key, false)) this.#findings.push(noEffect(this.#valuePlace(key), `\`${this.pathOf(key)}\``, why))
  }

  text(key: string, otherwise: string): string {
    return this.#scalar(key, otherwise, 'text', text => text)
  }

  /** A whole number; `least` and `most` belong to what is allowed. */
  int(key: string, otherwise: number, least: number, most: number): number {
    const value = this.#scalar(key, otherwise, 'a whole number', parseInteger)
    return this.#inRange(key, value, otherwise, least, most)
  }

  number(key: string, otherwise: number, least: number, most: number): number {
    const value = this.#scalar(key, otherwise, 'a number', parseNumber)
    return this.#inRange(key, value, otherwise, least, most)
  }

  /** One of some words; case does not count. */
  oneOf<T extends string>(key: string, otherwise: T, allowed: readonly T[]): T {
    const text = this.text(key, otherwise)
    const found = allowed.find(word => word === text.toLowerCase())
    if (found !== undefined) return found
    this.#findings.push(notOneOf(this.#valuePlace(key), this.pathOf(key), text, allowed))
    return otherwise
  }

  /** A list of texts; a single text counts as a list of one. */
  texts(key: string): string[] {
    const node = this.node(key)
    if (node === undefined) return []
    if (node.kind === 'scalar') return [node.text]
    if (node.kind === 'map') {
      this.#wrongType(key, 'a list', node)
      return []
    }
    return this.scalarItems(key, node).map(item => item.text)
  }

  /** The items of a list that are single values; others are findings. */
  scalarItems(key: string, list: ConfigList): ConfigScalar[] {
    const scalars: ConfigScalar[] = []
    for (const [i, item] of list.items.entries()) {
      if (item.kind === 'scalar') scalars.push(item)
      else if (item.kind !== 'null')
        this.#findings.push(wrongType(item.place, `${this.pathOf(key)}[${i}]`, 'text', KIND_TEXT[item.kind]))
    }
    return scalars
  }

  /** A list of maps, each as a section. */
  sections(key: string): ConfigSection[] {
    const node = this.node(key)
    if (node === undefined) return []
    if (node.kind !== 'list') {
      this.#wrongType(key, 'a list', node)
      return []
    }
    const sections: ConfigSection[] = []
    for (const [i, item] of node.items.entries()) {
      const path = `${this.pathOf(key)}[${i}]`
      if (item.kind === 'map') sections.push(new ConfigSection(item, path, this.#findings))
      else if (item.kind !== 'null') this.#findings.push(wrongType(item.place, path, 'a map', KIND_TEXT[item.kind]))
    }
    return sections
  }

  /** All pairs of a map of texts, whatever its keys. */
  pairs(key: string): Map<string, string> {
    const node = this.node(key)
    const pairs = new Map<string, string>()
    if (node === undefined) return pairs
    if (node.kind !== 'map') {
      this.#wrongType(key, 'a map', node)
      return pairs
    }
    for (const [name, { value }] of node.entries) {
      if (value.kind === 'scalar') pairs.set(name, value.text)
      else if (value.kind !== 'null') {
        this.#findings.push(wrongType(value.place, `${this.pathOf(key)}.${name}`, 'text', KIND_TEXT[value.kind]))
      }
    }
    return pairs
  }

  /** Keys that mean something elsewhere and nothing here: `report` makes the finding for each that is written. */
  ignore(keys: readonly string[], report: (place: Place, key: string) => Diagnostic | undefined): void {
    for (const key of keys) {
      this.#known.add(key)
      const place = this.keyPlaceOf(key)
      const found = place === undefined ? undefined : report(place, this.pathOf(key))
      if (found !== undefined) this.#findings.push(found)
    }
  }

  /** Reports every key that nobody has asked for. */
  finish(): void {
    for (const [key, { keyPlace }] of this.#map?.entries ?? []) {
      if (!this.#known.has(key)) this.#findings.push(unknownKey(keyPlace, key, this.#path, this.#known))
    }
  }

  #scalar<T>(key: string, otherwise: T, wanted: string, parse: (text: string) => T | undefined): T {
    const node = this.node(key)
    if (node === undefined) return otherwise
    if (node.kind !== 'scalar') {
      this.#wrongType(key, wanted, node)
      return otherwise
    }
    const value = parse(node.text)
    if (value === undefined) {
      // Falco takes an empty text, which is what an unset variable leaves, for the default.
      if (node.text === '') return otherwise
      this.#findings.push(wrongType(node.place, this.pathOf(key), wanted, `\`${node.text}\``))
      return otherwise
    }
    return value
  }

  #inRange(key: string, value: number, otherwise: number, least: number, most: number): number {
    if (value >= least && value <= most) return value
    const range = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `from ${least} to ${most}`
    this.#findings.push(notAllowed(this.#valuePlace(key), this.pathOf(key), `${value}`, range))
    return otherwise
  }

  #wrongType(key: string, wanted: string, node: ConfigNode): void {
    this.#findings.push(wrongType(node.place, this.pathOf(key), wanted, KIND_TEXT[node.kind]))
  }

  /** Where a value stands that has been read. */
  #valuePlace(key: string): Place {
    const place = this.placeOf(key)
    if (place === undefined) throw new Error(`unreachable: \`${this.pathOf(key)}\` has no place`)
    return place
  }
}

/** Decimal, hexadecimal (`0x1f`) or octal (`017`). */
function parseInteger(text: string): number | undefined {
  const match = /^([+-]?)(0x[0-9a-f]+|[0-9]+)\s*$/i.exec(text)
  if (match === null) return undefined
  const digits = match[2]!.toLowerCase()
  const isOctal = /^0[0-7]+$/.test(digits)
  const value = isOctal ? Number.parseInt(digits, 8) : Number(digits)
  return Number.isSafeInteger(value) ? (match[1] === '-' ? -value : value) : undefined
}

function parseNumber(text: string): number | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text)) return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}
