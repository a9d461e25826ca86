/**
 * The command line. Every command is a module of its own, loaded only when it is asked for, so that a start costs what the command
 * needs. `bin/tiercel` names a cache for compiled code (NODE_COMPILE_CACHE), which halves the time that loading takes; this file must be
 * in it too, else Node loads its TypeScript stripper first (35 ms).
 */
import { runCommandLine } from './command-line.ts'

// Programs that an output starts have no business in our cache.
delete process.env['NODE_COMPILE_CACHE']

// V8 optimizes what was called 400 times. A start calls much of the rule compiler so often and never again: that work is a seventh of its
// processor time, and 15 MB. The event path is past 4,000 calls in no time. Here and not in bin/tiercel, because a Node that does not know
// an option ends at once.
if (process.versions.node.startsWith('24.')) {
  process.getBuiltinModule('node:v8').setFlagsFromString('--invocation-count-for-maglev=4000')
}

const code = await runCommandLine(process.argv.slice(2))
// That output was lost is known by then, or later.
if (code !== 0) process.exitCode = code
