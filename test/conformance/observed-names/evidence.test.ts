// What an alert tells of the names that decided it (`domains.explain_alerts`), and for a name that is missing the nearest reason.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { BindingFact } from '../../../src/domains/binding.ts'
import { parseIp } from '../../../src/values/ip.ts'
import { CONNECTS, type PlayOptions, play, rule, START_NS, Scene } from './scene.ts'

const UNEXPECTED =
  '- list: trusted_domains\n  items: [shop.example, github.com]\n' +
  rule('Unexpected', `${CONNECTS} and not fd.sip.name in (trusted_domains)`, '%fd.sip.name')
const PROGRAM = fileURLToPath(new URL('../../../bin/tiercel', import.meta.url))
const CHECK = 'fd.sip.name in (shop.example, github.com)'
const START_MS = Number(START_NS / 1_000_000n)

const known = (name: string, ip: string, more: Partial<BindingFact> = {}): BindingFact => {
  return { name, ip: parseIp(ip)!, evidence: 'observed', ...more }
}

interface Case extends Omit<PlayOptions, 'rules'> {
  readonly name: string
  readonly rules?: string
  readonly scene: (scene: Scene) => void
  /** Of the last alert. */
  readonly want: object
}

const cases: readonly Case[] = [
  {
    name: 'a name that is not on the list: which answer, when, whose, from where, through which aliases',
    scene: s =>
      s
        .process(11, { comm: 'curl', container: 'aaaaaaaaaaaa' })
        .dns(11, 'evil.example', [
          { name: 'evil.example', type: 'CNAME', data: 'edge.example', ttl: 60 },
          { name: 'edge.example', type: 'A', data: '203.0.113.66', ttl: 30 },
        ])
        .wait(1.5)
        .connect(11, '203.0.113.66'),
    want: {
      field: 'fd.sip.name',
      address: '203.0.113.66',
      decided_by: 'process',
      known: [
        {
          name: 'evil.example',
          evidence: 'observed',
          seen: '2026-05-04T10:00:00.004Z',
          age_ms: 1503,
          resolver: '10.0.0.2',
          ttl: 30,
          chain: ['edge.example'],
          pid: 11,
          process: 'curl',
          container: 'aaaaaaaaaaaa',
          until: '2026-05-04T10:16:00.004Z',
        },
        {
          name: 'edge.example',
          evidence: 'observed',
          seen: '2026-05-04T10:00:00.004Z',
          age_ms: 1503,
          resolver: '10.0.0.2',
          ttl: 30,
          pid: 11,
          process: 'curl',
          container: 'aaaaaaaaaaaa',
          until: '2026-05-04T10:16:00.004Z',
        },
      ],
      checks: [
        { check: CHECK, holds: false, reason: { kind: 'never', text: 'none of its names was seen with this address' } },
      ],
    },
  },
  {
    name: 'a name of the list',
    rules: rule('Shop', `${CONNECTS} and fd.sip.name = shop.example and not fd.cip.name exists`, 'x'),
    scene: s => s.process(11).dns(11, 'shop.example', ['192.0.2.1']).connect(11, '192.0.2.1'),
    want: {
      field: 'fd.sip.name',
      address: '192.0.2.1',
      decided_by: 'process',
      known: [
        {
          name: 'shop.example',
          evidence: 'observed',
          seen: '2026-05-04T10:00:00.004Z',
          age_ms: 3,
          resolver: '10.0.0.2',
          ttl: 30,
          pid: 11,
          process: 'app11',
          until: '2026-05-04T10:16:00.004Z',
        },
      ],
      checks: [{ check: 'fd.sip.name = shop.example', holds: true, name: 'shop.example' }],
    },
  },
  {
    name: 'nobody looked anything up',
    scene: s => s.process(11).connect(11, '203.0.113.67'),
    want: {
      field: 'fd.sip.name',
      address: '203.0.113.67',
      known: [],
      reason: { kind: 'never', text: 'nobody was seen to look one up' },
      checks: [
        { check: CHECK, holds: false, reason: { kind: 'never', text: 'none of its names was seen with this address' } },
      ],
    },
  },
  {
    name: 'the name left the set 40 s before',
    known: [known('github.com', '192.0.2.1', { fromMs: START_MS, untilMs: START_MS + 1000 })],
    scene: s => s.process(11).wait(40.998).connect(11, '192.0.2.1'),
    want: {
      field: 'fd.sip.name',
      address: '192.0.2.1',
      known: [],
      reason: { kind: 'ended', text: 'it was github.com until 40 s before', name: 'github.com', ms: 40_000 },
      checks: [
        {
          check: CHECK,
          holds: false,
          reason: { kind: 'ended', text: 'it was github.com until 40 s before', name: 'github.com', ms: 40_000 },
        },
      ],
    },
  },
  {
    name: 'another process alone looked the name up; what this one looked up decides',
    scene: s =>
      s
        .process(11, { comm: 'job' })
        .process(12, { comm: 'curl' })
        .dns(12, 'shop.example', ['192.0.2.1'])
        .dns(11, 'pool.example', ['192.0.2.1'])
        .connect(11, '192.0.2.1'),
    want: {
      decided_by: 'process',
      checks: [
        {
          check: CHECK,
          holds: false,
          reason: {
            kind: 'outranked',
            text: 'it is shop.example too, as curl (12) looked up, but what the process looked up itself decides',
            name: 'shop.example',
            pid: 12,
            process: 'curl',
          },
        },
      ],
    },
  },
  {
    name: 'only another container looked the name up, in a process that has ended',
    scene: s =>
      s
        .process(11, { container: 'aaaaaaaaaaaa' })
        .process(12, { container: 'bbbbbbbbbbbb', comm: 'curl' })
        .dns(12, 'shop.example', ['192.0.2.1'])
        .connect(11, '192.0.2.1'),
    want: {
      reason: {
        kind: 'foreign',
        text: 'only curl (12) in bbbbbbbbbbbb knows it as shop.example',
        name: 'shop.example',
        pid: 12,
        process: 'curl',
        container: 'bbbbbbbbbbbb',
      },
    },
  },
  {
    name: 'the agent alone knows the name; what the process looked up decides',
    known: [known('github.com', '192.0.2.1', { evidence: 'resolved' })],
    scene: s => s.process(11).dns(11, 'pool.example', ['192.0.2.1']).connect(11, '192.0.2.1'),
    want: {
      checks: [
        {
          check: CHECK,
          holds: false,
          reason: {
            kind: 'outranked',
            text: 'it is github.com too, as the agent looked up, but what the process looked up itself decides',
            name: 'github.com',
          },
        },
      ],
    },
  },
  {
    name: 'the answer came from a server that is not trusted',
    settings: { trustedResolvers: ['10.0.0.99'] },
    scene: s => s.process(11).dns(11, 'shop.example', ['192.0.2.1']).wait(0.497).connect(11, '192.0.2.1'),
    want: {
      decided_by: 'untrusted',
      known: [{ name: 'shop.example', untrusted: true, age_ms: 500 }],
      checks: [
        {
          check: CHECK,
          holds: false,
          reason: {
            kind: 'doubtful',
            text: 'only 10.0.0.2, which is not trusted, says that it is shop.example, and that excuses nothing',
            name: 'shop.example',
            resolver: '10.0.0.2',
          },
        },
      ],
    },
  },
  {
    name: 'the answer gave a public name an address of this host',
    scene: s => s.process(11).dns(11, 'www.google.com', ['169.254.1.1']).wait(0.497).connect(11, '169.254.1.1'),
    want: {
      known: [],
      reason: {
        kind: 'not-believed',
        text: 'an answer of 10.0.0.2 said www.google.com 500 ms before, but public names have no address of this host or link',
        name: 'www.google.com',
        ms: 500,
        resolver: '10.0.0.2',
      },
    },
  },
  {
    name: 'a list too long to be looked up',
    listLimit: 1,
    scene: s => s.process(11).connect(11, '192.0.2.1'),
    want: {
      checks: [
        {
          check: CHECK,
          holds: false,
          reason: {
            kind: 'observe-only',
            text: 'none of its names was seen with this address, and the agent looks none of them up (a long list, or one for observation only)',
          },
        },
      ],
    },
  },
  {
    name: 'a bindings file knows the name from 200 ms later on',
    known: [known('shop.example', '192.0.2.1', { fromMs: START_MS + 202 })],
    scene: s => s.process(11).connect(11, '192.0.2.1'),
    want: {
      reason: { kind: 'later', text: 'shop.example became known 200 ms after', name: 'shop.example', ms: 200 },
    },
  },
  {
    name: 'a name only printed, and operators on text',
    rules: rule('Any', `${CONNECTS} and fd.sip.name endswith .example`, '%fd.rip.name'),
    scene: s => s.process(11).dns(11, 'a.example', ['192.0.2.1']).connect(11, '192.0.2.1'),
    want: { field: 'fd.sip.name', checks: [{ check: 'fd.sip.name endswith .example', holds: true }] },
  },
]

for (const c of cases) {
  test(`evidence: ${c.name}`, () => {
    const scene = new Scene()
    c.scene(scene)
    const { evidence } = play(scene, { rules: UNEXPECTED, ...c })
    const last = evidence.at(-1)?.find(one => one.field === 'fd.sip.name')
    assert.ok(last !== undefined, 'no evidence')
    assert.partialDeepStrictEqual(last, c.want)
  })
}

// The JSON of alerts

interface Schema {
  readonly $ref?: string
  readonly type?: 'array' | 'object' | 'string' | 'integer' | 'boolean'
  readonly items?: Schema
  readonly maxItems?: number
  readonly minimum?: number
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly $defs?: Readonly<Record<string, Schema>>
}

const root = JSON.parse(
  readFileSync(new URL('../../../docs/alert-names.schema.json', import.meta.url), 'utf8'),
) as Schema

/** Where `value` does not fit; as much of JSON Schema as ours needs. Objects may have no members but those listed. */
function misfits(value: unknown, schema: Schema, at = '$'): string[] {
  if (schema.$ref !== undefined) return misfits(value, root.$defs![schema.$ref.slice('#/$defs/'.length)]!, at)
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${at}: ${value} is none of ${schema.enum}`]
  if (schema.const !== undefined && schema.const !== value) return [`${at}: ${value}`]
  switch (schema.type) {
    case undefined:
      return []
    case 'array':
      if (!Array.isArray(value) || value.length > (schema.maxItems ?? 0)) return [`${at}: no such list`]
      return value.flatMap((item, i) => misfits(item, schema.items!, `${at}[${i}]`))
    case 'object': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at}: no object`]
      const members = Object.entries(value)
      const missing = schema.required!.filter(key => !Object.hasOwn(value, key))
      return [
        ...missing.map(key => `${at}.${key}: missing`),
        ...members.flatMap(([key, member]) => {
          const own = schema.properties![key]
          return own === undefined ? [`${at}.${key}: unknown`] : misfits(member, own, `${at}.${key}`)
        }),
      ]
    }
    case 'integer':
      return Number.isInteger(value) && Number(value) >= (schema.minimum ?? 0) ? [] : [`${at}: ${value}`]
    default:
      return typeof value === schema.type ? [] : [`${at}: ${value} is no ${schema.type}`]
  }
}

test('evidence: what the cases give fits docs/alert-names.schema.json', () => {
  for (const c of cases) {
    const scene = new Scene()
    c.scene(scene)
    for (const names of play(scene, { rules: UNEXPECTED, ...c }).evidence) {
      assert.deepEqual(misfits(JSON.parse(JSON.stringify(names)), root), [], c.name)
    }
  }
  assert.notDeepEqual(misfits([{ field: 'fd.sip.name', known: [{}], checks: [] }], root), [])
})

test('evidence: bounded, however many and long the names are', () => {
  const long = (i: number): string =>
    `${`${i}`.padEnd(60, 'a')}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.example`
  const chain = Array.from({ length: 16 }, (_, i) => long(1_000_000 + i))
  const names = Array.from({ length: 3000 }, (_, i) => long(i))
  const scene = new Scene().process(11, { comm: 'x'.repeat(16) }).connect(11, '192.0.2.1')
  const list = `- list: many\n  items: [${names.join(', ')}]\n`
  const checks = Array.from({ length: 40 }, (_, i) => `not fd.sip.name in (many, n${i}.example)`).join(' and ')
  const { evidence } = play(scene, {
    rules:
      list +
      rule(
        'Many',
        `${CONNECTS} and fd.sip.name exists and not fd.cip.name exists and (${checks} or evt.num > 0)`,
        '%fd.sip.name',
      ),
    known: names.map(name => known(name, '192.0.2.1', { evidence: 'resolved', chain })),
  })
  const [names0] = evidence
  assert.ok(names0 !== undefined)
  assert.deepEqual(misfits(JSON.parse(JSON.stringify(names0)), root), [])
  const bytes = JSON.stringify(names0).length
  assert.ok(bytes > 10_000 && bytes < 64 * 1024, `${bytes} bytes`)
})

test('evidence: only where it is asked for; the rest of the line is the same to the byte', async () => {
  const scene = new Scene()
    .process(11, { comm: 'a"\\b\n' })
    .dns(11, 'evil.example', ['203.0.113.66'])
    .connect(11, '203.0.113.66')
    .connect(11, '203.0.113.67')
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-evidence-'))
  try {
    const capture = join(folder, 'scene.ndjson')
    writeFileSync(capture, scene.lines.map(line => `${JSON.stringify(line)}\n`).join(''))
    const rulesFile = join(folder, 'rules.yaml')
    writeFileSync(rulesFile, UNEXPECTED + rule('No name', `${CONNECTS}`, 'none'))
    const lines = (...options: string[]): string[] => {
      const words = ['replay', capture, '-r', rulesFile, '--observe', '-q', '-o', 'rule_matching=all', ...options]
      const { stdout, status, stderr } = spawnSync(PROGRAM, words, { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
      return stdout.trimEnd().split('\n')
    }
    const plain = lines('--json')
    const explained = lines('--json', '-o', 'domains.explain_alerts=true')
    assert.equal(plain.length, 4)
    assert.equal(explained.length, 4)
    let withNames = 0
    for (const [i, line] of explained.entries()) {
      const { names, rule: ruleName } = JSON.parse(line) as { names?: unknown; rule: string }
      assert.equal(names !== undefined, ruleName === 'Unexpected')
      if (names === undefined) {
        assert.equal(line, plain[i])
        continue
      }
      withNames++
      assert.deepEqual(misfits(names, root), [])
      assert.equal(line.replace(`"names":${JSON.stringify(names)},`, ''), plain[i])
    }
    assert.equal(withNames, 2)
    // Text has no place for it.
    assert.deepEqual(lines('-o', 'domains.explain_alerts=true'), lines())
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('evidence: says of every check what the rule found, whatever was seen', () => {
  const name = fc.constantFrom('shop.example', 'pool.example', 'cdn.example', 'www.google.com')
  const ip = fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1', '169.254.9.9')
  const pid = fc.constantFrom(11, 12, 13)
  const server = fc.constantFrom('10.0.0.2:53', '10.0.0.3:53')
  const step = fc.oneof(
    fc.record({ kind: fc.constant('dns' as const), pid, name, ip, server, alias: fc.option(name, { nil: undefined }) }),
    fc.record({ kind: fc.constant('connect' as const), pid, ip }),
    fc.record({ kind: fc.constant('wait' as const), seconds: fc.constantFrom(1, 600, 1000) }),
    fc.record({ kind: fc.constant('exit' as const), pid }),
  )
  /** What its one check must say of an alert of the rule. */
  const rules = [
    { name: 'Excuses', condition: 'not fd.sip.name in (shop.example, "*.google.com")', holds: false },
    { name: 'Accuses', condition: 'fd.sip.name in (shop.example, "*.google.com")', holds: true },
    { name: 'Differs', condition: 'fd.sip.name != shop.example', holds: true },
    { name: 'Twice', condition: 'not (not fd.sip.name = pool.example)', holds: true },
    { name: 'Ends', condition: 'not fd.sip.name endswith .example', holds: false },
  ]
  const text = rules.map(({ name: title, condition }) => rule(title, `${CONNECTS} and ${condition}`)).join('')
  let checked = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const scene = new Scene()
        .process(11)
        .process(12, { container: 'aaaaaaaaaaaa' })
        .process(13)
        .connect(11, '192.0.2.1')
      for (const one of steps) {
        if (one.kind === 'wait') scene.wait(one.seconds)
        else if (one.kind === 'connect') scene.connect(one.pid, one.ip)
        else if (one.kind === 'exit')
          scene.event(one.pid, 'procexit', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 })
        else {
          const type = one.ip.includes(':') ? ('AAAA' as const) : ('A' as const)
          const alias = one.alias === one.name ? undefined : one.alias
          const last = { name: alias ?? one.name, type, data: one.ip, ttl: 30 }
          const first = alias === undefined ? [] : [{ name: one.name, type: 'CNAME' as const, data: alias, ttl: 30 }]
          scene.dns(one.pid, one.name, [...first, last], { type, server: one.server })
        }
      }
      const { alerts, evidence } = play(scene, { rules: text, settings: { trustedResolvers: ['10.0.0.2'] } })
      for (const [i, alert] of alerts.entries()) {
        const made = rules.find(one => alert.startsWith(`${one.name}: `))!
        const [end] = evidence[i]!
        const [check] = end!.checks
        assert.equal(check!.holds, made.holds, `${alert}\n${JSON.stringify(end)}`)
        assert.deepEqual(misfits(JSON.parse(JSON.stringify([end])), root), [])
        // A name or a reason, at the address and at each check of whole names.
        assert.equal(end!.known.length === 0, end!.reason !== undefined)
        assert.equal(end!.known.length === 0, end!.decided_by === undefined)
        if (made.name !== 'Ends') assert.equal(check!.name === undefined, check!.reason !== undefined)
        if (check!.name !== undefined) assert.ok(end!.known.some(known => known.name === check!.name))
        // What the alert prints is one of the names: of those that the rule spells, the best.
        const printed = alert.slice(made.name.length + 2)
        assert.ok(end!.known.length === 0 ? printed === '<NA>' : end!.known.some(one => one.name === printed), alert)
        checked++
      }
    }),
    { numRuns: 50 },
  )
  assert.ok(checked > 150, `${checked}`)
})
