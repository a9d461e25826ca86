import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventContext } from '../../state/event-context.ts'
import type { Value } from '../../values/value.ts'
import { fieldByName, fieldLookup } from '../catalogue.ts'
import type { Field } from '../field.ts'
import { renderValue } from '../render-value.ts'

interface Bound {
  readonly field: Field
  readonly arg: string | undefined
}

function bindText(text: string): Bound {
  const found = fieldLookup.resolve(text)
  if (found.kind !== 'field' || found.length !== text.length) throw new Error(`${text} is no field`)
  return { field: fieldByName(found.ref.spec.name)!, arg: found.ref.arg }
}

/** The value that a condition compares; `text` is a field with its argument. */
export function readField(ctx: EventContext, text: string): Value | undefined {
  const { field, arg } = bindText(text)
  const value = field.bind(arg)(ctx)
  // Some readers reuse their array.
  return Array.isArray(value) ? [...value] : value
}

/** What an output prints; `<NA>` for no value. */
export function printField(ctx: EventContext, text: string): string {
  const { field, arg } = bindText(text)
  const value = (field.bindPrint ?? field.bind)(arg)(ctx)
  if (value === undefined) return '<NA>'
  return renderValue(value, field.typeOf?.(arg) ?? field.type, field.printOf?.(arg) ?? field.print)
}

/** A row of a table: in the event `in`, `field` has `value`; undefined is no value. */
export interface FieldCase {
  readonly name: string
  readonly in: EventContext
  readonly field: string
  readonly value: Value | undefined
  /** What an output prints, where it says more than the value. */
  readonly printed?: string
}

/** One test a row. */
export function testFields(group: string, cases: readonly FieldCase[]): void {
  for (const row of cases) {
    test(`${group}: ${row.name} (${row.field})`, () => {
      assert.deepEqual(readField(row.in, row.field), row.value)
      if (row.printed !== undefined) assert.equal(printField(row.in, row.field), row.printed)
    })
  }
}
