// Connections judged by the names that their own process was seen to look up.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dnsBytes } from '../../../src/domains/testdata/dns-bytes.ts'
import { parseIp } from '../../../src/values/ip.ts'
import { checkScene, type SceneCase, CONNECTS, play, rule, Scene } from './scene.ts'

const cname = (name: string, data: string) => ({ name, type: 'CNAME', data, ttl: 60 }) as const
const a = (name: string, data: string, ttl = 60) => ({ name, type: 'A', data, ttl }) as const
/** `target` '': the owner itself. */
const https = (name: string, priority: number, target: string) => {
  const labels = target === '' ? [] : target.split('.').map(label => String.fromCharCode(label.length) + label)
  return {
    name,
    type: 'HTTPS',
    data: Buffer.from(`\0${String.fromCharCode(priority)}${labels.join('')}\0`),
    ttl: 60,
  } as const
}
const SHOP = rule('Shop', `${CONNECTS} and fd.sip.name = shop.example`)
const POOL = rule('Pool', `${CONNECTS} and fd.sip.name = pool.example`)
const UNKNOWN = rule('Unknown', `${CONNECTS} and fd.sip.name.unknown = true`, '%fd.sip')

const cases: readonly SceneCase[] = [
  {
    name: 'an answer and then a connect: the answer decides, at once',
    scene: s => s.process(11).connect(11, '192.0.2.1').dns(11, 'shop.example', ['192.0.2.1']).connect(11, '192.0.2.1'),
    rules: SHOP + UNKNOWN,
    want: ['Unknown: 192.0.2.1', 'Shop: shop.example'],
    counts: { queries: 1, answers: 1, facts: 1, unasked: 0, waiting: 0 },
  },
  {
    name: 'the rules of the documents: a list with `not … in`, and `=`; both print the name',
    scene: s =>
      s
        .process(11)
        .dns(11, 'sysdig.com', ['192.0.2.1'])
        .dns(11, 'evil.example', ['203.0.113.66'])
        .connect(11, '192.0.2.1')
        .connect(11, '203.0.113.66')
        .connect(11, '203.0.113.67'),
    rules:
      '- list: trusted_domains\n  items: [sysdig.com, github.com]\n' +
      rule(
        'Unexpected',
        `${CONNECTS} and not fd.sip.name in (trusted_domains)`,
        '%fd.sip.name (%fd.sip) by %fd.sip.name.source',
      ) +
      rule('Evil', `${CONNECTS} and fd.sip.name = evil.example`, '%fd.sip.name from %fd.sip.name.resolver'),
    want: [
      'Unexpected: evil.example (203.0.113.66) by observed',
      'Evil: evil.example from 10.0.0.2',
      'Unexpected: <NA> (203.0.113.67) by <NA>',
    ],
  },
  {
    name: 'one address, two processes, two names: each is judged by its own',
    scene: s =>
      s
        .process(11)
        .process(12)
        .dns(11, 'shop.example', ['192.0.2.1'])
        .dns(12, 'pool.example', ['192.0.2.1'])
        .connect(11, '192.0.2.1')
        .connect(12, '192.0.2.1'),
    rules: SHOP + POOL,
    known: [{ name: 'pool.example', ip: parseIp('192.0.2.1')!, evidence: 'resolved' }],
    want: ['Shop: shop.example', 'Pool: pool.example'],
  },
  {
    name: 'what a container looked up means nothing to another',
    scene: s =>
      s
        .process(11, { container: 'aaaaaaaaaaaa' })
        .process(12, { container: 'bbbbbbbbbbbb' })
        .process(13, { container: 'aaaaaaaaaaaa' })
        .dns(12, 'shop.example', ['203.0.113.66'])
        .connect(11, '203.0.113.66')
        .dns(11, 'pool.example', ['192.0.2.1'])
        .connect(13, '192.0.2.1'),
    rules: SHOP + POOL + UNKNOWN,
    want: ['Unknown: 203.0.113.66', 'Pool: pool.example'],
  },
  {
    name: 'what a process in a network namespace looked up counts there alone, also when it has ended',
    scene: s =>
      s
        .namespaces(1, 100, 200)
        .process(11)
        .process(12)
        .process(13)
        .namespaces(11, 101, 200)
        .namespaces(12, 101, 201)
        .dns(11, 'shop.example', ['203.0.113.66'])
        .connect(12, '203.0.113.66')
        .connect(13, '203.0.113.66')
        .event(11, 'procexit', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 })
        .connect(12, '203.0.113.66')
        .connect(13, '203.0.113.66'),
    rules: SHOP + rule('Unknown', `${CONNECTS} and fd.sip.name.unknown = true`, '%proc.pid'),
    want: ['Shop: shop.example', 'Unknown: 13', 'Shop: shop.example', 'Unknown: 13'],
  },
  {
    name: 'children live in the namespaces of their parent until they leave them; what the host looked up counts everywhere',
    scene: s =>
      s
        .namespaces(1, 100, 200)
        .process(11)
        .process(13)
        .namespaces(11, 101, 200)
        .fork(11, 12)
        .dns(12, 'shop.example', ['203.0.113.66'])
        .connect(11, '203.0.113.66')
        .namespaces(12, 100, 200)
        .connect(12, '203.0.113.67')
        .dns(13, 'pool.example', ['192.0.2.1'])
        .connect(11, '192.0.2.1'),
    rules: SHOP + POOL + rule('Unknown', `${CONNECTS} and fd.sip.name.unknown = true`, '%proc.pid %fd.sip'),
    want: ['Shop: shop.example', 'Unknown: 12 203.0.113.67', 'Pool: pool.example'],
  },
  {
    name: 'an answer that poisons another container does not count: the name keeps the address of its own',
    scene: s =>
      s
        .process(11, { container: 'aaaaaaaaaaaa' })
        .process(12, { container: 'bbbbbbbbbbbb' })
        .dns(11, 'shop.example', ['192.0.2.1'])
        .dns(12, 'shop.example', ['203.0.113.66'])
        .connect(11, '192.0.2.1')
        .connect(11, '203.0.113.66')
        .connect(12, '203.0.113.66'),
    rules: rule('Not shop', `${CONNECTS} and not fd.sip.name in (shop.example)`, '%container.id %fd.sip'),
    want: ['Not shop: aaaaaaaaaaaa 203.0.113.66'],
  },
  {
    name: 'another thread of the process connects',
    scene: s =>
      s.process(11).thread(15, 11).dns(11, 'shop.example', ['192.0.2.1'], { receiver: 15 }).connect(15, '192.0.2.1'),
    rules: SHOP,
    want: ['Shop: shop.example'],
  },
  {
    name: 'a process that has the number of one that ended is another',
    scene: s =>
      s
        .process(10)
        .process(11, { container: 'aaaaaaaaaaaa' })
        .process(20, { container: 'aaaaaaaaaaaa' })
        .dns(11, 'shop.example', ['192.0.2.1'])
        .connect(11, '192.0.2.1')
        .event(11, 'procexit', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 })
        .wait(1)
        .fork(20, 11)
        .dns(20, 'pool.example', ['192.0.2.1'])
        .connect(11, '192.0.2.1')
        .connect(20, '192.0.2.1'),
    rules: SHOP + POOL,
    want: ['Shop: shop.example', 'Shop: shop.example', 'Pool: pool.example', 'Pool: pool.example'],
  },
  {
    name: 'a rule at each name of an alias chain',
    scene: s =>
      s
        .process(11)
        .dns(11, 'www.shop.example', [
          cname('www.shop.example', 'shop.cdn.example'),
          cname('shop.cdn.example', 'edge7.cdn.example'),
          a('edge7.cdn.example', '192.0.2.9'),
        ])
        .connect(11, '192.0.2.9'),
    rules: ['www.shop.example', 'shop.cdn.example', 'edge7.cdn.example']
      .map((name, i) => rule(`Level ${i}`, `${CONNECTS} and fd.sip.name = ${name}`))
      .join(''),
    want: ['Level 0: www.shop.example', 'Level 1: shop.cdn.example', 'Level 2: edge7.cdn.example'],
  },
  {
    name: 'an alias chain over several answers to one process, while the aliases hold',
    scene: s =>
      s
        .process(11)
        .process(12)
        .dns(11, 'www.example', [cname('www.example', 'edge.example')])
        .dns(11, 'edge.example', [cname('edge.example', 'a.cdn.example')])
        .dns(12, 'a.cdn.example', ['192.0.2.8'])
        .dns(11, 'a.cdn.example', ['192.0.2.9'])
        .connect(11, '192.0.2.9')
        .connect(12, '192.0.2.8')
        .wait(61)
        .dns(11, 'a.cdn.example', ['192.0.2.7'])
        .connect(11, '192.0.2.7'),
    rules:
      rule('Www', `${CONNECTS} and fd.sip.name = www.example`, '%fd.sip') +
      rule('Cdn', `${CONNECTS} and fd.sip.name = a.cdn.example`, '%fd.sip'),
    want: ['Www: 192.0.2.9', 'Cdn: 192.0.2.9', 'Cdn: 192.0.2.8', 'Cdn: 192.0.2.7'],
  },
  {
    name: 'the target of a service record that the process asks for next is meant by its owner',
    scene: s =>
      s
        .process(11)
        .process(12)
        .dns(11, 'shop.example', [https('shop.example', 0, 'edge.example')], { type: 'HTTPS' })
        .dns(11, 'edge.example', [https('edge.example', 1, 'a.cdn.example'), https('edge.example', 2, '')], {
          type: 'HTTPS',
        })
        .dns(11, 'edge.example', ['192.0.2.8'])
        .dns(11, 'a.cdn.example', ['192.0.2.9'])
        .dns(12, 'a.cdn.example', ['192.0.2.7'])
        .connect(11, '192.0.2.8')
        .connect(11, '192.0.2.9')
        .connect(12, '192.0.2.7'),
    rules:
      rule('Shop', `${CONNECTS} and fd.sip.name = shop.example`) +
      rule('Names', CONNECTS, '%fd.sip.name %fd.sip.names'),
    want: [
      'Shop: shop.example',
      'Names: shop.example (shop.example,edge.example)',
      'Shop: shop.example',
      'Names: shop.example (shop.example,a.cdn.example,edge.example)',
      'Names: a.cdn.example (a.cdn.example)',
    ],
  },
  {
    name: 'an alias that another process of the same number was told means nothing',
    scene: s =>
      s
        .process(11)
        .process(20)
        .dns(11, 'shop.example', [cname('shop.example', 'edge.example')])
        .event(11, 'procexit', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 })
        .fork(20, 11)
        .dns(11, 'edge.example', ['192.0.2.9'])
        .connect(11, '192.0.2.9'),
    rules: rule('Names', CONNECTS, '%fd.sip.names'),
    want: ['Names: (edge.example)'],
  },
  {
    name: 'a forked process knows what its parent knew by then, unless it knows better, and nothing of later',
    scene: s =>
      s
        .process(11)
        .process(12)
        .dns(11, 'shop.example', ['192.0.2.1', '192.0.2.2', '192.0.2.4'])
        .dns(12, 'pool.example', ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'])
        .fork(11, 13)
        .dns(13, 'own.example', ['192.0.2.2'])
        .dns(11, 'late.example', ['192.0.2.3'])
        .wait(2)
        .dns(11, 'shop.example', ['192.0.2.1', '192.0.2.2', '192.0.2.4'])
        .connect(13, '192.0.2.1')
        .connect(13, '192.0.2.2')
        .connect(13, '192.0.2.3')
        .fork(13, 14)
        .connect(14, '192.0.2.2')
        .connect(14, '192.0.2.4'),
    rules: rule('Names', CONNECTS, '%fd.sip %fd.sip.names'),
    want: [
      'Names: 192.0.2.1 (shop.example)',
      'Names: 192.0.2.2 (own.example)',
      'Names: 192.0.2.3 (late.example,pool.example)',
      'Names: 192.0.2.2 (own.example)',
      // Of its parent’s parent it knows as much as of all others.
      'Names: 192.0.2.4 (shop.example,pool.example)',
    ],
  },
  {
    name: 'an answer is that of the process which receives it on the socket that asked',
    scene: s => {
      s.process(11).process(13)
      const { fd, local } = s.open(11, '10.0.0.2:53')
      for (const [id, name] of [
        [1, 'shop.example'],
        [2, 'pool.example'],
      ] as const)
        s.send(11, fd, dnsBytes({ id, question: [name, 'A'] }), { tuple: `${local}->10.0.0.2:53` })
      s.fork(11, 12)
      const tell = (pid: number, id: number, name: string, from = '10.0.0.2:53', to = local): void => {
        const answers = [a(name, `192.0.2.${id}`)]
        const bytes = dnsBytes({ id, isAnswer: true, question: [name, 'A'], answers })
        s.receive(pid, fd, bytes, { tuple: `${from}->${to}` })
      }
      // Nobody has asked these.
      tell(12, 1, 'pool.example')
      tell(12, 2, 'pool.example', '10.0.0.3:53')
      tell(12, 2, 'pool.example', '10.0.0.2:53', '10.0.0.10:4')
      tell(12, 1, 'shop.example')
      s.connect(12, '192.0.2.1').connect(12, '192.0.2.2')
      s.dns(13, 'other.example', ['192.0.2.1']).connect(12, '192.0.2.1').connect(11, '192.0.2.1')
    },
    rules: rule('Names', CONNECTS, '%proc.pid %fd.sip.names'),
    want: [
      'Names: 12 (shop.example)',
      'Names: 12 <NA>',
      'Names: 12 (shop.example)',
      'Names: 11 (other.example,shop.example)',
    ],
    counts: { unasked: 3, answers: 2 },
  },
  {
    name: 'of two names of an address the one that was asked for last is the best, though a connection has said the other',
    scene: s => {
      s.process(11).dns(11, 'one.example', ['192.0.2.1'])
      const { fd } = s.open(11, '192.0.2.1:80', { isTcp: true, fd: 8 })
      s.send(11, fd, Buffer.from('GET / HTTP/1.1\r\nHost: one.example\r\n\r\n'), { call: 'write' })
      s.dns(11, 'two.example', ['192.0.2.1']).connect(11, '192.0.2.1')
    },
    rules: rule('Best', `${CONNECTS} and fd.sport = 443`, '%fd.sip.name %fd.sip.name.source %fd.sip.names'),
    want: ['Best: two.example observed (two.example,one.example)'],
  },
  {
    name: 'what a server that is not trusted tells one process accuses no other that knows the address by a name of its own',
    scene: s =>
      s
        .process(11)
        .process(12)
        .process(13)
        .dns(11, 'shop.example', ['192.0.2.1'])
        .dns(12, 'pool.example', ['192.0.2.1'], { server: '203.0.113.53:53' })
        .connect(11, '192.0.2.1')
        .connect(12, '192.0.2.1')
        .connect(13, '192.0.2.1'),
    rules: POOL + rule('Names', CONNECTS, '%fd.sip.names'),
    settings: { trustedResolvers: ['10.0.0.2'] },
    want: [
      'Names: (shop.example)',
      'Pool: pool.example',
      'Names: (shop.example,pool.example)',
      'Pool: pool.example',
      'Names: (shop.example,pool.example)',
    ],
  },
  {
    name: 'answers whose aliases lead back to one another, or on and on, end',
    scene: s => {
      s.process(11)
      for (let i = 0; i < 40; i++) {
        s.dns(11, 'a.example', [cname('a.example', 'b.example')])
        s.dns(11, 'b.example', [cname('b.example', 'a.example')])
        s.dns(11, `c${i}.example`, [cname(`c${i}.example`, `c${i + 1}.example`)])
      }
      s.dns(11, 'a.example', ['192.0.2.9']).dns(11, 'c40.example', ['192.0.2.8'])
      s.connect(11, '192.0.2.9').connect(11, '192.0.2.8')
    },
    rules:
      rule('A', `${CONNECTS} and fd.sip.name = a.example`) + rule('C', `${CONNECTS} and fd.sip.name = c40.example`),
    want: ['A: a.example', 'C: c40.example'],
  },
  {
    name: 'an answer that fits no question is marked',
    scene: s =>
      s
        .process(11)
        .dns(11, 'shop.example', ['192.0.2.1'])
        .dns(11, 'shop.example', ['192.0.2.2'], { id: 77 })
        .dns(11, 'shop.example', ['192.0.2.3'], { answered: 'pool.example' })
        .dns(11, 'shop.example', ['192.0.2.4'], { from: '203.0.113.53:53' }),
    rules:
      rule('Forged', 'dns.is_unasked = true', '%dns.answers') + rule('Asked', 'dns.is_unasked = false', '%dns.answers'),
    want: ['Asked: (192.0.2.1)', 'Forged: (192.0.2.2)', 'Forged: (192.0.2.3)', 'Forged: (192.0.2.4)'],
    counts: { unasked: 3, mismatched: 2 },
  },
  {
    name: 'an alias chain that leads back to itself ends',
    scene: s =>
      s
        .process(11)
        .dns(11, 'a.example', [
          cname('a.example', 'b.example'),
          cname('b.example', 'a.example'),
          a('b.example', '192.0.2.9'),
        ])
        .connect(11, '192.0.2.9'),
    rules: rule('A', `${CONNECTS} and fd.sip.name = a.example`, '%fd.sip.names'),
    want: ['A: (a.example,b.example)'],
  },
  {
    name: 'an address of a name that the answer does not lead to is not believed',
    scene: s =>
      s
        .process(11)
        .dns(11, 'a.example', [a('a.example', '192.0.2.1'), a('shop.example', '203.0.113.66')])
        .connect(11, '203.0.113.66'),
    rules: SHOP + UNKNOWN,
    want: ['Unknown: 203.0.113.66'],
  },
  {
    name: 'mixed case and a final dot',
    scene: s =>
      s.process(11).dns(11, 'ShOp.eXample', ['192.0.2.1'], { answered: 'sHoP.Example' }).connect(11, '192.0.2.1'),
    rules: rule('Shop', `${CONNECTS} and fd.sip.name = SHOP.example.`),
    want: ['Shop: shop.example'],
  },
  {
    name: 'a star matches what was looked up below it',
    scene: s => s.process(11).dns(11, 'a.b.shop.example', ['192.0.2.1']).connect(11, '192.0.2.1'),
    rules: rule('Below', `${CONNECTS} and fd.sip.name = "*.shop.example"`),
    want: ['Below: a.b.shop.example'],
  },
  {
    name: 'IPv6, and an IPv4 connection over an IPv6 socket',
    scene: s =>
      s
        .process(11)
        .dns(11, 'shop.example', ['2001:db8::1'], { type: 'AAAA' })
        .dns(11, 'pool.example', ['192.0.2.1'])
        .connect(11, '2001:db8::1')
        .connect(11, '::ffff:192.0.2.1'),
    rules: SHOP + POOL,
    want: ['Shop: shop.example', 'Pool: pool.example'],
  },
  {
    name: 'a server over IPv6',
    scene: s =>
      s.process(11).dns(11, 'shop.example', ['192.0.2.1'], { server: '[2001:db8::53]:53' }).connect(11, '192.0.2.1'),
    rules: rule('Shop', `${CONNECTS} and fd.sip.name = shop.example`, '%fd.sip.name.resolver'),
    want: ['Shop: 2001:db8::53'],
  },
  ...(
    [
      ['sendmsg', 'recvmsg'],
      ['sendmmsg', 'recvmmsg'],
      ['write', 'read'],
      ['writev', 'readv'],
      ['sendto', 'read'],
    ] as const
  ).map(calls => ({
    name: `the calls ${calls[0]} and ${calls[1]}`,
    scene: (s: Scene) => s.process(11).dns(11, 'shop.example', ['192.0.2.1'], { calls }).connect(11, '192.0.2.1'),
    rules: SHOP,
    want: ['Shop: shop.example'],
  })),
  {
    name: 'DNS over TCP in one piece, byte by byte, and in pieces that cut the length',
    scene: s => {
      s.process(11)
      for (const [i, size] of [65_535, 1, 3].entries())
        s.dnsOverTcp(11, `n${i}.example`, [`192.0.2.${i}`], size).connect(11, `192.0.2.${i}`)
    },
    rules: rule('N', `${CONNECTS} and fd.sip.name startswith n`),
    want: ['N: n0.example', 'N: n1.example', 'N: n2.example'],
    counts: { answers: 3, malformed: 0, lostStreams: 0 },
  },
  {
    name: 'with the snap length of Falco, UDP and TCP give the addresses that are there',
    scene: s => {
      const ips = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']
      s.process(11)
        .dns(11, 'shop.example', ips, { snaplen: 80 })
        .dnsOverTcp(11, 'pool.example', ips, 65_535, { snaplen: 80 })
      s.connect(11, '192.0.2.1').connect(11, '192.0.2.4')
    },
    rules: rule('Both', `${CONNECTS} and fd.sip.name exists`, '%fd.sip.names'),
    want: ['Both: (pool.example,shop.example)'],
    counts: { cut: 2, lostStreams: 0 },
  },
  {
    name: 'an answer that nobody asked for',
    scene: s => {
      s.process(11)
      const { fd, local } = s.open(11, '10.0.0.2:53')
      const exchange = new Scene().process(11).dns(11, 'shop.example', ['203.0.113.66'])
      const answer = exchange.lines.find(line => 'type' in line && line.type === 'recvfrom') as {
        args: { data: { base64: string } }
      }
      s.receive(11, fd, Buffer.from(answer.args.data.base64, 'base64'), { tuple: `10.0.0.2:53->${local}` }).connect(
        11,
        '203.0.113.66',
      )
    },
    rules: SHOP + UNKNOWN,
    want: ['Unknown: 203.0.113.66'],
    counts: { unasked: 1, facts: 0 },
  },
  ...(
    [
      ['from another address', { from: '10.0.0.66:53' }],
      ['with another id', { id: 7 }],
      ['to another question', { answered: 'pool.example' }],
    ] as const
  ).map(([what, exchange]) => ({
    name: `an answer ${what} is not believed`,
    scene: (s: Scene) => s.process(11).dns(11, 'shop.example', ['203.0.113.66'], exchange).connect(11, '203.0.113.66'),
    rules: SHOP + POOL + UNKNOWN,
    want: ['Unknown: 203.0.113.66'],
    counts: { unasked: 1, facts: 0 },
  })),
  {
    name: 'the second answer to one question is not believed',
    scene: s => {
      s.process(11).dns(11, 'shop.example', ['192.0.2.1'])
      const [query, answer, close] = s.lines.splice(-3) as { args: object }[]
      s.lines.push(query!, answer!)
      const forged = new Scene().process(11).dns(11, 'shop.example', ['203.0.113.66']).lines.at(-2) as {
        args: { data: object }
      }
      s.lines.push({ ...answer, args: { ...answer!.args, data: forged.args.data } }, close!)
      s.connect(11, '203.0.113.66')
    },
    rules: SHOP + UNKNOWN,
    want: ['Unknown: 203.0.113.66'],
    counts: { answers: 1, unasked: 1 },
  },
  {
    name: 'an answer after half a minute is too late',
    scene: s => {
      s.process(11).dns(11, 'shop.example', ['192.0.2.1'])
      const last = s.lines.splice(-2) as { ts: string }[]
      for (const line of last) s.lines.push({ ...line, ts: String(BigInt(line.ts) + 31_000_000_000n) })
      s.wait(32).connect(11, '192.0.2.1')
    },
    rules: SHOP + UNKNOWN,
    want: ['Unknown: 192.0.2.1'],
    counts: { unasked: 1 },
  },
  {
    name: 'what a server says that is not trusted is told and counts against the workload, but excuses nothing',
    scene: s =>
      s
        .process(11)
        .dns(11, 'shop.example', ['203.0.113.66'], { server: '203.0.113.53:53' })
        .dns(11, 'pool.example', ['192.0.2.1'])
        .connect(11, '203.0.113.66')
        .connect(11, '192.0.2.1'),
    rules:
      rule('Is', `${CONNECTS} and fd.sip.name = shop.example`, '%fd.sip.name.untrusted') +
      rule('Is not', `${CONNECTS} and fd.sip.name != shop.example`, '%fd.sip %fd.sip.name %fd.sip.name.untrusted') +
      rule('Not in', `${CONNECTS} and not fd.sip.name in (shop.example, pool.example)`, '%fd.sip.name') +
      rule('Below', `${CONNECTS} and not fd.sip.name in ("*.example")`, '%fd.sip.name') +
      rule('Ends', `${CONNECTS} and not fd.sip.name endswith .example`, '%fd.sip.name') +
      rule('Not none', `${CONNECTS} and not (not fd.sip.name = shop.example)`, '%fd.sip.name') +
      UNKNOWN,
    settings: { trustedResolvers: ['10.0.0.0/8', '2001:db8::53'] },
    want: [
      'Is: true',
      'Is not: 203.0.113.66 shop.example true',
      'Not in: shop.example',
      'Below: shop.example',
      'Ends: shop.example',
      'Not none: shop.example',
      'Is not: 192.0.2.1 pool.example false',
    ],
    counts: { untrusted: 1, facts: 2 },
  },
  {
    name: 'a server that is not trusted does not hide what is known, nor outweigh the one that is trusted',
    scene: s =>
      s
        .process(11)
        .process(12)
        .dns(11, 'shop.example', ['192.0.2.1'], { server: '203.0.113.53:53' })
        .dns(12, 'other.example', ['192.0.2.2'])
        .dns(12, 'shop.example', ['192.0.2.2'], { server: '203.0.113.53:53' })
        .connect(11, '192.0.2.1')
        .connect(12, '192.0.2.2'),
    known: [{ name: 'pool.example', ip: parseIp('192.0.2.1')!, evidence: 'resolved' }],
    rules:
      POOL +
      rule('Names', CONNECTS, '%fd.sip.names') +
      rule('Not in', `${CONNECTS} and not fd.sip.name in (shop.example)`, '%fd.sip.name'),
    settings: { trustedResolvers: ['10.0.0.2'] },
    want: [
      'Pool: pool.example',
      'Names: (pool.example,shop.example)',
      'Not in: pool.example',
      'Names: (other.example,shop.example)',
      'Not in: other.example',
    ],
  },
  {
    name: 'a trusted answer after one that is not makes the name sure, and the other way round it stays',
    scene: s =>
      s
        .process(11)
        .dns(11, 'shop.example', ['192.0.2.1'], { server: '203.0.113.53:53' })
        .connect(11, '192.0.2.1')
        .dns(11, 'shop.example', ['192.0.2.1'])
        .connect(11, '192.0.2.1')
        .dns(11, 'shop.example', ['192.0.2.1'], { server: '203.0.113.53:53' })
        .connect(11, '192.0.2.1'),
    rules: rule('Not in', `${CONNECTS} and not fd.sip.name in (shop.example)`, '%fd.sip.name.resolver'),
    settings: { trustedResolvers: ['10.0.0.2'] },
    want: ['Not in: 203.0.113.53'],
  },
  {
    name: 'a query says whether its server is trusted',
    scene: s =>
      s
        .process(11)
        .dns(11, 'shop.example', ['192.0.2.1'], { server: '203.0.113.53:53' })
        .dns(11, 'shop.example', ['192.0.2.1']),
    rules: rule('Resolver', 'dns.is_answer = false and dns.server.trusted = false', '%dns.server'),
    settings: { trustedResolvers: ['10.0.0.2'] },
    want: ['Resolver: 203.0.113.53'],
  },
  {
    name: 'a name that only the client says excuses nothing',
    scene: s => {
      const { fd } = s.process(11).open(11, '192.0.2.1:80', { isTcp: true })
      s.send(11, fd, Buffer.from('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n'))
    },
    rules:
      rule('Not in', 'evt.type = sendto and not fd.sip.name in (shop.example)', '%fd.sip.name.source') +
      rule('Is', 'evt.type = sendto and fd.sip.name = shop.example', '%fd.sip.name.source'),
    want: ['Not in: claimed', 'Is: claimed'],
  },
  {
    name: 'NXDOMAIN, no addresses and SERVFAIL are counted',
    scene: s =>
      s
        .process(11)
        .dns(11, 'no.example', [], { rcode: 3 })
        .dns(11, 'empty.example', [])
        .dns(11, 'broken.example', [], { rcode: 2 }),
    rules: UNKNOWN,
    want: [],
    counts: { nxdomain: 1, nodata: 1, failures: 1, answers: 3 },
  },
  {
    name: 'search domains: the name that had an answer counts',
    scene: s =>
      s
        .process(11)
        .dns(11, 'shop.example.ns.svc.cluster.local', [], { rcode: 3 })
        .dns(11, 'shop.example.cluster.local', [], { rcode: 3 })
        .dns(11, 'shop.example', ['192.0.2.1'])
        .connect(11, '192.0.2.1'),
    rules: SHOP,
    want: ['Shop: shop.example'],
  },
  {
    name: 'public names on addresses of this host are not believed',
    scene: s =>
      s.process(11).dns(11, 'shop.example.com', ['127.0.0.1', '169.254.169.254']).connect(11, '169.254.169.254'),
    rules: UNKNOWN,
    want: ['Unknown: 169.254.169.254'],
    counts: { facts: 0 },
  },
  {
    name: 'what getaddrinfo connects to only to sort (UDP, nothing sent) has its name too',
    scene: s => {
      s.process(11).dns(11, 'shop.example', ['192.0.2.1', '192.0.2.2'])
      for (const ip of ['192.0.2.1', '192.0.2.2']) s.open(11, `${ip}:0`)
      s.connect(11, '192.0.2.2')
    },
    rules:
      rule('Not shop', 'evt.type = connect and fd.l4proto = udp and fd.sport != 53 and fd.sip.name != shop.example') +
      rule('Any', 'evt.type = connect and fd.sip.name = shop.example', '%fd.l4proto %fd.sport'),
    want: ['Any: udp 0', 'Any: udp 0', 'Any: tcp 443'],
  },
  {
    name: 'datagrams of a socket that is not connected, each by the name of where it goes, by whichever call',
    scene: s => {
      s.process(11).dns(11, 'shop.example', ['192.0.2.1']).dns(11, 'pool.example', ['192.0.2.2'])
      s.event(11, 'socket', { fd: 6, domain: 'AF_INET', type: 2, proto: 0, flags: 0 })
      const ends = [1, 2, 1, 2, 2, 3, 1]
      for (const [i, call] of ['sendto', 'sendto', 'sendmsg', 'sendmsg', 'sendmmsg', 'sendmmsg', 'sendto'].entries())
        s.send(11, 6, Buffer.from('x'), { call, tuple: `10.0.0.10:4000->192.0.2.${ends[i]}:9999` })
    },
    rules: rule(
      'Sent',
      'evt.type in (sendto, sendmsg, sendmmsg) and fd.l4proto = udp and fd.sport = 9999 and not fd.sip.name in (shop.example)',
      '%evt.type %fd.sip %fd.sip.name',
    ),
    want: [
      'Sent: sendto 192.0.2.2 pool.example',
      'Sent: sendmsg 192.0.2.2 pool.example',
      'Sent: sendmmsg 192.0.2.2 pool.example',
      'Sent: sendmmsg 192.0.2.3 <NA>',
    ],
  },
  {
    name: 'rotation: an address that left the answer is known for its TTL and the grace, then no more',
    scene: s =>
      s
        .process(11)
        .dns(11, 'shop.example', ['192.0.2.1'])
        .wait(100)
        .dns(11, 'shop.example', ['192.0.2.2'])
        .wait(60 + 900 - 102)
        .connect(11, '192.0.2.1')
        .event(11, 'close', { res: 0, fd: 7 })
        .wait(3)
        .connect(11, '192.0.2.1')
        .connect(11, '192.0.2.2'),
    rules: SHOP + UNKNOWN,
    want: ['Shop: shop.example', 'Unknown: 192.0.2.1', 'Shop: shop.example'],
  },
  {
    name: 'whatever TTL an answer has, it holds for a day and the grace at most',
    scene: s =>
      s
        .process(11)
        .dns(11, 'shop.example', [a('shop.example', '192.0.2.1', 0x7fffffff)])
        .wait(86_400 + 899)
        .connect(11, '192.0.2.1')
        .event(11, 'close', { res: 0, fd: 7 })
        .wait(2)
        .connect(11, '192.0.2.1'),
    rules: SHOP + UNKNOWN,
    want: ['Shop: shop.example', 'Unknown: 192.0.2.1'],
  },
]

for (const c of cases) test(`observed names: ${c.name}`, () => checkScene(c))

test('observed names: 10,000 look-ups and connects of two containers and two processes to shared addresses, in any order', () => {
  const actors: readonly { pid: number; name: string; container?: string }[] = [
    { pid: 11, container: 'aaaaaaaaaaaa', name: 'shop.example' },
    { pid: 12, container: 'bbbbbbbbbbbb', name: 'pool.example' },
    { pid: 13, name: 'cafe.example' },
    { pid: 14, name: 'bank.example' },
  ]
  const rules = actors
    .map(({ name }) => rule(name, `${CONNECTS} and fd.sip.name = ${name}`, '%proc.pid %fd.sip.name'))
    .join('')
  const step = fc.tuple(fc.nat(actors.length - 1), fc.nat(2), fc.boolean())
  fc.assert(
    fc.property(fc.array(step, { minLength: 100, maxLength: 200 }), steps => {
      const scene = new Scene()
      for (const { pid, name, ...options } of actors) scene.process(pid, { comm: name, ...options })
      const known = new Set<string>()
      const want: string[] = []
      for (const [who, address, isLookUp] of steps) {
        const { pid, name } = actors[who]!
        const ip = `192.0.2.${address}`
        if (isLookUp || !known.has(`${pid} ${ip}`)) scene.dns(pid, name, [ip])
        known.add(`${pid} ${ip}`)
        scene.connect(pid, ip)
        want.push(`${name}: ${pid} ${name}`)
      }
      assert.deepEqual(play(scene, { rules }).alerts, want)
    }),
    { numRuns: 70 },
  )
})

test('observed names: fields of DNS messages, at the event that has them', () => {
  const scene = new Scene()
    .process(11)
    .dns(11, 'WWW.shop.example', [
      cname('www.shop.example', 'edge.example'),
      a('edge.example', '192.0.2.9', 5),
      { name: 'edge.example', type: 'TXT', data: 'v=spf1' },
      { name: 'edge.example', type: 'SRV', data: Buffer.alloc(7) },
    ])
    .dns(11, 'no.example', [], { rcode: 3, type: 'HTTPS', server: '[2001:db8::53]:53' })
    .connect(11, '192.0.2.9')
  const output =
    '%evt.type %dns.is_answer %dns.qname %dns.qtype %dns.rcode %dns.answers %dns.answers.count %dns.ttl %dns.server:%dns.server.port'
  const rules =
    rule('All', 'evt.type exists and dns.qname exists', output) +
    rule('Server', 'dns.is_answer = true and not dns.server in (10.0.0.2)', '%dns.server') +
    rule('List', 'dns.answers intersects (192.0.2.9, 192.0.2.8)', '%dns.qname') +
    rule('Burst', 'dns.rcode = NXDOMAIN and dns.qname endswith .example', '%dns.qname')
  assert.deepEqual(play(scene, { rules }).alerts, [
    'All: sendto false www.shop.example A <NA> <NA> <NA> <NA> 10.0.0.2:53',
    'All: recvfrom true www.shop.example A NOERROR (edge.example,192.0.2.9,v=spf1,SRV) 4 5 10.0.0.2:53',
    'List: www.shop.example',
    'All: sendto false no.example HTTPS <NA> <NA> <NA> <NA> 2001:db8::53:53',
    'All: recvfrom true no.example HTTPS NXDOMAIN <NA> 0 <NA> 2001:db8::53:53',
    'Server: 2001:db8::53',
    'Burst: no.example',
  ])
})

/** A client's question to a server of this host, of which the client's own event has no data. */
function askLocalServer(
  scene: Scene,
  client: number,
  server: number,
  name: string,
  ip: string,
  answeredPort?: number,
): void {
  const { fd, local } = scene.open(client, '127.0.0.1:53')
  const query = dnsBytes({ id: 77, question: [name, 'A'] })
  const answer = dnsBytes({ id: 77, isAnswer: true, question: [name, 'A'], answers: [a(name, ip)] })
  const peer = answeredPort === undefined ? local : local.replace(/\d+$/, String(answeredPort))
  scene.send(client, fd, query, { tuple: `${local}->127.0.0.1:53` })
  scene.receive(server, 4, query, { tuple: `${local}->127.0.0.1:53` })
  scene.send(server, 4, answer, { tuple: `127.0.0.1:53->${peer}` })
  scene.receive(client, fd, answer, { tuple: `127.0.0.1:53->${local}`, snaplen: 0 })
}

test('observed names: an answer that is only seen at a server of this host counts for the process that asked', () => {
  const scene = new Scene()
    .process(11, { container: 'aaaaaaaaaaaa' })
    .process(12, { container: 'bbbbbbbbbbbb' })
    .process(50, { container: 'aaaaaaaaaaaa' })
  scene.event(50, 'socket', { fd: 4, domain: 'AF_INET', type: 2, proto: 0, flags: 0 })
  askLocalServer(scene, 11, 50, 'shop.example', '192.0.2.1')
  // The same two ends in another container are another pair of sockets.
  askLocalServer(scene, 12, 50, 'pool.example', '192.0.2.2')
  askLocalServer(scene, 11, 50, 'cafe.example', '192.0.2.3', 9)
  for (const [pid, ip] of [
    [11, '192.0.2.1'],
    [12, '192.0.2.2'],
    [11, '192.0.2.3'],
  ] as const)
    scene.connect(pid, ip)
  const rules = SHOP + UNKNOWN
  const { alerts, counters } = play(scene, { rules })
  assert.deepEqual(alerts, ['Shop: shop.example', 'Unknown: 192.0.2.2', 'Unknown: 192.0.2.3'])
  assert.equal(counters.dns.answers, 1)
})

test('observed names: a name of 4,000 addresses, 8 an answer, 5 s each: 2,000 look-ups and connects, no false alert', () => {
  const scene = new Scene().process(11)
  let seed = 1
  const random = (most: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return seed % most
  }
  for (let i = 0; i < 2000; i++) {
    const ips = Array.from({ length: 8 }, () => random(4000)).map(n => `52.216.${n >> 8}.${n & 255}`)
    scene.dns(
      11,
      'bucket.s3.example',
      ips.map(ip => a('bucket.s3.example', ip, 5)),
    )
    scene.connect(11, ips[random(8)]!).event(11, 'close', { res: 0, fd: 7 })
    scene.wait(random(10))
  }
  const rules =
    '- list: trusted_domains\n  items: [bucket.s3.example]\n' +
    rule('Unexpected', `${CONNECTS} and not fd.sip.name in (trusted_domains)`, '%fd.sip')
  assert.deepEqual(play(scene, { rules }).alerts, [])
})
