/** What ends a command that lasts: Ctrl-C and SIGTERM. */

/** `timeout` and `npm` pass a signal on that the whole group of processes has got already: what comes so soon is the same request. */
const SAME_REQUEST_MS = 500

/**
 * Calls `stop` at the first SIGINT or SIGTERM. Whoever asks again later does not want to wait, so that signal ends the process at once.
 * Gives what takes the handlers away.
 */
export function onStopSignals(stop: () => void): () => void {
  let askedMs: number | undefined
  const handle = (signal: NodeJS.Signals): void => {
    if (askedMs === undefined) {
      askedMs = performance.now()
      stop()
    } else if (performance.now() - askedMs >= SAME_REQUEST_MS) {
      release()
      process.kill(process.pid, signal)
    }
  }
  const release = (): void => {
    process.off('SIGINT', handle)
    process.off('SIGTERM', handle)
  }
  process.on('SIGINT', handle)
  process.on('SIGTERM', handle)
  return release
}
