import { renderJsonValue } from '../outputs/json-text.ts'
import { fieldLookup } from '../fields/catalogue.ts'
import { compileFormat } from '../agent/event-filter.ts'
import { OWN_BASE, spellsFrequent, wantedEvents } from '../agent/base-syscalls.ts'
import { CommandError } from './command-error.ts'
import { requireReadableFile } from './input-file.ts'
import type { Command } from './command.ts'
import {
  parseFilter,
  positiveOption,
  readEvents,
  splitOperands,
  stopSignal,
  wrongText,
  openView,
  watchingText,
} from './event-input.ts'
import { countOptions, DEFAULT_FORMAT, formatOf, goneFlags, maxEventsOf, readOption } from './sysdig-flags.ts'

/** What waits for standard output is written when it has so many characters, or when a piece of the input is done. */
const CHUNK = 64 * 1024
const SNAPLEN = 80

export const traceCommand: Command = {
  name: 'trace',
  summary: 'print events that match a condition, live or from a capture',
  usage: "'CONDITION' [CAPTURE…] [-p FORMAT]",
  operands: { min: 0, max: Number.MAX_SAFE_INTEGER, name: 'operand' },
  options: [
    { name: 'format', short: 'p', value: 'FORMAT', doc: `how an event is printed; default: '${DEFAULT_FORMAT}'` },
    readOption,
    { name: 'json', doc: 'print the fields of the format as one JSON object per line' },
    { name: 'max-events', short: 'n', value: 'COUNT', doc: 'stop after COUNT events' },
    ...countOptions,
    { name: 'duration', short: 'M', value: 'SECONDS', doc: 'stop after SECONDS' },
    { name: 'bindings', value: 'FILE', doc: 'names of addresses (NDJSON)' },
    {
      name: 'all',
      doc: 'live: include very frequent calls (read, write) even if the condition does not name them',
    },
    { name: 'snaplen', value: 'BYTES', doc: `live: bytes of data to keep of each event; default: ${SNAPLEN}` },
  ],
  gone: goneFlags,
  doc: [
    'The condition is a rule condition, without macros; by default every event is printed. FORMAT is like a rule’s output. As in sysdig, events that lack one of its fields are left out unless it begins with `*`, which prints <NA> for them; -pc adds containers to the default format, -pk pods.',
    'Without a capture the events of this machine are printed as they happen; that needs the privileges of `tiercel run`.',
  ],
  examples: [
    { command: "sudo tiercel trace 'evt.type = connect' -p '%proc.name %fd.name'", doc: 'who connects where' },
    { command: "tiercel trace 'proc.name = nginx' capture.scap", doc: 'what a program did' },
    { command: "tiercel trace capture.scap -p '%evt.type' | sort | uniq -c", doc: 'what is in a capture' },
  ],
  exitCodes: ['printed to the end, or stopped by you', 'the condition is wrong, or events are not available'],
  run: async (args, terminal) => {
    const { condition, files } = splitOperands(args.operands, args.values('read'))
    const bindings = args.value('bindings')
    if (bindings !== undefined) requireReadableFile(bindings, 'bindings file')
    const view = await openView(terminal, bindings)
    const filter = parseFilter(condition, view.names, terminal)
    const wording = formatOf(args.value('format'))
    if (wording.trim() === '') throw new CommandError('the format is empty', `the default is '${DEFAULT_FORMAT}'`)
    const result = compileFormat(wording, fieldLookup)
    if (!result.ok) throw wrongText(result.findings, 'format', terminal)
    const { format } = result
    const takesAll = wording.startsWith('*')
    const maxEvents = positiveOption(maxEventsOf(args), '--max-events') ?? Number.POSITIVE_INFINITY
    const seconds = positiveOption(args.value('duration'), '--duration')
    const snaplen = positiveOption(args.value('snaplen'), '--snaplen') ?? SNAPLEN
    const { signal, release } = stopSignal(terminal, seconds)
    const isJson = args.has('json')
    let text = ''
    let count = 0
    const sink = view.sink(current => {
      if (!filter.matches(current)) return true
      const { text: line, fields } = format(current)
      if (!takesAll && fields.some(([, value]) => value === null)) return true
      text += isJson
        ? `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${renderJsonValue(value)}`).join(',')}}\n`
        : `${line}\n`
      if (text.length > CHUNK) {
        terminal.out(text)
        text = ''
      }
      return ++count < maxEvents && !signal.aborted
    })
    let isTold = files.length > 0 || !terminal.errIsTty
    const flush = (): Promise<void> | undefined => {
      if (!isTold) terminal.err(`${watchingText(seconds)}\n`)
      isTold = true
      if (text === '') return undefined
      terminal.out(text)
      text = ''
      return terminal.flush()
    }
    const base = { ...OWN_BASE, all: args.has('all') || spellsFrequent(filter.rule) }
    const wanted = { ...wantedEvents([filter.rule], base), observesNames: true }
    try {
      const failed = await readEvents({ files, wanted, snaplen, signal, betweenPieces: flush }, sink, terminal)
      await flush()
      return failed ? 1 : 0
    } finally {
      release()
    }
  },
}
