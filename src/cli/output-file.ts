/** A file that a command writes. What was there stays until there is something to write in its place. */
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, constants, rmSync, writeSync } from 'node:fs'
import { CommandError } from './command-error.ts'

export interface OutputFile {
  write(bytes: Buffer): void
  close(): void
  /** Closes it, if it is not closed; a file that is new and has nothing in it goes. */
  drop(): void
}

/** Opens the file, a new one with the permissions `mode`. It and the writes throw a `CommandError` in plain words. */
export function openOutputFile(path: string, mode: number): OutputFile {
  const isNew = !existsSync(path)
  const fd = told(path, () => openSync(path, constants.O_WRONLY | constants.O_CREAT, mode))
  const isRegular = fstatSync(fd).isFile()
  let isOpen = true
  let size = 0
  const close = (): void => {
    if (isOpen) closeSync(fd)
    isOpen = false
  }
  return {
    write: bytes => {
      if (size === 0 && isRegular) told(path, () => ftruncateSync(fd))
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
      } catch (error) {
        // Half a piece would make readers stumble over the end.
        if (isRegular) ftruncateSync(fd, size)
        throw plainError(path, error)
      }
      size += bytes.length
    },
    close,
    drop: () => {
      close()
      if (isNew && isRegular && size === 0) rmSync(path, { force: true })
    },
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the disk quota is exceeded'],
  ['EFBIG', 'the file size limit is reached'],
  ['EACCES', 'permission denied'],
  ['EROFS', 'the file system is read-only'],
  ['EISDIR', 'it is a directory'],
  ['ENOENT', 'no such directory'],
  ['ENOTDIR', 'no such directory'],
  ['ENAMETOOLONG', 'the name is too long'],
  ['EPIPE', 'the reader has closed the pipe'],
])

/** Why something could not be written, in plain words. */
export function writeProblem(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return REASONS.get(code) ?? message
}

function plainError(path: string, error: unknown): CommandError {
  const { code } = error as NodeJS.ErrnoException
  const help = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG' ? 'what it holds can be replayed' : undefined
  return new CommandError(`cannot write \`${path}\`: ${writeProblem(error)}`, help)
}

function told<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw plainError(path, error)
  }
}
