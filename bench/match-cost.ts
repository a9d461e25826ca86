import { linkPlan } from '../src/engine/link-plan.ts'
import { readCapture } from '../src/events/capture/read-capture.ts'
import { eventLookup } from '../src/events/event-lookup.ts'
import { eventTable } from '../src/events/event-table.ts'
import { fieldByName, fieldLookup } from '../src/fields/catalogue.ts'
import { compileRules } from '../src/rules/compile-rules.ts'
import type { Plan } from '../src/rules/plan.ts'
import { HostState, stateSink } from '../src/state/host-state.ts'
import type { RuleSet } from './rule-sets.ts'

/** Each event of the capture is decided so often in a row, so that the clock is read seldom. */
const REPEATS = 25

/** What a rule set costs in the engine alone, reading and state left out. */
export interface MatchCost {
  readonly linkMs: number
  /** Mean over all events, one figure a round. */
  readonly nsPerEvent: readonly number[]
  readonly events: number
  readonly matches: number
}

export function planOf(set: RuleSet): Plan {
  const { plan, results } = compileRules(set.files, { fields: fieldLookup, events: eventLookup })
  if (plan === undefined) {
    throw new Error(results.flatMap(r => r.findings.map(f => f.diagnostic.message)).join('; '))
  }
  return plan
}

/** Replays the capture `rounds` times. The first round warms up and is not counted. */
export async function measureMatch(plan: Plan, capture: string, rounds: number): Promise<MatchCost> {
  const started = performance.now()
  const matcher = linkPlan(plan, {
    fields: fieldByName,
    eventTable,
    isObsolete: eventLookup.isObsolete,
    ruleMatching: 'all',
    minPriority: 7,
  })
  matcher.prepare()
  const linkMs = performance.now() - started
  const nsPerEvent: number[] = []
  let events = 0
  let matches = 0
  for (let round = 0; round <= rounds; round++) {
    const state = new HostState()
    let spent = 0n
    events = 0
    matches = 0
    await readCapture(
      capture,
      stateSink(state, ctx => {
        events++
        const start = process.hrtime.bigint()
        for (let i = 1; i < REPEATS; i++) matcher.match(ctx)
        matches += matcher.match(ctx).length
        spent += process.hrtime.bigint() - start
        return true
      }),
    )
    if (round > 0) nsPerEvent.push(Number(spent) / events / REPEATS)
  }
  return { linkMs, nsPerEvent: nsPerEvent.sort((a, b) => a - b), events, matches }
}
