// Configured lists of names in rules: connections, queries and server names are judged by them, as by lists of the rules.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asRecords, clientHello } from '../../../src/domains/testdata/client-hello.ts'
import { CONNECTS, play, type PlayOptions, rule, Scene } from './scene.ts'

const THREATS = 'bad.example\n*.worse.example\n'
const BAD = '192.0.2.66'
const GOOD = '192.0.2.7'

const isConnect = rule('connect', `${CONNECTS} and fd.sip.name in (threats)`)

interface Case {
  readonly name: string
  readonly rules: string
  readonly scene: Scene
  readonly options?: Partial<PlayOptions>
  readonly want: readonly string[]
}

const cases: readonly Case[] = [
  {
    name: 'a connection by a name of the list',
    rules: isConnect,
    scene: new Scene().process(10).dns(10, 'bad.example', [BAD]).connect(10, BAD),
    want: ['connect: bad.example'],
  },
  {
    name: 'a connection by a name below a star of the list',
    rules: isConnect,
    scene: new Scene().process(10).dns(10, 'x.y.worse.example', [BAD]).connect(10, BAD),
    want: ['connect: x.y.worse.example'],
  },
  {
    name: 'not by another name of the address, which nobody here asked for',
    rules: isConnect,
    scene: new Scene()
      .process(10)
      .process(11, { container: 'c0ffee' })
      .dns(11, 'bad.example', [BAD])
      .dns(10, 'good.example', [BAD])
      .connect(10, BAD),
    want: [],
  },
  {
    name: 'an alias that leads to a name of the list',
    rules: isConnect,
    scene: new Scene()
      .process(10)
      .dns(10, 'good.example', [
        { name: 'good.example', type: 'CNAME', data: 'bad.example' },
        { name: 'bad.example', type: 'A', data: BAD },
      ])
      .connect(10, BAD),
    want: ['connect: bad.example'],
  },
  {
    name: 'an allow-list: what is not in it, and what has no name',
    rules: rule('unexpected', `${CONNECTS} and not fd.sip.name in (threats)`),
    scene: new Scene()
      .process(10)
      .dns(10, 'bad.example', [BAD])
      .dns(10, 'good.example', [GOOD])
      .connect(10, BAD)
      .connect(10, GOOD)
      .connect(10, '192.0.2.200'),
    want: ['unexpected: good.example', 'unexpected: <NA>'],
  },
  {
    name: 'names beside the list',
    rules: rule('connect', `${CONNECTS} and fd.sip.name in (good.example, threats, other.example)`),
    scene: new Scene()
      .process(10)
      .dns(10, 'good.example', [GOOD])
      .dns(10, 'bad.example', [BAD])
      .dns(10, 'third.example', ['192.0.2.8'])
      .connect(10, GOOD)
      .connect(10, BAD)
      .connect(10, '192.0.2.8'),
    want: ['connect: good.example', 'connect: bad.example'],
  },
  {
    name: 'a list of the rules with the same name adds its items',
    rules: `- list: threats\n  items: [here.example]\n- list: all\n  items: [threats]\n${rule('connect', `${CONNECTS} and fd.sip.name in (all)`)}`,
    scene: new Scene()
      .process(10)
      .dns(10, 'here.example', [GOOD])
      .dns(10, 'bad.example', [BAD])
      .connect(10, GOOD)
      .connect(10, BAD),
    want: ['connect: here.example', 'connect: bad.example'],
  },
  {
    name: 'an empty list of the rules stands for the configured one',
    rules: `- list: threats\n  items: []\n${isConnect}`,
    scene: new Scene().process(10).dns(10, 'bad.example', [BAD]).connect(10, BAD),
    want: ['connect: bad.example'],
  },
  {
    name: 'queries, their answers, and the targets of aliases',
    rules:
      rule('query', 'dns.qname in (threats) and dns.is_answer = false', '%dns.qname') +
      rule('target', 'dns.answers intersects (threats)', '%dns.answers'),
    scene: new Scene()
      .process(10)
      .dns(10, 'BAD.example', [])
      .dns(10, 'x.worse.example', [], { type: 'TXT' })
      .dns(10, 'good.example', [{ name: 'good.example', type: 'CNAME', data: 'bad.example' }]),
    want: ['query: bad.example', 'query: x.worse.example', 'target: (bad.example)'],
  },
  {
    name: 'server names, whatever the address',
    rules: rule('hello', 'tls.sni in (threats)', '%tls.sni'),
    scene: (() => {
      const scene = new Scene().process(10)
      for (const name of ['bad.example', 'good.example']) {
        const { fd } = scene.open(10, `${GOOD}:443`, { isTcp: true, fd: 9 })
        scene.send(10, fd, asRecords(clientHello({ name }))).event(10, 'close', { res: 0, fd })
      }
      return scene
    })(),
    want: ['hello: bad.example'],
  },
  {
    name: 'with subdomains',
    rules: isConnect,
    options: { listMatch: 'subdomains' },
    scene: new Scene().process(10).dns(10, 'x.bad.example', [BAD]).connect(10, BAD),
    want: ['connect: x.bad.example'],
  },
  {
    name: 'an exception of a response policy zone',
    rules: isConnect,
    options: { lists: { threats: '*.bad.example CNAME .\nok.bad.example CNAME rpz-passthru.\n' } },
    scene: new Scene()
      .process(10)
      .dns(10, 'ok.bad.example', [GOOD])
      .dns(10, 'x.bad.example', [BAD])
      .connect(10, GOOD)
      .connect(10, BAD),
    want: ['connect: x.bad.example'],
  },
  {
    name: 'all names of the address',
    rules: rule('any', `${CONNECTS} and fd.sip.names intersects (threats)`, '%fd.sip.names'),
    scene: new Scene().process(10).dns(10, 'good.example', [BAD]).dns(10, 'bad.example', [BAD]).connect(10, BAD),
    want: ['any: (bad.example,good.example)'],
  },
]

for (const c of cases) {
  test(`configured lists: ${c.name}`, () => {
    const { alerts, names } = play(c.scene, { rules: c.rules, lists: { threats: THREATS }, ...c.options })
    assert.deepEqual(alerts, c.want)
    assert.deepEqual(
      names.namesToResolve().names.filter(name => /bad|worse/.test(name)),
      [],
      'never looked up',
    )
  })
}

test('configured lists: the evidence says which name of the list it was, and for a miss that nothing is looked up', () => {
  const { evidence } = play(new Scene().process(10).dns(10, 'bad.example', [BAD]).connect(10, BAD).connect(10, GOOD), {
    rules:
      isConnect +
      rule('other', `${CONNECTS} and not fd.sip.name in (threats, good.example) and fd.sip != 0.0.0.0`, 'none'),
    lists: { threats: THREATS },
  })
  assert.deepEqual(
    evidence.map(names => names?.[0]?.checks),
    [
      [{ check: 'fd.sip.name in (threats)', holds: true, name: 'bad.example' }],
      [
        {
          check: 'fd.sip.name in (good.example, threats)',
          holds: false,
          reason: { kind: 'never', text: 'none of its names was seen with this address' },
        },
      ],
    ],
  )
})
