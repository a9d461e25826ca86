import { existsSync } from 'node:fs'
import { fieldLookup } from '../fields/catalogue.ts'
import { compileFilter, type EventFilter } from '../agent/event-filter.ts'
import { type EventView, openEventView } from '../agent/event-view.ts'
import type { Config } from '../agent/config.ts'
import type { ObserverSettings } from '../agent/make-observer.ts'
import type { LiveModule, LiveSource, LiveWanted } from '../agent/live-source.ts'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { renderDiagnostic } from '../diagnostics/render.ts'
import { NameIndex } from '../domains/name-index.ts'
import { renderSpan } from '../domains/explain-address.ts'
import { openSource } from '../events/open-source.ts'
import type { SourceSink } from '../events/source.ts'
import type { Plan } from '../rules/plan.ts'
import { CommandError, UsageError } from './command-error.ts'
import { inputPath, requireReadableFile } from './input-file.ts'
import { liveSource } from './live-source.ts'
import type { Arguments, OptionSpec } from './parse-arguments.ts'
import { reportNews } from './replay-news.ts'
import { prepareProbe } from './prepare-probe.ts'
import { reportSource } from './source-report.ts'
import { onStopSignals } from './stop-signals.ts'
import { counted } from '../values/counted.ts'
import type { Terminal } from './terminal.ts'

/** Names and state around events. What is wrong with the bindings file is told. */
export async function openView(terminal: Terminal, bindings?: string, observed?: ObserverSettings): Promise<EventView> {
  const view = await openEventView(bindings, observed)
  if (view.bindings !== undefined)
    reportNews({ kind: 'bindings', path: bindings ?? '', outcome: view.bindings }, terminal, false)
  return view
}

/** Gives the index the configured lists of names that the rules ask for. */
export async function openLists(
  { plan }: { readonly plan: Plan },
  names: NameIndex,
  config: Config,
  terminal: Terminal,
): Promise<void> {
  if (plan.nameLists.length === 0) return
  const { loadListsOnce } = await import('../agent/name-lists.ts')
  await loadListsOnce(names, config.domains, plan, news => void reportNews({ kind: 'list', news }, terminal, false))
}

/** Where a command takes its events from, and when it stops. */
export interface EventInput {
  /** Captures; without any, this machine, live. */
  readonly files: readonly string[]
  readonly wanted: LiveWanted
  /** Bytes of data per event. */
  readonly snaplen: number
  /** Live: room for events that wait, a power of two. */
  readonly ringBytes?: number
  readonly signal: AbortSignal
  readonly betweenPieces?: () => Promise<void> | undefined
  /** Live: a process that must be there. */
  readonly process?: number | undefined
  /** Live: told of the source once it is there. */
  readonly onSource?: (source: LiveSource) => void
}

const RING_BYTES = 16 * 1024 * 1024

/** Tells `sink` all events of the input; whether a file was not all right. Throws a `CommandError` for what cannot be had. */
export async function readEvents(input: EventInput, sink: SourceSink, terminal: Terminal): Promise<boolean> {
  const { files, signal, betweenPieces } = input
  if (files.length === 0) return readLive(input, sink, terminal)
  let failed = false
  let isOver = false
  const take: SourceSink = { ...sink, event: record => !(isOver = !sink.event(record)) }
  for (const [i, path] of files.entries()) {
    if (signal.aborted || isOver) break
    if (i > 0) sink.reset?.()
    const source = await openSource(inputPath(path))
    const options = { signal, ...(betweenPieces !== undefined && { betweenChunks: betweenPieces }) }
    if (reportSource(path, await source.read(take, options), terminal)) failed = true
  }
  return failed
}

async function readLive(input: EventInput, sink: SourceSink, terminal: Terminal): Promise<boolean> {
  prepareProbe()
  const onNotice = (text: string): void => terminal.err(`${terminal.errColors.yellow('tiercel:')} ${text}\n`)
  const module = (await import(liveSource())) as LiveModule
  const { pumpLive } = await import('../agent/pump-live.ts')
  const onSource = (source: LiveSource): void => {
    const pid = input.process
    if (pid !== undefined && !source.isAlive(pid)) throw new CommandError(`there is no process ${pid}`)
    input.onSource?.(source)
  }
  try {
    const { lost } = await pumpLive(module, sink, { ringBytes: RING_BYTES, ...input, onSource, onNotice })
    if (lost > 0)
      terminal.err(`${terminal.errColors.red('tiercel:')} ${counted(lost, 'event')} lost: the ring buffer was full\n`)
    return lost > 0
  } catch (error) {
    if (!(error instanceof Error) || !('help' in error)) throw error
    throw new CommandError(error.message, typeof error.help === 'string' && error.help !== '' ? error.help : undefined)
  }
}

/** What to say when live events begin to come. */
export function watchingText(seconds: number | undefined): string {
  return seconds === undefined ? 'watching until Ctrl-C' : `watching for ${renderSpan(seconds * 1000)}`
}

/** Aborted by SIGINT, SIGTERM, the end of standard output's reader, and after `seconds`; `release` takes the handlers away. */
export function stopSignal(
  terminal: Terminal,
  seconds: number | undefined,
): { readonly signal: AbortSignal; readonly release: () => void } {
  const stop = new AbortController()
  const abort = (): void => stop.abort()
  const release = onStopSignals(abort)
  terminal.outClosed.addEventListener('abort', abort)
  const timer = seconds === undefined ? undefined : setTimeout(abort, seconds * 1000)
  return {
    signal: stop.signal,
    release: () => {
      clearTimeout(timer)
      release()
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

/** Behind these comes a value, even if it looks like a path. */
const OPERATOR =
  /(?:^|[\s(])(?:[=<>]|[!<>=]=|in|contains|icontains|bcontains|startswith|bstartswith|endswith|glob|iglob|regex|pmatch|intersects)$|[=<>(,]$/

/**
 * Operands: captures and the condition, in any order. The condition may be several words, as a shell hands it over that nobody told
 * otherwise. `read`: captures that an option names.
 */
export function splitOperands(
  operands: readonly string[],
  read: readonly string[] = [],
): { readonly condition: string; readonly files: string[] } {
  const files = [...read]
  let condition = ''
  for (const word of operands) {
    if (!OPERATOR.test(condition) && looksLikeFile(word)) files.push(word)
    else condition += condition === '' ? word : ` ${word}`
  }
  if (isNoCondition(condition)) {
    files.push(condition)
    condition = ''
  }
  for (const file of files) requireReadableFile(file, 'capture')
  return { condition, files }
}

/** A condition has blanks or operators in it; a path has neither, or ends as captures do, or is there. */
function looksLikeFile(word: string): boolean {
  if (word === '-' || (/\.(scap|gz|ndjson|json)$/i.test(word) && !/[\s=<>()]/.test(word))) return true
  if (word === '') return false
  return (word.includes('/') && !/[\s=<>()]/.test(word)) || existsSync(word)
}

/** A word alone is no condition, as there are no macros here. Of a field the parser says what it lacks. */
export function isNoCondition(text: string): boolean {
  return /^[^\s=<>()]+$/.test(text) && fieldLookup.resolve(text).kind === 'unknown'
}

/** A number above 0 for the option `name`, if it is given. */
export function positiveOption(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new UsageError(`\`${name}\` needs a number above 0, not \`${text}\``)
}

/** Which events are taken, by process or container. */
export const scopeOptions: readonly OptionSpec[] = [
  { name: 'process', value: 'PID', doc: 'only this process and its descendants' },
  { name: 'container', value: 'ID', doc: 'only this container, by id, or by name in a capture that knows it' },
]

/** The process that `--process` names. */
export function processOption(args: Arguments): number | undefined {
  const pid = args.value('process')
  if (pid === undefined) return undefined
  if (!/^\d{1,10}$/.test(pid)) throw new UsageError(`\`--process\` needs a process id, not \`${pid}\``)
  return Number(pid)
}

/** What `--process` says; '' without it. */
export function processCondition(pid: number | undefined): string {
  return pid === undefined ? '' : `proc.pid = ${pid} or proc.apid = ${pid}`
}

/** What `--container` says; '' without it. */
function containerCondition(args: Arguments): string {
  const container = args.value('container')
  if (container === undefined) return ''
  if (!/^[0-9A-Za-z_.-]+$/.test(container)) throw new UsageError(`\`--container\` needs an id or a name`)
  return `container.id = ${container.slice(0, 12)} or container.name = ${container}`
}

/** One condition out of several, of which '' takes everything. */
export function allOf(conditions: readonly string[]): string {
  const parts = conditions.filter(part => part !== '')
  return parts.length > 1 ? parts.map(part => `(${part})`).join(' and ') : parts.join('')
}

/**
 * What the user's `condition` and `--container` say, as one condition; '' for all. Throws a `CommandError` after the findings of the condition
 * were shown, as it was typed.
 */
export function scopeCondition(condition: string, args: Arguments, terminal: Terminal): string {
  if (condition !== '') parseFilter(condition, new NameIndex(), terminal)
  return allOf([condition, containerCondition(args)])
}
