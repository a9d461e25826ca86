import type { Span } from '../diagnostics/source.ts'
import { closestName } from '../diagnostics/closest-name.ts'
import type {
  Ast,
  AstArg,
  AstCheck,
  AstField,
  AstLiteral,
  AstMacro,
  AstRhs,
  AstTransform,
  AstValue,
  ConditionOrigin,
} from './ast.ts'
import { walkAst } from './ast.ts'
import type { ConditionError } from './condition-findings.ts'
import { unescapeQuoted } from './escapes.ts'
import type { Modifier } from './operators.ts'
import { LIST_OPERATORS, MODIFIERS, NUMBER_OPERATORS, OPERATORS, STRING_OPERATORS, TRANSFORMERS } from './operators.ts'

/**
 * Condition text → tree. There is no separate lexer: what a word is depends on where it stands (`oneof` may be a value, `in(` an
 * operator, `notz` a macro), and Falco accepts what its scanner-less parser accepts. Acceptance here is the same, its odd corners
 * included: `x or(y) and z` is refused, `a.b infoo` is `a.b in foo`, `a.b existsand c` is `a.b exists and c`.
 * Parentheses live on an explicit stack, so depth costs memory, not call stack; every character is looked at a constant number of times.
 */
export interface ParseOptions {
  /** How deep parentheses and transformers may nest; 1000 unless set. */
  readonly maxDepth?: number
  /** Put into every check and macro of the tree, and into an error. */
  readonly origin?: ConditionOrigin
  /** For `parseOperand`: leave brackets behind the closing parenthesis of a transformer alone. */
  readonly skipIndex?: boolean
}

export type ParseConditionResult =
  | { readonly ok: true; readonly ast: Ast }
  | {
      readonly ok: false
      readonly error: ConditionError
      /** Checks and macros that were read before the error and have nothing to do with it. */
      readonly read: readonly (AstCheck | AstMacro)[]
    }

export type ParseOperandResult =
  /** `end`: where reading stopped. */
  | { readonly ok: true; readonly operand: AstField | AstTransform; readonly end: number }
  | { readonly ok: false; readonly error: ConditionError }

const DEFAULT_MAX_DEPTH = 1000

/** Parses a whole condition; text left over is an error. Lists must be expanded already, macros stay names. Never throws. */
export function parseCondition(text: string, options: ParseOptions = {}): ParseConditionResult {
  const parser = new Parser(text, 0, options)
  try {
    return { ok: true, ast: parser.parseWhole() }
  } catch (e) {
    const error = asConditionError(e, options.origin)
    return { ok: false, error, read: parser.readBefore(error.span.start) }
  }
}

/** Parses the field or transformer (not `val`) that stands exactly at `at`; what follows is not looked at. Never throws. */
export function parseOperand(text: string, at = 0, options: ParseOptions = {}): ParseOperandResult {
  const parser = new Parser(text, at, options)
  try {
    const operand = parser.parseOperand(options.skipIndex === true)
    return { ok: true, operand, end: parser.at }
  } catch (e) {
    return { ok: false, error: asConditionError(e, options.origin) }
  }
}

interface FailureDetails {
  readonly label?: string
  readonly help?: string
  readonly tooDeep?: boolean
}

/** Leaves the parser from any depth; caught by the two functions above and nowhere else. */
class ParseFailure extends Error {
  readonly span: Span
  readonly details: FailureDetails

  constructor(message: string, span: Span, details: FailureDetails) {
    super(message)
    this.span = span
    this.details = details
  }
}

function asConditionError(e: unknown, origin: ConditionOrigin | undefined): ConditionError {
  if (!(e instanceof ParseFailure)) throw e
  const { label, help, tooDeep } = e.details
  return {
    code: tooDeep === true ? 'E0102' : 'E0101',
    kind: 'syntax',
    message: e.message,
    span: e.span,
    ...(origin !== undefined && { origin }),
    ...(label !== undefined && { label }),
    ...(help !== undefined && { help }),
  }
}

const LETTER = 1
const DIGIT = 2
/** POSIX `[:space:]`. */
const SPACE = 8
/** What may stand between tokens: not quite `[:space:]`, and with the backspace. */
const BLANK = 16
/** Ends a bare value. */
const BARE_STOP = 32
/** Looks like a blank, but is none in a condition. */
const ODD_BLANK = /[\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]/

/** Ends a bare argument in brackets. */
const ARG_STOP = 64

const CLASSES: Uint8Array = new Uint8Array(128)
for (let c = 0; c < 128; c++) {
  const s = String.fromCharCode(c)
  CLASSES[c] =
    (/[A-Za-z]/.test(s) ? LETTER : 0) |
    (/[0-9]/.test(s) ? DIGIT : 0) |
    (/[\t\n\v\f\r ]/.test(s) ? SPACE : 0) |
    (/[ \t\b\r\n]/.test(s) ? BLANK : 0) |
    (/[()"'=,\t\n\v\f\r ]/.test(s) ? BARE_STOP : 0) |
    (/[\]["'\t\n\v\f\r ]/.test(s) ? ARG_STOP : 0)
}

/** One open parenthesis, or the condition itself. */
interface Group {
  readonly openAt: number
  /** How its result goes into the group around it: as a term of `and`, or (after `and(` and `or(`) straight into a list. */
  readonly place: 'term' | 'and' | 'or'
  readonly orTerms: Ast[]
  andTerms: Ast[]
  /** Whether an odd number of `not`s stands before the term being read, and where the first one begins. */
  negate: boolean
  termStart: number
}

class Parser {
  readonly text: string
  at: number
  readonly #origin: ConditionOrigin | undefined
  readonly #maxDepth: number
  /** Open parentheses, the condition itself first. */
  readonly #groups: Group[] = []
  #depth = 0

  constructor(text: string, at: number, options: ParseOptions) {
    this.text = text
    this.at = at
    this.#origin = options.origin
    this.#maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH
  }

  // ── conditions ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  parseWhole(): Ast {
    if (this.text.length === 0) this.#fail('the condition is empty', { start: 0, end: 0 })
    const groups = this.#groups
    groups.push(newGroup(0, 'term'))
    for (;;) {
      let group = groups[groups.length - 1]!
      if (this.#readTermStart(group)) {
        groups.push(newGroup(this.at - 1, 'term'))
        this.#enter(this.at - 1)
        continue
      }
      // A term is complete; it may complete lists and close groups, one after the other.
      let term: Ast = this.#readCheckOrMacro()
      let place: Group['place'] = 'term'
      for (;;) {
        if (place !== 'or') {
          if (place === 'term') term = this.#applyNot(group, term)
          group.andTerms.push(term)
          const next = this.#readJoin('and')
          if (next === 'term') break
          if (next === 'group') {
            group = this.#openGroup(groups, 'and')
            break
          }
          term = joined('and', group.andTerms)
          group.andTerms = []
        }
        group.orTerms.push(term)
        const next = this.#readJoin('or')
        if (next === 'term') break
        if (next === 'group') {
          group = this.#openGroup(groups, 'or')
          break
        }
        const result = joined('or', group.orTerms)
        if (groups.length === 1) {
          if (this.at < this.text.length) this.#failLeftOver()
          return result
        }
        if (!this.#take(')')) this.#failUnclosed(group)
        groups.pop()
        this.#depth--
        term = result
        place = group.place
        group = groups[groups.length - 1]!
      }
    }
  }

  /** The checks and macros read so far, but for one that ends right at `errorAt`: it may be half of what was meant. */
  readBefore(errorAt: number): readonly (AstCheck | AstMacro)[] {
    const leaves: (AstCheck | AstMacro)[] = []
    for (const { orTerms, andTerms } of this.#groups) {
      for (const term of [...orTerms, ...andTerms]) {
        walkAst(term, node => {
          if (node.kind === 'check' || node.kind === 'macro') leaves.push(node)
          return undefined
        })
      }
    }
    const last = leaves.at(-1)
    const gap = last === undefined || errorAt < last.span.end ? undefined : this.text.slice(last.span.end, errorAt)
    if (gap?.trim() === '') leaves.pop()
    return leaves
  }

  #openGroup(groups: Group[], place: Group['place']): Group {
    const group = newGroup(this.at - 1, place)
    groups.push(group)
    this.#enter(this.at - 1)
    return group
  }

  /** Reads blanks and `not`s; true when a parenthesis was opened. */
  #readTermStart(group: Group): boolean {
    this.#skipBlanks()
    group.termStart = this.at
    group.negate = false
    while (this.text.startsWith('not', this.at) && this.#is(this.at + 3, SPACE)) {
      group.negate = !group.negate
      this.at += 3
      while (this.#is(this.at, SPACE)) this.at++
    }
    if (this.#take('not(')) {
      group.negate = !group.negate
      return true
    }
    this.#skipBlanks()
    return this.#take('(')
  }

  #applyNot(group: Group, operand: Ast): Ast {
    if (!group.negate) return operand
    group.negate = false
    return { kind: 'not', operand, span: { start: group.termStart, end: this.at } }
  }

  /** What follows a term: `word` and a term, `word(`, or something else, which is left alone. */
  #readJoin(word: 'and' | 'or'): 'term' | 'group' | 'end' {
    this.#skipBlanks()
    if (!this.#take(word)) return 'end'
    if (this.#skipBlanks()) return 'term'
    if (this.#take('(')) return 'group'
    const start = this.at - word.length
    const found = this.#wordAt(start)
    const span = { start, end: start + found.length }
    if (found !== word) {
      return this.#fail(`unexpected \`${found}\`, expected \`and\` or \`or\``, span, {
        help: `put a blank after \`${word}\``,
      })
    }
    return this.#fail(
      this.at < this.text.length ? `no check stands after \`${word}\`` : `the condition ends after \`${word}\``,
      span,
    )
  }

  #readCheckOrMacro(): Ast {
    const start = this.at
    const lhs = this.#tryField() ?? this.#tryTransform()
    if (lhs !== undefined) return this.#readCheck(lhs)
    const end = this.#identifierEnd(this.at)
    if (end > this.at) {
      this.at = end
      return { kind: 'macro', name: this.text.slice(start, end), span: { start, end }, ...this.#where() }
    }
    const found = this.#wordAt(start)
    if (found === '') {
      return this.#fail('the condition ends where a check is expected', { start, end: start })
    }
    const bare = /^[%$]\{?([\w.]+)/.exec(found)?.[1]
    let help: string | undefined
    if (found.startsWith('!')) help = 'write `not`'
    else if (bare !== undefined) help = `a condition names a field alone: \`${bare}\``
    return this.#fail(
      `expected a field, a macro or \`(\`, found \`${found}\``,
      { start, end: start + found.length },
      help === undefined ? {} : { help },
    )
  }

  #readCheck(lhs: AstField | AstTransform): AstCheck {
    this.#skipBlanks()
    const opStart = this.at
    const finish = (op: string, opEnd: number, rhs: AstRhs, modifier?: Modifier): AstCheck => ({
      kind: 'check',
      lhs,
      op,
      opSpan: { start: opStart, end: opEnd },
      ...(modifier !== undefined && { modifier }),
      rhs,
      span: { start: lhs.span.start, end: this.at },
      ...this.#where(),
    })
    if (this.#take('exists')) return finish('exists', this.at, { kind: 'none' })
    for (const op of NUMBER_OPERATORS) {
      if (this.#take(op)) return finish(op, this.at, this.#readNumberRhs(op))
    }
    for (const op of STRING_OPERATORS) {
      if (!this.#take(op)) continue
      let opEnd = this.at
      if (this.#is(opStart, LETTER)) {
        // A word needs a blank after it. Without one Falco goes on looking for a list operator right there.
        if (!this.#skipBlanks()) return this.#readListCheck(finish) ?? this.#failNoBlank(op, opStart)
      } else {
        this.#skipBlanks()
      }
      const modifier = this.#tryModifier()
      if (modifier !== undefined) {
        opEnd = this.at
        return finish(op, opEnd, this.#readListRhs(op, false), modifier)
      }
      return finish(op, opEnd, this.#readStringRhs(op))
    }
    return this.#readListCheck(finish) ?? this.#failNoOperator(lhs, opStart)
  }

  #readListCheck(finish: (op: string, opEnd: number, rhs: AstRhs) => AstCheck): AstCheck | undefined {
    for (const op of LIST_OPERATORS) {
      if (this.#take(op)) return finish(op, this.at, this.#readListRhs(op, true))
    }
    return undefined
  }

  /** `oneof`, `anyof` or `allof` as a whole word, but only before `(` or an identifier that is no keyword; else it is a value. */
  #tryModifier(): Modifier | undefined {
    for (const modifier of MODIFIERS) {
      const end = this.at + modifier.length
      if (!this.text.startsWith(modifier, this.at)) continue
      if (end < this.text.length && !this.#is(end, BARE_STOP)) return undefined
      let next = end
      while (this.#is(next, BLANK)) next++
      if (this.text[next] !== '(') {
        const word = this.text.slice(next, this.#identifierEnd(next))
        if (word === '' || word === 'and' || word === 'or' || word === 'not') return undefined
      }
      this.at = end
      return modifier
    }
    return undefined
  }

  // ── right-hand sides ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #readNumberRhs(op: string): AstRhs {
    this.#skipBlanks()
    const field = this.#tryRhsOperand()
    if (field !== undefined) return field
    const start = this.at
    const end = this.#numberEnd(start)
    if (end === start) {
      const found = this.#wordAt(start)
      return this.#fail(
        found === '' ? `expected a number after \`${op}\`` : `expected a number after \`${op}\`, found \`${found}\``,
        { start, end: start + found.length },
        { help: 'the right side is a number, or a field as `val(fd.num)`' },
      )
    }
    this.at = end
    return { kind: 'value', text: this.text.slice(start, end), quoted: false, span: { start, end } }
  }

  #readStringRhs(op: string): AstRhs {
    this.#skipBlanks()
    const rhs = this.#tryRhsOperand() ?? this.#tryValue()
    if (rhs !== undefined) return rhs
    const start = this.at
    if (this.text[start] === '(') {
      return this.#fail(
        `\`${op}\` takes one value, not a list`,
        { start, end: start + 1 },
        {
          help: op === '=' || op === '==' ? 'use `in (…)`' : `use \`${op} anyof (…)\` for any of them`,
        },
      )
    }
    return this.#failNoValue(op)
  }

  #readListRhs(op: string, mayBeOperand: boolean): AstRhs {
    this.#skipBlanks()
    const start = this.at
    if (this.#take('(')) return this.#readValues(start)
    const operand = mayBeOperand ? this.#tryRhsOperand() : undefined
    if (operand !== undefined) return operand
    const end = this.#identifierEnd(start)
    if (end === start) {
      const found = this.#wordAt(start)
      return this.#fail(
        found === '' ? `expected a list after \`${op}\`` : `expected a list after \`${op}\`, found \`${found}\``,
        { start, end: start + found.length },
        { help: 'a list stands in parentheses: `(a, b)`' },
      )
    }
    this.at = end
    return { kind: 'value', text: this.text.slice(start, end), quoted: false, span: { start, end } }
  }

  #readValues(start: number): AstRhs {
    const items: AstValue[] = []
    this.#skipBlanks()
    if (!this.#take(')')) {
      for (;;) {
        this.#skipBlanks()
        const item = this.#tryValue()
        if (item === undefined) return this.#failInList(start, items.length)
        items.push(item)
        this.#skipBlanks()
        if (this.#take(',')) continue
        if (this.#take(')')) break
        return this.#failInList(start, items.length)
      }
    }
    return { kind: 'values', items, span: { start, end: this.at } }
  }

  #tryValue(): AstValue | undefined {
    const start = this.at
    const quoted = this.#tryQuoted()
    if (quoted !== undefined) return { kind: 'value', text: quoted, quoted: true, span: { start, end: this.at } }
    const end = matchEnd(BARE_VALUE, this.text, start)
    if (end === start) return undefined
    this.at = end
    return { kind: 'value', text: this.text.slice(start, end), quoted: false, span: { start, end } }
  }

  /** `val(field)` or a transformer. */
  #tryRhsOperand(): AstTransform | undefined {
    const start = this.at
    if (!this.#take('val(')) return this.#tryTransform()
    this.#skipBlanks()
    const field = this.#tryField()
    if (field === undefined) {
      const found = this.#wordAt(this.at)
      return this.#fail(
        found === '' ? 'expected a field inside `val(…)`' : `expected a field inside \`val(…)\`, found \`${found}\``,
        { start: this.at, end: this.at + found.length },
        { help: '`val` takes one field and no transformer; a transformer needs no `val`' },
      )
    }
    this.#skipBlanks()
    if (!this.#take(')')) this.#failUnclosedTransform('val', start)
    return { kind: 'transform', name: 'val', args: [field], span: { start, end: this.at } }
  }

  // ── operands ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  parseOperand(skipIndex: boolean): AstField | AstTransform {
    const operand = this.#tryField() ?? this.#tryTransform(skipIndex)
    if (operand !== undefined) return operand
    const found = this.#wordAt(this.at)
    return this.#fail(
      found === '' ? 'expected a field or a transformer' : `expected a field or a transformer, found \`${found}\``,
      { start: this.at, end: this.at + found.length },
    )
  }

  #tryField(): AstField | undefined {
    const start = this.at
    const end = fieldNameEnd(this.text, start)
    if (end === start) return undefined
    const name = this.text.slice(start, end)
    this.at = end
    if (!this.#take('[')) return { kind: 'field', name, span: { start, end } }
    const arg = this.#readBracketArg(name)
    // An empty argument is none.
    return { kind: 'field', name, ...(arg !== '' && { arg }), span: { start, end: this.at } }
  }

  /** After `[`. */
  #readBracketArg(of: string): string {
    const start = this.at
    let arg = this.#tryQuoted()
    if (arg === undefined) {
      let end = start
      while (end < this.text.length && !this.#is(end, ARG_STOP)) end++
      if (end === start) {
        return this.#fail(
          `expected an argument after \`${of}[\``,
          { start, end: start + (start < this.text.length ? 1 : 0) },
          { help: 'an argument is a word or a quoted text, without blanks around it' },
        )
      }
      arg = this.text.slice(start, end)
      this.at = end
    }
    if (!this.#take(']')) {
      this.#fail(
        `expected \`]\` after the argument of \`${of}\``,
        { start: this.at, end: this.at + this.#wordAt(this.at).length },
        { help: 'quote an argument that holds blanks, quotes or brackets' },
      )
    }
    return arg
  }

  #tryTransform(skipIndex = false): AstTransform | undefined {
    const start = this.at
    const name = TRANSFORMERS.find(t => this.text.startsWith(t, start) && this.text[start + t.length] === '(')
    if (name === undefined) return undefined
    this.at = start + name.length + 1
    this.#enter(start)
    const args: AstArg[] = []
    do {
      this.#skipBlanks()
      args.push(this.#readArg(name))
      this.#skipBlanks()
    } while (this.#take(','))
    if (!this.#take(')')) this.#failUnclosedTransform(name, start)
    this.#depth--
    const end = this.at
    if (skipIndex || !this.#take('[')) return { kind: 'transform', name, args, span: { start, end } }
    const index = this.#readBracketArg(`${name}(…)`)
    return { kind: 'transform', name, args, index, span: { start, end: this.at } }
  }

  #readArg(of: string): AstArg {
    const start = this.at
    const literal = this.#tryNumberLiteral() ?? this.#tryQuotedLiteral()
    if (literal !== undefined) return literal
    if (this.#take('(')) {
      const items: AstArg[] = []
      this.#skipBlanks()
      if (!this.#take(')')) {
        do {
          this.#skipBlanks()
          items.push(this.#readListArg(of))
          this.#skipBlanks()
        } while (this.#take(','))
        if (!this.#take(')')) this.#failUnclosedList(start)
      }
      return { kind: 'list', items, span: { start, end: this.at } }
    }
    return this.#tryTransform() ?? this.#tryField() ?? this.#failNoArg(of)
  }

  #readListArg(of: string): AstArg {
    return (
      this.#tryField() ??
      this.#tryTransform() ??
      this.#tryQuotedLiteral() ??
      this.#tryNumberLiteral() ??
      this.#failNoArg(of)
    )
  }

  #tryNumberLiteral(): AstLiteral | undefined {
    const start = this.at
    const end = this.#numberEnd(start)
    if (end === start) return undefined
    this.at = end
    return { kind: 'literal', text: this.text.slice(start, end), isNumber: true, span: { start, end } }
  }

  #tryQuotedLiteral(): AstLiteral | undefined {
    const start = this.at
    const text = this.#tryQuoted()
    return text === undefined ? undefined : { kind: 'literal', text, isNumber: false, span: { start, end: this.at } }
  }

  // ── tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The unescaped text of a quoted value that begins here. It ends at the next such quote not preceded by a backslash. */
  #tryQuoted(): string | undefined {
    const start = this.at
    const quote = this.text[start]
    if (quote !== '"' && quote !== "'") return undefined
    let end = this.text.indexOf(quote, start + 1)
    while (end > 0 && this.text[end - 1] === '\\') end = this.text.indexOf(quote, end + 1)
    const body = end < 0 ? undefined : this.text.slice(start + 1, end)
    if (body === undefined || body.includes('\0')) {
      const last = this.text.lastIndexOf(quote)
      return this.#fail(
        'the quoted text is never closed',
        { start, end: start + 1 },
        {
          label: 'opened here',
          ...(last > start && { help: `a ${quote} right after a backslash does not close the text` }),
        },
      )
    }
    const result = unescapeQuoted(body, quote)
    if (!result.ok) {
      const at = start + 1 + result.at
      return this.#fail(
        result.message,
        { start: at, end: at + result.length },
        { help: 'known escapes are `\\b \\f \\n \\r \\t \\\\ \\/`, `\\xHH`, and the quote itself' },
      )
    }
    this.at = end + 1
    return result.text
  }

  /** End of a hexadecimal or decimal number that begins at `start`; `start` itself when none does. */
  #numberEnd(start: number): number {
    const text = this.text
    if (text[start] === '0' && (text[start + 1] === 'x' || text[start + 1] === 'X')) {
      let end = start + 2
      while (isHexDigit(text.charCodeAt(end))) end++
      if (end > start + 2) return end
    }
    let at = start
    if (text[at] === '+' || text[at] === '-') at++
    if (!this.#is(at, DIGIT)) return start
    while (this.#is(at, DIGIT)) at++
    if (text[at] === '.') at++
    while (this.#is(at, DIGIT)) at++
    const sign = text[at + 1]
    if ((text[at] === 'e' || text[at] === 'E') && (sign === '+' || sign === '-') && this.#is(at + 2, DIGIT)) {
      at += 3
      while (this.#is(at, DIGIT)) at++
    }
    return at
  }

  #identifierEnd(start: number): number {
    return identifierEnd(this.text, start)
  }

  #take(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false
    this.at += token.length
    return true
  }

  #skipBlanks(): boolean {
    const start = this.at
    while (this.#is(this.at, BLANK)) this.at++
    return this.at > start
  }

  #is(at: number, mask: number): boolean {
    return isClass(this.text, at, mask)
  }

  #where(): { readonly origin?: ConditionOrigin } {
    return this.#origin === undefined ? {} : { origin: this.#origin }
  }

  #enter(at: number): void {
    if (++this.#depth > this.#maxDepth) {
      this.#fail(
        `the condition is nested more than ${this.#maxDepth} deep`,
        { start: at, end: at + 1 },
        { tooDeep: true, help: 'move parts of it into macros' },
      )
    }
  }

  // ── failures ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #fail(message: string, span: Span, details: FailureDetails = {}): never {
    throw new ParseFailure(message, span, details)
  }

  /** The word or mark at `at`, to be named in a message; empty at the end. */
  #wordAt(at: number): string {
    let end = at
    while (end < this.text.length && end - at < 40 && !this.#is(end, BARE_STOP | BLANK)) end++
    if (end === at) {
      while (end - at < 3 && /[=!<>&|]/.test(this.text[end] ?? '')) end++
    }
    if (end === at && at < this.text.length) end = at + 1
    return this.text.slice(at, end)
  }

  #failLeftOver(): never {
    const start = this.at
    const found = this.#wordAt(start)
    const lower = found.toLowerCase()
    if (found === 'and') {
      this.#fail('`and` cannot follow `or(…)`', { start, end: start + 3 }, { help: 'put a blank between `or` and `(`' })
    }
    // One inside the value before joins it with the words after it.
    const from = Math.max(0, start - 40)
    const odd = this.text.slice(from, start + 1).search(ODD_BLANK)
    if (odd !== -1) {
      const at = from + odd
      const code = this.text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0')
      this.#fail(
        `a blank that is no space (U+${code})`,
        { start: at, end: at + 1 },
        { help: 'write a space in its place; such blanks come from copied text' },
      )
    }
    let help: string | undefined
    if (found === ')') help = 'there is no `(` for it'
    else if (found !== lower && (lower === 'and' || lower === 'or')) help = `write \`${lower}\` in lower case`
    else if (found === '&&' || found === '||') help = `write \`${found === '&&' ? 'and' : 'or'}\``
    else if (OPERATORS.includes(found)) help = 'only a field can stand before an operator, and its name has a dot'
    else if (found === ',') help = 'quote a value that holds a comma'
    else if (/^['"]/.test(found)) help = 'quote the whole value'
    else if (/^\s*(?:and|or)\s*$/.test(this.text.slice(0, start))) {
      help = 'a condition begins with a check; what changes a rule says so: `override: {condition: append}`'
    }
    this.#fail(
      `unexpected \`${found}\`, expected \`and\` or \`or\``,
      { start, end: start + found.length },
      help === undefined ? {} : { help },
    )
  }

  #failUnclosed(group: Group): never {
    const found = this.#wordAt(this.at)
    if (found === '') {
      this.#fail(
        'the parenthesis is never closed',
        { start: group.openAt, end: group.openAt + 1 },
        { label: 'opened here' },
      )
    }
    this.#fail(`expected \`)\`, \`and\` or \`or\`, found \`${found}\``, { start: this.at, end: this.at + found.length })
  }

  #failUnclosedTransform(name: string, start: number): never {
    const found = this.#wordAt(this.at)
    if (found === '') {
      this.#fail(`\`${name}(\` is never closed`, { start, end: start + name.length + 1 }, { label: 'opened here' })
    }
    this.#fail(`expected \`)\` to close \`${name}(\`, found \`${found}\``, {
      start: this.at,
      end: this.at + found.length,
    })
  }

  #failUnclosedList(start: number): never {
    const found = this.#wordAt(this.at)
    if (found === '') {
      this.#fail('the list is never closed', { start, end: start + 1 }, { label: 'opened here' })
    }
    this.#fail(`expected \`,\` or \`)\` in the list, found \`${found}\``, {
      start: this.at,
      end: this.at + found.length,
    })
  }

  #failNoArg(of: string): never {
    const start = this.at
    const found = this.#wordAt(start)
    this.#fail(
      found === '' ? `\`${of}(\` is never closed` : `\`${found}\` cannot be an argument of \`${of}\``,
      { start, end: start + found.length },
      { help: 'an argument is a field, a transformer, a number or a quoted text' },
    )
  }

  #failInList(start: number, count: number): never {
    const found = this.#wordAt(this.at)
    if (found === '') this.#fail('the list is never closed', { start, end: start + 1 }, { label: 'opened here' })
    const expected = count === 0 || this.text.slice(0, this.at).trimEnd().endsWith(',') ? 'a value' : '`,` or `)`'
    this.#fail(
      `expected ${expected} in the list, found \`${found}\``,
      { start: this.at, end: this.at + found.length },
      found === '(' ? { help: 'transformers cannot stand in a list; quote a value that holds a parenthesis' } : {},
    )
  }

  #failNoValue(op: string): never {
    const start = this.at
    const found = this.#wordAt(start)
    this.#fail(
      found === '' ? `expected a value after \`${op}\`` : `expected a value after \`${op}\`, found \`${found}\``,
      { start, end: start + found.length },
      found === '=' ? { help: 'equality is `=` or `==`' } : {},
    )
  }

  #failNoBlank(op: string, start: number): never {
    const found = this.#wordAt(start)
    const near = closestName(found, OPERATORS)
    this.#fail(
      found === op ? `expected a value after \`${op}\`` : `expected a blank after \`${op}\``,
      { start, end: start + found.length },
      found === op
        ? {}
        : { help: near === undefined ? `write \`${op} ${found.slice(op.length)}\`` : `did you mean \`${near}\`?` },
    )
  }

  #failNoOperator(lhs: AstField | AstTransform, start: number): never {
    const found = this.#wordAt(start)
    const name = lhs.kind === 'field' ? lhs.name : `${lhs.name}(…)`
    if (found === '') {
      this.#fail(
        `expected an operator after \`${name}\``,
        { start, end: start },
        { help: `a field alone is no check; for a value of any kind write \`${name} exists\`` },
      )
    }
    const near = found === 'not' ? undefined : closestName(found, OPERATORS)
    const help =
      found === 'not'
        ? `\`not\` stands before the field: \`not ${name} …\``
        : near !== undefined
          ? `did you mean \`${near}\`?`
          : `operators are ${OPERATORS.map(op => `\`${op}\``).join(' ')}`
    this.#fail(
      `expected an operator after \`${name}\`, found \`${found}\``,
      { start, end: start + found.length },
      { help },
    )
  }
}

function newGroup(openAt: number, place: Group['place']): Group {
  return { openAt, place, orTerms: [], andTerms: [], negate: false, termStart: openAt }
}

/** One term stays itself. */
function joined(kind: 'and' | 'or', terms: readonly Ast[]): Ast {
  const first = terms[0]!
  if (terms.length === 1) return first
  return { kind, operands: terms, span: { start: first.span.start, end: terms[terms.length - 1]!.span.end } }
}

function isClass(text: string, at: number, mask: number): boolean {
  const c = text.charCodeAt(at)
  return c < 128 && (CLASSES[c]! & mask) !== 0
}

function isHexDigit(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66)
}

// The engine's own search is many times faster than a loop over characters, above all in a program that has just started.
const IDENTIFIER = /[A-Za-z][A-Za-z0-9_]*/y
const BARE_VALUE = /[^()"'=,\t\n\v\f\r ]+/y

/** Where what `pattern` (which is sticky) matches at `start` ends; `start` itself when nothing does. */
function matchEnd(pattern: RegExp, text: string, start: number): number {
  pattern.lastIndex = start
  return pattern.test(text) ? pattern.lastIndex : start
}

/** End of the identifier that begins at `start`; `start` itself when none does. */
function identifierEnd(text: string, start: number): number {
  return matchEnd(IDENTIFIER, text, start)
}

/** End of the longest `name.name…` that begins at `start`; `start` itself when there is no dot in it. */
export function fieldNameEnd(text: string, start: number): number {
  let end = identifierEnd(text, start)
  if (end === start) return start
  let found = start
  while (text[end] === '.') {
    const next = identifierEnd(text, end + 1)
    if (next === end + 1) break
    end = next
    found = end
  }
  return found
}
