// `tiercel domains why`: from the alert's own evidence, from a capture, from bindings, from what the agent saved.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { rule, Scene } from '../../test/conformance/observed-names/scene.ts'
import { newSum, renderSavedEnd, renderSavedHeader } from '../domains/saved-names.ts'
import { CommandError } from './command-error.ts'
import { domainsCommand } from './domains.ts'
import { parseAlert } from './parse-alert.ts'
import { replayCommand } from './replay.ts'
import type { Command } from './command.ts'
import { type Ran, runCommand, runQuietly } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'tiercel-why-'))
after(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
function write(text: string, extension: string): string {
  const path = join(folder, `${files++}.${extension}`)
  writeFileSync(path, text)
  return path
}

const run = (command: Command, ...words: string[]): Promise<Ran> => runQuietly(command, words)

const why = (...words: string[]): Promise<Ran> => run(domainsCommand, 'why', ...words)

const RULES = write(
  '- list: trusted_domains\n  items: [shop.example, github.com]\n' +
    rule(
      'Unexpected',
      'evt.type = connect and fd.l4proto = tcp and not fd.sip.name in (trusted_domains)',
      'to %fd.sip.name (%fd.sip) by %proc.pid',
    ) +
    rule('Any connection', 'evt.type = connect and fd.l4proto = tcp', '%fd.name'),
  'yaml',
)

const scene = new Scene()
  .process(11, { comm: 'curl' })
  .process(12, { comm: 'job' })
  .dns(11, 'shop.example', ['192.0.2.1'])
  .dns(12, 'pool.example', [
    { name: 'pool.example', type: 'CNAME', data: 'edge.example', ttl: 60 },
    { name: 'edge.example', type: 'A', data: '192.0.2.1', ttl: 30 },
  ])
  .wait(1.5)
  .connect(11, '192.0.2.1')
  .connect(12, '192.0.2.1')
  .connect(12, '192.0.2.77')
  .wait(0.196)
  .dns(12, 'github.com', ['192.0.2.77'])
const capture = write(scene.lines.map(line => `${JSON.stringify(line)}\n`).join(''), 'ndjson')

/** Alerts of the rules on the scene, as lines. */
async function alertsOf(...options: string[]): Promise<readonly string[]> {
  const path = join(folder, `${files++}.jsonl`)
  const output = [
    '-o',
    'file_output.enabled=true',
    '-o',
    `file_output.filename=${path}`,
    '-o',
    'stdout_output.enabled=false',
  ]
  await run(
    replayCommand,
    capture,
    '-r',
    RULES,
    '--observe',
    '--json',
    '-q',
    '-o',
    'rule_matching=all',
    ...output,
    ...options,
  )
  return readFileSync(path, 'utf8').trimEnd().split('\n')
}
const plain = await alertsOf()
const explained = await alertsOf('-o', 'domains.explain_alerts=true')
const of = (lines: readonly string[], name: string): string[] => lines.filter(line => line.includes(`"rule":"${name}"`))

const POOL = [
  'Unexpected',
  '  10:00:01.518000000: Notice to pool.example (192.0.2.1) by 12',
  '',
  'fd.sip.name of 192.0.2.1',
  '  pool.example: an answer of 10.0.0.2 to job (12) 1.5 s before (TTL 30 s; through edge.example)',
  '  edge.example: an answer of 10.0.0.2 to job (12) 1.5 s before (TTL 30 s)',
  '  this decides, as the process saw it itself',
  '  fd.sip.name in (shop.example, github.com)',
  '    does not hold: it is shop.example too, as curl (11) looked up, but what the process looked up itself decides',
  '',
]
const withoutTime = (text: string): string[] => text.split('\n').map(line => line.replace(/^ {2}[\d:.]+: /, '  TIME: '))

test('why: what the alert tells itself', async () => {
  const [pool] = of(explained, 'Unexpected')
  for (const subject of [pool!, write(pool!, 'json')]) {
    const { out, code } = await why(subject)
    assert.equal(code, 0)
    assert.deepEqual(withoutTime(out), withoutTime(POOL.join('\n')))
  }
})

test('why: what a capture tells', async () => {
  const [pool, unnamed] = of(plain, 'Unexpected')
  assert.deepEqual(withoutTime((await why(pool!, capture, '-r', RULES)).out), withoutTime(POOL.join('\n')))
  assert.deepEqual((await why(unnamed!, '--capture', capture, '-r', RULES)).out.split('\n').slice(2), [
    '',
    'fd.sip.name of 192.0.2.77',
    '  no name: github.com became known 200 ms after',
    '  fd.sip.name in (shop.example, github.com)',
    '    does not hold: github.com became known 200 ms after',
    '',
  ])
})

test('why: several alerts, one pass', async () => {
  const both = write(of(plain, 'Unexpected').join('\n'), 'jsonl')
  const { out } = await why(both, capture, '-r', RULES)
  assert.equal(out.match(/^Unexpected$/gm)?.length, 2)
})

test('why: what a bindings file tells, with the addresses and the process of the alert', async () => {
  const bindings = write((await run(domainsCommand, 'list', capture, '--format', 'bindings')).out, 'ndjson')
  const [pool] = of(plain, 'Unexpected')
  const { out } = await why(pool!, '--bindings', bindings, '-r', RULES)
  assert.match(out, /^ {2}pool.example: an answer of 10.0.0.2 to process \(12\) 1.5 s before/m)
  assert.match(out, /does not hold: it is shop.example too/)
  const nobody = pool!.replace(/"proc.pid":12/, '"proc.name":"x"')
  assert.match(
    (await why(nobody, '--bindings', bindings, '-r', RULES)).out,
    /^ {2}note: the alert does not have the process id/m,
  )
  const tuple =
    '{"rule":"Unexpected","time":"2026-05-04T10:00:01.5Z","output_fields":{"fd.name":"10.0.0.10:4->192.0.2.1:443"}}'
  assert.match((await why(tuple, '--bindings', bindings, '-r', RULES)).out, /fd.sip.name of 192.0.2.1\n/)
})

/** A file as the agent saves it, of the bindings that the capture tells. */
async function savedState(savedMs: number): Promise<string> {
  const lines = (await run(domainsCommand, 'list', capture, '--format', 'bindings')).out
  const sum = newSum()
  const body = renderSavedHeader({ bootId: 'another boot', savedMs }) + lines
  sum.update(body)
  return write(body + renderSavedEnd(new Map([[11, 1]]), sum), 'jsonl')
}

const ALERT_MS = Date.parse((JSON.parse(of(plain, 'Unexpected')[0]!) as { time: string }).time)
const snapshots = [
  { name: 'after the alert', afterMs: 42_000, note: 'by what the agent saved 42 s after this alert: names that had' },
  { name: 'before the alert', afterMs: -400, note: 'the agent saved its names 400 ms before this alert: what it' },
]
for (const { name, afterMs, note } of snapshots) {
  test(`why: what the agent saved ${name}, where there is nothing else`, async () => {
    const [pool] = of(plain, 'Unexpected')
    const option = ['-o', `domains.state_file=${await savedState(ALERT_MS + afterMs)}`]
    const { out, err, code } = await runCommand(domainsCommand, ['why', pool!, '-r', RULES, ...option])
    assert.equal(code, 0)
    assert.match(err, /^names as the agent saved them \d+ s ago/)
    assert.ok(out.split('\n')[2]!.startsWith(`  note: ${note}`), out)
    const wanted = POOL.slice(2).join('\n').replaceAll('job (12)', 'process (12)').replace('curl (11)', 'process (11)')
    assert.deepEqual(out.split('\n').slice(3).join('\n'), wanted)
  })
}

test('why: of alerts with and without evidence, those without it are looked up in what the agent saved', async () => {
  const both = write([of(explained, 'Unexpected')[0], of(plain, 'Unexpected')[0]].join('\n'), 'jsonl')
  const option = ['-o', `domains.state_file=${await savedState(ALERT_MS)}`]
  const { out } = await runCommand(domainsCommand, ['why', both, '-r', RULES, ...option])
  const [first, second] = out.split('\n\nUnexpected\n')
  assert.doesNotMatch(first!, /note:/)
  assert.match(second!, /note: by what the agent saved/)
})

test('why: a line of the file of alerts, by its number, from either end, and of the file that the agent writes', async () => {
  const [pool, unnamed] = of(explained, 'Unexpected')
  const file = write(`${pool}\n${unnamed}\n`, 'jsonl')
  const wanted = await Promise.all([pool!, unnamed!].map(async line => (await why(line)).out))
  assert.equal((await why(file, '--line', '1')).out, wanted[0])
  assert.equal((await why(file, '--line', '2')).out, wanted[1])
  assert.equal((await why(file, '--line', '-1')).out, wanted[1])
  assert.equal((await why(file, '--line', '-2')).out, wanted[0])
  const config = write(
    `stdout_output: {enabled: false}\nfile_output: {enabled: true, filename: ${file}}\njson_output: true\n`,
    'yaml',
  )
  assert.equal((await why('-c', config)).out, `${wanted[0]}\n${wanted[1]}`)
  assert.equal((await why('--line', '-1', '-c', config)).out, wanted[1])
})

test('why: a configured list of names', async () => {
  const list = write('evil.example\npool.example\n', 'txt')
  const config = write(`stdout_output: {enabled: true}\ndomains: {lists: [{name: threats, file: ${list}}]}\n`, 'yaml')
  const rules = write(rule('Unexpected', 'evt.type = connect and fd.sip.name in (threats)', '%fd.sip'), 'yaml')
  const [pool] = of(plain, 'Unexpected')
  const { out } = await why(pool!, capture, '-r', rules, '-c', config)
  assert.match(out, /^ {2}fd\.sip\.name in \(threats\)\n {4}holds: it is pool\.example$/m)
})

test('why: rules that were others then', async () => {
  const [pool] = of(plain, 'Unexpected')
  const rules = write(rule('Unexpected', 'evt.type = connect and fd.sip.name = other.example', 'x'), 'yaml')
  assert.match((await why(pool!, capture, '-r', rules)).out, /note: now the rule does not match there/)
})

const time = '"time":"2026-05-04T10:00:01.5Z"'
const NO_STATE: readonly string[] = ['-o', `domains.state_file=${join(folder, 'absent')}`]
const refusals: readonly (readonly [words: readonly string[], message: RegExp])[] = [
  [[], /needs an alert/],
  [['none.json'], /no such alert or file of alerts: `none.json`/],
  [['{"rule":'], /the alert cannot be read: it is not JSON/],
  [[write('a line of text\n', 'txt')], /line 1 of .* is no alert: it is not JSON/],
  [[write('\n\n', 'txt')], /there is no alert in/],
  [['{}'], /has no `rule`, so it is no alert/],
  [['{"rule":"x"}'], /its `time` is no time/],
  [['{"rule":"x","time":"yesterday"}'], /its `time` is no time/],
  [[`{"rule":"x",${time},"source":"internal"}`], /news of the agent itself/],
  [[`{"rule":"x",${time},"names":[{}]}`], /`names` is not what/],
  [[`{"rule":"x",${time}}`, ...NO_STATE], /holds no evidence for its names, and what the agent knows is not known/],
  [[of(plain, 'Unexpected')[0]!, ...NO_STATE], /holds no evidence for its names/],
  [[write(plain.join('\n'), 'jsonl'), '--line', '99'], /has no line 99/],
  [[write(plain.join('\n'), 'jsonl'), '--line', '-99'], /has no line -99/],
  [['{}', '--line', '0'], /needs the number of a line, not `0`/],
  [['{}', '--line', 'last'], /needs the number of a line, not `last`/],
  [[of(plain, 'Unexpected')[0]!, 'none.scap'], /no such capture: `none.scap`/],
  [[of(plain, 'Any connection')[0]!, capture, '-r', RULES], /neither asks for a name of an address nor prints one/],
  [[`{"rule":"Unexpectd",${time}}`, capture, '-r', RULES], /no such rule: `Unexpectd`/],
  [[`{"rule":"Unexpected",${time}}`, capture, '-r', RULES], /no connection at 2026-05-04 10:00:01.500000000/],
  [[`{"rule":"Unexpected",${time}}`, '--bindings', write('', 'ndjson'), '-r', RULES], /does not have the address/],
  [['{}', '--for', '1s'], /`--for` cannot be used with `why`/],
]
for (const [i, [words, message]] of refusals.entries()) {
  test(`why: refusal ${i}: ${message.source}`, async () => {
    await assert.rejects(why(...words), error => error instanceof CommandError && message.test(error.message))
  })
}

test('why: whatever an alert says, it is read or refused, and cannot move the cursor', async () => {
  const json = fc.json({ maxDepth: 3 })
  const evidence = fc.constantFrom(...explained.map(line => JSON.parse(line) as object))
  const changed = fc
    .tuple(evidence, fc.constantFrom('rule', 'time', 'names', 'output', 'output_fields'), fc.jsonValue())
    .map(([alert, key, value]) => JSON.stringify({ ...alert, [key]: value }))
  await fc.assert(
    fc.asyncProperty(fc.oneof(json, changed, fc.string()), async line => {
      const parsed = parseAlert(line)
      if (!parsed.ok || parsed.alert.names === undefined || !line.startsWith('{')) return
      const { out } = await why(line)
      assert.doesNotMatch(out.replaceAll('\n', ''), /[\0-\x1f\x7f-\x9f]/)
    }),
  )
  const forged = JSON.stringify({
    ...(JSON.parse(of(explained, 'Unexpected')[0]!) as object),
    rule: 'x\n\u001b[2J',
    output: '\rforged',
  })
  const { out } = await why(forged)
  assert.equal(out.split('\n')[0], 'x\\n\\u001b[2J')
  assert.equal(out.split('\n')[1], '  \\rforged')
})

test('why: looking back finds what the alert told at the time', async () => {
  const [pool] = of(explained, 'Unexpected')
  assert.deepEqual((await why(pool!)).out, (await why(pool!, capture, '-r', RULES)).out)
})
