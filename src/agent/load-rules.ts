import { eventLookup } from '../events/event-lookup.ts'
import type { FieldIndex } from '../fields/field-syntax.ts'
import { type CompiledRules, compileRules, type RulesFileInput } from '../rules/compile-rules.ts'
import type { Config } from './config.ts'
import { withStaticFields } from './static-fields.ts'

/** Rules compiled with what the configuration says of them, and the fields they were compiled against. */
export interface LoadedRules {
  readonly rules: CompiledRules
  readonly fields: FieldIndex
}

/** What of the configuration rules are compiled with. */
export type RulesConfig = Pick<Config, 'ruleSelection' | 'minPriority' | 'staticFields'> & {
  readonly domains: Pick<Config['domains'], 'strict'> & {
    readonly lists?: readonly { readonly name: string }[]
  }
}

/** Compiles rule files as the configuration wants them. Never throws, whatever the texts: findings are in the result. */
export function loadRules(files: readonly RulesFileInput[], config: RulesConfig): LoadedRules {
  const index = withStaticFields(config.staticFields)
  const rules = compileRules(files, {
    fields: index,
    events: eventLookup,
    selection: config.ruleSelection.map(({ enable, rule, tag }) => ({
      operation: enable ? 'enable' : 'disable',
      ...(rule !== '' && { rule }),
      ...(tag !== '' && { tag }),
    })),
    minPriority: config.minPriority,
    strictDomains: config.domains.strict,
    nameLists: new Set((config.domains.lists ?? []).map(list => list.name)),
  })
  return { rules, fields: index }
}
