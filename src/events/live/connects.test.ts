import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { liveSkipReason, type SeenEvent, watch } from './testing.ts'
import { type CallFilter, mergeWanted, stateCalls, wantAll } from './wanted-calls.ts'

/** What `testdata/connects.py` prints. */
interface Used {
  readonly pid: number
  readonly later: readonly [number, number]
  readonly nobody: number
  readonly full: number
  readonly directory: string
  /** With TCP Fast Open: the port, the descriptors, and how much was sent. */
  readonly fast: number
  readonly fds: readonly number[]
  readonly request: number
}

/** What `testdata/uring-connects.py` prints; absent is what this kernel does not have. */
interface UsedRing {
  readonly pid: number
  readonly refused?: boolean
  readonly port: number
  readonly fd: number
  readonly made: number
  readonly fixed?: number
  readonly udp: number
  readonly polled?: number
}

/** Whether `found` has all of `wanted`: values as they are, or patterns of them. */
function hasAll(found: Readonly<Record<string, unknown>>, wanted: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(([key, value]) =>
    value instanceof RegExp ? value.test(String(found[key])) : JSON.stringify(found[key]) === JSON.stringify(value),
  )
}

async function runScript(name: string): Promise<unknown> {
  const script = fileURLToPath(new URL(`testdata/${name}`, import.meta.url))
  const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-S', script])
  return JSON.parse(stdout)
}

/** With addresses of the kernel, which begin with `ffff`, or with `ff` where pages have five levels. */
const unixTuple = (path: string): RegExp => new RegExp(`^unix:(0|ff[0-9a-f]{14})->ff[0-9a-f]{14} ${path}$`)

const cases: readonly {
  readonly name: string
  readonly event: string
  /** Values as they are, or patterns of them. */
  readonly args: (used: Used) => Readonly<Record<string, unknown>>
}[] = [
  {
    name: 'a connection that is made later has both ends',
    event: 'connect',
    args: u => ({
      res: -115,
      tuple: `127.0.0.1:${u.later[0]}->127.0.0.1:${u.later[1]}`,
      addr: `127.0.0.1:${u.later[1]}`,
    }),
  },
  {
    name: 'one to nobody, too; that it is refused is told by SO_ERROR',
    event: 'connect',
    args: u => ({ res: -115, addr: `127.0.0.1:${u.nobody}` }),
  },
  {
    name: 'SO_ERROR of a refused connection',
    event: 'getsockopt',
    args: () => ({ optname: 'SO_ERROR', val: { type: 'ERRNO', value: -111 } }),
  },
  {
    name: 'a connection that the kernel gives up',
    event: 'connect',
    args: u => ({ res: -110, tuple: null, addr: `127.0.0.1:${u.full}` }),
  },
  {
    name: 'UDP over IPv6',
    event: 'connect',
    args: () => ({ res: 0, addr: '[::1]:4243', tuple: /^\[::1\]:\d+->\[::1\]:4243$/ }),
  },
  {
    name: 'the same socket, connected anew to a v4-mapped address',
    event: 'connect',
    args: () => ({ addr: '[::ffff:127.0.0.3]:4244' }),
  },
  {
    name: 'a unix socket by its path',
    event: 'connect',
    args: u => ({ res: 0, addr: `unix:${u.directory}/stream`, tuple: unixTuple(`${u.directory}/stream`) }),
  },
  {
    name: 'a unix socket that is not there',
    event: 'connect',
    args: u => ({ res: -2, addr: `unix:${u.directory}/none`, tuple: null }),
  },
  {
    name: 'a datagram to a unix socket has the path that it was sent to',
    event: 'sendto',
    args: u => ({ res: 8, data: 'datagram', tuple: unixTuple(`${u.directory}/datagrams`) }),
  },
  {
    name: 'a message to a unix socket has it, too',
    event: 'sendmsg',
    args: u => ({ res: 7, data: 'message', tuple: unixTuple(`${u.directory}/datagrams`) }),
  },
  ...['sendto', 'sendmsg'].flatMap((event, i) => [
    {
      name: `${event} with TCP Fast Open is a connect`,
      event: 'connect',
      args: (u: Used) => ({
        res: 0,
        fd: u.fds[i],
        addr: `127.0.0.1:${u.fast}`,
        tuple: new RegExp(`^127\\.0\\.0\\.1:\\d+->127\\.0\\.0\\.1:${u.fast}$`),
      }),
    },
    { name: `and the ${event} that it is`, event, args: (u: Used) => ({ res: u.request, fd: u.fds[i] }) },
  ]),
  {
    name: 'one to nobody that is refused',
    event: 'connect',
    args: u => ({ res: -111, addr: `127.0.0.1:${u.fast}`, tuple: /->127/ }),
  },
  {
    name: 'a connect that leaves it to the first send',
    event: 'connect',
    args: u => ({ res: 0, fd: u.fds[2], addr: `127.0.0.1:${u.fast}` }),
  },
  {
    name: 'limits that a failed call did not write are -1',
    event: 'prlimit',
    args: () => ({ res: -22, oldcur: -1, oldmax: -1, newcur: 0, newmax: 0 }),
  },
]

describe('connections of each kind and outcome', { skip: liveSkipReason() }, () => {
  let seen: readonly SeenEvent[] = []
  let used: Used

  before(async () => {
    const wanted = mergeWanted(stateCalls, wantAll(['sendto', 'sendmsg', 'prlimit']))
    const all = await watch({ wanted }, async () => {
      used = (await runScript('connects.py')) as Used
    })
    seen = all.filter(event => event.tid === used.pid)
  })

  for (const c of cases) {
    test(c.name, () => {
      const wanted = c.args(used)
      const told = seen.filter(event => event.name === c.event)
      const text = Object.entries(wanted).map(([key, value]) => `${key} ${String(value)}`)
      assert.ok(
        told.some(event => hasAll(event.args, wanted)),
        `none has ${text.join(', ')}\n${told.map(e => JSON.stringify(e.args)).join('\n')}`,
      )
    })
  }

  test('a datagram with the flag of TCP Fast Open is no connect', () => {
    assert.ok(seen.some(event => event.name === 'sendto' && event.args['data'] === 'flag'))
    assert.ok(!seen.some(event => event.name === 'connect' && event.args['addr'] === '127.0.0.1:4245'))
  })
})

test('a send that connects is told as a connect where sends are not', { skip: liveSkipReason() }, async () => {
  const wanted = new Map<string, CallFilter>([
    ['connect', 'all'],
    ['sendto', 'fast-open'],
    ['sendmsg', 'fast-open'],
    ['sendmmsg', 'fast-open'],
  ])
  let used: Used | undefined
  const all = await watch({ wanted }, async () => {
    used = (await runScript('connects.py')) as Used
  })
  const own = all.filter(event => event.tid === used?.pid)
  assert.deepEqual(
    own.map(event => event.name).filter(name => name.startsWith('send')),
    [],
  )
  const fast = own.filter(event => event.args['addr'] === `127.0.0.1:${used?.fast}`)
  assert.deepEqual(
    fast.map(event => event.args['res']),
    [0, 0, 0, -111],
  )
})

test('connects of io_uring are told when they are handed in', { skip: liveSkipReason() }, async t => {
  let used: UsedRing | undefined
  const all = await watch({ wanted: stateCalls }, async () => {
    used = (await runScript('uring-connects.py')) as UsedRing
  })
  const { pid, port, fd, made, fixed, udp, polled, refused } = used!
  if (refused === true) return t.skip('io_uring is switched off on this machine')
  const told = all.filter(event => event.name === 'connect' && event.args['addr'] === `127.0.0.1:${port}`)
  const absent = { made, fixed: fixed ?? -1, polled: polled ?? -1 }
  for (const [what, value] of Object.entries(absent)) if (value < 0) t.diagnostic(`this kernel has none: ${what}`)
  const unbound = `0.0.0.0:0->127.0.0.1:${port}`
  const wanted = [
    { tid: pid, res: -115, fd, tuple: unbound },
    ...(made < 0 ? [] : [{ tid: pid, res: -115, fd: made, tuple: unbound }]),
    ...(fixed === undefined ? [] : [{ tid: pid, res: -115, fd: -1, tuple: null }]),
    { tid: pid, res: -115, fd: udp, tuple: unbound },
  ]
  const byProcess = told.filter(event => event.tid === pid)
  assert.deepEqual(
    byProcess.map(({ tid, args }) => ({ tid, res: args['res'], fd: args['fd'], tuple: args['tuple'] })),
    wanted,
  )
  // By a thread of the kernel that belongs to the process.
  if (polled !== undefined)
    assert.deepEqual(
      told.filter(event => event.tid !== pid).map(({ args }) => args['fd']),
      [polled],
    )
})
