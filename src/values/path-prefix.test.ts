import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PathPrefixes } from './path-prefix.ts'
import { TextPrefixes } from './text-prefix.ts'

const cases = [
  { name: 'a path fits itself', paths: ['/var'], value: '/var', want: true },
  { name: 'a path fits what lies below', paths: ['/var/run'], value: '/var/run/docker/x', want: true },
  { name: 'a longer name is another component', paths: ['/var'], value: '/variable', want: false },
  { name: 'an ancestor of the path does not fit', paths: ['/var/run'], value: '/var', want: false },
  { name: 'slashes do not count', paths: ['//var//run/'], value: '/var///run', want: true },
  { name: 'a missing first slash does not count', paths: ['var'], value: '/var/x', want: true },
  { name: 'the root fits everything', paths: ['/'], value: '/x', want: true },
  { name: 'the root fits the empty text', paths: ['/'], value: '', want: true },
  { name: 'nothing else fits the empty text', paths: ['/var'], value: '', want: false },
  { name: 'a star stays within a component', paths: ['/home/*/.ssh'], value: '/home/me/.ssh/id', want: true },
  { name: 'a star does not take two components', paths: ['/home/*/.ssh'], value: '/home/a/b/.ssh', want: false },
  { name: 'a question mark and a set', paths: ['/dev/tty[0-9]', '/dev/sd?'], value: '/dev/sda/x', want: true },
  { name: 'a glob is tried where the literal way fails', paths: ['/a/b/c', '/*/b/d'], value: '/a/b/d', want: true },
  { name: 'a shorter path hides a longer one', paths: ['/usr/lib', '/usr'], value: '/usr/bin', want: true },
  { name: 'no path, no match', paths: [], value: '/x', want: false },
]

for (const c of cases) {
  test(`PathPrefixes: ${c.name}`, () => {
    const paths = new PathPrefixes<number>()
    for (const [i, path] of c.paths.entries()) paths.add(path, i)
    assert.equal(paths.matches(c.value), c.want)
    const found: number[] = []
    paths.collect(c.value, found)
    assert.equal(found.length > 0, c.want)
  })
}

test('TextPrefixes: the same answer as startsWith for each', () => {
  const text = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 }).map(a => a.join(''))
  fc.assert(
    fc.property(fc.array(text, { maxLength: 15 }), fc.array(text, { maxLength: 10 }), (prefixes, values) => {
      const set = new TextPrefixes<number>()
      for (const [i, prefix] of prefixes.entries()) set.add(prefix, i)
      for (const value of values) {
        const want = prefixes.flatMap((prefix, i) => (value.startsWith(prefix) ? [i] : []))
        const got: number[] = []
        set.collect(value, got)
        assert.deepEqual(
          got.sort((a, b) => a - b),
          want,
        )
        assert.equal(set.matches(value), want.length > 0)
      }
    }),
    { numRuns: 500 },
  )
})
