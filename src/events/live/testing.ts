/** For tests that watch this very machine: whether they can run, and a source whose events are kept as plain values. */
import { createRecord } from '../decode-record.ts'
import type { EventRecord } from '../event-record.ts'
import { paramToJson } from '../ndjson/param-json.ts'
import type { SourceSink } from '../source.ts'
import { addonPath, loadAddon, probeFeatures } from './native-addon.ts'
import { type LiveOptions, type LiveSource, openLive } from './open-live.ts'
import { tellWorld, type WorldOptions, type WorldSummary } from './procfs.ts'
import { closeSync, existsSync, openSync, readdirSync, readlinkSync } from 'node:fs'

/** Why live tests cannot run here; false when they can. For `test`'s option `skip`, which prints it. */
export function liveSkipReason(): string | false {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`
  if (!existsSync(addonPath())) return 'the native addon is not built (sh scripts/setup-native.sh)'
  if (!existsSync('/usr/bin/python3')) return 'python3 is not installed, whose system calls the tests watch'
  const [first] = probeFeatures(loadAddon()).missing
  return first === undefined ? false : first.message
}

/** An event as plain values; `args` by parameter name, as NDJSON writes them. */
export interface SeenEvent {
  readonly name: string
  readonly tid: number
  readonly cpu: number
  readonly tsNs: bigint
  readonly args: Readonly<Record<string, unknown>>
}

function keepEvent(rec: EventRecord): SeenEvent {
  const args: Record<string, unknown> = {}
  for (const [i, param] of rec.info.params.entries()) args[param.name] = paramToJson(rec, i)
  return { name: rec.info.name, tid: rec.tid, cpu: rec.cpu, tsNs: rec.tsNs, args }
}

/**
 * Opens the probe, runs `act`, and gives every event until it is done, of whoever begins meanwhile: programs that ran before may be many, and
 * flood the machine. Rejects when one was lost.
 */
export async function watch(
  options: LiveOptions,
  act: (source: LiveSource) => Promise<void>,
): Promise<readonly SeenEvent[]> {
  const source = openLive({ ringBytes: 64 * 1024 * 1024, ...options })
  const seen: SeenEvent[] = []
  const record = createRecord()
  const before = listThreads()
  const take = (rec: EventRecord): boolean => {
    if (!before.has(rec.tid)) seen.push(keepEvent(rec))
    // Its number may come again.
    else if (rec.info.name === 'procexit') before.delete(rec.tid)
    return true
  }
  const drain = (): void => {
    while (source.drain(record, take) > 0);
  }
  try {
    source.start()
    const timer = setInterval(drain, 20)
    try {
      await act(source)
    } finally {
      clearInterval(timer)
    }
    source.stop()
    drain()
    const { lostRingFull, lostTooLarge, bad } = source.counters()
    if (lostRingFull + lostTooLarge + bad > 0)
      throw new Error(`lost ${lostRingFull} for lack of room, ${lostTooLarge} too large, ${bad} unreadable`)
  } finally {
    await source.close()
  }
  return seen
}

/** What `tellWorld` tells, in one go. */
export function readWorld(sink: SourceSink, options: WorldOptions = {}): WorldSummary {
  const parts = tellWorld(sink, options)
  for (;;) {
    const { done, value } = parts.next()
    if (done === true) return value
  }
}

function listThreads(): Set<number> {
  const tids = new Set<number>()
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      for (const tid of readdirSync(`/proc/${pid}/task`)) tids.add(Number(tid))
    } catch {
      // It has ended.
    }
  }
  return tids
}

/**
 * Detaches every probe of this process behind its back, as a fault would: its links to the kernel's tracepoints are closed. Their numbers
 * stay taken, by /dev/null, so that whoever closes them later hits nothing else.
 */
export function cutLinks(): void {
  const cut = new Set(
    readdirSync('/proc/self/fd')
      .filter(fd => linkOf(fd).includes('bpf_link'))
      .map(Number),
  )
  for (const fd of cut) closeSync(fd)
  const spare: number[] = []
  for (let left = cut.size; left > 0; ) {
    const fd = openSync('/dev/null', 'r')
    if (cut.has(fd)) left--
    else spare.push(fd)
  }
  for (const fd of spare) closeSync(fd)
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
