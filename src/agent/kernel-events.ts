/** This machine's live events (`events/live`) as the agent takes them (`LiveModule`). */
import { createRecord } from '../events/decode-record.ts'
import { LiveError } from '../events/live/live-error.ts'
import { MAX_SNAP_BYTES, openLive as openRing } from '../events/live/open-live.ts'
import { missingCapabilities, WORLD_CAPABILITIES } from '../events/live/capabilities.ts'
import { countUnanswered } from '../events/live/look.ts'
import { isAlive, isSelf, ProcLookup, tellWorld } from '../events/live/procfs.ts'
import { type CallFilter, mergeWanted, stateCalls, type WantedCalls, wantAll } from '../events/live/wanted-calls.ts'
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
  "/proc is not the host's: processes that started before are unknown; share the host's pid namespace, or mount its /proc and set HOST_ROOT"

/** Falco's limit is higher, so that its configurations may ask for more than there is. */
function limitsOfData(snaplen: number): readonly string[] {
  return snaplen > MAX_SNAP_BYTES
    ? [`of the data of an event the first ${MAX_SNAP_BYTES} bytes are kept, not ${snaplen}`]
    : []
}

/** What /proc keeps from a process without these capabilities. */
function limitsOfProc(): readonly string[] {
  const missing = missingCapabilities(WORLD_CAPABILITIES)
  if (missing.length === 0) return []
  return [`without ${missing.join(' and ')} the programs and files of others that ran before are not known`]
}

/** Loads and attaches the probe; events wait in the ring from now on. Throws an `Error` with what the machine lacks and perhaps `help`. */
export function openLive({ wanted, snaplen, ringBytes, onGap }: LiveOptions): LiveSource {
  let ring: ReturnType<typeof openRing>
  const tsNs = BigInt(Date.now()) * 1_000_000n
  try {
    ring = openRing({
      wanted: callsOf(wanted),
      snapBytes: Math.min(Math.ceil(snaplen), MAX_SNAP_BYTES),
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
    ...(hasHostProc && { lookup: new ProcLookup() }),
    notices: [...limitsOfData(snaplen), ...(hasHostProc ? limitsOfProc() : [OTHER_PIDS])],
    tellWorld: sink => tellWorld(sink, hasHostProc ? { tsNs } : { tsNs, maxThreads: 0 }),
    isAlive: tid => !hasHostProc || isAlive(tid),
    drain: take => ring.drain(record, take, PIECE_BYTES),
    putBack: () => ring.putBack(),
    wait: timeoutMs => ring.wait(timeoutMs, true),
    cancelWait: () => ring.cancelWait(),
    backlogBytes: () => ring.backlogBytes(),
    counters: () => {
      const counters = ring.counters()
      const { emitted, lostRingFull, lostTooLarge, lostNoBuffer, perCpu, bad } = counters
      return {
        seen: counters.beats,
        events: emitted,
        lost: lostRingFull + lostTooLarge + lostNoBuffer,
        lostByCause: { ring_full: lostRingFull, too_large: lostTooLarge, no_buffer: lostNoBuffer },
        perCpu: perCpu.map(one => ({ cpu: one.cpu, events: one.emitted, lost: one.lost })),
        bad,
        others: {
          compat_calls: counters.compatCalls,
          io_uring_requests: counters.uringRequests,
          wakeups: counters.wakeups,
          left_out: counters.leftOut,
          unanswered_lookups: countUnanswered(),
        },
      }
    },
    setWanted: next => {
      ring.setWanted(callsOf(next), next.opens)
    },
    watchLibrary: (path, call, offset) => ring.watchLibrary(path, call, offset),
    close: () => ring.close(),
  }
}

/** Calls whose needless ones are left out where there is an `OpenFilter`. */
const FILTERED_CALLS: readonly string[] = ['open', 'openat', 'openat2', 'close']

/** Sends that may connect as well. */
const FAST_OPENS: readonly string[] = ['sendto', 'sendmsg', 'sendmmsg']

function callsOf({ syscalls, observesNames, opens }: LiveWanted): WantedCalls {
  const calls = new Map<string, CallFilter>(wantAll(syscalls))
  const narrow = (names: Iterable<string>, filter: CallFilter): void => {
    for (const name of names) if (calls.has(name)) calls.set(name, filter)
  }
  if (opens !== undefined) {
    narrow(FILTERED_CALLS, 'needed')
    narrow(opens.namedCalls, 'named-fd')
  }
  const wanted = observesNames
    ? new Map(mergeWanted(new Map([...stateCalls].filter(([, filter]) => filter === 'names')), calls))
    : calls
  if (wanted.has('connect')) for (const name of FAST_OPENS) if (!wanted.has(name)) wanted.set(name, 'fast-open')
  return wanted
}
