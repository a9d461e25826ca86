import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Diagnostic } from './diagnostic.ts'
import { compareDiagnostics } from './diagnostic.ts'
import { renderDiagnostic } from './render.ts'

const net = {
  path: 'rules/net.yaml',
  text: '- rule: r\n  condition: spawned_process and fd.sip.nme = evil.example\n',
}

function finding(over: Partial<Diagnostic> = {}): Diagnostic {
  const start = net.text.indexOf('fd.sip.nme')
  return {
    code: 'E0104',
    severity: 'error',
    message: 'unknown field `fd.sip.nme`',
    source: net,
    span: { start, end: start + 10 },
    label: 'no field has this name',
    help: 'did you mean `fd.sip.name`?',
    ...over,
  }
}

/** The finding at `word` inside a one-line source, rendered; the source line and the caret line. */
function caretUnder(text: string, word: string): string[] {
  const start = text.indexOf(word)
  const d = finding({ source: { path: 'a', text }, span: { start, end: start + word.length } })
  return renderDiagnostic(d).split('\n').slice(2, 4)
}

test('renderDiagnostic: place, code, message, line, caret, label and help', () => {
  assert.equal(
    renderDiagnostic(finding()),
    [
      'rules/net.yaml:2:34: E0104: unknown field `fd.sip.nme`',
      '  |',
      '2 |   condition: spawned_process and fd.sip.nme = evil.example',
      '  |                                  ^^^^^^^^^^ no field has this name',
      '  = help: did you mean `fd.sip.name`?',
    ].join('\n'),
  )
})

const carets = [
  {
    name: 'a tab before it is widened to the next stop',
    text: 'x\tbad',
    word: 'bad',
    want: ['1 | x   bad', '  |     ^^^'],
  },
  { name: 'wide letters take two columns', text: '日本 bad', word: 'bad', want: ['1 | 日本 bad', '  |      ^^^'] },
  { name: 'wide letters under the caret too', text: 'a 日本', word: '日本', want: ['1 | a 日本', '  |   ^^^^'] },
  { name: 'an accent takes none', text: 'e\u0301 bad', word: 'bad', want: ['1 | e\u0301 bad', '  |   ^^^'] },
  { name: 'an emoji is one character of two units', text: '😀 bad', word: 'bad', want: ['1 | 😀 bad', '  |    ^^^'] },
  { name: 'an empty place still has a caret', text: 'abc', word: '', want: ['1 | abc', '  | ^'] },
  {
    name: 'an escape sequence is shown, not sent',
    text: '\u001b[31m bad',
    word: 'bad',
    want: ['1 | ␛[31m bad', '  |       ^^^'],
  },
]

for (const c of carets) {
  test(`renderDiagnostic: ${c.name}`, () => {
    assert.deepEqual(
      caretUnder(c.text, c.word).map(line => line.replace(' no field has this name', '')),
      c.want,
    )
  })
}

test('renderDiagnostic: a place at the end of the text', () => {
  const d = finding({ source: { path: 'a', text: 'proc.name =' }, span: { start: 11, end: 11 } })
  assert.equal(renderDiagnostic(d).split('\n')[3], '  |            ^ no field has this name')
})

test('renderDiagnostic: a place of several lines is underlined to the end of its first', () => {
  const d = finding({ source: { path: 'a', text: 'one two\nthree' }, span: { start: 4, end: 13 } })
  assert.equal(renderDiagnostic(d).split('\n')[3], '  |     ^^^ no field has this name')
})

test('renderDiagnostic: a line of a megabyte is cut around the place, quickly', () => {
  const text = `${'x'.repeat(500_000)} bad ${'y'.repeat(500_000)}`
  const start = process.cpuUsage()
  const [line, caret] = caretUnder(text, 'bad')
  assert.ok(process.cpuUsage(start).user < 10_000_000)
  assert.ok(line!.length < 140 && line!.includes(' bad ') && line!.endsWith('…'))
  assert.equal(line!.indexOf('bad'), caret!.indexOf('^^^'))
})

test('renderDiagnostic: a second place has its own line and label', () => {
  const d = finding({ secondary: [{ source: net, span: { start: 2, end: 6 }, text: 'in this rule' }] })
  assert.deepEqual(renderDiagnostic(d).split('\n').slice(4), [
    '  :: rules/net.yaml:1:3',
    '  |',
    '1 | - rule: r',
    '  |   ---- in this rule',
    '  = help: did you mean `fd.sip.name`?',
  ])
})

test('renderDiagnostic: colours only when asked for', () => {
  assert.ok(!renderDiagnostic(finding()).includes('\u001b'))
  assert.ok(renderDiagnostic(finding(), { color: true }).includes('\u001b[31m'))
})

test('compareDiagnostics: by file, then place, then code', () => {
  const a = finding({ source: { path: 'a', text: '' } })
  const b = finding({ span: { start: 1, end: 2 } })
  const c = finding({ span: { start: 1, end: 2 }, code: 'E0105' })
  assert.deepEqual([c, b, a].sort(compareDiagnostics), [a, b, c])
})
