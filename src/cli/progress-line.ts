import type { Terminal } from './terminal.ts'

const BAR_CELLS = 24
/** The line is drawn again at most this often. */
const REDRAW_MS = 100
const CLEAR_LINE = '\r\u001b[2K'

export interface ProgressLine {
  /** Draws how far it is: `done` of `total`, and what to say beside it. */
  update(done: number, total: number, note: string): void
  /** The same without a bar, where nobody knows how far it will be. */
  note(text: string): void
  /** Takes the line away, so that something else can be printed; the next update draws it again. */
  clear(): void
}

/** A line on standard error that shows how far a command is, on a terminal; elsewhere nothing is printed. */
export function openProgressLine(terminal: Terminal, label: string): ProgressLine {
  if (!terminal.errIsTty) return { update: () => {}, note: () => {}, clear: () => {} }
  let drawnAt = Number.NEGATIVE_INFINITY
  let isDrawn = false
  const isDue = (): boolean => {
    const time = performance.now()
    if (time - drawnAt < REDRAW_MS) return false
    drawnAt = time
    return true
  }
  return {
    update: (done, total, note) => {
      if (!isDue()) return
      const share = total === 0 ? 1 : Math.min(1, done / total)
      const full = Math.round(share * BAR_CELLS)
      const bar = '█'.repeat(full) + terminal.errColors.dim('░'.repeat(BAR_CELLS - full))
      const percent = `${Math.floor(share * 100)} %`.padStart(5)
      const text = `${label}  ${note}`
      const room = Math.max(0, terminal.columns - BAR_CELLS - percent.length - 4)
      isDrawn = true
      terminal.err(`${CLEAR_LINE}${bar} ${percent}  ${text.slice(0, room)}`)
    },
    note: text => {
      if (!isDue()) return
      isDrawn = true
      terminal.err(CLEAR_LINE + `${label}  ${text}`.slice(0, Math.max(0, terminal.columns - 1)))
    },
    clear: () => {
      if (isDrawn) terminal.err(CLEAR_LINE)
      isDrawn = false
    },
  }
}

/** `1 234 567` as `1.2 M`, for progress and summaries. */
export function shortCount(count: number): string {
  if (count < 10_000) return String(count)
  if (count < 1_000_000) return `${(count / 1000).toFixed(0)} k`
  return `${(count / 1_000_000).toFixed(1)} M`
}

/** `1234` as `1234 B`, `12345` as `12 kB`. */
export function shortBytes(bytes: number): string {
  const text = shortCount(bytes)
  return text.includes(' ') ? `${text}B` : `${text} B`
}
