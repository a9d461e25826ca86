import type { EventRecord } from '../events/event-record.ts'
import type { SourceSink } from '../events/source.ts'
import { drainRest } from './drain-rest.ts'
import type { LiveCounters, LiveModule, LiveOptions, LiveSource } from './live-source.ts'

export interface PumpOptions extends LiveOptions {
  /** Ends it. */
  readonly signal: AbortSignal
  /** Takes what the user should know of this machine. */
  readonly onNotice?: (text: string) => void
  /** Told of the source once it is there. */
  readonly onSource?: (source: LiveSource) => void
  /** Called between pieces of events; what it returns is waited for. */
  readonly betweenPieces?: () => Promise<void> | undefined
}

const BUSY_BYTES = 64 * 1024
const SHORT_SLEEP_MS = 2
const IDLE_WAIT_MS = 100
const QUIET_PIECES = 20

/**
 * Tells `sink` the world as it is and then what happens, on this very thread, until the signal or `false` from the sink: for commands that do
 * nothing else. Throws what `openLive` throws. The counters are those of the end.
 */
export async function pumpLive(module: LiveModule, sink: SourceSink, options: PumpOptions): Promise<LiveCounters> {
  const source = module.openLive(options)
  try {
    options.onSource?.(source)
    for (const notice of source.notices ?? []) options.onNotice?.(notice)
    const world = source.tellWorld(sink)
    while (world.next().done !== true);
    let isOver = false
    const take = (record: EventRecord): boolean => {
      isOver = !sink.event(record)
      return !isOver
    }
    let quiet = 0
    while (!options.signal.aborted) {
      const taken = source.drain(take)
      const pause = options.betweenPieces?.()
      if (pause !== undefined) await pause
      if (isOver) break
      if (source.backlogBytes() > BUSY_BYTES) {
        await new Promise(resolve => setImmediate(resolve))
        continue
      }
      quiet = taken > 0 ? 0 : quiet + 1
      if (quiet > QUIET_PIECES) await source.wait(IDLE_WAIT_MS)
      else await new Promise(resolve => setTimeout(resolve, SHORT_SLEEP_MS))
    }
    // What has happened until now is told, however long that takes.
    const rest = drainRest(source, take, Date.now())
    while (!isOver && rest.next().done !== true);
    return source.counters()
  } finally {
    await source.close()
  }
}
