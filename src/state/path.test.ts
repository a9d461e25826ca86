import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinPath } from './path.ts'

const cases = [
  { name: 'a relative path goes below the directory', dir: '/a/', path: 'b', want: '/a/b' },
  { name: 'an absolute path stands alone', dir: '/a/', path: '/b', want: '/b' },
  { name: 'a final slash goes', dir: '', path: '/b/', want: '/b' },
  { name: 'the root keeps its slash', dir: '/a/', path: '/', want: '/' },
  { name: 'an empty path is nothing', dir: '/a/', path: '', want: '' },
  { name: 'dot is skipped', dir: '/a/', path: './b/./c', want: '/a/b/c' },
  { name: 'dot alone is the directory', dir: '/a/', path: '.', want: '/a' },
  { name: 'dot-dot goes up', dir: '/a/b/', path: '../c', want: '/a/c' },
  { name: 'dot-dot at the end goes up', dir: '/a/b/', path: 'c/..', want: '/a/b' },
  { name: 'dot-dot stops at the root', dir: '/', path: '../../../etc/shadow', want: '/etc/shadow' },
  { name: 'dot-dot in an absolute path', dir: '/x/', path: '/etc/../etc/../etc/shadow', want: '/etc/shadow' },
  { name: 'double slashes become one', dir: '', path: '/a//b///c', want: '/a/b/c' },
  { name: 'a name that begins with a dot is a name', dir: '/a/', path: '.ssh/..id', want: '/a/.ssh/..id' },
  { name: 'the directory is not cleaned', dir: '//x/./', path: 'b', want: '//x/./b' },
  { name: 'a byte outside printable ASCII becomes a dot', dir: '/a/', path: 'b\xe4\tc', want: '/a/b..c' },
  { name: 'a path of 1,024 bytes is too long', dir: '', path: `/${'a'.repeat(1023)}`, want: '/PATH_TOO_LONG' },
  { name: 'a path of 1,023 bytes is not', dir: '', path: `/${'a'.repeat(1022)}`, want: `/${'a'.repeat(1022)}` },
  { name: 'without a directory a relative path stays relative', dir: '', path: 'foo/../a', want: 'a' },
] as const

for (const c of cases) {
  test(`joinPath: ${c.name}`, () => assert.equal(joinPath(c.dir, c.path), c.want))
}
