/** Signal names by number from 1 on (signal.h on x86 and arm). */
const NAMES: readonly string[] = (
  'SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT ' +
  'SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS'
).split(' ')

/** The name of a signal; `''` for real-time signals and what is none. */
export function signalName(signal: number): string {
  return NAMES[signal - 1] ?? ''
}
