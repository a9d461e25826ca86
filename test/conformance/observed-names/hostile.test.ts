// What an attacker sends must neither stop the observer, nor make it believe what nobody asked for, nor grow without bound.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dnsBytes, withLength } from '../../../src/domains/testdata/dns-bytes.ts'
import { dnsFields } from '../../../src/fields/dns-fields.ts'
import { CONNECTS, play, rule, Scene } from './scene.ts'

const SENDS = ['sendto', 'sendmsg', 'sendmmsg', 'write', 'writev'] as const
const RECEIVES = ['recvfrom', 'recvmsg', 'recvmmsg', 'read', 'readv'] as const
/** Reads every field of messages, of each one that is understood. */
const FIELDS = rule(
  'Fields',
  `evt.type in (${[...SENDS, ...RECEIVES].join(', ')}) and dns.server.port exists`,
  dnsFields.map(field => `%${field.name}`).join(' '),
)
const EXISTS = rule('Named', `${CONNECTS} and fd.sip.name exists`)

test('hostile traffic: bytes of any kind to and from port 53, over UDP and TCP, by any call, are judged like any others', () => {
  const valid = dnsBytes({
    id: 1,
    isAnswer: true,
    question: ['shop.example', 'A'],
    answers: [
      { name: 'shop.example', type: 'A', data: '203.0.113.66' },
      { name: 'shop.example', type: 'CNAME', data: 'edge.example' },
      { name: 'shop.example', type: 'TXT', data: 'text' },
    ],
  })
  let understood = 0
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 100 }).map(bytes => Buffer.from(bytes)),
    fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }).map(edits => {
      const bytes = Buffer.from(valid)
      for (const [at, byte] of edits) bytes[at] = byte
      return bytes
    }),
  )
  const step = fc.record({
    bytes: noise,
    isSend: fc.boolean(),
    isTcp: fc.boolean(),
    call: fc.nat(SENDS.length - 1),
    snaplen: fc.integer({ min: 0, max: 100 }),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), steps => {
      const scene = new Scene().process(11)
      const udp = scene.open(11, '10.0.0.2:53')
      const tcp = scene.open(11, '10.0.0.2:53', { isTcp: true, fd: 6 })
      for (const { bytes, isSend, isTcp, call, snaplen } of steps) {
        const { fd, local } = isTcp ? tcp : udp
        const data = isTcp && bytes.length % 2 === 0 ? withLength(bytes) : bytes
        if (data.length === 0) continue
        if (isSend) scene.send(11, fd, data, { snaplen, call: SENDS[call]!, tuple: `${local}->10.0.0.2:53` })
        else scene.receive(11, fd, data, { snaplen, call: RECEIVES[call]!, tuple: `10.0.0.2:53->${local}` })
      }
      scene.connect(11, '203.0.113.66')
      // Nobody asked for the name, but for noise that happens to be a query for it.
      const { alerts, counters } = play(scene, { rules: EXISTS + FIELDS })
      for (const alert of alerts) if (alert.startsWith('Fields')) understood++
      if (counters.dns.queries === 0)
        assert.deepEqual(
          alerts.filter(alert => alert.startsWith('Named')),
          [],
        )
    }),
    { numRuns: 60 },
  )
  // Else nothing would have been read.
  assert.ok(understood > 100, `${understood} messages`)
})

test('hostile traffic: 50,000 answers with random names stay within the bounds, and names of rules stay known', () => {
  const scene = new Scene().process(11).process(66, { container: 'cccccccccccc' })
  scene.dns(11, 'shop.example', ['192.0.2.1'])
  const { fd, local } = scene.open(66, '10.0.0.2:53')
  for (let i = 0; i < 50_000; i++) {
    const name = `${((i * 2_654_435_761) >>> 0).toString(36)}.dga.example`
    const question = [name, 'A'] as const
    const data = `198.18.${(i >> 8) & 255}.${i & 255}`
    scene.send(66, fd, dnsBytes({ id: i & 0xffff, question }), { tuple: `${local}->10.0.0.2:53` })
    const answer = dnsBytes({ id: i & 0xffff, isAnswer: true, question, answers: [{ name, type: 'A', data }] })
    scene.receive(66, fd, answer, { tuple: `10.0.0.2:53->${local}` })
  }
  scene.connect(11, '192.0.2.1')
  const { alerts, counters, names } = play(scene, { rules: rule('Shop', `${CONNECTS} and fd.sip.name = shop.example`) })
  assert.deepEqual(alerts, ['Shop: shop.example'])
  assert.equal(counters.dns.answers, 50_001)
  assert.equal(counters.dns.waiting, 0)
  const { bindings, names: count } = names.stats()
  assert.ok(bindings <= 250_000 && count <= 100_001, `${bindings} bindings, ${count} names`)
})

test('hostile traffic: questions without answers are forgotten', () => {
  const scene = new Scene().process(66)
  const { fd, local } = scene.open(66, '10.0.0.2:53')
  for (let id = 0; id < 5000; id++)
    scene.send(66, fd, dnsBytes({ id, question: [`n${id}.example`, 'TXT'] }), { tuple: `${local}->10.0.0.2:53` })
  const { counters } = play(scene, { rules: EXISTS })
  assert.equal(counters.dns.queries, 5000)
  assert.equal(counters.dns.waiting, 1024)
})

test('hostile traffic: connections that never say enough are bounded', () => {
  const scene = new Scene().process(66)
  for (let i = 0; i < 6000; i++) {
    const { fd } = scene.open(66, `198.18.${i >> 8}.${i & 255}:443`, { isTcp: true, fd: 10 + i })
    scene.send(66, fd, Buffer.from([22, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xf0]))
  }
  const { counters } = play(scene, { rules: EXISTS })
  assert.equal(counters.openings.waiting, 4096)
  assert.equal(counters.openings.evicted, 6000 - 4096)
})
