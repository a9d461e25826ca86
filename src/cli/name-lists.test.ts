import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CONNECTS, rule, Scene } from '../../test/conformance/observed-names/scene.ts'
import { records, startScriptedDnsServer } from '../domains/testdata/scripted-dns-server.ts'

// Configured lists of names as users meet them, in `check` and in a replay.

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tiercel-cli-lists-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function tiercel(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, NO_COLOR: '1', TZ: 'UTC' }
  return new Promise(resolve => {
    execFile(process.execPath, [main, ...args], { env, maxBuffer: 1 << 26 }, (error, out, err) => {
      const strip = (text: string): string => text.replaceAll(`${folder}/`, '')
      resolve({ code: error === null ? 0 : Number(error.code), out: strip(out), err: strip(err) })
    })
  })
}

const list = (name: string, path: string, more = ''): readonly string[] => [
  '-o',
  `domains.lists[]={name: ${name}, file: ${path}${more}}`,
]

const rules = file('rules.yaml', rule('bad', `${CONNECTS} and fd.sip.name in (threats, spelled.example)`))
const threats = file('threats.txt', 'bad.example\nworse.example\nhttp://no.example/\n')
const page = file('page.html', '<html>\n<p>Sign in</p>\n')

test('check: what is in configured lists, and what is not', async () => {
  const { code, out, err } = await tiercel(
    'check',
    rules,
    ...list('threats', threats),
    ...list('unused', file('unused.txt', 'a.example')),
  )
  assert.equal(err, '')
  assert.deepEqual(out.split('\n'), [
    'rules.yaml: Ok',
    'the list `threats` has 2 names from threats.txt (plain); 1 line rejected',
    '  threats.txt:3: not a domain name: http://no.example/',
    'the list `unused` has 1 name from unused.txt (plain); no rule uses it',
    '',
  ])
  assert.equal(code, 0)
})

test('check: a list that cannot be read is a failure', async () => {
  const { code, out } = await tiercel('check', rules, ...list('threats', page))
  assert.equal(code, 1)
  assert.match(
    out,
    /^the list `threats` \(page\.html\) cannot be read: 2 of 2 lines are not understood as plain: line 1 is not a domain name; it is empty$/m,
  )
})

const capture = file(
  'scene.ndjson',
  new Scene()
    .process(11)
    .dns(11, 'bad.example', ['192.0.2.66'])
    .connect(11, '192.0.2.66')
    .connect(11, '192.0.2.5')
    .lines.map(line => `${JSON.stringify(line)}\n`)
    .join(''),
)

test('replay: connections are judged by a configured list; refused lines are told', async () => {
  const { code, out, err } = await tiercel('replay', capture, '-r', rules, '--observe', ...list('threats', threats))
  assert.match(out, /^\S+ Notice bad\.example$/m)
  assert.equal(out.trim().split('\n').length, 1)
  assert.match(err, /the list `threats` has 2 names from threats\.txt \(plain\); 1 line rejected/)
  assert.equal(code, 0)
})

test('replay: a list that no rule uses is said to be unused, whether or not it can be read', async () => {
  const { code, err } = await tiercel(
    'replay',
    capture,
    '-r',
    rules,
    ...list('threats', file('t.txt', 'bad.example\n')),
    ...list('unused', join(folder, 'none')),
  )
  assert.match(err, /^tiercel: no rule uses `unused` of `domains\.lists`, so it is not loaded$/m)
  assert.equal(code, 0)
})

function replayAsking(server: string, threatNames: string): ReturnType<typeof tiercel> {
  const asking = ['--observe', '--resolve', '-o', `domains.servers[]=${server}`]
  return tiercel('replay', capture, '-r', rules, ...asking, ...list('threats', threatNames))
}

test('replay: a DNS server that never answers is said, and the replay goes on', async () => {
  const silent = createSocket('udp4')
  await new Promise<void>(done => silent.bind(0, '127.0.0.1', done))
  const { code, out, err } = await replayAsking(`127.0.0.1:${silent.address().port}`, file('t.txt', 'bad.example\n'))
  silent.close()
  assert.match(err, /^tiercel: 1 name had no answer within 2 s, and the replay went on without/m)
  assert.match(out, /Notice bad\.example\n/)
  assert.equal(code, 0)
})

test('replay: a list that cannot be read makes it fail, for alerts may be missing', async () => {
  const { code, err } = await tiercel('replay', capture, '-r', rules, ...list('threats', join(folder, 'none')))
  assert.match(err, /the list `threats` \(none\) cannot be read: ENOENT; it is empty/)
  assert.equal(code, 1)
})

test('replay: a million names of a list, and not one is looked up', async () => {
  await using server = Object.assign(await startScriptedDnsServer(({ name }) => records(name, 60, '192.0.2.5')), {
    [Symbol.asyncDispose]: () => server.close(),
  })
  const names = Array.from({ length: 1_000_000 }, (_, i) => `host${i}.zone${i % 977}.example`)
  const { code, out, err } = await replayAsking(
    server.address,
    file('million.txt', `${names.join('\n')}\nbad.example\n`),
  )
  assert.equal(err.replace(/^Events detected: .*$/s, ''), '')
  assert.match(out, /Notice bad\.example\n.*Notice spelled\.example\n/)
  assert.deepEqual(
    [...new Set(server.questions.map(({ name }) => name))],
    ['spelled.example'],
    'the only name that was asked for is the one that the rule spells',
  )
  assert.equal(code, 0)
})
