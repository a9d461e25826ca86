import type { Env } from './config-node.ts'

/** More replacements in one value than anybody needs: a variable that holds a reference to itself. */
const MOST_REPLACEMENTS = 100

/**
 * Replaces `${NAME}` by the variable's value, by nothing where it is not set. What comes in may itself hold references, which are replaced
 * too. `$${` stands for `${`. As in Falco, a `$` before anything else ends the search: what follows it is left alone.
 * Undefined if the replacing does not come to an end.
 */
export function expandEnv(text: string, env: Env): string | undefined {
  let value = text
  let replaced = 0
  let at = value.indexOf('$')
  while (at !== -1) {
    const end = value.indexOf('}', at)
    if (value.startsWith('${', at) && end !== -1) {
      if (++replaced > MOST_REPLACEMENTS) return undefined
      const name = value.slice(at + 2, end)
      const replacement = Object.hasOwn(env, name) ? (env[name] ?? '') : ''
      value = value.slice(0, at) + replacement + value.slice(end + 1)
    } else if (value.startsWith('$${', at) && end !== -1) {
      value = value.slice(0, at) + value.slice(at + 1)
      at++
    } else {
      return value
    }
    at = value.indexOf('$', at)
  }
  return value
}
