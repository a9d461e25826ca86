/** A capture read by Tiercel's state and by the oracle of libsinsp at once: where their fields differ. */
import { compileFormat } from '../../src/agent/event-filter.ts'
import { tee } from '../../src/agent/testdata/tee-sink.ts'
import { openSource } from '../../src/events/open-source.ts'
import { fieldLookup } from '../../src/fields/catalogue.ts'
import { HostState, stateSink } from '../../src/state/host-state.ts'
import { type OracleDoubts, type OracleField, ORACLE_FIELDS, SinspOracle } from './sinsp-oracle.ts'

export interface OracleComparison {
  readonly events: number
  readonly compared: number
  /** A line each, of those that are no known difference. */
  readonly differences: readonly string[]
}

const MAX_LINES = 50
/** Of events that change nothing, so many are one. */
const EACH = 8

/** Judges the events of these threads and of what comes from them. Rejects where libsinsp would end with an exception, whosever the event. */
export async function compareWithOracle(path: string, roots: Iterable<number>): Promise<OracleComparison> {
  const wording = compileFormat(`*${ORACLE_FIELDS.map(field => `%${field}`).join(' ')}`, fieldLookup)
  if (!wording.ok) throw new Error('unreachable: the fields of the oracle are fields')
  const counts = { events: 0, compared: 0, others: 0 }
  const differences: string[] = []
  const state = new HostState()
  const stateAlone = stateSink(state, () => true)
  const oracle = new SinspOracle()
  const judged = new Set(roots)
  const isJudged = (tid: number): boolean => {
    const parent = oracle.threads.get(tid)?.ptid ?? 0
    if (!judged.has(tid) && (parent <= 0 || parent === tid || !isJudged(parent))) return false
    judged.add(tid)
    return true
  }
  const sink = oracle.sink((record, facts, doubts) => {
    const changes = record.info.flags.has('modifies_state')
    if (!isJudged(record.tid) || (!changes && ++counts.others % EACH !== 0)) return true
    counts.events++
    const mine = new Map<string, unknown>(wording.format(state.current).fields)
    for (const [field, wanted] of facts) {
      counts.compared++
      const want = printed(wanted)
      const value = mine.get(field)
      const got = value === null || value === undefined ? undefined : String(value)
      if (got === want || isKnown(field, want, doubts, mine) || differences.length >= MAX_LINES) continue
      differences.push(
        `event ${record.num}, ${record.info.name} of ${record.tid}: ${field} is ${got}, to libsinsp ${want}`,
      )
    }
    return true
  })
  // The state is told first.
  const { error } = await (await openSource(path)).read(tee(sink, stateAlone))
  if (error !== undefined) throw new Error(`${path}: ${error.message}`)
  return { ...counts, differences }
}

/** Bytes as outputs print them. */
export function printed(value: string | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value, 'latin1').toString('utf8')
}

/** docs/compatibility-state.md: an execve closes what it closes, users of containers have their names. Of a thread that is not known the two print other nothings. */
function isKnown(
  field: OracleField,
  want: string | undefined,
  doubts: OracleDoubts,
  mine: ReadonlyMap<string, unknown>,
): boolean {
  if (field === 'user.name') return want === '<NA>' && !['host', ''].includes(String(mine.get('container.id') ?? ''))
  if (doubts.isUnknown) return field === 'proc.vpid' || field === 'proc.nthreads'
  return doubts.isFromBefore && field.startsWith('fd.') && mine.get('fd.typechar') === 'o'
}
