import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { type LoadFindingJson, loadResultJson } from '../../../src/rules/load-result.ts'
import { noSettings } from './load-case.ts'

// Which operators, values and transformers go with which type of field.

interface Outcome {
  readonly ok: boolean
  readonly errors: readonly LoadFindingJson[]
  readonly warnings: number
}

function load(condition: string): Outcome {
  const text = `- rule: r\n  desc: d\n  condition: ${JSON.stringify(condition)}\n  output: o\n  priority: INFO\n  warn_evttypes: false\n`
  const result = loadResultJson(loadRules([{ path: 'rules.yaml', text }], noSettings).rules.results[0]!)
  const warnings = result.warnings.filter(warning => warning.code === 'LOAD_COMPILE_CONDITION').length
  return { ok: result.successful, errors: result.errors, warnings }
}

function assertLoads(condition: string, warnings?: number): void {
  const outcome = load(condition)
  assert.ok(outcome.ok, `${condition}: ${outcome.errors[0]?.message}`)
  if (warnings !== undefined) assert.equal(outcome.warnings, warnings, condition)
}

function assertRefused(condition: string): void {
  const outcome = load(condition)
  assert.ok(!outcome.ok, `${condition} loads`)
  assert.equal(outcome.errors[0]?.code, 'LOAD_ERR_COMPILE_CONDITION', condition)
}

const OPERATORS =
  'exists = == != < <= > >= contains in intersects icontains startswith glob pmatch endswith bcontains bstartswith iglob regex'.split(
    ' ',
  )

/** What each kind of field takes. */
const TAKES: Readonly<Record<string, string>> = {
  number: 'exists = == != < <= > >= in intersects',
  bool: 'exists = == != in intersects',
  bytes: 'exists = == != contains in intersects startswith endswith bcontains bstartswith',
  text: 'exists = == != < <= > >= contains in intersects icontains startswith glob pmatch endswith iglob regex',
  address: 'exists = == != in intersects',
}

const FIELDS: readonly (readonly [field: string, value: string, kind: string])[] = [
  ['evt.rawtime', '1', 'number'],
  ['evt.is_io', 'true', 'bool'],
  ['evt.buffer', 'test', 'bytes'],
  ['fd.name', 'true', 'text'],
  ['thread.cpu', '1', 'number'],
  ['evt.cpu', '1', 'number'],
  ['fd.dev', '1', 'number'],
  ['proc.pid', '1', 'number'],
  ['fd.ip', '127.0.0.1', 'address'],
  ['fd.net', '127.0.0.1/32', 'address'],
  ['fd.port', '1', 'number'],
  ['proc.pid.ts', '1', 'number'],
  ['evt.count', '1', 'number'],
  ['evt.num', '1', 'number'],
]

function checkWith(operator: string, field: string, value: string): string {
  if (operator === 'exists') return `${field} exists`
  if (['in', 'intersects', 'pmatch'].includes(operator)) return `${field} ${operator} (${value})`
  if (/^b[cs]/.test(operator)) return `${field} ${operator} 303000`
  if (/[<>]/.test(operator)) return `${field} ${operator} 1`
  return `${field} ${operator} ${value}`
}

for (const [field, value, kind] of FIELDS) {
  test(`operators of ${field}`, () => {
    const takes = TAKES[kind]!.split(' ')
    for (const operator of OPERATORS) {
      const condition = checkWith(operator, field, value)
      if (takes.includes(operator)) assertLoads(condition)
      else assertRefused(condition)
    }
  })
}

test('values that a field cannot have', () => {
  for (const condition of [
    'thread.cpu = 1.0',
    'evt.is_io = yes',
    'evt.is_io = TRUE',
    'evt.is_io = 1',
    'proc.pid = abc',
    'proc.pid = 0x10',
    'proc.pid = 1a',
    'fd.ip = nowhere',
    'fd.ip = 300.1.1.1',
    'fd.ip = ::ffff:1.2.3.4',
    'fd.net = 127.0.0.1',
    'fd.net = 127.0.0.1/33',
    'fd.port = nosuchservice',
    'evt.type = nosuchevent',
    'evt.type in (open, nosuchevent)',
    ...['g', '123Z', 'abc_1', '123'].flatMap(value => [
      `evt.buffer bstartswith ${value}`,
      `evt.buffer bcontains ${value}`,
    ]),
  ])
    assertRefused(condition)
})

test('values that may surprise', () => {
  for (const condition of [
    'proc.pid = -1',
    'proc.pid = +1',
    'fd.port = http',
    'fd.port = ""',
    'fd.ip = ::1',
    'fd.ip = 1.2.3.4',
    'fd.net = ::1/64',
    'fd.name = ""',
    'evt.type = getcwd',
    'evt.type = container',
    'syscall.type = nosuchsyscall',
    'fd.type = nosuchtype',
  ])
    assertLoads(condition)
})

test('regular expressions that need none, and values that look like fields, are warned of', () => {
  assertLoads('evt.source = evt.plugininfo', 1)
  assertLoads("evt.source = 'tolower(evt.plugininfo)'", 1)
  const plain = ['syscall', '^syscall$', '^syscall', 'syscall$']
  const loose = ['.*', '.+', '.?'].flatMap(any => [`${any}syscall`, `syscall${any}`, `${any}syscall${any}`])
  for (const pattern of [...plain, ...loose]) assertLoads(`evt.source regex ${pattern}`, 1)
  assertLoads('evt.source = unknown.field', 0)
  assertLoads('evt.source = tolower', 0)
  assertLoads('evt.source = tolower(evt.plugininfo)', 0)
  assertLoads("evt.source = 'tolow(evt.plugininfo)'", 0)
  for (const pattern of ['syscall.{1}', 'syscall\\.*', 's.*l', 'syscal[l]?'])
    assertLoads(`evt.source regex ${pattern}`, 0)
})

test('fields and transformers on the right', () => {
  for (const condition of [
    '(evt.args = evt.args)',
    '(evt.args = val(evt.args))',
    '(evt.arg.res = val(evt.arg.res))',
    '(evt.arg.ret = val(evt.arg.reaper_tid))',
    'evt.source = val(evt.plugininfo) or evt.source = val(evt.source)',
    'tolower(proc.name) = tolower(proc.pname)',
    'tolower(toupper(proc.name)) = tolower(toupper(proc.name))',
    "evt.source regex '^[s]{1}ysca[l]{2}$'",
    "toupper(evt.source) regex '^[A-Z]+$'",
    'evt.arg[1] startswith /etc or evt.arg[1] = /test/dir',
  ])
    assertLoads(condition)
  for (const condition of [
    '(proc.name = val(tolower(toupper(proc.name))))',
    '(val(evt.args) = val(evt.args))',
    '(proc.name = val(proc.name, evt.args))',
    'proc.name = val(evt.is_wait)',
    'evt.buflen.in = val(evt.around[1404996934793590564])',
    'evt.around[1404996934793590564] = val(evt.buflen.in)',
    'toupper(evt.rawarg.res) = -1',
    'toupper(evt.rawres) = -1',
    'tolower(evt.rawres) = -1',
    'b64(evt.rawres) = -1',
    'evt.plugininfo regex val(evt.source)',
    'fd.name pmatch val(proc.name)',
  ])
    assertRefused(condition)
})

test('event types with transformers, or compared with fields, leave it open which events a rule is for', () => {
  for (const condition of [
    'tolower(syscall.type) = getcwd',
    'toupper(syscall.type) = GETCWD',
    'tolower(evt.type) exists',
    'join("-", (proc.name, evt.type)) = x',
    'concat(evt.type, proc.name) = x',
    'evt.type = val(syscall.type)',
    'evt.type != tolower(proc.name)',
  ])
    assertRefused(condition)
  for (const condition of [
    'proc.name = toupper(evt.type)',
    'join("-", (evt.type, proc.name)) = x',
    'evt.type contains val(proc.name)',
    'tolower(syscall.type) contains get',
  ])
    assertLoads(condition)
})
