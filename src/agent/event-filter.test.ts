import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NameIndex } from '../domains/name-index.ts'
import { openSource } from '../events/open-source.ts'
import { fieldLookup } from '../fields/catalogue.ts'
import { HostState, stateSink } from '../state/host-state.ts'
import { compileFilter, compileFormat } from './event-filter.ts'

const deps = { fields: fieldLookup, names: new NameIndex() }
const sample = fileURLToPath(new URL('../../samples/container.scap', import.meta.url))

async function linesOf(condition: string, format: string): Promise<readonly string[]> {
  const filter = compileFilter(condition, deps)
  const output = compileFormat(format, fieldLookup)
  assert.ok(filter.ok && output.ok)
  const lines: string[] = []
  const sink = stateSink(new HostState(), current => {
    if (filter.filter.matches(current)) lines.push(output.format(current).text)
    return true
  })
  await (await openSource(sample)).read(sink)
  return lines
}

test('a condition takes the events that a rule with it would', async () => {
  const lines = await linesOf('evt.type = newfstatat and proc.name = sh', '%evt.type %proc.name')
  assert.ok(lines.length > 0)
  assert.ok(lines.every(line => line === 'newfstatat sh'))
})

test('no condition takes every event but entries into calls, which only old captures have', async () => {
  const all = await linesOf('', '%evt.num')
  const none = await linesOf('evt.num = 0', '%evt.num')
  assert.ok(all.length > 10_000)
  assert.equal(none.length, 0)
})

const wrong: readonly { readonly name: string; readonly condition: string; readonly want: RegExp }[] = [
  { name: 'an unknown field', condition: 'evt.tpye = open', want: /unknown field `evt\.tpye`/ },
  { name: 'a condition that is cut short', condition: 'evt.type =', want: /./ },
  { name: 'a macro, which only rule files have', condition: 'spawned_process', want: /spawned_process/ },
  { name: 'a value of the wrong type', condition: 'proc.pid = many', want: /many/ },
]

for (const { name, condition, want } of wrong) {
  test(`compileFilter: ${name} is a finding with its place`, () => {
    const result = compileFilter(condition, deps)
    assert.ok(!result.ok)
    const [first] = result.findings
    assert.match(first?.message ?? '', want)
    assert.ok((first?.span.end ?? 0) <= condition.length)
  })
}

test('compileFormat: an unknown field is a finding', () => {
  const result = compileFormat('%proc.nme', fieldLookup)
  assert.match(result.ok ? '' : (result.findings[0]?.message ?? ''), /unknown field `proc\.nme`/)
})
