import type { EventInfo } from '../../events/event-table.ts'
import type { Field } from '../../fields/field.ts'
import type { CompareOp, Constant, PlanCheck, PlanExpr, Plan, PlannedRule, PlanOperand } from '../../rules/plan.ts'
import type { Ip, Value, ValueType } from '../../values/value.ts'
import type { EventContext, NameWatcher } from '../name-watcher.ts'

/*
 * A catalogue of made-up fields whose values a test sets, and a way to write plans by hand.
 */

/** The values of the event at hand by field name (`name` or `name[arg]`). */
export type FakeValues = Readonly<Record<string, Value | undefined>>

interface FakeContext {
  readonly rec: { readonly type: number }
  readonly values: FakeValues
}

/** An event of a code with these values. */
export function fakeContext(code: number, values: FakeValues): EventContext {
  const ctx: FakeContext = { rec: { type: code }, values }
  return ctx as unknown as EventContext
}

type Extra = Partial<Pick<Field, 'isList' | 'compare' | 'arg' | 'bindExists' | 'bindPrint' | 'bindJson' | 'print' | 'typeOf'>>

/** How often any reader was called, to see what is read twice. */
export const reads: { count: number } = { count: 0 }

function fake(name: string, type: ValueType, extra: Extra = {}): Field {
  return {
    name,
    type,
    arg: 'none',
    group: 'fake',
    doc: 'made up',
    bind: arg => {
      const key = arg === undefined ? name : `${name}[${arg}]`
      return ctx => {
        reads.count++
        return (ctx as unknown as FakeContext).values[key]
      }
    },
    ...extra,
  }
}

const nameByCode = ['syscall', 'open', 'connect', 'execve', 'signaldeliver', 'asyncevent']

/** Code 0 is the generic system call, 4 no system call, 5 named by its content; `evt.type` of 0 and 5 is what the test sets. */
export const fakeEventTable: readonly EventInfo[] = nameByCode.map((name, code) => ({
  code,
  name,
  isExit: true,
  category: name === 'signaldeliver' || name === 'asyncevent' ? 1024 : 512,
  flags: new Set(),
  params: [],
  paramIndex: new Map(),
  createsFd: false,
  usesFd: false,
  destroysFd: false,
  isLarge: false,
  isOld: false,
}))

function typeName(ctx: EventContext): Value | undefined {
  const { rec, values } = ctx as unknown as FakeContext
  return rec.type === 0 || rec.type === 5 ? (values['evt.type'] ?? 'uname') : nameByCode[rec.type]
}

const fakeFields: readonly Field[] = [
  fake('evt.num', 'UINT64'),
  { ...fake('evt.type', 'CHARBUF'), bind: () => typeName },
  {
    ...fake('syscall.type', 'CHARBUF'),
    bind: () => ctx => ((ctx as unknown as FakeContext).rec.type >= 4 ? undefined : typeName(ctx)),
  },
  fake('t.name', 'CHARBUF', { arg: 'optional' }),
  fake('t.path', 'CHARBUF'),
  fake('t.num', 'INT64', { print: 'HEX' }),
  fake('t.flag', 'BOOL'),
  fake('t.ip', 'IPADDR'),
  fake('t.net', 'IPNET'),
  fake('t.sides', 'IPADDR', { compare: 'either', bindExists: () => ctx => (ctx as unknown as FakeContext).values['t.sidesExist'] }),
  fake('t.sidenets', 'IPNET', { compare: 'either' }),
  fake('t.ports', 'PORT', { compare: 'either' }),
  fake('t.any', 'CHARBUF', { compare: 'any', arg: 'optional' }),
  fake('t.list', 'CHARBUF', { isList: true }),
  fake('t.nums', 'UINT64', { isList: true }),
  fake('t.bytes', 'BYTEBUF'),
  fake('t.domain', 'CHARBUF', { compare: 'domain', bindPrint: () => ctx => (ctx as unknown as FakeContext).values['t.domainText'] }),
  fake('t.raw', 'DYN', { arg: 'required', typeOf: arg => (arg === 'text' ? 'CHARBUF' : 'INT64') }),
]

const byName: ReadonlyMap<string, Field> = new Map(fakeFields.map(f => [f.name, f]))

export function fakeFieldByName(name: string): Field | undefined {
  return byName.get(name)
}

/** Names by address; every watched name or pattern matches by this table alone. */
export function fakeNames(table: ReadonlyMap<Ip, readonly string[]>): NameWatcher {
  const namesOf = (ip: Ip): readonly string[] => table.get(ip) ?? []
  return {
    namesOf,
    watch: names => {
      const matches = (ip: Ip): boolean =>
        namesOf(ip).some(name => names.some(n => (n.startsWith('*.') ? name.endsWith(n.slice(1)) : n === name)))
      return { matches, matchesSurely: matches }
    },
  }
}

export function field(name: string, arg?: string): PlanOperand {
  const spec = byName.get(name)
  if (spec === undefined) throw new Error(`no fake field ${name}`)
  const type = spec.typeOf?.(arg) ?? spec.type
  const ref = { spec, type, ...(arg !== undefined && { arg }) }
  return { kind: 'field', ref, type, isList: spec.isList ?? false }
}

export function check(
  lhs: PlanOperand | string,
  op: CompareOp,
  right: readonly Constant[] | PlanOperand | undefined,
  modifier?: PlanCheck['modifier'],
): PlanCheck {
  const left = typeof lhs === 'string' ? field(lhs) : lhs
  const rhs: PlanCheck['rhs'] =
    right === undefined
      ? { kind: 'none' }
      : Array.isArray(right)
        ? { kind: 'values', values: right }
        : { kind: 'operand', operand: right as PlanOperand }
  const key = JSON.stringify([left, op, modifier ?? '', rhs], (_, v) => (typeof v === 'bigint' ? `${v}n` : v))
  return { kind: 'check', lhs: left, op, ...(modifier !== undefined && { modifier }), rhs, key }
}

export function and(...operands: PlanExpr[]): PlanExpr {
  return { kind: 'and', operands }
}

export function or(...operands: PlanExpr[]): PlanExpr {
  return { kind: 'or', operands }
}

export function not(operand: PlanExpr): PlanExpr {
  return { kind: 'not', operand }
}

/** Rules for all codes of the made-up table, named r0, r1, … */
export function planOf(conditions: readonly PlanExpr[], change: (i: number) => Partial<PlannedRule> = () => ({})): Plan {
  const eventCodes = new Set(fakeEventTable.keys())
  return {
    domains: [],
    nameLists: [],
    rules: conditions.map((condition, index) => ({
      index,
      name: `r${index}`,
      desc: '',
      priority: 4,
      source: 'syscall',
      tags: [],
      enabled: true,
      capture: false,
      captureDurationMs: 0,
      condition,
      output: '',
      eventCodes,
      exceptionFields: [],
      ...change(index),
    })),
  }
}
