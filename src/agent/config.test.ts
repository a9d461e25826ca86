// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are variables of a configuration
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { type Config, readConfig } from './config.ts'
import { parseInterval } from './parse-interval.ts'
import { emptyMap, parseConfigYaml } from './config-node.ts'
import { cpuMs } from '../values/testing.ts'

interface Read {
  readonly config: Config
  readonly findings: readonly Diagnostic[]
}

function read(text: string, env: Record<string, string> = {}): Read {
  const findings: Diagnostic[] = []
  const source = { path: 'c.yaml', text }
  const node = parseConfigYaml(source, findings, { env })
  const root = node?.kind === 'map' ? node : emptyMap({ source, span: { start: 0, end: 0 } })
  return { config: readConfig(root, { env, hostname: 'host' }, findings), findings }
}

const on = 'stdout_output: {enabled: true}\n'

test('every key of Falco, and our own, is known', () => {
  const { findings } = read(readFileSync(new URL('./testdata/all-keys.yaml', import.meta.url), 'utf8'))
  assert.deepEqual(findings, [])
})

// biome-ignore format: rows
const cases: readonly {
  readonly name: string
  readonly yaml: string
  readonly env?: Record<string, string>
  readonly get: (config: Config) => unknown
  readonly want: unknown
}[] = [
  { name: 'truth in all its spellings', yaml: 'json_output: Yes', get: c => c.jsonOutput, want: true },
  { name: 'truth in quotes', yaml: 'json_output: "ON"', get: c => c.jsonOutput, want: true },
  { name: 'an empty key has its default', yaml: 'watch_config_files:', get: c => c.watchConfigFiles, want: true },
  { name: 'a variable has the type that is asked for', yaml: 'json_output: ${J}', env: { J: 'true' }, get: c => c.jsonOutput, want: true },
  { name: 'a variable that is not set leaves the default', yaml: 'output_timeout: ${T}', get: c => c.outputs.limits.timeoutMs, want: 2000 },
  { name: 'a number from a variable', yaml: 'output_timeout: ${T}', env: { T: '12' }, get: c => c.outputs.limits.timeoutMs, want: 12 },
  { name: 'hexadecimal and octal numbers', yaml: 'falco_libs: {snaplen: 0x50, thread_table_size: 010}', get: c => [c.snaplen, c.threadTable.size], want: [80, 8] },
  { name: 'priority in any case', yaml: 'priority: WARNING', get: c => c.minPriority, want: 4 },
  { name: 'info is informational', yaml: 'priority: Info', get: c => c.minPriority, want: 6 },
  { name: 'informational too', yaml: 'priority: informational', get: c => c.minPriority, want: 6 },
  { name: 'all rules that match', yaml: 'rule_matching: all', get: c => c.ruleMatching, want: 'all' },
  { name: 'a queue of 0 has the default bound, not none', yaml: 'outputs_queue: {capacity: 0}', get: c => c.outputs.limits.capacity, want: 10_000 },
  { name: 'a queue of another size', yaml: 'outputs_queue: {capacity: 5}', get: c => c.outputs.limits.capacity, want: 5 },
  { name: 'the old name of rules_files, a single text', yaml: 'rules_file: a.yaml', get: c => c.rulesFiles, want: ['a.yaml'] },
  {
    name: 'rules are enabled and disabled in order',
    yaml: "rules:\n- enable: {rule: 'Terminal Shell in Container'}\n- disable: {tag: experimental}\n- enable: {rule: 'hello*'}",
    get: c => c.ruleSelection,
    want: [
      { enable: true, rule: 'Terminal Shell in Container', tag: '' },
      { enable: false, rule: '', tag: 'experimental' },
      { enable: true, rule: 'hello*', tag: '' },
    ],
  },
  {
    name: 'append_output with all it can have',
    yaml:
      'append_output:\n- match: {source: syscall, tags: [persistence]}\n  extra_output: "x=%proc.aname[2]"\n  suggested_output: true\n' +
      '- match: {source: k8s_audit}\n  extra_fields: [ka.verb, static_field: "static content", "proc.aname[2]": "%proc.aname[2]"]',
    get: c => c.appendOutput,
    want: [
      { source: 'syscall', rule: '', tags: ['persistence'], extraOutput: 'x=%proc.aname[2]', extraFields: [], suggestedOutput: true },
      {
        source: 'k8s_audit',
        rule: '',
        tags: [],
        extraOutput: '',
        extraFields: [
          { kind: 'raw', key: 'ka.verb' },
          { kind: 'formatted', key: 'static_field', format: 'static content' },
          { kind: 'formatted', key: 'proc.aname[2]', format: '%proc.aname[2]' },
        ],
        suggestedOutput: false,
      },
    ],
  },
  { name: 'static fields', yaml: 'static_fields: {a: b, c: 1}', get: c => [...c.staticFields], want: [['a', 'b'], ['c', '1']] },
  { name: 'the file output', yaml: 'file_output: {enabled: true, filename: f, keep_alive: true}', get: c => c.outputs.file, want: { filename: 'f', keepAlive: true } },
  { name: 'an output that is off', yaml: 'file_output: {enabled: false, filename: f}', get: c => c.outputs.file, want: undefined },
  { name: 'the program output', yaml: "program_output: {enabled: true, program: \"jq '{a: .b}'\"}", get: c => c.outputs.program, want: { program: "jq '{a: .b}'", keepAlive: false } },
  { name: 'the address of a server in quotes', yaml: `http_output: {enabled: true, url: '"http://h:1/x"'}`, get: c => c.outputs.http?.url, want: 'http://h:1/x' },
  { name: 'defaults of the http output', yaml: 'http_output: {enabled: true, url: "http://h"}', get: c => [c.outputs.http?.userAgent, c.outputs.http?.caPath, c.outputs.http?.maxConsecutiveTimeouts, c.outputs.http?.timeoutMs], want: ['falcosecurity/falco', '/etc/ssl/certs', 5, 10_000] },
  { name: 'syslog with our name in it', yaml: 'syslog_output: {enabled: true}\ntiercel: {syslog_ident: falco}', get: c => c.outputs.syslog, want: { ident: 'falco', socketPath: '/dev/log' } },
  { name: 'a replay by configuration', yaml: 'engine: {kind: replay, replay: {capture_file: a.scap}}', get: c => [c.engine.kind, c.engine.captureFile], want: ['replay', 'a.scap'] },
  { name: 'drops without actions are ignored', yaml: 'syscall_event_drops: {actions: []}', get: c => c.eventDrops.actions, want: ['ignore'] },
  { name: 'actions on drops', yaml: 'syscall_event_drops: {actions: [log, alert, log]}', get: c => c.eventDrops.actions, want: ['log', 'alert'] },
  { name: 'the host has its name', yaml: '', get: c => c.format.hostname, want: 'host' },
  { name: 'FALCO_HOSTNAME stands for it', yaml: '', env: { FALCO_HOSTNAME: 'node-7' }, get: c => c.format.hostname, want: 'node-7' },
  { name: 'an alias is what it stands for', yaml: 'rules_files: &r [a, b]\nbase_syscalls: {custom_set: *r}', get: c => [c.rulesFiles, c.baseSyscalls.customSet], want: [['a', 'b'], ['a', 'b']] },
  { name: 'where names are kept: nowhere, unless a service manager or the configuration says where', yaml: '', get: c => [c.domains.stateFile, c.domains.saveIntervalMs], want: ['', 60_000] },
  { name: 'how long verdicts wait for names', yaml: 'domains: {wait_for_name_ms: 200}', get: c => c.domains.waitForNameMs, want: 200 },
  { name: 'where names are kept', yaml: 'domains: {state_file: /x/names.jsonl, save_interval_s: 5}', get: c => [c.domains.stateFile, c.domains.saveIntervalMs], want: ['/x/names.jsonl', 5000] },
  { name: 'servers of names', yaml: 'domains: {servers: [1.1.1.1, "[::1]:53", "::1"]}', get: c => c.domains.servers, want: ['1.1.1.1', '[::1]:53', '::1'] },
  { name: 'lists of names', yaml: 'domains: {lists: [{name: threats, file: t.txt}, {name: own-zone, url: "https://h/z", format: rpz, match: subdomains, refresh: 30m}]}', get: c => c.domains.lists, want: [{ name: 'threats', file: 't.txt', url: '', format: 'auto', match: 'exact', refreshMs: 3_600_000 }, { name: 'own-zone', file: '', url: 'https://h/z', format: 'rpz', match: 'subdomains', refreshMs: 1_800_000 }] },
  { name: 'an IPv6 address to listen at', yaml: 'webserver: {listen_address: "1200::AB00:1234:0000:2552:7777:1313"}', get: c => c.webserver.listenAddress, want: '1200::AB00:1234:0000:2552:7777:1313' },
]

for (const c of cases) {
  test(`configuration: ${c.name}`, () => {
    const { config, findings } = read(`${on}${c.yaml}\n`, c.env)
    assert.deepEqual(
      findings.filter(one => one.severity === 'error'),
      [],
    )
    assert.deepEqual(c.get(config), c.want)
  })
}

// biome-ignore format: rows
const mistakes: readonly {
  readonly name: string
  readonly yaml: string
  /** `code text: message`: what the caret is under, and as much of the message as matters. */
  readonly want: readonly string[]
  readonly help?: string
}[] = [
  { name: 'an unknown key with its neighbour', yaml: 'jsn_output: true', want: ['W0301 jsn_output: unknown key `jsn_output`'], help: 'did you mean `json_output`?' },
  { name: 'an unknown key in a section', yaml: 'falco_libs: {thread_table_sizeee: 50}', want: ['W0301 thread_table_sizeee: unknown key `thread_table_sizeee` in `falco_libs`'], help: 'did you mean `thread_table_size`?' },
  { name: 'an unknown key in a list', yaml: 'rules: [{disable: {tag: a, rulee: b}}]', want: ['W0301 rulee: unknown key `rulee` in `rules[0].disable`'], help: 'did you mean `rule`?' },
  { name: 'a value where a map belongs', yaml: 'falco_libs: 512', want: ['E0303 512: `falco_libs` must be a map, not a single value'] },
  { name: 'a list where a value belongs', yaml: 'json_output: [true]', want: ['E0303 [true]: `json_output` must be true or false, not a list'] },
  { name: 'a word where truth belongs', yaml: 'json_output: maybe', want: ['E0303 maybe: `json_output` must be true or false, not `maybe`'] },
  { name: 'a word where a number belongs', yaml: 'output_timeout: 2s', want: ['E0303 2s: `output_timeout` must be a whole number, not `2s`'] },
  { name: 'a number out of range', yaml: 'syscall_event_drops: {threshold: 1.5}', want: ['E0304 1.5: `syscall_event_drops.threshold` cannot be `1.5`'] },
  { name: 'a negative number', yaml: 'output_timeout: -1', want: ['E0304 -1: `output_timeout` cannot be `-1`'] },
  { name: 'no timeouts at all', yaml: 'syscall_event_timeouts: {max_consecutives: 0}', want: ['E0304 0: `syscall_event_timeouts.max_consecutives` cannot be `0`'] },
  { name: 'a priority that is none', yaml: 'priority: warn', want: ['E0304 warn: `priority` cannot be `warn`'] },
  { name: 'a misspelt word', yaml: 'rule_matching: frist', want: ['E0304 frist: `rule_matching` cannot be `frist`'], help: 'did you mean `first`?' },
  { name: 'a file output without a file', yaml: 'file_output: {enabled: true}', want: ['E0305 true: `file_output.filename` is missing'] },
  { name: 'a program output without a program', yaml: 'program_output: {enabled: true, program: ""}', want: ['E0305 true: `program_output.program` is missing'] },
  { name: 'an http output without an address', yaml: 'http_output: {enabled: true}', want: ['E0305 true: `http_output.url` is missing'] },
  { name: 'an address that is none', yaml: 'http_output: {enabled: true, url: "ftp://h"}', want: ['E0304 "ftp://h": `http_output.url` cannot be `ftp://h`'] },
  { name: 'a replay without a capture', yaml: 'engine: {kind: replay}', want: ['E0305 replay: `engine.replay.capture_file` is missing'] },
  { name: 'an engine that is gone', yaml: 'engine: {kind: ebpf}', want: ['E0304 ebpf: `engine.kind` cannot be `ebpf`'] },
  { name: 'both names of rules_files', yaml: 'rules_files: [a]\nrules_file: [b]', want: ['E0308 rules_file: both `rules_file` and `rules_files` are set'] },
  { name: 'the old name of rules_files', yaml: 'rules_file: a', want: ['W0302 rules_file: `rules_file` is deprecated'] },
  { name: 'an entry of rules that does nothing', yaml: 'rules: [{}]', want: ['E0305 {}: `rules[0].enable` is missing'] },
  { name: 'an entry of rules without rule or tag', yaml: 'rules: [{enable: {}}]', want: ['E0305 {}: `rules[0].enable.rule` is missing'] },
  { name: 'actions that contradict each other', yaml: 'syscall_event_drops: {actions: [ignore, log]}', want: ['E0304 [ignore, log]: `syscall_event_drops.actions` cannot be `log`'] },
  { name: 'an unknown action', yaml: 'syscall_event_drops: {actions: [alart]}', want: ['E0304 [alart]: `syscall_event_drops.actions` cannot be `alart`'], help: 'did you mean `alert`?' },
  { name: 'an interval that is too short', yaml: 'metrics: {interval: 99ms}', want: ['E0304 99ms: `metrics.interval` cannot be `99ms`'] },
  { name: 'an interval that is none', yaml: 'metrics: {interval: 1 hour}', want: ['E0304 1 hour: `metrics.interval` cannot be `1 hour`'] },
  { name: 'a listening address that is no address', yaml: 'webserver: {listen_address: 327.0.0.1}', want: ['E0304 327.0.0.1: `webserver.listen_address` cannot be `327.0.0.1`'] },
  { name: 'a field given twice', yaml: 'append_output: [{extra_fields: [proc.name, proc.name: b]}]', want: ['E0304 proc.name: b: `append_output[0].extra_fields` cannot be `proc.name`'] },
  { name: 'an unknown field in extra output', yaml: 'append_output: [{extra_output: "name=%proc.nme"}]', want: ['E0304 "name=%proc.nme": `append_output[0].extra_output` cannot be `name=%proc.nme`'], help: 'did you mean `proc.name`?' },
  { name: 'an unknown extra field', yaml: 'append_output: [{extra_fields: [proc.nme]}]', want: ['E0304 proc.nme: `append_output[0].extra_fields` cannot be `%proc.nme`'] },
  { name: 'an unknown field in an extra field', yaml: 'append_output: [{extra_fields: [x: "%proc.nme"]}]', want: ['E0304 x: "%proc.nme": `append_output[0].extra_fields` cannot be `%proc.nme`'] },
  { name: 'an extra field that is neither', yaml: 'append_output: [{extra_fields: [[a]]}]', want: ['E0303 [a]: `append_output[0].extra_fields` must be'] },
  { name: 'a rule and tags at once', yaml: 'append_output: [{match: {rule: r, tags: [a, b]}}]', want: ['W0306 {rule: r, tags: [a, b]}: an `append_output` entry names both'] },
  { name: 'a plugin that is not described', yaml: 'load_plugins: [json]', want: ['E0308 json: `load_plugins` names `json`'] },
  { name: 'a plugin that cannot be loaded', yaml: 'load_plugins: [json]\nplugins: [{name: json, library_path: libjson.so}]', want: ['W0303 json: the plugin `json` has no effect'] },
  { name: 'what has no effect, only where it is on', yaml: 'buffer_format_base64: true\ncapture: {enabled: true, mode: rules}\nengine: {modern_ebpf: {drop_failed_exit: true, disable_iterators: false}}', want: ['W0303 true: `engine.modern_ebpf.drop_failed_exit` has no effect', 'W0303 true: `buffer_format_base64` has no effect', 'W0303 true: `capture.enabled` has no effect'] },
  { name: 'grpc, which is gone', yaml: 'grpc: {enabled: true}', want: ['W0302 grpc: `grpc` is no longer there'] },
  { name: 'a key written twice', yaml: 'priority: error\npriority: debug', want: ['W0304 priority: the key `priority` is written twice'] },
  { name: 'a second document', yaml: '---\npriority: error', want: ['W0304 p: a second YAML document'] },
  { name: 'a variable that names itself', yaml: 'priority: ${LOOP}', want: ['E0302 ${LOOP}: replacing the variables', 'E0304 ${LOOP}: `priority` cannot be'] },
  { name: 'a list of names without a name', yaml: 'domains: {lists: [{file: a}]}', want: ['E0305 {file: a}: `domains.lists[0].name` is missing'] },
  { name: 'a list of names from nowhere', yaml: 'domains: {lists: [{name: a}]}', want: ['E0305 {name: a}: `domains.lists[0].file` is missing'] },
  { name: 'a list of names from two places', yaml: 'domains: {lists: [{name: a, file: b, url: "https://h"}]}', want: ['E0308 url: both `url` and `file` are set'] },
  { name: 'a list of names from no web address', yaml: 'domains: {lists: [{name: a, url: "ftp://me:secret@h"}]}', want: ['E0304 "ftp://me:secret@h": `domains.lists[0].url` cannot be `…`'] },
  { name: 'a list that is asked for all the time', yaml: 'domains: {lists: [{name: a, url: "https://h", refresh: 1s}]}', want: ['E0304 1s: `domains.lists[0].refresh` cannot be `1s`'] },
  { name: 'a list whose name is no word', yaml: 'domains: {lists: [{name: a.b, file: a}]}', want: ['E0304 a.b: `domains.lists[0].name` cannot be `a.b`'] },
  { name: 'two lists of one name', yaml: 'domains: {lists: [{name: a, file: b}, {name: a, file: c}]}', want: ['E0304 a: `domains.lists[1].name` cannot be `a`'] },
  { name: 'a list in a format that is none', yaml: 'domains: {lists: [{name: a, file: b, format: host}]}', want: ['E0304 host: `domains.lists[0].format` cannot be `host`'], help: 'did you mean `hosts`?' },
  { name: 'a server that is no address', yaml: 'domains: {servers: [dns.example, "1.1.1.1:99999"]}', want: ['E0304 [dns.example, "1.1.1.1:99999"]: `domains.servers` cannot be `dns.example`', 'E0304 [dns.example, "1.1.1.1:99999"]: `domains.servers` cannot be `1.1.1.1:99999`'] },
]

for (const c of mistakes) {
  test(`configuration: ${c.name} is a finding`, () => {
    const { findings } = read(`${on}${c.yaml}\n`, { LOOP: '${LOOP}' })
    const got = findings.map(({ code, message, source, span }, i) => {
      const text = `${code} ${source.text.slice(span.start, span.end)}: ${message}`
      const row = c.want[i]
      return row !== undefined && text.startsWith(row) ? row : text
    })
    assert.deepEqual(got, c.want)
    for (const one of findings) assert.equal(one.severity, one.code.startsWith('E') ? 'error' : 'warning')
    if (c.help !== undefined) assert.equal(findings[0]!.help, c.help)
  })
}

const intervals = [
  { text: '5000', want: 5000 },
  { text: '15m', want: 900_000 },
  { text: '1h30m', want: 5_400_000 },
  { text: '1s500ms', want: 1500 },
  { text: '1d2h3m4s5ms', want: 93_784_005 },
  { text: '30m1h', want: undefined },
  { text: '1.5h', want: undefined },
  { text: '', want: undefined },
] as const

for (const c of intervals) {
  test(`parseInterval: ${c.text === '' ? 'nothing' : c.text} is ${c.want ?? 'no interval'}`, () => {
    assert.equal(parseInterval(c.text), c.want)
  })
}

const keys = [
  'json_output',
  'rules_files',
  'rules',
  'engine',
  'append_output',
  'http_output',
  'plugins',
  'domains',
  'webserver',
  'metrics',
  'static_fields',
  'config_files',
  'tiercel',
  'syscall_event_drops',
]

test('configuration: whatever the text, it is read or there is a finding', () => {
  const piece = fc.constantFrom(
    ...keys,
    ': ',
    '\n',
    '\n  ',
    '\n- ',
    '{',
    '}',
    '[',
    ']',
    ', ',
    '"',
    "'",
    '&a ',
    '*a',
    '${A}',
    '|\n',
    '>',
    '---\n',
    '!!str ',
    'true',
    '1',
    '~',
    '#',
    'enabled',
    'rule',
    'tag',
    'kind',
    'match',
    'extra_fields',
    'name',
    '\t',
    '\0',
    '\ud800',
  )
  const text = fc.array(piece, { maxLength: 40 }).map(parts => parts.join(''))
  fc.assert(
    fc.property(text, yaml => {
      for (const { span, source } of read(yaml, { A: '${A}' }).findings) {
        assert.ok(span.start >= 0 && span.start <= span.end && span.start <= source.text.length)
      }
    }),
    { numRuns: 4000 },
  )
})

const hostile = [
  {
    name: 'aliases of aliases',
    text: `a0: &a0 [x, x]\n${Array.from({ length: 40 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}]`).join('\n')}\nrules_files: *a40\n`,
  },
  { name: 'a hundred thousand brackets', text: `rules_files: ${'['.repeat(100_000)}` },
  { name: 'a hundred thousand braces', text: `engine: ${'{a: '.repeat(100_000)}` },
  { name: 'deep indentation', text: Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i)}k:`).join('\n') },
  { name: 'many keys', text: Array.from({ length: 50_000 }, (_, i) => `key${i}: 1`).join('\n') },
  { name: 'a long word', text: `priority: ${'x'.repeat(1_000_000)}` },
  { name: 'a long list', text: `rules_files: [${'a,'.repeat(300_000)}a]` },
] as const

for (const c of hostile) {
  test(`configuration: ${c.name} takes no time`, () => {
    const start = cpuMs()
    read(c.text)
    assert.ok(cpuMs() - start < 5000)
  })
}
