import { eventTable } from '../events/event-table.ts'
import type { Plan, PlanExpr, PlanOperand } from '../rules/plan.ts'

const NAME_FIELD: RegExp = /^(?:fd\.[cslr]ip\.names?\b|dns\.|tls\.|http\.)/
const NAME_IN_OUTPUT: RegExp = /%\d*(?:[a-z0-9_]+\()*(?:fd\.[cslr]ip\.names?\b|dns\.|tls\.|http\.)/

/** Whether a rule that is on asks for, or prints, what can only be known when traffic is looked at. */
export function usesNames(plan: Plan): boolean {
  return plan.rules.some(rule => rule.enabled && (NAME_IN_OUTPUT.test(rule.output) || asksForNames(rule.condition)))
}

/** Codes of the events that such rules look at, as 1. */
export function eventsWithNames(plan: Plan): Uint8Array {
  const codes = new Uint8Array(eventTable.length)
  for (const rule of plan.rules) {
    if (!usesNames({ ...plan, rules: [rule] })) continue
    for (const code of rule.eventCodes) codes[code] = 1
  }
  return codes
}

/** Whether the condition asks for what can only be known when traffic is looked at. */
export function asksForNames(expr: PlanExpr): boolean {
  switch (expr.kind) {
    case 'and':
    case 'or':
      return expr.operands.some(asksForNames)
    case 'not':
      return asksForNames(expr.operand)
    case 'check':
      return readsNames(expr.lhs) || (expr.rhs.kind === 'operand' && readsNames(expr.rhs.operand))
    default:
      return expr satisfies never
  }
}

function readsNames(operand: PlanOperand): boolean {
  switch (operand.kind) {
    case 'field':
      return NAME_FIELD.test(operand.ref.spec.name)
    case 'transform':
      return operand.args.some(readsNames)
    case 'list':
      return operand.items.some(readsNames)
    case 'literal':
      return false
    default:
      return operand satisfies never
  }
}
