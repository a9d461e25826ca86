import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Listed, NameList, NameListBuilder } from './name-list.ts'

function build(entries: readonly (readonly [name: string, flags: number])[], options = {}): NameList {
  const builder = new NameListBuilder({ seed: 7, maxSize: 1_000_000, ...options })
  for (const [name, flags] of entries) {
    const bytes = Buffer.from(`…${name}…`, 'latin1')
    builder.add(bytes, 1, 1 + name.length, flags)
  }
  return builder.build()
}

const { exact, below, exceptExact, exceptBelow } = Listed

const cases: readonly {
  readonly name: string
  readonly entries: readonly (readonly [string, number])[]
  readonly ask: string
  readonly want: boolean
}[] = [
  { name: 'nothing is in an empty list', entries: [], ask: 'a.example', want: false },
  { name: 'a name is in it', entries: [['a.example', exact]], ask: 'a.example', want: true },
  {
    name: 'an exact name says nothing of those below',
    entries: [['a.example', exact]],
    ask: 'b.a.example',
    want: false,
  },
  { name: 'below does not mean the name itself', entries: [['a.example', below]], ask: 'a.example', want: false },
  { name: 'below means any depth', entries: [['a.example', below]], ask: 'x.y.a.example', want: true },
  { name: 'the end of a label is no label', entries: [['a.example', below]], ask: 'ba.example', want: false },
  {
    name: 'bits of one name add up',
    entries: [
      ['a.example', exact],
      ['a.example', below],
    ],
    ask: 'a.example',
    want: true,
  },
  {
    name: 'an exception of one name',
    entries: [
      ['example', below],
      ['a.example', exceptExact],
    ],
    ask: 'a.example',
    want: false,
  },
  {
    name: 'an exception of one name leaves those below it',
    entries: [
      ['example', below],
      ['a.example', exceptExact],
    ],
    ask: 'b.a.example',
    want: true,
  },
  {
    name: 'the longest name above decides',
    entries: [
      ['example', below],
      ['a.example', exceptBelow],
      ['b.a.example', below],
    ],
    ask: 'x.b.a.example',
    want: true,
  },
  {
    name: 'the longest name above excepts',
    entries: [
      ['example', below],
      ['a.example', exceptBelow],
    ],
    ask: 'x.a.example',
    want: false,
  },
  {
    name: 'the name itself beats an exception above it',
    entries: [
      ['a.example', exceptBelow],
      ['x.a.example', exact],
    ],
    ask: 'x.a.example',
    want: true,
  },
  { name: 'no name is as long', entries: [['a', below]], ask: `${'x'.repeat(260)}.a`, want: false },
]

for (const c of cases) {
  test(`name list: ${c.name}`, () => assert.equal(build(c.entries).has(c.ask), c.want))
}

test('name list: a list without names holds none', () => {
  assert.equal(NameList.empty.has('a.example'), false)
  assert.equal(NameList.empty.size, 0)
})

test('name list: as data it is the same list', () => {
  const { data } = build([['a.example', exact]])
  const sent = structuredClone(data, { transfer: [data.bytes, data.slots] })
  assert.equal(data.bytes.byteLength, 0, 'not copied')
  assert.ok(new NameList(sent).has('a.example'))
})

test('name list: beyond its size names are refused, and known ones are not', () => {
  const builder = new NameListBuilder({ seed: 1, maxSize: 2 })
  const add = (name: string): boolean => builder.add(Buffer.from(name), 0, name.length, exact)
  assert.deepEqual(['a', 'b', 'c', 'a'].map(add), [true, true, false, true])
  assert.equal(builder.size, 2)
})

// The obvious way to say the same: by the name itself, else by the longest name above it.
function holds(entries: ReadonlyMap<string, number>, name: string): boolean {
  const own = entries.get(name) ?? 0
  if (own & exceptExact) return false
  if (own & exact) return true
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const flags = entries.get(name.slice(dot + 1)) ?? 0
    if (flags & exceptBelow) return false
    if (flags & below) return true
  }
  return false
}

test('name list: it says what a map of all names says', () => {
  const label = fc.constantFrom('a', 'b', 'ab', 'ba', 'x-1', '_x')
  const name = fc.array(label, { minLength: 1, maxLength: 5 }).map(labels => labels.join('.'))
  const entry = fc.tuple(name, fc.integer({ min: 1, max: 15 }))
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 60 }),
      fc.array(name, { maxLength: 60 }),
      fc.integer(),
      (all, asked, seed) => {
        const entries = new Map<string, number>()
        for (const [key, flags] of all) entries.set(key, (entries.get(key) ?? 0) | flags)
        const list = build(all, { seed })
        assert.equal(list.size, entries.size)
        for (const each of [...asked, ...entries.keys()]) assert.equal(list.has(each), holds(entries, each), each)
      },
    ),
  )
})

test('name list: many names, from a small table on', () => {
  const names = Array.from({ length: 20_000 }, (_, i) => `host${i}.zone${i % 97}.example`)
  const list = build(names.map(name => [name, exact]))
  assert.equal(list.size, names.length)
  for (const name of names) assert.ok(list.has(name), name)
  for (const name of names) assert.ok(!list.has(`x${name}`), name)
})
