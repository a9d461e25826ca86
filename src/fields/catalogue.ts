import { containerFields } from './container-fields.ts'
import { dnsFields } from './dns-fields.ts'
import { evtFields } from './evt-fields.ts'
import { evtSyscallFields } from './evt-syscall-fields.ts'
import { fdFields } from './fd-fields.ts'
import { fdlistFields } from './fdlist-fields.ts'
import type { Field } from './field.ts'
import { FieldIndex } from './field-syntax.ts'
import { fsPathFields } from './fs-path-fields.ts'
import { k8sFields } from './k8s-fields.ts'
import { procFields } from './proc-fields.ts'
import { threadFields } from './thread-fields.ts'
import { userFields } from './user-fields.ts'
import { utilFields } from './util-fields.ts'

/** Every field, group by group; the order is that of reference lists. */
export const fields: readonly Field[] = [
  ...evtFields,
  ...evtSyscallFields,
  ...procFields,
  ...threadFields,
  ...userFields,
  ...fdFields,
  ...fsPathFields,
  ...fdlistFields,
  ...utilFields,
  ...containerFields,
  ...k8sFields,
  ...dnsFields,
]

const index: FieldIndex = new FieldIndex(fields)

/** The row of exactly this name. */
export function fieldByName(name: string): Field | undefined {
  return index.get(name)
}

/** What the rule compiler asks. The `spec` of what it resolves is the catalogue's row, or for one ancestor a copy without `compare`. */
export const fieldLookup: FieldIndex = index
