// The name in the first bytes of a connection, however a program sends them: with a real kernel, and hellos of real clients.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { asRecords, realClientHello } from '../../../src/domains/testdata/client-hello.ts'
import { VERSION_1, VERSION_2 } from '../../../src/domains/quic-initial.ts'
import { cryptoFrame, initialPacket } from '../../../src/domains/testdata/quic-packets.ts'
import { liveSkipReason } from '../../../src/events/live/testing.ts'
import { rule } from '../observed-names/scene.ts'
import { findTool } from './tools.ts'
import { WatchingAgent } from './watching-agent.ts'

const TIMEOUT_MS = 120_000
const skip: string | false = liveSkipReason()

/** Ways to send bytes, in Python: `s` is the connection, `b` what is to be sent. */
const WAYS: Readonly<Record<string, string>> = {
  whole: 's.sendall(b)',
  bytes: '[s.send(b[i:i+1]) for i in range(len(b))]',
  write: 'os.write(s.fileno(), b[:3]); os.write(s.fileno(), b[3:])',
  late: 's.send(b[:60]); s.send(b[60:])',
  thirds: 'n = len(b) // 3; s.send(b[:n]); os.write(s.fileno(), b[n:2*n]); os.writev(s.fileno(), [b[2*n:]])',
  writev: 'os.writev(s.fileno(), [b[:1], b[1:5], b[5:9], b[9:]])',
  'two-writev': 'os.writev(s.fileno(), [b[:1], b[1:7]]); os.writev(s.fileno(), [b[7:9], b[9:30], b[30:]])',
  'empty-part': "os.writev(s.fileno(), [b'', b])",
  sendmsg: 's.sendmsg([b[:4], b[4:50]]); s.sendmsg([b[50:]])',
  mixed: 's.send(b[:1]); s.sendmsg([b[1:2], b[2:3]]); os.writev(s.fileno(), [b[3:40]]); s.send(b[40:])',
}

/** Ways to send datagrams of 1,200 bytes each: `q` is a socket that is connected to `at`. */
const DATAGRAM_WAYS: Readonly<Record<string, string>> = {
  'QUIC, send': '[q.send(each) for each in parts]',
  'QUIC, sendto':
    'f = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); [f.sendto(each, at) for each in parts]; f.close()',
  'QUIC, sendmsg': '[q.sendmsg([each[:700], each[700:]]) for each in parts]',
  'QUIC, write': '[os.write(q.fileno(), each) for each in parts]',
  // UDP_SEGMENT: the kernel cuts one send into datagrams.
  'QUIC, segments': 'q.setsockopt(17, 103, 1200); q.send(b)',
}
const DATAGRAMS = `
d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); d.bind((address, 0)); at = d.getsockname()
q = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); q.connect(at)
parts = [b[i:i + 1200] for i in range(0, len(b), 1200)]
WAY
q.close(); d.close()`

/**
 * Sends each text in its way to a listener of its own and then connects a UDP socket there, which sends nothing: its event shows which name
 * the address has by then.
 */
const SENDER = `
import os, socket, sys, json
for number, (way, b) in enumerate(json.load(sys.stdin)):
  b = bytes.fromhex(b)
  address = '127.67.%d.%d' % (number // 200, number % 200 + 1)
  listener = socket.create_server((address, 0))
  s = socket.create_connection(listener.getsockname())
  s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
  exec(way)
  u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
  u.connect((address, 1))
  for each in (u, s, listener): each.close()
`

const ASKED = 'evt.type = connect and fd.l4proto = udp and fd.sport = 1 and fd.snet in ("127.67.0.0/16")'

interface Sent {
  readonly name: string
  readonly way: string
  readonly bytes: Buffer
  readonly kind: 'tls' | 'http'
}

/** Every way, with hellos of this Node's TLS and with requests. Each has a name of its own. */
async function everyWay(): Promise<readonly Sent[]> {
  const hello = await realClientHello('xxxxxxxx.test')
  // The shares of a key that no quantum computer breaks are more than a packet holds.
  assert.ok(hello.length > 1500, `this Node's hello has ${hello.length} bytes`)
  const all: Sent[] = []
  const nameAt = (number: number): string => `name-${String(number).padStart(3, '0')}.test`
  const add = (way: string, kind: 'tls' | 'http', make: (name: string) => Buffer): void => {
    const name = nameAt(all.length)
    all.push({ name, way, kind, bytes: make(name) })
  }
  const named = (name: string): Buffer => Buffer.from(hello.toString('latin1').replace('xxxxxxxx.test', name), 'latin1')
  for (const way of Object.values(WAYS)) {
    add(way, 'tls', named)
    // The same hello, in records of 300 bytes.
    add(way, 'tls', name => asRecords(named(name).subarray(5), 300))
    add(way, 'http', name => Buffer.from(`GET /a/b HTTP/1.1\r\nUser-Agent: none at all\r\nHost: ${name}\r\n\r\n`))
    add(way, 'http', name => Buffer.from(`POST / HTTP/1.1\r\nContent-Length: 4\r\nHost: ${name}\r\n\r\nbody`))
  }
  for (const way of Object.values(DATAGRAM_WAYS)) {
    for (const version of [VERSION_1, VERSION_2])
      add(DATAGRAMS.replace('WAY', way), 'tls', name => {
        const message = named(name).subarray(5)
        const half = message.length >> 1
        const frames = [cryptoFrame(message, half, message.length), cryptoFrame(message, 0, half)]
        return Buffer.concat(
          frames.map((frame, number) => initialPacket(frame, { connectionId: Buffer.from(name), number, version })),
        )
      })
  }
  return all
}

async function send(all: readonly Sent[]): Promise<number> {
  const child = spawn('python3', ['-S', '-c', SENDER], { stdio: ['pipe', 'inherit', 'inherit'] })
  child.stdin.end(JSON.stringify(all.map(({ way, bytes }) => [way, bytes.toString('hex')])))
  const [status] = (await once(child, 'close')) as [number]
  assert.equal(status, 0)
  return child.pid!
}

async function startAgent(t: TestContext, rules: string): Promise<WatchingAgent> {
  const agent = await WatchingAgent.start({ rules })
  t.after(() => agent.stop())
  return agent
}

test('live: the name in a connection’s first bytes is known however they are sent', {
  skip,
  timeout: TIMEOUT_MS,
}, async t => {
  const agent = await startAgent(t, rule('Named', ASKED, '%fd.sip.name %fd.sip.name.source'))
  const all = await everyWay()
  const pid = await send(all)
  const own = (await agent.alerts()).filter(alert => alert.pid === pid)
  assert.deepEqual(
    own.map((alert, i) => `${all[i]?.way}: ${alert.text}`),
    all.map(({ name, way }) => `${way}: ${name} claimed`),
  )
})

test('live: also where rules ask for every write, and at the event that completed it', {
  skip,
  timeout: TIMEOUT_MS,
}, async t => {
  const sends = 'evt.type in (send, sendto, sendmsg, write, writev)'
  const rules =
    rule('Tls', `${sends} and tls.sni exists`, '%tls.sni') + rule('Http', `${sends} and http.host exists`, '%http.host')
  const agent = await startAgent(t, rules)
  const all = await everyWay()
  const pid = await send(all)
  const own = (await agent.alerts()).filter(alert => alert.pid === pid)
  assert.deepEqual(
    own.map(({ rule: name, text }) => `${name} ${text}`),
    all.map(({ kind, name }) => `${kind === 'tls' ? 'Tls' : 'Http'} ${name}`),
  )
  /** Which name a client says to whoever listens there; `listener` prints the port. */
  const ask = async (
    tool: string,
    listener: string,
    client: (port: string) => readonly string[],
    name: string,
  ): Promise<void> => {
    const path = findTool(tool)
    if (path === undefined) return t.diagnostic(`without ${tool}: it is not there (sh scripts/setup-clients.sh)`)
    const server = spawn('python3', ['-c', listener])
    const [port] = (await once(server.stdout, 'data')) as [Buffer]
    const child = spawn(path, client(String(port).trim()))
    for (const stream of [child.stdout, child.stderr]) stream.resume()
    await once(child, 'close')
    server.kill('SIGKILL')
    assert.deepEqual(
      (await agent.alerts()).filter(alert => alert.pid === child.pid).map(({ text }) => text),
      [name],
    )
  }
  await ask(
    'curl',
    'import socket; s = socket.create_server(("127.67.9.9", 0)); print(s.getsockname()[1], flush=True); c = s.accept()[0]; c.recv(1); c.close()',
    port => ['-sk', '--resolve', `*:${port}:127.67.9.9`, `https://curl.test:${port}/`],
    'curl.test',
  )
  // A client of QUIC, which nobody answers (Debian's knows version 1 alone). It calls every address so.
  await ask(
    'gtlsclient',
    'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.67.9.9", 0)); print(s.getsockname()[1], flush=True); [s.recv(9999) for i in range(1 << 20)]',
    port => ['--quiet', '--handshake-timeout=1s', '127.67.9.9', port, 'https://localhost/'],
    'localhost',
  )
})
