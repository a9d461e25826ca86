/** Looks for a file below a root file system that is not to be trusted, such as a container's. */
import { lstat, readlink } from 'node:fs/promises'

const MAX_LINKS = 40

export interface FoundFile {
  readonly path: string
  /** Device and inode. */
  readonly key: string
  /** Another one when the file is replaced or written. */
  readonly stamp: string
}

/** Where the file lies below `base`, whatever links there are on the way; undefined where there is no plain file, or no such socket. */
export async function findInRoot(
  base: string,
  path: string,
  kind: 'file' | 'socket' = 'file',
): Promise<FoundFile | undefined> {
  let left = path.split('/').filter(part => part !== '')
  let at: string[] = []
  let links = 0
  try {
    while (left.length > 0) {
      const part = left.shift()!
      if (part === '.') continue
      if (part === '..') {
        at.pop()
        continue
      }
      const full = `${base}/${[...at, part].join('/')}`
      const found = await lstat(full, { bigint: true })
      if (found.isSymbolicLink()) {
        if (++links > MAX_LINKS) return undefined
        const target = await readlink(full)
        if (target.startsWith('/')) at = []
        left = [...target.split('/').filter(one => one !== ''), ...left]
        continue
      }
      at.push(part)
      if (left.length > 0) continue
      if (!(kind === 'file' ? found.isFile() : found.isSocket())) return undefined
      const key = `${found.dev}:${found.ino}`
      return { path: full, key, stamp: `${key}:${found.size}:${found.mtimeNs}:${found.ctimeNs}` }
    }
  } catch {
    // It is not there, or may not be looked at.
  }
  return undefined
}
