import { closestName } from '../diagnostics/closest-name.ts'
import { eventLookup } from '../events/event-lookup.ts'
import type { CompiledSet } from '../rules/compile-rules.ts'
import { describeRule, describeRules, renderDescription, type RulesDescription } from '../rules/describe-rules.ts'
import type { FieldLookup } from '../rules/field-lookup.ts'
import type { Command } from './command.ts'
import { jsonText } from './json-text.ts'
import { CommandError } from './command-error.ts'
import { loadRuleSet } from './load-rule-set.ts'
import { loadSettings } from './load-settings.ts'
import { rulesOption, settingsOptions } from './shared-options.ts'
import { Arguments } from './parse-arguments.ts'

/** All rules, or the one called `name`; throws a `CommandError` if there is none. */
export function describe(compiled: CompiledSet, fields: FieldLookup, name: string | undefined): RulesDescription {
  const options = { fields, events: eventLookup }
  const description = name === undefined ? describeRules(compiled, options) : describeRule(compiled, name, options)
  if (description !== undefined) return description
  const near = closestName(
    name!,
    compiled.rules.map(r => r.info.name),
  )
  throw new CommandError(`no such rule: \`${name}\``, near === undefined ? undefined : `did you mean \`${near}\`?`)
}

export const describeCommand: Command = {
  name: 'describe',
  summary: 'describe rules, macros and lists as compiled',
  usage: '[-r PATH…] [PATH…] [--rule NAME] [--json]',
  operands: { min: 0, max: Number.MAX_SAFE_INTEGER, name: 'rule file' },
  options: [
    rulesOption,
    { name: 'rule', short: 'l', value: 'NAME', doc: 'only this rule' },
    {
      name: 'json',
      doc: 'all details as Falco’s -L prints them: compiled conditions, fields, events, operators, what uses what',
    },
    ...settingsOptions,
    { name: 'quiet', short: 'q', doc: 'no warnings' },
  ],
  doc: [
    'Prints the name and description of each rule. Without a PATH, the rules of the configuration, or the default rules.',
  ],
  examples: [
    { command: 'tiercel describe', doc: 'what the default rules watch' },
    {
      command: "tiercel describe --json my_rules.yaml | jq -r '.rules[].details.condition_compiled'",
      doc: 'conditions with macros and lists expanded',
    },
  ],
  exitCodes: ['the rules were described', 'they do not load, or there is no such rule'],
  run: async (args, terminal) => {
    const config = loadSettings(args, terminal)
    const paths = [...args.values('rules'), ...args.operands]
    const values = new Map([...args.names()].map(name => [name, args.values(name)]))
    const { rules, fields } = loadRuleSet(new Arguments([], values.set('rules', paths)), config, terminal)
    const description = describe(rules.compiled, fields, args.value('rule'))
    const isJson = args.has('json') || config.jsonOutput
    terminal.out(isJson ? `${jsonText(description)}\n` : `${renderDescription(description).trimEnd()}\n`)
    return 0
  },
}
