/**
 * Every code a finding can carry. Codes are stable: a number is never reused, and `docs/errors.md` is generated from this table.
 * E01xx are errors and W01xx warnings of conditions and outputs; E02xx and W02xx of rule files.
 */
export interface CodeInfo {
  readonly title: string
  /** Falco's name for the kind of finding. */
  readonly falcoCode: string
  /** What it means and what to do, for `docs/errors.md`. */
  readonly doc: string
}

export const diagnosticCodes = {
  E0101: {
    title: 'condition does not parse',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'The text of a condition does not follow the grammar: a missing operator, value or parenthesis, or text left over at the end. The caret stands where reading stopped.',
  },
  E0102: {
    title: 'condition too deep',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'Parentheses or transformers are nested more deeply than the limit. Falco has the same limit; split the condition into macros.',
  },
  E0103: {
    title: 'unknown event type',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: '`evt.type` is compared with a name that is neither an event nor a system call.',
  },
  E0104: {
    title: 'unknown field',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'No field has this name. `tiercel fields` lists them all.',
  },
  E0105: {
    title: 'field argument wrong',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'The field needs an argument in brackets, takes none, or does not take this one.',
  },
  E0106: {
    title: 'operator does not fit the field',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'The type of the field has no such operator: numbers have no `contains`, lists only `in`, `intersects` and `exists`, and so on.',
  },
  E0107: {
    title: 'value does not fit the field',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'The value cannot be read as the type of the field: not a decimal number, not an address, neither `true` nor `false`.',
  },
  E0108: {
    title: 'transformer misused',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'A transformer is given the wrong number or type of arguments, or the field does not allow transformers.',
  },
  E0109: {
    title: 'field comparison not allowed',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'Two fields can be compared only if both have the same type, the operator allows it, and neither forbids it.',
  },
  E0110: {
    title: 'regular expression does not compile',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'The pattern is not valid RE2 syntax. Look-around and back-references do not exist in it: they cannot be matched in linear time.',
  },
  E0111: {
    title: 'domain check not supported in strict mode',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'In strict compatibility, domain fields take only `=`, `==`, `!=`, `in` and `exists`, with plain names.',
  },
  E0112: {
    title: 'domain name not valid',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'The value of a domain check cannot be a domain name: an empty label, a label over 63 characters, or a name over 253.',
  },
  E0120: {
    title: 'output does not compile',
    falcoCode: 'LOAD_ERR_COMPILE_OUTPUT',
    doc: 'An output names an unknown field, misuses a transformer or ends in a lone `%`. There is no escape for `%`.',
  },
  W0101: {
    title: 'field name used as text',
    falcoCode: 'LOAD_COMPILE_CONDITION',
    doc: 'The right side is plain text, but it is also the name of a field. Write `val(…)` to compare two fields, or quote the text.',
  },
  W0102: {
    title: 'transformer used as text',
    falcoCode: 'LOAD_COMPILE_CONDITION',
    doc: 'The right side is plain text that looks like a transformer. Remove the quotes to have it applied.',
  },
  W0103: {
    title: 'regular expression not needed',
    falcoCode: 'LOAD_COMPILE_CONDITION',
    doc: 'The pattern has no special characters or only a leading or trailing `.*`: a plain string operator says the same and is faster.',
  },
  W0104: {
    title: 'comparison with <NA>',
    falcoCode: 'LOAD_UNSAFE_NA_CHECK',
    doc: 'The field is compared with `<NA>`, which depends on how missing values are printed. Use `exists`.',
  },
  W0105: {
    title: 'condition matches too many event types',
    falcoCode: 'LOAD_NO_EVTTYPE',
    doc: 'The condition does not restrict `evt.type` enough, so that it is tried on nearly every event.',
  },
  W0106: {
    title: 'deprecated field',
    falcoCode: 'LOAD_DEPRECATED_ITEM',
    doc: 'The field is kept so that old rules load, but has no useful value any more.',
  },
} as const

export type DiagnosticCode = keyof typeof diagnosticCodes

/** The row of `code`. */
export function codeInfo(code: DiagnosticCode): CodeInfo {
  return diagnosticCodes[code]
}
