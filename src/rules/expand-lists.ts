import type { Source, Span } from '../diagnostics/source.ts'
import type { ConditionOrigin } from './ast.ts'
import type { ConditionText, PlaceInFile } from './condition-text.ts'
import { locateInText } from './condition-text.ts'
import type { YamlScalar } from './yaml/node.ts'

/**
 * Lists are put into conditions as text, before anything is parsed: every word that is the name of a list becomes its items. Falco does
 * it list by list, in order of definition, over the whole text; here it is one pass over the words, with the same result: what a list
 * brings in may name lists defined after it, not before. Blanks around the name go, one comes on each side; with an empty list goes a
 * comma beside it. Words inside quotes count too, as long as blanks, parentheses, commas or `=` delimit them.
 */
export interface ExpandableList {
  readonly name: string
  /** Position in order of first definition. */
  readonly position: number
  /** Items with the lists among them already replaced, one level deep. */
  readonly items: readonly ListValue[]
  /** There is a configured list of the same name: what it stands for, after the items, is its name. */
  readonly isConfigured?: boolean
}

export interface ListValue {
  readonly text: string
  readonly source: Source
  readonly scalar: YamlScalar
}

/** An expanded condition may have at most so many characters… */
const MAX_EXPANDED_LENGTH = 1 << 26
/** …so many names of lists may be replaced for it… */
const MAX_REPLACEMENTS = 1 << 20
/** …and lists may bring in each other so deeply. */
const MAX_NESTING = 1000

const DELIMITER: Uint8Array = new Uint8Array(128)
for (const delimiter of ' \t\n\r(),=') DELIMITER[delimiter.charCodeAt(0)] = 1

function isDelimiter(code: number): boolean {
  return code < 128 && DELIMITER[code] === 1
}

function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13 && code !== 11 && code !== 12)
}

/** Where a stretch of expanded text is from: of the condition itself, or (with `list`) of what stands for the word from `from` to `to`. */
interface Stretch {
  readonly at: number
  readonly from: number
  readonly to: number
  readonly list?: ListEntry
  readonly inList: number
}

class ListEntry {
  readonly list: ExpandableList
  #joined: string | undefined
  /** Whether words of the items name lists that are replaced after this one; known once `joined` is. */
  #isNesting: boolean | undefined

  constructor(list: ExpandableList) {
    this.list = list
  }

  get joined(): string {
    if (this.#joined === undefined) {
      const texts = this.list.items.map(item => quoteListItem(item.text))
      if (this.list.isConfigured === true) texts.push(this.list.name)
      this.#joined = texts.join(', ')
    }
    return this.#joined
  }

  isNesting(entries: ReadonlyMap<string, ListEntry>): boolean {
    this.#isNesting ??= this.list.items.some(item =>
      wordsIn(quoteListItem(item.text)).some(word => (entries.get(word)?.list.position ?? -1) > this.list.position),
    )
    return this.#isNesting
  }

  /** The item that stands at `offset` of the joined items. */
  itemAt(offset: number): ListValue | undefined {
    let at = 0
    for (const item of this.list.items) {
      at += quoteListItem(item.text).length + 2
      if (offset < at) return item
    }
    return undefined
  }
}

/** Text with a blank is quoted, unless it begins with a quote. Quotes inside are left as they are, as Falco does. */
export function quoteListItem(text: string): string {
  return text.includes(' ') && !text.startsWith('"') && !text.startsWith("'") ? `"${text}"` : text
}

/** Maximal runs of other characters than delimiters. The engine's search is faster than a loop over characters, above all at the start. */
const WORD = /[^ \t\n\r(),=]+/g

/** Calls `visit` with each word, and where it begins, until that is false. */
function forEachWord(text: string, visit: (word: string, at: number) => boolean): void {
  let at = 0
  for (;;) {
    // Set each time: `visit` may come back here.
    WORD.lastIndex = at
    const found = WORD.exec(text)
    if (found === null) return
    at = WORD.lastIndex
    if (!visit(found[0], found.index)) return
  }
}

function wordsIn(text: string): readonly string[] {
  return text.match(WORD) ?? []
}

const wordsOfText = new WeakMap<ConditionText, readonly string[]>()

/** The words of a condition, each once. Kept, because each further file asks again, while the condition is the same. */
function wordsOf(condition: ConditionText): readonly string[] {
  let words = wordsOfText.get(condition)
  if (words === undefined) {
    words = [...new Set(wordsIn(condition.text))]
    wordsOfText.set(condition, words)
  }
  return words
}

/** The lists that a set of files defines, ready to be put into conditions. */
export class ListTable {
  readonly #entries = new Map<string, ListEntry>()
  /** Lists whose names hold delimiters, which are no words. */
  readonly #irregular: ListEntry[] = []

  constructor(lists: Iterable<ExpandableList>) {
    for (const list of lists) {
      const entry = new ListEntry(list)
      let hasDelimiter = false
      for (let i = 0; i < list.name.length && !hasDelimiter; i++) hasDelimiter = isDelimiter(list.name.charCodeAt(i))
      if (hasDelimiter) this.#irregular.push(entry)
      this.#entries.set(list.name, entry)
    }
  }

  /** The text of `condition` with its lists expanded, whose names are added to `used`. Undefined when the result is beyond all use. */
  expand(condition: ConditionText, used: Set<string>): string | undefined {
    const { text } = condition
    if (this.#irregular.some(entry => text.includes(entry.list.name))) return this.#expandBySearch(text, used)
    if (!wordsOf(condition).some(word => this.#entries.has(word))) return text
    return this.#expandWords(text, used, undefined)
  }

  /** The stretches of `text` after expansion, for places. */
  trace(text: string): readonly Stretch[] {
    const stretches: Stretch[] = []
    if (!this.#irregular.some(entry => text.includes(entry.list.name))) this.#expandWords(text, new Set(), stretches)
    return stretches
  }

  #expandWords(text: string, used: Set<string>, stretches: Stretch[] | undefined): string | undefined {
    const output = new ExpandedText(stretches)
    return this.#expandInto(output, text, -1, used, undefined, 0) ? output.toString() : undefined
  }

  #expandInto(
    output: ExpandedText,
    text: string,
    after: number,
    used: Set<string>,
    within: Stretch | undefined,
    depth: number,
  ): boolean {
    if (depth > MAX_NESTING) return false
    let from = 0
    let fits = true
    forEachWord(text, (word, at) => {
      const entry = this.#entries.get(word)
      if (entry === undefined || entry.list.position <= after) return true
      used.add(word)
      output.push(text.slice(from, at), within ?? { at: 0, from, to: from, inList: 0 }, from)
      from = at + word.length
      const place: Stretch = {
        at: 0,
        from: within?.from ?? at,
        to: within?.to ?? at + word.length,
        list: entry,
        inList: 0,
      }
      if (!output.open(entry.joined === '')) return (fits = false)
      if (entry.isNesting(this.#entries)) {
        fits = this.#expandInto(output, entry.joined, entry.list.position, used, place, depth + 1)
      } else output.push(entry.joined, place, 0)
      output.close({ ...place, inList: entry.joined.length })
      return fits && (fits = output.fits)
    })
    if (!fits) return false
    output.push(text.slice(from), within ?? { at: 0, from, to: from, inList: 0 }, from)
    return output.fits
  }

  /** List by list over the whole text, for names that are no words. */
  #expandBySearch(text: string, used: Set<string>): string | undefined {
    let result = text
    const order = [...this.#entries.values()].sort((a, b) => a.list.position - b.list.position)
    for (const entry of order) {
      const { name } = entry.list
      let at = result.indexOf(name)
      let replaced = ''
      let from = 0
      while (at !== -1) {
        const end = at + name.length
        const isWord =
          (at === 0 || isDelimiter(result.charCodeAt(at - 1))) &&
          (end >= result.length || isDelimiter(result.charCodeAt(end)))
        if (!isWord || at < from) {
          at = result.indexOf(name, at + 1)
          continue
        }
        used.add(name)
        replaced = (replaced + result.slice(from, at)).replace(/[ \t\n\r]+$/, '')
        from = end
        while (from < result.length && isBlank(result.charCodeAt(from))) from++
        if (entry.joined === '') {
          if (replaced.endsWith(',')) replaced = replaced.slice(0, -1)
          else if (result[from] === ',') from++
        }
        replaced += `${replaced === '' ? '' : ' '}${entry.joined} `
        if (replaced.length > MAX_EXPANDED_LENGTH) return undefined
        at = result.indexOf(name, from)
      }
      result = replaced + result.slice(from)
    }
    return result
  }
}

/** Output in chunks, so that trimming its end costs nothing. */
class ExpandedText {
  readonly #chunks: string[] = []
  readonly #stretches: Stretch[] | undefined
  #length = 0
  #replacements = 0
  /** After a list blanks go, until something else comes… */
  #eatsBlanks = false
  /** …and after an empty one a comma too, if that comes first. */
  #eatsComma = false

  constructor(stretches: Stretch[] | undefined) {
    this.#stretches = stretches
  }

  get fits(): boolean {
    return this.#length <= MAX_EXPANDED_LENGTH
  }

  /** Appends `text`, which stands at `offset` of the condition, or of the list that `place` names. */
  push(text: string, place: Stretch, offset: number): void {
    let from = 0
    if (this.#eatsBlanks) {
      while (from < text.length && isBlank(text.charCodeAt(from))) from++
      if (from === text.length) return
      if (this.#eatsComma && text.charCodeAt(from) === 44) from++
      this.#eatsBlanks = false
      this.#eatsComma = false
    }
    if (from === text.length) return
    if (place.list === undefined) this.#append(text.slice(from), { ...place, from: offset + from, to: offset + from })
    else this.#append(text.slice(from), { ...place, inList: offset + from })
  }

  #append(text: string, place: Stretch): void {
    this.#stretches?.push({ ...place, at: this.#length })
    this.#chunks.push(text)
    this.#length += text.length
  }

  /** Makes room for a list: trims, drops the comma before an empty one. False when there have been too many. */
  open(isEmpty: boolean): boolean {
    this.#trimBlanks()
    this.#eatsComma = false
    this.#eatsBlanks = false
    if (isEmpty) {
      if (this.#last() === 44) this.#dropLast(1)
      else this.#eatsComma = true
    }
    if (this.#length > 0) {
      this.#chunks.push(' ')
      this.#length++
    }
    return ++this.#replacements <= MAX_REPLACEMENTS
  }

  /** One blank after a list, unless a list that ended it brought one. */
  close(place: Stretch): void {
    if (!this.#eatsBlanks) this.#append(' ', place)
    this.#eatsBlanks = true
  }

  #last(): number {
    const chunk = this.#chunks.at(-1)
    return chunk === undefined ? -1 : chunk.charCodeAt(chunk.length - 1)
  }

  #dropLast(count: number): void {
    const chunk = this.#chunks.pop()!
    if (chunk.length > count) this.#chunks.push(chunk.slice(0, chunk.length - count))
    this.#length -= count
  }

  #trimBlanks(): void {
    for (let chunk = this.#chunks.at(-1); chunk !== undefined; chunk = this.#chunks.at(-1)) {
      let blanks = 0
      while (blanks < chunk.length && isBlank(chunk.charCodeAt(chunk.length - 1 - blanks))) blanks++
      if (blanks === 0) return
      this.#dropLast(blanks)
      if (blanks < chunk.length) return
    }
  }

  toString(): string {
    return this.#chunks.join('')
  }
}

/** An origin that also knows which list a place is from. */
export interface TracedOrigin extends ConditionOrigin {
  /** The text that was parsed, with its lists put in. */
  readonly text: string
  locate(span: Span): PlaceInFile
  /** The list item that stands at `span`, if one does. */
  listItem(span: Span): { readonly list: string; readonly item: ListValue } | undefined
}

/** Finds places of an expanded condition again: in the files, or at the name of the list that brought them in. */
export class ExpandedOrigin implements TracedOrigin {
  readonly text: string
  readonly #condition: ConditionText
  readonly #lists: ListTable
  readonly #isExpanded: boolean
  #stretches: readonly Stretch[] | undefined

  constructor(condition: ConditionText, expanded: string, lists: ListTable) {
    this.text = expanded
    this.#condition = condition
    this.#lists = lists
    this.#isExpanded = expanded !== condition.text
  }

  locate(span: Span): PlaceInFile {
    const stretch = this.#stretchAt(span.start)
    let inText = span
    if (stretch?.list !== undefined) inText = { start: stretch.from, end: stretch.to }
    else if (stretch !== undefined) {
      const start = stretch.from + (span.start - stretch.at)
      inText = { start, end: start + (span.end - span.start) }
    } else if (this.#isExpanded) inText = { start: 0, end: this.#condition.text.length }
    const place = locateInText(this.#condition, inText)
    if (place === undefined) throw new Error('unreachable: a condition without text')
    return place
  }

  listItem(span: Span): { readonly list: string; readonly item: ListValue } | undefined {
    const stretch = this.#stretchAt(span.start)
    if (stretch?.list === undefined) return undefined
    const item = stretch.list.itemAt(stretch.inList + (span.start - stretch.at))
    return item && { list: stretch.list.list.name, item }
  }

  #stretchAt(offset: number): Stretch | undefined {
    if (!this.#isExpanded) return undefined
    this.#stretches ??= this.#lists.trace(this.#condition.text)
    let found: Stretch | undefined
    for (const stretch of this.#stretches) {
      if (stretch.at > offset) break
      found = stretch
    }
    return found
  }
}
