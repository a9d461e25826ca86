import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { liveSkipReason, type SeenEvent, watch } from './testing.ts'
import { mergeWanted, stateCalls, wantAll } from './wanted-calls.ts'

/** What `testdata/rare-calls.py` prints. */
interface Used {
  readonly pid: number
  readonly sem: number
  readonly child: number
  readonly pidfd: number
  readonly ring: number
  readonly request: number
  readonly udp: number
}

interface Case {
  readonly name: string
  readonly event: string
  readonly args: (used: Used) => Readonly<Record<string, unknown>>
}

const text = Buffer.from('text of another process\0')
const request = `GET /${'x'.repeat(200)} HTTP/1.1\r\nHost: shop.example\r\n\r\n`
const udpTuple = ({ udp }: Used): string => `127.0.0.1:${udp}->127.0.0.1:${udp}`

const cases: readonly Case[] = [
  {
    name: 'a set of semaphores',
    event: 'semget',
    args: u => ({ res: u.sem, key: '0x0', nsems: 3, semflg: 'IPC_CREAT' }),
  },
  {
    name: 'the value of a semaphore',
    event: 'semctl',
    args: u => ({ res: 0, semid: u.sem, semnum: 1, cmd: 'SETVAL', val: 5 }),
  },
  {
    name: 'the first two operations on semaphores',
    event: 'semop',
    args: u => ({
      ...{ res: 0, nsops: 2, sem_num_0: 1, sem_op_0: -2, sem_flg_0: 'IPC_NOWAIT' },
      ...{ sem_num_1: 2, sem_op_1: 1, sem_flg_1: 'SEM_UNDO', semid: u.sem },
    }),
  },
  {
    name: 'quotas switched on',
    event: 'quotactl',
    args: () => ({
      ...{ special: '/dev/none', quotafilepath: '/quota.user', cmd: 'Q_QUOTAON', type: 'USRQUOTA', id: 0 },
      ...{ quota_fmt: 'QFMT_VFS_V0', quota_fmt_out: 'QFMT_NOT_USED', dqb_bhardlimit: 0 },
    }),
  },
  {
    name: 'limits of a group, only those that the call says are there',
    event: 'quotactl',
    args: () => ({
      ...{ special: '/dev/none', quotafilepath: null, cmd: 'Q_SETQUOTA', type: 'GRPQUOTA', id: 1234 },
      ...{ dqb_bhardlimit: 11, dqb_bsoftlimit: 12, dqb_curspace: 13, dqb_ihardlimit: 14, dqb_isoftlimit: 15 },
      ...{ dqb_btime: 0, dqb_itime: 0, quota_fmt: 'QFMT_NOT_USED' },
    }),
  },
  {
    name: 'an option of a file system',
    event: 'fsconfig',
    args: () => ({ res: 0, cmd: 'FSCONFIG_SET_STRING', key: 'size', value_charbuf: '1m', value_bytebuf: null, aux: 0 }),
  },
  {
    name: 'a file system that is made',
    event: 'fsconfig',
    args: () => ({ res: 0, cmd: 'FSCONFIG_CMD_CREATE', key: null, value_charbuf: null, value_bytebuf: null }),
  },
  { name: 'a descriptor of a process', event: 'pidfd_open', args: u => ({ fd: u.pidfd, pid: u.child, flags: 0 }) },
  {
    name: 'a descriptor taken from a process',
    event: 'pidfd_getfd',
    args: u => ({ pid_fd: u.pidfd, target_fd: 0 }),
  },
  {
    name: 'memory read of another process',
    event: 'process_vm_readv',
    args: u => ({ res: text.length, pid: u.child, data: { base64: text.toString('base64') } }),
  },
  {
    name: 'memory written of another process',
    event: 'process_vm_writev',
    args: u => ({ res: text.length, pid: u.child, data: { base64: text.toString('base64') } }),
  },
  { name: 'a signal to a process', event: 'kill', args: u => ({ res: 0, pid: u.child, sig: 9 }) },
  { name: 'a signal to a thread', event: 'tkill', args: u => ({ res: 0, tid: u.pid, sig: 0 }) },
  { name: 'a signal to a thread of a process', event: 'tgkill', args: u => ({ pid: u.pid, tid: u.pid, sig: 0 }) },
  {
    name: 'a keyring by its name',
    event: 'keyctl',
    args: () => ({ operation: 'KEYCTL_JOIN_SESSION_KEYRING', arg2: { type: 'CHARBUF', value: 'ring-name' } }),
  },
  { name: 'rights of a process', event: 'capset', args: () => ({ res: 0, cap_inheritable: '0x0' }) },
  {
    name: 'memory made executable',
    event: 'mprotect',
    args: () => ({ res: 0, length: 4096, prot: 'PROT_EXEC|PROT_READ' }),
  },
  {
    name: 'executable memory',
    event: 'mmap',
    args: () => ({ length: 8192, prot: 'PROT_EXEC|PROT_READ', flags: 'MAP_ANONYMOUS|MAP_PRIVATE', fd: -1 }),
  },
  { name: 'a ring of io_uring', event: 'io_uring_setup', args: u => ({ res: u.ring, entries: 4 }) },
  { name: 'a command of bpf that there is not', event: 'bpf', args: () => ({ fd: -22, cmd: 65535 }) },
  { name: 'page faults in user space', event: 'userfaultfd', args: () => ({ flags: 524288 }) },
  ...(['write', 'writev', 'sendto', 'sendmsg'] as const).map(event => ({
    name: `an HTTP request by ${event}, beyond the snap length`,
    event,
    args: (u: Used) => ({ res: u.request, data: request }),
  })),
  { name: 'a message of several', event: 'sendmmsg', args: u => ({ res: 3, data: 'one', tuple: udpTuple(u) }) },
  { name: 'the next one', event: 'sendmmsg', args: u => ({ res: 6, data: 'second', tuple: udpTuple(u) }) },
  { name: 'a message received', event: 'recvmmsg', args: u => ({ res: 3, data: 'one', tuple: udpTuple(u) }) },
]

describe('events that few programs cause', { skip: liveSkipReason() }, () => {
  let seen: readonly SeenEvent[] = []
  let used: Used

  before(async () => {
    const wanted = mergeWanted(
      stateCalls,
      // Of writes and sends those that tell names, as the state wants them.
      wantAll(cases.map(c => c.event).filter(event => !/^(write|sendto|sendmsg$)/.test(event))),
    )
    const all = await watch({ wanted }, async () => {
      const script = fileURLToPath(new URL('testdata/rare-calls.py', import.meta.url))
      const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-S', script])
      used = JSON.parse(stdout) as Used
    })
    seen = all.filter(event => event.tid === used.pid)
  })

  for (const c of cases) {
    test(`${c.event}: ${c.name}`, t => {
      if (c.event === 'io_uring_setup' && used.ring < 0) return t.skip('io_uring is switched off on this machine')
      const wanted = Object.entries(c.args(used))
      const told = seen.filter(event => event.name === c.event)
      const found = told.some(event =>
        wanted.every(([key, value]) => JSON.stringify(event.args[key]) === JSON.stringify(value)),
      )
      assert.ok(
        found,
        `none has ${JSON.stringify(Object.fromEntries(wanted))}\n${told.map(e => JSON.stringify(e.args)).join('\n')}`,
      )
    })
  }

  test('what only begins like a request is not told', () => {
    assert.deepEqual(
      seen.filter(event => event.name === 'write' && event.args['res'] !== used.request),
      [],
    )
  })
})
