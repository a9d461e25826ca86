import { CaptureWriter } from '../events/capture/write-capture.ts'
import { NdjsonWriter } from '../events/ndjson/write-ndjson.ts'
import { openSource } from '../events/open-source.ts'
import type { SourceSink } from '../events/source.ts'
import { counted } from '../values/counted.ts'
import type { Command } from './command.ts'
import { CommandError } from './command-error.ts'
import { inputPath, isSameFile, requireReadableFile } from './input-file.ts'
import { openOutputFile, type OutputFile } from './output-file.ts'
import { openProgressLine, shortCount } from './progress-line.ts'
import { reportSource } from './source-report.ts'
import type { Terminal } from './terminal.ts'

type Target = 'scap' | 'ndjson'

/** Where converted events go. `flush` is awaited between pieces of the input; `end` completes the file. */
interface Output {
  readonly sink: SourceSink & { readonly events: number }
  readonly flush: () => Promise<void> | undefined
  readonly end: () => Promise<void> | undefined
}

function targetOf(path: string, asked: string | undefined): Target {
  if (asked === 'scap' || asked === 'ndjson') return asked
  if (asked !== undefined) throw new CommandError(`unknown format \`${asked}\``, 'it is scap or ndjson')
  if (/\.(ndjson|jsonl|json)$/i.test(path) || path === '-') return 'ndjson'
  if (/\.scap(\.gz)?$/i.test(path)) return 'scap'
  throw new CommandError(
    `cannot tell the format from the name \`${path}\``,
    'use the extension .scap or .ndjson, or --to scap or --to ndjson',
  )
}

/** Lines for standard output are handed over between pieces, so that a slow reader slows the input and memory stays small. */
function openNdjsonStdout(terminal: Terminal): Output {
  let text = ''
  const flush = (): Promise<void> => {
    const part = text
    text = ''
    terminal.out(part)
    return terminal.flush()
  }
  return { sink: new NdjsonWriter(line => (text += line)), flush, end: flush }
}

function ndjsonInto(file: OutputFile): Output {
  let text = ''
  const flush = (): undefined => {
    const part = text
    text = ''
    if (part !== '') file.write(Buffer.from(part, 'utf8'))
  }
  return { sink: new NdjsonWriter(line => (text += line)), flush, end: flush }
}

function captureInto(file: OutputFile, gzip: boolean): Output {
  const sink = new CaptureWriter(bytes => file.write(bytes), { gzip })
  return { sink, flush: () => undefined, end: () => void sink.end() }
}

export const convertCommand: Command = {
  name: 'convert',
  summary: 'convert a capture to NDJSON events, or back',
  usage: 'INPUT OUTPUT [--to FORMAT] [--plain]',
  operands: { min: 2, max: 2, name: 'file (INPUT and OUTPUT)' },
  options: [
    { name: 'to', value: 'FORMAT', doc: 'scap or ndjson; default: by the extension of OUTPUT' },
    { name: 'plain', doc: 'write the capture without compression' },
    { name: 'quiet', short: 'q', doc: 'no summary' },
  ],
  doc: [
    'INPUT is a capture or NDJSON, detected by content. OUTPUT is overwritten; `-` is standard output, as NDJSON. Each line is one event (`type`, `ts`, `tid`, `args` by name) or one entry of the initial state of a capture, so test cases can be read and written by hand.',
  ],
  examples: [
    { command: 'tiercel convert capture.scap - | jq \'select(.type == "connect")\'', doc: 'look into a capture' },
    { command: 'tiercel convert events.ndjson events.scap', doc: 'a capture for sysdig, Falco or Stratoshark' },
    { command: 'tiercel convert old.scap new.scap', doc: 'old event versions in their current shape' },
  ],
  exitCodes: ['everything was converted', 'the input is damaged, or a file cannot be read or written'],
  run: async (args, terminal) => {
    const [input, output] = args.operands as readonly [string, string]
    const target = targetOf(output, args.value('to'))
    requireReadableFile(input, 'input')
    if (isSameFile(input, output)) throw new CommandError('INPUT and OUTPUT are the same file')
    if (output === '-' && target === 'scap')
      throw new CommandError('a capture cannot be written to standard output', 'name a file')
    const file = output === '-' ? undefined : openOutputFile(output, 0o666)
    const out =
      file === undefined
        ? openNdjsonStdout(terminal)
        : target === 'scap'
          ? captureInto(file, !args.has('plain'))
          : ndjsonInto(file)
    const progress = openProgressLine(terminal, input)
    const source = await openSource(inputPath(input))
    try {
      const summary = await source.read(out.sink, {
        signal: terminal.outClosed,
        onProgress: (done, total) => progress.update(done, total, `${shortCount(out.sink.events)} events`),
        betweenChunks: out.flush,
      })
      progress.clear()
      const failed = reportSource(input, summary, terminal)
      const { events } = out.sink
      if (failed && events === 0) return 1
      await out.end()
      if (!args.has('quiet') && file !== undefined) terminal.err(`${counted(events, 'event')} written to ${output}\n`)
      return failed ? 1 : 0
    } finally {
      progress.clear()
      file?.drop()
    }
  },
}
