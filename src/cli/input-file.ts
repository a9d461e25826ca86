import { accessSync, constants, fstatSync, readdirSync, type Stats, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { closestName } from '../diagnostics/closest-name.ts'
import { CommandError } from './command-error.ts'

/** `-` is standard input. */
export function inputPath(path: string): string {
  return path === '-' ? '/dev/stdin' : path
}

/** Throws a `CommandError` unless the file at `path` is there and may be read. `what` names it: `capture`, `rule file`. */
export function requireReadableFile(path: string, what: string): void {
  // A program that starts us may hand over a socket, which has no path to open it by.
  if (path === '-' && fstatSync(0).isSocket()) {
    throw new CommandError('standard input is a socket', `name a file, or use a pipe: \`cat FILE | tiercel …\``)
  }
  let isDirectory: boolean
  try {
    isDirectory = statSync(inputPath(path)).isDirectory()
  } catch (error) {
    throw unreadable(path, what, error)
  }
  if (isDirectory) throw new CommandError(`the ${what} \`${path}\` is a directory`, `name a file in it`)
  try {
    accessSync(inputPath(path), constants.R_OK)
  } catch (error) {
    throw unreadable(path, what, error)
  }
}

/** Whether both are there and are one file. */
export function isSameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map(statIfReachable)
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino && one.isFile()
}

/** Undefined for what is not there, and for what lies where nothing may be looked up. */
export function statIfReachable(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

/** What to tell when the file system refused `path`. */
export function unreadable(path: string, what: string, error: unknown): CommandError {
  const code = (error as NodeJS.ErrnoException).code
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new CommandError(`no such ${what}: \`${path}\``, nearestFile(path))
    case 'EACCES':
    case 'EPERM':
      return new CommandError(`no permission to read the ${what} \`${path}\``, 'run as its owner, or change its mode')
    default:
      return new CommandError(
        `the ${what} \`${path}\` cannot be read: ${error instanceof Error ? error.message : code}`,
      )
  }
}

function nearestFile(path: string): string | undefined {
  try {
    const near = closestName(basename(path), readdirSync(dirname(path)))
    return near === undefined
      ? undefined
      : `did you mean \`${path.slice(0, path.length - basename(path).length)}${near}\`?`
  } catch {
    return `no such directory: \`${dirname(path)}\``
  }
}
