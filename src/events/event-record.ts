import type { EventInfo } from './event-table.ts'

/** A current event has at most this many parameters. */
export const MAX_PARAMS = 32

/**
 * One event where it lies: the scap event (header v2, lengths, parameters), seen through offsets into `bytes`. A source owns one record
 * and fills it anew for each event; whoever wants to keep something copies it before returning. Only current event versions are seen
 * here: the capture reader retypes old ones and fills what they lack from the thread's enter event.
 */
export class EventRecord {
  bytes: Buffer
  view: DataView
  /** Offset of the header (u64 ts, u64 tid, u32 len, u16 type, u32 nparams) and of the byte after the event. */
  start: number
  end: number
  /** `evt.num`: 1 for the first event of the source. */
  num: number
  cpu: number
  /** Only the state takes it: an open that was not told when it happened (`OpenFilter`), as an `open_by_handle_at`. */
  isEarlierOpen: boolean
  /** Event code, and its row in the table. */
  type: number
  info: EventInfo
  tid: number
  paramCount: number
  /** Offsets into `bytes` and lengths of the parameters 0 … paramCount−1. */
  readonly paramAt: Int32Array
  readonly paramLen: Int32Array

  constructor(info: EventInfo) {
    this.bytes = Buffer.alloc(0)
    this.view = new DataView(this.bytes.buffer)
    this.start = 0
    this.end = 0
    this.num = 0
    this.cpu = 0
    this.isEarlierOpen = false
    this.type = 0
    this.info = info
    this.tid = 0
    this.paramCount = 0
    this.paramAt = new Int32Array(MAX_PARAMS)
    this.paramLen = new Int32Array(MAX_PARAMS)
  }

  /** Nanoseconds since the epoch. */
  get tsNs(): bigint {
    return this.view.getBigUint64(this.start, true)
  }
}
