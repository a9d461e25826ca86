import { statSync } from 'node:fs'
import type { LiveSetup } from '../agent/run.ts'
import { inputPath } from './input-file.ts'
import { loadRuleSet } from './load-rule-set.ts'
import { loadSettingsAndFiles } from './load-settings.ts'
import type { Arguments } from './parse-arguments.ts'
import type { Terminal } from './terminal.ts'

/**
 * Configuration and rules as `args` and the files say now; findings go to standard error. Throws a `CommandError` when one is an error.
 */
export function loadLiveSetup(args: Arguments, terminal: Terminal): LiveSetup {
  const json = args.has('json') ? ['json_output=true'] : []
  const strict = args.has('strict') ? ['domains.strict=true'] : []
  const { config, files, folders } = loadSettingsAndFiles(args, terminal, [...json, ...strict])
  const { plan, paths } = loadRuleSet(args, config, terminal)
  const ruleFolders = [...args.values('rules'), ...config.rulesFiles].filter(isFolder)
  return { config, plan, configFiles: files, ruleFiles: paths, folders: [...folders, ...ruleFolders] }
}

function isFolder(path: string): boolean {
  return statSync(inputPath(path), { throwIfNoEntry: false })?.isDirectory() === true
}
