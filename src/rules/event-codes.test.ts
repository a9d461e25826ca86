import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Ast } from './ast.ts'
import { inferEventCodes } from './event-codes.ts'
import { parseCondition } from './parse-condition.ts'
import { fakeEvents } from './testdata/fake-lookups.ts'

function parsed(text: string): Ast {
  const result = parseCondition(text)
  assert.ok(result.ok, text)
  return result.ast
}

function codesOf(text: string): number[] {
  const result = inferEventCodes(parsed(text), fakeEvents)
  assert.ok(result.ok, text)
  return [...result.codes]
}

const all = Array.from({ length: fakeEvents.count }, (_, i) => i)
const only = (...names: string[]): number[] =>
  all.filter(code => names.some(n => fakeEvents.codesOf(n)!.includes(code)))
const without = (...names: string[]): number[] => {
  const gone = only(...names)
  return all.filter(code => !gone.includes(code))
}

const cases: readonly { readonly name: string; readonly want: readonly number[]; readonly texts: readonly string[] }[] =
  [
    {
      name: 'one name, however it is said',
      want: only('openat'),
      texts: [
        'evt.type=openat',
        'evt.type == openat',
        'evt.type in (openat)',
        'syscall.type = openat',
        'not evt.type != openat',
        'not not evt.type = openat',
        'not (not evt.type=openat)',
        'evt.type=openat and proc.name=nginx',
        'evt.type=openat and not proc.name=nginx',
        'evt.type=openat and not (evt.type=close and proc.name=nginx)',
      ],
    },
    {
      name: 'all but one',
      want: without('openat'),
      texts: [
        'evt.type!=openat',
        'not evt.type=openat',
        'not not not evt.type in (openat)',
        'evt.type=close or evt.type!=openat',
      ],
    },
    {
      name: 'two names',
      want: only('openat', 'close'),
      texts: [
        'evt.type in (openat, close)',
        'evt.type=openat or evt.type=close',
        'evt.type=openat or (evt.type=close and proc.name=nginx)',
        'not (evt.type != openat and evt.type != close)',
      ],
    },
    {
      name: 'all but two',
      want: without('openat', 'close'),
      texts: [
        'not evt.type in (openat, close)',
        'evt.type!=openat and evt.type!=close',
        'not (evt.type = openat or evt.type = close)',
      ],
    },
    {
      name: 'every code',
      want: all,
      texts: [
        'proc.name=nginx',
        'not proc.name=nginx',
        'some_macro',
        'evt.type exists',
        'evt.type!=openat or evt.type!=close',
        'evt.type=openat or proc.name=nginx',
        'evt.type=close or not (evt.type=openat and proc.name=nginx)',
        'not evt.type in ()',
        'evt.type = mmap or not evt.type = mmap',
      ],
    },
    {
      name: 'no code',
      want: [],
      texts: [
        'evt.type=close and evt.type=openat',
        'evt.type=mmap and not evt.type=mmap',
        'evt.type in ()',
        'not evt.type exists',
      ],
    },
    {
      name: 'operators that do not say which events',
      want: all,
      texts: [
        'evt.type contains open',
        'evt.type startswith open',
        'not evt.type glob o*',
        'evt.type pmatch (open)',
        'evt.type intersects (open)',
        'evt.type < 5',
      ],
    },
    {
      name: 'a system call without an event of its own',
      want: [0, 1],
      texts: ['evt.type = setuid', 'evt.type in (setuid, sched_yield)'],
    },
    { name: 'an argument makes it another field', want: all, texts: ['evt.type[0] = open'] },
    {
      name: 'evt.num begins at 1: what is never true',
      want: [],
      texts: [
        'evt.num=0',
        'evt.num<1',
        'evt.num<=0',
        'evt.num < 0',
        'evt.num in (0)',
        'evt.num in (0, 00)',
        'not evt.num != 0',
        'not evt.num>=1',
        'evt.num in ()',
      ],
    },
    {
      name: 'evt.num begins at 1: what is always true',
      want: all,
      texts: ['evt.num!=0', 'evt.num>0', 'evt.num>=1', 'evt.num>=0', 'not evt.num=0', 'not evt.num in (0)'],
    },
    {
      name: 'evt.num with other numbers says nothing',
      want: all,
      texts: [
        'evt.num=1',
        'not evt.num=1',
        'evt.num<2',
        'evt.num>1',
        'evt.num in (0, 1)',
        'evt.num=x',
        'evt.num=-1',
        'evt.num=val(proc.pid)',
        'len(evt.num)=0',
        'evt.num exists',
      ],
    },
    { name: 'never true and an event type', want: [], texts: ['evt.num=0 and evt.type=open'] },
    { name: 'never true or an event type', want: only('open'), texts: ['evt.num=0 or evt.type=open'] },
    {
      name: '= anyof is in',
      want: only('open', 'close'),
      texts: ['evt.type = anyof (open, close)', 'not evt.type != allof (open, close)'],
    },
    {
      name: '!= allof is not in',
      want: without('open', 'close'),
      texts: ['evt.type != allof (open, close)', 'not evt.type = anyof (open, close)'],
    },
    { name: '!= anyof of two is always true', want: all, texts: ['evt.type != anyof (open, close)'] },
    { name: '!= oneof of two is in', want: only('open', 'close'), texts: ['evt.type != oneof (open, close)'] },
    { name: '= oneof with a repeated name may fail on it', want: all, texts: ['not evt.type = oneof (open, open)'] },
    {
      name: 'a modifier over an empty list is false',
      want: [],
      texts: ['evt.type = anyof ()', 'evt.type != allof ()'],
    },
  ]

for (const c of cases) {
  test(`inferEventCodes: ${c.name}`, () => {
    for (const text of c.texts) assert.deepEqual(codesOf(text), c.want, text)
  })
}

const refused = [
  'evt.type = val(proc.name)',
  'evt.type != tolower(proc.name)',
  'evt.type in val(proc.name)',
  'not evt.type = b64(proc.name)',
  'tolower(evt.type) = open',
  'b64(evt.type) = val(proc.name)',
  'not tolower(toupper(syscall.type)) != open',
  'tolower(evt.type) in (open)',
  'tolower(evt.type) exists',
  'concat(evt.type, "x") = openx',
  'proc.name = a and (proc.name = b or b64(evt.type) = close)',
  'join("-", (proc.name, evt.type)) = x',
]

const accepted = [
  'b64(proc.name) = cat',
  'proc.name = b64(fd.name)',
  'proc.name = tolower(evt.type)',
  'tolower(evt.type) contains open',
  'len(evt.type) > 3',
  'join("-", (evt.type, proc.name)) = x',
]

test('inferEventCodes: refuses what cannot be searched, at its place', () => {
  for (const text of refused) {
    const result = inferEventCodes(parsed(text), fakeEvents)
    assert.ok(!result.ok, text)
    assert.match(
      text.slice(result.span.start, result.span.end),
      /^(?:val\(|tolower\(|b64\(|toupper\(|evt\.type|syscall\.type|\()/,
    )
  }
})

test('inferEventCodes: takes every code where the event type is not searched', () => {
  for (const text of accepted) assert.deepEqual(codesOf(text), all, text)
})

const leaf = fc.constantFrom(
  'evt.type=open',
  'evt.type!=close',
  'evt.type in (open, mmap)',
  'proc.name=a',
  'evt.num=0',
  'evt.type exists',
  'evt.type = oneof (open, close)',
)
const { expr } = fc.letrec<{ expr: string }>(tie => ({
  expr: fc.oneof(
    { depthSize: 'small' },
    leaf,
    tie('expr').map(e => `not (${e})`),
    fc.tuple(tie('expr'), fc.constantFrom('and', 'or'), tie('expr')).map(([a, op, b]) => `((${a}) ${op} (${b}))`),
  ),
}))

/** The truth of a condition for an event of this name, with `proc.name=a` and event number 7. */
function holds(ast: Ast, event: string, name: boolean): boolean {
  switch (ast.kind) {
    case 'and':
      return ast.operands.every(o => holds(o, event, name))
    case 'or':
      return ast.operands.some(o => holds(o, event, name))
    case 'not':
      return !holds(ast.operand, event, name)
    case 'macro':
      return name
    case 'check': {
      if (ast.lhs.name === 'proc.name') return name
      if (ast.lhs.name === 'evt.num') return false
      if (ast.op === 'exists') return true
      const values =
        ast.rhs.kind === 'values' ? ast.rhs.items.map(i => i.text) : ast.rhs.kind === 'value' ? [ast.rhs.text] : []
      return ast.op === '!=' ? !values.includes(event) : values.includes(event)
    }
  }
}

test('property: an event on which a condition is true is never left out', () => {
  fc.assert(
    fc.property(expr, fc.constantFrom('open', 'close', 'mmap', 'execve'), fc.boolean(), (text, event, name) => {
      if (!holds(parsed(text), event, name)) return
      const codes = codesOf(text)
      for (const code of only(event)) assert.ok(codes.includes(code), text)
    }),
    { numRuns: 1000, interruptAfterTimeLimit: 1500 },
  )
})
