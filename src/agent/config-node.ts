import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type { Source, Span } from '../diagnostics/source.ts'
import type { YamlNode } from '../rules/yaml/node.ts'
import { parseYamlDocuments } from '../rules/yaml/parse-documents.ts'
import { duplicateKey, envNeverEnds, furtherDocuments, yamlError } from './config-findings.ts'
import { expandEnv } from './expand-env.ts'

/**
 * Configuration before it has types: what YAML says, each piece with the place that said it, so that a finding points into the right file or
 * `-o` option even after several were merged. Scalars stay text until their type is asked for, as with Falco: `true`, `"true"` and
 * `${SWITCH}` are the same.
 */
export type ConfigNode = ConfigNull | ConfigScalar | ConfigMap | ConfigList

export interface Place {
  readonly source: Source
  readonly span: Span
}

/** Written without a value: counts as not written. */
export interface ConfigNull {
  readonly kind: 'null'
  readonly place: Place
}

export interface ConfigScalar {
  readonly kind: 'scalar'
  readonly text: string
  readonly place: Place
}

export interface ConfigMap {
  readonly kind: 'map'
  readonly entries: Map<string, ConfigEntry>
  readonly place: Place
}

export interface ConfigEntry {
  readonly keyPlace: Place
  value: ConfigNode
}

export interface ConfigList {
  readonly kind: 'list'
  readonly items: ConfigNode[]
  readonly place: Place
}

/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>

export function emptyMap(place: Place): ConfigMap {
  return { kind: 'map', entries: new Map(), place }
}

/**
 * Parses the YAML in `source` from offset `from` on (an option's value), or all of it (a file; then `${VAR}` is replaced from `env`).
 * Undefined if there is no document or it does not parse; only the first document counts.
 */
export function parseConfigYaml(
  source: Source,
  findings: Diagnostic[],
  options: { readonly from?: number; readonly env?: Env } = {},
): ConfigNode | undefined {
  const from = options.from ?? 0
  const { documents, error } = parseYamlDocuments(source.text.slice(from))
  if (error !== undefined) {
    findings.push(yamlError({ source, span: { start: from + error.at, end: from + error.at + 1 } }, error))
    return undefined
  }
  const [first, second] = documents
  if (second !== undefined) {
    findings.push(furtherDocuments({ source, span: { start: from + second.start, end: from + second.start + 1 } }))
  }
  return first === undefined ? undefined : new Converter(source, from, options.env, findings).convert(first)
}

class Converter {
  readonly #source: Source
  readonly #from: number
  readonly #env: Env | undefined
  readonly #findings: Diagnostic[]
  /** An alias is the same node as its anchor: converted once, or a few lines of aliases would become millions of nodes. */
  readonly #done = new Map<YamlNode, ConfigNode>()

  constructor(source: Source, from: number, env: Env | undefined, findings: Diagnostic[]) {
    this.#source = source
    this.#from = from
    this.#env = env
    this.#findings = findings
  }

  convert(node: YamlNode): ConfigNode {
    const known = this.#done.get(node)
    if (known !== undefined) return known
    const made = this.#make(node)
    this.#done.set(node, made)
    return made
  }

  #make(node: YamlNode): ConfigNode {
    const place = this.#placeOf(node)
    switch (node.kind) {
      case 'null':
        return { kind: 'null', place }
      case 'scalar':
        return { kind: 'scalar', text: this.#expand(node.value, place), place }
      case 'sequence':
        return { kind: 'list', items: node.items.map(item => this.convert(item)), place }
      case 'map': {
        const entries = new Map<string, ConfigEntry>()
        for (const { key, value } of node.pairs) {
          const name = key.kind === 'scalar' ? key.value : ''
          const keyPlace = this.#placeOf(key)
          const first = entries.get(name)
          if (first === undefined) entries.set(name, { keyPlace, value: this.convert(value) })
          else this.#findings.push(duplicateKey(keyPlace, name, first.keyPlace))
        }
        return { kind: 'map', entries, place }
      }
    }
  }

  #placeOf(node: YamlNode): Place {
    return { source: this.#source, span: { start: this.#from + node.start, end: this.#from + node.end } }
  }

  #expand(text: string, place: Place): string {
    if (this.#env === undefined || !text.includes('$')) return text
    const expanded = expandEnv(text, this.#env)
    if (expanded !== undefined) return expanded
    this.#findings.push(envNeverEnds(place, text))
    return text
  }
}
