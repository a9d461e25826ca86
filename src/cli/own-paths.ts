import { statSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/* Where what comes with Tiercel lies, as somebody in the working directory would type it. */

/** A file or folder of Tiercel's, from its root; relative if it lies below the working directory. */
export function ownPath(name: string): string {
  const path = fileURLToPath(new URL(`../../${name}`, import.meta.url))
  const near = relative(process.cwd(), path)
  return near !== '' && !near.startsWith('..') ? near : path
}

/** How this program is started from here: by its name if PATH leads to it, else by its path. */
export function ownCommand(searchPath: string = process.env['PATH'] ?? ''): string {
  const path = ownPath('bin/tiercel')
  const own = statSync(path, { throwIfNoEntry: false })
  for (const folder of searchPath.split(delimiter)) {
    const found = statSync(join(folder, 'tiercel'), { throwIfNoEntry: false })
    if (found !== undefined && found.ino === own?.ino && found.dev === own.dev) return 'tiercel'
  }
  return path.startsWith('/') ? path : `./${path}`
}
