/**
 * The command line. Every command is a module of its own, loaded only when it is asked for, so that a start costs what the command
 * needs. `bin/tiercel` names a cache for compiled code (NODE_COMPILE_CACHE), which halves the time that loading takes; this file must be
 * in it too, else Node loads its TypeScript stripper first (35 ms).
 */
import { runCommandLine } from './command-line.ts'

// Programs that an output starts have no business in our cache.
delete process.env['NODE_COMPILE_CACHE']

const code = await runCommandLine(process.argv.slice(2))
// That output was lost is known by then, or later.
if (code !== 0) process.exitCode = code
