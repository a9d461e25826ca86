/**
 * What strace prints of system calls, taken apart. Written for `strace -ff -xx -yy`: a file for each thread, so that no call is printed in
 * two pieces, and all texts in hexadecimal, so that none is mistaken for syntax.
 */

export interface TracedCall {
  readonly name: string
  /** As printed, descriptors with their files in angle brackets. */
  readonly args: readonly string[]
  /** Undefined when the call did not return to the program (exit, sigreturn). -1 with an error. */
  readonly result: bigint | undefined
  /** ENOENT, … */
  readonly error: string | undefined
  /** The file of a descriptor that was returned. */
  readonly resultFile: string | undefined
  readonly line: string
}

const CLOSERS: ReadonlyMap<string, string> = new Map([
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
  ['<', '>'],
])

/** Signs of two characters that are no brackets. */
const ARROWS: readonly string[] = ['->', '=>', '<<']

/** Where one of `stops` ends the piece that begins at `at`, outside all brackets and quotes; the text's end if none does. */
function endOfPiece(text: string, at: number, stops: string): number {
  const open: string[] = []
  for (let i = at; i < text.length; i++) {
    const sign = text[i]!
    if (sign === '"') i = skipTo(text, '"', i + 1)
    else if (text.startsWith('/*', i)) i = skipTo(text, '*/', i + 2) + 1
    else if (ARROWS.includes(text.slice(i, i + 2))) i++
    else if (open.length === 0 && stops.includes(sign)) return i
    else if (CLOSERS.has(sign)) open.push(CLOSERS.get(sign)!)
    else if (sign === open.at(-1)) open.pop()
  }
  return text.length
}

function skipTo(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from)
  return at < 0 ? text.length : at
}

/** Items at the top level, between commas. */
export function splitItems(text: string): string[] {
  const items: string[] = []
  for (let at = 0; at < text.length; ) {
    const end = endOfPiece(text, at, ',')
    items.push(text.slice(at, end).trim())
    at = end + 1
  }
  return items
}

const HEAD = /^(\w+)\(/
const TAIL = /^\)\s+= (\?|-?\d+|0x[0-9a-f]+)(?:<(.*)>)?(?: ?\(deleted\))?(?: (E[A-Z0-9_]+))?(?: .*)?$/

/** One line; undefined for those that are no call (signals, ends). */
export function parseTracedCall(line: string): TracedCall | undefined {
  const head = HEAD.exec(line)
  if (head === null) return undefined
  const end = endOfPiece(line, head[0].length, ')')
  const tail = TAIL.exec(line.slice(end))
  if (tail === null) return undefined
  const [, value = '?', resultFile, error] = tail
  return {
    name: head[1]!,
    args: splitItems(line.slice(head[0].length, end)),
    result: value === '?' ? undefined : BigInt(value),
    error,
    resultFile,
    line,
  }
}

/** The bytes of a printed text, up to where it was cut; undefined for NULL, addresses and texts that are none. */
export function tracedText(item: string): { readonly bytes: Buffer; readonly isCut: boolean } | undefined {
  const match = /^@?"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?$/.exec(item)
  if (match === null) return undefined
  return { bytes: Buffer.from(match[1]!.replaceAll('\\x', ''), 'hex'), isCut: match[2] !== undefined }
}

/** The names in angle brackets, of which paths are printed in hexadecimal: `3<\x2f…>`. */
function tracedFile(file: string): string {
  return Buffer.from(
    file.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('latin1')
}

/** `3<file>`, `AT_FDCWD<cwd>`, `-1`. */
export function tracedFd(item: string): { readonly num: number; readonly file: string | undefined } | undefined {
  const match = /^(AT_FDCWD|-?\d+)(?:<(.*)>)?(?: ?\(deleted\))?$/.exec(item)
  if (match === null) return undefined
  const num = match[1] === 'AT_FDCWD' ? -100 : Number(match[1])
  return { num, file: match[2] === undefined ? undefined : tracedFile(match[2]) }
}
