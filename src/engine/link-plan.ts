import type { EventInfo } from '../events/event-table.ts'
import { activeRules, type Plan, type PlannedRule } from '../rules/plan.ts'
import { bindOperand, type FieldBinder } from './bind-operand.ts'
import { buildCheckTest, type CheckTest } from './check-test.ts'
import { ConditionGraph, type Node } from './condition-graph.ts'
import { asConjunction, planSteps } from './decision-block.ts'
import { eventFacts } from './event-facts.ts'
import { generateProgram, type Program } from './generate-program.ts'
import type { EventContext, NameWatcher, WatchedList, WatchedNames } from './name-watcher.ts'

/** What a plan needs to run here. */
export interface LinkDeps {
  /** `fieldByName` of `fields/catalogue.ts`. */
  readonly fields: FieldBinder
  readonly eventTable: readonly EventInfo[]
  /** Codes of events that no rule may see (old versions, enter events): `eventLookup.isObsolete`; absent: rules see all. */
  readonly isObsolete?: (code: number) => boolean
  /** Who knows the names of addresses; absent: no address has one. */
  readonly names?: NameWatcher
  /** `first`: the first rule in rule order that matches; `all`: all of them. */
  readonly ruleMatching: 'first' | 'all'
  /** Rules whose priority number is greater are not loaded; 7 (debug) loads all. */
  readonly minPriority: number
  /** Which source's rules; `syscall` unless set. */
  readonly source?: string
}

/** Decides events. Not re-entrant: one event at a time. */
export interface Matcher {
  /** The rules that match, in rule order. The array is reused: valid until the next call. Throws only if a reader does. */
  match(ctx: EventContext): readonly PlannedRule[]
  /** Rules that are loaded for matching, in rule order. */
  readonly rules: readonly PlannedRule[]
  /** Codes of the events for which any loaded rule can match. */
  readonly eventCodes: ReadonlySet<number>
  /** Writes the programs of all these event codes (default: all) now instead of at the first event of each. */
  prepare(codes?: Iterable<number>): void
  /** Gives back the names that its checks watch. It must not be asked any more. */
  release(): void
}

/** Links a plan to the fields of this machine. */
export function linkPlan(plan: Plan, deps: LinkDeps): Matcher {
  const source = deps.source ?? 'syscall'
  const rules = activeRules(plan.rules, deps.minPriority).filter(rule => rule.source === source)
  return new LinkedMatcher(rules, deps)
}

const NONE: readonly PlannedRule[] = []

class LinkedMatcher implements Matcher {
  readonly rules: readonly PlannedRule[]
  readonly eventCodes: ReadonlySet<number>
  readonly #deps: LinkDeps
  readonly #graph: ConditionGraph
  readonly #conditions: Node[] = []
  /** Programs by event code; undefined: not written yet, null: no rule can match. */
  readonly #programs: (Program | null | undefined)[]
  /** The same conditions make the same program, whatever the event code. */
  readonly #bySignature = new Map<string, Program | null>()
  /** The matches of the event at hand, as positions in `rules`. */
  readonly #matches: number[] = []
  readonly #result: PlannedRule[] = []
  readonly #isFirst: boolean
  readonly #tests = new Map<string, CheckTest>()
  readonly #watched: WatchedNames[] = []
  /** The index of names, with a note of what was watched. */
  readonly #names: NameWatcher | undefined

  constructor(rules: readonly PlannedRule[], deps: LinkDeps) {
    this.rules = rules
    this.#deps = deps
    this.#isFirst = deps.ruleMatching === 'first'
    this.#names = deps.names === undefined ? undefined : this.#noteWatched(deps.names)
    this.#graph = new ConditionGraph(check => this.#buildTest(check))
    const codes = new Set<number>()
    for (const rule of rules) {
      this.#conditions.push(this.#graph.add(rule.condition))
      for (const code of rule.eventCodes) if (deps.isObsolete?.(code) !== true) codes.add(code)
    }
    this.eventCodes = codes
    this.#programs = new Array<undefined>(deps.eventTable.length).fill(undefined)
  }

  match(ctx: EventContext): readonly PlannedRule[] {
    const code = ctx.rec.type
    let program = this.#programs[code]
    if (program === undefined) program = this.#write(code)
    if (program === null) return NONE
    const matches = this.#matches
    if (matches.length > 0) matches.length = 0
    program(ctx)
    return matches.length === 0 ? NONE : this.#collect()
  }

  prepare(codes: Iterable<number> = this.eventCodes): void {
    for (const code of codes) if (this.#programs[code] === undefined) this.#write(code)
  }

  release(): void {
    for (const watched of this.#watched) this.#deps.names?.unwatch?.(watched)
    this.#watched.length = 0
    this.#programs.fill(null)
  }

  #noteWatched(names: NameWatcher): NameWatcher {
    return {
      namesOf: (ip, ctx, isSure) => names.namesOf(ip, ctx, isSure),
      watch: list => {
        const watched = names.watch(list)
        this.#watched.push(watched)
        return watched
      },
      ...(names.watchList !== undefined && {
        watchList: (list: string): WatchedList => {
          const watched = names.watchList!(list)
          this.#watched.push(watched)
          return watched
        },
      }),
    }
  }

  #collect(): readonly PlannedRule[] {
    const matches = this.#matches
    const result = this.#result
    result.length = 0
    if (this.#isFirst) {
      let first = matches[0] as number
      for (let i = 1; i < matches.length; i++) if ((matches[i] as number) < first) first = matches[i] as number
      result.push(this.rules[first] as PlannedRule)
      return result
    }
    if (matches.length > 1) matches.sort((a, b) => a - b)
    for (let i = 0; i < matches.length; i++) result.push(this.rules[matches[i] as number] as PlannedRule)
    return result
  }

  #buildTest(check: Parameters<typeof buildCheckTest>[0]): CheckTest {
    let test = this.#tests.get(check.key)
    if (test === undefined) {
      test = buildCheckTest(check, this.#deps.fields, this.#names)
      this.#tests.set(check.key, test)
    }
    return test
  }

  /** Writes the program of an event code. */
  #write(code: number): Program | null {
    const info = this.#deps.eventTable[code]
    const isSeen = info !== undefined && this.#deps.isObsolete?.(code) !== true
    const program = isSeen ? this.#writeFor(info) : null
    this.#programs[code] = program
    return program
  }

  #writeFor(info: EventInfo): Program | null {
    const facts = eventFacts(info)
    const memo = new Map<Node, Node>()
    const rulesOf = new Map<Node, number[]>()
    for (let i = 0; i < this.rules.length; i++) {
      if (!(this.rules[i] as PlannedRule).eventCodes.has(info.code)) continue
      const node = this.#graph.specialise(this.#conditions[i] as Node, facts, memo)
      if (node === this.#graph.never) continue
      const known = rulesOf.get(node)
      if (known === undefined) rulesOf.set(node, [i])
      else known.push(i)
    }
    if (rulesOf.size === 0) return null
    const signature = [...rulesOf].map(([node, rules]) => `${node.id}:${rules.join(',')}`).join(';')
    let program = this.#bySignature.get(signature)
    if (program === undefined) {
      program = this.#generate(rulesOf)
      this.#bySignature.set(signature, program)
    }
    return program
  }

  #generate(rulesOf: ReadonlyMap<Node, readonly number[]>): Program {
    const rules = [...rulesOf.values()]
    const conjunctions = [...rulesOf.keys()].map(asConjunction)
    const matches = this.#matches
    return generateProgram(planSteps(conjunctions, this.#graph), {
      bindValue: value => bindOperand(value.operand, this.#deps.fields, value.use),
      buildTest: check => this.#buildTest(check),
      names: this.#names,
      hit: condition => {
        for (const rule of rules[condition] as readonly number[]) matches.push(rule)
      },
    })
  }
}
