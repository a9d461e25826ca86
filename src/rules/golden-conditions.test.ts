import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { eventLookup } from '../events/event-lookup.ts'
import { fieldByName, fieldLookup } from '../fields/catalogue.ts'
import { compileCondition } from './compile-condition.ts'
import { deprecatedFields } from './condition-warnings.ts'
import { parseCondition } from './parse-condition.ts'
import { parseOutputFormat } from './parse-output.ts'
import { printAst } from './print-ast.ts'

/* The language against the real fields and events, on conditions and outputs that Falco 0.44 took. */

interface RuleItem {
  readonly rule?: string
  readonly condition?: string
  readonly output?: string
}

const shared = fileURLToPath(new URL('../../../shared/data/captures/golden/', import.meta.url))
const skip = existsSync(shared) ? false : `${shared} is not there: the golden rule files are kept beside the project`

function itemsOf(file: string): readonly RuleItem[] {
  return parse(readFileSync(`${shared}${file}`, 'utf8')) as readonly RuleItem[]
}

test('golden: 495 random conditions compile, and read back as printed', { skip }, () => {
  const rules = itemsOf('random.rules.yaml')
  assert.equal(rules.length, 495)
  for (const { rule, condition } of rules) {
    const parsed = parseCondition(condition!)
    assert.ok(parsed.ok, `${rule}: ${parsed.ok ? '' : parsed.error.message}`)
    const compiled = compileCondition(parsed.ast, { fields: fieldLookup, events: eventLookup })
    assert.ok(compiled.ok, `${rule}: ${compiled.ok ? '' : compiled.errors[0]!.message}`)
    const again = parseCondition(printAst(parsed.ast, { reparsable: true }))
    assert.ok(again.ok && printAst(again.ast) === printAst(parsed.ast), rule)
  }
})

test('golden: outputs of dozens of fields are read', { skip }, () => {
  for (const { rule, output } of itemsOf('fields.rules.yaml')) {
    if (output === undefined) continue
    const result = parseOutputFormat(output, { fields: fieldLookup })
    assert.ok(result.ok, `${rule}: ${result.ok ? '' : result.error.message}`)
    assert.ok(result.format.segments.length > 10, rule)
  }
})

test('catalogue: the deprecated fields exist and say so', () => {
  for (const name of deprecatedFields) assert.equal(fieldByName(name)?.deprecated, true, name)
})

const withRealFields = [
  {
    name: 'every ancestor field refuses val and transformers',
    texts: ['proc.aname = val(proc.name)', 'tolower(proc.aexe) = a', 'proc.name = val(proc.acmdline)'],
    ok: false,
  },
  {
    name: 'fields of either side refuse val',
    texts: ['fd.ip = val(fd.sip)', 'fd.port = val(fd.sport)', 'fd.snet = val(fd.sip)'],
    ok: false,
  },
  {
    name: 'raw arguments have the type of their parameter',
    texts: ['evt.rawarg.res < 0', 'evt.rawarg.flags > 0', 'evt.rawarg.path contains x'],
    ok: true,
  },
  {
    name: 'and refuse what it does not take',
    texts: ['evt.rawarg.res contains x', 'evt.rawarg.path > 1x', 'toupper(evt.rawarg.res) = -1'],
    ok: false,
  },
  {
    name: 'arguments must be known',
    texts: ['evt.arg.nosuch = a', 'evt.rawarg = 1', 'evt.type.is.nosuch exists', 'proc.name[1] = a'],
    ok: false,
  },
  {
    name: 'event names are events, system calls, or neither',
    texts: ['evt.type in (openat, sched_yield, container, procexit)', 'evt.type = asyncevent'],
    ok: true,
  },
  { name: 'neither is refused', texts: ['evt.type = opennat', 'evt.type in (open, unknown_call)'], ok: false },
  {
    name: 'lists',
    texts: ['fd.types in (file)', 'fd.types intersects (file, ipv4)', 'len(fd.types) > 1', 'join(",", fd.types) = a'],
    ok: true,
  },
  { name: 'what lists do not take', texts: ['fd.types = file', 'fd.types contains f', 'fd.types > 1'], ok: false },
] as const

for (const c of withRealFields) {
  test(`catalogue: ${c.name}`, () => {
    for (const text of c.texts) {
      const parsed = parseCondition(text)
      const ok = parsed.ok && compileCondition(parsed.ast, { fields: fieldLookup, events: eventLookup }).ok
      assert.equal(ok, c.ok, text)
    }
  })
}
