import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepNewest } from './keep-newest.ts'

for (const { most, want } of [
  { most: 5, want: ['a', 'b', 'c'] },
  { most: 3, want: ['a', 'b', 'c'] },
  { most: 1, want: ['c'] },
  { most: 0, want: [] },
]) {
  test(`keepNewest: ${want.length} of 3 with room for ${most}`, () => {
    const map = new Map(['a', 'b', 'c'].map(key => [key, 1]))
    keepNewest(map, most)
    assert.deepEqual([...map.keys()], want)
  })
}
