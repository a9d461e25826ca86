import { testLoadCases } from './testdata/load-cases.ts'

const base = `
- rule: r
  desc: d
  condition: evt.type = open
  output: o
  priority: INFO
`

/** A file with one rule of this condition, in which quotes may stand. */
function rule(condition: string, more = ''): string {
  return `
- rule: r
  desc: d
  condition: >
    ${condition}
  output: o
  priority: INFO
${more}`
}

testLoadCases([
  // The file as a whole
  { name: 'an empty file', files: '' },
  { name: 'a file of comments', files: '# nothing\n\n' },
  { name: 'an empty document', files: '---\n' },
  { name: 'a list of nothing', files: '[]\n' },
  { name: 'items without a value are skipped', files: `-\n- ~\n- null\n${base}`, rules: { r: { index: 0 } } },
  {
    name: 'documents follow each other',
    files: `---\n${base}\n---\n---\n${base.replace('rule: r', 'rule: s')}`,
    rules: { s: { index: 1 } },
  },
  { name: 'plain text is no list', files: 'This is not yaml', codes: ['ERR_YAML_VALIDATE'] },
  { name: 'a mapping is no list', files: 'foo: bar', codes: ['ERR_YAML_VALIDATE'] },
  {
    name: 'a configuration is no rules file',
    files: 'rules_files:\n  - /etc/falco/falco_rules.yaml\n',
    codes: ['ERR_YAML_VALIDATE'],
  },
  { name: 'an item is no plain text', files: '- foo\n', codes: ['ERR_YAML_VALIDATE'] },
  { name: 'an item is no list', files: '- [foo]\n', codes: ['ERR_YAML_VALIDATE'] },
  { name: 'an item of unknown kind is told and ignored', files: `- foo: bar\n${base}`, codes: ['UNKNOWN_ITEM'] },
  { name: 'an item without keys is told and ignored', files: `- {}\n${base}`, codes: ['UNKNOWN_ITEM'] },
  {
    name: 'the kind of an item does not depend on the order of its keys',
    files: '- {items: [a], list: l}\n',
    codes: ['UNUSED_LIST'],
  },
  {
    name: 'an item that is both a list and a rule is a list',
    files: '- {rule: r, list: l, items: [a]}\n',
    codes: ['UNKNOWN_KEY', 'UNUSED_LIST'],
  },
  { name: 'a mapping inside a plain value is no YAML', files: 'this : is : not : yaml', codes: ['ERR_YAML_PARSE'] },
  {
    name: 'a bracket that is never closed is no YAML',
    files: '- list: a\n  items: [a, b\n',
    codes: ['ERR_YAML_PARSE'],
  },
  { name: 'a quote that is never closed is no YAML', files: '- list: "a\n', codes: ['ERR_YAML_PARSE'] },
  { name: 'a tab in the indentation is no YAML', files: '- list: a\n\titems: [a]\n', codes: ['ERR_YAML_PARSE'] },
  { name: 'an alias without an anchor is no YAML', files: '- list: *a\n', codes: ['ERR_YAML_PARSE'] },
  {
    name: 'a plain value that begins with % is no YAML',
    files: base.replace('output: o', 'output: %proc.name'),
    codes: ['ERR_YAML_PARSE'],
  },
  {
    name: 'anchors and aliases',
    files: '- {list: &a l, items: &i [x]}\n- {list: m, items: *i}\n- {macro: k, condition: "proc.name in (l, m)"}\n',
    codes: ['UNUSED_MACRO'],
  },
  { name: 'tags on values mean nothing', files: base.replace('output: o', 'output: !!int o') },
  {
    name: 'of a key that is written twice the first counts',
    files: `${base}  output: another\n`,
    rules: { r: { output: 'o' } },
  },
  {
    name: 'numbers and booleans are text where text is wanted',
    files: '- {rule: 1, desc: true, condition: evt.type = open, output: 2.50, priority: INFO}\n',
    rules: { '1': { desc: 'true', output: '2.50' } },
  },
  {
    name: 'an error in one item leaves nothing else unsaid',
    files: '- {list: a}\n- {macro: b}\n- {rule: c}\n',
    codes: ['ERR_YAML_VALIDATE', 'ERR_YAML_VALIDATE', 'ERR_YAML_VALIDATE'],
  },
  {
    name: 'what uses a broken item is not blamed',
    files: `- {macro: m, conditoin: proc.name=a}\n${rule('evt.type = open and m')}`,
    codes: ['ERR_YAML_VALIDATE', 'UNKNOWN_KEY'],
  },
  {
    name: 'what changes a broken item is not blamed',
    files: `- {macro: m, conditoin: proc.name=a}\n- {macro: m, condition: or proc.name=b, override: {condition: append}}\n`,
    codes: ['ERR_YAML_VALIDATE', 'UNKNOWN_KEY'],
  },
  {
    name: 'an error stays in the results of later files',
    files: [rule('proc.nobody = a'), base.replace('rule: r', 'rule: s')],
    codesBefore: [['ERR_COMPILE_CONDITION']],
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'a later file can mend a condition, but not the result of the earlier one',
    files: [rule('proc.nobody = a'), base],
    codesBefore: [['ERR_COMPILE_CONDITION']],
  },

  // Conditions
  {
    name: 'an unknown field is refused',
    files: rule('evt.type=open and proc.nobody=cat'),
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'an unknown event type is refused',
    files: rule('evt.type=some_invalid_event'),
    codes: ['ERR_COMPILE_CONDITION'],
  },
  { name: 'an unknown macro is refused', files: rule('nosuch'), codes: ['ERR_VALIDATE'] },
  { name: 'a list is no macro', files: `- {list: l, items: [a]}\n${rule('l')}`, codes: ['ERR_VALIDATE'] },
  {
    name: 'a condition that ends too soon is refused',
    files: rule('evt.type = open and'),
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'a parenthesis that is never closed is refused',
    files: rule('(evt.type = open'),
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'keywords in capitals are refused',
    files: rule('evt.type = open AND proc.name = a'),
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'a name of a field with an argument or a longer name is the whole',
    files: rule(
      'evt.type=open and evt.arg.path="foo" and evt.arg[0]="foo" and proc.aname="ls" and proc.aname[1]="ls" and proc.apid=10 and proc.apid[1]=10',
    ),
  },
  { name: 'a network in brackets', files: rule('evt.type=connect and fd.net in ("127.0.0.1/24")') },
  {
    name: 'a field as text on the right is told',
    files: rule('evt.type=open and proc.name = proc.pname'),
    codes: ['COMPILE_CONDITION'],
  },
  {
    name: 'a field as a value of a list is told once',
    files: rule('evt.type=open and proc.name in (a, proc.pname)'),
    codes: ['COMPILE_CONDITION'],
  },
  {
    name: 'a regular expression without special signs is told',
    files: rule('evt.type=open and proc.name regex cat'),
    codes: ['COMPILE_CONDITION'],
  },
  {
    name: 'a comparison with <NA> of an audit field is told',
    files: rule('ka.verb = <NA>', '  source: k8s_audit'),
    sources: ['syscall', 'k8s_audit'],
    codes: ['ERR_COMPILE_CONDITION', 'UNSAFE_NA_CHECK'],
  },
  { name: 'evt.dir is deprecated', files: rule('evt.type=open and evt.dir=<'), codes: ['DEPRECATED_ITEM'] },
  {
    name: 'evt.dir in a macro is deprecated in each rule that uses it',
    files: `- {macro: m, condition: evt.type=open and evt.dir=<}\n${rule('m')}\n${rule('m and proc.name=a').replace('rule: r', 'rule: s')}`,
    codes: ['DEPRECATED_ITEM', 'DEPRECATED_ITEM'],
  },
  {
    name: 'evt.dir in an output is deprecated',
    files: base.replace('output: o', 'output: x %evt.dir'),
    codes: ['DEPRECATED_ITEM'],
  },
  ...['evt.latency', 'evt.latency.s', 'evt.latency.ns', 'evt.latency.human', 'evt.wait_latency'].map(field => ({
    name: `${field} in a condition is deprecated`,
    files: rule(`evt.type=open and ${field} exists`),
    codes: ['DEPRECATED_ITEM'],
  })),

  // skip-if-unknown-filter
  ...[
    ['field', rule('evt.type=open and proc.nobody=cat', '  skip-if-unknown-filter: true')],
    ['event type', rule('evt.type=some_invalid_event', '  skip-if-unknown-filter: true')],
    [
      'field in the output',
      base.replace('output: o', 'output: proc.nobody=%proc.nobody\n  skip-if-unknown-filter: true'),
    ],
  ].map(([what, files]) => ({
    name: `skip-if-unknown-filter skips for an unknown ${what}`,
    files: [files!],
    codes: ['UNKNOWN_FILTER'],
  })),
  ...[
    ['field', rule('evt.type=open and proc.nobody=cat', '  skip-if-unknown-filter: false'), 'CONDITION'],
    ['event type', rule('evt.type=some_invalid_event', '  skip-if-unknown-filter: false'), 'CONDITION'],
    [
      'field in the output',
      base.replace('output: o', 'output: proc.nobody=%proc.nobody\n  skip-if-unknown-filter: false'),
      'OUTPUT',
    ],
  ].map(([what, files, code]) => ({
    name: `without skip-if-unknown-filter an unknown ${what} is refused`,
    files: [files!],
    codes: [`ERR_COMPILE_${code}`],
  })),
  {
    name: 'a skipped rule leaves the others their places',
    files: `${rule('proc.nobody=cat', '  skip-if-unknown-filter: true')}\n${base.replace('rule: r', 'rule: s')}`,
    codes: ['UNKNOWN_FILTER'],
    rules: { s: { index: 0 } },
  },
  {
    name: 'skip-if-unknown-filter does not excuse a syntax error',
    files: rule('evt.type=open and (', '  skip-if-unknown-filter: true'),
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'skip-if-unknown-filter does not excuse an unknown macro',
    files: rule('evt.type=open and nosuch', '  skip-if-unknown-filter: true'),
    codes: ['ERR_VALIDATE'],
  },

  // Outputs
  {
    name: 'an unknown field in an output is refused',
    files: base.replace('output: o', 'output: "seen %not_a_real_field"'),
    codes: ['ERR_COMPILE_OUTPUT'],
  },
  {
    name: 'a lone % at the end of an output is refused',
    files: base.replace('output: o', 'output: 100 %'),
    codes: ['ERR_COMPILE_OUTPUT'],
  },
  {
    name: 'fields of an output with arguments and widths',
    files: base.replace('output: o', 'output: "%proc.aname[2] %10proc.name %toupper(proc.name)"'),
  },
  {
    name: '%container.info goes, and is deprecated',
    files: base.replace('output: o', 'output: a %container.info b'),
    codes: ['DEPRECATED_ITEM'],
    rules: { r: { output: 'a  b' } },
  },

  // Events that a rule is tried on
  ...[
    'proc.name=foo',
    'evt.type!=execve',
    'not evt.type=execve',
    'evt.type=execve and proc.name=foo or evt.type=open or evt.type!=connect',
    'evt.type=execve and proc.name=foo or evt.type=open or not evt.type=connect',
    'evt.type=execve and proc.name!=foo or evt.type=open or not evt.type=connect',
    'evt.type in (execve, open) or evt.type!=connect',
    'not evt.type in (execve, open)',
    'not evt.type in (execve, open) or evt.type=connect',
    'evt.type exists',
  ].map(condition => ({
    name: `too many events: ${condition}`,
    files: rule(condition),
    codes: ['NO_EVTTYPE'],
  })),
  ...[
    'evt.type=execve',
    'evt.type=execve and proc.name!=foo',
    'evt.type=execve and not proc.name=foo',
    'evt.type=execve and proc.name=foo or evt.type=open',
    'evt.type=execve and proc.name=foo or evt.type=open or evt.type=connect',
    'evt.type=execve and proc.name=foo or evt.type in (open, connect)',
    'evt.type=execve and not proc.name=foo or evt.type=open',
    'evt.type=execve and proc.name!=foo or evt.type=open',
    'evt.type=execve and not proc.name in (foo, bar) or evt.type in (open, connect)',
    'evt.type in (execve, open) and proc.name!=foo or evt.type=connect',
    'proc.name!=foo and evt.type=execve',
    'not proc.name=foo and evt.type in (execve, open)',
    'evt.type=open or evt.type=open',
    'evt.type in (open) or evt.type in (open, open)',
    'evt.type=open or evt.type in (open, open)',
    'evt.num = 0',
  ].map(condition => ({ name: `few events: ${condition}`, files: rule(condition) })),
  { name: 'warn_evttypes: false silences that', files: rule('proc.name=foo', '  warn_evttypes: false') },
  {
    name: 'rules of other sources are not told',
    files: rule('evt.num > 0', '  source: other'),
    sources: ['syscall', 'other'],
  },
])
