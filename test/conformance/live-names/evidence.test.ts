// Names that no packet tells, and servers that a workload should not ask: with a real kernel, C library and files.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { records, startScriptedDnsServer } from '../../../src/domains/testdata/scripted-dns-server.ts'
import { liveSkipReason } from '../../../src/events/live/testing.ts'
import { rule } from '../observed-names/scene.ts'
import { WatchingAgent } from './watching-agent.ts'

const TIMEOUT_MS = 120_000
/** Nobody listens there: what is refused was a connection, when nobody waits for it. */
const PORT = 9
const CONNECTS = `evt.type = connect and fd.l4proto = tcp and fd.sport = ${PORT}`

const canUnshare: boolean = spawnSync('unshare', ['-m', 'true']).status === 0
const skip: string | false = liveSkipReason() || (!canUnshare && 'mount namespaces cannot be made here')

interface Ran {
  readonly pid: number
  readonly output: string
}

async function run(file: string, args: readonly string[]): Promise<Ran> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', data => (output += String(data)))
  await once(child, 'close')
  return { pid: child.pid!, output }
}

/** Runs a client until an alert of its process is as wanted: what files say is known some moments after a workload begins. */
async function runUntil(
  agent: WatchingAgent,
  client: () => Promise<Ran>,
  isWanted: (text: string) => boolean,
): Promise<string> {
  const endMs = Date.now() + TIMEOUT_MS / 2
  for (;;) {
    const { pid } = await client()
    const own = (await agent.alerts()).filter(alert => alert.pid === pid)
    const found = own.find(alert => isWanted(alert.text))
    if (found !== undefined) return found.text
    assert.ok(Date.now() < endMs, JSON.stringify(own))
  }
}

async function startAgent(t: TestContext, rules: string, domains: readonly string[] = []): Promise<WatchingAgent> {
  const agent = await WatchingAgent.start({ rules, domains })
  t.after(() => agent.stop())
  return agent
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-evidence-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test('live: what getaddrinfo says without a packet names the connection, and excuses it once the hosts file is known', {
  skip,
  timeout: TIMEOUT_MS,
}, async t => {
  const folder = scratch(t)
  writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n127.66.0.1 cached.test\n')
  writeFileSync(join(folder, 'nsswitch.conf'), 'hosts: files\n')
  const rules =
    rule('Connect', `${CONNECTS} and fd.sip = 127.66.0.1`, '%fd.sip.name %fd.sip.name.source %fd.sip.name.resolver') +
    rule('Not allowed', `${CONNECTS} and fd.sip = 127.66.0.1 and not fd.sip.name in (cached.test)`, 'not allowed')
  const agent = await startAgent(t, rules, ['getaddrinfo: true'])
  const script = `
mount --bind ${folder}/hosts /etc/hosts; mount --bind ${folder}/nsswitch.conf /etc/nsswitch.conf
exec python3 -c '
import socket, time
address = socket.getaddrinfo("cached.test", ${PORT}, type=socket.SOCK_STREAM)[0][4]
for _ in range(20):
  s = socket.socket()
  s.setblocking(False)
  s.connect_ex(address)
  time.sleep(.1)
'`
  const client = (): Promise<Ran> => run('unshare', ['-m', 'sh', '-c', script])
  assert.equal(await runUntil(agent, client, text => text.endsWith('getaddrinfo')), 'cached.test observed getaddrinfo')
  const { pid } = await client()
  const own = (await agent.alerts()).filter(alert => alert.pid === pid)
  assert.equal(own.at(-1)?.rule, 'Connect')
})

test('live: a hosts file names addresses for its own mount namespace, and follows its changes', {
  skip,
  timeout: TIMEOUT_MS,
}, async t => {
  const folder = scratch(t)
  const hosts = join(folder, 'hosts')
  writeFileSync(hosts, '127.66.0.2 own.test\n')
  const rules = rule('Connect', `${CONNECTS} and fd.sip = 127.66.0.2`, '%fd.sip.name %fd.sip.name.source')
  const agent = await startAgent(t, rules)
  const connect = `python3 -c 'import socket; s = socket.socket(); s.setblocking(False); s.connect_ex(("127.66.0.2", ${PORT}))'`
  const inside = spawn('unshare', ['-m', 'sh', '-c', `mount --bind ${hosts} /etc/hosts; echo ready; exec sleep 600`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => inside.kill())
  await once(inside.stdout, 'data')
  const enter = (): Promise<Ran> =>
    run('nsenter', ['-m', '-t', String(inside.pid), '--', 'sh', '-c', `exec ${connect}`])
  assert.equal(await runUntil(agent, enter, text => text.includes('hosts')), 'own.test hosts')
  const { pid } = await run('sh', ['-c', `exec ${connect}`])
  const outside = (await agent.alerts()).filter(alert => alert.pid === pid)
  assert.deepEqual(
    outside.map(alert => alert.text),
    ['<NA> <NA>'],
  )
  writeFileSync(hosts, '127.66.0.2 other.test\n')
  assert.equal(await runUntil(agent, enter, text => text.startsWith('other')), 'other.test hosts')
})

test('live: an answer of a server that the resolv.conf does not name excuses nothing', {
  skip,
  timeout: TIMEOUT_MS,
}, async t => {
  // By server: what it says of whom.
  const servers = [
    { host: '127.0.0.78', name: 'named.test', ip: '127.66.0.3' },
    { host: '127.0.0.79', name: 'shop.test', ip: '127.66.0.4' },
  ]
  try {
    for (const { host, ip } of servers) {
      const dns = await startScriptedDnsServer(({ name }) => records(name, 5, ip), { host, port: 53 })
      t.after(() => dns.close())
    }
  } catch {
    return t.skip('port 53 of 127.0.0.78 cannot be had')
  }
  const folder = scratch(t)
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.78\n')
  const connects = `${CONNECTS} and fd.sip in (127.66.0.3, 127.66.0.4)`
  const rules =
    rule('Connect', connects, '%fd.sip.name %fd.sip.name.untrusted') +
    rule('Not allowed', `${connects} and not fd.sip.name in (named.test, shop.test)`, '%fd.sip.name not allowed')
  const agent = await startAgent(t, rules, ['getaddrinfo: false'])
  const script = `
mount --bind ${folder}/resolv.conf /etc/resolv.conf
exec ${process.execPath} --input-type=module -e '
import { Resolver } from "node:dns/promises"
import { connect } from "node:net"
const hosts = []
for (const { host, name } of ${JSON.stringify(servers)}) {
  const resolver = new Resolver()
  resolver.setServers([host])
  hosts.push(...await resolver.resolve4(name))
}
for (let i = 0; i < 10; i++) {
  for (const host of hosts)
    await new Promise(done => connect({ host, port: ${PORT} }).on("error", () => {}).on("close", done))
  await new Promise(done => setTimeout(done, 100))
}'`
  const client = (): Promise<Ran> => run('unshare', ['-m', 'sh', '-c', script])
  // Until the resolv.conf of its mount namespace is read, a workload has no server that is believed.
  let own: readonly string[] = []
  const endMs = Date.now() + TIMEOUT_MS / 2
  do {
    assert.ok(Date.now() < endMs, JSON.stringify(own))
    const { pid } = await client()
    own = (await agent.alerts()).filter(alert => alert.pid === pid).map(alert => alert.text)
  } while (!own.includes('named.test false'))
  const since = own.slice(own.indexOf('named.test false'))
  assert.ok(!since.includes('named.test not allowed'), JSON.stringify(own))
  assert.deepEqual(
    own.filter(text => text.startsWith('shop.test')),
    Array(10).fill(['shop.test true', 'shop.test not allowed']).flat(),
  )
})

const calls = ['recv', 'recvfrom', 'recvmsg', 'recvmmsg', 'read', 'readv'] as const

test(`live: answers that are received by any call: ${calls.join(', ')}, and over TCP`, {
  skip: liveSkipReason(),
  timeout: TIMEOUT_MS,
}, async t => {
  const server = '127.0.0.80'
  try {
    const answer = ({ name }: { name: string }) => records(name, 5, `127.66.1.${name.length}`)
    const dns = await startScriptedDnsServer(answer, { host: server, port: 53 })
    t.after(() => dns.close())
  } catch {
    return t.skip(`port 53 of ${server} cannot be had`)
  }
  const rules = rule('Connect', `${CONNECTS} and fd.snet in (127.66.1.0/24)`, '%fd.sip.name %fd.sip.name.source')
  const script = `
import ctypes, os, socket, struct
libc = ctypes.CDLL(None)
def recvmmsg(s):
  class Part(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]
  class Head(ctypes.Structure): _fields_ = [('name', ctypes.c_void_p), ('name_size', ctypes.c_uint), ('parts', ctypes.POINTER(Part)),
    ('count', ctypes.c_size_t), ('control', ctypes.c_void_p), ('control_size', ctypes.c_size_t), ('flags', ctypes.c_int)]
  class Message(ctypes.Structure): _fields_ = [('head', Head), ('size', ctypes.c_uint)]
  buffer = ctypes.create_string_buffer(512)
  part = Part(ctypes.addressof(buffer), 512)
  message = Message(Head(None, 0, ctypes.pointer(part), 1, None, 0, 0), 0)
  libc.recvmmsg(s.fileno(), ctypes.byref(message), 1, 0, None)
  return buffer.raw[:message.size]
receive = {
  'recv': lambda s: s.recv(512),
  'recvfrom': lambda s: s.recvfrom(512)[0],
  'recvmsg': lambda s: s.recvmsg(512)[0],
  'recvmmsg': recvmmsg,
  'read': lambda s: os.read(s.fileno(), 512),
  'readv': lambda s: (lambda parts: os.readv(s.fileno(), parts) and b''.join(parts))([bytearray(100), bytearray(412)]),
}
def query(number, name):
  labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
  return struct.pack('>HHHHHH', number, 256, 1, 0, 0, 0) + labels + b'\\0\\0\\1\\0\\1'
def connect(address):
  s = socket.socket()
  s.setblocking(False)
  s.connect_ex((address, ${PORT}))
for number, call in enumerate(receive):
  name = call + '.test'
  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
  s.connect(('${server}', 53))
  s.send(query(number, name))
  receive[call](s)
  connect('127.66.1.%d' % len(name))
s = socket.socket()
s.connect(('${server}', 53))
question = query(99, 'segments.test')
s.send(struct.pack('>H', len(question)))
s.send(question)
received = b''
while len(received) < 2 or len(received) < 2 + struct.unpack('>H', received[:2])[0]:
  received += s.recv(7)
connect('127.66.1.13')
`
  const agent = await startAgent(t, rules)
  const { pid } = await run('python3', ['-c', script])
  const own = (await agent.alerts()).filter(alert => alert.pid === pid)
  assert.deepEqual(
    own.map(alert => alert.text),
    [...calls, 'segments'].map(call => `${call}.test observed`),
  )
})
