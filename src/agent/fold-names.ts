/**
 * Names that differ only in a number of a host, as content delivery networks hand out anew each day, made one pattern. A pattern lets in
 * every name below it, so it is made only where all of those belong to one owner: below a domain that somebody registered, never of
 * a suffix under which anybody can have a name (`co.uk`, `s3.amazonaws.com`, `github.io`: the Public Suffix List).
 */
import { parse } from 'tldts'

/** Names that became one. */
export interface FoldedNames {
  readonly pattern: string
  /** Sorted. */
  readonly names: readonly string[]
}

/** With fewer of a kind they are listed. */
const MIN_ROTATING = 5

/** Which of `names` (canonical) rotate, by pattern; the others stay as they are. */
export function foldNames(names: Iterable<string>): readonly FoldedNames[] {
  const byShape = new Map<string, string[]>()
  for (const name of names) {
    const shape = shapeOf(name)
    if (shape === undefined) continue
    const alike = byShape.get(shape)
    if (alike === undefined) byShape.set(shape, [name])
    else alike.push(name)
  }
  const byPattern = new Map<string, string[]>()
  for (const alike of byShape.values()) {
    if (alike.length < MIN_ROTATING) continue
    const parent = parentOf(alike[0]!)
    if (!hasOneOwner(parent)) continue
    const pattern = `*.${parent}`
    byPattern.set(pattern, [...(byPattern.get(pattern) ?? []), ...alike])
  }
  return [...byPattern]
    .map(([pattern, alike]) => ({ pattern, names: alike.sort() }))
    .sort((a, b) => (a.pattern < b.pattern ? -1 : 1))
}

/** What is left of a name without its numbers: `edge#.cdn.example.com`; undefined where its first label has none. */
function shapeOf(name: string): string | undefined {
  const dot = name.indexOf('.')
  if (dot < 0) return undefined
  const label = name.slice(0, dot)
  const shape = label.replace(/[0-9a-f]{8,}|[0-9]+/g, '#')
  return shape === label ? undefined : `${shape}${name.slice(dot)}`
}

function parentOf(name: string): string {
  return name.slice(name.indexOf('.') + 1)
}

/** Whether the domain is, or is below, one that somebody registered under a suffix that the list knows. */
function hasOneOwner(domain: string): boolean {
  const { domain: registered, isIcann, isPrivate } = parse(domain, { allowPrivateDomains: true })
  return registered !== null && (isIcann === true || isPrivate === true)
}
