import type { Constant, PlanCheck } from '../rules/plan.ts'
import type { CheckNode, Node, ValueSource } from './condition-graph.ts'
import type { IndexKind } from './rule-index.ts'

/** A way to find a condition by a value: it is true only if `value` has one of `keys`. */
export interface AccessPath {
  readonly kind: IndexKind
  readonly value: ValueSource
  readonly keys: readonly Constant[]
  /** Whether that alone makes the node true. */
  readonly isExact: boolean
}

/** A condition with more constants is asked by itself: entering it under each of them would cost more than it saves. */
const MAX_KEYS = 1000

const known = new WeakMap<Node, readonly AccessPath[]>()

/** The access paths of a node, at most one for each kind and value. */
export function accessPaths(node: Node): readonly AccessPath[] {
  let paths = known.get(node)
  if (paths === undefined) {
    paths = findPaths(node)
    known.set(node, paths)
  }
  return paths
}

function findPaths(node: Node): readonly AccessPath[] {
  switch (node.kind) {
    case 'check': {
      const path = checkPath(node)
      return path === undefined ? [] : [path]
    }
    case 'and':
      return node.operands.flatMap(operand => accessPaths(operand).map(path => ({ ...path, isExact: false })))
    case 'or':
      return unionPaths(node.operands)
    case 'const':
    case 'not':
      return []
    default:
      return node satisfies never
  }
}

function checkPath(node: CheckNode): AccessPath | undefined {
  const { check, value } = node
  if (check.rhs.kind !== 'values') return undefined
  const keys = check.rhs.values
  const kind = indexKind(check)
  return kind === undefined || keys.length === 0 || keys.length > MAX_KEYS
    ? undefined
    : { kind, value, keys, isExact: kind !== 'domain' }
}

function indexKind(check: PlanCheck): IndexKind | undefined {
  const { lhs, op, modifier } = check
  if (modifier !== undefined && modifier !== 'anyof') return undefined
  switch (op) {
    case 'in':
      if (lhs.isList) return undefined
      break
    case '=':
    case 'intersects':
      break
    case 'startswith':
      return 'prefix'
    case 'pmatch':
      return 'path'
    default:
      return undefined
  }
  if (lhs.kind === 'field' && lhs.ref.spec.compare === 'domain') {
    const values = check.rhs.kind === 'values' ? check.rhs.values : []
    return values.some(name => String(name).includes('*')) ? undefined : 'domain'
  }
  return lhs.type === 'IPNET' ? 'net' : 'equal'
}

/** Every operand needs a path by the same value; equality serves as a prefix that must be looked at again. */
function unionPaths(operands: readonly Node[]): readonly AccessPath[] {
  const [first, ...rest] = operands.map(accessPaths)
  const unions: AccessPath[] = []
  for (const start of first ?? []) {
    const parts = [start]
    for (const paths of rest) {
      const other = paths.find(p => p.value === start.value && joinedKind(start.kind, p.kind) !== undefined)
      if (other === undefined) break
      parts.push(other)
    }
    const size = parts.reduce((sum, p) => sum + p.keys.length, 0)
    if (parts.length < operands.length || size > MAX_KEYS) continue
    const kinds = new Set(parts.map(p => p.kind))
    unions.push({
      kind: kinds.size === 1 ? start.kind : 'prefix',
      value: start.value,
      keys: parts.flatMap(p => p.keys),
      isExact: kinds.size === 1 && parts.every(p => p.isExact),
    })
  }
  return unions
}

function joinedKind(a: IndexKind, b: IndexKind): IndexKind | undefined {
  if (a === b) return a
  return (a === 'equal' && b === 'prefix') || (a === 'prefix' && b === 'equal') ? 'prefix' : undefined
}
