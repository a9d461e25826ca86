import { counted } from '../values/counted.ts'
import { closestName } from '../diagnostics/closest-name.ts'
import { compileOperand } from './compile-operand.ts'
import type { FieldLookup } from './field-lookup.ts'
import type { FindingText, LoadFinding } from './load-finding.ts'
import { findingAt } from './load-finding.ts'
import { LIST_OPERATORS, OPERATORS, parseModifiedOperator } from './operators.ts'
import { parseCondition } from './parse-condition.ts'
import type { ExceptionEntry, ExceptionItem } from './rule-items.ts'

export type ExceptionValidation =
  | { readonly ok: true; readonly exception: ExceptionItem }
  | { readonly ok: false; readonly findings: readonly LoadFinding[] }

/**
 * Checks that `fields` and `comps` of an exception fit together, and fills in the comps: `=` for each field of a list, `in` for a single
 * field. Without `fields` (a rule of an unknown source) names of fields are not checked. Values are checked when they are compiled.
 */
export function validateException(
  exception: ExceptionItem,
  mode: 'define' | 'append',
  fields: FieldLookup | undefined,
): ExceptionValidation {
  const findings: LoadFinding[] = []
  const add = (text: FindingText, at?: ExceptionEntry): void => {
    const span = at?.kind === 'list' ? at : at?.scalar
    findings.push(findingAt(exception.place, text, span && { span }))
  }
  if (exception.fields === undefined) {
    add({
      code: 'E0217',
      message: `exception \`${exception.name}\` has no fields`,
      help:
        mode === 'append'
          ? 'to append values, use the name of an exception that the rule has'
          : 'write `fields: [proc.name]`',
    })
    return { ok: false, findings }
  }
  if (mode === 'append' && exception.values.length === 0) {
    add({ code: 'E0217', message: `the new exception \`${exception.name}\` has no values`, help: 'give `values`' })
    return { ok: false, findings }
  }
  const comps =
    exception.fields.kind === 'list' ? listComps(exception, exception.fields.items, add) : singleComp(exception, add)
  for (const field of exception.fields.kind === 'list' ? exception.fields.items : [exception.fields]) {
    if (fields !== undefined) checkField(field, fields, add)
  }
  if (comps === undefined || findings.length > 0) return { ok: false, findings }
  return { ok: true, exception: { ...exception, comps } }
}

type Add = (text: FindingText, at?: ExceptionEntry) => void

function listComps(exception: ExceptionItem, fields: readonly ExceptionEntry[], add: Add): ExceptionEntry | undefined {
  const { comps } = exception
  if (comps === undefined) {
    return { kind: 'list', items: fields.map(() => ({ kind: 'scalar', text: '=' })), start: 0, end: 0 }
  }
  if (comps.kind !== 'list' || comps.items.length !== fields.length) {
    const count = comps.kind === 'list' ? comps.items.length : 1
    add(
      {
        code: 'E0217',
        message: `exception \`${exception.name}\` has ${counted(fields.length, 'field')} and ${counted(count, 'comp')}`,
        help:
          comps.kind === 'list'
            ? 'give one operator for each field'
            : 'write the operator in brackets, as the field is',
      },
      comps,
    )
    return undefined
  }
  const items: ExceptionEntry[] = []
  for (const comp of comps.items) {
    const text = comp.kind === 'scalar' ? comp.text.trim() : ''
    if (OPERATORS.includes(text) || parseModifiedOperator(text) !== undefined) {
      items.push({ ...comp, kind: 'scalar', text })
      continue
    }
    const near = closestName(text, OPERATORS)
    add(
      {
        code: 'E0218',
        message:
          comp.kind === 'list'
            ? 'a list is no operator'
            : `unknown operator \`${text}\` in exception \`${exception.name}\``,
        ...(near !== undefined && { help: `did you mean \`${near}\`?` }),
      },
      comp,
    )
  }
  return items.length === comps.items.length ? { ...comps, items } : undefined
}

function singleComp(exception: ExceptionItem, add: Add): ExceptionEntry | undefined {
  const { comps } = exception
  if (comps === undefined) return { kind: 'scalar', text: 'in' }
  if (comps.kind === 'list') {
    add(
      {
        code: 'E0217',
        message: `exception \`${exception.name}\` has a single field, so \`comps\` is a single operator too`,
        help: 'write both in brackets, or neither',
      },
      comps,
    )
    return undefined
  }
  const text = comps.text.trim()
  if (LIST_OPERATORS.includes(text) || parseModifiedOperator(text) !== undefined) return { ...comps, text }
  add(
    {
      code: 'E0217',
      message: `\`${text}\` takes no list of values, so it does not fit the single field of exception \`${exception.name}\``,
      help: `use \`in\`, \`pmatch\`, \`intersects\` or a modifier as in \`startswith anyof\`, or write \`fields: [${fieldText(exception)}]\``,
    },
    comps,
  )
  return undefined
}

function fieldText(exception: ExceptionItem): string {
  return exception.fields?.kind === 'scalar' ? exception.fields.text : ''
}

function checkField(entry: ExceptionEntry, fields: FieldLookup, add: Add): void {
  const text = entry.kind === 'scalar' ? entry.text : ''
  if (isField(text, fields)) return
  const near = closestName(text, fields.names())
  add(
    {
      code: 'E0218',
      message: entry.kind === 'list' ? 'a list is no field' : `unknown field \`${text}\` in an exception`,
      ...(near !== undefined && { help: `did you mean \`${near}\`?` }),
    },
    entry,
  )
}

/** Whether `text` can stand on the left of a check: a field, or a transformer of one. */
function isField(text: string, fields: FieldLookup): boolean {
  if (!text.includes('(')) {
    const resolution = fields.resolve(text)
    return resolution.kind === 'field' && resolution.length === text.length
  }
  const parsed = parseCondition(`${text} exists`)
  return parsed.ok && parsed.ast.kind === 'check' && compileOperand(parsed.ast.lhs, fields).ok
}
