import {
  afterBreak,
  isBlankCode,
  isBlankOrEnd,
  isBreakCode,
  isDocumentMark,
  lineEnd,
  lineEndingOf,
  lineStartAfter,
  scanBlock,
  scanPlain,
  scanQuoted,
} from './scan-scalar.ts'
import type { LinePlace, ScalarScan } from './scan-scalar.ts'

/**
 * Characters → tokens, as yaml-cpp sees them. Whether a scalar is a key is known only when a `:` follows, so its `key` token (and the
 * `map-start` that the key may imply) stands in the queue as unverified until the scanner has read on.
 */
export type TokenKind =
  | 'directive'
  | 'document-start'
  | 'document-end'
  | 'sequence-start'
  | 'map-start'
  | 'sequence-end'
  | 'map-end'
  | 'entry'
  | 'flow-sequence-start'
  | 'flow-map-start'
  | 'flow-sequence-end'
  | 'flow-map-end'
  | 'flow-entry'
  | 'key'
  | 'value'
  | 'anchor'
  | 'alias'
  | 'tag'
  | 'plain'
  | 'quoted'

export interface Token {
  readonly kind: TokenKind
  readonly start: number
  readonly end: number
  /** The text of a scalar, the name of an anchor or alias, a whole directive. */
  readonly value: string
  readonly segments: readonly number[] | undefined
  status: 'valid' | 'unverified' | 'invalid'
}

export interface YamlError {
  readonly at: number
  readonly message: string
  readonly help?: string
}

interface Indent {
  readonly column: number
  readonly kind: 'none' | 'sequence' | 'map'
  status: 'valid' | 'unverified' | 'invalid'
}

/** A key that is one if a `:` follows on the same line. */
interface PossibleKey {
  readonly at: number
  readonly lineStart: number
  readonly depth: number
  readonly key: Token
  readonly mapStart: Token | undefined
  readonly indent: Indent | undefined
}

/** A key that needs no `?` is at most so long. */
const MAX_SIMPLE_KEY_LENGTH = 1024

// Sticky, so that no text is searched twice.
const VERBATIM_TAG = /(?:[\w\-#;/?:@&=+$,.!~*'()[\]]|%[0-9a-fA-F]{2})*/y
const TAG = /(?:[\w\-#;/?:@&=+$.~*'()]|%[0-9a-fA-F]{2})*/y

/** ASCII codes of the letters that mean something else at the beginning of a scalar, as 1. */
const BEGINS_NO_PLAIN = new Uint8Array(128)
for (const letter of ',[]{}#&*!|>\'"%@`') BEGINS_NO_PLAIN[letter.charCodeAt(0)] = 1

/** Offset after what the sticky `pattern` matches at `at`. */
function afterMatch(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  pattern.test(text)
  return pattern.lastIndex
}

export class TokenScanner {
  readonly #text: string
  readonly #lineEnding: number
  #at: number
  #lineStart: number
  #tokens: Token[] = []
  #head = 0
  #flows: ('sequence' | 'map')[] = []
  #indents: Indent[] = [{ column: -1, kind: 'none', status: 'valid' }]
  #keys: PossibleKey[] = []
  #keyAllowed = true
  /** After a quoted scalar or a closing bracket, inside brackets, `:` needs no blank. */
  #afterJson = false
  /** Behind a quoted scalar outside brackets no other scalar may stand on the line. */
  #scalarAllowed = true
  #ended = false
  /** Set when the text is not YAML; no token follows then. */
  error: YamlError | undefined

  constructor(text: string) {
    this.#text = text
    this.#lineEnding = lineEndingOf(text)
    this.#at = text.charCodeAt(0) === 0xfeff ? 1 : 0
    this.#lineStart = this.#at
  }

  /** Where scanning stands, for messages about what is missing at the end. */
  get at(): number {
    return this.#at
  }

  /** The next token, not yet taken; undefined at the end and after an error. */
  peek(): Token | undefined {
    for (;;) {
      const token = this.#tokens[this.#head]
      if (token !== undefined && token.status !== 'unverified') {
        if (token.status === 'valid') return this.error === undefined ? token : undefined
        this.#head++
      } else if (this.#ended) return undefined
      else this.#scanNext()
    }
  }

  take(): void {
    this.#head++
    if (this.#head > 4096 && this.#head * 2 > this.#tokens.length) {
      this.#tokens = this.#tokens.slice(this.#head)
      this.#head = 0
    }
  }

  fail(at: number, message: string, help?: string): undefined {
    this.error ??= { at, message, ...(help !== undefined && { help }) }
    this.#ended = true
    this.#tokens = []
    this.#head = 0
    return undefined
  }

  get #line(): LinePlace {
    return { start: this.#lineStart, ending: this.#lineEnding }
  }

  get #isFlow(): boolean {
    return this.#flows.length > 0
  }

  get #topColumn(): number {
    return this.#indents.at(-1)?.column ?? 0
  }

  #push(kind: TokenKind, start: number, end: number, value = '', segments?: readonly number[]): Token {
    const token: Token = { kind, start, end, value, status: 'valid', segments }
    this.#tokens.push(token)
    return token
  }

  #scanNext(): undefined {
    const text = this.#text
    this.#skipToToken()
    this.#popIndentsToHere()
    const at = this.#at
    if (at >= text.length) {
      this.#endStream()
      return
    }
    const code = text.charCodeAt(at)
    if (at === this.#lineStart) {
      if (code === 37) return this.#scanDirective()
      if (isDocumentMark(text, at)) return this.#scanDocumentMark(code === 45)
    }
    switch (code) {
      case 91: // [
      case 123: // {
        return this.#scanFlowStart(code === 91 ? 'sequence' : 'map')
      case 93: // ]
      case 125: // }
        return this.#scanFlowEnd(code === 93 ? 'sequence' : 'map')
      case 44: // ,
        return this.#scanFlowEntry()
      case 45: // -
        if (isBlankOrEnd(text, at + 1)) return this.#scanEntry()
        break
      case 63: // ?
        if (at + 1 < text.length && isBlankOrEnd(text, at + 1)) return this.#scanExplicitKey()
        break
      case 58: // :
        if (this.#isValueMark(at)) return this.#scanValue()
        break
      case 42: // *
      case 38: // &
        return this.#scanAnchor(code === 42 ? 'alias' : 'anchor')
      case 33: // !
        return this.#scanTag()
      case 34: // "
      case 39: // '
        return this.#scanQuoted()
      case 124: // |
      case 62: // >
        if (!this.#isFlow) return this.#scanBlock()
        break
      default:
    }
    if (this.#beginsPlain(at, code)) return this.#scanPlain()
    const letter = String.fromCodePoint(text.codePointAt(at) ?? 0)
    this.fail(
      at,
      `\`${letter}\` cannot begin a value here`,
      code === 9 ? 'replace the tab by spaces' : 'quote the value, for instance with single quotes',
    )
  }

  #skipToToken(): void {
    const text = this.#text
    for (;;) {
      let code = text.charCodeAt(this.#at)
      while (isBlankCode(code)) {
        if (code === 9 && !this.#isFlow) this.#keyAllowed = false
        code = text.charCodeAt(++this.#at)
      }
      if (code === 35) this.#at = lineEnd(text, this.#at)
      if (this.#at >= text.length || !isBreakCode(text.charCodeAt(this.#at))) return
      const next = afterBreak(text, this.#at)
      this.#lineStart = lineStartAfter(text, this.#at, next, this.#lineStart, this.#lineEnding)
      this.#at = next
      this.#dropKey()
      this.#scalarAllowed = true
      if (!this.#isFlow) this.#keyAllowed = true
    }
  }

  #isValueMark(at: number): boolean {
    if (!this.#isFlow) return isBlankOrEnd(this.#text, at + 1)
    if (this.#afterJson) return true
    if (at + 1 >= this.#text.length) return false
    const next = this.#text.charCodeAt(at + 1)
    return isBlankOrEnd(this.#text, at + 1) || next === 44 || next === 93 || next === 125
  }

  #beginsPlain(at: number, code: number): boolean {
    if (isBlankCode(code) || isBreakCode(code)) return false
    if (code < 128 && BEGINS_NO_PLAIN[code] === 1) return false
    if (this.#isFlow) {
      if (code === 63) return false
      if (code === 45 || code === 58) {
        return at + 1 < this.#text.length && !isBlankCode(this.#text.charCodeAt(at + 1))
      }
      return true
    }
    if (code === 45 || code === 63 || code === 58) return !isBlankOrEnd(this.#text, at + 1)
    return true
  }

  // Indentation

  #pushIndent(kind: 'sequence' | 'map'): { readonly indent: Indent; readonly start: Token } | undefined {
    if (this.#isFlow) return undefined
    const column = this.#at - this.#lineStart
    const top = this.#indents.at(-1)!
    if (column < top.column) return undefined
    if (column === top.column && !(kind === 'sequence' && top.kind === 'map')) return undefined
    const start = this.#push(kind === 'sequence' ? 'sequence-start' : 'map-start', this.#at, this.#at)
    const indent: Indent = { column, kind, status: 'valid' }
    this.#indents.push(indent)
    return { indent, start }
  }

  #popIndentsToHere(): void {
    if (this.#isFlow) return
    const column = this.#at >= this.#text.length ? 0 : this.#at - this.#lineStart
    const isEntry = this.#text.charCodeAt(this.#at) === 45 && isBlankOrEnd(this.#text, this.#at + 1)
    for (;;) {
      const top = this.#indents.at(-1)!
      if (top.column < column) break
      if (top.column === column && !(top.kind === 'sequence' && !isEntry)) break
      this.#popIndent()
    }
    while (this.#indents.at(-1)!.status === 'invalid') this.#popIndent()
  }

  #popIndent(): void {
    const top = this.#indents.pop()!
    if (top.status !== 'valid') {
      this.#dropKey()
      return
    }
    if (top.kind !== 'none') this.#push(top.kind === 'sequence' ? 'sequence-end' : 'map-end', this.#at, this.#at)
  }

  #popAllIndents(): void {
    if (this.#isFlow) return
    while (this.#indents.at(-1)!.kind !== 'none') this.#popIndent()
  }

  // Keys

  #addPossibleKey(): void {
    const depth = this.#flows.length
    if (!this.#keyAllowed || this.#keys.at(-1)?.depth === depth) return
    let indent: Indent | undefined
    let mapStart: Token | undefined
    if (!this.#isFlow) {
      const pushed = this.#pushIndent('map')
      if (pushed !== undefined) {
        indent = pushed.indent
        indent.status = 'unverified'
        mapStart = pushed.start
        mapStart.status = 'unverified'
      }
    }
    const key = this.#push('key', this.#at, this.#at)
    key.status = 'unverified'
    this.#keys.push({ at: this.#at, lineStart: this.#lineStart, depth, key, mapStart, indent })
  }

  #settleKey(key: PossibleKey, status: 'valid' | 'invalid'): void {
    key.key.status = status
    if (key.mapStart !== undefined) key.mapStart.status = status
    if (key.indent !== undefined) key.indent.status = status
  }

  #dropKey(): void {
    const key = this.#keys.at(-1)
    if (key === undefined || key.depth !== this.#flows.length) return
    this.#keys.pop()
    this.#settleKey(key, 'invalid')
  }

  #verifyKey(): boolean {
    const key = this.#keys.at(-1)
    if (key === undefined || key.depth !== this.#flows.length) return false
    this.#keys.pop()
    const isKey = key.lineStart === this.#lineStart && this.#at - key.at <= MAX_SIMPLE_KEY_LENGTH
    this.#settleKey(key, isKey ? 'valid' : 'invalid')
    return isKey
  }

  /** Nothing more will settle these; they stay unverified until the end, where they count. */
  #leaveKeys(): void {
    this.#keys = []
  }

  #endStream(): void {
    this.#popAllIndents()
    this.#leaveKeys()
    this.#ended = true
    // A last key without `:`, which no line break dropped, is one: `a: b` and, on the last line, `c`.
    for (const token of this.#tokens) if (token.status === 'unverified') token.status = 'valid'
  }

  // Tokens

  #scanDirective(): undefined {
    this.#popAllIndents()
    this.#leaveKeys()
    this.#keyAllowed = false
    this.#afterJson = false
    const start = this.#at
    while (this.#at < this.#text.length && !isBreakCode(this.#text.charCodeAt(this.#at))) this.#at++
    this.#push('directive', start, this.#at, this.#text.slice(start + 1, this.#at))
  }

  #scanDocumentMark(isStart: boolean): undefined {
    this.#popAllIndents()
    this.#leaveKeys()
    this.#keyAllowed = false
    this.#afterJson = false
    const start = this.#at
    this.#at += 3
    this.#push(isStart ? 'document-start' : 'document-end', start, this.#at)
  }

  #scanFlowStart(kind: 'sequence' | 'map'): undefined {
    this.#addPossibleKey()
    this.#keyAllowed = true
    this.#afterJson = false
    this.#flows.push(kind)
    this.#push(kind === 'sequence' ? 'flow-sequence-start' : 'flow-map-start', this.#at, this.#at + 1)
    this.#at++
  }

  /** In `{a, b: c}` and `[a, b]`, the `a` turns out to be a key without value, or no key. */
  #settleLoneKey(): void {
    const flow = this.#flows.at(-1)
    if (flow === 'map' && this.#verifyKey()) this.#push('value', this.#at, this.#at)
    else if (flow === 'sequence') this.#dropKey()
  }

  #scanFlowEnd(kind: 'sequence' | 'map'): undefined {
    const open = this.#flows.at(-1)
    const letter = kind === 'sequence' ? ']' : '}'
    if (open === undefined) {
      return this.fail(this.#at, `\`${letter}\` closes nothing`, 'quote the value if the bracket belongs to it')
    }
    this.#settleLoneKey()
    this.#keyAllowed = false
    this.#afterJson = true
    if (open !== kind) {
      return this.fail(this.#at, `\`${letter}\` closes a \`${open === 'sequence' ? '[' : '{'}\``)
    }
    this.#flows.pop()
    this.#push(kind === 'sequence' ? 'flow-sequence-end' : 'flow-map-end', this.#at, this.#at + 1)
    this.#at++
  }

  #scanFlowEntry(): undefined {
    if (this.#at === this.#lineStart) {
      return this.fail(this.#at, '`,` cannot begin a line', 'put it at the end of the line before')
    }
    if (!this.#checkScalarAllowed()) return
    this.#settleLoneKey()
    this.#keyAllowed = true
    this.#afterJson = false
    this.#push('flow-entry', this.#at, this.#at + 1)
    this.#at++
  }

  #checkScalarAllowed(): boolean {
    if (!this.#scalarAllowed) {
      const quote = this.#text[this.#at - 1]
      let help = 'quote all of the value, or nothing of it'
      if (quote === "'") help = "inside single quotes a quote is written `''`"
      else if (quote === '"') help = 'inside double quotes a quote is written `\\"`'
      this.fail(this.#at, 'text after a quoted string', help)
    }
    return this.#scalarAllowed
  }

  #scanEntry(): undefined {
    if (this.#isFlow || !this.#keyAllowed) {
      return this.fail(this.#at, 'a list item `-` cannot stand here', 'begin it on a line of its own, outside brackets')
    }
    this.#pushIndent('sequence')
    this.#keyAllowed = true
    this.#afterJson = false
    this.#push('entry', this.#at, this.#at + 1)
    this.#at++
  }

  #scanExplicitKey(): undefined {
    if (!this.#isFlow) {
      if (!this.#keyAllowed) return this.fail(this.#at, 'a key `?` cannot stand here')
      this.#pushIndent('map')
    }
    this.#keyAllowed = !this.#isFlow
    this.#scalarAllowed = true
    this.#push('key', this.#at, this.#at + 1)
    this.#at++
  }

  #scanValue(): undefined {
    const possible = this.#keys.at(-1)
    const isKey = this.#verifyKey()
    this.#afterJson = false
    if (isKey) this.#keyAllowed = false
    else {
      if (!this.#isFlow) {
        if (!this.#keyAllowed) {
          if (possible !== undefined && possible.lineStart < this.#lineStart)
            return this.fail(
              possible.at,
              'a line without `:`',
              'write `key: value`; text that goes on from the line before is indented more',
            )
          return this.fail(this.#at, '`: ` cannot stand here', 'quote the value if the colon belongs to it')
        }
        this.#pushIndent('map')
      }
      this.#keyAllowed = !this.#isFlow
    }
    this.#scalarAllowed = true
    this.#push('value', this.#at, this.#at + 1)
    this.#at++
  }

  #scanAnchor(kind: 'alias' | 'anchor'): undefined {
    const text = this.#text
    this.#addPossibleKey()
    this.#keyAllowed = false
    this.#afterJson = false
    const start = this.#at
    let at = start + 1
    while (at < text.length && !isBlankOrEnd(text, at) && !'[]{},'.includes(text[at]!)) at++
    const name = text.slice(start + 1, at)
    const mark = kind === 'alias' ? '*' : '&'
    const help = `quote the value if it shall begin with \`${mark}\``
    if (name === '') return this.fail(start, `\`${mark}\` needs a name`, help)
    if (text[at] === '[' || text[at] === '{') {
      return this.fail(at, `\`${text[at]}\` cannot be part of the name \`${mark}${name}\``, help)
    }
    this.#at = at
    this.#push(kind, start, at, name)
  }

  #scanTag(): undefined {
    const text = this.#text
    this.#addPossibleKey()
    this.#keyAllowed = false
    this.#afterJson = false
    const start = this.#at
    let at = start + 1
    if (text[at] === '<') {
      at = afterMatch(VERBATIM_TAG, text, at + 1)
      if (text[at] !== '>') return this.fail(start, 'a tag `!<` that is never closed')
      at++
    } else {
      const from = at
      at = afterMatch(TAG, text, from)
      if (text[at] === '!') {
        if (!/^[a-zA-Z0-9-]*$/.test(text.slice(from, at)))
          return this.fail(from, 'the handle of a tag has letters and digits only')
        const suffix = at + 1
        at = afterMatch(TAG, text, suffix)
        if (at === suffix) return this.fail(start, 'a tag without a name', 'quote the value if it shall begin with `!`')
      }
    }
    this.#at = at
    this.#push('tag', start, at, text.slice(start, at))
  }

  #finishScalar(kind: 'plain' | 'quoted', start: number, scan: ScalarScan): boolean {
    if ('error' in scan) {
      this.fail(scan.error.at, scan.error.message, scan.error.help)
      return false
    }
    this.#lineStart = scan.lineStart
    this.#at = scan.end
    this.#push(kind, start, scan.contentEnd, scan.value, scan.segments)
    return true
  }

  #scanPlain(): undefined {
    if (!this.#checkScalarAllowed()) return
    // Before the possible key: what that would indent is not yet known to be a map.
    const indent = this.#isFlow ? 0 : this.#topColumn + 1
    this.#addPossibleKey()
    const start = this.#at
    const scan = scanPlain(this.#text, start, this.#line, indent, this.#isFlow)
    if (this.#finishScalar('plain', start, scan) && !('error' in scan)) this.#keyAllowed = scan.endedByIndent
    this.#afterJson = false
  }

  #scanQuoted(): undefined {
    if (!this.#checkScalarAllowed()) return
    this.#addPossibleKey()
    const start = this.#at
    this.#finishScalar('quoted', start, scanQuoted(this.#text, start, this.#line))
    this.#keyAllowed = false
    this.#scalarAllowed = this.#isFlow
    this.#afterJson = true
  }

  #scanBlock(): undefined {
    const start = this.#at
    this.#finishScalar('quoted', start, scanBlock(this.#text, start, this.#line, this.#topColumn))
    this.#keyAllowed = true
    this.#afterJson = false
  }
}
