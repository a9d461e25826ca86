/** A program run under strace and under the probe at once: what each of them told of each thread. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRecord, paramNumber, paramUint64 } from '../../src/events/decode-record.ts'
import { nativeSyscalls, syscallName } from '../../src/events/event-lookup.ts'
import type { EventRecord } from '../../src/events/event-record.ts'
import { openLive } from '../../src/events/live/open-live.ts'
import { readWorld } from '../../src/events/live/testing.ts'
import { wantAll } from '../../src/events/live/wanted-calls.ts'
import { paramToJson } from '../../src/events/ndjson/param-json.ts'
import { HostState, stateSink } from '../../src/state/host-state.ts'
import type { ToldCall } from './compare-call.ts'
import { parseTracedCall, type TracedCall } from './strace-lines.ts'

/** An event, with what the state knew then of the descriptor that it speaks of. */
export interface ToldEvent extends ToldCall {
  readonly fdNum: number
  readonly fdName: string | undefined
}

export interface TracedThread {
  readonly tid: number
  readonly calls: readonly TracedCall[]
  /** Lines of calls that were not understood. */
  readonly unread: readonly string[]
  readonly events: readonly ToldEvent[]
}

/** Milliseconds a program may take. */
const PATIENCE_MS = 120_000

const CLONES: ReadonlySet<string> = new Set(['clone', 'clone3', 'fork', 'vfork'])

/** Rejects when events were lost. */
export async function runTraced(program: string, args: readonly string[]): Promise<readonly TracedThread[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-strace-'))
  const calls = nativeSyscalls(process.arch).filter(name => name !== null)
  const source = openLive({ wanted: wantAll(calls), ringBytes: 128 * 1024 * 1024 })
  const record = createRecord()
  const told = new Map<number, ToldEvent[]>()
  const state = new HostState({})
  const sink = stateSink(state, () => true)
  const onEvent = (rec: EventRecord): boolean => {
    const { fdNum = -1, fd } = state.apply(rec)
    const args = (name: string): number => paramNumber(rec, rec.info.paramIndex.get(name)!) ?? -1
    if (CLONES.has(rec.info.name) && args('res') === 0 && (told.has(args('ptid')) || told.has(args('pid'))))
      told.set(rec.tid, [])
    told.get(rec.tid)?.push(keep(rec, fdNum, fd?.name))
    return true
  }
  const drain = (): void => {
    while (source.drain(record, onEvent) > 0);
  }
  try {
    source.start()
    readWorld(sink)
    await new Promise<void>((resolve, reject) => {
      const options = ['-ff', '-xx', '-yy', '-s', '512', '-o', join(folder, 'thread'), program, ...args]
      const child = execFile('strace', options, { timeout: PATIENCE_MS }, error =>
        error === null ? resolve() : reject(error),
      )
      told.set(child.pid!, [])
      const timer = setInterval(drain, 10)
      child.on('close', () => clearInterval(timer))
    })
    source.stop()
    drain()
    const { lostRingFull, lostTooLarge, bad } = source.counters()
    if (lostRingFull + lostTooLarge + bad > 0) throw new Error('events were lost')
    return readdirSync(folder).map(file => readThread(join(folder, file), told))
  } finally {
    await source.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function keep(rec: EventRecord, fdNum: number, fdName: string | undefined): ToldEvent {
  const args: Record<string, unknown> = {}
  for (const [i, param] of rec.info.params.entries()) args[param.name] = paramToJson(rec, i)
  const isGeneric = rec.info.name === 'syscall'
  return {
    name: isGeneric ? (syscallName(paramNumber(rec, 0) ?? 0) ?? 'syscall') : rec.info.name,
    args,
    result: BigInt.asIntN(64, BigInt(paramUint64(rec, 0) ?? 0)),
    fdNum,
    fdName,
  }
}

function readThread(file: string, told: ReadonlyMap<number, readonly ToldEvent[]>): TracedThread {
  const tid = Number(file.slice(file.lastIndexOf('.') + 1))
  const lines = readFileSync(file, 'latin1').split('\n')
  const read = lines.map(line => ({ line, call: parseTracedCall(line) }))
  return {
    tid,
    calls: read.flatMap(({ call }) => call ?? []),
    unread: read.flatMap(({ line, call }) => (call === undefined && /^\w+\(/.test(line) ? line : [])),
    events: told.get(tid) ?? [],
  }
}
