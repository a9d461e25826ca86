import type { Field } from './field.ts'

/** Fields that tell nothing of the event. */
export const utilFields: readonly Field[] = [
  {
    name: 'util.cnt',
    group: 'util',
    type: 'UINT64',
    arg: 'none',
    doc: 'Counts how often the field was read in this place, from 1.',
    bind: () => {
      let count = 0
      return () => ++count
    },
  },
]
