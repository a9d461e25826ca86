/**
 * Where a recording by Tiercel's probe differs from one by the driver of Falco 0.44, with the reason of each. `always`: it must show in each
 * run, so one that is no more fails the test. The others come from the machine (other files than where the captures were recorded) or from
 * the moment (who of two processes came first), and may show.
 */
export interface KnownDifference {
  readonly kind: 'always' | 'machine' | 'moment'
  readonly reason: string
  readonly workloads?: readonly string[]
  readonly programs?: readonly string[]
  readonly events?: readonly string[]
  /** Parameters; `event`, `thread` and `shape` as in `RunDifference`. */
  readonly keys: readonly string[]
  /** Which values, Falco's first. */
  readonly takes?: (want: string, got: string) => boolean
}

const areNumbers = (want: string, got: string): boolean => /^\d+$/.test(want) && /^\d+$/.test(got)
const generic = (...names: readonly string[]): ((want: string, got: string) => boolean) => {
  const ids = names.map(name => `syscall {"ID":"${name}"`)
  return (want, got) => ids.some(id => (want === 'none' ? got : want).startsWith(id))
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    kind: 'always',
    reason: 'the current directory is told; Falco leaves it empty',
    events: ['execve', 'execveat'],
    keys: ['cwd'],
    takes: (want, got) => want === 'null' && got.startsWith('/'),
  },
  {
    kind: 'always',
    reason: 'in the child, Falco reads the flags of clone3 from memory that the parent may have used again',
    events: ['clone3'],
    keys: ['flags'],
  },
  {
    kind: 'always',
    reason: 'abstract names end with the address; Falco reads on into what the memory held before',
    programs: ['python3'],
    events: ['connect', 'bind'],
    keys: ['addr'],
    takes: (want, got) => got === 'unix:abstract-test' && want.startsWith('unix:abstract-test'),
  },
  {
    kind: 'always',
    reason: 'what dig receives is told; of its large buffers Falco has no bytes',
    programs: ['dig'],
    events: ['recvmsg'],
    keys: ['shape'],
    takes: (want, got) => want.includes('data=null') || got.includes('data=some'),
  },
  {
    kind: 'always',
    reason: 'what is opened as descriptor 0 has its device and inode, too; Falco looks at descriptors above it',
    workloads: ['ctr'],
    events: ['openat'],
    keys: ['dev', 'ino'],
    takes: (want, got) => want === '0' && got === 'some',
  },

  {
    kind: 'machine',
    reason: 'files are of another size (ld.so.cache, /etc/passwd, locales), directories have other entries',
    events: ['mmap', 'munmap', 'read', 'pread', 'write', 'lseek', 'getdents64', 'copy_file_range'],
    keys: ['length', 'res', 'size', 'pos'],
    takes: areNumbers,
  },
  {
    kind: 'machine',
    reason: '/etc/dnsmasq.conf comes with another package than the program',
    programs: ['dnsmasq'],
    events: ['openat', 'newfstatat', 'read', 'close'],
    keys: ['fd', 'dev', 'ino', 'res', 'event'],
  },

  {
    kind: 'machine',
    reason:
      'the repository that git works on, the names that netstat looks up and the file system that find walks are others',
    programs: ['git', 'git-upload-pack', 'netstat', 'find'],
    events: ['access', 'prlimit', 'socket', 'setsockopt', 'connect', 'poll', 'sendto', 'syscall'],
    keys: ['shape'],
  },

  {
    kind: 'moment',
    reason: 'when a signal comes, and whether a child has ended before it is waited for',
    events: ['syscall'],
    keys: ['event'],
    takes: generic(
      'wait4',
      'waitid',
      'pause',
      'getpid',
      'rt_sigreturn',
      'rt_sigprocmask',
      'rt_sigaction',
      'rt_sigsuspend',
    ),
  },
  {
    kind: 'moment',
    reason: 'mktemp takes new random bytes when they make no name',
    programs: ['mktemp'],
    events: ['syscall'],
    keys: ['event'],
    takes: generic('getrandom'),
  },
  {
    kind: 'moment',
    reason: 'perl begins with random bytes',
    programs: ['perl'],
    events: ['read'],
    keys: ['data'],
  },
  {
    kind: 'moment',
    reason: 'what ps of busybox shows: process ids and times of the container',
    workloads: ['ctr'],
    programs: ['sh'],
    events: ['read', 'write'],
    keys: ['data'],
  },
  {
    kind: 'moment',
    reason: 'how many threads the Go runtime starts',
    workloads: ['ctr'],
    programs: ['thread'],
    keys: ['thread'],
  },
  {
    kind: 'moment',
    reason: 'whether a thread finds something to do',
    programs: ['runc', 'strace', 'dig', 'git'],
    events: ['syscall', 'futex', 'ppoll'],
    keys: ['shape'],
  },
  {
    kind: 'moment',
    reason: 'memory is asked for in other pieces',
    events: ['brk', 'mmap', 'munmap'],
    keys: ['event'],
  },
  {
    kind: 'moment',
    reason: 'how far the other end of a connection, pipe or terminal is when this one looks',
    // `exe` is nc of busybox, which starts itself
    programs: ['dnsmasq', 'curl', 'wget', 'nc', 'ncat', 'script', 'python3', 'sec', 'exe'],
    events: ['poll', 'read', 'write', 'writev', 'recvfrom', 'recvmsg', 'sendto', 'close', 'shutdown', 'lseek'],
    keys: ['event', 'res', 'fds', 'timeout', 'data', 'fd'],
  },
]
