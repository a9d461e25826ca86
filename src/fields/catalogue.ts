import type { FieldLookup } from '../rules/field-lookup.ts'
import type { Field } from './field.ts'
import { FieldIndex } from './field-syntax.ts'
import { pendingFields } from './pending-fields.ts'

/** Every field, group by group; the order is that of reference lists. */
export const fields: readonly Field[] = [...pendingFields]

const index: FieldIndex = new FieldIndex(fields)

/** The row of exactly this name. */
export function fieldByName(name: string): Field | undefined {
  return index.get(name)
}

/** What the rule compiler asks. The `spec` of what it resolves is the catalogue's row itself. */
export const fieldLookup: FieldLookup = index
