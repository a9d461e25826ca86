/**
 * What is known of a process must not depend on whether it was there before: the state made of events (clone, execve and what follows) and the
 * state read from /proc are laid side by side, field by field, for processes of many kinds. What a process changes of itself later is another
 * matter (docs/compatibility-state.md).
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { allEvents } from '../../src/agent/base-syscalls.ts'
import { pumpLive } from '../../src/agent/pump-live.ts'
import { liveSkipReason, readWorld } from '../../src/events/live/testing.ts'
import { FdType } from '../../src/state/fd.ts'
import { HostState, stateSink } from '../../src/state/host-state.ts'
import type { Thread } from '../../src/state/thread.ts'
import { Running, scratch, until } from './running.ts'

const tools = ['/usr/bin/unshare', '/usr/bin/setpriv', '/usr/bin/setsid', '/usr/bin/script', '/usr/sbin/chroot']
const lacking = tools.find(file => !existsSync(file))
const skip =
  liveSkipReason() || (process.getuid?.() !== 0 && 'needs root') || (lacking !== undefined && `needs ${lacking}`)

/** Each ends up as a program that says `ready` and waits: `sleep`, or a shell that has gone through something. */
const kinds: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'a program', command: ['/bin/sleep', '1000'] },
  { name: 'under another name', command: ['/bin/bash', '-c', 'exec -a "other name" /bin/sleep 1000'] },
  { name: 'of another environment', command: ['/usr/bin/env', '-i', 'A=b', '/bin/sleep', '1000'] },
  { name: 'a child by fork, in another directory', command: ['/bin/bash', '-c', 'cd away; (sleep 1000; :); :'] },
  { name: 'a session of its own', command: ['/usr/bin/setsid', '--wait', '/bin/sleep', '1000'] },
  { name: 'a group of its own', command: ['/bin/bash', '-c', 'set -m; sleep 1000 & wait'] },
  {
    name: 'of nobody, without rights',
    command: ['/usr/bin/setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '/bin/sleep', '1000'],
  },
  {
    name: 'with some rights',
    command: ['/usr/bin/setpriv', '--inh-caps=-all,+chown', '--bounding-set=-all,+chown,+kill', '/bin/sleep', '1000'],
  },
  {
    name: 'the first of a pid namespace',
    command: ['/usr/bin/unshare', '--pid', '--fork', '--mount-proc', '/bin/sleep', '1000'],
  },
  {
    name: 'in a pid namespace, a group of its own',
    command: ['/usr/bin/unshare', '--pid', '--fork', '--mount-proc', '/bin/bash', '-c', 'set -m; sleep 1000 & wait'],
  },
  {
    name: 'in a pid namespace, of a session from outside',
    command: ['/usr/bin/unshare', '--pid', '--fork', '/bin/bash', '-c', '(sleep 1000; :); :'],
  },
  { name: 'in another root', command: ['/usr/sbin/chroot', '/', '/bin/sleep', '1000'] },
  { name: 'a file that it opened', command: ['/bin/bash', '-c', 'exec 7<away/file 8>>away/log; sleep 1000; :'] },
  { name: 'threads', command: ['/usr/bin/python3', '-S', '-c', THREADS()] },
  { name: 'on a terminal', command: ['/usr/bin/script', '-qec', 'sleep 1000', '/dev/null'] },
]

function THREADS(): string {
  return 'import threading,time\nfor i in range(3): threading.Thread(target=time.sleep,args=(1000,)).start()\ntime.sleep(1000)'
}

/** Of the moment, or never in events. */
const fields = [
  ...['tid', 'pid', 'ptid', 'sid', 'pgid', 'vpgid', 'vtid', 'vpid', 'comm', 'exe', 'exepath', 'args', 'uid', 'gid'],
  ...['root', 'tty', 'loginuid', 'capInheritable', 'capPermitted', 'capEffective', 'exeWritable'],
  ...['exeUpperLayer', 'exeLowerLayer', 'exeFromMemfd', 'exeIno', 'exeInoCtime', 'exeInoMtime', 'fdlimit', 'netns'],
  ...['mntns', 'containerId'],
] as const

/** PPM_O_RDONLY, WRONLY and APPEND: /proc has no flags of the opening alone, but those that the kernel or `fcntl` adds. */
const LASTING_FLAGS = 0x1 | 0x2 | 0x8
/** Those that events tell. /proc has the names of version 1, where it is that, and others beside. */
const CONTROLLERS: ReadonlySet<string> = new Set(['cpuset', 'cpu', 'cpuacct', 'io', 'memory'])

function cgroupsOf(list: readonly string[]): readonly string[] {
  const items = list.map(item => item.replace(/^blkio=/, 'io='))
  return items.filter(item => CONTROLLERS.has(item.slice(0, item.indexOf('=')))).sort()
}

function factsOf(state: HostState, t: Thread): Readonly<Record<string, unknown>> {
  const all = t as unknown as Readonly<Record<string, unknown>>
  const facts: Record<string, unknown> = {}
  for (const name of fields) facts[name] = all[name]
  facts['cwd'] = state.cwdOf(t)
  facts['env'] = state.envOf(t)
  facts['cgroups'] = cgroupsOf(t.cgroups)
  facts['fds'] = [...t.fds.values()]
    // A terminal's other end comes from an ioctl that no event tells of.
    .filter(({ type, name }) => type === FdType.file && !name.startsWith('/dev/pts/'))
    .map(({ num, name, openFlags, dev, ino }) => [num, name, openFlags & LASTING_FLAGS, dev, ino].join(' '))
    .sort()
  return facts
}

const procText = (path: string): string => {
  try {
    return readFileSync(`/proc/${path}`, 'latin1')
  } catch {
    return ''
  }
}
const commOf = (tid: number): string => procText(`${tid}/comm`).trimEnd()
const isAsleep = (tid: number): boolean => /\) S /.test(procText(`${tid}/stat`))

function kill(tid: number): void {
  try {
    process.kill(tid, 'SIGKILL')
  } catch {
    // It is a thread whose process is gone.
  }
}

/** The threads of the process and of all that come from it. */
function familyOf(pid: number): readonly number[] {
  const tids = existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`).map(Number) : []
  const children = tids.flatMap(tid => procText(`${pid}/task/${tid}/children`).split(' ').filter(Boolean).map(Number))
  return [...tids, ...children.flatMap(familyOf)]
}

test('a process that was there before is known as if it had been seen to begin', { skip }, async t => {
  const folder = scratch(t)
  mkdirSync(join(folder, 'away'))
  writeFileSync(join(folder, 'away/file'), 'x')
  const events = new HostState()
  const stop = new AbortController()
  const roots: Running[] = []
  let hasBegun = false
  const pumped = pumpLive(
    await import('../../src/agent/kernel-events.ts'),
    stateSink(events, () => true),
    {
      wanted: { ...allEvents(), observesNames: true },
      snaplen: 80,
      ringBytes: 64 * 1024 * 1024,
      signal: stop.signal,
      betweenPieces: () => {
        hasBegun = true
        return undefined
      },
    },
  )
  try {
    await until('events', () => hasBegun)
    for (const { command } of kinds) {
      const [file, ...args] = command
      roots.push(new Running(t, '/bin/sh', ['-c', `cd ${folder} && exec "$@"`, 'sh', file!, ...args]))
    }
    for (const [i, { child, err }] of roots.entries())
      await until(`${kinds[i]!.name} to wait`, () => {
        assert.equal(child.exitCode, null, `${kinds[i]!.name} ended: ${err}`)
        const tids = familyOf(child.pid!)
        return tids.every(isAsleep) && tids.some(tid => /sleep|python3/.test(commOf(tid)))
      })
    const read = new HostState()
    readWorld(stateSink(read, () => true))
    for (const [i, { child }] of roots.entries()) {
      await t.test(kinds[i]!.name, async () => {
        const tids = familyOf(child.pid!)
        for (const tid of tids) {
          const seen = (): unknown => events.threads.has(tid) && factsOf(events, events.threads.get(tid)!)
          const found = factsOf(read, read.threads.get(tid)!)
          // Its events may still wait.
          await until('its events', () => isDeepStrictEqual(seen(), found)).catch(() => {})
          assert.deepEqual(seen(), found, `thread ${tid} (${commOf(tid)}), seen and found`)
        }
      })
    }
  } finally {
    for (const { child } of roots) for (const tid of familyOf(child.pid!).toReversed()) kill(tid)
    stop.abort()
    await pumped
  }
})
