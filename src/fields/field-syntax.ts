import type { FieldResolution } from '../rules/field-lookup.ts'
import type { ArgParse, Field } from './field.ts'

/*
 * How a field is cut out of a text: the longest known name that the text begins with, then what that field's own syntax takes of the rest.
 * Falco does the same in each filter check's `parse_field_name`; the odd ones (`evt.arg.NAME`, `thread.cgroup.NAME`, …) bring their own
 * `parseArg`, all others take `[argument]`.
 */

/** Reads `[argument]` at the start of `rest`; quotes around the whole argument are dropped. */
export function parseBracketArg(rest: string): ArgParse {
  if (!rest.startsWith('[')) return undefined
  const quote = rest[1]
  if (quote === '"' || quote === "'") {
    const end = rest.indexOf(`${quote}]`, 2)
    if (end >= 0) return { arg: rest.slice(2, end), length: end + 2 }
  }
  const end = rest.indexOf(']')
  if (end < 0) return { message: 'the argument has no closing bracket' }
  return { arg: rest.slice(1, end), length: end + 1 }
}

/** A signed 32-bit decimal number as C's `scanf` reads it; undefined when it is none. */
export function parseInt32Arg(arg: string): number | undefined {
  if (!/^\s*[+-]?\d{1,10}$/.test(arg)) return undefined
  const n = Number(arg)
  return n >= -(2 ** 31) && n < 2 ** 31 ? n : undefined
}

/** Refuses what is not a number; for fields that take an index. */
export function checkIndexArg(arg: string): string | undefined {
  return parseInt32Arg(arg) === undefined ? `argument \`${arg}\` is not a number` : undefined
}

/** Names by their first part and length, so that a look-up tries few of them. */
export class FieldIndex {
  readonly #byName = new Map<string, Field>()
  /** Distinct lengths of names, longest first. */
  readonly #lengths: readonly number[]

  constructor(fields: readonly Field[]) {
    for (const field of fields) this.#byName.set(field.name, field)
    this.#lengths = [...new Set(fields.map(f => f.name.length))].sort((a, b) => b - a)
  }

  get(name: string): Field | undefined {
    return this.#byName.get(name)
  }

  names(): Iterable<string> {
    return this.#byName.keys()
  }

  /** See `FieldLookup.resolve`. */
  resolve(text: string): FieldResolution {
    // Most texts are a name and nothing else, which no longer name can begin.
    const exact = this.#byName.get(text)
    if (exact !== undefined) return resolveArg(exact, text)
    for (const length of this.#lengths) {
      if (length > text.length) continue
      const field = this.#byName.get(text.slice(0, length))
      if (field !== undefined) return resolveArg(field, text)
    }
    return { kind: 'unknown' }
  }
}

function resolveArg(field: Field, text: string): FieldResolution {
  const nameLength = field.name.length
  if (field.arg === 'none') {
    return { kind: 'field', ref: { spec: field, type: field.type }, length: nameLength }
  }
  const parsed = (field.parseArg ?? parseBracketArg)(text.slice(nameLength))
  if (parsed === undefined) {
    if (field.arg === 'required') return { kind: 'bad-argument', spec: field, message: 'an argument is required' }
    return { kind: 'field', ref: { spec: field, type: field.typeOf?.(undefined) ?? field.type }, length: nameLength }
  }
  if ('message' in parsed) return { kind: 'bad-argument', spec: field, message: parsed.message }
  const message = field.checkArg?.(parsed.arg)
  if (message !== undefined) return { kind: 'bad-argument', spec: field, message }
  const spec = field.compare === 'any' && parsed.arg !== ALL_ANCESTORS ? oneOf(field) : field
  return {
    kind: 'field',
    ref: { spec, arg: parsed.arg, type: field.typeOf?.(parsed.arg) ?? field.type },
    length: nameLength + parsed.length,
  }
}

/** An index that Falco takes for none. */
const ALL_ANCESTORS = '-1'

const oneOfRows = new WeakMap<Field, Field>()

/** The row of an ancestor field with an argument: it has one value, which compares as any other. */
function oneOf(field: Field): Field {
  let row = oneOfRows.get(field)
  if (row === undefined) {
    const { compare: _, ...rest } = field
    row = rest
    oneOfRows.set(field, row)
  }
  return row
}
