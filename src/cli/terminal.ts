import picocolors from 'picocolors'

export type Colors = ReturnType<typeof picocolors.createColors>

/** Where a command writes: results to `out`, everything else to `err`. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** Resolves when all of it is written, or the reader has gone. */
  flush(): Promise<void>
  readonly outIsTty: boolean
  readonly errIsTty: boolean
  /** Columns of standard error's terminal; 80 where it is none. */
  readonly columns: number
  readonly outColors: Colors
  readonly errColors: Colors
  /** Aborted when the reader of standard output has gone (`| head`). */
  readonly outClosed: AbortSignal
}

/** NO_COLOR and FORCE_COLOR win over what the stream is. */
function wantsColors(isTty: boolean): boolean {
  if ((process.env['NO_COLOR'] ?? '') !== '') return false
  const force = process.env['FORCE_COLOR']
  if (force !== undefined) return force !== '0' && force !== 'false'
  return isTty && process.env['TERM'] !== 'dumb'
}

/** The process's own standard streams. */
export function openTerminal(): Terminal {
  const { stdout, stderr } = process
  const closed = new AbortController()
  // Whoever reads has enough (`| head`): that is no failure. Anything else that stops output is.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      stderr.write(`tiercel: cannot write to standard output: ${error.message}\n`)
      process.exitCode = 1
    }
    closed.abort()
  })
  stderr.on('error', () => {})
  return {
    out: text => {
      if (!closed.signal.aborted) stdout.write(text)
    },
    err: text => {
      stderr.write(text)
    },
    flush: () =>
      new Promise(resolve => {
        if (closed.signal.aborted || stdout.writableLength === 0) resolve()
        else {
          closed.signal.addEventListener('abort', () => resolve())
          stdout.write('', () => resolve())
        }
      }),
    outIsTty: stdout.isTTY === true,
    errIsTty: stderr.isTTY === true,
    columns: stderr.columns ?? 80,
    outColors: picocolors.createColors(wantsColors(stdout.isTTY === true)),
    errColors: picocolors.createColors(wantsColors(stderr.isTTY === true)),
    outClosed: closed.signal,
  }
}
