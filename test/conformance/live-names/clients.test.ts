// The rules of the documents with a real kernel, real DNS servers and real clients: every client of a list through every server of a list.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { NXDOMAIN, type Reply, records } from '../../../src/domains/testdata/scripted-dns-server.ts'
import { liveSkipReason } from '../../../src/events/live/testing.ts'
import { CONNECTS, rule } from '../observed-names/scene.ts'
import { compileConnect, findTool } from './tools.ts'
import { WatchingAgent } from './watching-agent.ts'
import { Container, fixed, SERVERS, type ServerName, World, worldSkipReason } from './world.ts'

/** Two names, one address: only what a process was told itself can tell which of them it meant. */
const SHARED = '192.0.2.80'
const GOOD = 'trusted.example'
const EVIL = 'evil.example'
/** `dig` connects to nothing; whoever takes its output has no answer of its own, so these have addresses of their own. */
const DUG = '192.0.2.81'

const RULES = [
  `- list: trusted_domains\n  items: [${GOOD}, dug.example]\n`,
  rule(
    'Unexpected',
    `${CONNECTS} and not fd.sip.name in (trusted_domains)`,
    '%fd.sip %fd.sip.name %fd.sip.name.source',
  ),
  rule('Evil', `${CONNECTS} and fd.sip.name = ${EVIL}`, '%fd.sip %fd.sip.name %fd.sip.name.resolver'),
  rule('Good', `${CONNECTS} and fd.sip.name = ${GOOD}`, '%fd.sip %fd.sip.name %fd.sip.name.resolver'),
  rule('Dug', `${CONNECTS} and fd.sip.name = dug.example`, '%fd.sip %fd.sip.name %fd.sip.name.resolver'),
  rule(
    'Asked',
    'evt.type in (recvfrom, recvmsg, recvmmsg) and proc.name = dig and dns.qname = dug.example and dns.is_answer = true',
    '%proc.ppid %dns.server %dns.answers',
  ),
].join('')

interface Client {
  readonly name: string
  /** The program it needs. */
  readonly tool: string
  readonly command: (tool: string, name: string) => readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const folder: string = mkdtempSync(join(tmpdir(), 'tiercel-clients-'))
const node = (script: string) => (tool: string, name: string) => [tool, '-e', script, name]

const clients: readonly Client[] = [
  { name: 'getaddrinfo (glibc)', tool: 'cc', command: (tool, name) => [tool, name, '80'] },
  { name: 'getaddrinfo (musl)', tool: 'musl-gcc', command: (tool, name) => [tool, name, '80'] },
  {
    name: 'Python',
    tool: 'python3',
    command: (tool, name) => [tool, '-S', '-c', `import socket; socket.create_connection(("${name}", 80))`],
  },
  { name: 'curl', tool: 'curl', command: (tool, name) => [tool, '-s', `http://${name}/`] },
  { name: 'busybox', tool: 'busybox', command: (tool, name) => [tool, 'wget', '-q', '-O-', `http://${name}/`] },
  { name: 'bash', tool: 'bash', command: (tool, name) => [tool, '-c', `exec 3<>/dev/tcp/${name}/80`] },
  {
    name: 'Go',
    tool: 'gron',
    command: (tool, name) => [tool, `http://${name}/`],
    env: { GODEBUG: 'netdns=go' },
  },
  {
    name: 'Node (dns.lookup)',
    tool: 'node',
    command: node(`require('node:net').connect(80, process.argv[1]).on('connect', () => process.exit())`),
  },
  {
    name: 'Node (dns.resolve)',
    tool: 'node',
    command: node(
      `require('node:dns').resolve4(process.argv[1], (e, ips) => require('node:net').connect(80, ips[0]).on('connect', () => process.exit()))`,
    ),
  },
]

function toolOf(tool: string): string | undefined {
  if (tool === 'node') return process.execPath
  if (tool === 'cc' || tool === 'musl-gcc') return compileConnect(tool, join(folder, `connect-${tool}`))
  return findTool(tool)
}

/** The agent itself finds both names at the address, too. */
const lookUps = (name: string): Reply => (name === GOOD || name === EVIL ? records(name, 60, SHARED) : NXDOMAIN)

const skip: string | false = liveSkipReason() || worldSkipReason()
let world: World
let agent: WatchingAgent
let outside: Container | undefined

before(async () => {
  if (skip !== false) return
  // Servers in a container of their own do not show their answers for the clients: what clients receive themselves must do.
  outside = Container.make()
  world = await World.start(outside)
  agent = await WatchingAgent.start({ rules: RULES, lookUps })
  await world.set({
    [GOOD]: fixed(GOOD, SHARED),
    [EVIL]: fixed(EVIL, SHARED),
    'dug.example': fixed('dug.example', DUG),
  })
})

after(async () => {
  rmSync(folder, { recursive: true, force: true })
  if (skip !== false) return
  await world?.stop()
  outside?.remove()
  await agent?.stop()
})

/** Servers that are there, or why not. */
const whyAbsent = new Map<ServerName, string>()
const servers: readonly ServerName[] = ['scripted', 'unbound', 'dnsmasq', 'systemd-resolved']

for (const server of servers) {
  test(`live clients through ${server}`, { skip, timeout: 60_000 }, async t => {
    if (server !== 'scripted') {
      const whyNot = await world.startServer(server as 'unbound' | 'dnsmasq' | 'systemd-resolved', GOOD)
      if (whyNot !== undefined) {
        whyAbsent.set(server, whyNot)
        return t.skip(whyNot)
      }
    }
    if (outside === undefined) t.diagnostic('cgroups cannot be made here: the servers show their answers, too')
    await agent.alerts()
    const want = new Map<string, string>()
    const got = new Map<number, string>()
    for (const { name, tool, command, env } of clients) {
      const path = toolOf(tool)
      if (path === undefined) {
        t.diagnostic(`without ${name}: ${tool} is not there (sh scripts/setup-clients.sh)`)
        continue
      }
      for (const host of [GOOD, EVIL]) {
        const { pid, status, out } = await world.run(command(path, host), { server, ...(env !== undefined && { env }) })
        assert.equal(status, 0, `${name}: ${out}`)
        got.set(pid, `${name}, ${host}`)
        want.set(
          `${name}, ${host}`,
          host === GOOD
            ? `Good ${SHARED} ${GOOD} ${SERVERS[server]}`
            : `Evil ${SHARED} ${EVIL} ${SERVERS[server]}, Unexpected ${SHARED} ${EVIL} observed`,
        )
      }
    }
    const seen = new Map<string, string>([...want.keys()].map(key => [key, '']))
    for (const { rule: name, pid, text } of await agent.alerts()) {
      const key = got.get(pid)
      if (key === undefined) continue
      const all = [...((seen.get(key) || undefined)?.split(', ') ?? []), `${name} ${text}`]
      seen.set(key, all.sort().join(', '))
    }
    assert.deepEqual(Object.fromEntries(seen), Object.fromEntries(want))
  })

  test(`live dig through ${server}: who connects to what it printed`, { skip, timeout: 60_000 }, async t => {
    const dig = findTool('dig')
    if (dig === undefined) return t.skip('dig is not there (sh scripts/setup-clients.sh)')
    if (whyAbsent.has(server)) return t.skip(whyAbsent.get(server)!)
    await agent.alerts()
    const { pid, status, out } = await world.run(['bash', '-c', `exec 3<>/dev/tcp/$(${dig} +short dug.example)/80`], {
      server,
    })
    assert.equal(status, 0, out)
    const alerts = (await agent.alerts()).filter(alert => alert.pid === pid || alert.text.startsWith(`${pid} `))
    assert.deepEqual(
      alerts.map(({ rule: name, text }) => `${name} ${text.replace(`${pid} `, '')}`),
      [`Asked ${SERVERS[server]} (${DUG})`, `Dug ${DUG} dug.example ${SERVERS[server]}`],
    )
  })
}
