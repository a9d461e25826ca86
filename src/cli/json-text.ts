/** JSON of `value`. Bytes of rule files that are no text are lone surrogates; they come out as U+FFFD, as in Falco. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? part.toWellFormed() : part))
}
