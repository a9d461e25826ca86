import type { FieldSpec } from '../rules/field-lookup.ts'
import type { EventContext } from '../state/event-context.ts'
import type { Value, ValueType } from '../values/value.ts'

/** Reads one field of the current event; undefined when it has no value. Hot: no allocation unless the value needs it. */
export type Reader = (ctx: EventContext) => Value | undefined

/** A row of the catalogue: name, type, argument, documentation and reader in one place. */
export interface Field extends FieldSpec {
  /** The class under which references list it: evt, process, fd, user, … */
  readonly group: string
  /** One or more sentences of our own; says so when the field cannot have a value yet. */
  readonly doc: string
  /** Checks an argument; a message (lower case, what is wrong) refuses it. */
  readonly checkArg?: (arg: string) => string | undefined
  /** The type where it depends on the argument (`evt.rawarg`). */
  readonly typeOf?: (arg: string | undefined) => ValueType
  /** Binds the argument once, at link time. For `compare: 'either' | 'any'` the reader gives an array of the candidates. */
  readonly bind: (arg: string | undefined) => Reader
  /** The reader that decides `exists` where it differs from `bind` (`fd.ip`). */
  readonly bindExists?: (arg: string | undefined) => Reader
  /** How a number prints: 'DEC' unless set. */
  readonly print?: 'DEC' | 'HEX' | 'OCT' | 'ID'
}
