import type { Alert, AlertValue } from '../../engine/alert.ts'
import { priorityNames } from '../../values/priority-names.ts'

/** An alert for tests; what is not given has a harmless default (`Warning`, source `syscall`, rule `R`). */
export function makeAlert(parts: {
  readonly tsNs?: bigint
  readonly text?: string
  readonly fields?: readonly (readonly [key: string, value: AlertValue])[]
  readonly name?: string
  readonly priorityName?: string
  readonly source?: string
  readonly tags?: readonly string[]
}): Alert {
  const source = parts.source ?? 'syscall'
  return {
    rule: {
      index: 0,
      name: parts.name ?? 'R',
      desc: 'a rule',
      priority: priorityNames.indexOf(parts.priorityName ?? 'Warning'),
      source,
      tags: parts.tags ?? [],
      enabled: true,
      capture: false,
      captureDurationMs: 0,
      condition: { kind: 'and', operands: [] },
      output: 'text',
      eventCodes: new Set(),
      exceptionFields: [],
    },
    source,
    eventNum: 1,
    tsNs: parts.tsNs ?? 1n,
    text: parts.text ?? 'text',
    fields: parts.fields ?? [],
  }
}
