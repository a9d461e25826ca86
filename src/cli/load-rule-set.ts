import type { Config } from '../agent/config.ts'
import { type LoadedRules, loadRules } from '../agent/load-rules.ts'
import { renderDiagnostic } from '../diagnostics/render.ts'
import type { FileResult } from '../rules/compile-rules.ts'
import { activeRules, type Plan } from '../rules/plan.ts'
import { counted } from '../values/counted.ts'
import { CommandError } from './command-error.ts'
import type { Arguments } from './parse-arguments.ts'
import { chooseRulePaths, readRuleFiles } from './rule-files.ts'
import type { Terminal } from './terminal.ts'

/** Rules that loaded without an error. */
export interface RuleSet extends LoadedRules {
  readonly plan: Plan
  readonly paths: readonly string[]
}

/** What is new in the result of a file: its findings as people read them, each followed by an empty line. */
export function renderFindings(result: FileResult, color: boolean): string {
  return result.newFindings.map(({ diagnostic }) => `${renderDiagnostic(diagnostic, { color })}\n\n`).join('')
}

/** What a dry run says when all is well, as a line. */
export function loadedText(plan: Plan, paths: readonly string[], config: Config): string {
  const { length } = plan.rules
  return `${counted(length, 'rule')} in ${counted(paths.length, 'file')} loaded, ${activeRules(plan.rules, config.minPriority).length} enabled\n`
}

/**
 * Loads the rules that are `given` (of `args`: `--rules`), else those of the configuration, else our own. Findings go to standard error, all of
 * them (`isQuiet`: of files with an error); throws a `CommandError` if one is an error.
 */
export function loadRuleSet(
  args: Arguments,
  config: Config,
  terminal: Terminal,
  given: readonly string[] = args.values('rules'),
  isQuiet: boolean = args.has('quiet'),
): RuleSet {
  const paths = chooseRulePaths(given, config.rulesFiles)
  if (args.has('verbose')) for (const path of paths) terminal.err(`rules: ${path}\n`)
  const { rules, fields } = loadRules(readRuleFiles(paths), config)
  const { plan, results } = rules
  let errors = 0
  for (const result of results) {
    errors += result.newFindings.filter(f => f.diagnostic.severity === 'error').length
    if (!isQuiet || !result.ok) terminal.err(renderFindings(result, terminal.errColors.isColorSupported))
  }
  if (plan === undefined) {
    throw new CommandError(
      `the rules have ${errors === 1 ? 'an error' : `${errors} errors`}`,
      'docs/errors.md explains the codes',
    )
  }
  const unused = config.domains.lists.filter(({ name }) => !plan.nameLists.includes(name))
  if (unused.length > 0 && !isQuiet) {
    const names = unused.map(({ name }) => `\`${name}\``).join(', ')
    terminal.err(
      `${terminal.errColors.yellow('tiercel:')} no rule uses ${names} of \`domains.lists\`, so it is not loaded\n`,
    )
  }
  return { rules, fields, plan, paths }
}
