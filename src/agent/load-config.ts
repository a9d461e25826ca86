import { readdirSync, readFileSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { compareDiagnostics, type Diagnostic } from '../diagnostics/diagnostic.ts'
import type { Source } from '../diagnostics/source.ts'
import { type Config, readConfig } from './config.ts'
import {
  fileTooLarge,
  nestedConfigFiles,
  notOneOf,
  selfIncluded,
  skippedFile,
  unreadableFile,
  wrongType,
} from './config-findings.ts'
import { type ConfigMap, type ConfigNode, type Env, emptyMap, type Place, parseConfigYaml } from './config-node.ts'
import { applyOverride, type ConfigOverride, parseOverride } from './config-override.ts'

export interface LoadConfigOptions {
  /** The main file; absent: none is read, and alerts go to standard output. */
  readonly file?: string
  /** Values of `-o`, in order. */
  readonly overrides?: readonly string[]
  readonly env: Env
  /** Default: the host's name. */
  readonly hostname?: string
}

export interface LoadedConfig {
  /** Usable unless one of the findings is an error. */
  readonly config: Config
  /** Sorted by place. */
  readonly findings: readonly Diagnostic[]
  /** Files that were read, the main one first, and folders whose files were read: to watch for changes. */
  readonly files: readonly string[]
  readonly folders: readonly string[]
}

/** More is no configuration. */
const MOST_BYTES = 4 * 1024 * 1024

/** What counts where no file is given. */
const withoutFile: Source = { path: '(no configuration file)', text: 'stdout_output: { enabled: true }\n' }

/**
 * Reads the configuration as Falco does: the main file; then `-o config_files…`; then the files of `config_files` merged over it; then
 * all `-o`, which thus win. Paths are relative to the working directory. Variables are replaced in files, not in options.
 * Never throws: what is wrong is a finding.
 */
export function loadConfig(options: LoadConfigOptions): LoadedConfig {
  const findings: Diagnostic[] = []
  const loader = new Loader(options.env, findings)
  const root = loader.readMain(options.file)
  const overrides = (options.overrides ?? []).flatMap(text => parseOverride(text, findings) ?? [])
  for (const one of overrides) if (isAboutFiles(one)) applyOverride(root, one, findings)
  loader.mergeConfigFiles(root, options.file)
  for (const one of overrides) if (!isAboutFiles(one)) applyOverride(root, one, findings)
  const surroundings = { env: options.env, hostname: options.hostname ?? hostname() }
  const config = readConfig(root, surroundings, findings)
  const { files, folders } = loader
  return { config, findings: findings.sort(compareDiagnostics), files, folders }
}

/** Options about `config_files` come first, since they decide what there is to override. */
function isAboutFiles({ steps: [first] }: ConfigOverride): boolean {
  return first?.kind === 'key' && first.name === 'config_files'
}

/** How the keys of a further file go over those that are there: see `merge`. */
type Strategy = 'append' | 'override' | 'add-only'

const strategies: readonly Strategy[] = ['append', 'override', 'add-only']

class Loader {
  readonly files: string[] = []
  readonly folders: string[] = []
  readonly #env: Env
  readonly #findings: Diagnostic[]

  constructor(env: Env, findings: Diagnostic[]) {
    this.#env = env
    this.#findings = findings
  }

  readMain(path: string | undefined): ConfigMap {
    if (path !== undefined) return this.#readFile(path) ?? emptyMap(startOf({ path, text: '' }))
    const root = parseConfigYaml(withoutFile, this.#findings)
    return root?.kind === 'map' ? root : emptyMap(startOf(withoutFile))
  }

  /** Merges what `config_files` names into `root`, in its order; a folder's regular files in the order of their names. */
  mergeConfigFiles(root: ConfigMap, mainPath: string | undefined): void {
    for (const { path, strategy, place } of this.#includes(root)) {
      if (path === mainPath) {
        this.#findings.push(selfIncluded(place, path))
        continue
      }
      const kind = this.#kindOf(path, place)
      if (kind === 'missing') this.#findings.push(skippedFile(place, path))
      else if (kind === 'file') this.#include(root, path, strategy)
      else if (kind === 'folder') {
        this.folders.push(path)
        for (const file of this.#filesIn(path, place)) this.#include(root, file, strategy)
      }
    }
  }

  #kindOf(path: string, place: Place): 'missing' | 'file' | 'folder' | 'unreadable' {
    try {
      const stat = statSync(path, { throwIfNoEntry: false })
      return stat === undefined ? 'missing' : stat.isDirectory() ? 'folder' : 'file'
    } catch (error) {
      this.#findings.push(unreadableFile(place, path, causeOf(error)))
      return 'unreadable'
    }
  }

  #includes(root: ConfigMap): { readonly path: string; readonly strategy: Strategy; readonly place: Place }[] {
    const node = root.entries.get('config_files')?.value
    const items: readonly ConfigNode[] = node === undefined ? [] : node.kind === 'list' ? node.items : [node]
    return items.flatMap(item => {
      if (item.kind === 'null') return []
      if (item.kind === 'scalar') return [{ path: item.text, strategy: 'append', place: item.place }]
      const path = item.kind === 'map' ? item.entries.get('path')?.value : undefined
      if (item.kind !== 'map' || path?.kind !== 'scalar') {
        this.#findings.push(
          wrongType(item.place, 'config_files', 'a list of paths or of `path`, `strategy` pairs', 'this'),
        )
        return []
      }
      return [{ path: path.text, strategy: this.#strategyOf(item), place: path.place }]
    })
  }

  #strategyOf(item: ConfigMap): Strategy {
    const node = item.entries.get('strategy')?.value
    if (node === undefined || node.kind === 'null') return 'append'
    const text = node.kind === 'scalar' ? node.text : ''
    const found = strategies.find(one => one === text)
    // Falco takes anything else for `append`, without a word.
    if (found === undefined) this.#findings.push(notOneOf(node.place, 'config_files.strategy', text, strategies))
    return found ?? 'append'
  }

  #filesIn(folder: string, place: Place): string[] {
    try {
      const paths = readdirSync(folder).map(name => join(folder, name))
      return paths.filter(path => statSync(path, { throwIfNoEntry: false })?.isFile()).sort()
    } catch (error) {
      this.#findings.push(unreadableFile(place, folder, causeOf(error)))
      return []
    }
  }

  #include(root: ConfigMap, path: string, strategy: Strategy): void {
    const map = this.#readFile(path)
    const nested = map?.entries.get('config_files')
    if (nested !== undefined) this.#findings.push(nestedConfigFiles(nested.keyPlace))
    else if (map !== undefined) merge(root, map, strategy)
  }

  #readFile(path: string): ConfigMap | undefined {
    const source = this.#readSource(path)
    if (source === undefined) return undefined
    this.files.push(path)
    const root = parseConfigYaml(source, this.#findings, { env: this.#env })
    if (root === undefined || root.kind === 'null') return emptyMap(startOf(source))
    if (root.kind === 'map') return root
    this.#findings.push(
      wrongType(root.place, path, 'a map of keys', root.kind === 'list' ? 'a list' : 'a single value'),
    )
    return undefined
  }

  #readSource(path: string): Source | undefined {
    const place = startOf({ path, text: '' })
    try {
      const stat = statSync(path)
      if (stat.isDirectory() || stat.isCharacterDevice()) {
        this.#findings.push(unreadableFile(place, path, 'it is not a file'))
      } else if (stat.size > MOST_BYTES) this.#findings.push(fileTooLarge(place, MOST_BYTES))
      else return { path, text: readFileSync(path, 'utf8') }
    } catch (error) {
      this.#findings.push(unreadableFile(place, path, causeOf(error)))
    }
    return undefined
  }
}

/**
 * Top-level keys of `more` go over those of `root`. `append`: a list is added to the list that is there, anything else takes its place;
 * `override`: it takes its place; `add-only`: only keys that are not there are added. Maps are never merged key by key.
 */
function merge(root: ConfigMap, more: ConfigMap, strategy: Strategy): void {
  for (const [key, entry] of more.entries) {
    const there = root.entries.get(key)
    if (there === undefined) root.entries.set(key, entry)
    else if (strategy === 'append' && entry.value.kind === 'list' && there.value.kind === 'list') {
      for (const item of entry.value.items) there.value.items.push(item)
    } else if (strategy !== 'add-only') root.entries.set(key, entry)
  }
}

function startOf(source: Source): Place {
  return { source, span: { start: 0, end: 0 } }
}

function causeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? `${error.code}` : String(error)
}
