import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { liveSkipReason, type SeenEvent, watch } from './testing.ts'
import { mergeWanted, stateCalls, wantAll } from './wanted-calls.ts'

/** What `testdata/connects.py` prints. */
interface Used {
  readonly pid: number
  readonly later: readonly [number, number]
  readonly nobody: number
  readonly full: number
  readonly directory: string
}

const unixTuple = (path: string): RegExp => new RegExp(`^unix:(0|ffff[0-9a-f]+)->ffff[0-9a-f]+ ${path}$`)

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
      const script = fileURLToPath(new URL('testdata/connects.py', import.meta.url))
      const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-S', script])
      used = JSON.parse(stdout) as Used
    })
    seen = all.filter(event => event.tid === used.pid)
  })

  for (const c of cases) {
    test(c.name, () => {
      const wanted = Object.entries(c.args(used))
      const told = seen.filter(event => event.name === c.event)
      const found = told.some(event =>
        wanted.every(([key, value]) =>
          value instanceof RegExp
            ? value.test(String(event.args[key]))
            : JSON.stringify(event.args[key]) === JSON.stringify(value),
        ),
      )
      const text = Object.fromEntries(
        wanted.map(([key, value]) => [key, value instanceof RegExp ? String(value) : value]),
      )
      assert.ok(found, `none has ${JSON.stringify(text)}\n${told.map(e => JSON.stringify(e.args)).join('\n')}`)
    })
  }
})
