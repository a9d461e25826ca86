/** One system call as strace tells it, and as the probe does. */
import { errnoName } from '../../src/fields/errno-names.ts'
import { splitItems, type TracedCall, tracedFd, tracedText } from './strace-lines.ts'

export interface ToldCall {
  readonly name: string
  /** Parameters by name, as NDJSON has them. */
  readonly args: Readonly<Record<string, unknown>>
  /** The first parameter, of calls whose result it is. */
  readonly result: bigint
}

export interface CallDifference {
  readonly call: string
  /** A parameter, or `result`. */
  readonly key: string
  readonly want: string
  readonly got: string
}

/** Bytes of data that are compared. */
const DATA_BYTES = 64

/** Reads a parameter out of strace's arguments; undefined where strace does not tell, or not in full. */
type Reader = (args: readonly string[]) => unknown

const fd =
  (i: number): Reader =>
  args =>
    tracedFd(args[i] ?? '')?.num
const path =
  (i: number): Reader =>
  args =>
    args[i] === 'NULL' ? null : textOf(args[i])
const int =
  (i: number): Reader =>
  args =>
    /^-?\d+$/.test(args[i] ?? '') ? BigInt(args[i]!) : undefined
const octal =
  (i: number): Reader =>
  args =>
    /^0[0-7]*$/.test(args[i] ?? '') ? BigInt(`0o${args[i]}`) : undefined
const pointer =
  (i: number): Reader =>
  args =>
    args[i] === 'NULL' ? 0n : /^0x[0-9a-f]+$/.test(args[i] ?? '') ? BigInt(args[i]!) : undefined
const flags =
  (i: number): Reader =>
  args =>
    args[i] === undefined || args[i].includes('/*') ? undefined : flagSet(args[i])
/** Of failed reads strace prints an address in place of the bytes. */
const data =
  (i: number): Reader =>
  args =>
    tracedText(args[i] ?? '')?.bytes.subarray(0, DATA_BYTES)
const pipeEnd =
  (i: number): Reader =>
  args =>
    tracedFd(splitItems((args[0] ?? '').slice(1, -1))[i] ?? '')?.num
const inside =
  (i: number, pattern: RegExp): Reader =>
  args =>
    flagSet(pattern.exec(args[i] ?? '')?.[1] ?? '')
const address =
  (i: number): Reader =>
  args => {
    const item = args[i] ?? ''
    const four = /^\{sa_family=AF_INET, sin_port=htons\((\d+)\), sin_addr=inet_addr\(("[^"]*")\)\}$/.exec(item)
    if (four !== null) return `${textOf(four[2])}:${four[1]}`
    const six = /^\{sa_family=AF_INET6, sin6_port=htons\((\d+)\), .*inet_pton\(AF_INET6, ("[^"]*")/.exec(item)
    if (six !== null) return `[${textOf(six[2])}]:${six[1]}`
    const unix = /^\{sa_family=AF_UNIX, sun_path=(@?"[^"]*")\}$/.exec(item)
    return unix === null ? undefined : `unix:${textOf(unix[1])}`
  }

function flagSet(text: string): ReadonlySet<string> {
  return new Set(text.split('|').map(name => name.trim()))
}

function textOf(item: string | undefined): unknown {
  const text = tracedText(item ?? '')
  if (text === undefined || text.isCut) return undefined
  const shown = text.bytes.toString('utf8')
  if (Buffer.from(shown).equals(text.bytes)) return shown
  return { base64: Buffer.concat([text.bytes, Buffer.of(0)]).toString('base64') }
}

const TRANSFER = { fd: fd(0), size: int(2), data: data(1) } as const

const READERS: Readonly<Record<string, Readonly<Record<string, Reader>>>> = {
  open: { name: path(0), flags: flags(1), mode: octal(2) },
  openat: { dirfd: fd(0), name: path(1), flags: flags(2), mode: octal(3) },
  openat2: { dirfd: fd(0), name: path(1), flags: inside(2, /flags=([\w|]+)/), resolve: inside(2, /resolve=([\w|]+)/) },
  creat: { name: path(0), mode: octal(1) },
  close: { fd: fd(0) },
  close_range: { first: int(0), last: int(1), flags: flags(2) },
  dup: { oldfd: fd(0) },
  dup2: { oldfd: fd(0), newfd: fd(1) },
  dup3: { oldfd: fd(0), newfd: fd(1), flags: flags(2) },
  fcntl: { fd: fd(0), cmd: flags(1) },
  pipe: { fd1: pipeEnd(0), fd2: pipeEnd(1) },
  pipe2: { fd1: pipeEnd(0), fd2: pipeEnd(1), flags: flags(1) },
  memfd_create: { name: path(0), flags: flags(1) },
  pidfd_open: { pid: int(0) },
  pidfd_getfd: { pid_fd: fd(0), target_fd: int(1) },
  epoll_create1: { flags: flags(0) },
  read: TRANSFER,
  write: TRANSFER,
  sendto: TRANSFER,
  recvfrom: TRANSFER,
  pread: { ...TRANSFER, pos: int(3) },
  pwrite: { ...TRANSFER, pos: int(3) },
  preadv: { fd: fd(0), pos: int(3) },
  pwritev: { fd: fd(0), pos: int(3) },
  readv: { fd: fd(0) },
  writev: { fd: fd(0) },
  sendmsg: { fd: fd(0) },
  recvmsg: { fd: fd(0) },
  sendfile: { out_fd: fd(0), in_fd: fd(1), size: int(3) },
  splice: { fd_in: fd(0), fd_out: fd(2), size: int(4), flags: flags(5) },
  copy_file_range: { fdin: fd(0), fdout: fd(2), len: int(4) },
  lseek: { fd: fd(0), offset: int(1), whence: flags(2) },
  ioctl: { fd: fd(0) },
  flock: { fd: fd(0) },
  getdents64: { fd: fd(0) },
  access: { name: path(0), mode: flags(1) },
  stat: { path: path(0) },
  lstat: { path: path(0) },
  fstat: { fd: fd(0) },
  newfstatat: { dirfd: fd(0), path: path(1), flags: flags(3) },
  chdir: { path: path(0) },
  fchdir: { fd: fd(0) },
  chroot: { path: path(0) },
  getcwd: { path: path(0) },
  mkdir: { path: path(0), mode: octal(1) },
  mkdirat: { dirfd: fd(0), path: path(1), mode: octal(2) },
  rmdir: { path: path(0) },
  unlink: { path: path(0) },
  unlinkat: { dirfd: fd(0), name: path(1), flags: flags(2) },
  rename: { oldpath: path(0), newpath: path(1) },
  renameat: { olddirfd: fd(0), oldpath: path(1), newdirfd: fd(2), newpath: path(3) },
  renameat2: { olddirfd: fd(0), oldpath: path(1), newdirfd: fd(2), newpath: path(3), flags: flags(4) },
  link: { oldpath: path(0), newpath: path(1) },
  linkat: { olddir: fd(0), oldpath: path(1), newdir: fd(2), newpath: path(3), flags: flags(4) },
  symlink: { target: path(0), linkpath: path(1) },
  symlinkat: { target: path(0), linkdirfd: fd(1), linkpath: path(2) },
  chmod: { filename: path(0) },
  fchmod: { fd: fd(0) },
  fchmodat: { dirfd: fd(0), filename: path(1) },
  chown: { path: path(0), uid: int(1), gid: int(2) },
  lchown: { path: path(0), uid: int(1), gid: int(2) },
  fchown: { fd: fd(0), uid: int(1), gid: int(2) },
  fchownat: { dirfd: fd(0), pathname: path(1), uid: int(2), gid: int(3) },
  mknod: { path: path(0) },
  mknodat: { dirfd: fd(0), path: path(1) },
  mount: { dev: path(0), dir: path(1), type: path(2) },
  umount2: { name: path(0) },
  execve: { filename: path(0) },
  clone: { flags: args => flagSet((args.find(item => item.startsWith('flags=')) ?? '').slice('flags='.length)) },
  clone3: { flags: inside(0, /flags=([\w|]+)/) },
  setuid: { uid: int(0) },
  setgid: { gid: int(0) },
  setreuid: { ruid: int(0), euid: int(1) },
  setregid: { rgid: int(0), egid: int(1) },
  setresuid: { ruid: int(0), euid: int(1), suid: int(2) },
  setresgid: { rgid: int(0), egid: int(1), sgid: int(2) },
  setpgid: { pid: int(0), pgid: int(1) },
  kill: { pid: int(0) },
  tkill: { tid: int(0) },
  tgkill: { pid: int(0), tid: int(1) },
  unshare: { flags: flags(0) },
  setns: { fd: fd(0), nstype: flags(1) },
  ptrace: { request: flags(0), pid: int(1) },
  socket: { domain: flags(0) },
  socketpair: { domain: flags(0) },
  bind: { fd: fd(0), addr: address(1) },
  connect: { fd: fd(0), addr: address(1) },
  listen: { fd: fd(0), backlog: int(1) },
  shutdown: { fd: fd(0), how: flags(1) },
  setsockopt: { fd: fd(0) },
  getsockopt: { fd: fd(0) },
  mmap: { addr: pointer(0), length: int(1), prot: flags(2), fd: fd(4) },
  munmap: { addr: pointer(0), length: int(1) },
  mprotect: { addr: pointer(0), length: int(1), prot: flags(2) },
  brk: { addr: pointer(0) },
  prlimit: { pid: int(0) },
  finit_module: { fd: fd(0), uargs: path(1) },
  delete_module: { name: path(0) },
}

/** Flags that only one side tells, or that one of them has other words for. */
const ASIDE: ReadonlySet<string> = new Set([
  ...['', '0', 'NONE', 'O_NONE', 'O_RDONLY', 'O_LARGEFILE'],
  // of the event alone: what became of the call
  ...['O_F_CREATED', 'FD_UPPER_LAYER', 'FD_LOWER_LAYER', 'CLONE_CHILD_IN_PIDNS'],
  // of strace alone: Falco has no names for them
  ...['SIGCHLD', 'O_NOFOLLOW', 'O_NOCTTY', 'O_PATH', 'O_NOATIME'],
  // O_TMPFILE is a flag of its own and O_DIRECTORY; each is told for both, as Falco does
  'O_TMPFILE',
])
const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ['AF_UNIX', 'AF_LOCAL'],
  ['AF_NETLINK', 'AF_ROUTE'],
])

/** What the event says otherwise than strace; results in their names where they are errors. */
export function compareCall(call: TracedCall, told: ToldCall): CallDifference[] {
  const found: CallDifference[] = []
  const first = Object.keys(told.args)[0]
  if (call.result !== undefined && (first === 'res' || first === 'fd')) {
    const isError = told.result < 0n && told.result > -4096n
    const got = isError ? errnoName(Number(told.result)) : String(BigInt.asUintN(64, told.result))
    const want = call.error ?? String(BigInt.asUintN(64, call.result))
    if (got !== want) found.push({ call: told.name, key: 'result', want, got })
  }
  for (const [key, read] of Object.entries(READERS[told.name] ?? {})) {
    const want = read(call.args)
    if (want === undefined || isSame(want, told.args[key])) continue
    found.push({ call: told.name, key, want: show(want), got: show(told.args[key]) })
  }
  return found
}

function show(value: unknown): string {
  if (value instanceof Set) return [...value].join('|')
  if (Buffer.isBuffer(value)) return JSON.stringify(value.toString('latin1'))
  return typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? 'nothing')
}

function isSame(want: unknown, got: unknown): boolean {
  if (Buffer.isBuffer(want)) return isSameData(want, got)
  if (want instanceof Set) {
    const names = (flagNames: Iterable<string>): string[] =>
      [...flagNames].map(name => SPELLINGS.get(name) ?? name).filter(name => !ASIDE.has(name))
    return (
      names(want).toSorted().join('|') ===
      names(flagSet(String(got)))
        .toSorted()
        .join('|')
    )
  }
  if (typeof want === 'number' || typeof want === 'bigint') {
    if (typeof got !== 'number' && (typeof got !== 'string' || !/^-?\d|^0x/.test(got))) return false
    const number = typeof got === 'string' && /^0[0-7]+$/.test(got) ? BigInt(`0o${got}`) : BigInt(got)
    const low = BigInt.asUintN(32, BigInt(want))
    return BigInt.asIntN(64, number) === BigInt(want) || (number === low && BigInt(want) < 0n)
  }
  return JSON.stringify(want) === JSON.stringify(got)
}

/** What was kept of the data must be how it begins. */
function isSameData(want: Buffer, got: unknown): boolean {
  if (want.length === 0) return got === null
  const base64 = typeof got === 'object' && got !== null && 'base64' in got ? String(got.base64) : ''
  const bytes = typeof got === 'string' ? Buffer.from(got) : Buffer.from(base64, 'base64')
  const count = Math.min(bytes.length, want.length)
  return count > 0 && bytes.subarray(0, count).equals(want.subarray(0, count))
}
