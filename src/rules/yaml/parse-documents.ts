import type { YamlNode, YamlPair } from './node.ts'
import { TokenScanner } from './scan-tokens.ts'
import type { Token, YamlError } from './scan-tokens.ts'

/** What a file of YAML documents holds; after an error, the documents before it. */
export interface YamlDocuments {
  readonly documents: readonly YamlNode[]
  readonly error?: YamlError
  /** Nodes written in the file; an alias counts as none. */
  readonly nodeCount: number
}

/** Collections may be nested so deeply; yaml-cpp has the same limit. */
const MAX_YAML_DEPTH = 500

/** YAML's spellings of null, which count only where a scalar is plain and untagged. */
function isNullText(text: string): boolean {
  return text === '' || text === '~' || text === 'null' || text === 'Null' || text === 'NULL'
}

/**
 * Parses all documents of `text`. What is accepted is what yaml-cpp accepts, which Falco reads its rules with: duplicate keys, for
 * instance, and text after a complete document, which begins another. Linear in the length of the text; never throws.
 */
export function parseYamlDocuments(text: string): YamlDocuments {
  return new DocumentParser(text).parse()
}

interface Properties {
  readonly tag: boolean
  readonly anchor: string | undefined
  readonly start: number | undefined
}

class DocumentParser {
  readonly #scanner: TokenScanner
  readonly #textLength: number
  #anchors = new Map<string, YamlNode | 'open'>()
  #depth = 0
  #nodeCount = 0
  /** What the innermost collection is: only `[a: b]` makes a map of a lone pair. */
  #inFlowSequence = false

  constructor(text: string) {
    this.#scanner = new TokenScanner(text)
    this.#textLength = text.length
  }

  parse(): YamlDocuments {
    const documents: YamlNode[] = []
    const scanner = this.#scanner
    for (;;) {
      this.#readDirectives()
      const first = scanner.peek()
      if (first === undefined) break
      if (first.kind === 'document-start') scanner.take()
      this.#anchors = new Map()
      const before = scanner.peek()
      const node = this.#parseNode()
      if (node === undefined) break
      documents.push(node)
      if (
        first.kind !== 'document-start' &&
        scanner.peek() === before &&
        before !== undefined &&
        before.kind !== 'document-end'
      ) {
        scanner.fail(before.start, 'this cannot stand here')
        break
      }
      while (scanner.peek()?.kind === 'document-end') scanner.take()
    }
    const { error } = scanner
    return { documents, nodeCount: this.#nodeCount, ...(error !== undefined && { error }) }
  }

  #readDirectives(): void {
    const scanner = this.#scanner
    let sawVersion = false
    const handles = new Set<string>()
    for (let token = scanner.peek(); token?.kind === 'directive'; token = scanner.peek()) {
      const [name, ...params] = token.value
        .replace(/(^|\s)#.*/, '')
        .trim()
        .split(/[ \t]+/)
      if (name === 'YAML') {
        if (params.length !== 1) scanner.fail(token.start, '`%YAML` needs one version')
        else if (sawVersion) scanner.fail(token.start, 'a second `%YAML`')
        else if (!/^\d+.\d+$/.test(params[0]!)) scanner.fail(token.start, `\`${params[0]}\` is not a YAML version`)
        else if (Number.parseInt(params[0]!, 10) > 1) scanner.fail(token.start, `YAML ${params[0]} is not supported`)
        sawVersion = true
      } else if (name === 'TAG') {
        const handle = params[0] ?? ''
        if (params.length !== 2) scanner.fail(token.start, '`%TAG` needs a handle and a prefix')
        else if (handles.has(handle)) scanner.fail(token.start, `a second \`%TAG ${handle}\``)
        handles.add(handle)
      }
      scanner.take()
    }
  }

  #null(at: number): YamlNode {
    this.#nodeCount++
    return { kind: 'null', start: at, end: at }
  }

  /** Keeps `node` under its anchor. */
  #keep(anchor: string | undefined, node: YamlNode): YamlNode {
    if (anchor !== undefined) this.#anchors.set(anchor, node)
    return node
  }

  /** The next node; undefined after an error. */
  #parseNode(): YamlNode | undefined {
    if (this.#depth >= MAX_YAML_DEPTH) {
      this.#scanner.fail(this.#scanner.peek()?.start ?? this.#scanner.at, `nested deeper than ${MAX_YAML_DEPTH} levels`)
      return undefined
    }
    this.#depth++
    const node = this.#parseNodeHere()
    this.#depth--
    return node
  }

  #parseNodeHere(): YamlNode | undefined {
    const scanner = this.#scanner
    let token = scanner.peek()
    if (token === undefined) return this.#endOfText()
    if (token.kind === 'value') return this.#parseCompactMap(token)
    if (token.kind === 'alias') return this.#parseAlias(token)

    const properties = this.#readProperties()
    if (properties === undefined) return undefined
    const { tag, anchor } = properties
    token = scanner.peek()
    if (token === undefined) {
      if (scanner.error !== undefined) return undefined
      return this.#keep(anchor, this.#null(properties.start ?? this.#textLength))
    }
    this.#nodeCount++
    const start = properties.start ?? token.start
    switch (token.kind) {
      case 'plain':
        scanner.take()
        if (!tag && isNullText(token.value)) return this.#keep(anchor, { kind: 'null', start, end: token.end })
        return this.#keep(anchor, scalarOf(token, start))
      case 'quoted':
        scanner.take()
        return this.#keep(anchor, scalarOf(token, start))
      case 'sequence-start':
        return this.#parseBlockSequence(anchor, token, start)
      case 'flow-sequence-start':
        return this.#parseFlowSequence(anchor, token, start)
      case 'map-start':
        return this.#parseBlockMap(anchor, token, start)
      case 'flow-map-start':
        return this.#parseFlowMap(anchor, token, start)
      case 'key':
        if (this.#inFlowSequence) {
          const map = this.#parseCompactMap(token)
          return map && this.#keep(anchor, map)
        }
        break
      default:
    }
    this.#nodeCount--
    if (tag) return this.#keep(anchor, { kind: 'scalar', value: '', start, end: start, segments: undefined })
    return this.#keep(anchor, this.#null(start))
  }

  #endOfText(): YamlNode | undefined {
    return this.#scanner.error === undefined ? this.#null(this.#textLength) : undefined
  }

  #parseAlias(token: Token): YamlNode | undefined {
    const node = this.#anchors.get(token.value)
    if (node === undefined) {
      this.#scanner.fail(
        token.start,
        `no anchor \`&${token.value}\` before this alias`,
        'quote the value if it shall begin with `*`',
      )
      return undefined
    }
    if (node === 'open') {
      this.#scanner.fail(token.start, `the alias \`*${token.value}\` stands inside what it stands for`)
      return undefined
    }
    this.#scanner.take()
    return node
  }

  #readProperties(): Properties | undefined {
    const scanner = this.#scanner
    let tag = false
    let anchor: string | undefined
    let start: number | undefined
    for (;;) {
      const token = scanner.peek()
      if (token?.kind === 'tag') {
        if (tag) {
          scanner.fail(token.start, 'a second tag for one value')
          return undefined
        }
        tag = true
      } else if (token?.kind === 'anchor') {
        if (anchor !== undefined) {
          scanner.fail(token.start, 'a second anchor for one value')
          return undefined
        }
        anchor = token.value
        this.#anchors.set(anchor, 'open')
      } else return { tag, anchor, start }
      start ??= token.start
      scanner.take()
    }
  }

  #missing(at: number, message: string, help?: string): undefined {
    this.#scanner.fail(at, message, help)
    return undefined
  }

  #parseBlockSequence(anchor: string | undefined, opening: Token, start: number): YamlNode | undefined {
    const scanner = this.#scanner
    scanner.take()
    const outer = this.#inFlowSequence
    this.#inFlowSequence = false
    const items: YamlNode[] = []
    for (;;) {
      const token = scanner.peek()
      if (token === undefined) return this.#missing(scanner.at, 'the list ends here unexpectedly')
      if (token.kind === 'sequence-end') {
        scanner.take()
        this.#inFlowSequence = outer
        return this.#keep(anchor, { kind: 'sequence', items, start, end: lastEnd(items, opening) })
      }
      if (token.kind !== 'entry') {
        return this.#missing(
          token.start,
          'expected a list item `- ` here',
          'is the indentation that of the other items?',
        )
      }
      scanner.take()
      const next = scanner.peek()
      if (next?.kind === 'entry' || next?.kind === 'sequence-end') items.push(this.#null(token.start))
      else {
        const item = this.#parseNode()
        if (item === undefined) return undefined
        items.push(item)
      }
    }
  }

  #parseFlowSequence(anchor: string | undefined, opening: Token, start: number): YamlNode | undefined {
    const scanner = this.#scanner
    scanner.take()
    const outer = this.#inFlowSequence
    const items: YamlNode[] = []
    for (;;) {
      let token = scanner.peek()
      if (token === undefined) return this.#missing(opening.start, '`[` that is never closed')
      if (token.kind === 'flow-sequence-end') break
      this.#inFlowSequence = true
      const item = this.#parseNode()
      if (item === undefined) return undefined
      items.push(item)
      token = scanner.peek()
      if (token === undefined) return this.#missing(opening.start, '`[` that is never closed')
      if (token.kind === 'flow-entry') scanner.take()
      else if (token.kind !== 'flow-sequence-end') {
        return this.#missing(token.start, 'expected `,` or `]` here', 'quote the item if this belongs to it')
      }
    }
    const end = scanner.peek()!.end
    scanner.take()
    this.#inFlowSequence = outer
    return this.#keep(anchor, { kind: 'sequence', items, start, end })
  }

  /** A key and its value, each of which may be missing. */
  #parsePair(token: Token): YamlPair | undefined {
    const scanner = this.#scanner
    let key: YamlNode | undefined
    if (token.kind === 'key') {
      scanner.take()
      key = this.#parseNode()
    } else key = this.#null(token.start)
    if (key === undefined) return undefined
    if (scanner.peek()?.kind !== 'value')
      return scanner.error === undefined ? { key, value: this.#null(token.start) } : undefined
    scanner.take()
    const value = this.#parseNode()
    return value && { key, value }
  }

  #parseBlockMap(anchor: string | undefined, opening: Token, start: number): YamlNode | undefined {
    const scanner = this.#scanner
    scanner.take()
    const outer = this.#inFlowSequence
    this.#inFlowSequence = false
    const pairs: YamlPair[] = []
    for (;;) {
      const token = scanner.peek()
      if (token === undefined) return this.#missing(scanner.at, 'the mapping ends here unexpectedly')
      if (token.kind === 'map-end') {
        scanner.take()
        this.#inFlowSequence = outer
        const end = pairs.at(-1)?.value.end ?? opening.end
        return this.#keep(anchor, { kind: 'map', pairs, start, end })
      }
      if (token.kind !== 'key' && token.kind !== 'value') {
        return this.#missing(token.start, 'expected a key here', 'is the indentation right, and is a `:` missing?')
      }
      const pair = this.#parsePair(token)
      if (pair === undefined) return undefined
      pairs.push(pair)
    }
  }

  #parseFlowMap(anchor: string | undefined, opening: Token, start: number): YamlNode | undefined {
    const scanner = this.#scanner
    scanner.take()
    const outer = this.#inFlowSequence
    const pairs: YamlPair[] = []
    for (;;) {
      let token = scanner.peek()
      if (token === undefined) return this.#missing(opening.start, '`{` that is never closed')
      if (token.kind === 'flow-map-end') break
      this.#inFlowSequence = false
      const pair = this.#parsePair(token)
      if (pair === undefined) return undefined
      pairs.push(pair)
      token = scanner.peek()
      if (token === undefined) return this.#missing(opening.start, '`{` that is never closed')
      if (token.kind === 'flow-entry') scanner.take()
      else if (token.kind !== 'flow-map-end') {
        return this.#missing(token.start, 'expected `,` or `}` here', 'quote the value if this belongs to it')
      }
    }
    const end = scanner.peek()!.end
    scanner.take()
    this.#inFlowSequence = outer
    return this.#keep(anchor, { kind: 'map', pairs, start, end })
  }

  /** The lone pair of `[a: b]`, or a value without key. */
  #parseCompactMap(token: Token): YamlNode | undefined {
    const outer = this.#inFlowSequence
    this.#inFlowSequence = false
    const pair = this.#parsePair(token)
    this.#inFlowSequence = outer
    return pair && { kind: 'map', pairs: [pair], start: token.start, end: pair.value.end }
  }
}

/** The node of a scalar; `start` is before the token if a tag or anchor is. */
function scalarOf(token: Token, start: number): YamlNode {
  const { value, end } = token
  const segments = token.segments ?? (start < token.start ? [0, token.start] : undefined)
  return { kind: 'scalar', value, start, end, segments }
}

function lastEnd(items: readonly YamlNode[], opening: Token): number {
  return Math.max(opening.end, items.at(-1)?.end ?? 0)
}
