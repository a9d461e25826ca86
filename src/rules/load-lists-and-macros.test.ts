import { testLoadCases } from './testdata/load-cases.ts'

/** A rule whose condition uses a list and one that uses a macro. */
const usesList =
  '- {rule: r, desc: d, condition: "evt.type = execve and proc.name in (shells)", output: o, priority: INFO}\n'
const usesMacro = '- {rule: r, desc: d, condition: "evt.type = execve and reader", output: o, priority: INFO}\n'

testLoadCases([
  {
    name: 'items are appended to a list, also after the rule that uses it',
    files: `
- list: shells
  items: [ash, bash]
${usesList}
- list: shells
  items: [pwsh]
  override: {items: append}
`,
    conditions: { r: '(evt.type = execve and proc.name in (ash, bash, pwsh))' },
  },
  {
    name: 'append: true appends to a list, and is deprecated',
    files: `
- list: shells
  items: [ash, bash]
- list: shells
  items: [pwsh]
  append: true
${usesList}`,
    codes: ['DEPRECATED_ITEM'],
    conditions: { r: '(evt.type = execve and proc.name in (ash, bash, pwsh))' },
  },
  {
    name: 'append: false defines a list anew',
    files: `
- list: shells
  items: [ash, bash]
- list: shells
  items: [pwsh]
  append: false
${usesList}`,
    conditions: { r: '(evt.type = execve and proc.name in (pwsh))' },
  },
  {
    name: 'a list without override replaces an earlier one',
    files: `- {list: shells, items: [ash]}\n- {list: shells, items: [bash]}\n${usesList}`,
    conditions: { r: '(evt.type = execve and proc.name in (bash))' },
  },
  {
    name: 'override: {items: replace} replaces a list',
    files: `- {list: shells, items: [ash]}\n- {list: shells, items: [bash], override: {items: replace}}\n${usesList}`,
    conditions: { r: '(evt.type = execve and proc.name in (bash))' },
  },
  {
    name: 'override: {items: replace} needs no earlier list',
    files: `- {list: shells, items: [bash], override: {items: replace}}\n${usesList}`,
    conditions: { r: '(evt.type = execve and proc.name in (bash))' },
  },
  {
    name: 'items cannot be appended to a list that comes later',
    files: `- {list: shells, items: [bash], override: {items: append}}\n- {list: shells, items: [ash]}\n${usesList}`,
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'append: true needs an earlier list',
    files: `- {list: shells, items: [bash], append: true}\n`,
    codes: ['DEPRECATED_ITEM', 'ERR_VALIDATE'],
  },
  {
    name: 'override misspelled is an unknown key, and the list is defined',
    files: `- {list: shells, items: [bash], overridde: {items: append}}\n- {list: shells, items: [ash]}\n${usesList}`,
    codes: ['UNKNOWN_KEY'],
    conditions: { r: '(evt.type = execve and proc.name in (ash))' },
  },
  {
    name: 'a list has no other key to override',
    files: `- {list: shells, items: [ash], override: {condition: append}}\n`,
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'override is append or replace',
    files: `- {list: shells, items: [ash], override: {items: prepend}}\n`,
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'override and append: true do not go together in a list',
    files: `- {list: shells, items: [ash]}\n- {list: shells, items: [bash], append: true, override: {items: append}}\n`,
    codes: ['DEPRECATED_ITEM', 'ERR_YAML_VALIDATE'],
  },
  { name: 'a list needs items', files: '- {list: shells}\n', codes: ['ERR_YAML_VALIDATE'] },
  {
    name: 'items misspelled are missing items and an unknown key',
    files: '- {list: good, items: [a]}\n- {list: bad, no_items: a}\n',
    codes: ['ERR_YAML_VALIDATE', 'UNKNOWN_KEY'],
  },
  { name: 'items are a list', files: '- {list: shells, items: bash}\n', codes: ['ERR_YAML_VALIDATE'] },
  { name: 'items without a value are missing', files: '- list: shells\n  items:\n', codes: ['ERR_YAML_VALIDATE'] },
  { name: 'a list needs a name', files: '- list:\n  items: [a]\n', codes: ['ERR_YAML_VALIDATE'] },
  { name: 'the name of a list is not empty', files: "- {list: '', items: [a]}\n", codes: ['ERR_YAML_VALIDATE'] },
  { name: 'the name of a list is a single value', files: '- {list: [a], items: [a]}\n', codes: ['ERR_YAML_VALIDATE'] },
  { name: 'an item is a single value', files: '- {list: shells, items: [[a]]}\n', codes: ['ERR_YAML_VALIDATE'] },
  { name: 'an item is not nothing', files: '- {list: shells, items: [a, ~]}\n', codes: ['ERR_YAML_VALIDATE'] },
  { name: 'a list that nothing uses is told', files: '- {list: shells, items: [a]}\n', codes: ['UNUSED_LIST'] },
  {
    name: 'a list that only an unused macro uses counts as used',
    files: '- {list: shells, items: [a]}\n- {macro: m, condition: "proc.name in (shells)"}\n',
    codes: ['UNUSED_MACRO'],
  },
  {
    name: 'a list that only an unused list uses counts as used',
    files: '- {list: a, items: [x]}\n- {list: b, items: [a]}\n',
    codes: ['UNUSED_LIST'],
  },
  {
    name: 'a blank in the name of a list is told, and the name works as it stands',
    files: `
- list: test list
  items: [open, openat]
- rule: r
  desc: d
  condition: evt.type in (test list)
  output: o
  priority: INFO
`,
    codes: ['INVALID_LIST_NAME'],
    conditions: { r: 'evt.type in (open, openat)' },
  },
  {
    name: 'an empty list is a list',
    files: `- {list: shells, items: []}\n${usesList}`,
    conditions: { r: '(evt.type = execve and proc.name in ())' },
  },
  {
    name: 'a key of another kind of item is unknown',
    files: `- {list: shells, items: [a], priority: INFO}\n${usesList}`,
    codes: ['UNKNOWN_KEY'],
  },
  {
    name: 'lists in lists',
    files: `- {list: a, items: [ash]}\n- {list: shells, items: [a, bash]}\n${usesList}`,
    conditions: { r: '(evt.type = execve and proc.name in (ash, bash))' },
  },
  {
    name: 'of lists three deep the innermost stays a name',
    files: `- {list: a, items: [ash]}\n- {list: b, items: [a]}\n- {list: shells, items: [b]}\n${usesList}`,
    conditions: { r: '(evt.type = execve and proc.name in (a))' },
  },
  {
    name: 'a list in a list that is defined anew later',
    files: [`- {list: a, items: [ash]}\n- {list: shells, items: [a]}\n${usesList}`, '- {list: a, items: [zsh]}\n'],
    conditions: { r: '(evt.type = execve and proc.name in (zsh))' },
  },
  {
    name: 'a list defined by itself through another keeps its name as text',
    files: `
- {list: a, items: [open]}
- {list: b, items: [a]}
- {list: a, items: [b]}
- {macro: m, condition: evt.type in (a)}
- {rule: r, desc: d, condition: m, output: o, priority: INFO}
`,
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'a condition is appended to a macro',
    files: `
- macro: reader
  condition: >
    ((proc.aname=sshd and proc.name != sshd) or
    proc.name=login)
${usesMacro}
- macro: reader
  condition: or proc.name = ssh
  override: {condition: append}
`,
    conditions: {
      r: '(evt.type = execve and (((proc.aname = sshd and proc.name != sshd) or proc.name = login) or proc.name = ssh))',
    },
  },
  {
    name: 'append: true appends to a macro, and is deprecated',
    files: `- {macro: reader, condition: proc.name=a}\n- {macro: reader, condition: or proc.name=b, append: true}\n${usesMacro}`,
    codes: ['DEPRECATED_ITEM'],
    conditions: { r: '(evt.type = execve and (proc.name = a or proc.name = b))' },
  },
  {
    name: 'append: false defines a macro anew',
    files: `- {macro: reader, condition: proc.name=a}\n- {macro: reader, condition: proc.name=b, append: false}\n${usesMacro}`,
    conditions: { r: '(evt.type = execve and proc.name = b)' },
  },
  {
    name: 'override: {condition: replace} needs no earlier macro',
    files: `- {macro: reader, condition: or nonsense, override: {condition: replace}}\n- {macro: reader, condition: proc.name=b}\n${usesMacro}`,
    conditions: { r: '(evt.type = execve and proc.name = b)' },
  },
  {
    name: 'nothing can be appended to a macro that comes later',
    files: `- {macro: reader, condition: or proc.name=a, override: {condition: append}}\n- {macro: reader, condition: proc.name=b}\n${usesMacro}`,
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'append: true needs an earlier macro',
    files: '- {macro: reader, condition: and proc.name=a, append: true}\n',
    codes: ['DEPRECATED_ITEM', 'ERR_VALIDATE'],
  },
  {
    name: 'override and append: true do not go together in a macro',
    files:
      '- {macro: m, condition: proc.name=a}\n- {macro: m, condition: or proc.name=b, append: true, override: {condition: append}}\n',
    codes: ['DEPRECATED_ITEM', 'ERR_YAML_VALIDATE'],
  },
  {
    name: 'a macro has no other key to override',
    files: '- {macro: m, condition: proc.name=a, override: {items: append}}\n',
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'what is appended to a macro must fit its condition',
    files: [
      '- {macro: some macro, condition: evt.type=execve}\n',
      '- {macro: some macro, condition: foo, append: true}\n',
    ],
    codesBefore: [['INVALID_MACRO_NAME', 'UNUSED_MACRO']],
    codes: ['DEPRECATED_ITEM', 'ERR_COMPILE_CONDITION', 'INVALID_MACRO_NAME'],
  },
  {
    name: 'also within one file of two documents',
    files: '---\n- {macro: m, condition: evt.type=execve}\n---\n- {macro: m, condition: foo, append: true}\n',
    codes: ['DEPRECATED_ITEM', 'ERR_COMPILE_CONDITION'],
  },
  {
    name: 'a macro that is unknown where a macro is defined anew',
    files: [
      '- {macro: some_macro, condition: evt.type=execve}\n',
      '- {macro: some_macro, condition: foo, append: false}\n',
    ],
    codesBefore: [['UNUSED_MACRO']],
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'a macro needs a condition',
    files: '- {macro: bad, nope: 1}\n',
    codes: ['ERR_YAML_VALIDATE', 'UNKNOWN_KEY'],
  },
  {
    name: 'the condition of a macro is not empty',
    files: "- {macro: m, condition: ''}\n",
    codes: ['ERR_YAML_VALIDATE'],
  },
  { name: 'a macro needs a name', files: '- macro:\n  condition: evt.type=execve\n', codes: ['ERR_YAML_VALIDATE'] },
  { name: 'the macro of a lone word is unknown', files: '- {macro: m, condition: gak}\n', codes: ['ERR_VALIDATE'] },
  {
    name: 'a macro name with a hyphen is told',
    files: '- {macro: test-macro, condition: evt.type = close}\n',
    codes: ['INVALID_MACRO_NAME', 'UNUSED_MACRO'],
  },
  {
    name: 'a macro that nothing uses is told',
    files: '- {macro: m, condition: evt.type = close}\n',
    codes: ['UNUSED_MACRO'],
  },
  {
    name: 'a macro that only an unused macro uses counts as used',
    files: '- {macro: a, condition: evt.type = close}\n- {macro: b, condition: a}\n',
    codes: ['UNUSED_MACRO'],
  },
  {
    name: 'macros in macros, each one operand',
    files: `- {macro: a, condition: proc.name=x or proc.name=y}\n- {macro: reader, condition: not a and fd.name=z}\n${usesMacro}`,
    conditions: { r: '(evt.type = execve and (not (proc.name = x or proc.name = y) and fd.name = z))' },
  },
  {
    name: 'a macro does not see one that is defined after it',
    files: `- {macro: reader, condition: later}\n- {macro: later, condition: proc.name=x}\n${usesMacro}`,
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'a macro sees what was defined before its last definition',
    files: `- {macro: reader, condition: proc.name=x}\n- {macro: later, condition: proc.name=y}\n- {macro: reader, condition: later}\n${usesMacro}`,
    conditions: { r: '(evt.type = execve and proc.name = y)' },
  },
  {
    name: 'a macro sees what was defined before the last append to it',
    files: `- {macro: reader, condition: proc.name=x}\n- {macro: later, condition: proc.name=y}\n- {macro: reader, condition: or later, override: {condition: append}}\n${usesMacro}`,
    conditions: { r: '(evt.type = execve and (proc.name = x or proc.name = y))' },
  },
  {
    name: 'a rule sees macros that come after it',
    files: `${usesMacro}- {macro: reader, condition: proc.name=x}\n`,
    conditions: { r: '(evt.type = execve and proc.name = x)' },
  },
  {
    name: 'a rule does not see macros of later files',
    files: [usesMacro, '- {macro: reader, condition: proc.name=x}\n'],
    codesBefore: [['ERR_VALIDATE']],
  },
  {
    name: 'macros that use each other',
    files: `
- {macro: a, condition: evt.type=open}
- {macro: b, condition: a}
- {macro: a, condition: b}
`,
    codes: ['ERR_VALIDATE'],
  },
  { name: 'a macro that uses itself', files: '- {macro: m, condition: m or proc.name=a}\n', codes: ['ERR_VALIDATE'] },
  {
    name: 'a macro that uses itself in its second definition',
    files: '- {macro: m, condition: proc.name=a}\n- {macro: m, condition: m or proc.name=b}\n',
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'a bare word on the right is the name of a list too',
    files: `- {list: cats, items: [cat]}\n- {macro: reader, condition: proc.name=cats}\n${usesMacro}`,
    conditions: { r: '(evt.type = execve and proc.name = cat)' },
  },
  {
    name: 'a list among values: first, in the middle, last, after a blank',
    files: `
- {list: cats, items: [cat]}
- {macro: reader, condition: "proc.name in (cats, a) or proc.name in (a, cats, b) or proc.name in (a, cats) or proc.name= cats or proc.name=b"}
${usesMacro}`,
    conditions: {
      r: '(evt.type = execve and (proc.name in (cat, a) or proc.name in (a, cat, b) or proc.name in (a, cat) or proc.name = cat or proc.name = b))',
    },
  },
  {
    name: 'a name of a list inside another word is not that list',
    files: `- {list: my_list, items: ['"one string"']}\n- {rule: r, desc: d, condition: evt.type=open and fd.name in (file_my_list), output: o, priority: INFO}\n`,
    codes: ['UNUSED_LIST'],
    conditions: { r: '(evt.type = open and fd.name in (file_my_list))' },
  },
  {
    name: 'lists and macros of earlier files serve later ones',
    files: [
      '- {list: cats, items: [cat]}\n- {list: capable, items: [cats]}\n- {macro: is_cat, condition: proc.name in (capable)}\n- {rule: a, desc: d, condition: evt.type=open and is_cat, output: o, priority: INFO}\n',
      '- {rule: b, desc: d, condition: evt.type=execve and is_cat, output: o, priority: INFO}\n',
      '- {list: cats, items: [dog]}\n',
    ],
    conditions: {
      a: '(evt.type = open and proc.name in (dog))',
      b: '(evt.type = execve and proc.name in (dog))',
    },
  },
])
