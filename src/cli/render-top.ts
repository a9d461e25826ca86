import type { TrafficRow } from '../agent/traffic-table.ts'
import { renderIp } from '../values/ip.ts'
import { renderText } from '../values/text.ts'
import type { Colors } from './terminal.ts'

export type SortKey = 'bytes' | 'connections' | 'recent' | 'process' | 'remote'
export const sortKeys: readonly SortKey[] = ['bytes', 'connections', 'recent', 'process', 'remote']

/** How the table is looked at. */
export interface TopView {
  readonly sort: SortKey
  readonly isReversed: boolean
  /** Only rows with this text in process, name or address; '' for all. */
  readonly filter: string
  /** Addresses in place of names. */
  readonly showsAddresses: boolean
}

export const firstView: TopView = { sort: 'bytes', isReversed: false, filter: '', showsAddresses: false }

/** The rows that the view wants, in its order. */
export function arrangeRows(rows: readonly TrafficRow[], view: TopView): readonly TrafficRow[] {
  const wanted = view.filter.toLowerCase()
  const shown = wanted === '' ? [...rows] : rows.filter(row => searchText(row).includes(wanted))
  // Made once a row, not once a comparison: there may be twenty thousand.
  const remotes = view.sort === 'remote' ? new Map(shown.map(row => [row, remoteOf(row, false)])) : NO_REMOTES
  shown.sort((a, b) => compare(a, b, view.sort, remotes) || a.pid - b.pid || a.port - b.port)
  return view.isReversed ? shown.reverse() : shown
}

const NO_REMOTES: ReadonlyMap<TrafficRow, string> = new Map()

function searchText(row: TrafficRow): string {
  return `${renderText(row.process)} ${row.name} ${renderIp(row.ip)} ${row.port} ${row.pid} ${row.containerId}`.toLowerCase()
}

/** Counts: the greatest first; words: in order. */
function compare(a: TrafficRow, b: TrafficRow, key: SortKey, remotes: ReadonlyMap<TrafficRow, string>): number {
  switch (key) {
    case 'bytes':
      return b.bytesIn + b.bytesOut - (a.bytesIn + a.bytesOut)
    case 'connections':
      return b.connections - a.connections
    case 'recent':
      return a.lastTsNs === b.lastTsNs ? 0 : a.lastTsNs < b.lastTsNs ? 1 : -1
    case 'process':
      return a.process < b.process ? -1 : a.process > b.process ? 1 : 0
    case 'remote': {
      const [one, other] = [remotes.get(a) ?? '', remotes.get(b) ?? '']
      return one < other ? -1 : one > other ? 1 : 0
    }
    default:
      return key satisfies never
  }
}

function remoteOf(row: TrafficRow, showsAddresses: boolean): string {
  const host = hostOf(row, showsAddresses)
  return row.direction === 'out' ? `${host}:${row.port}` : host
}

function hostOf(row: TrafficRow, showsAddresses: boolean): string {
  if (row.name !== '' && !showsAddresses) return row.name.replace(CONTROL, '?')
  const address = renderIp(row.ip)
  return address.includes(':') ? `[${address}]` : address
}

/** The far end in at most `width` characters: of a name its end is kept, which says whose it is, of an address its beginning, and the port. */
function fitRemote(row: TrafficRow, showsAddresses: boolean, width: number): string {
  const arrow = row.direction === 'out' ? '→ ' : '← '
  const port = row.direction === 'out' ? `:${row.port}` : ` (:${row.port})`
  const host = hostOf(row, showsAddresses)
  const room = Math.max(2, width - arrow.length - port.length)
  if (host.length <= room) return `${arrow}${host}${port}`
  const isName = row.name !== '' && !showsAddresses
  return `${arrow}${isName ? `…${host.slice(1 - room)}` : `${host.slice(0, room - 1)}…`}${port}`
}

/** `1234567` → `1.2 M`. */
export function renderBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes}`
  const units = ['k', 'M', 'G', 'T', 'P']
  let value = bytes
  let unit = ''
  for (const next of units) {
    if (value < 999.5) break
    value /= 1000
    unit = next
  }
  return `${value.toFixed(value < 9.95 ? 1 : 0)} ${unit}`
}

/** How much of a name is left at least while there is another column to leave out. */
const READABLE_CHARS = 28
/** PROTO, RECEIVED, SENT, CONNS, CONTAINER. */
const FIRST_TO_GO = [4, 7, 6, 5, 2]

const CONTROL = /[\0-\x1f\x7f-\x9f]/g

/** A table of `rows`, cut to `columns`: heading and one line a row, without line ends. What is foreign cannot move the cursor. */
export function renderTable(
  rows: readonly TrafficRow[],
  view: TopView,
  columns: number,
  colors: Colors,
): readonly string[] {
  const cells = rows.map(row => [
    String(row.pid),
    renderText(row.process).replace(CONTROL, '?'),
    row.containerId,
    fitRemote(row, view.showsAddresses, Number.MAX_SAFE_INTEGER),
    row.protocol,
    String(row.connections),
    renderBytes(row.bytesOut),
    renderBytes(row.bytesIn),
  ])
  const heads = ['PID', 'PROCESS', 'CONTAINER', 'REMOTE', 'PROTO', 'CONNS', 'SENT', 'RECEIVED']
  const isRight = [true, false, false, false, false, true, true, true]
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map(line => line[i]!.length)))
  // The far end gives way first; a name of 200 letters is nobody's friend. Where too little of it is left, columns go as a whole.
  const shown = new Set(heads.keys())
  if (rows.every(row => row.containerId === '')) shown.delete(2)
  const roomForRemote = (): number => {
    let room = columns
    for (const i of shown) if (i !== 3) room -= widths[i]! + 2
    return room
  }
  for (const i of FIRST_TO_GO) {
    if (roomForRemote() >= Math.min(widths[3]!, READABLE_CHARS)) break
    shown.delete(i)
  }
  widths[3] = Math.max(12, Math.min(widths[3]!, roomForRemote()))
  for (const [i, row] of rows.entries()) cells[i]![3] = fitRemote(row, view.showsAddresses, widths[3])
  const layOut = (line: readonly string[]): string =>
    line
      .map((cell, i) => {
        const width = widths[i]!
        const cut = cell.length > width ? `${cell.slice(0, width - 1)}…` : cell
        return isRight[i] === true ? cut.padStart(width) : cut.padEnd(width)
      })
      .filter((_, i) => shown.has(i))
      .join('  ')
      .slice(0, columns)
      .trimEnd()
  return [colors.bold(layOut(heads)), ...cells.map(layOut)]
}

/** What is under way on the screen. */
export interface TopState {
  /** The filter being typed, if one is. */
  readonly typed: string | undefined
  readonly isPaused: boolean
  /** Rows that had to go. */
  readonly evicted: number
}

/** The line below the table, in at most `columns`: what is typed, or what the keys do and how the table is looked at. */
export function renderStatus(view: TopView, state: TopState, columns: number): string {
  const { typed, isPaused, evicted } = state
  if (typed !== undefined) {
    const shown = `filter: ${typed.slice(-Math.max(1, columns - 'filter: _'.length))}_`
    const note = '   (Enter: use it, Esc: leave it)'
    return (shown.length + note.length <= columns ? shown + note : shown).slice(0, columns)
  }
  const order = `${view.sort}${view.isReversed ? ' (r)' : ''}`
  const filter = view.filter === '' ? '' : `: ${view.filter}`
  const gone = evicted === 0 ? '' : `   ${evicted} rows left out`
  const whole = `s sort: ${order}   / filter${filter}   n names   c clear   p ${isPaused ? 'go on' : 'pause'}   q quit${gone}`
  if (whole.length <= columns) return whole
  return `q quit  ${isPaused ? 'p GO ON' : 'p c n'}  s ${order}  /${view.filter}${gone}`.slice(0, columns)
}

/** What a key does to the view; undefined: nothing. `typing` is the filter being typed, if one is. */
export function pressKey(key: string, view: TopView): TopView | undefined {
  switch (key) {
    case 's':
      return { ...view, sort: sortKeys[(sortKeys.indexOf(view.sort) + 1) % sortKeys.length]! }
    case 'r':
      return { ...view, isReversed: !view.isReversed }
    case 'n':
      return { ...view, showsAddresses: !view.showsAddresses }
    default: {
      const number = Number(key)
      const sort = Number.isInteger(number) ? sortKeys[number - 1] : undefined
      return sort === undefined ? undefined : { ...view, sort }
    }
  }
}
