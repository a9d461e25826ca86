import type { FieldRef, FieldSpec } from '../rules/field-lookup.ts'
import type { Plan, PlanExpr, PlanOperand, PlanRhs } from '../rules/plan.ts'

/**
 * The plan as data that can be sent to another thread. A plan of our compiler refers to rows of the catalogue, which hold functions; here
 * they are specifications and nothing more, which is all that linking reads of them. What is shared stays shared.
 */
export function plainPlan(plan: Plan): Plan {
  const copies = new Map<object, unknown>()
  const once = <T extends object>(value: T, copy: (value: T) => T): T => {
    let made = copies.get(value) as T | undefined
    if (made === undefined) {
      made = copy(value)
      copies.set(value, made)
    }
    return made
  }
  const ref = (value: FieldRef): FieldRef => once(value, r => ({ ...r, spec: once(r.spec, plainSpec) }))
  const operand = (value: PlanOperand): PlanOperand =>
    once(value, o => {
      switch (o.kind) {
        case 'field':
          return { ...o, ref: ref(o.ref) }
        case 'transform':
          return { ...o, args: o.args.map(operand) }
        case 'list':
          return { ...o, items: o.items.map(operand) }
        case 'literal':
          return o
        default:
          return o satisfies never
      }
    })
  const rhs = (value: PlanRhs): PlanRhs =>
    value.kind === 'operand' ? { kind: 'operand', operand: operand(value.operand) } : value
  const expr = (value: PlanExpr): PlanExpr =>
    once(value, e => {
      switch (e.kind) {
        case 'and':
        case 'or':
          return { kind: e.kind, operands: e.operands.map(expr) }
        case 'not':
          return { kind: 'not', operand: expr(e.operand) }
        case 'check':
          return { ...e, lhs: operand(e.lhs), rhs: rhs(e.rhs) }
        default:
          return e satisfies never
      }
    })
  return { ...plan, rules: plan.rules.map(rule => ({ ...rule, condition: expr(rule.condition) })) }
}

/** The members of `FieldSpec` and no others. */
function plainSpec(spec: FieldSpec): FieldSpec {
  const {
    name,
    type,
    isList,
    arg,
    filterOnly,
    printOnly,
    tableOnly,
    noRhs,
    noTransformer,
    deprecated,
    compare,
    isName,
  } = spec
  return {
    name,
    type,
    arg,
    ...(isList !== undefined && { isList }),
    ...(filterOnly !== undefined && { filterOnly }),
    ...(printOnly !== undefined && { printOnly }),
    ...(tableOnly !== undefined && { tableOnly }),
    ...(noRhs !== undefined && { noRhs }),
    ...(noTransformer !== undefined && { noTransformer }),
    ...(deprecated !== undefined && { deprecated }),
    ...(compare !== undefined && { compare }),
    ...(isName !== undefined && { isName }),
  }
}
