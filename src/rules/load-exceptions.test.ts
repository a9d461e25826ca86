import { testLoadCases } from './testdata/load-cases.ts'

/** A rule up to its exceptions, which follow as YAML in brackets. */
function rule(exceptions: string, condition = 'evt.type=open and proc.name=cat'): string {
  return `
- rule: r
  desc: d
  condition: ${condition}
  output: o
  priority: INFO
  exceptions: ${exceptions}
`
}

function append(exceptions: string): string {
  return `\n- {rule: r, exceptions: ${exceptions}, override: {exceptions: append}}\n`
}

const oneField = '[{name: e, fields: [proc.name]}]'
const twoFields = '[{name: e, fields: [proc.name, proc.cmdline]}]'
const bare = 'evt.type=open'

testLoadCases([
  // What they become
  {
    name: 'without values an exception changes nothing but brackets',
    files: rule(oneField),
    conditions: { r: '(evt.type = open and proc.name = cat)' },
    rules: { r: { exceptionFields: [] } },
  },
  {
    name: 'the condition is taken as a whole',
    files: rule(
      '[{name: e, fields: [proc.cmdline], comps: [contains], values: [[curl 127.0.0.1]]}]',
      'proc.cmdline contains curl or proc.cmdline contains wget',
    ).replace('exceptions:', 'warn_evttypes: false\n  exceptions:'),
    conditions: {
      r: '((proc.cmdline contains curl or proc.cmdline contains wget) and not proc.cmdline contains "curl 127.0.0.1")',
    },
    rules: { r: { exceptionFields: ['proc.cmdline'] } },
  },
  {
    name: 'a tuple is compared field by field, with = unless said otherwise',
    files: rule('[{name: e, fields: [proc.name, proc.cmdline], values: [[cat, "cat /dev/null"]]}]'),
    conditions: {
      r: '((evt.type = open and proc.name = cat) and not (proc.name = cat and proc.cmdline = "cat /dev/null"))',
    },
    rules: { r: { exceptionFields: ['proc.cmdline', 'proc.name'] } },
  },
  {
    name: 'tuples are alternatives',
    files: rule('[{name: e, fields: [proc.name, proc.cmdline], values: [[a, b], [c, d]]}]', bare),
    conditions: {
      r: '(evt.type = open and not ((proc.name = a and proc.cmdline = b) or (proc.name = c and proc.cmdline = d)))',
    },
  },
  {
    name: 'exceptions follow each other, those without values left out',
    files: rule(
      '[{name: a, fields: [proc.name], values: [[x]]}, {name: b, fields: [proc.pname]}, {name: c, fields: [proc.pname], values: [[y]]}]',
      bare,
    ),
    conditions: { r: '(evt.type = open and not proc.name = x and not proc.pname = y)' },
    rules: { r: { exceptionFields: ['proc.name', 'proc.pname'] } },
  },
  {
    name: 'a single field takes values with in',
    files: rule('[{name: e, fields: proc.cmdline, values: [cat /dev/zero, "cat /dev/null"]}]', bare),
    conditions: { r: '(evt.type = open and not proc.cmdline in ("cat /dev/zero", "cat /dev/null"))' },
  },
  ...['in', 'pmatch', 'intersects', 'startswith anyof', 'contains oneof', '= allof', '" in "'].map(comp => ({
    name: `a single field takes comps: ${comp}`,
    files: rule(`[{name: e, fields: fd.name, comps: ${comp}, values: [/tmp, /var]}]`, bare),
    conditions: { r: `(evt.type = open and not fd.name ${comp.replaceAll('"', '').trim()} (/tmp, /var))` },
  })),
  ...['=', 'contains', 'startswith', 'exists', 'no-comp', 'in oneof', 'frobulate oneof', '"oneof"', 'oneof anyof'].map(
    comp => ({
      name: `a single field does not take comps: ${comp}`,
      files: rule(`[{name: e, fields: fd.name, comps: ${comp}, values: [/tmp]}]`, bare),
      codes: ['ERR_VALIDATE'],
    }),
  ),
  ...['=', '!=', 'contains', 'startswith', 'glob', 'endswith', ' contains '].map(comp => ({
    name: `a list of fields takes comps: [${comp}]`,
    files: rule(`[{name: e, fields: [fd.name], comps: ["${comp}"], values: [[/tmp]]}]`, bare),
    conditions: { r: `(evt.type = open and not fd.name ${comp.trim()} /tmp)` },
  })),
  ...['in', 'pmatch', 'intersects', 'startswith oneof', '= anyof', 'endswith allof'].map(comp => ({
    name: `with comps: [${comp}] a single value is a list of one`,
    files: rule(`[{name: e, fields: [fd.name], comps: [${comp}], values: [[/tmp]]}]`, bare),
    conditions: { r: `(evt.type = open and not fd.name ${comp} (/tmp))` },
  })),
  ...['no-comp', 'in oneof', '">= oneof"', 'oneof', 'frobulate oneof', 'IN', '[=]'].map(comp => ({
    name: `${comp} is no operator`,
    files: rule(`[{name: e, fields: [fd.name], comps: [${comp}], values: [[/tmp]]}]`, bare),
    codes: ['ERR_VALIDATE'],
  })),
  {
    name: 'a list of values for one field of a tuple',
    files: rule(
      '[{name: e, fields: [proc.name, proc.cmdline], comps: [=, in], values: [[cat, [cat /dev/zero, "cat /dev/null"]]]}]',
      bare,
    ),
    conditions: {
      r: '(evt.type = open and not (proc.name = cat and proc.cmdline in ("cat /dev/zero", "cat /dev/null")))',
    },
  },
  ...['cmdlines', '(cmdlines)', '[cmdlines]'].map(value => ({
    name: `${value} names a list among values`,
    files: `- {list: cmdlines, items: [cat /dev/zero, "cat /dev/null"]}\n${rule(
      `[{name: e, fields: [proc.name, proc.cmdline], comps: [=, in], values: [[cat, ${value}]]}]`,
      bare,
    )}`,
    conditions: {
      r: '(evt.type = open and not (proc.name = cat and proc.cmdline in ("cat /dev/zero", "cat /dev/null")))',
    },
  })),
  {
    name: 'a list among the values of a single field',
    files: `- {list: names, items: [a, b]}\n${rule('[{name: e, fields: proc.name, values: [names, c]}]', bare)}`,
    conditions: { r: '(evt.type = open and not proc.name in (a, b, c))' },
  },
  {
    name: 'values in two kinds of quotes are not quoted again',
    files: rule(`[{name: e, fields: [proc.name, proc.cmdline], values: [[cat, '"cat /dev/null"']]}]`, bare),
    conditions: { r: '(evt.type = open and not (proc.name = cat and proc.cmdline = "cat /dev/null"))' },
  },
  {
    name: 'a value that is a field is text, and told',
    files: rule('[{name: e, fields: [proc.name], values: [[proc.pname]]}]', bare),
    codes: ['COMPILE_CONDITION'],
    conditions: { r: '(evt.type = open and not proc.name = proc.pname)' },
  },
  {
    name: 'a blank in it changes nothing about that',
    files: rule('[{name: e, fields: [proc.name], values: [["proc.pname "]]}]', bare),
    codes: ['COMPILE_CONDITION'],
    conditions: { r: '(evt.type = open and not proc.name = "proc.pname ")' },
  },
  {
    name: 'a value with val() is the field',
    files: rule('[{name: e, fields: [proc.name], values: [[val(proc.pname)]]}]', bare),
    conditions: { r: '(evt.type = open and not proc.name = val(proc.pname))' },
  },
  ...['toupper(proc.pname)', '"toupper(proc.pname)"'].map(value => ({
    name: `the value ${value} is a transformer`,
    files: rule(`[{name: e, fields: [proc.name], values: [[${value}]]}]`, bare),
    conditions: { r: '(evt.type = open and not proc.name = toupper(proc.pname))' },
  })),
  ...['toupper( proc.pname)', '"toupper( proc.pname)"'].map(value => ({
    name: `the value ${value} is text because of its blank, and told`,
    files: rule(`[{name: e, fields: [proc.name], values: [[${value}]]}]`, bare),
    codes: ['COMPILE_CONDITION'],
    conditions: { r: '(evt.type = open and not proc.name = "toupper( proc.pname)")' },
  })),
  ...['tolower(proc.name)', '"tolower(proc.name)"', '"tolower( proc.name)"'].map(field => ({
    name: `the field ${field} is a transformer`,
    files: rule(`[{name: e, fields: [${field}], values: [[test]]}]`, bare),
    conditions: { r: '(evt.type = open and not tolower(proc.name) = test)' },
    rules: { r: { exceptionFields: [field.replaceAll('"', '')] } },
  })),
  {
    name: 'a field with an argument',
    files: rule('[{name: e, fields: ["proc.aname[2]"], values: [[bash]]}]', bare),
    conditions: { r: '(evt.type = open and not proc.aname[2] = bash)' },
  },

  // What is refused
  { name: 'exceptions are a list', files: rule('{name: e}'), codes: ['ERR_YAML_VALIDATE'] },
  { name: 'an exception is a mapping', files: rule('[e]'), codes: ['ERR_YAML_VALIDATE'] },
  { name: 'an exception needs a name', files: rule('[{fields: [proc.name]}]'), codes: ['ERR_YAML_VALIDATE'] },
  { name: 'an exception needs fields', files: rule('[{name: e}]'), codes: ['ERR_YAML_VALIDATE'] },
  { name: 'a list of no fields is none', files: rule('[{name: e, fields: []}]'), codes: ['ERR_VALIDATE'] },
  { name: 'fields without a value are none', files: rule('[{name: e, fields: }]'), codes: ['ERR_VALIDATE'] },
  {
    name: 'a field that is an empty text is refused',
    files: rule("[{name: e, fields: ['']}]"),
    codes: ['ERR_YAML_VALIDATE'],
  },
  { name: 'an unknown field is refused', files: rule('[{name: e, fields: [not.exist]}]'), codes: ['ERR_VALIDATE'] },
  {
    name: 'an unknown single field is refused',
    files: rule('[{name: e, fields: not.exist}]'),
    codes: ['ERR_VALIDATE'],
  },
  { name: 'text after a field is refused', files: rule('[{name: e, fields: [proc.namex]}]'), codes: ['ERR_VALIDATE'] },
  {
    name: 'an unknown transformer is refused',
    files: rule('[{name: e, fields: [nosuch(proc.name)]}]'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'a transformer of an unknown field is refused',
    files: rule('[{name: e, fields: [tolower(not.exist)]}]'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'fewer comps than fields are refused',
    files: rule('[{name: e, fields: [proc.name, fd.filename], comps: [=]}]'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'more comps than fields are refused',
    files: rule('[{name: e, fields: [proc.name], comps: [=, =]}]'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'one comp outside brackets does not fit fields in brackets',
    files: rule('[{name: e, fields: [proc.name], comps: =}]'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'a comp in brackets does not fit a field without',
    files: rule('[{name: e, fields: proc.name, comps: [in]}]'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'an unknown comp is refused',
    files: rule('[{name: e, fields: [proc.name, fd.filename], comps: [=, no-comp]}]'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'a tuple with too few values is refused',
    files: rule('[{name: e, fields: [proc.name, fd.filename], values: [[nginx]]}]'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'a tuple with too many values is refused',
    files: rule('[{name: e, fields: [proc.name], values: [[a, b]]}]'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'a value where a tuple must be is refused',
    files: rule('[{name: e, fields: [proc.name], values: [nginx]}]'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'a tuple where a value must be is refused',
    files: rule('[{name: e, fields: proc.name, values: [[nginx]]}]'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'values are a list',
    files: rule('[{name: e, fields: proc.name, values: nginx}]'),
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'an empty value is refused',
    files: rule("[{name: e, fields: proc.name, values: ['']}]"),
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'values that do not fit the type of the field are refused when compiled',
    files: rule('[{name: e, fields: [proc.pid], values: [[abc]]}]'),
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'an operator that does not fit the type of the field is refused when compiled',
    files: rule('[{name: e, fields: [proc.pid], comps: [contains], values: [[1]]}]'),
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'two exceptions of one name are told, and both count',
    files: rule(
      '[{name: e, fields: [proc.cmdline], comps: [contains], values: [[a]]}, {name: e, fields: [proc.cmdline], comps: [endswith], values: [[b]]}]',
      bare,
    ),
    codes: ['EXCEPTION_NAME_NOT_UNIQUE'],
    conditions: { r: '(evt.type = open and not proc.cmdline contains a and not proc.cmdline endswith b)' },
  },

  // Appending
  {
    name: 'values are appended to an exception',
    files: `${rule(twoFields, bare)}${append('[{name: e, values: [[a, b], [c, d]]}]')}`,
    conditions: {
      r: '(evt.type = open and not ((proc.name = a and proc.cmdline = b) or (proc.name = c and proc.cmdline = d)))',
    },
  },
  {
    name: 'values are appended with append: true, twice',
    files: `${rule(oneField, bare)}
- {rule: r, exceptions: [{name: e, values: [[a]]}], append: true}
- {rule: r, exceptions: [{name: e, values: [[b]]}], append: true}
`,
    codes: ['DEPRECATED_ITEM', 'DEPRECATED_ITEM'],
    conditions: { r: '(evt.type = open and not (proc.name = a or proc.name = b))' },
  },
  {
    name: 'appended values are compared as the exception says',
    files: `${rule('[{name: e, fields: [proc.name], comps: [contains]}]', bare)}${append('[{name: e, values: [[a]]}]')}`,
    conditions: { r: '(evt.type = open and not proc.name contains a)' },
  },
  {
    name: 'values are appended to a single field',
    files: `${rule('[{name: e, fields: proc.cmdline, comps: in, values: [cat /dev/zero]}]', bare)}${append('[{name: e, values: ["cat /dev/null"]}]')}`,
    conditions: { r: '(evt.type = open and not proc.cmdline in ("cat /dev/zero", "cat /dev/null"))' },
  },
  {
    name: 'a new exception is appended',
    files: `${rule('[{name: e, fields: proc.cmdline, comps: in, values: [a]}]', bare)}${append('[{name: f, fields: proc.cmdline, comps: in, values: [b]}]')}`,
    conditions: { r: '(evt.type = open and not proc.cmdline in (a) and not proc.cmdline in (b))' },
  },
  {
    name: 'a new exception is appended to a rule that has none',
    files: `${rule('[]', bare)}${append('[{name: e, fields: proc.name, values: [b]}]')}`,
    conditions: { r: '(evt.type = open and not proc.name in (b))' },
  },
  {
    name: 'a new exception needs fields',
    files: `${rule('[]', bare)}${append('[{name: e, comps: in, values: [b]}]')}`,
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'values for an exception that the rule does not have',
    files: `${rule(oneField)}${append('[{name: ex2, values: [[apache]]}]')}`,
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'a new exception needs values',
    files: `${rule('[]', bare)}${append('[{name: e, fields: [proc.name]}]')}`,
    codes: ['APPEND_NO_VALUES', 'ERR_VALIDATE'],
  },
  {
    name: 'fields cannot be given again',
    files: `${rule(oneField)}${append('[{name: e, fields: [proc.name], values: [[a]]}]')}`,
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'comps cannot be given again',
    files: `${rule(oneField)}${append('[{name: e, comps: [=], values: [[a]]}]')}`,
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'appended exceptions need names',
    files: `${rule(twoFields)}${append('[{values: [[nginx, /tmp/foo]]}]')}`,
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'appended tuples must fit the fields',
    files: `${rule(twoFields)}${append('[{name: e, values: [[nginx]]}]')}`,
    codes: ['ERR_VALIDATE'],
  },
  ...['override: {exceptions: append}', 'append: true'].map(how => ({
    name: `values misspelled are none, and told, with ${how}`,
    files: `${rule('[{name: e, fields: [proc.name], values: [[a]]}]', bare)}\n- {rule: r, exceptions: [{name: e, value: b}], ${how}}\n`,
    codes: [...(how === 'append: true' ? ['APPEND_NO_VALUES', 'DEPRECATED_ITEM'] : ['APPEND_NO_VALUES'])],
    conditions: { r: '(evt.type = open and not proc.name = a)' },
  })),
  {
    name: 'values are appended to the first of two exceptions of one name',
    files: `${rule('[{name: e, fields: [proc.name]}, {name: e, fields: [proc.pname]}]', bare)}${append('[{name: e, values: [[a]]}]')}`,
    codes: ['EXCEPTION_NAME_NOT_UNIQUE'],
    conditions: { r: '(evt.type = open and not proc.name = a)' },
  },
  {
    name: 'exceptions are replaced',
    files: `${rule('[{name: e, fields: [proc.name], values: [[a]]}]', bare)}\n- {rule: r, exceptions: [{name: f, fields: proc.pname, values: [b]}], override: {exceptions: replace}}\n`,
    conditions: { r: '(evt.type = open and not proc.pname in (b))' },
  },
  {
    name: 'exceptions are replaced by none',
    files: `${rule('[{name: e, fields: [proc.name], values: [[a]]}]', bare)}\n- {rule: r, exceptions: [], override: {exceptions: replace}}\n`,
    conditions: { r: 'evt.type = open' },
  },
  {
    name: 'what replaces exceptions is complete',
    files: `${rule('[{name: e, fields: proc.name, comps: in, values: [cat]}]')}${append('[{name: e, values: [echo]}]')}
- {rule: r, exceptions: [{name: e, values: [id]}], override: {exceptions: replace}}
`,
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'what replaces exceptions is checked, and comps filled in',
    files: `${rule('[]', bare)}\n- {rule: r, exceptions: [{name: e, fields: [proc.name], values: [[b]]}], override: {exceptions: replace}}\n`,
    conditions: { r: '(evt.type = open and not proc.name = b)' },
  },
  {
    name: 'unknown fields in what replaces exceptions are refused',
    files: `${rule('[]', bare)}\n- {rule: r, exceptions: [{name: e, fields: [not.exist], values: [[b]]}], override: {exceptions: replace}}\n`,
    codes: ['ERR_VALIDATE'],
  },
])
