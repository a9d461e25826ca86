import { OWN_BASE, wantedEvents } from '../agent/base-syscalls.ts'
import { TRAFFIC_CALLS, TrafficTable } from '../agent/traffic-table.ts'
import { requireReadableFile } from './input-file.ts'
import type { Command } from './command.ts'
import { UsageError } from './command-error.ts'
import {
  openView,
  parseFilter,
  positiveOption,
  readEvents,
  splitOperands,
  stopSignal,
  watchingText,
} from './event-input.ts'
import {
  arrangeRows,
  firstView,
  pressKey,
  renderStatus,
  renderTable,
  type SortKey,
  sortKeys,
  type TopView,
} from './render-top.ts'
import { readOption } from './sysdig-flags.ts'
import type { Terminal } from './terminal.ts'

const REDRAW_MS = 1_000
const ALTERNATE_SCREEN = '\u001b[?1049h\u001b[?25l'
const NORMAL_SCREEN = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_TO_END_OF_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
const ESCAPE = '\u001b'
const KEY_SEQUENCE = /\u001b(?:\[[0-9;]*|O)[A-Za-z~]/g
const INTERRUPT = '\u0003'
const BACKSPACE = '\u007f'

/** The table on a terminal, drawn again each second, with keys. */
class TopScreen {
  readonly #table: TrafficTable
  readonly #terminal: Terminal
  readonly #stop: () => void
  #view: TopView
  /** The filter being typed. */
  #typed: string | undefined
  #isPaused = false
  #lines: readonly string[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(table: TrafficTable, view: TopView, terminal: Terminal, stop: () => void) {
    this.#table = table
    this.#view = view
    this.#terminal = terminal
    this.#stop = stop
  }

  open(): void {
    this.#terminal.out(ALTERNATE_SCREEN)
    process.stdin.setRawMode(true)
    process.stdin.setEncoding('utf8')
    process.stdin.on('data', this.#onKeys)
    process.stdout.on('resize', this.#draw)
    this.#timer = setInterval(this.#draw, REDRAW_MS)
    this.#draw()
  }

  close(): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    process.stdin.off('data', this.#onKeys)
    process.stdout.off('resize', this.#draw)
    process.stdin.setRawMode(false)
    process.stdin.pause()
    this.#terminal.out(NORMAL_SCREEN)
  }

  readonly #onKeys = (keys: string | Buffer): void => {
    // Arrows and the like come as sequences, whose letters are no keys.
    const text = String(keys).replaceAll(KEY_SEQUENCE, '')
    for (const key of text) this.#onKey(key)
    this.#draw()
  }

  #onKey(key: string): void {
    if (key === INTERRUPT) this.#stop()
    else if (this.#typed !== undefined) this.#onTyped(key)
    else if (key === 'q') this.#stop()
    else if (key === '/') this.#typed = this.#view.filter
    else if (key === 'p') this.#isPaused = !this.#isPaused
    else if (key === 'c') this.#table.clear()
    else this.#view = pressKey(key, this.#view) ?? this.#view
  }

  #onTyped(key: string): void {
    const typed = this.#typed ?? ''
    if (key === '\r' || key === '\n') {
      this.#view = { ...this.#view, filter: typed }
      this.#typed = undefined
    } else if (key === ESCAPE) this.#typed = undefined
    else if (key === BACKSPACE || key === '\b') this.#typed = typed.slice(0, -1)
    else if (key >= ' ' && typed.length < 100) this.#typed = typed + key
  }

  readonly #draw = (): void => {
    const { columns = 80, rows = 24 } = process.stdout
    const { outColors: colors } = this.#terminal
    if (!this.#isPaused || this.#lines.length === 0) {
      const shown = arrangeRows(this.#table.rows, this.#view)
      this.#lines = renderTable(shown.slice(0, Math.max(0, rows - 2)), this.#view, columns, colors)
    }
    const state = { typed: this.#typed, isPaused: this.#isPaused, evicted: this.#table.evicted }
    const lines = [...this.#lines, colors.dim(renderStatus(this.#view, state, columns))]
    this.#terminal.out(HOME + lines.map(line => line + CLEAR_TO_END_OF_LINE).join('\r\n') + CLEAR_BELOW)
  }
}

export const topCommand: Command = {
  name: 'top',
  summary: 'show who talks to whom, by name, live or of a capture',
  usage: "['CONDITION'] [CAPTURE…]",
  operands: { min: 0, max: Number.MAX_SAFE_INTEGER, name: 'operand' },
  options: [
    { name: 'sort', value: 'KEY', doc: `sort by ${sortKeys.join(', ')}; default: bytes` },
    { name: 'lines', short: 'n', value: 'COUNT', doc: 'without a terminal: print COUNT rows' },
    { name: 'duration', short: 'M', value: 'SECONDS', doc: 'stop after SECONDS' },
    { name: 'bindings', value: 'FILE', doc: 'names of addresses (NDJSON)' },
    { name: 'addresses', doc: 'show addresses instead of names' },
    readOption,
  ],
  doc: [
    'One row per process and remote address, with its name if known, connections, and bytes sent and received. The condition is a rule condition; only matching events are counted.',
    'On a terminal the table is redrawn every second. Keys: s sorts by the next column (1–5 by a given one), r reverses, / filters by text, n shows addresses, c clears, p pauses, q quits. Without a terminal, and for captures, the table is printed once at the end.',
  ],
  examples: [
    { command: 'sudo tiercel top', doc: 'this machine' },
    { command: "sudo tiercel top 'container.id != host'", doc: 'containers only' },
    { command: 'tiercel top capture.scap --sort connections', doc: 'of a capture' },
  ],
  exitCodes: ['it was shown', 'the condition is wrong, or events are not available'],
  run: async (args, terminal) => {
    const { condition, files } = splitOperands(args.operands, args.values('read'))
    const bindings = args.value('bindings')
    if (bindings !== undefined) requireReadableFile(bindings, 'bindings file')
    const world = await openView(terminal, bindings)
    const filter = condition === '' ? undefined : parseFilter(condition, world.names, terminal)
    const sort = (args.value('sort') ?? 'bytes') as SortKey
    if (!sortKeys.includes(sort)) throw new UsageError(`cannot sort by \`${sort}\``, `there is ${sortKeys.join(', ')}`)
    const lines = positiveOption(args.value('lines'), '--lines') ?? Number.POSITIVE_INFINITY
    const seconds = positiveOption(args.value('duration'), '--duration')
    const table = new TrafficTable()
    const sink = world.sink(current => {
      if (filter === undefined || filter.matches(current)) table.add(current)
      return true
    })
    const { signal, release } = stopSignal(terminal, seconds)
    const stop = new AbortController()
    const isLive = files.length === 0
    const isScreen = isLive && terminal.outIsTty && process.stdin.isTTY === true
    const view = { ...firstView, sort, showsAddresses: args.has('addresses') }
    const screen = isScreen ? new TopScreen(table, view, terminal, () => stop.abort()) : undefined
    const wanted = wantedEvents([], { ...OWN_BASE, all: true })
    const syscalls = new Set([...wanted.syscalls, ...TRAFFIC_CALLS])
    // Before events come there is nothing to draw, and what is said then shall be read.
    let begin = (): void => {
      if (screen !== undefined) screen.open()
      else if (isLive && terminal.errIsTty) terminal.err(`${watchingText(seconds)}\n`)
      begin = () => {}
    }
    try {
      const failed = await readEvents(
        {
          files,
          wanted: { ...wanted, syscalls, observesNames: true },
          snaplen: 80,
          signal: AbortSignal.any([signal, stop.signal]),
          betweenPieces: () => {
            begin()
            return undefined
          },
        },
        sink,
        terminal,
      )
      if (screen === undefined && !(failed && table.rows.length === 0)) {
        const columns = terminal.outIsTty ? terminal.columns : Number.MAX_SAFE_INTEGER
        const rows = arrangeRows(table.rows, view).slice(0, lines)
        terminal.out(`${renderTable(rows, view, columns, terminal.outColors).join('\n')}\n`)
        if (table.evicted > 0) terminal.err(`${table.evicted} rows were left out: there were too many\n`)
      }
      return failed ? 1 : 0
    } finally {
      screen?.close()
      release()
    }
  },
}
