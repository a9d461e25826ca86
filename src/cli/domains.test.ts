import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseBinding, renderBinding } from '../domains/bindings-file.ts'
import { newSum, renderSavedEnd, renderSavedHeader } from '../domains/saved-names.ts'
import { Scene } from '../../test/conformance/observed-names/scene.ts'
import { CommandError } from './command-error.ts'
import { domainsCommand } from './domains.ts'
import { type Ran, runCommand, runQuietly } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'tiercel-domains-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const scene = new Scene()
  .process(11, { comm: 'curl' })
  .process(12, { comm: 'job', container: 'aaaaaaaaaaaa' })
  .process(13, { comm: 'spy', container: 'bbbbbbbbbbbb' })
  .connect(11, '192.0.2.9')
  .dns(11, 'shop.example', [
    { name: 'shop.example', type: 'CNAME', data: 'edge.example', ttl: 60 },
    { name: 'edge.example', type: 'A', data: '192.0.2.9', ttl: 30 },
  ])
  .dns(12, 'pool.example', ['192.0.2.1'])
  .wait(1.5)
  .connect(11, '192.0.2.9')
  .connect(12, '192.0.2.1')
  .connect(13, '192.0.2.1')
  .connect(12, '192.0.2.77')
const capture = join(folder, 'scene.ndjson')
writeFileSync(capture, scene.lines.map(line => `${JSON.stringify(line)}\n`).join(''))

const run = (...words: string[]): Promise<Ran> => runQuietly(domainsCommand, words)

test('domains list: each name once, with who looked it up', async () => {
  const { code, out } = await run('list', '--capture', capture)
  assert.equal(code, 0)
  assert.deepEqual(out.split('\n'), [
    'NAME          ADDRESSES  KNOWN BY  LAST SEEN            BY',
    'edge.example  192.0.2.9  observed  2026-05-04 10:00:00  curl (11)',
    'pool.example  192.0.2.1  observed  2026-05-04 10:00:00  job (12) in aaaaaaaaaaaa',
    'shop.example  192.0.2.9  observed  2026-05-04 10:00:00  curl (11)',
    '',
  ])
})

test('domains list: as bindings, which a replay can take', async () => {
  const { out } = await run('list', '--format', 'bindings', '--capture', capture)
  const lines = out.trim().split('\n')
  assert.equal(lines.length, 2)
  for (const line of lines) assert.ok(parseBinding(line).ok, line)
})

test('domains list and explain: what the agent of this machine saved, and how old it is', async () => {
  const path = join(folder, 'names.jsonl')
  const now = Date.now()
  const fact = { name: 'shop.example', ip: 0xc0000201, evidence: 'observed', owner: { pid: 7 } } as const
  const sum = newSum()
  const body =
    renderSavedHeader({ bootId: 'b', savedMs: now }) +
    `${renderBinding({ ...fact, fromMs: now - 1000, untilMs: now + 60_000, resolver: '10.0.0.2' })}\n`
  sum.update(body)
  writeFileSync(path, body + renderSavedEnd(new Map([[7, 1]]), sum))
  const option = ['-o', `domains.state_file=${path}`]
  const listed = await runCommand(domainsCommand, ['list', ...option])
  assert.equal(listed.code, 0)
  assert.match(listed.out, /^shop\.example\s+192\.0\.2\.1\s+observed /m)
  assert.match(listed.err, /^names as the agent saved them \d+ s ago \(\S+names\.jsonl\); it saves every 60 s$/m)
  const explained = await runCommand(domainsCommand, ['explain', 'shop.example', ...option])
  assert.match(explained.out, /shop\.example = 192\.0\.2\.1: observed, by process \(7\), from 10\.0\.0\.2/)
})

test('domains list: an agent that keeps its names nowhere', async () => {
  const option = ['-o', `domains.state_file=${join(folder, 'absent')}`]
  await assert.rejects(
    runCommand(domainsCommand, ['list', ...option]),
    (error: CommandError) => /is not there$/.test(error.message) && /--for 30s/.test(error.help ?? ''),
  )
})

const rows: readonly { readonly subject: string; readonly want: readonly string[] }[] = [
  {
    subject: '192.0.2.9',
    want: [
      '192.0.2.9',
      '  shop.example = 192.0.2.9: observed, by curl (11), from 10.0.0.2, TTL 30 s, through edge.example',
      '    holds from 2026-05-04 10:00:00.006 to 2026-05-04 10:16:00.006',
      '  edge.example = 192.0.2.9: observed, by curl (11), from 10.0.0.2, TTL 30 s',
      '    holds from 2026-05-04 10:00:00.006 to 2026-05-04 10:16:00.006',
      '',
      'connections',
      '  2026-05-04 10:00:00.002  curl (11) to 192.0.2.9 port 443',
      '    no name; shop.example became known 4 ms after',
      '  2026-05-04 10:00:01.514  curl (11) to 192.0.2.9 port 443',
      '    shop.example, edge.example (observed, 1.5 s before; it looked the name up itself)',
      '',
    ],
  },
  {
    subject: 'Pool.Example.',
    want: [
      'Pool.Example.',
      '  pool.example = 192.0.2.1: observed, by job (12) in aaaaaaaaaaaa, from 10.0.0.2, TTL 30 s',
      '    holds from 2026-05-04 10:00:00.011 to 2026-05-04 10:16:00.011',
      '',
      'connections',
      '  2026-05-04 10:00:01.516  job (12) in aaaaaaaaaaaa to 192.0.2.1 port 443',
      '    pool.example (observed, 1.5 s before; it looked the name up itself)',
      '  2026-05-04 10:00:01.518  spy (13) in bbbbbbbbbbbb to 192.0.2.1 port 443',
      '    no name; only job (12) in aaaaaaaaaaaa knows it as pool.example',
      '',
    ],
  },
  {
    subject: '192.0.2.77',
    want: [
      '192.0.2.77',
      '  nothing is known of it',
      '',
      'connections',
      '  2026-05-04 10:00:01.520  job (12) in aaaaaaaaaaaa to 192.0.2.77 port 443',
      '    no name; nobody was seen to look one up',
      '',
    ],
  },
]
for (const { subject, want } of rows) {
  test(`domains explain ${subject}`, async () => {
    const { code, out } = await run('explain', subject, '--capture', capture)
    assert.equal(code, 0)
    assert.deepEqual(out.split('\n'), want)
  })
}

const refusals: readonly (readonly [words: readonly string[], message: RegExp])[] = [
  [['explain', '192.0.2.200', '--capture', capture], /nothing is known of `192.0.2.200`/],
  [['explain', '--capture', capture], /needs an address or a name/],
  [['explain', 'a b', '--capture', capture], /neither an address nor a name/],
  [['list', '--for', '1s', '--capture', capture], /watches this machine/],
  [['list', 'x', '--capture', capture], /no such capture: `x`/],
  [['show', '--capture', capture], /unknown action `show`/],
  [['list', '--capture', join(folder, 'none')], /none/],
  [['list', '--capture', capture, '--dns-ports', '0'], /needs ports/],
  [['list', '--capture', capture, '--format', 'xml'], /unknown format `xml`/],
]
for (const [words, message] of refusals) {
  test(`domains ${words.join(' ').replaceAll(folder, '')} is refused`, async () => {
    await assert.rejects(run(...words), error => error instanceof Error && message.test(error.message))
  })
}

test('domains: refusals are for the user, not bugs', async () => {
  await assert.rejects(run('explain', '192.0.2.200', '--capture', capture), CommandError)
})
