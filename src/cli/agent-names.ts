/** What the agent of this machine saved of the names that it knows, for commands that have nothing else to go by. */
import { accessSync, closeSync, constants, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import type { Config } from '../agent/config.ts'
import { bootId, SERVICE_STATE } from '../agent/name-store.ts'
import { messageOf } from '../diagnostics/message-of.ts'
import { parseSavedFrame } from '../domains/saved-names.ts'
import { procRoot } from '../events/live/proc-root.ts'
import { startOfProcess } from '../events/live/proc-stat.ts'
import { printable } from '../values/socket-text.ts'
import { CommandError } from './command-error.ts'
import type { Terminal } from './terminal.ts'

export interface AgentNames {
  /** Of a file that is read like bindings. */
  readonly path: string
  readonly savedMs: number
  /** Programs by process id, of processes that saw something and are still there. */
  readonly processes: ReadonlyMap<number, string>
}

/** The last line of thousands of processes. */
const MAX_FRAME_BYTES = 1024 * 1024

/**
 * The file in which the agent of this machine keeps its names. How old it is is told: an agent at work may know more. Throws a
 * `CommandError` that says what else can be done where there is none.
 */
export function savedByAgent({ stateFile, saveIntervalMs }: Config['domains'], terminal: Terminal): AgentNames {
  const path = stateFile === '' ? SERVICE_STATE : stateFile
  let frame: ReturnType<typeof readFrame>
  try {
    accessSync(path, constants.R_OK)
    frame = readFrame(path)
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code !== 'ENOENT'
    throw new CommandError(
      `what the agent knows is not known: \`${path}\` ${isThere ? `cannot be read: ${messageOf(error)}` : 'is not there'}`,
      'a running agent keeps its names where `domains.state_file` says (`-c`); or give a capture, or watch with `--for 30s`, as root',
    )
  }
  const savedMs = frame?.savedMs ?? statSync(path).mtimeMs
  const ageSec = Math.max(0, Math.round((Date.now() - savedMs) / 1000))
  terminal.err(`names as the agent saved them ${ageSec} s ago (${path}); it saves every ${saveIntervalMs / 1000} s\n`)
  const processes = new Map<number, string>()
  if (frame?.bootId === bootId()) {
    for (const [pid, start] of frame.starts) {
      const name = startOfProcess(pid) === start ? programOf(pid) : undefined
      if (name !== undefined) processes.set(pid, name)
    }
  }
  return { path, savedMs, processes }
}

/** The first and the last line; what is between may be long. */
function readFrame(path: string): ReturnType<typeof parseSavedFrame> {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const read = (at: number, length: number): string => {
      const bytes = Buffer.alloc(length)
      return bytes.toString('utf8', 0, readSync(file, bytes, 0, length, at))
    }
    const first = read(0, Math.min(size, 4096))
    const last = read(Math.max(0, size - MAX_FRAME_BYTES), Math.min(size, MAX_FRAME_BYTES)).trimEnd()
    return parseSavedFrame(first.slice(0, first.indexOf('\n') + 1), last.slice(last.lastIndexOf('\n') + 1))
  } finally {
    closeSync(file)
  }
}

function programOf(pid: number): string | undefined {
  try {
    return printable(readFileSync(`${procRoot()}/${pid}/comm`, 'utf8').trimEnd())
  } catch {
    return undefined
  }
}
