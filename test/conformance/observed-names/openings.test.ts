// Connections judged by the server that their client's first bytes name.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { asRecords, clientHello } from '../../../src/domains/testdata/client-hello.ts'
import { parseIp } from '../../../src/values/ip.ts'
import { CONNECTS, type PlayOptions, play, rule, Scene } from './scene.ts'

interface Case extends PlayOptions {
  readonly name: string
  readonly scene: (scene: Scene) => void
  readonly want: readonly string[]
}

const SENDS = 'evt.type in (sendto, write) and fd.sport in (80, 443)'
const SHOP = rule('Shop', `${SENDS} and fd.sip.name = shop.example`, '%fd.sip.name %fd.sip.name.source')
const POOL = rule('Pool', `${SENDS} and fd.sip.name = pool.example`, '%fd.sip.name %fd.sip.name.source')
const both: PlayOptions['known'] = ['shop.example', 'pool.example'].map(name => ({
  name,
  ip: parseIp('192.0.2.1')!,
  evidence: 'resolved',
}))

const hello = (name: string): Buffer => asRecords(clientHello({ name }))

/** Opens a connection and sends `pieces`. */
function talk(scene: Scene, pid: number, peer: string, pieces: readonly Buffer[], call = 'sendto'): void {
  const { fd } = scene.open(pid, peer, { isTcp: true, fd: 8, res: -115 })
  for (const piece of pieces) scene.send(pid, fd, piece, { call })
}

const cases: readonly Case[] = [
  {
    name: 'of the names that share an address, the one that the client asks for decides',
    scene: s => talk(s.process(11), 11, '192.0.2.1:443', [hello('shop.example')]),
    rules: SHOP + POOL,
    known: both,
    want: ['Shop: shop.example sni'],
  },
  {
    name: 'each process by its own',
    scene: s => {
      s.process(11).process(12)
      talk(s, 11, '192.0.2.1:443', [hello('shop.example')])
      talk(s, 12, '192.0.2.1:443', [hello('pool.example')], 'write')
    },
    rules: SHOP + POOL,
    known: both,
    want: ['Shop: shop.example sni', 'Pool: pool.example sni'],
  },
  {
    name: 'a ClientHello in pieces: the last one brings the name',
    scene: s => {
      const bytes = hello('shop.example')
      talk(s.process(11), 11, '192.0.2.1:443', [bytes.subarray(0, 3), bytes.subarray(3, 60), bytes.subarray(60)])
    },
    rules: rule('Sni', 'evt.type = sendto and fd.sip.name.source = sni', '%evt.num %fd.sip.name'),
    known: both,
    want: ['Sni: 5 shop.example'],
  },
  {
    name: 'the Host of an HTTP request, also with the head in two writes',
    scene: s =>
      talk(s.process(11), 11, '192.0.2.1:80', [
        Buffer.from('GET / HTTP/1.1\r\nHo'),
        Buffer.from('st: pool.example\r\n\r\n'),
      ]),
    rules: rule('Host', 'evt.type = sendto and fd.sip.name.source = host', '%fd.sip.name'),
    known: both,
    want: ['Host: pool.example'],
  },
  {
    name: 'an address that the client names is no name, be it its own or another',
    scene: s => {
      talk(s.process(11), 11, '192.0.2.1:80', [Buffer.from('GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n')])
      s.connect(11, '192.0.2.1')
      talk(s, 11, '192.0.2.2:443', [hello('192.0.2.1')])
      s.connect(11, '192.0.2.2')
    },
    rules:
      rule('Unknown', `${CONNECTS} and fd.sport = 443 and fd.sip.name.unknown = true`, '%fd.sip %fd.sip.name') +
      rule('Is', `${CONNECTS} and fd.sip.name = 192.0.2.1`, '%fd.sip'),
    want: ['Is: 192.0.2.1', 'Is: 192.0.2.1', 'Unknown: 192.0.2.2 <NA>', 'Unknown: 192.0.2.2 <NA>'],
  },
  {
    name: 'a name that nothing else confirms does not displace what is known',
    scene: s => {
      talk(s.process(11).dns(11, 'pool.example', ['192.0.2.1']), 11, '192.0.2.1:443', [hello('shop.example')])
    },
    rules: SHOP + POOL,
    want: ['Pool: pool.example observed'],
  },
  {
    name: 'it counts where nothing else is known, as a claim, and only for the process that made it',
    scene: s => {
      s.process(11).process(12)
      talk(s, 11, '192.0.2.1:443', [hello('shop.example')])
      talk(s, 12, '192.0.2.1:443', [Buffer.from('x')])
    },
    rules: SHOP + rule('Unknown', `${SENDS} and fd.sip.name.unknown = true`, '%proc.pid'),
    want: ['Shop: shop.example claimed', 'Unknown: 12'],
  },
  {
    name: 'what goes to a proxy names no address',
    scene: s =>
      talk(s.process(11), 11, '192.0.2.1:80', [
        Buffer.from('CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example\r\n\r\n'),
      ]),
    rules: SHOP + rule('Unknown', `${SENDS} and fd.sip.name.unknown = true`, '%fd.sip'),
    want: ['Unknown: 192.0.2.1'],
  },
  {
    name: 'only the first bytes count',
    scene: s => talk(s.process(11), 11, '192.0.2.1:443', [Buffer.from('\x05\x01\x00'), hello('shop.example')]),
    rules: SHOP,
    want: [],
  },
  {
    name: 'a number that another connection had begins anew',
    scene: s => {
      const bytes = hello('pool.example')
      s.process(11)
      talk(s, 11, '192.0.2.9:443', [bytes.subarray(0, 20)])
      s.event(11, 'close', { res: 0, fd: 8 })
      talk(s, 11, '192.0.2.1:443', [hello('shop.example')])
    },
    rules: SHOP,
    known: both,
    want: ['Shop: shop.example sni'],
  },
  {
    name: 'a name counts while the connection lives, and a minute',
    scene: s => {
      talk(s.process(11), 11, '192.0.2.1:443', [hello('shop.example')])
      s.wait(3000).send(11, 8, Buffer.from('more')).event(11, 'close', { res: 0, fd: 8 }).wait(61)
      talk(s, 11, '192.0.2.1:443', [Buffer.from('x')])
    },
    rules: SHOP + POOL,
    known: both,
    want: [
      'Shop: shop.example sni',
      'Shop: shop.example sni',
      'Shop: shop.example resolved',
      'Pool: pool.example resolved',
    ],
  },
]

for (const c of cases) {
  test(`connection openings: ${c.name}`, () => {
    const scene = new Scene()
    c.scene(scene)
    assert.deepEqual(play(scene, c).alerts, c.want)
  })
}

test('connection openings: fields of ClientHellos and requests, at the event that completed them', () => {
  const scene = new Scene().process(11).dns(11, 'shop.example', ['192.0.2.1'])
  const bytes = hello('Shop.Example.')
  talk(scene, 11, '192.0.2.1:443', [bytes.subarray(0, 9), bytes.subarray(9), Buffer.from('data')])
  talk(scene, 11, '192.0.2.1:443', [asRecords(clientHello({ name: 'front.example', hasEch: true }))])
  talk(scene, 11, '192.0.2.1:80', [Buffer.from('GET / HTTP/1.1\r\nHost: Evil.example:80\r\n\r\n')])
  const output = '%evt.num %tls.sni %tls.sni.confirmed %tls.ech %http.host %http.host.confirmed'
  const rules = rule('All', 'evt.type = sendto and (tls.ech exists or http.host exists)', output)
  assert.deepEqual(play(scene, { rules }).alerts, [
    'All: 9 shop.example true false <NA> <NA>',
    'All: 13 front.example false true <NA> <NA>',
    'All: 16 <NA> <NA> <NA> evil.example false',
  ])
})

test('connection openings: however the first bytes are cut, into writes and into records, the name is the same', () => {
  const requests = [
    'GET /a/b?c HTTP/1.1\r\nUser-Agent: x\r\nHost: shop.example\r\nAccept: */*\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4\r\n\r\nbody',
    'HEAD / HTTP/1.0\nhost:shop.example\n\n',
  ].map(text => Buffer.from(text))
  const hellos = fc
    .tuple(fc.integer({ min: 40, max: 3000 }), fc.integer({ min: 0, max: 2000 }))
    .map(([recordBytes, padding]) => asRecords(clientHello({ name: 'shop.example', padding }), recordBytes))
  const cuts = fc.oneof(
    fc.array(fc.nat(4000), { maxLength: 12 }),
    fc.constant(Array.from({ length: 4000 }, (_, i) => i)),
  )
  fc.assert(
    fc.property(fc.oneof(hellos, fc.constantFrom(...requests)), cuts, (bytes, places) => {
      const ends = [...new Set([...places.map(place => 1 + (place % bytes.length)), bytes.length])].sort(
        (x, y) => x - y,
      )
      const scene = new Scene().process(11)
      const pieces = ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1]!, end))
      talk(scene, 11, '192.0.2.1:443', pieces, 'write')
      const { alerts, counters } = play(scene.connect(11, '192.0.2.1'), {
        rules: rule('Then', 'evt.type = connect and fd.num = 7', '%fd.sip.name %fd.sip.name.source'),
        known: both,
      })
      const kind = counters.openings.tls === 1 ? 'sni' : 'host'
      assert.deepEqual(alerts, [`Then: shop.example ${kind}`])
      assert.equal(counters.openings.tls + counters.openings.http, 1)
    }),
    { numRuns: 60 },
  )
})

test('connection openings: who never ends the first bytes is given up, and says nothing', () => {
  const scene = new Scene().process(11)
  const head = Buffer.from(`GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(2000)}Host: shop.example\r\n\r\n`)
  talk(scene, 11, '192.0.2.1:80', [head.subarray(0, 4000), head.subarray(4000, 8000), head.subarray(8000)])
  const endless = asRecords(clientHello({ name: 'shop.example', padding: 16_000 }), 16_000)
  const pieces = Array.from({ length: 30 }, (_, i) => endless.subarray(i * 600, (i + 1) * 600))
  talk(scene, 11, '192.0.2.2:443', pieces.slice(0, 20))
  const { alerts, counters } = play(scene, { rules: SHOP })
  assert.deepEqual(alerts, [])
  assert.equal(counters.openings.tls + counters.openings.http, 0)
})
