/**
 * The three forms of scalars, with the folding, chomping and escapes of yaml-cpp, which reads Falco's rule files: a file means here what
 * it means there, also where YAML 1.2 would have it otherwise. The value is built from slices of the file; `segments` remembers where
 * each slice came from.
 */
export interface ScannedScalar {
  readonly value: string
  /** Offset after the scalar: where scanning goes on. */
  readonly end: number
  /** Offset after the last character that belongs to the text, for spans. */
  readonly contentEnd: number
  readonly segments: readonly number[] | undefined
  /** It ended because a line is indented too little, so a key may begin there. */
  readonly endedByIndent: boolean
  /** Where the line begins on which scanning goes on. */
  readonly lineStart: number
}

export interface ScalarError {
  readonly at: number
  readonly message: string
  readonly help?: string
}

export type ScalarScan = ScannedScalar | { readonly error: ScalarError }

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const HASH = 35

export function isBreakCode(code: number): boolean {
  return code === LF || code === CR
}

export function isBlankCode(code: number): boolean {
  return code === SPACE || code === TAB
}

/** Offset after the line break at `at`. */
export function afterBreak(text: string, at: number): number {
  return text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF ? at + 2 : at + 1
}

/**
 * The character after which a line of `text` begins, with column 0: what ends its first line. As in yaml-cpp, the other kind of line break
 * ends a line too, but the columns after it count on.
 */
export function lineEndingOf(text: string): number {
  const first = lineEnd(text, 0)
  return text.charCodeAt(first) === CR && text.charCodeAt(first + 1) !== LF ? CR : LF
}

/** Where the line begins that a line break from `at` to `next` leads to. */
export function lineStartAfter(text: string, at: number, next: number, lineStart: number, ending: number): number {
  if (text.charCodeAt(next - 1) === ending) return next
  return text.charCodeAt(at) === ending ? at + 1 : lineStart
}

/** The line that a scalar begins on. */
export interface LinePlace {
  readonly start: number
  /** From `lineEndingOf`. */
  readonly ending: number
}

/** Whether `---` or `...`, followed by a blank or the end, stands at `at` (which begins a line). */
export function isDocumentMark(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  if (code !== 45 && code !== 46) return false
  if (text.charCodeAt(at + 1) !== code || text.charCodeAt(at + 2) !== code) return false
  return isBlankOrEnd(text, at + 3)
}

/** A blank, a line break or the end of the text. */
export function isBlankOrEnd(text: string, at: number): boolean {
  if (at >= text.length) return true
  const code = text.charCodeAt(at)
  return code === SPACE || code === TAB || code === LF || code === CR
}

/** Whether a plain scalar ends at `at`: at `: `, at ` #`, and inside `[]` or `{}` also at `, ? [ ] { }`. */
function endsPlain(text: string, at: number, code: number, isFlow: boolean): boolean {
  if (code === 58) {
    if (isBlankOrEnd(text, at + 1)) return true
    if (!isFlow) return false
    const next = text.charCodeAt(at + 1)
    return next === 44 || next === 93 || next === 125
  }
  if (isBlankCode(code)) return text.charCodeAt(at + 1) === HASH
  if (isBreakCode(code)) return text.charCodeAt(afterBreak(text, at)) === HASH
  return isFlow && (code === 44 || code === 63 || code === 91 || code === 93 || code === 123 || code === 125)
}

const TAB_INDENT: Pick<ScalarError, 'message' | 'help'> = {
  message: 'a tab where indentation must be spaces',
  help: 'replace the tab by spaces',
}

// Searches that leave the characters in between to the engine; each has its own place, and none is used while it is searching.
const PLAIN_STOP = /[:#\n\r]/g
const FLOW_STOP = /[:#\n\r,?[\]{}]/g
const LINE_END = /[\n\r]/g

/** Offset of the first character from `at` on that `pattern` (which is global) finds, or the end. */
function search(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex - 1 : text.length
}

/** Offset of the line break from `at` on, or the end. */
export function lineEnd(text: string, at: number): number {
  return search(LINE_END, text, at)
}

/** Scans the plain scalar at `start`, on `line`; continuation lines need at least `indent` columns. */
export function scanPlain(text: string, start: number, line: LinePlace, indent: number, isFlow: boolean): ScalarScan {
  let at = start
  let lineStart = line.start
  let value = ''
  let segments: number[] | undefined
  let contentEnd = start
  let wasEmpty = false
  let endedByIndent = false
  for (;;) {
    const from = at
    let ended = at === lineStart && isDocumentMark(text, at)
    while (!ended) {
      at = search(isFlow ? FLOW_STOP : PLAIN_STOP, text, at)
      if (at === text.length) break
      const code = text.charCodeAt(at)
      if (code === HASH && at > from && isBlankCode(text.charCodeAt(at - 1))) {
        at--
        ended = true
      } else if (endsPlain(text, at, code, isFlow)) ended = true
      else if (isBreakCode(code)) break
      else at++
    }
    let upTo = at
    while (upTo > from && isBlankCode(text.charCodeAt(upTo - 1))) upTo--
    if (upTo > from) {
      if (from !== start) {
        segments ??= [0, start]
        segments.push(value.length, from)
      }
      value += text.slice(from, upTo)
      contentEnd = upTo
    }
    if (ended || at >= text.length) break

    const next = afterBreak(text, at)
    lineStart = lineStartAfter(text, at, next, lineStart, line.ending)
    at = next
    while (at < text.length && text.charCodeAt(at) === SPACE && at - lineStart < indent) {
      if (endsPlain(text, at, SPACE, isFlow)) break
      at++
    }
    while (at < text.length && isBlankCode(text.charCodeAt(at))) {
      if (text.charCodeAt(at) === TAB && at - lineStart < indent) return { error: { at, ...TAB_INDENT } }
      if (endsPlain(text, at, text.charCodeAt(at), isFlow)) break
      at++
    }
    const isEmpty = at < text.length && isBreakCode(text.charCodeAt(at))
    if (isEmpty) value += '\n'
    else if (!wasEmpty) value += ' '
    wasEmpty = isEmpty
    if (!isEmpty && at - lineStart < indent) {
      endedByIndent = true
      break
    }
  }
  let length = value.length
  while (length > 0 && isBlankCode(value.charCodeAt(length - 1))) length--
  while (length > 0 && value.charCodeAt(length - 1) === LF) length--
  if (length < value.length) value = value.slice(0, length)
  return { value, end: at, contentEnd, endedByIndent, lineStart, segments }
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['0', '\0'],
  ['a', '\x07'],
  ['b', '\b'],
  ['t', '\t'],
  ['\t', '\t'],
  ['n', '\n'],
  ['v', '\v'],
  ['f', '\f'],
  ['r', '\r'],
  ['e', '\x1b'],
  [' ', ' '],
  ['"', '"'],
  ["'", "'"],
  ['\\', '\\'],
  ['/', '/'],
  ['N', '\x85'],
  ['_', '\xa0'],
  ['L', '\u2028'],
  ['P', '\u2029'],
])

const HEX_LENGTH: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
])

/** Reads the escape whose backslash is at `at`. */
function readEscape(text: string, at: number): { readonly value: string; readonly end: number } | ScalarError {
  const letter = text[at + 1] ?? ''
  const plain = ESCAPES.get(letter)
  if (plain !== undefined) return { value: plain, end: at + 2 }
  const length = HEX_LENGTH.get(letter)
  if (length === undefined) {
    return {
      at,
      message: `unknown escape \`\\${letter}\` in a double-quoted string`,
      help: 'write `\\\\` for a backslash, or use single quotes, which have no escapes',
    }
  }
  const digits = text.slice(at + 2, at + 2 + length)
  if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length !== length) {
    return { at, message: `\`\\${letter}\` needs ${length} hexadecimal digits` }
  }
  const code = Number.parseInt(digits, 16)
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    return { at, message: `\`\\${letter}${digits}\` is not a character` }
  }
  return { value: String.fromCodePoint(code), end: at + 2 + length }
}

const SINGLE_QUOTED_STOP = /['\n\r]/g
const DOUBLE_QUOTED_STOP = /["\\\n\r]/g

/** A quoted scalar of one line without escapes, which most are; undefined if it is another. */
function scanSimpleQuoted(
  text: string,
  start: number,
  isSingle: boolean,
  lineStart: number,
): ScannedScalar | undefined {
  const end = search(isSingle ? SINGLE_QUOTED_STOP : DOUBLE_QUOTED_STOP, text, start + 1)
  if (text[end] !== (isSingle ? "'" : '"') || (isSingle && text[end + 1] === "'")) return undefined
  const value = text.slice(start + 1, end)
  return { value, end: end + 1, contentEnd: end + 1, segments: [0, start + 1], endedByIndent: false, lineStart }
}

/** Scans the quoted scalar whose opening quote is at `start`, on `line`. */
export function scanQuoted(text: string, start: number, line: LinePlace): ScalarScan {
  const quote = text.charCodeAt(start)
  const isSingle = quote === 39
  const plain = scanSimpleQuoted(text, start, isSingle, line.start)
  if (plain !== undefined) return plain
  let at = start + 1
  let lineStart = line.start
  let value = ''
  // What an escape gave is never stripped, however blank it is.
  let keep = 0
  let wasEmpty = false
  const segments: number[] = [0, at]
  for (;;) {
    let from = at
    let escapedBreak = false
    let closed = false
    const flush = (): void => {
      if (at > from) {
        segments.push(value.length, from)
        value += text.slice(from, at)
      }
    }
    while (at < text.length) {
      const code = text.charCodeAt(at)
      if (isBreakCode(code)) break
      if (at === lineStart && isDocumentMark(text, at)) {
        return {
          error: {
            at,
            message: 'a document mark inside a quoted string',
            help: 'close the string, or indent this line',
          },
        }
      }
      if (code === quote) {
        if (!isSingle || text.charCodeAt(at + 1) !== quote) {
          closed = true
          break
        }
        flush()
        segments.push(value.length, at)
        value += "'"
        keep = value.length
        at += 2
        from = at
      } else if (code === 92 && !isSingle) {
        flush()
        if (at + 1 < text.length && isBreakCode(text.charCodeAt(at + 1))) {
          keep = value.length
          at++
          from = at
          escapedBreak = true
          break
        }
        const escaped = readEscape(text, at)
        if ('message' in escaped) return { error: escaped }
        segments.push(value.length, at)
        value += escaped.value
        keep = value.length
        at = escaped.end
        from = at
      } else at++
    }
    const lineBreak = at
    if (!closed) while (at > from && isBlankCode(text.charCodeAt(at - 1)) && !escapedBreak) at--
    flush()
    if (closed) break
    if (lineBreak >= text.length) {
      return {
        error: {
          at: start,
          message: 'a quoted string that is never closed',
          help: 'add the quote where the value ends',
        },
      }
    }

    at = afterBreak(text, lineBreak)
    lineStart = lineStartAfter(text, lineBreak, at, lineStart, line.ending)
    while (at < text.length && isBlankCode(text.charCodeAt(at))) at++
    const isEmpty = at < text.length && isBreakCode(text.charCodeAt(at))
    if (isEmpty) value += '\n'
    else if (!wasEmpty && !escapedBreak) value += ' '
    wasEmpty = isEmpty
  }
  // Several line breaks at the very end count as one, and nothing but line breaks as none.
  let length = value.length
  while (length > keep && value.charCodeAt(length - 1) === LF) length--
  if (value.length > length) value = value.slice(0, length === 0 ? 0 : length + 1)
  return {
    value,
    end: at + 1,
    contentEnd: at + 1,
    segments,
    endedByIndent: false,
    lineStart,
  }
}

/** Scans the block scalar whose `|` or `>` is at `start`, on `line`, under a collection indented by `parentIndent` columns (−1 at the top). */
export function scanBlock(text: string, start: number, line: LinePlace, parentIndent: number): ScalarScan {
  const folds = text.charCodeAt(start) === 62
  let at = start + 1
  let chomp: 'clip' | 'strip' | 'keep' = 'clip'
  let indent = 1
  let detects = true
  let sawChomp = false
  for (let n = 0; n < 2; n++) {
    const letter = text[at]
    if ((letter === '+' || letter === '-') && !sawChomp) {
      chomp = letter === '+' ? 'keep' : 'strip'
      sawChomp = true
    } else if (letter !== undefined && letter >= '0' && letter <= '9' && detects) {
      if (letter === '0') return { error: { at, message: 'the indentation of a block scalar cannot be 0' } }
      indent = Number(letter)
      detects = false
    } else break
    at++
  }
  while (at < text.length && isBlankCode(text.charCodeAt(at))) at++
  if (text.charCodeAt(at) === HASH) at = lineEnd(text, at)
  if (at < text.length && !isBreakCode(text.charCodeAt(at))) {
    return {
      error: {
        at,
        message: `text after \`${folds ? '>' : '|'}\` on the same line`,
        help: 'begin the text on the next line, indented',
      },
    }
  }
  if (parentIndent >= 0) indent += parentIndent

  let value = ''
  const segments: number[] = []
  let contentEnd = at
  let foundText = false
  let pastFirstBreak = false
  let wasEmpty = false
  let wasMoreIndented = false
  let foldedBreaks = 0
  let foldStartedMoreIndented = false
  let endedByIndent = false
  let lineStart = line.start
  while (at < text.length) {
    const from = at
    at = lineEnd(text, at)
    if (at > from) {
      foundText = true
      pastFirstBreak = true
      segments.push(value.length, from)
      value += text.slice(from, at)
      contentEnd = at
    }
    if (at >= text.length) break

    const next = afterBreak(text, at)
    lineStart = lineStartAfter(text, at, next, lineStart, line.ending)
    at = next
    while (text.charCodeAt(at) === SPACE && (at - lineStart < indent || (detects && !foundText))) at++
    if (detects && !foundText) indent = Math.max(indent, at - lineStart)
    if (text.charCodeAt(at) === TAB && at - lineStart < indent) return { error: { at, ...TAB_INDENT } }
    const isEmpty = at < text.length && isBreakCode(text.charCodeAt(at))
    const isMoreIndented = at < text.length && isBlankCode(text.charCodeAt(at))
    if (folds && foldedBreaks === 0 && isEmpty) foldStartedMoreIndented = wasMoreIndented
    if (pastFirstBreak) {
      if (!folds) value += '\n'
      else {
        if (!wasEmpty && !isEmpty && !wasMoreIndented && !isMoreIndented && at - lineStart >= indent) value += ' '
        else if (isEmpty) foldedBreaks++
        else value += '\n'
        if (!isEmpty && foldedBreaks > 0) {
          value += '\n'.repeat(foldedBreaks - 1)
          if (foldStartedMoreIndented || isMoreIndented || !foundText) value += '\n'
          foldedBreaks = 0
        }
      }
    }
    wasEmpty = isEmpty
    wasMoreIndented = isMoreIndented
    pastFirstBreak = true
    if (!isEmpty && at - lineStart < indent) {
      endedByIndent = true
      break
    }
  }
  if (chomp !== 'keep') {
    let length = value.length
    while (length > 0 && value.charCodeAt(length - 1) === LF) length--
    if (length === 0) value = ''
    else value = value.slice(0, chomp === 'clip' ? length + 1 : length)
  }
  if (segments.length === 0) segments.push(0, contentEnd)
  return { value, end: at, contentEnd, segments, endedByIndent, lineStart }
}
