/** A number with its noun: `1 alert`, `17 alerts`. `plural` is for nouns that take more than an s. */
export function counted(count: number, noun: string, plural: string = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}
