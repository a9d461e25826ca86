import type { CompareOp, PlanCheck, PlanOperand } from '../rules/plan.ts'

/*
 * Guesses. What reading a value and testing it costs, in steps of roughly a nanosecond. Only the order matters: cheap checks are asked first, and
 * what costs next to nothing is not worth remembering for the rest of the event.
 */

/** Fields that take more than a step or two, by their whole name or the part before the second dot. */
const FIELD_COSTS: ReadonlyMap<string, number> = new Map([
  ['evt.arg', 12],
  ['evt.rawarg', 12],
  ['evt.args', 60],
  ['evt.info', 60],
  ['evt.buffer', 20],
  ['evt.abspath', 40],
  ['evt.time', 60],
  ['evt.datetime', 60],
  ['evt.res', 5],
  ['evt.rawres', 4],
  ['evt.type', 2],
  ['evt.category', 6],
  ['fd.name', 4],
  ['fd.nameraw', 6],
  ['fd.directory', 8],
  ['fd.filename', 8],
  ['fd.lip', 8],
  ['fd.rip', 8],
  ['fd.types', 100],
  ['fd.ip', 12],
  ['fd.net', 12],
  ['fd.port', 10],
  ['proc.aname', 40],
  ['proc.aexe', 40],
  ['proc.aexepath', 40],
  ['proc.acmdline', 60],
  ['proc.aenv', 80],
  ['proc.apid', 40],
  ['proc.aargs', 60],
  ['proc.env', 20],
  ['proc.args', 6],
  ['proc.cmdline', 6],
  ['proc.pcmdline', 12],
  ['proc.pname', 6],
  ['proc.pexe', 6],
  ['proc.pexepath', 6],
  ['proc.sname', 10],
  ['proc.sid', 10],
  ['proc.vpgid', 10],
  ['proc.pgid', 10],
  ['proc.stdin', 12],
  ['proc.stdout', 12],
  ['proc.stderr', 12],
  ['thread.cap_permitted', 60],
  ['thread.cap_effective', 60],
  ['thread.cap_inheritable', 60],
  ['thread.cgroups', 40],
  ['thread.cgroup', 40],
  ['user.name', 8],
  ['user.loginname', 8],
  ['group.name', 8],
  ['fs.path', 40],
  ['fdlist', 100],
  ['container', 6],
  ['k8s', 10],
])

const TRANSFORM_COST = 40

/** The cost of reading the operand. */
export function readCost(operand: PlanOperand): number {
  switch (operand.kind) {
    case 'field':
      return fieldCost(operand.ref.spec.name)
    case 'literal':
      return 0
    case 'list':
      return operand.items.reduce((sum, item) => sum + readCost(item), 10)
    case 'transform':
      return operand.args.reduce((sum, arg) => sum + readCost(arg), operand.name === 'val' ? 0 : TRANSFORM_COST)
    default:
      return operand satisfies never
  }
}

function fieldCost(name: string): number {
  const parts = name.split('.')
  return (
    FIELD_COSTS.get(name) ?? FIELD_COSTS.get(parts.slice(0, 2).join('.')) ?? FIELD_COSTS.get(parts[0] as string) ?? 2
  )
}

const OP_COSTS: Readonly<Record<CompareOp, number>> = {
  '=': 1,
  '!=': 1,
  '<': 1,
  '<=': 1,
  '>': 1,
  '>=': 1,
  exists: 1,
  in: 6,
  intersects: 8,
  startswith: 4,
  bstartswith: 4,
  endswith: 4,
  contains: 12,
  bcontains: 12,
  icontains: 40,
  glob: 40,
  iglob: 60,
  pmatch: 60,
  regex: 400,
}

/** The cost of the test itself, once its left side is read. */
export function testCost(check: PlanCheck): number {
  const values = check.rhs.kind === 'values' ? check.rhs.values.length : 1
  const each = OP_COSTS[check.op]
  const isScan = check.modifier !== undefined && check.op !== '=' && check.op !== '!='
  const compare = check.lhs.kind === 'field' ? check.lhs.ref.spec.compare : undefined
  const right = check.rhs.kind === 'operand' ? readCost(check.rhs.operand) : 0
  return (
    right + (isScan ? each * Math.min(values, 20) : each) + (compare === 'domain' ? 30 : compare === undefined ? 0 : 4)
  )
}

const OP_LIKELIHOODS: Readonly<Record<CompareOp, number>> = {
  '=': 0.1,
  '!=': 0.9,
  '<': 0.4,
  '<=': 0.4,
  '>': 0.4,
  '>=': 0.4,
  exists: 0.8,
  in: 0.15,
  intersects: 0.15,
  startswith: 0.1,
  bstartswith: 0.1,
  endswith: 0.1,
  contains: 0.1,
  bcontains: 0.1,
  icontains: 0.1,
  glob: 0.1,
  iglob: 0.1,
  pmatch: 0.1,
  regex: 0.1,
}

/** How often the check is true, as far as its operator tells. */
export function checkLikelihood(check: PlanCheck): number {
  if (check.op === '=' || check.op === '!=') {
    if (check.lhs.type === 'BOOL') return 0.4
    // «In a container» and «on the host» are opposites, each common.
    if (check.lhs.kind === 'field' && check.lhs.ref.spec.name === 'container.id') return 0.5
  }
  return OP_LIKELIHOODS[check.op]
}
