import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CurrentEvent } from './current-event.ts'
import { type Fd, FdType, OPEN_CLOEXEC } from './fd.ts'
import { TestHost } from './testdata/test-host.ts'
import { CloneFlag } from './thread.ts'

const DIRECTORY = 1 << 10
const UPPER = 1 << 15
const LOWER = 1 << 16

function shell(): TestHost {
  const host = new TestHost()
  host.process(1, { ptid: 0 })
  host.process(100)
  return host
}

/** A host whose process 100 has fd 3 on /srv/file. */
function withFile(flags = 0): TestHost {
  const host = shell()
  host.open(3, 'file', flags)
  return host
}

function assertFd(fd: Fd | undefined, want: Readonly<Partial<Fd>> | undefined): void {
  if (want === undefined) {
    assert.equal(fd, undefined)
    return
  }
  assert.ok(fd !== undefined, 'the fd is known')
  assert.deepEqual(Object.fromEntries(Object.keys(want).map(key => [key, fd[key as keyof Fd]])), want)
}

const cases: readonly {
  readonly name: string
  readonly host?: () => TestHost
  readonly act: (host: TestHost) => CurrentEvent | undefined
  readonly num?: number
  readonly want: Readonly<Partial<Fd>> | undefined
  /** Whether the event is about that fd; true unless said otherwise. */
  readonly isEventFd?: false
}[] = [
  // open and its kin
  {
    name: 'open of a relative path starts from the working directory',
    act: h => h.emit('open', { fd: 3, name: 'a/../b', flags: 1, dev: 9, ino: 77 }),
    want: { type: FdType.file, name: '/srv/b', nameRaw: 'a/../b', openFlags: 1, dev: 9, ino: 77 },
  },
  {
    name: 'open of an absolute path stands alone',
    act: h => h.emit('open', { fd: 3, name: '/etc/passwd', flags: 1 }),
    want: { name: '/etc/passwd', dev: 0, ino: 0 },
  },
  {
    name: 'an open that failed opens nothing',
    act: h => h.emit('open', { fd: -2, name: '/x', flags: 1 }),
    want: undefined,
  },
  {
    name: 'an open without a path',
    act: h => h.emit('open', { fd: 3, flags: 1 }),
    want: { name: '/srv/<NA>', nameRaw: '<NA>' },
  },
  {
    name: 'a directory is one by its flag',
    act: h => h.open(3, '/etc', DIRECTORY),
    want: { type: FdType.directory, name: '/etc' },
  },
  {
    name: 'flags tell the layer of an overlay',
    act: h => h.open(3, '/x', UPPER),
    want: { isUpperLayer: true, isLowerLayer: false },
  },
  {
    name: 'openat from the working directory',
    act: h => h.emit('openat', { fd: 3, dirfd: -100, name: 'b', flags: 0, dev: 1, ino: 2 }),
    want: { name: '/srv/b', dev: 1, ino: 2 },
  },
  {
    name: 'openat from a directory',
    act: h => {
      h.open(5, '/var/log', DIRECTORY)
      return h.emit('openat', { fd: 3, dirfd: 5, name: '../b', flags: 0 })
    },
    want: { name: '/var/b' },
  },
  {
    name: 'openat from a directory that is not known',
    act: h => h.emit('openat', { fd: 3, dirfd: 5, name: 'b', flags: 0 }),
    want: { name: '<UNKNOWN>b' },
  },
  {
    name: 'openat of an absolute path does not ask for the directory',
    act: h => h.emit('openat', { fd: 3, dirfd: 5, name: '/b', flags: 0 }),
    want: { name: '/b' },
  },
  {
    name: 'openat2 has its device further on',
    act: h => h.emit('openat2', { fd: 3, dirfd: -100, name: 'b', flags: LOWER, dev: 3, ino: 4 }),
    want: { name: '/srv/b', dev: 3, ino: 4, isLowerLayer: true },
  },
  {
    name: 'creat has flags of its own',
    act: h => h.emit('creat', { fd: 3, name: 'new', mode: 0o644, dev: 5, ino: 6, creat_flags: 1 }),
    want: { name: '/srv/new', dev: 5, ino: 6, isUpperLayer: true, openFlags: UPPER },
  },
  {
    name: 'open_by_handle_at gives the path as the kernel knows it',
    act: h => h.emit('open_by_handle_at', { fd: 3, mountfd: 9, flags: 0, path: '/mnt/x', dev: 1, ino: 2 }),
    want: { name: '/mnt/x', ino: 2 },
  },
  {
    name: 'an open of a number that is open: its close was missed',
    act: h => {
      h.open(3, '/old')
      return h.open(3, '/new')
    },
    want: { name: '/new' },
  },

  // close
  {
    name: 'a closed fd is there while the event is judged',
    host: withFile,
    act: h => h.close(3),
    want: { name: '/srv/file' },
  },
  {
    name: 'and gone at the next',
    host: withFile,
    act: h => {
      h.close(3)
      h.settle()
      return undefined
    },
    want: undefined,
  },
  {
    name: 'a close that failed closes nothing',
    host: withFile,
    act: h => {
      h.emit('close', { res: -9, fd: 3 })
      h.settle()
      return undefined
    },
    want: { name: '/srv/file' },
    isEventFd: false,
  },
  {
    name: 'a number that is closed and opened at once is the new file',
    host: withFile,
    act: h => {
      h.close(3)
      return h.open(3, '/new')
    },
    want: { name: '/new' },
  },
  {
    name: 'close_range closes from first to last',
    act: h => {
      for (const num of [3, 4, 5, 6]) h.open(num, `/${num}`)
      h.emit('close_range', { res: 0, first: 4, last: 5, flags: 0 })
      assert.deepEqual(h.fdNums(), [3, 6])
      return undefined
    },
    want: { name: '/3' },
    isEventFd: false,
  },
  {
    name: 'close_range to the end',
    act: h => {
      for (const num of [3, 4, 5]) h.open(num, `/${num}`)
      h.emit('close_range', { res: 0, first: 4, last: 0xffffffff, flags: 0 })
      assert.deepEqual(h.fdNums(), [3])
      return undefined
    },
    want: { name: '/3' },
    isEventFd: false,
  },
  {
    name: 'close_range that only marks for the next program closes nothing',
    host: withFile,
    act: h => {
      h.emit('close_range', { res: 0, first: 0, last: 9, flags: 4 })
      return undefined
    },
    want: { name: '/srv/file' },
    isEventFd: false,
  },

  // copies
  {
    name: 'dup makes a copy that an execve does not close',
    host: () => withFile(OPEN_CLOEXEC),
    act: h => h.emit('dup', { res: 7, oldfd: 3 }),
    num: 7,
    want: { name: '/srv/file', openFlags: 0, num: 7 },
  },
  {
    name: 'dup2 over an open number takes its place',
    host: withFile,
    act: h => {
      h.open(7, '/old')
      return h.emit('dup2', { res: 7, oldfd: 3, newfd: 7 })
    },
    num: 7,
    want: { name: '/srv/file' },
  },
  {
    name: 'dup3 may say that an execve closes it',
    host: withFile,
    act: h => h.emit('dup3', { res: 7, oldfd: 3, newfd: 7, flags: OPEN_CLOEXEC }),
    num: 7,
    want: { isCloseOnExec: true },
  },
  {
    name: 'dup3 without the flag does not',
    host: () => withFile(OPEN_CLOEXEC),
    act: h => h.emit('dup3', { res: 7, oldfd: 3, newfd: 7, flags: 0 }),
    num: 7,
    want: { isCloseOnExec: false },
  },
  {
    name: 'a dup that failed',
    host: withFile,
    act: h => h.emit('dup', { res: -9, oldfd: 3 }),
    num: -9,
    want: undefined,
    isEventFd: false,
  },
  { name: 'a dup of what is not known', act: h => h.emit('dup', { res: 7, oldfd: 3 }), num: 7, want: undefined },
  {
    name: 'F_DUPFD copies',
    host: withFile,
    act: h => h.emit('fcntl', { res: 7, fd: 3, cmd: 1, arg: 5 }),
    num: 7,
    want: { name: '/srv/file', isCloseOnExec: false },
  },
  {
    name: 'F_DUPFD_CLOEXEC copies to a number that an execve closes',
    host: withFile,
    act: h => h.emit('fcntl', { res: 7, fd: 3, cmd: 26, arg: 5 }),
    num: 7,
    want: { isCloseOnExec: true },
  },
  {
    name: 'F_SETFD sets the mark',
    host: withFile,
    act: h => h.emit('fcntl', { res: 0, fd: 3, cmd: 3, arg: 1 }),
    want: { isCloseOnExec: true },
  },
  {
    name: 'F_SETFD takes the mark off',
    host: () => withFile(OPEN_CLOEXEC),
    act: h => h.emit('fcntl', { res: 0, fd: 3, cmd: 3, arg: 0 }),
    want: { isCloseOnExec: false },
  },
  {
    name: 'an F_SETFD that failed',
    host: withFile,
    act: h => h.emit('fcntl', { res: -1, fd: 3, cmd: 3, arg: 1 }),
    want: { isCloseOnExec: false },
  },
  {
    name: 'other commands of fcntl make nothing',
    host: withFile,
    act: h => {
      h.emit('fcntl', { res: 7, fd: 3, cmd: 2, arg: 0 })
      return undefined
    },
    num: 7,
    want: undefined,
  },
  {
    name: 'pidfd_getfd takes a copy out of another process',
    host: withFile,
    act: h => {
      h.emit('pidfd_open', { fd: 9, pid: 100, flags: 0 }, { tid: 1 })
      h.emit('pidfd_getfd', { fd: 10, pid_fd: 9, target_fd: 3, flags: 0 }, { tid: 1 })
      assert.equal(h.fd(10, 1)?.name, '/srv/file')
      return undefined
    },
    want: { name: '/srv/file' },
    isEventFd: false,
  },
  {
    name: 'pidfd_getfd by what is no pidfd',
    host: withFile,
    act: h => {
      h.emit('pidfd_getfd', { fd: 10, pid_fd: 3, target_fd: 3, flags: 0 })
      return undefined
    },
    num: 10,
    want: undefined,
  },

  // others
  {
    name: 'pipe2 makes two ends of one inode',
    act: h => {
      h.emit('pipe2', { res: 0, fd1: 3, fd2: 4, ino: 88, flags: OPEN_CLOEXEC })
      assertFd(h.fd(4), { type: FdType.fifo, ino: 88, isCloseOnExec: true })
      return undefined
    },
    want: { type: FdType.fifo, ino: 88, isCloseOnExec: true },
    isEventFd: false,
  },
  {
    name: 'pipe has no flags',
    act: h => {
      h.emit('pipe', { res: 0, fd1: 3, fd2: 4, ino: 88 })
      return undefined
    },
    want: { type: FdType.fifo, openFlags: 0 },
    isEventFd: false,
  },
  { name: 'a pipe that failed', act: h => h.emit('pipe', { res: -24, fd1: 3, fd2: 4 }), want: undefined },
  {
    name: 'memfd_create gives a name',
    act: h => h.emit('memfd_create', { fd: 3, name: 'secret', flags: 1 }),
    want: { type: FdType.memfd, name: 'secret', isCloseOnExec: true },
  },
  {
    name: 'pidfd_open knows the process',
    act: h => h.emit('pidfd_open', { fd: 3, pid: 1, flags: 0 }),
    want: { type: FdType.pidfd, pid: 1, name: '/proc/1' },
  },
  { name: 'eventfd2', act: h => h.emit('eventfd2', { res: 3, flags: 0 }), want: { type: FdType.event } },
  {
    name: 'epoll_create1 with its own mark for execve',
    act: h => h.emit('epoll_create1', { res: 3, flags: 1 }),
    want: { type: FdType.eventpoll, isCloseOnExec: true },
  },
  {
    name: 'the mark of an epoll comes off',
    act: h => {
      h.emit('epoll_create1', { res: 3, flags: 1 })
      return h.emit('fcntl', { res: 0, fd: 3, cmd: 3, arg: 0 })
    },
    want: { isCloseOnExec: false },
  },
  { name: 'timerfd_create', act: h => h.emit('timerfd_create', { res: 3 }), want: { type: FdType.timerfd } },
  { name: 'inotify_init1', act: h => h.emit('inotify_init1', { res: 3, flags: 0 }), want: { type: FdType.inotify } },
  { name: 'io_uring_setup', act: h => h.emit('io_uring_setup', { res: 3 }), want: { type: FdType.iouring } },
  { name: 'userfaultfd', act: h => h.emit('userfaultfd', { res: 3 }), want: { type: FdType.userfaultfd } },
  { name: 'signalfd4', act: h => h.emit('signalfd4', { res: 3, flags: 0 }), want: { type: FdType.signal } },
]

for (const c of cases) {
  test(`fds: ${c.name}`, () => {
    const host = (c.host ?? shell)()
    const current = c.act(host)
    assertFd(host.fd(c.num ?? 3), c.want)
    if (current === undefined || c.isEventFd === false) return
    if (c.want === undefined) assert.equal(current.fd, undefined)
    else assert.equal(current.fdNum, current.fd?.num)
  })
}

test('an event’s fd is known by its number even where nothing else is', () => {
  const host = shell()
  const current = host.emit('read', { res: 1, fd: 9 })
  assert.equal(current.fdNum, 9)
  assert.equal(current.fd, undefined)
  assert.equal(host.emit('open', { fd: -2, name: '/x' }).fdNum, -1)
  assert.equal(host.emit('kill', {}).fdNum, -1)
  assert.equal(host.emit('switch', {}, { tid: 999 }).fdNum, undefined)
})

test('an execve closes what is marked, and nothing else', () => {
  const host = shell()
  host.open(3, '/stays')
  host.open(4, '/goes', OPEN_CLOEXEC)
  host.emit('epoll_create1', { res: 5, flags: 1 })
  host.emit('memfd_create', { fd: 6, name: 'm', flags: 0 })
  host.exec(100)
  assert.deepEqual(host.fdNums(), [3, 6])
})

test('a child has its parent’s fds, and each its own from then on', () => {
  const host = shell()
  host.open(3, '/shared')
  host.clone(100, 200)
  host.open(4, '/child', 0, 200)
  host.close(3)
  host.settle()
  assert.deepEqual(host.fdNums(100), [])
  assert.deepEqual(host.fdNums(200), [3, 4])
})

test('a thread has its process’s fds', () => {
  const host = shell()
  host.open(3, '/shared')
  host.clone(100, 101, { flags: CloneFlag.thread, pid: 100, ptid: 1 })
  host.open(4, '/by-thread', 0, 101)
  assert.deepEqual(host.fdNums(100), [3, 4])
  assert.deepEqual(host.fdNums(101), [3, 4])
  host.close(3, 101)
  host.settle()
  assert.deepEqual(host.fdNums(100), [4])
})

test('a change in a child’s fd is none in the parent’s', () => {
  const host = shell()
  host.open(3, '/x')
  host.clone(100, 200)
  host.emit('fcntl', { res: 0, fd: 3, cmd: 3, arg: 1 }, { tid: 200 })
  assert.equal(host.fd(3, 200)?.isCloseOnExec, true)
  assert.equal(host.fd(3, 100)?.isCloseOnExec, false)
})

test('standard output or input that becomes a copy marks a pipeline', () => {
  const host = withFile()
  host.emit('dup2', { res: 1, oldfd: 3, newfd: 1 })
  assert.equal(host.thread(100).flags & CloneFlag.pipeSource, CloneFlag.pipeSource)
  host.emit('dup2', { res: 0, oldfd: 99, newfd: 0 })
  assert.equal(host.thread(100).flags & CloneFlag.pipeDest, CloneFlag.pipeDest)
})

test('fds of a thread whose process is not known are lost, without harm', () => {
  const host = shell()
  host.process(500, { pid: 400, flags: CloneFlag.thread | CloneFlag.files })
  assert.equal(host.open(3, '/x', 0, 500).fd, undefined)
  assert.equal(host.close(3, 500).fd, undefined)
})

test('a full table loses the fd, and says so', () => {
  const host = new TestHost({ maxFdsPerProcess: 2 })
  host.process(100)
  host.open(3, '/a')
  host.open(4, '/b')
  const current = host.open(5, '/c')
  assert.equal(current.fd, undefined)
  assert.equal(current.fdNum, 5)
  assert.equal(host.state.counters().droppedFds, 1)
})
