import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Ast, AstCheck } from './ast.ts'
import { parseCondition, parseOperand } from './parse-condition.ts'
import { printAst } from './print-ast.ts'
import { cpuMs } from '../values/testing.ts'

/** What Falco's parser takes and refuses; each accepted condition also with every blank as a line end and as a tab. */
const acceptance: readonly {
  readonly name: string
  readonly accept?: readonly string[]
  readonly refuse?: readonly string[]
}[] = [
  {
    name: 'macros joined by and, or, not',
    accept: ['a', '  a', 'a and b and c', 'a or b or c', 'not a', 'a and not b', 'a or not b and c'],
    refuse: ['', ' ', 'and a b', 'a b', 'a not b', 'a,b', '#a'],
  },
  {
    name: 'parentheses group, and need no blanks around',
    accept: [
      '(a)',
      '((a))',
      '( a and b )',
      '(a)and(b)or(c)',
      'a and b and(c)',
      'not (a)',
      'not(a)',
      'not(a)and(not(b))',
    ],
    refuse: ['()', '(a', 'a)', '(a))', '(a and (b)', 'not()', 'not(a'],
  },
  {
    name: 'pairs of not cancel, however they are written',
    accept: ['not not a', 'not not(a)', 'not not not (a)', '(not not a)', 'not(not(a))'],
    refuse: ['not ', 'a and not ', 'a not', 'not () a'],
  },
  {
    name: 'a word that begins with a keyword is a macro',
    accept: ['notz', 'nota and b', 'a and and_b', 'a or or_b', 'a and notb', 'not not_a', 'in_x', 'val'],
    refuse: ['aand b', 'aor b', 'anot b', 'a andb', 'a orb', 'a andnot b', 'a ornot(b)', '(a)andnot(b)'],
  },
  {
    name: 'a keyword where a term is expected is a macro too',
    accept: ['and', 'or', 'a and and', 'a or or', 'a and or', 'and or b'],
    refuse: ['and a', 'or a', 'a and or b', 'a and b or', 'a and', 'a or', 'a and b and'],
  },
  {
    name: 'and after or( is not seen, as in Falco; or after and( is',
    accept: ['a and(b) or c', 'a or(b) or c', 'a or (b) and c', 'a and(b) and c', 'a or(b and c)', '(a or(b)) and c'],
    refuse: ['a or(b) and c', 'a or(b and c) and d'],
  },
  {
    name: 'keywords are lower case',
    refuse: ['a AND b', 'a Or b', 'NOT a', 'a.b EXISTS', 'a.b IN (c)', 'a && b', 'a || b', '!a'],
  },
  {
    name: 'signs need no blanks around, words need one after',
    accept: ['a.b=c', 'a.b =c', 'a.b= c', 'a.b==c', 'a.b!=c', 'a.b>1', 'a.b<=1', 'a.b contains c', "a.b contains\t'c'"],
    refuse: [
      'a.b containsc',
      'a.b startswithc',
      'a.b bstartswithff',
      'a.b globc',
      'a.b regexc',
      "a.b contains'c'",
      'a.bcontains c',
    ],
  },
  {
    name: 'a sign written twice over is not read twice',
    refuse: [
      'a.b === c',
      'a.b !== c',
      'a.b ===',
      'a.b = = c',
      'a.b =',
      'a.b ==',
      'a.b !=',
      'a.b ! c',
      'a.b =~ c',
      'a.b <> 1',
    ],
  },
  {
    name: 'exists takes nothing and needs no blank after it',
    accept: ['a.b exists', 'a.b exists and c', 'a.b existsand c', '(a.b exists)and c', 'a.bexists exists'],
    refuse: ['a.b exists c', 'a.b ExIsTs', 'exists a.b', 'a exists'],
  },
  {
    name: 'the list operators are prefixes',
    accept: ['a.b in(c)', 'a.b in (c)', 'a.b infoo', 'a.b in foo', 'a.b intersects()', 'a.b pmatch(/a)', 'a.b pmatchx'],
    refuse: ['a.b in', 'a.b intersects', 'a.b in 5', 'a.b in "c"', 'a.b in c.d', 'a.b in )', 'a.b inside (c) d'],
  },
  {
    name: 'a word operator without its blank lets a list operator follow, as in Falco',
    accept: ['a.b globin (c)', 'a.b containspmatch (c)'],
    refuse: ['a.b glob=c', 'a.b globexists'],
  },
  {
    name: 'lists hold values and commas, nothing else',
    accept: [
      'a.b in ()',
      'a.b in ( )',
      'a.b in (c)',
      'a.b in (c, "d" , \'e\')',
      'a.b in (1, -2, c.d)',
      'a.b in ( c,d )',
    ],
    refuse: [
      'a.b in (c,)',
      'a.b in (,)',
      'a.b in (,c)',
      'a.b in (c d)',
      'a.b in (c',
      'a.b in (',
      'a.b in ((c))',
      'a.b in (b64(c.d))',
    ],
  },
  {
    name: 'operators with one value take no list, list operators no plain value',
    refuse: ['a.b = (c)', 'a.b contains (c)', 'a.b > (1)', 'a.b startswith (c)', 'a.b regex (c)', 'a.b in /etc'],
  },
  {
    name: 'a bare value ends at a blank, a quote, a parenthesis, a comma or an equals sign',
    accept: [
      'a.b = /etc/*.conf',
      'a.b = 0a!@#456:/\\.;!$%^&*[]{}|',
      'a.b = c.d',
      'a.b = not',
      'a.b = <',
      'a.b=>',
      'a.b = -é',
    ],
    refuse: ['a.b = c,', 'a.b = c=', 'a.b = c(', 'a.b = c)', 'a.b = c"d"', 'a.b = c d', 'a.b = /x);y'],
  },
  {
    name: 'quoted values',
    accept: [
      'a.b = ""',
      "a.b = ''",
      'a.b = "c d"',
      "a.b = 'c (d), =e'",
      'a.b = "\'"',
      "a.b = '\"'",
      'a.b in ("", \'\')',
    ],
    refuse: ['a.b = "', "a.b = '", 'a.b = "c', 'a.b = \'c"', 'a.b = "c""', "a.b = 'c''", 'a.b = "c"d'],
  },
  {
    name: 'escapes in quoted values',
    accept: [
      'a.b = "\\b\\f\\n\\r\\t\\\\n\\/"',
      'a.b = "\\""',
      "a.b = '\\''",
      'a.b = "c \\ d"',
      "a.b = 'c \\\\\\' d'",
      'a.b = "\\x41\\xff\\x0a"',
    ],
    refuse: [
      'a.b = "\\q"',
      'a.b = "\\\'"',
      "a.b = '\\\"'",
      'a.b = "\\x4"',
      'a.b = "\\xg1"',
      'a.b = "\\x"',
      'a.b = "\\u0041"',
    ],
  },
  {
    name: 'a quote after a backslash never closes, even if the backslash is escaped',
    accept: ['a.b = "c\\\\ "', 'a.b = "\\\\" and c.d = "'],
    refuse: ['a.b = "c\\\\"', 'a.b = "c\\"'],
  },
  {
    name: 'numbers after < <= > >=',
    accept: [
      'a.b > 1',
      'a.b < +1',
      'a.b >= -1',
      'a.b <= 0x1F',
      'a.b <= 0XaB00',
      'a.b > 1.2',
      'a.b < -0.5',
      'a.b > -0.1e+10',
      'a.b > 1.',
    ],
    refuse: [
      'a.b > c',
      'a.b > "1"',
      'a.b > !1',
      'a.b > 1c',
      'a.b > 0x',
      'a.b > 0xg',
      'a.b > 0xA.1',
      'a.b > .5',
      'a.b > 1e5',
      'a.b >',
      'a.b > -',
      'a.b > 1 2',
    ],
  },
  {
    name: 'after other operators numbers are values like any other',
    accept: ['a.b = 0xAAA.1', 'a.b = 0aaa', 'a.b = !0.1e+10', 'a.b in (1, 0x2)'],
  },
  {
    name: 'fields have two parts or more, of letters, digits and underscores, each beginning with a letter',
    accept: ['a.b exists', 'a.b.c exists', 'a1.b2_c exists', 'aB.Cd exists'],
    refuse: [
      'a. exists',
      '.a exists',
      'a..b exists',
      'a.1 exists',
      'a exists',
      '1.a exists',
      '_a.b exists',
      'a.b. exists',
      'a-b.c exists',
      'macro > 12',
    ],
  },
  {
    name: 'an argument in brackets: a word or a quoted text, nothing between the name and the bracket',
    accept: [
      'a.b[1] = c',
      'a.b[x] exists',
      'a.b[0a!@#456:/\\.;!$%^&*(){}|] = c',
      'a.b[+0.25e+10] = c',
      'a.b["c d"] = e',
      "a.b['[x]'] = c",
      'a.b[""] = c',
      'a.b["\\"c\\""] = d',
    ],
    refuse: [
      'a.b [1] = c',
      'a.b[] = c',
      'a.b[ = c',
      'a.b[[] = c',
      'a.b[]] = c',
      'a.b] = c',
      'a.b[ c ] = d',
      'a.b[c d] = e',
      'a.b["c] = d',
      "a.b['''] = c",
      'a.b[c"] = d',
      'a.b[c[d]] = e',
    ],
  },
  {
    name: 'a modifier before a list or a name is a modifier',
    accept: [
      'a.b = oneof (c, d)',
      'a.b == anyof (c)',
      'a.b != allof ()',
      'a.b contains anyof(c)',
      'a.b regex oneof ("c.*")',
      'a.b = oneof list_name',
      'a.b startswith anyof  list',
    ],
    refuse: [
      'a.b = oneof val(c.d)',
      'a.b = oneof (c',
      'a.b = oneof c.d',
      'a.b in oneof (c)',
      'a.b > oneof (1)',
      'a.b exists oneof (c)',
      'a.b = oneof "c"',
      'a.b = oneof anyof (c)',
      'a.b = oneof (tolower(c.d))',
    ],
  },
  {
    name: 'a modifier before anything else is a value',
    accept: [
      'a.b = oneof',
      'a.b = oneof and c',
      'a.b = anyof or(c)',
      '(a.b = allof)',
      'a.b = oneofx',
      'a.b contains anyof-x',
      'a.b = allof and not c',
    ],
    refuse: ['a.b = oneof not c', 'a.b = oneof 5'],
  },
  {
    name: 'transformers on the left',
    accept: [
      'tolower(a.b) exists',
      'toupper(a.b) = C',
      'b64( a.b ) contains c',
      'basename(a.b[1]) in (c)',
      'len(a.b)>5',
      'not len(a.b) > 5',
      'b64(toupper( a.b )) exists',
      'toupper(tolower(b64(a.b))) = c',
    ],
    refuse: [
      'tolower (a.b) exists',
      'tolower(a.b exists',
      'tolower(a.b)) exists',
      'tolower() exists',
      'tolower(ab) exists',
      'tolower(a.b [1]) exists',
      'lower(a.b) exists',
      'a.b.c(d.e) exists',
      '(a.b) exists',
      'tolower(a.b)',
    ],
  },
  {
    name: 'val stands on the right only, around one field',
    accept: [
      'a.b = val(c.d)',
      'a.b contains val( c.d[1] )',
      'a.b in val(c.d)',
      'a.b > val(c.d)',
      'a.b pmatch val(c.d)',
      'a.b regex val(c.d)',
    ],
    refuse: [
      'val(a.b) exists',
      'val(a.b) = c',
      'a.b = val(val(c.d))',
      'a.b = val(tolower(c.d))',
      'a.b = tolower(val(c.d))',
      'a.b = val(c)',
      'a.b = val(c.d, e.f)',
      'a.b = val (c.d)',
      'a.b = val(c.d [1])',
    ],
  },
  {
    name: 'transformers on the right',
    accept: [
      'a.b = tolower(c.d)',
      'a.b in toupper(c.d)',
      'a.b >= len(c.d)',
      'tolower(a.b) = b64(tolower(c.d)) and e',
      'a.b = b64 and(c)',
      "a.b = 'b64(c)'",
    ],
    refuse: [
      'a.b = b64and(c)',
      'a.b = b64 (c.d)',
      'a.b = (b64(c.d))',
      'a.b = b64(c.d',
      'a.b = b64(c.d))',
      'a.b = x(c.d)',
      'a.b = b64\n(c.d)',
      'a.b = c(d(e.f))',
    ],
  },
  {
    name: 'transformers with several arguments',
    accept: [
      'join("-", (a.b, c.d)) = e',
      "join( '-->' , ( a.b , c.d ) ) exists",
      'join(",", ()) = ""',
      'join(",", ("c", 5, tolower(a.b))) contains x',
      'join(a.b, (c.d)) = e',
      'concat(a.b, "c", d.e) = f',
      'concat(a.b, 1, 0x1F) = f',
      'a.b = tolower(join("-", (c.d, e.f)))',
      'len(toupper(concat(a.b, c.d))) >= 5',
      'getopt((a.b[1], "-c"), "nt:") intersects ("n", t)',
      'getopt(a.b, "c:")[c] = d',
      "getopt(a.b, 'c:')['c'] exists",
      'concat("x") = y',
    ],
    refuse: [
      'join() = e',
      'join("-", (a.b, c.d) = e',
      'join("-", a.b, c.d)) = e',
      'join("-", (,)) = e',
      'join("-", (a.b,)) = e',
      'join("-", (,a.b)) = e',
      'join("-", ((a.b))) = e',
      'join("-", (macro)) = e',
      'join(-, (a.b)) = e',
      'concat(a.b c.d) = e',
      'concat(a.b, c) = e',
      'getopt(a.b, "c:")[] = d',
      'getopt(a.b, "c:") [c] = d',
      'getopt(a.b, "c:")[c = d',
    ],
  },
  {
    name: 'blanks are space, tab, backspace, carriage return and line feed',
    accept: ['a\band\bb', 'a\r\nand\tb', '\na', 'a.b\b=\bc\n'],
    refuse: ['a\vand b', 'a\f', 'a\u00a0and b', 'a.b =\vc', 'not\ba'],
  },
  {
    name: 'NUL ends no text and opens none',
    refuse: ['a\0', 'a and\0b', 'a.b = "c\0d"', '\0'],
  },
]

for (const group of acceptance) {
  test(`parseCondition accepts: ${group.name}`, () => {
    for (const text of group.accept ?? []) {
      const result = parseCondition(text)
      assert.ok(result.ok, `${JSON.stringify(text)}: ${result.ok ? '' : result.error.message}`)
      // Blanks inside quotes are part of a value.
      if (/["']/.test(text)) continue
      for (const blank of ['\n', '\t', '  ']) {
        const changed = ` ${text} `.replaceAll(' ', blank)
        assert.ok(parseCondition(changed).ok, JSON.stringify(changed))
      }
    }
  })
  test(`parseCondition refuses: ${group.name}`, () => {
    for (const text of group.refuse ?? []) {
      const result = parseCondition(text)
      assert.ok(!result.ok, `${JSON.stringify(text)} gave ${result.ok ? printAst(result.ast) : ''}`)
      const { message, span } = result.error
      assert.match(message, /^[^A-Z].*[^.]$/, text)
      assert.ok(span.start >= 0 && span.start <= span.end && span.end <= text.length, JSON.stringify({ text, span }))
    }
  })
}

test('parseCondition: a not with nothing after it, not even a blank, is a macro of that name', () => {
  for (const text of ['not', 'a and not', 'not not', '(not)']) assert.ok(parseCondition(text).ok, text)
})

function parsed(text: string): Ast {
  const result = parseCondition(text)
  assert.ok(result.ok, text)
  return result.ast
}

const shapes = [
  { name: 'and binds tighter than or', text: 'a or b and c', want: '(a or (b and c))' },
  { name: 'lists of terms are flat', text: 'a and b and c or d or e', want: '((a and b and c) or d or e)' },
  { name: 'parentheses nest', text: 'a and (b and c)', want: '(a and (b and c))' },
  { name: 'an even number of nots is none', text: 'not not a', want: 'a' },
  { name: 'an odd number of nots is one', text: 'not not not(a)', want: 'not a' },
  { name: 'nots in parentheses are counted apart', text: 'not not not(not not(not a))', want: 'not not a' },
  { name: 'not binds tighter than and', text: 'not a and b', want: '(not a and b)' },
  { name: 'a group after and( is one of its terms', text: 'a and(b or c) or d', want: '((a and (b or c)) or d)' },
  { name: 'values are unescaped and printed as Falco prints them', text: "a.b = 'c d'", want: 'a.b = "c d"' },
  { name: 'the operator stays as written', text: 'a.b==c', want: 'a.b == c' },
  { name: 'an argument in brackets', text: 'a.b["c d"] exists', want: 'a.b["c d"] exists' },
  { name: 'a list', text: 'a.b in(c,"d e",f)', want: 'a.b in (c, "d e", f)' },
  { name: 'a modifier', text: 'a.b startswith   anyof(c,d)', want: 'a.b startswith anyof (c, d)' },
  { name: 'a modifier as a value', text: 'a.b = oneof', want: 'a.b = oneof' },
  { name: 'a transformer', text: 'tolower( a.b[1] )=c', want: 'tolower(a.b[1]) = c' },
  {
    name: 'several arguments print without blanks',
    text: 'join("->", (a.b, "c d")) = concat(e.f, "g")',
    want: 'join(->,(a.b,"c d")) = concat(e.f,g)',
  },
  { name: 'backslash and blank make a backslash', text: 'a.b = "c\\ d"', want: 'a.b = "c\\\\d"' },
]

for (const c of shapes) {
  test(`printAst(parseCondition): ${c.name}`, () => assert.equal(printAst(parsed(c.text)), c.want))
}

test('parseCondition: spans cover exactly what was written', () => {
  const text = '  not ( proc.aname[2] contains  "x y" ) or evt.type in ( open , close )'
  const cut = (span: { start: number; end: number }): string => text.slice(span.start, span.end)
  const ast = parsed(text)
  assert.equal(cut(ast.span), text.trim())
  assert.ok(ast.kind === 'or')
  const [not, list] = ast.operands as [Ast & { kind: 'not' }, AstCheck]
  assert.equal(cut(not.span), 'not ( proc.aname[2] contains  "x y" )')
  const check = not.operand as AstCheck
  assert.equal(cut(check.span), 'proc.aname[2] contains  "x y"')
  assert.equal(cut(check.lhs.span), 'proc.aname[2]')
  assert.equal(cut(check.opSpan), 'contains')
  assert.ok(check.rhs.kind === 'value')
  assert.equal(cut(check.rhs.span), '"x y"')
  assert.ok(list.rhs.kind === 'values')
  assert.equal(cut(list.rhs.span), '( open , close )')
  assert.deepEqual(
    list.rhs.items.map(item => cut(item.span)),
    ['open', 'close'],
  )
})

test('parseCondition: the origin is in checks, macros and errors', () => {
  const origin = { locate: () => ({ source: { path: 'x', text: '' }, span: { start: 0, end: 0 } }) }
  const result = parseCondition('a and b.c exists', { origin })
  assert.ok(result.ok && result.ast.kind === 'and')
  assert.deepEqual(
    result.ast.operands.map(o => 'origin' in o && o.origin),
    [origin, origin],
  )
  const failed = parseCondition('a b', { origin })
  assert.ok(!failed.ok && failed.error.origin === origin)
})

const errors = [
  {
    name: 'a missing operator',
    text: 'proc.name cat',
    place: 'cat',
    message: 'expected an operator after `proc.name`, found `cat`',
  },
  {
    name: 'a mistyped operator is named',
    text: 'proc.name startwith x',
    place: 'startwith',
    help: 'did you mean `startswith`?',
  },
  {
    name: 'an operator with a letter too many',
    text: 'proc.name containss x',
    place: 'containss',
    help: 'did you mean `contains`?',
  },
  {
    name: 'not after the field',
    text: 'proc.name not in (a)',
    place: 'not',
    help: '`not` stands before the field: `not proc.name …`',
  },
  { name: 'capital AND', text: 'a AND b', place: 'AND', help: 'write `and` in lower case' },
  { name: '&&', text: 'a && b', place: '&&', help: 'write `and`' },
  { name: 'an exclamation mark', text: '!a and b', place: '!a', help: 'write `not`' },
  {
    name: 'a per cent sign',
    text: '%proc.name = a',
    place: '%proc.name',
    help: 'a condition names a field alone: `proc.name`',
  },
  {
    name: 'a no-break space',
    text: 'a\u00a0and b',
    place: '\u00a0',
    help: 'write a space in its place; such blanks come from copied text',
  },
  {
    name: 'a condition that begins with and',
    text: ' and proc.name = a',
    place: 'proc.name',
    help: 'a condition begins with a check; what changes a rule says so: `override: {condition: append}`',
  },
  {
    name: 'a list after =',
    text: 'a.b = (c, d)',
    place: '(',
    message: '`=` takes one value, not a list',
    help: 'use `in (…)`',
  },
  {
    name: 'a list after contains',
    text: 'a.b contains (c)',
    place: '(',
    help: 'use `contains anyof (…)` for any of them',
  },
  {
    name: 'an open quote is shown, not the end',
    text: 'a.b = "c d',
    place: '"',
    message: 'the quoted text is never closed',
  },
  {
    name: 'an open parenthesis is shown, not the end',
    text: 'a and (b or c',
    place: '(',
    message: 'the parenthesis is never closed',
  },
  {
    name: 'the innermost open one of several',
    text: '(a or (b',
    place: '(b',
    length: 1,
    message: 'the parenthesis is never closed',
  },
  { name: 'an open list', text: 'a.b in (c, d', place: '(', message: 'the list is never closed' },
  {
    name: 'a closing parenthesis too many',
    text: '(a))',
    place: '))',
    at: 3,
    length: 1,
    help: 'there is no `(` for it',
  },
  { name: 'an unknown escape', text: 'a.b = "c\\q"', place: '\\q', message: 'unknown escape `\\q`' },
  { name: 'an escape of the other quote', text: "a.b = 'c\\\"'", place: '\\"' },
  { name: 'and after or(', text: 'a or(b) and c', place: 'and', help: 'put a blank between `or` and `(`' },
  { name: 'and at the end', text: 'a and', place: 'and', message: 'the condition ends after `and`' },
  { name: 'and before a closing parenthesis', text: '(a and)', place: 'and', message: 'no check stands after `and`' },
  { name: 'words run together', text: 'a andb', place: 'andb', help: 'put a blank after `and`' },
  { name: 'a transformer in a list', text: 'a.b in (tolower(c.d))', place: '(c', length: 1 },
  {
    name: 'a macro compared',
    text: 'spawned = 1',
    place: '=',
    help: 'only a field can stand before an operator, and its name has a dot',
  },
  {
    name: 'a field alone',
    text: 'proc.name',
    place: '',
    at: 9,
    help: 'a field alone is no check; for a value of any kind write `proc.name exists`',
  },
  {
    name: 'a word where a number must stand',
    text: 'a.b > many',
    place: 'many',
    message: 'expected a number after `>`, found `many`',
  },
]

for (const c of errors) {
  test(`parseCondition reports: ${c.name}`, () => {
    const result = parseCondition(c.text)
    assert.ok(!result.ok)
    const start = c.at ?? c.text.indexOf(c.place)
    assert.deepEqual(result.error.span, { start, end: start + (c.length ?? c.place.length) })
    assert.equal(result.error.code, 'E0101')
    if (c.message !== undefined) assert.equal(result.error.message, c.message)
    if (c.help !== undefined) assert.equal(result.error.help, c.help)
  })
}

test('parseOperand: reads one operand at a place and says where it ends', () => {
  const text = 'x %toupper( proc.name )! %proc.aname[2] %val(a.b)'
  const first = parseOperand(text, 3)
  assert.ok(first.ok)
  assert.equal(text.slice(3, first.end), 'toupper( proc.name )')
  const second = parseOperand(text, 26)
  assert.ok(second.ok)
  assert.equal(text.slice(26, second.end), 'proc.aname[2]')
  assert.equal(parseOperand(text, 41).ok, false)
  assert.equal(parseOperand(text, text.length).ok, false)
})

const deep = [
  { name: 'a thousand parentheses', text: `${'('.repeat(1000)}a${')'.repeat(1000)}`, code: undefined },
  { name: 'a thousand and one', text: `${'('.repeat(1001)}a${')'.repeat(1001)}`, code: 'E0102' },
  { name: 'a hundred thousand', text: `${'('.repeat(100_000)}a${')'.repeat(100_000)}`, code: 'E0102' },
  { name: 'a hundred thousand, never closed', text: '('.repeat(100_000), code: 'E0102' },
  { name: 'a hundred thousand not(', text: 'not('.repeat(100_000), code: 'E0102' },
  { name: 'a hundred thousand and(', text: `a ${'and('.repeat(100_000)}`, code: 'E0101' },
  { name: 'a thousand transformers', text: `${'tolower('.repeat(1000)}a.b${')'.repeat(1000)} = c`, code: undefined },
  { name: 'a hundred thousand transformers', text: 'tolower('.repeat(100_000), code: 'E0102' },
]

for (const c of deep) {
  test(`parseCondition: ${c.name}`, () => {
    const result = parseCondition(c.text)
    assert.equal(result.ok ? undefined : result.error.code, c.code)
  })
}

const large = [
  { name: 'a hundred thousand checks', text: `${'a.b=1 or '.repeat(100_000)}c`, ok: true },
  { name: 'a list of 200,000 quoted values', text: `a.b in (${'"x",'.repeat(200_000)}y)`, ok: true },
  { name: 'a word of a megabyte', text: 'x'.repeat(1_000_000), ok: true },
  { name: 'a field of half a million parts', text: `${'a.'.repeat(500_000)}b exists`, ok: true },
  { name: '250,000 nots', text: `${'not '.repeat(250_000)}x`, ok: true },
  { name: 'a megabyte of quotes', text: `a.b = ${'"'.repeat(1_000_000)}`, ok: false },
  { name: 'a megabyte of escaped quotes', text: `a.b = "${'\\"'.repeat(500_000)}`, ok: false },
  { name: 'a megabyte of blanks', text: ' '.repeat(1_000_000), ok: false },
  { name: 'a megabyte of escapes', text: `a.b = "${'\\n'.repeat(500_000)}"`, ok: true },
]

for (const c of large) {
  test(`parseCondition takes linear time: ${c.name}`, () => {
    const start = cpuMs()
    assert.equal(parseCondition(c.text).ok, c.ok)
    assert.ok(cpuMs() - start < 3000)
  })
}

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,5}$/)
const fieldName = fc.tuple(name, name).map(([a, b]) => `${a}.${b}`)
const anyText = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('', '\\', 'a\\', '"', "'", 'a,b', '(', 'and', 'oneof', '\n\t\b', 'é', '\udcff'),
)
const noNul = anyText.map(text => text.replaceAll('\0', '').replace(/[\ud800-\udbff](?![\udc00-\udfff])/g, ''))
const spanless = { start: 0, end: 0 }
const field = fc
  .tuple(
    fieldName,
    fc.option(
      noNul.filter(arg => arg !== ''),
      { nil: undefined },
    ),
  )
  .map(([n, arg]) => ({ kind: 'field' as const, name: n, ...(arg !== undefined && { arg }), span: spanless }))
const value = noNul.map(text => ({ kind: 'value' as const, text, quoted: true, span: spanless }))
const operand = fc.oneof(
  field,
  fc.tuple(fc.constantFrom('tolower', 'len'), field).map(([n, arg]) => ({
    kind: 'transform' as const,
    name: n,
    args: [arg],
    span: spanless,
  })),
)
const check = fc
  .oneof(
    fc.tuple(operand, fc.constant('exists'), fc.constant({ kind: 'none' as const })),
    fc.tuple(
      operand,
      fc.constantFrom('=', '!=', 'contains', 'glob', 'regex'),
      fc.oneof(
        value,
        operand.filter(o => o.kind === 'transform'),
      ),
    ),
    fc.tuple(
      operand,
      fc.constantFrom('in', 'intersects', 'pmatch', '= anyof', 'startswith oneof'),
      fc.array(value, { maxLength: 3 }).map(items => ({ kind: 'values' as const, items, span: spanless })),
    ),
  )
  .map(([lhs, words, rhs]) => {
    const [op, modifier] = words.split(' ')
    return { kind: 'check', lhs, op, opSpan: spanless, ...(modifier && { modifier }), rhs, span: spanless } as Ast
  })
const { tree } = fc.letrec<{ tree: Ast; logical: Ast; not: Ast; leaf: Ast }>(tie => ({
  leaf: fc.oneof(
    check,
    name.filter(n => n !== 'not').map(n => ({ kind: 'macro', name: n, span: spanless }) as Ast),
  ),
  not: tie('tree').map(o => ({ kind: 'not', operand: o, span: spanless }) as Ast),
  logical: fc
    .tuple(fc.constantFrom('and', 'or'), fc.array(tie('tree'), { minLength: 2, maxLength: 3 }))
    .map(([kind, operands]) => ({ kind, operands, span: spanless }) as Ast),
  tree: fc.oneof({ depthSize: 'small' }, tie('leaf'), tie('not'), tie('logical')),
}))

test('property: what printAst prints for reading back is read back as the same tree', () => {
  fc.assert(
    fc.property(tree, ast => {
      const text = printAst(ast, { reparsable: true })
      const result = parseCondition(text)
      assert.ok(result.ok, text)
      assert.equal(printAst(result.ast, { reparsable: true }), text)
      assert.equal(printAst(result.ast), printAst(ast))
    }),
    { numRuns: 500, interruptAfterTimeLimit: 2000 },
  )
})

const fragments = [
  'a',
  'a.b',
  '(',
  ')',
  ' ',
  'and',
  'or',
  'not',
  '=',
  'in',
  '"',
  "'",
  '\\',
  ',',
  '[',
  ']',
  'val(',
  'join(',
  'oneof',
  '1',
  '<',
  '\0',
  'é',
  '\n',
]

test('fuzz: any text gives a tree or an error inside it', () => {
  const text = fc.oneof(
    fc.array(fc.constantFrom(...fragments), { maxLength: 25 }).map(parts => parts.join('')),
    fc.string({ unit: 'binary', maxLength: 40 }),
  )
  fc.assert(
    fc.property(text, t => {
      const result = parseCondition(t)
      const span = result.ok ? result.ast.span : result.error.span
      assert.ok(0 <= span.start && span.start <= span.end && span.end <= t.length)
      if (result.ok) {
        const again = parseCondition(printAst(result.ast, { reparsable: true }))
        assert.ok(again.ok)
        assert.equal(printAst(again.ast), printAst(result.ast))
      }
    }),
    { numRuns: 5000, interruptAfterTimeLimit: 2000 },
  )
})
