import { parsePriority } from './rule-items.ts'
import type { YamlMap, YamlNode } from './yaml/node.ts'
import { lookupKey } from './yaml/node.ts'
import { parseYamlDocuments } from './yaml/parse-documents.ts'

/**
 * Falco also validates rule files against a JSON schema, and prints the outcome, but loads them all the same. This gives the outcome:
 * the schema's rules are few, and those that the loader has as well differ in details (upper-case priorities, `true` and `false` only).
 */
export type SchemaStatus = 'ok' | 'failed' | 'none'

export interface SchemaOutcome {
  readonly status: SchemaStatus
  /** What does not fit, by path: `[3].priority`. */
  readonly warnings: readonly string[]
}

type Check = (node: YamlNode, path: string, report: Report) => void
type Report = (path: string, problem: string) => void

/** Nobody reads more. */
const MAX_WARNINGS = 100

const text: Check = (node, path, report) => {
  if (node.kind !== 'scalar') report(path, 'is not a single value')
}

const bool: Check = (node, path, report) => {
  if (node.kind !== 'scalar' || !/^(?:true|false)$/.test(node.value)) report(path, 'is not true or false')
}

const integer: Check = (node, path, report) => {
  if (node.kind !== 'scalar' || !/^[+-]?\d+$/.test(node.value)) report(path, 'is not a whole number')
}

const anything: Check = () => {}

const priority: Check = (node, path, report) => {
  const isKnown =
    node.kind === 'scalar' && parsePriority(node.value) !== undefined && node.value === node.value.toUpperCase()
  if (!isKnown) report(path, 'is not a priority in capital letters')
}

const operation: Check = (node, path, report) => {
  if (node.kind !== 'scalar' || !/^(?:append|replace)$/.test(node.value)) report(path, 'is neither append nor replace')
}

function listOf(check: Check): Check {
  return (node, path, report) => {
    if (node.kind !== 'sequence') report(path, 'is not a list')
    else for (const [i, item] of node.items.entries()) check(item, `${path}[${i}]`, report)
  }
}

function mapOf(keys: Readonly<Record<string, Check>>, required: readonly string[] = []): Check {
  const known = new Map(Object.entries(keys))
  return (node, path, report) => {
    if (node.kind !== 'map') report(path, 'is not a mapping')
    else checkMap(node, path, report, known, required)
  }
}

function checkMap(
  map: YamlMap,
  path: string,
  report: Report,
  known: ReadonlyMap<string, Check>,
  required: readonly string[],
): void {
  for (const { key, value } of map.pairs) {
    const name = key.kind === 'scalar' ? key.value : ''
    const check = known.get(name)
    if (check === undefined) report(path, `has the unknown key '${name}'`)
    else check(value, `${path}.${name}`, report)
  }
  for (const name of required) if (lookupKey(map, name) === undefined) report(path, `has no key '${name}'`)
}

const alternative: Check = mapOf({ name: text, version: text }, ['name', 'version'])

const OVERRIDABLE: readonly string[] = [
  'items',
  'desc',
  'condition',
  'output',
  'priority',
  'enabled',
  'exceptions',
  'capture',
  'capture_duration',
  'tags',
  'warn_evttypes',
  'skip-if-unknown-filter',
]

const overrideKeys: Check = mapOf(Object.fromEntries(OVERRIDABLE.map(key => [key, operation])))

const override: Check = (node, path, report) => {
  if (node.kind === 'map' && node.pairs.length === 0) report(path, 'is empty')
  overrideKeys(node, path, report)
}

const rulesFile: Check = listOf(
  mapOf({
    required_engine_version: text,
    required_plugin_versions: listOf(
      mapOf({ name: text, version: text, alternatives: listOf(alternative) }, ['name', 'version']),
    ),
    macro: text,
    condition: text,
    list: text,
    items: listOf(text),
    rule: text,
    desc: text,
    enabled: bool,
    output: text,
    append: bool,
    priority,
    capture: bool,
    capture_duration: integer,
    source: text,
    exceptions: listOf(mapOf({ name: text, fields: anything, comps: anything, values: anything }, ['name'])),
    override,
    tags: listOf(text),
    warn_evttypes: bool,
    'skip-if-unknown-filter': bool,
  }),
)

/** Checks the text of a rules file; `none` where there is no document to check. */
export function checkSchema(source: string): SchemaOutcome {
  const { documents, error } = parseYamlDocuments(source)
  if (error !== undefined || documents.length === 0) return { status: 'none', warnings: [] }
  const warnings: string[] = []
  let count = 0
  const report: Report = (path, problem) => {
    if (++count <= MAX_WARNINGS) warnings.push(`${path === '' ? 'the file' : path} ${problem}`)
  }
  for (const document of documents) rulesFile(document, '', report)
  return { status: count === 0 ? 'ok' : 'failed', warnings }
}
