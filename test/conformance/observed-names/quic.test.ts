// Connections of QUIC, judged by the server that their first packets name.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VERSION_2 } from '../../../src/domains/quic-initial.ts'
import { clientHello } from '../../../src/domains/testdata/client-hello.ts'
import {
  cryptoFrame,
  initialPacket,
  type PacketOptions,
  RFC_PACKET,
} from '../../../src/domains/testdata/quic-packets.ts'
import { parseIp } from '../../../src/values/ip.ts'
import { play, type PlayOptions, rule, Scene } from './scene.ts'

const PEER = '192.0.2.1:443'
const SENT = rule(
  'Sent',
  'evt.type in (sendto, sendmsg, sendmmsg) and tls.ech exists',
  '%fd.sip.name %fd.sip.name.source %tls.sni %tls.sni.confirmed %tls.ech',
)
const known: PlayOptions['known'] = ['shop.example', 'pool.example'].map(name => ({
  name,
  ip: parseIp('192.0.2.1')!,
  evidence: 'resolved',
}))

const ID = Buffer.from('0011223344556677', 'hex')
/** A hello in packets that are cut at these places, in order. */
function packetsOf(
  hello: Buffer,
  cuts: readonly number[] = [],
  options: Partial<PacketOptions> = {},
): readonly Buffer[] {
  const ends = [...cuts, hello.length]
  return ends.map((end, number) =>
    initialPacket(cryptoFrame(hello, number === 0 ? 0 : ends[number - 1]!, end), {
      connectionId: ID,
      number,
      ...options,
    }),
  )
}

function talk(
  scene: Scene,
  pid: number,
  datagrams: readonly Buffer[],
  options: { call?: string; snaplen?: number } = {},
): Scene {
  const { fd, local } = scene.open(pid, PEER, { fd: 8 })
  for (const datagram of datagrams) scene.send(pid, fd, datagram, { tuple: `${local}->${PEER}`, ...options })
  return scene
}

const shop = clientHello({ name: 'Shop.Example.' })
const big = clientHello({ name: 'shop.example', padding: 1700 })
const [first, second, third] = packetsOf(big, [400, 1500])

const NAMED = 'Sent: shop.example sni shop.example true false'
const cases: readonly {
  readonly name: string
  readonly scene: (s: Scene) => void
  readonly want: readonly string[]
}[] = [
  {
    name: 'of the names that share an address, the one that the client asks for decides',
    scene: s => talk(s, 11, packetsOf(shop)),
    want: [NAMED],
  },
  {
    name: 'version 2',
    scene: s => talk(s, 11, packetsOf(big, [400, 1500], { version: VERSION_2 })),
    want: [NAMED],
  },
  { name: 'by sendmsg', scene: s => talk(s, 11, packetsOf(shop), { call: 'sendmsg' }), want: [NAMED] },
  {
    name: 'over a socket that is not connected',
    scene: s => {
      s.event(11, 'socket', { fd: 8, domain: 'AF_INET', type: 2, proto: 0, flags: 0 })
      s.send(11, 8, packetsOf(shop)[0]!, { call: 'sendmmsg', tuple: `10.0.0.10:4000->${PEER}` })
    },
    want: [NAMED],
  },
  {
    name: 'a hello of several packets, in another order, and one again',
    scene: s => talk(s, 11, [third!, first!, third!, second!, first!]),
    want: [NAMED],
  },
  {
    name: 'several packets in one send',
    scene: s => talk(s, 11, [Buffer.concat([first!, second!, third!])]),
    want: [NAMED],
  },
  {
    name: 'an outer name',
    scene: s => talk(s, 11, packetsOf(clientHello({ name: 'pool.example', hasEch: true }))),
    want: ['Sent: pool.example sni pool.example true true'],
  },
  {
    name: 'a name that nothing confirms is the client’s word',
    scene: s => talk(s, 11, packetsOf(clientHello({ name: 'evil.example' }))),
    want: ['Sent: pool.example resolved evil.example false false'],
  },
  {
    name: 'the packet of RFC 9001',
    scene: s => talk(s, 11, [RFC_PACKET]),
    want: ['Sent: pool.example resolved example.com false false'],
  },
  { name: 'a packet that is not all there', scene: s => talk(s, 11, packetsOf(shop), { snaplen: 1000 }), want: [] },
  {
    name: 'another connection over the same socket says its own',
    scene: s => talk(s, 11, [...packetsOf(shop), RFC_PACKET]),
    want: [NAMED, 'Sent: shop.example sni example.com false false'],
  },
  {
    name: 'datagrams that only begin so',
    scene: s => talk(s, 11, [Buffer.concat([RFC_PACKET.subarray(0, 30), Buffer.alloc(1170)])]),
    want: [],
  },
]
for (const { name, scene: act, want } of cases) {
  test(`quic openings: ${name}`, () => {
    const scene = new Scene().process(11)
    act(scene)
    assert.deepEqual(play(scene, { rules: SENT, known }).alerts, want)
  })
}

test('quic openings: however the hello is cut and in whatever order it comes, the name is the same', () => {
  const cuts = fc
    .uniqueArray(fc.integer({ min: 1, max: big.length - 1 }), { maxLength: 8 })
    .map(all => all.sort((a, b) => a - b))
  fc.assert(
    fc.property(cuts, fc.infiniteStream(fc.nat()), (places, keys) => {
      const packets = packetsOf(big, places)
        .map(packet => ({ packet, key: keys.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ packet }) => packet)
      assert.deepEqual(play(talk(new Scene().process(11), 11, packets), { rules: SENT, known }).alerts, [NAMED])
    }),
    { numRuns: 40 },
  )
})

test('quic openings: a flood is opened as far as there is time for it, and what follows a second later is seen', () => {
  const scene = new Scene().process(11)
  const junk = initialPacket(cryptoFrame(big, 0, 9), { padTo: 100 })
  const { fd, local } = scene.open(11, PEER, { fd: 8 })
  const send = (bytes: Buffer): Scene => scene.send(11, fd, bytes, { tuple: `${local}->${PEER}` })
  // A thousand a second, each of a connection of its own that never says enough.
  for (let i = 0; i < 900; i++) {
    const own = Buffer.from(junk)
    own.writeUInt32BE(i, 8)
    send(own)
  }
  scene.wait(1)
  send(packetsOf(shop)[0]!)
  const { alerts, counters } = play(scene, { rules: SENT, known })
  assert.deepEqual(alerts, [NAMED])
  assert.equal(counters.quic.passedOver, 800)
  assert.equal(counters.quic.hellos, 1)
})
