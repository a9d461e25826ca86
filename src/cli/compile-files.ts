import { eventLookup } from '../events/event-lookup.ts'
import { fieldLookup } from '../fields/catalogue.ts'
import {
  type CompiledRules,
  type CompileRulesOptions,
  compileRules,
  type FileResult,
  type RulesFileInput,
} from '../rules/compile-rules.ts'
import { renderDiagnostic } from '../diagnostics/render.ts'

/** Compiles rule files against our fields and events. */
export function compileFiles(
  files: readonly RulesFileInput[],
  options: Omit<CompileRulesOptions, 'fields' | 'events'> = {},
): CompiledRules {
  return compileRules(files, { fields: fieldLookup, events: eventLookup, ...options })
}

/** What is new in the result of a file: its findings as people read them, each followed by an empty line. */
export function renderFindings(result: FileResult, color: boolean): string {
  return result.newFindings.map(({ diagnostic }) => `${renderDiagnostic(diagnostic, { color })}\n\n`).join('')
}
