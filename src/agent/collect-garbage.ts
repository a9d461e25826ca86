import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Collects this thread's garbage now, which takes some tens of milliseconds: after loading rules, of which tens of megabytes are left over
 * that an agent with nothing to do would keep for hours.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (() => void) | undefined
  setFlagsFromString('--no-expose-gc')
  collect?.()
}
