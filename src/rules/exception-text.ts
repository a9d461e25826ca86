import type { ConditionText } from './condition-text.ts'
import { ConditionTextBuilder } from './condition-text.ts'
import { quoteListItem } from './expand-lists.ts'
import type { LoadFinding } from './load-finding.ts'
import { findingAt } from './load-finding.ts'
import { LIST_OPERATORS, parseModifiedOperator } from './operators.ts'
import type { ExceptionEntry, ExceptionItem } from './rule-items.ts'

/**
 * Exceptions become text behind the rule's own condition, `(…) and not … and not …`, before lists are expanded. So a list name may stand
 * among the values, and a value that looks like a transformer is one.
 */
export interface ExceptionText {
  readonly condition: ConditionText
  /** Fields of exceptions that have values; sorted, each once. */
  readonly fields: readonly string[]
  readonly findings: readonly LoadFinding[]
}

/** Adds validated exceptions to a condition. Without exceptions, the condition stays as it is. */
export function addExceptions(condition: ConditionText, exceptions: readonly ExceptionItem[]): ExceptionText {
  if (exceptions.length === 0) return { condition, fields: [], findings: [] }
  const fields = new Set<string>()
  const findings: LoadFinding[] = []
  const builder = new ConditionTextBuilder().add('(').addText(condition).add(')')
  for (const exception of exceptions) {
    if (exception.fields?.kind === 'list') addTuples(builder, exception, exception.fields.items, fields, findings)
    else if (exception.fields !== undefined) addValues(builder, exception, exception.fields, fields, findings)
  }
  return { condition: builder.build(), fields: [...fields].sort(), findings }
}

/** `(field op (a, b))` for a single field. */
function addValues(
  builder: ConditionTextBuilder,
  exception: ExceptionItem,
  field: ExceptionEntry,
  fields: Set<string>,
  findings: LoadFinding[],
): void {
  let text = ''
  for (const value of exception.values) {
    if (value.kind === 'list') {
      findings.push(
        findingAt(
          exception.place,
          {
            code: 'E0217',
            message: `exception \`${exception.name}\` has a single field, so its values are single values`,
            help: 'write the field in brackets to give tuples',
          },
          { span: value },
        ),
      )
      return
    }
    if (text === '') {
      builder.add(' and not (')
      addEntry(builder, field)
      builder.add(` ${entryText(exception.comps)} (`)
      fields.add(entryText(field))
    } else builder.add(', ')
    text = 'begun'
    addEntry(builder, value, quoteListItem(value.text))
  }
  if (text !== '') builder.add('))')
}

/** `((f1 op1 v1 and f2 op2 v2) or (…))` for a list of fields. */
function addTuples(
  builder: ConditionTextBuilder,
  exception: ExceptionItem,
  fieldList: readonly ExceptionEntry[],
  fields: Set<string>,
  findings: LoadFinding[],
): void {
  if (exception.values.length === 0) return
  const comps = exception.comps?.kind === 'list' ? exception.comps.items : []
  let isFirst = true
  for (const tuple of exception.values) {
    const values = tuple.kind === 'list' ? tuple.items : []
    if (values.length !== fieldList.length) {
      const span = tuple.kind === 'list' ? tuple : (tuple.scalar ?? exception.place.span)
      findings.push(
        findingAt(
          exception.place,
          {
            code: 'E0217',
            message: `exception \`${exception.name}\` has ${fieldList.length} field${fieldList.length === 1 ? '' : 's'}, and ${tuple.kind === 'list' ? `here ${values.length}` : 'here a single'} value${values.length > 1 ? 's' : ''}`,
            help: 'give a list with one value for each field',
          },
          { span },
        ),
      )
      return
    }
    builder.add(isFirst ? ' and not (' : ' or ').add('(')
    isFirst = false
    fieldList.forEach((field, k) => {
      const comp = entryText(comps[k])
      builder.add(k === 0 ? ' ' : ' and  ')
      addEntry(builder, field)
      builder.add(` ${comp} `)
      addTupleValue(builder, values[k]!, LIST_OPERATORS.includes(comp) || parseModifiedOperator(comp) !== undefined)
      fields.add(entryText(field))
    })
    builder.add(')')
  }
  builder.add(')')
}

function addTupleValue(builder: ConditionTextBuilder, value: ExceptionEntry, takesList: boolean): void {
  if (value.kind === 'list') {
    builder.add('(')
    value.items.forEach((item, i) => {
      if (i > 0) builder.add(', ')
      addEntry(builder, item, quoteListItem(entryText(item)))
    })
    builder.add(')')
    return
  }
  const form = takesList ? (value.text.startsWith('(') ? value.text : `(${value.text})`) : quoteListItem(value.text)
  addEntry(builder, value, form)
}

/** What Falco takes of an entry where a text is wanted: nothing of a list. */
function entryText(entry: ExceptionEntry | undefined): string {
  return entry?.kind === 'scalar' ? entry.text : ''
}

function addEntry(builder: ConditionTextBuilder, entry: ExceptionEntry, form: string = entryText(entry)): void {
  if (entry.kind === 'scalar' && entry.scalar !== undefined && entry.source !== undefined) {
    builder.addScalar(entry.source, entry.scalar, form)
  } else builder.add(form)
}
