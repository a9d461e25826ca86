import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { initialKeys, openInitial, VERSION_1, VERSION_2 } from './quic-initial.ts'
import { cryptoFrame, initialPacket, quicNumber, RFC_PACKET } from './testdata/quic-packets.ts'
import { clientHello } from './testdata/client-hello.ts'
import { readHandshake } from './tls-client-hello.ts'

const HELLO = clientHello({ name: 'shop.example' })

function opened(packet: Buffer): ReturnType<typeof openInitial> {
  return openInitial(packet, 0, packet.length)
}

for (const { rfc, version, want } of [
  {
    rfc: 'RFC 9001',
    version: VERSION_1,
    want: ['1f369613dd76d5467730efcbe3b1a22d', 'fa044b2f42a3fd3b46fb255c', '9f50449e04a0e810283a1e9933adedd2'],
  },
  {
    rfc: 'RFC 9369',
    version: VERSION_2,
    want: ['8b1a0bc121284290a29e0971b5cd045d', '91f73e2351d8fa91660e909f', '45b95e15235d6f45a6b19cbcb0294ba9'],
  },
]) {
  test(`quic: keys are those of ${rfc} A.1`, () => {
    const { key, iv, headerKey } = initialKeys(Buffer.from('8394c8f03e515708', 'hex'), version)
    assert.deepEqual(
      [key, iv, headerKey].map(bytes => bytes.toString('hex')),
      want,
    )
  })
}

test('quic: version 2 protects the same hello as RFC 9369 A.2 prints it', () => {
  const first = opened(RFC_PACKET)
  assert.ok(typeof first === 'object')
  const { offset, bytes } = first.pieces[0]!
  const hello = Buffer.concat([Buffer.alloc(offset), bytes])
  const packet = initialPacket(cryptoFrame(hello, 0, hello.length), {
    ...{ version: VERSION_2, number: 2, numberBytes: 4, ownId: Buffer.alloc(0) },
  })
  assert.equal(packet.subarray(0, 34).toString('hex'), RFC_V2_BEGINNING)
  const second = opened(packet)
  assert.ok(typeof second === 'object')
  assert.deepEqual(second.pieces[0], first.pieces[0])
})

const RFC_V2_BEGINNING = 'd76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04'

test('quic: the packet of RFC 9001 A.2 has its ClientHello', () => {
  const packet = opened(RFC_PACKET)
  assert.ok(typeof packet === 'object')
  assert.equal(Buffer.from(packet.connectionId, 'latin1').toString('hex'), '8394c8f03e515708')
  assert.equal(packet.end, 1200)
  const [piece, ...others] = packet.pieces
  assert.deepEqual(others, [])
  assert.equal(piece?.offset, 0)
  assert.deepEqual(readHandshake(piece!.bytes, 0, piece!.bytes.length), { serverName: 'example.com', hasEch: false })
})

const ACK = Buffer.concat([Buffer.from([2]), ...[7, 3, 1, 0, 2, 2].map(value => quicNumber(value))])
const ACK_ECN = Buffer.concat([Buffer.from([3]), ...[7, 3, 0, 0, 1, 2, 3].map(value => quicNumber(value))])
const packets: readonly { readonly name: string; readonly packet: Buffer; readonly offsets: readonly number[] }[] = [
  {
    name: 'frames in another order',
    packet: initialPacket(Buffer.concat([cryptoFrame(HELLO, 50, 90), cryptoFrame(HELLO, 0, 50)])),
    offsets: [50, 0],
  },
  {
    name: 'acknowledgements and pings between',
    packet: initialPacket(
      Buffer.concat([ACK, Buffer.from([1]), ACK_ECN, cryptoFrame(HELLO, 0, 50), Buffer.from([0, 1])]),
    ),
    offsets: [0],
  },
  {
    name: 'a token, and no id of its own',
    packet: initialPacket(cryptoFrame(HELLO, 0, 50), { token: Buffer.alloc(100, 1), ownId: Buffer.alloc(0) }),
    offsets: [0],
  },
  {
    name: 'a long packet number',
    packet: initialPacket(cryptoFrame(HELLO, 0, 50), { number: 0x01020304, numberBytes: 4 }),
    offsets: [0],
  },
  {
    name: 'a short packet number',
    packet: initialPacket(cryptoFrame(HELLO, 0, 50), { number: 3, numberBytes: 1 }),
    offsets: [0],
  },
  {
    name: 'an id of 20 bytes',
    packet: initialPacket(cryptoFrame(HELLO, 0, 50), { connectionId: Buffer.alloc(20, 3) }),
    offsets: [0],
  },
  {
    name: 'a frame that is longer than the packet',
    packet: initialPacket(Buffer.from([6, 0, 63, 1, 2]), { padTo: 0 }),
    offsets: [],
  },
  {
    name: 'a frame that does not belong there',
    packet: initialPacket(Buffer.concat([Buffer.from([0x1c]), cryptoFrame(HELLO, 0, 50)])),
    offsets: [],
  },
]
for (const { name, packet, offsets } of packets) {
  test(`quic: ${name}`, () => {
    const result = opened(packet)
    assert.ok(typeof result === 'object', String(result))
    assert.deepEqual(
      result.pieces.map(piece => piece.offset),
      offsets,
    )
  })
}

const v2Packet = initialPacket(cryptoFrame(HELLO, 0, 50), { version: VERSION_2 })
function withFirstByte(packet: Buffer, high: number): Buffer {
  return Buffer.from(packet).fill(high | (packet[0]! & 0x0f), 0, 1)
}
const others: readonly { readonly name: string; readonly packet: Buffer; readonly want: 'cut' | 'none' }[] = [
  { name: 'another version', packet: Buffer.from(RFC_PACKET).fill(2, 4, 5), want: 'none' },
  { name: 'the type that version 1 has, in version 2', packet: withFirstByte(v2Packet, 0xc0), want: 'none' },
  { name: 'the type that version 2 has, in version 1', packet: withFirstByte(RFC_PACKET, 0xd0), want: 'none' },
  { name: 'a short header', packet: Buffer.from(RFC_PACKET).fill(0x40, 0, 1), want: 'none' },
  { name: 'an id that is too long', packet: initialPacket(cryptoFrame(HELLO, 0, 9)).fill(21, 5, 6), want: 'none' },
  { name: 'a packet that is cut', packet: RFC_PACKET.subarray(0, 1199), want: 'cut' },
  { name: 'a header that is cut', packet: RFC_PACKET.subarray(0, 16), want: 'cut' },
  { name: 'no more than a header', packet: Buffer.from('c00000000100000003aabbcc', 'hex'), want: 'none' },
  { name: 'another byte in the payload', packet: Buffer.from(RFC_PACKET).fill(1, 600, 601), want: 'none' },
]
for (const { name, packet, want } of others) test(`quic: ${name}`, () => assert.equal(opened(packet), want))

test('quic: what is not a whole packet as a client sealed it is not opened, and nothing throws', () => {
  const packet = initialPacket(cryptoFrame(HELLO, 0, HELLO.length), { padTo: 300 })
  const changed = fc
    .tuple(fc.nat(packet.length - 1), fc.integer({ min: 1, max: 255 }))
    .map(([at, by]) => Buffer.from(packet).fill(packet[at]! ^ by, at, at + 1))
  const headed = fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.concat([Buffer.from([0xc3, 0, 0, 0, 1]), bytes]))
  fc.assert(
    fc.property(
      fc.oneof(
        changed,
        headed,
        fc.uint8Array().map(bytes => Buffer.from(bytes)),
      ),
      bytes => {
        const result = opened(bytes)
        assert.ok(result === 'none' || result === 'cut')
      },
    ),
    { numRuns: 2000 },
  )
  // Whatever the frames are.
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 200 }), frames => {
      const result = opened(initialPacket(Buffer.from(frames), { padTo: 0 }))
      assert.ok(typeof result === 'object')
      for (const { bytes } of result.pieces) assert.ok(bytes.length <= frames.length)
    }),
  )
})
