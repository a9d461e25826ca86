/**
 * Events by name, as rules spell them. A system call without an event of its own arrives as the generic event `syscall` (codes 0 and 1)
 * with its number as a parameter; its name is then looked up here.
 */
import { readFileSync } from 'node:fs'
import type { EventLookup } from '../rules/field-lookup.ts'
import { eventTable } from './event-table.ts'

/** The generic event's codes: enter (old captures only) and exit. */
export const genericCodes: readonly number[] = [0, 1]

/** The category bit of events that a system call makes. */
const SYSCALL_BIT = 512

interface Syscalls {
  /** Names by PPM_SC code, which is the same on all machines; null where a code was never given. */
  readonly ppm: readonly (string | null)[]
  /** Names by the kernel's number; null where a machine has none. From 424 on all machines count alike. */
  readonly x86_64: readonly (string | null)[]
  readonly arm64: readonly (string | null)[]
}

// Facts of falcosecurity/libs (PPM_SC codes) and Linux (numbers); never edited by hand.
const syscalls: Syscalls = JSON.parse(
  readFileSync(new URL('./data/syscalls.json', import.meta.url), 'utf8'),
) as Syscalls

function isObsoleteCode(code: number): boolean {
  const info = eventTable[code]
  if (info === undefined || info.isOld || info.flags.has('unused')) return true
  // Enter events that are still made (open, connect, …) carry what the caller asked for, not what happened.
  return !info.isExit && (info.category & SYSCALL_BIT) !== 0
}

const obsolete: Uint8Array = Uint8Array.from(eventTable, info => (isObsoleteCode(info.code) ? 1 : 0))

function groupByName(): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>()
  for (const info of eventTable) {
    if (info.flags.has('unused')) continue
    const codes = groups.get(info.name)
    if (codes === undefined) groups.set(info.name, [info.code])
    else codes.push(info.code)
  }
  return groups
}

const codesByName: ReadonlyMap<string, readonly number[]> = groupByName()

// `unknown` (0) is no name that a rule may use.
const syscallNames: ReadonlySet<string> = new Set(
  [...syscalls.ppm.slice(1), ...syscalls.x86_64].filter(name => name !== null),
)

/** Codes of events by name, for the rule compiler. */
export const eventLookup: EventLookup = {
  codesOf: name => codesByName.get(name) ?? (syscallNames.has(name) ? genericCodes : undefined),
  count: eventTable.length,
  isObsolete: code => obsolete[code] !== 0,
  genericCodes,
  names: eventNames,
}

/** All names that `codesOf` knows: events, then system calls without an event of their own. For «did you mean». */
export function eventNames(): string[] {
  return [...codesByName.keys(), ...[...syscallNames].filter(name => !codesByName.has(name))]
}

/**
 * The name of the system call with PPM_SC code `ppmSc`. Codes newer than this table are looked up by `nativeId`, the kernel's number,
 * as x86-64 counts them. Undefined when neither is known.
 */
export function syscallName(ppmSc: number, nativeId?: number): string | undefined {
  return syscalls.ppm[ppmSc] ?? (nativeId === undefined ? undefined : (syscalls.x86_64[nativeId] ?? undefined))
}

/** The PPM_SC code of a system call; undefined for unknown names. */
export function syscallCode(name: string): number | undefined {
  const code = syscalls.ppm.indexOf(name)
  return code < 0 ? undefined : code
}

/** Names of system calls by the kernel's number on the machine, as Node calls it (`process.arch`); null where it has none. */
export function nativeSyscalls(arch: string): readonly (string | null)[] {
  if (arch === 'x64') return syscalls.x86_64
  return arch === 'arm64' ? syscalls.arm64 : []
}
