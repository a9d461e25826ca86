import { type LoadCase, testLoadCases } from './load-case.ts'

// `exceptions`: which fields, comps and values fit together, what they become, and how they are appended to.

const withExceptions = (exceptions: string, rest = ''): string => `
- rule: base
  desc: d
  condition: evt.type = open
  output: command=%proc.cmdline
  priority: INFO
  exceptions:
${exceptions}
${rest}`

const one = (fields: string, comps: string | undefined, values: string): string =>
  withExceptions(
    `    - name: ex\n      fields: ${fields}\n${comps === undefined ? '' : `      comps: ${comps}\n`}      values:\n        - ${values}`,
  )

/** The exception becomes `compiled` behind `evt.type = open and not`. */
function becomes(name: string, fields: string, comps: string | undefined, values: string, compiled: string): LoadCase {
  return {
    name,
    files: one(fields, comps, values),
    ok: true,
    schema: 'ok',
    compiled: { base: `(evt.type = open and not ${compiled})` },
  }
}

function refused(name: string, fields: string, comps: string | undefined, values: string): LoadCase {
  return { name, files: one(fields, comps, values), ok: false, errors: ["LOAD_ERR_VALIDATE exception 'ex'"] }
}

const three = `
- rule: base
  desc: d
  condition: evt.type=open and proc.name=cat
  output: "An open was seen (command=%proc.cmdline)"
  exceptions:
    - name: proc_name
      fields: [proc.name]
    - name: proc_name_contains
      fields: [proc.name]
      comps: [contains]
    - name: proc_name_cmdline
      fields: [proc.name, proc.cmdline]
    - name: proc_name_cmdline_pname
      fields: [proc.name, proc.cmdline, proc.pname]
  priority: WARNING
`
const plain = `
- rule: base
  desc: d
  condition: evt.type=open and proc.name=cat
  output: x
  priority: WARNING
`
const appended = (exceptions: string): string => `
- rule: base
  exceptions:
${exceptions}
  append: true
`
const both = 'evt.type = open and proc.name = cat'

testLoadCases([
  becomes(
    'a value with a blank is quoted',
    '[proc.cmdline]',
    '[contains]',
    '[curl 127.0.0.1]',
    'proc.cmdline contains "curl 127.0.0.1"',
  ),
  {
    name: 'the rule’s own condition stays one operand',
    files: `
- rule: base
  desc: d
  condition: proc.cmdline contains curl or proc.cmdline contains wget
  output: command=%proc.cmdline
  priority: INFO
  exceptions:
    - name: ex
      fields: [proc.cmdline]
      comps: [contains]
      values:
        - [curl 127.0.0.1]
`,
    ok: true,
    schema: 'ok',
    compiled: {
      base: '((proc.cmdline contains curl or proc.cmdline contains wget) and not proc.cmdline contains "curl 127.0.0.1")',
    },
  },
  {
    ...becomes(
      'a field as value is text, with a warning',
      '[proc.name]',
      '[=]',
      '[proc.pname]',
      'proc.name = proc.pname',
    ),
    warnings: ["LOAD_COMPILE_CONDITION rule 'base'"],
  },
  {
    ...becomes(
      'quotes of YAML change nothing about that',
      '[proc.name]',
      '[=]',
      '["proc.pname"]',
      'proc.name = proc.pname',
    ),
    warnings: ['LOAD_COMPILE_CONDITION'],
  },
  {
    ...becomes('nor does a blank', '[proc.name]', '[=]', '["proc.pname "]', 'proc.name = "proc.pname "'),
    warnings: ['LOAD_COMPILE_CONDITION'],
  },
  becomes(
    'a transformer as value is applied',
    '[proc.name]',
    '[=]',
    '[toupper(proc.pname)]',
    'proc.name = toupper(proc.pname)',
  ),
  becomes('also in quotes of YAML', '[proc.name]', '[=]', '["toupper(proc.pname)"]', 'proc.name = toupper(proc.pname)'),
  {
    ...becomes(
      'with a blank inside it is text, with a warning',
      '[proc.name]',
      '[=]',
      '[toupper( proc.pname)]',
      'proc.name = "toupper( proc.pname)"',
    ),
    warnings: ['LOAD_COMPILE_CONDITION'],
  },
  {
    ...becomes(
      'with a blank inside, in quotes of YAML',
      '[proc.name]',
      '[=]',
      '["toupper( proc.pname)"]',
      'proc.name = "toupper( proc.pname)"',
    ),
    warnings: ['LOAD_COMPILE_CONDITION'],
  },
  {
    ...becomes('a transformer as field', '[tolower(proc.name)]', '[=]', '[test]', 'tolower(proc.name) = test'),
    warnings: [],
  },
  {
    ...becomes('a quoted transformer as field', '["tolower(proc.name)"]', '[=]', '[test]', 'tolower(proc.name) = test'),
    warnings: [],
  },
  {
    ...becomes(
      'a transformer as field, with a blank',
      '["tolower( proc.name)"]',
      '[=]',
      '[test]',
      'tolower(proc.name) = test',
    ),
    warnings: [],
  },

  // Modifiers as comps
  becomes(
    'startswith oneof',
    '[proc.name]',
    '[startswith oneof]',
    '[[sshd, sudo, systemd]]',
    'proc.name startswith oneof (sshd, sudo, systemd)',
  ),
  becomes(
    'contains allof',
    '[proc.cmdline]',
    '[contains allof]',
    '[[curl, bash]]',
    'proc.cmdline contains allof (curl, bash)',
  ),
  becomes(
    'endswith anyof',
    '[fd.name]',
    '[endswith anyof]',
    '[[.sh, .py, .pl]]',
    'fd.name endswith anyof (.sh, .py, .pl)',
  ),
  becomes(
    '= oneof',
    '[proc.name]',
    '[= oneof]',
    '[[nmap, masscan, nikto]]',
    'proc.name = oneof (nmap, masscan, nikto)',
  ),
  becomes(
    'a single value of a modifier gets parentheses',
    '[proc.name]',
    '[startswith oneof]',
    '[sshd]',
    'proc.name startswith oneof (sshd)',
  ),
  becomes(
    'a modifier beside a plain operator',
    '[proc.name, fd.name]',
    '[startswith oneof, startswith]',
    '[[sshd, sudo], /etc/]',
    '(proc.name startswith oneof (sshd, sudo) and fd.name startswith /etc/)',
  ),
  becomes(
    'blanks around comps do not matter',
    '[proc.name, fd.name]',
    '["  contains  ", "  startswith anyof  "]',
    '[agent, [/etc/, /var/]]',
    '(proc.name contains agent and fd.name startswith anyof (/etc/, /var/))',
  ),
  becomes(
    'three plain operators',
    '[proc.name, fd.name, proc.exepath]',
    '[contains, startswith, =]',
    '[agent, /var/log/, /usr/bin/prometheus]',
    '(proc.name contains agent and fd.name startswith /var/log/ and proc.exepath = /usr/bin/prometheus)',
  ),
  ...[
    ['glob oneof', '[fd.name]', '[glob oneof]', '[["/tmp/*.sh", "/tmp/*.py", "/dev/shm/*.sh"]]'],
    ['icontains oneof', '[proc.cmdline]', '[icontains oneof]', '[[MONITOR, HEALTHCHECK, PROBE]]'],
    ['regex oneof', '[proc.name]', '[regex oneof]', '[["research[0-9]+", "pentest-[0-9]{2,4}"]]'],
    [
      'two modifiers',
      '[proc.exepath, fd.name]',
      '[endswith anyof, glob oneof]',
      '[[/dpkg, /rpm, /pip], ["/tmp/*.deb", "/tmp/*.rpm"]]',
    ],
  ].map(
    ([name, fields, comps, values]): LoadCase => ({
      name: name!,
      files: one(fields!, comps, values!),
      ok: true,
      schema: 'ok',
    }),
  ),
  refused('a modifier behind an unknown operator', '[proc.name]', '[frobulate oneof]', '[[bash]]'),
  refused('a modifier behind an unknown operator, single field', 'proc.name', 'frobulate oneof', 'bash'),
  refused('`in` takes no modifier', '[proc.name]', '[in oneof]', '[[bash]]'),
  refused('`>=` takes no modifier', '[proc.pid]', '[">= oneof"]', '[[1000]]'),
  refused('a modifier alone is no operator', '[proc.name]', '[oneof]', '[[bash]]'),
  {
    name: 'several exceptions follow one another',
    files: withExceptions(`    - name: one
      fields: [proc.name]
      comps: [startswith oneof]
      values:
        - [[ssh, su]]
    - name: any
      fields: [proc.name]
      comps: [startswith anyof]
      values:
        - [[ssh, su]]
    - name: all
      fields: [proc.cmdline]
      comps: [contains allof]
      values:
        - [[curl, ci.internal]]`),
    ok: true,
    schema: 'ok',
    compiled: {
      base: '(evt.type = open and not proc.name startswith oneof (ssh, su) and not proc.name startswith anyof (ssh, su) and not proc.cmdline contains allof (curl, ci.internal))',
    },
  },
  {
    name: 'single fields take `in`, `pmatch` and `intersects`',
    files: withExceptions(`    - name: a
      fields: proc.name
      comps: in
      values: [cat, grep]
    - name: b
      fields: proc.exepath
      comps: pmatch
      values: [/usr/bin/, /usr/local/bin/]
    - name: c
      fields: proc.name
      comps: intersects
      values: [x]`),
    ok: true,
    schema: 'ok',
    compiled: {
      base: '(evt.type = open and not proc.name in (cat, grep) and not proc.exepath pmatch (/usr/bin/, /usr/local/bin/) and not proc.name intersects (x))',
    },
  },
  refused('a single field takes no `=`', 'proc.name', '=', 'cat'),
  refused('a single field takes no list of comps', 'proc.name', '[in]', 'cat'),
  refused('values of a single field are no lists', 'proc.name', 'in', '[cat]'),
  {
    name: 'two exceptions of one name',
    files: withExceptions(`    - name: ex
      fields: [proc.cmdline]
      comps: [contains]
      values:
        - [curl 127.0.0.1]
    - name: ex
      fields: [proc.cmdline]
      comps: [endswith]
      values:
        - [curl 127.0.0.1]`),
    ok: true,
    schema: 'ok',
    warnings: ["LOAD_EXCEPTION_NAME_NOT_UNIQUE exception 'ex'"],
  },
  ...['  append: true', '  override: {exceptions: append}'].map(
    (how): LoadCase => ({
      name: `no values where an exception is changed (${how.trim()})`,
      files: withExceptions(
        `    - name: ex
      fields: [proc.cmdline]
      comps: [contains]
      values:
        - [curl 127.0.0.1]`,
        `- rule: base
  exceptions:
    - name: ex
      value: curl 1.1.1.1
${how}
`,
      ),
      ok: true,
      schema: 'failed',
      warnings: ["LOAD_APPEND_NO_VALUES exception 'ex'"],
    }),
  ),

  // Structure
  {
    name: 'a tuple has a value for each field',
    files: one('[proc.name, fd.filename]', undefined, '[nginx]'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE exception 'ex'"],
  },
  {
    name: 'an appended tuple has a value for each field',
    files: `${three}${appended('    - name: proc_name_cmdline\n      values:\n        - [nginx]')}`,
    ok: false,
    errors: ["LOAD_ERR_VALIDATE exception 'proc_name_cmdline'"],
  },
  {
    name: 'a value that is no tuple',
    files: one('[proc.name, fd.filename]', undefined, 'nginx'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE exception 'ex'"],
  },
  {
    name: 'as many comps as fields',
    files: withExceptions('    - name: ex\n      fields: [proc.name, fd.filename]\n      comps: [=]'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE exception 'ex'"],
  },
  {
    name: 'an unknown operator',
    files: withExceptions('    - name: ex\n      fields: [proc.name, fd.filename]\n      comps: [=, no-comp]'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE exception 'ex'"],
  },
  {
    name: 'an unknown field',
    files: withExceptions('    - name: ex\n      fields: [not.exist]'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE exception 'ex'"],
  },
  {
    name: 'no fields',
    files: withExceptions('    - name: ex'),
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE exception 'ex'"],
  },
  {
    name: 'no name',
    files: withExceptions('    - fields: [proc.name, fd.filename]'),
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE exception'],
  },
  {
    name: 'no name where it is appended to',
    files: three + appended('    - values:\n        - [nginx, /tmp/foo]'),
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE exception'],
  },
  {
    name: 'an exception that the rule has not, appended without fields',
    files: three + appended('    - name: other\n      values:\n        - [apache, /tmp]'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE exception 'other'"],
  },
  {
    name: 'a rule without exceptions, one appended without fields',
    files: plain + appended('    - name: ex\n      comps: in\n      values:\n        - "cat /dev/null"'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE exception 'ex'"],
  },
  {
    name: 'a rule without exceptions, one appended without values',
    files: plain + appended('    - name: ex\n      fields: [proc.name]'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE exception 'ex'"],
  },
  {
    name: 'fields are not given again',
    files: three + appended('    - name: proc_name\n      fields: [proc.name]\n      values: [[x]]'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE exception 'proc_name'"],
  },
  {
    name: 'comps are not given again',
    files: three + appended('    - name: proc_name\n      comps: [=]\n      values: [[x]]'),
    ok: false,
    errors: ["LOAD_ERR_VALIDATE exception 'proc_name'"],
  },
  { name: 'exceptions without values change nothing', files: three, ok: true, compiled: { base: `(${both})` } },
  {
    name: 'one appended value',
    files: three + appended('    - name: proc_name_contains\n      values:\n        - [cat]'),
    ok: true,
    compiled: { base: `((${both}) and not proc.name contains cat)` },
  },
  {
    name: 'values appended twice',
    files:
      three +
      appended('    - name: proc_name\n      values:\n        - [not-cat]') +
      appended('    - name: proc_name\n      values:\n        - [cat]'),
    ok: true,
    compiled: { base: `((${both}) and not (proc.name = not-cat or proc.name = cat))` },
  },
  {
    name: 'values appended to three exceptions',
    files:
      three +
      appended(`    - name: proc_name
      values:
        - [not-cat]
    - name: proc_name_cmdline
      values:
        - [cat, "cat /dev/null"]
    - name: proc_name_cmdline_pname
      values:
        - [not-cat, "cat /dev/null", bash]`),
    ok: true,
    compiled: {
      base: `((${both}) and not proc.name = not-cat and not (proc.name = cat and proc.cmdline = "cat /dev/null") and not (proc.name = not-cat and proc.cmdline = "cat /dev/null" and proc.pname = bash))`,
    },
  },
  {
    name: 'a value in quotes of its own',
    files:
      three +
      appended(`    - name: proc_name_cmdline
      values:
        - [not-cat, not-cat]
        - [cat, '"cat /dev/null"']`),
    ok: true,
    compiled: {
      base: `((${both}) and not ((proc.name = not-cat and proc.cmdline = not-cat) or (proc.name = cat and proc.cmdline = "cat /dev/null")))`,
    },
  },
  {
    name: 'a new exception of a single field, appended',
    files:
      plain +
      appended('    - name: ex\n      fields: proc.cmdline\n      comps: in\n      values:\n        - "cat /dev/null"'),
    ok: true,
    compiled: { base: `((${both}) and not proc.cmdline in ("cat /dev/null"))` },
  },
  {
    name: 'a list as value',
    files: one('[proc.name, proc.cmdline]', '[=, in]', '[cat, [cat /dev/zero, "cat /dev/null"]]'),
    ok: true,
    compiled: {
      base: '(evt.type = open and not (proc.name = cat and proc.cmdline in ("cat /dev/zero", "cat /dev/null")))',
    },
  },
  ...['(cat_cmdlines)', 'cat_cmdlines'].map(
    (value): LoadCase => ({
      name: `the name of a list as value: ${value}`,
      files: `- list: cat_cmdlines\n  items: [cat /dev/zero, "cat /dev/null"]\n${one('[proc.name, proc.cmdline]', '[=, in]', `[cat, ${value}]`)}`,
      ok: true,
      warnings: [],
      compiled: {
        base: '(evt.type = open and not (proc.name = cat and proc.cmdline in ("cat /dev/zero", "cat /dev/null")))',
      },
    }),
  ),
  { name: 'exceptions that are null', files: withExceptions('').replace(/exceptions:\n\n/, 'exceptions:\n'), ok: true },
  {
    name: 'exceptions that are no list',
    files: withExceptions('    name: ex\n    fields: [proc.name]'),
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE exceptions'],
  },
  {
    name: 'an exception that is no mapping',
    files: withExceptions('    - ex'),
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE exception'],
  },
  {
    name: 'values that are no list',
    files: withExceptions('    - name: ex\n      fields: [proc.name]\n      values: x'),
    ok: false,
    errors: ["LOAD_ERR_YAML_VALIDATE exception 'ex'"],
  },
  {
    name: 'a field of an unknown source is not looked up',
    files: `
- rule: cloud
  desc: d
  condition: evt.num > 0 and ct.name="StartInstances"
  output: x (id=%ct.id user name=%json.value[/userIdentity/userName])
  exceptions:
  - name: who
    fields: [aws.user, aws.region]
  priority: INFO
  source: aws_cloudtrail
`,
    ok: true,
    warnings: ["LOAD_UNKNOWN_SOURCE rule 'cloud'"],
  },
])
