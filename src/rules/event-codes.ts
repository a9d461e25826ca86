import type { Span } from '../diagnostics/source.ts'
import type { Ast, AstArg, AstCheck, AstField, ConditionOrigin } from './ast.ts'
import { OPERATORS } from './operators.ts'
import type { EventLookup } from './field-lookup.ts'
import { parseUint64 } from './parse-constant.ts'

/**
 * The event codes for which a condition can be true, so that a rule is tried on those events only. Checks of `evt.type` restrict the
 * set, `and` intersects, `or` unites; `not` is pushed down to the checks (De Morgan), because the complement of «can be true» says
 * nothing. All other checks leave every code. The set may be too large; it is too small only where Falco's is: `evt.type != X` for a
 * system call X without an event of its own leaves out all such calls. Falco: `ppm_codes.cpp`.
 */
export type EventCodesResult =
  | { readonly ok: true; readonly codes: ReadonlySet<number> }
  | { readonly ok: false; readonly message: string; readonly span: Span; readonly origin?: ConditionOrigin }

/** Macros count as checks that say nothing. Recursion is as deep as the tree. */
export function inferEventCodes(ast: Ast, events: EventLookup): EventCodesResult {
  try {
    const inference = new Inference(events)
    return { ok: true, codes: inference.toSet(inference.codesOf(ast, false)) }
  } catch (e) {
    if (!(e instanceof NotSearchable)) throw e
    return { ok: false, message: e.message, span: e.span, ...(e.origin !== undefined && { origin: e.origin }) }
  }
}

class NotSearchable extends Error {
  readonly span: Span
  readonly origin: ConditionOrigin | undefined

  constructor(message: string, span: Span, origin: ConditionOrigin | undefined) {
    super(message)
    this.span = span
    this.origin = origin
  }
}

/** One bit per code. The set of all codes is one object, so that neutral checks cost a comparison. */
type Codes = Uint32Array

interface Extremes {
  readonly all: Codes
  readonly none: Codes
}

const extremesOf = new WeakMap<EventLookup, Extremes>()

function makeExtremes(count: number): Extremes {
  const none = new Uint32Array((count + 31) >>> 5)
  const all = new Uint32Array(none.length)
  for (let code = 0; code < count; code++) all[code >>> 5]! |= 1 << (code & 31)
  return { all, none }
}

class Inference {
  readonly #events: EventLookup
  readonly #all: Codes
  readonly #none: Codes

  constructor(events: EventLookup) {
    this.#events = events
    let extremes = extremesOf.get(events)
    if (extremes === undefined) {
      extremes = makeExtremes(events.count)
      extremesOf.set(events, extremes)
    }
    this.#none = extremes.none
    this.#all = extremes.all
  }

  toSet(codes: Codes): ReadonlySet<number> {
    const set = new Set<number>()
    for (const [i, word] of codes.entries()) {
      for (let bits = word; bits !== 0; bits &= bits - 1) set.add(i * 32 + 31 - Math.clz32(bits & -bits))
    }
    return set
  }

  codesOf(ast: Ast, negated: boolean): Codes {
    switch (ast.kind) {
      case 'and':
      case 'or': {
        const intersects = (ast.kind === 'and') !== negated
        let codes = intersects ? this.#all : this.#none
        for (const operand of ast.operands) {
          const next = this.codesOf(operand, negated)
          codes = intersects ? this.#intersect(codes, next) : this.#unite(codes, next)
        }
        return codes
      }
      case 'not':
        return this.codesOf(ast.operand, !negated)
      case 'macro':
        return this.#all
      case 'check':
        return this.#codesOfCheck(ast, negated)
      default:
        return ast satisfies never
    }
  }

  #codesOfCheck(check: AstCheck, negated: boolean): Codes {
    const constant = isAlways(check)
    if (constant !== undefined) return constant !== negated ? this.#all : this.#none
    const { op, lhs } = check
    if (op === 'exists') {
      const isType = this.#visit(lhs, check)
      return isType && negated ? this.#none : this.#all
    }
    if (op !== '=' && op !== '==' && op !== '!=' && op !== 'in') return this.#all
    if (!this.#visit(lhs, check)) return this.#all
    const names = this.#namesOf(check)
    return this.#codesOfNames(names, op === '!=', check.modifier, negated)
  }

  #namesOf(check: AstCheck): readonly string[] {
    const { rhs } = check
    switch (rhs.kind) {
      case 'value':
        return [rhs.text]
      case 'values':
        return rhs.items.map(item => item.text)
      case 'none':
        return []
      default:
        throw new NotSearchable('an event type can only be compared with names of events', rhs.span, check.origin)
    }
  }

  #codesOfNames(names: readonly string[], differs: boolean, modifier: AstCheck['modifier'], negated: boolean): Codes {
    const listed = this.#none.slice()
    for (const name of names) {
      for (const code of this.#events.codesOf(name) ?? []) listed[code >>> 5]! |= 1 << (code & 31)
    }
    const others = (): Codes => this.#all.map((bits, i) => bits & ~listed[i]!)
    if (modifier === undefined) return differs === negated ? listed : others()
    // A modifier over an empty list is false.
    if (names.length === 0) return negated ? this.#all : this.#none
    const distinct = new Set(names).size
    switch (modifier) {
      case 'anyof':
        if (!differs) return negated ? others() : listed
        return negated ? listed : distinct === 1 ? others() : this.#all
      case 'allof':
        if (differs) return negated ? listed : others()
        return !negated ? listed : distinct === 1 ? others() : this.#all
      case 'oneof':
        // Elements are counted, so a repeated name equals twice.
        if (!differs) return !negated ? listed : distinct === names.length ? others() : this.#all
        if (names.length === 1) return negated ? listed : others()
        return negated ? this.#all : listed
      default:
        return modifier satisfies never
    }
  }

  /** Whether an operand is the event type itself; refuses what Falco's search for codes cannot follow. */
  #visit(arg: AstArg, check: AstCheck): boolean {
    switch (arg.kind) {
      case 'field':
        return isEventType(arg)
      case 'literal':
        return false
      case 'list': {
        let last = false
        for (const item of arg.items) last = this.#visit(item, check)
        return last
      }
      case 'transform':
        for (const inner of arg.args) {
          if (this.#visit(inner, check)) {
            throw new NotSearchable(
              `\`${arg.name}\` cannot be applied to the event type in this check`,
              inner.span,
              check.origin,
            )
          }
        }
        return false
      default:
        return arg satisfies never
    }
  }

  #intersect(a: Codes, b: Codes): Codes {
    if (a === this.#all) return b
    if (b === this.#all) return a
    return a.map((bits, i) => bits & b[i]!)
  }

  #unite(a: Codes, b: Codes): Codes {
    if (a === this.#all || b === this.#all) return this.#all
    return a === this.#none ? b : a.map((bits, i) => bits | b[i]!)
  }
}

function isEventType(field: AstField): boolean {
  return (field.name === 'evt.type' || field.name === 'syscall.type') && field.arg === undefined
}

/** `evt.num` begins at 1, so `evt.num = 0`, the usual way to switch a rule off, is never true. Undefined: depends on the event. */
function isAlways(check: AstCheck): boolean | undefined {
  const { lhs, op, rhs } = check
  if (lhs.kind !== 'field' || lhs.name !== 'evt.num' || lhs.arg !== undefined || check.modifier !== undefined)
    return undefined
  if (op === 'in') {
    return rhs.kind === 'values' && rhs.items.every(item => parseUint64(item.text) === 0) ? false : undefined
  }
  if (rhs.kind !== 'value' || !OPERATORS.includes(op)) return undefined
  const n = parseUint64(rhs.text)
  if (n === undefined || n > 1) return undefined
  switch (op) {
    case '=':
    case '==':
    case '<=':
      return n === 0 ? false : undefined
    case '<':
      return false
    case '!=':
    case '>':
      return n === 0 ? true : undefined
    case '>=':
      return true
    default:
      return undefined
  }
}
