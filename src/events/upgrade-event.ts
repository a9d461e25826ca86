/**
 * Old captures → current events. Falco's event format has grown by new codes (execve has had eight) and by parameters that moved from
 * the enter event to the exit event. Here an old exit event is rewritten as the current event of the same name: each parameter is
 * taken *by name* from the exit event itself, else from the thread's last enter event, else it is left empty or zero as Falco's
 * converter leaves it. Old enter events are kept for that and not delivered. Later stages thus see current events only.
 *
 * A current event costs one look-up. The facts which parameters become zero rather than empty come from Falco's conversion table
 * (libscap/engine/savefile/converter/table.cpp) and are checked against what Falco prints for old captures.
 */
import {
  attachBytes,
  createRecord,
  EVENT_HEADER_BYTES,
  integerLayout,
  paramNumber,
  paramText,
  readRecord,
} from './decode-record.ts'
import { type EventRecord, MAX_PARAMS } from './event-record.ts'
import { type EventInfo, eventTable } from './event-table.ts'

/** Header bytes of events without parameter count. */
const V1_HEADER_BYTES = 22
/** Threads whose last enter event is kept, and the bytes of all of them; the oldest are forgotten beyond that. */
const MAX_STORED = 32768
const MAX_STORED_BYTES = 16 * 1024 * 1024
const MAX_STORED_EVENT = 65536
/** An old event and its enter event are at most 64 KiB each. */
const SCRATCH_BYTES = 192 * 1024

const CURRENT = 0
const STORE = 1
const DROP = 2
const STORE_AND_PASS = 3
const RETYPE = 4

/** `connect` enter: delivered (it shows the address before the kernel acted) and needed by old exit events. */
const CONNECT_ENTER = 22

/** accept4 was called accept in its first two versions. */
const RENAMED_EVENTS: ReadonlyMap<number, string> = new Map([
  [57, 'accept4'],
  [249, 'accept4'],
])

/** Parameters whose source has another name: by original exit code, current parameter → source parameter. */
const RENAMED_PARAMS: ReadonlyMap<number, ReadonlyMap<string, string>> = new Map([
  [11, new Map([['vm_size', 'size']])],
  [125, new Map([['oldfd', 'fd']])],
  [297, new Map([['fd', 'res_or_fd']])],
])

/** Events whose parameters stay empty when the enter event is not there; those of all others become zero. */
const EMPTY_WITHOUT_ENTER: ReadonlySet<string> = new Set([
  'syscall',
  'link',
  'linkat',
  'unlink',
  'unlinkat',
  'dup',
  'prlimit',
  'brk',
  'mkdir',
  'rmdir',
  'openat',
  'execve',
  'setresuid',
  'setuid',
  'setgid',
  'setpgid',
  'setresgid',
  'ptrace',
  'fchdir',
  'setns',
  'bpf',
])
/** The first version of ioctl, whose missing parameters stay empty though later ones become zero. */
const IOCTL_V1_EXIT = 91

/** Parameters that become zero although no enter event ever had them. */
const ZERO_PARAMS: ReadonlySet<string> = new Set([
  'accept.queuelen',
  'accept.queuemax',
  'accept4.queuelen',
  'accept4.queuemax',
  'sendmmsg.res',
  'recvmmsg.res',
  'socket.flags',
])

function currentByName(wantsExit: boolean): ReadonlyMap<string, EventInfo> {
  const found = new Map<string, EventInfo>()
  for (const info of eventTable) {
    if (info.isExit === wantsExit && !info.isOld && !info.flags.has('unused')) found.set(info.name, info)
  }
  return found
}

const currentExit: ReadonlyMap<string, EventInfo> = currentByName(true)
const currentEnter: ReadonlyMap<string, EventInfo> = currentByName(false)

function targetOf(info: EventInfo): EventInfo | undefined {
  if (info.isExit) return currentExit.get(RENAMED_EVENTS.get(info.code) ?? info.name)
  // Tracepoints and meta events have even codes only: procexit, switch, container.
  return currentExit.has(info.name) ? undefined : currentEnter.get(info.name)
}

const KIND: Uint8Array = new Uint8Array(eventTable.length)
const TARGET: Uint16Array = new Uint16Array(eventTable.length)
/** Parameters that an event of this code must have to be current. */
const NEEDED: Uint8Array = new Uint8Array(eventTable.length)

for (const info of eventTable) {
  TARGET[info.code] = info.code
  if (info.flags.has('unused')) KIND[info.code] = DROP
  else if (info.code === CONNECT_ENTER) KIND[info.code] = STORE_AND_PASS
  else if (info.isOld) {
    const target = targetOf(info)
    if (target !== undefined) {
      KIND[info.code] = RETYPE
      TARGET[info.code] = target.code
    } else KIND[info.code] = info.isExit ? DROP : STORE
  } else if (info.flags.has('converter')) NEEDED[info.code] = info.params.length
}

/** Where a parameter of the current event comes from: positions in the old event and in its enter event (-1: nowhere). */
interface ParamSource {
  readonly own: number
  readonly enter: number
  /** Bytes of zeros when there is no source. */
  readonly zeroBytes: number
  /** Bytes of an integer, or 0 for other types. */
  readonly width: number
  /** The source is a DYN whose selector byte is passed over. */
  readonly skip: number
}

const plans = new Map<number, readonly ParamSource[]>()

function planFor(code: number): readonly ParamSource[] {
  const known = plans.get(code)
  if (known !== undefined) return known
  const from = eventTable[code]!
  const to = eventTable[TARGET[code]!]!
  const enter = from.isExit ? eventTable[code - 1] : undefined
  const renames = RENAMED_PARAMS.get(code)
  const plan = to.params.map((param): ParamSource => {
    const name = renames?.get(param.name) ?? param.name
    const own = from.paramIndex.get(name) ?? -1
    const fromEnter = own < 0 || code === TARGET[code] ? (enter?.paramIndex.get(name) ?? -1) : -1
    const width = integerLayout(param.type)?.bytes ?? 0
    const isZero =
      ZERO_PARAMS.has(`${to.name}.${param.name}`) ||
      (fromEnter >= 0 && !EMPTY_WITHOUT_ENTER.has(to.name) && code !== IOCTL_V1_EXIT)
    const skip = own >= 0 && from.params[own]?.type === 'DYN' && param.type !== 'DYN' ? 1 : 0
    return { own, enter: fromEnter, zeroBytes: isZero ? width : 0, width, skip }
  })
  plans.set(code, plan)
  return plan
}

/** Whether events of this code are rewritten or dropped before they are delivered. */
export function isConverted(code: number): boolean {
  const kind = KIND[code]
  return kind === STORE || kind === DROP || kind === RETYPE
}

/** Rewrites old events; one for each source, for it remembers enter events of threads. */
export class EventUpgrader {
  private readonly stored = new Map<number, Buffer>()
  private storedBytes = 0
  private readonly enterRec: EventRecord = createRecord()
  private readonly scratch: Buffer = Buffer.alloc(SCRATCH_BYTES)
  private readonly widened: Buffer = Buffer.alloc(SCRATCH_BYTES)
  private readonly lens = new Int32Array(MAX_PARAMS)

  /** Forgets all enter events. */
  reset(): void {
    this.stored.clear()
    this.storedBytes = 0
  }

  /** Whether the event can be delivered as it is. */
  isCurrent(rec: EventRecord): boolean {
    const type = rec.type
    return KIND[type] === CURRENT && rec.paramCount >= NEEDED[type]!
  }

  /**
   * Makes `rec` a current event, which lies in a buffer of the upgrader's, valid until the next call. False: the event is not to be
   * delivered.
   */
  upgrade(rec: EventRecord): boolean {
    switch (KIND[rec.type]) {
      case DROP:
        return false
      case STORE:
        this.store(rec)
        return false
      case STORE_AND_PASS:
        this.store(rec)
        return rec.paramCount >= rec.info.params.length || this.rewrite(rec)
      default:
        return this.rewrite(rec)
    }
  }

  /**
   * Gives the event at `at`, whose header lacks the parameter count, a header v2; undefined when no count makes its lengths add up. The
   * bytes are valid until the next call.
   */
  widenHeader(
    bytes: Buffer,
    view: DataView,
    at: number,
    limit: number,
  ): { readonly bytes: Buffer; readonly length: number } | undefined {
    if (at + V1_HEADER_BYTES > limit) return undefined
    const info = eventTable[view.getUint16(at + 20, true)]
    if (info === undefined) return undefined
    let length = view.getUint32(at + 16, true)
    // Writers of that time counted three bytes too many for these two.
    if (info.name === 'notification' || info.name === 'infra') length -= 3
    const end = at + length
    if (length < V1_HEADER_BYTES || end > limit || length + 4 > this.widened.length) return undefined
    const lensAt = at + V1_HEADER_BYTES
    for (let count = info.params.length; count >= 0; count--) {
      let dataAt = lensAt + count * 2
      if (dataAt > end) continue
      for (let i = 0; i < count && dataAt <= end; i++) dataAt += view.getUint16(lensAt + i * 2, true)
      if (dataAt !== end) continue
      const out = this.widened
      bytes.copy(out, 0, at, lensAt)
      out.writeUInt32LE(length + 4, 16)
      out.writeUInt32LE(count, V1_HEADER_BYTES)
      bytes.copy(out, EVENT_HEADER_BYTES, lensAt, end)
      return { bytes: out, length: length + 4 }
    }
    return undefined
  }

  private store(rec: EventRecord): void {
    // Forgotten first, so that the map's order is that of the last enter event.
    this.forget(rec.tid)
    const size = rec.end - rec.start
    if (size > MAX_STORED_EVENT) return
    for (const oldest of this.stored.keys()) {
      if (this.stored.size < MAX_STORED && this.storedBytes + size <= MAX_STORED_BYTES) break
      this.forget(oldest)
    }
    this.stored.set(rec.tid, Buffer.from(rec.bytes.subarray(rec.start, rec.end)))
    this.storedBytes += size
  }

  private forget(tid: number): void {
    const bytes = this.stored.get(tid)
    if (bytes === undefined) return
    this.storedBytes -= bytes.length
    this.stored.delete(tid)
  }

  /** The thread's enter event when it is the one of `exitCode`, decoded; it is forgotten, for it serves once. */
  private takeEnter(tid: number, exitCode: number): EventRecord | undefined {
    const bytes = this.stored.get(tid)
    if (bytes === undefined || bytes.readUInt16LE(20) !== exitCode - 1) return undefined
    this.forget(tid)
    attachBytes(this.enterRec, bytes)
    return readRecord(this.enterRec, 0, bytes.length) < 0 ? undefined : this.enterRec
  }

  private rewrite(rec: EventRecord): boolean {
    const from = rec.type
    const to = eventTable[TARGET[from]!]!
    const plan = planFor(from)
    const enter = rec.info.isExit ? this.takeEnter(rec.tid, from) : undefined
    const out = this.scratch
    const lensAt = EVENT_HEADER_BYTES
    const lenBytes = to.isLarge ? 4 : 2
    const dataAt = lensAt + plan.length * lenBytes
    let at = dataAt
    if (to.name === 'container' && rec.info.params.length === 4) at = this.writeContainer(rec, dataAt)
    else for (let i = 0; i < plan.length; i++) at = this.writeParam(rec, enter, plan[i]!, i, at)
    rec.bytes.copy(out, 0, rec.start, rec.start + V1_HEADER_BYTES)
    out.writeUInt32LE(at, 16)
    out.writeUInt16LE(to.code, 20)
    out.writeUInt32LE(plan.length, V1_HEADER_BYTES)
    for (let i = 0; i < plan.length; i++) {
      const len = this.lens[i]!
      if (lenBytes === 4) out.writeUInt32LE(len, lensAt + i * 4)
      else out.writeUInt16LE(len, lensAt + i * 2)
    }
    attachBytes(rec, out)
    return readRecord(rec, 0, at) >= 0
  }

  /** Writes parameter `i` at `at` and notes its length; where the next begins. */
  private writeParam(
    rec: EventRecord,
    enter: EventRecord | undefined,
    source: ParamSource,
    i: number,
    at: number,
  ): number {
    let from: EventRecord | undefined
    let position = -1
    if (source.own >= 0 && source.own < rec.paramCount) {
      from = rec
      position = source.own
    } else if (enter !== undefined && source.enter >= 0 && source.enter < enter.paramCount) {
      from = enter
      position = source.enter
    }
    let len: number
    if (from === undefined) {
      len = Math.min(source.zeroBytes, SCRATCH_BYTES - at)
      this.scratch.fill(0, at, at + len)
    } else {
      const skip = from === rec && from.paramLen[position]! > 0 ? source.skip : 0
      len = from.paramLen[position]! - skip
      // An integer that was wider before loses its upper half.
      if (source.width > 0 && len > source.width) len = source.width
      // Only a forged event is longer than the format allows.
      len = Math.min(len, SCRATCH_BYTES - at)
      const start = from.paramAt[position]! + skip
      from.bytes.copy(this.scratch, at, start, start + len)
    }
    this.lens[i] = len
    return at + len
  }

  /** The first container event had four parameters; its successors have one JSON text. */
  private writeContainer(rec: EventRecord, at: number): number {
    const json = JSON.stringify({
      id: paramText(rec, 0) ?? '',
      type: paramNumber(rec, 1) ?? 0,
      name: paramText(rec, 2) ?? '',
      image: paramText(rec, 3) ?? '',
    })
    const length = this.scratch.write(`${json}\0`, at, 'latin1')
    this.lens[0] = length
    return at + length
  }
}
