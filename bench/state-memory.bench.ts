/**
 * Does the state's memory stay flat, whatever is missed? A capture read again and again, as one file appended to itself and as one that
 * tells of its world anew without an end to the old one; then processes whose ends are lost and files whose closes are lost, by the
 * million, with and without the purge of a live agent. Heap after a full collection.
 * Run: node bench/state-memory.bench.ts [MILLIONS]
 */
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { readCapture } from '../src/events/capture/read-capture.ts'
import { attachBytes, createRecord, readRecord } from '../src/events/decode-record.ts'
import type { EventRecord } from '../src/events/event-record.ts'
import { eventTable } from '../src/events/event-table.ts'
import { encodeEvent, le } from '../src/events/encode-event.ts'
import { HostState, stateSink } from '../src/state/host-state.ts'

const EVENTS: number = Number(process.argv[2] ?? 2) * 1_000_000
const sample: string = fileURLToPath(new URL('../samples/container.scap', import.meta.url))

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const heapMb = (): number => {
  collect()
  return process.memoryUsage().heapUsed / 1e6
}

/** An event whose tid, time and some numbers are set anew each time. */
class Template {
  readonly #rec: EventRecord = createRecord()

  constructor(name: string, params: Readonly<Record<string, Buffer>>) {
    const info = eventTable.find(e => e.name === name && !e.isOld && (e.isExit || name === 'procexit'))
    if (info === undefined) throw new Error(`no event ${name}`)
    const bytes = encodeEvent(
      info.code,
      info.params.map(param => params[param.name] ?? Buffer.alloc(0)),
    )
    attachBytes(this.#rec, bytes)
    readRecord(this.#rec, 0, bytes.length)
  }

  /** `numbers` by the parameter's name; all of eight bytes. */
  set(tid: number, tsNs: bigint, numbers: Readonly<Record<string, number>> = {}): EventRecord {
    const rec = this.#rec
    rec.tid = tid
    rec.view.setBigUint64(rec.start, tsNs, true)
    for (const [name, value] of Object.entries(numbers)) {
      rec.view.setBigInt64(rec.paramAt[rec.info.paramIndex.get(name)!]!, BigInt(value), true)
    }
    return rec
  }
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`)
const number: Buffer = le(8, 0)

function templates() {
  const program = {
    exe: text('/usr/bin/worker'),
    args: text('--config /etc/worker.conf --verbose'),
    comm: text('worker'),
  }
  const ids = { res: number, pid: number, ptid: number, vtid: number, vpid: number }
  return {
    clone: new Template('clone', {
      ...program,
      ...ids,
      fdlimit: number,
      cgroups: text('cpu=/system.slice'),
      flags: le(4, 0),
    }),
    exec: new Template('execve', {
      ...program,
      ...ids,
      env: text(`PATH=/usr/bin\0HOME=/root\0LONG=${'x'.repeat(800)}`),
    }),
    exit: new Template('procexit', { status: number }),
    open: new Template('openat', {
      fd: number,
      dirfd: le(8, -100),
      name: text('/var/lib/worker/data/file.db'),
      flags: le(4, 1),
    }),
    close: new Template('close', { res: number, fd: number }),
    accept: new Template('accept', { fd: number, tuple: Buffer.from([2, 10, 0, 0, 9, 1, 0, 10, 0, 0, 1, 80, 0]) }),
  }
}

interface Story {
  readonly name: string
  /** Applies events about so many; tells of its memory four times on the way. */
  readonly run: (state: HostState, tell: () => void) => Promise<void> | void
}

/** Processes that are made, replace their program, open, and end; every `lost`th without a word. */
function processes(lost: number, isPurged: boolean): Story['run'] {
  return (state, tell) => {
    const t = templates()
    const perProcess = 6
    const count = EVENTS / perProcess
    let tsNs = 1_700_000_000_000_000_000n
    let isRoundOver = true
    for (let i = 0; i < count; i++) {
      // A hundred a second, and tids that begin anew where the kernel's do.
      tsNs += 10_000_000n
      const tid = 300 + (i % 4_000_000)
      state.apply(t.clone.set(1, tsNs, { res: tid, pid: 1, ptid: 0, vtid: 1, vpid: 1 }))
      state.apply(t.exec.set(tid, tsNs, { pid: tid, ptid: 1 }))
      state.apply(t.open.set(tid, tsNs, { fd: 3 }))
      state.apply(t.accept.set(tid, tsNs, { fd: 4 }))
      state.apply(t.close.set(tid, tsNs, { fd: 3 }))
      if (i % lost !== 0) state.apply(t.exit.set(tid, tsNs))
      if (isPurged && (i % 30_000 === 0 || !isRoundOver)) {
        isRoundOver = state.purge(tsNs, thread => thread.tid === 1, { maxThreads: 1000 })
      }
      if ((i + 1) % Math.floor(count / 4) === 0) tell()
    }
  }
}

/** 200 processes whose opens all arrive and whose closes do not, one in twenty. */
function files(state: HostState, tell: () => void): void {
  const t = templates()
  let tsNs = 1_700_000_000_000_000_000n
  const next = new Array<number>(200).fill(3)
  const count = EVENTS / 2
  for (let i = 0; i < count; i++) {
    tsNs += 10_000n
    const process = i % next.length
    const fd = next[process]!
    state.apply(t.open.set(1000 + process, tsNs, { fd }))
    if (i % 20 === 0) next[process] = fd + 1
    else state.apply(t.close.set(1000 + process, tsNs, { fd }))
    if ((i + 1) % (count / 4) === 0) tell()
  }
}

function captures(isReset: boolean): Story['run'] {
  return async (state, tell) => {
    const { reset, ...rest } = stateSink(state, () => true)
    for (let i = 1; i <= 40; i++) {
      if (isReset) reset?.()
      await readCapture(sample, rest)
      if (i % 10 === 0) tell()
    }
  }
}

const stories: readonly Story[] = [
  { name: 'a capture appended to itself', run: captures(true) },
  { name: 'a capture again and again without a reset', run: captures(false) },
  { name: 'processes, no end lost', run: processes(Number.POSITIVE_INFINITY, false) },
  { name: 'processes, every 20th end lost, purged', run: processes(20, true) },
  { name: 'processes, every end lost, purged', run: processes(1, true) },
  { name: 'processes, every end lost', run: processes(1, false) },
  { name: 'files, every 20th close lost', run: files },
]

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
console.log(`about ${EVENTS} events each; heap in MB after each quarter, beyond what it was before`)
for (const story of stories) await tell(story)

/** In a function of its own, so that nothing of a story is left at the next. */
async function tell({ name, run }: Story): Promise<void> {
  const before = heapMb()
  const state = new HostState()
  const quarters: string[] = []
  const start = performance.now()
  await run(state, () => quarters.push((heapMb() - before).toFixed(1).padStart(6)))
  const { threads, droppedThreads, fds, droppedFds, purgedThreads } = state.counters()
  console.log(`${name.padEnd(44)} ${quarters.join(' ')}   (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  console.log(
    `    threads ${threads} (no room for ${droppedThreads}, purged ${purgedThreads}), fds ${fds} (no room for ${droppedFds})`,
  )
}
