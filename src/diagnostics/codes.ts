/**
 * Every code a finding can carry. Codes are stable: a number is never reused, and `docs/errors.md` is generated from this table.
 * E01xx are errors and W01xx warnings of conditions and outputs; E02xx and W02xx of rule files;
 * E03xx and W03xx of the configuration.
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
    doc: 'Parentheses or transformers are nested more deeply than the limit. Move parts of the condition into macros.',
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
  E0111: {
    title: 'domain check not supported in strict mode',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'In strict compatibility, domain fields take only `=`, `==`, `!=`, `in` and `exists`, with plain names, and rules have no `wait_for_name_ms`.',
  },
  E0112: {
    title: 'condition too large',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'With its macros put in, the condition has more checks than any engine could try on each event. Macros that use each other twice over grow without bound.',
  },
  E0113: {
    title: 'macro not resolved',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'A name stands where a check is expected, and no macro has this name.',
  },
  E0120: {
    title: 'output does not compile',
    falcoCode: 'LOAD_ERR_COMPILE_OUTPUT',
    doc: 'An output names an unknown field, misuses a transformer or ends in a lone `%`. There is no escape for `%`.',
  },
  E0201: {
    title: 'file cannot be read',
    falcoCode: 'LOAD_ERR_FILE_READ',
    doc: 'The file does not exist, is a directory or may not be read by this user.',
  },
  E0202: {
    title: 'not YAML',
    falcoCode: 'LOAD_ERR_YAML_PARSE',
    doc: 'The text cannot be read as YAML: wrong indentation, a quote or bracket that is never closed, a tab, a value that begins with a special character. The caret stands where reading stopped.',
  },
  E0203: {
    title: 'not a list of items',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'A rules file is a YAML list, and each item of it is a mapping with a key `rule`, `macro`, `list`, `required_engine_version` or `required_plugin_versions`.',
  },
  E0204: {
    title: 'key missing',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'The item lacks a key that it needs: a rule needs `condition`, `output`, `desc` and `priority`, a macro `condition`, a list `items`.',
  },
  E0205: {
    title: 'value missing',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'The key is there, but nothing or an empty text follows it.',
  },
  E0206: {
    title: 'value of the wrong kind',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'A list stands where a single value must, or the other way round, or the value is not the boolean or whole number that the key takes.',
  },
  E0207: {
    title: 'unknown priority',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'The priority is none of emergency, alert, critical, error, warning, notice, informational (or info) and debug, in any case.',
  },
  E0208: {
    title: 'override misused',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: '`override` names a key that the item does not have, or not every key that it has, or an operation that the key does not take.',
  },
  E0209: {
    title: 'override together with append',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: '`append: true` is the old way to say what `override` says; an item takes one of them.',
  },
  E0210: {
    title: 'version not readable',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'A required engine version is a whole number or has the form `x.y.z`.',
  },
  E0211: {
    title: 'engine too old',
    falcoCode: 'LOAD_ERR_VALIDATE',
    doc: 'The rules were written for a later version of the rules language than this one implements.',
  },
  E0212: {
    title: 'plugin requirement not valid',
    falcoCode: 'LOAD_ERR_VALIDATE',
    doc: 'A required plugin version does not have the form `x.y.z`, or one requirement names a plugin twice.',
  },
  E0213: {
    title: 'plugin missing',
    falcoCode: 'LOAD_ERR_VALIDATE',
    doc: 'The rules need a plugin (or a later version of one) that is not loaded.',
  },
  E0214: {
    title: 'nothing to change',
    falcoCode: 'LOAD_ERR_VALIDATE',
    doc: 'The item appends to, replaces parts of or enables something that no item before it defines. Files load in the order given.',
  },
  E0215: {
    title: 'change without content',
    falcoCode: 'LOAD_ERR_VALIDATE',
    doc: 'The item appends to a rule, but has neither a condition nor exceptions.',
  },
  E0216: {
    title: 'source changed',
    falcoCode: 'LOAD_ERR_VALIDATE',
    doc: 'A later item for the same rule names another source.',
  },
  E0217: {
    title: 'exception does not fit together',
    falcoCode: 'LOAD_ERR_VALIDATE',
    doc: 'The fields, comps and values of an exception do not match: other lengths, a list where a single value must be, parts missing, or parts given again for an exception that exists.',
  },
  E0218: {
    title: 'unknown field or operator in an exception',
    falcoCode: 'LOAD_ERR_VALIDATE',
    doc: '`fields` names something that is no field, or `comps` something that is no operator.',
  },
  E0219: {
    title: 'unknown macro',
    falcoCode: 'LOAD_ERR_VALIDATE',
    doc: 'A condition uses a name that no macro has. A macro sees only those defined before its own last definition.',
  },
  E0220: {
    title: 'macro refers to itself',
    falcoCode: 'LOAD_ERR_VALIDATE',
    doc: 'Replacing the macros of a condition would never end.',
  },
  E0221: {
    title: 'expansion too large',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    doc: 'Lists inside lists or macros inside macros make the condition grow beyond all use.',
  },
  E0222: {
    title: 'aliases too large',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'YAML aliases repeat parts of the file so often that its content is beyond all use.',
  },
  W0101: {
    title: 'field name used as text',
    falcoCode: 'LOAD_COMPILE_CONDITION',
    doc: 'The right side is plain text, but it is also the name of a field. Write `val(…)` to compare two fields.',
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
  W0107: {
    title: 'regular expression never matches',
    falcoCode: 'LOAD_COMPILE_CONDITION',
    doc: 'The pattern is not valid in RE2 POSIX syntax, which has no `\\d`, `\\b`, `(?i)`, look-around or back-references. As in Falco the rule loads, but the check is never true.',
  },
  W0108: {
    title: 'domain name not valid',
    falcoCode: 'LOAD_COMPILE_CONDITION',
    doc: 'The value of a domain check cannot be a domain name (an empty label, a label over 63 characters, a name over 253), so no connection ever has it.',
  },
  W0109: {
    title: 'name that looks like a list',
    falcoCode: 'LOAD_COMPILE_CONDITION',
    doc: 'A field of domain names is compared with a word that no list has for its name, neither of the rules nor of `domains.lists`. It is taken for a domain name, as Falco does.',
  },
  W0201: {
    title: 'unknown key',
    falcoCode: 'LOAD_UNKNOWN_KEY',
    doc: 'The key has no meaning here and is ignored: a misspelling, or a key of another kind of item.',
  },
  W0202: {
    title: 'unknown item',
    falcoCode: 'LOAD_UNKNOWN_ITEM',
    doc: 'The item has none of the keys that say what it is, and is ignored.',
  },
  W0203: {
    title: 'append is deprecated',
    falcoCode: 'LOAD_DEPRECATED_ITEM',
    doc: '`append: true` still works. The new way names what is appended: `override: {condition: append}`.',
  },
  W0204: {
    title: 'lone enabled is deprecated',
    falcoCode: 'LOAD_DEPRECATED_ITEM',
    doc: 'An item with nothing but `enabled` still switches an earlier rule. The new way is to add `override: {enabled: replace}`.',
  },
  W0205: {
    title: '%container.info is deprecated',
    falcoCode: 'LOAD_DEPRECATED_ITEM',
    doc: '`%container.info` prints nothing any more: the container fields are added to every output where `append_output` says so.',
  },
  W0206: {
    title: 'deprecated field in an output',
    falcoCode: 'LOAD_DEPRECATED_ITEM',
    doc: 'The field is kept so that old rules load, but has no useful value any more.',
  },
  W0207: {
    title: 'unknown source',
    falcoCode: 'LOAD_UNKNOWN_SOURCE',
    doc: 'No plugin that is loaded provides the source of the rule, so the rule is left out.',
  },
  W0208: {
    title: 'rule skipped',
    falcoCode: 'LOAD_UNKNOWN_FILTER',
    doc: 'The rule names a field or event type that does not exist here, and says `skip-if-unknown-filter: true`, so it is left out.',
  },
  W0209: {
    title: 'unused macro',
    falcoCode: 'LOAD_UNUSED_MACRO',
    doc: 'No rule and no other macro uses the macro.',
  },
  W0210: {
    title: 'unused list',
    falcoCode: 'LOAD_UNUSED_LIST',
    doc: 'No rule, macro or other list uses the list.',
  },
  W0211: {
    title: 'exception without values',
    falcoCode: 'LOAD_APPEND_NO_VALUES',
    doc: 'The item changes an exception, but gives no `values`.',
  },
  W0212: {
    title: 'exception named twice',
    falcoCode: 'LOAD_EXCEPTION_NAME_NOT_UNIQUE',
    doc: 'Two exceptions of one rule have the same name. Both count, but values can be appended only to the first.',
  },
  W0213: {
    title: 'macro name not usable',
    falcoCode: 'LOAD_INVALID_MACRO_NAME',
    doc: 'The name of a macro has letters, digits and underscores and begins with a letter; with another name no condition can use it.',
  },
  W0214: {
    title: 'list name not usable',
    falcoCode: 'LOAD_INVALID_LIST_NAME',
    doc: 'The name of a list has no blanks, quotes, parentheses, commas or `=`.',
  },
  E0301: {
    title: 'configuration file not readable',
    falcoCode: 'LOAD_ERR_FILE_READ',
    doc: 'The configuration file does not exist, may not be read, or is too large.',
  },
  E0302: {
    title: 'configuration does not parse',
    falcoCode: 'LOAD_ERR_YAML_PARSE',
    doc: 'The file or the value of an option is not YAML, or the variables in a value refer to themselves.',
  },
  E0303: {
    title: 'configuration value of the wrong type',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'The key needs another type: true or false, a whole number, text, a list or a map.',
  },
  E0304: {
    title: 'configuration value not allowed',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'The value has the right type, but is out of range or none of the words that the key takes.',
  },
  E0305: {
    title: 'configuration key missing',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'What is enabled needs this key: an output that writes to a file needs its name, a replay needs its capture.',
  },
  E0306: {
    title: 'configuration files nested',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'Only the main file may name others with `config_files`, and not itself.',
  },
  E0307: {
    title: 'option not understood',
    falcoCode: 'LOAD_ERR_YAML_VALIDATE',
    doc: 'An option `-o` is `KEY=VALUE`, the key a path such as `rules[].disable.tag`, `engine.kind` or `plugins[0].name`. A backslash takes a point or bracket in a name as it is.',
  },
  E0308: {
    title: 'configuration contradicts itself',
    falcoCode: 'LOAD_ERR_VALIDATE',
    doc: 'Two keys of the configuration cannot both be meant.',
  },
  W0301: {
    title: 'unknown configuration key',
    falcoCode: 'LOAD_UNKNOWN_KEY',
    doc: 'The key means nothing here, probably a slip of the pen. It has no effect.',
  },
  W0302: {
    title: 'deprecated configuration key',
    falcoCode: 'LOAD_DEPRECATED_ITEM',
    doc: 'The key has another name now, or its feature is gone.',
  },
  W0303: {
    title: 'configuration without effect',
    falcoCode: 'LOAD_WARNING_EXTENSION',
    doc: 'Falco knows the key; Tiercel has no use for it.',
  },
  W0304: {
    title: 'configuration written twice',
    falcoCode: 'LOAD_UNKNOWN_KEY',
    doc: 'Of a key that is written twice in one map, only the first counts; of several documents in a file, only the first.',
  },
  W0305: {
    title: 'configuration file missing',
    falcoCode: 'LOAD_UNKNOWN_ITEM',
    doc: 'A file that `config_files` names does not exist. It is left out.',
  },
  W0306: {
    title: 'appended output rarely applies',
    falcoCode: 'LOAD_WARNING_EXTENSION',
    doc: 'The entry of `append_output` names a rule and tags: it applies only if that rule has all of them.',
  },
  W0307: {
    title: 'no output enabled',
    falcoCode: 'LOAD_WARNING_EXTENSION',
    doc: 'Alerts would go nowhere. A configuration file that does not mention `stdout_output` leaves it off.',
  },
} as const

export type DiagnosticCode = keyof typeof diagnosticCodes

/** The row of `code`. */
export function codeInfo(code: DiagnosticCode): CodeInfo {
  return diagnosticCodes[code]
}
