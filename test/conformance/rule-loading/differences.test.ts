import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { Pipeline } from '../../../src/agent/pipeline.ts'
import { NameIndex } from '../../../src/domains/name-index.ts'
import { NdjsonParser } from '../../../src/events/ndjson/read-ndjson.ts'
import { noSettings, testLoadCases } from './load-case.ts'
import { plainSetup } from '../../../src/agent/testdata/plain-setup.ts'

// Where we differ from Falco 0.44 on purpose: docs/compatibility-rules.md names these tests. What Falco does stands in the comments.

const rule = (condition: string, output = 'o'): string =>
  `- rule: r\n  desc: d\n  condition: ${JSON.stringify(condition)}\n  output: ${JSON.stringify(output)}\n  priority: INFO\n`

testLoadCases([
  {
    // The value ends with the file, if that ends in a line break.
    name: 'a quoted value that is never closed is refused',
    files: '- macro: m\n  condition: "evt.type = open\n',
    ok: false,
    errors: ['LOAD_ERR_YAML_PARSE'],
  },
  {
    // yaml-cpp 0.9 stops reading: the rules after it do not exist.
    name: 'an empty document does not end a file',
    files: `---\n---\n${rule('evt.type = open')}`,
    ok: true,
    enabled: 1,
  },
  {
    // An empty list, which no value is in.
    name: 'an unknown escape alone in a list is refused',
    files: rule('proc.name in ("a\\qb")'),
    ok: false,
    errors: ['LOAD_ERR_COMPILE_CONDITION'],
  },
  {
    // Newer than 0.44, where \x is an unknown escape.
    name: 'bytes can be spelled as \\xHH',
    files: rule('evt.type = open and evt.rawarg.name = "/caf\\xe9"'),
    ok: true,
  },
  {
    // The index is cut to 32 bits: proc.aname[4294967297] is proc.aname[1].
    name: 'an index beyond 32 bits is refused',
    files: rule('evt.type = open and proc.aname[4294967297] = sh'),
    ok: false,
    errors: ['LOAD_ERR_COMPILE_CONDITION'],
  },
  {
    // Looked up in /etc/services, which a container image may lack.
    name: 'names of services are built in',
    files: rule('evt.type = connect and fd.sport in (https, domain, ssh)'),
    ok: true,
  },
  {
    // Refused, while %proc.aname[x] is %proc.aname and text.
    name: 'a bracket of %fd.types that holds no number is text',
    files: rule('evt.type = open', '%fd.types[x]'),
    ok: true,
  },
  {
    // 0.44.0 warns, later ones do not.
    name: 'a condition that no event type fits is not warned of',
    files: rule('evt.type = open and evt.type = close'),
    ok: true,
    warnings: [],
  },
  {
    // Silent; RE2 is never asked.
    name: 'a regular expression that is none is warned of',
    files: rule('evt.type = open and proc.name regex "("'),
    ok: true,
    warnings: ['LOAD_COMPILE_CONDITION'],
  },
])

interface Seen {
  readonly rule: string
  readonly fields: readonly (readonly [key: string, value: unknown])[]
}

function replay(rules: string, events: readonly object[]): readonly Seen[] {
  const loaded = loadRules([{ path: 'rules.yaml', text: rules }], noSettings)
  assert.ok(loaded.rules.plan !== undefined)
  const seen: Seen[] = []
  const pipeline = new Pipeline({
    plan: loaded.rules.plan,
    fields: loaded.fields,
    names: new NameIndex(),
    ...plainSetup,
    onAlert: alert => seen.push({ rule: alert.rule.name, fields: alert.fields }),
  })
  const parser = new NdjsonParser(pipeline.sink)
  parser.push(Buffer.from(events.map(event => `${JSON.stringify(event)}\n`).join('')))
  parser.end()
  assert.deepEqual(parser.summary().problems, [])
  return seen
}

const init = { kind: 'process', tid: 1, ptid: 0, comm: 'init', exe: '/sbin/init', args: ['--base64'], env: ['A=b'] }
const child = { kind: 'process', tid: 2, ptid: 1, comm: 'sh', exe: '/bin/sh', args: [], env: ['A=c'] }
const open = { type: 'open', tid: 2, args: { fd: 3, name: '/x', flags: 0 } }

test('proc.aargs without an index is that of any ancestor', () => {
  // So Falco's field list says; libsinsp 0.23.2 finds nothing.
  assert.equal(replay(rule('evt.type = open and proc.aargs contains base64'), [init, child, open]).length, 1)
})

test('quotes around an argument in an output are none of it', () => {
  // There they are part of the name of the variable, which then is not found.
  const [alert] = replay(rule('evt.type = open', '%proc.env["A"]'), [init, child, open])
  assert.deepEqual(
    alert?.fields.find(([key]) => key.startsWith('proc.env')),
    ['proc.env[A]', 'c'],
  )
})

test('fd.port intersects is fd.port in', () => {
  // Falco ends with an error at the first event with a port.
  const connect = {
    type: 'connect',
    tid: 2,
    args: { res: 0, tuple: '127.0.0.1:40000->127.0.0.1:80', fd: 4, addr: '127.0.0.1:80' },
  }
  const socket = { type: 'socket', tid: 2, args: { fd: 4, domain: 'AF_INET', type: 1, proto: 0 } }
  const rules = rule('evt.type = connect and fd.port intersects (80, 81)')
  const seen = replay(rules, [init, child, socket, connect])
  assert.equal(seen.length, 1)
})
