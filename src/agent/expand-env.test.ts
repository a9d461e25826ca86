// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are variables of a configuration
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { expandEnv } from './expand-env.ts'

const env = {
  NAME: 'value',
  EMBEDDED: '${NAME}',
  EMPTY: '',
  SELF: 'x${SELF}',
  HALF: '${NA',
}

// The rows follow the facts of Falco's own test of variables in its configuration.
const cases: readonly { readonly name: string; readonly text: string; readonly want: string | undefined }[] = [
  { name: 'text without variables stays', text: 'text', want: 'text' },
  { name: 'a variable is replaced', text: '${NAME}', want: 'value' },
  { name: 'blanks around it stay', text: ' ${NAME} ', want: ' value ' },
  { name: 'a name without braces is text', text: '$NAME', want: '$NAME' },
  { name: 'a doubled sign without braces is text', text: '$$NAME', want: '$$NAME' },
  { name: 'a doubled sign escapes', text: '$${NAME}', want: '${NAME}' },
  { name: 'two escaped ones', text: '$${NAME}$${NAME}', want: '${NAME}${NAME}' },
  { name: 'a variable inside an escaped one is replaced', text: '$${${NAME}}', want: '${value}' },
  { name: 'an escaped one and a variable', text: '$${NAME}${NAME}', want: '${NAME}value' },
  { name: 'a variable that is not set is empty', text: 'a${UNSET}b', want: 'ab' },
  { name: 'an empty one is empty', text: '${EMPTY}', want: '' },
  { name: 'part of a path', text: '/foo/${NAME}/', want: '/foo/value/' },
  { name: 'several of them', text: '/${NAME}/${NAME}${NAME}/foo', want: '/value/valuevalue/foo' },
  { name: 'a variable that names another is replaced twice', text: '${EMBEDDED}/foo', want: 'value/foo' },
  { name: 'a variable may be completed by what follows', text: '${HALF}ME}', want: 'value' },
  { name: 'a lone sign ends the search', text: 'pa$word ${NAME}', want: 'pa$word ${NAME}' },
  { name: 'an open brace stays', text: '${NAME', want: '${NAME' },
  { name: 'an open escaped brace stays', text: '$${NAME', want: '$${NAME' },
  { name: 'a variable that names itself has no end', text: '${SELF}', want: undefined },
  { name: 'names of the language are no variables', text: '${constructor}', want: '' },
]

for (const c of cases) test(`expandEnv: ${c.name}`, () => assert.equal(expandEnv(c.text, { ...env }), c.want))

test('expandEnv: always ends', () => {
  const piece = fc.constantFrom('$', '$$', '${', '}', '${A}', '${B}', 'A', 'B', ' ')
  const text = fc.array(piece, { maxLength: 12 }).map(parts => parts.join(''))
  fc.assert(
    fc.property(text, text, text, (value, A, B) => {
      const expanded = expandEnv(value, { A, B })
      assert.ok(expanded === undefined || typeof expanded === 'string')
    }),
    { numRuns: 2000 },
  )
})
