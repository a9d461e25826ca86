/** This machine's live events (`events/live`) as the agent takes them (`LiveModule`). */
import { createRecord } from '../events/decode-record.ts'
import { LiveError } from '../events/live/live-error.ts'
import { openLive as openRing } from '../events/live/open-live.ts'
import { isAlive, isSelf, ProcLookup, tellWorld } from '../events/live/procfs.ts'
import { mergeWanted, stateCalls, type WantedCalls, wantAll } from '../events/live/wanted-calls.ts'
import type { LiveOptions, LiveSource, LiveWanted } from './live-source.ts'

/** A piece of the ring after which messages get their turn: some thousands of events. */
const PIECE_BYTES = 512 * 1024

/** What to do about a refusal, where there is something to do. */
const HELP: Readonly<Partial<Record<LiveError['code'], string>>> = {
  'no-permission':
    'run it with sudo, or as the service of packaging/systemd; a capture needs no rights: `tiercel replay`',
  'no-btf': 'a kernel of the distribution has it; a capture needs none: `tiercel replay`',
  'old-kernel': 'a capture needs no new kernel: `tiercel replay`',
  'no-addon': 'a capture needs no addon: `tiercel replay`',
}

const OTHER_PIDS =
  "/proc is that of a container: processes that ran before are not known; share the host's pid namespace, or mount its /proc and set HOST_ROOT"

/** Loads and attaches the probe; events wait in the ring from now on. Throws an `Error` with what the machine lacks and perhaps `help`. */
export function openLive({ wanted, snaplen, ringBytes, onGap }: LiveOptions): LiveSource {
  let ring: ReturnType<typeof openRing>
  try {
    ring = openRing({
      wanted: callsOf(wanted),
      snapBytes: snaplen,
      ringBytes,
      startNow: true,
      ...(onGap !== undefined && { onGap }),
    })
  } catch (error) {
    if (!(error instanceof LiveError)) throw error
    throw Object.assign(new Error(error.message, { cause: error }), { help: HELP[error.code] ?? '' })
  }
  const record = createRecord()
  // In a pid namespace of its own the agent has another number in /proc than events would have it, and so has everybody.
  const hasHostProc = isSelf(ring.selfPid)
  return {
    ...(hasHostProc ? { lookup: new ProcLookup() } : { notice: OTHER_PIDS }),
    tellWorld: sink => tellWorld(sink, hasHostProc ? {} : { maxThreads: 0 }),
    isAlive: tid => !hasHostProc || isAlive(tid),
    drain: take => ring.drain(record, take, PIECE_BYTES),
    wait: timeoutMs => ring.wait(timeoutMs, true),
    cancelWait: () => ring.cancelWait(),
    backlogBytes: () => ring.backlogBytes(),
    counters: () => {
      const {
        beats,
        emitted,
        lostRingFull,
        lostTooLarge,
        lostNoBuffer,
        compatCalls,
        uringRequests,
        wakeups,
        perCpu,
        bad,
      } = ring.counters()
      return {
        seen: beats,
        events: emitted,
        lost: lostRingFull + lostTooLarge + lostNoBuffer,
        lostByCause: { ring_full: lostRingFull, too_large: lostTooLarge, no_buffer: lostNoBuffer },
        perCpu: perCpu.map(one => ({ cpu: one.cpu, events: one.emitted, lost: one.lost })),
        bad,
        others: { compat_calls: compatCalls, io_uring_requests: uringRequests, wakeups },
      }
    },
    setWanted: next => {
      ring.setWanted(callsOf(next))
    },
    close: () => ring.close(),
  }
}

function callsOf({ syscalls, observesNames }: LiveWanted): WantedCalls {
  const calls = wantAll(syscalls)
  if (!observesNames) return calls
  return mergeWanted(new Map([...stateCalls].filter(([, filter]) => filter === 'names')), calls)
}
