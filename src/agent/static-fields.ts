import type { Field } from '../fields/field.ts'
import { fieldLookup, fields } from '../fields/catalogue.ts'
import { FieldIndex } from '../fields/field-syntax.ts'
import { toByteText } from '../values/text.ts'

/** The catalogue, and a field `static.NAME` for each of the configuration's `static_fields`. */
export function withStaticFields(staticFields: ReadonlyMap<string, string>): FieldIndex {
  if (staticFields.size === 0) return fieldLookup
  const rows = [...staticFields].map(([name, text]): Field => {
    const value = toByteText(text)
    return {
      name: `static.${name}`,
      group: 'static',
      type: 'CHARBUF',
      arg: 'none',
      doc: 'A fixed text of the configuration (`static_fields`).',
      bind: () => () => value,
    }
  })
  return new FieldIndex([...fields, ...rows])
}
