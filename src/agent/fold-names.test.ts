import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldNames } from './fold-names.ts'

const hosts = (count: number, rest: string): string[] => Array.from({ length: count }, (_, i) => `edge${i * 7}${rest}`)

const cases: readonly { readonly name: string; readonly names: readonly string[]; readonly want: readonly string[] }[] =
  [
    { name: 'five numbered hosts of one owner', names: hosts(5, '.cdn.example.com'), want: ['*.cdn.example.com'] },
    { name: 'right below the registered domain', names: hosts(5, '.example.co.uk'), want: ['*.example.co.uk'] },
    { name: 'four are too few', names: hosts(4, '.cdn.example.com'), want: [] },
    {
      name: 'names of their own are no rotation',
      names: ['a', 'b', 'c', 'd', 'e', 'f'].map(x => `${x}.example.com`),
      want: [],
    },
    {
      name: 'numbers elsewhere than in the first label',
      names: [1, 2, 3, 4, 5].map(i => `www.s${i}.example.com`),
      want: [],
    },
    { name: 'other words, other kinds', names: [...hosts(4, '.example.com'), 'mx1.example.com'], want: [] },
    {
      name: 'hashes',
      names: ['0123abcd', 'deadbeef', 'ffff0000ff', '12345678', 'abcdef01'].map(x => `h-${x}.example.com`),
      want: ['*.example.com'],
    },
    { name: 'anybody has a name below a public suffix', names: hosts(9, '.co.uk'), want: [] },
    { name: 'or below a provider of storage', names: hosts(9, '.s3.amazonaws.com'), want: [] },
    { name: 'or of pages', names: hosts(9, '.github.io'), want: [] },
    { name: 'one tenant of a provider', names: hosts(5, '.cdn.shop.github.io'), want: ['*.cdn.shop.github.io'] },
    { name: 'a suffix that the list does not know', names: hosts(9, '.svc.cluster.local'), want: [] },
    { name: 'names of one label', names: ['host1', 'host2', 'host3', 'host4', 'host5'], want: [] },
  ]
for (const { name, names, want } of cases) {
  test(`foldNames: ${name}`, () => {
    const folded = foldNames(names)
    assert.deepEqual(
      folded.map(fold => fold.pattern),
      want,
    )
    for (const fold of folded) {
      assert.deepEqual(fold.names, [...fold.names].sort())
      for (const one of fold.names) assert.ok(one.endsWith(fold.pattern.slice(1)), one)
    }
  })
}
