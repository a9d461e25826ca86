import { allEvents, OWN_BASE, wantedEvents } from '../agent/base-syscalls.ts'
import type { Config } from '../agent/config.ts'
import { CaptureRecorder } from '../agent/record-capture.ts'
import { RecordedFiles } from '../agent/recorded-files.ts'
import { openRecordedNames, type RecordedNames } from '../agent/recorded-names.ts'
import { NameIndex } from '../domains/name-index.ts'
import { counted } from '../values/counted.ts'
import type { SourceSink } from '../events/source.ts'
import type { Command } from './command.ts'
import { UsageError } from './command-error.ts'
import {
  allOf,
  isNoCondition,
  parseFilter,
  positiveOption,
  processCondition,
  processOption,
  readEvents,
  scopeCondition,
  scopeOptions,
  stopSignal,
} from './event-input.ts'
import { isSameFile, requireReadableFile } from './input-file.ts'
import { loadRuleSet } from './load-rule-set.ts'
import { loadSettings } from './load-settings.ts'
import { openOutputFile, type OutputFile } from './output-file.ts'
import { settingsOptions } from './shared-options.ts'
import { NameWarnings } from './name-warnings.ts'
import { longListsText } from './news-text.ts'
import type { Arguments } from './parse-arguments.ts'
import { openProgressLine, shortBytes, shortCount } from './progress-line.ts'
import type { Terminal } from './terminal.ts'

const SNAPLEN = 80
/** All of a busy machine comes, and disks take their time. */
const RING_BYTES = 64 * 1024 * 1024
/** Of a machine that goes on meanwhile: a third of the work of zlib's own level, for files a quarter larger. */
const LIVE_GZIP_LEVEL = 2
/** What has gathered is written so often, so that a recording that is killed has lost no more. */
const FLUSH_MS = 1000

type Warn = (text: string) => void

/** What is known of names beside the events; with `--rules` their names are looked up. */
async function openNames(args: Arguments, config: Config, terminal: Terminal, warn: Warn): Promise<RecordedNames> {
  const warnings = new NameWarnings(warn)
  const names = await openRecordedNames({
    config,
    rules: args.values('rules').length === 0 ? undefined : loadRuleSet(args, config, terminal),
    onTrouble: warn,
    onWarning: warning => warnings.add(warning),
    onLongLists: sizes => warn(longListsText(sizes, config.domains.listLimit)),
  })
  warnings.flush()
  return names
}

/** The recorder's sink, before whose events it is told what is known of names by then. */
function sinkWithNames(recorder: CaptureRecorder, names: RecordedNames, files: RecordedFiles): SourceSink {
  let hasBegun = false
  return {
    ...recorder.sink,
    event: record => {
      const news = names.take()
      if (!hasBegun || news.length > 0) recorder.tellNames(news, record.tsNs)
      hasBegun = true
      files.see(record)
      for (const own of files.take(record.tsNs)) recorder.sink.event(own)
      return recorder.sink.event(record)
    },
  }
}

export const recordCommand: Command = {
  name: 'record',
  summary: 'record the events of this machine to a capture file',
  usage: 'FILE [CONDITION] [-M SECONDS]',
  operands: { min: 1, max: Number.MAX_SAFE_INTEGER, name: 'file to write' },
  options: [
    { name: 'from', value: 'CAPTURE', doc: 'read events from a capture instead, to filter or split it' },
    ...scopeOptions,
    {
      name: 'exactly',
      doc: 'only events that match; by default also starts, execs and exits of processes',
    },
    { name: 'duration', short: 'M', value: 'SECONDS', doc: 'stop after SECONDS' },
    { name: 'rotate-size', short: 'C', value: 'MB', doc: 'start a new file every MB million bytes' },
    { name: 'rotate-seconds', short: 'G', value: 'SECONDS', doc: 'start a new file every SECONDS of event time' },
    { name: 'keep', short: 'W', value: 'COUNT', doc: 'with rotation: keep COUNT files, remove the oldest' },
    {
      name: 'rules',
      short: 'r',
      value: 'PATH',
      repeated: true,
      doc: 'look up the names in these rules, as `tiercel run` does, and record the answers',
    },
    ...settingsOptions,
    { name: 'no-gzip', doc: 'do not compress' },
    { name: 'no-io', doc: 'leave out read, write and similar calls' },
    {
      name: 'snaplen',
      short: 's',
      value: 'BYTES',
      doc: `bytes of data to keep of each event; default: ${SNAPLEN}`,
    },
    { name: 'quiet', short: 'q', doc: 'no progress, no summary' },
  ],
  doc: [
    'Writes a .scap file that `tiercel replay`, Falco, sysdig and Stratoshark read: first the existing processes, fds, users and interfaces, then events. Events are flushed every second, so a recording that is killed or fills the disk can be read up to there. An existing file is replaced once there are events. The file is readable by its owner only: it may hold data of any program.',
    'With rotation, files are named FILE-0001, FILE-0002, …; each begins with the state at that time, so each can be replayed alone.',
    'Known names are recorded, too, as events that Falco and sysdig ignore: the hosts file, names that an agent on this machine has saved (domains.state_file), and with --rules the answers for the names in these rules. Together with the DNS answers among the events, `tiercel replay` then needs no network.',
    'Needs the privileges of `tiercel run`, except with --from.',
  ],
  examples: [
    { command: 'sudo tiercel record all.scap -M 60', doc: 'everything for a minute' },
    { command: 'sudo tiercel record nginx.scap --process "$(pidof -s nginx)"', doc: 'a process and its descendants' },
    {
      command: 'sudo tiercel record names.scap -r my_rules.yaml',
      doc: 'for a replay with these rules: their names are looked up now',
    },
    { command: 'sudo tiercel record ring.scap -C 100 -W 5', doc: 'the last 500 MB' },
    { command: "tiercel record net.scap 'evt.type in (connect, accept4)' --from all.scap", doc: 'a part of a capture' },
  ],
  exitCodes: ['recorded, or stopped by you', 'events are not available or were lost, or the file cannot be written'],
  run: async (args, terminal) => {
    const path = args.operands[0]!
    const from = args.value('from')
    if (from !== undefined) {
      requireReadableFile(from, 'capture')
      if (isSameFile(path, from))
        throw new UsageError(`\`${path}\` is the capture that is read`, 'write into another file')
    }
    const words = args.operands.slice(1).join(' ')
    if (isNoCondition(words)) throw new UsageError(`\`${words}\` is no condition`, '`--from CAPTURE` reads a capture')
    const pid = processOption(args)
    const condition = allOf([scopeCondition(words, args, terminal), processCondition(pid)])
    const names = new NameIndex()
    const filter = condition === '' ? undefined : parseFilter(condition, names, terminal)
    const seconds = positiveOption(args.value('duration'), '--duration')
    const maxMb = positiveOption(args.value('rotate-size'), '--rotate-size')
    const rotateSeconds = positiveOption(args.value('rotate-seconds'), '--rotate-seconds')
    const keep = positiveOption(args.value('keep'), '--keep')
    if (keep !== undefined && maxMb === undefined && rotateSeconds === undefined) {
      throw new UsageError('`--keep` needs `--rotate-size` or `--rotate-seconds`')
    }
    if (args.has('exactly') && filter === undefined) throw new UsageError('`--exactly` needs a condition')
    const written: OutputFile[] = []
    const recorder = new CaptureRecorder({
      path,
      gzip: !args.has('no-gzip'),
      ...(from === undefined && { gzipLevel: LIVE_GZIP_LEVEL }),
      open: file => {
        // It may hold data of any program.
        const opened = openOutputFile(file, 0o600)
        written.push(opened)
        return opened
      },
      names,
      ...(filter !== undefined && { filter }),
      ...(args.has('exactly') && { exactly: true }),
      ...(maxMb !== undefined && { maxBytes: Math.ceil(maxMb * 1e6) }),
      ...(rotateSeconds !== undefined && { maxDurationNs: BigInt(Math.round(rotateSeconds * 1e9)) }),
      ...(keep !== undefined && { maxFiles: Math.ceil(keep) }),
    })
    const wantsIo = !args.has('no-io') && filter === undefined
    const base = { ...OWN_BASE, all: !args.has('no-io') }
    const wanted = wantsIo ? allEvents() : wantedEvents(filter === undefined ? [] : [filter.rule], base)
    const warn: Warn = text => {
      if (!args.has('quiet')) terminal.err(`${terminal.errColors.yellow('tiercel:')} ${text}\n`)
    }
    const config = from === undefined ? loadSettings(args, terminal) : undefined
    const known = config === undefined ? undefined : await openNames(args, config, terminal, warn)
    const files =
      config === undefined
        ? undefined
        : new RecordedFiles({ libraries: config.domains.getaddrinfo === 'false' ? 'none' : 'all', onTrouble: warn })
    const { signal, release } = stopSignal(terminal, seconds)
    const isQuiet = args.has('quiet')
    const progress = openProgressLine(isQuiet ? { ...terminal, errIsTty: false } : terminal, 'recording')
    let hasBegun = from !== undefined || isQuiet
    let flushedMs = performance.now()
    try {
      const failed = await readEvents(
        {
          files: from === undefined ? [] : [from],
          wanted: { ...wanted, observesNames: true },
          process: pid,
          ...(files !== undefined && { onSource: source => files.use(source) }),
          ringBytes: RING_BYTES,
          snaplen: positiveOption(args.value('snaplen'), '--snaplen') ?? SNAPLEN,
          signal,
          betweenPieces: () => {
            if (!hasBegun) terminal.err(`recording into ${path}; Ctrl-C ends it\n`)
            hasBegun = true
            progress.note(`${shortCount(recorder.events)} events, ${shortBytes(recorder.bytes)}`)
            if (performance.now() - flushedMs >= FLUSH_MS) {
              recorder.flush()
              flushedMs = performance.now()
            }
            return undefined
          },
        },
        known === undefined || files === undefined ? recorder.sink : sinkWithNames(recorder, known, files),
        terminal,
      )
      progress.clear()
      // What was there stays: what was wrong with the capture is said.
      if (failed && from !== undefined && recorder.events === 0) return 1
      recorder.end()
      if (!isQuiet) {
        const where = recorder.files.length === 1 ? recorder.files[0]! : `${recorder.files.length} files`
        terminal.err(`${counted(recorder.events, 'event')}, ${shortBytes(recorder.bytes)} in ${where}\n`)
      }
      return failed ? 1 : 0
    } finally {
      known?.stop()
      files?.close()
      progress.clear()
      for (const file of written) file.drop()
      release()
    }
  },
}
