import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from './command-error.ts'
import { type ArgumentSpec, parseArguments } from './parse-arguments.ts'

const spec: ArgumentSpec = {
  name: 'replay',
  operands: { min: 1, max: 2, name: 'capture' },
  options: [
    { name: 'rules', short: 'r', value: 'PATH', repeated: true, doc: '' },
    { name: 'option', short: 'o', value: 'KEY=VALUE', repeated: true, doc: '' },
    { name: 'config', short: 'c', value: 'FILE', doc: '' },
    { name: 'list', value: 'SOURCE', valueOptional: true, doc: '' },
    { name: 'quiet', short: 'q', doc: '' },
    { name: 'json', short: 'j', doc: '' },
  ],
}

const good: readonly {
  name: string
  words: readonly string[]
  operands: readonly string[]
  values: Readonly<Record<string, readonly string[]>>
}[] = [
  { name: 'operands alone', words: ['a.scap', 'b.scap'], operands: ['a.scap', 'b.scap'], values: {} },
  { name: 'a value follows its option', words: ['a', '-c', 'f.yaml'], operands: ['a'], values: { config: ['f.yaml'] } },
  {
    name: 'a value joined to its letter',
    words: ['a', '-ojson_output=true'],
    operands: ['a'],
    values: { option: ['json_output=true'] },
  },
  { name: 'a long option with =', words: ['--option=a=b=c', 'a'], operands: ['a'], values: { option: ['a=b=c'] } },
  { name: 'an empty value with =', words: ['--option=', 'a'], operands: ['a'], values: { option: [''] } },
  {
    name: 'repeated options keep their order',
    words: ['a', '-o', 'x=1', '-o', 'y=2'],
    operands: ['a'],
    values: { option: ['x=1', 'y=2'] },
  },
  { name: 'switches in one word', words: ['-qj', 'a'], operands: ['a'], values: { quiet: [], json: [] } },
  {
    name: 'a switch then a letter with its value',
    words: ['-qr', 'x.yaml', 'a'],
    operands: ['a'],
    values: { quiet: [], rules: ['x.yaml'] },
  },
  { name: 'a value may begin with a dash', words: ['a', '-c', '-odd'], operands: ['a'], values: { config: ['-odd'] } },
  { name: 'after -- nothing is an option', words: ['--', '-q', '--json'], operands: ['-q', '--json'], values: {} },
  { name: 'a lone dash is an operand', words: ['-'], operands: ['-'], values: {} },
  {
    name: 'rule files may follow one -r',
    words: ['a.scap', '-r', 'x.yaml', 'y.yml', '-q'],
    operands: ['a.scap'],
    values: { rules: ['x.yaml', 'y.yml'], quiet: [] },
  },
  {
    name: 'a capture after -r is a capture',
    words: ['-r', 'x.yaml', 'a.scap'],
    operands: ['a.scap'],
    values: { rules: ['x.yaml'] },
  },
  {
    name: 'rule files follow only -r',
    words: ['-r', 'x.yaml', 'a.scap', 'y.yaml'],
    operands: ['a.scap', 'y.yaml'],
    values: { rules: ['x.yaml'] },
  },
  { name: 'an optional value left out', words: ['--list', 'a'], operands: ['a'], values: { list: [] } },
  { name: 'an optional value given', words: ['--list=syscall', 'a'], operands: ['a'], values: { list: ['syscall'] } },
]

for (const c of good) {
  test(`parseArguments: ${c.name}`, () => {
    const args = parseArguments(c.words, spec)
    assert.deepEqual(args.operands, c.operands)
    assert.deepEqual(Object.fromEntries([...args.names()].map(n => [n, args.values(n)])), c.values)
  })
}

const bad: readonly { name: string; words: readonly string[]; message: RegExp; help?: RegExp }[] = [
  {
    name: 'an unknown option',
    words: ['--nothing-like-it', 'a'],
    message: /^unknown option `--nothing-like-it`$/,
    help: /tiercel replay --help/,
  },
  {
    name: 'a mistyped option is suggested',
    words: ['--ruels', 'x', 'a'],
    message: /^unknown option `--ruels`$/,
    help: /did you mean `--rules`\?/,
  },
  { name: 'an unknown letter', words: ['-z', 'a'], message: /^unknown option `-z`$/ },
  { name: 'a value that is missing', words: ['a', '-r'], message: /^`-r` needs a PATH$/ },
  { name: 'a switch with a value', words: ['--quiet=yes', 'a'], message: /^`--quiet` takes no value$/ },
  { name: 'one that may be given once', words: ['-c', 'a', '-c', 'b', 'x'], message: /^`-c` is given twice$/ },
  { name: 'no operand', words: ['-q'], message: /^`tiercel replay` needs a capture$/ },
  { name: 'too many operands', words: ['a', 'b', 'c'], message: /at most 2 capture.*`c` is too many$/ },
]

for (const c of bad) {
  test(`parseArguments refuses ${c.name}`, () => {
    assert.throws(
      () => parseArguments(c.words, spec),
      (error: unknown) => {
        assert.ok(error instanceof UsageError)
        assert.match(error.message, c.message)
        if (c.help !== undefined) assert.match(error.help ?? '', c.help)
        return true
      },
    )
  })
}
