import { type AccessPath, accessPaths } from './access-path.ts'
import { type ConditionGraph, compareWorth, type Node, type ValueSource } from './condition-graph.ts'
import type { IndexKind } from './rule-index.ts'

/**
 * The order in which the conditions of one event type are decided: large families by one look-up, what several conditions have in common
 * once for all of them, the rest one after the other. Every condition ends in exactly one leaf or candidate.
 */
export type Step =
  | { readonly kind: 'leaf'; readonly tests: readonly Node[]; readonly condition: number }
  | { readonly kind: 'guard'; readonly tests: readonly Node[]; readonly steps: readonly Step[] }
  | { readonly kind: 'index'; readonly index: IndexStep }

export interface IndexStep {
  readonly kind: IndexKind
  readonly value: ValueSource
  readonly candidates: readonly {
    readonly keys: AccessPath['keys']
    /** What is left to test; undefined: nothing. */
    readonly rest: Node | undefined
    readonly condition: number
  }[]
}

/** A condition as the nodes that must all be true. */
export interface Conjunction {
  readonly condition: number
  readonly tests: readonly Node[]
}

/** Fewer conditions than this are faster asked in turn. */
const MIN_INDEXED = 8
const MAX_GUARD_LIKELIHOOD = 0.7

export function asConjunction(node: Node, condition: number): Conjunction {
  if (node.kind === 'const') return { condition, tests: [] }
  return { condition, tests: node.kind === 'and' ? node.operands : [node] }
}

/** Plans the conditions; none may be constantly false. */
export function planSteps(conjunctions: readonly Conjunction[], graph: ConditionGraph): readonly Step[] {
  const steps: Step[] = []
  const rest = planIndexes(conjunctions, graph, steps)
  planGuards(rest, graph, steps)
  return steps
}

interface Family {
  readonly members: Map<Conjunction, { readonly path: AccessPath; readonly test: Node }>
  readonly keys: Map<unknown, number>
  pairs: number
}

/** Takes out families that one look-up serves, the largest first. */
function planIndexes(
  conjunctions: readonly Conjunction[],
  graph: ConditionGraph,
  steps: Step[],
): readonly Conjunction[] {
  let left = conjunctions
  while (left.length >= MIN_INDEXED) {
    const best = largestFamily(left)
    if (best === undefined) break
    const candidates: IndexStep['candidates'][number][] = []
    let first: AccessPath | undefined
    for (const [{ condition, tests }, { path, test }] of best.members) {
      first ??= path
      const rest = graph.all(path.isExact ? tests.filter(t => t !== test) : tests)
      candidates.push({ keys: path.keys, rest: rest === graph.always ? undefined : rest, condition })
    }
    if (first === undefined) break
    steps.push({ kind: 'index', index: { kind: first.kind, value: first.value, candidates } })
    left = left.filter(c => !best.members.has(c))
  }
  return left
}

/** A test that mostly holds (`not proc.name in (…)`) keeps nothing out: it is asked last, and remembered. */
function isGuard(test: Node): boolean {
  return test.likelihood <= MAX_GUARD_LIKELIHOOD
}

/** The guards that all of `conjunctions` have. */
function commonTests(conjunctions: readonly Conjunction[]): ReadonlySet<Node> {
  const common = new Set<Node>()
  const [first, ...others] = conjunctions
  if (first === undefined) return common
  const rest = others.map(c => new Set(c.tests))
  for (const test of first.tests) if (isGuard(test) && rest.every(tests => tests.has(test))) common.add(test)
  return common
}

function largestFamily(conjunctions: readonly Conjunction[]): Family | undefined {
  const families = new Map<string, Family>()
  for (const conjunction of conjunctions) {
    for (const test of conjunction.tests) {
      for (const path of accessPaths(test)) {
        const name = `${path.kind}:${path.value.id}`
        let family = families.get(name)
        if (family === undefined) families.set(name, (family = { members: new Map(), keys: new Map(), pairs: 0 }))
        if (family.members.has(conjunction)) continue
        family.members.set(conjunction, { path, test })
        family.pairs += path.keys.length
        for (const key of path.keys) family.keys.set(key, (family.keys.get(key) ?? 0) + 1)
      }
    }
  }
  let best: Family | undefined
  for (const family of families.values()) {
    // A look-up that leads to a large part of the family anyway (`fd.typechar = f`) saves nothing.
    const perKey = family.pairs / family.keys.size
    const isSelective = family.members.size >= MIN_INDEXED && perKey * 4 <= family.members.size
    if (isSelective && (best === undefined || family.members.size > best.members.size)) best = family
  }
  return best
}

/** Puts conditions that share tests behind those tests. */
function planGuards(conjunctions: readonly Conjunction[], graph: ConditionGraph, steps: Step[]): void {
  const users = new Map<Node, Conjunction[]>()
  for (const conjunction of conjunctions) {
    for (const test of conjunction.tests) {
      const list = users.get(test)
      if (list === undefined) users.set(test, [conjunction])
      else list.push(conjunction)
    }
  }
  const shared = [...users].filter(([test, list]) => list.length > 1 && isGuard(test))
  // Many conditions likely to be skipped for little work come first.
  const worth = ([test, list]: readonly [Node, readonly Conjunction[]]): number =>
    ((list.length - 1) * (1 - test.likelihood)) / (test.cost + 3)
  shared.sort((a, b) => worth(b) - worth(a) || a[0].id - b[0].id)
  const placed = new Set<Conjunction>()
  for (const [, list] of shared) {
    const members = list.filter(c => !placed.has(c))
    if (members.length < 2) continue
    for (const member of members) placed.add(member)
    const common = commonTests(members)
    const inner = members.map(m => ({ condition: m.condition, tests: m.tests.filter(t => !common.has(t)) }))
    const tests = [...common].sort(compareWorth('and'))
    steps.push({ kind: 'guard', tests, steps: planSteps(inner, graph) })
  }
  for (const conjunction of conjunctions) {
    if (!placed.has(conjunction)) steps.push({ kind: 'leaf', ...conjunction })
  }
}
