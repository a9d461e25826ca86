/** A command that cannot go on, told in one line; `help` is what to do about it. */
export class CommandError extends Error {
  readonly help: string | undefined

  constructor(message: string, help?: string) {
    super(message)
    this.name = 'CommandError'
    this.help = help
  }
}

/** The command line itself is wrong. */
export class UsageError extends CommandError {}

/** This machine cannot be watched, or not by this user. */
export class LiveRefusal extends CommandError {}
