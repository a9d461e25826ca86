import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RulesFileInput } from '../rules/compile-rules.ts'
import { decodeYaml } from '../rules/yaml/decode-text.ts'
import { CommandError } from './command-error.ts'
import { inputPath, requireReadableFile, statIfReachable, unreadable } from './input-file.ts'

/** In place of a path: the rules that come with Tiercel. To Falco it is a file that does not exist, which it skips. */
const DEFAULT_RULES = 'default'

/** The rules that come with Tiercel, as a path that reads well in messages. */
export function defaultRulesFolder(): string {
  const folder = fileURLToPath(new URL('../../rules', import.meta.url))
  const near = relative(process.cwd(), folder)
  return near !== '' && !near.startsWith('..') ? near : folder
}

/** The `.yaml` and `.yml` files directly in `folder`, in order of their paths. */
function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter(name => /\.ya?ml$/.test(name))
      .map(name => join(folder, name))
      .filter(path => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
      .sort()
  } catch (error) {
    throw unreadable(folder, 'rule directory', error)
  }
}

/**
 * Paths as given, each folder replaced by its rule files; an empty `rules.d` beside others is common. Throws a `CommandError` for what is
 * not there, and where no file is left.
 */
export function expandRulePaths(paths: readonly string[]): readonly string[] {
  const files = paths.flatMap(path => {
    const stat = statIfReachable(inputPath(path))
    if (stat === undefined && path === DEFAULT_RULES) return filesIn(defaultRulesFolder())
    if (stat?.isDirectory() === true) return filesIn(path)
    requireReadableFile(path, 'rule file')
    return [path]
  })
  if (files.length > 0) return files
  const folders = paths.map(path => `\`${path}\``).join(', ')
  throw new CommandError(`no rule files in ${folders}`, 'their names end in .yaml or .yml')
}

/** The text of each file. Throws a `CommandError` for one that cannot be read. */
export function readRuleFiles(paths: readonly string[]): readonly (RulesFileInput & { readonly text: string })[] {
  return paths.map(path => {
    try {
      return { path, text: decodeYaml(readFileSync(inputPath(path))) }
    } catch (error) {
      throw unreadable(path, 'rule file', error)
    }
  })
}

/**
 * Which rule files count: those of `-r`, else those of the configuration that exist (as Falco, one that does not is passed over), else
 * our own.
 */
export function chooseRulePaths(given: readonly string[], configured: readonly string[]): readonly string[] {
  if (given.length > 0) return expandRulePaths(given)
  const there = configured.filter(path => path === DEFAULT_RULES || existsSync(path))
  return expandRulePaths(there.length > 0 ? there : [DEFAULT_RULES])
}
