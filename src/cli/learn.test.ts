// `tiercel learn`, from captures to rules that load, and the rules back over the captures.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { parseAllDocuments } from 'yaml'
import type { TestRecord } from '../domains/testdata/dns-bytes.ts'
import { quoteValue } from '../agent/render-learned.ts'
import { loadRules } from '../agent/load-rules.ts'
import { Scene } from '../../test/conformance/observed-names/scene.ts'
import { learnCommand } from './learn.ts'
import { parseDuration } from './parse-duration.ts'
import { type Ran, runCommand } from './testing.ts'

const CAPTURES = fileURLToPath(new URL('../../../shared/data/captures', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tiercel-learn-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const run = (...words: string[]): Promise<Ran> => runCommand(learnCommand, words)

let files = 0
function write(text: string, extension: string): string {
  const path = join(folder, `${files++}.${extension}`)
  writeFileSync(path, text)
  return path
}

const captureOf = (scene: Scene): string =>
  write(scene.lines.map(line => `${JSON.stringify(line)}\n`).join(''), 'ndjson')

/** Warnings and errors of a rule file, and whether it loads. */
function findingsOf(text: string, strict = false): readonly string[] {
  const { rules } = loadRules([{ path: 'learned.yaml', text }], {
    ruleSelection: [],
    minPriority: 7,
    staticFields: new Map(),
    domains: { strict },
  })
  return rules.results
    .flatMap(result => result.findings)
    .map(({ diagnostic }) => `${diagnostic.code} ${diagnostic.message}`)
}

/** Learns from the capture: the file must load without a finding, and alert on nothing of what it was learnt from. */
async function learnFrom(capture: string, ...options: string[]): Promise<Ran> {
  const learned = await run(capture, ...options)
  assert.deepEqual(findingsOf(learned.out), [])
  assert.doesNotMatch(learned.err, /alert all the same/)
  const { out, err } = await run('--since', write(learned.out, 'yaml'), capture)
  assert.equal(out, '', `${learned.out}\n${out}`)
  assert.match(err, /nothing would have alerted/)
  return learned
}

const shopAndPool = (): Scene =>
  new Scene()
    .process(11, { comm: 'curl' })
    .process(12, { comm: 'job', container: 'aaaaaaaaaaaa' })
    .dns(11, 'shop.example', ['192.0.2.1', '192.0.2.2'])
    .dns(12, 'pool.example', ['192.0.2.1'])
    .connect(11, '192.0.2.1')
    .wait(1)
    .connect(11, '192.0.2.2', 80)
    .connect(12, '192.0.2.1')
    .connect(12, '2001:db8::7')
    .connect(12, '192.0.2.77')

test('learn: an entry for each workload, with what it used, how often, when, by whom', async () => {
  const { out, err, code } = await learnFrom(captureOf(shopAndPool()))
  assert.equal(code, 0)
  assert.match(err, /^5 connections of 2 workloads: 2 rules, 2 names, 2 addresses without one\n/)
  assert.deepEqual(out.split('\n').slice(1), [
    '# Review before use: what was reached while this was learnt is not alerted on, whoever made the connection.',
    '',
    '# Connections out of the machine, made or under way, but for those to servers of DNS.',
    '- macro: learned_connection',
    '  condition: >',
    '    evt.type = connect and fd.typechar in (4, 6) and (evt.rawres >= 0 or evt.res = EINPROGRESS) and not fd.snet in ("127.0.0.0/8", "::1/128") and fd.sport != 0 and not (fd.l4proto = udp and fd.sport = 53)',
    '',
    '# ---------------------------------------------------------------------- aaaaaaaaaaaa',
    '- list: trusted_domains_aaaaaaaaaaaa',
    '  items:',
    '    # 1 connection; 2026-05-04 10:00:01; port 443; by job; observed',
    '    - "pool.example"',
    '# No name beyond doubt was known of these when they were reached. Who else is behind them?',
    '- list: trusted_addresses_aaaaaaaaaaaa',
    '  items:',
    '    # 1 connection; 2026-05-04 10:00:01; port 443; by job',
    `    - '"192.0.2.77"'`,
    '    # 1 connection; 2026-05-04 10:00:01; port 443; by job',
    `    - '"2001:db8::7"'`,
    '- rule: "Connection outside what aaaaaaaaaaaa used"',
    '  desc: "aaaaaaaaaaaa connects to what it did not connect to while it was watched."',
    '  condition: >',
    '    learned_connection',
    '    and container.id = "aaaaaaaaaaaa" and not container.image.repository exists and not container.name exists',
    '    and not fd.sip.name in (trusted_domains_aaaaaaaaaaaa)',
    '    and not fd.sip in (trusted_addresses_aaaaaaaaaaaa)',
    '  output: Connection outside what was learnt (name=%fd.sip.name address=%fd.sip port=%fd.sport command=%proc.cmdline program=%proc.exepath container=%container.name)',
    '  priority: NOTICE',
    '  tags: [network, learned]',
    '',
    '# ---------------------------------------------------------------------- curl',
    '- list: trusted_domains_curl',
    '  items:',
    '    # 2 connections; 2026-05-04 10:00:00 to 2026-05-04 10:00:01; port 80, 443; by curl; observed',
    '    - "shop.example"',
    '- rule: "Connection outside what curl used"',
    '  desc: "curl connects to what it did not connect to while it was watched."',
    '  condition: >',
    '    learned_connection',
    '    and container.id = "host" and proc.name = "curl" and not proc.exepath startswith "/"',
    '    and not fd.sip.name in (trusted_domains_curl)',
    '  output: Connection outside what was learnt (name=%fd.sip.name address=%fd.sip port=%fd.sport command=%proc.cmdline program=%proc.exepath container=%container.name)',
    '  priority: NOTICE',
    '  tags: [network, learned]',
    '',
  ])
})

test('learn: what would have alerted since', async () => {
  const learned = write((await run(captureOf(shopAndPool()))).out, 'yaml')
  const later = shopAndPool()
    .dns(11, 'evil.example', ['203.0.113.66'])
    .connect(11, '203.0.113.66')
    .wait(60)
    .connect(11, '203.0.113.66')
    .connect(12, '203.0.113.67', 80)
  const { out, err, code } = await run('--since', learned, captureOf(later))
  assert.equal(code, 0)
  assert.equal(err, 'would have alerted 3 times:\n')
  assert.deepEqual(out.split('\n'), [
    'TIMES  TO                           PORT  FIRST                LAST                 BY    RULE',
    '2      evil.example (203.0.113.66)  443   2026-05-04 10:00:01  2026-05-04 10:01:01  curl  Connection outside what curl used',
    '1      203.0.113.67                 80    2026-05-04 10:01:01  2026-05-04 10:01:01  job   Connection outside what aaaaaaaaaaaa used',
    '',
  ])
})

test('learn: from the beginning of a capture, the rest is judged', async () => {
  const scene = shopAndPool().wait(60).dns(11, 'evil.example', ['203.0.113.66']).connect(11, '203.0.113.66')
  const { out, err } = await run(captureOf(scene), '--for', '30s')
  assert.deepEqual(findingsOf(out), [])
  assert.doesNotMatch(out, /evil/)
  assert.match(err, /the rest of it would have alerted once:\nTIMES .*\n1 +evil.example \(203.0.113.66\) +443 /)
})

test('learn: one entry for all that a condition takes, and only that', async () => {
  const { out } = await learnFrom(
    captureOf(shopAndPool()),
    '(proc.name = curl)\n or proc.name = wget',
    '--as',
    'downloads',
  )
  assert.match(out, /- list: trusted_domains_downloads\n/)
  assert.match(out, /\n {4}learned_connection\n {4}and \(\(proc.name = curl\) or proc.name = wget\)\n/)
  assert.doesNotMatch(out, /pool/)
})

test('learn: ids of processes say what is watched, and are no part of rules', async () => {
  const capture = captureOf(shopAndPool())
  const { out, err } = await run(capture, '--process', '11')
  assert.match(out, /- "shop.example"/)
  assert.doesNotMatch(out, /pool|proc\.pid|apid/)
  assert.doesNotMatch(err, /would have alerted/)
  const twin = shopAndPool().process(15, { comm: 'curl' }).connect(15, '203.0.113.1')
  assert.match(
    (await run(captureOf(twin), '--process', '11')).err,
    /1 connection of the same programs elsewhere would have alerted/,
  )
})

test('learn: containers of one image are one workload; what is found out of a container later makes no second one', async () => {
  const container = (id: string, more: object): object => ({
    json: JSON.stringify({ container: { id, full_id: id.padEnd(64, '0'), type: 0, ...more } }),
  })
  const [one, two, three] = ['a', 'b', 'c'].map(letter => letter.repeat(12)) as [string, string, string]
  const scene = new Scene()
    .process(11, { comm: 'web', container: one })
    .process(12, { comm: 'web', container: two })
    .process(13, { comm: 'job', container: three })
    .event(11, 'container', container(one, { name: 'web-1', imagerepo: 'example.org/web' }))
    .event(12, 'container', container(two, { name: 'web-2', imagerepo: 'example.org/web' }))
    .dns(11, 'shop.example', ['192.0.2.1'])
    .dns(12, 'pool.example', ['192.0.2.2'])
    .connect(11, '192.0.2.1')
    .connect(12, '192.0.2.2')
    // Nothing is known of its container yet.
    .dns(13, 'early.example', ['192.0.2.3'])
    .connect(13, '192.0.2.3')
    .event(13, 'container', container(three, { name: 'job' }))
    .dns(13, 'late.example', ['192.0.2.4'])
    .connect(13, '192.0.2.4')
  const { out } = await learnFrom(captureOf(scene))
  assert.deepEqual(out.match(/^- rule: .*/gm), [
    '- rule: "Connection outside what cccccccccccc used"',
    '- rule: "Connection outside what example.org/web used"',
    '- rule: "Connection outside what job used"',
  ])
  assert.match(out, /- list: trusted_domains_web\n {2}items:\n.*\n {4}- "pool\.example"\n.*\n {4}- "shop\.example"\n/)
  assert.match(out, /\n {4}and container\.image\.repository = "example\.org\/web"\n/)
  assert.match(out, /\n {4}and container\.name = "job" and not container\.image\.repository exists\n/)
})

test('learn: names that rotate become a pattern, and said so, unless Falco must read it', async () => {
  const scene = new Scene().process(11, { comm: 'curl' })
  for (let i = 1; i <= 6; i++) scene.dns(11, `edge${i}.cdn.example.com`, [`192.0.2.${i}`]).connect(11, `192.0.2.${i}`)
  const capture = captureOf(scene)
  const { out } = await learnFrom(capture)
  assert.match(
    out,
    /# 6 hosts that rotate, such as edge1\.cdn\.example\.com, .*; stands for every name below cdn\.example\.com\n.*\n {4}- "\*\.cdn\.example\.com"\n/,
  )
  assert.doesNotMatch(out, /- "edge/)
  const plain = await learnFrom(capture, '--no-patterns')
  assert.doesNotMatch(plain.out, /\*/)
  assert.deepEqual(findingsOf(plain.out, true), [], 'as Falco reads it')
  assert.equal(plain.out.match(/- "edge/g)?.length, 6)
})

test('learn: a name in doubt is no name', async () => {
  const scene = new Scene()
    .process(11, { comm: 'curl' })
    .dns(11, 'shop.example', ['192.0.2.1'])
    .connect(11, '192.0.2.1')
  const { out } = await run(captureOf(scene), '-o', 'domains.trusted_resolvers[]=10.9.9.9')
  assert.doesNotMatch(out, /- "shop/)
  assert.match(out, /by curl; said to be shop.example, in doubt\n {4}- '"192.0.2.1"'/)
})

test('learn: the same connections make the same text', async () => {
  const capture = captureOf(shopAndPool())
  assert.equal((await run(capture)).out, (await run(capture)).out)
})

const hostile: readonly string[] = [
  'a" or evt.type = execve or "',
  "it's",
  'both " and \' of \\ them',
  'x\n- rule: injected\n  desc: d',
  'x\r# y',
  'and',
  '%proc.name',
  '#comment',
  '- list: x',
  '$HOME ~',
  'ünï',
  'a\u2028b',
  '\u0007bell',
  '{[',
]
test('learn: names of programs that would be rules are quoted, or left out', async () => {
  const scene = new Scene()
  for (const [i, comm] of hostile.entries()) {
    scene
      .process(100 + i, { comm })
      .dns(100 + i, `n${i}.example`, [`192.0.2.${i}`])
      .connect(100 + i, `192.0.2.${i}`)
  }
  const capture = captureOf(scene)
  const { out, err } = await run(capture)
  assert.deepEqual(findingsOf(out), [])
  const documents = parseAllDocuments(out)
  assert.equal(documents.length, 1)
  const items = (documents[0] as { toJS(): unknown }).toJS() as readonly Record<string, unknown>[]
  const kinds = items.map(item => Object.keys(item)[0])
  const refused = hostile.filter(comm => /[\0-\x1f\u2028]/.test(comm))
  assert.equal(kinds.filter(kind => kind === 'rule').length, hostile.length - refused.length)
  assert.equal(kinds.filter(kind => kind === 'list').length, hostile.length - refused.length)
  assert.equal(kinds.filter(kind => kind === 'macro').length, 1)
  assert.equal(out.match(/^# Left out/gm)?.length, refused.length)
  assert.match(err, /left out, as no rule can spell its name/)
  // Each of the others is judged by its own list: the same connections alert nowhere, those of the ones left out have no rule.
  const { out: since } = await run('--since', write(out, 'yaml'), capture)
  assert.equal(since, '')
})

test('learn: what is quoted is read back as it was', () => {
  assert.equal(quoteValue('/bin/ends\\'), undefined, 'no quotes can be put around it')
  fc.assert(
    fc.property(
      fc.string({ unit: fc.integer({ min: 0, max: 255 }).map(c => String.fromCharCode(c)), maxLength: 40 }),
      value => {
        const quoted = quoteValue(value)
        if (quoted === undefined) return
        const { rules } = loadRules(
          [
            {
              path: 'r.yaml',
              text: `- rule: r\n  desc: d\n  condition: >\n    evt.type = connect and proc.exepath = ${quoted}\n  output: o\n  priority: INFO\n`,
            },
          ],
          { ruleSelection: [], minPriority: 7, staticFields: new Map(), domains: { strict: false } },
        )
        const condition = rules.plan?.rules[0]?.condition
        assert.ok(condition?.kind === 'and', quoted)
        const check = condition.operands[1]!
        assert.ok(check.kind === 'check' && check.rhs.kind === 'values')
        assert.equal(check.rhs.values[0], value)
      },
    ),
  )
})

test('learn: whatever names and addresses come, the rules load and alert on nothing that they were learnt from', async () => {
  const name = fc.constantFrom(
    'shop.example',
    'pool.example',
    'a.b.example.com',
    'x1.example.com',
    'x2.example.com',
    'x3.example.com',
    'x4.example.com',
    'x5.example.com',
  )
  const ip = fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3', '2001:db8::1', '10.0.0.9')
  const pid = fc.constantFrom(11, 12, 13)
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('dns' as const),
      pid,
      name,
      ip,
      alias: fc.option(name, { nil: undefined }),
      ttl: fc.constantFrom(0, 30, 600),
    }),
    fc.record({ kind: fc.constant('connect' as const), pid, ip }),
    fc.record({ kind: fc.constant('wait' as const), seconds: fc.constantFrom(1, 59, 1000, 4000) }),
    fc.record({ kind: fc.constant('exit' as const), pid }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async steps => {
      const scene = new Scene()
        .process(11, { comm: 'curl' })
        .process(12, { comm: 'job', container: 'aaaaaaaaaaaa' })
        .process(13, { comm: 'curl' })
        .connect(11, '203.0.113.1')
      for (const one of steps) {
        if (one.kind === 'wait') scene.wait(one.seconds)
        else if (one.kind === 'connect') scene.connect(one.pid, one.ip)
        else if (one.kind === 'exit')
          scene.event(one.pid, 'procexit', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 })
        else {
          const type = one.ip.includes(':') ? ('AAAA' as const) : ('A' as const)
          const records: TestRecord[] = []
          if (one.alias !== undefined && one.alias !== one.name)
            records.push({ name: one.name, type: 'CNAME', data: one.alias, ttl: one.ttl })
          records.push({ name: records.length > 0 ? one.alias! : one.name, type, data: one.ip, ttl: one.ttl })
          scene.dns(one.pid, one.name, records, { type })
        }
      }
      await learnFrom(captureOf(scene))
    }),
    { numRuns: 60 },
  )
})

const captures = existsSync(CAPTURES) ? readdirSync(CAPTURES).filter(name => name.endsWith('.scap')) : []
test('learn: the shared captures', {
  skip: captures.length === 0 && 'no captures at ../shared/data/captures',
}, async () => {
  let learned = 0
  for (const name of captures) {
    const capture = join(CAPTURES, name)
    try {
      await learnFrom(capture)
      learned++
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('nothing was learnt')) throw error
    }
  }
  assert.ok(learned >= 3, `${learned} of ${captures.length}`)
})

const refusals: readonly (readonly [words: readonly string[], message: RegExp])[] = [
  [['none.scap'], /no such capture: `none.scap`/],
  [['evt.typ = connect', write('', 'ndjson')], /the condition is wrong/],
  [['--for', 'ten', write('', 'ndjson')], /needs a time such as/],
  [['--for', '0', write('', 'ndjson')], /needs a time such as/],
  [['--as', 'a\nb', write('', 'ndjson')], /`--as` needs a name/],
  [['--since', 'none.yaml', write('', 'ndjson')], /no such rule file: `none.yaml`/],
  [['--since', write('- rule: x', 'yaml'), write('', 'ndjson')], /the rules have/],
  [['--since', 'x.yaml', '--as', 'x'], /learns nothing/],
  [['--container', 'a b'], /needs an id or a name/],
  [[captureOf(new Scene().process(11))], /nothing was learnt: there is no connection in it/],
  [['--process', '11', '--as', 'x', write('', 'ndjson')], /would be a rule about every process/],
  [['--process', 'x', write('', 'ndjson')], /needs a process id/],
  [['--since', write('', 'yaml'), '--process', '11', write('', 'ndjson')], /takes no condition, process or container/],
  [['--bindings', 'none'], /no such bindings file: `none`/],
]
for (const [i, [words, message]] of refusals.entries()) {
  test(`learn: refusal ${i}: ${message.source}`, async () => {
    await assert.rejects(run(...words), error => error instanceof Error && message.test(error.message))
  })
}

test('learn: how long', () => {
  assert.deepEqual(['90', '90s', '10m', '1h30m', '1h1s'].map(parseDuration), [90, 90, 600, 5400, 3601])
  for (const text of ['', 'm', '-1', '1.5h', '10 m', '1d', '1m1h'])
    assert.throws(() => parseDuration(text), /needs a time/)
})
