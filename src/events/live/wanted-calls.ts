/**
 * Which system calls the probe tells. The kernel pays for each call that is told, so it is the calls that loaded rules name and those
 * that the state needs; what is not asked for costs a few nanoseconds.
 */
import { nativeSyscalls } from '../event-lookup.ts'

/**
 * Which of its calls: `all`; `executable` only those of mmap and mprotect that ask for PROT_EXEC; `names` only those of read, send
 * and their kin on sockets whose data tells names (port 53, TLS ClientHello); `succeeded` only those that did not fail.
 */
export type CallFilter = 'all' | 'executable' | 'names' | 'succeeded'

/** Calls by the kernel's name or the event's (`pread` is `pread64`). */
export type WantedCalls = ReadonlyMap<string, CallFilter>

/** System call numbers the probe knows are below. */
export const SYSCALL_LIMIT = 512

const FILTER_CODE: Readonly<Record<CallFilter, number>> = { all: 1, executable: 2, names: 3, succeeded: 4 }

/** Events that are named otherwise than the kernel's call. */
const NATIVE_NAMES: ReadonlyMap<string, string> = new Map([
  ['pread', 'pread64'],
  ['pwrite', 'pwrite64'],
  ['prlimit', 'prlimit64'],
  ['umount', 'umount2'],
])

const numbers: ReadonlyMap<string, number> = new Map(
  nativeSyscalls(process.arch).flatMap((name, i) => (name === null ? [] : [[name, i] as const])),
)

/** The number of a call on this machine, by its own name or its event's. */
export function syscallNumber(name: string): number | undefined {
  return numbers.get(NATIVE_NAMES.get(name) ?? name)
}

const nameCalls = [
  ...['recvfrom', 'recvmsg', 'recvmmsg', 'sendto', 'sendmsg', 'sendmmsg'],
  ...['read', 'readv', 'write', 'writev'],
] as const

/** What the state needs to know processes, their descriptors, users and names, whatever the rules ask. */
export const stateCalls: WantedCalls = new Map<string, CallFilter>([
  ...(
    [
      ...['clone', 'clone3', 'fork', 'vfork', 'execve', 'execveat', 'prctl', 'capset'],
      ...['chdir', 'fchdir', 'chroot', 'setsid', 'setpgid', 'setns', 'unshare'],
      ...['setuid', 'setgid', 'setreuid', 'setregid', 'setresuid', 'setresgid'],
      ...['open', 'openat', 'openat2', 'creat', 'open_by_handle_at', 'close', 'close_range'],
      ...['dup', 'dup2', 'dup3', 'fcntl', 'pipe', 'pipe2', 'memfd_create', 'eventfd', 'eventfd2'],
      ...['signalfd4', 'timerfd_create', 'inotify_init', 'inotify_init1', 'epoll_create', 'epoll_create1'],
      ...['io_uring_setup', 'bpf', 'userfaultfd', 'pidfd_open', 'pidfd_getfd'],
      ...['socket', 'socketpair', 'bind', 'connect', 'listen', 'accept', 'accept4', 'getsockopt', 'shutdown'],
      ...['mount', 'umount2'],
    ] as const
  ).map(name => [name, 'all'] as const),
  // What tells names of addresses, which programs read and write with any of these.
  ...nameCalls.map(name => [name, 'names'] as const),
])

/** The union; of two filters for a call, `all` wins over the others. */
export function mergeWanted(...sets: readonly WantedCalls[]): WantedCalls {
  const merged = new Map<string, CallFilter>()
  for (const set of sets) {
    for (const [name, filter] of set) {
      const before = merged.get(name)
      merged.set(name, before === undefined || before === filter ? filter : 'all')
    }
  }
  return merged
}

/** Every one of `names`, unfiltered. */
export function wantAll(names: Iterable<string>): WantedCalls {
  return new Map([...names].map(name => [name, 'all']))
}

/** The table that the probe reads, and the names that no call of this machine has (events without a system call among them). */
export function encodeWanted(wanted: WantedCalls): { readonly table: Uint8Array; readonly unknown: readonly string[] } {
  const table = new Uint8Array(SYSCALL_LIMIT)
  const unknown: string[] = []
  for (const [name, filter] of wanted) {
    const number = syscallNumber(name)
    if (number === undefined || number >= SYSCALL_LIMIT) unknown.push(name)
    else table[number] = FILTER_CODE[filter]
  }
  return { table, unknown }
}
