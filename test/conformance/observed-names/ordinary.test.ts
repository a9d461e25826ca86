// What honest programs do that looks strange: an allow-list does not alert on it, and says so where it cannot know.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dnsBytes, type TestRecord } from '../../../src/domains/testdata/dns-bytes.ts'
import { CONNECTS, type Outcome, type PlayOptions, play, rule, Scene } from './scene.ts'

const GOOD = 'good.example'
const RULES =
  rule('Not good', `${CONNECTS} and not fd.sip.name in (${GOOD}, proxy.example)`, '%fd.sip') +
  rule('Unknown', `${CONNECTS} and fd.sip.name.unknown = true`, '%fd.sip')

interface Case extends Partial<PlayOptions> {
  readonly name: string
  readonly scene: (scene: Scene) => void
  readonly want: readonly string[]
  readonly counts?: Partial<Outcome['counters']['dns']>
}

const a = (name: string, data: string, ttl = 60): TestRecord => ({ name, type: 'A', data, ttl })
const cname = (name: string, data: string): TestRecord => ({ name, type: 'CNAME', data, ttl: 60 })
const LOCAL = '10.0.0.10:41000'

/** Questions that one socket sends, and answers that it receives: server, id, type and addresses; in this order. */
function socket(
  scene: Scene,
  pid: number,
  questions: readonly (readonly [server: string, id: number, type: 'A' | 'AAAA'])[],
  answers: readonly (readonly [server: string, id: number, type: 'A' | 'AAAA', ...addresses: string[]])[],
): Scene {
  scene.event(pid, 'socket', { fd: 5, domain: 'AF_INET', type: 2, proto: 0, flags: 0 })
  for (const [server, id, type] of questions)
    scene.send(pid, 5, dnsBytes({ id, question: [GOOD, type] }), { tuple: `${LOCAL}->${server}` })
  for (const [server, id, type, ...addresses] of answers) {
    const records = addresses.map((data): TestRecord => ({ name: GOOD, type, data, ttl: 60 }))
    const bytes = dnsBytes({ id, isAnswer: true, question: [GOOD, type], answers: records })
    scene.receive(pid, 5, bytes, { tuple: `${server}->${LOCAL}` })
  }
  return scene
}

const S1 = '10.0.0.2:53'
const S2 = '10.0.0.3:53'

const cases: readonly Case[] = [
  {
    name: 'both families asked at once over one socket, answered the other way round, connections to both',
    scene: s =>
      socket(
        s.process(11),
        11,
        [
          [S1, 1, 'A'],
          [S1, 2, 'AAAA'],
        ],
        [
          [S1, 2, 'AAAA', '2001:db8::1'],
          [S1, 1, 'A', '192.0.2.1'],
        ],
      )
        .connect(11, '2001:db8::1')
        .connect(11, '192.0.2.1'),
    want: [],
  },
  {
    name: 'all servers asked at once, as musl does: the first answer counts, and the others do no harm',
    scene: s =>
      socket(
        s.process(11),
        11,
        [
          [S1, 1, 'A'],
          [S2, 1, 'A'],
        ],
        [
          [S2, 1, 'A', '192.0.2.1'],
          [S1, 1, 'A', '192.0.2.2'],
        ],
      )
        .connect(11, '192.0.2.1')
        .connect(11, '192.0.2.2'),
    want: [],
    counts: { unasked: 0 },
  },
  {
    name: 'a question sent again, and both answers',
    scene: s =>
      socket(
        s.process(11),
        11,
        [
          [S1, 1, 'A'],
          [S1, 1, 'A'],
        ],
        [
          [S1, 1, 'A', '192.0.2.1'],
          [S1, 1, 'A', '192.0.2.1'],
        ],
      ).connect(11, '192.0.2.1'),
    want: [],
    counts: { answers: 1, unasked: 1 },
  },
  {
    name: 'a name with IPv6 alone, though both families were asked for',
    scene: s =>
      s.process(11).dns(11, GOOD, []).dns(11, GOOD, ['2001:db8::1'], { type: 'AAAA' }).connect(11, '2001:db8::1'),
    want: [],
  },
  {
    name: 'DNS64: the address that stands for an IPv4 one has the name',
    scene: s => s.process(11).dns(11, GOOD, ['64:ff9b::c000:201'], { type: 'AAAA' }).connect(11, '64:ff9b::c000:201'),
    want: [],
  },
  {
    name: 'a network that changes its aliases: what both lead to is known while the grace lasts',
    scene: s =>
      s
        .process(11)
        .dns(11, GOOD, [cname(GOOD, 'one.cdn.example'), a('one.cdn.example', '192.0.2.1')])
        .wait(120)
        .dns(11, GOOD, [cname(GOOD, 'two.cdn.example'), a('two.cdn.example', '192.0.2.2')])
        .wait(600)
        .connect(11, '192.0.2.1')
        .connect(11, '192.0.2.2'),
    want: [],
  },
  {
    name: 'a TTL of 0, and one that no number has, count as a minute and the grace',
    scene: s =>
      s
        .process(11)
        .dns(11, GOOD, [a(GOOD, '192.0.2.1', 0), a(GOOD, '192.0.2.2', 0xffffffff)])
        .wait(900)
        .connect(11, '192.0.2.1')
        .connect(11, '192.0.2.2')
        .wait(70)
        .connect(11, '192.0.2.3'),
    want: ['Not good: 192.0.2.3', 'Unknown: 192.0.2.3'],
  },
  {
    name: 'a parent that looks up, and children of children that connect, also when the parent has ended',
    scene: s =>
      s
        .process(11, { container: 'aaaaaaaaaaaa' })
        .dns(11, GOOD, ['192.0.2.1'])
        .fork(11, 12)
        .event(11, 'procexit', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 })
        .connect(12, '192.0.2.1'),
    want: [],
  },
  {
    name: 'a pool that opens a connection again to an address whose answer is old, while another of it lives',
    scene: s => {
      s.process(11).dns(11, GOOD, [a(GOOD, '192.0.2.1', 5)])
      const { fd } = s.open(11, '192.0.2.1:443', { isTcp: true, fd: 20 })
      s.wait(7200).connect(11, '192.0.2.1').event(11, 'close', { res: 0, fd: 7 })
      s.event(11, 'close', { res: 0, fd }).connect(11, '192.0.2.1')
    },
    want: ['Not good: 192.0.2.1', 'Unknown: 192.0.2.1'],
  },
  {
    name: 'a program that keeps addresses for ever: what the agent itself finds goes on to be known',
    scene: s => s.process(11).dns(11, GOOD, ['192.0.2.1']).wait(86_400).connect(11, '192.0.2.1'),
    known: [{ name: GOOD, ip: 0xc0000201, evidence: 'resolved' }],
    want: [],
  },
  {
    name: 'by way of a proxy: the name is the proxy’s',
    scene: s => {
      s.process(11).dns(11, 'proxy.example', ['192.0.2.7'])
      const { fd } = s.connect(11, '192.0.2.7', 3128).open(11, '192.0.2.7:3128', { isTcp: true, fd: 8 })
      s.send(11, fd, Buffer.from('CONNECT bad.example:443 HTTP/1.1\r\nHost: bad.example:443\r\n\r\n'))
    },
    want: [],
  },
  {
    name: 'names asked for over TLS or HTTPS are unknown, and said to be',
    scene: s => s.process(11).connect(11, '10.0.0.2', 853).connect(11, '192.0.2.1'),
    want: ['Not good: 10.0.0.2', 'Unknown: 10.0.0.2', 'Not good: 192.0.2.1', 'Unknown: 192.0.2.1'],
  },
]

for (const c of cases) {
  test(`ordinary names: ${c.name}`, () => {
    const scene = new Scene()
    c.scene(scene)
    const { alerts, counters } = play(scene, { rules: RULES, ...c })
    assert.deepEqual(alerts, c.want)
    for (const [name, count] of Object.entries(c.counts ?? {}))
      assert.equal(counters.dns[name as keyof typeof counters.dns], count, name)
  })
}
