// Tiercel's default rules about DNS on a real kernel: each tells of a program that does what it is about, and none of programs at work.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { liveSkipReason } from '../../../src/events/live/testing.ts'
import { findTool } from './tools.ts'
import { WatchingAgent } from './watching-agent.ts'
import { fixed, World, worldSkipReason } from './world.ts'

const rules: string = readFileSync(new URL('../../../rules/names.yaml', import.meta.url), 'utf8')
const enabled = '- rule: Public name on a private address\n  enabled: true\n  override: {enabled: replace}\n'

/** Sends queries over one socket and waits for each answer. */
const PRELUDE = `
import hashlib, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("10.53.0.53", 53))
def ask(number, name, kind=1):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    s.send(number.to_bytes(2, "big") + b"\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + labels + b"\\0\\0" + bytes([kind]) + b"\\0\\1")
    s.recv(2048)
def code(number, length):
    return hashlib.sha256(str(number).encode()).hexdigest()[:length]
`

const cases: readonly { readonly name: string; readonly python: string; readonly want: readonly string[] }[] = [
  {
    name: 'a tunnel in names',
    python: 'for i in range(150): ask(i, code(i, 40) + "." + code(i + 1, 40) + ".t.example", 10)',
    want: ['Data sent in DNS names'],
  },
  {
    name: 'a tunnel in texts',
    python: 'for i in range(40): ask(i, "text.example", 16)',
    want: ['Data received in DNS texts'],
  },
  {
    name: 'a search for a server',
    python: 'for i in range(30): ask(i, code(i, 14) + ".com")',
    want: ['Many domains that do not exist'],
  },
  {
    name: 'a name at the metadata service',
    python: 'ask(1, "link.example.com")',
    want: ['Public name on a link-local address'],
  },
  {
    name: 'a name at a private address',
    python: 'ask(1, "private.example.com")',
    want: ['Public name on a private address'],
  },
  {
    name: 'another server',
    python: 's.connect(("10.53.0.66", 53))\nfor i in range(3): ask(i, "shop.example")',
    want: ['Unexpected DNS server'],
  },
  {
    name: 'ordinary work',
    python: `
for i in range(200): ask(i, "shop.example", 28 if i % 2 else 1)
for i in range(5): ask(i, code(i, 40) + ".cdn.example")
for i in range(10): ask(i, "api%d.shop.example.ns.svc.cluster.local" % i)
ask(1, "text.example", 16)
for i in range(20): socket.getaddrinfo("shop.example", 80)`,
    want: [],
  },
]

const skip: string | false = liveSkipReason() || worldSkipReason()
let world: World
let agent: WatchingAgent

before(async () => {
  if (skip !== false) return
  world = await World.start()
  agent = await WatchingAgent.start({ rules: rules + enabled, domains: ['trusted_resolvers: [10.53.0.53]'] })
  const text = { name: 'text.example', type: 'TXT', ttl: 1, data: 'x'.repeat(200) } as const
  await world.set({
    'shop.example': fixed('shop.example', '192.0.2.1', '2001:db8::1'),
    'link.example.com': fixed('link.example.com', '169.254.169.254'),
    'private.example.com': fixed('private.example.com', '10.1.2.3'),
    'text.example': { turns: [[text]] },
  })
})

after(async () => {
  await world?.stop()
  await agent?.stop()
})

for (const { name, python, want } of cases) {
  test(`live default rules about DNS: ${name}`, { skip, timeout: 60_000 }, async () => {
    await agent.alerts()
    const { pid, status, out } = await world.run(['/usr/bin/python3', '-S', '-c', PRELUDE + python])
    assert.equal(status, 0, out)
    const alerts = await agent.alerts()
    assert.deepEqual(
      alerts.filter(alert => alert.pid === pid).map(alert => alert.rule),
      want,
    )
  })
}

test('live default rules about DNS: DNS over HTTPS', { skip, timeout: 60_000 }, async t => {
  const curl = findTool('curl')
  if (curl === undefined) return t.skip('curl is not there (sh scripts/setup-clients.sh)')
  await agent.alerts()
  // The peer speaks no TLS: the first message is enough.
  const run = (name: string): ReturnType<World['run']> =>
    world.run([curl, '-s', '--resolve', `${name}:443:192.0.2.1`, `https://${name}/dns-query`])
  const told = await run('dns.quad9.net')
  const silent = await run('www.quad9.net')
  const alerts = await agent.alerts()
  assert.deepEqual(
    [told, silent].map(({ pid }) => alerts.filter(alert => alert.pid === pid).map(alert => alert.rule)),
    [['DNS over HTTPS by name'], []],
  )
})
