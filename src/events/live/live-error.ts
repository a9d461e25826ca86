/** Why the live source cannot be opened: what is missing, not a fault of anybody's input. */
export type LiveErrorCode =
  | 'not-linux'
  | 'no-addon'
  | 'old-kernel'
  | 'no-btf'
  | 'no-permission'
  | 'load-failed'
  | 'attach-failed'
  | 'bad-option'

/** A refusal by the machine. `message` is one line for people; `code` is stable; `cause` is what the system said. */
export class LiveError extends Error {
  readonly code: LiveErrorCode

  constructor(code: LiveErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'LiveError'
    this.code = code
  }
}
