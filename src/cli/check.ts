import type { Config } from '../agent/config.ts'
import { loadRules } from '../agent/load-rules.ts'
import type { NameListNews } from '../agent/name-lists.ts'
import { renderDescription, type RulesDescription } from '../rules/describe-rules.ts'
import { loadResultsJson } from '../rules/load-result.ts'
import { describe } from './describe.ts'
import { jsonText } from './json-text.ts'
import { isListWorthWarning, nameListText, refusedLines } from './news-text.ts'
import type { FileResult } from '../rules/compile-rules.ts'
import type { Command } from './command.ts'
import { renderFindings } from './load-rule-set.ts'
import { loadSettings } from './load-settings.ts'
import { settingsOptions } from './shared-options.ts'
import { expandRulePaths, readRuleFiles } from './rule-files.ts'
import type { Colors } from './terminal.ts'

function renderState(result: FileResult, colors: Colors): string {
  if (!result.ok) return colors.red('Invalid')
  return result.findings.length > 0 ? colors.yellow('Ok, with warnings') : colors.green('Ok')
}

/** What becomes of each configured list, in the order of the configuration. */
async function loadAllLists(
  { lists: configs, listCache }: Config['domains'],
  onTrouble: (message: string) => void,
): Promise<readonly NameListNews[]> {
  if (configs.length === 0) return []
  const { NameLists } = await import('../agent/name-lists.ts')
  const news = new Map<string, NameListNews>()
  const lists = new NameLists({
    use: () => {},
    tell: one => news.set(one.name, one),
    onTrouble,
    now: Date.now,
    cacheFolder: listCache,
    fetches: true,
    waitsForNewest: true,
  })
  lists.set(configs, false)
  await lists.ready()
  lists.close()
  return configs.flatMap(({ name }) => news.get(name) ?? [])
}

export const checkCommand: Command = {
  name: 'check',
  summary: 'validate rule files and list every finding',
  usage: 'PATH… [--json] [--strict]',
  operands: { min: 1, max: Number.MAX_SAFE_INTEGER, name: 'rule file' },
  options: [
    { name: 'json', doc: 'print Falco’s result object (falco_load_results) instead' },
    { name: 'strict', doc: 'reject what Falco 0.44 would reject only at run time: operators on domain fields' },
    ...settingsOptions,
    { name: 'describe-all', doc: 'describe the rules, too, as `falco -V FILE -L` does', hidden: true },
    { name: 'describe-rule', value: 'NAME', doc: 'describe this rule, too', hidden: true },
    { name: 'verbose', doc: 'accepted; everything is shown anyway', hidden: true },
    { name: 'quiet', short: 'q', doc: 'no warnings about the configuration', hidden: true },
  ],
  doc: [
    'PATHs are rule files, or directories of .yaml files. They are loaded in this order into one set, and each may only refer to those before it, as in Falco: a macro must be defined before the file that uses it, or in it. All findings in all files are shown, with their codes (docs/errors.md).',
  ],
  examples: [
    { command: 'tiercel check my_rules.yaml', doc: 'one file' },
    { command: 'tiercel check falco_rules.yaml my_rules.yaml', doc: 'a file that builds on another' },
    {
      command: "tiercel check --json rules/ | jq '.falco_load_results[] | select(.successful | not)'",
      doc: 'for scripts',
    },
  ],
  exitCodes: ['all files are valid, perhaps with warnings', 'a file is invalid or cannot be read'],
  run: async (args, terminal) => {
    const config = loadSettings(args, terminal)
    const files = readRuleFiles(expandRulePaths(args.operands))
    const { rules, fields } = loadRules(files, {
      ...config,
      domains: { ...config.domains, strict: args.has('strict') || config.domains.strict },
    })
    const { results, compiled } = rules
    const lists = await loadAllLists(config.domains, text =>
      terminal.err(`${terminal.errColors.yellow('tiercel:')} ${text}\n`),
    )
    const isOk = results.every(r => r.ok) && lists.every(news => news.kind === 'loaded')
    let description: RulesDescription | undefined
    if (isOk && (args.has('describe-all') || args.has('describe-rule'))) {
      description = describe(compiled, fields, args.value('describe-rule'))
    }
    if (args.has('json') || config.jsonOutput) {
      const json = { ...(description && { falco_describe_results: description }), ...loadResultsJson(results) }
      terminal.out(`${jsonText(json)}\n`)
      return isOk ? 0 : 1
    }
    const colors = terminal.outColors
    for (const result of results) {
      terminal.out(`${colors.bold(result.path)}: ${renderState(result, colors)}\n`)
      const findings = renderFindings(result, colors.isColorSupported)
      if (findings !== '') terminal.out(`\n${findings}`)
    }
    for (const news of lists) {
      const isGood = news.kind === 'loaded' && !isListWorthWarning(news)
      const isUsed = rules.plan?.nameLists.includes(news.name) !== false
      const text = `${nameListText(news)}${isUsed ? '' : '; no rule uses it'}`
      terminal.out(`${isGood && isUsed ? text : news.kind === 'loaded' ? colors.yellow(text) : colors.red(text)}\n`)
      if (news.kind === 'loaded') for (const line of refusedLines(news)) terminal.out(`  ${line}\n`)
    }
    if (description !== undefined) terminal.out(`\n${renderDescription(description).trimEnd()}\n`)
    return isOk ? 0 : 1
  },
}
