/**
 * Why a rule judged the names of an event's addresses as it did: for each end of the connection whose name the rule asks for or prints,
 * what was known, and for each check which name decided or why none did. Plain data, bounded, made only when an alert asks for it.
 */
import { type NameMoment, timeOf } from '../domains/binding.ts'
import {
  explainAddress,
  explainMiss,
  type MissReason,
  type Party,
  partyOf,
  type ProcessNames,
  renderMiss,
} from '../domains/explain-address.ts'
import type { BindingView } from '../domains/binding-view.ts'
import type { NameIndex } from '../domains/name-index.ts'
import type { NameSet } from '../domains/name-set.ts'
import type { RefusedAnswers } from '../domains/refused-answers.ts'
import type { AddressEvidence, CheckProof, MissProof, NameProof } from '../engine/alert.ts'
import { buildDomainTest, type LinkedCheck } from '../engine/check-test.ts'
import type { CompareOp, PlanExpr, PlanOperand } from '../rules/plan.ts'
import { renderIp } from '../values/ip.ts'
import { keepNewest } from '../values/keep-newest.ts'
import { renderText } from '../values/text.ts'
import type { Ip } from '../values/value.ts'

/** The end of a connection: client, server, local, remote. */
export type EndLetter = 'c' | 's' | 'l' | 'r'

/** What an explanation draws on. */
export interface EvidenceSources {
  readonly index: NameIndex
  /** Programs by process id; those that are no more as well, where somebody remembers them. */
  readonly processes: ProcessNames
  /** Absent: names are not learnt from traffic at all. */
  readonly refused: RefusedAnswers | undefined
  /** Lists of more names than this are not looked up. */
  readonly listLimit: number
}

/** Announces names for as long as the rules are in force; `RuleNames` fits it. */
export interface NameWatch {
  watch(names: readonly string[]): NameSet
  watchList(name: string): NameSet
}

const MAX_KNOWN = 5
const MAX_CHAIN = 5
const MAX_CHECKS = 8
const MAX_CHECK_TEXT = 200

const ENDS: readonly EndLetter[] = ['c', 's', 'l', 'r']
const FIELD_OF_NAME: RegExp = /^fd\.([cslr])ip\.names?(?:\.[a-z]+)?$/
const NAME_IN_OUTPUT: RegExp = /%\d*(?:[a-z0-9_]+\()*fd\.([cslr])ip\.name/g
/** Operators that compare with whole names. */
const NAME_OPERATORS: readonly CompareOp[] = ['=', '!=', 'in', 'intersects']

/** One check of a name, bound. */
interface BoundCheck {
  readonly end: EndLetter
  readonly text: string
  readonly holds: (ip: Ip, when: NameMoment) => boolean
  /** The names asked for, also those of configured lists; undefined for operators on text. */
  readonly asked: readonly NameSet[] | undefined
  /** It excuses: names in doubt do not count. */
  readonly isSure: boolean
}

/** The names that a rule asks for and prints, bound to the index: makes the evidence of its alerts. */
export class RuleEvidence {
  readonly #sources: EvidenceSources
  readonly #ends: readonly EndLetter[]
  readonly #checks: readonly BoundCheck[]

  /** `output`: the rule's output format with what the configuration adds to it. */
  constructor(condition: PlanExpr, output: string, names: NameWatch, sources: EvidenceSources) {
    this.#sources = sources
    const ends = new Set<string>()
    for (const [, end] of output.matchAll(NAME_IN_OUTPUT)) ends.add(end!)
    const checks: LinkedCheck[] = []
    collectChecks(condition, false, ends, checks)
    this.#ends = ENDS.filter(end => ends.has(end))
    this.#checks = checks.map(check => bindCheck(check, names, sources.index))
  }

  /** Whose names the rule asks for or prints. */
  get ends(): readonly EndLetter[] {
    return this.#ends
  }

  /** Whether the rule has to do with names at all. */
  get isEmpty(): boolean {
    return this.#ends.length === 0
  }

  /** `ipOf` gives the address of an end, at the moment that `when` is. */
  of(when: NameMoment, ipOf: (end: EndLetter) => Ip | undefined): readonly AddressEvidence[] {
    return this.#ends.map(end => this.#ofEnd(end, ipOf(end), when))
  }

  #ofEnd(end: EndLetter, ip: Ip | undefined, when: NameMoment): AddressEvidence {
    const field = `fd.${end}ip.name`
    const own = this.#checks.filter(check => check.end === end).slice(0, MAX_CHECKS)
    if (ip === undefined) return { field, known: [], checks: own.map(({ text }) => ({ check: text, holds: false })) }
    const { index, processes, refused } = this.#sources
    const explained = explainAddress(index, ip, when, refused)
    const checks = own.map(check => this.#proofOf(check, ip, when))
    const base = { field, address: renderIp(ip) }
    if (explained.kind === 'unnamed') {
      const { reason } = explained
      const isUnobserved = reason.kind === 'never' && refused === undefined
      return { ...base, known: [], reason: isUnobserved ? UNOBSERVED : missProof(reason, processes), checks }
    }
    const { bindings, level } = explained
    const known = bindings.slice(0, MAX_KNOWN).map(binding => nameProof(binding, timeOf(when), processes))
    const more = bindings.length - known.length
    return { ...base, decided_by: level, known, ...(more > 0 && { more }), checks }
  }

  #proofOf({ text, holds, asked, isSure }: BoundCheck, ip: Ip, when: NameMoment): CheckProof {
    const { index, processes, refused, listLimit } = this.#sources
    const proof = { check: text, holds: holds(ip, when) }
    if (asked === undefined) return proof
    const isAsked = (candidate: string): boolean => asked.some(set => index.isIn(set, candidate))
    const name = index.namesOf(ip, when, isSure).find(isAsked)
    if (name !== undefined) return { ...proof, name }
    const reason = explainMiss(index, ip, when, isAsked, refused)
    if (reason.kind !== 'never') return { ...proof, reason: missProof(reason, processes) }
    if (refused === undefined) return { ...proof, reason: UNOBSERVED }
    const isObserved = asked.every(set => set.observeOnly || set.names.length > listLimit)
    return { ...proof, reason: isObserved ? OBSERVED_ONLY : NEVER }
  }
}

const NEVER: MissProof = { kind: 'never', text: 'none of its names was seen with this address' }
const OBSERVED_ONLY: MissProof = {
  kind: 'observe-only',
  text: 'none of its names was seen with this address, and the agent looks none of them up (a long list, or one for observation only)',
}
const UNOBSERVED: MissProof = {
  kind: 'unobserved',
  text: 'no name is known, and none is learnt from traffic here (`domains.observe`, `--observe`)',
}

/** `excuses`: below an odd number of `not`s. */
function collectChecks(expr: PlanExpr, excuses: boolean, ends: Set<string>, checks: LinkedCheck[]): void {
  switch (expr.kind) {
    case 'and':
    case 'or':
      for (const operand of expr.operands) collectChecks(operand, excuses, ends, checks)
      return
    case 'not':
      collectChecks(expr.operand, !excuses, ends, checks)
      return
    case 'check':
      if (expr.lhs.kind === 'field' && expr.lhs.ref.spec.compare === 'domain') {
        const isSure = excuses !== (expr.op === '!=')
        if (!checks.some(known => known.key === expr.key && known.isSure === isSure)) checks.push({ ...expr, isSure })
      }
      collectEnds(expr.lhs, ends)
      if (expr.rhs.kind === 'operand') collectEnds(expr.rhs.operand, ends)
      return
    default:
      expr satisfies never
  }
}

function collectEnds(operand: PlanOperand, ends: Set<string>): void {
  if (operand.kind === 'field') {
    const end = FIELD_OF_NAME.exec(operand.ref.spec.name)?.[1]
    if (end !== undefined) ends.add(end)
  } else if (operand.kind === 'transform') for (const arg of operand.args) collectEnds(arg, ends)
  else if (operand.kind === 'list') for (const item of operand.items) collectEnds(item, ends)
}

function bindCheck(check: LinkedCheck, names: NameWatch, index: NameIndex): BoundCheck {
  const field = check.lhs.kind === 'field' ? check.lhs.ref.spec.name : ''
  const { rhs } = check
  const values = rhs.kind === 'values' || rhs.kind === 'lists' ? rhs.values.map(String) : []
  const lists = rhs.kind === 'lists' ? rhs.lists : []
  const isOfNames = NAME_OPERATORS.includes(check.op) && (rhs.kind === 'values' || rhs.kind === 'lists')
  return {
    end: FIELD_OF_NAME.exec(field)?.[1] as EndLetter,
    text: checkText(field, check, [...values, ...lists]),
    holds: buildDomainTest<NameMoment>(check, {
      watch: list => names.watch(list),
      watchList: list => names.watchList(list),
      namesOf: (ip, when, isSure) => index.namesOf(ip, when, isSure),
    }),
    asked: isOfNames
      ? [...(values.length > 0 ? [names.watch(values)] : []), ...lists.map(list => names.watchList(list))]
      : undefined,
    isSure: check.isSure === true,
  }
}

function checkText(field: string, check: LinkedCheck, values: readonly string[]): string {
  const { op, modifier } = check
  const word = modifier === undefined ? op : `${modifier}(${op})`
  if (op === 'exists') return `${field} exists`
  const isList = op === 'in' || op === 'intersects' || values.length !== 1
  let text = `${field} ${word} ${isList ? '(' : ''}`
  for (const [i, value] of values.entries()) {
    if (i > 0 && text.length + value.length > MAX_CHECK_TEXT) return `${text}, … ${values.length - i} more)`
    text += (i > 0 ? ', ' : '') + renderText(value).slice(0, MAX_CHECK_TEXT)
  }
  return isList ? `${text})` : text
}

function nameProof(binding: BindingView, atMs: number, processes: ProcessNames): NameProof {
  const { name, evidence, lastSeenMs, untilMs, ttlSec, resolver, chain, stale, overflow, untrusted } = binding
  const seen = timeText(lastSeenMs)
  const until = timeText(untilMs)
  return {
    name,
    evidence,
    ...(seen !== undefined && { seen, age_ms: Math.max(0, Math.round(atMs - lastSeenMs)) }),
    ...(resolver !== undefined && { resolver }),
    ...(ttlSec !== undefined && { ttl: ttlSec }),
    ...(chain.length > 0 && { chain: chain.slice(0, MAX_CHAIN) }),
    ...partyProof(partyOf(binding), processes),
    ...(until !== undefined && { until }),
    ...(untrusted && { untrusted: true as const }),
    ...(stale && { stale: true as const }),
    ...(overflow && { overflow: true as const }),
  }
}

/** The longest time that `Date` can print is far beyond any event. */
function timeText(ms: number): string | undefined {
  return ms > 0 && ms <= 8.64e15 ? new Date(ms).toISOString() : undefined
}

type PartyProof = Pick<NameProof, 'pid' | 'process' | 'container' | 'netns'>

function partyProof({ pid, containerId, netns }: Party, processes: ProcessNames): PartyProof {
  const process = pid === undefined ? undefined : processes.get(pid)
  return {
    ...(pid !== undefined && { pid }),
    ...(process !== undefined && { process }),
    ...(containerId !== '' && { container: containerId }),
    ...(netns !== undefined && { netns }),
  }
}

function missProof(reason: MissReason, processes: ProcessNames): MissProof {
  const text = renderMiss(reason, processes)
  const { kind } = reason
  switch (reason.kind) {
    case 'never':
      return { kind, text }
    case 'ended':
      return { kind, text, name: reason.name, ms: Math.round(reason.agoMs) }
    case 'later':
      return { kind, text, name: reason.name, ms: Math.round(reason.afterMs) }
    case 'foreign':
    case 'outranked':
      return { kind, text, name: reason.name, ...partyProof(reason.by, processes) }
    case 'doubtful': {
      const { name, resolver } = reason
      return { kind, text, name, ...(resolver !== undefined && { resolver }) }
    }
    case 'not-believed': {
      const { name, resolver, agoMs } = reason
      return { kind, text, name, ms: Math.round(agoMs), ...(resolver !== undefined && { resolver }) }
    }
    case 'overflow':
      return { kind, text, name: reason.name }
    default:
      return reason satisfies never
  }
}

/** The names of programs that made facts, also when they have ended; the latest 4,096. */
export class RememberedProcesses implements ProcessNames {
  readonly #names: Map<number, string> = new Map()

  set(pid: number, name: string): void {
    this.#names.delete(pid)
    this.#names.set(pid, name)
    keepNewest(this.#names, 4096)
  }

  get(pid: number): string | undefined {
    return this.#names.get(pid)
  }
}
