import { renderText } from './text.ts'
import type { ByteText } from './value.ts'

/**
 * Regular expressions as Falco has them: RE2's POSIX syntax (egrep; no `\d`, `\b`, `(?i)`, lazy operators), matched against the whole
 * text, in linear time. re2js speaks Perl syntax only, so a pattern is checked and rewritten first; `^` and `$` match at line ends and
 * `.` not at a newline, as with RE2::POSIX.
 */
export type Regex =
  | { readonly kind: 'regex'; readonly matches: (text: ByteText) => boolean }
  /** `message` says what is wrong, lower case, as RE2 words it. */
  | { readonly kind: 'bad'; readonly message: string }

/** RE2's limits: repeat counts, nesting, and instructions that fit into its default memory. */
const MAX_REPEAT = 1000
const MAX_NESTING = 1000
const MAX_INSTRUCTIONS = 87_000

/** Loaded with the first regular expression: it is large, most rule sets have none, and starting quickly matters. */
let library: typeof import('re2js') | undefined

function loadLibrary(): typeof import('re2js') {
  const { createRequire } = process.getBuiltinModule('node:module')
  return createRequire(import.meta.url)('re2js') as typeof import('re2js')
}

/** Compiles `pattern` (UTF-8 bytes). Never throws. */
export function compileRegex(pattern: ByteText): Regex {
  const source = renderText(pattern)
  if (source.includes('\ufffd') && !pattern.includes('\xef\xbf\xbd')) return { kind: 'bad', message: 'invalid UTF-8' }
  const perl = new PosixTranslator(source).translate()
  if (perl.kind === 'bad') return perl
  const plain = plainMatcher(source)
  if (plain !== undefined) return { kind: 'regex', matches: plain }
  try {
    library ??= loadLibrary()
    const { RE2JS } = library
    const compiled = RE2JS.compile(perl.text, RE2JS.MULTILINE)
    return { kind: 'regex', matches: text => compiled.testExact(renderText(text)) }
  } catch (error) {
    return {
      kind: 'bad',
      message: error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error),
    }
  }
}

const PLAIN = /^(\.\*)?([A-Za-z0-9 /_:;,=@%&~"'<>#!-]*)(\.\*)?$/

/** A literal with `.*` before or behind needs no automaton: the commonest patterns of rules. */
function plainMatcher(source: string): ((text: ByteText) => boolean) | undefined {
  const m = PLAIN.exec(source)
  if (m === null) return undefined
  const literal = m[2] as string
  if (m[1] !== undefined && m[3] !== undefined) return text => text.includes(literal) && !text.includes('\n')
  if (m[1] !== undefined) return text => text.endsWith(literal) && !text.includes('\n')
  if (m[3] !== undefined) return text => text.startsWith(literal) && !text.includes('\n')
  return text => text === literal
}

type Translation = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'bad'; readonly message: string }

interface Atom {
  /** Where it begins in the output. */
  readonly start: number
  /** Roughly how many instructions it takes. */
  readonly size: number
  /** The repetition it carries already. */
  readonly repeat: string
}

interface Group {
  readonly start: number
  readonly size: number
}

class RegexError extends Error {}

class PosixTranslator {
  readonly #source: string
  #at = 0
  #out = ''
  #size = 0
  #atom: Atom | undefined = undefined
  readonly #groups: Group[] = []
  #wraps = 0

  constructor(source: string) {
    this.#source = source
  }

  translate(): Translation {
    try {
      while (this.#at < this.#source.length) this.#next()
      if (this.#groups.length > 0) throw new RegexError(`missing ): ${this.#source}`)
      return { kind: 'text', text: this.#out }
    } catch (error) {
      if (error instanceof RegexError) return { kind: 'bad', message: error.message }
      throw error
    }
  }

  #next(): void {
    const c = this.#takeCharacter()
    switch (c) {
      case '(':
        if (this.#source[this.#at] === '?') throw new RegexError('no argument for repetition operator: ?')
        if (this.#groups.length >= MAX_NESTING) throw new RegexError('expression nesting too deep')
        this.#groups.push({ start: this.#out.length, size: this.#size })
        this.#out += '('
        this.#atom = undefined
        this.#size = 0
        return
      case ')': {
        const group = this.#groups.pop()
        if (group === undefined) throw new RegexError(`unexpected ): ${this.#source}`)
        const size = this.#size + 2
        this.#size = group.size
        this.#out += ')'
        this.#setAtom(group.start, size)
        return
      }
      case '|':
        this.#out += '|'
        this.#size += 1
        this.#atom = undefined
        return
      case '*':
      case '+':
      case '?':
        this.#repeat(c)
        return
      case '{':
        this.#brace()
        return
      case '[':
        this.#characterClass()
        return
      case '\\':
        this.#pushAtom(quoteCode(this.#escape()), 1)
        return
      case '.':
        this.#pushAtom('.', 6)
        return
      case '^':
      case '$':
        this.#pushAtom(c, 1)
        return
      default:
        this.#pushAtom(c === '}' || c === ']' ? `\\${c}` : c, c.length)
    }
  }

  #takeCharacter(): string {
    const c = String.fromCodePoint(this.#source.codePointAt(this.#at) as number)
    this.#at += c.length
    return c
  }

  #pushAtom(text: string, size: number): void {
    const start = this.#out.length
    this.#out += text
    this.#setAtom(start, size)
  }

  #setAtom(start: number, size: number): void {
    this.#atom = { start, size, repeat: '' }
    this.#addSize(size)
  }

  #addSize(size: number): void {
    this.#size += size
    if (this.#size > MAX_INSTRUCTIONS) throw new RegexError('pattern too large - compile failed')
  }

  #repeat(op: '*' | '+' | '?'): void {
    const atom = this.#argument(op)
    if (atom.repeat.length === 1) {
      // In POSIX syntax `a*?` is `(a*)?`: stacked operators come down to one.
      const merged = atom.repeat === op ? op : '*'
      this.#out = this.#out.slice(0, -1) + merged
      this.#atom = { ...atom, repeat: merged }
      return
    }
    this.#wrapIfRepeated(atom)
    this.#out += op
    this.#atom = { start: atom.start, size: atom.size + 1, repeat: op }
    this.#addSize(1)
  }

  #brace(): void {
    const m = /^(0|[1-9]\d*)(,(0|[1-9]\d*)?)?\}/.exec(this.#source.slice(this.#at, this.#at + 32))
    if (m === null) {
      this.#pushAtom('\\{', 1)
      return
    }
    const text = `{${m[0]}`
    this.#at += m[0].length
    const atom = this.#argument(text)
    const low = Number(m[1])
    const high = m[2] === undefined ? low : m[3] === undefined ? undefined : Number(m[3])
    if (low > MAX_REPEAT || (high ?? 0) > MAX_REPEAT || low > (high ?? low)) {
      throw new RegexError(`invalid repetition size: ${text}`)
    }
    this.#wrapIfRepeated(atom)
    this.#out += text
    const size = atom.size * Math.max(1, low, high ?? 0)
    this.#atom = { start: atom.start, size, repeat: text }
    this.#addSize(size - atom.size)
  }

  #argument(op: string): Atom {
    if (this.#atom === undefined) throw new RegexError(`no argument for repetition operator: ${op}`)
    return this.#atom
  }

  #wrapIfRepeated(atom: Atom): void {
    if (atom.repeat === '') return
    if (++this.#wraps > MAX_NESTING) throw new RegexError('expression nesting too deep')
    this.#out = `${this.#out.slice(0, atom.start)}(?:${this.#out.slice(atom.start)})`
  }

  /** The code point after a backslash. */
  #escape(): number {
    if (this.#at === this.#source.length) throw new RegexError('trailing \\')
    const c = this.#takeCharacter()
    const control = 'afnrtv'.indexOf(c)
    if (control >= 0) return [7, 12, 10, 13, 9, 11][control] as number
    if (c === 'x') return this.#hexEscape()
    if (/[0-7]/.test(c)) {
      const m = /^[0-7]{0,2}/.exec(this.#source.slice(this.#at, this.#at + 2)) as RegExpExecArray
      if (c !== '0' && m[0] === '') throw new RegexError(`invalid escape sequence: \\${c}`)
      this.#at += m[0].length
      return Number.parseInt(c + m[0], 8)
    }
    if (/[A-Za-z0-9]/.test(c) || c > '\x7f') throw new RegexError(`invalid escape sequence: \\${c}`)
    return c.codePointAt(0) as number
  }

  #hexEscape(): number {
    const rest = this.#source.slice(this.#at, this.#at + 16)
    const m = /^([0-9A-Fa-f]{2})|^\{([0-9A-Fa-f]{1,8})\}/.exec(rest)
    const code = m === null ? Number.NaN : Number.parseInt(m[1] ?? (m[2] as string), 16)
    if (m === null || code > 0x10ffff) throw new RegexError(`invalid escape sequence: \\x${rest.slice(0, 2)}`)
    this.#at += m[0].length
    return code
  }

  #characterClass(): void {
    const start = this.#at - 1
    let text = '['
    let items = 0
    if (this.#source[this.#at] === '^') {
      this.#at++
      text += '^'
    }
    for (let isFirst = true; ; isFirst = false) {
      const rest = this.#source.slice(this.#at, this.#at + 2)
      if (rest === '') throw new RegexError(`missing ]: ${this.#source.slice(start)}`)
      if (rest[0] === ']' && !isFirst) break
      if (rest[0] === '-' && !isFirst && rest[1] !== ']') throw new RegexError(`invalid character class range: ${rest}`)
      items++
      const close = rest === '[:' ? this.#source.indexOf(':]', this.#at + 2) : -1
      if (close >= 0) {
        const name = this.#source.slice(this.#at, close + 2)
        if (
          !/^\[:\^?(alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]$/.test(name)
        ) {
          throw new RegexError(`invalid character class range: ${name}`)
        }
        text += name
        this.#at = close + 2
        continue
      }
      text += this.#classRange()
    }
    this.#at++
    this.#pushAtom(`${text}]`, 2 + 2 * items)
  }

  #classRange(): string {
    const from = this.#at
    const low = this.#classCode()
    if (this.#source[this.#at] !== '-' || this.#at + 1 >= this.#source.length || this.#source[this.#at + 1] === ']') {
      return quoteCode(low)
    }
    this.#at++
    const high = this.#classCode()
    if (high < low) throw new RegexError(`invalid character class range: ${this.#source.slice(from, this.#at)}`)
    return `${quoteCode(low)}-${quoteCode(high)}`
  }

  #classCode(): number {
    const c = this.#takeCharacter()
    return c === '\\' ? this.#escape() : (c.codePointAt(0) as number)
  }
}

function quoteCode(code: number): string {
  return `\\x{${code.toString(16)}}`
}
