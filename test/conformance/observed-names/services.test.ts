// Connections judged by what name services of the machine told the program over their sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  nscdAddresses,
  nscdHost,
  nscdNotFound,
  nscdRequest,
  NscdType,
  v4,
  varlinkCall,
  varlinkReply,
} from '../../../src/domains/testdata/service-bytes.ts'
import { parseIp } from '../../../src/values/ip.ts'
import { CONNECTS, type PlayOptions, play, rule, Scene } from './scene.ts'

const RESOLVED = '/run/systemd/resolve/io.systemd.Resolve'
const NSCD = '/var/run/nscd/socket'
const FD = 9
const A = '192.0.2.1'
const addresses = [v4(192, 0, 2, 1)]

let inodes = 1

/** What a process does with a connection to a service, each step announced as the probe does. */
class Talk {
  readonly #scene: Scene
  readonly #pid: number
  readonly #path: string
  readonly #inode: number
  #owner: number
  constructor(scene: Scene, pid: number, path: string, owner = 0) {
    this.#scene = scene
    this.#pid = pid
    this.#path = path
    this.#owner = owner
    this.#inode = inodes++
  }
  /** The service has closed its end: whose it was is not told any more. */
  closed(): this {
    this.#owner = 0xffff_ffff
    return this
  }
  connect(): this {
    this.#scene.event(this.#pid, 'socket', { fd: FD, domain: 'AF_UNIX', type: 1, proto: 0, flags: 0 })
    this.#announce()
    this.#scene.event(this.#pid, 'connect', { res: 0, fd: FD, addr: `unix:${this.#path}` })
    return this
  }
  sends(bytes: Buffer, snaplen?: number): this {
    return this.#move('sendto', bytes, snaplen)
  }
  gets(bytes: Buffer, snaplen?: number, call = 'recvfrom'): this {
    return this.#move(call, bytes, snaplen)
  }
  #move(call: string, bytes: Buffer, snaplen?: number): this {
    this.#announce()
    const options = { call, ...(snaplen !== undefined && { snaplen }) }
    if (call === 'sendto') this.#scene.send(this.#pid, FD, bytes, options)
    else this.#scene.receive(this.#pid, FD, bytes, options)
    return this
  }
  #announce(): void {
    const numbers = [FD, this.#inode, this.#owner].map(value => String(value).padStart(10, '0'))
    this.#scene.own(this.#pid, 'tiercel_service', `${numbers.join(' ')} ${this.#path}\0`)
  }
}

const RULES = [
  rule('Named', CONNECTS, '%fd.sip.name %fd.sip.name.source %fd.sip.name.resolver %fd.sip.name.untrusted'),
  rule('Shop', `${CONNECTS} and fd.sip.name = shop.example`),
  rule('Not shop', `${CONNECTS} and not fd.sip.name in (shop.example)`),
].join('')
const UNKNOWN = ['Named: <NA> <NA> <NA> <NA>', 'Not shop: <NA>']
const named = (service: string): readonly string[] => [
  `Named: shop.example observed ${service} false`,
  'Shop: shop.example',
]
const doubtful = (service: string): readonly string[] => [
  `Named: shop.example observed ${service} true`,
  'Shop: shop.example',
  'Not shop: shop.example',
]

interface Case extends Partial<PlayOptions> {
  readonly name: string
  readonly scene: (scene: Scene) => void
  readonly want: readonly string[]
}

const ask = (scene: Scene, owner = 0): Talk => new Talk(scene.process(11), 11, RESOLVED, owner).connect()
const askNscd = (scene: Scene, owner = 0): Talk => new Talk(scene.process(11), 11, NSCD, owner).connect()

const cases: readonly Case[] = [
  {
    name: 'systemd-resolved',
    scene: s => ask(s).sends(varlinkCall('shop.example')).gets(varlinkReply('shop.example', addresses)),
    want: named('systemd-resolved'),
  },
  {
    name: 'nscd, for getaddrinfo',
    scene: s =>
      askNscd(s)
        .sends(nscdRequest(NscdType.getai, 'shop.example'))
        .gets(nscdAddresses('', addresses), undefined, 'read'),
    want: named('nscd'),
  },
  {
    name: 'nscd, for gethostbyname',
    scene: s =>
      askNscd(s)
        .sends(nscdRequest(NscdType.gethostbyname, 'shop.example'))
        .gets(nscdHost('shop.example', [], addresses)),
    want: named('nscd'),
  },
  {
    name: 'the name that an alias leads to has the address, too',
    scene: s => ask(s).sends(varlinkCall('www.example')).gets(varlinkReply('shop.example', addresses)),
    want: ['Named: www.example observed systemd-resolved false', 'Shop: shop.example'],
  },
  {
    name: 'several calls on one connection, answered in their order',
    scene: s =>
      ask(s)
        .sends(Buffer.concat([varlinkCall('other.example'), varlinkCall('note.example', { oneway: true })]))
        .sends(varlinkCall('shop.example'))
        .gets(
          Buffer.concat([varlinkReply('other.example', [v4(192, 0, 2, 2)]), varlinkReply('shop.example', addresses)]),
        ),
    want: named('systemd-resolved'),
  },
  {
    name: 'a reply of which more follow belongs to the same call',
    scene: s =>
      ask(s)
        .sends(varlinkCall('shop.example'))
        .gets(varlinkReply('shop.example', [], { continues: true }))
        .gets(varlinkReply('shop.example', addresses)),
    want: named('systemd-resolved'),
  },
  {
    name: 'no such name',
    scene: s => {
      askNscd(s).sends(nscdRequest(NscdType.getai, 'shop.example')).gets(nscdNotFound)
      ask(s).sends(varlinkCall('shop.example')).gets(Buffer.from('{"error":"io.systemd.Resolve.NoNameServers"}\0'))
    },
    want: UNKNOWN,
  },
  {
    name: 'an answer that nobody asked for',
    scene: s => {
      ask(s).gets(varlinkReply('shop.example', addresses))
      askNscd(s).gets(nscdAddresses('', addresses))
    },
    want: UNKNOWN,
  },
  {
    name: 'a service that is not root’s excuses nothing',
    scene: s => ask(s, 1000).sends(varlinkCall('shop.example')).gets(varlinkReply('shop.example', addresses)),
    want: doubtful('systemd-resolved'),
  },
  {
    name: 'a service that has closed its end is whose it was',
    scene: s =>
      askNscd(s).sends(nscdRequest(NscdType.getai, 'shop.example')).closed().gets(nscdAddresses('', addresses)),
    want: named('nscd'),
  },
  {
    name: 'one that closed its end before anybody saw whose it is excuses nothing',
    scene: s => {
      const talk = new Talk(s.process(11), 11, NSCD).closed().connect()
      talk.sends(nscdRequest(NscdType.getai, 'shop.example')).gets(nscdAddresses('', addresses))
    },
    want: doubtful('nscd'),
  },
  {
    name: 'unless something else says the same',
    scene: s => askNscd(s, 1000).sends(nscdRequest(NscdType.getai, 'shop.example')).gets(nscdAddresses('', addresses)),
    known: [{ name: 'shop.example', ip: parseIp(A)!, evidence: 'resolved' }],
    want: named('nscd'),
  },
  {
    name: 'where trusted resolvers are listed, a service that is not excuses nothing',
    scene: s => ask(s).sends(varlinkCall('shop.example')).gets(varlinkReply('shop.example', addresses)),
    settings: { trustedResolvers: ['10.0.0.2', 'nscd'] },
    want: doubtful('systemd-resolved'),
  },
  {
    name: 'and one that is listed does',
    scene: s => ask(s).sends(varlinkCall('shop.example')).gets(varlinkReply('shop.example', addresses)),
    settings: { trustedResolvers: ['10.0.0.2', 'systemd-resolved'] },
    want: named('systemd-resolved'),
  },
  {
    name: 'what the probe did not announce is not looked at: the descriptor may be anything',
    scene: s => {
      ask(s).sends(varlinkCall('shop.example'))
      s.receive(11, FD, varlinkReply('shop.example', addresses))
    },
    want: UNKNOWN,
  },
  {
    name: 'what was asked on a connection is over with it',
    scene: s => {
      ask(s).sends(varlinkCall('shop.example'))
      ask(s).gets(varlinkReply('shop.example', addresses))
    },
    want: UNKNOWN,
  },
  {
    name: 'an answer of which bytes are missing',
    scene: s => ask(s).sends(varlinkCall('shop.example')).gets(varlinkReply('shop.example', addresses), 80),
    want: UNKNOWN,
  },
  {
    name: 'a name that is an address',
    scene: s => askNscd(s).sends(nscdRequest(NscdType.getai, A)).gets(nscdAddresses('', addresses)),
    want: UNKNOWN,
  },
  {
    name: 'a connection that asks for a user',
    scene: s => askNscd(s).sends(nscdRequest(NscdType.getpwbyname, 'shop.example')).gets(nscdAddresses('', addresses)),
    want: UNKNOWN,
  },
]

function judge(scene: Scene, options: Partial<PlayOptions> = {}): readonly string[] {
  return play(scene.connect(11, A), { rules: RULES, ...options }).alerts
}

for (const { name, scene: tell, want, ...options } of cases)
  test(`services: ${name}`, () => {
    const scene = new Scene()
    tell(scene)
    assert.deepEqual(judge(scene, options), want)
  })

test('services: however messages are cut, the answer is the same', () => {
  const talks = [
    { path: RESOLVED, ask: varlinkCall('shop.example'), reply: varlinkReply('shop.example', addresses) },
    { path: NSCD, ask: nscdRequest(NscdType.getai, 'shop.example'), reply: nscdAddresses('shop.example', addresses) },
  ]
  const cuts = fc.array(fc.nat(200), { maxLength: 8 })
  fc.assert(
    fc.property(fc.constantFrom(...talks), cuts, cuts, ({ path, ask: question, reply }, first, second) => {
      const scene = new Scene()
      const talk = new Talk(scene.process(11), 11, path).connect()
      for (const piece of cut(question, first)) talk.sends(piece)
      for (const piece of cut(reply, second)) talk.gets(piece)
      assert.deepEqual(judge(scene), named(path === NSCD ? 'nscd' : 'systemd-resolved'))
    }),
    { numRuns: 100 },
  )
})

test('services: whatever a client says, nothing is believed that the service did not say', () => {
  const noise = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(varlinkCall('shop.example'), nscdNotFound))
  const steps = fc.array(fc.tuple(fc.boolean(), noise), { maxLength: 12 })
  fc.assert(
    fc.property(fc.constantFrom(RESOLVED, NSCD), steps, (path, list) => {
      const scene = new Scene()
      const talk = new Talk(scene.process(11), 11, path).connect()
      for (const [isSend, bytes] of list)
        if (bytes.length > 0) isSend ? talk.sends(Buffer.from(bytes)) : talk.gets(Buffer.from(bytes))
      assert.deepEqual(judge(scene), UNKNOWN)
    }),
    { numRuns: 200 },
  )
})

test('services: a client that never ends its question, and thousands of clients, keep little memory', () => {
  const scene = new Scene().process(11)
  const talk = new Talk(scene, 11, RESOLVED).connect()
  for (let i = 0; i < 10; i++) talk.sends(Buffer.alloc(4000, 0x20))
  for (let pid = 100; pid < 1300; pid++)
    new Talk(scene.process(pid), pid, NSCD).connect().sends(nscdRequest(NscdType.getai, 'a.example').subarray(0, 14))
  const { counters } = play(scene, { rules: RULES })
  assert.ok(counters.services.cut >= 1)
  assert.ok(counters.services.evicted >= 100)
})

/** Pieces of the bytes, none empty. */
function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...new Set([...places.map(place => 1 + (place % bytes.length)), bytes.length])].sort((x, y) => x - y)
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1]!, end))
}
