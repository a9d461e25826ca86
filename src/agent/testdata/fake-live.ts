/**
 * Live events made up by a timetable instead of a kernel, for tests of the agent. What it does is in the module's query:
 *
 *   rate=1000        events a second (opens of /tmp/fN by process 100 `faker`), as long as `openat` is wanted
 *   total=100        and then no more
 *   lost=50          of each 100 events, so many find no room
 *   refuse=TEXT      the probe cannot be loaded
 *   stall=10         after so many events nothing is handed on any more, though more come
 *   dead=300         the probe is detached after so many ms
 *   hang=10          the worker never returns from the event of that number
 *   world=1000       so many ms pass from the first event on before the last process of the world is told, which is the one that makes
 *                    the events
 *   throw=10         the event of that number makes whoever looks at it throw
 */
import { attachBytes, createRecord, readRecord } from '../../events/decode-record.ts'
import type { EventRecord } from '../../events/event-record.ts'
import type { ProcessEntry, SourceSink } from '../../events/source.ts'
import { encodeEvent, le } from '../../events/encode-event.ts'
import type { LiveCounters, LiveLookup, LiveOptions, LiveSource, LiveWanted } from '../live-source.ts'

const query = new URL(import.meta.url).searchParams
const numberOf = (name: string, otherwise: number): number => Number(query.get(name) ?? otherwise)

const OPENAT = 307
const EVENT_BYTES = 100
const PIECE_EVENTS = 1000

class FakeSource implements LiveSource {
  /** Time begins when something is wanted. */
  #startMs = Number.POSITIVE_INFINITY
  readonly #record = createRecord()
  readonly #options: LiveOptions
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4))
  #wanted: LiveWanted
  #made = 0
  #events = 0
  #lost = 0
  #taken = 0
  #seen = 0
  #isPutBack = false

  constructor(options: LiveOptions) {
    this.#options = options
    this.#wanted = options.wanted
  }

  drain(take: (record: EventRecord) => boolean): number {
    this.#advance()
    const stall = numberOf('stall', Number.POSITIVE_INFINITY)
    let count = 0
    while (this.#taken < this.#events && this.#taken < stall && count < PIECE_EVENTS) {
      this.#taken++
      count++
      if (this.#taken === numberOf('hang', -1)) for (;;) Atomics.wait(this.#sleeper, 0, 0, 1000)
      const record = this.#fill(this.#taken)
      const wantsMore = take(this.#taken === numberOf('throw', -1) ? throwing(record) : record)
      if (wantsMore) continue
      if (this.#isPutBack) {
        this.#isPutBack = false
        this.#taken--
        count--
      }
      break
    }
    return count
  }

  putBack(): void {
    this.#isPutBack = true
  }

  async wait(timeoutMs: number): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, Math.min(timeoutMs, 10)))
  }

  cancelWait(): void {}

  backlogBytes(): number {
    this.#advance()
    return Math.min((this.#events - this.#taken) * EVENT_BYTES, this.#options.ringBytes)
  }

  counters(): LiveCounters {
    this.#advance()
    return {
      seen: this.#seen,
      events: this.#events,
      lost: this.#lost,
      lostByCause: { ring_full: this.#lost },
      perCpu: [{ cpu: 0, events: this.#events, lost: this.#lost }],
    }
  }

  setWanted(wanted: LiveWanted): void {
    this.#advance()
    this.#startMs = Math.min(this.#startMs, performance.now())
    this.#wanted = wanted
  }

  *tellWorld(sink: SourceSink): Generator<undefined> {
    sink.machine({ cpuCount: 1, memoryBytes: 1 << 30, hostname: 'fake', bootTsNs: 1n })
    const lastsMs = numberOf('world', 0)
    tellProcess(sink, 200)
    do {
      Atomics.wait(this.#sleeper, 0, 0, 1)
      yield
    } while (lastsMs > 0 && performance.now() < this.#startMs + lastsMs)
    tellProcess(sink, 100)
  }

  readonly lookup: LiveLookup = {
    process: tid => (tid === 100 ? processOf(tid) : undefined),
    fd: () => undefined,
  }

  /** Process 200 does nothing and is gone: its end was lost. */
  isAlive(tid: number): boolean {
    return tid === 100
  }

  close(): void {}

  /** What happened up to now. */
  #advance(): void {
    const elapsedMs = Math.max(0, performance.now() - this.#startMs)
    if (elapsedMs < numberOf('dead', Number.POSITIVE_INFINITY)) this.#seen++
    else return
    const due = Math.min(numberOf('total', Number.POSITIVE_INFINITY), (elapsedMs * numberOf('rate', 1000)) / 1000)
    for (; this.#made < Math.floor(due); this.#made++) {
      this.#seen++
      if (!this.#wanted.syscalls.has('openat')) continue
      if (this.#made % 100 < numberOf('lost', 0)) this.#lost++
      else this.#events++
    }
  }

  #fill(num: number): EventRecord {
    const text = (value: string): Buffer => Buffer.from(`${value}\0`, 'latin1')
    const bytes = encodeEvent(
      OPENAT,
      [le(8, 3), le(8, -100), text(`/tmp/f${num}`), le(4, 1), le(4, 0), le(4, 0), le(8, num)],
      { ts: BigInt(Date.now()) * 1_000_000n, tid: 100 },
    )
    const record = this.#record
    attachBytes(record, bytes)
    readRecord(record, 0, bytes.length)
    record.num = num
    record.cpu = 0
    return record
  }
}

function throwing(record: EventRecord): EventRecord {
  const bad = {
    num: record.num,
    info: record.info,
    get type(): number {
      throw new Error('a bug')
    },
  }
  return bad as unknown as EventRecord
}

export function openLive(options: LiveOptions): LiveSource {
  const refusal = query.get('refuse')
  if (refusal !== null) throw Object.assign(new Error(refusal), { help: 'do something about it' })
  return new FakeSource(options)
}

function tellProcess(sink: SourceSink, tid: number): void {
  sink.process(processOf(tid))
}

function processOf(tid: number): ProcessEntry {
  return {
    tid,
    pid: tid,
    ptid: 1,
    sid: tid,
    vpgid: tid,
    comm: 'faker',
    exe: 'faker',
    exepath: '/usr/bin/faker',
    args: [],
    cwd: '/',
    fdlimit: 1024,
    flags: 0,
    uid: 0,
    gid: 0,
    vmSizeKb: 0,
    vmRssKb: 0,
    vmSwapKb: 0,
    pfMajor: 0,
    pfMinor: 0,
    env: [],
    vtid: tid,
    vpid: tid,
    cgroups: [],
    root: '/',
  }
}
