import { type LoadCase, testLoadCases } from './load-case.ts'

// Sources, names, versions, unknown keys and fields, event types, deprecated fields, outputs.

const rule = (condition: string, rest = '', output = 'x'): string => `
- rule: base
  desc: d
  condition: ${condition}
  output: ${output}
  priority: INFO
${rest}`

const audit = `
- rule: trick
  desc: d
  condition: ka.verb = GET
  output: some output
  priority: INFO
  source: k8s_audit
`
const system = `
- rule: trick
  desc: d
  condition: evt.type=execve
  output: some output
  priority: INFO
  source: syscall
`
const again = (rest: string): string => `
- rule: trick
  desc: d
  condition: and proc.name=apache
  output: x
  priority: INFO
${rest}
`

testLoadCases([
  {
    name: 'a rule of a source that is not there is left out',
    files: audit,
    ok: true,
    warnings: ["LOAD_UNKNOWN_SOURCE rule 'trick'"],
  },
  {
    name: 'a rule defined again with another source',
    files: audit + again('  source: syscall'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE rule 'trick'"],
  },
  {
    name: 'a rule appended to with another source',
    files: audit + again('  source: syscall\n  append: true'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE rule 'trick'"],
  },
  {
    name: 'a rule replaced in part with another source',
    files: `${audit}
- rule: trick
  condition: 1 = 2
  override:
    condition: replace
  source: syscall
`,
    ok: false,
    errors: ["LOAD_ERR_VALIDATE rule 'trick'"],
  },
  { name: 'a null source appended is none', files: system + again('  source:\n  append: true'), ok: true },
  { name: 'an empty source appended is none', files: system + again('  source: ""\n  append: true'), ok: true },

  // Names
  {
    name: 'a macro name that no condition can use',
    files: '- macro: test-macro\n  condition: evt.type = close\n',
    ok: true,
    schema: 'ok',
    warnings: ["LOAD_INVALID_MACRO_NAME macro 'test-macro'", 'LOAD_UNUSED_MACRO'],
  },
  {
    name: 'a list name with a blank is replaced all the same',
    files: `- list: test list\n  items: [open, openat, openat2]\n${rule('evt.type in (test list)', '  enabled: false\n')}`,
    ok: true,
    schema: 'ok',
    warnings: ["LOAD_INVALID_LIST_NAME list 'test list'"],
    absent: ['LOAD_UNUSED_LIST'],
    compiled: { base: 'evt.type in (open, openat, openat2)' },
  },
  {
    name: 'an unused list whose items have blanks',
    files: '- list: my_list\n  items: [non_escaped_val, "escaped val"]\n',
    ok: true,
    schema: 'ok',
    warnings: ["LOAD_UNUSED_LIST list 'my_list'"],
  },
  {
    name: 'items with blanks are quoted where they are put in',
    files: `- list: my_list\n  items: [non_escaped_val, "escaped val"]\n${rule('evt.type = open and proc.name in (my_list)')}`,
    ok: true,
    compiled: { base: '(evt.type = open and proc.name in (non_escaped_val, "escaped val"))' },
  },

  // Versions
  ...[
    ['0.26.0', true],
    ['26', true],
    ['"26"', true],
    ['0', true],
    ['0.62.0', true],
    ['0.0.0', true],
    ['seven', false],
    ['not-a-number', false],
    ['9999999', false],
    ['1.0.0', false],
    ['0.999.0', false],
    ['0.57', false],
    ['-1', false],
    ['""', false],
    ['', false],
    ['[26]', false],
  ].map(
    ([version, ok]): LoadCase => ({
      name: `required_engine_version: ${String(version)} is ${ok === true ? 'met' : 'not met'}`,
      files: `- required_engine_version: ${String(version)}\n${rule('evt.type = close', '  enabled: false\n')}`,
      ok: ok === true,
      ...(ok === true && { warnings: [], schema: 'ok' }),
      ...(ok === false && {
        errors: [
          /^(?:9999999|1\.0\.0|0\.999\.0)$/.test(String(version))
            ? 'LOAD_ERR_VALIDATE required_engine_version'
            : 'LOAD_ERR_YAML_VALIDATE required_engine_version',
        ],
      }),
    }),
  ),
  ...(
    [
      ['container in the version that is built in', '[{name: container, version: 0.4.0}]', true],
      ['container, newer than what is built in', '[{name: container, version: 0.99.0}]', false],
      ['another plugin', '[{name: k8saudit, version: 0.1.0}]', false],
      [
        'another plugin, or container',
        '[{name: k8saudit, version: 0.1.0, alternatives: [{name: container, version: 0.4.0}]}]',
        true,
      ],
      ['two plugins, one not there', '[{name: container, version: 0.4.0}, {name: json, version: 0.3.0}]', false],
      [
        'the same plugin twice in one requirement',
        '[{name: container, version: 0.1.0, alternatives: [{name: container, version: 0.4.0}]}]',
        false,
      ],
      ['a version that is none', '[{name: container, version: latest}]', false],
      ['nothing', '[]', true],
    ] as const
  ).map(
    ([name, value, ok]): LoadCase => ({
      name: `required_plugin_versions: ${name}`,
      files: `- required_plugin_versions: ${value}\n${rule('evt.type = close')}`,
      ok,
    }),
  ),
  ...(
    [
      ['a mapping', '{name: container, version: 0.4.0}'],
      ['a list of text', '[container]'],
      ['no name', '[{version: 0.4.0}]'],
      ['no version', '[{name: container}]'],
      ['alternatives that are no list', '[{name: container, version: 0.4.0, alternatives: x}]'],
      ['an alternative without a version', '[{name: container, version: 0.4.0, alternatives: [{name: x}]}]'],
    ] as const
  ).map(
    ([name, value]): LoadCase => ({
      name: `required_plugin_versions that is not well formed: ${name}`,
      files: `- required_plugin_versions: ${value}\n`,
      ok: false,
      errors: ['LOAD_ERR_YAML_VALIDATE required plugin versions'],
    }),
  ),

  // Unknown keys and items
  {
    name: 'an unknown key of a rule',
    files: rule('evt.type = close', '  typo_field: v\n'),
    ok: true,
    warnings: ["LOAD_UNKNOWN_KEY rule 'base'"],
  },
  {
    name: 'an unknown key of a list',
    files: `- list: l\n  items: [cat, bash]\n  typo_field: v\n${rule('evt.type = close and proc.name in (l)')}`,
    ok: true,
    warnings: ["LOAD_UNKNOWN_KEY list 'l'"],
  },
  {
    name: 'an unknown key of a macro',
    files: `- macro: m\n  condition: evt.type = close\n  typo_field: v\n${rule('m')}`,
    ok: true,
    warnings: ["LOAD_UNKNOWN_KEY macro 'm'"],
  },
  {
    name: 'a key of a rule in a list',
    files: `- list: l\n  items: [cat, bash]\n  priority: INFO\n${rule('evt.type = close and proc.name in (l)')}`,
    ok: true,
    schema: 'ok',
    warnings: ["LOAD_UNKNOWN_KEY list 'l'"],
  },
  {
    name: 'an unknown item, and an empty one',
    files: `${rule('evt.type = open')}\n- something_that_is_not_recognized: hello\n  another_weird_property: ahoy\n\n- \n`,
    ok: true,
    warnings: ['LOAD_UNKNOWN_ITEM rules content item'],
  },

  // Unknown fields, outputs
  {
    name: 'an unknown field',
    files: rule('proc.nobody=cat'),
    ok: false,
    errors: ["LOAD_ERR_COMPILE_CONDITION rule 'base'", 'LOAD_ERR_COMPILE_CONDITION condition expression'],
  },
  {
    name: 'an unknown field, not to be skipped',
    files: rule('proc.nobody=cat', '  skip-if-unknown-filter: false\n'),
    ok: false,
    errors: ["LOAD_ERR_COMPILE_CONDITION rule 'base'"],
  },
  {
    name: 'an unknown field, to be skipped',
    files: rule('evt.type=open and proc.nobody=cat', '  skip-if-unknown-filter: true\n'),
    ok: true,
    warnings: ["LOAD_UNKNOWN_FILTER rule 'base'"],
    enabled: 0,
  },
  {
    name: 'an unknown event type, to be skipped',
    files: rule('evt.type=openn', '  skip-if-unknown-filter: true\n'),
    ok: true,
    warnings: ["LOAD_UNKNOWN_FILTER rule 'base'"],
    enabled: 0,
  },
  {
    name: 'an unknown field in the output, to be skipped',
    files: rule('evt.type=open', '  skip-if-unknown-filter: true\n', 'a %proc.nobody b'),
    ok: true,
    warnings: ["LOAD_UNKNOWN_FILTER rule 'base'"],
    enabled: 0,
  },
  {
    name: 'a syntax error is not skipped',
    files: rule('evt.type=open and', '  skip-if-unknown-filter: true\n'),
    ok: false,
    errors: ['LOAD_ERR_COMPILE_CONDITION'],
  },
  {
    name: 'an unknown field in the output',
    files: rule('evt.type=open', '', '"An open was seen %not_a_real_field"'),
    ok: false,
    errors: ["LOAD_ERR_COMPILE_OUTPUT rule 'base'", 'LOAD_ERR_COMPILE_OUTPUT rule output'],
  },
  {
    name: 'fields with arguments and names without a row of their own',
    files: rule(
      '>\n    evt.type=open and evt.arg.path="foo" and evt.arg[0]="foo"\n    and proc.aname="ls" and proc.aname[1]="ls"\n    and proc.apid=10 and proc.apid[1]=10',
    ),
    ok: true,
    warnings: [],
  },
  {
    name: 'a field that may have no value in the output',
    files: rule('evt.type=open', '', '"cport=%fd.cport command=%proc.cmdline"'),
    ok: true,
  },

  // Deprecated fields
  {
    name: 'evt.dir in the output',
    files: rule('evt.type = close', '', 'file=%fd.name evt.dir=%evt.dir'),
    ok: true,
    schema: 'ok',
    warnings: ['LOAD_DEPRECATED_ITEM rule output'],
    enabled: 1,
  },
  {
    name: 'no deprecated field in the output',
    files: rule('evt.type = close', '', 'file=%fd.name'),
    ok: true,
    warnings: [],
  },
  {
    name: 'evt.dir in a folded condition',
    files: rule('>\n    evt.type = close and evt.dir = <'),
    ok: true,
    schema: 'ok',
    warnings: ["LOAD_DEPRECATED_ITEM rule 'base'"],
  },
  {
    name: 'evt.dir by way of a macro',
    files: `- macro: spawned\n  condition: evt.type in (execve, execveat) and evt.dir = <\n${rule('>\n    spawned and proc.name = bash')}`,
    ok: true,
    schema: 'ok',
    warnings: ["LOAD_DEPRECATED_ITEM rule 'base'"],
  },
  ...['evt.latency', 'evt.latency.s', 'evt.latency.ns', 'evt.latency.human', 'evt.wait_latency'].map(
    (field): LoadCase => ({
      name: `${field} is deprecated`,
      files: rule(`evt.type = open and ${field} exists`),
      ok: true,
      warnings: ['LOAD_DEPRECATED_ITEM'],
    }),
  ),
  {
    name: '%container.info is deprecated and vanishes',
    files: rule('evt.type = open', '', 'out 1 (%container.info)'),
    ok: true,
    warnings: ["LOAD_DEPRECATED_ITEM rule 'base'"],
    described: { base: { output_compiled: 'out 1 ()' } },
  },

  // Other keys of a rule
  ...[
    'warn_evttypes: false',
    'skip-if-unknown-filter: true',
    'capture: true',
    'capture: true\n  capture_duration: 10000',
    'tags: []',
    'tags: [a, b]',
    'source: syscall',
  ].map(
    (key): LoadCase => ({
      name: `a rule with ${key.replace('\n', ',')}`,
      files: rule('evt.type = close', `  ${key}\n`),
      ok: true,
      schema: 'ok',
      warnings: [],
    }),
  ),
  ...['EMERGENCY', 'ALERT', 'CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'INFORMATIONAL', 'DEBUG'].flatMap(
    (priority): LoadCase[] => [
      {
        name: `priority ${priority}`,
        files: rule('evt.type = close').replace('INFO', priority),
        ok: true,
        schema: 'ok',
      },
      {
        name: `priority ${priority.toLowerCase()}`,
        files: rule('evt.type = close').replace('INFO', priority.toLowerCase()),
        ok: true,
        schema: 'failed',
      },
    ],
  ),
  ...['WARN', 'HIGH', 'inf', '4', '"INFO "'].map(
    (priority): LoadCase => ({
      name: `no priority: ${priority}`,
      files: rule('evt.type = close').replace('INFO', priority),
      ok: false,
      errors: ['LOAD_ERR_YAML_VALIDATE rule priority', "LOAD_ERR_YAML_VALIDATE rule 'base'"],
    }),
  ),

  // Unsafe comparisons with <NA>: only fields of the Kubernetes audit log, which need a plugin
  {
    name: '<NA> with a field of system calls is no matter',
    files: rule('evt.type = open and proc.name = <NA>'),
    ok: true,
    warnings: [],
  },

  // How many event types a condition can be true for
  ...(
    [
      ['evt.type=execve', false],
      ['proc.name=foo', true],
      ['evt.type!=execve', true],
      ['not evt.type=execve', true],
      ['evt.type=execve and proc.name!=foo', false],
      ['evt.type=execve and not proc.name=foo', false],
      ['evt.type=execve and proc.name=foo or evt.type=open', false],
      ['evt.type=execve and proc.name=foo or evt.type=open or evt.type=connect', false],
      ['evt.type=execve and proc.name=foo or evt.type in (open, connect)', false],
      ['evt.type=execve and proc.name=foo or evt.type=open or evt.type!=connect', true],
      ['evt.type=execve and proc.name=foo or evt.type=open or not evt.type=connect', true],
      ['evt.type=execve and not proc.name=foo or evt.type=open', false],
      ['evt.type=execve and proc.name!=foo or evt.type=open', false],
      ['evt.type=execve and proc.name!=foo or evt.type=open or not evt.type=connect', true],
      ['evt.type=execve and proc.name!=foo or evt.type in (open, connect)', false],
      ['evt.type=execve and not proc.name=foo or evt.type in (open, connect)', false],
      ['evt.type=execve and not proc.name in (foo, bar) or evt.type in (open, connect)', false],
      ['evt.type in (execve, open)', false],
      ['evt.type in (execve, open) and proc.name=foo or evt.type=connect', false],
      ['evt.type in (execve, open) and proc.name!=foo or evt.type=connect', false],
      ['evt.type in (execve, open) or evt.type!=connect', true],
      ['not evt.type in (execve, open)', true],
      ['not evt.type in (execve, open) or evt.type=connect', true],
      ['proc.name!=foo and evt.type=execve', false],
      ['proc.name!=foo and evt.type in (execve, open)', false],
      ['not proc.name=foo and evt.type=execve', false],
      ['not proc.name=foo and evt.type in (execve, open)', false],
      ['evt.type=open or evt.type=open', false],
      ['evt.type in (open, open)', false],
      ['evt.type in (open) or evt.type in (open, open)', false],
      ['evt.type=open or evt.type in (open, open)', false],
    ] as const
  ).map(
    ([condition, warns]): LoadCase => ({
      name: `${condition}: ${warns ? 'tried on too many events' : 'no warning'}`,
      files: rule(condition),
      ok: true,
      ...(warns ? { warnings: ["LOAD_NO_EVTTYPE rule 'base'"] } : { warnings: [] }),
    }),
  ),
  {
    name: 'warn_evttypes: false is obeyed',
    files: rule('proc.name = cat', '  warn_evttypes: false\n'),
    ok: true,
    warnings: [],
  },
])
