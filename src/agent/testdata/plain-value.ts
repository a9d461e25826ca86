import type { ConfigNode } from '../config-node.ts'

/** A node without its places: texts, `null`, arrays and objects. */
export function plainValue(node: ConfigNode): unknown {
  switch (node.kind) {
    case 'null':
      return null
    case 'scalar':
      return node.text
    case 'list':
      return node.items.map(plainValue)
    case 'map':
      return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plainValue(value)]))
  }
}
