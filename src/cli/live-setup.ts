import type { Config } from '../agent/config.ts'
import type { LiveSetup } from '../agent/run.ts'
import { inputPath, statIfReachable } from './input-file.ts'
import { loadRuleSet } from './load-rule-set.ts'
import { loadSettingsAndFiles } from './load-settings.ts'
import type { Arguments } from './parse-arguments.ts'
import type { Terminal } from './terminal.ts'

/**
 * Configuration and rules as `args` and the files say now; findings go to standard error. Throws a `CommandError` when one is an error.
 * `onConfig` gets the configuration before the rules are compiled.
 */
export function loadLiveSetup(
  args: Arguments,
  terminal: Terminal,
  onConfig: (config: Config) => void = () => {},
): LiveSetup {
  const json = args.has('json') ? ['json_output=true'] : []
  const strict = args.has('strict') ? ['domains.strict=true'] : []
  const { config, files, folders } = loadSettingsAndFiles(args, terminal, [...json, ...strict])
  onConfig(config)
  const { plan, paths } = loadRuleSet(args, config, terminal)
  const ruleFolders = [...args.values('rules'), ...config.rulesFiles].filter(isFolder)
  return { config, plan, configFiles: files, ruleFiles: paths, folders: [...folders, ...ruleFolders] }
}

function isFolder(path: string): boolean {
  return statIfReachable(inputPath(path))?.isDirectory() === true
}
