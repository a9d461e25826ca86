import pc from 'picocolors'
import type { Diagnostic } from './diagnostic.ts'
import type { Source, Span } from './source.ts'
import { lineText, positionAt } from './source.ts'

/**
 * Turns a finding into text for people: a line `path:line:column: code: message` that editors understand, the source line with a caret
 * under the place, and the help. Columns on the screen are not characters: a tab is several, a Chinese character two, an accent none,
 * so the line is laid out once and the caret follows that layout. Control characters from rule files never reach the terminal.
 */
export interface RenderOptions {
  /** Terminal colours; off unless true. */
  readonly color?: boolean
}

const TAB_WIDTH = 4
/** A longer source line is cut to a window around the place. */
const MAX_SNIPPET_WIDTH = 120

/** One finding; several lines, without a final line end. */
export function renderDiagnostic(d: Diagnostic, options: RenderOptions = {}): string {
  const paint = pc.createColors(options.color === true)
  const accent = d.severity === 'error' ? paint.red : paint.yellow
  const at = positionAt(d.source, d.span.start)
  const head = paint.bold(`${printable(d.source.path)}:${at.line}:${at.column}:`)
  const lines = [`${head} ${accent(paint.bold(`${d.code}:`))} ${paint.bold(printable(d.message))}`]
  const gutter = String(
    Math.max(at.line, ...(d.secondary ?? []).map(s => positionAt(s.source, s.span.start).line)),
  ).length
  const bar = (label: string): string => paint.blue(`${label.padStart(gutter)} |`)
  lines.push(...snippet(d.source, d.span, '^', d.label, bar, accent))
  for (const second of d.secondary ?? []) {
    const place = positionAt(second.source, second.span.start)
    lines.push(
      `${' '.repeat(gutter)} ${paint.blue('::')} ${printable(second.source.path)}:${place.line}:${place.column}`,
    )
    lines.push(...snippet(second.source, second.span, '-', second.text, bar, paint.blue))
  }
  const more = (kind: string, text: string): string =>
    `${' '.repeat(gutter)} ${paint.blue('=')} ${paint.bold(`${kind}:`)} ${text}`
  for (const note of d.notes ?? []) lines.push(more('note', printable(note)))
  if (d.help !== undefined) lines.push(more('help', printable(d.help)))
  return lines.join('\n')
}

function snippet(
  source: Source,
  span: Span,
  mark: '^' | '-',
  label: string | undefined,
  bar: (label: string) => string,
  accent: (text: string) => string,
): string[] {
  const { line } = positionAt(source, span.start)
  const { text, start } = lineText(source, line)
  const from = Math.min(span.start - start, text.length)
  // A place of several lines is underlined to the end of its first.
  const to = Math.max(from, Math.min(span.end - start, text.length))
  const laidOut = layOutLine(text, from, to)
  const underline = ' '.repeat(laidOut.caretAt) + accent(mark.repeat(laidOut.caretWidth))
  const tail = label === undefined ? '' : ` ${accent(printable(label))}`
  return [bar(''), `${bar(String(line))} ${laidOut.text}`.trimEnd(), `${bar('')} ${underline}${tail}`]
}

interface LaidOutLine {
  readonly text: string
  /** Screen columns before the caret, and how many carets. */
  readonly caretAt: number
  readonly caretWidth: number
}

/** Lays out at most `MAX_SNIPPET_WIDTH` columns of `text` around the characters `from` … `to`, whatever the length of the line. */
function layOutLine(text: string, from: number, to: number): LaidOutLine {
  // A character is at most TAB_WIDTH columns and at least none; looking at so many on each side is enough for the window.
  const windowStart = from > MAX_SNIPPET_WIDTH ? from - Math.floor(MAX_SNIPPET_WIDTH / 2) : 0
  let out = windowStart > 0 ? '…' : ''
  let column = out.length
  let caretAt = column
  let caretEnd = -1
  let at = windowStart
  // Never begin inside a surrogate pair.
  if (at > 0 && isLowSurrogate(text.charCodeAt(at))) at++
  while (at < text.length) {
    if (at === from) caretAt = column
    if (at === to) caretEnd = column
    if (column >= MAX_SNIPPET_WIDTH) {
      out += '…'
      break
    }
    const code = text.codePointAt(at)!
    const width = columnWidth(code, column)
    out += code === 0x09 ? ' '.repeat(width) : printable(String.fromCodePoint(code))
    column += width
    at += code > 0xffff ? 2 : 1
  }
  if (from >= at) caretAt = column
  if (caretEnd < 0) caretEnd = column
  return { text: out, caretAt, caretWidth: Math.max(1, caretEnd - caretAt) }
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}

/** Characters that would move the cursor or recolour the terminal become their pictures; tabs and line ends become blanks. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, c => {
    const code = c.charCodeAt(0)
    if (code === 0x09 || code === 0x0a || code === 0x0d) return ' '
    if (code < 0x20) return String.fromCharCode(0x2400 + code)
    return code === 0x7f ? '\u2421' : '\ufffd'
  })
}

/** First and last code points of the ranges that take two columns (Unicode East Asian Width W and F, the large blocks). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
]

/** Ranges that take no column: combining marks, joiners, variation selectors. */
const ZERO: readonly (readonly [number, number])[] = [
  [0x0300, 0x036f],
  [0x1ab0, 0x1aff],
  [0x200b, 0x200f],
  [0x20d0, 0x20ff],
  [0xfe00, 0xfe0f],
]

function columnWidth(code: number, column: number): number {
  if (code === 0x09) return TAB_WIDTH - (column % TAB_WIDTH)
  if (code < 0x300) return 1
  if (ZERO.some(([low, high]) => code >= low && code <= high)) return 0
  return WIDE.some(([low, high]) => code >= low && code <= high) ? 2 : 1
}
