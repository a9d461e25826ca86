import { paramNumber, paramText } from '../events/decode-record.ts'
import { eventTable } from '../events/event-table.ts'
import type { EventContext, KnownName } from '../state/event-context.ts'
import { type Fd, FdType, L4 } from '../state/fd.ts'
import { joinPath } from '../state/path.ts'
import type { Thread } from '../state/thread.ts'
import { parseIpv4 } from '../values/ip.ts'
import type { ByteText, Ip, Value } from '../values/value.ts'
import { parsedDirectory } from './at-paths.ts'
import { argText } from './event-args.ts'
import { ACCEPT, ACCEPT4, CONNECT, CREAT, OPEN, OPENAT, OPENAT2, OPEN_BY_HANDLE_AT, isFdEvent } from './event-codes.ts'
import { fdTypeChar, fdTypeName, hasNoRole, isInetSocket, isListening, l4Protocol } from './fd-text.ts'
import type { Field, Reader } from './field.ts'
import { checkIndexArg, parseInt32Arg } from './field-syntax.ts'
import { toScalar } from './integers.ts'

/*
 * The fd of the event. Only events that make, use or close an fd have these fields. Where such an event has no known fd, because the call
 * failed or the fd was opened before the capture, the name is taken from the event's own arguments, and the other fields are missing.
 */

/** The thread of an event that has to do with fds; undefined for others. */
function fdThread(ctx: EventContext): Thread | undefined {
  return isFdEvent(ctx.rec.type) ? ctx.thread : undefined
}

/** The fd of an event that has to do with fds. */
function eventFd(ctx: EventContext): Fd | undefined {
  return isFdEvent(ctx.rec.type) && ctx.thread !== undefined ? ctx.fd : undefined
}

// ---------------------------------------------------------------- names

/** What the event's arguments say of the file or socket that it names; undefined for enter events. */
function nameFromArgs(ctx: EventContext, isRaw: boolean): ByteText | undefined {
  const { rec } = ctx
  switch (rec.type) {
    case OPEN:
    case CREAT:
    case CONNECT:
    case ACCEPT:
    case ACCEPT4:
      return argText(ctx, 1) ?? ''
    case OPENAT:
    case OPENAT2: {
      const path = paramText(rec, 2) ?? '<NA>'
      if (isRaw) return path
      const dirfd = paramNumber(rec, 1) ?? -100
      return joinPath(path.startsWith('/') ? '' : parsedDirectory(ctx, dirfd), path)
    }
    case OPEN_BY_HANDLE_AT:
      return paramText(rec, 3) ?? '<NA>'
    default:
      return (rec.type & 1) === 0 ? undefined : ''
  }
}

/** `fd.name` */
export function fdNameOf(ctx: EventContext): ByteText | undefined {
  if (fdThread(ctx) === undefined) return undefined
  return ctx.fd === undefined ? nameFromArgs(ctx, false) : ctx.fd.name
}

function rawName(ctx: EventContext): ByteText | undefined {
  if (fdThread(ctx) === undefined) return undefined
  const name = ctx.fd === undefined ? nameFromArgs(ctx, true) : ctx.fd.nameRaw
  return name?.includes('//') === true ? name.replace(/\/{2,}/g, '/') : name
}

function isFile(fd: Fd): boolean {
  return fd.type === FdType.file || fd.type === FdType.fileV2
}

function directoryPart(path: ByteText): ByteText {
  const slash = path.lastIndexOf('/')
  if (slash <= 0) return '/'
  return slash < path.length - 1 ? path.slice(0, slash) : path
}

function directory(ctx: EventContext): ByteText | undefined {
  if (fdThread(ctx) === undefined) return undefined
  const fd = ctx.fd
  if (fd === undefined) {
    const name = nameFromArgs(ctx, false)
    return name === undefined ? undefined : directoryPart(name)
  }
  if (isFile(fd)) return directoryPart(fd.name)
  return fd.type === FdType.directory ? fd.name : undefined
}

function filename(ctx: EventContext): ByteText | undefined {
  const fd = eventFd(ctx)
  if (fd === undefined || !isFile(fd)) return undefined
  const slash = fd.name.lastIndexOf('/')
  if (slash < 0) return '/'
  return slash < fd.name.length - 1 ? fd.name.slice(slash + 1) : fd.name
}

function inContainer(read: (ctx: EventContext) => ByteText | undefined): () => Reader {
  return () => ctx => {
    const text = read(ctx)
    return text === undefined ? undefined : `${ctx.thread!.containerId}:${text}`
  }
}

// ---------------------------------------------------------------- kind

/** The kind that a failed event would have made, by event name; Falco has none for open. */
const FAILED_KINDS: ReadonlyMap<string, string> = new Map([
  ['openat', 'f'],
  ['openat2', 'f'],
  ['creat', 'f'],
  ['socket', '4'],
  ['accept', '4'],
  ['accept4', '4'],
  ['pipe', 'p'],
  ['pipe2', 'p'],
  ['eventfd', 'e'],
  ['eventfd2', 'e'],
  ['signalfd', 's'],
  ['signalfd4', 's'],
  ['timerfd_create', 't'],
  ['inotify_init', 'i'],
  ['inotify_init1', 'i'],
])

const failedKinds: readonly string[] = eventTable.map(event => FAILED_KINDS.get(event.name) ?? 'o')

function typeChar(ctx: EventContext): string | undefined {
  if (fdThread(ctx) === undefined) return undefined
  return ctx.fd === undefined ? failedKinds[ctx.rec.type] : fdTypeChar(ctx.fd)
}

function bindTypes(arg: string | undefined): Reader {
  const num = arg === undefined ? undefined : parseInt32Arg(arg)
  if (num !== undefined && num !== -1) {
    return ctx => {
      const thread = fdThread(ctx)
      const fd = thread && ctx.machine.fdsOf(thread)?.peek(num)
      return fd === undefined ? undefined : [fdTypeName(fd)]
    }
  }
  return ctx => {
    const thread = fdThread(ctx)
    if (thread === undefined) return undefined
    const types = new Set<string>()
    const fds = ctx.machine.fdsOf(thread)
    if (fds !== undefined) for (const fd of fds.values()) types.add(fdTypeName(fd))
    return [...types]
  }
}

function l4Name(ctx: EventContext): string | undefined {
  const fd = eventFd(ctx)
  if (fd === undefined) return undefined
  switch (l4Protocol(fd)) {
    case L4.tcp:
      return 'tcp'
    case L4.udp:
      return 'udp'
    case L4.icmp:
      return 'icmp'
    case L4.raw:
      return 'raw'
    default:
      return '<NA>'
  }
}

function sockFamily(ctx: EventContext): string | undefined {
  const fd = eventFd(ctx)
  if (fd === undefined) return undefined
  if (isInetSocket(fd) || isListening(fd)) return 'ip'
  return fd.type === FdType.unix ? 'unix' : undefined
}

// ---------------------------------------------------------------- addresses

/** One end of a connection. */
interface End {
  readonly ip: (ctx: EventContext) => Ip | undefined
  readonly port: (ctx: EventContext) => number | undefined
}

/**
 * Whether the address is on this side. In a container only the container's own address is, and when that is not known the address of any
 * container; the machine's interfaces do not count there.
 */
function isLocal(ctx: EventContext, ip: Ip | undefined): boolean {
  if (ip === undefined) return false
  const containerId = ctx.thread?.containerId ?? ''
  return containerId === '' ? ctx.machine.isLocal(ip) : isContainerIp(ctx, containerId, ip)
}

function isContainerIp(ctx: EventContext, containerId: string, ip: Ip): boolean {
  const own = ctx.machine.container(containerId)?.ip
  if (own !== undefined && own !== '') return parseIpv4(own) === ip
  for (const container of ctx.machine.containers.values()) {
    if (container.ip !== undefined && parseIpv4(container.ip) === ip) return true
  }
  return false
}

/** The connected inet socket of the event whose roles are known; undefined for anything else. */
function connection(ctx: EventContext): Fd | undefined {
  const fd = eventFd(ctx)
  return fd !== undefined && isInetSocket(fd) && !hasNoRole(fd) ? fd : undefined
}

const client: End = {
  ip: ctx => connection(ctx)?.sip,
  port: ctx => connection(ctx)?.sport,
}

const server: End = {
  ip: ctx => {
    const fd = eventFd(ctx)
    if (fd === undefined || hasNoRole(fd)) return undefined
    if (isInetSocket(fd)) return fd.dip
    return isListening(fd) ? fd.sip : undefined
  },
  port: ctx => {
    const fd = eventFd(ctx)
    if (fd === undefined) return undefined
    if (isListening(fd)) return fd.sport
    return isInetSocket(fd) && !hasNoRole(fd) ? fd.dport : undefined
  },
}

const local: End = {
  ip: ctx => {
    const fd = connection(ctx)
    return fd === undefined ? undefined : isLocal(ctx, fd.sip) ? fd.sip : fd.dip
  },
  port: ctx => {
    const fd = connection(ctx)
    return fd === undefined ? undefined : isLocal(ctx, fd.sip) ? fd.sport : fd.dport
  },
}

const remote: End = {
  ip: ctx => {
    const fd = connection(ctx)
    return fd === undefined ? undefined : isLocal(ctx, fd.sip) ? fd.dip : fd.sip
  },
  port: ctx => {
    const fd = connection(ctx)
    return fd === undefined ? undefined : isLocal(ctx, fd.sip) ? fd.dport : fd.sport
  },
}

function isServerEnd(ctx: EventContext): boolean | undefined {
  const fd = eventFd(ctx)
  if (fd === undefined) return undefined
  return isListening(fd) || (isInetSocket(fd) && isLocal(ctx, fd.dip))
}

/** The addresses or ports of both ends; the one of a listening socket; undefined for what is no IP socket. */
function eitherEnd<T extends Value & (string | number)>(
  source: (fd: Fd) => T | undefined,
  dest: (fd: Fd) => T | undefined,
): () => Reader {
  return () => {
    // Reused: the values are compared before the next event is read.
    const both: T[] = []
    return ctx => {
      const fd = eventFd(ctx)
      if (fd === undefined) return undefined
      both.length = 0
      if (isInetSocket(fd)) {
        const a = source(fd)
        const b = dest(fd)
        if (a !== undefined) both.push(a)
        if (b !== undefined) both.push(b)
      } else if (isListening(fd)) {
        const a = source(fd)
        if (a !== undefined) both.push(a)
      }
      return both.length > 0 ? both : undefined
    }
  }
}

const eitherIp: () => Reader = eitherEnd<Ip>(
  fd => fd.sip,
  fd => fd.dip,
)
const eitherPort: () => Reader = eitherEnd<number>(
  fd => fd.sport,
  fd => fd.dport,
)

/** Falco finds `fd.ip exists` true for every fd it knows. */
const isKnownFd: Reader = ctx => (eventFd(ctx) === undefined ? undefined : true)

function portText(read: (ctx: EventContext) => number | undefined): () => Reader {
  return () => ctx => read(ctx)?.toString()
}

/** Falco has an empty text where a role is known and the fd is no connected socket. */
function clientPortText(ctx: EventContext): ByteText | undefined {
  const fd = eventFd(ctx)
  if (fd === undefined || hasNoRole(fd)) return undefined
  return isInetSocket(fd) ? String(fd.sport) : ''
}

function serverPortText(ctx: EventContext): ByteText | undefined {
  const fd = eventFd(ctx)
  if (fd === undefined) return undefined
  if (isListening(fd)) return ''
  return server.port(ctx)?.toString()
}

interface EndWords {
  readonly letter: 'c' | 's' | 'l' | 'r'
  readonly end: End
  readonly word: string
  readonly note: string
}

const ends: readonly EndWords[] = [
  { letter: 'c', end: client, word: 'client', note: 'No value until it is known who is client and who is server.' },
  {
    letter: 's',
    end: server,
    word: 'server',
    note: 'Of a listening socket it is the bound one. No value until it is known who is client and who is server.',
  },
  {
    letter: 'l',
    end: local,
    word: 'local',
    note: 'Local is the source when its address is one of this machine, else the destination. No value for listening sockets.',
  },
  {
    letter: 'r',
    end: remote,
    word: 'remote',
    note: 'Remote is the destination when the source address is one of this machine, else the source. No value for listening sockets.',
  },
]

function ipFields(): Field[] {
  return ends.map(({ letter, end, word, note }) => ({
    name: `fd.${letter}ip`,
    group: 'fd',
    type: 'IPADDR',
    arg: 'none',
    doc: `Address of the ${word} end of the socket. ${note}`,
    bind: () => end.ip,
  }))
}

function portFields(): Field[] {
  return ends.map(({ letter, end, word, note }) => ({
    name: `fd.${letter}port`,
    group: 'fd',
    type: 'PORT',
    arg: 'none',
    doc: `Port of the ${word} end of a TCP or UDP socket. ${note}`,
    bind: () => end.port,
  }))
}

function protoFields(): Field[] {
  const binds = { c: () => clientPortText, s: () => serverPortText, l: portText(local.port), r: portText(remote.port) }
  return ends.map(({ letter, word }) => ({
    name: `fd.${letter}proto`,
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    doc: `Port of the ${word} end as text.`,
    bind: binds[letter],
  }))
}

function netFields(): Field[] {
  return ends.map(({ letter, end, word }) => ({
    name: `fd.${letter}net`,
    group: 'fd',
    type: 'IPNET',
    arg: 'none',
    filterOnly: true,
    noRhs: true,
    noTransformer: true,
    doc: `Compares the ${word} address with networks in CIDR notation: \`fd.${letter}net in (10.0.0.0/8)\`.`,
    bind: () => end.ip,
  }))
}

function nameFields(): Field[] {
  return ends.map(({ letter, end, word }) => ({
    name: `fd.${letter}ip.name`,
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    noRhs: true,
    noTransformer: true,
    compare: 'domain',
    doc: `Domain name of the ${word} address. A condition asks whether the address belongs to one of the given names; outputs print the best known name of it, also where the condition did not match. No value when no name is known.`,
    bind: () => end.ip,
    bindPrint: () => ctx => {
      const ip = end.ip(ctx)
      return ip === undefined ? undefined : ctx.names?.nameOf(ip, ctx)
    },
  }))
}

function namesFields(): Field[] {
  return ends.map(({ letter, end, word }) => ({
    name: `fd.${letter}ip.names`,
    group: 'fd',
    type: 'CHARBUF',
    isList: true,
    isName: true,
    arg: 'none',
    noRhs: true,
    doc: `All domain names known of the ${word} address. Not in Falco. No value when no name is known.`,
    bind: () => ctx => {
      const ip = end.ip(ctx)
      const names = ip === undefined ? undefined : ctx.names?.namesOf(ip, ctx)
      return names === undefined || names.length === 0 ? undefined : names
    },
  }))
}

/** A field of how the best name of an address is known. */
function ofBestName(
  { letter, end, word }: EndWords,
  what: string,
  type: Field['type'],
  doc: string,
  read: (best: KnownName, ctx: EventContext) => Value | undefined,
): Field {
  return {
    name: `fd.${letter}ip.name.${what}`,
    group: 'fd',
    type,
    arg: 'none',
    doc: `${doc.replace('NAME', `the domain name of the ${word} address`)} Not in Falco. No value when no name is known.`,
    bind: () => ctx => {
      const ip = end.ip(ctx)
      const best = ip === undefined ? undefined : ctx.names?.bindingsOf?.(ip, ctx)[0]
      return best === undefined ? undefined : read(best, ctx)
    },
  }
}

const NS_PER_MS = 1_000_000n

/** Nanoseconds; a name learnt ahead of the event's own time is new, and one that holds since ever has no age. */
function ageOf(best: KnownName, ctx: EventContext): number | bigint | undefined {
  if (!(best.lastSeenMs > 0 && best.lastSeenMs < Number.MAX_SAFE_INTEGER)) return undefined
  const age = ctx.rec.tsNs - BigInt(Math.trunc(best.lastSeenMs)) * NS_PER_MS
  return age < 0n ? 0 : toScalar(age)
}

function evidenceFields(): Field[] {
  return ends.flatMap(words => [
    ofBestName(
      words,
      'source',
      'CHARBUF',
      'How NAME is known: `sni`, `host` (HTTP), `observed` (a DNS answer that was seen), `hosts` (the hosts file), `resolved` (looked up), `literal` (the name is an address), `claimed` (the connection itself named it, and nothing else says so).',
      best => best.evidence,
    ),
    ofBestName(words, 'age', 'RELTIME', 'Nanoseconds since NAME was last found to hold.', ageOf),
    ofBestName(words, 'resolver', 'CHARBUF', 'DNS server that gave NAME.', best => best.resolver),
    ofBestName(
      words,
      'untrusted',
      'BOOL',
      'Whether NAME is only known from a DNS server that is not trusted (see `dns.server.trusted`). Such a name counts in `= x` and `in`, but not where it would keep a rule from matching, as in `not … in`.',
      best => best.untrusted,
    ),
    ofBestName(words, 'stale', 'BOOL', 'Whether the last attempt to look up NAME again failed.', best => best.stale),
    {
      name: `fd.${words.letter}ip.name.shared`,
      group: 'fd',
      type: 'BOOL',
      arg: 'none',
      doc: `Whether the ${words.word} address has more than one domain name. Not in Falco. No value when no name is known.`,
      bind: () => ctx => {
        const count = nameCount(words.end, ctx) ?? 0
        return count === 0 ? undefined : count > 1
      },
    },
    {
      name: `fd.${words.letter}ip.name.unknown`,
      group: 'fd',
      type: 'BOOL',
      arg: 'none',
      doc: `Whether no domain name of the ${words.word} address is known. Not in Falco. No value for what has no such address.`,
      bind: () => ctx => {
        const count = nameCount(words.end, ctx)
        return count === undefined ? undefined : count === 0
      },
    },
  ])
}

function nameCount(end: End, ctx: EventContext): number | undefined {
  const ip = end.ip(ctx)
  return ip === undefined ? undefined : (ctx.names?.namesOf(ip, ctx).length ?? 0)
}

// ---------------------------------------------------------------- devices

/** Linux's packing of a device number: 12 bits of major above 8 bits of minor, and the rest of the minor on top. */
function majorOf(dev: number): number {
  return (dev & 0xfff00) >>> 8
}

function minorOf(dev: number): number {
  return ((dev & 0xff) | ((dev >>> 12) & 0xfff00)) >>> 0
}

function ofFd(
  name: string,
  type: Field['type'],
  doc: string,
  read: (fd: Fd, ctx: EventContext) => Value,
  print?: Field['print'],
): Field {
  return {
    name,
    group: 'fd',
    type,
    arg: 'none',
    doc,
    ...(print !== undefined && { print }),
    bind: () => ctx => {
      const fd = eventFd(ctx)
      return fd === undefined ? undefined : read(fd, ctx)
    },
  }
}

/** Fields of the file, socket or other fd that the event uses. */
export const fdFields: readonly Field[] = [
  {
    name: 'fd.num',
    group: 'fd',
    type: 'INT64',
    arg: 'none',
    print: 'ID',
    doc: 'Number of the fd; −1 when the call that should have made it failed.',
    bind: () => ctx => (fdThread(ctx) === undefined ? undefined : (ctx.fdNum ?? -1)),
  },
  ofFd(
    'fd.type',
    'CHARBUF',
    'Kind of the fd: file, directory, ipv4, ipv6, unix, pipe, event, signalfd, eventpoll, inotify, timerfd, netlink, bpf, userfaultfd, io_uring, memfd, pidfd; `<NA>` for others.',
    fdTypeName,
  ),
  {
    name: 'fd.typechar',
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Kind of the fd as one letter: f file, d directory, 4 and 6 IP sockets, u unix socket or userfaultfd, p pipe, e eventfd, s signalfd, l eventpoll, i inotify, t timerfd, n netlink, b bpf, r io_uring, m memfd, P pidfd, o unknown.',
    bind: () => typeChar,
  },
  {
    name: 'fd.name',
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Absolute path of a file, `client:port->server:port` of a connection, `address:port` of a listening socket, the path of a unix socket. When the call failed it is taken from the arguments.',
    bind: () => fdNameOf,
  },
  {
    name: 'fd.directory',
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Directory of the file; no value for what is neither file nor directory.',
    bind: () => directory,
  },
  {
    name: 'fd.filename',
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Last component of the path of a file.',
    bind: () => filename,
  },
  {
    name: 'fd.ip',
    group: 'fd',
    type: 'IPADDR',
    arg: 'none',
    filterOnly: true,
    noRhs: true,
    noTransformer: true,
    compare: 'either',
    doc: 'Address of either end of the socket: `=` and `in` need one end to match, `!=` both ends to differ.',
    bind: eitherIp,
    bindExists: () => isKnownFd,
  },
  ...ipFields(),
  {
    name: 'fd.port',
    group: 'fd',
    type: 'PORT',
    arg: 'none',
    filterOnly: true,
    noRhs: true,
    noTransformer: true,
    compare: 'either',
    doc: 'Port of either end of the socket: comparisons need one end to match, `!=` both ends to differ.',
    bind: eitherPort,
    bindExists: () => isKnownFd,
  },
  ...portFields(),
  {
    name: 'fd.l4proto',
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Protocol of the socket: tcp, udp, icmp, raw; `<NA>` for other fds and until client and server are known.',
    bind: () => l4Name,
  },
  {
    name: 'fd.sockfamily',
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    doc: '`ip` or `unix`; no value for what is no such socket.',
    bind: () => sockFamily,
  },
  {
    name: 'fd.is_server',
    group: 'fd',
    type: 'BOOL',
    arg: 'none',
    doc: 'Whether this machine is the server end: the socket listens, or the destination address is one of this machine.',
    bind: () => isServerEnd,
  },
  {
    name: 'fd.uid',
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Thread id and fd number together, unique for each fd.',
    bind: () => ctx => {
      const thread = fdThread(ctx)
      return thread === undefined ? undefined : `${thread.tid}${ctx.fdNum ?? -1}`
    },
  },
  {
    name: 'fd.containername',
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Container id, a colon and `fd.name`; the id is empty on the host.',
    bind: inContainer(fdNameOf),
  },
  {
    name: 'fd.containerdirectory',
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Container id, a colon and `fd.directory`; the id is empty on the host.',
    bind: inContainer(directory),
  },
  {
    name: 'fd.proto',
    group: 'fd',
    type: 'PORT',
    arg: 'none',
    filterOnly: true,
    noRhs: true,
    noTransformer: true,
    compare: 'either',
    doc: 'The same as `fd.port`, under the name that protocols have.',
    bind: eitherPort,
    bindExists: () => isKnownFd,
  },
  ...protoFields(),
  {
    name: 'fd.net',
    group: 'fd',
    type: 'IPNET',
    arg: 'none',
    filterOnly: true,
    noRhs: true,
    noTransformer: true,
    compare: 'either',
    doc: 'Compares the address of either end with networks in CIDR notation: `=` and `in` need one end inside, `!=` both outside.',
    bind: eitherIp,
    bindExists: () => isKnownFd,
  },
  ...netFields(),
  ofFd('fd.connected', 'BOOL', 'Whether the socket is connected, as far as its calls show.', fd => fd.isConnected),
  ofFd(
    'fd.name_changed',
    'BOOL',
    'Whether this event changed `fd.name`, for example a datagram from another peer.',
    (_, ctx) => ctx.fdNameChanged,
  ),
  ...nameFields(),
  ...namesFields(),
  ...evidenceFields(),
  ofFd('fd.dev', 'INT32', 'Device number of the file, in hexadecimal.', fd => fd.dev | 0, 'HEX'),
  ofFd('fd.dev.major', 'INT32', 'Major part of the device number of the file.', fd => majorOf(fd.dev)),
  ofFd('fd.dev.minor', 'INT32', 'Minor part of the device number of the file.', fd => minorOf(fd.dev)),
  ofFd('fd.ino', 'INT64', 'Inode number of the file.', fd => fd.ino),
  {
    name: 'fd.nameraw',
    group: 'fd',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Path as the program gave it, not resolved; only repeated slashes are made one.',
    bind: () => rawName,
  },
  {
    name: 'fd.types',
    group: 'fd',
    type: 'CHARBUF',
    isList: true,
    arg: 'optional',
    noRhs: true,
    checkArg: checkIndexArg,
    doc: 'Kinds of all open fds of the process, each once; `fd.types[0]` is the kind of one fd.',
    bind: bindTypes,
  },
  ofFd(
    'fd.is_upper_layer',
    'BOOL',
    'Whether the file is in the upper layer of an overlay file system: it was made or changed in the container.',
    fd => fd.isUpperLayer,
  ),
  ofFd(
    'fd.is_lower_layer',
    'BOOL',
    'Whether the file is in a lower layer of an overlay file system: it comes from the image.',
    fd => fd.isLowerLayer,
  ),
]
