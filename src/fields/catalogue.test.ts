import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fieldByName, fieldLookup, fields } from './catalogue.ts'
import { makeContext } from './testdata/make-context.ts'

const falcoFields = new URL('../../../shared/data/falco/fields.json', import.meta.url)

interface FalcoField {
  readonly name: string
  readonly type: string
  readonly flags: readonly string[]
}

/** Fields whose argument Falco's list calls required although its parser does not ask for one. */
const OPTIONAL_AFTER_ALL: ReadonlySet<string> = new Set(['evt.abspath'])

test('every field of Falco is there with its type and flags', t => {
  if (!existsSync(falcoFields)) return t.skip('the list of Falco fields is not here')
  const list = JSON.parse(readFileSync(falcoFields, 'utf8')) as readonly FalcoField[]
  assert.ok(list.length > 200)
  for (const { name, type, flags } of list) {
    const field = fieldByName(name)
    assert.ok(field, name)
    const has = (flag: string) => flags.includes(flag)
    const arg = has('ARG_REQUIRED') && !OPTIONAL_AFTER_ALL.has(name)
    assert.deepEqual(
      {
        name,
        type: field.type,
        arg: field.arg,
        isList: field.isList === true,
        filterOnly: field.filterOnly === true,
        printOnly: field.printOnly === true,
        tableOnly: field.tableOnly === true,
        noRhs: field.noRhs === true,
        noTransformer: field.noTransformer === true,
        deprecated: field.deprecated === true,
      },
      {
        name,
        type,
        arg: arg ? 'required' : has('ARG_ALLOWED') || OPTIONAL_AFTER_ALL.has(name) ? 'optional' : 'none',
        isList: has('IS_LIST'),
        filterOnly: has('FILTER_ONLY'),
        printOnly: has('PRINT_ONLY'),
        tableOnly: has('TABLE_ONLY'),
        noRhs: has('NO_RHS'),
        noTransformer: has('NO_TRANSFORMER'),
        deprecated: has('DEPRECATED'),
      },
    )
  }
})

test('names are unique, and every row is documented', () => {
  assert.equal(new Set(fields.map(f => f.name)).size, fields.length)
  for (const field of fields) {
    assert.match(field.doc, /^.{8,}[.…]$/, field.name)
    assert.notEqual(field.group, '', field.name)
  }
})

test('the fields that Falco appends to outputs are marked', () => {
  assert.deepEqual(
    fields.filter(f => f.suggestedOutput).map(f => f.name),
    [
      'container.id',
      'container.name',
      'container.image.repository',
      'container.image.tag',
      'k8s.pod.name',
      'k8s.ns.name',
    ],
  )
})

const ARGS: Readonly<Record<string, string>> = { 'evt.arg': 'res', 'evt.rawarg': 'res', 'evt.type.is': 'open' }

test('every reader copes with an event of no known thread, fd or parameter', () => {
  for (const event of ['open', 'connect', 'procexit', 'poll', 'asyncevent', 'syscall', 'execve', 'ptrace']) {
    const ctx = makeContext(event)
    for (const field of fields) {
      const arg = field.arg === 'required' ? (ARGS[field.name] ?? '0') : undefined
      for (const bind of [field.bind, field.bindExists, field.bindPrint, field.bindJson]) bind?.(arg)(ctx)
    }
  }
})

test('names are offered for «did you mean»', () => {
  const names = [...fieldLookup.names()]
  assert.equal(names.length, fields.length)
  assert.ok(names.includes('fd.sip.name'))
})
