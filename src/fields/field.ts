import type { FieldSpec } from '../rules/field-lookup.ts'
import type { EventContext } from '../state/event-context.ts'
import type { Value, ValueType } from '../values/value.ts'

/** Reads one field of the current event; undefined when it has no value. Hot: no allocation unless the value needs it. */
export type Reader = (ctx: EventContext) => Value | undefined

/** What follows a field's name: an argument and how many characters it took, nothing, or why it is refused (lower case). */
export type ArgParse = { readonly arg: string; readonly length: number } | { readonly message: string } | undefined

/** How a number prints. */
export type PrintFormat = 'DEC' | 'HEX' | 'OCT' | 'ID' | 'PADDED_DEC'

/** A row of the catalogue: name, type, argument, documentation and reader in one place. */
export interface Field extends FieldSpec {
  /** The class under which references list it: evt, process, fd, user, … */
  readonly group: string
  /** One or more sentences of our own; says so when the field cannot have a value yet. */
  readonly doc: string
  /** Cuts the argument out of the text after the name, where it is not `[argument]`. */
  readonly parseArg?: (rest: string) => ArgParse
  /** Checks an argument; a message (lower case, what is wrong) refuses it. */
  readonly checkArg?: (arg: string) => string | undefined
  /** The type where it depends on the argument (`evt.rawarg`). */
  readonly typeOf?: (arg: string | undefined) => ValueType
  /**
   * Binds the argument once, at link time. For `compare: 'either' | 'any'` the reader gives an array of the candidates, the same array
   * each time. An ancestor field *with* an index (`proc.aname[2]`) gives that one ancestor's value; `FieldLookup.resolve` gives it a
   * `spec` without `compare`, so that it compares as any other field.
   */
  readonly bind: (arg: string | undefined) => Reader
  /** The reader that decides `exists` where it differs from `bind` (`fd.ip`). */
  readonly bindExists?: (arg: string | undefined) => Reader
  /** The reader that outputs print where it differs from `bind`: the name for `fd.sip.name`, all ancestors joined for `proc.aname`. */
  readonly bindPrint?: (arg: string | undefined) => Reader
  /** The reader for `output_fields` where it differs from both: nanoseconds for `evt.time`. */
  readonly bindJson?: (arg: string | undefined) => Reader
  /** How a number prints: 'DEC' unless set. */
  readonly print?: PrintFormat
  /** The same where it depends on the argument (`evt.rawarg`). */
  readonly printOf?: (arg: string | undefined) => PrintFormat
  /** Whether outputs get it appended by default (`append_output: suggested_output`), as `name_with_underscores=%name.with.dots`. */
  readonly suggestedOutput?: boolean
}
