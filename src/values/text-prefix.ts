import type { ByteText } from './value.ts'

/**
 * A set of prefixes as a radix trie: which of thousands of prefixes begin a text costs one step for each branching character of the
 * text, and a text that shares nothing with them is turned away at its first byte.
 */
export class TextPrefixes<T> {
  readonly #root: PrefixNode<T> = { label: '', children: undefined, items: undefined }

  /** Adds a prefix; '' begins every text. Several items may share one prefix. */
  add(prefix: ByteText, item: T): void {
    let node = this.#root
    let at = 0
    while (at < prefix.length) {
      node.children ??= new Map()
      const code = prefix.charCodeAt(at)
      const child = node.children.get(code)
      if (child === undefined) {
        node.children.set(code, { label: prefix.slice(at), children: undefined, items: [item] })
        return
      }
      const common = commonLength(child.label, prefix, at)
      if (common < child.label.length) {
        const rest: PrefixNode<T> = { label: child.label.slice(common), children: child.children, items: child.items }
        child.label = child.label.slice(0, common)
        child.children = new Map([[rest.label.charCodeAt(0), rest]])
        child.items = undefined
      }
      node = child
      at += common
    }
    node.items ??= []
    node.items.push(item)
  }

  /** Whether any prefix begins the text. */
  matches(text: ByteText): boolean {
    let node = this.#root
    let at = 0
    while (node.items === undefined) {
      if (at === text.length) return false
      const child = node.children?.get(text.charCodeAt(at))
      if (child === undefined || !text.startsWith(child.label, at)) return false
      at += child.label.length
      node = child
    }
    return true
  }

  /** Appends the items of all prefixes that begin the text. */
  collect(text: ByteText, out: T[]): void {
    let node = this.#root
    let at = 0
    for (;;) {
      if (node.items !== undefined) for (const item of node.items) out.push(item)
      if (at === text.length) return
      const child = node.children?.get(text.charCodeAt(at))
      if (child === undefined || !text.startsWith(child.label, at)) return
      at += child.label.length
      node = child
    }
  }
}

interface PrefixNode<T> {
  label: string
  children: Map<number, PrefixNode<T>> | undefined
  items: T[] | undefined
}

function commonLength(label: string, text: string, at: number): number {
  let n = 0
  while (n < label.length && at + n < text.length && label.charCodeAt(n) === text.charCodeAt(at + n)) n++
  return n
}
