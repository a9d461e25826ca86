/**
 * The command line. Every command is a module of its own, loaded only when it is asked for, so that a start costs what the command
 * needs; compiled code is kept in a cache between starts. Standard output carries results alone, everything else goes to standard error.
 */
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A cache of compiled code in a place of the user's own: never in a folder that others may write. */
function compileCacheFolder(): string {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  if (import.meta.url.endsWith('.ts')) return join(root, '.cache', 'compiled')
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tiercel', 'compiled')
}

try {
  enableCompileCache(compileCacheFolder())
} catch {
  // Only the next start is slower.
}
const { runCommandLine } = await import('./command-line.ts')
process.exitCode = await runCommandLine(process.argv.slice(2))
