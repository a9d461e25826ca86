/**
 * What is known of names as an agent saves it for its next start: a header, a line of a bindings file for each binding, an end with a sum
 * of it all. Whoever reads it drops what has ended meanwhile, and gives what a process saw to that very process alone: the same boot, id and start.
 */
import type { Hash } from 'node:crypto'
import type { BindingFact, Owner } from './binding.ts'
import { parseBinding, parseTimeMs, renderTime } from './bindings-file.ts'

/** Of this layout; another one is not read. */
const VERSION = 1

export interface SavedHeader {
  /** `/proc/sys/kernel/random/boot_id`. */
  readonly bootId: string
  readonly savedMs: number
}

export interface SavedNames extends SavedHeader {
  readonly facts: readonly BindingFact[]
  /** When each process began that saw something, in clock ticks since the boot. */
  readonly starts: ReadonlyMap<number, number>
}

export type ParsedSavedNames =
  | { readonly ok: true; readonly saved: SavedNames }
  | { readonly ok: false; readonly message: string }

export function renderSavedHeader({ bootId, savedMs }: SavedHeader): string {
  return `${JSON.stringify({ tiercel_names: VERSION, boot: bootId, saved: renderTime(savedMs) })}\n`
}

/** `sum` is of all that was written before. */
export function renderSavedEnd(starts: ReadonlyMap<number, number>, sum: Hash): string {
  const starting = `{"starts":${JSON.stringify([...starts])},"sha256":`
  return `${starting}"${sum.update(starting).digest('hex')}"}\n`
}

/** For `renderSavedEnd`. */
export function newSum(): Hash {
  // Loaded only for what is saved: that takes 5 ms of every start otherwise.
  return process.getBuiltinModule('node:crypto').createHash('sha256')
}

/** The text of a file as a whole; one that is damaged anywhere is not read. Never throws. */
export function parseSavedNames(text: string): ParsedSavedNames {
  const header = parseObject(text.slice(0, text.indexOf('\n')))
  const version = header?.get('tiercel_names')
  if (version === undefined) return { ok: false, message: 'it is no file of saved names' }
  if (version !== VERSION) return { ok: false, message: `its version is ${String(version)}, not ${VERSION}` }
  const bootId = header?.get('boot')
  const savedMs = parseTimeMs(header?.get('saved'))
  if (typeof bootId !== 'string' || typeof savedMs !== 'number')
    return { ok: false, message: 'its first line is damaged' }

  const facts: BindingFact[] = []
  let line = 1
  for (let at = text.indexOf('\n') + 1; at < text.length; line++) {
    const newline = text.indexOf('\n', at)
    const end = newline < 0 ? text.length : newline
    const part = text.slice(at, end)
    at = end + 1
    if (part.startsWith('{"starts":')) {
      const sumAt = text.length - SUM_BYTES
      const isWhole =
        at === text.length && newSum().update(text.slice(0, sumAt)).digest('hex') === text.slice(sumAt + 1, -3)
      const starts = isWhole ? parseStarts(part) : undefined
      if (starts === undefined) break
      return { ok: true, saved: { bootId, savedMs, facts, starts } }
    }
    const parsed = parseBinding(part)
    if (!parsed.ok) return { ok: false, message: `line ${line + 1} is damaged: ${parsed.message}` }
    facts.push(parsed.fact)
  }
  return { ok: false, message: 'its end is missing or damaged' }
}

/** Its first line and its last alone, of a file that need not be whole; undefined where they are not these. Never throws. */
export function parseSavedFrame(first: string, last: string): Omit<SavedNames, 'facts'> | undefined {
  const header = parseObject(first)
  const bootId = header?.get('boot')
  const savedMs = parseTimeMs(header?.get('saved'))
  const starts = parseStarts(last)
  if (header?.get('tiercel_names') !== VERSION || typeof bootId !== 'string') return undefined
  return typeof savedMs === 'number' && starts !== undefined ? { bootId, savedMs, starts } : undefined
}

/** `"` 64 digits `"}` and the end of the line. */
const SUM_BYTES = 68

function parseStarts(text: string): ReadonlyMap<number, number> | undefined {
  const items = parseObject(text)?.get('starts')
  if (!Array.isArray(items)) return undefined
  const starts = new Map<number, number>()
  for (const item of items as unknown[]) {
    if (!Array.isArray(item) || item.length !== 2 || !item.every(Number.isSafeInteger)) return undefined
    starts.set(item[0] as number, item[1] as number)
  }
  return starts
}

function parseObject(text: string): ReadonlyMap<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return new Map(Object.entries(value))
  } catch {
    return undefined
  }
}

/** What of this machine decides what of saved names still holds. */
export interface RestoreContext {
  readonly bootId: string
  readonly nowMs: number
  /** When the process began that has this id now, in clock ticks since the boot; undefined when there is none. */
  readonly startOf: (pid: number) => number | undefined
  /** How long an address stays after it was last seen (`NameIndexOptions`). */
  readonly ttlFloorMs?: number
  readonly graceMs?: number
}

/** The bindings that still hold. Look-ups of the agent are stale until they are confirmed. */
export function* restorableFacts(saved: SavedNames, context: RestoreContext): Generator<BindingFact, void> {
  const { nowMs, ttlFloorMs = 60_000, graceMs = 900_000 } = context
  const isAlive = new Map<number, boolean>()
  const stillRuns = (pid: number): boolean => {
    let known = isAlive.get(pid)
    if (known === undefined) {
      const start = saved.bootId === context.bootId ? saved.starts.get(pid) : undefined
      known = start !== undefined && context.startOf(pid) === start
      isAlive.set(pid, known)
    }
    return known
  }
  /** The same where all is as it was; null when nobody is left who may have it. */
  const heirOf = (owner: Owner): Owner | null => {
    const { pid, containerId = '', netns = 0 } = owner
    const isSameBoot = saved.bootId === context.bootId
    if ((isSameBoot || netns === 0) && (pid === undefined || stillRuns(pid))) return owner
    // Numbers of namespaces mean others after a boot; containers keep their ids.
    if (!isSameBoot && netns !== 0 && containerId === '') return null
    return { ...(containerId !== '' && { containerId }), ...(isSameBoot && netns !== 0 && { netns }) }
  }
  for (const fact of saved.facts) {
    const seenMs = fact.seenMs ?? fact.fromMs ?? saved.savedMs
    // Without an end in sight it was kept by being confirmed again and again.
    const lapsesMs = seenMs + Math.max((fact.ttlSec ?? 0) * 1000, ttlFloorMs) + graceMs
    const endMs = fact.untilMs === undefined || fact.untilMs === Number.POSITIVE_INFINITY ? lapsesMs : fact.untilMs
    // What was saved in the future, by a clock that was wrong, would stay for ever.
    if (endMs <= nowMs || seenMs > nowMs) continue
    if (fact.evidence === 'resolved') {
      yield { ...fact, seenMs, stale: true }
      continue
    }
    const untilMs = Math.min(endMs, nowMs + MAX_LEFT_MS)
    const owner = fact.owner === undefined ? undefined : heirOf(fact.owner)
    if (owner === undefined) yield { ...fact, seenMs, untilMs }
    else if (owner === fact.owner || (owner !== null && fact.evidence === 'observed'))
      yield { ...fact, seenMs, untilMs, owner }
  }
}

/** No answer holds for longer, grace included. */
const MAX_LEFT_MS = 25 * 3_600_000
