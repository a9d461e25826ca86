// Names that programs ask a service of the machine for, over a unix socket: the real nscd and systemd-resolved, and glibc's own clients of them.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { NXDOMAIN, type Reply, records } from '../../../src/domains/testdata/scripted-dns-server.ts'
import { liveSkipReason } from '../../../src/events/live/testing.ts'
import { CONNECTS, rule } from '../observed-names/scene.ts'
import { compileConnect, findTool } from './tools.ts'
import { WatchingAgent } from './watching-agent.ts'
import { cname, a, Container, fixed, type RunOptions, World, worldSkipReason } from './world.ts'

const skip: string | false = liveSkipReason() || worldSkipReason()

/** Two names, one address: only what a process was told itself can tell which of them it meant. */
const SHARED = '192.0.2.80'
const GOOD = 'trusted.example'
const EVIL = 'evil.example'
const ALIAS = 'alias.example'

const RULES = [
  rule('Named', CONNECTS, '%fd.sip.name %fd.sip.name.source %fd.sip.name.resolver'),
  rule('Unexpected', `${CONNECTS} and not fd.sip.name in (${GOOD})`),
  rule('Evil', `${CONNECTS} and fd.sip.name = ${EVIL}`),
  rule('Target', `${CONNECTS} and fd.sip.name = edge.example`),
].join('')

const lookUps = (name: string): Reply => (name === GOOD || name === EVIL ? records(name, 60, SHARED) : NXDOMAIN)

/** Servers in a container of their own, so that clients outside of it know only what they were told themselves; and an agent. */
async function setUp(t: TestContext, usesLibrary = false): Promise<{ world: World; agent: WatchingAgent }> {
  const outside = Container.make()
  const world = await World.start(outside)
  t.after(async () => {
    await world.stop()
    outside?.remove()
  })
  await world.set({
    [GOOD]: fixed(GOOD, SHARED),
    [EVIL]: fixed(EVIL, SHARED, '2001:db8::80'),
    [ALIAS]: { turns: [[cname(ALIAS, 'edge.example'), a('edge.example', '192.0.2.81')]] },
  })
  const agent = await WatchingAgent.start({ rules: RULES, lookUps, domains: [`getaddrinfo: ${usesLibrary}`] })
  t.after(() => agent.stop())
  return { world, agent }
}

/** The clients that are there: what they run for a name. */
function clients(t: TestContext): readonly (readonly [name: string, command: (host: string) => readonly string[]])[] {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-services-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const program = compileConnect('cc', join(folder, 'connect'))
  const curl = findTool('curl')
  const python = 'import socket, sys; socket.create_connection((sys.argv[1], 80))'
  const old = 'import socket, sys; socket.create_connection((socket.gethostbyname(sys.argv[1]), 80))'
  const node = `require('node:net').connect(80, process.argv[1]).on('connect', () => process.exit())`
  return [
    ...(program === undefined ? [] : [['getaddrinfo', (host: string) => [program, host, '80']] as const]),
    ['Python', host => ['python3', '-S', '-c', python, host]],
    ['Python, IPv4 alone', host => ['python3', '-S', '-c', old, host]],
    ...(curl === undefined ? [] : [['curl', (host: string) => [curl, '-s', `http://${host}/`]] as const]),
    ['Node', host => [process.execPath, '-e', node, host]],
    ['bash', host => ['bash', '-c', `exec 3<>/dev/tcp/${host}/80`]],
    // The program that asks is over when the other one connects: what it saw is the host's then.
    [
      'getent',
      host => ['bash', '-c', `exec 3<>/dev/tcp/$(getent ahosts ${host} | awk '/STREAM/ {print $1; exit}')/80`],
    ],
  ]
}

async function compare(
  t: TestContext,
  { world, agent }: { readonly world: World; readonly agent: WatchingAgent },
  service: string,
  options: RunOptions = {},
  before: readonly string[] = [],
): Promise<void> {
  const got: Record<string, readonly string[]> = {}
  const want: Record<string, readonly string[]> = {}
  for (const [client, command] of clients(t)) {
    for (const host of client === 'getent' ? [ALIAS] : [GOOD, EVIL, ALIAS]) {
      await agent.alerts()
      const { pid, status, out } = await world.run([...before, ...command(host)], options)
      assert.equal(status, 0, `${client}: ${out}`)
      const own = (await agent.alerts()).filter(alert => alert.pid === pid)
      const key = `${client}, ${host}`
      // A name with two addresses may be connected to twice.
      got[key] = [...new Set(own.map(({ rule: name, text }) => `${name} ${text}`))].sort()
      want[key] = wanted(host, service)
    }
  }
  assert.deepEqual(got, want)
}

function wanted(host: string, service: string): readonly string[] {
  const named = `Named ${host} observed ${service}`
  if (host === GOOD) return [named]
  if (host === EVIL) return [`Evil ${EVIL}`, named, `Unexpected ${EVIL}`].sort()
  return [named, `Target edge.example`, `Unexpected ${ALIAS}`].sort()
}

test('live: what systemd-resolved tells programs over its own socket, as nss-resolve asks it', {
  skip,
  timeout: 120_000,
}, async t => {
  const module = findTool('nss-resolve')
  if (module === undefined) return t.skip('nss-resolve is not there (sh scripts/setup-clients.sh)')
  const lab = await setUp(t)
  const whyNot = await lab.world.startServer('systemd-resolved', GOOD)
  if (whyNot !== undefined) return t.skip(whyNot)
  await compare(t, lab, 'systemd-resolved', { hosts: 'resolve [!UNAVAIL=return] dns' }, [module])
})

test('live: what nscd tells programs', { skip, timeout: 120_000 }, async t => {
  const lab = await setUp(t)
  const whyNot = await lab.world.startNscd('shared hosts no')
  if (whyNot !== undefined) return t.skip(whyNot)
  await compare(t, lab, 'nscd')
})

for (const usesLibrary of [false, true]) {
  const what = usesLibrary ? 'is told by the C library alone' : 'is not seen'
  test(`live: what a program finds in the memory that nscd shares ${what}`, { skip, timeout: 120_000 }, async t => {
    const { world, agent } = await setUp(t, usesLibrary)
    const whyNot = await world.startNscd('shared hosts yes')
    if (whyNot !== undefined) return t.skip(whyNot)
    const python = 'import socket, sys; socket.create_connection((sys.argv[1], 80))'
    const judge = async (host: string): Promise<readonly string[]> => {
      await agent.alerts()
      const { pid, status, out } = await world.run(['python3', '-S', '-c', python, host])
      assert.equal(status, 0, out)
      const own = (await agent.alerts()).filter(alert => alert.pid === pid)
      return [...new Set(own.map(alert => alert.rule))].sort()
    }
    assert.deepEqual(await judge(GOOD), ['Named'])
    assert.deepEqual(await judge(EVIL), ['Evil', 'Named', 'Unexpected'])
    // The last one has asked nobody: the address has the names that the two before it were told, unless the library says which.
    let last = await judge(GOOD)
    // The library is watched some moments after the agent has begun.
    for (let i = 0; usesLibrary && i < 100 && last.length !== 1; i++) last = await judge(GOOD)
    assert.deepEqual(last, usesLibrary ? ['Named'] : ['Evil', 'Named'])
  })
}

/** Speaks as nscd does, and says that every name has one address. It listens where nscd does, and belongs to nobody in particular. */
const LIAR = `
import os, socket, struct
os.makedirs('/run/nscd', exist_ok=True)
os.chown('/run/nscd', 65534, 65534)
os.setgroups([]); os.setgid(65534); os.setuid(65534)
listener = socket.socket(socket.AF_UNIX)
listener.bind('/var/run/nscd/socket')
listener.listen(9)
while True:
  s = listener.accept()[0]
  request = s.recv(512)
  if len(request) > 12 and struct.unpack('3i', request[:12])[1] == 14:
    s.send(struct.pack('6i', 2, 1, 1, 4, 0, 0) + bytes([192, 0, 2, 99, 2]))
  s.close()
`

test('live: what listens where nscd does and is not root’s excuses nothing', { skip, timeout: 120_000 }, async t => {
  const { world, agent } = await setUp(t)
  const whyNot = await world.startService(`exec python3 -S -c "${LIAR}"`, '/var/run/nscd/socket')
  assert.equal(whyNot, undefined)
  await agent.alerts()
  const python = 'import socket, sys; socket.create_connection((sys.argv[1], 80))'
  const { pid, status, out } = await world.run(['python3', '-S', '-c', python, GOOD])
  assert.equal(status, 0, out)
  const own = (await agent.alerts()).filter(alert => alert.pid === pid)
  assert.deepEqual(
    own.map(({ rule: name, text }) => `${name} ${text}`),
    [`Named ${GOOD} observed nscd`, `Unexpected ${GOOD}`],
  )
})
