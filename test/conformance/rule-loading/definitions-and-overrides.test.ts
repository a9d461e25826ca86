import { testLoadCases } from './load-case.ts'

// Order of definitions, `append`, `override` and `enabled`: what may change what, and when.

const OPEN = 'output: user=%user.name command=%proc.cmdline file=%fd.name\n  priority: INFO'
const closeRule = `
- rule: base
  desc: first text
  condition: evt.type = close
  ${OPEN}
`
const disabledRule = `${closeRule}  enabled: false
`
const macroUser = `
- rule: user
  desc: uses the macro
  condition: opens
  output: command=%proc.cmdline
  priority: INFO
`
const listUser = `
- rule: user
  desc: uses the list
  condition: evt.type = execve and proc.name in (tools)
  output: command=%proc.cmdline
  priority: INFO
`
const macro = (condition: string, extra = ''): string => `
- macro: opens
  condition: ${condition}
${extra}`
const list = (items: string, extra = ''): string => `
- list: tools
  items: ${items}
${extra}`

testLoadCases([
  {
    name: 'an override that appends to a list reaches rules before it',
    files: `
- list: shells
  items: [ash, bash, csh, ksh, sh, tcsh, zsh, dash]
- rule: shell opens
  desc: d
  condition: evt.type=open and proc.name in (shells)
  ${OPEN}
- list: shells
  items: [pwsh]
  override:
    items: append
`,
    ok: true,
    schema: 'ok',
    compiled: {
      'shell opens': '(evt.type = open and proc.name in (ash, bash, csh, ksh, sh, tcsh, zsh, dash, pwsh))',
    },
  },
  {
    name: 'text appended to a macro joins its condition, which stays one operand of the rule',
    files: `
- macro: interactive
  condition: >
    ((proc.aname=sshd and proc.name != sshd) or
    proc.name=systemd-logind or proc.name=login)
- rule: r
  desc: d
  condition: evt.type=open and interactive
  ${OPEN}
- macro: interactive
  condition: or proc.name = ssh
  override:
    condition: append
`,
    ok: true,
    schema: 'ok',
    compiled: {
      r: '(evt.type = open and (((proc.aname = sshd and proc.name != sshd) or proc.name = systemd-logind or proc.name = login) or proc.name = ssh))',
    },
  },
  {
    name: 'desc, condition and output are appended with a blank between, and nothing is deprecated',
    files: `
- rule: base
  desc: first text
  condition: evt.type=open
  ${OPEN}
- rule: base
  desc: more text
  condition: and proc.name = cat
  output: proc=%proc.name
  override:
    desc: append
    condition: append
    output: append
`,
    ok: true,
    schema: 'ok',
    absent: ['LOAD_DEPRECATED_ITEM'],
    described: {
      base: {
        condition: 'evt.type=open and proc.name = cat',
        output: 'user=%user.name command=%proc.cmdline file=%fd.name proc=%proc.name',
        description: 'first text more text',
      },
    },
  },
  {
    name: '`append: true` works and is deprecated',
    files: `${closeRule}
- rule: base
  condition: and proc.name = cat
  append: true
`,
    ok: true,
    schema: 'ok',
    warnings: ["LOAD_DEPRECATED_ITEM rule 'base'"],
    compiled: { base: '(evt.type = close and proc.name = cat)' },
  },
  {
    name: 'replaced keys change, others stay',
    files: `
- rule: base
  desc: first text
  condition: evt.type=open
  ${OPEN}
- rule: base
  desc: other text
  condition: evt.type = close
  override:
    desc: replace
    condition: replace
`,
    ok: true,
    schema: 'ok',
    described: {
      base: {
        condition: 'evt.type = close',
        output: 'user=%user.name command=%proc.cmdline file=%fd.name',
        description: 'other text',
      },
    },
  },
  {
    name: 'append and replace in one item',
    files: `${closeRule}
- rule: base
  desc: other text
  condition: and proc.name = cat
  priority: WARNING
  override:
    desc: replace
    condition: append
    priority: replace
`,
    ok: true,
    schema: 'ok',
    described: {
      base: { condition: 'evt.type = close and proc.name = cat', description: 'other text', priority: 'Warning' },
    },
  },
  {
    name: 'a priority cannot be appended to',
    files: `${closeRule}
- rule: base
  desc: x
  condition: and proc.name = cat
  priority: WARNING
  override:
    desc: replace
    condition: append
    priority: append
`,
    ok: false,
    schema: 'ok',
    errors: ["LOAD_ERR_YAML_VALIDATE overrides 'priority'"],
  },
  {
    name: '`append: true` and `override` together are refused',
    files: `${closeRule}
- rule: base
  desc: x
  condition: and proc.name = cat
  append: true
  override:
    desc: replace
    condition: append
`,
    ok: false,
    schema: 'ok',
    errors: ["LOAD_ERR_YAML_VALIDATE rule 'base'"],
    warnings: ['LOAD_DEPRECATED_ITEM'],
  },
  {
    name: 'a macro is appended to before it exists, by override',
    files:
      macro('or evt.type = openat2', '  override: {condition: append}\n') +
      macro('evt.type in (open,openat)') +
      macroUser,
    ok: false,
    schema: 'ok',
    errors: ["LOAD_ERR_VALIDATE macro 'opens'"],
  },
  {
    name: 'a macro is appended to before it exists, by flag',
    files: macro('or evt.type = openat2', '  append: true\n') + macro('evt.type in (open,openat)') + macroUser,
    ok: false,
    schema: 'ok',
    errors: ["LOAD_ERR_VALIDATE macro 'opens'"],
  },
  {
    name: 'a macro that is replaced before it exists is thereby defined, though its text does not parse',
    files:
      macro('or evt.type = openat2', '  override: {condition: replace}\n') +
      macro('evt.type in (open,openat)') +
      macroUser,
    ok: true,
    schema: 'ok',
    compiled: { user: 'evt.type in (open, openat)' },
  },
  {
    name: 'a macro is appended to after it exists, by override',
    files:
      macro('evt.type in (open,openat)') +
      macro('or evt.type = openat2', '  override: {condition: append}\n') +
      macroUser,
    ok: true,
    schema: 'ok',
    compiled: { user: '(evt.type in (open, openat) or evt.type = openat2)' },
  },
  {
    name: 'a macro is appended to after it exists, by flag',
    files: macro('evt.type in (open,openat)') + macro('or evt.type = openat2', '  append: true\n') + macroUser,
    ok: true,
    schema: 'ok',
    warnings: ["LOAD_DEPRECATED_ITEM macro 'opens'"],
    compiled: { user: '(evt.type in (open, openat) or evt.type = openat2)' },
  },
  {
    name: 'a rule is appended to before it exists, by override',
    files: `
- rule: base
  condition: and proc.name = cat
  override: {condition: append}
${closeRule}`,
    ok: false,
    schema: 'ok',
    errors: ["LOAD_ERR_VALIDATE rule 'base'"],
  },
  {
    name: 'a rule is replaced in part before it exists',
    files: `
- rule: base
  condition: and proc.name = cat
  override: {condition: replace}
${closeRule}`,
    ok: false,
    schema: 'ok',
    errors: ["LOAD_ERR_VALIDATE rule 'base'"],
  },
  {
    name: 'a rule is appended to before it exists, by flag',
    files: `
- rule: base
  condition: and proc.name = cat
  append: true
${closeRule}`,
    ok: false,
    schema: 'ok',
    errors: ["LOAD_ERR_VALIDATE rule 'base'"],
  },
  {
    name: 'a rule is appended to after it exists, by override',
    files: `${closeRule}
- rule: base
  condition: and proc.name = cat
  override: {condition: append}
`,
    ok: true,
    schema: 'ok',
    compiled: { base: '(evt.type = close and proc.name = cat)' },
  },
  {
    name: 'a misspelled `override` is passed over, so that the list is defined twice',
    files:
      list('["csi-provisioner", "csi-attacher"]', '  override_written_wrong:\n    items: append\n') +
      list('[blkid]') +
      listUser,
    ok: true,
    schema: 'failed',
    warnings: ["LOAD_UNKNOWN_KEY list 'tools'"],
    compiled: { user: '(evt.type = execve and proc.name in (blkid))' },
  },
  {
    name: 'a list is appended to before it exists, by override',
    files: list('["csi-provisioner", "csi-attacher"]', '  override: {items: append}\n') + list('[blkid]') + listUser,
    ok: false,
    schema: 'ok',
    errors: ["LOAD_ERR_VALIDATE list 'tools'"],
  },
  {
    name: 'a list is appended to before it exists, by flag',
    files: list('["csi-provisioner", "csi-attacher"]', '  append: true\n') + list('[blkid]') + listUser,
    ok: false,
    schema: 'ok',
    errors: ["LOAD_ERR_VALIDATE list 'tools'"],
  },
  {
    name: 'a list that is replaced before it exists is thereby defined',
    files: list('["csi-provisioner", "csi-attacher"]', '  override: {items: replace}\n') + list('[blkid]') + listUser,
    ok: true,
    schema: 'ok',
    compiled: { user: '(evt.type = execve and proc.name in (blkid))' },
  },
  {
    name: 'a list is appended to after it exists, by override',
    files: list('[blkid]') + list('["csi-provisioner", "csi-attacher"]', '  override: {items: append}\n') + listUser,
    ok: true,
    schema: 'ok',
    compiled: { user: '(evt.type = execve and proc.name in (blkid, csi-provisioner, csi-attacher))' },
  },
  {
    name: 'a list is appended to after it exists, by flag',
    files: list('[blkid]') + list('["csi-provisioner", "csi-attacher"]', '  append: true\n') + listUser,
    ok: true,
    schema: 'ok',
    compiled: { user: '(evt.type = execve and proc.name in (blkid, csi-provisioner, csi-attacher))' },
  },
  {
    name: 'what `override` names must be in the item',
    files: `${closeRule}
- rule: base
  desc: x
  override:
    desc: replace
    condition: append
`,
    ok: false,
    schema: 'ok',
    errors: ["LOAD_ERR_YAML_VALIDATE rule 'base'"],
  },
  {
    name: 'what is in the item must be named by `override`',
    files: `${closeRule}
- rule: base
  desc: x
  condition: and proc.name = cat
  priority: WARNING
  override:
    desc: replace
    condition: append
`,
    ok: false,
    schema: 'ok',
    errors: ["LOAD_ERR_YAML_VALIDATE overrides 'priority'"],
  },
  {
    name: '`enabled` is named by `override` and absent',
    files: `${disabledRule}
- rule: base
  desc: x
  condition: and proc.name = cat
  override:
    desc: replace
    condition: append
    enabled: replace
`,
    ok: false,
    schema: 'ok',
    errors: ['LOAD_ERR_YAML_VALIDATE'],
  },
  {
    name: '`enabled` is replaced',
    files: `${disabledRule}
- rule: base
  desc: x
  condition: and proc.name = cat
  enabled: true
  override:
    desc: replace
    condition: append
    enabled: replace
`,
    ok: true,
    schema: 'ok',
    warnings: [],
    enabled: 1,
  },
  { name: 'a rule that is off', files: disabledRule, ok: true, schema: 'ok', warnings: [], enabled: 0 },
  {
    name: '`enabled` alone switches a rule on, and is deprecated',
    files: `${disabledRule}
- rule: base
  enabled: true
`,
    ok: true,
    schema: 'ok',
    warnings: ["LOAD_DEPRECATED_ITEM rule 'base'"],
    enabled: 1,
  },
  {
    name: '`enabled` alone switches a rule off',
    files: `${closeRule}
- rule: base
  enabled: false
`,
    ok: true,
    enabled: 0,
  },
  {
    name: '`enabled` beside `append: true` has no effect',
    files: `${disabledRule}
- rule: base
  condition: and proc.name = cat
  append: true
  enabled: true
`,
    ok: true,
    schema: 'ok',
    enabled: 0,
  },
  {
    name: '`enabled` for a rule that is not there',
    files: '- rule: nobody\n  enabled: true\n',
    ok: false,
    errors: ["LOAD_ERR_VALIDATE rule 'nobody'"],
  },
  {
    name: 'a rule of the same name takes the place of the first',
    files: `${disabledRule}
- rule: base
  desc: other text
  condition: proc.name = cat
  output: x
  priority: WARNING
  enabled: true
`,
    ok: true,
    schema: 'ok',
    enabled: 1,
    compiled: { base: 'proc.name = cat' },
  },
  {
    name: 'exceptions may be partial where they are appended, not where they are replaced',
    files: `
- rule: base
  desc: d
  condition: evt.type = close
  output: x
  priority: INFO
  exceptions:
    - name: known
      fields: proc.name
      comps: in
      values: ["cat"]
- rule: base
  exceptions:
    - name: known
      values: [echo]
  override:
    exceptions: append
- rule: base
  exceptions:
    - name: known
      values: [id]
  override:
    exceptions: replace
`,
    ok: false,
    schema: 'ok',
    warnings: [],
    errors: ["LOAD_ERR_YAML_VALIDATE exception 'known'"],
  },
  {
    name: 'warn_evttypes is replaced',
    files: `${closeRule}  warn_evttypes: true
- rule: base
  warn_evttypes: false
  override: {warn_evttypes: replace}
`,
    ok: true,
    schema: 'ok',
  },
  {
    name: 'tags are replaced',
    files: `${closeRule}  tags: [filesystem]
- rule: base
  tags: [network]
  override: {tags: replace}
`,
    ok: true,
    schema: 'ok',
    described: { base: { tags: ['network'] } },
  },
  {
    name: 'tags are appended, each once',
    files: `${closeRule}  tags: [filesystem, b]
- rule: base
  tags: [network, b]
  override: {tags: append}
`,
    ok: true,
    described: { base: { tags: ['b', 'filesystem', 'network'] } },
  },
  {
    name: 'capture is replaced',
    files: `${closeRule}
- rule: base
  capture: true
  override: {capture: replace}
`,
    ok: true,
    schema: 'ok',
  },
  {
    name: 'capture_duration is replaced',
    files: `${closeRule}  capture: true
  capture_duration: 5000
- rule: base
  capture_duration: 15000
  override: {capture_duration: replace}
`,
    ok: true,
    schema: 'ok',
  },
  {
    name: 'capture_duration takes a number',
    files: `${closeRule}  capture_duration: "not_a_number"
`,
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE value for'],
  },
  {
    name: '`yes` is a boolean to the loader and none to the schema',
    files: `${closeRule}  capture: "yes"
`,
    ok: true,
    schema: 'failed',
  },
  {
    name: 'an unknown operation under `override`',
    files: `${closeRule}
- rule: base
  desc: x
  override: {desc: overwrite}
`,
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE overrides', "LOAD_ERR_YAML_VALIDATE rule 'base'"],
  },
  {
    name: 'a key that cannot be overridden',
    files: `${closeRule}
- rule: base
  source: syscall
  override: {source: replace}
`,
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE overrides'],
  },
  {
    name: 'a macro can only override its condition',
    files: macro('evt.type = open', '  override: {items: append}\n') + macroUser,
    ok: false,
    errors: ['LOAD_ERR_YAML_VALIDATE overrides', "LOAD_ERR_YAML_VALIDATE macro 'opens'"],
  },
  {
    name: 'an empty `override` makes the item a definition',
    files: `${closeRule}
- rule: base
  desc: again
  condition: evt.type = open
  output: x
  priority: INFO
  override: {}
`,
    ok: true,
    compiled: { base: 'evt.type = open' },
  },
  {
    name: 'appending nothing is refused',
    files: `${closeRule}
- rule: base
  append: true
`,
    ok: false,
    errors: ["LOAD_ERR_VALIDATE rule 'base'"],
  },
  {
    name: 'appending only what cannot be appended by flag is refused',
    files: `${closeRule}
- rule: base
  output: more
  append: true
`,
    ok: false,
    errors: ["LOAD_ERR_VALIDATE rule 'base'"],
  },
])
