// What the files of hosts and containers, and their C libraries, say of names: as events, which recordings have too.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIp } from '../../../src/values/ip.ts'
import { checkScene, type SceneCase, CONNECTS, play, rule, Scene } from './scene.ts'

const EVIL = '203.0.113.53:53'
const NOT_SHOP = rule('Not shop', `${CONNECTS} and not fd.sip.name in (shop.example)`, '%proc.pid %fd.sip')
const SHOP = rule('Shop', `${CONNECTS} and fd.sip.name = shop.example`, '%proc.pid %fd.sip.name.source')
const UNKNOWN = rule('Unknown', `${CONNECTS} and fd.sip.name.unknown = true`, '%proc.pid')

/** Processes 11 and 12 of the host, 21 and 22 of two containers, each with a mount namespace of its own. */
function workloads(scene: Scene): Scene {
  return scene
    .namespaces(1, 100, 200)
    .process(11)
    .process(12)
    .process(21, { container: 'aaaaaaaaaaaa' })
    .process(22, { container: 'bbbbbbbbbbbb' })
    .namespaces(21, 121, 221)
    .namespaces(22, 122, 222)
}

function getaddrinfo(scene: Scene, pid: number, name: string, ...addresses: string[]): Scene {
  const slots = Buffer.alloc(64 * 17)
  for (const [i, text] of addresses.entries()) {
    const ip = parseIp(text)!
    slots[i * 17] = typeof ip === 'string' ? 6 : 4
    if (typeof ip === 'string') slots.write(ip, i * 17 + 1, 'latin1')
    else slots.writeUInt32BE(ip, i * 17 + 1)
  }
  return scene.own(pid, 'tiercel_getaddrinfo', Buffer.concat([slots, Buffer.from(`${name}\0`)]))
}

const cases: readonly SceneCase[] = [
  {
    name: 'the servers of the own resolv.conf are trusted, those of another workload are not',
    scene: s => {
      workloads(s).own(1, 'tiercel_resolv_conf', '0\n10.0.0.2')
      s.own(21, 'tiercel_resolv_conf', '221\n203.0.113.53').own(22, 'tiercel_resolv_conf', '222\n10.0.0.2')
      for (const pid of [11, 21, 22]) s.dns(pid, 'shop.example', ['203.0.113.66'], { server: EVIL })
      for (const pid of [11, 21, 22]) s.connect(pid, '203.0.113.66')
      s.dns(22, 'shop.example', ['192.0.2.1']).connect(22, '192.0.2.1')
    },
    rules: NOT_SHOP,
    want: ['Not shop: 11 203.0.113.66', 'Not shop: 22 203.0.113.66'],
    counts: { untrusted: 2 },
  },
  {
    name: 'a server of a workload whose resolv.conf is not known is believed, until it is',
    scene: s => {
      workloads(s).dns(21, 'shop.example', ['203.0.113.66'], { server: EVIL }).connect(21, '203.0.113.66')
      s.dns(21, 'shop.example', ['192.0.2.1'])
      s.own(21, 'tiercel_resolv_conf', '221\n10.0.0.2').connect(21, '203.0.113.66').connect(21, '192.0.2.1')
    },
    rules: NOT_SHOP + SHOP,
    want: ['Shop: 21 observed', 'Not shop: 21 203.0.113.66', 'Shop: 21 observed', 'Shop: 21 observed'],
  },
  {
    name: 'servers that are configured count, whatever the files say',
    scene: s =>
      workloads(s)
        .own(1, 'tiercel_resolv_conf', '0\n203.0.113.53')
        .dns(11, 'shop.example', ['203.0.113.66'], { server: EVIL })
        .connect(11, '203.0.113.66'),
    rules: NOT_SHOP,
    settings: { trustedResolvers: ['10.0.0.2'] },
    want: ['Not shop: 11 203.0.113.66'],
  },
  {
    name: 'a resolv.conf that is changed',
    scene: s =>
      workloads(s)
        .own(1, 'tiercel_resolv_conf', '0\n203.0.113.53')
        .dns(11, 'shop.example', ['203.0.113.66'], { server: EVIL })
        .own(1, 'tiercel_resolv_conf', '0\n10.0.0.2')
        .dns(12, 'shop.example', ['203.0.113.67'], { server: EVIL })
        .connect(11, '203.0.113.66')
        .connect(12, '203.0.113.67'),
    rules: NOT_SHOP,
    want: ['Not shop: 12 203.0.113.67'],
  },
  {
    name: 'a hosts file speaks for its own mount namespace, the host’s for all',
    scene: s =>
      workloads(s)
        .own(1, 'tiercel_hosts', '0\n192.0.2.7 shop.example')
        .own(21, 'tiercel_hosts', '221\n127.0.0.1 localhost\n192.0.2.8 db shop.example # comment')
        .connect(11, '192.0.2.8')
        .connect(21, '192.0.2.8')
        .connect(22, '192.0.2.8')
        .connect(22, '192.0.2.7'),
    rules: SHOP + UNKNOWN,
    want: ['Unknown: 11', 'Shop: 21 hosts', 'Unknown: 22', 'Shop: 22 hosts'],
  },
  {
    name: 'a hosts file that is changed: what is gone from it ends',
    scene: s =>
      workloads(s)
        .own(21, 'tiercel_hosts', '221\n192.0.2.8 shop.example\n192.0.2.9 shop.example')
        .own(21, 'tiercel_hosts', '221\n192.0.2.9 shop.example')
        .connect(21, '192.0.2.8')
        .connect(21, '192.0.2.9'),
    rules: SHOP + UNKNOWN,
    want: ['Unknown: 21', 'Shop: 21 hosts'],
  },
  {
    name: 'files of nonsense say nothing',
    scene: s =>
      workloads(s)
        .own(21, 'tiercel_hosts', 'x\n192.0.2.8 shop.example')
        .own(21, 'tiercel_hosts', '192.0.2.8 shop.example')
        .own(21, 'tiercel_resolv_conf', '')
        .own(21, 'tiercel_namespaces', 'one two')
        .connect(21, '192.0.2.8'),
    rules: SHOP + UNKNOWN,
    want: ['Unknown: 21'],
  },
  {
    name: 'the C library says which name the process asked for, where something else says that it has the address',
    scene: s => {
      workloads(s)
      getaddrinfo(s, 11, 'Shop.Example.', '192.0.2.1', '2001:db8::1')
        .connect(11, '192.0.2.1')
        .connect(11, '2001:db8::1')
      s.connect(12, '192.0.2.1')
    },
    known: ['192.0.2.1', '2001:db8::1'].flatMap(text =>
      ['shop.example', 'pool.example'].map(name => ({ name, ip: parseIp(text)!, evidence: 'resolved' as const })),
    ),
    rules:
      SHOP +
      rule('Pool', `${CONNECTS} and fd.sip.name = pool.example`, '%proc.pid') +
      rule('Resolver', `${CONNECTS} and fd.sip.name.resolver = getaddrinfo`, '%proc.pid'),
    want: [
      'Shop: 11 observed',
      'Resolver: 11',
      'Shop: 11 observed',
      'Resolver: 11',
      'Shop: 12 observed',
      'Resolver: 12',
    ],
  },
  {
    name: 'what only the C library says accuses and does not excuse',
    scene: s => getaddrinfo(workloads(s), 11, 'shop.example', '203.0.113.66').connect(11, '203.0.113.66'),
    rules: SHOP + NOT_SHOP,
    want: ['Shop: 11 observed', 'Not shop: 11 203.0.113.66'],
  },
  {
    name: 'unless the C library is trusted',
    scene: s => getaddrinfo(workloads(s), 11, 'shop.example', '203.0.113.66').connect(11, '203.0.113.66'),
    rules: SHOP + NOT_SHOP,
    settings: { trustedResolvers: ['getaddrinfo'] },
    want: ['Shop: 11 observed'],
  },
  {
    name: 'an answer of DNS is not shown as one of the library that handed it on',
    scene: s =>
      getaddrinfo(workloads(s).dns(11, 'shop.example', ['192.0.2.1']), 11, 'shop.example', '192.0.2.1').connect(
        11,
        '192.0.2.1',
      ),
    rules: rule('Resolver', CONNECTS, '%fd.sip.name.resolver'),
    want: ['Resolver: 10.0.0.2'],
  },
  {
    name: 'answers of the library that are none',
    scene: s => {
      workloads(s)
      for (const bytes of [[], [1], Array(64 * 17).fill(4), [...Array(64 * 17).fill(9), 65]])
        s.own(11, 'tiercel_getaddrinfo', Buffer.from(bytes))
      getaddrinfo(s, 11, '192.0.2.1', '192.0.2.1').connect(11, '192.0.2.1')
    },
    rules: UNKNOWN,
    want: ['Unknown: 11'],
  },
]

for (const c of cases) test(`workload files: ${c.name}`, () => checkScene(c))

test('workload files: an answer that was believed too soon is counted', () => {
  const scene = workloads(new Scene())
  scene.dns(21, 'shop.example', ['203.0.113.66'], { server: EVIL }).own(21, 'tiercel_resolv_conf', '221\n10.0.0.2')
  scene.connect(21, '203.0.113.66')
  const { alerts, counters } = play(scene, { rules: NOT_SHOP + SHOP })
  assert.deepEqual(alerts, ['Not shop: 21 203.0.113.66', 'Shop: 21 observed'])
  assert.equal(counters.files.revised, 1)
})

test('workload files: each mount namespace is asked for once, again when nobody was there to read it', () => {
  const wanted: string[] = []
  const scene = workloads(new Scene())
  for (const pid of [11, 12, 21, 21, 22]) scene.dns(pid, 'shop.example', ['192.0.2.1'])
  play(scene, { rules: SHOP, settings: { wantFiles: (mntns, pid) => wanted.push(`${mntns} ${pid}`) } })
  assert.deepEqual(wanted, ['0 11', '221 21', '222 22'])
})
