import { closeSync, openSync, writeSync } from 'node:fs'
import { allEvents, wantedEvents } from '../agent/base-syscalls.ts'
import { CaptureRecorder } from '../agent/record-capture.ts'
import { NameIndex } from '../domains/name-index.ts'
import type { Command } from './command.ts'
import { CommandError, UsageError } from './command-error.ts'
import { parseFilter, positiveOption, readEvents, stopSignal } from './event-input.ts'
import { requireReadableFile } from './input-file.ts'
import type { Arguments } from './parse-arguments.ts'
import { openProgressLine, shortCount } from './progress-line.ts'

const SNAPLEN = 80

/** All that `args` say of which events are taken, as one condition; '' for all. */
function conditionOf(args: Arguments): string {
  const parts = args.operands.slice(1).map(text => `(${text})`)
  const pid = args.value('process')
  if (pid !== undefined) {
    if (!/^\d{1,10}$/.test(pid)) throw new UsageError(`\`--process\` needs a process id, not \`${pid}\``)
    parts.push(`(proc.pid = ${pid} or proc.apid = ${pid})`)
  }
  const container = args.value('container')
  if (container !== undefined) {
    if (!/^[0-9A-Za-z_.-]+$/.test(container)) throw new UsageError(`\`--container\` needs an id or a name`)
    const short = container.slice(0, 12)
    parts.push(`(container.id = ${short} or container.name = ${container})`)
  }
  return parts.join(' and ')
}

/** A file whose errors are told in plain words. */
function openFile(path: string): { write(bytes: Buffer): void; close(): void } {
  const told = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      throw new CommandError(`cannot write \`${path}\`: ${code === 'ENOSPC' ? 'the disk is full' : message}`)
    }
  }
  const fd = told(() => openSync(path, 'w', 0o600))
  return {
    write: bytes =>
      told(() => {
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
      }),
    close: () => closeSync(fd),
  }
}

export const recordCommand: Command = {
  name: 'record',
  summary: 'record what happens on this machine into a capture',
  usage: 'FILE [CONDITION] [-M SECONDS]',
  operands: { min: 1, max: 2, name: 'file to write' },
  options: [
    { name: 'from', value: 'CAPTURE', doc: 'take the events of a capture instead: filters it, splits it' },
    { name: 'process', value: 'PID', doc: 'only this process and its descendants' },
    { name: 'container', value: 'ID', doc: 'only this container, by id or name' },
    {
      name: 'exactly',
      doc: 'only what the condition takes; else also how processes began, what they ran, how they ended',
    },
    { name: 'duration', short: 'M', value: 'SECONDS', doc: 'stop after so many seconds' },
    { name: 'rotate-size', short: 'C', value: 'MB', doc: 'begin a new file after so many million bytes' },
    { name: 'rotate-seconds', short: 'G', value: 'SECONDS', doc: 'begin a new file after so many seconds of events' },
    { name: 'keep', short: 'W', value: 'COUNT', doc: 'with rotation: keep so many files, remove the oldest' },
    { name: 'no-gzip', doc: 'do not compress' },
    { name: 'no-io', doc: 'leave out calls that only read or write data' },
    {
      name: 'snaplen',
      short: 's',
      value: 'BYTES',
      doc: `how much of the data of an event is kept; default: ${SNAPLEN}`,
    },
    { name: 'quiet', short: 'q', doc: 'no progress, no summary' },
  ],
  doc: [
    'Writes a .scap file that `tiercel replay`, Falco, sysdig and Stratoshark read: first the processes, fds, users and interfaces that are there, then events. It is readable up to its last full piece if the recording is killed. The file is for its owner only: it may hold data of any program.',
    'With rotation files are named FILE-0001, FILE-0002, …; each begins with the world as it is then, so that each can be replayed alone.',
    'Needs the rights of `tiercel run`, unless it takes the events of a capture.',
  ],
  examples: [
    { command: 'sudo tiercel record all.scap -M 60', doc: 'everything for a minute' },
    { command: 'sudo tiercel record nginx.scap --process "$(pidof -s nginx)"', doc: 'a process and its descendants' },
    { command: 'sudo tiercel record ring.scap -C 100 -W 5', doc: 'the last 500 MB' },
    { command: "tiercel record net.scap 'evt.type in (connect, accept4)' --from all.scap", doc: 'a part of a capture' },
  ],
  exitCodes: ['it was recorded, or you stopped it', 'events cannot be had, were lost, or the file cannot be written'],
  run: async (args, terminal) => {
    const path = args.operands[0]!
    const from = args.value('from')
    if (from !== undefined) requireReadableFile(from, 'capture')
    const condition = conditionOf(args)
    const filter = condition === '' ? undefined : parseFilter(condition, new NameIndex(), terminal)
    const seconds = positiveOption(args.value('duration'), '--duration')
    const maxMb = positiveOption(args.value('rotate-size'), '--rotate-size')
    const rotateSeconds = positiveOption(args.value('rotate-seconds'), '--rotate-seconds')
    const keep = positiveOption(args.value('keep'), '--keep')
    if (keep !== undefined && maxMb === undefined && rotateSeconds === undefined) {
      throw new UsageError('`--keep` needs `--rotate-size` or `--rotate-seconds`')
    }
    if (args.has('exactly') && filter === undefined) throw new UsageError('`--exactly` needs a condition')
    const recorder = new CaptureRecorder({
      path,
      gzip: !args.has('no-gzip'),
      open: openFile,
      ...(filter !== undefined && { filter }),
      ...(args.has('exactly') && { exactly: true }),
      ...(maxMb !== undefined && { maxBytes: Math.ceil(maxMb * 1e6) }),
      ...(rotateSeconds !== undefined && { maxDurationNs: BigInt(Math.round(rotateSeconds * 1e9)) }),
      ...(keep !== undefined && { maxFiles: Math.ceil(keep) }),
    })
    const wantsIo = !args.has('no-io') && filter === undefined
    const base = { customSet: [], repair: false, all: !args.has('no-io') }
    const wanted = wantsIo ? allEvents() : wantedEvents(filter === undefined ? [] : [filter.rule], base)
    const { signal, release } = stopSignal(terminal, seconds)
    const isQuiet = args.has('quiet')
    const progress = openProgressLine(isQuiet ? { ...terminal, errIsTty: false } : terminal, 'recording')
    try {
      const failed = await readEvents(
        {
          files: from === undefined ? [] : [from],
          wanted: { ...wanted, observesNames: true },
          snaplen: positiveOption(args.value('snaplen'), '--snaplen') ?? SNAPLEN,
          signal,
          betweenPieces: () => {
            progress.update(0, 1, `${shortCount(recorder.events)} events, ${shortCount(recorder.bytes)}B`)
            return undefined
          },
        },
        recorder.sink,
        terminal,
      )
      recorder.end()
      progress.clear()
      if (!isQuiet) {
        const where = recorder.files.length === 1 ? recorder.files[0]! : `${recorder.files.length} files`
        terminal.err(`${recorder.events} events, ${shortCount(recorder.bytes)}B in ${where}\n`)
      }
      return failed ? 1 : 0
    } finally {
      progress.clear()
      release()
    }
  },
}
