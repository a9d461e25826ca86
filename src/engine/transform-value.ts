import { lowerAscii, upperAscii } from '../values/text.ts'
import type { ByteText, Scalar, Value } from '../values/value.ts'

/*
 * The transformers of conditions and outputs, on values. A transformer of text works on each element of a list. `undefined`: no value.
 */

export function toLower(value: Value): Value {
  return mapText(value, lowerAscii)
}

export function toUpper(value: Value): Value {
  return mapText(value, upperAscii)
}

/** What follows the last slash: '' when the text ends in one. */
export function toBasename(value: Value): Value {
  return mapText(value, text => text.slice(text.lastIndexOf('/') + 1))
}

/** Decoded base64; undefined when any element is none. */
export function fromBase64(value: Value): Value | undefined {
  if (typeof value === 'string') return decodeBase64(value)
  if (!isList(value)) return value
  const decoded: Scalar[] = []
  for (const item of value) {
    const text = typeof item === 'string' ? decodeBase64(item) : item
    if (text === undefined) return undefined
    decoded.push(text)
  }
  return decoded
}

/** Elements of a list, bytes of text. */
export function lengthOf(value: Value): number | undefined {
  return typeof value === 'string' || isList(value) ? value.length : undefined
}

/** The elements with `separator` between them; numbers in decimal. */
export function joinValues(separator: ByteText, list: Value): ByteText {
  return isList(list) ? list.map(String).join(separator) : String(list)
}

/**
 * Short options as getopt(3) finds them in an argument list (without argv[0]): each option's letter followed by its argument, `?` for an
 * unknown one, `?` or `:` (when `optstring` begins with a colon) for a missing argument. It ends at `--` and at the first word that is
 * no option; long options are skipped. With `selector` it is the argument of that option where it stands last (the letter itself when it takes
 * none), undefined when it does not occur.
 */
export function getOptions(list: Value, optstring: ByteText, selector: string | undefined): Value | undefined {
  if (!isList(list)) return undefined
  const missing = optstring.startsWith(':') ? ':' : '?'
  const found: string[] = []
  let selected: string | undefined
  const emit = (letter: string, argument: string | undefined, hasArgument: boolean): void => {
    if (selector === undefined) {
      if (!hasArgument) found.push(letter)
      else if (argument === undefined) found.push(missing)
      else found.push(letter, argument)
    } else if (letter === selector) {
      selected = hasArgument ? (argument ?? missing) : letter
    }
  }
  for (let i = 0; i < list.length; i++) {
    const word = String(list[i])
    if (word === '--' || word.length < 2 || !word.startsWith('-')) break
    if (word.startsWith('--')) continue
    for (let at = 1; at < word.length; at++) {
      const letter = word[at] as string
      const known = optionKind(optstring, letter)
      if (known === 'unknown') {
        if (selector === undefined) found.push('?')
        continue
      }
      if (known === 'flag') {
        emit(letter, undefined, false)
        continue
      }
      if (at + 1 < word.length) emit(letter, word.slice(at + 1), true)
      else if (i + 1 < list.length) emit(letter, String(list[++i]), true)
      else emit(letter, undefined, true)
      break
    }
  }
  return selector === undefined ? found : selected
}

function optionKind(optstring: ByteText, letter: string): 'unknown' | 'flag' | 'argument' {
  if (letter === ':' || !optstring.includes(letter)) return 'unknown'
  return optstring.includes(`${letter}:`) ? 'argument' : 'flag'
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const BASE64_TEXT = /^[A-Za-z0-9+/]+$/

/** At most two `=` at the end are ignored; unused bits of the last letter must be zero. */
function decodeBase64(text: ByteText): ByteText | undefined {
  if (text === '') return ''
  let end = text.length
  if (text[end - 1] === '=') end--
  if (end > 0 && end < text.length && text[end - 1] === '=') end--
  const letters = text.slice(0, end)
  if (!BASE64_TEXT.test(letters) || end % 4 === 1) return undefined
  const last = BASE64.indexOf(letters[end - 1] as string)
  if ((end % 4 === 2 && (last & 15) !== 0) || (end % 4 === 3 && (last & 3) !== 0)) return undefined
  return Buffer.from(letters, 'base64').toString('latin1')
}

function mapText(value: Value, map: (text: ByteText) => ByteText): Value {
  if (typeof value === 'string') return map(value)
  if (!isList(value)) return value
  return value.map(item => (typeof item === 'string' ? map(item) : item))
}

function isList(value: Value): value is readonly Scalar[] {
  return typeof value === 'object'
}
