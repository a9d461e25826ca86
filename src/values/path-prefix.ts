import { compileGlob, type Glob } from './glob.ts'
import type { ByteText } from './value.ts'

/**
 * Paths as `pmatch` compares them: a path is its components, repeated and final slashes do not count, and a search path fits a value
 * when its components begin the value's. A component of a search path with `?`, `*` or `[` is a glob for one component. All search
 * paths lie in one trie, so a look-up costs the depth of the value, not the number of search paths.
 */
export class PathPrefixes<T> {
  readonly #root: PathNode<T> = newNode()

  /** Adds a search path; several items may share one. `/` and '' fit every value. */
  add(path: ByteText, item: T): void {
    let node = this.#root
    for (const component of path.split('/')) {
      if (component !== '') node = childFor(node, component)
    }
    node.items.push(item)
  }

  /** Whether any search path fits. */
  matches(value: ByteText): boolean {
    return anyMatch(this.#root, value, 0)
  }

  /** Appends the items of all search paths that fit; an item comes as often as it was added. */
  collect(value: ByteText, out: T[]): void {
    collectMatches(this.#root, value, 0, out)
  }
}

interface PathNode<T> {
  readonly children: Map<string, PathNode<T>>
  readonly globs: { readonly pattern: string; readonly glob: Glob; readonly node: PathNode<T> }[]
  readonly items: T[]
}

function newNode<T>(): PathNode<T> {
  return { children: new Map(), globs: [], items: [] }
}

function childFor<T>(node: PathNode<T>, component: string): PathNode<T> {
  if (/[?*[]/.test(component)) {
    const known = node.globs.find(g => g.pattern === component)
    if (known !== undefined) return known.node
    const child = newNode<T>()
    node.globs.push({ pattern: component, glob: compileGlob(component, false), node: child })
    return child
  }
  const known = node.children.get(component)
  if (known !== undefined) return known
  const child = newNode<T>()
  node.children.set(component, child)
  return child
}

// The recursion is as deep as the search paths, and each node of the trie is visited at most once for one value.
function anyMatch<T>(node: PathNode<T>, value: ByteText, at: number): boolean {
  if (node.items.length > 0) return true
  const start = skipSlashes(value, at)
  if (start === value.length) return false
  const end = componentEnd(value, start)
  const component = value.slice(start, end)
  const child = node.children.get(component)
  if (child !== undefined && anyMatch(child, value, end)) return true
  for (const g of node.globs) if (g.glob.matches(component) && anyMatch(g.node, value, end)) return true
  return false
}

function collectMatches<T>(node: PathNode<T>, value: ByteText, at: number, out: T[]): void {
  for (const item of node.items) out.push(item)
  const start = skipSlashes(value, at)
  if (start === value.length) return
  const end = componentEnd(value, start)
  const component = value.slice(start, end)
  const child = node.children.get(component)
  if (child !== undefined) collectMatches(child, value, end, out)
  for (const g of node.globs) if (g.glob.matches(component)) collectMatches(g.node, value, end, out)
}

function skipSlashes(value: ByteText, at: number): number {
  let i = at
  while (i < value.length && value.charCodeAt(i) === 0x2f) i++
  return i
}

function componentEnd(value: ByteText, start: number): number {
  const slashAt = value.indexOf('/', start)
  return slashAt < 0 ? value.length : slashAt
}
