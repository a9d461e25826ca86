import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findBreaches, parseImports } from './check-imports.ts'

const cases: readonly { name: string; files: Readonly<Record<string, string>>; want: readonly RegExp[] }[] = [
  {
    name: 'a folder may import what its row names',
    files: { 'src/rules/a.ts': "import { x } from '../values/ip.ts'" },
    want: [],
  },
  {
    name: 'rules may not import fields',
    files: { 'src/rules/a.ts': "\nimport { x } from '../fields/catalogue.ts'" },
    want: [/^src\/rules\/a\.ts:2: rules may not import fields: rules compile in a browser/],
  },
  {
    name: 'a type-only column refuses a run-time import',
    files: { 'src/fields/a.ts': "import { x } from '../events/event-record.ts'" },
    want: [/fields may import only types from events/],
  },
  {
    name: 'a type-only column takes import type',
    files: { 'src/fields/a.ts': "import type { X } from '../events/event-record.ts'" },
    want: [],
  },
  {
    name: 'statements over several lines are seen',
    files: { 'src/values/a.ts': "import {\n  x,\n  y,\n} from '../rules/a.ts'\nimport { z } from './b.ts'" },
    want: [/values may not import rules/],
  },
  {
    name: 'a re-export is an import',
    files: { 'src/values/a.ts': "export { x } from '../engine/a.ts'" },
    want: [/values may not import engine/],
  },
  {
    name: 'an import on demand is an import',
    files: { 'src/values/a.ts': "const x = await import('../engine/a.ts')" },
    want: [/values may not import engine/],
  },
  {
    name: 'nobody imports cli',
    files: { 'src/agent/a.ts': "import { x } from '../cli/main.ts'" },
    want: [/nobody imports cli/],
  },
  {
    name: 'tests may import anything',
    files: { 'src/values/a.test.ts': "import { x } from '../engine/a.ts'" },
    want: [],
  },
  {
    name: 'what is for tests stays there',
    files: { 'src/values/a.ts': "import { x } from './testdata/a.ts'" },
    want: [/is for tests/],
  },
  { name: 'a barrel is refused', files: { 'src/values/index.ts': '' }, want: [/a barrel/] },
  { name: 'a new folder needs a row', files: { 'src/misc/a.ts': '' }, want: [/`misc` is not in the import table/] },
  {
    name: 'a package must be a run-time dependency',
    files: { 'src/rules/a.ts': "import { x } from 'yaml'\nimport fc from 'fast-check'" },
    want: [/a\.ts:2: `fast-check` is not among the dependencies/],
  },
  {
    name: 'the network is for the edges',
    files: {
      'src/engine/a.ts': "import { lookup } from 'node:dns'",
      'src/domains/a.ts': "import { lookup } from 'node:dns'",
    },
    want: [/^src\/engine\/a\.ts:1: node:dns outside the edges/],
  },
  {
    name: 'a cycle at run time is refused',
    files: {
      'src/values/a.ts': "import { b } from './b.ts'",
      'src/values/b.ts': "import { c } from './c.ts'",
      'src/values/c.ts': "import { a } from './a.ts'",
    },
    want: [/import cycle: src\/values\/a\.ts → src\/values\/b\.ts → src\/values\/c\.ts → src\/values\/a\.ts/],
  },
  {
    name: 'what is loaded on demand makes no cycle',
    files: { 'src/values/a.ts': "const b = await import('./b.ts')", 'src/values/b.ts': "import { a } from './a.ts'" },
    want: [],
  },
  {
    name: 'a cycle of types is none',
    files: { 'src/values/a.ts': "import type { B } from './b.ts'", 'src/values/b.ts': "import { a } from './a.ts'" },
    want: [],
  },
]

for (const c of cases) {
  test(`import table: ${c.name}`, () => {
    const got = findBreaches(new Map(Object.entries(c.files)), new Set(['yaml']))
    assert.equal(got.length, c.want.length, got.join('\n'))
    for (const [i, want] of c.want.entries()) assert.match(got[i]!, want)
  })
}

test('parseImports gives the line of each', () => {
  assert.deepEqual(parseImports("// first\nimport 'a'\n\nexport type { X } from './x.ts'\n"), [
    { from: 'a', isType: false, isLazy: false, line: 2 },
    { from: './x.ts', isType: true, isLazy: false, line: 4 },
  ])
})
