import { fieldLookup } from '../fields/catalogue.ts'
import { compileFilter, type EventFilter } from '../agent/event-filter.ts'
import type { LiveModule, LiveWanted } from '../agent/live-source.ts'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { renderDiagnostic } from '../diagnostics/render.ts'
import type { NameIndex } from '../domains/name-index.ts'
import { openSource } from '../events/open-source.ts'
import type { SourceSink } from '../events/source.ts'
import { CommandError, UsageError } from './command-error.ts'
import { inputPath, requireReadableFile } from './input-file.ts'
import { liveSource } from './live-source.ts'
import { reportSource } from './source-report.ts'
import type { Terminal } from './terminal.ts'

/** Where a command takes its events from, and when it stops. */
export interface EventInput {
  /** Captures; without any, this machine, live. */
  readonly files: readonly string[]
  readonly wanted: LiveWanted
  /** Bytes of data per event. */
  readonly snaplen: number
  readonly signal: AbortSignal
  readonly betweenPieces?: () => Promise<void> | undefined
}

const RING_BYTES = 16 * 1024 * 1024

/** Tells `sink` all events of the input; whether a file was not all right. Throws a `CommandError` for what cannot be had. */
export async function readEvents(input: EventInput, sink: SourceSink, terminal: Terminal): Promise<boolean> {
  const { files, signal, betweenPieces } = input
  if (files.length === 0) return readLive(input, sink, terminal)
  let failed = false
  for (const [i, path] of files.entries()) {
    if (signal.aborted) break
    if (i > 0) sink.reset?.()
    const source = await openSource(inputPath(path))
    const options = { signal, ...(betweenPieces !== undefined && { betweenChunks: betweenPieces }) }
    if (reportSource(path, await source.read(sink, options), terminal)) failed = true
  }
  return failed
}

async function readLive(input: EventInput, sink: SourceSink, terminal: Terminal): Promise<boolean> {
  const module = (await import(liveSource())) as LiveModule
  const { pumpLive } = await import('../agent/pump-live.ts')
  try {
    const { lost } = await pumpLive(module, sink, { ...input, ringBytes: RING_BYTES })
    if (lost > 0) terminal.err(`${terminal.errColors.red('tiercel:')} ${lost} events were lost: the ring was full\n`)
    return lost > 0
  } catch (error) {
    if (!(error instanceof Error) || !('help' in error)) throw error
    throw new CommandError(error.message, typeof error.help === 'string' && error.help !== '' ? error.help : undefined)
  }
}

/** Aborted by SIGINT, SIGTERM, the end of standard output's reader, and after `seconds`; `release` takes the handlers away. */
export function stopSignal(
  terminal: Terminal,
  seconds: number | undefined,
): { readonly signal: AbortSignal; readonly release: () => void } {
  const stop = new AbortController()
  const abort = (): void => stop.abort()
  process.once('SIGINT', abort)
  process.once('SIGTERM', abort)
  terminal.outClosed.addEventListener('abort', abort)
  const timer = seconds === undefined ? undefined : setTimeout(abort, seconds * 1000)
  return {
    signal: stop.signal,
    release: () => {
      clearTimeout(timer)
      process.off('SIGINT', abort)
      process.off('SIGTERM', abort)
    },
  }
}

/** The condition that an operand says. Throws a `CommandError` after its findings were shown. */
export function parseFilter(text: string, names: NameIndex, terminal: Terminal): EventFilter {
  const result = compileFilter(text, { fields: fieldLookup, names })
  if (result.ok) return result.filter
  throw wrongText(result.findings, 'condition', terminal)
}

/** Shows the findings and gives what to throw. */
export function wrongText(findings: readonly Diagnostic[], what: string, terminal: Terminal): CommandError {
  for (const finding of findings)
    terminal.err(`${renderDiagnostic(finding, { color: terminal.errColors.isColorSupported })}\n`)
  return new CommandError(`the ${what} is wrong`, '`tiercel fields` lists the fields')
}

/** Operands: a condition (one word that is no file), then captures. */
export function splitOperands(operands: readonly string[]): { readonly condition: string; readonly files: string[] } {
  const [first, ...rest] = operands
  const condition = first !== undefined && !looksLikeFile(first) ? first : ''
  const files = condition === '' && first !== '' ? [...operands] : rest
  for (const file of files) requireReadableFile(file, 'capture')
  return { condition, files }
}

/** A condition has blanks or operators in it; a path has neither, or ends as captures do. */
function looksLikeFile(word: string): boolean {
  return word === '-' || /\.(scap|gz|ndjson|json)$/i.test(word) || (word.includes('/') && !/[\s=<>()]/.test(word))
}

/** A number above 0 for the option `name`, if it is given. */
export function positiveOption(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new UsageError(`\`${name}\` needs a number above 0, not \`${text}\``)
}
