import { testLoadCases } from './testdata/load-cases.ts'

/** A rule that begins every case below; what follows changes it. */
const base = `
- rule: r
  desc: what it does
  condition: evt.type = open
  output: command=%proc.cmdline
  priority: INFO
`

const baseSwitchedOff = `${base}  enabled: false\n`

testLoadCases([
  // Definition
  {
    name: 'a rule says what it needs to',
    files: base,
    rules: {
      r: {
        index: 0,
        desc: 'what it does',
        priority: 6,
        source: 'syscall',
        tags: [],
        enabled: true,
        capture: false,
        captureDurationMs: 0,
        output: 'command=%proc.cmdline',
      },
    },
  },
  ...['condition', 'output', 'desc', 'priority'].map(key => ({
    name: `a rule without ${key} is refused`,
    files: base.replace(new RegExp(`  ${key}: .*\n`), ''),
    codes: ['ERR_YAML_VALIDATE'],
  })),
  ...['condition', 'output', 'desc', 'priority'].map(key => ({
    name: `a rule whose ${key} has no value is refused`,
    files: base.replace(new RegExp(`  ${key}: .*\n`), `  ${key}:\n`),
    codes: ['ERR_YAML_VALIDATE'],
  })),
  ...['condition', 'output', 'desc', 'priority'].map(key => ({
    name: `a rule whose ${key} is an empty text is refused`,
    files: base.replace(new RegExp(`  ${key}: .*\n`), `  ${key}: ''\n`),
    codes: ['ERR_YAML_VALIDATE'],
  })),
  ...['condition', 'output', 'desc', 'priority'].map(key => ({
    name: `a rule whose ${key} is a list is refused`,
    files: base.replace(new RegExp(`  ${key}: .*\n`), `  ${key}: [a]\n`),
    codes: ['ERR_YAML_VALIDATE'],
  })),
  {
    name: 'a rule needs a name',
    files: '- rule:\n  desc: d\n  condition: evt.type=execve\n  output: o\n',
    codes: ['ERR_YAML_VALIDATE'],
  },
  { name: 'a rule of a name alone', files: '- rule: r\n', codes: ['ERR_YAML_VALIDATE'] },
  {
    name: 'a rule needs a condition that says something',
    files: `${base.replace('evt.type = open', "' '")}`,
    codes: ['ERR_COMPILE_CONDITION'],
  },
  {
    name: 'a name may have blanks and any other signs',
    files: base.replace('rule: r', 'rule: Open From Cat ($\\.*+?()[]{}|^)'),
    rules: { 'Open From Cat ($\\.*+?()[]{}|^)': { index: 0 } },
  },
  {
    name: 'an unknown key is told, and ignored',
    files: `${base}  colour: red\n`,
    codes: ['UNKNOWN_KEY'],
  },
  {
    name: 'a key of lists is unknown in a rule',
    files: `${base}  items: [a]\n`,
    codes: ['UNKNOWN_KEY'],
  },
  ...['emergency', 'Alert', 'CRITICAL', 'eRRor', 'warning', 'notice', 'informational', 'debug'].map(
    (priority, number) => ({
      name: `priority ${priority} is ${number}`,
      files: base.replace('INFO', priority),
      rules: { r: { priority: number } },
    }),
  ),
  { name: 'priority info is 6', files: base, rules: { r: { priority: 6 } } },
  { name: 'an unknown priority is refused', files: base.replace('INFO', 'URGENT'), codes: ['ERR_YAML_VALIDATE'] },
  { name: 'a number is no priority', files: base.replace('INFO', '3'), codes: ['ERR_YAML_VALIDATE'] },
  {
    name: 'tags are sorted, each once',
    files: `${base}  tags: [b, a, b, 1]\n`,
    rules: { r: { tags: ['1', 'a', 'b'] } },
  },
  { name: 'tags are a list', files: `${base}  tags: a\n`, codes: ['ERR_YAML_VALIDATE'] },
  { name: 'tags without a value are refused', files: `${base}  tags:\n`, codes: ['ERR_YAML_VALIDATE'] },
  { name: 'no tags at all', files: `${base}  tags: []\n`, rules: { r: { tags: [] } } },
  { name: 'exceptions without a value are none', files: `${base}  exceptions:\n` },
  { name: 'an empty list of exceptions', files: `${base}  exceptions: []\n`, conditions: { r: 'evt.type = open' } },
  {
    name: 'blanks around an output go',
    files: base.replace('command=%proc.cmdline', '"  command=%proc.cmdline \\n"'),
    rules: { r: { output: 'command=%proc.cmdline' } },
  },
  {
    name: 'a capture of its own length',
    files: `${base}  capture: true\n  capture_duration: 5000\n`,
    rules: { r: { capture: true, captureDurationMs: 5000 } },
  },
  {
    name: 'a length without a capture',
    files: `${base}  capture_duration: 5000\n`,
    rules: { r: { capture: false, captureDurationMs: 5000 } },
  },
  {
    name: 'a length of zero is that of the configuration',
    files: `${base}  capture: true\n  capture_duration: 0\n`,
    rules: { r: { capture: true, captureDurationMs: 0 } },
  },
  ...['not_a_number', '-1', '1.5', '4294967296', '[1]', "''"].map(value => ({
    name: `${value} is no length of a capture`,
    files: `${base}  capture_duration: ${value}\n`,
    codes: ['ERR_YAML_VALIDATE'],
  })),
  ...['true', 'True', 'TRUE', 'yes', 'Yes', 'on', 'y', 'Y', '"true"', "'on'"].map(value => ({
    name: `enabled: ${value} is true`,
    files: `${base}  enabled: ${value}\n`,
    rules: { r: { enabled: true } },
  })),
  ...['false', 'False', 'FALSE', 'no', 'No', 'off', 'n', 'N', '"false"'].map(value => ({
    name: `enabled: ${value} is false`,
    files: `${base}  enabled: ${value}\n`,
    rules: { r: { enabled: false } },
  })),
  ...['1', '0', 'maybe', 'tRue', '[true]', "''", '~', ''].map(value => ({
    name: `enabled: ${value === '' ? 'nothing' : value} is neither true nor false`,
    files: `${base}  enabled: ${value}\n`,
    codes: ['ERR_YAML_VALIDATE'],
  })),
  ...['capture', 'warn_evttypes', 'skip-if-unknown-filter', 'append'].map(key => ({
    name: `${key} is true or false`,
    files: `${base}  ${key}: maybe\n`,
    codes: ['ERR_YAML_VALIDATE'],
  })),

  // Redefinition
  {
    name: 'a second definition replaces everything but the place in the order',
    files: `${baseSwitchedOff}  tags: [a]
- {rule: other, desc: d, condition: evt.type = close, output: o, priority: INFO}
- {rule: r, desc: new, condition: evt.type = execve, output: o, priority: WARNING}
`,
    conditions: { r: 'evt.type = execve' },
    rules: { r: { index: 0, enabled: true, tags: [], priority: 4, desc: 'new', output: 'o' }, other: { index: 1 } },
  },
  {
    name: 'append: false defines a rule anew',
    files: `${base}\n- {rule: r, desc: new, condition: evt.type = execve, output: o, priority: INFO, append: false}\n`,
    conditions: { r: 'evt.type = execve' },
  },
  {
    name: 'a second definition with an unknown macro is refused, though the first was fine',
    files: [base, '- {rule: r, desc: d, condition: bar, output: o, priority: INFO}\n'],
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'an empty file between others changes nothing',
    files: [base, '\n', '# nothing\n'],
    conditions: { r: 'evt.type = open' },
  },

  // append: true
  {
    name: 'append: true appends the condition and is deprecated',
    files: `${base}\n- {rule: r, condition: and proc.name = cat, append: true}\n`,
    codes: ['DEPRECATED_ITEM'],
    conditions: { r: '(evt.type = open and proc.name = cat)' },
  },
  {
    name: 'what is appended with or joins the whole condition',
    files: `${base.replace('evt.type = open', '(evt.type=open and fd.name=a)')}\n- {rule: r, append: true, condition: or (evt.type=open and fd.name=b)}\n`,
    codes: ['DEPRECATED_ITEM'],
    conditions: { r: '((evt.type = open and fd.name = a) or (evt.type = open and fd.name = b))' },
  },
  {
    name: 'append: true ignores all other keys',
    files: `${baseSwitchedOff}\n- {rule: r, condition: and proc.name = cat, append: true, enabled: true, output: x, desc: x, priority: NONE, tags: 1}\n`,
    codes: ['DEPRECATED_ITEM'],
    rules: { r: { enabled: false, output: 'command=%proc.cmdline', desc: 'what it does' } },
  },
  {
    name: 'append: true needs an earlier rule',
    files: '- {rule: r, condition: and proc.name = cat, append: true}\n',
    codes: ['DEPRECATED_ITEM', 'ERR_VALIDATE'],
  },
  {
    name: 'a rule that comes later is no earlier rule',
    files: `- {rule: r, condition: and proc.name = cat, append: true}\n${base}`,
    codes: ['DEPRECATED_ITEM', 'ERR_VALIDATE'],
  },
  {
    name: 'append: true needs something to append',
    files: `${base}\n- {rule: r, append: true}\n`,
    codes: ['DEPRECATED_ITEM', 'ERR_VALIDATE'],
  },
  {
    name: 'append: true with an empty list of exceptions appends nothing, and loads',
    files: `${base}\n- {rule: r, exceptions: [], append: true}\n`,
    codes: ['DEPRECATED_ITEM'],
  },
  {
    name: 'what is appended must fit the condition',
    files: [base, '- {rule: r, desc: d, condition: bar, output: o, priority: INFO, append: true}\n'],
    codes: ['DEPRECATED_ITEM', 'ERR_COMPILE_CONDITION'],
  },

  // override
  {
    name: 'override appends condition, output and desc with a blank between, and no warning',
    files: `${base}
- rule: r
  desc: with more
  condition: and proc.name = cat
  output: proc=%proc.name
  override: {desc: append, condition: append, output: append}
`,
    conditions: { r: '(evt.type = open and proc.name = cat)' },
    rules: { r: { desc: 'what it does with more', output: 'command=%proc.cmdline proc=%proc.name' } },
  },
  {
    name: 'override replaces',
    files: `${base}
- rule: r
  desc: another
  condition: evt.type = close
  override: {desc: replace, condition: replace}
`,
    conditions: { r: 'evt.type = close' },
    rules: { r: { desc: 'another', output: 'command=%proc.cmdline' } },
  },
  {
    name: 'override appends some keys and replaces others',
    files: `${base}
- rule: r
  desc: another
  condition: and proc.name = cat
  priority: WARNING
  override: {desc: replace, condition: append, priority: replace}
`,
    conditions: { r: '(evt.type = open and proc.name = cat)' },
    rules: { r: { desc: 'another', priority: 4 } },
  },
  {
    name: 'override replaces output, tags, capture and its length, and switches',
    files: `${baseSwitchedOff}  tags: [a]
- rule: r
  output: new
  tags: [c, b]
  enabled: true
  capture: true
  capture_duration: 100
  override: {output: replace, tags: replace, enabled: replace, capture: replace, capture_duration: replace}
`,
    rules: { r: { output: 'new', tags: ['b', 'c'], enabled: true, capture: true, captureDurationMs: 100 } },
  },
  {
    name: 'override appends tags',
    files: `${base}  tags: [b]\n- {rule: r, tags: [a, b], override: {tags: append}}\n`,
    rules: { r: { tags: ['a', 'b'] } },
  },
  {
    name: 'override replaces warn_evttypes',
    files: `${base.replace('evt.type = open', 'proc.name = a')}\n- {rule: r, warn_evttypes: false, override: {warn_evttypes: replace}}\n`,
  },
  {
    name: 'override replaces skip-if-unknown-filter',
    files: `${base.replace('evt.type = open', 'evt.type = open and proc.nobody = a')}\n- {rule: r, skip-if-unknown-filter: true, override: {skip-if-unknown-filter: replace}}\n`,
    codes: ['UNKNOWN_FILTER'],
  },
  {
    name: 'what is appended or replaced in an output keeps its blanks',
    files: `${base}\n- {rule: r, output: " a ", override: {output: append}}\n`,
    rules: { r: { output: 'command=%proc.cmdline  a ' } },
  },
  ...['priority', 'enabled', 'capture', 'capture_duration', 'warn_evttypes', 'skip-if-unknown-filter'].map(key => ({
    name: `nothing can be appended to ${key}`,
    files: `${base}\n- {rule: r, ${key}: ${key === 'priority' ? 'INFO' : key === 'capture_duration' ? '1' : 'true'}, override: {${key}: append}}\n`,
    codes: ['ERR_YAML_VALIDATE'],
  })),
  ...['source', 'rule', 'colour', 'items'].map(key => ({
    name: `${key} cannot be overridden`,
    files: `${base}\n- {rule: r, desc: a, override: {desc: append, ${key}: replace}}\n`,
    codes: ['ERR_YAML_VALIDATE'],
  })),
  {
    name: 'override has two operations',
    files: `${base}\n- {rule: r, desc: a, override: {desc: prepend}}\n`,
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'the operation of an override is a single value',
    files: `${base}\n- {rule: r, desc: a, override: {desc: [append]}}\n`,
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'override is no list',
    files: `${base}\n- {rule: r, desc: a, override: [append]}\n`,
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'override and append: true do not go together',
    files: `${base}\n- {rule: r, desc: a, condition: and proc.name = cat, append: true, override: {desc: replace, condition: append}}\n`,
    codes: ['DEPRECATED_ITEM', 'ERR_YAML_VALIDATE'],
  },
  {
    name: 'a key to append must be there',
    files: `${base}\n- {rule: r, desc: a, override: {desc: replace, condition: append}}\n`,
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'a key to replace must be there',
    files: `${base}\n- {rule: r, desc: a, condition: and proc.name = cat, override: {desc: replace, condition: append, enabled: replace}}\n`,
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'a key that is there must be named in override',
    files: `${base}\n- {rule: r, desc: a, condition: and proc.name = cat, priority: WARNING, override: {desc: replace, condition: append}}\n`,
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'an empty override is none, and the rule is one without priority',
    files: `${base}\n- {rule: r, desc: a, condition: evt.type = close, output: o, override: {}}\n`,
    codes: ['ERR_YAML_VALIDATE'],
  },
  {
    name: 'override of a rule that is not there',
    files: `- {rule: r, condition: and proc.name = cat, override: {condition: append}}\n${base}`,
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'replacing parts of a rule that is not there',
    files: `- {rule: r, condition: and proc.name = cat, override: {condition: replace}}\n${base}`,
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'override in a later file',
    files: [base, '- {rule: r, condition: and proc.name = cat, override: {condition: append}}\n'],
    conditions: { r: '(evt.type = open and proc.name = cat)' },
  },
  {
    name: 'a rule appended to by a later file may use what that file defines',
    files: [
      base,
      '- {list: l, items: [a]}\n- {macro: m, condition: proc.name in (l)}\n- {rule: r, condition: and m, override: {condition: append}}\n',
    ],
    conditions: { r: '(evt.type = open and proc.name in (a))' },
  },

  // enabled alone
  {
    name: 'enabled alone switches an earlier rule on, and is deprecated',
    files: `${baseSwitchedOff}\n- {rule: r, enabled: true}\n`,
    codes: ['DEPRECATED_ITEM'],
    rules: { r: { enabled: true } },
  },
  {
    name: 'enabled alone switches an earlier rule off',
    files: `${base}\n- {rule: r, enabled: false}\n`,
    codes: ['DEPRECATED_ITEM'],
    rules: { r: { enabled: false } },
  },
  {
    name: 'enabled alone needs an earlier rule',
    files: '- {rule: r, enabled: true}\n',
    codes: ['DEPRECATED_ITEM', 'ERR_VALIDATE'],
  },
  {
    name: 'enabled together with desc is no switch but an unfinished rule',
    files: `${base}\n- {rule: r, desc: d, enabled: true}\n`,
    codes: ['ERR_YAML_VALIDATE', 'ERR_YAML_VALIDATE', 'ERR_YAML_VALIDATE'],
  },
  {
    name: 'enabled: replace switches without a warning',
    files: `${baseSwitchedOff}\n- {rule: r, desc: a, condition: and proc.name = cat, enabled: true, override: {desc: replace, condition: append, enabled: replace}}\n`,
    rules: { r: { enabled: true } },
  },
  {
    name: 'a rule that is off still has to compile',
    files: baseSwitchedOff.replace('evt.type = open', 'proc.nobody = a'),
    codes: ['ERR_COMPILE_CONDITION'],
  },

  // Sources
  {
    name: 'a rule of an unknown source is left out, whatever it says',
    files: `${base.replace('evt.type = open', 'ct.name = "x"').replace('%proc.cmdline', '%ct.id')}  source: aws_cloudtrail\n`,
    codes: ['UNKNOWN_SOURCE'],
  },
  {
    name: 'exceptions of a rule of an unknown source may name unknown fields',
    files: `${base}  source: aws_cloudtrail\n  exceptions: [{name: e, fields: [aws.user, aws.region]}]\n`,
    codes: ['UNKNOWN_SOURCE'],
  },
  {
    name: 'something can be appended to a rule of an unknown source',
    files: `${base}  source: mysource\n- {rule: r, append: true, condition: or evt.type=openat}\n`,
    codes: ['DEPRECATED_ITEM', 'UNKNOWN_SOURCE'],
  },
  ...['""', '~', 'null', ''].map(value => ({
    name: `source: ${value === '' ? 'nothing' : value} is syscall`,
    files: `${base}  source: ${value}\n`,
    rules: { r: { source: 'syscall' } },
  })),
  { name: 'source is a single value', files: `${base}  source: [syscall]\n`, codes: ['ERR_YAML_VALIDATE'] },
  {
    name: 'a known source other than syscall',
    files: `${base}  source: other\n`,
    sources: ['syscall', 'other'],
    rules: { r: { source: 'other' } },
  },
  {
    name: 'a second definition with another source is refused',
    files: `${base}  source: syscall\n- {rule: r, desc: d, condition: evt.type=open, output: o, priority: INFO, source: other}\n`,
    sources: ['syscall', 'other'],
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'a second definition without a source is one of syscall',
    files: `${base}  source: other\n- {rule: r, desc: d, condition: evt.type=open, output: o, priority: INFO}\n`,
    sources: ['syscall', 'other'],
    codes: ['ERR_VALIDATE'],
  },
  ...['append', 'replace'].map(operation => ({
    name: `${operation} with another source is refused`,
    files: `${base}\n- {rule: r, desc: d, source: other, override: {desc: ${operation}}}\n`,
    sources: ['syscall', 'other'],
    codes: ['ERR_VALIDATE'],
  })),
  ...['syscall', '""', '~'].map(source => ({
    name: `append with source ${source} is fine`,
    files: `${base}\n- {rule: r, desc: d, source: ${source}, override: {desc: append}}\n`,
  })),
  {
    name: 'append: true with another source is refused',
    files: `${base}\n- {rule: r, condition: and proc.name=a, source: other, append: true}\n`,
    sources: ['syscall', 'other'],
    codes: ['DEPRECATED_ITEM', 'ERR_VALIDATE'],
  },

  // Selection
  {
    name: 'rules that a selection switches on keep their places',
    files: `${baseSwitchedOff}
- {rule: s, desc: d, condition: evt.type = open, output: o, priority: INFO}
- {rule: t, desc: d, condition: evt.type = open, output: o, priority: INFO, enabled: false, tags: [x]}
`,
    selection: [
      { operation: 'enable', tag: 'x' },
      { operation: 'enable', rule: 'r*' },
      { operation: 'disable', rule: 's' },
    ],
    rules: { r: { index: 0, enabled: true }, s: { index: 1, enabled: false }, t: { index: 2, enabled: true } },
  },
  {
    name: 'rules below the lowest priority are off, also selected ones',
    files: `${base}- {rule: s, desc: d, condition: evt.type = open, output: o, priority: NOTICE}\n`,
    minPriority: 5,
    selection: [{ operation: 'enable', rule: '*' }],
    rules: { r: { index: 0, enabled: false }, s: { index: 1, enabled: true } },
  },
  {
    name: 'a rule below the lowest priority still has to compile',
    files: base.replace('evt.type = open', 'proc.nobody = a'),
    minPriority: 0,
    codes: ['ERR_COMPILE_CONDITION'],
  },
])
