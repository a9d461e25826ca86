// What a workload may do to have a bad address taken for a trusted name: nothing of it excuses the connection.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TestRecord, dnsBytes } from '../../../src/domains/testdata/dns-bytes.ts'
import { isDomainName } from '../../../src/values/domain-name.ts'
import { CONNECTS, DNS_SERVER, type Outcome, type PlayOptions, play, rule, Scene } from './scene.ts'

const GOOD = 'good.example'
const BAD_IP = '203.0.113.66'
const RULES =
  rule('Not good', `${CONNECTS} and not fd.sip.name in (${GOOD})`, '%proc.pid %fd.sip') +
  rule('Bad', `${CONNECTS} and (fd.sip.name = bad.example or fd.sip.name = "*.bad.example")`, '%fd.sip.name')
const NOT_GOOD = `Not good: 11 ${BAD_IP}`

interface Case extends Partial<PlayOptions> {
  readonly name: string
  readonly scene: (scene: Scene) => void
  readonly want: readonly string[]
  readonly counts?: Partial<Outcome['counters']['dns']>
}

const a = (name: string, data: string): TestRecord => ({ name, type: 'A', data, ttl: 60 })
const cname = (name: string, data: string): TestRecord => ({ name, type: 'CNAME', data, ttl: 60 })

/** A host whose resolv.conf is known: its process 11, and 21 and 22 of a container with a home of its own. */
function workloads(scene: Scene): Scene {
  return scene
    .namespaces(1, 100, 200)
    .own(1, 'tiercel_resolv_conf', '0\n10.0.0.2')
    .process(11)
    .process(21, { container: 'aaaaaaaaaaaa' })
    .process(22, { container: 'aaaaaaaaaaaa' })
    .namespaces(21, 121, 221)
    .namespaces(22, 121, 221)
    .own(21, 'tiercel_resolv_conf', '221\n10.0.0.2')
    .dns(21, 'other.example', ['192.0.2.9'])
}

/** A question, and what somebody whose socket is bound to `bound` sends to the client that asked; the client receives nothing of it. */
function answerFrom(scene: Scene, pid: number, bound: string, server: string): Scene {
  const { fd, local } = scene.open(pid, server)
  scene.send(pid, fd, dnsBytes({ id: 7, question: [GOOD, 'A'] }), { tuple: `${local}->${server}` })
  scene.event(pid, 'socket', { fd: 9, domain: 'AF_INET', type: 2, proto: 0, flags: 0 })
  scene.event(pid, 'bind', { res: 0, addr: bound, fd: 9 })
  const answer = dnsBytes({ id: 7, isAnswer: true, question: [GOOD, 'A'], answers: [a(GOOD, BAD_IP)] })
  return scene.send(pid, 9, answer, { tuple: `${bound}->${local}` })
}

/** A question and its answer over sockets that may differ in number and in where they were made. */
function overSockets(scene: Scene, pid: number, ask: number, receive: number): Scene {
  const local = '10.0.0.10:41000'
  for (const fd of new Set([ask, receive]))
    scene.event(pid, 'connect', { res: 0, tuple: `${local}->${DNS_SERVER}`, fd, addr: DNS_SERVER })
  scene.send(pid, ask, dnsBytes({ id: 7, question: [GOOD, 'A'] }), { tuple: `${local}->${DNS_SERVER}` })
  const answer = dnsBytes({ id: 7, isAnswer: true, question: [GOOD, 'A'], answers: [a(GOOD, BAD_IP)] })
  return scene.receive(pid, receive, answer, { tuple: `${DNS_SERVER}->${local}` })
}

const cases: readonly Case[] = [
  {
    name: 'a server of its own that is bound to all addresses, and answers for the trusted one',
    scene: s => answerFrom(s.process(11), 11, '0.0.0.0:53', DNS_SERVER).connect(11, BAD_IP),
    want: [NOT_GOOD],
    counts: { facts: 0 },
  },
  {
    name: 'the same over loopback, where the client asked loopback: that is how it reaches the server',
    scene: s => {
      s.process(11)
      const { fd, local } = s.open(11, '127.0.0.1:53')
      s.send(11, fd, dnsBytes({ id: 7, question: [GOOD, 'A'] }), { tuple: `${local}->127.0.0.1:53` })
      s.process(50).event(50, 'socket', { fd: 4, domain: 'AF_INET', type: 2, proto: 0, flags: 0 })
      const answer = dnsBytes({ id: 7, isAnswer: true, question: [GOOD, 'A'], answers: [a(GOOD, '192.0.2.1')] })
      s.send(50, 4, answer, { tuple: `0.0.0.0:53->${local}` }).connect(11, '192.0.2.1')
    },
    want: [],
  },
  {
    name: 'a hosts file that others than root may have written, in a mount namespace of its own',
    scene: s =>
      workloads(s)
        .namespaces(11, 100, 231)
        .own(11, 'tiercel_hosts', `231 untrusted\n${BAD_IP} ${GOOD}\n192.0.2.5 bad.example`)
        .connect(11, BAD_IP)
        .connect(11, '192.0.2.5'),
    want: [NOT_GOOD, 'Not good: 11 192.0.2.5', 'Bad: bad.example'],
  },
  {
    name: 'a mount namespace of its own, whose resolv.conf nobody has read yet',
    scene: s =>
      workloads(s)
        .own(11, 'tiercel_namespaces', '100 231 0 1000')
        .dns(11, GOOD, [BAD_IP], { server: '203.0.113.53:53' })
        .connect(11, BAD_IP),
    want: [NOT_GOOD],
  },
  {
    name: 'the same in a container',
    scene: s =>
      workloads(s).namespaces(22, 121, 231).dns(22, GOOD, [BAD_IP], { server: '203.0.113.53:53' }).connect(22, BAD_IP),
    want: [`Not good: 22 ${BAD_IP}`],
  },
  {
    name: 'but the servers of its home still count there, and those of the file once it is known',
    scene: s =>
      workloads(s)
        .namespaces(22, 121, 231)
        .dns(22, GOOD, ['192.0.2.1'])
        .connect(22, '192.0.2.1')
        .dns(22, GOOD, ['192.0.2.2'], { server: '192.0.2.53:53' })
        .connect(22, '192.0.2.2')
        .own(22, 'tiercel_resolv_conf', '231\n10.0.0.2\n192.0.2.53')
        .connect(22, '192.0.2.2'),
    want: ['Not good: 22 192.0.2.2'],
  },
  {
    name: 'files that root made a mount namespace for are believed until they are read',
    scene: s =>
      workloads(s)
        .own(11, 'tiercel_namespaces', '100 231 0 0')
        .dns(11, GOOD, ['192.0.2.1'], { server: '192.0.2.53:53' })
        .connect(11, '192.0.2.1'),
    want: [],
  },
  {
    name: 'what was believed of a process that has ended is judged anew as well',
    scene: s =>
      workloads(s)
        .own(11, 'tiercel_namespaces', '100 231 0 0')
        .dns(11, GOOD, [BAD_IP], { server: '203.0.113.53:53' })
        .event(11, 'procexit', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 })
        .own(12, 'tiercel_resolv_conf', '231\n10.0.0.2')
        .process(12)
        .connect(12, BAD_IP),
    want: [`Not good: 12 ${BAD_IP}`],
  },
  {
    name: 'a network namespace of its own in a container, where it gives a trusted address to itself',
    scene: s => workloads(s).namespaces(22, 131, 221).dns(22, GOOD, [BAD_IP]).connect(22, BAD_IP),
    want: [`Not good: 22 ${BAD_IP}`],
  },
  {
    name: 'the same, with servers that are configured',
    scene: s => workloads(s).namespaces(22, 131, 221).dns(22, GOOD, [BAD_IP]).connect(22, BAD_IP),
    settings: { trustedResolvers: ['10.0.0.2'] },
    want: [`Not good: 22 ${BAD_IP}`],
  },
  {
    name: 'on the host, in a user namespace that an ordinary user made',
    scene: s =>
      workloads(s)
        .own(11, 'tiercel_namespaces', '131 200 1000 0')
        .fork(11, 12)
        .dns(12, GOOD, [BAD_IP])
        .connect(12, BAD_IP)
        .dns(11, GOOD, [BAD_IP])
        .connect(11, BAD_IP),
    want: [`Not good: 12 ${BAD_IP}`, NOT_GOOD],
  },
  {
    name: 'but a network namespace that root made counts',
    scene: s =>
      workloads(s).own(11, 'tiercel_namespaces', '131 200 0 0').dns(11, GOOD, ['192.0.2.1']).connect(11, '192.0.2.1'),
    want: [],
  },
  {
    name: 'a socket that was made in another network namespace, and taken along',
    scene: s => {
      workloads(s).event(11, 'socket', { fd: 5, domain: 'AF_INET', type: 2, proto: 0, flags: 0 })
      overSockets(s.namespaces(11, 131, 200), 11, 5, 5).connect(11, BAD_IP)
    },
    want: [NOT_GOOD],
  },
  {
    name: 'a socket of a child that lives elsewhere and shares its descriptors',
    scene: s => {
      workloads(s).thread(15, 11).namespaces(15, 131, 200)
      s.event(15, 'socket', { fd: 5, domain: 'AF_INET', type: 2, proto: 0, flags: 0 })
      overSockets(s, 11, 5, 5).connect(11, BAD_IP)
    },
    want: [NOT_GOOD],
  },
  {
    name: 'a question over its own socket, the answer over one of elsewhere with the same port',
    scene: s => {
      workloads(s).thread(15, 11).namespaces(15, 131, 200)
      s.event(11, 'socket', { fd: 5, domain: 'AF_INET', type: 2, proto: 0, flags: 0 })
      s.event(15, 'socket', { fd: 6, domain: 'AF_INET', type: 2, proto: 0, flags: 0 })
      overSockets(s, 11, 5, 6).connect(11, BAD_IP)
    },
    want: [NOT_GOOD],
  },
  {
    name: 'a socket that nobody saw come, where events tell of all',
    scene: s => overSockets(workloads(s), 11, 5, 5).connect(11, BAD_IP),
    settings: { doubtsUnknownSockets: true },
    want: [NOT_GOOD],
  },
  {
    name: 'an answer to itself over loopback UDP, from a server that its resolv.conf does not name',
    scene: s => workloads(s).dns(11, GOOD, [BAD_IP], { server: '127.0.0.1:53' }).connect(11, BAD_IP),
    want: [NOT_GOOD],
  },
  {
    name: 'an alias of a bad name that leads to a good one, whose addresses are those of the good one',
    scene: s =>
      s
        .process(11)
        .dns(11, 'bad.example', [cname('bad.example', GOOD), a(GOOD, '192.0.2.1')])
        .connect(11, '192.0.2.1'),
    want: ['Bad: bad.example'],
  },
  {
    name: 'an address for a good name that nobody asked for, beside the answer',
    scene: s =>
      s
        .process(11)
        .dns(11, 'bad.example', [a('bad.example', '192.0.2.1'), a(GOOD, BAD_IP)])
        .connect(11, BAD_IP),
    want: [NOT_GOOD],
  },
  {
    name: 'an alias of a good name in an answer that asked for another',
    scene: s =>
      s
        .process(11)
        .dns(11, 'bad.example', [cname(GOOD, 'bad.example'), a('bad.example', BAD_IP)])
        .connect(11, BAD_IP),
    want: [NOT_GOOD, 'Bad: bad.example'],
  },
  {
    name: 'aliases that lead in a circle through a good name',
    scene: s =>
      s
        .process(11)
        .dns(11, 'bad.example', [cname('bad.example', 'x.example'), cname('x.example', 'bad.example'), a(GOOD, BAD_IP)])
        .connect(11, BAD_IP),
    want: [NOT_GOOD],
  },
  ...['good.example.bad.example', 'bad-good.example', 'good.example-bad.example', 'xn--good.example'].map(
    (name): Case => ({
      name: `a name that only looks like a good one: ${name}`,
      scene: s => s.process(11).dns(11, name, [BAD_IP]).connect(11, BAD_IP),
      want: name.endsWith('.bad.example') ? [NOT_GOOD, `Bad: ${name}`] : [NOT_GOOD],
    }),
  ),
  {
    name: 'a service record of a bad name that points at a good one, with an address for it',
    scene: s => {
      const target = Buffer.concat(
        GOOD.split('.').map(label => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
      )
      const hint = [0, 4, 0, 4, 203, 0, 113, 66]
      const data = Buffer.concat([Buffer.from([0, 1]), target, Buffer.from([0, ...hint])])
      s.process(11).dns(11, 'bad.example', [{ name: 'bad.example', type: 'HTTPS', data }], { type: 'HTTPS' })
      s.connect(11, BAD_IP)
    },
    rules: `${RULES}${rule('Good', `${CONNECTS} and fd.sip.name = ${GOOD}`, '%fd.sip.names')}`,
    want: [NOT_GOOD, 'Bad: bad.example', 'Good: (bad.example,good.example)'],
  },
  ...['\x01x', 'a b', '*', 'a/b'].map(
    (label): Case => ({
      name: `a name below a bad domain that no host has: ${JSON.stringify(label)}`,
      scene: s => s.process(11).dns(11, `${label}.bad.example`, [BAD_IP]).connect(11, BAD_IP),
      want: [NOT_GOOD, `Bad: ${label.replace(/[^a-z0-9]/g, '_')}.bad.example`],
    }),
  ),
  {
    name: 'an answer whose aliases and names no host has is kept as what it is worth',
    scene: s => {
      const odd = (n: number): string => `${String.fromCharCode(n + 1).repeat(60)}.bad.example`
      const chain = Array.from({ length: 10 }, (_, i) => cname(i === 0 ? 'bad.example' : odd(i - 1), odd(i)))
      s.process(11)
        .dns(11, 'bad.example', [...chain, a(odd(9), BAD_IP)])
        .connect(11, BAD_IP)
    },
    rules: rule('Names', CONNECTS, '%fd.sip.names'),
    want: ['Names: (bad.example)'],
  },
  {
    name: 'the same name in capitals is the good one',
    scene: s => s.process(11).dns(11, 'GOOD.Example', ['192.0.2.1']).connect(11, '192.0.2.1'),
    want: [],
  },
]

for (const c of cases) {
  test(`forged names: ${c.name}`, () => {
    const scene = new Scene()
    c.scene(scene)
    const { alerts, counters, names } = play(scene, { rules: RULES, ...c })
    assert.deepEqual(alerts, c.want)
    for (const { chain = [] } of names.facts()) for (const name of chain) assert.ok(isDomainName(name), name)
    for (const [name, count] of Object.entries(c.counts ?? {}))
      assert.equal(counters.dns[name as keyof typeof counters.dns], count, name)
  })
}
