/**
 * What a YAML document is made of, with the place of every node. An alias is the very node it stands for, so a tree of nodes may share
 * parts (and, read without care, grow without bound); it never contains itself.
 */
export type YamlNode = YamlNull | YamlScalar | YamlSequence | YamlMap

export interface YamlNull {
  readonly kind: 'null'
  readonly start: number
  readonly end: number
}

export interface YamlScalar {
  readonly kind: 'scalar'
  /** The text with folding and escapes done. */
  readonly value: string
  readonly start: number
  readonly end: number
  /**
   * Pairs (offset into `value`, offset into the file), ascending, each saying that from there on the two run alongside. Absent where
   * the value stands in the file as it is, from `start`.
   */
  readonly segments: readonly number[] | undefined
}

export interface YamlSequence {
  readonly kind: 'sequence'
  readonly items: readonly YamlNode[]
  readonly start: number
  readonly end: number
}

export interface YamlMap {
  readonly kind: 'map'
  readonly pairs: readonly YamlPair[]
  readonly start: number
  readonly end: number
}

export interface YamlPair {
  readonly key: YamlNode
  readonly value: YamlNode
}

/** The value of the first pair whose key is the scalar `key`; of keys written twice the first counts, as for yaml-cpp. */
export function lookupKey(map: YamlMap, key: string): YamlNode | undefined {
  return lookupPair(map, key)?.value
}

/** The first pair whose key is the scalar `key`. */
export function lookupPair(map: YamlMap, key: string): YamlPair | undefined {
  for (const pair of map.pairs) if (pair.key.kind === 'scalar' && pair.key.value === key) return pair
  return undefined
}

/** The file offset of the character at `offset` of the scalar's value. */
export function scalarOffset(scalar: YamlScalar, offset: number): number {
  const { segments } = scalar
  if (segments === undefined) return scalar.start + offset
  let low = 0
  let high = segments.length / 2 - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (segments[middle * 2]! <= offset) low = middle
    else high = middle - 1
  }
  const value = segments[low * 2]
  const file = segments[low * 2 + 1]
  if (value === undefined || file === undefined) return scalar.start
  return Math.min(file + Math.max(0, offset - value), scalar.end)
}
