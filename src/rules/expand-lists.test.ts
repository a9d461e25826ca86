import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Source } from '../diagnostics/source.ts'
import type { ConditionText } from './condition-text.ts'
import { scalarText } from './condition-text.ts'
import type { ExpandableList } from './expand-lists.ts'
import { ExpandedOrigin, ListTable } from './expand-lists.ts'
import type { YamlScalar } from './yaml/node.ts'
import { lookupKey } from './yaml/node.ts'
import { parseYamlDocuments } from './yaml/parse-documents.ts'

const source: Source = { path: 'rules.yaml', text: '' }

function scalarOf(text: string): YamlScalar {
  const node = parseYamlDocuments(JSON.stringify(text)).documents[0]
  assert.ok(node?.kind === 'scalar')
  return node
}

function listsOf(items: Readonly<Record<string, readonly string[]>>): readonly ExpandableList[] {
  return Object.entries(items).map(([name, values], position) => ({
    name,
    position,
    items: values.map(text => ({ text, source, scalar: scalarOf(text) })),
  }))
}

function expand(
  condition: string,
  items: Readonly<Record<string, readonly string[]>>,
  used = new Set<string>(),
): string | undefined {
  return new ListTable(listsOf(items)).expand(scalarText(source, scalarOf(condition)), used)
}

const cases: readonly {
  readonly name: string
  readonly lists: Readonly<Record<string, readonly string[]>>
  readonly condition: string
  readonly want: string
}[] = [
  {
    name: 'a condition without lists stays as it is',
    lists: { l: ['a'] },
    condition: 'p in (x)  ',
    want: 'p in (x)  ',
  },
  { name: 'items are joined by commas', lists: { l: ['a', 'b'] }, condition: 'p in (l)', want: 'p in ( a, b )' },
  {
    name: 'blanks around the name become one on each side',
    lists: { l: ['a'] },
    condition: 'p in (x, \t l  )',
    want: 'p in (x, a )',
  },
  { name: 'a name at the beginning gets no blank before it', lists: { l: ['a'] }, condition: 'l = p', want: 'a = p' },
  { name: 'a name at the end gets a blank after it', lists: { l: ['a'] }, condition: 'p =l', want: 'p = a ' },
  { name: 'the same list twice', lists: { l: ['a'] }, condition: '(l,l)', want: '( a , a )' },
  {
    name: 'a name inside a word is not replaced',
    lists: { l: ['a'] },
    condition: '(xl, lx, l-l, l.l)',
    want: '(xl, lx, l-l, l.l)',
  },
  { name: 'names differ in case', lists: { l: ['a'] }, condition: '(L)', want: '(L)' },
  { name: 'a quote is no delimiter', lists: { l: ['a'] }, condition: `("l", 'l')`, want: `("l", 'l')` },
  {
    name: 'but a name between blanks in quotes is replaced',
    lists: { l: ['a', 'b'] },
    condition: '"x l y"',
    want: '"x a, b y"',
  },
  {
    name: 'the names of lists in a transformer too',
    lists: { l: ['a'] },
    condition: 'tolower(l)',
    want: 'tolower( a )',
  },
  { name: 'items with blanks are quoted', lists: { l: ['a b', 'c'] }, condition: '(l)', want: '( "a b", c )' },
  {
    name: 'items that begin with a quote are not',
    lists: { l: ['"a b"', "'c d'"] },
    condition: '(l)',
    want: `( "a b", 'c d' )`,
  },
  {
    name: 'a quote inside an item that is quoted stays as it is',
    lists: { l: ['a "b'] },
    condition: '(l)',
    want: '( "a "b" )',
  },
  {
    name: 'other signs are not quoted',
    lists: { l: ['a(b', 'c,d', 'e=f', "g'h"] },
    condition: '(l)',
    want: "( a(b, c,d, e=f, g'h )",
  },
  { name: 'tabs alone are not quoted', lists: { l: ['a\tb'] }, condition: '(l)', want: '( a\tb )' },
  { name: 'an empty list takes the comma before it', lists: { l: [] }, condition: '(a, l, b)', want: '(a  , b)' },
  {
    name: 'an empty list that comes first takes the comma after it',
    lists: { l: [] },
    condition: '(l, b)',
    want: '(   b)',
  },
  { name: 'an empty list alone', lists: { l: [] }, condition: '(l)', want: '(  )' },
  { name: 'two empty lists', lists: { l: [], m: [] }, condition: '(l, m)', want: '(  )' },
  {
    name: 'what a list brings in may name a list defined after it',
    lists: { l: ['m'], m: ['a'] },
    condition: '(l)',
    want: '( a )',
  },
  { name: 'but none defined before it', lists: { m: ['a'], l: ['m'] }, condition: '(l)', want: '( m )' },
  { name: 'nor itself', lists: { l: ['l', 'a'] }, condition: '(l)', want: '( l, a )' },
  {
    name: 'an item that is two words names what its words name',
    lists: { l: ['x m'], m: ['a'] },
    condition: '(l)',
    want: '( "x m" )',
  },
  {
    name: 'unless a blank is left and right of it',
    lists: { l: ['x m y'], m: ['a'] },
    condition: '(l)',
    want: '( "x a y" )',
  },
  {
    name: 'a name with a blank is found as it stands',
    lists: { 'my list': ['a'] },
    condition: '(my list)',
    want: '( a )',
  },
  {
    name: 'a name with a parenthesis is found as it stands',
    lists: { 'l(x)': ['a'] },
    condition: 'p in l(x)',
    want: 'p in a ',
  },
]

for (const { name, lists, condition, want } of cases) {
  test(name, () => assert.equal(expand(condition, lists), want))
}

test('lists that were put in are noted, also those of lists', () => {
  const used = new Set<string>()
  expand('(l)', { l: ['m'], m: ['a'], n: ['b'] }, used)
  assert.deepEqual([...used], ['l', 'm'])
})

/** List by list over the whole text, as Falco does it: right, but slow. */
function expandByList(condition: string, lists: readonly ExpandableList[]): string {
  let text = condition
  for (const { name, items } of lists) {
    const joined = items
      .map(({ text: item }) => (item.includes(' ') && !/^["']/.test(item) ? `"${item}"` : item))
      .join(', ')
    const word = new RegExp(`^(.*?)(?:^|(?<=[ \\t\\n\\r(),=]))${name}(?=$|[ \\t\\n\\r(),=])(.*)$`, 's')
    let done = ''
    for (let found = word.exec(text); found !== null; found = word.exec(text)) {
      let before = (done + found[1]).trimEnd()
      let after = found[2]!.trimStart()
      if (joined === '') {
        if (before.endsWith(',')) before = before.slice(0, -1)
        else if (after.startsWith(',')) after = after.slice(1)
      }
      done = `${before}${before === '' ? '' : ' '}${joined} `
      text = after
    }
    text = done + text
  }
  return text
}

test('one pass over the words gives what passes list by list give', () => {
  const word = fc.constantFrom('l', 'm', 'n', 'a', 'll', '"l m"', 'x')
  const glue = fc.constantFrom(' ', ', ', ',', '(', ')', '=', '  ', '"', '\t', '\n')
  const text = fc.array(fc.tuple(word, glue), { maxLength: 12 }).map(parts => `p in ( ${parts.flat().join('')}`)
  const items = fc.array(fc.constantFrom('l', 'm', 'n', 'a', 'b c', 'x m y', '"q"', '(m)', 'a,n'), { maxLength: 4 })
  fc.assert(
    fc.property(text, items, items, items, (condition, l, m, n) => {
      const lists = listsOf({ m, l, n })
      const got = new ListTable(lists).expand(scalarText(source, scalarOf(condition)), new Set())
      // Of two lists side by side the order decides how many blanks are left between them.
      assert.equal(got?.replace(/[ \t\n]+/g, ' '), expandByList(condition, lists).replace(/[ \t\n]+/g, ' '))
    }),
    { numRuns: 3000 },
  )
})

// Places

function conditionIn(yaml: string): { readonly condition: ConditionText; readonly file: Source } {
  const file: Source = { path: 'rules.yaml', text: yaml }
  const root = parseYamlDocuments(yaml).documents[0]
  assert.ok(root?.kind === 'map')
  const scalar = lookupKey(root, 'condition')
  assert.ok(scalar?.kind === 'scalar')
  return { condition: scalarText(file, scalar), file }
}

test('a place after a list is found in the file, over the lines of a folded scalar', () => {
  const { condition, file } = conditionIn('condition: >\n  p in (l)\n  and wrong = 1\n')
  const table = new ListTable(listsOf({ l: ['aaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb'] }))
  const text = table.expand(condition, new Set())!
  const at = text.indexOf('wrong')
  const { span } = new ExpandedOrigin(condition, text, table).locate({ start: at, end: at + 5 })
  assert.equal(file.text.slice(span.start, span.end), 'wrong')
})

test('a place in what a list brought in is the name of the list, and the item is known', () => {
  const { condition, file } = conditionIn('condition: p in (x, l)\n')
  const table = new ListTable(listsOf({ l: ['aaa', 'wrong'] }))
  const text = table.expand(condition, new Set())!
  const origin = new ExpandedOrigin(condition, text, table)
  const at = text.indexOf('wrong')
  const { span } = origin.locate({ start: at, end: at + 5 })
  assert.equal(file.text.slice(span.start, span.end), 'l')
  const item = origin.listItem({ start: at, end: at + 5 })
  assert.deepEqual([item?.list, item?.item.text], ['l', 'wrong'])
})

// Bounds

test('100,000 items expand at once', () => {
  const items = Array.from({ length: 100_000 }, (_, i) => `item${i}`)
  assert.equal(expand('(l)', { l: items })?.length, `( ${items.join(', ')} )`.length)
})

test('lists that double each other are refused', () => {
  const lists: Record<string, readonly string[]> = {}
  for (let i = 0; i < 60; i++) lists[`l${i}`] = [`l${i + 1}`, `l${i + 1}`]
  assert.equal(expand('(l0)', lists), undefined)
})

test('a chain of 100,000 lists is refused, not followed', () => {
  const lists: Record<string, readonly string[]> = {}
  for (let i = 0; i < 100_000; i++) lists[`l${i}`] = [`l${i + 1}`]
  assert.equal(expand('(l0)', lists), undefined)
})
