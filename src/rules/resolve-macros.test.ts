import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ast } from './ast.ts'
import { parseCondition } from './parse-condition.ts'
import { printAst } from './print-ast.ts'
import type { MacroResolution } from './resolve-macros.ts'
import { MAX_RESOLVED_DEPTH, measureAst, resolveMacros } from './resolve-macros.ts'

function parse(text: string): Ast {
  const result = parseCondition(text)
  assert.ok(result.ok, text)
  return result.ast
}

function resolve(condition: string, macros: Readonly<Record<string, string>>, used: string[] = []): MacroResolution {
  const trees = new Map(Object.entries(macros).map(([name, text]) => [name, parse(text)]))
  return resolveMacros(parse(condition), { lookup: name => trees.get(name), use: name => used.push(name) })
}

const cases: readonly {
  readonly name: string
  readonly condition: string
  readonly macros: Readonly<Record<string, string>>
  readonly want: string
  readonly used?: readonly string[]
}[] = [
  {
    name: 'a condition without macros stays',
    condition: 'a.b exists',
    macros: { m: 'c.d exists' },
    want: 'a.b exists',
    used: [],
  },
  { name: 'a macro alone', condition: 'm', macros: { m: 'c.d exists' }, want: 'c.d exists', used: ['m'] },
  {
    name: 'a macro among others',
    condition: 'a.b exists and not m',
    macros: { m: 'c.d exists' },
    want: '(a.b exists and not c.d exists)',
  },
  {
    name: 'a macro is one operand',
    condition: 'a.b exists and m',
    macros: { m: 'c.d exists or e.f exists' },
    want: '(a.b exists and (c.d exists or e.f exists))',
  },
  {
    name: 'two macros',
    condition: 'm or n',
    macros: { m: 'a.b exists', n: 'c.d exists' },
    want: '(a.b exists or c.d exists)',
    used: ['m', 'n'],
  },
  {
    name: 'a macro twice',
    condition: 'm or not m',
    macros: { m: 'a.b exists' },
    want: '(a.b exists or not a.b exists)',
    used: ['m'],
  },
  {
    name: 'macros in macros',
    condition: 'm',
    macros: { m: 'a.b exists and n', n: 'c.d exists' },
    want: '(a.b exists and c.d exists)',
    used: ['n', 'm'],
  },
]

for (const { name, condition, macros, want, used } of cases) {
  test(name, () => {
    const seen: string[] = []
    const result = resolve(condition, macros, seen)
    assert.ok(result.ok)
    assert.equal(printAst(result.ast), want)
    if (used !== undefined) assert.deepEqual(seen, used)
  })
}

test('the trees of condition and macros are not changed', () => {
  const body = parse('a.b exists and n')
  const condition = parse('m')
  resolveMacros(condition, { lookup: name => (name === 'm' ? body : parse('c.d exists')), use: () => {} })
  assert.equal(printAst(body), '(a.b exists and n)')
  assert.equal(printAst(condition), 'm')
})

const failures: readonly {
  readonly name: string
  readonly condition: string
  readonly macros: Readonly<Record<string, string>>
  /** Kinds and names, the first being Falco's. */
  readonly want: readonly string[]
}[] = [
  { name: 'an unknown macro', condition: 'a.b exists and not m', macros: {}, want: ['unknown m'] },
  { name: 'an unknown macro in a macro', condition: 'm', macros: { m: 'a.b exists or n' }, want: ['unknown n'] },
  { name: 'two unknown macros', condition: 'm or n or m', macros: {}, want: ['unknown m', 'unknown n'] },
  { name: 'a macro that uses itself', condition: 'm', macros: { m: 'a.b exists or m' }, want: ['loop m'] },
  { name: 'macros that use each other', condition: 'm', macros: { m: 'n', n: 'm' }, want: ['loop m'] },
  {
    name: 'a loop counts before an unknown macro',
    condition: 'x or m',
    macros: { m: 'not m' },
    want: ['loop m', 'unknown x'],
  },
]

for (const { name, condition, macros, want } of failures) {
  test(`refused: ${name}`, () => {
    const result = resolve(condition, macros)
    assert.ok(!result.ok)
    assert.deepEqual(
      result.failures.map(({ kind, macro }) => `${kind} ${macro.name}`),
      want,
    )
  })
}

test('known macros are put in beside an unknown one', () => {
  const result = resolve('m and n', { n: 'a.b exists' })
  assert.ok(!result.ok)
  assert.equal(printAst(result.ast), '(m and a.b exists)')
})

test('a chain of macros is followed only so far', () => {
  const macros: Record<string, string> = {}
  for (let i = 0; i < 2 * MAX_RESOLVED_DEPTH; i++) macros[`m${i}`] = `a.b exists and m${i + 1}`
  const result = resolve('m0', macros)
  assert.ok(!result.ok)
  assert.equal(result.failures[0].kind, 'too-deep')
})

test('macros that double each other are put in at once, and their size is known', () => {
  const macros: Record<string, string> = { m0: 'a.b exists' }
  for (let i = 1; i <= 50; i++) macros[`m${i}`] = `m${i - 1} and m${i - 1}`
  const result = resolve('m50', macros)
  assert.ok(result.ok)
  assert.deepEqual(measureAst(result.ast), { nodes: 2 ** 51 - 1, depth: 51 })
})
