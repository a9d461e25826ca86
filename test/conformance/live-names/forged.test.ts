// Names that a workload makes up with what the kernel lets every user do: none of it excuses a connection. And what only looks like it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { liveSkipReason } from '../../../src/events/live/testing.ts'
import { CONNECTS, rule } from '../observed-names/scene.ts'
import { findTool } from './tools.ts'
import { type SeenAlert, WatchingAgent } from './watching-agent.ts'
import { fixed, World, worldSkipReason } from './world.ts'

const GOOD = 'good.example'
/** In the command line of all programs of these cases, so that others on the machine are left out. */
const MARK = `forged-names-${process.pid}`
const HTTP = `${CONNECTS} and fd.sport = 80 and proc.cmdline contains ${MARK}`
const RULES =
  rule('Named', HTTP, '%fd.sip %fd.sip.name %fd.sip.name.source %fd.sip.name.untrusted') +
  rule('Not good', `${HTTP} and not fd.sip.name in (${GOOD})`, '%fd.sip')

const PRELUDE = `
# ${MARK}
import ctypes, os, socket, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWUSER, NEWNET = 0x20000, 0x10000000, 0x40000000
GOOD, SERVER = "${GOOD}", ("10.53.0.53", 53)
def unshare(flags):
    uid, gid = os.geteuid(), os.getegid()
    assert libc.unshare(flags | NEWUSER) == 0
    for file, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % uid), ("gid_map", "0 %d 1" % gid)):
        with open("/proc/self/" + file, "w") as f: f.write(text)
def udp(): return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def query(name, number=7):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return number.to_bytes(2, "big") + b"\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + labels + b"\\0\\0\\1\\0\\1"
def answer(query, ip):
    return query[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + query[12:] + b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4" + socket.inet_aton(ip)
def look(name, family=socket.AF_INET): return [each[4][0] for each in socket.getaddrinfo(name, 80, family, socket.SOCK_STREAM)]
def go(ip, s=None):
    s = s or socket.socket()
    s.connect((ip, 80))
    s.close()
def own_server(ip):
    "The address of the trusted server, in a network of our own, and a server there that says what we like."
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "addr", "add", SERVER[0] + "/32", "dev", "lo"], check=True)
    s = udp(); s.bind(SERVER)
    def serve():
        while True:
            message, client = s.recvfrom(512)
            s.sendto(answer(message, ip), client)
    threading.Thread(target=serve, daemon=True).start()
`

interface Case {
  readonly name: string
  readonly python: string
  /** Alerts of all its processes, each once, in order. */
  readonly want: readonly string[]
}

const forged: readonly Case[] = [
  {
    name: 'a mount namespace of its own, before its resolv.conf can be read',
    python: `
unshare(NEWNS)
s = udp(); s.connect(("10.53.0.66", 53)); s.send(query(GOOD)); s.recv(512)
go("203.0.113.60")`,
    want: ['Named 203.0.113.60 good.example observed true', 'Not good 203.0.113.60'],
  },
  {
    name: 'a network namespace of its own, with the address of the trusted server, and a socket of before',
    python: `
early = socket.socket()
unshare(NEWNET); own_server("203.0.113.61")
s = udp(); s.connect(SERVER); s.send(query(GOOD)); s.recv(512)
go("203.0.113.61", early)`,
    want: ['Named 203.0.113.61 good.example observed true', 'Not good 203.0.113.61'],
  },
  {
    name: 'a socket that a child in such a namespace hands on',
    python: `
here, there = socket.socketpair()
if os.fork() == 0:
    unshare(NEWNET); own_server("203.0.113.62")
    s = udp(); s.connect(SERVER)
    socket.send_fds(there, [b"x"], [s.fileno()])
    there.recv(1); os._exit(0)
_, [fd], _, _ = socket.recv_fds(here, 1, 1)
s = socket.socket(fileno=fd)
s.send(query(GOOD)); s.recv(512); here.send(b"x")
go("203.0.113.62")`,
    want: ['Named 203.0.113.62 good.example observed true', 'Not good 203.0.113.62'],
  },
]

/** What looks like it, or is hard, and is as it should be. */
const ordinary: readonly Case[] = [
  {
    name: 'a parent looks up, its children connect, also under another user',
    python: `
ip = look(GOOD)[0]
for uid in (0, 65534):
    pid = os.fork()
    if pid == 0:
        os.setresuid(uid, uid, uid); go(ip); os._exit(0)
    os.waitpid(pid, 0)`,
    want: ['Named 192.0.2.60 good.example observed false'],
  },
  {
    name: 'a thread looks up, another connects',
    python: `
found = []
t = threading.Thread(target=lambda: found.extend(look(GOOD))); t.start(); t.join()
t = threading.Thread(target=lambda: go(found[0])); t.start(); t.join()`,
    want: ['Named 192.0.2.60 good.example observed false'],
  },
  {
    name: 'many questions with one id over one socket, their answers in another order',
    python: `
s = udp(); s.connect(SERVER)
names = ["a.example", GOOD, "b.example"]
for name in names: s.send(query(name))
for name in names: s.recv(512)
go("192.0.2.60"); go("192.0.2.61"); go("192.0.2.62")`,
    want: [
      'Named 192.0.2.60 good.example observed false',
      'Named 192.0.2.61 a.example observed false',
      'Not good 192.0.2.61',
      'Named 192.0.2.62 b.example observed false',
      'Not good 192.0.2.62',
    ],
  },
  {
    name: 'an answer that is looked at before it is taken',
    python: `
s = udp(); s.connect(SERVER); s.send(query(GOOD)); s.recv(512, socket.MSG_PEEK); s.recv(512)
go("192.0.2.60")`,
    want: ['Named 192.0.2.60 good.example observed false'],
  },
  {
    name: 'a mount namespace of its own, with the servers of its parent',
    python: `
assert libc.unshare(NEWNS) == 0
go(look(GOOD)[0])`,
    want: ['Named 192.0.2.60 good.example observed false'],
  },
]

const unprivileged: readonly string[] = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
const skip: string | false = liveSkipReason() || worldSkipReason()
const skipForged: string | false = skip || whyNoUserNamespaces()

function whyNoUserNamespaces(): string | false {
  if (findTool('setpriv') === undefined) return 'setpriv is not installed'
  const { status, stderr } = spawnSync('setpriv', [...unprivileged, 'unshare', '-Urnm', 'true'])
  return status === 0 ? false : `ordinary users may make no namespaces here: ${String(stderr).trim()}`
}

let world: World
let agent: WatchingAgent

before(async () => {
  if (skip !== false) return
  world = await World.start()
  agent = await WatchingAgent.start({ rules: RULES })
  await world.set({
    [GOOD]: fixed(GOOD, '192.0.2.60'),
    'a.example': fixed('a.example', '192.0.2.61'),
    'b.example': fixed('b.example', '192.0.2.62'),
  })
  await world.set({ [GOOD]: fixed(GOOD, '203.0.113.60') }, '10.53.0.66')
})

after(async () => {
  if (skip !== false) return
  await world?.stop()
  await agent?.stop()
})

const python = (code: string): readonly string[] => ['/usr/bin/python3', '-S', '-c', `${PRELUDE}\n${code}`]
const textOf = ({ rule: name, text }: SeenAlert): string => `${name} ${text}`

for (const { cases, who } of [
  { cases: forged, who: ['setpriv', ...unprivileged] },
  { cases: ordinary, who: [] },
]) {
  for (const c of cases) {
    test(`live ${cases === forged ? 'forged' : 'ordinary'} names: ${c.name}`, {
      skip: cases === forged ? skipForged : skip,
      timeout: 60_000,
    }, async () => {
      await agent.alerts()
      const ran = await world.run([...who, ...python(c.python)])
      assert.equal(ran.status, 0, ran.out)
      assert.deepEqual([...new Set((await agent.alerts()).map(textOf))], c.want)
    })
  }
}

test('live forged names: a hosts file of its own, in a mount namespace of its own', {
  skip: skipForged,
  timeout: 60_000,
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-forged-'))
  t.after(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, 0o777)
  const hosts = join(folder, 'hosts')
  // Its own, and not root's, when it is made by who binds it.
  const script = `echo '203.0.113.63 ${GOOD}' >${hosts} && mount --bind ${hosts} /etc/hosts && exec "$@"`
  const unshare = ['unshare', '-Um', '--map-root-user', 'sh', '-c', script, 'sh']
  const seen = join(folder, 'seen')
  const code = `
connects = 0
while connects < 400 and not os.path.exists("${seen}"):
    go("203.0.113.63"); time.sleep(.1)
    connects += 1
print(connects)`
  await agent.alerts()
  let hasEnded = false
  const running = world.run(['setpriv', ...unprivileged, ...unshare, ...python(code)]).finally(() => (hasEnded = true))
  const alerts: string[] = []
  while (!hasEnded) {
    alerts.push(...(await agent.alerts()).map(textOf))
    // The file is read again every few seconds.
    if (alerts.includes('Named 203.0.113.63 good.example hosts true')) writeFileSync(seen, '')
    await sleep(100)
  }
  const ran = await running
  assert.equal(ran.status, 0, ran.out)
  alerts.push(...(await agent.alerts()).map(textOf))
  assert.equal(alerts.filter(text => text === 'Not good 203.0.113.63').length, Number(ran.out))
  assert.ok(alerts.includes('Named 203.0.113.63 good.example hosts true'), [...new Set(alerts)].join('\n'))
})
