import { type LoadCase, testLoadCases } from './load-case.ts'

// What a file and its items must look like, several files, macros and lists that use each other.

const single = `
- required_engine_version: 2

- list: cat_binaries
  items: [cat]

- list: cat_capable_binaries
  items: [cat_binaries]

- macro: is_cat
  condition: proc.name in (cat_capable_binaries)

- rule: open_from_cat
  desc: A process named cat does an open
  condition: evt.type=open and is_cat
  output: "An open was seen (command=%proc.cmdline)"
  priority: WARNING
`
const double = `
# Builds on is_cat of another file.
- rule: exec_from_cat
  desc: d
  condition: evt.type=execve and is_cat
  output: "An exec was seen (command=%proc.cmdline)"
  priority: ERROR

- rule: access_from_cat
  desc: d
  condition: evt.type=access and is_cat
  output: "An access was seen (command=%proc.cmdline)"
  priority: INFO
`
const baseMacro = '- macro: some macro\n  condition: evt.type=execve\n'
const baseRule =
  '- rule: some rule\n  desc: some desc\n  condition: evt.type=open\n  output: some output\n  priority: INFO'
const badRule = (rest: string): string =>
  `- rule: some rule\n  desc: some desc\n  condition: bar\n  output: some output\n  priority: INFO\n${rest}`
const catRule = `
- rule: open_from_cat
  desc: d
  condition: evt.type=open and is_cat
  output: "An open was seen (command=%proc.cmdline)"
  priority: WARNING
`
const openCat = '(evt.type = open and proc.name in (cat))'

testLoadCases([
  // Structure
  { name: 'an empty file', files: '', ok: true, warnings: [], errors: [] },
  { name: 'a file of one empty line', files: '\n', ok: true, warnings: [] },
  { name: 'a file of comments', files: '# nothing\n# here\n', ok: true, warnings: [] },
  { name: 'a file that begins a document and ends', files: '---\n', ok: true, warnings: [] },
  { name: 'an empty list', files: '[]\n', ok: true, warnings: [] },
  { name: 'a mapping', files: 'foo: bar', ok: false, errors: ['LOAD_ERR_YAML_VALIDATE rules content'] },
  { name: 'plain text', files: 'This is not yaml', ok: false, errors: ['LOAD_ERR_YAML_VALIDATE rules content'] },
  { name: 'a list of text', files: '- foo\n', ok: false, errors: ['LOAD_ERR_YAML_VALIDATE rules content item'] },
  { name: 'a list of lists', files: '- [foo]\n', ok: false, errors: ['LOAD_ERR_YAML_VALIDATE rules content item'] },
  { name: 'not YAML', files: 'this : is : not : yaml', ok: false, errors: ['LOAD_ERR_YAML_PARSE rules content'] },
  {
    name: 'an unclosed bracket',
    files: '- list: a\n  items: [a, b\n',
    ok: false,
    errors: ['LOAD_ERR_YAML_PARSE rules content'],
  },
  {
    name: 'an unclosed quote',
    files: "- list: 'a\n  items: []\n",
    ok: false,
    errors: ['LOAD_ERR_YAML_PARSE rules content'],
  },
  {
    name: 'a tab for indentation',
    files: '- list: a\n\titems: []\n',
    ok: false,
    errors: ['LOAD_ERR_YAML_PARSE rules content'],
  },
  {
    name: 'a list without a name',
    files: '- list:\n  items: [foo]',
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE list'],
  },
  {
    name: 'a macro without a name',
    files: '- macro:\n  condition: evt.type=execve\n',
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE macro'],
  },
  {
    name: 'a rule without a name',
    files: '- rule:\n  desc: some desc\n  condition: evt.type=execve\n  output: some output\n',
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE rule'],
  },
  {
    name: 'an empty name',
    files: '- rule: ""\n  desc: d\n  condition: evt.type=execve\n  output: o\n  priority: INFO\n',
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE rule'],
  },
  {
    name: 'a list without items',
    files: '- list: good_list\n  items: [foo]\n\n- list: bad_list\n  no_items: foo',
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE list 'bad_list'"],
  },
  {
    name: 'items that are no list',
    files: '- list: bad_list\n  items: foo',
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE list 'bad_list'"],
  },
  {
    name: 'items that are null',
    files: '- list: bad_list\n  items:\n',
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE list 'bad_list'"],
  },
  {
    name: 'an item that is a mapping',
    files: '- list: bad_list\n  items: [{a: b}]',
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE list 'bad_list'", 'LOAD_ERR_YAML_VALIDATE list item'],
  },
  {
    name: 'an item that is null',
    files: '- list: bad_list\n  items: [a, ~]',
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE list item'],
  },
  {
    name: 'a macro without a condition',
    files: '- macro: bad_macro\n  nope: 1\n\n- macro: good_macro\n  condition: evt.type=execve\n',
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE macro 'bad_macro'"],
  },
  {
    name: 'a macro with an empty condition',
    files: '- macro: m\n  condition: ""\n',
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE macro 'm'"],
  },
  {
    name: 'a rule whose condition is null',
    files: '- rule: r\n  condition:\n  desc: some desc\n  output: some output\n  priority: INFO\n',
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE rule 'r'"],
  },
  {
    name: 'a rule whose condition is a list',
    files: '- rule: r\n  condition: [evt.type=open]\n  desc: d\n  output: o\n  priority: INFO\n',
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE rule 'r'"],
  },
  ...['desc', 'condition', 'output', 'priority'].map(
    (key): LoadCase => ({
      name: `a rule without ${key}`,
      files: baseRule.replace(new RegExp(`  ${key}: .*\\n?`), ''),
      ok: false,
      errors: ["LOAD_ERR_YAML_VALIDATE rule 'some rule'"],
    }),
  ),
  {
    name: 'a rule with a name and nothing else',
    files: '- rule: r\n',
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE rule 'r'"],
  },
  {
    name: 'tags that are no list',
    files: `${baseRule}\n  tags: a\n`,
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE rule 'some rule'"],
  },
  {
    name: 'tags that are null',
    files: `${baseRule}\n  tags:\n`,
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE rule 'some rule'"],
  },
  {
    name: 'enabled that is no boolean',
    files: `${baseRule}\n  enabled: maybe\n`,
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE value for'],
  },
  {
    name: 'append that is no boolean',
    files: `${baseRule}\n  append: 1\n`,
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE value for'],
  },
  {
    name: 'source that is empty is `syscall`',
    files: `${baseRule}\n  source: ""\n`,
    ok: true,
    warnings: [],
    described: { 'some rule': { source: 'syscall' } },
  },

  // Several files, several documents
  {
    name: 'a file that builds on another',
    files: [single, double],
    ok: true,
    compiled: { exec_from_cat: '(evt.type = execve and proc.name in (cat))' },
  },
  { name: 'the same in documents of one file', files: `---\n${single}\n---\n${double}`, ok: true, enabled: 3 },
  {
    name: 'a file before what it builds on',
    files: [double, single],
    ok: [false, true],
    errors: ['LOAD_ERR_VALIDATE'],
  },
  { name: 'an empty file first', files: ['\n', single], ok: true, enabled: 1 },
  { name: 'an empty file last', files: [single, '\n'], ok: true, enabled: 1 },
  {
    name: 'a macro of another file replaced',
    files: [single, '- macro: is_cat\n  condition: proc.name in (not-cat)\n'],
    ok: true,
    warnings: ["LOAD_UNUSED_LIST list 'cat_capable_binaries'"],
    compiled: { open_from_cat: '(evt.type = open and proc.name in (not-cat))' },
  },
  {
    name: 'a list of another file replaced',
    files: [single, '- list: cat_capable_binaries\n  items: [not-cat]\n'],
    ok: true,
    compiled: { open_from_cat: '(evt.type = open and proc.name in (not-cat))' },
  },
  {
    name: 'a list inside a list of another file replaced',
    files: [single, '- list: cat_binaries\n  items: [not-cat]\n'],
    ok: true,
    compiled: { open_from_cat: '(evt.type = open and proc.name in (not-cat))' },
  },
  {
    name: 'a rule of another file replaced',
    files: [
      single,
      '- rule: open_from_cat\n  desc: d\n  condition: evt.type=open and proc.name=not-cat\n  output: "x"\n  priority: WARNING\n',
    ],
    ok: true,
    enabled: 1,
    compiled: { open_from_cat: '(evt.type = open and proc.name = not-cat)' },
  },
  {
    name: 'a rule of another file appended to',
    files: [single, '- rule: open_from_cat\n  append: true\n  condition: and fd.name=/tmp\n'],
    ok: true,
    compiled: { open_from_cat: '(evt.type = open and proc.name in (cat) and fd.name = /tmp)' },
  },
  {
    name: 'text appended to a macro that does not fit',
    files: [baseMacro, '- macro: some macro\n  condition: foo\n  append: true\n'],
    ok: [true, false],
    errors: ["LOAD_ERR_COMPILE_CONDITION macro 'some macro'"],
    warnings: ["LOAD_UNUSED_MACRO macro 'some macro'"],
  },
  {
    name: 'the same in documents of one file',
    files: `---\n${baseMacro}---\n- macro: some macro\n  condition: foo\n  append: true\n`,
    ok: false,
    errors: ["LOAD_ERR_COMPILE_CONDITION macro 'some macro'"],
  },
  {
    name: 'an appended macro that is not there',
    files: '- macro: dangling append\n  condition: and evt.type=execve\n  append: true',
    ok: false,
    errors: ["LOAD_ERR_VALIDATE macro 'dangling append'"],
  },
  {
    name: 'a macro replaced by one that uses an unknown macro',
    files: [baseMacro, '- macro: some macro\n  condition: foo\n  append: false\n'],
    ok: [true, false],
    errors: ["LOAD_ERR_VALIDATE macro 'some macro'"],
    warnings: ["LOAD_UNUSED_MACRO macro 'some macro'"],
  },
  {
    name: 'the same in documents of one file, as a definition',
    files: `---\n${baseMacro}---\n- macro: some macro\n  condition: foo\n  append: false\n`,
    ok: false,
    errors: ["LOAD_ERR_VALIDATE macro 'some macro'"],
  },
  {
    name: 'text appended to a rule that does not fit',
    files: [baseRule, badRule('  append: true')],
    ok: [true, false],
    errors: ["LOAD_ERR_COMPILE_CONDITION rule 'some rule'"],
  },
  {
    name: 'the same in documents of one file, for a rule',
    files: `---\n${baseRule}\n---\n${badRule('  append: true')}`,
    ok: false,
    errors: ["LOAD_ERR_COMPILE_CONDITION rule 'some rule'"],
  },
  {
    name: 'a rule replaced by one that uses an unknown macro',
    files: [baseRule, badRule('  append: false')],
    ok: [true, false],
    errors: ["LOAD_ERR_VALIDATE rule 'some rule'"],
  },
  {
    name: 'the same in documents of one file, replacing a rule',
    files: `---\n${baseRule}\n---\n${badRule('  append: false')}`,
    ok: false,
    errors: ["LOAD_ERR_VALIDATE rule 'some rule'"],
  },
  {
    name: 'a list appended to that is not there',
    files: '- list: my_list\n  items: [not-cat]\n  append: true\n',
    ok: false,
    errors: ["LOAD_ERR_VALIDATE list 'my_list'"],
  },
  {
    name: 'a rule appended to that is not there',
    files: '- rule: my_rule\n  condition: evt.type=open\n  append: true\n',
    ok: false,
    errors: ["LOAD_ERR_VALIDATE rule 'my_rule'"],
  },

  // Macros and lists that use each other
  {
    name: 'a macro that uses an unknown macro',
    files: '- macro: macro with comp error\n  condition: gak\n',
    ok: false,
    errors: ["LOAD_ERR_VALIDATE macro 'macro with comp error'"],
  },
  {
    name: 'macros in a circle',
    files:
      '- macro: macro_a\n  condition: evt.type=open\n\n- macro: macro_b\n  condition: macro_a\n\n- macro: macro_a\n  condition: macro_b\n',
    ok: false,
    errors: ['LOAD_ERR_VALIDATE macro'],
  },
  {
    name: 'a macro that uses itself',
    files: '- macro: a\n  condition: evt.type=open or a\n',
    ok: false,
    errors: ["LOAD_ERR_VALIDATE macro 'a'"],
  },
  {
    name: 'a macro that uses a later one',
    files: '- macro: a\n  condition: b\n- macro: b\n  condition: evt.type=open\n',
    ok: false,
    errors: ["LOAD_ERR_VALIDATE macro 'a'"],
  },
  {
    name: 'a macro that uses a later one, and is itself changed later',
    files:
      '- macro: a\n  condition: evt.type=open\n- macro: b\n  condition: evt.type=close\n- macro: a\n  condition: or b\n  append: true\n- rule: r\n  desc: d\n  condition: a\n  output: o\n  priority: INFO\n',
    ok: true,
    compiled: { r: '(evt.type = open or evt.type = close)' },
  },
  {
    name: 'a rule that uses a later macro',
    files:
      '- rule: r\n  desc: d\n  condition: a\n  output: o\n  priority: INFO\n- macro: a\n  condition: evt.type=open\n',
    ok: true,
    compiled: { r: 'evt.type = open' },
  },
  {
    name: 'lists in a circle leave a name that is no event',
    files:
      '- list: list_a\n  items: [open]\n\n- list: list_b\n  items: [list_a]\n\n- list: list_a\n  items: [list_b]\n\n- macro: macro_a\n  condition: evt.type in (list_a)\n\n- rule: sample rule\n  priority: WARNING\n  output: test\n  desc: testdesc\n  condition: macro_a',
    ok: false,
    errors: ["LOAD_ERR_COMPILE_CONDITION rule 'sample rule'"],
  },
  {
    name: 'a list changed later, used by a macro before that',
    files: `- list: cat_binaries\n  items: [not_cat]\n- list: cat_binaries\n  items: [cat]\n- macro: is_cat\n  condition: proc.name in (cat_binaries)\n${catRule}`,
    ok: true,
    compiled: { open_from_cat: openCat },
  },
  {
    name: 'a macro defined twice',
    files: `- list: cat_binaries\n  items: [cat]\n- macro: is_cat\n  condition: proc.name in (not_cat)\n- macro: is_cat\n  condition: proc.name in (cat_binaries)\n${catRule}`,
    ok: true,
    compiled: { open_from_cat: openCat },
  },
  ...(
    [
      ['proc.name=cat_binaries', '(evt.type = open and proc.name = cat)'],
      ['proc.name= cat_binaries or proc.name=nopey', '(evt.type = open and (proc.name = cat or proc.name = nopey))'],
      ['proc.name in (ls, cat_binaries)', '(evt.type = open and proc.name in (ls, cat))'],
      ['proc.name in (cat_binaries, ps)', '(evt.type = open and proc.name in (cat, ps))'],
      ['proc.name in (ls, cat_binaries, ps)', '(evt.type = open and proc.name in (ls, cat, ps))'],
      ['proc.name in (ls,cat_binaries,ps)', '(evt.type = open and proc.name in (ls, cat, ps))'],
    ] as const
  ).map(
    ([condition, compiled]): LoadCase => ({
      name: `the list is put in: ${condition}`,
      files: `- list: cat_binaries\n  items: [cat]\n- macro: is_cat\n  condition: ${condition}\n${catRule}`,
      ok: true,
      warnings: [],
      compiled: { open_from_cat: compiled },
    }),
  ),
  {
    name: 'a list name inside a longer word stays',
    files: `- list: my_list\n  items: ['"one string"']\n- rule: r\n  desc: d\n  condition: evt.type=open and fd.name in (file_my_list)\n  output: o\n  priority: INFO\n`,
    ok: true,
    warnings: ["LOAD_UNUSED_LIST list 'my_list'"],
    compiled: { r: '(evt.type = open and fd.name in (file_my_list))' },
  },
  {
    name: 'an empty list takes a comma with it',
    files: `- list: none\n  items: []\n- rule: r\n  desc: d\n  condition: evt.type in (open, none) and proc.name in (none, a) and fd.name in (none)\n  output: o\n  priority: INFO\n`,
    ok: true,
    compiled: { r: '(evt.type in (open) and proc.name in (a) and fd.name in ())' },
  },
  {
    name: 'appending text keeps precedence as written',
    files:
      '- rule: my_rule\n  desc: d\n  condition: (evt.type=open and fd.name=not-a-real-file)\n  output: o\n  priority: WARNING\n- rule: my_rule\n  append: true\n  condition: or (evt.type=open and fd.name=/dev/null)\n',
    ok: true,
    compiled: {
      my_rule: '((evt.type = open and fd.name = not-a-real-file) or (evt.type = open and fd.name = /dev/null))',
    },
  },
  {
    name: 'rule names with characters of regular expressions',
    files:
      '- macro: is_cat\n  condition: proc.name=cat\n- rule: Open From Cat ($\\.*+?()[]{}|^)\n  desc: d\n  condition: evt.type=open and is_cat\n  output: "x"\n  priority: WARNING\n',
    ok: true,
    enabled: 1,
    compiled: { 'Open From Cat ($\\.*+?()[]{}|^)': '(evt.type = open and proc.name = cat)' },
  },
  {
    name: 'a network with `in`',
    files:
      '- rule: r\n  desc: d\n  condition: evt.type=connect and fd.net in ("127.0.0.1/24")\n  output: Program connected\n    (user=%user.name user_loginuid=%user.loginuid command=%proc.cmdline connection=%fd.name)\n  priority: INFO\n',
    ok: true,
  },
  {
    name: 'all events of one file',
    files:
      '- rule: open_dev_null\n  desc: d\n  condition: evt.type=open and fd.name=/dev/null\n  output: x (command=%proc.cmdline evt=%evt.type %evt.args)\n  priority: INFO\n\n- rule: dev_null\n  desc: d\n  condition: fd.name=/dev/null\n  output: x (command=%proc.cmdline evt=%evt.type %evt.args)\n  priority: INFO\n  warn_evttypes: false\n',
    ok: true,
    warnings: [],
  },
])
