import { writeFileSync } from 'node:fs'
import { CommandError } from './command-error.ts'
import { writeProblem } from './output-file.ts'

/** Writes this process's id to `path`, where there is one to write to. */
export function writePidfile(path: string | undefined): void {
  if (path === undefined) return
  try {
    writeFileSync(path, `${process.pid}\n`)
  } catch (error) {
    throw new CommandError(`cannot write the pid file \`${path}\`: ${writeProblem(error)}`)
  }
}
