import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lineText, positionAt } from './source.ts'

const source = { path: 'a.yaml', text: 'one\ntwo\r\n\nfour' }

const positions = [
  { name: 'the beginning', offset: 0, want: { line: 1, column: 1 } },
  { name: 'a line end belongs to its line', offset: 3, want: { line: 1, column: 4 } },
  { name: 'the first character after a line end', offset: 4, want: { line: 2, column: 1 } },
  { name: 'an empty line', offset: 9, want: { line: 3, column: 1 } },
  { name: 'the end of the text', offset: 14, want: { line: 4, column: 5 } },
  { name: 'past the end counts as the end', offset: 99, want: { line: 4, column: 5 } },
  { name: 'before the beginning counts as the beginning', offset: -5, want: { line: 1, column: 1 } },
]

for (const c of positions) {
  test(`positionAt: ${c.name}`, () => assert.deepEqual(positionAt(source, c.offset), c.want))
}

test('lineText: without its line end, of either kind', () => {
  assert.deepEqual(lineText(source, 1), { text: 'one', start: 0 })
  assert.deepEqual(lineText(source, 2), { text: 'two', start: 4 })
  assert.deepEqual(lineText(source, 4), { text: 'four', start: 10 })
  assert.equal(lineText(source, 9).text, '')
})
