import type { Source, Span } from '../diagnostics/source.ts'
import type { YamlScalar } from './yaml/node.ts'
import { scalarOffset } from './yaml/node.ts'

/**
 * The text of one condition as it is put together: a scalar of a file, what later items append to it (perhaps from other files), and
 * exceptions. Each piece knows the scalar it is from, so that any place in the text can be found in a file again.
 */
export interface ConditionText {
  readonly text: string
  /** In order, not overlapping; what lies between was not written by anyone. */
  readonly pieces: readonly TextPiece[]
}

export interface TextPiece {
  /** Offset into the text. */
  readonly at: number
  readonly length: number
  readonly source: Source
  readonly scalar: YamlScalar
  /** Offset into the scalar's value at which the piece begins. */
  readonly from: number
}

export interface PlaceInFile {
  readonly source: Source
  readonly span: Span
}

/** Puts a condition together. */
export class ConditionTextBuilder {
  #text = ''
  readonly #pieces: TextPiece[] = []

  add(text: string): this {
    this.#text += text
    return this
  }

  addText(part: ConditionText): this {
    for (const piece of part.pieces) this.#pieces.push({ ...piece, at: piece.at + this.#text.length })
    this.#text += part.text
    return this
  }

  /** Adds a scalar, in `form` where it is written otherwise than its value (quoted, in parentheses). */
  addScalar(source: Source, scalar: YamlScalar, form: string = scalar.value): this {
    const inside = form.indexOf(scalar.value)
    const at = this.#text.length + Math.max(0, inside)
    this.#pieces.push({ at, length: scalar.value.length, source, scalar, from: 0 })
    this.#text += form
    return this
  }

  build(): ConditionText {
    return { text: this.#text, pieces: this.#pieces }
  }
}

export function scalarText(source: Source, scalar: YamlScalar): ConditionText {
  return { text: scalar.value, pieces: [{ at: 0, length: scalar.value.length, source, scalar, from: 0 }] }
}

/** The same without blanks and line ends around it. */
export function trimmedText(source: Source, scalar: YamlScalar): ConditionText {
  const text = scalar.value.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '')
  return { text, pieces: [{ at: 0, length: text.length, source, scalar, from: scalar.value.indexOf(text) }] }
}

/** `first`, a blank, `second`: how appending works. Takes no time that depends on the length of `first`. */
export function appendText(first: ConditionText, second: ConditionText): ConditionText {
  return new AppendedText(first, second)
}

/** Many appends to one text are many of these, so they are only gone through when someone asks for the pieces. */
class AppendedText implements ConditionText {
  readonly text: string
  readonly #first: ConditionText
  readonly #second: ConditionText
  #pieces: readonly TextPiece[] | undefined

  constructor(first: ConditionText, second: ConditionText) {
    this.text = `${first.text} ${second.text}`
    this.#first = first
    this.#second = second
  }

  get pieces(): readonly TextPiece[] {
    if (this.#pieces === undefined) {
      const parts: ConditionText[] = []
      let rest: ConditionText = this
      while (rest instanceof AppendedText) {
        parts.push(rest.#second)
        rest = rest.#first
      }
      const pieces = [...rest.pieces]
      let at = rest.text.length + 1
      for (const part of parts.reverse()) {
        for (const piece of part.pieces) pieces.push({ ...piece, at: piece.at + at })
        at += part.text.length + 1
      }
      this.#pieces = pieces
    }
    return this.#pieces
  }
}

/** Where `span` of the text stands. A place between pieces counts to the nearest before it, else to the first. */
export function locateInText(condition: ConditionText, span: Span): PlaceInFile | undefined {
  const { pieces } = condition
  let found = pieces[0]
  if (found === undefined) return undefined
  for (const piece of pieces) {
    if (piece.at > span.start) break
    found = piece
  }
  const from = found.from + clamp(span.start - found.at, found.length)
  const to = found.from + clamp(span.end - found.at, found.length)
  const start = scalarOffset(found.scalar, from)
  // The end is one past the last character, so that it never reaches into the next line's indentation.
  const end = to > from ? scalarOffset(found.scalar, to - 1) + 1 : start
  return { source: found.source, span: { start, end: Math.max(start, end) } }
}

function clamp(offset: number, length: number): number {
  return Math.max(0, Math.min(offset, length))
}
