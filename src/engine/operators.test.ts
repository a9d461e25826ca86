import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlanCheck, PlanExpr, PlanOperand } from '../rules/plan.ts'
import { parseIp } from '../values/ip.ts'
import { parseNet } from '../values/net.ts'
import type { Ip, Net } from '../values/value.ts'
import { Interpreter } from './interpreter.ts'
import { linkPlan } from './link-plan.ts'
import {
  and,
  check,
  fakeContext,
  fakeEventTable,
  fakeFieldByName,
  fakeNames,
  type FakeValues,
  field,
  not,
  or,
  planOf,
} from './testdata/fake-fields.ts'

/*
 * What each operator means, after the evaluation rules of Falco's language: every row is asked of the interpreter and of the linked matcher.
 */

const ip = (text: string): Ip => parseIp(text) as Ip
const net = (text: string): Net => parseNet(text) as Net
const names = fakeNames(
  new Map([
    [ip('10.0.0.1'), ['a.example', 'b.example']],
    [ip('10.0.0.2'), ['www.c.example']],
  ]),
)

interface Row {
  readonly name: string
  readonly condition: PlanExpr
  readonly values: FakeValues
  readonly want: boolean
  readonly code?: number
}

function transform(
  name: Extract<PlanOperand, { kind: 'transform' }>['name'],
  args: readonly (string | PlanOperand)[],
  extra: { readonly index?: string; readonly isList?: boolean; readonly type?: 'CHARBUF' | 'UINT64' | 'BYTEBUF' } = {},
): PlanOperand {
  const operands = args.map(a => (typeof a === 'string' ? field(a) : a))
  const { index, isList = false, type = 'CHARBUF' } = extra
  return { kind: 'transform', name, args: operands, type, isList, ...(index !== undefined && { index }) }
}

function text(value: string): PlanOperand {
  return { kind: 'literal', value, type: 'CHARBUF', isList: false }
}

const words = ['abc', 'abd', 'x']
const two53 = 2n ** 53n

const rows: readonly Row[] = [
  // Missing values
  { name: '= without a value', condition: check('t.name', '=', ['a']), values: {}, want: false },
  { name: '!= without a value', condition: check('t.name', '!=', ['a']), values: {}, want: false },
  { name: 'not = without a value', condition: not(check('t.name', '=', ['a'])), values: {}, want: true },
  { name: 'exists without a value', condition: check('t.name', 'exists', undefined), values: {}, want: false },
  {
    name: 'exists with the empty text',
    condition: check('t.name', 'exists', undefined),
    values: { 't.name': '' },
    want: true,
  },
  { name: '< without a value', condition: check('t.num', '<', [5]), values: {}, want: false },
  { name: '!= allof without a value', condition: check('t.name', '!=', ['a'], 'allof'), values: {}, want: false },
  { name: 'in () without a value', condition: check('t.name', 'in', []), values: {}, want: false },
  // Text
  { name: '= is exact', condition: check('t.name', '=', ['abc']), values: { 't.name': 'abC' }, want: false },
  {
    name: 'text is ordered by bytes',
    condition: check('t.name', '<', ['\x80']),
    values: { 't.name': 'zz' },
    want: true,
  },
  { name: 'a prefix comes first', condition: check('t.name', '>=', ['ab']), values: { 't.name': 'a' }, want: false },
  { name: 'contains', condition: check('t.name', 'contains', ['bc']), values: { 't.name': 'abcd' }, want: true },
  {
    name: 'contains the empty text',
    condition: check('t.name', 'contains', ['']),
    values: { 't.name': '' },
    want: true,
  },
  { name: 'icontains', condition: check('t.name', 'icontains', ['BcD']), values: { 't.name': 'abCd' }, want: true },
  {
    name: 'icontains folds ASCII only',
    condition: check('t.name', 'icontains', ['\xe9']),
    values: { 't.name': '\xc9' },
    want: false,
  },
  { name: 'startswith', condition: check('t.name', 'startswith', ['ab']), values: { 't.name': 'abc' }, want: true },
  {
    name: 'startswith a longer text',
    condition: check('t.name', 'startswith', ['abcd']),
    values: { 't.name': 'abc' },
    want: false,
  },
  { name: 'endswith', condition: check('t.name', 'endswith', ['bc']), values: { 't.name': 'abc' }, want: true },
  { name: 'glob', condition: check('t.path', 'glob', ['/etc/*.d']), values: { 't.path': '/etc/a/b.d' }, want: true },
  {
    name: 'glob minds case',
    condition: check('t.path', 'glob', ['/ETC/*']),
    values: { 't.path': '/etc/x' },
    want: false,
  },
  {
    name: 'iglob does not',
    condition: check('t.path', 'iglob', ['/ETC/*']),
    values: { 't.path': '/etc/x' },
    want: true,
  },
  {
    name: 'regex is anchored',
    condition: check('t.path', 'regex', ['etc']),
    values: { 't.path': '/etc' },
    want: false,
  },
  {
    name: 'regex',
    condition: check('t.path', 'regex', ['/e[a-t]+(/.*)?']),
    values: { 't.path': '/etc/x' },
    want: true,
  },
  {
    name: 'pmatch goes by components',
    condition: check('t.path', 'pmatch', ['/var']),
    values: { 't.path': '/variable' },
    want: false,
  },
  {
    name: 'pmatch',
    condition: check('t.path', 'pmatch', ['/x', '/var/*/a']),
    values: { 't.path': '/var/lib/a/b' },
    want: true,
  },
  { name: 'in', condition: check('t.name', 'in', words), values: { 't.name': 'abd' }, want: true },
  { name: 'in the empty list', condition: check('t.name', 'in', []), values: { 't.name': 'abd' }, want: false },
  {
    name: 'intersects on one value is in',
    condition: check('t.name', 'intersects', words),
    values: { 't.name': 'x' },
    want: true,
  },
  // Modifiers
  {
    name: 'startswith anyof',
    condition: check('t.name', 'startswith', ['q', 'ab'], 'anyof'),
    values: { 't.name': 'abc' },
    want: true,
  },
  {
    name: 'startswith anyof of many',
    condition: check('t.name', 'startswith', ['q', 'r', 's', 't', 'ab'], 'anyof'),
    values: { 't.name': 'abc' },
    want: true,
  },
  {
    name: 'contains allof',
    condition: check('t.name', 'contains', ['a', 'c'], 'allof'),
    values: { 't.name': 'abc' },
    want: true,
  },
  {
    name: 'contains allof, one missing',
    condition: check('t.name', 'contains', ['a', 'z'], 'allof'),
    values: { 't.name': 'abc' },
    want: false,
  },
  {
    name: 'contains oneof',
    condition: check('t.name', 'contains', ['my', 'exe'], 'oneof'),
    values: { 't.name': 'myexe' },
    want: false,
  },
  {
    name: 'contains oneof, one only',
    condition: check('t.name', 'contains', ['my', 'zzz'], 'oneof'),
    values: { 't.name': 'myexe' },
    want: true,
  },
  {
    name: '= oneof counts repeats',
    condition: check('t.name', '=', ['a', 'a'], 'oneof'),
    values: { 't.name': 'a' },
    want: false,
  },
  {
    name: '= anyof',
    condition: check('t.name', '=', ['a', 'b', 'c', 'd'], 'anyof'),
    values: { 't.name': 'd' },
    want: true,
  },
  { name: '= allof', condition: check('t.name', '=', ['a', 'b'], 'allof'), values: { 't.name': 'a' }, want: false },
  {
    name: '= allof with repeats',
    condition: check('t.name', '=', ['a', 'a'], 'allof'),
    values: { 't.name': 'a' },
    want: true,
  },
  {
    name: '!= allof is not in',
    condition: check('t.name', '!=', ['a', 'b'], 'allof'),
    values: { 't.name': 'c' },
    want: true,
  },
  {
    name: '!= allof of a member',
    condition: check('t.name', '!=', ['a', 'b'], 'allof'),
    values: { 't.name': 'b' },
    want: false,
  },
  { name: '!= anyof', condition: check('t.name', '!=', ['a', 'b'], 'anyof'), values: { 't.name': 'a' }, want: true },
  {
    name: '!= oneof',
    condition: check('t.name', '!=', ['a', 'a', 'b'], 'oneof'),
    values: { 't.name': 'a' },
    want: true,
  },
  {
    name: 'regex oneof',
    condition: check('t.name', 'regex', ['my.*', '.*exe'], 'oneof'),
    values: { 't.name': 'myexe' },
    want: false,
  },
  {
    name: 'glob allof',
    condition: check('t.name', 'glob', ['my*', '*exe'], 'allof'),
    values: { 't.name': 'myexe' },
    want: true,
  },
  { name: '= anyof ()', condition: check('t.name', '=', [], 'anyof'), values: { 't.name': 'a' }, want: false },
  { name: '!= allof ()', condition: check('t.name', '!=', [], 'allof'), values: { 't.name': 'a' }, want: false },
  { name: '!= oneof ()', condition: check('t.name', '!=', [], 'oneof'), values: { 't.name': 'a' }, want: false },
  {
    name: 'two allof joined by or stay two',
    condition: or(check('t.name', '=', ['a', 'b'], 'allof'), check('t.name', '=', ['c'])),
    values: { 't.name': 'a' },
    want: false,
  },
  // Numbers
  { name: 'numbers', condition: check('t.num', '>=', [5]), values: { 't.num': 5 }, want: true },
  {
    name: 'a small number against a large one',
    condition: check('t.num', '<', [two53]),
    values: { 't.num': 5 },
    want: true,
  },
  {
    name: 'a large number against a small one',
    condition: check('t.num', '<=', [5]),
    values: { 't.num': two53 },
    want: false,
  },
  {
    name: 'large numbers are equal by value',
    condition: check('t.num', '=', [2n ** 64n - 1n]),
    values: { 't.num': 2n ** 64n - 1n },
    want: true,
  },
  {
    name: 'large numbers in a list',
    condition: check('t.num', 'in', [1, 2, 3, two53]),
    values: { 't.num': two53 },
    want: true,
  },
  { name: 'negative numbers', condition: check('t.num', '<', [0]), values: { 't.num': -1 }, want: true },
  { name: 'booleans', condition: check('t.flag', '=', [false]), values: { 't.flag': false }, want: true },
  { name: 'booleans in a list', condition: check('t.flag', 'in', [true]), values: { 't.flag': false }, want: false },
  // Addresses
  { name: 'IPv4', condition: check('t.ip', '=', [ip('1.2.3.4')]), values: { 't.ip': ip('1.2.3.4') }, want: true },
  { name: 'IPv6 = IPv4', condition: check('t.ip', '=', [ip('1.2.3.4')]), values: { 't.ip': ip('::1') }, want: false },
  { name: 'IPv6 != IPv4', condition: check('t.ip', '!=', [ip('1.2.3.4')]), values: { 't.ip': ip('::1') }, want: true },
  {
    name: 'a block holds',
    condition: check('t.net', '=', [net('10.0.0.0/8')]),
    values: { 't.net': ip('10.9.8.7') },
    want: true,
  },
  {
    name: 'a block does not hold the other family',
    condition: check('t.net', '!=', [net('::/1')]),
    values: { 't.net': ip('1.2.3.4') },
    want: true,
  },
  {
    name: 'in blocks is in any',
    condition: check('t.net', 'in', [net('1.0.0.0/8'), net('10.0.0.0/8')]),
    values: { 't.net': ip('10.9.8.7') },
    want: true,
  },
  {
    name: 'in many blocks',
    condition: check(
      't.net',
      'in',
      ['1', '2', '3', '4', '5'].map(n => net(`${n}.0.0.0/8`)),
    ),
    values: { 't.net': ip('5.9.8.7') },
    want: true,
  },
  {
    name: '!= allof blocks',
    condition: check('t.net', '!=', [net('1.0.0.0/8'), net('2.0.0.0/8')], 'allof'),
    values: { 't.net': ip('2.9.8.7') },
    want: false,
  },
  // Either side
  {
    name: 'either side =',
    condition: check('t.sides', '=', [ip('1.1.1.1')]),
    values: { 't.sides': [ip('2.2.2.2'), ip('1.1.1.1')] },
    want: true,
  },
  {
    name: 'either side in',
    condition: check('t.sides', 'in', [ip('3.3.3.3'), ip('1.1.1.1')]),
    values: { 't.sides': [ip('2.2.2.2'), ip('1.1.1.1')] },
    want: true,
  },
  {
    name: '!= needs both to differ',
    condition: check('t.sides', '!=', [ip('1.1.1.1')]),
    values: { 't.sides': [ip('2.2.2.2'), ip('1.1.1.1')] },
    want: false,
  },
  {
    name: '!= when both differ',
    condition: check('t.sides', '!=', [ip('3.3.3.3')]),
    values: { 't.sides': [ip('2.2.2.2'), ip('1.1.1.1')] },
    want: true,
  },
  { name: '!= without a connection', condition: check('t.sides', '!=', [ip('3.3.3.3')]), values: {}, want: false },
  {
    name: 'the one address of a listening socket',
    condition: check('t.sides', '!=', [ip('3.3.3.3')]),
    values: { 't.sides': [ip('2.2.2.2')] },
    want: true,
  },
  { name: 'either port <', condition: check('t.ports', '<', [100]), values: { 't.ports': [40_000, 80] }, want: true },
  {
    name: 'either side in a block',
    condition: check('t.sidenets', '=', [net('2.0.0.0/8')]),
    values: { 't.sidenets': [ip('2.2.2.2'), ip('1.1.1.1')] },
    want: true,
  },
  {
    name: '!= a block that holds one side',
    condition: check('t.sidenets', '!=', [net('2.0.0.0/8')]),
    values: { 't.sidenets': [ip('2.2.2.2'), ip('1.1.1.1')] },
    want: false,
  },
  {
    name: 'exists has a reader of its own',
    condition: check('t.sides', 'exists', undefined),
    values: { 't.sidesExist': true },
    want: true,
  },
  {
    name: 'exists of that reader only',
    condition: check('t.sides', 'exists', undefined),
    values: { 't.sides': [1] },
    want: false,
  },
  // Ancestors
  { name: 'any ancestor =', condition: check('t.any', '=', ['sh']), values: { 't.any': ['bash', 'sh'] }, want: true },
  { name: 'any ancestor !=', condition: check('t.any', '!=', ['sh']), values: { 't.any': ['bash', 'sh'] }, want: true },
  { name: 'no ancestor !=', condition: check('t.any', '!=', ['sh']), values: { 't.any': ['sh', 'sh'] }, want: false },
  { name: 'no ancestors', condition: check('t.any', '!=', ['sh']), values: { 't.any': [] }, want: false },
  {
    name: 'any ancestor in',
    condition: check('t.any', 'in', ['x', 'sh']),
    values: { 't.any': ['bash', 'sh'] },
    want: true,
  },
  {
    name: 'any ancestor startswith',
    condition: check('t.any', 'startswith', ['ba']),
    values: { 't.any': ['sh', 'bash'] },
    want: true,
  },
  {
    name: 'one ancestor is one value',
    condition: check(field('t.any', '2'), '!=', ['sh']),
    values: { 't.any[2]': 'sh' },
    want: false,
  },
  // Lists
  {
    name: 'all elements in',
    condition: check('t.list', 'in', ['a', 'b']),
    values: { 't.list': ['a', 'b', 'a'] },
    want: true,
  },
  {
    name: 'one element not in',
    condition: check('t.list', 'in', ['a', 'b']),
    values: { 't.list': ['a', 'c'] },
    want: false,
  },
  { name: 'the empty list is in', condition: check('t.list', 'in', ['a']), values: { 't.list': [] }, want: true },
  { name: 'a missing list is not in', condition: check('t.list', 'in', ['a']), values: {}, want: false },
  {
    name: 'intersects',
    condition: check('t.list', 'intersects', ['c', 'b']),
    values: { 't.list': ['a', 'b'] },
    want: true,
  },
  {
    name: 'the empty list intersects nothing',
    condition: check('t.list', 'intersects', ['a']),
    values: { 't.list': [] },
    want: false,
  },
  {
    name: 'numbers in a list field',
    condition: check('t.nums', 'intersects', [two53]),
    values: { 't.nums': [1, two53] },
    want: true,
  },
  {
    name: 'two in on a list joined by or',
    condition: or(check('t.list', 'in', ['a']), check('t.list', 'in', ['b'])),
    values: { 't.list': ['a', 'b'] },
    want: false,
  },
  // Bytes
  {
    name: 'bytes contain',
    condition: check('t.bytes', 'bcontains', ['\x00\xff']),
    values: { 't.bytes': 'a\x00\xffb' },
    want: true,
  },
  {
    name: 'bytes start',
    condition: check('t.bytes', 'bstartswith', ['\x7fELF']),
    values: { 't.bytes': '\x7fELF\x02' },
    want: true,
  },
  {
    name: 'bytes are compared in full length',
    condition: check('t.bytes', '=', ['a']),
    values: { 't.bytes': 'a\x00' },
    want: false,
  },
  // Names
  {
    name: 'a name of the address',
    condition: check('t.domain', '=', ['b.example']),
    values: { 't.domain': ip('10.0.0.1') },
    want: true,
  },
  {
    name: 'another name',
    condition: check('t.domain', '=', ['b.example']),
    values: { 't.domain': ip('10.0.0.2') },
    want: false,
  },
  {
    name: 'in names',
    condition: check('t.domain', 'in', ['x', 'b.example']),
    values: { 't.domain': ip('10.0.0.1') },
    want: true,
  },
  {
    name: '!= of a name it has',
    condition: check('t.domain', '!=', ['a.example']),
    values: { 't.domain': ip('10.0.0.1') },
    want: false,
  },
  {
    name: '!= of an address without names',
    condition: check('t.domain', '!=', ['a.example']),
    values: { 't.domain': ip('9.9.9.9') },
    want: true,
  },
  { name: '!= without an address', condition: check('t.domain', '!=', ['a.example']), values: {}, want: false },
  {
    name: '= allof names',
    condition: check('t.domain', '=', ['a.example', 'b.example'], 'allof'),
    values: { 't.domain': ip('10.0.0.1') },
    want: true,
  },
  {
    name: '= oneof names',
    condition: check('t.domain', '=', ['a.example', 'b.example'], 'oneof'),
    values: { 't.domain': ip('10.0.0.1') },
    want: false,
  },
  {
    name: '!= anyof names',
    condition: check('t.domain', '!=', ['a.example', 'x'], 'anyof'),
    values: { 't.domain': ip('10.0.0.1') },
    want: true,
  },
  {
    name: 'a name exists',
    condition: check('t.domain', 'exists', undefined),
    values: { 't.domain': ip('10.0.0.2') },
    want: true,
  },
  {
    name: 'no name exists',
    condition: check('t.domain', 'exists', undefined),
    values: { 't.domain': ip('9.9.9.9') },
    want: false,
  },
  {
    name: 'a pattern of names',
    condition: check('t.domain', '=', ['*.c.example']),
    values: { 't.domain': ip('10.0.0.2') },
    want: true,
  },
  {
    name: 'text operators try each name',
    condition: check('t.domain', 'startswith', ['b.']),
    values: { 't.domain': ip('10.0.0.1') },
    want: true,
  },
  {
    name: 'text operators without a name',
    condition: check('t.domain', 'contains', ['']),
    values: { 't.domain': ip('9.9.9.9') },
    want: false,
  },
  // Right-hand side fields
  {
    name: '= val()',
    condition: check('t.name', '=', field('t.path')),
    values: { 't.name': 'a', 't.path': 'a' },
    want: true,
  },
  {
    name: '!= val() without a value',
    condition: check('t.name', '!=', field('t.path')),
    values: { 't.name': 'a' },
    want: false,
  },
  {
    name: 'startswith val()',
    condition: check('t.path', 'startswith', field('t.name')),
    values: { 't.name': '/a', 't.path': '/a/b' },
    want: true,
  },
  {
    name: 'glob val()',
    condition: check('t.path', 'glob', field('t.name')),
    values: { 't.name': '/*b', 't.path': '/a/b' },
    want: true,
  },
  {
    name: 'in val()',
    condition: check('t.name', 'in', field('t.path')),
    values: { 't.name': 'a', 't.path': 'a' },
    want: true,
  },
  {
    name: 'a list in a list',
    condition: check('t.list', 'in', transform('tolower', ['t.list'], { isList: true })),
    values: { 't.list': ['a', 'B'] },
    want: false,
  },
  {
    name: 'a list intersects a list',
    condition: check('t.list', 'intersects', transform('tolower', ['t.list'], { isList: true })),
    values: { 't.list': ['a', 'B'] },
    want: true,
  },
  // Transformers
  {
    name: 'tolower',
    condition: check(transform('tolower', ['t.name']), '=', ['ab\xc9']),
    values: { 't.name': 'aB\xc9' },
    want: true,
  },
  {
    name: 'toupper',
    condition: check(transform('toupper', ['t.name']), '=', ['AB\xe9']),
    values: { 't.name': 'aB\xe9' },
    want: true,
  },
  {
    name: 'a transformer without a value',
    condition: check(transform('toupper', ['t.name']), '!=', ['x']),
    values: {},
    want: false,
  },
  {
    name: 'tolower of a list',
    condition: check(transform('tolower', ['t.list'], { isList: true }), 'intersects', ['b']),
    values: { 't.list': ['a', 'B'] },
    want: true,
  },
  {
    name: 'basename',
    condition: check(transform('basename', ['t.path']), '=', ['c']),
    values: { 't.path': '/a/b/c' },
    want: true,
  },
  {
    name: 'basename of a directory',
    condition: check(transform('basename', ['t.path']), '=', ['']),
    values: { 't.path': '/a/b/' },
    want: true,
  },
  {
    name: 'basename of a bare name',
    condition: check(transform('basename', ['t.path']), '=', ['c']),
    values: { 't.path': 'c' },
    want: true,
  },
  {
    name: 'b64 with padding',
    condition: check(transform('b64', ['t.name']), '=', ['hello']),
    values: { 't.name': 'aGVsbG8=' },
    want: true,
  },
  {
    name: 'b64 without padding',
    condition: check(transform('b64', ['t.name']), '=', ['hello']),
    values: { 't.name': 'aGVsbG8' },
    want: true,
  },
  {
    name: 'b64 of the empty text',
    condition: check(transform('b64', ['t.name']), '=', ['']),
    values: { 't.name': '' },
    want: true,
  },
  {
    name: 'b64 of other text has no value',
    condition: check(transform('b64', ['t.name']), 'exists', undefined),
    values: { 't.name': 'a-b_' },
    want: false,
  },
  {
    name: 'b64 with bits left over has no value',
    condition: check(transform('b64', ['t.name']), 'exists', undefined),
    values: { 't.name': 'aGVsbG9' },
    want: false,
  },
  {
    name: 'b64 with more bits left over has no value',
    condition: check(transform('b64', ['t.name']), 'exists', undefined),
    values: { 't.name': 'YR==' },
    want: false,
  },
  {
    name: 'b64 one letter too long has no value',
    condition: check(transform('b64', ['t.name']), 'exists', undefined),
    values: { 't.name': 'aGVsb' },
    want: false,
  },
  {
    name: 'b64 of padding alone has no value',
    condition: check(transform('b64', ['t.name']), 'exists', undefined),
    values: { 't.name': '==' },
    want: false,
  },
  {
    name: 'len of text is in bytes',
    condition: check(transform('len', ['t.name'], { type: 'UINT64' }), '=', [2]),
    values: { 't.name': '\xc3\xa9' },
    want: true,
  },
  {
    name: 'len of a list',
    condition: check(transform('len', ['t.list'], { type: 'UINT64' }), '=', [3]),
    values: { 't.list': ['a', '', 'c'] },
    want: true,
  },
  {
    name: 'join',
    condition: check(transform('join', [text(','), 't.list']), '=', ['a,b']),
    values: { 't.list': ['a', 'b'] },
    want: true,
  },
  {
    name: 'join of the empty list',
    condition: check(transform('join', [text(','), 't.list']), '=', ['']),
    values: { 't.list': [] },
    want: true,
  },
  {
    name: 'join of items, numbers in decimal, lists spliced in',
    condition: check(
      transform('join', [
        text('-'),
        { kind: 'list', items: [field('t.num'), text('x'), field('t.list')], type: 'CHARBUF', isList: true },
      ]),
      '=',
      ['7-x-a-b'],
    ),
    values: { 't.num': 7, 't.list': ['a', 'b'] },
    want: true,
  },
  {
    name: 'join with a missing item',
    condition: check(
      transform('join', [
        text('-'),
        { kind: 'list', items: [field('t.num'), text('x')], type: 'CHARBUF', isList: true },
      ]),
      'exists',
      undefined,
    ),
    values: {},
    want: false,
  },
  {
    name: 'concat',
    condition: check(transform('concat', ['t.name', text('/'), 't.path']), '=', ['a/b']),
    values: { 't.name': 'a', 't.path': 'b' },
    want: true,
  },
  {
    name: 'concat with a missing part',
    condition: check(transform('concat', ['t.name', 't.path']), '!=', ['a']),
    values: { 't.name': 'a' },
    want: false,
  },
  {
    name: 'transformers nest',
    condition: check(transform('toupper', [transform('basename', ['t.path'])]), '=', ['C']),
    values: { 't.path': '/a/c' },
    want: true,
  },
  {
    name: 'val() is the value',
    condition: check(transform('val', ['t.name']), '=', ['a']),
    values: { 't.name': 'a' },
    want: true,
  },
  ...getoptRows(),
  // Types known from the event's code
  { name: 'evt.type of another code', condition: check('evt.type', '=', ['open']), values: {}, code: 2, want: false },
  { name: 'evt.type in', condition: check('evt.type', 'in', ['open', 'connect']), values: {}, code: 2, want: true },
  { name: 'evt.type startswith', condition: check('evt.type', 'startswith', ['con']), values: {}, code: 2, want: true },
  {
    name: 'evt.type of a generic system call is read',
    condition: check('evt.type', '=', ['uname']),
    values: { 'evt.type': 'uname' },
    code: 0,
    want: true,
  },
  {
    name: 'evt.type of an async event is read',
    condition: check('evt.type', '=', ['container']),
    values: { 'evt.type': 'container' },
    code: 5,
    want: true,
  },
  {
    name: 'syscall.type of another event',
    condition: check('syscall.type', '!=', ['open']),
    values: {},
    code: 4,
    want: false,
  },
  {
    name: 'syscall.type exists',
    condition: check('syscall.type', 'exists', undefined),
    values: {},
    code: 1,
    want: true,
  },
  { name: 'events are numbered from 1', condition: check('evt.num', '=', [0]), values: { 'evt.num': 1 }, want: false },
  { name: 'a number of an event', condition: check('evt.num', '<=', [1]), values: { 'evt.num': 1 }, want: true },
  // A value of another type than the check was compiled for
  {
    name: 'a parameter of another type has no value',
    condition: check(field('t.raw', 'text'), 'contains', ['']),
    values: { 't.raw[text]': 7 },
    want: false,
  },
  // Combinations
  {
    name: 'a contradiction',
    condition: and(check('t.name', '=', ['a']), not(check('t.name', '=', ['a']))),
    values: { 't.name': 'a' },
    want: false,
  },
  {
    name: 'the excluded middle holds without a value',
    condition: or(check('t.name', '=', ['a']), not(check('t.name', '=', ['a']))),
    values: {},
    want: true,
  },
]

function getoptRows(): readonly Row[] {
  const cases = [
    { name: 'options and arguments', args: ['-a', '-b', 'x', 'rest'], opts: 'ab:', want: 'a,b,x' },
    { name: 'a cluster', args: ['-ab'], opts: 'ab', want: 'a,b' },
    { name: 'an argument in the same word', args: ['-bx', '-a'], opts: 'ab:', want: 'b,x,a' },
    { name: 'an unknown option', args: ['-z', '-a'], opts: 'a', want: '?,a' },
    { name: 'a missing argument', args: ['-b'], opts: 'b:', want: '?' },
    { name: 'a missing argument, asked for by a colon', args: ['-b'], opts: ':b:', want: ':' },
    { name: 'a double dash ends', args: ['-a', '--', '-b'], opts: 'ab', want: 'a' },
    { name: 'a word ends', args: ['x', '-a'], opts: 'a', want: '' },
    { name: 'a lone dash ends', args: ['-', '-a'], opts: 'a', want: '' },
    { name: 'long options are skipped', args: ['--exec', '-a'], opts: 'a', want: 'a' },
    { name: 'an argument may begin with a dash', args: ['-b', '-a'], opts: 'ab:', want: 'b,-a' },
    { name: 'the last argument of one option', args: ['-bx', '-b', 'y'], opts: 'b:', index: 'b', want: 'y' },
    { name: 'a flag gives its letter', args: ['-ab'], opts: 'ab', index: 'b', want: 'b' },
  ]
  const rowsOf = cases.map((c): Row => {
    const { index } = c
    const isList = index === undefined
    const options = transform('getopt', ['t.list', text(c.opts)], { isList, ...(index !== undefined && { index }) })
    const condition = check(isList ? transform('join', [text(','), options]) : options, '=', [c.want])
    return { name: `getopt: ${c.name}`, condition, values: { 't.list': c.args }, want: true }
  })
  const absent = check(transform('getopt', ['t.list', text('ab')], { index: 'b' }), 'exists', undefined)
  return [
    ...rowsOf,
    {
      name: 'getopt: an option that does not occur has no value',
      condition: absent,
      values: { 't.list': ['-a'] },
      want: false,
    },
  ]
}

for (const row of rows) {
  test(`operators: ${row.name}`, () => {
    const ctx = fakeContext(row.code ?? 1, row.values)
    assert.equal(new Interpreter(fakeFieldByName, names).evaluate(row.condition, ctx), row.want, 'interpreter')
    const deps = {
      fields: fakeFieldByName,
      eventTable: fakeEventTable,
      names,
      ruleMatching: 'all',
      minPriority: 7,
    } as const
    assert.equal(linkPlan(planOf([row.condition]), deps).match(ctx).length > 0, row.want, 'matcher')
  })
}

test('operators: without a name index no address has a name', () => {
  const conditions: readonly PlanCheck[] = [
    check('t.domain', '=', ['a.example']),
    check('t.domain', '!=', ['a.example']),
    check('t.domain', 'exists', undefined),
    check('t.domain', 'contains', ['a']),
  ]
  const ctx = fakeContext(1, { 't.domain': ip('10.0.0.1') })
  const deps = { fields: fakeFieldByName, eventTable: fakeEventTable, ruleMatching: 'all', minPriority: 7 } as const
  assert.deepEqual(
    linkPlan(planOf(conditions), deps)
      .match(ctx)
      .map(r => r.index),
    [1],
  )
})
