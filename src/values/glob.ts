import { lowerAscii } from './text.ts'
import type { ByteText } from './value.ts'

/**
 * Shell patterns as fnmatch(3) of glibc matches them in the C locale with flags 0 or FNM_CASEFOLD: bytes, `*` and `?` also match `/`
 * and a leading dot. A pattern is cut at its stars; each piece is searched from where the former one ended, so a match costs at most
 * (length of text) × (length of pattern) steps and never backtracks over more than one star.
 */
export interface Glob {
  matches(text: ByteText): boolean
}

/** One piece between stars: a literal run, or one byte after the other. */
interface Piece {
  readonly length: number
  /** The bytes when all are literal (lower case when case is ignored). */
  readonly literal: string | undefined
  /** For each position the 256 bytes that may stand there. */
  readonly sets: readonly Uint8Array[]
}

/** Compiles a pattern; every text is a pattern (an unclosed `[` stands for itself). `ignoreCase` folds A–Z only. */
export function compileGlob(pattern: ByteText, ignoreCase: boolean): Glob {
  const pieces = parsePieces(pattern, ignoreCase)
  if (pieces === undefined) return { matches: () => false }
  const first = pieces[0] as Piece
  if (pieces.length === 1) {
    return { matches: text => text.length === first.length && pieceAt(first, text, fold(text, ignoreCase), 0) }
  }
  const last = pieces[pieces.length - 1] as Piece
  const middle = pieces.slice(1, -1).filter(p => p.length > 0)
  let minLength = 0
  for (const p of pieces) minLength += p.length
  return {
    matches: text => {
      if (text.length < minLength) return false
      const folded = fold(text, ignoreCase)
      if (!pieceAt(first, text, folded, 0)) return false
      const end = text.length - last.length
      if (!pieceAt(last, text, folded, end)) return false
      let at = first.length
      for (const piece of middle) {
        const found = findPiece(piece, text, folded, at, end)
        if (found < 0) return false
        at = found + piece.length
      }
      return at <= end
    },
  }
}

function fold(text: ByteText, ignoreCase: boolean): ByteText {
  return ignoreCase ? lowerAscii(text) : text
}

function pieceAt(piece: Piece, text: ByteText, folded: ByteText, at: number): boolean {
  if (piece.literal !== undefined) return folded.startsWith(piece.literal, at)
  for (let i = 0; i < piece.length; i++) {
    if ((piece.sets[i] as Uint8Array)[text.charCodeAt(at + i) & 0xff] === 0) return false
  }
  return true
}

/** Where the piece first fits at or after `at` and ends at or before `end`, or -1. */
function findPiece(piece: Piece, text: ByteText, folded: ByteText, at: number, end: number): number {
  if (piece.literal !== undefined) {
    const found = folded.indexOf(piece.literal, at)
    return found + piece.length <= end ? found : -1
  }
  for (let i = at; i + piece.length <= end; i++) if (pieceAt(piece, text, folded, i)) return i
  return -1
}

/** The pieces between stars, at least one; undefined when the pattern is ill-formed and so matches nothing. */
function parsePieces(pattern: ByteText, ignoreCase: boolean): Piece[] | undefined {
  const pieces: Piece[] = []
  let sets: Uint8Array[] = []
  let literal: string | undefined = ''
  const endPiece = (): void => {
    pieces.push({ length: sets.length, literal, sets })
    sets = []
    literal = ''
  }
  const pushByte = (byte: number): void => {
    const set = new Uint8Array(256)
    for (let b = 0; b < 256; b++) if (foldByte(b, ignoreCase) === foldByte(byte, ignoreCase)) set[b] = 1
    sets.push(set)
    if (literal !== undefined) literal += String.fromCharCode(foldByte(byte, ignoreCase))
  }
  for (let at = 0; at < pattern.length; ) {
    const c = pattern[at] as string
    if (c === '*') {
      endPiece()
      while (pattern[at] === '*') at++
    } else if (c === '?') {
      sets.push(new Uint8Array(256).fill(1))
      literal = undefined
      at++
    } else if (c === '\\') {
      if (at + 1 === pattern.length) return undefined
      pushByte(pattern.charCodeAt(at + 1))
      at += 2
    } else if (c === '[') {
      const bracket = parseBracket(pattern, at + 1, ignoreCase)
      if (bracket === undefined) return undefined
      if (bracket === 'unclosed') {
        pushByte(0x5b)
        at++
      } else {
        sets.push(bracket.set)
        literal = undefined
        at = bracket.end
      }
    } else {
      pushByte(pattern.charCodeAt(at))
      at++
    }
  }
  endPiece()
  return pieces
}

function foldByte(byte: number, ignoreCase: boolean): number {
  return ignoreCase && byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte
}

const CLASSES: ReadonlyMap<string, (b: number) => boolean> = new Map([
  ['alpha', isAlpha],
  ['digit', isDigit],
  ['alnum', (b: number) => isAlpha(b) || isDigit(b)],
  ['upper', (b: number) => b >= 0x41 && b <= 0x5a],
  ['lower', (b: number) => b >= 0x61 && b <= 0x7a],
  ['space', (b: number) => b === 0x20 || (b >= 9 && b <= 13)],
  ['blank', (b: number) => b === 0x20 || b === 9],
  ['cntrl', (b: number) => b < 0x20 || b === 0x7f],
  ['print', (b: number) => b >= 0x20 && b < 0x7f],
  ['graph', (b: number) => b > 0x20 && b < 0x7f],
  ['punct', (b: number) => b > 0x20 && b < 0x7f && !isAlpha(b) && !isDigit(b)],
  ['xdigit', (b: number) => isDigit(b) || (b >= 0x41 && b <= 0x46) || (b >= 0x61 && b <= 0x66)],
])

function isAlpha(b: number): boolean {
  return (b >= 0x41 && b <= 0x5a) || (b >= 0x61 && b <= 0x7a)
}

function isDigit(b: number): boolean {
  return b >= 0x30 && b <= 0x39
}

/** The set after `[`, and where the pattern goes on; undefined when ill-formed. */
function parseBracket(
  pattern: ByteText,
  start: number,
  ignoreCase: boolean,
): { readonly set: Uint8Array; readonly end: number } | 'unclosed' | undefined {
  const set = new Uint8Array(256)
  const isNegated = pattern[start] === '!' || pattern[start] === '^'
  let at = isNegated ? start + 1 : start
  let isIllFormed = false
  for (let isFirst = true; ; isFirst = false) {
    const c = pattern[at]
    if (c === undefined) return isIllFormed ? undefined : 'unclosed'
    if (c === ']' && !isFirst) break
    if (c === '[' && pattern[at + 1] === ':') {
      const close = pattern.indexOf(':]', at + 2)
      const name = close < 0 ? '' : pattern.slice(at + 2, close)
      // glibc takes only a–y for the letters of a class name; no class has a z.
      if (close >= 0 && /^[a-y]*$/.test(name)) {
        const test = CLASSES.get(name)
        if (test === undefined) isIllFormed = true
        else for (let b = 0; b < 256; b++) if (test(b)) set[b] = 1
        at = close + 2
        continue
      }
    }
    if (c === '[' && pattern[at + 1] === '=' && pattern.startsWith('=]', at + 3)) {
      set[pattern.charCodeAt(at + 2)] = 1
      at += 5
      continue
    }
    const low = bracketByte(pattern, at)
    if (low === undefined) return undefined
    at = low.end
    if (pattern[at] === '-' && pattern[at + 1] !== ']') {
      if (at + 1 === pattern.length) return undefined
      const high = bracketByte(pattern, at + 1)
      if (high === undefined) return undefined
      at = high.end
      const from = foldByte(low.byte, ignoreCase)
      const to = foldByte(high.byte, ignoreCase)
      for (let b = 0; b < 256; b++) if (foldByte(b, ignoreCase) >= from && foldByte(b, ignoreCase) <= to) set[b] = 1
    } else {
      for (let b = 0; b < 256; b++) if (foldByte(b, ignoreCase) === foldByte(low.byte, ignoreCase)) set[b] = 1
    }
  }
  if (isIllFormed) return undefined
  if (isNegated) for (let b = 0; b < 256; b++) set[b] = set[b] === 0 ? 1 : 0
  return { set, end: at + 1 }
}

/** One byte of a bracket: itself, escaped, or `[.x.]`. */
function bracketByte(pattern: ByteText, at: number): { readonly byte: number; readonly end: number } | undefined {
  if (pattern[at] === '\\') {
    return at + 1 < pattern.length ? { byte: pattern.charCodeAt(at + 1), end: at + 2 } : undefined
  }
  if (pattern[at] === '[' && pattern[at + 1] === '.') {
    const close = pattern.indexOf('.]', at + 2)
    return close === at + 3 ? { byte: pattern.charCodeAt(at + 2), end: at + 5 } : undefined
  }
  return { byte: pattern.charCodeAt(at), end: at + 1 }
}
