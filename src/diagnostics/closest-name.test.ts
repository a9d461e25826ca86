import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closestName } from './closest-name.ts'

const names = [
  'fd.num',
  'fd.name',
  'fd.sip',
  'fd.sip.name',
  'fd.cip.name',
  'proc.name',
  'proc.pname',
  'evt.type',
  'open',
  'openat',
]

const cases = [
  { name: 'a dropped letter', wrong: 'fd.sip.nme', want: 'fd.sip.name' },
  { name: 'two letters swapped', wrong: 'porc.name', want: 'proc.name' },
  { name: 'another case', wrong: 'Proc.Name', want: 'proc.name' },
  { name: 'a letter less rather than another one', wrong: 'fd.nam', want: 'fd.name' },
  { name: 'a letter too many', wrong: 'openatt', want: 'openat' },
  { name: 'nothing alike', wrong: 'container.id', want: undefined },
  { name: 'three letters of three differ', wrong: 'xyz', want: undefined },
  { name: 'the name itself is no suggestion', wrong: 'evt.type', want: undefined },
  { name: 'the empty text', wrong: '', want: undefined },
  { name: 'a text longer than any name', wrong: 'a'.repeat(100_000), want: undefined },
] as const

for (const c of cases) {
  test(`closestName: ${c.name}`, () => assert.equal(closestName(c.wrong, names), c.want))
}

test('closestName: a hundred thousand candidates cost little more than a look at each', () => {
  const many = Array.from({ length: 100_000 }, (_, i) => `some.field.name.number${i}`)
  const start = process.cpuUsage()
  assert.equal(closestName('proc.nam', [...many, 'proc.name']), 'proc.name')
  assert.ok(process.cpuUsage(start).user < 10_000_000)
})
