import type { ValueType } from '../values/value.ts'

/** What the compiler must know of a field; the catalogue's rows (`fields/`) fit it. */
export interface FieldSpec {
  readonly name: string
  readonly type: ValueType
  readonly isList?: boolean
  /** Whether `[argument]` (or, for `evt.arg.path`-like names, `.argument`) may or must follow. */
  readonly arg: 'none' | 'optional' | 'required'
  readonly filterOnly?: boolean
  readonly printOnly?: boolean
  readonly tableOnly?: boolean
  readonly noRhs?: boolean
  readonly noTransformer?: boolean
  readonly deprecated?: boolean
  /**
   * Checks over several candidate values. `either`: both sides of a connection, a positive operator needs one of them, `!=` needs all
   * to differ. `any`: ancestors, every operator (also `!=`) needs one. `domain`: the value is an address that is judged by name.
   */
  readonly compare?: 'either' | 'any' | 'domain'
  /** The text is a domain name, or each element is one, in canonical form: configured lists of names can be asked for it. */
  readonly isName?: boolean
}

/** A field as written: `proc.aname[2]`, `evt.arg.path`, `proc.env[PATH]`. */
export interface FieldRef {
  readonly spec: FieldSpec
  /** The argument, unquoted; absent when none was written. */
  readonly arg?: string
  /** The type, which for `evt.rawarg` depends on the argument. */
  readonly type: ValueType
}

export type FieldResolution =
  | { readonly kind: 'field'; readonly ref: FieldRef; readonly length: number }
  /** The name is known but the argument is missing, superfluous or wrong; `message` says which, lower case. */
  | { readonly kind: 'bad-argument'; readonly spec: FieldSpec; readonly message: string }
  | { readonly kind: 'unknown' }

export interface FieldLookup {
  /** Resolves the *longest prefix* of `text` that is a field with its argument; `length` characters of it were used. */
  resolve(text: string): FieldResolution
  /** All field names, for «did you mean». */
  names(): Iterable<string>
}

/** What the compiler must know of events; `events/event-table.ts` fits it. */
export interface EventLookup {
  /** Codes of all versions of the event `name`; for a system call without an event of its own the generic codes. Undefined: no such event. */
  codesOf(name: string): readonly number[] | undefined
  /** How many codes there are; codes are 0 … count−1. */
  readonly count: number
  /** Codes never delivered to rules (unused fillers, old versions and enter events). */
  isObsolete(code: number): boolean
  /** The generic system call codes (0 and 1), which carry the real name as a parameter. */
  readonly genericCodes: readonly number[]
  /** All names that `codesOf` knows, for «did you mean». */
  names?(): Iterable<string>
}
