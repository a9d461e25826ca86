import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { wantedEvents } from '../../src/agent/base-syscalls.ts'
import { openFilterOf } from '../../src/agent/open-filter.ts'
import { Pipeline } from '../../src/agent/pipeline.ts'
import { loadBindingsFile } from '../../src/domains/bindings-file.ts'
import { NameIndex } from '../../src/domains/name-index.ts'
import type { Alert } from '../../src/engine/alert.ts'
import { eventLookup } from '../../src/events/event-lookup.ts'
import { openSource } from '../../src/events/open-source.ts'
import { fieldLookup } from '../../src/fields/catalogue.ts'
import { asRecords, clientHello } from '../../src/domains/testdata/client-hello.ts'
import { cryptoFrame, initialPacket } from '../../src/domains/testdata/quic-packets.ts'
import { type CompiledRules, compileRules, type RulesFileInput } from '../../src/rules/compile-rules.ts'

import { play, Scene } from '../conformance/observed-names/scene.ts'
import { plainSetup } from '../../src/agent/testdata/plain-setup.ts'

/* The rules that come with Tiercel: that they load, what they say about the samples, and that ordinary work leaves them silent. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const captures = `${root}../shared/data/captures/`
const defaultFiles = readdirSync(`${root}rules`)
  .filter(name => name.endsWith('.yaml'))
  .map(name => `rules/${name}`)

function compile(paths: readonly string[]): CompiledRules {
  const files = paths.map((path): RulesFileInput => ({ path, text: readFileSync(root + path, 'utf8') }))
  return compileRules(files, { fields: fieldLookup, events: eventLookup })
}

async function replay(capture: string, paths: readonly string[], bindings?: string): Promise<readonly Alert[]> {
  const { plan } = compile(paths)
  assert.ok(plan !== undefined)
  const names = new NameIndex()
  if (bindings !== undefined) assert.deepEqual((await loadBindingsFile(root + bindings, names)).errors, [])
  const alerts: Alert[] = []
  const pipeline = new Pipeline({
    plan,
    fields: fieldLookup,
    names,
    ...plainSetup,
    onAlert: alert => alerts.push(alert),
  })
  await (await openSource(capture)).read(pipeline.sink)
  return alerts
}

function countByRule(alerts: readonly Alert[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { rule } of alerts) counts[rule.name] = (counts[rule.name] ?? 0) + 1
  return counts
}

test('default rules leave opens to the kernel filter: one that needs every open would double their cost for everybody', () => {
  const { plan } = compile(defaultFiles)
  const wanted = wantedEvents(plan!.rules, { customSet: [], repair: false, all: false })
  for (const rule of plan!.rules) {
    const filter = openFilterOf([rule], '', event => !wanted.notTraced.includes(event))
    assert.notEqual(filter, undefined, `${rule.name} needs every open`)
  }
})

for (const paths of [defaultFiles, [...defaultFiles].reverse(), ...defaultFiles.map(path => [path])]) {
  test(`default rules load without a finding: ${paths.join(', ')}`, () => {
    const { plan, results } = compile(paths)
    assert.deepEqual(
      results.flatMap(r => r.findings.map(f => f.diagnostic.message)),
      [],
    )
    assert.ok(plan !== undefined && plan.rules.length > 0)
  })
}

test('default rules each name a tactic and a technique, and say who did it', () => {
  const { plan } = compile(defaultFiles)
  for (const rule of plan!.rules) {
    assert.ok(
      rule.tags.some(tag => tag.startsWith('mitre_')),
      `${rule.name}: no tactic`,
    )
    assert.ok(
      rule.tags.some(tag => /^T\d{4}(\.\d{3})?$/.test(tag)),
      `${rule.name}: no technique`,
    )
    for (const field of ['%proc.cmdline', '%user.name', '%container.id']) {
      assert.ok(rule.output.includes(field), `${rule.name}: the output lacks ${field}`)
    }
  }
})

test('rules that need a list of the user’s own are off', () => {
  const off = compile(defaultFiles).plan!.rules.filter(r => !r.enabled)
  assert.deepEqual(off.map(r => r.name).sort(), [
    'Connection outside the allow-list',
    'Public name on a private address',
    'Unexpected port opened',
  ])
})

test('the break-in of samples/container.scap is told', async () => {
  assert.deepEqual(countByRule(await replay(`${root}samples/container.scap`, defaultFiles)), {
    'Cloud metadata service asked': 1,
    'Cluster client in container': 2,
    'Credential file read': 5,
    'Environment of another process read': 2,
    'Kernel hook written': 1,
    'Log erased': 1,
    'Package manager in container': 1,
    'Process traced': 3,
    'Program folder changed': 5,
    'Program not part of the image': 5,
    'Program run from a world-writable folder': 1,
    'Program run from memory': 2,
    'Raw socket opened': 2,
    'Shell history erased': 1,
    'Terminal handed to the network': 5,
  })
})

test('the names of samples/network.scap decide, and are printed where the rule matched because they are not listed', async () => {
  const paths = [...defaultFiles, 'samples/demo_rules.yaml']
  const alerts = await replay(`${root}samples/network.scap`, paths, 'samples/names.ndjson')
  assert.deepEqual(countByRule(alerts), { 'Connection to a mining pool': 1, 'Connection outside the allow-list': 2 })
  for (const alert of alerts) assert.match(alert.text, /name=(xmr-eu1\.nanopool\.org|updates\.example) /)
})

test('without names no rule about names that are listed fires', async () => {
  assert.deepEqual(countByRule(await replay(`${root}samples/network.scap`, defaultFiles)), {})
})

const security = {
  'Credential file read': 5,
  'Crypto miner started': 2,
  'Data wiped': 2,
  'Environment of another process read': 1,
  'Link to a credential file': 3,
  'Log erased': 2,
  'Network tool with a shell': 2,
  'Process traced': 3,
  'Program folder changed': 2,
  'Program run from a world-writable folder': 3,
  'Program run from memory': 2,
  'Raw socket opened': 2,
  'SSH to an unusual port': 3,
  'Search for secrets': 5,
  'Server started a shell': 4,
  'Set-user-ID bit set': 1,
  'Shell or network tool listens': 3,
  'Terminal handed to the network': 4,
  'Way back in prepared': 5,
}

for (const { name, want } of [
  { name: 'sec.scap', want: security },
  { name: 'mixed.scap', want: {} },
]) {
  test(`what ${name} holds is told, no more`, async t => {
    if (!existsSync(captures + name)) return t.skip(`${captures}${name} is not there`)
    assert.deepEqual(countByRule(await replay(captures + name, defaultFiles)), want)
  })
}

/** A label of 40 bytes as a tunnel makes them: base32 of what looks like chance. */
const encoded = (i: number): string => createHash('sha256').update(String(i)).digest('hex').slice(0, 40)

interface NamesCase {
  readonly name: string
  readonly scene: (scene: Scene) => void
  readonly want: readonly string[]
}

const namesCases: readonly NamesCase[] = [
  {
    name: 'a tunnel in names is told, once a minute',
    scene: s => {
      for (let minute = 0; minute < 2; minute++) {
        for (let i = 0; i < 300; i++) s.dns(11, `${encoded(i)}.${encoded(i + 1)}.t.example`, [], { type: 'NULL' })
        s.wait(60)
      }
    },
    want: ['Data sent in DNS names', 'Data sent in DNS names'],
  },
  {
    // As iodine does it: most questions only ask for what comes down.
    name: 'a tunnel that brings more than it takes',
    scene: s => {
      for (let i = 0; i < 60; i++) {
        for (let k = 0; k < 5; k++) s.dns(11, `pa${encoded(5 * i + k).slice(0, 6)}.t.example`, [], { type: 'NULL' })
        s.dns(11, `0\xca${encoded(i)}\xbe\xee.t.example`, [], { type: 'NULL' })
      }
    },
    want: ['Data sent in DNS names'],
  },
  {
    name: 'a program without a cache that asks for one long name again and again',
    scene: s => {
      const name = 'k8s-ingressn-ingressn-a1b2c3d4e5-0f1e2d3c4b5a6978.elb.eu-central-1.amazonaws.com'
      for (let i = 0; i < 600; i++) s.dns(11, name, [`198.51.100.${i % 3}`], { type: i % 2 === 0 ? 'A' : 'AAAA' })
    },
    want: [],
  },
  {
    name: 'what forwards the questions of containers and networks asks other servers',
    scene: s => {
      s.process(12, { comm: 'dockerd' }).process(13, { comm: 'aardvark-dns' })
      for (const pid of [12, 13]) s.dns(pid, 'shop.example', ['192.0.2.1'], { server: '203.0.113.53:53' })
    },
    want: [],
  },
  {
    name: 'as many short names, and a few long ones, are ordinary',
    scene: s => {
      for (let i = 0; i < 300; i++) s.dns(11, `www${i % 50}.shop.example`, ['192.0.2.1'])
      for (let i = 0; i < 20; i++) s.wait(10).dns(11, `${encoded(i)}.cdn.example`, ['192.0.2.1'])
    },
    want: [],
  },
  {
    name: 'a resolver asks for others',
    scene: s => {
      s.process(12, { comm: 'unbound' })
      for (let i = 0; i < 300; i++) s.dns(12, `${encoded(i)}.${encoded(i + 1)}.t${i}.example`, [], { rcode: 3 })
    },
    want: [],
  },
  {
    name: 'much text is told',
    scene: s => {
      for (let i = 0; i < 50; i++)
        s.dns(11, `c${i}.t.example`, [{ name: `c${i}.t.example`, type: 'TXT', data: encoded(i).repeat(4) }], {
          type: 'TXT',
        })
    },
    want: ['Data received in DNS texts'],
  },
  {
    name: 'some text is ordinary',
    scene: s => {
      for (let i = 0; i < 40; i++)
        s.dns(11, `c${i}.example`, [{ name: `c${i}.example`, type: 'TXT', data: 'v=spf1 -all' }], { type: 'TXT' })
    },
    want: [],
  },
  {
    name: 'a search through domains that do not exist is told',
    scene: s => {
      for (let i = 0; i < 60; i++)
        for (const type of ['A', 'AAAA'] as const) s.dns(11, `${encoded(i).slice(0, 12)}.com`, [], { rcode: 3, type })
    },
    want: ['Many domains that do not exist'],
  },
  {
    name: 'what a search list makes is not',
    scene: s => {
      for (let i = 0; i < 60; i++)
        for (const suffix of ['ns.svc.cluster.local', 'svc.cluster.local', 'eu.shop.example', 'shop.example'])
          s.dns(11, `api${i}.partner.example.${suffix}`, [], { rcode: 3 })
    },
    want: [],
  },
  {
    name: 'a public name on the metadata service',
    scene: s => s.dns(11, 'rebind.example.com', ['192.0.2.1', '169.254.169.254']),
    want: ['Public name on a link-local address'],
  },
  {
    name: 'private names on private addresses, and public ones on public addresses',
    scene: s => s.dns(11, 'printer.local', ['169.254.3.4']).dns(11, 'shop.example', ['203.0.113.1']),
    want: [],
  },
  {
    name: 'another DNS server is told once, and the right one never',
    scene: s => {
      for (let i = 0; i < 9; i++) s.dns(11, 'shop.example', ['192.0.2.1'], { server: '203.0.113.53:53' })
      s.process(12).dns(12, 'shop.example', ['192.0.2.1'])
    },
    want: ['Unexpected DNS server'],
  },
  {
    name: 'dig may ask whom it likes',
    scene: s => s.process(12, { comm: 'dig' }).dns(12, 'shop.example', ['192.0.2.1'], { server: '203.0.113.53:53' }),
    want: [],
  },
  ...(
    [
      ['dns.quad9.net', ['DNS over HTTPS by name']],
      ['www.quad9.net', []],
    ] as const
  ).map(
    ([sni, want]): NamesCase => ({
      name: `a TLS connection to ${sni}`,
      scene: s => {
        const { fd } = s.open(11, '192.0.2.1:443', { isTcp: true, fd: 8 })
        s.send(11, fd, asRecords(clientHello({ name: sni })))
      },
      want,
    }),
  ),
  {
    name: 'the same over QUIC, by whatever call',
    scene: s => {
      const hello = clientHello({ name: 'dns.quad9.net' })
      for (const call of ['sendto', 'sendmsg', 'sendmmsg', 'write']) {
        const { fd, local } = s.open(11, '192.0.2.1:443', { fd: 8 })
        const packet = initialPacket(cryptoFrame(hello, 0, hello.length), { connectionId: Buffer.from(call) })
        s.send(11, fd, packet, { call, tuple: `${local}->192.0.2.1:443` })
      }
    },
    want: Array(4).fill('DNS over HTTPS by name'),
  },
]

for (const { name, scene: act, want } of namesCases) {
  test(`default rules about DNS: ${name}`, () => {
    const scene = new Scene().process(11)
    act(scene)
    const rules = readFileSync(`${root}rules/names.yaml`, 'utf8')
    const { alerts } = play(scene, { rules, settings: { trustedResolvers: ['10.0.0.2'] } })
    assert.deepEqual(
      alerts.map(alert => alert.slice(0, alert.indexOf(':'))),
      want,
    )
  })
}

test('default rules about DNS: the one about private addresses, with the list of somebody’s own', () => {
  const scene = new Scene().process(11)
  scene.dns(11, 'db.corp.example.com', ['10.0.0.9']).dns(11, 'rebind.example.com', ['10.0.0.9'])
  scene.dns(11, 'sinkhole.example.com', ['0.0.0.0']).dns(11, 'db.internal', ['10.0.0.9'])
  const enabled = '- rule: Public name on a private address\n  enabled: true\n  override: {enabled: replace}\n'
  const rules = readFileSync(`${root}rules/names.yaml`, 'utf8') + enabled
  assert.deepEqual(
    play(scene, { rules }).alerts.map(alert => /name=(\S+)/.exec(alert)![1]),
    ['rebind.example.com', 'sinkhole.example.com'],
  )
})

const node = { comm: 'node', exe: 'node', args: ['/srv/tiercel/src/cli/main.ts', 'top'] }
const hostCases: readonly {
  name: string
  process?: object
  event: readonly [string, object]
  want: readonly string[]
}[] = [
  {
    name: 'a hard link into a folder of programs',
    event: ['link', { res: 0, oldpath: '/srv/a', newpath: '/usr/bin/a' }],
    want: ['Program folder changed'],
  },
  {
    name: 'a symbolic link there',
    event: ['symlinkat', { res: 0, target: '/srv/a', linkdirfd: -100, linkpath: '/usr/bin/a' }],
    want: ['Program folder changed'],
  },
  { name: 'a link to a program', event: ['link', { res: 0, oldpath: '/usr/bin/a', newpath: '/srv/a' }], want: [] },
  {
    name: 'a hard link to the passwords',
    event: ['linkat', { res: 0, olddir: -100, oldpath: '/etc/shadow', newdir: -100, newpath: '/srv/a', flags: 0 }],
    want: ['Link to a credential file'],
  },
  {
    name: 'a symbolic link to them',
    event: ['symlinkat', { res: 0, target: '/etc/shadow', linkdirfd: -100, linkpath: '/srv/a' }],
    want: ['Link to a credential file'],
  },
  {
    name: 'a program that links its own file to the name of the passwords',
    event: ['link', { res: 0, oldpath: '/srv/a', newpath: '/etc/shadow' }],
    want: [],
  },
  {
    name: 'another program reads the environment of a process',
    process: { ...node, args: ['/srv/app/main.js'] },
    event: ['openat', { fd: 9, dirfd: -100, name: '/proc/7/environ', flags: 1, mode: 0, dev: 0, ino: 0 }],
    want: ['Environment of another process read'],
  },
  {
    name: 'an agent that starts beside this one does, too',
    process: node,
    event: ['openat', { fd: 9, dirfd: -100, name: '/proc/7/environ', flags: 1, mode: 0, dev: 0, ino: 0 }],
    want: [],
  },
  {
    name: 'Node loads a BPF program',
    process: { ...node, args: ['/srv/app/main.js'] },
    event: ['bpf', { fd: 9, cmd: 5 }],
    want: ['BPF program loaded'],
  },
  { name: 'an agent does', process: node, event: ['bpf', { fd: 9, cmd: 5 }], want: [] },
]

for (const { name, process = { comm: 'app', exe: 'app', args: [] }, event, want } of hostCases) {
  test(`default rules about hosts: ${name}`, () => {
    const scene = new Scene()
    scene.lines.push({ kind: 'process', tid: 11, pid: 11, ptid: 1, cgroups: [], ...process })
    scene.event(11, ...event)
    const { alerts } = play(scene, { rules: readFileSync(`${root}rules/host.yaml`, 'utf8') })
    assert.deepEqual(
      alerts.map(alert => alert.slice(0, alert.indexOf(':'))),
      want,
    )
    for (const alert of alerts) assert.doesNotMatch(alert, /target=<NA>|link=<NA>/)
  })
}
