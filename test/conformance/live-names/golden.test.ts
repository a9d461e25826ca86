// What is hard about names, with a real kernel and real messages: each case is a zone, clients, and what the rules must say of them.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { NXDOMAIN, type Reply, records, SERVFAIL } from '../../../src/domains/testdata/scripted-dns-server.ts'
import { liveSkipReason } from '../../../src/events/live/testing.ts'
import { alertsIn, says, tiercel } from '../observed-names/programs.ts'
import { CONNECTS, rule } from '../observed-names/scene.ts'
import { findTool } from './tools.ts'
import { WatchingAgent } from './watching-agent.ts'
import { a, Container, cname, fixed, type Ran, type RunOptions, World, worldSkipReason } from './world.ts'
import type { Entry } from './world-messages.ts'

const HTTP = `${CONNECTS} and fd.sport = 80`
const testdata: string = fileURLToPath(new URL('../../../src/events/live/testdata', import.meta.url))
const PRELUDE = `
import ctypes, os, socket, sys, time
def look(name, family=0, flags=0):
    return [each[4][0] for each in socket.getaddrinfo(name, 80, family, socket.SOCK_STREAM, 0, flags)]
def go(ip, port=80):
    socket.create_connection((ip, port)).close()
def query(number, name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return number.to_bytes(2, "big") + b"\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + labels + b"\\0\\0\\1\\0\\1"
def answer(query, ip):
    return query[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + query[12:] + b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4" + socket.inet_aton(ip)
`

/** Every connection to a web server is told, so that a case also sees what must not be. */
const RULES = [
  rule('Named', HTTP, '%fd.sip %fd.sip.name %fd.sip.name.source'),
  rule('Shop', `${HTTP} and fd.sip.name = shop.example`),
  rule('Pool', `${HTTP} and fd.sip.name = pool.example`),
  rule('Alias', `${HTTP} and fd.sip.name = www.alias.example`),
  rule('Middle', `${HTTP} and fd.sip.name = alias.cdn.example`),
  rule('Edge', `${HTTP} and fd.sip.name = edge7.cdn.example`, '%fd.sip.names'),
  rule('Below', `${HTTP} and fd.sip.name = "*.wild.example"`),
  rule('Unknown', `${HTTP} and fd.sip.name.unknown = true`, '%fd.sip'),
  rule('Active', `${HTTP} and fd.sip.name = active.example`, '%fd.sip.name.source'),
  rule(
    'Sorted',
    'evt.type = connect and fd.l4proto = udp and fd.sport = 80 and fd.sip.name = two.example',
    '%fd.sip.name %evt.rawres',
  ),
  rule('Accused', `${HTTP} and fd.sip.name = poison.example`),
  rule(
    'Not excused',
    `${HTTP} and fd.sip in (203.0.113.18, 203.0.113.19) and not fd.sip.name in (poison.example, safe.example)`,
  ),
  rule('Ring', 'evt.type = connect and fd.sport = 80 and fd.sip.name = ring.example', '%fd.sip'),
  rule('Nothing', 'evt.type in (recvfrom, recvmsg, recvmmsg) and dns.rcode = NXDOMAIN', '%dns.qname'),
].join('')

interface Case {
  readonly name: string
  readonly zone?: Record<string, Entry>
  /** Python's lines, after the prelude; or another client. */
  readonly python?: string
  readonly command?: readonly string[]
  readonly options?: RunOptions
  /** The alerts of the client, in order. */
  readonly want: readonly string[]
  /** The tool that it needs. */
  readonly needs?: string
}

/** More than a datagram holds, with and without EDNS, and less than the 4 KiB that the agent reads of one answer. */
const big = (name: string, net: string): Entry => ({
  turns: [Array.from({ length: 120 }, (_, i) => a(name, `${net}.${i + 1}`))],
})

const cases: readonly Case[] = [
  {
    name: 'an address of which nothing is known',
    python: 'go("203.0.113.1")',
    want: ['Named 203.0.113.1 <NA> <NA>', 'Unknown 203.0.113.1'],
  },
  {
    name: 'an address that only the agent itself knows',
    python: 'go("203.0.113.2")',
    want: ['Named 203.0.113.2 active.example resolved', 'Active resolved'],
  },
  {
    name: 'of two names at one address, both that the process looked up',
    zone: { 'shop.example': fixed('shop.example', '192.0.2.1'), 'pool.example': fixed('pool.example', '192.0.2.1') },
    python: 'look("pool.example"); look("shop.example"); go("192.0.2.1")',
    want: ['Named 192.0.2.1 shop.example observed', 'Shop shop.example', 'Pool pool.example'],
  },
  {
    name: 'of two names at one address, the one that the process looked up, whatever others did and the agent found',
    python: 'look("pool.example"); go("192.0.2.1")',
    want: ['Named 192.0.2.1 pool.example observed', 'Pool pool.example'],
  },
  {
    name: 'a rule at each name of an alias chain',
    zone: {
      'www.alias.example': {
        turns: [
          [
            cname('www.alias.example', 'alias.cdn.example'),
            cname('alias.cdn.example', 'edge7.cdn.example'),
            a('edge7.cdn.example', '192.0.2.3'),
          ],
        ],
      },
    },
    python: 'go(look("www.alias.example")[0])',
    want: [
      'Named 192.0.2.3 www.alias.example observed',
      'Alias www.alias.example',
      'Middle alias.cdn.example',
      'Edge (www.alias.example,alias.cdn.example,edge7.cdn.example)',
    ],
  },
  {
    name: 'mixed case and a final dot',
    zone: { 'shop.example': fixed('shop.example', '192.0.2.4') },
    python: 'go(look("ShOp.eXaMpLe.")[0])',
    want: ['Named 192.0.2.4 shop.example observed', 'Shop shop.example'],
  },
  {
    name: 'an IPv4 address over an IPv6 socket',
    zone: { 'shop.example': fixed('shop.example', '192.0.2.5') },
    python: 'go(look("shop.example", socket.AF_INET6, socket.AI_V4MAPPED)[0])',
    want: ['Named 192.0.2.5 shop.example observed', 'Shop shop.example'],
  },
  {
    name: 'IPv6',
    zone: { 'shop.example': fixed('shop.example', '2001:db8::6') },
    python: 'go(look("shop.example", socket.AF_INET6)[0])',
    want: ['Named 2001:db8::6 shop.example observed', 'Shop shop.example'],
  },
  {
    name: 'a star matches what was looked up below it',
    zone: { 'a.b.wild.example': fixed('a.b.wild.example', '192.0.2.7') },
    python: 'go(look("a.b.wild.example")[0])',
    want: ['Named 192.0.2.7 a.b.wild.example observed', 'Below a.b.wild.example'],
  },
  {
    name: 'an answer that comes after the connection counts from then on',
    python: `
serves = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); serves.bind(("10.53.0.54", 53))
asks = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); asks.connect(("10.53.0.54", 53))
asks.send(query(8, "late.shop.example")); message, client = serves.recvfrom(512)
go("192.0.2.8")
serves.sendto(answer(message, "192.0.2.8"), client); asks.recv(512)
go("192.0.2.8")`,
    want: ['Named 192.0.2.8 <NA> <NA>', 'Unknown 192.0.2.8', 'Named 192.0.2.8 late.shop.example observed'],
  },
  {
    name: 'sockets that getaddrinfo connects only to sort its answers have the name, and nothing is sent',
    zone: { 'two.example': fixed('two.example', '192.0.2.9', '198.51.100.9') },
    python: 'look("two.example")',
    want: ['Sorted two.example 0', 'Sorted two.example 0'],
  },
  ...(['192.0.2', '198.51.100'] as const).map(
    (net, i): Case => ({
      name: `a truncated answer, and the whole one over TCP: ${['glibc', 'Go'][i]}`,
      zone: { [`big${i}.example`]: big(`big${i}.example`, net) },
      ...(i === 0
        ? { python: 'go(sorted(look("big0.example"), key=lambda ip: int(ip.split(".")[3]))[119])' }
        : { command: ['gron', 'http://big1.example/'], needs: 'gron' }),
      options: { env: { GODEBUG: 'netdns=go' } },
      want: [`Named ${net}.${i === 0 ? 120 : 1} big${i}.example observed`],
    }),
  ),
  {
    name: 'with EDNS in one datagram',
    zone: {
      'edns.example': { turns: [Array.from({ length: 60 }, (_, i) => a('edns.example', `203.0.113.${i + 100}`))] },
    },
    python: 'go(sorted(look("edns.example"))[59])',
    options: { resolv: ['options edns0'] },
    want: ['Named 203.0.113.159 edns.example observed'],
  },
  ...[
    ['sendto', 's.sendto(b, 0x20000000, (ip, 80))'],
    ['sendto that does not wait', 's.setblocking(False); s.sendto(b, 0x20000000, (ip, 80)); s.setblocking(True)'],
    ['sendmsg', 's.sendmsg([b[:9], b[9:]], [], 0x20000000, (ip, 80))'],
    ['a connect that leaves it to the first send', 's.setsockopt(6, 30, 1); s.connect((ip, 80)); s.send(b)'],
  ].map(
    ([how, code], i): Case => ({
      name: `TCP Fast Open is a connection, and its first bytes name it: ${how}`,
      zone: { 'fast.example': fixed('fast.example', `198.51.100.20${i}`) },
      python: `
ip = look("fast.example")[0]
b = b"GET / HTTP/1.1\\r\\nHost: fast.example\\r\\n\\r\\n"
s = socket.socket(); ${code}; s.recv(99)
go(ip)`,
      want: [`Named 198.51.100.20${i} fast.example observed`, `Named 198.51.100.20${i} fast.example host`],
    }),
  ),
  {
    name: 'over TCP from the beginning',
    zone: { 'shop.example': fixed('shop.example', '192.0.2.12') },
    python: 'go(look("shop.example")[0])',
    options: { resolv: ['options use-vc'] },
    want: ['Named 192.0.2.12 shop.example observed', 'Shop shop.example'],
  },
  {
    name: 'over TCP, the answer in pieces that cut its length',
    python: `
serves = socket.create_server(("10.53.0.54", 53))
asks = socket.create_connection(("10.53.0.54", 53)); peer = serves.accept()[0]
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
message = query(9, "shop.example")
asks.send(len(message).to_bytes(2, "big")[:1]); asks.send(len(message).to_bytes(2, "big")[1:] + message)
peer.recv(512)
reply = answer(message, "192.0.2.22"); reply = len(reply).to_bytes(2, "big") + reply
for at, end in ((0, 1), (1, 2), (2, 5), (5, 6), (6, len(reply) - 1), (len(reply) - 1, len(reply))):
    peer.send(reply[at:end]); assert asks.recv(512) == reply[at:end]
go("192.0.2.22")`,
    want: ['Named 192.0.2.22 shop.example observed', 'Shop shop.example'],
  },
  {
    name: 'a server over IPv6',
    zone: { 'shop.example': fixed('shop.example', '192.0.2.13') },
    python: 'go(look("shop.example")[0])',
    options: { server: 'v6' },
    want: ['Named 192.0.2.13 shop.example observed', 'Shop shop.example'],
  },
  {
    name: 'search domains: the name that had an answer counts',
    zone: { 'shop.example': fixed('shop.example', '192.0.2.14') },
    python: 'go(look("shop.example")[0])',
    options: { resolv: ['search ns.cluster.example cluster.example', 'options ndots:5'] },
    want: [
      ...['ns.cluster.example', 'cluster.example'].flatMap(domain => [
        `Nothing shop.example.${domain}`,
        `Nothing shop.example.${domain}`,
      ]),
      'Named 192.0.2.14 shop.example observed',
      'Shop shop.example',
    ],
  },
  {
    name: 'rotation: an address that left the answer is known while the grace lasts',
    zone: { 'turn.example': { turns: [[a('turn.example', '192.0.2.15', 1)], [a('turn.example', '192.0.2.16', 1)]] } },
    python: `
first = look("turn.example", socket.AF_INET)[0]
time.sleep(1.1)
second = look("turn.example", socket.AF_INET)[0]
assert first != second
go(first); go(second)`,
    want: ['Named 192.0.2.15 turn.example observed', 'Named 192.0.2.16 turn.example observed'],
  },
  {
    name: 'an answer with a forged sender is not believed, though the socket receives it',
    zone: { 'shop.example': fixed('shop.example', '192.0.2.17') },
    python: `
asks = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); asks.bind(("10.53.0.1", 0))
forges = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); forges.bind(("10.53.0.55", 53))
message = query(7, "shop.example")
asks.sendto(message, ("10.53.0.54", 53))
forges.sendto(answer(message, "203.0.113.17"), asks.getsockname())
asks.recvfrom(512); go("203.0.113.17")`,
    want: ['Named 203.0.113.17 <NA> <NA>', 'Unknown 203.0.113.17'],
  },
  {
    name: 'what a server says that is not trusted accuses, and excuses nothing',
    python: 'go(look("poison.example")[0])',
    options: { server: 'other' },
    want: ['Named 203.0.113.18 poison.example observed', 'Accused poison.example', 'Not excused poison.example'],
  },
  {
    name: 'what a server says that is trusted excuses',
    zone: { 'safe.example': fixed('safe.example', '203.0.113.19') },
    python: 'go(look("safe.example")[0])',
    want: ['Named 203.0.113.19 safe.example observed'],
  },
]

const lookUps = (name: string): Reply => {
  if (name === 'active.example') return records(name, 60, '203.0.113.2')
  return name === 'shop.example' ? records(name, 60, '192.0.2.1') : NXDOMAIN
}

const skip: string | false = liveSkipReason() || worldSkipReason()
let world: World
let agent: WatchingAgent
/** Has looked a name up before the agent began to watch; connects when it is told to. */
let early: ReturnType<World['start']>

before(async () => {
  if (skip !== false) return
  world = await World.start()
  await world.set({ 'early.example': fixed('early.example', '203.0.113.3') })
  await world.set({ 'poison.example': fixed('poison.example', '203.0.113.18') }, '10.53.0.66')
  early = world.start([
    '/usr/bin/python3',
    '-S',
    '-c',
    `${PRELUDE}\nip = look("early.example")[0]; print(); sys.stdout.flush(); sys.stdin.readline(); go(ip)`,
  ])
  await once(early.stdout, 'data')
  agent = await WatchingAgent.start({
    rules: RULES,
    lookUps,
    domains: ['trusted_resolvers: [10.53.0.53, 10.53.0.54, "2001:db8::53"]'],
  })
})

after(async () => {
  if (skip !== false) return
  early?.kill('SIGKILL')
  await world?.stop()
  await agent?.stop()
})

/** `rule text` of the alerts of these processes, in order. */
async function alertsOf(...pids: readonly number[]): Promise<readonly string[]> {
  const alerts = await agent.alerts()
  return alerts.filter(({ pid }) => pids.includes(pid)).map(({ rule: name, text }) => `${name} ${text}`)
}

for (const { name, zone, python, command, options, want, needs } of cases) {
  test(`live names: ${name}`, { skip, timeout: 60_000 }, async t => {
    const tool = needs === undefined ? '' : findTool(needs)
    if (tool === undefined) return t.skip(`${needs} is not there (sh scripts/setup-clients.sh)`)
    if (zone !== undefined) await world.set(zone)
    const run: readonly string[] =
      python === undefined ? [tool, ...command!.slice(1)] : ['/usr/bin/python3', '-S', '-c', `${PRELUDE}\n${python}`]
    const ran = await world.run(run, options)
    assert.equal(ran.status, 0, ran.out)
    assert.deepEqual(await alertsOf(ran.pid), want)
  })
}

test('live names: a worker knows what the process knew that it was forked from, and not what others ask for', {
  skip,
  timeout: 60_000,
}, async () => {
  await world.set({
    'shop.example': fixed('shop.example', '192.0.2.23'),
    'pool.example': fixed('pool.example', '192.0.2.23'),
  })
  const script = `
look("shop.example")
is_done, done = os.pipe()
other = os.fork()
if other == 0:
    look("pool.example"); os.write(done, b"x"); time.sleep(600)
os.read(is_done, 1)
worker = os.fork()
if worker == 0:
    go("192.0.2.23"); os._exit(0)
os.waitpid(worker, 0); os.kill(other, 9); print(worker)`
  const ran = await world.run(['/usr/bin/python3', '-S', '-c', PRELUDE + script])
  assert.equal(ran.status, 0, ran.out)
  assert.deepEqual(await alertsOf(Number(ran.out)), ['Named 192.0.2.23 shop.example observed', 'Shop shop.example'])
})

test('live names: of ten thousand names in a rule, too many to look up, the last is known when a program asks for it', {
  skip,
  timeout: 90_000,
}, async t => {
  const names = Array.from({ length: 10_000 }, (_, i) => `name${i}.list.example`)
  const own = await WatchingAgent.start({
    domains: ['list_limit: 1000'],
    rules:
      `- list: many\n  items: [${names.join(', ')}]\n` +
      rule('Listed', `${HTTP} and fd.sip.name in (many)`) +
      rule('Not listed', `${HTTP} and not fd.sip.name in (many)`),
  })
  t.after(() => own.stop())
  const last = names.at(-1)!
  await world.set({ [last]: fixed(last, '203.0.113.61'), 'no.example': fixed('no.example', '203.0.113.62') })
  const script = `go(look("${last}")[0]); go(look("no.example")[0]); go("203.0.113.63")`
  const ran = await world.run(['/usr/bin/python3', '-S', '-c', `${PRELUDE}\n${script}`])
  assert.equal(ran.status, 0, ran.out)
  assert.deepEqual(
    (await own.alerts()).filter(({ pid }) => pid === ran.pid).map(({ rule: name, text }) => `${name} ${text}`),
    [`Listed ${last}`, 'Not listed no.example', 'Not listed <NA>'],
  )
  assert.deepEqual(own.lookedUp, [])
})

test('live names: an answer counts for a minute and the grace of 15 more: what was recorded, with its last connection later', {
  skip,
  timeout: 150_000,
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-grace-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [capture, events, rules] = ['grace.scap', 'grace.ndjson', 'rules.yaml'].map(name => join(folder, name))
  const connects = 'evt.type = connect and fd.sip = 203.0.113.71'
  writeFileSync(
    rules!,
    rule('Named', `${connects} and fd.sport = 80`, '%fd.sip.name') +
      rule('Last', `${connects} and fd.sport = 443`, '%fd.sip.name'),
  )
  await world.set({ 'grace.example': fixed('grace.example', '203.0.113.71') })
  // Over UDP, for nobody is at the other end who would keep the connection.
  const script = `
print(); sys.stdout.flush(); sys.stdin.readline()
ip = look("grace.example")[0]; s = socket.socket(type=socket.SOCK_DGRAM); s.connect((ip, 80)); s.close(); go(ip, 443)`
  const client = world.start(['/usr/bin/python3', '-S', '-c', PRELUDE + script])
  const clientEnds = once(client, 'close')
  t.after(() => client.kill('SIGKILL'))
  await once(client.stdout, 'data')
  const recorder = tiercel([
    'record',
    capture!,
    `proc.pid = ${client.pid}`,
    '-o',
    'engine.modern_ebpf.buf_size_preset=7',
  ])
  const recorderEnds = once(recorder, 'close')
  try {
    await says(recorder, 'recording into')
    client.stdin.end('\n')
    assert.deepEqual(await clientEnds, [0, null])
  } finally {
    recorder.kill('SIGINT')
    await recorderEnds
  }
  const converter = tiercel(['convert', capture!, events!, '-q'])
  await once(converter, 'close')
  const lines = readFileSync(events!, 'utf8').split('\n')
  const isAnswer = (line: string): boolean => line.includes('"type":"recv') && line.includes('"tuple":"10.53.0.53:53->')
  const answerNs = BigInt(/"ts":"(\d+)"/.exec(lines.findLast(isAnswer) ?? '')?.[1] ?? 0)
  assert.notEqual(answerNs, 0n)
  const lastAt = lines.findLastIndex(line => line.includes('"connect"') && line.includes('203.0.113.71:443'))
  const alertsAfter = async (seconds: number): Promise<readonly string[]> => {
    const later = (line: string, i: number): string =>
      i < lastAt
        ? line
        : line.replace(/"ts":"\d+"/, `"ts":"${answerNs + BigInt(seconds) * 1_000_000_000n + BigInt(i)}"`)
    writeFileSync(events!, lines.map(later).join('\n'))
    const replay = tiercel(['replay', events!, '-r', rules!, '--observe', '-o', 'json_output=true'])
    await once(replay, 'close')
    return alertsIn(replay.text.out)
  }
  assert.deepEqual(await alertsAfter(60 + 900 - 1), ['Named: grace.example', 'Last: grace.example'])
  assert.deepEqual(await alertsAfter(60 + 900 + 1), ['Named: grace.example', 'Last: <NA>'])
})

test('live names: what the agent looked up stays when the next look-up fails, and for the grace when it finds another', {
  skip,
  timeout: 90_000,
}, async t => {
  const first = (name: string, i: number): Reply => records(name, 1, `203.0.113.${40 + i}`)
  const later: Readonly<Record<string, Reply>> = {
    'fails.example': SERVFAIL,
    'gone.example': NXDOMAIN,
    'moves.example': records('moves.example', 1, '203.0.113.49'),
  }
  const all = Object.keys(later)
  let isLater = false
  let gones = 0
  // The TTL brings the next look-up soon.
  const lookUps = (name: string): Reply => {
    if (!isLater) return first(name, all.indexOf(name))
    if (name === 'gone.example') gones++
    return later[name]!
  }
  const condition = `${HTTP} and fd.sip.name in (${all.join(', ')})`
  const watching = await WatchingAgent.start({
    rules: rule('Last', condition, '%fd.sip %fd.sip.name %fd.sip.name.source %fd.sip.name.stale'),
    lookUps,
  })
  t.after(() => watching.stop())
  const goes = `${PRELUDE}\nfor i in (40, 41, 42, 49): go("203.0.113.%d" % i)`
  const judge = async (): Promise<readonly string[]> => {
    const { pid, status, out } = await world.run(['/usr/bin/python3', '-S', '-c', goes])
    assert.equal(status, 0, out)
    return (await watching.alerts()).filter(alert => alert.pid === pid).map(alert => alert.text)
  }
  const [fails, gone, moves] = all.map((name, i) => `203.0.113.${40 + i} ${name} resolved`)
  assert.deepEqual(await judge(), [`${fails} false`, `${gone} false`, `${moves} false`])
  isLater = true
  const want = [`${fails} true`, `${gone} false`, `${moves} false`, '203.0.113.49 moves.example resolved false']
  const endMs = Date.now() + 60_000
  let got: readonly string[] = []
  while (Date.now() < endMs && (got.length < want.length || got[0] !== want[0] || gones < 2)) {
    await sleep(200)
    got = await judge()
  }
  assert.deepEqual(got, want)
})

test('live names: what io_uring connects, also a socket that it made, and one without a descriptor', {
  skip,
  timeout: 60_000,
}, async t => {
  await world.set({ 'ring.example': fixed('ring.example', '198.51.100.210') })
  const code = `
sys.path.insert(0, ${JSON.stringify(testdata)}); sys.dont_write_bytecode = True
from uring import *
ring = Ring()
if ring.fd < 0: sys.exit(77)
address = target(look("ring.example")[0], 80); at = ctypes.addressof(address)
s = socket.socket(); assert ring.do(CONNECT, s.fileno(), at, 16) == 0
made = ring.do(SOCKET, socket.AF_INET, 0, socket.SOCK_STREAM)
if made < 0: made = socket.socket().detach()
assert ring.do(CONNECT, made, at, 16) == 0
held = socket.socket(); table = ctypes.create_string_buffer(held.fileno().to_bytes(4, sys.byteorder), 4)
assert libc.syscall(REGISTER, ring.fd, 2, table, 1) == 0
assert ring.do(CONNECT, 0, at, 16, 0, FIXED_FILE) == 0`
  const { pid, status, out } = await world.run(['/usr/bin/python3', '-S', '-c', `${PRELUDE}\n${code}`])
  if (status === 77) return t.skip('io_uring is switched off on this machine')
  assert.equal(status, 0, out)
  const all = await alertsOf(pid)
  assert.equal(all[0], 'Named 198.51.100.210 ring.example observed')
  // That the one it made is TCP is known if /proc was asked late enough.
  assert.deepEqual(
    all.filter(text => !text.startsWith('Named ')),
    ['Ring 198.51.100.210', 'Ring 198.51.100.210', 'Ring 198.51.100.210'],
  )
})

test('live names: datagrams of a socket that is not connected, each by the name of where it goes', {
  skip,
  timeout: 60_000,
}, async t => {
  const sends = 'evt.type in (sendto, sendmsg, sendmmsg) and fd.l4proto = udp and fd.sport = 9999'
  const watching = await WatchingAgent.start({
    rules:
      rule('Sent', sends, '%fd.sip %fd.sip.name %fd.sip.name.source') +
      rule('Unexpected', `${sends} and not fd.sip.name in (one.example)`, '%fd.sip.name'),
    domains: ['trusted_resolvers: [10.53.0.53]'],
  })
  t.after(() => watching.stop())
  await world.set({
    'one.example': fixed('one.example', '198.51.100.31'),
    'two.example': fixed('two.example', '198.51.100.32'),
  })
  const code = `
one, two = look("one.example")[0], look("two.example")[0]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"a", (one, 9999)); s.sendto(b"b", (two, 9999)); s.sendmsg([b"c", b"d"], [], 0, (one, 9999))
sys.path.insert(0, ${JSON.stringify(testdata)}); sys.dont_write_bytecode = True
from uring import target
import struct
text = ctypes.create_string_buffer(b"ef", 2); at = [target(ip, 9999) for ip in (two, one)]
iov = ctypes.create_string_buffer(b"".join(struct.pack("QQ", ctypes.addressof(text) + i, 1) for i in range(2)))
messages = ctypes.create_string_buffer(b"".join(struct.pack("QIIQQQQIIII", ctypes.addressof(at[i]), 16, 0, ctypes.addressof(iov) + 16 * i, 1, 0, 0, 0, 0, 0, 0) for i in range(2)))
assert ctypes.CDLL(None).sendmmsg(s.fileno(), messages, 2, 0) == 2
s.sendto(b"g", ("198.51.100.33", 9999))`
  const { pid, status, out } = await world.run(['/usr/bin/python3', '-S', '-c', `${PRELUDE}\n${code}`])
  assert.equal(status, 0, out)
  const [one, two] = ['Sent 198.51.100.31 one.example observed', 'Sent 198.51.100.32 two.example observed']
  const own = (await watching.alerts()).filter(alert => alert.pid === pid)
  assert.deepEqual(
    own.map(({ rule: name, text }) => `${name} ${text}`),
    [
      one,
      two,
      'Unexpected two.example',
      one,
      two,
      'Unexpected two.example',
      one,
      'Sent 198.51.100.33 <NA> <NA>',
      'Unexpected <NA>',
    ],
  )
})

test('live names: a process that looked its name up before the agent began is known to be unknown', {
  skip,
}, async () => {
  early.stdin.end('\n')
  await once(early, 'close')
  assert.deepEqual(await alertsOf(early.pid!), ['Named 203.0.113.3 <NA> <NA>', 'Unknown 203.0.113.3'])
})

test('live names: what one network namespace is told does not count in another, without containers either', {
  skip,
  timeout: 60_000,
}, async () => {
  const elsewhere = await World.start()
  try {
    await elsewhere.set({ 'shop.example': fixed('shop.example', '203.0.113.21') })
    const go = (where: World, code: string): Promise<Ran> =>
      where.run(['/usr/bin/python3', '-S', '-c', `${PRELUDE}\n${code}`])
    const ran = [
      await go(elsewhere, 'go(look("shop.example")[0])'),
      await go(elsewhere, 'go("203.0.113.21")'),
      await go(world, 'go("203.0.113.21")'),
    ]
    const alerts = await agent.alerts()
    const told = ran.map(({ pid }) =>
      alerts.filter(alert => alert.pid === pid).map(alert => `${alert.rule} ${alert.text}`),
    )
    const known = ['Named 203.0.113.21 shop.example observed', 'Shop shop.example']
    assert.deepEqual(told, [known, known, ['Named 203.0.113.21 <NA> <NA>', 'Unknown 203.0.113.21']])
  } finally {
    await elsewhere.stop()
  }
})

test('live names: what one container is told does not count in another, nor on the host', {
  skip,
  timeout: 60_000,
}, async t => {
  const [one, two] = [Container.make(), Container.make()]
  if (one === undefined || two === undefined) return t.skip('cgroups cannot be made here')
  const python = (code: string, options?: RunOptions): Promise<Ran> =>
    world.run(['/usr/bin/python3', '-S', '-c', `${PRELUDE}\n${code}`], options)
  try {
    await world.set({ 'shop.example': fixed('shop.example', '203.0.113.20') })
    const poisoned = await python('go(look("shop.example")[0])', { container: one })
    const same = await python('go("203.0.113.20")', { container: one })
    const other = await python('go("203.0.113.20")', { container: two })
    const host = await python('go("203.0.113.20")')
    const alerts = await agent.alerts()
    const told = [poisoned, same, other, host].map(({ pid }) =>
      alerts.filter(alert => alert.pid === pid).map(alert => `${alert.rule} ${alert.text}`),
    )
    const known = ['Named 203.0.113.20 shop.example observed', 'Shop shop.example']
    const unknown = ['Named 203.0.113.20 <NA> <NA>', 'Unknown 203.0.113.20']
    assert.deepEqual(told, [known, known, unknown, unknown])
  } finally {
    one.remove()
    two.remove()
  }
})
