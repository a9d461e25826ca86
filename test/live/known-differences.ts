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
  /** Parameters; `event`, `thread`, `form` and `type` as in `RunDifference`. */
  readonly keys: readonly string[]
  /** Which values, Falco's first. */
  readonly takes?: (want: string, got: string) => boolean
  /** How often in one workload, where more would hide a defect; any number when absent. */
  readonly atMost?: number
}

const isText = (value: string): boolean => /^[\t\n\r -~]+$/.test(value)
const areNumbers = (want: string, got: string): boolean => /^\d+$/.test(want) && /^\d+$/.test(got)
export const knownDifferences: readonly KnownDifference[] = [
  {
    kind: 'always',
    reason: 'tracepoints that no rule needs and that come by the million are not told',
    events: ['page_fault', 'switch', 'signaldeliver'],
    keys: ['type'],
    takes: (_, got) => got === '0 times',
  },
  {
    kind: 'always',
    reason: 'events of our own tell the namespaces that a process is in now, and what files about names it finds there',
    events: ['asyncevent'],
    keys: ['event', 'type'],
    takes: (_, got) => got !== 'none' && (got.includes('"tiercel_') || got.endsWith('times')),
  },
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
    reason: 'HTTP requests are told beyond the snap length, because they tell names',
    events: ['sendto', 'write'],
    keys: ['data'],
    takes: (want, got) => want.startsWith('GET ') && got.startsWith(want),
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
    workloads: ['net'],
    events: ['recvmsg'],
    keys: ['form'],
    takes: (want, got) => want.includes('data=null') || got.includes(' data '),
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
    reason: 'in another build of a program, what the linker makes read-only is of another size',
    events: ['mprotect'],
    keys: ['length'],
    takes: (want, got) => [want, got].every(length => Number(length) % 4096 === 0),
    atMost: 10,
  },
  {
    kind: 'machine',
    reason: 'what programs read and print of this machine: versions of packages, its name, entries of directories',
    events: ['read', 'write'],
    keys: ['data'],
    takes: (want, got) => isText(want) && isText(got),
    atMost: 20,
  },
  {
    kind: 'machine',
    reason: 'in how many calls a file system hands out a directory',
    events: ['getdents64'],
    keys: ['event'],
    atMost: 40,
  },
  {
    kind: 'machine',
    reason: 'what a file system can do for copies: clone (FICLONE), or copy within the kernel',
    programs: ['cp', 'cat'],
    events: ['ioctl', 'copy_file_range'],
    keys: ['res'],
    takes: (want, got) => [want, got].every(value => value === '0' || /^-(18|22|25|95)$/.test(value)),
    atMost: 20,
  },
  {
    kind: 'machine',
    reason: '/etc/dnsmasq.conf comes with another package than the program',
    programs: ['dnsmasq'],
    events: ['openat', 'newfstatat', 'read', 'close'],
    keys: ['fd', 'dev', 'ino', 'res', 'event'],
  },

  {
    kind: 'moment',
    reason: 'how far the other end of a connection, pipe or terminal is when this one looks',
    // `exe` is nc of busybox, which starts itself
    programs: ['dnsmasq', 'curl', 'wget', 'nc', 'ncat', 'script', 'python3', 'sec', 'exe'],
    events: ['poll', 'read', 'write', 'writev', 'recvfrom', 'recvmsg', 'sendto', 'close', 'shutdown'],
    keys: ['res', 'fds', 'timeout', 'data', 'size', 'fd'],
  },
  {
    kind: 'moment',
    reason: 'curl and the server in Python ask again and again until something comes',
    programs: ['curl', 'python3', 'dnsmasq'],
    events: ['poll'],
    keys: ['event'],
  },
  {
    kind: 'moment',
    reason: 'whether the reader of a pipe has gone (EPIPE, SIGPIPE)',
    events: ['write', 'procexit'],
    keys: ['res', 'status', 'sig', 'ret'],
    takes: (want, got) => [want, got].some(value => value === '-32' || value === '13'),
  },
  {
    kind: 'moment',
    reason: 'whether children live when a process ends',
    events: ['procexit'],
    keys: ['reaper_tid'],
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
    reason: 'how many control groups runc has moved its child into when the child runs itself anew',
    workloads: ['ctr'],
    programs: ['exe'],
    events: ['execve'],
    keys: ['cgroups'],
    takes: (want, got) => want.replaceAll('/docker/<id>', '/') === got.replaceAll('/docker/<id>', '/'),
  },
  {
    kind: 'moment',
    reason: 'how many threads the Go runtime starts, also in runc’s child before it becomes the shell of the container',
    workloads: ['ctr'],
    programs: ['runc', 'exe', 'sh'],
    keys: ['thread'],
  },
  {
    kind: 'machine',
    reason: 'git takes as many threads as there are processors',
    programs: ['git'],
    keys: ['thread'],
    takes: (want, got) => [want, got].includes('thread'),
  },
  {
    kind: 'moment',
    reason: 'threads give way to each other only where they meet: those of dig wait for a lock that way',
    events: ['syscall sched_yield'],
    keys: ['type'],
  },
  {
    kind: 'moment',
    reason: 'a call that was not made when the capture was recorded',
    keys: ['type'],
    takes: want => want === '0 times',
  },
]
