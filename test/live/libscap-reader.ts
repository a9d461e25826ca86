/**
 * Reads a capture as strictly as libscap does (its savefile engine, and what libsinsp takes for granted of events), written apart from
 * `src/events/capture` so that a mistake of ours is not made twice. What libscap would refuse is an error with its place.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { dynVariants } from '../../src/events/decode-record.ts'
import { eventTable } from '../../src/events/event-table.ts'

export interface CaptureFacts {
  /** Kinds of blocks in order, those in a row once: `section machine interfaces users processes fds events`. */
  readonly order: string
  readonly events: number
  readonly processes: number
  readonly fds: number
  readonly largeEvents: number
}

/** The order of blocks in the captures of Falco 0.44. */
export const FALCO_ORDER = 'section machine interfaces users processes fds events'

const BLOCKS: ReadonlyMap<number, string> = new Map([
  [0x0a0d0d0a, 'section'],
  [0x201, 'machine'],
  [0x219, 'interfaces'],
  [0x220, 'users'],
  [0x215, 'processes'],
  [0x218, 'fds'],
  [0x216, 'events'],
  [0x217, 'events'],
  [0x221, 'events'],
  [0x222, 'events'],
])

/** Sizes of the buffers that libscap reads texts into; a text must be shorter. */
const PATH = 1024
const LIST = 4096
const ACCOUNT = 256
const PLAIN_EVENT_LIMIT = 65_536

/** Bytes of parameters that have always the same; libsinsp reads them without asking how many there are. */
const FIXED: Readonly<Record<string, number>> = {
  ...{ INT8: 1, UINT8: 1, FLAGS8: 1, ENUMFLAGS8: 1, SIGTYPE: 1, L4PROTO: 1, SOCKFAMILY: 1 },
  ...{ INT16: 2, UINT16: 2, FLAGS16: 2, ENUMFLAGS16: 2, PORT: 2, SYSCALLID: 2 },
  ...{ INT32: 4, UINT32: 4, FLAGS32: 4, ENUMFLAGS32: 4, UID: 4, GID: 4, MODE: 4, SIGSET: 4, BOOL: 4 },
  ...{ INT64: 8, UINT64: 8, FD: 8, PID: 8, ERRNO: 8, RELTIME: 8, ABSTIME: 8, DOUBLE: 8 },
}
/** Of addresses, by the kernel's number of their family; a unix address has a path behind that. */
const ADDRESS_BYTES: Readonly<Record<string, ReadonlyMap<number, number>>> = {
  SOCKADDR: new Map([
    [1, 1],
    [2, 7],
    [10, 19],
  ]),
  SOCKTUPLE: new Map([
    [1, 17],
    [2, 13],
    [10, 37],
  ]),
}
const AF_UNIX = 1
const TEXTS: ReadonlySet<string> = new Set(['CHARBUF', 'FSPATH', 'FSRELPATH'])

class Cursor {
  at: number
  readonly bytes: Buffer
  readonly end: number
  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }
  get left(): number {
    return this.end - this.at
  }
  /** Moves over `count` bytes and says where they began. */
  take(count: number, what: string): number {
    if (count > this.left) throw new Error(`byte ${this.at}: ${what} of ${count} bytes where ${this.left} are left`)
    this.at += count
    return this.at - count
  }
  u8 = (what: string): number => this.bytes.readUInt8(this.take(1, what))
  u16 = (what: string): number => this.bytes.readUInt16LE(this.take(2, what))
  u32 = (what: string): number => this.bytes.readUInt32LE(this.take(4, what))
  u64 = (what: string): number => Number(this.bytes.readBigInt64LE(this.take(8, what)))
  /** A text behind its length, of a buffer of `room` bytes. */
  text(what: string, room: number): void {
    const length = this.u16(what)
    if (length >= room) throw new Error(`byte ${this.at}: ${what} has ${length} bytes, libscap takes ${room - 1}`)
    this.take(length, what)
  }
}

/** Facts of the capture in the file. Throws an `Error` with the place for what libscap refuses. */
export function readAsLibscap(path: string): CaptureFacts {
  const raw = readFileSync(path)
  return checkCapture(raw[0] === 0x1f ? gunzipSync(raw) : raw)
}

/** The same for the bytes of a capture, not compressed. */
export function checkCapture(bytes: Buffer): CaptureFacts {
  const order: string[] = []
  const counts = { events: 0, processes: 0, fds: 0, largeEvents: 0 }
  const threads = new Set<number>()
  let cpuCount = 0
  for (let at = 0; at < bytes.length; ) {
    const place = `block at byte ${at}`
    if (bytes.length - at < 12) throw new Error(`${place}: cut short`)
    const type = bytes.readUInt32LE(at)
    const total = bytes.readUInt32LE(at + 4)
    const kind = BLOCKS.get(type)
    if (kind === undefined) throw new Error(`${place}: type 0x${type.toString(16)} is none that Falco 0.44 writes`)
    if (total % 4 !== 0 || total < 12 || at + total > bytes.length) throw new Error(`${place}: length ${total}`)
    if (bytes.readUInt32LE(at + total - 4) !== total) throw new Error(`${place}: the length behind it is another`)
    const body = new Cursor(bytes, at + 8, at + total - 4)
    if (order.at(-1) !== kind) order.push(kind)
    switch (kind) {
      case 'section':
        checkSection(body)
        break
      case 'machine':
        cpuCount = checkMachine(body)
        break
      case 'interfaces':
        while (body.left >= 4) checkInterface(body)
        break
      case 'users':
        while (body.left >= 4) checkAccount(body)
        break
      case 'processes':
        while (body.left >= 4) {
          threads.add(checkProcess(body))
          counts.processes++
        }
        break
      case 'fds': {
        const tid = body.u64('tid')
        if (!threads.has(tid)) throw new Error(`${place}: descriptors of thread ${tid}, which no process list has`)
        while (body.left >= 4) {
          checkFd(body)
          counts.fds++
        }
        break
      }
      default:
        if (total > PLAIN_EVENT_LIMIT && (type === 0x216 || type === 0x217))
          throw new Error(`${place}: an event of ${total} bytes in a block for small ones`)
        if (type === 0x221 || type === 0x222) counts.largeEvents++
        checkEvent(body, type === 0x217 || type === 0x222, cpuCount)
        counts.events++
    }
    if (body.left > 3 && kind !== 'machine') throw new Error(`${place}: ${body.left} bytes that nothing tells of`)
    for (; body.left > 0; ) if (body.u8('padding') !== 0) throw new Error(`${place}: padding is not zero`)
    at += total
  }
  if (counts.events === 0) throw new Error('no events in file')
  return { order: order.join(' '), ...counts }
}

function checkSection(body: Cursor): void {
  if (body.u32('magic') !== 0x1a2b3c4d) throw new Error('invalid magic number')
  const [major, minor] = [body.u16('major version'), body.u16('minor version')]
  if (major !== 1 || minor > 2) throw new Error(`version ${major}.${minor}`)
  body.take(8, 'section length')
}

function checkMachine(body: Cursor): number {
  if (body.left !== 180) throw new Error(`machine info of ${body.left} bytes, not 180`)
  const cpuCount = body.u32('CPUs')
  body.take(16, 'memory, largest pid')
  const name = body.take(128, 'hostname')
  if (body.bytes.indexOf(0, name) >= name + 128) throw new Error('the hostname has no end')
  if (body.u64('boot time') <= 0) throw new Error('no boot time')
  body.take(24, 'flags')
  return cpuCount
}

/** Checks that an entry has as many bytes as it says. */
function entry(body: Cursor, lengthCounts: boolean, what: string, check: (entry: Cursor) => void): void {
  const start = body.at
  const length = body.u32(`length of a ${what}`) + (lengthCounts ? 0 : 4)
  const inner = new Cursor(body.bytes, start + 4, start + length)
  if (start + length > body.end || length < 4) throw new Error(`byte ${start}: a ${what} of ${length} bytes`)
  check(inner)
  if (inner.left !== 0) throw new Error(`byte ${inner.at}: ${inner.left} bytes of a ${what} more than there should be`)
  body.at = inner.end
}

function checkInterface(body: Cursor): void {
  entry(body, false, 'network interface', e => {
    const type = e.u16('interface type')
    const length = e.u16('length of its name')
    if (type !== 1 && type !== 2) throw new Error(`interface of type ${type}`)
    if (length >= 32) throw new Error(`the name of an interface has ${length} bytes`)
    e.take(type === 1 ? 12 : 48, 'addresses')
    e.take(8, 'speed')
    e.take(length, 'its name')
  })
}

function checkAccount(body: Cursor): void {
  entry(body, true, 'user or group', e => {
    const kind = e.u8('kind')
    if (kind > 1) throw new Error(`an account of kind ${kind}`)
    e.take(kind === 0 ? 8 : 4, 'ids')
    for (let i = kind === 0 ? 3 : 1; i > 0; i--) e.text('name, home or shell', ACCOUNT)
  })
}

function checkProcess(body: Cursor): number {
  let tid = 0
  entry(body, true, 'process', e => {
    tid = e.u64('tid')
    const pid = e.u64('pid')
    if (tid <= 0 || pid <= 0) throw new Error(`a thread ${tid} of process ${pid}`)
    e.take(24, 'parent, session, group')
    for (const what of ['comm', 'exe', 'exepath']) e.text(what, PATH)
    e.text('args', LIST)
    e.text('cwd', PATH)
    e.take(8 + 12 + 12 + 16, 'numbers')
    e.text('env', LIST)
    if (e.u64('vtid') <= 0 || e.u64('vpid') <= 0) throw new Error(`thread ${tid} has no id of its own namespace`)
    e.text('cgroups', LIST)
    e.text('root', PATH)
    // All that Falco 0.44 writes behind the root.
    e.take(8 + 4 + 4 + 1 + 24 + 1 + 24 + 1 + 1 + 8, 'rights, program, group')
  })
  return tid
}

function checkFd(body: Cursor): void {
  entry(body, true, 'descriptor', e => {
    if (e.u64('fd') < 0) throw new Error(`byte ${e.at}: a descriptor below 0`)
    e.take(8, 'inode')
    const type = e.u8('type')
    switch (type) {
      case 3:
        e.take(13, 'IPv4 socket')
        return
      case 4:
        e.take(37, 'IPv6 socket')
        return
      case 5:
        e.take(7, 'IPv4 server')
        return
      case 6:
        e.take(19, 'IPv6 server')
        return
      case 8:
        e.take(16, 'unix socket')
        break
      case 16:
        e.take(4, 'flags')
        break
      default:
        if (type === 0 || type > 21) throw new Error(`byte ${e.at}: a descriptor of type ${type}`)
    }
    e.text('name', PATH)
    if (type === 16 && e.left > 0) e.take(4, 'device')
  })
}

function checkEvent(body: Cursor, hasFlags: boolean, cpuCount: number): void {
  const cpu = body.u16('cpu')
  if (cpu >= cpuCount) throw new Error(`byte ${body.at}: CPU ${cpu} of ${cpuCount}`)
  if (hasFlags) body.u32('flags')
  const start = body.at
  body.take(16, 'time and thread')
  const length = body.u32('length')
  const info = eventTable[body.u16('type')]
  const count = body.u32('number of parameters')
  if (info === undefined || info.flags.has('unused')) throw new Error(`byte ${start}: an event that there is not`)
  const place = `byte ${start}: ${info.name}`
  if (info.isOld) throw new Error(`${place} is the event of an old version (${info.code}), which Falco converts`)
  if (count !== info.params.length) throw new Error(`${place} has ${count} parameters, not ${info.params.length}`)
  const wide = info.flags.has('large')
  const lengths = Array.from({ length: count }, () => (wide ? body.u32('length') : body.u16('length')))
  for (const [i, param] of info.params.entries()) {
    const bytes = lengths[i]!
    const at = body.take(bytes, `${info.name}.${param.name}`)
    const fixed = FIXED[param.type]
    if (fixed !== undefined && bytes !== fixed)
      throw new Error(`${place}.${param.name} has ${bytes} bytes, not ${fixed}`)
    if (TEXTS.has(param.type) && bytes > 0 && body.bytes.indexOf(0, at) !== at + bytes - 1)
      throw new Error(`${place}.${param.name} does not end with its only NUL`)
    const wrong = bytes === 0 ? undefined : checkParam(body.bytes.subarray(at, at + bytes), param.type, info.name)
    if (wrong !== undefined) throw new Error(`${place}.${param.name} ${wrong}`)
  }
  if (body.at - start !== length) throw new Error(`${place} has ${body.at - start} bytes and says ${length}`)
}

/** What is wrong with a parameter that is there, where its type says what it must look like. */
function checkParam(value: Buffer, type: string, event: string): string | undefined {
  switch (type) {
    case 'SOCKADDR':
    case 'SOCKTUPLE': {
      const family = value[0]!
      const bytes = ADDRESS_BYTES[type]!.get(family)
      if (bytes === undefined) return `is of family ${family}`
      if (family !== AF_UNIX) return value.length === bytes ? undefined : `has ${value.length} bytes, not ${bytes}`
      return value.length > bytes && value.indexOf(0, bytes) === value.length - 1
        ? undefined
        : 'has no path with an end'
    }
    case 'FDLIST': {
      const wanted = value.length < 2 ? 2 : 2 + 10 * value.readUInt16LE(0)
      return value.length === wanted ? undefined : `has ${value.length} bytes, not ${wanted}`
    }
    case 'DYN': {
      const variant = dynVariants(event)[value[0]!]
      if (variant === undefined) return `has variant ${value[0]}`
      const wanted = FIXED[variant.type] ?? value.length - 1
      return value.length - 1 === wanted ? undefined : `has ${value.length - 1} bytes, not ${wanted}`
    }
    default:
      return undefined
  }
}
