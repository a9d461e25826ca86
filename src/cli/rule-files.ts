import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { RulesFileInput } from '../rules/compile-rules.ts'
import { decodeYaml } from '../rules/yaml/decode-text.ts'
import { CommandError } from './command-error.ts'
import { inputPath, requireReadableFile, statIfReachable, unreadable } from './input-file.ts'
import { ownPath } from './own-paths.ts'

/** In place of a path: the rules that come with Tiercel. To Falco it is a file that does not exist, which it skips. */
const DEFAULT_RULES = 'default'
/** A list of a million names is 25 MB. */
const MOST_BYTES = 128 * 2 ** 20
const PART_BYTES = 2 ** 16

/** The rules that come with Tiercel, as a path that reads well in messages. */
export function defaultRulesFolder(): string {
  return ownPath('rules')
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

/** The bytes of a file, or of a pipe to its end. Throws a `CommandError` where there is no end in sight, as of /dev/zero. */
function readWhole(path: string): Buffer {
  const parts: Buffer[] = []
  let total = 0
  const fd = openSync(inputPath(path), 'r')
  try {
    for (;;) {
      const part = Buffer.allocUnsafe(PART_BYTES)
      const size = readSync(fd, part)
      if (size === 0) return Buffer.concat(parts)
      total += size
      if (total > MOST_BYTES) {
        const help = 'long lists of names have a place of their own: `domains.lists` (docs/name-lists.md)'
        throw new CommandError(`the rule file \`${path}\` is larger than ${MOST_BYTES / 2 ** 20} MiB`, help)
      }
      parts.push(part.subarray(0, size))
    }
  } finally {
    closeSync(fd)
  }
}

/** The text of each file. Throws a `CommandError` for one that cannot be read. */
export function readRuleFiles(paths: readonly string[]): readonly (RulesFileInput & { readonly text: string })[] {
  return paths.map(path => {
    try {
      return { path, text: decodeYaml(readWhole(path)) }
    } catch (error) {
      if (error instanceof CommandError) throw error
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
