/**
 * Text that findings point into. A place is two offsets (UTF-16 units, as JavaScript counts); line and column are worked out only when
 * something is printed, so tokens and nodes stay small and a place survives whatever happens to the layout of a message.
 */
export interface Source {
  /** The path as the user gave it, for printing. */
  readonly path: string
  readonly text: string
}

/** Half-open range of offsets into `Source.text` (or, in a condition's tree, into the condition's own text). */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Line and column count from 1; the column counts UTF-16 units. */
export interface Position {
  readonly line: number
  readonly column: number
}

const lineStartsOf = new WeakMap<Source, readonly number[]>()

function lineStarts(source: Source): readonly number[] {
  const known = lineStartsOf.get(source)
  if (known !== undefined) return known
  const starts = [0]
  for (let at = source.text.indexOf('\n'); at !== -1; at = source.text.indexOf('\n', at + 1)) starts.push(at + 1)
  lineStartsOf.set(source, starts)
  return starts
}

/** Index of the line (from 0) that holds `offset`. */
function lineIndexAt(starts: readonly number[], offset: number): number {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (starts[middle]! <= offset) low = middle
    else high = middle - 1
  }
  return low
}

/** The line and column of `offset`; an offset outside the text counts as its nearest end. The first call reads the whole text once. */
export function positionAt(source: Source, offset: number): Position {
  const at = Math.max(0, Math.min(offset, source.text.length))
  const starts = lineStarts(source)
  const index = lineIndexAt(starts, at)
  return { line: index + 1, column: at - starts[index]! + 1 }
}

/** The text of line `line` (from 1) without its line end, and the offset at which it begins. */
export function lineText(source: Source, line: number): { readonly text: string; readonly start: number } {
  const starts = lineStarts(source)
  const start = starts[line - 1]
  if (start === undefined) return { text: '', start: source.text.length }
  const next = starts[line]
  let end = next === undefined ? source.text.length : next - 1
  if (end > start && source.text[end - 1] === '\r') end--
  return { text: source.text.slice(start, end), start }
}
