import type { Source } from '../diagnostics/source.ts'
import { positionAt } from '../diagnostics/source.ts'
import { ByteOffsets } from './byte-offsets.ts'
import type { FileResult } from './compile-rules.ts'
import type { ItemPlace, LoadFinding } from './load-finding.ts'
import { falcoCodeOf, isError } from './load-finding.ts'
import type { SchemaStatus } from './schema-status.ts'
import { checkSchema } from './schema-status.ts'

/**
 * Falco's result object of loading files, for programs that read `falco -V` with `json_output`: same keys, same codes, lines and columns
 * from 0, offsets in bytes. The sentences are our own. People get `diagnostics/render.ts` instead.
 */
export interface LoadResultJson {
  readonly errors: readonly LoadFindingJson[]
  readonly name: string
  readonly schema_valid: SchemaStatus
  readonly schema_warnings: readonly string[]
  readonly successful: boolean
  readonly warnings: readonly LoadFindingJson[]
}

export interface LoadFindingJson {
  readonly code: string
  readonly codedesc: string
  readonly context: { readonly locations: readonly LocationJson[]; readonly snippet: string }
  readonly message: string
}

export interface LocationJson {
  readonly item_name: string
  readonly item_type: string
  readonly position: {
    readonly column: number
    readonly line: number
    /** The file, or the beginning of the condition that the position counts in. */
    readonly name: string
    readonly offset: number
  }
}

/** What Falco's codes mean, in a few words. */
export const FALCO_CODE_TITLES: ReadonlyMap<string, string> = new Map([
  ['LOAD_ERR_FILE_READ', 'file not readable'],
  ['LOAD_ERR_YAML_PARSE', 'not valid YAML'],
  ['LOAD_ERR_YAML_VALIDATE', 'structure of the file not valid'],
  ['LOAD_ERR_COMPILE_CONDITION', 'condition does not compile'],
  ['LOAD_ERR_COMPILE_OUTPUT', 'output does not compile'],
  ['LOAD_ERR_VALIDATE', 'rule, macro, list or exception not valid'],
  ['LOAD_ERR_EXTENSION', 'extension item not valid'],
  ['LOAD_UNKNOWN_SOURCE', 'unknown event source'],
  ['LOAD_UNSAFE_NA_CHECK', 'comparison with <NA>'],
  ['LOAD_NO_EVTTYPE', 'no restriction of event types'],
  ['LOAD_UNKNOWN_FILTER', 'unknown field or event type, rule skipped'],
  ['LOAD_UNUSED_MACRO', 'unused macro'],
  ['LOAD_UNUSED_LIST', 'unused list'],
  ['LOAD_UNKNOWN_ITEM', 'unknown item'],
  ['LOAD_DEPRECATED_ITEM', 'deprecated item'],
  ['LOAD_WARNING_EXTENSION', 'warning in an extension item'],
  ['LOAD_APPEND_NO_VALUES', 'exception changed without values'],
  ['LOAD_EXCEPTION_NAME_NOT_UNIQUE', 'exceptions of the same name'],
  ['LOAD_INVALID_MACRO_NAME', 'macro name not usable'],
  ['LOAD_INVALID_LIST_NAME', 'list name not usable'],
  ['LOAD_COMPILE_CONDITION', 'warning in a condition'],
  ['LOAD_UNKNOWN_KEY', 'unknown key'],
])

/** The object that `falco -V` prints for a set of files: `{"falco_load_results": […]}`. */
export function loadResultsJson(results: readonly FileResult[]): {
  readonly falco_load_results: readonly LoadResultJson[]
} {
  return { falco_load_results: results.map(loadResultJson) }
}

/** The result of one file; keys in Falco's order, which is that of the alphabet. */
export function loadResultJson(result: FileResult): LoadResultJson {
  const schema = checkSchema(result.source.text)
  return {
    errors: result.findings.filter(isError).map(findingJson),
    name: result.path,
    schema_valid: schema.status,
    schema_warnings: schema.warnings,
    successful: result.ok,
    warnings: result.findings.filter(finding => !isError(finding)).map(findingJson),
  }
}

function findingJson(finding: LoadFinding): LoadFindingJson {
  const code = falcoCodeOf(finding.diagnostic)
  return {
    code,
    codedesc: FALCO_CODE_TITLES.get(code) ?? code,
    context: { locations: locationsOf(finding), snippet: snippetOf(finding) },
    message: finding.diagnostic.message,
  }
}

function locationsOf(finding: LoadFinding): readonly LocationJson[] {
  const locations: LocationJson[] = []
  for (let place: ItemPlace | undefined = finding.place; place !== undefined; place = place.parent) {
    const inExpression = place.type === 'condition expression' && finding.expression !== undefined
    locations.unshift({
      item_name: place.name,
      item_type: place.type,
      position: inExpression
        ? expressionPosition(finding.expression, place)
        : filePosition(place.source, place.span.start),
    })
  }
  return locations
}

function filePosition(source: Source, offset: number): LocationJson['position'] {
  const { line, column } = positionAt(source, offset)
  const bytes = byteOffsetsOf(source)
  const start = bytes.at(offset)
  return { column: start - bytes.at(offset - column + 1), line: line - 1, name: source.path, offset: start }
}

const byteOffsets = new WeakMap<Source, ByteOffsets>()

function byteOffsetsOf(source: Source): ByteOffsets {
  let offsets = byteOffsets.get(source)
  if (offsets === undefined) {
    offsets = new ByteOffsets(source.text)
    byteOffsets.set(source, offsets)
  }
  return offsets
}

/** A place in a condition counts from the condition's own place, and is named by how the condition begins. */
function expressionPosition(
  expression: NonNullable<LoadFinding['expression']>,
  place: ItemPlace,
): LocationJson['position'] {
  const { text, at, inside = text } = expression
  const before = inside.slice(0, at)
  const line = before.split('\n').length
  const bytes = new ByteOffsets(before)
  const offset = bytes.at(at)
  const column = offset - bytes.at(before.lastIndexOf('\n') + 1) + 1
  const name = text.length > 20 ? `${text.slice(0, 17)}...` : text
  const base = place.parent === undefined ? undefined : filePosition(place.parent.source, place.parent.span.start)
  return {
    column: column + (base?.column ?? 0),
    line: line + (base?.line ?? 0),
    name: `"${name.replace(/[\r\n]/g, ' ')}"`,
    offset: offset + (base?.offset ?? 0),
  }
}

/** A snippet is at most so wide around the place. */
const SNIPPET_WIDTH = 160

/** The line that a finding is about, cut to a window, and a line with `^` under the place. */
function snippetOf(finding: LoadFinding): string {
  const text = finding.expression?.inside ?? finding.expression?.text ?? finding.place.source.text
  let at = finding.expression?.at ?? finding.place.span.start
  if (text === '') return '<no context>\n'
  while (at > 0 && (at >= text.length || text[at] === '\n')) at--
  const half = SNIPPET_WIDTH / 2
  // The line may be a megabyte, and have a thousand findings.
  const before = text.slice(Math.max(0, at - half - 1), at)
  const after = text.slice(at, at + half + 2)
  const begun = before.slice(before.lastIndexOf('\n') + 1)
  const rest = after.includes('\n') ? after.slice(0, after.indexOf('\n')) : after
  const from = at - Math.min(begun.length, half)
  const to = at + Math.min(rest.length, half + 1)
  let line = text.slice(from, to)
  if (line === '') return '<no context>\n'
  if (begun.length > half) line = `...${line.slice(3)}`
  if (rest.length > half + 1) line = `${line.slice(0, -3)}...`
  return `${line}\n${' '.repeat(at - from)}^\n`
}
