/**
 * What is known of a process must not depend on whether it was there before: the state made of events (clone, execve and what follows) and the
 * state read from /proc are laid side by side, field by field, for processes of many kinds. What a process changes of itself later is another
 * matter (docs/compatibility-state.md).
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
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

const ROOT_OF_SOMEBODY = [
  ...['/usr/bin/setpriv', '--reuid=1', '--regid=1', '--clear-groups'],
  ...['/usr/bin/unshare', '-Ur'],
]
const WAIT = 'import time;time.sleep(1000)'
/** Each ends up as a program that says `ready` and waits: `sleep`, or a shell that has gone through something. */
const kinds: readonly {
  readonly name: string
  readonly command: readonly string[]
  /** Fields that what happens to it later changes. */
  readonly changes?: readonly string[]
  readonly skip?: string | false
  /** How many it has in the end. */
  readonly threads?: number
}[] = [
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
  { name: 'threads', command: ['/usr/bin/python3', '-S', '-c', THREADS()], threads: 4 },
  { name: 'a script of a script', command: ['/bin/bash', '-c', 'exec ./second "x  y" ""'] },
  { name: 'from memory', command: ['/usr/bin/python3', '-S', '-c', FROM_MEMORY()] },
  {
    name: 'its file is gone',
    command: [
      '/bin/bash',
      '-c',
      'cp /bin/sleep gone; ./gone 1000 & until [ "$(</proc/$!/comm)" = gone ]; do :; done; rm gone; wait',
    ],
    changes: ['exeInoCtime'],
  },
  { name: 'begun by another thread than the first', command: ['/usr/bin/python3', '-S', '-c', BY_A_THREAD()] },
  {
    name: 'an orphan of a subreaper',
    command: [
      '/usr/bin/python3',
      '-S',
      '-c',
      `import ctypes,os\nctypes.CDLL(None).prctl(36,1,0,0,0)\nos.system('(sleep 1000; :) &')\n${WAIT}`,
    ],
  },
  {
    name: 'a program that makes whoever runs it another user',
    command: [
      '/bin/bash',
      '-c',
      'cp /bin/sleep sleep-as; chown 1:1 sleep-as; chmod 6755 sleep-as; exec ./sleep-as 1000',
    ],
  },
  {
    name: 'root in a user namespace of somebody',
    command: [...ROOT_OF_SOMEBODY, '/bin/sleep', '1000'],
    skip:
      skip === false && spawnSync(ROOT_OF_SOMEBODY[0]!, [...ROOT_OF_SOMEBODY.slice(1), '/bin/true']).status !== 0
        ? 'not everybody may make a user namespace here'
        : false,
  },
  {
    name: 'under names that are none',
    command: ['/bin/bash', '-c', String.raw`cp /bin/sleep $'odd\e[2J\n\xff'; exec -a $'a\n\e[31m\xfe b' ./odd* 1000`],
  },
  { name: 'without arguments', command: ['/usr/bin/python3', '-S', '-c', WITHOUT_ARGUMENTS()] },
  { name: 'on a terminal', command: ['/usr/bin/script', '-qec', 'sleep 1000', '/dev/null'] },
]

function FROM_MEMORY(): string {
  return "import os\nfd=os.memfd_create('sleep in memory')\nos.write(fd,open('/bin/sleep','rb').read())\nos.execve(fd,['sleep','1000'],{'A':'b'})"
}
function BY_A_THREAD(): string {
  return "import os,threading,time\nthreading.Thread(target=os.execv,args=('/bin/sleep',['sleep','1000'])).start()\ntime.sleep(1000)"
}
/** A program that waits whatever it is given. */
function WITHOUT_ARGUMENTS(): string {
  return "import ctypes,os\nn,e=(ctypes.c_char_p*1)(None),(ctypes.c_char_p*2)(b'A=b',None)\nr,w=os.pipe();os.dup2(r,0);os.set_inheritable(w,True)\nctypes.CDLL(None).execve(b'/bin/cat',n,e)"
}
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
  writeFileSync(join(folder, 'first'), '#!/bin/sh\nsleep 1000\n:\n', { mode: 0o755 })
  writeFileSync(join(folder, 'second'), `#!${folder}/first  an argument \n`, { mode: 0o755 })
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
    for (const { command, skip: why } of kinds) {
      const [file, ...args] = typeof why === 'string' ? ['/bin/sleep', '1000'] : command
      roots.push(new Running(t, '/bin/sh', ['-c', `cd ${folder} && exec "$@"`, 'sh', file!, ...args]))
    }
    for (const [i, { child, err }] of roots.entries())
      await until(`${kinds[i]!.name} to wait`, () => {
        assert.equal(child.exitCode, null, `${kinds[i]!.name} ended: ${err}`)
        const tids = familyOf(child.pid!)
        return (
          tids.length >= (kinds[i]!.threads ?? 1) &&
          tids.every(isAsleep) &&
          tids.some(tid => /^(sl|python3|odd|gone$|cat$|[0-9]+$|memfd)/.test(commOf(tid)))
        )
      })
    const read = new HostState()
    readWorld(stateSink(read, () => true))
    for (const [i, { child }] of roots.entries()) {
      await t.test(kinds[i]!.name, { skip: kinds[i]!.skip ?? false }, async () => {
        const tids = familyOf(child.pid!)
        for (const tid of tids) {
          const facts = (state: HostState): unknown => {
            const all = { ...factsOf(state, state.threads.get(tid)!) }
            for (const name of kinds[i]!.changes ?? []) delete all[name]
            return all
          }
          const seen = (): unknown => events.threads.has(tid) && facts(events)
          const found = facts(read)
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
