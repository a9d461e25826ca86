/**
 * Which system calls the probe tells. The kernel pays for each call that is told, so it is the calls that loaded rules name and those
 * that the state needs; what is not asked for costs a few nanoseconds.
 */
import { nativeSyscalls } from '../event-lookup.ts'

/**
 * Which of its calls: `all`; `executable` only those of mmap and mprotect that ask for PROT_EXEC; `names` only those of read, send
 * and their kin on sockets whose data tells names (port 53, the first bytes of TLS and HTTP connections, name services of this
 * machine); `succeeded` only those that did not fail; `needed` (open, openat,
 * openat2, close) only those that the `OpenFilter` in force does not leave out; `named-fd` all, each behind the open of the file that is its
 * first argument, as that may have been left out; `fast-open` (sendto, sendmsg, sendmmsg) none, but the connect of those that make one.
 */
export type CallFilter = 'all' | 'executable' | 'names' | 'succeeded' | 'needed' | 'named-fd' | 'fast-open'

/** Calls by the kernel's name or the event's (`pread` is `pread64`). */
export type WantedCalls = ReadonlyMap<string, CallFilter>

/** System call numbers the probe knows are below. */
export const SYSCALL_LIMIT = 512

const FILTER_CODE: Readonly<Record<CallFilter, number>> = {
  all: 1,
  executable: 2,
  names: 3,
  succeeded: 4,
  needed: 5,
  'named-fd': 6,
  'fast-open': 7,
}

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

/** Opens that may be left out, with their closes: those whose path has none of the pieces, by a program with none of the names. */
export interface OpenFilter {
  /** Pieces of paths, four ASCII characters each, that opens for reading are told for; undefined: all opens for reading are told. */
  readonly reads: ReadonlySet<string> | undefined
  /** The same for opens that write or make files. */
  readonly writes: ReadonlySet<string> | undefined
  /** Opens are told too if the thread, or the first of its process, has one of these names (at most 15 bytes). */
  readonly programs: ReadonlySet<string>
}

const PROGRAM_BYTES = 16

/** As the addon takes it. */
export function encodeFilter({ reads, writes, programs }: OpenFilter): {
  readonly reads: Uint32Array | undefined
  readonly writes: Uint32Array | undefined
  readonly programs: Uint8Array
} {
  const names = new Uint8Array(programs.size * PROGRAM_BYTES)
  let at = 0
  for (const name of programs) {
    for (let i = 0; i < Math.min(name.length, PROGRAM_BYTES - 1); i++) names[at + i] = name.charCodeAt(i)
    at += PROGRAM_BYTES
  }
  return { reads: encodePieces(reads), writes: encodePieces(writes), programs: names }
}

function encodePieces(pieces: ReadonlySet<string> | undefined): Uint32Array | undefined {
  if (pieces === undefined) return undefined
  return Uint32Array.from(pieces, piece => {
    const byte = (i: number): number => piece.charCodeAt(i) & 0xff
    return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0
  })
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
